//! Lessons: a cluster and steps with captions and commands, written in YAML (`docs/lessons.md`, `docs/lesson.schema.json`).
//!
//! A lesson says what is to be run and said; what happens then is simulated.

pub mod show;

use crate::api::decode::{Document, Place, documents, locate};
use crate::core::Duration;
use crate::value::Value;
use show::Show;

/// A text in several languages: (language, text), or one for all under the language "".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(Vec<(String, String)>);

impl Texts {
    /// The text in a language, else in English, else the first there is.
    pub fn get(&self, lang: &str) -> &str {
        let of = |lang: &str| self.0.iter().find(|(have, _)| have == lang);
        of(lang).or_else(|| of("en")).or(self.0.first()).map_or("", |(_, text)| text)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The languages.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(lang, _)| lang.as_str())
    }
}

/// A lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// Its heading.
    pub title: Texts,
    /// What it is about, in a sentence.
    pub summary: Texts,
    /// The configuration that `kind create cluster` gets; empty: one control-plane node and two workers.
    pub cluster: String,
    /// Its steps; at least one.
    pub steps: Vec<LessonStep>,
}

/// A step of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonStep {
    /// What the audience reads.
    pub caption: Texts,
    /// What the speaker says.
    pub say: Texts,
    /// A question to the audience before it happens.
    pub predict: Texts,
    /// Command lines.
    pub run: Vec<String>,
    /// The step ends when its commands have ended and the cluster is quiet, or this long after its beginning.
    pub wait: Option<Duration>,
    /// Whether heartbeats and other periodic work are shown.
    pub heartbeats: bool,
    /// What is selected, as `pod/NAMESPACE/NAME`, `node/NAME` or `part/MACHINE/COMPONENT`.
    pub focus: Option<String>,
    /// How the page looks meanwhile.
    pub show: Show,
}

/// Why a text is no lesson.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", place.line, place.column)]
pub struct LessonError {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
}

/// The fields of a lesson, and of a step; `docs/lesson.schema.json` has the same.
const FIELDS: [&str; 4] = ["title", "summary", "cluster", "steps"];
const STEP_FIELDS: [&str; 8] = ["caption", "say", "predict", "run", "wait", "heartbeats", "focus", "show"];
/// More steps than this are no lesson.
const STEPS_MAX: usize = 200;
/// Longer texts are no captions.
const TEXT_MAX: usize = 2_000;

struct Reader<'a> {
    document: &'a Document<'a>,
    languages: Vec<String>,
}

impl Reader<'_> {
    fn error<T>(&self, path: &str, message: impl Into<String>) -> Result<T, LessonError> {
        Err(LessonError { place: locate(self.document, path), message: message.into() })
    }

    fn only(&self, path: &str, value: &Value, fields: &[&str]) -> Result<(), LessonError> {
        if !matches!(value, Value::Map(_)) {
            return self.error(path, format!("{} must be a mapping", name(path)));
        }
        for (key, _) in value.entries() {
            if !fields.contains(&key.as_str()) {
                let full = join(path, key);
                return self.error(&full, format!("unknown field {full:?}; known are {}", fields.join(", ")));
            }
        }
        Ok(())
    }

    fn texts(&self, path: &str, value: &Value, required: bool) -> Result<Texts, LessonError> {
        let texts = match value {
            Value::Null if required => return self.error(path, format!("{path} is missing")),
            Value::Null => return Ok(Texts::default()),
            Value::Str(_) => vec![(String::new(), value.str().trim().to_string())],
            Value::Map(_) => {
                for (lang, text) in value.entries() {
                    if !matches!(text, Value::Str(_)) {
                        return self.error(&join(path, lang), format!("{path}.{lang} must be a text"));
                    }
                }
                if let Some(lang) = self.languages.iter().find(|lang| value[lang.as_str()].is_null()) {
                    return self.error(path, format!("{path} has no text in the language {lang:?}, which the title has"));
                }
                value.entries().iter().map(|(lang, text)| (lang.to_string(), text.str().trim().to_string())).collect()
            }
            _ => return self.error(path, format!("{path} must be a text, or a mapping of languages to texts")),
        };
        if let Some((lang, _)) = texts.iter().find(|(_, text)| text.is_empty()) {
            let path = if lang.is_empty() { path.to_string() } else { join(path, lang) };
            return self.error(&path, format!("{path} is empty"));
        }
        if texts.is_empty() {
            return self.error(path, format!("{path} has no text in any language"));
        }
        if texts.iter().any(|(_, text)| text.chars().count() > TEXT_MAX) {
            return self.error(path, format!("{path} is longer than {TEXT_MAX} characters"));
        }
        Ok(Texts(texts))
    }

    fn step(&self, path: &str, step: &Value) -> Result<LessonStep, LessonError> {
        self.only(path, step, &STEP_FIELDS)?;
        let run = match &step["run"] {
            Value::Null => Vec::new(),
            Value::Str(line) => vec![line.to_string()],
            Value::List(_) => {
                let lines = step["run"].items();
                if let Some(at) = lines.iter().position(|line| !matches!(line, Value::Str(_))) {
                    return self.error(&format!("{path}.run[{at}]"), "a command must be a text");
                }
                lines.iter().map(|line| line.str().to_string()).collect()
            }
            _ => return self.error(&join(path, "run"), "run must be a command or a list of commands"),
        };
        for (at, line) in run.iter().enumerate() {
            if let Err(error) = crate::shell::parse::parse(line) {
                return self.error(&format!("{path}.run[{at}]"), format!("{line:?} cannot be run: {error}"));
            }
        }
        let wait = match &step["wait"] {
            Value::Null => None,
            wait => match seconds(wait.str()) {
                Some(wait @ 1..=3_600) => Some(Duration::s(wait)),
                _ => return self.error(&join(path, "wait"), "wait must be a duration up to an hour, such as 40s"),
            },
        };
        let heartbeats = match &step["heartbeats"] {
            Value::Null => false,
            Value::Bool(shown) => *shown,
            _ => return self.error(&join(path, "heartbeats"), "heartbeats must be true or false"),
        };
        let focus = match &step["focus"] {
            Value::Null => None,
            Value::Str(focus) if is_focus(focus) => Some(focus.to_string()),
            _ => {
                return self.error(&join(path, "focus"), "focus must be node/NAME, pod/NAMESPACE/NAME or part/MACHINE/COMPONENT");
            }
        };
        Ok(LessonStep {
            caption: self.texts(&join(path, "caption"), &step["caption"], true)?,
            say: self.texts(&join(path, "say"), &step["say"], false)?,
            predict: self.texts(&join(path, "predict"), &step["predict"], false)?,
            run,
            wait,
            heartbeats,
            focus,
            show: self.show(&join(path, "show"), &step["show"])?,
        })
    }
}

/// Whether a text names something that can be selected.
fn is_focus(text: &str) -> bool {
    let mut parts = text.split('/');
    let names = match parts.next() {
        Some("node") => 1,
        Some("pod" | "part") => 2,
        _ => return false,
    };
    let rest: Vec<&str> = parts.collect();
    rest.len() == names && rest.iter().all(|name| !name.is_empty())
}

/// `40s` or `2m` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let number = |unit| text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    number('s').or_else(|| number('m').map(|minutes| minutes.saturating_mul(60)))
}

fn name(path: &str) -> &str {
    if path.is_empty() { "a lesson" } else { path }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_string() } else { format!("{path}.{field}") }
}

impl Lesson {
    /// Reads a lesson.
    pub fn parse(text: &str) -> Result<Self, LessonError> {
        let documents = documents(text).map_err(|error| LessonError {
            place: Place::of_error(&error, text).unwrap_or(Place { line: 1, column: 1 }),
            message: error.to_string(),
        })?;
        let [document] = &*documents else {
            let place = Place { line: documents.get(1).map_or(1, |second| second.first_line + 1), column: 1 };
            return Err(LessonError { place, message: format!("a lesson is one YAML document, these are {}", documents.len()) });
        };
        let value = &document.value;
        let mut reader = Reader { document, languages: Vec::new() };
        reader.only("", value, &FIELDS)?;
        let title = reader.texts("title", &value["title"], true)?;
        reader.languages = title.languages().filter(|lang| !lang.is_empty()).map(ToString::to_string).collect();
        let summary = reader.texts("summary", &value["summary"], false)?;
        let cluster = match &value["cluster"] {
            Value::Null => String::new(),
            Value::Str(config) => config.to_string(),
            _ => return reader.error("cluster", "cluster must be the text of a kind configuration (`cluster: |`)"),
        };
        let Value::List(_) = &value["steps"] else { return reader.error("steps", "steps must be a list") };
        let items = value["steps"].items();
        if items.is_empty() || items.len() > STEPS_MAX {
            return reader.error("steps", format!("a lesson has 1 to {STEPS_MAX} steps"));
        }
        let steps = items.iter().enumerate().map(|(at, step)| reader.step(&format!("steps[{at}]"), step));
        Ok(Self { title, summary, cluster, steps: steps.collect::<Result<_, _>>()? })
    }

    /// Whether a text is meant as a lesson, well written or not.
    pub fn is_meant(text: &str) -> bool {
        let begins = |field: &str| text.lines().any(|line| line.starts_with(field));
        begins("steps:") && begins("title:") && !begins("apiVersion:")
    }

    /// The command lines that bring its cluster about.
    pub fn create_cluster(&self) -> String {
        let config = if self.cluster.trim().is_empty() { DEFAULT_CLUSTER } else { &self.cluster };
        crate::kind::topology::create_cluster(config)
    }
}

const DEFAULT_CLUSTER: &str =
    "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n- role: worker\n- role: worker";

/// A lesson that the program brings along: its id and its text.
pub const BUILT_IN: [(&str, &str); 8] = [
    ("nodes", include_str!("../../lessons/nodes.yaml")),
    ("workers", include_str!("../../lessons/workers.yaml")),
    ("control-plane", include_str!("../../lessons/control-plane.yaml")),
    ("controllers", include_str!("../../lessons/controllers.yaml")),
    ("communication", include_str!("../../lessons/communication.yaml")),
    ("scheduling", include_str!("../../lessons/scheduling.yaml")),
    ("scaling", include_str!("../../lessons/scaling.yaml")),
    ("failures", include_str!("../../lessons/failures.yaml")),
];

/// The built-in lesson of this id.
pub fn built_in(id: &str) -> Option<Lesson> {
    let (_, text) = BUILT_IN.iter().find(|(have, _)| *have == id)?;
    Some(Lesson::parse(text).expect("built-in lessons are tested"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;

    fn error(text: &str) -> String {
        Lesson::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn errors_say_what_and_where() {
        assert!(error("title: [").contains("did not find expected node content"), "{}", error("title: ["));
        assert_eq!(error("title: A\nsteps: []"), "line 2, column 1: a lesson has 1 to 200 steps");
        assert_eq!(
            error("title: A\nstep: []"),
            "line 2, column 1: unknown field \"step\"; known are title, summary, cluster, steps"
        );
        assert_eq!(
            error("title: A\nsteps:\n- caption: B\n- caption: C\n  runs: ls"),
            "line 5, column 3: unknown field \"steps[1].runs\"; known are caption, say, predict, run, wait, heartbeats, focus, show"
        );
        assert_eq!(
            error("title: {en: A, de: A}\nsteps:\n- caption: {en: B}"),
            "line 3, column 3: steps[0].caption has no text in the language \"de\", which the title has"
        );
        assert!(error("title: A\nsteps:\n- caption: B\n  run: [\"echo 'open\"]").contains("cannot be run"));
        assert!(error("title: A\nsteps:\n- caption: B\n  wait: long").contains("wait must be a duration"));
        let focus = "line 4, column 3: focus must be node/NAME, pod/NAMESPACE/NAME or part/MACHINE/COMPONENT";
        for bad in ["nod/kind-worker", "5", "node/", "node/a/b", "pod/a", "[node/a]"] {
            assert_eq!(error(&format!("title: A\nsteps:\n- caption: B\n  focus: {bad}")), focus, "{bad}");
        }
        for good in ["node/kind-worker", "pod/default/web", "part/kind-worker/kubelet"] {
            let lesson = Lesson::parse(&format!("title: A\nsteps:\n- caption: B\n  focus: {good}")).expect(good);
            assert_eq!(lesson.steps[0].focus.as_deref(), Some(good));
        }
        assert_eq!(error("title: A\nsteps:\n- caption: ''"), "line 3, column 3: steps[0].caption is empty");
        assert_eq!(error("title: A\nsteps:\n- caption: {en: ' '}"), "line 3, column 13: steps[0].caption.en is empty");
        assert_eq!(error("title: {}\nsteps: []"), "line 1, column 1: title has no text in any language");
    }

    #[test]
    fn the_schema_for_editors_has_the_same_fields() {
        let schema = crate::api::decode::parse_json(include_str!("../../docs/lesson.schema.json")).unwrap();
        let sorted = |fields: &[&str]| {
            let mut fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
            fields.sort_unstable();
            fields
        };
        let keys = |value: &Value| sorted(&value["properties"].entries().iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>());
        assert_eq!(keys(&schema), sorted(&FIELDS));
        let step = &schema["properties"]["steps"]["items"];
        assert_eq!(keys(step), sorted(&STEP_FIELDS));
        let shown = &step["properties"]["show"];
        assert_eq!(keys(shown), sorted(&show::FIELDS));
        for (field, words) in show::CHOICES {
            let property = &shown["properties"][field];
            let choice = if property["$ref"].is_null() { property } else { &schema["$defs"][field]["oneOf"].items()[0] };
            let have: Vec<&str> = choice["enum"].items().iter().map(Value::str).collect();
            assert_eq!(have, words, "{field}");
        }
    }

    #[test]
    fn decks_know_titles_and_how_many_steps_there_are() {
        let line = |(id, _): &(&str, &str)| {
            let lesson = built_in(id).expect("well written");
            let title = |lang| lesson.title.get(lang);
            let titles = format!("{{ \"en\": \"{}\", \"de\": \"{}\" }}", title("en"), title("de"));
            format!("  \"{id}\": {{ \"steps\": {}, \"title\": {titles} }}", lesson.steps.len())
        };
        let lines: Vec<String> = BUILT_IN.iter().map(line).collect();
        let expected = format!("{{\n{}\n}}\n", lines.join(",\n"));
        assert_eq!(include_str!("../../embed/lessons.json"), expected, "embed/lessons.json");
    }

    #[test]
    fn built_in_lessons_are_complete_and_run() {
        for (id, text) in BUILT_IN {
            let lesson = Lesson::parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
            let mut session = Session::new(1);
            let mut run = |line: &str| {
                let command = session.run(line);
                let result = session.finish(command, Duration::s(3_600));
                assert!(result.code.is_some(), "{id}: {line} does not end");
                session.settle(Duration::s(600));
                result
            };
            assert_eq!(run(&lesson.create_cluster()).code, Some(0), "{id}");
            for (at, step) in lesson.steps.iter().enumerate() {
                for lang in ["en", "de"] {
                    let words = step.caption.get(lang).split_whitespace().count();
                    assert!((1..=25).contains(&words), "{id}, step {}: {words} words in {lang}", at + 1);
                }
                assert_eq!(step.caption.languages().count(), 2, "{id}, step {}", at + 1);
                if !step.run.is_empty() {
                    let result = run(&step.run.join("\n"));
                    assert_eq!(result.code, Some(0), "{id}, step {}: {:?}\n{}{}", at + 1, step.run, result.stdout, result.stderr);
                }
            }
        }
    }
}

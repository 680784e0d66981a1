//! A session as a text, for links and files: a line of JSON that says what follows, then what the user did, an entry a line. A text that was
//! cut off or damaged is good up to where it is.

use orrery_sim::core::{Time, fnv1a};
use orrery_sim::session::{Entry, Recording, Session};
use serde::{Deserialize, Serialize};

use super::jobs::Job;
use super::lesson::{Given, SavedLesson};
use super::{Notice, State};

/// The version of the text that is written; older ones are read.
const VERSION: u32 = 1;
/// No text is longer, in bytes.
const LONGEST: usize = 2_000_000;
/// No recording has more entries.
const MOST_ENTRIES: usize = 5_000;
/// A step of a lesson that begins so long after the last command, in simulated microseconds, is none.
pub(super) const LONGEST_STEP_US: u64 = 3_600_000_000;
/// No entry is later than this, in simulated microseconds: a day.
const LATEST_US: u64 = 86_400_000_000;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The version of the text.
    orrery: u32,
    seed: u64,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    files: std::collections::BTreeMap<String, String>,
    /// The playhead, in simulated microseconds.
    at: u64,
    /// Where the scrubber begins.
    #[serde(default)]
    origin: u64,
    /// The lesson that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lesson: Option<SavedLesson>,
    /// How many entries follow.
    entries: usize,
    /// FNV-1a over the lines that follow.
    sum: String,
}

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    recording: Recording,
    at: u64,
    origin: u64,
    lesson: Option<SavedLesson>,
}

/// Why a text cannot be opened as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing of it can be used: why.
    All(String),
    /// It is good up to an entry: so much, how many entries of how many that are.
    Rest(Box<Saved>, usize, usize),
}

fn sum(lines: &str) -> String {
    format!("{:016x}", fnv1a(lines))
}

impl Saved {
    /// The session as it is shown now.
    pub fn of(state: &State) -> Self {
        Self {
            recording: state.session.recording().clone(),
            at: state.player.time().0,
            origin: state.origin.0,
            lesson: state.lesson.as_ref().map(Given::saved),
        }
    }

    /// As a text.
    pub fn text(self) -> String {
        let Recording { seed, files, entries } = self.recording;
        // What is made of numbers and texts always becomes JSON.
        let lines: String =
            entries.iter().filter_map(|entry| serde_json::to_string(entry).ok()).map(|line| line + "\n").collect();
        let (at, origin, lesson) = (self.at, self.origin, self.lesson);
        let head = Head { orrery: VERSION, seed, files, at, origin, lesson, entries: entries.len(), sum: sum(&lines) };
        serde_json::to_string(&head).unwrap_or_default() + "\n" + &lines
    }

    /// From a text.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let all = |why: String| Unreadable::All(why);
        if text.len() > LONGEST {
            return Err(all(format!("{} bytes; at most {LONGEST} are read", text.len())));
        }
        let (head, lines) = text.split_once('\n').unwrap_or((text, ""));
        let head: Head = serde_json::from_str(head).map_err(|error| all(format!("line 1: {error}")))?;
        if head.orrery > VERSION {
            return Err(all(format!("version {}; this page reads up to {VERSION}", head.orrery)));
        }
        let mut entries: Vec<(u64, Entry)> = Vec::new();
        for line in lines.lines().take(MOST_ENTRIES) {
            let Ok((at, entry)) = serde_json::from_str::<(u64, Entry)>(line) else { break };
            let refers = if let Entry::Interrupt(command) = &entry { (*command as usize) < entries.len() } else { true };
            if at > LATEST_US || entries.last().is_some_and(|(before, _)| *before > at) || !refers {
                break;
            }
            entries.push((at, entry));
        }
        let (read, all_good) = (entries.len(), entries.len() == head.entries && sum(lines) == head.sum);
        let last = entries.last().map_or(0, |(at, _)| *at);
        let recording = Recording { seed: head.seed, files: head.files, entries };
        let mut saved = Self { recording, at: head.at.min(LATEST_US), origin: head.origin.min(head.at), lesson: head.lesson };
        if all_good {
            return Ok(saved);
        }
        saved.at = last;
        saved.origin = saved.origin.min(last);
        Err(Unreadable::Rest(Box::new(saved), read, head.entries))
    }
}

impl State {
    /// Whether a text is meant as a saved session.
    pub(super) fn is_saved(text: &str) -> bool {
        text.trim_start().starts_with("{\"orrery\":")
    }

    /// Opens a saved session, or says why not.
    pub(super) fn open_saved(&mut self, text: &str) {
        match Saved::parse(text) {
            Ok(saved) => self.show_saved(saved),
            Err(unreadable) => {
                self.began &= self.ready;
                self.notice = Some(Notice::Unreadable(unreadable));
                self.show_something();
            }
        }
    }

    /// A page that was opened for something that cannot be opened has nothing else to show.
    pub(super) fn show_something(&mut self) {
        if !self.ready && self.jobs.is_empty() {
            self.session.run(super::FIRST_COMMANDS);
            self.jobs.push(Job::Boot);
        }
    }

    /// Shows a session from its text.
    pub(super) fn show_saved(&mut self, saved: Saved) {
        let lesson = saved.lesson.and_then(|lesson| Given::resumed(lesson, &saved.recording));
        self.take_over(Session::of(saved.recording));
        self.lesson = lesson;
        self.jobs = vec![Job::Open { at: Time(saved.at), origin: Time(saved.origin) }];
    }

    /// Opens what is good of a damaged text.
    pub(super) fn open_rest(&mut self) {
        if let Some(Notice::Unreadable(Unreadable::Rest(saved, _, _))) = self.notice.take() {
            self.show_saved(*saved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{arrive, play, pod_count, ready, start};
    use super::super::{AppAction, Start};
    use super::*;

    fn run(state: &mut State, line: &str) {
        state.update(AppAction::Do(Job::Run { line: line.into(), reply: 1 }));
        state.update(AppAction::Do(Job::Settle { limit: None, reply: 2 }));
        arrive(state);
    }

    /// A page that was opened by a link.
    fn opened(text: &str) -> State {
        let mut state = State::new(&Start { waits: true, ..start() });
        state.update(AppAction::OpenSaved(text.into()));
        arrive(&mut state);
        state
    }

    #[test]
    fn a_saved_session_opens_at_the_same_moment_with_the_same_trace() {
        let mut state = ready();
        run(&mut state, "kubectl create deployment web --image=nginx --replicas=2");
        run(&mut state, "kubectl scale deployment web --replicas=1");
        state.update(AppAction::Pause);
        state.update(AppAction::Seek(state.player.t - 2e6));
        arrive(&mut state);
        let text = Saved::of(&state).text();
        let other = opened(&text);
        assert_eq!((other.player.time(), other.origin), (state.player.time(), state.origin));
        assert_eq!(other.session.recording(), state.session.recording());
        assert_eq!(pod_count(&other), pod_count(&state));
        let ends =
            |state: &State| state.session.trace().envelopes()[..200].iter().map(|envelope| envelope.due_at).collect::<Vec<_>>();
        assert_eq!(ends(&other), ends(&state));
        assert_eq!(other.svg(), state.svg());
    }

    #[test]
    fn a_lesson_comes_back_with_its_steps() {
        for lesson in [Some(("controllers".to_string(), 1)), None] {
            let own = lesson.is_none();
            let mut state = State::new(&Start { lesson, ..start() });
            arrive(&mut state);
            if own {
                let text =
                    "title: Mine\nsteps:\n- caption: One\n- caption: Two\n  run: kubectl create deployment web --image=nginx\n";
                state.update(AppAction::DropFile("mine.yaml".into(), text.into()));
                arrive(&mut state);
                state.update(AppAction::LessonStep(1));
                arrive(&mut state);
            }
            let mut other = opened(&Saved::of(&state).text());
            let step = |state: &State| state.lesson.as_ref().map(|given| (given.id.clone(), given.step));
            assert_eq!(step(&other), step(&state));
            for by in [-1, 1] {
                state.update(AppAction::LessonStep(by));
                other.update(AppAction::LessonStep(by));
                assert!((arrive(&mut state) - arrive(&mut other)).abs() < f64::EPSILON);
            }
        }
    }

    #[test]
    fn a_damaged_text_is_told_and_good_up_to_where_it_is() {
        let mut state = ready();
        run(&mut state, "kubectl create deployment web --image=nginx");
        run(&mut state, "kubectl delete deployment web");
        let text = Saved::of(&state).text();
        // Wherever it is cut off, nothing worse happens than a notice.
        for cut in (0..text.len()).step_by(7) {
            match Saved::parse(&text[..cut]) {
                Err(Unreadable::Rest(_, read, all)) => assert!(read < all || cut + 1 >= text.len(), "{cut}"),
                Err(Unreadable::All(_)) => assert!(cut <= text.find('\n').expect("lines"), "{cut}"),
                Ok(_) => panic!("{cut} of {} bytes are not all", text.len()),
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        let mut page = opened(&format!("{}\n{}\n", lines[0], lines[1..3].join("\n")));
        assert!(matches!(&page.notice, Some(Notice::Unreadable(Unreadable::Rest(_, 2, _)))), "{:?}", page.notice);
        assert!(page.ready, "there is something to look at all the same");
        page.update(AppAction::OpenRest);
        arrive(&mut page);
        play(&mut page, 0.1);
        assert_eq!(page.session.recording().entries.len(), 2);
        assert!(page.notice.is_none());
    }

    #[test]
    fn steps_that_never_were_are_not_gone_to() {
        let mut state = State::new(&Start { lesson: Some(("nodes".into(), 1)), ..start() });
        arrive(&mut state);
        let text = Saved::of(&state).text();
        let begin = text.find("\"marks\":[").expect("it has marks") + 9;
        let end = begin + text[begin..].find(']').expect("closed");
        for marks in ["0,18446744073709551615".to_string(), "5000000,4".to_string(), "1,".repeat(1_000) + "1"] {
            let mut other = opened(&format!("{}{marks}{}", &text[..=begin], &text[end..]));
            for _ in 0..2 {
                other.update(AppAction::LessonStep(1));
                let t = arrive(&mut other);
                assert!(t < 60e6, "{t}");
            }
        }
    }

    #[test]
    fn what_could_do_harm_is_refused() {
        let refused = |text: &str, why: &str| match Saved::parse(text) {
            Err(Unreadable::All(said)) => assert!(said.contains(why), "{said}"),
            other => panic!("{other:?}"),
        };
        refused("<script>", "line 1");
        refused(&"x".repeat(LONGEST + 1), "bytes");
        refused(r#"{"orrery":2,"seed":1,"at":0,"entries":0,"sum":""}"#, "version 2");
        let head = |entries: &str| format!("{}\n{entries}\n", r#"{"orrery":1,"seed":1,"at":0,"entries":2,"sum":""}"#);
        for wrong in [
            "[5,{\"run\":\"true\"}]\n[4,{\"run\":\"true\"}]",
            "[5,{\"run\":\"true\"}]\n[99999999999999,{\"run\":\"true\"}]",
            "[5,{\"run\":\"true\"}]\n[6,{\"interrupt\":7}]",
            "[5,{\"run\":\"true\"}]\n[6,{\"harm\":7}]",
        ] {
            assert!(matches!(Saved::parse(&head(wrong)), Err(Unreadable::Rest(_, 1, 2))), "{wrong}");
        }
    }
}

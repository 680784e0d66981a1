//! What a step of a lesson shows of everything there is: words of the page, which this package only checks.

use super::{LessonError, Reader, is_focus, join};
use crate::value::Value;

/// How the page looks while a step is shown; what is `None` stays as the user has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Show {
    /// Level of detail of the stage.
    pub detail: Option<&'static str>,
    /// What the boxes of pods are.
    pub view: Option<&'static str>,
    /// What colours mean.
    pub colours: Option<&'static str>,
    /// Whether pods of the cluster itself are shown.
    pub system: Option<bool>,
    /// Only messages of these kinds.
    pub messages: Option<Vec<&'static str>>,
    /// Only messages of these components.
    pub of: Option<Vec<&'static str>>,
    /// Only messages about objects of this namespace, and those that are about none.
    pub namespace: Option<String>,
    /// What the camera follows, written as a focus.
    pub camera: Option<String>,
    /// The tab of the dock, or `closed`.
    pub dock: Option<&'static str>,
    /// The tab of the inspector, or `closed`.
    pub panel: Option<&'static str>,
}

/// The fields that are chosen from words, and the words.
pub const CHOICES: [(&str, &[&str]); 7] = [
    ("detail", &["full", "medium", "brief", "cells"]),
    ("view", &["node", "owner", "namespace", "zone"]),
    ("colours", &["state", "cpu", "memory", "owner", "zone"]),
    (
        "messages",
        &["request", "response", "watch", "etcd", "etcd-reply", "kubelet-call", "cri", "pull", "machine", "retry", "failure"],
    ),
    ("of", &["user", "etcd", "scheduler", "controllers", "kubelet", "kube-proxy", "other"]),
    ("dock", &["closed", "terminal", "messages", "sequence", "events", "charts"]),
    ("panel", &["closed", "summary", "decision", "yaml", "events", "messages", "why"]),
];
/// All fields.
pub(super) const FIELDS: [&str; 10] =
    ["detail", "view", "colours", "system", "messages", "of", "namespace", "camera", "dock", "panel"];

impl Reader<'_> {
    pub(super) fn show(&self, path: &str, value: &Value) -> Result<Show, LessonError> {
        if value.is_null() {
            return Ok(Show::default());
        }
        self.only(path, value, &FIELDS)?;
        let system = match &value["system"] {
            Value::Null => None,
            Value::Bool(shown) => Some(*shown),
            _ => return self.error(&join(path, "system"), "system must be true or false"),
        };
        let text = |field: &str, good: fn(&str) -> bool, what: &str| match &value[field] {
            Value::Null => Ok(None),
            Value::Str(text) if good(text) => Ok(Some(text.to_string())),
            _ => self.error(&join(path, field), format!("{field} must be {what}")),
        };
        let one = |field: &str| match &value[field] {
            Value::Null => Ok(None),
            word => self.word(&join(path, field), field, word).map(Some),
        };
        let several = |field: &str| {
            let path = join(path, field);
            match &value[field] {
                Value::Null => Ok(None),
                Value::List(_) => {
                    let words = value[field].items().iter().enumerate();
                    words.map(|(at, word)| self.word(&format!("{path}[{at}]"), field, word)).collect::<Result<_, _>>().map(Some)
                }
                word => Ok(Some(vec![self.word(&path, field, word)?])),
            }
        };
        Ok(Show {
            detail: one("detail")?,
            view: one("view")?,
            colours: one("colours")?,
            system,
            messages: several("messages")?,
            of: several("of")?,
            namespace: text("namespace", |name| !name.is_empty(), "the name of a namespace")?,
            camera: text("camera", is_focus, "node/NAME, pod/NAMESPACE/NAME or part/MACHINE/COMPONENT")?,
            dock: one("dock")?,
            panel: one("panel")?,
        })
    }

    /// One of a field's words.
    fn word(&self, path: &str, field: &str, value: &Value) -> Result<&'static str, LessonError> {
        let words = CHOICES.iter().find(|(have, _)| *have == field).map_or(&[] as &[&str], |(_, words)| words);
        let found = words.iter().find(|word| matches!(value, Value::Str(text) if **word == &**text));
        found.copied().map_or_else(|| self.error(path, format!("{field} must be {}", words.join(", "))), Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Lesson;
    use super::*;

    fn read(show: &str) -> Result<Show, String> {
        let text = format!("title: A\nsteps:\n- caption: B\n  show:\n    {}\n", show.replace('\n', "\n    "));
        Lesson::parse(&text).map(|lesson| lesson.steps[0].show.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let all = "detail: brief\nview: owner\ncolours: zone\nsystem: false\nmessages: watch\nof: [kubelet, etcd]\nnamespace: default\n\
                   camera: node/kind-worker\ndock: sequence\npanel: decision";
        let expected = Show {
            detail: Some("brief"),
            view: Some("owner"),
            colours: Some("zone"),
            system: Some(false),
            messages: Some(vec!["watch"]),
            of: Some(vec!["kubelet", "etcd"]),
            namespace: Some("default".into()),
            camera: Some("node/kind-worker".into()),
            dock: Some("sequence"),
            panel: Some("decision"),
        };
        assert_eq!(read(all), Ok(expected));
        assert_eq!(read("{}"), Ok(Show::default()));
    }

    #[test]
    fn errors_name_line_column_and_what_there_is() {
        let error = |show: &str| read(show).expect_err(show);
        assert_eq!(error("detail: tiny"), "line 5, column 5: detail must be full, medium, brief, cells");
        assert_eq!(
            error("view: node\ncolors: cpu"),
            format!("line 6, column 5: unknown field \"steps[0].show.colors\"; known are {}", FIELDS.join(", "))
        );
        assert_eq!(
            error("of: [etcd, me]"),
            "line 5, column 16: of must be user, etcd, scheduler, controllers, kubelet, kube-proxy, other"
        );
        assert_eq!(error("system: no way"), "line 5, column 5: system must be true or false");
        assert_eq!(error("namespace: ''"), "line 5, column 5: namespace must be the name of a namespace");
        assert!(error("camera: left").starts_with("line 5, column 5: camera must be node/NAME"));
        assert!(error("- detail").starts_with("line 4, column 3: steps[0].show must be a mapping"), "{}", error("- detail"));
    }
}

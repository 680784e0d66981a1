//! The sheet that a description is written on: lines with indentation and tabs (kubectl's `PrefixWriter`).

use super::super::print::TabWriter;
use crate::core::Time;
use crate::core::collections::sort::Sort as _;
use crate::core::time::civil;
use crate::value::Value;

/// Annotations longer than this many characters are broken or cut.
const ANNOTATION_MAX: usize = 140;

/// A description in the making.
#[derive(Clone, Debug)]
pub(in crate::kubectl) struct Sheet {
    out: TabWriter,
    aligned: String,
    /// The time as of which ages are told.
    pub(in crate::kubectl) now: Time,
}

impl Sheet {
    pub(in crate::kubectl) fn new(now: Time) -> Self {
        Self { out: TabWriter::new(0, 2), aligned: String::new(), now }
    }

    /// Text at a level of indentation (two spaces each), with the line's end in it or not.
    pub(in crate::kubectl) fn write(&mut self, level: usize, text: &str) {
        self.out.write(&"  ".repeat(level));
        self.out.write(text);
    }

    /// A line at a level of indentation.
    pub(in crate::kubectl) fn line(&mut self, level: usize, text: &str) {
        self.write(level, text);
        self.out.write("\n");
    }

    /// `Key:  value`
    pub(in crate::kubectl) fn field(&mut self, level: usize, key: &str, value: &str) {
        self.line(level, &format!("{key}:\t{value}"));
    }

    /// Columns begin anew from here.
    pub(in crate::kubectl) fn flush(&mut self) {
        let text = self.out.flush();
        self.aligned.push_str(&text);
    }

    /// The description with its columns aligned.
    pub(in crate::kubectl) fn finish(mut self) -> String {
        self.flush();
        self.aligned
    }

    /// The description with its tabs as they are, as `rollout history --revision` prints it.
    pub(in crate::kubectl) fn finish_raw(self) -> String {
        self.out.into_text()
    }

    /// `Title:` with texts one below the other, or `<none>`.
    pub(in crate::kubectl) fn multiline(&mut self, title: &str, texts: &[String]) {
        self.write(0, &format!("{title}:\t"));
        if texts.is_empty() {
            self.line(0, "<none>");
        }
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                self.write(0, "\t");
            }
            self.line(0, text);
        }
    }

    /// Labels or a node selector.
    pub(in crate::kubectl) fn labels(&mut self, title: &str, labels: &Value) {
        let texts: Vec<String> = labels.entries().iter().map(|(key, value)| format!("{key}={}", value.str())).collect();
        self.multiline(title, &texts);
    }

    /// Annotations, but for the one that `kubectl apply` writes.
    pub(in crate::kubectl) fn annotations(&mut self, title: &str, annotations: &Value) {
        let shown = annotations.entries().iter().filter(|(key, _)| *key != "kubectl.kubernetes.io/last-applied-configuration");
        let mut texts = Vec::new();
        for (key, value) in shown {
            let value = value.str().trim_end_matches('\n');
            if value.len() + key.len() + 2 > ANNOTATION_MAX || value.contains('\n') {
                texts.push(format!("{key}:"));
                texts.extend(value.split('\n').map(|line| format!("  {}", shorten(line, ANNOTATION_MAX - 2))));
            } else {
                texts.push(format!("{key}: {value}"));
            }
        }
        self.multiline(title, &texts);
    }

    /// Name, and namespace unless it is cluster-scoped.
    pub(in crate::kubectl) fn name(&mut self, object: &Value) {
        self.field(0, "Name", object.name());
        if !object.namespace().is_empty() {
            self.field(0, "Namespace", object.namespace());
        }
    }

    /// Labels and annotations.
    pub(in crate::kubectl) fn metadata(&mut self, object: &Value) {
        self.labels("Labels", &object["metadata"]["labels"]);
        self.annotations("Annotations", &object["metadata"]["annotations"]);
    }

    /// The age of a timestamp field.
    pub(in crate::kubectl) fn age(&self, timestamp: &Value) -> String {
        crate::api::table::age(timestamp, self.now)
    }

    /// A workload's or claim's conditions with type, status and reason.
    pub(in crate::kubectl) fn conditions(&mut self, conditions: &Value) {
        if conditions.is_empty() {
            return;
        }
        self.line(0, "Conditions:\n  Type\tStatus\tReason");
        self.line(1, "----\t------\t------");
        for condition in conditions.items() {
            let (kind, status, reason) = (condition["type"].str(), condition["status"].str(), condition["reason"].str());
            self.line(1, &format!("{kind} \t{status}\t{reason}"));
        }
    }
}

fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

/// A timestamp as Go's RFC1123Z writes it: `Sun, 22 Nov 2026 16:48:10 +0000`.
pub(in crate::kubectl) fn date(timestamp: &Value) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // What a metav1.Time of zero reads as.
    let Some(time) = Time::parse_rfc3339(timestamp.str()) else { return "Mon, 01 Jan 0001 00:00:00 +0000".to_string() };
    let unix_s = time.unix_s();
    let (year, month, day, hour, minute, second) = civil(unix_s);
    let weekday = DAYS[(unix_s / 86_400 % 7) as usize];
    format!("{weekday}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} +0000", MONTHS[month as usize - 1])
}

/// The text, or `<none>`.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// A number or text field as text.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_string)
}

/// `Deployment/web`, or "" without a controller.
pub(super) fn controlled_by(object: &Value) -> String {
    object.controller().map_or_else(String::new, |owner| format!("{}/{}", owner["kind"].str(), owner["name"].str()))
}

/// `a=b,c in (d,e)`, or `<none>` (metav1.FormatLabelSelector).
pub(super) fn selector_text(selector: &Value) -> String {
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in selector["matchLabels"].entries() {
        parts.push((key.to_string(), format!("{key}={}", value.str())));
    }
    for expression in selector["matchExpressions"].items() {
        let key = expression["key"].str();
        let mut values: Vec<&str> = expression["values"].items().iter().map(Value::str).collect();
        values.order();
        let text = match expression["operator"].str() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_string(),
            _ => format!("!{key}"),
        };
        parts.push((key.to_string(), text));
    }
    parts.order();
    let texts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    if texts.is_empty() { "<none>".to_string() } else { texts.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn dates() {
        assert_eq!(date(&"2026-11-22T16:48:10Z".into()), "Sun, 22 Nov 2026 16:48:10 +0000");
        assert_eq!(date(&"2026-01-05T09:00:00Z".into()), "Mon, 05 Jan 2026 09:00:00 +0000");
        assert_eq!(date(&Value::Null), "Mon, 01 Jan 0001 00:00:00 +0000");
    }

    #[test]
    fn long_annotations_are_broken() {
        let mut sheet = Sheet::new(Time::ZERO);
        let annotations = value!({"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}", "long": "x".repeat(150), "two": "1\n2\n"});
        sheet.annotations("Annotations", &annotations);
        let expected = format!(
            "Annotations:  a: b\n              long:\n                {}...\n              two:\n                1\n                2\n",
            "x".repeat(138)
        );
        assert_eq!(sheet.finish(), expected);
    }

    #[test]
    fn selectors() {
        let selector = value!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "x", "operator": "DoesNotExist"}]});
        assert_eq!(selector_text(&selector), "app=web,tier in (a,b),!x");
        assert_eq!(selector_text(&Value::Null), "<none>");
    }
}

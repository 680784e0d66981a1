//! Objects → text as `kubectl get -o yaml` and `-o json` print them.
//!
//! The YAML follows `sigs.k8s.io/yaml` on go-yaml v2: keys in natural order, lists not indented below their key, plain scalars
//! where they keep their meaning, literal blocks for text with line breaks, long text folded at 80 columns (`emitterc.go`).

use crate::core::collections::sort::Sort as _;
use std::cmp::Ordering;

use super::decode::{Scalar, resolve};
use crate::value::{Text, Value};

/// Beyond this column a scalar is folded at its next space.
const BEST_WIDTH: usize = 80;

/// The longest key that stands on the line of its value.
const SIMPLE_KEY_MAX: usize = 128;

/// A value as YAML, ending in a line break.
pub fn to_yaml(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0 };
    emitter.node(value, None, false);
    emitter.out.push('\n');
    emitter.out
}

/// A value as `kubectl -o json` prints it: indented by four spaces, without a line break at the end.
pub fn to_json_pretty(value: &Value) -> String {
    let mut out = String::new();
    json(value, 0, &mut out);
    out
}

/// Text as encoding/json quotes it, with `<`, `>` and `&` escaped.
pub fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => {
                let escape = format!("\\u{:04x}", char as u32);
                out.push_str(&escape);
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

fn json(value: &Value, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    };
    match value {
        Value::Str(text) => out.push_str(&json_string(text)),
        Value::List(list) if !list.is_empty() => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                json(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Map(map) if !map.is_empty() => {
            out.push('{');
            for (at, (key, item)) in map.entries().iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                out.push_str(&json_string(key));
                out.push_str(": ");
                json(item, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => out.push_str(&other.to_json()),
    }
}

/// go-yaml's order of keys: numbers in them count as numbers, letters come after everything else (keyList.Less).
fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for at in 0..a.len().min(b.len()) {
        if a[at] == b[at] {
            continue;
        }
        match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
            (true, true) => return a[at].cmp(&b[at]),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let mut start = 0_u64;
        if a[at] == '0' || b[at] == '0' {
            // Zeros within a number that began before are not leading zeros.
            let before = a[..at].iter().rev().take_while(|char| char.is_ascii_digit());
            start = u64::from(before.into_iter().any(|char| *char != '0'));
        }
        let number = |chars: &[char]| {
            let digits = chars[at..].iter().take_while(|char| char.is_ascii_digit());
            digits.fold((start, 0), |(number, count), digit| {
                (number.wrapping_mul(10).wrapping_add(u64::from(*digit as u32 - '0' as u32)), count + 1)
            })
        };
        let (a_number, b_number) = (number(&a), number(&b));
        return a_number.cmp(&b_number).then(a[at].cmp(&b[at]));
    }
    a.len().cmp(&b.len())
}

/// What may be done with a scalar (yaml_emitter_analyze_scalar).
struct Analysis {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

fn analyze(text: &str) -> Analysis {
    let chars: Vec<char> = text.chars().collect();
    let is_break = |char: char| matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let blank = |at: usize| chars.get(at).is_none_or(|char| is_break(*char) || *char == ' ' || *char == '\t' || *char == '\0');
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut breaks, mut space_break, mut break_space) = (false, false, false, false);
    for (at, char) in chars.iter().copied().enumerate() {
        let first = at == 0;
        indicators |= match char {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => true,
            '?' | '-' if first => blank(at + 1),
            ':' => blank(at + 1),
            '#' => blank(at - 1),
            _ => false,
        };
        special |= !is_printable(char);
        breaks |= is_break(char);
        space_break |= is_break(char) && !first && chars[at - 1] == ' ';
        break_space |= char == ' ' && !first && is_break(chars[at - 1]);
    }
    let edge = |char: Option<&char>| char.is_some_and(|char| *char == ' ' || is_break(*char));
    let at_edges = edge(chars.first()) || edge(chars.last());
    let unsafe_text = space_break || special;
    Analysis {
        plain: !(unsafe_text || break_space || breaks || indicators || at_edges),
        single_quoted: !(unsafe_text || break_space),
        block: !unsafe_text && chars.last() != Some(&' '),
    }
}

fn is_printable(char: char) -> bool {
    matches!(char, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{1_0000}'..)
}

/// `1:20`, which YAML 1.1 takes for a number of base 60 (isBase60Float).
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let whole = parts.next().is_some_and(|part| {
        part.starts_with(|first: char| first.is_ascii_digit()) && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    });
    let rest: Vec<&str> = parts.collect();
    let sixty = |part: &&str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let Some((last, middle)) = rest.split_last() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    whole && middle.iter().all(sixty) && sixty(&last) && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

struct Emitter {
    out: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.push_str(&" ".repeat(indent));
        self.column = indent;
    }

    /// Writes a node. `indent` is the indentation of the collection around it (none at the top), `after_key` whether it follows `key:`.
    fn node(&mut self, value: &Value, indent: Option<usize>, after_key: bool) {
        match value {
            Value::Map(map) if !map.is_empty() => {
                let inner = indent.map_or(0, |indent| indent + 2);
                let mut entries: Vec<&(Text, Value)> = map.entries().iter().collect();
                entries.order_by(|(a, _), (b, _)| natural_order(a, b));
                for (at, (key, item)) in entries.into_iter().enumerate() {
                    // The first key of a map in a list stands behind the `- `.
                    if at > 0 || after_key {
                        self.line(inner);
                    }
                    self.entry(key, item, inner);
                }
            }
            Value::List(list) if !list.is_empty() => {
                // Below a key the dashes stand under the key itself.
                let inner = match indent {
                    Some(indent) if after_key => indent,
                    Some(indent) => indent + 2,
                    None => 0,
                };
                for (at, item) in list.iter().enumerate() {
                    if at > 0 || after_key {
                        self.line(inner);
                    }
                    self.put("- ");
                    self.node(item, Some(inner), false);
                }
            }
            scalar => {
                if after_key {
                    self.put(" ");
                }
                match scalar {
                    Value::Str(text) => self.text(text, indent.map_or(2, |indent| indent + 2), false),
                    other => self.put(&other.to_json()),
                }
            }
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        if key.chars().count() > SIMPLE_KEY_MAX || key.contains('\n') {
            self.put("? ");
            self.text(key, indent + 2, false);
            self.line(indent);
            self.put(":");
        } else {
            self.text(key, indent + 2, true);
            self.put(":");
        }
        self.node(value, Some(indent), true);
    }

    /// Writes text in the style that go-yaml chooses; its further lines are indented by `indent`.
    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        let analysis = analyze(text);
        let means_text = matches!(resolve(text), Scalar::Str | Scalar::Merge) && text != "<<" && !is_base_60(text);
        match () {
            () if text.contains('\n') && analysis.block && !is_key => self.literal(text, indent),
            () if text.contains('\n') || !means_text => self.double_quoted(text, indent, !is_key),
            () if analysis.plain => self.folded(text, text, indent, !is_key, ""),
            () if analysis.single_quoted => self.folded(text, &text.replace('\'', "''"), indent, !is_key, "'"),
            () => self.double_quoted(text, indent, !is_key),
        }
    }

    /// Plain or single-quoted text, folded at spaces. `text` is the text, `escaped` what is written.
    fn folded(&mut self, text: &str, escaped: &str, indent: usize, may_fold: bool, quote: &str) {
        self.put(quote);
        let chars: Vec<char> = escaped.chars().collect();
        let last = chars.len().saturating_sub(1);
        debug_assert!(!text.contains('\n'), "text with line breaks is written as a block or in double quotes");
        for (at, char) in chars.iter().enumerate() {
            let alone = *char == ' ' && chars.get(at + 1) != Some(&' ') && (at == 0 || chars[at - 1] != ' ');
            let inside = quote.is_empty() || (at > 0 && at < last);
            if may_fold && alone && inside && self.column > BEST_WIDTH {
                self.line(indent);
            } else {
                self.out.push(*char);
                self.column += 1;
            }
        }
        self.put(quote);
    }

    fn double_quoted(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        let last = chars.len().saturating_sub(1);
        let mut spaces = false;
        for (at, char) in chars.iter().copied().enumerate() {
            if char == ' ' {
                if may_fold && !spaces && self.column > BEST_WIDTH && at > 0 && at < last {
                    self.line(indent);
                    if chars[at + 1] == ' ' {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                spaces = true;
                continue;
            }
            spaces = false;
            let escape = match char {
                '\0' => "0",
                '\u{7}' => "a",
                '\u{8}' => "b",
                '\t' => "t",
                '\n' => "n",
                '\u{b}' => "v",
                '\u{c}' => "f",
                '\r' => "r",
                '\u{1b}' => "e",
                '"' => "\"",
                '\\' => "\\",
                '\u{85}' => "N",
                '\u{a0}' => "_",
                '\u{2028}' => "L",
                '\u{2029}' => "P",
                char if is_printable(char) && char != '\u{feff}' => {
                    self.out.push(char);
                    self.column += 1;
                    continue;
                }
                char => {
                    let code = char as u32;
                    self.put(&match code {
                        0..=0xff => format!("\\x{code:02X}"),
                        0x100..=0xffff => format!("\\u{code:04X}"),
                        _ => format!("\\U{code:08X}"),
                    });
                    continue;
                }
            };
            self.put("\\");
            self.put(escape);
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        let trimmed = text.trim_end_matches('\n');
        self.put(match text.len() - trimmed.len() {
            0 => "-",
            1 if !trimmed.is_empty() => "",
            _ => "+",
        });
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.line(indent);
                self.put(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    /// The recorded text must come back as it was.
    fn round_trip(yaml: &str) {
        let value = super::super::parse_documents(yaml).unwrap().remove(0);
        assert_eq!(to_yaml(&value), yaml);
    }

    #[test]
    fn recorded_config_map() {
        round_trip(
            r#"apiVersion: v1
data:
  app.conf: |
    a=1
    b=2
  color: blue
kind: ConfigMap
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","data":{"app.conf":"a=1\nb=2\n","color":"blue"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"settings","namespace":"shop"}}
  creationTimestamp: "2026-11-22T17:02:09Z"
  name: settings
"#,
        );
    }

    #[test]
    fn recorded_event_list() {
        round_trip(
            r#"apiVersion: v1
items:
- action: Scheduling
  apiVersion: v1
  eventTime: "2026-11-22T17:02:09.939996Z"
  firstTimestamp: null
  message: '0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient
    cpu. no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption
    is not helpful for scheduling.'
  source: {}
- metadata:
    finalizers: []
    generation: 3
kind: List
metadata:
  resourceVersion: ""
"#,
        );
    }

    #[test]
    fn recorded_node_fields_and_managed_fields() {
        round_trip(
            r#"status:
  allocatable:
    cpu: "4"
    hugepages-1Gi: "0"
    hugepages-2Mi: "0"
    memory: 8Gi
  daemonEndpoints:
    kubeletEndpoint:
      Port: 10250
  fieldsV1:
    f:spec:
      f:containers:
        k:{"name":"nginx"}:
          .: {}
          f:command: {}
          k:{"containerPort":80,"protocol":"TCP"}:
            .: {}
  schedule: 0 3 * * *
  sizes:
  - "true"
  - 25%
  - - a
    - b
  - {}
"#,
        );
    }

    #[test]
    fn quoting() {
        let yaml = |text: &'static str| to_yaml(&value!({"a": text}));
        for (text, want) in [
            ("", "a: \"\"\n"),
            ("yes", "a: \"yes\"\n"),
            ("80", "a: \"80\"\n"),
            ("1e3", "a: \"1e3\"\n"),
            ("null", "a: \"null\"\n"),
            ("12:30", "a: \"12:30\"\n"),
            ("<<", "a: \"<<\"\n"),
            ("a: b", "a: 'a: b'\n"),
            ("it's: x", "a: 'it''s: x'\n"),
            ("#x", "a: '#x'\n"),
            ("x #y", "a: 'x #y'\n"),
            ("x#y", "a: x#y\n"),
            ("*", "a: '*'\n"),
            ("- x", "a: '- x'\n"),
            ("-x", "a: -x\n"),
            (" x", "a: ' x'\n"),
            ("x:", "a: 'x:'\n"),
            ("a\tb", "a: \"a\\tb\"\n"),
            ("a\nb", "a: |-\n  a\n  b\n"),
            ("a\n\nb\n\n", "a: |+\n  a\n\n  b\n\n"),
            (" a\nb\n", "a: |2\n   a\n  b\n"),
            ("a \nb", "a: \"a \\nb\"\n"),
            ("\n", "a: |2+\n\n"),
            ("ä→😀", "a: ä→😀\n"),
        ] {
            assert_eq!(yaml(text), want, "{text:?}");
        }
        assert_eq!(to_yaml(&value!({"true": 1, "a10": 1, "a2": 1, "A": 1})), "A: 1\na2: 1\na10: 1\n\"true\": 1\n");
        assert_eq!(to_yaml(&value!("x")), "x\n");
        assert_eq!(to_yaml(&Value::map()), "{}\n");
    }

    #[test]
    fn json_as_kubectl_prints_it() {
        let object = value!({"a": [1, {"b": "<none>"}], "c": {}, "d": [], "e": null});
        let want = "{\n    \"a\": [\n        1,\n        {\n            \"b\": \"\\u003cnone\\u003e\"\n        }\n    ],\n    \"c\": {},\n    \"d\": [],\n    \"e\": null\n}";
        assert_eq!(to_json_pretty(&object), want);
    }
}

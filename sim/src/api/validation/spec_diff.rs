//! The difference between two specs as the api-server shows it: a unified diff of its internal structs as JSON.
//!
//! The internal structs name their fields as Go does and in an order of their own; `internal.txt` lists them as far as the
//! order is known, everything else comes in the order of the schema. Names are those of the API but for their capitals.

use crate::api::schema::{self, Field, Kind, Type};
use crate::api::yaml_out::json_string;
use crate::value::Value;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Lines up to which the smallest difference is looked for; longer middles are shown as replaced.
const SMALLEST_DIFF_LINES: usize = 1_500;

/// The unified diff from `old` to `new`, two specs of the type with this name, each line with its line break.
pub(super) fn diff(kind: &str, old: &Value, new: &Value) -> String {
    unified(&lines(kind, old), &lines(kind, new))
}

/// A spec as the lines of its internal JSON, indented by one space.
fn lines(kind: &str, spec: &Value) -> Vec<String> {
    let mut moved = spec.clone();
    // The fields of the host's namespaces are in the internal security context.
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if kind == "PodSpec" {
            let value = moved.remove(field).unwrap_or_default();
            moved["securityContext"].map_mut().insert(field, value);
        }
    }
    let mut out = String::new();
    object(schema::named(kind).expect("specs that are compared are in the schema"), &moved, 0, &mut out);
    out.lines().map(ToString::to_string).collect()
}

/// The internal fields of a type in their order.
fn order(kind: &Type) -> Option<Vec<&'static str>> {
    let line = include_str!("internal.txt").lines().find(|line| line.split(' ').next() == Some(kind.name))?;
    Some(line.split(' ').skip(1).collect())
}

fn object(kind: &'static Type, value: &Value, depth: usize, out: &mut String) {
    let fields: Vec<(String, Option<&'static Field>)> = match order(kind) {
        Some(names) => names
            .into_iter()
            .map(|name| (name.to_string(), kind.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))))
            .collect(),
        None => kind.fields.iter().map(|field| (capitalized(field.name), Some(field))).collect(),
    };
    out.push('{');
    for (at, (name, field)) in fields.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        line(depth + 1, out);
        out.push_str(&json_string(name));
        out.push_str(": ");
        if let Some(field) = field {
            write(&field.kind, field.pointer, &value[field.name], depth + 1, out);
            continue;
        }
        // The fields moved into the security context are no fields of it in the API.
        let key = value.entries().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let flag = key.map_or(&Value::Null, |(_, value)| value);
        let pointer = !name.starts_with("Host") || name == "HostUsers";
        write(&Kind::Bool, pointer, flag, depth + 1, out);
    }
    line(depth, out);
    out.push('}');
}

fn write(kind: &Kind, pointer: bool, value: &Value, depth: usize, out: &mut String) {
    match (kind, value) {
        (Kind::Object(_), Value::Null) if pointer => out.push_str("null"),
        (Kind::Object(_), _) => {
            let inner = kind.object().expect("an object has a type");
            // apimachinery's own types have JSON tags and are written as in the API.
            if matches!(inner.name, "LabelSelector" | "LabelSelectorRequirement") {
                plain(value, depth, out);
            } else {
                object(inner, value, depth, out);
            }
        }
        (Kind::List(item), Value::List(list)) if !list.is_empty() => {
            out.push('[');
            for (at, element) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                write(item, false, element, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        (Kind::List(_) | Kind::Map(_), value) if value.is_empty() => out.push_str("null"),
        (Kind::Str(_), Value::Null) if !pointer => out.push_str("\"\""),
        (Kind::Bool, Value::Null) if !pointer => out.push_str("false"),
        (Kind::Int32 | Kind::Int64, Value::Null) if !pointer => out.push('0'),
        (Kind::Quantity, Value::Null) if !pointer => out.push_str("\"0\""),
        _ => plain(value, depth, out),
    }
}

fn plain(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            out.push('{');
            for (at, (key, item)) in map.entries().iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                out.push_str(&json_string(key));
                out.push_str(": ");
                plain(item, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Value::List(list) if !list.is_empty() => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                plain(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Str(text) => out.push_str(&json_string(text)),
        other => out.push_str(&other.to_json()),
    }
}

fn line(depth: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(depth));
}

fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One step of the way from the old lines to the new ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Keep,
    Remove,
    Add,
}

fn unified(old: &[String], new: &[String]) -> String {
    let steps = steps(old, new);
    let changed: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] != Step::Keep).collect();
    let mut out = String::new();
    let mut next = 0;
    while next < changed.len() {
        // Changes whose context would touch share a hunk.
        let mut last = next;
        while last + 1 < changed.len() && changed[last + 1] - changed[last] <= 2 * CONTEXT + 1 {
            last += 1;
        }
        let (from, to) = (changed[next].saturating_sub(CONTEXT), (changed[last] + CONTEXT + 1).min(steps.len()));
        let count = |range: &[Step], other: Step| range.iter().filter(|step| **step != other).count();
        let (mut old_at, mut new_at) = (count(&steps[..from], Step::Add), count(&steps[..from], Step::Remove));
        let (old_lines, new_lines) = (count(&steps[from..to], Step::Add), count(&steps[from..to], Step::Remove));
        let header = format!("@@ -{},{old_lines} +{},{new_lines} @@\n", old_at + 1, new_at + 1);
        out.push_str(&header);
        for step in &steps[from..to] {
            let (sign, text) = match step {
                Step::Keep => (' ', &old[old_at]),
                Step::Remove => ('-', &old[old_at]),
                Step::Add => ('+', &new[new_at]),
            };
            out.push(sign);
            out.push_str(text);
            out.push('\n');
            old_at += usize::from(*step != Step::Add);
            new_at += usize::from(*step != Step::Remove);
        }
        next = last + 1;
    }
    out
}

fn steps(old: &[String], new: &[String]) -> Vec<Step> {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let suffix = old[prefix..].iter().rev().zip(new[prefix..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old[prefix..old.len() - suffix], &new[prefix..new.len() - suffix]);
    let mut steps = vec![Step::Keep; prefix];
    if old_middle.len().max(new_middle.len()) > SMALLEST_DIFF_LINES {
        steps.extend(old_middle.iter().map(|_| Step::Remove));
        steps.extend(new_middle.iter().map(|_| Step::Add));
    } else {
        steps.extend(longest_common(old_middle, new_middle));
    }
    steps.extend(std::iter::repeat_n(Step::Keep, suffix));
    steps
}

/// Steps that keep a longest common subsequence; removals come before additions.
fn longest_common(old: &[String], new: &[String]) -> Vec<Step> {
    let width = new.len() + 1;
    let mut length = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            length[a * width + b] = if old[a] == new[b] {
                length[(a + 1) * width + b + 1] + 1
            } else {
                length[(a + 1) * width + b].max(length[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b, mut steps) = (0, 0, Vec::new());
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            steps.push(Step::Keep);
            (a, b) = (a + 1, b + 1);
        } else if a < old.len() && (b == new.len() || length[(a + 1) * width + b] >= length[a * width + b + 1]) {
            steps.push(Step::Remove);
            a += 1;
        } else {
            steps.push(Step::Add);
            b += 1;
        }
    }
    steps
}

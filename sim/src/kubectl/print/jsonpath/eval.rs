//! Finds the values of a template, after client-go's `util/jsonpath/jsonpath.go`.

use std::cmp::Ordering;

use super::JsonPath;
use super::parse::Node;
use crate::value::Value;

pub(super) fn find(path: &JsonPath, data: &Value) -> Result<Vec<Vec<Value>>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    let eval = Eval { allow_missing: path.allow_missing };
    eval.block(&path.nodes, &mut at, std::slice::from_ref(data), &mut found, 0)?;
    Ok(found)
}

struct Eval {
    allow_missing: bool,
}

fn is_identifier(node: &Node, name: &str) -> bool {
    matches!(node, Node::List(nodes) if nodes.first() == Some(&Node::Identifier(name.into())))
}

impl Eval {
    /// Pieces up to the end of the range that they are in, or of the template. `at` ends behind it.
    fn block(
        &self,
        nodes: &[Node],
        at: &mut usize,
        current: &[Value],
        found: &mut Vec<Vec<Value>>,
        depth: usize,
    ) -> Result<(), String> {
        while let Some(node) = nodes.get(*at) {
            *at += 1;
            if is_identifier(node, "end") {
                return if depth > 0 { Ok(()) } else { Err("not in range, nothing to end".into()) };
            }
            if is_identifier(node, "range") {
                let Node::List(inner) = node else { continue };
                let body = *at;
                // Even over nothing the body is stepped over.
                let mut end = body;
                skip(nodes, &mut end);
                for value in self.list(current, &inner[1..])? {
                    let mut inside = body;
                    self.block(&nodes[..end], &mut inside, &[value], found, depth + 1)?;
                }
                *at = end;
                continue;
            }
            found.push(match node {
                Node::List(inner) => self.list(current, inner)?,
                node => self.walk(current.to_vec(), node)?,
            });
        }
        Ok(())
    }

    fn list(&self, current: &[Value], nodes: &[Node]) -> Result<Vec<Value>, String> {
        let mut values = current.to_vec();
        for node in nodes {
            values = self.walk(values, node)?;
        }
        Ok(values)
    }

    fn walk(&self, values: Vec<Value>, node: &Node) -> Result<Vec<Value>, String> {
        match node {
            Node::Text(text) => Ok(vec![text.into()]),
            Node::List(nodes) => self.list(&values, nodes),
            Node::Int(number) => Ok(values.iter().map(|_| Value::Int(*number)).collect()),
            Node::Float(number) => Ok(values.iter().map(|_| Value::Float(*number)).collect()),
            Node::Bool(value) => Ok(values.iter().map(|_| Value::Bool(*value)).collect()),
            Node::Field(name) if name.is_empty() => Ok(values),
            Node::Field(name) => {
                let found: Vec<Value> =
                    values.iter().filter_map(|value| value.as_map().and_then(|map| map.get(name))).cloned().collect();
                if found.is_empty() && !self.allow_missing && !values.is_empty() {
                    return Err(format!("{name} is not found"));
                }
                Ok(found)
            }
            Node::Wildcard => Ok(values.iter().flat_map(children).collect()),
            Node::Recursive => Ok(values.iter().flat_map(descendants).collect()),
            Node::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.list(&values, part)?);
                }
                Ok(all)
            }
            Node::Slice { from, to, one, step } => slice(&values, *from, *to, *one, *step),
            Node::Filter { left, right, operator } => self.filter(&values, left, right, operator),
            Node::Identifier(name) => Err(format!("unrecognized identifier {name}")),
        }
    }

    fn filter(&self, values: &[Value], left: &[Node], right: &[Node], operator: &str) -> Result<Vec<Value>, String> {
        let mut found = Vec::new();
        for value in values.iter().filter(|value| !value.is_null()) {
            let Value::List(items) = value else {
                return Err(format!("{} is not array or slice and cannot be filtered", super::text_of(value)));
            };
            for item in items.iter() {
                let lefts = self.list(std::slice::from_ref(item), left);
                if operator == "exists" {
                    if lefts.is_ok_and(|lefts| !lefts.is_empty()) {
                        found.push(item.clone());
                    }
                    continue;
                }
                let lefts = lefts?;
                let rights = self.list(std::slice::from_ref(item), right)?;
                let (left, right) = match (lefts.as_slice(), rights.as_slice()) {
                    ([], _) => continue,
                    ([left], [right]) => (left, right),
                    _ => return Err("can only compare one element at a time".into()),
                };
                let order = compare(left, right).ok_or("incompatible types for comparison")?;
                let passes = match operator {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    other => return Err(format!("unrecognized filter operator {other}")),
                };
                if passes {
                    found.push(item.clone());
                }
            }
        }
        Ok(found)
    }
}

/// Steps over the body of a range, nested ranges included.
fn skip(nodes: &[Node], at: &mut usize) {
    let mut depth = 0;
    while let Some(node) = nodes.get(*at) {
        *at += 1;
        if is_identifier(node, "range") {
            depth += 1;
        } else if is_identifier(node, "end") {
            if depth == 0 {
                return;
            }
            depth -= 1;
        }
    }
}

fn slice(values: &[Value], from: Option<i64>, to: Option<i64>, one: bool, step: Option<i64>) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for value in values.iter().filter(|value| !value.is_null()) {
        let Value::List(items) = value else {
            return Err(format!("{} is not array or slice", go_type(value)));
        };
        let length = items.len() as i64;
        let from_given = from.unwrap_or(0);
        let from = if from_given < 0 { from_given + length } else { from_given };
        let to = match to {
            _ if one => from + 1,
            None => length,
            Some(to) if to < 0 => to + length,
            Some(to) => to,
        };
        let bounds = |index: i64| format!("array index out of bounds: index {index}, length {length}");
        if from != to {
            if from < 0 || from >= length {
                return Err(bounds(from));
            }
            if to > length {
                return Err(bounds(to - 1));
            }
            if to < from {
                return Err(format!("starting index {from} is greater than ending index {to}"));
            }
        }
        let step = step.unwrap_or(1);
        if step <= 0 {
            return Err(format!("step must be > 0, got {step}"));
        }
        let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
        found.extend(items.get(range).unwrap_or_default().iter().step_by(usize::try_from(step).unwrap_or(1)).cloned());
    }
    Ok(found)
}

fn children(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.to_vec(),
        Value::Map(map) => map.entries().iter().map(|(_, value)| value.clone()).collect(),
        _ => Vec::new(),
    }
}

fn descendants(value: &Value) -> Vec<Value> {
    let below = children(value);
    if below.is_empty() {
        return Vec::new();
    }
    std::iter::once(value.clone()).chain(below.iter().flat_map(descendants)).collect()
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The Go type that the value has when JSON is read.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Float(_) => "float64",
        Value::Str(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
    }
}

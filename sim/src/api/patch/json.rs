//! JSON merge patches and JSON patches.

use crate::value::Value;

/// The longest list that an `add` may fill up to; RFC 6902 allows only the next index, this bounds hostile patches.
const MAX_OPERATIONS: usize = 10_000;

/// Applies a JSON merge patch: null deletes, maps merge, everything else replaces.
pub(super) fn merge(current: &Value, patch: &Value) -> Value {
    let Value::Map(fields) = patch else { return patch.clone() };
    let mut result = if matches!(current, Value::Map(_)) { current.clone() } else { Value::map() };
    for (key, value) in fields.entries() {
        if value.is_null() {
            result.remove(key);
        } else {
            let merged = merge(&result[&**key], value);
            if !merged.same(&result[&**key]) {
                result.map_mut().insert(key, merged);
            }
        }
    }
    result
}

/// Applies the operations of a JSON patch, all or none. The error says which and why.
pub(super) fn apply(current: &Value, operations: &[Value]) -> Result<Value, String> {
    if operations.len() > MAX_OPERATIONS {
        return Err(format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}", operations.len()));
    }
    let mut document = current.clone();
    for operation in operations {
        let (op, path) = (operation["op"].str(), pointer(operation["path"].as_str().ok_or("missing path")?)?);
        match op {
            "add" => add(&mut document, &path, operation["value"].clone())?,
            "remove" => {
                remove(&mut document, &path)?;
            }
            "replace" => *find_mut(&mut document, &path)? = operation["value"].clone(),
            "move" | "copy" => {
                let from = pointer(operation["from"].as_str().ok_or("missing from")?)?;
                let value = if op == "move" { remove(&mut document, &from)? } else { find(&document, &from)?.clone() };
                add(&mut document, &path, value)?;
            }
            "test" => {
                let have = find(&document, &path).unwrap_or(&Value::Null);
                if *have != operation["value"] {
                    return Err(format!("testing value {} failed", operation["path"].str()));
                }
            }
            other => return Err(format!("unexpected kind: {other}")),
        }
    }
    Ok(document)
}

/// The steps of a JSON pointer.
fn pointer(text: &str) -> Result<Vec<String>, String> {
    match text.strip_prefix('/') {
        Some(rest) => Ok(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()),
        None if text.is_empty() => Ok(Vec::new()),
        None => Err(format!("invalid pointer {text:?}")),
    }
}

fn index(step: &str, bound: usize) -> Result<usize, String> {
    let at: usize = step.parse().map_err(|_| format!("invalid index {step:?}"))?;
    if at < bound { Ok(at) } else { Err(format!("index {at} is out of bounds")) }
}

fn find<'a>(document: &'a Value, path: &[String]) -> Result<&'a Value, String> {
    path.iter().try_fold(document, |value, step| match value {
        Value::Map(map) => map.get(step).ok_or_else(|| format!("missing path {step:?}")),
        Value::List(list) => Ok(&list[index(step, list.len())?]),
        _ => Err(format!("missing path {step:?}")),
    })
}

fn find_mut<'a>(document: &'a mut Value, path: &[String]) -> Result<&'a mut Value, String> {
    find(document, path)?;
    path.iter().try_fold(document, |value, step| match value {
        Value::List(list) => {
            let at = index(step, list.len())?;
            Ok(&mut value[at])
        }
        _ => Ok(&mut value[step.as_str()]),
    })
}

fn add(document: &mut Value, path: &[String], new: Value) -> Result<(), String> {
    let Some((last, parents)) = path.split_last() else {
        *document = new;
        return Ok(());
    };
    match find_mut(document, parents)? {
        Value::List(list) => {
            let at = if last == "-" { list.len() } else { index(last, list.len() + 1)? };
            std::rc::Rc::make_mut(list).insert(at, new);
        }
        parent @ Value::Map(_) => {
            parent.map_mut().insert(last, new);
        }
        _ => return Err(format!("missing path {last:?}")),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &[String]) -> Result<Value, String> {
    let (last, parents) = path.split_last().ok_or("the document itself cannot be removed")?;
    match find_mut(document, parents)? {
        Value::List(list) => {
            let at = index(last, list.len())?;
            Ok(std::rc::Rc::make_mut(list).remove(at))
        }
        parent => {
            let map = parent.as_map().filter(|map| map.contains_key(last));
            map.ok_or_else(|| format!("Unable to remove nonexistent key: {last}"))?;
            Ok(parent.map_mut().remove(last).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn patched(operations: Value) -> String {
        let document = value!({"a": {"b": [1, 2]}, "x/y": 1});
        apply(&document, operations.items()).map_or_else(|error| error, |value| value.to_json())
    }

    #[test]
    fn operations() {
        assert_eq!(patched(value!([{"op": "add", "path": "/a/b/-", "value": 3}])), r#"{"a":{"b":[1,2,3]},"x/y":1}"#);
        assert_eq!(patched(value!([{"op": "add", "path": "/a/b/0", "value": 0}])), r#"{"a":{"b":[0,1,2]},"x/y":1}"#);
        assert_eq!(patched(value!([{"op": "remove", "path": "/x~1y"}])), r#"{"a":{"b":[1,2]}}"#);
        assert_eq!(patched(value!([{"op": "replace", "path": "/a/b/1", "value": null}])), r#"{"a":{"b":[1,null]},"x/y":1}"#);
        assert_eq!(patched(value!([{"op": "move", "from": "/a/b", "path": "/c"}])), r#"{"a":{},"c":[1,2],"x/y":1}"#);
        assert_eq!(patched(value!([{"op": "copy", "from": "/a/b/0", "path": "/c"}])), r#"{"a":{"b":[1,2]},"c":1,"x/y":1}"#);
        assert_eq!(patched(value!([{"op": "test", "path": "/a/b/0", "value": 1}])), r#"{"a":{"b":[1,2]},"x/y":1}"#);
    }

    #[test]
    fn refusals() {
        for operation in [
            value!({"op": "remove", "path": "/spec/nope"}),
            value!({"op": "remove", "path": "/a/nope"}),
            value!({"op": "replace", "path": "/a/nope", "value": 1}),
            value!({"op": "add", "path": "/a/b/9", "value": 1}),
            value!({"op": "test", "path": "/a/b/0", "value": 2}),
            value!({"op": "frob", "path": "/a"}),
            value!({"op": "add", "path": "a", "value": 1}),
            value!({"op": "add"}),
        ] {
            let document = value!({"a": {"b": [1, 2]}});
            assert!(apply(&document, std::slice::from_ref(&operation)).is_err(), "{operation:?}");
        }
    }

    #[test]
    fn merge_patches() {
        let merged = merge(&value!({"a": {"b": 1, "c": 2}, "l": [1]}), &value!({"a": {"b": null, "d": {"e": null}}, "l": [2]}));
        assert_eq!(merged.to_json(), r#"{"a":{"c":2,"d":{}},"l":[2]}"#);
    }
}

//! Applying a strategic merge patch (strategicpatch.StrategicMergeMapPatch).

use crate::api::schema::{Field, Patch, Type};
use crate::core::collections::sort::Sort as _;
use crate::value::{Map, Text, Value};

pub(super) const DIRECTIVE: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
pub(super) const SET_ORDER: &str = "$setElementOrder/";
pub(super) const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Merges a patch into an object of a type; objects without a type have no lists that merge. The error is the server's text.
pub(super) fn merge(kind: Option<&'static Type>, current: &Value, patch: &Value) -> Result<Value, String> {
    merge_map(kind, current, patch)
}

/// The type of what a field holds, and how the field merges.
pub(super) fn field_of(kind: Option<&'static Type>, name: &str) -> (Option<&'static Type>, Patch) {
    let field: Option<&'static Field> = kind.and_then(|kind| kind.field(name));
    (field.and_then(|field| field.kind.object()), field.map_or(Patch::Default, |field| field.patch))
}

fn merge_map(kind: Option<&'static Type>, current: &Value, patch: &Value) -> Result<Value, String> {
    match patch.get(DIRECTIVE).map(Value::str) {
        None | Some("merge") => {}
        Some("replace") => return Ok(without_directives(patch)),
        Some("delete") => return Ok(Value::map()),
        Some(other) => return Err(format!("unknown patch type: {other} in map: {}", patch.to_json())),
    }
    let mut result = if matches!(current, Value::Map(_)) { current.clone() } else { Value::map() };
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        retain_keys(&mut result, patch, retained)?;
    }
    for (key, value) in patch.entries() {
        if key.starts_with('$') {
            continue;
        }
        let name = key.as_str();
        let (inner, strategy) = field_of(kind, name);
        let have = &result[name];
        let merged = match value {
            Value::Null => {
                result.remove(name);
                continue;
            }
            Value::Map(_) if strategy == Patch::Replace || !matches!(have, Value::Map(_)) => {
                if value.get(DIRECTIVE).map(Value::str) == Some("delete") { Value::map() } else { without_directives(value) }
            }
            Value::Map(_) => merge_map(inner, have, value)?,
            Value::List(items) => match strategy {
                Patch::MergeBy { key, .. } => {
                    let order = patch[format!("{SET_ORDER}{name}").as_str()].items();
                    let merged = merge_list(inner, have.items(), items, key)?;
                    in_order(merged, have.items(), order, |item| item[key].clone()).into()
                }
                Patch::MergeSet => merge_set(have, items, patch, name),
                _ => without_directives(value),
            },
            _ => value.clone(),
        };
        if !merged.same(&result[name]) {
            result.map_mut().insert(key, merged);
        }
    }
    for (key, value) in patch.entries() {
        if let Some(name) = key.strip_prefix(DELETE_PRIMITIVES) {
            if result.get(name).is_some() {
                let kept: Vec<Value> =
                    result[name].items().iter().filter(|item| !value.items().contains(item)).cloned().collect();
                result.map_mut().insert(Text::new(name), kept);
            }
        } else if let Some(name) = key.strip_prefix(SET_ORDER) {
            check_order(kind, patch, name, value)?;
            // A list that the patch does not touch is only put in order.
            if patch.get(name).is_none() && result.get(name).is_some() {
                let have = result[name].items().to_vec();
                let ordered = match field_of(kind, name).1 {
                    Patch::MergeBy { key, .. } => in_order(have.clone(), &have, value.items(), |item| item[key].clone()),
                    _ => in_order(have.clone(), &have, value.items(), Value::clone),
                };
                if ordered != have {
                    result.map_mut().insert(Text::new(name), ordered);
                }
            }
        }
    }
    Ok(result)
}

fn retain_keys(result: &mut Value, patch: &Value, retained: &Value) -> Result<(), String> {
    let listed = |key: &str| retained.items().iter().any(|item| item.str() == key);
    if patch.entries().iter().any(|(key, value)| !key.starts_with('$') && !value.is_null() && !listed(key)) {
        return Err("invalid patch format of retainKeys".to_string());
    }
    result.map_mut().retain(|key, _| listed(key));
    Ok(())
}

/// Every item of the patch must be named by `$setElementOrder`.
fn check_order(kind: Option<&'static Type>, patch: &Value, name: &str, order: &Value) -> Result<(), String> {
    let Patch::MergeBy { key, .. } = field_of(kind, name).1 else { return Ok(()) };
    let named = |item: &Value| order.items().iter().any(|entry| entry[key] == item[key]);
    let missing = patch[name].items().iter().filter(|item| item.get(DIRECTIVE).is_none()).any(|item| !named(item));
    if missing {
        let list = |value: &Value| value.items().iter().map(Value::to_json).collect::<Vec<_>>().join(" ");
        return Err(format!(
            "The order in patch list:\n[{}]\n doesn't match $setElementOrder list:\n[{}]\n",
            list(&patch[name]),
            list(order)
        ));
    }
    Ok(())
}

fn merge_list(kind: Option<&'static Type>, have: &[Value], patch: &[Value], key: &str) -> Result<Vec<Value>, String> {
    let directive = |item: &Value| item.get(DIRECTIVE).map(|value| value.str().to_string());
    if patch.iter().any(|item| directive(item).as_deref() == Some("replace")) {
        let kept = patch.iter().filter(|item| directive(item).is_none());
        return Ok(kept.map(without_directives).collect());
    }
    let mut result = have.to_vec();
    for item in patch {
        if !matches!(item, Value::Map(_)) {
            return Err(format!("cannot use a {} as an item of a list that merges by {key:?}", item.to_json()));
        }
        let id = super::diff::key_of(item, key)?;
        match directive(item).as_deref() {
            Some("delete") => {
                result.retain(|have| have[key] != *id);
                continue;
            }
            None | Some("merge") => {}
            Some(other) => return Err(format!("unknown patch type: {other} in map: {}", item.to_json())),
        }
        match result.iter_mut().find(|have| have[key] == *id) {
            Some(have) => *have = merge_map(kind, have, item)?,
            None => result.push(without_directives(item)),
        }
    }
    Ok(result)
}

fn merge_set(have: &Value, items: &[Value], patch: &Value, name: &str) -> Value {
    let mut merged = have.items().to_vec();
    for item in items {
        if !merged.contains(item) {
            merged.push(item.clone());
        }
    }
    let order = patch[format!("{SET_ORDER}{name}").as_str()].items();
    in_order(merged, have.items(), order, Value::clone).into()
}

/// Puts items into the order that `$setElementOrder` asks for. Items it does not name keep their places relative to the old list
/// (mergeSortedSlice).
fn in_order(items: Vec<Value>, old: &[Value], order: &[Value], id: impl Fn(&Value) -> Value) -> Vec<Value> {
    if order.is_empty() {
        return items;
    }
    let wanted: Vec<Value> = order.iter().map(&id).collect();
    let place = |item: &Value| wanted.iter().position(|have| *have == id(item));
    let (mut named, unnamed): (Vec<Value>, Vec<Value>) = items.into_iter().partition(|item| place(item).is_some());
    named.order_by_key(|item| place(item));
    let old_place = |item: &Value| old.iter().position(|have| id(have) == id(item));
    let (mut named, mut unnamed) = (named.into_iter().peekable(), unnamed.into_iter().peekable());
    let mut result = Vec::new();
    loop {
        let next = match (unnamed.peek(), named.peek()) {
            (None, None) => return result,
            (Some(left), Some(right)) => match (old_place(left), old_place(right)) {
                (Some(left), Some(right)) if left < right => unnamed.next(),
                _ => named.next(),
            },
            (Some(_), None) => unnamed.next(),
            (None, Some(_)) => named.next(),
        };
        result.extend(next);
    }
}

/// A patch's value as it is stored where nothing was: without directives and nulls.
fn without_directives(value: &Value) -> Value {
    match value {
        value if !has_directives(value) => value.clone(),
        Value::Map(map) => {
            let kept = map.entries().iter().filter(|(key, value)| !key.starts_with('$') && !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_directives(value))).collect::<Map>().into()
        }
        Value::List(list) => {
            let deleted = |item: &&Value| item.get(DIRECTIVE).is_some();
            list.iter().filter(|item| !deleted(item)).map(without_directives).collect()
        }
        other => other.clone(),
    }
}

/// Whether there is anything that [`without_directives`] leaves out.
fn has_directives(value: &Value) -> bool {
    match value {
        Value::Map(map) => {
            map.entries().iter().any(|(key, value)| key.starts_with('$') || value.is_null() || has_directives(value))
        }
        Value::List(list) => list.iter().any(has_directives),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::apply;
    use crate::api::resource::{DEPLOYMENTS, PODS, SERVICES};
    use crate::core::PatchType;
    use crate::value;
    use crate::value::Value;

    fn patched(current: &Value, patch: Value) -> String {
        match apply(PODS, current, &patch, PatchType::Strategic) {
            Ok(value) => value.to_json(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn lists_merge_by_their_key() {
        let pod = value!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}});
        assert_eq!(
            patched(&pod, value!({"spec": {"containers": [{"name": "b", "image": "z"}, {"name": "c"}]}})),
            r#"{"spec":{"containers":[{"image":"x","name":"a"},{"image":"z","name":"b"},{"name":"c"}]}}"#
        );
        assert_eq!(
            patched(&pod, value!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}})),
            r#"{"spec":{"containers":[{"image":"y","name":"b"}]}}"#
        );
        assert_eq!(
            patched(&pod, value!({"spec": {"containers": [{"name": "d"}, {"$patch": "replace"}]}})),
            r#"{"spec":{"containers":[{"name":"d"}]}}"#
        );
        assert_eq!(
            patched(&pod, value!({"spec": {"containers": [{"image": "z"}]}})),
            "map: map[image:z] does not contain declared merge key: name"
        );
    }

    #[test]
    fn service_ports_merge_by_port_and_container_ports_by_container_port() {
        let service = value!({"spec": {"ports": [{"port": 80, "nodePort": 30080}]}});
        let result = apply(
            SERVICES,
            &service,
            &value!({"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 81}]}}),
            PatchType::Strategic,
        );
        assert_eq!(result.unwrap().to_json(), r#"{"spec":{"ports":[{"name":"http","nodePort":30080,"port":80},{"port":81}]}}"#);
    }

    #[test]
    fn the_recorded_status_patch_of_a_kubelet() {
        let pod = value!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}});
        let patch = value!({"status": {
            "$setElementOrder/conditions": [{"type": "Initialized"}, {"type": "Ready"}, {"type": "PodScheduled"}],
            "conditions": [
                {"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False", "reason": null},
                {"type": "PodScheduled", "observedGeneration": 1}],
            "hostIPs": [{"ip": "172.18.0.5"}],
        }});
        assert_eq!(
            patched(&pod, patch),
            r#"{"status":{"conditions":[{"status":"True","type":"Initialized"},{"status":"False","type":"Ready"},{"observedGeneration":1,"status":"True","type":"PodScheduled"}],"hostIPs":[{"ip":"172.18.0.5"}],"phase":"Pending"}}"#
        );
    }

    #[test]
    fn unnamed_items_keep_their_places() {
        let pod = value!({"spec": {"containers": [{"name": "side"}, {"name": "a"}, {"name": "b"}]}});
        let patch = value!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a", "image": "x"}]}});
        assert_eq!(patched(&pod, patch), r#"{"spec":{"containers":[{"name":"side"},{"name":"b"},{"image":"x","name":"a"}]}}"#);
    }

    #[test]
    fn sets_of_texts() {
        let pod = value!({"metadata": {"finalizers": ["a", "b"]}});
        assert_eq!(
            patched(&pod, value!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})),
            r#"{"metadata":{"finalizers":["b"]}}"#
        );
        assert_eq!(
            patched(&pod, value!({"metadata": {"finalizers": ["c", "a"]}})),
            r#"{"metadata":{"finalizers":["a","b","c"]}}"#
        );
    }

    #[test]
    fn retained_keys_and_directives() {
        let deployment = value!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let patch = value!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        let result = apply(DEPLOYMENTS, &deployment, &patch, PatchType::Strategic).unwrap();
        assert_eq!(result.to_json(), r#"{"spec":{"strategy":{"type":"Recreate"}}}"#);
        let replaced = patched(
            &value!({"spec": {"nodeSelector": {"a": "b"}}}),
            value!({"spec": {"nodeSelector": {"$patch": "replace", "c": "d"}}}),
        );
        assert_eq!(replaced, r#"{"spec":{"nodeSelector":{"c":"d"}}}"#);
        assert_eq!(
            patched(&Value::map(), value!({"spec": {"$patch": "frob"}, "metadata": {"labels": {"a": null, "b": "c"}}})),
            r#"{"metadata":{"labels":{"b":"c"}},"spec":{}}"#
        );
    }

    #[test]
    fn null_deletes_and_parts_that_stay_are_shared() {
        let pod = value!({"spec": {"nodeName": "n"}, "metadata": {"labels": {"a": "b"}}});
        let result = apply(PODS, &pod, &value!({"metadata": {"labels": null}}), PatchType::Strategic).unwrap();
        assert_eq!(result.to_json(), r#"{"metadata":{},"spec":{"nodeName":"n"}}"#);
        assert!(result["spec"].same(&pod["spec"]));
    }

    #[test]
    fn refusals_of_patches_that_are_none() {
        let error = |patch: Value, kind| apply(PODS, &Value::map(), &patch, kind).unwrap_err();
        assert_eq!(error(value!([1]), PatchType::Strategic).code, 400);
        let failed = error(value!([{"op": "remove", "path": "/spec/nope"}]), PatchType::Json);
        assert_eq!(
            (failed.code, failed.message.as_str()),
            (422, "the server rejected our request due to an error in our request")
        );
    }
}

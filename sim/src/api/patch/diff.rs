//! Making patches (strategicpatch.CreateTwoWayMergePatch, CreateThreeWayMergePatch, jsonpatch.CreateMergePatch).

use super::strategic::{DELETE_PRIMITIVES, DIRECTIVE, RETAIN_KEYS, SET_ORDER, field_of};
use crate::api::Resource;
use crate::api::schema::{self, Patch, Type};
use crate::core::collections::sort::Sort as _;
use crate::value;
use crate::value::{Map, Text, Value, go_text};

/// What a comparison leaves out.
#[derive(Clone, Copy, Default)]
struct Options {
    /// What is new or different.
    ignore_changes: bool,
    /// What is only in the old object.
    ignore_deletions: bool,
    /// Write `$retainKeys` (objects whose schema asks for it).
    retain_keys: bool,
}

/// The strategic merge patch that turns `old` into `new`: kubelets' status patches, `kubectl set`, `taint`. `{}` when they are equal.
///
/// # Errors
/// An item of a list that merges by a key lacks the key; in upstream's words.
pub fn two_way_strategic(old: &Value, new: &Value, resource: Resource) -> Result<Value, String> {
    diff_maps(Some(schema::of_resource(resource)), old, new, Options::default()).map(Value::from)
}

/// The patch of `kubectl apply`: what `modified` (the manifest) changes or adds over `current` (the live object), and what it no
/// longer has of `original` (the manifest applied before). `{}` when nothing is to be done.
///
/// # Errors
/// An item of a list that merges by a key lacks the key, or the order of such a list is told in two ways; in upstream's words.
pub fn three_way_strategic(original: &Value, modified: &Value, current: &Value, resource: Resource) -> Result<Value, String> {
    let kind = Some(schema::of_resource(resource));
    let delta = diff_maps(kind, current, modified, Options { ignore_deletions: true, ..Options::default() })?;
    let deletions = diff_maps(kind, original, modified, Options { ignore_changes: true, ..Options::default() })?;
    unite(kind, deletions, &delta).map(Value::from)
}

/// The JSON merge patch that turns `old` into `new`.
pub fn merge_patch(old: &Value, new: &Value) -> Value {
    let mut patch = Map::new();
    for (key, value) in new.entries() {
        let have = &old[&**key];
        if have == value {
            continue;
        }
        match (have, value) {
            (Value::Map(_), Value::Map(_)) => patch.insert(key, merge_patch(have, value)),
            _ => patch.insert(key, value),
        };
    }
    for (key, _) in old.entries() {
        if new.as_map().is_none_or(|map| !map.contains_key(key)) {
            patch.insert(key, Value::Null);
        }
    }
    patch.into()
}

fn diff_maps(kind: Option<&'static Type>, old: &Value, new: &Value, options: Options) -> Result<Map, String> {
    let mut patch = Map::new();
    for (key, value) in new.entries() {
        let (inner, strategy) = field_of(kind, key);
        match (own(old, key), value, strategy) {
            (Some(Value::Map(_)), Value::Map(_), Patch::Replace) => {
                // Sent even when nothing changed, as upstream does: an applied budget is always `configured`.
                if !options.ignore_changes {
                    patch.insert(key, value);
                }
            }
            (Some(have @ Value::Map(_)), Value::Map(_), _) => {
                let options = Options { retain_keys: strategy == Patch::RetainKeys, ..options };
                let changed = diff_maps(inner, have, value, options)?;
                if !changed.is_empty() {
                    patch.insert(key, changed);
                }
            }
            (Some(Value::List(have)), Value::List(list), Patch::MergeBy { key: id, retain_keys }) if !have.is_empty() => {
                diff_lists(&mut patch, key, (inner, id), (have, list), Options { retain_keys, ..options })?;
            }
            (Some(Value::List(have)), Value::List(list), Patch::MergeSet) if !have.is_empty() => {
                diff_sets(&mut patch, key, have, list, options);
            }
            (have, value, _) if !options.ignore_changes && have != Some(value) => {
                patch.insert(key, value);
            }
            _ => {}
        }
    }
    if !options.ignore_deletions {
        for (key, _) in old.entries().iter().filter(|(key, _)| own(new, key).is_none()) {
            patch.insert(key, Value::Null);
        }
    }
    if options.retain_keys {
        let retained: Vec<Value> =
            new.entries().iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key.into()).collect();
        let cleared = old.entries().iter().any(|(key, value)| !value.is_null() && own(new, key).is_none());
        if !retained.is_empty() && (!patch.is_empty() || cleared) {
            patch.insert(RETAIN_KEYS, retained);
        }
    }
    Ok(patch)
}

/// The changed, new and deleted items of a list that merges by `id`, and the order of the new list if it must be told.
fn diff_lists(
    patch: &mut Map,
    name: &Text,
    (kind, id): (Option<&'static Type>, &'static str),
    (old, new): (&[Value], &[Value]),
    options: Options,
) -> Result<(), String> {
    for item in old.iter().chain(new) {
        key_of(item, id)?;
    }
    let mut items = Vec::new();
    for item in new {
        match old.iter().find(|have| have[id] == item[id]) {
            Some(have) => {
                let mut changed = diff_maps(kind, have, item, options)?;
                if !changed.is_empty() {
                    changed.insert(id, item[id].clone());
                    items.push(changed.into());
                }
            }
            None if options.ignore_changes => {}
            // A null says nothing about an item that is not there yet.
            None => items.push(item.entries().iter().filter(|(_, value)| !value.is_null()).cloned().collect::<Map>().into()),
        }
    }
    if !options.ignore_deletions {
        let mut deleted: Vec<&Value> = old.iter().filter(|have| !new.iter().any(|item| item[id] == have[id])).collect();
        deleted.order_by_key(|item| item[id].to_json());
        items.extend(deleted.into_iter().map(|item| {
            let mut deletion = value!({DIRECTIVE: "delete"});
            deletion.map_mut().insert(id, item[id].clone());
            deletion
        }));
    }
    let same_order = old.len() == new.len() && old.iter().zip(new).all(|(have, item)| have[id] == item[id]);
    if !new.is_empty() && (!items.is_empty() || !options.ignore_changes && !same_order) {
        let entry = |item: &Value| -> Value { [(Text::from(id), item[id].clone())].into_iter().collect::<Map>().into() };
        patch.insert(format!("{SET_ORDER}{name}"), new.iter().map(entry).collect::<Value>());
    }
    if !items.is_empty() {
        patch.insert(name, items);
    }
    Ok(())
}

fn diff_sets(patch: &mut Map, name: &Text, old: &[Value], new: &[Value], options: Options) {
    let missing = |list: &[Value], from: &[Value], skip: bool| -> Vec<Value> {
        list.iter().filter(|item| !skip && !from.contains(item)).cloned().collect()
    };
    let added = missing(new, old, options.ignore_changes);
    let deleted = missing(old, new, options.ignore_deletions);
    if !new.is_empty() && (!deleted.is_empty() || !options.ignore_changes && old != new) {
        patch.insert(format!("{SET_ORDER}{name}"), new.to_vec());
    }
    if !added.is_empty() {
        patch.insert(name, added);
    }
    if !deleted.is_empty() {
        patch.insert(format!("{DELETE_PRIMITIVES}{name}"), deleted);
    }
}

/// Puts the patch with the changes into the patch with the deletions (`mergeMap` without `MergeParallelList`).
fn unite(kind: Option<&'static Type>, mut deletions: Map, delta: &Map) -> Result<Map, String> {
    for (key, value) in delta.entries() {
        if key.starts_with('$') {
            let before = deletions.insert(key, value);
            if key.starts_with(SET_ORDER) && before.is_some_and(|before| before != *value) {
                return Err("invalid patch format of setElementOrder list".into());
            }
            continue;
        }
        let (inner, strategy) = field_of(kind, key);
        let united = match (deletions.get(key), value, strategy) {
            (Some(Value::Map(have)), Value::Map(value), _) => unite(inner, (**have).clone(), value)?.into(),
            (Some(Value::List(have)), Value::List(items), Patch::MergeBy { key: id, .. }) => unite_lists(inner, have, items, id)?,
            (Some(Value::List(have)), Value::List(items), Patch::MergeSet) => {
                have.iter().chain(items.iter().filter(|item| !have.contains(item))).cloned().collect()
            }
            _ => value.clone(),
        };
        deletions.insert(key, united);
    }
    Ok(deletions)
}

/// Changed items in their order; those that only the deletions name come after them (`mergeSlice`, `normalizeElementOrder`).
fn unite_lists(kind: Option<&'static Type>, deletions: &[Value], delta: &[Value], id: &str) -> Result<Value, String> {
    let mut united = Vec::new();
    for item in delta {
        let have = deletions.iter().find(|have| have[id] == item[id]).and_then(Value::as_map);
        united.push(match (have, item.as_map()) {
            (Some(have), Some(item)) => unite(kind, have.clone(), item)?.into(),
            _ => item.clone(),
        });
    }
    let only = deletions.iter().filter(|have| !delta.iter().any(|item| item[id] == have[id]));
    united.extend(only.cloned());
    Ok(united.into())
}

/// A field that is there, be it null.
fn own<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    object.as_map().and_then(|map| map.get(key))
}

/// The merge key's value of an item.
pub(super) fn key_of<'v>(item: &'v Value, key: &str) -> Result<&'v Value, String> {
    own(item, key).ok_or_else(|| format!("map: {} does not contain declared merge key: {key}", go_text(item)))
}

#[cfg(test)]
mod tests {
    use super::super::apply;
    use super::*;
    use crate::api::resource::{DEPLOYMENTS, PODDISRUPTIONBUDGETS, PODS};
    use crate::core::PatchType;

    #[test]
    fn the_recorded_patches_of_a_kubelet() {
        let old = value!({"status": {
            "conditions": [
                {"type": "Initialized", "status": "True", "lastProbeTime": null},
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastProbeTime": null}],
            "phase": "Pending"}});
        let new = value!({"status": {
            "conditions": [
                {"type": "Initialized", "status": "True", "lastProbeTime": null},
                {"type": "Ready", "status": "True", "lastProbeTime": null},
                {"type": "DisruptionTarget", "status": "True", "lastProbeTime": null}],
            "phase": "Running"}});
        let patch = two_way_strategic(&old, &new, PODS).unwrap();
        assert_eq!(
            patch.to_json(),
            r#"{"status":{"$setElementOrder/conditions":[{"type":"Initialized"},{"type":"Ready"},{"type":"DisruptionTarget"}],"conditions":[{"reason":null,"status":"True","type":"Ready"},{"status":"True","type":"DisruptionTarget"}],"phase":"Running"}}"#
        );
        assert_eq!(two_way_strategic(&new, &new.clone(), PODS).unwrap().to_json(), "{}");
        assert_eq!(apply(PODS, &old, &patch, PatchType::Strategic).unwrap()["status"]["phase"].str(), "Running");
    }

    #[test]
    fn the_recorded_patch_of_set_image() {
        let deployment =
            |image: &'static str| value!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": image}]}}}});
        assert_eq!(
            two_way_strategic(&deployment("nginx:1.27"), &deployment("nginx:1.28"), DEPLOYMENTS).unwrap().to_json(),
            r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"nginx"}],"containers":[{"image":"nginx:1.28","name":"nginx"}]}}}}"#
        );
    }

    #[test]
    fn finalizers_and_owners() {
        let pod = |finalizers: Vec<&'static str>| value!({"metadata": {"finalizers": finalizers}});
        assert_eq!(
            two_way_strategic(&pod(vec!["a", "b"]), &pod(vec!["b"]), PODS).unwrap().to_json(),
            r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b"]}}"#
        );
        let owned = value!({"metadata": {"ownerReferences": [{"uid": "u", "name": "rs"}]}});
        let orphan = value!({"metadata": {"ownerReferences": []}});
        assert_eq!(
            two_way_strategic(&owned, &orphan, PODS).unwrap().to_json(),
            r#"{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u"}]}}"#
        );
    }

    fn check_apply(original: &Value, modified: &Value, current: &Value, want_patch: &str, want: &str) {
        let patch = three_way_strategic(original, modified, current, DEPLOYMENTS).unwrap();
        assert_eq!(patch.to_json(), want_patch);
        assert_eq!(apply(DEPLOYMENTS, current, &patch, PatchType::Strategic).unwrap().to_json(), want);
    }

    #[test]
    fn apply_keeps_what_others_set() {
        check_apply(
            &value!({"metadata": {"labels": {"a": "1", "b": "1"}}, "spec": {"replicas": 2}}),
            &value!({"metadata": {"labels": {"a": "2"}}}),
            &value!({"metadata": {"labels": {"a": "1", "b": "1", "other": "x"}}, "spec": {"replicas": 5, "paused": true}}),
            r#"{"metadata":{"labels":{"a":"2","b":null}},"spec":null}"#,
            r#"{"metadata":{"labels":{"a":"2","other":"x"}}}"#,
        );
        check_apply(
            &value!({"spec": {"replicas": 2, "paused": true}}),
            &value!({"spec": {"replicas": 3}}),
            &value!({"spec": {"replicas": 2, "paused": true, "minReadySeconds": 1}}),
            r#"{"spec":{"paused":null,"replicas":3}}"#,
            r#"{"spec":{"minReadySeconds":1,"replicas":3}}"#,
        );
    }

    #[test]
    fn apply_of_containers() {
        let containers = |list: Value| value!({"spec": {"template": {"spec": {"containers": list}}}});
        check_apply(
            &containers(value!([{"name": "a", "image": "1", "tty": true}, {"name": "gone", "image": "1"}])),
            &containers(value!([{"name": "a", "image": "2"}])),
            &containers(
                value!([{"name": "a", "image": "1", "tty": true, "imagePullPolicy": "Always"}, {"name": "gone", "image": "1"}, {"name": "injected"}]),
            ),
            r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"image":"2","name":"a","tty":null},{"$patch":"delete","name":"gone"}]}}}}"#,
            r#"{"spec":{"template":{"spec":{"containers":[{"image":"2","imagePullPolicy":"Always","name":"a"},{"name":"injected"}]}}}}"#,
        );
    }

    #[test]
    fn apply_of_a_changed_strategy_clears_the_old_one() {
        check_apply(
            &value!({"spec": {"strategy": {"type": "RollingUpdate"}}}),
            &value!({"spec": {"strategy": {"type": "Recreate"}}}),
            &value!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}}}),
            r#"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#,
            r#"{"spec":{"strategy":{"type":"Recreate"}}}"#,
        );
    }

    #[test]
    fn what_was_never_in_the_manifest_stays() {
        let containers = |list: Value| value!({"spec": {"template": {"spec": {"containers": list}}}});
        let same = containers(value!([{"name": "a", "image": "1"}]));
        let defaulted = containers(value!([{"name": "a", "image": "1", "imagePullPolicy": "Always"}]));
        check_apply(&same, &same, &defaulted, "{}", &defaulted.to_json());
        // Another container of the server makes the order differ, and the patch tells it, as upstream does.
        let injected = containers(value!([{"name": "a", "image": "1"}, {"name": "b"}]));
        let order = r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"a"}]}}}}"#;
        check_apply(&same, &same, &injected, order, &injected.to_json());
    }

    #[test]
    fn plain_lists() {
        let old = value!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"tolerations": [{"key": "x"}]}});
        let new = value!({"metadata": {"finalizers": ["b", "c"]}, "spec": {"tolerations": [{"key": "y"}]}});
        assert_eq!(
            two_way_strategic(&old, &new, PODS).unwrap().to_json(),
            r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b","c"],"finalizers":["c"]},"spec":{"tolerations":[{"key":"y"}]}}"#
        );
    }

    #[test]
    fn items_need_their_key() {
        let keyless = value!({"spec": {"containers": [{"image": "x"}]}});
        let error = "map: map[image:x] does not contain declared merge key: name";
        assert_eq!(two_way_strategic(&keyless, &keyless, PODS), Err(error.into()));
    }

    #[test]
    fn the_selector_of_a_budget_is_always_sent() {
        let budget = value!({"spec": {"selector": {"matchLabels": {"app": "web"}}}});
        assert_eq!(three_way_strategic(&budget, &budget, &budget, PODDISRUPTIONBUDGETS).unwrap(), budget);
    }

    #[test]
    fn merge_patches() {
        let patch = merge_patch(&value!({"a": 1, "b": {"c": 1, "d": 2}, "e": 1}), &value!({"a": 1, "b": {"c": 2, "d": 2}}));
        assert_eq!(patch.to_json(), r#"{"b":{"c":2},"e":null}"#);
    }
}

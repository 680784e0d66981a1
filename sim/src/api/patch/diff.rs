//! Making patches (strategicpatch.CreateTwoWayMergePatch, CreateThreeWayMergePatch, jsonpatch.CreateMergePatch).

use super::strategic::{DELETE_PRIMITIVES, DIRECTIVE, RETAIN_KEYS, SET_ORDER};
use crate::api::Resource;
use crate::api::schema::{self, Patch, Type};
use crate::value;
use crate::value::{Map, Text, Value};

/// What a diff looks for.
#[derive(Clone, Copy)]
struct Options {
    /// Leave out what is only in the old object.
    ignore_deletions: bool,
    /// Leave out what is new or different.
    only_deletions: bool,
    /// Write `$retainKeys` (objects whose schema asks for it).
    retain_keys: bool,
}

/// The strategic merge patch that turns `old` into `new`: kubelets' status patches, `kubectl set`, `edit`, `label`. `{}` when they are equal.
pub fn two_way_strategic(old: &Value, new: &Value, resource: Resource) -> Value {
    let options = Options { ignore_deletions: false, only_deletions: false, retain_keys: false };
    diff_maps(Some(schema::of_resource(resource)), old, new, options)
}

/// The patch of `kubectl apply`: what `modified` (the manifest) changes or adds over `current` (the live object), and what it no
/// longer has of `original` (the manifest applied before). `{}` when nothing is to be done.
pub fn three_way_strategic(original: &Value, modified: &Value, current: &Value, resource: Resource) -> Value {
    let kind = Some(schema::of_resource(resource));
    let delta = Options { ignore_deletions: true, only_deletions: false, retain_keys: false };
    let deletions = Options { ignore_deletions: false, only_deletions: true, retain_keys: false };
    let delta = diff_maps(kind, current, modified, delta);
    let deletions = diff_maps(kind, original, modified, deletions);
    unite(kind, &deletions, &delta)
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

fn diff_maps(kind: Option<&'static Type>, old: &Value, new: &Value, options: Options) -> Value {
    let mut patch = Map::new();
    if old.same(new) {
        return patch.into();
    }
    for (key, value) in new.entries() {
        let have = &old[&**key];
        if have == value {
            continue;
        }
        let field = kind.and_then(|kind| kind.field(key));
        let inner = field.and_then(|field| field.kind.object());
        let strategy = field.map_or(Patch::Default, |field| field.patch);
        match (have, value, strategy) {
            (Value::Map(_), Value::Map(_), Patch::Default | Patch::RetainKeys) => {
                let changed = diff_maps(inner, have, value, Options { retain_keys: strategy == Patch::RetainKeys, ..options });
                if !changed.is_empty() {
                    patch.insert(key, changed);
                }
            }
            (Value::List(_), Value::List(_), Patch::MergeBy { key: id, retain_keys }) => {
                let (items, order) = diff_lists(inner, have.items(), value.items(), id, Options { retain_keys, ..options });
                if !items.is_empty() {
                    patch.insert(key, items);
                }
                if let Some(order) = order {
                    patch.insert(format!("{SET_ORDER}{key}"), order);
                }
            }
            (Value::List(_), Value::List(_), Patch::MergeSet) => {
                diff_sets(&mut patch, key, have.items(), value.items(), options);
            }
            _ if options.only_deletions => {}
            _ => {
                patch.insert(key, without_nulls(value));
            }
        }
    }
    if !options.ignore_deletions {
        for (key, have) in old.entries() {
            if !have.is_null() && new.get(key).is_none() {
                patch.insert(key, Value::Null);
            }
        }
    }
    let retained: Vec<Value> = new.entries().iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key.into()).collect();
    let cleared = old.entries().iter().any(|(key, _)| new.get(key).is_none());
    if options.retain_keys && !retained.is_empty() && (!patch.is_empty() || cleared) {
        patch.insert(RETAIN_KEYS, retained);
    }
    patch.into()
}

/// The changed, new and deleted items of a list, and the order of the new list if it must be told.
fn diff_lists(
    kind: Option<&'static Type>,
    old: &[Value],
    new: &[Value],
    key: &'static str,
    options: Options,
) -> (Vec<Value>, Option<Value>) {
    let find = |list: &'_ [Value], id: &Value| list.iter().position(|item| item[key] == *id);
    let mut items = Vec::new();
    for item in new {
        match find(old, &item[key]) {
            Some(at) => {
                let mut changed = diff_maps(kind, &old[at], item, options);
                if !changed.is_empty() {
                    changed.map_mut().insert(key, item[key].clone());
                    items.push(changed);
                }
            }
            None if options.only_deletions => {}
            None => items.push(without_nulls(item)),
        }
    }
    if !options.ignore_deletions {
        let mut deleted: Vec<&Value> = old.iter().filter(|item| find(new, &item[key]).is_none()).collect();
        deleted.sort_by_key(|item| item[key].to_json());
        items.extend(deleted.into_iter().map(|item| {
            let mut deletion = value!({"$patch": "delete"});
            debug_assert_eq!(deletion[DIRECTIVE].str(), "delete");
            deletion.map_mut().insert(key, item[key].clone());
            deletion
        }));
    }
    let common = |list: &[Value], other: &[Value]| -> Vec<Value> {
        list.iter().map(|item| item[key].clone()).filter(|id| find(other, id).is_some()).collect()
    };
    let same_order = common(old, new) == common(new, old);
    let told = !new.is_empty() && (!items.is_empty() || (!same_order && !options.only_deletions));
    let order = told.then(|| {
        let entry = |item: &Value| -> Value { [(Text::from(key), item[key].clone())].into_iter().collect::<Map>().into() };
        new.iter().map(entry).collect()
    });
    (items, order)
}

fn diff_sets(patch: &mut Map, key: &Text, old: &[Value], new: &[Value], options: Options) {
    let added: Vec<Value> = new.iter().filter(|item| !old.contains(item)).cloned().collect();
    let deleted: Vec<Value> = old.iter().filter(|item| !new.contains(item)).cloned().collect();
    let (adds, deletes) = (!added.is_empty() && !options.only_deletions, !deleted.is_empty() && !options.ignore_deletions);
    if adds {
        patch.insert(key, added);
    }
    if deletes {
        patch.insert(format!("{DELETE_PRIMITIVES}{key}"), deleted);
    }
    if (adds || deletes) && !new.is_empty() {
        patch.insert(format!("{SET_ORDER}{key}"), new.to_vec());
    }
}

/// Puts the patch with the deletions and the patch with the changes together; they never disagree about a field.
fn unite(kind: Option<&'static Type>, deletions: &Value, delta: &Value) -> Value {
    let mut result = deletions.clone();
    for (key, value) in delta.entries() {
        let name = key.as_str();
        let field = kind.and_then(|kind| kind.field(name));
        let inner = field.and_then(|field| field.kind.object());
        let strategy = field.map_or(Patch::Default, |field| field.patch);
        let have = &result[name];
        let united = match (have, value, strategy) {
            (Value::Map(_), Value::Map(_), _) => unite(inner, have, value),
            (Value::List(_), Value::List(_), Patch::MergeBy { key: id, .. }) if !name.starts_with('$') => {
                let mut items = have.items().to_vec();
                for item in value.items() {
                    match items.iter_mut().find(|have| have[id] == item[id] && have.get(DIRECTIVE).is_none()) {
                        Some(have) => *have = unite(inner, have, item),
                        None => items.push(item.clone()),
                    }
                }
                // Changes come in the order of the manifest, deletions behind them.
                items.sort_by_key(|item| {
                    let order = delta[format!("{SET_ORDER}{name}").as_str()].items();
                    let place = order.iter().position(|entry| entry[id] == item[id]);
                    (item.get(DIRECTIVE).is_some(), place)
                });
                items.into()
            }
            _ => value.clone(),
        };
        result.map_mut().insert(key, united);
    }
    result
}

/// A value without nulls in its maps: they would delete what is not there.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let kept = map.entries().iter().filter(|(_, value)| !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect::<Map>().into()
        }
        Value::List(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::apply;
    use super::*;
    use crate::api::resource::{DEPLOYMENTS, PODS};
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
        let patch = two_way_strategic(&old, &new, PODS);
        assert_eq!(
            patch.to_json(),
            r#"{"status":{"$setElementOrder/conditions":[{"type":"Initialized"},{"type":"Ready"},{"type":"DisruptionTarget"}],"conditions":[{"reason":null,"status":"True","type":"Ready"},{"status":"True","type":"DisruptionTarget"}],"phase":"Running"}}"#
        );
        assert_eq!(two_way_strategic(&new, &new.clone(), PODS).to_json(), "{}");
        assert_eq!(apply(PODS, &old, &patch, PatchType::Strategic).unwrap()["status"]["phase"].str(), "Running");
    }

    #[test]
    fn the_recorded_patch_of_set_image() {
        let deployment =
            |image: &'static str| value!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": image}]}}}});
        assert_eq!(
            two_way_strategic(&deployment("nginx:1.27"), &deployment("nginx:1.28"), DEPLOYMENTS).to_json(),
            r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"nginx"}],"containers":[{"image":"nginx:1.28","name":"nginx"}]}}}}"#
        );
    }

    #[test]
    fn finalizers_and_owners() {
        let pod = |finalizers: Vec<&'static str>| value!({"metadata": {"finalizers": finalizers}});
        assert_eq!(
            two_way_strategic(&pod(vec!["a", "b"]), &pod(vec!["b"]), PODS).to_json(),
            r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b"]}}"#
        );
        let owned = value!({"metadata": {"ownerReferences": [{"uid": "u", "name": "rs"}]}});
        let orphan = value!({"metadata": {"ownerReferences": []}});
        assert_eq!(
            two_way_strategic(&owned, &orphan, PODS).to_json(),
            r#"{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u"}]}}"#
        );
    }

    fn check_apply(original: &Value, modified: &Value, current: &Value, want_patch: &str, want: &str) {
        let patch = three_way_strategic(original, modified, current, DEPLOYMENTS);
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
    fn merge_patches() {
        let patch = merge_patch(&value!({"a": 1, "b": {"c": 1, "d": 2}, "e": 1}), &value!({"a": 1, "b": {"c": 2, "d": 2}}));
        assert_eq!(patch.to_json(), r#"{"b":{"c":2},"e":null}"#);
    }
}

//! Strategic merge patches between two or three states of an object, after apimachinery's `pkg/util/strategicpatch/patch.go`.

use super::print::columns::go_text;
use crate::value;
use crate::value::{Map, Text, Value};

/// How a list or a map is patched (the struct tags `patchStrategy` and `patchMergeKey`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rule {
    /// Lists: the items' key; "" for a list of plain values.
    merge_key: Option<&'static str>,
    /// Maps: the patch names all fields that are to remain.
    retain_keys: bool,
    /// Maps: the whole map is replaced.
    replace: bool,
}

impl Rule {
    const fn merge(merge_key: &'static str) -> Self {
        Self { merge_key: Some(merge_key), retain_keys: false, replace: false }
    }
}

/// The rule for the field at the end of a path, such as `["spec", "template", "spec", "containers"]`.
fn rule(kind: &str, path: &[&str]) -> Rule {
    let (parent, field) = match path {
        [.., parent, field] => (*parent, *field),
        [field] => ("", *field),
        [] => return Rule::default(),
    };
    let in_container = matches!(parent, "containers" | "initContainers" | "ephemeralContainers");
    match (parent, field) {
        ("metadata", "ownerReferences") => Rule::merge("uid"),
        ("metadata", "finalizers") => Rule::merge(""),
        ("status", "conditions" | "addresses") => Rule::merge("type"),
        ("status", "podIPs" | "hostIPs") => Rule::merge("ip"),
        ("spec", "ports") if kind == "Service" => Rule::merge("port"),
        ("spec", "podCIDRs") if kind == "Node" => Rule::merge(""),
        ("spec", "strategy") if kind == "Deployment" => Rule { retain_keys: true, ..Rule::default() },
        ("spec", "selector") if kind == "PodDisruptionBudget" => Rule { replace: true, ..Rule::default() },
        ("spec", "volumes" | "resourceClaims") => Rule { retain_keys: true, ..Rule::merge("name") },
        ("spec", "containers" | "initContainers" | "ephemeralContainers" | "imagePullSecrets" | "schedulingGates") => {
            Rule::merge("name")
        }
        ("spec", "hostAliases") => Rule::merge("ip"),
        ("spec", "topologySpreadConstraints") => Rule::merge("topologyKey"),
        ("", "secrets") if kind == "ServiceAccount" => Rule::merge("name"),
        (_, "ports") if in_container => Rule::merge("containerPort"),
        (_, "env") if in_container => Rule::merge("name"),
        (_, "volumeMounts") if in_container => Rule::merge("mountPath"),
        (_, "volumeDevices") if in_container => Rule::merge("devicePath"),
        _ => Rule::default(),
    }
}

/// What a comparison leaves out.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    ignore_changes: bool,
    ignore_deletions: bool,
    retain_keys: bool,
}

/// The patch that makes `modified` of `original` (`CreateTwoWayMergePatch`). The error is upstream's text.
pub fn two_way(kind: &str, original: &Value, modified: &Value) -> Result<Value, String> {
    let diff = Diff { kind };
    diff.maps(&mut Vec::new(), original, modified, Options::default()).map(Value::from)
}

/// The patch that brings `current` to `modified`, and removes what `original` had and `modified` has not
/// (`CreateThreeWayMergePatch` with overwrite). The error is upstream's text.
pub fn three_way(kind: &str, original: &Value, modified: &Value, current: &Value) -> Result<Value, String> {
    let diff = Diff { kind };
    let delta = diff.maps(&mut Vec::new(), current, modified, Options { ignore_deletions: true, ..Options::default() })?;
    let deletions = diff.maps(&mut Vec::new(), original, modified, Options { ignore_changes: true, ..Options::default() })?;
    diff.merge_maps(&mut Vec::new(), deletions, delta).map(Value::from)
}

struct Diff<'a> {
    kind: &'a str,
}

impl<'a> Diff<'a> {
    fn maps<'v>(
        &self,
        path: &mut Vec<&'v str>,
        original: &'v Value,
        modified: &'v Value,
        options: Options,
    ) -> Result<Map, String> {
        let mut patch = Map::new();
        let has = |object: &Value, key: &str| object.as_map().is_some_and(|map| map.contains_key(key));
        for (key, value) in modified.entries() {
            let Some(before) = original.as_map().and_then(|map| map.get(key)) else {
                if !options.ignore_changes {
                    patch.insert(key.clone(), value);
                }
                continue;
            };
            path.push(key.as_str());
            match (before, value) {
                (Value::Map(_), Value::Map(_)) => {
                    let rule = rule(self.kind, path);
                    if rule.replace {
                        if !options.ignore_changes {
                            patch.insert(key.clone(), value);
                        }
                    } else {
                        let below = self.maps(path, before, value, Options { retain_keys: rule.retain_keys, ..options })?;
                        if !below.is_empty() {
                            patch.insert(key.clone(), below);
                        }
                    }
                }
                (Value::List(_), Value::List(_)) => match rule(self.kind, path) {
                    Rule { merge_key: Some(merge_key), retain_keys, .. } => {
                        self.lists(path, key, (before, value), merge_key, Options { retain_keys, ..options }, &mut patch)?;
                    }
                    _ if before != value && !options.ignore_changes => {
                        patch.insert(key.clone(), value);
                    }
                    _ => {}
                },
                _ if before != value && !options.ignore_changes => {
                    patch.insert(key.clone(), value);
                }
                _ => {}
            }
            path.pop();
        }
        if !options.ignore_deletions {
            for (key, _) in original.entries().iter().filter(|(key, _)| !has(modified, key)) {
                patch.insert(key.clone(), Value::Null);
            }
        }
        let retained: Vec<&Text> = modified.entries().iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key).collect();
        let cleared = original.entries().iter().any(|(key, value)| !value.is_null() && !has(modified, key));
        if options.retain_keys && !retained.is_empty() && (!patch.is_empty() || cleared) {
            patch.insert("$retainKeys", retained.into_iter().collect::<Value>());
        }
        Ok(patch)
    }

    fn lists<'v>(
        &self,
        path: &mut Vec<&'v str>,
        key: &Text,
        (original, modified): (&'v Value, &'v Value),
        merge_key: &'static str,
        options: Options,
        patch: &mut Map,
    ) -> Result<(), String> {
        if original.items().is_empty() {
            if !modified.items().is_empty() && !options.ignore_changes {
                patch.insert(key.clone(), modified);
            }
            return Ok(());
        }
        if merge_key.is_empty() {
            let missing = |list: &[Value], from: &[Value]| -> Vec<Value> {
                let mut missing: Vec<Value> = list.iter().filter(|item| !from.contains(item)).cloned().collect();
                missing.dedup();
                missing
            };
            let added = if options.ignore_changes { Vec::new() } else { missing(modified.items(), original.items()) };
            let deleted = if options.ignore_deletions { Vec::new() } else { missing(original.items(), modified.items()) };
            if !deleted.is_empty() || !options.ignore_changes && original != modified {
                patch.insert(format!("$setElementOrder/{key}"), modified);
            }
            if !added.is_empty() {
                patch.insert(key.clone(), added);
            }
            if !deleted.is_empty() {
                patch.insert(format!("$deleteFromPrimitiveList/{key}"), deleted);
            }
            return Ok(());
        }
        let keyed = |list: &'v Value| -> Result<Vec<(&'v Value, &'v Value)>, String> {
            list.items().iter().map(|item| Ok((key_of(item, merge_key)?, item))).collect()
        };
        let (old, new) = (keyed(original)?, keyed(modified)?);
        let mut items = Vec::new();
        for (name, item) in &new {
            match old.iter().find(|(have, _)| have == name) {
                Some((_, before)) => {
                    let mut below = self.maps(path, before, item, options)?;
                    if !below.is_empty() {
                        below.insert(merge_key, *name);
                        items.push(Value::from(below));
                    }
                }
                None if !options.ignore_changes => items.push((*item).clone()),
                None => {}
            }
        }
        if !options.ignore_deletions {
            for (name, _) in old.iter().filter(|(name, _)| !new.iter().any(|(have, _)| have == name)) {
                let mut gone = value!({"$patch": "delete"});
                gone.map_mut().insert(merge_key, *name);
                items.push(gone);
            }
        }
        let same_order = old.len() == new.len() && old.iter().zip(&new).all(|((a, _), (b, _))| a == b);
        if !items.is_empty() || !options.ignore_changes && !same_order {
            let order: Vec<Value> = new
                .iter()
                .map(|(name, _)| {
                    let mut entry = Map::new();
                    entry.insert(merge_key, *name);
                    Value::from(entry)
                })
                .collect();
            if !order.is_empty() {
                patch.insert(format!("$setElementOrder/{key}"), order);
            }
        }
        if !items.is_empty() {
            patch.insert(key.clone(), items);
        }
        Ok(())
    }

    /// Puts one patch into another (`mergeMap` without `MergeParallelList`).
    fn merge_maps(&self, path: &mut Vec<String>, mut original: Map, patch: Map) -> Result<Map, String> {
        for (key, value) in patch.entries() {
            if key.starts_with('$') {
                let before = original.insert(key.clone(), value);
                if key.starts_with("$setElementOrder") && before.is_some_and(|before| before != *value) {
                    return Err("invalid patch format of setElementOrder list".into());
                }
                continue;
            }
            let merged = match (original.get(key), value) {
                (Some(Value::Map(before)), Value::Map(value)) => {
                    path.push(key.to_string());
                    let merged = self.merge_maps(path, (**before).clone(), (**value).clone())?;
                    path.pop();
                    Value::from(merged)
                }
                (Some(before @ Value::List(_)), Value::List(items)) => {
                    path.push(key.to_string());
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    let merge_key = rule(self.kind, &names).merge_key;
                    let merged = match merge_key {
                        Some(merge_key) if !merge_key.is_empty() => self.merge_lists(path, before.items(), items, merge_key)?,
                        Some(_) => {
                            let added = items.iter().filter(|item| !before.items().contains(item));
                            before.items().iter().chain(added).cloned().collect()
                        }
                        None => value.clone(),
                    };
                    path.pop();
                    merged
                }
                _ => value.clone(),
            };
            original.insert(key.clone(), merged);
        }
        Ok(original)
    }

    /// Items of `patch` in their order; those that only `original` has come after them (`mergeSlice`, `normalizeElementOrder`).
    fn merge_lists(
        &self,
        path: &mut Vec<String>,
        original: &[Value],
        patch: &[Value],
        merge_key: &'static str,
    ) -> Result<Value, String> {
        let mut merged = Vec::new();
        for item in patch {
            let name = key_of(item, merge_key)?;
            let before = original.iter().find(|have| have[merge_key] == *name).and_then(Value::as_map);
            merged.push(match (before, item.as_map()) {
                (Some(before), Some(item)) => Value::from(self.merge_maps(path, before.clone(), item.clone())?),
                _ => item.clone(),
            });
        }
        let only = original.iter().filter(|have| !patch.iter().any(|item| item[merge_key] == have[merge_key]));
        merged.extend(only.cloned());
        Ok(Value::from(merged))
    }
}

fn key_of<'v>(item: &'v Value, merge_key: &str) -> Result<&'v Value, String> {
    item.as_map()
        .and_then(|map| map.get(merge_key))
        .ok_or_else(|| format!("map: {} does not contain declared merge key: {merge_key}", go_text(item)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(spec: Value) -> Value {
        value!({"spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn a_changed_image_is_named_by_its_container() {
        let old = deployment(value!({"containers": [{"name": "nginx", "image": "nginx:1.27"}]}));
        let new = deployment(value!({"containers": [{"name": "nginx", "image": "nginx:1.28"}]}));
        assert_eq!(
            two_way("Deployment", &old, &new).unwrap().to_json(),
            r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"nginx"}],"containers":[{"image":"nginx:1.28","name":"nginx"}]}}}}"#
        );
        assert_eq!(two_way("Deployment", &old, &old).unwrap().to_json(), "{}");
    }

    #[test]
    fn what_others_added_stays_and_what_was_applied_goes() {
        let original = deployment(value!({"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "nodeName": "x"}));
        let modified = deployment(value!({"containers": [{"name": "a", "image": "2"}]}));
        let current = deployment(value!({
            "containers": [{"name": "sidecar"}, {"name": "a", "image": "1", "imagePullPolicy": "Always"}, {"name": "b"}],
            "nodeName": "x", "dnsPolicy": "Default"}));
        assert_eq!(
            three_way("Deployment", &original, &modified, &current).unwrap().to_json(),
            r#"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"image":"2","name":"a"},{"$patch":"delete","name":"b"}],"nodeName":null}}}}"#
        );
        let same = deployment(value!({"containers": [{"name": "a", "image": "1"}]}));
        let live = deployment(value!({"containers": [{"name": "a", "image": "1", "imagePullPolicy": "Always"}]}));
        assert_eq!(three_way("Deployment", &same, &same, &live).unwrap().to_json(), "{}");
    }

    #[test]
    fn a_strategy_names_what_remains() {
        let old = value!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let new = value!({"spec": {"strategy": {"type": "Recreate"}}});
        assert_eq!(
            three_way("Deployment", &old, &new, &old).unwrap().to_json(),
            r#"{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":null,"type":"Recreate"}}}"#
        );
    }

    #[test]
    fn plain_lists() {
        let old = value!({"metadata": {"finalizers": ["a", "b"]}, "args": ["x"]});
        let new = value!({"metadata": {"finalizers": ["b", "c"]}, "args": ["y"]});
        assert_eq!(
            two_way("Pod", &old, &new).unwrap().to_json(),
            r#"{"args":["y"],"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b","c"],"finalizers":["c"]}}"#
        );
        let keyless = value!({"spec": {"containers": [{"image": "x"}]}});
        assert_eq!(two_way("Pod", &keyless, &keyless), Err("map: map[image:x] does not contain declared merge key: name".into()));
    }

    #[test]
    fn the_selector_of_a_budget_is_always_sent() {
        let budget = value!({"spec": {"selector": {"matchLabels": {"app": "web"}}}});
        assert_eq!(three_way("PodDisruptionBudget", &budget, &budget, &budget).unwrap(), budget);
    }
}

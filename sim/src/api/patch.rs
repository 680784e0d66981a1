//! Patches.

use super::{ApiError, Resource};
use crate::core::PatchType;
use crate::value::Value;

/// Applies a patch to an object of a resource.
pub fn apply(_resource: Resource, current: &Value, patch: &Value, patch_type: PatchType) -> Result<Value, ApiError> {
    apply_plain(current, patch, patch_type)
}

/// Applies a patch to an object that is no resource, such as a Scale.
pub fn apply_plain(current: &Value, patch: &Value, patch_type: PatchType) -> Result<Value, ApiError> {
    match patch_type {
        PatchType::Strategic => Ok(merge(current, patch, true)),
        PatchType::Merge => Ok(merge(current, patch, false)),
        PatchType::Json | PatchType::Apply => {
            Err(ApiError::new(415, "UnsupportedMediaType", "the body of the request was in an unknown format"))
        }
    }
}

fn merge(current: &Value, patch: &Value, strategic: bool) -> Value {
    let Value::Map(_) = patch else { return patch.clone() };
    let mut result = if matches!(current, Value::Map(_)) { current.clone() } else { Value::map() };
    for (key, value) in patch.entries() {
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            result.remove(key);
        } else if let (true, Value::List(_), Some(merge_key)) = (strategic, value, merge_key(key)) {
            let mut list = result[&**key].items().to_vec();
            for item in value.items() {
                match list.iter_mut().find(|have| have[merge_key] == item[merge_key]) {
                    Some(have) => *have = merge(have, item, true),
                    None => list.push(merge(&Value::Null, item, true)),
                }
            }
            result.map_mut().insert(key.clone(), list);
        } else {
            let merged = merge(&result[&**key], value, strategic);
            result.map_mut().insert(key.clone(), merged);
        }
    }
    result
}

fn merge_key(field: &str) -> Option<&'static str> {
    Some(match field {
        "conditions" => "type",
        "containers" | "initContainers" | "volumes" | "env" => "name",
        "ports" => "containerPort",
        "volumeMounts" => "mountPath",
        "addresses" => "type",
        "ownerReferences" => "uid",
        "podIPs" | "hostIPs" => "ip",
        _ => return None,
    })
}

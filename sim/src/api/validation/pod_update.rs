//! What may change in a pod (ValidatePodUpdate).

use super::{Errors, Path, container, pod, scheduling};
use crate::value::Value;

/// The fields that may change, as the refusal lists them.
const MUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn validate(errors: &mut Errors, new: &Value, old: &Value) {
    let path = &Path::new("spec");
    let (new_spec, old_spec) = (&new["spec"], &old["spec"]);
    if new_spec.same(old_spec) || new_spec == old_spec {
        return;
    }
    for list in ["containers", "initContainers"] {
        let path = &path.field(list);
        if new_spec[list].items().len() != old_spec[list].items().len() {
            errors.forbidden(path, "pod updates may not add or remove containers");
            return;
        }
        for (at, item) in new_spec[list].items().iter().enumerate() {
            container::image(errors, &path.index(at).field("image"), &item["image"]);
        }
    }
    deadline(
        errors,
        &path.field("activeDeadlineSeconds"),
        &new_spec["activeDeadlineSeconds"],
        &old_spec["activeDeadlineSeconds"],
    );
    tolerations(errors, &path.field("tolerations"), &new_spec["tolerations"], &old_spec["tolerations"]);

    let mut munged = new_spec.clone();
    for list in ["containers", "initContainers"] {
        for at in 0..munged[list].items().len() {
            let image = old_spec[list][at]["image"].clone();
            if munged[list][at]["image"] != image {
                munged[list][at].set("image", image);
            }
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations"] {
        munged.set(field, old_spec[field].clone());
    }
    let grace = |spec: &Value| spec["terminationGracePeriodSeconds"].int();
    if grace(old_spec) < 0 && grace(new_spec) == 1 {
        munged.set("terminationGracePeriodSeconds", grace(old_spec));
    }
    // Gates are only ever lifted; while there are any, the node choice may still be narrowed.
    if !old_spec["schedulingGates"].is_empty() {
        let had = old_spec["schedulingGates"].items();
        if new_spec["schedulingGates"].items().iter().all(|gate| had.contains(gate)) {
            munged.set("schedulingGates", old_spec["schedulingGates"].clone());
        }
    }
    if munged == *old_spec {
        pod::spec(errors, path, new_spec);
    } else {
        errors.forbidden(path, &format!("{MUTABLE}\n{}", super::spec_diff::diff("PodSpec", old_spec, &munged)));
    }
}

fn deadline(errors: &mut Errors, path: &Path<'_>, new: &Value, old: &Value) {
    match (new.as_int(), old.as_int()) {
        (Some(new_seconds), Some(old_seconds)) if new_seconds > old_seconds => {
            errors.invalid(path, new, "must be less than or equal to previous value");
        }
        (None, Some(_)) => errors.invalid(path, Value::Null, "must not update from a positive integer to nil value"),
        _ => {}
    }
}

/// Tolerations may be added, and their seconds changed (validateOnlyAddedTolerations).
fn tolerations(errors: &mut Errors, path: &Path<'_>, new: &Value, old: &Value) {
    let without_seconds = |toleration: &Value| {
        let mut toleration = toleration.clone();
        toleration.remove("tolerationSeconds");
        toleration
    };
    let have: Vec<Value> = new.items().iter().map(without_seconds).collect();
    if old.items().iter().any(|toleration| !have.contains(&without_seconds(toleration))) {
        errors.forbidden(path, "existing toleration can not be modified except its tolerationSeconds");
    }
    scheduling::tolerations(errors, path, new);
}

//! The columns of storage kinds.

use super::{Column, always, creation_age, name, text_or, wide};
use crate::core::Time;
use crate::value::Value;

pub(super) const PERSISTENT_VOLUME: &[Column] = &[
    always("Name"),
    always("Capacity"),
    always("Access Modes"),
    always("Reclaim Policy"),
    always("Status"),
    always("Claim"),
    always("StorageClass"),
    always("VolumeAttributesClass"),
    always("Reason"),
    always("Age"),
    wide("VolumeMode"),
];

pub(super) const PERSISTENT_VOLUME_CLAIM: &[Column] = &[
    always("Name"),
    always("Status"),
    always("Volume"),
    always("Capacity"),
    always("Access Modes"),
    always("StorageClass"),
    always("VolumeAttributesClass"),
    always("Age"),
    wide("VolumeMode"),
];

pub(super) const STORAGE_CLASS: &[Column] = &[
    always("Name"),
    always("Provisioner"),
    always("ReclaimPolicy"),
    always("VolumeBindingMode"),
    always("AllowVolumeExpansion"),
    always("Age"),
];

pub(super) const CSI_NODE: &[Column] = &[always("Name"), always("Drivers"), always("Age")];

pub(super) const CSI_DRIVER: &[Column] = &[
    always("Name"),
    always("AttachRequired"),
    always("PodInfoOnMount"),
    always("StorageCapacity"),
    always("TokenRequests"),
    always("RequiresRepublish"),
    always("Modes"),
    always("Age"),
];

/// `RWO,ROX`, in the order of the list (GetAccessModesAsString).
fn access_modes(modes: &Value) -> String {
    let short = [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let given = |long: &str| modes.items().iter().any(|mode| mode.str() == long);
    short.iter().filter(|(long, _)| given(long)).map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

fn phase(object: &Value) -> Value {
    if object.is_terminating() { "Terminating".into() } else { object["status"]["phase"].text().into() }
}

/// The class of a volume or claim: the old annotation counts before the field.
fn class(object: &Value) -> Value {
    match object.annotation("volume.beta.kubernetes.io/storage-class") {
        Some(class) => class.to_string().into(),
        None => object["spec"]["storageClassName"].text().into(),
    }
}

pub(super) fn persistent_volume(object: &Value, now: Time) -> Vec<Value> {
    let spec = &object["spec"];
    let claim = match (spec["claimRef"]["namespace"].str(), spec["claimRef"]["name"].str()) {
        (_, "") => String::new(),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    vec![
        name(object),
        spec["capacity"]["storage"].text().into(),
        access_modes(&spec["accessModes"]).into(),
        spec["persistentVolumeReclaimPolicy"].text().into(),
        phase(object),
        claim.into(),
        class(object),
        text_or(&spec["volumeAttributesClassName"], "<unset>"),
        object["status"]["reason"].text().into(),
        creation_age(object, now),
        text_or(&spec["volumeMode"], "<unset>"),
    ]
}

pub(super) fn persistent_volume_claim(object: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let bound = !spec["volumeName"].is_empty();
    let (capacity, modes) = if bound {
        (status["capacity"]["storage"].text(), access_modes(&status["accessModes"]))
    } else {
        (crate::value::Text::default(), String::new())
    };
    vec![
        name(object),
        phase(object),
        spec["volumeName"].text().into(),
        capacity.into(),
        modes.into(),
        class(object),
        text_or(&spec["volumeAttributesClassName"], "<unset>"),
        creation_age(object, now),
        text_or(&spec["volumeMode"], "<unset>"),
    ]
}

pub(super) fn storage_class(object: &Value, now: Time) -> Vec<Value> {
    let is_default = object.annotation("storageclass.kubernetes.io/is-default-class") == Some("true");
    let name = if is_default { format!("{} (default)", object.name()).into() } else { name(object) };
    vec![
        name,
        object["provisioner"].text().into(),
        text_or(&object["reclaimPolicy"], "Delete"),
        text_or(&object["volumeBindingMode"], "Immediate"),
        object["allowVolumeExpansion"].is_true().into(),
        creation_age(object, now),
    ]
}

pub(super) fn csi_node(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), object["spec"]["drivers"].items().len().into(), creation_age(object, now)]
}

pub(super) fn csi_driver(object: &Value, now: Time) -> Vec<Value> {
    let spec = &object["spec"];
    let joined = |list: &Value, placeholder: &str, text: fn(&Value) -> &str| match list.items() {
        [] => placeholder.to_string(),
        items => items.iter().map(text).collect::<Vec<_>>().join(","),
    };
    vec![
        name(object),
        (!matches!(spec["attachRequired"], Value::Bool(false))).into(),
        spec["podInfoOnMount"].is_true().into(),
        spec["storageCapacity"].is_true().into(),
        joined(&spec["tokenRequests"], "<unset>", |request| request["audience"].str()).into(),
        spec["requiresRepublish"].is_true().into(),
        joined(&spec["volumeLifecycleModes"], "Persistent", Value::str).into(),
        creation_age(object, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_pending_claim_shows_no_capacity() {
        let claim = value!({
            "metadata": {"name": "data"}, "status": {"phase": "Pending"},
            "spec": {"storageClassName": "standard", "volumeMode": "Filesystem", "accessModes": ["ReadWriteOnce"]},
        });
        assert_eq!(
            Value::from(persistent_volume_claim(&claim, Time::ZERO)).to_json(),
            r#"["data","Pending","","","","standard","<unset>","<unknown>","Filesystem"]"#
        );
    }

    #[test]
    fn the_default_class_says_so() {
        let class = value!({
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        });
        assert_eq!(
            Value::from(storage_class(&class, Time::ZERO)).to_json(),
            r#"["standard (default)","rancher.io/local-path","Delete","WaitForFirstConsumer",false,"<unknown>"]"#
        );
    }

    #[test]
    fn a_bound_volume() {
        let volume = value!({
            "metadata": {"name": "pv"}, "status": {"phase": "Bound"},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "default", "name": "data"},
            },
        });
        assert_eq!(
            Value::from(persistent_volume(&volume, Time::ZERO)).to_json(),
            r#"["pv","1Gi","RWO,RWX","Retain","Bound","default/data","","<unset>","","<unknown>","Filesystem"]"#
        );
    }
}

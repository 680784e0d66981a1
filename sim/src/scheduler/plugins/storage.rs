//! What the plugins for volumes have in common: how claims and classes are found (`component-helpers/storage/volume`).

use super::super::pod_info::{ClaimRef, PodInfo};
use super::super::snapshot::Objects;
use crate::value::{Text, Value};

/// The name of the StorageClass of a claim or volume; the annotation of before v1.6 comes first.
pub(super) fn class_name(object: &Value) -> &str {
    object.annotation("volume.beta.kubernetes.io/storage-class").unwrap_or_else(|| object["spec"]["storageClassName"].str())
}

/// The StorageClass of a claim.
pub(super) fn class_of<'a>(claim: &Value, objects: &'a Objects) -> Option<&'a Value> {
    objects.storage_classes.get(class_name(claim))
}

/// Whether volumes for claims of this class are chosen when a pod needs them.
pub(super) fn waits_for_consumer(class: &Value) -> bool {
    class["volumeBindingMode"].str() == "WaitForFirstConsumer"
}

/// The key of a claim that a pod uses.
pub(super) fn claim_key(pod: &PodInfo, claim: &ClaimRef) -> Text {
    Text::from(format!("{}/{}", pod.namespace, claim.name))
}

/// A claim that a pod uses.
pub(super) fn claim<'a>(pod: &PodInfo, claim: &ClaimRef, objects: &'a Objects) -> Option<&'a Value> {
    objects.claims.get(&claim_key(pod, claim))
}

/// The claims that a pod names itself, without those that are made for it.
pub(super) fn named(pod: &PodInfo) -> impl Iterator<Item = &ClaimRef> {
    pod.claims.iter().filter(|claim| !claim.ephemeral)
}

/// Whether an object is a claim that the pod uses, made for it or not.
pub(super) fn is_claim_of(pod: &PodInfo, object: &Value) -> bool {
    is_one_of(pod, object, pod.claims.iter())
}

/// Whether an object is one of these claims of the pod.
pub(super) fn is_one_of<'a>(pod: &PodInfo, object: &Value, mut claims: impl Iterator<Item = &'a ClaimRef>) -> bool {
    object.kind() == "PersistentVolumeClaim"
        && object.namespace() == &*pod.namespace
        && claims.any(|claim| claim.name == *object.name())
}

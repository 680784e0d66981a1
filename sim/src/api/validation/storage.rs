//! Volumes, claims and storage classes.

use super::{Errors, Path, container, meta, scheduling, volume};
use crate::api::names;
use crate::api::quantity::Quantity;
use crate::value::Value;

const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// The sources of persistent volumes.
const SOURCES: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

fn access_modes(errors: &mut Errors, path: &Path<'_>, modes: &Value, none: &str) {
    if modes.is_empty() {
        errors.required(path, none);
    }
    for mode in modes.items() {
        errors.one_of(path, mode, ACCESS_MODES);
    }
    if modes.items().len() > 1 && modes.items().iter().any(|mode| mode.str() == "ReadWriteOncePod") {
        errors.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

fn volume_mode(errors: &mut Errors, path: &Path<'_>, mode: &Value) {
    if !mode.is_null() {
        errors.one_of(path, mode, &["Block", "Filesystem"]);
    }
}

/// A claim's spec (ValidatePersistentVolumeClaimSpec).
pub(super) fn claim(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    access_modes(errors, &path.field("accessModes"), &spec["accessModes"], "at least 1 access mode is required");
    meta::label_selector(errors, &path.field("selector"), &spec["selector"]);
    let storage = &spec["resources"]["requests"]["storage"];
    let resources_path = path.field("resources");
    let storage_path = &resources_path.key("storage");
    if storage.is_null() {
        errors.required(storage_path, "");
    } else {
        container::quantity(errors, storage_path, "storage", storage);
        if Quantity::of(storage).is_zero() {
            errors.invalid(storage_path, storage, "must be greater than zero");
        }
    }
    if !spec["storageClassName"].is_empty() {
        let class = &spec["storageClassName"];
        errors.invalid_all(&path.field("storageClassName"), class, names::dns1123_subdomain(class.str()));
    }
    volume_mode(errors, &path.field("volumeMode"), &spec["volumeMode"]);
}

/// Of a claim only the size may change, and only upwards, and what binding it sets.
pub(super) fn claim_update(errors: &mut Errors, new: &Value, old: &Value) {
    let mut munged = new["spec"].clone();
    if new["status"]["phase"].str() == "Bound" {
        munged.set("resources", old["spec"]["resources"].clone());
    }
    munged.set("volumeAttributesClassName", old["spec"]["volumeAttributesClassName"].clone());
    if old["spec"]["volumeName"].is_empty() {
        munged.set("volumeName", Value::Null);
    }
    if munged != old["spec"] {
        let rule = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        let diff = super::spec_diff::diff("PersistentVolumeClaimSpec", &old["spec"], &munged);
        errors.forbidden(&Path::new("spec"), &format!("{rule}\n{diff}"));
        return;
    }
    let size = |claim: &Value| Quantity::of(&claim["spec"]["resources"]["requests"]["storage"]);
    let path = &Path::new("spec");
    if size(new) < size(old) {
        let (resources, requests) = (path.field("resources"), "requests");
        errors.forbidden(&resources.field(requests).key("storage"), "field can not be less than status.capacity");
    }
}

/// ValidatePersistentVolume
pub(super) fn volume(errors: &mut Errors, object: &Value) {
    let (path, spec) = (&Path::new("spec"), &object["spec"]);
    access_modes(errors, &path.field("accessModes"), &spec["accessModes"], "");
    let capacity = &path.field("capacity");
    if spec["capacity"].is_empty() {
        errors.required(capacity, "");
    } else if spec["capacity"]["storage"].is_null() || spec["capacity"].entries().len() > 1 {
        for (key, _) in spec["capacity"].entries() {
            errors.one_of(capacity, &key.into(), &["storage"]);
        }
    }
    for (name, value) in spec["capacity"].entries() {
        container::quantity(errors, &capacity.key(name), name, value);
    }
    errors.required_one_of(
        &path.field("persistentVolumeReclaimPolicy"),
        &spec["persistentVolumeReclaimPolicy"],
        &["Delete", "Recycle", "Retain"],
    );
    if !spec["nodeAffinity"]["required"].is_null() {
        let affinity = &path.field("nodeAffinity");
        scheduling::node_selector(errors, &affinity.field("required"), &spec["nodeAffinity"]["required"]);
    }
    let mut count = 0;
    for kind in SOURCES.iter().copied().filter(|kind| !spec[*kind].is_null()) {
        count += 1;
        if count > 1 {
            errors.forbidden(&path.field(kind), "may not specify more than 1 volume type");
        } else if kind == "hostPath" {
            volume::host_path(errors, &path.field(kind), &spec[kind]);
        } else if kind == "local" && spec["nodeAffinity"].is_null() {
            errors.required(&Path::new("metadata").field("annotations"), "Local volume requires node affinity");
        }
    }
    if count == 0 {
        errors.required(path, "must specify a volume type");
    }
    volume_mode(errors, &path.field("volumeMode"), &spec["volumeMode"]);
}

/// ValidateStorageClass
pub(super) fn class(errors: &mut Errors, object: &Value) {
    let provisioner = &object["provisioner"];
    if provisioner.is_empty() {
        errors.required(&Path::new("provisioner"), "");
    } else {
        let complaints = names::qualified_name(&provisioner.str().to_lowercase());
        errors.invalid_all(&Path::new("provisioner"), provisioner, complaints);
    }
    errors.required_one_of(&Path::new("reclaimPolicy"), &object["reclaimPolicy"], &["Delete", "Retain"]);
    let modes = &["Immediate", "WaitForFirstConsumer"];
    errors.required_one_of(&Path::new("volumeBindingMode"), &object["volumeBindingMode"], modes);
}

/// Of a storage class only metadata, expansion and topologies may change.
pub(super) fn class_update(errors: &mut Errors, new: &Value, old: &Value) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if new[field] != old[field] {
            errors.forbidden(&Path::new(field), &format!("updates to {field} are forbidden."));
        }
    }
    super::config::immutable_field(errors, &["volumeBindingMode"], new, old);
}

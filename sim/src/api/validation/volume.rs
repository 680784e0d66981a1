//! The volumes of pods (ValidateVolumes).

use crate::core::collections::PSet;

use super::{Errors, Path};
use crate::api::names;
use crate::value::{Text, Value};

/// The sources in the order in which they are looked at: the second one found is the one too many.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "storageos",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "quobyte",
    "scaleIO",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// Checks the volumes and answers with the names of those that can be mounted.
pub(super) fn volumes(errors: &mut Errors, list: &Path<'_>, volumes: &Value) -> PSet<Text> {
    let mut names = PSet::new();
    for (at, volume) in volumes.items().iter().enumerate() {
        let path = &list.index(at);
        sources(errors, path, volume);
        let name = volume["name"].text();
        if name.is_empty() {
            errors.required(&path.field("name"), "");
        } else {
            errors.invalid_all(&path.field("name"), &volume["name"], names::dns1123_label(&name));
        }
        if !names.insert(name.clone()) {
            errors.duplicate(&path.field("name"), name);
        }
    }
    names
}

fn sources(errors: &mut Errors, path: &Path<'_>, volume: &Value) {
    let mut count = 0;
    for kind in SOURCES.iter().copied() {
        let (source, path) = (&volume[kind], &path.field(kind));
        if source.is_null() {
            continue;
        }
        count += 1;
        if count > 1 {
            errors.forbidden(path, "may not specify more than 1 volume type");
            continue;
        }
        match kind {
            "emptyDir"
                if !source["sizeLimit"].is_null() && crate::api::quantity::Quantity::of(&source["sizeLimit"]).is_negative() =>
            {
                errors.forbidden(&path.field("sizeLimit"), "SizeLimit field must be a valid resource quantity");
            }
            "hostPath" => host_path(errors, path, source),
            "secret" => {
                needs(errors, path, source, &["secretName"]);
                items(errors, path, source);
            }
            "configMap" => {
                needs(errors, path, source, &["name"]);
                items(errors, path, source);
            }
            "downwardAPI" => items(errors, path, source),
            "nfs" => {
                needs(errors, path, source, &["server", "path"]);
                if !source["path"].is_empty() && !source["path"].str().starts_with('/') {
                    errors.invalid(&path.field("path"), &source["path"], "must be an absolute path");
                }
            }
            "persistentVolumeClaim" => needs(errors, path, source, &["claimName"]),
            "csi" => needs(errors, path, source, &["driver"]),
            "projected" => projected(errors, path, source),
            _ => {}
        }
    }
    if count == 0 {
        errors.required(path, "must specify a volume type");
    }
}

fn needs(errors: &mut Errors, path: &Path<'_>, source: &Value, fields: &[&str]) {
    for field in fields.iter().copied() {
        if source[field].is_empty() {
            errors.required(&path.field(field), "");
        }
    }
}

/// `hostPath`, of pods and of persistent volumes.
pub(super) fn host_path(errors: &mut Errors, path: &Path<'_>, source: &Value) {
    const TYPES: &[&str] = &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    needs(errors, path, source, &["path"]);
    no_backsteps(errors, &path.field("path"), &source["path"]);
    if !source["type"].is_null() {
        errors.one_of(&path.field("type"), &source["type"], TYPES);
    }
}

/// `..` is no part of a path (validatePathNoBacksteps).
pub(super) fn no_backsteps(errors: &mut Errors, path: &Path<'_>, value: &Value) {
    if value.str().split('/').any(|part| part == "..") {
        errors.invalid(path, value, "must not contain '..'");
    }
}

/// A path below some directory (ValidateLocalDescendingPath).
pub(super) fn descending_path(errors: &mut Errors, path: &Path<'_>, value: &Value) {
    if value.str().starts_with('/') {
        errors.invalid(path, value, "must be a relative path");
    }
    no_backsteps(errors, path, value);
}

fn mode(errors: &mut Errors, path: &Path<'_>, mode: &Value) {
    if !mode.is_null() && !(0..=0o777).contains(&mode.int()) {
        errors.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive");
    }
}

fn items(errors: &mut Errors, path: &Path<'_>, source: &Value) {
    mode(errors, &path.field("defaultMode"), &source["defaultMode"]);
    for (at, item) in source["items"].items().iter().enumerate() {
        let list = &path.field("items");
        let path = &list.index(at);
        if item["fieldRef"].is_null() && item["resourceFieldRef"].is_null() {
            needs(errors, path, item, &["key"]);
        }
        needs(errors, path, item, &["path"]);
        descending_path(errors, &path.field("path"), &item["path"]);
        mode(errors, &path.field("mode"), &item["mode"]);
    }
}

fn projected(errors: &mut Errors, path: &Path<'_>, source: &Value) {
    mode(errors, &path.field("defaultMode"), &source["defaultMode"]);
    let list = &path.field("sources");
    for (at, source) in source["sources"].items().iter().enumerate() {
        let path = &list.index(at);
        let mut count = 0;
        for (kind, projection) in source.entries() {
            let path = &path.field(kind);
            count += 1;
            if count > 1 {
                errors.forbidden(path, "may not specify more than 1 volume type per source");
                continue;
            }
            match kind.as_str() {
                "secret" | "configMap" => {
                    needs(errors, path, projection, &["name"]);
                    items(errors, path, projection);
                }
                "downwardAPI" => items(errors, path, projection),
                "serviceAccountToken" => {
                    let seconds = &projection["expirationSeconds"];
                    if seconds.int() < 600 {
                        errors.invalid(
                            &path.field("expirationSeconds"),
                            seconds,
                            "may not specify a duration less than 10 minutes",
                        );
                    }
                    needs(errors, path, projection, &["path"]);
                }
                _ => {}
            }
        }
        if count == 0 {
            errors.required(path, "must specify a volume type");
        }
    }
}

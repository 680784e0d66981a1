//! Volumes in a description.

use super::sheet::{Sheet, or_none, plain};
use crate::value::Value;

/// Writes the volumes of a pod or, indented, of a template.
pub(super) fn describe(sheet: &mut Sheet, volumes: &Value, template: bool) {
    let (indent, space) = if template { ("  ", " ") } else { ("", "") };
    if volumes.is_empty() {
        sheet.line(0, &format!("{indent}Volumes:\t<none>"));
        return;
    }
    sheet.line(0, &format!("{indent}Volumes:"));
    for volume in volumes.items() {
        sheet.line(1, &format!("{space}{}:", volume["name"].str()));
        source(sheet, volume);
    }
}

/// A kind of volume: its field, its title, and its fields with their titles.
type Kind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Writes what a volume (or a PersistentVolume's spec) is made from.
pub(super) fn source(sheet: &mut Sheet, volume: &Value) {
    let kinds: &[Kind] = &[
        ("hostPath", "HostPath (bare host directory volume)", &[("Path", "path"), ("HostPathType", "type")]),
        (
            "emptyDir",
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            &[("Medium", "medium"), ("SizeLimit", "sizeLimit")],
        ),
        ("secret", "Secret (a volume populated by a Secret)", &[("SecretName", "secretName"), ("Optional", "optional")]),
        ("configMap", "ConfigMap (a volume populated by a ConfigMap)", &[("Name", "name"), ("Optional", "optional")]),
        (
            "persistentVolumeClaim",
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            &[("ClaimName", "claimName"), ("ReadOnly", "readOnly")],
        ),
        (
            "nfs",
            "NFS (an NFS mount that lasts the lifetime of a pod)",
            &[("Server", "server"), ("Path", "path"), ("ReadOnly", "readOnly")],
        ),
        (
            "csi",
            "CSI (a Container Storage Interface (CSI) volume source)",
            &[("Driver", "driver"), ("FSType", "fsType"), ("ReadOnly", "readOnly")],
        ),
        ("local", "LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", "path")]),
        ("image", "Image (a container image or OCI artifact)", &[("Reference", "reference"), ("PullPolicy", "pullPolicy")]),
    ];
    for (key, title, fields) in kinds {
        let Value::Map(_) = &volume[*key] else { continue };
        sheet.field(2, "Type", title);
        for (title, field) in *fields {
            let value = &volume[*key][*field];
            let text = match (*key, *field) {
                (_, "optional" | "readOnly") => value.is_true().to_string(),
                ("emptyDir", "sizeLimit") if value.is_null() => "<unset>".to_string(),
                ("hostPath", "type") => or_none(value.str()).to_string(),
                _ if value.is_null() => String::new(),
                _ => plain(value),
            };
            sheet.field(2, title, &text);
        }
        return;
    }
    if let Some(projected) = volume.get("projected") {
        self::projected(sheet, projected);
    } else if let Some(downward) = volume.get("downwardAPI") {
        sheet.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
        sheet.line(2, "Items:");
        for item in downward["items"].items() {
            let from = match item["fieldRef"]["fieldPath"].str() {
                "" => item["resourceFieldRef"]["resource"].str(),
                path => path,
            };
            sheet.line(3, &format!("{from} -> {}", item["path"].str()));
        }
    } else {
        sheet.line(1, "<unknown>");
    }
}

fn projected(sheet: &mut Sheet, projected: &Value) {
    sheet.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
    for source in projected["sources"].items() {
        if let Some(secret) = source.get("secret") {
            sheet.field(2, "SecretName", secret["name"].str());
            sheet.field(2, "Optional", &secret["optional"].is_true().to_string());
        } else if source.get("downwardAPI").is_some() {
            sheet.field(2, "DownwardAPI", "true");
        } else if let Some(config) = source.get("configMap") {
            sheet.field(2, "ConfigMapName", config["name"].str());
            sheet.field(2, "Optional", &config["optional"].is_true().to_string());
        } else if let Some(token) = source.get("serviceAccountToken") {
            sheet.field(2, "TokenExpirationSeconds", &token["expirationSeconds"].int().to_string());
        }
    }
}

//! Metadata and label selectors (`apimachinery/pkg/api/validation/objectmeta.go`, `apis/meta/v1/validation`).

use super::{Errors, Path};
use crate::api::names;
use crate::value::{Text, Value};

/// The most that all annotations of an object may take, in bytes.
const ANNOTATIONS_MAX: usize = 256 * 1024;

/// What an object's name looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameRule {
    Label,
    Subdomain,
    PathSegment,
    Any,
}

impl NameRule {
    fn check(self, name: &str) -> Vec<String> {
        match self {
            Self::Label => names::dns1123_label(name),
            Self::Subdomain => names::dns1123_subdomain(name),
            Self::PathSegment => names::path_segment(name),
            Self::Any => Vec::new(),
        }
    }
}

pub(super) fn object_meta(errors: &mut Errors, object: &Value, namespaced: bool, rule: NameRule) {
    let (path, meta) = (Path::new("metadata"), &object["metadata"]);
    if let Some(base) = meta["generateName"].as_str().filter(|base| !base.is_empty()) {
        // A generated name goes on behind the dash that a base may end in.
        let base = base.strip_suffix('-').map_or_else(|| base.to_string(), |base| format!("{base}a"));
        errors.invalid_all(&path.field("generateName"), &meta["generateName"], rule.check(&base));
    }
    if meta["name"].is_empty() {
        errors.required(&path.field("name"), "name or generateName is required");
    } else {
        errors.invalid_all(&path.field("name"), &meta["name"], rule.check(meta["name"].str()));
    }
    let namespace = &meta["namespace"];
    if namespaced {
        if namespace.is_empty() {
            errors.required(&path.field("namespace"), "");
        } else {
            errors.invalid_all(&path.field("namespace"), namespace, names::dns1123_label(namespace.str()));
        }
    } else if !namespace.is_empty() {
        errors.forbidden(&path.field("namespace"), "not allowed on this type");
    }
    content(errors, &path, meta);
}

pub(super) fn object_meta_update(errors: &mut Errors, new: &Value, old: &Value) {
    let (path, meta) = (Path::new("metadata"), &new["metadata"]);
    if meta.same(&old["metadata"]) {
        return;
    }
    if new.is_terminating() {
        let had = old["metadata"]["finalizers"].items();
        let added: Vec<&str> = meta["finalizers"].items().iter().filter(|item| !had.contains(item)).map(Value::str).collect();
        if !added.is_empty() && old.is_terminating() {
            let list: Vec<String> = added.iter().map(|name| format!("{name:?}")).collect();
            errors.forbidden(
                &path.field("finalizers"),
                &format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    list.join(", ")
                ),
            );
        }
    }
    content(errors, &path, meta);
}

fn content(errors: &mut Errors, path: &Path<'_>, meta: &Value) {
    labels(errors, &path.field("labels"), &meta["labels"]);
    annotations(errors, &path.field("annotations"), &meta["annotations"]);
    owners(errors, &path.field("ownerReferences"), &meta["ownerReferences"]);
    for finalizer in meta["finalizers"].items() {
        let path = &path.field("finalizers");
        errors.invalid_all(path, finalizer, names::qualified_name(finalizer.str()));
        let known = ["kubernetes", "orphan", "foregroundDeletion"].contains(&finalizer.str());
        if !finalizer.str().contains('/') && !known {
            errors.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
        }
    }
}

/// Labels, wherever they are (ValidateLabels).
pub(super) fn labels(errors: &mut Errors, path: &Path<'_>, labels: &Value) {
    for (key, value) in labels.entries() {
        label_name(errors, path, key);
        errors.invalid_all(path, value, names::label_value(value.str()));
    }
}

/// The key of a label, a taint or a toleration (ValidateLabelName).
pub(super) fn label_name(errors: &mut Errors, path: &Path<'_>, name: &Text) {
    errors.invalid_all(path, &name.into(), names::qualified_name(name));
}

/// Annotations of an object or a template.
pub(super) fn annotations(errors: &mut Errors, path: &Path<'_>, annotations: &Value) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        errors.invalid_all(path, &key.into(), names::qualified_name(&key.to_lowercase()));
        size += key.len() + value.str().len();
    }
    if size > ANNOTATIONS_MAX {
        errors.too_long(path, ANNOTATIONS_MAX);
    }
}

fn owners(errors: &mut Errors, path: &Path<'_>, owners: &Value) {
    let mut controller: Option<&str> = None;
    for owner in owners.items() {
        if owner["apiVersion"].is_empty() {
            errors.invalid(&path.field("apiVersion"), &owner["apiVersion"], "version must not be empty");
        }
        for field in ["kind", "name", "uid"] {
            if owner[field].is_empty() {
                errors.invalid(&path.field(field), owner[field].text(), "must not be empty");
            }
        }
        if owner["controller"].is_true() {
            if let Some(first) = controller {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {}",
                    owner["name"].str()
                );
                errors.invalid(path, owners, &why);
            } else {
                controller = Some(owner["name"].str());
            }
        }
    }
}

/// A LabelSelector object (ValidateLabelSelector).
pub(super) fn label_selector(errors: &mut Errors, path: &Path<'_>, selector: &Value) {
    labels(errors, &path.field("matchLabels"), &selector["matchLabels"]);
    let list = &path.field("matchExpressions");
    for (at, requirement) in selector["matchExpressions"].items().iter().enumerate() {
        let path = &list.index(at);
        let values = &requirement["values"];
        match requirement["operator"].str() {
            "In" | "NotIn" if values.is_empty() => {
                errors.required(&path.field("values"), "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.forbidden(&path.field("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.invalid(&path.field("operator"), requirement["operator"].text(), "not a valid selector operator"),
        }
        label_name(errors, &path.field("key"), &requirement["key"].text());
        for (at, value) in values.items().iter().enumerate() {
            errors.invalid_all(&path.field("values").index(at), value, names::label_value(value.str()));
        }
    }
}

//! Validation.

use super::{ApiError, Resource};
use crate::value;
use crate::value::Value;

/// A field that is wrong (`k8s.io/apimachinery/pkg/util/validation/field`).
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// Path of the field.
    pub field: String,
    /// What is wrong, without the path.
    pub detail: String,
}

impl FieldError {
    /// `Invalid value: …: why`.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            detail: format!("Invalid value: {}: {why}", value.into().to_json()),
        }
    }
    /// `Required value: why`.
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let detail = if why.is_empty() { "Required value".to_string() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", field: field.into(), detail }
    }
}

/// What is wrong with a new object.
pub fn validate_create(_resource: Resource, object: &Value) -> Vec<FieldError> {
    if object.name().is_empty() {
        vec![FieldError::required("metadata.name", "name or generateName is required")]
    } else {
        Vec::new()
    }
}

/// What is wrong with a change.
pub fn validate_update(_resource: Resource, _subresource: &str, _new: &Value, _old: &Value) -> Vec<FieldError> {
    Vec::new()
}

/// 422 for an object of a resource.
pub fn invalid(resource: Resource, name: &str, errors: Vec<FieldError>) -> ApiError {
    invalid_kind(resource.group, resource.kind, name, errors)
}

/// 422 for an object of a kind that is no resource, such as Scale.
pub fn invalid_kind(group: &'static str, kind: &'static str, name: &str, errors: Vec<FieldError>) -> ApiError {
    let texts: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect();
    let list = if texts.len() == 1 { texts[0].clone() } else { format!("[{}]", texts.join(", ")) };
    let qualified = if group.is_empty() { kind.to_string() } else { format!("{kind}.{group}") };
    let causes: Value =
        errors.into_iter().map(|error| value!({"reason": error.reason, "message": error.detail, "field": error.field})).collect();
    let mut error = ApiError::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {list}"));
    error.details = value!({"name": name.to_string(), "kind": kind, "causes": causes});
    if !group.is_empty() {
        error.details["group"] = group.into();
    }
    error
}

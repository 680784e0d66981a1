//! Errors about fields, after `apimachinery/pkg/util/validation/field/errors.go`, and the answer that lists them.

use super::Path;
use crate::api::{ApiError, Resource};
use crate::value;
use crate::value::Value;

/// A field that is wrong.
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
    fn new(reason: &'static str, field: impl Into<String>, what: String, why: &str) -> Self {
        let detail = if why.is_empty() { what } else { format!("{what}: {why}") };
        Self { reason, field: field.into(), detail }
    }
    /// `Invalid value: …: why`.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, why: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {}", value.into().to_json()), why)
    }
    /// `Required value: why`.
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        Self::new("FieldValueRequired", field, "Required value".to_string(), why)
    }
    /// `Unsupported value: …: supported values: …`, in the order given.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let why = if list.is_empty() { String::new() } else { format!("supported values: {}", list.join(", ")) };
        Self::new("FieldValueNotSupported", field, format!("Unsupported value: {}", value.into().to_json()), &why)
    }
    /// `Duplicate value: …`.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: {}", value.into().to_json()), "")
    }
    /// `Not found: …`.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new("FieldValueNotFound", field, format!("Not found: {}", value.into().to_json()), "")
    }
    /// `Forbidden: why`.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self::new("FieldValueForbidden", field, "Forbidden".to_string(), why)
    }
    /// `Too long: may not be more than … bytes`.
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        Self::new("FieldValueTooLong", field, "Too long".to_string(), &format!("may not be more than {max} bytes"))
    }
}

/// A list of errors that is being collected.
#[derive(Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    pub(super) fn into_list(self) -> Vec<FieldError> {
        self.0
    }
    pub(super) fn invalid(&mut self, path: &Path<'_>, value: impl Into<Value>, why: &str) {
        self.0.push(FieldError::invalid(path, value, why));
    }
    pub(super) fn required(&mut self, path: &Path<'_>, why: &str) {
        self.0.push(FieldError::required(path, why));
    }
    pub(super) fn duplicate(&mut self, path: &Path<'_>, value: impl Into<Value>) {
        self.0.push(FieldError::duplicate(path, value));
    }
    pub(super) fn not_found(&mut self, path: &Path<'_>, value: impl Into<Value>) {
        self.0.push(FieldError::not_found(path, value));
    }
    pub(super) fn forbidden(&mut self, path: &Path<'_>, why: &str) {
        self.0.push(FieldError::forbidden(path, why));
    }
    pub(super) fn too_long(&mut self, path: &Path<'_>, max: usize) {
        self.0.push(FieldError::too_long(path, max));
    }

    /// One `Invalid value` for each complaint of a check in [`crate::api::names`].
    pub(super) fn invalid_all(&mut self, path: &Path<'_>, value: &Value, complaints: Vec<String>) {
        for complaint in complaints {
            self.invalid(path, value, &complaint);
        }
    }

    /// A text that must be one of a few; the supported ones are listed in the order given.
    pub(super) fn one_of(&mut self, path: &Path<'_>, value: &Value, supported: &[&str]) {
        if !supported.contains(&value.str()) {
            self.0.push(FieldError::not_supported(path, value.text(), supported));
        }
    }

    /// As [`Errors::one_of`], but an empty text is `Required value`.
    pub(super) fn required_one_of(&mut self, path: &Path<'_>, value: &Value, supported: &[&str]) {
        if value.is_empty() { self.required(path, "") } else { self.one_of(path, value, supported) }
    }

    /// A number that may not be below zero.
    pub(super) fn non_negative(&mut self, path: &Path<'_>, value: &Value) {
        if value.int() < 0 {
            self.invalid(path, value, "must be greater than or equal to 0");
        }
    }
}

/// 422 for an object of a resource.
pub fn invalid(resource: Resource, name: &str, errors: Vec<FieldError>) -> ApiError {
    invalid_kind(resource.group, resource.kind, name, errors)
}

/// 422 for an object of a kind that is no resource, such as Scale (errors.NewInvalid).
pub fn invalid_kind(group: &'static str, kind: &'static str, name: &str, errors: Vec<FieldError>) -> ApiError {
    let mut texts: Vec<String> = Vec::new();
    for error in &errors {
        let text = format!("{}: {}", error.field, error.detail);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
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

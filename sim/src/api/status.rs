//! Errors as the api-server answers them (metav1.Status), after apimachinery's `pkg/api/errors/errors.go`.

use crate::value;
use crate::value::Value;

/// A failed request: the fields of `metav1.Status`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// CamelCase reason, such as `NotFound`.
    pub reason: &'static str,
    /// The words that kubectl prints behind `Error from server (REASON): `.
    pub message: String,
    /// `details`, or null.
    pub details: Value,
}

impl ApiError {
    /// An error without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null }
    }

    /// 404: `pods "nginx" not found`.
    pub fn not_found(group_resource: &str, name: &str) -> Self {
        Self::named(404, "NotFound", group_resource, name, format!("{group_resource} {name:?} not found"))
    }

    /// 409: `pods "nginx" already exists`.
    pub fn already_exists(group_resource: &str, name: &str) -> Self {
        Self::named(409, "AlreadyExists", group_resource, name, format!("{group_resource} {name:?} already exists"))
    }

    /// 409: `Operation cannot be fulfilled on …: …`.
    pub fn conflict(group_resource: &str, name: &str, why: &str) -> Self {
        Self::named(
            409,
            "Conflict",
            group_resource,
            name,
            format!("Operation cannot be fulfilled on {group_resource} {name:?}: {why}"),
        )
    }

    /// 403: `pods "nginx" is forbidden: …`.
    pub fn forbidden(group_resource: &str, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{group_resource} is forbidden: {why}")
        } else {
            format!("{group_resource} {name:?} is forbidden: {why}")
        };
        Self::named(403, "Forbidden", group_resource, name, message)
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    fn named(code: u16, reason: &'static str, group_resource: &str, name: &str, message: String) -> Self {
        let (plural, group) = group_resource.split_once('.').unwrap_or((group_resource, ""));
        let mut details = value!({"name": name.to_string(), "kind": plural.to_string()});
        if !group.is_empty() {
            details["group"] = group.to_string().into();
        }
        Self { code, reason, message, details }
    }

    /// The body of the answer: `{"kind": "Status", …}`.
    pub fn to_value(&self) -> Value {
        let mut status = value!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message.clone(), "reason": self.reason, "code": i64::from(self.code),
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

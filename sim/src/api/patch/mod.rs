//! Patches: strategic merge patches, JSON merge patches (RFC 7386) and JSON patches (RFC 6902), applied and made.
//!
//! [`apply`] is what the api-server does with a PATCH; [`two_way_strategic`] and [`three_way_strategic`] make the patches that
//! kubelets, controllers and kubectl send (`apimachinery/pkg/util/strategicpatch/patch.go`).

mod diff;
mod json;
mod strategic;

pub use diff::{merge_patch, three_way_strategic, two_way_strategic};

use super::schema::{self, Type};
use super::{ApiError, Resource};
use crate::core::PatchType;
use crate::value::Value;

/// Applies a patch to an object of a resource.
pub fn apply(resource: Resource, current: &Value, patch: &Value, patch_type: PatchType) -> Result<Value, ApiError> {
    apply_typed(Some(schema::of_resource(resource)), current, patch, patch_type)
}

/// Applies a patch to an object that is no resource, such as a Scale: lists are replaced.
pub fn apply_plain(current: &Value, patch: &Value, patch_type: PatchType) -> Result<Value, ApiError> {
    apply_typed(None, current, patch, patch_type)
}

fn apply_typed(kind: Option<&'static Type>, current: &Value, patch: &Value, patch_type: PatchType) -> Result<Value, ApiError> {
    match patch_type {
        PatchType::Strategic | PatchType::Merge if !matches!(patch, Value::Map(_)) => {
            let what = if matches!(patch, Value::List(_)) { "array" } else { "value" };
            Err(ApiError::bad_request(format!("json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")))
        }
        PatchType::Strategic => strategic::merge(kind, current, patch).map_err(ApiError::bad_request),
        PatchType::Merge => Ok(json::merge(current, patch)),
        PatchType::Json => match patch {
            Value::List(operations) => json::apply(current, operations).map_err(|_| unprocessable()),
            Value::Map(_) => {
                Err(ApiError::bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch".to_string()))
            }
            _ => Err(ApiError::bad_request("json: cannot unmarshal value into Go value of type jsonpatch.Patch".to_string())),
        },
        PatchType::Apply => Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - server-side apply is not modelled",
        )),
    }
}

/// 422 of a JSON patch that does not fit the object; the server keeps its reason to itself.
fn unprocessable() -> ApiError {
    ApiError::new(422, "Invalid", "the server rejected our request due to an error in our request")
}

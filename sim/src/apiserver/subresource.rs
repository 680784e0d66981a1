//! Subresources with a behaviour of their own: binding, scale, token.

use super::ApiServer;
use super::rest::Outcome;
use crate::api::resource::DEPLOYMENTS;
use crate::api::selector::LabelSelector;
use crate::api::{ApiError, Resource, patch, validation};
use crate::core::{Duration, Outbox, Request, Time, Verb};
use crate::value;
use crate::value::Value;

/// The answer to a write that succeeded.
pub(super) fn written_body(request: &Request, object: Value) -> Result<(u16, Value), ApiError> {
    let success = || value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(match (request.verb, &*request.subresource) {
        (Verb::Create, "binding" | "eviction") => (201, success()),
        (_, "scale") => (200, scale_of(&object)),
        _ => (200, object),
    })
}

/// POST pods/NAME/binding (registry/core/pod/storage: BindingREST).
pub(super) fn bind(pod: &Value, request: &Request, now: Time) -> Result<Outcome, ApiError> {
    let target = request.body["target"]["name"].text();
    if target.is_empty() {
        return Err(ApiError::bad_request("target.name: Required value"));
    }
    if pod.is_terminating() {
        return Err(ApiError::conflict(
            "pods/binding",
            pod.name(),
            &format!("pod {} is being deleted, cannot be assigned to a host", pod.name()),
        ));
    }
    let bound = pod["spec"]["nodeName"].str();
    if !bound.is_empty() {
        return Err(ApiError::conflict(
            "pods/binding",
            pod.name(),
            &format!("pod {} is already assigned to node {bound:?}", pod.name()),
        ));
    }
    let mut pod = pod.clone();
    pod["spec"]["nodeName"] = target.into();
    let observed = pod.generation();
    pod["status"].remove("nominatedNodeName");
    let condition = value!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now.rfc3339(), "observedGeneration": observed});
    set_condition(&mut pod, condition);
    Ok(Outcome::Put(pod))
}

/// Sets a condition of `status.conditions`, keeping its place.
pub(super) fn set_condition(object: &mut Value, condition: Value) {
    let conditions = object["status"]["conditions"].list_mut();
    match conditions.iter_mut().find(|have| have["type"] == condition["type"]) {
        Some(have) => {
            let mut condition = condition;
            if have["status"] == condition["status"] {
                condition["lastTransitionTime"] = have["lastTransitionTime"].clone();
            }
            *have = condition;
        }
        None => conditions.push(condition),
    }
}

/// The Scale of a Deployment or ReplicaSet.
pub(super) fn scale_of(object: &Value) -> Value {
    let selector = LabelSelector::of(&object["spec"]["selector"]).to_string();
    value!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object["metadata"]["name"].text(), "namespace": object["metadata"]["namespace"].text(), "uid": object["metadata"]["uid"].text(),
            "resourceVersion": object["metadata"]["resourceVersion"].text(), "creationTimestamp": object["metadata"]["creationTimestamp"].text(),
        },
        "spec": {"replicas": object["spec"]["replicas"].int()},
        "status": {"replicas": object["status"]["replicas"].int(), "selector": selector},
    })
}

/// PUT or PATCH of the scale subresource: only the number of replicas changes.
pub(super) fn scale(resource: Resource, current: &Value, request: &Request) -> Result<Outcome, ApiError> {
    let old = scale_of(current);
    let new = if request.verb == Verb::Patch {
        patch::apply_plain(&old, &request.body, request.patch_type)?
    } else {
        request.body.clone()
    };
    let version = new["metadata"]["resourceVersion"].str();
    if !version.is_empty() && version != current["metadata"]["resourceVersion"].str() {
        return Err(ApiError::conflict(&resource.group_resource(), current.name(), super::rest::MODIFIED));
    }
    let replicas = new["spec"]["replicas"].as_int().unwrap_or(0);
    if replicas < 0 {
        let error = validation::FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        return Err(validation::invalid_kind("autoscaling", "Scale", current.name(), vec![error]));
    }
    if replicas == current["spec"]["replicas"].int() {
        return Ok(Outcome::Unchanged);
    }
    let mut object = current.clone();
    object["spec"]["replicas"] = replicas.into();
    if resource == DEPLOYMENTS || object.generation() > 0 {
        object["metadata"]["generation"] = (object.generation() + 1).into();
    }
    Ok(Outcome::Put(object))
}

impl ApiServer {
    /// POST serviceaccounts/NAME/token: a token is made, nothing is stored.
    pub(super) fn token(&mut self, request: &Request, out: &Outbox<'_>) -> Result<(u16, Value), ApiError> {
        let Some(account) = self.cached(request) else {
            return Err(ApiError::not_found("serviceaccounts", &request.name));
        };
        let seconds = request.body["spec"]["expirationSeconds"].as_int().unwrap_or(3600).max(600);
        let mut answer = request.body.clone();
        answer["kind"] = "TokenRequest".into();
        answer["apiVersion"] = "authentication.k8s.io/v1".into();
        answer["metadata"] = value!({"name": account["metadata"]["name"].text(), "namespace": account["metadata"]["namespace"].text(), "creationTimestamp": out.now().rfc3339()});
        answer["status"] = value!({"token": format!("eyJhbGciOiJSUzI1NiJ9.{}", self.rng.hex(16)), "expirationTimestamp": (out.now() + Duration::s(seconds as u64)).rfc3339()});
        Ok((201, answer))
    }
}

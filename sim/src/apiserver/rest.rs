//! What a request makes of an object: the generic part of the registry, after apiserver's `registry/generic/registry/store.go`
//! and `registry/rest/{create,update,delete}.go`.

use super::{ApiServer, Client, strategy, subresource};
use crate::api::resource::{NAMESPACES, PODS, SERVICES};
use crate::api::{ApiError, Resource, defaults, names, patch, schema, validation};
use crate::core::{Duration, Outbox, Request, Time, Verb};
use crate::value;
use crate::value::Value;

/// The words of a conflict.
pub(super) const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// What becomes of an existing object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Its new state.
    Put(Value),
    /// It is removed; the answer has this body.
    Delete(Value),
    /// It is marked as deleted, so that everybody who watches learns of its end, and then removed.
    MarkAndDelete(Value),
    /// First this PodDisruptionBudget is stored, of which an eviction takes one.
    Spend(Value),
    /// Nothing changes.
    Unchanged,
}

impl ApiServer {
    /// The object that a POST creates: decoded, defaulted, admitted, validated.
    pub(super) fn prepare_create(&mut self, client: &Client, request: &Request, out: &Outbox<'_>) -> Result<Value, ApiError> {
        let resource = request.resource.expect("creates have a resource");
        let mut object = request.body.clone();
        check_kind(resource, &object)?;
        schema::decode(resource, &mut object, &Value::Null, request.query("fieldValidation").unwrap_or("Ignore"))?;
        object["apiVersion"] = resource.api_version().into();
        object["kind"] = resource.kind.into();
        if resource.namespaced {
            let given = object.namespace().to_string();
            if !request.namespace.is_empty() && !given.is_empty() && given != *request.namespace {
                return Err(ApiError::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
            let namespace = if request.namespace.is_empty() { "default".into() } else { request.namespace.clone() };
            object["metadata"]["namespace"] = namespace.into();
        } else {
            object["metadata"].remove("namespace");
        }
        if !object["metadata"]["resourceVersion"].str().is_empty() {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            object["metadata"].remove(field);
        }
        let base = object["metadata"]["generateName"].text();
        let generated = (object.name().is_empty() && !base.is_empty()).then(|| names::generate_name(&base, &mut self.rng));
        if let Some(name) = &generated {
            // Admission speaks of the base: the suffix comes after it.
            let spoken = if resource.namespaced { base } else { name.into() };
            object["metadata"]["name"] = spoken.into();
        }
        object["metadata"]["uid"] = self.rng.uuid().into();
        object["metadata"]["creationTimestamp"] = out.now().rfc3339().into();
        defaults::apply_defaults(resource, &mut object);
        let loopback = client.peer.is_none();
        if !loopback {
            self.check_namespace(resource, &object)?;
        }
        strategy::prepare_for_create(resource, &mut object);
        self.admit_create(resource, &mut object, request, out)?;
        if let Some(name) = generated {
            object["metadata"]["name"] = name.into();
        }
        if resource == SERVICES {
            self.allocate_service(&mut object, None)?;
        }
        let errors = validation::validate_create(resource, &object);
        if !errors.is_empty() {
            return Err(validation::invalid(resource, object.name(), errors));
        }
        self.admit_quota(resource, &object)?;
        Ok(object)
    }

    /// What a PUT, PATCH, DELETE or a POST to a subresource makes of the current object.
    pub(super) fn outcome(&mut self, request: &Request, current: &Value, out: &Outbox<'_>) -> Result<Outcome, ApiError> {
        let resource = request.resource.expect("writes have a resource");
        match (request.verb, &*request.subresource) {
            (Verb::Delete, _) => delete(resource, current, &request.body, out.now()),
            (Verb::Create, "binding") => subresource::bind(current, request, out.now()),
            (Verb::Create, "eviction") => self.evict(current, request, out),
            (_, "scale") => subresource::scale(resource, current, request),
            (Verb::Update, _) => self.update(resource, current, request.body.clone(), request, out),
            (Verb::Patch, _) => {
                let patched = patch::apply(resource, current, &request.body, request.patch_type)?;
                self.update(resource, current, patched, request, out)
            }
            _ => Err(ApiError::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")),
        }
    }

    fn update(
        &mut self,
        resource: Resource,
        current: &Value,
        mut new: Value,
        request: &Request,
        out: &Outbox<'_>,
    ) -> Result<Outcome, ApiError> {
        check_kind(resource, &new)?;
        schema::decode(resource, &mut new, current, request.query("fieldValidation").unwrap_or("Ignore"))?;
        if new.name() != current.name() {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                new.name(),
                current.name()
            )));
        }
        let group_resource = resource.group_resource();
        let version = new["metadata"]["resourceVersion"].text();
        if !version.is_empty() && version != current["metadata"]["resourceVersion"].text() {
            return Err(ApiError::conflict(&group_resource, current.name(), MODIFIED));
        }
        if !new.uid().is_empty() && new.uid() != current.uid() {
            let why = format!("Precondition failed: UID in precondition: {}, UID in object meta: {}", new.uid(), current.uid());
            return Err(ApiError::conflict(&group_resource, current.name(), &why));
        }
        new["apiVersion"] = resource.api_version().into();
        new["kind"] = resource.kind.into();
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "namespace",
            "resourceVersion",
            "generateName",
        ] {
            let kept = current["metadata"][field].clone();
            if kept.is_null() {
                new["metadata"].remove(field);
            } else if new["metadata"][field] != kept {
                new["metadata"].map_mut().insert(field, kept);
            }
        }
        if request.subresource == "finalize" {
            let finalizers = new["spec"]["finalizers"].clone();
            new = current.clone();
            new["spec"].set("finalizers", finalizers);
        } else {
            defaults::apply_defaults(resource, &mut new);
            strategy::prepare_for_update(resource, &request.subresource, current, &mut new);
        }
        if resource == SERVICES && request.subresource.is_empty() {
            self.allocate_service(&mut new, Some(current))?;
        }
        self.admit_update(resource, current, &mut new, request, out)?;
        if new == *current {
            return Ok(Outcome::Unchanged);
        }
        let errors = validation::validate_update(resource, &request.subresource, &new, current);
        if !errors.is_empty() {
            return Err(validation::invalid(resource, current.name(), errors));
        }
        Ok(if is_finished(resource, &new) { Outcome::Delete(new) } else { Outcome::Put(new) })
    }
}

/// Whether an object that is being deleted has nobody left to wait for.
fn is_finished(resource: Resource, object: &Value) -> bool {
    object.is_terminating()
        && object["metadata"]["finalizers"].is_empty()
        && object["metadata"]["deletionGracePeriodSeconds"].int() == 0
        && (resource != NAMESPACES || object["spec"]["finalizers"].is_empty())
}

fn check_kind(resource: Resource, object: &Value) -> Result<(), ApiError> {
    let (kind, version) = (object.kind(), object["apiVersion"].str());
    if (kind.is_empty() || kind == resource.kind) && (version.is_empty() || version == resource.api_version()) {
        return Ok(());
    }
    let want = resource.api_version();
    Err(ApiError::bad_request(format!(
        "{kind} in version {:?} cannot be handled as a {}: no kind {kind:?} is registered for version {version:?} in scheme {want:?}",
        version.rsplit('/').next().unwrap_or(version),
        resource.kind
    )))
}

/// DELETE: preconditions, grace, finalizers (rest.BeforeDelete and Store.Delete).
fn delete(resource: Resource, current: &Value, options: &Value, now: Time) -> Result<Outcome, ApiError> {
    let group_resource = resource.group_resource();
    let preconditions = &options["preconditions"];
    for (field, have, label) in
        [("uid", current.uid(), "UID"), ("resourceVersion", current["metadata"]["resourceVersion"].str(), "ResourceVersion")]
    {
        if let Some(want) = preconditions[field].as_str().filter(|want| *want != have) {
            let why = format!("Precondition failed: {label} in precondition: {want}, {label} in object meta: {have}");
            return Err(ApiError::conflict(&group_resource, current.name(), &why));
        }
    }
    let mut object = current.clone();
    if resource == NAMESPACES {
        if IMMORTAL_NAMESPACES.contains(&object.name()) {
            return Err(ApiError::forbidden(&group_resource, object.name(), "this namespace may not be deleted"));
        }
        return Ok(delete_namespace(object, now));
    }
    if let Some(grace) = grace_period(resource, current, options) {
        if current.is_terminating() {
            let pending = current["metadata"]["deletionGracePeriodSeconds"].int();
            if grace >= pending && pending > 0 {
                return Ok(Outcome::Unchanged);
            }
        }
        if grace > 0 {
            mark_deleted(&mut object, now, grace);
            return Ok(Outcome::Put(object));
        }
    }
    match options["propagationPolicy"].str() {
        "Foreground" => add_finalizer(&mut object, "foregroundDeletion", "orphan"),
        "Orphan" => add_finalizer(&mut object, "orphan", "foregroundDeletion"),
        "Background" => {
            if let Value::List(_) = object["metadata"]["finalizers"] {
                object["metadata"]["finalizers"]
                    .list_mut()
                    .retain(|finalizer| !matches!(finalizer.str(), "orphan" | "foregroundDeletion"));
            }
        }
        _ => {}
    }
    if !object["metadata"]["finalizers"].is_empty() {
        if current.is_terminating() && object == *current {
            return Ok(Outcome::Unchanged);
        }
        mark_deleted(&mut object, now, 0);
        return Ok(Outcome::Put(object));
    }
    if resource == PODS && !(current.is_terminating() && current["metadata"]["deletionGracePeriodSeconds"].int() == 0) {
        // updateForGracefulDeletionAndFinalizers: whatever has a grace period is written once more, also when the period is none.
        mark_deleted(&mut object, now, 0);
        return Ok(Outcome::MarkAndDelete(object));
    }
    Ok(Outcome::Delete(deleted_body(resource, object)))
}

/// What the admission plugin NamespaceLifecycle protects.
const IMMORTAL_NAMESPACES: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Pods are deleted gracefully: after how many seconds; `None` for what has no grace.
fn grace_period(resource: Resource, pod: &Value, options: &Value) -> Option<i64> {
    if resource != PODS {
        return None;
    }
    let unbound = pod["spec"]["nodeName"].is_empty();
    if unbound || matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed") {
        return Some(0);
    }
    let asked = options["gracePeriodSeconds"].as_int();
    Some(asked.unwrap_or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_int().unwrap_or(30)).max(0))
}

/// Ten thousand years, in seconds.
const GRACE_MOST_S: i64 = 315_360_000_000;

fn mark_deleted(object: &mut Value, now: Time, grace: i64) {
    let metadata = &mut object["metadata"];
    if metadata["deletionTimestamp"].is_null() && metadata["generation"].int() > 0 {
        metadata["generation"] = (metadata["generation"].int() + 1).into();
    }
    if metadata["deletionTimestamp"].is_null() || grace < metadata["deletionGracePeriodSeconds"].int() {
        // Of longer ones the date is the last that can be written.
        let span = Duration::s(grace.clamp(0, GRACE_MOST_S) as u64);
        metadata["deletionTimestamp"] = (now + span).rfc3339().into();
        metadata["deletionGracePeriodSeconds"] = grace.into();
    }
}

fn add_finalizer(object: &mut Value, add: &'static str, drop: &str) {
    let finalizers = object["metadata"]["finalizers"].list_mut();
    finalizers.retain(|finalizer| finalizer.str() != drop && finalizer.str() != add);
    finalizers.push(add.into());
}

fn delete_namespace(mut namespace: Value, now: Time) -> Outcome {
    if namespace.is_terminating() && !namespace["spec"]["finalizers"].is_empty() {
        return Outcome::Unchanged;
    }
    if namespace["spec"]["finalizers"].is_empty() && namespace["metadata"]["finalizers"].is_empty() {
        return Outcome::Delete(deleted_body(NAMESPACES, namespace));
    }
    let metadata = &mut namespace["metadata"];
    metadata["deletionTimestamp"] = now.rfc3339().into();
    namespace["status"]["phase"] = "Terminating".into();
    Outcome::Put(namespace)
}

/// What a DELETE that removed the object answers: most resources with a Status, some with the object.
fn deleted_body(resource: Resource, object: Value) -> Value {
    if resource == PODS || resource == SERVICES {
        return object;
    }
    let mut details =
        value!({"name": object["metadata"]["name"].text(), "kind": resource.plural, "uid": object["metadata"]["uid"].text()});
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(node: &'static str) -> Value {
        value!({"metadata": {"name": "a", "uid": "u1", "generation": 1}, "spec": {"nodeName": node, "terminationGracePeriodSeconds": 30}, "status": {"phase": "Running"}})
    }

    #[test]
    fn a_bound_pod_is_only_marked() {
        let Outcome::Put(marked) = delete(PODS, &pod("n"), &Value::Null, Time::ZERO).unwrap() else { panic!("not marked") };
        assert_eq!(marked["metadata"]["deletionTimestamp"].str(), "2026-01-05T09:00:30Z");
        assert_eq!(marked["metadata"]["generation"].int(), 2);
        assert_eq!(delete(PODS, &marked, &Value::Null, Time(5)), Ok(Outcome::Unchanged));
        let now = value!({"gracePeriodSeconds": 0, "preconditions": {"uid": "u1"}});
        let Outcome::MarkAndDelete(hurried) = delete(PODS, &marked, &now, Time(5)).unwrap() else { panic!("not marked") };
        assert_eq!(hurried["metadata"]["deletionGracePeriodSeconds"].as_int(), Some(0));
        assert!(matches!(delete(PODS, &hurried, &now, Time(6)), Ok(Outcome::Delete(_))));
    }

    #[test]
    fn an_unbound_pod_vanishes_at_once() {
        assert!(matches!(delete(PODS, &pod(""), &Value::Null, Time::ZERO), Ok(Outcome::MarkAndDelete(_))));
    }

    #[test]
    fn three_namespaces_stay() {
        let delete_named = |name: &'static str| {
            let namespace =
                value!({"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
            delete(NAMESPACES, &namespace, &Value::Null, Time::ZERO)
        };
        let error = delete_named("kube-system").unwrap_err();
        assert_eq!(error.message, "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
        assert!(matches!(delete_named("team-a"), Ok(Outcome::Put(_))));
    }

    #[test]
    fn preconditions_and_finalizers_hold() {
        let wrong = value!({"preconditions": {"uid": "u2"}});
        assert_eq!(delete(PODS, &pod("n"), &wrong, Time::ZERO).unwrap_err().code, 409);
        let foreground = value!({"propagationPolicy": "Foreground"});
        let deployment = value!({"metadata": {"name": "d"}});
        let Ok(Outcome::Put(waiting)) = delete(crate::api::resource::DEPLOYMENTS, &deployment, &foreground, Time::ZERO) else {
            panic!("gone")
        };
        assert_eq!(waiting["metadata"]["finalizers"][0].str(), "foregroundDeletion");
    }
}

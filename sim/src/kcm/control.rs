//! What the workload controllers share: making and deleting pods, adopting and releasing objects
//! (`pkg/controller/controller_utils.go`, `controller_ref_manager.go`).

use super::expectations::Ledger;
use super::reconcile::{Answer, Hook, Io, Step, Stop};
use crate::api::Resource;
use crate::api::resource::PODS;
use crate::api::selector::LabelSelector;
use crate::client::object_reference;
use crate::core::{Request, Time, Verb};
use crate::flow::RequestError;
use crate::value;
use crate::value::{Text, Value};

/// Whether a creation failed because its namespace is being deleted: then all others will fail too.
pub(super) fn namespace_terminating(error: &RequestError) -> bool {
    match error {
        RequestError::Status(response) => {
            response.body["details"]["causes"].items().iter().any(|cause| cause["reason"].str() == "NamespaceTerminating")
        }
        RequestError::Connection(_) => false,
    }
}

/// The owner reference by which `owner` controls its dependents (metav1.NewControllerRef).
pub(super) fn controller_reference(owner: &Value) -> Value {
    value!({
        "apiVersion": &owner["apiVersion"], "kind": &owner["kind"], "name": &owner["metadata"]["name"], "uid": &owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The pod that a template describes (controller.GetPodFromTemplate).
pub(super) fn pod_from_template(template: &Value, owner: &Value) -> Value {
    let mut metadata = value!({
        "generateName": format!("{}-", owner.name()), "ownerReferences": [controller_reference(owner)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        metadata.set(field, template["metadata"][field].clone());
    }
    value!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": &template["spec"]})
}

/// POST of an object whose body does not repeat the namespace.
pub(super) fn create_in(resource: Resource, namespace: &str, object: Value) -> Request {
    Request { body: object, ..Request::new(Verb::Create, resource, Text::new(namespace), "") }
}

/// Creates pods in batches of 1, 2, 4, …, so that a lasting problem costs few requests (slowStartBatch). Answers how many were
/// created, and the first error.
pub(super) fn create_pods(io: &mut Io<'_>, owner: &Value, pods: Vec<Value>) -> Step<(usize, Option<RequestError>)> {
    let reference = object_reference(owner);
    let mut created = 0;
    let mut pods = pods.into_iter().peekable();
    let mut batch = 1;
    while pods.peek().is_some() {
        let hook = || Hook::PodCreated { owner: reference.clone() };
        let requests: Vec<(Request, Hook)> =
            pods.by_ref().take(batch).map(|pod| (create_in(PODS, owner.namespace(), pod), hook())).collect();
        let mut first_error = None;
        for answer in io.request_all(requests)? {
            match answer {
                Ok(_) => created += 1,
                Err(error) if namespace_terminating(&error) => created += 1,
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        if first_error.is_some() {
            return Ok((created, first_error));
        }
        batch *= 2;
    }
    Ok((created, None))
}

/// Deletes pods in parallel; answers the first error that matters.
pub(super) fn delete_pods(io: &mut Io<'_>, ledger: Ledger, owner: &Value, pods: &[&Value]) -> Step<Option<RequestError>> {
    let reference = object_reference(owner);
    let key = owner.key();
    let requests = pods
        .iter()
        .map(|pod| {
            let request = Request::delete(PODS, pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text());
            let hook = Hook::PodDeleted { ledger, key: key.clone(), owner: reference.clone(), pod: pod.key() };
            (request.with_body(Value::map()), hook)
        })
        .collect();
    let answers = io.request_all(requests)?;
    Ok(answers.into_iter().filter_map(Result::err).find(|error| error.code() != 404))
}

/// Which of the candidates the owner controls, after adopting those that match its selector and have no controller, and
/// releasing those that match no longer (ControllerRefManager.ClaimObject).
pub(super) fn claim<'a>(
    io: &mut Io<'_>,
    resource: Resource,
    owner: &Value,
    owner_resource: Resource,
    selector: &LabelSelector,
    candidates: impl Iterator<Item = &'a Value>,
) -> Step<Vec<&'a Value>> {
    let mut claimed = Vec::new();
    let mut may_adopt = None;
    for object in candidates {
        let matches = selector.matches_object(object);
        let patch = match object.controller() {
            Some(controller) if controller["uid"].str() != owner.uid() => continue,
            Some(_) if matches => {
                claimed.push(object);
                continue;
            }
            Some(_) if owner.is_terminating() => continue,
            Some(_) => value!({"metadata": {
                "uid": &object["metadata"]["uid"],
                "ownerReferences": [{"$patch": "delete", "uid": &owner["metadata"]["uid"]}],
            }}),
            None if !matches || owner.is_terminating() || object.is_terminating() => continue,
            None => value!({"metadata": {
                "uid": &object["metadata"]["uid"],
                "ownerReferences": [controller_reference(owner)],
            }}),
        };
        let adopt = object.controller().is_none();
        if adopt && may_adopt.is_none() {
            // The owner may be gone, or another of the same name, while the cache does not know it yet.
            let (namespace, name) = (owner["metadata"]["namespace"].text(), owner["metadata"]["name"].text());
            let fresh = io.call(Request::get(owner_resource, namespace, name))?;
            may_adopt = Some(fresh.uid() == owner.uid() && !fresh.is_terminating());
        }
        if adopt && may_adopt == Some(false) {
            return Err(Stop::Retry);
        }
        let (namespace, name) = (object["metadata"]["namespace"].text(), object["metadata"]["name"].text());
        match io.request(Request::patch(resource, namespace, name, patch))? {
            Ok(_) if adopt => claimed.push(object),
            Ok(_) => {}
            // It is gone, or is another object by now.
            Err(error) if error.code() == 404 || (!adopt && error.code() == 422) => {}
            Err(_) => return Err(Stop::Retry),
        }
    }
    Ok(claimed)
}

/// Whether a pod has been ready for `min_ready_s` seconds at `now` (podutils.IsPodAvailable).
pub(super) fn is_available(pod: &Value, min_ready_s: i64, now: Time) -> bool {
    let Some(ready) = pod.condition("Ready").filter(|ready| ready["status"].str() == "True") else { return false };
    min_ready_s == 0
        || Time::parse_rfc3339(ready["lastTransitionTime"].str())
            .is_some_and(|since| now.since(since).as_secs() as i64 >= min_ready_s)
}

/// Sets a number that is left out when it is zero.
pub(super) fn set_count(object: &mut Value, field: &'static str, count: i64) {
    object.set(field, (count != 0).then_some(count));
}

/// PUT of an object's status subresource.
pub(super) fn put_status(resource: Resource, object: &Value, status: Value) -> Request {
    let mut object = object.clone();
    object["status"] = status;
    Request::update(resource, object).sub("status")
}

/// PUT of a status that was computed from `object`; when it has changed meanwhile, once more on its newest state (updateReplicaSetStatus).
pub(super) fn put_status_twice(io: &mut Io<'_>, resource: Resource, object: &Value, status: Value) -> Step<Answer> {
    let answer = io.request(put_status(resource, object, status.clone()))?;
    if answer.is_ok() {
        return Ok(answer);
    }
    let metadata = &object["metadata"];
    match io.request(Request::get(resource, metadata["namespace"].text(), metadata["name"].text()))? {
        Ok(fresh) => io.request(put_status(resource, &fresh, status)),
        Err(error) => Ok(Err(error)),
    }
}

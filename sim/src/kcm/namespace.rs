//! namespace-controller: empties a namespace that is being deleted, pods first, then lets it go
//! (`pkg/controller/namespace/deletion/namespaced_resources_deleter.go`).

use super::context::Context;
use super::control::put_status;
use super::reconcile::{Io, QueueId, Step, Stop};
use crate::api::Resource;
use crate::api::resource::{NAMESPACES, PODS};
use crate::client::Change;
use crate::core::{Duration, Request, Verb};
use crate::value;
use crate::value::{Text, Value, condition};

/// The namespace's objects are left alone for that long, so that all api-servers know that it is being deleted.
const GRACE: Duration = Duration::s(5);
/// How long objects with finalizers are waited for.
const FINALIZER_ESTIMATE_S: i64 = 15;

/// A namespace changed.
pub(super) fn on_change(context: &mut Context<'_, '_>, change: &Change) {
    if change.new.as_ref().is_some_and(Value::is_terminating) {
        let key = change.object().key();
        context.enqueue_after(QueueId::Namespace, &key, GRACE);
    }
}

/// What is left of one resource.
#[derive(Debug, Default)]
struct Remaining {
    items: Vec<Value>,
    estimate_s: i64,
}

/// One attempt to empty and finalize a namespace.
pub(super) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    if io.view.get(NAMESPACES, key).is_none() {
        return Ok(());
    }
    let name = Text::new(key);
    let namespace = match io.request(Request::get(NAMESPACES, "", &name))? {
        Ok(namespace) => namespace,
        Err(error) if error.code() == 404 => return Ok(()),
        Err(_) => return Err(Stop::Retry),
    };
    if !namespace.is_terminating() || !has_finalizer(&namespace) {
        return Ok(());
    }
    let mut left: Vec<(Resource, Remaining)> = Vec::new();
    let mut failed = false;
    let pods = delete_all(io, PODS, &name)?;
    if pods.items.is_empty() {
        for resource in Resource::all().filter(|resource| resource.namespaced && *resource != PODS) {
            let remaining = delete_all(io, resource, &name)?;
            if !remaining.items.is_empty() {
                failed |= remaining.estimate_s == 0;
                left.push((resource, remaining));
            }
        }
        report(io, &namespace, &left)?;
    } else {
        // While there are pods nothing else is touched, and their number is not yet reported.
        report(io, &namespace, &[])?;
        left.push((PODS, pods));
    }
    if failed {
        return Err(Stop::Retry);
    }
    if let Some(estimate_s) = left.iter().map(|(_, remaining)| remaining.estimate_s).max() {
        io.requeue_after(Duration::s(estimate_s as u64 / 2 + 1));
        return Ok(());
    }
    finalize(io, namespace)
}

/// Deletes all objects of a resource and looks what is left (deleteAllContentForGroupVersionResource).
fn delete_all(io: &mut Io<'_>, resource: Resource, namespace: &Text) -> Step<Remaining> {
    let mut estimate_s = 0;
    if resource == PODS {
        // Pods take their time.
        let list = io.call(Request::list(PODS, namespace))?;
        let grace = |pod: &Value| {
            let ended = matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed");
            if ended { 0 } else { pod["spec"]["terminationGracePeriodSeconds"].int() }
        };
        estimate_s = list["items"].items().iter().map(grace).max().unwrap_or(0);
    }
    let delete = Request::new(Verb::DeleteCollection, resource, namespace, "");
    io.call(delete.with_body(value!({"propagationPolicy": "Background"})))?;
    let list = io.call(Request::list(resource, namespace))?;
    let items = list["items"].items().to_vec();
    if estimate_s == 0 && items.iter().any(|item| !item["metadata"]["finalizers"].is_empty()) {
        estimate_s = FINALIZER_ESTIMATE_S;
    }
    Ok(Remaining { items, estimate_s })
}

/// Writes the conditions that say how far it is, if they have changed.
fn report(io: &mut Io<'_>, namespace: &Value, left: &[(Resource, Remaining)]) -> Step<()> {
    let conditions = conditions(left);
    let current = &namespace["status"]["conditions"];
    let same = |new: &Value| {
        let have = condition(current, new["type"].str());
        have.is_some_and(|have| ["status", "reason", "message"].iter().all(|field| have[*field] == new[*field]))
    };
    if conditions.iter().all(same) {
        return Ok(());
    }
    let now = io.stamp();
    let dated = conditions.into_iter().map(|mut new| {
        let kept = condition(current, new["type"].str()).filter(|have| have["status"] == new["status"]);
        new["lastTransitionTime"] = kept.map_or_else(|| Value::from(&now), |have| have["lastTransitionTime"].clone());
        new
    });
    let mut status = namespace["status"].clone();
    status["conditions"] = dated.collect::<Vec<Value>>().into();
    io.call(put_status(NAMESPACES, namespace, status)).map(|_| ())
}

fn conditions(left: &[(Resource, Remaining)]) -> Vec<Value> {
    let new = |kind: &'static str, status: &'static str, reason: &'static str, message: String| value!({"type": kind, "status": status, "reason": reason, "message": message});
    let remaining: Vec<String> = left
        .iter()
        .map(|(resource, remaining)| format!("{}. has {} resource instances", resource.group_resource(), remaining.items.len()))
        .collect();
    let mut finalizers: crate::core::collections::PMap<&str, usize> = crate::core::collections::PMap::new();
    for item in left.iter().flat_map(|(_, remaining)| &remaining.items) {
        for finalizer in item["metadata"]["finalizers"].items() {
            *finalizers.entry(finalizer.str()).or_default() += 1;
        }
    }
    let stuck: Vec<String> =
        finalizers.iter().map(|(finalizer, count)| format!("{finalizer} in {count} resource instances")).collect();
    vec![
        new("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered".into()),
        new(
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".into(),
        ),
        new(
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".into(),
        ),
        if remaining.is_empty() {
            new("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed".into())
        } else {
            let message = format!("Some resources are remaining: {}", remaining.join(", "));
            new("NamespaceContentRemaining", "True", "SomeResourcesRemain", message)
        },
        if stuck.is_empty() {
            let message = "All content-preserving finalizers finished";
            new("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", message.into())
        } else {
            let message = format!("Some content in the namespace has finalizers remaining: {}", stuck.join(", "));
            new("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message)
        },
    ]
}

fn has_finalizer(namespace: &Value) -> bool {
    namespace["spec"]["finalizers"].items().iter().any(|have| have.str() == "kubernetes")
}

/// PUT finalize without the finalizer `kubernetes`; after a conflict on the newest state.
fn finalize(io: &mut Io<'_>, mut namespace: Value) -> Step<()> {
    loop {
        if !has_finalizer(&namespace) {
            return Ok(());
        }
        let mut done = namespace.clone();
        done["spec"]["finalizers"].list_mut().retain(|have| have.str() != "kubernetes");
        match io.request(Request::update(NAMESPACES, done).sub("finalize"))? {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == 404 => return Ok(()),
            Err(error) if error.code() == 409 => {
                namespace = match io.request(Request::get(NAMESPACES, "", namespace["metadata"]["name"].text()))? {
                    Ok(fresh) => fresh,
                    Err(error) if error.code() == 404 => return Ok(()),
                    Err(_) => return Err(Stop::Retry),
                };
            }
            Err(_) => return Err(Stop::Retry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told() {
        let claim = value!({"metadata": {"name": "data", "finalizers": ["kubernetes.io/pvc-protection"]}});
        let left =
            [(crate::api::resource::PERSISTENTVOLUMECLAIMS, Remaining { items: vec![claim], estimate_s: FINALIZER_ESTIMATE_S })];
        let told = conditions(&left);
        assert_eq!(told[3]["message"].str(), "Some resources are remaining: persistentvolumeclaims. has 1 resource instances");
        assert_eq!(
            told[4]["message"].str(),
            "Some content in the namespace has finalizers remaining: kubernetes.io/pvc-protection in 1 resource instances"
        );
        assert!(conditions(&[]).iter().all(|condition| condition["status"].str() == "False"));
    }
}

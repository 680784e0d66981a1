//! Which pod and which container are meant when a user names a workload: `k8s.io/kubectl/pkg/polymorphichelpers`.

use super::error::Error;
use super::invocation::Invocation;
use super::resources::{Target, find};
use super::until::{Change, ObjectWatch};
use crate::api::pod::is_ready;
use crate::api::resource as kinds;
use crate::api::selector::LabelSelector;
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, Request};
use crate::flow::{Flow, Io, Stream};
use crate::value::Value;

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The target that `POD` or `TYPE/NAME` means.
pub(super) fn target(inv: &Invocation, argument: &str) -> Result<Target, Error> {
    let (kind, name) = match argument.split('/').collect::<Vec<_>>().as_slice() {
        [name] => ("pods", *name),
        [kind, name] if !kind.is_empty() && !name.is_empty() => (*kind, *name),
        [_, _] => return Err("arguments in resource/name form must have a single resource and name".into()),
        _ => return Err("arguments in resource/name form may not have more than one slash".into()),
    };
    let resource = find(kind)?;
    let namespace = if resource.namespaced { inv.namespace.clone() } else { String::new() };
    Ok(Target::One { resource, namespace, name: name.to_string() })
}

/// The selector of a workload's pods, or why it has none.
fn selector_of(object: &Value) -> Result<String, Error> {
    let selector = match object.kind() {
        "Deployment" | "ReplicaSet" | "DaemonSet" => LabelSelector::of(&object["spec"]["selector"]),
        "Service" if !object["spec"]["selector"].is_empty() => LabelSelector::of_labels(&object["spec"]["selector"]),
        "Service" => return Err(format!("invalid service {:?}: Service is defined without a selector", object.name()).into()),
        kind => return Err(format!("selector for *v1.{kind} not implemented").into()),
    };
    Ok(selector.to_string())
}

/// The pod of an object that was read: itself, or the best of a workload's. `quiet` leaves out the word on the others.
pub(super) fn pod(inv: &Invocation, io: &mut Io, object: Value, logging: bool, wait: Duration) -> Flow<Result<Value, Error>> {
    if object.kind() == "Pod" {
        return Ok(Ok(object));
    }
    let selector = match selector_of(&object) {
        Ok(selector) => selector,
        Err(error) => return Ok(Err(error)),
    };
    let request = Request::list(kinds::PODS, inv.namespace.clone()).param("labelSelector", selector.clone());
    let list = match io.request(request)? {
        Ok(list) => list,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut pods: Vec<Value> = list["items"].items().to_vec();
    pods.order_by_key(|pod| rank(pod, logging));
    if logging && pods.len() > 1 {
        io.eprint(&format!("Found {} pods, using pod/{}\n", pods.len(), pods[0].name()));
    }
    if !pods.is_empty() {
        return Ok(Ok(pods.remove(0)));
    }
    first_pod(inv, io, &selector, wait)
}

/// Waits for the first pod of a workload that has none yet.
fn first_pod(inv: &Invocation, io: &mut Io, selector: &str, wait: Duration) -> Flow<Result<Value, Error>> {
    let request = Request::watch(kinds::PODS, inv.namespace.clone()).param("labelSelector", selector.to_string());
    let deadline = io.now() + wait;
    let mut watch = ObjectWatch::of(io, kinds::PODS, request);
    let result = match watch.next(io, Some(deadline))? {
        Change::Is(pod) => Ok(pod),
        Change::Failed(error) => Err(error.into()),
        Change::Missing | Change::Deleted(_) | Change::Deadline => Err("timed out waiting for the condition".into()),
    };
    watch.close(io);
    Ok(result)
}

/// The order in which a workload's pods are preferred (podutils.ByLogging, and ActivePods turned round).
fn rank(pod: &Value, logging: bool) -> impl Ord + use<> {
    let status = &pod["status"];
    let phase = match status["phase"].str() {
        "Running" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let ready_since = pod.condition("Ready").map(|condition| condition["lastTransitionTime"].text()).unwrap_or_default();
    let restarts: i64 = status["containerStatuses"].items().iter().map(|status| status["restartCount"].int()).max().unwrap_or(0);
    (
        pod["spec"]["nodeName"].is_empty(),
        phase,
        !is_ready(pod),
        ready_since,
        if logging { -restarts } else { restarts },
        pod["metadata"]["creationTimestamp"].text(),
    )
}

/// The names of all containers, as errors list them: `a, b, init (init)`.
fn all_names(pod: &Value) -> String {
    let mut names: Vec<String> = Vec::new();
    for (list, note) in [("containers", ""), ("initContainers", " (init)"), ("ephemeralContainers", " (ephem)")] {
        names.extend(pod["spec"][list].items().iter().map(|container| format!("{}{note}", container["name"].str())));
    }
    names.join(", ")
}

/// The container of a pod: the one asked for, or the default one, which is said when there was a choice.
pub(super) fn container(io: &mut Io, pod: &Value, asked: &str, said: Stream) -> Result<String, Error> {
    let named = |name: &str| {
        let lists = ["containers", "initContainers", "ephemeralContainers"];
        lists.iter().any(|list| pod["spec"][*list].items().iter().any(|container| container["name"].str() == name))
    };
    if !asked.is_empty() {
        if named(asked) {
            return Ok(asked.to_string());
        }
        return Err(format!("container {asked} is not valid for pod {} out of: {}", pod.name(), all_names(pod)).into());
    }
    if let Some(name) = pod.annotation(DEFAULT_CONTAINER).filter(|name| named(name)) {
        return Ok(name.to_string());
    }
    let containers = pod["spec"]["containers"].items();
    let first = containers.first().map_or("", |container| container["name"].str());
    let several = containers.len() + pod["spec"]["initContainers"].items().len() > 1;
    if several && said == Stream::Err {
        io.eprint(&format!("Defaulted container {first:?} out of: {}\n", all_names(pod)));
    }
    Ok(first.to_string())
}

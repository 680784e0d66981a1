//! endpoint-controller and endpointslice-controller: which pods stand behind a Service
//! (`pkg/controller/{endpoint,endpointslice}`, `k8s.io/endpointslice`).
//!
//! - `mod.rs`: which Services a change concerns, and when the newest change happened;
//! - `legacy.rs`: Endpoints; `slice.rs`: EndpointSlices.

pub(super) mod legacy;
pub(super) mod slice;

use crate::core::collections::{PMap, PSet};

use super::context::Context;
use super::reconcile::QueueId;
use super::view::View;
use crate::api::pod::is_ready;
use crate::api::resource::{ENDPOINTS, PODS, SERVICES};
use crate::api::selector::LabelSelector;
use crate::client::Change;
use crate::core::Request;
use crate::value::{Text, Value};

/// The annotation that says when the newest change behind an endpoint happened.
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// The label of endpoints of Services without a cluster IP.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The states that a Service and its pods had when their endpoints were last computed (TriggerTimeTracker): times by pod.
#[derive(Clone, Debug, Default)]
pub(super) struct TriggerState {
    service: Text,
    pods: PMap<Text, Text>,
}

/// What the two controllers remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Triggers {
    endpoints: PMap<Text, TriggerState>,
    slices: PMap<Text, TriggerState>,
    /// The slices that were written and may not have come back yet: by Service, by name, with their resourceVersion.
    written: PMap<Text, PMap<Text, u64>>,
}

impl Triggers {
    fn of(&self, queue: QueueId) -> &PMap<Text, TriggerState> {
        if queue == QueueId::Endpoint { &self.endpoints } else { &self.slices }
    }

    /// Notes a computed state.
    pub(super) fn note(&mut self, queue: QueueId, service: Text, state: TriggerState) {
        let states = if queue == QueueId::Endpoint { &mut self.endpoints } else { &mut self.slices };
        states.insert(service, state);
    }

    fn forget(&mut self, service: &str) {
        self.endpoints.remove(service);
        self.slices.remove(service);
        self.written.remove(service);
    }

    /// Notes that a slice was written.
    pub(super) fn note_written(&mut self, service: &Text, slice: Text, version: u64) {
        let mut slices = self.written.get(service.as_str()).cloned().unwrap_or_default();
        slices.insert(slice, version);
        self.written.insert(service.clone(), slices);
    }

    /// Notes that a slice was deleted.
    pub(super) fn forget_written(&mut self, service: &str, slice: &str) {
        if let Some(slices) = self.written.get_mut(service) {
            slices.remove(slice);
        }
    }
}

/// A Service changed.
pub(super) fn on_service(context: &mut Context<'_, '_>, change: &Change) {
    let key = change.object().key();
    if change.new.is_none() {
        context.view.triggers.forget(&key);
    }
    context.enqueue(QueueId::Endpoint, &key);
    context.enqueue(QueueId::EndpointSlice, &key);
}

/// A pod changed: the Services that select it are told, if it matters to them.
pub(super) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    let mut services = PSet::new();
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            let relabelled = old["metadata"]["labels"] != new["metadata"]["labels"];
            if !relabelled && !concerns_endpoints(old, new) {
                return;
            }
            select(context.view, new, &mut services);
            if relabelled {
                select(context.view, old, &mut services);
            }
        }
        _ => select(context.view, change.object(), &mut services),
    }
    for key in services {
        context.enqueue(QueueId::Endpoint, &key);
        context.enqueue(QueueId::EndpointSlice, &key);
    }
}

fn select(view: &View, pod: &Value, services: &mut PSet<Text>) {
    for service in view.list_in(SERVICES, pod.namespace()) {
        let selector = &service["spec"]["selector"];
        if !selector.is_null() && LabelSelector::of_labels(selector).matches_object(pod) {
            services.insert(service.key());
        }
    }
}

fn concerns_endpoints(old: &Value, new: &Value) -> bool {
    // Every change of a pod that is going away is looked at, as upstream does.
    new.is_terminating()
        || is_ready(old) != is_ready(new)
        || old["status"]["podIPs"] != new["status"]["podIPs"]
        || old["spec"]["nodeName"] != new["spec"]["nodeName"]
}

/// Somebody removed Endpoints that are still needed.
pub(super) fn on_endpoints(context: &mut Context<'_, '_>, change: &Change) {
    if change.new.is_none() {
        context.enqueue(QueueId::Endpoint, &change.object().key());
    }
}

/// A slice came back or was removed.
pub(super) fn on_slice(context: &mut Context<'_, '_>, change: &Change) {
    let slice = change.object();
    let Some(service) = slice.label(slice::SERVICE_NAME).filter(|_| slice.label(slice::MANAGED_BY) == Some(slice::MANAGER))
    else {
        return;
    };
    let key = Text::from(format!("{}/{service}", slice.namespace()));
    if change.new.is_none() {
        context.view.triggers.forget_written(&key, slice.name());
        context.enqueue(QueueId::EndpointSlice, &key);
    }
}

/// The pods that a Service selects.
fn pods<'a>(view: &'a View, service: &Value) -> Vec<&'a Value> {
    let selector = LabelSelector::of_labels(&service["spec"]["selector"]);
    let keys = view.pods.selected(service.namespace(), &selector);
    keys.iter().filter_map(|key| view.get(PODS, key)).collect()
}

/// When the oldest of the changes since the last time happened, "" for none; and the state to remember.
fn trigger_time(view: &View, queue: QueueId, service: &Value, pods: &[&Value]) -> (Text, TriggerState) {
    let known = view.triggers.of(queue).get(service.key().as_str());
    let created = service["metadata"]["creationTimestamp"].text();
    let mut state = TriggerState { service: created.clone(), pods: PMap::new() };
    let mut oldest = Text::default();
    // RFC 3339 in whole seconds sorts as time does.
    let mut consider = |time: &Text, had: &str| {
        if **time > *had && (oldest.is_empty() || *time < oldest) {
            oldest = time.clone();
        }
    };
    for pod in pods {
        let Some(ready) = pod.condition("Ready") else { continue };
        let (name, time) = (pod["metadata"]["name"].text(), ready["lastTransitionTime"].text());
        let had = known.and_then(|known| known.pods.get(name.as_str()));
        consider(&time, had.map_or("", Text::as_str));
        state.pods.insert(name, time);
    }
    consider(&created, known.map_or("", |known| known.service.as_str()));
    (if known.is_none() { created } else { oldest }, state)
}

/// Whether a pod has an address and has not ended.
fn is_candidate(pod: &Value, terminating_too: bool) -> bool {
    !matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed")
        && !pod["status"]["podIP"].is_empty()
        && (terminating_too || !pod.is_terminating())
}

/// The port that a Service's port means on a pod; `None` when the pod has no container port of that name (podutil.FindPort).
fn target_port(pod: &Value, port: &Value) -> Option<i64> {
    match &port["targetPort"] {
        Value::Int(number) => Some(*number),
        Value::Str(name) => {
            let protocol = |port: &Value| match port["protocol"].text() {
                protocol if protocol.is_empty() => Text::from("TCP"),
                protocol => protocol,
            };
            let containers = pod["spec"]["containers"].items().iter();
            let restartable = |init: &&Value| init["restartPolicy"].str() == "Always";
            containers
                .chain(pod["spec"]["initContainers"].items().iter().filter(restartable))
                .flat_map(|container| container["ports"].items())
                .find(|have| have["name"].str() == name.as_str() && protocol(have) == protocol(port))
                .map(|have| have["containerPort"].int())
        }
        _ => Some(port["port"].int()),
    }
}

fn is_headless(service: &Value) -> bool {
    matches!(service["spec"]["clusterIP"].str(), "" | "None")
}

fn target_reference(pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    crate::value!({"kind": "Pod", "namespace": &metadata["namespace"], "name": &metadata["name"], "uid": &metadata["uid"]})
}

/// Whether a pod's own hostname is published (ShouldSetHostname).
fn has_hostname(pod: &Value, service: &Value) -> bool {
    !pod["spec"]["hostname"].is_empty() && pod["spec"]["subdomain"] == service["metadata"]["name"]
}

fn split_key(key: &str) -> (Text, Text) {
    key.split_once('/').map_or_else(Default::default, |(namespace, name)| (Text::new(namespace), Text::new(name)))
}

/// DELETE of the Endpoints of a Service that is gone.
fn delete_endpoints(key: &str) -> Request {
    let (namespace, name) = split_key(key);
    Request::delete(ENDPOINTS, namespace, name).with_body(Value::map())
}

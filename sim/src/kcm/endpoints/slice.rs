//! EndpointSlices (`k8s.io/endpointslice/reconciler.go`): at most 100 endpoints each, changed as little as possible.

use crate::core::collections::PMap;

use super::{
    HEADLESS, TRIGGER_TIME, has_hostname, is_candidate, is_headless, pods, split_key, target_port, target_reference, trigger_time,
};
use crate::api::pod::is_ready;
use crate::api::resource::{ENDPOINTSLICES, NODES, SERVICES};
use crate::client::object_reference;
use crate::core::Request;
use crate::kcm::control::{controller_reference, create_in, namespace_terminating};
use crate::kcm::reconcile::{Effect, Hook, Io, QueueId, Step, Stop};
use crate::kcm::view::View;
use crate::value;
use crate::value::{Text, Value};

pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
pub(super) const MANAGER: &str = "endpointslice-controller.k8s.io";
/// `--max-endpoints-per-slice`
const CAPACITY: usize = 100;

/// What becomes of the slices of a Service.
#[derive(Debug, Default)]
struct Plan {
    create: Vec<Value>,
    update: Vec<Value>,
    delete: Vec<Value>,
}

/// Writes the slices of a Service.
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    // The slices of a Service that is gone have it as their owner: the garbage collector takes them.
    let Some(service) = view.get(SERVICES, key) else { return Ok(()) };
    if service["spec"]["type"].str() == "ExternalName" || service["spec"]["selector"].is_null() {
        return Ok(());
    }
    let mine = |slice: &&Value| {
        slice.label(SERVICE_NAME) == Some(service.name()) && slice.label(MANAGED_BY) == Some(MANAGER) && !slice.is_terminating()
    };
    let existing: Vec<&Value> = view.list_in(ENDPOINTSLICES, service.namespace()).filter(mine).collect();
    if is_stale(view, key, &existing) {
        return Err(Stop::Retry);
    }
    let pods = pods(view, service);
    let (trigger, state) = trigger_time(view, QueueId::EndpointSlice, service, &pods);
    io.act(Effect::TriggerSeen { queue: QueueId::EndpointSlice, service: Text::new(key), state });
    let plan = plan(service, &existing, desired(view, service, &pods));
    carry_out(io, service, plan, &trigger)
}

/// Whether the informer lags behind what this controller has written: then it would be written twice.
fn is_stale(view: &View, key: &str, existing: &[&Value]) -> bool {
    let Some(written) = view.triggers.written.get(key) else { return false };
    let have: PMap<&str, u64> = existing.iter().map(|slice| (slice.name(), slice.resource_version())).collect();
    written.iter().any(|(name, version)| have.get(name.as_str()).is_none_or(|have| have < version))
}

/// The wanted endpoints, by the list of ports that they have.
fn desired(view: &View, service: &Value, pods: &[&Value]) -> Vec<(Value, Vec<Value>)> {
    let mut by_ports: Vec<(Value, Vec<Value>)> = Vec::new();
    for pod in pods.iter().filter(|pod| is_candidate(pod, true)) {
        let ports = ports(service, pod);
        let endpoint = endpoint(view, service, pod);
        match by_ports.iter_mut().find(|(have, _)| *have == ports) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => by_ports.push((ports, vec![endpoint])),
        }
    }
    by_ports
}

fn ports(service: &Value, pod: &Value) -> Value {
    let resolve = |port: &Value| {
        let mut resolved = value!({"name": port["name"].text(), "port": target_port(pod, port)?, "protocol": &port["protocol"]});
        resolved.set("appProtocol", port["appProtocol"].clone());
        Some(resolved)
    };
    service["spec"]["ports"].items().iter().filter_map(resolve).collect()
}

fn endpoint(view: &View, service: &Value, pod: &Value) -> Value {
    let (serving, terminating) = (is_ready(pod), pod.is_terminating());
    let ready = service["spec"]["publishNotReadyAddresses"].is_true() || (serving && !terminating);
    let mut endpoint = value!({
        "addresses": [&pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": target_reference(pod),
    });
    let node = &pod["spec"]["nodeName"];
    endpoint.set("nodeName", Some(node.clone()).filter(|node| !node.is_empty()));
    let zone = view.get(NODES, node.str()).and_then(|node| node.label("topology.kubernetes.io/zone"));
    endpoint.set("zone", zone.map(Text::new));
    endpoint.set("hostname", has_hostname(pod, service).then(|| pod["spec"]["hostname"].clone()));
    endpoint
}

/// Endpoints are the same one when they have the same addresses and the same target.
fn identity(endpoint: &Value) -> (Text, Text) {
    (endpoint["addresses"][0].text(), endpoint["targetRef"]["uid"].text())
}

fn plan(service: &Value, existing: &[&Value], desired: Vec<(Value, Vec<Value>)>) -> Plan {
    let mut plan = Plan::default();
    let none = Value::list();
    let port_sets: Vec<&Value> = desired.iter().map(|(ports, _)| ports).collect();
    for slice in existing {
        let ports = if slice["ports"].is_null() { &none } else { &slice["ports"] };
        if !port_sets.contains(&ports) {
            plan.delete.push((*slice).clone());
        }
    }
    for (ports, endpoints) in &desired {
        let of_ports = |slice: &&&Value| slice["ports"] == *ports || (ports.is_empty() && slice["ports"].is_null());
        let slices: Vec<&Value> = existing.iter().filter(of_ports).copied().collect();
        place(service, ports, &slices, endpoints, &mut plan);
    }
    if existing.len() == plan.delete.len() && plan.create.is_empty() && plan.update.is_empty() {
        // A Service without endpoints has one empty slice.
        let placeholder = new_slice(service, Value::list(), Value::list());
        match plan.delete.as_slice() {
            [only] if only["endpoints"].is_empty() && only["ports"].is_empty() && !needs_labels(service, only) => {
                plan.delete.clear();
            }
            _ => plan.create.push(placeholder),
        }
    }
    // A slice that would be deleted is rather used for what would be created.
    while !plan.delete.is_empty()
        && let Some(mut new) = plan.create.pop()
    {
        new["metadata"]["name"] = plan.delete.remove(0)["metadata"]["name"].clone();
        plan.update.push(new);
    }
    plan
}

/// Distributes the endpoints of one list of ports over its slices (reconcileByPortMapping).
fn place(service: &Value, ports: &Value, slices: &[&Value], endpoints: &[Value], plan: &mut Plan) {
    let mut missing: PMap<(Text, Text), &Value> = endpoints.iter().map(|endpoint| (identity(endpoint), endpoint)).collect();
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for slice in slices {
        let mut kept = Vec::new();
        let mut differs = needs_labels(service, slice);
        for have in slice["endpoints"].items() {
            if let Some(want) = missing.remove(&identity(have)) {
                differs |= want != have;
                kept.push(want.clone());
            }
        }
        differs |= kept.len() != slice["endpoints"].items().len();
        if kept.is_empty() && differs && !slice["endpoints"].is_empty() {
            plan.delete.push((*slice).clone());
        } else if differs {
            changed.push(with_endpoints(service, slice, kept));
        } else {
            unchanged.push(*slice);
        }
    }
    let mut missing: std::collections::VecDeque<Value> = missing.into_values().cloned().collect();
    // Slices that are written anyway are filled first.
    for slice in &mut changed {
        fill(slice, &mut missing);
    }
    while !missing.is_empty() {
        // Then, if all that is left fits into one other slice, the fullest of those.
        let room = |slice: &&Value| CAPACITY - slice["endpoints"].items().len().min(CAPACITY);
        let fitting = unchanged.iter().enumerate().filter(|(_, slice)| missing.len() < CAPACITY && room(slice) >= missing.len());
        let best = fitting.min_by_key(|(_, slice)| room(slice)).map(|(at, _)| at);
        let mut slice = match best {
            Some(at) => {
                let slice = unchanged.remove(at);
                with_endpoints(service, slice, slice["endpoints"].items().to_vec())
            }
            None => new_slice(service, ports.clone(), Value::list()),
        };
        fill(&mut slice, &mut missing);
        if best.is_some() { changed.push(slice) } else { plan.create.push(slice) }
    }
    plan.update.append(&mut changed);
}

fn fill(slice: &mut Value, missing: &mut std::collections::VecDeque<Value>) {
    let endpoints = slice["endpoints"].list_mut();
    while endpoints.len() < CAPACITY
        && let Some(endpoint) = missing.pop_front()
    {
        endpoints.push(endpoint);
    }
}

fn labels(service: &Value) -> Value {
    let mut labels = service["metadata"]["labels"].clone();
    let map = labels.map_mut();
    map.insert(SERVICE_NAME, service["metadata"]["name"].text());
    map.insert(MANAGED_BY, MANAGER);
    if is_headless(service) {
        map.insert(HEADLESS, "");
    } else {
        map.remove(HEADLESS);
    }
    labels
}

fn needs_labels(service: &Value, slice: &Value) -> bool {
    slice["metadata"]["labels"] != labels(service)
}

fn with_endpoints(service: &Value, slice: &Value, endpoints: Vec<Value>) -> Value {
    let mut slice = slice.clone();
    slice["metadata"]["labels"] = labels(service);
    slice["endpoints"] = endpoints.into();
    slice
}

fn new_slice(service: &Value, ports: Value, endpoints: Value) -> Value {
    value!({
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "generateName": format!("{}-", service.name()), "namespace": &service["metadata"]["namespace"], "labels": labels(service),
            "ownerReferences": [controller_reference(service)],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    })
}

/// Creates, updates and deletes, all at once.
fn carry_out(io: &mut Io<'_>, service: &Value, plan: Plan, trigger: &Text) -> Step<()> {
    let timed = |mut slice: Value| {
        let annotations = &mut slice["metadata"]["annotations"];
        annotations.set(TRIGGER_TIME, Some(trigger.clone()).filter(|trigger| !trigger.is_empty()));
        if annotations.is_empty() {
            slice["metadata"].remove("annotations");
        }
        slice
    };
    let namespace = service.namespace();
    let mut requests = Vec::new();
    if !service.is_terminating() {
        requests.extend(plan.create.into_iter().map(|slice| create_in(ENDPOINTSLICES, namespace, timed(slice))));
    }
    requests.extend(plan.update.into_iter().map(|slice| Request::update(ENDPOINTSLICES, timed(slice))));
    let writes = requests.len();
    requests.extend(plan.delete.iter().map(|slice| {
        let metadata = &slice["metadata"];
        Request::delete(ENDPOINTSLICES, metadata["namespace"].text(), metadata["name"].text()).with_body(Value::map())
    }));
    let key = service.key();
    let answers = io.request_all(requests.into_iter().map(|request| (request, Hook::None)).collect())?;
    let mut failure = None;
    for (at, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(slice) if at < writes => {
                io.act(Effect::SliceWritten(key.clone(), slice["metadata"]["name"].text(), slice.resource_version()));
            }
            Ok(_) => {}
            Err(error) if namespace_terminating(&error) => return Err(Stop::GiveUp),
            Err(error) if error.code() == 404 && at >= writes => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    for slice in plan.delete {
        io.act(Effect::SliceDeleted(key.clone(), slice["metadata"]["name"].text()));
    }
    let Some(error) = failure else { return Ok(()) };
    let (namespace, name) = split_key(&key);
    let message = format!("Error updating Endpoint Slices for Service {namespace}/{name}: {error}");
    io.event(&object_reference(service), "Warning", "FailedToUpdateEndpointSlices", message);
    Err(Stop::Retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Value {
        value!({
            "kind": "Service", "apiVersion": "v1",
            "metadata": {"name": "web", "namespace": "default", "uid": "s", "labels": {"app": "web"}},
            "spec": {"clusterIP": "10.96.1.1", "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]},
        })
    }

    fn endpoints(count: usize) -> Vec<Value> {
        let one = |n: usize| value!({"addresses": [format!("10.244.0.{n}")], "targetRef": {"uid": format!("u{n}")}});
        (0..count).map(one).collect()
    }

    fn ports_of_web() -> Value {
        value!([{"name": "", "port": 80, "protocol": "TCP"}])
    }

    fn stored(mut slice: Value, name: &'static str) -> Value {
        slice["metadata"]["name"] = name.into();
        slice
    }

    #[test]
    fn a_service_without_pods_has_an_empty_slice_that_is_used_later() {
        let service = service();
        let first = plan(&service, &[], Vec::new());
        assert_eq!((first.create.len(), first.update.len(), first.delete.len()), (1, 0, 0));
        let placeholder = stored(first.create[0].clone(), "web-abcde");
        assert_eq!(placeholder["endpoints"].items().len(), 0);

        let again = plan(&service, &[&placeholder], Vec::new());
        assert_eq!((again.create.len(), again.update.len(), again.delete.len()), (0, 0, 0));

        let filled = plan(&service, &[&placeholder], vec![(ports_of_web(), endpoints(2))]);
        assert_eq!((filled.create.len(), filled.update.len(), filled.delete.len()), (0, 1, 0));
        assert_eq!(filled.update[0].name(), "web-abcde");
        assert_eq!(filled.update[0]["endpoints"].items().len(), 2);
    }

    #[test]
    fn a_hundred_endpoints_fill_a_slice() {
        let service = service();
        let made = plan(&service, &[], vec![(ports_of_web(), endpoints(150))]);
        let sizes: Vec<usize> = made.create.iter().map(|slice| slice["endpoints"].items().len()).collect();
        assert_eq!(sizes, [100, 50]);
        let slices: Vec<Value> =
            made.create.into_iter().zip(["web-a", "web-b"]).map(|(slice, name)| stored(slice, name)).collect();
        let existing: Vec<&Value> = slices.iter().collect();
        let grown = plan(&service, &existing, vec![(ports_of_web(), endpoints(160))]);
        assert_eq!((grown.create.len(), grown.update.len()), (0, 1));
        assert_eq!(grown.update[0].name(), "web-b");
    }
}

//! Endpoints (`pkg/controller/endpoint/endpoints_controller.go`).

use crate::core::collections::{PMap, PSet};

use super::{
    HEADLESS, TRIGGER_TIME, delete_endpoints, has_hostname, is_candidate, is_headless, pods, target_port, target_reference,
    trigger_time,
};
use crate::api::pod::is_ready;
use crate::api::resource::{ENDPOINTS, SERVICES};
use crate::client::object_reference;
use crate::core::Request;
use crate::kcm::control::{create_in, namespace_terminating};
use crate::kcm::reconcile::{Effect, Io, QueueId, Step, Stop};
use crate::value;
use crate::value::{Text, Value};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// No more addresses than this are listed.
const CAPACITY: usize = 1000;

/// Writes the Endpoints of a Service.
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(service) = view.get(SERVICES, key) else {
        return match io.request(delete_endpoints(key))? {
            Err(error) if error.code() != 404 => Err(Stop::Retry),
            _ => Ok(()),
        };
    };
    if service["spec"]["type"].str() == "ExternalName" || service["spec"]["selector"].is_null() {
        return Ok(());
    }
    let pods = pods(view, service);
    let (trigger, state) = trigger_time(view, QueueId::Endpoint, service, &pods);
    io.act(Effect::TriggerSeen { queue: QueueId::Endpoint, service: Text::new(key), state });
    let (subsets, over) = subsets(service, &pods);
    let current = view.get(ENDPOINTS, key);
    if let Some(current) = current
        && current["subsets"].items() == subsets
        && own_labels(&current["metadata"]["labels"]) == own_labels(&service["metadata"]["labels"])
        && over == (current.annotation("endpoints.kubernetes.io/over-capacity") == Some("truncated"))
    {
        return Ok(());
    }
    let mut new = current
        .cloned()
        .unwrap_or_else(|| value!({"kind": "Endpoints", "apiVersion": "v1", "metadata": {"name": &service["metadata"]["name"]}}));
    new.set("subsets", (!subsets.is_empty()).then_some(subsets));
    let mut labels = service["metadata"]["labels"].clone();
    labels.map_mut().insert(MANAGED_BY, "endpoint-controller");
    if is_headless(service) {
        labels.map_mut().insert(HEADLESS, "");
    } else {
        labels.remove(HEADLESS);
    }
    new["metadata"]["labels"] = labels;
    let annotations = &mut new["metadata"]["annotations"];
    annotations.set(TRIGGER_TIME, (!trigger.is_empty()).then_some(trigger));
    annotations.set("endpoints.kubernetes.io/over-capacity", over.then_some("truncated"));
    if annotations.is_empty() {
        new["metadata"].remove("annotations");
    }
    let (request, doing, reason) = match current {
        None => (create_in(ENDPOINTS, service.namespace(), new.clone()), "create", "FailedToCreateEndpoint"),
        Some(_) => (Request::update(ENDPOINTS, new.clone()), "update", "FailedToUpdateEndpoint"),
    };
    match io.request(request)? {
        Ok(_) => Ok(()),
        Err(error) if namespace_terminating(&error) => Err(Stop::GiveUp),
        Err(error) => {
            let message = format!("Failed to {doing} endpoint {key}: {error}");
            io.event(&object_reference(&new), "Warning", reason, message);
            Err(Stop::Retry)
        }
    }
}

/// Labels without those that the controller adds.
fn own_labels(labels: &Value) -> Value {
    let mut labels = if labels.is_null() { Value::map() } else { labels.clone() };
    labels.remove(HEADLESS);
    labels.remove(MANAGED_BY);
    labels
}

/// The addresses behind one port: ready, then not ready, by address.
type Addresses = (PMap<(u32, Text), Value>, PMap<(u32, Text), Value>);

/// The subsets: ports with the same addresses stand together; and whether something had to be left out (RepackSubsets).
fn subsets(service: &Value, pods: &[&Value]) -> (Vec<Value>, bool) {
    let publish_all = service["spec"]["publishNotReadyAddresses"].is_true();
    let mut by_port: Vec<(Value, Addresses)> = Vec::new();
    let mut total = PSet::new();
    let mut over = false;
    for pod in pods.iter().filter(|pod| is_candidate(pod, publish_all)) {
        if total.len() >= CAPACITY && !total.contains(pod.uid()) {
            over = true;
            continue;
        }
        total.insert(pod.uid());
        let ip = pod["status"]["podIP"].text();
        let mut address = value!({"ip": &ip, "nodeName": &pod["spec"]["nodeName"], "targetRef": target_reference(pod)});
        address.set("hostname", has_hostname(pod, service).then(|| pod["spec"]["hostname"].clone()));
        let number = ip.parse::<std::net::Ipv4Addr>().map_or(u32::MAX, u32::from);
        for port in ports(service, pod) {
            let at = by_port.iter().position(|(have, _)| *have == port).unwrap_or_else(|| {
                by_port.push((port, Addresses::default()));
                by_port.len() - 1
            });
            let (ready, not_ready) = &mut by_port[at].1;
            let list = if publish_all || is_ready(pod) { ready } else { not_ready };
            list.insert((number, ip.clone()), address.clone());
        }
    }
    let mut merged: Vec<(Vec<Value>, Addresses)> = Vec::new();
    for (port, addresses) in by_port {
        match merged.iter_mut().find(|(_, have)| *have == addresses) {
            Some((ports, _)) => ports.push(port),
            None => merged.push((vec![port], addresses)),
        }
    }
    let subset = |(ports, (ready, not_ready)): (Vec<Value>, Addresses)| {
        let mut subset = Value::map();
        let list = |addresses: PMap<(u32, Text), Value>| addresses.into_values().collect::<Vec<Value>>();
        subset.set("addresses", Some(list(ready)).filter(|list| !list.is_empty()));
        subset.set("notReadyAddresses", Some(list(not_ready)).filter(|list| !list.is_empty()));
        let ports: Vec<Value> = ports.into_iter().filter(|port| !port.is_null()).collect();
        subset.set("ports", (!ports.is_empty()).then_some(ports));
        subset
    };
    (merged.into_iter().map(subset).collect(), over)
}

/// The ports of a Service as they are on a pod; a headless Service without ports has one "null" port.
fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let declared = service["spec"]["ports"].items();
    if declared.is_empty() && service["spec"]["clusterIP"].str() == "None" {
        return vec![Value::Null];
    }
    let resolve = |port: &Value| {
        let mut resolved = value!({"port": target_port(pod, port)?, "protocol": &port["protocol"]});
        resolved.set("name", Some(port["name"].clone()).filter(|name| !name.is_empty()));
        resolved.set("appProtocol", port["appProtocol"].clone());
        Some(resolved)
    };
    declared.iter().filter_map(resolve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &'static str, ip: &'static str, ready: &'static str) -> Value {
        value!({
            "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"nodeName": "kind-worker", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": ready}]},
        })
    }

    #[test]
    fn ports_with_the_same_addresses_stand_together() {
        let service = value!({"metadata": {"name": "web"}, "spec": {"ports": [
            {"name": "a", "port": 80, "targetPort": "http", "protocol": "TCP"},
            {"name": "b", "port": 90, "targetPort": 90, "protocol": "TCP"},
            {"name": "c", "port": 91, "targetPort": "missing", "protocol": "TCP"},
        ]}});
        let (ten, nine, none) = (pod("a", "10.244.1.10", "True"), pod("b", "10.244.1.9", "True"), pod("c", "", "True"));
        let waiting = pod("d", "10.244.1.2", "False");
        let (subsets, over) = subsets(&service, &[&ten, &nine, &none, &waiting]);
        assert!(!over);
        assert_eq!(subsets.len(), 1);
        let ips = |field: &str| -> Vec<Text> { subsets[0][field].items().iter().map(|have| have["ip"].text()).collect() };
        assert_eq!(ips("addresses"), ["10.244.1.9", "10.244.1.10"]);
        assert_eq!(ips("notReadyAddresses"), ["10.244.1.2"]);
        let ports: Vec<i64> = subsets[0]["ports"].items().iter().map(|port| port["port"].int()).collect();
        assert_eq!(ports, [8080, 90]);
    }
}

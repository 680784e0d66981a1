//! Whether the node takes a pod that was bound to it (upstream's `lifecycle/predicate.go`).

use crate::core::collections::PMap;

use crate::api::quantity::Quantity;
use crate::scheduler::terms::RequiredNodeAffinity;
use crate::value;
use crate::value::{Text, Value};

/// A pod's requests: millicores and bytes. Init containers count with their maximum.
pub fn requests(pod: &Value) -> (i64, i64) {
    let of = |container: &Value| {
        let requests = &container["resources"]["requests"];
        (Quantity::of(&requests["cpu"]).milli(), Quantity::of(&requests["memory"]).units())
    };
    let spec = &pod["spec"];
    let add = |(cpu, memory): (i64, i64), (more_cpu, more_memory)| (cpu + more_cpu, memory + more_memory);
    let regular = spec["containers"].items().iter().map(of).fold((0, 0), add);
    let sidecars =
        spec["initContainers"].items().iter().filter(|c| c["restartPolicy"].str() == "Always").map(of).fold((0, 0), add);
    let init =
        spec["initContainers"].items().iter().map(of).fold((0, 0), |max: (i64, i64), one| (max.0.max(one.0), max.1.max(one.1)));
    let running = add(regular, sidecars);
    (running.0.max(init.0), running.1.max(init.1))
}

/// The sum of the containers' `requests` or `limits`.
pub fn sum(pod: &Value, kind: &str) -> Value {
    let mut sum: PMap<Text, Quantity> = PMap::new();
    for container in pod["spec"]["containers"].items() {
        for (name, amount) in container["resources"][kind].entries() {
            let total = sum.entry(name.clone()).or_default();
            let amount = Quantity::of(amount);
            *total = if total.is_zero() { amount } else { *total + amount };
        }
    }
    let mut value = Value::map();
    for (name, total) in sum {
        value.map_mut().insert(name, total);
    }
    value
}

/// What the node has, and what its pods have been given.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Allocatable millicores, bytes and pods.
    pub allocatable: (i64, i64, i64),
    /// Used.
    pub used: (i64, i64, i64),
}

/// Why the node rejects a pod: reason, and the message of event and status. `None` when it takes it.
pub fn reject(pod: &Value, room: Room, node: &Value) -> Option<(Text, Text)> {
    let (cpu, memory) = requests(pod);
    for (name, requested, used, capacity) in [
        ("pods", 1, room.used.2, room.allocatable.2),
        ("cpu", cpu, room.used.0, room.allocatable.0),
        ("memory", memory, room.used.1, room.allocatable.1),
    ] {
        if requested > 0 && used + requested > capacity {
            let message =
                format!("Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}");
            return Some((Text::from(format!("OutOf{name}")), Text::from(message)));
        }
    }
    let required = RequiredNodeAffinity::of(&pod["spec"]);
    if node.is_null() || required.matches(&node["metadata"]["name"].text(), &node["metadata"]["labels"]) {
        return None;
    }
    Some(("NodeAffinity".into(), "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector".into()))
}

/// What a node can give: millicores, bytes, pods.
pub fn allocatable() -> (i64, i64, i64) {
    let capacity = capacity();
    let of = |name: &str| Quantity::of(&capacity[name]);
    (of("cpu").milli(), of("memory").units(), of("pods").units())
}

/// `{"cpu": …}` of a node's capacity.
pub fn capacity() -> Value {
    value!({"cpu": "4", "ephemeral-storage": "100Gi", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "8Gi", "pods": "110"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_does_not_fit_is_rejected_in_the_recorded_words() {
        let pod = value!({"spec": {"containers": [{"resources": {"requests": {"cpu": "2"}}}]}});
        let room = Room { allocatable: (4_000, 8 << 30, 110), used: (3_100, 0, 9) };
        let (reason, message) = reject(&pod, room, &Value::Null).unwrap();
        assert_eq!(reason.as_str(), "OutOfcpu");
        assert_eq!(message.as_str(), "Node didn't have enough resource: cpu, requested: 2000, used: 3100, capacity: 4000");
        assert_eq!(reject(&pod, Room { used: (2_000, 0, 9), ..room }, &Value::Null), None);
        assert_eq!(reject(&pod, Room { used: (0, 0, 110), ..room }, &Value::Null).unwrap().0.as_str(), "OutOfpods");
    }

    #[test]
    fn requests_are_added_up() {
        let of = |cpu: &'static str| value!({"resources": {"requests": {"cpu": cpu, "memory": "50Mi"}}});
        let pod = value!({"spec": {"containers": [of("100m"), of("1")], "initContainers": [of("3")]}});
        assert_eq!(requests(&pod), (3_000, 100 << 20));
        assert_eq!(sum(&pod, "requests").to_json(), r#"{"cpu":"1100m","memory":"100Mi"}"#);
    }
}

//! A node as the scheduler reads it, with the pods that are or will be on it (framework.NodeInfo).

use std::rc::Rc;

use super::pod_info::{HostPort, PodInfo};
use super::resources::Resources;
use super::terms::{PodAffinity, REGION, Taint, ZONE};
use crate::value::{Text, Value};

/// Number of a [`PodClass`] in its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// What pods have in common that selectors and affinity terms look at. Thousands of pods are of a few classes, so
/// the plugins match classes and multiply by the counts of each node.
#[derive(Clone, Debug, PartialEq)]
pub struct PodClass {
    /// Their namespace.
    pub namespace: Text,
    /// Their labels, or null.
    pub labels: Value,
    /// Whether their deletion has begun.
    pub terminating: bool,
    /// What they ask of other pods.
    pub affinity: Option<Rc<PodAffinity>>,
}

/// A pod on a node. What preemption asks of thousands of pods is at hand without looking at the pod itself.
#[derive(Clone, Debug)]
pub struct NodePod {
    /// The pod.
    pub info: Rc<PodInfo>,
    /// Its class.
    pub class: ClassId,
    /// Whether it asks for nothing but CPU, memory and ephemeral storage: no other resources, no host ports, nothing of other pods.
    plain: bool,
    /// Its priority.
    pub priority: i64,
    /// When it started, see [`PodInfo::started`].
    pub started: i64,
    common: [i64; 3],
    non_zero: (i64, i64),
    ending: [u8; 4],
}

impl NodePod {
    /// A pod of a class.
    pub fn new(info: &Rc<PodInfo>, class: ClassId) -> Self {
        Self {
            class,
            plain: info.requests.scalars.is_empty() && info.host_ports.is_empty() && info.affinity.is_none(),
            priority: info.priority,
            started: info.started,
            common: info.requests.common(),
            non_zero: info.non_zero,
            ending: ending(&info.key),
            info: Rc::clone(info),
        }
    }
}

/// How a key ends: the keys of a ReplicaSet's pods differ there.
fn ending(key: &str) -> [u8; 4] {
    key.as_bytes().last_chunk().copied().unwrap_or_default()
}

/// What a Node object says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSpec {
    /// Its name.
    pub name: Text,
    /// Its labels.
    pub labels: Value,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// What it has to give.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub allowed_pods: i64,
    /// The images that it has, with their sizes in bytes, sorted by name.
    pub images: Vec<(Text, i64)>,
}

/// A node and what is on it.
#[derive(Debug, Default)]
pub struct NodeInfo {
    /// Its position among the nodes of the snapshot.
    pub index: usize,
    /// What its object says. Shared: preemption imagines hundreds of nodes with other pods on them.
    pub spec: Rc<NodeSpec>,
    /// The sum of its pods' requests.
    pub requested: Resources,
    /// The sum of its pods' requests of (millicores, bytes) with defaults.
    pub non_zero: (i64, i64),
    /// Its pods. They are left out of nodes that are imagined for filters which do not look at them.
    pub pods: Vec<NodePod>,
    /// How many pods are on it.
    pub pod_count: usize,
    /// How many of its pods are of which class.
    pub classes: Vec<(ClassId, u32)>,
    /// How many of its pods ask something of other pods.
    pub with_affinity: u32,
    /// The host ports that its pods take.
    pub ports: Vec<HostPort>,
}

impl std::ops::Deref for NodeInfo {
    type Target = NodeSpec;
    fn deref(&self) -> &NodeSpec {
        &self.spec
    }
}

impl Clone for NodeInfo {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        self.clone_without(other, true, |_| false);
    }
}

impl NodeSpec {
    /// Reads a Node object.
    pub fn of(node: &Value) -> Self {
        let allocatable = &node["status"]["allocatable"];
        let images = node["status"]["images"].items().iter();
        let mut images: Vec<(Text, i64)> =
            images.flat_map(|image| image["names"].items().iter().map(|name| (name.text(), image["sizeBytes"].int()))).collect();
        images.sort();
        images.dedup_by(|a, b| a.0 == b.0);
        Self {
            name: node["metadata"]["name"].text(),
            labels: node["metadata"]["labels"].clone(),
            taints: Taint::list(&node["spec"]["taints"]),
            unschedulable: node["spec"]["unschedulable"].is_true(),
            allocatable: Resources::of(allocatable),
            allowed_pods: crate::api::quantity::Quantity::of(&allocatable["pods"]).units(),
            images,
        }
    }
}

impl NodeInfo {
    /// Reads what the Node object says; pods and index stay as they are.
    pub fn read(&mut self, node: &Value) {
        self.spec = Rc::new(NodeSpec::of(node));
    }

    /// Region and zone: nodes are visited zone by zone in turn.
    pub fn zone(&self) -> (Text, Text) {
        (self.labels[REGION].text(), self.labels[ZONE].text())
    }

    /// Becomes a copy of another node without some of its pods, in the memory that is there: preemption imagines hundreds of nodes,
    /// one after the other, each without the pods of lower priority. With `with_pods` the other pods themselves come along.
    pub fn clone_without(&mut self, other: &Self, with_pods: bool, leave_out: impl Fn(&NodePod) -> bool) {
        self.index = other.index;
        self.spec.clone_from(&other.spec);
        self.requested.clone_from(&other.requested);
        self.non_zero = other.non_zero;
        self.classes.clone_from(&other.classes);
        self.with_affinity = other.with_affinity;
        self.ports.clone_from(&other.ports);
        self.pod_count = other.pod_count;
        self.pods.clear();
        for pod in &other.pods {
            if leave_out(pod) {
                self.count(pod, -1);
            } else if with_pods {
                self.pods.push(pod.clone());
            }
        }
    }

    /// Adds a pod.
    pub fn add(&mut self, pod: NodePod) {
        self.count(&pod, 1);
        self.pods.push(pod);
    }

    /// Removes the pod with this key, returning it.
    pub fn remove(&mut self, key: &str) -> Option<NodePod> {
        let ending = ending(key);
        let at = self.pods.iter().position(|pod| pod.ending == ending && pod.info.key == *key)?;
        let pod = self.pods.remove(at);
        self.count(&pod, -1);
        Some(pod)
    }

    /// Takes a pod into all sums (`sign` 1) or out of them (-1).
    pub fn count(&mut self, pod: &NodePod, sign: i64) {
        let adds = sign > 0;
        match self.classes.iter().position(|(class, _)| *class == pod.class) {
            Some(at) if adds => self.classes[at].1 += 1,
            Some(at) if self.classes[at].1 > 1 => self.classes[at].1 -= 1,
            Some(at) => _ = self.classes.remove(at),
            None => self.classes.push((pod.class, 1)),
        }
        self.pod_count = if adds { self.pod_count + 1 } else { self.pod_count - 1 };
        self.non_zero.0 += sign * pod.non_zero.0;
        self.non_zero.1 += sign * pod.non_zero.1;
        if pod.plain {
            return self.requested.add_common(pod.common, sign);
        }
        self.requested.add(&pod.info.requests, sign);
        let with_affinity = u32::from(pod.info.affinity.is_some());
        if adds {
            self.with_affinity += with_affinity;
            self.ports.extend_from_slice(&pod.info.host_ports);
            return;
        }
        self.with_affinity -= with_affinity;
        for port in &pod.info.host_ports {
            if let Some(at) = self.ports.iter().position(|have| have == port) {
                self.ports.remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn adding_and_removing_a_pod_leaves_nothing() {
        let mut node = NodeInfo::default();
        node.read(&value!({
            "metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "a"}},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "images": [{"names": ["b:1", "a:1"], "sizeBytes": 7}]},
        }));
        assert_eq!((node.allocatable.milli_cpu, node.allowed_pods, node.images[0].0.as_str()), (4000, 110, "a:1"));
        assert_eq!(node.zone().1, "a");
        let pod = PodInfo::new(&value!({
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}, "ports": [{"hostPort": 80}]}], "affinity": {"podAffinity": {}}},
        }));
        node.add(NodePod::new(&pod, ClassId(3)));
        assert_eq!((node.requested.milli_cpu, node.non_zero.1, node.ports.len(), node.with_affinity), (1000, 200 << 20, 1, 1));
        assert!(node.remove("default/p").is_some());
        assert!(node.remove("default/p").is_none());
        assert_eq!((node.requested.milli_cpu, node.ports.len(), node.classes.len(), node.with_affinity), (0, 0, 0, 0));
    }
}

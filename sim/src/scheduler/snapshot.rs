//! The state of the cluster that one scheduling cycle looks at: nodes with their pods, and the objects that plugins refer to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::node_info::{ClassId, NodeInfo, NodePod, NodeSpec, PodClass};
use super::pod_info::PodInfo;
use crate::core::collections::PMap;
use crate::value::{Text, Value};

/// Objects that plugins look up, by `namespace/name` or name.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Namespaces, for their labels.
    pub namespaces: PMap<Text, Value>,
    /// Services.
    pub services: PMap<Text, Value>,
    /// ReplicaSets.
    pub replica_sets: PMap<Text, Value>,
    /// StatefulSets.
    pub stateful_sets: PMap<Text, Value>,
    /// PodDisruptionBudgets.
    pub budgets: PMap<Text, Value>,
    /// PersistentVolumeClaims.
    pub claims: PMap<Text, Value>,
    /// PersistentVolumes.
    pub volumes: PMap<Text, Value>,
    /// StorageClasses.
    pub storage_classes: PMap<Text, Value>,
    /// CSINodes.
    pub csi_nodes: PMap<Text, Value>,
    /// CSIDrivers; the simulated api-server does not serve them, `orrery schedule` reads them from files.
    pub csi_drivers: PMap<Text, Value>,
    /// CSIStorageCapacities, likewise.
    pub csi_capacities: PMap<Text, Value>,
}

/// The values of one label over all nodes, numbered.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The values, in the order of the nodes that first have them.
    pub values: Vec<Text>,
    /// The number of the value that each node has, by the node's index.
    pub of_node: Vec<Option<u32>>,
}

/// Nodes, their pods, and related objects. Cloning shares what is large.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Related objects.
    pub objects: Objects,
    nodes: Vec<Rc<NodeInfo>>,
    index: PMap<Text, usize>,
    /// Pods on nodes that are not there (yet).
    strays: BTreeMap<Text, Vec<Rc<PodInfo>>>,
    classes: Rc<Vec<Rc<PodClass>>>,
    class_ids: PMap<Text, ClassId>,
    /// How many nodes have an image.
    image_nodes: PMap<Text, i64>,
    /// Pods that wait for a node to be cleared for them, by that node's name.
    nominated: BTreeMap<Text, Vec<NodePod>>,
    /// How many pods on nodes ask something of other pods.
    with_affinity: usize,
    /// The order in which nodes are visited; made when it is asked for.
    order: RefCell<Option<Rc<Vec<usize>>>>,
    /// The names of the nodes by their index; made when they are asked for.
    names: RefCell<Option<Rc<[Text]>>>,
    /// Topologies that were asked for since nodes last changed.
    topologies: RefCell<BTreeMap<Text, Rc<Topology>>>,
}

impl Snapshot {
    /// An empty cluster.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes by their index.
    pub fn nodes(&self) -> &[Rc<NodeInfo>] {
        &self.nodes
    }

    /// The node with this name.
    pub fn node(&self, name: &str) -> Option<&Rc<NodeInfo>> {
        self.index.get(name).map(|at| &self.nodes[*at])
    }

    /// The order in which nodes are visited: from each zone one in turn (cache.nodeTree).
    pub fn order(&self) -> Rc<Vec<usize>> {
        let mut order = self.order.borrow_mut();
        Rc::clone(order.get_or_insert_with(|| {
            let mut zones: Vec<((Text, Text), Vec<usize>)> = Vec::new();
            let mut numbers: BTreeMap<(Text, Text), usize> = BTreeMap::new();
            for node in &self.nodes {
                let zone = node.zone();
                let at = *numbers.entry(zone.clone()).or_insert_with(|| {
                    zones.push((zone, Vec::new()));
                    zones.len() - 1
                });
                zones[at].1.push(node.index);
            }
            let longest = zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
            let rounds = (0..longest).flat_map(|round| zones.iter().filter_map(move |(_, nodes)| nodes.get(round).copied()));
            Rc::new(rounds.collect())
        }))
    }

    /// The names of the nodes by their index.
    pub fn names(&self) -> Rc<[Text]> {
        let mut names = self.names.borrow_mut();
        Rc::clone(names.get_or_insert_with(|| self.nodes.iter().map(|node| node.name.clone()).collect()))
    }

    /// The values of a label over the nodes.
    pub fn topology(&self, key: &Text) -> Rc<Topology> {
        let mut topologies = self.topologies.borrow_mut();
        if let Some(topology) = topologies.get(key) {
            return Rc::clone(topology);
        }
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut topology = Topology::default();
        for node in &self.nodes {
            let value = node.labels[&**key].as_str();
            topology.of_node.push(value.map(|value| {
                *numbers.entry(value).or_insert_with(|| {
                    topology.values.push(node.labels[&**key].text());
                    topology.values.len() as u32 - 1
                })
            }));
        }
        let topology = Rc::new(topology);
        topologies.insert(key.clone(), Rc::clone(&topology));
        topology
    }

    /// All classes of pods; [`ClassId`] is the position.
    pub fn classes(&self) -> &[Rc<PodClass>] {
        &self.classes
    }

    /// Whether any pod on a node asks something of other pods.
    pub fn any_affinity(&self) -> bool {
        self.with_affinity > 0
    }

    /// On how many nodes an image is.
    pub fn nodes_with_image(&self, image: &str) -> i64 {
        self.image_nodes.get(image).copied().unwrap_or(0)
    }

    /// The labels of a namespace, or null.
    pub fn namespace_labels(&self, namespace: &str) -> Value {
        self.objects.namespaces.get(namespace).map(|object| object["metadata"]["labels"].clone()).unwrap_or_default()
    }

    /// Pods that wait for room on this node.
    pub fn nominated(&self, node: &str) -> &[NodePod] {
        self.nominated.get(node).map_or(&[], Vec::as_slice)
    }

    /// Notes that a pod waits for room on a node, and on no other; "" for none.
    pub fn nominate(&mut self, pod: &Rc<PodInfo>, node: &Text) {
        self.nominated.retain(|_, pods| {
            pods.retain(|have| have.info.uid != pod.uid || have.info.key != pod.key);
            !pods.is_empty()
        });
        if !node.is_empty() {
            let nominated = NodePod::new(pod, self.class_of(pod));
            self.nominated.entry(node.clone()).or_default().push(nominated);
        }
    }

    /// Adds a node or takes over its changes; says whether anything that scheduling looks at has changed.
    pub fn set_node(&mut self, node: &Value) -> bool {
        let name = node["metadata"]["name"].text();
        if let Some(at) = self.index.get(&name).copied() {
            let (spec, have) = (NodeSpec::of(node), &self.nodes[at].spec);
            if spec == **have {
                return false;
            }
            if spec.labels != have.labels {
                self.forget_topologies();
            }
            self.count_images(at, -1);
            Rc::make_mut(&mut self.nodes[at]).spec = Rc::new(spec);
            self.count_images(at, 1);
            return true;
        }
        let mut info = NodeInfo { index: self.nodes.len(), ..NodeInfo::default() };
        info.read(node);
        let at = info.index;
        self.index.insert(name.clone(), at);
        self.nodes.push(Rc::new(info));
        self.count_images(at, 1);
        self.forget_topologies();
        for pod in self.strays.remove(&name).unwrap_or_default() {
            self.add_pod(&pod, &name);
        }
        true
    }

    /// Removes a node; its pods stay known until they are removed themselves.
    pub fn remove_node(&mut self, name: &Text) {
        let Some(at) = self.index.remove(name) else { return };
        self.count_images(at, -1);
        let node = self.nodes.remove(at);
        self.with_affinity -= node.with_affinity as usize;
        if !node.pods.is_empty() {
            self.strays.insert(name.clone(), node.pods.iter().map(|pod| Rc::clone(&pod.info)).collect());
        }
        for at in at..self.nodes.len() {
            Rc::make_mut(&mut self.nodes[at]).index = at;
            self.index.insert(self.nodes[at].name.clone(), at);
        }
        self.forget_topologies();
    }

    /// Puts a pod onto a node.
    pub fn add_pod(&mut self, pod: &Rc<PodInfo>, node: &Text) {
        let class = self.class_of(pod);
        let Some(at) = self.index.get(node).copied() else {
            self.strays.entry(node.clone()).or_default().push(Rc::clone(pod));
            return;
        };
        self.with_affinity += usize::from(pod.affinity.is_some());
        Rc::make_mut(&mut self.nodes[at]).add(NodePod::new(pod, class));
    }

    /// Takes a pod off a node.
    pub fn remove_pod(&mut self, key: &str, node: &str) {
        if let Some(at) = self.index.get(node).copied() {
            if let Some(pod) = Rc::make_mut(&mut self.nodes[at]).remove(key) {
                self.with_affinity -= usize::from(pod.info.affinity.is_some());
            }
        } else if let Some(pods) = self.strays.get_mut(node) {
            pods.retain(|pod| pod.key != *key);
            if pods.is_empty() {
                self.strays.remove(node);
            }
        }
    }

    /// The class of a pod, which may be a new one.
    pub fn class_of(&mut self, pod: &PodInfo) -> ClassId {
        let mut key = format!("{}/{}/{}", u8::from(pod.terminating), pod.namespace, pod.labels.to_json());
        if pod.affinity.is_some() {
            key += &pod.object["spec"]["affinity"].to_json();
        }
        if let Some(class) = self.class_ids.get(key.as_str()) {
            return *class;
        }
        let class = ClassId(self.classes.len() as u32);
        Rc::make_mut(&mut self.classes).push(Rc::new(PodClass {
            namespace: pod.namespace.clone(),
            labels: pod.labels.clone(),
            terminating: pod.terminating,
            affinity: pod.affinity.clone(),
        }));
        self.class_ids.insert(Text::from(key), class);
        class
    }

    fn count_images(&mut self, at: usize, sign: i64) {
        let node = Rc::clone(&self.nodes[at]);
        for (image, _) in &node.images {
            let count = self.nodes_with_image(image) + sign;
            if count == 0 {
                self.image_nodes.remove(image);
            } else {
                self.image_nodes.insert(image.clone(), count);
            }
        }
    }

    fn forget_topologies(&mut self) {
        self.topologies.get_mut().clear();
        *self.order.get_mut() = None;
        *self.names.get_mut() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn node(name: &'static str, zone: &'static str) -> Value {
        value!({"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}})
    }

    #[test]
    fn nodes_are_visited_zone_by_zone_in_turn() {
        let mut snapshot = Snapshot::new();
        for (name, zone) in [("n1", "a"), ("n2", "a"), ("n3", "b"), ("n4", "a"), ("n5", "c")] {
            snapshot.set_node(&node(name, zone));
        }
        assert_eq!(*snapshot.order(), [0, 2, 4, 1, 3]);
        assert_eq!(
            snapshot.topology(&"topology.kubernetes.io/zone".into()).of_node,
            [Some(0), Some(0), Some(1), Some(0), Some(2)]
        );
        snapshot.remove_node(&"n1".into());
        assert_eq!(*snapshot.order(), [0, 1, 3, 2]);
        assert_eq!(snapshot.node("n5").unwrap().index, 3);
    }

    #[test]
    fn pods_wait_for_their_node() {
        let pod =
            PodInfo::new(&value!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"affinity": {"podAffinity": {}}}}));
        let mut snapshot = Snapshot::new();
        snapshot.add_pod(&pod, &"n1".into());
        assert!(!snapshot.any_affinity());
        snapshot.set_node(&node("n1", "a"));
        assert_eq!(snapshot.node("n1").unwrap().pods.len(), 1);
        assert!(snapshot.any_affinity());
        snapshot.remove_node(&"n1".into());
        assert!(!snapshot.any_affinity());
        snapshot.remove_pod("default/p", "n1");
        snapshot.set_node(&node("n1", "a"));
        assert!(snapshot.node("n1").unwrap().pods.is_empty());
    }

    #[test]
    fn only_changes_that_matter_count() {
        let mut snapshot = Snapshot::new();
        assert!(snapshot.set_node(&node("n1", "a")));
        let mut changed = node("n1", "a");
        changed["status"]["conditions"] = value!([{"type": "Ready"}]);
        assert!(!snapshot.set_node(&changed));
        changed["spec"]["unschedulable"] = true.into();
        assert!(snapshot.set_node(&changed));
    }
}

//! Workloads in the shapes of `test/integration/scheduler_perf`: nodes of 4 CPU, 32 Gi and 110 pods, pods that request 100 m and
//! 500 Mi. They run the scheduling cycle and put each pod onto its node; there are no messages.
//!
//! The shapes follow the `performance-config.yaml` files there, at the sizes of their largest measured workloads for 5,000 nodes.
//! Two are harder than upstream's: of Unschedulable's pods one in five fits nowhere (upstream: five a second), and each of Preemption's
//! pods preempts.

use std::rc::Rc;

use super::algorithm::Algorithm;
use super::decision::Outcome;
use super::pod_info::PodInfo;
use super::profile::Profile;
use super::snapshot::Snapshot;
use crate::core::Time;
use crate::value;
use crate::value::{Text, Value};

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Pods without any wish.
    Basic,
    /// Pods that must be spread over zones.
    TopologySpreading,
    /// Pods that should be spread over zones.
    PreferredTopologySpreading,
    /// Pods that must be in a zone with others of their kind.
    PodAffinity,
    /// Pods that must not share a node.
    PodAntiAffinity,
    /// Pods that must be in one of two zones.
    NodeAffinity,
    /// Small pods, while large ones wait that fit nowhere.
    Unschedulable,
    /// Important pods on full nodes.
    Preemption,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 8] = [
        Self::Basic,
        Self::TopologySpreading,
        Self::PreferredTopologySpreading,
        Self::PodAffinity,
        Self::PodAntiAffinity,
        Self::NodeAffinity,
        Self::Unschedulable,
        Self::Preemption,
    ];

    /// The name of the upstream test.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "SchedulingBasic",
            Self::TopologySpreading => "TopologySpreading",
            Self::PreferredTopologySpreading => "PreferredTopologySpreading",
            Self::PodAffinity => "SchedulingPodAffinity",
            Self::PodAntiAffinity => "SchedulingPodAntiAffinity",
            Self::NodeAffinity => "SchedulingNodeAffinity",
            Self::Unschedulable => "Unschedulable",
            Self::Preemption => "Preemption",
        }
    }
}

impl Shape {
    /// The shape with this name, or a part of it in any case.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let named = |shape: &Self| shape.name().to_lowercase() == name;
        Self::ALL
            .into_iter()
            .find(named)
            .or_else(|| Self::ALL.into_iter().find(|shape| shape.name().to_lowercase().contains(&name)))
    }

    /// How many pods are scheduled at this size.
    pub const fn measured(self, nodes: usize) -> usize {
        match self {
            Self::Basic | Self::NodeAffinity | Self::Unschedulable => nodes * 2,
            // Upstream lets five a second of Preemption's pods preempt; here each does, so there are fewer.
            Self::PodAntiAffinity | Self::Preemption => nodes * 2 / 5,
            _ => nodes,
        }
    }

    /// How many pods there are already.
    const fn initial(self, nodes: usize) -> usize {
        match self {
            // Four pods of 900 m fill a node.
            Self::Preemption => nodes * 4,
            Self::Basic => 0,
            Self::Unschedulable => nodes / 50,
            Self::PodAntiAffinity => nodes / 5,
            _ => nodes,
        }
    }

    /// What the real scheduler promises of itself at 5,000 nodes, in pods a second.
    pub const fn threshold(self) -> u32 {
        match self {
            Self::Basic => 1000,
            Self::TopologySpreading => 85,
            Self::PreferredTopologySpreading => 125,
            Self::PodAffinity => 35,
            Self::PodAntiAffinity => 60,
            Self::NodeAffinity => 220,
            Self::Unschedulable => 140,
            Self::Preemption => 160,
        }
    }

    /// In how many zones the nodes lie.
    const fn zones(self) -> usize {
        match self {
            Self::PodAffinity | Self::NodeAffinity => 1,
            _ => 3,
        }
    }
}

/// A cluster and the pods that come.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The cluster.
    pub snapshot: Snapshot,
    /// The pods, in their order.
    pub pods: Vec<Rc<PodInfo>>,
    /// How many of them have been tried.
    pub tried: usize,
    /// What became of them.
    pub outcomes: Outcomes,
    algorithm: Algorithm,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Pods that got a node.
    pub scheduled: usize,
    /// Pods for which room would be made.
    pub nominated: usize,
    /// Pods that got nothing.
    pub unschedulable: usize,
}

impl Workload {
    /// `nodes` nodes and `pods` pods to be scheduled, after as many pods were placed as the shape has at its beginning.
    pub fn new(shape: Shape, nodes: usize, pods: usize, seed: u64) -> Self {
        let mut snapshot = Snapshot::new();
        for number in 0..nodes {
            snapshot.set_node(&node(number, shape.zones()));
        }
        for number in 0..shape.initial(nodes) {
            let name = format!("initial-{number}");
            let pod = match shape {
                Shape::Preemption => plain(&name, "900m", value!({"priority": 0})),
                Shape::TopologySpreading | Shape::PreferredTopologySpreading | Shape::Unschedulable => {
                    plain(&name, "100m", Value::Null)
                }
                _ => of_shape(shape, &name, number),
            };
            let node = snapshot.nodes()[number % nodes].name.clone();
            snapshot.add_pod(&pod, &node);
        }
        let pods = (0..pods).map(|number| of_shape(shape, &format!("pod-{number}"), number)).collect();
        Self { snapshot, pods, tried: 0, outcomes: Outcomes::default(), algorithm: Algorithm::new(seed) }
    }

    /// Schedules all pods, one after the other.
    pub fn run(&mut self, profile: &Profile) -> Outcomes {
        self.advance(profile, usize::MAX);
        self.outcomes
    }

    /// Schedules the next `count` pods; says whether there are more.
    pub fn advance(&mut self, profile: &Profile, count: usize) -> bool {
        for pod in self.pods.iter().skip(self.tried).take(count) {
            self.tried += 1;
            let decision = self.algorithm.schedule(&self.snapshot, pod, profile, Time::ZERO, 1);
            match &decision.outcome {
                Outcome::Scheduled(node) => {
                    self.snapshot.add_pod(pod, node);
                    self.outcomes.scheduled += 1;
                }
                Outcome::Unschedulable => match decision.preemption.and_then(|preemption| preemption.chosen) {
                    Some(chosen) => {
                        // The victims go and the pod comes, as it would a little later.
                        for victim in chosen.victims.iter() {
                            self.snapshot.remove_pod(&victim.key, &chosen.node);
                        }
                        self.snapshot.add_pod(pod, &chosen.node);
                        self.outcomes.nominated += 1;
                    }
                    None => self.outcomes.unschedulable += 1,
                },
            }
        }
        self.tried < self.pods.len()
    }
}

fn node(number: usize, zones: usize) -> Value {
    let name = Text::from(format!("node-{number}"));
    let mut node = value!({
        "metadata": {"name": &name, "labels": {"kubernetes.io/hostname": &name, "topology.kubernetes.io/zone": zone(number % zones)}},
        "status": {"allocatable": {"cpu": "4", "memory": "32Gi", "pods": "110"}},
    });
    node["metadata"]["labels"].map_mut().insert("beta.kubernetes.io/os", "linux");
    node
}

fn zone(number: usize) -> Text {
    Text::from(format!("zone-{number}"))
}

fn plain(name: &str, cpu: &'static str, more: Value) -> Rc<PodInfo> {
    let mut pod = value!({
        "metadata": {"name": name.to_string(), "namespace": "default", "uid": name.to_string(), "labels": {"color": "blue"}},
        "spec": {"containers": [{"image": "registry.k8s.io/pause:3.10", "resources": {"requests": {"cpu": cpu, "memory": "500Mi"}}}]},
    });
    for (key, value) in more.entries() {
        pod["spec"].map_mut().insert(key.clone(), value.clone());
    }
    PodInfo::new(&pod)
}

fn of_shape(shape: Shape, name: &str, number: usize) -> Rc<PodInfo> {
    let kin = || value!({"labelSelector": {"matchLabels": {"color": "blue"}}, "topologyKey": "topology.kubernetes.io/zone"});
    let spread = |when: &'static str| {
        value!({"topologySpreadConstraints": [{
            "maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": when,
            "labelSelector": {"matchLabels": {"color": "blue"}},
        }]})
    };
    let spec = match shape {
        Shape::TopologySpreading => spread("DoNotSchedule"),
        Shape::PreferredTopologySpreading => spread("ScheduleAnyway"),
        Shape::PodAffinity => {
            value!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [kin()]}}})
        }
        Shape::PodAntiAffinity => {
            let mut term = kin();
            term["topologyKey"] = "kubernetes.io/hostname".into();
            value!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
        }
        Shape::NodeAffinity => {
            let zones = value!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone-0", "zone-1"]});
            let terms = value!({"nodeSelectorTerms": [{"matchExpressions": [zones]}]});
            value!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
        }
        // One in five fits nowhere.
        Shape::Unschedulable if number.is_multiple_of(5) => return plain(name, "9", Value::Null),
        Shape::Basic | Shape::Unschedulable => Value::map(),
        Shape::Preemption => return plain(name, "3", value!({"priority": 1000})),
    };
    plain(name, "100m", spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_does_what_its_name_says() {
        for shape in Shape::ALL {
            let mut workload = Workload::new(shape, 30, 40, 1);
            let outcomes = workload.run(&Profile::default());
            let want = match shape {
                Shape::Unschedulable => Outcomes { scheduled: 32, nominated: 0, unschedulable: 8 },
                // One a node, and six nodes are taken from the beginning.
                Shape::PodAntiAffinity => Outcomes { scheduled: 24, nominated: 0, unschedulable: 16 },
                Shape::Preemption => Outcomes { scheduled: 0, nominated: 30, unschedulable: 10 },
                _ => Outcomes { scheduled: 40, nominated: 0, unschedulable: 0 },
            };
            assert_eq!(outcomes, want, "{}", shape.name());
        }
    }

    #[test]
    fn spread_pods_are_spread() {
        let mut workload = Workload::new(Shape::TopologySpreading, 30, 100, 1);
        workload.run(&Profile::default());
        let pods = |zone: usize| {
            let there = workload.snapshot.nodes().iter().filter(|node| node.index % 3 == zone);
            there.map(|node| node.pods.len()).sum::<usize>() - 10
        };
        assert!((0..3).all(|zone| (30..=40).contains(&pods(zone))), "{:?}", (0..3).map(pods).collect::<Vec<_>>());
    }
}

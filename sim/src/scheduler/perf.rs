//! Workloads in the shapes of `test/integration/scheduler_perf`: nodes of 4 CPU, 32 Gi and 110 pods, pods that request 100 m and
//! 500 Mi. They run the scheduling cycle and put each pod onto its node; there are no messages.

use std::rc::Rc;

use super::algorithm::Algorithm;
use super::decision::Outcome;
use super::pod_info::PodInfo;
use super::profile::Profile;
use super::snapshot::Snapshot;
use crate::core::Time;
use crate::value;
use crate::value::{Text, Value};

/// A shape, with the throughput in pods a second that upstream demands of itself at this size.
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

/// A cluster and the pods that come.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The cluster.
    pub snapshot: Snapshot,
    /// The pods, in their order.
    pub pods: Vec<Rc<PodInfo>>,
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

const ZONES: usize = 3;

impl Workload {
    /// `nodes` nodes and `pods` pods to be scheduled, after as many pods were placed as the shape has at its beginning.
    pub fn new(shape: Shape, nodes: usize, pods: usize) -> Self {
        let mut snapshot = Snapshot::new();
        for number in 0..nodes {
            snapshot.set_node(&node(number));
        }
        let mut workload = Self { snapshot, pods: Vec::new() };
        let initial = match shape {
            // Four pods of 900 m fill a node.
            Shape::Preemption => nodes * 4,
            Shape::Basic | Shape::Unschedulable => 0,
            _ => nodes / 5,
        };
        for number in 0..initial {
            let pod = match shape {
                Shape::Preemption => plain(&format!("low-{number}"), "900m", value!({"priority": 0})),
                _ => of_shape(shape, &format!("initial-{number}"), number),
            };
            let node = workload.snapshot.nodes()[number % nodes].name.clone();
            workload.snapshot.add_pod(&pod, &node);
        }
        workload.pods = (0..pods).map(|number| of_shape(shape, &format!("pod-{number}"), number)).collect();
        workload
    }

    /// Schedules all pods, one after the other.
    pub fn run(&mut self, profile: &Profile, seed: u64) -> Outcomes {
        let mut algorithm = Algorithm::new(seed);
        let mut outcomes = Outcomes::default();
        for pod in &self.pods {
            let decision = algorithm.schedule(&self.snapshot, pod, profile, Time::ZERO, 1);
            match &decision.outcome {
                Outcome::Scheduled(node) => {
                    self.snapshot.add_pod(pod, node);
                    outcomes.scheduled += 1;
                }
                Outcome::Unschedulable => match decision.preemption.and_then(|preemption| preemption.chosen) {
                    Some(chosen) => {
                        // The victims go and the pod comes, as it would a little later.
                        for victim in &chosen.victims {
                            self.snapshot.remove_pod(&victim.key, &chosen.node);
                        }
                        self.snapshot.add_pod(pod, &chosen.node);
                        outcomes.nominated += 1;
                    }
                    None => outcomes.unschedulable += 1,
                },
            }
        }
        outcomes
    }
}

fn node(number: usize) -> Value {
    let name = Text::from(format!("node-{number}"));
    let mut node = value!({
        "metadata": {"name": &name, "labels": {"kubernetes.io/hostname": &name, "topology.kubernetes.io/zone": zone(number)}},
        "status": {"allocatable": {"cpu": "4", "memory": "32Gi", "pods": "110"}},
    });
    node["metadata"]["labels"].map_mut().insert("beta.kubernetes.io/os", "linux");
    node
}

fn zone(number: usize) -> Text {
    Text::from(format!("zone-{}", number % ZONES))
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
            let mut workload = Workload::new(shape, 30, 40);
            let outcomes = workload.run(&Profile::default(), 1);
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
        let mut workload = Workload::new(Shape::TopologySpreading, 30, 100);
        workload.run(&Profile::default(), 1);
        let pods = |zone: usize| {
            let there = workload.snapshot.nodes().iter().filter(|node| node.index % ZONES == zone);
            there.map(|node| node.pods.len()).sum::<usize>()
        };
        assert!((0..ZONES).all(|zone| (30..=40).contains(&pods(zone))), "{:?}", (0..ZONES).map(pods).collect::<Vec<_>>());
    }
}

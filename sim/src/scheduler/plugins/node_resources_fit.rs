//! NodeResourcesFit: a node must have room for what the pod requests; by default emptier nodes are better
//! (`plugins/noderesources/{fit,least_allocated,most_allocated,requested_to_capacity_ratio}.go`).

use super::super::arith::MAX_NODE_SCORE;
use super::super::decision::Reasons;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, PreScore, Rejection, Score};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::resources::Resources;
use crate::value::{Text, Value};

/// What makes a node a better place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScoringStrategy {
    /// The more of it is free.
    LeastAllocated,
    /// The more of it is taken.
    MostAllocated,
    /// By a broken line of (utilization in per cent, score from 0 to 100).
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// The plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResourcesFit {
    /// What makes a node a better place.
    pub strategy: ScoringStrategy,
    /// The resources that count for the score, with their weights.
    pub resources: Vec<(Text, i64)>,
    /// Extended resources that no node needs to have.
    pub ignored_resources: Vec<Text>,
    /// The same for all extended resources of these groups, the part of a name before its `/`.
    pub ignored_resource_groups: Vec<Text>,
}

impl Default for NodeResourcesFit {
    fn default() -> Self {
        Self {
            strategy: ScoringStrategy::LeastAllocated,
            resources: vec![("cpu".into(), 1), ("memory".into(), 1)],
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
        }
    }
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) => fits_empty(pod, &empty(node)),
            ClusterEvent::NodeChanged(old, new) => {
                let (old, new) = (empty(old), empty(new));
                let more =
                    new.allowed_pods > old.allowed_pods || pod.requests.wants_what_exceeds(&new.allocatable, &old.allocatable);
                more && fits_empty(pod, &new)
            }
            // Any pod that goes makes a place free, even if it requested nothing.
            ClusterEvent::PodGone(_) | ClusterEvent::NominationGone(_) => true,
            ClusterEvent::PodChanged(old, new) => pod.requests.wants_what_exceeds(&old.requests, &new.requests),
            ClusterEvent::PodItself(old, new) => old.requests.wants_what_exceeds(&old.requests, &new.requests),
            _ => false,
        }
    }
}

/// A node without any pods.
fn empty(node: &Value) -> NodeInfo {
    let mut info = NodeInfo::default();
    info.read(node);
    info
}

fn fits_empty(pod: &PodInfo, node: &NodeInfo) -> bool {
    Wanted::new(&pod.requests, |_| false).filter(node).is_ok()
}

impl NodeResourcesFit {
    /// Whether nobody has to look whether a node has enough of this extended resource.
    fn ignores(&self, name: &Text) -> bool {
        let extended = !name.starts_with("hugepages-") && !name.starts_with("attachable-volumes-");
        let in_group = |group: &Text| name.split_once('/').is_some_and(|(have, _)| *have == **group);
        extended && (self.ignored_resources.contains(name) || self.ignored_resource_groups.iter().any(in_group))
    }
}

impl PreFilter for NodeResourcesFit {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        PreFilterResult::Filter(Box::new(Wanted::new(&cycle.pod.requests, |name| self.ignores(name))))
    }
}

/// Requests, and those of other resources than CPU, memory and storage with the reasons for not having them.
#[derive(Debug)]
struct Wanted<'a> {
    requests: &'a Resources,
    scalars: Vec<(&'a Text, i64, Text)>,
}

impl<'a> Wanted<'a> {
    fn new(requests: &'a Resources, ignored: impl Fn(&Text) -> bool) -> Self {
        let counts = |(name, _): &&(Text, i64)| !ignored(name);
        let reason = |(name, wanted): &'a (Text, i64)| (name, *wanted, Text::from(format!("Insufficient {name}")));
        Self { requests, scalars: requests.scalars.iter().filter(counts).map(reason).collect() }
    }
}

impl Filter for Wanted<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let (wanted, have, used) = (self.requests, &node.allocatable, &node.requested);
        let full = node.pod_count as i64 + 1 > node.allowed_pods;
        let mut shortage = full.then(|| Rejection::resolvable("Too many pods"));
        let mut check = |wanted: i64, have: i64, used: i64, reason: &Text| {
            if wanted > 0 && wanted > have - used {
                let rejection = Rejection { resolvable: wanted <= have, reasons: Reasons::One(reason.clone()) };
                shortage = Some(match shortage.take() {
                    None => rejection,
                    Some(before) => before.and(rejection),
                });
            }
        };
        if !wanted.is_zero() {
            check(wanted.milli_cpu, have.milli_cpu, used.milli_cpu, &"Insufficient cpu".into());
            check(wanted.memory, have.memory, used.memory, &"Insufficient memory".into());
            let reason = "Insufficient ephemeral-storage".into();
            check(wanted.ephemeral_storage, have.ephemeral_storage, used.ephemeral_storage, &reason);
            for (name, wanted, reason) in &self.scalars {
                check(*wanted, have.scalar(name), used.scalar(name), reason);
            }
        }
        shortage.map_or(Ok(()), Err)
    }
}

impl PreScore for NodeResourcesFit {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        Some(Box::new(Fit { plugin: self, pod: cycle.pod, last: None }))
    }
}

/// Amounts that a score depends on: allocatable and requested CPU and memory.
type Amounts = [i64; 4];

#[derive(Debug)]
struct Fit<'a> {
    plugin: &'a NodeResourcesFit,
    pod: &'a PodInfo,
    /// Nodes of a large cluster are mostly alike: the last result, and what it depended on.
    last: Option<(Amounts, i64)>,
}

impl Score for Fit<'_> {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        let amounts = [node.allocatable.milli_cpu, node.allocatable.memory, node.non_zero.0, node.non_zero.1];
        let only_these = self.plugin.resources.iter().all(|(name, _)| name == "cpu" || name == "memory");
        if let Some((of, score)) = self.last
            && only_these
            && of == amounts
        {
            return score;
        }
        let (mut sum, mut weights) = (0, 0);
        for (name, weight) in &self.plugin.resources {
            let (capacity, requested) = match name.as_str() {
                "cpu" => (amounts[0], amounts[2] + self.pod.non_zero.0),
                "memory" => (amounts[1], amounts[3] + self.pod.non_zero.1),
                other => {
                    let wanted = self.pod.requests.get(other);
                    // A resource that the pod does not ask for says nothing about the node.
                    if wanted == 0 && other != "ephemeral-storage" {
                        continue;
                    }
                    (node.allocatable.get(other), node.requested.get(other) + wanted)
                }
            };
            if capacity == 0 {
                continue;
            }
            let score = self.plugin.strategy.score(requested, capacity);
            if matches!(self.plugin.strategy, ScoringStrategy::RequestedToCapacityRatio(_)) && score == 0 {
                continue;
            }
            sum += score * weight;
            weights += weight;
        }
        let score = match (&self.plugin.strategy, weights) {
            (_, 0) => 0,
            // Half rounds up here, the other strategies cut off.
            (ScoringStrategy::RequestedToCapacityRatio(_), weights) => (2 * sum + weights) / (2 * weights),
            (_, weights) => sum / weights,
        };
        self.last = Some((amounts, score));
        score
    }
}

impl ScoringStrategy {
    fn score(&self, requested: i64, capacity: i64) -> i64 {
        let per_cent = |part: i64| (i128::from(part) * i128::from(MAX_NODE_SCORE) / i128::from(capacity)) as i64;
        match self {
            Self::LeastAllocated if requested > capacity => 0,
            Self::LeastAllocated => per_cent(capacity - requested),
            Self::MostAllocated => per_cent(requested.min(capacity)),
            Self::RequestedToCapacityRatio(shape) => {
                let utilization = if requested > capacity { 100 } else { per_cent(requested) };
                broken_line(shape, utilization)
            }
        }
    }
}

/// The value at `x` of a line through points that are sorted by x (helper.BuildBrokenLinearFunction).
fn broken_line(points: &[(i64, i64)], x: i64) -> i64 {
    for (at, (x1, y1)) in points.iter().enumerate() {
        if x <= *x1 {
            let Some((x0, y0)) = at.checked_sub(1).map(|before| points[before]) else { return *y1 };
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
        }
    }
    points.last().map_or(0, |(_, y)| *y)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::super::node_info::NodeSpec;
    use super::*;

    #[test]
    fn strategies() {
        assert_eq!(ScoringStrategy::LeastAllocated.score(2500, 4000), 37);
        assert_eq!(ScoringStrategy::MostAllocated.score(2500, 4000), 62);
        assert_eq!(ScoringStrategy::LeastAllocated.score(5000, 4000), 0);
        assert_eq!(ScoringStrategy::MostAllocated.score(5000, 4000), 100);
        let shape = ScoringStrategy::RequestedToCapacityRatio(vec![(0, 0), (50, 80), (100, 100)]);
        assert_eq!([0, 1000, 2000, 3000, 9000].map(|requested| shape.score(requested, 4000)), [0, 40, 80, 90, 100]);
    }

    #[test]
    fn all_shortages_are_named_and_too_little_in_all_cannot_be_resolved() {
        let requests =
            Resources { milli_cpu: 2000, memory: 50, scalars: vec![("nvidia.com/gpu".into(), 1)], ..Resources::default() };
        let allocatable = Resources { milli_cpu: 4000, memory: 100, ..Resources::default() };
        let spec =
            |allowed_pods: i64| Rc::new(NodeSpec { allowed_pods, allocatable: allocatable.clone(), ..NodeSpec::default() });
        let mut node = NodeInfo { spec: spec(0), ..NodeInfo::default() };
        node.requested = Resources { milli_cpu: 3000, ..Resources::default() };
        let rejection = Wanted::new(&requests, |_| false).filter(&node).unwrap_err();
        assert_eq!(rejection.reasons.join(), "Too many pods, Insufficient cpu, Insufficient nvidia.com/gpu");
        assert!(!rejection.resolvable);
        node.spec = spec(1);
        let requests = Resources { milli_cpu: 2000, ..Resources::default() };
        let rejection = Wanted::new(&requests, |_| false).filter(&node).unwrap_err();
        assert_eq!((rejection.reasons.join().as_str(), rejection.resolvable), ("Insufficient cpu", true));
    }
}

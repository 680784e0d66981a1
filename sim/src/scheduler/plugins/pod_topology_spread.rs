//! PodTopologySpread: spreads pods evenly over zones, hosts and other places (`plugins/podtopologyspread`).

use std::rc::Rc;

use super::super::arith::{LN_BITS, MAX_NODE_SCORE, ln};
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, PreScore, Rejection, Score};
use super::super::node_info::{ClassId, NodeInfo, NodePod, PodClass};
use super::super::pod_info::PodInfo;
use super::super::snapshot::{Snapshot, Topology};
use super::super::terms::{HOSTNAME, SpreadConstraint, ZONE};
use super::pod_topology_spread_default::default_selector;
use super::taint_toleration::tolerates_all;
use crate::value::Value;

/// The plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTopologySpread {
    /// Constraints for pods that have none of their own and belong to a Service or a workload; their selectors are that of these.
    pub defaults: Vec<SpreadConstraint>,
    /// Whether these are the system's: soft, over hosts (skew 3) and zones (skew 5), for nodes without zones, too.
    pub system_defaults: bool,
}

impl Default for PodTopologySpread {
    fn default() -> Self {
        Self { defaults: vec![SpreadConstraint::soft(HOSTNAME, 3), SpreadConstraint::soft(ZONE, 5)], system_defaults: true }
    }
}

impl PodTopologySpread {
    fn constraints(&self, cycle: &Cycle<'_>, hard: bool) -> Vec<SpreadConstraint> {
        let wanted = |constraint: &&SpreadConstraint| constraint.hard == hard;
        let own = &cycle.pod.spread;
        if !own.is_empty() || !self.defaults.iter().any(|constraint| wanted(&constraint)) {
            return own.iter().filter(wanted).cloned().collect();
        }
        let Some(selector) = default_selector(cycle.pod, &cycle.snapshot.objects) else { return Vec::new() };
        let of_pod = |constraint: &SpreadConstraint| SpreadConstraint { selector: selector.clone(), ..constraint.clone() };
        self.defaults.iter().filter(wanted).map(of_pod).collect()
    }
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        // The selectors of the defaults depend on services and workloads; they are taken to match.
        let own = !pod.spread.is_empty();
        let constraints = if own { &pod.spread } else { &self.defaults };
        let hard = || constraints.iter().filter(|constraint| constraint.hard);
        let counts = |constraint: &SpreadConstraint, other: &PodInfo| !own || constraint.selector.matches(&other.labels);
        let counted = |other: &PodInfo| other.namespace == pod.namespace && hard().any(|constraint| counts(constraint, other));
        let relabelled = |old: &PodInfo, new: &PodInfo| {
            old.labels != new.labels && hard().any(|constraint| !own || counts(constraint, old) != counts(constraint, new))
        };
        let is_place = |node: &Value| hard().all(|constraint| node.label(&constraint.topology_key).is_some());
        match event {
            ClusterEvent::PodAssigned(other) | ClusterEvent::PodGone(other) => counted(other),
            ClusterEvent::PodChanged(old, new) => new.namespace == pod.namespace && relabelled(old, new),
            ClusterEvent::PodItself(old, new) => {
                let tolerates_more = old.tolerations != new.tolerations && hard().any(|constraint| constraint.honor_taints);
                tolerates_more || relabelled(old, new)
            }
            ClusterEvent::NodeAdded(node) | ClusterEvent::NodeGone(node) => is_place(node),
            ClusterEvent::NodeChanged(old, new) => {
                let moved =
                    || hard().any(|constraint| old.label(&constraint.topology_key) != new.label(&constraint.topology_key));
                is_place(old) != is_place(new) || is_place(new) && (moved() || old["spec"]["taints"] != new["spec"]["taints"])
            }
            _ => false,
        }
    }
}

/// Which classes of pods a constraint counts, by class.
fn counted_classes(constraint: &SpreadConstraint, pod: &PodInfo, snapshot: &Snapshot) -> Vec<bool> {
    let counts = |class: &Rc<PodClass>| {
        class.namespace == pod.namespace && !class.terminating && constraint.selector.matches(&class.labels)
    };
    snapshot.classes().iter().map(counts).collect()
}

fn count(node: &NodeInfo, counted: &[bool]) -> i64 {
    let counts = |class: ClassId| counted.get(class.0 as usize).copied().unwrap_or(false);
    node.classes.iter().filter(|(class, _)| counts(*class)).map(|(_, count)| i64::from(*count)).sum()
}

/// Whether a node takes part in the count of a constraint (nodeInclusionPolicies).
fn included(constraint: &SpreadConstraint, pod: &PodInfo, node: &NodeInfo) -> bool {
    (!constraint.honor_affinity || pod.required_nodes.is_empty() || pod.required_nodes.matches(&node.name, &node.labels))
        && (!constraint.honor_taints || tolerates_all(&pod.tolerations, &node.taints))
}

impl PreFilter for PodTopologySpread {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let constraints = self.constraints(cycle, true);
        if constraints.is_empty() {
            return PreFilterResult::Skip;
        }
        let topologies: Vec<Rc<Topology>> =
            constraints.iter().map(|constraint| cycle.snapshot.topology(&constraint.topology_key)).collect();
        let places = constraints
            .iter()
            .zip(&topologies)
            .map(|(constraint, topology)| {
                let counted = counted_classes(constraint, cycle.pod, cycle.snapshot);
                let mut counts = vec![None; topology.values.len()];
                for node in cycle.snapshot.nodes() {
                    let everywhere = topologies.iter().all(|topology| topology.of_node[node.index].is_some());
                    if let Some(place) = topology.of_node[node.index]
                        && everywhere
                        && included(constraint, cycle.pod, node)
                    {
                        *counts[place as usize].get_or_insert(0) += count(node, &counted);
                    }
                }
                let least = counts.iter().flatten().copied().min();
                let domains = counts.iter().flatten().count() as i64;
                let counts_itself = constraint.selector.matches(&cycle.pod.labels);
                Places {
                    constraint: constraint.clone(),
                    topology: Rc::clone(topology),
                    counted,
                    counts,
                    least,
                    domains,
                    counts_itself,
                }
            })
            .collect();
        PreFilterResult::Filter(Box::new(Even { pod: cycle.pod, places }))
    }
}

/// How the pods that a constraint counts are distributed.
#[derive(Clone, Debug)]
struct Places {
    constraint: SpreadConstraint,
    topology: Rc<Topology>,
    counted: Vec<bool>,
    /// Pods a place; `None` for places that do not take part.
    counts: Vec<Option<i64>>,
    least: Option<i64>,
    domains: i64,
    counts_itself: bool,
}

#[derive(Clone, Debug)]
struct Even<'a> {
    pod: &'a PodInfo,
    places: Vec<Places>,
}

impl Even<'_> {
    fn change(&mut self, pod: &NodePod, node: &NodeInfo, by: i64) {
        if self.places.iter().any(|places| places.topology.of_node[node.index].is_none()) {
            return;
        }
        for places in &mut self.places {
            let counted = places.counted.get(pod.class.0 as usize).copied().unwrap_or(false);
            let Some(place) = places.topology.of_node[node.index] else { continue };
            if counted && included(&places.constraint, self.pod, node) {
                *places.counts[place as usize].get_or_insert(0) += by;
                places.least = places.counts.iter().flatten().copied().min();
            }
        }
    }
}

impl Filter for Even<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        for places in &self.places {
            let Some(place) = places.topology.of_node[node.index] else {
                let reason = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Err(Rejection::unresolvable(reason));
            };
            let too_few_domains = places.domains < places.constraint.min_domains;
            let least = if too_few_domains { 0 } else { places.least.unwrap_or(i64::from(i32::MAX)) };
            let here = places.counts[place as usize].unwrap_or(0) + i64::from(places.counts_itself);
            if here - least > places.constraint.max_skew {
                return Err(Rejection::resolvable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }
    fn pod_added(&mut self, pod: &NodePod, node: &NodeInfo) {
        self.change(pod, node, 1);
    }
    fn pod_removed(&mut self, pod: &NodePod, node: &NodeInfo) {
        self.change(pod, node, -1);
    }
    fn imagine(&self) -> Option<Box<dyn Filter + '_>> {
        Some(Box::new(self.clone()))
    }
}

impl PreScore for PodTopologySpread {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, feasible: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        let constraints = self.constraints(cycle, false);
        if constraints.is_empty() {
            return None;
        }
        // The system's defaults are for nodes without zones, too; constraints that somebody wrote are for nodes with all their labels.
        let all_labels = !cycle.pod.spread.is_empty() || !self.system_defaults;
        let topologies: Vec<Rc<Topology>> =
            constraints.iter().map(|constraint| cycle.snapshot.topology(&constraint.topology_key)).collect();
        let ignored = |node: &NodeInfo| all_labels && topologies.iter().any(|topology| topology.of_node[node.index].is_none());
        let scored = feasible.iter().filter(|node| !ignored(node)).count();
        let weights = constraints
            .iter()
            .zip(&topologies)
            .map(|(constraint, topology)| {
                let counted = counted_classes(constraint, cycle.pod, cycle.snapshot);
                if constraint.topology_key == HOSTNAME {
                    // Counted node by node when it is scored.
                    return Weighted {
                        constraint: constraint.clone(),
                        topology: Rc::clone(topology),
                        counted,
                        counts: None,
                        ln: ln(scored as u32 + 2),
                    };
                }
                // Places of feasible nodes; nodes without the label are together in one more place.
                let none = topology.values.len();
                let place = |node: &NodeInfo| topology.of_node[node.index].map_or(none, |place| place as usize);
                let mut counts = vec![None; none + 1];
                for node in feasible.iter().filter(|node| !ignored(node)) {
                    counts[place(node)] = Some(0);
                }
                let size = counts.iter().flatten().count() as u32;
                for node in cycle.snapshot.nodes() {
                    if let Some(sum) = &mut counts[place(node)]
                        && !ignored(node)
                        && included(constraint, cycle.pod, node)
                    {
                        *sum += count(node, &counted);
                    }
                }
                Weighted {
                    constraint: constraint.clone(),
                    topology: Rc::clone(topology),
                    counted,
                    counts: Some(counts),
                    ln: ln(size + 2),
                }
            })
            .collect();
        Some(Box::new(Spread { weights, all_labels }))
    }
}

#[derive(Debug)]
struct Weighted {
    constraint: SpreadConstraint,
    topology: Rc<Topology>,
    counted: Vec<bool>,
    /// Pods a place; `None` when each node is a place of its own.
    counts: Option<Vec<Option<i64>>>,
    /// The logarithm of the number of places, so that many small places weigh as much as few large ones; see [`ln`].
    ln: i128,
}

#[derive(Debug)]
struct Spread {
    weights: Vec<Weighted>,
    all_labels: bool,
}

/// The score of nodes that lack a label: they are left out of the normalization and get 0.
const IGNORED: i64 = -1;

impl Score for Spread {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        let mut sum = 0;
        for weighted in &self.weights {
            let Some(place) = weighted.topology.of_node[node.index] else {
                if self.all_labels {
                    return IGNORED;
                }
                continue;
            };
            let pods = match &weighted.counts {
                Some(counts) => counts[place as usize].unwrap_or(0),
                None => count(node, &weighted.counted),
            };
            sum += i128::from(pods) * weighted.ln + (i128::from(weighted.constraint.max_skew - 1) << LN_BITS);
        }
        ((sum + (1 << (LN_BITS - 1))) >> LN_BITS) as i64
    }

    fn normalize(&self, scores: &mut [i64]) {
        let valid = || scores.iter().copied().filter(|score| *score != IGNORED);
        let (least, most) = (valid().min().unwrap_or(0), valid().max().unwrap_or(0));
        for score in scores {
            *score = match *score {
                IGNORED => 0,
                _ if most == 0 => MAX_NODE_SCORE,
                score => MAX_NODE_SCORE * (most + least - score) / most,
            };
        }
    }
}

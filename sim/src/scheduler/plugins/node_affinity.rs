//! NodeAffinity: node selector and node affinity, required and preferred (`plugins/nodeaffinity`).

use super::super::framework::{
    ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, PreScore, Rejection, Score, default_normalize,
};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::terms::{NodeSelectorTerm, RequiredNodeAffinity};
use crate::value::Value;

/// The plugin.
#[derive(Clone, Debug, Default)]
pub struct NodeAffinity {
    /// What the profile requires of the nodes of all its pods.
    pub added_required: RequiredNodeAffinity,
    /// What the profile prefers, by weight.
    pub added_preferred: Vec<(i64, NodeSelectorTerm)>,
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        let matches = |required: &RequiredNodeAffinity, node: &Value| {
            required.is_empty() || required.matches(&node["metadata"]["name"].text(), &node["metadata"]["labels"])
        };
        let (own, added) = (&pod.required_nodes, &self.added_required);
        match event {
            ClusterEvent::NodeAdded(new) => matches(added, new) && matches(own, new),
            ClusterEvent::NodeChanged(old, new) => matches(added, new) && matches(own, new) && !matches(own, old),
            _ => false,
        }
    }
}

impl PreFilter for NodeAffinity {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let required = &cycle.pod.required_nodes;
        if required.is_empty() && self.added_required.is_empty() {
            return PreFilterResult::Skip;
        }
        let filter = Box::new(Required { own: required, added: &self.added_required });
        match required.node_names() {
            None => PreFilterResult::Filter(filter),
            Some(names) if names.is_empty() => PreFilterResult::Reject(Rejection::unresolvable("pod affinity terms conflict")),
            Some(names) => PreFilterResult::Nodes(filter, names),
        }
    }
}

#[derive(Debug)]
struct Required<'a> {
    own: &'a RequiredNodeAffinity,
    added: &'a RequiredNodeAffinity,
}

impl Filter for Required<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if !self.added.matches(&node.name, &node.labels) {
            Err(Rejection::unresolvable("node(s) didn't match scheduler-enforced node affinity"))
        } else if !self.own.matches(&node.name, &node.labels) {
            Err(Rejection::unresolvable("node(s) didn't match Pod's node affinity/selector"))
        } else {
            Ok(())
        }
    }
}

impl PreScore for NodeAffinity {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        let preferred: Vec<_> = cycle.pod.preferred_nodes.iter().chain(&self.added_preferred).collect();
        if preferred.is_empty() { None } else { Some(Box::new(Preferred(preferred))) }
    }
}

#[derive(Debug)]
struct Preferred<'a>(Vec<&'a (i64, NodeSelectorTerm)>);

impl Score for Preferred<'_> {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        let matching = self.0.iter().filter(|(_, term)| term.matches(&node.name, &node.labels));
        matching.map(|(weight, _)| weight).sum()
    }
    fn normalize(&self, scores: &mut [i64]) {
        default_normalize(scores, false);
    }
}

//! InterPodAffinity: pods that want to be together or apart (`plugins/interpodaffinity`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::arith::percent;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, PreScore, Rejection, Score};
use super::super::node_info::{NodeInfo, NodePod, PodClass};
use super::super::pod_info::PodInfo;
use super::super::snapshot::{Snapshot, Topology};
use super::super::terms::{AffinityTerm, PodAffinity};
use crate::value::{Text, Value};

/// The plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterPodAffinity {
    /// What it is worth to a node that the pods there want to have the pod with them by a required term of theirs.
    pub hard_pod_affinity_weight: i64,
    /// Whether pods that prefer nothing themselves are scored without what the pods on the nodes want.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

impl Default for InterPodAffinity {
    fn default() -> Self {
        Self { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        let matches = |term: &AffinityTerm, other: &PodInfo| term.matches(&other.namespace, &Value::Null, &other.labels);
        // One pod has to match all terms of an affinity, and any term of an anti-affinity keeps pods apart.
        let wanted = |other: &PodInfo| {
            let terms = pod.affinity.as_ref().map_or(&[][..], |own| &own.required);
            !terms.is_empty() && terms.iter().all(|term| matches(term, other))
        };
        let apart = |one: &PodInfo, other: &PodInfo| {
            one.affinity.as_ref().is_some_and(|own| own.required_anti.iter().any(|term| matches(term, other)))
        };
        // A pod without terms of its own was rejected because of those of others.
        let is_place = |node: &Value| {
            let Some(own) = &pod.affinity else { return true };
            own.required.iter().chain(&own.required_anti).any(|term| node.label(&term.topology_key).is_some())
        };
        match event {
            ClusterEvent::PodAssigned(other) => wanted(other),
            ClusterEvent::PodChanged(old, new) => {
                old.labels != new.labels && ((!wanted(old) && wanted(new)) || (apart(pod, old) && !apart(pod, new)))
            }
            ClusterEvent::PodGone(other) => apart(pod, other) || apart(other, pod),
            ClusterEvent::NodeAdded(node) => is_place(node),
            ClusterEvent::NodeChanged(old, new) => old["metadata"]["labels"] != new["metadata"]["labels"] && is_place(new),
            _ => false,
        }
    }
}

/// Numbers of pods or points by place, for one topology.
#[derive(Clone, Debug)]
struct Places {
    topology: Rc<Topology>,
    counts: Vec<i64>,
}

impl Places {
    fn new(snapshot: &Snapshot, key: &Text) -> Self {
        let topology = snapshot.topology(key);
        Self { counts: vec![0; topology.values.len()], topology }
    }

    fn add(&mut self, node: &NodeInfo, by: i64) {
        if let Some(place) = self.topology.of_node[node.index] {
            self.counts[place as usize] += by;
        }
    }

    /// The count at the place where the node is; `None` when it is at none.
    fn at(&self, node: &NodeInfo) -> Option<i64> {
        self.topology.of_node[node.index].map(|place| self.counts[place as usize])
    }
}

/// What a pod on a node means to the pod that is to be placed.
#[derive(Clone, Debug, Default)]
struct Meaning {
    /// It matches all required terms.
    wanted: bool,
    /// The required anti-affinity terms that it matches.
    unwanted: Vec<usize>,
    /// The topologies in which it does not want the pod near it.
    refuses: Vec<Text>,
}

fn meaning(class: &PodClass, pod: &PodInfo, own: &PodAffinity, snapshot: &Snapshot, pod_namespace: &Value) -> Meaning {
    let mut meaning = Meaning::default();
    if !own.required.is_empty() || !own.required_anti.is_empty() {
        let labels = snapshot.namespace_labels(&class.namespace);
        let matches = |term: &AffinityTerm| term.matches(&class.namespace, &labels, &class.labels);
        meaning.wanted = !own.required.is_empty() && own.required.iter().all(matches);
        meaning.unwanted = (0..own.required_anti.len()).filter(|at| matches(&own.required_anti[*at])).collect();
    }
    if let Some(theirs) = &class.affinity {
        let refused = theirs.required_anti.iter().filter(|term| term.matches(&pod.namespace, pod_namespace, &pod.labels));
        meaning.refuses = refused.map(|term| term.topology_key.clone()).collect();
    }
    meaning
}

impl PreFilter for InterPodAffinity {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let Cycle { pod, snapshot } = *cycle;
        let own = pod.affinity.clone().unwrap_or_default();
        let asks = !own.required.is_empty() || !own.required_anti.is_empty();
        if !asks && !snapshot.any_affinity() {
            return PreFilterResult::Skip;
        }
        let labels = snapshot.namespace_labels(&pod.namespace);
        let places = |terms: &[AffinityTerm]| terms.iter().map(|term| Places::new(snapshot, &term.topology_key)).collect();
        let mut filter = Near {
            meanings: snapshot.classes().iter().map(|class| meaning(class, pod, &own, snapshot, &labels)).collect(),
            wanted: places(&own.required),
            wanted_pods: 0,
            unwanted: places(&own.required_anti),
            refused: BTreeMap::new(),
            is_wanted_by_itself: own.required.iter().all(|term| term.matches(&pod.namespace, &labels, &pod.labels)),
            own,
            snapshot,
        };
        for node in snapshot.nodes() {
            for (class, count) in &node.classes {
                filter.change(class.0 as usize, node, i64::from(*count));
            }
        }
        if !asks && filter.refused.is_empty() { PreFilterResult::Skip } else { PreFilterResult::Filter(Box::new(filter)) }
    }
}

#[derive(Clone, Debug)]
struct Near<'a> {
    snapshot: &'a Snapshot,
    own: Rc<PodAffinity>,
    /// By class.
    meanings: Vec<Meaning>,
    /// Pods that match all required terms, for the topology of each term.
    wanted: Vec<Places>,
    /// How often such a pod was counted at some place.
    wanted_pods: i64,
    /// Pods that match an anti-affinity term, for each term.
    unwanted: Vec<Places>,
    /// Pods that do not want the pod near them, by topology.
    refused: BTreeMap<Text, Places>,
    /// A pod that matches its own terms may be the first of its kind.
    is_wanted_by_itself: bool,
}

impl Near<'_> {
    fn change(&mut self, class: usize, node: &NodeInfo, by: i64) {
        let Some(meaning) = self.meanings.get(class) else { return };
        if meaning.wanted {
            for places in &mut self.wanted {
                self.wanted_pods += if places.at(node).is_some() { by } else { 0 };
                places.add(node, by);
            }
        }
        for term in &meaning.unwanted {
            self.unwanted[*term].add(node, by);
        }
        for key in &meaning.refuses {
            let places = self.refused.entry(key.clone()).or_insert_with(|| Places::new(self.snapshot, key));
            places.add(node, by);
        }
    }

    fn has_company(&self, node: &NodeInfo) -> bool {
        let mut all = true;
        for places in &self.wanted {
            match places.at(node) {
                None => return false,
                Some(pods) => all &= pods > 0,
            }
        }
        all || (self.wanted_pods == 0 && self.is_wanted_by_itself)
    }
}

impl Filter for Near<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let crowded = |places: &Places| places.at(node).is_some_and(|pods| pods > 0);
        if !self.own.required.is_empty() && !self.has_company(node) {
            return Err(Rejection::unresolvable("node(s) didn't match pod affinity rules"));
        }
        if self.unwanted.iter().any(crowded) {
            return Err(Rejection::resolvable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.refused.values().any(crowded) {
            return Err(Rejection::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }
    fn pod_added(&mut self, pod: &NodePod, node: &NodeInfo) {
        self.change(pod.class.0 as usize, node, 1);
    }
    fn pod_removed(&mut self, pod: &NodePod, node: &NodeInfo) {
        self.change(pod.class.0 as usize, node, -1);
    }
    fn imagine(&self) -> Option<Box<dyn Filter + '_>> {
        Some(Box::new(self.clone()))
    }
}

impl PreScore for InterPodAffinity {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        let Cycle { pod, snapshot } = *cycle;
        let own = pod.affinity.clone().unwrap_or_default();
        let prefers = !own.preferred.is_empty() || !own.preferred_anti.is_empty();
        if !prefers && (self.ignore_preferred_terms_of_existing_pods || !snapshot.any_affinity()) {
            return None;
        }
        let labels = snapshot.namespace_labels(&pod.namespace);
        // Points that each pod of a class gives to its place, by topology.
        let points: Vec<Vec<(Text, i64)>> = snapshot
            .classes()
            .iter()
            .map(|class| {
                let class_labels = snapshot.namespace_labels(&class.namespace);
                let is_meant = |term: &AffinityTerm| term.matches(&class.namespace, &class_labels, &class.labels);
                let means_us = |term: &AffinityTerm| term.matches(&pod.namespace, &labels, &pod.labels);
                let mut points = Vec::new();
                let mut give = |term: &AffinityTerm, weight: i64, matches: bool| {
                    if matches {
                        points.push((term.topology_key.clone(), weight));
                    }
                };
                for (weight, term) in &own.preferred {
                    give(term, *weight, is_meant(term));
                }
                for (weight, term) in &own.preferred_anti {
                    give(term, -weight, is_meant(term));
                }
                if let Some(theirs) = &class.affinity {
                    if self.hard_pod_affinity_weight > 0 {
                        for term in &theirs.required {
                            give(term, self.hard_pod_affinity_weight, means_us(term));
                        }
                    }
                    for (weight, term) in &theirs.preferred {
                        give(term, *weight, means_us(term));
                    }
                    for (weight, term) in &theirs.preferred_anti {
                        give(term, -weight, means_us(term));
                    }
                }
                points
            })
            .collect();
        if points.iter().all(Vec::is_empty) {
            return None;
        }
        let mut places: BTreeMap<Text, Places> = BTreeMap::new();
        for node in snapshot.nodes() {
            for (class, count) in &node.classes {
                for (key, weight) in points.get(class.0 as usize).into_iter().flatten() {
                    let of_key = match places.get_mut(key) {
                        Some(of_key) => of_key,
                        None => places.entry(key.clone()).or_insert_with(|| Places::new(snapshot, key)),
                    };
                    of_key.add(node, weight * i64::from(*count));
                }
            }
        }
        if places.is_empty() { None } else { Some(Box::new(Liked(places.into_values().collect()))) }
    }
}

#[derive(Debug)]
struct Liked(Vec<Places>);

impl Score for Liked {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        self.0.iter().filter_map(|places| places.at(node)).sum()
    }

    fn normalize(&self, scores: &mut [i64]) {
        let (least, most) = (scores.iter().copied().min().unwrap_or(0), scores.iter().copied().max().unwrap_or(0));
        for score in scores {
            *score = if most > least { percent(*score - least, most - least) } else { 0 };
        }
    }
}

//! What one attempt to schedule a pod has found and decided, so that it can be explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;

use super::framework::Nomination;
use super::node_info::NodeInfo;
use super::pod_info::PodInfo;
use crate::core::Time;
use crate::value::Text;

/// Reasons in words; mostly there is one.
#[derive(Clone, Debug)]
pub enum Reasons {
    /// One.
    One(Text),
    /// Several.
    Many(Rc<[Text]>),
}

impl PartialEq for Reasons {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Mostly it is the very same literal.
            (Self::One(one), Self::One(other)) => std::ptr::eq(one.as_str(), other.as_str()) || one == other,
            _ => self.as_slice() == other.as_slice(),
        }
    }
}
impl Eq for Reasons {}

impl Reasons {
    /// All of them.
    pub fn as_slice(&self) -> &[Text] {
        match self {
            Self::One(reason) => std::slice::from_ref(reason),
            Self::Many(reasons) => reasons,
        }
    }

    /// All of them, with commas.
    pub fn join(&self) -> String {
        self.as_slice().iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl From<Vec<Text>> for Reasons {
    fn from(mut reasons: Vec<Text>) -> Self {
        if reasons.len() == 1 { Self::One(reasons.remove(0)) } else { Self::Many(reasons.into()) }
    }
}

/// Nodes that are no place for the pod, all for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The plugin that rejected them.
    pub plugin: &'static str,
    /// Whether removing other pods could help.
    pub resolvable: bool,
    /// Why.
    pub reasons: Reasons,
    /// The nodes: positions in [`Decision::names`].
    pub nodes: Vec<u32>,
}

/// What one plugin says about all feasible nodes, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginScores {
    /// The plugin.
    pub plugin: &'static str,
    /// Its weight.
    pub weight: i64,
    /// Scores in its own measure.
    pub raw: Vec<i64>,
    /// Scores from 0 to 100; times the weight they are summed up.
    pub normalized: Vec<i64>,
}

/// Pods of a node that would be deleted to make room, the most important first. They are found on the node as it was then, and all
/// candidates share one list: references to thousands of pods in hundreds of lists would take most of the time of finding them.
#[derive(Clone, Debug)]
pub struct Victims {
    node: Rc<NodeInfo>,
    all: Rc<[u32]>,
    own: Range<usize>,
}

impl Victims {
    /// The pods of the node at the positions that are in this part of a list.
    pub fn new(node: &Rc<NodeInfo>, all: &Rc<[u32]>, own: Range<usize>) -> Self {
        Self { node: Rc::clone(node), all: Rc::clone(all), own }
    }

    /// The pods.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<PodInfo>> {
        self.all[self.own.clone()].iter().map(|at| &self.node.pods[*at as usize].info)
    }
}

impl PartialEq for Victims {
    fn eq(&self, other: &Self) -> bool {
        let pod = |pod: &Rc<PodInfo>| (pod.key.clone(), pod.uid.clone());
        self.iter().map(pod).eq(other.iter().map(pod))
    }
}
impl Eq for Victims {}

/// A node on which room could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node's name.
    pub node: Text,
    /// Who would have to go.
    pub victims: Victims,
    /// How many of them a PodDisruptionBudget protects.
    pub budget_violations: usize,
}

/// What was found about making room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preemption {
    /// Nodes on which it would help.
    pub candidates: Vec<Candidate>,
    /// The one that was chosen.
    pub chosen: Option<Candidate>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The pod goes to this node.
    Scheduled(Text),
    /// It has to wait.
    Unschedulable,
}

/// One attempt to schedule a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `namespace/name`.
    pub pod: Text,
    /// Its uid.
    pub uid: Text,
    /// When the scheduler turned to the pod.
    pub began: Time,
    /// When it had decided.
    pub at: Time,
    /// Which attempt this was, counted from 1.
    pub attempt: u32,
    /// The profile, which is the scheduler's name.
    pub profile: Text,
    /// The names of all nodes.
    pub names: Rc<[Text]>,
    /// The plugin that rejected the pod before any node was looked at, and its words.
    pub pre_filter: Option<(&'static str, String)>,
    /// The plugins that allowed some named nodes only, how many others there are, and what is said of those.
    pub excluded: Option<(Vec<&'static str>, usize, Text)>,
    /// Nodes that were rejected, by plugin and reasons.
    pub rejected: Vec<Rejected>,
    /// Nodes on which the pod could run. When there are very many nodes, not all are looked at.
    pub feasible: Vec<Text>,
    /// Scores of the feasible nodes; with a single feasible node nothing is scored.
    pub scores: Vec<PluginScores>,
    /// Sums of the weighted scores, in the order of the feasible nodes.
    pub totals: Vec<i64>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found about making room, if that was looked into.
    pub preemption: Option<Preemption>,
    /// What becomes of the pod's nominated node.
    pub nomination: Nomination,
    /// The message of the event and the condition when it has to wait; "" else.
    pub message: String,
    /// The plugins that stand against the pod.
    pub rejectors: BTreeSet<&'static str>,
}

impl Decision {
    /// The node that the pod goes to.
    pub fn chosen(&self) -> Option<&Text> {
        match &self.outcome {
            Outcome::Scheduled(node) => Some(node),
            Outcome::Unschedulable => None,
        }
    }

    /// All nodes that the choice could have fallen on: those with the highest total.
    pub fn acceptable(&self) -> Vec<&Text> {
        let best = self.totals.iter().max();
        if self.totals.is_empty() {
            return self.chosen().into_iter().collect();
        }
        self.feasible.iter().zip(&self.totals).filter(|(_, total)| Some(*total) == best).map(|(node, _)| node).collect()
    }

    /// Why a node was rejected, if it was.
    pub fn rejection(&self, node: &str) -> Option<&Rejected> {
        let at = self.names.iter().position(|name| name == node)? as u32;
        self.rejected.iter().find(|group| group.nodes.contains(&at))
    }

    /// The names of rejected nodes.
    pub fn names_of<'a>(&'a self, group: &'a Rejected) -> impl Iterator<Item = &'a Text> {
        group.nodes.iter().map(|at| &self.names[*at as usize])
    }

    /// The weighted score of each plugin for the feasible node at this position.
    pub fn weighted(&self, feasible: usize) -> impl Iterator<Item = (&'static str, i64)> {
        self.scores.iter().map(move |scores| (scores.plugin, scores.normalized[feasible] * scores.weight))
    }

    /// How much this weighs in a store of limited size, in nodes.
    pub fn weight(&self) -> usize {
        let candidates = self.preemption.as_ref().map_or(0, |preemption| preemption.candidates.len());
        1 + self.rejected.iter().map(|group| group.nodes.len()).sum::<usize>() + self.feasible.len() + candidates
    }
}

/// `0/4 nodes are available: 1 Insufficient cpu, 3 node(s) were unschedulable.` with the reasons sorted as text
/// (framework.FitError). `post_filter` is appended when it is not empty.
pub fn fit_error<'a>(
    nodes: usize,
    pre_filter: Option<&str>,
    reasons: impl Iterator<Item = (&'a Text, usize)>,
    post_filter: &str,
) -> String {
    let mut message = format!("0/{nodes} nodes are available:");
    if let Some(text) = pre_filter {
        let _ = write!(message, " {text}.");
    } else {
        let mut counts: BTreeMap<&Text, usize> = BTreeMap::new();
        for (reason, nodes) in reasons {
            *counts.entry(reason).or_insert(0) += nodes;
        }
        let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        texts.sort();
        if !texts.is_empty() {
            let _ = write!(message, " {}.", texts.join(", "));
        }
    }
    if !post_filter.is_empty() {
        let _ = write!(message, " {post_filter}");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_sorted_as_text() {
        let (cpu, taint): (Text, Text) = ("Insufficient cpu".into(), "node(s) had untolerated taint(s)".into());
        let reasons = [(&cpu, 1), (&taint, 1), (&cpu, 1), (&cpu, 1)];
        assert_eq!(
            fit_error(4, None, reasons.into_iter(), "preemption: no."),
            "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu. preemption: no."
        );
        assert_eq!(
            fit_error(4, Some("claim not found"), reasons.into_iter(), "not found"),
            "0/4 nodes are available: claim not found. not found"
        );
    }
}

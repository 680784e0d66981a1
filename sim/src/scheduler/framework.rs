//! The scheduling framework: a plugin takes part at some of the extension points, each of which is a small trait.
//!
//! After `pkg/scheduler/framework/interface.go`, with one difference in form: what upstream's PreFilter and PreScore write into a
//! CycleState for Filter and Score to find again is here the object that they return, and that object filters or scores. A plugin
//! itself is configuration only and the same for all pods.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

use super::decision::{Candidate, Reasons};
use super::node_info::{NodeInfo, NodePod};
use super::pod_info::PodInfo;
use super::snapshot::Snapshot;
use crate::core::{Duration, Request, Rng, Time};
use crate::value::{Text, Value};

// Not supertraits: the derived texts of all states of plugins would be part of the page's module.
impl fmt::Debug for dyn Filter + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}
impl fmt::Debug for dyn Score + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Score")
    }
}

/// A plugin of a scheduling profile. For each extension point that it takes part in it returns itself.
pub trait Plugin: fmt::Debug {
    /// Its name in configurations, messages and records.
    fn name(&self) -> &'static str;
    /// Whether a pod may be queued for scheduling at all.
    fn pre_enqueue(&self) -> Option<&dyn PreEnqueue> {
        None
    }
    /// The order of the queue.
    fn queue_sort(&self) -> Option<&dyn QueueSort> {
        None
    }
    /// What can be said before looking at single nodes, and the filter for them.
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        None
    }
    /// What to do when no node is left.
    fn post_filter(&self) -> Option<&dyn PostFilter> {
        None
    }
    /// What can be said about all feasible nodes, and the scores for each.
    fn pre_score(&self) -> Option<&dyn PreScore> {
        None
    }
    /// Claims something for the pod on the chosen node, before anyone else is scheduled.
    fn reserve(&self) -> Option<&dyn Reserve> {
        None
    }
    /// Holds a pod back before it is bound.
    fn permit(&self) -> Option<&dyn Permit> {
        None
    }
    /// Work that must be done before a pod is bound.
    fn pre_bind(&self) -> Option<&dyn PreBind> {
        None
    }
    /// Binds the pod.
    fn bind(&self) -> Option<&dyn Bind> {
        None
    }
    /// Is told of a pod that was bound.
    fn post_bind(&self) -> Option<&dyn PostBind> {
        None
    }
    /// Whether a pod that this plugin rejected might be accepted after an event (EventsToRegister and QueueingHintFn in one).
    fn helps(&self, _pod: &PodInfo, _event: &ClusterEvent<'_>) -> bool {
        false
    }
}

/// What a plugin looks at during one scheduling cycle.
#[derive(Clone, Copy, Debug)]
pub struct Cycle<'a> {
    /// The pod to place.
    pub pod: &'a PodInfo,
    /// The cluster.
    pub snapshot: &'a Snapshot,
}

/// Why a node is no place for the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether removing pods from the node could help (`Unschedulable`, not `UnschedulableAndUnresolvable`).
    pub resolvable: bool,
    /// In words.
    pub reasons: Reasons,
}

impl Rejection {
    /// Removing other pods could help.
    pub fn resolvable(reason: impl Into<Text>) -> Self {
        Self { resolvable: true, reasons: Reasons::One(reason.into()) }
    }
    /// Both of them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let reasons: Vec<Text> = [&self.reasons, &other.reasons].into_iter().flat_map(Reasons::as_slice).cloned().collect();
        Self { resolvable: self.resolvable && other.resolvable, reasons: reasons.into() }
    }
    /// Removing other pods would not help.
    pub fn unresolvable(reason: impl Into<Text>) -> Self {
        Self { resolvable: false, reasons: Reasons::One(reason.into()) }
    }
}

/// A pod that may not be queued is gated.
pub trait PreEnqueue {
    /// Why the pod may not be queued, if so.
    fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Text>;
}

/// A pod in the queue, for [`QueueSort`].
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The pod.
    pub pod: &'a PodInfo,
    /// Since when it waits.
    pub since: Time,
}

/// The order of the queue.
pub trait QueueSort {
    /// The one that comes first is less.
    fn compare(&self, one: Waiting<'_>, other: Waiting<'_>) -> Ordering;
}

/// What PreFilter finds.
#[derive(Debug)]
pub enum PreFilterResult<'a> {
    /// The plugin has nothing to do with this pod.
    Skip,
    /// Nodes are to be looked at.
    Filter(Box<dyn Filter + 'a>),
    /// Only these nodes are to be looked at.
    Nodes(Box<dyn Filter + 'a>, BTreeSet<Text>),
    /// No node will do.
    Reject(Rejection),
}

/// Looks at the pod and the cluster as a whole.
pub trait PreFilter {
    /// Prepares the filter.
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a>;
}

/// Filters nodes for one pod.
pub trait Filter {
    /// Whether the pod may go to this node.
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection>;
    /// A pod is imagined on the node (PreFilterExtensions.AddPod). Filters that look at the node only need not care.
    fn pod_added(&mut self, _pod: &NodePod, _node: &NodeInfo) {}
    /// A pod of the node is imagined away (PreFilterExtensions.RemovePod).
    fn pod_removed(&mut self, _pod: &NodePod, _node: &NodeInfo) {}
    /// Whether it looks at single pods of a node ([`NodeInfo::pods`]), not only at what they are together.
    fn looks_at_pods(&self) -> bool {
        false
    }
    /// A copy on which pods can be imagined; `None` when they make no difference to it, and the filter itself will do.
    fn imagine(&self) -> Option<Box<dyn Filter + '_>> {
        None
    }
}

/// A filter and the plugin that it belongs to.
#[derive(Debug)]
pub struct ActiveFilter<'a> {
    /// The plugin's name.
    pub plugin: &'static str,
    /// The filter.
    pub filter: Box<dyn Filter + 'a>,
}

/// A failed search for a node, as PostFilter sees it.
#[derive(Debug)]
pub struct FilterRun<'a, 'f> {
    /// The cycle.
    pub cycle: &'f Cycle<'a>,
    /// The filters; empty when PreFilter rejected the pod.
    pub filters: &'f [ActiveFilter<'a>],
    /// Whether every PreFilter plugin was reached.
    pub pre_filtered: bool,
    /// The nodes that were rejected: index in the snapshot, and whether removing pods from it could help.
    pub rejected: &'f [(u32, bool)],
    /// For choices.
    pub rng: &'f mut Rng,
}

/// What becomes of `status.nominatedNodeName`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Nomination {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is set, or cleared by "".
    Set(Text),
}

/// What PostFilter achieves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostFilterResult {
    /// Room is being made.
    Success {
        /// Where, and at whose expense.
        chosen: Candidate,
        /// All that was found possible.
        candidates: Vec<Candidate>,
    },
    /// Nothing can be done.
    Unschedulable {
        /// Why.
        message: String,
        /// What becomes of the nomination.
        nomination: Nomination,
    },
    /// It did not work; later plugins are not asked.
    Error(String),
}

/// Makes a pod schedulable that is not.
pub trait PostFilter {
    /// Tries to.
    fn post_filter(&self, run: &mut FilterRun<'_, '_>) -> PostFilterResult;
}

/// Looks at all feasible nodes.
pub trait PreScore {
    /// Prepares the scores; `None` when the plugin has nothing to say about this pod.
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, feasible: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>>;
}

/// Scores nodes for one pod.
pub trait Score {
    /// The node's score, in the plugin's own measure.
    fn score(&mut self, node: &NodeInfo) -> i64;
    /// Brings all scores into 0 to 100 (NormalizeScore).
    fn normalize(&self, _scores: &mut [i64]) {}
}

/// Claims something for the pod.
pub trait Reserve {
    /// Claims it on that node: the objects as they will be, so that the next cycle already sees them; or why it cannot.
    fn reserve(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<Vec<Value>, Text>;
}

/// What Permit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// The pod is bound now.
    Allow,
    /// It is not.
    Deny(Text),
}

/// Holds a pod back.
pub trait Permit {
    /// Whether it may be bound.
    fn permit(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Permission;
}

/// What must happen before the pod is bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeforeBinding {
    /// Requests to send.
    pub requests: Vec<Request>,
    /// How long to wait at most for what is still to be waited for, if there is something.
    pub wait: Option<Duration>,
}

/// Prepares a binding.
pub trait PreBind {
    /// What is to be done, or why it cannot be done. It is asked again whenever the objects that it waits for have changed; then
    /// `first` is false and its requests have been sent already.
    fn pre_bind(&self, cycle: &Cycle<'_>, node: &NodeInfo, first: bool) -> Result<BeforeBinding, Text>;
}

/// Binds a pod.
pub trait Bind {
    /// The request that does it.
    fn bind(&self, pod: &PodInfo, node: &Text) -> Request;
}

/// Is told of bound pods.
pub trait PostBind {
    /// The pod is bound.
    fn post_bind(&self, pod: &PodInfo, node: &Text);
}

/// Something that happened in the cluster and may make pods schedulable.
#[derive(Clone, Copy, Debug)]
pub enum ClusterEvent<'a> {
    /// A node came.
    NodeAdded(&'a Value),
    /// A node changed: before, after.
    NodeChanged(&'a Value, &'a Value),
    /// A node is gone.
    NodeGone(&'a Value),
    /// A pod was bound, or one that is bound came to be known.
    PodAssigned(&'a PodInfo),
    /// A bound pod changed: before, after.
    PodChanged(&'a PodInfo, &'a PodInfo),
    /// A pod that was on a node, or on its way there, is gone.
    PodGone(&'a PodInfo),
    /// A pod for which room was kept on a node is gone, or waits for another node now. It helps pods of its priority or less only.
    NominationGone(&'a PodInfo),
    /// The pod itself changed while it waits: before, after.
    PodItself(&'a PodInfo, &'a PodInfo),
    /// A claim, volume, storage class or CSINode came or changed: before, if it was there, and after.
    Storage(Option<&'a Value>, &'a Value),
}

/// Asks all filters; the first that rejects the node is named.
pub fn run_filters(filters: &[ActiveFilter<'_>], node: &NodeInfo) -> Result<(), (&'static str, Rejection)> {
    for active in filters {
        active.filter.filter(node).map_err(|rejection| (active.plugin, rejection))?;
    }
    Ok(())
}

/// A filter of a plugin, and the copy that knows of imagined pods if it cares.
type ImaginedFilter<'f> = (&'static str, Option<Box<dyn Filter + 'f>>, &'f dyn Filter);

/// Filters that know of imagined pods.
#[derive(Debug)]
pub struct Imagined<'f> {
    filters: Vec<ImaginedFilter<'f>>,
    /// Whether any filter looks at single pods; else the node is without them, as counting references to them takes long.
    with_pods: bool,
    /// The node with those pods.
    pub node: NodeInfo,
}

impl<'f> Imagined<'f> {
    /// A world in which pods can be added to this node and removed from it.
    pub fn new(filters: &'f [ActiveFilter<'_>], node: &NodeInfo) -> Self {
        let with_pods = filters.iter().any(|active| active.filter.looks_at_pods());
        let filters = filters.iter().map(|active| (active.plugin, active.filter.imagine(), active.filter.as_ref())).collect();
        let mut imagined = Self { filters, with_pods, node: NodeInfo::default() };
        imagined.node.clone_without(node, with_pods, |_| false);
        imagined
    }

    /// Begins anew with another node, in place, and without some of its pods.
    pub fn restart(&mut self, filters: &'f [ActiveFilter<'_>], node: &NodeInfo, leave_out: impl Fn(&NodePod) -> bool) {
        for ((_, imagined, _), active) in self.filters.iter_mut().zip(filters) {
            if imagined.is_some() {
                *imagined = active.filter.imagine();
            }
        }
        self.node.clone_without(node, self.with_pods, &leave_out);
        for (_, filter, _) in &mut self.filters {
            let Some(filter) = filter else { continue };
            for pod in node.pods.iter().filter(|pod| leave_out(pod)) {
                filter.pod_removed(pod, &self.node);
            }
        }
    }

    /// Adds a pod.
    pub fn add(&mut self, pod: &NodePod) {
        self.node.count(pod, 1);
        if self.with_pods {
            self.node.pods.push(pod.clone());
        }
        for filter in self.filters.iter_mut().filter_map(|(_, filter, _)| filter.as_mut()) {
            filter.pod_added(pod, &self.node);
        }
    }

    /// Removes a pod.
    pub fn remove(&mut self, pod: &NodePod) {
        self.node.count(pod, -1);
        if self.with_pods {
            // Mostly it is the one that came last.
            let same = |have: &NodePod| Rc::ptr_eq(&have.info, &pod.info);
            if let Some(at) = self.node.pods.iter().rposition(same) {
                self.node.pods.remove(at);
            }
        }
        for filter in self.filters.iter_mut().filter_map(|(_, filter, _)| filter.as_mut()) {
            filter.pod_removed(pod, &self.node);
        }
    }

    /// Asks all filters about the node as imagined.
    pub fn run_filters(&self) -> Result<(), (&'static str, Rejection)> {
        for (plugin, imagined, plain) in &self.filters {
            imagined.as_deref().unwrap_or(*plain).filter(&self.node).map_err(|rejection| (*plugin, rejection))?;
        }
        Ok(())
    }
}

/// Asks all filters twice when pods of the same or a higher priority wait for room on the node: with them there, and without, as
/// they may never come (RunFilterPluginsWithNominatedPods).
pub fn run_filters_with_nominated(
    cycle: &Cycle<'_>,
    filters: &[ActiveFilter<'_>],
    node: &NodeInfo,
) -> Result<(), (&'static str, Rejection)> {
    let nominated = cycle.snapshot.nominated(&node.name);
    let counts = |pod: &&NodePod| pod.info.priority >= cycle.pod.priority && pod.info.key != cycle.pod.key;
    if nominated.iter().any(|pod| counts(&pod)) {
        let mut imagined = Imagined::new(filters, node);
        for pod in nominated.iter().filter(counts) {
            imagined.add(pod);
        }
        imagined.run_filters()?;
    }
    run_filters(filters, node)
}

/// Scales scores so that the highest becomes 100; with `reverse` the highest becomes 0 (helper.DefaultNormalizeScore).
pub fn default_normalize(scores: &mut [i64], reverse: bool) {
    const MAX: i64 = super::arith::MAX_NODE_SCORE;
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let scaled = if highest == 0 { 0 } else { *score * MAX / highest };
        *score = if reverse { MAX - scaled } else { scaled };
    }
}

/// An extension point, as configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// `preEnqueue`
    PreEnqueue,
    /// `queueSort`
    QueueSort,
    /// `preFilter`
    PreFilter,
    /// `filter`
    Filter,
    /// `postFilter`
    PostFilter,
    /// `preScore`
    PreScore,
    /// `score`
    Score,
    /// `reserve`
    Reserve,
    /// `permit`
    Permit,
    /// `preBind`
    PreBind,
    /// `bind`
    Bind,
    /// `postBind`
    PostBind,
}

impl Point {
    /// All points, with their names in configurations.
    pub const ALL: [(&'static str, Self); 12] = [
        ("preEnqueue", Self::PreEnqueue),
        ("queueSort", Self::QueueSort),
        ("preFilter", Self::PreFilter),
        ("filter", Self::Filter),
        ("postFilter", Self::PostFilter),
        ("preScore", Self::PreScore),
        ("score", Self::Score),
        ("reserve", Self::Reserve),
        ("permit", Self::Permit),
        ("preBind", Self::PreBind),
        ("bind", Self::Bind),
        ("postBind", Self::PostBind),
    ];
    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, point)| *point == self).map_or("", |(name, _)| name)
    }

    /// The name of kube-scheduler's interface for it, as its errors say it: `PreFilterPlugin`.
    pub fn interface(self) -> String {
        let name = self.name();
        format!("{}{}Plugin", name[..1].to_uppercase(), &name[1..])
    }
}

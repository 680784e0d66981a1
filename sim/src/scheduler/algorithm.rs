//! One scheduling cycle: filter nodes, score what is left, choose (after `pkg/scheduler/schedule_one.go`).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::decision::{Decision, Outcome, PluginScores, Preemption, Rejected, fit_error};
use super::framework::{
    ActiveFilter, Cycle, FilterRun, Nomination, PostFilterResult, PreFilterResult, Rejection, run_filters_with_nominated,
};
use super::node_info::NodeInfo;
use super::pod_info::PodInfo;
use super::profile::Profile;
use super::snapshot::Snapshot;
use crate::core::{Rng, Time};
use crate::value::Text;

/// What goes on from one cycle to the next.
#[derive(Clone, Debug)]
pub struct Algorithm {
    /// Where the search for feasible nodes begins, so that all nodes get their turn when not all are looked at.
    pub next_start: usize,
    /// Breaks ties.
    pub rng: Rng,
}

/// What the filters leave.
#[derive(Debug, Default)]
struct Filtered {
    feasible: Vec<usize>,
    /// By index, and whether removing pods could help.
    rejected: Vec<(u32, bool)>,
    /// The same nodes for the record.
    records: Vec<Rejected>,
}

impl Filtered {
    fn record(&mut self, plugin: &'static str, rejection: Rejection, node: u32) {
        let Rejection { resolvable, reasons } = rejection;
        let same = |group: &&mut Rejected| {
            std::ptr::eq(group.plugin, plugin) && group.resolvable == resolvable && group.reasons == reasons
        };
        match self.records.iter_mut().find(same) {
            Some(group) => group.nodes.push(node),
            None => self.records.push(Rejected { plugin, resolvable, reasons, nodes: vec![node] }),
        }
    }
}

/// What PreFilter leaves.
#[derive(Debug, Default)]
struct PreFiltered<'a> {
    filters: Vec<ActiveFilter<'a>>,
    /// Allowed nodes by name, when not all are, and the plugins that say so.
    allowed: Option<BTreeSet<Text>>,
    restricting: BTreeSet<&'static str>,
    /// The plugin that rejected the pod as such.
    rejected: Option<(&'static str, Rejection)>,
}

impl Algorithm {
    /// The beginning.
    pub fn new(seed: u64) -> Self {
        Self { next_start: 0, rng: Rng::new(seed, "kube-scheduler") }
    }

    /// Decides where a pod goes. `at` and `attempt` are for the record.
    pub fn schedule(&mut self, snapshot: &Snapshot, pod: &Rc<PodInfo>, profile: &Profile, at: Time, attempt: u32) -> Decision {
        let cycle = Cycle { pod, snapshot };
        let mut decision = Decision {
            pod: pod.key.clone(),
            uid: pod.uid.clone(),
            began: at,
            at,
            attempt,
            profile: profile.scheduler_name.clone(),
            names: snapshot.names(),
            pre_filter: None,
            excluded: None,
            rejected: Vec::new(),
            feasible: Vec::new(),
            scores: Vec::new(),
            totals: Vec::new(),
            outcome: Outcome::Unschedulable,
            preemption: None,
            nomination: Nomination::Keep,
            message: String::new(),
            rejectors: BTreeSet::new(),
        };
        if snapshot.nodes().is_empty() {
            decision.message = "no nodes available to schedule pods".into();
            return decision;
        }
        let before = pre_filter(&cycle, profile);
        let mut filtered = if let Some((plugin, rejection)) = &before.rejected {
            decision.pre_filter = Some((plugin, rejection.reasons.join()));
            decision.rejectors.insert(plugin);
            Filtered::default()
        } else {
            self.find_feasible(&cycle, profile, &before)
        };
        if let Some(allowed) = &before.allowed {
            let names: Vec<&str> = before.restricting.iter().copied().collect();
            let others = snapshot.nodes().len() - allowed.iter().filter(|name| snapshot.node(name).is_some()).count();
            let reason = Text::from(format!("node(s) didn't satisfy plugin(s) [{}]", names.join(" ")));
            decision.excluded = Some((before.restricting.iter().copied().collect(), others, reason));
            decision.rejectors.extend(before.restricting.iter().copied());
        }
        decision.rejected = std::mem::take(&mut filtered.records);
        decision.rejectors.extend(decision.rejected.iter().map(|group| group.plugin));
        if filtered.feasible.is_empty() {
            self.post_filter(&cycle, profile, &before, &filtered, &mut decision);
        } else {
            self.score(&cycle, profile, &filtered.feasible, &mut decision);
        }
        decision
    }

    fn find_feasible(&mut self, cycle: &Cycle<'_>, profile: &Profile, before: &PreFiltered<'_>) -> Filtered {
        let snapshot = cycle.snapshot;
        let mut filtered = Filtered::default();
        // A pod that waited for room on a node takes it when it fits now; only else other nodes are looked at.
        if let Some(node) = snapshot.node(&cycle.pod.nominated_node)
            && before.allowed.as_ref().is_none_or(|allowed| allowed.contains(&node.name))
            && run_filters_with_nominated(cycle, &before.filters, node).is_ok()
        {
            filtered.feasible.push(node.index);
            return filtered;
        }
        let order = snapshot.order();
        let candidates: Vec<usize>;
        let candidates = match &before.allowed {
            None => order.as_slice(),
            Some(allowed) => {
                candidates = order.iter().copied().filter(|at| allowed.contains(&snapshot.nodes()[*at].name)).collect();
                &candidates
            }
        };
        if candidates.is_empty() {
            return filtered;
        }
        let enough = profile.nodes_to_find(candidates.len());
        // Growing step by step would end in pieces of memory so large that giving them back takes long.
        filtered.feasible.reserve(enough);
        filtered.rejected.reserve(candidates.len());
        let start = self.next_start % candidates.len();
        for at in candidates[start..].iter().chain(&candidates[..start]) {
            let node = &snapshot.nodes()[*at];
            match run_filters_with_nominated(cycle, &before.filters, node) {
                Ok(()) => filtered.feasible.push(*at),
                Err((plugin, rejection)) => {
                    filtered.rejected.push((*at as u32, rejection.resolvable));
                    filtered.record(plugin, rejection, *at as u32);
                }
            }
            if filtered.feasible.len() == enough {
                break;
            }
        }
        self.next_start = (self.next_start + filtered.feasible.len() + filtered.rejected.len()) % order.len();
        filtered
    }

    fn score(&mut self, cycle: &Cycle<'_>, profile: &Profile, feasible: &[usize], decision: &mut Decision) {
        let nodes: Vec<&NodeInfo> = feasible.iter().map(|at| cycle.snapshot.nodes()[*at].as_ref()).collect();
        decision.feasible = nodes.iter().map(|node| node.name.clone()).collect();
        if let [only] = nodes.as_slice() {
            decision.outcome = Outcome::Scheduled(only.name.clone());
            return;
        }
        let mut totals = vec![0; nodes.len()];
        for (plugin, weight) in profile.pre_score() {
            let Some(mut score) = plugin.1.pre_score(cycle, &nodes) else { continue };
            let raw: Vec<i64> = nodes.iter().map(|node| score.score(node)).collect();
            let mut normalized = raw.clone();
            score.normalize(&mut normalized);
            for (total, score) in totals.iter_mut().zip(&normalized) {
                *total += score * weight;
            }
            decision.scores.push(PluginScores { plugin: plugin.0, weight, raw, normalized });
        }
        let best = totals.iter().copied().max().unwrap_or(0);
        let ties: Vec<usize> = (0..totals.len()).filter(|at| totals[*at] == best).collect();
        let choice = ties[self.rng.below(ties.len() as u64) as usize];
        decision.totals = totals;
        decision.outcome = Outcome::Scheduled(decision.feasible[choice].clone());
    }

    /// Lets PostFilter plugins make room, and puts the message together.
    fn post_filter(
        &mut self,
        cycle: &Cycle<'_>,
        profile: &Profile,
        before: &PreFiltered<'_>,
        filtered: &Filtered,
        decision: &mut Decision,
    ) {
        let mut messages: Vec<String> = Vec::new();
        let mut run = FilterRun {
            cycle,
            filters: &before.filters,
            pre_filtered: before.rejected.is_none(),
            rejected: &filtered.rejected,
            rng: &mut self.rng,
        };
        for plugin in profile.post_filter() {
            match plugin.post_filter(&mut run) {
                PostFilterResult::Success { chosen, candidates } => {
                    decision.nomination = Nomination::Set(chosen.node.clone());
                    decision.preemption = Some(Preemption { candidates, chosen: Some(chosen) });
                    messages.clear();
                    break;
                }
                PostFilterResult::Unschedulable { message, nomination } => {
                    if nomination != Nomination::Keep {
                        decision.nomination = nomination;
                    }
                    messages.push(message);
                }
                PostFilterResult::Error(message) => {
                    messages = vec![message];
                    break;
                }
            }
        }
        let excluded = decision.excluded.as_ref().map(|(_, others, reason)| (reason, *others)).filter(|(_, others)| *others > 0);
        let reasons =
            decision.rejected.iter().flat_map(|group| group.reasons.as_slice().iter().map(|reason| (reason, group.nodes.len())));
        let pre_filter = decision.pre_filter.as_ref().map(|(_, message)| message.as_str());
        decision.message = fit_error(decision.names.len(), pre_filter, reasons.chain(excluded), &messages.join(", "));
    }
}

fn pre_filter<'a>(cycle: &Cycle<'a>, profile: &'a Profile) -> PreFiltered<'a> {
    let mut before = PreFiltered::default();
    let mut filters: Vec<(usize, ActiveFilter<'a>)> = Vec::new();
    for (plugin, pre_filter, place) in profile.pre_filter() {
        let mut keep = |filter| filters.extend(place.map(|place| (place, ActiveFilter { plugin, filter })));
        match pre_filter.pre_filter(cycle) {
            PreFilterResult::Skip => {}
            PreFilterResult::Filter(filter) => keep(filter),
            PreFilterResult::Nodes(filter, nodes) => {
                keep(filter);
                before.restricting.insert(plugin);
                before.allowed = Some(match before.allowed.take() {
                    None => nodes,
                    Some(allowed) => allowed.intersection(&nodes).cloned().collect(),
                });
                if before.allowed.as_ref().is_some_and(BTreeSet::is_empty) {
                    let names: Vec<&str> = before.restricting.iter().copied().collect();
                    let message = match names.as_slice() {
                        [only] => format!("node(s) didn't satisfy plugin {only}"),
                        all => format!("node(s) didn't satisfy plugin(s) [{}] simultaneously", all.join(" ")),
                    };
                    before.allowed = None;
                    before.rejected = Some((plugin, Rejection::unresolvable(message)));
                    return before;
                }
            }
            PreFilterResult::Reject(rejection) => {
                before.rejected = Some((plugin, rejection));
                return before;
            }
        }
    }
    filters.sort_by_key(|(place, _)| *place);
    before.filters = filters.into_iter().map(|(_, filter)| filter).collect();
    before
}

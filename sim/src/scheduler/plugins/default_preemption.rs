//! DefaultPreemption: makes room by deleting pods of lower priority (`plugins/defaultpreemption`, `framework/preemption`).

use std::cmp::{Ordering, Reverse};
use std::rc::Rc;

use super::super::decision::{Candidate, Victim, fit_error};
use super::super::framework::{Cycle, FilterRun, Imagined, Nomination, Plugin, PostFilter, PostFilterResult, Rejection};
use super::super::node_info::{NodeInfo, NodePod};
use super::super::pod_info::PodInfo;
use crate::api::selector::LabelSelector;
use crate::value::{Text, Value};

/// The plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPreemption {
    /// How many per cent of the nodes are tried at least.
    pub min_candidate_nodes_percentage: usize,
    /// How many nodes are tried at least.
    pub min_candidate_nodes_absolute: usize,
}

impl Default for DefaultPreemption {
    fn default() -> Self {
        Self { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

impl Plugin for DefaultPreemption {
    fn name(&self) -> &'static str {
        "DefaultPreemption"
    }
    fn post_filter(&self) -> Option<&dyn PostFilter> {
        Some(self)
    }
}

/// A PodDisruptionBudget, read once.
struct Budget<'a> {
    object: &'a Value,
    selector: LabelSelector,
}

impl PostFilter for DefaultPreemption {
    fn post_filter(&self, run: &mut FilterRun<'_, '_>) -> PostFilterResult {
        let keep = |message: &str| PostFilterResult::Unschedulable {
            message: format!("preemption: {message}"),
            nomination: Nomination::Keep,
        };
        if run.cycle.pod.never_preempts {
            return keep("not eligible due to preemptionPolicy=Never.");
        }
        if waits_for_victims(run) {
            return keep("not eligible due to a terminating pod on the nominated node.");
        }
        let (candidates, reasons) = self.find_candidates(run);
        if let Some(chosen) = select(&candidates) {
            return PostFilterResult::Success { chosen: chosen.clone(), candidates };
        }
        let nodes = run.cycle.snapshot.nodes().len();
        let not_helpful: Text = "Preemption is not helpful for scheduling".into();
        let others = nodes - reasons.len();
        let texts = reasons.iter().flat_map(|rejection| rejection.reasons.as_slice().iter().map(|reason| (reason, 1)));
        let message = fit_error(nodes, None, texts.chain((others > 0).then_some((&not_helpful, others))), "");
        PostFilterResult::Unschedulable {
            message: format!("preemption: {message}"),
            nomination: Nomination::Set(Text::default()),
        }
    }
}

/// Whether pods are already going for this pod's sake (PodEligibleToPreemptOthers).
fn waits_for_victims(run: &FilterRun<'_, '_>) -> bool {
    let Cycle { pod, snapshot } = *run.cycle;
    let Some(node) = snapshot.node(&pod.nominated_node) else { return false };
    let hopeless = run.rejected.contains(&(node.index as u32, false));
    !hopeless && node.pods.iter().any(|other| other.info.priority < pod.priority && other.info.preempted)
}

impl DefaultPreemption {
    /// Candidates, and why the other nodes that were tried are none.
    fn find_candidates(&self, run: &mut FilterRun<'_, '_>) -> (Vec<Candidate>, Vec<Rejection>) {
        let potential: Vec<usize> =
            run.rejected.iter().filter(|(_, resolvable)| *resolvable).map(|(node, _)| *node as usize).collect();
        let (mut candidates, mut rejections) = (Vec::new(), Vec::new());
        if potential.is_empty() {
            return (candidates, rejections);
        }
        let read = |object| Budget { object, selector: LabelSelector::of(&object["spec"]["selector"]) };
        let budgets: Vec<Budget<'_>> = run.cycle.snapshot.objects.budgets.values().map(read).collect();
        let enough = (potential.len() * self.min_candidate_nodes_percentage / 100)
            .max(self.min_candidate_nodes_absolute)
            .min(potential.len());
        let offset = run.rng.below(potential.len() as u64) as usize;
        let nodes = run.cycle.snapshot.nodes();
        let mut imagined = Imagined::new(run.filters, &nodes[potential[offset]]);
        let mut harmless = false;
        for at in potential[offset..].iter().chain(&potential[..offset]) {
            match select_victims(run, &nodes[*at], &budgets, &mut imagined) {
                Ok(candidate) => {
                    harmless |= candidate.budget_violations == 0;
                    candidates.push(candidate);
                }
                Err(rejection) => rejections.push(rejection),
            }
            if candidates.len() >= enough && harmless {
                break;
            }
        }
        (candidates, rejections)
    }
}

/// The fewest pods that would have to go for the pod to fit (SelectVictimsOnNode).
fn select_victims<'f>(
    run: &FilterRun<'_, 'f>,
    node: &NodeInfo,
    budgets: &[Budget<'_>],
    imagined: &mut Imagined<'f>,
) -> Result<Candidate, Rejection> {
    let pod = run.cycle.pod;
    let mut potential: Vec<&NodePod> = node.pods.iter().filter(|other| other.priority < pod.priority).collect();
    if potential.is_empty() {
        return Err(Rejection::unresolvable("No preemption victims found for incoming pod"));
    }
    imagined.restart(run.filters, node);
    for victim in &potential {
        imagined.remove(victim);
    }
    fits(run, imagined)?;
    // The most important pods get their place back first, and before all others those that a budget protects.
    let importance = |one: &&NodePod, other: &&NodePod| by_importance(&one.info, &other.info);
    potential.sort_by(importance);
    let (protected, others) = split_by_budget(potential, budgets);
    let mut victims: Vec<&NodePod> = Vec::new();
    let mut violations = 0;
    for (group, counts) in [(&protected, 1), (&others, 0)] {
        for victim in group {
            imagined.add(victim);
            if fits(run, imagined).is_err() {
                imagined.remove(victim);
                victims.push(victim);
                violations += counts;
            }
        }
    }
    if !protected.is_empty() {
        victims.sort_by(importance);
    }
    let victim = |pod: &&NodePod| Victim(Rc::clone(&pod.info));
    Ok(Candidate { node: node.name.clone(), victims: victims.iter().map(victim).collect(), budget_violations: violations })
}

/// Whether the pod fits, with and without those of at least its priority that wait for room here, too.
fn fits(run: &FilterRun<'_, '_>, imagined: &mut Imagined<'_>) -> Result<(), Rejection> {
    let pod = run.cycle.pod;
    let counts = |other: &&NodePod| other.info.priority >= pod.priority && other.info.key != pod.key;
    let nominated: Vec<&NodePod> = run.cycle.snapshot.nominated(&imagined.node.name).iter().filter(counts).collect();
    if !nominated.is_empty() {
        for other in &nominated {
            imagined.add(other);
        }
        let result = imagined.run_filters();
        for other in &nominated {
            imagined.remove(other);
        }
        result.map_err(|(_, rejection)| rejection)?;
    }
    imagined.run_filters().map_err(|(_, rejection)| rejection)
}

/// The more important first: higher priority, then longer running (util.MoreImportantPod). A pod that has not started yet is
/// taken as started just now.
fn by_importance(one: &PodInfo, other: &PodInfo) -> Ordering {
    let start = |pod: &PodInfo| (pod.start_time.is_empty(), pod.start_time.as_str().to_owned());
    other
        .priority
        .cmp(&one.priority)
        .then_with(|| if one.start_time == other.start_time { Ordering::Equal } else { start(one).cmp(&start(other)) })
}

/// Pods whose removal a budget does not allow, and the others (filterPodsWithPDBViolation).
fn split_by_budget<'p>(pods: Vec<&'p NodePod>, budgets: &[Budget<'_>]) -> (Vec<&'p NodePod>, Vec<&'p NodePod>) {
    if budgets.is_empty() {
        return (Vec::new(), pods);
    }
    let mut allowed: Vec<i64> = budgets.iter().map(|budget| budget.object["status"]["disruptionsAllowed"].int()).collect();
    pods.into_iter().partition(|pod| {
        let info: &Rc<PodInfo> = &pod.info;
        let mut violated = false;
        for (budget, allowed) in budgets.iter().zip(&mut allowed) {
            let applies = budget.object.namespace() == &*info.namespace
                && !info.labels.is_empty()
                && !budget.selector.is_everything()
                && budget.selector.matches(&info.labels);
            let already = budget.object["status"]["disruptedPods"].get(&info.name).is_some();
            if applies && !already {
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    })
}

/// The candidate that does the least harm (pickOneNodeForPreemption).
fn select(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().min_by_key(|candidate| {
        let highest = candidate.victims.first().map_or(i64::MIN, |victim| victim.priority);
        // Every pod counts, those of negative priority too.
        let sum: i64 = candidate.victims.iter().map(|victim| victim.priority + (1 << 31)).sum();
        let most_important = candidate.victims.iter().filter(|victim| victim.priority == highest);
        // The node whose most important victims have run for the shortest time: the latest of the earliest starts.
        let earliest =
            most_important.map(|victim| (victim.start_time.is_empty(), victim.start_time.clone())).min().unwrap_or_default();
        (candidate.budget_violations, highest, sum, candidate.victims.len(), Reverse(earliest))
    })
}

//! DefaultPreemption: makes room by deleting pods of lower priority (`plugins/defaultpreemption`, `framework/preemption`).

use std::cmp::{Ordering, Reverse};
use std::ops::Range;
use std::rc::Rc;

use super::super::decision::{Candidate, Victims, fit_error};
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
        let Found { candidates, best, rejections: reasons } = self.find_candidates(run);
        if let Some((_, best)) = best {
            return PostFilterResult::Success { chosen: candidates[best].clone(), candidates };
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

/// How much harm a candidate does; the least is the best (pickOneNodeForPreemption). In this order: budgets that are violated, the
/// highest priority among the victims, the sum of their priorities (each counts, negative ones too), their number; and of the most
/// important of them the one that has run for the shortest time, the latest of the earliest starts.
type Harm = (usize, i64, i64, usize, Reverse<i64>);

/// What a search has found.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    /// The least harmful candidate, the first of several.
    best: Option<(Harm, usize)>,
    /// Why the other nodes that were tried are none.
    rejections: Vec<Rejection>,
}

impl DefaultPreemption {
    fn find_candidates(&self, run: &mut FilterRun<'_, '_>) -> Found {
        let mut potential: Vec<u32> = Vec::with_capacity(run.rejected.len());
        potential.extend(run.rejected.iter().filter(|(_, resolvable)| *resolvable).map(|(node, _)| *node));
        let mut found = Found::default();
        if potential.is_empty() {
            return found;
        }
        let read = |object| Budget { object, selector: LabelSelector::of(&object["spec"]["selector"]) };
        let budgets: Vec<Budget<'_>> = run.cycle.snapshot.objects.budgets.values().map(read).collect();
        let enough = (potential.len() * self.min_candidate_nodes_percentage / 100)
            .max(self.min_candidate_nodes_absolute)
            .min(potential.len());
        let offset = run.rng.below(potential.len() as u64) as usize;
        let nodes = run.cycle.snapshot.nodes();
        let imagined = Imagined::new(run.filters, &nodes[potential[offset] as usize]);
        let mut dry_run = DryRun { run, budgets: &budgets, imagined, potential: Vec::new(), victims: Vec::new() };
        let mut harmless = false;
        // The victims of all candidates, and for each candidate its node, its part of them, and how many budgets it violates.
        let mut victims: Vec<u32> = Vec::new();
        let mut places = Vec::with_capacity(enough);
        for at in potential[offset..].iter().chain(&potential[..offset]) {
            let node = &nodes[*at as usize];
            match dry_run.select_victims(node) {
                Ok(violations) => {
                    harmless |= violations == 0;
                    let harm = dry_run.harm(violations);
                    if found.best.as_ref().is_none_or(|(least, _)| harm < *least) {
                        found.best = Some((harm, places.len()));
                    }
                    let from = victims.len();
                    victims.extend(dry_run.victims.iter().map(|(at, _)| *at));
                    places.push((node, from..victims.len(), violations));
                }
                Err(rejection) => found.rejections.push(rejection),
            }
            if places.len() >= enough && harmless {
                break;
            }
        }
        let victims: Rc<[u32]> = victims.into();
        let candidate = |(node, own, budget_violations): (&Rc<NodeInfo>, Range<usize>, usize)| Candidate {
            node: node.name.clone(),
            victims: Victims::new(node, &victims, own),
            budget_violations,
        };
        found.candidates = places.into_iter().map(candidate).collect();
        found
    }
}

/// Tries on one node after the other which pods would have to go.
struct DryRun<'r, 'f> {
    run: &'r FilterRun<'r, 'f>,
    budgets: &'r [Budget<'r>],
    imagined: Imagined<'f>,
    /// The less important pods of the node, and their positions among its pods.
    potential: Vec<Placed<'r>>,
    /// Those of them that have to go, the most important first.
    victims: Vec<Placed<'r>>,
}

/// A pod and its position among those of its node.
type Placed<'r> = (u32, &'r NodePod);

impl<'r> DryRun<'r, '_> {
    /// The fewest pods that would have to go from this node for the pod to fit; how many of them budgets protect
    /// (SelectVictimsOnNode).
    fn select_victims(&mut self, node: &'r NodeInfo) -> Result<usize, Rejection> {
        let pod = self.run.cycle.pod;
        let less_important = |other: &NodePod| other.priority < pod.priority;
        self.victims.clear();
        self.potential.clear();
        let pods = node.pods.iter().enumerate().map(|(at, other)| (at as u32, other));
        self.potential.extend(pods.filter(|(_, other)| less_important(other)));
        if self.potential.is_empty() {
            return Err(Rejection::unresolvable("No preemption victims found for incoming pod"));
        }
        self.imagined.restart(self.run.filters, node, less_important);
        fits(self.run, &mut self.imagined)?;
        // The most important pods get their place back first, and before all others those that a budget protects.
        self.potential.sort_by(by_importance);
        let protected = protected_first(&mut self.potential, self.budgets);
        let mut violations = 0;
        for (number, (at, victim)) in self.potential.iter().enumerate() {
            self.imagined.add(victim);
            if fits(self.run, &mut self.imagined).is_err() {
                self.imagined.remove(victim);
                self.victims.push((*at, victim));
                violations += usize::from(number < protected);
            }
        }
        if protected > 0 {
            self.victims.sort_by(by_importance);
        }
        Ok(violations)
    }

    fn harm(&self, violations: usize) -> Harm {
        let victims = || self.victims.iter().map(|(_, victim)| victim);
        let highest = victims().next().map_or(i64::MIN, |victim| victim.priority);
        let sum = victims().map(|victim| victim.priority + (1 << 31)).sum();
        let most_important = victims().filter(|victim| victim.priority == highest);
        let earliest = most_important.map(|victim| victim.started).min().unwrap_or_default();
        (violations, highest, sum, self.victims.len(), Reverse(earliest))
    }
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
fn by_importance((_, one): &Placed<'_>, (_, other): &Placed<'_>) -> Ordering {
    other.priority.cmp(&one.priority).then_with(|| one.started.cmp(&other.started))
}

/// Brings the pods whose removal a budget does not allow to the front; says how many they are (filterPodsWithPDBViolation).
fn protected_first(pods: &mut Vec<Placed<'_>>, budgets: &[Budget<'_>]) -> usize {
    if budgets.is_empty() {
        return 0;
    }
    let mut allowed: Vec<i64> = budgets.iter().map(|budget| budget.object["status"]["disruptionsAllowed"].int()).collect();
    let (protected, others): (Vec<_>, Vec<_>) = pods.drain(..).partition(|(_, pod)| {
        let info: &PodInfo = &pod.info;
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
    });
    let count = protected.len();
    pods.extend(protected);
    pods.extend(others);
    count
}

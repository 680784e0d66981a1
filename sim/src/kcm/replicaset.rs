//! replicaset-controller, after `pkg/controller/replicaset/{replica_set,replica_set_utils}.go`.

use super::context::Context;
use super::control::{claim, create_pods, delete_pods, is_available, pod_from_template, put_status_twice, set_count};
use super::expectations::Ledger;
use super::reconcile::{Effect, Io, QueueId, Step, Stop};
use super::view::View;
use crate::api::pod;
use crate::api::resource::{PODS, REPLICASETS};
use crate::api::selector::LabelSelector;
use crate::client::Change;
use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, Time};
use crate::flow::RequestError;
use crate::value;
use crate::value::{Text, Value, condition};

/// No more pods than this are created or deleted in one sync.
const BURST: usize = 500;

/// How many pods a ReplicaSet has, of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    active: i64,
    fully_labeled: i64,
    ready: i64,
    available: i64,
    terminating: i64,
}

/// Makes the number of pods the wanted one and reports it.
pub(super) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(set) = view.get(REPLICASETS, key) else { return Ok(()) };
    let may_manage = view.replica_set_expectations.satisfied(key, io.now());
    let selector = LabelSelector::of(&set["spec"]["selector"]);
    let (counts, pods) = if let Some(counts) = counted(view, set, &selector) {
        (counts, None)
    } else {
        let pods = claimed(io, set, &selector)?;
        (count(view, set, &selector, &pods, io.now()), Some(pods))
    };
    let diff = counts.active - set["spec"]["replicas"].as_int().unwrap_or(1);
    let mut failure = None;
    if may_manage && !set.is_terminating() && diff != 0 {
        failure = if diff < 0 {
            create(io, set, diff.unsigned_abs() as usize)?
        } else {
            delete(io, set, pods.unwrap_or_else(|| active(view, set)), diff as usize)?
        };
    }
    let status = new_status(set, counts, diff, failure.as_ref(), io.now());
    if status != set["status"] {
        put_status_twice(io, REPLICASETS, set, status)?.map_err(|_| Stop::Retry)?;
    }
    if failure.is_some() {
        return Err(Stop::Retry);
    }
    let min_ready_s = set["spec"]["minReadySeconds"].int();
    if min_ready_s > 0 && counts.ready != counts.available {
        io.requeue_after(Duration::s(min_ready_s as u64));
    }
    Ok(())
}

/// The counts from the indexes, when no pod has to be looked at: all pods of this owner match, no other waits for adoption, and
/// readiness is availability.
fn counted(view: &View, set: &Value, selector: &LabelSelector) -> Option<Counts> {
    if set["spec"]["minReadySeconds"].int() > 0 || waiting_orphans(view, set, selector).next().is_some() {
        return None;
    }
    let Some(owned) = view.pods.owned(set.uid()) else { return Some(Counts::default()) };
    if owned.labels.iter().any(|(labels, _)| !selector.matches(labels)) {
        return None;
    }
    let template = LabelSelector::of_labels(&set["spec"]["template"]["metadata"]["labels"]);
    let fully_labeled: usize = owned.labels.iter().filter(|(labels, _)| template.matches(labels)).map(|(_, number)| number).sum();
    Some(Counts {
        active: owned.active as i64,
        fully_labeled: fully_labeled as i64,
        ready: owned.ready as i64,
        available: owned.ready as i64,
        terminating: owned.terminating as i64,
    })
}

fn waiting_orphans<'a>(view: &'a View, set: &Value, selector: &LabelSelector) -> impl Iterator<Item = &'a Value> {
    let active = |key: &&Text| {
        let facts = view.pods.facts(key.as_str());
        facts.is_some_and(|facts| facts.active && selector.matches(&facts.labels))
    };
    view.objects(PODS, view.pods.orphans(set.namespace()).filter(active).collect::<Vec<_>>().into_iter())
}

fn active<'a>(view: &'a View, set: &Value) -> Vec<&'a Value> {
    let active = |key: &&Text| view.pods.facts(key.as_str()).is_some_and(|facts| facts.active);
    view.objects(PODS, view.pods.keys_of(set.uid()).filter(active)).collect()
}

fn claimed<'a>(io: &mut Io<'a>, set: &Value, selector: &LabelSelector) -> Step<Vec<&'a Value>> {
    let view = io.view;
    let mut candidates = active(view, set);
    candidates.extend(waiting_orphans(view, set, selector));
    claim(io, PODS, set, REPLICASETS, selector, candidates.into_iter())
}

fn count(view: &View, set: &Value, selector: &LabelSelector, active: &[&Value], now: Time) -> Counts {
    let template = LabelSelector::of_labels(&set["spec"]["template"]["metadata"]["labels"]);
    let min_ready_s = set["spec"]["minReadySeconds"].int();
    let mut counts = Counts { active: active.len() as i64, ..Counts::default() };
    for pod in active {
        counts.fully_labeled += i64::from(template.matches_object(pod));
        counts.ready += i64::from(pod::is_ready(pod));
        counts.available += i64::from(is_available(pod, min_ready_s, now));
    }
    for key in view.pods.keys_of(set.uid()) {
        let facts = view.pods.facts(key).filter(|facts| facts.terminating && selector.matches(&facts.labels));
        counts.terminating += i64::from(facts.is_some());
    }
    counts
}

fn create(io: &mut Io<'_>, set: &Value, missing: usize) -> Step<Option<RequestError>> {
    let missing = missing.min(BURST);
    let key = set.key();
    io.act(Effect::Expect(Ledger::ReplicaSet, key.clone(), missing, Vec::new()));
    let pod = pod_from_template(&set["spec"]["template"], set);
    let (created, error) = create_pods(io, set, vec![pod; missing])?;
    if created < missing {
        io.act(Effect::CreationsSkipped(Ledger::ReplicaSet, key, missing - created));
    }
    Ok(error)
}

fn delete(io: &mut Io<'_>, set: &Value, pods: Vec<&Value>, surplus: usize) -> Step<Option<RequestError>> {
    let surplus = surplus.min(BURST);
    let chosen = pods_to_delete(io.view, set, pods, surplus, io.now());
    let keys = chosen.iter().map(|pod| pod.key()).collect();
    io.act(Effect::Expect(Ledger::ReplicaSet, set.key(), 0, keys));
    delete_pods(io, Ledger::ReplicaSet, set, &chosen)
}

/// What makes a pod the better choice to be deleted; smaller goes first (controller.ActivePodsWithRanks).
type DeletionRank = (bool, u8, bool, i64, std::cmp::Reverse<usize>, i64, std::cmp::Reverse<i64>, i64, Text);

fn pods_to_delete<'a>(view: &View, set: &Value, pods: Vec<&'a Value>, surplus: usize, now: Time) -> Vec<&'a Value> {
    if surplus >= pods.len() {
        return pods;
    }
    let mut on_node: PMap<Text, usize> = PMap::new();
    for sibling in siblings(view, set) {
        for pod in active(view, sibling) {
            *on_node.entry(pod["spec"]["nodeName"].text()).or_default() += 1;
        }
    }
    let rank = |pod: &Value| deletion_rank(pod, on_node.get(pod["spec"]["nodeName"].str()).copied().unwrap_or(0), now);
    let mut ranked: Vec<(DeletionRank, &Value)> = pods.into_iter().map(|pod| (rank(pod), pod)).collect();
    ranked.order_by(|(a, _), (b, _)| a.cmp(b));
    ranked.into_iter().take(surplus).map(|(_, pod)| pod).collect()
}

/// The ReplicaSets of the same owner, this one included (getReplicaSetsWithSameController).
fn siblings<'a>(view: &'a View, set: &Value) -> impl Iterator<Item = &'a Value> {
    let owner = set.controller().map_or("", |owner| owner["uid"].str());
    let alone = owner.is_empty().then(|| view.get(REPLICASETS, &set.key())).flatten();
    view.objects(REPLICASETS, view.replica_sets.owned(owner)).chain(alone)
}

fn deletion_rank(pod: &Value, doubled_up: usize, now: Time) -> DeletionRank {
    let phase = match pod["status"]["phase"].str() {
        "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let ready = pod.condition("Ready").filter(|ready| ready["status"].str() == "True");
    let cost = pod.annotation("controller.kubernetes.io/pod-deletion-cost").and_then(|cost| cost.parse().ok()).unwrap_or(0);
    let restarts = pod["status"]["containerStatuses"].items().iter().map(|status| status["restartCount"].int()).max();
    (
        !pod["spec"]["nodeName"].is_empty(),
        phase,
        ready.is_some(),
        cost,
        std::cmp::Reverse(doubled_up),
        ready.map_or(-1, |ready| age_rank(ready["lastTransitionTime"].str(), now)),
        std::cmp::Reverse(restarts.unwrap_or(0)),
        age_rank(pod["metadata"]["creationTimestamp"].str(), now),
        pod["metadata"]["uid"].text(),
    )
}

/// Ages are compared by their order of magnitude only (LogarithmicScaleDown): the logarithm to base 2 of the nanoseconds.
fn age_rank(since: &str, now: Time) -> i64 {
    let age_ns = Time::parse_rfc3339(since).map_or(0, |since| now.since(since).0 * 1_000);
    if age_ns == 0 { -1 } else { i64::from(age_ns.ilog2()) }
}

fn new_status(set: &Value, counts: Counts, diff: i64, failure: Option<&RequestError>, now: Time) -> Value {
    let mut status = value!({"replicas": counts.active, "terminatingReplicas": counts.terminating});
    set_count(&mut status, "fullyLabeledReplicas", counts.fully_labeled);
    set_count(&mut status, "readyReplicas", counts.ready);
    set_count(&mut status, "availableReplicas", counts.available);
    status.set("observedGeneration", set.generation());
    let mut conditions = set["status"]["conditions"].clone();
    match (failure, condition(&conditions, "ReplicaFailure").is_some()) {
        (Some(error), false) => conditions.push(value!({
            "type": "ReplicaFailure", "status": "True", "lastTransitionTime": now.rfc3339(),
            "reason": if diff < 0 { "FailedCreate" } else { "FailedDelete" }, "message": error.to_string(),
        })),
        (None, true) => conditions.list_mut().retain(|have| have["type"].str() != "ReplicaFailure"),
        _ => {}
    }
    status.set("conditions", Some(conditions).filter(|conditions| !conditions.is_empty()));
    status
}

/// A ReplicaSet changed.
pub(super) fn on_set(context: &mut Context<'_, '_>, change: &Change) {
    let key = change.object().key();
    if change.new.is_none() {
        context.view.replica_set_expectations.forget(&key);
    }
    context.enqueue(QueueId::ReplicaSet, &key);
}

/// A pod changed: its ReplicaSet is told, or those that may adopt it.
pub(super) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    let owner = |view: &View, pod: &Value| view.controller_of(REPLICASETS, pod).map(Value::key);
    let new = match (&change.old, &change.new) {
        (None, Some(new)) if !new.is_terminating() => {
            if let Some(key) = owner(context.view, new) {
                context.view.replica_set_expectations.creations_observed(&key, 1);
            }
            new
        }
        (Some(_), Some(new)) if !new.is_terminating() => new,
        (_, Some(gone)) | (Some(gone), None) => {
            if let Some(key) = owner(context.view, gone) {
                context.view.replica_set_expectations.deletion_observed(&key, &gone.key());
                context.enqueue(QueueId::ReplicaSet, &key);
            }
            return;
        }
        (None, None) => return,
    };
    if let Some(old) = &change.old
        && old.controller() != new.controller()
        && let Some(key) = owner(context.view, old)
    {
        context.enqueue(QueueId::ReplicaSet, &key);
    }
    if new.controller().is_some() {
        let Some(set) = context.view.controller_of(REPLICASETS, new) else { return };
        let (key, min_ready_s) = (set.key(), set["spec"]["minReadySeconds"].int());
        context.enqueue(QueueId::ReplicaSet, &key);
        let became_ready = change.old.as_ref().is_some_and(|old| !pod::is_ready(old)) && pod::is_ready(new);
        if became_ready && min_ready_s > 0 {
            // A second more: the timestamps have no fractions.
            context.enqueue_after(QueueId::ReplicaSet, &key, Duration::s(min_ready_s as u64 + 1));
        }
        return;
    }
    let relabelled = |old: &Value| old["metadata"]["labels"] != new["metadata"]["labels"] || old.controller().is_some();
    if change.old.as_ref().is_none_or(relabelled) {
        let matching = |set: &&Value| LabelSelector::of(&set["spec"]["selector"]).matches_object(new);
        let keys: Vec<Text> = context.view.list_in(REPLICASETS, new.namespace()).filter(matching).map(Value::key).collect();
        for key in keys {
            context.enqueue(QueueId::ReplicaSet, &key);
        }
    }
}

//! daemon-set-controller, after `pkg/controller/daemon/{daemon_controller,update}.go`: one pod on every node that fits.

mod history;
mod nodes;

use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;

use super::context::Context;
use super::control::{claim, create_pods, delete_pods, is_available, pod_from_template, put_status_twice, set_count};
use super::expectations::Ledger;
use super::reconcile::{Effect, Io, QueueId, Step, Stop};
use super::view::View;
use crate::api::pod::is_ready;
use crate::api::resource::{DAEMONSETS, NODES, PODS};
use crate::api::selector::LabelSelector;
use crate::client::{Change, object_reference};
use crate::core::{Duration, Time};
use crate::value;
use crate::value::{Text, Value};

use nodes::Needs;

/// The label that names the revision which a pod was made from.
const HASH_LABEL: &str = "controller-revision-hash";
/// No more pods than this are created or deleted in one sync.
const BURST: usize = 250;

/// A DaemonSet in one sync.
struct Work<'a> {
    set: &'a Value,
    selector: LabelSelector,
    needs: Needs,
    hash: Text,
}

/// The pods of a DaemonSet by the node they are meant for, oldest first.
type ByNode<'a> = PMap<Text, Vec<&'a Value>>;

/// Creates and deletes pods, replaces outdated ones, and reports.
pub(super) fn sync<'a>(io: &mut Io<'a>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(set) = view.get(DAEMONSETS, key) else { return Ok(()) };
    if set.is_terminating() {
        return Ok(());
    }
    let selector = LabelSelector::of(&set["spec"]["selector"]);
    let (hash, old_revisions) = history::construct(io, set, &selector)?;
    let work = Work { set, selector, needs: Needs::of(set), hash };
    let mut pods = pods_by_node(io, &work)?;
    if !view.daemon_set_expectations.satisfied(key, io.now()) {
        return report(io, &work, &pods, false);
    }
    // The pods are listed anew only when something was sent: else nothing can have changed.
    let mut sent = io.calls();
    let mut refresh = |io: &mut Io<'a>, pods: &mut ByNode<'a>| -> Step<()> {
        if io.calls() != sent {
            *pods = pods_by_node(io, &work)?;
            sent = io.calls();
        }
        Ok(())
    };
    let mut failed = manage(io, &work, &pods)?;
    refresh(io, &mut pods)?;
    if io.view.daemon_set_expectations.satisfied(key, io.now()) && set["spec"]["updateStrategy"]["type"].str() != "OnDelete" {
        failed |= rolling_update(io, &work, &pods)?;
    }
    history::clean_up(io, set, old_revisions)?;
    refresh(io, &mut pods)?;
    report(io, &work, &pods, true)?;
    if failed { Err(Stop::Retry) } else { Ok(()) }
}

fn pods_by_node<'a>(io: &mut Io<'a>, work: &Work<'_>) -> Step<ByNode<'a>> {
    let view = io.view;
    let owned = view.pods.keys_of(work.set.uid());
    let orphans = view.pods.orphans(work.set.namespace());
    let candidates = view.objects(PODS, owned.chain(orphans));
    let pods = claim(io, PODS, work.set, DAEMONSETS, &work.selector, candidates)?;
    let mut by_node = ByNode::new();
    for pod in pods {
        let ended = matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed");
        if ended && pod.is_terminating() {
            continue;
        }
        if let Some(node) = nodes::target(pod) {
            by_node.entry(node).or_default().push(pod);
        }
    }
    for pods in by_node.values_mut() {
        pods.order_by_key(|pod| (pod["metadata"]["creationTimestamp"].text(), pod["metadata"]["name"].text()));
    }
    Ok(by_node)
}

/// One pod on each node that should have one, none elsewhere; says whether something failed.
fn manage(io: &mut Io<'_>, work: &Work<'_>, by_node: &ByNode<'_>) -> Step<bool> {
    let view = io.view;
    let (mut missing, mut surplus) = (Vec::new(), Vec::new());
    for node in view.store(NODES).values() {
        let placement = work.needs.placement(node);
        match by_node.get(node.name()) {
            None if placement.run => missing.push(node["metadata"]["name"].text()),
            None => {}
            Some(pods) if placement.stay => {
                let running = discard_ended(io, work, pods, &mut surplus);
                if running.is_empty() && max_surge(work.set, 1) > 0 && placement.run {
                    missing.push(node["metadata"]["name"].text());
                }
                surplus.extend(superfluous(work, &running, io.now()));
            }
            Some(pods) => surplus.extend(pods.iter().filter(|pod| !pod.is_terminating()).copied()),
        }
    }
    // Pods that were never bound to a node that is gone: nobody else would remove them.
    for (node, pods) in by_node {
        if view.get(NODES, node).is_none() {
            let unbound = |pod: &&&Value| pod["spec"]["nodeName"].is_empty() && !pod.is_terminating();
            surplus.extend(pods.iter().filter(unbound).copied());
        }
    }
    sync_nodes(io, work, &surplus, &missing)
}

/// The pods that go on; those that ended are deleted, with an event.
fn discard_ended<'a>(io: &mut Io<'_>, work: &Work<'_>, pods: &[&'a Value], surplus: &mut Vec<&'a Value>) -> Vec<&'a Value> {
    let mut running = Vec::new();
    for pod in pods.iter().filter(|pod| !pod.is_terminating()) {
        let (kind, reason, ended) = match pod["status"]["phase"].str() {
            "Failed" => ("Warning", "FailedDaemonPod", "failed"),
            "Succeeded" => ("Normal", "SucceededDaemonPod", "succeeded"),
            _ => {
                running.push(*pod);
                continue;
            }
        };
        let node = pod["spec"]["nodeName"].str();
        let action = if ended == "failed" { "will try to kill it" } else { "will try to delete it" };
        let message = format!("Found {ended} daemon pod {} on node {node}, {action}", pod.key());
        io.event(&object_reference(work.set), kind, reason, message);
        surplus.push(*pod);
    }
    running
}

/// Those of a node's running pods that are too many: all but the oldest, or with surge all but one of either revision while the
/// new one gets ready.
fn superfluous<'a>(work: &Work<'_>, running: &[&'a Value], now: Time) -> Vec<&'a Value> {
    if max_surge(work.set, 1) == 0 || running.len() <= 1 {
        return running.iter().skip(1).copied().collect();
    }
    let (mut new, mut old, mut surplus) = (None, None, Vec::new());
    for pod in running {
        let slot = if pod.label(HASH_LABEL) == Some(&*work.hash) { &mut new } else { &mut old };
        if slot.is_none() {
            *slot = Some(*pod);
        } else {
            surplus.push(*pod);
        }
    }
    if let (Some(new), Some(old)) = (new, old)
        && (!is_ready(old) || is_available(new, min_ready_s(work.set), now))
    {
        surplus.push(old);
    }
    surplus
}

/// Deletes and creates; says whether something failed.
fn sync_nodes(io: &mut Io<'_>, work: &Work<'_>, surplus: &[&Value], missing: &[Text]) -> Step<bool> {
    if surplus.is_empty() && missing.is_empty() {
        return Ok(false);
    }
    let (surplus, missing) = (&surplus[..surplus.len().min(BURST)], &missing[..missing.len().min(BURST)]);
    let key = work.set.key();
    let deletions = surplus.iter().map(|pod| pod.key()).collect();
    io.act(Effect::Expect(Ledger::DaemonSet, key.clone(), missing.len(), deletions));
    let template = nodes::template(work.set, &work.hash);
    let pods: Vec<Value> = missing
        .iter()
        .map(|node| {
            let mut pod = pod_from_template(&template, work.set);
            nodes::pin(&mut pod["spec"], node);
            pod
        })
        .collect();
    let (created, error) = create_pods(io, work.set, pods)?;
    if created < missing.len() {
        io.act(Effect::CreationsSkipped(Ledger::DaemonSet, key, missing.len() - created));
    }
    let mut failed = error.is_some();
    failed |= delete_pods(io, Ledger::DaemonSet, work.set, surplus)?.is_some();
    Ok(failed)
}

/// Deletes outdated pods while few enough are unavailable; the next sync makes the new ones. With surge the new ones come first.
fn rolling_update(io: &mut Io<'_>, work: &Work<'_>, by_node: &ByNode<'_>) -> Step<bool> {
    let view = io.view;
    let desired = view.store(NODES).values().filter(|node| work.needs.placement(node).run).count() as i64;
    let surge = max_surge(work.set, desired);
    let unavailable_allowed = max_unavailable(work.set, desired, surge);
    let available = |pod: &Value| is_available(pod, min_ready_s(work.set), io.now());
    // (nodes or pods that are not as they should be, must be replaced, may be replaced)
    let mut pending = 0;
    let (mut must_go, mut may_go) = (Vec::new(), Vec::new());
    let (mut must_come, mut may_come) = (Vec::new(), Vec::new());
    for (node, pods) in by_node {
        let Some((new, old)) = new_and_old(work, pods) else {
            pending += 1;
            continue;
        };
        if surge == 0 {
            match (new, old) {
                (None, None) | (Some(_), Some(_)) => pending += 1,
                (Some(new), None) => pending += i64::from(!available(new)),
                (None, Some(old)) if !available(old) => must_go.push(old),
                (None, Some(old)) => may_go.push(old),
            }
        } else {
            match (new, old) {
                (_, None) => {}
                (None, Some(old)) if !available(old) => must_come.push(node.clone()),
                (None, Some(_)) => may_come.push(node.clone()),
                (Some(new), Some(_)) if !available(new) => pending += 1,
                (Some(_), Some(old)) => must_go.push(old),
            }
        }
    }
    if surge == 0 {
        let room = (unavailable_allowed - pending).max(0) as usize;
        must_go.extend(may_go.into_iter().take(room));
    } else {
        let room = (surge - pending).max(0) as usize;
        must_come.extend(may_come.into_iter().take(room));
    }
    sync_nodes(io, work, &must_go, &must_come)
}

/// The up-to-date and the outdated pod of a node; `None` when there are several of a kind.
#[allow(clippy::type_complexity)] // Two optional pods, or none of both: a type of its own would say no more.
fn new_and_old<'a>(work: &Work<'_>, pods: &[&'a Value]) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
    let (mut new, mut old) = (None, None);
    for pod in pods.iter().filter(|pod| !pod.is_terminating()) {
        let slot = if pod.label(HASH_LABEL) == Some(&*work.hash) { &mut new } else { &mut old };
        if slot.replace(*pod).is_some() {
            return None;
        }
    }
    Some((new, old))
}

/// Reports the counts (updateDaemonSetStatus).
fn report(io: &mut Io<'_>, work: &Work<'_>, by_node: &ByNode<'_>, processed: bool) -> Step<()> {
    let (set, now) = (work.set, io.now());
    let (mut desired, mut current, mut misscheduled, mut ready, mut available, mut updated) = (0, 0, 0, 0, 0, 0);
    for node in io.view.store(NODES).values() {
        let pod = by_node.get(node.name()).and_then(|pods| pods.first());
        if !work.needs.placement(node).run {
            misscheduled += i64::from(pod.is_some());
            continue;
        }
        desired += 1;
        if let Some(pod) = pod {
            current += 1;
            ready += i64::from(is_ready(pod));
            available += i64::from(is_available(pod, min_ready_s(set), now));
            updated += i64::from(pod.label(HASH_LABEL) == Some(&*work.hash));
        }
    }
    let mut status = value!({
        "currentNumberScheduled": current, "numberMisscheduled": misscheduled, "desiredNumberScheduled": desired,
        "numberReady": ready,
    });
    set_count(&mut status, "updatedNumberScheduled", updated);
    set_count(&mut status, "numberAvailable", available);
    set_count(&mut status, "numberUnavailable", desired - available);
    let observed = if processed { set.generation() } else { set["status"]["observedGeneration"].int() };
    set_count(&mut status, "observedGeneration", observed);
    for field in ["collisionCount", "conditions"] {
        status.set(field, set["status"][field].clone());
    }
    // The newest state that is known: history or an earlier report may have changed it since the sync began.
    let fresh = io.view.get(DAEMONSETS, &set.key()).unwrap_or(set);
    let (fresh_generation, generation) = (fresh["status"]["observedGeneration"].int(), set.generation());
    if without_generation(&status) == without_generation(&fresh["status"]) && fresh_generation >= generation {
        return Ok(());
    }
    put_status_twice(io, DAEMONSETS, set, status)?.map_err(|_| Stop::Retry)?;
    if min_ready_s(set) > 0 && ready != available {
        io.requeue_after(Duration::s(min_ready_s(set) as u64));
    }
    Ok(())
}

fn without_generation(status: &Value) -> Value {
    let mut status = status.clone();
    status.remove("observedGeneration");
    status
}

fn min_ready_s(set: &Value) -> i64 {
    set["spec"]["minReadySeconds"].int()
}

fn max_surge(set: &Value, desired: i64) -> i64 {
    super::deployment::scaled(&set["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"], desired, true)
}

fn max_unavailable(set: &Value, desired: i64, surge: i64) -> i64 {
    let update = &set["spec"]["updateStrategy"]["rollingUpdate"];
    let unavailable = super::deployment::scaled(&update["maxUnavailable"], desired, true);
    if surge == 0 && unavailable == 0 { 1 } else { unavailable }
}

/// Which DaemonSets a node's change concerns: those that would run there now and did not before, or the other way round.
pub(super) fn concerned<'a>(view: &'a View, old: Option<&Value>, new: &Value) -> Vec<&'a Value> {
    let changes = |set: &&Value| {
        let needs = Needs::of(set);
        let after = needs.placement(new);
        old.map_or(after.run, |old| needs.placement(old) != after)
    };
    view.store(DAEMONSETS).values().filter(changes).collect()
}

/// A DaemonSet changed.
pub(super) fn on_set(context: &mut Context<'_, '_>, change: &Change) {
    let key = change.object().key();
    if change.new.is_none() {
        context.view.daemon_set_expectations.forget(&key);
    }
    context.enqueue(QueueId::DaemonSet, &key);
}

/// A pod changed: its DaemonSet is told, or those that may adopt it.
pub(super) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    let pod = change.object();
    if pod.controller().is_none() {
        if change.old.is_none() {
            let matching = |set: &&Value| LabelSelector::of(&set["spec"]["selector"]).matches_object(pod);
            let keys: Vec<Text> = context.view.list_in(DAEMONSETS, pod.namespace()).filter(matching).map(Value::key).collect();
            for key in keys {
                context.enqueue(QueueId::DaemonSet, &key);
            }
        }
        return;
    }
    let Some(set) = context.view.controller_of(DAEMONSETS, pod) else { return };
    let (key, min_ready_s) = (set.key(), min_ready_s(set));
    if change.new.is_none() || pod.is_terminating() {
        context.view.daemon_set_expectations.deletion_observed(&key, &pod.key());
    } else if change.old.is_none() {
        context.view.daemon_set_expectations.creations_observed(&key, 1);
    }
    context.enqueue(QueueId::DaemonSet, &key);
    let became_ready = change.old.as_ref().is_some_and(|old| !is_ready(old)) && is_ready(pod);
    if became_ready && min_ready_s > 0 {
        context.enqueue_after(QueueId::DaemonSet, &key, Duration::s(min_ready_s as u64 + 1));
    }
}

/// A node came or changed: the DaemonSets that it concerns are told.
pub(super) fn on_node(context: &mut Context<'_, '_>, change: &Change) {
    let Some(new) = &change.new else { return };
    let same =
        |old: &Value| old["metadata"]["labels"] == new["metadata"]["labels"] && old["spec"]["taints"] == new["spec"]["taints"];
    if change.old.as_ref().is_some_and(same) {
        return;
    }
    let keys: Vec<Text> = concerned(context.view, change.old.as_ref(), new).into_iter().map(Value::key).collect();
    for key in keys {
        context.enqueue(QueueId::DaemonSet, &key);
    }
}

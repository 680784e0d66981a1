//! disruption-controller: how many pods of a PodDisruptionBudget may go at this moment (`pkg/controller/disruption/disruption.go`).

use crate::core::collections::PMap;

use super::context::Context;
use super::control::put_status;
use super::deployment::scaled;
use super::reconcile::{Io, QueueId, Step};
use super::view::View;
use crate::api::pod::is_ready;
use crate::api::resource::{DEPLOYMENTS, PODDISRUPTIONBUDGETS, PODS, REPLICASETS};
use crate::api::selector::LabelSelector;
use crate::client::Change;
use crate::core::{Duration, Time};
use crate::value;
use crate::value::{Text, Value};

/// An eviction that was allowed and not seen within this time is taken for failed.
const DELETION_TIMEOUT: Duration = Duration::s(120);

/// A budget changed.
pub(super) fn on_budget(context: &mut Context<'_, '_>, change: &Change) {
    if change.new.is_some() {
        context.enqueue(QueueId::Disruption, &change.object().key());
    }
}

/// A pod changed.
pub(super) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    let mut keys = Vec::new();
    for pod in change.old.iter().chain(&change.new) {
        let budgets = context.view.list_in(PODDISRUPTIONBUDGETS, pod.namespace());
        keys.extend(budgets.filter(|budget| selector(budget).matches_object(pod)).map(Value::key));
    }
    for key in keys {
        context.enqueue(QueueId::Disruption, &key);
    }
}

fn selector(budget: &Value) -> LabelSelector {
    LabelSelector::of(&budget["spec"]["selector"])
}

/// Counts a budget's pods and reports.
pub(super) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(budget) = view.get(PODDISRUPTIONBUDGETS, key) else { return Ok(()) };
    let keys = view.pods.selected(budget.namespace(), &selector(budget));
    let pods: Vec<&Value> = keys.iter().filter_map(|key| view.get(PODS, key)).collect();
    let (expected, desired) = expected(view, budget, &pods);
    let disrupted = disrupted(budget, &pods, io.now());
    let healthy = |pod: &&&Value| !pod.is_terminating() && disrupted[pod.name()].is_null() && is_ready(pod);
    let healthy = pods.iter().filter(healthy).count() as i64;
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let mut status = value!({
        "observedGeneration": budget.generation(), "disruptionsAllowed": allowed, "currentHealthy": healthy,
        "desiredHealthy": desired, "expectedPods": expected,
    });
    status.set("disruptedPods", Some(disrupted.clone()).filter(|pods| !pods.is_empty()));
    let (wanted, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let kept = budget.condition("DisruptionAllowed").filter(|have| have["status"].str() == wanted);
    let since = kept.map_or_else(|| io.stamp(), |have| have["lastTransitionTime"].text());
    status["conditions"] = value!([{
        "type": "DisruptionAllowed", "status": wanted, "observedGeneration": budget.generation(), "lastTransitionTime": since,
        "reason": reason, "message": "",
    }]);
    if status == budget["status"] {
        return Ok(());
    }
    if !disrupted.is_empty() {
        io.requeue_after(DELETION_TIMEOUT);
    }
    io.call(put_status(PODDISRUPTIONBUDGETS, budget, status)).map(|_| ())
}

/// (how many pods there should be, how many must be healthy)
fn expected(view: &View, budget: &Value, pods: &[&Value]) -> (i64, i64) {
    let spec = &budget["spec"];
    if let Some(unavailable) = spec.get("maxUnavailable") {
        let expected = scale(view, pods);
        return (expected, (expected - scaled(unavailable, expected, true)).max(0));
    }
    match spec.get("minAvailable") {
        Some(Value::Int(number)) => (pods.len() as i64, *number),
        Some(percentage) => {
            let expected = scale(view, pods);
            (expected, scaled(percentage, expected, true))
        }
        None => (pods.len() as i64, 1),
    }
}

/// The sum of the replicas that the pods' controllers want.
fn scale(view: &View, pods: &[&Value]) -> i64 {
    let mut replicas: PMap<Text, i64> = PMap::new();
    for pod in pods {
        let Some(set) = view.controller_of(REPLICASETS, pod) else { continue };
        let scaled = view.controller_of(DEPLOYMENTS, set).unwrap_or(set);
        replicas.insert(scaled["metadata"]["uid"].text(), scaled["spec"]["replicas"].as_int().unwrap_or(1));
    }
    replicas.values().sum()
}

/// Pods whose eviction was allowed and which are still there, not long ago.
fn disrupted(budget: &Value, pods: &[&Value], now: Time) -> Value {
    let mut still = Value::map();
    for (name, since) in budget["status"]["disruptedPods"].entries() {
        let here = pods.iter().any(|pod| pod.name() == name.as_str() && !pod.is_terminating());
        let recent = Time::parse_rfc3339(since.str()).is_some_and(|since| now < since + DELETION_TIMEOUT);
        if here && recent {
            still.map_mut().insert(name.clone(), since.clone());
        }
    }
    still
}

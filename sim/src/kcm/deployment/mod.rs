//! deployment-controller, after `pkg/controller/deployment`: a Deployment's template becomes a ReplicaSet, and pods move from the
//! old ReplicaSets to the new one.
//!
//! - `mod.rs`: one sync, and scaling;
//! - `revision.rs`: the new ReplicaSet and the revision annotations;
//! - `rollout.rs`: rolling update, recreate, history;
//! - `status.rs`: counts and conditions.

mod revision;
mod rollout;
mod status;

use super::context::Context;
use super::control::{claim, namespace_terminating};
use super::reconcile::{Answer, Io, QueueId, Step, Stop};
use crate::api::resource::{DEPLOYMENTS, PODS, REPLICASETS};
use crate::api::selector::LabelSelector;
use crate::client::{Change, object_reference};
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::value::{Text, Value};

use revision::{DESIRED_REPLICAS, MAX_REPLICAS};

/// A Deployment's ReplicaSets: the one of its present template, if there is one, and all others.
#[derive(Clone, Debug, Default)]
struct Sets {
    new: Option<Value>,
    old: Vec<Value>,
}

impl Sets {
    fn all(&self) -> impl Iterator<Item = &Value> {
        self.old.iter().chain(&self.new)
    }
}

/// Brings a Deployment one step further (syncDeployment).
pub(super) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(deployment) = view.get(DEPLOYMENTS, key) else { return Ok(()) };
    let mut deployment = deployment.clone();
    let selector = LabelSelector::of(&deployment["spec"]["selector"]);
    let candidates = view
        .objects(REPLICASETS, view.replica_sets.owned(deployment.uid()).chain(view.replica_sets.orphans(deployment.namespace())));
    let mut list: Vec<Value> =
        claim(io, REPLICASETS, &deployment, DEPLOYMENTS, &selector, candidates)?.into_iter().cloned().collect();
    list.order_by(older_first);
    let d = &mut deployment;
    if d.is_terminating() {
        let sets = revision::sets(io, d, &list, false)?;
        return status::sync_status(io, d, &sets);
    }
    status::check_paused(io, d)?;
    if d["spec"]["paused"].is_true() {
        return sync_scale(io, d, &list);
    }
    if is_scaling_event(io, d, &list)? {
        return sync_scale(io, d, &list);
    }
    match d["spec"]["strategy"]["type"].str() {
        "Recreate" => rollout::recreate(io, d, &list),
        _ => rollout::rolling(io, d, &list),
    }
}

/// Only scales and reports: the Deployment is paused, or its number of replicas was changed.
fn sync_scale(io: &mut Io<'_>, d: &mut Value, list: &[Value]) -> Step<()> {
    let sets = revision::sets(io, d, list, false)?;
    scale(io, d, &sets)?;
    if d["spec"]["paused"].is_true() {
        rollout::clean_up(io, d, &sets.old)?;
    }
    status::sync_status(io, d, &sets)
}

fn is_scaling_event(io: &mut Io<'_>, d: &mut Value, list: &[Value]) -> Step<bool> {
    let sets = revision::sets(io, d, list, false)?;
    let wanted = replicas(d);
    Ok(sets.all().filter(|set| replicas(set) > 0).any(|set| number(set, DESIRED_REPLICAS).is_some_and(|had| had != wanted)))
}

/// Distributes a changed number of replicas: to the only active ReplicaSet, or in proportion to all.
fn scale(io: &mut Io<'_>, d: &Value, sets: &Sets) -> Step<()> {
    if let Some(set) = active_or_latest(sets) {
        scale_set(io, d, set, replicas(d), false)?;
        return Ok(());
    }
    if sets.new.as_ref().is_some_and(|new| is_saturated(d, new)) {
        for old in sets.old.iter().filter(|old| replicas(old) > 0) {
            scale_set(io, d, old, 0, false)?;
        }
        return Ok(());
    }
    if d["spec"]["strategy"]["type"].str() == "Recreate" {
        return Ok(());
    }
    let mut active: Vec<&Value> = sets.all().filter(|set| replicas(set) > 0).collect();
    let allowed = if replicas(d) > 0 { replicas(d) + max_surge(d) } else { 0 };
    let to_add = allowed - active.iter().map(|set| replicas(set)).sum::<i64>();
    active.order_by(|a, b| {
        let by_age = if to_add > 0 { older_first(b, a) } else { older_first(a, b) };
        replicas(b).cmp(&replicas(a)).then(by_age)
    });
    let mut added = 0;
    let mut sizes = Vec::new();
    for set in &active {
        let share = proportion(d, set, to_add, added);
        added += share;
        sizes.push(replicas(set) + share);
    }
    // What rounding left over goes to the largest.
    if let Some(first) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    for (set, size) in active.into_iter().zip(sizes) {
        scale_set(io, d, set, size, true)?;
    }
    Ok(())
}

fn active_or_latest(sets: &Sets) -> Option<&Value> {
    let mut active = sets.all().filter(|set| replicas(set) > 0);
    match (active.next(), active.next()) {
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
        _ => sets.new.as_ref().or_else(|| sets.old.iter().max_by(|a, b| older_first(a, b))),
    }
}

fn is_saturated(d: &Value, set: &Value) -> bool {
    let wanted = replicas(d);
    replicas(set) == wanted && number(set, DESIRED_REPLICAS) == Some(wanted) && set["status"]["availableReplicas"].int() == wanted
}

/// A ReplicaSet's share of what is to be added or removed (GetReplicaSetProportion).
fn proportion(d: &Value, set: &Value, to_add: i64, added: i64) -> i64 {
    if replicas(set) == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = if replicas(d) == 0 {
        -replicas(set)
    } else {
        let before = number(set, MAX_REPLICAS).filter(|before| *before != 0).unwrap_or(d["status"]["replicas"].int());
        if before == 0 {
            return 0;
        }
        // Rounded half up.
        let size = (2 * replicas(set) * (replicas(d) + max_surge(d)) + before) / (2 * before);
        size - replicas(set)
    };
    if to_add > 0 { fraction.min(to_add - added) } else { fraction.max(to_add - added) }
}

/// Sets a ReplicaSet's number of replicas. With `annotate` its annotations are brought up to date even if the number stays.
/// Answers the ReplicaSet as it is now and whether its number has changed.
fn scale_set(io: &mut Io<'_>, d: &Value, set: &Value, to: i64, annotate: bool) -> Step<(Value, bool)> {
    let from = replicas(set);
    let mut copy = set.clone();
    let stale_annotations = revision::set_replicas_annotations(&mut copy, d);
    if from == to && !(annotate && stale_annotations) {
        return Ok((set.clone(), false));
    }
    copy["spec"]["replicas"] = to.into();
    let updated = done(io.request(Request::update(REPLICASETS, copy))?)?;
    if from != to {
        let direction = if from < to { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {to}", updated.name());
        io.event(&object_reference(d), "Normal", "ScalingReplicaSet", message);
    }
    Ok((updated, from != to))
}

/// The object of an answer. An error ends the sync; when it says that the namespace is being deleted there is no use in trying again.
fn done(answer: Answer) -> Step<Value> {
    answer.map_err(|error| if namespace_terminating(&error) { Stop::GiveUp } else { Stop::Retry })
}

fn update_status(io: &mut Io<'_>, d: &Value) -> Step<()> {
    done(io.request(Request::update(DEPLOYMENTS, d.clone()).sub("status"))?).map(|_| ())
}

/// By creation, then by name.
fn older_first(a: &Value, b: &Value) -> std::cmp::Ordering {
    let key = |set: &Value| (set["metadata"]["creationTimestamp"].text(), set["metadata"]["name"].text());
    key(a).cmp(&key(b))
}

fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_int().unwrap_or(1)
}

fn number(object: &Value, annotation: &str) -> Option<i64> {
    object.annotation(annotation)?.parse().ok()
}

fn max_surge(d: &Value) -> i64 {
    fenceposts(d).0
}

fn max_unavailable(d: &Value) -> i64 {
    fenceposts(d).1.min(replicas(d))
}

/// (maxSurge, maxUnavailable) as numbers of pods: percentages of the surge are rounded up, the others down, and both cannot be 0.
fn fenceposts(d: &Value) -> (i64, i64) {
    let strategy = &d["spec"]["strategy"];
    if strategy["type"].str() == "Recreate" {
        return (0, 0);
    }
    let update = &strategy["rollingUpdate"];
    let surge = scaled(&update["maxSurge"], replicas(d), true);
    let unavailable = scaled(&update["maxUnavailable"], replicas(d), false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// An int-or-percentage of a total (intstr.GetScaledValueFromIntOrPercent); what is no number counts as 0.
pub(super) fn scaled(value: &Value, total: i64, round_up: bool) -> i64 {
    if let Value::Int(number) = value {
        return *number;
    }
    let percent: i64 = value.str().strip_suffix('%').and_then(|digits| digits.parse().ok()).unwrap_or(0);
    (percent * total + if round_up { 99 } else { 0 }) / 100
}

/// A Deployment changed.
pub(super) fn on_deployment(context: &mut Context<'_, '_>, change: &Change) {
    context.enqueue(QueueId::Deployment, &change.object().key());
}

/// A ReplicaSet changed: its Deployment is told, or those that may adopt it.
pub(super) fn on_set(context: &mut Context<'_, '_>, change: &Change) {
    let set = change.object();
    let mut keys: Vec<Text> = Vec::new();
    if let (Some(old), Some(new)) = (&change.old, &change.new)
        && old.controller() != new.controller()
    {
        keys.extend(context.view.controller_of(DEPLOYMENTS, old).map(Value::key));
    }
    if set.controller().is_some() {
        keys.extend(context.view.controller_of(DEPLOYMENTS, set).map(Value::key));
    } else if change.new.is_some() {
        let matching = |d: &&Value| LabelSelector::of(&d["spec"]["selector"]).matches_object(set);
        keys.extend(context.view.list_in(DEPLOYMENTS, set.namespace()).filter(matching).map(Value::key));
    }
    for key in keys {
        context.enqueue(QueueId::Deployment, &key);
    }
}

/// A pod is gone: a Deployment that recreates may have waited for the last one.
pub(super) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    if change.new.is_some() {
        return;
    }
    let view = &*context.view;
    let Some(set) = view.controller_of(REPLICASETS, change.object()) else { return };
    let Some(d) = view.controller_of(DEPLOYMENTS, set) else { return };
    let left = view
        .replica_sets
        .owned(d.uid())
        .any(|key| view.get(REPLICASETS, key).is_some_and(|set| view.pods.keys_of(set.uid()).next().is_some()));
    if d["spec"]["strategy"]["type"].str() == "Recreate" && !left {
        let key = d.key();
        context.enqueue(QueueId::Deployment, &key);
    }
}

/// Whether pods of the old ReplicaSets are still there.
fn old_pods_running(io: &Io<'_>, sets: &Sets) -> bool {
    let view = io.view;
    let ended = |key: &Text| view.get(PODS, key).is_none_or(|pod| matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed"));
    sets.old.iter().any(|old| old["status"]["replicas"].int() > 0 || view.pods.keys_of(old.uid()).any(|key| !ended(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn deployment(replicas: i64, surge: Value, unavailable: Value) -> Value {
        value!({"spec": {"replicas": replicas, "strategy": {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
        }}})
    }

    #[test]
    fn fenceposts_round_away_from_trouble() {
        assert_eq!(fenceposts(&deployment(4, "25%".into(), "25%".into())), (1, 1));
        assert_eq!(fenceposts(&deployment(3, "25%".into(), "25%".into())), (1, 0));
        assert_eq!(fenceposts(&deployment(10, "25%".into(), "25%".into())), (3, 2));
        assert_eq!(fenceposts(&deployment(3, 0.into(), "25%".into())), (0, 1));
        assert_eq!(max_unavailable(&deployment(0, 0.into(), 0.into())), 0);
    }

    #[test]
    fn a_rollout_in_flight_is_scaled_in_proportion() {
        // Ten replicas became fifteen while five were old and eight new (upstream's documentation: "Proportional scaling").
        let set = |replicas: i64| value!({"metadata": {"annotations": {MAX_REPLICAS: "13"}}, "spec": {"replicas": replicas}});
        let d = deployment(15, 3.into(), 2.into());
        let first = proportion(&d, &set(8), 5, 0);
        assert_eq!(first, 3);
        assert_eq!(proportion(&d, &set(5), 5, first), 2);
    }
}

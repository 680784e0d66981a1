//! A Deployment's counts and conditions (`progress.go`, `sync.go`, `util/deployment_util.go`).

use super::{Sets, max_unavailable, replicas, update_status};
use crate::core::{Duration, Time};
use crate::kcm::control::set_count;
use crate::kcm::reconcile::{Io, Step};
use crate::value;
use crate::value::{Text, Value, condition};

const AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// The progress deadline in seconds, if there is one.
fn progress_deadline(d: &Value) -> Option<i64> {
    d["spec"]["progressDeadlineSeconds"].as_int().filter(|seconds| *seconds != i64::from(i32::MAX))
}

pub(super) fn has_progress_deadline(d: &Value) -> bool {
    progress_deadline(d).is_some()
}

/// A condition that begins now.
pub(super) fn new_condition(
    io: &Io<'_>,
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: impl Into<Text>,
) -> Value {
    let now = io.stamp();
    value!({
        "type": kind, "status": status, "reason": reason, "message": message.into(), "lastUpdateTime": &now,
        "lastTransitionTime": &now,
    })
}

/// Puts a condition at the end of the list, unless status and reason stay the same (SetDeploymentCondition).
pub(super) fn set_condition(status: &mut Value, mut new: Value) {
    let kind = new["type"].text();
    if let Some(have) = condition(&status["conditions"], &kind) {
        if have["status"] == new["status"] && have["reason"] == new["reason"] {
            return;
        }
        if have["status"] == new["status"] {
            new["lastTransitionTime"] = have["lastTransitionTime"].clone();
        }
    }
    remove_condition(status, &kind);
    status["conditions"].push(new);
}

fn remove_condition(status: &mut Value, kind: &str) {
    if condition(&status["conditions"], kind).is_some() {
        status["conditions"].list_mut().retain(|have| have["type"].str() != kind);
        if status["conditions"].is_empty() {
            status.remove("conditions");
        }
    }
}

/// Whether all replicas are of the new template, and available.
pub(super) fn is_complete(d: &Value, status: &Value) -> bool {
    ["updatedReplicas", "replicas", "availableReplicas"].iter().all(|field| status[*field].int() == replicas(d))
        && status["observedGeneration"].int() >= d.generation()
}

/// Notes that the Deployment was paused or resumed.
pub(super) fn check_paused(io: &mut Io<'_>, d: &mut Value) -> Step<()> {
    let reason = d.condition("Progressing").map(|condition| condition["reason"].text()).unwrap_or_default();
    if !has_progress_deadline(d) || reason == *TIMED_OUT {
        return Ok(());
    }
    let (paused, noted) = (d["spec"]["paused"].is_true(), reason == *"DeploymentPaused");
    let new = match (paused, noted) {
        (true, false) => new_condition(io, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"),
        (false, true) => new_condition(io, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"),
        _ => return Ok(()),
    };
    set_condition(&mut d["status"], new);
    update_status(io, d)
}

/// Reports the counts (syncDeploymentStatus).
pub(super) fn sync_status(io: &mut Io<'_>, d: &mut Value, sets: &Sets) -> Step<()> {
    let status = calculate(io, d, sets);
    if status == d["status"] {
        return Ok(());
    }
    d["status"] = status;
    update_status(io, d)
}

/// Reports the counts and how the rollout gets on (syncRolloutStatus).
pub(super) fn sync_rollout(io: &mut Io<'_>, d: &mut Value, sets: &Sets) -> Step<()> {
    let mut status = calculate(io, d, sets);
    if !has_progress_deadline(d) {
        remove_condition(&mut status, "Progressing");
    }
    let current = d.condition("Progressing").cloned();
    let finished = status["replicas"].int() == status["updatedReplicas"].int()
        && current.as_ref().is_some_and(|current| current["reason"].str() == AVAILABLE);
    if has_progress_deadline(d) && !finished {
        let who = match &sets.new {
            Some(new) => format!("ReplicaSet \"{}\"", new.name()),
            None => format!("Deployment \"{}\"", d.name()),
        };
        if is_complete(d, &status) {
            let message = format!("{who} has successfully progressed.");
            set_condition(&mut status, new_condition(io, "Progressing", "True", AVAILABLE, message));
        } else if is_progressing(d, &status) {
            let mut new = new_condition(io, "Progressing", "True", "ReplicaSetUpdated", format!("{who} is progressing."));
            // Its lastUpdateTime is what the deadline counts from, so it moves although nothing else does.
            if let Some(current) = &current {
                if current["status"].str() == "True" {
                    new["lastTransitionTime"] = current["lastTransitionTime"].clone();
                }
                remove_condition(&mut status, "Progressing");
            }
            set_condition(&mut status, new);
        } else if has_timed_out(d, &status, io.now()) {
            let message = format!("{who} has timed out progressing.");
            set_condition(&mut status, new_condition(io, "Progressing", "False", TIMED_OUT, message));
        }
    }
    match replica_failure(sets) {
        Some(failure) => set_condition(&mut status, failure),
        None => remove_condition(&mut status, "ReplicaFailure"),
    }
    if status == d["status"] {
        requeue_stuck(io, d, &status);
        return Ok(());
    }
    d["status"] = status;
    update_status(io, d)
}

fn calculate(io: &Io<'_>, d: &Value, sets: &Sets) -> Value {
    let sum = |field: &str| sets.all().map(|set| set["status"][field].int()).sum::<i64>();
    let available = sum("availableReplicas");
    let total: i64 = sets.all().map(replicas).sum();
    let mut status = Value::map();
    status.set("observedGeneration", d.generation());
    set_count(&mut status, "replicas", sum("replicas"));
    set_count(&mut status, "updatedReplicas", sets.new.as_ref().map_or(0, |new| new["status"]["replicas"].int()));
    set_count(&mut status, "readyReplicas", sum("readyReplicas"));
    set_count(&mut status, "availableReplicas", available);
    set_count(&mut status, "unavailableReplicas", (total - available).max(0));
    // A ReplicaSet that was never synced reports no number, and has none.
    let unknown = |set: &Value| set["status"]["terminatingReplicas"].is_null() && set["status"]["observedGeneration"].int() > 0;
    if !sets.all().any(unknown) {
        status.set("terminatingReplicas", sum("terminatingReplicas"));
    }
    for field in ["collisionCount", "conditions"] {
        status.set(field, d["status"][field].clone());
    }
    let enough = available >= replicas(d) - max_unavailable(d);
    let new = if enough {
        new_condition(io, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        let message = "Deployment does not have minimum availability.";
        new_condition(io, "Available", "False", "MinimumReplicasUnavailable", message)
    };
    set_condition(&mut status, new);
    status
}

fn is_progressing(d: &Value, status: &Value) -> bool {
    let old = &d["status"];
    let outdated = |status: &Value| status["replicas"].int() - status["updatedReplicas"].int();
    ["updatedReplicas", "readyReplicas", "availableReplicas"].iter().any(|field| status[*field].int() > old[*field].int())
        || outdated(status) < outdated(old)
}

fn has_timed_out(d: &Value, status: &Value, now: Time) -> bool {
    let Some(current) = condition(&status["conditions"], "Progressing") else { return false };
    match current["reason"].str() {
        AVAILABLE => false,
        TIMED_OUT => true,
        _ => deadline(d, current).is_some_and(|deadline| deadline < now),
    }
}

fn deadline(d: &Value, current: &Value) -> Option<Time> {
    let from = Time::parse_rfc3339(current["lastUpdateTime"].str())?;
    Some(from + Duration::s(progress_deadline(d)?.max(0) as u64))
}

/// Looks again when the deadline may have passed.
fn requeue_stuck(io: &mut Io<'_>, d: &Value, status: &Value) {
    let Some(current) = d.condition("Progressing") else { return };
    if is_complete(d, status) || current["reason"].str() == TIMED_OUT {
        return;
    }
    if let Some(deadline) = deadline(d, current) {
        io.requeue_after(deadline.since(io.now()) + Duration::s(1));
    }
}

fn replica_failure(sets: &Sets) -> Option<Value> {
    let failure = |set: &Value| set.condition("ReplicaFailure").cloned();
    let mut failure = sets.new.as_ref().and_then(failure).or_else(|| sets.all().find_map(failure))?;
    failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
    Some(failure)
}

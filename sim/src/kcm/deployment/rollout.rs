//! Moving pods from old ReplicaSets to the new one (`rolling.go`, `recreate.go`), and forgetting old revisions.

use super::revision::REVISION;
use super::{
    Sets, done, max_surge, max_unavailable, number, old_pods_running, older_first, replicas, revision, scale_set, status,
};
use crate::api::resource::REPLICASETS;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::kcm::reconcile::{Io, Step};
use crate::value::Value;

/// Step by step: up within maxSurge, down within maxUnavailable.
pub(super) fn rolling(io: &mut Io<'_>, d: &mut Value, list: &[Value]) -> Step<()> {
    let mut sets = revision::sets(io, d, list, true)?;
    let scaled = scale_new(io, d, &mut sets)? || scale_old(io, d, &mut sets)?;
    if !scaled && status::is_complete(d, &d["status"]) {
        clean_up(io, d, &sets.old)?;
    }
    status::sync_rollout(io, d, &sets)
}

/// All old pods first, then all new ones.
pub(super) fn recreate(io: &mut Io<'_>, d: &mut Value, list: &[Value]) -> Step<()> {
    let mut sets = revision::sets(io, d, list, false)?;
    let mut scaled_down = false;
    for old in &mut sets.old {
        if replicas(old) > 0 {
            *old = scale_set(io, d, old, 0, false)?.0;
            scaled_down = true;
        }
    }
    if scaled_down || old_pods_running(io, &sets) {
        return status::sync_rollout(io, d, &sets);
    }
    if sets.new.is_none() {
        sets = revision::sets(io, d, list, true)?;
    }
    if let Some(new) = sets.new.take() {
        sets.new = Some(scale_set(io, d, &new, replicas(d), false)?.0);
    }
    if status::is_complete(d, &d["status"]) {
        clean_up(io, d, &sets.old)?;
    }
    status::sync_rollout(io, d, &sets)
}

/// How large the new ReplicaSet may become, being `size` now (NewRSNewReplicas).
pub(super) fn new_set_size<'a>(d: &Value, old: impl Iterator<Item = &'a Value>, size: i64) -> i64 {
    if d["spec"]["strategy"]["type"].str() == "Recreate" {
        return replicas(d);
    }
    let room = replicas(d) + max_surge(d) - old.map(replicas).sum::<i64>() - size;
    size + room.min(replicas(d) - size).max(0)
}

fn scale_new(io: &mut Io<'_>, d: &Value, sets: &mut Sets) -> Step<bool> {
    let Some(new) = &sets.new else { return Ok(false) };
    let (have, wanted) = (replicas(new), replicas(d));
    if have == wanted {
        return Ok(false);
    }
    let to = if have > wanted { wanted } else { new_set_size(d, sets.old.iter(), have) };
    let (new, scaled) = scale_set(io, d, new, to, false)?;
    sets.new = Some(new);
    Ok(scaled)
}

fn scale_old(io: &mut Io<'_>, d: &Value, sets: &mut Sets) -> Step<bool> {
    let total: i64 = sets.all().map(replicas).sum();
    if sets.old.iter().map(replicas).sum::<i64>() == 0 {
        return Ok(false);
    }
    let min_available = replicas(d) - max_unavailable(d);
    let new_unavailable = sets.new.as_ref().map_or(0, |new| replicas(new) - available(new));
    let budget = total - min_available - new_unavailable;
    if budget <= 0 {
        return Ok(false);
    }
    // Those that do not work go first: they would block the rollout.
    sets.old.order_by(older_first);
    let mut cleaned = 0;
    for old in sets.old.iter_mut().filter(|old| replicas(old) > 0) {
        let unhealthy = replicas(old) - available(old);
        let count = unhealthy.min(budget - cleaned);
        if count > 0 {
            *old = scale_set(io, d, old, replicas(old) - count, false)?.0;
            cleaned += count;
        }
    }
    let surplus = sets.all().map(available).sum::<i64>() - min_available;
    let mut removed = 0;
    for old in sets.old.iter_mut().filter(|old| replicas(old) > 0) {
        let count = replicas(old).min(surplus - removed);
        if count > 0 {
            *old = scale_set(io, d, old, replicas(old) - count, false)?.0;
            removed += count;
        }
    }
    Ok(cleaned + removed > 0)
}

/// Deletes the oldest ReplicaSets beyond `spec.revisionHistoryLimit` (cleanupDeployment).
pub(super) fn clean_up(io: &mut Io<'_>, d: &Value, old: &[Value]) -> Step<()> {
    let Some(limit) = d["spec"]["revisionHistoryLimit"].as_int().filter(|limit| *limit != i64::from(i32::MAX)) else {
        return Ok(());
    };
    let mut cleanable: Vec<&Value> = old.iter().filter(|set| !set.is_terminating()).collect();
    let surplus = (cleanable.len() as i64 - limit).max(0) as usize;
    cleanable.order_by_key(|set| number(set, REVISION).unwrap_or(0));
    for set in cleanable.into_iter().take(surplus) {
        let status = &set["status"];
        if status["replicas"].int() != 0 || replicas(set) != 0 || set.generation() > status["observedGeneration"].int() {
            continue;
        }
        let metadata = &set["metadata"];
        let request = Request::delete(REPLICASETS, metadata["namespace"].text(), metadata["name"].text());
        match io.request(request.with_body(Value::map()))? {
            Err(error) if error.code() == 404 => {}
            answer => {
                done(answer)?;
            }
        }
    }
    Ok(())
}

fn available(set: &Value) -> i64 {
    set["status"]["availableReplicas"].int()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn the_new_set_grows_within_the_surge() {
        let d = value!({"spec": {"replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}}});
        let old = |replicas: i64| vec![value!({"spec": {"replicas": replicas}})];
        assert_eq!(new_set_size(&d, [].iter(), 0), 4);
        assert_eq!(new_set_size(&d, old(4).iter(), 0), 1);
        assert_eq!(new_set_size(&d, old(3).iter(), 1), 2);
        assert_eq!(new_set_size(&d, old(5).iter(), 1), 1);
        assert_eq!(new_set_size(&d, old(0).iter(), 3), 4);
    }
}

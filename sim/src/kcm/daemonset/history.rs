//! A DaemonSet's revisions: a ControllerRevision for each template it had (`update.go`'s history).

use crate::core::collections::PSet;
use crate::core::collections::sort::Sort as _;

use super::HASH_LABEL;
use crate::api::names::pod_template_hash;
use crate::api::resource::{CONTROLLERREVISIONS, DAEMONSETS, PODS};
use crate::api::selector::LabelSelector;
use crate::core::Request;
use crate::kcm::control::{claim, controller_reference, namespace_terminating, put_status};
use crate::kcm::reconcile::{Io, Step, Stop};
use crate::value;
use crate::value::{Text, Value};

/// The hash of the present revision, which is created or renumbered if needed, and the other revisions (constructHistory).
pub(super) fn construct<'a>(io: &mut Io<'a>, set: &Value, selector: &LabelSelector) -> Step<(Text, Vec<&'a Value>)> {
    let view = io.view;
    let keys = view.revisions.owned(set.uid()).chain(view.revisions.orphans(set.namespace()));
    let candidates = view.objects(CONTROLLERREVISIONS, keys);
    let revisions = claim(io, CONTROLLERREVISIONS, set, DAEMONSETS, selector, candidates)?;
    let patch = patch(set);
    let (mut current, old): (Vec<&Value>, Vec<&Value>) = revisions.into_iter().partition(|have| have["data"] == patch);
    let next = old.iter().map(|have| have["revision"].int()).max().unwrap_or(0) + 1;
    current.order_by_key(|have| have["revision"].int());
    let Some(newest) = current.pop() else { return Ok((snapshot(io, set, patch, next)?, old)) };
    // Duplicates come from a creation that was taken for failed.
    for duplicate in current {
        let metadata = &duplicate["metadata"];
        let request = Request::delete(CONTROLLERREVISIONS, metadata["namespace"].text(), metadata["name"].text());
        io.call(request.with_body(Value::map()))?;
    }
    if newest["revision"].int() < next {
        let mut renumbered = newest.clone();
        renumbered["revision"] = next.into();
        io.call(Request::update(CONTROLLERREVISIONS, renumbered))?;
    }
    Ok((Text::new(newest.label(HASH_LABEL).unwrap_or("")), old))
}

/// The patch that would bring the template back.
fn patch(set: &Value) -> Value {
    let mut template = set["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    value!({"spec": {"template": template}})
}

fn snapshot(io: &mut Io<'_>, set: &Value, patch: Value, revision: i64) -> Step<Text> {
    let hash = Text::from(pod_template_hash(&set["spec"]["template"], set["status"]["collisionCount"].as_int()));
    let mut labels = set["spec"]["template"]["metadata"]["labels"].clone();
    labels.map_mut().insert(HASH_LABEL, &hash);
    let name = format!("{}-{hash}", set.name());
    let mut history = value!({
        "kind": "ControllerRevision", "apiVersion": "apps/v1",
        "metadata": {
            "name": &name, "namespace": &set["metadata"]["namespace"], "labels": labels,
            "ownerReferences": [controller_reference(set)],
        },
        "data": &patch, "revision": revision,
    });
    history["metadata"].set("annotations", set["metadata"]["annotations"].clone());
    match io.request(Request::create(CONTROLLERREVISIONS, history))? {
        Ok(_) => Ok(hash),
        Err(error) if error.reason() == "AlreadyExists" => {
            let have = io.call(Request::get(CONTROLLERREVISIONS, set["metadata"]["namespace"].text(), name))?;
            if have["data"] == patch {
                return Ok(hash);
            }
            // Another template has the same hash: next time it will be computed with a salt.
            let mut status = set["status"].clone();
            status["collisionCount"] = (status["collisionCount"].int() + 1).into();
            io.call(put_status(DAEMONSETS, set, status))?;
            Err(Stop::Retry)
        }
        Err(error) if namespace_terminating(&error) => Err(Stop::GiveUp),
        Err(_) => Err(Stop::Retry),
    }
}

/// Deletes the oldest revisions beyond `spec.revisionHistoryLimit` that no pod was made from.
pub(super) fn clean_up(io: &mut Io<'_>, set: &Value, mut old: Vec<&Value>) -> Step<()> {
    let limit = set["spec"]["revisionHistoryLimit"].as_int().unwrap_or(10).max(0) as usize;
    let surplus = old.len().saturating_sub(limit);
    if surplus == 0 {
        return Ok(());
    }
    let view = io.view;
    let pods = view.objects(PODS, view.pods.keys_of(set.uid()));
    let live: PSet<&str> = pods.filter_map(|pod| pod.label(HASH_LABEL)).collect();
    old.order_by_key(|have| have["revision"].int());
    let dead = |have: &&&Value| have.label(HASH_LABEL).is_none_or(|hash| !live.contains(hash));
    for revision in old.iter().filter(dead).take(surplus) {
        let metadata = &revision["metadata"];
        let request = Request::delete(CONTROLLERREVISIONS, metadata["namespace"].text(), metadata["name"].text());
        io.call(request.with_body(Value::map()))?;
    }
    Ok(())
}

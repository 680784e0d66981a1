//! The ReplicaSet of a Deployment's present template, and the annotations that number its revisions
//! (`sync.go`, `util/deployment_util.go`).

use super::{Sets, done, max_surge, number, replicas, rollout, status, update_status};
use crate::api::names::pod_template_hash;
use crate::api::resource::REPLICASETS;
use crate::client::object_reference;
use crate::core::Request;
use crate::kcm::control::{controller_reference, namespace_terminating};
use crate::kcm::reconcile::{Io, Step, Stop};
use crate::value;
use crate::value::{Text, Value};

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
pub(super) const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const HASH_LABEL: &str = "pod-template-hash";
/// The history annotation holds no more characters.
const HISTORY_LENGTH: usize = 2000;

/// Annotations that are not copied from a Deployment to its ReplicaSets.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The new and the old ReplicaSets; the new one's annotations are brought up to date, and it is created if asked for
/// (getAllReplicaSetsAndSyncRevision). `list` is sorted by age.
pub(super) fn sets(io: &mut Io<'_>, d: &mut Value, list: &[Value], create: bool) -> Step<Sets> {
    let new = list.iter().find(|set| same_template(set, d));
    let old: Vec<Value> = list.iter().filter(|set| new.is_none_or(|new| new.uid() != set.uid())).cloned().collect();
    let next = old.iter().filter_map(|set| number(set, REVISION)).max().unwrap_or(0) + 1;
    let new = match new {
        Some(new) => Some(existing(io, d, new, next)?),
        None if create => Some(created(io, d, &old, next)?),
        None => None,
    };
    Ok(Sets { new, old })
}

/// Whether a ReplicaSet was made from the Deployment's present template (EqualIgnoreHash).
fn same_template(set: &Value, d: &Value) -> bool {
    let mut template = set["spec"]["template"].clone();
    template.remove_at(&["metadata", "labels", HASH_LABEL]);
    template == d["spec"]["template"]
}

fn existing(io: &mut Io<'_>, d: &mut Value, set: &Value, next: i64) -> Step<Value> {
    let mut copy = set.clone();
    let annotated = annotate(&mut copy, d, next);
    let min_ready = d["spec"]["minReadySeconds"].clone();
    if annotated || copy["spec"]["minReadySeconds"].int() != min_ready.int() {
        copy["spec"].set("minReadySeconds", min_ready);
        return done(io.request(Request::update(REPLICASETS, copy))?);
    }
    let revision = copy.annotation(REVISION).unwrap_or("").to_string();
    let mut needs_update = set_deployment_revision(d, &revision);
    if status::has_progress_deadline(d) && d.condition("Progressing").is_none() {
        let message = format!("Found new replica set \"{}\"", copy.name());
        status::set_condition(&mut d["status"], status::new_condition(io, "Progressing", "True", "FoundNewReplicaSet", message));
        needs_update = true;
    }
    if needs_update {
        update_status(io, d)?;
    }
    Ok(copy)
}

fn created(io: &mut Io<'_>, d: &mut Value, old: &[Value], next: i64) -> Step<Value> {
    let set = describe(d, old, next);
    let count = replicas(&set);
    let name = set["metadata"]["name"].text();
    let answer = io.request(Request::create(REPLICASETS, set))?;
    let mut fresh = true;
    let created = match answer {
        Ok(created) => created,
        Err(error) if error.reason() == "AlreadyExists" => {
            fresh = false;
            match io.view.find(REPLICASETS, d.namespace(), &name) {
                None => return Err(Stop::Retry),
                Some(have) if same_template(have, d) && have.controller().is_some_and(|owner| owner["uid"].str() == d.uid()) => {
                    have.clone()
                }
                // Another template has the same hash: next time it will be computed with a salt.
                Some(_) => {
                    let collisions = d["status"]["collisionCount"].int() + 1;
                    d["status"]["collisionCount"] = collisions.into();
                    update_status(io, d)?;
                    return Err(Stop::Retry);
                }
            }
        }
        Err(error) if namespace_terminating(&error) => return Err(Stop::GiveUp),
        Err(error) => {
            let message = format!("Failed to create new replica set \"{name}\": {error}");
            if status::has_progress_deadline(d) {
                let condition = status::new_condition(io, "Progressing", "False", "ReplicaSetCreateError", message.clone());
                status::set_condition(&mut d["status"], condition);
                // Its own failure does not matter: the creation's is retried.
                io.request(Request::update(crate::api::resource::DEPLOYMENTS, d.clone()).sub("status"))?.ok();
            }
            io.event(&object_reference(d), "Warning", "ReplicaSetCreateError", message);
            return Err(Stop::Retry);
        }
    };
    if fresh && count > 0 {
        let message = format!("Scaled up replica set {name} from 0 to {count}");
        io.event(&object_reference(d), "Normal", "ScalingReplicaSet", message);
    }
    let mut needs_update = set_deployment_revision(d, &next.to_string());
    if fresh && status::has_progress_deadline(d) {
        let message = format!("Created new replica set \"{name}\"");
        status::set_condition(
            &mut d["status"],
            status::new_condition(io, "Progressing", "True", "NewReplicaSetCreated", message),
        );
        needs_update = true;
    }
    if needs_update {
        update_status(io, d)?;
    }
    Ok(created)
}

/// The ReplicaSet that is to be created.
fn describe(d: &Value, old: &[Value], next: i64) -> Value {
    let mut template = d["spec"]["template"].clone();
    let hash = Text::from(pod_template_hash(&template, d["status"]["collisionCount"].as_int()));
    template["metadata"]["labels"].map_mut().insert(HASH_LABEL, &hash);
    let mut selector = d["spec"]["selector"].clone();
    selector["matchLabels"].map_mut().insert(HASH_LABEL, &hash);
    let mut set = value!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {
            "name": format!("{}-{hash}", d.name()), "namespace": &d["metadata"]["namespace"],
            "labels": &template["metadata"]["labels"], "ownerReferences": [controller_reference(d)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    });
    set["spec"].set("minReadySeconds", d["spec"]["minReadySeconds"].as_int().filter(|seconds| *seconds > 0));
    let count = rollout::new_set_size(d, old.iter(), 0);
    set["spec"]["replicas"] = count.into();
    annotate(&mut set, d, next);
    set_replicas_annotations(&mut set, d);
    set
}

/// Copies the Deployment's annotations and raises the revision; says whether anything changed (SetNewReplicaSetAnnotations).
fn annotate(set: &mut Value, d: &Value, next: i64) -> bool {
    let mut changed = false;
    for (key, value) in d["metadata"]["annotations"].entries() {
        if !NOT_COPIED.contains(&key.as_str()) && set["metadata"]["annotations"][key.as_str()] != *value {
            set["metadata"]["annotations"].map_mut().insert(key.clone(), value.clone());
            changed = true;
        }
    }
    let had = set.annotation(REVISION).map(Text::new);
    let had_number = match &had {
        None => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => number,
            // Somebody else's annotation: leave it alone.
            Err(_) if !text.is_empty() => return false,
            Err(_) => 0,
        },
    };
    if had_number >= next {
        return changed;
    }
    let annotations = set["metadata"]["annotations"].map_mut();
    annotations.insert(REVISION, next.to_string());
    // It has been the new one before: a rollback. Its earlier numbers are kept.
    if let Some(had) = had {
        let history = annotations.get(REVISION_HISTORY).map(Value::text).unwrap_or_default();
        let mut numbers: Vec<&str> = history.split(',').filter(|number| !number.is_empty()).collect();
        numbers.push(&had);
        while numbers.join(",").len() > HISTORY_LENGTH && numbers.len() > 1 {
            numbers.remove(0);
        }
        annotations.insert(REVISION_HISTORY, numbers.join(","));
    }
    true
}

/// Notes how many replicas the Deployment wants, for proportional scaling; says whether anything changed.
pub(super) fn set_replicas_annotations(set: &mut Value, d: &Value) -> bool {
    let wanted = [(DESIRED_REPLICAS, replicas(d)), (MAX_REPLICAS, replicas(d) + max_surge(d))];
    let mut changed = false;
    for (key, count) in wanted {
        if number(set, key) != Some(count) {
            set["metadata"]["annotations"].map_mut().insert(key, count.to_string());
            changed = true;
        }
    }
    changed
}

fn set_deployment_revision(d: &mut Value, revision: &str) -> bool {
    let changed = d.annotation(REVISION) != Some(revision);
    if changed {
        d["metadata"]["annotations"].map_mut().insert(REVISION, revision.to_string());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_gets_the_next_number_and_keeps_the_old_ones() {
        let d = value!({"metadata": {"annotations": {"kubernetes.io/change-cause": "x", REVISION: "2"}}});
        let mut set = value!({"metadata": {"annotations": {REVISION: "1", "kubernetes.io/change-cause": "x"}}});
        assert!(annotate(&mut set, &d, 3));
        assert_eq!((set.annotation(REVISION), set.annotation(REVISION_HISTORY)), (Some("3"), Some("1")));
        assert!(annotate(&mut set, &d, 5));
        assert_eq!((set.annotation(REVISION), set.annotation(REVISION_HISTORY)), (Some("5"), Some("1,3")));
        assert!(!annotate(&mut set, &d, 4));
        let cause = value!({"metadata": {"annotations": {"kubernetes.io/change-cause": "y"}}});
        assert!(annotate(&mut set, &cause, 4));
        assert_eq!(set.annotation("kubernetes.io/change-cause"), Some("y"));
    }

    #[test]
    fn the_new_set_is_found_without_its_hash() {
        let d = value!({
            "metadata": {"name": "web", "namespace": "default", "uid": "u"}, "apiVersion": "apps/v1", "kind": "Deployment",
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                     "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                     "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "nginx"}]}}},
        });
        let set = describe(&d, &[], 1);
        assert!(same_template(&set, &d));
        assert_eq!(replicas(&set), 3);
        assert_eq!(
            set["metadata"]["annotations"].to_json(),
            r#"{"deployment.kubernetes.io/desired-replicas":"3","deployment.kubernetes.io/max-replicas":"4","deployment.kubernetes.io/revision":"1"}"#
        );
        assert_eq!(set["metadata"]["labels"], set["spec"]["selector"]["matchLabels"]);
    }
}

//! pod-garbage-collector: pods of nodes that are gone for good have no kubelet that would remove them
//! (`pkg/controller/podgc/gc_controller.go`).

use super::context::Context;
use super::reconcile::{Io, QueueId, Step, Stop};
use crate::api::resource::{NODES, PODS};
use crate::core::collections::PMap;
use crate::core::{Duration, Request, Time};
use crate::value;
use crate::value::{Text, Value};

/// How often it looks.
pub(super) const PERIOD: Duration = Duration::s(20);
/// A node must be missing for that long: it may come back under its name.
const QUARANTINE: Duration = Duration::s(40);

/// Nodes that pods name and nobody has: since when.
pub(super) type Missing = PMap<Text, Time>;

/// One look at the nodes that pods name.
pub(super) fn look(context: &mut Context<'_, '_>) {
    let now = context.out.now();
    let gone = |name: &&Text| context.view.get(NODES, name).is_none();
    let missing: Vec<Text> = context.view.pods.nodes().filter(gone).cloned().collect();
    let mut noted = Missing::new();
    for name in missing {
        let since = context.view.missing_nodes.get(&name).copied().unwrap_or(now);
        if now.since(since) >= QUARANTINE {
            context.enqueue(QueueId::PodGc, &name);
        }
        noted.insert(name, since);
    }
    context.view.missing_nodes = noted;
}

/// Removes the pods of a node, if it really does not exist.
pub(super) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    match io.request(Request::get(NODES, "", Text::new(key)))? {
        Err(error) if error.code() == 404 => {}
        Ok(_) => return Ok(()),
        Err(_) => return Err(Stop::Retry),
    }
    let view = io.view;
    for pod in view.objects(PODS, view.pods.on_node(key)) {
        let (namespace, name) = (pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text());
        if !matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed") {
            let mut condition = value!({
                "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists", "lastTransitionTime": io.stamp(),
            });
            condition.set("observedGeneration", Some(pod.generation()).filter(|generation| *generation > 0));
            let patch = value!({
                "metadata": {"uid": &pod["metadata"]["uid"]}, "status": {"phase": "Failed", "conditions": [condition]},
            });
            accept(io.request(Request::patch(PODS, &namespace, &name, patch).sub("status"))?)?;
        }
        let options = value!({"gracePeriodSeconds": 0, "preconditions": {"uid": &pod["metadata"]["uid"]}});
        accept(io.request(Request::delete(PODS, namespace, name).with_body(options))?)?;
    }
    Ok(())
}

/// A pod that is gone already is as good.
fn accept(answer: super::reconcile::Answer) -> Step<Value> {
    match answer {
        Ok(object) => Ok(object),
        Err(error) if error.code() == 404 => Ok(Value::Null),
        Err(_) => Err(Stop::Retry),
    }
}

//! taint-eviction-controller: pods leave a node whose NoExecute taints they do not tolerate, or no longer
//! (`pkg/controller/tainteviction`).

use crate::api::resource::{NODES, PODS};
use crate::client::Change;
use crate::core::collections::PMap;
use crate::core::{Duration, Request, Time, TimerKey};
use crate::kcm::context::Context;
use crate::kcm::reconcile::{Io, QueueId, Step, Stop};
use crate::scheduler::terms::{Effect, Taint, Toleration};
use crate::value;
use crate::value::{Text, Value};

/// The timer that evicts a pod.
pub(in crate::kcm) const TIMER: &str = "taint-eviction";
const COMPONENT: &str = "taint-eviction-controller";
const CONDITION_MESSAGE: &str = "Taint manager: deleting due to NoExecute taint";

/// Pods that are to be evicted: since when, and which of their timers is the valid one.
#[derive(Clone, Debug, Default)]
pub(super) struct Evictions {
    planned: PMap<Text, (Time, u64)>,
    timers: u64,
}

fn no_execute(node: Option<&Value>) -> Vec<Taint> {
    let taints = node.map(|node| Taint::list(&node["spec"]["taints"])).unwrap_or_default();
    taints.into_iter().filter(|taint| taint.effect == Effect::NoExecute).collect()
}

/// A node's taints may have changed.
pub(super) fn on_node(context: &mut Context<'_, '_>, change: &Change) {
    let (old, new) = (no_execute(change.old.as_ref()), no_execute(change.new.as_ref()));
    if old == new {
        return;
    }
    let pods: Vec<Text> = context.view.pods.on_node(change.object().name()).cloned().collect();
    for key in pods {
        if new.is_empty() {
            cancel(context, &key);
        } else {
            plan(context, &key, &new);
        }
    }
}

/// A pod was bound, changed its tolerations, or is gone.
pub(in crate::kcm) fn on_pod(context: &mut Context<'_, '_>, change: &Change) {
    let key = change.object().key();
    let Some(new) = &change.new else {
        if context.view.nodes.evictions.planned.contains_key(key.as_str()) {
            cancel(context, &key);
        }
        return;
    };
    let same = |old: &Value| {
        old["spec"]["nodeName"] == new["spec"]["nodeName"] && old["spec"]["tolerations"] == new["spec"]["tolerations"]
    };
    if new["spec"]["nodeName"].is_empty() || change.old.as_ref().is_some_and(same) {
        return;
    }
    let taints = no_execute(context.view.get(NODES, new["spec"]["nodeName"].str()));
    if !taints.is_empty() {
        plan(context, &key, &taints);
    }
}

/// Decides when a pod must go (processPodOnNode).
fn plan(context: &mut Context<'_, '_>, key: &Text, taints: &[Taint]) {
    let Some(pod) = context.view.get(PODS, key) else { return };
    let now = context.out.now();
    let Some(after) = tolerated_for(&pod["spec"]["tolerations"], taints) else { return cancel(context, key) };
    let mut since = now;
    if let Some((planned_since, _)) = context.view.nodes.evictions.planned.get(key.as_str()) {
        // Another taint does not lengthen the time.
        if after > Duration::ZERO && *planned_since + after < now + after {
            return;
        }
        since = *planned_since;
        cancel(context, key);
    }
    if after == Duration::ZERO {
        context.enqueue(QueueId::TaintEviction, key);
        return;
    }
    let evictions = &mut context.view.nodes.evictions;
    evictions.timers += 1;
    evictions.planned.insert(key.clone(), (since, evictions.timers));
    let number = evictions.timers;
    context.out.tick((since + after).since(now), TIMER, key.clone(), number);
}

/// How long a pod may stay in spite of taints: zero when it does not tolerate one, `None` for ever.
fn tolerated_for(tolerations: &Value, taints: &[Taint]) -> Option<Duration> {
    let parsed = Toleration::list(tolerations);
    let mut shortest = None;
    for taint in taints {
        let at = parsed.iter().position(|toleration| toleration.tolerates(taint));
        let Some(at) = at else { return Some(Duration::ZERO) };
        if let Some(seconds) = tolerations[at]["tolerationSeconds"].as_int() {
            let span = Duration::s(seconds.max(0) as u64);
            shortest = Some(shortest.map_or(span, |have: Duration| have.min(span)));
        }
    }
    shortest
}

fn cancel(context: &mut Context<'_, '_>, key: &Text) {
    if context.view.nodes.evictions.planned.remove(key.as_str()).is_some() {
        let message = format!("Cancelling deletion of Pod {key}");
        context.event(COMPONENT, &reference(key), "Normal", "TaintManagerEviction", message);
    }
}

/// A pod's time has come.
pub(in crate::kcm) fn on_timer(context: &mut Context<'_, '_>, timer: &TimerKey) {
    let valid = context.view.nodes.evictions.planned.get(timer.key.as_str()).is_some_and(|(_, number)| *number == timer.number);
    if valid {
        context.view.nodes.evictions.planned.remove(timer.key.as_str());
        context.enqueue(QueueId::TaintEviction, &timer.key);
    }
}

fn reference(key: &str) -> Value {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    value!({"apiVersion": "v1", "kind": "Pod", "namespace": namespace.to_string(), "name": name.to_string()})
}

/// Deletes a pod, with an event and a condition that say why (addConditionAndDeletePod).
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let (namespace, name) = key.split_once('/').map_or_else(Default::default, |(a, b)| (Text::new(a), Text::new(b)));
    let message = format!("Marking for deletion Pod {key}");
    io.event(&reference(key), "Normal", "TaintManagerEviction", message);
    let pod = match io.request(Request::get(PODS, &namespace, &name))? {
        Ok(pod) => pod,
        Err(error) if error.code() == 404 => return Ok(()),
        Err(_) => return Err(Stop::Retry),
    };
    if pod.condition("DisruptionTarget").is_none_or(|have| have["status"].str() != "True") {
        let kinds = pod["status"]["conditions"].items().iter().map(|have| have["type"].text());
        let order = kinds.filter(|kind| *kind != "DisruptionTarget").chain(["DisruptionTarget".into()]);
        let order: Vec<Value> = order.map(|kind| value!({"type": kind})).collect();
        let mut condition = value!({
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": CONDITION_MESSAGE,
            "lastTransitionTime": io.stamp(),
        });
        condition.set("observedGeneration", Some(pod.generation()).filter(|generation| *generation > 0));
        let patch = value!({
            "metadata": {"uid": &pod["metadata"]["uid"]},
            "status": {"$setElementOrder/conditions": order, "conditions": [condition]},
        });
        io.call(Request::patch(PODS, &namespace, &name, patch).sub("status"))?;
    }
    match io.request(Request::delete(PODS, &namespace, &name).with_body(Value::map()))? {
        Err(error) if error.code() != 404 => Err(Stop::Retry),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_buy_time() {
        let unreachable = Taint::list(&value!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]));
        let tolerating = |seconds: Value| {
            let mut toleration = value!({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"});
            toleration.set("tolerationSeconds", seconds);
            value!([toleration])
        };
        assert_eq!(tolerated_for(&Value::Null, &unreachable), Some(Duration::ZERO));
        assert_eq!(tolerated_for(&tolerating(300.into()), &unreachable), Some(Duration::s(300)));
        assert_eq!(tolerated_for(&tolerating(Value::Null), &unreachable), None);
    }
}

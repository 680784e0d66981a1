//! Patches of a pod's status, as `util.PatchPodStatus` makes them: only what changes.

use super::framework::Nomination;
use crate::value;
use crate::value::{Text, Value};

/// A condition to be set.
#[derive(Clone, Debug)]
pub(super) struct Condition<'a> {
    /// Its type, such as `PodScheduled`.
    pub kind: &'static str,
    /// `True` or `False`.
    pub status: &'static str,
    /// Its reason.
    pub reason: &'static str,
    /// Its message.
    pub message: &'a str,
    /// Now, as RFC 3339.
    pub now: Text,
}

/// The strategic-merge patch that brings a condition and the nominated node into a pod's status; `None` when nothing would change.
pub(super) fn patch(pod: &Value, condition: Option<&Condition<'_>>, nomination: &Nomination) -> Option<Value> {
    let mut status = Value::map();
    if let Some(change) = condition.and_then(|condition| condition_change(pod, condition)) {
        let kinds: Vec<Value> = pod["status"]["conditions"].items().iter().map(|have| value!({"type": &have["type"]})).collect();
        if !kinds.is_empty() {
            let mut order = Value::from(kinds);
            if pod.condition(change["type"].str()).is_none() {
                order.push(value!({"type": &change["type"]}));
            }
            status["$setElementOrder/conditions"] = order;
        }
        status["conditions"] = value!([change]);
    }
    if let Nomination::Set(node) = nomination
        && pod["status"]["nominatedNodeName"].str() != &**node
    {
        // A null removes the field.
        status.map_mut().insert("nominatedNodeName", if node.is_empty() { Value::Null } else { node.into() });
    }
    (!status.is_empty()).then(|| value!({"status": status}))
}

fn condition_change(pod: &Value, condition: &Condition<'_>) -> Option<Value> {
    let mut change = value!({"type": condition.kind});
    let old = pod.condition(condition.kind);
    let mut differs = false;
    let generation = pod.generation();
    let have = |field: &str| old.map_or(&Value::Null, |old| &old[field]);
    for (field, value) in [("status", condition.status), ("reason", condition.reason), ("message", condition.message)] {
        if have(field).str() != value {
            change.map_mut().insert(field, value.to_string());
            differs = true;
        }
    }
    if generation > 0 && have("observedGeneration").int() != generation {
        change.map_mut().insert("observedGeneration", generation);
        differs = true;
    }
    if have("status").str() != condition.status {
        change.map_mut().insert("lastTransitionTime", condition.now.clone());
    }
    differs.then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(message: &str) -> Condition<'_> {
        Condition { kind: "PodScheduled", status: "False", reason: "Unschedulable", message, now: "T".into() }
    }

    #[test]
    fn patches_of_the_recordings() {
        let mut pod = value!({"metadata": {"generation": 1}, "status": {"phase": "Pending"}});
        let patch = |pod: &Value, message: &str, nomination: Nomination| {
            super::patch(pod, Some(&condition(message)), &nomination).map(|patch| patch.to_json())
        };
        assert_eq!(
            patch(&pod, "no", Nomination::Set("kind-worker".into())).unwrap(),
            r#"{"status":{"conditions":[{"lastTransitionTime":"T","message":"no","observedGeneration":1,"reason":"Unschedulable","status":"False","type":"PodScheduled"}],"nominatedNodeName":"kind-worker"}}"#
        );
        pod["status"]["conditions"] = value!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no", "observedGeneration": 1,
        }]);
        assert_eq!(
            patch(&pod, "still no", Nomination::Keep).unwrap(),
            r#"{"status":{"$setElementOrder/conditions":[{"type":"PodScheduled"}],"conditions":[{"message":"still no","type":"PodScheduled"}]}}"#
        );
        assert_eq!(patch(&pod, "no", Nomination::Set("".into())), None);
        pod["status"]["nominatedNodeName"] = "n".into();
        assert_eq!(patch(&pod, "no", Nomination::Set("".into())).unwrap(), r#"{"status":{"nominatedNodeName":null}}"#);
        let target = Condition { kind: "DisruptionTarget", status: "True", reason: "R", message: "m", now: "T".into() };
        assert_eq!(
            super::patch(&pod, Some(&target), &Nomination::Keep).unwrap()["status"]["$setElementOrder/conditions"].to_json(),
            r#"[{"type":"PodScheduled"},{"type":"DisruptionTarget"}]"#
        );
    }
}

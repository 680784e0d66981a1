//! The columns of workloads: deployments, replica sets, daemon sets, controller revisions, disruption budgets.

use super::{Column, always, creation_age, format_labels, int_or_string, name, wide};
use crate::api::selector::LabelSelector;
use crate::core::Time;
use crate::value::Value;

pub(super) const DEPLOYMENT: &[Column] = &[
    always("Name"),
    always("Ready"),
    always("Up-to-date"),
    always("Available"),
    always("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const REPLICA_SET: &[Column] = &[
    always("Name"),
    always("Desired"),
    always("Current"),
    always("Ready"),
    always("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const DAEMON_SET: &[Column] = &[
    always("Name"),
    always("Desired"),
    always("Current"),
    always("Ready"),
    always("Up-to-date"),
    always("Available"),
    always("Node Selector"),
    always("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const CONTROLLER_REVISION: &[Column] = &[always("Name"), always("Controller"), always("Revision"), always("Age")];

pub(super) const POD_DISRUPTION_BUDGET: &[Column] =
    &[always("Name"), always("Min Available"), always("Max Unavailable"), always("Allowed Disruptions"), always("Age")];

/// Names and images of the containers of a workload's template, and its selector.
fn template_cells(workload: &Value) -> [Value; 3] {
    let containers = workload["spec"]["template"]["spec"]["containers"].items();
    let joined = |field: &str| containers.iter().map(|container| container[field].str()).collect::<Vec<_>>().join(",");
    let selector = LabelSelector::of(&workload["spec"]["selector"]).to_string();
    [joined("name").into(), joined("image").into(), selector.into()]
}

fn count(value: &Value) -> Value {
    value.int().into()
}

pub(super) fn deployment(object: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let ready = format!("{}/{}", status["readyReplicas"].int(), spec["replicas"].int());
    let mut cells = vec![
        name(object),
        ready.into(),
        count(&status["updatedReplicas"]),
        count(&status["availableReplicas"]),
        creation_age(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

pub(super) fn replica_set(object: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let mut cells = vec![
        name(object),
        count(&spec["replicas"]),
        count(&status["replicas"]),
        count(&status["readyReplicas"]),
        creation_age(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

pub(super) fn daemon_set(object: &Value, now: Time) -> Vec<Value> {
    let status = &object["status"];
    let mut cells = vec![
        name(object),
        count(&status["desiredNumberScheduled"]),
        count(&status["currentNumberScheduled"]),
        count(&status["numberReady"]),
        count(&status["updatedNumberScheduled"]),
        count(&status["numberAvailable"]),
        format_labels(&object["spec"]["template"]["spec"]["nodeSelector"]).into(),
        creation_age(object, now),
    ];
    cells.extend(template_cells(object));
    cells
}

pub(super) fn controller_revision(object: &Value, now: Time) -> Vec<Value> {
    let controller = match object.controller() {
        Some(owner) => {
            let kind = owner["kind"].str().to_lowercase();
            match owner["apiVersion"].str().split_once('/') {
                Some((group, _)) => format!("{kind}.{group}/{}", owner["name"].str()),
                None => format!("{kind}/{}", owner["name"].str()),
            }
        }
        None => "<none>".to_string(),
    };
    vec![name(object), controller.into(), count(&object["revision"]), creation_age(object, now)]
}

pub(super) fn pod_disruption_budget(object: &Value, now: Time) -> Vec<Value> {
    vec![
        name(object),
        int_or_string(&object["spec"]["minAvailable"], "N/A"),
        int_or_string(&object["spec"]["maxUnavailable"], "N/A"),
        count(&object["status"]["disruptionsAllowed"]),
        creation_age(object, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn as_recorded() {
        let template = value!({"spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}});
        let deployment_object = value!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-05T09:00:00Z"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template.clone()},
            "status": {"readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        });
        let cells = Value::from(deployment(&deployment_object, Time(6_500_000))).to_json();
        assert_eq!(cells, r#"["web","1/1",1,1,"6s","nginx","nginx:1.27","app=web"]"#);
        let set = value!({
            "metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template},
            "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 2},
        });
        let cells = Value::from(daemon_set(&set, Time::ZERO)).to_json();
        assert_eq!(cells, r#"["agent",3,3,2,0,0,"<none>","<unknown>","nginx","nginx:1.27","app=agent"]"#);
        let revision = value!({
            "metadata": {"name": "agent-7574cbd87", "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "controller": true}]},
            "revision": 1,
        });
        assert_eq!(
            Value::from(controller_revision(&revision, Time::ZERO)).to_json(),
            r#"["agent-7574cbd87","daemonset.apps/agent",1,"<unknown>"]"#
        );
        let budget = value!({"metadata": {"name": "web"}, "spec": {"minAvailable": 1}});
        assert_eq!(Value::from(pod_disruption_budget(&budget, Time::ZERO)).to_json(), r#"["web","1","N/A",0,"<unknown>"]"#);
    }
}

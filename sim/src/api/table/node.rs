//! The columns of nodes (printNode).

use super::{Column, always, creation_age, name, text_or, wide};
use crate::core::Time;
use crate::core::collections::sort::Sort as _;
use crate::value::Value;

pub(super) const COLUMNS: &[Column] = &[
    always("Name"),
    always("Status"),
    always("Roles"),
    always("Age"),
    always("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];

/// The roles of a node, sorted: from labels `node-role.kubernetes.io/<role>` and `kubernetes.io/role: <role>`.
pub fn node_roles(node: &Value) -> Vec<String> {
    let mut roles: Vec<String> = node["metadata"]["labels"]
        .entries()
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role.to_string()),
            None if key == "kubernetes.io/role" => Some(value.str().to_string()),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.order();
    roles.dedup();
    roles
}

pub(super) fn row(node: &Value, now: Time) -> Vec<Value> {
    let mut status = match node.condition("Ready") {
        Some(ready) if ready["status"].str() == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_string();
    if node["spec"]["unschedulable"].is_true() {
        status += ",SchedulingDisabled";
    }
    let roles = node_roles(node).join(",");
    let address = |kind: &str| {
        let found = node["status"]["addresses"].items().iter().find(|address| address["type"].str() == kind);
        found.map_or(Value::from("<none>"), |address| address["address"].clone())
    };
    let info = &node["status"]["nodeInfo"];
    let kernel = match (info["kernelVersion"].str(), info["architecture"].str()) {
        ("", _) => "<unknown>".to_string(),
        (kernel, "") => kernel.to_string(),
        (kernel, architecture) => format!("{kernel} ({architecture})"),
    };
    vec![
        name(node),
        status.into(),
        if roles.is_empty() { "<none>".into() } else { roles.into() },
        creation_age(node, now),
        info["kubeletVersion"].text().into(),
        address("InternalIP"),
        address("ExternalIP"),
        text_or(&info["osImage"], "<unknown>"),
        kernel.into(),
        text_or(&info["containerRuntimeVersion"], "<unknown>"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn as_recorded() {
        let mut node = value!({
            "metadata": {
                "name": "kind-control-plane", "creationTimestamp": "2026-01-05T09:00:00Z",
                "labels": {"kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": ""},
            },
            "status": {
                "addresses": [{"address": "172.18.0.2", "type": "InternalIP"}, {"address": "kind-control-plane", "type": "Hostname"}],
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {
                    "architecture": "amd64", "kernelVersion": "6.12.0-generic", "kubeletVersion": "v1.36.2",
                    "containerRuntimeVersion": "containerd://2.2.0", "osImage": "Debian GNU/Linux 12 (bookworm)",
                },
            },
        });
        let line = |node: &Value| row(node, Time(900_000_000)).iter().map(Value::str).collect::<Vec<_>>().join("|");
        assert_eq!(
            line(&node),
            "kind-control-plane|Ready|control-plane|15m|v1.36.2|172.18.0.2|<none>|Debian GNU/Linux 12 (bookworm)|6.12.0-generic (amd64)|containerd://2.2.0"
        );
        node["spec"]["unschedulable"] = true.into();
        node["status"]["conditions"][0]["status"] = "Unknown".into();
        node["metadata"].remove("labels");
        assert!(line(&node).starts_with("kind-control-plane|NotReady,SchedulingDisabled|<none>|"));
    }
}

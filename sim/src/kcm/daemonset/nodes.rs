//! Which node a daemon pod is meant for, and which nodes it fits (`pkg/controller/daemon/util/daemonset_util.go`).

use crate::scheduler::terms::{Effect, RequiredNodeAffinity, Taint, Toleration};
use crate::value;
use crate::value::{Text, Value};

/// Conditions that daemon pods put up with.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Whether a daemon pod should be on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// One is to be made when there is none.
    pub run: bool,
    /// One that is there may stay.
    pub stay: bool,
}

/// What a DaemonSet's pods ask of a node.
#[derive(Debug)]
pub(crate) struct Needs {
    node_name: Text,
    affinity: RequiredNodeAffinity,
    tolerations: Vec<Toleration>,
}

impl Needs {
    /// Reads the template of a DaemonSet.
    pub(crate) fn of(set: &Value) -> Self {
        let mut spec = set["spec"]["template"]["spec"].clone();
        add_tolerations(&mut spec);
        Self {
            node_name: spec["nodeName"].text(),
            affinity: RequiredNodeAffinity::of(&spec),
            tolerations: Toleration::list(&spec["tolerations"]),
        }
    }

    /// Whether one of its pods should be on a node (NodeShouldRunDaemonPod).
    pub(crate) fn placement(&self, node: &Value) -> Placement {
        let name = node["metadata"]["name"].text();
        let fits =
            (self.node_name.is_empty() || self.node_name == name) && self.affinity.matches(&name, &node["metadata"]["labels"]);
        if !fits {
            return Placement { run: false, stay: false };
        }
        let taints = Taint::list(&node["spec"]["taints"]);
        let tolerated = |taint: &Taint| self.tolerations.iter().any(|toleration| toleration.tolerates(taint));
        let untolerated = |forbids: fn(Effect) -> bool| taints.iter().any(|taint| forbids(taint.effect) && !tolerated(taint));
        Placement { run: !untolerated(Effect::forbids), stay: !untolerated(|effect| effect == Effect::NoExecute) }
    }
}

/// The DaemonSet's template with tolerations and the labels that name its revision (CreatePodTemplate).
pub(super) fn template(set: &Value, hash: &Text) -> Value {
    let mut template = set["spec"]["template"].clone();
    add_tolerations(&mut template["spec"]);
    let labels = template["metadata"]["labels"].map_mut();
    labels.insert(super::HASH_LABEL, hash);
    if let Some(generation) = set.annotation("deprecated.daemonset.template.generation") {
        labels.insert("pod-template-generation", generation.to_string());
    }
    template
}

fn add_tolerations(spec: &mut Value) {
    let on_host_network = spec["hostNetwork"].is_true();
    let network = ("node.kubernetes.io/network-unavailable", "NoSchedule");
    for (key, effect) in TOLERATED.into_iter().chain(on_host_network.then_some(network)) {
        let same =
            |have: &Value| have["key"].str() == key && have["effect"].str() == effect && have["operator"].str() == "Exists";
        if !spec["tolerations"].items().iter().any(same) {
            spec["tolerations"].push(value!({"key": key, "operator": "Exists", "effect": effect}));
        }
    }
}

/// Binds a pod to a node by its name, through a required node affinity that the scheduler follows.
pub(super) fn pin(spec: &mut Value, node: &Text) {
    let by_name = value!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let required = &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    // It replaces whatever terms there are: the controller has checked them already.
    *required = value!({"nodeSelectorTerms": [{"matchFields": by_name}]});
}

/// The node that a daemon pod is on or is meant for.
pub(super) fn target(pod: &Value) -> Option<Text> {
    let spec = &pod["spec"];
    if !spec["nodeName"].is_empty() {
        return Some(spec["nodeName"].text());
    }
    let path = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    let terms = spec.at(&path).items();
    let by_name = |field: &&Value| field["key"].str() == "metadata.name" && field["operator"].str() == "In";
    terms.iter().flat_map(|term| term["matchFields"].items()).find(by_name).map(|field| field["values"][0].text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(taint: Option<(&'static str, &'static str)>, labels: Value) -> Value {
        let taints: Vec<Value> = taint.into_iter().map(|(key, effect)| value!({"key": key, "effect": effect})).collect();
        value!({"metadata": {"name": "kind-worker", "labels": labels}, "spec": {"taints": taints}})
    }

    fn set(selector: Value) -> Value {
        value!({"spec": {"template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"nodeSelector": selector}}}})
    }

    #[test]
    fn daemon_pods_run_where_others_do_not() {
        let both = |node: &Value, set: &Value| {
            let placement = Needs::of(set).placement(node);
            (placement.run, placement.stay)
        };
        let plain = set(Value::Null);
        assert_eq!(both(&node(Some(("node.kubernetes.io/unschedulable", "NoSchedule")), Value::Null), &plain), (true, true));
        assert_eq!(both(&node(Some(("node.kubernetes.io/unreachable", "NoExecute")), Value::Null), &plain), (true, true));
        assert_eq!(
            both(&node(Some(("node-role.kubernetes.io/control-plane", "NoSchedule")), Value::Null), &plain),
            (false, true)
        );
        assert_eq!(both(&node(Some(("maintenance", "NoExecute")), Value::Null), &plain), (false, false));
        let ssd = set(value!({"disktype": "ssd"}));
        assert_eq!(both(&node(None, Value::Null), &ssd), (false, false));
        assert_eq!(both(&node(None, value!({"disktype": "ssd"})), &ssd), (true, true));
    }

    #[test]
    fn a_pod_is_pinned_and_found_again() {
        let mut pod = value!({"spec": {"affinity": {"podAffinity": {"x": 1}}}});
        pin(&mut pod["spec"], &"kind-worker".into());
        assert_eq!(target(&pod), Some("kind-worker".into()));
        assert_eq!(pod["spec"]["affinity"]["podAffinity"]["x"].int(), 1);
        let mut network = value!({"hostNetwork": true, "tolerations": [{"operator": "Exists"}]});
        add_tolerations(&mut network);
        assert_eq!(network["tolerations"].items().len(), 8);
    }
}

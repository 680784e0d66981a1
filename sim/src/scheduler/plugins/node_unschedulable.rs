//! NodeUnschedulable: cordoned nodes are no place, except for pods that tolerate the taint that cordoned nodes have
//! (`plugins/nodeunschedulable`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::terms::{Effect, Taint};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeUnschedulable;

/// Whether a pod tolerates being put onto cordoned nodes, as those of DaemonSets do.
fn tolerates_cordon(pod: &PodInfo) -> bool {
    let taint = Taint { key: "node.kubernetes.io/unschedulable".into(), value: "".into(), effect: Effect::NoSchedule };
    pod.tolerations.iter().any(|toleration| toleration.tolerates(&taint))
}

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, _: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) => !node["spec"]["unschedulable"].is_true(),
            ClusterEvent::NodeChanged(old, new) => {
                old["spec"]["unschedulable"].is_true() && !new["spec"]["unschedulable"].is_true()
            }
            ClusterEvent::PodItself(old, new) => old.tolerations != new.tolerations && tolerates_cordon(new),
            _ => false,
        }
    }
}

impl PreFilter for NodeUnschedulable {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        if tolerates_cordon(cycle.pod) { PreFilterResult::Skip } else { PreFilterResult::Filter(Box::new(NotCordoned)) }
    }
}

#[derive(Debug)]
struct NotCordoned;

impl Filter for NotCordoned {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if node.unschedulable { Err(Rejection::unresolvable("node(s) were unschedulable")) } else { Ok(()) }
    }
}

//! NodeName: a pod that names its node goes nowhere else (`plugins/nodename`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        matches!(event, ClusterEvent::NodeAdded(node) if pod.node_name == *node.name())
    }
}

impl PreFilter for NodeName {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        if cycle.pod.node_name.is_empty() { PreFilterResult::Skip } else { PreFilterResult::Filter(Box::new(Named(cycle.pod))) }
    }
}

#[derive(Debug)]
struct Named<'a>(&'a PodInfo);

impl Filter for Named<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if self.0.node_name == node.name {
            Ok(())
        } else {
            Err(Rejection::unresolvable("node(s) didn't match the requested node name"))
        }
    }
}

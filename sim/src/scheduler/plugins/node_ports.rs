//! NodePorts: a host port can be taken once (`plugins/nodeports`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::{HostPort, PodInfo};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodePorts;

fn conflict(wanted: &[HostPort], taken: &[HostPort]) -> bool {
    wanted.iter().any(|port| taken.iter().any(|have| have.conflicts(port)))
}

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(_) => true,
            ClusterEvent::PodGone(gone) | ClusterEvent::NominationGone(gone) => conflict(&pod.host_ports, &gone.host_ports),
            _ => false,
        }
    }
}

impl PreFilter for NodePorts {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let wanted = &cycle.pod.host_ports;
        if wanted.is_empty() { PreFilterResult::Skip } else { PreFilterResult::Filter(Box::new(Free(wanted))) }
    }
}

#[derive(Debug)]
struct Free<'a>(&'a [HostPort]);

impl Filter for Free<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if conflict(self.0, &node.ports) {
            Err(Rejection::resolvable("node(s) didn't have free ports for the requested pod ports"))
        } else {
            Ok(())
        }
    }
}

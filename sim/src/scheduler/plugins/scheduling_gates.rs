//! SchedulingGates: a pod with gates waits until they are removed (`plugins/schedulinggates`).

use super::super::framework::{ClusterEvent, Plugin, PreEnqueue};
use super::super::pod_info::PodInfo;
use crate::value::Text;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> &'static str {
        "SchedulingGates"
    }
    fn pre_enqueue(&self) -> Option<&dyn PreEnqueue> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        matches!(event, ClusterEvent::PodItself(_, new) if new.key == pod.key && new.gates.is_empty())
    }
}

impl PreEnqueue for SchedulingGates {
    fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Text> {
        if pod.gates.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = pod.gates.iter().map(Text::as_str).collect();
        Err(Text::from(format!("waiting for scheduling gates: [{}]", names.join(" "))))
    }
}

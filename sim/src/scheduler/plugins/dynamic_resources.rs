//! DynamicResources: devices that pods claim. The simulated api-server has no ResourceClaims, so what remains of the plugin is
//! what every pod sees of it: pods with claims wait for them, others are told by PostFilter that there is nothing to give back
//! (`plugins/dynamicresources`).

use super::super::framework::{Cycle, FilterRun, Nomination, Plugin, PostFilter, PostFilterResult, PreEnqueue, PreScore, Score};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use crate::value::Text;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        "DynamicResources"
    }
    fn pre_enqueue(&self) -> Option<&dyn PreEnqueue> {
        Some(self)
    }
    fn post_filter(&self) -> Option<&dyn PostFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
}

impl PreEnqueue for DynamicResources {
    fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), Text> {
        match pod.resource_claims.first() {
            None => Ok(()),
            Some(_) => Err(Text::from(format!("pod {:?}: ResourceClaim not created yet", pod.key.as_str()))),
        }
    }
}

impl PostFilter for DynamicResources {
    fn post_filter(&self, run: &mut FilterRun<'_, '_>) -> PostFilterResult {
        if run.pre_filtered {
            PostFilterResult::Unschedulable { message: "no new claims to deallocate".into(), nomination: Nomination::Keep }
        } else {
            // The real plugin misses the state that its own PreFilter would have written, and this is how it says so.
            PostFilterResult::Error("not found".into())
        }
    }
}

impl PreScore for DynamicResources {
    fn pre_score<'a>(&'a self, _: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        Some(Box::new(NoDevices))
    }
}

#[derive(Debug)]
struct NoDevices;

impl Score for NoDevices {
    fn score(&mut self, _: &NodeInfo) -> i64 {
        0
    }
}

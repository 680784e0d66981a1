//! TaintToleration: nodes with taints that the pod does not tolerate are no place, or a worse one (`plugins/tainttoleration`).

use super::super::framework::{
    ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, PreScore, Rejection, Score, default_normalize,
};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::terms::{Effect, Taint, Toleration};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct TaintToleration;

/// Whether a pod tolerates all taints that forbid a node.
pub(super) fn tolerates_all(tolerations: &[Toleration], taints: &[Taint]) -> bool {
    let tolerated = |taint: &Taint| tolerations.iter().any(|toleration| toleration.tolerates(taint));
    taints.iter().filter(|taint| taint.effect.forbids()).all(tolerated)
}

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(new) => tolerates_all(&pod.tolerations, &Taint::list(&new["spec"]["taints"])),
            ClusterEvent::NodeChanged(old, new) => {
                let tolerates =
                    |node: &crate::value::Value| tolerates_all(&pod.tolerations, &Taint::list(&node["spec"]["taints"]));
                !tolerates(old) && tolerates(new)
            }
            ClusterEvent::PodItself(old, new) => old.tolerations != new.tolerations,
            _ => false,
        }
    }
}

impl PreFilter for TaintToleration {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        PreFilterResult::Filter(Box::new(Tolerated(&cycle.pod.tolerations)))
    }
}

#[derive(Debug)]
struct Tolerated<'a>(&'a [Toleration]);

impl Filter for Tolerated<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if tolerates_all(self.0, &node.taints) {
            Ok(())
        } else {
            Err(Rejection::unresolvable("node(s) had untolerated taint(s)"))
        }
    }
}

impl PreScore for TaintToleration {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        let counts = |toleration: &&'a Toleration| toleration.effect.is_none_or(|effect| effect == Effect::PreferNoSchedule);
        Some(Box::new(Disliked(cycle.pod.tolerations.iter().filter(counts).collect())))
    }
}

#[derive(Debug)]
struct Disliked<'a>(Vec<&'a Toleration>);

impl Score for Disliked<'_> {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        let disliked = |taint: &&Taint| {
            taint.effect == Effect::PreferNoSchedule && !self.0.iter().any(|toleration| toleration.tolerates(taint))
        };
        node.taints.iter().filter(disliked).count() as i64
    }
    fn normalize(&self, scores: &mut [i64]) {
        default_normalize(scores, true);
    }
}

//! VolumeZone: volumes with zone labels can be used in their zones only (`plugins/volumezone`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::terms::{REGION, ZONE};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeZone;

/// The labels of volumes that name their places; those of before v1.17 mean the same.
const LABELS: [(&str, &str); 4] = [
    (ZONE, "failure-domain.beta.kubernetes.io/zone"),
    (REGION, "failure-domain.beta.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", ZONE),
    ("failure-domain.beta.kubernetes.io/region", REGION),
];

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, _: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(_) | ClusterEvent::Storage(_) => true,
            ClusterEvent::NodeChanged(old, new) => old["metadata"]["labels"] != new["metadata"]["labels"],
            _ => false,
        }
    }
}

impl PreFilter for VolumeZone {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let objects = &cycle.snapshot.objects;
        let mut places = Vec::new();
        for claim in &cycle.pod.claims {
            let key = format!("{}/{}", cycle.pod.namespace, claim.name);
            let volume =
                objects.claims.get(key.as_str()).and_then(|claim| objects.volumes.get(claim["spec"]["volumeName"].str()));
            let Some(volume) = volume else { continue };
            for (label, same) in LABELS {
                if let Some(value) = volume.label(label) {
                    places.push((label, same, value.split("__").collect()));
                }
            }
        }
        if places.is_empty() { PreFilterResult::Skip } else { PreFilterResult::Filter(Box::new(Reachable(places))) }
    }
}

/// (label, its other spelling, values of which the node must have one)
#[derive(Debug)]
struct Reachable<'a>(Vec<(&'static str, &'static str, Vec<&'a str>)>);

impl Filter for Reachable<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let placed = |label: &str| node.labels[label].as_str();
        // A node without any such label is in no zone that a volume could be out of.
        if LABELS.iter().all(|(label, _)| placed(label).is_none()) {
            return Ok(());
        }
        let reachable = |(label, same, values): &(&str, &str, Vec<&str>)| {
            placed(label).or_else(|| placed(same)).is_some_and(|place| values.contains(&place))
        };
        if self.0.iter().all(reachable) { Ok(()) } else { Err(Rejection::unresolvable("node(s) had no available volume zone")) }
    }
}

//! VolumeZone: volumes with zone labels can be used in their zones only (`plugins/volumezone`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::snapshot::Objects;
use super::super::terms::{REGION, ZONE};
use super::storage::{claim, class_name, class_of, is_one_of, named, waits_for_consumer};
use crate::value::Value;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeZone;

/// The labels of volumes that name their places, and those of nodes in which a place may stand as well: the labels of before v1.17
/// mean the same as today's.
const LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", ZONE),
    ("failure-domain.beta.kubernetes.io/region", REGION),
    (ZONE, ZONE),
    (REGION, REGION),
];

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(_) => true,
            ClusterEvent::Storage(old, new) => match new.kind() {
                "PersistentVolumeClaim" => is_one_of(pod, new, named(pod)),
                "PersistentVolume" => old.is_none_or(|old| places(old) != places(new)),
                "StorageClass" => old.is_none() && waits_for_consumer(new),
                _ => false,
            },
            ClusterEvent::NodeChanged(old, new) => old["metadata"]["labels"] != new["metadata"]["labels"],
            _ => false,
        }
    }
}

/// A label, the other one of nodes that will do, and the values of which a node must have one.
type Place<'a> = (&'static str, &'static str, Vec<&'a str>);

/// The places that a volume can be used from; a list with an empty part is no list.
fn places(volume: &Value) -> Vec<Place<'_>> {
    let place = |(label, same): (&'static str, &'static str)| {
        let values: Vec<&str> = volume.label(label)?.split("__").map(str::trim).collect();
        (!values.contains(&"")).then_some((label, same, values))
    };
    LABELS.into_iter().filter_map(place).collect()
}

/// The places of the volumes that are bound to a pod's claims, or why they cannot be known.
fn places_of<'a>(pod: &PodInfo, objects: &'a Objects) -> Result<Vec<Place<'a>>, String> {
    let mut all = Vec::new();
    for wanted in named(pod) {
        let claim =
            claim(pod, wanted, objects).ok_or_else(|| format!("persistentvolumeclaim {:?} not found", wanted.name.as_str()))?;
        let volume = claim["spec"]["volumeName"].str();
        if !volume.is_empty() {
            let volume = objects.volumes.get(volume).ok_or_else(|| format!("persistentvolume {volume:?} not found"))?;
            all.extend(places(volume));
            continue;
        }
        let class = class_name(claim);
        if class.is_empty() {
            return Err("PersistentVolumeClaim had no pv name and storageClass name".into());
        }
        let class = class_of(claim, objects).ok_or_else(|| format!("storageclass.storage.k8s.io {class:?} not found"))?;
        if !waits_for_consumer(class) {
            return Err("PersistentVolume had no name".into());
        }
    }
    Ok(all)
}

impl PreFilter for VolumeZone {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        match places_of(cycle.pod, &cycle.snapshot.objects) {
            Ok(places) if places.is_empty() => PreFilterResult::Skip,
            Ok(places) => PreFilterResult::Filter(Box::new(Reachable(places))),
            Err(why) => PreFilterResult::Reject(Rejection::unresolvable(why)),
        }
    }
}

#[derive(Debug)]
struct Reachable<'a>(Vec<Place<'a>>);

impl Filter for Reachable<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let placed = |label: &str| node.labels[label].as_str();
        // A node without any such label is in no zone that a volume could be out of.
        if LABELS.iter().all(|(label, _)| placed(label).is_none()) {
            return Ok(());
        }
        let reachable = |(label, same, values): &Place<'_>| {
            placed(label).or_else(|| placed(same)).is_some_and(|place| values.contains(&place))
        };
        if self.0.iter().all(reachable) { Ok(()) } else { Err(Rejection::unresolvable("node(s) had no available volume zone")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_volume_of_old_can_be_used_in_the_zone_of_today_but_not_the_other_way_round() {
        let reaches = |volume: &'static str, node: &'static str, zone: &'static str| {
            let volume = value!({"metadata": {"labels": {volume: "a__b"}}});
            let mut info = NodeInfo::default();
            info.read(&value!({"metadata": {"labels": {node: zone}}}));
            Reachable(places(&volume)).filter(&info).is_ok()
        };
        let old = "failure-domain.beta.kubernetes.io/zone";
        assert!(reaches(ZONE, ZONE, "b") && reaches(old, ZONE, "a") && reaches(old, old, "a"));
        assert!(!reaches(ZONE, ZONE, "c") && !reaches(ZONE, old, "a"));
        // A node without any such label is in every zone.
        assert!(reaches(ZONE, "disk", "ssd"));
        assert!(places(&value!({"metadata": {"labels": {ZONE: "a__"}}})).is_empty());
    }
}

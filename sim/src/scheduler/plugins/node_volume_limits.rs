//! NodeVolumeLimits: how many volumes of a CSI driver a node can attach (`plugins/nodevolumelimits/csi.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::{ClaimRef, PodInfo};
use super::super::snapshot::Objects;
use super::storage::{claim, claim_key, class_of, is_claim_of};
use crate::value::{Text, Value};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeVolumeLimits;

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        "NodeVolumeLimits"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::PodGone(gone) => !gone.claims.is_empty(),
            ClusterEvent::Storage(None, new) => new.kind() == "CSINode" || is_claim_of(pod, new),
            ClusterEvent::Storage(Some(old), new) => {
                let before = limits(old);
                let grows = |(driver, limit): (&str, i64)| before.get(driver).is_some_and(|before| *before < limit);
                new.kind() == "CSINode" && limits(new).into_iter().any(grows)
            }
            _ => false,
        }
    }
}

/// The driver and the handle of each CSI volume that a pod uses; of volumes that are yet to be made, the claim stands for the handle.
fn volumes(pod: &PodInfo, objects: &Objects) -> BTreeSet<(Text, Text)> {
    let volume = |wanted: &ClaimRef| {
        let object = claim(pod, wanted, objects)?;
        let volume = if let Some(volume) = objects.volumes.get(object["spec"]["volumeName"].str()) {
            let csi = volume["spec"].get("csi")?;
            (csi["driver"].text(), csi["volumeHandle"].text())
        } else {
            (class_of(object, objects)?["provisioner"].text(), claim_key(pod, wanted))
        };
        (!volume.0.is_empty() && !volume.1.is_empty()).then_some(volume)
    };
    pod.claims.iter().filter_map(volume).collect()
}

/// How many volumes of which driver a node takes.
fn limits(csi_node: &Value) -> BTreeMap<&str, i64> {
    let limit = |driver: &'_ Value| driver["allocatable"]["count"].as_int();
    csi_node["spec"]["drivers"].items().iter().filter_map(|driver| Some((driver["name"].str(), limit(driver)?))).collect()
}

impl PreFilter for NodeVolumeLimits {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let objects = &cycle.snapshot.objects;
        let wanted = volumes(cycle.pod, objects);
        if wanted.is_empty() || objects.csi_nodes.is_empty() {
            return PreFilterResult::Skip;
        }
        PreFilterResult::Filter(Box::new(Attachable { wanted, objects }))
    }
}

#[derive(Debug)]
struct Attachable<'a> {
    wanted: BTreeSet<(Text, Text)>,
    objects: &'a Objects,
}

impl Filter for Attachable<'_> {
    fn looks_at_pods(&self) -> bool {
        true
    }
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(csi_node) = self.objects.csi_nodes.get(&node.name) else { return Ok(()) };
        let limits = limits(csi_node);
        if !self.wanted.iter().any(|(driver, _)| limits.contains_key(driver.as_str())) {
            return Ok(());
        }
        let attached: BTreeSet<(Text, Text)> = node.pods.iter().flat_map(|pod| volumes(&pod.info, self.objects)).collect();
        // A volume that is there already is not attached again.
        let new: Vec<&(Text, Text)> = self.wanted.difference(&attached).collect();
        let too_many = |(driver, limit): (&&str, &i64)| {
            let new = new.iter().filter(|(wanted, _)| wanted == *driver).count();
            new > 0 && (attached.iter().filter(|(have, _)| have == *driver).count() + new) as i64 > *limit
        };
        if limits.iter().any(too_many) { Err(Rejection::resolvable("node(s) exceed max volume count")) } else { Ok(()) }
    }
}

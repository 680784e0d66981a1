//! NodeVolumeLimits: how many volumes of a CSI driver a node can attach (`plugins/nodevolumelimits/csi.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::snapshot::Objects;
use crate::value::Text;

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
    fn helps(&self, _: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::PodGone(gone) => !gone.claims.is_empty(),
            ClusterEvent::Storage(object) => matches!(object.kind(), "CSINode" | "PersistentVolumeClaim"),
            _ => false,
        }
    }
}

/// The driver and the handle of each CSI volume that a pod uses; of volumes that are yet to be made, the claim stands for the handle.
fn volumes(pod: &PodInfo, objects: &Objects) -> BTreeSet<(Text, Text)> {
    let volume = |claim: &super::super::pod_info::ClaimRef| {
        let key = format!("{}/{}", pod.namespace, claim.name);
        let object = objects.claims.get(key.as_str())?;
        if let Some(volume) = objects.volumes.get(object["spec"]["volumeName"].str()) {
            let csi = volume["spec"].get("csi")?;
            return Some((csi["driver"].text(), csi["volumeHandle"].text()));
        }
        let class = objects.storage_classes.get(object["spec"]["storageClassName"].str())?;
        Some((class["provisioner"].text(), Text::from(key)))
    };
    pod.claims.iter().filter_map(volume).collect()
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
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(csi_node) = self.objects.csi_nodes.get(&node.name) else { return Ok(()) };
        let limits: BTreeMap<&str, i64> = csi_node["spec"]["drivers"]
            .items()
            .iter()
            .filter_map(|driver| Some((driver["name"].str(), driver["allocatable"]["count"].as_int()?)))
            .collect();
        if !self.wanted.iter().any(|(driver, _)| limits.contains_key(driver.as_str())) {
            return Ok(());
        }
        let mut attached: BTreeSet<(Text, Text)> = node.pods.iter().flat_map(|pod| volumes(&pod.info, self.objects)).collect();
        attached.extend(self.wanted.iter().cloned());
        let too_many = |(driver, limit): (&&str, &i64)| {
            let asked_for = self.wanted.iter().any(|(wanted, _)| wanted == *driver);
            asked_for && attached.iter().filter(|(have, _)| have == *driver).count() as i64 > *limit
        };
        if limits.iter().any(too_many) { Err(Rejection::resolvable("node(s) exceed max volume count")) } else { Ok(()) }
    }
}

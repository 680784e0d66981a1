//! VolumeRestrictions: claims for one pod only, and disks that nodes cannot share (`plugins/volumerestrictions`).

use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, PreFilter, PreFilterResult, Rejection};
use super::super::node_info::{NodeInfo, NodePod};
use super::super::pod_info::PodInfo;
use super::storage::{claim, is_one_of, named};
use crate::value::{Text, Value};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeRestrictions;

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::PodGone(gone) | ClusterEvent::NominationGone(gone) => {
                gone.namespace == pod.namespace && (shares_claim(pod, gone) || disks_conflict(pod, gone))
            }
            ClusterEvent::Storage(None, claim) => is_one_of(pod, claim, named(pod)),
            ClusterEvent::NodeAdded(_) => true,
            _ => false,
        }
    }
}

fn shares_claim(one: &PodInfo, other: &PodInfo) -> bool {
    named(one).any(|claim| named(other).any(|have| have.name == claim.name))
}

/// Whether two volumes are the same disk, which may be used twice only where both just read (isVolumeConflict).
fn conflict(one: &Value, other: &Value) -> bool {
    let both_read = |kind: &str| one[kind]["readOnly"].is_true() && other[kind]["readOnly"].is_true();
    let same = |kind: &str, field: &str| !one[kind][field].is_null() && one[kind][field] == other[kind][field];
    let same_rbd = || {
        let monitors = one["rbd"]["monitors"].items().iter().any(|monitor| other["rbd"]["monitors"].items().contains(monitor));
        monitors && same("rbd", "pool") && same("rbd", "image") && !both_read("rbd")
    };
    (same("gcePersistentDisk", "pdName") && !both_read("gcePersistentDisk"))
        || same("awsElasticBlockStore", "volumeID")
        || (same("iscsi", "iqn") && !both_read("iscsi"))
        || same_rbd()
}

fn disks_conflict(one: &PodInfo, other: &PodInfo) -> bool {
    one.disks.iter().any(|disk| other.disks.iter().any(|have| conflict(disk, have)))
}

impl PreFilter for VolumeRestrictions {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        let pod = cycle.pod;
        let mut exclusive = Vec::new();
        for wanted in named(pod) {
            let Some(object) = claim(pod, wanted, &cycle.snapshot.objects) else {
                let missing = format!("persistentvolumeclaim {:?} not found", wanted.name.as_str());
                return PreFilterResult::Reject(Rejection::unresolvable(missing));
            };
            if object["spec"]["accessModes"].items().iter().any(|mode| mode.str() == "ReadWriteOncePod") {
                exclusive.push(wanted.name.clone());
            }
        }
        let mut users = 0;
        if !exclusive.is_empty() {
            for node in cycle.snapshot.nodes() {
                users += node.pods.iter().filter(|other| uses(&other.info, pod, &exclusive)).count();
            }
        }
        if users == 0 && pod.disks.is_empty() {
            return PreFilterResult::Skip;
        }
        PreFilterResult::Filter(Box::new(Alone { pod, exclusive, users }))
    }
}

fn uses(other: &PodInfo, pod: &PodInfo, claims: &[Text]) -> bool {
    other.namespace == pod.namespace && named(other).any(|claim| claims.contains(&claim.name))
}

#[derive(Clone, Debug)]
struct Alone<'a> {
    pod: &'a PodInfo,
    /// The claims that only one pod may use.
    exclusive: Vec<Text>,
    /// How many pods use them, anywhere.
    users: usize,
}

impl Filter for Alone<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if node.pods.iter().any(|other| disks_conflict(self.pod, &other.info)) {
            return Err(Rejection::resolvable("node(s) had no available disk"));
        }
        if self.users > 0 {
            let reason = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";
            return Err(Rejection::resolvable(reason));
        }
        Ok(())
    }
    fn pod_added(&mut self, pod: &NodePod, _: &NodeInfo) {
        self.users += usize::from(uses(&pod.info, self.pod, &self.exclusive));
    }
    fn pod_removed(&mut self, pod: &NodePod, _: &NodeInfo) {
        self.users -= usize::from(uses(&pod.info, self.pod, &self.exclusive));
    }
    fn looks_at_pods(&self) -> bool {
        !self.pod.disks.is_empty()
    }
    fn imagine(&self) -> Option<Box<dyn Filter + '_>> {
        Some(Box::new(self.clone()))
    }
}

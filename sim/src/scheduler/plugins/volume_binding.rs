//! VolumeBinding: claims that are bound restrict a pod to the nodes that reach their volumes; claims that wait for their first
//! consumer are bound to a volume, or given to a provisioner, for the chosen node (`plugins/volumebinding/{volume_binding,binder}.go`).

use super::super::framework::{
    BeforeBinding, ClusterEvent, Cycle, Filter, Plugin, PreBind, PreFilter, PreFilterResult, Rejection, Reserve,
};
use super::super::node_info::NodeInfo;
use super::super::pod_info::{ClaimRef, PodInfo};
use super::super::snapshot::Objects;
use super::super::terms::RequiredNodeAffinity;
use super::storage::{claim, class_name, class_of, is_claim_of, waits_for_consumer};
use crate::api::quantity::Quantity;
use crate::api::resource::{PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES};
use crate::api::selector::LabelSelector;
use crate::core::{Duration, Request};
use crate::value;
use crate::value::{Text, Value};

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const NO_VOLUME: &str = "node(s) didn't find available persistent volumes to bind";
const NO_SPACE: &str = "node(s) did not have enough free storage";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeBinding {
    /// How long a pod waits for its volumes to be bound.
    pub bind_timeout: Duration,
}

impl Default for VolumeBinding {
    fn default() -> Self {
        Self { bind_timeout: Duration::s(600) }
    }
}

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }
    fn pre_filter(&self) -> Option<&dyn PreFilter> {
        Some(self)
    }
    fn reserve(&self) -> Option<&dyn Reserve> {
        Some(self)
    }
    fn pre_bind(&self) -> Option<&dyn PreBind> {
        Some(self)
    }
    fn helps(&self, pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::Storage(old, new) => match new.kind() {
                "PersistentVolumeClaim" => is_claim_of(pod, new),
                "StorageClass" => old.is_none_or(|old| old["allowedTopologies"] != new["allowedTopologies"]),
                "CSINode" => old.is_none(),
                _ => true,
            },
            ClusterEvent::NodeAdded(_) => true,
            ClusterEvent::NodeChanged(old, new) => old["metadata"]["labels"] != new["metadata"]["labels"],
            _ => false,
        }
    }
}

/// The claims of a pod by what is to be done with them.
#[derive(Clone, Debug, Default)]
struct Claims<'a> {
    /// The volumes of bound claims; `None` when the volume is missing.
    bound: Vec<Option<&'a Value>>,
    /// Claims that wait for a node.
    waiting: Vec<&'a Value>,
}

fn sort_claims<'a>(pod: &PodInfo, objects: &'a Objects) -> Result<Claims<'a>, String> {
    let mut claims = Claims::default();
    let mut immediate = false;
    for wanted in &pod.claims {
        let name = wanted.name.as_str();
        let claim = claim(pod, wanted, objects).ok_or_else(|| {
            if wanted.ephemeral {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
            } else {
                format!("persistentvolumeclaim {name:?} not found")
            }
        })?;
        let volume = claim["spec"]["volumeName"].str();
        if claim["status"]["phase"].str() == "Lost" {
            return Err(format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"));
        }
        if claim.is_terminating() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if wanted.ephemeral && claim.controller().is_none_or(|owner| owner["uid"].str() != &*pod.uid) {
            let (claim, pod) = (claim.key(), &pod.key);
            return Err(format!("PVC {claim} was not created for pod {pod} (pod is not owner)"));
        }
        if is_bound(claim) {
            claims.bound.push(objects.volumes.get(volume));
        } else if volume.is_empty() && class_of(claim, objects).is_some_and(waits_for_consumer) {
            claims.waiting.push(claim);
        } else {
            immediate = true;
        }
    }
    if immediate { Err("pod has unbound immediate PersistentVolumeClaims".into()) } else { Ok(claims) }
}

fn is_bound(claim: &Value) -> bool {
    !claim["spec"]["volumeName"].str().is_empty() && claim.annotation(BIND_COMPLETED).is_some()
}

impl PreFilter for VolumeBinding {
    fn pre_filter<'a>(&'a self, cycle: &Cycle<'a>) -> PreFilterResult<'a> {
        if cycle.pod.claims.is_empty() {
            return PreFilterResult::Skip;
        }
        let objects = &cycle.snapshot.objects;
        match sort_claims(cycle.pod, objects) {
            Ok(claims) => PreFilterResult::Filter(Box::new(Bindable { claims, objects })),
            Err(message) => PreFilterResult::Reject(Rejection::unresolvable(message)),
        }
    }
}

/// What is done for one claim on a node.
#[derive(Clone, Debug)]
enum Plan<'a> {
    /// It is bound to this volume.
    Bind { claim: &'a Value, volume: &'a Value },
    /// A provisioner makes a volume.
    Provision { claim: &'a Value },
}

#[derive(Debug)]
struct Bindable<'a> {
    claims: Claims<'a>,
    objects: &'a Objects,
}

impl<'a> Bindable<'a> {
    /// What is to be done so that the pod can use its claims on this node.
    fn plan(&self, node: &NodeInfo) -> Result<Vec<Plan<'a>>, Rejection> {
        let mut reasons: Vec<Text> = Vec::new();
        // The first volume that is not right decides.
        let wrong = self.claims.bound.iter().find(|volume| volume.is_none_or(|volume| !reaches(volume, node)));
        if matches!(wrong, Some(Some(_))) {
            reasons.push("node(s) didn't match PersistentVolume's node affinity".into());
        }
        let mut plans = Vec::new();
        let mut waiting = self.claims.waiting.clone();
        waiting.sort_by_key(|claim| storage(claim));
        for claim in waiting {
            let plan = match claim.annotation(SELECTED_NODE) {
                Some(selected) if selected != &*node.name => Err(NO_VOLUME),
                Some(_) => self.provision(claim, node),
                None => self.find(claim, node, &plans).map_or_else(|| self.provision(claim, node), Ok),
            };
            match plan {
                Ok(plan) => plans.push(plan),
                Err(reason) => {
                    reasons.push(reason.into());
                    break;
                }
            }
        }
        if matches!(wrong, Some(None)) {
            reasons.push("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)".into());
        }
        if reasons.is_empty() { Ok(plans) } else { Err(Rejection { resolvable: false, reasons: reasons.into() }) }
    }

    /// The volume that is kept for the claim, else the smallest one that will do (volume.FindMatchingVolume).
    fn find(&self, claim: &'a Value, node: &NodeInfo, taken: &[Plan<'a>]) -> Option<Plan<'a>> {
        let is_taken =
            |volume: &Value| taken.iter().any(|plan| matches!(plan, Plan::Bind { volume: have, .. } if have.same(volume)));
        let suits = |volume: &&Value| {
            !volume.is_terminating()
                && class_name(volume) == class_name(claim)
                && mode(volume) == mode(claim)
                && storage(volume) >= storage(claim)
                && volume["spec"]["volumeAttributesClassName"].str() == claim["spec"]["volumeAttributesClassName"].str()
                && !is_taken(volume)
        };
        let volumes: Vec<&Value> = self.objects.volumes.values().filter(suits).collect();
        // What is kept for the claim is used on nodes that reach it, or not at all.
        if let Some(volume) = volumes.iter().find(|volume| is_kept_for(volume, claim)) {
            return reaches(volume, node).then_some(Plan::Bind { claim, volume });
        }
        let selector = &claim["spec"]["selector"];
        let selector = if selector.is_null() { LabelSelector::everything() } else { LabelSelector::of(selector) };
        let is_free = |volume: &&Value| {
            let modes = volume["spec"]["accessModes"].items();
            // What a person has written down has no phase.
            matches!(volume["status"]["phase"].str(), "Available" | "")
                && volume["spec"]["claimRef"].is_null()
                && claim["spec"]["accessModes"].items().iter().all(|mode| modes.contains(mode))
                && selector.matches_object(volume)
                && reaches(volume, node)
        };
        let volume = volumes.into_iter().filter(is_free).min_by_key(|volume| storage(volume))?;
        Some(Plan::Bind { claim, volume })
    }

    /// Whether a provisioner can make a volume that this node reaches (checkVolumeProvisions).
    fn provision(&self, claim: &'a Value, node: &NodeInfo) -> Result<Plan<'a>, &'static str> {
        let class = class_of(claim, self.objects).ok_or(NO_VOLUME)?;
        let provisioner = class["provisioner"].str();
        let allowed = |term: &Value| {
            let holds = |expression: &Value| {
                let value = &node.labels[expression["key"].str()];
                expression["values"].items().contains(value)
            };
            term["matchLabelExpressions"].items().iter().all(holds)
        };
        let topologies = class["allowedTopologies"].items();
        let is_there = topologies.is_empty() || topologies.iter().any(allowed);
        if provisioner.is_empty() || provisioner == NO_PROVISIONER || !is_there {
            return Err(NO_VOLUME);
        }
        if self.has_capacity(claim, class, node) { Ok(Plan::Provision { claim }) } else { Err(NO_SPACE) }
    }

    /// Whether the driver has room for the volume where this node is, as far as it tells (hasEnoughCapacity).
    fn has_capacity(&self, claim: &Value, class: &Value, node: &NodeInfo) -> bool {
        let driver = self.objects.csi_drivers.get(class["provisioner"].str());
        if !driver.is_some_and(|driver| driver["spec"]["storageCapacity"].is_true()) {
            return true;
        }
        let is_enough = |capacity: &Value| {
            let limit = if capacity["maximumVolumeSize"].is_null() { "capacity" } else { "maximumVolumeSize" };
            let topology = &capacity["nodeTopology"];
            capacity["storageClassName"].str() == class.name()
                && !capacity[limit].is_null()
                && Quantity::of(&capacity[limit]).units() >= storage(claim)
                && !topology.is_null()
                && LabelSelector::of(topology).matches(&node.labels)
        };
        self.objects.csi_capacities.values().any(is_enough)
    }
}

impl Filter for Bindable<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        self.plan(node).map(|_| ())
    }
}

/// Whether a volume's reference is to this claim (volume.IsVolumeBoundToClaim).
fn is_kept_for(volume: &Value, claim: &Value) -> bool {
    let reference = &volume["spec"]["claimRef"];
    let uid = reference["uid"].str();
    reference["name"].str() == claim.name()
        && reference["namespace"].str() == claim.namespace()
        && (uid.is_empty() || uid == claim["metadata"]["uid"].str())
}

fn reaches(volume: &Value, node: &NodeInfo) -> bool {
    RequiredNodeAffinity::of_volume(&volume["spec"]["nodeAffinity"]).matches(&node.name, &node.labels)
}

fn mode(object: &Value) -> &str {
    object["spec"]["volumeMode"].as_str().unwrap_or("Filesystem")
}

/// The size of a volume, or what a claim asks for, in bytes.
fn storage(object: &Value) -> i64 {
    let spec = &object["spec"];
    let list = if spec["capacity"].is_null() { &spec["resources"]["requests"] } else { &spec["capacity"] };
    Quantity::of(&list["storage"]).units()
}

/// The objects as they are to be for this node: volumes with their claim, claims with their node.
fn assumed(cycle: &Cycle<'_>, node: &NodeInfo) -> Result<Vec<Value>, Text> {
    let objects = &cycle.snapshot.objects;
    let claims = sort_claims(cycle.pod, objects).map_err(Text::from)?;
    let plans = Bindable { claims, objects }.plan(node).map_err(|rejection| Text::from(rejection.reasons.join()))?;
    let object = |plan: &Plan<'_>| match plan {
        Plan::Bind { claim, volume } => {
            let mut bound = (*volume).clone();
            bound["kind"] = "PersistentVolume".into();
            bound["spec"]["claimRef"] = value!({
                "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": claim["metadata"]["namespace"].text(),
                "name": claim["metadata"]["name"].text(), "uid": claim["metadata"]["uid"].text(),
                "resourceVersion": claim["metadata"]["resourceVersion"].text(),
            });
            bound["metadata"]["annotations"].map_mut().insert(BOUND_BY_CONTROLLER, "yes");
            bound
        }
        Plan::Provision { claim } => {
            let mut selected = (*claim).clone();
            selected["kind"] = "PersistentVolumeClaim".into();
            selected["metadata"]["annotations"].map_mut().insert(SELECTED_NODE, node.name.clone());
            selected
        }
    };
    Ok(plans.iter().map(object).collect())
}

impl Reserve for VolumeBinding {
    fn reserve(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<Vec<Value>, Text> {
        if cycle.pod.claims.is_empty() { Ok(Vec::new()) } else { assumed(cycle, node) }
    }
}

impl PreBind for VolumeBinding {
    fn pre_bind(&self, cycle: &Cycle<'_>, node: &NodeInfo, first: bool) -> Result<BeforeBinding, Text> {
        let objects = &cycle.snapshot.objects;
        let is_open = |wanted: &&ClaimRef| claim(cycle.pod, wanted, objects).is_none_or(|claim| !is_bound(claim));
        let open = cycle.pod.claims.iter().filter(is_open).count();
        let requests = if first && open > 0 {
            let update = |object: Value| {
                let volume = object.kind() == "PersistentVolume";
                Request::update(if volume { PERSISTENTVOLUMES } else { PERSISTENTVOLUMECLAIMS }, object)
            };
            assumed(cycle, node)?.into_iter().map(update).collect()
        } else {
            Vec::new()
        };
        Ok(BeforeBinding { requests, wait: (open > 0).then_some(self.bind_timeout) })
    }
}

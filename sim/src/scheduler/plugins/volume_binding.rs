//! VolumeBinding: claims that are bound restrict a pod to the nodes that reach their volumes; claims that wait for their first
//! consumer are bound to a volume, or given to a provisioner, for the chosen node (`plugins/volumebinding/{volume_binding,binder}.go`).

use super::super::framework::{
    BeforeBinding, ClusterEvent, Cycle, Filter, Plugin, PreBind, PreFilter, PreFilterResult, Rejection, Reserve,
};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::snapshot::Objects;
use super::super::terms::RequiredNodeAffinity;
use crate::api::quantity::Quantity;
use crate::api::resource::{PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES};
use crate::api::selector::LabelSelector;
use crate::core::Request;
use crate::value;
use crate::value::{Text, Value};

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeBinding;

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
            ClusterEvent::Storage(object) if object.kind() == "PersistentVolumeClaim" => {
                object.namespace() == &*pod.namespace && pod.claims.iter().any(|claim| claim.name == *object.name())
            }
            ClusterEvent::Storage(_) | ClusterEvent::NodeAdded(_) => true,
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
        let claim = objects.claims.get(format!("{}/{name}", pod.namespace).as_str()).ok_or_else(|| {
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
        if is_bound(claim) {
            claims.bound.push(objects.volumes.get(volume));
        } else if volume.is_empty() && waits_for_consumer(claim, objects) {
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

fn class_of<'a>(claim: &Value, objects: &'a Objects) -> Option<&'a Value> {
    objects.storage_classes.get(claim["spec"]["storageClassName"].str())
}

fn waits_for_consumer(claim: &Value, objects: &Objects) -> bool {
    class_of(claim, objects).is_some_and(|class| class["volumeBindingMode"].str() == "WaitForFirstConsumer")
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
        for volume in &self.claims.bound {
            match volume {
                None => {
                    let reason = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
                    return Err(Rejection::unresolvable(reason));
                }
                Some(volume) if !reaches(volume, node) => {
                    reasons = vec!["node(s) didn't match PersistentVolume's node affinity".into()];
                }
                Some(_) => {}
            }
        }
        let mut plans = Vec::new();
        let mut waiting = self.claims.waiting.clone();
        waiting.sort_by_key(|claim| storage(claim));
        for claim in waiting {
            let plan = match claim.annotation(SELECTED_NODE) {
                Some(selected) if selected != &*node.name => None,
                Some(_) => self.provision(claim, node),
                None => self.find(claim, node, &plans).or_else(|| self.provision(claim, node)),
            };
            let Some(plan) = plan else {
                reasons.push("node(s) didn't find available persistent volumes to bind".into());
                break;
            };
            plans.push(plan);
        }
        if reasons.is_empty() { Ok(plans) } else { Err(Rejection { resolvable: false, reasons: reasons.into() }) }
    }

    /// The smallest volume that will do (volume.FindMatchingVolume).
    fn find(&self, claim: &'a Value, node: &NodeInfo, taken: &[Plan<'a>]) -> Option<Plan<'a>> {
        let is_taken =
            |volume: &Value| taken.iter().any(|plan| matches!(plan, Plan::Bind { volume: have, .. } if have.same(volume)));
        let selector = &claim["spec"]["selector"];
        let selector = if selector.is_null() { LabelSelector::everything() } else { LabelSelector::of(selector) };
        let suits = |volume: &&Value| {
            let spec = &volume["spec"];
            let modes = spec["accessModes"].items();
            let reference = &spec["claimRef"];
            let mine = reference["name"].str() == claim.name() && reference["namespace"].str() == claim.namespace();
            let free = match volume["status"]["phase"].str() {
                "Available" | "" => reference.is_null() || mine,
                _ => false,
            };
            free && !volume.is_terminating()
                && spec["storageClassName"].str() == claim["spec"]["storageClassName"].str()
                && mode(volume) == mode(claim)
                && storage(volume) >= storage(claim)
                && claim["spec"]["accessModes"].items().iter().all(|mode| modes.contains(mode))
                && (mine || selector.matches_object(volume))
                && reaches(volume, node)
                && !is_taken(volume)
        };
        let volume = self.objects.volumes.values().filter(suits).min_by_key(|volume| storage(volume))?;
        Some(Plan::Bind { claim, volume })
    }

    fn provision(&self, claim: &'a Value, node: &NodeInfo) -> Option<Plan<'a>> {
        let class = class_of(claim, self.objects)?;
        let provisioner = class["provisioner"].str();
        let allowed = |term: &Value| {
            let holds = |expression: &Value| {
                let value = &node.labels[expression["key"].str()];
                expression["values"].items().contains(value)
            };
            term["matchLabelExpressions"].items().iter().all(holds)
        };
        let topologies = class["allowedTopologies"].items();
        let possible =
            !provisioner.is_empty() && provisioner != NO_PROVISIONER && (topologies.is_empty() || topologies.iter().any(allowed));
        possible.then_some(Plan::Provision { claim })
    }
}

impl Filter for Bindable<'_> {
    fn filter(&self, node: &NodeInfo) -> Result<(), Rejection> {
        self.plan(node).map(|_| ())
    }
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
        let claim = |name: &Text| objects.claims.get(format!("{}/{name}", cycle.pod.namespace).as_str());
        let open = cycle.pod.claims.iter().filter(|wanted| claim(&wanted.name).is_none_or(|claim| !is_bound(claim))).count();
        let requests = if first && open > 0 {
            let update = |object: Value| {
                let volume = object.kind() == "PersistentVolume";
                Request::update(if volume { PERSISTENTVOLUMES } else { PERSISTENTVOLUMECLAIMS }, object)
            };
            assumed(cycle, node)?.into_iter().map(update).collect()
        } else {
            Vec::new()
        };
        Ok(BeforeBinding { requests, wait: open > 0 })
    }
}

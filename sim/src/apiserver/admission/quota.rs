//! ResourceQuota: refuses what would exceed a namespace's quota (apiserver's plugin/resourcequota).
//!
//! Upstream's plugin counts against `status.used`, which the quota controller keeps and the plugin itself raises by a write. Here
//! usage is counted from the objects in the cache, so that no write is needed; the verdicts and the words are the same.

use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;

use super::super::ApiServer;
use crate::api::quantity::{Format, Quantity};
use crate::api::resource::{
    CONFIGMAPS, DEPLOYMENTS, PERSISTENTVOLUMECLAIMS, PODS, REPLICASETS, RESOURCEQUOTAS, SECRETS, SERVICES,
};
use crate::api::{ApiError, Resource, pod};
use crate::value::Value;

impl ApiServer {
    /// Refuses an object that would take a quota's resource over its hard limit.
    pub(in super::super) fn admit_quota(&self, resource: Resource, object: &Value) -> Result<(), ApiError> {
        for quota in self.caches.list_in(RESOURCEQUOTAS, object.namespace()) {
            let mut missing = Vec::new();
            let (mut requested, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
            for (name, hard) in quota["spec"]["hard"].entries() {
                let Some(counted) = counted_resource(name).filter(|counted| *counted == resource) else { continue };
                if resource == PODS && demand(object, name).is_none() {
                    missing.push(format!("{name} for: {}", lacking(object, name)));
                    continue;
                }
                let adds = demand(object, name).unwrap_or_default();
                let total = self
                    .caches
                    .list_in(counted, object.namespace())
                    .filter(|other| !matches!(other["status"]["phase"].str(), "Succeeded" | "Failed"))
                    .fold(Quantity::default(), |sum, other| sum + demand(other, name).unwrap_or_default());
                if adds > Quantity::default() && total + adds > Quantity::of(hard) {
                    requested.push(format!("{name}={adds}"));
                    used.push(format!("{name}={total}"));
                    limited.push(format!("{name}={}", Quantity::of(hard)));
                }
            }
            if !missing.is_empty() {
                let why = format!("failed quota: {}: must specify {}", quota.name(), missing.join("; "));
                return Err(ApiError::forbidden(&resource.group_resource(), object.name(), &why));
            }
            if !requested.is_empty() {
                let why = format!(
                    "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                    quota.name(),
                    requested.join(","),
                    used.join(","),
                    limited.join(",")
                );
                return Err(ApiError::forbidden(&resource.group_resource(), object.name(), &why));
            }
        }
        Ok(())
    }
}

/// The containers of a pod that do not say how much of a quota's resource they need.
fn lacking(pod: &Value, name: &str) -> String {
    let Some((list, resource)) = compute(name) else { return String::new() };
    let containers = pod["spec"]["containers"].items().iter().chain(pod["spec"]["initContainers"].items());
    let mut names: Vec<&str> = containers
        .filter(|container| container["resources"][list][resource].is_null())
        .map(|container| container["name"].str())
        .collect();
    names.order();
    names.join(",")
}

/// Which objects a quota's resource counts.
fn counted_resource(name: &str) -> Option<Resource> {
    let counts: PMap<&str, Resource> = PMap::from([
        ("pods", PODS),
        ("count/pods", PODS),
        ("cpu", PODS),
        ("memory", PODS),
        ("requests.cpu", PODS),
        ("requests.memory", PODS),
        ("limits.cpu", PODS),
        ("limits.memory", PODS),
        ("services", SERVICES),
        ("configmaps", CONFIGMAPS),
        ("count/configmaps", CONFIGMAPS),
        ("secrets", SECRETS),
        ("persistentvolumeclaims", PERSISTENTVOLUMECLAIMS),
        ("count/deployments.apps", DEPLOYMENTS),
        ("count/replicasets.apps", REPLICASETS),
    ]);
    counts.get(name).copied()
}

/// The list and the resource in it that a quota's resource counts, if it is one that containers ask for.
fn compute(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "cpu" | "requests.cpu" => ("requests", "cpu"),
        "memory" | "requests.memory" => ("requests", "memory"),
        "limits.cpu" => ("limits", "cpu"),
        "limits.memory" => ("limits", "memory"),
        _ => return None,
    })
}

/// How much of a quota's resource an object takes; `None` when a container of a pod does not say.
fn demand(object: &Value, name: &str) -> Option<Quantity> {
    let Some((list, resource)) = compute(name) else { return Some(Quantity::new(1, Format::DecimalSi)) };
    if !lacking(object, name).is_empty() {
        return None;
    }
    let amounts = if list == "requests" { pod::requests(object) } else { pod::limits(object) };
    Some(amounts.get(resource).copied().unwrap_or_default())
}

//! ResourceQuota: refuses what would exceed a namespace's quota (apiserver's plugin/resourcequota).
//!
//! Upstream's plugin counts against `status.used`, which the quota controller keeps and the plugin itself raises by a write. Here
//! usage is counted from the objects in the cache, so that no write is needed; the verdicts and the words are the same.

use std::collections::BTreeMap;

use super::super::ApiServer;
use crate::api::quantity::{Format, Quantity};
use crate::api::resource::{
    CONFIGMAPS, DEPLOYMENTS, PERSISTENTVOLUMECLAIMS, PODS, REPLICASETS, RESOURCEQUOTAS, SECRETS, SERVICES,
};
use crate::api::{ApiError, Resource};
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
                    missing.push(name.to_string());
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
                let why =
                    format!("failed quota: {}: must specify {} for: {}", quota.name(), missing.join(","), containers(object));
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

fn containers(pod: &Value) -> String {
    let names: Vec<&str> = pod["spec"]["containers"].items().iter().map(|container| container["name"].str()).collect();
    names.join(",")
}

/// Which objects a quota's resource counts.
fn counted_resource(name: &str) -> Option<Resource> {
    let counts: BTreeMap<&str, Resource> = BTreeMap::from([
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

/// How much of a quota's resource an object takes; `None` when a pod does not say.
fn demand(object: &Value, name: &str) -> Option<Quantity> {
    let (list, resource) = match name {
        "cpu" | "requests.cpu" => ("requests", "cpu"),
        "memory" | "requests.memory" => ("requests", "memory"),
        "limits.cpu" => ("limits", "cpu"),
        "limits.memory" => ("limits", "memory"),
        _ => return Some(Quantity::new(1, Format::DecimalSi)),
    };
    let mut sum = Quantity::default();
    for container in object["spec"]["containers"].items() {
        let quantity = &container["resources"][list][resource];
        if quantity.is_null() {
            return None;
        }
        sum = sum + Quantity::of(quantity);
    }
    Some(sum)
}

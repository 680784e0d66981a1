//! Admission: the default plugins that change or refuse what clients write, in upstream's order (`pkg/kubeapiserver/options/plugins.go`).

mod limits;
mod pods;
mod quota;

use super::ApiServer;
use crate::api::resource::{EVENTS, NAMESPACES, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES};
use crate::api::{ApiError, Resource};
use crate::core::{Outbox, Request};
use crate::value;
use crate::value::Value;

impl ApiServer {
    /// NamespaceLifecycle: the namespace must exist and must not be on its way out.
    pub(super) fn check_namespace(&self, resource: Resource, object: &Value) -> Result<(), ApiError> {
        if !resource.namespaced {
            return Ok(());
        }
        let name = object.namespace();
        // Upstream looks into etcd when its cache knows no such namespace; one that was made here a moment ago is there.
        let unseen = || {
            let made = Some(&self.made).filter(|made| made.name() == name);
            made.filter(|made| made.resource_version() > self.caches.revision(NAMESPACES))
        };
        let Some(namespace) = self.caches.get(NAMESPACES, "", name).or_else(unseen) else {
            return Err(ApiError::not_found("namespaces", name));
        };
        if namespace["status"]["phase"].str() == "Terminating" && resource != EVENTS {
            let why = format!("unable to create new content in namespace {name} because it is being terminated");
            let mut error = ApiError::forbidden(&resource.group_resource(), object.name(), &why);
            let cause = value!({"reason": "NamespaceTerminating", "message": format!("namespace {name} is being terminated"), "field": "metadata.namespace"});
            error.details["causes"] = vec![cause].into();
            return Err(error);
        }
        Ok(())
    }

    /// Plugins that act on creation.
    pub(super) fn admit_create(
        &mut self,
        resource: Resource,
        object: &mut Value,
        _request: &Request,
        _out: &Outbox<'_>,
    ) -> Result<(), ApiError> {
        match resource {
            PODS => {
                self.limit_ranger(object)?;
                self.service_account(object)?;
                pods::default_toleration_seconds(object);
                self.priority(object)?;
            }
            // TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen it ready.
            NODES => {
                let taint = value!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
                let taints = object["spec"]["taints"].list_mut();
                if !taints.iter().any(|have| have["key"] == taint["key"] && have["effect"] == taint["effect"]) {
                    taints.push(taint);
                }
            }
            PERSISTENTVOLUMECLAIMS => {
                object["metadata"]["finalizers"].push("kubernetes.io/pvc-protection");
                if object["spec"]["storageClassName"].is_null() {
                    let default = self
                        .caches
                        .list(STORAGECLASSES)
                        .find(|class| class.annotation("storageclass.kubernetes.io/is-default-class") == Some("true"));
                    if let Some(class) = default {
                        object["spec"]["storageClassName"] = class["metadata"]["name"].text().into();
                    }
                }
                self.limit_claim(resource, object)?;
            }
            PERSISTENTVOLUMES => object["metadata"]["finalizers"].push("kubernetes.io/pv-protection"),
            _ => {}
        }
        Ok(())
    }

    /// Plugins that act on changes.
    pub(super) fn admit_update(
        &mut self,
        resource: Resource,
        current: &Value,
        new: &mut Value,
        request: &Request,
        _out: &Outbox<'_>,
    ) -> Result<(), ApiError> {
        if resource == PODS && request.subresource.is_empty() {
            pods::default_toleration_seconds(new);
            // Priority: what it computed on creation stays.
            for field in ["priority", "preemptionPolicy"] {
                if new["spec"][field].is_null() {
                    new["spec"].set(field, current["spec"][field].clone());
                }
            }
        }
        Ok(())
    }
}

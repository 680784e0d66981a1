//! What is wrong with an object, in the words of `pkg/apis/*/validation/validation.go`.
//!
//! [`validate_create`] and [`validate_update`] expect decoded and defaulted objects; [`invalid`] makes the answer of what they find.

mod config;
mod container;
mod error;
mod meta;
mod path;
mod pod;
mod pod_update;
mod scheduling;
mod service;
mod spec_diff;
mod storage;
mod volume;
mod workloads;

pub use error::{FieldError, invalid, invalid_kind};
pub use path::Path;

use error::Errors;
use meta::NameRule;

use super::Resource;
use super::resource as kinds;
use crate::value::Value;

/// What is wrong with a new object.
pub fn validate_create(resource: Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    meta::object_meta(&mut errors, object, resource.namespaced, name_rule(resource));
    validate_content(&mut errors, resource, object);
    errors.into_list()
}

/// What is wrong with a change. A write to `status` may not touch the rest, so that only the rest of the checks is left out.
pub fn validate_update(resource: Resource, subresource: &str, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    meta::object_meta_update(&mut errors, new, old);
    if subresource == "status" {
        status_update(&mut errors, resource, new);
        return errors.into_list();
    }
    if !subresource.is_empty() {
        return errors.into_list();
    }
    match resource {
        kinds::PODS => pod_update::validate(&mut errors, new, old),
        _ => validate_content(&mut errors, resource, new),
    }
    match resource {
        kinds::DEPLOYMENTS | kinds::REPLICASETS | kinds::DAEMONSETS => workloads::update(&mut errors, new, old),
        kinds::SERVICES => service::update(&mut errors, new, old),
        kinds::CONFIGMAPS => config::immutable_data(&mut errors, new, old),
        kinds::SECRETS => {
            config::immutable_field(&mut errors, &["type"], new, old);
            config::immutable_data(&mut errors, new, old);
        }
        kinds::NODES => config::node_update(&mut errors, new, old),
        kinds::PRIORITYCLASSES => config::priority_class_update(&mut errors, new, old),
        kinds::PERSISTENTVOLUMECLAIMS => storage::claim_update(&mut errors, new, old),
        kinds::STORAGECLASSES => storage::class_update(&mut errors, new, old),
        kinds::CONTROLLERREVISIONS => config::immutable_field(&mut errors, &["data"], new, old),
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS if new["roleRef"] != old["roleRef"] => {
            errors.invalid(&Path::new("roleRef"), &new["roleRef"], "cannot change roleRef");
        }
        kinds::ENDPOINTSLICES => config::immutable_field(&mut errors, &["addressType"], new, old),
        _ => {}
    }
    errors.into_list()
}

/// Everything but the metadata.
fn validate_content(errors: &mut Errors, resource: Resource, object: &Value) {
    let spec = &Path::new("spec");
    match resource {
        kinds::PODS => pod::pod(errors, object),
        kinds::DEPLOYMENTS => workloads::deployment(errors, spec, &object["spec"]),
        kinds::REPLICASETS => workloads::replica_set(errors, spec, &object["spec"]),
        kinds::DAEMONSETS => workloads::daemon_set(errors, spec, &object["spec"]),
        kinds::PODDISRUPTIONBUDGETS => workloads::disruption_budget(errors, spec, &object["spec"]),
        kinds::SERVICES => service::service(errors, object),
        kinds::ENDPOINTS => service::endpoints(errors, object),
        kinds::ENDPOINTSLICES => service::endpoint_slice(errors, object),
        kinds::CONFIGMAPS => config::config_map(errors, object),
        kinds::SECRETS => config::secret(errors, object),
        kinds::NODES => config::node(errors, object),
        kinds::PRIORITYCLASSES => config::priority_class(errors, object),
        kinds::RESOURCEQUOTAS => config::resource_quota(errors, object),
        kinds::LIMITRANGES => config::limit_range(errors, object),
        kinds::LEASES => config::lease(errors, object),
        kinds::ROLES | kinds::CLUSTERROLES => config::role(errors, object),
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => config::role_binding(errors, object),
        kinds::CONTROLLERREVISIONS => errors.non_negative(&Path::new("revision"), &object["revision"]),
        kinds::PERSISTENTVOLUMES => storage::volume(errors, object),
        kinds::PERSISTENTVOLUMECLAIMS => storage::claim(errors, spec, &object["spec"]),
        kinds::STORAGECLASSES => storage::class(errors, object),
        _ => {}
    }
}

/// Numbers of a status are never negative.
fn status_update(errors: &mut Errors, resource: Resource, new: &Value) {
    if ![kinds::DEPLOYMENTS, kinds::REPLICASETS, kinds::DAEMONSETS].contains(&resource) {
        return;
    }
    let path = Path::new("status");
    for (key, value) in new["status"].entries() {
        if value.as_int().is_some() {
            errors.non_negative(&path.field(key), value);
        }
    }
}

/// What names of a resource look like.
fn name_rule(resource: Resource) -> NameRule {
    match resource {
        // Since v1.34 a Service's name may begin with a digit (RelaxedServiceNameValidation).
        kinds::NAMESPACES | kinds::SERVICES => NameRule::Label,
        kinds::ROLES | kinds::CLUSTERROLES | kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => NameRule::PathSegment,
        kinds::IPADDRESSES => NameRule::Any,
        _ => NameRule::Subdomain,
    }
}

#[cfg(test)]
mod tests;

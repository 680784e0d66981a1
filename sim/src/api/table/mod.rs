//! Server-side Tables: what `kubectl get` prints, after `pkg/printers/internalversion/printers.go`.
//!
//! [`columns`] and [`row`] give the columns of a kind and the cells of an object; columns of priority 1 are those of `-o wide`.
//! [`table`] makes the `meta.k8s.io/v1` Table that the api-server answers with.

mod age;
mod core;
mod node;
mod pod;
mod storage;
mod workloads;

pub use age::{age, human_duration};
pub use node::node_roles;
pub use pod::{ReadyCount, pod_status};

use crate::api::Resource;
use crate::api::resource as kinds;
use crate::core::Time;
use crate::value;
use crate::value::Value;

/// One column of a Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name; kubectl prints it in capitals.
    pub name: &'static str,
    /// 0: always shown; 1: shown by `-o wide`.
    pub priority: u8,
}

const fn always(name: &'static str) -> Column {
    Column { name, priority: 0 }
}

const fn wide(name: &'static str) -> Column {
    Column { name, priority: 1 }
}

/// The columns of a kind.
pub fn columns(resource: Resource) -> &'static [Column] {
    match resource {
        kinds::PODS => pod::COLUMNS,
        kinds::NODES => node::COLUMNS,
        kinds::DEPLOYMENTS => workloads::DEPLOYMENT,
        kinds::REPLICASETS => workloads::REPLICA_SET,
        kinds::DAEMONSETS => workloads::DAEMON_SET,
        kinds::CONTROLLERREVISIONS => workloads::CONTROLLER_REVISION,
        kinds::PODDISRUPTIONBUDGETS => workloads::POD_DISRUPTION_BUDGET,
        kinds::SERVICES => core::SERVICE,
        kinds::ENDPOINTS => core::ENDPOINTS,
        kinds::ENDPOINTSLICES => core::ENDPOINT_SLICE,
        kinds::NAMESPACES => core::NAMESPACE,
        kinds::EVENTS => core::EVENT,
        kinds::CONFIGMAPS => core::CONFIG_MAP,
        kinds::SECRETS => core::SECRET,
        kinds::SERVICEACCOUNTS => core::SERVICE_ACCOUNT,
        kinds::LEASES => core::LEASE,
        kinds::RESOURCEQUOTAS => core::RESOURCE_QUOTA,
        kinds::PRIORITYCLASSES => core::PRIORITY_CLASS,
        kinds::RUNTIMECLASSES => core::RUNTIME_CLASS,
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => core::ROLE_BINDING,
        kinds::SERVICECIDRS => core::SERVICE_CIDR,
        kinds::IPADDRESSES => core::IP_ADDRESS,
        kinds::PERSISTENTVOLUMES => storage::PERSISTENT_VOLUME,
        kinds::PERSISTENTVOLUMECLAIMS => storage::PERSISTENT_VOLUME_CLAIM,
        kinds::STORAGECLASSES => storage::STORAGE_CLASS,
        kinds::CSINODES => storage::CSI_NODE,
        kinds::CSIDRIVERS => storage::CSI_DRIVER,
        _ => DEFAULT,
    }
}

/// The cells of an object, one for each of [`columns`]. Ages are as of `now`.
pub fn row(resource: Resource, object: &Value, now: Time) -> Vec<Value> {
    match resource {
        kinds::PODS => pod::row(object, now),
        kinds::NODES => node::row(object, now),
        kinds::DEPLOYMENTS => workloads::deployment(object, now),
        kinds::REPLICASETS => workloads::replica_set(object, now),
        kinds::DAEMONSETS => workloads::daemon_set(object, now),
        kinds::CONTROLLERREVISIONS => workloads::controller_revision(object, now),
        kinds::PODDISRUPTIONBUDGETS => workloads::pod_disruption_budget(object, now),
        kinds::SERVICES => core::service(object, now),
        kinds::ENDPOINTS => core::endpoints(object, now),
        kinds::ENDPOINTSLICES => core::endpoint_slice(object, now),
        kinds::NAMESPACES => core::namespace(object, now),
        kinds::EVENTS => core::event(object, now),
        kinds::CONFIGMAPS => core::config_map(object, now),
        kinds::SECRETS => core::secret(object, now),
        kinds::SERVICEACCOUNTS => core::service_account(object, now),
        kinds::LEASES => core::lease(object, now),
        kinds::RESOURCEQUOTAS => core::resource_quota(object, now),
        kinds::PRIORITYCLASSES => core::priority_class(object, now),
        kinds::RUNTIMECLASSES => core::runtime_class(object, now),
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => core::role_binding(object, now),
        kinds::SERVICECIDRS => core::service_cidr(object, now),
        kinds::IPADDRESSES => core::ip_address(object, now),
        kinds::PERSISTENTVOLUMES => storage::persistent_volume(object, now),
        kinds::PERSISTENTVOLUMECLAIMS => storage::persistent_volume_claim(object, now),
        kinds::STORAGECLASSES => storage::storage_class(object, now),
        kinds::CSINODES => storage::csi_node(object, now),
        kinds::CSIDRIVERS => storage::csi_driver(object, now),
        _ => vec![name(object), object["metadata"]["creationTimestamp"].clone()],
    }
}

/// The columns of kinds without a printer of their own (registry/rest/table.go).
const DEFAULT: &[Column] = &[always("Name"), always("Created At")];

/// A Table of objects. Each row carries its object: all of it, or only its metadata, as the parameter `includeObject` asks for.
pub fn table(resource: Resource, objects: &[Value], now: Time, resource_version: &str, whole_objects: bool) -> Value {
    let definitions: Value = columns(resource)
        .iter()
        .map(|column| {
            let mut definition = value!({"name": column.name, "type": "string", "format": "", "description": ""});
            definition["priority"] = i64::from(column.priority).into();
            if column.name == "Name" {
                definition["format"] = "name".into();
            }
            definition
        })
        .collect();
    let rows: Value = objects
        .iter()
        .map(|object| {
            let embedded = if whole_objects {
                object.clone()
            } else {
                value!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"].clone()})
            };
            value!({"cells": row(resource, object, now), "object": embedded})
        })
        .collect();
    value!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": resource_version.to_string()},
        "columnDefinitions": definitions, "rows": rows,
    })
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].text().into()
}

fn creation_age(object: &Value, now: Time) -> Value {
    age(&object["metadata"]["creationTimestamp"], now).into()
}

/// The text, or a placeholder when there is none.
fn text_or(value: &Value, placeholder: &'static str) -> Value {
    if value.is_empty() { placeholder.into() } else { value.clone() }
}

/// `a=b,c=d`, or `<none>` (labels.FormatLabels).
pub fn format_labels(labels: &Value) -> String {
    let pairs: Vec<String> = labels.entries().iter().map(|(key, value)| format!("{key}={}", value.str())).collect();
    if pairs.is_empty() { "<none>".to_string() } else { pairs.join(",") }
}

/// A number or text as a cell shows it.
fn int_or_string(value: &Value, placeholder: &str) -> Value {
    match value {
        Value::Int(number) => number.to_string().into(),
        Value::Str(text) => text.clone().into(),
        _ => placeholder.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_as_many_cells_as_columns() {
        for resource in Resource::all() {
            let empty = value!({"metadata": {"name": "x"}});
            assert_eq!(row(resource, &empty, Time::ZERO).len(), columns(resource).len(), "{resource:?}");
        }
    }

    #[test]
    fn a_table_carries_metadata_only_unless_asked() {
        let secret = value!({"metadata": {"name": "creds"}, "type": "Opaque", "data": {"a": "Yg==", "c": "ZA=="}});
        let answer = table(kinds::SECRETS, std::slice::from_ref(&secret), Time::ZERO, "7", false);
        assert_eq!(answer["rows"][0]["cells"].to_json(), r#"["creds","Opaque",2,"<unknown>"]"#);
        assert!(answer["rows"][0]["object"]["data"].is_null());
        assert_eq!(answer["columnDefinitions"][0]["format"].str(), "name");
        let whole = table(kinds::SECRETS, std::slice::from_ref(&secret), Time::ZERO, "7", true);
        assert!(whole["rows"][0]["object"].same(&secret));
    }
}

//! What each resource's registry does on create and update, after `pkg/registry/*/*/strategy.go`: status and spec are written
//! through different endpoints, and a changed spec counts `metadata.generation` up.

use crate::api::resource::{
    DAEMONSETS, DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODDISRUPTIONBUDGETS,
    PODS, PRIORITYCLASSES, REPLICASETS, RESOURCEQUOTAS, SERVICECIDRS, SERVICES,
};
use crate::api::{Resource, pod};
use crate::value;
use crate::value::Value;

/// Whether the resource has a status that only the `status` endpoint writes.
fn has_status(resource: Resource) -> bool {
    resource.subresources.contains(&"status")
}

/// Whether a created object starts at generation 1.
fn counts_generation(resource: Resource) -> bool {
    [PODS, DEPLOYMENTS, REPLICASETS, DAEMONSETS, PODDISRUPTIONBUDGETS, ENDPOINTSLICES, PRIORITYCLASSES].contains(&resource)
}

/// Whether a change counts the generation up: of the spec mostly, of a Deployment's annotations, of anything in an EndpointSlice.
fn is_new_generation(resource: Resource, old: &Value, new: &Value) -> bool {
    let annotations_changed = resource == DEPLOYMENTS && new["metadata"]["annotations"] != old["metadata"]["annotations"];
    let slice_changed = || {
        ["endpoints", "ports"].iter().any(|field| new[*field] != old[*field])
            || ["labels", "annotations", "ownerReferences", "finalizers"]
                .iter()
                .any(|field| new["metadata"][*field] != old["metadata"][*field])
    };
    new["spec"] != old["spec"] || annotations_changed || (resource == ENDPOINTSLICES && slice_changed())
}

/// Before an object is created.
pub(super) fn prepare_for_create(resource: Resource, object: &mut Value) {
    if counts_generation(resource) {
        object["metadata"]["generation"] = 1.into();
    } else {
        object["metadata"].remove("generation");
    }
    match resource {
        PODS => {
            let qos = pod::qos_class(object);
            object["status"] = value!({"phase": "Pending", "qosClass": qos});
        }
        NAMESPACES => {
            object["spec"]["finalizers"] = vec!["kubernetes"].into();
            object["status"] = value!({"phase": "Active"});
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        }
        DAEMONSETS => {
            object["metadata"]["annotations"]["deprecated.daemonset.template.generation"] = "1".into();
            object["status"] =
                value!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0});
        }
        REPLICASETS => object["status"] = value!({"replicas": 0}),
        SERVICES => object["status"] = value!({"loadBalancer": {}}),
        PERSISTENTVOLUMES | PERSISTENTVOLUMECLAIMS => object["status"] = value!({"phase": "Pending"}),
        PODDISRUPTIONBUDGETS => {
            object["status"] = value!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
        }
        // Nodes are registered with their status.
        NODES => {}
        DEPLOYMENTS | RESOURCEQUOTAS | SERVICECIDRS => object["status"] = Value::map(),
        _ => {}
    }
}

/// Before an object is changed.
pub(super) fn prepare_for_update(resource: Resource, subresource: &str, old: &Value, new: &mut Value) {
    if subresource == "status" {
        let status = new["status"].clone();
        let metadata = new["metadata"].clone();
        *new = old.clone();
        // Labels and annotations may come along with a node's or pod's status; everything else of the metadata stays.
        if resource == NODES || resource == PODS {
            for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
                new["metadata"].set(field, metadata[field].clone());
            }
        }
        // The deployment-controller writes the revision's annotation together with the status.
        if [DEPLOYMENTS, REPLICASETS, DAEMONSETS].contains(&resource) {
            new["metadata"].set("annotations", metadata["annotations"].clone());
        }
        new.set("status", status);
        if resource == PODS {
            new["status"].set("qosClass", old["status"]["qosClass"].clone());
        }
        return;
    }
    if has_status(resource) {
        new.set("status", old["status"].clone());
    }
    if resource == NAMESPACES {
        new.set("spec", old["spec"].clone());
    }
    if counts_generation(resource) && is_new_generation(resource, old, new) {
        new["metadata"]["generation"] = (old.generation() + 1).into();
    }
    if resource == DAEMONSETS && new["spec"]["template"] != old["spec"]["template"] {
        let key = "deprecated.daemonset.template.generation";
        let generation: i64 = old.annotation(key).and_then(|text| text.parse().ok()).unwrap_or(1);
        new["metadata"]["annotations"][key] = (generation + 1).to_string().into();
    }
}

//! Pods and pod templates (ValidatePodCreate, ValidatePodSpec).

use super::{Errors, Path, container, meta, scheduling, volume};
use crate::api::names;
use crate::value::Value;

/// The largest deadline.
const DEADLINE_MAX: i64 = i32::MAX as i64;

pub(super) fn pod(errors: &mut Errors, object: &Value) {
    spec(errors, &Path::new("spec"), &object["spec"]);
    if !object["spec"]["ephemeralContainers"].is_empty() && object["status"]["phase"].is_empty() {
        errors.forbidden(&Path::new("spec").field("ephemeralContainers"), "cannot be set on create");
    }
}

/// The template of a workload (ValidatePodTemplateSpec).
pub(super) fn template(errors: &mut Errors, path: &Path<'_>, template: &Value) {
    meta::labels(errors, &path.field("labels"), &template["metadata"]["labels"]);
    meta::annotations(errors, &path.field("annotations"), &template["metadata"]["annotations"]);
    spec(errors, &path.field("spec"), &template["spec"]);
    if !template["spec"]["ephemeralContainers"].is_empty() {
        errors.forbidden(&path.field("spec").field("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
}

/// A pod's spec.
pub(super) fn spec(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    let volumes = volume::volumes(errors, &path.field("volumes"), &spec["volumes"]);
    container::containers(errors, &path.field("containers"), &spec["containers"], &volumes);
    container::init_containers(errors, &path.field("initContainers"), spec, &volumes);
    if spec["hostNetwork"].is_true() {
        container::host_network_ports(errors, &path.field("containers"), &spec["containers"]);
        container::host_network_ports(errors, &path.field("initContainers"), &spec["initContainers"]);
    }
    errors.required_one_of(&path.field("restartPolicy"), &spec["restartPolicy"], &["Always", "OnFailure", "Never"]);
    errors.required_one_of(
        &path.field("dnsPolicy"),
        &spec["dnsPolicy"],
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    meta::labels(errors, &path.field("nodeSelector"), &spec["nodeSelector"]);
    for (at, secret) in spec["imagePullSecrets"].items().iter().enumerate() {
        if secret["name"].is_empty() && secret.entries().len() > 1 {
            errors.required(&path.field("imagePullSecrets").index(at).field("name"), "");
        }
    }
    scheduling::affinity(errors, &path.field("affinity"), &spec["affinity"]);
    if spec["dnsPolicy"].str() == "None" && spec["dnsConfig"]["nameservers"].is_empty() {
        errors.required(
            &path.field("dnsConfig").field("nameservers"),
            "must provide at least one DNS nameserver when `dnsPolicy` is None",
        );
    }
    for (at, gate) in spec["readinessGates"].items().iter().enumerate() {
        let list = &path.field("readinessGates");
        let kind = &gate["conditionType"];
        errors.invalid_all(&list.index(at).field("conditionType"), kind, names::qualified_name(kind.str()));
    }
    for (at, gate) in spec["schedulingGates"].items().iter().enumerate() {
        let list = &path.field("schedulingGates");
        errors.invalid_all(&list.index(at).field("name"), &gate["name"], names::qualified_name(gate["name"].str()));
    }
    scheduling::topology_spread(errors, &path.field("topologySpreadConstraints"), &spec["topologySpreadConstraints"]);
    for field in ["serviceAccountName", "nodeName"] {
        if !spec[field].is_empty() {
            errors.invalid_all(&path.field(field), &spec[field], names::dns1123_subdomain(spec[field].str()));
        }
    }
    let deadline = &spec["activeDeadlineSeconds"];
    if !deadline.is_null() && !(1..=DEADLINE_MAX).contains(&deadline.int()) {
        let why = format!("must be between 1 and {DEADLINE_MAX}, inclusive");
        errors.invalid(&path.field("activeDeadlineSeconds"), deadline, &why);
    }
    for field in ["hostname", "subdomain"] {
        if !spec[field].is_empty() {
            errors.invalid_all(&path.field(field), &spec[field], names::dns1123_label(spec[field].str()));
        }
    }
    scheduling::tolerations(errors, &path.field("tolerations"), &spec["tolerations"]);
    for (at, alias) in spec["hostAliases"].items().iter().enumerate() {
        let list = &path.field("hostAliases");
        if !super::service::is_ip(alias["ip"].str()) {
            errors.invalid(&list.index(at).field("ip"), alias["ip"].text(), super::service::NO_IP);
        }
    }
    for field in ["priorityClassName", "runtimeClassName"] {
        if !spec[field].is_empty() {
            errors.invalid_all(&path.field(field), &spec[field], names::dns1123_subdomain(spec[field].str()));
        }
    }
    if !spec["preemptionPolicy"].is_null() {
        let policies = &["Never", "PreemptLowerPriority"];
        errors.one_of(&path.field("preemptionPolicy"), &spec["preemptionPolicy"], policies);
    }
}

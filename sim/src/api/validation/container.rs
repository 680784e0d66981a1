//! The containers of pods (validateContainers and what it calls).

use crate::core::collections::PSet;

use super::volume::descending_path;
use super::{Errors, Path};
use crate::api::names;
use crate::api::quantity::Quantity;
use crate::value::{Text, Value};

/// The protocols of ports, as refusals list them.
pub(super) const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

/// Which list a container is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    App,
    Init,
}

pub(super) fn containers(errors: &mut Errors, list: &Path<'_>, containers: &Value, volumes: &PSet<Text>) {
    if containers.is_empty() {
        errors.required(list, "");
    }
    let mut names = PSet::new();
    for (at, container) in containers.items().iter().enumerate() {
        let path = &list.index(at);
        common(errors, path, container, volumes);
        if !names.insert(container["name"].text()) {
            errors.duplicate(&path.field("name"), &container["name"]);
        }
        probes(errors, path, container, Role::App);
    }
    host_port_conflicts(errors, list, containers);
}

pub(super) fn init_containers(errors: &mut Errors, list: &Path<'_>, spec: &Value, volumes: &PSet<Text>) {
    let mut names: PSet<Text> = spec["containers"].items().iter().map(|container| container["name"].text()).collect();
    for (at, container) in spec["initContainers"].items().iter().enumerate() {
        let path = &list.index(at);
        common(errors, path, container, volumes);
        if !container["name"].is_empty() && !names.insert(container["name"].text()) {
            errors.duplicate(&path.field("name"), &container["name"]);
        }
        let sidecar = container["restartPolicy"].str() == "Always";
        if !container["restartPolicy"].is_null() {
            errors.one_of(&path.field("restartPolicy"), &container["restartPolicy"], &["Always", "Never", "OnFailure"]);
        }
        if sidecar {
            probes(errors, path, container, Role::Init);
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if !container[field].is_null() {
                errors.forbidden(&path.field(field), "may not be set for init containers without restartPolicy=Always");
            }
        }
    }
}

fn common(errors: &mut Errors, path: &Path<'_>, container: &Value, volumes: &PSet<Text>) {
    if container["name"].is_empty() {
        errors.required(&path.field("name"), "");
    } else {
        errors.invalid_all(&path.field("name"), &container["name"], names::dns1123_label(container["name"].str()));
    }
    image(errors, &path.field("image"), &container["image"]);
    errors.required_one_of(
        &path.field("terminationMessagePolicy"),
        &container["terminationMessagePolicy"],
        &["FallbackToLogsOnError", "File"],
    );
    ports(errors, &path.field("ports"), &container["ports"]);
    env(errors, &path.field("env"), &container["env"]);
    env_from(errors, &path.field("envFrom"), &container["envFrom"]);
    volume_mounts(errors, &path.field("volumeMounts"), &container["volumeMounts"], volumes);
    errors.required_one_of(&path.field("imagePullPolicy"), &container["imagePullPolicy"], &["Always", "IfNotPresent", "Never"]);
    resources(errors, &path.field("resources"), &container["resources"]);
    let security = &container["securityContext"];
    if matches!(security["allowPrivilegeEscalation"], Value::Bool(false)) && security["privileged"].is_true() {
        errors.invalid(
            &path.field("securityContext"),
            security,
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        );
    }
}

/// The image of a new or changed container.
pub(super) fn image(errors: &mut Errors, path: &Path<'_>, image: &Value) {
    if image.is_empty() {
        errors.required(path, "");
    } else if image.str().trim() != image.str() {
        errors.invalid(path, image, "must not have leading or trailing whitespace");
    }
}

fn ports(errors: &mut Errors, list: &Path<'_>, ports: &Value) {
    let mut names = PSet::new();
    for (at, port) in ports.items().iter().enumerate() {
        let path = &list.index(at);
        if !port["name"].is_empty() {
            let faults = names::port_name(port["name"].str());
            if faults.is_empty() && !names.insert(port["name"].text()) {
                errors.duplicate(&path.field("name"), &port["name"]);
            }
            errors.invalid_all(&path.field("name"), &port["name"], faults);
        }
        let (number, host) = (&port["containerPort"], &port["hostPort"]);
        if number.int() == 0 {
            errors.required(&path.field("containerPort"), "");
        } else {
            errors.invalid_all(&path.field("containerPort"), number, names::port_number(number.int()));
        }
        if host.int() != 0 {
            errors.invalid_all(&path.field("hostPort"), host, names::port_number(host.int()));
        }
        errors.required_one_of(&path.field("protocol"), &port["protocol"], PROTOCOLS);
    }
}

/// Pods on the host's network listen on the ports of their containers (validateHostNetwork).
pub(super) fn host_network_ports(errors: &mut Errors, list: &Path<'_>, containers: &Value) {
    for (at, container) in containers.items().iter().enumerate() {
        for (port_at, port) in container["ports"].items().iter().enumerate() {
            if port["hostPort"].int() != port["containerPort"].int() {
                errors.invalid(
                    &list.index(at).field("ports").index(port_at).field("hostPort"),
                    port["hostPort"].int(),
                    "must match `containerPort` when `hostNetwork` is true",
                );
            }
        }
    }
}

fn host_port_conflicts(errors: &mut Errors, list: &Path<'_>, containers: &Value) {
    let mut taken = PSet::new();
    for (at, container) in containers.items().iter().enumerate() {
        for (port_at, port) in container["ports"].items().iter().enumerate() {
            let number = port["hostPort"].int();
            let text = format!("{}/{}/{number}", port["protocol"].str(), port["hostIP"].str());
            if number != 0 && !taken.insert(text.clone()) {
                errors.duplicate(&list.index(at).field("ports").index(port_at).field("hostPort"), text);
            }
        }
    }
}

fn env(errors: &mut Errors, list: &Path<'_>, env: &Value) {
    for (at, variable) in env.items().iter().enumerate() {
        let path = &list.index(at);
        if variable["name"].is_empty() {
            errors.required(&path.field("name"), "");
        } else {
            errors.invalid_all(&path.field("name"), &variable["name"], names::env_var_name(variable["name"].str()));
        }
        let from = &variable["valueFrom"];
        if from.is_null() {
            continue;
        }
        let path = &path.field("valueFrom");
        let mut sources = 0;
        for (kind, source) in from.entries() {
            sources += 1;
            let path = &path.field(kind);
            match kind.as_str() {
                "fieldRef" if source["fieldPath"].is_empty() => errors.required(&path.field("fieldPath"), ""),
                "resourceFieldRef" if source["resource"].is_empty() => errors.required(&path.field("resource"), ""),
                "configMapKeyRef" | "secretKeyRef" if source["key"].is_empty() => errors.required(&path.field("key"), ""),
                "configMapKeyRef" | "secretKeyRef" => {
                    errors.invalid_all(&path.field("key"), &source["key"], names::config_map_key(source["key"].str()));
                }
                _ => {}
            }
        }
        if sources == 0 {
            errors.invalid(
                path,
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            );
        }
        if !variable["value"].is_empty() && sources > 0 {
            errors.invalid(path, "", "may not be specified when `value` is not empty");
        } else if sources > 1 {
            errors.invalid(path, "", "may not have more than one field specified at a time");
        }
    }
}

fn env_from(errors: &mut Errors, list: &Path<'_>, sources: &Value) {
    for (at, source) in sources.items().iter().enumerate() {
        let path = &list.index(at);
        if !source["prefix"].is_empty() {
            errors.invalid_all(&path.field("prefix"), &source["prefix"], names::env_var_name(source["prefix"].str()));
        }
        let mut count = 0;
        for kind in ["configMapRef", "secretRef"] {
            if !source[kind].is_null() {
                count += 1;
                if source[kind]["name"].is_empty() {
                    errors.required(&path.field(kind).field("name"), "");
                }
            }
        }
        if count == 0 {
            errors.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
        } else if count > 1 {
            errors.invalid(path, "", "may not have more than one field specified at a time");
        }
    }
}

fn volume_mounts(errors: &mut Errors, list: &Path<'_>, mounts: &Value, volumes: &PSet<Text>) {
    let mut places = PSet::new();
    for (at, mount) in mounts.items().iter().enumerate() {
        let path = &list.index(at);
        if mount["name"].is_empty() {
            errors.required(&path.field("name"), "");
        }
        if !volumes.contains(mount["name"].str()) {
            errors.not_found(&path.field("name"), mount["name"].text());
        }
        if mount["mountPath"].is_empty() {
            errors.required(&path.field("mountPath"), "");
        }
        if !places.insert(mount["mountPath"].text()) {
            errors.invalid(&path.field("mountPath"), &mount["mountPath"], "must be unique");
        }
        for field in ["subPath", "subPathExpr"] {
            descending_path(errors, &path.field(field), &mount[field]);
        }
        if !mount["subPath"].is_empty() && !mount["subPathExpr"].is_empty() {
            errors.invalid(&path.field("subPathExpr"), &mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive");
        }
        if !mount["mountPropagation"].is_null() {
            let modes = &["Bidirectional", "HostToContainer", "None"];
            errors.one_of(&path.field("mountPropagation"), &mount["mountPropagation"], modes);
        }
    }
}

/// Whether a container resource is one of Kubernetes' own.
fn is_standard_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// The requests and limits of a container (ValidateContainerResourceRequirements).
pub(super) fn resources(errors: &mut Errors, path: &Path<'_>, resources: &Value) {
    let (limits_path, requests_path) = (&path.field("limits"), &path.field("requests"));
    for (list, path) in [("limits", limits_path), ("requests", requests_path)] {
        for (name, value) in resources[list].entries() {
            let entry = &path.key(name);
            resource_name(errors, entry, name);
            quantity(errors, entry, name, value);
            if list == "limits" {
                continue;
            }
            let request = Quantity::of(value);
            let limit = &resources["limits"][&**name];
            let overcommit = is_standard_resource(name) && !name.starts_with("hugepages-");
            if limit.is_null() {
                if !overcommit {
                    errors.required(limits_path, "Limit must be set for non overcommitable resources");
                }
                continue;
            }
            let limit = Quantity::of(limit);
            if request != limit && !overcommit {
                errors.invalid(path, request, &format!("must be equal to {name} limit of {limit}"));
            } else if request > limit {
                errors.invalid(path, request, &format!("must be less than or equal to {name} limit of {limit}"));
            }
        }
    }
}

fn resource_name(errors: &mut Errors, path: &Path<'_>, name: &Text) {
    let faults = names::qualified_name(name);
    let qualified = faults.is_empty();
    errors.invalid_all(path, &name.into(), faults);
    if name.contains('/') || !qualified {
        return;
    }
    let standard_elsewhere =
        matches!(name.as_str(), "pods" | "services" | "secrets" | "configmaps" | "storage" | "resourcequotas");
    if !is_standard_resource(name) && !standard_elsewhere {
        errors.invalid(path, name, "must be a standard resource type or fully qualified");
    }
    if !is_standard_resource(name) {
        errors.invalid(path, name, "must be a standard resource for containers");
    }
}

/// An amount: not negative, and whole for everything that cannot be shared (ValidateResourceQuantityValue).
pub(super) fn quantity(errors: &mut Errors, path: &Path<'_>, name: &str, value: &Value) {
    let amount = Quantity::of(value);
    if amount.is_negative() {
        errors.invalid(path, amount, "must be greater than or equal to 0");
    }
    let countable = name.contains('/') || matches!(name, "pods" | "services" | "secrets" | "configmaps");
    if countable && !amount.is_whole() {
        errors.invalid(path, amount, "must be an integer");
    }
}

fn probes(errors: &mut Errors, path: &Path<'_>, container: &Value, role: Role) {
    let lifecycle = &container["lifecycle"];
    for hook in ["postStart", "preStop"] {
        if !lifecycle[hook].is_null() {
            handler(errors, &path.field("lifecycle").field(hook), &lifecycle[hook]);
        }
    }
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let (probe, path) = (&container[kind], &path.field(kind));
        if probe.is_null() {
            continue;
        }
        handler(errors, path, probe);
        for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
            errors.non_negative(&path.field(field), &probe[field]);
        }
        let grace = &probe["terminationGracePeriodSeconds"];
        if kind == "readinessProbe" && !grace.is_null() {
            errors.invalid(&path.field("terminationGracePeriodSeconds"), grace, "must not be set for readinessProbes");
        } else if !grace.is_null() && grace.int() <= 0 {
            errors.invalid(&path.field("terminationGracePeriodSeconds"), grace, "must be greater than 0");
        }
        if kind != "readinessProbe" && probe["successThreshold"].int() != 1 {
            errors.invalid(&path.field("successThreshold"), &probe["successThreshold"], "must be 1");
        }
    }
    let restart = &container["restartPolicy"];
    if role == Role::App && !restart.is_null() {
        errors.one_of(&path.field("restartPolicy"), restart, &["Always", "Never", "OnFailure"]);
    }
}

/// What a probe or hook does (validateHandler).
fn handler(errors: &mut Errors, path: &Path<'_>, handler: &Value) {
    let mut count = 0;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let (action, path) = (&handler[kind], &path.field(kind));
        if action.is_null() {
            continue;
        }
        count += 1;
        if count > 1 {
            errors.forbidden(path, "may not specify more than 1 handler type");
            continue;
        }
        match kind {
            "exec" if action["command"].is_empty() => errors.required(&path.field("command"), ""),
            "httpGet" => {
                if action["path"].is_empty() {
                    errors.required(&path.field("path"), "");
                }
                port_or_name(errors, &path.field("port"), &action["port"]);
                errors.one_of(&path.field("scheme"), &action["scheme"], &["HTTP", "HTTPS"]);
            }
            "tcpSocket" => port_or_name(errors, &path.field("port"), &action["port"]),
            "grpc" => errors.invalid_all(&path.field("port"), &action["port"], names::port_number(action["port"].int())),
            _ => {}
        }
    }
    if count == 0 {
        errors.required(path, "must specify a handler type");
    }
}

/// A port by number or name (ValidatePortNumOrName).
pub(super) fn port_or_name(errors: &mut Errors, path: &Path<'_>, port: &Value) {
    match port {
        Value::Str(name) => errors.invalid_all(path, port, names::port_name(name)),
        _ => errors.invalid_all(path, &port.int().into(), names::port_number(port.int())),
    }
}

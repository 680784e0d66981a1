//! Config maps, secrets, nodes, priority classes, quotas, limit ranges, leases, roles.

use super::{Errors, Path, container, scheduling};
use crate::api::names;
use crate::api::quantity::Quantity;
use crate::value::Value;

/// The most that a config map or secret may hold, in bytes.
const DATA_MAX: usize = 1024 * 1024;

/// The largest priority that is not the system's own.
const USER_PRIORITY_MAX: i64 = 1_000_000_000;

const IMMUTABLE: &str = "field is immutable when `immutable` is set";

/// A field that never changes (ValidateImmutableField).
pub(super) fn immutable_field(errors: &mut Errors, path: &[&str], new: &Value, old: &Value) {
    let value = new.at(path);
    if value == old.at(path) {
        return;
    }
    match path {
        [field] => errors.invalid(&Path::new(field), value, "field is immutable"),
        [first, field] => errors.invalid(&Path::new(first).field(field), value, "field is immutable"),
        _ => unreachable!("immutable fields are one or two steps deep"),
    }
}

fn data(errors: &mut Errors, object: &Value, fields: &[&str]) {
    let mut size = 0;
    for field in fields {
        let path = &Path::new(field);
        for (key, value) in object[*field].entries() {
            errors.invalid_all(&path.key(key), &key.into(), names::config_map_key(key));
            size += value.str().len();
        }
    }
    if size > DATA_MAX {
        errors.too_long(&Path::new(""), DATA_MAX);
    }
}

pub(super) fn config_map(errors: &mut Errors, object: &Value) {
    data(errors, object, &["data", "binaryData"]);
    for (key, _) in object["binaryData"].entries() {
        if !object["data"][&**key].is_null() {
            errors.invalid(&Path::new("binaryData").key(key), key, "duplicate of key present in data");
        }
    }
}

pub(super) fn secret(errors: &mut Errors, object: &Value) {
    data(errors, object, &["data"]);
    let needed: &[&str] = match object["type"].str() {
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    for key in needed.iter().copied() {
        if object["data"][key].is_null() {
            errors.required(&Path::new("data").key(key), "");
        }
    }
    if object["type"].str() == "kubernetes.io/service-account-token"
        && object.annotation("kubernetes.io/service-account.name").is_none_or(str::is_empty)
    {
        let path = Path::new("metadata");
        errors.required(&path.field("annotations").key("kubernetes.io/service-account.name"), "");
    }
}

/// Immutable config maps and secrets stay as they are.
pub(super) fn immutable_data(errors: &mut Errors, new: &Value, old: &Value) {
    if !old["immutable"].is_true() {
        return;
    }
    if !new["immutable"].is_true() {
        errors.forbidden(&Path::new("immutable"), IMMUTABLE);
    }
    for field in ["data", "binaryData"] {
        if new[field] != old[field] {
            errors.forbidden(&Path::new(field), IMMUTABLE);
        }
    }
}

pub(super) fn node(errors: &mut Errors, object: &Value) {
    let path = &Path::new("spec");
    scheduling::taints(errors, &path.field("taints"), &object["spec"]["taints"]);
    let cidrs = object["spec"]["podCIDRs"].items();
    for (at, cidr) in cidrs.iter().enumerate() {
        if !is_cidr(cidr.str()) {
            let list = path.field("podCIDRs");
            errors.invalid(&list.index(at), cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
    }
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(ip, bits)| {
        ip.parse::<std::net::IpAddr>()
            .is_ok_and(|ip| bits.parse::<u8>().is_ok_and(|bits| bits <= if ip.is_ipv4() { 32 } else { 128 }))
    })
}

/// What identifies a node stays once it is set.
pub(super) fn node_update(errors: &mut Errors, new: &Value, old: &Value) {
    let path = &Path::new("spec");
    for field in ["podCIDRs", "providerID"] {
        if !old["spec"][field].is_empty() && new["spec"][field] != old["spec"][field] {
            let shown = if field == "podCIDRs" { "podCIDR" } else { field };
            errors.forbidden(&path.field(field), &format!("node updates may not change {shown} except from \"\" to valid"));
        }
    }
}

pub(super) fn priority_class(errors: &mut Errors, object: &Value) {
    let (name, value) = (object.name(), object["value"].int());
    if name.starts_with("system-") {
        let system = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
        match system.iter().find(|(known, _)| *known == name) {
            None => errors.forbidden(
                &Path::new("metadata").field("name"),
                &format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a known system priority class"
                ),
            ),
            Some((_, want)) if *want != value => errors.forbidden(
                &Path::new("metadata").field("name"),
                &format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: value of {name} PriorityClass must be {want}"
                ),
            ),
            Some(_) => {}
        }
    } else if value > USER_PRIORITY_MAX {
        let why = format!("maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}");
        errors.forbidden(&Path::new("value"), &why);
    }
    if !object["preemptionPolicy"].is_null() {
        let policies = &["Never", "PreemptLowerPriority"];
        errors.one_of(&Path::new("preemptionPolicy"), &object["preemptionPolicy"], policies);
    }
}

pub(super) fn priority_class_update(errors: &mut Errors, new: &Value, old: &Value) {
    if new["value"] != old["value"] {
        errors.forbidden(&Path::new("value"), "may not be changed in an update.");
    }
    immutable_field(errors, &["preemptionPolicy"], new, old);
}

pub(super) fn resource_quota(errors: &mut Errors, object: &Value) {
    let path = &Path::new("spec");
    let hard = &path.field("hard");
    for (name, value) in object["spec"]["hard"].entries() {
        let entry = &hard.key(name);
        let faults = names::qualified_name(name);
        let qualified = faults.is_empty();
        errors.invalid_all(entry, &name.into(), faults);
        if qualified && !name.contains('/') && !is_quota_resource(name) {
            errors.invalid(entry, name, "must be a standard resource for quota");
        }
        container::quantity(errors, entry, name, value);
    }
}

fn is_quota_resource(name: &str) -> bool {
    let compute = name.strip_prefix("requests.").or_else(|| name.strip_prefix("limits.")).unwrap_or(name);
    matches!(compute, "cpu" | "memory" | "ephemeral-storage" | "storage")
        || compute.starts_with("hugepages-")
        || matches!(
            name,
            "pods"
                | "services"
                | "secrets"
                | "configmaps"
                | "resourcequotas"
                | "replicationcontrollers"
                | "persistentvolumeclaims"
                | "services.nodeports"
                | "services.loadbalancers"
        )
}

pub(super) fn limit_range(errors: &mut Errors, object: &Value) {
    let path = &Path::new("spec");
    let list = &path.field("limits");
    for (at, item) in object["spec"]["limits"].items().iter().enumerate() {
        let path = &list.index(at);
        for (low, high, low_name, high_name) in [
            ("min", "max", "min", "max"),
            ("min", "default", "min", "default"),
            ("min", "defaultRequest", "min", "default request"),
            ("defaultRequest", "max", "default request", "max"),
            ("defaultRequest", "default", "default request", "default limit"),
            ("default", "max", "default", "max"),
        ] {
            for (key, value) in item[low].entries() {
                let (low_value, high_value) = (Quantity::of(value), &item[high][&**key]);
                if !high_value.is_null() && low_value > Quantity::of(high_value) {
                    let why =
                        format!("{low_name} value {low_value} is greater than {high_name} value {}", Quantity::of(high_value));
                    errors.invalid(&path.field(low).key(key), low_value, &why);
                }
            }
        }
    }
}

pub(super) fn lease(errors: &mut Errors, object: &Value) {
    let path = &Path::new("spec");
    let (seconds, transitions) = (&object["spec"]["leaseDurationSeconds"], &object["spec"]["leaseTransitions"]);
    if !seconds.is_null() && seconds.int() <= 0 {
        errors.invalid(&path.field("leaseDurationSeconds"), seconds, "must be greater than 0");
    }
    if transitions.int() < 0 {
        errors.invalid(&path.field("leaseTransitions"), transitions, "must be greater than or equal to 0");
    }
}

pub(super) fn role(errors: &mut Errors, object: &Value) {
    let list = &Path::new("rules");
    for (at, rule) in object["rules"].items().iter().enumerate() {
        let path = &list.index(at);
        if rule["verbs"].is_empty() {
            errors.required(&path.field("verbs"), "verbs must contain at least one value");
        }
        if !rule["nonResourceURLs"].is_empty() {
            continue;
        }
        if rule["apiGroups"].is_empty() {
            errors.required(&path.field("apiGroups"), "resource rules must supply at least one api group");
        }
        if rule["resources"].is_empty() {
            errors.required(&path.field("resources"), "resource rules must supply at least one resource");
        }
    }
}

pub(super) fn role_binding(errors: &mut Errors, object: &Value) {
    let path = &Path::new("roleRef");
    let role = &object["roleRef"];
    errors.one_of(&path.field("apiGroup"), &role["apiGroup"], &["rbac.authorization.k8s.io"]);
    let kinds: &[&str] = if object.kind() == "ClusterRoleBinding" { &["ClusterRole"] } else { &["ClusterRole", "Role"] };
    errors.one_of(&path.field("kind"), &role["kind"], kinds);
    if role["name"].is_empty() {
        errors.required(&path.field("name"), "");
    }
    let list = &Path::new("subjects");
    for (at, subject) in object["subjects"].items().iter().enumerate() {
        let path = &list.index(at);
        if subject["name"].is_empty() {
            errors.required(&path.field("name"), "");
        }
        errors.one_of(&path.field("kind"), &subject["kind"], &["Group", "ServiceAccount", "User"]);
        if subject["kind"].str() == "ServiceAccount" && subject["namespace"].is_empty() {
            errors.required(&path.field("namespace"), "");
        }
    }
}

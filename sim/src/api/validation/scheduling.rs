//! Affinity, tolerations, taints, spreading (`pkg/apis/core/validation/validation.go`).

use crate::core::collections::PSet;

use super::meta::{label_name, label_selector};
use super::{Errors, Path};
use crate::api::names;
use crate::value::Value;

/// The effects of taints, in the order of the recordings.
pub(super) const TAINT_EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn affinity(errors: &mut Errors, path: &Path<'_>, affinity: &Value) {
    let node = &affinity["nodeAffinity"];
    let node_path = &path.field("nodeAffinity");
    if !node[REQUIRED].is_null() {
        node_selector(errors, &node_path.field(REQUIRED), &node[REQUIRED]);
    }
    for (at, term) in node[PREFERRED].items().iter().enumerate() {
        let (list, weight) = (&node_path.field(PREFERRED), &term["weight"]);
        let path = &list.index(at);
        in_range_1_100(errors, &path.field("weight"), weight);
        node_selector_term(errors, &path.field("preference"), &term["preference"]);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (path, terms) = (&path.field(kind), &affinity[kind]);
        for (at, term) in terms[REQUIRED].items().iter().enumerate() {
            pod_affinity_term(errors, &path.field(REQUIRED).index(at), term);
        }
        for (at, term) in terms[PREFERRED].items().iter().enumerate() {
            let list = &path.field(PREFERRED);
            let path = &list.index(at);
            in_range_1_100(errors, &path.field("weight"), &term["weight"]);
            pod_affinity_term(errors, &path.field("podAffinityTerm"), &term["podAffinityTerm"]);
        }
    }
}

fn in_range_1_100(errors: &mut Errors, path: &Path<'_>, weight: &Value) {
    if !(1..=100).contains(&weight.int()) {
        errors.invalid(path, weight, "must be in the range 1-100");
    }
}

/// A required node selector, of pods and of volumes.
pub(super) fn node_selector(errors: &mut Errors, path: &Path<'_>, selector: &Value) {
    let path = &path.field("nodeSelectorTerms");
    let terms = selector["nodeSelectorTerms"].items();
    if terms.is_empty() {
        errors.required(path, "must have at least one node selector term");
    }
    for (at, term) in terms.iter().enumerate() {
        node_selector_term(errors, &path.index(at), term);
    }
}

fn node_selector_term(errors: &mut Errors, path: &Path<'_>, term: &Value) {
    for (at, requirement) in term["matchExpressions"].items().iter().enumerate() {
        let list = &path.field("matchExpressions");
        let path = &list.index(at);
        let values = requirement["values"].items();
        match requirement["operator"].str() {
            "In" | "NotIn" if values.is_empty() => {
                errors.required(&path.field("values"), "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.forbidden(&path.field("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
            }
            "Gt" | "Lt" if values.len() != 1 => {
                errors.required(&path.field("values"), "must be specified single value when `operator` is 'Lt' or 'Gt'");
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            _ => errors.invalid(&path.field("operator"), requirement["operator"].text(), "not a valid selector operator"),
        }
        label_name(errors, &path.field("key"), &requirement["key"].text());
        if matches!(requirement["operator"].str(), "In" | "NotIn") {
            for (at, value) in values.iter().enumerate() {
                errors.invalid_all(&path.field("values").index(at), value, names::label_value(value.str()));
            }
        }
    }
    for (at, requirement) in term["matchFields"].items().iter().enumerate() {
        let list = &path.field("matchFields");
        let path = &list.index(at);
        match requirement["operator"].str() {
            "In" | "NotIn" if requirement["values"].items().len() != 1 => {
                errors.required(
                    &path.field("values"),
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
                );
            }
            "In" | "NotIn" => {}
            _ => errors.invalid(&path.field("operator"), requirement["operator"].text(), "not a valid selector operator"),
        }
        if requirement["key"].str() != "metadata.name" {
            errors.invalid(&path.field("key"), requirement["key"].text(), "not a valid field selector key");
        }
    }
}

fn pod_affinity_term(errors: &mut Errors, path: &Path<'_>, term: &Value) {
    label_selector(errors, &path.field("labelSelector"), &term["labelSelector"]);
    label_selector(errors, &path.field("namespaceSelector"), &term["namespaceSelector"]);
    for name in term["namespaces"].items() {
        errors.invalid_all(&path.field("namespace"), name, names::dns1123_label(name.str()));
    }
    topology_key(errors, &path.field("topologyKey"), &term["topologyKey"]);
}

fn topology_key(errors: &mut Errors, path: &Path<'_>, key: &Value) {
    if key.is_empty() {
        errors.required(path, "can not be empty");
    }
    label_name(errors, path, &key.text());
}

pub(super) fn tolerations(errors: &mut Errors, list: &Path<'_>, tolerations: &Value) {
    for (at, toleration) in tolerations.items().iter().enumerate() {
        let path = &list.index(at);
        let [key, operator, value, effect] = ["key", "operator", "value", "effect"].map(|field| &toleration[field]);
        if !key.is_empty() {
            label_name(errors, &path.field("key"), &key.text());
        }
        if key.is_empty() && operator.str() != "Exists" {
            errors.invalid(
                &path.field("operator"),
                operator.text(),
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            );
        }
        if !toleration["tolerationSeconds"].is_null() && effect.str() != "NoExecute" {
            errors.invalid(&path.field("effect"), effect.text(), "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        match operator.str() {
            "" | "Equal" => {
                let faults = names::label_value(value.str());
                if !faults.is_empty() {
                    errors.invalid(&path.field("operator"), value.text(), &faults.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                errors.invalid(&path.field("operator"), value, "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            _ => errors.one_of(&path.field("operator"), operator, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            errors.one_of(&path.field("effect"), effect, TAINT_EFFECTS);
        }
    }
}

/// The taints of a node (validateNodeTaints).
pub(super) fn taints(errors: &mut Errors, list: &Path<'_>, taints: &Value) {
    let mut seen = PSet::new();
    for (at, taint) in taints.items().iter().enumerate() {
        let path = &list.index(at);
        label_name(errors, &path.field("key"), &taint["key"].text());
        let faults = names::label_value(taint["value"].str());
        if !faults.is_empty() {
            errors.invalid(&path.field("value"), taint["value"].text(), &faults.join(";"));
        }
        errors.required_one_of(&path.field("effect"), &taint["effect"], TAINT_EFFECTS);
        if !seen.insert((taint["key"].text(), taint["effect"].text())) {
            errors.duplicate(path, taint);
        }
    }
}

pub(super) fn topology_spread(errors: &mut Errors, list: &Path<'_>, constraints: &Value) {
    let mut seen = PSet::new();
    for (at, constraint) in constraints.items().iter().enumerate() {
        let path = &list.index(at);
        if constraint["maxSkew"].int() <= 0 {
            errors.invalid(&path.field("maxSkew"), &constraint["maxSkew"], "must be greater than zero");
        }
        topology_key(errors, &path.field("topologyKey"), &constraint["topologyKey"]);
        let (key, when) = (constraint["topologyKey"].text(), constraint["whenUnsatisfiable"].text());
        errors.one_of(&path.field("whenUnsatisfiable"), &constraint["whenUnsatisfiable"], &["DoNotSchedule", "ScheduleAnyway"]);
        if !seen.insert((key.clone(), when.clone())) {
            errors.duplicate(&path.field("{topologyKey, whenUnsatisfiable}"), format!("{{{key}, {when}}}"));
        }
        let domains = &constraint["minDomains"];
        if !domains.is_null() {
            if domains.int() <= 0 {
                errors.invalid(&path.field("minDomains"), domains, "must be greater than zero");
            }
            if when != "DoNotSchedule" {
                let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}");
                errors.invalid(&path.field("minDomains"), domains, &why);
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if !constraint[policy].is_null() {
                errors.one_of(&path.field(policy), &constraint[policy], &["Honor", "Ignore"]);
            }
        }
        label_selector(errors, &path.field("labelSelector"), &constraint["labelSelector"]);
    }
}

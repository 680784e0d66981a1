//! Deployments, replica sets, daemon sets (`pkg/apis/apps/validation`), disruption budgets (`pkg/apis/policy/validation`).

use super::{Errors, Path, meta, pod};
use crate::api::LabelSelector;
use crate::value::Value;

const MISMATCH: &str = "`selector` does not match template `labels`";

pub(super) fn deployment(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    errors.non_negative(&path.field("replicas"), &spec["replicas"]);
    selector(errors, &path.field("selector"), &spec["selector"], "empty selector is invalid for deployment");
    replica_template(errors, &path.field("template"), spec);
    strategy(errors, &path.field("strategy"), &spec["strategy"]);
    for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        errors.non_negative(&path.field(field), &spec[field]);
    }
    let deadline = &spec["progressDeadlineSeconds"];
    if !deadline.is_null() && deadline.int() <= spec["minReadySeconds"].int() {
        errors.invalid(&path.field("progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds");
    }
}

pub(super) fn replica_set(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    errors.non_negative(&path.field("replicas"), &spec["replicas"]);
    errors.non_negative(&path.field("minReadySeconds"), &spec["minReadySeconds"]);
    selector(errors, &path.field("selector"), &spec["selector"], "empty selector is invalid for deployment");
    replica_template(errors, &path.field("template"), spec);
}

fn selector(errors: &mut Errors, path: &Path<'_>, selector: &Value, empty: &str) {
    if selector.is_null() {
        errors.required(path, "");
        return;
    }
    meta::label_selector(errors, path, selector);
    if selector["matchLabels"].is_empty() && selector["matchExpressions"].is_empty() {
        errors.invalid(path, selector, empty);
    }
}

/// ValidatePodTemplateSpecForReplicaSet
fn replica_template(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    let template = &spec["template"];
    let labels = &template["metadata"]["labels"];
    if !LabelSelector::of(&spec["selector"]).matches(labels) {
        errors.invalid(&path.field("metadata").field("labels"), labels, MISMATCH);
    }
    pod::template(errors, path, template);
    always_restarted(errors, path, template, "ReplicaSet");
}

fn always_restarted(errors: &mut Errors, path: &Path<'_>, template: &Value, kind: &str) {
    let path = &path.field("spec");
    let policy = &template["spec"]["restartPolicy"];
    if policy.str() != "Always" {
        errors.one_of(&path.field("restartPolicy"), policy, &["Always"]);
    }
    if !template["spec"]["activeDeadlineSeconds"].is_null() {
        let why = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.forbidden(&path.field("activeDeadlineSeconds"), &why);
    }
}

fn strategy(errors: &mut Errors, path: &Path<'_>, strategy: &Value) {
    let rolling = &strategy["rollingUpdate"];
    let rolling_path = &path.field("rollingUpdate");
    match strategy["type"].str() {
        "Recreate" => {
            if !rolling.is_null() {
                errors.forbidden(rolling_path, "may not be specified when strategy `type` is 'Recreate'");
            }
        }
        "RollingUpdate" => {
            int_or_percent(errors, &rolling_path.field("maxUnavailable"), &rolling["maxUnavailable"]);
            int_or_percent(errors, &rolling_path.field("maxSurge"), &rolling["maxSurge"]);
            if number_of(&rolling["maxUnavailable"]) == 0 && number_of(&rolling["maxSurge"]) == 0 {
                errors.invalid(
                    &rolling_path.field("maxUnavailable"),
                    &rolling["maxUnavailable"],
                    "may not be 0 when `maxSurge` is 0",
                );
            }
            at_most_100_percent(errors, &rolling_path.field("maxUnavailable"), &rolling["maxUnavailable"]);
        }
        _ => errors.one_of(&path.field("type"), &strategy["type"], &["Recreate", "RollingUpdate"]),
    }
}

/// The percentage of `25%`.
fn percent(value: &Value) -> Option<i64> {
    let digits = value.as_str()?.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) { None } else { digits.parse().ok() }
}

fn number_of(value: &Value) -> i64 {
    percent(value).unwrap_or_else(|| value.int())
}

fn int_or_percent(errors: &mut Errors, path: &Path<'_>, value: &Value) {
    match value {
        Value::Str(_) if percent(value).is_none() => errors.invalid(
            path,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
        Value::Str(_) => {}
        other => errors.non_negative(path, other),
    }
}

fn at_most_100_percent(errors: &mut Errors, path: &Path<'_>, value: &Value) {
    if percent(value).is_some_and(|percent| percent > 100) {
        errors.invalid(path, value, "must not be greater than 100%");
    }
}

pub(super) fn daemon_set(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    let selector = &spec["selector"];
    meta::label_selector(errors, &path.field("selector"), selector);
    let (template, template_path) = (&spec["template"], &path.field("template"));
    let labels = &template["metadata"]["labels"];
    if !LabelSelector::of(selector).matches(labels) {
        errors.invalid(&template_path.field("metadata").field("labels"), labels, MISMATCH);
    }
    if !selector.is_null() && selector["matchLabels"].is_empty() && selector["matchExpressions"].is_empty() {
        errors.invalid(&path.field("selector"), selector, "empty selector is invalid for daemonset");
    }
    pod::template(errors, template_path, template);
    always_restarted(errors, template_path, template, "DaemonSet");
    errors.non_negative(&path.field("minReadySeconds"), &spec["minReadySeconds"]);
    daemon_strategy(errors, &path.field("updateStrategy"), &spec["updateStrategy"]);
    errors.non_negative(&path.field("revisionHistoryLimit"), &spec["revisionHistoryLimit"]);
}

fn daemon_strategy(errors: &mut Errors, path: &Path<'_>, strategy: &Value) {
    let rolling = &strategy["rollingUpdate"];
    let rolling_path = &path.field("rollingUpdate");
    match strategy["type"].str() {
        "OnDelete" => {}
        "RollingUpdate" => {
            for field in ["maxUnavailable", "maxSurge"] {
                int_or_percent(errors, &rolling_path.field(field), &rolling[field]);
                at_most_100_percent(errors, &rolling_path.field(field), &rolling[field]);
            }
            match (number_of(&rolling["maxUnavailable"]), number_of(&rolling["maxSurge"])) {
                (0, 0) => errors.required(&rolling_path.field("maxUnavailable"), "cannot be 0 when maxSurge is 0"),
                (0, _) | (_, 0) => {}
                _ => errors.invalid(
                    &rolling_path.field("maxSurge"),
                    &rolling["maxSurge"],
                    "may not be set when maxUnavailable is non-zero",
                ),
            }
        }
        _ => errors.one_of(&path.field("type"), &strategy["type"], &["RollingUpdate", "OnDelete"]),
    }
}

/// Selectors never change.
pub(super) fn update(errors: &mut Errors, new: &Value, old: &Value) {
    super::config::immutable_field(errors, &["spec", "selector"], new, old);
}

pub(super) fn disruption_budget(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        errors.invalid(path, spec, "minAvailable and maxUnavailable cannot be both set");
    }
    for field in ["minAvailable", "maxUnavailable"] {
        if !spec[field].is_null() {
            int_or_percent(errors, &path.field(field), &spec[field]);
            at_most_100_percent(errors, &path.field(field), &spec[field]);
        }
    }
    meta::label_selector(errors, &path.field("selector"), &spec["selector"]);
    if !spec["unhealthyPodEvictionPolicy"].is_null() {
        let policies = &["AlwaysAllow", "IfHealthyBudget"];
        errors.one_of(&path.field("unhealthyPodEvictionPolicy"), &spec["unhealthyPodEvictionPolicy"], policies);
    }
}

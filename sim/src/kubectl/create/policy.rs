//! `kubectl create poddisruptionbudget|priorityclass|quota`.

use super::{Failure, GENERATOR, create, name_of};
use crate::api::LabelSelector;
use crate::api::quantity::Quantity;
use crate::api::resource::{PODDISRUPTIONBUDGETS, PRIORITYCLASSES, RESOURCEQUOTAS};
use crate::flow::{Flow, Io};
use crate::kubectl::options::flags;
use crate::kubectl::{Command, Flag, Invocation};
use crate::value;
use crate::value::{Map, Value};

pub(super) static BUDGET: Command = Command {
    name: "poddisruptionbudget",
    aliases: &["pdb"],
    usage: "poddisruptionbudget NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
    short: "Create a pod disruption budget with the specified name",
    examples: &[
        "# Create a budget that requires at least half of the pods with the app=nginx label to be available at any time",
        "kubectl create pdb my-pdb --selector=app=nginx --min-available=50%",
    ],
    flags: flags!(
        GENERATOR,
        &[
            Flag::text("min-available", "", "The minimum number or percentage of available pods this budget requires."),
            Flag::text("max-unavailable", "", "The maximum number or percentage of unavailable pods this budget requires."),
            Flag::text("selector", "", "A label selector to use for this budget."),
        ]
    ),
    run: Some(budget),
    ..Command::NEW
};

fn budget(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let (min, max, selector) = (inv.flag("min-available"), inv.flag("max-unavailable"), inv.flag("selector"));
    let is_count = |text: &str| {
        let digits = text.strip_suffix('%').unwrap_or(text);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let misuse = match (selector, min, max) {
        ("", _, _) => Some("a selector must be specified"),
        (_, "", "") => Some("one of min-available or max-unavailable must be specified"),
        (_, min, max) if !min.is_empty() && !max.is_empty() => Some("min-available and max-unavailable cannot be both specified"),
        (_, min, _) if !min.is_empty() && !is_count(min) => Some("invalid format specified for min-available"),
        (_, _, max) if !max.is_empty() && !is_count(max) => Some("invalid format specified for max-unavailable"),
        _ => None,
    };
    if let Some(misuse) = misuse {
        return inv.fail(io, misuse);
    }
    let selector = label_selector(selector);
    let mut spec = value!({"selector": inv.or_fail(io, selector)?});
    let count = |text: &str| text.parse::<i64>().map_or_else(|_| Value::from(text.to_string()), Value::from);
    if min.is_empty() {
        spec.set("maxUnavailable", count(max));
    } else {
        spec.set("minAvailable", count(min));
    }
    let budget = value!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    });
    create(inv, io, PODDISRUPTIONBUDGETS, budget, Failure::Wrapped("poddisruptionbudgets"))
}

/// A selector of the command line as an object's (`ParseToLabelSelector`).
fn label_selector(text: &str) -> Result<Value, String> {
    let parsed = LabelSelector::parse(text)?;
    let (mut labels, mut expressions) = (Map::new(), Vec::new());
    for requirement in parsed.requirements() {
        let requirement = requirement.to_string();
        match requirement.split_once('=').filter(|(key, value)| !key.ends_with('!') && !value.contains(['(', ','])) {
            Some((key, value)) => drop(labels.insert(key.to_string(), value.to_string())),
            None => expressions.push(expression(&requirement)),
        }
    }
    let mut selector = Value::map();
    if !labels.is_empty() {
        selector.set("matchLabels", labels);
    }
    if !expressions.is_empty() {
        selector.set("matchExpressions", expressions);
    }
    Ok(selector)
}

/// `key in (a,b)`, `key!=a`, `key`, `!key` as an expression.
fn expression(text: &str) -> Value {
    let values = |list: &str| list.trim_matches(['(', ')']).split(',').map(|value| value.to_string()).collect::<Value>();
    if let Some((key, list)) = text.split_once(" notin ") {
        return value!({"key": key.to_string(), "operator": "NotIn", "values": values(list)});
    }
    if let Some((key, list)) = text.split_once(" in ") {
        return value!({"key": key.to_string(), "operator": "In", "values": values(list)});
    }
    if let Some((key, value)) = text.split_once("!=") {
        return value!({"key": key.to_string(), "operator": "NotIn", "values": values(value)});
    }
    match text.strip_prefix('!') {
        Some(key) => value!({"key": key.to_string(), "operator": "DoesNotExist"}),
        None => value!({"key": text.to_string(), "operator": "Exists"}),
    }
}

pub(super) static PRIORITY_CLASS: Command = Command {
    name: "priorityclass",
    aliases: &["pc"],
    usage: "priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
    short: "Create a priority class with the specified name",
    examples: &[
        "# Create a priority class named high-priority",
        "kubectl create priorityclass high-priority --value=1000 --description=\"high priority\"",
    ],
    flags: flags!(
        GENERATOR,
        &[
            Flag::int("value", "0", "the value of this priority class."),
            Flag::bool(
                "global-default",
                "global-default specifies whether this PriorityClass should be considered as the default priority."
            ),
            Flag::text(
                "description",
                "",
                "An arbitrary string that usually provides guidelines on when this class should be used."
            ),
            Flag::text("preemption-policy", "PreemptLowerPriority", "the policy for preempting pods with lower priority."),
        ]
    ),
    run: Some(|inv, io| {
        let name = name_of(inv, io)?.to_string();
        let mut class = value!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": inv.int("value"), "preemptionPolicy": inv.flag("preemption-policy").to_string(),
        });
        if inv.is("global-default") {
            class.set("globalDefault", true);
        }
        if !inv.flag("description").is_empty() {
            class.set("description", inv.flag("description").to_string());
        }
        create(inv, io, PRIORITYCLASSES, class, Failure::Wrapped("priorityclass"))
    }),
    ..Command::NEW
};

pub(super) static QUOTA: Command = Command {
    name: "quota",
    aliases: &["resourcequota"],
    usage: "quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]",
    short: "Create a quota with the specified name",
    examples: &["# Create a new resource quota named my-quota", "kubectl create quota my-quota --hard=cpu=1,memory=1G,pods=2"],
    flags: flags!(
        GENERATOR,
        &[
            Flag::text("hard", "", "A comma-delimited set of resource=quantity pairs that define a hard limit."),
            Flag::text(
                "scopes",
                "",
                "A comma-delimited set of quota scopes that must all match each object tracked by the quota."
            ),
        ]
    ),
    run: Some(quota),
    ..Command::NEW
};

fn quota(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let mut spec = Value::map();
    if !inv.flag("hard").is_empty() {
        let hard = quantities(inv.flag("hard"));
        spec.set("hard", inv.or_fail(io, hard)?);
    }
    let scopes = inv.flag("scopes");
    if !scopes.is_empty() {
        if scopes.split(',').any(str::is_empty) {
            return inv.fail(io, "invalid resource quota scope \"\"");
        }
        spec.set("scopes", scopes.split(',').map(|scope| scope.to_string()).collect::<Value>());
    }
    let quota = value!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec, "status": {}});
    create(inv, io, RESOURCEQUOTAS, quota, Failure::Wrapped("quota"))
}

/// `cpu=1,memory=1Gi` as a map; the quantities are kept in their canonical form.
pub(in crate::kubectl) fn quantities(text: &str) -> Result<Value, String> {
    let mut map = Map::new();
    for pair in text.split(',') {
        let [key, quantity] = pair.split('=').collect::<Vec<_>>()[..] else {
            return Err(format!("Invalid argument syntax {pair}, expected <resource>=<value>"));
        };
        let quantity: Quantity = quantity.parse().map_err(|error| format!("{error}"))?;
        map.insert(key.to_string(), quantity.to_string());
    }
    Ok(Value::from(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::create::tests::{dry, run};

    #[test]
    fn objects_are_as_recorded() {
        let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: x\nspec:\n  minAvailable: 1\n  selector:\n    \
                      matchLabels:\n      a: b\nstatus:\n  currentHealthy: 0\n  desiredHealthy: 0\n  disruptionsAllowed: 0\n  \
                      expectedPods: 0\n";
        assert_eq!(dry("kubectl create pdb x --selector=a=b --min-available=1"), budget);
        let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: x\npreemptionPolicy: \
                     PreemptLowerPriority\nvalue: 100\n";
        assert_eq!(dry("kubectl create priorityclass x --value=100"), class);
        let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata:\n  name: x\nspec:\n  hard:\n    pods: \"3\"\nstatus: {}\n";
        assert_eq!(dry("kubectl create quota x --hard=pods=3"), quota);
    }

    #[test]
    fn selectors() {
        assert_eq!(
            label_selector("a=b,c in (d,e),!f").unwrap().to_json(),
            r#"{"matchExpressions":[{"key":"c","operator":"In","values":["d","e"]},{"key":"f","operator":"DoesNotExist"}],"matchLabels":{"a":"b"}}"#
        );
    }

    #[test]
    fn misuse() {
        assert_eq!(run("kubectl create pdb p --min-available=1").err, "error: a selector must be specified\n");
        assert_eq!(
            run("kubectl create pdb p --selector=app=web --min-available=1 --max-unavailable=1").err,
            "error: min-available and max-unavailable cannot be both specified\n"
        );
        assert_eq!(
            run("kubectl create quota q --hard=pods=abc").err,
            "error: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'\n"
        );
    }
}

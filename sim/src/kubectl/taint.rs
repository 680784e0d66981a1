//! `kubectl taint`, after `pkg/cmd/taint/taint.go` and `utils.go`.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{ALL, DRY_RUN, DryRun, PRINT, SELECTOR, VALIDATE, field_manager, flags};
use super::outcome::Outcome;
use super::resources::{Choice, find};
use super::subjects;
use crate::api::names;
use crate::api::patch::two_way_strategic;
use crate::api::resource::NODES;
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value::Value;

/// `kubectl taint`
pub(super) static COMMAND: Command = Command {
    name: "taint",
    usage: "taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    short: "Update the taints on one or more nodes",
    long: "A taint keeps pods away from a node that do not tolerate it: NoSchedule new ones, PreferNoSchedule if there is room elsewhere,\n\
           NoExecute also those that run there. KEY:EFFECT- removes a taint, KEY- those of all effects.",
    examples: &[
        "# Update node 'foo' with a taint with key 'dedicated' and value 'special-user' and effect 'NoSchedule'",
        "kubectl taint nodes foo dedicated=special-user:NoSchedule",
        "# Remove from node 'foo' the taint with key 'dedicated' and effect 'NoSchedule' if one exists",
        "kubectl taint nodes foo dedicated:NoSchedule-",
    ],
    flags: flags!(
        PRINT,
        DRY_RUN,
        VALIDATE,
        SELECTOR,
        ALL,
        &[Flag::bool(
            "overwrite",
            "If true, allow taints to be overwritten, otherwise reject updates that overwrite existing taints."
        )],
        &[field_manager("kubectl-taint")]
    ),
    run: Some(run),
    ..Command::NEW
};

/// A taint of the command line; `effect` is "" where all effects are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taint {
    key: String,
    value: String,
    effect: String,
}

impl Taint {
    fn is(&self, taint: &Value) -> bool {
        taint["key"].str() == self.key && taint["effect"].str() == self.effect
    }

    fn to_value(&self) -> Value {
        let mut taint = Value::map();
        taint.set("effect", &self.effect);
        taint.set("key", &self.key);
        if !self.value.is_empty() {
            taint.set("value", &self.value);
        }
        taint
    }

    /// `key`, `key:effect`, `key=value:effect` (`Taint.ToString`).
    fn text(&self) -> String {
        match (self.effect.as_str(), self.value.as_str()) {
            ("", "") => self.key.clone(),
            ("", value) => format!("{}={value}:", self.key),
            (effect, "") => format!("{}:{effect}", self.key),
            (effect, value) => format!("{}={value}:{effect}", self.key),
        }
    }
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    let split = split_arguments(&inv.args);
    let (resources, specs) = inv.or_fail(io, split)?;
    let (add, remove) = match parse_all(&specs) {
        Ok(parsed) => parsed,
        Err(error) => return inv.usage_error(io, &error),
    };
    let checked = check(inv, &resources, &add, &remove);
    inv.or_fail(io, checked)?;
    let choice = Choice { labels: Some(inv.flag("selector")), all: inv.is("all"), ..Choice::default() };
    let by_selector = inv.is("all") || !inv.flag("selector").is_empty();
    let mut args = vec!["nodes".to_string()];
    if !by_selector {
        args.extend_from_slice(&resources[1..]);
    }
    let subjects = subjects::read(inv, io, &args, choice, true)?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    for node in found {
        let (operation, taints) = match reorganize(&node.object, &add, &remove, inv.is("overwrite")) {
            Ok(changed) => changed,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let mut changed = node.object.clone();
        changed["spec"].set("taints", if taints.is_empty() { Value::Null } else { taints.into() });
        if dry_run != DryRun::Client {
            let patch = two_way_strategic(&node.object, &changed, NODES).unwrap_or_default();
            let request = Request::patch(NODES, "", node.object.name().to_string(), patch)
                .param("fieldManager", inv.flag("field-manager").to_string());
            match io.request(dry_run.on(request))? {
                Ok(patched) => changed = patched,
                Err(error) => {
                    errors.push(error.into());
                    continue;
                }
            }
        }
        if let Err(error) = outcome.print(io, &changed, operation) {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

/// Names come first, taints after them.
fn split_arguments(args: &[String]) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut resources, mut specs) = (Vec::new(), Vec::new());
    for arg in args {
        let is_taint = arg.contains('=') || arg.contains(':') || arg.ends_with('-');
        match (is_taint, specs.is_empty()) {
            (true, _) => specs.push(arg.clone()),
            (false, true) => resources.push(arg.clone()),
            (false, false) => return Err(format!("all resources must be specified before taint changes: {arg}")),
        }
    }
    if resources.is_empty() {
        return Err("one or more resources must be specified as <resource> <name>".into());
    }
    if specs.is_empty() {
        return Err("at least one taint update is required".into());
    }
    Ok((resources, specs))
}

fn parse_all(specs: &[String]) -> Result<(Vec<Taint>, Vec<Taint>), String> {
    let (mut add, mut remove): (Vec<Taint>, Vec<Taint>) = (Vec::new(), Vec::new());
    for spec in specs {
        if let Some(spec) = spec.strip_suffix('-') {
            remove.push(Taint { value: String::new(), ..parse(spec)? });
            continue;
        }
        let taint = parse(spec)?;
        if taint.effect.is_empty() {
            return Err(format!("invalid taint spec: {spec}"));
        }
        if add.iter().any(|have| have.key == taint.key && have.effect == taint.effect) {
            return Err(format!("duplicated taints with the same key and effect: {}", taint.text()));
        }
        add.push(taint);
    }
    Ok((add, remove))
}

fn parse(spec: &str) -> Result<Taint, String> {
    let (pair, effect) = match spec.split(':').collect::<Vec<_>>()[..] {
        [key] => (key, ""),
        [pair, effect] => (pair, effect),
        _ => return Err(format!("invalid taint spec: {spec}")),
    };
    if spec.contains(':') && !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
        return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
    }
    let (key, value) = match pair.split('=').collect::<Vec<_>>()[..] {
        [key, value] if spec.contains(':') => (key, value),
        [_] => (pair, ""),
        _ if !spec.contains(':') => (pair, ""),
        _ => return Err(format!("invalid taint spec: {spec}")),
    };
    for wrong in [names::label_value(value), names::qualified_name(key)] {
        if !wrong.is_empty() {
            return Err(format!("invalid taint spec: {spec}, {}", wrong.join("; ")));
        }
    }
    Ok(Taint { key: key.into(), value: value.into(), effect: effect.into() })
}

fn check(inv: &Invocation, resources: &[String], add: &[Taint], remove: &[Taint]) -> Result<(), Error> {
    let kind = resources[0].to_lowercase();
    if find(&kind)? != NODES {
        return Err(Error::Text(format!("invalid resource type {kind}, only node types are supported")));
    }
    let mut both = Vec::new();
    for one in remove {
        for _ in add.iter().filter(|have| have.key == one.key && (one.effect.is_empty() || have.effect == one.effect)) {
            both.push(format!("{{{:?}:{:?}}}", one.key, one.effect));
        }
    }
    if !both.is_empty() {
        let text = format!("can not both modify and remove the following taint(s) in the same command: {}", both.join(", "));
        return Err(text.into());
    }
    let (all, selector) = (inv.is("all"), inv.flag("selector"));
    if all && !selector.is_empty() {
        return Err("setting 'all' parameter with a non empty selector is prohibited".into());
    }
    if !all && selector.is_empty() && resources.len() < 2 {
        return Err("at least one resource name must be specified since 'all' parameter is not set".into());
    }
    Ok(())
}

/// The node's new taints, and what was done: new ones first, then those that stay (`reorganizeTaints`).
fn reorganize(node: &Value, add: &[Taint], remove: &[Taint], overwrite: bool) -> Result<(&'static str, Vec<Value>), Error> {
    let old = node["spec"]["taints"].items();
    let existing: Vec<&str> =
        add.iter().filter(|taint| old.iter().any(|have| taint.is(have))).map(|taint| taint.key.as_str()).collect();
    if !overwrite && !existing.is_empty() {
        return Err(Error::Text(format!(
            "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
            node.name(),
            existing.join(",")
        )));
    }
    let mut taints: Vec<Value> = add.iter().map(Taint::to_value).collect();
    taints.extend(old.iter().filter(|have| !add.iter().any(|taint| taint.is(have))).cloned());
    let added = taints.len() != old.len();
    let (mut errors, mut removed) = (Vec::new(), false);
    for gone in remove {
        let before = taints.len();
        taints.retain(|taint| if gone.effect.is_empty() { taint["key"].str() != gone.key } else { !gone.is(taint) });
        removed = taints.len() != before;
        if !removed {
            errors.push(Error::Text(format!("taint {:?} not found", gone.text())));
        }
    }
    Error::aggregate(errors)?;
    let operation = match (added, removed, overwrite) {
        (true, true, _) | (_, _, true) => "modified",
        (true, false, false) => "tainted",
        (false, _, false) => "untainted",
    };
    Ok((operation, taints))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    fn run(line: &str, taints: &Value) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| {
            Ok(value!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": taints.clone()}}))
        })
    }

    #[test]
    fn words_are_as_recorded() {
        let none = Value::Null;
        let b = value!([{"effect": "NoSchedule", "key": "a", "value": "b"}]);
        let added = run("kubectl taint nodes n a=b:NoSchedule", &none);
        assert_eq!(added.out, "node/n tainted\n");
        assert_eq!(added.requests, ["GET /api/v1/nodes/n", "PATCH /api/v1/nodes/n?fieldManager=kubectl-taint"]);
        assert_eq!(
            run("kubectl taint nodes n a=c:NoSchedule", &b).err,
            "error: node n already has a taint(s) with same effect(s) and --overwrite is false\n"
        );
        assert_eq!(run("kubectl taint nodes n a=c:NoSchedule --overwrite", &b).out, "node/n modified\n");
        assert_eq!(run("kubectl taint nodes n a:NoSchedule-", &b).out, "node/n untainted\n");
        assert_eq!(run("kubectl taint nodes n a-", &none).err, "error: taint \"a\" not found\n");
        assert_eq!(run("kubectl taint nodes n foo", &none).err, "error: at least one taint update is required\n");
        assert_eq!(
            run("kubectl taint nodes n a=b:Nope", &none).err,
            "error: invalid taint effect: Nope, unsupported taint effect\nSee 'kubectl taint -h' for help and examples\n"
        );
    }

    #[test]
    fn the_last_taint_is_removed_by_null() {
        let node = value!({"spec": {"taints": [{"effect": "NoSchedule", "key": "a"}]}});
        let gone = Taint { key: "a".into(), value: String::new(), effect: String::new() };
        assert_eq!(reorganize(&node, &[], &[gone], false), Ok(("untainted", Vec::new())));
    }
}

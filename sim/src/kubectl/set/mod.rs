//! `kubectl set`: changes of pod templates, after `pkg/cmd/set/`.

mod account;
mod env;
mod image;
mod resources;

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{ALL, DRY_RUN, DryRun, FILES, PRINT, RECORD, SELECTOR, field_manager, flags};
use super::outcome::Outcome;
use super::resources::{Choice, Found};
use super::subjects;
use crate::api::patch::two_way_strategic;
use crate::api::resource::{DAEMONSETS, DEPLOYMENTS, PODS, REPLICASETS};
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value::Value;

/// `kubectl set`
pub(super) static COMMAND: Command = Command {
    name: "set",
    usage: "set SUBCOMMAND",
    short: "Set specific features on objects",
    long: "Configure application resources.\nThese commands help you make changes to existing application resources.",
    commands: &[
        &env::COMMAND,
        &image::COMMAND,
        &resources::COMMAND,
        &Command::absent("selector", "Set the selector on a resource"),
        &account::COMMAND,
        &Command::absent("subject", "Update the user, group, or service account in a role binding or cluster role binding"),
    ],
    ..Command::NEW
};

/// The flags of all these commands.
const FLAGS: &[Flag] = flags!(
    PRINT,
    FILES,
    DRY_RUN,
    SELECTOR,
    ALL,
    RECORD,
    &[
        Flag::bool("local", "If true, will NOT contact api-server but run locally, on the objects of -f."),
        field_manager("kubectl-set"),
    ]
);

/// The objects that are to be changed. What is wrong with one ends the command.
fn read(inv: &Invocation, io: &mut Io, args: &[String]) -> Flow<Vec<Found>> {
    let choice = Choice { labels: Some(inv.flag("selector")), all: inv.is("all"), ..Choice::default() };
    let subjects = subjects::read(inv, io, args, choice, !inv.is("local"))?;
    let (found, errors) = inv.or_fail(io, subjects)?;
    let end = Error::aggregate(errors);
    inv.or_fail(io, end)?;
    Ok(found)
}

/// Changes the pod spec of each object by `change`, sends what differs, and prints it. Errors of `change` come last.
fn update(
    inv: &Invocation,
    io: &mut Io,
    found: &[Found],
    (operation, failure): (&str, &str),
    mut change: impl FnMut(&Found, &mut Value) -> Result<(), Vec<Error>>,
) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.is("local") && dry_run == DryRun::Server {
        return inv.fail(io, "cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    }
    let mut errors = Vec::new();
    let mut changed = Vec::new();
    for one in found {
        let mut object = one.object.clone();
        let Some(spec) = pod_spec(one, &mut object) else {
            errors.push(Error::Text(format!(
                "error: {}/{} the object is not a pod or does not have a pod template: *v1.{}",
                one.resource.plural,
                one.object.name(),
                one.resource.kind
            )));
            continue;
        };
        if let Err(wrong) = change(one, spec) {
            errors.extend(wrong);
        }
        changed.push((one, object));
    }
    for (one, object) in changed {
        let patch = two_way_strategic(&one.object, &object, one.resource);
        let patch = match patch {
            Ok(patch) if patch == Value::map() => continue,
            Ok(patch) => patch,
            Err(error) => {
                errors.push(Error::Text(format!("error: {}/{} {error}", one.resource.plural, one.object.name())));
                continue;
            }
        };
        let object = if inv.is("local") || dry_run == DryRun::Client {
            object
        } else {
            let request = Request::patch(one.resource, one.object.namespace().to_string(), one.object.name().to_string(), patch)
                .param("fieldManager", inv.flag("field-manager").to_string());
            match io.request(dry_run.on(request))? {
                Ok(patched) => patched,
                Err(error) => {
                    errors.push(Error::Text(format!("failed to patch {failure}: {error}")));
                    continue;
                }
            }
        };
        if let Err(error) = outcome.print(io, &object, operation) {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

/// The object's pod spec (`UpdatePodSpecForObject`).
fn pod_spec<'v>(one: &Found, object: &'v mut Value) -> Option<&'v mut Value> {
    if one.resource == PODS {
        return Some(&mut object["spec"]);
    }
    let has_template = [DEPLOYMENTS, REPLICASETS, DAEMONSETS].contains(&one.resource);
    has_template.then(|| &mut object["spec"]["template"]["spec"])
}

/// Whether a container's name is chosen: `*` stands for any letters.
fn is_chosen(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((before, after)) => name
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && is_chosen(&rest[at..], after))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    pub(super) fn web() -> Value {
        value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [
                {"name": "nginx", "image": "nginx:1.27", "env": [{"name": "MODE", "value": "prod"}]}]}}}})
    }

    pub(super) fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| Ok(web()))
    }

    #[test]
    fn patterns() {
        for (pattern, name, want) in
            [("*", "x", true), ("a*", "ab", true), ("a*c", "abc", true), ("a*c", "ab", false), ("a", "b", false)]
        {
            assert_eq!(is_chosen(name, pattern), want, "{pattern} {name}");
        }
    }
}

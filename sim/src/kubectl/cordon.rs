//! `kubectl cordon` and `kubectl uncordon`, after `pkg/cmd/drain/drain.go` and `pkg/drain/cordon.go`.

use super::args::Command;
use super::error::Error;
use super::invocation::Invocation;
use super::options::{DRY_RUN, DryRun, SELECTOR, flags};
use super::resources::{Choice, Found, Target, objects, select};
use super::subjects::unchunked;
use crate::api::resource::NODES;
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value;
use crate::value::Value;

/// `kubectl cordon`
pub(super) static CORDON: Command = Command {
    name: "cordon",
    usage: "cordon NODE",
    short: "Mark node as unschedulable",
    long: "The scheduler places no new pods on the node; those that run there stay.",
    examples: &["# Mark node \"foo\" as unschedulable", "kubectl cordon foo"],
    flags: flags!(DRY_RUN, SELECTOR),
    run: Some(|inv, io| run(inv, io, true)),
    ..Command::NEW
};

/// `kubectl uncordon`
pub(super) static UNCORDON: Command = Command {
    name: "uncordon",
    usage: "uncordon NODE",
    short: "Mark node as schedulable",
    examples: &["# Mark node \"foo\" as schedulable", "kubectl uncordon foo"],
    flags: flags!(DRY_RUN, SELECTOR),
    run: Some(|inv, io| run(inv, io, false)),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io, cordon: bool) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let (nodes, dry_run) = (nodes(inv, io, if cordon { "cordon NODE" } else { "uncordon NODE" })?, inv.or_fail(io, dry_run)?);
    cordon_all(io, &nodes, cordon, dry_run, &inv.host)
}

/// The nodes that the command names or `-l` chooses. The first that does not exist ends it.
pub(super) fn nodes(inv: &Invocation, io: &mut Io, usage: &str) -> Flow<Vec<Found>> {
    let selector = inv.flag("selector");
    if inv.args.is_empty() && !inv.given("selector") {
        return inv.usage_error(io, &format!("USAGE: {usage} [flags]"));
    }
    if !inv.args.is_empty() && !selector.is_empty() {
        return inv.usage_error(io, "error: cannot specify both a node name and a --selector option");
    }
    let mut args: Vec<String> = inv.args.clone();
    if !args.iter().any(|arg| arg.contains('/')) {
        args.insert(0, "nodes".into());
    }
    let targets = select(inv, &args, Choice { labels: Some(selector), type_alone: true, ..Choice::default() });
    let targets = inv.or_fail(io, targets)?;
    let mut nodes = Vec::new();
    for target in targets {
        if target.resource() != NODES {
            let text = format!("expected resource of type node, got {:?}", group_version_resource(&target));
            return inv.fail(io, text);
        }
        match io.request(unchunked(&target))? {
            Ok(body) => nodes.extend(objects(&target, body)),
            Err(error) => return inv.fail(io, error),
        }
    }
    Ok(nodes)
}

fn group_version_resource(target: &Target) -> String {
    let resource = target.resource();
    format!("{}/{}, Resource={}", resource.group, resource.version, resource.plural)
}

/// Cordons or uncordons the nodes, those that are not yet; prints each. Errors are printed, and it goes on.
pub(super) fn cordon_all(io: &mut Io, nodes: &[Found], cordon: bool, dry_run: DryRun, host: &str) -> Flow<()> {
    let word = if cordon { "cordoned" } else { "uncordoned" };
    for node in nodes {
        let name = node.object.name();
        if node.object["spec"]["unschedulable"].is_true() == cordon {
            io.print(&format!("node/{name} already {word}{}\n", dry_run.suffix()));
            continue;
        }
        if dry_run != DryRun::Client {
            let unschedulable = if cordon { Value::Bool(true) } else { Value::Null };
            let patch = value!({"spec": {"unschedulable": unschedulable}});
            if let Err(error) = io.request(dry_run.on(Request::patch(NODES, "", name.to_string(), patch)))? {
                let message = Error::from(error).message(host);
                io.eprint(&format!("error: unable to {} node {name:?}: {message}\n", &word[..word.len() - 2]));
                continue;
            }
        }
        io.print(&format!("node/{name} {word}{}\n", dry_run.suffix()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    fn run(line: &str, unschedulable: bool) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| {
            Ok(value!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"unschedulable": unschedulable}}))
        })
    }

    #[test]
    fn requests_are_as_recorded() {
        let cordoned = run("kubectl cordon n", false);
        assert_eq!(cordoned.out, "node/n cordoned\n");
        assert_eq!(cordoned.requests, ["GET /api/v1/nodes/n", "PATCH /api/v1/nodes/n"]);
        let again = run("kubectl cordon n", true);
        assert_eq!(again.out, "node/n already cordoned\n");
        assert_eq!(again.requests, ["GET /api/v1/nodes/n"]);
        assert_eq!(run("kubectl uncordon n", true).out, "node/n uncordoned\n");
        assert_eq!(run("kubectl uncordon n", false).out, "node/n already uncordoned\n");
        assert_eq!(
            run("kubectl cordon", false).err,
            "error: USAGE: cordon NODE [flags]\nSee 'kubectl cordon -h' for help and examples\n"
        );
    }
}

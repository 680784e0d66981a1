//! `kubectl rollout status`, after `k8s.io/kubectl/pkg/cmd/rollout/rollout_status.go` and `pkg/polymorphichelpers/rollout_status.go`.

use super::super::args::{Command, Flag};
use super::super::error::Error;
use super::super::invocation::Invocation;
use super::super::manifests;
use super::super::options::{FILES, flags};
use super::super::replica_sets;
use super::super::resources::{Choice, fetch, targets};
use super::super::until::{Change, ObjectWatch};
use crate::api::Resource;
use crate::api::resource::{DAEMONSETS, DEPLOYMENTS};
use crate::flow::{Flow, Io};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "status",
    usage: "status (TYPE NAME | TYPE/NAME) [flags]",
    short: "Show the status of the rollout",
    long: "By default 'rollout status' will watch the status of the latest rollout until it's done. If you don't want to wait for \
           the rollout to finish then you can use --watch=false. Note that if a new rollout starts in-between, then 'rollout \
           status' will continue watching the latest revision.",
    examples: &["# Watch the rollout status of a deployment", "kubectl rollout status deployment/nginx"],
    flags: flags!(FILES, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::int("revision", "0", "Pin to a specific revision for showing its status. Defaults to 0 (last revision)"),
    Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
    Flag::duration("timeout", "0s", "The length of time to wait before ending watch, zero means never"),
    Flag::bool("watch", "Watch the status of the rollout until it's done").letter('w').on(),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if inv.args.is_empty() && !manifests::given(inv) {
        return inv.usage_error(io, "required resource not specified");
    }
    let revision = inv.int("revision");
    if revision < 0 {
        return inv.fail(io, format!("revision must be a positive integer: {revision}"));
    }
    let choice = Choice { labels: Some(inv.flag("selector")), type_alone: true, ..Choice::default() };
    let (targets, mut errors) = inv.or_fail(io, targets(inv, choice))?;
    let (found, failed) = fetch(io, &targets)?;
    errors.extend(failed);
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)?;
    if found.is_empty() {
        io.eprint(&format!("No resources found in {} namespace.\n", inv.namespace));
    }
    let deadline = inv.deadline(io, "timeout");
    for found in found {
        if ![DEPLOYMENTS, DAEMONSETS].contains(&found.resource) {
            return inv.fail(io, format!("no status viewer has been implemented for {}", found.resource.kind));
        }
        let mut watch = ObjectWatch::open(io, found.resource, found.object.namespace(), found.object.name());
        loop {
            match watch.next(io, deadline)? {
                Change::Is(object) => {
                    let status = status(found.resource, &object, revision);
                    let (text, done) = inv.or_fail(io, status)?;
                    io.print(&text);
                    if done || !inv.is("watch") {
                        break;
                    }
                }
                Change::Missing => {
                    let (of, name) = (found.resource.group_resource(), found.object.name());
                    return inv.fail(io, format!("{of} {name:?} not found"));
                }
                Change::Deleted(_) => return inv.fail(io, "object has been deleted"),
                Change::Deadline => return inv.fail(io, "timed out waiting for the condition"),
                Change::Failed(error) => return inv.fail(io, error),
            }
        }
        watch.close(io);
    }
    Ok(())
}

/// What there is to say, and whether the rollout is done.
fn status(resource: Resource, object: &Value, revision: i64) -> Result<(String, bool), String> {
    if resource == DEPLOYMENTS { deployment(object, revision) } else { daemon_set(object) }
}

fn deployment(object: &Value, revision: i64) -> Result<(String, bool), String> {
    let name = object.name();
    if revision > 0 && revision != replica_sets::revision(object) {
        let running = replica_sets::revision(object);
        return Err(format!("desired revision ({revision}) is different from the running revision ({running})"));
    }
    let status = &object["status"];
    if object.generation() > status["observedGeneration"].int() {
        return Ok(("Waiting for deployment spec update to be observed...\n".into(), false));
    }
    if object.condition("Progressing").is_some_and(|condition| condition["reason"].str() == "ProgressDeadlineExceeded") {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = object["spec"]["replicas"].int();
    let (all, updated, available) =
        (status["replicas"].int(), status["updatedReplicas"].int(), status["availableReplicas"].int());
    let what = if updated < wanted {
        format!("{updated} out of {wanted} new replicas have been updated")
    } else if all > updated {
        format!("{} old replicas are pending termination", all - updated)
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available")
    } else {
        return Ok((format!("deployment {name:?} successfully rolled out\n"), true));
    };
    Ok((format!("Waiting for deployment {name:?} rollout to finish: {what}...\n"), false))
}

fn daemon_set(object: &Value) -> Result<(String, bool), String> {
    let name = object.name();
    if object["spec"]["updateStrategy"]["type"].str() != "RollingUpdate" {
        return Err("rollout status is only available for RollingUpdate strategy type".into());
    }
    let status = &object["status"];
    if object.generation() > status["observedGeneration"].int() {
        return Ok(("Waiting for daemon set spec update to be observed...\n".into(), false));
    }
    let wanted = status["desiredNumberScheduled"].int();
    let (updated, available) = (status["updatedNumberScheduled"].int(), status["numberAvailable"].int());
    let what = if updated < wanted {
        format!("{updated} out of {wanted} new pods have been updated")
    } else if available < wanted {
        format!("{available} of {wanted} updated pods are available")
    } else {
        return Ok((format!("daemon set {name:?} successfully rolled out\n"), true));
    };
    Ok((format!("Waiting for daemon set {name:?} rollout to finish: {what}...\n"), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_deployment_goes_through_its_stages() {
        let stage = |observed: i64, all: i64, updated: i64, available: i64| {
            let object = value!({"metadata": {"name": "web", "generation": 2}, "spec": {"replicas": 4}, "status":
                {"observedGeneration": observed, "replicas": all, "updatedReplicas": updated, "availableReplicas": available}});
            deployment(&object, 0).unwrap()
        };
        let waiting = |what: &str| (format!("Waiting for deployment \"web\" rollout to finish: {what}...\n"), false);
        assert_eq!(stage(1, 4, 4, 4).0, "Waiting for deployment spec update to be observed...\n");
        assert_eq!(stage(2, 4, 1, 3), waiting("1 out of 4 new replicas have been updated"));
        assert_eq!(stage(2, 5, 4, 3), waiting("1 old replicas are pending termination"));
        assert_eq!(stage(2, 4, 4, 3), waiting("3 of 4 updated replicas are available"));
        assert_eq!(stage(2, 4, 4, 4), ("deployment \"web\" successfully rolled out\n".to_string(), true));
        let stuck = value!({"metadata": {"name": "web"}, "status": {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}});
        assert_eq!(deployment(&stuck, 0).unwrap_err(), "deployment \"web\" exceeded its progress deadline");
    }

    #[test]
    fn a_daemon_set_too() {
        let stage = |updated: i64, available: i64| {
            let object = value!({"metadata": {"name": "agent"}, "spec": {"updateStrategy": {"type": "RollingUpdate"}}, "status":
                {"desiredNumberScheduled": 3, "updatedNumberScheduled": updated, "numberAvailable": available}});
            daemon_set(&object).unwrap().0
        };
        assert_eq!(stage(0, 3), "Waiting for daemon set \"agent\" rollout to finish: 0 out of 3 new pods have been updated...\n");
        assert_eq!(stage(3, 2), "Waiting for daemon set \"agent\" rollout to finish: 2 of 3 updated pods are available...\n");
        assert_eq!(stage(3, 3), "daemon set \"agent\" successfully rolled out\n");
    }
}

//! `kubectl rollout pause`, `resume` and `restart`, after `pkg/cmd/rollout/` and `pkg/polymorphichelpers/object*.go`.

use crate::api::patch::two_way_strategic;
use crate::api::resource::{DAEMONSETS, DEPLOYMENTS};
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::kubectl::options::DryRun;
use crate::kubectl::options::{FILES, PRINT, SELECTOR, field_manager, flags};
use crate::kubectl::outcome::Outcome;
use crate::kubectl::resources::{Choice, Found};
use crate::kubectl::{Command, Error, Flag, Invocation, manifests, subjects};
use crate::value::Value;

const FLAGS: &[Flag] = flags!(PRINT, FILES, SELECTOR, &[field_manager("kubectl-rollout")]);

pub(super) static PAUSE: Command = Command {
    name: "pause",
    usage: "pause RESOURCE",
    short: "Mark the provided resource as paused",
    long: "Paused resources will not be reconciled by a controller. Only deployments can be paused.",
    examples: &["# Mark the nginx deployment as paused", "kubectl rollout pause deployment/nginx"],
    flags: FLAGS,
    run: Some(|inv, io| run(inv, io, "paused", pause)),
    ..Command::NEW
};

pub(super) static RESUME: Command = Command {
    name: "resume",
    usage: "resume RESOURCE",
    short: "Resume a paused resource",
    examples: &["# Resume an already paused deployment", "kubectl rollout resume deployment/nginx"],
    flags: FLAGS,
    run: Some(|inv, io| run(inv, io, "resumed", resume)),
    ..Command::NEW
};

pub(super) static RESTART: Command = Command {
    name: "restart",
    usage: "restart RESOURCE",
    short: "Restart a resource",
    long: "The pod template gets an annotation with the time, so that new pods are rolled out.",
    examples: &["# Restart a deployment", "kubectl rollout restart deployment/nginx"],
    flags: FLAGS,
    run: Some(|inv, io| run(inv, io, "restarted", restart)),
    ..Command::NEW
};

/// Changes an object, or says why it cannot be.
type Change = fn(&Io, &Found, &mut Value) -> Result<(), String>;

fn run(inv: &Invocation, io: &mut Io, operation: &str, change: Change) -> Flow<()> {
    let outcome = Outcome::new(inv, DryRun::None);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.args.is_empty() && !manifests::given(inv) {
        return inv.fail(io, "required resource not specified");
    }
    let choice = Choice { labels: Some(inv.flag("selector")), type_alone: true, ..Choice::default() };
    let subjects = subjects::read(inv, io, &inv.args, choice, true)?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    for one in &found {
        let (resource, name) = (one.resource.group_resource(), one.object.name());
        let mut object = one.object.clone();
        if let Err(error) = change(io, one, &mut object) {
            errors.push(Error::Text(format!("error: {resource} {name:?} {error}")));
            continue;
        }
        let patch = two_way_strategic(&one.object, &object, one.resource).unwrap_or_default();
        if patch == Value::map() && operation == "restarted" {
            errors.push(Error::Text(format!(
                "failed to create patch for {name}: if restart has already been triggered within the past second, please wait before \
                 attempting to trigger another"
            )));
            continue;
        }
        let request = Request::patch(one.resource, one.object.namespace().to_string(), name.to_string(), patch)
            .param("fieldManager", inv.flag("field-manager").to_string());
        let printed = match io.request(request)? {
            Ok(patched) => outcome.print(io, &patched, operation),
            Err(error) => Err(Error::Text(format!("failed to patch: {error}"))),
        };
        if let Err(error) = printed {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

fn pause(_: &Io, one: &Found, object: &mut Value) -> Result<(), String> {
    if one.resource != DEPLOYMENTS {
        return Err("pausing is not supported".into());
    }
    if object["spec"]["paused"].is_true() {
        return Err("is already paused".into());
    }
    object["spec"].set("paused", true);
    Ok(())
}

fn resume(_: &Io, one: &Found, object: &mut Value) -> Result<(), String> {
    if one.resource != DEPLOYMENTS {
        return Err("resuming is not supported".into());
    }
    if !object["spec"]["paused"].is_true() {
        return Err("is not paused".into());
    }
    object["spec"].remove("paused");
    Ok(())
}

fn restart(io: &Io, one: &Found, object: &mut Value) -> Result<(), String> {
    if one.resource == DEPLOYMENTS && object["spec"]["paused"].is_true() {
        return Err("can't restart paused deployment (run rollout resume first)".into());
    }
    if ![DEPLOYMENTS, DAEMONSETS].contains(&one.resource) {
        return Err("restarting is not supported".into());
    }
    object["spec"]["template"]["metadata"]["annotations"]
        .map_mut()
        .insert("kubectl.kubernetes.io/restartedAt", io.now().rfc3339());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    fn run(line: &str, paused: bool) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| {
            Ok(value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"paused": paused, "template": {"metadata": {}}}}))
        })
    }

    #[test]
    fn requests_and_words_are_as_recorded() {
        let paused = run("kubectl rollout pause deployment/web", false);
        assert_eq!(paused.out, "deployment.apps/web paused\n");
        let web = "/apis/apps/v1/namespaces/default/deployments/web";
        assert_eq!(paused.requests, [format!("GET {web}"), format!("PATCH {web}?fieldManager=kubectl-rollout")]);
        assert_eq!(run("kubectl rollout pause deployment/web", true).err, "error: deployments.apps \"web\" is already paused\n");
        assert_eq!(run("kubectl rollout resume deployment/web", true).out, "deployment.apps/web resumed\n");
        assert_eq!(run("kubectl rollout resume deployment/web", false).err, "error: deployments.apps \"web\" is not paused\n");
        assert_eq!(run("kubectl rollout restart deployment/web", false).out, "deployment.apps/web restarted\n");
        assert_eq!(
            run("kubectl rollout restart deployment/web", true).err,
            "error: deployments.apps \"web\" can't restart paused deployment (run rollout resume first)\n"
        );
    }
}

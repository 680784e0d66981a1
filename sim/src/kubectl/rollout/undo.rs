//! `kubectl rollout undo`, after `pkg/cmd/rollout/rollout_undo.go` and `pkg/polymorphichelpers/rollback.go`.

use crate::api::LabelSelector;
use crate::api::resource::{CONTROLLERREVISIONS, DAEMONSETS, DEPLOYMENTS, REPLICASETS};
use crate::core::collections::sort::Sort as _;
use crate::core::{PatchType, Request};
use crate::flow::{Flow, Io};
use crate::kubectl::options::{DRY_RUN, DryRun, FILES, PRINT, SELECTOR, flags};
use crate::kubectl::outcome::Outcome;
use crate::kubectl::replica_sets::{self, REVISION, template_without_hash};
use crate::kubectl::resources::{Choice, Found};
use crate::kubectl::{Command, Error, Flag, Invocation, manifests, subjects};
use crate::value;
use crate::value::{Map, Value};

pub(super) static COMMAND: Command = Command {
    name: "undo",
    usage: "undo (TYPE NAME | TYPE/NAME) [flags]",
    short: "Undo a previous rollout",
    long: "The pod template of an earlier revision is put into the object again; it gets the next revision number.",
    examples: &[
        "# Roll back to the previous deployment",
        "kubectl rollout undo deployment/abc",
        "# Roll back to daemonset revision 3",
        "kubectl rollout undo daemonset/abc --to-revision=3",
    ],
    flags: flags!(
        PRINT,
        FILES,
        DRY_RUN,
        SELECTOR,
        &[Flag::int("to-revision", "0", "The revision to rollback to. Default to 0 (last revision).")]
    ),
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.args.is_empty() && !manifests::given(inv) {
        return inv.fail(io, "required resource not specified");
    }
    let choice = Choice { labels: Some(inv.flag("selector")), type_alone: true, ..Choice::default() };
    let subjects = subjects::read(inv, io, &inv.args, choice, true)?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    for one in &found {
        let rolled = match one.resource {
            resource if resource == DEPLOYMENTS => deployment(inv, io, one, dry_run)?,
            resource if resource == DAEMONSETS => daemon_set(inv, io, one, dry_run)?,
            resource => Err(Error::Text(format!("no rollbacker has been implemented for {:?}", group_kind(resource)))),
        };
        let printed = rolled.and_then(|words| outcome.print(io, &one.object, &words));
        if let Err(error) = printed {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

fn group_kind(resource: crate::api::Resource) -> String {
    if resource.group.is_empty() { resource.kind.to_string() } else { format!("{}.{}", resource.kind, resource.group) }
}

fn not_found(revision: i64) -> Error {
    Error::Text(format!("unable to find specified revision {revision} in history"))
}

fn skipped(revision: i64) -> String {
    format!("skipped rollback (current template already matches revision {revision})")
}

/// What was done, for the line that is printed.
type Rolled = Result<String, Error>;

fn deployment(inv: &Invocation, io: &mut Io, one: &Found, dry_run: DryRun) -> Flow<Rolled> {
    let to = inv.int("to-revision");
    if to < 0 {
        return Ok(Err(not_found(to)));
    }
    let (namespace, name) = (one.object.namespace().to_string(), one.object.name().to_string());
    // The rollbacker reads the deployment once more, as it has another client.
    let deployment = match io.request(Request::get(DEPLOYMENTS, namespace.clone(), name.clone()))? {
        Ok(deployment) => deployment,
        Err(error) => return Ok(Err(Error::Text(format!("failed to retrieve Deployment {name}: {error}")))),
    };
    let selector = LabelSelector::of(&deployment["spec"]["selector"]).to_string();
    let list = match io.request(Request::list(REPLICASETS, namespace.clone()).param("labelSelector", selector))? {
        Ok(list) => list,
        Err(error) => {
            return Ok(Err(Error::Text(format!("failed to retrieve replica sets from deployment {name}: {error}"))));
        }
    };
    let mut sets = replica_sets::of(&deployment, &list);
    sets.order_by_key(|set| std::cmp::Reverse(replica_sets::revision(set)));
    let Some(set) = (if to == 0 { sets.get(1) } else { sets.iter().find(|set| replica_sets::revision(set) == to) }) else {
        return Ok(Err(if to == 0 {
            Error::Text(format!("no rollout history found for deployment {name:?}"))
        } else {
            not_found(to)
        }));
    };
    let template = template_without_hash(&set["spec"]["template"]);
    if dry_run == DryRun::Client {
        return Ok(Ok("rolled back".into()));
    }
    if deployment["spec"]["paused"].is_true() {
        let text = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again";
        return Ok(Err(text.into()));
    }
    if template == template_without_hash(&deployment["spec"]["template"]) {
        return Ok(Ok(skipped(to)));
    }
    let patch = value!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations(&deployment, set)},
    ]);
    let request = Request::patch(DEPLOYMENTS, namespace, name, patch).patch_type(PatchType::Json);
    Ok(match io.request(dry_run.on(request))? {
        Ok(_) => Ok("rolled back".into()),
        Err(error) => Err(Error::Text(format!("failed restoring revision {to}: {error}"))),
    })
}

/// The ReplicaSet's annotations, but those that the deployment keeps of its own.
fn annotations(deployment: &Value, set: &Value) -> Map {
    const OWN: &[&str] = &[
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    ];
    let of = |object: &Value, own: bool| -> Vec<_> {
        let all = object["metadata"]["annotations"].entries().iter();
        all.filter(|(key, _)| OWN.contains(&key.as_str()) == own).cloned().collect()
    };
    of(deployment, true).into_iter().chain(of(set, false)).collect()
}

fn daemon_set(inv: &Invocation, io: &mut Io, one: &Found, dry_run: DryRun) -> Flow<Rolled> {
    let to = inv.int("to-revision");
    if to < 0 {
        return Ok(Err(not_found(to)));
    }
    let (namespace, name) = (one.object.namespace().to_string(), one.object.name().to_string());
    let set = match io.request(Request::get(DAEMONSETS, namespace.clone(), name.clone()))? {
        Ok(set) => set,
        Err(error) => return Ok(Err(Error::Text(format!("failed to retrieve DaemonSet {name}: {error}")))),
    };
    let selector = LabelSelector::of(&set["spec"]["selector"]).to_string();
    let list = match io.request(Request::list(CONTROLLERREVISIONS, namespace.clone()).param("labelSelector", selector))? {
        Ok(list) => list,
        Err(error) => return Ok(Err(error.into())),
    };
    let owned = |item: &&Value| item.controller().is_some_and(|owner| owner["uid"].str() == set.uid());
    let mut history: Vec<&Value> = list["items"].items().iter().filter(owned).collect();
    history.order_by_key(|revision| std::cmp::Reverse(revision["revision"].int()));
    if to == 0 && history.len() <= 1 {
        return Ok(Err("no last revision to roll back to".into()));
    }
    let chosen = if to == 0 { history.get(1) } else { history.iter().find(|revision| revision["revision"].int() == to) };
    let Some(chosen) = chosen else { return Ok(Err(not_found(to))) };
    if dry_run == DryRun::Client {
        return Ok(Ok("rolled back".into()));
    }
    let mut template = chosen["data"]["spec"]["template"].clone();
    template.remove("$patch");
    if template == set["spec"]["template"] {
        return Ok(Ok(skipped(to)));
    }
    let request = Request::patch(DAEMONSETS, namespace, name, chosen["data"].clone());
    Ok(match io.request(dry_run.on(request))? {
        Ok(_) => Ok("rolled back".into()),
        Err(error) => Err(Error::Text(format!("failed restoring revision {to}: {error}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Verb;
    use crate::kubectl::testing;
    use crate::shell::Env;

    fn template(image: &'static str, hash: &'static str) -> Value {
        let mut template = value!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}});
        if !hash.is_empty() {
            template["metadata"]["labels"]["pod-template-hash"] = hash.into();
        }
        template
    }

    fn run(line: &str, paused: bool) -> testing::Outcome {
        testing::run(line, &Env::default(), |request| {
            let set = |name: &'static str, revision: &'static str, image: &'static str| {
                value!({"metadata": {"name": name, "ownerReferences": [{"controller": true, "uid": "d"}], "annotations":
                    {"deployment.kubernetes.io/revision": revision, "deployment.kubernetes.io/max-replicas": "5",
                        "kubernetes.io/change-cause": image}}, "spec": {"template": template(image, name)}})
            };
            Ok(match request.verb {
                Verb::List => value!({"items": [set("a", "1", "nginx:1.27"), set("b", "2", "nginx:1.28")]}),
                _ => value!({"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": "web", "namespace": "default", "uid": "d",
                        "annotations": {"deployment.kubernetes.io/revision": "2"}},
                    "spec": {"paused": paused, "selector": {"matchLabels": {"app": "web"}}, "template": template("nginx:1.28", "")}}),
            })
        })
    }

    #[test]
    fn requests_are_as_recorded() {
        let undone = run("kubectl rollout undo deployment/web", false);
        assert_eq!(undone.out, "deployment.apps/web rolled back\n");
        let apps = "/apis/apps/v1/namespaces/default";
        assert_eq!(
            undone.requests,
            [
                format!("GET {apps}/deployments/web"),
                format!("GET {apps}/deployments/web"),
                format!("GET {apps}/replicasets?labelSelector=app=web"),
                format!("PATCH {apps}/deployments/web")
            ]
        );
    }

    #[test]
    fn words_are_as_recorded() {
        assert_eq!(
            run("kubectl rollout undo deployment/web --to-revision=99", false).err,
            "error: unable to find specified revision 99 in history\n"
        );
        assert_eq!(
            run("kubectl rollout undo deployment/web", true).err,
            "error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again\n"
        );
        assert_eq!(
            run("kubectl rollout undo deployment/web --to-revision=2", false).out,
            "deployment.apps/web skipped rollback (current template already matches revision 2)\n"
        );
    }

    #[test]
    fn the_deployment_keeps_its_own_annotations() {
        let deployment = value!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2", "note": "x"}}});
        let set =
            value!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1", "kubernetes.io/change-cause": "y"}}});
        assert_eq!(
            Value::from(annotations(&deployment, &set)).to_json(),
            r#"{"deployment.kubernetes.io/revision":"2","kubernetes.io/change-cause":"y"}"#
        );
    }
}

//! `kubectl rollout history`, after `k8s.io/kubectl/pkg/polymorphichelpers/history.go`.

use crate::core::collections::PMap;

use super::super::args::{Command, Flag, FlagKind};
use super::super::describe::pod::template as describe_template;
use super::super::describe::sheet::Sheet;
use super::super::error::Error;
use super::super::invocation::Invocation;
use super::super::manifests;
use super::super::options::{FILES, flags};
use super::super::print::TabWriter;
use super::super::replica_sets::{self, CHANGE_CAUSE};
use super::super::resources::{Choice, Found, fetch, targets};
use crate::api::resource::{CONTROLLERREVISIONS, DAEMONSETS, DEPLOYMENTS, REPLICASETS};
use crate::api::selector::LabelSelector;
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "history",
    usage: "history (TYPE NAME | TYPE/NAME) [flags]",
    short: "View rollout history",
    long: "View previous rollout revisions and configurations.",
    examples: &[
        "# View the rollout history of a deployment",
        "kubectl rollout history deployment/abc",
        "# View the details of daemonset revision 3",
        "kubectl rollout history daemonset/abc --revision=3",
    ],
    flags: flags!(FILES, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::refused("output", FlagKind::Text, "the history is printed for people only").letter('o'),
    Flag::int("revision", "0", "See the details, including podTemplate of the revision specified"),
    Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
];

/// Pod templates by revision.
type History = PMap<i64, Value>;

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
    let mut failed = errors;
    for found in found {
        match history(io, &found)?.and_then(|history| view(&history, revision)) {
            Ok(view) => {
                let with = if revision > 0 { format!("with revision #{revision}") } else { String::new() };
                io.print(&format!("{} {with}\n{view}\n", found.full_name()));
            }
            Err(error) => failed.push(error),
        }
    }
    let result = Error::aggregate(failed);
    inv.or_fail(io, result)
}

/// Reads the object again and what keeps its old templates.
fn history(io: &mut Io, found: &Found) -> Flow<Result<History, Error>> {
    let object = &found.object;
    let kept = match found.resource {
        DEPLOYMENTS => REPLICASETS,
        DAEMONSETS => CONTROLLERREVISIONS,
        other => return Ok(Err(format!("no history viewer has been implemented for {:?}", other.kind).into())),
    };
    let namespace = object["metadata"]["namespace"].text();
    let again = Request::get(found.resource, namespace.clone(), object["metadata"]["name"].text());
    let object = match io.request(again)? {
        Ok(object) => object,
        Err(error) => return Ok(Err(error.into())),
    };
    let selector = LabelSelector::of(&object["spec"]["selector"]).to_string();
    let list = match io.request(Request::list(kept, namespace).param("labelSelector", selector))? {
        Ok(list) => list,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut history = History::new();
    for kept in replica_sets::of(&object, &list) {
        let (revision, mut template) = match found.resource {
            DEPLOYMENTS => (replica_sets::revision(&kept), kept["spec"]["template"].clone()),
            _ => (kept["revision"].int(), kept["data"]["spec"]["template"].clone()),
        };
        if revision == 0 {
            continue;
        }
        template.remove("$patch");
        if let Some(cause) = kept.annotation(CHANGE_CAUSE) {
            template["metadata"]["annotations"].map_mut().insert(CHANGE_CAUSE, cause.to_string());
        }
        history.insert(revision, template);
    }
    Ok(Ok(history))
}

/// The table of all revisions, or one revision's template.
fn view(history: &History, revision: i64) -> Result<String, Error> {
    if history.is_empty() {
        return Ok("No rollout history found.".into());
    }
    if revision > 0 {
        let template = history.get(&revision).ok_or("unable to find the specified revision")?;
        let mut sheet = Sheet::new(crate::core::Time::ZERO);
        describe_template(&mut sheet, template);
        return Ok(sheet.finish_raw());
    }
    let mut out = TabWriter::new(0, 2);
    out.write("REVISION\tCHANGE-CAUSE\n");
    for (revision, template) in history {
        let cause = template["metadata"]["annotations"][CHANGE_CAUSE].as_str().unwrap_or("<none>");
        out.write(&format!("{revision}\t{cause}\n"));
    }
    Ok(out.flush())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::run;
    use crate::api::ApiError;
    use crate::core::{Request, Verb};
    use crate::shell::Env;
    use crate::value;
    use crate::value::Value;

    fn server(request: &Request) -> Result<Value, ApiError> {
        let meta = |name: &'static str| value!({"name": name, "namespace": "default", "uid": "u"});
        match request.verb {
            Verb::Get if &*request.name == "web" => {
                Ok(value!({"kind": "Deployment", "metadata": meta("web"), "spec": {"selector": {"matchLabels": {"app": "web"}}}}))
            }
            Verb::Get => Err(ApiError::not_found("deployments.apps", &request.name)),
            _ => {
                let set = |revision: &'static str, image: &'static str, cause: Value| {
                    let mut set = value!({"metadata": meta("rs"), "spec": {"template": {"metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "nginx", "image": image}]}}}});
                    set["metadata"]["ownerReferences"] = value!([{"controller": true, "uid": "u"}]);
                    set["metadata"]["annotations"] =
                        value!({"deployment.kubernetes.io/revision": revision, "kubernetes.io/change-cause": cause});
                    set
                };
                Ok(value!({"items": [set("10", "nginx:1.28", "image 1.28".into()), set("2", "nginx:1.27", Value::Null)]}))
            }
        }
    }

    #[test]
    fn as_recorded() {
        let seen = run("kubectl rollout history deployment/web", &Env::default(), server);
        assert_eq!(seen.out, "deployment.apps/web \nREVISION  CHANGE-CAUSE\n2         <none>\n10        image 1.28\n\n");
        assert_eq!(
            seen.requests,
            [
                "GET /apis/apps/v1/namespaces/default/deployments/web",
                "GET /apis/apps/v1/namespaces/default/deployments/web",
                "GET /apis/apps/v1/namespaces/default/replicasets?labelSelector=app=web",
            ]
        );
        let seen = run("kubectl rollout history deployment/web --revision=10", &Env::default(), server);
        assert_eq!(
            seen.out,
            "deployment.apps/web with revision #10\nPod Template:\n  Labels:\tapp=web\n  Annotations:\tkubernetes.io/change-cause: \
             image 1.28\n  Containers:\n   nginx:\n    Image:\tnginx:1.28\n    Port:\t<none>\n    Host Port:\t<none>\n    \
             Environment:\t<none>\n    Mounts:\t<none>\n  Volumes:\t<none>\n  Node-Selectors:\t<none>\n  Tolerations:\t<none>\n\n"
        );
        let error = |line: &str| run(line, &Env::default(), server).err;
        assert_eq!(
            error("kubectl rollout history deployment/web --revision=9"),
            "error: unable to find the specified revision\n"
        );
        assert_eq!(
            error("kubectl rollout history deployment/nope"),
            "Error from server (NotFound): deployments.apps \"nope\" not found\n"
        );
        assert_eq!(error("kubectl rollout status pod/web"), "error: no status viewer has been implemented for Pod\n");
        assert_eq!(
            error("kubectl rollout status"),
            "error: required resource not specified\nSee 'kubectl rollout status -h' for help and examples\n"
        );
        assert_eq!(
            error("kubectl rollout foo"),
            "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n"
        );
    }
}

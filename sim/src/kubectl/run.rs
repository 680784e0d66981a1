//! `kubectl run`, after `pkg/cmd/run/run.go` and the generator `run-pod/v1`.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::expose::labels;
use super::image;
use super::invocation::Invocation;
use super::last_applied;
use super::options::{DRY_RUN, DryRun, PRINT, RECORD, SAVE_CONFIG, field_manager, flags};
use super::outcome::Outcome;
use crate::api::Resource;
use crate::api::resource::{PODS, SERVICES};
use crate::api::{parse_documents, patch};
use crate::core::{PatchType, Request, Verb};
use crate::flow::{Flow, Io, RequestError};
use crate::value;
use crate::value::Value;

/// `kubectl run`
pub(super) static COMMAND: Command = Command {
    name: "run",
    usage: "run NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] \
            [--command] -- [COMMAND] [args...]",
    short: "Run a particular image on the cluster",
    long: "Makes a pod that nobody replaces when it is gone: for that use kubectl create deployment. Attaching (-i, -t, --attach, --rm) is\n\
           not modelled.",
    examples: &[
        "# Start a nginx pod",
        "kubectl run nginx --image=nginx",
        "# Start a busybox pod with another command and arguments",
        "kubectl run busybox --image=busybox --command -- sleep 3600",
        "# Dry run; print the corresponding API objects without creating them",
        "kubectl run nginx --image=nginx --dry-run=client -o yaml",
    ],
    flags: flags!(PRINT, DRY_RUN, SAVE_CONFIG, RECORD, OWN, &[field_manager("kubectl-run")]),
    run: Some(run),
    ..Command::NEW
};

const NO_ATTACH: &str = "attaching to containers is left out; use kubectl logs and kubectl exec";

const OWN: &[Flag] = &[
    Flag::text("image", "", "The image for the container to run.").required(),
    Flag::array("annotations", "Annotations to apply to the pod."),
    Flag::bool(
        "command",
        "If true and extra arguments are present, use them as the 'command' field in the container, rather than 'args'.",
    ),
    Flag::array("env", "Environment variables to set in the container."),
    Flag::bool("expose", "If true, create a ClusterIP service associated with the pod. Requires `--port`."),
    Flag::text("image-pull-policy", "", "The image pull policy for the container."),
    Flag::text("labels", "", "Comma separated labels to apply to the pod. Will override previous values.").letter('l'),
    Flag::text("override-type", "merge", "The method used to override the generated object: merge."),
    Flag::text("overrides", "", "An inline JSON override for the generated object."),
    Flag::text("port", "", "The port that this container exposes."),
    Flag::bool("privileged", "If true, run the container in privileged mode."),
    Flag::bool("quiet", "If true, suppress prompt messages.").letter('q'),
    Flag::text("restart", "", "The restart policy for this Pod. Legal values [Always, OnFailure, Never]."),
    Flag::refused("attach", FlagKind::Bool, NO_ATTACH),
    Flag::refused("leave-stdin-open", FlagKind::Bool, NO_ATTACH),
    Flag::refused("rm", FlagKind::Bool, NO_ATTACH),
    Flag::refused("stdin", FlagKind::Bool, NO_ATTACH).letter('i'),
    Flag::refused("tty", FlagKind::Bool, NO_ATTACH).letter('t'),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.args.is_empty() || inv.dash == Some(0) {
        return inv.usage_error(io, "NAME is required for run");
    }
    let image = inv.flag("image");
    if image.is_empty() {
        return inv.fail(io, "--image is required");
    }
    if !image::is_reference(image) {
        return inv.fail(io, format!("Invalid image name {image:?}: invalid reference format"));
    }
    if inv.is("expose") && inv.flag("port").is_empty() {
        return inv.usage_error(io, "--port must be set when exposing a service");
    }
    if !matches!(inv.flag("restart"), "" | "Always" | "OnFailure" | "Never") {
        return inv.usage_error(io, &format!("invalid restart policy: {}", inv.flag("restart")));
    }
    if !matches!(inv.flag("image-pull-policy"), "" | "Always" | "IfNotPresent" | "Never") {
        return inv.usage_error(io, &format!("invalid image pull policy: {}", inv.flag("image-pull-policy")));
    }
    let pod = pod(inv).and_then(|pod| overridden(inv, pod));
    let pod = inv.or_fail(io, pod)?;
    let pod = create(inv, io, PODS, pod, dry_run)?;
    let pod = inv.or_fail(io, pod)?;
    let mut errors = Vec::new();
    if inv.is("expose") {
        let created = match service(inv) {
            Ok(service) => create(inv, io, SERVICES, service, dry_run)?.map_err(Error::from),
            Err(error) => Err(error),
        };
        match created {
            Ok(service) => {
                let printed = outcome.print(io, &service, "created");
                inv.or_fail(io, printed)?;
            }
            Err(error) => errors.push(error),
        }
    }
    let printed = outcome.print(io, &pod, "created");
    inv.or_fail(io, printed)?;
    inv.finish(io, errors)
}

fn create(
    inv: &Invocation,
    io: &mut Io,
    resource: Resource,
    mut object: Value,
    dry_run: DryRun,
) -> Flow<Result<Value, RequestError>> {
    if dry_run == DryRun::Client {
        if inv.namespace_given() {
            object["metadata"].set("namespace", &inv.namespace);
        }
        return Ok(Ok(object));
    }
    let object = last_applied::created_or_updated(&object, inv.is("save-config"));
    let request = Request::new(Verb::Create, resource, &inv.namespace, "")
        .param("fieldManager", inv.flag("field-manager").to_string())
        .with_body(object);
    io.request(dry_run.on(request))
}

/// The generator's pod (`BasicPod`).
fn pod(inv: &Invocation) -> Result<Value, Error> {
    let name = &inv.args[0];
    let mut container = value!({"name": name, "image": inv.flag("image").to_string(), "resources": {}});
    let words = &inv.args[1..];
    if !words.is_empty() {
        let field = if inv.is("command") { "command" } else { "args" };
        container.set(field, words.iter().collect::<Value>());
    }
    if !inv.flag("image-pull-policy").is_empty() {
        container.set("imagePullPolicy", inv.flag("image-pull-policy").to_string());
    }
    let mut env = Vec::new();
    for pair in inv.list("env") {
        let (key, text) =
            pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| Error::Text(format!("invalid env: {pair}")))?;
        env.push(if text.is_empty() {
            value!({"name": key.to_string()})
        } else {
            value!({"name": key.to_string(), "value": text.to_string()})
        });
    }
    if !env.is_empty() {
        container.set("env", env);
    }
    if !inv.flag("port").is_empty() {
        container.set("ports", vec![value!({"containerPort": port(inv)?})]);
    }
    if inv.is("privileged") {
        container["securityContext"] = value!({"privileged": true});
    }
    let own_labels = match inv.flag("labels") {
        "" => value!({"run": name}),
        text => labels(text)?,
    };
    let mut metadata = value!({"name": name, "labels": own_labels});
    if !inv.list("annotations").is_empty() {
        metadata.set("annotations", labels(&inv.list("annotations").join(","))?);
    }
    let restart = if inv.flag("restart").is_empty() { "Always" } else { inv.flag("restart") };
    Ok(value!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart.to_string()},
    }))
}

fn port(inv: &Invocation) -> Result<i64, Error> {
    let text = inv.flag("port");
    text.parse().map_err(|_| Error::Text(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))
}

/// The service of `--expose`: it chooses the pod and has no labels.
fn service(inv: &Invocation) -> Result<Value, Error> {
    let selector = match inv.flag("labels") {
        "" => value!({"run": &inv.args[0]}),
        text => labels(text)?,
    };
    let port = port(inv)?;
    Ok(value!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": &inv.args[0]},
        "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": selector},
        "status": {"loadBalancer": {}},
    }))
}

/// The object with `--overrides` merged in.
pub(super) fn overridden(inv: &Invocation, object: Value) -> Result<Value, Error> {
    let text = inv.flag("overrides");
    if text.is_empty() {
        return Ok(object);
    }
    if inv.flag("override-type") != "merge" {
        return Err(Error::Text(format!("--override-type={} is not modelled by kube-orrery", inv.flag("override-type"))));
    }
    let documents = parse_documents(text).map_err(|error| Error::Text(format!("invalid --overrides: {error}")))?;
    let Some(fragment @ Value::Map(_)) = documents.first() else {
        return Err("invalid --overrides: it must be a JSON object".into());
    };
    patch::apply_plain(&object, fragment, PatchType::Merge).map_err(|error| Error::Text(error.message))
}

#[cfg(test)]
mod tests {

    use crate::kubectl::testing;
    use crate::shell::Env;

    fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |request| Ok(request.body.clone()))
    }

    #[test]
    fn the_pod_is_as_recorded() {
        let dry =
            run("kubectl run x --image=nginx --port=80 --env=A=1 --labels=a=b --dry-run=client -o yaml --command -- sleep 5");
        let want = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    a: b\n  name: x\nspec:\n  containers:\n  - command:\n    - \
                    sleep\n    - \"5\"\n    env:\n    - name: A\n      value: \"1\"\n    image: nginx\n    name: x\n    ports:\n    - \
                    containerPort: 80\n    resources: {}\n  dnsPolicy: ClusterFirst\n  restartPolicy: Always\nstatus: {}\n";
        assert_eq!(dry.out, want);
        assert!(dry.requests.is_empty());
    }

    #[test]
    fn an_exposed_pod_takes_two_requests() {
        let made = run("kubectl run lonely --image=nginx --port=80 --expose");
        assert_eq!(made.out, "service/lonely created\npod/lonely created\n");
        assert_eq!(
            made.requests,
            [
                "POST /api/v1/namespaces/default/pods?fieldManager=kubectl-run",
                "POST /api/v1/namespaces/default/services?fieldManager=kubectl-run"
            ]
        );
    }

    #[test]
    fn misuse() {
        assert_eq!(run("kubectl run x").err, "error: required flag(s) \"image\" not set\n");
        assert_eq!(
            run("kubectl run x --image=nginx --restart=Sometimes").err,
            "error: invalid restart policy: Sometimes\nSee 'kubectl run -h' for help and examples\n"
        );
        assert_eq!(run("kubectl run x --image=a//b").err, "error: Invalid image name \"a//b\": invalid reference format\n");
        assert!(run("kubectl run -it x --image=busybox").err.contains("attaching to containers is left out"));
        let named = run(
            "kubectl run x --image=nginx --dry-run=client -o jsonpath={.spec.hostNetwork} --overrides={\"spec\":{\"hostNetwork\":true}}",
        );
        assert_eq!(named.out, "true");
    }
}

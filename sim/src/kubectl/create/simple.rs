//! `kubectl create deployment|namespace|serviceaccount|token`, and `job` and `cronjob`, which are only checked.

use super::{Failure, GENERATOR, create, name_of};
use crate::api::resource::{DEPLOYMENTS, NAMESPACES, SERVICEACCOUNTS};
use crate::core::{Request, Rng, Verb};
use crate::flow::{Flow, Io};
use crate::kubectl::options::flags;
use crate::kubectl::print::{Format, Printer};
use crate::kubectl::{Command, Error, Flag, Invocation};
use crate::value;
use crate::value::Value;

pub(super) static DEPLOYMENT: Command = Command {
    name: "deployment",
    aliases: &["deploy"],
    usage: "deployment NAME --image=image -- [COMMAND] [args...]",
    short: "Create a deployment with the specified name",
    examples: &[
        "# Create a deployment named my-dep that runs the nginx image with 3 replicas",
        "kubectl create deployment my-dep --image=nginx --replicas=3",
        "# Create a deployment named my-dep that runs the busybox image with a command",
        "kubectl create deployment my-dep --image=busybox -- date",
    ],
    flags: flags!(
        GENERATOR,
        &[
            Flag::list("image", "Image names to run. A deployment can have multiple images set for multi-container pod.")
                .required(),
            Flag::int("port", "-1", "The containerPort that this deployment exposes."),
            Flag::int("replicas", "1", "Number of replicas to create. Default is 1.").letter('r'),
        ]
    ),
    run: Some(deployment),
    ..Command::NEW
};

fn deployment(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let command: Vec<Value> = inv.args[1..].iter().map(Value::from).collect();
    let images = inv.list("image");
    if images.len() > 1 && !command.is_empty() {
        return inv.fail(io, "cannot specify multiple --image options and command");
    }
    let mut containers = Vec::new();
    for image in images {
        let mut container = value!({"name": container_name(image, &name, io), "image": image, "resources": {}});
        if !command.is_empty() {
            container.set("command", command.clone());
        }
        containers.push(container);
    }
    if inv.int("port") >= 0
        && let Some(container) = containers.first_mut()
    {
        container.set("ports", vec![value!({"containerPort": inv.int("port")})]);
    }
    let labels = value!({"app": &name});
    let deployment = value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": &name, "labels": labels.clone()},
        "spec": {
            "replicas": inv.int("replicas"), "selector": {"matchLabels": labels.clone()}, "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    });
    create(inv, io, DEPLOYMENTS, deployment, Failure::Wrapped("deployment"))
}

/// The image's name without host, tag and digest. Names with dots or underscores get a random end, as kubectl gives it.
fn container_name(image: &str, seed: &str, io: &Io) -> String {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    if !name.contains(['_', '.']) {
        return name.to_string();
    }
    let mut rng = Rng::new(io.now().0, &format!("kubectl create deployment {seed} {image}"));
    let letters: Vec<char> = "bcdfghjklmnpqrstvwxz2456789".chars().collect();
    let end: String = (0..5).map(|_| letters[rng.between(0, letters.len() as u64 - 1) as usize]).collect();
    format!("{}-{end}", name.replace(['_', '.'], "-"))
}

pub(super) static NAMESPACE: Command = Command {
    name: "namespace",
    aliases: &["ns"],
    usage: "namespace NAME [--dry-run=server|client|none]",
    short: "Create a namespace with the specified name",
    examples: &["# Create a new namespace named my-namespace", "kubectl create namespace my-namespace"],
    flags: GENERATOR,
    run: Some(|inv, io| {
        let name = name_of(inv, io)?.to_string();
        let namespace = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}});
        create(inv, io, NAMESPACES, namespace, Failure::Plain)
    }),
    ..Command::NEW
};

pub(super) static SERVICE_ACCOUNT: Command = Command {
    name: "serviceaccount",
    aliases: &["sa"],
    usage: "serviceaccount NAME [--dry-run=server|client|none]",
    short: "Create a service account with the specified name",
    examples: &["# Create a new service account named my-service-account", "kubectl create serviceaccount my-service-account"],
    flags: GENERATOR,
    run: Some(|inv, io| {
        let name = name_of(inv, io)?.to_string();
        let account = value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        create(inv, io, SERVICEACCOUNTS, account, Failure::Wrapped("serviceaccount"))
    }),
    ..Command::NEW
};

pub(super) static TOKEN: Command = Command {
    name: "token",
    usage: "token SERVICE_ACCOUNT_NAME",
    short: "Request a service account token",
    flags: flags!(
        crate::kubectl::options::PRINT,
        &[
            Flag::array("audience", "Audience of the requested token."),
            Flag::duration("duration", "0s", "Requested lifetime of the issued token."),
        ]
    ),
    run: Some(token),
    ..Command::NEW
};

fn token(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let duration_us = inv.duration_us("duration");
    if duration_us < 0 {
        return inv.fail(io, "--duration must be greater than or equal to 0");
    }
    if duration_us % 1_000_000 != 0 {
        return inv.fail(io, "--duration cannot be expressed in units less than seconds");
    }
    let mut spec = Value::map();
    if !inv.list("audience").is_empty() {
        spec.set("audiences", inv.list("audience").iter().collect::<Value>());
    }
    if duration_us > 0 {
        spec.set("expirationSeconds", duration_us / 1_000_000);
    }
    let body = value!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let request = Request::new(Verb::Create, SERVICEACCOUNTS, &inv.namespace, name).sub("token").with_body(body);
    let format = Format::of(inv, false);
    let format = inv.or_fail(io, format)?;
    match io.request(request)? {
        Ok(answer) if format.is_human() => io.print(answer["status"]["token"].str()),
        Ok(answer) => {
            let text = Printer::new(format, inv.is("show-managed-fields")).print(&answer);
            let text = inv.or_fail(io, text)?;
            io.print(&text);
        }
        Err(error) if error.code() > 0 => return inv.fail(io, Error::Text(format!("failed to create token: {error}"))),
        Err(error) => return inv.fail(io, error),
    }
    Ok(())
}

pub(super) static JOB: Command = Command {
    name: "job",
    usage: "job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
    short: "Create a job with the specified name",
    long: "Jobs are not modelled.",
    flags: flags!(
        GENERATOR,
        &[
            Flag::text("image", "", "Image name to run."),
            Flag::text("from", "", "The name of the resource to create a Job from (only cronjob is supported)."),
        ]
    ),
    run: Some(|inv, io| {
        name_of(inv, io)?;
        if inv.flag("image").is_empty() && inv.flag("from").is_empty() {
            return inv.fail(io, "either --image or --from must be specified");
        }
        inv.fail(io, "Job is not modelled by kube-orrery")
    }),
    ..Command::NEW
};

pub(super) static CRON_JOB: Command = Command {
    name: "cronjob",
    aliases: &["cj"],
    usage: "cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags] [options]",
    short: "Create a cron job with the specified name",
    long: "CronJobs are not modelled.",
    flags: flags!(
        GENERATOR,
        &[
            Flag::text("image", "", "Image name to run.").required(),
            Flag::text("schedule", "", "A schedule in the Cron format the job should be run with.").required(),
            Flag::text("restart", "", "Job's restart policy. supported values: OnFailure, Never"),
        ]
    ),
    run: Some(|inv, io| {
        name_of(inv, io)?;
        inv.fail(io, "CronJob is not modelled by kube-orrery")
    }),
    ..Command::NEW
};

#[cfg(test)]
mod tests {
    use crate::kubectl::create::tests::{dry, run};

    #[test]
    fn a_deployment_is_as_recorded() {
        let want = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: x\n  name: x\nspec:\n  replicas: 1\n  \
                    selector:\n    matchLabels:\n      app: x\n  strategy: {}\n  template:\n    metadata:\n      labels:\n        \
                    app: x\n    spec:\n      containers:\n      - image: nginx\n        name: nginx\n        resources: {}\nstatus: {}\n";
        assert_eq!(dry("kubectl create deployment x --image=nginx"), want);
        let made = run("kubectl create deployment web --image=registry:5000/a/nginx:1.27 --port=80 -r 3");
        assert_eq!(made.out, "deployment.apps/web created\n");
        assert_eq!(
            made.requests,
            ["POST /apis/apps/v1/namespaces/default/deployments?fieldManager=kubectl-create&fieldValidation=Strict"]
        );
    }

    #[test]
    fn simple_kinds() {
        assert_eq!(dry("kubectl create ns x"), "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\nspec: {}\nstatus: {}\n");
        assert_eq!(
            dry("kubectl create sa x -n shop"),
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: x\n  namespace: shop\n"
        );
    }

    #[test]
    fn misuse() {
        assert_eq!(run("kubectl create deployment x").err, "error: required flag(s) \"image\" not set\n");
        assert_eq!(
            run("kubectl create deployment --image=nginx").err,
            "error: exactly one NAME is required, got 0\nSee 'kubectl create deployment -h' for help and examples\n"
        );
        assert_eq!(run("kubectl create job x").err, "error: either --image or --from must be specified\n");
        assert_eq!(run("kubectl create cronjob c --image=busybox").err, "error: required flag(s) \"schedule\" not set\n");
    }
}

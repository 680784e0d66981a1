//! `kubectl scale`, after `pkg/cmd/scale/scale.go` and `pkg/scale/scale.go`: a PATCH of the `scale` subresource; with a precondition
//! GET and PUT of it.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{ALL, DRY_RUN, DryRun, FILES, PRINT, RECORD, SELECTOR, flags};
use super::outcome::Outcome;
use super::resources::{Choice, Found};
use super::subjects;
use crate::core::{Duration, PatchType, Request, Time, Verb};
use crate::flow::{Flow, Io};
use crate::value;
use crate::value::Value;

/// `kubectl scale`
pub(super) static COMMAND: Command = Command {
    name: "scale",
    usage: "scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
    short: "Set a new size for a deployment, replica set, or replication controller",
    long: "With --current-replicas or --resource-version the size changes only if they still hold.",
    examples: &[
        "# Scale a deployment named 'foo' to 3",
        "kubectl scale --replicas=3 deployment/foo",
        "# If the deployment named mysql's current size is 2, scale mysql to 3",
        "kubectl scale --current-replicas=2 --replicas=3 deployment/mysql",
    ],
    flags: flags!(PRINT, FILES, DRY_RUN, SELECTOR, ALL, RECORD, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::int("replicas", "0", "The new desired number of replicas. Required.").required(),
    Flag::int("current-replicas", "-1", "Precondition for current size. -1 (default) for no condition."),
    Flag::text("resource-version", "", "Precondition for resource version."),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a scale operation, zero means don't wait."),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.int("replicas") < 0 {
        return inv.fail(io, "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    if inv.int("current-replicas") < -1 {
        return inv.fail(io, "The --current-replicas must specify an integer of -1 or greater");
    }
    let choice = Choice { labels: Some(inv.flag("selector")), all: inv.is("all"), ..Choice::default() };
    let subjects = subjects::read(inv, io, &inv.args, choice, false)?;
    let (found, errors) = inv.or_fail(io, subjects)?;
    if !inv.flag("resource-version").is_empty() && found.len() > 1 {
        return inv.fail(io, "cannot use --resource-version with multiple resources");
    }
    if found.is_empty() && errors.is_empty() {
        return inv.fail(io, "no objects passed to scale");
    }
    for one in &found {
        let mut object = one.object.clone();
        if dry_run != DryRun::Client {
            let scaled = scale(inv, io, one, dry_run)?;
            inv.or_fail(io, scaled)?;
        }
        object["spec"].set("replicas", inv.int("replicas"));
        let printed = outcome.print(io, &object, "scaled");
        inv.or_fail(io, printed)?;
    }
    inv.finish(io, errors)
}

/// Scales one object; conflicts are tried again every second for five minutes.
fn scale(inv: &Invocation, io: &mut Io, one: &Found, dry_run: DryRun) -> Flow<Result<(), Error>> {
    let until = io.now() + Duration::s(300);
    let guarded = inv.int("current-replicas") != -1 || !inv.flag("resource-version").is_empty();
    loop {
        let request = if guarded {
            match guarded_update(inv, io, one)? {
                Ok(request) => request,
                Err(error) => return Ok(Err(error)),
            }
        } else {
            let (namespace, name) = (one.object.namespace().to_string(), one.object.name().to_string());
            let patch = value!({"spec": {"replicas": inv.int("replicas")}});
            Request::patch(one.resource, namespace, name, patch).sub("scale").patch_type(PatchType::Merge)
        };
        match io.request(dry_run.on(request))? {
            Ok(_) if inv.duration_us("timeout") > 0 && dry_run == DryRun::None => return wait(inv, io, one),
            Ok(_) => return Ok(Ok(())),
            Err(error) if error.reason() == "Conflict" && io.now() < until => io.sleep(Duration::s(1))?,
            Err(error) => return Ok(Err(error.into())),
        }
    }
}

fn get(one: &Found) -> Request {
    Request::get(one.resource, one.object.namespace().to_string(), one.object.name().to_string()).sub("scale")
}

/// The PUT of the scale, if the preconditions hold.
fn guarded_update(inv: &Invocation, io: &mut Io, one: &Found) -> Flow<Result<Request, Error>> {
    let mut scale = match io.request(get(one))? {
        Ok(scale) => scale,
        Err(error) => return Ok(Err(error.into())),
    };
    let (size, have) = (inv.int("current-replicas"), scale["spec"]["replicas"].int());
    if size != -1 && size != have {
        return Ok(Err(Error::Text(format!("Expected replicas to be {size}, was {have}"))));
    }
    let (version, have) = (inv.flag("resource-version"), scale["metadata"]["resourceVersion"].str());
    if !version.is_empty() && version != have {
        return Ok(Err(Error::Text(format!("Expected resource version to be {version}, was {have}"))));
    }
    scale["spec"]["replicas"] = inv.int("replicas").into();
    let (namespace, name) = (one.object.namespace().to_string(), one.object.name().to_string());
    Ok(Ok(Request::new(Verb::Update, one.resource, namespace, name).sub("scale").with_body(scale)))
}

/// Looks every second whether the wanted size is reached.
fn wait(inv: &Invocation, io: &mut Io, one: &Found) -> Flow<Result<(), Error>> {
    let deadline = inv.deadline(io, "timeout").unwrap_or(Time(u64::MAX));
    loop {
        match io.request(get(one))? {
            Ok(scale) => {
                let is = |part: &str| scale[part]["replicas"] == Value::from(inv.int("replicas"));
                if is("spec") && is("status") {
                    return Ok(Ok(()));
                }
            }
            Err(error) => return Ok(Err(error.into())),
        }
        if io.now() >= deadline {
            return Ok(Err(Error::Text(format!("timed out waiting for {:?} to be synced", one.object.name()))));
        }
        io.sleep(Duration::s(1))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;

    fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |request| {
            Ok(match &*request.subresource {
                "scale" => value!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web"},
                    "spec": {"replicas": 2}, "status": {"replicas": 2}}),
                _ => value!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "default"}}),
            })
        })
    }

    #[test]
    fn requests_are_as_recorded() {
        let plain = run("kubectl scale deployment web --replicas=6");
        assert_eq!(plain.out, "deployment.apps/web scaled\n");
        let web = "/apis/apps/v1/namespaces/default/deployments/web";
        assert_eq!(plain.requests, [format!("GET {web}"), format!("PATCH {web}/scale")]);
        let guarded = run("kubectl scale deployment/web --current-replicas=2 --replicas=4");
        assert_eq!(guarded.requests, [format!("GET {web}"), format!("GET {web}/scale"), format!("PUT {web}/scale")]);
        let refused = run("kubectl scale deployment/web --current-replicas=5 --replicas=3");
        assert_eq!((refused.err.as_str(), refused.code), ("error: Expected replicas to be 5, was 2\n", Some(1)));
    }

    #[test]
    fn misuse() {
        assert_eq!(run("kubectl scale deployment web").err, "error: required flag(s) \"replicas\" not set\n");
        assert_eq!(
            run("kubectl scale deployment web --replicas=-2").err,
            "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\n"
        );
        assert_eq!(
            run("kubectl scale deployment web --replicas=many").err,
            "error: invalid argument \"many\" for \"--replicas\" flag: strconv.ParseInt: parsing \"many\": invalid syntax\nSee \
             'kubectl scale --help' for usage.\n"
        );
    }
}

//! `kubectl autoscale`: its flags are checked and its object is made as kubectl makes it, but nobody scales: horizontal pod
//! autoscalers are left out.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{DRY_RUN, DryRun, FILES, PRINT, RECORD, SAVE_CONFIG, field_manager, flags};
use super::outcome::Outcome;
use super::resources::{Choice, Found};
use super::subjects;
use crate::api::quantity::Quantity;
use crate::flow::{Flow, Io};
use crate::value;
use crate::value::Value;

/// `kubectl autoscale`
pub(super) static COMMAND: Command = Command {
    name: "autoscale",
    usage: "autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY]",
    short: "Auto-scale a deployment, replica set, stateful set, or replication controller",
    long: "Only --dry-run=client is modelled: there are no horizontal pod autoscalers in the simulated cluster.",
    examples: &[
        "# Show the autoscaler that would be made for a deployment \"foo\"",
        "kubectl autoscale deployment foo --min=2 --max=10 --cpu=50% --dry-run=client -o yaml",
    ],
    flags: flags!(PRINT, FILES, DRY_RUN, SAVE_CONFIG, RECORD, OWN, &[field_manager("kubectl-autoscale")]),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::int("max", "-1", "The upper limit for the number of pods that can be set by the autoscaler. Required.").required(),
    Flag::int("min", "-1", "The lower limit for the number of pods that can be set by the autoscaler."),
    Flag::text("cpu", "", "Target CPU utilization, such as 70%, or an amount such as 500m."),
    Flag::text("memory", "", "Target memory utilization, such as 70%, or an amount such as 500Mi."),
    Flag::text(
        "name",
        "",
        "The name for the newly created object. If not specified, the name of the input resource will be used.",
    ),
    Flag::refused("cpu-percent", FlagKind::Int, "it is deprecated; use --cpu=50%"),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    let (min, max) = (inv.int("min"), inv.int("max"));
    if max < 1 {
        return inv.fail(io, format!("--max=MAXPODS is required and must be at least 1, max: {max}"));
    }
    if max < min {
        return inv.fail(io, format!("--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"));
    }
    let metrics = [("cpu", inv.flag("cpu")), ("memory", inv.flag("memory"))].map(|(name, target)| metric(name, target));
    let mut targets = Vec::new();
    for metric in metrics {
        targets.extend(inv.or_fail(io, metric)?);
    }
    let subjects = subjects::read(inv, io, &inv.args, Choice::default(), false)?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    for one in &found {
        let result = if dry_run == DryRun::Client {
            autoscaler(inv, one, &targets).and_then(|object| outcome.print(io, &object, "autoscaled"))
        } else {
            Err("HorizontalPodAutoscaler is not modelled by kube-orrery; --dry-run=client shows the object".into())
        };
        if let Err(error) = result {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

fn metric(name: &'static str, target: &str) -> Result<Option<Value>, String> {
    if target.is_empty() {
        return Ok(None);
    }
    let target = match target.strip_suffix('%') {
        Some(percent) => {
            let percent: i64 = percent.parse().map_err(|_| format!("invalid --{name} utilization {target:?}"))?;
            value!({"type": "Utilization", "averageUtilization": percent})
        }
        None => {
            let amount: Quantity = target.parse().map_err(|error| format!("{error}"))?;
            value!({"type": "AverageValue", "averageValue": amount.to_string()})
        }
    };
    Ok(Some(value!({"type": "Resource", "resource": {"name": name, "target": target}})))
}

fn autoscaler(inv: &Invocation, one: &Found, targets: &[Value]) -> Result<Value, Error> {
    if !one.resource.subresources.contains(&"scale") {
        let kind = if one.resource.group.is_empty() {
            one.resource.kind.to_string()
        } else {
            format!("{}.{}", one.resource.kind, one.resource.group)
        };
        return Err(Error::Text(format!("cannot autoscale a {kind}")));
    }
    let name = if inv.flag("name").is_empty() { one.object.name() } else { inv.flag("name") };
    let mut metadata = value!({"name": name.to_string()});
    if inv.namespace_given() {
        metadata.set("namespace", &inv.namespace);
    }
    let mut spec = value!({
        "maxReplicas": inv.int("max"),
        "scaleTargetRef": {"apiVersion": one.resource.api_version(), "kind": one.resource.kind, "name": one.object.name().to_string()},
    });
    if inv.int("min") > 0 {
        spec.set("minReplicas", inv.int("min"));
    }
    if !targets.is_empty() {
        spec.set("metrics", targets.to_vec());
    }
    let status = value!({"currentMetrics": null, "desiredReplicas": 0});
    Ok(
        value!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec, "status": status}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;

    fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| {
            Ok(value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}}))
        })
    }

    #[test]
    fn the_object_is_as_recorded() {
        let want = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\nspec:\n  maxReplicas: 5\n  \
                    metrics:\n  - resource:\n      name: cpu\n      target:\n        averageUtilization: 50\n        type: \
                    Utilization\n    type: Resource\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: \
                    web\nstatus:\n  currentMetrics: null\n  desiredReplicas: 0\n";
        assert_eq!(run("kubectl autoscale deployment web --max=5 --cpu=50% --dry-run=client -o yaml").out, want);
    }

    #[test]
    fn misuse_and_what_is_left_out() {
        assert_eq!(
            run("kubectl autoscale deployment web --min=5 --max=2").err,
            "error: --max=MAXPODS must be larger or equal to --min=MINPODS, max: 2, min: 5\n"
        );
        assert_eq!(run("kubectl autoscale deployment web").err, "error: required flag(s) \"max\" not set\n");
        assert!(run("kubectl autoscale deployment web --max=5").err.contains("not modelled by kube-orrery"));
    }
}

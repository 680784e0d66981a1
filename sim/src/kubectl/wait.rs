//! `kubectl wait`, after `k8s.io/kubectl/pkg/cmd/wait`.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{FILES, flags};
use super::print::JsonPath;
use super::resources::{Choice, Found, Target, fetch, full_name, targets};
use super::until::{Change, ObjectWatch};
use crate::core::{Duration, Time};
use crate::flow::{Flow, Io};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "wait",
    usage: "wait (TYPE NAME | TYPE/NAME | TYPE (-l label | --all)) [--for=create|--for=delete|--for condition=available\
            |--for=jsonpath='{}'[=value]] [flags]",
    short: "Wait for a specific condition on one or many resources",
    long: "The command takes multiple resources and waits until the specified condition is seen in the Status field of every given \
           resource.\nAlternatively, the command can wait for the given set of resources to be created or deleted by providing the \
           \"create\" or \"delete\" keyword as the value to the --for flag.",
    examples: &[
        "# Wait for the pod \"busybox1\" to contain the status condition of type \"Ready\"",
        "kubectl wait --for=condition=Ready pod/busybox1",
        "# Wait for the pod \"busybox1\" to contain the status phase to be \"Running\"",
        "kubectl wait --for=jsonpath='{.status.phase}'=Running pod/busybox1",
        "# Wait for the pod \"busybox1\" to be deleted, with a timeout of 60s",
        "kubectl wait --for=delete pod/busybox1 --timeout=60s",
    ],
    flags: flags!(FILES, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("all", "Select all resources in the namespace of the specified resource types"),
    Flag::bool("all-namespaces", "List the requested object(s) across all namespaces").letter('A'),
    Flag::text("field-selector", "", "Selector (field query) to filter on"),
    Flag::text(
        "for",
        "",
        "The condition to wait on: [create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[JSONPath value]]",
    ),
    Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
    Flag::duration(
        "timeout",
        "30s",
        "The length of time to wait before giving up. Zero means check once and don't wait, negative means wait for a week",
    ),
];

/// What is waited for.
#[derive(Clone, Debug)]
enum Goal {
    Deleted,
    Created,
    Condition {
        kind: String,
        status: String,
    },
    /// Any value, or this one.
    Path {
        path: JsonPath,
        value: Option<String>,
    },
}

impl Goal {
    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_lowercase();
        if lower == "delete" {
            return Ok(Self::Deleted);
        }
        if lower == "create" {
            return Ok(Self::Created);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Self::Condition { kind: kind.to_string(), status: status.to_string() });
        }
        if let Some(input) = text.strip_prefix("jsonpath=") {
            let end = input.rfind('}').map_or(input.len(), |end| end + 1);
            let (path, rest) = input.split_at(end);
            let path = path.trim_matches('\'');
            let value = match rest.trim_start_matches('\'') {
                "" => None,
                rest => {
                    match rest.strip_prefix('=').map(|value| value.trim_matches(['"', '\''])) {
                        Some("") => return Err(
                            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3"
                                .into(),
                        ),
                        Some(value) => Some(value.to_string()),
                        None => {
                            return Err(format!(
                                "jsonpath wait format must be --for=jsonpath='{{.status.readyReplicas}}'=3 or --for=jsonpath='{{.status.readyReplicas}}', not {text:?}"
                            ));
                        }
                    }
                }
            };
            return Ok(Self::Path { path: JsonPath::parse_relaxed(path)?, value });
        }
        Err(format!("unrecognized condition: {text:?}"))
    }

    /// Whether an object that is there has reached it. The error is kubectl's text.
    fn reached(&self, object: &Value) -> Result<bool, String> {
        match self {
            Self::Deleted => Ok(false),
            Self::Created => Ok(true),
            Self::Condition { kind, status } => {
                let mut conditions = object["status"]["conditions"].items().iter();
                let Some(condition) = conditions.find(|condition| condition["type"].str().eq_ignore_ascii_case(kind)) else {
                    return Ok(false);
                };
                let observed =
                    condition["observedGeneration"].as_int().or_else(|| object["status"]["observedGeneration"].as_int());
                let stale = observed.is_some_and(|observed| observed < object.generation());
                Ok(!stale && condition["status"].str().eq_ignore_ascii_case(status))
            }
            Self::Path { path, value } => {
                let found: Vec<Value> = path.find(object)?.into_iter().flatten().collect();
                match (found.as_slice(), value) {
                    ([], _) => Ok(false),
                    (_, None) => Ok(true),
                    ([Value::Map(_) | Value::List(_)], Some(_)) => {
                        Err("jsonpath leads to a nested object or list which is not supported".into())
                    }
                    ([one], Some(value)) => Ok(crate::value::go_text(one) == *value),
                    _ => Err("given jsonpath expression matches more than one value".into()),
                }
            }
        }
    }
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let goal = inv.or_fail(io, Goal::parse(inv.flag("for")))?;
    let choice = Choice {
        labels: Some(inv.flag("selector")),
        fields: Some(inv.flag("field-selector")),
        all: inv.is("all"),
        all_namespaces: inv.is("all-namespaces"),
        type_alone: false,
    };
    let (targets, mut errors) = inv.or_fail(io, targets(inv, choice))?;
    let deadline = match inv.duration_us("timeout") {
        us if us < 0 => io.now() + Duration::s(7 * 86_400),
        us => io.now() + Duration::us(us as u64),
    };
    if matches!(goal, Goal::Created) {
        return created(inv, io, &targets, deadline);
    }
    let (found, failed) = fetch(io, &targets)?;
    errors.extend(failed);
    let deleting = matches!(goal, Goal::Deleted);
    if deleting {
        errors.retain(|error| !error.is_not_found());
    }
    if found.is_empty() && errors.is_empty() && !deleting {
        return inv.fail(io, "no matching resources found");
    }
    for found in &found {
        match one(io, &goal, found, deadline)? {
            Ok(()) => io.print(&format!("{} condition met\n", found.full_name())),
            Err(error) => errors.push(error),
        }
    }
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)
}

/// Waits for one object.
fn one(io: &mut Io, goal: &Goal, found: &Found, deadline: Time) -> Flow<Result<(), Error>> {
    let (resource, object) = (found.resource, &found.object);
    let mut watch = ObjectWatch::open(io, resource, object.namespace(), object.name());
    let result = loop {
        match watch.next(io, Some(deadline))? {
            Change::Is(now) => {
                if matches!(goal, Goal::Deleted) && now.uid() != object.uid() {
                    break Ok(());
                }
                match goal.reached(&now) {
                    Ok(true) => break Ok(()),
                    Ok(false) => {}
                    Err(error) => break Err(Error::Text(error)),
                }
            }
            Change::Missing | Change::Deleted(_) if matches!(goal, Goal::Deleted) => break Ok(()),
            Change::Missing => break Err(Error::Text(format!("{} {:?} not found", resource.group_resource(), object.name()))),
            Change::Deleted(_) => {}
            Change::Deadline => {
                break Err(Error::Text(format!("timed out waiting for the condition on {}/{}", resource.plural, object.name())));
            }
            Change::Failed(error) => break Err(error.into()),
        }
    };
    watch.close(io);
    Ok(result)
}

/// Looks every half second whether the objects are there.
fn created(inv: &Invocation, io: &mut Io, targets: &[Target], deadline: Time) -> Flow<()> {
    loop {
        let (found, errors) = fetch(io, targets)?;
        if let Some(error) = errors.into_iter().find(|error| !error.is_not_found()) {
            return inv.fail(io, error);
        }
        if found.len() >= targets.len() {
            for found in found {
                io.print(&format!("{} condition met\n", full_name(found.resource, found.object.name())));
            }
            return Ok(());
        }
        if io.now() >= deadline {
            return inv.fail(io, "timed out waiting for the condition on resources to be created");
        }
        io.sleep(Duration::ms(500))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn goals() {
        let reached = |goal: &str, object: &Value| Goal::parse(goal).and_then(|goal| goal.reached(object));
        let pod = value!({"metadata": {"generation": 2}, "status": {"phase": "Running", "n": 3,
            "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}, {"type": "Old", "status": "True", "observedGeneration": 1}]}});
        assert_eq!(reached("condition=ready", &pod), Ok(true));
        assert_eq!(reached("condition=Ready=False", &pod), Ok(false));
        assert_eq!(reached("condition=Old", &pod), Ok(false));
        assert_eq!(reached("condition=Nope", &pod), Ok(false));
        assert_eq!(reached("jsonpath={.status.phase}=Running", &pod), Ok(true));
        assert_eq!(reached("jsonpath={.status.n}=3", &pod), Ok(true));
        assert_eq!(reached("jsonpath='{.status.n}'", &pod), Ok(true));
        assert_eq!(reached("jsonpath={.status.nope}", &pod), Ok(false));
        assert_eq!(reached("delete", &pod), Ok(false));
        assert_eq!(reached("foo", &pod).unwrap_err(), "unrecognized condition: \"foo\"");
        assert!(reached("jsonpath={.status.conditions}=3", &pod).unwrap_err().contains("nested object"));
    }
}

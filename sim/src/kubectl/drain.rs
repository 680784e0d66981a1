//! `kubectl drain`, after `pkg/cmd/drain/drain.go` and `pkg/drain/{drain,filters}.go`: all pods of a node are evicted at once; each
//! eviction that a PodDisruptionBudget forbids is tried again every 5 s, each other pod is looked for every second until it is gone.

use super::args::{Command, Flag};
use super::cordon::{cordon_all, nodes};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{DRY_RUN, DryRun, SELECTOR, flags};
use super::parse::go_duration_text;
use crate::api::LabelSelector;
use crate::api::resource::{DAEMONSETS, PODS};
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, Request, Time, Verb};
use crate::flow::{Begun, Flow, Io, RequestError};
use crate::value;
use crate::value::Value;

/// `kubectl drain`
pub(super) static COMMAND: Command = Command {
    name: "drain",
    usage: "drain NODE",
    short: "Drain node in preparation for maintenance",
    long: "The node is cordoned, then all its pods are evicted, which PodDisruptionBudgets may forbid for a while. Pods of DaemonSets stay\n\
           (--ignore-daemonsets must say that this is known). Pods without a controller are evicted only with --force, as nobody replaces\n\
           them; pods with an emptyDir only with --delete-emptydir-data. Static pods stay. The command waits until all are gone.",
    examples: &[
        "# Drain node \"foo\", even if there are pods not managed by a controller on it",
        "kubectl drain foo --force",
        "# As above, but abort if there are such pods, and use a grace period of 15 minutes",
        "kubectl drain foo --grace-period=900",
    ],
    flags: flags!(DRY_RUN, SELECTOR, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once. Pass 0 to disable."),
    Flag::bool("delete-emptydir-data", "Continue even if there are pods using emptyDir, whose data are then lost."),
    Flag::bool(
        "disable-eviction",
        "Force drain to use delete, even if eviction is supported. This will bypass PodDisruptionBudgets.",
    ),
    Flag::bool("force", "Continue even if there are pods that do not declare a controller."),
    Flag::int(
        "grace-period",
        "-1",
        "Period of time in seconds given to each pod to terminate gracefully. If negative, the pod's own.",
    ),
    Flag::bool("ignore-daemonsets", "Ignore DaemonSet-managed pods."),
    Flag::text("pod-selector", "", "Label selector to filter pods on the node"),
    Flag::int("skip-wait-for-delete-timeout", "0", "If a pod is being deleted for more than N seconds, skip waiting for it."),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up, zero means infinite"),
];

const DAEMONSET_WARNING: &str = "ignoring DaemonSet-managed Pods";

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    if LabelSelector::parse(inv.flag("pod-selector")).is_err() {
        return inv.fail(io, "--pod-selector=<pod_selector> must be a valid label selector");
    }
    let nodes = nodes(inv, io, "drain NODE")?;
    cordon_all(io, &nodes, true, dry_run, &inv.host)?;
    let (mut fatal, mut remaining) = (Vec::new(), String::new());
    for node in &nodes {
        let name = node.object.name();
        match empty(inv, io, name, dry_run)? {
            Ok(()) => io.print(&format!("node/{name} drained{}\n", dry_run.suffix())),
            Err(errors) => {
                io.eprint(&format!(
                    "error: unable to drain node {name:?} due to error: {}, continuing command...\n",
                    one_text(&errors)
                ));
                remaining += &format!(" {name}\n");
                fatal.extend(errors);
            }
        }
    }
    if fatal.is_empty() {
        return Ok(());
    }
    io.eprint(&format!("There are pending nodes to be drained:\n{remaining}"));
    inv.fail(io, Error::Many(fatal.into_iter().map(Error::Text).collect()))
}

/// As client-go's Aggregate reads: the only error, or all in brackets.
fn one_text(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// Evicts or deletes the pods of a node.
fn empty(inv: &Invocation, io: &mut Io, node: &str, dry_run: DryRun) -> Flow<Result<(), Vec<String>>> {
    let chosen = choose(inv, io, node)?;
    if !chosen.errors.is_empty() {
        return Ok(Err(chosen.errors));
    }
    if !chosen.warnings.is_empty() {
        io.eprint(&format!("Warning: {}\n", chosen.warnings.join("; ")));
    }
    if dry_run == DryRun::Client {
        for pod in &chosen.pods {
            io.print(&format!("evicting pod {}/{} (dry run)\n", pod.namespace(), pod.name()));
        }
        return Ok(Ok(()));
    }
    let deadline = inv.deadline(io, "timeout");
    let errors = if inv.is("disable-eviction") {
        delete_all(inv, io, &chosen.pods, deadline)?
    } else {
        evict_all(inv, io, &chosen.pods, deadline, dry_run)?
    };
    if errors.is_empty() {
        return Ok(Ok(()));
    }
    let pending = choose(inv, io, node)?;
    if !pending.pods.is_empty() {
        io.eprint(&format!("There are pending pods in node {node:?} when an error occurred: {}\n", one_text(&errors)));
        for pod in &pending.pods {
            io.eprint(&format!("pod/{}\n", pod.name()));
        }
    }
    if !pending.errors.is_empty() {
        let errors = one_text(&pending.errors);
        io.eprint(&format!("Following errors occurred while getting the list of pods to delete:\n{errors}"));
    }
    Ok(Err(errors))
}

/// Which pods of a node are to go, and why others are not.
#[derive(Debug, Default)]
struct Chosen {
    pods: Vec<Value>,
    warnings: Vec<String>,
    errors: Vec<String>,
}

/// What a filter says of a pod (`PodDeleteStatus`).
enum Verdict {
    Delete,
    DeleteWith(String),
    Skip,
    SkipWith(String),
    Refuse(String),
}

fn choose(inv: &Invocation, io: &mut Io, node: &str) -> Flow<Chosen> {
    let mut request = Request::list(PODS, "").param("fieldSelector", format!("spec.nodeName={node}"));
    if !inv.flag("pod-selector").is_empty() {
        request = request.param("labelSelector", inv.flag("pod-selector").to_string());
    }
    if inv.int("chunk-size") > 0 {
        request = request.param("limit", inv.flag("chunk-size").to_string());
    }
    let list = match io.request(request)? {
        Ok(list) => list,
        Err(error) => return Ok(Chosen { errors: vec![error.to_string()], ..Chosen::default() }),
    };
    let mut chosen = Chosen::default();
    // Reasons with the pods that they hold for.
    let (mut warnings, mut errors): (Vec<(String, String)>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for pod in list["items"].items() {
        let note = |list: &mut Vec<(String, String)>, reason: String| {
            let name = format!("{}/{}", pod.namespace(), pod.name());
            match list.iter_mut().find(|(have, _)| *have == reason) {
                Some((_, pods)) => *pods += &format!(", {name}"),
                None => list.push((reason, name)),
            }
        };
        match judge(inv, io, pod)? {
            Verdict::Delete => chosen.pods.push(pod.clone()),
            Verdict::DeleteWith(warning) => {
                chosen.pods.push(pod.clone());
                note(&mut warnings, warning);
            }
            Verdict::Skip => {}
            Verdict::SkipWith(warning) => note(&mut warnings, warning),
            Verdict::Refuse(error) => note(&mut errors, error),
        }
    }
    warnings.order_by_key(|(reason, _)| reason != DAEMONSET_WARNING);
    chosen.warnings = warnings.into_iter().map(|(reason, pods)| format!("{reason}: {pods}")).collect();
    chosen.errors = errors
        .into_iter()
        .map(|(reason, pods)| {
            let cannot = if reason.to_lowercase().starts_with("cannot delete") { "" } else { "cannot delete " };
            format!("{cannot}{reason}: {pods}")
        })
        .collect();
    Ok(chosen)
}

/// The filters in upstream's order. A later one's warning replaces an earlier one's.
fn judge(inv: &Invocation, io: &mut Io, pod: &Value) -> Flow<Verdict> {
    if is_overdue(inv, io, pod) {
        return Ok(Verdict::Skip);
    }
    let finished = matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed");
    let mut verdict = Verdict::Delete;
    let daemon_set = pod.controller().filter(|owner| owner.kind() == "DaemonSet" && !finished);
    if let Some(owner) = daemon_set {
        let request = Request::get(DAEMONSETS, pod.namespace().to_string(), owner["name"].text());
        match io.request(request)? {
            Err(error) if error.reason() == "NotFound" && inv.is("force") => verdict = Verdict::DeleteWith(error.to_string()),
            Err(error) => return Ok(Verdict::Refuse(error.to_string())),
            Ok(_) if inv.is("ignore-daemonsets") => return Ok(Verdict::SkipWith(DAEMONSET_WARNING.into())),
            Ok(_) => return Ok(Verdict::Refuse("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)".into())),
        }
    }
    if pod.annotation("kubernetes.io/config.mirror").is_some() {
        return Ok(Verdict::Skip);
    }
    if finished {
        return Ok(verdict);
    }
    if pod["spec"]["volumes"].items().iter().any(|volume| !volume["emptyDir"].is_null()) {
        if !inv.is("delete-emptydir-data") {
            return Ok(Verdict::Refuse("Pods with local storage (use --delete-emptydir-data to override)".into()));
        }
        verdict = Verdict::DeleteWith("deleting Pods with local storage".into());
    }
    if pod.controller().is_none() {
        if !inv.is("force") {
            return Ok(Verdict::Refuse("cannot delete Pods that declare no controller (use --force to override)".into()));
        }
        verdict = Verdict::DeleteWith("deleting Pods that declare no controller".into());
    }
    Ok(verdict)
}

/// Whether the pod should have gone long ago, and nobody wants to wait for it.
fn is_overdue(inv: &Invocation, io: &Io, pod: &Value) -> bool {
    let limit_s = u64::try_from(inv.int("skip-wait-for-delete-timeout")).unwrap_or(0);
    let deleted = Time::parse_rfc3339(pod["metadata"]["deletionTimestamp"].str());
    limit_s > 0 && deleted.is_some_and(|deleted| io.now() > deleted + Duration::s(limit_s))
}

/// What is awaited for a pod that is being evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The answer to the eviction.
    Evict,
    /// The 5 s before the next attempt.
    Pause,
    /// The pod's state before the next attempt.
    Refresh,
    /// The answer whether it is still there.
    Poll,
    /// The second until it is looked for again.
    Tick,
}

/// A pod on its way out.
#[derive(Debug)]
struct Leaving<'a> {
    pod: &'a Value,
    step: Step,
    begun: Begun,
    next_poll: Time,
}

/// Evicts all pods at once and waits until they are gone; brings what went wrong.
fn evict_all(inv: &Invocation, io: &mut Io, pods: &[Value], deadline: Option<Time>, dry_run: DryRun) -> Flow<Vec<String>> {
    let mut leaving: Vec<Leaving> = Vec::new();
    for pod in pods {
        let begun = evict(inv, io, pod, dry_run);
        leaving.push(Leaving { pod, step: Step::Evict, begun, next_poll: io.now() });
    }
    let mut errors = Vec::new();
    while !leaving.is_empty() {
        let begun: Vec<Begun> = leaving.iter().map(|one| one.begun).collect();
        let (index, answer) = io.first(&begun)?;
        match advance(inv, io, &mut leaving[index], answer, deadline, dry_run) {
            Ok(true) => {}
            Ok(false) => drop(leaving.remove(index)),
            Err(error) => {
                errors.push(error);
                leaving.remove(index);
            }
        }
    }
    Ok(errors)
}

fn evict(inv: &Invocation, io: &mut Io, pod: &Value, dry_run: DryRun) -> Begun {
    io.print(&format!("evicting pod {}/{}{}\n", pod.namespace(), pod.name(), dry_run.suffix()));
    let mut eviction = value!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod.name().to_string(), "namespace": pod.namespace().to_string()},
    });
    if inv.int("grace-period") >= 0 {
        eviction["deleteOptions"] = value!({"gracePeriodSeconds": inv.int("grace-period")});
    }
    let request = Request::new(Verb::Create, PODS, pod.namespace().to_string(), pod.name().to_string());
    io.begin(dry_run.on(request.sub("eviction").with_body(eviction)))
}

/// Takes what was awaited for a pod and goes on; says whether there is more to await.
fn advance(
    inv: &Invocation,
    io: &mut Io,
    one: &mut Leaving,
    answer: Option<Result<Value, RequestError>>,
    deadline: Option<Time>,
    dry_run: DryRun,
) -> Result<bool, String> {
    let pod = one.pod;
    let is_over = |io: &Io| deadline.is_some_and(|deadline| io.now() >= deadline);
    let timeout = || format!("global timeout reached: {}", go_duration_text(inv.duration_us("timeout")));
    let get = || Request::get(PODS, pod.namespace().to_string(), pod.name().to_string());
    let evicting = format!("error when evicting pods/{:?} -n {:?}", pod.name(), pod.namespace());
    match (one.step, answer) {
        (Step::Evict, Some(Ok(_))) => {
            if dry_run == DryRun::Server {
                return Ok(false);
            }
            one.next_poll = io.now();
            (one.step, one.begun) = (Step::Poll, io.begin(get()));
        }
        (Step::Evict, Some(Err(error))) => {
            let terminating = namespace_is_terminating(&error);
            match error.reason() {
                "NotFound" => return Ok(false),
                "TooManyRequests" => io.eprint(&format!("{evicting} (will retry after 5s): {error}\n")),
                "Forbidden" if terminating && pod.is_terminating() => {
                    (one.step, one.begun) = (Step::Poll, io.begin(get()));
                    return Ok(true);
                }
                "Forbidden" if terminating => io.eprint(&format!(
                    "error when evicting pod {:?} from terminating namespace {:?} (will retry after 5s): {error}\n",
                    pod.name(),
                    pod.namespace()
                )),
                _ => return Err(format!("{evicting}: {error}")),
            }
            let until = io.now() + Duration::s(5);
            (one.step, one.begun) = (Step::Pause, io.begin_wait(until));
        }
        (Step::Pause, _) => (one.step, one.begun) = (Step::Refresh, io.begin(get())),
        (Step::Refresh, answer) => {
            match answer {
                Some(Ok(fresh)) if fresh.uid() != pod.uid() => return Ok(false),
                Some(Err(error)) if error.reason() == "NotFound" => return Ok(false),
                _ => {}
            }
            if is_over(io) {
                io.print(&format!("evicting pod {}/{}\n", pod.namespace(), pod.name()));
                return Err(format!("{evicting}: {}", timeout()));
            }
            (one.step, one.begun) = (Step::Evict, evict(inv, io, pod, dry_run));
        }
        (Step::Tick, _) => (one.step, one.begun) = (Step::Poll, io.begin(get())),
        (Step::Poll, answer) => {
            let waiting = format!("error when waiting for pod {:?} in namespace {:?} to terminate", pod.name(), pod.namespace());
            match still_there(inv, io, pod, answer, "evicted") {
                Ok(true) if is_over(io) => return Err(format!("{waiting}: {}", timeout())),
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(format!("{waiting}: {error}")),
            }
            while one.next_poll <= io.now() {
                one.next_poll += Duration::s(1);
            }
            (one.step, one.begun) = (Step::Tick, io.begin_wait(one.next_poll));
        }
        (Step::Evict, None) => return Err(format!("{evicting}: no answer")),
    }
    Ok(true)
}

fn namespace_is_terminating(error: &RequestError) -> bool {
    match error {
        RequestError::Status(response) => {
            let causes = response.body["details"]["causes"].items();
            causes.iter().any(|cause| cause["reason"].str() == "NamespaceTerminating")
        }
        RequestError::Connection(_) => false,
    }
}

/// Reads the answer to a GET of a pod that is to go; prints when it is gone.
fn still_there(
    inv: &Invocation,
    io: &mut Io,
    pod: &Value,
    answer: Option<Result<Value, RequestError>>,
    verb: &str,
) -> Result<bool, String> {
    let is_gone = match &answer {
        Some(Ok(fresh)) => fresh.uid() != pod.uid(),
        Some(Err(error)) => error.reason() == "NotFound",
        None => false,
    };
    if is_gone {
        io.print(&format!("pod/{} {verb}\n", pod.name()));
        return Ok(false);
    }
    match answer {
        Some(Ok(fresh)) if is_overdue(inv, io, &fresh) => {
            let limit = inv.flag("skip-wait-for-delete-timeout");
            io.print(&format!("pod {:?} has DeletionTimestamp older than {limit} seconds, skipping\n", pod.name()));
            Ok(false)
        }
        Some(Err(error)) => Err(error.to_string()),
        _ => Ok(true),
    }
}

/// Deletes all pods one after the other and looks every second for those that are left.
fn delete_all(inv: &Invocation, io: &mut Io, pods: &[Value], deadline: Option<Time>) -> Flow<Vec<String>> {
    for pod in pods {
        let mut options = Value::map();
        if inv.int("grace-period") >= 0 {
            options.set("gracePeriodSeconds", inv.int("grace-period"));
        }
        let request = Request::delete(PODS, pod.namespace().to_string(), pod.name().to_string()).with_body(options);
        match io.request(request)? {
            Err(error) if error.reason() != "NotFound" => return Ok(vec![error.to_string()]),
            _ => {}
        }
    }
    let mut left: Vec<&Value> = pods.iter().collect();
    loop {
        let mut pending = Vec::new();
        for pod in left {
            let answer = io.request(Request::get(PODS, pod.namespace().to_string(), pod.name().to_string()))?;
            match still_there(inv, io, pod, Some(answer), "deleted") {
                Ok(true) => pending.push(pod),
                Ok(false) => {}
                Err(error) => return Ok(vec![error]),
            }
        }
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        if deadline.is_some_and(|deadline| io.now() >= deadline) {
            return Ok(vec![format!("global timeout reached: {}", go_duration_text(inv.duration_us("timeout")))]);
        }
        left = pending;
        io.sleep(Duration::s(1))?;
    }
}

//! `kubectl delete`, after `pkg/cmd/delete/delete.go`: DELETEs first, then it waits until every object is gone.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::options::{ALL, ALL_NAMESPACES, DRY_RUN, DryRun, FIELD_SELECTOR, FILES, SELECTOR, flags};
use super::resources::{Choice, Target, objects, select};
use super::subjects::unchunked;
use super::until::{Change, ObjectWatch};
use crate::api::Resource;
use crate::core::{Duration, Request, Time};
use crate::flow::{Flow, Io, RequestError};
use crate::value::{Text, Value};

/// `kubectl delete`
pub(super) static COMMAND: Command = Command {
    name: "delete",
    usage: "delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
    short: "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    long: "Pods get the time of their grace period to end; until then they are shown as Terminating, and the command waits.\n\
           --now gives them one second, --force takes them out of the API at once, without knowing whether they have ended.",
    examples: &[
        "# Delete a pod using the type and name specified in pod.yaml",
        "kubectl delete -f ./pod.yaml",
        "# Delete pods and services with label name=myLabel",
        "kubectl delete pods,services -l name=myLabel",
        "# Delete a pod with minimal delay",
        "kubectl delete pod foo --now",
        "# Delete all pods",
        "kubectl delete pods --all",
    ],
    flags: flags!(FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, DRY_RUN, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::text(
        "cascade",
        "background",
        "Must be \"background\", \"orphan\", or \"foreground\". What becomes of the dependents (e.g. Pods created by a ReplicaSet).",
    )
    .bare("background"),
    Flag::bool("force", "If true, immediately remove resources from API and bypass graceful deletion."),
    Flag::int("grace-period", "-1", "Period of time in seconds given to the resource to terminate gracefully. Ignored if negative."),
    Flag::bool("ignore-not-found", "Treat \"resource not found\" as a successful delete. Defaults to \"true\" when --all is specified."),
    Flag::bool("now", "If true, resources are signaled for immediate shutdown (same as --grace-period=1)."),
    Flag::text("output", "", "Output mode. Use \"-o name\" for shorter output (resource/name).").letter('o'),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete, zero means a week."),
    Flag::bool("wait", "If true, wait for resources to be gone before returning. This waits for finalizers.").on(),
    Flag::refused("interactive", FlagKind::Bool, "there is nobody to ask").letter('i'),
    Flag::refused("raw", FlagKind::Text, "raw requests are left out"),
];

/// What is to be deleted.
#[derive(Clone, Debug)]
struct Doomed {
    resource: Resource,
    namespace: String,
    name: String,
    /// The file that named it.
    source: Option<String>,
}

/// The options of a deletion.
#[derive(Clone, Copy, Debug)]
struct Options<'a> {
    policy: &'static str,
    grace_s: i64,
    dry_run: DryRun,
    output: &'a str,
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let policy = match cascade(inv, io) {
        Ok(policy) => policy,
        Err(error) => return inv.fail(io, error),
    };
    let mut grace_s = inv.int("grace-period");
    if inv.is("now") {
        if grace_s != -1 {
            return inv.fail(io, "--now and --grace-period cannot be specified together");
        }
        grace_s = 1;
    }
    if grace_s == 0 && !inv.is("force") {
        // Without --force zero is turned into one second, so that nothing is lost by accident.
        grace_s = 1;
    }
    if inv.is("force") && grace_s < 0 {
        grace_s = 0;
    }
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let (labels, fields) = (inv.flag("selector"), inv.flag("field-selector"));
    let all = inv.is("all");
    let chosen = choose(
        inv,
        io,
        Choice { labels: Some(labels), fields: Some(fields), all, type_alone: false, all_namespaces: inv.is("all-namespaces") },
    )?;
    let (doomed, mut errors) = inv.or_fail(io, chosen)?;
    let output = inv.flag("output");
    let misuse = if !output.is_empty() && output != "name" {
        Some(format!("unexpected -o output mode: {output}. We only support '-o name'"))
    } else if all && !labels.is_empty() {
        Some("cannot set --all and --selector at the same time".to_string())
    } else if all && !fields.is_empty() {
        Some("cannot set --all and --field-selector at the same time".to_string())
    } else if inv.is("force") && grace_s > 0 {
        Some("--force and --grace-period greater than 0 cannot be specified together".to_string())
    } else {
        None
    };
    if let Some(misuse) = misuse {
        return inv.fail(io, misuse);
    }
    if inv.is("force") {
        io.eprint(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
             resource may continue to run on the cluster indefinitely.\n",
        );
    }
    let by_selector = all || !labels.is_empty() || !fields.is_empty();
    let ignore_not_found = if inv.given("ignore-not-found") { inv.is("ignore-not-found") } else { by_selector };
    let mut warn_cluster_scope = inv.namespace_given() && !inv.is("all-namespaces");
    let options = Options { policy, grace_s, dry_run, output };
    let mut uids = Vec::new();
    for one in &doomed {
        if warn_cluster_scope && !one.resource.namespaced {
            io.eprint("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n");
            warn_cluster_scope = false;
        }
        match delete(io, one, options)? {
            Ok(uid) => uids.push(uid),
            Err(error) => {
                uids.push(Text::default());
                errors.push(error);
            }
        }
    }
    errors.retain(|error| !(ignore_not_found && error.is_not_found()));
    if let Err(error) = Error::aggregate(errors) {
        return inv.fail(io, error);
    }
    if doomed.is_empty() {
        io.print("No resources found\n");
        return Ok(());
    }
    if !inv.is("wait") || dry_run != DryRun::None {
        return Ok(());
    }
    let deadline = inv.deadline(io, "timeout").unwrap_or(io.now() + Duration::s(168 * 3600));
    for (one, uid) in doomed.iter().zip(uids) {
        match wait_until_gone(io, one.resource, &one.namespace, &one.name, &uid, deadline)? {
            Ok(true) => {}
            Ok(false) => {
                return inv.fail(io, format!("timed out waiting for the condition on {}/{}", one.resource.plural, one.name));
            }
            // Who may not look need not wait.
            Err(error) if matches!(error.reason(), "Forbidden" | "MethodNotAllowed") => return Ok(()),
            Err(error) => return inv.fail(io, error),
        }
    }
    Ok(())
}

fn cascade(inv: &Invocation, io: &mut Io) -> Result<&'static str, Error> {
    let given = inv.flag("cascade");
    let (policy, name) = match given {
        "background" => ("Background", ""),
        "foreground" => ("Foreground", ""),
        "orphan" => ("Orphan", ""),
        "true" => ("Background", "background"),
        "false" => ("Orphan", "orphan"),
        other => {
            let text = format!("invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\"");
            return Err(text.into());
        }
    };
    if !name.is_empty() {
        io.eprint(&format!(
            "warning: --cascade={given} is deprecated (boolean value) and can be replaced with --cascade={name}.\n"
        ));
    }
    Ok(policy)
}

/// What files, names and selectors choose; with selectors it is looked up first.
fn choose(inv: &Invocation, io: &mut Io, choice: Choice) -> Flow<Result<(Vec<Doomed>, Vec<Error>), Error>> {
    if let Err(error) = manifests::check_arguments(inv) {
        return Ok(Err(error));
    }
    let mut doomed = Vec::new();
    if manifests::given(inv) {
        let loaded = manifests::load(inv, false)
            .and_then(|mut loaded| manifests::select(&mut loaded, choice.labels.unwrap_or("")).map(|()| loaded));
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return Ok(Err(error)),
        };
        for manifest in loaded.manifests {
            doomed.push(Doomed {
                resource: manifest.resource,
                namespace: manifest.namespace().to_string(),
                name: manifest.name().to_string(),
                source: Some(manifest.source),
            });
        }
        return Ok(Ok((doomed, loaded.errors)));
    }
    let targets = match select(inv, &inv.args, choice) {
        Ok(targets) => targets,
        Err(error) => return Ok(Err(error)),
    };
    let mut errors = Vec::new();
    for target in targets {
        if let Target::One { resource, namespace, name } = target {
            doomed.push(Doomed { resource, namespace, name, source: None });
            continue;
        }
        match io.request(unchunked(&target))? {
            Ok(body) => doomed.extend(objects(&target, body).into_iter().map(|found| Doomed {
                resource: found.resource,
                namespace: found.object.namespace().to_string(),
                name: found.object.name().to_string(),
                source: None,
            })),
            Err(error) => errors.push(error.into()),
        }
    }
    Ok(Ok((doomed, errors)))
}

/// Sends the DELETE and prints; brings the object's uid.
fn delete(io: &mut Io, one: &Doomed, options: Options) -> Flow<Result<Text, Error>> {
    let mut uid = Text::default();
    if options.dry_run != DryRun::Client {
        let mut body = Value::map();
        if options.grace_s >= 0 {
            body.set("gracePeriodSeconds", options.grace_s);
        }
        body.set("propagationPolicy", options.policy);
        let request = Request::delete(one.resource, one.namespace.clone(), one.name.clone()).with_body(body);
        match io.request(options.dry_run.on(request))? {
            Ok(answer) if answer.kind() == "Status" => uid = answer["details"]["uid"].text(),
            Ok(answer) => uid = answer["metadata"]["uid"].text(),
            Err(error) => {
                return Ok(Err(match &one.source {
                    Some(source) => Error::At(format!("error when deleting {source:?}"), error),
                    None => error.into(),
                }));
            }
        }
    }
    let kind = match one.resource.group {
        "" => one.resource.kind.to_lowercase(),
        group => format!("{}.{group}", one.resource.kind.to_lowercase()),
    };
    if options.output == "name" {
        io.print(&format!("{kind}/{}\n", one.name));
    } else {
        let operation = if options.grace_s == 0 { "force deleted" } else { "deleted" };
        let from = if one.resource.namespaced { format!(" from {} namespace", one.namespace) } else { String::new() };
        io.print(&format!("{kind} {:?} {operation}{from}{}\n", one.name, options.dry_run.suffix()));
    }
    Ok(Ok(uid))
}

/// Waits until an object is gone, or another one has its name (`pkg/cmd/wait/delete.go`). `Ok(false)` says that the time is over.
pub(super) fn wait_until_gone(
    io: &mut Io,
    resource: Resource,
    namespace: &str,
    name: &str,
    uid: &str,
    deadline: Time,
) -> Flow<Result<bool, RequestError>> {
    let is_other = |object: &Value| !uid.is_empty() && object.uid() != uid;
    loop {
        match io.request(Request::get(resource, namespace.to_string(), name.to_string()))? {
            Err(error) if error.reason() == "NotFound" => return Ok(Ok(true)),
            Err(error) => return Ok(Err(error)),
            Ok(object) if is_other(&object) => return Ok(Ok(true)),
            Ok(_) => {}
        }
        let mut watch = ObjectWatch::open(io, resource, namespace, name);
        let gone = loop {
            match watch.next(io, Some(deadline))? {
                Change::Deleted(_) | Change::Missing => break Some(true),
                Change::Is(object) if is_other(&object) => break Some(true),
                Change::Is(_) => {}
                Change::Deadline => break Some(false),
                Change::Failed(_) => break None,
            }
        };
        match gone {
            Some(gone) => {
                watch.close(io);
                return Ok(Ok(gone));
            }
            // The stream broke: the informer begins anew.
            None => io.sleep(Duration::s(1))?,
        }
    }
}

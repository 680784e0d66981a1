//! `kubectl replace`, after `pkg/cmd/replace/replace.go`: GET for the resourceVersion, then PUT.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests::Manifest;
use super::options::{DRY_RUN, DryRun, FILES, PRINT, RECORD, SAVE_CONFIG, VALIDATE, field_manager, field_validation, flags};
use super::outcome::Outcome;
use super::{delete, last_applied, manifests};
use crate::core::{Duration, Request, Verb};
use crate::flow::{Flow, Io, RequestError};
use crate::value;
use crate::value::Value;

/// `kubectl replace`
pub(super) static COMMAND: Command = Command {
    name: "replace",
    usage: "replace -f FILENAME",
    short: "Replace a resource by file name or stdin",
    long: "The whole object is replaced by the one of the file; with --force it is deleted and created anew.",
    examples: &["# Replace a pod using the data in pod.json", "kubectl replace -f ./pod.json"],
    flags: flags!(FILES, PRINT, DRY_RUN, SAVE_CONFIG, VALIDATE, RECORD, OWN, &[field_manager("kubectl-replace")]),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("force", "If true, immediately remove resources from API and bypass graceful deletion."),
    Flag::int(
        "grace-period",
        "-1",
        "Period of time in seconds given to the resource to terminate gracefully. Only with --force.",
    ),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete, zero means a week."),
    Flag::refused("raw", FlagKind::Text, "raw requests are left out"),
    Flag::text("subresource", "", "If specified, replace will operate on the subresource of the requested object."),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let validation = field_validation(inv);
    let validation = inv.or_fail(io, validation)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if inv.int("grace-period") >= 0 && !inv.is("force") {
        return inv.fail(io, "--grace-period must have --force specified");
    }
    if inv.duration_us("timeout") != 0 && !inv.is("force") {
        return inv.fail(io, "--timeout must have --force specified");
    }
    if !manifests::given(inv) {
        return inv.fail(io, "must specify one of -f and -k");
    }
    if !inv.args.is_empty() {
        return inv.usage_error(io, &format!("Unexpected args: [{}]", inv.args.join(" ")));
    }
    let loaded = manifests::load(inv, validation != "Ignore");
    let loaded = inv.or_fail(io, loaded)?;
    let mut errors = loaded.errors;
    if loaded.manifests.is_empty() && errors.is_empty() {
        return inv.fail(io, "no objects passed to replace");
    }
    if inv.is("force") && dry_run == DryRun::None {
        for manifest in &loaded.manifests {
            remove(inv, io, manifest)?;
        }
    }
    for manifest in &loaded.manifests {
        let object = last_applied::created_or_updated(&manifest.object, inv.is("save-config"));
        let replaced = if dry_run == DryRun::Client {
            Ok(object)
        } else {
            let written = write(inv, io, manifest, object, dry_run, validation)?;
            let doing = if inv.is("force") { "creating" } else { "replacing" };
            written.map_err(|error| manifest.error(doing, error))
        };
        match replaced.and_then(|object| outcome.print(io, &object, "replaced")) {
            Ok(()) => {}
            Err(error) => errors.push(error),
        }
    }
    inv.finish(io, errors)
}

fn write(
    inv: &Invocation,
    io: &mut Io,
    manifest: &Manifest,
    mut object: Value,
    dry_run: DryRun,
    validation: &'static str,
) -> Flow<Result<Value, RequestError>> {
    let (namespace, name) = (manifest.namespace().to_string(), manifest.name().to_string());
    let (verb, name) = if inv.is("force") { (Verb::Create, String::new()) } else { (Verb::Update, name) };
    // Without a version in the file the one of the server is taken: the file wins.
    if verb == Verb::Update && object["metadata"]["resourceVersion"].str().is_empty() {
        let get = Request::get(manifest.resource, namespace.clone(), name.clone()).sub(inv.flag("subresource").to_string());
        if let Ok(current) = io.request(get)? {
            object["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"].clone();
        }
    }
    let request = Request::new(verb, manifest.resource, namespace, name)
        .sub(inv.flag("subresource").to_string())
        .param("fieldManager", inv.flag("field-manager").to_string())
        .param("fieldValidation", validation)
        .with_body(object);
    io.request(dry_run.on(request))
}

/// Deletes an object for `--force` and waits until it is gone. One that is not there is fine.
fn remove(inv: &Invocation, io: &mut Io, manifest: &Manifest) -> Flow<()> {
    let grace_s = match inv.int("grace-period") {
        given if given >= 0 => given,
        _ => 0,
    };
    let options = value!({"gracePeriodSeconds": grace_s, "propagationPolicy": "Background"});
    let (namespace, name) = (manifest.namespace().to_string(), manifest.name().to_string());
    let uid = match io.request(Request::delete(manifest.resource, namespace.clone(), name.clone()).with_body(options))? {
        Ok(answer) if answer.kind() == "Status" => answer["details"]["uid"].text(),
        Ok(answer) => answer["metadata"]["uid"].text(),
        Err(error) if error.reason() == "NotFound" => return Ok(()),
        Err(error) => return inv.fail(io, manifest.error("deleting", error)),
    };
    let kind = match manifest.resource.group {
        "" => manifest.resource.kind.to_lowercase(),
        group => format!("{}.{group}", manifest.resource.kind.to_lowercase()),
    };
    let operation = if grace_s == 0 { "force deleted" } else { "deleted" };
    let from = if namespace.is_empty() { String::new() } else { format!(" from {namespace} namespace") };
    io.print(&format!("{kind} {name:?} {operation}{from}\n"));
    let deadline = inv.deadline(io, "timeout").unwrap_or(io.now() + Duration::s(168 * 3600));
    match delete::wait_until_gone(io, manifest.resource, &namespace, &name, &uid, deadline)? {
        Ok(true) => Ok(()),
        Ok(false) => {
            inv.fail(io, Error::Text(format!("timed out waiting for the condition on {}/{name}", manifest.resource.plural)))
        }
        Err(error) => inv.fail(io, error),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::ApiError;
    use crate::core::Verb;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    #[test]
    fn a_replacement_takes_the_servers_version() {
        let env = Env { stdin: Some("apiVersion: v1\nkind: Pod\nmetadata: {name: ghost}\n".into()), ..Env::default() };
        let missing = testing::run("kubectl replace -f -", &env, |request| Err(ApiError::not_found("pods", &request.name)));
        assert_eq!(missing.err, "Error from server (NotFound): error when replacing \"STDIN\": pods \"ghost\" not found\n");
        let replaced = testing::run("kubectl replace -f -", &env, |request| {
            Ok(match request.verb {
                Verb::Get => value!({"metadata": {"resourceVersion": "7"}}),
                _ => {
                    assert_eq!(request.body["metadata"]["resourceVersion"].str(), "7");
                    request.body.clone()
                }
            })
        });
        assert_eq!(replaced.out, "pod/ghost replaced\n");
        assert_eq!(
            replaced.requests[1],
            "PUT /api/v1/namespaces/default/pods/ghost?fieldManager=kubectl-replace&fieldValidation=Strict"
        );
    }
}

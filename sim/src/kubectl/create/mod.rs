//! `kubectl create`: from files, and one generator for each of the kinds that it knows; after `pkg/cmd/create/`.

mod config;
mod policy;
mod rbac;
mod service;
mod simple;

pub(super) use policy::quantities;

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::options::{
    DRY_RUN, DryRun, FILES, PRINT, RECORD, SAVE_CONFIG, SELECTOR, VALIDATE, field_manager, field_validation, flags,
};
use super::outcome::Outcome;
use super::{help, last_applied};
use crate::api::Resource;
use crate::core::{Request, Verb};
use crate::flow::{Flow, Io};
use crate::value::Value;

/// `kubectl create`
pub(super) static COMMAND: Command = Command {
    name: "create",
    usage: "create -f FILENAME",
    short: "Create a resource from a file or from stdin",
    long: "JSON and YAML formats are accepted.",
    examples: &[
        "# Create a pod using the data in pod.yaml",
        "kubectl create -f ./pod.yaml",
        "# Create a pod based on the JSON passed into stdin",
        "cat pod.json | kubectl create -f -",
    ],
    flags: flags!(FILES, PRINT, DRY_RUN, SAVE_CONFIG, VALIDATE, SELECTOR, RECORD, OWN, &[field_manager("kubectl-create")]),
    commands: &[
        &rbac::CLUSTER_ROLE,
        &rbac::CLUSTER_ROLE_BINDING,
        &config::CONFIG_MAP,
        &simple::CRON_JOB,
        &simple::DEPLOYMENT,
        &Command::absent("ingress", "Create an ingress with the specified name"),
        &simple::JOB,
        &simple::NAMESPACE,
        &policy::BUDGET,
        &policy::PRIORITY_CLASS,
        &policy::QUOTA,
        &rbac::ROLE,
        &rbac::ROLE_BINDING,
        &config::SECRET,
        &service::COMMAND,
        &simple::SERVICE_ACCOUNT,
        &simple::TOKEN,
    ],
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::refused("edit", FlagKind::Bool, "there is no editor; change the file first"),
    Flag::refused("raw", FlagKind::Text, "raw requests are left out"),
    Flag::refused("windows-line-endings", FlagKind::Bool, "there is no editor"),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if !manifests::given(inv) {
        io.eprint("Error: must specify one of -f and -k\n\n");
        if !inv.args.is_empty() {
            return inv.usage_error(io, &format!("unknown command {:?}", inv.args.join(" ")));
        }
        io.eprint(&help::of(inv.command, &inv.path));
        return io.fail(1, "");
    }
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let validation = field_validation(inv);
    let validation = inv.or_fail(io, validation)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if !inv.args.is_empty() {
        return inv.usage_error(io, &format!("Unexpected args: [{}]", inv.args.join(" ")));
    }
    let loaded = manifests::load(inv, validation != "Ignore")
        .and_then(|mut loaded| manifests::select(&mut loaded, inv.flag("selector")).map(|()| loaded));
    let loaded = inv.or_fail(io, loaded)?;
    let mut errors = loaded.errors;
    if loaded.manifests.is_empty() && errors.is_empty() {
        return inv.fail(io, "no objects passed to create");
    }
    for manifest in loaded.manifests {
        let mut object = last_applied::created_or_updated(&manifest.object, inv.is("save-config"));
        if dry_run != DryRun::Client {
            let request = Request::new(Verb::Create, manifest.resource, manifest.namespace().to_string(), "")
                .param("fieldManager", inv.flag("field-manager").to_string())
                .param("fieldValidation", validation)
                .with_body(object);
            match io.request(dry_run.on(request))? {
                Ok(created) => object = created,
                Err(error) => {
                    errors.push(manifest.error("creating", error));
                    continue;
                }
            }
        }
        if let Err(error) = outcome.print(io, &object, "created") {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

/// The flags of every generator.
const GENERATOR: &[Flag] = flags!(PRINT, DRY_RUN, SAVE_CONFIG, VALIDATE, &[field_manager("kubectl-create")]);

/// The only NAME argument (`NameFromCommandArgs`).
fn name_of<'a>(inv: &'a Invocation, io: &mut Io) -> Flow<&'a str> {
    match inv.dash.unwrap_or(inv.args.len()) {
        1 => Ok(&inv.args[0]),
        count => inv.usage_error(io, &format!("exactly one NAME is required, got {count}")),
    }
}

/// How a generator's error is told.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// As the server's.
    Plain,
    /// `failed to create WHAT: …`
    Wrapped(&'static str),
}

/// Sends what a generator made and prints it.
fn create(inv: &Invocation, io: &mut Io, resource: Resource, mut object: Value, failure: Failure) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let validation = field_validation(inv);
    let validation = inv.or_fail(io, validation)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if resource.namespaced && inv.namespace_given() {
        object["metadata"].set("namespace", &inv.namespace);
    }
    let mut object = last_applied::created_or_updated(&object, inv.is("save-config"));
    if dry_run != DryRun::Client {
        let namespace = if resource.namespaced { inv.namespace.clone() } else { String::new() };
        let request = Request::new(Verb::Create, resource, namespace, "")
            .param("fieldManager", inv.flag("field-manager").to_string())
            .param("fieldValidation", validation)
            .with_body(object);
        object = match (io.request(dry_run.on(request))?, failure) {
            (Ok(created), _) => created,
            (Err(error), Failure::Wrapped(what)) if error.code() > 0 => {
                return inv.fail(io, Error::Text(format!("failed to create {what}: {error}")));
            }
            (Err(error), _) => return inv.fail(io, error),
        };
    }
    let printed = outcome.print(io, &object, "created");
    inv.or_fail(io, printed)
}

#[cfg(test)]
mod tests {
    use crate::kubectl::testing;
    use crate::shell::Env;

    /// What `--dry-run=client` prints, as YAML unless the line says otherwise.
    pub(super) fn dry(line: &str) -> String {
        let format = if line.contains(" -o ") { "" } else { " -o yaml" };
        let line = format!("{line} --dry-run=client{format}");
        let outcome = testing::run(&line, &Env::default(), |request| panic!("unexpected {}", request.path()));
        outcome.out + &outcome.err
    }

    /// What a line prints when the server takes everything, and its requests.
    pub(super) fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |request| Ok(request.body.clone()))
    }

    #[test]
    fn without_a_file_the_help_is_printed() {
        let outcome = run("kubectl create");
        assert!(
            outcome.err.starts_with("Error: must specify one of -f and -k\n\nCreate a resource from a file or from stdin.\n")
        );
        assert_eq!(outcome.code, Some(1));
        assert_eq!(
            run("kubectl create secret foo").err,
            "error: unknown command \"foo\"\nSee 'kubectl create secret -h' for help and examples\n"
        );
    }

    #[test]
    fn files_are_posted_one_by_one() {
        let text =
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n";
        let env = Env { stdin: Some(text.into()), ..Env::default() };
        let outcome = testing::run("kubectl create -f -", &env, |request| Ok(request.body.clone()));
        assert_eq!(outcome.out, "pod/a created\nnamespace/team created\n");
        assert_eq!(
            outcome.requests,
            [
                "POST /api/v1/namespaces/default/pods?fieldManager=kubectl-create&fieldValidation=Strict",
                "POST /api/v1/namespaces?fieldManager=kubectl-create&fieldValidation=Strict"
            ]
        );
    }
}

//! `kubectl apply`, client-side, after `pkg/cmd/apply/{apply,patcher}.go`: GET; then POST, or a three-way strategic merge PATCH between
//! what was applied last, what is to be applied, and what the server has.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests::Manifest;
use super::options::{DRY_RUN, DryRun, FILES, PRINT, RECORD, SELECTOR, VALIDATE, field_manager, field_validation, flags};
use super::outcome::Outcome;
use super::print::list_of;
use super::{last_applied, manifests};
use crate::api::patch::three_way_strategic;
use crate::core::{Duration, Request, Verb};
use crate::flow::{Flow, Io, RequestError};
use crate::value::Value;

/// `kubectl apply`
pub(super) static COMMAND: Command = Command {
    name: "apply",
    usage: "apply (-f FILENAME | -k DIRECTORY)",
    short: "Apply a configuration to a resource by file name or stdin",
    long: "The resource name must be specified. This resource will be created if it doesn't exist yet. What others have set stays; what was\n\
           in the configuration when it was applied last and is no more is removed.\n\
           JSON and YAML formats are accepted. --prune and --server-side are not modelled.",
    examples: &[
        "# Apply the configuration in pod.json to a pod",
        "kubectl apply -f ./pod.json",
        "# Apply the JSON passed into stdin to a pod",
        "cat pod.json | kubectl apply -f -",
    ],
    flags: flags!(FILES, PRINT, DRY_RUN, VALIDATE, SELECTOR, RECORD, OWN, &[field_manager("kubectl-client-side-apply")]),
    commands: &[
        &Command::absent("edit-last-applied", "Edit latest last-applied-configuration annotations of a resource/object"),
        &Command::absent(
            "set-last-applied",
            "Set the last-applied-configuration annotation on a live object to match the contents of a file",
        ),
        &Command::absent("view-last-applied", "View the latest last-applied-configuration annotations of a resource/object"),
    ],
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("all", "Select all resources in the namespace of the specified resource types."),
    Flag::text("cascade", "background", "Must be \"background\", \"orphan\", or \"foreground\". For --force.").bare("background"),
    Flag::bool(
        "force",
        "If true, immediately remove resources from API and bypass graceful deletion, when a change is impossible.",
    ),
    Flag::refused("force-conflicts", FlagKind::Bool, "server-side apply is left out"),
    Flag::int("grace-period", "-1", "Period of time in seconds given to the resource to terminate gracefully. For --force."),
    Flag::bool("openapi-patch", "If true, use openapi to calculate diff. The built-in types are used either way.").on(),
    Flag::bool("overwrite", "Automatically resolve conflicts by using values from the modified configuration").on(),
    Flag::bool("prune", "Automatically delete resource objects that do not appear in the configs. Not modelled."),
    Flag::refused("prune-allowlist", FlagKind::Array, "--prune is left out"),
    Flag::refused("server-side", FlagKind::Bool, "managed fields are left out; apply works on the client's side"),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete. For --force."),
    Flag::bool("wait", "If true, wait for resources to be gone before returning. For --force."),
];

/// How often a conflict is tried again.
const RETRIES: u32 = 5;

/// What a call does to every object.
struct Apply<'a> {
    inv: &'a Invocation<'a>,
    dry_run: DryRun,
    validation: &'static str,
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    if !manifests::given(inv) {
        return inv.fail(io, "must specify one of -f and -k");
    }
    if dry_run == DryRun::Server && inv.is("force") {
        return inv.fail(io, "--dry-run=server cannot be used with --force");
    }
    let validation = field_validation(inv);
    let validation = inv.or_fail(io, validation)?;
    if !inv.args.is_empty() {
        return inv.usage_error(io, &format!("Unexpected args: [{}]", inv.args.join(" ")));
    }
    let selector = inv.flag("selector");
    if inv.is("all") && !selector.is_empty() {
        return inv.fail(io, "cannot set --all and --selector at the same time");
    }
    if inv.is("prune") {
        return inv.fail(io, match (inv.is("all"), selector) {
            (false, "") => {
                "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If \
                 you did not mean to prune all resources, specify a label selector"
            }
            _ => "--prune is not modelled by kube-orrery",
        });
    }
    let loaded = manifests::load(inv, validation != "Ignore")
        .and_then(|mut loaded| manifests::select(&mut loaded, selector).map(|()| loaded));
    let loaded = inv.or_fail(io, loaded)?;
    let mut errors = loaded.errors;
    if loaded.manifests.is_empty() && errors.is_empty() {
        return inv.fail(io, "no objects passed to apply");
    }
    let apply = Apply { inv, dry_run, validation };
    let mut applied = Vec::new();
    for manifest in &loaded.manifests {
        match apply.one(io, manifest)? {
            Ok((object, operation)) => {
                if !outcome.shows_objects()
                    && let Err(error) = outcome.print(io, &object, operation)
                {
                    errors.push(error);
                }
                applied.push(object);
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return inv.finish(io, errors);
    }
    if outcome.shows_objects() {
        let object = if applied.len() == 1 { applied.remove(0) } else { list_of(applied) };
        let printed = outcome.print(io, &object, "");
        inv.or_fail(io, printed)?;
    }
    Ok(())
}

impl Apply<'_> {
    /// Applies one object: what became of it, and the word for that.
    fn one(&self, io: &mut Io, manifest: &Manifest) -> Flow<Result<(Value, &'static str), Error>> {
        let generated = manifest.object["metadata"]["generateName"].str();
        if manifest.name().is_empty() && !generated.is_empty() {
            return Ok(Err(Error::Text(format!("from {generated}: cannot use generate name with apply"))));
        }
        let getting = format!("retrieving current configuration of:\n{}\nfrom server for:", manifest.description());
        if manifest.name().is_empty() {
            return Ok(Err(manifest.own_error(&getting, "resource name may not be empty")));
        }
        let modified = last_applied::annotated(&manifest.object);
        match io.request(get(manifest))? {
            Err(error) if error.reason() == "NotFound" => Ok(match self.create(io, manifest, &modified)? {
                Ok(created) => Ok((created, "created")),
                Err(error) => Err(manifest.error("creating", error)),
            }),
            Err(error) => Ok(Err(manifest.error(&getting, error))),
            Ok(current) if self.dry_run == DryRun::Client => Ok(Ok((current, "configured"))),
            Ok(current) => self.change(io, manifest, &modified, current),
        }
    }

    fn create(&self, io: &mut Io, manifest: &Manifest, modified: &Value) -> Flow<Result<Value, RequestError>> {
        if self.dry_run == DryRun::Client {
            return Ok(Ok(modified.clone()));
        }
        let request = Request::new(Verb::Create, manifest.resource, manifest.namespace().to_string(), "");
        io.request(self.dry_run.on(self.managed(request).with_body(modified.clone())))
    }

    /// With the parameters that every write has.
    fn managed(&self, request: Request) -> Request {
        request.param("fieldManager", self.inv.flag("field-manager").to_string()).param("fieldValidation", self.validation)
    }

    fn change(
        &self,
        io: &mut Io,
        manifest: &Manifest,
        modified: &Value,
        mut current: Value,
    ) -> Flow<Result<(Value, &'static str), Error>> {
        if current.annotation(last_applied::KEY).is_none() {
            io.eprint(&format!(
                "Warning: resource {}/{} is missing the {} annotation which is required by kubectl apply. kubectl apply should only \
                 be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing \
                 annotation will be patched automatically.\n",
                manifest.resource.plural,
                manifest.name(),
                last_applied::KEY
            ));
        }
        let mut attempt = 0;
        loop {
            let patch = match self.patch(manifest, modified, &current) {
                Ok(patch) => patch,
                Err(error) => return Ok(Err(error)),
            };
            if patch == Value::map() {
                warn_if_deleting(io, &current);
                return Ok(Ok((current, "unchanged")));
            }
            let request =
                Request::patch(manifest.resource, manifest.namespace().to_string(), manifest.name().to_string(), patch.clone());
            let error = match io.request(self.dry_run.on(self.managed(request)))? {
                Ok(patched) => {
                    warn_if_deleting(io, &patched);
                    return Ok(Ok((patched, "configured")));
                }
                Err(error) => error,
            };
            let is_conflict = error.reason() == "Conflict";
            if is_conflict && attempt < RETRIES {
                attempt += 1;
                if attempt > 1 {
                    io.sleep(Duration::s(1))?;
                }
                match io.request(get(manifest))? {
                    Ok(fresh) => current = fresh,
                    Err(error) => return Ok(Err(error.into())),
                }
                continue;
            }
            let error = if self.inv.is("force") && (is_conflict || error.reason() == "Invalid") {
                match self.recreate(io, manifest, modified, &current)? {
                    Ok(created) => return Ok(Ok((created, "configured"))),
                    Err(error) => error,
                }
            } else {
                error
            };
            let doing = format!("applying patch:\n{}\nto:\n{}\nfor:", last_applied::encode(&patch), manifest.description());
            return Ok(Err(manifest.error(&doing, error)));
        }
    }

    fn patch(&self, manifest: &Manifest, modified: &Value, current: &Value) -> Result<Value, Error> {
        let original = last_applied::original(current).map_err(|error| {
            manifest.own_error(&format!("retrieving original configuration from:\n{}\nfor:", manifest.description()), &error)
        })?;
        three_way_strategic(&original, modified, current, manifest.resource).map_err(|error| {
            let states = [&original, modified, current].map(last_applied::encode);
            let doing = format!(
                "creating patch with:\noriginal:\n{}\nmodified:\n{}\ncurrent:\n{}\nfor:",
                states[0], states[1], states[2]
            );
            manifest.own_error(&doing, &error)
        })
    }

    /// `--force`: what cannot be changed is deleted and made anew.
    fn recreate(&self, io: &mut Io, manifest: &Manifest, modified: &Value, current: &Value) -> Flow<Result<Value, RequestError>> {
        let mut options = Value::map();
        if self.inv.int("grace-period") >= 0 {
            options.set("gracePeriodSeconds", self.inv.int("grace-period"));
        }
        options.set(
            "propagationPolicy",
            match self.inv.flag("cascade") {
                "foreground" => "Foreground",
                "orphan" => "Orphan",
                _ => "Background",
            },
        );
        let (namespace, name) = (manifest.namespace().to_string(), manifest.name().to_string());
        if let Err(error) = io.request(Request::delete(manifest.resource, namespace, name).with_body(options))? {
            return Ok(Err(error));
        }
        let deadline = self.inv.deadline(io, "timeout");
        loop {
            match io.request(get(manifest))? {
                Err(error) if error.reason() == "NotFound" => break,
                Err(error) => return Ok(Err(error)),
                Ok(_) if deadline.is_some_and(|deadline| io.now() >= deadline) => break,
                Ok(_) => io.sleep(Duration::s(1))?,
            }
        }
        let created = self.create(io, manifest, modified)?;
        if created.is_err() {
            // What was there is restored.
            let mut original = current.clone();
            original["metadata"].remove("resourceVersion");
            original["metadata"].remove("uid");
            let _ = self.create(io, manifest, &original)?;
        }
        Ok(created)
    }
}

fn get(manifest: &Manifest) -> Request {
    Request::get(manifest.resource, manifest.namespace().to_string(), manifest.name().to_string())
}

fn warn_if_deleting(io: &mut Io, object: &Value) {
    if object.is_terminating() {
        io.eprint(&format!("Warning: Detected changes to resource {} which is currently being deleted.\n", object.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiError;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: red}\n";

    fn run(line: &str, text: &'static str, stored: Option<Value>) -> testing::Outcome {
        let env = Env { stdin: Some(text.into()), ..Env::default() };
        testing::run(line, &env, |request| match request.verb {
            Verb::Get => stored.clone().ok_or_else(|| ApiError::not_found("configmaps", &request.name)),
            Verb::Create => Ok(request.body.clone()),
            _ => Ok(stored.clone().expect("only what is stored is patched")),
        })
    }

    fn stored(color: &'static str) -> Value {
        value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}, "data": {"color": color}})
    }

    #[test]
    fn what_is_missing_is_created() {
        let created = run("kubectl apply -f -", SETTINGS, None);
        assert_eq!(created.out, "configmap/settings created\n");
        assert_eq!(
            created.requests,
            [
                "GET /api/v1/namespaces/default/configmaps/settings",
                "POST /api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
            ]
        );
        assert_eq!(run("kubectl apply --dry-run=client -f -", SETTINGS, None).out, "configmap/settings created (dry run)\n");
    }

    #[test]
    fn what_is_as_applied_is_left_alone() {
        let applied = last_applied::annotated(&stored("red"));
        let again = run("kubectl apply -f -", SETTINGS, Some(applied.clone()));
        assert_eq!((again.out.as_str(), again.requests.len()), ("configmap/settings unchanged\n", 1));
        let server = run("kubectl apply --dry-run=server -f -", SETTINGS, Some(applied));
        assert_eq!(server.out, "configmap/settings unchanged (server dry run)\n");
    }

    #[test]
    fn what_was_never_applied_gets_the_annotation() {
        let patched = run("kubectl apply -f -", SETTINGS, Some(stored("blue")));
        assert_eq!(patched.out, "configmap/settings configured\n");
        assert!(
            patched.err.starts_with("Warning: resource configmaps/settings is missing the kubectl.kubernetes.io/last-applied")
        );
        assert_eq!(
            patched.requests[1],
            "PATCH /api/v1/namespaces/default/configmaps/settings?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
        );
    }

    #[test]
    fn misuse() {
        let empty = |line: &str| run(line, "# nothing\n", None).err;
        assert_eq!(empty("kubectl apply"), "error: must specify one of -f and -k\n");
        assert_eq!(empty("kubectl apply -f -"), "error: no objects passed to apply\n");
        assert!(empty("kubectl apply --prune -f -").starts_with("error: all resources selected for prune without explicitly"));
        assert_eq!(
            empty("kubectl apply -k x"),
            "error: --kustomize is not modelled: kustomizations are left out; apply their manifests by -f\n"
        );
        assert_eq!(
            run("kubectl apply -f -", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", None).err,
            "error: error when retrieving current configuration of:\nResource: \"/v1, Resource=pods\", GroupVersionKind: \"/v1, \
             Kind=Pod\"\nName: \"\", Namespace: \"default\"\nfrom server for: \"STDIN\": resource name may not be empty\n"
        );
    }
}

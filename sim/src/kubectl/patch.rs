//! `kubectl patch`, after `pkg/cmd/patch/patch.go`.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{DRY_RUN, DryRun, FILES, PRINT, RECORD, field_manager, flags};
use super::outcome::Outcome;
use super::resources::{Choice, Found};
use super::subjects;
use crate::api::{ApiError, decode, parse_documents, patch};
use crate::core::{PatchType, Request};
use crate::flow::{Flow, Io};
use crate::value::Value;

/// `kubectl patch`
pub(super) static COMMAND: Command = Command {
    name: "patch",
    usage: "patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    short: "Update fields of a resource",
    long: "A strategic merge patch merges lists by their items' keys, a merge patch replaces lists, a JSON patch is a list of operations.\n\
           JSON and YAML formats are accepted.",
    examples: &[
        "# Partially update a node using a strategic merge patch, specifying the patch as JSON",
        "kubectl patch node k8s-node-1 -p '{\"spec\":{\"unschedulable\":true}}'",
        "# Update a container's image using a JSON patch with positional arrays",
        "kubectl patch pod valid-pod --type='json' -p='[{\"op\": \"replace\", \"path\": \"/spec/containers/0/image\", \"value\":\"new image\"}]'",
    ],
    flags: flags!(PRINT, FILES, DRY_RUN, RECORD, OWN, &[field_manager("kubectl-patch")]),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("local", "If true, patch will operate on the content of the file, not the server-side resource."),
    Flag::text("patch", "", "The patch to be applied to the resource JSON file.").letter('p'),
    Flag::text("patch-file", "", "A file containing a patch to be applied to the resource."),
    Flag::text("subresource", "", "If specified, patch will operate on the subresource of the requested object."),
    Flag::text("type", "strategic", "The type of patch being provided; one of [json merge strategic]"),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    let given = given(inv);
    let (text, patch_type) = inv.or_fail(io, given)?;
    // What begins with a brace is sent as it is: broken JSON is the server's to refuse.
    let parsed = if text.trim_start().starts_with('{') {
        decode::parse_json(&text).map_err(|error| ApiError::bad_request(error.to_string()).message)
    } else {
        let parsed = parse_documents(&text).map_err(|error| {
            let error = error.to_string();
            let error = error.strip_prefix("error converting YAML to JSON: ").unwrap_or(&error);
            Error::Text(format!("unable to parse {text:?}: {error}"))
        });
        Ok(inv.or_fail(io, parsed)?.into_iter().next().unwrap_or_default())
    };
    let subjects = subjects::read(inv, io, &inv.args, Choice::default(), !inv.is("local"))?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    if found.is_empty() && errors.is_empty() {
        return inv.fail(io, "no objects passed to patch");
    }
    let body = match parsed {
        Ok(body) => body,
        Err(message) if errors.is_empty() => return io.fail(1, &format!("Error from server (BadRequest): {message}\n")),
        Err(_) => return inv.finish(io, errors),
    };
    for one in &found {
        let local = inv.is("local") || dry_run == DryRun::Client;
        let patched = if local {
            patch::apply(one.resource, &one.object, &body, patch_type).map_err(|error| Error::Text(error.message))
        } else {
            io.request(dry_run.on(request(inv, one, &body, patch_type)))?.map_err(Error::from)
        };
        let printed = patched.and_then(|patched| {
            let operation = if patched == one.object { "patched (no change)" } else { "patched" };
            outcome.print(io, &patched, operation)
        });
        if let Err(error) = printed {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

/// The patch's text and type.
fn given(inv: &Invocation) -> Result<(String, PatchType), Error> {
    let (text, path) = (inv.flag("patch"), inv.flag("patch-file"));
    if inv.is("local") && !inv.args.is_empty() {
        return Err("cannot specify --local and server resources".into());
    }
    if !text.is_empty() && !path.is_empty() {
        return Err("cannot specify --patch and --patch-file together".into());
    }
    let patch_type = match inv.flag("type").to_lowercase().as_str() {
        "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        _ => return Err(Error::Text(format!("--type must be one of [json merge strategic], not {:?}", inv.flag("type")))),
    };
    if text.is_empty() && path.is_empty() {
        return Err("must specify --patch or --patch-file containing the contents of the patch".into());
    }
    if path.is_empty() {
        return Ok((text.to_string(), patch_type));
    }
    let file = inv
        .env
        .file(path)
        .ok_or_else(|| Error::Text(format!("unable to read patch file: open {path}: no such file or directory")))?;
    Ok((file.to_string(), patch_type))
}

fn request(inv: &Invocation, one: &Found, body: &Value, patch_type: PatchType) -> Request {
    let namespace = if one.resource.namespaced { one.object.namespace().to_string() } else { String::new() };
    Request::patch(one.resource, namespace, one.object.name().to_string(), body.clone())
        .patch_type(patch_type)
        .sub(inv.flag("subresource").to_string())
        .param("fieldManager", inv.flag("field-manager").to_string())
}

#[cfg(test)]
mod tests {
    use crate::core::Verb;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    fn run(words: &[&str]) -> testing::Outcome {
        let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        testing::run_words(&words, &Env::default(), |request| {
            let image = if request.verb == Verb::Patch { "b" } else { "a" };
            Ok(
                value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "nginx", "namespace": "default"}, "spec": {"image": image}}),
            )
        })
    }

    #[test]
    fn requests_are_as_recorded() {
        let patched = run(&["kubectl", "patch", "pod", "nginx", "-p", "{\"spec\":{\"suspend\":true}}"]);
        assert_eq!(patched.out, "pod/nginx patched\n");
        assert_eq!(
            patched.requests,
            [
                "GET /api/v1/namespaces/default/pods/nginx",
                "PATCH /api/v1/namespaces/default/pods/nginx?fieldManager=kubectl-patch"
            ]
        );
    }

    #[test]
    fn misuse() {
        assert_eq!(
            run(&["kubectl", "patch", "pod", "nginx"]).err,
            "error: must specify --patch or --patch-file containing the contents of the patch\n"
        );
        assert_eq!(
            run(&["kubectl", "patch", "pod", "nginx", "-p", "{bad"]).err,
            "Error from server (BadRequest): invalid character 'b' looking for beginning of object key string\n"
        );
        assert_eq!(
            run(&["kubectl", "patch", "pod", "nginx", "-p", "{}", "--type=x"]).err,
            "error: --type must be one of [json merge strategic], not \"x\"\n"
        );
    }
}

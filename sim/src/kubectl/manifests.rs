//! The objects of `-f`: files, folders and stdin, after cli-runtime's `pkg/resource/{builder,visitor,mapper}.go`.

use super::error::Error;
use super::invocation::Invocation;
use crate::api::{LabelSelector, Resource, parse_documents};
use crate::flow::RequestError;
use crate::shell::env::normal_path;
use crate::value::{Text, Value};

/// An object that a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Where it comes from: a path, or `STDIN`.
    pub source: String,
    /// Its resource.
    pub resource: Resource,
    /// The object; its namespace is set when it lives in one.
    pub object: Value,
}

impl Manifest {
    /// Its name; "" when it has none.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Its namespace; "" for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        if self.resource.namespaced { self.object.namespace() } else { "" }
    }

    /// An error of the api-server with what was done before it: `error when creating "a.yaml": …` (`AddSourceToErr`).
    pub fn error(&self, doing: &str, error: RequestError) -> Error {
        Error::At(format!("error when {doing} {:?}", self.source), error)
    }

    /// kubectl's own error in the same form.
    pub fn own_error(&self, doing: &str, error: &str) -> Error {
        Error::Text(format!("error when {doing} {:?}: {error}", self.source))
    }

    /// The object's place in kubectl's long error texts (`Info.String`).
    pub fn description(&self) -> String {
        let group_version = format!("{}/{}", self.resource.group, self.resource.version);
        format!(
            "Resource: \"{group_version}, Resource={}\", GroupVersionKind: \"{group_version}, Kind={}\"\nName: {:?}, Namespace: {:?}",
            self.resource.plural,
            self.resource.kind,
            self.name(),
            self.namespace()
        )
    }
}

/// What the files of a command held.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The objects, in order.
    pub manifests: Vec<Manifest>,
    /// What was wrong with others; the command goes on with those above.
    pub errors: Vec<Error>,
}

/// Whether `-f` was given.
pub fn given(inv: &Invocation) -> bool {
    inv.list("filename").iter().any(|name| !name.is_empty())
}

/// Reads the objects of all `-f`. An error means that there is nothing to go on with.
/// `validate` is what the schema validation of `apply`, `create` and `replace` does before anything else.
pub fn load(inv: &Invocation, validate: bool) -> Result<Loaded, Error> {
    let mut sources: Vec<(String, Text)> = Vec::new();
    let mut errors = Vec::new();
    let mut stdin_used = false;
    for path in inv.list("filename").iter().filter(|path| !path.is_empty()) {
        if path == "-" {
            if std::mem::replace(&mut stdin_used, true) {
                errors.push("standard input cannot be used for multiple arguments".into());
            } else {
                sources.push(("STDIN".into(), inv.env.stdin.clone().unwrap_or_default()));
            }
        } else if path.starts_with("http://") || path.starts_with("https://") {
            errors.push(Error::Text(format!(
                "the URL {path:?} cannot be read: kube-orrery has no network; drop the file onto the page"
            )));
        } else if let Some(text) = inv.env.file(path) {
            sources.push((path.clone(), text.clone()));
        } else {
            match folder(inv, path) {
                Some(files) if files.is_empty() => {
                    errors
                        .push(Error::Text(format!("error reading [{path}]: recognized file extensions are [.json .yaml .yml]")));
                }
                Some(files) => sources.extend(files),
                None => errors.push(Error::Text(format!("the path {path:?} does not exist"))),
            }
        }
    }
    Error::aggregate(errors)?;
    let mut loaded = Loaded::default();
    let mut stream_errors = Vec::new();
    for (source, text) in sources {
        if let Err(error) = load_source(inv, &source, &text, validate, &mut loaded) {
            stream_errors.push(error);
        }
    }
    loaded.errors.extend(stream_errors);
    Ok(loaded)
}

/// Keeps the objects that `-l` chooses.
pub fn select(loaded: &mut Loaded, selector: &str) -> Result<(), Error> {
    if !selector.is_empty() {
        let selector = LabelSelector::parse(selector).map_err(|error| Error::Text(error.clone()))?;
        loaded.manifests.retain(|manifest| selector.matches_object(&manifest.object));
    }
    Ok(())
}

/// The manifests of a folder, also of those below it with `-R`; `None` when there is no such folder.
fn folder(inv: &Invocation, path: &str) -> Option<Vec<(String, Text)>> {
    let folder = normal_path(path);
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let below: Vec<(&str, &Text)> =
        inv.env.files.iter().filter_map(|(file, text)| Some((file.strip_prefix(&prefix)?, text))).collect();
    if below.is_empty() {
        return None;
    }
    let shown = path.trim_end_matches('/');
    let is_manifest = |file: &str| [".json", ".yaml", ".yml"].iter().any(|end| file.ends_with(end));
    let chosen = below.into_iter().filter(|(file, _)| is_manifest(file) && (inv.is("recursive") || !file.contains('/')));
    Some(
        chosen
            .map(|(file, text)| (if shown == "." { file.to_string() } else { format!("{shown}/{file}") }, text.clone()))
            .collect(),
    )
}

/// Reads one file. An error ends it; the objects before stay.
fn load_source(inv: &Invocation, source: &str, text: &str, validate: bool, loaded: &mut Loaded) -> Result<(), Error> {
    let documents = parse_documents(text).map_err(|error| Error::Text(format!("error parsing {source}: {error}")))?;
    for document in documents {
        if validate {
            check_kind(&document).map_err(|error| {
                Error::Text(format!(
                    "error validating {source:?}: error validating data: {error}; if you choose to ignore these errors, turn \
                     validation off with --validate=false"
                ))
            })?;
        }
        for object in flatten(document) {
            match manifest(inv, source, object) {
                Ok(manifest) => loaded.manifests.push(manifest),
                Err(error) => loaded.errors.push(error),
            }
        }
    }
    Ok(())
}

/// The items of a List, or the object itself.
fn flatten(document: Value) -> Vec<Value> {
    match &document["items"] {
        Value::List(items) if document.kind().ends_with("List") => items.iter().cloned().flat_map(flatten).collect(),
        _ => vec![document],
    }
}

fn manifest(inv: &Invocation, source: &str, mut object: Value) -> Result<Manifest, Error> {
    let undecodable = |why: String| Error::Text(format!("unable to decode {source:?}: {why}"));
    check_kind(&object).map_err(|_| undecodable(format!("Object 'Kind' is missing in '{}'", object.to_json())))?;
    check_metadata(&object["metadata"]).map_err(undecodable)?;
    let (api_version, kind) = (object["apiVersion"].str(), object.kind());
    let Some(resource) = Resource::of_kind(api_version, kind) else {
        let why = if left_out(api_version, kind) {
            format!("{kind} ({api_version}) is not modelled by kube-orrery")
        } else {
            format!("no matches for kind {kind:?} in version {api_version:?}\nensure CRDs are installed first")
        };
        return Err(Error::Text(format!(
            "resource mapping not found for name: {:?} namespace: {:?} from {source:?}: {why}",
            object.name(),
            object.namespace()
        )));
    };
    if resource.namespaced {
        let namespace = object.namespace();
        if namespace.is_empty() {
            object["metadata"].set("namespace", &inv.namespace);
        } else if inv.namespace_given() && namespace != inv.namespace {
            return Err(Error::Text(format!(
                "the namespace from the provided object {namespace:?} does not match the namespace {:?}. You must pass \
                 '--namespace={namespace}' to perform this operation.",
                inv.namespace
            )));
        }
    }
    Ok(Manifest { source: source.to_string(), resource, object })
}

/// Whether kind and apiVersion are there (`getObjectKind` of kubectl's `pkg/validation`).
fn check_kind(document: &Value) -> Result<(), String> {
    let Value::Map(_) = document else {
        let kind = if matches!(document, Value::List(_)) { "[]interface {}" } else { json_kind(document) };
        return Err(format!("unknown object type {kind:?} in object"));
    };
    let mut wrong = Vec::new();
    for field in ["apiVersion", "kind"] {
        match &document[field] {
            Value::Str(text) if !text.is_empty() => {}
            Value::Null | Value::Str(_) => wrong.push(format!("{field} not set")),
            _ => wrong.push(format!("{field} isn't string type")),
        }
    }
    match wrong.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

/// Whether the metadata have the types of ObjectMeta (`metadata_decoder.go`); the error is encoding/json's.
fn check_metadata(metadata: &Value) -> Result<(), String> {
    let wrong = |value: &Value, place: &str, wanted: &str| {
        Err(format!("json: cannot unmarshal {} into Go struct field {place} of type {wanted}", json_kind(value)))
    };
    if !matches!(metadata, Value::Map(_) | Value::Null) {
        return wrong(metadata, "metadataOnlyObject.metadata", "v1.ObjectMeta");
    }
    for (field, value) in metadata.entries().iter().filter(|(_, value)| !value.is_null()) {
        let place = format!("ObjectMeta.metadata.{field}");
        match &**field {
            "name" | "generateName" | "namespace" | "selfLink" | "resourceVersion" if value.as_str().is_none() => {
                return wrong(value, &place, "string");
            }
            "uid" if value.as_str().is_none() => return wrong(value, &place, "types.UID"),
            "generation" | "deletionGracePeriodSeconds" if value.as_int().is_none() => return wrong(value, &place, "int64"),
            "labels" | "annotations" => match value {
                Value::Map(map) => {
                    if let Some((_, value)) =
                        map.entries().iter().find(|(_, value)| !matches!(value, Value::Str(_) | Value::Null))
                    {
                        return wrong(value, &place, "string");
                    }
                }
                _ => return wrong(value, &place, "map[string]string"),
            },
            "finalizers" => match value {
                Value::List(items) => {
                    if let Some(value) = items.iter().find(|value| value.as_str().is_none()) {
                        return wrong(value, &place, "string");
                    }
                }
                _ => return wrong(value, &place, "[]string"),
            },
            "ownerReferences" if !matches!(value, Value::List(_)) => return wrong(value, &place, "[]v1.OwnerReference"),
            "managedFields" if !matches!(value, Value::List(_)) => return wrong(value, &place, "[]v1.ManagedFieldsEntry"),
            _ => {}
        }
    }
    Ok(())
}

/// What encoding/json calls a value in its errors.
fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Float(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}

/// Whether Kubernetes v1.36 has this kind although the simulation does not.
fn left_out(api_version: &str, kind: &str) -> bool {
    const KINDS: &[(&str, &[&str])] = &[
        ("v1", &["ReplicationController", "PodTemplate", "ComponentStatus", "Binding"]),
        ("apps/v1", &["StatefulSet"]),
        ("batch/v1", &["Job", "CronJob"]),
        ("autoscaling/v1", &["HorizontalPodAutoscaler"]),
        ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
        ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
        ("storage.k8s.io/v1", &["VolumeAttachment", "CSIStorageCapacity", "VolumeAttributesClass"]),
        ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
        ("apiregistration.k8s.io/v1", &["APIService"]),
        ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
        ("flowcontrol.apiserver.k8s.io/v1", &["FlowSchema", "PriorityLevelConfiguration"]),
        (
            "admissionregistration.k8s.io/v1",
            &[
                "MutatingWebhookConfiguration",
                "ValidatingWebhookConfiguration",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
                "MutatingAdmissionPolicy",
                "MutatingAdmissionPolicyBinding",
            ],
        ),
        ("resource.k8s.io/v1", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"]),
    ];
    KINDS.iter().any(|(version, kinds)| *version == api_version && kinds.contains(&kind))
}

/// Files and resource arguments cannot be given together.
pub fn check_arguments(inv: &Invocation) -> Result<(), Error> {
    if given(inv) && !inv.args.is_empty() {
        return Err("when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;

    /// What `kubectl delete --dry-run=client -f -` makes of a text: it reads manifests and asks nobody.
    fn read(text: &'static str) -> String {
        let env = Env { stdin: Some(text.into()), ..Env::default() };
        let outcome =
            testing::run("kubectl delete --dry-run=client -f -", &env, |request| panic!("unexpected {}", request.path()));
        outcome.out + &outcome.err
    }

    #[test]
    fn lists_are_flattened_and_several_documents_read() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n\
                    {apiVersion: v1, kind: Namespace, metadata: {name: team}}\n";
        assert_eq!(read(text), "pod \"a\" deleted from default namespace (dry run)\nnamespace \"team\" deleted (dry run)\n");
    }

    #[test]
    fn errors_name_the_source() {
        assert_eq!(
            read("apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n"),
            "error: resource mapping not found for name: \"x\" namespace: \"\" from \"STDIN\": no matches for kind \"Foo\" in \
             version \"v1\"\nensure CRDs are installed first\n"
        );
        assert_eq!(
            read("apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {v: 1}}\n"),
            "error: unable to decode \"STDIN\": json: cannot unmarshal number into Go struct field \
             ObjectMeta.metadata.labels of type string\n"
        );
        assert!(read("apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\n").contains("Job (batch/v1) is not modelled"));
    }

    #[test]
    fn folders_and_missing_paths() {
        let pod = |name: &str| Text::from(format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n"));
        let files = [("m/b.yaml", pod("b")), ("m/a.yml", pod("a")), ("m/n/c.json", pod("c")), ("m/x.txt", pod("x"))];
        let env = Env { files: files.into_iter().map(|(path, text)| (path.to_string(), text)).collect(), ..Env::default() };
        let run = |line: &str| {
            let outcome = testing::run(line, &env, |request| panic!("unexpected {}", request.path()));
            outcome.out + &outcome.err
        };
        assert_eq!(run("kubectl delete --dry-run=client -o name -f m"), "pod/a\npod/b\n");
        assert_eq!(run("kubectl delete --dry-run=client -o name -R -f ./m/"), "pod/a\npod/b\npod/c\n");
        assert_eq!(run("kubectl delete -f nope.yaml"), "error: the path \"nope.yaml\" does not exist\n");
        assert!(run("kubectl delete -f https://a.example/x.yaml").contains("kube-orrery has no network"));
        assert_eq!(
            run("kubectl delete pod a -f m"),
            "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well\n"
        );
    }
}

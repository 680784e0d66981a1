//! Which objects a command means: `pod/x`, `deploy,rs`, `TYPE NAME…`, `all`, `-l`, `-A`; after cli-runtime's `pkg/resource/builder.go`.
//! The REST mapping comes from the built-in list of resources: discovery requests are left out.

use super::error::Error;
use super::invocation::Invocation;
use super::manifests::{self, Manifest};
use crate::api::Resource;
use crate::core::Request;
use crate::flow::{Flow, Io, RequestError};
use crate::value::Value;

/// Objects that a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One object.
    One {
        /// Its resource.
        resource: Resource,
        /// Its namespace; "" for cluster-scoped ones.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All objects of a resource that the selectors choose.
    Many {
        /// The resource.
        resource: Resource,
        /// The namespace; "" for all.
        namespace: String,
        /// Label selector; "" for all.
        labels: String,
        /// Field selector; "" for all.
        fields: String,
    },
}

impl Target {
    /// The resource.
    pub fn resource(&self) -> Resource {
        match self {
            Self::One { resource, .. } | Self::Many { resource, .. } => *resource,
        }
    }

    /// What went wrong when it was read; for a list with what it was asked for (cli-runtime's `EnhanceListError`).
    pub fn error(&self, error: RequestError) -> Error {
        match self {
            Self::Many { resource, labels, fields, .. } if matches!(error.reason(), "BadRequest" | "NotFound") => {
                let subject = format!("{}/{}, Resource={}", resource.group, resource.version, resource.plural);
                Error::At(
                    if labels.is_empty() && fields.is_empty() {
                        format!("Unable to list {subject:?}")
                    } else {
                        format!("Unable to find {subject:?} that match label selector {labels:?}, field selector {fields:?}")
                    },
                    error,
                )
            }
            _ => error.into(),
        }
    }

    /// The request that reads it: GET of one, or LIST with kubectl's chunk size.
    pub fn request(&self) -> Request {
        match self {
            Self::One { resource, namespace, name } => Request::get(*resource, namespace, name),
            Self::Many { resource, namespace, labels, fields } => {
                let mut request = Request::list(*resource, namespace);
                if !fields.is_empty() {
                    request = request.param("fieldSelector", fields);
                }
                if !labels.is_empty() {
                    request = request.param("labelSelector", labels);
                }
                request.param("limit", "500")
            }
        }
    }
}

/// What chooses objects beside the arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// `-l`, if the command takes it.
    pub labels: Option<&'a str>,
    /// `--field-selector`, if the command takes it.
    pub fields: Option<&'a str>,
    /// `--all`.
    pub all: bool,
    /// Whether `TYPE` alone means all of it, as for `get`.
    pub type_alone: bool,
    /// `-A`.
    pub all_namespaces: bool,
}

/// The objects that `args` and `choice` mean, in their order.
pub fn select(inv: &Invocation, args: &[String], choice: Choice) -> Result<Vec<Target>, Error> {
    let args = join_spaced_lists(args);
    let slashes = args.iter().filter(|arg| arg.contains('/')).count();
    if slashes > 0 && slashes < args.len() {
        let base: Vec<&str> = inv.path.split(' ').take(2).collect();
        let base = base.join(" ");
        return Err(Error::Text(format!(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
             (e.g. '{base} resource/<resource_name>' instead of '{base} resource resource/<resource_name>'"
        )));
    }
    let mut labels = choice.labels.filter(|labels| !labels.is_empty());
    let fields = choice.fields.filter(|fields| !fields.is_empty());
    if slashes == 0 && args.len() == 1 && choice.type_alone || choice.all {
        labels = labels.or(Some(""));
    }
    let by_selector = labels.is_some() || fields.is_some();
    if slashes > 0 {
        let mut tuples = Vec::new();
        for arg in &args {
            tuples.push(split_tuple(arg)?);
        }
        if by_selector {
            return Err("selectors and the all flag cannot be used when passing resource/name arguments".into());
        }
        return tuples.into_iter().map(|(kind, name)| one(inv, find(kind)?, name, choice)).collect();
    }
    let Some((types, names)) = args.split_first() else {
        return Err(if by_selector {
            "at least one resource must be specified to use a selector".into()
        } else {
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   \
             '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
                .into()
        });
    };
    if by_selector && !names.is_empty() {
        return Err("name cannot be provided when a selector is specified".into());
    }
    let resources = find_list(types)?;
    if by_selector {
        let target = |resource: Resource| Target::Many {
            resource,
            namespace: if resource.namespaced && !choice.all_namespaces { inv.namespace.clone() } else { String::new() },
            labels: labels.unwrap_or("").to_string(),
            fields: fields.unwrap_or("").to_string(),
        };
        return Ok(resources.into_iter().map(target).collect());
    }
    match (resources.as_slice(), names) {
        (_, []) => Err("resource(s) were provided, but no name was specified".into()),
        ([resource], names) => names.iter().map(|name| one(inv, *resource, name, choice)).collect(),
        _ => Err("you must specify only one resource".into()),
    }
}

/// The objects of `-f`, or those that the arguments and `choice` mean; and what was wrong with some of the files.
pub fn targets(inv: &Invocation, choice: Choice) -> Result<(Vec<Target>, Vec<Error>), Error> {
    manifests::check_arguments(inv)?;
    if !manifests::given(inv) {
        return Ok((select(inv, &inv.args, choice)?, Vec::new()));
    }
    let mut loaded = manifests::load(inv, false)?;
    manifests::select(&mut loaded, choice.labels.unwrap_or_default())?;
    let target = |manifest: &Manifest| Target::One {
        resource: manifest.resource,
        namespace: manifest.namespace().to_string(),
        name: manifest.name().to_string(),
    };
    Ok((loaded.manifests.iter().map(target).collect(), loaded.errors))
}

fn one(inv: &Invocation, resource: Resource, name: &str, choice: Choice) -> Result<Target, Error> {
    if resource.namespaced && choice.all_namespaces {
        return Err("a resource cannot be retrieved by name across all namespaces".into());
    }
    let namespace = if resource.namespaced { inv.namespace.clone() } else { String::new() };
    Ok(Target::One { resource, namespace, name: name.to_string() })
}

/// `pods, services` is one list, though the shell made two words of it.
fn join_spaced_lists(args: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for arg in args {
        match out.last_mut() {
            Some(last) if last.ends_with(',') || arg.starts_with(',') => last.push_str(arg),
            _ => out.push(arg.clone()),
        }
    }
    out
}

fn split_tuple(arg: &str) -> Result<(&str, &str), Error> {
    match arg.split('/').collect::<Vec<_>>().as_slice() {
        [kind, name] if !kind.is_empty() && !name.is_empty() && !kind.contains(',') => Ok((kind, name)),
        [_, _] => Err("arguments in resource/name form must have a single resource and name".into()),
        _ => Err("arguments in resource/name form may not have more than one slash".into()),
    }
}

/// The resources of a list such as `deploy,rs` or `all`, each once.
pub fn find_list(types: &str) -> Result<Vec<Resource>, Error> {
    let mut resources: Vec<Resource> = Vec::new();
    for name in types.split(',') {
        let found = if name == "all" { category_all() } else { vec![find(name)?] };
        for resource in found {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
    }
    Ok(resources)
}

/// The resource of a name as users write it: plural, singular, short name or kind, with or without `.GROUP` or `.VERSION.GROUP`.
pub fn find(name: &str) -> Result<Resource, Error> {
    let lower = name.to_lowercase();
    let (plain, group) = lower.split_once('.').unwrap_or((lower.as_str(), ""));
    let matches_group = |resource: &Resource| {
        group.is_empty()
            || resource.group.starts_with(group)
            || group.split_once('.').is_some_and(|(version, group)| version == resource.version && group == resource.group)
            || resource.group.is_empty() && group == format!("{}.", resource.version)
    };
    let named =
        |resource: &Resource| resource.plural == plain || resource.singular == plain || resource.short_names.contains(&plain);
    Resource::all()
        .find(|resource| named(resource) && matches_group(resource))
        .ok_or_else(|| Error::NoResource(name.split('.').next().unwrap_or_default().to_string()))
}

/// The category `all`, in the order in which kubectl finds it.
fn category_all() -> Vec<Resource> {
    const ALL: [(&str, &str); 10] = [
        ("", "pods"),
        ("", "replicationcontrollers"),
        ("", "services"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
    ];
    ALL.iter().filter_map(|(group, plural)| Resource::find(group, plural)).collect()
}

/// A resource of Kubernetes that the simulation leaves out, for a hint behind "the server doesn't have a resource type".
pub fn unmodelled(name: &str) -> Option<&'static str> {
    const LEFT_OUT: &[(&str, &[&str])] = &[
        ("StatefulSet", &["statefulsets", "statefulset", "sts"]),
        ("Job", &["jobs", "job"]),
        ("CronJob", &["cronjobs", "cronjob", "cj"]),
        ("HorizontalPodAutoscaler", &["horizontalpodautoscalers", "horizontalpodautoscaler", "hpa"]),
        ("Ingress", &["ingresses", "ingress", "ing"]),
        ("IngressClass", &["ingressclasses", "ingressclass"]),
        ("NetworkPolicy", &["networkpolicies", "networkpolicy", "netpol"]),
        ("ReplicationController", &["replicationcontrollers", "replicationcontroller", "rc"]),
        ("CustomResourceDefinition", &["customresourcedefinitions", "customresourcedefinition", "crd", "crds"]),
        ("CertificateSigningRequest", &["certificatesigningrequests", "certificatesigningrequest", "csr"]),
        ("ComponentStatus", &["componentstatuses", "componentstatus", "cs"]),
        ("APIService", &["apiservices", "apiservice"]),
        ("PodTemplate", &["podtemplates", "podtemplate"]),
        ("VolumeAttachment", &["volumeattachments", "volumeattachment"]),
    ];
    let lower = name.to_lowercase();
    LEFT_OUT.iter().find(|(_, names)| names.contains(&lower.as_str())).map(|(kind, _)| *kind)
}

/// An object that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its resource.
    pub resource: Resource,
    /// The object, with kind and apiVersion also when it came in a list.
    pub object: Value,
}

impl Found {
    /// `deployment.apps/web`, as kubectl names objects.
    pub fn full_name(&self) -> String {
        full_name(self.resource, self.object.name())
    }
}

/// `deployment.apps/web`, as kubectl names objects.
pub fn full_name(resource: Resource, name: &str) -> String {
    if resource.group.is_empty() {
        format!("{}/{name}", resource.singular)
    } else {
        format!("{}.{}/{name}", resource.singular, resource.group)
    }
}

/// Reads all targets one after the other. An error does not stop it (kubectl's `ContinueOnError`); errors come second.
pub fn fetch(io: &mut Io, targets: &[Target]) -> Flow<(Vec<Found>, Vec<Error>)> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for target in targets {
        match io.request(target.request())? {
            Ok(body) => found.extend(objects(target, body)),
            Err(error) => errors.push(target.error(error)),
        }
    }
    Ok((found, errors))
}

/// The object of a GET, or the items of a LIST with the kind and apiVersion that items in lists leave out.
pub fn objects(target: &Target, body: Value) -> Vec<Found> {
    let resource = target.resource();
    match target {
        Target::One { .. } => vec![Found { resource, object: body }],
        Target::Many { .. } => body["items"]
            .items()
            .iter()
            .map(|item| {
                let mut object = item.clone();
                if object.kind().is_empty() {
                    object.set("kind", resource.kind);
                    object.set("apiVersion", resource.api_version());
                }
                Found { resource, object }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{DEPLOYMENTS, EVENTS, NODES, PODS};

    #[test]
    fn names_of_resources() {
        for name in ["po", "pod", "pods", "Pod", "pods.v1."] {
            assert_eq!(find(name), Ok(PODS), "{name}");
        }
        for name in ["deploy", "deployments.apps", "deployment.v1.apps", "Deployments.v1.apps"] {
            assert_eq!(find(name), Ok(DEPLOYMENTS), "{name}");
        }
        assert_eq!(find("ev"), Ok(EVENTS));
        assert_eq!(find("no"), Ok(NODES));
        assert_eq!(find("pods.apps"), Err(Error::NoResource("pods".into())));
        assert_eq!(find_list("pod,po,pods"), Ok(vec![PODS]));
        assert_eq!(find_list("pod,depoyments"), Err(Error::NoResource("depoyments".into())));
    }
}

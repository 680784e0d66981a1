//! What would the scheduler do with these pods on that cluster? Files in, answers out: `orrery schedule`, in the page's terminal, too.
//!
//! Pods are scheduled in their order, each on what the former left: a pod that found a node is on it; where room was made, the victims
//! are gone and the pod has come, as it would be a little later.

use std::rc::Rc;

use super::algorithm::Algorithm;
use super::config::Configuration;
use super::framework::{Cycle, Permission, Point};
use super::load::{LoadError, Loader, is_of_use, resource_of};
use super::pod_info::PodInfo;
use super::profile::Profile;
use super::snapshot::Snapshot;
use crate::api::quantity::Quantity;
use crate::api::schema;
use crate::api::validation::validate_create;
use crate::api::{Document, Place, documents, locate, names};
use crate::core::{Rng, Time};
use crate::value;
use crate::value::{Text, Value};

/// A text and the name by which errors call it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file's name.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What the condition PodScheduled of a gated pod says; the api-server writes it.
const GATED: &str = "Scheduling is blocked due to non-empty scheduling gates";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Files with the cluster's objects.
    pub cluster: Vec<Source<'a>>,
    /// A KubeSchedulerConfiguration.
    pub config: Option<Source<'a>>,
    /// The pods, and objects that come with them.
    pub pods: Source<'a>,
    /// Breaks ties.
    pub seed: u64,
}

/// What is wrong with a file. Displays as `FILE:LINE:COLUMN: what`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", match place { Some(place) => format!("{file}:{}:{}", place.line, place.column), None => file.clone() })]
pub struct FileError {
    /// The file.
    pub file: String,
    /// Where in it.
    pub place: Option<Place>,
    /// What.
    pub message: String,
}

/// What would become of the pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// One for each pod, in their order, in the form of [`Decision::to_value`](super::Decision::to_value), with `note` where the scheduler leaves a pod alone.
    pub pods: Vec<Value>,
    /// What was found strange in the files, and is no reason not to answer.
    pub warnings: Vec<FileError>,
}

/// Answers a question.
pub fn what_if(question: &Question<'_>) -> Result<Answers, FileError> {
    let mut reader = Reader { loader: Loader::new(), seed: Rng::new(question.seed, "names"), warnings: Vec::new() };
    for source in &question.cluster {
        reader.cluster(*source)?;
    }
    let profiles = profiles(question.config)?;
    let pods = reader.pods(question.pods)?;
    let Reader { loader, warnings, .. } = reader;
    let infos: Result<Vec<Rc<PodInfo>>, FileError> =
        pods.iter().map(|(pod, file)| loader.pod(pod).map_err(|error| file.refuse("spec.priorityClassName", &error))).collect();
    let infos = infos?;
    let (mut snapshot, _) = loader.finish().map_err(|error| FileError {
        file: names_of(&question.cluster),
        place: None,
        message: error.to_string(),
    })?;
    for (at, (info, (_, origin))) in infos.iter().zip(&pods).enumerate() {
        let bound = snapshot.nodes().iter().any(|node| node.pods.iter().any(|pod| pod.info.key == info.key));
        if bound || infos[..at].iter().any(|other| other.key == info.key) {
            return Err(origin.at("metadata.name", format!("pods {:?} already exists", &*info.name)));
        }
    }
    let mut algorithm = Algorithm::new(question.seed);
    let answers = infos.iter().map(|pod| answer(&mut algorithm, &mut snapshot, pod, &profiles)).collect();
    Ok(Answers { pods: answers, warnings })
}

fn names_of(sources: &[Source<'_>]) -> String {
    sources.iter().map(|source| source.name).collect::<Vec<_>>().join(", ")
}

fn profiles(config: Option<Source<'_>>) -> Result<Vec<Profile>, FileError> {
    let Some(source) = config else { return Ok(vec![Profile::default()]) };
    let documents = read(source)?;
    let [document] = documents.as_slice() else {
        let message = format!("a KubeSchedulerConfiguration is one document; this has {}", documents.len());
        return Err(FileError { file: source.name.into(), place: None, message });
    };
    let config = Configuration::of(&document.value).map_err(|error| FileError {
        file: source.name.into(),
        place: Some(locate(document, error.field())),
        message: error.to_string(),
    })?;
    Ok(config.profiles)
}

fn read(source: Source<'_>) -> Result<Vec<Document<'_>>, FileError> {
    documents(source.text).map_err(|error| {
        let place = Place::of_error(&error, source.text);
        let message = error.to_string();
        // The place says which line it is.
        let message = message.strip_prefix("error converting YAML to JSON: ").unwrap_or(&message);
        let words = message.strip_prefix("yaml: ").unwrap_or(message);
        let words = words.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(words, |(_, words)| words);
        FileError { file: source.name.into(), place, message: words.to_string() }
    })
}

/// An object's place: its file, its document and its path in there.
#[derive(Clone, Debug)]
struct Origin<'a> {
    file: &'a str,
    document: Rc<Document<'a>>,
    path: String,
}

impl Origin<'_> {
    fn at(&self, field: &str, message: String) -> FileError {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        let place = locate(&self.document, &format!("{}{dot}{field}", self.path));
        FileError { file: self.file.into(), place: Some(place), message }
    }

    fn refuse(&self, field: &str, error: &LoadError) -> FileError {
        self.at(field, error.to_string())
    }
}

struct Reader {
    loader: Loader,
    seed: Rng,
    warnings: Vec<FileError>,
}

impl Reader {
    /// The objects of a file with their places; lists are taken apart.
    fn objects(source: Source<'_>) -> Result<Vec<(Value, Origin<'_>)>, FileError> {
        let mut objects = Vec::new();
        for document in read(source)? {
            let document = Rc::new(document);
            let origin = |path: String| Origin { file: source.name, document: Rc::clone(&document), path };
            let value = &document.value;
            if !matches!(value, Value::Map(_)) {
                return Err(origin(String::new()).at("", "an object is expected here, with apiVersion, kind and metadata".into()));
            }
            if !value.kind().ends_with("List") {
                objects.push((value.clone(), origin(String::new())));
                continue;
            }
            for (at, item) in value["items"].items().iter().enumerate() {
                let mut item = item.clone();
                // The items of a typed list leave their kind out.
                if item.kind().is_empty() && value.kind() != "List" {
                    item["kind"] = value.kind().trim_end_matches("List").to_string().into();
                }
                objects.push((item, origin(format!("items[{at}]"))));
            }
        }
        Ok(objects)
    }

    fn cluster(&mut self, source: Source<'_>) -> Result<(), FileError> {
        let mut useless: Vec<(String, usize, FileError)> = Vec::new();
        for (object, origin) in Self::objects(source)? {
            if !object.kind().is_empty() && !is_of_use(object.kind()) {
                let words = |count: usize| format!("{count} of kind {}: the scheduler does not look at these", object.kind());
                match useless.iter_mut().find(|(kind, _, _)| kind == object.kind()) {
                    Some((_, count, warning)) => {
                        *count += 1;
                        warning.message = words(*count);
                    }
                    None => useless.push((object.kind().to_string(), 1, origin.at("kind", words(1)))),
                }
                continue;
            }
            self.add(object, &origin)?;
        }
        self.warnings.extend(useless.into_iter().map(|(_, _, warning)| warning));
        Ok(())
    }

    /// The pods of a file; other objects in it become part of the cluster.
    fn pods<'a>(&mut self, source: Source<'a>) -> Result<Vec<(Value, Origin<'a>)>, FileError> {
        let mut pods = Vec::new();
        for (mut object, origin) in Self::objects(source)? {
            if object.kind() != "Pod" {
                self.add(object, &origin)?;
                continue;
            }
            let base = object["metadata"]["generateName"].str().to_string();
            if object.name().is_empty() && !base.is_empty() {
                object["metadata"]["name"] = names::generate_name(&base, &mut self.seed).into();
            }
            let object = self.decode(object, &origin, true)?;
            let mut whole = object.clone();
            if whole.namespace().is_empty() {
                whole["metadata"]["namespace"] = "default".into();
            }
            if let Some(resource) = resource_of("Pod") {
                crate::api::apply_defaults(resource, &mut whole);
                if let Some(error) = validate_create(resource, &whole).into_iter().next() {
                    let message = format!("Pod {:?} is invalid: {}: {}", whole.name(), error.field, error.detail);
                    return Err(origin.at(&error.field, message));
                }
            }
            pods.push((object, origin));
        }
        if pods.is_empty() {
            return Err(FileError { file: source.name.into(), place: None, message: "there is no Pod in it".into() });
        }
        Ok(pods)
    }

    fn add(&mut self, object: Value, origin: &Origin<'_>) -> Result<(), FileError> {
        let object = self.decode(object, origin, false)?;
        self.loader.add(&object).map_err(|error| origin.refuse(if object.kind().is_empty() { "" } else { "kind" }, &error))
    }

    /// Reads the object's fields with their types. Unknown fields are dropped; of those of pods to be scheduled the user is warned, as they
    /// may be misspelt, but a real cluster's objects have fields that are unknown here by the thousand.
    fn decode(&mut self, mut object: Value, origin: &Origin<'_>, warn: bool) -> Result<Value, FileError> {
        if !matches!(object, Value::Map(_)) || object.kind().is_empty() {
            return Err(origin.at("", "Object 'Kind' is missing".into()));
        }
        let Some(resource) = resource_of(object.kind()) else { return Ok(object) };
        let (have, want) = (object["apiVersion"].str(), resource.api_version());
        if !have.is_empty() && have != want {
            let message = format!("no matches for kind {:?} in version {have:?}: it is {want:?}", object.kind());
            return Err(origin.at("apiVersion", message));
        }
        match schema::decode(resource, &mut object, &Value::Null, "Warn") {
            Ok(warnings) => {
                for warning in warnings.into_iter().filter(|_| warn) {
                    let path = warning.split('"').nth(1).unwrap_or_default().to_string();
                    self.warnings.push(origin.at(&path, warning));
                }
                Ok(object)
            }
            Err(error) => {
                let place = misplaced(&object, &error.message);
                Err(origin.at(&place, error.message))
            }
        }
    }
}

/// The field that Go's decoder complains about: it names the path without the positions in lists, so the first field is taken that
/// lies there and is of the wrong kind.
fn misplaced(object: &Value, message: &str) -> String {
    if message.contains("quantit") {
        return no_quantity(object, String::new()).unwrap_or_default();
    }
    let rest = message.split("Go struct field ").nth(1).unwrap_or_default();
    let names: Vec<&str> = rest.split(' ').next().unwrap_or_default().split('.').skip(1).collect();
    let is_wrong = |value: &Value| {
        let json = match value {
            Value::Str(_) => "string",
            Value::Int(_) | Value::Float(_) => "number",
            Value::Bool(_) => "bool",
            Value::List(_) => "array",
            Value::Map(_) => "object",
            Value::Null => "null",
        };
        message.contains(&format!("cannot unmarshal {json} into"))
    };
    let mut found = Vec::new();
    descend(object, &names, String::new(), &mut found);
    let path = found.iter().find(|(_, value)| is_wrong(value)).or(found.first()).map(|(path, _)| path.clone());
    path.unwrap_or_else(|| names.join("."))
}

/// The first amount of a resource that is none.
fn no_quantity(value: &Value, path: String) -> Option<String> {
    const LISTS: [&str; 6] = ["requests", "limits", "capacity", "allocatable", "overhead", "hard"];
    let is_list = LISTS.iter().any(|name| path.ends_with(name));
    let in_list = |(at, item): (usize, &Value)| no_quantity(item, format!("{path}[{at}]"));
    if let Some(found) = value.items().iter().enumerate().find_map(in_list) {
        return Some(found);
    }
    value.entries().iter().find_map(|(key, item)| {
        let inner = if is_list {
            format!("{path}[{key}]")
        } else if path.is_empty() {
            key.to_string()
        } else {
            format!("{path}.{key}")
        };
        let is_wrong = is_list && item.as_str().is_some_and(|text| text.parse::<Quantity>().is_err());
        if is_wrong { Some(inner) } else { no_quantity(item, inner) }
    })
}

fn descend<'v>(value: &'v Value, names: &[&str], path: String, found: &mut Vec<(String, &'v Value)>) {
    match (value, names) {
        (_, []) => {
            found.push((path.clone(), value));
            for (at, item) in value.items().iter().enumerate() {
                found.push((format!("{path}[{at}]"), item));
            }
            for (key, item) in value.entries() {
                found.push((format!("{path}[{key}]"), item));
            }
        }
        (Value::List(items), _) => {
            for (at, item) in items.iter().enumerate() {
                descend(item, names, format!("{path}[{at}]"), found);
            }
        }
        (_, [name, rest @ ..]) => {
            let dot = if path.is_empty() { "" } else { "." };
            match value.get(name) {
                Some(inner) => descend(inner, rest, format!("{path}{dot}{name}"), found),
                // The message stops where the wrong value is; its kin have what it lacks.
                None => found.push((path, value)),
            }
        }
    }
}

fn answer(algorithm: &mut Algorithm, snapshot: &mut Snapshot, pod: &Rc<PodInfo>, profiles: &[Profile]) -> Value {
    if !pod.node_name.is_empty() {
        snapshot.add_pod(pod, &pod.node_name);
        let note = format!(
            "it names its node {:?} itself: no scheduler looks at it, the kubelet there takes it or not",
            &*pod.node_name
        );
        return untouched(snapshot, pod, "", &note);
    }
    let Some(profile) = profiles.iter().find(|profile| profile.scheduler_name == pod.scheduler_name) else {
        let names: Vec<&str> = profiles.iter().map(|profile| &*profile.scheduler_name).collect();
        let note = format!("it waits for a scheduler named {:?}; this one is {}", &*pod.scheduler_name, names.join(", "));
        return untouched(snapshot, pod, "", &note);
    };
    if let Err((_, reason)) = profile.pre_enqueue(pod) {
        return untouched(snapshot, pod, GATED, &format!("it is not queued: {reason}"));
    }
    let decision = algorithm.schedule(snapshot, pod, profile, Time::ZERO, 1);
    let mut report = decision.to_value();
    if let Some(node) = decision.chosen().cloned() {
        match reserve(snapshot, pod, profile, &node) {
            Ok(waits) => {
                snapshot.add_pod(pod, &node);
                if waits {
                    report["nominated"] = (&node).into();
                    report["note"] = "its volumes are bound first: until then it waits, nominated for the node".into();
                }
            }
            Err(why) => report["note"] = format!("it is tried again: {why}").into(),
        }
    } else if let Some(chosen) = decision.preemption.as_ref().and_then(|preemption| preemption.chosen.as_ref()) {
        for victim in chosen.victims.iter() {
            snapshot.remove_pod(&victim.key, &chosen.node);
        }
        snapshot.add_pod(pod, &chosen.node);
    }
    report
}

/// Claims what the pod needs on its node, for the pods after it; says whether it has to wait for volumes.
fn reserve(snapshot: &mut Snapshot, pod: &PodInfo, profile: &Profile, node: &Text) -> Result<bool, String> {
    let Some(place) = snapshot.node(node).cloned() else { return Ok(false) };
    let mut claimed = Vec::new();
    let mut waits = false;
    let cycle = Cycle { pod, snapshot };
    for plugin in profile.at(Point::Reserve) {
        if let Some(reserve) = plugin.reserve() {
            let objects = reserve.reserve(&cycle, &place);
            claimed.extend(objects.map_err(|why| format!("running Reserve plugin {:?}: {why}", plugin.name()))?);
        }
    }
    for plugin in profile.at(Point::Permit) {
        if let Some(Permission::Deny(why)) = plugin.permit().map(|permit| permit.permit(&cycle, &place)) {
            return Err(why.to_string());
        }
    }
    for plugin in profile.at(Point::PreBind) {
        if let Some(pre_bind) = plugin.pre_bind() {
            waits |= pre_bind.pre_bind(&cycle, &place, true).map_err(|why| why.to_string())?.wait.is_some();
        }
    }
    for object in claimed {
        let objects = &mut snapshot.objects;
        let store = if object.kind() == "PersistentVolume" { &mut objects.volumes } else { &mut objects.claims };
        store.insert(object.key(), object);
    }
    Ok(waits)
}

/// The answer about a pod that the scheduler leaves alone.
fn untouched(snapshot: &Snapshot, pod: &PodInfo, message: &str, note: &str) -> Value {
    let node = |name: &Text| value!({"name": name, "rejected_by": null, "reason": null, "scores": {}, "total": null});
    let nodes: Vec<Value> = snapshot.nodes().iter().map(|place| node(&place.name)).collect();
    value!({
        "pod": &pod.key, "message": message.to_string(), "chosen": null, "acceptable": [], "nominated": null, "victims": [],
        "nodes": nodes, "note": note.to_string(),
    })
}

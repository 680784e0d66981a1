//! Writing manifests: what is wrong with a text, and which fields could stand where the cursor is.

use orrery_sim::api::schema::{self, Kind, Type};
use orrery_sim::api::{Place, Resource, documents, locate};
use orrery_sim::value::Value;

/// No more unknown fields of an object are named.
const MOST_PROBLEMS: usize = 12;

/// Something that the server would refuse, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, in the words of kubectl and the server where they have some.
    pub text: String,
}

/// A field, or a value, that can stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What is written, `replicas: ` for instance.
    pub text: String,
    /// What it holds: `integer`, `list of Container`; "" for a value.
    pub holds: String,
}

/// What can be written at the cursor, and since when the word there began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The byte at which the word under the cursor begins: it is replaced.
    pub from: usize,
    /// In the order of their names.
    pub list: Vec<Candidate>,
}

/// All that is wrong with the text as far as it can be told without a server: syntax, kinds, types of fields, unknown fields.
pub fn problems(text: &str) -> Vec<Problem> {
    let documents = match documents(text) {
        Ok(documents) => documents,
        Err(error) => {
            let place = Place::of_error(&error, text).unwrap_or(Place { line: 1, column: 1 });
            return vec![Problem { place, text: error.to_string() }];
        }
    };
    let mut problems = Vec::new();
    for document in &documents {
        let object = &document.value;
        let mut add = |path: &str, text: String| problems.push(Problem { place: locate(document, path), text });
        if !matches!(object, Value::Map(_)) {
            add("", "an object is a map of fields".into());
            continue;
        }
        let (version, kind) = (object["apiVersion"].str(), object.kind());
        if (version, kind) == ("v1", "List") {
            // kubectl takes its items one by one.
            continue;
        }
        if version.is_empty() || kind.is_empty() {
            let missing = match (version.is_empty(), kind.is_empty()) {
                (true, true) => "[apiVersion not set, kind not set]",
                (true, false) => "apiVersion not set",
                _ => "kind not set",
            };
            add("", format!("error validating data: {missing}"));
            continue;
        }
        let Some(resource) = Resource::of_kind(version, kind) else {
            add("kind", format!("no matches for kind {kind:?} in version {version:?}"));
            continue;
        };
        match schema::check(schema::of_resource(resource).name, &without_kind(object)) {
            Ok(unknown) => {
                for text in unknown.into_iter().take(MOST_PROBLEMS) {
                    let path = text.split('"').nth(1).unwrap_or_default().to_string();
                    add(&path, text);
                }
            }
            Err(why) => {
                let path = why.split("Go struct field ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
                // The first part is the struct.
                let path = path.split_once('.').map_or("", |(_, path)| path).to_string();
                add(&path, why);
            }
        }
    }
    problems
}

/// An object as one would write it: without its status and what the server adds to its metadata.
pub fn of_object(object: &Value) -> Value {
    let mut object = object.clone();
    object.remove("status");
    for field in ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"] {
        object["metadata"].remove(field);
    }
    if !object["metadata"]["annotations"].is_null() {
        object["metadata"]["annotations"].remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    object
}

fn without_kind(object: &Value) -> Value {
    let mut object = object.clone();
    object.remove("apiVersion");
    object.remove("kind");
    object
}

/// What can stand at `cursor`, a byte of the text.
pub fn candidates(text: &str, cursor: usize) -> Candidates {
    let before = text.get(..cursor).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = &before[start..];
    let word = line.trim_start_matches([' ', '-']);
    let from = cursor - word.len();
    let manifest = document_of(text, start);
    if let Some((key, value)) = word.split_once(':') {
        let typed = value.trim_start();
        let list = match key {
            "kind" if line.starts_with("kind") => kinds(typed),
            "apiVersion" if line.starts_with("apiVersion") => versions(manifest, typed),
            _ => Vec::new(),
        };
        return Candidates { from: cursor - typed.len(), list };
    }
    let path = path_to(before, line);
    let Some(resource) = resource_of(manifest).filter(|_| !word.contains(' ')) else {
        let list =
            if path.is_empty() { ["apiVersion", "kind"].map(|name| candidate(name, "string")).to_vec() } else { Vec::new() };
        return Candidates { from, list: list.into_iter().filter(|one| one.text.starts_with(word)).collect() };
    };
    let Some(fields) = type_at(resource, &path) else { return Candidates { from, list: Vec::new() } };
    // What stands there already is not offered again.
    let there = siblings(text, start, line);
    let list = fields
        .fields
        .iter()
        .filter(|field| {
            field.name.starts_with(word) && field.name != "managedFields" && !(path.is_empty() && field.name == "status")
        })
        .filter(|field| !there.contains(&field.name))
        .map(|field| candidate(field.name, &holds(&field.kind)))
        .collect();
    Candidates { from, list }
}

fn candidate(name: &str, holds: &str) -> Candidate {
    Candidate { text: format!("{name}: "), holds: holds.to_string() }
}

fn kinds(typed: &str) -> Vec<Candidate> {
    let mut names: Vec<&str> = Resource::all().map(|resource| resource.kind).filter(|kind| kind.starts_with(typed)).collect();
    names.dedup();
    names.into_iter().map(|kind| Candidate { text: kind.into(), holds: String::new() }).collect()
}

/// The versions in which there is the kind that the manifest names, or all.
fn versions(manifest: &str, typed: &str) -> Vec<Candidate> {
    let kind = field_of(manifest, "kind");
    let mut versions: Vec<String> = Resource::all()
        .filter(|resource| kind.is_empty() || resource.kind == kind)
        .map(Resource::api_version)
        .filter(|version| version.starts_with(typed))
        .collect();
    versions.dedup();
    versions.into_iter().map(|text| Candidate { text, holds: String::new() }).collect()
}

/// The part between two lines `---` in which the byte `at` lies.
fn document_of(text: &str, at: usize) -> &str {
    let from = text[..at].rfind("\n---").map_or(0, |at| at + 1);
    let to = text[at..].find("\n---").map_or(text.len(), |end| at + end);
    &text[from..to]
}

fn field_of<'t>(manifest: &'t str, name: &str) -> &'t str {
    let value = manifest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.map_or("", |value| value.trim().trim_matches(['"', '\'']))
}

fn resource_of(manifest: &str) -> Option<Resource> {
    Resource::of_kind(field_of(manifest, "apiVersion"), field_of(manifest, "kind"))
}

/// How far a line's key is indented; the dash of a list's item counts as a space.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// The keys above the cursor's line that it belongs to, from the outermost.
fn path_to<'t>(before: &'t str, line: &str) -> Vec<&'t str> {
    let (mut path, mut depth) = (Vec::new(), indent(line));
    let lines = &before[..before.len() - line.len()];
    for above in lines.lines().rev().take_while(|above| !above.starts_with("---")) {
        let trimmed = above.trim_start_matches([' ', '-']);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let column = indent(above);
        let Some((key, rest)) = trimmed.split_once(':').filter(|_| column < depth) else { continue };
        if rest.trim().is_empty() || rest.trim_start().starts_with('#') {
            path.push(key);
        }
        depth = column;
        if depth == 0 {
            break;
        }
    }
    path.reverse();
    path
}

/// The type whose fields stand under a path of keys.
fn type_at(resource: Resource, path: &[&str]) -> Option<&'static Type> {
    let mut at = schema::of_resource(resource);
    let mut path = path.iter();
    while let Some(key) = path.next() {
        let kind = &at.field(key)?.kind;
        if let Kind::Map(_) = kind {
            // Its keys are anything.
            path.next()?;
        }
        at = kind.object()?;
    }
    Some(at)
}

/// The keys beside the cursor's line: of the same map.
fn siblings<'t>(text: &'t str, start: usize, line: &str) -> Vec<&'t str> {
    let depth = indent(line);
    let starts_item = |line: &str| line.trim_start().starts_with('-');
    let key = |line: &'t str| line.trim_start_matches([' ', '-']).split_once(':').map(|(key, _)| key);
    let mut keys = Vec::new();
    if !starts_item(line) {
        for above in text[..start].lines().rev() {
            let blank = above.trim().is_empty();
            if !blank && (indent(above) < depth || above.starts_with("---")) {
                break;
            }
            if !blank && indent(above) == depth {
                keys.extend(key(above));
                if starts_item(above) {
                    break;
                }
            }
        }
    }
    for below in text[start..].lines().skip(1) {
        let blank = below.trim().is_empty();
        if !blank && (indent(below) < depth || below.starts_with("---") || (indent(below) == depth && starts_item(below))) {
            break;
        }
        if !blank && indent(below) == depth {
            keys.extend(key(below));
        }
    }
    keys
}

fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Str(name) => (*name).to_string(),
        Kind::Bool => "boolean".into(),
        Kind::Int32 | Kind::Int64 => "integer".into(),
        Kind::Float => "number".into(),
        Kind::Quantity => "Quantity".into(),
        Kind::IntOrString => "integer or string".into(),
        Kind::Time | Kind::MicroTime => "Time".into(),
        Kind::Bytes => "base64".into(),
        Kind::Raw => "any".into(),
        Kind::Object(_) => kind.object().map_or_else(String::new, |kind| kind.name.to_string()),
        Kind::List(item) => format!("[]{}", holds(item)),
        Kind::Map(item) => format!("map[string]{}", holds(item)),
    }
}

/// What a new manifest begins with: name and text.
pub const TEMPLATES: &[(&str, &str)] = &[
    (
        "Deployment",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - name: nginx\n        image: nginx\n        resources:\n          requests:\n            cpu: 250m\n            memory: 64Mi\n",
    ),
    (
        "Pod",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    app: web\nspec:\n  containers:\n  - name: nginx\n    image: nginx\n    ports:\n    - containerPort: 80\n",
    ),
    (
        "Service",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: web\n  ports:\n  - port: 80\n    targetPort: 80\n",
    ),
    (
        "DaemonSet",
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: agent\nspec:\n  selector:\n    matchLabels:\n      app: agent\n  template:\n    metadata:\n      labels:\n        app: agent\n    spec:\n      tolerations:\n      - operator: Exists\n      containers:\n      - name: agent\n        image: busybox\n        command: [sleep, infinity]\n",
    ),
    ("ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: blue\n"),
    (
        "PodDisruptionBudget",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 2\n  selector:\n    matchLabels:\n      app: web\n",
    ),
    ("Namespace", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-a\n"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names offered at the cursor, which is written `|`.
    fn offered(text: &str) -> Vec<String> {
        let at = text.find('|').expect("a cursor");
        candidates(&text.replacen('|', "", 1), at).list.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn templates_are_without_fault() {
        for (name, text) in TEMPLATES {
            assert_eq!(problems(text), [], "{name}");
        }
    }

    #[test]
    fn problems_stand_at_their_line() {
        let at =
            |text: &str| problems(text).into_iter().map(|one| (one.place.line, one.place.column, one.text)).collect::<Vec<_>>();
        let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    imagePullPolcy: Always\n    ports: 80\n";
        assert_eq!(
            at(&pod.replace("    ports: 80\n", "")),
            [(6, 5, "unknown field \"spec.containers[0].imagePullPolcy\"".into())]
        );
        let found = at(pod);
        assert_eq!(found.len(), 1);
        assert!(found[0].2.contains("of type []v1.ContainerPort"), "{found:?}");
        assert_eq!(
            at("apiVersion: v1\nkind: Deployment\n"),
            [(2, 1, "no matches for kind \"Deployment\" in version \"v1\"".into())]
        );
        assert_eq!(at("kind: Pod\n")[0].0, 1);
        assert_eq!(at("apiVersion: v1\nkind: [\n")[0].0, 3, "where the text ends too early");
        let two = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: Pod\nspce: {}\n";
        assert_eq!(at(two), [(8, 1, "unknown field \"spce\"".into())]);
    }

    #[test]
    fn fields_are_offered_where_they_can_stand() {
        let deployment = |rest: &str| offered(&format!("apiVersion: apps/v1\nkind: Deployment\n{rest}"));
        assert_eq!(deployment("sp|"), ["spec: "]);
        assert_eq!(deployment("spec:\n  re|"), ["replicas: ", "revisionHistoryLimit: "]);
        assert_eq!(deployment("spec:\n  replicas: 2\n  re|"), ["revisionHistoryLimit: "]);
        assert_eq!(
            deployment("spec:\n  template:\n    spec:\n      containers:\n      - name: a\n        im|"),
            ["image: ", "imagePullPolicy: "]
        );
        assert_eq!(
            deployment("spec:\n  template:\n    spec:\n      containers:\n        - im|"),
            ["image: ", "imagePullPolicy: "]
        );
        assert_eq!(
            deployment("spec:\n  template:\n    spec:\n      containers:\n      - name: a\n        image: b\n      nodeS|"),
            ["nodeSelector: "]
        );
        assert_eq!(
            deployment("spec:\n  template:\n    metadata:\n      labels:\n        a|"),
            Vec::<String>::new(),
            "labels are anything"
        );
        assert_eq!(deployment("spec: # of the deployment\n  repl|"), ["replicas: "]);
        assert_eq!(deployment("nonsense:\n  a|"), Vec::<String>::new());
        assert_eq!(offered("ki|"), ["kind: "]);
        assert_eq!(offered("kind: Deploy|"), ["Deployment"]);
        assert_eq!(offered("apiVersion: |\nkind: Deployment\n"), ["apps/v1"]);
        let second = "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Service\nspec:\n  clusterI|\n---\nkind: Pod\n";
        assert_eq!(offered(second), ["clusterIP: ", "clusterIPs: "]);
    }
}

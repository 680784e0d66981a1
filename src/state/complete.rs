//! Completion of command lines by Tab: programs, verbs, resources, names of objects, options, files.

use orrery_sim::api::Resource;
use orrery_sim::core::{Cluster, Part};
use orrery_sim::user::User;

use crate::scene::model::{objects, store};

/// What Tab does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The line with as much added as all candidates share.
    pub line: String,
    /// The candidates, when there are several.
    pub choices: Vec<String>,
}

const PROGRAMS: &[&str] = &["cat", "clear", "docker", "echo", "grep", "head", "kind", "kubectl", "ls", "sleep", "tail", "wc"];
const KUBECTL: &[&str] = &[
    "annotate",
    "api-resources",
    "apply",
    "cluster-info",
    "config",
    "cordon",
    "create",
    "delete",
    "describe",
    "drain",
    "exec",
    "expose",
    "get",
    "label",
    "logs",
    "rollout",
    "run",
    "scale",
    "set",
    "taint",
    "uncordon",
    "version",
    "wait",
];
const KIND: &[&str] = &["create", "delete", "get", "load", "version"];
const DOCKER: &[&str] = &["exec", "ps", "start", "stop"];
const OPTIONS: &[&str] = &[
    "--all",
    "--all-namespaces",
    "--dry-run=client",
    "--force",
    "--grace-period=",
    "--image=",
    "--ignore-daemonsets",
    "--namespace=",
    "--output=",
    "--replicas=",
    "--selector=",
    "--show-labels",
    "--watch",
];

/// The completion of `line` (up to the cursor) with the cluster as it is.
pub fn complete(line: &str, cluster: &Cluster) -> Completion {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    // Only the part behind the last pipe or semicolon matters.
    let command = before.rsplit(['|', ';', '&']).next().unwrap_or(before);
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut candidates: Vec<String> =
        candidates(&words, word, cluster).into_iter().filter(|have| have.starts_with(word)).collect();
    candidates.sort();
    candidates.dedup();
    match candidates.as_slice() {
        [] => Completion { line: line.to_string(), choices: Vec::new() },
        [only] => {
            let space = if only.ends_with('=') || only.ends_with('/') { "" } else { " " };
            Completion { line: format!("{before}{only}{space}"), choices: Vec::new() }
        }
        [first, ..] => {
            let shared = candidates.iter().fold(first.as_str(), |shared, candidate| common(shared, candidate)).to_string();
            Completion { line: format!("{before}{shared}"), choices: candidates }
        }
    }
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let length: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    &a[..length]
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_string()).collect()
}

fn candidates(words: &[&str], word: &str, cluster: &Cluster) -> Vec<String> {
    let Some(program) = words.first() else { return owned(PROGRAMS) };
    let rest: Vec<&str> = words[1..].iter().copied().filter(|word| !word.starts_with('-')).collect();
    if words.last().is_some_and(|last| matches!(*last, "-f" | "--filename" | "--config" | ">" | "<")) {
        return files(cluster);
    }
    if words.last().is_some_and(|last| matches!(*last, "-n" | "--namespace")) {
        return names(cluster, "namespaces");
    }
    if words.last().is_some_and(|last| matches!(*last, "-o" | "--output")) {
        return owned(&["json", "name", "wide", "yaml"]);
    }
    if word.starts_with("--") {
        return owned(OPTIONS);
    }
    match *program {
        "kubectl" => kubectl(&rest, word, cluster),
        "kind" => match rest.first() {
            None => owned(KIND),
            Some(&("create" | "delete")) => owned(&["cluster"]),
            Some(&"get") => owned(&["clusters", "nodes"]),
            Some(&"load") => owned(&["docker-image"]),
            Some(_) => Vec::new(),
        },
        "docker" => match rest.first() {
            None => owned(DOCKER),
            Some(&("exec" | "stop" | "start")) if rest.len() == 1 => machines(cluster),
            Some(_) => Vec::new(),
        },
        "cat" | "ls" | "grep" | "head" | "tail" | "wc" => files(cluster),
        _ => Vec::new(),
    }
}

fn kubectl(rest: &[&str], word: &str, cluster: &Cluster) -> Vec<String> {
    let Some(verb) = rest.first() else { return owned(KUBECTL) };
    let arguments = &rest[1..];
    let typed = |arguments: &[&str]| -> Vec<String> {
        if let Some((kind, _)) = word.split_once('/') {
            return names(cluster, kind).into_iter().map(|name| format!("{kind}/{name}")).collect();
        }
        match arguments.first() {
            None => Resource::all().flat_map(|resource| [resource.plural, resource.singular]).map(str::to_string).collect(),
            Some(kind) => names(cluster, kind),
        }
    };
    match *verb {
        "cordon" | "uncordon" | "drain" => names(cluster, "nodes"),
        "logs" | "exec" => names(cluster, "pods"),
        "create" if arguments.is_empty() => owned(&["deployment", "namespace"]),
        "rollout" if arguments.is_empty() => owned(&["history", "restart", "status", "undo"]),
        "rollout" => typed(&arguments[1..]),
        "set" if arguments.is_empty() => owned(&["image"]),
        "set" => typed(&arguments[1..]),
        "config" => owned(&["current-context"]),
        "taint" if arguments.is_empty() => owned(&["nodes"]),
        "get" | "describe" | "delete" | "scale" | "label" | "annotate" | "expose" | "taint" | "wait" => typed(arguments),
        _ => Vec::new(),
    }
}

/// Names of the objects of a resource given by plural, singular or short name.
fn names(cluster: &Cluster, kind: &str) -> Vec<String> {
    let named =
        |resource: &Resource| resource.plural == kind || resource.singular == kind || resource.short_names.contains(&kind);
    let Some((store, resource)) = store(cluster).zip(Resource::all().find(named)) else { return Vec::new() };
    objects(store, resource).map(|object| object.name().to_string()).collect()
}

fn machines(cluster: &Cluster) -> Vec<String> {
    cluster.machines().iter().skip(1).filter(|machine| !machine.removed).map(|machine| machine.spec.name.to_string()).collect()
}

fn files(cluster: &Cluster) -> Vec<String> {
    let user = cluster.machines().first().and_then(|machine| machine.part::<User>(Part::Shell));
    user.map(|user| user.shell().files().keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str, choices: &[&str]) {
        let cluster = Cluster::new(1);
        let completion = complete(line, &cluster);
        assert_eq!(completion.line, expected);
        assert_eq!(completion.choices, choices);
    }

    #[test]
    fn words_are_completed() {
        check("kubec", "kubectl ", &[]);
        check("kubectl dr", "kubectl drain ", &[]);
        check("kubectl de", "kubectl de", &["delete", "describe"]);
        check("kubectl get deployments.", "kubectl get deployments.", &[]);
        check("echo a | kubectl roll", "echo a | kubectl rollout ", &[]);
        check("kubectl get pods --repl", "kubectl get pods --replicas=", &[]);
        check("kind create cluster --config k", "kind create cluster --config kind.yaml ", &[]);
        check("nothing", "nothing", &[]);
    }
}

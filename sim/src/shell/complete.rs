//! Completion for a terminal: programs, commands, flags, kinds, names, files.

use super::env::{Env, Files};
use super::program;
use crate::api::Resource;
use crate::api::resource::{NAMESPACES, NODES};
use crate::core::collections::sort::Sort as _;
use crate::kubectl::kubeconfig::Kubeconfig;
use crate::kubectl::{self, Command, Flag, resources};

/// What can stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that the candidates replace, in bytes of the line.
    pub start: usize,
    /// The words, sorted, each once.
    pub candidates: Vec<String>,
}

/// Gives the names of a resource's objects in a namespace ("" for cluster-scoped ones), for `None` those of docker's containers.
pub type Names<'a> = &'a dyn Fn(Option<Resource>, &str) -> Vec<String>;

/// Completes the word before `cursor` (in bytes; cut down to the line's length and to a character's border).
pub fn complete(line: &str, cursor: usize, files: &Files, names: Names) -> Completion {
    let mut cursor = cursor.min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let (words, start) = words_before(&line[..cursor]);
    let word = &line[start..cursor];
    let session = Session { files, names };
    let mut found = match words.split_last() {
        Some((last, _)) if matches!(last.as_str(), ">" | ">>" | "<" | "--config" | "--cluster") => session.paths(word),
        _ => match words.first().map(String::as_str) {
            None => program::NAMES.iter().map(|name| (*name).to_string()).collect(),
            Some("kubectl") => session.kubectl(&words[1..], word),
            Some("kind") => session.tree(KIND, &words[1..]),
            Some("docker") => session.docker(&words[1..]),
            Some("orrery") if words.len() == 1 => vec!["schedule".into()],
            Some("orrery") if word.starts_with('-') => super::orrery::FLAGS.iter().map(|flag| (*flag).to_string()).collect(),
            Some("orrery") => session.paths(word),
            Some("cat" | "ls" | "rm" | "head" | "tail" | "wc" | "sort" | "uniq") => session.paths(word),
            Some("grep" | "egrep" | "fgrep") if words.len() > 1 => session.paths(word),
            _ => Vec::new(),
        },
    };
    found.retain(|candidate| candidate.starts_with(word));
    found.order();
    found.dedup();
    Completion { start, candidates: found }
}

/// The whole words of the command that the cursor is in, and where the word at the cursor begins.
fn words_before(text: &str) -> (Vec<String>, usize) {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut start = text.len();
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            } else {
                word.push(c);
            }
            continue;
        }
        match c {
            ' ' | '\t' => {
                if start < text.len() {
                    words.push(std::mem::take(&mut word));
                    start = text.len();
                }
                continue;
            }
            '|' | ';' | '&' | '\n' => {
                words.clear();
                word.clear();
                start = text.len();
                continue;
            }
            '\'' | '"' => quote = Some(c),
            c => word.push(c),
        }
        start = start.min(at);
    }
    (words, start)
}

struct Session<'a> {
    files: &'a Files,
    names: Names<'a>,
}

/// Commands with what may follow them; `@container` stands for the names of docker's containers.
type Tree = &'static [(&'static str, &'static [&'static str])];

const KIND: Tree = &[
    ("create", &["cluster"]),
    ("delete", &["cluster", "clusters"]),
    ("get", &["clusters", "kubeconfig", "nodes"]),
    ("load", &["docker-image"]),
    ("version", &[]),
];

const DOCKER: Tree = &[
    ("exec", &["-it", "@container"]),
    ("images", &[]),
    ("kill", &["@container"]),
    ("network", &["connect", "disconnect", "ls"]),
    ("ps", &["-a"]),
    ("pull", &[]),
    ("restart", &["@container"]),
    ("rm", &["-f", "@container"]),
    ("run", &[]),
    ("start", &["@container"]),
    ("stop", &["@container"]),
];

/// What the arguments of a kubectl command are.
enum Arguments {
    /// A type, then names; or TYPE/NAME.
    TypeAndNames,
    /// TYPE/NAME or a type and names of workloads.
    Workloads,
    /// A pod, or TYPE/NAME of a workload.
    Pods,
    /// Nodes.
    Nodes,
    /// `node` or `nodes`, then nodes.
    TypeNodes,
    /// Contexts of kubeconfig.
    Contexts,
    None,
}

fn arguments(path: &str) -> Arguments {
    match path {
        "get" | "describe" | "delete" | "label" | "annotate" | "wait" | "patch" | "edit" | "expose" => Arguments::TypeAndNames,
        "scale" | "autoscale" | "set image" | "set env" | "set resources" => Arguments::Workloads,
        path if path.starts_with("rollout ") => Arguments::Workloads,
        "logs" | "exec" | "attach" | "port-forward" => Arguments::Pods,
        "cordon" | "uncordon" | "drain" => Arguments::Nodes,
        "taint" => Arguments::TypeNodes,
        "config use-context" | "config delete-context" | "config rename-context" => Arguments::Contexts,
        _ => Arguments::None,
    }
}

const WORKLOADS: [&str; 3] = ["daemonset", "deployment", "replicaset"];

impl Session<'_> {
    /// Files and folders whose paths begin with the word, one level at a time.
    fn paths(&self, word: &str) -> Vec<String> {
        let depth = word.matches('/').count();
        let cut = |path: &String| match path.match_indices('/').nth(depth) {
            Some((at, _)) => path[..=at].to_string(),
            None => path.clone(),
        };
        let hidden = word.starts_with('.');
        self.files.keys().filter(|path| hidden || !path.starts_with('.')).map(cut).collect()
    }

    fn nodes(&self) -> Vec<String> {
        (self.names)(Some(NODES), "")
    }

    fn containers(&self) -> Vec<String> {
        (self.names)(None, "")
    }

    fn tree(&self, tree: Tree, words: &[String]) -> Vec<String> {
        match words.first() {
            None => tree.iter().map(|(name, _)| (*name).to_string()).collect(),
            Some(first) => {
                let below = tree.iter().find(|(name, _)| name == first).map_or(&[][..], |(_, below)| *below);
                let expand = |name: &&str| if *name == "@container" { self.containers() } else { vec![(*name).to_string()] };
                below.iter().flat_map(expand).collect()
            }
        }
    }

    fn docker(&self, words: &[String]) -> Vec<String> {
        let in_container =
            words.first().is_some_and(|word| word == "exec") && words[1..].iter().any(|word| !word.starts_with('-'));
        match words {
            [network, verb] if network == "network" && verb != "ls" => vec!["kind".into()],
            [network, _, _] if network == "network" => self.containers(),
            _ if in_container => vec!["ps".into(), "crictl".into()],
            _ => self.tree(DOCKER, words),
        }
    }

    fn kubectl(&self, words: &[String], word: &str) -> Vec<String> {
        let mut command: &'static Command = kubectl::root();
        let mut path: Vec<&str> = Vec::new();
        let mut arguments_given: Vec<&str> = Vec::new();
        let mut namespace = self.namespace();
        let mut awaited: Option<&'static Flag> = None;
        for given in words {
            if let Some(flag) = awaited.take() {
                if flag.long == "namespace" {
                    namespace.clone_from(given);
                }
            } else if given == "--" {
                return Vec::new();
            } else if given.starts_with('-') {
                awaited = kubectl::parse::flag_awaiting_value(command, given);
                if let Some(value) = given.strip_prefix("--namespace=") {
                    namespace = value.to_string();
                }
            } else if let Some(below) = command.find(given).filter(|_| arguments_given.is_empty()) {
                command = below;
                path.push(below.name);
            } else {
                arguments_given.push(given);
            }
        }
        if let Some(flag) = awaited {
            return self.values(flag.long);
        }
        if let Some((flag, _)) = word.strip_prefix("--").and_then(|word| word.split_once('=')) {
            return self.values(flag).into_iter().map(|value| format!("--{flag}={value}")).collect();
        }
        if word.starts_with('-') {
            return kubectl::parse::flags_of(command).map(|flag| format!("--{}", flag.long)).collect();
        }
        if arguments_given.is_empty() && !command.commands.is_empty() {
            let modelled = command.commands.iter().filter(|below| !below.is_absent());
            return modelled.map(|below| below.name.to_string()).collect();
        }
        self.arguments(&arguments(&path.join(" ")), &arguments_given, word, &namespace)
    }

    fn arguments(&self, kind: &Arguments, given: &[&str], word: &str, namespace: &str) -> Vec<String> {
        let names = |resource: Resource| (self.names)(Some(resource), if resource.namespaced { namespace } else { "" });
        let slashed = |kind: &str| match resources::find(kind) {
            Ok(resource) => names(resource).into_iter().map(|name| format!("{kind}/{name}")).collect(),
            Err(_) => Vec::new(),
        };
        match (kind, given) {
            (Arguments::None, _) => Vec::new(),
            (Arguments::Nodes, _) => self.nodes(),
            (Arguments::TypeNodes, []) => vec!["nodes".into()],
            (Arguments::TypeNodes, _) => self.nodes(),
            (Arguments::Contexts, []) => self.config().contexts.into_iter().map(|context| context.name).collect(),
            (Arguments::Contexts, _) => Vec::new(),
            (Arguments::Pods, []) => match word.split_once('/') {
                Some((kind, _)) => slashed(kind),
                None => {
                    let pods = resources::find("pods").map(names).unwrap_or_default();
                    pods.into_iter().chain(WORKLOADS.iter().map(|kind| format!("{kind}/"))).collect()
                }
            },
            (Arguments::Pods, _) => Vec::new(),
            (_, _) if word.contains('/') => slashed(word.split('/').next().unwrap_or_default()),
            (Arguments::Workloads, []) => WORKLOADS.iter().map(|kind| (*kind).to_string()).collect(),
            (Arguments::TypeAndNames, []) => {
                // `pods,ser` completes its last part.
                let before = word.rfind(',').map_or("", |at| &word[..=at]);
                let kinds = Resource::all().map(|resource| resource.plural).chain(["all"]);
                kinds.map(|kind| format!("{before}{kind}")).collect()
            }
            (_, [kind, rest @ ..]) => {
                let found = resources::find(kind).map(names).unwrap_or_default();
                found.into_iter().filter(|name| !rest.contains(&name.as_str())).collect()
            }
        }
    }

    /// The values of a flag, as far as they are known.
    fn values(&self, flag: &str) -> Vec<String> {
        match flag {
            "namespace" => (self.names)(Some(NAMESPACES), ""),
            "output" => ["custom-columns=", "json", "jsonpath=", "name", "wide", "yaml"].map(String::from).to_vec(),
            "context" => self.config().contexts.into_iter().map(|context| context.name).collect(),
            "filename" | "kubeconfig" => self.files.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn config(&self) -> Kubeconfig {
        Kubeconfig::of(&Env { files: self.files.clone(), ..Env::default() })
    }

    fn namespace(&self) -> String {
        let config = self.config();
        let namespace = config.context(&config.current).map(|context| context.namespace.clone()).unwrap_or_default();
        if namespace.is_empty() { "default".to_string() } else { namespace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_end(line: &str) -> Vec<String> {
        let files: Files = [("kind.yaml", "a"), ("m/web.yaml", "b")].map(|(path, text)| (path.to_string(), text.into())).into();
        let names = |resource: Option<Resource>, namespace: &str| -> Vec<String> {
            let names: &[&str] = match (resource.map_or("containers", |resource| resource.plural), namespace) {
                ("containers", _) => &["etcd1", "kind-control-plane", "kind-external-load-balancer", "kind-worker"],
                ("pods", "default") => &["nginx", "web-1", "web-2"],
                ("pods", "kube-system") => &["coredns-1"],
                ("deployments", "default") => &["web"],
                ("nodes", "") => &["kind-control-plane", "kind-worker"],
                ("namespaces", "") => &["default", "kube-system"],
                _ => &[],
            };
            names.iter().map(|name| (*name).to_string()).collect()
        };
        complete(line, line.len(), &files, &names).candidates
    }

    #[test]
    fn programs_commands_flags() {
        assert_eq!(at_end("kub"), ["kubectl"]);
        assert_eq!(at_end("echo x | gr"), ["grep"]);
        assert_eq!(at_end("kubectl ro"), ["rollout"]);
        assert_eq!(at_end("kubectl -n x rollout st"), ["status"]);
        assert_eq!(at_end("kubectl get pods --show-l"), ["--show-labels"]);
        assert_eq!(at_end("kubectl get pods --as"), [] as [&str; 0], "flags that are refused are not offered");
        assert_eq!(at_end("kind create "), ["cluster"]);
        assert_eq!(at_end("docker exec -it kind-w"), ["kind-worker"]);
        assert_eq!(at_end("docker exec kind-worker p"), ["ps"]);
        assert_eq!(at_end("docker stop kind-e"), ["kind-external-load-balancer"]);
        assert_eq!(at_end("docker exec e"), ["etcd1"]);
        assert_eq!(at_end("docker network dis"), ["disconnect"]);
        assert_eq!(at_end("docker network disconnect kind e"), ["etcd1"]);
    }

    #[test]
    fn kinds_names_and_values() {
        assert_eq!(at_end("kubectl get depl"), ["deployments"]);
        assert_eq!(at_end("kubectl get pods,depl"), ["pods,deployments"]);
        assert_eq!(at_end("kubectl get pods w"), ["web-1", "web-2"]);
        assert_eq!(at_end("kubectl delete pod web-1 w"), ["web-2"]);
        assert_eq!(at_end("kubectl get pods -n kube-system "), ["coredns-1"]);
        assert_eq!(at_end("kubectl -n kube-system get po c"), ["coredns-1"]);
        assert_eq!(at_end("kubectl describe pod/n"), ["pod/nginx"]);
        assert_eq!(at_end("kubectl logs ng"), ["nginx"]);
        assert_eq!(at_end("kubectl logs deployment/"), ["deployment/web"]);
        assert_eq!(at_end("kubectl drain kind-w"), ["kind-worker"]);
        assert_eq!(at_end("kubectl get pods -n ku"), ["kube-system"]);
        assert_eq!(at_end("kubectl get pods --namespace=ku"), ["--namespace=kube-system"]);
        assert_eq!(at_end("kubectl get pods -o wi"), ["wide"]);
        assert_eq!(at_end("kubectl rollout status deployment w"), ["web"]);
        assert_eq!(at_end("kubectl exec nginx -- l"), [] as [&str; 0]);
        assert_eq!(at_end("kubectl get nope x"), [] as [&str; 0]);
    }

    #[test]
    fn files() {
        assert_eq!(at_end("cat "), ["kind.yaml", "m/"]);
        assert_eq!(at_end("cat m/"), ["m/web.yaml"]);
        assert_eq!(at_end("echo a > k"), ["kind.yaml"]);
        assert_eq!(at_end("kind create cluster --config k"), ["kind.yaml"]);
        let completion = complete("kubectl get é x", 13, &Files::new(), &|_, _| vec!["é1".into()]);
        assert_eq!(completion.start, 12);
    }
}

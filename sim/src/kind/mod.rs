//! The program kind: clusters whose nodes are docker containers.
//!
//! - [`config`]: its configuration file; [`image`]: what its node images hold; [`manifests`]: what they install;
//! - [`create`]: creating a cluster; [`load_balancer`]: what stands in front of several control-plane nodes;
//! - [`topology`]: shapes of clusters, and the lines that bring them about.

pub mod config;
pub mod create;
pub mod image;
pub mod load_balancer;
pub mod manifests;
pub mod topology;

pub use image::{DEFAULT_NODE_IMAGE, node_image_minor, node_image_version, preloaded_images};

use crate::core::Duration;
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io};
use crate::kubectl::kubeconfig::{self, Kubeconfig};
use crate::kubectl::parse::go_duration_us;
use crate::shell::Env;
use crate::value;
use crate::value::{Text, Value};

/// The label that says of which cluster a container is a node.
pub const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
/// The label that says which role the node has.
pub const ROLE_LABEL: &str = "io.x-k8s.kind.role";

/// Flags of a kind command.
#[derive(Clone, Debug, Default)]
struct Flags {
    name: Option<String>,
    config: String,
    image: Option<String>,
    wait: u64,
    quiet: bool,
    retain: bool,
    all: bool,
    nodes: Option<String>,
    rest: Vec<String>,
}

/// Runs `kind …`; `argv[0]` is the program's name.
pub fn main(argv: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    let verbs: Vec<&str> = words.iter().copied().take_while(|word| !word.starts_with('-')).take(2).collect();
    let known: &[&str] = match verbs[..] {
        ["create", "cluster"] => &["name", "config", "image", "wait", "kubeconfig", "retain"],
        ["delete", "cluster" | "clusters"] => &["name", "kubeconfig", "all"],
        ["get", "nodes"] => &["name", "all-clusters"],
        ["get", "kubeconfig"] => &["name", "internal"],
        ["load", _] => &["name", "nodes"],
        _ => &[],
    };
    let flags = match parse(&words[verbs.len()..], known) {
        Ok(flags) => flags,
        Err(error) => return fail(&error, io),
    };
    match verbs[..] {
        ["create", "cluster"] if flags.rest.is_empty() => {
            let mut config = match config::load(&flags.config, env) {
                Ok(config) => config,
                Err(error) => return fail(&format!("failed to create cluster: {error}"), io),
            };
            if let Some(name) = flags.name {
                config.name = name;
            }
            if let Some(image) = flags.image {
                config.nodes.iter_mut().for_each(|node| node.image.clone_from(&image));
            }
            create::create(
                &config,
                &create::Options { wait: Duration::us(flags.wait), quiet: flags.quiet, retain: flags.retain },
                env,
                io,
            )
        }
        ["delete", "cluster"] if flags.rest.is_empty() => delete(flags.name.as_deref().unwrap_or("kind"), env, io),
        ["delete", "clusters"] => {
            let names = if flags.all { clusters(io)? } else { flags.rest };
            for name in &names {
                let mut nodes = remove_nodes(name, io)?;
                nodes.order();
            }
            forget(&names, env, io);
            io.eprint(&format!("Deleted clusters: {names:?}\n").replace(", ", " "));
            Ok(())
        }
        ["get", "clusters"] => {
            let names = clusters(io)?;
            if names.is_empty() {
                io.eprint("No kind clusters found.\n");
            }
            names.iter().for_each(|name| io.print(&format!("{name}\n")));
            Ok(())
        }
        ["get", "nodes"] => {
            let name = flags.name.unwrap_or_else(|| "kind".into());
            let nodes = nodes(&name, io)?;
            if nodes.is_empty() {
                io.eprint(&format!("No kind nodes found for cluster {name:?}.\n"));
            }
            nodes.iter().for_each(|node| io.print(&format!("{}\n", node["name"].str())));
            Ok(())
        }
        ["get", "kubeconfig"] => {
            let name = flags.name.unwrap_or_else(|| "kind".into());
            if nodes(&name, io)?.is_empty() {
                return fail(
                    &format!(
                        "could not locate any control plane nodes for cluster named '{name}'. Use the --name option to select a different cluster"
                    ),
                    io,
                );
            }
            let all = Kubeconfig::of(env);
            let mut one = Kubeconfig::default();
            let context = format!("kind-{name}");
            one.add(&context, all.server(&context).unwrap_or_default());
            io.print(&one.to_yaml());
            Ok(())
        }
        ["load", "docker-image"] => load_image(&flags, io),
        ["create"] => fail("Subcommand is required", io),
        ["delete" | "get" | "load" | "export" | "build"] => fail("Subcommand is required", io),
        ["version"] => {
            io.print("kind v0.32.0 go1.25.5 linux/amd64\n");
            Ok(())
        }
        [] | ["help"] => {
            io.print(HELP);
            Ok(())
        }
        ["create" | "delete" | "get" | "load", other] => {
            fail(&format!("unknown command {other:?} for \"kind {}\"", verbs[0]), io)
        }
        ["build" | "export" | "completion", ..] => {
            fail(&format!("kind {} is not part of the simulation; it knows create, delete, get, load and version", verbs[0]), io)
        }
        [other, ..] => fail(&format!("unknown command {other:?} for \"kind\""), io),
    }
}

const HELP: &str = "\
kind creates and manages local Kubernetes clusters using Docker container 'nodes'

Usage:
  kind [command]

Available Commands:
  create      Creates one of [cluster]
  delete      Deletes one of [cluster]
  get         Gets one of [clusters, nodes, kubeconfig]
  help        Help about any command
  load        Loads images into nodes
  version     Prints the kind CLI version

Use \"kind [command] --help\" for more information about a command.
";

fn fail(error: &str, io: &mut Io) -> Flow<()> {
    io.fail(1, &format!("ERROR: {error}\n"))
}

fn parse(words: &[&str], known: &[&str]) -> Result<Flags, String> {
    let mut flags = Flags::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            flags.rest.push((*word).to_string());
            continue;
        }
        let (name, inline) = word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value.to_string())));
        let long = match name {
            "-n" => "name",
            "-q" => "quiet",
            "-v" => "verbosity",
            name => name.trim_start_matches("--"),
        };
        if !name.starts_with("--") && !matches!(name, "-n" | "-q" | "-v") {
            return Err(format!("unknown shorthand flag: '{}' in {name}", name.chars().nth(1).unwrap_or('-')));
        }
        if !known.contains(&long) && !matches!(long, "quiet" | "verbosity") {
            return Err(format!("unknown flag: --{long}"));
        }
        if matches!(long, "quiet" | "retain" | "all" | "all-clusters" | "internal") {
            match long {
                "quiet" => flags.quiet = true,
                "retain" => flags.retain = true,
                _ => flags.all = true,
            }
            continue;
        }
        let value = match inline.or_else(|| words.next().map(|word| (*word).to_string())) {
            Some(value) => value,
            None => return Err(format!("flag needs an argument: {name}")),
        };
        match long {
            "name" => flags.name = Some(value),
            "config" => flags.config = value,
            "image" => flags.image = Some(value),
            "wait" => {
                let us =
                    go_duration_us(&value).map_err(|error| format!("invalid argument {value:?} for \"--wait\" flag: {error}"))?;
                flags.wait = us.max(0) as u64;
            }
            "nodes" => flags.nodes = Some(value),
            _ => {}
        }
    }
    Ok(flags)
}

/// The containers of docker that are nodes of a cluster, in the order of their names; `None` for those of all clusters.
fn containers(cluster: Option<&str>, io: &mut Io) -> Flow<Vec<Value>> {
    let list = match io.docker("ps", Value::map())? {
        Ok(list) => list,
        Err(error) => return io.fail(1, &format!("ERROR: failed to list nodes: {error}\n")),
    };
    let mut nodes: Vec<Value> = list["containers"]
        .items()
        .iter()
        .filter(|container| match (cluster, container["labels"][CLUSTER_LABEL].as_str()) {
            (Some(wanted), Some(have)) => wanted == have,
            (None, have) => have.is_some(),
            (Some(_), None) => false,
        })
        .cloned()
        .collect();
    nodes.order_by(|a, b| a["name"].str().cmp(b["name"].str()));
    Ok(nodes)
}

/// The nodes of a cluster.
fn nodes(cluster: &str, io: &mut Io) -> Flow<Vec<Value>> {
    containers(Some(cluster), io)
}

fn clusters(io: &mut Io) -> Flow<Vec<String>> {
    let mut names: Vec<String> =
        containers(None, io)?.iter().map(|container| container["labels"][CLUSTER_LABEL].str().to_string()).collect();
    names.order();
    names.dedup();
    Ok(names)
}

/// Removes the containers of a cluster; their names.
fn remove_nodes(cluster: &str, io: &mut Io) -> Flow<Vec<String>> {
    let names: Vec<String> = nodes(cluster, io)?.iter().map(|node| node["name"].str().to_string()).collect();
    for name in &names {
        if let Err(error) = io.docker("rm", value!({"name": name, "force": true}))? {
            return io.fail(1, &format!("ERROR: failed to delete cluster {cluster:?}: failed to delete nodes: {error}\n"));
        }
    }
    Ok(names)
}

/// Takes clusters out of the kubeconfig.
fn forget(clusters: &[String], env: &Env, io: &mut Io) {
    let mut kubeconfig = Kubeconfig::of(env);
    for name in clusters {
        kubeconfig.remove(&format!("kind-{name}"));
    }
    if kubeconfig != Kubeconfig::of(env) {
        io.write_file(kubeconfig::PATH, Some(Text::from(kubeconfig.to_yaml())));
    }
}

fn delete(name: &str, env: &Env, io: &mut Io) -> Flow<()> {
    io.eprint(&format!("Deleting cluster {name:?} ...\n"));
    let nodes = remove_nodes(name, io)?;
    forget(&[name.to_string()], env, io);
    if !nodes.is_empty() {
        io.eprint(&format!("Deleted nodes: {nodes:?}\n").replace(", ", " "));
    }
    Ok(())
}

fn load_image(flags: &Flags, io: &mut Io) -> Flow<()> {
    let cluster = flags.name.clone().unwrap_or_else(|| "kind".into());
    if flags.rest.is_empty() {
        return fail("a list of image names is required", io);
    }
    let mut nodes = nodes(&cluster, io)?;
    nodes.retain(|node| node["labels"][ROLE_LABEL].str() != load_balancer::ROLE);
    if nodes.is_empty() {
        return fail(&format!("no nodes found for cluster {cluster:?}"), io);
    }
    if let Some(wanted) = &flags.nodes {
        for name in wanted.split(',') {
            if !nodes.iter().any(|node| node["name"].str() == name) {
                return fail(&format!("unknown node: {name:?}"), io);
            }
        }
        nodes.retain(|node| wanted.split(',').any(|name| name == node["name"].str()));
    }
    let local = match io.docker("images", Value::map())? {
        Ok(list) => list,
        Err(error) => return fail(&error, io),
    };
    for image in &flags.rest {
        let tagged = if image.rsplit('/').next().is_some_and(|last| last.contains(':')) {
            image.clone()
        } else {
            format!("{image}:latest")
        };
        let found = local["images"].items().iter().find(|have| {
            let name = have["name"].str();
            name == image || name == tagged || format!("{name}:latest") == tagged
        });
        let Some(found) = found else { return fail(&format!("image: {image:?} not present locally"), io) };
        let id = found["id"].str().to_string();
        for node in &nodes {
            let name = node["name"].str();
            io.eprint(&format!("Image: {image:?} with ID {id:?} not yet present on node {name:?}, loading...\n"));
            if let Err(error) = io.docker("import", value!({"name": Text::new(name), "image": image}))? {
                return fail(&format!("failed to load image: {error}"), io);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Time;
    use crate::flow::{Answer, Log};

    fn check(line: &str, answers: Vec<Value>, expected: &str) {
        let mut log = Log::default();
        for (at, answer) in answers.into_iter().enumerate() {
            log.push(Time(at as u64 + 1), at, Answer::Docker(Ok(answer)));
        }
        let argv: Vec<String> = line.split(' ').map(ToString::to_string).collect();
        let mut io = Io::new(Time::ZERO, &log);
        let end = main(&argv, &Env::default(), &mut io);
        let printed: String = io.output().iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(format!("{printed}{end:?}"), expected);
    }

    #[test]
    fn small_commands_and_errors() {
        let none = || vec![value!({"containers": []})];
        let node = |name: &'static str| value!({"name": name, "labels": {CLUSTER_LABEL: "kind"}});
        let two = value!({"containers": [node("kind-worker"), node("kind-control-plane")]});
        check("kind get clusters", none(), "No kind clusters found.\nOk(())");
        check("kind get clusters", vec![two.clone()], "kind\nOk(())");
        check("kind get nodes", vec![two.clone()], "kind-control-plane\nkind-worker\nOk(())");
        check("kind get nodes", none(), "No kind nodes found for cluster \"kind\".\nOk(())");
        check(
            "kind delete cluster",
            vec![two, Value::map(), Value::map()],
            "Deleting cluster \"kind\" ...\nDeleted nodes: [\"kind-control-plane\" \"kind-worker\"]\nOk(())",
        );
        check("kind frobnicate", vec![], "ERROR: unknown command \"frobnicate\" for \"kind\"\nErr(Exit(1))");
        check("kind create cluster --bogus", vec![], "ERROR: unknown flag: --bogus\nErr(Exit(1))");
        check(
            "kind create cluster --wait soon",
            vec![],
            "ERROR: invalid argument \"soon\" for \"--wait\" flag: time: invalid duration \"soon\"\nErr(Exit(1))",
        );
        check("kind create cluster --name", vec![], "ERROR: flag needs an argument: --name\nErr(Exit(1))");
        check(
            "kind create cluster --config kind.yaml",
            vec![],
            "ERROR: failed to create cluster: error reading file: open kind.yaml: no such file or directory\nErr(Exit(1))",
        );
    }
}

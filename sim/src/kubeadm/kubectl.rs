//! kubectl on a node: what kind calls there (`create|apply -f FILE`, `taint nodes --all KEY-`) reads the node's files; the rest is
//! [`crate::kubectl`].

use super::Node;
use super::init::{create, insist};
use crate::api::resource::NODES;
use crate::core::{PatchType, Request};
use crate::flow::{Flow, Io};
use crate::machine::files;
use crate::shell::Env;
use crate::shell::env::normal_path;
use crate::value;
use crate::value::{Text, Value};

/// The kubeconfig that a kubectl on a node reads: `--kubeconfig`, or `$KUBECONFIG` as kind's node image sets it.
pub fn kubeconfig_path<'a>(args: &[&'a str]) -> &'a str {
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--kubeconfig") {
            Some("") => return words.next().copied().unwrap_or_default(),
            Some(value) => return value.trim_start_matches('='),
            None => {}
        }
    }
    files::ADMIN_KUBECONFIG
}

/// `kubectl ARGS…`
pub fn main(args: &[&str], node: &Node, io: &mut Io) -> Flow<()> {
    let words: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with("--kubeconfig=")).collect();
    match words[..] {
        ["create" | "apply", "-f", path] => {
            let Some(objects) = node.disk.files.get(path) else {
                return io.fail(1, &format!("error: the path {path:?} does not exist\n"));
            };
            for object in objects.items() {
                create(object, io)?;
                let kind = object.kind().to_lowercase();
                let group = object["apiVersion"].str().split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
                io.print(&format!("{kind}{group}/{} created\n", object.name()));
            }
            Ok(())
        }
        ["taint", "nodes", "--all", ref keys @ ..] if !keys.is_empty() && keys.iter().all(|key| key.ends_with('-')) => {
            untaint(keys, io)
        }
        _ => {
            let argv: Vec<String> = std::iter::once("kubectl").chain(args.iter().copied()).map(ToString::to_string).collect();
            let path = kubeconfig_path(args);
            let content = node.disk.files.get(path).map(|content| Text::from(files::printed(content)));
            let files = content.map(|content| (normal_path(path), content)).into_iter().collect();
            crate::kubectl::main(&argv, &Env { files, kubeconfig: Text::new(path), ..Env::default() }, io)
        }
    }
}

fn untaint(keys: &[&str], io: &mut Io) -> Flow<()> {
    let nodes = match insist(&Request::list(NODES, ""), io)? {
        Ok(nodes) => nodes,
        Err(error) => return io.fail(1, &format!("error: {error}\n")),
    };
    for node in nodes["items"].items() {
        let taints = &node["spec"]["taints"];
        let goes = |taint: &Value| keys.iter().any(|key| key.trim_end_matches('-') == taint["key"].str());
        let left: Value = taints.items().iter().filter(|taint| !goes(taint)).cloned().collect();
        if left.items().len() == taints.items().len() {
            continue;
        }
        let patch = value!({"spec": {"taints": if left.is_empty() { Value::Null } else { left }}});
        match insist(&Request::patch(NODES, "", node["metadata"]["name"].text(), patch).patch_type(PatchType::Merge), io)? {
            Ok(_) => io.print(&format!("node/{} untainted\n", node.name())),
            Err(error) => return io.fail(1, &format!("error: {error}\n")),
        }
    }
    Ok(())
}

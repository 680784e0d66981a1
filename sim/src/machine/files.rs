//! Files on a node's disk that several programs know: paths and forms.

use crate::core::{Disk, MachineId, Outbox};
use crate::value;
use crate::value::{Text, Value};

/// The kubelet's way to the api-server; kubeadm writes it.
pub const KUBELET_KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
/// The administrator's way to the api-server.
pub const ADMIN_KUBECONFIG: &str = "/etc/kubernetes/admin.conf";
/// The kubelet's configuration; without it kind's kubelet.service does not start.
pub const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// More flags of the kubelet.
pub const KUBELET_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";
/// Static pods.
pub const MANIFESTS: &str = "/etc/kubernetes/manifests/";

/// A kubeconfig without credentials, which are left out.
pub fn kubeconfig(cluster: &str, server: &str, user: &str) -> Value {
    let context = format!("{user}@{cluster}");
    value!({
        "apiVersion": "v1", "kind": "Config", "current-context": context.clone(), "preferences": {},
        "clusters": [{"name": Text::new(cluster), "cluster": {"server": Text::new(server)}}],
        "contexts": [{"name": context, "context": {"cluster": Text::new(cluster), "user": Text::new(user)}}],
        "users": [{"name": Text::new(user), "user": {}}],
    })
}

/// The files of a folder (with its final `/`), not of the folders below it.
pub fn folder<'a>(disk: &'a Disk, path: &'a str) -> impl Iterator<Item = (&'a Text, &'a Value)> {
    disk.files
        .range::<_, str>((std::ops::Bound::Included(path), std::ops::Bound::Unbounded))
        .take_while(move |(file, _)| file.starts_with(path))
        .filter(move |(file, _)| !file[path.len()..].contains('/'))
}

/// The server that a kubeconfig on this machine's disk names, as arguments of a client (see [`crate::client::server`]).
pub fn client_args(out: &Outbox<'_>, kubeconfig: &str) -> Option<Value> {
    let (server, balanced): (MachineId, bool) = crate::runtime::spawn::server_of(out.disk(), out.directory(), kubeconfig)?;
    Some(value!({"server": i64::from(server.0), "balanced": balanced}))
}

/// A file as `cat` prints it: texts as they are, everything else as YAML.
pub fn printed(content: &Value) -> String {
    match content {
        Value::Str(text) => text.to_string(),
        other => {
            let mut text = String::new();
            yaml(other, 0, false, &mut text);
            text
        }
    }
}

/// Block YAML with sorted keys.
fn yaml(value: &Value, indent: usize, in_list: bool, text: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Map(map) if !map.is_empty() => {
            for (at, (key, value)) in map.entries().iter().enumerate() {
                // The first key of a list's item stands behind its dash.
                *text += if at == 0 && in_list { "" } else { &pad };
                *text += key;
                text.push(':');
                nested(value, indent + 1, text);
            }
        }
        Value::List(list) if !list.is_empty() => {
            for item in list.iter() {
                *text += &pad;
                *text += "- ";
                match item {
                    Value::Map(map) if !map.is_empty() => yaml(item, indent + 1, true, text),
                    item => {
                        *text += &scalar(item);
                        text.push('\n');
                    }
                }
            }
        }
        value => {
            *text += &scalar(value);
            text.push('\n');
        }
    }
}

fn nested(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            text.push('\n');
            yaml(value, indent, false, text);
        }
        // Lists are not indented below their key.
        Value::List(list) if !list.is_empty() => {
            text.push('\n');
            yaml(value, indent - 1, false, text);
        }
        value => {
            text.push(' ');
            *text += &scalar(value);
            text.push('\n');
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Str(text) => {
            let plain = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '-')
                && !text.contains([':', '#', '\n', '"', '{'])
                && !matches!(text.as_str(), "true" | "false" | "null" | "-")
                || (!text.is_empty() && text.starts_with("--") && !text.contains(": ") && !text.contains('\n'));
            if plain { text.to_string() } else { value.to_json() }
        }
        other => other.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_print_as_yaml() {
        let pod = value!({"metadata": {"name": "etcd"}, "spec": {"containers": [{"command": ["etcd", "--x=a:1"], "name": "etcd"}], "n": 1, "e": []}});
        let expected = "metadata:\n  name: etcd\nspec:\n  containers:\n  - command:\n    - etcd\n    - --x=a:1\n    name: etcd\n  e: []\n  n: 1\n";
        assert_eq!(printed(&pod), expected);
        assert_eq!(printed(&"a\n".into()), "a\n");
    }
}

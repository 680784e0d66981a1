//! kind's configuration file (kind's `pkg/internal/apis/config`): reading, defaults, validation, in kind's words.

use super::image::DEFAULT_NODE_IMAGE;
use crate::api::decode::parse_documents;
use crate::core::collections::sort::Sort as _;
use crate::shell::Env;
use crate::value::{Text, Value};

/// A cluster to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// Its name.
    pub name: String,
    /// Its nodes, in the file's order.
    pub nodes: Vec<NodeConfig>,
    /// `networking`: podSubnet, serviceSubnet, kubeProxyMode, disableDefaultCNI.
    pub pod_subnet: String,
    /// Addresses of services.
    pub service_subnet: String,
    /// `iptables`, `ipvs`, `nftables` or `none`.
    pub proxy_mode: String,
    /// Whether kindnet is left out.
    pub disable_default_cni: bool,
    /// Patches of kubeadm's configuration, for all nodes.
    pub kubeadm_patches: Vec<Value>,
}

/// A node to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeConfig {
    /// `control-plane` or `worker`.
    pub role: String,
    /// Its image.
    pub image: String,
    /// Labels of its Node.
    pub labels: Vec<(Text, Text)>,
    /// Patches of kubeadm's configuration.
    pub kubeadm_patches: Vec<Value>,
}

impl NodeConfig {
    fn new(role: &str) -> Self {
        Self { role: role.into(), image: DEFAULT_NODE_IMAGE.into(), labels: Vec::new(), kubeadm_patches: Vec::new() }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            name: "kind".into(),
            nodes: vec![NodeConfig::new("control-plane")],
            pod_subnet: "10.244.0.0/16".into(),
            service_subnet: "10.96.0.0/16".into(),
            proxy_mode: "iptables".into(),
            disable_default_cni: false,
            kubeadm_patches: Vec::new(),
        }
    }
}

const API_VERSIONS: &[&str] = &["kind.x-k8s.io/v1alpha4", "kind.sigs.k8s.io/v1alpha3"];

const CLUSTER_FIELDS: &[&str] = &[
    "kind",
    "apiVersion",
    "name",
    "nodes",
    "networking",
    "featureGates",
    "runtimeConfig",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
];
const NODE_FIELDS: &[&str] =
    &["role", "image", "labels", "extraMounts", "extraPortMappings", "kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902"];
const NETWORKING_FIELDS: &[&str] = &[
    "ipFamily",
    "apiServerPort",
    "apiServerAddress",
    "podSubnet",
    "serviceSubnet",
    "disableDefaultCNI",
    "kubeProxyMode",
    "dnsSearch",
];

/// Reads a configuration file; "-" is stdin, "" the default configuration. Errors are kind's texts.
pub fn load(path: &str, env: &Env) -> Result<ClusterConfig, String> {
    let text = match path {
        "" => return Ok(ClusterConfig::default()),
        "-" => env.stdin.clone().unwrap_or_default(),
        path => match env.file(path) {
            Some(text) => text.clone(),
            None => return Err(format!("error reading file: open {path}: no such file or directory")),
        },
    };
    let documents = parse_documents(&text).map_err(|error| {
        let text = error.to_string();
        let text = text.strip_prefix("error converting YAML to JSON: ").unwrap_or(&text).to_string();
        format!("could not determine kind / apiVersion for config: {text}")
    })?;
    let file = documents.first().cloned().unwrap_or_default();
    let (kind, api_version) = (file.kind(), file["apiVersion"].str());
    if !API_VERSIONS.contains(&api_version) {
        return Err(format!("unknown apiVersion: {api_version}"));
    }
    if kind != "Cluster" {
        return Err(format!("unknown kind {kind} for apiVersion: {api_version}"));
    }
    decode(&file, &text, api_version.rsplit('/').next().unwrap_or_default())
}

fn decode(file: &Value, text: &str, version: &str) -> Result<ClusterConfig, String> {
    let mut errors = Vec::new();
    let mut check = |value: &Value, fields: &[&str], kind: &str| {
        for (key, _) in value.entries() {
            if !fields.contains(&key.as_str()) {
                let line = line_of(text, key);
                errors.push((line, format!("  line {line}: field {key} not found in type {version}.{kind}")));
            }
        }
    };
    check(file, CLUSTER_FIELDS, "Cluster");
    check(&file["networking"], NETWORKING_FIELDS, "Networking");
    for node in file["nodes"].items() {
        check(node, NODE_FIELDS, "Node");
    }
    if !errors.is_empty() {
        errors.order();
        let lines: Vec<String> = errors.into_iter().map(|(_, error)| error).collect();
        return Err(format!("unable to decode config: yaml: unmarshal errors:\n{}", lines.join("\n")));
    }
    let mut config = ClusterConfig::default();
    let set = |target: &mut String, value: &Value| {
        if !value.str().is_empty() {
            *target = value.str().to_string();
        }
    };
    set(&mut config.name, &file["name"]);
    let networking = &file["networking"];
    set(&mut config.pod_subnet, &networking["podSubnet"]);
    set(&mut config.service_subnet, &networking["serviceSubnet"]);
    set(&mut config.proxy_mode, &networking["kubeProxyMode"]);
    config.disable_default_cni = networking["disableDefaultCNI"].is_true();
    config.kubeadm_patches = patches(&file["kubeadmConfigPatches"])?;
    if !networking["ipFamily"].is_empty() && networking["ipFamily"].str() != "ipv4" {
        let family = networking["ipFamily"].str();
        return Err(if matches!(family, "ipv6" | "dual") {
            format!("ipFamily {family} is not part of the simulation")
        } else {
            format!("invalid ipFamily: {family}")
        });
    }
    if !file["nodes"].is_empty() {
        config.nodes.clear();
    }
    for node in file["nodes"].items() {
        let mut made = NodeConfig::new("control-plane");
        set(&mut made.role, &node["role"]);
        set(&mut made.image, &node["image"]);
        made.labels = node["labels"].entries().iter().map(|(key, value)| (key.clone(), value.text())).collect();
        made.kubeadm_patches = patches(&node["kubeadmConfigPatches"])?;
        config.nodes.push(made);
    }
    Ok(config)
}

/// Patches are YAML texts inside the YAML.
fn patches(list: &Value) -> Result<Vec<Value>, String> {
    let mut patches = Vec::new();
    for patch in list.items() {
        patches.extend(parse_documents(patch.str()).map_err(|error| format!("failed to parse kubeadmConfigPatches: {error}"))?);
    }
    Ok(patches)
}

fn line_of(text: &str, key: &str) -> usize {
    let matches = |line: &str| {
        let line = line.trim_start_matches([' ', '-']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    text.lines().position(matches).map_or(1, |at| at + 1)
}

impl ClusterConfig {
    /// What is wrong with it, in kind's words.
    pub fn validate(&self) -> Result<(), String> {
        let mut errors = Vec::new();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if self.name.is_empty() || !self.name.chars().all(allowed) {
            errors.push(format!("'{}' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`", self.name));
        }
        for (what, subnet) in [("pod", &self.pod_subnet), ("service", &self.service_subnet)] {
            if !is_cidr(subnet) {
                errors.push(format!(
                    "invalid {what} subnet failed to parse cidr value:{subnet:?} with error: invalid CIDR address: {subnet}"
                ));
            }
        }
        if !["iptables", "ipvs", "nftables", "none"].contains(&self.proxy_mode.as_str()) {
            errors.push(format!("invalid kubeProxyMode: {}", self.proxy_mode));
        }
        for (at, node) in self.nodes.iter().enumerate() {
            if !["control-plane", "worker"].contains(&node.role.as_str()) {
                errors.push(format!("invalid configuration for node {at}: {:?} is not a valid node role", node.role));
            }
        }
        if !self.nodes.iter().any(|node| node.role == "control-plane") {
            errors.push("must have at least one control-plane node".into());
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(format!("[{}]", errors.join(", "))),
        }
    }

    /// Names of the nodes in the file's order, as kind numbers them: `kind-worker`, `kind-worker2`, ….
    pub fn node_names(&self) -> Vec<String> {
        let mut counts = [0, 0];
        self.nodes
            .iter()
            .map(|node| {
                let count = &mut counts[usize::from(node.role == "worker")];
                *count += 1;
                let number = if *count == 1 { String::new() } else { count.to_string() };
                format!("{}-{}{number}", self.name, node.role)
            })
            .collect()
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((ip, bits)) = text.split_once('/') else { return false };
    let parts: Vec<&str> = ip.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok()) && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &str) {
        let env = Env { stdin: Some(Text::new(yaml)), ..Env::default() };
        let result = load("-", &env).and_then(|config| config.validate().map(|()| config));
        let shown = match result {
            Ok(config) => config.node_names().join(" "),
            Err(error) => error,
        };
        assert_eq!(shown, expected);
    }

    const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

    #[test]
    fn files_are_read() {
        check(
            &format!("{HEAD}nodes:\n- role: control-plane\n- role: worker\n- role: worker\n"),
            "kind-control-plane kind-worker kind-worker2",
        );
        check(HEAD, "kind-control-plane");
        check(&format!("{HEAD}name: dev\n"), "dev-control-plane");
    }

    #[test]
    fn errors_are_kinds() {
        check("kind: Cluster\napiVersion: v1\n", "unknown apiVersion: v1");
        check("kind: Foo\napiVersion: kind.x-k8s.io/v1alpha4\n", "unknown kind Foo for apiVersion: kind.x-k8s.io/v1alpha4");
        check(
            &format!("{HEAD}nodes:\n- role: control-plane\n  bogus: 1\n"),
            "unable to decode config: yaml: unmarshal errors:\n  line 5: field bogus not found in type v1alpha4.Node",
        );
        check(&format!("{HEAD}nodes:\n- role: worker\n"), "must have at least one control-plane node");
        check(
            &format!("{HEAD}nodes:\n- role: boss\n"),
            "[invalid configuration for node 0: \"boss\" is not a valid node role, must have at least one control-plane node]",
        );
        check(&format!("{HEAD}name: A\n"), "'A' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`");
        let env = Env::default();
        assert_eq!(load("kind.yaml", &env), Err("error reading file: open kind.yaml: no such file or directory".into()));
    }
}

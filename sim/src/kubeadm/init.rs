//! `kubeadm init`, phase by phase (kubeadm's `cmd/phases/init`).

use super::Node;
use super::config::{ClusterConfiguration, TOKEN};
use super::{addons, static_pods};
use crate::api::Resource;
use crate::api::resource::NODES;
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, Request};
use crate::flow::{Flow, Io};
use crate::machine::files;
use crate::value;
use crate::value::{Text, Value};

/// How long kubeadm waits for the control plane, and how often it looks.
const PATIENCE: Duration = Duration::s(240);
const LOOKS_EVERY: Duration = Duration::ms(500);
/// Generating keys and certificates takes this long.
const CERTIFICATES: Duration = Duration::ms(1_200);

/// Everything that `kubeadm init` will write, made once: the program itself runs anew with every answer.
#[derive(Clone, Debug)]
pub struct Plan {
    config: ClusterConfiguration,
    kubelet: KubeletFiles,
    kubeconfigs: Vec<(String, Value)>,
    manifests: Vec<(&'static str, Value)>,
    configuration: Vec<Value>,
    token: Vec<Value>,
    coredns: Vec<Value>,
    kube_proxy: Vec<Value>,
}

impl Plan {
    /// For these arguments (without `kubeadm init`).
    pub fn new(args: &[&str], node: &Node) -> Self {
        let mut config = ClusterConfiguration::load(&node.disk, &node.image, &node.name);
        for arg in args {
            match arg.split_once('=') {
                Some(("--pod-network-cidr", value)) => config.pod_subnet = Text::new(value),
                Some(("--service-cidr", value)) => config.service_subnet = Text::new(value),
                Some(("--control-plane-endpoint", value)) => config.control_plane_endpoint = Text::new(value),
                _ => {}
            }
        }
        let (name, ip) = (node.name.as_str(), node.ip.as_str());
        let mut kubeconfigs = kubeconfigs(&config, node);
        let endpoint = format!("https://{}", config.control_plane_endpoint);
        let super_admin = files::kubeconfig(&config.cluster_name, &endpoint, "kubernetes-super-admin");
        kubeconfigs.insert(1, ("super-admin.conf".into(), super_admin));
        Self {
            kubeconfigs,
            kubelet: KubeletFiles::new(&config, &Value::list()),
            manifests: static_pods::manifests(&config, name, ip),
            configuration: configuration(&config),
            token: bootstrap_token(&config),
            coredns: addons::coredns(&config),
            kube_proxy: if config.proxy_mode == "none" { Vec::new() } else { addons::kube_proxy(&config) },
            config,
        }
    }
}

/// The kubeconfigs of a control-plane node: the administrator goes to the cluster's endpoint, its own programs to their own api-server. So
/// does its kubelet since v1.33 (`ControlPlaneKubeletLocalMode`), so that it is never newer than the api-server it talks to.
pub(super) fn kubeconfigs(config: &ClusterConfiguration, node: &Node) -> Vec<(String, Value)> {
    let endpoint = format!("https://{}", config.control_plane_endpoint);
    let local = format!("https://{}:6443", node.ip);
    let kubelets = if config.versions.minor >= 33 { &local } else { &endpoint };
    let kubeconfigs = [
        ("admin.conf", &endpoint, "kubernetes-admin".to_string()),
        ("kubelet.conf", kubelets, format!("system:node:{}", node.name)),
        ("controller-manager.conf", &local, "system:kube-controller-manager".to_string()),
        ("scheduler.conf", &local, "system:kube-scheduler".to_string()),
    ];
    let kubeconfig = |(file, server, user): (&str, &String, String)| {
        (file.to_string(), files::kubeconfig(&config.cluster_name, server, &user))
    };
    kubeconfigs.into_iter().map(kubeconfig).collect()
}

/// `kubeadm init`; `args` without these two words.
pub fn main(plan: &Plan, args: &[&str], node: &Node, io: &mut Io) -> Flow<()> {
    if let Some(word) = args.iter().find(|arg| !arg.starts_with("--")) {
        return io.fail(1, &format!("error: unknown argument {word:?}\n"));
    }
    let config = &plan.config;
    io.print(&format!(
        "[init] Using Kubernetes version: {}\n[preflight] Running pre-flight checks\n",
        config.versions.kubernetes
    ));
    if node.disk.files.contains_key(files::KUBELET_KUBECONFIG) {
        return io.fail(1, ALREADY);
    }
    io.print("[certs] Using certificateDir folder \"/etc/kubernetes/pki\"\n[certs] Generating \"ca\" certificate and key\n");
    io.sleep(CERTIFICATES)?;
    io.print("[kubeconfig] Using kubeconfig folder \"/etc/kubernetes\"\n");
    for (file, content) in &plan.kubeconfigs {
        io.print(&format!("[kubeconfig] Writing {file:?} kubeconfig file\n"));
        write(&format!("/etc/kubernetes/{file}"), content, io)?;
    }
    start_kubelet(&plan.kubelet, io)?;
    io.print("[control-plane] Using manifest folder \"/etc/kubernetes/manifests\"\n");
    for (file, pod) in &plan.manifests {
        let component = file.trim_end_matches(".yaml");
        io.print(&format!("[control-plane] Creating static Pod manifest for {component:?}\n"));
        write(&format!("{}{file}", files::MANIFESTS), pod, io)?;
    }
    wait_for_control_plane(io)?;
    io.print("[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace\n");
    io.print("[kubelet] Creating a ConfigMap \"kubelet-config\" in namespace kube-system with the configuration for the kubelets in the cluster\n");
    create_all(&plan.configuration, io)?;
    mark_control_plane(config, node, io)?;
    io.print(&format!("[bootstrap-token] Using token: {TOKEN}\n"));
    create_all(&plan.token, io)?;
    create_all(&plan.coredns, io)?;
    io.print("[addons] Applied essential addon: CoreDNS\n");
    if !plan.kube_proxy.is_empty() {
        create_all(&plan.kube_proxy, io)?;
        io.print("[addons] Applied essential addon: kube-proxy\n");
    }
    io.print("\nYour Kubernetes control-plane has initialized successfully!\n");
    if !args.contains(&"--skip-token-print") {
        io.print(&format!(
            "\nThen you can join any number of worker nodes by running the following on each as root:\n\nkubeadm join {} --token {TOKEN} --discovery-token-unsafe-skip-ca-verification\n",
            config.control_plane_endpoint
        ));
    }
    Ok(())
}

fn create_all(objects: &[Value], io: &mut Io) -> Flow<()> {
    objects.iter().try_for_each(|object| create(object, io))
}

const ALREADY: &str = "\
error execution phase preflight: [preflight] Some fatal errors occurred:
\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
To see the stack trace of this error execute with --v=5 or higher
";

/// Writes a file on the node.
pub(super) fn write(path: &str, content: &Value, io: &mut Io) -> Flow<()> {
    match io.docker("write", value!({"path": Text::new(path), "content": content}))? {
        Ok(_) => Ok(()),
        Err(error) => io.fail(1, &format!("error: {error}\n")),
    }
}

/// The default taints of a control-plane node, as the kubelet registers it with.
fn role_taints(config: &ClusterConfiguration) -> Value {
    if !config.taints.is_null() {
        return config.taints.clone();
    }
    config.versions.control_plane_taints().iter().map(|key| value!({"key": *key, "effect": "NoSchedule"})).collect()
}

/// What the kubelet is configured by.
#[derive(Clone, Debug)]
pub struct KubeletFiles {
    flags: Value,
    configuration: Value,
}

impl KubeletFiles {
    /// For a node that is to register with these taints.
    pub fn new(config: &ClusterConfiguration, taints: &Value) -> Self {
        let mut flags: Vec<(String, String)> =
            config.kubelet_extra_args.entries().iter().map(|(name, value)| (name.to_string(), value.str().to_string())).collect();
        if config.versions.minor < 35 {
            flags.push(("pod-infra-container-image".into(), config.versions.pause.to_string()));
        }
        if config.versions.minor < 24 {
            flags.push(("container-runtime".into(), "remote".into()));
            flags.push(("container-runtime-endpoint".into(), "unix:///run/containerd/containerd.sock".into()));
        }
        flags.order();
        let words: Vec<String> = flags.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        Self {
            flags: Text::from(format!("KUBELET_KUBEADM_ARGS=\"{}\"\n", words.join(" "))).into(),
            configuration: config.kubelet_configuration(value!({
                "clusterDNS": [addons::dns_address(&config.service_subnet)], "clusterDomain": "cluster.local",
                "staticPodPath": "/etc/kubernetes/manifests", "registerWithTaints": taints,
            })),
        }
    }
}

/// Writes the kubelet's configuration and flags, and starts it.
pub(super) fn start_kubelet(kubelet: &KubeletFiles, io: &mut Io) -> Flow<()> {
    io.print(&format!("[kubelet-start] Writing kubelet environment file with flags to file {:?}\n", files::KUBELET_FLAGS));
    write(files::KUBELET_FLAGS, &kubelet.flags, io)?;
    io.print(&format!("[kubelet-start] Writing kubelet configuration to file {:?}\n", files::KUBELET_CONFIG));
    write(files::KUBELET_CONFIG, &kubelet.configuration, io)?;
    io.print("[kubelet-start] Starting the kubelet\n");
    let argv: Value = ["systemctl", "restart", "kubelet"].into_iter().map(Text::Static).collect();
    match io.docker("exec", value!({"argv": argv}))? {
        Ok(_) => Ok(()),
        Err(error) => io.fail(1, &format!("error: failed to start the kubelet: {error}\n")),
    }
}

fn wait_for_control_plane(io: &mut Io) -> Flow<()> {
    io.print("[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory \"/etc/kubernetes/manifests\"\n");
    io.print("[control-plane-check] Waiting for healthy control plane components. This can take up to 4m0s\n");
    let since = io.now();
    while io.request_until(Request::raw("/livez"), since + PATIENCE)?.is_err() {
        if io.now().since(since) >= PATIENCE {
            return io.fail(
                1,
                "[control-plane-check] kube-apiserver is not healthy after 4m0s\nerror execution phase wait-control-plane: failed while waiting for the control plane to start\n",
            );
        }
        io.sleep(LOOKS_EVERY)?;
    }
    io.print(&format!("[control-plane-check] kube-apiserver is healthy after {:.6}s\n", io.now().since(since).as_secs_f64()));
    Ok(())
}

/// Sends a request until it is answered with anything but a broken connection, for some minutes at most; kubeadm retries all of them.
pub(super) fn insist(request: &Request, io: &mut Io) -> Flow<Result<Value, String>> {
    let since = io.now();
    loop {
        match io.request_until(request.clone(), since + PATIENCE)? {
            Ok(value) => return Ok(Ok(value)),
            Err(error) if error.code() != 0 || io.now().since(since) >= PATIENCE => return Ok(Err(error.to_string())),
            Err(_) => io.sleep(LOOKS_EVERY)?,
        }
    }
}

/// Creates an object.
pub(super) fn create(object: &Value, io: &mut Io) -> Flow<()> {
    let Some(resource) = Resource::of_kind(object["apiVersion"].str(), object.kind()) else {
        return io.fail(1, &format!("error: no matches for kind {:?}\n", object.kind()));
    };
    match insist(&Request::create(resource, object.clone()), io)? {
        Ok(_) => Ok(()),
        Err(error) => io.fail(1, &format!("error execution phase: {error}\n")),
    }
}

fn role(cluster: bool, name: &str, namespace: &str, rules: Value) -> Value {
    let kind = if cluster { "ClusterRole" } else { "Role" };
    let mut object = value!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": Text::new(name)}, "rules": rules});
    if !cluster {
        object["metadata"]["namespace"] = Text::new(namespace).into();
    }
    object
}

/// A binding of a role of the same form to groups.
pub(super) fn binding(cluster: bool, name: &str, namespace: &str, role: &str, subjects: &[(&'static str, &str)]) -> Value {
    let (kind, role_kind) = if cluster { ("ClusterRoleBinding", "ClusterRole") } else { ("RoleBinding", "Role") };
    let subjects: Value = subjects
        .iter()
        .map(|(kind, name)| match *kind {
            "ServiceAccount" => value!({"kind": *kind, "name": Text::new(name), "namespace": "kube-system"}),
            kind => value!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": Text::new(name)}),
        })
        .collect();
    let mut object = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": Text::new(name)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": Text::new(role)}, "subjects": subjects,
    });
    if !cluster {
        object["metadata"]["namespace"] = Text::new(namespace).into();
    }
    object
}

fn rule(groups: &[&'static str], resources: &[&'static str], names: &[&'static str], verbs: &[&'static str]) -> Value {
    let list = |words: &[&'static str]| words.iter().map(|word| Text::Static(word)).collect::<Value>();
    let mut rule = value!({"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)});
    if !names.is_empty() {
        rule["resourceNames"] = list(names);
    }
    rule
}

fn config_map(name: &'static str, key: &'static str, content: &Value) -> Value {
    let text = if content.is_null() { String::new() } else { files::printed(content) };
    value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": {key: text}})
}

/// The configuration of kubeadm and of kubelets, which joining nodes read.
fn configuration(config: &ClusterConfiguration) -> Vec<Value> {
    let nodes = [("Group", "system:bootstrappers:kubeadm:default-node-token"), ("Group", "system:nodes")];
    let get = |name| Value::from(vec![rule(&[""], &["configmaps"], &[name], &["get"])]);
    vec![
        config_map("kubeadm-config", "ClusterConfiguration", &config.to_documents()[0]),
        role(false, "kubeadm:nodes-kubeadm-config", "kube-system", get("kubeadm-config")),
        binding(false, "kubeadm:nodes-kubeadm-config", "kube-system", "kubeadm:nodes-kubeadm-config", &nodes),
        config_map("kubelet-config", "kubelet", &config.kubelet_configuration(Value::Null)),
        role(false, "kubeadm:kubelet-config", "kube-system", get("kubelet-config")),
        binding(false, "kubeadm:kubelet-config", "kube-system", "kubeadm:kubelet-config", &nodes),
    ]
}

pub(super) fn mark_control_plane(config: &ClusterConfiguration, node: &Node, io: &mut Io) -> Flow<()> {
    // The kubelet may not have registered the node yet.
    let since = io.now();
    let object = loop {
        match insist(&Request::get(NODES, "", &node.name), io)? {
            Ok(object) => break object,
            Err(error) if io.now().since(since) >= PATIENCE => {
                return io.fail(1, &format!("error execution phase mark-control-plane: {error}\n"));
            }
            Err(_) => io.sleep(LOOKS_EVERY)?,
        }
    };
    let mut labels = Value::map();
    for label in config.versions.control_plane_labels() {
        labels.map_mut().insert(*label, "");
    }
    if config.versions.minor >= 20 {
        labels.map_mut().insert("node.kubernetes.io/exclude-from-external-load-balancers", "");
    }
    io.print(&format!("[mark-control-plane] Marking the node {} as control-plane by adding the labels and taints\n", node.name));
    let mut taints = object["spec"]["taints"].clone();
    for taint in role_taints(config).items() {
        if !taints.items().iter().any(|have| have["key"] == taint["key"] && have["effect"] == taint["effect"]) {
            taints.push(taint.clone());
        }
    }
    let patch = value!({"metadata": {"labels": labels}, "spec": {"taints": taints}});
    match insist(&Request::patch(NODES, "", &node.name, patch), io)? {
        Ok(_) => Ok(()),
        Err(error) => io.fail(1, &format!("error execution phase mark-control-plane: {error}\n")),
    }
}

/// The bootstrap token, and what those who hold it may do.
fn bootstrap_token(config: &ClusterConfiguration) -> Vec<Value> {
    let secret = value!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {"token-id": "YWJjZGVm", "usage-bootstrap-authentication": "dHJ1ZQ==", "usage-bootstrap-signing": "dHJ1ZQ=="},
    });
    let joining = [("Group", "system:bootstrappers:kubeadm:default-node-token")];
    let mut objects = vec![secret, role(true, "kubeadm:get-nodes", "", vec![rule(&[""], &["nodes"], &[], &["get"])].into())];
    let certificates = "system:certificates.k8s.io:certificatesigningrequests";
    for (name, role, subjects) in [
        ("get-nodes", "kubeadm:get-nodes".to_string(), &joining[..]),
        ("kubelet-bootstrap", "system:node-bootstrapper".to_string(), &joining[..]),
        ("node-autoapprove-bootstrap", format!("{certificates}:nodeclient"), &joining[..]),
        ("node-autoapprove-certificate-rotation", format!("{certificates}:selfnodeclient"), &[("Group", "system:nodes")][..]),
    ] {
        objects.push(binding(true, &format!("kubeadm:{name}"), "", &role, subjects));
    }
    let info = files::kubeconfig("", &format!("https://{}", config.control_plane_endpoint), "");
    objects.push(value!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": files::printed(&info)},
    }));
    let name = "kubeadm:bootstrap-signer-clusterinfo";
    let read = vec![rule(&[""], &["configmaps"], &["cluster-info"], &["get"])];
    objects.push(role(false, name, "kube-public", read.into()));
    objects.push(binding(false, name, "kube-public", name, &[("User", "system:anonymous")]));
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Disk;

    #[test]
    fn kubelets_of_the_control_plane_go_to_their_own_api_server_since_1_33() {
        let server = |image: &str| {
            let node = Node { name: "cp2".into(), ip: "172.18.0.3".into(), image: Text::new(image), disk: Disk::default() };
            let mut config = ClusterConfiguration::load(&node.disk, image, "cp2");
            config.control_plane_endpoint = "lb:6443".into();
            let kubeconfigs = kubeconfigs(&config, &node);
            let (_, kubelet) = kubeconfigs.iter().find(|(file, _)| file == "kubelet.conf").expect("it is written");
            kubelet["clusters"][0]["cluster"]["server"].str().to_string()
        };
        assert_eq!(server("kindest/node:v1.32.2"), "https://lb:6443");
        assert_eq!(server("kindest/node:v1.33.1"), "https://172.18.0.3:6443");
        assert_eq!(server("kindest/node:v1.36.1"), "https://172.18.0.3:6443");
    }
}

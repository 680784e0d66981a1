//! `kind create cluster`, step by step (kind's `pkg/cluster/internal/create`).

use super::config::{ClusterConfig, NodeConfig};
use super::{CLUSTER_LABEL, ROLE_LABEL, image::Versions, load_balancer, manifests};
use crate::api::patch::apply_plain;
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, PatchType};
use crate::docker::host_port;
use crate::flow::{Flow, Halt, Io};
use crate::kubeadm::config::{ClusterConfiguration, EXTRA_ARGS, KUBELET_CONFIGURATION, PATH as KUBEADM_CONFIG, add_args};
use crate::kubectl::kubeconfig::{self, Kubeconfig};
use crate::kubectl::parse::go_duration_text;
use crate::shell::Env;
use crate::value;
use crate::value::{Text, Value};

/// Flags of the command.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--wait`: how long to wait for the control plane to be Ready; zero: not at all.
    pub wait: Duration,
    /// Whether nothing is printed.
    pub quiet: bool,
    /// Whether nodes stay when something fails.
    pub retain: bool,
}

struct Creation<'a> {
    config: &'a ClusterConfig,
    options: &'a Options,
    names: Vec<String>,
}

/// Creates a cluster.
pub fn create(config: &ClusterConfig, options: &Options, env: &Env, io: &mut Io) -> Flow<()> {
    let failed = |error: &str, io: &mut Io| io.fail(1, &format!("ERROR: failed to create cluster: {error}\n"));
    if !super::nodes(&config.name, io)?.is_empty() {
        return failed(&format!("node(s) already exist for a cluster with the name {:?}", config.name), io);
    }
    if let Err(error) = config.validate() {
        return failed(&error, io);
    }
    if let Some(node) = config.nodes.iter().find(|node| super::node_image_minor(&node.image).is_none()) {
        let image = &node.image;
        return failed(
            &format!(
                "failed to pull image {image:?}: command \"docker pull {image}\" failed with error: exit status 1\nCommand Output: Error response from daemon: manifest for {image} not found: manifest unknown: manifest unknown (the simulation has kindest/node:v1.14.0 to v1.36)"
            ),
            io,
        );
    }
    let creation = Creation { config, options, names: config.node_names() };
    for (program, name, value) in extra_flags(config) {
        match flag_check(program, &name, &value) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                return failed(&format!("invalid argument {value:?} for {program} \"--{name}\" flag: {error}"), io);
            }
            None => {
                let warning =
                    format!("WARNING: {program} --{name} has no effect in the simulation; it only stands in the manifest\n");
                creation.say(&warning, io);
            }
        }
    }
    for field in unheeded_kubelet_fields(config) {
        creation.say(&format!("WARNING: KubeletConfiguration's {field} has no effect in the simulation\n"), io);
    }
    creation.say(&format!("Creating cluster {:?} ...\n", config.name), io);
    match creation.steps(io) {
        Err(Halt::Exit(code)) => {
            if !options.retain {
                super::remove_nodes(&config.name, io)?;
            }
            Err(Halt::Exit(code))
        }
        Err(Halt::Pending) => Err(Halt::Pending),
        Ok(port) => {
            let mut kubeconfig = Kubeconfig::of(env);
            let context = format!("kind-{}", config.name);
            kubeconfig.add(&context, &format!("https://127.0.0.1:{port}"));
            io.write_file(kubeconfig::PATH, Some(Text::from(kubeconfig.to_yaml())));
            creation.say(
                &format!("Set kubectl context to {context:?}\nYou can now use your cluster with:\n\nkubectl cluster-info --context {context}\n\nHave a nice day! 👋\n"),
                io,
            );
            Ok(())
        }
    }
}

fn all_patches(config: &ClusterConfig) -> impl Iterator<Item = &Value> {
    config.kubeadm_patches.iter().chain(config.nodes.iter().flat_map(|node| &node.kubeadm_patches))
}

/// What patches set in KubeletConfigurations, but for what the kubelet heeds.
fn unheeded_kubelet_fields(config: &ClusterConfig) -> Vec<&Text> {
    let patches = all_patches(config).filter(|patch| patch.kind() == KUBELET_CONFIGURATION);
    let heeded = ["apiVersion", "kind", "evictionHard", "registerWithTaints"];
    patches.flat_map(Value::entries).map(|(field, _)| field).filter(|field| !heeded.contains(&field.as_str())).collect()
}

/// The flags of the control plane's programs that patches add: program, name, value.
fn extra_flags(config: &ClusterConfig) -> Vec<(&'static str, String, String)> {
    let mut configuration = ClusterConfiguration::default();
    for patch in all_patches(config).filter(|patch| is_of_cluster(patch)) {
        configuration.add_extra_args(patch);
    }
    let mut flags = Vec::new();
    for (field, program) in EXTRA_ARGS {
        let entries = configuration.extra_args[field].entries();
        flags.extend(entries.iter().map(|(name, value)| (program, name.to_string(), value.str().to_string())));
    }
    flags
}

/// Whether a program of the simulated control plane heeds a flag (`None`: it does not), and whether it can read its value.
fn flag_check(program: &str, name: &str, value: &str) -> Option<Result<(), String>> {
    match program {
        "kube-controller-manager" => crate::kcm::check_flag(name, value),
        "kube-apiserver" if name == "etcd-servers" => Some(Ok(())),
        _ => None,
    }
}

/// Whether a patch is one of the ClusterConfiguration; one without a kind is for all.
fn is_of_cluster(patch: &Value) -> bool {
    matches!(patch.kind(), "" | "ClusterConfiguration")
}

impl Creation<'_> {
    fn say(&self, text: &str, io: &mut Io) {
        if !self.options.quiet {
            io.eprint(text);
        }
    }

    fn done(&self, step: &str, io: &mut Io) {
        self.say(&format!(" ✓ {step}\n"), io);
    }

    fn fail<T>(&self, step: &str, error: &str, io: &mut Io) -> Flow<T> {
        self.say(&format!(" ✗ {step}\n"), io);
        io.fail(1, &format!("ERROR: failed to create cluster: {error}\n"))
    }

    /// All steps; the port of the api-server on the user's computer.
    fn steps(&self, io: &mut Io) -> Flow<u16> {
        let nodes = &self.config.nodes;
        let control_plane = nodes.iter().position(|node| node.role == "control-plane").expect("the configuration was validated");
        let mut images: Vec<&str> = nodes.iter().map(|node| node.image.as_str()).collect();
        images.order();
        images.dedup();
        for image in images {
            let step = format!("Ensuring node image ({}) 🖼", image.split('@').next().unwrap_or_default());
            if let Err(error) = io.docker("pull", value!({"image": Text::new(image)}))? {
                return self.fail(&step, &format!("failed to pull image {image:?}: {error}"), io);
            }
            self.done(&step, io);
        }

        let step = format!("Preparing nodes {}", "📦 ".repeat(nodes.len()));
        // The control plane is made first, so that it gets the first address; all are made at once.
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.order_by_key(|at| nodes[*at].role != "control-plane");
        let calls = order.iter().map(|at| {
            let labels = value!({CLUSTER_LABEL: &self.config.name, ROLE_LABEL: &nodes[*at].role});
            ("run", value!({"name": &self.names[*at], "image": &nodes[*at].image, "labels": labels}))
        });
        let mut calls: Vec<_> = calls.collect();
        if self.is_balanced() {
            let labels = value!({CLUSTER_LABEL: &self.config.name, ROLE_LABEL: load_balancer::ROLE});
            let call = value!({"name": self.balancer(), "image": load_balancer::IMAGE, "labels": labels});
            calls.insert(self.control_planes().count(), ("run", call));
        }
        for made in io.docker_all(calls)? {
            if let Err(error) = made {
                return self.fail(&step, &format!("failed to run container: {error}"), io);
            }
        }
        self.done(&step, io);

        if self.is_balanced() {
            self.configure_balancer(io)?;
        }
        let step = "Writing configuration 📜";
        let mut port = 0;
        let calls = order.iter().map(|at| ("inspect", value!({"name": &self.names[*at]})));
        let mut writes = Vec::new();
        for (at, facts) in order.iter().copied().zip(io.docker_all(calls.collect())?) {
            let facts = match facts {
                Ok(facts) => facts,
                Err(error) => return self.fail(step, &error, io),
            };
            if at == control_plane {
                port = host_port(crate::core::MachineId(facts["machine"].int() as u16));
            }
            let joins = nodes[at].role == "control-plane" && at != control_plane;
            let content = self.kubeadm_config(&nodes[at], &self.names[at], facts["ip"].str(), joins);
            writes.push(("write", value!({"name": &self.names[at], "path": KUBEADM_CONFIG, "content": content})));
        }
        for written in io.docker_all(writes)? {
            if let Err(error) = written {
                return self.fail(step, &format!("failed to copy {KUBEADM_CONFIG} to node: {error}"), io);
            }
        }
        if self.is_balanced() {
            port = match io.docker("inspect", value!({"name": self.balancer()}))? {
                Ok(facts) => host_port(crate::core::MachineId(facts["machine"].int() as u16)),
                Err(error) => return self.fail(step, &error, io),
            };
        }
        let versions = Versions::of(&nodes[control_plane].image);
        let endpoint = self.endpoint();
        self.write(
            control_plane,
            manifests::CNI_PATH,
            manifests::kindnet(&versions, &self.config.pod_subnet, &endpoint),
            step,
            io,
        )?;
        self.write(control_plane, manifests::STORAGE_PATH, manifests::storage(&versions), step, io)?;
        self.done(step, io);

        let step = "Starting control-plane 🕹️";
        let init = ["kubeadm", "init", "--config=/kind/kubeadm.conf", "--skip-token-print", "--v=6"];
        self.exec(control_plane, &init, "failed to init node with kubeadm", step, io)?;
        if nodes.len() == 1 {
            let mut untaint = vec!["kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "taint", "nodes", "--all"];
            let keys: Vec<String> = versions.control_plane_taints().iter().map(|key| format!("{key}-")).collect();
            untaint.extend(keys.iter().map(String::as_str));
            self.exec(control_plane, &untaint, "failed to remove control plane taint", step, io)?;
        }
        self.done(step, io);

        if !self.config.disable_default_cni {
            let step = "Installing CNI 🔌";
            let apply = ["kubectl", "create", "--kubeconfig=/etc/kubernetes/admin.conf", "-f", manifests::CNI_PATH];
            self.exec(control_plane, &apply, "failed to apply overlay network", step, io)?;
            self.done(step, io);
        }
        let step = "Installing StorageClass 💾";
        let apply = ["kubectl", "apply", "--kubeconfig=/etc/kubernetes/admin.conf", "-f", manifests::STORAGE_PATH];
        self.exec(control_plane, &apply, "failed to add default storage class", step, io)?;
        self.done(step, io);

        let others: Vec<usize> = self.control_planes().filter(|at| *at != control_plane).collect();
        let join = ["kubeadm", "join", "--config", "/kind/kubeadm.conf", "--skip-phases=preflight", "--v=6"];
        if !others.is_empty() {
            // One after the other: etcd takes one new member at a time.
            let step = "Joining more control-plane nodes 🎮";
            for at in others {
                self.exec(at, &join, "failed to join node with kubeadm", step, io)?;
            }
            self.done(step, io);
        }
        let workers: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].role == "worker").collect();
        if !workers.is_empty() {
            let step = "Joining worker nodes 🚜";
            let argv: Value = join.iter().map(|word| Text::Static(word)).collect();
            let calls = workers.iter().map(|at| ("exec", value!({"name": &self.names[*at], "argv": argv.clone()})));
            for result in io.docker_all(calls.collect())? {
                self.succeeded(result, "failed to join node with kubeadm", step, io)?;
            }
            self.done(step, io);
        }
        self.wait_for_ready(control_plane, io)?;
        Ok(port)
    }

    /// The control-plane nodes, in the file's order.
    fn control_planes(&self) -> impl Iterator<Item = usize> {
        self.config.nodes.iter().enumerate().filter(|(_, node)| node.role == "control-plane").map(|(at, _)| at)
    }

    /// Whether a load balancer stands in front of several control-plane nodes.
    fn is_balanced(&self) -> bool {
        self.control_planes().count() > 1
    }

    fn balancer(&self) -> String {
        format!("{}-{}", self.config.name, load_balancer::ROLE)
    }

    /// Where the api-server is found: at the load balancer, or on the only control-plane node.
    fn endpoint(&self) -> String {
        let first = self.control_planes().next().expect("the configuration was validated");
        format!("{}:6443", if self.is_balanced() { self.balancer() } else { self.names[first].clone() })
    }

    fn configure_balancer(&self, io: &mut Io) -> Flow<()> {
        let step = "Configuring the external load balancer ⚖️";
        let nodes: Vec<&str> = self.control_planes().map(|at| self.names[at].as_str()).collect();
        let content = load_balancer::configuration(&nodes);
        match io.docker("write", value!({"name": self.balancer(), "path": load_balancer::CONFIG, "content": content}))? {
            Ok(_) => self.done(step, io),
            Err(error) => return self.fail(step, &format!("failed to copy loadbalancer config to node: {error}"), io),
        }
        Ok(())
    }

    fn write(&self, at: usize, path: &'static str, content: Value, step: &str, io: &mut Io) -> Flow<()> {
        match io.docker("write", value!({"name": &self.names[at], "path": path, "content": content}))? {
            Ok(_) => Ok(()),
            Err(error) => self.fail(step, &format!("failed to copy {path} to node: {error}"), io),
        }
    }

    fn exec(&self, at: usize, argv: &[&str], what: &str, step: &str, io: &mut Io) -> Flow<Value> {
        let words: Value = argv.iter().map(|word| Text::new(word)).collect();
        let result = io.docker("exec", value!({"name": &self.names[at], "argv": words}))?;
        self.succeeded(result, what, step, io)
    }

    fn succeeded(&self, result: Result<Value, Text>, what: &str, step: &str, io: &mut Io) -> Flow<Value> {
        match result {
            Ok(finished) if finished["code"].int() == 0 => Ok(finished),
            Ok(finished) => {
                let output = format!("{}{}", finished["stdout"].str(), finished["stderr"].str());
                let code = finished["code"].int();
                self.fail(
                    step,
                    &format!("{what}: command failed with error: exit status {code}\nCommand Output: {}", output.trim_end()),
                    io,
                )
            }
            Err(error) => self.fail(step, &format!("{what}: {error}"), io),
        }
    }

    /// kubeadm's configuration of a node, with the patches of kind's configuration merged in.
    fn kubeadm_config(&self, node: &NodeConfig, name: &str, ip: &str, joins: bool) -> Value {
        let mut labels: Vec<String> = node.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        labels.order();
        let mut configuration = ClusterConfiguration {
            versions: Versions::of(&node.image),
            cluster_name: Text::new(&self.config.name),
            control_plane_endpoint: Text::from(self.endpoint()),
            pod_subnet: Text::new(&self.config.pod_subnet),
            service_subnet: Text::new(&self.config.service_subnet),
            proxy_mode: Text::new(&self.config.proxy_mode),
            kubelet_extra_args: value!({
                "node-ip": Text::new(ip), "node-labels": labels.join(","),
                "provider-id": format!("kind://docker/{}/{name}", self.config.name),
            }),
            extra_args: Value::map(),
            taints: Value::Null,
            joins_control_plane: joins,
            external_etcd: Vec::new(),
            kubelet: Value::Null,
        };
        for patch in self.config.kubeadm_patches.iter().chain(&node.kubeadm_patches) {
            let role = patch.kind();
            if is_of_cluster(patch) {
                let endpoints = patch["etcd"]["external"]["endpoints"].items();
                configuration.external_etcd.extend(endpoints.iter().map(Value::text));
                configuration.add_extra_args(patch);
            }
            if role == KUBELET_CONFIGURATION {
                configuration.kubelet =
                    apply_plain(&configuration.kubelet, patch, PatchType::Merge).unwrap_or(configuration.kubelet);
            }
            let first = node.role == "control-plane" && !joins;
            let fits = role.is_empty() || role == "InitConfiguration" && first || role == "JoinConfiguration" && !first;
            if !fits {
                continue;
            }
            let registration = &patch["nodeRegistration"];
            add_args(&mut configuration.kubelet_extra_args, &registration["kubeletExtraArgs"]);
            if !registration["taints"].is_null() {
                configuration.taints = registration["taints"].clone();
            }
        }
        configuration.to_documents()
    }

    fn wait_for_ready(&self, control_plane: usize, io: &mut Io) -> Flow<()> {
        if self.options.wait == Duration::ZERO {
            return Ok(());
        }
        let since = io.now();
        let limit = go_duration_text(self.options.wait.0 as i64);
        let step = format!("Waiting ≤ {limit} for control-plane = Ready ⏳");
        loop {
            let argv = [
                "kubectl",
                "--kubeconfig=/etc/kubernetes/admin.conf",
                "get",
                "nodes",
                "--selector=node-role.kubernetes.io/control-plane",
            ];
            let words: Value = argv.iter().map(|word| Text::Static(word)).collect();
            let ready = io
                .docker("exec", value!({"name": &self.names[control_plane], "argv": words}))?
                .is_ok_and(|finished| finished["stdout"].str().contains(" Ready "));
            let waited = io.now().since(since);
            if ready {
                self.done(&step, io);
                self.say(&format!(" • Ready after {}s 💚\n", waited.as_secs()), io);
                return Ok(());
            }
            if waited >= self.options.wait {
                self.say(&format!(" ✗ {step}\n • WARNING: Timed out waiting for Ready ⚠️\n"), io);
                return Ok(());
            }
            io.sleep(Duration::ms(500))?;
        }
    }
}

//! What kubeadm is told: its configuration file, as kind writes it.

use crate::api::patch::apply_plain;
use crate::core::{Disk, PatchType};
use crate::kind::image::{DEFAULT_NODE_IMAGE, Versions};
use crate::value;
use crate::value::{Text, Value};

/// Where kind puts the file.
pub const PATH: &str = "/kind/kubeadm.conf";
/// kind's bootstrap token.
pub const TOKEN: &str = "abcdef.0123456789abcdef";

/// The kind of the kubelets' configuration.
pub const KUBELET_CONFIGURATION: &str = "KubeletConfiguration";

/// The parts of kubeadm's configuration that matter here.
#[derive(Clone, Debug)]
pub struct ClusterConfiguration {
    /// Versions of everything.
    pub versions: Versions,
    /// The cluster's name.
    pub cluster_name: Text,
    /// `kind-control-plane:6443`
    pub control_plane_endpoint: Text,
    /// Addresses of pods.
    pub pod_subnet: Text,
    /// Addresses of services.
    pub service_subnet: Text,
    /// `iptables`, `ipvs` or `nftables`; `none` for no kube-proxy.
    pub proxy_mode: Text,
    /// More flags of the kubelet, by name: `node-ip`, `node-labels`, `provider-id`, `register-with-taints`, …
    pub kubelet_extra_args: Value,
    /// More flags of the parts of the control plane, by the field that has them ([`EXTRA_ARGS`]) and by name.
    pub extra_args: Value,
    /// Taints of this node; null for the default of its role.
    pub taints: Value,
    /// Whether this node joins as a further control-plane node (`JoinConfiguration.controlPlane`).
    pub joins_control_plane: bool,
    /// Client URLs of an etcd cluster on machines of its own (`etcd.external.endpoints`); none: etcd runs on the control-plane nodes.
    pub external_etcd: Vec<Text>,
    /// A KubeletConfiguration whose fields go before those that kubeadm writes by itself; null: none.
    pub kubelet: Value,
}

/// The fields of a ClusterConfiguration that may have `extraArgs`, with the program whose flags they are.
pub const EXTRA_ARGS: [(&str, &str); 4] = [
    ("apiServer", "kube-apiserver"),
    ("controllerManager", "kube-controller-manager"),
    ("scheduler", "kube-scheduler"),
    ("etcd", "etcd"),
];

/// Adds the flags of an `extraArgs` to those that are there, by name: v1beta4 has a list of names and values, older versions a map.
pub fn add_args(args: &mut Value, extra: &Value) {
    let text = |value: &Value| value.as_str().map_or_else(|| Text::from(value.to_json()), Text::new);
    for (name, value) in extra.entries() {
        args.map_mut().insert(name.clone(), text(value));
    }
    for argument in extra.items() {
        args.map_mut().insert(argument["name"].text(), text(&argument["value"]));
    }
}

/// The flags as v1beta4 writes them.
fn args_list(args: &Value) -> Value {
    args.entries().iter().map(|(name, value)| value!({"name": name, "value": value.clone()})).collect()
}

/// The `extraArgs` of a part of the control plane in a ClusterConfiguration; etcd's stand below `local`.
fn extra_args_of<'a>(cluster: &'a Value, field: &str) -> &'a Value {
    let part = &cluster[field];
    if field == "etcd" { &part["local"]["extraArgs"] } else { &part["extraArgs"] }
}

impl Default for ClusterConfiguration {
    fn default() -> Self {
        Self {
            versions: Versions::of(DEFAULT_NODE_IMAGE),
            cluster_name: "kind".into(),
            control_plane_endpoint: "kind-control-plane:6443".into(),
            pod_subnet: "10.244.0.0/16".into(),
            service_subnet: "10.96.0.0/16".into(),
            proxy_mode: "iptables".into(),
            kubelet_extra_args: Value::map(),
            extra_args: Value::map(),
            taints: Value::Null,
            joins_control_plane: false,
            external_etcd: Vec::new(),
            kubelet: Value::Null,
        }
    }
}

impl ClusterConfiguration {
    /// As the file of kind: a list of documents.
    pub fn to_documents(&self) -> Value {
        let mut documents = value!([
            {
                "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "clusterName": &self.cluster_name,
                "controlPlaneEndpoint": &self.control_plane_endpoint, "kubernetesVersion": &self.versions.kubernetes,
                "networking": {"podSubnet": &self.pod_subnet, "serviceSubnet": &self.service_subnet},
            },
            {
                "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration", "bootstrapTokens": [{"token": TOKEN}],
                "nodeRegistration": {
                    "criSocket": "unix:///run/containerd/containerd.sock", "kubeletExtraArgs": args_list(&self.kubelet_extra_args),
                    "taints": &self.taints,
                },
            },
            {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": &self.proxy_mode},
        ]);
        for (field, args) in self.extra_args.entries() {
            let extra = value!({"extraArgs": args_list(args)});
            documents.list_mut()[0][field.as_str()] = if field == "etcd" { value!({"local": extra}) } else { extra };
        }
        if !self.external_etcd.is_empty() {
            let endpoints: Value = self.external_etcd.iter().cloned().collect();
            documents.list_mut()[0]["etcd"] = value!({"external": {"endpoints": endpoints}});
        }
        if self.joins_control_plane {
            let port = value!({"bindPort": 6_443});
            documents.push(value!({
                "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration", "controlPlane": {"localAPIEndpoint": port},
            }));
        }
        if !self.kubelet.is_null() {
            documents.push(self.kubelet_configuration(Value::Null));
        }
        documents
    }

    /// The KubeletConfiguration: what kubeadm sets, with `more` for one node, and what the user wants.
    pub fn kubelet_configuration(&self, more: Value) -> Value {
        let mut made =
            value!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": KUBELET_CONFIGURATION, "cgroupDriver": "systemd"});
        for (name, value) in more.entries() {
            made.map_mut().insert(name.clone(), value.clone());
        }
        // What is no map is none.
        apply_plain(&made, &self.kubelet, PatchType::Merge).unwrap_or(made)
    }

    /// From the file on a node's disk; without one, kubeadm's defaults for the node image.
    pub fn load(disk: &Disk, image: &str, name: &str) -> Self {
        let mut config = Self {
            versions: Versions::of(image),
            cluster_name: "kubernetes".into(),
            control_plane_endpoint: Text::from(format!("{name}:6443")),
            service_subnet: "10.96.0.0/12".into(),
            ..Self::default()
        };
        let Some(documents) = disk.files.get(PATH) else { return config };
        let document =
            |kind: &str| documents.items().iter().find(|document| document.kind() == kind).cloned().unwrap_or_default();
        let (cluster, node) = (&document("ClusterConfiguration"), document("InitConfiguration"));
        config.read_cluster(cluster);
        config.proxy_mode = document("KubeProxyConfiguration")["mode"].text();
        config.kubelet_extra_args = Value::map();
        add_args(&mut config.kubelet_extra_args, &node["nodeRegistration"]["kubeletExtraArgs"]);
        config.taints = node["nodeRegistration"]["taints"].clone();
        config.kubelet = document(KUBELET_CONFIGURATION);
        config.joins_control_plane = !document("JoinConfiguration")["controlPlane"].is_null();
        config
    }

    /// Takes what a ClusterConfiguration says, of the file or of the ConfigMap `kubeadm-config`.
    pub fn read_cluster(&mut self, cluster: &Value) {
        self.cluster_name = cluster["clusterName"].text();
        self.control_plane_endpoint = cluster["controlPlaneEndpoint"].text();
        self.pod_subnet = cluster["networking"]["podSubnet"].text();
        self.service_subnet = cluster["networking"]["serviceSubnet"].text();
        self.external_etcd = cluster["etcd"]["external"]["endpoints"].items().iter().map(Value::text).collect();
        self.extra_args = Value::map();
        self.add_extra_args(cluster);
    }

    /// Adds the `extraArgs` of a ClusterConfiguration.
    pub fn add_extra_args(&mut self, cluster: &Value) {
        for (field, _) in EXTRA_ARGS {
            let extra = extra_args_of(cluster, field);
            if !extra.is_empty() {
                add_args(&mut self.extra_args[field], extra);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_args_come_in_two_forms_and_survive_the_file() {
        let mut config = ClusterConfiguration::default();
        config.add_extra_args(&value!({"controllerManager": {"extraArgs": {"v": 4, "node-monitor-grace-period": "40s"}}}));
        config.add_extra_args(&value!({
            "controllerManager": {"extraArgs": [{"name": "node-monitor-grace-period", "value": "20s"}]},
            "etcd": {"local": {"extraArgs": [{"name": "election-timeout", "value": "5000"}]}},
        }));
        let expected = value!({
            "controllerManager": {"node-monitor-grace-period": "20s", "v": "4"}, "etcd": {"election-timeout": "5000"},
        });
        assert_eq!(config.extra_args, expected);
        let mut disk = Disk::default();
        disk.files.insert(PATH.into(), config.to_documents());
        let read = ClusterConfiguration::load(&disk, DEFAULT_NODE_IMAGE, "kind-control-plane");
        assert_eq!((read.extra_args, read.kubelet_extra_args), (expected, Value::map()));
    }
}

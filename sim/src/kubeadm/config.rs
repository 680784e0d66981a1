//! What kubeadm is told: its configuration file, as kind writes it.

use crate::core::Disk;
use crate::kind::image::{DEFAULT_NODE_IMAGE, Versions};
use crate::value;
use crate::value::{Text, Value};

/// Where kind puts the file.
pub const PATH: &str = "/kind/kubeadm.conf";
/// kind's bootstrap token.
pub const TOKEN: &str = "abcdef.0123456789abcdef";

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
    /// Taints of this node; null for the default of its role.
    pub taints: Value,
    /// Whether this node joins as a further control-plane node (`JoinConfiguration.controlPlane`).
    pub joins_control_plane: bool,
    /// Client URLs of an etcd cluster on machines of its own (`etcd.external.endpoints`); none: etcd runs on the control-plane nodes.
    pub external_etcd: Vec<Text>,
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
            taints: Value::Null,
            joins_control_plane: false,
            external_etcd: Vec::new(),
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
                    "criSocket": "unix:///run/containerd/containerd.sock", "kubeletExtraArgs": &self.kubelet_extra_args,
                    "taints": &self.taints,
                },
            },
            {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": &self.proxy_mode},
        ]);
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
        documents
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
        let (cluster, node) = (document("ClusterConfiguration"), document("InitConfiguration"));
        config.cluster_name = cluster["clusterName"].text();
        config.control_plane_endpoint = cluster["controlPlaneEndpoint"].text();
        config.pod_subnet = cluster["networking"]["podSubnet"].text();
        config.service_subnet = cluster["networking"]["serviceSubnet"].text();
        config.proxy_mode = document("KubeProxyConfiguration")["mode"].text();
        config.kubelet_extra_args = node["nodeRegistration"]["kubeletExtraArgs"].clone();
        config.taints = node["nodeRegistration"]["taints"].clone();
        config.external_etcd = cluster["etcd"]["external"]["endpoints"].items().iter().map(Value::text).collect();
        config.joins_control_plane = !document("JoinConfiguration")["controlPlane"].is_null();
        config
    }
}

//! Clusters of different shapes: how many nodes of which role, and where etcd is.

use super::image::{DEFAULT_NODE_IMAGE, Versions};

/// A shape of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Its name.
    pub name: &'static str,
    /// Nodes of the control plane; several stand behind a load balancer.
    pub control_planes: usize,
    /// Workers; without any, the control plane's node runs the workloads.
    pub workers: usize,
    /// Members of etcd on machines of their own; 0: on the control plane's nodes.
    pub external_etcd: usize,
}

/// The shapes that the documentation of Kubernetes tells apart.
pub const TOPOLOGIES: [Topology; 5] = [
    Topology { name: "single-node", control_planes: 1, workers: 0, external_etcd: 0 },
    Topology { name: "workers", control_planes: 1, workers: 3, external_etcd: 0 },
    Topology { name: "stacked-3", control_planes: 3, workers: 3, external_etcd: 0 },
    Topology { name: "stacked-5", control_planes: 5, workers: 3, external_etcd: 0 },
    Topology { name: "external-3", control_planes: 3, workers: 3, external_etcd: 3 },
];

impl Topology {
    /// One of [`TOPOLOGIES`].
    pub fn find(name: &str) -> Option<Self> {
        TOPOLOGIES.into_iter().find(|topology| topology.name == name)
    }

    /// kind's configuration file for it.
    pub fn config(&self) -> String {
        let mut yaml = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n".to_string();
        yaml += &"- role: control-plane\n".repeat(self.control_planes);
        yaml += &"- role: worker\n".repeat(self.workers);
        if self.external_etcd > 0 {
            yaml += "kubeadmConfigPatches:\n- |\n  kind: ClusterConfiguration\n  etcd:\n    external:\n      endpoints:\n";
            (1..=self.external_etcd).for_each(|at| yaml += &format!("      - http://etcd{at}:2379\n"));
        }
        yaml
    }

    /// The command lines that start its external etcd; none when etcd is on the control plane's nodes.
    pub fn etcd_lines(&self) -> Vec<String> {
        let members: Vec<String> = (1..=self.external_etcd).map(|at| format!("etcd{at}=http://etcd{at}:2380")).collect();
        let (members, image) = (members.join(","), Versions::of(DEFAULT_NODE_IMAGE).etcd);
        let line = |at| {
            format!(
                "docker run -d --name etcd{at} --network kind {image} etcd --name=etcd{at} --initial-advertise-peer-urls=http://etcd{at}:2380 --initial-cluster={members}"
            )
        };
        (1..=self.external_etcd).map(line).collect()
    }

    /// All command lines that bring it about.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.etcd_lines();
        lines.push(create_cluster(&self.config()));
        lines
    }
}

/// The command line that creates a cluster of this configuration.
pub fn create_cluster(config: &str) -> String {
    let config = config.trim_end();
    format!("cat > cluster.yaml <<'END_OF_CLUSTER'\n{config}\nEND_OF_CLUSTER\nkind create cluster --config cluster.yaml")
}

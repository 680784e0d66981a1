//! Who sends and who receives.

use std::fmt;

/// A machine: the user's computer, a node's container, an external etcd's machine. Index into the cluster's list; 0 is the user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub u16);

impl MachineId {
    /// The user's computer, where kubectl, kind and docker run.
    pub const USER: Self = Self(0);
    /// Where the image registry is for rules of packets: `registry-1.docker.io`. No machine of the cluster's list.
    pub const REGISTRY: Self = Self(u16::MAX);
}

/// A controller of the kube-controller-manager, named as its service account is (which is how the audit log tells them apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// The manager itself: leader election, and the informers that all controllers share.
    Manager,
    /// deployment-controller
    Deployment,
    /// replicaset-controller
    ReplicaSet,
    /// daemon-set-controller
    DaemonSet,
    /// node-controller: lifecycle, IPAM and taint eviction run under one account.
    Node,
    /// ttl-controller
    Ttl,
    /// endpoint-controller
    Endpoint,
    /// endpointslice-controller
    EndpointSlice,
    /// namespace-controller
    Namespace,
    /// generic-garbage-collector
    GarbageCollector,
    /// service-account-controller
    ServiceAccount,
    /// root-ca-cert-publisher
    RootCa,
    /// disruption-controller
    Disruption,
    /// pod-garbage-collector
    PodGc,
}

impl Controller {
    /// All controllers in the order of the drawing.
    pub const ALL: [Self; 14] = [
        Self::Manager,
        Self::Deployment,
        Self::ReplicaSet,
        Self::DaemonSet,
        Self::Node,
        Self::Ttl,
        Self::Endpoint,
        Self::EndpointSlice,
        Self::Namespace,
        Self::GarbageCollector,
        Self::ServiceAccount,
        Self::RootCa,
        Self::Disruption,
        Self::PodGc,
    ];

    /// The account's name, such as `replicaset-controller`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "kube-controller-manager",
            Self::Deployment => "deployment-controller",
            Self::ReplicaSet => "replicaset-controller",
            Self::DaemonSet => "daemon-set-controller",
            Self::Node => "node-controller",
            Self::Ttl => "ttl-controller",
            Self::Endpoint => "endpoint-controller",
            Self::EndpointSlice => "endpointslice-controller",
            Self::Namespace => "namespace-controller",
            Self::GarbageCollector => "generic-garbage-collector",
            Self::ServiceAccount => "service-account-controller",
            Self::RootCa => "root-ca-cert-publisher",
            Self::Disruption => "disruption-controller",
            Self::PodGc => "pod-garbage-collector",
        }
    }
}

/// A program on a machine that sends and receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The user's shell with kubectl, kind and docker.
    Shell,
    /// etcd
    Etcd,
    /// kube-apiserver
    ApiServer,
    /// kube-scheduler
    Scheduler,
    /// A controller of the kube-controller-manager; all of one machine are one process.
    Controller(Controller),
    /// kubelet
    Kubelet,
    /// containerd
    Runtime,
    /// kube-proxy
    KubeProxy,
    /// kindnetd, kind's network plugin
    Kindnet,
    /// coredns
    CoreDns,
    /// local-path-provisioner
    LocalPathProvisioner,
    /// kubeadm while it runs on a machine
    Kubeadm,
    /// The first process of a node's machine
    Systemd,
    /// The image registry, outside the cluster
    Registry,
    /// docker's engine on the user's computer
    Docker,
    /// The load balancer in front of several api-servers (kind's HAProxy)
    LoadBalancer,
}

impl Part {
    /// The process whose state machine handles what is sent to this part: all controllers are one process.
    pub fn process(self) -> Self {
        match self {
            Self::Controller(_) => Self::Controller(Controller::Manager),
            part => part,
        }
    }

    /// A number of its own.
    const fn number(self) -> u16 {
        match self {
            Self::Shell => 0,
            Self::Etcd => 1,
            Self::ApiServer => 2,
            Self::Scheduler => 3,
            Self::Kubelet => 4,
            Self::Runtime => 5,
            Self::KubeProxy => 6,
            Self::Kindnet => 7,
            Self::CoreDns => 8,
            Self::LocalPathProvisioner => 9,
            Self::Kubeadm => 10,
            Self::Systemd => 11,
            Self::Registry => 12,
            Self::Docker => 13,
            Self::LoadBalancer => 14,
            Self::Controller(controller) => 100 + controller as u16,
        }
    }

    /// The part's name as in its process list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shell => "kubectl",
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::Scheduler => "kube-scheduler",
            Self::Controller(controller) => controller.name(),
            Self::Kubelet => "kubelet",
            Self::Runtime => "containerd",
            Self::KubeProxy => "kube-proxy",
            Self::Kindnet => "kindnetd",
            Self::CoreDns => "coredns",
            Self::LocalPathProvisioner => "local-path-provisioner",
            Self::Kubeadm => "kubeadm",
            Self::Systemd => "systemd",
            Self::Registry => "registry",
            Self::Docker => "dockerd",
            Self::LoadBalancer => "haproxy",
        }
    }
}

/// A part on a machine: the sender or receiver of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    /// Where it runs.
    pub machine: MachineId,
    /// What it is.
    pub part: Part,
}

impl Addr {
    /// The user's shell.
    pub const USER: Self = Self { machine: MachineId::USER, part: Part::Shell };
    /// The image registry; it stands for the world outside and lives beside the user.
    pub const REGISTRY: Self = Self { machine: MachineId::USER, part: Part::Registry };
    /// docker's engine.
    pub const DOCKER: Self = Self { machine: MachineId::USER, part: Part::Docker };

    /// The machine whose address packets to this part bear: the registry lives beside the user, but has one of its own.
    pub const fn host(self) -> MachineId {
        if matches!(self.part, Part::Registry) { MachineId::REGISTRY } else { self.machine }
    }

    /// A number of its own: quicker to compare than the address.
    pub(super) const fn number(self) -> u32 {
        (self.machine.0 as u32) << 16 | self.part.number() as u32
    }

    /// `part` on `machine`.
    pub const fn new(machine: MachineId, part: Part) -> Self {
        Self { machine, part }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.part.name(), self.machine.0)
    }
}

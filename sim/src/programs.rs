//! Which program runs behind which part: the one place that knows all components.

use std::rc::Rc;

use crate::core::cluster::{Component, Disk};
use crate::core::{MachineId, Part};
use crate::machine::MachineSpec;
use crate::value::Value;

/// What a program finds when it starts.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The simulation's seed, for [`crate::core::Rng::new`].
    pub seed: u64,
    /// A name for its random numbers that no other run of a program has.
    pub purpose: &'a str,
    /// Its machine.
    pub machine: MachineId,
    /// Its machine's name, which is its node's name too.
    pub name: &'a str,
    /// Its machine's address.
    pub ip: &'a str,
    /// What the machine was made from.
    pub spec: &'a MachineSpec,
    /// Its machine's disk.
    pub disk: &'a Disk,
    /// Its arguments.
    pub args: &'a Value,
}

/// The programs of the user's computer.
pub const ON_USERS_MACHINE: &[Part] = &[Part::Shell, Part::Docker, Part::Registry];

/// The programs that a machine starts by itself when it is switched on (kind's node image boots systemd).
pub fn at_boot(spec: &MachineSpec) -> Vec<Part> {
    match spec.role.as_str() {
        "control-plane" | "worker" if crate::kind::node_image_minor(&spec.image).is_some() => vec![Part::Systemd],
        // Not systemd there, but who does what docker asks for.
        crate::kind::load_balancer::ROLE => vec![Part::Systemd, Part::LoadBalancer],
        crate::docker::ETCD_ROLE => vec![Part::Systemd, Part::Etcd],
        _ => Vec::new(),
    }
}

/// Starts a program.
pub fn start(part: Part, launch: &Launch<'_>) -> Rc<dyn Component> {
    match part {
        Part::ApiServer => Rc::new(crate::apiserver::ApiServer::start(launch)),
        Part::Shell => Rc::new(crate::user::User::start(launch)),
        Part::Docker => Rc::new(crate::docker::Engine::start(launch)),
        Part::Kubelet => Rc::new(crate::kubelet::Kubelet::start(launch)),
        Part::Kubeadm => Rc::new(crate::kubeadm::Kubeadm::start(launch)),
        Part::Registry => Rc::new(crate::runtime::Registry::start(launch)),
        Part::Runtime => Rc::new(crate::runtime::Containerd::start(launch)),
        Part::Systemd => Rc::new(crate::machine::Systemd::start(launch)),
        Part::Scheduler => Rc::new(crate::scheduler::KubeScheduler::start(launch)),
        Part::Controller(_) => Rc::new(crate::kcm::ControllerManager::start(launch)),
        Part::Etcd => Rc::new(crate::etcd::Etcd::start(launch)),
        Part::LoadBalancer => Rc::new(crate::kind::load_balancer::LoadBalancer::start(launch)),
        Part::KubeProxy => Rc::new(crate::proxy::KubeProxy::start(launch)),
        Part::Kindnet | Part::CoreDns | Part::LocalPathProvisioner => Rc::new(crate::addons::Addon::start(part, launch)),
    }
}

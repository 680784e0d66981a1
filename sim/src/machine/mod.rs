//! Machines as docker sees them: what kind and docker ask of the engine, and of programs on a node's machine.
//!
//! - [`systemd`] starts containerd and kubelet, and runs the commands of `docker exec` ([`command`]);
//! - [`network`]: iptables and tc, by which links are cut and slowed down;
//! - [`files`]: the files on a node's disk that several programs know.

pub mod command;
pub mod files;
pub mod network;
pub mod systemd;
pub mod usage;

pub use systemd::Systemd;

use crate::core::EnvelopeId;
use crate::value::{Text, Value};

/// A message to or from the docker engine, or a program on a machine that is not Kubernetes'.
#[derive(Clone, Debug, PartialEq)]
pub enum MachineMessage {
    /// A call: `run`, `start`, `stop`, `rm`, `exec`, `ps`, …
    Call {
        /// What to do.
        verb: &'static str,
        /// With what.
        args: Value,
    },
    /// The answer to a call.
    Reply {
        /// The call's envelope.
        to: EnvelopeId,
        /// The result, or the error's text.
        result: Result<Value, Text>,
    },
    /// Something that the kernel tells a program, such as `inotify`: nobody answers.
    Event {
        /// What happened.
        kind: &'static str,
        /// To what.
        body: Value,
    },
}

/// A machine to be added: what `docker run` of a node's image is told.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSpec {
    /// The container's name, such as `kind-worker`.
    pub name: Text,
    /// Its image, such as `kindest/node:v1.36.1`.
    pub image: Text,
    /// `control-plane`, `worker`, `external-load-balancer` or `etcd`.
    pub role: Text,
    /// The cluster that kind made it for.
    pub cluster: Text,
    /// Whatever else its programs are told (labels, taints, kubeadm patches), by name.
    pub config: Value,
}

/// On a machine's disk: when it booted, in microseconds of the simulation.
pub const BOOT_FILE: &str = "/proc/stat";

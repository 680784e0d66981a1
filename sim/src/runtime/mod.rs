//! The container runtime (containerd) of a machine: sandboxes, containers, images, processes; and the CRI messages between it and the kubelet.
//!
//! In reading order:
//! - [`image`]: names, sizes and layers of images; [`registry`] serves them;
//! - [`behaviour`]: what a container's process does, by image and command; [`logs`] what it prints; [`exec`] commands run inside;
//! - [`process`]: process ids and `ps`;
//! - [`containerd`]: the component that answers the kubelet; pulling images and giving addresses have files of their own.

pub mod behaviour;
pub mod container;
pub mod containerd;
pub mod exec;
pub mod hub;
pub mod image;
pub mod logs;
mod network;
pub mod process;
mod pull;
pub mod registry;
pub mod script;
pub mod spawn;

pub use containerd::Containerd;
pub use pull::Image;
pub use registry::Registry;

use crate::core::EnvelopeId;
use crate::value::{Text, Value};

/// A message of the container runtime interface (after `k8s.io/cri-api`), or between the runtime and the registry.
#[derive(Clone, Debug, PartialEq)]
pub enum Cri {
    /// A call: `method` is CRI's name, such as `RunPodSandbox`; `args` its fields.
    Call {
        /// CRI's name of the call.
        method: &'static str,
        /// Its fields.
        args: Value,
    },
    /// The answer to a call.
    Reply {
        /// The call's envelope.
        to: EnvelopeId,
        /// The result, or the error's text.
        result: Result<Value, Text>,
    },
    /// An event on the runtime's container event stream (evented PLEG).
    Event {
        /// Such as `CONTAINER_STOPPED_EVENT`.
        kind: &'static str,
        /// Ids and states.
        body: Value,
    },
}

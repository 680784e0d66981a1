//! kube-scheduler: decides on which node a pod goes, and can say why.
//!
//! In reading order:
//! - [`resources`], [`terms`], [`pod_info`], [`node_info`]: pods and nodes parsed once into integers and selectors;
//! - [`snapshot`]: the cluster as one scheduling cycle sees it;
//! - [`framework`]: the extension points, and [`plugins`], one a file; [`profile`] puts them together as [`config`] says;
//! - [`load`]: a snapshot from files; [`what_if`] and [`answer_table`]: `orrery schedule`;
//! - [`algorithm`]: one cycle, [`decision`]: its explainable record; [`arith`]: scores without floating point.
//!
//! A decision depends on the snapshot, the pod, the profile and a seed only: [`schedule_once`].

pub mod algorithm;
pub mod answer_table;
pub mod arith;
mod binding;
pub mod component;
pub mod config;
pub mod decision;
pub mod framework;
pub mod load;
pub mod log;
pub mod node_info;
pub mod perf;
mod plugin_args;
pub mod plugins;
pub mod pod_info;
mod preempting;
pub mod profile;
pub mod queue;
mod report;
pub mod resources;
pub mod snapshot;
mod status;
pub mod terms;
pub mod what_if;

use std::rc::Rc;

pub use algorithm::Algorithm;
pub use component::KubeScheduler;
pub use decision::Decision;
pub use pod_info::PodInfo;
pub use profile::Profile;
pub use snapshot::Snapshot;

use crate::core::Time;

/// Decides where a pod would go, and changes nothing.
pub fn schedule_once(snapshot: &Snapshot, pod: &Rc<PodInfo>, profile: &Profile, seed: u64) -> Decision {
    Algorithm::new(seed).schedule(snapshot, pod, profile, Time::ZERO, 1)
}

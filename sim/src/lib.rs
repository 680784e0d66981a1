//! The simulated Kubernetes cluster: plain data and pure steps. It knows no browser, no wall clock, no thread and no entropy.
//!
//! In reading order:
//! - [`value`]: Kubernetes objects as persistent JSON;
//! - [`api`]: what the Kubernetes API is made of: resources, errors, patches, selectors, validation;
//! - [`core`]: time, addresses, messages, the event queue, the trace, the cluster that steps them;
//! - [`flow`]: command-line programs as straight-line code that can be stopped and copied at any message;
//! - [`apiserver`], [`etcd`], [`scheduler`], [`kcm`] (kube-controller-manager): the control plane;
//! - [`shell`]: the user's command lines, in which [`kubectl`] and others run.
#![recursion_limit = "256"]

pub mod addons;
pub mod api;
pub mod apiserver;
pub mod client;
pub mod compare;
pub mod core;
pub mod docker;
pub mod etcd;
pub mod flow;
pub mod kcm;
pub mod kind;
pub mod kubeadm;
pub mod kubectl;
pub mod kubelet;
pub mod lab;
pub mod lesson;
pub mod machine;
pub mod programs;
pub mod proxy;
pub mod runtime;
pub mod scheduler;
pub mod session;
pub mod shell;
pub mod user;
pub mod value;

/// The version of Kubernetes that is simulated when no image says otherwise.
pub const KUBERNETES_VERSION: &str = "v1.36.2";

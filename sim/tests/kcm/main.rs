//! The controller manager against a real api-server and etcd: which requests it sends, in which order.
//! The orders come from recordings of a v1.36 control plane; kubelet and scheduler are played by hand.

mod bench;
mod cleanup;
mod nodes;
mod services;
mod workloads;

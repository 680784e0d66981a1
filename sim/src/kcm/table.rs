//! The controllers' queues and event sources as tables.

use super::reconcile::{Io, QueueId, Step};
use super::{accounts, daemonset, deployment, disruption, endpoints, gc, namespace, node, podgc, replicaset};
use crate::core::{Controller, Duration};

/// A queue and who works on it.
pub(super) struct Row {
    /// Which.
    pub id: QueueId,
    /// Names its timers.
    pub timer: &'static str,
    /// Whose account its requests use.
    pub account: Controller,
    /// How many keys are worked on at the same time (`--concurrent-…-syncs`).
    pub workers: usize,
    /// The first wait after a failure; it doubles each time.
    pub backoff: Duration,
    /// After so many failures the key is given up until something happens to it.
    pub max_retries: u32,
    /// As which component its events are recorded.
    pub component: &'static str,
    /// The work.
    pub sync: fn(&mut Io<'_>, &str) -> Step<()>,
}

const fn row(
    id: QueueId,
    timer: &'static str,
    account: Controller,
    workers: usize,
    component: &'static str,
    sync: fn(&mut Io<'_>, &str) -> Step<()>,
) -> Row {
    Row { id, timer, account, workers, backoff: Duration::ms(5), max_retries: u32::MAX, component, sync }
}

/// All queues, in the order of [`QueueId`].
pub(super) static QUEUES: [Row; 18] = [
    Row {
        max_retries: 15,
        ..row(QueueId::Deployment, "deployment", Controller::Deployment, 5, "deployment-controller", deployment::sync)
    },
    row(QueueId::ReplicaSet, "replicaset", Controller::ReplicaSet, 5, "replicaset-controller", replicaset::sync),
    row(QueueId::DaemonSet, "daemonset", Controller::DaemonSet, 2, "daemonset-controller", daemonset::sync),
    row(QueueId::Ttl, "ttl", Controller::Ttl, 5, "node-controller", node::ttl::sync),
    row(QueueId::NodeCidr, "node-cidr", Controller::Node, 30, "cidrAllocator", node::ipam::sync),
    row(QueueId::NodeTaints, "node-taints", Controller::Node, 8, "node-controller", node::taints::sync),
    row(QueueId::NodeHealth, "node-health", Controller::Node, 8, "node-controller", node::health::sync),
    row(QueueId::NodeNoExecute, "node-no-execute", Controller::Node, 1, "node-controller", node::health::sync_no_execute),
    row(QueueId::TaintEviction, "evict", Controller::Node, 8, "taint-eviction-controller", node::eviction::sync),
    Row {
        max_retries: 15,
        ..row(QueueId::Endpoint, "endpoint", Controller::Endpoint, 5, "endpoint-controller", endpoints::legacy::sync)
    },
    Row {
        max_retries: 15,
        backoff: Duration::s(1),
        ..row(
            QueueId::EndpointSlice,
            "endpointslice",
            Controller::EndpointSlice,
            5,
            "endpoint-slice-controller",
            endpoints::slice::sync,
        )
    },
    row(QueueId::Disruption, "disruption", Controller::Disruption, 1, "controllermanager", disruption::sync),
    row(QueueId::Namespace, "namespace", Controller::Namespace, 10, "kube-controller-manager", namespace::sync),
    row(QueueId::GarbageDelete, "garbage", Controller::GarbageCollector, 20, "garbage-collector-controller", gc::sync_delete),
    row(QueueId::GarbageOrphan, "orphan", Controller::GarbageCollector, 20, "garbage-collector-controller", gc::sync_orphan),
    row(
        QueueId::ServiceAccount,
        "serviceaccount",
        Controller::ServiceAccount,
        1,
        "kube-controller-manager",
        accounts::sync_account,
    ),
    row(QueueId::RootCa, "root-ca", Controller::RootCa, 1, "kube-controller-manager", accounts::sync_root_ca),
    row(QueueId::PodGc, "pod-gc", Controller::PodGc, 1, "pod-garbage-collector", podgc::sync),
];

/// A source of events.
pub(super) struct Component {
    /// Its name in `source.component`.
    pub name: &'static str,
    /// Names its retry timer.
    pub timer: &'static str,
    /// Whose account its requests use.
    pub account: Controller,
}

const fn component(name: &'static str, timer: &'static str, account: Controller) -> Component {
    Component { name, timer, account }
}

/// All sources of events.
pub(super) static COMPONENTS: [Component; 12] = [
    component("kube-controller-manager", "events/manager", Controller::Manager),
    component("deployment-controller", "events/deployment", Controller::Deployment),
    component("replicaset-controller", "events/replicaset", Controller::ReplicaSet),
    component("daemonset-controller", "events/daemonset", Controller::DaemonSet),
    component("node-controller", "events/node", Controller::Node),
    component("cidrAllocator", "events/cidr", Controller::Node),
    component("taint-eviction-controller", "events/taint-eviction", Controller::Node),
    component("endpoint-controller", "events/endpoint", Controller::Endpoint),
    component("endpoint-slice-controller", "events/endpointslice", Controller::EndpointSlice),
    component("controllermanager", "events/disruption", Controller::Disruption),
    component("pod-garbage-collector", "events/pod-gc", Controller::PodGc),
    component("garbage-collector-controller", "events/garbage", Controller::GarbageCollector),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_numbers_say() {
        for (at, row) in QUEUES.iter().enumerate() {
            assert_eq!(row.id as usize, at);
            assert!(COMPONENTS.iter().any(|component| component.name == row.component), "{}", row.component);
        }
        let timers: crate::core::collections::PSet<&str> = QUEUES.iter().map(|row| row.timer).collect();
        assert_eq!(timers.len(), QUEUES.len());
    }
}

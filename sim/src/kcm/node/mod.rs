//! The controllers of nodes; all but ttl run under the account of the node-controller.
//!
//! - `mod.rs`: what they remember, and where changes of nodes go;
//! - `health.rs`: who is alive (node-lifecycle-controller's monitor);
//! - `taints.rs`: taints that follow conditions;
//! - `eviction.rs`: pods that do not tolerate their node's taints (taint-eviction-controller);
//! - `ipam.rs`: pod networks; `ttl.rs`: how long kubelets may cache.

pub(super) mod eviction;
pub(super) mod health;
pub(super) mod ipam;
pub(super) mod taints;
pub(super) mod ttl;

use super::context::Context;
use super::reconcile::QueueId;
use super::view::View;
use crate::api::resource::NODES;
use crate::client::Change;
use crate::core::collections::{PMap, PSet};
use crate::value;
use crate::value::{Text, Value};

/// What the node controllers remember.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeFacts {
    /// When each node was last seen alive.
    health: PMap<Text, health::Health>,
    /// How long a node may be silent.
    pub grace: health::Grace,
    /// Nodes that the monitor has greeted.
    known: PMap<Text, Text>,
    /// Nodes whose pods could not all be marked not ready.
    pub unmarked: PSet<Text>,
    /// What is left of the nodes, by zone.
    zones: PMap<Text, health::Zone>,
    /// Pods that are to be evicted.
    evictions: eviction::Evictions,
    /// Who has which pod network.
    pub cidrs: ipam::CidrSet,
    /// Which size of cluster the ttl is for.
    ttl_step: usize,
}

/// A change of a node.
pub(super) fn on_change(context: &mut Context<'_, '_>, change: &Change) {
    let key = change.object().key();
    ttl::on_change(context, change);
    ipam::on_change(context, change);
    if change.new.is_some() {
        context.enqueue(QueueId::NodeTaints, &key);
    } else {
        context.view.nodes.unmarked.remove(key.as_str());
    }
    eviction::on_node(context, change);
}

/// The reference to a node that its events carry: without a resourceVersion.
fn reference(node: &Value) -> Value {
    value!({"apiVersion": "v1", "kind": "Node", "name": &node["metadata"]["name"], "uid": &node["metadata"]["uid"]})
}

fn node<'a>(view: &'a View, name: &str) -> Option<&'a Value> {
    view.get(NODES, name)
}

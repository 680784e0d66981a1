//! What the controllers know: the informers' stores and the indexes over them, as one value that is cheap to copy.

use std::ops::Bound;

use super::expectations::Expectations;
use super::gc::Graph;
use super::node::NodeFacts;
use super::pods::{OwnerIndex, PodIndex};
use crate::api::Resource;
use crate::api::resource::{
    CONFIGMAPS, CONTROLLERREVISIONS, DAEMONSETS, DEPLOYMENTS, ENDPOINTS, ENDPOINTSLICES, LEASES, NAMESPACES, NODES,
    PODDISRUPTIONBUDGETS, PODS, REPLICASETS, SERVICEACCOUNTS, SERVICES,
};
use crate::core::collections::PMap;
use crate::value::{Text, Value};

/// An informer's store.
pub(super) type Store = PMap<Text, Value>;

/// The resources that controllers read from their informers; the garbage collector follows all others too.
pub(super) const READ: [Resource; 14] = [
    PODS,
    NODES,
    SERVICES,
    ENDPOINTS,
    ENDPOINTSLICES,
    DEPLOYMENTS,
    REPLICASETS,
    DAEMONSETS,
    CONTROLLERREVISIONS,
    NAMESPACES,
    SERVICEACCOUNTS,
    CONFIGMAPS,
    LEASES,
    PODDISRUPTIONBUDGETS,
];

/// Everything a sync may read.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    stores: [Store; READ.len()],
    /// Pods by owner, node, labels.
    pub pods: PodIndex,
    /// ReplicaSets by owner.
    pub replica_sets: OwnerIndex,
    /// ControllerRevisions by owner.
    pub revisions: OwnerIndex,
    /// What the replicaset-controller still expects to see.
    pub replica_set_expectations: Expectations,
    /// What the daemon-set-controller still expects to see.
    pub daemon_set_expectations: Expectations,
    /// Who owns whom.
    pub graph: Graph,
    /// What the node controllers remember.
    pub nodes: NodeFacts,
    /// What the endpoints controllers remember.
    pub triggers: super::endpoints::Triggers,
    /// What the pod-garbage-collector remembers.
    pub missing_nodes: super::podgc::Missing,
    /// The certificate by which pods know the api-server.
    pub root_ca: Text,
}

impl View {
    /// Knows nothing but the certificate.
    pub(super) fn with_root_ca(root_ca: Text) -> Self {
        Self { root_ca, ..Self::default() }
    }

    /// Replaces the store of a resource; nothing happens for resources that nobody reads.
    pub(super) fn set_store(&mut self, resource: Resource, store: &Store) {
        if let Some(at) = READ.iter().position(|have| *have == resource) {
            self.stores[at] = store.clone();
        }
    }

    /// The store of a resource, which must be one of [`READ`].
    pub(super) fn store(&self, resource: Resource) -> &Store {
        let at = READ.iter().position(|have| *have == resource).expect("the resource is in READ");
        &self.stores[at]
    }

    /// The object with this key.
    pub(super) fn get(&self, resource: Resource, key: &str) -> Option<&Value> {
        self.store(resource).get(key)
    }

    /// The object of this namespace and name.
    pub(super) fn find(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Value> {
        self.get(resource, &[namespace, "/", name].concat())
    }

    /// The objects of a namespace in the order of their names.
    pub(super) fn list_in<'a>(&'a self, resource: Resource, namespace: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let prefix = [namespace, "/"].concat();
        let range = (Bound::Included(Text::from(&prefix)), Bound::Unbounded);
        self.store(resource)
            .range::<_, Text>(range)
            .take_while(move |(key, _)| key.starts_with(prefix.as_str()))
            .map(|(_, object)| object)
    }

    /// The objects of these keys that are there.
    pub(super) fn objects<'a>(
        &'a self,
        resource: Resource,
        keys: impl Iterator<Item = &'a Text>,
    ) -> impl Iterator<Item = &'a Value> {
        let store = self.store(resource);
        keys.filter_map(|key| store.get(key.as_str()))
    }

    /// The controller that an object names, if it is there and really the same (resolveControllerRef).
    pub(super) fn controller_of(&self, resource: Resource, object: &Value) -> Option<&Value> {
        self.resolve(resource, object.namespace(), object.controller()?)
    }

    /// The object of an owner reference, if it is there and really the same.
    pub(super) fn resolve(&self, resource: Resource, namespace: &str, owner: &Value) -> Option<&Value> {
        if owner["kind"].str() != resource.kind {
            return None;
        }
        self.find(resource, namespace, owner["name"].str()).filter(|have| have.uid() == owner["uid"].str())
    }
}

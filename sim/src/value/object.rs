//! What every Kubernetes object has: metadata, owners, conditions.

use super::{Text, Value};

impl Value {
    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self["metadata"]["name"].str()
    }
    /// `metadata.namespace`; "" for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self["metadata"]["namespace"].str()
    }
    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self["metadata"]["uid"].str()
    }
    /// `kind`.
    pub fn kind(&self) -> &str {
        self["kind"].str()
    }
    /// `metadata.resourceVersion` as the etcd revision it is; 0 when missing.
    pub fn resource_version(&self) -> u64 {
        self["metadata"]["resourceVersion"].str().parse().unwrap_or(0)
    }
    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self["metadata"]["generation"].int()
    }
    /// `namespace/name`, or `name` for cluster-scoped objects: the key of client-go's stores and queues.
    pub fn key(&self) -> Text {
        match self.namespace() {
            "" => self["metadata"]["name"].text(),
            namespace => Text::from([namespace, "/", self.name()].concat()),
        }
    }
    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_terminating(&self) -> bool {
        !self["metadata"]["deletionTimestamp"].is_null()
    }
    /// `metadata.labels[key]`.
    pub fn label(&self, key: &str) -> Option<&str> {
        self["metadata"]["labels"][key].as_str()
    }
    /// `metadata.annotations[key]`.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self["metadata"]["annotations"][key].as_str()
    }
    /// The owner reference with `controller: true` (metav1.GetControllerOf).
    pub fn controller(&self) -> Option<&Value> {
        self["metadata"]["ownerReferences"].items().iter().find(|owner| owner["controller"].is_true())
    }
    /// The condition of `status.conditions` with this type.
    pub fn condition(&self, kind: &str) -> Option<&Value> {
        condition(&self["status"]["conditions"], kind)
    }
    /// Whether the condition of this type has status True.
    pub fn condition_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition["status"].str() == "True")
    }
}

/// The condition of this type in a list of conditions.
pub fn condition<'a>(conditions: &'a Value, kind: &str) -> Option<&'a Value> {
    conditions.items().iter().find(|condition| condition["type"].str() == kind)
}

//! A snapshot from objects as they are written in files or printed by `kubectl get … -o yaml`, without a cluster around it.
//!
//! Objects from a real cluster are complete. To those that a person has written, what the api-server and the volume controller
//! would add is added: the namespace `default`, the defaults of all fields, a namespace's label with its name, the priority of a
//! PriorityClass, and the binding of a claim that names its volume.

use std::rc::Rc;

use super::pod_info::PodInfo;
use super::snapshot::Snapshot;
use crate::api::{Resource, apply_defaults};
use crate::core::collections::PMap;
use crate::value::{Text, Value};

/// Objects that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Without a name nothing can refer to it.
    #[error("{0}: metadata.name is missing")]
    NoName(String),
    /// It is of no kind that the scheduler looks at.
    #[error(
        "{0} is of no use to the scheduler: Node, Pod, PriorityClass, Namespace, PersistentVolume, PersistentVolumeClaim, StorageClass, CSINode, CSIDriver, CSIStorageCapacity, Service, ReplicaSet, StatefulSet and PodDisruptionBudget are"
    )]
    Kind(String),
    /// What admission would refuse.
    #[error("no PriorityClass with name {0} was found")]
    PriorityClass(String),
}

/// A cluster in the making.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    snapshot: Snapshot,
    priority_classes: PMap<Text, Value>,
    pods: Vec<Value>,
}

impl Loader {
    /// An empty cluster with the built-in PriorityClasses.
    pub fn new() -> Self {
        let mut loader = Self::default();
        for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
            let class = crate::value!({"metadata": {"name": name}, "value": value});
            loader.priority_classes.insert(name.into(), class);
        }
        loader
    }

    /// Adds an object, or all objects of a list. Pods are put onto their nodes by [`Loader::finish`].
    pub fn add(&mut self, object: &Value) -> Result<(), LoadError> {
        if object.kind().ends_with("List") {
            return object["items"].items().iter().try_for_each(|item| self.add_item(item, object.kind()));
        }
        self.add_item(object, "")
    }

    fn add_item(&mut self, object: &Value, list: &str) -> Result<(), LoadError> {
        // The items of a typed list leave their kind out.
        let kind = if object.kind().is_empty() { list.trim_end_matches("List") } else { object.kind() };
        if object.name().is_empty() {
            return Err(LoadError::NoName(if kind.is_empty() { "object".into() } else { kind.to_string() }));
        }
        let object = &in_namespace(kind, object);
        let object = &with_defaults(kind, object);
        let objects = &mut self.snapshot.objects;
        let store = match kind {
            "Node" => {
                self.snapshot.set_node(object);
                return Ok(());
            }
            "Pod" => {
                self.pods.push(object.clone());
                return Ok(());
            }
            "PriorityClass" => &mut self.priority_classes,
            "Namespace" => &mut objects.namespaces,
            "Service" => &mut objects.services,
            "ReplicaSet" => &mut objects.replica_sets,
            "StatefulSet" => &mut objects.stateful_sets,
            "PodDisruptionBudget" => &mut objects.budgets,
            "PersistentVolumeClaim" => &mut objects.claims,
            "PersistentVolume" => &mut objects.volumes,
            "StorageClass" => &mut objects.storage_classes,
            "CSINode" => &mut objects.csi_nodes,
            "CSIDriver" => &mut objects.csi_drivers,
            "CSIStorageCapacity" => &mut objects.csi_capacities,
            other => return Err(LoadError::Kind(if other.is_empty() { object.name().to_string() } else { other.to_string() })),
        };
        store.insert(object.key(), object.clone());
        Ok(())
    }

    /// Puts the pods onto their nodes; pods that have ended take no place. Pods that wait are returned with the snapshot.
    pub fn finish(mut self) -> Result<(Snapshot, Vec<Rc<PodInfo>>), LoadError> {
        self.bind_claims();
        let mut waiting = Vec::new();
        for pod in std::mem::take(&mut self.pods) {
            let info = self.pod(&pod)?;
            if matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed") {
                continue;
            }
            if info.node_name.is_empty() {
                let node = info.nominated_node.clone();
                self.snapshot.nominate(&info, &node);
                waiting.push(info);
            } else {
                let node = info.node_name.clone();
                self.snapshot.add_pod(&info, &node);
            }
        }
        Ok((self.snapshot, waiting))
    }

    /// Reads a pod as admission would let it in.
    pub fn pod(&self, pod: &Value) -> Result<Rc<PodInfo>, LoadError> {
        let mut pod = with_defaults("Pod", &in_namespace("Pod", pod));
        let spec = &mut pod["spec"];
        if spec["priority"].is_null() {
            let name = spec["priorityClassName"].str().to_string();
            let class = if name.is_empty() {
                self.priority_classes.values().find(|class| class["globalDefault"].is_true())
            } else {
                Some(self.priority_classes.get(name.as_str()).ok_or(LoadError::PriorityClass(name))?)
            };
            if let Some(class) = class {
                spec["priority"] = class["value"].clone();
                if spec["preemptionPolicy"].is_null() && !class["preemptionPolicy"].is_null() {
                    spec["preemptionPolicy"] = class["preemptionPolicy"].clone();
                }
            }
        }
        Ok(PodInfo::new(&pod))
    }

    /// Binds claims that name a volume that is there for them, as the volume controller does at once.
    fn bind_claims(&mut self) {
        let objects = &mut self.snapshot.objects;
        for (key, claim) in objects.claims.clone() {
            let volume = claim["spec"]["volumeName"].text();
            let Some(found) = objects.volumes.get(&volume) else { continue };
            let reference = &found["spec"]["claimRef"];
            let free = reference.is_null()
                || (reference["name"].str() == claim.name() && reference["namespace"].str() == claim.namespace());
            if free && claim.annotation("pv.kubernetes.io/bind-completed").is_none() {
                let mut bound = claim.clone();
                bound["metadata"]["annotations"].map_mut().insert("pv.kubernetes.io/bind-completed", "yes");
                objects.claims.insert(key, bound);
            }
        }
    }
}

fn in_namespace(kind: &str, object: &Value) -> Value {
    const NAMESPACED: [&str; 7] =
        ["Pod", "Service", "ReplicaSet", "StatefulSet", "PodDisruptionBudget", "PersistentVolumeClaim", "CSIStorageCapacity"];
    let mut object = object.clone();
    if NAMESPACED.contains(&kind) && object.namespace().is_empty() {
        object["metadata"]["namespace"] = "default".into();
    }
    object
}

/// The object with the defaults of its kind, and a namespace with the label that admission gives it.
fn with_defaults(kind: &str, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(resource) = resource_of(kind) {
        apply_defaults(resource, &mut object);
    }
    if kind == "Namespace" {
        let name = object["metadata"]["name"].clone();
        object["metadata"]["labels"].map_mut().insert("kubernetes.io/metadata.name", name);
    }
    object
}

/// The kinds that the scheduler looks at, with their resources.
const KINDS: [(&str, &str, &str); 14] = [
    ("Node", "", "nodes"),
    ("Pod", "", "pods"),
    ("PriorityClass", "scheduling.k8s.io", "priorityclasses"),
    ("Namespace", "", "namespaces"),
    ("PersistentVolume", "", "persistentvolumes"),
    ("PersistentVolumeClaim", "", "persistentvolumeclaims"),
    ("StorageClass", "storage.k8s.io", "storageclasses"),
    ("CSINode", "storage.k8s.io", "csinodes"),
    ("CSIDriver", "storage.k8s.io", "csidrivers"),
    ("CSIStorageCapacity", "storage.k8s.io", "csistoragecapacities"),
    ("Service", "", "services"),
    ("ReplicaSet", "apps", "replicasets"),
    ("StatefulSet", "apps", "statefulsets"),
    ("PodDisruptionBudget", "policy", "poddisruptionbudgets"),
];

/// The resources that the scheduler looks at, as far as the api-server knows them.
pub fn resources() -> impl Iterator<Item = Resource> {
    KINDS.iter().filter_map(|(_, group, plural)| Resource::find(group, plural))
}

/// Whether the scheduler looks at objects of this kind.
pub fn is_of_use(kind: &str) -> bool {
    KINDS.iter().any(|(have, _, _)| *have == kind)
}

/// The resource of a kind that the scheduler looks at, if the api-server knows it.
pub fn resource_of(kind: &str) -> Option<Resource> {
    let (_, group, plural) = KINDS.iter().find(|(have, _, _)| *have == kind)?;
    Resource::find(group, plural)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn what_admission_adds_is_added() {
        let mut loader = Loader::new();
        loader
            .add(&value!({"kind": "PriorityClass", "metadata": {"name": "high"}, "value": 7, "preemptionPolicy": "Never"}))
            .unwrap();
        let pod = value!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "priorityClassName": "high", "containers": [{"resources": {"limits": {"cpu": "1"}}}],
        }});
        let info = loader.pod(&pod).unwrap();
        assert_eq!(
            (info.key.as_str(), info.priority, info.never_preempts, info.requests.milli_cpu),
            ("default/p", 7, true, 1000)
        );
        let unknown = value!({"metadata": {"name": "p"}, "spec": {"priorityClassName": "nope"}});
        assert_eq!(loader.pod(&unknown).unwrap_err().to_string(), "no PriorityClass with name nope was found");
    }

    #[test]
    fn lists_are_taken_apart_and_strange_objects_refused() {
        let mut loader = Loader::new();
        let node = value!({"metadata": {"name": "n"}});
        loader.add(&value!({"kind": "NodeList", "items": [node]})).unwrap();
        loader.add(&value!({"kind": "Pod", "metadata": {"name": "on"}, "spec": {"nodeName": "n"}})).unwrap();
        loader.add(&value!({"kind": "Pod", "metadata": {"name": "done"}, "spec": {"nodeName": "n"}, "status": {"phase": "Succeeded"}})).unwrap();
        loader.add(&value!({"kind": "Pod", "metadata": {"name": "waits"}})).unwrap();
        assert_eq!(loader.add(&value!({"kind": "Pod"})), Err(LoadError::NoName("Pod".into())));
        assert!(
            loader
                .add(&value!({"kind": "Secret", "metadata": {"name": "s"}}))
                .unwrap_err()
                .to_string()
                .starts_with("Secret is of no use")
        );
        let (snapshot, waiting) = loader.finish().unwrap();
        assert_eq!((snapshot.node("n").unwrap().pods.len(), waiting.len()), (1, 1));
    }
}

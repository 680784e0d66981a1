//! Which pods a pod without constraints of its own is spread with: those of its Services and its workload
//! (`plugins/helper/spread.go`).

use super::super::pod_info::PodInfo;
use super::super::snapshot::Objects;
use crate::api::selector::LabelSelector;
use crate::core::collections::PMap;
use crate::value;
use crate::value::{Text, Value};

/// The selector of all Services and of the workload that a pod belongs to; `None` when there are none.
pub(super) fn default_selector(pod: &PodInfo, objects: &Objects) -> Option<LabelSelector> {
    let mut labels = Value::map();
    for service in in_namespace(&objects.services, &pod.namespace) {
        let selector = &service["spec"]["selector"];
        let matches = |(key, value): &(Text, Value)| pod.labels[&**key] == *value;
        if !selector.is_empty() && selector.entries().iter().all(matches) {
            for (key, value) in selector.entries() {
                labels.map_mut().insert(key.clone(), value.clone());
            }
        }
    }
    let mut selector = value!({"matchLabels": labels, "matchExpressions": []});
    if let Some(owner) = pod.object.controller() {
        let workloads = match (owner["apiVersion"].str(), owner["kind"].str()) {
            ("apps/v1", "ReplicaSet") => Some(&objects.replica_sets),
            ("apps/v1", "StatefulSet") => Some(&objects.stateful_sets),
            _ => None,
        };
        let key = format!("{}/{}", pod.namespace, owner["name"].str());
        if let Some(workload) = workloads.and_then(|workloads| workloads.get(key.as_str())) {
            let own = &workload["spec"]["selector"];
            for (key, value) in own["matchLabels"].entries() {
                selector["matchExpressions"].push(value!({"key": key, "operator": "In", "values": [value]}));
            }
            for expression in own["matchExpressions"].items() {
                selector["matchExpressions"].push(expression);
            }
        }
    }
    let selector = LabelSelector::of(&selector);
    (!selector.is_everything()).then_some(selector)
}

/// The objects of one namespace.
pub(super) fn in_namespace<'a>(objects: &'a PMap<Text, Value>, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
    let from = format!("{namespace}/");
    let range = objects.range::<_, str>((std::ops::Bound::Included(from.as_str()), std::ops::Bound::Unbounded));
    let own = range.take_while(|(key, _)| key.starts_with(&from)).map(|(_, object)| object);
    own.collect::<Vec<_>>().into_iter()
}

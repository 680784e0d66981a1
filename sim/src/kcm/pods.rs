//! Which pods belong to whom: indexes over the pods' informer, kept up to date with every change so that no sync and no event
//! handler walks over all pods.

use crate::core::collections::sort::Sort as _;
use std::rc::Rc;

use crate::api::pod;
use crate::api::selector::LabelSelector;
use crate::core::collections::{PMap, PSet};
use crate::value::{Text, Value};

/// What the indexes know of a pod.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    namespace: Text,
    /// uid of the controlling owner; "" for none.
    owner: Text,
    /// Its node; "" while it is unbound.
    node: Text,
    /// `metadata.labels`.
    pub labels: Value,
    group: Text,
    /// It neither ended nor is being deleted (controller.IsPodActive).
    pub active: bool,
    /// It is being deleted and has not ended (controller.IsPodTerminating).
    pub terminating: bool,
    /// Its condition Ready is True.
    pub ready: bool,
}

impl Facts {
    fn of(object: &Value, old: Option<&Rc<Self>>) -> Self {
        let ended = matches!(object["status"]["phase"].str(), "Succeeded" | "Failed");
        let labels = &object["metadata"]["labels"];
        let group = match old.filter(|old| old.labels.same(labels) || old.labels == *labels) {
            Some(old) => old.group.clone(),
            None => Text::from(labels.to_json()),
        };
        Self {
            namespace: object["metadata"]["namespace"].text(),
            owner: object.controller().map(|owner| owner["uid"].text()).unwrap_or_default(),
            node: object["spec"]["nodeName"].text(),
            labels: labels.clone(),
            group,
            active: !ended && !object.is_terminating(),
            terminating: !ended && object.is_terminating(),
            ready: pod::is_ready(object),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.owner == other.owner
            && self.node == other.node
            && self.group == other.group
            && (self.active, self.terminating, self.ready) == (other.active, other.terminating, other.ready)
    }
}

/// The pods of one controlling owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    /// Their keys.
    pub keys: PSet<Text>,
    /// How many are active.
    pub active: usize,
    /// How many of the active ones are ready.
    pub ready: usize,
    /// How many are terminating.
    pub terminating: usize,
    /// The label maps of the active ones, and how many have each.
    pub labels: Vec<(Value, usize)>,
}

impl Owned {
    fn count(&mut self, facts: &Facts, present: bool) {
        let step = |number: &mut usize, counts: bool| {
            if counts {
                *number = if present { *number + 1 } else { *number - 1 };
            }
        };
        step(&mut self.active, facts.active);
        step(&mut self.ready, facts.active && facts.ready);
        step(&mut self.terminating, facts.terminating);
        if facts.active {
            match self.labels.iter_mut().find(|(labels, _)| labels.same(&facts.labels) || *labels == facts.labels) {
                Some((_, number)) => step(number, true),
                None => self.labels.push((facts.labels.clone(), 1)),
            }
            self.labels.retain(|(_, number)| *number > 0);
        }
    }
}

/// Pods of a namespace that have the same labels.
#[derive(Clone, Debug, Default)]
struct Group {
    labels: Value,
    keys: PSet<Text>,
}

/// All indexes over pods.
#[derive(Clone, Debug, Default)]
pub(super) struct PodIndex {
    facts: PMap<Text, Rc<Facts>>,
    owners: PMap<Text, Owned>,
    orphans: PMap<Text, PSet<Text>>,
    nodes: PMap<Text, PSet<Text>>,
    groups: PMap<Text, PMap<Text, Group>>,
}

impl PodIndex {
    /// Takes in a pod's new state; `None` when it is gone.
    pub(super) fn update(&mut self, key: &Text, new: Option<&Value>) {
        let old = self.facts.get(key.as_str()).cloned();
        let new = new.map(|object| Rc::new(Facts::of(object, old.as_ref())));
        if let (Some(old), Some(new)) = (&old, &new)
            && old.same(new)
        {
            return;
        }
        if let Some(old) = &old {
            self.place(key, old, false);
        }
        match new {
            Some(new) => {
                self.place(key, &new, true);
                self.facts.insert(key.clone(), new);
            }
            None => {
                self.facts.remove(key.as_str());
            }
        }
    }

    fn place(&mut self, key: &Text, facts: &Facts, present: bool) {
        let keep = |keys: &mut PSet<Text>| {
            if present {
                keys.insert(key.clone());
            } else {
                keys.remove(key.as_str());
            }
            !keys.is_empty()
        };
        if facts.owner.is_empty() {
            change(&mut self.orphans, &facts.namespace, keep);
        } else {
            change(&mut self.owners, &facts.owner, |owned| {
                owned.count(facts, present);
                keep(&mut owned.keys)
            });
        }
        if !facts.node.is_empty() {
            change(&mut self.nodes, &facts.node, keep);
        }
        change(&mut self.groups, &facts.namespace, |groups| {
            change(groups, &facts.group, |group| {
                group.labels = facts.labels.clone();
                keep(&mut group.keys)
            });
            !groups.is_empty()
        });
    }

    /// The pods of a controlling owner.
    pub(super) fn owned(&self, uid: &str) -> Option<&Owned> {
        self.owners.get(uid)
    }

    /// The keys of the pods of a controlling owner.
    pub(super) fn keys_of(&self, uid: &str) -> impl Iterator<Item = &Text> {
        self.owners.get(uid).into_iter().flat_map(|owned| owned.keys.iter())
    }

    /// The keys of the pods of a namespace that nobody controls.
    pub(super) fn orphans(&self, namespace: &str) -> impl Iterator<Item = &Text> {
        self.orphans.get(namespace).into_iter().flat_map(|keys| keys.iter())
    }

    /// The keys of the pods on a node.
    pub(super) fn on_node(&self, node: &str) -> impl Iterator<Item = &Text> {
        self.nodes.get(node).into_iter().flat_map(|keys| keys.iter())
    }

    /// The nodes that have pods.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Text> {
        self.nodes.keys()
    }

    /// The keys of the pods that a selector matches in a namespace, in their order.
    pub(super) fn selected(&self, namespace: &str, selector: &LabelSelector) -> Vec<Text> {
        let groups = self.groups.get(namespace).into_iter().flat_map(|groups| groups.values());
        let mut keys: Vec<Text> =
            groups.filter(|group| selector.matches(&group.labels)).flat_map(|group| group.keys.iter().cloned()).collect();
        keys.order();
        keys
    }

    /// What is known of a pod.
    pub(super) fn facts(&self, key: &str) -> Option<&Rc<Facts>> {
        self.facts.get(key)
    }
}

/// Changes an entry, which is made when missing and removed when `keep` answers false.
fn change<V: Clone + Default>(map: &mut PMap<Text, V>, key: &Text, keep: impl FnOnce(&mut V) -> bool) {
    if !map.contains_key(key.as_str()) {
        map.insert(key.clone(), V::default());
    }
    let value = map.get_mut(key.as_str()).expect("inserted above");
    if !keep(value) {
        map.remove(key.as_str());
    }
}

/// Which objects of a resource belong to which controlling owner, by uid, and which to nobody, by namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnerIndex {
    placed: PMap<Text, (bool, Text)>,
    owned: PMap<Text, PSet<Text>>,
    orphans: PMap<Text, PSet<Text>>,
}

impl OwnerIndex {
    /// Takes in an object's new state; `None` when it is gone.
    pub(super) fn update(&mut self, key: &Text, new: Option<&Value>) {
        let place = new.map(|object| match object.controller() {
            Some(owner) => (true, owner["uid"].text()),
            None => (false, object["metadata"]["namespace"].text()),
        });
        let old = self.placed.get(key.as_str()).cloned();
        if old == place {
            return;
        }
        if let Some((owned, place)) = old {
            change(if owned { &mut self.owned } else { &mut self.orphans }, &place, |keys| {
                keys.remove(key.as_str());
                !keys.is_empty()
            });
            self.placed.remove(key.as_str());
        }
        if let Some((owned, place)) = place {
            change(if owned { &mut self.owned } else { &mut self.orphans }, &place, |keys| {
                keys.insert(key.clone());
                true
            });
            self.placed.insert(key.clone(), (owned, place));
        }
    }

    /// The keys of the objects of a controlling owner.
    pub(super) fn owned(&self, uid: &str) -> impl Iterator<Item = &Text> {
        self.owned.get(uid).into_iter().flat_map(|keys| keys.iter())
    }

    /// The keys of the objects of a namespace that nobody controls.
    pub(super) fn orphans(&self, namespace: &str) -> impl Iterator<Item = &Text> {
        self.orphans.get(namespace).into_iter().flat_map(|keys| keys.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn pod(owner: &'static str, node: &'static str, ready: &'static str, deleted: Option<&'static str>) -> Value {
        let mut pod = value!({
            "metadata": {"name": "a", "namespace": "default", "labels": {"app": "web"}},
            "spec": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        });
        if !owner.is_empty() {
            pod["metadata"]["ownerReferences"] = value!([{"uid": owner, "controller": true}]);
        }
        pod["metadata"].set("deletionTimestamp", deleted);
        pod["spec"].set("nodeName", node);
        pod
    }

    #[test]
    fn counters_follow_a_pods_life() {
        let mut index = PodIndex::default();
        let key = Text::from("default/a");
        let counts = |index: &PodIndex| index.owned("u").map(|owned| (owned.active, owned.ready, owned.terminating));
        index.update(&key, Some(&pod("u", "", "False", None)));
        assert_eq!(counts(&index), Some((1, 0, 0)));
        index.update(&key, Some(&pod("u", "n", "True", None)));
        assert_eq!(counts(&index), Some((1, 1, 0)));
        assert_eq!(index.on_node("n").count(), 1);
        index.update(&key, Some(&pod("u", "n", "True", Some("t"))));
        assert_eq!(counts(&index), Some((0, 0, 1)));
        index.update(&key, None);
        assert_eq!(counts(&index), None);
        assert_eq!(index.on_node("n").count() + index.selected("default", &LabelSelector::everything()).len(), 0);
    }

    #[test]
    fn selected_and_orphaned() {
        let mut index = PodIndex::default();
        index.update(&"default/b".into(), Some(&pod("", "n", "True", None)));
        index.update(&"default/a".into(), Some(&pod("u", "n", "True", None)));
        let selector = LabelSelector::of_labels(&value!({"app": "web"}));
        assert_eq!(index.selected("default", &selector), ["default/a", "default/b"]);
        assert!(index.selected("other", &selector).is_empty());
        assert_eq!(index.orphans("default").collect::<Vec<_>>(), [&Text::from("default/b")]);
    }

    #[test]
    fn an_adopted_object_moves() {
        let mut index = OwnerIndex::default();
        let key = Text::from("default/rs");
        index.update(&key, Some(&pod("", "", "", None)));
        assert_eq!((index.orphans("default").count(), index.owned("u").count()), (1, 0));
        index.update(&key, Some(&pod("u", "", "", None)));
        assert_eq!((index.orphans("default").count(), index.owned("u").count()), (0, 1));
    }
}

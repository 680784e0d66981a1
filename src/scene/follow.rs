//! From the cluster to what the stage shows of it, again and again: each look takes over what has not changed since the last one, so that
//! it costs as much as has changed, and no look reads more than a part of a large cluster.

use std::iter::Peekable;
use std::rc::Rc;
use std::vec;

use orrery_sim::api::resource::{NODES, PODS};
use orrery_sim::core::collections::PMap;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{Cluster, Controller, MachineId, Part};
use orrery_sim::etcd::{Etcd, KeyValue, Store};
use orrery_sim::kcm::ControllerManager;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::value::Text;

use super::model::{BALANCER, BalancerView, EtcdView, Links, MachineView, NodeView, PodView, Pods, ViewModel};

/// What the last look saw of etcd.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    /// In the order of their keys.
    pods: Vec<Seen>,
    nodes: PMap<Text, Rc<KeyValue>>,
}

/// A pod as etcd holds it and as it is shown. Equal pointers mean equal objects: what etcd holds is never changed in place.
type Seen = (Rc<KeyValue>, Rc<PodView>);

/// How the pods of a group have changed.
#[derive(Clone, Default)]
struct Change {
    gone: Vec<Rc<PodView>>,
    come: Vec<Rc<PodView>>,
}

impl Change {
    fn apply(&self, before: &Pods) -> Rc<Pods> {
        let stays = before.list.iter().filter(|pod| !self.gone.iter().any(|gone| Rc::ptr_eq(gone, pod)));
        Pods::new(stays.chain(&self.come).map(Rc::clone).collect())
    }
}

impl Follower {
    /// The model of `cluster`, of which `store` is what etcd holds, `before` being the model of the last look. At most `budget` pods that
    /// are new or have changed are read; says whether these were all.
    pub fn look(&mut self, before: &ViewModel, cluster: &Cluster, store: Option<&Store>, budget: usize) -> (ViewModel, bool) {
        let (changes, complete) = self.read_pods(store, budget);
        let nodes_prefix = NODES.etcd_key("", "");
        let nodes: PMap<Text, Rc<KeyValue>> = store
            .into_iter()
            .flat_map(|store| store.prefix(&nodes_prefix))
            .map(|entry| (entry.value["metadata"]["name"].text(), Rc::clone(entry)))
            .collect();
        let several = cluster.parts::<Etcd>(Part::Etcd).any(|(_, etcd)| etcd.members().count() > 1);
        let balancer = cluster.machines().iter().position(|machine| !machine.removed && machine.spec.role.as_str() == BALANCER);
        let old: PMap<MachineId, &Rc<MachineView>> = before.machines.iter().map(|machine| (machine.id, machine)).collect();
        let mut homeless = nodes.clone();
        let mut machines = Vec::new();
        let mut push = |view: MachineView, node: Option<&Rc<KeyValue>>, seen: Option<&Rc<KeyValue>>| {
            let same_node = match (node, seen) {
                (Some(a), Some(b)) => Rc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            let old = old.get(&view.id).filter(|old| old.name == view.name);
            let change = changes.get(view.name.as_str());
            if let Some(old) = old.filter(|old| same_node && change.is_none() && old.looks_like(&view)) {
                machines.push(Rc::clone(old));
                return;
            }
            let pods = match (old, change) {
                (Some(old), None) => Rc::clone(&old.pods),
                (old, change) => change.cloned().unwrap_or_default().apply(old.map_or(&Pods::default(), |old| &old.pods)),
            };
            let node = node.map(|node| NodeView::of(&node.value, &pods.list));
            machines.push(Rc::new(MachineView { node, pods, ..view }));
        };
        for (index, machine) in cluster.machines().iter().enumerate().skip(1) {
            if machine.removed || machine.spec.role.as_str() == BALANCER {
                continue;
            }
            let id = MachineId(index as u16);
            let view = MachineView {
                id,
                name: machine.spec.name.to_string(),
                control_plane: machine.spec.role.as_str() == "control-plane",
                etcd_only: machine.spec.role.as_str() == "etcd",
                powered: machine.powered,
                cut: cluster.faults().is_disconnected(id),
                links: Links::of(id, cluster),
                etcd: machine.part::<Etcd>(Part::Etcd).filter(|_| several).map(EtcdView::of),
                leads: balancer.map(|_| {
                    let scheduler = machine.part::<KubeScheduler>(Part::Scheduler).is_some_and(KubeScheduler::is_leading);
                    let manager = Part::Controller(Controller::Manager);
                    (scheduler, machine.part::<ControllerManager>(manager).is_some_and(ControllerManager::is_working))
                }),
                parts: machine.parts().collect(),
                ..MachineView::default()
            };
            let name = &machine.spec.name;
            push(view, nodes.get(name.as_str()), self.nodes.get(name.as_str()));
            homeless.remove(name.as_str());
        }
        // Nodes that somebody has created as objects: there is no machine behind them, as with kwok.
        for (at, (name, node)) in homeless.iter().enumerate() {
            let id = MachineId((cluster.machines().len() + at) as u16);
            let view = MachineView { id, name: name.to_string(), powered: true, ..MachineView::default() };
            push(view, Some(node), self.nodes.get(name.as_str()));
        }
        machines.order_by_key(|machine| (!machine.control_plane, machine.etcd_only, machine.id));
        self.nodes = nodes;
        let name = cluster.machines().iter().skip(1).find(|machine| !machine.removed && !machine.spec.cluster.is_empty());
        let unscheduled = match changes.get("") {
            Some(change) => change.apply(&before.unscheduled),
            None => Rc::clone(&before.unscheduled),
        };
        let model = ViewModel {
            cluster: name.map(|machine| machine.spec.cluster.to_string()).unwrap_or_default(),
            machines,
            unscheduled,
            revision: store.map_or(0, Store::revision),
            balancer: balancer.map(|index| BalancerView::of(MachineId(index as u16), cluster)),
        };
        (model, complete)
    }

    /// Goes through etcd's pods and those of the last look, both in the order of their keys; the changes by the name of the node.
    fn read_pods(&mut self, store: Option<&Store>, budget: usize) -> (PMap<Text, Change>, bool) {
        let mut changes: PMap<Text, Change> = PMap::new();
        let (mut read, mut complete) = (0, true);
        let prefix = PODS.etcd_key("", "");
        let mut old = std::mem::take(&mut self.pods).into_iter().peekable();
        let mut seen: Vec<Seen> = Vec::with_capacity(old.len());
        for entry in store.into_iter().flat_map(|store| store.prefix(&prefix)) {
            if let Some(same) = old.next_if(|(have, _)| Rc::ptr_eq(have, entry)) {
                seen.push(same);
                continue;
            }
            pass(&mut old, Some(entry), &mut changes);
            let before = old.next_if(|(have, _)| have.key == entry.key);
            if before.as_ref().is_some_and(|(have, _)| Rc::ptr_eq(have, entry)) {
                seen.extend(before);
                continue;
            }
            if read >= budget {
                // It is read in one of the next looks; until then it is shown as it was.
                seen.extend(before);
                complete = false;
                continue;
            }
            read += 1;
            let view = Rc::new(PodView::of(&entry.value, entry.create_revision));
            if let Some((_, before)) = before {
                changes.entry(before.node.clone()).or_default().gone.push(before);
            }
            changes.entry(view.node.clone()).or_default().come.push(Rc::clone(&view));
            seen.push((Rc::clone(entry), view));
        }
        pass(&mut old, None, &mut changes);
        self.pods = seen;
        (changes, complete)
    }
}

/// What comes before `entry` in the last look but not in etcd any more is gone.
fn pass(old: &mut Peekable<vec::IntoIter<Seen>>, entry: Option<&Rc<KeyValue>>, changes: &mut PMap<Text, Change>) {
    while let Some((_, gone)) = old.next_if(|(have, _)| entry.is_none_or(|entry| have.key < entry.key)) {
        changes.entry(gone.node.clone()).or_default().gone.push(gone);
    }
}

impl MachineView {
    /// Whether they are alike but for the node and its pods.
    fn looks_like(&self, other: &Self) -> bool {
        (self.powered, self.cut, self.etcd_only, self.control_plane)
            == (other.powered, other.cut, other.etcd_only, other.control_plane)
            && (&self.links, &self.etcd, self.leads, &self.parts) == (&other.links, &other.etcd, other.leads, &other.parts)
    }
}

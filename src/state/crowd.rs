//! A crowd: nodes, pods and messages in numbers that no simulation in a page reaches in a reasonable time, to measure what shows them.
//!
//! The objects are those that a cluster has (as kwok makes them: nodes without kubelets), written into a store of etcd's kind instead of
//! being created request by request; the messages are requests of those nodes' kubelets, on their way for ten seconds. Nothing of it is
//! part of the recording, and the page says what it shows.

use std::rc::Rc;

use orrery_sim::api::resource::{NODES, PODS};
use orrery_sim::core::{Addr, Cause, Envelope, EnvelopeId, MachineId, Message, Part, Request, Sink as _, Time, Trace};
use orrery_sim::etcd::Store;
use orrery_sim::value;
use orrery_sim::value::{Text, Value};

use super::State;
use crate::scene::{Flights, Layout};

/// How long a message is on its way, in microseconds.
const FLIGHT_US: u64 = 10_000_000;
/// So many pods change in every frame.
const CHANGES: usize = 8;

/// How many there are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Nodes.
    pub nodes: usize,
    /// Pods.
    pub pods: usize,
    /// Messages in flight.
    pub messages: usize,
}

/// A crowd that is being made, or is shown.
#[derive(Clone, Debug)]
pub struct Crowd {
    numbers: Numbers,
    store: Store,
    made: usize,
    turn: usize,
    /// When the messages left.
    began: f64,
}

impl Crowd {
    /// One that is to be made beside what there is.
    pub fn new(numbers: Numbers, store: Store, now: f64) -> Self {
        Self { numbers, store, made: 0, turn: 0, began: now }
    }

    /// What etcd would hold.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes at most `budget` further objects; says whether all are made.
    pub fn make(&mut self, budget: usize) -> bool {
        let Numbers { nodes, pods, .. } = self.numbers;
        for _ in 0..budget {
            let at = self.made;
            if at >= nodes + pods {
                return true;
            }
            let (key, object) = if at < nodes { node(at) } else { pod(at - nodes, nodes, "Running") };
            self.write(&key, object);
            self.made += 1;
        }
        self.made >= nodes + pods
    }

    fn write(&mut self, key: &Text, object: Value) {
        // Without a condition nothing can be refused.
        let _ = self.store.write(key, None, Some(object), None);
        self.store.compact(self.store.revision());
    }

    /// Some pods change.
    pub fn change(&mut self) {
        for _ in 0..CHANGES.min(self.numbers.pods) {
            self.turn += 1;
            // A step without a common divisor comes by all of them.
            let at = self.turn.wrapping_mul(7919) % self.numbers.pods;
            let phase = ["Pending", "Running", "Failed", "Running"][self.turn / 3 % 4];
            let (key, object) = pod(at, self.numbers.nodes, phase);
            self.write(&key, object);
        }
    }

    /// Where the playhead stands after so many seconds.
    pub fn playhead(&self, seconds: f64) -> f64 {
        self.began + (seconds * 1e6) % (FLIGHT_US as f64 * 0.98)
    }

    /// The messages: every node's kubelet sends some, and gets some.
    pub fn flights(&self, layout: &Layout) -> Flights {
        let mut trace = Trace::default();
        let server =
            layout.machines.iter().find(|machine| machine.bar.is_some()).map(|machine| Addr::new(machine.id, Part::ApiServer));
        let ids: Vec<MachineId> =
            layout.machines.iter().filter(|machine| machine.bar.is_none()).map(|machine| machine.id).collect();
        for at in 0..self.numbers.messages {
            let (Some(server), Some(id)) = (server, ids.get(at % ids.len().max(1))) else { break };
            let kubelet = Addr::new(*id, Part::Kubelet);
            let (from, to) = if at % 2 == 0 { (kubelet, server) } else { (server, kubelet) };
            let name = pod_name(at);
            // They leave one after the other, so that they are not all at the same place.
            let sent = self.began as u64 - (FLIGHT_US / 2) * (at % 97) as u64 / 97;
            trace.sent(&Rc::new(Envelope {
                id: EnvelopeId(at as u32),
                cause: Cause::Start,
                from,
                to,
                sent_at: Time(sent),
                due_at: Time(sent + FLIGHT_US * 2),
                heartbeat: false,
                background: false,
                message: Message::Request(Rc::new(Request::get(PODS, "crowd", &name))),
            }));
        }
        Flights::new(trace.envelopes().iter(), &trace, layout)
    }
}

/// So many objects are made in a frame.
const MADE_A_FRAME: usize = 600;

impl State {
    /// A frame while a crowd is shown: it is made, then its messages travel and its pods change.
    pub(super) fn frame_of_crowd(&mut self, now: f64) {
        let Some(mut crowd) = self.crowd.take() else { return };
        let made = crowd.make(MADE_A_FRAME);
        if made && self.picture.is_complete() {
            if self.picture.flights.list().is_empty() {
                self.picture.show(Rc::new(crowd.flights(&self.picture.scene.layout)));
            }
            crowd.change();
            self.player.t = crowd.playhead(now / 1000.0);
        }
        self.crowd = Some(crowd);
        if now >= self.next_refresh {
            self.refresh();
        }
    }

    /// Whether all of a crowd is on the stage.
    pub fn crowd_stands(&self) -> bool {
        self.crowd.is_some() && self.picture.is_complete() && !self.picture.flights.list().is_empty()
    }
}

fn node(at: usize) -> (Text, Value) {
    let name = Text::from(format!("crowd-{:04}", at + 1));
    let zone = ["a", "b", "c"][at % 3];
    let ready = if at % 211 == 5 { "False" } else { "True" };
    let object = value!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name.clone(), "labels": {"topology.kubernetes.io/zone": zone, "type": "kwok"}},
        "status": {
            "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {"kubeletVersion": "v1.36.1"}
        }
    });
    (Text::from(NODES.etcd_key("", &name)), object)
}

fn pod_name(at: usize) -> String {
    format!("app{}-7d4b9c6f5-{at:06}", at % 40)
}

fn pod(at: usize, nodes: usize, phase: &'static str) -> (Text, Value) {
    let name = Text::from(pod_name(at));
    let owner = Text::from(format!("app{}-7d4b9c6f5", at % 40));
    // Not evenly: some nodes have more to do.
    let node = Text::from(format!("crowd-{:04}", at.wrapping_mul(31) % nodes.max(1) + 1));
    let ready = if phase == "Running" { "True" } else { "False" };
    let requests = value!({"cpu": ["100m", "250m", "500m"][at % 3], "memory": ["128Mi", "512Mi", "2Gi"][at % 3]});
    let object = value!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name.clone(), "namespace": ["shop", "crowd"][at % 2], "uid": name.clone(),
            "labels": {"pod-template-hash": "7d4b9c6f5"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": owner, "controller": true}]
        },
        "spec": {"nodeName": node, "containers": [{"name": "main", "resources": {"requests": requests}}]},
        "status": {"phase": phase, "startTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "Ready", "status": ready}]}
    });
    (Text::from(PODS.etcd_key(["shop", "crowd"][at % 2], &name)), object)
}

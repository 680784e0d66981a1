//! The program kube-scheduler: watches the cluster, keeps cache and queue, and sends what the framework decides.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::algorithm::Algorithm;
use super::binding::Assumed;
use super::config::{ConfigError, Configuration};
use super::framework::ClusterEvent;
use super::log::DecisionLog;
use super::pod_info::PodInfo;
use super::preempting::Preempting;
use super::profile::Profile;
use super::queue::{Push, SchedulingQueue};
use super::snapshot::Snapshot;
use crate::api::Resource;
use crate::client::{Change, EventRecorder, Informer, LeaderElector, Leadership, SeriesRecorder, object_reference, server};
use crate::core::cluster::Component;
use crate::core::collections::PMap;
use crate::core::{Addr, Duration, Effect, EnvelopeId, Event, Gauge, Message, Outbox, Part, Rng, Time, TimerKey};
use crate::machine::MachineMessage;
use crate::programs::Launch;
use crate::value::{Text, Value};

/// What it watches, in the order of opening; those that the api-server does not serve are left out.
const WATCHES: [(&str, &str); 18] = [
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("", "services"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("policy", "poddisruptionbudgets"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceslices"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
];

pub(super) const SCHEDULE: &str = "schedule";
const FLUSH: &str = "flush-queue";
pub(super) const RETRY: &str = "retry-after-error";
pub(super) const BIND_TIMEOUT: &str = "volume-binding-timeout";
/// How often upstream looks for pods that have waited too long.
const FLUSH_PERIOD: Duration = Duration::s(30);

/// What an answer is waited for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// Nothing depends on it.
    Nothing,
    /// The pod with this key is being bound.
    Binding(Text),
    /// Something that must be done before this pod is bound.
    BeforeBinding(Text),
    /// A victim of this preemptor was marked, the first, or deleted, the second.
    VictimMarked(Text, Text),
    /// A victim was deleted.
    VictimDeleted(Text, Text),
}

/// kube-scheduler.
#[derive(Clone, Debug)]
pub struct KubeScheduler {
    pub(super) server: Addr,
    pub(super) rng: Rng,
    informers: Vec<Informer>,
    synced: bool,
    elector: LeaderElector,
    pub(super) events: SeriesRecorder,
    /// Leader election still uses core/v1 events.
    core_events: EventRecorder,
    pub(super) profiles: Rc<Vec<Rc<Profile>>>,
    pub(super) snapshot: Snapshot,
    pub(super) algorithm: Algorithm,
    pub(super) queue: SchedulingQueue,
    /// All pods that it knows, by key.
    pub(super) pods: PMap<Text, Rc<PodInfo>>,
    /// Pods that are on their way to a node.
    pub(super) assumed: BTreeMap<Text, Assumed>,
    /// Preemptions that are going on, by the preemptor's key.
    pub(super) preempting: BTreeMap<Text, Preempting>,
    /// Objects as this scheduler has changed them, until it sees the change, by kind and key.
    pub(super) changed: BTreeMap<(Text, Text), Value>,
    pub(super) decisions: DecisionLog,
    pub(super) asked: BTreeMap<EnvelopeId, Asked>,
    /// When the cycle began whose end is due.
    pub(super) cycle_began: Option<Time>,
    flush_is_due: bool,
    /// Why it cannot run.
    fatal: Option<ConfigError>,
}

impl KubeScheduler {
    /// Starts it. Its argument `config` may be a KubeSchedulerConfiguration; with one that is wrong it ends at once.
    pub fn start(launch: &Launch<'_>) -> Self {
        let (config, fatal) = match Configuration::of(&launch.args["config"]) {
            Ok(config) => (config, None),
            Err(error) => (Configuration { profiles: Vec::new(), ..Configuration::default() }, Some(error)),
        };
        let profiles: Rc<Vec<Rc<Profile>>> = Rc::new(config.profiles.into_iter().map(Rc::new).collect());
        let server = server(launch.args);
        let rng = |purpose: &str| Rng::new(launch.seed, &format!("{}/{purpose}", launch.purpose));
        let identity = Text::from(format!("{}_{}", launch.name, rng("identity").uuid()));
        let informer = |(group, plural): (&str, &str)| {
            let informer = Informer::new(server, Resource::find(group, plural)?, "");
            let live_only = plural == "pods";
            Some(if live_only {
                informer.with("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed")
            } else {
                informer
            })
        };
        let mut informers: Vec<Informer> = WATCHES.into_iter().filter_map(informer).collect();
        let resource = Resource::find("", "configmaps").map(|resource| {
            Informer::new(server, resource, "kube-system")
                .with("fieldSelector", "metadata.name=extension-apiserver-authentication")
        });
        informers.extend(resource);
        Self {
            server,
            rng: rng("latency"),
            informers,
            synced: false,
            elector: LeaderElector::new(server, Part::Scheduler, "kube-scheduler", identity, rng("election")),
            events: SeriesRecorder::new(
                server,
                Part::Scheduler,
                "events",
                "default-scheduler",
                format!("default-scheduler-{}", launch.name),
            ),
            core_events: EventRecorder::new(server, Part::Scheduler, "core-events", "default-scheduler", ""),
            queue: SchedulingQueue::new(Rc::clone(&profiles), config.backoff),
            profiles,
            snapshot: Snapshot::new(),
            algorithm: Algorithm { next_start: 0, rng: rng("ties") },
            pods: PMap::new(),
            assumed: BTreeMap::new(),
            preempting: BTreeMap::new(),
            changed: BTreeMap::new(),
            decisions: DecisionLog::default(),
            asked: BTreeMap::new(),
            cycle_began: None,
            flush_is_due: false,
            fatal,
        }
    }

    /// What was decided, for explaining.
    pub fn decisions(&self) -> &DecisionLog {
        &self.decisions
    }
    /// The pods that wait.
    pub fn queue(&self) -> &SchedulingQueue {
        &self.queue
    }
    /// The cluster as it sees it, with the pods that are on their way.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
    /// Its profiles.
    pub fn profiles(&self) -> &[Rc<Profile>] {
        &self.profiles
    }
    /// Since when it has been looking for a node, if it is.
    pub fn cycle_began(&self) -> Option<Time> {
        self.cycle_began
    }
    /// Why it ends at once: what is wrong with its configuration.
    pub fn fatal(&self) -> Option<&ConfigError> {
        self.fatal.as_ref()
    }
    /// Whether this instance is the one that works.
    pub fn is_leading(&self) -> bool {
        self.elector.is_leading()
    }

    pub(super) fn profile(&self, pod: &PodInfo) -> Option<Rc<Profile>> {
        self.profiles.iter().find(|profile| profile.scheduler_name == pod.scheduler_name).cloned()
    }

    fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) {
        if let Some(leadership) = self.elector.on_timer(timer, out) {
            return self.on_leadership(leadership, out);
        }
        if self.events.on_timer(timer, out) || self.core_events.on_timer(timer, out) {
            return;
        }
        match timer.name {
            "reflector" => {
                for informer in &mut self.informers {
                    informer.on_retry_timer(&timer.key, out);
                }
            }
            SCHEDULE => {
                self.schedule_next(out);
            }
            FLUSH => {
                self.flush_is_due = false;
                self.flush(out);
            }
            RETRY => self.flush(out),
            BIND_TIMEOUT => self.on_bind_timeout(&timer.key, timer.number, out),
            _ => {}
        }
        self.go_on(out);
    }

    fn on_message(&mut self, envelope: &crate::core::Envelope, out: &mut Outbox<'_>) {
        if self.events.on_message(envelope, out) || self.core_events.on_message(envelope, out) {
            return;
        }
        if let Some(leadership) = self.elector.on_message(envelope, out) {
            return self.on_leadership(leadership, out);
        }
        for at in 0..self.informers.len() {
            if let Some(changes) = self.informers[at].on_message(envelope, out) {
                self.on_changes(at, changes, out);
                return self.go_on(out);
            }
        }
        let (to, answer) = match &envelope.message {
            Message::Response(response) => (response.to, Ok(&**response)),
            Message::Failure(failure) => (failure.to, Err(failure.kind)),
            _ => return,
        };
        match self.asked.remove(&to) {
            None | Some(Asked::Nothing) => {}
            Some(Asked::Binding(key)) => self.on_bound(&key, answer, out),
            Some(Asked::BeforeBinding(key)) => self.on_prepared(&key, answer, out),
            Some(Asked::VictimMarked(preemptor, victim)) => self.on_victim_marked(&preemptor, &victim, answer, out),
            Some(Asked::VictimDeleted(preemptor, victim)) => self.on_victim_deleted(&preemptor, &victim, answer, out),
        }
        self.go_on(out);
    }

    fn on_leadership(&mut self, leadership: Leadership, out: &mut Outbox<'_>) {
        match leadership {
            Leadership::Unchanged => {}
            Leadership::Acquired => {
                let reference = object_reference(self.elector.lease());
                let message = format!("{} became leader", self.elector.identity());
                self.core_events.event(&reference, "Normal", "LeaderElection", message, out);
                self.go_on(out);
            }
            // The program ends with "leaderelection lost"; its runtime notices, and the kubelet starts it again.
            Leadership::Lost => {
                let me = out.me();
                let ended = MachineMessage::Event { kind: "exit", body: crate::value!({"part": me.part.name(), "code": 1}) };
                out.send(Addr::new(me.machine, Part::Runtime), Message::Machine(Rc::new(ended)));
                out.effect(Effect::Kill(me));
            }
        }
    }

    fn on_changes(&mut self, at: usize, changes: Vec<Change>, out: &mut Outbox<'_>) {
        let resource = self.informers[at].resource();
        match resource.plural {
            "pods" => changes.iter().for_each(|change| self.on_pod(change, out)),
            "nodes" => changes.iter().for_each(|change| self.on_node(change, out)),
            _ => self.on_objects(at, &changes, out),
        }
        if !self.synced && self.informers.iter().all(Informer::has_synced) {
            self.synced = true;
            self.elector.start(out);
        }
    }

    fn on_node(&mut self, change: &Change, out: &Outbox<'_>) {
        match (&change.old, &change.new) {
            (None, Some(new)) => {
                self.snapshot.set_node(new);
                self.tell_queue(&ClusterEvent::NodeAdded(new), out);
            }
            (Some(old), Some(new)) => {
                if self.snapshot.set_node(new) {
                    self.tell_queue(&ClusterEvent::NodeChanged(old, new), out);
                }
            }
            (Some(old), None) => {
                self.tell_queue(&ClusterEvent::NodeGone(old), out);
                self.snapshot.remove_node(&old["metadata"]["name"].text());
            }
            (None, None) => {}
        }
    }

    fn on_pod(&mut self, change: &Change, out: &Outbox<'_>) {
        let key = change.object().key();
        let old = self.pods.get(&key).cloned();
        let Some(new) = &change.new else {
            self.pods.remove(&key);
            self.queue.remove(&key);
            let Some(old) = old else { return };
            self.snapshot.nominate(&old, &Text::default());
            // A pod that was on its way is gone, too; its binding will be refused.
            let node = self.assumed.get(&key).map_or(old.node_name.clone(), |assumed| assumed.node.clone());
            if !node.is_empty() {
                self.snapshot.remove_pod(&key, &node);
                self.tell_queue(&ClusterEvent::PodGone(&old), out);
            } else if !old.nominated_node.is_empty() && self.profile(&old).is_some() {
                self.tell_queue(&ClusterEvent::NominationGone(&old), out);
            }
            return;
        };
        if let Some(old) = &old
            && !old.node_name.is_empty()
            && says_nothing_new(&old.object, new)
        {
            return;
        }
        let info = PodInfo::new(new);
        self.pods.insert(key.clone(), Rc::clone(&info));
        if info.node_name.is_empty() {
            self.on_waiting_pod(old.as_deref(), info, out);
            return;
        }
        self.queue.remove(&key);
        self.snapshot.nominate(&info, &Text::default());
        let before = self.assumed.remove(&key).map(|assumed| assumed.node);
        let before = before.or_else(|| old.as_ref().map(|old| old.node_name.clone()).filter(|node| !node.is_empty()));
        if let Some(node) = &before {
            self.snapshot.remove_pod(&key, node);
        }
        self.snapshot.add_pod(&info, &info.node_name);
        match old.filter(|old| !old.node_name.is_empty()) {
            Some(old) => self.tell_queue(&ClusterEvent::PodChanged(&old, &info), out),
            None => self.tell_queue(&ClusterEvent::PodAssigned(&info), out),
        }
    }

    fn on_waiting_pod(&mut self, old: Option<&PodInfo>, info: Rc<PodInfo>, out: &Outbox<'_>) {
        if let Some(assumed) = self.assumed.get(&info.key) {
            // A pod that is deleted on its way takes no place any more; its binding goes on, and most likely fails.
            if info.terminating && old.is_some_and(|old| !old.terminating) {
                self.snapshot.remove_pod(&info.key, &assumed.node);
                self.tell_queue(&ClusterEvent::PodGone(&info), out);
            }
            return;
        }
        if self.profile(&info).is_none() {
            return;
        }
        self.snapshot.nominate(&info, &info.nominated_node);
        let nominated = info.nominated_node.clone();
        if self.queue.get(&info.key).is_some() {
            let (preempting, pods) = (&self.preempting, &self.pods);
            self.queue.update(info, &|key| is_preempting(preempting, pods, key), push(out));
        } else {
            self.queue.add(info, push(out));
        }
        if let Some(old) = old.filter(|old| !old.nominated_node.is_empty() && old.nominated_node != nominated) {
            self.tell_queue(&ClusterEvent::NominationGone(old), out);
        }
    }

    /// Takes over the other objects, with this scheduler's own changes that have not come back yet.
    fn on_objects(&mut self, at: usize, changes: &[Change], out: &mut Outbox<'_>) {
        let plural = self.informers[at].resource().plural;
        let mut store = self.informers[at].store().clone();
        self.changed.retain(|(of, key), object| {
            if of.as_str() != plural {
                return true;
            }
            let is_newer = |have: &Value| have.resource_version() > object.resource_version();
            let keep = store.get(key).is_some_and(|have| !is_newer(have));
            if keep {
                store.insert(key.clone(), object.clone());
            }
            keep
        });
        let objects = &mut self.snapshot.objects;
        match plural {
            "namespaces" => objects.namespaces = store,
            "services" => objects.services = store,
            "replicasets" => objects.replica_sets = store,
            "statefulsets" => objects.stateful_sets = store,
            "poddisruptionbudgets" => objects.budgets = store,
            "persistentvolumeclaims" => objects.claims = store,
            "persistentvolumes" => objects.volumes = store,
            "storageclasses" => objects.storage_classes = store,
            "csinodes" => objects.csi_nodes = store,
            _ => return,
        }
        let storage = matches!(plural, "persistentvolumeclaims" | "persistentvolumes" | "storageclasses" | "csinodes");
        for change in changes.iter().filter(|_| storage) {
            if let Some(new) = &change.new {
                self.tell_queue(&ClusterEvent::Storage(change.old.as_ref(), new), out);
            }
        }
        if storage {
            self.look_at_waiting_bindings(out);
        }
    }

    /// Puts an object as this scheduler is about to change it into the snapshot.
    pub(super) fn assume_object(&mut self, object: &Value) {
        let (plural, objects) = match object.kind() {
            "PersistentVolume" => ("persistentvolumes", &mut self.snapshot.objects.volumes),
            "PersistentVolumeClaim" => ("persistentvolumeclaims", &mut self.snapshot.objects.claims),
            _ => return,
        };
        objects.insert(object.key(), object.clone());
        self.changed.insert((plural.into(), object.key()), object.clone());
    }

    /// Takes such objects back to what the informers say.
    pub(super) fn forget_objects(&mut self, objects: &[Value]) {
        for object in objects {
            let (plural, store) = match object.kind() {
                "PersistentVolume" => ("persistentvolumes", &mut self.snapshot.objects.volumes),
                "PersistentVolumeClaim" => ("persistentvolumeclaims", &mut self.snapshot.objects.claims),
                _ => continue,
            };
            let key = object.key();
            self.changed.remove(&(plural.into(), key.clone()));
            let informer = self.informers.iter().find(|informer| informer.resource().plural == plural);
            match informer.and_then(|informer| informer.get(&key)) {
                Some(have) => store.insert(key, have.clone()),
                None => store.remove(&key),
            };
        }
    }

    pub(super) fn tell_queue(&mut self, event: &ClusterEvent<'_>, out: &Outbox<'_>) {
        let (preempting, pods) = (&self.preempting, &self.pods);
        self.queue.on_event(event, &|key| is_preempting(preempting, pods, key), push(out));
    }

    fn flush(&mut self, out: &Outbox<'_>) {
        let (preempting, pods) = (&self.preempting, &self.pods);
        self.queue.flush(&|key| is_preempting(preempting, pods, key), out.now(), out.cause());
    }

    /// Sets the timer for the next cycle when there is work, and for the periodic look at pods that wait.
    fn go_on(&mut self, out: &mut Outbox<'_>) {
        if !self.elector.is_leading() {
            return;
        }
        if self.cycle_began.is_none() && self.queue.has_next() {
            self.cycle_began = Some(out.now());
            // Taking a pod, filtering and scoring: some hundred microseconds, more in large clusters.
            let nodes = self.snapshot.nodes().len() as u64;
            let cycle = Duration::us(self.rng.between(300, 700) + nodes.min(500));
            let background = out.is_background();
            out.set_background(false);
            out.timer(cycle, SCHEDULE, "", 0);
            out.set_background(background);
        }
        if !self.flush_is_due && self.queue.has_resting() {
            self.flush_is_due = true;
            // Upstream's period runs all the time; here it is only looked when pods wait.
            out.tick(Duration(FLUSH_PERIOD.0 - out.now().0 % FLUSH_PERIOD.0), FLUSH, "", 0);
        }
    }
}

/// What brings pods into line that are told of now.
pub(super) fn push(out: &Outbox<'_>) -> Push {
    Push { now: out.now(), cause: out.cause(), background: out.is_background() }
}

/// Whether a pod makes room for itself and is not to be tried meanwhile (IsPodRunningPreemption).
fn is_preempting(preempting: &BTreeMap<Text, Preempting>, pods: &PMap<Text, Rc<PodInfo>>, key: &str) -> bool {
    preempting.get(key).is_some_and(|state| state.is_going_on(pods))
}

/// Whether an update of a pod on a node changes nothing that scheduling looks at, as most updates of its status do.
fn says_nothing_new(old: &Value, new: &Value) -> bool {
    let same = |path: &[&str]| {
        let (one, other) = (old.at(path), new.at(path));
        one.same(other) || one == other
    };
    let target = |pod: &Value| pod.condition_true("DisruptionTarget");
    same(&["metadata", "uid"])
        && same(&["metadata", "labels"])
        && same(&["spec"])
        && same(&["status", "startTime"])
        && old.is_terminating() == new.is_terminating()
        && target(old) == target(new)
}

impl Component for KubeScheduler {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start if self.fatal.is_some() => out.effect(Effect::Kill(out.me())),
            Event::Start => {
                for informer in &mut self.informers {
                    informer.start(out);
                }
            }
            Event::Message(envelope) => self.on_message(envelope, out),
            Event::Timer(timer) => self.on_timer(timer, out),
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }
    fn gauges(&self, tell: &mut dyn FnMut(Gauge, u64)) {
        let (active, backoff, unschedulable, gated) = self.queue.lengths();
        tell(Gauge::Active, active as u64);
        tell(Gauge::Backoff, backoff as u64);
        tell(Gauge::Unschedulable, unschedulable as u64);
        tell(Gauge::Gated, gated as u64);
    }
    crate::component_boilerplate!();
}

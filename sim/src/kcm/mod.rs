//! kube-controller-manager: all controllers of one control-plane node in one process, as upstream's.
//!
//! - [`ControllerManager`] (here): leader election, shared informers, which controller hears of which change;
//! - `reconcile.rs`: the frame of every sync; `runner.rs`: workers, requests and their answers; `table.rs`: queues and rates;
//! - `view.rs`, `pods.rs`, `expectations.rs`: what the controllers know;
//! - `deployment/`, `replicaset.rs`, `daemonset/`, `control.rs`: workloads;
//! - `node/`: health, taints, eviction, pod networks, ttl;
//! - `endpoints/`: Endpoints and EndpointSlices;
//! - `gc.rs`, `podgc.rs`, `namespace.rs`, `accounts.rs`, `disruption.rs`: the rest.
//!
//! Writes go out under the controller's own account ([`Controller`]), the informers' watches under the manager's.

mod accounts;
mod context;
mod control;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod expectations;
mod gc;
mod namespace;
mod node;
mod podgc;
mod pods;
mod reconcile;
mod replicaset;
mod runner;
mod table;
mod view;

use crate::core::collections::PMap;

use context::{Context, Queues, Recorders};
use runner::{Call, Client, Rate, Running};
use view::View;

use crate::api::Resource;
use crate::api::resource::{
    CONFIGMAPS, CONTROLLERREVISIONS, DAEMONSETS, DEPLOYMENTS, ENDPOINTS, ENDPOINTSLICES, EVENTS, EVENTS_K8S_IO, NAMESPACES,
    NODES, PODDISRUPTIONBUDGETS, PODS, REPLICASETS, SERVICEACCOUNTS, SERVICES,
};
use crate::client::{Change, Informer, LeaderElector, Leadership, WorkQueue, object_reference};
use crate::core::{
    Addr, Component, Controller, Duration, Envelope, EnvelopeId, Event, Gauge, Message, Outbox, Part, Rng, TimerKey,
};
use crate::kubectl::parse::go_duration_us;
use crate::programs::Launch;
use crate::value::Text;

/// The timer of the pod-garbage-collector.
const POD_GC_TIMER: &str = "pod-garbage";
/// The timer of the node monitor.
const MONITOR_TIMER: &str = "node-monitor";

/// The component.
#[derive(Clone, Debug)]
pub struct ControllerManager {
    server: Addr,
    rng: Rng,
    host: Text,
    elector: LeaderElector,
    informers: Vec<Informer>,
    view: View,
    queues: Queues,
    recorders: Recorders,
    /// Running syncs by number.
    syncs: PMap<u64, Running>,
    next_sync: u64,
    /// Requests that have not been answered.
    calls: PMap<EnvelopeId, Call>,
    clients: PMap<Controller, Client>,
    rate: Rate,
    working: bool,
    /// How often it has begun to lead; timers of earlier terms mean nothing.
    term: u64,
}

/// Whether a flag of kube-controller-manager is heeded here (`None`: not), and what is wrong with its value.
pub fn check_flag(name: &str, value: &str) -> Option<Result<(), String>> {
    let number = |max: u64| match value.parse::<u64>() {
        Ok(number) if (1..=max).contains(&number) => Ok(()),
        _ => Err(format!("the simulation takes a whole number from 1 to {max}")),
    };
    Some(match name {
        "cluster-cidr" => Ok(()),
        "node-cidr-mask-size" => number(30),
        "kube-api-qps" | "kube-api-burst" => number(Rate::MAX),
        "node-monitor-grace-period" => match go_duration_us(value) {
            Ok(us) if us <= 0 => Err("must be greater than zero".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
        _ => return None,
    })
}

impl ControllerManager {
    /// The program as it starts. Of its flags (`flags` of its arguments) those of [`check_flag`] are heeded; what is missing or
    /// cannot be read is the default.
    pub fn start(launch: &Launch<'_>) -> Self {
        let server = crate::client::server(launch.args);
        let mut rng = Rng::new(launch.seed, launch.purpose);
        let mut view = View::with_root_ca(accounts::certificate(launch.disk, &mut rng));
        let flags = &launch.args["flags"];
        let mask = flags["node-cidr-mask-size"].str().parse().unwrap_or(24);
        if let Some(cidrs) = node::ipam::CidrSet::new(flags["cluster-cidr"].str(), mask) {
            view.nodes.cidrs = cidrs;
        }
        if let Some(us) = go_duration_us(flags["node-monitor-grace-period"].str()).ok().and_then(|us| u64::try_from(us).ok()) {
            view.nodes.grace = node::health::Grace(Duration::us(us));
        }
        Self {
            server,
            rng,
            elector: elector(server, launch.name, Rng::new(launch.seed, &format!("{}/leader", launch.purpose))),
            host: Text::new(launch.name),
            informers: Vec::new(),
            view,
            queues: Queues::new(),
            recorders: Recorders::new(server),
            syncs: PMap::new(),
            next_sync: 0,
            calls: PMap::new(),
            clients: PMap::new(),
            rate: Rate::of(flags),
            working: false,
            term: 0,
        }
    }

    /// Whether this manager leads and its caches are filled.
    pub fn is_working(&self) -> bool {
        self.working
    }

    /// The work queues of a controller, all of them for the manager itself; none for a controller without a queue.
    pub fn work_queues(&self, controller: Controller) -> impl Iterator<Item = &WorkQueue> {
        self.queues.of(controller)
    }

    /// The informers, which all controllers share.
    pub fn informers(&self) -> &[Informer] {
        &self.informers
    }

    fn context<'c, 'o>(&'c mut self, out: &'c mut Outbox<'o>) -> Context<'c, 'o> {
        Context { view: &mut self.view, queues: &mut self.queues, recorders: &mut self.recorders, out }
    }

    fn lead(&mut self, out: &mut Outbox<'_>) {
        let lease = object_reference(self.elector.lease());
        let message = format!("{} became leader", self.elector.identity());
        self.recorders.event("kube-controller-manager", &lease, "Normal", "LeaderElection", message, out);
        let followed = Resource::all().filter(|resource| ![EVENTS, EVENTS_K8S_IO].contains(resource));
        self.informers = followed.map(|resource| Informer::new(self.server, resource, "")).collect();
        for informer in &mut self.informers {
            informer.start(out);
        }
    }

    /// It could not renew its Lease. Upstream's process exits and is started anew; this one forgets everything and begins again.
    fn start_anew(&mut self, out: &mut Outbox<'_>) {
        for informer in &mut self.informers {
            informer.stop(out);
        }
        let (root_ca, cidrs, grace) = (self.view.root_ca.clone(), self.view.nodes.cidrs.emptied(), self.view.nodes.grace);
        self.informers.clear();
        self.view = View::with_root_ca(root_ca);
        (self.view.nodes.cidrs, self.view.nodes.grace) = (cidrs, grace);
        self.queues = Queues::new();
        self.recorders = Recorders::new(self.server);
        self.syncs.clear();
        self.calls.clear();
        self.clients.clear();
        self.working = false;
        let rng = Rng::new(self.rng.next_u64(), "leader");
        self.elector = elector(self.server, &self.host, rng);
        self.elector.start(out);
    }

    fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) {
        match &envelope.message {
            Message::Watch(batch) => {
                let Some(at) = self.informers.iter().position(|informer| informer.resource() == batch.resource) else { return };
                // The view's own reference is given up for the moment, so that the store is changed in place.
                self.view.set_store(batch.resource, &view::Store::new());
                let changes = self.informers[at].on_message(envelope, out).unwrap_or_default();
                self.view.set_store(batch.resource, self.informers[at].store());
                for change in changes {
                    self.on_change(batch.resource, &change, out);
                }
                if !self.working && self.informers.iter().all(Informer::has_synced) {
                    self.working = true;
                    self.term += 1;
                    out.tick(node::health::MONITOR_PERIOD, MONITOR_TIMER, "", self.term);
                    out.tick(podgc::PERIOD, POD_GC_TIMER, "", self.term);
                }
            }
            Message::Response(_) | Message::Failure(_) => {
                if let Some(leadership) = self.elector.on_message(envelope, out) {
                    if leadership == Leadership::Acquired {
                        self.lead(out);
                    }
                    return;
                }
                let answered = self.on_answer(envelope, out) || self.recorders.on_message(envelope, out);
                if !answered {
                    self.informers.iter_mut().any(|informer| informer.on_message(envelope, out).is_some());
                }
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) {
        if let Some(leadership) = self.elector.on_timer(timer, out) {
            if leadership == Leadership::Lost {
                self.start_anew(out);
            }
            return;
        }
        match timer.name {
            "reflector" => self.informers.iter_mut().for_each(|informer| informer.on_retry_timer(&timer.key, out)),
            runner::TIMER => self.send_waiting(&timer.key, out),
            _ if !self.working => {}
            MONITOR_TIMER if timer.number == self.term => {
                node::health::monitor(&mut self.context(out));
                out.tick(node::health::MONITOR_PERIOD, MONITOR_TIMER, "", self.term);
            }
            POD_GC_TIMER if timer.number == self.term => {
                podgc::look(&mut self.context(out));
                out.tick(podgc::PERIOD, POD_GC_TIMER, "", self.term);
            }
            node::health::TAINTING_TIMER => node::health::on_tainting_timer(&mut self.context(out), &timer.key),
            node::eviction::TIMER => node::eviction::on_timer(&mut self.context(out), timer),
            _ => {
                if !self.queues.on_timer(timer, out) {
                    self.recorders.on_timer(timer, out);
                }
            }
        }
    }

    /// Tells the controllers of a change; the store has it already.
    fn on_change(&mut self, resource: Resource, change: &Change, out: &mut Outbox<'_>) {
        let key = change.object().key();
        let new = change.new.as_ref();
        match resource {
            PODS => self.view.pods.update(&key, new),
            REPLICASETS => self.view.replica_sets.update(&key, new),
            CONTROLLERREVISIONS => self.view.revisions.update(&key, new),
            _ => {}
        }
        let context = &mut self.context(out);
        match resource {
            PODS => {
                replicaset::on_pod(context, change);
                daemonset::on_pod(context, change);
                deployment::on_pod(context, change);
                endpoints::on_pod(context, change);
                disruption::on_pod(context, change);
                node::eviction::on_pod(context, change);
            }
            REPLICASETS => {
                replicaset::on_set(context, change);
                deployment::on_set(context, change);
            }
            DEPLOYMENTS => deployment::on_deployment(context, change),
            DAEMONSETS => daemonset::on_set(context, change),
            NODES => {
                node::on_change(context, change);
                daemonset::on_node(context, change);
            }
            SERVICES => endpoints::on_service(context, change),
            ENDPOINTS => endpoints::on_endpoints(context, change),
            ENDPOINTSLICES => endpoints::on_slice(context, change),
            PODDISRUPTIONBUDGETS => disruption::on_budget(context, change),
            NAMESPACES => {
                namespace::on_change(context, change);
                accounts::on_namespace(context, change);
            }
            SERVICEACCOUNTS => accounts::on_account(context, change),
            CONFIGMAPS => accounts::on_config_map(context, change),
            _ => {}
        }
        gc::on_change(context, resource, change);
    }
}

fn elector(server: Addr, host: &str, mut rng: Rng) -> LeaderElector {
    let identity = Text::from(format!("{host}_{}", rng.uuid()));
    LeaderElector::new(server, Part::Controller(Controller::Manager), "kube-controller-manager", identity, rng)
}

impl Component for ControllerManager {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => self.elector.start(out),
            Event::Message(envelope) => self.on_message(envelope, out),
            Event::Timer(timer) => self.on_timer(timer, out),
            Event::Command(..) | Event::Interrupt(_) => {}
        }
        if self.working {
            self.work(out);
        }
        self.recorders.flush(out);
    }
    fn gauges(&self, tell: &mut dyn FnMut(Gauge, u64)) {
        for (account, queue) in self.queues.all() {
            tell(Gauge::Work(account), (queue.len() + queue.in_progress()) as u64);
        }
    }
    crate::component_boilerplate!();
}

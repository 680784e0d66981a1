//! The kubelet: makes what the api-server says about its node's pods true, and tells the api-server how they are.
//!
//! In reading order:
//! - [`node`]: its own Node: registration, status, lease;
//! - [`pod`]: what it keeps of a pod; [`source`]: where pods come from, and whether the node takes them ([`admission`]);
//! - [`worker`]: what a pod's worker does next; [`start`]: starting its containers; [`volumes`]: what they need;
//! - [`status`]: the pod's status; [`status_manager`] writes it;
//! - [`probes`]; [`static_pods`] and their mirrors; [`server`]: logs and exec for the api-server.
//!
//! Deaths of containers are seen by the relist of the pod lifecycle event generator (PLEG), once a second. Here the runtime tells
//! them when they happen, and the kubelet looks at them at its next relist; so an idle node costs nothing.

pub mod admission;
mod eviction;
pub mod node;
pub mod pod;
pub mod probes;
pub mod server;
pub mod source;
mod start;
mod static_pods;
pub mod status;
pub mod status_manager;
pub mod volumes;
mod worker;

use crate::core::collections::PMap;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::api::resource::{CSIDRIVERS, NODES, PODS, RUNTIMECLASSES, SERVICES};
use crate::client::{EventRecorder, Informer, object_part_reference, object_reference};
use crate::core::{Addr, Component, EnvelopeId, Event, MachineId, Message, Outbox, Part, Request, Rng, Time, TimerKey};
use crate::machine::MachineMessage;
use crate::programs::Launch;
use crate::runtime::Cri;
use crate::value;
use crate::value::{Text, Value};

pub use pod::Pod;

/// What a request to the api-server was for.
#[derive(Clone, Debug)]
enum ApiCall {
    Ignore,
    NodeLook,
    NodeCreate,
    NodeFound,
    NodeRead,
    NodeStatus,
    CsiNodeLook,
    CsiNodeCreate,
    LeaseLook,
    LeaseOwner,
    LeaseCreate,
    LeaseRenew,
    StatusRead(Text),
    StatusPatch(Text),
    StatusDelete,
    Token(Text),
    MirrorCreate,
    MirrorDelete,
    Probe(Text, u64),
}

/// What a call to the runtime was for. Numbers are a pod's generation: answers to older ones are outdated.
#[derive(Clone, Debug)]
enum CriCall {
    /// The first look at the runtime, and lists of images later.
    Startup,
    /// The stream of container events.
    Events,
    /// What runs after the runtime was away.
    Relist,
    Status,
    Sandbox(Text, u64),
    Image(Text, u64),
    Pull(Text, u64),
    Create(Text, u64),
    Start(Text, u64),
    Stopped(Text, u64),
    SandboxStopped(Text, u64),
    Removed,
    Probe(Text, u64),
    Log(server::LogCall),
    Exec(Addr, EnvelopeId),
}

/// The kubelet.
#[derive(Clone, Debug)]
pub struct Kubelet {
    name: Text,
    ip: Text,
    machine: MachineId,
    image: Text,
    version: Text,
    flags: Value,
    config: Value,
    server: Addr,
    rng: Rng,
    started: Time,
    recorder: EventRecorder,
    node: node::NodeState,
    eviction: eviction::Eviction,
    nodes: Informer,
    services: Informer,
    csi_drivers: Informer,
    runtime_classes: Informer,
    pod_watch: Informer,
    objects: volumes::ObjectCache,
    pods: PMap<Text, Rc<Pod>>,
    /// Pods of the api-server by `namespace/name`.
    by_key: PMap<Text, Text>,
    /// Mirror pods by `namespace/name`.
    mirrors: PMap<Text, Value>,
    statuses: status_manager::StatusManager,
    requests: PMap<EnvelopeId, ApiCall>,
    calls: PMap<EnvelopeId, CriCall>,
    /// Image pulls go one after the other (serializeImagePulls): whose, of which generation.
    pulls: VecDeque<(Text, u64)>,
    pulling: Option<(Text, u64)>,
    images_changed: bool,
    /// The node's pod network as the runtime was told.
    pod_cidr: Text,
    /// Sandboxes and containers that the runtime had when the kubelet started, until their pods are known.
    found: Option<(Value, Value)>,
    found_parts: (Value, Value),
    /// Millicores, bytes and pods that are given away.
    used: (i64, i64, i64),
    /// Logs that are followed.
    follows: PMap<EnvelopeId, server::Follow>,
}

impl Kubelet {
    /// Starts a kubelet. Arguments: `server` and `balanced` (see [`crate::client::server`]), `flags`, `config`, `version`.
    pub fn start(launch: &Launch<'_>) -> Self {
        let server = crate::client::server(launch.args);
        let name = Text::new(launch.name);
        let version = match launch.args["version"].text() {
            version if version.is_empty() => crate::kind::node_image_version(&launch.spec.image),
            version => version,
        };
        let field = |text: &'static str| Text::from(format!("{text}={}", launch.name));
        Self {
            ip: Text::new(launch.ip),
            machine: launch.machine,
            image: launch.spec.image.clone(),
            version,
            flags: launch.args["flags"].clone(),
            config: launch.args["config"].clone(),
            server,
            rng: Rng::new(launch.seed, launch.purpose),
            started: Time::ZERO,
            recorder: EventRecorder::new(server, Part::Kubelet, "events", "kubelet", &name),
            node: node::NodeState::default(),
            eviction: eviction::Eviction::default(),
            nodes: Informer::new(server, NODES, "").with("fieldSelector", field("metadata.name")),
            services: Informer::new(server, SERVICES, "").with("fieldSelector", "spec.clusterIP!=None"),
            csi_drivers: Informer::new(server, CSIDRIVERS, ""),
            runtime_classes: Informer::new(server, RUNTIMECLASSES, ""),
            pod_watch: Informer::new(server, PODS, "").with("fieldSelector", field("spec.nodeName")),
            objects: volumes::ObjectCache::default(),
            pods: PMap::new(),
            by_key: PMap::new(),
            mirrors: PMap::new(),
            statuses: status_manager::StatusManager::default(),
            requests: PMap::new(),
            calls: PMap::new(),
            pulls: VecDeque::new(),
            pulling: None,
            images_changed: false,
            pod_cidr: Text::default(),
            found: None,
            found_parts: (Value::Null, Value::Null),
            used: (0, 0, 0),
            follows: PMap::new(),
            name,
        }
    }

    /// Its pods, in the order of their uids.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values().map(|pod| &**pod)
    }

    /// Millicores, bytes and pods that are given away.
    pub fn used(&self) -> (i64, i64, i64) {
        self.used
    }

    /// How many pod statuses wait to be written.
    pub fn waiting_statuses(&self) -> usize {
        self.statuses.waiting()
    }

    fn api(&mut self, request: Request, call: ApiCall, out: &mut Outbox<'_>) -> EnvelopeId {
        let id = out.request(self.server, request);
        self.requests.insert(id, call);
        id
    }

    fn cri(&mut self, method: &'static str, args: Value, call: CriCall, out: &mut Outbox<'_>) {
        let id = out.send(Addr::new(self.machine, Part::Runtime), Message::Cri(Rc::new(Cri::Call { method, args })));
        self.calls.insert(id, call);
    }

    fn runtime_call(&mut self, verb: &'static str, args: Value, call: CriCall, out: &mut Outbox<'_>) {
        let message = MachineMessage::Call { verb, args };
        let id = out.send(Addr::new(self.machine, Part::Runtime), Message::Machine(Rc::new(message)));
        self.calls.insert(id, call);
    }

    fn node_event(&mut self, kind: &'static str, reason: &'static str, message: &str, out: &mut Outbox<'_>) {
        // The kubelet knows its Node's name, not its uid.
        let reference = value!({"kind": "Node", "name": &self.name, "uid": &self.name});
        self.recorder.event(&reference, kind, reason, message.to_string(), out);
    }

    fn pod_event(
        &mut self,
        pod: &Pod,
        kind: &'static str,
        reason: impl Into<Text>,
        message: impl Into<Text>,
        out: &mut Outbox<'_>,
    ) {
        let object = self.event_object(pod);
        self.recorder.event(&object_reference(&object), kind, reason, message, out);
    }

    fn container_event(
        &mut self,
        pod: &Pod,
        container: &Text,
        kind: &'static str,
        reason: impl Into<Text>,
        message: impl Into<Text>,
        out: &mut Outbox<'_>,
    ) {
        let init = pod.containers.iter().any(|have| have.init && have.name == *container);
        let path = format!("spec.{}{{{container}}}", if init { "initContainers" } else { "containers" });
        let object = self.event_object(pod);
        self.recorder.event(&object_part_reference(&object, path), kind, reason, message, out);
    }

    /// The object that events of a pod are about; for a static pod it is named as its mirror, with the static pod's uid.
    fn event_object(&self, pod: &Pod) -> Value {
        let mut object = pod.object.clone();
        object["kind"] = "Pod".into();
        object["apiVersion"] = "v1".into();
        object
    }

    fn take(&mut self, uid: &Text) -> Option<Pod> {
        self.pods.remove(uid.as_str()).map(Rc::unwrap_or_clone)
    }

    fn put(&mut self, pod: Pod) {
        self.pods.insert(pod.uid.clone(), Rc::new(pod));
    }

    /// The next relist, once a second since the kubelet's start.
    fn next_relist(&self, now: Time) -> Time {
        let phase = (self.started.0 + 355_000) % 1_000_000;
        Time(now.0 + 1_000_000 - (now.0 + 1_000_000 - phase) % 1_000_000)
    }

    /// The sync loop's next tick at or after `t`, once a second.
    fn sync_tick(&self, t: Time) -> Time {
        let phase = (self.started.0 + 82_000) % 1_000_000;
        let late = (t.0 + 1_000_000 - phase) % 1_000_000;
        Time(t.0 + (1_000_000 - late) % 1_000_000)
    }

    fn on_answer(&mut self, to: EnvelopeId, code: u16, body: &Value, out: &mut Outbox<'_>) {
        let Some(call) = self.requests.remove(&to) else { return };
        match call {
            ApiCall::Ignore => {}
            ApiCall::NodeLook => self.node_looked(code, body, out),
            ApiCall::NodeCreate => self.node_created(code, body, out),
            ApiCall::NodeFound => self.node_found(code, body, out),
            ApiCall::NodeRead => self.update_status(false, out),
            ApiCall::NodeStatus => self.status_patched(code, body, out),
            ApiCall::CsiNodeLook => self.csi_node_looked(code, out),
            ApiCall::CsiNodeCreate => self.csi_node_created(code, out),
            ApiCall::LeaseLook => self.lease_looked(code, body, out),
            ApiCall::LeaseOwner => self.lease_owner(code, body, out),
            ApiCall::LeaseCreate | ApiCall::LeaseRenew => self.lease_written(code, body, out),
            ApiCall::StatusRead(uid) => self.status_read(&uid, code, body, out),
            ApiCall::StatusPatch(uid) => self.status_patched_pod(&uid, code, body, out),
            ApiCall::StatusDelete => self.status_deleted(out),
            ApiCall::Token(uid) => self.token_came(&uid, code < 400 && code > 0, out),
            ApiCall::MirrorCreate | ApiCall::MirrorDelete => self.mirror_answered(code, out),
            ApiCall::Probe(uid, number) => {
                let result = match code {
                    0 => Err(format!(
                        "Get \"https://{}:6443/livez\": dial tcp {}:6443: connect: connection refused",
                        self.ip, self.ip
                    )),
                    200..=399 => Ok(()),
                    code => Err(format!("HTTP probe failed with statuscode: {code}")),
                };
                self.probed(&uid, number, result, out);
            }
        }
    }

    fn on_reply(&mut self, to: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(call) = self.calls.remove(&to) else { return };
        match call {
            CriCall::Startup => self.runtime_found(&result.unwrap_or_default(), out),
            CriCall::Events => self.runtime_lost(out),
            CriCall::Relist => self.relist_all(&result.unwrap_or_default(), out),
            CriCall::Status => match result {
                Ok(status) => self.runtime_status(&status, out),
                Err(_) => self.runtime_lost(out),
            },
            CriCall::Sandbox(uid, generation) => self.sandbox_made(&uid, generation, result, out),
            CriCall::Image(uid, generation) => self.image_known(&uid, generation, result, out),
            CriCall::Pull(uid, generation) => self.pulled(&uid, generation, result, out),
            CriCall::Create(uid, generation) => self.created(&uid, generation, result, out),
            CriCall::Start(uid, generation) => self.container_started(&uid, generation, result, out),
            CriCall::Stopped(uid, generation) => self.container_stopped(&uid, generation, result.is_ok(), out),
            CriCall::SandboxStopped(uid, generation) => self.sandbox_stopped(&uid, generation, result.is_ok(), out),
            CriCall::Removed => {}
            CriCall::Probe(uid, number) => {
                let result = match result {
                    Ok(answer) if answer["exitCode"].int() != 0 => Err(answer["output"].str().to_string()),
                    Ok(answer) if answer["code"].int() >= 400 => {
                        Err(format!("HTTP probe failed with statuscode: {}", answer["code"].int()))
                    }
                    Ok(_) => Ok(()),
                    Err(error) => Err(error.to_string()),
                };
                self.probed(&uid, number, result, out);
            }
            CriCall::Log(call) => self.log_read(call, result, out),
            CriCall::Exec(client, request) => server::exec_done(client, request, result, out),
        }
    }

    /// The runtime's first answers: what it has, and how it is.
    fn runtime_found(&mut self, answer: &Value, out: &mut Outbox<'_>) {
        if answer.get("conditions").is_some() {
            self.runtime_status(answer, out);
            return self.register(out);
        }
        if answer.get("images").is_some() {
            return self.set_images(answer, out);
        }
        if answer.get("items").is_some() {
            self.found_parts.0 = answer["items"].clone();
        }
        if answer.get("containers").is_some() {
            self.found_parts.1 = answer["containers"].clone();
        }
        if !self.found_parts.0.is_null() && !self.found_parts.1.is_null() && self.found.is_none() {
            self.found = Some(self.found_parts.clone());
            self.load_static_pods(out);
            self.open_pods(out);
        }
    }

    fn on_message(&mut self, envelope: &crate::core::Envelope, out: &mut Outbox<'_>) {
        match &envelope.message {
            Message::Request(request) => self.serve(request, envelope, out),
            Message::Response(response) if self.requests.contains_key(&response.to) => {
                self.on_answer(response.to, response.code, &response.body, out);
            }
            Message::Cri(cri) => match &**cri {
                Cri::Reply { to, result } => self.on_reply(*to, result.clone(), out),
                Cri::Event { kind, body } => self.on_container_event(kind, body, out),
                Cri::Call { .. } => {}
            },
            Message::Machine(message) => match &**message {
                MachineMessage::Reply { to, result } => self.on_reply(*to, result.clone(), out),
                MachineMessage::Event { body, .. } => self.file_changed(&body["path"].text(), &body["content"], out),
                MachineMessage::Call { .. } => {}
            },
            Message::Failure(failure) if self.requests.contains_key(&failure.to) => {
                self.on_answer(failure.to, 0, &Value::Null, out);
            }
            Message::Failure(failure) if self.calls.contains_key(&failure.to) => {
                self.on_reply(failure.to, Err(Text::from(format!("rpc error: code = Unavailable desc = {}", failure.kind))), out);
            }
            Message::Failure(failure) if self.follows.remove(&failure.to).is_some() => {}
            _ => self.on_watch(envelope, out),
        }
    }

    fn on_watch(&mut self, envelope: &crate::core::Envelope, out: &mut Outbox<'_>) {
        if self.recorder.on_message(envelope, out) {
            return;
        }
        if let Some(changes) = self.pod_watch.on_message(envelope, out) {
            return self.pods_changed(changes, out);
        }
        if let Some(changes) = self.nodes.on_message(envelope, out) {
            if !changes.is_empty() {
                self.node_changed(out);
            }
            return;
        }
        for informer in [&mut self.services, &mut self.csi_drivers, &mut self.runtime_classes] {
            if informer.on_message(envelope, out).is_some() {
                return;
            }
        }
        if self.objects.on_message(envelope, out) {
            self.objects_changed(out);
        }
    }

    fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) {
        match timer.name {
            "node-status" => self.status_tick(out),
            "runtime-up" => self.check_runtime(out),
            "register" => self.register(out),
            "csi-node" => self.look_for_csi_node(out),
            "lease" => self.try_lease(out),
            "lease-timeout" => self.renewal_timed_out(EnvelopeId(timer.number as u32), out),
            "open-pods" => self.open_pods(out),
            "sync" => self.sync_due(&timer.key, out),
            "retry" => self.retry(&timer.key, timer.number, out),
            "pleg" => self.relist(&timer.key, out),
            "mount" => self.mount(&timer.key, timer.number, out),
            "mounted" => self.mounted(&timer.key, timer.number, out),
            "prestop" => self.pre_stop_done(&timer.key, timer.number, out),
            "probe" => self.probe(&timer.key, timer.number, out),
            "status" => self.queue_status(&timer.key, out),
            "reconcile" => self.reconcile_status(&timer.key, out),
            "mirror" => self.check_mirrors(out),
            "forget" => self.forget(&timer.key, out),
            "follow" => self.follow(out),
            "reflector" => {
                let informers =
                    [&mut self.nodes, &mut self.services, &mut self.csi_drivers, &mut self.runtime_classes, &mut self.pod_watch];
                informers.into_iter().for_each(|informer| informer.on_retry_timer(&timer.key, out));
                self.objects.on_timer(timer, out);
            }
            _ => {
                self.recorder.on_timer(timer, out);
            }
        }
    }
}

impl Component for Kubelet {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => {
                self.started = out.now();
                self.start_node(out);
            }
            Event::Message(envelope) => self.on_message(envelope, out),
            Event::Timer(timer) => self.on_timer(timer, out),
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

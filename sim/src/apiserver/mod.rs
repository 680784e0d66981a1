//! kube-apiserver: REST semantics over etcd, with a watch cache in front.
//!
//! - `mod.rs`: the component: what arrives, what is waited for;
//! - [`cache`]: the watch cache and the watches that it serves;
//! - `rest.rs`: what a request makes of an object (pure: request + current object → new object), after apiserver's `registry/generic/registry/store.go`;
//! - `strategy.rs`: what each resource does on create and update, after `pkg/registry/*/strategy.go`;
//! - `admission/`: admission plugins; `subresource.rs`: scale, binding, token; `eviction.rs`: eviction;
//! - `etcd_client.rs`: which etcd member is asked, and what happens when it does not answer;
//! - `read.rs`: get, list, Tables, raw paths; `bootstrap.rs`: the objects that the server creates by itself.
//!
//! A write costs one round trip to etcd: it is computed on the cached object and put under the condition that the object has
//! not changed; when it has, or when the cached state gave an error, it is computed anew on the state that etcd answers with.

mod admission;
mod bootstrap;
pub mod cache;
mod etcd_client;
mod events;
mod eviction;
mod read;
mod rest;
mod services;
mod strategy;
mod subresource;

use crate::core::collections::PMap;
use std::rc::Rc;

use crate::api::resource::{EVENTS, EVENTS_K8S_IO, NAMESPACES, PODS};
use crate::api::{ApiError, RESOURCES, Resource};
use crate::core::message::Failure;
use crate::core::{
    Addr, Component, Duration, Envelope, EnvelopeId, Event, Message, Outbox, Request, Rng, Time, Verb, WatchBatch,
};
use crate::etcd::{EtcdRequest, EtcdResponse};
use crate::programs::Launch;
use crate::value::{Text, Value};

use cache::Caches;
use etcd_client::EtcdClient;
use rest::Outcome;

/// How long Events live (`--event-ttl`).
const EVENT_TTL: Duration = Duration::s(3600);

/// Who waits for the outcome of a request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The asker's address and envelope; `None` for the server's own requests.
    peer: Option<(Addr, EnvelopeId)>,
    /// When the request came; its time runs from then on, however many steps it takes.
    since: Time,
}

impl Client {
    /// The server itself.
    fn own(out: &Outbox<'_>) -> Self {
        Self { peer: None, since: out.now() }
    }

    /// The sender of a request.
    fn of(envelope: &Envelope) -> Self {
        Self { peer: Some((envelope.from, envelope.id)), since: envelope.due_at }
    }
}

/// A request that waits for etcd.
#[derive(Clone, Debug)]
struct Pending {
    client: Client,
    request: Rc<Request>,
    stage: Stage,
    /// What etcd was asked, to ask again.
    asked: Rc<EtcdRequest>,
}

#[derive(Clone, Debug)]
enum Stage {
    /// GET: the key's value is the answer.
    Get,
    /// LIST: etcd's revision, up to which the cache must be fresh.
    ListRevision,
    /// A new object is put; `attempts` counts generated names that were taken.
    Create { attempts: u8, object: Value },
    /// A write on an existing object needs its current state.
    Read { attempts: u8 },
    /// The new state is put.
    Write { attempts: u8 },
    /// An eviction's PodDisruptionBudget is put; the pod is as it was before.
    Spend { attempts: u8, pod: Value },
    /// The object is marked as deleted, to be deleted next.
    Mark { attempts: u8 },
    /// The object is deleted; the answer is this body.
    Delete { attempts: u8, body: Value },
    /// The initial state of the cache of a resource.
    Sync(Resource),
}

/// A request that was handed on to a kubelet.
#[derive(Clone, Debug)]
struct KubeletCall {
    client: Addr,
    request: EnvelopeId,
    kubelet: Addr,
    /// The kubelet's path of a GET; `None` for a connection that is upgraded.
    path: Option<String>,
}

/// kube-apiserver.
#[derive(Clone, Debug)]
pub struct ApiServer {
    etcd: EtcdClient,
    version: Text,
    ip: Text,
    machine_name: Text,
    rng: Rng,
    caches: Caches,
    pending: PMap<EnvelopeId, Pending>,
    /// Lists that wait until the cache has reached a revision.
    waiting_lists: Vec<(u64, Client, Rc<Request>)>,
    kubelet_calls: PMap<EnvelopeId, KubeletCall>,
    /// The namespace that was made last: the cache may not have seen it yet.
    made: Value,
    /// Requests that came before the caches were filled.
    held: Vec<Envelope>,
    /// Caches that have never been filled.
    unsynced: usize,
    bootstrap: bootstrap::Bootstrap,
    requests_served: u64,
}

impl ApiServer {
    /// A server in front of the etcd of its machine, or of the machines `args.etcd`.
    pub fn start(launch: &Launch<'_>) -> Self {
        Self {
            etcd: EtcdClient::new(&launch.args["etcd"], launch.machine),
            version: match launch.args["version"].text() {
                text if text.is_empty() => crate::KUBERNETES_VERSION.into(),
                text => text,
            },
            ip: Text::new(launch.ip),
            machine_name: Text::new(launch.name),
            rng: Rng::new(launch.seed, launch.purpose),
            caches: Caches::default(),
            pending: PMap::new(),
            waiting_lists: Vec::new(),
            kubelet_calls: PMap::new(),
            made: Value::Null,
            held: Vec::new(),
            unsynced: 0,
            bootstrap: bootstrap::Bootstrap::default(),
            requests_served: 0,
        }
    }

    /// The watch cache: everything that the server knows.
    pub fn caches(&self) -> &Caches {
        &self.caches
    }
    /// How many requests it has answered.
    pub fn requests_served(&self) -> u64 {
        self.requests_served
    }
    /// Whether its caches have been filled once, so that it answers. They stay when etcd is lost, as client-go's watches do that are
    /// opened again below them.
    pub fn is_ready(&self) -> bool {
        self.unsynced == 0
    }

    fn on_start(&mut self, out: &mut Outbox<'_>) {
        for resource in Resource::all().filter(|resource| *resource != EVENTS_K8S_IO) {
            self.sync(resource, out);
            self.unsynced += 1;
        }
        out.tick(Duration::s(10), "identity-lease", "", 0);
        out.tick(Duration::s(300), "compact", "", 0);
    }

    /// Asks for all of a resource, to watch it from there on.
    fn sync(&mut self, resource: Resource, out: &mut Outbox<'_>) {
        let request = EtcdRequest::Range { key: resource.etcd_key("", "").into(), prefix: true, limit: 0 };
        let list = Rc::new(Request::list(resource, ""));
        self.ask_etcd(request, Client::own(out), list, Stage::Sync(resource), out);
    }

    /// Goes on with a resource's stream of changes where it broke, as `clientv3` does, which the watch cache does not notice. What has been
    /// compacted meanwhile has to be listed.
    fn resume(&mut self, resource: Resource, out: &mut Outbox<'_>) {
        if !self.caches.is_filled(resource) {
            return self.sync(resource, out);
        }
        let watch = EtcdRequest::Watch { prefix: resource.etcd_key("", "").into(), from: self.caches.revision(resource) + 1 };
        let stream = out.send(self.etcd.addr(), Message::EtcdRequest(Rc::new(watch)));
        self.caches.resume(resource, stream);
    }

    fn ask_etcd(&mut self, asked: EtcdRequest, client: Client, request: Rc<Request>, stage: Stage, out: &mut Outbox<'_>) {
        // Authentication, routing, decoding and admission take the server 150–500 µs.
        let work = Duration(self.rng.between(150, 500));
        let asked = Rc::new(asked);
        let id = out.send_after(work, self.etcd.addr(), Message::EtcdRequest(Rc::clone(&asked)));
        let pending = Pending { client, request, stage, asked };
        self.etcd.expect_sweep(pending.end(), out);
        self.pending.insert(id, pending);
    }

    fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) {
        match &envelope.message {
            Message::Request(request) if !self.is_ready() && !(request.resource.is_none() && self.etcd.is_unreachable()) => {
                self.etcd.expect_sweep(etcd_client::end(envelope.due_at, request), out);
                self.held.push(envelope.clone());
            }
            Message::Request(request) => self.on_request(envelope, request, out),
            Message::EtcdResponse(response) => {
                if let Some(pending) = self.pending.remove(&response.to) {
                    self.on_etcd_response(pending, response, out);
                }
            }
            Message::EtcdWatch(batch) if batch.compact_revision > 0 => {
                // What the stream should have gone on with is not to be had any more: list and watch again.
                if let Some(resource) = self.caches.etcd_stream_broke(batch.stream) {
                    self.sync(resource, out);
                }
            }
            Message::EtcdWatch(batch) => {
                self.caches.on_etcd_events(batch, out);
                self.release_lists(out);
            }
            Message::Failure(failure) => self.on_failure(envelope.from, failure, out),
            Message::Response(response) => {
                if let Some(call) = self.kubelet_calls.remove(&response.to) {
                    out.respond(Duration::us(100), call.client, call.request, response.code, response.body.clone());
                }
            }
            Message::Watch(batch) => {
                // A followed log: the kubelet's stream goes on to the client's.
                if let Some(call) = self.kubelet_calls.get(&batch.stream) {
                    let batch = WatchBatch { stream: call.request, resource: batch.resource, events: batch.events.clone() };
                    out.watch(Duration::us(100), call.client, batch);
                }
            }
            Message::Cri(_) | Message::Machine(_) | Message::EtcdRequest(_) | Message::Peer(_) => {}
        }
    }

    fn on_failure(&mut self, from: Addr, failure: &Failure, out: &mut Outbox<'_>) {
        if self.caches.close(failure.to) {
            return;
        }
        if let Some(call) = self.kubelet_calls.remove(&failure.to) {
            let ip = out.directory().ip(call.kubelet.machine);
            let dial = format!("dial tcp {ip}:10250: {}", failure.kind);
            let message = match call.path {
                Some(path) => format!("Get \"https://{ip}:10250/{path}\": {dial}"),
                None => format!("error dialing backend: {dial}"),
            };
            let error = ApiError::new(500, "", message);
            out.respond(Duration::us(100), call.client, call.request, error.code, error.to_value());
            return;
        }
        // A client went away while its log was followed.
        let followed =
            self.kubelet_calls.iter().find(|(_, call)| call.request == failure.to).map(|(id, call)| (*id, call.kubelet));
        if let Some((id, kubelet)) = followed {
            self.kubelet_calls.remove(&id);
            out.close(kubelet, id);
            return;
        }
        if let Some(pending) = self.pending.remove(&failure.to) {
            self.etcd.unreachable(from);
            self.on_etcd_failure(pending, failure, out);
        } else if let Some(resource) = self.caches.etcd_stream_broke(failure.to) {
            // The stream of changes broke: etcd's client goes on with it, at another member if need be.
            self.etcd.unreachable(from);
            out.timer(Duration::ms(500), "sync", resource.group_resource(), 0);
        }
    }

    fn on_request(&mut self, envelope: &Envelope, request: &Rc<Request>, out: &mut Outbox<'_>) {
        self.requests_served += 1;
        let client = Client::of(envelope);
        let request = match request.resource {
            Some(resource) if resource == EVENTS_K8S_IO => Rc::new(events::to_core(request)),
            _ => Rc::clone(request),
        };
        self.handle(client, request, out);
    }

    /// Handles a request of a client or of the server itself.
    fn handle(&mut self, client: Client, request: Rc<Request>, out: &mut Outbox<'_>) {
        let Some(resource) = request.resource else {
            let answer = self.raw(&request);
            self.answer(&client, answer, out);
            return;
        };
        if let Err(error) = check_subresource(resource, &request) {
            self.answer(&client, Err(error), out);
            return;
        }
        match request.verb {
            Verb::Get if resource == PODS && request.subresource == "log" => self.call_kubelet(client, request, out),
            Verb::Create if resource == PODS && matches!(&*request.subresource, "exec" | "portforward") => {
                self.call_kubelet(client, request, out);
            }
            Verb::Get if request.query("resourceVersion") == Some("0") => {
                let answer = self.cached(&request).ok_or_else(|| ApiError::not_found(&resource.group_resource(), &request.name));
                self.answer(&client, answer.and_then(|object| self.shown(&request, &object, out)).map(|body| (200, body)), out);
            }
            Verb::Get => self.read(client, request, Stage::Get, out),
            Verb::List if request.query("resourceVersion") == Some("0") => self.answer_list(&client, &request, out),
            Verb::List => {
                let etcd = EtcdRequest::Range { key: resource.etcd_key(&request.namespace, "").into(), prefix: true, limit: 1 };
                self.ask_etcd(etcd, client, request, Stage::ListRevision, out);
            }
            Verb::Watch => self.open_watch(&client, &request, out),
            Verb::Create if request.subresource.is_empty() => self.create(client, request, 0, out),
            Verb::Create if request.subresource == "token" => {
                let answer = self.token(&request, out);
                self.answer(&client, answer, out);
            }
            Verb::DeleteCollection => self.delete_collection(&client, &request, out),
            Verb::Create | Verb::Update | Verb::Patch | Verb::Delete => match self.cached(&request) {
                Some(current) => self.write(client, request, &current, false, 0, out),
                None => self.read(client, request, Stage::Read { attempts: 0 }, out),
            },
        }
    }

    fn read(&mut self, client: Client, request: Rc<Request>, stage: Stage, out: &mut Outbox<'_>) {
        let resource = request.resource.expect("reads have a resource");
        let key = resource.etcd_key(&request.namespace, &request.name);
        self.ask_etcd(EtcdRequest::Range { key: key.into(), prefix: false, limit: 0 }, client, request, stage, out);
    }

    /// The object that the request names, as the cache has it.
    fn cached(&self, request: &Request) -> Option<Value> {
        self.caches.get(request.resource?, &request.namespace, &request.name).cloned()
    }

    fn on_etcd_response(&mut self, pending: Pending, response: &EtcdResponse, out: &mut Outbox<'_>) {
        self.etcd.answered();
        if let Some(error) = response.error {
            return self.on_etcd_error(pending, response.to, error, out);
        }
        let Pending { client, request, stage, .. } = pending;
        let resource = request.resource.expect("only requests with a resource reach etcd");
        let (stored, missing) = match response.kvs.first() {
            Some(kv) if cache::is_object(&kv.value) => (Some(cache::with_revision(&kv.value, kv.mod_revision)), None),
            Some(_) => (None, Some(cache::undecodable())),
            None => (None, None),
        };
        let missing = || missing.unwrap_or_else(|| ApiError::not_found(&resource.group_resource(), &request.name));
        match stage {
            Stage::Sync(resource) => {
                let first = !self.caches.is_filled(resource);
                let watch = EtcdRequest::Watch { prefix: resource.etcd_key("", "").into(), from: response.revision + 1 };
                let stream = out.send(self.etcd.addr(), Message::EtcdRequest(Rc::new(watch)));
                self.caches.fill(resource, stream, response, out);
                self.unsynced -= usize::from(first);
                if first && self.unsynced == 0 {
                    self.on_synced(out);
                }
                self.release_lists(out);
            }
            Stage::Get => {
                let answer = stored.ok_or_else(missing).and_then(|object| self.shown(&request, &object, out));
                self.answer(&client, answer.map(|body| (200, body)), out);
            }
            Stage::ListRevision => {
                self.waiting_lists.push((response.revision, client, request));
                self.release_lists(out);
            }
            Stage::Create { .. } if response.succeeded => {
                let object = stored.expect("a put answers with the key");
                if resource == NAMESPACES {
                    self.made = object.clone();
                }
                self.answer(&client, Ok((201, object)), out);
                self.after_loopback(&client, out);
            }
            Stage::Create { attempts, object } => {
                let generated = !request.body["metadata"]["generateName"].is_empty() && request.body.name().is_empty();
                if generated && attempts < 7 {
                    self.create(client, request, attempts + 1, out);
                } else {
                    self.answer(&client, Err(ApiError::already_exists(&resource.group_resource(), object.name())), out);
                    self.after_loopback(&client, out);
                }
            }
            Stage::Read { attempts } => match stored {
                Some(current) => self.write(client, request, &current, true, attempts, out),
                None => self.answer(&client, Err(missing()), out),
            },
            Stage::Write { .. } if response.succeeded => {
                let object = stored.expect("a put answers with the key");
                self.answer(&client, subresource::written_body(&request, object), out);
            }
            Stage::Spend { attempts, pod } => {
                self.budget_put((client, request), (attempts, pod), response.succeeded, stored.as_ref(), out);
            }
            Stage::Mark { attempts } if response.succeeded => {
                let body = stored.expect("a put answers with the key");
                let key = resource.etcd_key(&request.namespace, &request.name).into();
                let delete = EtcdRequest::Delete { key, expected: Some(body.resource_version()), prefix: false };
                self.ask_etcd(delete, client, request, Stage::Delete { attempts, body }, out);
            }
            Stage::Delete { body, .. } if response.succeeded => self.answer(&client, Ok((200, body)), out),
            // Somebody else was faster: the answer holds the current state.
            Stage::Write { attempts } | Stage::Mark { attempts } | Stage::Delete { attempts, .. } => match stored {
                Some(current) if attempts < 20 && &*request.subresource == "eviction" => {
                    // The budget has been spent already.
                    let outcome = self.evicted(&current, &request, out);
                    self.carry_out(client, request, &current, outcome, true, attempts + 1, out);
                }
                Some(current) if attempts < 20 => self.write(client, request, &current, true, attempts + 1, out),
                Some(_) => {
                    self.answer(&client, Err(ApiError::conflict(&resource.group_resource(), &request.name, rest::MODIFIED)), out);
                }
                None => self.answer(&client, Err(missing()), out),
            },
        }
    }

    fn on_synced(&mut self, out: &mut Outbox<'_>) {
        self.bootstrap.begin(&self.caches, &self.ip);
        self.next_bootstrap(out);
        for envelope in std::mem::take(&mut self.held) {
            if let Message::Request(request) = &envelope.message {
                self.on_request(&envelope, request, out);
            }
        }
    }

    fn create(&mut self, client: Client, request: Rc<Request>, attempts: u8, out: &mut Outbox<'_>) {
        let resource = request.resource.expect("creates have a resource");
        match self.prepare_create(&client, &request, out) {
            Err(error) => {
                self.answer(&client, Err(error), out);
                self.after_loopback(&client, out);
            }
            Ok(object) if request.query("dryRun").is_some() => self.answer(&client, Ok((201, object)), out),
            Ok(object) => {
                let key = resource.etcd_key(object.namespace(), object.name()).into();
                let ttl = (resource == EVENTS).then_some(EVENT_TTL);
                let put = EtcdRequest::Put { key, expected: Some(0), value: object.clone(), ttl };
                self.ask_etcd(put, client, request, Stage::Create { attempts, object }, out);
            }
        }
    }

    /// Computes and stores the outcome of a write on `current`; `fresh` says that etcd itself gave it.
    fn write(&mut self, client: Client, request: Rc<Request>, current: &Value, fresh: bool, attempts: u8, out: &mut Outbox<'_>) {
        let outcome = self.outcome(&request, current, out);
        self.carry_out(client, request, current, outcome, fresh, attempts, out);
    }

    #[allow(clippy::too_many_arguments)]
    fn carry_out(
        &mut self,
        client: Client,
        request: Rc<Request>,
        current: &Value,
        outcome: Result<Outcome, ApiError>,
        fresh: bool,
        attempts: u8,
        out: &mut Outbox<'_>,
    ) {
        let resource = request.resource.expect("writes have a resource");
        let key: Text = resource.etcd_key(&request.namespace, &request.name).into();
        let expected = Some(current.resource_version());
        match outcome {
            Err(_) if !fresh => self.read(client, request, Stage::Read { attempts }, out),
            Err(error) => self.answer(&client, Err(error), out),
            Ok(Outcome::Unchanged) if !fresh && request.verb != Verb::Delete => {
                // A write that changes nothing is checked against etcd's own state, not only the cache's.
                if self.caches.is_current(resource, current) {
                    self.answer(&client, subresource::written_body(&request, current.clone()), out);
                } else {
                    self.read(client, request, Stage::Read { attempts }, out);
                }
            }
            Ok(Outcome::Unchanged) => self.answer(&client, subresource::written_body(&request, current.clone()), out),
            Ok(Outcome::Put(object)) if request.query("dryRun").is_some() => {
                self.answer(&client, subresource::written_body(&request, object), out);
            }
            Ok(Outcome::Delete(body) | Outcome::MarkAndDelete(body)) if request.query("dryRun").is_some() => {
                self.answer(&client, Ok((200, body)), out);
            }
            Ok(Outcome::Put(object)) => {
                let ttl = (resource == EVENTS).then_some(EVENT_TTL);
                let put = EtcdRequest::Put { key, expected, value: cache::without_revision(&object), ttl };
                self.ask_etcd(put, client, request, Stage::Write { attempts }, out);
            }
            Ok(Outcome::Spend(budget)) => self.put_budget(client, request, &budget, current.clone(), 0, out),
            Ok(Outcome::MarkAndDelete(object)) => {
                let put = EtcdRequest::Put { key, expected, value: cache::without_revision(&object), ttl: None };
                self.ask_etcd(put, client, request, Stage::Mark { attempts }, out);
            }
            Ok(Outcome::Delete(body)) => {
                let delete = EtcdRequest::Delete { key, expected, prefix: false };
                self.ask_etcd(delete, client, request, Stage::Delete { attempts, body }, out);
            }
        }
    }

    fn delete_collection(&mut self, client: &Client, request: &Rc<Request>, out: &mut Outbox<'_>) {
        let resource = request.resource.expect("collections have a resource");
        let selected = match self.caches.select(request) {
            Ok(selected) => selected,
            Err(error) => return self.answer(client, Err(error), out),
        };
        for object in &selected {
            let one = Request {
                verb: Verb::Delete,
                name: object["metadata"]["name"].text(),
                namespace: object["metadata"]["namespace"].text(),
                query: Vec::new(),
                ..(**request).clone()
            };
            self.handle(Client::own(out), Rc::new(one), out);
        }
        let list = crate::value!({"kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": {"resourceVersion": self.caches.revision(resource).to_string()}, "items": selected});
        self.answer(client, Ok((200, list)), out);
    }

    fn answer(&mut self, client: &Client, answer: Result<(u16, Value), ApiError>, out: &mut Outbox<'_>) {
        let Some((peer, request)) = client.peer else { return };
        let (code, body) = answer.unwrap_or_else(|error| (error.code, error.to_value()));
        let work = Duration(self.rng.between(80, 250));
        out.respond(work, peer, request, code, body);
    }

    fn after_loopback(&mut self, client: &Client, out: &mut Outbox<'_>) {
        if client.peer.is_none() {
            self.next_bootstrap(out);
        }
    }
}

/// Whether the resource has the subresource that the request names.
fn check_subresource(resource: Resource, request: &Request) -> Result<(), ApiError> {
    if request.subresource.is_empty() || resource.subresources.contains(&&*request.subresource) {
        Ok(())
    } else {
        Err(ApiError::new(404, "NotFound", "the server could not find the requested resource"))
    }
}

impl Component for ApiServer {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => self.on_start(out),
            Event::Message(envelope) => self.on_message(envelope, out),
            Event::Timer(timer) => match timer.name {
                "etcd-retry" => self.retry(EnvelopeId(timer.number as u32), out),
                "etcd-sweep" => self.sweep(out),
                "etcd-error" => self.give_up(EnvelopeId(timer.number as u32), out),
                "identity-lease" => {
                    self.renew_identity(out);
                    self.reconcile_endpoints(out);
                    out.tick(Duration::s(10), "identity-lease", "", 0);
                }
                "compact" => {
                    // As upstream's compactor: what was the revision five minutes ago is compacted now.
                    if timer.number > 0 {
                        out.send(
                            self.etcd.addr(),
                            Message::EtcdRequest(Rc::new(EtcdRequest::Compact { revision: timer.number })),
                        );
                    }
                    out.tick(Duration::s(300), "compact", "", self.caches.newest());
                }
                "sync" => {
                    if let Some(resource) = RESOURCES.iter().find_map(|info| {
                        Resource::find(info.group, info.plural).filter(|resource| resource.group_resource() == *timer.key)
                    }) {
                        self.resume(resource, out);
                    }
                }
                _ => {}
            },
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

//! HAProxy in front of several api-servers, as kind configures it (`pkg/cluster/internal/loadbalancer`): TCP, round-robin, a health check of
//! every backend each two seconds.
//!
//! A client's connection stays with its backend until one of them breaks it. A backend that fails three checks in a row gets no new
//! connections; two good ones bring it back. Established connections are left alone.

use std::rc::Rc;

use crate::core::collections::PMap;
use crate::core::message::{Failure, FailureKind};
use crate::core::{
    Addr, Component, Duration, Envelope, EnvelopeId, Event, MachineId, Message, Outbox, Part, Request, Response, Time, WatchBatch,
};
use crate::machine::MachineMessage;
use crate::programs::Launch;
use crate::runtime::spawn::machine_of;
use crate::value::{Text, Value};

/// The image of kind's load balancer.
pub const IMAGE: &str = "kindest/haproxy:v20230606-42a2262b";
/// Its configuration file.
pub const CONFIG: &str = "/usr/local/etc/haproxy/haproxy.cfg";
/// The role of its container.
pub const ROLE: &str = "external-load-balancer";

/// Between two checks of a backend (`inter`).
const INTERVAL: Duration = Duration::s(2);
/// So many failures in a row take a backend out, so many successes bring it back (`fall`, `rise`).
const FALL: u32 = 3;
const RISE: u32 = 2;
/// What HAProxy itself takes for a piece of data.
const COPYING: Duration = Duration::us(30);
/// A command of the user's is a process with a connection of its own: after such a pause it is another one.
const COMMANDS_PAUSE: Duration = Duration::ms(20);

/// kind's configuration for these control-plane nodes.
pub fn configuration(nodes: &[&str]) -> Text {
    let mut text = String::from(
        "global\n  log /dev/log local0\n  log /dev/log local1 notice\n  daemon\n  maxconn 100000\n\nresolvers docker\n  nameserver dns 127.0.0.11:53\n\n\
         defaults\n  log global\n  mode tcp\n  option dontlognull\n  timeout connect 5000\n  timeout client 50000\n  timeout server 50000\n  \
         default-server init-addr none\n\nfrontend control-plane\n  bind *:6443\n  default_backend kube-apiservers\n\n\
         backend kube-apiservers\n  option httpchk GET /healthz\n",
    );
    for node in nodes {
        text += &format!("  server {node} {node}:6443 check check-ssl verify none resolvers docker resolve-prefer ipv4\n");
    }
    Text::from(text)
}

/// A server behind the load balancer.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name in the configuration, a node's.
    pub name: Text,
    address: Text,
    /// Whether it gets new connections.
    pub up: bool,
    /// Checks in a row that said otherwise.
    streak: u32,
    check: Option<EnvelopeId>,
}

/// A request that was passed on.
#[derive(Clone, Copy, Debug)]
struct Passed {
    client: Addr,
    request: EnvelopeId,
    backend: usize,
}

/// HAProxy.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    backends: Vec<Backend>,
    next: usize,
    /// Which backend a client's connection leads to, and when it was used last.
    connections: PMap<Addr, (usize, Time)>,
    passed: PMap<EnvelopeId, Passed>,
    /// The other way round: a client's request as it was passed on.
    by_request: PMap<EnvelopeId, EnvelopeId>,
    generation: u64,
}

impl LoadBalancer {
    /// With what its configuration file says; kind writes that later.
    pub fn start(launch: &Launch<'_>) -> Self {
        let mut balancer = Self {
            backends: Vec::new(),
            next: 0,
            connections: PMap::new(),
            passed: PMap::new(),
            by_request: PMap::new(),
            generation: 0,
        };
        balancer.configure(&launch.disk.files.get(CONFIG).map(Value::text).unwrap_or_default());
        balancer
    }

    /// Its servers.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    fn configure(&mut self, text: &str) {
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("server "));
        let backend = |line: &str| {
            let mut words = line.split_whitespace();
            let (name, address) = (Text::new(words.next()?), Text::new(words.next()?));
            Some(Backend { name, address, up: true, streak: 0, check: None })
        };
        self.backends = servers.filter_map(backend).collect();
        self.next = 0;
    }

    fn addr(&self, backend: usize, out: &Outbox<'_>) -> Option<Addr> {
        machine_of(&self.backends.get(backend)?.address, out.directory()).map(|machine| Addr::new(machine, Part::ApiServer))
    }

    /// The backend of a client's connection; the next one in turn for a new connection.
    fn backend(&mut self, client: Addr, now: Time) -> Option<usize> {
        let client = Addr::new(client.machine, client.part.process());
        let known = self
            .connections
            .get(&client)
            .filter(|(_, used)| client.machine != MachineId::USER || now.since(*used) < COMMANDS_PAUSE);
        let backend = match known {
            Some((backend, _)) => *backend,
            None => {
                let count = self.backends.len();
                let found = (0..count).map(|step| (self.next + step) % count).find(|at| self.backends[*at].up)?;
                self.next = found + 1;
                found
            }
        };
        self.connections.insert(client, (backend, now));
        Some(backend)
    }

    fn on_request(&mut self, envelope: &Envelope, request: &Rc<Request>, out: &mut Outbox<'_>) {
        let to = self.backend(envelope.from, out.now()).and_then(|backend| Some((backend, self.addr(backend, out)?)));
        let Some((backend, server)) = to else {
            return fail(envelope.from, envelope.id, FailureKind::Eof, out);
        };
        let id = out.send_after(COPYING, server, Message::Request(Rc::clone(request)));
        self.passed.insert(id, Passed { client: envelope.from, request: envelope.id, backend });
        self.by_request.insert(envelope.id, id);
    }

    fn on_response(&mut self, response: &Response, out: &mut Outbox<'_>) {
        if let Some(at) = self.backends.iter().position(|backend| backend.check == Some(response.to)) {
            return self.checked(at, response.ok());
        }
        if let Some(passed) = self.passed.remove(&response.to) {
            self.by_request.remove(&passed.request);
            self.used(passed.client, out.now());
            out.respond(COPYING, passed.client, passed.request, response.code, response.body.clone());
        }
    }

    fn on_watch(&mut self, batch: &WatchBatch, out: &mut Outbox<'_>) {
        if let Some(passed) = self.passed.get(&batch.stream) {
            let batch = WatchBatch { stream: passed.request, resource: batch.resource, events: batch.events.clone() };
            out.watch(COPYING, passed.client, batch);
        }
    }

    fn used(&mut self, client: Addr, now: Time) {
        if let Some((_, used)) = self.connections.get_mut(&Addr::new(client.machine, client.part.process())) {
            *used = now;
        }
    }

    /// A connection broke: a client's, then the backend learns it; or a backend's, then its client does.
    fn on_failure(&mut self, failure: &Failure, out: &mut Outbox<'_>) {
        if let Some(at) = self.backends.iter().position(|backend| backend.check == Some(failure.to)) {
            return self.checked(at, false);
        }
        if let Some(passed) = self.passed.remove(&failure.to) {
            self.by_request.remove(&passed.request);
            // All connections to that backend are gone, not only this request.
            self.connections =
                self.connections.iter().filter(|(_, at)| at.0 != passed.backend).map(|(client, at)| (*client, *at)).collect();
            // No connection came about: HAProxy closes the client's.
            let kind = if failure.kind == FailureKind::Reset { FailureKind::Reset } else { FailureKind::Eof };
            return fail(passed.client, passed.request, kind, out);
        }
        if let Some(id) = self.by_request.remove(&failure.to)
            && let Some(passed) = self.passed.remove(&id)
            && let Some(server) = self.addr(passed.backend, out)
        {
            out.close(server, id);
            // Who has closed all its streams has closed the connection.
            let same =
                |other: Addr| other.machine == passed.client.machine && other.part.process() == passed.client.part.process();
            if !self.passed.values().any(|other| same(other.client)) {
                self.connections.remove(&Addr::new(passed.client.machine, passed.client.part.process()));
            }
        }
    }

    /// Asks every backend how it is.
    fn check(&mut self, out: &mut Outbox<'_>) {
        out.set_heartbeat(true);
        for at in 0..self.backends.len() {
            // A check without any answer yet has failed.
            if self.backends[at].check.take().is_some() {
                self.checked(at, false);
            }
            if let Some(server) = self.addr(at, out) {
                self.backends[at].check = Some(out.request(server, Request::raw("/healthz")));
            } else {
                self.checked(at, false);
            }
        }
        out.tick(INTERVAL, "check", "", self.generation);
    }

    fn checked(&mut self, at: usize, good: bool) {
        let backend = &mut self.backends[at];
        backend.check = None;
        if backend.up == good {
            backend.streak = 0;
            return;
        }
        backend.streak += 1;
        if backend.streak >= if good { RISE } else { FALL } {
            backend.up = good;
            backend.streak = 0;
        }
    }

    fn reload(&mut self, text: &str, out: &mut Outbox<'_>) {
        self.configure(text);
        self.generation += 1;
        self.check(out);
    }
}

fn fail(client: Addr, request: EnvelopeId, kind: FailureKind, out: &mut Outbox<'_>) {
    out.send(client, Message::Failure(Rc::new(Failure { to: request, kind })));
}

impl Component for LoadBalancer {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start if !self.backends.is_empty() => self.check(out),
            Event::Message(envelope) => match &envelope.message {
                Message::Request(request) => self.on_request(envelope, request, out),
                Message::Response(response) => self.on_response(response, out),
                Message::Watch(batch) => self.on_watch(batch, out),
                Message::Failure(failure) => self.on_failure(failure, out),
                Message::Machine(message) => {
                    if let MachineMessage::Event { kind: "SIGHUP", body } = &**message {
                        self.reload(body["content"].str(), out);
                    }
                }
                _ => {}
            },
            Event::Timer(timer) if timer.number == self.generation => self.check(out),
            _ => {}
        }
    }

    crate::component_boilerplate!();
}

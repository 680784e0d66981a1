//! docker's engine: makes, starts, stops and removes the machines, and runs commands on them.

use crate::core::collections::{PMap, PSet};
use std::rc::Rc;

use crate::core::faults::NetworkChange;
use crate::core::{Addr, Component, Duration, Effect, Envelope, EnvelopeId, Event, MachineId, Message, Outbox, Part, Rng, Time};
use crate::machine::{MachineMessage, MachineSpec};
use crate::programs::Launch;
use crate::runtime::Cri;
use crate::runtime::image::{ImageName, digest_of, manifest};
use crate::value;
use crate::value::{Text, Value};

/// What docker exec answers for a command that died with its container.
const KILLED: i32 = 137;
/// How systemd ends when docker stops its container.
const STOPPED: i32 = 130;

/// A container of the engine.
#[derive(Clone, Debug)]
pub struct Container {
    /// Name.
    pub name: Text,
    /// 64 hexadecimal digits.
    pub id: Text,
    /// Image.
    pub image: Text,
    /// Labels.
    pub labels: Value,
    /// Its machine.
    pub machine: MachineId,
    /// Ports as `docker ps` shows them.
    pub ports: Text,
    /// When it was made.
    pub created: Time,
    /// Since when it runs, or has not run.
    pub since: Time,
    /// Exit code, once it has stopped.
    pub stopped: Option<i32>,
    /// Whether it is connected to the network `kind`.
    pub connected: bool,
}

#[derive(Clone, Debug)]
enum Waiting {
    /// A command on a machine.
    Exec { machine: MachineId },
    /// The registry's manifest of an image.
    Manifest(Text),
    /// An image's layers.
    Layers(Text),
}

/// docker's engine.
#[derive(Clone, Debug)]
pub struct Engine {
    rng: Rng,
    containers: Vec<Container>,
    images: PSet<Text>,
    waiting: PMap<EnvelopeId, (Waiting, Addr, EnvelopeId)>,
    /// Calls whose answer waits for a timer.
    later: PMap<u64, (Addr, EnvelopeId, &'static str, Text)>,
    next: u64,
}

type Answer = Result<Value, Text>;

impl Engine {
    /// The engine with kind's default images, as after its first use.
    pub fn start(launch: &Launch<'_>) -> Self {
        Self {
            rng: Rng::new(launch.seed, launch.purpose),
            containers: Vec::new(),
            images: PSet::from([crate::kind::DEFAULT_NODE_IMAGE, crate::kind::load_balancer::IMAGE].map(Text::from)),
            waiting: PMap::new(),
            later: PMap::new(),
            next: 0,
        }
    }

    /// Its containers, the oldest first.
    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    fn find(&self, name: &str) -> Result<usize, Text> {
        let by = |container: &Container| container.name == name || (name.len() >= 4 && container.id.starts_with(name));
        self.containers.iter().position(by).ok_or_else(|| Text::from(format!("No such container: {name}")))
    }

    fn call(&mut self, verb: &'static str, args: &Value, envelope: &Envelope, out: &mut Outbox<'_>) {
        let client = (envelope.from, envelope.id);
        let name = args["name"].str();
        let result = match verb {
            "ps" => Ok(self.list(out.now())),
            "images" => Ok(self.list_images()),
            "pull" => return self.pull(args["image"].str(), client, out),
            "run" => return self.run(args, client, out),
            "stop" | "kill" => match self.find(name) {
                Ok(at) if self.containers[at].stopped.is_none() => {
                    let wait = if verb == "stop" { Duration::ms(self.rng.between(900, 1_600)) } else { Duration::ms(90) };
                    return self.later(wait, client, verb, name, out);
                }
                found => found.map(|_| Value::map()),
            },
            "start" => match self.find(name) {
                Ok(at) if self.containers[at].stopped.is_some() => {
                    self.power(at, None, out);
                    return self.later(Duration::ms(320), client, verb, name, out);
                }
                found => found.map(|_| Value::map()),
            },
            "network" => self.find(name).and_then(|at| self.connect(at, args["connect"].is_true(), out)),
            "rm" => self.remove(name, args["force"].is_true(), out),
            "exec" | "write" | "import" => match self.find(name) {
                Ok(at) if self.containers[at].stopped.is_some() => {
                    Err(Text::from(format!("container {} is not running", self.containers[at].id)))
                }
                Ok(at) => {
                    let machine = self.containers[at].machine;
                    let message = MachineMessage::Call { verb, args: args.clone() };
                    let id = out.send(Addr::new(machine, Part::Systemd), Message::Machine(Rc::new(message)));
                    self.waiting.insert(id, (Waiting::Exec { machine }, client.0, client.1));
                    return;
                }
                Err(error) => Err(error),
            },
            "inspect" => self.find(name).map(|at| {
                let container = &self.containers[at];
                let ip = out.directory().ip(container.machine);
                value!({"id": &container.id, "name": &container.name, "image": &container.image, "labels": &container.labels,
                        "ip": ip, "machine": container.machine.0, "running": container.stopped.is_none()})
            }),
            other => Err(Text::from(format!("the simulated engine knows no {other:?}"))),
        };
        reply(Duration::ms(3), client, result, out);
    }

    /// Connects a container to the network `kind`, or takes it off.
    fn connect(&mut self, at: usize, connect: bool, out: &mut Outbox<'_>) -> Answer {
        let container = &mut self.containers[at];
        if container.connected == connect {
            let (name, id) = (&container.name, &container.id);
            return Err(Text::from(if connect {
                format!("endpoint with name {name} already exists in network kind")
            } else {
                format!("container {id} is not connected to network kind")
            }));
        }
        container.connected = connect;
        let machine = container.machine;
        out.effect(Effect::Network(if connect { NetworkChange::Connect(machine) } else { NetworkChange::Disconnect(machine) }));
        Ok(Value::map())
    }

    fn later(&mut self, wait: Duration, client: (Addr, EnvelopeId), verb: &'static str, name: &str, out: &mut Outbox<'_>) {
        self.next += 1;
        self.later.insert(self.next, (client.0, client.1, verb, Text::new(name)));
        out.timer(wait, "later", Text::default(), self.next);
    }

    fn on_timer(&mut self, number: u64, out: &mut Outbox<'_>) {
        let Some((client, call, verb, name)) = self.later.remove(&number) else { return };
        let result = self.find(&name).map(|at| {
            if matches!(verb, "stop" | "kill") {
                self.power(at, Some(if verb == "stop" { STOPPED } else { KILLED }), out);
            }
            value!({"id": &self.containers[at].id})
        });
        reply(Duration::ZERO, (client, call), result, out);
    }

    /// Switches a container off with an exit code, or on.
    fn power(&mut self, at: usize, code: Option<i32>, out: &mut Outbox<'_>) {
        let container = &mut self.containers[at];
        container.stopped = code;
        container.since = out.now();
        let machine = container.machine;
        out.effect(Effect::Power(machine, code.is_none()));
        if code.is_some() {
            // Commands inside die with it.
            let dead: Vec<EnvelopeId> = self
                .waiting
                .iter()
                .filter(|(_, (waiting, _, _))| matches!(waiting, Waiting::Exec { machine: on } if *on == machine))
                .map(|(id, _)| *id)
                .collect();
            for id in dead {
                if let Some((_, client, call)) = self.waiting.remove(&id) {
                    reply(Duration::ms(1), (client, call), Ok(value!({"stdout": "", "stderr": "", "code": KILLED})), out);
                }
            }
        }
    }

    fn list(&self, now: Time) -> Value {
        let entry = |container: &Container| {
            let ago = super::human_duration(now.since(container.since));
            let status = match container.stopped {
                None => format!("Up {ago}"),
                Some(code) => format!("Exited ({code}) {ago} ago"),
            };
            let created = format!("{} ago", super::human_duration(now.since(container.created)));
            let ports = if container.stopped.is_none() { container.ports.clone() } else { Text::default() };
            value!({"id": &container.id, "image": &container.image, "name": &container.name, "status": status, "created": created,
                    "ports": ports, "command": command(container), "running": container.stopped.is_none(), "labels": &container.labels, "machine": container.machine.0})
        };
        value!({"containers": self.containers.iter().rev().map(entry).collect::<Value>()})
    }

    fn list_images(&self) -> Value {
        let entry = |name: &Text| {
            let parsed = ImageName::parse(name).expect("the engine holds parsed names");
            let size = manifest(&parsed).size_bytes();
            value!({"name": name, "id": digest_of(name), "sizeBytes": size})
        };
        value!({"images": self.images.iter().map(entry).collect::<Value>()})
    }

    fn pull(&mut self, image: &str, client: (Addr, EnvelopeId), out: &mut Outbox<'_>) {
        if self.images.contains(image) {
            return reply(Duration::ms(30), client, Ok(value!({"pulled": false})), out);
        }
        let missing = |why: &str| Err(Text::from(format!("manifest for {image} not found: manifest unknown: {why}")));
        let Ok(name) = ImageName::parse(image) else {
            return reply(Duration::ms(3), client, Err("invalid reference format".into()), out);
        };
        if name.repository == "docker.io/kindest/node" && crate::kind::node_image_minor(image).is_none() {
            return reply(Duration::ms(700), client, missing("manifest unknown"), out);
        }
        let call = Cri::Call { method: "GetManifest", args: value!({"image": name.to_string()}) };
        let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(call)));
        self.waiting.insert(id, (Waiting::Manifest(Text::new(image)), client.0, client.1));
    }

    fn run(&mut self, args: &Value, client: (Addr, EnvelopeId), out: &mut Outbox<'_>) {
        let (name, image) = (args["name"].text(), args["image"].text());
        if let Ok(at) = self.find(&name) {
            let id = &self.containers[at].id;
            let text = format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name."
            );
            return reply(Duration::ms(3), client, Err(Text::from(text)), out);
        }
        let label = |key: &str| args["labels"][key].text();
        let machine = MachineId(out.directory().machines().len() as u16);
        let role = label("io.x-k8s.kind.role");
        let ports = match role.as_str() {
            "control-plane" | crate::kind::load_balancer::ROLE => {
                Text::from(format!("127.0.0.1:{}->6443/tcp", super::host_port(machine)))
            }
            _ => Text::default(),
        };
        self.containers.push(Container {
            id: Text::new(&digest_of(&format!("{name}/{}", out.now().0))["sha256:".len()..]),
            name: name.clone(),
            image: image.clone(),
            labels: args["labels"].clone(),
            machine,
            ports,
            created: out.now(),
            since: out.now(),
            stopped: None,
            connected: true,
        });
        self.images.insert(image.clone());
        let cluster = label("io.x-k8s.kind.cluster");
        let spec = MachineSpec { name: name.clone(), image, role, cluster, config: args["config"].clone() };
        out.effect(Effect::AddMachine(Rc::new(spec)));
        let wait = Duration::ms(self.rng.between(420, 650));
        self.later(wait, client, "run", &name, out);
    }

    fn remove(&mut self, name: &str, force: bool, out: &mut Outbox<'_>) -> Answer {
        let at = self.find(name)?;
        let container = &self.containers[at];
        if container.stopped.is_none() && !force {
            return Err(Text::from(format!(
                "cannot remove container {:?}: container is running: stop the container before removing or force remove",
                container.name
            )));
        }
        let machine = container.machine;
        if container.stopped.is_none() {
            self.power(at, Some(KILLED), out);
        }
        self.containers.remove(at);
        out.effect(Effect::RemoveMachine(machine));
        Ok(Value::map())
    }

    fn answered(&mut self, to: EnvelopeId, result: Answer, out: &mut Outbox<'_>) {
        let Some((waiting, client, call)) = self.waiting.remove(&to) else { return };
        match (waiting, result) {
            (Waiting::Exec { .. }, result) => reply(Duration::us(300), (client, call), result, out),
            (Waiting::Manifest(image), Ok(manifest)) => {
                let args = value!({"image": &image, "layers": &manifest["layers"]});
                let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(Cri::Call { method: "GetBlobs", args })));
                self.waiting.insert(id, (Waiting::Layers(image), client, call));
            }
            (Waiting::Manifest(image), Err(_)) => {
                let text = format!(
                    "pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
                );
                reply(Duration::ZERO, (client, call), Err(Text::from(text)), out);
            }
            (Waiting::Layers(image), Ok(_)) => {
                self.images.insert(image);
                reply(Duration::ms(800), (client, call), Ok(value!({"pulled": true})), out);
            }
            (Waiting::Layers(_), Err(error)) => reply(Duration::ZERO, (client, call), Err(error), out),
        }
    }
}

/// What a container runs, as `docker ps` shows it.
fn command(container: &Container) -> &'static str {
    match container.labels["io.x-k8s.kind.role"].str() {
        crate::kind::load_balancer::ROLE => "haproxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg",
        super::ETCD_ROLE => "etcd",
        _ => "/usr/local/bin/entrypoint /sbin/init",
    }
}

fn reply(after: Duration, client: (Addr, EnvelopeId), result: Answer, out: &mut Outbox<'_>) {
    let reply = MachineMessage::Reply { to: client.1, result };
    out.send_after(after, client.0, Message::Machine(Rc::new(reply)));
}

impl Component for Engine {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Message(envelope) => match &envelope.message {
                Message::Machine(message) => match &**message {
                    MachineMessage::Call { verb, args } => self.call(verb, args, envelope, out),
                    MachineMessage::Reply { to, result } => self.answered(*to, result.clone(), out),
                    MachineMessage::Event { .. } => {}
                },
                Message::Cri(cri) => {
                    if let Cri::Reply { to, result } = &**cri {
                        self.answered(*to, result.clone(), out);
                    }
                }
                Message::Failure(failure) => self.answered(failure.to, Err(Text::from(failure.kind.to_string())), out),
                _ => {}
            },
            Event::Timer(timer) => self.on_timer(timer.number, out),
            Event::Start | Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

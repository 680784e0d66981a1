//! containerd: answers the kubelet's CRI calls, pulls images, and keeps the machine's sandboxes, containers and processes.

use crate::core::collections::{PMap, PSet};
use std::rc::Rc;

use super::container::{Container, Sandbox, State};
use super::image::ImageName;
use super::process::{Pids, Process};
use super::pull::{Image, Pull};
use super::script::Run;
use super::{Cri, exec, logs, spawn};
use crate::addons::CNI_CONFIG;
use crate::core::{
    Addr, Component, Disk, Duration, Effect, Envelope, EnvelopeId, Event, MachineId, Message, Outbox, Part, Rng, Time,
};
use crate::machine::{MachineMessage, usage};
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// Where containerd keeps its metadata on the machine's disk.
const METADATA: &str = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db";
/// Ends of containers that are farther away than this are nothing that anybody waits for.
const PATIENCE: Duration = Duration::s(120);

/// The container runtime of a machine.
#[derive(Clone, Debug)]
pub struct Containerd {
    rng: Rng,
    machine: MachineId,
    node: Text,
    version: Text,
    booted: Time,
    pub(super) images: PMap<Text, Image>,
    pub(super) layers: PSet<Text>,
    pub(super) sandboxes: PMap<Text, Sandbox>,
    containers: PMap<Text, Container>,
    pub(super) pulls: PMap<Text, Pull>,
    /// Calls to the registry, by envelope.
    pub(super) downloads: PMap<EnvelopeId, Text>,
    /// Commands in containers that other programs carry out, and who waits for them.
    execs: PMap<EnvelopeId, (Addr, EnvelopeId)>,
    /// Who listens to container events.
    listener: Option<Addr>,
    pub(super) last_ip: u32,
    runs: u64,
}

impl Containerd {
    /// Starts containerd: it finds again what is on its disk.
    pub fn start(launch: &Launch<'_>) -> Self {
        let disk = launch.disk.files.get(METADATA).cloned().unwrap_or_default();
        let mut this = Self {
            rng: Rng::new(launch.seed, launch.purpose),
            machine: launch.machine,
            node: Text::new(launch.name),
            version: crate::kind::node_image_version(&launch.spec.image),
            booted: Time(disk["bootedAt"].int() as u64),
            images: PMap::new(),
            layers: PSet::new(),
            sandboxes: PMap::new(),
            containers: PMap::new(),
            pulls: PMap::new(),
            downloads: PMap::new(),
            execs: PMap::new(),
            listener: None,
            last_ip: disk["lastIP"].int() as u32,
            runs: 0,
        };
        let preloaded = crate::kind::preloaded_images(&launch.spec.image);
        for name in preloaded.iter().map(String::as_str).chain(disk["images"].items().iter().map(Value::str)) {
            this.add_image(name);
        }
        for sandbox in disk["sandboxes"].items() {
            let sandbox = Sandbox::from_value(sandbox);
            this.sandboxes.insert(sandbox.id.clone(), sandbox);
        }
        for value in disk["containers"].items() {
            if let Some(sandbox) = this.sandboxes.get(value["podSandboxId"].str()) {
                let container = Container::from_disk(value, sandbox);
                this.containers.insert(container.id.clone(), container);
            }
        }
        this
    }

    /// The sandboxes.
    pub fn sandboxes(&self) -> impl Iterator<Item = &Sandbox> {
        self.sandboxes.values()
    }
    /// The containers.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.values()
    }
    /// The images on the machine.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    /// The processes of all sandboxes and containers.
    pub fn processes(&self) -> Vec<Process> {
        let mut processes = Vec::new();
        for sandbox in self.sandboxes.values() {
            sandbox.processes(&mut processes);
        }
        for container in self.containers.values() {
            container.processes(&self.sandboxes[&container.sandbox], &mut processes);
        }
        processes
    }

    /// After a reboot no process of before is left.
    fn settle_after_boot(&mut self, out: &mut Outbox<'_>) {
        let boot = out.disk().files.get(crate::machine::BOOT_FILE).map_or(Time::ZERO, |at| Time(at.int() as u64));
        let rebooted = boot != self.booted;
        self.booted = boot;
        let now = out.now();
        if rebooted {
            for sandbox in self.sandboxes.values_mut() {
                sandbox.ready = false;
            }
            for container in self.containers.values_mut().filter(|container| container.state == State::Running) {
                container.state = State::Exited;
                container.finished = now;
                container.exit_code = 255;
                container.reason = "Unknown".into();
            }
            return;
        }
        let running: Vec<Text> =
            self.containers.values().filter(|container| container.state == State::Running).map(|c| c.id.clone()).collect();
        for id in running {
            self.await_end(&id, out);
        }
    }

    fn call(&mut self, method: &str, args: &Value, envelope: &Envelope, out: &mut Outbox<'_>) {
        let mut delay = Duration::us(self.rng.between(300, 900));
        let result = match method {
            "Status" => Ok(self.status(out)),
            "ListPodSandbox" => Ok(value!({"items": self.sandboxes.values().map(Sandbox::to_value).collect::<Value>()})),
            "ListContainers" => Ok(value!({"containers": self.containers.values().map(Container::to_value).collect::<Value>()})),
            "ListImages" => Ok(self.list_images()),
            // The network plugin has its own configuration.
            "UpdateRuntimeConfig" => Ok(Value::map()),
            "GetContainerEvents" => {
                self.listener = Some(envelope.from);
                return;
            }
            "RunPodSandbox" => {
                delay = Duration::us(self.rng.between(90_000, 260_000));
                self.run_sandbox(&args["config"], out)
            }
            "StopPodSandbox" => {
                delay = Duration::us(self.rng.between(20_000, 60_000));
                if let Some(sandbox) = self.sandboxes.get_mut(args["podSandboxId"].str()) {
                    sandbox.ready = false;
                }
                Ok(Value::map())
            }
            "RemovePodSandbox" => {
                let id = args["podSandboxId"].text();
                self.sandboxes.remove(&id);
                self.containers.retain(|_, container| container.sandbox != id);
                Ok(Value::map())
            }
            "ImageStatus" => Ok(self.image_status(args["image"].str())),
            "PullImage" => {
                self.pull(args["image"].str(), envelope, out);
                return;
            }
            "CreateContainer" => {
                delay = Duration::us(self.rng.between(15_000, 50_000));
                self.create(args, out.now() + delay)
            }
            "StartContainer" => {
                let id = args["containerId"].text();
                if self.containers.contains_key(&id) {
                    let after = Duration::us(self.rng.between(25_000, 75_000));
                    out.timer(after, "start", id, u64::from(envelope.id.0));
                    return;
                }
                Err(not_found(&id))
            }
            "StopContainer" => {
                self.stop(args, envelope, out);
                return;
            }
            "RemoveImage" => {
                let name = ImageName::parse(args["image"].str()).map_or_else(|_| Text::default(), |name| name.to_string().into());
                self.images.remove(name.as_str());
                Ok(Value::map())
            }
            "RemoveContainer" => {
                self.containers.remove(args["containerId"].str());
                Ok(Value::map())
            }
            "ContainerStatus" => self.container_status(args, out.now()),
            "Exec" | "ExecSync" if self.is_etcdctl(args) => {
                // It asks etcd over the network, as the programs of the node do.
                let call = MachineMessage::Call { verb: "exec", args: value!({"argv": args["cmd"].clone()}) };
                let id = out.send(Addr::new(self.machine, Part::Systemd), Message::Machine(Rc::new(call)));
                self.execs.insert(id, (envelope.from, envelope.id));
                return;
            }
            "Exec" | "ExecSync" => match self.exec(args, out.now()) {
                Ok((took, result)) => {
                    delay = took;
                    Ok(result)
                }
                Err(error) => Err(error),
            },
            other => Err(Text::from(format!("rpc error: code = Unimplemented desc = unknown method {other}"))),
        };
        reply(delay, envelope.from, envelope.id, result, out);
    }

    fn status(&self, out: &Outbox<'_>) -> Value {
        let network = if out.disk().files.contains_key(CNI_CONFIG) {
            value!({"type": "NetworkReady", "status": true})
        } else {
            value!({
                "type": "NetworkReady", "status": false, "reason": "NetworkPluginNotReady",
                "message": "Network plugin returns error: cni plugin not initialized",
            })
        };
        value!({"conditions": [{"type": "RuntimeReady", "status": true}, network]})
    }

    fn list_images(&self) -> Value {
        let image = |image: &Image| {
            let names = [image.image_ref.clone(), image.name.clone()];
            value!({"names": names.iter().collect::<Value>(), "sizeBytes": image.size_bytes})
        };
        value!({"images": self.images.values().map(image).collect::<Value>()})
    }

    fn run_sandbox(&mut self, config: &Value, out: &mut Outbox<'_>) -> Result<Value, Text> {
        let ip = if config["hostNetwork"].is_true() { Text::default() } else { self.allocate_ip(config, out)? };
        let mut pids = Pids::load(out);
        let sandbox = Sandbox {
            id: Text::from(self.rng.hex(32)),
            metadata: config["metadata"].clone(),
            ip,
            ready: true,
            created: out.now(),
            shim: pids.fork(26, &mut self.rng),
            pause: pids.fork(50, &mut self.rng),
        };
        pids.store(out);
        let answer = sandbox.to_value();
        self.sandboxes.insert(sandbox.id.clone(), sandbox);
        Ok(answer)
    }

    fn create(&mut self, args: &Value, created: Time) -> Result<Value, Text> {
        let config = args["config"].clone();
        let sandbox_id = args["podSandboxId"].str();
        let sandbox = self.sandboxes.get(sandbox_id).ok_or_else(|| not_found(sandbox_id))?;
        let name = ImageName::parse(config["image"].str()).map_err(|error| Text::from(error.to_string()))?;
        let image = self.images.get(name.to_string().as_str());
        let image = image.ok_or_else(|| Text::from(format!("rpc error: code = NotFound desc = image {name:?} not found")))?;
        let id = Text::from(self.rng.hex(32));
        let container = Container::new(id.clone(), sandbox, config, image.name.clone(), image.image_ref.clone(), created);
        self.containers.insert(id.clone(), container);
        Ok(value!({"containerId": id}))
    }

    fn start_container(&mut self, id: &Text, call: EnvelopeId, out: &mut Outbox<'_>) {
        let me = Addr::new(self.machine, Part::Kubelet);
        let used =
            usage::memory_of(self.containers.values().filter(|other| other.state == State::Running).map(|other| other.memory));
        let Some(container) = self.containers.get_mut(id) else {
            return reply(Duration::ZERO, me, call, Err(not_found(id)), out);
        };
        self.runs += 1;
        let room = (usage::MEMORY_BYTES - used).min(match container.config["linux"]["resources"]["memoryLimitInBytes"].int() {
            0 => u64::MAX,
            limit => limit as u64,
        });
        container.allocate(usage::MEMORY_BYTES - used, room);
        container.run = self.runs;
        container.state = State::Running;
        container.started = out.now();
        let mut pids = Pids::load(out);
        for at in 0..container.behaviour.processes.len() {
            container.pids.push(pids.fork(if at == 0 { 30 } else { 0 }, &mut self.rng));
        }
        pids.store(out);
        if let Some(part) = container.behaviour.part {
            out.timer(spawn::starts_after(part), "serve", id.clone(), container.run);
        }
        self.await_end(id, out);
        reply(Duration::ZERO, me, call, Ok(Value::map()), out);
        self.tell("CONTAINER_STARTED_EVENT", id, out);
    }

    /// The program in a container has come so far that it acts.
    fn serve(&self, id: &Text, out: &mut Outbox<'_>) {
        let container = &self.containers[id];
        if let Some(part) = container.behaviour.part {
            let args = spawn::args(part, container, &self.node, &self.version, out);
            out.effect(Effect::Spawn(Addr::new(self.machine, part), args));
        }
    }

    fn await_end(&self, id: &Text, out: &mut Outbox<'_>) {
        let container = &self.containers[id];
        if let Run::Ends { after, .. } = container.behaviour.run {
            let end = container.started + after;
            let wait = end.since(out.now());
            if wait > PATIENCE {
                out.tick(wait, "end", id.clone(), container.run);
            } else {
                out.timer(wait, "end", id.clone(), container.run);
            }
        }
    }

    /// A program of Kubernetes has ended by itself, and with it its container.
    fn program_ended(&mut self, part: &str, code: i32, out: &mut Outbox<'_>) {
        let runs = |container: &Container| {
            container.state == State::Running && container.behaviour.part.is_some_and(|have| have.process().name() == part)
        };
        let id = self.containers.iter().find(|(_, container)| runs(container)).map(|(id, _)| id.clone());
        if let Some(id) = id {
            self.ended(&id, code, "Error".into(), out);
        }
    }

    /// The container's process has ended.
    fn ended(&mut self, id: &Text, code: i32, reason: Text, out: &mut Outbox<'_>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        container.state = State::Exited;
        container.finished = out.now();
        container.exit_code = code;
        container.reason = reason;
        container.run = 0;
        container.pids.clear();
        let part = container.behaviour.part;
        let waiting = std::mem::take(&mut container.stopping);
        // First the event: who waits for the end is to know the container's state by then.
        self.tell("CONTAINER_STOPPED_EVENT", id, out);
        for (client, call) in waiting {
            reply(Duration::us(800), client, call, Ok(Value::map()), out);
        }
        if let Some(part) = part {
            let still = |other: &Container| other.state == State::Running && other.behaviour.part == Some(part);
            if !self.containers.values().any(still) {
                out.effect(Effect::Kill(Addr::new(self.machine, part)));
            }
        }
    }

    fn stop(&mut self, args: &Value, envelope: &Envelope, out: &mut Outbox<'_>) {
        let id = args["containerId"].text();
        let timeout = Duration::s(args["timeout"].int().max(0) as u64);
        match self.containers.get_mut(&id) {
            Some(container) if container.state == State::Running => {
                container.stopping.push((envelope.from, envelope.id));
                let (after, code) = match container.behaviour.on_term {
                    Some((after, code)) if after <= timeout => (after, code),
                    _ => (timeout + Duration::ms(20), 137),
                };
                out.timer(after, if code == 137 { "killed" } else { "terminated" }, id, container.run);
            }
            _ => reply(Duration::us(600), envelope.from, envelope.id, Ok(Value::map()), out),
        }
    }

    fn container_status(&self, args: &Value, now: Time) -> Result<Value, Text> {
        let id = args["containerId"].str();
        let container = self.containers.get(id).ok_or_else(|| not_found(id))?;
        let mut answer = value!({"status": container.to_value()});
        if args["verbose"].is_true() {
            // The kubelet reads the log from the file that the shim writes; here the file's content travels with the answer.
            let until = if container.state == State::Exited { container.finished } else { now };
            let source = logs::Source {
                behaviour: &container.behaviour,
                started: container.started,
                until,
                node: &self.node,
                version: &self.version,
            };
            let lines = if container.state == State::Created { Vec::new() } else { logs::lines(&source) };
            answer["log"] = lines.into_iter().map(|line| value!({"at": line.at.0, "text": line.text})).collect();
        }
        Ok(answer)
    }

    /// Whether a command is etcdctl in etcd's container.
    fn is_etcdctl(&self, args: &Value) -> bool {
        let container = self.containers.get(args["containerId"].str());
        let etcd =
            container.is_some_and(|container| container.state == State::Running && container.behaviour.part == Some(Part::Etcd));
        etcd && args["cmd"][0].str().rsplit('/').next() == Some("etcdctl")
    }

    fn etcdctl_done(&mut self, to: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some((client, call)) = self.execs.remove(&to) else { return };
        let result = result.map(|done| {
            let text = format!("{}{}", done["stdout"].str(), done["stderr"].str());
            value!({"output": text, "exitCode": done["code"].clone()})
        });
        reply(Duration::us(300), client, call, result, out);
    }

    fn exec(&self, args: &Value, now: Time) -> Result<(Duration, Value), Text> {
        let id = args["containerId"].str();
        let container = self.containers.get(id).filter(|container| container.state == State::Running);
        let container = container.ok_or_else(|| Text::from(format!("container {id} is not running")))?;
        let sandbox = &self.sandboxes[&container.sandbox];
        let argv: Vec<String> = args["cmd"].items().iter().map(|word| word.str().to_string()).collect();
        let output = exec::run(
            &argv,
            &exec::Inside {
                now,
                started: container.started,
                hostname: sandbox.metadata["name"].str(),
                ip: &sandbox.ip,
                envs: &container.config["envs"],
                processes: &container.behaviour.processes,
            },
        );
        match output {
            Some(output) => Ok((output.took, value!({"output": output.text, "exitCode": output.code}))),
            None => Err(Text::from(format!(
                "OCI runtime exec failed: exec failed: unable to start container process: exec: {:?}: executable file not found in $PATH",
                argv.first().map_or("", String::as_str)
            ))),
        }
    }

    /// Answers a connection to a pod's port, as the process behind it would: `{"code": 200}`, or why there is no connection.
    fn connect(&self, args: &Value, now: Time) -> Result<Value, Text> {
        let (ip, port) = (args["ip"].str(), args["port"].int());
        let serving = self.containers.values().find(|container| {
            let here =
                ip.is_empty() || self.sandboxes[&container.sandbox].ip == ip || self.sandboxes[&container.sandbox].ip.is_empty();
            let listens = container.started + container.behaviour.listens_after <= now;
            here && listens && container.state == State::Running && container.behaviour.ports.contains(&(port as u16))
        });
        let Some(container) = serving else { return Err("connect: connection refused".into()) };
        let nginx = container.behaviour.prints == super::behaviour::Prints::Nginx;
        let found = !nginx || matches!(args["path"].str(), "" | "/" | "/index.html");
        Ok(value!({"code": if found { 200 } else { 404 }}))
    }

    fn tell(&self, kind: &'static str, id: &Text, out: &mut Outbox<'_>) {
        if let (Some(listener), Some(container)) = (self.listener, self.containers.get(id)) {
            out.send(listener, Message::Cri(Rc::new(Cri::Event { kind, body: container.to_value() })));
        }
    }

    fn on_machine(&mut self, call: &MachineMessage, envelope: &Envelope, out: &mut Outbox<'_>) {
        if let MachineMessage::Reply { to, result } = call {
            return self.etcdctl_done(*to, result.clone(), out);
        }
        if let MachineMessage::Event { kind: "exit", body } = call {
            return self.program_ended(body["part"].str(), body["code"].int() as i32, out);
        }
        let MachineMessage::Call { verb, args } = call else { return };
        let result = match *verb {
            "processes" => Ok(self.processes().iter().map(Process::to_value).collect()),
            "connect" => self.connect(args, out.now()),
            "list" => Ok(value!({
                "sandboxes": self.sandboxes.values().map(Sandbox::to_value).collect::<Value>(),
                "containers": self.containers.values().map(Container::to_value).collect::<Value>(),
                "images": &self.list_images()["images"],
            })),
            "import" => match self.add_image(args["image"].str()) {
                Some(image) => Ok(value!({"imageRef": image.image_ref.clone()})),
                None => Err(Text::from(format!("{}: not found", args["image"].str()))),
            },
            "remove-pods" => {
                let running: Vec<Text> =
                    self.containers.values().filter(|c| c.state == State::Running).map(|c| c.id.clone()).collect();
                running.iter().for_each(|id| self.ended(id, 137, Text::default(), out));
                self.containers = PMap::new();
                self.sandboxes = PMap::new();
                Ok(Value::map())
            }
            other => Err(Text::from(format!("containerd knows no {other:?}"))),
        };
        let answer = MachineMessage::Reply { to: envelope.id, result };
        out.send_after(Duration::us(200), envelope.from, Message::Machine(Rc::new(answer)));
    }
}

pub(super) fn reply(after: Duration, client: Addr, to: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
    out.send_after(after, client, Message::Cri(Rc::new(Cri::Reply { to, result })));
}

fn not_found(id: &str) -> Text {
    Text::from(format!("rpc error: code = NotFound desc = an error occurred when try to find {id:?}: not found"))
}

impl Component for Containerd {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => self.settle_after_boot(out),
            Event::Timer(timer) => {
                let id = &timer.key;
                if timer.name == "start" {
                    return self.start_container(id, EnvelopeId(timer.number as u32), out);
                }
                let Some(container) =
                    self.containers.get(id).filter(|container| container.run == timer.number && timer.number > 0)
                else {
                    return;
                };
                if timer.name == "serve" {
                    return self.serve(id, out);
                }
                let (code, reason) = match (timer.name, container.behaviour.run, container.behaviour.on_term) {
                    ("end", Run::Ends { code, oom, .. }, _) => (code, if oom { "OOMKilled" } else { "" }),
                    ("terminated", _, Some((_, code))) => (code, ""),
                    _ => (137, ""),
                };
                self.ended(id, code, reason.into(), out);
            }
            Event::Message(envelope) => match &envelope.message {
                Message::Cri(cri) => match &**cri {
                    Cri::Call { method, args } => self.call(method, args, envelope, out),
                    Cri::Reply { to, result } => {
                        if let Some(name) = self.downloads.remove(to) {
                            self.downloaded(name, result, out);
                        }
                    }
                    Cri::Event { .. } => {}
                },
                Message::Machine(call) => self.on_machine(call, envelope, out),
                Message::Failure(failure) => {
                    self.etcdctl_done(failure.to, Err(Text::from(failure.kind.to_string())), out);
                    if let Some(name) = self.downloads.remove(&failure.to) {
                        self.registry_silent(name, failure.kind, out);
                    }
                }
                _ => {}
            },
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    fn persist(&self, disk: &mut Disk) {
        let content = value!({
            "bootedAt": self.booted.0,
            "lastIP": self.last_ip,
            "images": self.images.keys().collect::<Value>(),
            "sandboxes": self.sandboxes.values().map(Sandbox::to_value).collect::<Value>(),
            "containers": self.containers.values().map(Container::to_disk).collect::<Value>(),
        });
        disk.files.insert(METADATA.into(), content);
    }

    crate::component_boilerplate!();
}

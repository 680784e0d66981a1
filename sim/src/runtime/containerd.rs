//! containerd: answers the kubelet's CRI calls, pulls images, and keeps the machine's sandboxes, containers and processes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::container::{Container, Sandbox, State};
use super::image::ImageName;
use super::process::{Pids, Process};
use super::script::Run;
use super::{Cri, exec, logs, spawn};
use crate::addons::CNI_CONFIG;
use crate::core::{
    Addr, Component, Disk, Duration, Effect, Envelope, EnvelopeId, Event, MachineId, Message, Outbox, Part, Rng, Time,
};
use crate::machine::MachineMessage;
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// Where containerd keeps its metadata on the machine's disk.
const METADATA: &str = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db";
/// Unpacking an image takes this long and, per megabyte, [`UNPACK_PER_MB`].
const UNPACK: Duration = Duration::ms(60);
const UNPACK_PER_MB: u64 = 4_000;
/// Ends of containers that are farther away than this are nothing that anybody waits for.
const PATIENCE: Duration = Duration::s(120);

/// An image on the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Name with tag.
    pub name: Text,
    /// Name with digest.
    pub image_ref: Text,
    /// Compressed size in bytes.
    pub size_bytes: u64,
}

#[derive(Clone, Debug)]
struct Pull {
    waiting: Vec<(Addr, EnvelopeId)>,
    /// The manifest once it is there.
    manifest: Value,
}

/// The container runtime of a machine.
#[derive(Clone, Debug)]
pub struct Containerd {
    rng: Rng,
    machine: MachineId,
    node: Text,
    version: Text,
    booted: Time,
    images: BTreeMap<Text, Image>,
    layers: BTreeSet<Text>,
    sandboxes: BTreeMap<Text, Sandbox>,
    containers: BTreeMap<Text, Container>,
    pulls: BTreeMap<Text, Pull>,
    /// Calls to the registry, by envelope.
    downloads: BTreeMap<EnvelopeId, Text>,
    /// Who listens to container events.
    listener: Option<Addr>,
    last_ip: u32,
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
            images: BTreeMap::new(),
            layers: BTreeSet::new(),
            sandboxes: BTreeMap::new(),
            containers: BTreeMap::new(),
            pulls: BTreeMap::new(),
            downloads: BTreeMap::new(),
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

    fn add_image(&mut self, name: &str) -> Option<&Image> {
        let name = ImageName::parse(name).ok()?;
        let manifest = super::image::manifest(&name)?;
        self.layers.extend(manifest.layers.iter().map(|layer| layer.digest.clone()));
        let full = Text::from(name.to_string());
        let image_ref = name.with_digest(&manifest.digest);
        let image = Image { name: full.clone(), image_ref, size_bytes: manifest.size_bytes() };
        self.images.insert(full.clone(), image);
        self.images.get(&full)
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
            "RemoveContainer" => {
                self.containers.remove(args["containerId"].str());
                Ok(Value::map())
            }
            "ContainerStatus" => self.container_status(args, out.now()),
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

    /// The next free address of the node's range, as the CNI plugin host-local gives them: round, beginning after the last.
    fn allocate_ip(&mut self, config: &Value, out: &Outbox<'_>) -> Result<Text, Text> {
        let cni = out.disk().files.get(CNI_CONFIG).cloned().unwrap_or_default();
        let subnet = cni["plugins"][0]["ipam"]["ranges"][0][0]["subnet"].text();
        let range = Subnet::parse(&subnet).ok_or_else(|| {
            let pod = &config["metadata"];
            Text::from(format!(
                "rpc error: code = Unknown desc = failed to setup network for sandbox of pod {}/{}: cni plugin not initialized",
                pod["namespace"].str(),
                pod["name"].str()
            ))
        })?;
        let taken: BTreeSet<&str> =
            self.sandboxes.values().filter(|sandbox| sandbox.ready).map(|sandbox| sandbox.ip.as_str()).collect();
        let size = range.size();
        for step in 1..=size {
            // .0 is the network, .1 the bridge, the last one broadcast.
            let host = (self.last_ip + step) % size;
            if host < 2 || host + 1 == size {
                continue;
            }
            let ip = range.address(host);
            if !taken.contains(ip.as_str()) {
                self.last_ip = host;
                return Ok(Text::from(ip));
            }
        }
        Err(Text::from(format!(
            "rpc error: code = Unknown desc = failed to setup network for sandbox: plugin type=\"ptp\" failed (add): failed to allocate for range 0: no IP addresses available in range set: {}-{}",
            range.address(1),
            range.address(size - 2)
        )))
    }

    fn image_status(&self, name: &str) -> Value {
        let found = ImageName::parse(name).ok().and_then(|name| self.images.get(name.to_string().as_str()));
        match found {
            Some(image) => value!({"image": {"id": image.image_ref.clone(), "size": image.size_bytes}}),
            None => value!({"image": null}),
        }
    }

    fn pull(&mut self, name: &str, envelope: &Envelope, out: &mut Outbox<'_>) {
        let name = match ImageName::parse(name) {
            Ok(name) => Text::from(name.to_string()),
            Err(error) => {
                let text = format!("rpc error: code = InvalidArgument desc = failed to parse image reference {name:?}: {error}");
                return reply(Duration::ms(1), envelope.from, envelope.id, Err(Text::from(text)), out);
            }
        };
        let caller = (envelope.from, envelope.id);
        if let Some(pull) = self.pulls.get_mut(&name) {
            pull.waiting.push(caller);
            return;
        }
        let call = Cri::Call { method: "GetManifest", args: value!({"image": name.clone()}) };
        let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(call)));
        self.downloads.insert(id, name.clone());
        self.pulls.insert(name, Pull { waiting: vec![caller], manifest: Value::Null });
    }

    fn downloaded(&mut self, name: Text, result: &Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(pull) = self.pulls.get_mut(&name) else { return };
        match result {
            Err(error) => {
                let text = format!(
                    "rpc error: code = NotFound desc = failed to pull and unpack image {name:?}: failed to resolve reference {name:?}: {error}"
                );
                for (client, id) in self.pulls.remove(&name).map(|pull| pull.waiting).unwrap_or_default() {
                    reply(Duration::us(400), client, id, Err(Text::new(&text)), out);
                }
            }
            Ok(manifest) if pull.manifest.is_null() => {
                pull.manifest = manifest.clone();
                let missing: Value =
                    manifest["layers"].items().iter().filter(|layer| !self.layers.contains(layer["digest"].str())).collect();
                if missing.is_empty() {
                    return self.finish_pull(name, Duration::us(900), out);
                }
                let call = Cri::Call { method: "GetBlobs", args: value!({"image": name.clone(), "layers": missing}) };
                let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(call)));
                self.downloads.insert(id, name);
            }
            Ok(_) => {
                let new = pull.manifest["layers"].items().iter().filter(|layer| !self.layers.contains(layer["digest"].str()));
                let megabytes: u64 = new.map(|layer| layer["size"].int() as u64).sum::<u64>() / 1_000_000;
                self.finish_pull(name, UNPACK + Duration(megabytes * UNPACK_PER_MB), out);
            }
        }
    }

    fn finish_pull(&mut self, name: Text, after: Duration, out: &mut Outbox<'_>) {
        let waiting = self.pulls.remove(&name).map(|pull| pull.waiting).unwrap_or_default();
        let Some(image) = self.add_image(&name) else { return };
        let answer = value!({"imageRef": image.image_ref.clone(), "sizeBytes": image.size_bytes});
        for (client, id) in waiting {
            reply(after, client, id, Ok(answer.clone()), out);
        }
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
        let Some(container) = self.containers.get_mut(id) else {
            return reply(Duration::ZERO, me, call, Err(not_found(id)), out);
        };
        self.runs += 1;
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
            other => Err(Text::from(format!("containerd knows no {other:?}"))),
        };
        let answer = MachineMessage::Reply { to: envelope.id, result };
        out.send_after(Duration::us(200), envelope.from, Message::Machine(Rc::new(answer)));
    }
}

fn reply(after: Duration, client: Addr, to: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
    out.send_after(after, client, Message::Cri(Rc::new(Cri::Reply { to, result })));
}

fn not_found(id: &str) -> Text {
    Text::from(format!("rpc error: code = NotFound desc = an error occurred when try to find {id:?}: not found"))
}

/// An IPv4 range such as `10.244.1.0/24`.
#[derive(Clone, Copy, Debug)]
struct Subnet {
    base: u32,
    bits: u32,
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (ip, bits) = text.split_once('/')?;
        let parts: Vec<u32> = ip.split('.').map(|part| part.parse::<u8>().ok().map(u32::from)).collect::<Option<_>>()?;
        let bits = bits.parse().ok().filter(|bits| (8..=30).contains(bits))?;
        let [a, b, c, d] = parts[..] else { return None };
        Some(Self { base: a << 24 | b << 16 | c << 8 | d, bits })
    }
    const fn size(self) -> u32 {
        1 << (32 - self.bits)
    }
    fn address(self, host: u32) -> String {
        let ip = self.base + host;
        format!("{}.{}.{}.{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255)
    }
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
                    if let Some(name) = self.downloads.remove(&failure.to) {
                        self.downloaded(name, &Err(Text::from(format!("dial tcp: {}", failure.kind))), out);
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

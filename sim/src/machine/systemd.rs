//! The first process of a node's machine: kind's node image boots systemd, which starts containerd and the kubelet. Commands of
//! `docker exec` run below it, too.

use crate::core::collections::PMap;
use std::rc::Rc;

use super::command::{self, Command, Finished};
use super::network::{Changes, Firewall};
use super::{BOOT_FILE, MachineMessage, files, usage};
use crate::core::{Addr, Component, Disk, Duration, Effect, Envelope, EnvelopeId, Event, Message, Outbox, Part, Rng, Time};
use crate::kind::load_balancer;
use crate::programs::Launch;
use crate::runtime::process::{self, Caller, Pids, Process};
use crate::value;
use crate::value::{Text, Value};

/// From the start of systemd to that of containerd's socket.
const CONTAINERD_STARTS: Duration = Duration::ms(300);

/// A service that systemd looks after.
#[derive(Clone, Debug)]
struct Service {
    part: Part,
    /// Process id and start, while it runs.
    running: Option<(u32, Time)>,
}

/// A command whose answer needs another program's.
#[derive(Clone, Debug)]
struct Pending {
    client: Addr,
    call: EnvelopeId,
    command: Command,
}

/// systemd on a node's machine.
#[derive(Clone, Debug)]
pub struct Systemd {
    rng: Rng,
    node: Text,
    ip: Text,
    image: Text,
    /// Whether this is a node's machine; in other containers there is one program alone, and nothing to start.
    is_node: bool,
    started: Time,
    journald: u32,
    containerd: Service,
    kubelet: Service,
    firewall: Firewall,
    pending: PMap<EnvelopeId, Pending>,
}

impl Systemd {
    /// Boots the machine.
    pub fn start(launch: &Launch<'_>) -> Self {
        let service = |part| Service { part, running: None };
        Self {
            rng: Rng::new(launch.seed, launch.purpose),
            node: Text::new(launch.name),
            ip: Text::new(launch.ip),
            image: launch.spec.image.clone(),
            is_node: crate::kind::node_image_minor(&launch.spec.image).is_some(),
            started: Time::ZERO,
            journald: 0,
            containerd: service(Part::Runtime),
            kubelet: service(Part::Kubelet),
            firewall: Firewall::default(),
            pending: PMap::new(),
        }
    }

    /// Whether a service runs.
    pub fn runs(&self, part: Part) -> bool {
        [&self.containerd, &self.kubelet].iter().any(|service| service.part == part && service.running.is_some())
    }

    fn boot(&mut self, out: &mut Outbox<'_>) {
        self.started = out.now();
        let mut pids = Pids::boot();
        // Mounting and setting up take some short-lived processes.
        pids.fork(0, &mut self.rng);
        self.journald = 85 + self.rng.below(20) as u32;
        while pids.fork(20, &mut self.rng) < self.journald + 10 {}
        pids.store(out);
        let machine = out.me().machine;
        out.effect(Effect::WriteFile(machine, BOOT_FILE.into(), Some(Value::Int(self.started.0 as i64))));
        if !self.is_node {
            return;
        }
        out.timer(Duration::ms(120), "start", "containerd", 0);
        out.timer(CONTAINERD_STARTS, "start", "kubelet", 0);
    }

    fn start_service(&mut self, part: Part, out: &mut Outbox<'_>) -> Result<(), String> {
        let (configured, args) = match part {
            Part::Kubelet => (out.disk().files.contains_key(files::KUBELET_CONFIG), self.kubelet_args(out)),
            _ => (true, Value::map()),
        };
        let machine = out.me().machine;
        let service = if part == Part::Kubelet { &mut self.kubelet } else { &mut self.containerd };
        // kind's kubelet.service has ConditionPathExists=/var/lib/kubelet/config.yaml.
        if service.running.is_some() || !configured {
            return Ok(());
        }
        let mut pids = Pids::load(out);
        service.running = Some((pids.fork(12, &mut self.rng), out.now()));
        pids.store(out);
        out.effect(Effect::Spawn(Addr::new(machine, part), args));
        Ok(())
    }

    fn stop_service(&mut self, part: Part, out: &mut Outbox<'_>) {
        let service = if part == Part::Kubelet { &mut self.kubelet } else { &mut self.containerd };
        if service.running.take().is_some() {
            out.effect(Effect::Kill(Addr::new(out.me().machine, part)));
        }
    }

    /// What the kubelet is told: its client's server, its flags, its configuration.
    fn kubelet_args(&self, out: &Outbox<'_>) -> Value {
        let mut args = files::client_args(out, files::KUBELET_KUBECONFIG).unwrap_or_else(Value::map);
        args["version"] = crate::kind::node_image_version(&self.image).into();
        args["image"] = self.image.clone().into();
        args["config"] = out.disk().files.get(files::KUBELET_CONFIG).cloned().unwrap_or_default();
        let flags = out.disk().files.get(files::KUBELET_FLAGS).cloned().unwrap_or_default();
        for word in flags.str().split([' ', '"']) {
            if let Some((name, value)) = word.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
                args["flags"].map_mut().insert(Text::new(name), Text::new(value));
            }
        }
        args
    }

    /// The machine's own processes, without those of containers; `disk` has the kubelet's flags.
    pub fn processes(&self, disk: &Disk) -> Vec<Process> {
        let entry = |pid, ppid, started, cmd: &str| Process { pid, ppid, started, cmd: Text::new(cmd) };
        let mut list =
            vec![entry(1, 0, self.started, "/sbin/init"), entry(self.journald, 1, self.started, "/lib/systemd/systemd-journald")];
        if let Some((pid, started)) = self.containerd.running {
            list.push(entry(pid, 1, started, "/usr/local/bin/containerd"));
        }
        if let Some((pid, started)) = self.kubelet.running {
            list.push(entry(pid, 1, started, &kubelet_command_line(disk)));
        }
        list
    }

    fn call(&mut self, verb: &str, args: &Value, envelope: &Envelope, out: &mut Outbox<'_>) {
        let client = (envelope.from, envelope.id);
        match verb {
            "exec" => self.exec(args, client, out),
            "write" => {
                self.write(args["path"].text(), args["content"].clone(), out);
                answer(Duration::ms(1), client, Ok(Value::map()), out);
            }
            verb @ ("import" | "remove-pods") => {
                let command = Command::Import;
                let verb = if verb == "import" { "import" } else { "remove-pods" };
                self.ask(Part::Runtime, verb, args.clone(), Pending { client: client.0, call: client.1, command }, out);
            }
            other => answer(Duration::ZERO, client, Err(Text::from(format!("systemd knows no {other:?}"))), out),
        }
    }

    fn write(&self, path: Text, content: Value, out: &mut Outbox<'_>) {
        let machine = out.me().machine;
        let manifest = path.starts_with(files::MANIFESTS);
        let content = Some(content).filter(|content| !content.is_null());
        let body = value!({"path": path.clone(), "content": content.clone()});
        if path == load_balancer::CONFIG {
            // kind has HAProxy read it again.
            let signal = MachineMessage::Event { kind: "SIGHUP", body: body.clone() };
            out.send(Addr::new(machine, Part::LoadBalancer), Message::Machine(Rc::new(signal)));
        }
        out.effect(Effect::WriteFile(machine, path, content));
        if manifest && self.kubelet.running.is_some() {
            let event = MachineMessage::Event { kind: "inotify", body };
            out.send(Addr::new(machine, Part::Kubelet), Message::Machine(Rc::new(event)));
        }
    }

    fn exec(&mut self, args: &Value, client: (Addr, EnvelopeId), out: &mut Outbox<'_>) {
        let argv: Vec<String> = args["argv"].items().iter().map(|word| word.str().to_string()).collect();
        let mut pids = Pids::load(out);
        let pid = pids.fork(3, &mut self.rng);
        pids.store(out);
        let machine = command::Machine { node: &self.node, ip: &self.ip, image: &self.image, disk: out.disk() };
        let command = command::parse(&argv, args["tty"].is_true(), pid, &machine);
        let pending = |command| Pending { client: client.0, call: client.1, command };
        match command {
            Command::Done(finished) => answer(Duration::ms(12), client, Ok(finished.to_value()), out),
            Command::NotFound(program) => {
                let text = format!(
                    "OCI runtime exec failed: exec failed: unable to start container process: exec: {program:?}: executable file not found in $PATH"
                );
                answer(Duration::ms(12), client, Err(Text::from(text)), out);
            }
            Command::Remove(path) => {
                self.write(path, Value::Null, out);
                answer(Duration::ms(8), client, Ok(Finished::default().to_value()), out);
            }
            Command::Move { from, to, keep } => {
                let content = out.disk().files.get(from.as_str()).cloned().unwrap_or_default();
                self.write(to, content, out);
                if !keep {
                    self.write(from, Value::Null, out);
                }
                answer(Duration::ms(8), client, Ok(Finished::default().to_value()), out);
            }
            Command::Systemctl { start, stop, part } => {
                if stop {
                    self.stop_service(part, out);
                }
                let started = if start { self.start_service(part, out) } else { Ok(()) };
                let finished = match started {
                    Ok(()) => Finished::default(),
                    Err(error) => Finished { stderr: error, code: 1, ..Finished::default() },
                };
                answer(Duration::ms(60), client, Ok(finished.to_value()), out);
            }
            Command::IsActive(part) => {
                let active = self.runs(part);
                let finished = Finished {
                    stdout: if active { "active\n" } else { "inactive\n" }.into(),
                    code: if active { 0 } else { 3 },
                    ..Finished::default()
                };
                answer(Duration::ms(12), client, Ok(finished.to_value()), out);
            }
            Command::Ps { .. } => self.ask(Part::Runtime, "processes", Value::Null, pending(command), out),
            Command::Lists { .. } => self.ask(Part::Runtime, "list", Value::Null, pending(command), out),
            Command::Program => {
                let machine = out.me().machine;
                out.effect(Effect::Spawn(Addr::new(machine, Part::Kubeadm), Value::map()));
                self.ask(Part::Kubeadm, "exec", args.clone(), pending(Command::Program), out);
            }
            Command::Iptables(args) => {
                let changes = self.firewall.iptables(&args, out.me().machine, out.directory());
                change_network(changes, client, out);
            }
            Command::Tc(args) => change_network(self.firewall.tc(&args, out.me().machine), client, out),
            Command::Import => unreachable!("no command line imports"),
        }
    }

    /// Runs a program that needs to know what containerd has; only crictl cannot do without.
    fn with_lists(&self, program: &str, args: &[String], lists: Result<Value, Text>, out: &mut Outbox<'_>) -> Finished {
        if program == "crictl" {
            return match lists {
                Ok(lists) => command::crictl(args, &lists, out.now()),
                Err(_) => Finished { stderr: NO_CONTAINERD.into(), code: 1, ..Finished::default() },
            };
        }
        let lists = lists.unwrap_or_default();
        let used = usage::disk_used_bytes(out.disk(), usage::images_bytes(&lists["images"]));
        match program {
            "df" => usage::df(args, used),
            "free" => usage::free(args, usage::memory_used_bytes(&lists["containers"])),
            _ => {
                let (path, wanted) = usage::filling(program, args).unwrap_or_default();
                let free = usage::DISK_BYTES - used;
                // dd writes until the disk is full; fallocate takes all or nothing.
                let written = if program == "dd" { wanted.min(free) } else { wanted };
                if written <= free {
                    self.write(Text::new(&path), usage::file(written), out);
                }
                usage::filled(program, &path, wanted, free)
            }
        }
    }

    fn ask(&mut self, part: Part, verb: &'static str, args: Value, pending: Pending, out: &mut Outbox<'_>) {
        let machine = out.me().machine;
        let id = out.send(Addr::new(machine, part), Message::Machine(Rc::new(MachineMessage::Call { verb, args })));
        self.pending.insert(id, pending);
    }

    fn answered(&mut self, to: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(Pending { client, call, command }) = self.pending.remove(&to) else { return };
        let result = match &command {
            Command::Ps { args, tty, pid, line } => {
                let mut processes = self.processes(out.disk());
                processes.extend(result.unwrap_or_default().items().iter().map(Process::from_value));
                processes.push(Process { pid: *pid, ppid: 0, started: out.now(), cmd: line.clone() });
                let old = crate::kind::node_image_minor(&self.image).is_some_and(|minor| minor < 20);
                let caller = Caller { pid: *pid, tty: *tty, pid_digits: if old { 5 } else { 7 } };
                let (stdout, stderr, code) = process::ps(args, &processes, &caller);
                Ok(Finished { stdout, stderr, code }.to_value())
            }
            Command::Lists { program, args } => Ok(self.with_lists(program, args, result, out).to_value()),
            _ => result,
        };
        if matches!(command, Command::Program) && !self.pending.values().any(|other| matches!(other.command, Command::Program)) {
            out.effect(Effect::Kill(Addr::new(out.me().machine, Part::Kubeadm)));
        }
        answer(Duration::ms(12), (client, call), result, out);
    }
}

fn change_network(changes: Changes, client: (Addr, EnvelopeId), out: &mut Outbox<'_>) {
    let finished = match changes {
        Ok(changes) => {
            changes.into_iter().for_each(|change| out.effect(Effect::Network(change)));
            Finished::default()
        }
        Err((stderr, code)) => Finished { stderr, code, ..Finished::default() },
    };
    answer(Duration::ms(12), client, Ok(finished.to_value()), out);
}

const NO_CONTAINERD: &str = "\
E0105 09:00:00.000000       1 log.go:32] \"Status from runtime service failed\" err=\"rpc error: code = Unavailable desc = connection error\"
";

fn answer(after: Duration, client: (Addr, EnvelopeId), result: Result<Value, Text>, out: &mut Outbox<'_>) {
    let reply = MachineMessage::Reply { to: client.1, result };
    out.send_after(after, client.0, Message::Machine(Rc::new(reply)));
}

impl Component for Systemd {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => self.boot(out),
            Event::Timer(timer) => {
                let part = if timer.key == "kubelet" { Part::Kubelet } else { Part::Runtime };
                // A kubelet that is not configured yet is no failure: kubeadm starts it later.
                self.start_service(part, out).unwrap_or_default();
            }
            Event::Message(envelope) => match &envelope.message {
                Message::Machine(message) => match &**message {
                    MachineMessage::Call { verb, args } => self.call(verb, args, envelope, out),
                    MachineMessage::Reply { to, result } => self.answered(*to, result.clone(), out),
                    MachineMessage::Event { .. } => {}
                },
                Message::Failure(failure) => self.answered(failure.to, Err(Text::from(failure.kind.to_string())), out),
                _ => {}
            },
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

fn kubelet_command_line(disk: &Disk) -> String {
    let flags = disk.files.get(files::KUBELET_FLAGS).map(Value::text).unwrap_or_default();
    let flags = flags.trim().strip_prefix("KUBELET_KUBEADM_ARGS=").unwrap_or_default().trim_matches('"').to_string();
    format!(
        "/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig={} --config={} {flags} --runtime-cgroups=/system.slice/containerd.service",
        files::KUBELET_KUBECONFIG,
        files::KUBELET_CONFIG
    )
}

//! kubeadm, and the other programs that `docker exec` runs on a node for a while: flows over [`Io`] whose requests leave from the node.
//!
//! [`init`], [`join`] and [`reset`] are kubeadm's, [`kubectl`] what kind has kubectl do on the control plane; [`config`], [`static_pods`] and
//! [`addons`] are what they write; [`etcdctl`] asks etcd.

pub mod addons;
pub mod config;
pub mod etcdctl;
pub mod init;
pub mod join;
pub mod kubectl;
pub mod reset;
pub mod static_pods;

use std::rc::Rc;

use crate::api::decode::{parse_documents, parse_json};
use crate::core::collections::PMap;
use crate::core::message::FailureKind;
use crate::core::{Addr, Component, Disk, Duration, Effect, Envelope, EnvelopeId, Event, MachineId, Message, Outbox, Part, Time};
use crate::etcd::{EtcdRequest, EtcdResponse};
use crate::flow::{Answer, Ask, Flow, Halt, Io, Log, Stream};
use crate::machine::{MachineMessage, files};
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// What a program knows of its node when it starts.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node's name.
    pub name: Text,
    /// Its address.
    pub ip: Text,
    /// Its image.
    pub image: Text,
    /// Its disk when the program started.
    pub disk: Disk,
}

/// A running program.
#[derive(Clone, Debug)]
struct Run {
    /// What `kubeadm init` will write.
    plan: Option<Rc<init::Plan>>,
    argv: Vec<String>,
    node: Node,
    server: Addr,
    started: Time,
    log: Log,
    /// How many of its asks have been sent.
    sent: usize,
    client: (Addr, EnvelopeId),
}

/// The process that hosts the programs of a node.
#[derive(Clone, Debug)]
pub struct Kubeadm {
    name: Text,
    ip: Text,
    image: Text,
    runs: PMap<u64, Run>,
    next: u64,
    /// Open asks: which program's, which number.
    open: PMap<EnvelopeId, (u64, usize, Addr)>,
    /// When etcd members were asked.
    asked: PMap<EnvelopeId, Time>,
}

impl Kubeadm {
    /// No program runs yet.
    pub fn start(launch: &Launch<'_>) -> Self {
        Self {
            name: Text::new(launch.name),
            ip: Text::new(launch.ip),
            image: launch.spec.image.clone(),
            runs: PMap::new(),
            next: 1,
            open: PMap::new(),
            asked: PMap::new(),
        }
    }

    fn exec(&mut self, args: &Value, envelope: &Envelope, out: &mut Outbox<'_>) {
        let argv: Vec<String> = args["argv"].items().iter().map(|word| word.str().to_string()).collect();
        let node = Node { name: self.name.clone(), ip: self.ip.clone(), image: self.image.clone(), disk: out.disk().clone() };
        let server = server(&argv, &node, out);
        let client = (envelope.from, envelope.id);
        let id = self.next;
        self.next += 1;
        let plan = argv.starts_with(&["kubeadm".to_string(), "init".to_string()]).then(|| {
            let words: Vec<&str> = argv[2..].iter().map(String::as_str).collect();
            Rc::new(init::Plan::new(&words, &node))
        });
        self.runs.insert(id, Run { plan, argv, node, server, started: out.now(), log: Log::default(), sent: 0, client });
        self.step(id, out);
    }

    /// Runs a program as far as its answers go.
    fn step(&mut self, id: u64, out: &mut Outbox<'_>) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let log = run.log.clone();
        let mut io = Io::new(run.started, &log);
        let end = main(run, &mut io);
        for (number, ask) in io.asks().iter().enumerate().skip(run.sent) {
            match ask {
                Ask::Request(request) => {
                    let envelope = out.request(run.server, request.clone());
                    self.open.insert(envelope, (id, number, run.server));
                }
                Ask::WakeAt(at) => out.timer(at.since(out.now()), "wake", Text::from(id.to_string()), number as u64),
                Ask::Docker { verb: "etcd", args } => {
                    out.timer(Duration(args["patience"].int() as u64), "etcd", etcd_timer(id, number), number as u64);
                    if let Some((to, request)) = etcd_request(args, out) {
                        let envelope = out.send(to, Message::EtcdRequest(Rc::new(request)));
                        self.open.insert(envelope, (id, number, to));
                        self.asked.insert(envelope, out.now());
                    }
                }
                Ask::Docker { verb, args } => {
                    let systemd = Addr::new(out.me().machine, Part::Systemd);
                    let call = MachineMessage::Call { verb, args: args.clone() };
                    let envelope = out.send(systemd, Message::Machine(Rc::new(call)));
                    self.open.insert(envelope, (id, number, systemd));
                }
                Ask::Close(watch) => {
                    let opened = self.open.iter().find(|(_, (run, number, _))| *run == id && number == watch);
                    if let Some((stream, (_, _, server))) = opened.map(|(stream, open)| (*stream, *open)) {
                        self.open.remove(&stream);
                        out.close(server, stream);
                    }
                }
            }
        }
        run.sent = io.asks().len();
        let code = match end {
            Err(Halt::Pending) => return,
            Err(Halt::Exit(code)) => code,
            Ok(()) => 0,
        };
        let text = |wanted| {
            io.output().iter().filter(|(stream, _)| *stream == wanted).map(|(_, text)| text.as_str()).collect::<String>()
        };
        let result = Ok(value!({"stdout": text(Stream::Out), "stderr": text(Stream::Err), "code": code}));
        let (client, call) = run.client;
        for (path, text) in io.written() {
            // `kubectl config` writes the kubeconfig that it has read.
            let content = text.as_ref().and_then(|text| parse_documents(text).ok()?.into_iter().next());
            out.effect(Effect::WriteFile(out.me().machine, Text::new(path), content));
        }
        // Time limits of what has been answered.
        out.effect(Effect::ForgetTimers("wake", Text::from(id.to_string())));
        self.runs.remove(&id);
        self.open.retain(|_, (run, _, _)| *run != id);
        out.send(client, Message::Machine(Rc::new(MachineMessage::Reply { to: call, result })));
    }

    fn answer(&mut self, to: EnvelopeId, answer: Answer, out: &mut Outbox<'_>) {
        let Some((id, number, _)) = self.open.get(&to).copied() else { return };
        if !matches!(answer, Answer::Watch(_)) {
            self.open.remove(&to);
            out.effect(Effect::ForgetTimers("etcd", etcd_timer(id, number)));
        }
        if let Some(run) = self.runs.get_mut(&id) {
            run.log.push(out.now(), number, answer);
            self.step(id, out);
        }
    }
}

/// The key of the timer by which a program gives an etcd member up: the program's number and the ask's.
fn etcd_timer(id: u64, number: usize) -> Text {
    Text::from(format!("{id}/{number}"))
}

/// What a program asks an etcd member.
fn etcd_request(args: &Value, out: &Outbox<'_>) -> Option<(Addr, EtcdRequest)> {
    let endpoint = args["endpoint"].str();
    let host = endpoint.rsplit("//").next().unwrap_or_default().split(':').next().unwrap_or_default();
    let machine = match host {
        "127.0.0.1" | "localhost" => out.me().machine,
        _ => out.directory().find(host)?,
    };
    let (verb, args) = (args["verb"].str(), &args["args"]);
    let key = args["key"].text();
    let request = match verb {
        "range" => EtcdRequest::Range { key, prefix: args["prefix"].is_true(), limit: args["limit"].int().max(0) as usize },
        "put" => {
            // The api-server's objects may be written as JSON; what is no object it cannot read.
            let object = parse_json(args["value"].str()).ok().filter(|value| matches!(value, Value::Map(_)));
            let value = object.filter(|_| key.starts_with("/registry/")).unwrap_or_else(|| args["value"].clone());
            EtcdRequest::Put { key, expected: None, value, ttl: None }
        }
        "delete" => EtcdRequest::Delete { key, expected: None, prefix: args["prefix"].is_true() },
        verb => EtcdRequest::Admin { verb: ADMIN_VERBS.into_iter().find(|known| *known == verb)?, args: args.clone() },
    };
    Some((Addr::new(machine, Part::Etcd), request))
}

const ADMIN_VERBS: [&str; 7] = ["status", "get", "member-list", "member-add", "member-promote", "member-remove", "move-leader"];

/// An etcd member's answer as programs see it.
fn etcd_answer(response: &EtcdResponse, took: Duration) -> Result<Value, Text> {
    if let Some(error) = response.error {
        return Err(Text::Static(error));
    }
    let kvs: Value = response.kvs.iter().map(|kv| value!({"key": &kv.key, "value": kv.value.clone()})).collect();
    let mut body = if response.body.is_null() { Value::map() } else { value!({"body": response.body.clone()}) };
    body["kvs"] = kvs;
    body["tookUs"] = took.0.into();
    body["revision"] = response.revision.into();
    body["succeeded"] = response.succeeded.into();
    Ok(body)
}

/// The api-server that a program talks to: the one it is told, or that of its kubeconfig, or its own machine's.
fn server(argv: &[String], node: &Node, out: &Outbox<'_>) -> Addr {
    let own = Addr::new(out.me().machine, Part::ApiServer);
    if argv.get(1).is_some_and(|verb| verb == "join") {
        let endpoint = argv[2..].iter().find(|arg| !arg.starts_with('-') && arg.contains(':')).cloned();
        let endpoint = endpoint.unwrap_or_else(|| {
            config::ClusterConfiguration::load(&node.disk, &node.image, &node.name).control_plane_endpoint.to_string()
        });
        return crate::client::endpoint(&endpoint, out.directory()).unwrap_or(Addr::new(MachineId(u16::MAX), Part::ApiServer));
    }
    let kubeconfig = match argv.first().map(String::as_str) {
        Some("kubectl") => kubectl::kubeconfig_path(&argv.iter().map(String::as_str).collect::<Vec<_>>()),
        _ => files::ADMIN_KUBECONFIG,
    };
    files::client_args(out, kubeconfig).map_or(own, |args| crate::client::server(&args))
}

/// Runs a program on its node, as far as it comes.
fn main(run: &Run, io: &mut Io) -> Flow<()> {
    let (words, node): (Vec<&str>, &Node) = (run.argv.iter().map(String::as_str).collect(), &run.node);
    if let Some(plan) = &run.plan {
        return init::main(plan, &words[2..], node, io);
    }
    match words[..] {
        ["etcdctl", ..] => etcdctl::main(&words[1..], node, io),
        ["kubeadm", "join", ..] => join::main(&words[2..], node, io),
        ["kubeadm", "reset", ..] => reset::main(&words[2..], node, io),
        ["kubeadm", "version", ..] => {
            let version = crate::kind::node_image_version(&node.image);
            io.print(&format!("kubeadm version: &version.Info{{GitVersion:\"{version}\", Platform:\"linux/amd64\"}}\n"));
            Ok(())
        }
        ["kubeadm", "token", "create", "--print-join-command"] => join::print_command(node, io),
        ["kubeadm", ..] => io.fail(
            1,
            "Of kubeadm's commands, the simulated node knows init, join, reset, token create --print-join-command and version\n",
        ),
        _ => kubectl::main(&words[1..], node, io),
    }
}

impl Component for Kubeadm {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Message(envelope) => match &envelope.message {
                Message::Machine(message) => match &**message {
                    MachineMessage::Call { args, .. } => self.exec(args, envelope, out),
                    MachineMessage::Reply { to, result } => self.answer(*to, Answer::Docker(result.clone()), out),
                    MachineMessage::Event { .. } => {}
                },
                Message::Response(response) => self.answer(response.to, Answer::Response(Rc::clone(response)), out),
                Message::Watch(batch) => self.answer(batch.stream, Answer::Watch(Rc::clone(batch)), out),
                Message::EtcdResponse(response) => {
                    let took = self.asked.remove(&response.to).map_or(Duration::ZERO, |asked| out.now().since(asked));
                    self.answer(response.to, Answer::Docker(etcd_answer(response, took)), out);
                }
                // Clients of etcd dial again until their time is over.
                Message::Failure(failure) if self.open.get(&failure.to).is_some_and(|(_, _, to)| to.part == Part::Etcd) => {}
                Message::Failure(failure) => {
                    let machine = self.open.get(&failure.to).is_some_and(|(_, _, server)| server.part == Part::Systemd);
                    let kind: FailureKind = failure.kind;
                    let answer = if machine { Answer::Docker(Err(Text::from(kind.to_string()))) } else { Answer::Failure(kind) };
                    self.answer(failure.to, answer, out);
                }
                _ => {}
            },
            Event::Timer(timer) if timer.name == "etcd" => {
                let id = timer.key.split('/').next().and_then(|id| id.parse().ok()).unwrap_or(0);
                let number = timer.number as usize;
                self.open.retain(|_, (run, ask, _)| (*run, *ask) != (id, number));
                if let Some(run) = self.runs.get_mut(&id)
                    && !run.log.has_answer(number)
                {
                    run.log.push(out.now(), number, Answer::Docker(Err("context deadline exceeded".into())));
                    self.step(id, out);
                }
            }
            Event::Timer(timer) => {
                let id = timer.key.parse().unwrap_or(0);
                if let Some(run) = self.runs.get_mut(&id) {
                    run.log.push(out.now(), timer.number as usize, Answer::Awake);
                    self.step(id, out);
                }
            }
            Event::Start | Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

//! The user's computer as a component: carries what the shell's programs ask to the cluster and to docker, and the answers back.

use crate::core::collections::PMap;
use std::rc::Rc;

use crate::core::message::FailureKind;
use crate::core::{Addr, Component, Effect, Envelope, EnvelopeId, Event, Message, Outbox, Part};
use crate::flow::{Answer, Ask};
use crate::kubectl::kubeconfig::Kubeconfig;
use crate::machine::MachineMessage;
use crate::programs::Launch;
use crate::shell::{Env, ProcessId, Shell, ShellEffect};

/// The shell with its open questions.
#[derive(Clone, Debug, Default)]
pub struct User {
    shell: Shell,
    /// Who asked what an envelope carries. A watch stays until it is closed.
    open: PMap<EnvelopeId, Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    process: ProcessId,
    number: usize,
    server: Addr,
}

impl User {
    /// The user's shell, with the files of `args.files` besides those that are always there.
    pub fn start(launch: &Launch<'_>) -> Self {
        let mut user = Self::default();
        for (path, text) in launch.args["files"].entries() {
            user.shell.write_file(path, Some(text.text()));
        }
        user
    }

    /// The shell.
    pub fn shell(&self) -> &Shell {
        &self.shell
    }

    fn perform(&mut self, effects: Vec<ShellEffect>, out: &mut Outbox<'_>) {
        for effect in effects {
            match effect {
                ShellEffect::Output { command, stream, text } => out.effect(Effect::Output(command, stream, text)),
                ShellEffect::Ended(process) => {
                    out.effect(Effect::ForgetTimers("wake", process.0.to_string().into()));
                }
                ShellEffect::Exit { command, code } => out.effect(Effect::Exit(command, code)),
                ShellEffect::Ask { process, number, ask, .. } => self.ask(process, number, ask, out),
            }
        }
    }

    fn ask(&mut self, process: ProcessId, number: usize, ask: Ask, out: &mut Outbox<'_>) {
        match ask {
            Ask::Request(request) => match self.server(out) {
                Some(server) => {
                    let id = out.request(server, request);
                    self.open.insert(id, Open { process, number, server });
                }
                None => {
                    // No cluster is configured, or its machine is gone: nobody listens.
                    let effects = self.shell.answer(out.now(), process, number, Answer::Failure(FailureKind::Refused));
                    self.perform(effects, out);
                }
            },
            Ask::WakeAt(at) => {
                let after = at.since(out.now());
                out.timer(after, "wake", process.0.to_string(), number as u64);
            }
            Ask::Docker { verb, args } => {
                let id = out.send(Addr::DOCKER, Message::Machine(Rc::new(MachineMessage::Call { verb, args })));
                self.open.insert(id, Open { process, number, server: Addr::DOCKER });
            }
            Ask::Close(watch) => {
                let opened = self.open.iter().find(|(_, open)| open.process == process && open.number == watch);
                if let Some((id, open)) = opened.map(|(id, open)| (*id, *open)) {
                    self.open.remove(&id);
                    out.close(open.server, id);
                }
            }
        }
    }

    /// The api-server that kubectl's current context means: the cluster's load balancer, or its control-plane node.
    fn server(&self, out: &Outbox<'_>) -> Option<Addr> {
        let env = Env { files: self.shell.files().clone(), ..Env::default() };
        let config = Kubeconfig::of(&env);
        let cluster = config.context(&config.current)?.cluster.clone();
        let name = cluster.strip_prefix("kind-")?;
        let directory = out.directory();
        if let Some(machine) = directory.find(&format!("{name}-external-load-balancer")) {
            return Some(Addr::new(machine, Part::LoadBalancer));
        }
        directory.find(&format!("{name}-control-plane")).map(|machine| Addr::new(machine, Part::ApiServer))
    }

    fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) {
        let (to, answer) = match &envelope.message {
            Message::Response(response) => (response.to, Answer::Response(Rc::clone(response))),
            Message::Watch(batch) => (batch.stream, Answer::Watch(Rc::clone(batch))),
            Message::Failure(failure) => (failure.to, Answer::Failure(failure.kind)),
            Message::Machine(message) => match &**message {
                MachineMessage::Reply { to, result } => (*to, Answer::Docker(result.clone())),
                _ => return,
            },
            _ => return,
        };
        let Some(open) = self.open.get(&to).copied() else { return };
        // A stream goes on: a watch, or a log that is followed.
        if !matches!(&answer, Answer::Watch(_)) {
            self.open.remove(&to);
        }
        let effects = self.shell.answer(out.now(), open.process, open.number, answer);
        self.perform(effects, out);
    }
}

impl Component for User {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Command(id, line) => {
                let effects = self.shell.start(id, line, out.now());
                self.perform(effects, out);
            }
            Event::Interrupt(id) => {
                let effects = self.shell.interrupt(id);
                self.perform(effects, out);
            }
            Event::Message(envelope) => self.on_message(envelope, out),
            Event::Timer(timer) if timer.name == "wake" => {
                let process = ProcessId(timer.key.parse().unwrap_or(u32::MAX));
                let effects = self.shell.answer(out.now(), process, timer.number as usize, Answer::Awake);
                self.perform(effects, out);
            }
            Event::Timer(_) | Event::Start => {}
        }
    }

    crate::component_boilerplate!();
}

//! What a component does in answer to an event: the effects that it queues.

use std::rc::Rc;

use super::cluster::{Directory, Disk};
use super::message::{Failure, FailureKind};
use super::{
    Addr, Cause, CommandId, Duration, Envelope, EnvelopeId, MachineId, Message, Part, Request, Response, Time, WatchBatch,
};
use crate::flow::Stream;
use crate::value::{Text, Value};

/// What a timer reminds its component of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey {
    /// Purpose, such as `node-status`.
    pub name: &'static str,
    /// Of which object; "" for none.
    pub key: Text,
    /// A number of the component's own, such as a generation by which it knows outdated timers.
    pub number: u64,
}

/// What a component is told.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Its process has started.
    Start,
    /// A message arrived.
    Message(&'a Envelope),
    /// A timer went off.
    Timer(&'a TimerKey),
    /// The user gave a command line (the shell only).
    Command(CommandId, &'a str),
    /// The user interrupted a command (the shell only).
    Interrupt(CommandId),
}

/// Something that the cluster does for a component.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Sends a message; its `due_at` is set by the network.
    Send(Rc<Envelope>),
    /// Tells the component at that time.
    Timer {
        /// When.
        at: Time,
        /// Of what.
        key: TimerKey,
        /// Whether nothing waits for it (see [`Envelope::background`]).
        background: bool,
        /// What the timer's messages will name as the message that set it.
        since: Option<EnvelopeId>,
    },
    /// Drops the component's timers of this name and key: what they were for has ended, and nobody waits for it any more.
    ForgetTimers(&'static str, Text),
    /// Shows text in the user's terminal.
    Output(CommandId, Stream, String),
    /// Ends a command with an exit code.
    Exit(CommandId, i32),
    /// Starts a program on a machine; nothing happens if it runs already.
    Spawn(Addr, ProcessArgs),
    /// Ends a program on a machine.
    Kill(Addr),
    /// Writes a file on a machine's disk, or removes it.
    WriteFile(MachineId, Text, Option<Value>),
    /// Does something to the docker network.
    Network(super::faults::NetworkChange),
    /// Adds a machine, powered on, with containerd and kubelet not yet started.
    AddMachine(Rc<crate::machine::MachineSpec>),
    /// Powers a machine off or on.
    Power(MachineId, bool),
    /// Removes a machine for good.
    RemoveMachine(MachineId),
}

/// Arguments of a program that [`Effect::Spawn`] starts: flags and files, by name.
pub type ProcessArgs = Value;

/// Collects the effects of one event.
#[derive(Debug)]
pub struct Outbox<'a> {
    me: Addr,
    now: Time,
    cause: Cause,
    heartbeat: bool,
    background: bool,
    directory: &'a Directory,
    disk: &'a Disk,
    next_envelope: &'a mut u32,
    effects: &'a mut Vec<Effect>,
}

impl<'a> Outbox<'a> {
    /// An outbox for one event of `me`; `flags` are (heartbeat, background).
    #[allow(clippy::too_many_arguments)] // Called in one place; a builder would only repeat the fields.
    pub fn new(
        me: Addr,
        now: Time,
        cause: Cause,
        flags: (bool, bool),
        directory: &'a Directory,
        disk: &'a Disk,
        next_envelope: &'a mut u32,
        effects: &'a mut Vec<Effect>,
    ) -> Self {
        Self { me, now, cause, heartbeat: flags.0, background: flags.1, directory, disk, next_envelope, effects }
    }

    /// Names and addresses of the docker network.
    pub fn directory(&self) -> &'a Directory {
        self.directory
    }
    /// The machine's disk as it was before this event.
    pub fn disk(&self) -> &'a Disk {
        self.disk
    }

    /// The component's own address.
    pub fn me(&self) -> Addr {
        self.me
    }
    /// The current time.
    pub fn now(&self) -> Time {
        self.now
    }
    /// What will be named as the cause of what is sent.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Names another cause for what is sent from now on: a work queue's item was put there by an earlier message.
    /// With it comes whether the cause was a heartbeat or background work.
    pub fn set_cause(&mut self, cause: Cause, background: bool) {
        self.cause = cause;
        self.background = background;
        self.heartbeat = false;
    }
    /// Whether what is sent counts as background work.
    pub fn is_background(&self) -> bool {
        self.background
    }
    /// Whether what is sent counts as a heartbeat.
    pub fn is_heartbeat(&self) -> bool {
        self.heartbeat
    }
    /// Sets whether what is sent is background work: nobody waits for it.
    pub fn set_background(&mut self, background: bool) {
        self.background = background;
    }
    /// Sets whether what is sent only says "still alive".
    pub fn set_heartbeat(&mut self, heartbeat: bool) {
        self.heartbeat = heartbeat;
        if heartbeat {
            self.background = true;
        }
    }
    /// Sends as a controller of the same process.
    pub fn send_as(&mut self, part: Part) {
        self.me.part = part;
    }

    /// Sends now.
    pub fn send(&mut self, to: Addr, message: Message) -> EnvelopeId {
        self.send_after(Duration::ZERO, to, message)
    }

    /// Sends after the sender has worked on it for `delay`.
    pub fn send_after(&mut self, delay: Duration, to: Addr, message: Message) -> EnvelopeId {
        let id = EnvelopeId(*self.next_envelope);
        *self.next_envelope += 1;
        let sent_at = self.now + delay;
        self.effects.push(Effect::Send(Rc::new(Envelope {
            id,
            cause: self.cause,
            from: self.me,
            to,
            sent_at,
            due_at: sent_at,
            heartbeat: self.heartbeat,
            background: self.background,
            message,
        })));
        id
    }

    /// Sends a request.
    pub fn request(&mut self, to: Addr, request: Request) -> EnvelopeId {
        self.send(to, Message::Request(Rc::new(request)))
    }
    /// Answers the request of an envelope after working on it for `delay`.
    pub fn respond(&mut self, delay: Duration, client: Addr, request: EnvelopeId, code: u16, body: Value) -> EnvelopeId {
        self.send_after(delay, client, Message::Response(Rc::new(Response { to: request, code, body })))
    }
    /// Sends events of a watch.
    pub fn watch(&mut self, delay: Duration, client: Addr, batch: WatchBatch) -> EnvelopeId {
        self.send_after(delay, client, Message::Watch(Rc::new(batch)))
    }
    /// Closes a stream that this component opened, or serves: the other side learns it.
    pub fn close(&mut self, peer: Addr, stream: EnvelopeId) {
        self.send(peer, Message::Failure(Rc::new(Failure { to: stream, kind: FailureKind::Reset })));
    }

    /// Sets a timer that somebody waits for.
    pub fn timer(&mut self, after: Duration, name: &'static str, key: impl Into<Text>, number: u64) {
        let background = self.background;
        self.push_timer(after, name, key.into(), number, background);
    }
    /// Sets a periodic or precautionary timer that nobody waits for.
    pub fn tick(&mut self, after: Duration, name: &'static str, key: impl Into<Text>, number: u64) {
        self.push_timer(after, name, key.into(), number, true);
    }

    fn push_timer(&mut self, after: Duration, name: &'static str, key: Text, number: u64, background: bool) {
        let since = match self.cause {
            Cause::Message(id) => Some(id),
            Cause::Timer { since, .. } if !background => since,
            _ => None,
        };
        self.effects.push(Effect::Timer { at: self.now + after, key: TimerKey { name, key, number }, background, since });
    }

    /// Any other effect.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

//! Everything that was sent and shown, in the order of the simulation.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Addr, CommandId, Component, Envelope, EnvelopeId, Gauges, MachineId, Time};
use crate::flow::Stream;

/// Receives what happens.
pub trait Sink {
    /// A message was sent.
    fn sent(&mut self, envelope: &Rc<Envelope>);
    /// A message found nobody at its arrival.
    fn lost(&mut self, id: EnvelopeId);
    /// A program has handled an event.
    fn worked(&mut self, at: Time, addr: Addr, program: &dyn Component);
    /// A program has ended.
    fn ended(&mut self, at: Time, addr: Addr);
    /// A machine was removed with its disk, or etcd's data from there.
    fn removed(&mut self, at: Time, machine: MachineId);
    /// A command line was given.
    fn command(&mut self, at: Time, id: CommandId, line: &str);
    /// A command printed.
    fn output(&mut self, at: Time, id: CommandId, stream: Stream, text: &str);
    /// A command was interrupted by the user.
    fn interrupt(&mut self, at: Time, id: CommandId);
    /// A command ended.
    fn exit(&mut self, at: Time, id: CommandId, code: i32);
}

/// Forgets everything: for replays.
impl Sink for () {
    fn sent(&mut self, _: &Rc<Envelope>) {}
    fn lost(&mut self, _: EnvelopeId) {}
    fn worked(&mut self, _: Time, _: Addr, _: &dyn Component) {}
    fn ended(&mut self, _: Time, _: Addr) {}
    fn removed(&mut self, _: Time, _: MachineId) {}
    fn command(&mut self, _: Time, _: CommandId, _: &str) {}
    fn output(&mut self, _: Time, _: CommandId, _: Stream, _: &str) {}
    fn interrupt(&mut self, _: Time, _: CommandId) {}
    fn exit(&mut self, _: Time, _: CommandId, _: i32) {}
}

/// A line of the terminal's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// The user gave this line.
    Command(String),
    /// It printed.
    Output(Stream, String),
    /// The user interrupted it.
    Interrupt,
    /// It ended with this code.
    Exit(i32),
}

/// Everything that was sent and shown. Envelopes are indexed by their number.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    envelopes: Vec<Rc<Envelope>>,
    lost: BTreeSet<EnvelopeId>,
    /// Envelope numbers in the order of `sent_at`; nearly the order of numbers, for senders may work before they send.
    by_sent: Vec<EnvelopeId>,
    terminal: Vec<(Time, CommandId, TerminalEvent)>,
    longest_flight_us: u64,
    gauges: Gauges,
}

impl Trace {
    /// All envelopes in the order of their numbers.
    pub fn envelopes(&self) -> &[Rc<Envelope>] {
        &self.envelopes
    }

    /// The envelope of this number.
    pub fn get(&self, id: EnvelopeId) -> Option<&Rc<Envelope>> {
        self.envelopes.get(id.0 as usize)
    }

    /// Envelope numbers ordered by the time of sending.
    pub fn by_sent(&self) -> &[EnvelopeId] {
        &self.by_sent
    }

    /// The position in [`Trace::by_sent`] of the first envelope sent at or after `t`.
    pub fn position(&self, t: Time) -> usize {
        self.by_sent.partition_point(|id| self.envelopes[id.0 as usize].sent_at < t)
    }

    /// The envelopes sent from `from` up to, and not including, `to`, in the order of sending.
    pub fn sent_between(&self, from: Time, to: Time) -> impl Iterator<Item = &Rc<Envelope>> {
        self.by_sent[self.position(from)..self.position(to).max(self.position(from))]
            .iter()
            .map(|id| &self.envelopes[id.0 as usize])
    }

    /// The envelopes on their way at `t`: `sent_at ≤ t < due_at`.
    pub fn in_flight(&self, t: Time) -> impl Iterator<Item = &Rc<Envelope>> {
        let from = Time(t.0.saturating_sub(self.longest_flight_us));
        self.sent_between(from, Time(t.0 + 1)).filter(move |envelope| envelope.due_at > t)
    }

    /// Whether the envelope found nobody.
    pub fn is_lost(&self, id: EnvelopeId) -> bool {
        self.lost.contains(&id)
    }

    /// What the terminal showed: when, of which command, what.
    pub fn terminal(&self) -> &[(Time, CommandId, TerminalEvent)] {
        &self.terminal
    }

    /// What components have counted over time.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Forgets everything after a moment at which `next` was the number of the next envelope.
    pub fn truncate(&mut self, next: u32, t: Time) {
        self.forget_from(next);
        let keep = self.terminal.partition_point(|(at, _, _)| *at <= t);
        self.terminal.truncate(keep);
        self.gauges.truncate(t);
    }

    /// Forgets a command and everything after the moment at which it was given, when `next` was the number of the next envelope.
    pub fn take_back(&mut self, next: u32, command: CommandId) {
        self.forget_from(next);
        let given =
            |(_, id, event): &(Time, CommandId, TerminalEvent)| *id == command && matches!(event, TerminalEvent::Command(_));
        let keep = self.terminal.iter().position(given).unwrap_or(self.terminal.len());
        if let Some((at, ..)) = self.terminal.get(keep) {
            self.gauges.truncate(*at);
        }
        self.terminal.truncate(keep);
    }

    fn forget_from(&mut self, next: u32) {
        self.envelopes.truncate(next as usize);
        self.by_sent.retain(|id| id.0 < next);
        self.lost.retain(|id| id.0 < next);
    }
}

impl Sink for Trace {
    fn sent(&mut self, envelope: &Rc<Envelope>) {
        debug_assert_eq!(envelope.id.0 as usize, self.envelopes.len(), "envelopes come in the order of their numbers");
        self.longest_flight_us = self.longest_flight_us.max(envelope.due_at.since(envelope.sent_at).0);
        self.envelopes.push(Rc::clone(envelope));
        let mut at = self.by_sent.len();
        while at > 0 && self.envelopes[self.by_sent[at - 1].0 as usize].sent_at > envelope.sent_at {
            at -= 1;
        }
        self.by_sent.insert(at, envelope.id);
    }
    fn lost(&mut self, id: EnvelopeId) {
        self.lost.insert(id);
    }
    fn worked(&mut self, at: Time, addr: Addr, program: &dyn Component) {
        self.gauges.take(at, addr, program);
    }
    fn ended(&mut self, at: Time, addr: Addr) {
        self.gauges.end(at, &|of, gauge| of == addr && gauge.is_queue());
    }
    fn removed(&mut self, at: Time, machine: MachineId) {
        self.gauges.end(at, &|of, _| of.machine == machine);
    }
    fn command(&mut self, at: Time, id: CommandId, line: &str) {
        self.terminal.push((at, id, TerminalEvent::Command(line.to_string())));
    }
    fn output(&mut self, at: Time, id: CommandId, stream: Stream, text: &str) {
        self.terminal.push((at, id, TerminalEvent::Output(stream, text.to_string())));
    }
    fn interrupt(&mut self, at: Time, id: CommandId) {
        self.terminal.push((at, id, TerminalEvent::Interrupt));
    }
    fn exit(&mut self, at: Time, id: CommandId, code: i32) {
        self.terminal.push((at, id, TerminalEvent::Exit(code)));
    }
}

//! Which messages and decisions the audience sees, and the lens laid over them. Follows the trace as it grows.

use std::rc::Rc;

use orrery_sim::core::{Envelope, EnvelopeId, TerminalEvent, Time, Trace};
use orrery_sim::scheduler::decision::Decision;
use orrery_sim::session::Session;

use super::decided::Decided;
use crate::lens::{DECISION_S, DOT_S, Lens, PILL_S, Span};
use crate::scene::MessageKind;
use crate::scene::wires::is_drawn;

/// What is shown of all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Heartbeats and other periodic work that nothing waits for.
    pub background: bool,
    /// A bit for each kind.
    pub kinds: u16,
}

impl Default for Show {
    fn default() -> Self {
        Self { background: false, kinds: u16::MAX }
    }
}

impl Show {
    /// Whether messages of a kind are shown.
    pub fn kind(self, kind: MessageKind) -> bool {
        self.kinds & bit(kind) != 0
    }

    /// With a kind shown or hidden.
    #[must_use]
    pub fn with_kind(mut self, kind: MessageKind, shown: bool) -> Self {
        if shown {
            self.kinds |= bit(kind);
        } else {
            self.kinds &= !bit(kind);
        }
        self
    }

    /// The kind of an envelope, if it is shown.
    fn shown(self, envelope: &Envelope) -> Option<MessageKind> {
        let quiet = envelope.heartbeat || envelope.background;
        let drawn = (self.background || !quiet) && is_drawn(envelope.from, envelope.to);
        drawn.then(|| MessageKind::of(envelope)).filter(|kind| self.kind(*kind))
    }
}

fn bit(kind: MessageKind) -> u16 {
    1 << kind as u16
}

/// The visible messages in the order of sending, and their lens.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// What is shown.
    pub show: Show,
    /// How time passes at message pace.
    pub lens: Lens,
    /// The envelope of each span of the lens; `None` where a decision is made.
    pub ids: Vec<Option<EnvelopeId>>,
    /// The kind of each span's envelope.
    kinds: Vec<Option<MessageKind>>,
    /// The scheduler's decisions.
    pub decided: Decided,
    /// How many decisions were made since the last command.
    in_scene: usize,
    taken: Time,
    /// When the last span left.
    last_sent: Option<Time>,
    /// Changes whenever spans were dropped or exchanged.
    pub generation: u32,
}

impl Visible {
    /// Takes what was sent and decided before the live end and not taken yet.
    pub fn follow(&mut self, session: &Session) {
        self.take(session);
        self.lens.update();
    }

    /// The same while nothing is shown: how time passes is laid out by the next [`Visible::follow`].
    pub fn take(&mut self, session: &Session) {
        let new = self.decided.follow(session.live_cluster());
        self.lay_out(session, new);
    }

    fn lay_out(&mut self, session: &Session, mut decisions: Vec<Rc<Decision>>) {
        let trace = session.trace();
        let live_end = Decided::known_until(session.live_cluster(), session.live_end());
        // What began before has its time already: it was decided anew after a command.
        decisions.retain(|decision| decision.began >= self.taken);
        if live_end <= self.taken {
            return;
        }
        let mut commands = commands(trace, self.last_sent, live_end).into_iter().peekable();
        let mut begins = |sent: Time| {
            let mut begins = false;
            while commands.next_if(|at| *at <= sent).is_some() {
                begins = true;
            }
            begins
        };
        let mut decisions = decisions.into_iter().peekable();
        for envelope in trace.sent_between(self.taken, live_end) {
            while let Some(decision) = decisions.next_if(|decision| decision.began <= envelope.sent_at) {
                self.push_decision(&decision, begins(decision.began));
            }
            if let Some(kind) = self.show.shown(envelope) {
                self.push(span(envelope, kind, begins(envelope.sent_at)), Some((envelope.id, kind)));
            }
        }
        for decision in decisions {
            self.push_decision(&decision, begins(decision.began));
        }
        self.taken = live_end;
    }

    /// Drops what was sent and decided at `t` or later: it has not happened any more, or may have become something else.
    pub fn rewind(&mut self, t: Time) {
        let len = self.lens.spans().partition_point(|span| span.sent < t.0);
        self.lens.truncate(len);
        self.ids.truncate(len);
        self.kinds.truncate(len);
        self.decided.truncate(t);
        self.taken = self.taken.min(t);
        self.last_sent = self.lens.spans().last().map(|span| Time(span.sent));
        let behind_command = self.lens.spans().iter().rposition(|span| span.begins).map_or(0, |begin| begin + 1);
        self.in_scene = self.ids[behind_command..].iter().filter(|id| id.is_none()).count();
        self.generation += 1;
    }

    fn push_decision(&mut self, decision: &Decision, begins: bool) {
        let sent = decision.began.0.max(self.last_sent.map_or(0, |last| last.0));
        self.in_scene = if begins { 0 } else { self.in_scene + 1 };
        // The first ones are explained, then it is known how it goes.
        let seconds = match self.in_scene {
            _ if decision.names.len() < 2 => DOT_S,
            0..2 => DECISION_S,
            2..5 => DECISION_S / 2.0,
            5..20 => DOT_S,
            _ => DOT_S / 10.0,
        };
        self.push(Span { sent, due: decision.at.0.max(sent + 1), seconds, begins }, None);
    }

    fn push(&mut self, span: Span, message: Option<(EnvelopeId, MessageKind)>) {
        if span.begins {
            self.in_scene = 0;
        }
        self.last_sent = Some(Time(span.sent));
        self.lens.push(span);
        self.ids.push(message.map(|(id, _)| id));
        self.kinds.push(message.map(|(_, kind)| kind));
    }

    /// Begins anew: with another trace, or when something else is shown.
    pub fn restart(&mut self, session: &Session, show: Show) {
        let generation = self.generation + 1;
        let mut decided = std::mem::take(&mut self.decided);
        decided.truncate(session.live_end());
        decided.follow(session.live_cluster());
        let all = decided.list().to_vec();
        *self = Self { show, generation, decided, ..Self::default() };
        self.lay_out(session, all);
        self.lens.update();
    }

    /// The kind of the message of span `index`; `None` for a decision.
    pub fn kind(&self, index: usize) -> Option<MessageKind> {
        self.kinds[index]
    }

    /// For each kind, when its messages were sent between two moments, in microseconds: of several between two of `edges` (ascending) only the first.
    pub fn sample(&self, from: f64, edges: impl Iterator<Item = f64>) -> Vec<(MessageKind, Vec<f64>)> {
        let spans = self.lens.spans();
        let mut found: Vec<(MessageKind, Vec<f64>)> = MessageKind::ALL.into_iter().map(|kind| (kind, Vec::new())).collect();
        let mut first = spans.partition_point(|span| (span.sent as f64) < from);
        for edge in edges {
            let next = first + spans[first..].partition_point(|span| (span.sent as f64) < edge);
            let mut seen = 0;
            for index in first..next {
                let Some(kind) = self.kinds[index] else { continue };
                if seen & bit(kind) == 0 {
                    seen |= bit(kind);
                    found[kind as usize].1.push(spans[index].sent as f64);
                }
            }
            first = next;
        }
        found
    }

    /// The middle of the flight of span `index`, in microseconds: where a step stops. Of a decision it is the end, when all is said.
    pub fn middle(&self, index: usize) -> f64 {
        let span = self.lens.spans()[index];
        if self.ids[index].is_none() {
            return span.sent as f64 + (span.due - span.sent) as f64 * 0.95;
        }
        (span.sent as f64 + span.due as f64) / 2.0
    }

    /// The first step after `t`, if any is known: its moment and its message (none where a decision is made). Messages in the middle of their way at the same moment
    /// are steps of their own; `on` is the one that `t` was reached with.
    pub fn step_after(&self, t: f64, on: Option<EnvelopeId>) -> Option<(f64, Option<EnvelopeId>)> {
        // Middles are nearly in the order of sending; a window behind covers long flights.
        let spans = self.lens.spans();
        let from = spans.partition_point(|span| (span.due as f64) < t - 1e6);
        let here = self.place(t, on, f64::INFINITY);
        (from..spans.len())
            .take_while(|index| spans[*index].sent as f64 <= t + 0.5 || *index < from + 64)
            .chain(spans.iter().position(|span| span.sent as f64 > t))
            .map(|index| (self.middle(index), index))
            .filter(|place| later(*place, here))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(middle, index)| (middle, self.ids[index]))
    }

    /// The last step before `t`, if there is one.
    pub fn step_before(&self, t: f64, on: Option<EnvelopeId>) -> Option<(f64, Option<EnvelopeId>)> {
        let spans = self.lens.spans();
        let to = spans.partition_point(|span| span.sent as f64 <= t);
        let here = self.place(t, on, f64::NEG_INFINITY);
        (to.saturating_sub(256)..to)
            .map(|index| (self.middle(index), index))
            .filter(|place| later(here, *place))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(middle, index)| (middle, self.ids[index]))
    }

    /// Where a step begins: at the message `on`, if `t` is its middle, else behind (`+∞`) or before (`−∞`) all of this moment.
    fn place(&self, t: f64, on: Option<EnvelopeId>, side: f64) -> (f64, usize) {
        let index = on.and_then(|id| self.ids.iter().rposition(|have| *have == Some(id)));
        match index.filter(|index| (self.middle(*index) - t).abs() <= 0.5) {
            Some(index) => (self.middle(index), index),
            None if side > 0.0 => (t + 0.5, usize::MAX),
            None => (t - 0.5, 0),
        }
    }
}

fn later(a: (f64, usize), b: (f64, usize)) -> bool {
    a.0 > b.0 || (a.0 >= b.0 && a.1 > b.1)
}

/// When commands were given after the last span left, up to `end`.
fn commands(trace: &Trace, last_sent: Option<Time>, end: Time) -> Vec<Time> {
    let terminal = trace.terminal();
    let from = terminal.partition_point(|(at, _, _)| last_sent.is_some_and(|last| *at <= last));
    let later = terminal[from..].iter().take_while(|(at, _, _)| *at < end);
    later.filter(|(_, _, event)| matches!(event, TerminalEvent::Command(_))).map(|(at, _, _)| *at).collect()
}

fn span(envelope: &Envelope, kind: MessageKind, begins: bool) -> Span {
    let seconds = if kind.is_dot() { DOT_S } else { PILL_S };
    Span { sent: envelope.sent_at.0, due: envelope.due_at.0.max(envelope.sent_at.0 + 1), seconds, begins }
}

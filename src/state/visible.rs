//! Which messages and decisions the audience sees, and the lens laid over them. Follows the trace as it grows.

use std::rc::Rc;

use orrery_sim::core::{Envelope, EnvelopeId, Message, Part, TerminalEvent, Time, Trace};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::scheduler::decision::Decision;
use orrery_sim::session::Session;
use orrery_sim::value::Text;

use super::decided::Decided;
use super::story::concerns;
use crate::lens::{DECISION_S, DOT_S, Lens, PILL_S, Span};
use crate::scene::MessageKind;
use crate::scene::wires::is_drawn;

/// Components whose messages can be hidden; the api-server takes part in nearly all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// kubectl, kind and docker.
    User,
    /// etcd.
    Etcd,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager with its controllers.
    Controllers,
    /// kubelets and their container runtimes.
    Kubelet,
    /// kube-proxy.
    KubeProxy,
    /// kindnet, coredns, kubeadm and what else there is.
    Other,
}

impl Speaker {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 7] =
        [Self::User, Self::Etcd, Self::Scheduler, Self::Controllers, Self::Kubelet, Self::KubeProxy, Self::Other];

    /// The name in lessons.
    pub const fn key(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Etcd => "etcd",
            Self::Scheduler => "scheduler",
            Self::Controllers => "controllers",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Other => "other",
        }
    }

    /// Who a part is; `None` for those that only pass on what others ask.
    const fn of(part: Part) -> Option<Self> {
        Some(match part {
            Part::ApiServer | Part::LoadBalancer => return None,
            Part::Shell => Self::User,
            Part::Etcd => Self::Etcd,
            Part::Scheduler => Self::Scheduler,
            Part::Controller(_) => Self::Controllers,
            Part::Kubelet | Part::Runtime => Self::Kubelet,
            Part::KubeProxy => Self::KubeProxy,
            _ => Self::Other,
        })
    }
}

/// What is shown of all messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// Heartbeats and other periodic work that nothing waits for.
    pub background: bool,
    /// A bit for each kind.
    pub kinds: u16,
    /// Bit by the position in [`Speaker::ALL`]: set when hidden.
    pub hidden: u8,
    /// Only messages about objects of this namespace, and those that are about none.
    pub namespace: Option<Text>,
    /// Only messages about the pod of this name, while it is followed.
    pub pod: Option<Text>,
}

impl Default for Show {
    fn default() -> Self {
        Self { background: false, kinds: u16::MAX, hidden: 0, namespace: None, pod: None }
    }
}

impl Show {
    /// Whether messages of a kind are shown.
    pub fn kind(&self, kind: MessageKind) -> bool {
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

    /// Whether messages of a component are shown.
    pub fn speaker(&self, speaker: Speaker) -> bool {
        self.hidden & (1 << speaker as u8) == 0
    }

    /// With a component shown or hidden.
    #[must_use]
    pub fn with_speaker(mut self, speaker: Speaker, shown: bool) -> Self {
        self.hidden &= !(1 << speaker as u8);
        self.hidden |= u8::from(!shown) << speaker as u8;
        self
    }

    /// The kind of an envelope of a trace, if it is shown.
    pub fn shown(&self, envelope: &Envelope, trace: &Trace) -> Option<MessageKind> {
        let quiet = envelope.heartbeat || envelope.background;
        let drawn = (self.background || !quiet) && is_drawn(envelope.from, envelope.to);
        let heard =
            || [envelope.from, envelope.to].iter().filter_map(|addr| Speaker::of(addr.part)).all(|speaker| self.speaker(speaker));
        let about = || {
            let Some(wanted) = &self.namespace else { return true };
            namespace_of(envelope, trace).is_none_or(|namespace| namespace == *wanted)
        };
        let followed = || self.pod.as_ref().is_none_or(|pod| concerns(envelope, trace, pod));
        (drawn && heard() && about() && followed()).then(|| MessageKind::of(envelope)).filter(|kind| self.kind(*kind))
    }
}

/// The namespace of the object that a message is about, if it is about one.
fn namespace_of(envelope: &Envelope, trace: &Trace) -> Option<Text> {
    let of_question = |id| trace.get(id).and_then(|question| namespace_of(question, trace));
    let of_key = |key: &str| {
        // `/registry/pods/default/web`; what has no namespace has one part less.
        let mut parts = key.trim_start_matches('/').rsplit('/');
        (key.matches('/').count() > 3).then(|| parts.nth(1).map(Text::new)).flatten()
    };
    let namespace = match &envelope.message {
        Message::Request(request) => Some(request.namespace.clone()),
        Message::Response(response) => return of_question(response.to),
        Message::Watch(batch) => batch.events.first().map(|event| event.object["metadata"]["namespace"].text()),
        Message::EtcdRequest(request) => match &**request {
            EtcdRequest::Range { key, .. } | EtcdRequest::Put { key, .. } | EtcdRequest::Delete { key, .. } => of_key(key),
            _ => None,
        },
        Message::EtcdResponse(response) => return of_question(response.to),
        _ => None,
    };
    namespace.filter(|namespace| !namespace.is_empty())
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
        let followed = |decision: &Decision| {
            let name = |pod: &Text| decision.pod.rsplit('/').next() == Some(&**pod);
            self.show.pod.as_ref().is_none_or(name)
        };
        decisions.retain(|decision| decision.began >= self.taken && followed(decision));
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
            if let Some(kind) = self.show.shown(envelope, trace) {
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
        *self = Self { show, decided, generation, ..Self::default() };
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
            for (span, kind) in spans[first..next].iter().zip(&self.kinds[first..next]) {
                let Some(kind) = *kind else { continue };
                if seen & bit(kind) == 0 {
                    seen |= bit(kind);
                    found[kind as usize].1.push(span.sent as f64);
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
        f64::midpoint(span.sent as f64, span.due as f64)
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

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::core::Duration;

    #[test]
    fn messages_are_filtered_by_component_and_namespace() {
        let mut session = Session::new(1);
        session.run(crate::state::FIRST_COMMANDS);
        session.settle(Duration::s(600));
        session.run("kubectl run web --image=nginx");
        session.settle(Duration::s(60));
        let trace = session.trace();
        let shown =
            |show: &Show| trace.envelopes().iter().filter(|envelope| show.shown(envelope, trace).is_some()).collect::<Vec<_>>();
        let all = shown(&Show::default());
        for speaker in Speaker::ALL {
            let part =
                |envelope: &Envelope| [envelope.from, envelope.to].iter().any(|addr| Speaker::of(addr.part) == Some(speaker));
            let without = shown(&Show::default().with_speaker(speaker, false));
            assert!(!without.iter().any(|envelope| part(envelope)), "{speaker:?}");
            assert_eq!(
                without.len(),
                all.iter().filter(|envelope| !part(envelope)).count(),
                "{speaker:?}: nothing else is hidden"
            );
            assert!(without.len() < all.len(), "{speaker:?} has something to say");
        }
        // A pod's life: from the request that makes it to what its node's runtime does for it.
        let life = shown(&Show { pod: Some("web".into()), ..Show::default() });
        let kinds: Vec<MessageKind> = life.iter().map(|envelope| MessageKind::of(envelope)).collect();
        for kind in [MessageKind::Request, MessageKind::Watch, MessageKind::Etcd, MessageKind::Cri] {
            assert!(kinds.contains(&kind), "{kind:?}");
        }
        assert!(life.len() > 30 && life.len() < all.len() / 4, "{} of {}", life.len(), all.len());
        let first =
            trace.terminal().iter().rev().find(|(_, _, event)| matches!(event, TerminalEvent::Command(_))).expect("a command");
        assert!(life.iter().all(|envelope| envelope.sent_at >= first.0), "it began with its command");
        let count = |namespace: &'static str| {
            let show = Show { namespace: Some(namespace.into()), ..Show::default() };
            shown(&show).iter().filter(|envelope| namespace_of(envelope, trace).is_some_and(|have| have == namespace)).count()
        };
        let of = |namespace: &str| {
            all.iter().filter(|envelope| namespace_of(envelope, trace).is_some_and(|have| have == namespace)).count()
        };
        for namespace in ["default", "kube-system"] {
            assert_eq!(count(namespace), of(namespace));
            assert!(of(namespace) > 20, "{namespace}: {}", of(namespace));
        }
        let only = shown(&Show { namespace: Some("default".into()), ..Show::default() });
        assert!(only.len() < all.len() - of("kube-system") + 1);
    }
}

//! What event handlers act on: the caches, the queues, the event recorders.

use crate::core::collections::PMap;

use super::reconcile::QueueId;
use super::table::{COMPONENTS, QUEUES};
use super::view::View;
use crate::client::{EventRecorder, WorkQueue};
use crate::core::{Addr, Cause, Controller, Duration, Envelope, Outbox, Part, TimerKey};
use crate::value::{Text, Value};

/// The queues in the order of [`QUEUES`].
#[derive(Clone, Debug)]
pub(super) struct Queues(Vec<WorkQueue>);

impl Queues {
    pub(super) fn new() -> Self {
        Self(QUEUES.iter().map(|row| WorkQueue::with_backoff(row.timer, row.backoff, Duration::s(1000))).collect())
    }

    pub(super) fn get(&mut self, id: QueueId) -> &mut WorkQueue {
        &mut self.0[id as usize]
    }

    /// The queues of a controller, all of them for the manager itself.
    pub(super) fn of(&self, controller: Controller) -> impl Iterator<Item = &WorkQueue> {
        let own = move |account: Controller| controller == Controller::Manager || account == controller;
        self.all().filter(move |(account, _)| own(*account)).map(|(_, queue)| queue)
    }

    /// All queues, with whose they are.
    pub(super) fn all(&self) -> impl Iterator<Item = (Controller, &WorkQueue)> {
        QUEUES.iter().map(|row| row.account).zip(&self.0)
    }

    /// Handles a timer; says whether it was of one of the queues.
    pub(super) fn on_timer(&mut self, timer: &TimerKey, out: &Outbox<'_>) -> bool {
        self.0.iter_mut().any(|queue| queue.on_timer(timer, out))
    }
}

/// An event that waits for the end of the present step, so that it is sent after the requests of those who recorded it.
#[derive(Clone, Debug)]
struct Deferred {
    component: &'static str,
    reference: Value,
    kind: &'static str,
    reason: &'static str,
    message: Text,
    cause: Cause,
    background: bool,
}

/// An event recorder for each component.
#[derive(Clone, Debug)]
pub(super) struct Recorders {
    recorders: PMap<&'static str, EventRecorder>,
    deferred: Vec<Deferred>,
}

impl Recorders {
    pub(super) fn new(server: Addr) -> Self {
        let recorder = |row: &super::table::Component| {
            (row.name, EventRecorder::new(server, Part::Controller(row.account), row.timer, row.name, ""))
        };
        Self { recorders: COMPONENTS.iter().map(recorder).collect(), deferred: Vec::new() }
    }

    /// Records an event at the end of the present step.
    pub(super) fn event(
        &mut self,
        component: &'static str,
        reference: &Value,
        kind: &'static str,
        reason: &'static str,
        message: impl Into<Text>,
        out: &Outbox<'_>,
    ) {
        let (cause, background) = (out.cause(), out.is_background());
        let (reference, message) = (reference.clone(), message.into());
        self.deferred.push(Deferred { component, reference, kind, reason, message, cause, background });
    }

    /// Ends the present step.
    pub(super) fn flush(&mut self, out: &mut Outbox<'_>) {
        for event in std::mem::take(&mut self.deferred) {
            out.set_cause(event.cause, event.background);
            let recorder = self.recorders.get_mut(event.component).expect("the component is in the table");
            recorder.event(&event.reference, event.kind, event.reason, event.message, out);
        }
    }

    pub(super) fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        self.recorders.values_mut().any(|recorder| recorder.on_message(envelope, out))
    }

    pub(super) fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) -> bool {
        self.recorders.values_mut().any(|recorder| recorder.on_timer(timer, out))
    }
}

/// Everything that an event handler may change.
pub(super) struct Context<'c, 'o> {
    /// The caches.
    pub view: &'c mut View,
    /// The queues.
    pub queues: &'c mut Queues,
    /// The event recorders.
    pub recorders: &'c mut Recorders,
    /// The outbox.
    pub out: &'c mut Outbox<'o>,
}

impl Context<'_, '_> {
    /// Puts a key into a queue.
    pub(super) fn enqueue(&mut self, queue: QueueId, key: &Text) {
        self.queues.get(queue).add(key, self.out);
    }

    /// Puts a key into a queue after a while.
    pub(super) fn enqueue_after(&mut self, queue: QueueId, key: &Text, after: Duration) {
        self.queues.get(queue).add_after(key, after, self.out);
    }

    /// Records an event.
    pub(super) fn event(
        &mut self,
        component: &'static str,
        reference: &Value,
        kind: &'static str,
        reason: &'static str,
        message: impl Into<Text>,
    ) {
        self.recorders.event(component, reference, kind, reason, message, self.out);
    }
}

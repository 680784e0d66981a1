//! How a controller works on one key: the frame of every `sync`.
//!
//! As upstream: event handlers put keys into a queue, workers take them out, `sync(key)` reads the informers' caches, sends
//! requests and decides from the answers; an error puts the key back after a while. A sync here is straight-line code that is
//! run again from its beginning when an answer has come (as in [`crate::flow`]): every stretch of it sees
//! the caches as they were when it was first reached ([`Stage`]) and finds the earlier answers. What it does to the world is noted as numbered [`Act`]s, and only those
//! beyond the ones already done are carried out.

use crate::core::{Duration, Request, Time};
use crate::flow::RequestError;
use crate::value::{Text, Value};

use super::expectations::Ledger;
use super::view::View;

/// Why a sync does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// An answer is missing.
    Pending,
    /// It failed: its key comes back after a back-off.
    Retry,
    /// It failed for good: trying again would be of no use.
    GiveUp,
}

/// A step of a sync.
pub(super) type Step<T> = Result<T, Stop>;

/// The answer to a request.
pub(super) type Answer = Result<Value, RequestError>;

/// A queue of the controller manager; the order is that in which free workers are given work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueId {
    Deployment,
    ReplicaSet,
    DaemonSet,
    Ttl,
    NodeCidr,
    NodeTaints,
    NodeHealth,
    NodeNoExecute,
    TaintEviction,
    Endpoint,
    EndpointSlice,
    Disruption,
    Namespace,
    GarbageDelete,
    GarbageOrphan,
    ServiceAccount,
    RootCa,
    PodGc,
}

/// What happens at once when a request's answer arrives, before the sync goes on: upstream's parallel workers act by themselves.
#[derive(Clone, Debug)]
pub(super) enum Hook {
    /// Nothing.
    None,
    /// A pod was to be created: an event says what came of it.
    PodCreated {
        /// Reference to the controller.
        owner: Value,
    },
    /// A pod was to be deleted: an event says what came of it, and a failure lowers the expectation.
    PodDeleted {
        /// Whose expectations.
        ledger: Ledger,
        /// The controller's key.
        key: Text,
        /// Reference to the controller.
        owner: Value,
        /// The pod's key.
        pod: Text,
    },
}

/// What a sync does besides sending requests.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Records an event.
    Event {
        /// Reference to the object.
        reference: Value,
        /// `Normal` or `Warning`.
        kind: &'static str,
        /// Such as `ScalingReplicaSet`.
        reason: &'static str,
        /// Text.
        message: Text,
    },
    /// Notes that so many creations and the deletions of these pods will be seen.
    Expect(Ledger, Text, usize, Vec<Text>),
    /// Lowers the expected creations: they were not even tried.
    CreationsSkipped(Ledger, Text, usize),
    /// Puts the sync's own key back after a while.
    RequeueAfter(Duration),
    /// Puts another key into a queue.
    Enqueue(QueueId, Text),
    /// Notes whether all pods of a silent node have been marked not ready.
    PodsMarked(Text, bool),
    /// Puts a node into the queue of those that get a NoExecute taint.
    TaintLater(Text),
    /// Notes that an owner is known not to exist (the garbage collector's absentOwnerCache).
    OwnerAbsent(Text),
    /// Notes what the endpoints controllers have seen, for `endpoints.kubernetes.io/last-change-trigger-time`.
    TriggerSeen {
        /// Which of the two.
        queue: QueueId,
        /// The Service's key.
        service: Text,
        /// The states that the Service and its pods had.
        state: super::endpoints::TriggerState,
    },
    /// Notes that a slice (Service, name, resourceVersion) was written.
    SliceWritten(Text, Text, u64),
    /// Notes that a slice (Service, name) was deleted.
    SliceDeleted(Text, Text),
}

/// Something that a sync does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Sends a request; its answer has the next number.
    Call(Request, Hook),
    /// Anything else.
    Effect(Effect),
}

/// The caches as they were when a sync started, or went on after that many answers.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// How many answers there were.
    pub answers: usize,
    /// When.
    pub at: Time,
    /// The caches.
    pub view: View,
}

/// The world as a sync sees it during one run.
pub(super) struct Io<'a> {
    /// The caches as they were when the sync went on from here.
    pub view: &'a View,
    now: Time,
    stages: &'a [Stage],
    answers: &'a [Answer],
    calls: usize,
    acts: Vec<Act>,
}

impl<'a> Io<'a> {
    /// The world for a sync that has gone through these stages (at least one) and has got these answers.
    pub(super) fn new(stages: &'a [Stage], answers: &'a [Answer]) -> Self {
        let first = stages.first().expect("a sync has started");
        Self { view: &first.view, now: first.at, stages: &stages[1..], answers, calls: 0, acts: Vec::new() }
    }

    /// Everything done so far, from the beginning.
    pub(super) fn into_acts(self) -> Vec<Act> {
        self.acts
    }

    /// How many requests it has sent so far.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// When the sync went on from here.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// The time as `metav1.Time`.
    pub(super) fn stamp(&self) -> Text {
        self.now.rfc3339().into()
    }

    /// Sends a request and waits for its answer.
    pub(super) fn request(&mut self, request: Request) -> Step<Answer> {
        let mut answers = self.request_all(vec![(request, Hook::None)])?;
        Ok(answers.pop().expect("one request has one answer"))
    }

    /// Sends a request and waits; an error ends the sync, which is tried again later.
    pub(super) fn call(&mut self, request: Request) -> Step<Value> {
        self.request(request)?.map_err(|_| Stop::Retry)
    }

    /// Sends requests in parallel and waits for all.
    pub(super) fn request_all(&mut self, requests: Vec<(Request, Hook)>) -> Step<Vec<Answer>> {
        let from = self.calls;
        self.calls += requests.len();
        self.acts.extend(requests.into_iter().map(|(request, hook)| Act::Call(request, hook)));
        let Some(answered) = self.answers.get(from..self.calls) else { return Err(Stop::Pending) };
        while let Some((stage, rest)) = self.stages.split_first()
            && stage.answers <= self.calls
        {
            (self.view, self.now, self.stages) = (&stage.view, stage.at, rest);
        }
        Ok(answered.to_vec())
    }

    /// Does something besides sending.
    pub(super) fn act(&mut self, effect: Effect) {
        self.acts.push(Act::Effect(effect));
    }

    /// Records an event of the object of a reference.
    pub(super) fn event(&mut self, reference: &Value, kind: &'static str, reason: &'static str, message: impl Into<Text>) {
        self.act(Effect::Event { reference: reference.clone(), kind, reason, message: message.into() });
    }

    /// Puts the key back after a while, whatever comes of this sync.
    pub(super) fn requeue_after(&mut self, span: Duration) {
        self.act(Effect::RequeueAfter(span));
    }
}

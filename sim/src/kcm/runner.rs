//! The workers: they take keys out of the queues, run syncs, send their requests and bring them the answers.

use std::collections::VecDeque;
use std::rc::Rc;

use super::ControllerManager;
use super::context::Context;
use super::control::namespace_terminating;
use super::expectations::{Expectations, Ledger};
use super::reconcile::{Act, Answer, Effect, Hook, Io, QueueId, Stage, Stop};
use super::table::{QUEUES, Row};
use super::view::View;
use super::{gc, node};
use crate::client::{Queued, Throttle};
use crate::core::{Cause, Controller, Duration, Envelope, EnvelopeId, Message, Outbox, Part, Request, Time, Verb};
use crate::flow::RequestError;
use crate::value::{Text, Value};

/// The timer of requests that wait for their client's rate limit.
pub(super) const TIMER: &str = "client-rate";

/// A sync that waits for answers.
#[derive(Clone, Debug)]
pub(super) struct Running {
    queue: QueueId,
    key: Text,
    stages: Vec<Stage>,
    answers: Vec<Option<Answer>>,
    /// How many of the answers are missing.
    missing: usize,
    /// How many of its acts have been carried out.
    done: usize,
}

/// A request of a sync that has not been answered.
#[derive(Clone, Debug)]
pub(super) struct Call {
    sync: u64,
    number: usize,
    hook: Hook,
}

/// A request that waits for its turn.
#[derive(Clone, Debug)]
struct Waiting {
    due: Time,
    call: Call,
    request: Request,
    cause: Cause,
    background: bool,
}

/// A controller's connection to the api-server.
#[derive(Clone, Debug)]
pub(super) struct Client {
    throttle: Throttle,
    waiting: VecDeque<Waiting>,
}

/// How many requests a controller may send: `--kube-api-qps` a second after `--kube-api-burst` at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    qps: u64,
    burst: u64,
}

impl Rate {
    /// More a second, or at once, is taken for a typing error.
    pub(super) const MAX: u64 = 1_000_000;

    /// Reads the flags; the defaults are 20 and 30.
    pub(super) fn of(flags: &Value) -> Self {
        let number = |name: &str| flags[name].str().parse::<u64>().ok().filter(|number| (1..=Self::MAX).contains(number));
        Self { qps: number("kube-api-qps").unwrap_or(20), burst: number("kube-api-burst").unwrap_or(30) }
    }

    /// (requests a second, requests at once): upstream allows some controllers more.
    fn of_account(self, account: Controller) -> (u64, u64) {
        match account {
            Controller::Namespace => (self.qps * 20, self.burst * 100),
            Controller::GarbageCollector => (self.qps * 2, self.burst),
            _ => (self.qps, self.burst),
        }
    }
}

fn row(queue: QueueId) -> &'static Row {
    &QUEUES[queue as usize]
}

impl ControllerManager {
    /// Gives work to free workers.
    pub(super) fn work(&mut self, out: &mut Outbox<'_>) {
        loop {
            let mut idle = true;
            for row in &QUEUES {
                while self.queues.get(row.id).in_progress() < row.workers
                    && let Some(queued) = self.queues.get(row.id).take()
                {
                    idle = false;
                    self.begin(row.id, queued, out);
                }
            }
            // A sync that needs no request may have put keys into queues that were looked at before.
            if idle {
                return;
            }
        }
    }

    fn begin(&mut self, queue: QueueId, queued: Queued, out: &mut Outbox<'_>) {
        out.set_cause(queued.cause, queued.background);
        let number = self.next_sync;
        self.next_sync += 1;
        let running = Running { queue, key: queued.key, stages: Vec::new(), answers: Vec::new(), missing: 0, done: 0 };
        self.run(number, running, out);
    }

    /// Runs a sync as far as its answers go.
    fn run(&mut self, number: u64, mut running: Running, out: &mut Outbox<'_>) {
        running.stages.push(Stage { answers: running.answers.len(), at: out.now(), view: self.view.clone() });
        let answers: Vec<Answer> = running.answers.iter().flatten().cloned().collect();
        let mut io = Io::new(&running.stages, &answers);
        let result = (row(running.queue).sync)(&mut io, &running.key);
        let acts = io.into_acts();
        let first_new = std::mem::replace(&mut running.done, acts.len());
        debug_assert!(first_new <= acts.len(), "a sync repeats what it did before");
        for act in acts.into_iter().skip(first_new) {
            match act {
                Act::Call(request, hook) => {
                    let call = Call { sync: number, number: running.answers.len(), hook };
                    running.answers.push(None);
                    running.missing += 1;
                    self.ask(row(running.queue).account, request, call, out);
                }
                Act::Effect(effect) => self.carry_out(running.queue, &running.key, effect, out),
            }
        }
        match result {
            Err(Stop::Pending) => {
                assert!(running.missing > 0, "a pending sync of {:?} waits for nothing", running.queue);
                self.syncs.insert(number, running);
            }
            result => self.finish(&running, result.is_err_and(|stop| stop == Stop::Retry), out),
        }
    }

    fn finish(&mut self, running: &Running, retry: bool, out: &mut Outbox<'_>) {
        let row = row(running.queue);
        let queue = self.queues.get(running.queue);
        queue.done(&running.key);
        if retry && queue.failures(&running.key) < row.max_retries {
            queue.add_rate_limited(running.key.clone(), out);
        } else {
            queue.forget(&running.key);
        }
    }

    fn ask(&mut self, account: Controller, request: Request, call: Call, out: &mut Outbox<'_>) {
        let now = out.now();
        let client = self.clients.entry(account).or_insert_with(|| {
            let (qps, burst) = self.rate.of_account(account);
            Client { throttle: Throttle::new(qps, burst), waiting: VecDeque::new() }
        });
        let wait = client.throttle.reserve(now);
        if wait == Duration::ZERO && client.waiting.is_empty() {
            self.send(account, request, call, out);
        } else {
            let (cause, background) = (out.cause(), out.is_background());
            client.waiting.push_back(Waiting { due: now + wait, call, request, cause, background });
            out.timer(wait, TIMER, account.name(), 0);
        }
    }

    /// Sends the requests whose time has come.
    pub(super) fn send_waiting(&mut self, account: &str, out: &mut Outbox<'_>) {
        let Some(account) = Controller::ALL.into_iter().find(|have| have.name() == account) else { return };
        let now = out.now();
        while let Some(client) = self.clients.get_mut(&account)
            && client.waiting.front().is_some_and(|waiting| waiting.due <= now)
            && let Some(waiting) = client.waiting.pop_front()
        {
            out.set_cause(waiting.cause, waiting.background);
            self.send(account, waiting.request, waiting.call, out);
        }
    }

    fn send(&mut self, account: Controller, request: Request, call: Call, out: &mut Outbox<'_>) {
        let me = out.me().part;
        let background = out.is_background();
        // Whatever led to it: a write is something that happens.
        if !matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) {
            out.set_background(false);
        }
        out.send_as(Part::Controller(account));
        let thinking = Duration::us(self.rng.between(60, 160));
        let id = out.send_after(thinking, self.server, Message::Request(Rc::new(request)));
        out.send_as(me);
        out.set_background(background);
        self.calls.insert(id, call);
    }

    /// Takes in an answer; says whether it was for a sync.
    pub(super) fn on_answer(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        let (to, answer): (EnvelopeId, Answer) = match &envelope.message {
            Message::Response(response) if response.ok() => (response.to, Ok(response.body.clone())),
            Message::Response(response) => (response.to, Err(RequestError::Status(Rc::clone(response)))),
            Message::Failure(failure) => (failure.to, Err(RequestError::Connection(failure.kind))),
            _ => return false,
        };
        let Some(call) = self.calls.remove(&to) else { return false };
        let Some(mut running) = self.syncs.remove(&call.sync) else { return true };
        self.on_hook(running.queue, &call.hook, &answer, out);
        running.answers[call.number] = Some(answer);
        running.missing -= 1;
        if running.missing == 0 {
            self.run(call.sync, running, out);
        } else {
            self.syncs.insert(call.sync, running);
        }
        true
    }

    fn on_hook(&mut self, queue: QueueId, hook: &Hook, answer: &Answer, out: &mut Outbox<'_>) {
        let component = row(queue).component;
        let mut event = |owner, kind, reason, message: String| self.recorders.event(component, owner, kind, reason, message, out);
        match (hook, answer) {
            (Hook::None, _) => {}
            (Hook::PodCreated { owner }, Ok(pod)) => {
                event(owner, "Normal", "SuccessfulCreate", format!("Created pod: {}", pod.name()));
            }
            (Hook::PodCreated { .. }, Err(error)) if namespace_terminating(error) => {}
            (Hook::PodCreated { owner }, Err(error)) => {
                event(owner, "Warning", "FailedCreate", format!("Error creating: {error}"));
            }
            (Hook::PodDeleted { owner, pod, .. }, Ok(_)) => {
                let name = pod.rsplit('/').next().unwrap_or(pod);
                event(owner, "Normal", "SuccessfulDelete", format!("Deleted pod: {name}"));
            }
            (Hook::PodDeleted { ledger, key, owner, pod }, Err(error)) => {
                if error.code() != 404 {
                    event(owner, "Warning", "FailedDelete", format!("Error deleting: {error}"));
                }
                expectations(&mut self.view, *ledger).deletion_observed(key, pod);
            }
        }
    }

    fn carry_out(&mut self, queue: QueueId, key: &Text, effect: Effect, out: &mut Outbox<'_>) {
        let now = out.now();
        let context = &mut Context { view: &mut self.view, queues: &mut self.queues, recorders: &mut self.recorders, out };
        match effect {
            Effect::Event { reference, kind, reason, message } => {
                context.event(row(queue).component, &reference, kind, reason, message);
            }
            Effect::Expect(ledger, key, creations, deletions) => {
                expectations(context.view, ledger).expect(&key, creations, deletions, now);
            }
            Effect::CreationsSkipped(ledger, key, count) => {
                expectations(context.view, ledger).creations_observed(&key, count);
            }
            Effect::RequeueAfter(span) => context.enqueue_after(queue, key, span),
            Effect::Enqueue(queue, key) => context.enqueue(queue, &key),
            Effect::PodsMarked(node, all) => {
                if all {
                    context.view.nodes.unmarked.remove(node.as_str());
                } else {
                    context.view.nodes.unmarked.insert(node);
                }
            }
            Effect::TaintLater(node) => node::health::taint_later(context, &node),
            Effect::OwnerAbsent(uid) => gc::on_absent(context, &uid),
            Effect::TriggerSeen { queue, service, state } => context.view.triggers.note(queue, service, state),
            Effect::SliceWritten(service, slice, version) => context.view.triggers.note_written(&service, slice, version),
            Effect::SliceDeleted(service, slice) => context.view.triggers.forget_written(&service, &slice),
        }
    }
}

fn expectations(view: &mut View, ledger: Ledger) -> &mut Expectations {
    match ledger {
        Ledger::ReplicaSet => &mut view.replica_set_expectations,
        Ledger::DaemonSet => &mut view.daemon_set_expectations,
    }
}

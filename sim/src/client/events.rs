//! Events, after client-go's `tools/record` (core/v1, for kubelet and controllers) and `tools/events` (events.k8s.io/v1, for the scheduler).
//!
//! Recording does not wait: an event is queued, and a broadcaster sends it; core/v1 events one after the other. Its messages
//! name as their cause what the component was doing when it recorded the event.

use crate::core::collections::PMap;
use std::collections::VecDeque;
use std::rc::Rc;

use super::event_correlator::{Correlator, Verdict};
use super::recent::Recent;
use crate::api::resource::{EVENTS, EVENTS_K8S_IO};
use crate::core::{Addr, Cause, Duration, Envelope, EnvelopeId, Message, Outbox, Part, Request, Time, TimerKey};
use crate::value;
use crate::value::{Text, Value};

/// How long it takes from recording an event to sending it, when nothing is in the way.
const HAND_OVER: Duration = Duration::us(300);
/// client-go's sleep after a failed connection, and how often it tries.
const RETRY_AFTER: Duration = Duration::s(10);
const MAX_TRIES: u32 = 12;
/// An event of events.k8s.io that happens again within this time becomes a series.
const SERIES_WITHIN: Duration = Duration::s(360);
/// Upstream forgets single events after [`SERIES_WITHIN`] only; so many are enough for any burst.
const SERIES_MEMORY: usize = 16_384;

/// The reference to an object that goes into an event's `involvedObject`, with its resourceVersion (`k8s.io/client-go/tools/reference`).
pub fn object_reference(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut reference = value!({"kind": &object["kind"], "apiVersion": &object["apiVersion"]});
    for field in ["namespace", "name", "uid", "resourceVersion"] {
        if !metadata[field].is_empty() {
            reference.map_mut().insert(field, metadata[field].clone());
        }
    }
    reference
}

/// The reference to a part of an object, such as `spec.containers{nginx}`.
pub fn object_part_reference(object: &Value, field_path: impl Into<Text>) -> Value {
    let mut reference = object_reference(object);
    reference.set("fieldPath", field_path.into());
    reference
}

#[derive(Clone, Debug)]
struct Pending {
    request: Request,
    /// What to create when the event to be patched is gone.
    instead: Option<Value>,
    cause: Cause,
    background: bool,
    tries: u32,
}

/// Sends queued requests, at most `width` at a time.
#[derive(Clone, Debug)]
struct Broadcaster {
    server: Addr,
    part: Part,
    /// Names the retry timer; unique within the component.
    name: &'static str,
    width: usize,
    queue: VecDeque<Pending>,
    in_flight: PMap<EnvelopeId, Pending>,
    /// Whether the timer after a failed connection is running.
    waiting: bool,
    last_name_ns: u64,
}

impl Broadcaster {
    fn new(server: Addr, part: Part, name: &'static str, width: usize) -> Self {
        Self { server, part, name, width, queue: VecDeque::new(), in_flight: PMap::new(), waiting: false, last_name_ns: 0 }
    }

    /// `web.18ea6bf8cdd777c6`: the object's name and the nanoseconds since 1970, made unique by counting on within a microsecond.
    fn event_name(&mut self, object: &str, now: Time) -> Text {
        let ns = (now.unix_s() * 1_000_000 + now.0 % 1_000_000) * 1_000;
        self.last_name_ns = ns.max(self.last_name_ns + 1);
        Text::from(format!("{object}.{:x}", self.last_name_ns))
    }

    fn push(&mut self, request: Request, instead: Option<Value>, out: &mut Outbox<'_>) {
        let (cause, background) = (out.cause(), out.is_background());
        self.queue.push_back(Pending { request, instead, cause, background, tries: 0 });
        self.send_next(out);
    }

    fn send_next(&mut self, out: &mut Outbox<'_>) {
        while self.in_flight.len() < self.width && !self.waiting {
            let Some(pending) = self.queue.pop_front() else { return };
            let (me, cause, background, heartbeat) = (out.me().part, out.cause(), out.is_background(), out.is_heartbeat());
            out.send_as(self.part);
            out.set_cause(pending.cause, pending.background);
            let id = out.send_after(HAND_OVER, self.server, Message::Request(Rc::new(pending.request.clone())));
            self.in_flight.insert(id, pending);
            out.send_as(me);
            out.set_cause(cause, background);
            out.set_heartbeat(heartbeat);
            out.set_background(background);
        }
    }

    fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        let (to, code) = match &envelope.message {
            Message::Response(response) => (response.to, response.code),
            Message::Failure(failure) => (failure.to, 0),
            _ => return false,
        };
        let Some(mut pending) = self.in_flight.remove(&to) else { return false };
        if code == 0 {
            self.failed(pending, out);
            self.send_next(out);
            return true;
        }
        match (code, pending.instead.take()) {
            // The event to be counted was deleted or has expired.
            (404, Some(event)) => self.queue.push_front(Pending { request: Request::create(EVENTS, event), ..pending }),
            // Written, or rejected for good.
            _ => {}
        }
        self.send_next(out);
        true
    }

    /// The connection broke: it is tried again in a while, some times.
    fn failed(&mut self, pending: Pending, out: &mut Outbox<'_>) {
        if pending.tries + 1 < MAX_TRIES {
            self.queue.push_front(Pending { tries: pending.tries + 1, ..pending });
            if !self.waiting {
                self.waiting = true;
                out.tick(RETRY_AFTER, self.name, "", 0);
            }
        }
    }

    fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) -> bool {
        let mine = timer.name == self.name;
        if mine && self.waiting {
            self.waiting = false;
            self.send_next(out);
        }
        mine
    }
}

/// Records core/v1 events of one source (`record.EventRecorder`).
#[derive(Clone, Debug)]
pub struct EventRecorder {
    component: Text,
    host: Text,
    broadcaster: Broadcaster,
    correlator: Correlator,
}

impl EventRecorder {
    /// A recorder for the source `component` on `host` ("" for controllers), sending as `part`. `timer` names its retry
    /// timer and must be unique within the process.
    pub fn new(server: Addr, part: Part, timer: &'static str, component: impl Into<Text>, host: impl Into<Text>) -> Self {
        Self {
            component: component.into(),
            host: host.into(),
            broadcaster: Broadcaster::new(server, part, timer, 1),
            correlator: Correlator::default(),
        }
    }

    /// Records that something happened to the object of a reference (see [`object_reference`]). `kind` is `Normal` or `Warning`.
    pub fn event(
        &mut self,
        reference: &Value,
        kind: &'static str,
        reason: impl Into<Text>,
        message: impl Into<Text>,
        out: &mut Outbox<'_>,
    ) {
        let now = out.now();
        let namespace = match reference["namespace"].text() {
            namespace if namespace.is_empty() => Text::from("default"),
            namespace => namespace,
        };
        let name = self.broadcaster.event_name(reference["name"].str(), now);
        let stamp = now.rfc3339();
        let mut event = value!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": &namespace}, "involvedObject": reference,
            "reason": reason.into(), "message": message.into(), "source": {"component": &self.component},
            "firstTimestamp": &stamp, "lastTimestamp": &stamp, "count": 1, "type": kind, "eventTime": null,
            "reportingComponent": &self.component, "reportingInstance": &self.host,
        });
        if !self.host.is_empty() {
            event["source"]["host"] = (&self.host).into();
        }
        let fresh_name = self.broadcaster.event_name(reference["name"].str(), now);
        let (request, instead) = match self.correlator.correlate(event, fresh_name, now) {
            Verdict::Create(event) => (Request::create(EVENTS, event), None),
            Verdict::Count { event, patch } => {
                (Request::patch(EVENTS, &namespace, event["metadata"]["name"].text(), patch), Some(event))
            }
            Verdict::Drop => return,
        };
        self.broadcaster.push(request, instead, out);
    }

    /// Handles an answer; says whether it was for an event of this recorder.
    pub fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        self.broadcaster.on_message(envelope, out)
    }

    /// Handles a timer; says whether it was this recorder's.
    pub fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) -> bool {
        self.broadcaster.on_timer(timer, out)
    }

    /// Closes the connection; what was on its way is sent again.
    pub fn reconnect(&mut self, out: &mut Outbox<'_>) {
        for (id, pending) in &std::mem::take(&mut self.broadcaster.in_flight) {
            out.close(self.broadcaster.server, *id);
            self.broadcaster.failed(pending.clone(), out);
        }
    }
}

#[derive(Clone, Debug)]
struct Isomorphic {
    namespace: Text,
    name: Text,
    at: Time,
    /// 0 until it happens again.
    count: i64,
}

/// Records events.k8s.io/v1 events of one reporting controller (`events.EventRecorder`).
#[derive(Clone, Debug)]
pub struct SeriesRecorder {
    controller: Text,
    instance: Text,
    broadcaster: Broadcaster,
    cache: Recent<Isomorphic>,
}

/// What an event of events.k8s.io/v1 says.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence<'a> {
    /// `Normal` or `Warning`.
    pub kind: &'static str,
    /// Such as `Scheduled`.
    pub reason: &'static str,
    /// Such as `Binding`.
    pub action: &'static str,
    /// Human-readable text; longer than 1,024 bytes it is cut off.
    pub note: &'a str,
}

impl SeriesRecorder {
    /// A recorder for the controller `controller` (`default-scheduler`) of the instance `instance` (`default-scheduler-HOST`).
    pub fn new(server: Addr, part: Part, timer: &'static str, controller: impl Into<Text>, instance: impl Into<Text>) -> Self {
        Self {
            controller: controller.into(),
            instance: instance.into(),
            broadcaster: Broadcaster::new(server, part, timer, usize::MAX),
            cache: Recent::new(SERIES_MEMORY),
        }
    }

    /// Records an occurrence. `regarding` is a reference (see [`object_reference`]); `related` is one or null.
    pub fn event(&mut self, regarding: &Value, related: &Value, what: Occurrence<'_>, out: &mut Outbox<'_>) {
        let now = out.now();
        // The note is not part of the key: an event with another note joins the series and keeps the first note.
        let key = Text::from(format!(
            "{}/{}/{}/{}/{}",
            what.kind,
            what.action,
            what.reason,
            regarding.to_json(),
            if related.is_null() { String::new() } else { related.to_json() }
        ));
        if let Some(known) = self.cache.get(&key).filter(|known| now.since(known.at) < SERIES_WITHIN) {
            let known = Isomorphic { at: now, count: known.count.max(1) + 1, ..known.clone() };
            // Only the second occurrence is sent at once; later ones wait for the refresh every 30 minutes.
            if known.count == 2 {
                let patch = value!({"series": {"count": 2, "lastObservedTime": now.rfc3339_micro()}});
                let request = Request::patch(EVENTS_K8S_IO, &known.namespace, &known.name, patch);
                self.broadcaster.push(request, None, out);
            }
            self.cache.insert(key, known);
            return;
        }
        let namespace = match regarding["namespace"].text() {
            namespace if namespace.is_empty() => Text::from("default"),
            namespace => namespace,
        };
        let mut note = what.note;
        while note.len() > 1024 {
            let (last, _) = note.char_indices().next_back().expect("it is longer than 1,024 bytes");
            note = &note[..last];
        }
        let name = self.broadcaster.event_name(regarding["name"].str(), now);
        let mut event = value!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": &name, "namespace": &namespace},
            "eventTime": now.rfc3339_micro(), "reportingController": &self.controller, "reportingInstance": &self.instance,
            "action": what.action, "reason": what.reason, "regarding": regarding, "note": note.to_string(), "type": what.kind,
        });
        if !related.is_null() {
            event["related"] = related.clone();
        }
        self.cache.insert(key, Isomorphic { namespace, name, at: now, count: 0 });
        self.broadcaster.push(Request::create(EVENTS_K8S_IO, event), None, out);
    }

    /// Handles an answer; says whether it was for an event of this recorder.
    pub fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        self.broadcaster.on_message(envelope, out)
    }

    /// Handles a timer; says whether it was this recorder's.
    pub fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) -> bool {
        self.broadcaster.on_timer(timer, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::message::{Failure, FailureKind};
    use crate::core::{Directory, Disk, Effect, MachineId, Response};

    const ME: Addr = Addr::new(MachineId(1), Part::Kubelet);
    const SERVER: Addr = Addr::new(MachineId(1), Part::ApiServer);

    struct Bench {
        directory: Directory,
        disk: Disk,
        next: u32,
        sent: Vec<Envelope>,
        timers: usize,
    }

    impl Bench {
        fn new() -> Self {
            Self { directory: Directory::default(), disk: Disk::default(), next: 0, sent: Vec::new(), timers: 0 }
        }
        fn run(&mut self, cause: u32, handle: impl FnOnce(&mut Outbox<'_>)) {
            let mut effects = Vec::new();
            let cause = Cause::Message(EnvelopeId(cause));
            let (directory, disk) = (&self.directory, &self.disk);
            handle(&mut Outbox::new(ME, Time::ZERO, cause, (false, false), directory, disk, &mut self.next, &mut effects));
            for effect in effects {
                match effect {
                    Effect::Send(envelope) => self.sent.push((*envelope).clone()),
                    _ => self.timers += 1,
                }
            }
        }
        fn answer(&mut self, recorder: &mut EventRecorder, code: u16) {
            let to = self.sent.last().expect("something was sent").id;
            let message = match code {
                0 => Message::Failure(Rc::new(Failure { to, kind: FailureKind::Refused })),
                _ => Message::Response(Rc::new(Response { to, code, body: Value::Null })),
            };
            let envelope = Envelope { message, ..self.sent.last().expect("as above").clone() };
            self.run(999, |out| assert!(recorder.on_message(&envelope, out)));
        }
        fn last(&self) -> Request {
            let Message::Request(request) = &self.sent.last().expect("something was sent").message else { panic!("a request") };
            (**request).clone()
        }
    }

    fn pod() -> Value {
        object_part_reference(
            &value!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "nginx", "namespace": "web", "uid": "u", "resourceVersion": "7"}}),
            "spec.containers{nginx}",
        )
    }

    #[test]
    fn events_are_sent_one_after_the_other_with_their_own_causes() {
        let mut bench = Bench::new();
        let mut recorder = EventRecorder::new(SERVER, Part::Kubelet, "events", "kubelet", "kind-worker");
        bench.run(40, |out| recorder.event(&pod(), "Normal", "Pulling", "Pulling image \"nginx\"", out));
        bench.run(41, |out| recorder.event(&pod(), "Normal", "Pulled", "Pulled", out));
        assert_eq!(bench.sent.len(), 1);
        assert_eq!(
            bench.last().body.to_json(),
            r#"{"apiVersion":"v1","count":1,"eventTime":null,"firstTimestamp":"2026-01-05T09:00:00Z","involvedObject":{"apiVersion":"v1","fieldPath":"spec.containers{nginx}","kind":"Pod","name":"nginx","namespace":"web","resourceVersion":"7","uid":"u"},"kind":"Event","lastTimestamp":"2026-01-05T09:00:00Z","message":"Pulling image \"nginx\"","metadata":{"name":"nginx.1887ca1be9b3a000","namespace":"web"},"reason":"Pulling","reportingComponent":"kubelet","reportingInstance":"kind-worker","source":{"component":"kubelet","host":"kind-worker"},"type":"Normal"}"#
        );
        bench.answer(&mut recorder, 201);
        assert_eq!(bench.last().body["reason"].str(), "Pulled");
        assert_eq!(bench.sent[1].cause, Cause::Message(EnvelopeId(41)));
        bench.answer(&mut recorder, 201);
        bench.run(42, |out| recorder.event(&pod(), "Normal", "Pulling", "Pulling image \"nginx\"", out));
        assert_eq!(bench.last().path(), "/api/v1/namespaces/web/events/nginx.1887ca1be9b3a000");
        // It has expired meanwhile, and is made anew with its count.
        bench.answer(&mut recorder, 404);
        assert_eq!((bench.last().verb.method(), bench.last().body["count"].int()), ("POST", 2));
    }

    #[test]
    fn a_broken_connection_is_tried_again_later() {
        let mut bench = Bench::new();
        let mut recorder = EventRecorder::new(SERVER, Part::Kubelet, "events", "kubelet", "kind-worker");
        bench.run(1, |out| recorder.event(&pod(), "Normal", "Killing", "Stopping container nginx", out));
        bench.answer(&mut recorder, 0);
        assert_eq!((bench.sent.len(), bench.timers), (1, 1));
        let timer = TimerKey { name: "events", key: Text::default(), number: 0 };
        bench.run(2, |out| assert!(recorder.on_timer(&timer, out)));
        assert_eq!(bench.sent.len(), 2);
        assert_eq!(bench.sent[1].cause, Cause::Message(EnvelopeId(1)));
    }

    #[test]
    fn an_isomorphic_event_becomes_a_series() {
        let mut bench = Bench::new();
        let mut recorder = SeriesRecorder::new(SERVER, Part::Scheduler, "events", "default-scheduler", "default-scheduler-kind");
        let what = Occurrence { kind: "Warning", reason: "FailedScheduling", action: "Scheduling", note: "0/4 nodes" };
        for _ in 0..3 {
            bench.run(1, |out| recorder.event(&pod(), &Value::Null, what, out));
        }
        assert_eq!(bench.sent.len(), 2);
        assert_eq!(bench.last().body.to_json(), r#"{"series":{"count":2,"lastObservedTime":"2026-01-05T09:00:00.000000Z"}}"#);
    }
}

//! The api-server's way to etcd: which member it asks, and what becomes of requests that etcd does not answer (reference: `ha-etcd`).
//!
//! As etcd's `client/v3` does it, in `retry_interceptor.go`. Where nobody listens, a request waits until somebody does. A read is asked
//! again, whatever went wrong. A write is asked again only when no member can have taken it: when none had a leader to propose it to; if
//! it may have happened, the client is told so, for a second one would fail on the outcome of the first. All of it ends with the
//! api-server's own time for the client's request: 34 s for writes, 60 s for reads.

use super::{ApiServer, Client, Pending, Stage};
use crate::api::ApiError;
use crate::core::collections::PMap;
use crate::core::message::{Failure, FailureKind};
use crate::core::{Addr, Duration, EnvelopeId, MachineId, Message, Outbox, Part, Request, Time, Verb};
use crate::etcd::{DROPPED, LEADER_FAILED, TIMED_OUT};
use crate::value::{Text, Value};

/// A write's time, as kube-apiserver's create and update handlers give it.
const WRITE_TIME: Duration = Duration::s(34);
/// A read's: `--request-timeout`.
const READ_TIME: Duration = Duration::s(60);
/// Between two attempts.
const RETRY: Duration = Duration::s(1);
/// After such an error the recorded api-server took another 20 s before it answered.
const AFTER_LEADER_FAILURE: Duration = Duration::s(20);
/// What gRPC says of a call whose connection was closed, or of which nothing more was heard.
const CONNECTION_LOST: &str = "rpc error: code = Unavailable desc = error reading from server: EOF";
const CONNECTION_SILENT: &str = "rpc error: code = Unavailable desc = keepalive ping failed to receive ACK within timeout";

/// A client of etcd.
#[derive(Clone, Debug)]
pub(super) struct EtcdClient {
    endpoints: Vec<Addr>,
    current: usize,
    /// Whether the last attempt found nobody.
    broken: bool,
    /// When the next sweep is due.
    sweep_at: Option<Time>,
    /// Requests between two attempts.
    waiting: PMap<EnvelopeId, Pending>,
    /// Requests that failed and are answered later.
    failed: PMap<EnvelopeId, (Client, &'static str)>,
}

impl EtcdClient {
    /// Of the members on these machines (numbers); without any, of its own machine's.
    pub(super) fn new(machines: &Value, own: MachineId) -> Self {
        let given = machines.items().iter().filter_map(Value::as_int).chain(machines.as_int());
        let mut endpoints: Vec<Addr> = given.map(|machine| Addr::new(MachineId(machine as u16), Part::Etcd)).collect();
        if endpoints.is_empty() {
            endpoints.push(Addr::new(own, Part::Etcd));
        }
        // Every server begins with another member, so that they share the work.
        let current = usize::from(own.0) % endpoints.len();
        Self { endpoints, current, broken: false, sweep_at: None, waiting: PMap::new(), failed: PMap::new() }
    }

    /// The member that is asked now.
    pub(super) fn addr(&self) -> Addr {
        self.endpoints[self.current]
    }

    /// Whether the last attempt found nobody.
    pub(super) fn is_unreachable(&self) -> bool {
        self.broken
    }

    pub(super) fn answered(&mut self) {
        self.broken = false;
    }

    /// Nobody listens there: the next member is asked, unless another one is asked already.
    pub(super) fn unreachable(&mut self, member: Addr) {
        if member == self.addr() {
            self.broken = true;
            self.current = (self.current + 1) % self.endpoints.len();
        }
    }

    /// Notes that the time of a request ends at `end`; says whether that is earlier than the next sweep.
    fn brings_forward(&mut self, end: Time) -> bool {
        let earlier = self.sweep_at.is_none_or(|at| end < at);
        if earlier {
            self.sweep_at = Some(end);
        }
        earlier
    }

    /// Makes sure that there is a sweep when the time of a request ends.
    pub(super) fn expect_sweep(&mut self, end: Time, out: &mut Outbox<'_>) {
        if self.brings_forward(end) {
            out.tick(end.since(out.now()), "etcd-sweep", Text::default(), 0);
        }
    }
}

impl Pending {
    /// When the time of the client's request ends.
    pub(super) fn end(&self) -> Time {
        end(self.client.since, &self.request)
    }

    /// Whether etcd was asked to change something for a client, who must be told if nobody knows whether it has happened. What the server
    /// does for itself it does again.
    fn is_clients_write(&self) -> bool {
        let read = matches!(self.stage, Stage::Get | Stage::ListRevision | Stage::Read { .. } | Stage::Sync(_));
        !read && self.client.peer.is_some()
    }
}

/// How long a client waits at most for a request.
fn time_for(request: &Request) -> Duration {
    if matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) { READ_TIME } else { WRITE_TIME }
}

/// When the time of a request ends that came at `since`.
pub(super) fn end(since: Time, request: &Request) -> Time {
    since + time_for(request)
}

impl ApiServer {
    /// Etcd has answered with an error.
    pub(super) fn on_etcd_error(&mut self, pending: Pending, asked: EnvelopeId, error: &'static str, out: &mut Outbox<'_>) {
        match error {
            LEADER_FAILED if pending.is_clients_write() => {
                self.etcd.failed.insert(asked, (pending.client, error));
                out.timer(AFTER_LEADER_FAILURE, "etcd-error", Text::default(), u64::from(asked.0));
            }
            // It was proposed, and may be committed yet; or was dropped, which etcd's client does not take for a reason to try again.
            TIMED_OUT | DROPPED if pending.is_clients_write() => self.fail(&pending, error, out),
            _ => self.ask_again(asked, pending, out),
        }
    }

    /// Etcd has not answered at all.
    pub(super) fn on_etcd_failure(&mut self, pending: Pending, failure: &Failure, out: &mut Outbox<'_>) {
        match failure.kind {
            FailureKind::Reset if pending.is_clients_write() => self.fail(&pending, CONNECTION_LOST, out),
            FailureKind::Timeout if pending.is_clients_write() => self.fail(&pending, CONNECTION_SILENT, out),
            _ => self.ask_again(failure.to, pending, out),
        }
    }

    /// Answers with etcd's error, or its client's.
    fn fail(&mut self, pending: &Pending, error: &'static str, out: &mut Outbox<'_>) {
        self.answer(&pending.client, Err(ApiError::new(500, "", error)), out);
    }

    /// Asks again in a while; `asked` is the attempt that failed.
    pub(super) fn ask_again(&mut self, asked: EnvelopeId, pending: Pending, out: &mut Outbox<'_>) {
        if let Stage::Sync(resource) = pending.stage {
            return out.timer(Duration::ms(500), "sync", resource.group_resource(), 0);
        }
        self.etcd.waiting.insert(asked, pending);
        out.tick(RETRY, "etcd-retry", Text::default(), u64::from(asked.0));
    }

    pub(super) fn retry(&mut self, asked: EnvelopeId, out: &mut Outbox<'_>) {
        let Some(pending) = self.etcd.waiting.remove(&asked) else { return };
        let id = out.send(self.etcd.addr(), Message::EtcdRequest(std::rc::Rc::clone(&pending.asked)));
        self.pending.insert(id, pending);
    }

    pub(super) fn give_up(&mut self, asked: EnvelopeId, out: &mut Outbox<'_>) {
        if let Some((client, error)) = self.etcd.failed.remove(&asked) {
            self.answer(&client, Err(ApiError::new(500, "", error)), out);
            self.after_loopback(&client, out);
        }
    }

    /// Answers the requests whose time is over.
    pub(super) fn sweep(&mut self, out: &mut Outbox<'_>) {
        let now = out.now();
        if self.etcd.sweep_at != Some(now) {
            // An earlier one has been set meanwhile, and has set the next.
            return;
        }
        self.etcd.sweep_at = None;
        let mut gone: Vec<(Client, std::rc::Rc<Request>)> = Vec::new();
        for map in [&mut self.pending, &mut self.etcd.waiting] {
            let late = |pending: &Pending| !matches!(pending.stage, Stage::Sync(_)) && pending.end() <= now;
            let ids: Vec<EnvelopeId> = map.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| *id).collect();
            gone.extend(ids.iter().filter_map(|id| map.remove(id)).map(|pending| (pending.client, pending.request)));
        }
        self.waiting_lists.retain(|(_, client, request)| {
            let late = end(client.since, request) <= now;
            if late {
                gone.push((client.clone(), std::rc::Rc::clone(request)));
            }
            !late
        });
        self.held.retain(|envelope| {
            let Message::Request(request) = &envelope.message else { return false };
            let late = end(envelope.due_at, request) <= now;
            if late {
                gone.push((Client::of(envelope), std::rc::Rc::clone(request)));
            }
            !late
        });
        for (client, request) in gone {
            self.answer(&client, Err(timed_out(&request)), out);
            self.after_loopback(&client, out);
        }
        let waiting = self.pending.values().chain(self.etcd.waiting.values());
        let asked = waiting.filter(|pending| !matches!(pending.stage, Stage::Sync(_))).map(Pending::end);
        let lists = self.waiting_lists.iter().map(|(_, client, request)| end(client.since, request));
        let held = self.held.iter().filter_map(|envelope| match &envelope.message {
            Message::Request(request) => Some(end(envelope.due_at, request)),
            _ => None,
        });
        if let Some(next) = asked.chain(lists).chain(held).min() {
            self.etcd.expect_sweep(next, out);
        }
    }
}

fn timed_out(request: &Request) -> ApiError {
    let resource = request.resource.map(|resource| resource.group_resource()).unwrap_or_default();
    let message = if time_for(request) == READ_TIME {
        let what = if request.name.is_empty() { resource } else { format!("{resource} {}", request.name) };
        format!(
            "the server was unable to return a response in the time allotted, but may still be processing the request (get {what})"
        )
    } else {
        "Timeout: request did not complete within requested timeout - context deadline exceeded".to_string()
    };
    ApiError::new(504, "Timeout", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_after_a_read_brings_the_sweep_forward() {
        let mut etcd = EtcdClient::new(&Value::Null, MachineId(1));
        let second = |at: u64| Time::ZERO + Duration::s(at);
        assert!(etcd.brings_forward(second(60)));
        assert!(etcd.brings_forward(second(35)), "the read's end is later than the write's");
        assert!(!etcd.brings_forward(second(60)) && !etcd.brings_forward(second(35)));
        assert_eq!(etcd.sweep_at, Some(second(35)));
    }
}

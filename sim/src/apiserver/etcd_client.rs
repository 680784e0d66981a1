//! The api-server's way to etcd: which member it asks, and what becomes of requests that etcd does not answer (reference: `ha-etcd`).
//!
//! Etcd gives a request up after 7 s. The api-server asks again until its own time for the client's request is over: 34 s for writes, 60 s
//! for reads. Only a write that was lost with etcd's leader is answered with etcd's error: nobody knows whether it happened.

use super::{ApiServer, Client, Pending, Stage};
use crate::api::ApiError;
use crate::core::collections::PMap;
use crate::core::{Addr, Duration, EnvelopeId, MachineId, Message, Outbox, Part, Request, Time, Verb};
use crate::value::{Text, Value};

/// A write's time, as kube-apiserver's create and update handlers give it.
const WRITE_TIME: Duration = Duration::s(34);
/// A read's: `--request-timeout`.
const READ_TIME: Duration = Duration::s(60);
/// Between two attempts.
const RETRY: Duration = Duration::s(1);
/// After such an error the recorded api-server took another 20 s before it answered.
const AFTER_LEADER_FAILURE: Duration = Duration::s(20);
const LEADER_FAILURE: &str = "possibly due to previous leader failure";

/// A client of etcd.
#[derive(Clone, Debug)]
pub(super) struct EtcdClient {
    endpoints: Vec<Addr>,
    current: usize,
    /// Whether the last attempt found nobody.
    broken: bool,
    sweeping: bool,
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
        Self { endpoints, current, broken: false, sweeping: false, waiting: PMap::new(), failed: PMap::new() }
    }

    /// The member that is asked now.
    pub(super) fn addr(&self) -> Addr {
        self.endpoints[self.current]
    }

    /// Whether somebody listens.
    pub(super) fn is_connected(&self) -> bool {
        !self.broken
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

    pub(super) fn expect_sweep(&mut self, out: &mut Outbox<'_>) {
        if !self.sweeping {
            self.sweeping = true;
            out.tick(WRITE_TIME, "etcd-sweep", Text::default(), 0);
        }
    }
}

/// How long a client waits at most for a request.
fn time_for(request: &Request) -> Duration {
    if matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) { READ_TIME } else { WRITE_TIME }
}

impl ApiServer {
    /// Etcd has answered with an error.
    pub(super) fn on_etcd_error(&mut self, pending: Pending, asked: EnvelopeId, error: &'static str, out: &mut Outbox<'_>) {
        let write = matches!(
            pending.stage,
            Stage::Create { .. } | Stage::Write { .. } | Stage::Mark { .. } | Stage::Spend { .. } | Stage::Delete { .. }
        );
        if write && error.ends_with(LEADER_FAILURE) {
            self.etcd.failed.insert(asked, (pending.client, error));
            out.timer(AFTER_LEADER_FAILURE, "etcd-error", Text::default(), u64::from(asked.0));
        } else {
            self.ask_again(asked, pending, out);
        }
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
        self.etcd.sweeping = false;
        let now = out.now();
        let late = |pending: &Pending| {
            !matches!(pending.stage, Stage::Sync(_)) && now.since(pending.since) >= time_for(&pending.request)
        };
        let mut gone = Vec::new();
        for map in [&mut self.pending, &mut self.etcd.waiting] {
            let ids: Vec<EnvelopeId> = map.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| *id).collect();
            gone.extend(ids.iter().filter_map(|id| map.remove(id)));
        }
        for pending in gone {
            let error = timed_out(&pending.request);
            self.answer(&pending.client, Err(error), out);
            self.after_loopback(&pending.client, out);
        }
        let end = |pending: &Pending| pending.since + time_for(&pending.request);
        let waiting = self.pending.values().chain(self.etcd.waiting.values());
        let next: Option<Time> = waiting.filter(|pending| !matches!(pending.stage, Stage::Sync(_))).map(end).min();
        if let Some(next) = next {
            self.etcd.sweeping = true;
            out.tick(next.since(now), "etcd-sweep", Text::default(), 0);
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

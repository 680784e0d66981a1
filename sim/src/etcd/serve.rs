//! What clients ask of a member: reads, writes, watches.

use std::rc::Rc;

use super::member::Etcd;
use super::raft::Payload;
use super::{Command, EtcdEvent, EtcdRequest, EtcdResponse, EtcdWatch, KeyValue, What};
use crate::core::{Addr, Duration, Envelope, EnvelopeId, Message, Outbox, Time, TimerKey};
use crate::value::{Text, Value};

/// How long a request may take: 5 s, and two election timeouts (`ServerConfig.ReqTimeout`).
const REQUEST_TIMEOUT: Duration = Duration::s(7);
/// How often a read asks the leader again for its index (`readIndexRetryTime`).
const READ_RETRY: Duration = Duration::ms(500);
/// An election timeout.
pub(super) const ELECTION_TIMEOUT: Duration = Duration::s(1);
/// How long the leader must have been lost for requests to be blamed on it: two election timeouts.
const LEADER_FAIL_WINDOW: Duration = Duration::s(2);

/// A write was proposed, or a read waited for its index, and nothing came of it in time.
pub const TIMED_OUT: &str = "etcdserver: request timed out";
/// The same, and the leader has changed meanwhile.
pub const LEADER_FAILED: &str = "etcdserver: request timed out, possibly due to previous leader failure";
/// A write was not proposed in time, for there was no leader.
const NOT_PROPOSED: &str = "context deadline exceeded";
/// The leader is handing over (gRPC's words for `ErrProposalDropped`, which etcd has none for).
pub const DROPPED: &str = "rpc error: code = Unknown desc = raft proposal dropped";
const TRANSFER_TOO_SLOW: &str = "etcdserver: request timed out, leader transfer took too long";
const LEARNER: &str = "etcdserver: rpc not supported for learner";

/// What a write did: the change, or the key as it is.
pub(super) type Written = Result<Rc<EtcdEvent>, Option<Rc<KeyValue>>>;

/// Whom to answer, and as what.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) client: Addr,
    pub(super) call: EnvelopeId,
    flags: (bool, bool),
    since: Time,
}

/// Who watches what.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    pub(super) client: Addr,
    prefix: Text,
    /// The first revision that it has not seen.
    pub(super) from: u64,
}

/// A write of a client that is not applied yet.
#[derive(Clone, Debug)]
pub(super) struct PendingWrite {
    pub(super) asker: Asker,
    /// When it is in this member's own log for good.
    stable_at: Time,
}

/// A read that waits until this member has applied everything that was committed when it came.
#[derive(Clone, Debug)]
pub(super) struct PendingRead {
    asker: Asker,
    request: Rc<EtcdRequest>,
}

impl Etcd {
    pub(super) fn asker(envelope: &Envelope, out: &Outbox<'_>) -> Asker {
        Asker { client: envelope.from, call: envelope.id, flags: (out.is_heartbeat(), out.is_background()), since: out.now() }
    }

    pub(super) fn on_request(&mut self, envelope: &Envelope, request: &Rc<EtcdRequest>, out: &mut Outbox<'_>) {
        // Reads take 50–150 µs.
        let read = Duration(self.rng.between(50, 150));
        let asker = Self::asker(envelope, out);
        let serves = self.raft.conf().voters.contains(&self.me.id);
        match &**request {
            EtcdRequest::Admin { verb, args } => self.admin(verb, args, &asker, request, out),
            EtcdRequest::Compact { .. } if !serves => {}
            _ if !serves => self.fail(&asker, LEARNER, out),
            EtcdRequest::Range { .. } if self.is_alone() => self.answer_read(read, &asker, request, out),
            EtcdRequest::Range { .. } => {
                self.reads_queued.push(PendingRead { asker, request: Rc::clone(request) });
                self.ask_for_index(out);
                self.expect_sweep(out);
            }
            EtcdRequest::Put { .. } | EtcdRequest::Delete { .. } => self.propose_write(asker, request, out),
            EtcdRequest::Compact { .. } => {
                let command = self.command(None, What::Write(Rc::clone(request)), out);
                self.propose(Payload::Data(command), out);
            }
            EtcdRequest::Watch { prefix, from } => {
                let store = &self.state.store;
                let from = if *from == 0 { store.revision() + 1 } else { *from };
                if from < store.compacted() {
                    return self.cancel_watch(envelope.id, envelope.from, out);
                }
                let wanted = |event: &&Rc<EtcdEvent>| event.revision >= from && event.key.starts_with(prefix.as_str());
                let missed: Vec<EtcdEvent> = if from > store.revision() {
                    Vec::new()
                } else {
                    store.log().iter().filter(wanted).map(|event| (**event).clone()).collect()
                };
                let batch = EtcdWatch { stream: envelope.id, events: missed, revision: store.revision(), compact_revision: 0 };
                out.send_after(read, envelope.from, Message::EtcdWatch(Rc::new(batch)));
                self.watches.insert(envelope.id, Watcher { client: envelope.from, prefix: prefix.clone(), from });
            }
        }
    }

    pub(super) fn command(&self, call: Option<EnvelopeId>, what: What, out: &Outbox<'_>) -> Rc<Command> {
        Rc::new(Command { member: self.me.id, call, flags: (out.is_heartbeat(), out.is_background()), what })
    }

    fn propose_write(&mut self, asker: Asker, request: &Rc<EtcdRequest>, out: &mut Outbox<'_>) {
        let call = asker.call;
        let command = self.command(Some(call), What::Write(Rc::clone(request)), out);
        let alone = self.is_alone();
        // The only member applies at once, and draws the time of its fsync when it answers.
        let stable_at = if !alone && self.raft.is_leader() { out.now() + self.fsync(out.now()) } else { out.now() };
        self.writes.insert(call, PendingWrite { asker, stable_at });
        self.propose(Payload::Data(command), out);
        if !alone {
            self.expect_sweep(out);
        }
    }

    /// Remembers whom to answer when a proposal has been applied.
    pub(super) fn await_write(&mut self, asker: &Asker, out: &mut Outbox<'_>) {
        self.writes.insert(asker.call, PendingWrite { asker: asker.clone(), stable_at: out.now() });
        self.expect_sweep(out);
    }

    /// Applies a committed command; answers when it was proposed here.
    pub(super) fn apply(&mut self, command: &Rc<Command>, out: &mut Outbox<'_>) {
        let before = self.state.store.revision();
        let written = self.write(command);
        let request = match &command.what {
            What::Write(request) => request,
            What::Member(member) => {
                self.state.members.insert(member.id, Rc::clone(member));
                return;
            }
        };
        if let (EtcdRequest::Put { key, ttl: Some(ttl), .. }, Ok(change)) = (&**request, &written)
            && self.raft.is_leader()
        {
            out.tick(*ttl, "lease-expired", key.clone(), change.revision);
        }
        let pending = command.call.filter(|_| command.member == self.me.id).and_then(|call| self.writes.remove(&call));
        let delay = match &pending {
            Some(_) if self.is_alone() => self.fsync(out.now()),
            Some(pending) => pending.stable_at.since(out.now()),
            None => Duration::ZERO,
        };
        let flags = (out.is_heartbeat(), out.is_background());
        set_flags(command.flags, out);
        if let Some(pending) = pending {
            let kvs = match &written {
                Ok(_) if matches!(&**request, EtcdRequest::Delete { prefix: true, .. }) => {
                    self.changes_after(before).filter_map(|change| gone(change)).collect()
                }
                Ok(change) => self.state.store.get(&change.key).map(|kv| (**kv).clone()).into_iter().collect(),
                Err(current) => current.iter().map(|kv| (**kv).clone()).collect(),
            };
            self.respond(delay, &pending.asker, written.is_ok(), kvs, out);
        }
        if written.is_ok() {
            self.changes_after(before).for_each(|change| self.notify(change, delay, out));
        }
        set_flags(flags, out);
    }

    /// The changes since a revision, oldest first: those of one write.
    fn changes_after(&self, revision: u64) -> impl Iterator<Item = &Rc<EtcdEvent>> {
        let log = self.state.store.log();
        let count = (self.state.store.revision() - revision) as usize;
        log.iter_from(log.len() - count)
    }

    /// Begins a round of reads if none is under way: the leader is asked how far they must wait.
    pub(super) fn ask_for_index(&mut self, out: &mut Outbox<'_>) {
        if self.reads_asked.is_some() || self.reads_queued.is_empty() {
            return;
        }
        self.read_number += 1;
        self.reads_asked = Some((self.read_number, std::mem::take(&mut self.reads_queued)));
        // Without a leader the question is repeated.
        let _ = self.raft.read_index(self.read_number);
        out.tick(READ_RETRY, "read-retry", "", self.read_number);
    }

    pub(super) fn retry_read(&mut self, out: &mut Outbox<'_>) {
        if let Some((number, reads)) = &self.reads_asked
            && !reads.is_empty()
        {
            let _ = self.raft.read_index(*number);
            out.tick(READ_RETRY, "read-retry", "", *number);
        }
    }

    /// Answers the reads whose index has been applied.
    pub(super) fn advance_reads(&mut self, out: &mut Outbox<'_>) {
        for (number, index) in self.raft.take_reads() {
            if let Some((_, reads)) = self.reads_asked.take_if(|(asked, _)| *asked == number) {
                self.reads_confirmed.push_back((index, reads));
                self.ask_for_index(out);
            }
        }
        let applied = self.raft.log().applied();
        while self.reads_confirmed.front().is_some_and(|(index, _)| *index <= applied)
            && let Some((_, reads)) = self.reads_confirmed.pop_front()
        {
            for read in reads {
                let flags = (out.is_heartbeat(), out.is_background());
                set_flags(read.asker.flags, out);
                let takes = Duration(self.rng.between(50, 150));
                self.answer_read(takes, &read.asker, &read.request, out);
                set_flags(flags, out);
            }
        }
    }

    fn answer_read(&mut self, delay: Duration, asker: &Asker, request: &EtcdRequest, out: &mut Outbox<'_>) {
        let EtcdRequest::Range { key, prefix, limit } = request else { return };
        let kvs = self.range(key, *prefix, *limit);
        self.respond(delay, asker, true, kvs, out);
    }

    pub(super) fn range(&self, key: &str, prefix: bool, limit: usize) -> Vec<KeyValue> {
        if prefix {
            let limit = if limit == 0 { usize::MAX } else { limit };
            self.state.store.prefix(key).take(limit).map(|kv| (**kv).clone()).collect()
        } else {
            self.state.store.get(key).map(|kv| (**kv).clone()).into_iter().collect()
        }
    }

    fn respond(&self, delay: Duration, asker: &Asker, succeeded: bool, kvs: Vec<KeyValue>, out: &mut Outbox<'_>) {
        let revision = self.state.store.revision();
        let answer = EtcdResponse { to: asker.call, revision, succeeded, kvs, error: None, body: Value::Null };
        out.send_after(delay, asker.client, Message::EtcdResponse(Rc::new(answer)));
    }

    /// A proposal was dropped: its client is told.
    pub(super) fn drop_proposal(&mut self, payload: &Payload<Rc<Command>>, out: &mut Outbox<'_>) {
        if let Some(write) = call_of(payload).and_then(|call| self.writes.remove(&call)) {
            self.fail(&write.asker, DROPPED, out);
        }
    }

    /// Answers with an error.
    pub(super) fn fail(&self, asker: &Asker, error: &'static str, out: &mut Outbox<'_>) {
        let flags = (out.is_heartbeat(), out.is_background());
        set_flags(asker.flags, out);
        let revision = self.state.store.revision();
        let answer =
            EtcdResponse { to: asker.call, revision, succeeded: false, kvs: Vec::new(), error: Some(error), body: Value::Null };
        out.send(asker.client, Message::EtcdResponse(Rc::new(answer)));
        set_flags(flags, out);
    }

    /// Answers a call about the cluster.
    pub(super) fn tell(&self, asker: &Asker, body: Value, out: &mut Outbox<'_>) {
        let revision = self.state.store.revision();
        let answer = EtcdResponse { to: asker.call, revision, succeeded: true, kvs: Vec::new(), error: None, body };
        out.send_after(Duration::us(80), asker.client, Message::EtcdResponse(Rc::new(answer)));
    }

    pub(super) fn notify(&self, change: &Rc<EtcdEvent>, delay: Duration, out: &mut Outbox<'_>) {
        for (stream, watch) in &self.watches {
            if change.revision >= watch.from && change.key.starts_with(watch.prefix.as_str()) {
                let (events, revision) = (vec![(**change).clone()], change.revision);
                let batch = EtcdWatch { stream: *stream, events, revision, compact_revision: 0 };
                out.send_after(delay, watch.client, Message::EtcdWatch(Rc::new(batch)));
            }
        }
    }

    /// Ends a watch that asks for what was compacted.
    pub(super) fn cancel_watch(&self, stream: EnvelopeId, client: Addr, out: &mut Outbox<'_>) {
        let store = &self.state.store;
        let batch = EtcdWatch { stream, events: Vec::new(), revision: store.revision(), compact_revision: store.compacted() };
        out.send(client, Message::EtcdWatch(Rc::new(batch)));
    }

    /// A new leader gives every lease its whole time again, and that of an election (`lessor.Promote`): only the leader knew how much of it
    /// had passed.
    pub(super) fn renew_leases(&mut self, out: &mut Outbox<'_>) {
        self.promoted_at = out.now();
        for kv in self.state.store.keys() {
            if let Some(ttl) = kv.ttl {
                out.tick(ttl + ELECTION_TIMEOUT, "lease-expired", kv.key.clone(), kv.mod_revision);
            }
        }
    }

    /// An etcd lease has run out: the leader proposes that its key vanishes, and makes sure of it.
    pub(super) fn on_lease_expired(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) {
        let Some(kv) = self.state.store.get(&timer.key).filter(|kv| kv.mod_revision == timer.number) else { return };
        // A timer from before it led does not count.
        let renewed = kv.ttl.is_some_and(|ttl| out.now() < self.promoted_at + ttl);
        if renewed || !self.raft.is_leader() {
            return;
        }
        let request = EtcdRequest::Delete { key: timer.key.clone(), expected: Some(timer.number), prefix: false };
        let command = self.command(None, What::Write(Rc::new(request)), out);
        self.propose(Payload::Data(command), out);
        if !self.is_alone() {
            out.tick(Duration::s(10), "lease-expired", timer.key.clone(), timer.number);
        }
    }

    /// Makes sure that what has waited for too long is told so.
    pub(super) fn expect_sweep(&mut self, out: &mut Outbox<'_>) {
        if self.sweep_at.is_none() {
            self.sweep_at = Some(out.now() + REQUEST_TIMEOUT);
            out.tick(REQUEST_TIMEOUT, "sweep", Text::default(), 0);
        }
    }

    pub(super) fn sweep(&mut self, out: &mut Outbox<'_>) {
        self.sweep_at = None;
        let now = out.now();
        let late = |asker: &Asker| now.since(asker.since) >= REQUEST_TIMEOUT;
        let writes: Vec<EnvelopeId> = self.writes.iter().filter(|(_, write)| late(&write.asker)).map(|(call, _)| *call).collect();
        for call in writes {
            let Some(write) = self.writes.remove(&call) else { continue };
            // What waits for a leader is withdrawn; what was handed to one may still be committed.
            let waiting = self.unproposed.iter().position(|payload| call_of(payload) == Some(call));
            let error = match waiting {
                Some(at) => {
                    self.unproposed.remove(at);
                    NOT_PROPOSED
                }
                None => self.blame(write.asker.since),
            };
            self.fail(&write.asker, error, out);
        }
        let mut reads = Vec::new();
        let lists =
            self.reads_asked.iter_mut().map(|(_, reads)| reads).chain(self.reads_confirmed.iter_mut().map(|(_, reads)| reads));
        for list in lists.chain(std::iter::once(&mut self.reads_queued)) {
            let (gone, kept): (Vec<PendingRead>, Vec<PendingRead>) = list.drain(..).partition(|read| late(&read.asker));
            reads.extend(gone);
            *list = kept;
        }
        for read in reads {
            self.fail(&read.asker, TIMED_OUT, out);
        }
        let (gone, kept) = std::mem::take(&mut self.transfers).into_iter().partition(|(_, asker)| late(asker));
        self.transfers = kept;
        for (_, asker) in gone {
            self.fail(&asker, TRANSFER_TOO_SLOW, out);
        }
        if self.reads_asked.take_if(|(_, reads)| reads.is_empty()).is_some() {
            self.ask_for_index(out);
        }
        let oldest = self.writes.values().map(|write| write.asker.since);
        let reading = self.reads_asked.iter().map(|(_, reads)| reads).chain(self.reads_confirmed.iter().map(|(_, reads)| reads));
        let reading = reading.flatten().chain(&self.reads_queued).map(|read| read.asker.since);
        let transfers = self.transfers.iter().map(|(_, asker)| asker.since);
        if let Some(oldest) = oldest.chain(reading).chain(transfers).min() {
            let at = oldest + REQUEST_TIMEOUT;
            self.sweep_at = Some(at);
            out.tick(at.since(now), "sweep", Text::default(), 0);
        }
    }

    /// Why a request has failed that came at `since` (`parseProposeCtxErr`).
    fn blame(&self, since: Time) -> &'static str {
        if since <= self.elected_at && self.elected_at.since(since) <= LEADER_FAIL_WINDOW { LEADER_FAILED } else { TIMED_OUT }
    }
}

/// The client's envelope that a proposal is for.
fn call_of(payload: &Payload<Rc<Command>>) -> Option<EnvelopeId> {
    match payload {
        Payload::Data(command) | Payload::Conf(_, Some(command)) => command.call,
        Payload::Conf(_, None) | Payload::Empty => None,
    }
}

/// The key that a deletion took away, as it was.
fn gone(change: &EtcdEvent) -> Option<KeyValue> {
    let value = change.previous.clone()?;
    // Nobody asks for more of it.
    Some(KeyValue {
        key: change.key.clone(),
        mod_revision: change.previous_revision,
        create_revision: 0,
        version: 0,
        value,
        ttl: None,
    })
}

fn set_flags((heartbeat, background): (bool, bool), out: &mut Outbox<'_>) {
    out.set_heartbeat(heartbeat);
    out.set_background(background);
}

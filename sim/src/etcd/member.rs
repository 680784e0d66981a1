//! An etcd member as a component: what it proposes, what it applies, and its part in Raft (after `server/etcdserver`).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::membership::Start;
use super::raft::{self, Body, ConfChange, Durable, MemberId, NOBODY, Payload, Raft};
use super::serve::{Asker, PendingRead, PendingWrite, Watcher};
use super::{Command, EtcdRequest, Member, PeerMessage, State, Store, What};
use crate::core::collections::PMap;
use crate::core::{Addr, Component, Disk, Duration, EnvelopeId, Event, Gauge, Message, Outbox, Part, Rng, Time};
use crate::programs::Launch;
use crate::runtime::spawn::machine_of;

/// `--heartbeat-interval`
const TICK: Duration = Duration::ms(100);
/// After how many more entries the log in memory is compacted, and how many are kept for slow followers (`memorySnapshotCount`,
/// `DefaultSnapshotCatchUpEntries`).
const COMPACT_EVERY: u64 = 100;
const CATCH_UP_ENTRIES: u64 = 5_000;

/// What lies in a member's data directory: its part in Raft and its state.
#[derive(Clone, Debug)]
pub struct DataDir {
    durable: Durable<Rc<Command>>,
    /// Its state after the last applied entry.
    pub state: State,
}

/// An etcd member.
#[derive(Clone, Debug)]
pub struct Etcd {
    pub(super) me: Rc<Member>,
    pub(super) raft: Raft<Rc<Command>>,
    pub(super) state: State,
    pub(super) watches: PMap<EnvelopeId, Watcher>,
    pub(super) rng: Rng,
    /// Writes of clients that are not applied yet.
    pub(super) writes: PMap<EnvelopeId, PendingWrite>,
    /// Proposals that wait for a leader.
    pub(super) unproposed: Vec<Payload<Rc<Command>>>,
    /// Reads that wait for the next round, those of the present round with its number, and those whose index is known.
    pub(super) reads_queued: Vec<PendingRead>,
    pub(super) reads_asked: Option<(u64, Vec<PendingRead>)>,
    pub(super) reads_confirmed: VecDeque<(u64, Vec<PendingRead>)>,
    pub(super) read_number: u64,
    /// Who waits for another leader, and for which.
    pub(super) transfers: Vec<(MemberId, Asker)>,
    /// Calls that were handed on to the leader.
    pub(super) relays: PMap<EnvelopeId, (Addr, EnvelopeId)>,
    /// Whether it has told the others its name.
    published: bool,
    /// The last heartbeat, or answer to one, to each member.
    heartbeats: Vec<Rc<PeerMessage>>,
    /// When the log's last fsync ends.
    fsync_until: Time,
    /// Up to when ticks have been counted.
    ticked: Time,
    /// The tick timer that counts; others are outdated.
    tick_timer: (u64, Time),
    pub(super) sweep_at: Option<Time>,
    /// The leader it knew last, and since when it knows the present one.
    seen_lead: MemberId,
    pub(super) elected_at: Time,
    /// When it became the leader last: leases run from then on.
    pub(super) promoted_at: Time,
    /// When each other member was heard last.
    pub(super) heard: BTreeMap<MemberId, Time>,
}

impl Etcd {
    /// A member on its machine's data directory.
    pub fn start(launch: &Launch<'_>) -> Self {
        let flags = if launch.args["flags"].is_null() { &launch.spec.config["flags"] } else { &launch.args["flags"] };
        let start = Start::read(flags, launch.name, launch.ip);
        let id = start.me.id;
        let raft_rng = Rng::new(launch.seed, &format!("{}/raft", launch.purpose));
        let (raft, state) = match &launch.disk.etcd {
            Some(dir) => (Raft::restart(id, dir.durable.clone(), raft_rng), dir.state.clone()),
            None if start.joins => (Raft::join(id, raft_rng), State { store: Store::new(), members: start.members }),
            None => {
                let voter = |member: &Rc<Member>| {
                    let what = What::Member(Rc::clone(member));
                    (member.id, Some(Rc::new(Command { member: member.id, call: None, flags: (false, true), what })))
                };
                let voters: Vec<_> = start.members.values().map(voter).collect();
                (Raft::bootstrap(id, &voters, raft_rng), State { store: Store::new(), members: start.members })
            }
        };
        let mut etcd = Self {
            me: Rc::new(start.me),
            raft,
            state,
            watches: PMap::new(),
            rng: Rng::new(launch.seed, launch.purpose),
            writes: PMap::new(),
            unproposed: Vec::new(),
            reads_queued: Vec::new(),
            reads_asked: None,
            reads_confirmed: VecDeque::new(),
            read_number: 0,
            transfers: Vec::new(),
            relays: PMap::new(),
            published: false,
            heartbeats: Vec::new(),
            fsync_until: Time::ZERO,
            ticked: Time::ZERO,
            tick_timer: (0, Time::ZERO),
            sweep_at: None,
            seen_lead: NOBODY,
            elected_at: Time::ZERO,
            promoted_at: Time::ZERO,
            heard: BTreeMap::new(),
        };
        // What was committed before it stopped, and has been applied to nothing yet, changes nothing that anybody waits for.
        while let Some(entry) = etcd.raft.next_committed() {
            match entry.payload {
                Payload::Conf(change, Some(command)) => etcd.change_membership(change, &command),
                Payload::Data(command) => drop(etcd.write(&command)),
                Payload::Conf(_, None) | Payload::Empty => {}
            }
        }
        if etcd.is_alone() {
            // The only voter has nobody to ask.
            etcd.raft.campaign_now();
            while etcd.raft.next_committed().is_some() {}
        }
        etcd
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.state.store
    }
    /// Its part in Raft: role, term, log.
    pub fn raft(&self) -> &Raft<Rc<Command>> {
        &self.raft
    }
    /// Who it is.
    pub fn member(&self) -> &Member {
        &self.me
    }
    /// The members that it knows.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.state.members.values().map(Rc::as_ref)
    }

    /// Whether it is the whole cluster.
    pub(super) fn is_alone(&self) -> bool {
        let conf = self.raft.conf();
        conf.voters.len() == 1 && conf.learners.is_empty() && conf.voters.contains(&self.me.id)
    }

    /// How long the fsync of a write takes that begins now: 400–1,200 µs on an SSD. The client of a leader, or of a lone member, waits for
    /// its own write only (etcd saves whatever has come in one go); what a follower acknowledges waits for all before it.
    pub(super) fn fsync(&mut self, now: Time) -> Duration {
        let takes = Duration(self.rng.between(400, 1_200));
        self.fsync_until = self.fsync_until.max(now) + takes;
        takes
    }

    /// Counts the ticks that have passed.
    fn catch_up(&mut self, now: Time) {
        let mut passed = now.since(self.ticked).0 / TICK.0;
        self.ticked += Duration(passed * TICK.0);
        // After a longer time without any effect they are all the same.
        passed = passed.min(u64::from(2 * raft::ELECTION_TICKS));
        for _ in 0..passed {
            self.raft.tick();
        }
    }

    /// Sets the timer for the next tick that has an effect.
    fn arm(&mut self, out: &mut Outbox<'_>) {
        if self.is_alone() {
            return;
        }
        let Some(ticks) = self.raft.ticks_until_due() else { return };
        let at = self.ticked + Duration(u64::from(ticks) * TICK.0);
        // A follower's timer goes off in vain when its leader was heard meanwhile; that is cheaper than setting it anew each time.
        if self.tick_timer.1 > out.now() && self.tick_timer.1 <= at {
            return;
        }
        self.tick_timer = (self.tick_timer.0 + 1, at);
        out.tick(at.since(out.now()), "raft-tick", "", self.tick_timer.0);
    }

    fn on_peer(&mut self, message: &PeerMessage, out: &mut Outbox<'_>) {
        self.heard.insert(message.raft.from, out.now());
        let (term, last) = (self.raft.term(), self.raft.log().last_index());
        self.raft.step(message.raft.clone());
        if let Some(meta) = self.raft.take_snapshot() {
            let state = message.state.as_ref().expect("a snapshot comes with its state");
            self.install(state, out);
            debug_assert_eq!(meta.index, self.raft.log().applied());
        }
        let voted = matches!(message.raft.body, Body::Vote { .. }) && self.raft.vote() == message.raft.from;
        if self.raft.term() != term || self.raft.log().last_index() != last || voted {
            self.fsync(out.now());
        }
    }

    /// Takes over the state of a snapshot; watches are told what has changed meanwhile, and end if that was compacted.
    fn install(&mut self, state: &State, out: &mut Outbox<'_>) {
        let from = self.state.store.revision() + 1;
        self.state = state.clone();
        let compacted = self.state.store.compacted();
        let ended: Vec<_> = self
            .watches
            .iter()
            .filter(|(_, watch)| watch.from.max(from) < compacted)
            .map(|(id, watch)| (*id, watch.client))
            .collect();
        for (stream, client) in ended {
            self.watches.remove(&stream);
            self.cancel_watch(stream, client, out);
        }
        let missed: Vec<_> = self.state.store.log().iter().filter(|event| event.revision >= from).cloned().collect();
        for change in missed {
            self.notify(&change, Duration::ZERO, out);
        }
    }

    /// After every event: applies what is committed, answers, sends, and sets the timer.
    pub(super) fn advance(&mut self, out: &mut Outbox<'_>) {
        loop {
            self.watch_leader(out);
            while let Some(entry) = self.raft.next_committed() {
                match entry.payload {
                    Payload::Empty => {}
                    Payload::Data(command) => self.apply(&command, out),
                    Payload::Conf(change, Some(command)) => {
                        self.change_membership(change, &command);
                        self.answer_membership(&command, out);
                    }
                    Payload::Conf(_, None) => {}
                }
            }
            self.advance_reads(out);
            self.publish(out);
            let messages = self.raft.take_messages();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                self.send(message, out);
            }
        }
        let (applied, first) = (self.raft.log().applied(), self.raft.log().first_index());
        if applied >= first + COMPACT_EVERY + CATCH_UP_ENTRIES {
            self.raft.compact(applied - CATCH_UP_ENTRIES);
        }
        self.arm(out);
    }

    /// Notices that the leader has changed: what waits for one is proposed, and who waits for this one is told.
    fn watch_leader(&mut self, out: &mut Outbox<'_>) {
        let lead = self.raft.lead();
        if lead == self.seen_lead {
            return;
        }
        self.seen_lead = lead;
        if lead == NOBODY {
            return;
        }
        self.elected_at = out.now();
        if self.raft.is_leader() {
            self.renew_leases(out);
        }
        self.answer_transfers(out);
        for payload in std::mem::take(&mut self.unproposed) {
            self.propose(payload, out);
        }
        self.ask_for_index(out);
    }

    /// A member that was added by its address alone tells the others its name.
    fn publish(&mut self, out: &mut Outbox<'_>) {
        let nameless = self.state.members.get(&self.me.id).is_some_and(|member| member.name.is_empty());
        if nameless && !self.published && self.raft.lead() != NOBODY {
            let command = self.command(None, What::Member(Rc::clone(&self.me)), out);
            self.published = self.propose(Payload::Data(command), out);
        }
    }

    /// Proposes, as soon as there is a leader; says whether that is so. A leader that is handing over takes nothing: who wants something
    /// is told at once (`ErrProposalDropped`).
    pub(super) fn propose(&mut self, payload: Payload<Rc<Command>>, out: &mut Outbox<'_>) -> bool {
        if self.raft.propose(payload.clone()).is_ok() {
            return true;
        }
        if self.raft.lead() == NOBODY {
            self.unproposed.push(payload);
            return true;
        }
        self.drop_proposal(&payload, out);
        false
    }

    fn send(&mut self, message: raft::RaftMessage<Rc<Command>>, out: &mut Outbox<'_>) {
        let Some(member) = self.state.members.get(&message.to) else { return };
        let Some(machine) = machine_of(&member.peer_url, out.directory()) else { return };
        let state = matches!(message.body, Body::Snapshot(_)).then(|| Rc::new(self.state.clone()));
        let flags = (out.is_heartbeat(), out.is_background());
        let heartbeat = matches!(message.body, Body::Heartbeat { read: None, .. } | Body::HeartbeatResp { read: None });
        if heartbeat {
            out.set_heartbeat(true);
        }
        // Nobody says that it has an entry, or has voted, before that is on its disk.
        let delay = match message.body {
            Body::AppendResp { .. } | Body::VoteResp { .. } => self.fsync_until.since(out.now()),
            _ => Duration::ZERO,
        };
        let peer = Addr::new(machine, Part::Etcd);
        // At rest the same heartbeats go out ten times a second: they share what they carry.
        let known = self.heartbeats.iter().find(|known| heartbeat && known.raft == message).cloned();
        let carried = known.unwrap_or_else(|| Rc::new(PeerMessage { raft: message, state }));
        if heartbeat && !self.heartbeats.iter().any(|known| Rc::ptr_eq(known, &carried)) {
            self.heartbeats.retain(|known| known.raft.to != carried.raft.to);
            self.heartbeats.push(Rc::clone(&carried));
        }
        out.send_after(delay, peer, Message::Peer(carried));
        out.set_heartbeat(flags.0);
        out.set_background(flags.1);
    }

    /// Carries out a write on the state.
    pub(super) fn write(&mut self, command: &Command) -> super::serve::Written {
        let What::Write(request) = &command.what else { return Err(None) };
        match &**request {
            EtcdRequest::Put { key, expected, value, ttl } => self.state.store.write(key, *expected, Some(value.clone()), *ttl),
            EtcdRequest::Delete { key, prefix: true, .. } => {
                let keys: Vec<_> = self.state.store.prefix(key).map(|kv| kv.key.clone()).collect();
                let mut last = Err(None);
                for key in keys {
                    last = self.state.store.write(&key, None, None, None);
                }
                last
            }
            EtcdRequest::Delete { key, expected, .. } => self.state.store.write(key, *expected, None, None),
            EtcdRequest::Compact { revision } => {
                self.state.store.compact(*revision);
                Err(None)
            }
            _ => Err(None),
        }
    }

    /// Carries out a change of the membership on the state.
    fn change_membership(&mut self, change: ConfChange, command: &Command) {
        let What::Member(member) = &command.what else { return };
        match change {
            ConfChange::AddVoter(id) | ConfChange::AddLearner(id) => {
                self.state.members.insert(id, Rc::clone(member));
            }
            ConfChange::Remove(id) => {
                self.state.members.remove(&id);
            }
        }
    }
}

impl Component for Etcd {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        if self.ticked == Time::ZERO {
            self.ticked = out.now();
            // An answer to a read from before a restart must not pass for that to a new one.
            self.read_number = out.now().0;
        }
        self.catch_up(out.now());
        match event {
            Event::Message(envelope) => match &envelope.message {
                Message::EtcdRequest(request) => self.on_request(envelope, request, out),
                Message::Peer(message) => self.on_peer(message, out),
                Message::EtcdResponse(response) => self.on_relayed(response, out),
                Message::Failure(failure) => {
                    self.watches.remove(&failure.to);
                    self.on_relay_failed(failure.to, out);
                }
                _ => {}
            },
            Event::Timer(timer) => match timer.name {
                "lease-expired" => self.on_lease_expired(timer, out),
                "sweep" => self.sweep(out),
                "read-retry" if self.reads_asked.as_ref().is_some_and(|(number, _)| *number == timer.number) => {
                    self.retry_read(out);
                }
                _ => {}
            },
            _ => {}
        }
        self.advance(out);
    }

    fn persist(&self, disk: &mut Disk) {
        disk.etcd = Some(DataDir { durable: self.raft.durable(), state: self.state.clone() });
    }

    fn gauges(&self, tell: &mut dyn FnMut(Gauge, u64)) {
        tell(Gauge::Term, self.raft.term());
        tell(Gauge::Committed, self.raft.log().committed());
        tell(Gauge::Logged, self.raft.log().last_index());
    }

    crate::component_boilerplate!();
}

//! A member: its role and term, ticks, proposals, and what has been committed.

use std::collections::{BTreeMap, VecDeque};

use super::reads::PendingRead;
use super::{
    Body, Conf, ConfChange, ELECTION_TICKS, Entry, Log, MemberId, NOBODY, Payload, Progress, RaftMessage, ReadContext,
    SnapshotMeta,
};
use crate::core::Rng;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether it would be elected.
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

/// What a member must not forget: its hard state, its log, its membership.
#[derive(Clone, Debug)]
pub struct Durable<D: Clone> {
    /// The latest term it has seen.
    pub term: u64,
    /// For whom it voted in that term.
    pub vote: MemberId,
    /// Its log, with how far it is committed and applied.
    pub log: Log<D>,
    /// Who was a member after the last applied entry.
    pub conf: Conf,
}

/// A proposal or read was dropped: there is no leader, or the leader is handing over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// A member of a Raft group.
#[derive(Clone, Debug)]
pub struct Raft<D: Clone> {
    pub(super) id: MemberId,
    pub(super) term: u64,
    pub(super) vote: MemberId,
    pub(super) log: Log<D>,
    pub(super) conf: Conf,
    pub(super) role: Role,
    pub(super) lead: MemberId,
    /// Of everybody, while it leads.
    pub(super) progress: BTreeMap<MemberId, Progress>,
    pub(super) votes: BTreeMap<MemberId, bool>,
    pub(super) election_elapsed: u32,
    election_timeout: u32,
    /// To whom it is handing over.
    pub(super) transferee: MemberId,
    /// No change of the membership may be proposed before this entry is applied.
    pending_conf: u64,
    pub(super) reads: VecDeque<PendingRead>,
    /// Reads that came before the leader had committed anything in its term.
    pub(super) early_reads: Vec<ReadContext>,
    /// Own reads with their index.
    pub(super) read_states: Vec<(u64, u64)>,
    messages: Vec<RaftMessage<D>>,
    snapshot: Option<SnapshotMeta>,
    rng: Rng,
}

impl<D: Clone> Raft<D> {
    /// A member of a new group of these voters; each may bring what the host wants to remember of it.
    pub fn bootstrap(id: MemberId, voters: &[(MemberId, Option<D>)], rng: Rng) -> Self {
        let mut log = Log::default();
        for (at, (voter, context)) in voters.iter().enumerate() {
            let payload = Payload::Conf(ConfChange::AddVoter(*voter), context.clone());
            log.push(Entry { index: at as u64 + 1, term: 1, payload });
        }
        log.commit_to(voters.len() as u64);
        Self::restart(id, Durable { term: 1, vote: NOBODY, log, conf: Conf::default() }, rng)
    }

    /// A member that joins a group: it knows nothing and waits for the leader.
    pub fn join(id: MemberId, rng: Rng) -> Self {
        Self::restart(id, Durable { term: 0, vote: NOBODY, log: Log::default(), conf: Conf::default() }, rng)
    }

    /// A member with what it had kept.
    pub fn restart(id: MemberId, durable: Durable<D>, rng: Rng) -> Self {
        let mut raft = Self {
            id,
            term: durable.term,
            vote: durable.vote,
            log: durable.log,
            conf: durable.conf,
            role: Role::Follower,
            lead: NOBODY,
            progress: BTreeMap::new(),
            votes: BTreeMap::new(),
            election_elapsed: 0,
            election_timeout: 0,
            transferee: NOBODY,
            pending_conf: 0,
            reads: VecDeque::new(),
            early_reads: Vec::new(),
            read_states: Vec::new(),
            messages: Vec::new(),
            snapshot: None,
            rng,
        };
        raft.reset(raft.term);
        raft
    }

    /// What it must not forget.
    pub fn durable(&self) -> Durable<D> {
        Durable { term: self.term, vote: self.vote, log: self.log.clone(), conf: self.conf.clone() }
    }

    /// Its number.
    pub fn id(&self) -> MemberId {
        self.id
    }
    /// Its term.
    pub fn term(&self) -> u64 {
        self.term
    }
    /// For whom it voted in this term; [`NOBODY`] for nobody.
    pub fn vote(&self) -> MemberId {
        self.vote
    }
    /// The leader it knows; [`NOBODY`] for none.
    pub fn lead(&self) -> MemberId {
        self.lead
    }
    /// Its role.
    pub fn role(&self) -> Role {
        self.role
    }
    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }
    /// Its log.
    pub fn log(&self) -> &Log<D> {
        &self.log
    }
    /// Who is a member, as far as it has applied.
    pub fn conf(&self) -> &Conf {
        &self.conf
    }
    /// Of a leader: what it knows of each member, itself included.
    pub fn progress(&self) -> &BTreeMap<MemberId, Progress> {
        &self.progress
    }
    /// Who has voted for it, or against it, while it is a candidate.
    pub fn votes(&self) -> &BTreeMap<MemberId, bool> {
        &self.votes
    }
    /// To whom a leader is handing over.
    pub fn transferee(&self) -> Option<MemberId> {
        Some(self.transferee).filter(|id| *id != NOBODY)
    }

    /// Takes the messages to send. Whoever sends a snapshot adds the state as it is now: it goes as far as entries have been applied by now,
    /// which may be more than when it was decided on.
    pub fn take_messages(&mut self) -> Vec<RaftMessage<D>> {
        let mut messages = std::mem::take(&mut self.messages);
        for message in &mut messages {
            if let Body::Snapshot(meta) = &mut message.body {
                *meta = self.snapshot_meta();
            }
        }
        messages
    }

    /// What a snapshot of the state stands for that has been applied so far.
    pub(super) fn snapshot_meta(&self) -> SnapshotMeta {
        let index = self.log.applied();
        let term = self.log.term(index).expect("the last applied entry's term is kept");
        SnapshotMeta { index, term, conf: self.conf.clone() }
    }

    /// Takes the snapshot that has replaced the log: the host's state must become the one that came with it.
    pub fn take_snapshot(&mut self) -> Option<SnapshotMeta> {
        self.snapshot.take()
    }
    /// Takes the own reads that are confirmed: (number, index up to which must be applied before).
    pub fn take_reads(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.read_states)
    }

    /// Takes the next committed entry; changes of the membership hold from then on.
    pub fn next_committed(&mut self) -> Option<Entry<D>> {
        let entry = self.log.next_committed()?;
        if let Payload::Conf(change, _) = &entry.payload {
            self.apply_conf(*change);
        }
        Some(entry)
    }

    /// Forgets applied entries up to `index`.
    pub fn compact(&mut self, index: u64) {
        self.log.compact(index);
    }

    /// How many ticks may pass before one of them has an effect, that one included; `None` when none ever has.
    pub fn ticks_until_due(&self) -> Option<u32> {
        if self.is_leader() {
            return Some(1);
        }
        self.is_promotable().then(|| self.election_timeout.saturating_sub(self.election_elapsed).max(1))
    }

    /// 100 ms have passed.
    pub fn tick(&mut self) {
        self.election_elapsed += 1;
        if !self.is_leader() {
            if self.is_promotable() && self.election_elapsed >= self.election_timeout {
                self.election_elapsed = 0;
                self.hup();
            }
            return;
        }
        if self.election_elapsed >= ELECTION_TICKS {
            self.election_elapsed = 0;
            self.check_quorum();
            if !self.is_leader() {
                return;
            }
            self.transferee = NOBODY;
        }
        self.broadcast_heartbeat(None);
    }

    /// A leader that has not heard of a majority within an election timeout steps down.
    fn check_quorum(&mut self) {
        let active =
            self.conf.voters.iter().filter(|id| **id == self.id || self.progress.get(id).is_some_and(|p| p.recent_active));
        let quorum = self.conf.is_quorum(active.count());
        for progress in self.progress.values_mut() {
            progress.recent_active = false;
            progress.age_snapshot();
        }
        if !quorum {
            self.become_follower(self.term, NOBODY);
        }
    }

    /// Handles a message of another member.
    pub fn step(&mut self, message: RaftMessage<D>) {
        if message.term > self.term {
            let leads = match &message.body {
                Body::PreVote { .. } | Body::Vote { transfer: false, .. }
                    // A member that hears its leader does not help to depose it.
                    if self.lead != NOBODY && self.election_elapsed < ELECTION_TICKS =>
                {
                    return;
                }
                // The term that a pre-candidate would have, and the granted answer to it, are nobody's yet.
                Body::PreVote { .. } | Body::PreVoteResp { reject: false } => None,
                Body::Append { .. } | Body::Heartbeat { .. } | Body::Snapshot(_) => Some(message.from),
                _ => Some(NOBODY),
            };
            if let Some(lead) = leads {
                self.become_follower(message.term, lead);
            }
        } else if message.term > 0 && message.term < self.term {
            match message.body {
                // A leader of an earlier term is told that it leads no more.
                Body::Append { .. } | Body::Heartbeat { .. } => {
                    self.send(message.from, Body::AppendResp { index: 0, reject: None });
                }
                Body::PreVote { .. } => self.send(message.from, Body::PreVoteResp { reject: true }),
                _ => {}
            }
            return;
        }
        let from = message.from;
        match message.body {
            Body::PreVote { last_index, last_term } => self.on_vote(from, message.term, last_index, last_term, true),
            Body::Vote { last_index, last_term, .. } => self.on_vote(from, message.term, last_index, last_term, false),
            Body::PreVoteResp { reject } if self.role == Role::PreCandidate => self.on_vote_resp(from, !reject),
            Body::VoteResp { reject } if self.role == Role::Candidate => self.on_vote_resp(from, !reject),
            Body::Append { prev_index, prev_term, entries, commit } => {
                self.follow(from);
                self.on_append(from, prev_index, prev_term, &entries, commit);
            }
            Body::Heartbeat { commit, read } => {
                self.follow(from);
                self.log.commit_to(commit.min(self.log.last_index()));
                self.send(from, Body::HeartbeatResp { read });
            }
            Body::Snapshot(meta) => {
                self.follow(from);
                self.on_snapshot(from, meta);
            }
            Body::AppendResp { index, reject } if self.is_leader() => self.on_append_resp(from, index, reject),
            Body::HeartbeatResp { read } if self.is_leader() => self.on_heartbeat_resp(from, read),
            // A dropped proposal is lost; who made it gives up after a while.
            Body::Propose(payloads) => {
                let _ = self.propose_all(payloads);
            }
            Body::ReadIndex(read) if self.is_leader() => self.on_read_index(read),
            Body::ReadIndexResp { index, read } if read.member == self.id => self.read_states.push((read.number, index)),
            Body::TransferLeader(to) => self.transfer_leadership(to),
            Body::TimeoutNow if self.is_promotable() && !self.is_leader() => self.campaign_for_transfer(),
            _ => {}
        }
    }

    /// Somebody leads this member's term: it follows.
    fn follow(&mut self, leader: MemberId) {
        assert!(!self.is_leader(), "two leaders, {} and {leader}, in term {}", self.id, self.term);
        if self.role != Role::Follower || self.lead != leader {
            self.become_follower(self.term, leader);
        }
        self.election_elapsed = 0;
    }

    /// Proposes something; it is lost if the leader is.
    pub fn propose(&mut self, payload: Payload<D>) -> Result<(), Dropped> {
        self.propose_all(vec![payload])
    }

    fn propose_all(&mut self, payloads: Vec<Payload<D>>) -> Result<(), Dropped> {
        if !self.is_leader() {
            if self.lead == NOBODY {
                return Err(Dropped);
            }
            self.hand_on(self.lead, Body::Propose(payloads));
            return Ok(());
        }
        if self.transferee != NOBODY || !self.progress.contains_key(&self.id) {
            return Err(Dropped);
        }
        for payload in payloads {
            // One change of the membership at a time; another becomes an entry that says nothing.
            let payload = match payload {
                Payload::Conf(..) if self.pending_conf > self.log.applied() => Payload::Empty,
                Payload::Conf(..) => {
                    self.pending_conf = self.log.last_index() + 1;
                    payload
                }
                other => other,
            };
            self.append_own(payload);
        }
        self.broadcast_append();
        Ok(())
    }

    /// Wants another member to lead.
    pub fn transfer_leadership(&mut self, to: MemberId) {
        if !self.is_leader() {
            if self.lead != NOBODY {
                self.hand_on(self.lead, Body::TransferLeader(to));
            }
            return;
        }
        if to == self.id || !self.conf.voters.contains(&to) || self.transferee == to {
            return;
        }
        self.election_elapsed = 0;
        self.transferee = to;
        if self.progress.get(&to).is_some_and(|progress| progress.matched == self.log.last_index()) {
            self.send(to, Body::TimeoutNow);
        } else {
            self.send_append(to);
        }
    }

    fn apply_conf(&mut self, change: ConfChange) {
        self.conf.apply(change);
        if !self.is_leader() {
            return;
        }
        let next = self.log.last_index();
        for id in self.conf.members() {
            self.progress.entry(id).or_insert_with(|| {
                let mut progress = Progress::new(next);
                // A new member is not taken for dead before it had time to answer.
                progress.recent_active = true;
                progress
            });
        }
        let members: std::collections::BTreeSet<MemberId> = self.conf.members().collect();
        self.progress.retain(|id, _| members.contains(id));
        if !self.conf.voters.contains(&self.id) {
            // Removed: the others elect somebody else.
            self.become_follower(self.term, NOBODY);
            return;
        }
        if !self.conf.voters.contains(&self.transferee) {
            self.transferee = NOBODY;
        }
        // Fewer members may be a majority now. Else only new members get something: what they do not have yet.
        if self.maybe_commit() {
            self.broadcast_append();
        } else {
            self.broadcast_entries();
        }
    }

    /// Whether it may stand for election.
    pub(super) fn is_promotable(&self) -> bool {
        self.conf.voters.contains(&self.id)
    }

    pub(super) fn reset(&mut self, term: u64) {
        if self.term != term {
            self.term = term;
            self.vote = NOBODY;
        }
        self.lead = NOBODY;
        self.election_elapsed = 0;
        self.election_timeout = ELECTION_TICKS + self.rng.below(u64::from(ELECTION_TICKS)) as u32;
        self.transferee = NOBODY;
        self.pending_conf = 0;
        self.votes.clear();
        self.reads.clear();
        self.early_reads.clear();
        self.progress.clear();
    }

    pub(super) fn become_follower(&mut self, term: u64, lead: MemberId) {
        self.reset(term);
        self.lead = lead;
        self.role = Role::Follower;
    }

    pub(super) fn become_leader(&mut self) {
        self.reset(self.term);
        self.lead = self.id;
        self.role = Role::Leader;
        let last = self.log.last_index();
        self.progress = self.conf.members().map(|id| (id, Progress::new(last + 1))).collect();
        if let Some(own) = self.progress.get_mut(&self.id) {
            own.become_replicate();
            own.recent_active = true;
        }
        // There may be a change of the membership that this leader has not applied.
        self.pending_conf = last;
        self.append_own(Payload::Empty);
        self.broadcast_append();
    }

    pub(super) fn append_own(&mut self, payload: Payload<D>) {
        let index = self.log.last_index() + 1;
        self.log.push(Entry { index, term: self.term, payload });
        if let Some(own) = self.progress.get_mut(&self.id) {
            own.update(index);
        }
        self.maybe_commit();
    }

    pub(super) fn restored(&mut self, meta: SnapshotMeta) {
        self.log.restore(meta.index, meta.term);
        self.conf = meta.conf.clone();
        self.snapshot = Some(meta);
    }

    /// Sends in its own term.
    pub(super) fn send(&mut self, to: MemberId, body: Body<D>) {
        self.send_in(self.term, to, body);
    }
    /// Hands on what a client wants, which belongs to no term.
    pub(super) fn hand_on(&mut self, to: MemberId, body: Body<D>) {
        self.send_in(0, to, body);
    }
    pub(super) fn send_in(&mut self, term: u64, to: MemberId, body: Body<D>) {
        self.messages.push(RaftMessage { from: self.id, to, term, body });
    }
}

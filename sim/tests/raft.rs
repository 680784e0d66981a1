//! Raft under random schedules of ticks, losses, partitions, crashes and membership changes: what must always hold, holds after every step,
//! and a group that is healed agrees again.

use std::collections::{BTreeMap, BTreeSet};

use orrery_sim::core::Rng;
use orrery_sim::etcd::raft::{Body, ConfChange, Durable, MemberId, Payload, Raft, RaftMessage};
use proptest::prelude::*;

type Data = u32;

/// A member: running, or what its disk holds; and what its host has applied (index → term and data).
struct Member {
    raft: Option<Raft<Data>>,
    disk: Option<Durable<Data>>,
    applied: u64,
    starts: u64,
}

/// A group with a network that loses, delays and cuts as it is told.
struct Group {
    seed: u64,
    members: BTreeMap<MemberId, Member>,
    wires: Vec<RaftMessage<Data>>,
    cut: BTreeSet<MemberId>,
    /// Everything that anybody has applied: it must be the same for all.
    history: BTreeMap<u64, (u64, Payload<Data>)>,
    /// In which term, at the latest, an entry was committed.
    committed_by: BTreeMap<u64, u64>,
    leaders: BTreeMap<u64, MemberId>,
    proposed: Data,
    removed: BTreeSet<MemberId>,
}

#[derive(Clone, Debug)]
enum Step {
    Tick(u64),
    TickAll,
    Deliver(u16),
    DeliverAll,
    Drop(u16),
    Duplicate(u16),
    Propose(u64),
    Cut(u64),
    Heal,
    Crash(u64),
    Restart(u64),
    Compact(u64),
    Transfer(u64, u64),
    Learner,
    Promote(u64),
    Remove(u64),
    /// A member stands for election, and only it and these (a set of bits) hear each other: of their messages only those about votes come.
    Elect(u64, u8),
    /// A member and another one exchange so many messages.
    Exchange(u64, u64, u8),
    /// A member proposes so many entries, more than fit into one message.
    Burst(u64, u8),
}

impl Group {
    fn new(seed: u64, size: u64) -> Self {
        let voters: Vec<(MemberId, Option<Data>)> = (1..=size).map(|id| (id, None)).collect();
        let mut group = Self {
            seed,
            members: BTreeMap::new(),
            wires: Vec::new(),
            cut: BTreeSet::new(),
            history: BTreeMap::new(),
            committed_by: BTreeMap::new(),
            leaders: BTreeMap::new(),
            proposed: 0,
            removed: BTreeSet::new(),
        };
        for id in 1..=size {
            let raft = Raft::bootstrap(id, &voters, Rng::new(seed, &format!("raft/{id}")));
            group.members.insert(id, Member { raft: Some(raft), disk: None, applied: 0, starts: 1 });
            group.drain(id);
        }
        group
    }

    fn pick(&self, number: u64) -> MemberId {
        *self.members.keys().nth(number as usize % self.members.len()).expect("there are members")
    }

    fn raft(&mut self, id: MemberId) -> Option<&mut Raft<Data>> {
        self.members.get_mut(&id)?.raft.as_mut()
    }

    /// Takes what a member has to say and to apply, and checks it.
    fn drain(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(raft) = &mut member.raft else { return };
        if let Some(snapshot) = raft.take_snapshot() {
            assert!(snapshot.index > member.applied, "a snapshot does not lead back");
            member.applied = snapshot.index;
        }
        while let Some(entry) = raft.next_committed() {
            assert_eq!(entry.index, member.applied + 1, "entries are applied in order, without gaps");
            member.applied = entry.index;
            let said = (entry.term, entry.payload.clone());
            self.committed_by.entry(entry.index).or_insert(raft.term());
            let known = self.history.entry(entry.index).or_insert_with(|| said.clone());
            assert_eq!(*known, said, "member {id} applies another entry {} than others did", entry.index);
        }
        raft.take_reads();
        self.wires.extend(raft.take_messages());
        if raft.is_leader() {
            let leader = *self.leaders.entry(raft.term()).or_insert(id);
            assert_eq!(leader, id, "two leaders in term {}", raft.term());
            for (index, (term, _)) in &self.history {
                let have = raft.log().term(*index);
                // A leader that does not know yet that it was deposed need not have what came later.
                let later = self.committed_by[index] >= raft.term();
                assert!(
                    later || *index < raft.log().first_index() || have == Some(*term),
                    "leader {id} of term {} lacks committed entry {index}",
                    raft.term()
                );
            }
        }
        // Whatever a member says from now on rests on what its disk holds now.
        member.disk = Some(raft.durable());
    }

    fn deliver(&mut self, message: RaftMessage<Data>) {
        if self.cut.contains(&message.from) != self.cut.contains(&message.to) {
            return;
        }
        let to = message.to;
        if let Some(raft) = self.raft(to) {
            raft.step(message);
            self.drain(to);
        }
    }

    fn take_wire(&mut self, at: u16) -> Option<RaftMessage<Data>> {
        (!self.wires.is_empty()).then(|| self.wires.remove(at as usize % self.wires.len()))
    }

    fn with(&mut self, number: u64, act: impl FnOnce(&mut Raft<Data>)) {
        let id = self.pick(number);
        if let Some(raft) = self.raft(id) {
            act(raft);
            self.drain(id);
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Tick(member) => self.with(member, Raft::tick),
            Step::TickAll => (0..self.members.len() as u64).for_each(|member| self.with(member, Raft::tick)),
            Step::Deliver(at) => {
                if let Some(message) = self.take_wire(at) {
                    self.deliver(message);
                }
            }
            Step::DeliverAll => {
                for message in std::mem::take(&mut self.wires) {
                    self.deliver(message);
                }
            }
            Step::Drop(at) => {
                self.take_wire(at);
            }
            Step::Duplicate(at) => {
                if let Some(message) = self.take_wire(at) {
                    self.wires.push(message.clone());
                    self.deliver(message);
                }
            }
            Step::Propose(member) => {
                self.proposed += 1;
                let data = Payload::Data(self.proposed);
                self.with(member, |raft| {
                    let _ = raft.propose(data);
                });
            }
            Step::Cut(member) => {
                let id = self.pick(member);
                self.cut.insert(id);
            }
            Step::Heal => self.cut.clear(),
            Step::Crash(member) => {
                let id = self.pick(member);
                self.members.get_mut(&id).expect("picked").raft = None;
            }
            Step::Restart(member) => {
                let id = self.pick(member);
                self.restart(id);
            }
            Step::Compact(member) => self.with(member, |raft| raft.compact(raft.log().applied().saturating_sub(2))),
            Step::Transfer(member, to) => {
                let to = self.pick(to);
                self.with(member, |raft| raft.transfer_leadership(to));
            }
            Step::Learner => {
                let id = self.members.keys().next_back().expect("there are members") + 1;
                if self.members.len() < 7 && self.change(ConfChange::AddLearner(id)) {
                    let raft = Raft::join(id, Rng::new(self.seed, &format!("raft/{id}")));
                    self.members.insert(id, Member { raft: Some(raft), disk: None, applied: 0, starts: 1 });
                }
            }
            Step::Promote(member) => {
                let id = self.pick(member);
                self.change(ConfChange::AddVoter(id));
            }
            Step::Elect(member, hears) => self.elect(member, hears),
            Step::Exchange(member, other, count) => {
                let pair = [self.pick(member), self.pick(other)];
                for _ in 0..count {
                    let between = |m: &RaftMessage<Data>| pair.contains(&m.from) && pair.contains(&m.to);
                    let Some(at) = self.wires.iter().position(between) else { break };
                    let message = self.wires.remove(at);
                    self.deliver(message);
                }
            }
            Step::Burst(member, count) => (0..count).for_each(|_| self.run(&Step::Propose(member))),
            Step::Remove(member) => {
                let id = self.pick(member);
                let voters = self.leader().map_or(0, |leader| self.raft(leader).map_or(0, |raft| raft.conf().voters.len()));
                if voters > 3 && self.change(ConfChange::Remove(id)) {
                    self.removed.insert(id);
                }
            }
        }
    }

    fn elect(&mut self, member: u64, hears: u8) {
        let candidate = self.pick(member);
        let mut heard: BTreeSet<MemberId> = (0..8).filter(|bit| hears & (1 << bit) != 0).map(|bit| self.pick(bit)).collect();
        heard.insert(candidate);
        // So long has nobody heard of a leader that all would vote, also for another one.
        let ids: Vec<u64> = (0..self.members.len() as u64).filter(|at| heard.contains(&self.pick(*at))).collect();
        (0..10).for_each(|_| ids.iter().for_each(|at| self.run(&Step::Tick(*at))));
        self.wires.clear();
        for _ in 0..20 {
            self.run(&Step::Tick(member));
            while let Some(at) = self.wires.iter().position(|message| is_about_votes(&message.body)) {
                let message = self.wires.remove(at);
                if heard.contains(&message.from) && heard.contains(&message.to) {
                    self.deliver(message);
                }
            }
            if self.raft(candidate).is_none_or(|raft| raft.is_leader()) {
                return;
            }
        }
    }

    /// Proposes a change to the leader as etcd's server does: only for members, and never of somebody who was removed.
    fn change(&mut self, change: ConfChange) -> bool {
        let Some(leader) = self.leader() else { return false };
        let removed = self.removed.clone();
        let raft = self.raft(leader).expect("a leader runs");
        let fits = match change {
            ConfChange::AddVoter(id) => raft.conf().learners.contains(&id) && !removed.contains(&id),
            ConfChange::AddLearner(_) => true,
            ConfChange::Remove(id) => raft.conf().voters.contains(&id),
        };
        let done = fits && raft.propose(Payload::Conf(change, None)).is_ok();
        self.drain(leader);
        done
    }

    fn restart(&mut self, id: MemberId) {
        let seed = self.seed;
        let member = self.members.get_mut(&id).expect("picked");
        if member.raft.is_none() {
            member.starts += 1;
            let rng = Rng::new(seed, &format!("raft/{id}/{}", member.starts));
            let raft = match member.disk.clone() {
                Some(disk) => Raft::restart(id, disk, rng),
                None => Raft::join(id, rng),
            };
            assert_eq!(raft.log().applied(), member.applied, "the host's state and the log are kept together");
            member.raft = Some(raft);
            self.drain(id);
        }
    }

    fn leader(&self) -> Option<MemberId> {
        let leads = |member: &Member| member.raft.as_ref().filter(|raft| raft.is_leader()).map(Raft::term);
        self.members.iter().filter_map(|(id, member)| leads(member).map(|term| (term, *id))).max().map(|(_, id)| id)
    }

    /// Everything runs and everybody hears everybody.
    fn heal(&mut self) {
        self.cut.clear();
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            self.restart(id);
        }
    }

    fn rounds(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.run(&Step::TickAll);
            for _ in 0..8 {
                self.run(&Step::DeliverAll);
            }
        }
    }

    /// A healed group has a leader, commits, and all its members have the same.
    fn check_liveness(&mut self) {
        self.heal();
        self.rounds(120);
        let leader = self.leader().expect("a healed group elects a leader");
        self.proposed += 1;
        let data = self.proposed;
        let raft = self.raft(leader).expect("a leader runs");
        assert_eq!(raft.propose(Payload::Data(data)), Ok(()));
        self.drain(leader);
        self.rounds(40);
        assert!(self.history.values().any(|(_, payload)| *payload == Payload::Data(data)), "a healed group commits");
        let leader = self.leader().expect("the leader stays");
        let raft = self.raft(leader).expect("a leader runs");
        let (conf, applied) = (raft.conf().clone(), raft.log().applied());
        for id in conf.members() {
            assert_eq!(self.members[&id].applied, applied, "member {id} has caught up");
            assert_eq!(*self.raft(id).expect("all run").conf(), conf);
        }
    }
}

fn is_about_votes(body: &Body<Data>) -> bool {
    matches!(body, Body::PreVote { .. } | Body::PreVoteResp { .. } | Body::Vote { .. } | Body::VoteResp { .. })
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..7_u64;
    prop_oneof![
        6 => member.clone().prop_map(Step::Tick),
        12 => Just(Step::TickAll),
        12 => any::<u16>().prop_map(Step::Deliver),
        14 => Just(Step::DeliverAll),
        3 => any::<u16>().prop_map(Step::Drop),
        1 => any::<u16>().prop_map(Step::Duplicate),
        6 => member.clone().prop_map(Step::Propose),
        1 => member.clone().prop_map(Step::Cut),
        1 => Just(Step::Heal),
        1 => member.clone().prop_map(Step::Crash),
        2 => member.clone().prop_map(Step::Restart),
        1 => member.clone().prop_map(Step::Compact),
        1 => (member.clone(), member.clone()).prop_map(|(a, b)| Step::Transfer(a, b)),
        1 => Just(Step::Learner),
        1 => member.clone().prop_map(Step::Promote),
        1 => member.prop_map(Step::Remove),
    ]
}

/// Figure 8 of the Raft paper: `a` appends more than one message holds; `b` is elected without it; `a` is elected again and goes on to
/// hand its old entries over; `b` is elected once more. What `a` has handed over must not have counted as committed before an entry of
/// its new term is on a majority, however much of the exchange happened.
fn figure_8() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let members = Just([0_u64, 1, 2]).prop_shuffle();
    let before = prop::collection::vec(time_of_a_leader(), 0..2);
    (before, members, 60..140_u8, 0..3_u8, 1..10_u8).prop_map(|(before, [a, b, c], burst, other, count)| {
        let steps = vec![
            Step::Elect(a, u8::MAX),
            Step::Burst(a, burst),
            Step::Elect(b, u8::MAX),
            Step::Burst(b, other),
            Step::Elect(a, u8::MAX),
            Step::Exchange(a, c, count),
            Step::Elect(b, u8::MAX),
            Step::Exchange(b, c, count),
        ];
        before.into_iter().chain([steps]).collect()
    })
}

/// A leader's time: it is elected, appends something, some others learn of some of it; what is still on its way is lost when the next one
/// stands. One after the other they make what figure 8 of the Raft paper warns of, and all around it.
fn time_of_a_leader() -> impl Strategy<Value = Vec<Step>> {
    let hears = prop_oneof![2 => Just(u8::MAX), 1 => any::<u8>()];
    let burst = prop::sample::select(vec![0_u8, 0, 1, 3, 70]);
    let exchanges = prop::collection::vec((0..5_u64, 1..7_u8), 0..3);
    let after = prop_oneof![
        6 => Just(Vec::new()),
        1 => Just(vec![Step::DeliverAll, Step::DeliverAll, Step::DeliverAll]),
        1 => Just(vec![Step::Learner, Step::DeliverAll]),
        1 => (0..5_u64).prop_map(|member| vec![Step::Promote(member), Step::DeliverAll]),
        3 => (0..5_u64, any::<bool>()).prop_map(|(member, again)| {
            let restart = again.then_some(Step::Restart(member));
            [Step::Crash(member)].into_iter().chain(restart).collect()
        }),
        1 => (0..5_u64).prop_map(|member| vec![Step::Restart(member)]),
    ];
    (0..5_u64, hears, burst, exchanges, after).prop_map(|(leader, hears, burst, exchanges, after)| {
        let mut steps = vec![Step::Elect(leader, hears), Step::Burst(leader, burst)];
        steps.extend(exchanges.into_iter().map(|(other, count)| Step::Exchange(leader, other, count)));
        steps.extend(after);
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_is_safe_under_any_schedule_and_alive_when_healed(
        seed in any::<u64>(),
        size in prop::sample::select(vec![1_u64, 3, 3, 5]),
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut group = Group::new(seed, size);
        for step in &steps {
            group.run(step);
        }
        group.check_liveness();
    }

    #[test]
    fn entries_of_leaders_that_come_and_go_are_safe(
        seed in any::<u64>(),
        size in prop::sample::select(vec![3_u64, 3, 5]),
        times in prop_oneof![prop::collection::vec(time_of_a_leader(), 0..16), figure_8()],
    ) {
        let mut group = Group::new(seed, size);
        for step in times.iter().flatten() {
            group.run(step);
        }
        group.check_liveness();
    }
}

fn elected(size: u64) -> (Group, MemberId) {
    let mut group = Group::new(7, size);
    group.rounds(30);
    let leader = group.leader().expect("a leader is elected within 3 s");
    (group, leader)
}

#[test]
fn an_election_takes_one_to_two_seconds_and_holds() {
    let mut group = Group::new(3, 3);
    group.rounds(9);
    assert_eq!(group.leader(), None);
    group.rounds(12);
    let leader = group.leader().expect("a leader");
    group.rounds(300);
    assert_eq!(group.leader(), Some(leader));
    assert_eq!(group.leaders.len(), 1, "nobody else stood for election");
}

#[test]
fn the_others_elect_a_new_leader_and_the_old_one_follows() {
    let (mut group, leader) = elected(3);
    group.cut.insert(leader);
    group.rounds(30);
    let new = group.members.iter().filter(|(id, m)| **id != leader && m.raft.as_ref().is_some_and(Raft::is_leader)).count();
    assert_eq!(new, 1);
    // Check-quorum: the old one has noticed by itself that nobody follows it.
    assert!(!group.raft(leader).expect("runs").is_leader());
    let term = group.raft(leader).expect("runs").term();
    group.rounds(100);
    assert_eq!(group.raft(leader).expect("runs").term(), term, "pre-votes leave the term alone");
    group.cut.clear();
    group.rounds(5);
    assert_eq!(group.leaders.len(), 2, "coming back deposes nobody");
}

#[test]
fn leadership_is_handed_over_at_once() {
    let (mut group, leader) = elected(3);
    let next = leader % 3 + 1;
    group.raft(leader).expect("runs").transfer_leadership(next);
    group.drain(leader);
    group.rounds(1);
    assert_eq!(group.leader(), Some(next));
}

#[test]
fn a_learner_catches_up_by_a_snapshot_and_does_not_vote() {
    let (mut group, leader) = elected(1);
    for _ in 0..20 {
        group.run(&Step::Propose(0));
    }
    group.raft(leader).expect("runs").compact(15);
    group.run(&Step::Learner);
    group.rounds(30);
    assert_eq!(group.members[&2].applied, group.members[&1].applied);
    let conf = group.raft(2).expect("runs").conf().clone();
    assert_eq!((conf.voters.len(), conf.learners.len()), (1, 1));
    group.run(&Step::Promote(1));
    group.rounds(5);
    assert_eq!(group.raft(2).expect("runs").conf().voters.len(), 2);
}

#[test]
fn a_read_is_confirmed_by_a_majority_only() {
    let (mut group, leader) = elected(3);
    let follower = leader % 3 + 1;
    let read = |group: &mut Group, id: MemberId| -> Vec<(u64, u64)> {
        group.raft(id).expect("runs").read_index(9).expect("there is a leader");
        let mut confirmed = Vec::new();
        for _ in 0..6 {
            for id in group.members.keys().copied().collect::<Vec<_>>() {
                if let Some(raft) = group.raft(id) {
                    let (messages, reads) = (raft.take_messages(), raft.take_reads());
                    confirmed.extend(reads);
                    group.wires.extend(messages);
                }
            }
            for message in std::mem::take(&mut group.wires) {
                let (cut, to) = (group.cut.contains(&message.to) != group.cut.contains(&message.from), message.to);
                if let Some(raft) = group.raft(to).filter(|_| !cut) {
                    raft.step(message);
                }
            }
        }
        confirmed
    };
    let committed = group.raft(leader).expect("runs").log().committed();
    assert_eq!(read(&mut group, leader), [(9, committed)]);
    assert_eq!(read(&mut group, follower), [(9, committed)]);
    group.cut.insert(leader);
    assert_eq!(read(&mut group, leader), []);
}

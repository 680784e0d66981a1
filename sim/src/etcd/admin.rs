//! Status and membership, as etcdctl and kubeadm ask for them.

use std::rc::Rc;

use super::member::Etcd;
use super::raft::{ConfChange, MemberId, NOBODY, Payload};
use super::serve::{Asker, ELECTION_TIMEOUT};
use super::{Command, EtcdRequest, EtcdResponse, Member, What};
use crate::core::{Addr, EnvelopeId, Message, Outbox, Part, Time};
use crate::runtime::spawn::machine_of;
use crate::value;
use crate::value::{Text, Value};

const NOT_FOUND: &str = "etcdserver: member not found";
const NO_LEADER: &str = "etcdserver: no leader";
const EXISTS: &str = "etcdserver: Peer URLs already exists";
const NOT_STARTED: &str = "etcdserver: re-configuration failed due to not enough started members";
const UNHEALTHY: &str = "etcdserver: unhealthy cluster";
const TOO_MANY_LEARNERS: &str = "etcdserver: too many learner members in cluster";
const NOT_READY: &str = "etcdserver: can only promote a learner member which is in sync with leader";
const NOT_LEARNER: &str = "etcdserver: can only promote a learner member";
const BAD_TRANSFEREE: &str = "etcdserver: bad leader transferee";

/// A member's number as etcd writes it.
fn hex(id: MemberId) -> Text {
    Text::from(format!("{id:x}"))
}

fn parse(id: &Value) -> MemberId {
    MemberId::from_str_radix(id.str(), 16).unwrap_or(NOBODY)
}

impl Etcd {
    pub(super) fn admin(&mut self, verb: &str, args: &Value, asker: &Asker, request: &Rc<EtcdRequest>, out: &mut Outbox<'_>) {
        match verb {
            "status" => self.tell(asker, self.status(), out),
            "member-list" => self.tell(asker, self.member_list(), out),
            "get" => {
                let limit = usize::try_from(args["limit"].int()).unwrap_or_default();
                let kvs = self.range(args["key"].str(), args["prefix"].is_true(), limit);
                let body = kvs.iter().map(|kv| value!({"key": &kv.key, "value": kv.value.clone()})).collect();
                self.tell(asker, body, out);
            }
            // Only the leader knows how far the others are.
            _ if !self.raft.is_leader() => self.relay(asker, request, out),
            "member-add" => {
                let member = Member::new("", args["peerURL"].str());
                let learner = args["learner"].is_true();
                let change = if learner { ConfChange::AddLearner(member.id) } else { ConfChange::AddVoter(member.id) };
                let (voters, started) = self.voters(NOBODY);
                // Of the voters that there will be, a majority must have started; a lone one may always be joined.
                if !learner && voters > 1 && started <= voters.div_ceil(2) {
                    self.fail(asker, NOT_STARTED, out);
                } else if self.active(out.now()) < voters {
                    self.fail(asker, UNHEALTHY, out);
                } else if self.state.members.contains_key(&member.id) {
                    self.fail(asker, EXISTS, out);
                } else if learner && !self.raft.conf().learners.is_empty() {
                    self.fail(asker, TOO_MANY_LEARNERS, out);
                } else {
                    self.change(change, member, asker, out);
                }
            }
            "member-promote" => {
                let id = parse(&args["id"]);
                let Some(member) = self.state.members.get(&id).map(|member| (**member).clone()) else {
                    return self.fail(asker, NOT_FOUND, out);
                };
                let own = self.raft.log().last_index();
                let (voters, started) = self.voters(NOBODY);
                let ready = self.raft.progress().get(&id).is_some_and(|progress| progress.matched * 10 >= own * 9);
                if !self.raft.conf().learners.contains(&id) {
                    self.fail(asker, NOT_LEARNER, out);
                } else if !ready {
                    self.fail(asker, NOT_READY, out);
                } else if started < voters.div_ceil(2) {
                    self.fail(asker, NOT_STARTED, out);
                } else {
                    self.change(ConfChange::AddVoter(id), member, asker, out);
                }
            }
            "member-remove" => {
                let id = parse(&args["id"]);
                match self.state.members.get(&id).map(|member| (**member).clone()) {
                    Some(member) => match self.may_remove(id, out.now()) {
                        Ok(()) => self.change(ConfChange::Remove(id), member, asker, out),
                        Err(error) => self.fail(asker, error, out),
                    },
                    None => self.fail(asker, NOT_FOUND, out),
                }
            }
            "move-leader" => {
                let id = parse(&args["id"]);
                if self.raft.conf().voters.contains(&id) {
                    self.raft.transfer_leadership(id);
                    self.transfers.push((id, asker.clone()));
                    self.answer_transfers(out);
                    self.expect_sweep(out);
                } else {
                    self.fail(asker, BAD_TRANSFEREE, out);
                }
            }
            _ => self.fail(asker, "etcdserver: unknown method", out),
        }
    }

    /// How many voters there are beside one, and how many of them have started: those that have told their names.
    fn voters(&self, without: MemberId) -> (usize, usize) {
        let voters = self.raft.conf().voters.iter().filter(|id| **id != without);
        let named = voters.clone().filter_map(|id| self.state.members.get(id)).filter(|member| !member.name.is_empty());
        (voters.count(), named.count())
    }

    /// Whether a member is this one, or was heard of lately. Etcd looks at its connections, and wants them to be 5 s old.
    fn is_active(&self, id: MemberId, now: Time) -> bool {
        id == self.me.id || self.heard.get(&id).is_some_and(|at| now.since(*at) < ELECTION_TIMEOUT)
    }

    /// How many voters are active.
    fn active(&self, now: Time) -> usize {
        self.raft.conf().voters.iter().filter(|id| self.is_active(**id, now)).count()
    }

    /// Whether a member may go (`mayRemoveMember`): of the rest a majority must have started, and if it is alive, be alive.
    fn may_remove(&self, id: MemberId, now: Time) -> Result<(), &'static str> {
        let voters = self.raft.conf().voters.len();
        let (rest, started) = self.voters(id);
        if rest == voters {
            Ok(())
        } else if started <= rest / 2 {
            Err(NOT_STARTED)
        } else if self.is_active(id, now) && self.active(now) - 1 < 1 + (voters - 1) / 2 {
            Err(UNHEALTHY)
        } else {
            Ok(())
        }
    }

    /// Tells those who wait for the present leader that it leads.
    pub(super) fn answer_transfers(&mut self, out: &mut Outbox<'_>) {
        let lead = self.raft.lead();
        let (done, waiting) = std::mem::take(&mut self.transfers).into_iter().partition(|(to, _)| *to == lead);
        self.transfers = waiting;
        for (to, asker) in done {
            self.tell(&asker, value!({"from": hex(self.me.id), "to": hex(to)}), out);
        }
    }

    fn change(&mut self, change: ConfChange, member: Member, asker: &Asker, out: &mut Outbox<'_>) {
        let command = self.command(Some(asker.call), What::Member(Rc::new(member)), out);
        self.await_write(asker, out);
        self.propose(Payload::Conf(change, Some(command)), out);
    }

    /// A change of the membership has been applied: who wanted it is told.
    pub(super) fn answer_membership(&mut self, command: &Command, out: &mut Outbox<'_>) {
        let pending = command.call.filter(|_| command.member == self.me.id).and_then(|call| self.writes.remove(&call));
        if let (Some(pending), What::Member(member)) = (pending, &command.what) {
            let mut body = self.member_list();
            body["id"] = hex(member.id).into();
            self.tell(&pending.asker, body, out);
        }
    }

    fn relay(&mut self, asker: &Asker, request: &Rc<EtcdRequest>, out: &mut Outbox<'_>) {
        let leader = self.state.members.get(&self.raft.lead());
        let machine = leader.and_then(|leader| machine_of(&leader.peer_url, out.directory()));
        match machine {
            Some(machine) => {
                let id = out.send(Addr::new(machine, Part::Etcd), Message::EtcdRequest(Rc::clone(request)));
                self.relays.insert(id, (asker.client, asker.call));
            }
            None => self.fail(asker, NO_LEADER, out),
        }
    }

    pub(super) fn on_relayed(&mut self, response: &EtcdResponse, out: &mut Outbox<'_>) {
        if let Some((client, call)) = self.relays.remove(&response.to) {
            out.send(client, Message::EtcdResponse(Rc::new(EtcdResponse { to: call, ..response.clone() })));
        }
    }

    pub(super) fn on_relay_failed(&mut self, id: EnvelopeId, out: &mut Outbox<'_>) {
        if let Some((client, call)) = self.relays.remove(&id) {
            let revision = self.state.store.revision();
            let error = Some(NO_LEADER);
            let answer = EtcdResponse { to: call, revision, succeeded: false, kvs: Vec::new(), error, body: Value::Null };
            out.send(client, Message::EtcdResponse(Rc::new(answer)));
        }
    }

    fn member_list(&self) -> Value {
        let entry = |member: &Rc<Member>| {
            let learner = self.raft.conf().learners.contains(&member.id);
            value!({"id": hex(member.id), "name": &member.name, "peerURL": &member.peer_url, "clientURL": &member.client_url, "learner": learner})
        };
        let members: Value = self.state.members.values().map(entry).collect();
        value!({"answeredBy": hex(self.me.id), "term": self.raft.term(), "members": members})
    }

    fn status(&self) -> Value {
        let log = self.raft.log();
        let errors = if self.raft.lead() == NOBODY { NO_LEADER } else { "" };
        value!({
            "id": hex(self.me.id), "leader": hex(self.raft.lead()), "term": self.raft.term(), "index": log.committed(),
            "applied": log.applied(), "revision": self.state.store.revision(), "dbSize": self.db_size(),
            "learner": self.raft.conf().learners.contains(&self.me.id), "errors": errors,
        })
    }

    /// Bytes of the database: the keys and their history in pages of 4 kB.
    fn db_size(&self) -> u64 {
        let size = |key: &Text, value: &Value| (key.len() + value.to_json().len() + 64) as u64;
        let present: u64 = self.state.store.keys().map(|kv| size(&kv.key, &kv.value)).sum();
        let past: u64 = self.state.store.log().iter().filter_map(|event| Some(size(&event.key, event.previous.as_ref()?))).sum();
        (20_480 + present + past).div_ceil(4_096) * 4_096
    }
}

//! Three etcd members: writes travel by Raft, the leader's loss costs an election, the majority's loss costs everything but serializable
//! reads (reference: `ha-etcd`), and what was acknowledged survives.

use std::rc::Rc;

use orrery_sim::api::resource::CONFIGMAPS;
use orrery_sim::core::faults::NetworkChange;
use orrery_sim::core::message::FailureKind;
use orrery_sim::core::{Addr, Cluster, CommandId, Duration, Effect, EnvelopeId, MachineId, Message, Part, Request, Time, Trace};
use orrery_sim::etcd::raft::{Body, Raft};
use orrery_sim::etcd::{Command, Etcd, EtcdRequest, EtcdResponse, member_id};
use orrery_sim::machine::MachineSpec;
use orrery_sim::value;
use orrery_sim::value::Value;

struct Bench {
    cluster: Cluster,
    trace: Trace,
    size: u16,
    now: Time,
}

impl Bench {
    fn new(seed: u64, size: u16) -> Self {
        let mut bench = Self { cluster: Cluster::new(seed), trace: Trace::default(), size, now: Time::ZERO };
        for number in 1..=size {
            bench.add_machine(number);
        }
        let members = (1..=size).map(|number| format!("etcd{number}={}", peer_url(number)));
        let members: Vec<String> = members.collect();
        for number in 1..=size {
            bench.start(number, value!({"initial-cluster": members.join(",")}));
        }
        bench.run(Duration::s(4));
        bench
    }

    fn add_machine(&mut self, number: u16) {
        let spec = MachineSpec {
            name: format!("etcd{number}").into(),
            image: "registry.k8s.io/etcd:3.6.8-0".into(),
            role: "lab".into(),
            cluster: "kind".into(),
            config: Value::Null,
        };
        self.cluster.perform(Effect::AddMachine(Rc::new(spec)), &mut self.trace);
    }

    fn start(&mut self, number: u16, flags: Value) {
        let addr = Addr::new(MachineId(number), Part::Etcd);
        self.cluster.perform(Effect::Spawn(addr, value!({"flags": flags})), &mut self.trace);
    }

    fn stop(&mut self, number: u16) {
        self.cluster.perform(Effect::Kill(Addr::new(MachineId(number), Part::Etcd)), &mut self.trace);
    }

    fn run(&mut self, span: Duration) {
        self.now += span;
        // So that the clock goes on although nothing happens.
        self.cluster.interrupt(self.now, CommandId(0));
        self.cluster.run_until(self.now, usize::MAX, &mut self.trace);
    }

    fn send(&mut self, number: u16, request: EtcdRequest) -> EnvelopeId {
        let to = Addr::new(MachineId(number), Part::Etcd);
        self.cluster.inject(Addr::USER, to, Message::EtcdRequest(Rc::new(request)), &mut self.trace)
    }

    fn answer(&self, id: EnvelopeId) -> Option<EtcdResponse> {
        self.trace.envelopes().iter().find_map(|envelope| match &envelope.message {
            Message::EtcdResponse(response) if response.to == id && envelope.to == Addr::USER => Some((**response).clone()),
            _ => None,
        })
    }

    fn ask(&mut self, number: u16, request: EtcdRequest) -> EtcdResponse {
        let id = self.send(number, request);
        for _ in 0..1_000 {
            self.run(Duration::ms(10));
            if let Some(answer) = self.answer(id) {
                return answer;
            }
        }
        panic!("no answer within 10 s");
    }

    /// Writes one key so many times, 200 µs apart.
    fn put_often(&mut self, number: u16, times: usize) {
        for _ in 0..times {
            self.send(number, put("k"));
            self.run(Duration::us(200));
        }
        self.run(Duration::s(1));
    }

    /// What came on a watch that the user opened: keys, and the revision of its end.
    fn watched(&self, stream: EnvelopeId) -> (Vec<String>, u64) {
        let batches = self.trace.envelopes().iter().filter_map(|envelope| match &envelope.message {
            Message::EtcdWatch(batch) if batch.stream == stream => Some(batch),
            _ => None,
        });
        let keys = batches.clone().flat_map(|batch| batch.events.iter().map(|event| event.key.to_string())).collect();
        (keys, batches.map(|batch| batch.compact_revision).max().unwrap_or_default())
    }

    fn admin(&mut self, number: u16, verb: &'static str, args: Value) -> EtcdResponse {
        self.ask(number, EtcdRequest::Admin { verb, args })
    }

    fn put(&mut self, number: u16, key: &'static str) -> EtcdResponse {
        self.ask(number, put(key))
    }

    /// Starts a kube-apiserver on a machine of its own that asks these members, the first one first.
    fn serve(&mut self, number: u16, etcd: &[u16]) {
        self.add_machine(number);
        let mut etcd: Vec<i64> = etcd.iter().map(|member| i64::from(*member)).collect();
        let first = usize::from(number) % etcd.len();
        etcd.rotate_right(first);
        let addr = Addr::new(MachineId(number), Part::ApiServer);
        self.cluster.perform(Effect::Spawn(addr, value!({"etcd": etcd.into_iter().collect::<Value>()})), &mut self.trace);
    }

    fn request(&mut self, number: u16, request: Request) -> EnvelopeId {
        let to = Addr::new(MachineId(number), Part::ApiServer);
        self.cluster.inject(Addr::USER, to, Message::Request(Rc::new(request)), &mut self.trace)
    }

    /// What was answered: code and message.
    fn response(&self, id: EnvelopeId) -> Option<(u16, String)> {
        self.trace.envelopes().iter().find_map(|envelope| match &envelope.message {
            Message::Response(response) if response.to == id => Some((response.code, response.body["message"].str().to_string())),
            _ => None,
        })
    }

    fn raft(&self, number: u16) -> Option<&Raft<Rc<Command>>> {
        self.cluster.part::<Etcd>(Addr::new(MachineId(number), Part::Etcd)).map(Etcd::raft)
    }

    fn leader(&self) -> Option<u16> {
        (1..=self.size).find(|number| self.raft(*number).is_some_and(Raft::is_leader))
    }

    fn status(&mut self, number: u16) -> Value {
        self.ask(number, EtcdRequest::Admin { verb: "status", args: Value::Null }).body
    }
}

fn peer_url(number: u16) -> String {
    format!("https://172.18.0.{}:2380", number + 1)
}

fn put(key: &'static str) -> EtcdRequest {
    EtcdRequest::Put { key: key.into(), expected: None, value: value!({"v": key}), ttl: None }
}

fn watch(from: u64) -> EtcdRequest {
    EtcdRequest::Watch { prefix: "k".into(), from }
}

/// The member on this machine, as etcd writes its number.
fn hex(number: u16) -> Value {
    value!({"id": format!("{:x}", member_id(&peer_url(number)))})
}

fn get(key: &'static str) -> EtcdRequest {
    EtcdRequest::Range { key: key.into(), prefix: false, limit: 0 }
}

#[test]
fn a_write_is_appended_acknowledged_and_committed_whoever_is_asked() {
    let mut bench = Bench::new(1, 3);
    let leader = bench.leader().expect("a leader");
    for number in 1..=3 {
        // Between two heartbeats, whose answers make the leader send what is under way already.
        bench.run(Duration::ms(50));
        let before = bench.trace.envelopes().len();
        assert!(bench.put(number, "a").succeeded);
        bench.run(Duration::ms(40));
        let said = |name: &str| {
            let of = |message: &Message| matches!(message, Message::Peer(peer) if peer.raft.body.name() == name);
            bench.trace.envelopes()[before..].iter().filter(|envelope| of(&envelope.message)).count()
        };
        // The entry, and the news that it is committed, to both followers each.
        assert_eq!((said("MsgProp"), said("MsgApp"), said("MsgAppResp")), (usize::from(number != leader), 4, 4));
        assert!((1..=3).all(|member| bench.raft(member).is_some_and(|raft| raft.log().applied() == raft.log().last_index())));
    }
    // A read asks whether the leader still leads, wherever it is served.
    for number in 1..=3 {
        assert_eq!(bench.ask(number, get("a")).kvs[0].version, 3);
    }
}

#[test]
fn at_rest_there_are_only_heartbeats() {
    let mut bench = Bench::new(2, 3);
    let before = bench.trace.envelopes().len();
    let steps = bench.cluster.steps();
    bench.run(Duration::s(10));
    let envelopes = &bench.trace.envelopes()[before..];
    assert!(envelopes.iter().all(|envelope| envelope.heartbeat && envelope.background));
    assert_eq!(envelopes.len(), 400, "every 100 ms one to each follower, and its answer");
    assert!(bench.cluster.steps() - steps < 530);
}

#[test]
fn losing_the_leader_costs_an_election() {
    let mut bench = Bench::new(3, 3);
    let leader = bench.leader().expect("a leader");
    assert!(bench.put(leader, "a").succeeded);
    let term = bench.raft(leader).expect("runs").term();
    bench.stop(leader);
    let other = leader % 3 + 1;
    let id = bench.send(other, put("b"));
    bench.run(Duration::ms(2_500));
    let new = bench.leader().expect("a new leader within 2.5 s");
    assert!(new != leader && bench.raft(new).expect("runs").term() > term);
    // What was sent to the old leader is lost; etcd says so after 7 s.
    bench.run(Duration::s(6));
    let error = bench.answer(id).expect("answered").error;
    assert_eq!(error, Some("etcdserver: request timed out, possibly due to previous leader failure"));
    assert!(bench.put(other, "c").succeeded);
    assert_eq!(bench.ask(other, get("a")).kvs.len(), 1, "what was acknowledged is there");
    // The old leader comes back with what it had, and follows.
    bench.start(leader, Value::Null);
    bench.run(Duration::s(1));
    let back = bench.raft(leader).expect("runs");
    assert!(!back.is_leader() && back.lead() != 0);
    assert_eq!(bench.ask(leader, get("c")).kvs.len(), 1);
}

#[test]
fn without_a_majority_only_serializable_reads_are_answered() {
    let mut bench = Bench::new(4, 3);
    let leader = bench.leader().expect("a leader");
    assert!(bench.put(leader, "a").succeeded);
    for number in (1..=3).filter(|number| *number != leader) {
        bench.stop(number);
    }
    bench.run(Duration::s(3));
    let status = bench.status(leader);
    assert_eq!(status["errors"].str(), "etcdserver: no leader");
    assert_eq!(bench.put(leader, "b").error, Some("context deadline exceeded"), "nobody has proposed it");
    assert_eq!(bench.ask(leader, get("a")).error, Some("etcdserver: request timed out"));
    let own = bench.ask(leader, EtcdRequest::Admin { verb: "get", args: value!({"key": "a"}) });
    assert_eq!(own.body[0]["key"].str(), "a");
    // One comes back: a majority again. The write that was given up was withdrawn.
    bench.start(leader % 3 + 1, Value::Null);
    bench.run(Duration::s(3));
    assert!(bench.leader().is_some());
    assert!(bench.ask(leader, get("b")).kvs.is_empty());
    assert!(bench.put(leader, "c").succeeded);
}

#[test]
fn a_member_joins_as_a_learner_is_promoted_and_removed() {
    let mut bench = Bench::new(5, 1);
    assert!(bench.put(1, "a").succeeded);
    bench.add_machine(2);
    let added = bench.ask(1, EtcdRequest::Admin { verb: "member-add", args: value!({"peerURL": peer_url(2), "learner": true}) });
    assert_eq!(added.body["members"].items().len(), 2);
    let flags =
        value!({"initial-cluster": format!("etcd1={},etcd2={}", peer_url(1), peer_url(2)), "initial-cluster-state": "existing"});
    bench.start(2, flags);
    bench.run(Duration::s(1));
    assert_eq!(bench.put(2, "b").error, Some("etcdserver: rpc not supported for learner"));
    let id = format!("{:x}", member_id(&peer_url(2)));
    let call = |verb: &'static str, id: &str| EtcdRequest::Admin { verb, args: value!({"id": id.to_string()}) };
    assert_eq!(bench.ask(2, call("member-promote", &id)).error, None, "handed on to the leader");
    bench.run(Duration::ms(300));
    assert!(bench.put(2, "b").succeeded);
    let list = bench.ask(2, EtcdRequest::Admin { verb: "member-list", args: Value::Null }).body;
    let names: Vec<&str> = list["members"].items().iter().map(|member| member["name"].str()).collect();
    assert!(names.contains(&"etcd1") && names.contains(&"etcd2"), "{names:?}");
    // Leadership moves, and the first member goes.
    assert_eq!(bench.ask(1, call("move-leader", &id)).error, None);
    bench.run(Duration::ms(50));
    bench.size = 2;
    assert_eq!(bench.leader(), Some(2));
    let first = format!("{:x}", member_id(&peer_url(1)));
    assert_eq!(bench.ask(2, call("member-remove", &first)).body["members"].items().len(), 1);
    bench.stop(1);
    assert!(bench.put(2, "c").succeeded);
}

#[test]
fn a_late_member_gets_a_snapshot() {
    let mut bench = Bench::new(6, 3);
    let leader = bench.leader().expect("a leader");
    let late = leader % 3 + 1;
    bench.stop(late);
    bench.put_often(leader, 5_300);
    let log = bench.raft(leader).expect("runs").log();
    assert!((5_000..5_102).contains(&(log.last_index() + 1 - log.first_index())), "old entries are compacted");
    bench.start(late, Value::Null);
    bench.run(Duration::s(2));
    let snapshot = |message: &Message| matches!(message, Message::Peer(peer) if matches!(peer.raft.body, Body::Snapshot(_)));
    assert!(bench.trace.envelopes().iter().any(|envelope| snapshot(&envelope.message)));
    assert_eq!(bench.ask(late, get("k")).kvs[0].version, 5_300);
}

fn map(name: &'static str) -> Request {
    Request::create(CONFIGMAPS, value!({"metadata": {"name": name, "namespace": "default"}}))
}

#[test]
fn a_write_whose_answer_is_lost_is_not_tried_again() {
    let mut bench = Bench::new(7, 3);
    let leader = bench.leader().expect("a leader");
    let asked = leader % 3 + 1;
    bench.serve(4, &[asked, leader]);
    bench.run(Duration::s(5));
    let before = bench.trace.envelopes().len();
    let id = bench.request(4, map("a"));
    let proposed = |message: &Message| matches!(message, Message::Peer(peer) if peer.raft.body.name() == "MsgProp");
    while !bench.trace.envelopes()[before..].iter().any(|envelope| proposed(&envelope.message)) {
        bench.run(Duration::us(10));
    }
    bench.stop(asked);
    bench.run(Duration::s(5));
    let lost = "rpc error: code = Unavailable desc = error reading from server: EOF";
    assert_eq!(bench.response(id), Some((500, lost.to_string())), "a second attempt would have found the first one's object");
    assert_eq!(bench.ask(leader, get("/registry/configmaps/default/a")).kvs.len(), 1);
    // The server goes on with the other member.
    let id = bench.request(4, map("b"));
    bench.run(Duration::s(2));
    assert_eq!(bench.response(id).map(|(code, _)| code), Some(201));
}

#[test]
fn what_a_leader_was_asked_in_vain_is_told_and_not_tried_again() {
    let mut bench = Bench::new(8, 3);
    let leader = bench.leader().expect("a leader");
    bench.serve(4, &[leader]);
    bench.run(Duration::s(5));
    for number in (1..=3).filter(|number| *number != leader) {
        bench.stop(number);
    }
    let id = bench.request(4, map("a"));
    bench.run(Duration::s(8));
    assert_eq!(bench.response(id), Some((500, "etcdserver: request timed out".to_string())));
}

#[test]
fn requests_from_before_there_was_etcd_end_in_time() {
    let mut bench = Bench::new(9, 1);
    bench.stop(1);
    bench.serve(2, &[1]);
    bench.run(Duration::s(1));
    let ready = bench.request(2, Request::raw("/readyz"));
    let (write, read) = (bench.request(2, map("a")), bench.request(2, Request::list(CONFIGMAPS, "default")));
    bench.run(Duration::s(33));
    let (code, message) = bench.response(ready).expect("answered at once");
    assert!(code == 500 && message.contains("[-]etcd failed"), "{message}");
    assert_eq!((bench.response(write), bench.response(read)), (None, None));
    bench.run(Duration::s(2));
    assert_eq!(bench.response(write).map(|(code, _)| code), Some(504));
    bench.run(Duration::s(23));
    assert_eq!(bench.response(read), None);
    bench.run(Duration::s(3));
    assert_eq!(bench.response(read).map(|(code, _)| code), Some(504));
}

#[test]
fn a_member_may_go_or_come_when_the_rest_can_decide() {
    const NOT_STARTED: &str = "etcdserver: re-configuration failed due to not enough started members";
    const UNHEALTHY: &str = "etcdserver: unhealthy cluster";
    let mut alone = Bench::new(10, 1);
    assert_eq!(alone.admin(1, "member-remove", hex(1)).error, Some(NOT_STARTED));

    let mut bench = Bench::new(10, 3);
    let leader = bench.leader().expect("a leader");
    let (dead, alive) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    bench.stop(dead);
    bench.run(Duration::s(2));
    assert_eq!(bench.admin(leader, "member-remove", hex(alive)).error, Some(UNHEALTHY), "the dead one would count for half");
    bench.add_machine(4);
    for learner in [true, false] {
        let args = value!({"peerURL": peer_url(4), "learner": learner});
        assert_eq!(bench.admin(leader, "member-add", args).error, Some(UNHEALTHY));
    }
    // A dead member is replaced: it goes, another one comes.
    assert_eq!(bench.admin(leader, "member-remove", hex(dead)).error, None);
    bench.run(Duration::ms(200));
    let args = value!({"peerURL": peer_url(4), "learner": false});
    assert_eq!(bench.admin(leader, "member-add", args).error, None, "two that have started are a majority of three");
    bench.run(Duration::ms(200));
    let args = value!({"peerURL": peer_url(5), "learner": false});
    assert_eq!(bench.admin(leader, "member-add", args).error, Some(NOT_STARTED), "two of four are none");
}

#[test]
fn a_handover_is_told_when_it_has_happened() {
    let mut bench = Bench::new(11, 3);
    let leader = bench.leader().expect("a leader");
    let (dead, alive) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    bench.stop(dead);
    let moved = bench.send(leader, EtcdRequest::Admin { verb: "move-leader", args: hex(dead) });
    bench.run(Duration::ms(100));
    // Meanwhile the leader takes nothing, and says so at once.
    let write = bench.send(leader, put("a"));
    bench.run(Duration::ms(10));
    let dropped = "rpc error: code = Unknown desc = raft proposal dropped";
    assert_eq!(bench.answer(write).and_then(|answer| answer.error), Some(dropped));
    bench.run(Duration::s(2));
    assert_eq!((bench.leader(), bench.answer(moved)), (Some(leader), None));
    assert!(bench.put(leader, "b").succeeded, "it has given up the handover");
    bench.run(Duration::s(6));
    let slow = "etcdserver: request timed out, leader transfer took too long";
    assert_eq!(bench.answer(moved).and_then(|answer| answer.error), Some(slow));
    let body = bench.admin(leader, "move-leader", hex(alive)).body;
    assert_eq!((body["to"].str(), bench.leader()), (hex(alive)["id"].str(), Some(alive)));
    assert_eq!(bench.admin(alive, "move-leader", hex(alive)).error, None, "it leads already");
}

#[test]
fn a_change_of_the_membership_that_was_given_up_is_not_proposed_later() {
    let mut bench = Bench::new(12, 3);
    let leader = bench.leader().expect("a leader");
    // The transferee's silence keeps the leader from proposing.
    let others: Vec<u16> = (1..=3).filter(|number| *number != leader).collect();
    for number in &others {
        bench.cluster.perform(Effect::Network(NetworkChange::Disconnect(MachineId(*number))), &mut bench.trace);
    }
    bench.send(leader, EtcdRequest::Admin { verb: "move-leader", args: hex(others[0]) });
    let gone = bench.admin(leader, "member-remove", hex(others[1]));
    assert!(gone.error.is_some());
    bench.run(Duration::s(10));
    for number in &others {
        bench.cluster.perform(Effect::Network(NetworkChange::Connect(MachineId(*number))), &mut bench.trace);
    }
    bench.run(Duration::s(5));
    assert_eq!(bench.admin(leader, "member-list", Value::Null).body["members"].items().len(), 3);
}

#[test]
fn leases_outlive_a_restart_and_run_anew() {
    let mut bench = Bench::new(13, 1);
    let leased = EtcdRequest::Put { key: "a".into(), expected: None, value: value!({}), ttl: Some(Duration::s(100)) };
    assert!(bench.ask(1, leased).succeeded);
    bench.run(Duration::s(50));
    bench.stop(1);
    bench.start(1, Value::Null);
    // Etcd does not know how much of the time had passed: all of it begins again, and an election's.
    bench.run(Duration::s(100));
    assert_eq!(bench.ask(1, get("a")).kvs.len(), 1);
    bench.run(Duration::s(3));
    assert!(bench.ask(1, get("a")).kvs.is_empty());
}

#[test]
fn leases_outlive_their_leader() {
    let mut bench = Bench::new(14, 3);
    let leader = bench.leader().expect("a leader");
    let leased = EtcdRequest::Put { key: "a".into(), expected: None, value: value!({}), ttl: Some(Duration::s(20)) };
    assert!(bench.ask(leader, leased).succeeded);
    bench.run(Duration::s(10));
    bench.stop(leader);
    bench.run(Duration::s(15));
    let other = leader % 3 + 1;
    assert_eq!(bench.ask(other, get("a")).kvs.len(), 1);
    bench.run(Duration::s(15));
    assert!(bench.ask(other, get("a")).kvs.is_empty());
}

#[test]
fn a_watch_gets_what_it_asked_for_or_an_end() {
    let mut bench = Bench::new(15, 3);
    let leader = bench.leader().expect("a leader");
    let revision = bench.put(leader, "k0").revision;
    bench.run(Duration::ms(300));
    let late = leader % 3 + 1;
    let (now, later) = (bench.send(late, watch(0)), bench.send(late, watch(revision + 2)));
    bench.run(Duration::ms(10));
    for key in ["k1", "k2"] {
        bench.put(leader, key);
        bench.run(Duration::ms(300));
    }
    assert_eq!(bench.watched(now).0, ["k1", "k2"]);
    assert_eq!(bench.watched(later).0, ["k2"], "a watch begins where it wants to");
    bench.send(leader, EtcdRequest::Compact { revision: revision + 1 });
    bench.run(Duration::ms(300));
    let compacted = bench.send(late, watch(revision));
    bench.run(Duration::ms(10));
    assert_eq!(bench.watched(compacted), (Vec::new(), revision + 1));

    // A member that comes back by a snapshot does not know what has been compacted meanwhile.
    bench.cluster.perform(Effect::Network(NetworkChange::Disconnect(MachineId(late))), &mut bench.trace);
    bench.put_often(leader, 5_300);
    bench.send(leader, EtcdRequest::Compact { revision: revision + 5_000 });
    bench.run(Duration::ms(300));
    bench.cluster.perform(Effect::Network(NetworkChange::Connect(MachineId(late))), &mut bench.trace);
    bench.run(Duration::s(5));
    assert!(bench.raft(late).expect("runs").log().applied() > 5_300);
    assert_eq!((bench.watched(now).0.len(), bench.watched(now).1), (2, revision + 5_000));
}

#[test]
fn a_cut_machine_neither_refuses_nor_resets() {
    let mut bench = Bench::new(16, 1);
    let watching = bench.send(1, watch(0));
    bench.run(Duration::s(1));
    bench.cluster.perform(Effect::Network(NetworkChange::Disconnect(MachineId(1))), &mut bench.trace);
    bench.stop(1);
    let failed = |bench: &Bench| {
        bench.trace.envelopes().iter().find_map(|envelope| match &envelope.message {
            Message::Failure(failure) if failure.to == watching => Some((failure.kind, envelope.due_at)),
            _ => None,
        })
    };
    let cut = bench.now;
    bench.run(Duration::s(40));
    let (kind, at) = failed(&bench).expect("noticed at last");
    assert_eq!((kind, at.since(cut).0 / 1_000_000), (FailureKind::Timeout, 30));
}

#[test]
fn a_serializable_read_is_limited_and_reads_are_numbered_across_restarts() {
    let mut bench = Bench::new(19, 3);
    let leader = bench.leader().expect("a leader");
    for key in ["k1", "k2", "k3"] {
        bench.put(leader, key);
    }
    let own = bench.admin(leader, "get", value!({"key": "k", "prefix": true, "limit": 2}));
    assert_eq!(own.body.items().len(), 2);

    let follower = leader % 3 + 1;
    let numbers = |bench: &Bench| -> Vec<u64> {
        let number = |message: &Message| match message {
            Message::Peer(peer) => match peer.raft.body {
                Body::ReadIndex(read) => Some(read.number),
                _ => None,
            },
            _ => None,
        };
        bench.trace.envelopes().iter().filter_map(|envelope| number(&envelope.message)).collect()
    };
    bench.ask(follower, get("k1"));
    bench.stop(follower);
    bench.start(follower, Value::Null);
    bench.run(Duration::s(2));
    bench.ask(follower, get("k1"));
    let numbers = numbers(&bench);
    assert!(numbers.len() >= 2 && numbers.is_sorted() && numbers.first() < numbers.last(), "{numbers:?}");
}

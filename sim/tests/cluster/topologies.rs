//! Random topologies, workloads and faults: what was acknowledged is never lost, one scheduler acts at most, Raft's promises hold, and a
//! cluster that is healed becomes what it should be.

use std::collections::{BTreeMap, BTreeSet};

use orrery_sim::core::{Duration, MachineId, Part};
use orrery_sim::etcd::Etcd;
use orrery_sim::kind::topology::Topology;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::session::Session;
use proptest::prelude::*;

use crate::invariants::{unsettled, violations};

const fn topology(control_planes: usize, workers: usize, external_etcd: usize) -> Topology {
    Topology { name: "", control_planes, workers, external_etcd }
}

const TOPOLOGIES: &[Topology] = &[topology(1, 0, 0), topology(1, 2, 3), topology(3, 1, 0), topology(3, 2, 0), topology(2, 1, 3)];

fn nodes(topology: Topology) -> Vec<String> {
    let names = |role: &str, count: usize| -> Vec<String> {
        (1..=count).map(|at| format!("kind-{role}{}", if at == 1 { String::new() } else { at.to_string() })).collect()
    };
    [names("control-plane", topology.control_planes), names("worker", topology.workers)].concat()
}

fn machines(topology: Topology) -> Vec<String> {
    let mut machines = nodes(topology);
    machines.extend((1..=topology.external_etcd).map(|at| format!("etcd{at}")));
    if topology.control_planes > 1 {
        machines.push("kind-external-load-balancer".into());
    }
    machines
}

/// Something that happens; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Act {
    Write,
    Deploy(u8, u8),
    Line(&'static str, u8, u8),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    // N is a node, M any machine, O another one.
    let lines = vec![
        "docker stop M",
        "docker kill M",
        "docker start M",
        "docker start M",
        "docker network disconnect kind M",
        "docker network connect kind M",
        "docker exec M iptables -A INPUT -s O -j DROP",
        "docker exec M iptables -F",
        "docker exec M tc qdisc replace dev eth0 root netem delay 40ms 20ms loss 3%",
        "docker exec N systemctl stop kubelet",
        "docker exec N systemctl start kubelet",
    ];
    prop_oneof![
        4 => Just(Act::Write),
        2 => (0..3_u8, 0..5_u8).prop_map(|(name, replicas)| Act::Deploy(name, replicas)),
        6 => (prop::sample::select(lines), any::<u8>(), any::<u8>()).prop_map(|(line, a, b)| Act::Line(line, a, b)),
        4 => (1..40_u64).prop_map(Act::Wait),
    ]
}

struct Trial {
    session: Session,
    topology: Topology,
    /// ConfigMaps whose creation was acknowledged.
    acknowledged: BTreeSet<String>,
    replicas: BTreeMap<String, u8>,
    applied: BTreeMap<(MachineId, u64), u64>,
    by_term: BTreeMap<u64, u64>,
    writes: u32,
}

impl Trial {
    fn new(topology: Topology, seed: u64) -> Self {
        let session = Session::new(seed);
        let mut trial = Self {
            session,
            topology,
            acknowledged: BTreeSet::new(),
            replicas: BTreeMap::new(),
            applied: BTreeMap::new(),
            by_term: BTreeMap::new(),
            writes: 0,
        };
        for line in topology.lines() {
            let (code, said) = trial.run(&line);
            assert_eq!(code, Some(0), "{line}\n{said}");
        }
        trial.wait(40);
        trial
    }

    fn run(&mut self, line: &str) -> (Option<i32>, String) {
        let command = self.session.run(line);
        let until = self.session.playhead() + Duration::s(120);
        loop {
            let result = self.session.result(command, self.session.playhead());
            if result.code.is_some() || self.session.playhead() >= until {
                return (result.code, result.stdout + &result.stderr);
            }
            self.session.seek(self.session.playhead() + Duration::ms(200));
            self.look();
        }
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.session.playhead() + Duration::s(seconds);
        while self.session.playhead() < until {
            self.session.seek(self.session.playhead() + Duration::ms(500));
            self.look();
        }
    }

    /// What must hold at any moment.
    fn look(&mut self) {
        let cluster = self.session.cluster();
        let acting = cluster.parts::<KubeScheduler>(Part::Scheduler).filter(|(_, scheduler)| scheduler.is_leading()).count();
        assert!(acting <= 1, "{acting} schedulers act at {}", self.session.playhead());
        for (_, etcd) in cluster.parts::<Etcd>(Part::Etcd) {
            let raft = etcd.raft();
            if raft.is_leader() {
                let leader = *self.by_term.entry(raft.term()).or_insert(raft.id());
                assert_eq!(leader, raft.id(), "two leaders in term {}", raft.term());
            }
        }
        // What a member has applied it keeps, also over its restarts.
        for (addr, etcd) in cluster.parts::<Etcd>(Part::Etcd) {
            let applied = etcd.raft().log().applied();
            let last = self.applied.entry((addr.machine, etcd.raft().id())).or_default();
            assert!(applied >= *last, "a member of {} forgets", cluster.directory().name(addr.machine));
            *last = applied;
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Write => {
                self.writes += 1;
                let name = format!("w{}", self.writes);
                if self.run(&format!("kubectl create configmap {name} --from-literal=a=1")).0 == Some(0) {
                    self.acknowledged.insert(name);
                }
            }
            Act::Deploy(name, replicas) => {
                let name = ["web", "api", "db"][usize::from(*name)];
                let verb = if self.replicas.contains_key(name) {
                    format!("kubectl scale deployment {name} --replicas={replicas}")
                } else {
                    format!("kubectl create deployment {name} --image=nginx:1.28 --replicas={replicas}")
                };
                if self.run(&verb).0 == Some(0) {
                    self.replicas.insert(name.to_string(), *replicas);
                } else {
                    // Nobody knows whether it happened.
                    self.replicas.remove(name);
                }
            }
            Act::Line(line, a, b) => {
                let pick = |names: Vec<String>, number: u8| names[usize::from(number) % names.len()].clone();
                let (machine, other) = (pick(machines(self.topology), *a), pick(machines(self.topology), *b));
                let node = pick(nodes(self.topology), *a);
                let words = line.split(' ').map(|word| match word {
                    "M" => machine.clone(),
                    "N" => node.clone(),
                    "O" => other.clone(),
                    word => word.to_string(),
                });
                let line = words.collect::<Vec<_>>().join(" ");
                self.run(&line);
            }
            Act::Wait(seconds) => self.wait(*seconds),
        }
    }

    fn heal(&mut self) {
        for machine in machines(self.topology) {
            self.run(&format!("docker start {machine}"));
            self.run(&format!("docker network connect kind {machine}"));
            self.run(&format!("docker exec {machine} iptables -F"));
            self.run(&format!("docker exec {machine} tc qdisc del dev eth0 root"));
        }
        for node in nodes(self.topology) {
            self.run(&format!("docker exec {node} systemctl start kubelet"));
        }
        self.wait(420);
    }
}

/// Carries out a trial; `Err` says what was wrong.
fn trial(topology: Topology, seed: u64, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut trial = Trial::new(topology, seed);
    for act in acts {
        trial.act(act);
    }
    trial.heal();
    let (code, listed) = trial.run("kubectl get nodes --no-headers");
    prop_assert_eq!(code, Some(0), "{}", listed);
    prop_assert_eq!(listed.matches(" Ready ").count(), nodes(topology).len(), "{}", listed);
    let (_, maps) = trial.run("kubectl get configmaps -o name");
    for name in &trial.acknowledged {
        let line = format!("configmap/{name}\n");
        prop_assert!(maps.contains(&line), "{} was acknowledged and is lost", name);
    }
    for (name, replicas) in trial.replicas.clone() {
        let (code, ready) = trial.run(&format!("kubectl get deployment {name} -o jsonpath={{.status.readyReplicas}}"));
        // A Deployment without ready replicas has no such field.
        let expected = if replicas == 0 { String::new() } else { replicas.to_string() };
        let pods = trial.run("kubectl describe pods,nodes").1;
        prop_assert_eq!((code, ready), (Some(0), expected), "deployment {}\n{}", name, pods);
    }
    let stores: Vec<u64> = trial.session.cluster().parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.store().revision()).collect();
    let expected = if topology.external_etcd > 0 { topology.external_etcd } else { topology.control_planes };
    prop_assert_eq!(stores.len(), expected);
    prop_assert_eq!(violations(&trial.session), Vec::<String>::new());
    prop_assert_eq!(unsettled(&trial.session), Vec::<String>::new());
    Ok(())
}

/// 10, or as many as `PROPTEST_CASES` says: a long run is `PROPTEST_CASES=5000 cargo test --release -p orrery-sim --test cluster nothing_ack`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_and_a_healed_cluster_is_as_it_should_be(
        seed in 0..1_000_000_u64,
        topology in prop::sample::select(TOPOLOGIES),
        acts in prop::collection::vec(act(), 1..14),
    ) {
        trial(topology, seed, &acts)?;
    }
}

/// Trials that have failed once.
#[test]
fn what_went_wrong_once_does_not_again() {
    let check = |topology: usize, seed: u64, acts: &[Act]| trial(TOPOLOGIES[topology], seed, acts).expect("it holds");
    // A create in a namespace that was made a moment ago, before the cache has seen it: the cluster could not be created.
    check(1, 483_790, &[Act::Write]);
    // Streams of changes whose member of etcd is switched off: they go on at another one, each change comes once.
    let acts = [Act::Line("docker stop M", 181, 0), Act::Deploy(2, 4), Act::Deploy(2, 0), Act::Line("docker stop M", 148, 92)];
    check(1, 0, &acts);
    check(4, 0, &[Act::Deploy(2, 2), Act::Line("docker network disconnect kind M", 43, 0), Act::Deploy(2, 0)]);
    // A connection that breaks while a request is still on its way through it.
    let acts = [Act::Line("docker network disconnect kind M", 114, 0), Act::Line("docker stop M", 4, 59)];
    check(2, 41_103, &acts);
    // An api-server that turns to another member of etcd, and tells its watches what has happened meanwhile.
    let acts = [
        Act::Line("docker exec M iptables -A INPUT -s O -j DROP", 183, 61),
        Act::Line("docker stop M", 156, 239),
        Act::Deploy(1, 4),
    ];
    check(4, 373_178, &acts);
    // An api-server whose member of etcd is switched off, with many requests on their way to it.
    let off = Act::Line("docker stop M", 28, 7);
    let acts = [Act::Wait(26), off, Act::Wait(30), Act::Deploy(1, 4), Act::Line("docker network connect kind M", 201, 63)];
    check(1, 158, &acts);
    // A kubelet whose status patches time out.
    let cut = Act::Line("docker exec M iptables -A INPUT -s O -j DROP", 174, 243);
    let kill = Act::Line("docker kill M", 142, 58);
    let waits = [Act::Wait(35), Act::Wait(32)];
    let acts = [
        vec![Act::Write, Act::Deploy(1, 3), Act::Write, Act::Wait(7), Act::Write, cut],
        waits.to_vec(),
        vec![kill, Act::Wait(20)],
    ];
    check(2, 525, &acts.concat());
    // An api-server whose member of etcd is lost reads the state anew: not all that happened came over a stream.
    check(1, 0, &[Act::Deploy(0, 0), Act::Line("docker stop M", 16, 0), Act::Deploy(0, 1)]);
    // A program that is ended while a request to it is still on its way through a slow link.
    let slow = Act::Line("docker exec M tc qdisc replace dev eth0 root netem delay 40ms 20ms loss 3%", 93, 198);
    let acts = [
        vec![Act::Write, Act::Deploy(0, 1), Act::Line("docker stop M", 235, 5), slow],
        vec![Act::Write, Act::Write, Act::Write, Act::Line("docker exec N systemctl stop kubelet", 242, 44)],
    ];
    check(4, 420_939, &acts.concat());
    // A load balancer that does not hear a worker for a moment, in which the kubelet asks for a token and for a ConfigMap.
    check(2, 0, &[Act::Line("docker exec M iptables -A INPUT -s O -j DROP", 4, 233), Act::Deploy(0, 1)]);
}

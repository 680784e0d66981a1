//! Clusters of different shapes under the same fault: what survives is tried out, never asserted.
//!
//! Every cluster gets the same application, and the same fault at the same simulated time. At some moments after it a copy of the cluster
//! is made for each question, and the question is put to the copy: so that the answers neither take time from each other nor
//! change what they ask for.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::{Cluster, CommandId, Duration, MachineId, Part, Time};
use crate::docker::ETCD_ROLE;
use crate::etcd::Etcd;
use crate::kcm::ControllerManager;
use crate::kind::load_balancer;
use crate::proxy::KubeProxy;
use crate::runtime::container::State;
use crate::runtime::containerd::Containerd;
use crate::scheduler::KubeScheduler;
use crate::session::Session;
use crate::value;
use crate::value::Value;

/// What every cluster runs unless told otherwise: a Deployment of three pods, on different nodes as far as there are any, behind a Service.
pub const APPLICATION: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: nginx
        image: nginx:1.28
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector:
          matchLabels:
            app: web
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
";

/// The simulated time of the fault.
pub const FAULT_AT: Time = Time(600_000_000);

/// How long after the fault the questions are asked: before anybody but the next one has noticed; when a lost node has been noticed
/// (50 s) and all leaders have been elected; when the pods of a lost node have been replaced (after another 300 s).
pub const ASKED_AFTER: [Duration; 3] = [Duration::s(10), Duration::s(120), Duration::s(480)];

/// A request that has no answer by then has failed.
const PATIENCE: Duration = Duration::s(30);
/// A pod that does not run by then does not come.
const UNTIL_A_POD_RUNS: Duration = Duration::s(60);
/// So many requests are made: each of three api-servers behind a load balancer gets one.
const TRIES: usize = 3;

/// Something that can happen to a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What happens.
    pub title: &'static str,
    /// The command line, with the names of [`resolve`].
    pub line: &'static str,
    /// The same when etcd has machines of its own and that makes a difference; else "".
    pub line_external: &'static str,
}

const fn fault(name: &'static str, title: &'static str, line: &'static str) -> Fault {
    Fault { name, title, line, line_external: "" }
}

/// The faults that the documentation of Kubernetes speaks of.
pub const FAULTS: [Fault; 12] = [
    fault("worker-off", "A worker is switched off", "docker stop {worker}"),
    fault("control-plane-off", "The leading control-plane node is switched off", "docker stop {control-plane}"),
    fault("two-control-planes-off", "Two control-plane nodes are switched off", "docker stop {control-plane} {control-plane-2}"),
    Fault {
        name: "etcd-member-off",
        title: "The leading member of etcd is lost",
        line: "docker exec {etcd} mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes",
        line_external: "docker stop {etcd}",
    },
    Fault {
        name: "etcd-majority-off",
        title: "The majority of etcd's members is lost",
        line: "docker exec {etcd-majority} mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes",
        line_external: "docker stop {etcd-majority}",
    },
    fault(
        "scheduler-off",
        "The acting scheduler is stopped",
        "docker exec {scheduler} mv /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes",
    ),
    fault(
        "controller-manager-off",
        "The acting controller-manager is stopped",
        "docker exec {controller-manager} mv /etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes",
    ),
    fault(
        "api-server-off",
        "The api-server of the leading control-plane node is stopped",
        "docker exec {control-plane} mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes",
    ),
    fault("load-balancer-off", "The load balancer is stopped", "docker stop {load-balancer}"),
    fault("kubelet-off", "The kubelet of a worker is stopped", "docker exec {worker} systemctl stop kubelet"),
    fault("worker-cut-off", "A worker is cut off from the network", "docker network disconnect kind {worker}"),
    fault(
        "control-plane-cut-off",
        "The leading control-plane node is cut off from the network",
        "docker network disconnect kind {control-plane}",
    ),
];

impl Fault {
    /// One of [`FAULTS`].
    pub fn find(name: &str) -> Option<Self> {
        FAULTS.into_iter().find(|fault| fault.name == name)
    }
}

/// So many of so many.
pub type Share = (usize, usize);

/// What was found at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survived {
    /// How long after the fault.
    pub after: Duration,
    /// Requests that read and were answered within half a minute.
    pub reads: Share,
    /// Requests that write and were answered within half a minute.
    pub writes: Share,
    /// Pods of the application whose containers run, of those that ran before the fault.
    pub running: Share,
    /// New pods that run within a minute.
    pub new_pods: Share,
    /// All pods of the application that run are deleted: for how many of them another one runs within a minute.
    pub healed: Share,
    /// Of the ways from a node that is switched on through kube-proxy's rules to an endpoint of the application's services, how many
    /// end at a running pod. `None` without services.
    pub traffic: Option<Share>,
}

/// What a fault did to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The command lines that were the fault; none when the cluster has nothing that it could befall.
    pub lines: Vec<String>,
    /// What survived, at each of [`ASKED_AFTER`].
    pub survived: Vec<Survived>,
}

/// A cluster that these lines bring about, with an application (manifests), just before the fault.
///
/// Fails when a line fails or there is not enough time for it.
pub fn prepare(seed: u64, lines: &[String], application: &str) -> Result<Session, String> {
    let mut session = Session::with_files(seed, BTreeMap::from([("application.yaml".to_string(), application.to_string())]));
    // kind is done before its nodes are ready; whatever is applied then comes to the first one that is.
    let then = ["kubectl wait nodes --all --for=condition=Ready --timeout=300s", "kubectl apply -f application.yaml"]
        .map(str::to_string);
    for line in lines.iter().chain(&then) {
        let command = session.run(line);
        let result = session.finish(command, FAULT_AT.since(session.playhead()));
        match result.code {
            Some(0) => {}
            Some(_) => return Err(format!("{line}: {}", result.stderr.trim_end())),
            None => return Err(format!("{line}: has not ended when the fault is due, {FAULT_AT} after the beginning")),
        }
    }
    session.seek(FAULT_AT);
    Ok(session)
}

/// Carries out a fault on a copy of a cluster and finds out what survives. In the line stand real names, or those of [`resolve`].
pub fn measure(before: &Session, line: &str) -> Result<Outcome, String> {
    let lines = resolve(line, before.cluster())?;
    let mut session = before.clone();
    let ran = running(before.cluster());
    let commands: Vec<CommandId> = lines.iter().map(|line| session.run(line)).collect();
    let mut survived = Vec::new();
    for after in ASKED_AFTER.iter().take(if lines.is_empty() { 0 } else { ASKED_AFTER.len() }) {
        session.seek(FAULT_AT + *after);
        survived.push(ask(&session, *after, &ran));
    }
    for (command, line) in commands.iter().zip(&lines) {
        let result = session.result(*command, session.playhead());
        if result.code != Some(0) {
            return Err(format!("{line}: {}", result.stderr.trim_end()));
        }
    }
    Ok(Outcome { lines, survived })
}

/// Puts machines' names into a line: `{worker}` the first worker that runs a pod of the application; `{control-plane}` the node whose member of etcd leads, or whose
/// controller-manager acts when etcd is elsewhere, `{control-plane-2}` the next one; `{etcd}` the machine of etcd's leader; `{scheduler}`,
/// `{controller-manager}` the node whose one acts; `{load-balancer}`. A line with `{etcd-majority}` becomes one for each machine of as
/// many members as the others cannot do without, the leader first. A name that nothing bears makes no lines.
pub fn resolve(line: &str, cluster: &Cluster) -> Result<Vec<String>, String> {
    let Some((head, rest)) = line.split_once('{') else { return Ok(vec![line.to_string()]) };
    let Some((name, tail)) = rest.split_once('}') else { return Err(format!("{line}: a name in braces has no end")) };
    let Some(machines) = machines(name, cluster) else { return Err(format!("{line}: there is no {{{name}}}")) };
    let mut lines = Vec::new();
    for machine in machines {
        let machine = cluster.directory().name(machine);
        lines.extend(resolve(&format!("{head}{machine}{tail}"), cluster)?);
    }
    Ok(lines)
}

/// The machines that a name means; `None` when it is no name.
fn machines(name: &str, cluster: &Cluster) -> Option<Vec<MachineId>> {
    let of_role = |role: &str| -> Vec<MachineId> {
        let machines = cluster.machines().iter().enumerate();
        machines
            .filter(|(_, machine)| !machine.removed && machine.spec.role == role)
            .map(|(at, _)| MachineId(at as u16))
            .collect()
    };
    let acting = |part: Part| -> Vec<MachineId> {
        let schedulers = cluster.parts::<KubeScheduler>(part).filter(|(_, scheduler)| scheduler.is_leading());
        let managers = cluster.parts::<ControllerManager>(part).filter(|(_, manager)| manager.is_working());
        schedulers.map(|(addr, _)| addr.machine).chain(managers.map(|(addr, _)| addr.machine)).collect()
    };
    let manager = Part::Controller(crate::core::Controller::Manager);
    let mut members: Vec<MachineId> = cluster.parts::<Etcd>(Part::Etcd).map(|(addr, _)| addr.machine).collect();
    let leader = cluster.parts::<Etcd>(Part::Etcd).find(|(_, etcd)| etcd.raft().is_leader()).map(|(addr, _)| addr.machine);
    let first = |list: &mut Vec<MachineId>, first: Option<MachineId>| {
        if let Some(at) = list.iter().position(|machine| Some(*machine) == first) {
            let machine = list.remove(at);
            list.insert(0, machine);
        }
    };
    first(&mut members, leader);
    let mut control_planes = of_role("control-plane");
    first(&mut control_planes, if of_role(ETCD_ROLE).is_empty() { leader } else { acting(manager).first().copied() });
    let one = |list: Vec<MachineId>| list.into_iter().take(1).collect();
    Some(match name {
        "worker" => {
            let pods = running(cluster);
            one(of_role("worker").into_iter().filter(|machine| pods.iter().any(|pod| pod.machine == *machine)).collect())
        }
        "control-plane" => one(control_planes),
        "control-plane-2" => control_planes.into_iter().skip(1).take(1).collect(),
        "etcd" => one(members),
        // What is left of n members is no majority when (n + 1) / 2 of them are lost.
        "etcd-majority" => {
            let most = members.len().div_ceil(2);
            members.into_iter().take(most).collect()
        }
        "scheduler" => one(acting(Part::Scheduler)),
        "controller-manager" => one(acting(manager)),
        "load-balancer" => one(of_role(load_balancer::ROLE)),
        _ => return None,
    })
}

/// A pod of the namespace `default` that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RunningPod {
    name: String,
    uid: String,
    ip: String,
    machine: MachineId,
}

/// The pods of the namespace `default` with a container that runs, as the runtimes of the machines know them.
fn running(cluster: &Cluster) -> BTreeSet<RunningPod> {
    let mut pods = BTreeSet::new();
    for (addr, runtime) in cluster.parts::<Containerd>(Part::Runtime) {
        let runs: BTreeSet<&str> = runtime
            .containers()
            .filter(|container| container.state == State::Running)
            .map(|container| container.sandbox.as_str())
            .collect();
        for sandbox in
            runtime.sandboxes().filter(|sandbox| sandbox.namespace() == "default" && runs.contains(sandbox.id.as_str()))
        {
            let field = |name: &str| sandbox.metadata[name].str().to_string();
            pods.insert(RunningPod { name: field("name"), uid: field("uid"), ip: sandbox.ip.to_string(), machine: addr.machine });
        }
    }
    pods
}

fn ask(session: &Session, after: Duration, ran: &BTreeSet<RunningPod>) -> Survived {
    let now = running(session.cluster());
    let of_try = |line: &str| -> Vec<String> { (1..=TRIES).map(|number| format!("{line}-{number}")).collect() };
    let deletions: Vec<String> = now.iter().map(|pod| format!("kubectl delete pod {} --wait=false", pod.name)).collect();
    let runs: Vec<String> = of_try("kubectl run --image=nginx:1.28 probe");
    Survived {
        after,
        reads: answered(session, &vec!["kubectl get pods".to_string(); TRIES]),
        writes: answered(session, &of_try("kubectl create configmap probe")),
        running: (now.len(), ran.len()),
        new_pods: (come(session, &runs, &now), TRIES),
        healed: (come(session, &deletions, &now), now.len()),
        traffic: traffic(session.cluster()),
    }
}

/// Gives some command lines one after the other, without waiting for them, and counts those that succeed in time.
fn answered(session: &Session, lines: &[String]) -> Share {
    let mut session = session.clone();
    let mut commands = Vec::new();
    for line in lines {
        commands.push(session.run(line));
        // Apart from each other, so that each has a connection of its own.
        session.seek(session.playhead() + Duration::ms(100));
    }
    session.seek(session.playhead() + PATIENCE);
    let good = commands.iter().filter(|command| session.result(**command, session.playhead()).code == Some(0)).count();
    (good, lines.len())
}

/// Gives some command lines at once, each again whenever it fails, and counts the pods that come to run, as many as there are lines at most.
fn come(session: &Session, lines: &[String], before: &BTreeSet<RunningPod>) -> usize {
    let mut session = session.clone();
    let end = session.playhead() + UNTIL_A_POD_RUNS;
    let mut commands: Vec<CommandId> = lines.iter().map(|line| session.run(line)).collect();
    loop {
        let new = |pod: &&RunningPod| !before.iter().any(|old| old.uid == pod.uid);
        let come = running(session.cluster()).iter().filter(new).count();
        if come >= lines.len() || session.playhead() >= end {
            return come.min(lines.len());
        }
        session.seek(session.playhead() + Duration::s(1));
        for (command, line) in commands.iter_mut().zip(lines) {
            if session.result(*command, session.playhead()).code.is_some_and(|code| code != 0) {
                *command = session.run(line);
            }
        }
    }
}

/// Goes from every node that is switched on to every endpoint that its kube-proxy would choose. A service without endpoints is a way
/// that leads nowhere.
fn traffic(cluster: &Cluster) -> Option<Share> {
    let pods = running(cluster);
    let faults = cluster.faults();
    let (mut reached, mut ways) = (0, 0);
    for (addr, proxy) in cluster.parts::<KubeProxy>(Part::KubeProxy) {
        let here = addr.machine;
        let services =
            proxy.rules().iter().filter(|(name, _)| name.starts_with("default/") && **name != "default/kubernetes:https");
        for (_, rule) in services {
            ways += rule.endpoints.len().max(1);
            reached += rule
                .endpoints
                .iter()
                .filter(|endpoint| {
                    let ip = endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(ip, _)| ip);
                    let open = |there| !faults.is_cut(here, there) && !faults.is_cut(there, here);
                    pods.iter().any(|pod| pod.ip == ip && open(pod.machine))
                })
                .count();
        }
    }
    let services = cluster.parts::<KubeProxy>(Part::KubeProxy).next().is_none() || ways > 0;
    services.then_some((reached, ways))
}

/// The questions, in the order of [`Survived::answers`].
pub const QUESTIONS: [&str; 6] = ["API reads", "API writes", "running pods", "new pods", "self-healing", "traffic"];

impl Survived {
    /// The answers in words: `3/3`, `66 %`.
    pub fn answers(&self) -> [String; 6] {
        let share = |(good, all): Share| format!("{good}/{all}");
        let traffic = match self.traffic {
            None => "-".to_string(),
            Some((reached, ways)) => format!("{} %", reached * 100 / ways.max(1)),
        };
        [share(self.reads), share(self.writes), share(self.running), share(self.new_pods), share(self.healed), traffic]
    }

    fn to_value(&self) -> Value {
        let share = |(good, all): Share| value!({"of": all, "ok": good});
        value!({
            "afterSeconds": self.after.as_millis() / 1_000,
            "apiReads": share(self.reads), "apiWrites": share(self.writes), "runningPods": share(self.running),
            "newPods": share(self.new_pods), "selfHealing": share(self.healed),
            "traffic": self.traffic.map_or(Value::Null, share),
        })
    }
}

impl Outcome {
    /// One answer to each of [`QUESTIONS`]: one where it was always the same, else all in the order of time.
    pub fn answers(&self) -> Vec<String> {
        let moments: Vec<[String; 6]> = self.survived.iter().map(Survived::answers).collect();
        let answer = |question: usize| {
            let said: Vec<&str> = moments.iter().map(|answers| answers[question].as_str()).collect();
            match said.first() {
                None => "-".to_string(),
                Some(first) if said.iter().all(|other| other == first) => (*first).to_string(),
                Some(_) => said.join(" → "),
            }
        };
        (0..QUESTIONS.len()).map(answer).collect()
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        let lines: Value = self.lines.iter().map(Value::from).collect();
        value!({"fault": lines, "survived": self.survived.iter().map(Survived::to_value).collect::<Value>()})
    }
}

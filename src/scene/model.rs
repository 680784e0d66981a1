//! What stands at a moment: machines with their parts, nodes, pods. Made from the cluster as it is at the playhead.

use orrery_sim::core::collections::PMap;
use orrery_sim::core::collections::sort::Sort as _;

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{NODES, PODS};
use orrery_sim::core::{Addr, Cluster, Controller, MachineId, Part};
use orrery_sim::etcd::raft::Role;
use orrery_sim::etcd::{Etcd, Store};
use orrery_sim::kcm::ControllerManager;
use orrery_sim::kind::load_balancer::LoadBalancer;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::value::Value;

use super::quantity;

/// Everything that the stage shows of one moment, but for the messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewModel {
    /// Name of the cluster that kind made; "" when there is none.
    pub cluster: String,
    /// Machines of the cluster: control-plane nodes first, then workers, each in the order of their numbers.
    pub machines: Vec<MachineView>,
    /// Pods that no node has been found for yet.
    pub unscheduled: Vec<PodView>,
    /// etcd's revision.
    pub revision: u64,
    /// The load balancer in front of several control-plane nodes.
    pub balancer: Option<BalancerView>,
}

/// The load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancerView {
    /// Its machine.
    pub id: MachineId,
    /// Its machine's name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether its machine is off the network.
    pub cut: bool,
    /// Its servers: name, and whether it gets connections.
    pub backends: Vec<(String, bool)>,
}

/// A member of etcd, where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdView {
    /// Whether it leads, and if not, whether it knows who does.
    pub role: EtcdRole,
    /// Its term.
    pub term: u64,
    /// Its last entry.
    pub last: u64,
    /// Up to which entry it has applied.
    pub applied: u64,
}

/// What a member of etcd is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtcdRole {
    /// It leads.
    Leader,
    /// It follows a leader.
    Follower,
    /// It has votes, or asks for them: so many of so many.
    Candidate(usize, usize),
    /// It knows no leader.
    Lost,
    /// It does not vote yet.
    Learner,
}

/// A machine: a node, or about to become one.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineView {
    /// Its number.
    pub id: MachineId,
    /// Its name, which is the node's name.
    pub name: String,
    /// Whether the control plane runs here.
    pub control_plane: bool,
    /// Whether it is a machine of etcd's own.
    pub etcd_only: bool,
    /// Whether it is switched on.
    pub powered: bool,
    /// Whether it is off the network.
    pub cut: bool,
    /// Its member of etcd, where there are several.
    pub etcd: Option<EtcdView>,
    /// Whether its scheduler and its controller-manager lead; `None` where there is only one.
    pub leads: Option<(bool, bool)>,
    /// The parts that run.
    pub parts: Vec<Part>,
    /// The node that its kubelet registered, if it did.
    pub node: Option<NodeView>,
    /// Its pods, in the order in which they came.
    pub pods: Vec<PodView>,
}

/// What the Node object says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// As `kubectl get nodes` prints them; empty when it would print `<none>`.
    pub roles: Vec<String>,
    /// The STATUS column.
    pub status: String,
    /// Whether its Ready condition is True.
    pub ready: bool,
    /// The kubelet's version.
    pub version: String,
    /// Requested against allocatable: cpu, memory, pods.
    pub gauges: Vec<GaugeView>,
}

/// One resource of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeView {
    /// Name as drawn: `cpu`, `mem`, `pods`.
    pub name: &'static str,
    /// Requested divided by allocatable.
    pub share: f64,
    /// Such as `2.1 / 4`.
    pub text: String,
}

/// How far a pod has come, as its cell shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodPhase {
    /// No node yet, or the kubelet has not begun: dashed.
    Pending,
    /// Sandbox, images, containers are being made: half filled.
    Creating,
    /// Its containers run, not all of them are ready: filled, with a dotted outline.
    Started,
    /// Ready: filled.
    Running,
    /// Being deleted: hatched.
    Terminating,
    /// A container failed or waits to be restarted: crossed.
    Failed,
    /// Ended well: outline with a tick.
    Succeeded,
}

impl PodPhase {
    /// The CSS class of a cell.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Creating => "creating",
            Self::Started => "started",
            Self::Running => "running",
            Self::Terminating => "terminating",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
        }
    }
    /// All phases in the order of the legend.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Creating, Self::Started, Self::Running, Self::Terminating, Self::Failed, Self::Succeeded];
}

/// A pod's cell.
#[derive(Clone, Debug, PartialEq)]
pub struct PodView {
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// What it belongs to, shortened: `web`.
    pub owner: String,
    /// Index of its hue.
    pub hue: u8,
    /// How far it has come.
    pub phase: PodPhase,
    /// The STATUS column, shortened to the reasons that matter here.
    pub status: String,
    /// Whether it belongs to the cluster itself (`kube-system` and the like).
    pub system: bool,
}

/// How many hues pods can have (`--pod-0` … in `theme.css`).
pub const HUES: u8 = 6;

impl ViewModel {
    /// The view of a cluster at its present moment.
    pub fn of(cluster: &Cluster) -> Self {
        let store = store(cluster);
        let mut nodes: PMap<&str, &Value> = PMap::new();
        let mut pods: PMap<&str, Vec<&Value>> = PMap::new();
        if let Some(store) = store {
            nodes.extend(objects(store, NODES).map(|node| (node.name(), node)));
            let prefix = PODS.etcd_key("", "");
            let mut all: Vec<(u64, &Value)> = store.prefix(&prefix).map(|entry| (entry.create_revision, &entry.value)).collect();
            all.order_by_key(|(created, _)| *created);
            for (_, pod) in all {
                pods.entry(pod["spec"]["nodeName"].str()).or_default().push(pod);
            }
        }
        let several = cluster.parts::<Etcd>(Part::Etcd).any(|(_, etcd)| etcd.members().count() > 1);
        let balanced = cluster.machines().iter().any(|machine| !machine.removed && machine.spec.role.as_str() == BALANCER);
        let mut machines: Vec<MachineView> = cluster
            .machines()
            .iter()
            .enumerate()
            .filter(|(index, machine)| *index > 0 && !machine.removed && machine.spec.role.as_str() != BALANCER)
            .map(|(index, machine)| {
                let name = machine.spec.name.as_str();
                let own = pods.get(name).map_or(&[][..], Vec::as_slice);
                MachineView {
                    id: MachineId(index as u16),
                    name: name.to_string(),
                    control_plane: machine.spec.role.as_str() == "control-plane",
                    etcd_only: machine.spec.role.as_str() == "etcd",
                    powered: machine.powered,
                    cut: cluster.faults().is_disconnected(MachineId(index as u16)),
                    etcd: machine.part::<Etcd>(Part::Etcd).filter(|_| several).map(EtcdView::of),
                    leads: balanced.then(|| {
                        let scheduler = machine.part::<KubeScheduler>(Part::Scheduler).is_some_and(KubeScheduler::is_leading);
                        let manager = Part::Controller(Controller::Manager);
                        (scheduler, machine.part::<ControllerManager>(manager).is_some_and(ControllerManager::is_working))
                    }),
                    parts: machine.parts().collect(),
                    node: nodes.get(name).map(|node| NodeView::of(node, own)),
                    pods: own.iter().map(|pod| PodView::of(pod)).collect(),
                }
            })
            .collect();
        machines.order_by_key(|machine| (!machine.control_plane, machine.etcd_only, machine.id));
        let balancer = cluster.machines().iter().position(|machine| !machine.removed && machine.spec.role.as_str() == BALANCER);
        let name = cluster.machines().iter().skip(1).find(|machine| !machine.removed && !machine.spec.cluster.is_empty());
        Self {
            cluster: name.map(|machine| machine.spec.cluster.to_string()).unwrap_or_default(),
            machines,
            unscheduled: pods.get("").into_iter().flatten().map(|pod| PodView::of(pod)).collect(),
            revision: store.map_or(0, Store::revision),
            balancer: balancer.map(|index| BalancerView::of(MachineId(index as u16), cluster)),
        }
    }

    /// The number of pods, those without a node included.
    pub fn pod_count(&self) -> usize {
        self.unscheduled.len() + self.machines.iter().map(|machine| machine.pods.len()).sum::<usize>()
    }

    /// The number of registered nodes.
    pub fn node_count(&self) -> usize {
        self.machines.iter().filter(|machine| machine.node.is_some()).count()
    }
}

/// The role of the load balancer's container.
const BALANCER: &str = orrery_sim::kind::load_balancer::ROLE;

impl BalancerView {
    fn of(id: MachineId, cluster: &Cluster) -> Self {
        let running = cluster.part::<LoadBalancer>(Addr::new(id, Part::LoadBalancer));
        let machine = &cluster.machines()[id.0 as usize];
        let backends = running.map(|balancer| balancer.backends().iter().map(|backend| (backend.name.to_string(), backend.up)));
        Self {
            id,
            name: machine.spec.name.to_string(),
            running: machine.powered && running.is_some(),
            cut: cluster.faults().is_disconnected(id),
            backends: backends.into_iter().flatten().collect(),
        }
    }
}

impl EtcdView {
    fn of(etcd: &Etcd) -> Self {
        let raft = etcd.raft();
        let voters = raft.conf().voters.len();
        let role = match raft.role() {
            Role::Leader => EtcdRole::Leader,
            Role::Candidate | Role::PreCandidate => {
                EtcdRole::Candidate(raft.votes().values().filter(|granted| **granted).count(), voters)
            }
            Role::Follower if raft.conf().learners.contains(&raft.id()) => EtcdRole::Learner,
            Role::Follower if raft.lead() == 0 => EtcdRole::Lost,
            Role::Follower => EtcdRole::Follower,
        };
        Self { role, term: raft.term(), last: raft.log().last_index(), applied: raft.log().applied() }
    }
}

/// What etcd holds: of the running member with the highest revision, or what lies on the disk of a machine whose etcd is down.
pub fn store(cluster: &Cluster) -> Option<&Store> {
    let running = cluster.parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.store());
    let resting = cluster
        .machines()
        .iter()
        .filter(|machine| !machine.removed)
        .filter_map(|machine| Some(&machine.disk.etcd.as_ref()?.state.store));
    running.chain(resting).max_by_key(|store| store.revision())
}

/// All objects of a resource in the order of their keys.
pub fn objects(store: &Store, resource: Resource) -> impl Iterator<Item = &Value> {
    let prefix = resource.etcd_key("", "");
    let keys: Vec<&Value> = store.prefix(&prefix).map(|entry| &entry.value).collect();
    keys.into_iter()
}

impl NodeView {
    fn of(node: &Value, pods: &[&Value]) -> Self {
        let roles = node["metadata"]["labels"]
            .entries()
            .iter()
            .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
            .map(str::to_string)
            .collect();
        let ready = node.condition("Ready").map_or("Unknown", |condition| match condition["status"].str() {
            "True" => "Ready",
            _ => "NotReady",
        });
        let cordoned = if node["spec"]["unschedulable"].is_true() { ",SchedulingDisabled" } else { "" };
        Self {
            roles,
            status: format!("{ready}{cordoned}"),
            ready: ready == "Ready",
            version: node["status"]["nodeInfo"]["kubeletVersion"].str().to_string(),
            gauges: gauges(&node["status"]["allocatable"], pods),
        }
    }
}

fn gauges(allocatable: &Value, pods: &[&Value]) -> Vec<GaugeView> {
    let active: Vec<&&Value> =
        pods.iter().filter(|pod| !matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed")).collect();
    let requested = |resource: &str| -> i64 {
        active
            .iter()
            .flat_map(|pod| pod["spec"]["containers"].items())
            .map(|container| quantity::milli(container["resources"]["requests"][resource].str()))
            .sum()
    };
    let share = |used: i64, of: i64| if of == 0 { 0.0 } else { used as f64 / of as f64 };
    let cpu = (requested("cpu"), quantity::milli_of(&allocatable["cpu"]));
    let memory = (requested("memory"), quantity::milli_of(&allocatable["memory"]));
    let count = (active.len() as i64, quantity::milli_of(&allocatable["pods"]) / 1000);
    let gibi = |milli: i64| milli as f64 / 1000.0 / f64::from(1 << 30);
    vec![
        GaugeView {
            name: "cpu",
            share: share(cpu.0, cpu.1),
            text: format!("{} / {}", short(cpu.0 as f64 / 1000.0), short(cpu.1 as f64 / 1000.0)),
        },
        GaugeView {
            name: "mem",
            share: share(memory.0, memory.1),
            text: format!("{} / {} Gi", short(gibi(memory.0)), short(gibi(memory.1))),
        },
        GaugeView { name: "pods", share: share(count.0, count.1), text: format!("{} / {}", count.0, count.1) },
    ]
}

/// At most one decimal, none when it is zero; two below a tenth.
fn short(value: f64) -> String {
    let text = if value > 0.0 && value < 0.1 { format!("{value:.2}") } else { format!("{value:.1}") };
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}

impl PodView {
    /// The view of a Pod object.
    pub fn of(pod: &Value) -> Self {
        let (phase, status) = phase(pod);
        let owner = owner(pod);
        let namespace = pod.namespace().to_string();
        let hash = owner
            .bytes()
            .chain(namespace.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self {
            name: pod.name().to_string(),
            uid: pod.uid().to_string(),
            hue: ((hash >> 32) % u64::from(HUES)) as u8,
            phase,
            status,
            system: is_system(&namespace),
            namespace,
            owner,
        }
    }
}

/// Whether a namespace belongs to the cluster itself rather than to what its users run.
pub fn is_system(namespace: &str) -> bool {
    matches!(namespace, "kube-system" | "kube-public" | "kube-node-lease" | "local-path-storage")
}

/// What a pod belongs to: the Deployment (a ReplicaSet's name without its hash), another controller, or the pod itself.
fn owner(pod: &Value) -> String {
    match pod.controller() {
        Some(owner) if owner["kind"].str() == "ReplicaSet" => {
            let name = owner["name"].str();
            let hash = pod.label("pod-template-hash").unwrap_or("-");
            name.strip_suffix(hash).and_then(|name| name.strip_suffix('-')).unwrap_or(name).to_string()
        }
        // A static pod belongs to its node and is named after both.
        Some(owner) if owner["kind"].str() == "Node" => {
            let name = pod.name();
            name.strip_suffix(owner["name"].str()).and_then(|name| name.strip_suffix('-')).unwrap_or(name).to_string()
        }
        Some(owner) => owner["name"].str().to_string(),
        None => pod.name().to_string(),
    }
}

/// The phase of the cell and the STATUS that goes with it.
fn phase(pod: &Value) -> (PodPhase, String) {
    let phase = pod["status"]["phase"].str();
    if pod.is_terminating() {
        return (PodPhase::Terminating, "Terminating".into());
    }
    let statuses = pod["status"]["containerStatuses"].items();
    let waiting = statuses.iter().find_map(|status| status["state"]["waiting"]["reason"].as_str());
    let failed = statuses.iter().find_map(|status| {
        let ended = &status["state"]["terminated"];
        (!ended.is_null() && ended["exitCode"].int() != 0).then(|| match ended["reason"].str() {
            "" => "Error".to_string(),
            reason => reason.to_string(),
        })
    });
    match phase {
        "Succeeded" => return (PodPhase::Succeeded, "Completed".into()),
        "Failed" => {
            let reason = pod["status"]["reason"].as_str().map(str::to_string).or(failed);
            return (PodPhase::Failed, reason.unwrap_or_else(|| "Error".into()));
        }
        _ => {}
    }
    if let Some(reason) = failed {
        return (PodPhase::Failed, reason);
    }
    match waiting {
        Some(reason @ ("ContainerCreating" | "PodInitializing")) => return (PodPhase::Creating, reason.into()),
        Some(reason) => return (PodPhase::Failed, reason.into()),
        None => {}
    }
    if pod["spec"]["nodeName"].str().is_empty() || pod["status"]["startTime"].is_null() {
        return (PodPhase::Pending, "Pending".into());
    }
    match (phase, pod.condition_true("Ready")) {
        ("Running", true) => (PodPhase::Running, "Running".into()),
        ("Running", false) => (PodPhase::Started, "Running".into()),
        _ => (PodPhase::Creating, "Pending".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::value;

    fn phase_of(status: Value, node: &'static str) -> (PodPhase, String) {
        phase(&value!({"metadata": {"name": "web"}, "spec": {"nodeName": node}, "status": status}))
    }

    #[test]
    fn a_cell_follows_the_pod() {
        assert_eq!(phase_of(value!({"phase": "Pending"}), "").0, PodPhase::Pending);
        assert_eq!(phase_of(value!({"phase": "Pending"}), "kind-worker").0, PodPhase::Pending);
        let creating = value!({"phase": "Pending", "startTime": "t", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]});
        assert_eq!(phase_of(creating, "kind-worker"), (PodPhase::Creating, "ContainerCreating".into()));
        let ready = value!({"phase": "Running", "startTime": "t", "conditions": [{"type": "Ready", "status": "True"}]});
        assert_eq!(phase_of(ready, "kind-worker").0, PodPhase::Running);
        let crashing = value!({"phase": "Running", "startTime": "t", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
        assert_eq!(phase_of(crashing, "kind-worker"), (PodPhase::Failed, "CrashLoopBackOff".into()));
        let killed = value!({"phase": "Running", "startTime": "t", "containerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]});
        assert_eq!(phase_of(killed, "kind-worker"), (PodPhase::Failed, "OOMKilled".into()));
    }

    #[test]
    fn owners_are_named_as_users_name_them() {
        let replica = value!({"metadata": {"name": "web-cc544bdcc-k6k55", "labels": {"pod-template-hash": "cc544bdcc"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-cc544bdcc", "controller": true}]}});
        assert_eq!(owner(&replica), "web");
        let mirror = value!({"metadata": {"name": "etcd-kind-control-plane",
            "ownerReferences": [{"kind": "Node", "name": "kind-control-plane", "controller": true}]}});
        assert_eq!(owner(&mirror), "etcd");
    }

    #[test]
    fn gauges_add_up_requests() {
        let pod = |phase: &'static str| {
            value!({"spec": {"containers": [
                {"resources": {"requests": {"cpu": "100m", "memory": "512Mi"}}},
                {"resources": {"requests": {"cpu": "2"}}}]}, "status": {"phase": phase}})
        };
        let (running, ended) = (pod("Running"), pod("Succeeded"));
        let allocatable = value!({"cpu": "4", "memory": "8Gi", "pods": "110"});
        let gauges = gauges(&allocatable, &[&running, &ended]);
        let texts: Vec<&str> = gauges.iter().map(|gauge| gauge.text.as_str()).collect();
        assert_eq!(texts, ["2.1 / 4", "0.5 / 8 Gi", "1 / 110"]);
        assert!((gauges[0].share - 0.525).abs() < 1e-9);
    }
}

//! What stands at a moment: machines with their parts, nodes, pods. Made from the cluster as it is at the playhead.

use std::rc::Rc;

use orrery_sim::api::Resource;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::faults::{Chain, Netem};
use orrery_sim::core::{Addr, Cluster, MachineId, Part};
use orrery_sim::etcd::raft::Role;
use orrery_sim::etcd::{Etcd, Store};
use orrery_sim::kind::load_balancer::LoadBalancer;
use orrery_sim::value::{Text, Value};

use super::quantity;

/// Everything that the stage shows of one moment, but for the messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewModel {
    /// Name of the cluster that kind made; "" when there is none.
    pub cluster: String,
    /// Machines of the cluster: control-plane nodes first, then workers, each in the order of their numbers.
    /// Nodes without a machine (whose kubelet is not simulated) follow.
    pub machines: Vec<Rc<MachineView>>,
    /// Pods that no node has been found for yet.
    pub unscheduled: Rc<Pods>,
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
    /// What is wrong with its links.
    pub links: Links,
    /// Its servers: name, and whether it gets connections.
    pub backends: Vec<(String, bool)>,
}

/// What is wrong with a machine's links, as `iptables` and `tc` were told there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// From or to which machines it drops packets.
    pub drops: Vec<(Chain, MachineId)>,
    /// Whether it sends slowly, or loses some of what it sends.
    pub netem: Option<Netem>,
}

impl Links {
    pub(super) fn of(machine: MachineId, cluster: &Cluster) -> Self {
        Self { drops: cluster.faults().drops(machine).collect(), netem: cluster.faults().netem(machine) }
    }

    /// Whether it drops what comes from or goes to another machine.
    pub fn drop(&self, other: MachineId) -> bool {
        self.drops.iter().any(|(_, have)| *have == other)
    }
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
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// What is wrong with its links.
    pub links: Links,
    /// Its member of etcd, where there are several.
    pub etcd: Option<EtcdView>,
    /// Whether its scheduler and its controller-manager lead; `None` where there is only one.
    pub leads: Option<(bool, bool)>,
    /// The parts that run.
    pub parts: Vec<Part>,
    /// The node that its kubelet registered, if it did.
    pub node: Option<NodeView>,
    /// Its pods.
    pub pods: Rc<Pods>,
}

impl MachineView {
    /// The name without its first word, which those of a cluster share: `control-plane2`.
    pub fn end_of_name(&self) -> &str {
        self.name.split_once('-').map_or(&self.name, |(_, end)| end)
    }
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
    /// `topology.kubernetes.io/zone`
    pub zone: Text,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodPhase {
    /// No node yet, or the kubelet has not begun: dashed.
    #[default]
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
    /// The phase of a Pod object.
    pub fn of(pod: &Value) -> Self {
        phase(pod).0
    }
    /// All phases in the order of the legend.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Creating, Self::Started, Self::Running, Self::Terminating, Self::Failed, Self::Succeeded];
}

/// A pod's cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodView {
    /// `metadata.namespace`
    pub namespace: Text,
    /// `metadata.name`
    pub name: Text,
    /// `metadata.uid`
    pub uid: Text,
    /// What it belongs to, shortened: `web`.
    pub owner: Text,
    /// Name of its controller, `web-cc544bdcc`; empty when it has none.
    pub controller: Text,
    /// `spec.nodeName`
    pub node: Text,
    /// Index of its hue.
    pub hue: u8,
    /// How far it has come.
    pub phase: PodPhase,
    /// The STATUS column, shortened to the reasons that matter here.
    pub status: Text,
    /// Whether it belongs to the cluster itself (`kube-system` and the like).
    pub system: bool,
    /// etcd's revision at which it was created: pods stand in this order.
    pub created: u64,
    /// Requested cpu and memory in thousandths; nothing when it has ended.
    pub requests: (i64, i64),
    /// Whether all of its containers have ended for good.
    pub ended: bool,
}

/// The pods of a node or of another group, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// All of them.
    pub list: Vec<Rc<PodView>>,
    /// How many there are of each phase, in the order of [`PodPhase::ALL`].
    pub phases: [u32; PodPhase::ALL.len()],
    /// How many there are of each hue.
    pub hues: [u32; HUES as usize],
    /// Those of users, where others are among them.
    users: Option<Rc<Self>>,
}

impl Pods {
    /// These pods.
    pub fn new(mut list: Vec<Rc<PodView>>) -> Rc<Self> {
        list.order_by_key(|pod| pod.created);
        let mut pods = Self::default();
        for pod in &list {
            pods.phases[pod.phase as usize] += 1;
            pods.hues[usize::from(pod.hue % HUES)] += 1;
        }
        if list.iter().any(|pod| pod.system) {
            pods.users = Some(Self::new(list.iter().filter(|pod| !pod.system).map(Rc::clone).collect()));
        }
        pods.list = list;
        Rc::new(pods)
    }

    /// Without those of the cluster itself.
    fn users(self: &Rc<Self>) -> &Rc<Self> {
        self.users.as_ref().unwrap_or(self)
    }
}

impl std::ops::Deref for Pods {
    type Target = [Rc<PodView>];
    fn deref(&self) -> &[Rc<PodView>] {
        &self.list
    }
}

/// How many hues pods can have (`--pod-0` … in `theme.css`).
pub const HUES: u8 = 6;

impl ViewModel {
    /// A machine; they stand in the order of what they are for, then of their numbers.
    pub fn machine(&self, id: MachineId) -> Option<&MachineView> {
        let kinds = [(false, false), (true, false), (true, true), (false, true)];
        let place = |machine: &Rc<MachineView>| (!machine.control_plane, machine.etcd_only, machine.id);
        let found =
            kinds.into_iter().find_map(|(worker, etcd)| self.machines.binary_search_by_key(&(worker, etcd, id), place).ok());
        found.map(|at| &*self.machines[at])
    }

    /// The number of pods, those without a node included.
    pub fn pod_count(&self) -> usize {
        self.unscheduled.len() + self.machines.iter().map(|machine| machine.pods.len()).sum::<usize>()
    }

    /// Whether it shows the same; what a look takes over from the last one is the same by identity.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.cluster, self.revision, &self.balancer) == (&other.cluster, other.revision, &other.balancer)
            && Rc::ptr_eq(&self.unscheduled, &other.unscheduled)
            && self.machines.len() == other.machines.len()
            && self.machines.iter().zip(&other.machines).all(|(a, b)| Rc::ptr_eq(a, b))
    }

    /// Without the pods of the cluster itself.
    #[must_use]
    pub fn without_system(&self) -> Self {
        let users = |machine: &Rc<MachineView>| {
            let pods = Rc::clone(machine.pods.users());
            Rc::new(MachineView { pods, ..MachineView::clone(machine) })
        };
        let machines = self.machines.iter().map(users).collect();
        Self { machines, unscheduled: Rc::clone(self.unscheduled.users()), ..self.clone() }
    }

    /// The number of registered nodes.
    pub fn node_count(&self) -> usize {
        self.machines.iter().filter(|machine| machine.node.is_some()).count()
    }
}

/// The role of the load balancer's container.
pub(super) const BALANCER: &str = orrery_sim::kind::load_balancer::ROLE;

impl BalancerView {
    pub(super) fn of(id: MachineId, cluster: &Cluster) -> Self {
        let running = cluster.part::<LoadBalancer>(Addr::new(id, Part::LoadBalancer));
        let machine = &cluster.machines()[id.0 as usize];
        let backends = running.map(|balancer| balancer.backends().iter().map(|backend| (backend.name.to_string(), backend.up)));
        Self {
            id,
            name: machine.spec.name.to_string(),
            running: machine.powered && running.is_some(),
            cut: cluster.faults().is_disconnected(id),
            links: Links::of(id, cluster),
            backends: backends.into_iter().flatten().collect(),
        }
    }
}

impl EtcdView {
    pub(super) fn of(etcd: &Etcd) -> Self {
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
    /// The view of a Node object with these pods.
    pub fn of(node: &Value, pods: &[Rc<PodView>]) -> Self {
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
            zone: node["metadata"]["labels"]["topology.kubernetes.io/zone"].text(),
        }
    }
}

fn gauges(allocatable: &Value, pods: &[Rc<PodView>]) -> Vec<GaugeView> {
    let active = pods.iter().filter(|pod| !pod.ended);
    let requested = pods.iter().fold((0, 0), |sum, pod| (sum.0 + pod.requests.0, sum.1 + pod.requests.1));
    let share = |used: i64, of: i64| if of == 0 { 0.0 } else { used as f64 / of as f64 };
    let cpu = (requested.0, quantity::milli_of(&allocatable["cpu"]));
    let memory = (requested.1, quantity::milli_of(&allocatable["memory"]));
    let count = (active.count() as i64, quantity::milli_of(&allocatable["pods"]) / 1000);
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
    /// The view of a Pod object, which etcd has had since a revision.
    pub fn of(pod: &Value, created: u64) -> Self {
        let (phase, status) = phase(pod);
        let owner = owner(pod);
        let namespace = pod["metadata"]["namespace"].text();
        let hash = owner
            .bytes()
            .chain(namespace.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self {
            name: pod["metadata"]["name"].text(),
            uid: pod["metadata"]["uid"].text(),
            hue: ((hash >> 32) % u64::from(HUES)) as u8,
            phase,
            status,
            system: is_system(&namespace),
            namespace,
            owner,
            controller: pod.controller().map(|owner| owner["name"].text()).unwrap_or_default(),
            node: pod["spec"]["nodeName"].text(),
            created,
            requests: (pod_requests(pod, "cpu"), pod_requests(pod, "memory")),
            ended: has_ended(pod),
        }
    }
}

/// Whether a namespace belongs to the cluster itself rather than to what its users run.
pub fn is_system(namespace: &str) -> bool {
    matches!(namespace, "kube-system" | "kube-public" | "kube-node-lease" | "local-path-storage")
}

/// What a pod belongs to: the Deployment (a ReplicaSet's name without its hash), another controller, or the pod itself.
fn owner(pod: &Value) -> Text {
    match pod.controller() {
        Some(owner) if owner["kind"].str() == "ReplicaSet" => {
            let name = owner["name"].str();
            let hash = pod.label("pod-template-hash").unwrap_or("-");
            Text::new(name.strip_suffix(hash).and_then(|name| name.strip_suffix('-')).unwrap_or(name))
        }
        // A static pod belongs to its node and is named after both.
        Some(owner) if owner["kind"].str() == "Node" => {
            let name = pod.name();
            Text::new(name.strip_suffix(owner["name"].str()).and_then(|name| name.strip_suffix('-')).unwrap_or(name))
        }
        Some(owner) => owner["name"].text(),
        None => pod["metadata"]["name"].text(),
    }
}

/// The phase of the cell and the STATUS that goes with it.
fn phase(pod: &Value) -> (PodPhase, Text) {
    let phase = pod["status"]["phase"].str();
    if pod.is_terminating() {
        return (PodPhase::Terminating, "Terminating".into());
    }
    let statuses = pod["status"]["containerStatuses"].items();
    let waiting = statuses.iter().find_map(|status| status["state"]["waiting"]["reason"].as_str());
    let failed = statuses.iter().find_map(|status| {
        let ended = &status["state"]["terminated"];
        (!ended.is_null() && ended["exitCode"].int() != 0).then(|| match ended["reason"].str() {
            "" => Text::from("Error"),
            _ => ended["reason"].text(),
        })
    });
    match phase {
        "Succeeded" => return (PodPhase::Succeeded, "Completed".into()),
        "Failed" => {
            let reason = pod["status"]["reason"].as_str().map(Text::new).or(failed);
            return (PodPhase::Failed, reason.unwrap_or_else(|| "Error".into()));
        }
        _ => {}
    }
    if let Some(reason) = failed {
        return (PodPhase::Failed, reason);
    }
    match waiting {
        Some(reason @ ("ContainerCreating" | "PodInitializing")) => return (PodPhase::Creating, Text::new(reason)),
        Some(reason) => return (PodPhase::Failed, Text::new(reason)),
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

/// Whether all containers of a pod have ended for good.
fn has_ended(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed")
}

/// What a pod's containers request of a resource, in thousandths of its unit; nothing once it has ended.
pub fn pod_requests(pod: &Value, resource: &str) -> i64 {
    let containers = pod["spec"]["containers"].items().iter().filter(|_| !has_ended(pod));
    containers.map(|container| quantity::milli_of(&container["resources"]["requests"][resource])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::value;

    fn phase_of(status: Value, node: &'static str) -> (PodPhase, Text) {
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
        let pods = ["Running", "Succeeded"].map(|phase| Rc::new(PodView::of(&pod(phase), 1)));
        let allocatable = value!({"cpu": "4", "memory": "8Gi", "pods": "110"});
        let gauges = gauges(&allocatable, &pods);
        let texts: Vec<&str> = gauges.iter().map(|gauge| gauge.text.as_str()).collect();
        assert_eq!(texts, ["2.1 / 4", "0.5 / 8 Gi", "1 / 110"]);
        assert!((gauges[0].share - 0.525).abs() < 1e-9);
    }
}

//! Clusters with several control-plane nodes: how they come into being, what breaks them and what does not.

use std::collections::BTreeMap;

use orrery_sim::core::{Addr, Duration, MachineId, Part};
use orrery_sim::etcd::Etcd;
use orrery_sim::kcm::ControllerManager;
use orrery_sim::kind::load_balancer::LoadBalancer;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::session::Session;

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n";

struct Terminal(Session);

impl Terminal {
    /// A session whose `kind.yaml` asks for so many control-plane nodes and workers.
    fn new(seed: u64, control_planes: usize, workers: usize) -> Self {
        let yaml = HEAD.to_string() + &"- role: control-plane\n".repeat(control_planes) + &"- role: worker\n".repeat(workers);
        Self(Session::with_files(seed, BTreeMap::from([("kind.yaml".to_string(), yaml)])))
    }

    /// The same, created and at rest.
    fn created(seed: u64, control_planes: usize, workers: usize) -> Self {
        let mut terminal = Self::new(seed, control_planes, workers);
        assert!(terminal.run("kind create cluster --config kind.yaml").ends_with("(0)"));
        terminal.wait(40);
        terminal
    }

    /// Runs a line: stdout, stderr and exit code in one text.
    fn run(&mut self, line: &str) -> String {
        let command = self.0.run(line);
        let result = self.0.finish(command, Duration::s(600));
        let code = result.code.map_or("still running".to_string(), |code| code.to_string());
        format!("{}{}({code})", result.stdout, result.stderr)
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.0.playhead() + Duration::s(seconds);
        self.0.seek(until);
    }

    fn seconds(&self) -> u64 {
        self.0.playhead().0 / 1_000_000
    }

    fn machine(&self, name: &str) -> MachineId {
        self.0.cluster().directory().find(name).expect("the machine is there")
    }

    /// The node whose etcd leads.
    fn etcd_leader(&self) -> Option<String> {
        let cluster = self.0.cluster();
        let leader = cluster.parts::<Etcd>(Part::Etcd).find(|(_, etcd)| etcd.raft().is_leader()).map(|(addr, _)| addr.machine);
        leader.map(|machine| cluster.directory().name(machine).to_string())
    }

    /// The nodes whose scheduler and whose controller-manager lead.
    fn acting(&self) -> (Vec<String>, Vec<String>) {
        let cluster = self.0.cluster();
        let name = |addr: Addr| cluster.directory().name(addr.machine).to_string();
        let schedulers = cluster.parts::<KubeScheduler>(Part::Scheduler).filter(|(_, scheduler)| scheduler.is_leading());
        let managers = cluster
            .parts::<ControllerManager>(Part::Controller(orrery_sim::core::Controller::Manager))
            .filter(|(_, manager)| manager.is_working());
        (schedulers.map(|(addr, _)| name(addr)).collect(), managers.map(|(addr, _)| name(addr)).collect())
    }
}

#[test]
fn three_control_planes_come_up_behind_a_load_balancer() {
    let mut terminal = Terminal::new(11, 3, 1);
    let said = "\
Creating cluster \"kind\" ...
 ✓ Ensuring node image (kindest/node:v1.36.1) 🖼
 ✓ Preparing nodes 📦 📦 📦 📦 
 ✓ Configuring the external load balancer ⚖️
 ✓ Writing configuration 📜
 ✓ Starting control-plane 🕹️
 ✓ Installing CNI 🔌
 ✓ Installing StorageClass 💾
 ✓ Joining more control-plane nodes 🎮
 ✓ Joining worker nodes 🚜
Set kubectl context to \"kind-kind\"
You can now use your cluster with:

kubectl cluster-info --context kind-kind

Have a nice day! 👋
(0)";
    assert_eq!(terminal.run("kind create cluster --config kind.yaml"), said);
    terminal.wait(40);
    let nodes = terminal.run("kubectl get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), 4, "{nodes}");
    assert_eq!(nodes.matches(" control-plane ").count(), 3);
    let pods = terminal.run("kubectl get pods -A --no-headers");
    assert_eq!(pods.matches(" 1/1 ").count(), pods.lines().count() - 1, "{pods}");
    assert!(
        ["etcd", "kube-apiserver", "kube-scheduler"].iter().all(|part| pods.contains(&format!("{part}-kind-control-plane3")))
    );

    let members: Vec<_> = terminal.0.cluster().parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.raft().clone()).collect();
    assert!(members.iter().all(|raft| raft.conf().voters.len() == 3 && raft.conf().learners.is_empty()));
    assert_eq!(members.iter().filter(|raft| raft.is_leader()).count(), 1);
    let (schedulers, managers) = terminal.acting();
    assert_eq!((schedulers.len(), managers.len()), (1, 1), "one of three acts");
    let endpoints = terminal.run("kubectl get endpointslices kubernetes --no-headers");
    assert!(endpoints.contains("172.18.0.2,172.18.0.3,172.18.0.4"), "{endpoints}");
    // The kubeconfig leads to the load balancer, whose backends are all up.
    let balancer = Addr::new(terminal.machine("kind-external-load-balancer"), Part::LoadBalancer);
    let backends = terminal.0.cluster().part::<LoadBalancer>(balancer).expect("it runs").backends();
    assert!(backends.len() == 3 && backends.iter().all(|backend| backend.up));
    assert!(terminal.run("kubectl config view").contains(&format!("https://127.0.0.1:{}", 40_000 + balancer.machine.0)));
}

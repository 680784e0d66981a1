//! What several test programs need: a terminal over a session, and the clusters that they ask kind for.
#![allow(dead_code)] // Each test program takes what it needs.

use std::collections::BTreeMap;

use orrery_sim::core::{Duration, MachineId};
use orrery_sim::kind::topology::Topology;
use orrery_sim::session::{CommandResult, Session};

/// The beginning of a kind configuration.
pub(crate) const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n";

/// A kind configuration with so many control-plane nodes and workers.
pub(crate) fn config(control_planes: usize, workers: usize) -> String {
    Topology { name: "", control_planes, workers, external_etcd: 0 }.config()
}

/// What to add to a kind configuration for a patch of kubeadm's configuration.
pub(crate) fn kubeadm_patch(patch: &str) -> String {
    let lines: String = patch.lines().map(|line| format!("  {line}\n")).collect();
    format!("kubeadmConfigPatches:\n- |\n{lines}")
}

/// What `kind create cluster` says of a cluster with so many control-plane nodes and workers, with its exit code as [`Terminal::run`] adds it.
pub(crate) fn created(control_planes: usize, workers: usize) -> String {
    let mut steps = vec![
        "Ensuring node image (kindest/node:v1.36.1) 🖼".to_string(),
        format!("Preparing nodes {}", "📦 ".repeat(control_planes + workers)),
        "Configuring the external load balancer ⚖️".into(),
        "Writing configuration 📜".into(),
        "Starting control-plane 🕹️".into(),
        "Installing CNI 🔌".into(),
        "Installing StorageClass 💾".into(),
        "Joining more control-plane nodes 🎮".into(),
        "Joining worker nodes 🚜".into(),
    ];
    if control_planes == 1 {
        steps.retain(|step| !step.contains("load balancer") && !step.contains("more control-plane"));
    }
    if workers == 0 {
        steps.retain(|step| !step.contains("worker nodes"));
    }
    let steps: String = steps.iter().map(|step| format!(" ✓ {step}\n")).collect();
    format!(
        "Creating cluster \"kind\" ...\n{steps}Set kubectl context to \"kind-kind\"\nYou can now use your cluster with:\n\nkubectl cluster-info --context kind-kind\n\nHave a nice day! 👋\n(0)"
    )
}

/// Runs a line that succeeds: what it prints.
pub(crate) fn ok(session: &mut Session, line: &str) -> String {
    let result = run(session, line);
    assert_eq!(result.code, Some(0), "{line}\n{}{}", result.stdout, result.stderr);
    result.stdout
}

/// Runs a line to its end.
pub(crate) fn run(session: &mut Session, line: &str) -> CommandResult {
    let command = session.run(line);
    session.finish(command, Duration::s(1_800))
}

/// Someone at the terminal.
pub(crate) struct Terminal(pub(crate) Session);

impl Terminal {
    /// A session with this configuration in `kind.yaml`.
    pub(crate) fn new(seed: u64, config: String) -> Self {
        Self(Session::with_files(seed, BTreeMap::from([("kind.yaml".to_string(), config)])))
    }

    /// The same, with the cluster created and at rest.
    pub(crate) fn created(seed: u64, config: String) -> Self {
        let mut terminal = Self::new(seed, config);
        let said = terminal.run("kind create cluster --config kind.yaml");
        assert!(said.ends_with("(0)"), "{said}");
        terminal.wait(40);
        terminal
    }

    /// Runs a line: stdout, stderr and exit code in one text.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let result = run(&mut self.0, line);
        let code = result.code.map_or("still running".to_string(), |code| code.to_string());
        format!("{}{}({code})", result.stdout, result.stderr)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let until = self.0.playhead() + Duration::s(seconds);
        self.0.seek(until);
    }

    /// Waits until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        assert!(self.0.settle(Duration::s(600)), "the cluster comes to rest");
    }

    /// Waits for something, a minute at most.
    pub(crate) fn wait_for(&mut self, what: &str, step: Duration, holds: impl Fn(&Session) -> bool) {
        let limit = self.0.playhead() + Duration::s(60);
        while !holds(&self.0) {
            assert!(self.0.playhead() < limit, "within a minute: {what}");
            self.0.seek(self.0.playhead() + step);
        }
    }

    /// The columns of `kubectl get`, without the header.
    pub(crate) fn table(&mut self, line: &str) -> Vec<Vec<String>> {
        let text = self.run(line);
        let rows = text.lines().skip(1).filter(|line| *line != "(0)");
        rows.map(|line| line.split_whitespace().map(str::to_string).collect()).collect()
    }

    /// Simulated seconds since the beginning.
    pub(crate) fn seconds(&self) -> u64 {
        self.0.playhead().0 / 1_000_000
    }

    /// The machine of this name.
    pub(crate) fn machine(&self, name: &str) -> MachineId {
        self.0.cluster().directory().find(name).expect("the machine is there")
    }

    /// How many nodes are Ready.
    pub(crate) fn ready(&mut self) -> usize {
        self.run("kubectl get nodes --no-headers").matches(" Ready ").count()
    }
}

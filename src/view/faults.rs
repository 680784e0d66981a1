//! The part of the palette that breaks things, and mends them.

use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{Controller, Part};
use orrery_sim::machine::network::REGISTRY_HOST;

use super::palette::{Choices, Field, Tool};
use crate::i18n::Texts;
use crate::scene::model::{MachineView, ViewModel};

/// What one can break and mend at the moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Breakable {
    /// Machines that are switched on, workers first.
    machines: Vec<String>,
    /// The same and the registry.
    links: Vec<String>,
    /// Machines of nodes, workers first.
    nodes: Vec<String>,
    /// Machines that are off the network.
    disconnected: Vec<String>,
    /// Machines with rules that drop packets.
    dropping: Vec<String>,
    /// Machines with slow or lossy interfaces.
    slow: Vec<String>,
    /// What can be stopped, as in `kubelet @ kind-worker`.
    running: Vec<String>,
    /// What can be started.
    ended: Vec<String>,
}

/// Programs that systemd runs on every node, and those that are static pods of control-plane nodes.
const OF_SYSTEMD: [Part; 2] = [Part::Kubelet, Part::Runtime];
const STATIC: [Part; 4] = [Part::Etcd, Part::ApiServer, Part::Scheduler, Part::Controller(Controller::Manager)];

impl Breakable {
    pub(super) fn of(model: &ViewModel) -> Self {
        let mut machines: Vec<&MachineView> = model
            .machines
            .iter()
            .map(|machine| &**machine)
            .filter(|machine| machine.powered && !machine.parts.is_empty())
            .collect();
        machines.order_by_key(|machine| (machine.etcd_only, machine.control_plane));
        let names = |holds: &dyn Fn(&MachineView) -> bool| -> Vec<String> {
            machines.iter().filter(|machine| holds(machine)).map(|machine| machine.name.clone()).collect()
        };
        let mut made = Self {
            machines: names(&|_| true),
            nodes: names(&|machine| !machine.etcd_only),
            disconnected: names(&|machine| machine.cut),
            dropping: names(&|machine| !machine.links.drops.is_empty()),
            slow: names(&|machine| machine.links.netem.is_some()),
            ..Self::default()
        };
        if let Some(balancer) = model.balancer.as_ref().filter(|balancer| balancer.running) {
            made.machines.push(balancer.name.clone());
            made.disconnected.extend(balancer.cut.then(|| balancer.name.clone()));
        }
        made.links.clone_from(&made.machines);
        made.links.push(REGISTRY_HOST.into());
        for machine in machines.iter().filter(|machine| !machine.etcd_only) {
            for part in OF_SYSTEMD.iter().chain(STATIC.iter().filter(|_| machine.control_plane)) {
                let list = if machine.parts.contains(part) { &mut made.running } else { &mut made.ended };
                list.push(format!("{} @ {}", part.name(), machine.name));
            }
        }
        // These are pods of a Deployment and of a DaemonSet, which would start single ones anew.
        let somewhere = |part: &Part| machines.iter().any(|machine| machine.parts.contains(part));
        for part in [Part::CoreDns, Part::KubeProxy] {
            let list = if somewhere(&part) { &mut made.running } else { &mut made.ended };
            list.push(part.name().to_string());
        }
        made
    }
}

/// The command that stops a part, or starts it again.
fn part_command(choice: &str, start: bool) -> String {
    match (choice.split_once(" @ "), choice, start) {
        (Some((part @ ("kubelet" | "containerd"), node)), ..) => {
            format!("docker exec {node} systemctl {} {part}", if start { "start" } else { "stop" })
        }
        (Some((part, node)), _, false) => {
            format!("docker exec {node} mv /etc/kubernetes/manifests/{part}.yaml /etc/kubernetes")
        }
        (Some((part, node)), _, true) => {
            format!("docker exec {node} mv /etc/kubernetes/{part}.yaml /etc/kubernetes/manifests")
        }
        (None, "coredns", _) => {
            format!("kubectl -n kube-system scale deployment coredns --replicas={}", if start { 2 } else { 0 })
        }
        (None, _, start) => {
            let value = if start { "null" } else { "\"true\"" };
            format!(
                "kubectl -n kube-system patch daemonset kube-proxy -p '{{\"spec\":{{\"template\":{{\"spec\":{{\"nodeSelector\":{{\"off\":{value}}}}}}}}}}}'"
            )
        }
    }
}

/// The tools.
pub(super) fn tools(texts: &Texts) -> Vec<Tool> {
    let one = |name, list: fn(&Choices) -> &[String]| Field::Choice(name, list);
    let tool = |label, fields, command| Tool { label, fields, command };
    let machine = |list| vec![one(texts.machine, list)];
    let [stop, start, cut, mend, slow, fast, off, on, no_images, fill, empty, hog] = texts.faults;
    vec![
        tool(stop, vec![one(texts.part, |c| &c.breakable.running)], |_, v| part_command(&v[0], false)),
        tool(start, vec![one(texts.part, |c| &c.breakable.ended)], |_, v| part_command(&v[0], true)),
        tool(texts.power_off, machine(|c| &c.breakable.machines), |_, v| format!("docker stop {}", v[0])),
        tool(texts.power_on, machine(|c| &c.stopped), |_, v| format!("docker start {}", v[0])),
        tool(off, machine(|c| &c.breakable.machines), |_, v| format!("docker network disconnect kind {}", v[0])),
        tool(on, machine(|c| &c.breakable.disconnected), |_, v| format!("docker network connect kind {}", v[0])),
        tool(cut, vec![one(texts.machine, |c| &c.breakable.nodes), one(texts.link_to, |c| &c.breakable.links)], |_, v| {
            format!("docker exec {} iptables -A OUTPUT -d {} -j DROP", v[0], v[1])
        }),
        tool(no_images, machine(|c| &c.breakable.nodes), |_, v| {
            format!("docker exec {} iptables -A OUTPUT -d {REGISTRY_HOST} -j DROP", v[0])
        }),
        tool(mend, machine(|c| &c.breakable.dropping), |_, v| format!("docker exec {} iptables -F", v[0])),
        tool(
            slow,
            vec![
                one(texts.machine, |c| &c.breakable.nodes),
                Field::Text(texts.delay, "100ms 20ms"),
                Field::Text(texts.loss, "5%"),
            ],
            |_, v| format!("docker exec {} tc qdisc replace dev eth0 root netem delay {} loss {}", v[0], v[1], v[2]),
        ),
        tool(fast, machine(|c| &c.breakable.slow), |_, v| format!("docker exec {} tc qdisc del dev eth0 root", v[0])),
        tool(fill, machine(|c| &c.breakable.nodes), |_, v| format!("docker exec {} fallocate -l 90G /var/fill", v[0])),
        tool(empty, machine(|c| &c.breakable.nodes), |_, v| format!("docker exec {} rm /var/fill", v[0])),
        tool(hog, vec![Field::Text(texts.name, "hog")], |_, v| {
            format!("kubectl run {} --image=alexeiled/stress-ng -- --vm 1 --vm-bytes 99%", v[0])
        }),
    ]
}

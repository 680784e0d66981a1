//! What kind installs into a cluster besides Kubernetes' own parts: kindnet (the pod network), coredns, local-path-provisioner.
//!
//! They are clients of the api-server like any other. What they do for traffic (routes, answers to DNS questions) is not modelled;
//! what they know is.

use crate::api::Resource;
use crate::api::resource::{
    ENDPOINTSLICES, NAMESPACES, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, SERVICES, STORAGECLASSES,
};
use crate::client::{Change, Informer, server};
use crate::core::{Component, Effect, Event, Outbox, Part};
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// Where the node's network plugin is configured; the kubelet is not ready before this file exists.
pub const CNI_CONFIG: &str = "/etc/cni/net.d/10-kindnet.conflist";

/// An add-on: a program that keeps caches by watches and acts on them locally.
#[derive(Clone, Debug)]
pub struct Addon {
    part: Part,
    node: Text,
    informers: Vec<Informer>,
}

impl Addon {
    /// kindnetd, coredns or local-path-provisioner.
    pub fn start(part: Part, launch: &Launch<'_>) -> Self {
        let server = server(launch.args);
        let watched: &[Resource] = match part {
            Part::Kindnet => &[NODES],
            Part::CoreDns => &[SERVICES, ENDPOINTSLICES, NAMESPACES],
            _ => &[PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES],
        };
        let node = match launch.args["node"].text() {
            name if name.is_empty() => Text::new(launch.name),
            name => name,
        };
        Self { part, node, informers: watched.iter().map(|resource| Informer::new(server, *resource, "")).collect() }
    }

    /// kindnet: (pod network, address of its node) of every other node.
    pub fn routes(&self) -> Vec<(Text, Text)> {
        let nodes = self.informers.first().filter(|nodes| self.part == Part::Kindnet && nodes.has_synced());
        let others = nodes.into_iter().flat_map(Informer::list).filter(|node| node.name() != self.node.as_str());
        let with_network = others.map(|node| (node["spec"]["podCIDR"].text(), node)).filter(|(cidr, _)| !cidr.is_empty());
        with_network.filter_map(|(cidr, node)| Some((cidr, internal_ip(node)?))).collect()
    }

    /// What it has learned: how many objects of each resource.
    pub fn known(&self) -> Vec<(Resource, usize)> {
        self.informers.iter().map(|informer| (informer.resource(), informer.store().len())).collect()
    }

    /// kindnet: writes the node's CNI configuration once its pod network is known. The routes to the others follow from what it knows.
    fn sync_network(&self, out: &mut Outbox<'_>) {
        let nodes = self.informers.first().filter(|nodes| nodes.has_synced());
        let Some(node) = nodes.and_then(|nodes| nodes.get(&self.node)) else { return };
        let cidr = node["spec"]["podCIDR"].text();
        if cidr.is_empty() {
            return;
        }
        let config = config(&cidr);
        if out.disk().files.get(CNI_CONFIG) != Some(&config) {
            out.effect(Effect::WriteFile(out.me().machine, CNI_CONFIG.into(), Some(config)));
        }
    }
}

fn internal_ip(node: &Value) -> Option<Text> {
    let addresses = node["status"]["addresses"].items();
    addresses.iter().find(|address| address["type"].str() == "InternalIP").map(|address| address["address"].text())
}

fn config(cidr: &Text) -> Value {
    value!({"cniVersion": "0.3.1", "name": "kindnet", "plugins": [
        {"type": "ptp", "ipMasq": false, "mtu": 1500, "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state", "ranges": [[{"subnet": cidr.clone()}]], "routes": [{"dst": "0.0.0.0/0"}]}},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]})
}

impl Component for Addon {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => self.informers.iter_mut().for_each(|informer| informer.start(out)),
            Event::Message(envelope) => {
                let changed = self.informers.iter_mut().find_map(|informer| informer.on_message(envelope, out));
                let own = |change: &Change| change.object().name() == self.node.as_str();
                if self.part == Part::Kindnet && changed.is_some_and(|changes| changes.iter().any(own)) {
                    self.sync_network(out);
                }
            }
            Event::Timer(timer) if timer.name == "reflector" => {
                self.informers.iter_mut().for_each(|informer| informer.on_retry_timer(&timer.key, out));
            }
            Event::Timer(_) | Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Duration, MachineId, Request};
    use crate::lab::Lab;

    #[test]
    fn kindnet_configures_its_node_and_routes_to_the_others() {
        let mut lab = Lab::new(1, &[Part::Kindnet]);
        let node = |name: &'static str, cidr: &'static str, ip: &'static str| value!({"metadata": {"name": name}, "spec": {"podCIDR": cidr}, "status": {"addresses": [{"type": "InternalIP", "address": ip}]}});
        lab.request(Request::create(NODES, node("kind-control-plane", "10.244.0.0/24", "172.18.0.2")));
        lab.request(Request::create(NODES, node("kind-worker", "10.244.1.0/24", "172.18.0.3")));
        lab.run(Duration::s(1));
        let machine = lab.cluster.machine(MachineId(1)).unwrap();
        assert_eq!(machine.disk.files.get(CNI_CONFIG).unwrap()["name"].str(), "kindnet");
        let kindnet = machine.part::<Addon>(Part::Kindnet).unwrap();
        assert_eq!(kindnet.routes(), [("10.244.1.0/24".into(), "172.18.0.3".into())]);
    }
}

//! kube-proxy: watches Services and EndpointSlices and turns them into the node's rules (after `pkg/proxy`). It writes nothing but
//! one event.

use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;

use crate::api::resource::{ENDPOINTSLICES, SERVICECIDRS, SERVICES};
use crate::client::events::{Occurrence, SeriesRecorder};
use crate::client::{Informer, server};
use crate::core::{Component, Event, Outbox, Part};
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// Where the node sends what is addressed to one port of a service: to one of the endpoints, chosen at random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The service's virtual address.
    pub cluster_ip: Text,
    /// Its port.
    pub port: i64,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Text,
    /// The port on every node; 0 for none.
    pub node_port: i64,
    /// `address:port` of the endpoints that are ready; if there are none, of those that still serve while they terminate.
    /// Without any, connections are refused.
    pub endpoints: Vec<Text>,
}

/// kube-proxy of a node.
#[derive(Clone, Debug)]
pub struct KubeProxy {
    node: Text,
    services: Informer,
    slices: Informer,
    cidrs: Informer,
    recorder: SeriesRecorder,
    /// By `namespace/service:port name`.
    rules: PMap<Text, Rule>,
    syncs: u64,
}

impl KubeProxy {
    /// The proxy of the node `args.node` (or of its machine's name).
    pub fn start(launch: &Launch<'_>) -> Self {
        let server = server(launch.args);
        let node = match launch.args["node"].text() {
            name if name.is_empty() => Text::new(launch.name),
            name => name,
        };
        Self {
            services: Informer::new(server, SERVICES, "")
                .with("fieldSelector", "spec.clusterIP!=None")
                .with("labelSelector", "!service.kubernetes.io/service-proxy-name"),
            slices: Informer::new(server, ENDPOINTSLICES, "").with("labelSelector", "!service.kubernetes.io/headless"),
            cidrs: Informer::new(server, SERVICECIDRS, ""),
            recorder: SeriesRecorder::new(server, Part::KubeProxy, "proxy-events", "kube-proxy", format!("kube-proxy-{node}")),
            node,
            rules: PMap::new(),
            syncs: 0,
        }
    }

    /// The node's rules, by `namespace/service:port name`.
    pub fn rules(&self) -> &PMap<Text, Rule> {
        &self.rules
    }

    /// How often the rules have been written.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Writes all rules anew (`syncProxyRules`).
    fn sync(&mut self) {
        if !self.services.has_synced() || !self.slices.has_synced() {
            return;
        }
        self.syncs += 1;
        self.rules.clear();
        let mut slices: PMap<Text, Vec<&Value>> = PMap::new();
        for slice in self.slices.list() {
            if let Some(service) = slice.label("kubernetes.io/service-name") {
                slices.entry(format!("{}/{service}", slice.namespace()).into()).or_default().push(slice);
            }
        }
        for service in self.services.list() {
            let key = service.key();
            let none = Vec::new();
            let of_service = slices.get(&key).unwrap_or(&none);
            for port in service["spec"]["ports"].items() {
                let name = port["name"].str();
                let rule = Rule {
                    cluster_ip: service["spec"]["clusterIP"].text(),
                    port: port["port"].int(),
                    protocol: port["protocol"].text(),
                    node_port: port["nodePort"].int(),
                    endpoints: endpoints(of_service, name),
                };
                let id = if name.is_empty() { key.clone() } else { format!("{key}:{name}").into() };
                self.rules.insert(id, rule);
            }
        }
    }
}

/// The endpoints of a service's port: the ready ones, else the terminating ones that still serve.
fn endpoints(slices: &[&Value], port_name: &str) -> Vec<Text> {
    let (mut ready, mut serving) = (Vec::new(), Vec::new());
    for slice in slices {
        let Some(port) = slice["ports"].items().iter().find(|port| port["name"].str() == port_name) else { continue };
        for endpoint in slice["endpoints"].items() {
            let conditions = &endpoint["conditions"];
            let addresses = endpoint["addresses"].items().iter();
            let targets = addresses.map(|address| Text::from(format!("{}:{}", address.str(), port["port"].int())));
            // A missing `ready` means ready.
            if conditions["ready"].is_null() || conditions["ready"].is_true() {
                ready.extend(targets);
            } else if conditions["serving"].is_true() && conditions["terminating"].is_true() {
                serving.extend(targets);
            }
        }
    }
    let mut chosen = if ready.is_empty() { serving } else { ready };
    chosen.order();
    chosen
}

impl Component for KubeProxy {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Start => {
                self.services.start(out);
                self.slices.start(out);
                self.cidrs.start(out);
                let node = value!({"kind": "Node", "name": self.node.clone(), "uid": self.node.clone()});
                let started = Occurrence { kind: "Normal", reason: "Starting", action: "StartKubeProxy", note: "" };
                self.recorder.event(&node, &Value::Null, started, out);
            }
            Event::Message(envelope) => {
                if self.recorder.on_message(envelope, out) {
                    return;
                }
                let changed = [&mut self.services, &mut self.slices, &mut self.cidrs]
                    .into_iter()
                    .find_map(|informer| informer.on_message(envelope, out));
                if changed.is_some_and(|changes| !changes.is_empty()) {
                    self.sync();
                }
            }
            Event::Timer(timer) if timer.name == "reflector" => {
                for informer in [&mut self.services, &mut self.slices, &mut self.cidrs] {
                    informer.on_retry_timer(&timer.key, out);
                }
            }
            Event::Timer(timer) => {
                self.recorder.on_timer(timer, out);
            }
            Event::Command(..) | Event::Interrupt(_) => {}
        }
    }

    crate::component_boilerplate!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Addr, Duration, Request};
    use crate::lab::Lab;

    fn slice(ready: bool) -> Value {
        value!({
            "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.244.1.2"], "conditions": {"ready": ready, "serving": true, "terminating": !ready}},
                {"addresses": ["10.244.2.2"], "conditions": {"ready": false, "serving": false, "terminating": false}},
            ],
        })
    }

    #[test]
    fn rules_follow_services_and_slices() {
        let mut lab = Lab::new(1, &[Part::KubeProxy]);
        let service = value!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
        lab.request(Request::create(SERVICES, service));
        lab.request(Request::create(ENDPOINTSLICES, slice(true)));
        lab.run(Duration::s(2));
        let proxy = Addr::new(Lab::CONTROL_PLANE, Part::KubeProxy);
        let rule = lab.cluster.part::<KubeProxy>(proxy).unwrap().rules()["default/web:http"].clone();
        assert_eq!(rule.endpoints, [Text::from("10.244.1.2:8080")]);
        assert_eq!(rule.port, 80);
        let mut terminating = lab.request(Request::get(ENDPOINTSLICES, "default", "web-1")).body;
        terminating["endpoints"] = slice(false)["endpoints"].clone();
        lab.request(Request::update(ENDPOINTSLICES, terminating));
        lab.run(Duration::s(2));
        let rules = lab.cluster.part::<KubeProxy>(proxy).unwrap().rules();
        assert_eq!(rules["default/web:http"].endpoints, [Text::from("10.244.1.2:8080")]);
        assert!(rules.contains_key("default/kubernetes:https"));
    }

    #[test]
    fn its_requests_are_those_of_a_real_one() {
        let lab = Lab::new(1, &[Part::KubeProxy]);
        let requests: Vec<String> = lab.requests().into_iter().filter(|line| line.starts_with("kube-proxy")).collect();
        assert_eq!(
            requests,
            [
                "kube-proxy/kind-control-plane watch /api/v1/services?fieldSelector=spec.clusterIP!=None&labelSelector=!service.kubernetes.io/service-proxy-name&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&watch=true",
                "kube-proxy/kind-control-plane watch /apis/discovery.k8s.io/v1/endpointslices?labelSelector=!service.kubernetes.io/headless&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&watch=true",
                "kube-proxy/kind-control-plane watch /apis/networking.k8s.io/v1/servicecidrs?resourceVersionMatch=NotOlderThan&sendInitialEvents=true&watch=true",
                "kube-proxy/kind-control-plane create /apis/events.k8s.io/v1/namespaces/default/events",
            ]
        );
    }
}

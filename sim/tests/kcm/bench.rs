//! etcd, api-server and controller manager; the tests play everybody else.

use std::collections::BTreeMap;

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{LEASES, NODES, PODS};
use orrery_sim::core::{Addr, Controller, Duration, EnvelopeId, Message, Part, Request, Response, Verb};
use orrery_sim::lab::Lab;
use orrery_sim::value;
use orrery_sim::value::Value;

pub(crate) struct Bench {
    pub(crate) lab: Lab,
    mark: usize,
}

impl Bench {
    /// The control plane after its start.
    pub(crate) fn new() -> Self {
        let mut lab = Lab::new(7, &[Part::Controller(Controller::Manager)]);
        lab.run(Duration::s(10));
        let mut bench = Self { lab, mark: 0 };
        bench.forget();
        bench
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&mut self) {
        self.mark = self.lab.trace.envelopes().len();
    }

    /// Sends a request as the user; it must succeed.
    pub(crate) fn ok(&mut self, request: Request) -> Value {
        let path = request.path();
        let Response { code, body, .. } = self.lab.request(request);
        assert!(code < 400, "{path}: {}", body["message"].str());
        body
    }

    pub(crate) fn get(&mut self, resource: Resource, name: &'static str) -> Value {
        let namespace = if resource.namespaced { "default" } else { "" };
        self.ok(Request::get(resource, namespace, name))
    }

    pub(crate) fn pods(&mut self) -> Vec<Value> {
        self.ok(Request::list(PODS, "default"))["items"].items().to_vec()
    }

    pub(crate) fn settle(&mut self) {
        self.lab.settle();
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        self.lab.run(Duration::s(seconds));
    }

    /// Registers a node that is ready.
    pub(crate) fn add_node(&mut self, name: &'static str) {
        let now = self.lab.cluster.now().rfc3339();
        let condition = |kind: &'static str, status: &'static str| value!({"type": kind, "status": status, "reason": "Kubelet", "message": "", "lastHeartbeatTime": &now, "lastTransitionTime": &now});
        let node = value!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"conditions": [condition("MemoryPressure", "False"), condition("Ready", "True")]},
        });
        self.ok(Request::create(NODES, node));
    }

    /// Renews a node's Lease as its kubelet does.
    pub(crate) fn renew(&mut self, name: &'static str) {
        let spec =
            value!({"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": self.lab.cluster.now().rfc3339_micro()});
        if self.lab.request(Request::patch(LEASES, "kube-node-lease", name, value!({"spec": &spec}))).code == 404 {
            let lease = value!({"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec});
            self.ok(Request::create(LEASES, lease));
        }
    }

    /// Binds a pod to a node as the scheduler does.
    pub(crate) fn bind(&mut self, pod: &Value, node: &'static str) {
        let (namespace, name) = (pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text());
        let body = value!({"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": node}});
        self.ok(Request::new(Verb::Create, PODS, namespace, name).sub("binding").with_body(body));
    }

    /// Reports a pod as running and ready, as its kubelet does.
    pub(crate) fn make_ready(&mut self, pod: &Value, ip: &'static str) {
        let now = self.lab.cluster.now().rfc3339();
        let (namespace, name) = (pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text());
        let status = value!({
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
        });
        self.ok(Request::patch(PODS, namespace, name, value!({"status": status})).sub("status"));
    }

    /// Removes a pod for good, as its kubelet does when the containers have stopped.
    pub(crate) fn finish(&mut self, pod: &Value) {
        let (namespace, name) = (pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text());
        let body = value!({"gracePeriodSeconds": 0, "preconditions": {"uid": &pod["metadata"]["uid"]}});
        self.ok(Request::delete(PODS, namespace, name).with_body(body));
    }

    /// What the controllers have asked since [`Bench::forget`], in the order of arrival: `deployment-controller create replicasets 201`.
    /// Names that the server or a hash made up are left out; events show their text.
    pub(crate) fn requests(&self) -> Vec<String> {
        let envelopes = &self.lab.trace.envelopes()[self.mark..];
        let mut codes: BTreeMap<EnvelopeId, u16> = BTreeMap::new();
        for envelope in envelopes {
            if let Message::Response(response) = &envelope.message {
                codes.insert(response.to, response.code);
            }
        }
        let mut asked: Vec<_> = envelopes
            .iter()
            .filter_map(|envelope| match &envelope.message {
                Message::Request(request)
                    if is_controller(envelope.from) && !envelope.heartbeat && request.verb != Verb::Watch =>
                {
                    Some((envelope.due_at, envelope.id, envelope.from, request))
                }
                _ => None,
            })
            .collect();
        asked.sort_by_key(|(due, id, _, _)| (*due, *id));
        asked
            .into_iter()
            .map(|(_, id, from, request)| {
                let resource = request.resource.expect("controllers ask for resources");
                let code = codes.get(&id).copied().unwrap_or(0);
                let who = from.part.name();
                let mut words = vec![who.to_string(), request.verb.name().to_string(), resource.plural.to_string()];
                if !request.subresource.is_empty() {
                    words[2] = format!("{}/{}", resource.plural, request.subresource);
                }
                words.push(code.to_string());
                if resource.plural == "events" {
                    words.push(format!("{}: {}", request.body["reason"].str(), anonymous(request.body["message"].str())));
                }
                words.join(" ")
            })
            .collect()
    }

    /// The same for one controller.
    pub(crate) fn requests_of(&self, controller: &str) -> Vec<String> {
        let prefix = format!("{controller} ");
        self.requests().into_iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_string)).collect()
    }
}

fn is_controller(addr: Addr) -> bool {
    matches!(addr.part, Part::Controller(_))
}

/// Replaces hashes and random suffixes of names by X.
fn anonymous(text: &str) -> String {
    let is_made_up = |part: &str| part.len() >= 5 && part.chars().all(|letter| "bcdfghjklmnpqrstvwxz2456789".contains(letter));
    let part = |part: &str| {
        let core = part.trim_matches('"');
        if is_made_up(core) { part.replace(core, "X") } else { part.to_string() }
    };
    let word = |word: &str| word.split('-').map(part).collect::<Vec<_>>().join("-");
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

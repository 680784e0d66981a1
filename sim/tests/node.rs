//! A node by itself: etcd and api-server on one machine, containerd and kubelet on another, pods bound by hand.

use orrery_sim::api::resource::{CONFIGMAPS, NODES, PODS, SECRETS, SERVICEACCOUNTS};
use orrery_sim::core::{Duration, Effect, MachineId, Part, Request};
use orrery_sim::lab::Lab;
use orrery_sim::value;
use orrery_sim::value::Value;

/// A lab with the node `kind-worker`, which is Ready.
fn lab() -> (Lab, MachineId) {
    let mut lab = Lab::new(7, &[]);
    for object in [
        value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}),
        value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": "default"}, "data": {"ca.crt": "x"}}),
    ] {
        let resource = if object.kind() == "ConfigMap" { CONFIGMAPS } else { SERVICEACCOUNTS };
        assert_eq!(lab.request(Request::create(resource, object)).code, 201);
    }
    let machine = lab.add_machine("kind-worker", "lab");
    let cni = value!({"plugins": [{"ipam": {"ranges": [[{"subnet": "10.244.1.0/24"}]]}}]});
    let file = Effect::WriteFile(machine, orrery_sim::addons::CNI_CONFIG.into(), Some(cni));
    lab.cluster.perform(file, &mut lab.trace);
    lab.spawn(machine, Part::Runtime, Value::Null);
    lab.spawn(machine, Part::Kubelet, value!({"server": 1}));
    lab.settle();
    (lab, machine)
}

fn pod(name: &'static str, spec: Value) -> Value {
    let mut pod = value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
    pod["spec"]["nodeName"] = "kind-worker".into();
    pod
}

#[test]
fn a_node_registers_and_runs_a_pod() {
    let (mut lab, _) = lab();
    for line in lab.requests() {
        println!("{line}");
    }
    let before = lab.requests().len();
    lab.request(Request::create(PODS, pod("nginx", value!({"containers": [{"name": "nginx", "image": "nginx"}]}))));
    lab.settle();
    for line in &lab.requests()[before..] {
        println!("{line}");
    }
    let nginx = lab.request(Request::get(PODS, "default", "nginx")).body;
    println!("{}", nginx.to_json());
    let before = lab.requests().len();
    lab.request(Request::delete(PODS, "default", "nginx"));
    lab.settle();
    for line in &lab.requests()[before..] {
        println!("{line}");
    }
    for envelope in lab.trace.envelopes() {
        if let orrery_sim::core::Message::Request(request) = &envelope.message {
            if request.subresource == "status" && request.resource == Some(PODS) {
                println!("{} {}", envelope.sent_at, request.body.to_json());
            }
        }
    }
    let _ = (NODES, SECRETS, Duration::ZERO);
}

//! Nodes that join, are cordoned, fall silent and come back (recordings 01, 08, 09), and DaemonSets (10).

use orrery_sim::api::resource::{DAEMONSETS, EVENTS, NODES, PODS};
use orrery_sim::core::Request;
use orrery_sim::value;
use orrery_sim::value::Value;

use crate::bench::Bench;

fn taints(node: &Value) -> Vec<(String, String)> {
    let row = |taint: &Value| (taint["key"].str().into(), taint["effect"].str().into());
    node["spec"]["taints"].items().iter().map(row).collect()
}

fn pod(name: &'static str, toleration_s: i64) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "containers": [{"name": "c", "image": "nginx"}],
            "tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": toleration_s}],
        },
    })
}

fn agent() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "agent", "image": "busybox:1.36"}]}},
        },
    })
}

/// Keeps the leases of all nodes but one fresh, for a while.
fn run_without(bench: &mut Bench, silent: &str, seconds: u64) {
    for _ in 0..seconds / 10 {
        for name in ["kind-control-plane", "kind-worker"] {
            if name != silent {
                bench.renew(name);
            }
        }
        bench.run(10);
    }
}

#[test]
fn a_joining_node_gets_ttl_network_and_daemons_at_once() {
    let mut bench = Bench::new();
    let mut proxy = agent();
    proxy["spec"]["template"]["spec"]["tolerations"] = value!([{"operator": "Exists"}]);
    bench.ok(Request::create(DAEMONSETS, proxy));
    bench.settle();
    bench.forget();
    bench.add_node("kind-worker");
    bench.settle();
    let mut requests = bench.requests();
    let first: Vec<String> = requests.drain(..4).collect();
    for expected in [
        "ttl-controller patch nodes 200",
        "node-controller patch nodes 200",
        "daemon-set-controller create pods 201",
        // It is ready: the taint of its admission goes.
        "node-controller get nodes 200",
    ] {
        assert!(first.iter().any(|line| line == expected), "{expected} is not among {first:#?}");
    }
    let node = bench.get(NODES, "kind-worker");
    assert_eq!(node["spec"]["podCIDR"].str(), "10.244.0.0/24");
    assert_eq!(node.annotation("node.alpha.kubernetes.io/ttl"), Some("0"));
    assert!(taints(&node).is_empty());
    bench.run(6);
    let events = bench.ok(Request::list(EVENTS, "default"));
    let registered = events["items"].items().iter().find(|event| event["reason"].str() == "RegisteredNode");
    assert_eq!(
        registered.map(|event| event["message"].str()),
        Some("Node kind-worker event: Registered Node kind-worker in Controller")
    );
}

#[test]
fn a_daemon_set_is_updated_node_by_node() {
    let mut bench = Bench::new();
    bench.add_node("kind-control-plane");
    bench.add_node("kind-worker");
    bench.ok(Request::create(DAEMONSETS, agent()));
    bench.settle();
    for pod in bench.pods() {
        assert_eq!(pod["spec"]["tolerations"].items().len(), 6, "six tolerations");
        let node = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
            [0]["matchFields"][0]["values"][0]
            .str()
            .to_string();
        bench.bind(&pod, if node == "kind-worker" { "kind-worker" } else { "kind-control-plane" });
        bench.make_ready(&pod, "10.244.1.5");
    }
    bench.settle();
    assert_eq!(bench.get(DAEMONSETS, "agent")["status"]["numberAvailable"].int(), 2);

    bench.forget();
    let image = value!({"spec": {"template": {"spec": {"containers": [{"name": "agent", "image": "busybox:1.37"}]}}}});
    bench.ok(Request::patch(DAEMONSETS, "default", "agent", image));
    bench.settle();
    assert_eq!(
        bench.requests_of("daemon-set-controller")[..3],
        ["create controllerrevisions 201", "delete pods 200", "update daemonsets/status 200",]
    );
    let old = bench.pods().into_iter().find(Value::is_terminating).expect("the first pod goes");
    assert_eq!(bench.pods().len(), 2, "the new pod waits until the old one is gone");
    bench.finish(&old);
    bench.settle();
    let images: Vec<String> = bench.pods().iter().map(|pod| pod["spec"]["containers"][0]["image"].str().into()).collect();
    assert!(images.contains(&"busybox:1.37".to_string()));
    assert!(!bench.pods().iter().any(Value::is_terminating), "the second node waits for the first");
}

#[test]
fn a_cordoned_node_is_tainted() {
    let mut bench = Bench::new();
    bench.add_node("kind-worker");
    bench.settle();
    bench.forget();
    bench.ok(Request::patch(NODES, "", "kind-worker", value!({"spec": {"unschedulable": true}})));
    bench.settle();
    assert_eq!(bench.requests_of("node-controller"), ["get nodes 200", "patch nodes 200"]);
    let node = bench.get(NODES, "kind-worker");
    assert_eq!(taints(&node), [("node.kubernetes.io/unschedulable".into(), "NoSchedule".into())]);
    bench.ok(Request::patch(NODES, "", "kind-worker", value!({"spec": {"unschedulable": null}})));
    bench.settle();
    assert!(taints(&bench.get(NODES, "kind-worker")).is_empty());
}

#[test]
fn a_silent_node_becomes_unknown_and_loses_its_pods() {
    let mut bench = Bench::new();
    bench.add_node("kind-control-plane");
    bench.add_node("kind-worker");
    bench.renew("kind-worker");
    for (name, seconds) in [("quick", 20), ("patient", 300)] {
        bench.ok(Request::create(PODS, pod(name, seconds)));
        let pod = bench.get(PODS, name);
        bench.bind(&pod, "kind-worker");
        bench.make_ready(&pod, "10.244.1.5");
    }
    bench.run(6);
    bench.forget();
    run_without(&mut bench, "kind-worker", 60);
    let requests = bench.requests_of("node-controller");
    assert_eq!(requests[0], "update nodes/status 200");
    for expected in [
        "create events 201 NodeNotReady: Node kind-worker status is now: NodeNotReady",
        "create events 201 NodeNotReady: Node is not ready",
        "update pods/status 200",
        "patch nodes 200",
    ] {
        assert!(requests.iter().any(|line| line == expected), "{expected} is not among {requests:#?}");
    }
    let node = bench.get(NODES, "kind-worker");
    let ready = node.condition("Ready").expect("it is always there");
    assert_eq!((ready["status"].str(), ready["reason"].str()), ("Unknown", "NodeStatusUnknown"));
    assert_eq!(
        taints(&node),
        [
            ("node.kubernetes.io/unreachable".into(), "NoSchedule".into()),
            ("node.kubernetes.io/unreachable".into(), "NoExecute".into())
        ]
    );
    assert!(!bench.get(PODS, "quick").condition_true("Ready"));
    assert_eq!(bench.get(PODS, "quick")["status"]["phase"].str(), "Running");

    bench.forget();
    run_without(&mut bench, "kind-worker", 20);
    assert_eq!(
        bench.requests_of("node-controller"),
        [
            "get pods 200",
            "create events 201 TaintManagerEviction: Marking for deletion Pod default/quick",
            "patch pods/status 200",
            "delete pods 200",
        ]
    );
    let quick = bench.get(PODS, "quick");
    assert!(quick.is_terminating() && quick.condition_true("DisruptionTarget"));
    assert!(!bench.get(PODS, "patient").is_terminating());

    // The kubelet is back before the other pod's time has come.
    let now = bench.lab.cluster.now().rfc3339();
    let ready = value!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": &now, "lastTransitionTime": &now}]}});
    bench.ok(Request::patch(NODES, "", "kind-worker", ready).sub("status"));
    bench.forget();
    run_without(&mut bench, "", 20);
    assert!(taints(&bench.get(NODES, "kind-worker")).is_empty());
    assert!(
        bench.requests_of("node-controller").iter().any(|line| line.contains("Cancelling deletion of Pod default/patient")),
        "{:#?}",
        bench.requests_of("node-controller")
    );
    run_without(&mut bench, "", 400);
    assert!(!bench.get(PODS, "patient").is_terminating());
}

#[test]
fn when_no_node_is_ready_the_monitor_blames_itself() {
    let mut bench = Bench::new();
    bench.add_node("kind-worker");
    bench.renew("kind-worker");
    bench.ok(Request::create(PODS, pod("quick", 0)));
    let quick = bench.get(PODS, "quick");
    bench.bind(&quick, "kind-worker");
    bench.make_ready(&quick, "10.244.1.5");
    bench.run(120);
    let node = bench.get(NODES, "kind-worker");
    assert_eq!(node.condition("Ready").map(|ready| ready["status"].str()), Some("Unknown"));
    assert_eq!(taints(&node), [("node.kubernetes.io/unreachable".into(), "NoSchedule".into())]);
    assert!(!bench.get(PODS, "quick").is_terminating());
}

#[test]
fn pods_of_a_node_that_is_gone_are_removed_and_replaced() {
    let mut bench = Bench::new();
    bench.add_node("kind-control-plane");
    bench.add_node("kind-worker");
    bench.ok(Request::create(PODS, pod("lost", 300)));
    let lost = bench.get(PODS, "lost");
    bench.bind(&lost, "kind-worker");
    bench.make_ready(&lost, "10.244.1.5");
    bench.ok(Request::delete(NODES, "", "kind-worker"));
    bench.run(30);
    assert_eq!(bench.get(PODS, "lost")["status"]["phase"].str(), "Running");
    bench.forget();
    bench.run(60);
    assert_eq!(bench.requests_of("pod-garbage-collector"), ["get nodes 404", "patch pods/status 200", "delete pods 200"]);
    assert_eq!(bench.lab.request(Request::get(PODS, "default", "lost")).code, 404);
}

//! kube-scheduler beside etcd and kube-apiserver: what it sends, and when.

use std::rc::Rc;

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{
    EVENTS, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, PRIORITYCLASSES, SERVICEACCOUNTS, STORAGECLASSES,
};
use orrery_sim::core::{Addr, Duration, Part, Request};
use orrery_sim::lab::Lab;
use orrery_sim::scheduler::{Decision, KubeScheduler};
use orrery_sim::value;
use orrery_sim::value::Value;

fn lab(nodes: &[&'static str]) -> Lab {
    let mut lab = Lab::new(1, &[Part::Scheduler]);
    // It starts together with the api-server and has to try again until that is ready.
    lab.run(Duration::s(10));
    let account = value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}});
    add(&mut lab, SERVICEACCOUNTS, account);
    for node in nodes {
        add_node(&mut lab, self::node(node));
    }
    lab.settle();
    lab
}

/// A node that is ready: the taint that new nodes get is gone.
fn add_node(lab: &mut Lab, node: Value) {
    let name = node["metadata"]["name"].text();
    add(lab, NODES, node);
    assert!(lab.request(Request::patch(NODES, "", name, value!({"spec": {"taints": null}}))).ok());
}

fn node(name: &'static str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    })
}

fn pod(name: &str, cpu: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name.to_string(), "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu.to_string()}}}]},
    })
}

fn add(lab: &mut Lab, resource: Resource, object: Value) -> Value {
    let response = lab.request(Request::create(resource, object));
    assert!(response.ok(), "{}", response.body.to_json());
    response.body
}

/// What the scheduler has sent since, heartbeats, watches and elections left out.
fn sent(lab: &Lab, since: usize) -> Vec<String> {
    let own = |line: &&String| line.starts_with("kube-scheduler ") && !line.contains(" watch ") && !line.contains("leases");
    lab.requests()[since..].iter().filter(own).map(|line| line["kube-scheduler ".len()..].to_string()).collect()
}

fn get(lab: &mut Lab, name: &str) -> Value {
    lab.request(Request::get(PODS, "default", name.to_string())).body
}

fn scheduler(lab: &Lab) -> &KubeScheduler {
    lab.cluster.part(Addr::new(Lab::CONTROL_PLANE, Part::Scheduler)).expect("the scheduler runs")
}

#[test]
fn it_leads_and_keeps_its_lease() {
    let mut lab = lab(&[]);
    assert!(scheduler(&lab).is_leading());
    let before = lab.trace.envelopes().len();
    lab.run(Duration::s(20));
    let renewals = lab.trace.envelopes()[before..].iter().filter(|envelope| {
        let renews = |request: &Request| request.path().ends_with("/leases/kube-scheduler") && request.verb.name() == "update";
        envelope.heartbeat && matches!(&envelope.message, orrery_sim::core::Message::Request(request) if renews(request))
    });
    assert_eq!(renewals.count(), 10);
}

#[test]
fn a_pod_is_bound_and_an_event_says_so() {
    let mut lab = lab(&["kind-worker", "kind-worker2"]);
    let before = lab.requests().len();
    add(&mut lab, PODS, pod("nginx", "100m"));
    lab.settle();
    assert_eq!(
        sent(&lab, before),
        ["create /api/v1/namespaces/default/pods/nginx/binding", "create /apis/events.k8s.io/v1/namespaces/default/events"]
    );
    let bound = get(&mut lab, "nginx");
    let node = bound["spec"]["nodeName"].str();
    assert!(bound.condition_true("PodScheduled"));
    let decision = &scheduler(&lab).decisions().of("default/nginx")[0];
    assert_eq!(decision.chosen().map(orrery_sim::value::Text::as_str), Some(node));
    assert_eq!(decision.totals, [471, 471]);
    let events = lab.request(Request::list(EVENTS, "default")).body;
    let event = events["items"].items().iter().find(|event| event["reason"].str() == "Scheduled").unwrap();
    assert_eq!(event["message"].str(), format!("Successfully assigned default/nginx to {node}"));
}

#[test]
fn a_pod_without_a_place_waits_until_there_is_one() {
    let mut lab = lab(&["kind-worker"]);
    let before = lab.requests().len();
    add(&mut lab, PODS, pod("big", "6"));
    lab.settle();
    assert_eq!(
        sent(&lab, before),
        ["patch /api/v1/namespaces/default/pods/big/status", "create /apis/events.k8s.io/v1/namespaces/default/events"]
    );
    let waiting = get(&mut lab, "big");
    let condition = waiting.condition("PodScheduled").unwrap();
    assert_eq!(condition["reason"].str(), "Unschedulable");
    assert_eq!(
        condition["message"].str(),
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    );
    // A pod that comes and goes elsewhere makes no room for it, but a node that is large enough does.
    let mut large = node("kind-worker2");
    large["status"]["allocatable"]["cpu"] = "8".into();
    add_node(&mut lab, large);
    lab.settle();
    assert_eq!(get(&mut lab, "big")["spec"]["nodeName"].str(), "kind-worker2");
    // In between it was tried when the new node was there and still had its taint.
    let rejectors: Vec<Vec<&str>> = scheduler(&lab)
        .decisions()
        .of("default/big")
        .iter()
        .map(|decision| decision.rejectors.iter().copied().collect())
        .collect();
    assert_eq!(rejectors, [vec!["NodeResourcesFit"], vec!["NodeResourcesFit", "TaintToleration"], vec!["NodeResourcesFit"]]);
}

#[test]
fn room_is_made_as_recorded() {
    let mut lab = lab(&["kind-worker"]);
    for (name, value) in [("high", 1_000_000), ("low", 100)] {
        add(&mut lab, PRIORITYCLASSES, value!({"metadata": {"name": name}, "value": value}));
    }
    let of_class = |name: &str, cpu: &str, class: &'static str| {
        let mut pod = pod(name, cpu);
        pod["spec"]["priorityClassName"] = class.into();
        pod
    };
    for name in ["low-1", "low-2"] {
        add(&mut lab, PODS, of_class(name, "1500m", "low"));
    }
    lab.settle();
    let before = lab.requests().len();
    let vip = add(&mut lab, PODS, of_class("vip", "3", "high"));
    lab.run(Duration::s(1));
    let victim = |number: u8| format!("/api/v1/namespaces/default/pods/low-{number}");
    let requests = sent(&lab, before);
    let first = if requests[2].contains("low-1") { 1 } else { 2 };
    let second = 3 - first;
    assert_eq!(
        requests,
        [
            "patch /api/v1/namespaces/default/pods/vip/status".to_string(),
            "create /apis/events.k8s.io/v1/namespaces/default/events".to_string(),
            format!("patch {}/status", victim(first)),
            format!("delete {}", victim(first)),
            "create /apis/events.k8s.io/v1/namespaces/default/events".to_string(),
            format!("patch {}/status", victim(second)),
            format!("delete {}", victim(second)),
            "create /apis/events.k8s.io/v1/namespaces/default/events".to_string(),
        ]
    );
    assert_eq!(get(&mut lab, "vip")["status"]["nominatedNodeName"].str(), "kind-worker");
    assert!(get(&mut lab, "low-1").condition_true("DisruptionTarget"));
    // No kubelet runs here: the pods are gone when somebody says so.
    for name in ["low-1", "low-2"] {
        let options = value!({"gracePeriodSeconds": 0});
        assert!(lab.request(Request::delete(PODS, "default", name).with_body(options)).ok());
    }
    lab.settle();
    assert_eq!(get(&mut lab, "vip")["spec"]["nodeName"].str(), "kind-worker");
    let messages: Vec<String> =
        scheduler(&lab).decisions().of("default/vip").iter().map(|decision| decision.message.clone()).collect();
    assert_eq!(messages[0], "0/1 nodes are available: 1 Insufficient cpu.");
    assert_eq!(messages.last().unwrap(), "");
    let events = lab.request(Request::list(EVENTS, "default")).body;
    let preempted = events["items"].items().iter().filter(|event| event["reason"].str() == "Preempted");
    let words: Vec<&str> = preempted.map(|event| event["message"].str()).collect();
    let want = format!("Preempted by pod {} on node kind-worker", vip.uid());
    assert_eq!(words, [want.as_str(), want.as_str()]);
}

#[test]
fn pods_of_other_schedulers_are_left_alone() {
    let mut lab = lab(&["kind-worker"]);
    let mut other = pod("other", "100m");
    other["spec"]["schedulerName"] = "my-scheduler".into();
    let before = lab.requests().len();
    add(&mut lab, PODS, other);
    lab.settle();
    assert_eq!(sent(&lab, before), Vec::<String>::new());
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = || {
        let mut lab = lab(&["a", "b", "c"]);
        for number in 0..20 {
            add(&mut lab, PODS, pod(&format!("p{number}"), "100m"));
        }
        lab.settle();
        lab.trace.envelopes().iter().map(|envelope| format!("{envelope:?}")).collect::<Vec<_>>()
    };
    assert!(run() == run());
}

#[test]
fn a_volume_is_bound_for_the_chosen_node_before_the_pod_is() {
    let mut lab = lab(&["kind-worker", "kind-worker2"]);
    let class = value!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local-wait"},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    });
    add(&mut lab, STORAGECLASSES, class);
    let on_worker2 = value!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["kind-worker2"]});
    let volume = value!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local-wait",
            "hostPath": {"path": "/data"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_worker2]}]}},
        },
    });
    add(&mut lab, PERSISTENTVOLUMES, volume);
    let available = Request::patch(PERSISTENTVOLUMES, "", "pv", value!({"status": {"phase": "Available"}})).sub("status");
    assert!(lab.request(available).ok());
    let claim = value!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "local-wait", "resources": {"requests": {"storage": "1Gi"}}},
    });
    add(&mut lab, PERSISTENTVOLUMECLAIMS, claim);
    lab.settle();
    let before = lab.requests().len();
    let mut pod = pod("p", "100m");
    pod["spec"]["volumes"] = value!([{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]);
    add(&mut lab, PODS, pod);
    lab.settle();
    assert_eq!(scheduler(&lab).decisions().of("default/p")[0].message, "");
    assert_eq!(sent(&lab, before), ["patch /api/v1/namespaces/default/pods/p/status", "update /api/v1/persistentvolumes/pv"]);
    assert_eq!(get(&mut lab, "p")["status"]["nominatedNodeName"].str(), "kind-worker2");
    let taken = lab.request(Request::get(PERSISTENTVOLUMES, "", "pv")).body;
    assert_eq!(taken["spec"]["claimRef"]["name"].str(), "x");
    // No volume controller runs here: the claim is bound when somebody says so.
    let bound = value!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "pv"}});
    assert!(lab.request(Request::patch(PERSISTENTVOLUMECLAIMS, "default", "x", bound)).ok());
    lab.settle();
    assert_eq!(get(&mut lab, "p")["spec"]["nodeName"].str(), "kind-worker2");
}

#[test]
fn a_binding_that_is_refused_is_tried_again_later() {
    let mut lab = lab(&["kind-worker", "kind-worker2"]);
    add(&mut lab, PODS, pod("p", "100m"));
    // The pod is bound by somebody else in the very moment in which the scheduler binds it.
    let binding = value!({"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "kind-worker"}});
    let bind = Request::new(orrery_sim::core::Verb::Create, PODS, "default", "p").sub("binding").with_body(binding);
    assert_eq!(lab.request(bind).code, 201);
    lab.settle();
    let scheduler = scheduler(&lab);
    assert!(scheduler.queue().get("default/p").is_none());
    let on = |node: &str| scheduler.snapshot().node(node).unwrap().pods.len();
    assert_eq!((on("kind-worker"), on("kind-worker2")), (1, 0));
}

#[test]
fn profiles_come_from_its_configuration() {
    let mut lab = Lab::new(1, &[]);
    let config = value!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [{"schedulerName": "default-scheduler"}, {"schedulerName": "packer", "pluginConfig": [
            {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}},
        ]}],
    });
    lab.spawn(Lab::CONTROL_PLANE, Part::Scheduler, value!({"server": 1, "config": config}));
    lab.run(Duration::s(10));
    add(
        &mut lab,
        SERVICEACCOUNTS,
        value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}),
    );
    for name in ["a", "b", "c"] {
        add_node(&mut lab, node(name));
    }
    for number in 0..6 {
        let mut pod = pod(&format!("p{number}"), "500m");
        pod["spec"]["schedulerName"] = "packer".into();
        add(&mut lab, PODS, pod);
        lab.settle();
    }
    let full = scheduler(&lab).snapshot().nodes().iter().map(|node| node.pods.len()).max();
    assert_eq!(full, Some(6));
    assert!(scheduler(&lab).fatal().is_none());
}

#[test]
fn without_any_node_it_tries_again_after_its_back_off() {
    let mut lab = lab(&[]);
    add(&mut lab, PODS, pod("p", "100m"));
    lab.run(Duration::s(20));
    let decisions = scheduler(&lab).decisions().of("default/p");
    assert_eq!(decisions[0].message, "no nodes available to schedule pods");
    // One, two, four and eight seconds, each time up to the end of the second in which that is over.
    let rest = |pair: &[Rc<Decision>]| (pair[1].at.since(pair[0].at).0 + 500_000) / 1_000_000;
    let seconds: Vec<u64> = decisions.windows(2).map(rest).collect();
    assert_eq!(seconds[1..], [3, 5, 9]);
    assert!(decisions[1..].iter().all(|decision| decision.at.0 % 1_000_000 < 2_000), "{seconds:?}");
}

#[test]
fn room_that_is_free_at_once_is_used_at_once() {
    let mut lab = lab(&["kind-worker"]);
    add(&mut lab, PRIORITYCLASSES, value!({"metadata": {"name": "high"}, "value": 1000}));
    for name in ["a", "b"] {
        let mut low = pod(name, "1500m");
        low["spec"]["terminationGracePeriodSeconds"] = 0.into();
        add(&mut lab, PODS, low);
    }
    lab.settle();
    let mut vip = pod("vip", "3");
    vip["spec"]["priorityClassName"] = "high".into();
    add(&mut lab, PODS, vip);
    lab.run(Duration::s(5));
    assert_eq!(get(&mut lab, "vip")["spec"]["nodeName"].str(), "kind-worker");
}

#[test]
fn a_pod_that_is_deleted_before_its_turn_is_skipped() {
    let mut lab = lab(&["kind-worker"]);
    let mut held = pod("held", "100m");
    held["metadata"]["finalizers"] = value!(["example.com/wait"]);
    held["spec"]["schedulingGates"] = value!([{"name": "wait"}]);
    add(&mut lab, PODS, held);
    lab.settle();
    assert!(lab.request(Request::delete(PODS, "default", "held")).ok());
    lab.settle();
    assert!(get(&mut lab, "held").is_terminating());
    assert!(lab.request(Request::patch(PODS, "default", "held", value!({"spec": {"schedulingGates": null}}))).ok());
    lab.settle();
    assert_eq!(get(&mut lab, "held")["spec"]["nodeName"].str(), "");
    let events = lab.request(Request::list(EVENTS, "default")).body;
    let skipped = |event: &Value| event["message"].str() == "skip schedule deleting pod: default/held";
    assert!(events["items"].items().iter().any(skipped), "{}", events.to_json());
}

#[test]
fn room_that_is_kept_no_longer_is_for_others() {
    let mut lab = lab(&["kind-worker"]);
    add(&mut lab, PRIORITYCLASSES, value!({"metadata": {"name": "high"}, "value": 1000}));
    // It takes its time to go, so that the important pod waits for its room, and the other one for what that leaves.
    let mut slow = pod("slow", "3");
    slow["metadata"]["finalizers"] = value!(["example.com/wait"]);
    add(&mut lab, PODS, slow);
    lab.settle();
    let mut vip = pod("vip", "4");
    vip["spec"]["priorityClassName"] = "high".into();
    add(&mut lab, PODS, vip);
    lab.settle();
    assert_eq!(get(&mut lab, "vip")["status"]["nominatedNodeName"].str(), "kind-worker");
    add(&mut lab, PODS, pod("small", "1"));
    lab.settle();
    assert_eq!(get(&mut lab, "small")["spec"]["nodeName"].str(), "");
    assert!(lab.request(Request::delete(PODS, "default", "vip")).ok());
    lab.run(Duration::s(20));
    assert_eq!(get(&mut lab, "small")["spec"]["nodeName"].str(), "kind-worker");
}

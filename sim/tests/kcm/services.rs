//! Endpoints, EndpointSlices and disruption budgets (recordings 06, 08).

use orrery_sim::api::resource::{ENDPOINTS, ENDPOINTSLICES, PODDISRUPTIONBUDGETS, PODS, SERVICES};
use orrery_sim::core::Request;
use orrery_sim::value;
use orrery_sim::value::Value;

use crate::bench::Bench;

fn service() -> Value {
    value!({
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]},
    })
}

fn add_pod(bench: &mut Bench, name: &'static str, ip: &'static str) -> Value {
    let pod = value!({
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
    });
    let pod = bench.ok(Request::create(PODS, pod));
    bench.bind(&pod, "kind-worker");
    bench.make_ready(&pod, ip);
    bench.settle();
    pod
}

fn slice(bench: &mut Bench) -> Value {
    let slices = bench.ok(Request::list(ENDPOINTSLICES, "default").param("labelSelector", "kubernetes.io/service-name=web"));
    assert_eq!(slices["items"].items().len(), 1);
    slices["items"][0].clone()
}

#[test]
fn both_lists_follow_pods_and_their_ends() {
    let mut bench = Bench::new();
    bench.add_node("kind-worker");
    bench.settle();
    bench.forget();
    bench.ok(Request::create(SERVICES, service()));
    bench.settle();
    let mut requests = bench.requests();
    requests.sort();
    assert_eq!(requests, ["endpoint-controller create endpoints 201", "endpointslice-controller create endpointslices 201"]);
    let empty = slice(&mut bench);
    assert!(empty.name().starts_with("web-") && empty["endpoints"].is_empty());
    assert_eq!(empty.controller().map(|owner| owner["kind"].str()), Some("Service"));

    let pod = add_pod(&mut bench, "a", "10.244.1.5");
    add_pod(&mut bench, "b", "10.244.1.6");
    let filled = slice(&mut bench);
    assert_eq!(filled.name(), empty.name(), "the empty slice is filled");
    assert_eq!(filled["endpoints"].items().len(), 2);
    let endpoints = bench.get(ENDPOINTS, "web");
    let ips: Vec<&str> = endpoints["subsets"][0]["addresses"].items().iter().map(|have| have["ip"].str()).collect();
    assert_eq!(ips, ["10.244.1.5", "10.244.1.6"]);

    // The address leaves when the deletion starts, and the slice tells that it still serves.
    bench.forget();
    bench.ok(Request::delete(PODS, "default", "a"));
    bench.settle();
    let mut requests = bench.requests();
    requests.sort();
    assert_eq!(requests, ["endpoint-controller update endpoints 200", "endpointslice-controller update endpointslices 200"]);
    let leaving = slice(&mut bench);
    let conditions = leaving["endpoints"].items().iter().find(|have| have["targetRef"]["name"].str() == "a");
    assert_eq!(
        conditions.map(|have| have["conditions"].to_json()),
        Some(r#"{"ready":false,"serving":true,"terminating":true}"#.to_string())
    );
    assert_eq!(bench.get(ENDPOINTS, "web")["subsets"][0]["addresses"].items().len(), 1);
    bench.finish(&pod);
    bench.settle();
    assert_eq!(slice(&mut bench)["endpoints"].items().len(), 1);

    bench.ok(Request::delete(SERVICES, "default", "web"));
    bench.settle();
    assert_eq!(bench.lab.request(Request::get(ENDPOINTS, "default", "web")).code, 404);
    let left = bench.ok(Request::list(ENDPOINTSLICES, "default"));
    assert!(left["items"].items().iter().all(|slice| slice.name() == "kubernetes"));
}

#[test]
fn a_budget_counts_what_it_protects() {
    let mut bench = Bench::new();
    let budget = value!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    bench.ok(Request::create(PODDISRUPTIONBUDGETS, budget));
    bench.settle();
    assert_eq!(bench.requests(), ["disruption-controller update poddisruptionbudgets/status 200"]);
    add_pod(&mut bench, "a", "10.244.1.5");
    let status = bench.get(PODDISRUPTIONBUDGETS, "web")["status"].clone();
    assert_eq!((status["currentHealthy"].int(), status["disruptionsAllowed"].int()), (1, 0));
    assert_eq!(status["conditions"][0]["reason"].str(), "InsufficientPods");
    add_pod(&mut bench, "b", "10.244.1.6");
    let status = bench.get(PODDISRUPTIONBUDGETS, "web")["status"].clone();
    assert_eq!((status["currentHealthy"].int(), status["disruptionsAllowed"].int()), (2, 1));
    assert_eq!(status["conditions"][0]["reason"].str(), "SufficientPods");
}

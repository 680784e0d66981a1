//! The garbage collector's three ways of deleting, and namespaces (recordings 07, 15).

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICASETS, SERVICEACCOUNTS};
use orrery_sim::core::Request;
use orrery_sim::value;
use orrery_sim::value::Value;

use crate::bench::Bench;

fn delete(bench: &mut Bench, resource: Resource, name: &'static str, policy: &'static str) {
    let body = value!({"propagationPolicy": policy});
    bench.ok(Request::delete(resource, "default", name).with_body(body));
    bench.settle();
}

fn web(namespace: &'static str, replicas: i64) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}},
        },
    })
}

fn with_web() -> Bench {
    let mut bench = Bench::new();
    bench.ok(Request::create(DEPLOYMENTS, web("default", 2)));
    bench.settle();
    bench.forget();
    bench
}

fn sets(bench: &mut Bench) -> Vec<Value> {
    bench.ok(Request::list(REPLICASETS, "default"))["items"].items().to_vec()
}

#[test]
fn in_the_background_dependents_follow_their_owner() {
    let mut bench = with_web();
    delete(&mut bench, DEPLOYMENTS, "web", "Background");
    assert_eq!(
        bench.requests_of("generic-garbage-collector"),
        ["get replicasets 200", "delete replicasets 200", "get pods 200", "get pods 200", "delete pods 200", "delete pods 200",]
    );
    assert!(sets(&mut bench).is_empty() && bench.pods().is_empty());
}

#[test]
fn orphans_live_on_and_are_adopted() {
    let mut bench = with_web();
    delete(&mut bench, DEPLOYMENTS, "web", "Orphan");
    // The deployment's status may be written meanwhile: then its newest state is read again.
    let requests = bench.requests_of("generic-garbage-collector");
    assert_eq!(requests[..2], ["patch replicasets 200", "get deployments 200"]);
    assert_eq!(requests.last().map(String::as_str), Some("patch deployments 200"));
    let orphans = sets(&mut bench);
    assert_eq!(orphans.len(), 1);
    assert!(orphans[0].controller().is_none());
    assert_eq!(bench.pods().len(), 2);
    bench.forget();
    bench.ok(Request::create(DEPLOYMENTS, web("default", 2)));
    bench.settle();
    assert_eq!(bench.requests_of("deployment-controller")[..2], ["get deployments 200", "patch replicasets 200"]);
    assert_eq!(sets(&mut bench)[0].controller().map(|owner| owner["kind"].str()), Some("Deployment"));
}

#[test]
fn in_the_foreground_the_owner_goes_last() {
    let mut bench = with_web();
    let pods = bench.pods();
    for pod in &pods {
        bench.bind(pod, "kind-worker");
    }
    bench.settle();
    delete(&mut bench, DEPLOYMENTS, "web", "Foreground");
    assert!(bench.get(DEPLOYMENTS, "web").is_terminating());
    assert!(bench.pods().iter().all(Value::is_terminating));
    for pod in &pods {
        bench.finish(pod);
    }
    bench.settle();
    assert!(sets(&mut bench).is_empty());
    assert_eq!(bench.lab.request(Request::get(DEPLOYMENTS, "default", "web")).code, 404);
    assert_eq!(bench.pods().len(), 0, "nothing was made anew");
}

#[test]
fn a_dependent_of_nobody_is_collected() {
    let mut bench = Bench::new();
    let mut map = value!({"metadata": {"name": "lost", "namespace": "default"}});
    map["metadata"]["ownerReferences"] =
        value!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"}]);
    bench.ok(Request::create(CONFIGMAPS, map));
    bench.settle();
    assert_eq!(bench.lab.request(Request::get(CONFIGMAPS, "default", "lost")).code, 404);
}

#[test]
fn a_namespace_gets_its_account_and_is_emptied_pods_first() {
    let mut bench = Bench::new();
    bench.ok(Request::create(NAMESPACES, value!({"metadata": {"name": "team-a"}})));
    bench.settle();
    assert_eq!(
        bench.requests(),
        ["service-account-controller create serviceaccounts 201", "root-ca-cert-publisher create configmaps 201"]
    );
    assert_eq!(bench.lab.request(Request::get(SERVICEACCOUNTS, "team-a", "default")).code, 200);
    bench.ok(Request::create(DEPLOYMENTS, web("team-a", 2)));
    bench.settle();
    let pods = bench.ok(Request::list(PODS, "team-a"))["items"].items().to_vec();
    for pod in &pods {
        bench.bind(pod, "kind-worker");
    }
    bench.settle();
    bench.forget();
    bench.ok(Request::delete(NAMESPACES, "", "team-a"));
    bench.run(6);
    assert_eq!(
        bench.requests_of("namespace-controller"),
        ["get namespaces 200", "list pods 200", "deletecollection pods 200", "list pods 200", "update namespaces/status 200"]
    );
    let replaced: Vec<String> = bench.requests_of("replicaset-controller");
    assert!(replaced.contains(&"create pods 403".to_string()), "nothing can be made there any more: {replaced:#?}");
    assert!(!replaced.iter().any(|line| line.contains("FailedCreate")));
    for pod in &pods {
        bench.finish(pod);
    }
    bench.forget();
    bench.run(15);
    let requests = bench.requests_of("namespace-controller");
    assert_eq!(requests[..4], ["get namespaces 200", "list pods 200", "deletecollection pods 200", "list pods 200"]);
    assert_eq!(requests.last().map(String::as_str), Some("update namespaces/finalize 200"));
    assert_eq!(bench.lab.request(Request::get(NAMESPACES, "", "team-a")).code, 404);
    assert_eq!(bench.lab.request(Request::list(DEPLOYMENTS, "team-a")).body["items"].items().len(), 0);
}

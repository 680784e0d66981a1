//! Deployments and their ReplicaSets (recordings 03, 04, 05, 07).

use orrery_sim::api::resource::{DEPLOYMENTS, PODS, REPLICASETS};
use orrery_sim::core::Request;
use orrery_sim::value;
use orrery_sim::value::Value;

use crate::bench::Bench;

fn deployment(name: &'static str, replicas: i64) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}},
        },
    })
}

fn running(replicas: i64) -> Bench {
    let mut bench = Bench::new();
    bench.ok(Request::create(DEPLOYMENTS, deployment("web", replicas)));
    bench.settle();
    ready_all(&mut bench);
    bench.forget();
    bench
}

/// Binds all pods and reports them ready.
fn ready_all(bench: &mut Bench) {
    loop {
        let waiting: Vec<Value> = bench.pods().into_iter().filter(|pod| pod["spec"]["nodeName"].is_empty()).collect();
        if waiting.is_empty() {
            return;
        }
        for pod in waiting {
            bench.bind(&pod, "kind-worker");
            bench.make_ready(&pod, "10.244.1.5");
            bench.settle();
        }
    }
}

/// Lets all pods that are being deleted go.
fn bury_all(bench: &mut Bench) {
    for pod in bench.pods().into_iter().filter(Value::is_terminating) {
        bench.finish(&pod);
    }
    bench.settle();
}

fn conditions(object: &Value) -> Vec<(String, String, String)> {
    let row = |have: &Value| (have["type"].str().into(), have["status"].str().into(), have["reason"].str().into());
    object["status"]["conditions"].items().iter().map(row).collect()
}

#[test]
fn a_deployment_is_created_in_the_recorded_order() {
    let mut bench = Bench::new();
    bench.ok(Request::create(DEPLOYMENTS, deployment("web", 3)));
    bench.settle();
    assert_eq!(
        bench.requests_of("deployment-controller")[..5],
        [
            "create replicasets 201",
            "update deployments/status 200",
            "create events 201 ScalingReplicaSet: Scaled up replica set web-X from 0 to 3",
            "update deployments/status 409",
            "update deployments/status 200",
        ]
    );
    let of_set: Vec<String> = bench.requests_of("replicaset-controller");
    let pods: Vec<&String> = of_set.iter().filter(|line| !line.contains("events")).collect();
    // One pod, then two at once, then the status as the cache has it, then as it is.
    assert_eq!(
        pods,
        [
            "create pods 201",
            "create pods 201",
            "create pods 201",
            "update replicasets/status 200",
            "update replicasets/status 200"
        ]
    );
    assert_eq!(of_set.iter().filter(|line| *line == "create events 201 SuccessfulCreate: Created pod: web-X-X").count(), 3);
    let web = bench.get(DEPLOYMENTS, "web");
    assert_eq!(web.annotation("deployment.kubernetes.io/revision"), Some("1"));
    assert_eq!(
        conditions(&web),
        [
            ("Available".into(), "False".into(), "MinimumReplicasUnavailable".into()),
            ("Progressing".into(), "True".into(), "ReplicaSetUpdated".into())
        ]
    );

    ready_all(&mut bench);
    let web = bench.get(DEPLOYMENTS, "web");
    assert_eq!(web["status"]["availableReplicas"].int(), 3);
    assert_eq!(
        conditions(&web),
        [
            ("Available".into(), "True".into(), "MinimumReplicasAvailable".into()),
            ("Progressing".into(), "True".into(), "NewReplicaSetAvailable".into())
        ]
    );
    assert!(web["status"]["conditions"][1]["message"].str().ends_with("has successfully progressed."));
}

#[test]
fn scaling_down_deletes_all_at_once() {
    let mut bench = running(6);
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", value!({"spec": {"replicas": 2}})).sub("scale"));
    bench.settle();
    assert_eq!(
        bench.requests_of("deployment-controller")[..3],
        [
            "update replicasets 200",
            "update deployments/status 200",
            "create events 201 ScalingReplicaSet: Scaled down replica set web-X from 6 to 2",
        ]
    );
    let of_set = bench.requests_of("replicaset-controller");
    assert_eq!(of_set[..4], ["delete pods 200"; 4]);
    let web = bench.get(DEPLOYMENTS, "web");
    assert_eq!(
        (web["status"]["replicas"].int(), web["status"]["terminatingReplicas"].int()),
        (2, 4),
        "pods are counted out when their deletion starts"
    );
    bury_all(&mut bench);
    assert_eq!(bench.get(DEPLOYMENTS, "web")["status"]["terminatingReplicas"].int(), 0);
    assert_eq!(bench.pods().len(), 2);
}

#[test]
fn a_deleted_pod_is_replaced_before_it_is_gone() {
    let mut bench = running(2);
    let victim = bench.pods()[0].clone();
    bench.ok(Request::delete(PODS, "default", victim["metadata"]["name"].text()));
    bench.settle();
    assert_eq!(bench.requests_of("replicaset-controller")[0], "create pods 201");
    assert_eq!(bench.pods().len(), 3);
}

#[test]
fn a_rolling_update_keeps_within_surge_and_unavailable() {
    let mut bench = running(4);
    let image = value!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.28"}]}}}});
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", image));
    bench.settle();
    let of_deployment = bench.requests_of("deployment-controller");
    assert_eq!(
        of_deployment[..4],
        [
            "create replicasets 201",
            "update deployments/status 200",
            "create events 201 ScalingReplicaSet: Scaled up replica set web-X from 0 to 1",
            "update replicasets 200",
        ]
    );
    // Four replicas, at most one more and one fewer: two new ones wait, three old ones serve.
    let sizes = |bench: &mut Bench| {
        let mut sizes: Vec<(i64, i64)> = bench.ok(Request::list(REPLICASETS, "default"))["items"]
            .items()
            .iter()
            .map(|set| {
                (
                    set.annotation("deployment.kubernetes.io/revision").and_then(|text| text.parse().ok()).unwrap_or(0),
                    set["spec"]["replicas"].int(),
                )
            })
            .collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(&mut bench), [(1, 3), (2, 2)]);
    for _ in 0..4 {
        let pods = bench.pods();
        let active = pods.iter().filter(|pod| !pod.is_terminating()).count();
        let ready = pods.iter().filter(|pod| !pod.is_terminating() && pod.condition_true("Ready")).count();
        assert!(active <= 5 && ready >= 3, "{active} active, {ready} ready");
        let Some(next) = pods.into_iter().find(|pod| pod["spec"]["nodeName"].is_empty()) else { break };
        bench.bind(&next, "kind-worker");
        bench.make_ready(&next, "10.244.1.9");
        bench.settle();
    }
    bury_all(&mut bench);
    assert_eq!(sizes(&mut bench), [(1, 0), (2, 4)]);

    // Back to the first template: no new ReplicaSet, but the next number.
    let image = value!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}}}});
    bench.forget();
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", image));
    bench.settle();
    ready_all(&mut bench);
    assert!(!bench.requests().iter().any(|line| line.starts_with("deployment-controller create replicasets")));
    assert_eq!(sizes(&mut bench), [(2, 0), (3, 4)]);
    assert!(
        bench.requests().iter().any(|line| line.contains("(combined from similar events): Scaled")),
        "after ten similar events they are combined"
    );
}

#[test]
fn a_recreate_waits_until_the_old_pods_are_gone() {
    let mut bench = Bench::new();
    let mut web = deployment("web", 2);
    web["spec"]["strategy"] = value!({"type": "Recreate"});
    bench.ok(Request::create(DEPLOYMENTS, web));
    bench.settle();
    ready_all(&mut bench);
    let image = value!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.28"}]}}}});
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", image));
    bench.settle();
    assert_eq!(bench.ok(Request::list(REPLICASETS, "default"))["items"].items().len(), 1);
    bury_all(&mut bench);
    let images: Vec<String> = bench.pods().iter().map(|pod| pod["spec"]["containers"][0]["image"].str().to_string()).collect();
    assert_eq!(images, ["nginx:1.28", "nginx:1.28"]);
}

#[test]
fn a_paused_deployment_says_so_and_goes_on_later() {
    let mut bench = running(1);
    let paused =
        value!({"spec": {"paused": true, "template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.28"}]}}}});
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", paused));
    bench.settle();
    let web = bench.get(DEPLOYMENTS, "web");
    assert_eq!(web.condition("Progressing").map(|have| have["reason"].str()), Some("DeploymentPaused"));
    assert_eq!(bench.ok(Request::list(REPLICASETS, "default"))["items"].items().len(), 1);
    bench.ok(Request::patch(DEPLOYMENTS, "default", "web", value!({"spec": {"paused": null}})));
    bench.settle();
    assert_eq!(bench.ok(Request::list(REPLICASETS, "default"))["items"].items().len(), 2);
}

#[test]
fn a_rollout_that_gets_nowhere_is_reported() {
    let mut bench = Bench::new();
    let mut web = deployment("web", 1);
    web["spec"]["progressDeadlineSeconds"] = 20.into();
    bench.ok(Request::create(DEPLOYMENTS, web));
    bench.run(30);
    let web = bench.get(DEPLOYMENTS, "web");
    let progressing = web.condition("Progressing").expect("it is always there").clone();
    assert_eq!((progressing["status"].str(), progressing["reason"].str()), ("False", "ProgressDeadlineExceeded"));
    assert!(progressing["message"].str().ends_with("has timed out progressing."));
}

#[test]
fn pods_that_cannot_be_made_are_reported_where_kubectl_looks() {
    let mut bench = Bench::new();
    let mut web = deployment("web", 2);
    web["spec"]["template"]["spec"]["serviceAccountName"] = "ghost".into();
    bench.ok(Request::create(DEPLOYMENTS, web));
    bench.run(1);
    let web = bench.get(DEPLOYMENTS, "web");
    let failure = web.condition("ReplicaFailure").expect("the failure is passed on to the deployment");
    assert_eq!(failure["reason"].str(), "FailedCreate");
    assert!(failure["message"].str().ends_with("serviceaccount \"ghost\" not found"), "{}", failure["message"].str());
    let events = bench.requests_of("replicaset-controller");
    assert!(events.iter().any(|line| line.contains("FailedCreate: Error creating: pods \"web-X-\" is forbidden")), "{events:#?}");
}

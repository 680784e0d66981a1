//! A node by itself: etcd and api-server on one machine, containerd and kubelet on another, pods bound by hand. The expected
//! requests are those of the recordings of a real kubelet.

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{CONFIGMAPS, EVENTS, NODES, PODS, SECRETS, SERVICEACCOUNTS};
use orrery_sim::core::{Duration, Effect, MachineId, Message, Part, Request, TimerKey, Verb};
use orrery_sim::kubelet::Kubelet;
use orrery_sim::lab::Lab;
use orrery_sim::runtime::Containerd;
use orrery_sim::value;
use orrery_sim::value::{Text, Value, condition};

struct Bench {
    lab: Lab,
    machine: MachineId,
    seen: usize,
}

impl Bench {
    /// A lab with the node `kind-worker`, which is Ready.
    fn new() -> Self {
        let mut lab = Lab::new(7, &[]);
        let account =
            value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}});
        assert_eq!(lab.request(Request::create(SERVICEACCOUNTS, account)).code, 201);
        let machine = lab.add_machine("kind-worker", "lab");
        let cni = value!({"plugins": [{"ipam": {"ranges": [[{"subnet": "10.244.1.0/24"}]]}}]});
        let file = Effect::WriteFile(machine, orrery_sim::addons::CNI_CONFIG.into(), Some(cni));
        lab.cluster.perform(file, &mut lab.trace);
        lab.spawn(machine, Part::Runtime, Value::Null);
        lab.spawn(machine, Part::Kubelet, value!({"server": 1}));
        lab.settle();
        let mut bench = Self { lab, machine, seen: 0 };
        bench.create(
            CONFIGMAPS,
            value!({"metadata": {"name": "kube-root-ca.crt", "namespace": "default"}, "data": {"ca.crt": "x"}}),
        );
        bench
    }

    fn create(&mut self, resource: Resource, object: Value) {
        let answer = self.lab.request(Request::create(resource, object));
        assert_eq!(answer.code, 201, "{}", answer.body.to_json());
    }

    fn run(&mut self, name: &'static str, spec: Value) {
        let mut pod =
            value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
        pod["spec"]["nodeName"] = "kind-worker".into();
        self.create(PODS, pod);
    }

    fn pod(&mut self, name: &'static str) -> Value {
        self.lab.request(Request::get(PODS, "default", name)).body
    }

    fn sleep(&mut self, seconds: u64) {
        // The cluster's clock is that of its last event: one at the end makes the time pass.
        let at = self.lab.cluster.now() + Duration::s(seconds);
        let key = TimerKey { name: "slept", key: Text::default(), number: 0 };
        self.lab.cluster.perform(Effect::Timer { at, key, background: true, since: None }, &mut self.lab.trace);
        self.lab.run(Duration::s(seconds));
    }

    /// What the kubelet has asked of the api-server since the last look: verb, and what distinguishes the request.
    fn requests(&mut self) -> Vec<String> {
        let envelopes = &self.lab.trace.envelopes()[self.seen..];
        self.seen = self.lab.trace.envelopes().len();
        let line = |request: &Request| {
            let resource = request.resource.map_or("", |resource| resource.plural);
            let detail = match (request.verb, request.resource) {
                (Verb::Create, Some(EVENTS)) => request.body["reason"].str().to_string(),
                (Verb::Patch, Some(EVENTS)) => format!("count {}", request.body["count"].int()),
                (Verb::Watch, _) => request.query("fieldSelector").unwrap_or_default().to_string(),
                _ if request.subresource.is_empty() => request.name.to_string(),
                _ => format!("{}/{}", request.name, request.subresource),
            };
            format!("{} {resource} {detail}", request.verb.name()).trim_end().to_string()
        };
        let from_kubelet = envelopes.iter().filter(|e| e.from.part == Part::Kubelet && !e.heartbeat);
        from_kubelet
            .filter_map(|envelope| match &envelope.message {
                Message::Request(request) => Some(line(request)),
                _ => None,
            })
            .collect()
    }

    /// The last status that the kubelet wrote of a pod.
    fn last_status(&self) -> Value {
        let patch = |message: &Message| match message {
            Message::Request(request) if request.subresource == "status" && request.resource == Some(PODS) => {
                Some(request.body["status"].clone())
            }
            _ => None,
        };
        self.lab.trace.envelopes().iter().rev().find_map(|envelope| patch(&envelope.message)).expect("a status was written")
    }

    /// Events about an object: reason, count and message.
    fn events(&mut self, name: &str) -> Vec<String> {
        let list = self.lab.request(Request::list(EVENTS, "default")).body;
        let mut events: Vec<&Value> =
            list["items"].items().iter().filter(|event| event["involvedObject"]["name"].str() == name).collect();
        events.sort_by_key(|event| event["metadata"]["name"].str().to_string());
        let line = |event: &&Value| format!("{} x{} {}", event["reason"].str(), event["count"].int(), event["message"].str());
        events.iter().map(line).collect()
    }
}

fn one(name: &'static str, image: &'static str, command: Value) -> Value {
    let mut container = value!({"name": name, "image": image});
    if !command.is_null() {
        container["command"] = command;
    }
    value!({"containers": [container]})
}

#[test]
fn a_node_joins_as_recorded() {
    let mut bench = Bench::new();
    let expected = [
        "watch csidrivers",
        "watch nodes metadata.name=kind-worker",
        "watch services spec.clusterIP!=None",
        "get csinodes kind-worker",
        "create events Starting",
        "watch runtimeclasses",
        "get nodes kind-worker",
        "get nodes kind-worker",
        "get nodes kind-worker",
        "create events NodeHasSufficientMemory",
        "create nodes",
        "create events NodeHasNoDiskPressure",
        "get csinodes kind-worker",
        "patch nodes kind-worker/status",
        "get nodes kind-worker",
        "create events NodeHasSufficientPID",
        "create csinodes",
        "patch events count 2",
        "patch nodes kind-worker/status",
        "patch events count 2",
        "patch events count 2",
        "create events NodeReady",
        "watch pods spec.nodeName=kind-worker",
    ];
    assert_eq!(bench.requests(), expected);
    let node = bench.lab.request(Request::get(NODES, "", "kind-worker")).body;
    assert_eq!(
        node["status"]["addresses"].to_json(),
        r#"[{"address":"172.18.0.3","type":"InternalIP"},{"address":"kind-worker","type":"Hostname"}]"#
    );
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/hostname"].str(), "kind-worker");
    // The Lease comes ten seconds after the node.
    bench.sleep(11);
    assert_eq!(bench.requests(), ["get nodes kind-worker", "create leases"]);
    bench.sleep(60);
    assert!(bench.requests().is_empty(), "an idle node only renews its lease");
}

#[test]
fn a_pod_starts_and_ends_as_recorded() {
    let mut bench = Bench::new();
    bench.requests();
    bench.run("nginx", one("nginx", "nginx", Value::Null));
    bench.lab.settle();
    let started = [
        "watch configmaps metadata.name=kube-root-ca.crt",
        "get pods nginx",
        "patch pods nginx/status",
        "create serviceaccounts default/token",
        "get pods nginx",
        "create events Pulling",
        "patch pods nginx/status",
        "create events Pulled",
        "create events Created",
        "create events Started",
        "get pods nginx",
        "patch pods nginx/status",
    ];
    assert_eq!(bench.requests(), started);
    let pod = bench.pod("nginx");
    assert_eq!((pod["status"]["phase"].str(), pod["status"]["podIP"].str()), ("Running", "10.244.1.2"));
    assert!(pod.condition_true("Ready"));

    bench.lab.request(Request::delete(PODS, "default", "nginx"));
    bench.lab.settle();
    let ended = [
        "get pods nginx",
        "create events Killing",
        "patch pods nginx/status",
        "get pods nginx",
        "patch pods nginx/status",
        "get pods nginx",
        "delete pods nginx",
    ];
    assert_eq!(bench.requests(), ended);
    assert_eq!(bench.pod("nginx")["code"].int(), 404);
    let runtime: &Containerd = bench.lab.cluster.machine(bench.machine).unwrap().part(Part::Runtime).unwrap();
    assert_eq!(runtime.sandboxes().count(), 0);
    let kubelet: &Kubelet = bench.lab.cluster.machine(bench.machine).unwrap().part(Part::Kubelet).unwrap();
    assert_eq!((kubelet.pods().count(), kubelet.used()), (0, (0, 0, 0)));
}

#[test]
fn who_ignores_sigterm_is_killed_after_the_grace_period() {
    let mut bench = Bench::new();
    bench.run("stubborn", one("c", "busybox", value!(["sleep", "3600"])));
    bench.lab.settle();
    let body = value!({"gracePeriodSeconds": 8});
    bench.lab.request(Request::delete(PODS, "default", "stubborn").with_body(body));
    bench.sleep(7);
    assert_eq!(bench.pod("stubborn")["status"]["phase"].str(), "Running");
    bench.sleep(3);
    assert_eq!(bench.pod("stubborn")["code"].int(), 404);
    let last = bench.last_status();
    let state = &last["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((last["phase"].str(), state["exitCode"].int(), state["reason"].str()), ("Failed", 137, "Error"));

    // Deleted by force: the object goes at once, the container a second later: no grace period is shorter.
    bench.run("stubborn", one("c", "busybox", value!(["sleep", "3600"])));
    bench.lab.settle();
    bench.lab.request(Request::delete(PODS, "default", "stubborn").with_body(value!({"gracePeriodSeconds": 0})));
    assert_eq!(bench.pod("stubborn")["code"].int(), 404);
    bench.sleep(3);
    let runtime: &Containerd = bench.lab.cluster.machine(bench.machine).unwrap().part(Part::Runtime).unwrap();
    assert_eq!(runtime.sandboxes().count(), 0);
}

#[test]
fn crashing_containers_back_off() {
    let mut bench = Bench::new();
    bench.run("crash", one("crash", "busybox", value!(["sh", "-c", "exit 1"])));
    bench.sleep(8);
    let status = bench.pod("crash")["status"]["containerStatuses"][0].clone();
    // The first restart is immediate, the second waits; the wait shows only when the kubelet looks again.
    assert_eq!((status["restartCount"].int(), status["state"]["terminated"]["reason"].str()), (1, "Error"));
    assert_eq!(status["lastState"]["terminated"]["exitCode"].int(), 1);
    let uid = bench.pod("crash").uid().to_string();
    let events = bench.events("crash");
    assert!(
        events.contains(&format!("BackOff x1 Back-off restarting failed container crash in pod crash_default({uid})")),
        "{events:#?}"
    );
    bench.sleep(100);
    let restarts = bench.pod("crash")["status"]["containerStatuses"][0]["restartCount"].int();
    assert!((3..=4).contains(&restarts), "10, 20 and 40 s with jitter: {restarts}");
}

#[test]
fn images_that_cannot_be_pulled_back_off() {
    let mut bench = Bench::new();
    bench.run("badimage", one("c", "nginx:doesnotexist", Value::Null));
    bench.sleep(4);
    let waiting = bench.pod("badimage")["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    let error = "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nginx:doesnotexist\": failed to resolve reference \"docker.io/library/nginx:doesnotexist\": docker.io/library/nginx:doesnotexist: not found";
    assert_eq!((waiting["reason"].str(), waiting["message"].str()), ("ErrImagePull", error));
    bench.sleep(20);
    let expected = [
        "Pulling x2 Pulling image \"nginx:doesnotexist\"".to_string(),
        format!("Failed x2 Failed to pull image \"nginx:doesnotexist\": {error}"),
        "Failed x2 Error: ErrImagePull".to_string(),
        "BackOff x1 Back-off pulling image \"nginx:doesnotexist\"".to_string(),
        "Failed x1 Error: ImagePullBackOff".to_string(),
    ];
    assert_eq!(bench.events("badimage"), expected);
    bench.run("upper", one("c", "Nginx", Value::Null));
    bench.sleep(3);
    assert_eq!(bench.pod("upper")["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].str(), "InvalidImageName");
}

#[test]
fn ends_are_told_apart() {
    let mut bench = Bench::new();
    let never = |mut spec: Value| {
        spec["restartPolicy"] = "Never".into();
        spec
    };
    bench.run("done", never(one("c", "busybox", value!(["echo", "done"]))));
    bench.run("failed", never(one("c", "busybox", value!(["sh", "-c", "exit 7"]))));
    bench.run("hungry", never(one("c", "busybox", value!(["oom"]))));
    bench.sleep(20);
    let end = |bench: &mut Bench, name| {
        let pod = bench.pod(name);
        let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        format!("{} {} {}", pod["status"]["phase"].str(), state["reason"].str(), state["exitCode"].int())
    };
    assert_eq!(end(&mut bench, "done"), "Succeeded Completed 0");
    assert_eq!(end(&mut bench, "failed"), "Failed Error 7");
    assert_eq!(end(&mut bench, "hungry"), "Failed OOMKilled 137");
    let pod = bench.pod("done");
    let reason = |kind| condition(&pod["status"]["conditions"], kind).unwrap()["reason"].str().to_string();
    assert_eq!([reason("Initialized"), reason("Ready")], ["PodCompleted", "PodCompleted"]);
    // What has ended is deleted at once, without waiting for the kubelet.
    bench.requests();
    bench.lab.request(Request::delete(PODS, "default", "done"));
    bench.sleep(1);
    assert!(bench.requests().is_empty());
    assert_eq!(bench.pod("done")["code"].int(), 404);
}

#[test]
fn init_containers_run_one_after_the_other() {
    let mut bench = Bench::new();
    let init =
        |name: &'static str, seconds: &'static str| value!({"name": name, "image": "busybox", "command": ["sleep", seconds]});
    let mut spec = one("c", "nginx", Value::Null);
    spec["initContainers"] = value!([init("first", "3"), init("second", "2")]);
    bench.run("withinit", spec);
    bench.sleep(3);
    let pod = bench.pod("withinit");
    let message = condition(&pod["status"]["conditions"], "Initialized").unwrap()["message"].str().to_string();
    assert_eq!(message, "containers with incomplete status: [first second]");
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].str(), "PodInitializing");
    bench.lab.settle();
    let pod = bench.pod("withinit");
    assert_eq!(pod["status"]["phase"].str(), "Running");
    assert!(pod["status"]["initContainerStatuses"].items().iter().all(|init| init["ready"].is_true()));
}

#[test]
fn probes_decide_on_readiness_and_restarts() {
    let mut bench = Bench::new();
    let mut slow = one("c", "nginx", Value::Null);
    slow["containers"] = value!([{"name": "c", "image": "nginx", "readinessProbe": {"exec": {"command": ["cat", "/tmp/ready-after-15"]}, "periodSeconds": 5}}]);
    bench.run("slowready", slow);
    let sick = value!({"terminationGracePeriodSeconds": 2, "containers": [{
        "name": "c", "image": "nginx",
        "livenessProbe": {"exec": {"command": ["cat", "/tmp/fail-after-10"]}, "periodSeconds": 5, "failureThreshold": 2},
    }]});
    bench.run("unhealthy", sick);
    bench.run(
        "web",
        value!({"containers": [{"name": "c", "image": "nginx", "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}]}),
    );
    bench.run(
        "lost",
        value!({"containers": [{"name": "c", "image": "nginx", "readinessProbe": {"httpGet": {"path": "/", "port": 81}}}]}),
    );
    bench.sleep(10);
    assert!(!bench.pod("slowready").condition_true("Ready"));
    assert!(bench.pod("web").condition_true("Ready"));
    assert!(!bench.pod("lost").condition_true("Ready"));
    let refused = bench.events("lost").into_iter().find(|event| event.starts_with("Unhealthy")).unwrap();
    assert!(
        refused.ends_with(
            "Readiness probe failed: Get \"http://10.244.1.5:81/\": dial tcp 10.244.1.5:81: connect: connection refused"
        ),
        "{refused}"
    );
    bench.sleep(20);
    assert!(bench.pod("slowready").condition_true("Ready"));
    let events = bench.events("unhealthy");
    assert!(
        events.contains(
            &"Unhealthy x2 Liveness probe failed: cat: can't open '/tmp/fail-after-10': No such file or directory\n".to_string()
        ),
        "{events:#?}"
    );
    assert!(events.contains(&"Killing x1 Container c failed liveness probe, will be restarted".to_string()), "{events:#?}");
    assert_eq!(bench.pod("unhealthy")["status"]["containerStatuses"][0]["restartCount"].int(), 1);
}

#[test]
fn what_is_missing_is_waited_for() {
    let mut bench = Bench::new();
    let spec = value!({
        "containers": [{
            "name": "c", "image": "nginx",
            "env": [{"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "password"}}}],
            "volumeMounts": [{"name": "cfg", "mountPath": "/etc/cfg"}],
        }],
        "volumes": [{"name": "cfg", "configMap": {"name": "settings"}}],
    });
    bench.run("app", spec);
    bench.sleep(6);
    assert_eq!(
        bench.events("app"),
        ["FailedMount x4 MountVolume.SetUp failed for volume \"cfg\" : configmap \"settings\" not found"]
    );
    bench.create(CONFIGMAPS, value!({"metadata": {"name": "settings", "namespace": "default"}, "data": {"a": "b"}}));
    bench.sleep(6);
    let waiting = bench.pod("app")["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    assert_eq!((waiting["reason"].str(), waiting["message"].str()), ("CreateContainerConfigError", "secret \"creds\" not found"));
    bench.create(SECRETS, value!({"metadata": {"name": "creds", "namespace": "default"}, "data": {"password": "eA=="}}));
    bench.sleep(20);
    assert_eq!(bench.pod("app")["status"]["phase"].str(), "Running");
}

#[test]
fn a_pod_that_does_not_fit_is_rejected() {
    let mut bench = Bench::new();
    let spec = value!({"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "5"}}}]});
    bench.run("big", spec);
    bench.lab.settle();
    let pod = bench.pod("big");
    assert_eq!((pod["status"]["phase"].str(), pod["status"]["reason"].str()), ("Failed", "OutOfcpu"));
    let message = "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000";
    assert_eq!(pod["status"]["message"].str(), message);
}

#[test]
fn logs_and_commands_go_through_the_kubelet() {
    let mut bench = Bench::new();
    bench.run("clock", one("c", "busybox", value!(["sh", "-c", "while true; do echo tick; sleep 1; done"])));
    bench.lab.settle();
    bench.sleep(3);
    let log = |bench: &mut Bench, name| bench.lab.request(Request::get(PODS, "default", name).sub("log").param("tailLines", "2"));
    assert_eq!(log(&mut bench, "clock").body["output"].str(), "tick\ntick\n");
    let exec =
        |argv: Value| Request::new(Verb::Create, PODS, "default", "clock").sub("exec").with_body(value!({"command": argv}));
    let answer = bench.lab.request(exec(value!(["hostname"]))).body;
    assert_eq!((answer["output"].str(), answer["code"].int()), ("clock\n", 0));
    let unknown = bench.lab.request(exec(value!(["no-such-program"]))).body;
    assert!(unknown["message"].str().contains("exec: \"no-such-program\": executable file not found in $PATH"));
    bench.run("waits", one("c", "nginx:doesnotexist", Value::Null));
    bench.sleep(5);
    let waits = log(&mut bench, "waits").body;
    assert_eq!(waits["message"].str(), "container \"c\" in pod \"waits\" is waiting to start: trying and failing to pull image");
}

//! The requests that a real Kubernetes v1.36 makes, in their causal order: written down from recordings of one, compared actor by actor.
//!
//! Two actors run at the same time, so the order between them is compared by causes only: a request must descend from the one that
//! made it necessary. Within an actor the sequence is compared as a whole, events apart from the rest, as the broadcaster sends them
//! on their own.

use std::rc::Rc;

use orrery_sim::core::{Addr, Cause, Duration, Envelope, EnvelopeId, Message, Part, Time, Verb, trace_json};
use orrery_sim::session::Session;

use crate::{booted, run};

/// A request to the api-server.
struct Sent {
    id: EnvelopeId,
    actor: String,
    /// `create pods/nginx/binding`; names that are random are shortened.
    what: String,
    is_event: bool,
}

/// The requests since `from` that are no heartbeats, in the order of sending.
fn requests(session: &Session, from: Time) -> Vec<Sent> {
    let directory = session.live_cluster().directory();
    let to_server = |envelope: &&Rc<Envelope>| envelope.to.part == Part::ApiServer && !envelope.heartbeat;
    session
        .trace()
        .sent_between(from, Time(u64::MAX))
        .filter(to_server)
        .filter_map(|envelope| {
            let Message::Request(request) = &envelope.message else { return None };
            let resource = request.resource?;
            let mut what = format!("{} {}", request.verb.name(), resource.plural);
            for part in [&request.name, &request.subresource] {
                if !part.is_empty() {
                    what.push('/');
                    what += part;
                }
            }
            if request.verb == Verb::Watch
                && let Some(selector) = request.query("fieldSelector")
            {
                what += &format!(" {selector}");
            }
            let is_event = resource.plural == "events" && request.verb != Verb::List;
            if is_event {
                let reason = request.body["reason"].str();
                what = format!("{} {reason}", request.verb.name());
            }
            Some(Sent { id: envelope.id, actor: trace_json::component(envelope.from, directory), what, is_event })
        })
        .collect()
}

/// What an actor sent, events left out.
fn of<'a>(sent: &'a [Sent], actor: &str) -> Vec<&'a str> {
    sent.iter().filter(|sent| sent.actor == actor && !sent.is_event).map(|sent| sent.what.as_str()).collect()
}

/// The events that an actor sent.
fn events<'a>(sent: &'a [Sent], actor: &str) -> Vec<&'a str> {
    sent.iter().filter(|sent| sent.actor == actor && sent.is_event).map(|sent| sent.what.as_str()).collect()
}

/// Whether `later` descends from `earlier` by causes.
fn descends(session: &Session, later: EnvelopeId, earlier: EnvelopeId) -> bool {
    let mut at = later;
    loop {
        if at == earlier {
            return true;
        }
        at = match session.trace().get(at).map(|envelope| envelope.cause) {
            Some(Cause::Message(cause) | Cause::Timer { since: Some(cause), .. }) => cause,
            _ => return false,
        };
    }
}

/// Asserts that the first request that matches `then` descends from the first that matches `first`.
fn assert_follows(session: &Session, sent: &[Sent], first: (&str, &str), then: (&str, &str)) {
    let find = |(actor, what): (&str, &str)| {
        let found = sent.iter().find(|sent| sent.actor.starts_with(actor) && sent.what.contains(what));
        found.unwrap_or_else(|| panic!("{actor} never sent {what}")).id
    };
    assert!(descends(session, find(then), find(first)), "{then:?} does not follow from {first:?}");
}

#[test]
fn create_pod() {
    let mut session = booted();
    let from = session.playhead();
    run(&mut session, "kubectl run nginx --image=nginx");
    session.settle(Duration::s(60));
    let sent = requests(&session, from);
    let kubelet = sent.iter().find(|sent| sent.actor.starts_with("kubelet/")).expect("a kubelet acts").actor.clone();

    assert_eq!(of(&sent, "kubectl"), ["create pods"]);
    assert_eq!(of(&sent, "kube-scheduler"), ["create pods/nginx/binding"]);
    assert_eq!(events(&sent, "kube-scheduler"), ["create Scheduled"]);
    assert_eq!(
        of(&sent, &kubelet),
        [
            "watch configmaps metadata.name=kube-root-ca.crt",
            "get pods/nginx",
            "patch pods/nginx/status",
            "create serviceaccounts/default/token",
            "get pods/nginx",
            "patch pods/nginx/status",
            "get pods/nginx",
            "patch pods/nginx/status",
        ]
    );
    assert_eq!(events(&sent, &kubelet), ["create Pulling", "create Pulled", "create Created", "create Started"]);
    assert_follows(&session, &sent, ("kubectl", "create pods"), ("kube-scheduler", "binding"));
    assert_follows(&session, &sent, ("kube-scheduler", "binding"), ("kubelet/", "patch pods/nginx/status"));
    assert_follows(&session, &sent, ("kube-scheduler", "binding"), ("kube-scheduler", "create Scheduled"));
}

#[test]
fn create_deployment() {
    let mut session = booted();
    let from = session.playhead();
    run(&mut session, "kubectl create deployment web --image=nginx:1.27 --replicas=3 --port=80");
    session.settle(Duration::s(60));
    let sent = requests(&session, from);

    assert_eq!(of(&sent, "kubectl"), ["create deployments"]);
    let deployment = of(&sent, "kcm/deployment-controller");
    assert_eq!(deployment[0], "create replicasets");
    assert!(deployment[1..].iter().all(|what| *what == "update deployments/web/status"), "{deployment:?}");
    assert!((4..=9).contains(&deployment.len()), "a real one sends 8: {deployment:?}");
    assert_eq!(events(&sent, "kcm/deployment-controller"), ["create ScalingReplicaSet"]);

    let set = of(&sent, "kcm/replicaset-controller");
    assert_eq!(set.iter().filter(|what| **what == "create pods").count(), 3);
    assert_eq!(set[0], "create pods", "slow start: one pod first");
    assert!(set.iter().filter(|what| what.starts_with("update replicasets/web-")).count() >= 4, "{set:?}");
    assert_eq!(events(&sent, "kcm/replicaset-controller"), ["create SuccessfulCreate"; 3]);

    assert_eq!(of(&sent, "kube-scheduler").len(), 3);
    assert_eq!(events(&sent, "kube-scheduler"), ["create Scheduled"; 3]);
    let started = sent.iter().filter(|sent| sent.actor.starts_with("kubelet/") && sent.what == "create Started").count();
    assert_eq!(started, 3);
    let tokens = sent.iter().filter(|sent| sent.what == "create serviceaccounts/default/token").count();
    assert_eq!(tokens, 3);

    assert_follows(&session, &sent, ("kubectl", "create deployments"), ("kcm/deployment-controller", "create replicasets"));
    assert_follows(
        &session,
        &sent,
        ("kcm/deployment-controller", "create replicasets"),
        ("kcm/replicaset-controller", "create pods"),
    );
    assert_follows(&session, &sent, ("kcm/replicaset-controller", "create pods"), ("kube-scheduler", "/binding"));
    assert_follows(&session, &sent, ("kube-scheduler", "/binding"), ("kubelet/", "/status"));
}

#[test]
fn pods_are_created_in_slow_start_batches() {
    let mut session = booted();
    let from = session.playhead();
    run(&mut session, "kubectl create deployment web --image=nginx --replicas=7");
    session.settle(Duration::s(60));
    // The pods of a batch are sent for the same reason: the last answer of the batch before.
    let mut causes: Vec<Cause> = Vec::new();
    for envelope in session.trace().sent_between(from, Time(u64::MAX)) {
        if let Message::Request(request) = &envelope.message
            && request.verb == Verb::Create
            && request.resource.is_some_and(|resource| resource.plural == "pods")
            && request.subresource.is_empty()
            && matches!(envelope.from, Addr { part: Part::Controller(_), .. })
        {
            causes.push(envelope.cause);
        }
    }
    let batches: Vec<usize> = causes.chunk_by(|a, b| a == b).map(<[Cause]>::len).collect();
    assert_eq!(batches, [1, 2, 4]);
}

#[test]
fn scale_up_and_down() {
    let mut session = booted();
    run(&mut session, "kubectl create deployment web --image=nginx --replicas=3");
    session.settle(Duration::s(60));
    let from = session.playhead();
    run(&mut session, "kubectl scale deployment web --replicas=6");
    session.settle(Duration::s(60));
    let sent = requests(&session, from);
    assert_eq!(of(&sent, "kubectl"), ["get deployments/web", "patch deployments/web/scale"]);
    let deployment = of(&sent, "kcm/deployment-controller");
    assert!(deployment[0].starts_with("update replicasets/web-"), "{deployment:?}");
    assert_eq!(of(&sent, "kcm/replicaset-controller").iter().filter(|what| **what == "create pods").count(), 3);
    assert_follows(&session, &sent, ("kubectl", "scale"), ("kcm/deployment-controller", "update replicasets"));
    assert_follows(
        &session,
        &sent,
        ("kcm/deployment-controller", "update replicasets"),
        ("kcm/replicaset-controller", "create pods"),
    );

    let from = session.playhead();
    run(&mut session, "kubectl scale deployment web --replicas=2");
    session.settle(Duration::s(120));
    let sent = requests(&session, from);
    let deleted = of(&sent, "kcm/replicaset-controller").iter().filter(|what| what.starts_with("delete pods/")).count();
    assert_eq!(deleted, 4);
    assert_eq!(events(&sent, "kcm/replicaset-controller"), ["create SuccessfulDelete"; 4]);
    let removed: Vec<&Sent> =
        sent.iter().filter(|sent| sent.actor.starts_with("kubelet/") && sent.what.starts_with("delete pods/")).collect();
    assert_eq!(removed.len(), 4, "only the kubelet's own DELETE removes a pod");
    let kills = sent.iter().filter(|sent| sent.what == "create Killing").count();
    assert_eq!(kills, 4);
    for pod in removed {
        assert_follows(&session, &sent, ("kcm/replicaset-controller", &pod.what), ("kubelet/", &pod.what));
    }
}

#[test]
fn delete_pod() {
    let mut session = booted();
    run(&mut session, "kubectl create deployment web --image=nginx --replicas=2");
    run(&mut session, "kubectl expose deployment web --port=80");
    session.settle(Duration::s(60));
    let name = run(&mut session, "kubectl get pods -o name")
        .stdout
        .lines()
        .next()
        .expect("there is a pod")
        .trim_start_matches("pod/")
        .to_string();
    let from = session.playhead();
    let deleted = run(&mut session, &format!("kubectl delete pod {name}"));
    assert_eq!(deleted.stdout, format!("pod \"{name}\" deleted from default namespace\n"));
    session.settle(Duration::s(60));
    let sent = requests(&session, from);
    let delete = format!("delete pods/{name}");
    assert_eq!(of(&sent, "kubectl")[0], delete);
    assert_eq!(of(&sent, "kcm/replicaset-controller")[0], "create pods", "the replacement is created at once");
    for (actor, what) in [
        ("kcm/replicaset-controller", "create pods"),
        ("kcm/endpointslice-controller", "update endpointslices"),
        ("kcm/endpoint-controller", "update endpoints"),
        ("kubelet/", "create Killing"),
        ("kubelet/", delete.as_str()),
    ] {
        assert_follows(&session, &sent, ("kubectl", &delete), (actor, what));
    }
    // The kubelet patches the status while the pod terminates, and deletes it last.
    let kubelet =
        sent.iter().find(|sent| sent.actor.starts_with("kubelet/") && sent.what == delete).expect("it is removed").actor.clone();
    let of_pod: Vec<&str> = of(&sent, &kubelet).into_iter().filter(|what| what.contains(name.as_str())).collect();
    assert_eq!(of_pod.last(), Some(&delete.as_str()), "{of_pod:?}");
    assert!(of_pod.iter().filter(|what| what.starts_with("patch")).count() >= 2, "{of_pod:?}");
}

#[test]
fn node_join() {
    let mut session = booted();
    let from = session.playhead();
    let machine = run(
        &mut session,
        "docker run -d --name kind-worker3 --hostname kind-worker3 --network kind --privileged kindest/node:v1.36.1",
    );
    assert_eq!(machine.code, Some(0), "{}", machine.stderr);
    let join = "docker exec kind-worker3 kubeadm join kind-control-plane:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification";
    let joined = run(&mut session, join);
    assert_eq!(joined.code, Some(0), "{}", joined.stderr);
    session.settle(Duration::s(60));
    session.advance(session.live_end() + Duration::s(15), usize::MAX);
    session.seek(session.live_end());
    let sent = requests(&session, from);
    let kubelet = "kubelet/kind-worker3";
    let mine = of(&sent, kubelet);
    let position = |what: &str| {
        mine.iter().position(|have| *have == what).unwrap_or_else(|| panic!("the kubelet never sent {what}: {mine:?}"))
    };
    assert!(position("watch nodes metadata.name=kind-worker3") < position("create nodes"));
    assert!(position("get nodes/kind-worker3") < position("create nodes"));
    assert!(position("create nodes") < position("create csinodes"));
    assert!(position("create nodes") < position("watch pods spec.nodeName=kind-worker3"));
    assert_follows(&session, &sent, (kubelet, "create nodes"), ("kcm/ttl-controller", "patch nodes/kind-worker3"));
    assert_follows(&session, &sent, (kubelet, "create nodes"), ("kcm/node-controller", "patch nodes/kind-worker3"));
    assert_follows(&session, &sent, (kubelet, "create nodes"), ("kcm/daemon-set-controller", "create pods"));
    assert_follows(&session, &sent, ("kcm/daemon-set-controller", "create pods"), ("kube-scheduler", "/binding"));
    let node_events = events(&sent, kubelet);
    for reason in ["Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"] {
        assert!(node_events.contains(&format!("create {reason}").as_str()), "no event {reason}: {node_events:?}");
    }
    assert!(events(&sent, "kcm/node-controller").contains(&"create RegisteredNode"));
    let nodes = run(&mut session, "kubectl get nodes").stdout;
    assert!(nodes.lines().any(|line| line.starts_with("kind-worker3 ") && line.contains(" Ready ")), "{nodes}");
}

//! How often each component sends each request, beside what was recorded of a real Kubernetes v1.36 under the same commands.
//!
//! `recorded.txt` says for each request how often it was recorded and how often it is simulated. The first column never changes; whoever
//! changes the second one explains the difference in `docs/requests.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use orrery_sim::core::trace_json;
use orrery_sim::session::Session;

use crate::{booted, ok, run};

const RECORDED: &str = include_str!("recorded.txt");
const TABLE: &str = include_str!("../../../docs/requests.md");

/// The scenarios with their commands; the pauses are those of the recordings. What is prepared comes before the first scenario and where
/// a name is empty.
const SCENARIOS: &[(&str, &[&str])] = &[
    ("", &["sleep 60"]),
    (
        "01-node-join",
        &[
            "docker run -d --privileged --network kind --name kind-worker3 kindest/node:v1.36.1",
            "docker exec kind-worker3 kubeadm join kind-control-plane:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification",
            "sleep 11",
            "sleep 5",
        ],
    ),
    ("02-create-pod", &["kubectl run nginx --image=nginx", "sleep 5"]),
    (
        "03-create-deployment",
        &[
            "kubectl create deployment web --image=nginx:1.27 --replicas=3 --port=80",
            "sleep 0.5",
            "kubectl rollout status deployment/web",
            "sleep 1",
        ],
    ),
    (
        "04-scale-up-and-down",
        &[
            "kubectl scale deployment web --replicas=6",
            "sleep 2.2",
            "kubectl scale deployment/web --replicas=2",
            "sleep 4",
            "kubectl scale deployment/web --current-replicas=2 --replicas=4",
            "sleep 5",
        ],
    ),
    ("", &["kubectl expose deployment web --port=80", "sleep 60"]),
    (
        "07-delete-pod",
        &[
            "kubectl delete pod POD",
            "sleep 3.2",
            "kubectl run stubborn --image=busybox --command -- sleep 3600",
            "sleep 3",
            "kubectl delete pod stubborn --grace-period=8 --wait=false",
            "sleep 10",
            "kubectl run stubborn --image=busybox --command -- sleep 3600",
            "sleep 2.5",
            "kubectl delete pod stubborn --force",
            "sleep 2.2",
            "kubectl run stubborn --image=busybox --command -- sleep 3600",
            "sleep 2.5",
            "kubectl delete pod stubborn --force --grace-period=0",
            "sleep 2",
            "kubectl delete deployment web",
            "sleep 3",
            "kubectl create deployment a --image=nginx --replicas=2",
            "sleep 3.2",
            "kubectl delete deployment a --cascade=orphan",
            "sleep 2",
            "kubectl delete rs -l app=a --cascade=foreground",
            "sleep 4",
        ],
    ),
];

/// Whether this part of a name was generated: 5, or 8 to 10, of the letters and digits that `k8s.io/apimachinery/pkg/util/rand` uses.
fn is_generated(part: &str) -> bool {
    matches!(part.len(), 5 | 8..=10) && part.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
}

/// A name without what differs from run to run: `web-64bf787f5f-52mm4` is `web-*-*`, `kind-worker3` is a worker, `nginx.18a5…` an event.
fn general(name: &str) -> String {
    if name.strip_prefix("kind-worker").is_some_and(|number| number.chars().all(|c| c.is_ascii_digit())) {
        return "WORKER".to_string();
    }
    let (name, event) = match name.rsplit_once('.') {
        Some((name, number)) if number.len() >= 10 && number.chars().all(|c| c.is_ascii_hexdigit()) => (name, ".EVENT"),
        _ => (name, ""),
    };
    let parts: Vec<&str> = name.split('-').map(|part| if is_generated(part) { "*" } else { part }).collect();
    parts.join("-") + event
}

/// A path whose names are [`general`]; of the query only what selects objects.
fn general_path(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut all: Vec<String> = vec![path.split('/').map(general).collect::<Vec<_>>().join("/")];
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("fieldSelector", selector)) if !selector.starts_with("involvedObject") => {
                let (field, name) = selector.split_once('=').expect("a selector compares");
                all.push(format!("{field}={}", general(name)));
            }
            _ => {}
        }
    }
    all.join(" ")
}

/// `component verb path` of the requests since the message `first` that are no heartbeats, with their numbers. kubectl, kubeadm and kindnet
/// were not those of the recording.
fn simulated(session: &Session, first: usize) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for line in trace_json::lines(session.trace(), session.live_cluster().directory()).skip(first) {
        let message: serde_json::Value = serde_json::from_str(&line).expect("a line of the trace is JSON");
        let text = |field: &str| message[field].as_str().unwrap_or_default();
        let component = text("component");
        let left_out = ["kubectl", "kubeadm", "kindnet"].iter().any(|name| component.starts_with(name));
        if text("kind") != "request" || message["heartbeat"] == true || !text("to").starts_with("kube-apiserver") || left_out {
            continue;
        }
        let component = component.split('/').map(general).collect::<Vec<_>>().join("/");
        *all.entry(format!("{component} {} {}", text("verb"), general_path(text("path")))).or_default() += 1;
    }
    all
}

/// How often each request was recorded, by scenario.
fn recorded() -> BTreeMap<&'static str, BTreeMap<String, usize>> {
    let mut all: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut scenario = "";
    for line in RECORDED.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            scenario = heading.split(':').next().unwrap_or_default();
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let count = words.next().and_then(|count| count.parse().ok()).expect("a line begins with how often it was recorded");
        all.entry(scenario).or_default().insert(words.nth(1).expect("a line names a request").to_string(), count);
    }
    all
}

#[test]
fn as_many_requests_as_recorded() {
    let mut session = booted();
    let recorded = recorded();
    let mut text = String::new();
    for (scenario, commands) in SCENARIOS {
        let first = session.trace().envelopes().len();
        for command in *commands {
            if command.contains("POD") {
                let pods = ok(&mut session, "kubectl get pods -l app=web -o name");
                let name = pods.lines().next().and_then(|line| line.strip_prefix("pod/")).expect("there is a pod");
                ok(&mut session, &command.replace("POD", name));
            } else {
                let result = run(&mut session, command);
                assert_eq!(result.code, Some(0), "{command}: {}", result.stderr);
            }
        }
        let Some(before) = recorded.get(scenario) else { continue };
        let now = simulated(&session, first);
        let (was, is) = (before.values().sum::<usize>(), now.values().sum::<usize>());
        let both: usize = before.iter().map(|(what, count)| *count.min(now.get(what).unwrap_or(&0))).sum();
        assert!(TABLE.contains(&format!("| {was} | {is} | {both} |")), "docs/requests.md does not say {was}, {is}, {both}");
        writeln!(text, "# {scenario}: {was} recorded, {is} simulated, {both} of them the same")
            .expect("a string takes everything");
        let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let count = |of: &BTreeMap<String, usize>| of.get(name).copied().unwrap_or(0);
            writeln!(text, "{} {} {name}", count(before), count(&now)).expect("a string takes everything");
        }
    }
    if text != RECORDED {
        let changed = text.lines().filter(|line| !RECORDED.lines().any(|have| have == *line));
        panic!("not as in recorded.txt any more:\n{}\n\nall of it:\n{text}", changed.collect::<Vec<_>>().join("\n"));
    }
}

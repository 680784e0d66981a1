//! The columns of pods (printPod).

use super::{Column, always, creation_age, name, text_or, wide};
use crate::core::Time;
use crate::value::{Text, Value};

pub(super) const COLUMNS: &[Column] = &[
    always("Name"),
    always("Ready"),
    always("Status"),
    always("Restarts"),
    always("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

/// How many containers of a pod are ready, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadyCount {
    /// Ready containers, restartable init containers included.
    pub ready: i64,
    /// All containers, restartable init containers included.
    pub total: i64,
}

/// What the columns READY, STATUS and RESTARTS tell of a pod.
struct Summary {
    count: ReadyCount,
    status: Text,
    restarts: i64,
    last_restart: Option<Time>,
}

/// READY and STATUS of a pod, such as `1/1` and `Running`, `ContainerCreating`, `Init:0/1`, `Terminating`.
pub fn pod_status(pod: &Value) -> (ReadyCount, Text) {
    let summary = summarize(pod);
    (summary.count, summary.status)
}

pub(super) fn row(pod: &Value, now: Time) -> Vec<Value> {
    let Summary { count, status, restarts, last_restart } = summarize(pod);
    let restarts = match last_restart {
        Some(time) if restarts > 0 => format!("{restarts} ({} ago)", super::human_duration(now.since(time))),
        _ => restarts.to_string(),
    };
    let gates = pod["spec"]["readinessGates"].items();
    let open = gates.iter().filter(|gate| pod.condition_true(gate["conditionType"].str())).count();
    vec![
        name(pod),
        format!("{}/{}", count.ready, count.total).into(),
        status.into(),
        restarts.into(),
        creation_age(pod, now),
        text_or(&pod["status"]["podIPs"][0]["ip"], "<none>"),
        text_or(&pod["spec"]["nodeName"], "<none>"),
        text_or(&pod["status"]["nominatedNodeName"], "<none>"),
        if gates.is_empty() { "<none>".into() } else { format!("{open}/{}", gates.len()).into() },
    ]
}

/// Why a terminated container is shown as it is: its reason, or its signal or exit code.
fn terminated(state: &Value) -> String {
    match (state["reason"].str(), state["signal"].int(), state["exitCode"].int()) {
        ("", 0, code) => format!("ExitCode:{code}"),
        ("", signal, _) => format!("Signal:{signal}"),
        (reason, ..) => reason.to_string(),
    }
}

fn summarize(pod: &Value) -> Summary {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let phase = status["phase"].str();
    let init_containers = spec["initContainers"].items();
    let is_sidecar = |name: &str| {
        init_containers.iter().any(|container| container["name"].str() == name && container["restartPolicy"].str() == "Always")
    };
    let sidecars = init_containers.iter().filter(|container| container["restartPolicy"].str() == "Always").count();
    let mut count = ReadyCount { ready: 0, total: (spec["containers"].items().len() + sidecars) as i64 };
    let mut reason = if status["reason"].is_empty() { phase.to_string() } else { status["reason"].str().to_string() };
    if pod.condition("PodScheduled").is_some_and(|condition| condition["reason"].str() == "SchedulingGated") {
        reason = "SchedulingGated".to_string();
    }

    let finished = |container: &Value| Time::parse_rfc3339(container["lastState"]["terminated"]["finishedAt"].str());
    let (mut restarts, mut last_restart) = (0, None);
    let (mut sidecar_restarts, mut last_sidecar_restart) = (0, None);
    let mut initializing = false;
    for (at, container) in status["initContainerStatuses"].items().iter().enumerate() {
        let sidecar = is_sidecar(container["name"].str());
        restarts += container["restartCount"].int();
        last_restart = last_restart.max(finished(container));
        if sidecar {
            sidecar_restarts += container["restartCount"].int();
            last_sidecar_restart = last_sidecar_restart.max(finished(container));
        }
        let (ended, waiting) = (&container["state"]["terminated"], container["state"]["waiting"]["reason"].str());
        if !ended.is_null() && ended["exitCode"].int() == 0 {
            continue;
        }
        if sidecar && container["started"].is_true() {
            count.ready += i64::from(container["ready"].is_true());
            continue;
        }
        reason = match () {
            () if !ended.is_null() => format!("Init:{}", terminated(ended)),
            () if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            () => format!("Init:{at}/{}", init_containers.len()),
        };
        initializing = true;
        break;
    }

    if !initializing || pod.condition_true("Initialized") {
        (restarts, last_restart) = (sidecar_restarts, last_sidecar_restart);
        let mut running = false;
        for container in status["containerStatuses"].items().iter().rev() {
            restarts += container["restartCount"].int();
            last_restart = last_restart.max(finished(container));
            let (ended, waiting) = (&container["state"]["terminated"], container["state"]["waiting"]["reason"].str());
            if !waiting.is_empty() {
                reason = waiting.to_string();
            } else if !ended.is_null() {
                reason = terminated(ended);
            } else if container["ready"].is_true() && !container["state"]["running"].is_null() {
                running = true;
                count.ready += 1;
            }
        }
        if reason == "Completed" && running {
            reason = if pod.condition_true("Ready") { "Running" } else { "NotReady" }.to_string();
        }
    }

    if pod.is_terminating() {
        if status["reason"].str() == "NodeLost" {
            reason = "Unknown".to_string();
        } else if phase != "Succeeded" && phase != "Failed" {
            reason = "Terminating".to_string();
        }
    }
    Summary { count, status: reason.into(), restarts, last_restart }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn cells(pod: &Value) -> String {
        let cells = row(pod, Time(66_000_000));
        cells[1..4].iter().map(Value::str).collect::<Vec<_>>().join(" ")
    }

    fn running() -> Value {
        value!({
            "metadata": {"name": "nginx", "creationTimestamp": "2026-01-05T09:00:00Z"},
            "spec": {"containers": [{"name": "nginx"}], "nodeName": "kind-worker"},
            "status": {
                "phase": "Running", "podIPs": [{"ip": "10.244.1.2"}], "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "nginx", "ready": true, "restartCount": 0, "state": {"running": {}}}],
            },
        })
    }

    #[test]
    fn a_running_pod() {
        let cells: Vec<String> = row(&running(), Time(66_000_000)).iter().map(|cell| cell.str().to_string()).collect();
        assert_eq!(cells.join(" "), "nginx 1/1 Running 0 66s 10.244.1.2 kind-worker <none> <none>");
    }

    #[test]
    fn phases_of_a_life() {
        let mut pod = running();
        pod["status"]["containerStatuses"][0] =
            value!({"ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}});
        assert_eq!(cells(&pod), "0/1 ContainerCreating 0");
        pod["status"]["containerStatuses"][0] = value!({
            "ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"finishedAt": "2026-01-05T09:01:01Z"}},
        });
        assert_eq!(cells(&pod), "0/1 CrashLoopBackOff 1 (5s ago)");
        pod["status"]["containerStatuses"][0] =
            value!({"ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 137}}});
        assert_eq!(cells(&pod), "0/1 ExitCode:137 0");
        pod["metadata"]["deletionTimestamp"] = "2026-01-05T09:01:00Z".into();
        assert_eq!(cells(&pod), "0/1 Terminating 0");
        pod["status"]["phase"] = "Succeeded".into();
        pod["status"]["containerStatuses"][0]["state"] = value!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        assert_eq!(cells(&pod), "0/1 Completed 0");
    }

    #[test]
    fn init_containers() {
        let mut pod = running();
        pod["spec"]["initContainers"] = value!([{"name": "a"}, {"name": "side", "restartPolicy": "Always"}]);
        pod["status"]["phase"] = "Pending".into();
        pod["status"]["initContainerStatuses"] =
            value!([{"name": "a", "restartCount": 0, "state": {"running": {}}}, {"name": "side", "restartCount": 0}]);
        assert_eq!(cells(&pod), "0/2 Init:0/2 0");
        pod["status"]["initContainerStatuses"] = value!([
            {"name": "a", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}},
            {"name": "side", "restartCount": 2, "started": true, "ready": true, "state": {"running": {}}},
        ]);
        assert_eq!(cells(&pod), "2/2 Pending 2");
        pod["status"]["initContainerStatuses"][0]["state"] = value!({"terminated": {"exitCode": 1, "reason": "Error"}});
        assert_eq!(cells(&pod), "0/2 Init:Error 0");
    }
}

//! The status of a pod as the API shows it (upstream's `kubelet_pods.go` and `status/generate.go`).

use super::pod::{Container, Pod, Work};
use crate::core::Time;
use crate::value;
use crate::value::{Text, Value, condition};

/// The condition types that the kubelet owns, in its order.
const OWNED: [&str; 5] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// The pod's status now. Conditions that others set, and fields such as qosClass, are kept from the object.
pub fn generate(pod: &Pod, node_ip: &Text, now: Time) -> Value {
    let generation = pod.object.generation().max(1);
    let phase = match &pod.rejected {
        Some(_) => "Failed",
        None if pod.evicted.is_some() => "Failed",
        None => phase(pod),
    };
    let mut status = value!({
        "phase": phase, "hostIP": node_ip, "hostIPs": [{"ip": node_ip}], "startTime": pod.start_time.rfc3339(),
        "observedGeneration": generation,
    });
    if let Some((reason, message)) = &pod.rejected {
        status["reason"] = reason.into();
        status["message"] = message.into();
    }
    let ip = if pod.host_network() { node_ip.clone() } else { pod.ip() };
    if !ip.is_empty() && pod.rejected.is_none() {
        status["podIP"] = (&ip).into();
        status["podIPs"] = value!([{"ip": ip}]);
    }
    if pod.rejected.is_none() {
        let (init, regular): (Vec<&Container>, Vec<&Container>) = pod.containers.iter().partition(|container| container.init);
        if !init.is_empty() {
            status["initContainerStatuses"] = init.iter().map(|container| container_status(pod, container)).collect();
        }
        status["containerStatuses"] = regular.iter().map(|container| container_status(pod, container)).collect();
        resources(pod, &mut status);
    }
    status["conditions"] = conditions(pod, phase, generation, now);
    // A pod counts as ended only when none of its processes can run any more.
    let old = pod.status["phase"].str();
    let ends = matches!(phase, "Succeeded" | "Failed") && !matches!(old, "Succeeded" | "Failed");
    let may_run = matches!(pod.work, Work::Sync | Work::Terminating);
    if ends && may_run && pod.rejected.is_none() {
        status["phase"] = if old.is_empty() { "Pending" } else { old }.to_string().into();
    }
    if let Some(message) = pod.evicted.as_ref().filter(|_| status["phase"].str() == "Failed") {
        status["reason"] = "Evicted".into();
        status["message"] = message.into();
    }
    // What others write is left as it is.
    for field in ["qosClass", "nominatedNodeName", "resourceClaimStatuses", "ephemeralContainerStatuses"] {
        let kept = &pod.object["status"][field];
        if !kept.is_null() {
            status.map_mut().insert(field, kept.clone());
        }
    }
    status
}

/// `getPhase` of upstream's kubelet_pods.go.
fn phase(pod: &Pod) -> &'static str {
    let policy = pod.restart_policy();
    let mut pending = false;
    for container in pod.containers.iter().filter(|container| container.init && !container.sidecar) {
        match container.exited() {
            Some(run) if run.exit_code == 0 => {}
            Some(_) if policy == "Never" => return "Failed",
            Some(_) => {}
            None => pending = true,
        }
    }
    let stopped_for_good = pod.work == Work::Terminated || pod.work == Work::Finished;
    let (mut waiting, mut running, mut succeeded) = (false, false, true);
    for container in pod.containers.iter().filter(|container| !container.init) {
        match (&container.now, container.exited()) {
            // What never ran is counted as failed once it cannot run any more.
            (None, _) if stopped_for_good => succeeded = false,
            (None, _) => waiting = true,
            (_, Some(run)) => succeeded &= run.exit_code == 0 && container.waiting.is_none(),
            _ => running = true,
        }
    }
    match () {
        () if (pending || waiting) && !stopped_for_good => "Pending",
        () if running => "Running",
        () if stopped_for_good => {
            if succeeded {
                "Succeeded"
            } else {
                "Failed"
            }
        }
        () if policy == "Always" => "Running",
        () if succeeded => "Succeeded",
        () if policy == "Never" => "Failed",
        () => "Running",
    }
}

fn container_status(pod: &Pod, container: &Container) -> Value {
    let spec = &container.spec;
    let mut status = value!({"name": &container.name, "lastState": {}});
    let run = container.now.as_ref();
    let running = container.running();
    let initialized = pod.initialized();
    let default_reason = if pod.containers.iter().any(|c| c.init) && !(initialized && !container.init) {
        "PodInitializing"
    } else {
        "ContainerCreating"
    };
    match run {
        Some(run) => {
            status["containerID"] = format!("containerd://{}", run.id).into();
            status["image"] = (&run.image).into();
            status["imageID"] = (&run.image_ref).into();
            status["restartCount"] = run.attempt.into();
            status["resources"] = spec["resources"].clone();
            if status["resources"].is_null() {
                status["resources"] = Value::map();
            }
            if let Some(last) = &container.last {
                status["lastState"] = last.terminated();
            }
            status["state"] = match (&container.waiting, run.finished) {
                (_, None) => value!({"running": {"startedAt": run.started.rfc3339()}}),
                // While it waits for its next start, the last run is its last state.
                (Some((reason, message)), Some(_)) => {
                    status["lastState"] = run.terminated();
                    waiting(reason, message)
                }
                (None, Some(_)) => run.terminated(),
            };
        }
        None => {
            status["image"] = spec["image"].clone();
            status["imageID"] = "".into();
            status["restartCount"] = 0.into();
            status["state"] = match &container.waiting {
                _ if matches!(pod.work, Work::Terminated | Work::Finished) => value!({"terminated": {
                    "exitCode": 137, "startedAt": null, "finishedAt": null, "reason": "ContainerStatusUnknown",
                    "message": "The container could not be located when the pod was terminated",
                }}),
                Some((reason, message)) => waiting(reason, message),
                None => waiting(default_reason, ""),
            };
        }
    }
    let done = container.init && !container.sidecar && container.exited().is_some_and(|run| run.exit_code == 0);
    let serves = running && container.ready && container.started && (!container.init || container.sidecar);
    status["ready"] = (done || serves).into();
    status["started"] = (running && container.started).into();
    if run.is_some() && !spec["resources"]["requests"].is_null() {
        status["allocatedResources"] = spec["resources"]["requests"].clone();
    }
    if !spec["volumeMounts"].is_empty() {
        let mount = |mount: &Value| {
            let mut shown = value!({"mountPath": &mount["mountPath"], "name": &mount["name"]});
            if mount["readOnly"].is_true() {
                shown["readOnly"] = true.into();
                shown["recursiveReadOnly"] = "Disabled".into();
            }
            shown
        };
        status["volumeMounts"] = spec["volumeMounts"].items().iter().map(mount).collect();
    }
    status
}

fn waiting(reason: &str, message: &str) -> Value {
    let mut state = value!({"reason": Text::new(reason)});
    if !message.is_empty() {
        state["message"] = Text::new(message).into();
    }
    value!({"waiting": state})
}

/// The pod's resources, as the sum of its containers' (in-place resizing made them part of the status).
fn resources(pod: &Pod, status: &mut Value) {
    let requests = super::admission::sum(&pod.object, "requests");
    let limits = super::admission::sum(&pod.object, "limits");
    if !requests.is_empty() {
        status["allocatedResources"] = requests.clone();
    }
    let mut resources = Value::map();
    if !limits.is_empty() {
        resources["limits"] = limits;
    }
    if !requests.is_empty() {
        resources["requests"] = requests;
    }
    status["resources"] = resources;
}

fn conditions(pod: &Pod, phase: &str, generation: i64, now: Time) -> Value {
    let ended = match phase {
        "Succeeded" => Some("PodCompleted"),
        "Failed" => Some("PodFailed"),
        _ => None,
    };
    let names = |of: &dyn Fn(&Container) -> bool| {
        let names: Vec<&str> = pod.containers.iter().filter(|container| of(container)).map(|c| c.name.as_str()).collect();
        names.join(" ")
    };
    let unready = names(&|c| !c.init && !(c.running() && c.ready && c.started));
    let uninitialized = names(&|c| {
        c.init && !if c.sidecar { c.started && c.running() } else { c.exited().is_some_and(|run| run.exit_code == 0) }
    });
    let ready: (bool, &str, String) = match ended {
        Some(reason) => (false, reason, String::new()),
        None if unready.is_empty() => (true, "", String::new()),
        None => (false, "ContainersNotReady", format!("containers with unready status: [{unready}]")),
    };
    let gates: Vec<&str> = pod.object["spec"]["readinessGates"]
        .items()
        .iter()
        .map(|gate| gate["conditionType"].str())
        .filter(|gate| !pod.object.condition_true(gate))
        .collect();
    let pod_ready = match gates.first() {
        Some(gate) if ready.0 => {
            (false, "ReadinessGatesNotReady", format!("the status of pod readiness gate {gate:?} is not \"True\", but False"))
        }
        _ => ready.clone(),
    };
    let initialized = match (phase, uninitialized.is_empty()) {
        ("Succeeded", _) => (true, "PodCompleted", String::new()),
        (_, true) => (true, "", String::new()),
        _ => (false, "ContainersNotInitialized", format!("containers with incomplete status: [{uninitialized}]")),
    };
    let sandbox = pod.sandbox.as_ref().is_some_and(|sandbox| sandbox.ready);
    let computed = [(sandbox, "", String::new()), initialized, pod_ready, ready, (true, "", String::new())];
    let old = &pod.status["conditions"];
    let mut list: Vec<Value> = pod.object["status"]["conditions"]
        .items()
        .iter()
        .filter(|condition| !OWNED.contains(&condition["type"].str()))
        .cloned()
        .collect();
    if let Some(message) = pod.evicted.as_ref().filter(|_| !list.iter().any(|have| have["type"].str() == "DisruptionTarget")) {
        list.push(value!({
            "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message,
            "lastProbeTime": null, "lastTransitionTime": now.rfc3339(), "observedGeneration": generation,
        }));
    }
    for (kind, (holds, reason, message)) in OWNED.iter().zip(computed) {
        if pod.rejected.is_some() && *kind != "PodScheduled" {
            continue;
        }
        let status = if holds { "True" } else { "False" };
        let previous = condition(old, kind).or_else(|| pod.object.condition(kind));
        let changed = previous.is_none_or(|previous| previous["status"].str() != status);
        let since = match previous {
            Some(previous) if !changed && !previous["lastTransitionTime"].is_null() => previous["lastTransitionTime"].clone(),
            _ => now.rfc3339().into(),
        };
        let mut made = value!({
            "type": *kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since, "observedGeneration": generation,
        });
        if !reason.is_empty() {
            made["reason"] = Text::new(reason).into();
        }
        if !message.is_empty() {
            made["message"] = message.into();
        }
        list.push(made);
    }
    list.into()
}

impl Pod {
    /// Whether all init containers are done.
    pub fn initialized(&self) -> bool {
        self.containers.iter().filter(|container| container.init).all(|container| {
            if container.sidecar {
                container.running() && container.started
            } else {
                container.exited().is_some_and(|run| run.exit_code == 0)
            }
        })
    }

    /// Whether its object says that it has ended.
    pub fn is_terminal(&self) -> bool {
        matches!(self.status["phase"].str(), "Succeeded" | "Failed")
    }

    /// Whether, by its restart policy, nothing of it will run any more.
    pub fn has_ended(&self) -> bool {
        self.rejected.is_some() || matches!(phase(self), "Succeeded" | "Failed")
    }
}

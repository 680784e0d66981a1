//! Where pods come from: the api-server's watch (static pods: [`super::static_pods`]).

use super::pod::{Pod, Sandbox, Work};
use super::{CriCall, Kubelet, admission};
use crate::client::Change;
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, Outbox};
use crate::value;
use crate::value::{Text, Value};

/// The annotation of mirror pods.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

impl Kubelet {
    /// Opens the watch on the node's pods once the node itself is known and the runtime has told what it has.
    pub(super) fn open_pods(&mut self, out: &mut Outbox<'_>) {
        if self.pod_watch.is_started() || self.found.is_none() {
            return;
        }
        // Upstream looks every second whether its Node watch has synced.
        if !self.nodes.has_synced() || out.now().since(self.started) < Duration::ms(900) {
            let patient = out.now().since(self.started) < Duration::s(120);
            out.set_background(!patient);
            out.timer(Duration::s(1), "open-pods", "", 0);
            return;
        }
        self.pod_watch.start(out);
    }

    /// The own Node changed: its pod network may have come.
    pub(super) fn node_changed(&mut self, out: &mut Outbox<'_>) {
        let Some(node) = self.nodes.get(&self.name) else { return };
        let cidr = node["spec"]["podCIDR"].text();
        if !cidr.is_empty() && self.pod_cidr != cidr {
            self.pod_cidr = cidr.clone();
            self.cri(
                "UpdateRuntimeConfig",
                value!({"runtimeConfig": {"networkConfig": {"podCidr": cidr}}}),
                CriCall::Removed,
                out,
            );
        }
        if self.pods.values().any(|pod| pod.is_static && !self.mirrors.contains_key(&pod.key)) {
            self.check_mirrors(out);
        }
    }

    pub(super) fn pods_changed(&mut self, changes: Vec<Change>, out: &mut Outbox<'_>) {
        for change in changes {
            match change.new {
                Some(object) if object.annotation(MIRROR).is_some() => self.mirror_changed(object, out),
                Some(object) => self.pod_changed(object, out),
                None => {
                    let object = change.old.expect("a change has an object");
                    if object.annotation(MIRROR).is_some() {
                        self.mirror_gone(&object, out);
                    } else {
                        self.pod_gone(&object, out);
                    }
                }
            }
        }
        if self.pod_watch.has_synced() {
            self.stop_orphans(out);
        }
    }

    /// A pod that the kubelet does not know yet: it takes over what the runtime has of it.
    pub(super) fn adopt(&mut self, pod: &mut Pod) {
        let Some((sandboxes, containers)) = &self.found else { return };
        let mut own: Vec<&Value> =
            sandboxes.items().iter().filter(|sandbox| sandbox["metadata"]["uid"].str() == &*pod.uid).collect();
        own.order_by_key(|sandbox| sandbox["metadata"]["attempt"].int());
        let Some(last) = own.last() else { return };
        pod.sandbox = Some(Sandbox {
            id: last["id"].text(),
            ip: last["ip"].text(),
            ready: last["state"].str() == "SANDBOX_READY",
            attempt: last["metadata"]["attempt"].int(),
        });
        let ids: Vec<&str> = own.iter().map(|sandbox| sandbox["id"].str()).collect();
        let mut runs: Vec<&Value> = containers.items().iter().filter(|run| ids.contains(&run["podSandboxId"].str())).collect();
        runs.order_by_key(|run| run["metadata"]["attempt"].int());
        for run in runs {
            pod.observe(run);
        }
        if let Some(start) = pod.object["status"]["startTime"].as_str().and_then(crate::core::Time::parse_rfc3339) {
            pod.start_time = start;
        }
    }

    /// Containers of pods that are no longer there.
    fn stop_orphans(&mut self, out: &mut Outbox<'_>) {
        let Some((sandboxes, containers)) = self.found.take() else { return };
        self.found = Some((Value::list(), Value::list()));
        for sandbox in sandboxes.items() {
            if self.pods.contains_key(sandbox["metadata"]["uid"].str()) {
                continue;
            }
            for run in containers.items().iter().filter(|run| run["podSandboxId"] == sandbox["id"]) {
                self.cri("StopContainer", value!({"containerId": &run["id"], "timeout": 1}), CriCall::Removed, out);
            }
            self.cri("StopPodSandbox", value!({"podSandboxId": &sandbox["id"]}), CriCall::Removed, out);
            self.cri("RemovePodSandbox", value!({"podSandboxId": &sandbox["id"]}), CriCall::Removed, out);
        }
    }

    fn pod_changed(&mut self, object: Value, out: &mut Outbox<'_>) {
        let uid = object["metadata"]["uid"].text();
        let key = object.key();
        // A new pod of the same name: the old one is gone, even if that was never seen.
        if let Some(old) = self.by_key.insert(key, uid.clone()).filter(|old| *old != uid) {
            let gone = self.pods.get(&old).map(|pod| pod.object.clone());
            if let Some(gone) = gone {
                self.pod_gone(&gone, out);
            }
        }
        if self.pods.contains_key(&uid) { self.pod_updated(&uid, object, out) } else { self.pod_added(object, out) }
    }

    fn pod_added(&mut self, object: Value, out: &mut Outbox<'_>) {
        let mut pod = Pod::new(object, false, out.now());
        self.adopt(&mut pod);
        let ended = matches!(pod.object["status"]["phase"].str(), "Succeeded" | "Failed");
        let deleted = pod.object.is_terminating();
        if ended {
            // It had ended before this kubelet started, or was rejected: only its deletion is still to be confirmed.
            pod.work = Work::Finished;
            pod.deletable = true;
            let uid = pod.uid.clone();
            self.put(pod);
            if deleted {
                self.queue_status(&uid, out);
            }
            return;
        }
        if !deleted && pod.sandbox.is_none() {
            let node = self.nodes.get(&self.name).cloned().unwrap_or_default();
            let room = admission::Room { allocatable: admission::allocatable(), used: self.used };
            let pressed = self.too_pressed_for(&pod, out.now());
            if let Some((reason, message)) = pressed.or_else(|| admission::reject(&pod.object, room, &node)) {
                self.pod_event(&pod, "Warning", reason.clone(), message.clone(), out);
                pod.rejected = Some((reason, Text::from(format!("Pod was rejected: {message}"))));
                pod.work = Work::Finished;
                pod.deletable = true;
                self.refresh_status(&mut pod, out);
                self.put(pod);
                return;
            }
        }
        self.used = (self.used.0 + pod.requests.0, self.used.1 + pod.requests.1, self.used.2 + 1);
        self.objects.register(&pod.object, self.server, out);
        let uid = pod.uid.clone();
        self.put(pod);
        if deleted {
            self.terminate(&uid, out);
        } else {
            self.wake(&uid, out);
        }
    }

    /// Has a pod's status written again when the api-server's still says otherwise.
    pub(super) fn reconcile_status(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        if self.pods.get(uid.as_str()).is_some_and(|pod| ready_differs(pod)) {
            self.queue_status(uid, out);
        }
    }

    fn pod_updated(&mut self, uid: &Text, object: Value, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        let old = std::mem::replace(&mut pod.object, object);
        if !pod.is_static && ready_differs(&pod) {
            // Somebody else wrote its status, such as the node controller while this node was not heard: the status manager's
            // next round puts it right, if it is still so then.
            out.tick(Duration::s(10), "reconcile", pod.uid.clone(), 0);
        }
        let (was_deleted, is_deleted) = (old.is_terminating(), pod.object.is_terminating());
        let spec_changed = !old["spec"].same(&pod.object["spec"]) && old["spec"] != pod.object["spec"];
        let seen = |object: &Value| {
            let metadata = &object["metadata"];
            (
                metadata["generation"].clone(),
                metadata["labels"].clone(),
                metadata["annotations"].clone(),
                metadata["deletionTimestamp"].clone(),
            )
        };
        // Statuses are the kubelet's own.
        let changed = spec_changed || seen(&old) != seen(&pod.object);
        if spec_changed {
            let spec = pod.object["spec"].clone();
            for container in &mut pod.containers {
                let list = if container.init { &spec["initContainers"] } else { &spec["containers"] };
                let Some(now) = list.items().iter().find(|new| new["name"].str() == &*container.name) else { continue };
                if container.spec["image"] != now["image"] && container.running() {
                    container.unhealthy = Some("definition");
                }
                container.spec = now.clone();
            }
        }
        let grace = pod.object["metadata"]["deletionGracePeriodSeconds"].as_int();
        let shorter = was_deleted && grace.is_some_and(|grace| grace.max(1) < pod.grace);
        let finished = pod.work == Work::Finished;
        self.put(pod);
        match () {
            () if finished => {}
            () if is_deleted && (!was_deleted || shorter) => self.terminate(uid, out),
            () if changed && !is_deleted => self.wake(uid, out),
            () => {}
        }
    }

    fn pod_gone(&mut self, object: &Value, out: &mut Outbox<'_>) {
        let uid = object["metadata"]["uid"].text();
        if self.by_key.get(&object.key()) == Some(&uid) {
            self.by_key.remove(&object.key());
        }
        let Some(mut pod) = self.take(&uid) else { return };
        pod.gone = true;
        let work = pod.work;
        pod.object = object.clone();
        self.put(pod);
        match work {
            Work::Finished => self.forget(&uid, out),
            // Deleted by force: nobody waits for the containers, but they are still to be stopped.
            Work::Sync => self.terminate(&uid, out),
            Work::Terminating | Work::Terminated => {}
        }
    }

    /// Drops a pod of which nothing is left.
    pub(super) fn forget(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        let Some(pod) = self.take(uid) else { return };
        if let Some(sandbox) = pod.sandbox {
            let background = out.is_background();
            out.set_background(true);
            self.cri("RemovePodSandbox", value!({"podSandboxId": sandbox.id}), CriCall::Removed, out);
            out.set_background(background);
        }
    }
}

/// Whether the api-server has a pod for ready or not, and its kubelet says otherwise.
fn ready_differs(pod: &Pod) -> bool {
    let ready = |status: &Value| {
        let conditions = status["conditions"].items();
        conditions.iter().find(|condition| condition["type"].str() == "Ready").map(|condition| condition["status"].text())
    };
    let mine = ready(&pod.status);
    mine.is_some() && mine != ready(&pod.object["status"])
}

//! A pod's worker (upstream's `pod_workers.go` and `Kubelet.SyncPod`, `SyncTerminatingPod`, `SyncTerminatedPod`).
//!
//! Upstream's worker is a goroutine that blocks; here it is a [`Step`] and the answer that it waits for. What happens meanwhile
//! makes the pod dirty, and the worker looks again when it is done. A worker does not look before a relist has seen what its last
//! round did; starting a container relists at once.

use super::pod::{Pod, Step, Work};
use super::{ApiCall, CriCall, Kubelet, volumes};
use crate::api::resource::SERVICEACCOUNTS;
use crate::core::{Duration, Outbox, Request, Time};
use crate::value;
use crate::value::{Text, Value};

/// A pod whose containers could not be stopped is tried again.
const RUNTIME_RETRY: Duration = Duration::s(10);

impl Kubelet {
    /// Has the worker look at its pod: now, or as soon as it can.
    pub(super) fn wake(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        self.wake_pod(&mut pod, out);
        self.put(pod);
    }

    fn wake_pod(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        if pod.step != Step::Idle {
            pod.dirty.get_or_insert((out.cause(), out.is_background()));
            return;
        }
        if out.now() < pod.not_before {
            if !pod.waiting {
                pod.waiting = true;
                out.timer(pod.not_before.since(out.now()), "sync", pod.uid.clone(), 0);
            }
            return;
        }
        pod.dirty = None;
        match pod.work {
            Work::Sync => self.sync(pod, out),
            Work::Terminating => self.sync_terminating(pod, out),
            Work::Terminated => self.sync_terminated(pod, out),
            Work::Finished => {}
        }
    }

    /// The relist that the worker waited for has been.
    pub(super) fn sync_due(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        pod.waiting = false;
        self.wake_pod(&mut pod, out);
        self.put(pod);
    }

    /// Something that had failed is tried again.
    pub(super) fn retry(&mut self, uid: &Text, generation: u64, out: &mut Outbox<'_>) {
        if self.pods.get(uid).is_some_and(|pod| pod.generation == generation && pod.retry_at.is_some()) {
            self.wake(uid, out);
        }
    }

    /// The worker is done with this round; if something happened meanwhile, the next follows.
    pub(super) fn rest(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.step = Step::Idle;
        if let Some((cause, background)) = pod.dirty.take() {
            out.set_cause(cause, background);
            self.wake_pod(pod, out);
        }
    }

    /// Computes the status anew and hands it on.
    pub(super) fn refresh_status(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        let status = super::status::generate(pod, &self.ip, out.now());
        self.set_status(pod, status, out);
    }

    fn sync(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.retry_at = None;
        pod.generation += 1;
        self.refresh_status(pod, out);
        if pod.has_ended() && !pod.is_static {
            // Nothing of it will run again: what is left is stopped, once a relist has confirmed it.
            pod.work = Work::Terminating;
            pod.not_before = self.next_relist(out.now());
            return self.wake_pod(pod, out);
        }
        if !pod.host_network() && !self.node.network_ready() {
            let error = format!("network is not ready: container runtime network not ready: {}", self.node.network_error());
            self.pod_event(pod, "Warning", "NetworkNotReady", error, out);
            return;
        }
        if !pod.volumes.mounted() {
            pod.step = Step::Volumes;
            pod.volumes.since = out.now();
            out.timer(volumes::MOUNTS_AFTER, "mount", pod.uid.clone(), pod.generation);
            return;
        }
        self.act(pod, out);
    }

    /// The pod network has come: pods that waited for it can start.
    pub(super) fn network_came(&mut self, out: &mut Outbox<'_>) {
        let waiting: Vec<Text> =
            self.pods.values().filter(|pod| pod.sandbox.is_none() && !pod.host_network()).map(|pod| pod.uid.clone()).collect();
        for uid in waiting {
            self.wake(&uid, out);
        }
    }

    /// Mounts what can be mounted.
    pub(super) fn mount(&mut self, uid: &Text, generation: u64, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step == Step::Volumes && pod.generation == generation {
            self.mount_volumes(&mut pod, out);
        }
        self.put(pod);
    }

    fn mount_volumes(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        if pod.volumes.needs_token() && !pod.volumes.asked_token {
            pod.volumes.asked_token = true;
            let account = match pod.object["spec"]["serviceAccountName"].text() {
                name if name.is_empty() => "default".into(),
                name => name,
            };
            let body = value!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {
                    "audiences": ["https://kubernetes.default.svc.cluster.local"], "expirationSeconds": 3607,
                    "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod.name(), "uid": &pod.uid},
                },
            });
            let mut request = Request::create(SERVICEACCOUNTS, body).sub("token");
            request.namespace = pod.namespace();
            request.name = account;
            self.api(request, ApiCall::Token(pod.uid.clone()), out);
        }
        let namespace = pod.namespace();
        let mut retry: Option<Duration> = None;
        let mut waits = false;
        let mut volumes = std::mem::take(&mut pod.volumes);
        for volume in volumes.list.iter_mut().filter(|volume| !volume.mounted) {
            if out.now() < volume.not_before {
                waits = true;
                continue;
            }
            if volume.sources.iter().any(|source| !self.objects.synced(source.resource, &namespace, &source.name)) {
                waits = true;
                continue;
            }
            match volumes::missing(volume, &namespace, &self.objects) {
                Some(error) => {
                    volume.failures += 1;
                    let message = format!("MountVolume.SetUp failed for volume {:?} : {error}", volume.name.as_str());
                    self.pod_event(pod, "Warning", "FailedMount", message, out);
                    let wait = volumes::retry_after(volume.failures);
                    volume.not_before = out.now() + wait;
                    retry = Some(retry.map_or(wait, |other| other.min(wait)));
                }
                None if volume.token && !volumes.has_token => waits = true,
                None => volume.mounted = true,
            }
        }
        pod.volumes = volumes;
        if let Some(wait) = retry {
            // Somebody may create what is missing at any time; nobody waits for it here.
            if wait > Duration::s(2) {
                out.tick(wait, "mount", pod.uid.clone(), pod.generation);
            } else {
                out.timer(wait, "mount", pod.uid.clone(), pod.generation);
            }
        } else if !waits {
            // The sync looks every 300 ms.
            let waited = out.now().since(pod.volumes.since).0;
            let look = volumes::LOOKS_EVERY.0;
            out.timer(Duration(look - waited % look), "mounted", pod.uid.clone(), pod.generation);
        }
    }

    /// All volumes were mounted when the sync looked.
    pub(super) fn mounted(&mut self, uid: &Text, generation: u64, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step == Step::Volumes && pod.generation == generation {
            self.act(&mut pod, out);
        }
        self.put(pod);
    }

    /// A service account's token came, or was refused.
    pub(super) fn token_came(&mut self, uid: &Text, granted: bool, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        pod.volumes.has_token = granted;
        if granted {
            if pod.step == Step::Volumes {
                self.mount_volumes(&mut pod, out);
            }
        } else {
            pod.volumes.asked_token = false;
            if let Some(volume) = pod.volumes.list.iter_mut().find(|volume| volume.token) {
                volume.failures += 1;
                let name = volume.name.clone();
                let wait = volumes::retry_after(volume.failures);
                volume.not_before = out.now() + wait;
                let account = pod.object["spec"]["serviceAccountName"].text();
                let error = format!(
                    "MountVolume.SetUp failed for volume {:?} : failed to fetch token: serviceaccounts {:?} not found",
                    name.as_str(),
                    account.as_str()
                );
                self.pod_event(&pod, "Warning", "FailedMount", error, out);
                out.tick(wait, "mount", uid.clone(), pod.generation);
            }
        }
        self.put(pod);
    }

    /// ConfigMaps or Secrets came or changed: mounts that waited for the first news of them go on.
    pub(super) fn objects_changed(&mut self, out: &mut Outbox<'_>) {
        let waiting: Vec<Text> = self
            .pods
            .values()
            .filter(|pod| pod.step == Step::Volumes && pod.volumes.asked() && !pod.volumes.mounted())
            .map(|pod| pod.uid.clone())
            .collect();
        for uid in waiting {
            if let Some(mut pod) = self.take(&uid) {
                self.mount_volumes(&mut pod, out);
                self.put(pod);
            }
        }
    }

    /// Begins to stop a pod's containers.
    pub(super) fn terminate(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        // calculateEffectiveGracePeriod: at least a second, whatever was asked for.
        let spec = pod.object["spec"]["terminationGracePeriodSeconds"].as_int().unwrap_or(30);
        let grace = pod.object["metadata"]["deletionGracePeriodSeconds"].as_int().unwrap_or(spec).max(1);
        // immediateEvictionGracePeriodSeconds
        let grace = if pod.evicted.is_some() { 1 } else { grace };
        let again = pod.work != Work::Sync;
        pod.grace = if again { grace.min(pod.grace) } else { grace };
        if again {
            if pod.step == Step::Stop {
                // A shorter grace period: the runtime is told again.
                self.stop_containers(&mut pod, false, out);
            }
            return self.put(pod);
        }
        pod.work = Work::Terminating;
        pod.not_before = Time::ZERO;
        match pod.step {
            // What only waits is given up.
            Step::Volumes | Step::Image | Step::Pull => {
                pod.generation += 1;
                pod.step = Step::Idle;
                self.pulls.retain(|(have, _)| have != uid);
                self.wake_pod(&mut pod, out);
            }
            _ => self.wake_pod(&mut pod, out),
        }
        self.put(pod);
    }

    fn sync_terminating(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.generation += 1;
        self.refresh_status(pod, out);
        if pod.any_running() {
            pod.step = Step::Stop;
            self.stop_containers(pod, true, out);
        } else {
            self.stop_sandbox(pod, out);
        }
    }

    fn stop_containers(&mut self, pod: &mut Pod, first: bool, out: &mut Outbox<'_>) {
        let running: Vec<usize> = (0..pod.containers.len()).filter(|at| pod.containers[*at].running()).collect();
        for at in running {
            let name = pod.containers[at].name.clone();
            if first {
                self.container_event(pod, &name, "Normal", "Killing", format!("Stopping container {name}"), out);
                let wait = pre_stop(&pod.containers[at].spec, pod.grace);
                if wait > Duration::ZERO {
                    pod.stopping += 1;
                    out.timer(wait, "prestop", pod.uid.clone(), at as u64);
                    continue;
                }
            }
            pod.stopping += 1;
            self.stop_container(pod, at, pod.grace, out);
        }
    }

    pub(super) fn stop_container(&mut self, pod: &Pod, at: usize, grace: i64, out: &mut Outbox<'_>) {
        let Some(run) = &pod.containers[at].now else { return };
        let args = value!({"containerId": run.id.clone(), "timeout": grace});
        self.cri("StopContainer", args, CriCall::Stopped(pod.uid.clone(), pod.generation), out);
    }

    /// A preStop hook has run: now the container is stopped.
    pub(super) fn pre_stop_done(&mut self, uid: &Text, at: u64, out: &mut Outbox<'_>) {
        let Some(pod) = self.take(uid) else { return };
        let at = at as usize;
        if pod.step == Step::Stop && at < pod.containers.len() {
            let ran = pre_stop(&pod.containers[at].spec, pod.grace).as_secs() as i64;
            self.stop_container(&pod, at, (pod.grace - ran).max(2), out);
        }
        self.put(pod);
    }

    /// The runtime has stopped a container.
    pub(super) fn container_stopped(&mut self, uid: &Text, generation: u64, stopped: bool, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.generation == generation && !stopped {
            self.runtime_failed(&mut pod, out);
        } else if pod.generation == generation {
            pod.stopping = pod.stopping.saturating_sub(1);
            match pod.step {
                Step::Stop if pod.stopping == 0 || !pod.any_running() => {
                    pod.stopping = 0;
                    self.stop_sandbox(&mut pod, out);
                }
                Step::Kill if pod.stopping == 0 => self.killed(&mut pod, out),
                _ => {}
            }
        }
        self.put(pod);
    }

    /// The runtime did not answer: the worker tries again later.
    fn runtime_failed(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.generation += 1;
        pod.stopping = 0;
        pod.step = Step::Idle;
        pod.retry_at = Some(out.now() + RUNTIME_RETRY);
        out.tick(RUNTIME_RETRY, "retry", pod.uid.clone(), pod.generation);
    }

    fn stop_sandbox(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        match pod.sandbox.clone().filter(|sandbox| sandbox.ready) {
            Some(sandbox) => {
                pod.step = Step::StopSandbox;
                let call = CriCall::SandboxStopped(pod.uid.clone(), pod.generation);
                self.cri("StopPodSandbox", value!({"podSandboxId": sandbox.id}), call, out);
            }
            None => self.terminated(pod, out),
        }
    }

    /// The runtime has stopped the sandbox.
    pub(super) fn sandbox_stopped(&mut self, uid: &Text, generation: u64, stopped: bool, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.generation == generation && !stopped {
            self.runtime_failed(&mut pod, out);
        } else if pod.step == Step::StopSandbox && pod.generation == generation {
            if let Some(sandbox) = &mut pod.sandbox {
                sandbox.ready = false;
            }
            self.terminated(&mut pod, out);
        }
        self.put(pod);
    }

    fn terminated(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.step = Step::Idle;
        pod.work = Work::Terminated;
        for container in &mut pod.containers {
            container.waiting = None;
        }
        self.refresh_status(pod, out);
        pod.not_before = self.next_relist(out.now());
        self.wake_pod(pod, out);
    }

    fn sync_terminated(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        self.refresh_status(pod, out);
        self.objects.unregister(&pod.object, out);
        self.used = (self.used.0 - pod.requests.0, self.used.1 - pod.requests.1, self.used.2 - 1);
        pod.work = Work::Finished;
        pod.deletable = true;
        if pod.is_static {
            self.static_pod_ended(pod, out);
        } else if pod.gone {
            let uid = pod.uid.clone();
            out.timer(Duration::ms(1), "pleg", uid, 0);
        } else {
            self.write_status(pod, out);
        }
    }

    /// A relist: what has happened to the pod's containers since the last one.
    pub(super) fn relist(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.gone && pod.work == Work::Finished {
            self.put(pod);
            return self.forget(uid, out);
        }
        if pod.unseen.is_empty() {
            return self.put(pod);
        }
        for status in std::mem::take(&mut pod.unseen) {
            pod.observe(&status);
        }
        pod.not_before = Time::ZERO;
        self.wake_pod(&mut pod, out);
        self.put(pod);
    }

    /// The runtime is back: what its containers did meanwhile.
    pub(super) fn relist_all(&mut self, answer: &Value, out: &mut Outbox<'_>) {
        for status in answer["containers"].items() {
            self.on_container_event("CONTAINER_STOPPED_EVENT", status, out);
        }
    }

    /// The pod is looked at in the next relist, where it will see `status` (null: only that its sandbox came).
    pub(super) fn see_at_relist(&mut self, pod: &mut Pod, status: Value, out: &mut Outbox<'_>) {
        if pod.unseen.is_empty() {
            let wait = self.next_relist(out.now()).since(out.now());
            out.timer(wait, "pleg", pod.uid.clone(), 0);
        }
        pod.unseen.push(status);
    }

    /// The runtime tells that a container has started or ended.
    pub(super) fn on_container_event(&mut self, kind: &str, status: &Value, out: &mut Outbox<'_>) {
        let sandbox = status["podSandboxId"].str();
        let owner = self.pods.values().find(|pod| pod.sandbox.as_ref().is_some_and(|have| have.id == sandbox));
        let Some(uid) = owner.map(|pod| pod.uid.clone()) else { return };
        let Some(mut pod) = self.take(&uid) else { return };
        if kind == "CONTAINER_STARTED_EVENT" {
            // Starting a container relists its pod at once.
            pod.observe(status);
            for seen in std::mem::take(&mut pod.unseen) {
                pod.observe(&seen);
            }
            pod.not_before = Time::ZERO;
            let name = status["metadata"]["name"].text();
            if let Some(at) = pod.containers.iter().position(|container| container.name == name) {
                self.start_probes(&mut pod, at, out);
            }
            self.wake_pod(&mut pod, out);
        } else if matches!(pod.step, Step::Stop | Step::Kill) {
            // The worker stopped it itself and waits for this.
            pod.observe(status);
        } else {
            self.see_at_relist(&mut pod, status.clone(), out);
        }
        self.put(pod);
    }
}

/// How long a container's preStop hook runs; at most the grace period.
fn pre_stop(spec: &Value, grace: i64) -> Duration {
    let hook = &spec["lifecycle"]["preStop"];
    let argv: Vec<String> = hook["exec"]["command"].items().iter().map(|word| word.str().to_string()).collect();
    let run = crate::runtime::script::walk(&crate::runtime::script::steps(&argv, ""), Duration::s(3_600), &mut |_, _| {});
    let took = match run {
        crate::runtime::script::Run::Ends { after, .. } if !argv.is_empty() => after,
        crate::runtime::script::Run::Forever => Duration::s(grace as u64),
        crate::runtime::script::Run::Ends { .. } => Duration::s(hook["sleep"]["seconds"].int().max(0) as u64),
    };
    took.min(Duration::s(grace as u64))
}

//! Starting a pod's containers (upstream's `kuberuntime_manager.go` SyncPod, `kuberuntime_container.go` and `images/image_manager.go`).

use super::pod::{Pod, Sandbox, Step, Work};
use super::{CriCall, Kubelet, volumes};
use crate::core::{Duration, Outbox, Time};
use crate::runtime::image::ImageName;
use crate::value;
use crate::value::{Text, Value};

/// The crash back-off and that of image pulls: 10 s doubling to 300 s.
const BACKOFF_FIRST: Duration = Duration::s(10);
const BACKOFF_MAX: Duration = Duration::s(300);

fn doubled(backoff: Option<Duration>) -> Duration {
    backoff.map_or(BACKOFF_FIRST, |have| Duration((have.0 * 2).min(BACKOFF_MAX.0)))
}

impl Kubelet {
    /// Does what the pod's state asks for: kill, make the sandbox, start containers.
    pub(super) fn act(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        let sick: Vec<usize> = (0..pod.containers.len())
            .filter(|at| pod.containers[*at].unhealthy.is_some() && pod.containers[*at].running())
            .collect();
        if !sick.is_empty() && pod.sandbox.as_ref().is_some_and(|sandbox| sandbox.ready) {
            pod.step = Step::Kill;
            for at in sick {
                let (name, why) = (pod.containers[at].name.clone(), pod.containers[at].unhealthy.unwrap_or_default());
                let message = match why {
                    "definition" => format!("Container {name} definition changed, will be restarted"),
                    why => format!("Container {name} failed {why} probe, will be restarted"),
                };
                self.container_event(pod, &name, "Normal", "Killing", message, out);
                let grace = pod.object["spec"]["terminationGracePeriodSeconds"].as_int().unwrap_or(30);
                pod.stopping += 1;
                self.stop_container(pod, at, grace, out);
            }
            return;
        }
        self.make_sandbox(pod, out);
    }

    /// The containers that had to be killed are dead.
    pub(super) fn killed(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        if pod.work != Work::Sync {
            return self.rest_terminating(pod, out);
        }
        self.make_sandbox(pod, out);
    }

    /// The pod is to be stopped meanwhile: the worker turns to that.
    fn rest_terminating(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        pod.plan.clear();
        pod.dirty.get_or_insert((out.cause(), out.is_background()));
        self.rest(pod, out);
    }

    fn make_sandbox(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        if pod.sandbox.as_ref().is_some_and(|sandbox| sandbox.ready) {
            self.plan(pod);
            return self.start_next(pod, out);
        }
        let attempt = pod.sandbox.as_ref().map_or(0, |sandbox| sandbox.attempt + 1);
        if attempt > 0 {
            self.pod_event(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.", out);
        }
        pod.step = Step::Sandbox;
        let config = value!({
            "metadata": {"name": pod.name(), "namespace": pod.namespace(), "uid": &pod.uid, "attempt": attempt},
            "hostNetwork": pod.host_network(),
        });
        self.cri("RunPodSandbox", value!({"config": config}), CriCall::Sandbox(pod.uid.clone(), pod.generation), out);
    }

    /// The sandbox was made, or not.
    pub(super) fn sandbox_made(&mut self, uid: &Text, generation: u64, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step != Step::Sandbox || pod.generation != generation {
            return self.put(pod);
        }
        match result {
            Ok(made) => {
                let attempt = pod.sandbox.as_ref().map_or(0, |sandbox| sandbox.attempt + 1);
                pod.sandbox = Some(Sandbox { id: made["id"].text(), ip: made["ip"].text(), ready: true, attempt });
                if pod.work == Work::Sync {
                    self.sandbox_ready(&mut pod, out);
                    self.see_at_relist(&mut pod, Value::Null, out);
                    self.plan(&mut pod);
                    self.start_next(&mut pod, out);
                } else {
                    self.rest_terminating(&mut pod, out);
                }
            }
            Err(error) => {
                self.pod_event(&pod, "Warning", "FailedCreatePodSandBox", format!("Failed to create pod sandbox: {error}"), out);
                pod.plan.clear();
                self.failed(&mut pod, None, out);
                self.finish(&mut pod, out);
            }
        }
        self.put(pod);
    }

    /// Tells that the sandbox is ready before anything else is known of it (OnPodSandboxReady).
    fn sandbox_ready(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        let mut status = pod.status.clone();
        let now = Text::from(out.now().rfc3339());
        for condition in status["conditions"].list_mut() {
            if condition["type"].str() == "PodReadyToStartContainers" && condition["status"].str() != "True" {
                condition["status"] = "True".into();
                condition["lastTransitionTime"] = (&now).into();
            }
        }
        self.set_status(pod, status, out);
    }

    /// Which containers are to be started now (computePodActions).
    fn plan(&mut self, pod: &mut Pod) {
        pod.plan.clear();
        let policy = pod.restart_policy().to_string();
        let restarts = |container: &super::pod::Container| match container.exited() {
            None => !container.running(),
            Some(_) if policy == "Always" || container.sidecar => true,
            Some(run) => policy == "OnFailure" && run.exit_code != 0,
        };
        for (at, container) in pod.containers.iter().enumerate().filter(|(_, container)| container.init) {
            if container.sidecar {
                if !container.running() {
                    pod.plan.push_back(at);
                }
                if !(container.running() && container.started) {
                    return;
                }
                continue;
            }
            match container.exited() {
                Some(run) if run.exit_code == 0 => {}
                // It ran before and failed: it is tried again unless the policy forbids it.
                _ => {
                    if !container.running() && (container.now.is_none() || policy != "Never") {
                        pod.plan.push_back(at);
                    }
                    return;
                }
            }
        }
        let regular = pod.containers.iter().enumerate().filter(|(_, container)| !container.init && restarts(container));
        pod.plan.extend(regular.map(|(at, _)| at));
    }

    /// Turns to the next container of the plan, or ends the round.
    fn start_next(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        while let Some(at) = pod.plan.pop_front() {
            if self.start_container(pod, at, out) {
                return;
            }
        }
        self.finish(pod, out);
    }

    /// Notes that something in this round failed; it is tried again after the back-off, or after 10–15 s.
    fn failed(&mut self, pod: &mut Pod, until: Option<Time>, out: &Outbox<'_>) {
        let now = out.now();
        let wait = until.map_or(BACKOFF_FIRST, |until| until.since(now));
        let jitter = Duration(self.rng.below(wait.0 / 2 + 1));
        let at = self.sync_tick(now + wait + jitter);
        pod.retry_at = Some(pod.retry_at.map_or(at, |other| other.min(at)));
    }

    fn finish(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        if let Some(at) = pod.retry_at {
            out.tick(at.since(out.now()), "retry", pod.uid.clone(), pod.generation);
        }
        pod.not_before = self.next_relist(out.now());
        self.rest(pod, out);
    }

    /// Begins to start a container; `false` when that already failed.
    fn start_container(&mut self, pod: &mut Pod, at: usize, out: &mut Outbox<'_>) -> bool {
        pod.current = at;
        let container = &mut pod.containers[at];
        let name = container.name.clone();
        // Of a container that was killed in this round, the end is not known yet (as in upstream, where the cache is older).
        let killed = container.unhealthy.is_some();
        let end = if killed { container.last.as_ref().and_then(|run| run.finished) } else { container.last_end() };
        if let Some(end) = end {
            if let Some(until) = container.backoff.map(|backoff| end + backoff).filter(|until| *until > out.now()) {
                let backoff = container.backoff.unwrap_or_default();
                let full = format!("{}_{}({})", pod.name(), pod.namespace(), pod.uid);
                let message = format!("back-off {} restarting failed container={name} pod={full}", go_duration(backoff));
                pod.containers[at].waiting = Some(("CrashLoopBackOff", Text::from(message)));
                let event = format!("Back-off restarting failed container {name} in pod {full}");
                self.container_event(pod, &name, "Warning", "BackOff", event, out);
                self.failed(pod, Some(until), out);
                return false;
            }
            // A container that ran long enough begins with the first back-off again.
            let ran = container.now.as_ref().map_or(Duration::ZERO, |run| run.finished.unwrap_or(out.now()).since(run.started));
            let before = container.backoff.filter(|_| ran < Duration(BACKOFF_MAX.0 * 2));
            container.backoff = Some(doubled(before));
        }
        let image = container.spec["image"].text();
        if let Err(error) = ImageName::parse(&image) {
            let text = format!("couldn't parse image name {:?}: {error}", image.as_str());
            let message = Text::from(format!("Failed to apply default image tag {:?}: {text}", image.as_str()));
            pod.containers[at].waiting = Some(("InvalidImageName", message.clone()));
            self.container_event(pod, &name, "Warning", "InspectFailed", message, out);
            self.container_event(pod, &name, "Warning", "Failed", "Error: InvalidImageName", out);
            self.failed(pod, None, out);
            return false;
        }
        if pull_policy(&pod.containers[at].spec) == "Always" {
            return self.pull(pod, out);
        }
        pod.step = Step::Image;
        self.cri("ImageStatus", value!({"image": image}), CriCall::Image(pod.uid.clone(), pod.generation), out);
        true
    }

    /// Whether the image is on the machine.
    pub(super) fn image_known(&mut self, uid: &Text, generation: u64, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step != Step::Image || pod.generation != generation {
            return self.put(pod);
        }
        let container = &pod.containers[pod.current];
        let (name, image) = (container.name.clone(), container.spec["image"].text());
        let present = result.is_ok_and(|answer| answer.get("image").is_some());
        if present {
            let message =
                format!("Container image {:?} already present on machine and can be accessed by the pod", image.as_str());
            self.container_event(&pod, &name, "Normal", "Pulled", message, out);
            self.create(&mut pod, out);
        } else if pull_policy(&container.spec) == "Never" {
            let message = Text::from(format!("Container image {:?} is not present with pull policy of Never", image.as_str()));
            self.container_event(&pod, &name, "Warning", "ErrImageNeverPull", message.clone(), out);
            self.container_event(&pod, &name, "Warning", "Failed", "Error: ErrImageNeverPull", out);
            let at = pod.current;
            pod.containers[at].waiting = Some(("ErrImageNeverPull", message));
            self.failed(&mut pod, None, out);
            self.start_next(&mut pod, out);
        } else if !self.pull(&mut pod, out) {
            self.start_next(&mut pod, out);
        }
        self.put(pod);
    }

    /// Asks for the image; `false` while its pull backs off.
    fn pull(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) -> bool {
        let at = pod.current;
        let (name, image) = (pod.containers[at].name.clone(), pod.containers[at].spec["image"].text());
        if let Some((until, _, error)) = pod.pull_backoff.get(&image)
            && *until > out.now()
        {
            let short = format!("Back-off pulling image {:?}", image.as_str());
            pod.containers[at].waiting = Some(("ImagePullBackOff", Text::from(format!("{short}: ErrImagePull: {error}"))));
            self.container_event(pod, &name, "Normal", "BackOff", short, out);
            self.container_event(pod, &name, "Warning", "Failed", "Error: ImagePullBackOff", out);
            self.failed(pod, None, out);
            return false;
        }
        self.container_event(pod, &name, "Normal", "Pulling", format!("Pulling image {:?}", image.as_str()), out);
        pod.step = Step::Pull;
        pod.pull_times = (out.now(), out.now());
        if self.pulling.is_none() {
            self.begin_pull(pod, out);
        } else {
            self.pulls.push_back((pod.uid.clone(), pod.generation));
        }
        true
    }

    fn begin_pull(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        self.pulling = Some((pod.uid.clone(), pod.generation));
        pod.pull_times.1 = out.now();
        let image = pod.containers[pod.current].spec["image"].clone();
        self.cri("PullImage", value!({"image": image}), CriCall::Pull(pod.uid.clone(), pod.generation), out);
    }

    /// A pull has ended.
    pub(super) fn pulled(&mut self, uid: &Text, generation: u64, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        self.pulling = None;
        if let Some(mut pod) = self.take(uid) {
            if pod.step == Step::Pull && pod.generation == generation {
                self.pull_ended(&mut pod, result, out);
            }
            self.put(pod);
        }
        while self.pulling.is_none() {
            let Some((next, generation)) = self.pulls.pop_front() else { return };
            if let Some(mut pod) = self.take(&next) {
                if pod.step == Step::Pull && pod.generation == generation {
                    self.begin_pull(&mut pod, out);
                }
                self.put(pod);
            }
        }
    }

    fn pull_ended(&mut self, pod: &mut Pod, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let at = pod.current;
        let (name, image) = (pod.containers[at].name.clone(), pod.containers[at].spec["image"].text());
        match result {
            Ok(answer) => {
                self.images_changed = true;
                pod.pull_backoff.remove(&image);
                let (asked, began) = pod.pull_times;
                let message = format!(
                    "Successfully pulled image {:?} in {} ({} including waiting). Image size: {} bytes.",
                    image.as_str(),
                    go_duration(out.now().since(began)),
                    go_duration(out.now().since(asked)),
                    answer["sizeBytes"].int()
                );
                self.container_event(pod, &name, "Normal", "Pulled", message, out);
                self.create(pod, out);
            }
            Err(error) => {
                let message = format!("Failed to pull image {:?}: {error}", image.as_str());
                self.container_event(pod, &name, "Warning", "Failed", message, out);
                self.container_event(pod, &name, "Warning", "Failed", "Error: ErrImagePull", out);
                let backoff = doubled(pod.pull_backoff.get(&image).map(|(_, backoff, _)| *backoff));
                pod.pull_backoff.insert(image, (out.now() + backoff, backoff, error.clone()));
                pod.containers[at].waiting = Some(("ErrImagePull", error));
                self.failed(pod, None, out);
                self.start_next(pod, out);
            }
        }
    }

    fn create(&mut self, pod: &mut Pod, out: &mut Outbox<'_>) {
        let at = pod.current;
        let pod_ip = if pod.host_network() { self.ip.clone() } else { pod.ip() };
        let container = &pod.containers[at];
        let (name, spec) = (container.name.clone(), container.spec.clone());
        let envs = match volumes::environment(&pod.object, &spec, &self.ip, &pod_ip, &self.objects) {
            Ok(envs) => envs,
            Err(error) => {
                self.container_event(pod, &name, "Warning", "Failed", format!("Error: {error}"), out);
                pod.containers[at].waiting = Some(("CreateContainerConfigError", Text::from(error)));
                self.failed(pod, None, out);
                return self.start_next(pod, out);
            }
        };
        let known: Vec<(Text, Text)> = envs.items().iter().map(|env| (env["key"].text(), env["value"].text())).collect();
        let words = |field: &str| -> Value {
            spec[field].items().iter().map(|word| Text::from(volumes::expand(word.str(), &known))).collect()
        };
        let attempt = container.now.as_ref().map_or(0, |run| run.attempt + 1);
        let config = value!({
            "metadata": {"name": &name, "attempt": attempt}, "image": &spec["image"], "command": words("command"), "args": words("args"),
            "envs": envs.clone(), "ports": &spec["ports"], "stdin": &spec["stdin"], "tty": &spec["tty"],
            // Not CRI's: the simulated container cannot know from its program that it has to end.
            "oneShot": container.init && !container.sidecar,
        });
        let mut config = config;
        let limit = crate::api::quantity::Quantity::of(&spec["resources"]["limits"]["memory"]).units();
        if limit > 0 {
            config["linux"] = value!({"resources": {"memoryLimitInBytes": limit}});
        }
        let Some(sandbox) = &pod.sandbox else { return self.finish(pod, out) };
        let args = value!({"podSandboxId": sandbox.id.clone(), "config": config});
        pod.containers[at].envs = envs;
        pod.step = Step::Create;
        self.cri("CreateContainer", args, CriCall::Create(pod.uid.clone(), pod.generation), out);
    }

    /// The container was made, or not.
    pub(super) fn created(&mut self, uid: &Text, generation: u64, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step != Step::Create || pod.generation != generation {
            return self.put(pod);
        }
        let name = pod.containers[pod.current].name.clone();
        match result {
            Ok(_) if pod.work != Work::Sync => self.rest_terminating(&mut pod, out),
            Ok(made) => {
                self.container_event(&pod, &name, "Normal", "Created", "Container created", out);
                pod.step = Step::Start;
                let call = CriCall::Start(uid.clone(), generation);
                self.cri("StartContainer", value!({"containerId": made["containerId"].text()}), call, out);
            }
            Err(error) => self.start_failed(&mut pod, "CreateContainerError", error, out),
        }
        self.put(pod);
    }

    /// The container was started, or not.
    pub(super) fn container_started(&mut self, uid: &Text, generation: u64, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        if pod.step != Step::Start || pod.generation != generation {
            return self.put(pod);
        }
        let at = pod.current;
        let name = pod.containers[at].name.clone();
        match result {
            Ok(_) => {
                pod.containers[at].waiting = None;
                self.container_event(&pod, &name, "Normal", "Started", "Container started", out);
                if pod.work == Work::Sync { self.start_next(&mut pod, out) } else { self.rest_terminating(&mut pod, out) }
            }
            Err(error) => self.start_failed(&mut pod, "RunContainerError", error, out),
        }
        self.put(pod);
    }

    fn start_failed(&mut self, pod: &mut Pod, reason: &'static str, error: Text, out: &mut Outbox<'_>) {
        let at = pod.current;
        let name = pod.containers[at].name.clone();
        self.container_event(pod, &name, "Warning", "Failed", format!("Error: {error}"), out);
        pod.containers[at].waiting = Some((reason, error));
        self.failed(pod, None, out);
        self.start_next(pod, out);
    }
}

/// `imagePullPolicy`, with the default for those that no api-server has filled in.
fn pull_policy(spec: &Value) -> &str {
    match spec["imagePullPolicy"].str() {
        "" => "IfNotPresent",
        policy => policy,
    }
}

/// Go's `Duration.String()` of whole milliseconds: `802ms`, `1.026s`, `1m20s`.
pub(super) fn go_duration(span: Duration) -> String {
    let ms = span.as_millis();
    let seconds = |ms: u64| {
        let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
        format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => seconds(ms),
        60_000..3_600_000 => format!("{}m{}", ms / 60_000, seconds(ms % 60_000)),
        _ => format!("{}h{}m{}", ms / 3_600_000, ms / 60_000 % 60, seconds(ms % 60_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_gos() {
        let spans = [802, 1_026, 1_000, 10_000, 40_000, 80_000, 300_000].map(|ms| go_duration(Duration::ms(ms)));
        assert_eq!(spans, ["802ms", "1.026s", "1s", "10s", "40s", "1m20s", "5m0s"]);
    }

    #[test]
    fn backoffs_double() {
        let mut backoff = None;
        let mut seconds = Vec::new();
        for _ in 0..7 {
            backoff = Some(doubled(backoff));
            seconds.extend(backoff.map(Duration::as_secs));
        }
        assert_eq!(seconds, [10, 20, 40, 80, 160, 300, 300]);
    }
}

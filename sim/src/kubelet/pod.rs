//! What the kubelet keeps of a pod: its object, its sandbox and containers as the runtime reports them, and what its worker is doing.

use crate::core::collections::PMap;
use std::collections::VecDeque;

use super::probes::Probe;
use super::volumes::Volumes;
use crate::core::{Cause, Duration, Time};
use crate::value;
use crate::value::{Text, Value};

/// What a pod's worker works towards (upstream's `PodWorkerState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Containers are to run as the spec says.
    Sync,
    /// Containers are to be stopped.
    Terminating,
    /// Containers are stopped; what is left is to be cleaned up.
    Terminated,
    /// Nothing is left but the object.
    Finished,
}

/// What a pod's worker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Idle,
    /// Volumes to be mounted.
    Volumes,
    /// The sandbox.
    Sandbox,
    /// Containers that failed a probe to stop.
    Kill,
    /// Whether the image is there.
    Image,
    /// The image's pull.
    Pull,
    /// CreateContainer.
    Create,
    /// StartContainer.
    Start,
    /// Containers to stop.
    Stop,
    /// The sandbox to stop.
    StopSandbox,
}

/// One run of a container, as the runtime reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// 64 hexadecimal digits.
    pub id: Text,
    /// Count of restarts before this run.
    pub attempt: i64,
    /// When it started.
    pub started: Time,
    /// When it ended, if it did.
    pub finished: Option<Time>,
    /// Exit code.
    pub exit_code: i64,
    /// `Completed`, `Error`, `OOMKilled`, …
    pub reason: Text,
    /// Image with tag.
    pub image: Text,
    /// Image with digest.
    pub image_ref: Text,
    /// The memory that it takes, in bytes.
    pub memory: i64,
}

impl Instance {
    /// From CRI's ContainerStatus; `None` for one that was made and never started.
    pub fn from_cri(status: &Value) -> Option<Self> {
        let exited = match status["state"].str() {
            "CONTAINER_RUNNING" => false,
            "CONTAINER_EXITED" => true,
            _ => return None,
        };
        let time = |field: &str| Time(status[field].int() as u64);
        let code = status["exitCode"].int();
        let reason = match (status["reason"].text(), code) {
            (reason, _) if !reason.is_empty() => reason,
            (_, 0) => "Completed".into(),
            _ => "Error".into(),
        };
        Some(Self {
            id: status["id"].text(),
            attempt: status["metadata"]["attempt"].int(),
            started: time("startedAt"),
            finished: exited.then(|| time("finishedAt")),
            exit_code: code,
            reason,
            image: status["image"].text(),
            image_ref: status["imageRef"].text(),
            memory: crate::machine::usage::working_set_bytes(status) as i64,
        })
    }

    /// `{"terminated": {…}}`
    pub fn terminated(&self) -> Value {
        value!({"terminated": {
            "containerID": format!("containerd://{}", self.id), "exitCode": self.exit_code, "reason": &self.reason,
            "startedAt": self.started.rfc3339(), "finishedAt": self.finished.unwrap_or(self.started).rfc3339(),
        }})
    }
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: Text,
    /// Its spec.
    pub spec: Value,
    /// Whether it is an init container.
    pub init: bool,
    /// An init container with `restartPolicy: Always`, which runs beside the others.
    pub sidecar: bool,
    /// Its present or last run.
    pub now: Option<Instance>,
    /// The run before.
    pub last: Option<Instance>,
    /// Why it does not run: reason and message of the last attempt to start it (upstream's reason cache).
    pub waiting: Option<(&'static str, Text)>,
    /// The crash back-off, once it has one.
    pub backoff: Option<Duration>,
    /// Its probes.
    pub probes: Vec<Probe>,
    /// Whether its readiness probe, if any, succeeds.
    pub ready: bool,
    /// Whether its startup probe, if any, has succeeded.
    pub started: bool,
    /// Whether a probe wants it killed: `liveness` or `startup`.
    pub unhealthy: Option<&'static str>,
    /// Its environment, once it is known.
    pub envs: Value,
}

impl Container {
    fn new(spec: &Value, init: bool) -> Self {
        let probes = Probe::all(spec);
        Self {
            name: spec["name"].text(),
            init,
            sidecar: init && spec["restartPolicy"].str() == "Always",
            now: None,
            last: None,
            waiting: None,
            backoff: None,
            ready: false,
            started: false,
            unhealthy: None,
            envs: Value::Null,
            probes,
            spec: spec.clone(),
        }
    }

    /// Whether its process runs.
    pub fn running(&self) -> bool {
        self.now.as_ref().is_some_and(|run| run.finished.is_none())
    }

    /// Its last run, if that has ended.
    pub fn exited(&self) -> Option<&Instance> {
        self.now.as_ref().filter(|run| run.finished.is_some())
    }

    /// When a run of it ended last.
    pub fn last_end(&self) -> Option<Time> {
        [&self.now, &self.last].into_iter().flatten().find_map(|run| run.finished)
    }

    /// Takes over what the runtime reports.
    pub fn update(&mut self, run: Instance) {
        match &self.now {
            Some(now) if now.id == run.id => self.now = Some(run),
            Some(now) if now.attempt > run.attempt => {}
            _ => {
                self.last = self.now.take();
                self.now = Some(run);
                self.waiting = None;
                self.ready = self.probes.iter().all(|probe| probe.kind != super::probes::Kind::Readiness);
                self.started = self.probes.iter().all(|probe| probe.kind != super::probes::Kind::Startup);
                self.unhealthy = None;
            }
        }
    }
}

/// A pod's sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Sandbox {
    /// 64 hexadecimal digits.
    pub id: Text,
    /// The pod's address; "" with the node's network.
    pub ip: Text,
    /// Whether it runs.
    pub ready: bool,
    /// Count of sandboxes before this one.
    pub attempt: i64,
}

/// A pod of this node.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its uid; for a static pod that of its file, not that of its mirror.
    pub uid: Text,
    /// `namespace/name`
    pub key: Text,
    /// Its object.
    pub object: Value,
    /// Whether it comes from a file.
    pub is_static: bool,
    /// Why it was not admitted: reason and message.
    pub rejected: Option<(Text, Text)>,
    /// Why it was evicted: the message.
    pub evicted: Option<Text>,
    /// What its worker works towards.
    pub work: Work,
    /// What its worker waits for.
    pub step: Step,
    /// Answers to calls of an earlier number are outdated.
    pub generation: u64,
    /// Whether something happened while the worker was busy, and what.
    pub dirty: Option<(Cause, bool)>,
    /// Before this time the worker must not look again: it waits for a relist.
    pub not_before: Time,
    /// Whether a timer will wake the worker at `not_before`.
    pub waiting: bool,
    /// When the node accepted it.
    pub start_time: Time,
    /// Its volumes.
    pub volumes: Volumes,
    /// Its sandbox.
    pub sandbox: Option<Sandbox>,
    /// Its containers, init containers first.
    pub containers: Vec<Container>,
    /// Containers that are still to be started in this sync.
    pub plan: VecDeque<usize>,
    /// The container that is being started.
    pub current: usize,
    /// Containers that are to be stopped before they are started anew.
    pub stopping: usize,
    /// When the sync is to be tried again because something failed in it: `None` if nothing failed.
    pub retry_at: Option<Time>,
    /// Image pulls that failed: (back-off until, back-off, error), by image.
    pub pull_backoff: PMap<Text, (Time, Duration, Text)>,
    /// When the current pull was asked for, and when it began.
    pub pull_times: (Time, Time),
    /// Container deaths that the next relist will see.
    pub unseen: Vec<Value>,
    /// The status as the status manager has it.
    pub status: Value,
    /// Grace period of its termination, in seconds.
    pub grace: i64,
    /// Whether its object may be deleted for good.
    pub deletable: bool,
    /// Whether its object is gone.
    pub gone: bool,
    /// Requested millicores and bytes.
    pub requests: (i64, i64),
}

impl Pod {
    /// A pod that the kubelet sees for the first time.
    pub fn new(object: Value, is_static: bool, now: Time) -> Self {
        let spec = &object["spec"];
        let init = spec["initContainers"].items().iter().map(|spec| Container::new(spec, true));
        let regular = spec["containers"].items().iter().map(|spec| Container::new(spec, false));
        Self {
            uid: object["metadata"]["uid"].text(),
            key: object.key(),
            is_static,
            rejected: None,
            evicted: None,
            work: Work::Sync,
            step: Step::Idle,
            generation: 0,
            dirty: None,
            not_before: Time::ZERO,
            waiting: false,
            start_time: now,
            volumes: Volumes::of(&object),
            sandbox: None,
            containers: init.chain(regular).collect(),
            plan: VecDeque::new(),
            current: 0,
            stopping: 0,
            retry_at: None,
            pull_backoff: PMap::new(),
            pull_times: (now, now),
            unseen: Vec::new(),
            status: object["status"].clone(),
            grace: 30,
            deletable: false,
            gone: false,
            requests: super::admission::requests(&object),
            object,
        }
    }

    /// Its namespace.
    pub fn namespace(&self) -> Text {
        self.object["metadata"]["namespace"].text()
    }
    /// Its name.
    pub fn name(&self) -> Text {
        self.object["metadata"]["name"].text()
    }
    /// Whether it uses the node's network.
    pub fn host_network(&self) -> bool {
        self.object["spec"]["hostNetwork"].is_true()
    }
    /// `Always`, `OnFailure` or `Never`.
    pub fn restart_policy(&self) -> &str {
        match self.object["spec"]["restartPolicy"].str() {
            "" => "Always",
            policy => policy,
        }
    }
    /// The container with this name.
    pub fn container(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.name == name)
    }
    /// Whether any process of it runs.
    pub fn any_running(&self) -> bool {
        self.containers.iter().any(Container::running)
    }
    /// Its address.
    pub fn ip(&self) -> Text {
        self.sandbox.as_ref().map(|sandbox| sandbox.ip.clone()).unwrap_or_default()
    }

    /// Takes over a container's state.
    pub fn observe(&mut self, status: &Value) {
        let (name, run) = (status["metadata"]["name"].text(), Instance::from_cri(status));
        if let (Some(container), Some(run)) = (self.container(&name), run) {
            container.update(run);
        }
    }
}

//! Sandboxes and containers as the runtime keeps them, in memory and on disk.

use std::rc::Rc;

use super::behaviour::{Behaviour, Program};
use super::image::ImageName;
use super::process::Process;
use super::script::{Amount, Run};
use crate::core::{Addr, Duration, EnvelopeId, Time};
use crate::value;
use crate::value::{Text, Value};

/// A pod's sandbox: its network and the pause process.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// 64 hexadecimal digits.
    pub id: Text,
    /// CRI's PodSandboxMetadata: name, namespace, uid, attempt.
    pub metadata: Value,
    /// Its address; "" when it uses the node's.
    pub ip: Text,
    /// Whether it runs.
    pub ready: bool,
    /// When it was made.
    pub created: Time,
    /// Process id of its shim.
    pub shim: u32,
    /// Process id of pause.
    pub pause: u32,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, not started.
    Created,
    /// Its process runs.
    Running,
    /// Its process has ended.
    Exited,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: Text,
    /// Its sandbox.
    pub sandbox: Text,
    /// CRI's ContainerConfig: metadata, image, command, args, envs, …
    pub config: Value,
    /// The image's name with tag.
    pub image: Text,
    /// The image's name with digest.
    pub image_ref: Text,
    /// What it does.
    pub behaviour: Rc<Behaviour>,
    /// What it is doing.
    pub state: State,
    /// When it was made.
    pub created: Time,
    /// When its process started.
    pub started: Time,
    /// When its process ended.
    pub finished: Time,
    /// Exit code.
    pub exit_code: i32,
    /// `OOMKilled`, `Unknown`, or "" for what the code says.
    pub reason: Text,
    /// Its processes.
    pub pids: Vec<u32>,
    /// Tells timers of this run from those of none.
    pub run: u64,
    /// Who waits for its end.
    pub stopping: Vec<(Addr, EnvelopeId)>,
    /// The memory that its program has taken, in bytes; 0 for what every container takes.
    pub memory: u64,
}

impl Sandbox {
    /// The pod's namespace.
    pub fn namespace(&self) -> &str {
        self.metadata["namespace"].str()
    }

    /// Its processes: shim and pause.
    pub fn processes(&self, into: &mut Vec<Process>) {
        if !self.ready {
            return;
        }
        let shim = format!(
            "/usr/local/bin/containerd-shim-runc-v2 -namespace k8s.io -id {} -address /run/containerd/containerd.sock",
            self.id
        );
        into.push(Process { pid: self.shim, ppid: 1, started: self.created, cmd: Text::from(shim) });
        into.push(Process { pid: self.pause, ppid: self.shim, started: self.created, cmd: "/pause".into() });
    }

    /// As in CRI's lists, and on disk.
    pub fn to_value(&self) -> Value {
        let state = if self.ready { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" };
        value!({
            "id": self.id.clone(), "metadata": self.metadata.clone(), "ip": self.ip.clone(), "state": state,
            "createdAt": self.created.0, "shimPid": self.shim, "pid": self.pause,
        })
    }

    /// From disk.
    pub fn from_value(value: &Value) -> Self {
        Self {
            id: value["id"].text(),
            metadata: value["metadata"].clone(),
            ip: value["ip"].text(),
            ready: value["state"].str() == "SANDBOX_READY",
            created: Time(value["createdAt"].int() as u64),
            shim: value["shimPid"].int() as u32,
            pause: value["pid"].int() as u32,
        }
    }
}

impl Container {
    /// A container that has been made and not started.
    pub fn new(id: Text, sandbox: &Sandbox, config: Value, image: Text, image_ref: Text, created: Time) -> Self {
        Self {
            behaviour: Rc::new(behaviour(&config, &image, sandbox)),
            id,
            sandbox: sandbox.id.clone(),
            config,
            image,
            image_ref,
            state: State::Created,
            created,
            started: Time::ZERO,
            finished: Time::ZERO,
            exit_code: 0,
            reason: Text::default(),
            pids: Vec::new(),
            run: 0,
            stopping: Vec::new(),
            memory: 0,
        }
    }

    /// Its program takes the memory that it wants of what is available. When that is more than there is room for, the kernel kills it.
    pub fn allocate(&mut self, available_bytes: u64, room_bytes: u64) {
        let wanted = match self.behaviour.memory {
            None => return,
            Some(Amount::Bytes(bytes)) => bytes,
            Some(Amount::Percent(percent)) => available_bytes / 100 * percent.min(100),
        };
        self.memory = wanted.min(room_bytes);
        if wanted > room_bytes {
            // Writing to new memory takes a second for a GiB, more or less.
            let after = Duration::ms(20 + self.memory / (1 << 20));
            self.behaviour = Rc::new(Behaviour { run: Run::Ends { after, code: 137, oom: true }, ..(*self.behaviour).clone() });
        }
    }

    /// Its processes; the first is a child of the sandbox's shim, the others of the first.
    pub fn processes(&self, sandbox: &Sandbox, into: &mut Vec<Process>) {
        if self.state != State::Running {
            return;
        }
        for (at, (pid, cmd)) in self.pids.iter().zip(&self.behaviour.processes).enumerate() {
            let ppid = if at == 0 { sandbox.shim } else { self.pids[0] };
            into.push(Process { pid: *pid, ppid, started: self.started, cmd: Text::new(cmd) });
        }
    }

    /// CRI's ContainerStatus; times are microseconds of the simulation, 0 for none.
    pub fn to_value(&self) -> Value {
        let state = match self.state {
            State::Created => "CONTAINER_CREATED",
            State::Running => "CONTAINER_RUNNING",
            State::Exited => "CONTAINER_EXITED",
        };
        let mut value = value!({
            "id": self.id.clone(), "podSandboxId": self.sandbox.clone(), "metadata": &self.config["metadata"], "state": state,
            "createdAt": self.created.0, "startedAt": self.started.0, "finishedAt": self.finished.0,
            "exitCode": self.exit_code, "reason": self.reason.clone(),
            "image": self.image.clone(), "imageRef": self.image_ref.clone(),
        });
        if self.memory > 0 {
            value["memory"] = (self.memory as i64).into();
        }
        value
    }

    /// For the disk: its status and what it was made from.
    pub fn to_disk(&self) -> Value {
        let mut value = self.to_value();
        value["config"] = self.config.clone();
        value["pids"] = self.pids.iter().copied().collect();
        value
    }

    /// From disk.
    pub fn from_disk(value: &Value, sandbox: &Sandbox) -> Self {
        let time = |field: &str| Time(value[field].int() as u64);
        let image = value["image"].text();
        Self {
            state: match value["state"].str() {
                "CONTAINER_RUNNING" => State::Running,
                "CONTAINER_EXITED" => State::Exited,
                _ => State::Created,
            },
            started: time("startedAt"),
            finished: time("finishedAt"),
            exit_code: value["exitCode"].int() as i32,
            reason: value["reason"].text(),
            pids: value["pids"].items().iter().map(|pid| pid.int() as u32).collect(),
            ..Self::new(value["id"].text(), sandbox, value["config"].clone(), image, value["imageRef"].text(), time("createdAt"))
        }
    }
}

fn behaviour(config: &Value, image: &str, sandbox: &Sandbox) -> Behaviour {
    let words = |field: &str| config[field].items().iter().map(|word| word.str().to_string()).collect();
    let image = ImageName::parse(image).expect("the image was pulled under this name");
    Behaviour::of(&Program {
        image: &image,
        command: words("command"),
        args: words("args"),
        envs: &config["envs"],
        ports: &config["ports"],
        stdin: config["stdin"].is_true(),
        one_shot: config["oneShot"].is_true(),
        hostname: sandbox.metadata["name"].str(),
        namespace: sandbox.namespace(),
    })
}

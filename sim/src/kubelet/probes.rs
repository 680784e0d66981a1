//! Probes (upstream's `prober`): when they are due, and what their results mean. How a probe is made is the runtime's business:
//! exec probes are CRI calls, HTTP and TCP probes connections to the container; those of kube-apiserver are requests to it.

use super::pod::Pod;
use super::{ApiCall, CriCall, Kubelet};
use crate::core::{Addr, Duration, Outbox, Part, Request, Time};
use crate::value;
use crate::value::{Text, Value};

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whether the container may get traffic.
    Readiness,
    /// Whether it is to be restarted.
    Liveness,
    /// Whether it has started; before, the others wait.
    Startup,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
            Self::Startup => "Startup",
        }
    }
}

/// A probe of a container.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What it is for.
    pub kind: Kind,
    /// Its spec.
    pub spec: Value,
    /// Successes (positive) or failures (negative) in a row.
    pub streak: i64,
    /// The run of the container that it looks at, by attempt; -1 for none.
    pub attempt: i64,
    /// Whether it is under way.
    pub busy: bool,
    /// How often it was made in this run.
    pub count: u32,
}

impl Probe {
    /// The probes of a container's spec.
    pub fn all(container: &Value) -> Vec<Self> {
        [(Kind::Startup, "startupProbe"), (Kind::Readiness, "readinessProbe"), (Kind::Liveness, "livenessProbe")]
            .into_iter()
            .filter(|(_, field)| !container[*field].is_null())
            .map(|(kind, field)| Self { kind, spec: container[field].clone(), streak: 0, attempt: -1, busy: false, count: 0 })
            .collect()
    }

    fn seconds(&self, field: &str, default: i64) -> i64 {
        self.spec[field].as_int().filter(|value| *value > 0).unwrap_or(default)
    }
    fn period(&self) -> Duration {
        Duration::s(self.seconds("periodSeconds", 10) as u64)
    }
    fn initial_delay(&self) -> Duration {
        Duration::s(self.spec["initialDelaySeconds"].int().max(0) as u64)
    }
}

/// After these times the first probes of a container are repeated.
static EARLY: [Duration; 2] = [Duration::ms(200), Duration::s(1)];

/// A probe that is not settled is waited for this long.
const PATIENCE: Duration = Duration::s(120);

impl Kubelet {
    /// Begins to probe a container that has just started.
    pub(super) fn start_probes(&mut self, pod: &mut Pod, at: usize, out: &mut Outbox<'_>) {
        let now = out.now();
        let born = pod.start_time;
        let container = &mut pod.containers[at];
        let Some(run) = container.now.clone() else { return };
        let gated = !container.started;
        for (number, probe) in container.probes.iter_mut().enumerate() {
            if probe.attempt == run.attempt {
                continue;
            }
            if gated && probe.kind != Kind::Startup {
                continue;
            }
            (probe.attempt, probe.streak, probe.busy, probe.count) = (run.attempt, 0, false, 0);
            let earliest = run.started + probe.initial_delay();
            // Readiness and startup are looked at as soon as the container runs, liveness when the worker's ticker says.
            let due = if probe.kind == Kind::Liveness {
                let period = probe.period().0;
                Time(earliest.0 + (period - (earliest.0 - born.0.min(earliest.0)) % period) % period)
            } else {
                earliest
            };
            let wait = due.since(now);
            let number = probe_number(at, number, run.attempt);
            if probe.kind == Kind::Liveness {
                out.tick(wait, "probe", pod.uid.clone(), number);
            } else {
                out.timer(wait, "probe", pod.uid.clone(), number);
            }
        }
    }

    /// A probe is due.
    pub(super) fn probe(&mut self, uid: &Text, number: u64, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        let (at, index, attempt) = probe_parts(number);
        self.probe_container(&mut pod, (at, index, attempt), number, out);
        self.put(pod);
    }

    fn probe_container(&mut self, pod: &mut Pod, (at, index, attempt): (usize, usize, i64), number: u64, out: &mut Outbox<'_>) {
        let terminating = pod.work != super::pod::Work::Sync;
        let ip = if pod.host_network() { Text::default() } else { pod.ip() };
        let Some(container) = pod.containers.get_mut(at) else { return };
        let running = container.running() && container.now.as_ref().is_some_and(|run| run.attempt == attempt);
        let name = container.name.clone();
        let Some(run) = container.now.clone() else { return };
        let ports = container.spec["ports"].clone();
        let (ready, started) = (container.ready, container.started);
        let Some(probe) = container.probes.get_mut(index) else { return };
        // Readiness is still looked at while the pod terminates, the others are not.
        if !running || (terminating && probe.kind != Kind::Readiness) || (probe.kind == Kind::Startup && started) {
            return;
        }
        let settled = match probe.kind {
            Kind::Readiness => ready,
            Kind::Startup => started,
            Kind::Liveness => true,
        };
        // The first status updates after a start trigger probes that have not succeeded yet: after 0.2 s, and at the next relist.
        let early = EARLY.get(probe.count as usize).filter(|_| !settled && probe.initial_delay() == Duration::ZERO);
        let wait = early.map_or(probe.period(), |early| probe.period().min(*early));
        probe.count += 1;
        let patient = !settled && out.now().since(run.started) < PATIENCE;
        if patient {
            out.timer(wait, "probe", pod.uid.clone(), number);
        } else {
            out.tick(wait, "probe", pod.uid.clone(), number);
            // What only confirms what is known is a heartbeat.
            out.set_heartbeat(settled);
        }
        if probe.busy {
            return;
        }
        probe.busy = true;
        let spec = probe.spec.clone();
        let call = (pod.uid.clone(), number);
        if !spec["exec"].is_null() {
            let args = value!({"containerId": run.id, "cmd": &spec["exec"]["command"], "timeout": spec["timeoutSeconds"].as_int().unwrap_or(1)});
            self.cri("ExecSync", args, CriCall::Probe(call.0, call.1), out);
            return;
        }
        let (port, path) = target(&spec, &ports);
        if port == 6443 && name == "kube-apiserver" {
            let server = Addr::new(self.machine, Part::ApiServer);
            let id = out.request(server, Request::raw(path));
            self.requests.insert(id, ApiCall::Probe(call.0, call.1));
            return;
        }
        let args = value!({"ip": ip, "port": port, "path": path});
        self.runtime_call("connect", args, CriCall::Probe(call.0, call.1), out);
    }

    /// A probe's result: `Ok`, or why it failed.
    pub(super) fn probed(&mut self, uid: &Text, number: u64, result: Result<(), String>, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        let (at, index, attempt) = probe_parts(number);
        let current =
            pod.containers.get(at).is_some_and(|c| c.running() && c.now.as_ref().is_some_and(|run| run.attempt == attempt));
        if !current || index >= pod.containers[at].probes.len() {
            return self.put(pod);
        }
        let container = &mut pod.containers[at];
        let probe = &mut container.probes[index];
        probe.busy = false;
        let kind = probe.kind;
        let success = result.is_ok();
        probe.streak = match (success, probe.streak) {
            (true, streak) => streak.max(0) + 1,
            (false, streak) => streak.min(0) - 1,
        };
        let succeeded = probe.streak >= probe.seconds("successThreshold", 1);
        let failed = -probe.streak >= probe.seconds("failureThreshold", 3);
        let name = container.name.clone();
        let was_ready = container.ready;
        match kind {
            // Until the first success a container is not ready, however few failures there were.
            Kind::Readiness if succeeded => container.ready = true,
            Kind::Readiness if failed => container.ready = false,
            Kind::Startup if succeeded => container.started = true,
            Kind::Startup if failed => container.unhealthy = Some("startup"),
            Kind::Liveness if failed => container.unhealthy = Some("liveness"),
            _ => {}
        }
        let (ready, unhealthy) = (container.ready, container.unhealthy.is_some());
        if let Err(mut text) = result {
            if text == REFUSED {
                text = refused(&pod, at, index, &self.ip);
            }
            let message = format!("{} probe failed: {text}", kind.name());
            out.set_heartbeat(false);
            self.container_event(&pod, &name, "Warning", "Unhealthy", message, out);
        }
        if kind == Kind::Startup && succeeded {
            self.start_probes(&mut pod, at, out);
        }
        if ready != was_ready || (kind == Kind::Startup && succeeded) {
            out.set_heartbeat(false);
            out.set_background(false);
            self.refresh_status(&mut pod, out);
        }
        self.put(pod);
        if unhealthy {
            out.set_heartbeat(false);
            out.set_background(false);
            self.wake(uid, out);
        }
    }
}

/// What the runtime says when nobody listens.
const REFUSED: &str = "connect: connection refused";

/// The port and path of a probe that is no exec probe.
fn target(spec: &Value, ports: &Value) -> (i64, Text) {
    let target = ["httpGet", "tcpSocket", "grpc"].into_iter().map(|field| &spec[field]).find(|target| !target.is_null());
    let target = target.unwrap_or(spec);
    let port = match &target["port"] {
        Value::Str(name) => {
            let named = ports.items().iter().find(|port| port["name"].str() == name.as_str());
            named.map_or_else(|| name.parse().unwrap_or(0), |port| port["containerPort"].int())
        }
        port => port.int(),
    };
    (port, spec["httpGet"]["path"].text())
}

/// Go's words for a connection that was refused.
fn refused(pod: &Pod, container: usize, probe: usize, node_ip: &Text) -> String {
    let container = &pod.containers[container];
    let spec = &container.probes[probe].spec;
    let (port, path) = target(spec, &container.spec["ports"]);
    let host = match (spec["httpGet"]["host"].text(), pod.host_network()) {
        (host, _) if !host.is_empty() => host,
        (_, true) => node_ip.clone(),
        (_, false) => pod.ip(),
    };
    let dial = format!("dial tcp {host}:{port}: {REFUSED}");
    if spec["httpGet"].is_null() {
        return dial;
    }
    let scheme = if spec["httpGet"]["scheme"].str() == "HTTPS" { "https" } else { "http" };
    let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
    format!("Get \"{scheme}://{host}:{port}{path}\": {dial}")
}

fn probe_number(container: usize, probe: usize, attempt: i64) -> u64 {
    (attempt as u64) << 16 | (container as u64) << 4 | probe as u64
}

const fn probe_parts(number: u64) -> (usize, usize, i64) {
    ((number >> 4 & 0xfff) as usize, (number & 0xf) as usize, (number >> 16) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_probes() {
        assert_eq!(probe_parts(probe_number(3, 2, 17)), (3, 2, 17));
        let probes = Probe::all(&value!({"livenessProbe": {"periodSeconds": 5}, "readinessProbe": {}}));
        assert_eq!(
            probes.iter().map(|probe| (probe.kind, probe.period().as_secs())).collect::<Vec<_>>(),
            [(Kind::Readiness, 10), (Kind::Liveness, 5),]
        );
    }
}

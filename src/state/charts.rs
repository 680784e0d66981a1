//! Figures over time, read from the trace: pods by phase, requests to the api-server by client, how long its answers take, and the cpu that
//! is requested on each node.

use orrery_sim::core::collections::PMap;

use orrery_sim::core::{Duration, EnvelopeId, Message, Part, Time, Trace, Verb};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::value::Text;

use crate::scene::model::{PodPhase, pod_requests};
use crate::scene::quantity;

/// Who asks the api-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// kubectl
    Kubectl,
    /// kube-scheduler
    Scheduler,
    /// kube-controller-manager with all controllers
    Controllers,
    /// kubelets
    Kubelets,
    /// kube-proxy and add-ons
    Others,
}

impl Client {
    /// All clients in the order of the legend.
    pub const ALL: [Self; 5] = [Self::Kubectl, Self::Scheduler, Self::Controllers, Self::Kubelets, Self::Others];

    /// Its name in the legend.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubectl => "kubectl",
            Self::Scheduler => "kube-scheduler",
            Self::Controllers => "kube-controller-manager",
            Self::Kubelets => "kubelets",
            Self::Others => "kube-proxy, kindnet, coredns",
        }
    }

    fn of(part: Part) -> Self {
        match part {
            Part::Shell => Self::Kubectl,
            Part::Scheduler => Self::Scheduler,
            Part::Controller(_) => Self::Controllers,
            Part::Kubelet => Self::Kubelets,
            _ => Self::Others,
        }
    }
}

/// A change of what is requested on a node.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadChange {
    /// When.
    pub at: Time,
    /// The node's name.
    pub node: Text,
    /// The cpu requested from then on, in percent of the node's allocatable cpu.
    pub percent: f64,
}

/// An answer of the api-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When the request was sent.
    pub at: Time,
    /// Whether it wrote something.
    pub write: bool,
    /// How long it took until the answer was back.
    pub took: Duration,
}

/// A change of the number of pods in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseChange {
    /// When.
    pub at: Time,
    /// The numbers from then on, in the order of [`PodPhase::ALL`].
    pub counts: [u32; 7],
}

/// What counts of a pod: its phase, its node, and the cpu that it requests there, in thousandths.
#[derive(Clone, Debug)]
struct Pod {
    phase: PodPhase,
    node: Text,
    cpu: i64,
}

/// A write that etcd has not acknowledged yet.
#[derive(Clone, Debug)]
enum Write {
    Pod(Text, Option<Pod>),
    /// Name and allocatable cpu.
    Node(Text, i64),
}

/// Series that follow the trace.
#[derive(Clone, Debug, Default)]
pub struct Series {
    next: usize,
    /// How many of the clusters that were deleted have been forgotten.
    ended: usize,
    /// Pods by phase, one entry a change, in the order of time.
    pub phases: Vec<PhaseChange>,
    /// Requests: when and by whom, in the order of envelopes.
    pub requests: Vec<(Time, Client)>,
    /// Answers to requests that are no watches, in the order of envelopes.
    pub answers: Vec<Answer>,
    /// What is requested on the nodes, one entry a change, in the order of time.
    pub loads: Vec<LoadChange>,
    pods: PMap<Text, Pod>,
    /// Allocatable and requested cpu of each node, in thousandths.
    nodes: PMap<Text, (i64, i64)>,
    writes: PMap<EnvelopeId, Write>,
    asked: PMap<EnvelopeId, (Time, bool)>,
}

impl Series {
    /// Takes what the trace has gained. After a fork, begin with a new one.
    pub fn follow(&mut self, trace: &Trace) {
        let ends = trace.gauges().ends();
        for envelope in &trace.envelopes()[self.next.min(trace.envelopes().len())..] {
            self.end(ends, envelope.sent_at);
            match &envelope.message {
                // What passes a load balancer counts when it comes there, for its sender.
                Message::Request(_) if envelope.from.part == Part::LoadBalancer => {}
                Message::Request(request) if matches!(envelope.to.part, Part::ApiServer | Part::LoadBalancer) => {
                    self.requests.push((envelope.sent_at, Client::of(envelope.from.part)));
                    if request.verb != Verb::Watch {
                        let write = !matches!(request.verb, Verb::Get | Verb::List);
                        self.asked.insert(envelope.id, (envelope.sent_at, write));
                    }
                }
                Message::Response(response) => {
                    if let Some((at, write)) = self.asked.remove(&response.to) {
                        self.answers.push(Answer { at, write, took: envelope.due_at.since(at) });
                    }
                }
                Message::Failure(failure) => {
                    self.asked.remove(&failure.to);
                }
                Message::EtcdRequest(request) => match &**request {
                    EtcdRequest::Put { key, value, .. } if key.starts_with("/registry/pods/") => {
                        let (phase, cpu) = (PodPhase::of(value), pod_requests(value, "cpu"));
                        let pod = Pod { phase, node: value["spec"]["nodeName"].text(), cpu };
                        self.writes.insert(envelope.id, Write::Pod(key.clone(), Some(pod)));
                    }
                    EtcdRequest::Delete { key, .. } if key.starts_with("/registry/pods/") => {
                        self.writes.insert(envelope.id, Write::Pod(key.clone(), None));
                    }
                    EtcdRequest::Put { key, value, .. } if key.starts_with("/registry/minions/") => {
                        let cpu = quantity::milli_of(&value["status"]["allocatable"]["cpu"]);
                        self.writes.insert(envelope.id, Write::Node(value["metadata"]["name"].text(), cpu));
                    }
                    _ => {}
                },
                Message::EtcdResponse(response) => match self.writes.remove(&response.to).filter(|_| response.succeeded) {
                    Some(Write::Pod(key, pod)) => {
                        let before = match &pod {
                            Some(pod) => self.pods.insert(key, pod.clone()),
                            None => self.pods.remove(&key),
                        };
                        self.load(envelope.sent_at, before.as_ref(), -1);
                        self.load(envelope.sent_at, pod.as_ref(), 1);
                        self.change(envelope.sent_at, before.map(|pod| pod.phase), pod.map(|pod| pod.phase));
                    }
                    Some(Write::Node(name, cpu)) => self.nodes.entry(name).or_default().0 = cpu,
                    None => {}
                },
                _ => {}
            }
        }
        self.end(ends, Time(u64::MAX));
        self.next = trace.envelopes().len();
    }

    /// With a cluster that was deleted until `t` its pods and nodes are gone.
    fn end(&mut self, ends: &[Time], t: Time) {
        while let Some(at) = ends.get(self.ended).filter(|at| **at <= t) {
            self.ended += 1;
            self.loads.extend(self.nodes.keys().map(|node| LoadChange { at: *at, node: node.clone(), percent: 0.0 }));
            if !self.pods.is_empty() {
                self.phases.push(PhaseChange { at: *at, counts: [0; 7] });
            }
            (self.pods, self.nodes, self.writes) = (PMap::new(), PMap::new(), PMap::new());
        }
    }

    /// A pod comes to its node or leaves it.
    fn load(&mut self, at: Time, pod: Option<&Pod>, sign: i64) {
        let Some(pod) = pod.filter(|pod| !pod.node.is_empty() && pod.cpu > 0) else { return };
        let (allocatable, requested) = self.nodes.entry(pod.node.clone()).or_default();
        *requested += sign * pod.cpu;
        let percent = if *allocatable > 0 { *requested as f64 * 100.0 / *allocatable as f64 } else { 0.0 };
        let last = self.loads.last_mut().filter(|last| last.at == at && last.node == pod.node);
        match last {
            Some(last) => last.percent = percent,
            None => self.loads.push(LoadChange { at, node: pod.node.clone(), percent }),
        }
    }

    /// How long reads and writes took that were sent within each of `bins` equal parts of a stretch of time, in milliseconds, on average;
    /// (start of the bin in seconds, reads, writes), `None` where nothing was sent.
    pub fn latencies(&self, from: Time, to: Time, bins: usize) -> Vec<(f64, [Option<f64>; 2])> {
        let width = (to.since(from).0 / bins.max(1) as u64).max(1);
        let mut sums = vec![[(0_u64, 0_u64); 2]; bins];
        for answer in self.answers.iter().filter(|answer| answer.at >= from && answer.at < to) {
            if let Some(bin) = sums.get_mut((answer.at.since(from).0 / width) as usize) {
                let (sum, count) = &mut bin[usize::from(answer.write)];
                (*sum, *count) = (*sum + answer.took.0, *count + 1);
            }
        }
        let mean = |(sum, count): (u64, u64)| (count > 0).then(|| sum as f64 / count as f64 / 1e3);
        sums.into_iter().enumerate().map(|(bin, of)| ((from.0 + bin as u64 * width) as f64 / 1e6, of.map(mean))).collect()
    }

    fn change(&mut self, at: Time, before: Option<PodPhase>, after: Option<PodPhase>) {
        let mut counts = self.phases.last().map_or([0; 7], |last| last.counts);
        let position = |phase: PodPhase| PodPhase::ALL.iter().position(|have| *have == phase).unwrap_or_default();
        if let Some(phase) = before {
            counts[position(phase)] -= 1;
        }
        if let Some(phase) = after {
            counts[position(phase)] += 1;
        }
        match self.phases.last_mut() {
            Some(last) if last.counts == counts => {}
            Some(last) if last.at >= at => last.counts = counts,
            _ => self.phases.push(PhaseChange { at, counts }),
        }
    }

    /// Requests a second by client in `bins` equal parts of a stretch of time; (start of the bin in seconds, by client).
    pub fn rates(&self, from: Time, to: Time, bins: usize) -> Vec<(f64, [f64; 5])> {
        let width = (to.since(from).0 / bins.max(1) as u64).max(1);
        let mut out: Vec<(f64, [f64; 5])> = (0..bins as u64).map(|bin| ((from.0 + bin * width) as f64 / 1e6, [0.0; 5])).collect();
        for (at, client) in &self.requests {
            if *at < from || *at >= to {
                continue;
            }
            let bin = (at.since(from).0 / width) as usize;
            let position = Client::ALL.iter().position(|have| have == client).unwrap_or_default();
            if let Some((_, rates)) = out.get_mut(bin) {
                rates[position] += 1e6 / width as f64;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::session::Session;

    #[test]
    fn pods_of_a_deleted_cluster_are_not_counted() {
        let mut session = Session::new(1);
        let counted = |session: &Session| {
            let mut series = Series::default();
            series.follow(session.trace());
            series.phases.last().map(|last| last.counts.iter().sum::<u32>())
        };
        let run = |session: &mut Session, line: &str| {
            let command = session.run(line);
            session.finish(command, Duration::s(600));
            session.settle(Duration::s(60));
        };
        run(&mut session, "kind create cluster");
        let pods = counted(&session);
        assert!(pods > Some(5), "{pods:?}");
        // Looked at again and again it is the same as at once.
        let mut series = Series::default();
        series.follow(session.trace());
        run(&mut session, "kind delete cluster");
        assert_eq!(counted(&session), Some(0));
        series.follow(session.trace());
        run(&mut session, "kind create cluster");
        assert_eq!(counted(&session), pods);
        series.follow(session.trace());
        assert_eq!(series.phases.last().map(|last| last.counts.iter().sum()), pods);
        assert!(series.phases.is_sorted_by_key(|change| change.at));
    }
}

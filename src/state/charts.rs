//! Figures over time, read from the trace: pods by phase, requests to the api-server by client.

use orrery_sim::core::collections::PMap;

use orrery_sim::core::{EnvelopeId, Message, Part, Time, Trace};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::value::Text;

use crate::scene::model::PodPhase;

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

/// A change of the number of pods in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseChange {
    /// When.
    pub at: Time,
    /// The numbers from then on, in the order of [`PodPhase::ALL`].
    pub counts: [u32; 7],
}

/// Series that follow the trace.
#[derive(Clone, Debug, Default)]
pub struct Series {
    next: usize,
    /// Pods by phase, one entry a change, in the order of time.
    pub phases: Vec<PhaseChange>,
    /// Requests: when and by whom, in the order of envelopes.
    pub requests: Vec<(Time, Client)>,
    pods: PMap<Text, PodPhase>,
    writes: PMap<EnvelopeId, (Text, Option<PodPhase>)>,
}

impl Series {
    /// Takes what the trace has gained. After a fork, begin with a new one.
    pub fn follow(&mut self, trace: &Trace) {
        for envelope in &trace.envelopes()[self.next.min(trace.envelopes().len())..] {
            match &envelope.message {
                // What passes a load balancer counts when it comes there, for its sender.
                Message::Request(_) if envelope.from.part == Part::LoadBalancer => {}
                Message::Request(_) if matches!(envelope.to.part, Part::ApiServer | Part::LoadBalancer) => {
                    self.requests.push((envelope.sent_at, Client::of(envelope.from.part)));
                }
                Message::EtcdRequest(request) => match &**request {
                    EtcdRequest::Put { key, value, .. } if key.starts_with("/registry/pods/") => {
                        self.writes.insert(envelope.id, (key.clone(), Some(PodPhase::of(value))));
                    }
                    EtcdRequest::Delete { key, .. } if key.starts_with("/registry/pods/") => {
                        self.writes.insert(envelope.id, (key.clone(), None));
                    }
                    _ => {}
                },
                Message::EtcdResponse(response) => {
                    if let Some((key, phase)) = self.writes.remove(&response.to)
                        && response.succeeded
                    {
                        let before = match phase {
                            Some(phase) => self.pods.insert(key, phase),
                            None => self.pods.remove(&key),
                        };
                        self.change(envelope.sent_at, before, phase);
                    }
                }
                _ => {}
            }
        }
        self.next = trace.envelopes().len();
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

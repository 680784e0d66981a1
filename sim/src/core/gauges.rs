//! What of components can be counted while they work: how much waits in their queues, how far they are in Raft's log. The trace keeps every change.

use std::collections::BTreeMap;

use super::{Addr, Component, Controller, Part, Time};

/// A quantity of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// Keys in one of a controller's work queues, and those that are worked on.
    Work(Controller),
    /// Pods that the scheduler has next in line.
    Active,
    /// Pods whose back-off has not ended.
    Backoff,
    /// Pods that wait for an event.
    Unschedulable,
    /// Pods that may not be queued yet.
    Gated,
    /// Raft's term.
    Term,
    /// The last entry of an etcd member's log that it knows to be on a majority.
    Committed,
    /// The last entry of an etcd member's log.
    Logged,
}

impl Gauge {
    /// Whether it ends with its program; an etcd member's log stays on its disk.
    pub(super) const fn is_queue(self) -> bool {
        !matches!(self, Self::Term | Self::Committed | Self::Logged)
    }
}

/// A change of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaugeChange {
    /// When.
    pub at: Time,
    /// Its place in [`Gauges::series`].
    pub series: u16,
    /// What it is from then on.
    pub value: u32,
}

/// Quantities over time.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    series: Vec<(Addr, Gauge)>,
    changes: Vec<GaugeChange>,
    last: BTreeMap<Addr, Known>,
    /// When the last log of etcd was lost.
    ends: Vec<Time>,
}

/// The quantities of a program that has any.
#[derive(Clone, Debug)]
struct Known {
    /// When it was first asked.
    since: Time,
    /// The place of its first one.
    first: usize,
    /// What they are.
    values: Vec<u32>,
}

impl Gauges {
    /// Whose quantity each of them is, and which.
    pub fn series(&self) -> &[(Addr, Gauge)] {
        &self.series
    }

    /// The changes in the order of the simulation. A quantity is 0 before the first one.
    pub fn changes(&self) -> &[GaugeChange] {
        &self.changes
    }

    /// When the last log of etcd was lost with its machine or its disk: a cluster was deleted.
    pub fn ends(&self) -> &[Time] {
        &self.ends
    }

    /// Takes what has changed when a program has handled an event.
    pub(super) fn take(&mut self, at: Time, addr: Addr, program: &dyn Component) {
        if !matches!(addr.part, Part::Scheduler | Part::Controller(_) | Part::Etcd) {
            return;
        }
        let new = || Known { since: at, first: self.series.len(), values: Vec::new() };
        let Known { first, values: last, .. } = self.last.entry(addr).or_insert_with(new);
        let (series, changes, mut index) = (&mut self.series, &mut self.changes, 0);
        program.gauges(&mut |gauge, value| {
            let value = u32::try_from(value).unwrap_or(u32::MAX);
            if last.len() == index {
                series.push((addr, gauge));
                last.push(0);
            }
            if last[index] != value {
                last[index] = value;
                changes.push(GaugeChange { at, series: (*first + index) as u16, value });
            }
            index += 1;
        });
    }

    /// Quantities that are not there any more are 0.
    pub(super) fn end(&mut self, at: Time, are: &dyn Fn(Addr, Gauge) -> bool) {
        let (mut lost, mut left) = (false, false);
        for (addr, known) in &mut self.last {
            for (index, value) in known.values.iter_mut().enumerate().filter(|(_, value)| **value > 0) {
                let gauge = self.series[known.first + index].1;
                let ends = are(*addr, gauge);
                if ends {
                    *value = 0;
                    self.changes.push(GaugeChange { at, series: (known.first + index) as u16, value: 0 });
                }
                if gauge == Gauge::Logged {
                    (lost, left) = (lost || ends, left || !ends);
                }
            }
        }
        if lost && !left {
            self.ends.push(at);
        }
    }

    /// Forgets what was after `t`, programs that began then among it.
    pub(super) fn truncate(&mut self, t: Time) {
        self.changes.truncate(self.changes.partition_point(|change| change.at <= t));
        self.ends.retain(|end| *end <= t);
        // Those that began later stand behind the others.
        let later = self.last.values().filter(|known| known.since > t).map(|known| known.first).min();
        self.series.truncate(later.unwrap_or(self.series.len()));
        self.last.retain(|_, known| known.since <= t);
        self.last.values_mut().for_each(|known| known.values.fill(0));
        for change in &self.changes {
            let (addr, _) = self.series[change.series as usize];
            let known = self.last.get_mut(&addr).expect("every series has its program");
            known.values[change.series as usize - known.first] = change.value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Duration;
    use crate::session::Session;

    /// What a gauge of any program is at `t`, the largest one.
    fn at(session: &Session, gauge: Gauge, t: Time) -> u32 {
        let gauges = session.trace().gauges();
        let mut values = vec![0; gauges.series().len()];
        for change in gauges.changes().iter().take_while(|change| change.at <= t) {
            values[change.series as usize] = change.value;
        }
        values.iter().zip(gauges.series()).filter(|(_, (_, have))| *have == gauge).map(|(value, _)| *value).max().unwrap_or(0)
    }

    fn highest(session: &Session, gauge: Gauge, from: Time) -> u32 {
        let gauges = session.trace().gauges();
        let of = |change: &&GaugeChange| change.at >= from && gauges.series()[change.series as usize].1 == gauge;
        gauges.changes().iter().filter(of).map(|change| change.value).max().unwrap_or(0)
    }

    #[test]
    fn queues_fill_and_empty_and_pods_without_a_place_wait() {
        let mut session = Session::new(7);
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let begin = session.live_end();
        session.run("kubectl create deployment web --image=nginx --replicas=5 && kubectl run odd --image=nginx --overrides='{\"spec\":{\"nodeName\":null,\"nodeSelector\":{\"disk\":\"ssd\"}}}'");
        session.settle(Duration::s(120));
        for gauge in [Gauge::Work(Controller::Deployment), Gauge::Work(Controller::ReplicaSet), Gauge::Active] {
            assert!(highest(&session, gauge, begin) > 0, "{gauge:?}");
            assert_eq!(at(&session, gauge, session.live_end()), 0, "{gauge:?}");
        }
        assert_eq!(at(&session, Gauge::Unschedulable, session.live_end()), 1);
        assert!(at(&session, Gauge::Committed, session.live_end()) > at(&session, Gauge::Committed, begin));
    }

    #[test]
    fn what_is_deleted_with_its_cluster_counts_no_more() {
        let mut session = Session::new(7);
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let (first, begin) = (at(&session, Gauge::Logged, session.live_end()), session.live_end());
        // A program that only ends keeps its log.
        session.run("docker stop kind-control-plane && docker start kind-control-plane");
        session.settle(Duration::s(600));
        assert!(at(&session, Gauge::Logged, session.live_end()) > first && session.trace().gauges().ends().is_empty());
        let whole = session.live_end();
        session.run("docker exec kind-control-plane kubeadm reset -f");
        session.settle(Duration::s(600));
        assert_eq!(session.trace().gauges().ends().len(), 1, "etcd's log was removed from the disk");
        session.seek(whole);
        session.run("kind delete cluster");
        session.settle(Duration::s(600));
        let [end] = session.trace().gauges().ends()[..] else { panic!("one cluster was deleted") };
        assert!(end > begin && session.trace().gauges().series().iter().all(|(_, gauge)| at(&session, *gauge, end) == 0));
    }

    #[test]
    fn a_fork_forgets_what_came_after_it_and_the_same_future_gives_the_same_changes() {
        let mut session = Session::new(7);
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let begin = session.live_end();
        let programs = session.trace().gauges().series().len();
        session.run("kubectl create deployment web --image=nginx --replicas=2");
        session.run("kind create cluster --name other");
        session.settle(Duration::s(60));
        let all = session.trace().gauges().changes().to_vec();
        assert!(session.trace().gauges().series().len() > programs);
        session.seek(Time(begin.0 - 1));
        session.run("true");
        let rest = session.trace().gauges().changes();
        assert!(rest.len() < all.len() && all.starts_with(rest), "{} {}", rest.len(), all.len());
        let recording = session.recording().clone();
        session.settle(Duration::s(60));
        let end = session.live_end();
        let mut again = Session::replay(&recording);
        again.seek(end);
        assert_eq!(session.trace().gauges().changes(), again.trace().gauges().changes());
        assert_eq!(session.trace().gauges().series(), again.trace().gauges().series());
        assert_eq!(session.trace().gauges().series().len(), programs, "those of the other cluster are forgotten");
    }
}

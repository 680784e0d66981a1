//! The scheduler's decisions as far as the simulation has gone, so that the stage can show one while the playhead passes it. Like the
//! messages on the stage they are functions of the moment: a decision lies between the moment at which the scheduler turned to the
//! pod and the arrival of what it then sends.

use std::collections::BTreeMap;
use std::rc::Rc;

use orrery_sim::core::{Addr, Cluster, Message, Part, Time, Trace};
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::scheduler::decision::Decision;

/// Decisions about more nodes than this are not kept all together; the oldest are forgotten first.
const MAX_WEIGHT: usize = 400_000;
/// What the scheduler does about a decision is sent within this time.
const SENT_WITHIN_US: u64 = 5_000;
/// A cycle takes a millisecond; one that seems to take longer than this ended with its scheduler.
const CYCLE_MOST_US: u64 = 50_000;

/// Decisions in the order of their beginnings.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    list: Vec<Rc<Decision>>,
    weight: usize,
    /// How many of each scheduler's decisions have been taken.
    taken: BTreeMap<Addr, u64>,
}

/// A decision on the stage.
#[derive(Clone, Debug)]
pub struct Current {
    /// The decision.
    pub decision: Rc<Decision>,
    /// How far the scheduler has come, from 0 to 1.
    pub share: f64,
}

impl Decided {
    /// Takes what the schedulers have decided since the last time: the new ones, in the order of their beginnings.
    pub fn follow(&mut self, live: &Cluster) -> Vec<Rc<Decision>> {
        let mut new: Vec<Rc<Decision>> = Vec::new();
        for (addr, scheduler) in live.parts::<KubeScheduler>(Part::Scheduler) {
            let log = scheduler.decisions();
            let taken = self.taken.entry(addr).or_default();
            // A scheduler that was started again counts from the beginning.
            let from = if *taken > log.count() { 0 } else { *taken };
            *taken = log.count();
            let last = self.list.last().map_or(Time::ZERO, |decision| decision.at);
            new.extend(log.since(from).filter(|decision| decision.at > last || self.list.is_empty()).cloned());
        }
        new.sort_by_key(|decision| decision.began);
        self.weight += new.iter().map(|decision| decision.weight()).sum::<usize>();
        self.list.extend(new.iter().cloned());
        let mut forgotten = 0;
        while self.weight > MAX_WEIGHT && forgotten + 1 < self.list.len() {
            self.weight -= self.list[forgotten].weight();
            forgotten += 1;
        }
        self.list.drain(..forgotten);
        new
    }

    /// Forgets what was decided after `end`, and looks through what the schedulers remember again.
    pub fn truncate(&mut self, end: Time) {
        self.list.retain(|decision| decision.at <= end);
        self.weight = self.list.iter().map(|decision| decision.weight()).sum();
        self.taken.clear();
    }

    /// All of them.
    pub fn list(&self) -> &[Rc<Decision>] {
        &self.list
    }

    /// Until when the stage can be drawn: a decision that is being made at the live end is not known yet.
    pub fn known_until(live: &Cluster, live_end: Time) -> Time {
        let pending = live.parts::<KubeScheduler>(Part::Scheduler).filter_map(|(_, scheduler)| scheduler.cycle_began());
        let recent = pending.filter(|began| began.0 + CYCLE_MOST_US > live_end.0);
        recent.min().map_or(live_end, |began| began.min(live_end))
    }

    /// The decision that is being made at `t`, or that was made and has not been acted upon yet.
    pub fn at(&self, t: f64, trace: &Trace) -> Option<Current> {
        let after = self.list.partition_point(|decision| decision.began.0 as f64 <= t);
        let decision = self.list[..after].last()?;
        if t > (decision.at.0 + 2 * SENT_WITHIN_US) as f64 || t >= acted(decision, trace).0 as f64 {
            return None;
        }
        let (from, to) = (decision.began.0 as f64, decision.at.0.max(decision.began.0 + 1) as f64);
        Some(Current { decision: Rc::clone(decision), share: ((t - from) / (to - from)).clamp(0.0, 1.0) })
    }

    /// The first decision that begins in `(from, to]` and that an audience can be asked about: several nodes, one of which may be
    /// the right one.
    pub fn question_between(&self, from: f64, to: f64) -> Option<&Rc<Decision>> {
        let first = self.list.partition_point(|decision| decision.began.0 as f64 <= from);
        let in_time = self.list[first..].iter().take_while(|decision| decision.began.0 as f64 <= to);
        in_time.into_iter().find(|decision| {
            let all = decision.excluded.as_ref().is_none_or(|(_, others, _)| *others == 0);
            decision.names.len() > 1 && decision.pre_filter.is_none() && all
        })
    }
}

/// When the first message arrives by which the scheduler acts upon a decision.
fn acted(decision: &Decision, trace: &Trace) -> Time {
    let name = decision.pod.split('/').nth(1).unwrap_or_default();
    let sent = trace.sent_between(decision.at, Time(decision.at.0 + SENT_WITHIN_US));
    let mut own = sent.filter(|envelope| envelope.from.part == Part::Scheduler);
    let about_pod = |message: &Message| matches!(message, Message::Request(request) if request.name == *name);
    let first = own.find(|envelope| about_pod(&envelope.message));
    first.map_or(Time(decision.at.0 + 1), |envelope| envelope.due_at)
}

//! The decisions that are kept for explaining: the last attempts of each pod, as long as there is room.

use std::collections::VecDeque;
use std::rc::Rc;

use super::decision::Decision;
use crate::core::collections::PMap;
use crate::value::Text;

/// How many attempts are kept of one pod.
const ATTEMPTS: usize = 10;
/// How many nodes all kept decisions may speak of. Older ones are forgotten; going back in time brings them back.
const MAX_WEIGHT: usize = 200_000;

#[derive(Clone, Debug, Default)]
struct Attempts {
    kept: Vec<Rc<Decision>>,
    /// How many older ones were dropped that still stand in the order.
    dropped: usize,
}

/// Decisions by pod.
#[derive(Clone, Debug, Default)]
pub struct DecisionLog {
    by_pod: PMap<Text, Attempts>,
    /// In the order in which they came in.
    order: VecDeque<Rc<Decision>>,
    weight: usize,
    /// How many there have been.
    count: u64,
}

impl DecisionLog {
    /// The attempts of a pod (`namespace/name`), oldest first.
    pub fn of(&self, pod: &str) -> &[Rc<Decision>] {
        self.by_pod.get(pod).map_or(&[], |attempts| attempts.kept.as_slice())
    }

    /// All pods of which decisions are kept.
    pub fn pods(&self) -> impl Iterator<Item = &Text> {
        self.by_pod.keys()
    }

    /// How many decisions there have been, forgotten ones too.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The decisions after the first `count`, oldest first, as far as they are kept.
    pub fn since(&self, count: u64) -> impl Iterator<Item = &Rc<Decision>> {
        let forgotten = self.count - self.order.len() as u64;
        self.order.iter().skip(count.saturating_sub(forgotten) as usize)
    }

    /// Keeps a decision.
    pub fn push(&mut self, decision: Decision) {
        let decision = Rc::new(decision);
        let key = decision.pod.clone();
        let mut attempts = self.by_pod.remove(&key).unwrap_or_default();
        attempts.kept.push(Rc::clone(&decision));
        if attempts.kept.len() > ATTEMPTS {
            attempts.kept.remove(0);
            attempts.dropped += 1;
        }
        self.by_pod.insert(key, attempts);
        self.weight += decision.weight();
        self.order.push_back(decision);
        self.count += 1;
        while self.weight > MAX_WEIGHT && self.order.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(decision) = self.order.pop_front() else { return };
        let key = decision.pod.clone();
        self.weight -= decision.weight();
        let Some(attempts) = self.by_pod.get_mut(&key) else { return };
        if attempts.dropped > 0 {
            attempts.dropped -= 1;
        } else if attempts.kept.len() > 1 {
            attempts.kept.remove(0);
        } else {
            self.by_pod.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{PodInfo, Profile, Snapshot, schedule_once};
    use crate::value;

    #[test]
    fn the_last_attempts_are_kept() {
        let pod = PodInfo::new(&value!({"metadata": {"name": "p", "namespace": "default"}}));
        let mut log = DecisionLog::default();
        for attempt in 1..=12 {
            let decision = schedule_once(&Snapshot::new(), &pod, &Profile::default(), 1);
            log.push(Decision { attempt, ..decision });
        }
        let attempts: Vec<u32> = log.of("default/p").iter().map(|decision| decision.attempt).collect();
        assert_eq!(attempts, (3..=12).collect::<Vec<_>>());
        let since = |count: u64| log.since(count).map(|decision| decision.attempt).collect::<Vec<_>>();
        assert_eq!((log.count(), since(10), since(99)), (12, vec![11, 12], vec![]));
        for _ in 0..11 {
            log.forget_oldest();
        }
        assert_eq!(log.of("default/p").len(), 1);
        log.forget_oldest();
        assert!(log.of("default/p").is_empty());
    }
}

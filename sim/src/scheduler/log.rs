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
    /// Keys in the order in which decisions came in, with their weights.
    order: VecDeque<(Text, usize)>,
    weight: usize,
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

    /// Keeps a decision.
    pub fn push(&mut self, decision: Decision) {
        let (key, weight) = (decision.pod.clone(), decision.weight());
        let mut attempts = self.by_pod.remove(&key).unwrap_or_default();
        attempts.kept.push(Rc::new(decision));
        if attempts.kept.len() > ATTEMPTS {
            attempts.kept.remove(0);
            attempts.dropped += 1;
        }
        self.by_pod.insert(key.clone(), attempts);
        self.order.push_back((key, weight));
        self.weight += weight;
        while self.weight > MAX_WEIGHT && self.order.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((key, weight)) = self.order.pop_front() else { return };
        self.weight -= weight;
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
        for _ in 0..11 {
            log.forget_oldest();
        }
        assert_eq!(log.of("default/p").len(), 1);
        log.forget_oldest();
        assert!(log.of("default/p").is_empty());
    }
}

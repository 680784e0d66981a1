//! Pods that a controller has asked for, or asked to go, and has not yet seen come or go (controller_utils.go's expectations).
//! While there are any, the caches are behind and the controller does not count its pods.

use crate::core::collections::{PMap, PSet};
use crate::core::{Duration, Time};
use crate::value::Text;

/// After this time expectations are given up: some event was missed.
const EXPIRY: Duration = Duration::s(300);

/// Whose expectations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ledger {
    /// replicaset-controller
    ReplicaSet,
    /// daemon-set-controller
    DaemonSet,
}

#[derive(Clone, Debug)]
struct Expected {
    creations: i64,
    deletions: PSet<Text>,
    since: Time,
}

/// The expectations of a controller, by the key of what it controls.
#[derive(Clone, Debug, Default)]
pub(super) struct Expectations {
    by_key: PMap<Text, Expected>,
}

impl Expectations {
    /// Whether nothing is expected, or it has been for too long.
    pub(super) fn satisfied(&self, key: &str, now: Time) -> bool {
        self.by_key.get(key).is_none_or(|expected| {
            (expected.creations <= 0 && expected.deletions.is_empty()) || now.since(expected.since) > EXPIRY
        })
    }

    /// Expects so many creations and these deletions, and nothing else.
    pub(super) fn expect(&mut self, key: &Text, creations: usize, deletions: Vec<Text>, now: Time) {
        let expected = Expected { creations: creations as i64, deletions: deletions.into_iter().collect(), since: now };
        self.by_key.insert(key.clone(), expected);
    }

    /// A creation was seen, or failed.
    pub(super) fn creations_observed(&mut self, key: &str, count: usize) {
        if let Some(expected) = self.by_key.get_mut(key) {
            expected.creations -= count as i64;
        }
    }

    /// A deletion was seen, or failed.
    pub(super) fn deletion_observed(&mut self, key: &str, pod: &str) {
        if let Some(expected) = self.by_key.get_mut(key) {
            expected.deletions.remove(pod);
        }
    }

    /// Forgets a key.
    pub(super) fn forget(&mut self, key: &str) {
        self.by_key.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_met_one_by_one_or_expire() {
        let mut expectations = Expectations::default();
        let key = Text::from("default/web");
        assert!(expectations.satisfied(&key, Time::ZERO));
        expectations.expect(&key, 2, Vec::new(), Time::ZERO);
        expectations.creations_observed(&key, 1);
        assert!(!expectations.satisfied(&key, Time::ZERO));
        assert!(expectations.satisfied(&key, Time::ZERO + Duration::s(301)));
        expectations.creations_observed(&key, 1);
        assert!(expectations.satisfied(&key, Time::ZERO));

        expectations.expect(&key, 0, vec!["default/a".into(), "default/b".into()], Time(1));
        // Seeing the same deletion twice does not count twice.
        expectations.deletion_observed(&key, "default/a");
        expectations.deletion_observed(&key, "default/a");
        assert!(!expectations.satisfied(&key, Time(1)));
        expectations.deletion_observed(&key, "default/b");
        assert!(expectations.satisfied(&key, Time(1)));
    }
}

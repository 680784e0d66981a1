//! The rate limit of a client (client-go's `util/flowcontrol`: `--kube-api-qps` and `--kube-api-burst`).

use crate::core::{Duration, Time};

/// A token bucket: so many requests at once, then a steady rate.
#[derive(Clone, Debug)]
pub struct Throttle {
    interval: Duration,
    burst: u64,
    /// When the bucket will be, or was, full.
    full_at: Time,
}

impl Throttle {
    /// `qps` requests a second after a burst of `burst`.
    pub fn new(qps: u64, burst: u64) -> Self {
        assert!(qps > 0 && burst > 0, "a rate limit lets something through");
        Self { interval: Duration(1_000_000 / qps), burst, full_at: Time::ZERO }
    }

    /// Reserves a token: how long to wait for it.
    pub fn reserve(&mut self, now: Time) -> Duration {
        self.full_at = self.full_at.max(now) + self.interval;
        let capacity = Duration(self.interval.0 * self.burst);
        Duration(self.full_at.since(now).0.saturating_sub(capacity.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_is_spaced() {
        let mut throttle = Throttle::new(20, 3);
        let waits: Vec<u64> = (0..5).map(|_| throttle.reserve(Time::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 50, 100]);
        assert_eq!(throttle.reserve(Time(10_000_000)), Duration::ZERO);
    }
}

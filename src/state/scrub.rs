//! The scale of the scrubber: the audience's time, so that skipped stretches are narrow; what lies behind the last message
//! is pressed together, so that an idle cluster does not push everything to the left.

use crate::lens::Lens;

/// The longest that idle time becomes, in seconds of the scale.
const IDLE_MOST_S: f64 = 4.0;
/// Idle time that becomes half of that.
const IDLE_HALF_S: f64 = 20.0;

/// A scale from one moment to another.
#[derive(Clone, Copy, Debug)]
pub struct Scale<'a> {
    lens: &'a Lens,
    from: f64,
    length: f64,
}

impl<'a> Scale<'a> {
    /// The scale between two moments in simulated microseconds.
    pub fn new(lens: &'a Lens, from: f64, to: f64) -> Self {
        let mut scale = Self { lens, from: 0.0, length: 1.0 };
        scale.from = scale.seconds(from);
        scale.length = (scale.seconds(to) - scale.from).max(1e-6);
        scale
    }

    fn seconds(&self, t: f64) -> f64 {
        let end = self.lens.end() as f64;
        if t <= end {
            return self.lens.audience(t);
        }
        let idle = (t - end) / 1e6;
        self.lens.audience(end) + IDLE_MOST_S * idle / (idle + IDLE_HALF_S)
    }

    /// Where a moment lies, from 0 to 1.
    pub fn share(&self, t: f64) -> f64 {
        ((self.seconds(t) - self.from) / self.length).clamp(0.0, 1.0)
    }

    /// The moment at a place: the inverse of [`Scale::share`].
    pub fn moment(&self, share: f64) -> f64 {
        let seconds = self.from + share.clamp(0.0, 1.0) * self.length;
        let end = self.lens.end() as f64;
        let over = seconds - self.lens.audience(end);
        if over <= 0.0 {
            return self.lens.simulated(seconds).max(0.0);
        }
        let idle = IDLE_HALF_S * over / (IDLE_MOST_S - over).max(1e-3);
        end + idle * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::{PILL_S, Span};

    #[test]
    fn places_and_moments_are_inverse() {
        let span = |sent| Span { sent, due: sent + 300, seconds: PILL_S, begins: false };
        let lens = Lens::new(vec![span(1_000_000), span(1_000_200), span(300_000_000)]);
        let scale = Scale::new(&lens, 0.0, 400_000_000.0);
        for step in 0..=50 {
            let share = f64::from(step) / 50.0;
            assert!((scale.share(scale.moment(share)) - share).abs() < 1e-6, "{share}");
        }
        // An idle hour does not push the messages out of sight.
        let scale = Scale::new(&lens, 1_000_000.0, 3_900_000_000.0);
        assert!(scale.share(300_000_300.0) > 0.3);
    }
}

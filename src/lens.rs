//! The time lens: how simulated time passes for the audience.
//!
//! Messages of a cluster take a few hundred microseconds, minutes pass between them. At message pace the lens gives
//! every visible message about [`PILL_S`] seconds on its wire, however short it was; messages of the same moment
//! travel together; stretches in which nothing visible travels shrink, and long ones are skipped with a notice. Busy
//! moments go faster, so that no scene takes minutes.
//!
//! A lens is a monotone piecewise linear map between simulated time (microseconds) and the audience's time (seconds).
//! It only decides how fast the playhead moves: the picture is a function of the simulated time alone.
//!
//! Two words: a *burst* is a stretch in which messages follow each other with hardly a gap; a *scene* is a sequence
//! of bursts with less than [`SCENE_GAP_US`] between them that follows a command, or what happens by itself.

use orrery_sim::core::collections::PMap;
use orrery_sim::core::collections::sort::Sort as _;

/// Audience time of a message with a label, in seconds.
pub const PILL_S: f64 = 0.7;
/// Audience time of a message that is a small dot.
pub const DOT_S: f64 = 0.3;
/// Longer gaps end a burst.
const BURST_GAP_US: u64 = 20_000;
/// Longer gaps end a scene.
pub const SCENE_GAP_US: u64 = 10_000_000;
/// Longer gaps are skipped with a notice.
pub const SKIP_US: u64 = 1_000_000;
/// Audience time of a skipped stretch.
const SKIP_S: f64 = 0.9;
/// The longest audience time of a gap that is not skipped.
const GAP_S: f64 = 0.35;
/// A scene is slowed down fully up to this many seconds of audience time, then compressed up to [`SCENE_MOST_S`].
const SCENE_FREE_S: f64 = 18.0;
const SCENE_MOST_S: f64 = 39.0;

/// A visible message: when it was on its way, and how long it is to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// When it left, in microseconds.
    pub sent: u64,
    /// When it arrived; at least one microsecond later.
    pub due: u64,
    /// Its audience time in seconds.
    pub seconds: f64,
    /// Whether it is the first after a command of the user: a scene of its own begins.
    pub begins: bool,
}

/// A stretch that is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Its beginning in simulated microseconds.
    pub from: u64,
    /// Its end.
    pub to: u64,
}

/// A stretch in which messages follow each other closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Its beginning in simulated microseconds.
    pub from: u64,
    /// Its end: nothing is on its way any more.
    pub to: u64,
    /// The first of its spans.
    pub first: usize,
    /// One past the last of its spans.
    pub last: usize,
    /// Whether a scene begins with it whatever came before.
    pub begins: bool,
}

/// The map. Spans are appended in the order of `sent` as the simulation goes on.
#[derive(Clone, Debug, Default)]
pub struct Lens {
    spans: Vec<Span>,
    /// (simulated microseconds, audience seconds), strictly growing in both.
    knots: Vec<(u64, f64)>,
    bursts: Vec<Burst>,
    /// How many bursts are part of scenes that cannot change any more, and how many knots belong to them.
    settled: (usize, usize),
    dirty: bool,
}

impl Lens {
    /// A lens for these spans, in the order of `sent`.
    pub fn new(spans: Vec<Span>) -> Self {
        let mut lens = Self { spans, dirty: true, ..Self::default() };
        lens.update();
        lens
    }

    /// Appends a span, which must not begin before the last one; [`Lens::update`] makes it count.
    pub fn push(&mut self, span: Span) {
        debug_assert!(self.spans.last().is_none_or(|last| last.sent <= span.sent), "spans come in the order of sending");
        self.spans.push(span);
        self.dirty = true;
    }

    /// The spans.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The bursts.
    pub fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    /// The burst that is going on at `t`, if one is.
    pub fn burst_at(&self, t: f64) -> Option<Burst> {
        let after = self.bursts.partition_point(|burst| burst.from as f64 <= t);
        self.bursts[..after].last().copied().filter(|burst| t <= burst.to as f64)
    }

    /// The stretches that are skipped.
    pub fn skips(&self) -> impl Iterator<Item = Skip> {
        self.bursts
            .windows(2)
            .filter_map(|pair| (pair[1].from - pair[0].to > SKIP_US).then_some(Skip { from: pair[0].to, to: pair[1].from }))
    }

    /// The skipped stretch that `t` lies in.
    pub fn skip_at(&self, t: f64) -> Option<Skip> {
        let after = self.bursts.partition_point(|burst| burst.from as f64 <= t);
        let (before, next) = (self.bursts[..after].last()?, self.bursts.get(after)?);
        let inside = t > before.to as f64 && next.from - before.to > SKIP_US;
        inside.then_some(Skip { from: before.to, to: next.from })
    }

    /// The simulated time at which the last message arrives.
    pub fn end(&self) -> u64 {
        self.bursts.last().map_or(0, |burst| burst.to)
    }

    /// Audience time at `t` simulated microseconds. Before the first message and after the last one time passes as it is.
    pub fn audience(&self, t: f64) -> f64 {
        let (Some(first), Some(last)) = (self.knots.first(), self.knots.last()) else { return t / 1e6 };
        if t <= first.0 as f64 {
            return first.1 + (t - first.0 as f64) / 1e6;
        }
        if t >= last.0 as f64 {
            return last.1 + (t - last.0 as f64) / 1e6;
        }
        let next = self.knots.partition_point(|knot| (knot.0 as f64) <= t);
        let (a, b) = (self.knots[next - 1], self.knots[next]);
        a.1 + (t - a.0 as f64) / (b.0 - a.0) as f64 * (b.1 - a.1)
    }

    /// Simulated microseconds at an audience time: the inverse of [`Lens::audience`].
    pub fn simulated(&self, audience: f64) -> f64 {
        let (Some(first), Some(last)) = (self.knots.first(), self.knots.last()) else { return audience * 1e6 };
        if audience <= first.1 {
            return first.0 as f64 + (audience - first.1) * 1e6;
        }
        if audience >= last.1 {
            return last.0 as f64 + (audience - last.1) * 1e6;
        }
        let next = self.knots.partition_point(|knot| knot.1 <= audience);
        let (a, b) = (self.knots[next - 1], self.knots[next]);
        let t = a.0 as f64 + (audience - a.1) / (b.1 - a.1) * (b.0 - a.0) as f64;
        t.clamp(a.0 as f64, b.0 as f64)
    }

    /// Makes appended spans count. Only the scene that they continue is made anew.
    pub fn update(&mut self) {
        if !self.dirty {
            return;
        }
        self.dirty = false;
        let (bursts, knots) = self.settled;
        self.bursts.truncate(bursts);
        self.knots.truncate(knots);
        let mut index = self.bursts.last().map_or(0, |burst| burst.last);
        while index < self.spans.len() {
            let first = index;
            let mut end = self.spans[index].due;
            while let Some(span) = self.spans.get(index) {
                // What is still on its way when a command is given keeps its scene together with the command's.
                let apart = span.sent > end + BURST_GAP_US || (span.begins && span.sent >= end);
                if apart && index > first {
                    break;
                }
                end = end.max(span.due);
                index += 1;
            }
            let begins = self.spans[first].begins;
            self.bursts.push(Burst { from: self.spans[first].sent, to: end, first, last: index, begins });
        }
        let mut begin = bursts;
        while begin < self.bursts.len() {
            let mut end = begin + 1;
            while end < self.bursts.len()
                && !self.bursts[end].begins
                && self.bursts[end].from - self.bursts[end - 1].to <= SCENE_GAP_US
            {
                end += 1;
            }
            if end == self.bursts.len() {
                // The last scene may still grow.
                self.settled = (begin, self.knots.len());
            }
            self.add_scene(begin, end);
            begin = end;
        }
    }

    fn add_scene(&mut self, begin: usize, end: usize) {
        if let Some(previous) = begin.checked_sub(1) {
            let (from, to) = (self.bursts[previous].to, self.bursts[begin].from);
            self.add_knot(to, gap_seconds(to - from));
        } else {
            self.knots.push((self.bursts[begin].from, 0.0));
        }
        let sweeps: Vec<Vec<(u64, f64)>> = (begin..end).map(|burst| self.sweep(self.bursts[burst])).collect();
        let raw: Vec<f64> = sweeps.iter().map(|sweep| sweep.iter().map(|(_, seconds)| seconds).sum()).collect();
        let gaps: f64 = (begin + 1..end).map(|burst| gap_seconds(self.bursts[burst].from - self.bursts[burst - 1].to)).sum();
        let whole = raw.iter().sum::<f64>() + gaps;
        let target = tame(whole, SCENE_FREE_S, SCENE_MOST_S);
        let (bend, scale) = if whole <= SCENE_FREE_S { (f64::INFINITY, 1.0) } else { bend(&raw, gaps, target) };
        for (offset, sweep) in sweeps.into_iter().enumerate() {
            let burst = begin + offset;
            if offset > 0 {
                let gap = self.bursts[burst].from - self.bursts[burst - 1].to;
                self.add_knot(self.bursts[burst].from, gap_seconds(gap) * scale);
            }
            let factor = scale * bent(raw[offset], bend) / raw[offset].max(f64::MIN_POSITIVE);
            for (t, seconds) in sweep {
                self.add_knot(t, seconds * factor);
            }
        }
    }

    /// Appends a knot at `t`, `seconds` after the last one; the two maps stay strictly monotone.
    fn add_knot(&mut self, t: u64, seconds: f64) {
        let (last_t, last) = self.knots.last().copied().unwrap_or((0, 0.0));
        if t > last_t {
            // At least a nanosecond each microsecond: floats of hours keep these apart.
            self.knots.push((t, last + seconds.max((t - last_t) as f64 * 1e-9)));
        }
    }

    /// The elementary intervals of a burst: (end, seconds). In each the message that needs most time sets the pace.
    fn sweep(&self, burst: Burst) -> Vec<(u64, f64)> {
        let spans = &self.spans[burst.first..burst.last];
        let mut edges: Vec<(u64, bool, u64)> = Vec::with_capacity(spans.len() * 2);
        for span in spans {
            // Seconds per microsecond; positive floats are ordered like their bits.
            let rate = (span.seconds / (span.due - span.sent).max(1) as f64).to_bits();
            edges.push((span.sent, true, rate));
            edges.push((span.due.max(span.sent + 1), false, rate));
        }
        edges.order();
        let mut active: PMap<u64, u32> = PMap::new();
        let mut out = Vec::new();
        let mut last = burst.from;
        for (t, begins, rate) in edges {
            if t > last {
                let length = (t - last) as f64;
                let seconds = match active.keys().next_back() {
                    Some(rate) => f64::from_bits(*rate) * length,
                    None => gap_seconds(t - last),
                };
                out.push((t, seconds));
                last = t;
            }
            if begins {
                *active.entry(rate).or_default() += 1;
            } else if let Some(count) = active.get_mut(&rate) {
                *count -= 1;
                if *count == 0 {
                    active.remove(&rate);
                }
            }
        }
        out
    }
}

/// Audience time of a stretch in which nothing visible travels: growing with its length, but never long.
fn gap_seconds(us: u64) -> f64 {
    if us > SKIP_US {
        return SKIP_S;
    }
    let seconds = us as f64 / 1e6;
    GAP_S * seconds / (seconds + 0.1)
}

/// As it is up to `free`, then ever less, never more than `most`.
fn tame(seconds: f64, free: f64, most: f64) -> f64 {
    if seconds <= free {
        return seconds;
    }
    let room = most - free;
    free + room * (1.0 - (-(seconds - free) / room).exp())
}

/// How long a burst may be seen that takes `raw` seconds in full: short ones as they are, long ones by the square root.
fn bent(raw: f64, bend: f64) -> f64 {
    if bend.is_finite() { 2.0 * bend * ((1.0 + raw / bend).sqrt() - 1.0) } else { raw }
}

/// The bend with which the bursts and gaps of a scene take `target` seconds, so that a lone message keeps its time while a
/// busy moment hurries; and, where even that does not suffice, a factor for everything.
fn bend(raw: &[f64], gaps: f64, target: f64) -> (f64, f64) {
    let total = |bend: f64| raw.iter().map(|raw| bent(*raw, bend)).sum::<f64>() + gaps;
    let (mut low, mut high) = (0.15, 1e4);
    if total(low) > target {
        return (low, target / total(low));
    }
    // Halving the exponent's interval; the number of rounds is fixed, so the same bursts give the same bend.
    for _ in 0..50 {
        let middle = f64::sqrt(low * high);
        if total(middle) > target {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low, 1.0)
}

#[cfg(test)]
mod tests;

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

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use orrery_sim::core::collections::PMap;

/// Audience time of a message with a label, in seconds.
pub const PILL_S: f64 = 0.7;
/// Audience time of a message that is a small dot.
pub const DOT_S: f64 = 0.3;
/// Audience time of a decision of the scheduler that is explained on the stage.
pub const DECISION_S: f64 = 3.6;
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
    /// How many bursts and knots lie before each scene. All scenes but the last cannot change any more.
    scenes: Vec<(usize, usize)>,
    /// The paces of the last scene's bursts, but for the last one.
    paces: Vec<Paces>,
    /// The pace of the last burst, which may still grow.
    open: Sweep,
    dirty: bool,
}

/// How long each elementary interval of a burst takes: (its end, seconds), and all together.
#[derive(Clone, Debug, Default)]
struct Paces {
    intervals: Vec<(u64, f64)>,
    seconds: f64,
}

/// Makes the elementary intervals of a burst out of its spans, one by one: in each the message that needs most time sets the pace.
#[derive(Clone, Debug, Default)]
struct Sweep {
    /// What is certain: everything before the last span left.
    paces: Paces,
    /// Where the last interval ended.
    last: u64,
    /// Seconds per microsecond of the messages on their way, as bits (positive floats are ordered like theirs), and of how many.
    active: PMap<u64, u32>,
    /// When which pace ends, the next one first.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Sweep {
    fn new(from: u64) -> Self {
        Self { last: from, ..Self::default() }
    }

    fn push(&mut self, span: &Span) {
        while self.ends.peek().is_some_and(|Reverse((end, _))| *end <= span.sent) {
            self.end_next();
        }
        self.pass(span.sent);
        let rate = (span.seconds / (span.due - span.sent).max(1) as f64).to_bits();
        *self.active.entry(rate).or_default() += 1;
        self.ends.push(Reverse((span.due.max(span.sent + 1), rate)));
    }

    fn end_next(&mut self) {
        let Some(Reverse((end, rate))) = self.ends.pop() else { return };
        self.pass(end);
        if let Some(count) = self.active.get_mut(&rate) {
            *count -= 1;
            if *count == 0 {
                self.active.remove(&rate);
            }
        }
    }

    fn pass(&mut self, t: u64) {
        if t > self.last {
            let length = t - self.last;
            let seconds = match self.active.last_key_value() {
                Some((rate, _)) => f64::from_bits(*rate) * length as f64,
                None => gap_seconds(length),
            };
            self.paces.intervals.push((t, seconds));
            self.paces.seconds += seconds;
            self.last = t;
        }
    }

    /// What follows when no further span comes.
    fn rest(&self) -> Paces {
        let (active, ends) = (self.active.clone(), self.ends.clone());
        let seconds = self.paces.seconds;
        let mut rest = Self { active, ends, last: self.last, paces: Paces { intervals: Vec::new(), seconds } };
        while !rest.ends.is_empty() {
            rest.end_next();
        }
        rest.paces
    }

    fn finish(mut self) -> Paces {
        while !self.ends.is_empty() {
            self.end_next();
        }
        self.paces
    }
}

impl Lens {
    /// A lens for these spans, in the order of `sent`.
    pub fn new(spans: Vec<Span>) -> Self {
        let mut lens = Self::default();
        spans.into_iter().for_each(|span| lens.push(span));
        lens.update();
        lens
    }

    /// Appends a span, which must not begin before the last one; [`Lens::update`] makes it count.
    pub fn push(&mut self, span: Span) {
        debug_assert!(self.spans.last().is_none_or(|last| last.sent <= span.sent), "spans come in the order of sending");
        self.append(span, self.bursts.is_empty());
    }

    fn append(&mut self, span: Span, begins_scene: bool) {
        self.dirty = true;
        let index = self.spans.len();
        self.spans.push(span);
        if let Some(burst) = self.bursts.last_mut().filter(|_| !begins_scene) {
            // What is still on its way when a command is given keeps its scene together with the command's.
            if span.sent <= burst.to + BURST_GAP_US && (!span.begins || span.sent < burst.to) {
                burst.to = burst.to.max(span.due);
                burst.last = index + 1;
                self.open.push(&span);
                return;
            }
            let scene_ends = span.begins || span.sent - burst.to > SCENE_GAP_US;
            self.paces.push(std::mem::take(&mut self.open).finish());
            if scene_ends {
                self.add_scene(&Paces::default());
                self.paces.clear();
                self.scenes.push((self.bursts.len(), self.knots.len()));
            }
        } else {
            self.scenes.push((self.bursts.len(), self.knots.len()));
        }
        self.bursts.push(Burst { from: span.sent, to: span.due, first: index, last: index + 1, begins: span.begins });
        self.open = Sweep::new(span.sent);
        self.open.push(&span);
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

    /// Drops all spans from position `len` on; [`Lens::update`] makes it count. Only the scene that is cut is made anew.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.spans.len() {
            return;
        }
        while self.scenes.len() > 1 && self.scenes.last().is_some_and(|(bursts, _)| self.bursts[*bursts].first >= len) {
            self.scenes.pop();
        }
        let Some((bursts, knots)) = self.scenes.pop() else { return };
        let first = self.bursts[bursts].first;
        let again = self.spans[first.min(len)..len].to_vec();
        self.spans.truncate(first);
        self.bursts.truncate(bursts);
        self.knots.truncate(knots);
        self.paces.clear();
        self.open = Sweep::default();
        self.dirty = true;
        for (at, span) in again.into_iter().enumerate() {
            self.append(span, at == 0);
        }
    }

    /// Makes appended spans count. Only the scene that they continue is laid out anew.
    pub fn update(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.add_scene(&self.open.rest());
        }
    }

    /// Lays out the last scene; `rest` is what follows the certain intervals of its last burst.
    fn add_scene(&mut self, rest: &Paces) {
        let Some((begin, knots)) = self.scenes.last().copied() else { return };
        self.knots.truncate(knots);
        let whole_bursts = std::mem::take(&mut self.paces);
        let mut paces: Vec<(&[(u64, f64)], f64)> =
            whole_bursts.iter().map(|paces| (&paces.intervals[..], paces.seconds)).collect();
        let open = std::mem::take(&mut self.open);
        if begin + paces.len() < self.bursts.len() {
            paces.push((&open.paces.intervals, rest.seconds));
        }
        if let Some(previous) = begin.checked_sub(1) {
            let (from, to) = (self.bursts[previous].to, self.bursts[begin].from);
            self.add_knot(to, gap_seconds(to - from));
        } else {
            self.knots.push((self.bursts[begin].from, 0.0));
        }
        let end = self.bursts.len();
        let raw: Vec<f64> = paces.iter().map(|(_, seconds)| *seconds).collect();
        let gaps: f64 = (begin + 1..end).map(|burst| gap_seconds(self.bursts[burst].from - self.bursts[burst - 1].to)).sum();
        let whole = raw.iter().sum::<f64>() + gaps;
        let target = tame(whole, SCENE_FREE_S, SCENE_MOST_S);
        let (bend, scale) = if whole <= SCENE_FREE_S { (f64::INFINITY, 1.0) } else { bend(&raw, gaps, target) };
        for (offset, (intervals, raw)) in paces.into_iter().enumerate() {
            let burst = begin + offset;
            if offset > 0 {
                let gap = self.bursts[burst].from - self.bursts[burst - 1].to;
                self.add_knot(self.bursts[burst].from, gap_seconds(gap) * scale);
            }
            let factor = scale * bent(raw, bend) / raw.max(f64::MIN_POSITIVE);
            let rest = if burst + 1 == end { &rest.intervals[..] } else { &[] };
            for (t, seconds) in intervals.iter().chain(rest) {
                self.add_knot(*t, seconds * factor);
            }
        }
        (self.paces, self.open) = (whole_bursts, open);
    }

    /// Appends a knot at `t`, `seconds` after the last one; the two maps stay strictly monotone.
    fn add_knot(&mut self, t: u64, seconds: f64) {
        let (last_t, last) = self.knots.last().copied().unwrap_or((0, 0.0));
        if t > last_t {
            // At least a nanosecond each microsecond: floats of hours keep these apart.
            self.knots.push((t, last + seconds.max((t - last_t) as f64 * 1e-9)));
        }
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

//! Messages on their way: where each one is at a moment, and where its label has room. Both are functions of the
//! trace, the layout and the moment, so that going back shows what was shown.

use orrery_sim::core::collections::PMap;
use std::rc::Rc;

use orrery_sim::core::{Addr, Envelope, EnvelopeId, Trace};

use super::geometry::{Point, Rect, along, length, mono_width};
use super::layout::{Detail, Layout};
use super::messages::{MessageKind, label};
use super::wires::labels_within_nodes;

/// As many messages of the same words on the same wire travel under one label.
const GATHERED_FROM: usize = 4;
/// Labels above each other in one place, where the lane is high enough; what comes on top is drawn as a dot.
const MOST_SLOTS: usize = 4;

/// A message of a burst, prepared for drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// Which.
    pub id: EnvelopeId,
    /// Its family.
    pub kind: MessageKind,
    /// What stands on its pill; `None` for a dot.
    pub label: Option<String>,
    /// Sender.
    pub from: Addr,
    /// Receiver.
    pub to: Addr,
    /// When it left, in microseconds.
    pub sent: u64,
    /// When it arrives.
    pub due: u64,
    /// Its course.
    pub points: Vec<Point>,
    /// Width of the pill.
    pub width: f64,
    /// How far the pill hangs to the right of the wire.
    aside: f64,
    /// The stretch of its way that the label keeps to, where the rest leads between boxes with names.
    lane: Option<(Point, Point)>,
    /// The same where the way leads between rows of nodes: the x and the ends of the free stretch below the control plane.
    trunk: Option<(f64, f64, f64)>,
    /// Its place in the stack of labels, and how many places that stack has.
    slot: (usize, usize),
}

/// A message at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// On the wire.
    pub dot: Point,
    /// The middle of the pill.
    pub pill: Point,
    /// Which way it goes: a vector of length 1.
    pub heading: Point,
    /// Which way its pill goes; it may keep to a stretch of the way.
    pub pill_heading: Point,
    /// How far it has come, from 0 to 1.
    pub share: f64,
}

/// The flights of a stretch of time, in the order of sending.
#[derive(Clone, Debug, Default)]
pub struct Flights {
    list: Vec<Flight>,
    longest: u64,
    height: f64,
    stage: (f64, f64),
}

impl Shown {
    /// The heading in degrees, clockwise from the right.
    pub fn angle(&self) -> f64 {
        self.heading.y.atan2(self.heading.x).to_degrees()
    }

    /// The same of the pill.
    pub fn nose_angle(&self) -> f64 {
        self.pill_heading.y.atan2(self.pill_heading.x).to_degrees()
    }

    /// Where on the edge of its pill (of a width and height) the arrow head stands, from the pill's middle.
    pub fn nose(&self, width: f64, height: f64) -> Point {
        if self.pill_heading.y.abs() > self.pill_heading.x.abs() {
            let reach = (width / 2.0 - height / 2.0).max(0.0);
            Point::new((self.dot.x - self.pill.x).clamp(-reach, reach), self.pill_heading.y.signum() * height / 2.0)
        } else {
            Point::new(self.pill_heading.x.signum() * width / 2.0, 0.0)
        }
    }
}

impl Flights {
    /// Prepares the messages of a stretch, which come in the order of sending. Those whose parts are not shown are left out.
    pub fn new<'a>(envelopes: impl Iterator<Item = &'a Rc<Envelope>>, trace: &Trace, layout: &Layout) -> Self {
        let row = first_row(layout);
        let size = layout.pill_font();
        let mut flights = Self { height: layout.pill_height(), stage: layout.size, ..Self::default() };
        let mut gathered: PMap<(Addr, Addr, String), Vec<usize>> = PMap::new();
        let mut bunches: Vec<Vec<usize>> = Vec::new();
        for envelope in envelopes {
            let kind = MessageKind::of(envelope);
            let Some(way) = layout.way(envelope.from, envelope.to, kind) else { continue };
            let words = label(envelope, trace);
            let within = envelope.from.machine == envelope.to.machine && kind == MessageKind::Cri;
            // Where two boxes stand close together a label would hide their names.
            let close = within && length(&way.points) < 2.0 * size;
            // Nodes of a field are too many for labels.
            let far = layout.is_far(envelope.from.machine) || layout.is_far(envelope.to.machine);
            let dot = kind.is_dot() || close || far || (within && !labels_within_nodes(layout.detail));
            let text = if layout.detail >= Detail::Brief { words.gathered.clone() } else { words.text };
            let (sent, due) = (envelope.sent_at.0, envelope.due_at.0.max(envelope.sent_at.0 + 1));
            let index = flights.list.len();
            flights.longest = flights.longest.max(due - sent);
            let width = if dot { size } else { mono_width(&text, size) + size * 1.5 };
            flights.list.push(Flight {
                id: envelope.id,
                kind,
                label: (!dot).then_some(text),
                from: envelope.from,
                to: envelope.to,
                sent,
                due,
                lane: (kind == MessageKind::Pull).then(|| longest_level(&way.points)).flatten(),
                trunk: row.and_then(|row| trunk(&way.points, row)),
                points: way.points,
                width,
                aside: way.side * (width / 2.0 - size * 0.5),
                slot: (0, 1),
            });
            if !dot {
                let bunch = gathered.entry((envelope.from, envelope.to, words.gathered)).or_default();
                if bunch.first().is_some_and(|first| flights.list[*first].due <= sent) {
                    bunches.push(std::mem::take(bunch));
                }
                bunch.push(index);
            }
        }
        bunches.extend(gathered.values().cloned());
        let names: PMap<usize, String> = gathered_names(&gathered, &bunches, &flights.list, trace);
        for bunch in bunches.iter().filter(|bunch| bunch.len() >= GATHERED_FROM) {
            for (position, index) in bunch.iter().enumerate() {
                let flight = &mut flights.list[*index];
                flight.label = if position == 0 { names.get(index).cloned() } else { None };
                let width = flight.label.as_ref().map_or(size, |text| mono_width(text, size) + size * 1.5);
                let side = if flight.aside == 0.0 { 0.0 } else { flight.aside.signum() };
                flight.aside = side * (width / 2.0 - size * 0.5);
                flight.width = width;
            }
        }
        flights.give_slots();
        flights
    }

    /// Gives labels that would lie on each other slots above each other.
    fn give_slots(&mut self) {
        let pitch = self.pitch();
        // What is on its way: index, extent.
        let mut active: Vec<(usize, Rect)> = Vec::new();
        // Flights that must agree on their number of slots form a tree; `parent` leads to its root.
        let mut parent: Vec<usize> = (0..self.list.len()).collect();
        for index in 0..self.list.len() {
            let flight = &self.list[index];
            if flight.label.is_none() {
                continue;
            }
            active.retain(|(other, _)| self.list[*other].due > flight.sent);
            let extent = self.extent(flight);
            let rivals: Vec<usize> =
                active.iter().filter(|(_, other)| other.overlaps(&extent)).map(|(other, _)| *other).collect();
            let level = extent.h < 2.0 * self.height;
            let room = if level { 1 } else { ((extent.h / pitch).floor() as usize).clamp(2, MOST_SLOTS) };
            let free = (0..room).find(|slot| rivals.iter().all(|other| self.list[*other].slot.0 != *slot));
            let Some(slot) = free else {
                self.list[index].label = None;
                continue;
            };
            self.list[index].slot.0 = slot;
            active.push((index, extent));
            for other in rivals {
                let (a, b) = (root(&parent, index), root(&parent, other));
                parent[a.max(b)] = a.min(b);
            }
        }
        let mut slots: PMap<usize, usize> = PMap::new();
        for (index, flight) in self.list.iter().enumerate().filter(|(_, flight)| flight.label.is_some()) {
            let most = slots.entry(root(&parent, index)).or_insert(1);
            *most = (*most).max(flight.slot.0 + 1);
        }
        for index in 0..self.list.len() {
            self.list[index].slot.1 = slots.get(&root(&parent, index)).copied().unwrap_or(1);
        }
    }

    /// From one slot to the next.
    fn pitch(&self) -> f64 {
        self.height * 1.08
    }

    /// The area that a label sweeps.
    fn extent(&self, flight: &Flight) -> Rect {
        if let Some((from, to)) = flight.lane {
            let left = from.x.min(to.x) - flight.width / 2.0;
            return Rect::new(left, from.y - self.height / 2.0, (from.x - to.x).abs() + flight.width, self.height);
        }
        let xs = flight.points.iter().map(|point| point.x);
        let (left, right) =
            flight.trunk.map_or((xs.clone().fold(f64::MAX, f64::min), xs.fold(f64::MIN, f64::max)), |(x, ..)| (x, x));
        let (top, bottom) = flight.reach(self.height);
        let x = left + flight.aside - flight.width / 2.0;
        Rect::new(x, top, right - left + flight.width, (bottom - top).max(1.0))
    }

    /// A flight as it is drawn when it alone is spoken of: with its own label, also where it is else a dot or one of many.
    pub fn spoken(&self, id: EnvelopeId, trace: &Trace, size: f64) -> Option<Flight> {
        let flight = self.list.iter().find(|flight| flight.id == id)?;
        let text = label(trace.get(id)?, trace).text;
        let width = mono_width(&text, size) + size * 1.5;
        let side = if flight.aside == 0.0 { 0.0 } else { flight.aside.signum() };
        Some(Flight { width, aside: side * (width / 2.0 - size * 0.5), label: Some(text), slot: (0, 1), ..flight.clone() })
    }

    /// All flights.
    pub fn list(&self) -> &[Flight] {
        &self.list
    }

    /// The height of a pill.
    pub fn pill_height(&self) -> f64 {
        self.height
    }

    /// The flights on their way at `t` (in microseconds): `sent ≤ t < due`, by index.
    pub fn at(&self, t: f64) -> impl Iterator<Item = (usize, &Flight)> {
        let from = self.list.partition_point(|flight| (flight.sent as f64) < t - self.longest as f64);
        let to = self.list.partition_point(|flight| flight.sent as f64 <= t);
        self.list[from..to.max(from)]
            .iter()
            .enumerate()
            .map(move |(index, flight)| (from + index, flight))
            .filter(move |(_, flight)| flight.due as f64 > t)
    }

    /// Where a flight is at `t`.
    pub fn place(&self, flight: &Flight, t: f64) -> Shown {
        let share = ((t - flight.sent as f64) / (flight.due - flight.sent) as f64).clamp(0.0, 1.0);
        self.place_at(flight, share)
    }

    /// Where a flight is after `share` of its way.
    pub fn place_at(&self, flight: &Flight, share: f64) -> Shown {
        let (dot, heading) = along(&flight.points, share);
        let (slot, slots) = flight.slot;
        let (top, bottom) = flight.reach(self.height);
        let (first, last) = (flight.points[0], flight.points[flight.points.len() - 1]);
        let pitch = self.pitch();
        let stack = pitch * (slots - 1) as f64;
        let y = if bottom - top < 2.0 * self.height {
            // A level wire: its labels stand on it, below the boxes at both ends; there is no room for a second one.
            bottom - self.height / 2.0 - pitch * slot as f64
        } else {
            // The stack of slots travels as a whole and stays between the boxes at both ends.
            let travel = (bottom - top - self.height - stack).max(0.0);
            let before = if last.y > first.y { slots - 1 - slot } else { slot };
            top + self.height / 2.0 + pitch * before as f64 + travel * ((dot.y - top) / (bottom - top)).clamp(0.0, 1.0)
        };
        let half = flight.width / 2.0 + 2.0;
        let (x, y) = match flight.lane {
            Some((from, to)) => (from.x + (to.x - from.x) * share, from.y),
            None => (flight.trunk.map_or(dot.x, |(x, ..)| x) + flight.aside, y),
        };
        let within = |value: f64, half: f64, size: f64| value.clamp(half, (size - half).max(half));
        let pill = Point::new(within(x, half, self.stage.0), within(y, self.height / 2.0, self.stage.1));
        let pill_heading = flight.lane.map_or(heading, |(from, to)| Point::new((to.x - from.x).signum(), 0.0));
        Shown { dot, pill, heading, pill_heading, share }
    }
}

impl Flight {
    /// Between which heights its label travels.
    fn reach(&self, height: f64) -> (f64, f64) {
        self.trunk.map_or_else(|| reach(&self.points, height), |(_, top, bottom)| (top, bottom))
    }
}

/// The lower edge of the control plane and the first row of nodes, where more rows follow.
fn first_row(layout: &Layout) -> Option<(f64, Rect)> {
    if layout.field.is_some() || layout.machines.iter().all(|machine| machine.row == 0) {
        return None;
    }
    let with_bar = layout.machines.iter().chain(&layout.balancer).filter(|machine| machine.bar.is_some());
    let top = with_bar.map(|machine| machine.rect.bottom()).fold(f64::MIN, f64::max);
    layout.machines.iter().find(|machine| machine.bar.is_none() && machine.row == 0).map(|machine| (top, machine.rect))
}

/// The stretch below the control plane of a way that passes the whole first row.
fn trunk(points: &[Point], (top, row): (f64, Rect)) -> Option<(f64, f64, f64)> {
    let passes =
        |pair: &&[Point]| pair[0].x == pair[1].x && pair[0].y.min(pair[1].y) < row.y && pair[0].y.max(pair[1].y) > row.bottom();
    points.windows(2).find(passes).map(|pair| (pair[0].x, top, row.y))
}

fn root(parent: &[usize], mut index: usize) -> usize {
    while parent[index] != index {
        index = parent[index];
    }
    index
}

/// The longest level stretch of a way.
fn longest_level(points: &[Point]) -> Option<(Point, Point)> {
    let level = points.windows(2).filter(|pair| pair[0].y == pair[1].y).map(|pair| (pair[0], pair[1]));
    level.max_by(|a, b| (a.0.x - a.1.x).abs().total_cmp(&(b.0.x - b.1.x).abs()))
}

/// From the highest to the lowest point of a way, and half a label further where the way runs level there.
fn reach(points: &[Point], height: f64) -> (f64, f64) {
    let top = points.iter().map(|point| point.y).fold(f64::MAX, f64::min);
    let bottom = points.iter().map(|point| point.y).fold(f64::MIN, f64::max);
    let level = |y: f64| points.windows(2).any(|pair| pair[0].y == y && pair[1].y == y);
    (if level(top) { top - height / 2.0 } else { top }, if level(bottom) { bottom + height / 2.0 } else { bottom })
}

/// The label of the first of each bunch: `POST pods ×12`.
fn gathered_names(
    open: &PMap<(Addr, Addr, String), Vec<usize>>,
    bunches: &[Vec<usize>],
    list: &[Flight],
    trace: &Trace,
) -> PMap<usize, String> {
    debug_assert!(open.len() <= bunches.len(), "every open bunch has been closed");
    bunches
        .iter()
        .filter(|bunch| bunch.len() >= GATHERED_FROM)
        .filter_map(|bunch| {
            let first = *bunch.first()?;
            let envelope = trace.get(list[first].id)?;
            Some((first, format!("{} ×{}", label(envelope, trace).gathered, bunch.len())))
        })
        .collect()
}

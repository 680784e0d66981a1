//! Marks as the few shapes that every painter knows: rectangles, texts, paths, each with CSS classes. The colours are
//! in `styles/theme.css` and `styles/scene.css`, which the page and exported pictures share.

use super::geometry::{Point, Rect, number};
use super::look::Family;
use super::marks::{Align, BoxLook, Mark};
use super::messages::MessageKind;
use super::model::PodPhase;

/// A shape to paint.
#[derive(Clone, Debug, PartialEq)]
pub enum Prim {
    /// A rectangle with round corners.
    Rect {
        /// Its place.
        rect: Rect,
        /// Radius of the corners.
        radius: f64,
        /// CSS classes.
        class: String,
    },
    /// A line of text.
    Text {
        /// Its anchor: the middle of the line's height.
        at: Point,
        /// Horizontal anchor.
        align: Align,
        /// Size of the type.
        size: f64,
        /// CSS classes.
        class: String,
        /// The text.
        text: String,
    },
    /// An SVG path.
    Path {
        /// Its `d`.
        d: String,
        /// CSS classes.
        class: String,
    },
}

impl Align {
    /// SVG's `text-anchor`.
    pub const fn anchor(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The y of a text's baseline, given the middle of its line and its size: half the height of capitals below it.
pub fn baseline(y: f64, size: f64) -> f64 {
    y + size * 0.36
}

/// The shapes of a mark.
pub fn prims(mark: &Mark) -> Vec<Prim> {
    match mark {
        Mark::Box { rect, radius, look } => box_prims(*rect, *radius, *look),
        Mark::Label { text, .. } if text.is_empty() => Vec::new(),
        Mark::Label { at, align, size, bold, ink, text } => {
            let weight = if *bold { " bold" } else { "" };
            let class = format!("ink-{}{weight}", ink.class());
            vec![Prim::Text { at: *at, align: *align, size: *size, class, text: text.clone() }]
        }
        Mark::Wire { points, kind, idle } => {
            let idle = if *idle { " idle" } else { "" };
            vec![Prim::Path { d: polyline(points), class: format!("wire {}{idle}", kind.class()) }]
        }
        Mark::Gauge { rect, share } => {
            let radius = rect.h / 2.0;
            let full = if *share > 0.9 { " nearly" } else { "" };
            let mut shapes = vec![Prim::Rect { rect: *rect, radius, class: "gauge".into() }];
            if *share > 0.0 {
                let filled = Rect { w: (rect.w * share).max(rect.h), ..*rect };
                shapes.push(Prim::Rect { rect: filled, radius, class: format!("gauge-fill{full}") });
            }
            shapes
        }
        Mark::Cell { rect, phase, family } => cell_prims(*rect, *phase, *family),
        Mark::Tile { rect, family } => {
            vec![Prim::Rect { rect: *rect, radius: 0.0, class: format!("tile {}", family.class()) }]
        }
        Mark::Cross { rect } => vec![Prim::Path { d: cross(*rect), class: "cell-cross".into() }],
    }
}

fn box_prims(rect: Rect, radius: f64, look: BoxLook) -> Vec<Prim> {
    vec![Prim::Rect { rect, radius, class: format!("box {}", look.class()) }]
}

fn cross(rect: Rect) -> String {
    let (l, t, r, b) = (number(rect.x), number(rect.y), number(rect.right()), number(rect.bottom()));
    format!("M{l} {t}L{r} {b}M{r} {t}L{l} {b}")
}

fn cell_prims(rect: Rect, phase: PodPhase, family: Family) -> Vec<Prim> {
    let family = family.class();
    let radius = rect.w * 0.17;
    // Outlines lie within the cell.
    let inner = rect.inset((rect.w * 0.03).clamp(0.4, 1.5));
    let mut shapes = vec![Prim::Rect { rect: inner, radius, class: format!("cell {family} {}", phase.class()) }];
    let line = |class: &str, d: String| Prim::Path { d, class: format!("cell-{class} {family}") };
    let n = number;
    match phase {
        PodPhase::Creating => {
            let r = radius.min(inner.h / 2.0);
            let (x, y, w, b) = (inner.x, inner.cy(), inner.w, inner.bottom());
            let d = format!(
                "M{} {}h{}v{}a{r} {r} 0 0 1 {} {r}h{}a{r} {r} 0 0 1 {} {}z",
                n(x),
                n(y),
                n(w),
                n(b - y - r),
                n(-r),
                n(-(w - 2.0 * r)),
                n(-r),
                n(-r),
                r = n(r),
            );
            shapes.push(line("half", d));
        }
        PodPhase::Terminating if rect.w >= 6.0 => shapes.push(line("hatch", hatch(inner, (rect.w * 0.16).max(3.0)))),
        PodPhase::Failed => {
            shapes.push(line("cross", cross(inner.inset(rect.w * 0.1))));
        }
        PodPhase::Succeeded => {
            let (x, y, s) = (inner.right() - rect.w * 0.34, inner.y + rect.h * 0.2, rect.w * 0.1);
            shapes.push(line("tick", format!("M{} {}l{s} {s}l{} {}", n(x), n(y), n(2.0 * s), n(-2.0 * s), s = n(s))));
        }
        _ => {}
    }
    shapes
}

/// Diagonal lines from the lower left to the upper right, cut at the rectangle's edges.
fn hatch(rect: Rect, pitch: f64) -> String {
    let mut d = String::new();
    let mut at = pitch;
    while at < rect.w + rect.h {
        // The line x + y = at, in the rectangle's own coordinates.
        let (x1, y1) = if at <= rect.h { (0.0, at) } else { (at - rect.h, rect.h) };
        let (x2, y2) = if at <= rect.w { (at, 0.0) } else { (rect.w, at - rect.w) };
        d += &format!("M{} {}L{} {}", number(rect.x + x1), number(rect.y + y1), number(rect.x + x2), number(rect.y + y2));
        at += pitch;
    }
    d
}

/// A polyline as a path with slightly rounded corners.
pub fn polyline(points: &[Point]) -> String {
    let mut d = String::new();
    for (index, point) in points.iter().enumerate() {
        d += &format!("{}{} {}", if index == 0 { "M" } else { "L" }, number(point.x), number(point.y));
    }
    d
}

/// The outline of a pill around (0, 0): every kind of message has its own.
pub fn pill_outline(kind: MessageKind, w: f64, h: f64) -> String {
    let n = number;
    let (x, y) = (w / 2.0, h / 2.0);
    match kind {
        // Fully round: a request.
        MessageKind::Request | MessageKind::Response => rounded(w, h, y),
        // A flag with a notch: an event that is announced.
        MessageKind::Watch => {
            let notch = h * 0.28;
            format!("M{} {}H{}L{} 0L{} {}H{}L{} 0z", n(-x), n(-y), n(x - notch), n(x), n(x - notch), n(y), n(-x), n(-x + notch))
        }
        // Nearly square: etcd's records.
        MessageKind::Etcd | MessageKind::EtcdReply => rounded(w, h, h * 0.12),
        // Pointed at both ends: the way back to the kubelet.
        MessageKind::KubeletCall => {
            let tip = h * 0.42;
            format!("M{} {}H{}L{} 0L{} {}H{}L{} 0z", n(-x + tip), n(-y), n(x - tip), n(x), n(x - tip), n(y), n(-x + tip), n(-x))
        }
        // Cut corners: calls within a machine, and of docker.
        MessageKind::Cri | MessageKind::Machine => {
            let cut = h * 0.25;
            format!(
                "M{} {}H{}L{} {}V{}L{} {}H{}L{} {}V{}z",
                n(-x + cut),
                n(-y),
                n(x - cut),
                n(x),
                n(-y + cut),
                n(y - cut),
                n(x - cut),
                n(y),
                n(-x + cut),
                n(-x),
                n(y - cut),
                n(-y + cut)
            )
        }
        // A ribbon, notched at both ends: an image comes in.
        MessageKind::Pull => {
            let notch = h * 0.3;
            format!("M{} {}H{}L{} 0L{} {}H{}L{} 0z", n(-x), n(-y), n(x), n(x - notch), n(x), n(y), n(-x), n(-x + notch))
        }
        // Hollowed at both ends: it goes back and comes again.
        MessageKind::Retry => {
            let (x, y, r) = (n(x), n(y), n(y * 1.2));
            format!("M-{x} -{y}H{x}A{r} {r} 0 0 0 {x} {y}H-{x}A{r} {r} 0 0 0 -{x} -{y}z")
        }
        // Slanted: something went wrong.
        MessageKind::Failure => {
            let slant = h * 0.3;
            format!("M{} {}H{}L{} {}H{}z", n(-x + slant), n(-y), n(x), n(x - slant), n(y), n(-x))
        }
    }
}

fn rounded(w: f64, h: f64, r: f64) -> String {
    let n = number;
    format!(
        "M{} {}h{}a{r} {r} 0 0 1 {r} {r}v{}a{r} {r} 0 0 1 {} {r}h{}a{r} {r} 0 0 1 {} {}v{}a{r} {r} 0 0 1 {r} {}z",
        n(-w / 2.0 + r),
        n(-h / 2.0),
        n(w - 2.0 * r),
        n(h - 2.0 * r),
        n(-r),
        n(-(w - 2.0 * r)),
        n(-r),
        n(-r),
        n(-(h - 2.0 * r)),
        n(-r),
        r = n(r),
    )
}

/// The outline of a message without a label around (0, 0), with a tip that points to the right: round, a lozenge for etcd's answers.
pub fn dot_outline(kind: MessageKind, r: f64) -> String {
    let n = number;
    if kind == MessageKind::EtcdReply || kind == MessageKind::Etcd {
        format!("M{} {}L{} 0L{} {}L{} 0z", n(-0.1 * r), n(-r), n(1.9 * r), n(-0.1 * r), n(r), n(-r))
    } else {
        let (x, y) = (n(r * 0.5), r * 0.87);
        format!("M{x} {}A{} {} 0 1 0 {x} {}L{} 0z", n(-y), n(r), n(r), n(y), n(1.9 * r))
    }
}

/// The arrow head at a pill's edge, which points to the right and has its foot at (0, 0); `h` is the pill's height.
pub fn nose_outline(h: f64) -> String {
    let n = number;
    format!("M-2 {}L{} 0L-2 {}z", n(-h * 0.34), n(h * 0.44), n(h * 0.34))
}

//! Points, rectangles, polylines, and how wide a text will be.

/// A point in pixels of the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl Point {
    /// A point.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// A rectangle in pixels of the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// A rectangle.
    pub const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }
    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.w
    }
    /// Bottom edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }
    /// Centre, horizontally.
    pub fn cx(&self) -> f64 {
        self.x + self.w / 2.0
    }
    /// Centre, vertically.
    pub fn cy(&self) -> f64 {
        self.y + self.h / 2.0
    }
    /// The x at this share of the width.
    pub fn at(&self, share: f64) -> f64 {
        self.x + self.w * share
    }
    /// Smaller by `by` on every side (larger when negative).
    #[must_use]
    pub fn inset(&self, by: f64) -> Self {
        Self::new(self.x + by, self.y + by, (self.w - 2.0 * by).max(0.0), (self.h - 2.0 * by).max(0.0))
    }
    /// Whether a point lies within.
    pub fn holds(&self, at: Point) -> bool {
        at.x >= self.x && at.x < self.right() && at.y >= self.y && at.y < self.bottom()
    }
    /// Whether the two share area.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
    /// Whether `other` lies within, with half a pixel to spare for rounding.
    pub fn contains(&self, other: &Self) -> bool {
        other.x >= self.x - 0.5
            && other.y >= self.y - 0.5
            && other.right() <= self.right() + 0.5
            && other.bottom() <= self.bottom() + 0.5
    }
}

/// The length of a polyline.
pub fn length(points: &[Point]) -> f64 {
    points.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
}

fn distance(a: Point, b: Point) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// The point at `share` (0 to 1) of a polyline's length, and the direction there as a unit vector.
pub fn along(points: &[Point], share: f64) -> (Point, Point) {
    let Some((&first, &last)) = points.first().zip(points.last()) else { return (Point::default(), Point::default()) };
    let mut rest = length(points) * share.clamp(0.0, 1.0);
    let mut direction = Point::default();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let step = distance(a, b);
        if step == 0.0 {
            continue;
        }
        direction = Point::new((b.x - a.x) / step, (b.y - a.y) / step);
        if rest <= step {
            return (Point::new(a.x + direction.x * rest, a.y + direction.y * rest), direction);
        }
        rest -= step;
    }
    if direction == Point::default() { (first, direction) } else { (last, direction) }
}

/// Width of a text in a proportional sans-serif, in pixels: after DejaVu Sans, one of the widest in use, so that a
/// text that fits here fits with any system font.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let ems: f64 = text.chars().map(if bold { bold_em } else { regular_em }).sum();
    ems * size
}

fn regular_em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' => 0.28,
        'I' | '.' | ',' | ':' | ';' | ' ' | '|' | '/' => 0.34,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '!' => 0.41,
        'm' | '%' | 'M' | '@' => 0.96,
        'w' | '…' | 'W' => 0.98,
        's' | 'c' | 'z' | 'k' | 'x' | 'v' | 'y' => 0.59,
        'A'..='Z' | '·' | '+' | '=' | '→' | '×' => 0.74,
        _ => 0.64,
    }
}

fn bold_em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' => 0.35,
        'I' | '.' | ',' | ':' | ';' | ' ' | '|' | '/' => 0.38,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '!' => 0.5,
        'm' | '%' | 'M' | '@' | 'W' | '…' => 1.05,
        'w' => 0.93,
        'A'..='Z' | '+' | '=' | '→' | '×' => 0.8,
        _ => 0.71,
    }
}

/// Width of a character of a monospace font, in units of its size.
pub const MONO_EM: f64 = 0.603;

/// Width of a text in a monospace font, in pixels.
pub fn mono_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * MONO_EM
}

/// The text, or as much of its beginning as fits into `width` with an ellipsis; "" when not even two characters fit.
pub fn fit(text: &str, width: f64, size: f64, bold: bool) -> String {
    if text_width(text, size, bold) <= width {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.len() > 2 {
        kept.pop();
        let shorter: String = kept.iter().chain(['…'].iter()).collect();
        if text_width(&shorter, size, bold) <= width {
            return shorter;
        }
    }
    String::new()
}

/// At most `count` characters of the text's beginning, the last one an ellipsis when something was cut off.
pub fn clip(text: &str, count: usize) -> String {
    if text.chars().count() <= count {
        return text.to_string();
    }
    text.chars().take(count.saturating_sub(1)).chain(['…']).collect()
}

/// A coordinate as written into SVG: at most two decimals.
pub fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // Negative zero would differ from zero in snapshots.
    if rounded == 0.0 { "0".to_string() } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn along_follows_corners() {
        let wire = [Point::new(0.0, 0.0), Point::new(0.0, 10.0), Point::new(30.0, 10.0)];
        assert_eq!(along(&wire, 0.0).0, Point::new(0.0, 0.0));
        assert_eq!(along(&wire, 0.25).0, Point::new(0.0, 10.0));
        assert_eq!(along(&wire, 1.0).0, Point::new(30.0, 10.0));
        assert_eq!(along(&wire, 0.5), (Point::new(10.0, 10.0), Point::new(1.0, 0.0)));
        assert_eq!(along(&[Point::new(3.0, 4.0)], 0.5).0, Point::new(3.0, 4.0));
    }

    #[test]
    fn fit_never_exceeds_the_width() {
        for width in [0.0, 20.0, 55.0, 80.0, 300.0] {
            let text = fit("kube-controller-manager", width, 16.0, true);
            assert!(text_width(&text, 16.0, true) <= width, "{text} in {width}");
        }
        assert_eq!(fit("etcd", 100.0, 16.0, false), "etcd");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(12.345_6), "12.35");
        assert_eq!(number(7.0), "7");
    }
}

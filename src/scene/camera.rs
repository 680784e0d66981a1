//! Which part of the stage is seen, and how large. The picture itself does not know: painters lay it over what stands.

use super::geometry::{Point, Rect, number};

/// Stage coordinates of the upper left corner, and how many times larger than the fit everything is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// 1 shows the whole stage.
    pub scale: f64,
    /// Left edge of what is seen, in pixels of the stage.
    pub x: f64,
    /// Top edge of what is seen.
    pub y: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self::FIT
    }
}

impl Camera {
    /// The whole stage.
    pub const FIT: Self = Self { scale: 1.0, x: 0.0, y: 0.0 };
    /// One press of a button or a key.
    pub const STEP: f64 = 1.4;

    /// Whether the whole stage is seen.
    pub fn is_fit(&self) -> bool {
        *self == Self::FIT
    }

    /// Larger by `factor` (smaller below 1), with `at` (in pixels of the view) staying where it is.
    #[must_use]
    pub fn zoomed(&self, factor: f64, at: Point, size: (f64, f64), most: f64) -> Self {
        let scale = (self.scale * factor).clamp(1.0, most);
        let fixed = self.to_stage(at);
        Self { scale, x: fixed.x - at.x / scale, y: fixed.y - at.y / scale }.within(size)
    }

    /// Moved by so many pixels of the view, as if the picture were dragged by them.
    #[must_use]
    pub fn panned(&self, by: Point, size: (f64, f64)) -> Self {
        Self { x: self.x - by.x / self.scale, y: self.y - by.y / self.scale, ..*self }.within(size)
    }

    /// `rect` in the middle, as large as it can be with some of what is around it, at most `most`.
    #[must_use]
    pub fn around(rect: Rect, size: (f64, f64), most: f64) -> Self {
        let share = 0.8;
        let scale = (size.0 * share / rect.w.max(1e-3)).min(size.1 * share / rect.h.max(1e-3)).clamp(1.0, most.max(1.0));
        Self { scale, x: rect.cx() - size.0 / scale / 2.0, y: rect.cy() - size.1 / scale / 2.0 }.within(size)
    }

    /// The same as far as the stage reaches.
    #[must_use]
    pub fn within(self, size: (f64, f64)) -> Self {
        let most = |length: f64| (length - length / self.scale).max(0.0);
        Self { x: self.x.clamp(0.0, most(size.0)), y: self.y.clamp(0.0, most(size.1)), ..self }
    }

    /// On the way to another view, after a share of it.
    #[must_use]
    pub fn towards(&self, goal: &Self, share: f64) -> Self {
        if share >= 1.0 {
            return *goal;
        }
        // The scale changes by the same factor in equal times, and what is in both views moves straight.
        let scale = self.scale * (goal.scale / self.scale).powf(share);
        let grown = if (1.0 / goal.scale - 1.0 / self.scale).abs() < 1e-9 {
            share
        } else {
            (1.0 / scale - 1.0 / self.scale) / (1.0 / goal.scale - 1.0 / self.scale)
        };
        Self { scale, x: self.x + (goal.x - self.x) * grown, y: self.y + (goal.y - self.y) * grown }
    }

    /// What is seen, in pixels of the stage.
    pub fn seen(&self, size: (f64, f64)) -> Rect {
        Rect::new(self.x, self.y, size.0 / self.scale, size.1 / self.scale)
    }

    /// A point of the view on the stage.
    pub fn to_stage(&self, at: Point) -> Point {
        Point::new(self.x + at.x / self.scale, self.y + at.y / self.scale)
    }

    /// A point of the stage in the view.
    pub fn to_view(&self, at: Point) -> Point {
        Point::new((at.x - self.x) * self.scale, (at.y - self.y) * self.scale)
    }

    /// A rectangle of the stage in the view.
    pub fn rect_to_view(&self, rect: Rect) -> Rect {
        let at = self.to_view(Point::new(rect.x, rect.y));
        Rect::new(at.x, at.y, rect.w * self.scale, rect.h * self.scale)
    }

    /// A rectangle of the view on the stage.
    pub fn rect_to_stage(&self, rect: Rect) -> Rect {
        let at = self.to_stage(Point::new(rect.x, rect.y));
        Rect::new(at.x, at.y, rect.w / self.scale, rect.h / self.scale)
    }

    /// What an SVG shows of itself.
    pub fn view_box(&self, size: (f64, f64)) -> String {
        let seen = self.seen(size);
        format!("{:.3} {:.3} {} {}", self.x, self.y, number(seen.w), number(seen.h))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (f64, f64) = (1200.0, 600.0);

    fn close(a: Point, b: Point) {
        assert!((a.x - b.x).abs() < 1e-6 && (a.y - b.y).abs() < 1e-6, "{a:?} {b:?}");
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let at = Point::new(700.0, 200.0);
        let mut camera = Camera::FIT;
        for factor in [1.4, 2.0, 0.9, 1.1] {
            let before = camera.to_stage(at);
            camera = camera.zoomed(factor, at, SIZE, 8.0);
            close(camera.to_stage(at), before);
        }
        assert!(camera.zoomed(1e9, at, SIZE, 8.0).scale <= 8.0);
        assert!(camera.zoomed(1e-9, at, SIZE, 8.0).is_fit(), "the smallest is the fit, wherever one was");
    }

    #[test]
    fn nothing_beyond_the_stage_is_seen() {
        let stage = Rect::new(0.0, 0.0, SIZE.0, SIZE.1);
        let camera = Camera::FIT.zoomed(3.0, Point::new(10.0, 10.0), SIZE, 8.0);
        for by in [Point::new(1e5, 0.0), Point::new(-1e5, 3.0), Point::new(0.0, -1e5), Point::new(2.0, 1e5)] {
            assert!(stage.contains(&camera.panned(by, SIZE).seen(SIZE)));
        }
        assert!(Camera::FIT.panned(Point::new(50.0, 50.0), SIZE).is_fit());
    }

    #[test]
    fn around_shows_all_of_a_rectangle() {
        for rect in [Rect::new(0.0, 0.0, 10.0, 10.0), Rect::new(900.0, 500.0, 200.0, 80.0), Rect::new(100.0, 0.0, 900.0, 600.0)] {
            let camera = Camera::around(rect, SIZE, 20.0);
            assert!(camera.seen(SIZE).contains(&rect), "{rect:?}: {camera:?}");
        }
        close(
            Camera::around(Rect::new(590.0, 290.0, 20.0, 20.0), SIZE, 20.0).to_view(Point::new(600.0, 300.0)),
            Point::new(600.0, 300.0),
        );
    }

    #[test]
    fn a_glide_begins_and_ends_where_it_should_and_only_grows() {
        let goal = Camera::around(Rect::new(900.0, 500.0, 20.0, 20.0), SIZE, 20.0);
        assert_eq!(Camera::FIT.towards(&goal, 1.0), goal);
        let mut before = Camera::FIT.towards(&goal, 0.0);
        assert!((before.scale - 1.0).abs() < 1e-9 && before.x.abs() < 1e-9);
        for step in 1..=20 {
            let now = Camera::FIT.towards(&goal, f64::from(step) / 20.0);
            assert!(now.scale > before.scale && now.x >= before.x, "{now:?}");
            before = now;
        }
    }

    #[test]
    fn view_and_stage_are_inverse() {
        let camera = Camera { scale: 2.5, x: 33.0, y: 44.0 };
        let point = Point::new(123.0, 456.0);
        close(camera.to_stage(camera.to_view(point)), point);
        let rect = Rect::new(1.0, 2.0, 30.0, 40.0);
        assert!(rect.inset(-0.1).contains(&camera.rect_to_stage(camera.rect_to_view(rect))));
        assert_eq!(camera.view_box(SIZE), "33.000 44.000 480 240");
    }
}

//! Squares and rectangles that fill an area.

use super::super::geometry::Rect;

/// Squares in rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    area: Rect,
    columns: usize,
    pitch: f64,
    /// The side of a square.
    pub(super) size: f64,
}

impl Cells {
    /// As large as `count` of them can be.
    pub(super) fn new(area: Rect, count: usize) -> Self {
        let count = count.max(1);
        let mut columns = 1;
        let pitch = |columns: usize| (area.w / columns as f64).min(area.h / count.div_ceil(columns) as f64);
        // The best number of columns lies near the root of what a square grid would have.
        let guess = ((count as f64 * area.w / area.h.max(1e-3)).sqrt().floor() as usize).clamp(1, count);
        for candidate in [guess, guess + 1] {
            if pitch(candidate) > pitch(columns) {
                columns = candidate;
            }
        }
        let pitch = pitch(columns).clamp(0.0, 34.0);
        let columns = ((area.w / pitch.max(1e-3) + 1e-6).floor() as usize).max(1);
        Self { area, columns, pitch, size: pitch * 0.88 }
    }

    /// The place of one.
    pub(super) fn at(&self, index: usize) -> Rect {
        let (row, column) = (index / self.columns, index % self.columns);
        Rect::new(self.area.x + self.pitch * column as f64, self.area.y + self.pitch * row as f64, self.size, self.size)
    }
}

/// Rectangles of areas in proportion to `weights`, in rows of the given order that are as square as rows allow.
pub(super) fn strips(weights: &[f64], area: Rect) -> Vec<Rect> {
    let total: f64 = weights.iter().sum();
    let mut rects = Vec::with_capacity(weights.len());
    let (mut first, mut y) = (0, area.y);
    while first < weights.len() {
        let shape = |count: usize| {
            let sum: f64 = weights[first..first + count].iter().sum();
            let h = area.h * sum / total;
            // How far the boxes of such a row are from being squares, on average.
            weights[first..first + count]
                .iter()
                .map(|weight| (area.w * weight / sum / h).max(h * sum / area.w / weight))
                .sum::<f64>()
                / count as f64
        };
        let mut count = 1;
        while first + count < weights.len() && shape(count + 1) <= shape(count) {
            count += 1;
        }
        let sum: f64 = weights[first..first + count].iter().sum();
        let h = area.h * sum / total;
        let mut x = area.x;
        for weight in &weights[first..first + count] {
            let w = area.w * weight / sum;
            rects.push(Rect::new(x, y, w, h));
            x += w;
        }
        y += h;
        first += count;
    }
    rects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_cells_as_wanted_have_room() {
        for count in [1, 2, 7, 8, 30, 110, 999] {
            for area in [Rect::new(5.0, 6.0, 100.0, 40.0), Rect::new(0.0, 0.0, 13.0, 90.0), Rect::new(0.0, 0.0, 700.0, 700.0)] {
                let cells = Cells::new(area, count);
                assert!(area.contains(&cells.at(count - 1)) && area.contains(&cells.at(0)), "{count} in {area:?}: {cells:?}");
                assert!(!cells.at(0).overlaps(&cells.at(count.min(2) - 1)) || count == 1);
            }
        }
    }

    #[test]
    fn strips_fill_their_area_in_proportion() {
        let area = Rect::new(10.0, 20.0, 400.0, 300.0);
        let weights = [5.0, 1.0, 1.0, 9.0, 4.0, 20.0];
        let rects = strips(&weights, area);
        for (rect, weight) in rects.iter().zip(weights) {
            assert!(area.contains(rect));
            assert!((rect.w * rect.h - area.w * area.h * weight / 40.0).abs() < 1e-6);
        }
        assert!(rects.iter().all(|rect| rect.w / rect.h < 8.0 && rect.h / rect.w < 8.0), "none is a line");
        assert!(strips(&[], area).is_empty());
    }
}

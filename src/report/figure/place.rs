//! Room for texts: rectangles, lines cut at a rectangle, and which of several places covers least of a drawing.

/// A point in pixels.
pub type Point = (f64, f64);

/// An upright rectangle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    /// A rectangle from its upper left corner and its size.
    pub fn sized(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self { left, top, right: left + width, bottom: top + height }
    }

    /// A square around a point.
    pub fn around((x, y): Point, radius: f64) -> Self {
        Self { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }
    }

    /// Its width.
    pub fn width(self) -> f64 {
        self.right - self.left
    }

    /// Its height.
    pub fn height(self) -> f64 {
        self.bottom - self.top
    }

    /// Its middle.
    pub fn middle(self) -> Point {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// Whether this lies in another.
    pub fn lies_in(self, other: Self) -> bool {
        self.left >= other.left && self.right <= other.right && self.top >= other.top && self.bottom <= other.bottom
    }

    /// The area that two have in common.
    pub fn shared(self, other: Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// The part of a straight line that lies inside (Liang & Barsky, 1984).
    pub fn cut(self, (x0, y0): Point, (x1, y1): Point) -> Option<(Point, Point)> {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        for (along, room) in
            [(-dx, x0 - self.left), (dx, self.right - x0), (-dy, y0 - self.top), (dy, self.bottom - y0)]
        {
            if along == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if along < 0.0 {
                from = from.max(room / along);
            } else {
                to = to.min(room / along);
            }
        }
        (from <= to).then_some(((x0 + from * dx, y0 + from * dy), (x0 + to * dx, y0 + to * dy)))
    }
}

/// What a drawing holds already.
#[derive(Debug, Default)]
pub struct Taken {
    lines: Vec<(Point, Point)>,
    faint: Vec<(Point, Point)>,
    boxes: Vec<Rect>,
}

impl Taken {
    /// Adds a line.
    pub fn line(&mut self, points: &[Point]) {
        self.lines.extend(points.windows(2).map(|pair| (pair[0], pair[1])));
    }

    /// Adds a line that may be covered rather than others.
    pub fn faint(&mut self, from: Point, to: Point) {
        self.faint.push((from, to));
    }

    /// Adds a text or a mark.
    pub fn rect(&mut self, rect: Rect) {
        self.boxes.push(rect);
    }

    /// How much of the drawing a rectangle would cover: about the length of lines, and the height of texts.
    fn covered(&self, rect: Rect) -> f64 {
        let length = |&(from, to): &(Point, Point)| {
            rect.cut(from, to).map_or(0.0, |((x0, y0), (x1, y1))| (x1 - x0).hypot(y1 - y0) + 1.0)
        };
        let lines = self.lines.iter().map(length).sum::<f64>() + 0.3 * self.faint.iter().map(length).sum::<f64>();
        lines + 2.0 * self.boxes.iter().map(|other| rect.shared(*other)).sum::<f64>()
    }

    /// The candidate that covers least, the earliest of equals, and how much it covers. Candidates that do not lie
    /// `within` are not looked at.
    pub fn freest(&self, candidates: impl IntoIterator<Item = Rect>, within: Rect) -> Option<(Rect, f64)> {
        let mut best: Option<(Rect, f64)> = None;
        for rect in candidates.into_iter().filter(|rect| rect.lies_in(within)) {
            let covered = self.covered(rect);
            if best.is_none_or(|(_, least)| covered < least) {
                best = Some((rect, covered));
            }
            if covered == 0.0 {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_they_leave() {
        let rect = Rect::sized(0.0, 0.0, 10.0, 10.0);
        assert_eq!(rect.cut((-5.0, 5.0), (15.0, 5.0)), Some(((0.0, 5.0), (10.0, 5.0))));
        assert_eq!(rect.cut((2.0, 2.0), (3.0, 3.0)), Some(((2.0, 2.0), (3.0, 3.0))));
        assert_eq!(rect.cut((11.0, 0.0), (11.0, 9.0)), None);
        assert_eq!(rect.cut((-5.0, 8.0), (5.0, 18.0)), None);
    }

    #[test]
    fn the_freest_place_is_chosen() {
        let within = Rect::sized(0.0, 0.0, 100.0, 100.0);
        let corners = [Rect::sized(0.0, 0.0, 20.0, 10.0), Rect::sized(80.0, 0.0, 20.0, 10.0)];
        let mut taken = Taken::default();
        assert_eq!(taken.freest(corners, within), Some((corners[0], 0.0)));
        taken.line(&[(0.0, 0.0), (50.0, 50.0)]);
        assert_eq!(taken.freest(corners, within), Some((corners[1], 0.0)));
        taken.rect(corners[1]);
        assert_eq!(taken.freest(corners, within).map(|(rect, _)| rect), Some(corners[0]));
        assert_eq!(taken.freest([Rect::sized(90.0, 0.0, 20.0, 10.0)], within), None);
    }
}

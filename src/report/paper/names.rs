//! Names along the rows and the columns of a matrix: equal neighbours share one, and what has no room is left out.

use plotters::style::text_anchor::{HPos, VPos};

use super::place::Point;
use super::text::NUMBERS;
use crate::report::canvas::{Font, Pen, shortened, text_width};
use crate::report::palette::INK;

const FONT: Font = Font { size: 11.5, ..NUMBERS };
/// Characters of a name that are shown at most.
const MOST: usize = 18;

/// A name and the cells that it stands for.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    name: String,
    first: usize,
    count: usize,
}

/// The names along one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    runs: Vec<Run>,
}

impl Names {
    /// Equal names of neighbours become one.
    pub fn of(names: &[String]) -> Self {
        let mut first = 0;
        let mut run = |names: &[String]| {
            let run = Run { name: shortened(&names[0], MOST), first, count: names.len() };
            first += names.len();
            run
        };
        Self { runs: names.chunk_by(|a, b| a == b).map(&mut run).collect() }
    }

    fn widest(&self) -> f64 {
        self.runs.iter().map(|run| text_width(&run.name, FONT.size)).fold(0.0, f64::max)
    }

    /// Whether one of them stands for several cells.
    fn grouped(&self) -> bool {
        self.runs.iter().any(|run| run.count > 1)
    }

    /// The room that they take beside a matrix, in pixels.
    pub fn beside(&self) -> f64 {
        if self.widest() > 0.0 { self.widest() + 8.0 } else { 0.0 }
    }

    /// The room that they take beneath a matrix of cells of this width, in pixels.
    pub fn beneath(&self, cell: f64) -> f64 {
        match self.widest() {
            0.0 => 0.0,
            widest if self.upright(cell) => widest + 10.0,
            _ => FONT.size + 9.0,
        }
    }

    fn upright(&self, cell: f64) -> bool {
        self.runs.iter().any(|run| text_width(&run.name, FONT.size) > run.count as f64 * cell - 2.0)
    }

    /// The names that have room, each with the middle of its cells.
    fn shown(&self, cell: f64, least: f64) -> impl Iterator<Item = (&str, f64)> {
        let mut free = f64::NEG_INFINITY;
        self.runs.iter().filter(|run| !run.name.is_empty()).filter_map(move |run| {
            let middle = (run.first as f64 + run.count as f64 / 2.0) * cell;
            (middle - least / 2.0 >= free - 0.01).then(|| {
                free = middle + least / 2.0;
                (run.name.as_str(), middle)
            })
        })
    }

    fn borders(&self, cell: f64) -> impl Iterator<Item = f64> {
        let inner = if self.grouped() { self.runs.get(1..).unwrap_or_default() } else { &[] };
        inner.iter().map(move |run| run.first as f64 * cell)
    }

    /// Writes them to the left of a matrix whose upper left corner this is.
    pub fn rows(&self, pen: &mut Pen<'_>, (x, y): Point, cell: f64) {
        for border in self.borders(cell) {
            pen.line(&[(x - 5.0, y + border), (x, y + border)], INK, 1.0, None);
        }
        for (name, middle) in self.shown(cell, FONT.size) {
            pen.text(name, (x - 6.0, y + middle), FONT, HPos::Right, VPos::Center);
        }
    }

    /// Writes them beneath a matrix whose lower left corner this is.
    pub fn columns(&self, pen: &mut Pen<'_>, (x, y): Point, cell: f64) {
        for border in self.borders(cell) {
            pen.line(&[(x + border, y), (x + border, y + 5.0)], INK, 1.0, None);
        }
        let upright = self.upright(cell);
        for (name, middle) in self.shown(cell, if upright { FONT.size } else { 0.0 }) {
            if upright {
                pen.text(name, (x + middle, y + 6.0), Font { upwards: true, ..FONT }, HPos::Right, VPos::Center);
            } else {
                pen.text(name, (x + middle, y + 5.0), FONT, HPos::Center, VPos::Top);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_name_and_names_without_room_are_left_out() {
        let names = Names::of(&["0", "0", "1", "1", "1", "2"].map(str::to_owned));
        let shown: Vec<_> = names.shown(4.0, 2.0).collect();
        assert_eq!(shown, [("0", 4.0), ("1", 14.0), ("2", 22.0)]);
        assert_eq!(names.borders(4.0).collect::<Vec<_>>(), [8.0, 20.0]);
        let many: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let names = Names::of(&many);
        assert_eq!(names.shown(2.0, 12.0).count(), 17);
        assert_eq!(names.borders(2.0).count(), 0);
        assert_eq!(Names::default().beside(), 0.0);
    }
}

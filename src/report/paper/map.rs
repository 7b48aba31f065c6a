//! Phase maps: a quantity over two settings, such as gain and depth.

use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::cells::Cells;
use super::colours::Colours;
use super::place::{Point, Rect};
use super::text::{GROUND, LABELS, NOTES, NUMBERS, TITLES, fitting, short, usual_width};
use crate::report::canvas::{self, Font, Pen, shortened, text_width};
use crate::report::figure::Figure;
use crate::report::palette::INK;
use crate::report::panel::{DASH, WIDTH};

const APART: f64 = 30.0;
const TITLE: f64 = 28.0;
/// Room above a map for the label of a line.
const LABEL: f64 = 17.0;
/// The least and the largest width and height of a cell, in pixels.
const WIDTHS: (f64, f64) = (4.0, 52.0);
const HEIGHTS: (f64, f64) = (6.0, 34.0);
/// The height that maps are given, and the room below them for numbers and a name, in pixels.
const HEIGHT: f64 = 260.0;
const BELOW: f64 = 48.0;

/// A figure of phase maps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// Maps beside each other; 0 chooses by their number.
    pub columns: usize,
    /// The scale of colours: its name with the unit, whether it is logarithmic, and its ends.
    pub colours: Axis,
    /// Whether one scale is fitted to all maps; else each has its own, with its own bar.
    pub shared: bool,
    /// The maps.
    pub panels: Vec<MapPanel>,
}

/// A setting along one side of a map. Cells are equally large, however its values are spaced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setting {
    /// Its name, with the unit.
    pub label: String,
    /// Its values, one for each column or row.
    pub values: Vec<f64>,
}

/// A map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapPanel {
    /// What it shows; may be empty.
    pub title: String,
    /// The setting along the columns, from the left.
    pub x: Setting,
    /// The setting along the rows, from the bottom.
    pub y: Setting,
    /// The values, in the unit of the colours: row by row from the bottom, each row from the left. NaN, or a value that
    /// is missing at the end, leaves a cell without a value: it is hatched.
    pub values: Vec<f64>,
    /// Whether values are written into cells that have room for them.
    pub numbers: bool,
    /// Upright lines.
    pub lines: Vec<MapLine>,
}

/// An upright line across a map, such as a critical gain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapLine {
    /// Where it lies, in columns from the left edge: 0.5 is the middle of the first column.
    pub column: f64,
    /// What it is; may be empty.
    pub label: String,
}

impl MapPanel {
    /// Where a value of the horizontal setting lies, in columns from the left edge: between the middles of the two
    /// columns whose values it lies between. `None` beyond the first and the last column.
    pub fn column_of(&self, value: f64) -> Option<f64> {
        let pairs = self.x.values.windows(2).enumerate();
        pairs.into_iter().find_map(|(i, pair)| {
            let share = (value - pair[0]) / (pair[1] - pair[0]);
            (0.0..=1.0).contains(&share).then_some(i as f64 + 0.5 + share)
        })
    }

    /// The values row by row from the top, with NaN where there is none.
    fn downwards(&self) -> Vec<f64> {
        let columns = self.x.values.len();
        let value = |row: usize, column: usize| self.values.get(row * columns + column).copied().unwrap_or(f64::NAN);
        (0..self.y.values.len()).rev().flat_map(|row| (0..columns).map(move |column| value(row, column))).collect()
    }
}

/// Sizes that all maps of a figure share, in pixels.
struct Layout {
    columns: usize,
    left: f64,
    above: f64,
    /// The width that the cells of a map may take.
    room: f64,
    /// The size of a map with everything around it.
    whole: (f64, f64),
}

impl Map {
    /// Draws the figure.
    pub fn draw(&self) -> Figure {
        let values: Vec<Vec<f64>> = self.panels.iter().map(MapPanel::downwards).collect();
        let shared = Colours::of(&self.colours, values.iter().flatten().copied());
        let layout = self.layout(&shared);
        let rows = self.panels.len().div_ceil(layout.columns);
        let bar = if self.shared { shared.room() } else { 0.0 };
        let width = (layout.whole.0 * layout.columns as f64 + bar).max(320.0);
        let svg = canvas::draw(width, (layout.whole.1 * rows as f64).max(60.0), &self.label, |pen| {
            for (i, (panel, values)) in self.panels.iter().zip(&values).enumerate() {
                let (row, column) = (i / layout.columns, i % layout.columns);
                let left = column as f64 * layout.whole.0 + layout.left;
                let at = (left, row as f64 * layout.whole.1 + layout.above);
                let own = Colours::of(&self.colours, values.iter().copied());
                let colours = if self.shared { &shared } else { &own };
                let cells = Cells {
                    values,
                    columns: panel.x.values.len().max(1),
                    size: panel.cell(layout.room),
                    numbers: panel.numbers,
                    digits: 2,
                };
                let rect = panel.draw(pen, cells, at, colours);
                if !self.shared {
                    own.bar(pen, (rect.right + 8.0, rect.top), (rect.bottom - rect.top).min(200.0));
                }
            }
            if self.shared {
                let height = (layout.whole.1 - layout.above - BELOW).clamp(70.0, 200.0);
                shared.bar(pen, (layout.whole.0 * layout.columns as f64 - APART + 12.0, layout.above), height);
            }
        });
        Figure { svg, caption: self.caption.clone() }
    }

    fn layout(&self, shared: &Colours<'_>) -> Layout {
        let count = self.panels.len().max(1);
        let columns = match self.columns {
            0 => [1, 2, 3, 2, 3, 3].get(count - 1).copied().unwrap_or(4),
            columns => columns.min(count),
        };
        let ticks = self.panels.iter().flat_map(|panel| &panel.y.values);
        let left = ticks.map(|value| text_width(&short(*value), NUMBERS.size)).fold(0.0, f64::max) + 34.0;
        let bar = shared.room() + 12.0;
        let (beside, once) = if self.shared { (0.0, bar) } else { (bar, 0.0) };
        let room = (WIDTH - once) / columns as f64 - left - APART - beside;
        let labelled = self.panels.iter().flat_map(|panel| &panel.lines).any(|line| !line.label.is_empty());
        let titled = self.panels.iter().any(|panel| !panel.title.is_empty());
        let above = if titled { TITLE } else { 8.0 } + if labelled { LABEL } else { 0.0 };
        let cells = |panel: &MapPanel| {
            let (width, height) = panel.cell(room);
            (width * panel.x.values.len() as f64, height * panel.y.values.len() as f64)
        };
        // A map may be narrower than its title.
        let titles = self.panels.iter().map(|panel| text_width(&panel.title, TITLES.size).min(room));
        let widest = self.panels.iter().map(|panel| cells(panel).0).chain(titles).fold(0.0, f64::max);
        let highest = self.panels.iter().map(|panel| cells(panel).1).fold(0.0, f64::max);
        let whole = (left + widest + beside + APART, above + highest + BELOW);
        Layout { columns, left, above, room, whole }
    }
}

impl MapPanel {
    /// The size of a cell where the cells of a row may take so much room.
    fn cell(&self, room: f64) -> (f64, f64) {
        let width = room / self.x.values.len().max(1) as f64;
        // No higher than wide, unless that makes the rows too low to be read.
        let height = (HEIGHT / self.y.values.len().max(1) as f64).min(width.max(18.0));
        (width.clamp(WIDTHS.0, WIDTHS.1), height.clamp(HEIGHTS.0, HEIGHTS.1))
    }

    /// Draws the map whose cells start at an upper left corner, and returns where they lie.
    fn draw(&self, pen: &mut Pen<'_>, cells: Cells<'_>, at: Point, colours: &Colours<'_>) -> Rect {
        let (columns, rows) = (self.x.values.len(), self.y.values.len());
        let rect = Rect::sized(at.0, at.1, cells.size.0 * columns as f64, cells.size.1 * rows as f64);
        let labelled = self.lines.iter().any(|line| !line.label.is_empty());
        let title = shortened(&self.title, fitting((rect.right - rect.left).max(200.0) + APART, TITLES));
        let above = rect.top - 8.0 - if labelled { LABEL } else { 0.0 };
        pen.text(&title, (rect.left, above), TITLES, HPos::Left, VPos::Bottom);
        cells.draw(pen, at, colours);
        self.x_axis(pen, rect, cells.size.0);
        self.y_axis(pen, rect, cells.size.1);
        for line in self.lines.iter().filter(|line| (0.0..=columns as f64).contains(&line.column)) {
            let x = rect.left + line.column * cells.size.0;
            for ends in strokes(x, rect, cells) {
                // On a ground of its own, or it could not be seen on dark cells.
                pen.line(&ends, GROUND, 4.0, None);
                pen.line(&ends, INK, 1.8, None);
            }
            let half = usual_width(&line.label, NOTES) / 2.0;
            let middle = x.min(rect.right + APART * 0.8 - half).max(rect.left + half - 20.0);
            pen.text(&line.label, (middle, rect.top - 7.0), NOTES, HPos::Center, VPos::Bottom);
        }
        rect
    }

    fn x_axis(&self, pen: &mut Pen<'_>, rect: Rect, cell: f64) {
        let widths = |text: &str| text_width(text, NUMBERS.size) + 4.0;
        for (i, text) in thinned(&self.x.values, cell, widths) {
            let x = rect.left + (i as f64 + 0.5) * cell;
            pen.line(&[(x, rect.bottom), (x, rect.bottom + 4.0)], INK, 0.8, None);
            pen.text(&text, (x, rect.bottom + 7.0), NUMBERS, HPos::Center, VPos::Top);
        }
        let at = ((rect.left + rect.right) / 2.0, rect.bottom + 24.0);
        pen.text(&self.x.label, at, LABELS, HPos::Center, VPos::Top);
    }

    fn y_axis(&self, pen: &mut Pen<'_>, rect: Rect, cell: f64) {
        let mut widest: f64 = 0.0;
        for (i, text) in thinned(&self.y.values, cell, |_| NUMBERS.size + 1.0) {
            let y = rect.bottom - (i as f64 + 0.5) * cell;
            pen.line(&[(rect.left - 4.0, y), (rect.left, y)], INK, 0.8, None);
            pen.text(&text, (rect.left - 7.0, y), NUMBERS, HPos::Right, VPos::Center);
            widest = widest.max(text_width(&text, NUMBERS.size));
        }
        let text = shortened(&self.y.label, fitting(rect.bottom - rect.top + 40.0, LABELS));
        let at = (rect.left - widest - 18.0, (rect.top + rect.bottom) / 2.0);
        pen.text(&text, at, Font { upwards: true, ..LABELS }, HPos::Center, VPos::Center);
    }
}

/// The numbers along an axis: every one, or every so many that they do not touch.
fn thinned(values: &[f64], cell: f64, room: impl Fn(&str) -> f64) -> impl Iterator<Item = (usize, String)> {
    let texts: Vec<String> = values.iter().map(|value| short(*value)).collect();
    let widest = texts.iter().map(|text| room(text)).fold(0.0, f64::max);
    let every = (widest / cell).ceil().max(1.0) as usize;
    texts.into_iter().enumerate().step_by(every)
}

/// The strokes of an upright dashed line; where cells hold numbers, it runs between these.
fn strokes(x: f64, rect: Rect, cells: Cells<'_>) -> Vec<[Point; 2]> {
    let (period, share) =
        if cells.numbered() { (cells.size.1, 0.5) } else { (DASH.0 + DASH.1, DASH.0 / (DASH.0 + DASH.1)) };
    let half = period * share / 2.0;
    let count = ((rect.bottom - rect.top) / period).round() as usize;
    let stroke = |i: usize| {
        let middle = rect.top + i as f64 * period;
        [(x, (middle - half).max(rect.top - 4.0)), (x, (middle + half).min(rect.bottom))]
    };
    (0..=count).map(stroke).filter(|[(_, from), (_, to)]| from < to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_columns_lie_between_their_middles() {
        let x = Setting { label: String::new(), values: vec![0.5, 1.0, 2.0] };
        let map = MapPanel { x, ..MapPanel::default() };
        assert_eq!([0.5, 0.75, 1.0, 1.5, 2.0].map(|gain| map.column_of(gain)), [0.5, 1.0, 1.5, 2.0, 2.5].map(Some));
        assert_eq!([0.4, 2.1, f64::NAN].map(|gain| map.column_of(gain)), [None; 3]);
    }
}

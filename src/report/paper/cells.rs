//! Grids of coloured cells: rectangles where they are few, an image where they are many. What has no value is hatched
//! and never filled, since every colour means a value.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::colours::Colours;
use super::place::{Point, Rect};
use super::text::{NUMBERS, digits, usual_width};
use crate::report::canvas::{Font, Pen};
use crate::report::palette::{self, INK, MUTED};
use crate::report::png;

/// Between strokes of a hatch, in pixels.
const HATCH: f64 = 5.0;
/// Cells smaller than this are drawn as one image, in pixels.
const SMALL: f64 = 8.0;
/// The sizes between which numbers are written, in pixels.
const SMALLEST: f64 = 8.5;
const LARGEST: f64 = 12.0;
/// More cells than this are drawn as one image.
const MANY: usize = 900;

/// A grid of values, row by row from the top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    pub values: &'a [f64],
    pub columns: usize,
    /// The size of a cell, in pixels.
    pub size: (f64, f64),
    /// Whether values are written into cells that have room for them.
    pub numbers: bool,
    /// With how many digits.
    pub digits: u8,
}

impl Cells<'_> {
    fn rows(self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// Draws the cells from their upper left corner.
    pub fn draw(self, pen: &mut Pen<'_>, (left, top): Point, colours: &Colours<'_>) {
        let (width, height) = self.size;
        let whole = Rect::sized(left, top, width * self.columns as f64, height * self.rows() as f64);
        let image = width.min(height) < SMALL || self.values.len() > MANY;
        if image && self.rows() > 0 {
            let uri = self.image(colours);
            pen.image(left, top, whole.right - left, whole.bottom - top, &uri);
        }
        let mut hatch = Vec::new();
        let gap = if image { 0.0 } else { 1.0 };
        let font = self.font();
        for (i, &value) in self.values.iter().take(self.rows() * self.columns).enumerate() {
            let at = (left + (i % self.columns) as f64 * width, top + (i / self.columns) as f64 * height);
            let cell = Rect::sized(at.0, at.1, width - gap, height - gap);
            match colours.share(value) {
                None => hatch.extend(hatched(cell)),
                Some(_) if image => {}
                Some(share) => {
                    pen.fill(at.0, at.1, width - gap, height - gap, palette::heat(share));
                    if self.numbered() {
                        let text = digits(value, self.digits);
                        let middle = ((cell.left + cell.right) / 2.0, (cell.top + cell.bottom) / 2.0);
                        let font = Font { colour: palette::on_heat(share), ..font };
                        pen.text(&text, middle, font, HPos::Center, VPos::Center);
                    }
                }
            }
        }
        pen.strokes(&hatch, MUTED, 0.8);
        let Rect { left, right, top, bottom } = whole;
        let (right, bottom) = (right - gap, bottom - gap);
        pen.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], INK, 0.8, None);
    }

    /// The largest font in which the widest of the numbers fits.
    fn font(self) -> Font {
        let unit = Font { size: 1.0, ..NUMBERS };
        let widest =
            self.values.iter().map(|value| usual_width(&digits(*value, self.digits), unit)).fold(0.5, f64::max);
        Font { size: ((self.size.0 - 4.0) / widest).min(self.size.1 - 4.0).min(LARGEST), ..NUMBERS }
    }

    /// Whether cells have room for numbers that can be read.
    pub fn numbered(self) -> bool {
        self.numbers && self.font().size >= SMALLEST
    }

    fn image(self, colours: &Colours<'_>) -> String {
        /// The entry for cells without a value.
        const NONE: u8 = 255;
        let mut entries = [[0_u8; 3]; 256];
        for (i, entry) in entries.iter_mut().enumerate() {
            let RGBColor(r, g, b) = palette::heat(i as f64 / f64::from(NONE - 1));
            *entry = [r, g, b];
        }
        let pixel = |value: &f64| colours.share(*value).map_or(NONE, |t| (t * f64::from(NONE - 1)).round() as u8);
        let values = &self.values[..self.rows() * self.columns];
        png::data_uri_clear(self.columns, &values.iter().map(pixel).collect::<Vec<_>>(), &entries)
    }
}

/// Slanted strokes that go on from cell to cell.
fn hatched(cell: Rect) -> impl Iterator<Item = [Point; 2]> {
    let (first, last) = ((cell.left + cell.top) / HATCH, (cell.right + cell.bottom) / HATCH);
    (first.ceil() as i64..=last.floor() as i64).filter_map(move |i| {
        // Where x + y is a multiple of the distance.
        let sum = i as f64 * HATCH;
        let (from, to) = cell.cut((sum - cell.top, cell.top), (sum - cell.bottom, cell.bottom))?;
        (from != to).then_some([from, to])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hatches_stay_in_their_cell_and_go_on_in_the_next() {
        let cell = Rect::sized(10.0, 10.0, 20.0, 12.0);
        let strokes: Vec<_> = hatched(cell).collect();
        assert!((5..=7).contains(&strokes.len()), "{strokes:?}");
        for (x, y) in strokes.iter().flatten() {
            assert!((10.0..=30.0).contains(x) && (10.0..=22.0).contains(y), "{x} {y}");
            assert!(((x + y) / HATCH).fract().abs() < 1e-9);
        }
    }
}

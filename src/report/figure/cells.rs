//! Grids of coloured cells: rectangles with their numbers where they are few, an image where they are many. What has no
//! value is hatched and never filled, since every colour means a value.

use super::colours::Colours;
use super::palette::{self, INK, MUTED, Rgb};
use super::place::{Point, Rect};
use super::png;
use super::svg::{Anchor, Stroke, Svg};
use super::text::{Font, LINE, NUMBERS};

/// Between strokes of a hatch, in pixels.
const HATCH: f64 = 5.0;
/// Cells smaller than this are drawn as one image, in pixels.
const SMALL: f64 = 8.0;
/// The sizes between which numbers are written, in pixels.
const SIZES: (f64, f64) = (8.5, 12.5);
/// More cells than this are drawn as one image.
const MANY: usize = 900;

/// A grid of values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells {
    /// The number of columns.
    pub columns: usize,
    /// The values, row by row from the top; NaN for none.
    pub values: Vec<f64>,
    /// What is written into the cells where there is room, one text a value; empty for nothing.
    pub texts: Vec<String>,
    /// What the colours of the values are.
    pub colours: Colours,
}

impl Cells {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// The size of the largest letters in which every text fits a cell, if they can be read.
    fn font(&self, (width, height): (f64, f64)) -> Option<Font> {
        let unit = Font { size: 1.0, ..NUMBERS };
        let rooms = self.texts.iter().map(|text| unit.room(text));
        let (widest, highest) = rooms.fold((0.5, LINE), |(w, h), (width, height)| (f64::max(w, width), h.max(height)));
        let size = ((width - 6.0) / widest).min((height - 4.0) / highest * LINE).min(SIZES.1);
        (!self.texts.is_empty() && size >= SIZES.0).then_some(Font { size, ..NUMBERS })
    }

    /// Whether texts are written into cells of this size.
    pub fn written(&self, size: (f64, f64)) -> bool {
        self.font(size).is_some()
    }

    /// Draws the cells.
    pub fn draw(&self, svg: &mut Svg, whole: Rect) {
        let (rows, columns) = (self.rows(), self.columns.max(1));
        let (width, height) = (whole.width() / columns as f64, whole.height() / rows.max(1) as f64);
        let image = width.min(height) < SMALL || self.values.len() > MANY;
        if image && rows > 0 {
            svg.image(whole, &self.image());
        }
        let mut hatch = Vec::new();
        let gap = if image { 0.0 } else { 1.0 };
        let font = self.font((width, height)).filter(|_| !image);
        for (row, values) in self.values.chunks_exact(columns).enumerate() {
            let mut column = 0;
            // Neighbours without a value are hatched as one where they touch.
            for run in values.chunk_by(|a, b| image && a.is_nan() == b.is_nan()) {
                let at = (whole.left + column as f64 * width, whole.top + row as f64 * height);
                let cell = Rect::sized(at.0, at.1, width * run.len() as f64 - gap, height - gap);
                match self.colours.colour(run[0]) {
                    None => hatch.extend(hatched(cell)),
                    Some(_) if image => {}
                    Some(colour) => {
                        svg.fill(cell, colour);
                        if let (Some(font), Some(text)) = (font, self.texts.get(row * columns + column)) {
                            written(svg, text, cell.middle(), Font { colour: palette::on(colour), ..font });
                        }
                    }
                }
                column += run.len();
            }
        }
        svg.strokes(&hatch, Stroke::new(MUTED, 0.8));
        let frame = Rect { right: whole.right - gap, bottom: whole.bottom - gap, ..whole };
        svg.outline(frame, Stroke::new(INK, 0.8));
    }

    fn image(&self) -> String {
        /// The entry for cells without a value.
        const NONE: u8 = 255;
        let mut entries = [[0_u8; 3]; 256];
        for (i, entry) in entries.iter_mut().enumerate() {
            let Rgb(r, g, b) = self.colours.hue.at(i as f64 / f64::from(NONE - 1));
            *entry = [r, g, b];
        }
        let pixel = |value: &f64| self.colours.share(*value).map_or(NONE, |t| (t * f64::from(NONE - 1)).round() as u8);
        let values = &self.values[..self.rows() * self.columns];
        png::data_uri(self.columns, &values.iter().map(pixel).collect::<Vec<_>>(), &entries)
    }
}

/// Lines of text around a middle.
fn written(svg: &mut Svg, text: &str, (x, y): Point, font: Font) {
    let count = text.lines().count();
    for (i, line) in text.lines().enumerate() {
        let down = (i as f64 - (count as f64 - 1.0) / 2.0) * font.size * LINE;
        svg.text(line, (x, y + down), font, Anchor::Middle);
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

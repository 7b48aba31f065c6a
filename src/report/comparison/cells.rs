//! The cells of a matrix: rectangles with their numbers where they are few and large, one image where they are many.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::scale::Scale;
use crate::report::canvas::{Font, Pen, text_width};
use crate::report::heat::PLAIN;
use crate::report::palette::{self, INK, MUTED};
use crate::report::png;

/// Between strokes of a hatch, in pixels.
const HATCH: f64 = 5.0;
/// Cells that are smaller, in pixels, make one image.
const SMALL: f64 = 9.0;
/// The sizes between which numbers are written, in pixels.
const NUMBERS: (f64, f64) = (8.5, 13.0);

/// A square matrix of values in the order in which they are shown.
pub(super) struct Cells {
    pub values: Vec<f64>,
    pub count: usize,
    /// The side of a cell, in pixels.
    pub side: f64,
}

impl Cells {
    /// Draws the cells from their upper left corner.
    pub fn draw(&self, pen: &mut Pen<'_>, (left, top): (f64, f64), scale: &Scale) {
        let whole = self.side * self.count as f64;
        let image = self.side < SMALL;
        if image {
            pen.image(left, top, whole, whole, &self.image(scale));
        }
        let gap = if image { 0.0 } else { 1.0 };
        let font = self.font(scale);
        let mut hatch = Vec::new();
        for (row, values) in self.values.chunks_exact(self.count.max(1)).enumerate() {
            let y = top + row as f64 * self.side;
            for (column, &value) in values.iter().enumerate() {
                let x = left + column as f64 * self.side;
                match scale.share(value) {
                    None if !image => hatched((x, y), (self.side - gap, self.side - gap), &mut hatch),
                    Some(share) if !image => {
                        let colour = scale.colour(share);
                        pen.fill(x, y, self.side - gap, self.side - gap, colour);
                        if let Some(font) = font {
                            let middle = (x + (self.side - gap) / 2.0, y + (self.side - gap) / 2.0);
                            let font = Font { colour: palette::on(colour), ..font };
                            pen.text(&scale.text(value), middle, font, HPos::Center, VPos::Center);
                        }
                    }
                    _ => {}
                }
            }
            if image {
                // Neighbours without a value are hatched as one.
                let mut column = 0;
                for run in values.chunk_by(|a, b| a.is_nan() == b.is_nan()) {
                    let size = (run.len() as f64 * self.side, self.side);
                    if run[0].is_nan() {
                        hatched((left + column as f64 * self.side, y), size, &mut hatch);
                    }
                    column += run.len();
                }
            }
        }
        pen.strokes(&hatch, MUTED, 0.8);
        let (right, bottom) = (left + whole - gap, top + whole - gap);
        pen.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], INK, 0.8, None);
    }

    /// The largest font in which the widest number fits, unless it would be too small to read.
    fn font(&self, scale: &Scale) -> Option<Font> {
        let widest = self.values.iter().map(|&value| text_width(&scale.text(value), 1.0)).fold(1.0, f64::max);
        let size = ((self.side - 3.0) / widest).min(NUMBERS.1);
        (size >= NUMBERS.0).then_some(Font { size, ..PLAIN })
    }

    fn image(&self, scale: &Scale) -> String {
        /// The entry for cells without a value.
        const NONE: u8 = 255;
        let mut entries = [[0_u8; 3]; 256];
        for (i, entry) in entries.iter_mut().enumerate() {
            let RGBColor(r, g, b) = scale.colour(i as f64 / f64::from(NONE - 1));
            *entry = [r, g, b];
        }
        let pixel = |value: &f64| scale.share(*value).map_or(NONE, |t| (t * f64::from(NONE - 1)).round() as u8);
        png::data_uri_clear(self.count, &self.values.iter().map(pixel).collect::<Vec<_>>(), &entries)
    }
}

/// Slanted strokes in a rectangle, which go on in its neighbours.
fn hatched((x, y): (f64, f64), (width, height): (f64, f64), strokes: &mut Vec<[(f64, f64); 2]>) {
    let (first, last) = (((x + y) / HATCH).ceil() as i64, ((x + y + width + height) / HATCH).floor() as i64);
    for i in first..=last {
        // Where x + y is a multiple of the distance.
        let sum = i as f64 * HATCH;
        let (from, to) = (x.max(sum - y - height), (x + width).min(sum - y));
        if from < to {
            strokes.push([(from, sum - from), (to, sum - to)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hatches_stay_in_their_rectangle() {
        let mut strokes = Vec::new();
        hatched((10.0, 10.0), (20.0, 12.0), &mut strokes);
        assert!((5..=7).contains(&strokes.len()), "{strokes:?}");
        for (x, y) in strokes.iter().flatten() {
            assert!((10.0..=30.0).contains(x) && (10.0..=22.0).contains(y), "{x} {y}");
        }
    }
}

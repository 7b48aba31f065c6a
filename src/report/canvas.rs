//! A thin layer over the SVG backend of `plotters`: fractions of a pixel, dashes, marks, images, and a root element
//! that scales and that a screen reader can name.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle};

use super::palette::{Mark, css};

/// The backend knows whole pixels only; curves need finer ones. Everything is drawn this much larger than it is shown.
const FINE: f64 = 10.0;

/// The backend divides font sizes by this before it writes them.
const FONT: f64 = 1.24;

/// The width of a character in units of the font size: an upper estimate, since the reader's font is not known.
const CHARACTER: f64 = 0.58;

/// How wide a text may get at a font size, in pixels.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * CHARACTER
}

/// `text`, cut to `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    /// Size in pixels.
    pub size: f64,
    /// Colour.
    pub colour: RGBColor,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it runs upwards.
    pub upwards: bool,
}

/// Draws an SVG of this size in pixels. `label` says what it is to those who cannot see it.
pub fn draw(width: f64, height: f64, label: &str, paint: impl FnOnce(&mut Pen<'_>)) -> String {
    let mut svg = String::new();
    let size = ((width * FINE).ceil() as u32, (height * FINE).ceil() as u32);
    let mut beneath = String::new();
    // Dropped at the end of its scope, the backend closes the root element.
    {
        let mut pen = Pen { backend: SVGBackend::with_string(&mut svg, size), beneath: &mut beneath };
        paint(&mut pen);
    }
    let body = svg.split_once('\n').map_or("", |(_, body)| body);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" aria-label=\"{}\" stroke-linejoin=\"round\">\n{beneath}{}",
        size.0,
        size.1,
        escaped(label),
        // An opacity of 1 is the default. Half an x-height is the middle of `x`, and most texts here are digits.
        body.replace("opacity=\"1\" ", "").replace(" \"/>", "\"/>").replace("dy=\"0.5ex\"", "dy=\"0.35em\""),
    )
}

/// The drawing with a white ground, for a file that is opened by itself.
pub fn on_white(svg: &str) -> String {
    match svg.split_once('\n') {
        Some((root, body)) => {
            format!("{root}\n<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n{body}")
        }
        None => svg.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What draws. Positions and sizes are in pixels from the upper left. Writing to a string cannot fail, so the
/// backend's results are not looked at.
pub struct Pen<'a> {
    backend: SVGBackend<'a>,
    beneath: &'a mut String,
}

impl Pen<'_> {
    /// A line through points, dashed if `dash` gives the lengths of dashes and gaps.
    pub fn line(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64, dash: Option<(f64, f64)>) {
        let style = stroke(colour, width);
        match dash {
            None if points.len() > 1 => {
                self.backend.draw_path(points.iter().map(|&point| fine(point)), &style).ok();
            }
            None => {}
            Some((dash, gap)) => {
                for dash in dashes(points, dash, gap) {
                    self.backend.draw_path(dash.iter().map(|&point| fine(point)), &style).ok();
                }
            }
        }
    }

    /// A filled shape.
    pub fn polygon(&mut self, points: &[(f64, f64)], colour: RGBColor, opacity: f64) {
        let points = points.iter().map(|&point| fine(point));
        self.backend.fill_polygon(points, &colour.mix(opacity)).ok();
    }

    /// A filled rectangle.
    pub fn fill(&mut self, x: f64, y: f64, width: f64, height: f64, colour: RGBColor) {
        self.backend.draw_rect(fine((x, y)), fine((x + width, y + height)), &colour, true).ok();
    }

    /// A mark of a radius, hollow or filled.
    pub fn mark(&mut self, mark: Mark, (x, y): (f64, f64), radius: f64, colour: RGBColor, hollow: bool) {
        let r = radius;
        if mark == Mark::Circle {
            let style = stroke(colour, 1.4);
            self.backend.draw_circle(fine((x, y)), (r * FINE) as u32, &style, !hollow).ok();
            return;
        }
        let mut corners: Vec<_> = corners(mark).iter().map(|(cx, cy)| (x + cx * r, y + cy * r)).collect();
        if hollow {
            corners.push(corners[0]);
            self.line(&corners, colour, 1.4, None);
        } else {
            self.polygon(&corners, colour, 1.0);
        }
    }

    /// Many filled marks of one look as one element, beneath what the other methods draw.
    pub fn marks(&mut self, mark: Mark, points: &[(f64, f64)], radius: f64, colour: RGBColor, opacity: f64) {
        if points.is_empty() {
            return;
        }
        let mut path = String::new();
        for &(x, y) in points {
            let corners = corners(mark).iter().map(|(cx, cy)| fine((x + cx * radius, y + cy * radius)));
            if mark == Mark::Circle {
                // A stroke without length and with round ends is a circle.
                let (x, y) = fine((x, y));
                path.push_str(&format!("M{x},{y}h0"));
            }
            for (i, (x, y)) in corners.enumerate() {
                path.push_str(&format!("{}{x},{y}", if i == 0 { "M" } else { "L" }));
            }
        }
        let colour = css(colour);
        let look = if mark == Mark::Circle {
            let width = (2.0 * radius * FINE).round();
            format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\"")
        } else {
            format!("fill=\"{colour}\"")
        };
        self.beneath.push_str(&format!("<path {look} opacity=\"{opacity}\" d=\"{path}\"/>\n"));
    }

    /// Many straight strokes of one look as one element, beneath what the other methods draw.
    pub fn strokes(&mut self, strokes: &[[(f64, f64); 2]], colour: RGBColor, width: f64) {
        if strokes.is_empty() {
            return;
        }
        let stroke = |&[from, to]: &[(f64, f64); 2]| {
            let ((x0, y0), (x1, y1)) = (fine(from), fine(to));
            format!("M{x0},{y0}L{x1},{y1}")
        };
        let path: String = strokes.iter().map(stroke).collect();
        let (colour, width) = (css(colour), (width * FINE).round());
        let element = format!("<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" d=\"{path}\"/>\n");
        self.beneath.push_str(&element);
    }

    /// A text whose anchor lies at a point.
    pub fn text(&mut self, text: &str, at: (f64, f64), font: Font, h_pos: HPos, v_pos: VPos) {
        let style = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        let turn = if font.upwards { FontTransform::Rotate270 } else { FontTransform::None };
        let font_style = FontDesc::new(FontFamily::SansSerif, font.size * FINE * FONT, style).transform(turn);
        let style = TextStyle { font: font_style, color: font.colour.to_backend_color(), pos: Pos::new(h_pos, v_pos) };
        self.backend.draw_text(text, &style, fine(at)).ok();
    }

    /// An image given as a data URI, beneath what the other methods draw, its pixels sharp.
    pub fn image(&mut self, x: f64, y: f64, width: f64, height: f64, uri: &str) {
        self.beneath.push_str(&format!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"{uri}\"/>\n",
            x * FINE,
            y * FINE,
            width * FINE,
            height * FINE
        ));
    }
}

/// The corners of a mark of radius 1, none for a circle. Sizes that look alike: a square of half-width r is larger than
/// a circle of radius r.
fn corners(mark: Mark) -> &'static [(f64, f64)] {
    match mark {
        Mark::Circle => &[],
        Mark::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Mark::Up => &[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        Mark::Down => &[(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
        Mark::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    }
}

fn fine((x, y): (f64, f64)) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width * FINE).round() as u32 }
}

/// Cuts a line into dashes that go round its corners.
fn dashes(points: &[(f64, f64)], dash: f64, gap: f64) -> Vec<Vec<(f64, f64)>> {
    let mut cut = Vec::new();
    let (mut drawing, mut left) = (true, dash);
    let mut current: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length);
            if drawing {
                current.push(at);
                cut.push(std::mem::take(&mut current));
            } else {
                current = vec![at];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length - done;
        if drawing {
            current.push((x1, y1));
        }
    }
    cut.push(current);
    cut.retain(|dash| dash.len() > 1);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_have_their_length_and_go_round_corners() {
        let cut = dashes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], 6.0, 2.0);
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[0], [(0.0, 0.0), (6.0, 0.0)]);
        assert_eq!(cut[1], [(8.0, 0.0), (10.0, 0.0), (10.0, 4.0)]);
        assert!(dashes(&[(1.0, 1.0)], 6.0, 2.0).is_empty() && dashes(&[], 6.0, 2.0).is_empty());
    }

    #[test]
    fn texts_are_escaped_and_the_root_says_what_is_drawn() {
        let font = Font { size: 12.0, colour: RGBColor(0, 0, 0), bold: false, upwards: false };
        let svg = draw(10.0, 10.0, "a \"<b>\"", |pen| pen.text("<script>&", (0.0, 0.0), font, HPos::Left, VPos::Top));
        assert!(svg.contains("&lt;script&gt;&amp;") && svg.contains("aria-label=\"a &quot;&lt;b&gt;&quot;\""), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>") && on_white(&svg).contains("#FFFFFF"));
    }
}

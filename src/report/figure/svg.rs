//! A writer of SVG: the few elements that figures consist of. Positions and sizes are in pixels from the upper left, and
//! the same calls give the same bytes.

use std::fmt::Write as _;

use super::palette::{Rgb, Shape};
use super::place::{Point, Rect};
use super::text::Font;

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub colour: Rgb,
    pub width: f64,
    /// Lengths of dashes and gaps.
    pub dash: Option<(f64, f64)>,
}

impl Stroke {
    pub fn new(colour: Rgb, width: f64) -> Self {
        Self { colour, width, dash: None }
    }

    pub fn dashed(self, dash: (f64, f64)) -> Self {
        Self { dash: Some(dash), ..self }
    }

    fn attributes(self) -> String {
        let Self { colour, width, dash } = self;
        let dash = dash.map_or(String::new(), |(dash, gap)| format!(" stroke-dasharray=\"{dash} {gap}\""));
        format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}", tenths(width))
    }
}

/// Which end of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing in the making.
#[derive(Debug, Default)]
pub struct Svg {
    body: String,
}

impl Svg {
    /// The whole drawing. `label` says what it is to those who cannot see it; `ground` is for a file that is opened by
    /// itself.
    pub fn finish(self, (width, height): (f64, f64), label: &str, ground: bool) -> String {
        let (width, height) = (width.ceil(), height.ceil());
        let ground = if ground { "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n" } else { "" };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{}\" font-family=\"sans-serif\" stroke-linejoin=\"round\">\n{ground}{}</svg>\n",
            escaped(label),
            self.body
        )
    }

    fn element(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        writeln!(self.body, "<{arguments}/>").ok();
    }

    /// A line through points.
    pub fn line(&mut self, points: &[Point], stroke: Stroke) {
        if points.len() > 1 {
            self.element(format_args!("polyline points=\"{}\" {}", listed(points), stroke.attributes()));
        }
    }

    /// Many straight strokes of one look, as one element.
    pub fn strokes(&mut self, strokes: &[[Point; 2]], stroke: Stroke) {
        let path: String = strokes.iter().map(|&[a, b]| format!("M{}L{}", pair(a), pair(b))).collect();
        if !path.is_empty() {
            self.element(format_args!("path {} d=\"{path}\"", stroke.attributes()));
        }
    }

    /// A filled shape.
    pub fn polygon(&mut self, points: &[Point], colour: Rgb, opacity: f64) {
        let opacity = if opacity < 1.0 { format!(" opacity=\"{opacity}\"") } else { String::new() };
        self.element(format_args!("polygon points=\"{}\" fill=\"{colour}\"{opacity}", listed(points)));
    }

    /// A filled rectangle.
    pub fn fill(&mut self, Rect { left, top, right, bottom }: Rect, colour: Rgb) {
        let (x, y, width, height) = (tenths(left), tenths(top), tenths(right - left), tenths(bottom - top));
        self.element(format_args!("rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\""));
    }

    /// The outline of a rectangle.
    pub fn outline(&mut self, Rect { left, top, right, bottom }: Rect, stroke: Stroke) {
        self.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], stroke);
    }

    /// A point of a radius, hollow or filled.
    pub fn point(&mut self, shape: Shape, (x, y): Point, radius: f64, colour: Rgb, hollow: bool) {
        let look = if hollow { Stroke::new(colour, 1.4).attributes() } else { format!("fill=\"{colour}\"") };
        let corners: Vec<Point> = corners(shape).iter().map(|(cx, cy)| (x + cx * radius, y + cy * radius)).collect();
        if corners.is_empty() {
            self.element(format_args!(
                "circle cx=\"{}\" cy=\"{}\" r=\"{}\" {look}",
                tenths(x),
                tenths(y),
                tenths(radius)
            ));
        } else {
            self.element(format_args!("polygon points=\"{}\" {look}", listed(&corners)));
        }
    }

    /// Many filled points of one look, as one element.
    pub fn points(&mut self, shape: Shape, points: &[Point], radius: f64, colour: Rgb, opacity: f64) {
        if points.is_empty() {
            return;
        }
        let corners = corners(shape);
        let path: String = if corners.is_empty() {
            // A stroke without length and with round ends is a circle.
            points.iter().map(|&at| format!("M{}h0", pair(at))).collect()
        } else {
            let corner = |(x, y): Point, (i, (cx, cy)): (usize, &Point)| {
                format!("{}{}", if i == 0 { "M" } else { "L" }, pair((x + cx * radius, y + cy * radius)))
            };
            points.iter().flat_map(|&at| corners.iter().enumerate().map(move |c| corner(at, c))).collect()
        };
        let look = if corners.is_empty() {
            format!("{} stroke-linecap=\"round\"", Stroke::new(colour, 2.0 * radius).attributes())
        } else {
            format!("fill=\"{colour}\"")
        };
        self.element(format_args!("path {look} opacity=\"{opacity}\" d=\"{path}\""));
    }

    /// A line of text whose middle, half an x-height above its baseline, lies at a place.
    pub fn text(&mut self, text: &str, (x, y): Point, font: Font, anchor: Anchor) {
        if text.is_empty() {
            return;
        }
        let Font { size, colour, bold, upwards } = font;
        let drop = 0.35 * size;
        let place = if upwards {
            format!("transform=\"translate({} {}) rotate(-90)\"", tenths(x + drop), tenths(y))
        } else {
            format!("x=\"{}\" y=\"{}\"", tenths(x), tenths(y + drop))
        };
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let (size, text) = (tenths(size), escaped(text));
        writeln!(self.body, "<text {place}{anchor}{weight} font-size=\"{size}\" fill=\"{colour}\">{text}</text>").ok();
    }

    /// An image given as a data URI, its pixels sharp.
    pub fn image(&mut self, Rect { left, top, right, bottom }: Rect, uri: &str) {
        let (x, y, width, height) = (tenths(left), tenths(top), tenths(right - left), tenths(bottom - top));
        self.element(format_args!(
            "image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"{uri}\""
        ));
    }
}

/// A length to a tenth of a pixel.
fn tenths(length: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (length * 10.0).round() / 10.0 + 0.0
}

fn pair((x, y): Point) -> String {
    format!("{},{}", tenths(x), tenths(y))
}

fn listed(points: &[Point]) -> String {
    points.iter().map(|&point| pair(point)).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The corners of a point of radius 1, none for a circle. Sizes that look alike: a square of half-width r is larger than
/// a circle of radius r.
fn corners(shape: Shape) -> &'static [Point] {
    match shape {
        Shape::Circle => &[],
        Shape::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Shape::Up => &[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        Shape::Down => &[(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
        Shape::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::NUMBERS;
    use super::*;

    #[test]
    fn texts_are_escaped_and_the_root_says_what_is_drawn() {
        let mut svg = Svg::default();
        svg.text("<script>&", (0.04, -0.04), NUMBERS, Anchor::Start);
        let svg = svg.finish((10.0, 10.0), "a \"<b>\"", true);
        assert!(
            svg.contains(">&lt;script&gt;&amp;</text>") && svg.contains("aria-label=\"a &quot;&lt;b&gt;&quot;\""),
            "{svg}"
        );
        assert!(svg.contains("<text x=\"0\" y=\"4.2\" font-size=\"12\" fill=\"#222222\">"), "{svg}");
        assert!(svg.ends_with("</svg>\n") && svg.contains("#FFFFFF"));
    }
}

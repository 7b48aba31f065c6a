//! The roofline of a benchmark: how fast each piece of work ran, beside what the adapter's arithmetic and bandwidth allow
//! (Williams, Waterman & Patterson, "Roofline", 2009).

use super::figure::palette::{Look, Rgb, Shape};
use super::figure::{Axis, Dot, Dots, Facet, Figure, Frame, Line, Mark, Size, shortened};
use crate::bench::{Measurement, Results};

/// The height of the picture, and the width of the list beside it, in pixels.
const SIZE: (f64, f64) = (420.0, 340.0);
/// What was measured that the list beside the picture has room for.
const MOST: usize = 32;
const ROOF: Rgb = Rgb(120, 120, 120);
const POINT: Rgb = Rgb(0, 90, 160);

/// The powers of ten between which values lie.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values.fold(0.0, f64::max).log10().ceil().max(low + 1.0);
    (10_f64.powf(low), 10_f64.powf(high))
}

/// The figure; `None` if nothing was measured that has both operations and bytes.
pub fn roofline(results: &Results) -> Option<Figure> {
    let points: Vec<&Measurement> = results
        .measurements
        .iter()
        .filter(|m| m.flops > 0.0 && m.bytes > 0.0 && m.suite != "peak" && m.suite != "replicas")
        .collect();
    if points.is_empty() {
        return None;
    }
    let intensity = |m: &Measurement| m.flops / m.bytes;
    let speed = |m: &Measurement| m.flops / m.seconds / 1e9;
    let (peak, copy) = (results.peak_flops / 1e9, results.copy_bytes / 1e9);
    let ridge = peak / copy;
    let across: Vec<f64> = points.iter().map(|m| intensity(m)).chain([ridge]).collect();
    let up: Vec<f64> = points.iter().map(|m| speed(m)).chain([peak * 1.1]).collect();
    let (x, y) = (decades(across.iter().copied()), decades(up.iter().copied()));
    // The roof: bandwidth up to the ridge, arithmetic beyond.
    let edges = vec![x.0.max(y.0 / copy), ridge, x.1];
    let heights = edges.iter().map(|i| (i * copy).min(peak)).collect();
    let roof = Line { colour: ROOF, x: edges, y: heights, ..Line::default() };
    let dot = |(n, m): (usize, &&Measurement)| Dot::new(intensity(m), speed(m)).named((n + 1).to_string());
    let look = Look { colour: POINT, shape: Shape::Circle, hollow: false };
    let dots = Dots { name: String::new(), look, dots: points.iter().enumerate().map(dot).collect() };
    let picture = Facet {
        note: format!("{peak:.0} GFLOP/s, {copy:.0} GB/s"),
        x: Axis::log("intensity (FLOP per byte moved)").within(x.0, x.1),
        y: Axis::log("speed (GFLOP/s)").within(y.0, y.1),
        frame: Frame::Grid,
        marks: vec![Mark::Line(roof), Mark::Dots(dots)],
        ..Facet::default()
    };
    let name = |(n, m): (usize, &&Measurement)| {
        Mark::Text((0.0, n as f64 + 0.5), format!("{}  {} {}, {}", n + 1, m.suite, m.name, m.size))
    };
    let list = Facet {
        x: Axis::linear("").within(0.0, 1.0),
        y: Axis::linear("").within(0.0, MOST as f64),
        frame: Frame::Bare,
        marks: points.iter().enumerate().take(MOST).map(name).collect(),
        width: Some(SIZE.1),
        ..Facet::default()
    };
    let label = format!("Roofline of {}", results.adapter.name);
    Some(Figure {
        title: shortened(&label, 90),
        label,
        size: Size::Wide(SIZE.0),
        rows: vec![vec![picture, list]],
        ..Figure::default()
    })
}

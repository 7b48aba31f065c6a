//! The roofline of a benchmark: how fast each piece of work ran, beside what the adapter's arithmetic and bandwidth allow
//! (Williams, Waterman & Patterson, "Roofline", 2009).

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{self, Font, Pen, on_white, shortened};
use super::palette::Mark;
use crate::bench::{Measurement, Results};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 464.0;

const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT: RGBColor = RGBColor(222, 222, 222);
const ROOF: RGBColor = RGBColor(120, 120, 120);
const POINT: RGBColor = RGBColor(0, 90, 160);

/// A logarithmic axis between two powers of ten.
struct Log {
    from: i32,
    to: i32,
    start: f64,
    end: f64,
}

impl Log {
    fn covering(values: impl Iterator<Item = f64> + Clone, start: f64, end: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = values.fold(0.0, f64::max).log10().ceil();
        Self { from: low as i32, to: (high as i32).max(low as i32 + 1), start, end }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        self.start + share * (self.end - self.start)
    }
}

fn font(size: f64) -> Font {
    Font { size, colour: INK, bold: false, upwards: false }
}

fn power(exponent: i32) -> String {
    match exponent {
        0..=4 => 10u32.pow(exponent as u32).to_string(),
        _ => format!("{:e}", 10f64.powi(exponent)),
    }
}

/// The figure as an SVG; `None` if nothing was measured that has both operations and bytes.
pub fn roofline(results: &Results) -> Option<String> {
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
    let x = Log::covering(across.iter().copied(), LEFT, RIGHT);
    let y = Log::covering(up.iter().copied(), BOTTOM, TOP);
    let label = format!("Roofline of {}", results.adapter.name);
    let svg = canvas::draw(WIDTH, HEIGHT, &label, |pen| {
        pen.text(&shortened(&label, 90), (LEFT, 22.0), Font { bold: true, ..font(15.0) }, HPos::Left, VPos::Center);
        axes(pen, &x, &y);
        // The roof: bandwidth up to the ridge, arithmetic beyond.
        let at = |i: f64| (x.place(i), y.place((i * copy).min(peak)));
        let lowest = 10f64.powi(x.from).max(10f64.powi(y.from) / copy);
        pen.line(&[at(lowest), at(ridge), at(10f64.powi(x.to))], ROOF, 2.0, None);
        let roof = format!("{peak:.0} GFLOP/s, {copy:.0} GB/s");
        pen.text(&roof, (RIGHT - 4.0, y.place(peak) - 9.0), font(11.0), HPos::Right, VPos::Center);
        for (n, m) in points.iter().enumerate() {
            let place = (x.place(intensity(m)), y.place(speed(m)));
            pen.mark(Mark::Circle, place, 4.0, POINT, false);
            let number = (n + 1).to_string();
            pen.text(&number, (place.0 + 7.0, place.1 - 6.0), font(10.0), HPos::Left, VPos::Center);
        }
        let most = ((BOTTOM - TOP) / 13.0) as usize;
        for (n, m) in points.iter().enumerate().take(most) {
            let text = format!("{}  {} {}, {}", n + 1, m.suite, m.name, m.size);
            let size = font(10.5);
            pen.text(&shortened(&text, 56), (RIGHT + 16.0, TOP + 13.0 * n as f64), size, HPos::Left, VPos::Center);
        }
    });
    Some(on_white(&svg))
}

fn axes(pen: &mut Pen<'_>, x: &Log, y: &Log) {
    for exponent in x.from..=x.to {
        let at = x.place(10f64.powi(exponent));
        pen.line(&[(at, TOP), (at, BOTTOM)], FAINT, 1.0, None);
        let text = if exponent < 0 { format!("{}", 10f64.powi(exponent)) } else { power(exponent) };
        pen.text(&text, (at, BOTTOM + 14.0), font(11.0), HPos::Center, VPos::Center);
    }
    for exponent in y.from..=y.to {
        let at = y.place(10f64.powi(exponent));
        pen.line(&[(LEFT, at), (RIGHT, at)], FAINT, 1.0, None);
        let text = if exponent < 0 { format!("{}", 10f64.powi(exponent)) } else { power(exponent) };
        pen.text(&text, (LEFT - 8.0, at), font(11.0), HPos::Right, VPos::Center);
    }
    let middle = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    pen.text("intensity (FLOP per byte moved)", (middle.0, BOTTOM + 36.0), font(12.0), HPos::Center, VPos::Center);
    let upwards = Font { upwards: true, ..font(12.0) };
    pen.text("speed (GFLOP/s)", (22.0, middle.1), upwards, HPos::Center, VPos::Center);
}

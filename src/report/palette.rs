//! Colours and marks that tell settings apart, for colour-blind readers and on grey paper too.

use plotters::style::RGBColor;

/// Text and axes. The page's style sheet knows these three by value, and turns them light on a dark screen.
pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Less important text.
pub const MUTED: RGBColor = RGBColor(0x66, 0x66, 0x66);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);

/// Settings that can have a colour of their own; more than that share a ramp.
pub const DISTINCT: usize = 8;

/// The palette of Okabe and Ito (2008), the darker ones first; black is kept for what lies across settings.
const OKABE_ITO: [RGBColor; DISTINCT] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0xF0, 0xE4, 0x42),
];

/// Purple to gold: dark enough for white paper and light enough for a dark screen.
const RAMP: [RGBColor; 4] =
    [RGBColor(0x5B, 0x3F, 0xA8), RGBColor(0xB8, 0x3A, 0x8C), RGBColor(0xE5, 0x78, 0x3C), RGBColor(0xE3, 0xB4, 0x2B)];

/// Pale to dark, ever darker, so that the order survives in grey.
const HEAT: [RGBColor; 6] = [
    RGBColor(0xFB, 0xF8, 0xE6),
    RGBColor(0xC9, 0xE6, 0xC4),
    RGBColor(0x77, 0xC3, 0xBE),
    RGBColor(0x36, 0x91, 0xB6),
    RGBColor(0x25, 0x57, 0x98),
    RGBColor(0x12, 0x1F, 0x57),
];

/// Gold to dark blue by way of grey, ever darker, after the idea of cividis (Nuñez, Anderton & Renslow, 2018): the hue
/// tells the sign, also to those who do not see red or green, and the order survives in grey.
const DIVERGING: [RGBColor; 7] = [
    RGBColor(0xFF, 0xF3, 0xB0),
    RGBColor(0xF7, 0xCF, 0x5C),
    RGBColor(0xD8, 0xB4, 0x6E),
    RGBColor(0xA6, 0xA6, 0xA6),
    RGBColor(0x74, 0x8C, 0xB4),
    RGBColor(0x3C, 0x60, 0x9C),
    RGBColor(0x12, 0x1F, 0x57),
];

/// The shape of the marks on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle that stands on its base.
    Up,
    /// A square on its corner.
    Diamond,
    /// A triangle that stands on its point.
    Down,
}

const MARKS: [Mark; 5] = [Mark::Circle, Mark::Square, Mark::Up, Mark::Down, Mark::Diamond];

/// The colour of setting `i` of `count`.
pub fn colour(i: usize, count: usize) -> RGBColor {
    if count <= DISTINCT { OKABE_ITO[i % DISTINCT] } else { ramp(i as f64 / (count - 1) as f64) }
}

/// The mark of setting `i` of `count`: none where they would only clutter.
pub fn mark(i: usize, count: usize) -> Option<Mark> {
    (count <= DISTINCT).then(|| MARKS[i % MARKS.len()])
}

/// The colour at `t`, from 0 to 1, of the ramp that many settings share.
pub fn ramp(t: f64) -> RGBColor {
    between(&RAMP, t)
}

/// The colour of a similarity from 0 to 1.
pub fn heat(t: f64) -> RGBColor {
    between(&HEAT, t)
}

/// The colour of a signed value: 0 for the most negative, 0.5 for zero, 1 for the most positive.
pub fn diverging(t: f64) -> RGBColor {
    between(&DIVERGING, t)
}

/// Black or white, whichever is read better on the colour of a similarity.
pub fn on_heat(t: f64) -> RGBColor {
    on(heat(t))
}

/// Black or white, whichever is read better on a colour.
pub fn on(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let luminance = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    // About where black and white have the same contrast.
    if luminance > 118.0 { RGBColor(0, 0, 0) } else { RGBColor(0xFF, 0xFF, 0xFF) }
}

/// The colour as a style sheet writes it.
pub fn css(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

fn between(stops: &[RGBColor], t: f64) -> RGBColor {
    let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 } * (stops.len() - 1) as f64;
    let i = (t as usize).min(stops.len() - 2);
    let (RGBColor(r0, g0, b0), RGBColor(r1, g1, b1)) = (stops[i], stops[i + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * (t - i as f64)).round() as u8;
    RGBColor(mix(r0, r1), mix(g0, g1), mix(b0, b1))
}

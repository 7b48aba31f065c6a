//! Colours and marks that tell settings apart, for colour-blind readers and on grey paper too.

/// A colour: red, green, blue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl std::fmt::Display for Rgb {
    /// As a style sheet writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}

/// Colours as `0xRRGGBB`.
const fn colours<const N: usize>(written: [u32; N]) -> [Rgb; N] {
    let (mut colours, mut i) = ([Rgb(0, 0, 0); N], 0);
    while i < N {
        let [_, red, green, blue] = written[i].to_be_bytes();
        colours[i] = Rgb(red, green, blue);
        i += 1;
    }
    colours
}

/// Text and axes. The page's style sheet knows these three by value, and turns them light on a dark screen.
pub const INK: Rgb = Rgb(0x22, 0x22, 0x22);
/// Less important text.
pub const MUTED: Rgb = Rgb(0x66, 0x66, 0x66);
/// The paper under a text that lies on curves. The page's style sheet knows it by value and turns it dark on a dark
/// screen; pure white is the colour of numbers on dark cells, which stay white.
pub const GROUND: Rgb = Rgb(0xFE, 0xFE, 0xFE);
/// Grid lines.
pub const GRID: Rgb = Rgb(0xDD, 0xDD, 0xDD);

/// Settings that can have a colour of their own; more than that share a ramp.
pub const DISTINCT: usize = 8;

/// The palette of Okabe and Ito (2008), the darker ones first; black is kept for what lies across settings.
const OKABE_ITO: [Rgb; DISTINCT] =
    colours([0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x999999, 0xF0E442]);

/// Purple to gold: dark enough for white paper and light enough for a dark screen.
const RAMP: [Rgb; 4] = colours([0x5B3FA8, 0xB83A8C, 0xE5783C, 0xE3B42B]);

/// Pale to dark, ever darker, so that the order survives in grey.
const HEAT: [Rgb; 6] = colours([0xFBF8E6, 0xC9E6C4, 0x77C3BE, 0x3691B6, 0x255798, 0x121F57]);

/// Gold to dark blue by way of grey, ever darker, after the idea of cividis (Nuñez, Anderton & Renslow, 2018): the hue
/// tells the sign, also to those who do not see red or green, and the order survives in grey.
const DIVERGING: [Rgb; 7] = colours([0xFFF3B0, 0xF7CF5C, 0xD8B46E, 0xA6A6A6, 0x748CB4, 0x3C609C, 0x121F57]);

/// The shape of a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// A circle.
    #[default]
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

const SHAPES: [Shape; 5] = [Shape::Circle, Shape::Square, Shape::Up, Shape::Down, Shape::Diamond];

/// The colour of setting `i` of `count`.
pub fn colour(i: usize, count: usize) -> Rgb {
    if count <= DISTINCT { OKABE_ITO[i % DISTINCT] } else { between(&RAMP, i as f64 / (count - 1) as f64) }
}

/// Whether a colour is of the ramp that many settings share, and tells no two of them apart.
pub fn on_ramp(colour: Rgb) -> bool {
    !OKABE_ITO.contains(&colour) && colour != INK
}

/// The shape of setting `i` of `count`: none where they would only clutter.
pub fn shape(i: usize, count: usize) -> Option<Shape> {
    (count <= DISTINCT).then(|| SHAPES[i % SHAPES.len()])
}

/// How points of one kind look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Look {
    /// Their colour.
    pub colour: Rgb,
    /// Their shape.
    pub shape: Shape,
    /// Whether they are hollow.
    pub hollow: bool,
}

impl Look {
    /// The look of name `i`: different for forty names, in colour, in shape, or in being hollow.
    pub fn of(i: usize) -> Self {
        Self {
            colour: OKABE_ITO[i % DISTINCT],
            shape: SHAPES[i % SHAPES.len()],
            hollow: i % (2 * DISTINCT) >= DISTINCT,
        }
    }
}

/// How values become colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hue {
    /// Pale to dark.
    #[default]
    Heat,
    /// Pale gold over grey in the middle to dark blue: values on both sides of zero.
    Diverging,
    /// The ramp of points: readable on white and on a dark screen.
    Ramp,
}

impl Hue {
    /// The colour at `t`, from 0 to 1.
    pub fn at(self, t: f64) -> Rgb {
        match self {
            Self::Heat => between(&HEAT, t),
            Self::Diverging => between(&DIVERGING, t),
            Self::Ramp => between(&RAMP, t),
        }
    }
}

/// Black or white, whichever is read better on a colour.
pub fn on(Rgb(r, g, b): Rgb) -> Rgb {
    let luminance = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    // About where black and white have the same contrast.
    if luminance > 118.0 { Rgb(0, 0, 0) } else { Rgb(0xFF, 0xFF, 0xFF) }
}

/// The colour, that much closer to white: 0 for the colour itself, 1 for white.
pub fn paler(colour: Rgb, by: f64) -> Rgb {
    between(&[colour, Rgb(0xFF, 0xFF, 0xFF)], by)
}

fn between(stops: &[Rgb], t: f64) -> Rgb {
    let t = if t.is_finite() { t.clamp(0.0, 1.0) } else { 0.0 } * (stops.len() - 1) as f64;
    let i = (t as usize).min(stops.len() - 2);
    let (Rgb(r0, g0, b0), Rgb(r1, g1, b1)) = (stops[i], stops[i + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * (t - i as f64)).round() as u8;
    Rgb(mix(r0, r1), mix(g0, g1), mix(b0, b1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_names_look_different() {
        let looks: Vec<Look> = (0..40).map(Look::of).collect();
        for (i, a) in looks.iter().enumerate() {
            assert!(looks[..i].iter().all(|b| a != b), "{i}");
        }
    }

    #[test]
    fn every_colour_of_a_scale_is_darker_than_the_one_before() {
        let light = |Rgb(r, g, b): Rgb| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
        for hue in [Hue::Heat, Hue::Diverging] {
            let lights: Vec<f64> = (0..=50).map(|i| light(hue.at(f64::from(i) / 50.0))).collect();
            assert!(lights.windows(2).all(|pair| pair[0] > pair[1]), "{hue:?}: {lights:?}");
        }
    }
}

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
const OKABE_ITO: [Rgb; DISTINCT] = [
    Rgb(0x00, 0x72, 0xB2),
    Rgb(0xD5, 0x5E, 0x00),
    Rgb(0x00, 0x9E, 0x73),
    Rgb(0xCC, 0x79, 0xA7),
    Rgb(0xE6, 0x9F, 0x00),
    Rgb(0x56, 0xB4, 0xE9),
    Rgb(0x99, 0x99, 0x99),
    Rgb(0xF0, 0xE4, 0x42),
];

/// Purple to gold: dark enough for white paper and light enough for a dark screen.
const RAMP: [Rgb; 4] = [Rgb(0x5B, 0x3F, 0xA8), Rgb(0xB8, 0x3A, 0x8C), Rgb(0xE5, 0x78, 0x3C), Rgb(0xE3, 0xB4, 0x2B)];

/// Pale to dark, ever darker, so that the order survives in grey.
const HEAT: [Rgb; 6] = [
    Rgb(0xFB, 0xF8, 0xE6),
    Rgb(0xC9, 0xE6, 0xC4),
    Rgb(0x77, 0xC3, 0xBE),
    Rgb(0x36, 0x91, 0xB6),
    Rgb(0x25, 0x57, 0x98),
    Rgb(0x12, 0x1F, 0x57),
];

/// Gold to dark blue by way of grey, ever darker, after the idea of cividis (Nuñez, Anderton & Renslow, 2018): the hue
/// tells the sign, also to those who do not see red or green, and the order survives in grey.
const DIVERGING: [Rgb; 7] = [
    Rgb(0xFF, 0xF3, 0xB0),
    Rgb(0xF7, 0xCF, 0x5C),
    Rgb(0xD8, 0xB4, 0x6E),
    Rgb(0xA6, 0xA6, 0xA6),
    Rgb(0x74, 0x8C, 0xB4),
    Rgb(0x3C, 0x60, 0x9C),
    Rgb(0x12, 0x1F, 0x57),
];

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

//! Scales of colours and the bars that explain them.

use super::palette::{Hue, MUTED, Rgb};
use super::place::{Point, Rect};
use super::scale::{Axis, Ruler, Scale};
use super::svg::{Anchor, Stroke, Svg};
use super::text::NUMBERS;

/// The width of a bar without its numbers, in pixels.
const BAR: f64 = 15.0;
/// The height of the points at the ends of a bar beyond which there are values, in pixels.
const POINTED: f64 = 8.0;

/// A scale of colours for values: pale is low, dark is high, so that the order survives in grey.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Colours {
    /// What the colours show, with the unit.
    pub label: String,
    /// How values are laid along them.
    pub scale: Scale,
    /// Which colours.
    pub hue: Hue,
    /// Whether there are values below and above its ends.
    beyond: (bool, bool),
}

impl Colours {
    /// The colours of values on an axis.
    pub fn of(axis: &Axis, values: impl Iterator<Item = f64> + Clone, hue: Hue) -> Self {
        let scale = axis.scale(values.clone(), 0.0);
        let (low, high) = scale.ends();
        let slack = (high - low).abs() * 1e-9;
        let beyond = (values.clone().any(|v| v < low - slack), values.clone().any(|v| v > high + slack));
        Self { label: axis.label.clone(), scale, hue, beyond }
    }

    /// How far along the colours a value lies, from 0 to 1; `None` where there is no value.
    pub fn share(&self, value: f64) -> Option<f64> {
        let (low, high) = self.scale.ends();
        (!value.is_nan()).then(|| match self.hue {
            // As many shades for a step below zero as for one above.
            Hue::Diverging => 0.5 + 0.5 * value.clamp(low, high) / high.max(-low),
            _ => self.scale.place(value),
        })
    }

    /// The colour of a value; `None` where there is no value.
    pub fn colour(&self, value: f64) -> Option<Rgb> {
        self.share(value).map(|share| self.hue.at(share))
    }

    /// The colour at a share of the bar, from its lower end.
    pub fn along(&self, share: f64) -> Rgb {
        let (low, high) = self.scale.ends();
        match self.hue {
            Hue::Diverging => self.colour(low + (high - low) * share).unwrap_or_default(),
            _ => self.hue.at(share),
        }
    }

    fn ticks(&self, height: f64) -> Vec<(f64, String)> {
        let ruler = Ruler { scale: self.scale, start: height, end: 0.0 };
        ruler.ticks(((height / 27.0) as usize).clamp(2, 8))
    }

    fn widest(&self, height: f64) -> f64 {
        self.ticks(height).iter().map(|(_, text)| NUMBERS.width(text)).fold(0.0, f64::max)
    }

    /// The room that an upright bar takes with its numbers and its name, in pixels.
    pub fn room(&self, height: f64) -> f64 {
        BAR + 10.0 + self.widest(height) + if self.label.is_empty() { 0.0 } else { 24.0 }
    }

    /// Draws an upright bar from its upper left corner.
    pub fn bar(&self, svg: &mut Svg, (x, y): Point, height: f64) {
        let point = |beyond: bool| if beyond { POINTED } else { 0.0 };
        let (y, height) = (y + point(self.beyond.1), height - point(self.beyond.0) - point(self.beyond.1));
        let parts = 96;
        for i in 0..parts {
            let (t, done) = (1.0 - (f64::from(i) + 0.5) / f64::from(parts), f64::from(i) * height / f64::from(parts));
            // Each part reaches to the end, and the next lies on it: side by side, hairlines would show between them.
            svg.fill(Rect::sized(x, y + done, BAR, height - done), self.along(t));
        }
        let (bottom, right, middle) = (y + height, x + BAR, x + BAR / 2.0);
        let mut outline = vec![(x, bottom), (x, y)];
        if self.beyond.1 {
            svg.polygon(&[(x, y), (middle, y - POINTED), (right, y)], self.along(1.0), 1.0);
            outline.push((middle, y - POINTED));
        }
        outline.extend([(right, y), (right, bottom)]);
        if self.beyond.0 {
            svg.polygon(&[(x, bottom), (middle, bottom + POINTED), (right, bottom)], self.along(0.0), 1.0);
            outline.push((middle, bottom + POINTED));
        }
        outline.push((x, bottom));
        svg.line(&outline, Stroke::new(MUTED, 0.8));
        for (at, text) in self.ticks(height) {
            svg.line(&[(right, y + at), (right + 4.0, y + at)], Stroke::new(MUTED, 1.0));
            svg.text(&text, (right + 8.0, y + at), NUMBERS, Anchor::Start);
        }
        let label = NUMBERS.fitted(&self.label, height + 40.0);
        let beside = (right + 8.0 + self.widest(height) + 12.0, y + height / 2.0);
        svg.text(&label, beside, NUMBERS.upwards(), Anchor::Middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_the_middle_of_two_hues_and_no_value_has_no_colour() {
        let axis = Axis::linear("r").within(-0.3, 1.0);
        let colours = Colours::of(&axis, [-0.5, 0.2].into_iter(), Hue::Diverging);
        assert_eq!([-9.0, 0.0, 9.0].map(|v| colours.share(v)), [Some(0.35), Some(0.5), Some(1.0)]);
        assert_eq!((colours.beyond, colours.share(f64::NAN)), ((true, false), None));
        let log = Colours::of(&Axis::log("e"), [0.1, 10.0].into_iter(), Hue::Heat);
        assert_eq!([0.0, 0.1, f64::INFINITY].map(|v| log.share(v)), [Some(0.0), Some(0.0), Some(1.0)]);
    }
}

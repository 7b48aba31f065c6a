//! Texts in figures: their fonts, the room they take, a ground under those that lie on curves, and short numbers.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::place::{Point, Rect};
use crate::report::canvas::{Font, Pen, text_width};
use crate::report::palette::INK;

/// The paper under a text that lies on curves. The page's style sheet knows it by value and turns it dark on a dark
/// screen; pure white is the colour of numbers on dark cells, which stay white.
pub(super) const GROUND: RGBColor = RGBColor(0xFE, 0xFE, 0xFE);

/// Numbers along axes.
pub(super) const NUMBERS: Font = Font { size: 12.0, colour: INK, bold: false, upwards: false };
/// Names of axes.
pub(super) const LABELS: Font = Font { size: 12.5, ..NUMBERS };
/// Titles of panels.
pub(super) const TITLES: Font = Font { size: 13.5, bold: true, ..NUMBERS };
/// Texts inside panels.
pub(super) const NOTES: Font = Font { size: 11.5, ..NUMBERS };

/// The height of a line of text, in units of its size.
const LINE: f64 = 1.25;

/// How wide a character usually is, in units of the font size: a little more than in Helvetica and Arial.
fn usual(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.26,
        'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | ' ' => 0.34,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.88,
        'A'..='Z' | '=' | '<' | '>' | '+' | '−' | '×' | '≤' | '≥' => 0.7,
        _ => 0.57,
    }
}

/// The usual width of a text, in pixels: placed by the greatest, short texts would keep apart too far.
pub(super) fn usual_width(text: &str, font: Font) -> f64 {
    text.chars().map(usual).sum::<f64>() * font.size
}

/// The most characters of a font that a width is sure to hold.
pub(super) fn fitting(width: f64, font: Font) -> usize {
    (width / text_width("m", font.size)).max(1.0) as usize
}

/// The room that lines of text usually take: width and height, in pixels.
pub(super) fn room(text: &str, font: Font) -> (f64, f64) {
    let width = text.lines().map(|line| usual_width(line, font)).fold(0.0, f64::max);
    (width, text.lines().count() as f64 * font.size * LINE)
}

/// Lines of text from an upper left corner, on a ground that lets curves through a little.
pub(super) fn on_ground(pen: &mut Pen<'_>, text: &str, (left, top): Point, font: Font) {
    let (width, height) = room(text, font);
    let Rect { left, top, right, bottom } = Rect::sized(left, top, width, height);
    pen.polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)], GROUND, 0.65);
    for (i, line) in text.lines().enumerate() {
        let y = top + (i as f64 + 0.5) * font.size * LINE;
        pen.text(line, (left, y), font, HPos::Left, VPos::Center);
    }
}

/// A value in few characters: `0.85`, `1.41`, `20`, `3e-6`, `–` where there is none.
pub(super) fn short(value: f64) -> String {
    digits(value, 3)
}

/// A value to so many digits, without zeros at the end.
pub(super) fn digits(value: f64, digits: u8) -> String {
    let size = value.abs();
    let text = match size {
        _ if !value.is_finite() => return "–".to_owned(),
        0.0 => return "0".to_owned(),
        size if !(1e-3..1e5).contains(&size) => {
            let text = format!("{size:.1e}");
            text.replace(".0e", "e")
        }
        size => {
            let decimals = (f64::from(digits) - 1.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
            let text = format!("{size:.decimals$}");
            if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    };
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_keep_what_matters() {
        let values = [0.85, 1.0, std::f64::consts::SQRT_2, 20.0, 400.0, 3e-6, -0.125, 0.0, f64::NAN, 131_072.0];
        let texts = ["0.85", "1", "1.41", "20", "400", "3e-6", "−0.125", "0", "–", "1.3e5"];
        assert_eq!(values.map(short), texts);
        assert_eq!([0.0164, 13.8, 0.125].map(|value| digits(value, 2)), ["0.016", "14", "0.12"]);
    }
}

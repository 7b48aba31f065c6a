//! Texts in figures: fonts, the room that texts take, and numbers in few characters.

use super::palette::{INK, MUTED, Rgb};

/// How a text is set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Font {
    /// Size in pixels.
    pub size: f64,
    /// Its colour.
    pub colour: Rgb,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it runs upwards.
    pub upwards: bool,
}

/// Numbers along axes.
pub const NUMBERS: Font = Font { size: 12.0, colour: INK, bold: false, upwards: false };
/// Names of axes and entries of legends.
pub const LABELS: Font = Font { size: 12.5, ..NUMBERS };
/// Titles of panels.
pub const TITLES: Font = Font { size: 13.5, bold: true, ..NUMBERS };
/// Texts inside panels.
pub const NOTES: Font = Font { size: 11.5, ..NUMBERS };
/// What stands beneath a figure in a file of its own.
pub const CAPTION: Font = Font { size: 12.5, colour: MUTED, ..NUMBERS };

/// The height of a line of text, in units of its size.
pub const LINE: f64 = 1.25;

impl Font {
    /// The same, running upwards.
    pub fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }

    /// How wide a text gets, in pixels: a little more than in Helvetica and Arial, about as in DejaVu, since the reader's font is not known.
    pub fn width(self, text: &str) -> f64 {
        text.chars().map(width).sum::<f64>() * self.size * if self.bold { 1.06 } else { 1.0 }
    }

    /// The room that lines of text take: width and height, in pixels.
    pub fn room(self, text: &str) -> (f64, f64) {
        let width = text.lines().map(|line| self.width(line)).fold(0.0, f64::max);
        (width, text.lines().count() as f64 * self.size * LINE)
    }

    /// The text, cut at its end to a width in pixels.
    pub fn fitted(self, text: &str, width: f64) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let mut left = width - self.width("…");
        let fits = |letter: &char| {
            left -= self.width(letter.encode_utf8(&mut [0; 4]));
            left >= 0.0
        };
        text.chars().take_while(fits).chain(['…']).collect()
    }

    /// Lines of words that fit a width, in pixels.
    pub fn wrapped(self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// How wide a character is, in units of the font size.
fn width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.3,
        'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | ' ' | '/' => 0.37,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.9,
        'A'..='Z' | '=' | '<' | '>' | '+' | '−' | '×' | '≤' | '≥' | '…' => 0.72,
        letter if letter < '\u{400}' => 0.6,
        '‖' | '–' | '√' => 0.6,
        // Of other scripts, some letters are as wide as they are high.
        _ => 1.0,
    }
}

/// `text`, cut to `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A value to so many digits, without zeros at the end: `0.85`, `1.41`, `20`, `3e-6`, `–` where there is none.
pub fn digits(value: f64, digits: u8) -> String {
    let size = value.abs();
    let text = match size {
        _ if !value.is_finite() => return "–".to_owned(),
        0.0 => return "0".to_owned(),
        size if !(1e-3..1e5).contains(&size) => format!("{size:.1e}").replace(".0e", "e"),
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
        assert_eq!(values.map(|value| digits(value, 3)), texts);
        assert_eq!([0.0164, 13.8, 0.125].map(|value| digits(value, 2)), ["0.016", "14", "0.12"]);
    }

    #[test]
    fn texts_are_cut_to_a_width_and_wrapped() {
        let text = "representations of layers";
        let cut = NUMBERS.fitted(text, 80.0);
        assert!(cut.ends_with('…') && NUMBERS.width(&cut) <= 80.0 && NUMBERS.width(&cut) > 60.0, "{cut}");
        assert_eq!(NUMBERS.fitted(text, 800.0), text);
        assert_eq!(NUMBERS.wrapped(text, 90.0), ["representations", "of layers"]);
    }
}

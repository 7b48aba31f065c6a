//! The names beside a matrix: shortened in their middle, since names of layers differ at either end, and thinned out
//! where there are more of them than lines of text.

use std::collections::HashSet;

use plotters::style::text_anchor::{HPos, VPos};

use crate::report::canvas::{Font, Pen};
use crate::report::heat::PLAIN;
use crate::report::palette::{INK, MUTED};

/// Characters of a name that are shown at most.
const MOST: usize = 34;
/// Between the baselines of two names, in units of their size.
const LINE: f64 = 1.12;
/// Between a name and the matrix, in pixels.
const GAP: f64 = 7.0;
/// The size of the letters, between cells that are small and cells that are large, in pixels.
const SIZES: (f64, f64) = (9.5, 12.5);

/// The names along both sides of a matrix.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    /// Names with their places, in cells.
    shown: Vec<(String, f64)>,
    count: usize,
    font: Font,
    cell: f64,
    widest: f64,
    /// Whether those beneath stand upright, because a cell is narrower than a name.
    upright: bool,
}

impl Labels {
    /// The names of cells of this size, in pixels.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>, cell: f64) -> Self {
        let names = short(&names.collect::<Vec<_>>());
        let size = (cell / LINE).clamp(SIZES.0, SIZES.1);
        let every = ((size * LINE / cell) - 1e-9).ceil().max(1.0) as usize;
        let font = Font { size, ..PLAIN };
        let widest = names.iter().map(|name| width(name, size)).fold(0.0, f64::max);
        let count = names.len();
        // In the middle of the items that it stands for, so that the first and the last have as far to go.
        let first = (count - 1) % every / 2;
        let shown = names.into_iter().enumerate().skip(first).step_by(every);
        let shown = shown.map(|(i, name)| (name, (i as f64 + 0.5) * cell)).collect();
        Self { shown, count, font, cell, widest, upright: widest > cell - 4.0 }
    }

    /// The room beside the matrix, in pixels.
    pub fn beside(&self) -> f64 {
        self.widest + GAP + self.tick() + 3.0
    }

    /// The room beneath the matrix, in pixels.
    pub fn beneath(&self) -> f64 {
        GAP + self.tick() + if self.upright { self.widest + 3.0 } else { self.font.size * 1.3 }
    }

    /// How many names are shown, when not all are.
    pub fn thinned(&self) -> Option<usize> {
        (self.shown.len() < self.count).then_some(self.shown.len())
    }

    /// Thinned names need strokes that say which cell they name.
    fn tick(&self) -> f64 {
        if self.shown.len() < self.count { 4.0 } else { 0.0 }
    }

    /// Writes the names to the left of and beneath a matrix, from its upper left corner.
    pub fn draw(&self, pen: &mut Pen<'_>, (x, y): (f64, f64)) {
        let (bottom, tick) = (y + self.cell * self.count as f64, self.tick());
        let mut ticks = Vec::new();
        for (name, at) in &self.shown {
            let font = Font { colour: INK, ..self.font };
            pen.text(name, (x - GAP - tick, y + at), font, HPos::Right, VPos::Center);
            let beneath = (x + at, bottom + GAP + tick);
            if self.upright {
                pen.text(name, beneath, Font { upwards: true, ..font }, HPos::Right, VPos::Center);
            } else {
                pen.text(name, beneath, font, HPos::Center, VPos::Top);
            }
            ticks.push([(x - tick - 3.0, y + at), (x - 2.0, y + at)]);
            ticks.push([(x + at, bottom + 2.0), (x + at, bottom + tick + 3.0)]);
        }
        if tick > 0.0 {
            pen.strokes(&ticks, MUTED, 0.8);
        }
    }
}

/// How wide a name usually is, in pixels. The estimate for any font would leave a wide gap before long names.
fn width(name: &str, size: f64) -> f64 {
    let wide = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.28,
        'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | ' ' | '/' => 0.37,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.9,
        'A'..='Z' | '=' | '<' | '>' | '+' | '…' => 0.72,
        letter if letter.is_ascii() => 0.58,
        // Of other scripts, some letters are as wide as they are high.
        _ => 1.0,
    };
    name.chars().map(wide).sum::<f64>() * size
}

/// The names, without what all have in common when they are long, and without their middle when they are still long.
fn short(names: &[&str]) -> Vec<String> {
    let distinct = |names: &[String]| names.iter().collect::<HashSet<_>>().len();
    let cut = |names: &[String]| names.iter().map(|name| middle_out(name, MOST)).collect::<Vec<_>>();
    let whole: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let plain = cut(&whole);
    if whole.iter().all(|name| name.chars().count() <= MOST) {
        return plain;
    }
    let bare = cut(&without_common(names));
    if distinct(&bare) > distinct(&plain) { bare } else { plain }
}

/// The names without the parts at both ends that all have in common, as far as whole words go.
fn without_common(names: &[&str]) -> Vec<String> {
    let parts: Vec<Vec<&str>> = names.iter().map(|name| name.split_inclusive(['.', '/', ':', '_']).collect()).collect();
    let least = parts.iter().map(Vec::len).min().unwrap_or(0).saturating_sub(1);
    let same = |of: &dyn Fn(&[&str]) -> String| parts.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]));
    let start = (0..least).take_while(|&i| same(&|part| part[i].to_owned())).count();
    let end = (0..least - start).take_while(|&i| same(&|part| part[part.len() - 1 - i].to_owned())).count();
    let bare = |part: &Vec<&str>| {
        let (before, after) = (if start > 0 { "…" } else { "" }, if end > 0 { "…" } else { "" });
        let own = part[start..part.len() - end].concat();
        let own = if end > 0 { own.trim_end_matches(['.', '/', ':', '_']) } else { &own };
        format!("{before}{own}{after}")
    };
    parts.iter().map(bare).collect()
}

/// The name, without its middle when it is long.
fn middle_out(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if letters.len() <= most {
        return letters.into_iter().collect();
    }
    // More of the end: the start of a path is what names have in common.
    let (start, end) = ((most - 1) * 2 / 5, most - 1 - (most - 1) * 2 / 5);
    letters[..start].iter().chain(&['…']).chain(&letters[letters.len() - end..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(middle_out("fc", MOST), "fc");
        assert_eq!(middle_out("a\nb", MOST), "a b");
        let long = middle_out("model.encoder.layers.10.self_attention.out_proj.weight", MOST);
        assert_eq!(long, "model.encoder…tion.out_proj.weight");
        assert_eq!(long.chars().count(), MOST);
    }

    #[test]
    fn long_names_that_differ_in_their_middle_lose_their_ends() {
        let name = |i: usize| format!("model.encoder.layers.{i}.self_attention.out_proj.weight");
        let names: Vec<String> = (9..12).map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(short(&names), ["…9…", "…10…", "…11…"]);
        // What differs at its ends keeps them.
        let ends = ["a.encoder.layers.self_attention.out_proj.x", "b.encoder.layers.self_attention.out_proj.y"];
        assert_eq!(short(&ends), ["a.encoder.lay…attention.out_proj.x", "b.encoder.lay…attention.out_proj.y"]);
        assert_eq!(short(&["same", "same"]), ["same", "same"]);
        assert_eq!(short(&[]), Vec::<String>::new());
    }

    #[test]
    fn names_are_thinned_evenly() {
        let names: Vec<String> = (0..500).map(|i| i.to_string()).collect();
        let labels = Labels::of(names.iter().map(String::as_str), 1.3);
        let places: Vec<f64> = labels.shown.iter().map(|(_, at)| *at).collect();
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= labels.font.size), "{places:?}");
        assert_eq!(labels.thinned(), Some(places.len()));
        assert_eq!(Labels::of(["a", "b"].into_iter(), 40.0).thinned(), None);
    }
}

//! The names along the sides of a matrix: equal neighbours share one; long ones are shortened in their middle, since
//! names of layers differ at either end; what has no room is left out.

use std::collections::HashSet;

use super::palette::{INK, MUTED};
use super::place::{Point, Rect};
use super::scale::Axis;
use super::svg::{Anchor, Stroke, Svg};
use super::text::{Font, NUMBERS};

/// Characters of a name that are shown at most.
const MOST: usize = 34;
/// Between the baselines of two names, in units of their size.
const LINE: f64 = 1.12;
/// Between a name and the matrix, in pixels.
const GAP: f64 = 7.0;
/// The size of the letters, between cells that are small and cells that are large, in pixels.
const SIZES: (f64, f64) = (9.5, 12.0);

/// The names along one side of a matrix.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Names with the middle of the cells that they stand for, in pixels.
    shown: Vec<(String, f64)>,
    /// Where groups of equal names meet, in pixels.
    borders: Vec<f64>,
    /// How many different names there are.
    pub count: usize,
    font: Font,
    widest: f64,
    /// Whether those beneath stand upright, because a cell is narrower than a name.
    upright: bool,
}

impl Names {
    /// The names of an axis whose cells have this size, in pixels; `beneath` a matrix or beside it.
    pub fn of(axis: &Axis, cell: f64, beneath: bool) -> Self {
        let runs: Vec<&[String]> = axis.names.chunk_by(|a, b| a == b).collect();
        let names = short(&runs.iter().map(|run| run[0].as_str()).collect::<Vec<_>>());
        let room = cell * axis.names.len() as f64 / runs.len().max(1) as f64;
        let font = Font { size: (room / LINE).clamp(SIZES.0, SIZES.1), ..NUMBERS };
        let widest = names.iter().map(|name| font.width(name)).fold(0.0, f64::max);
        let narrow = |(name, run): (&String, &&[String])| font.width(name) > run.len() as f64 * cell - 4.0;
        let upright = beneath && axis.upright && names.iter().zip(&runs).any(narrow);
        let grouped = runs.len() < axis.names.len();
        let (mut first, mut free, mut shown, mut borders) = (0, f64::NEG_INFINITY, Vec::new(), Vec::new());
        for (name, run) in names.into_iter().zip(&runs) {
            let middle = (first as f64 + run.len() as f64 / 2.0) * cell;
            let half = match beneath && !upright {
                false => font.size * LINE / 2.0,
                true if grouped => font.width(&name) / 2.0 + 2.0,
                // All alike, so that every so many are shown.
                true => widest / 2.0 + 2.0,
            };
            if !name.is_empty() && middle - half >= free - 0.01 {
                free = middle + half;
                shown.push((name, middle));
            }
            if grouped && first > 0 {
                borders.push(first as f64 * cell);
            }
            first += run.len();
        }
        Self { shown, borders, count: runs.len(), font, widest, upright }
    }

    /// How many are shown.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The room beside a matrix, in pixels.
    pub fn beside(&self) -> f64 {
        if self.widest > 0.0 { self.widest + GAP + self.tick() + 3.0 } else { 0.0 }
    }

    /// The room beneath a matrix, in pixels.
    pub fn beneath(&self) -> f64 {
        match self.widest {
            0.0 => 0.0,
            widest => GAP + self.tick() + if self.upright { widest + 3.0 } else { self.font.size * 1.2 },
        }
    }

    /// Thinned names need strokes that say which cell they name.
    fn tick(&self) -> f64 {
        if self.shown.len() < self.count && self.borders.is_empty() { 4.0 } else { 0.0 }
    }

    /// Writes the names to the left of cells, or beneath them.
    pub fn draw(&self, svg: &mut Svg, cells: Rect, beneath: bool) {
        let Rect { left, top, bottom, .. } = cells;
        // A place so far along the side and so far out.
        let at = |along: f64, out: f64| -> Point {
            if beneath { (left + along, bottom + out) } else { (left - out, top + along) }
        };
        let (tick, half) = (self.tick(), self.font.size / 2.0);
        for (name, middle) in &self.shown {
            match (beneath, self.upright) {
                (false, _) => svg.text(name, at(*middle, GAP + tick), self.font, Anchor::End),
                (true, true) => svg.text(name, at(*middle, GAP + tick), self.font.upwards(), Anchor::End),
                (true, false) => svg.text(name, at(*middle, GAP + tick + half), self.font, Anchor::Middle),
            }
        }
        if tick > 0.0 {
            let strokes: Vec<_> = self.shown.iter().map(|(_, to)| [at(*to, 2.0), at(*to, tick + 3.0)]).collect();
            svg.strokes(&strokes, Stroke::new(MUTED, 0.8));
        }
        let borders: Vec<_> = self.borders.iter().map(|&to| [at(to, 0.0), at(to, 6.0)]).collect();
        svg.strokes(&borders, Stroke::new(INK, 1.0));
    }
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
    fn names_are_thinned_evenly_and_equal_neighbours_share_one() {
        let named = |names: &mut dyn Iterator<Item = String>| Axis::named("", names.collect());
        let labels = Names::of(&named(&mut (0..500).map(|i| i.to_string())), 1.3, false);
        let places: Vec<f64> = labels.shown.iter().map(|(_, at)| *at).collect();
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= labels.font.size), "{places:?}");
        assert!(labels.shown() < labels.count && labels.borders.is_empty());
        let two = Names::of(&named(&mut ["a", "b"].map(str::to_owned).into_iter()), 40.0, true);
        assert_eq!((two.shown(), two.count, two.upright), (2, 2, false));
        let groups = Names::of(&named(&mut ["0", "0", "1", "1", "1", "2"].map(str::to_owned).into_iter()), 40.0, true);
        assert_eq!(groups.shown, [("0".to_owned(), 40.0), ("1".to_owned(), 140.0), ("2".to_owned(), 220.0)]);
        assert_eq!(groups.borders, [80.0, 200.0]);
        assert_eq!(Names::of(&Axis::default(), 1.0, false).beside(), 0.0);
    }
}

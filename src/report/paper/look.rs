//! Which colour and which mark stand for a name, the same in all panels of a figure.

use plotters::style::RGBColor;

use crate::report::palette::{self, DISTINCT, Mark};

/// A colour with a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub colour: RGBColor,
    pub mark: Mark,
    pub hollow: bool,
}

/// The look of name `i`: different for forty names, in colour, in mark, or in being hollow.
pub(super) fn look(i: usize) -> Look {
    let mark = palette::mark(i, DISTINCT).unwrap_or(Mark::Circle);
    Look { colour: palette::colour(i % DISTINCT, DISTINCT), mark, hollow: i % (2 * DISTINCT) >= DISTINCT }
}

/// The different names, in the order of their first appearance.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut list = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

/// The place of a name in a list that holds it.
pub(super) fn index(list: &[&str], name: &str) -> usize {
    list.iter().position(|other| *other == name).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_names_look_different() {
        let looks: Vec<Look> = (0..40).map(look).collect();
        for (i, a) in looks.iter().enumerate() {
            assert!(looks[..i].iter().all(|b| a != b), "{i}");
        }
        assert_eq!(distinct(["b", "a", "b"].into_iter()), ["b", "a"]);
    }
}

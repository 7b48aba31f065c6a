//! A quantity with its values: of every network, or pair of them, and what they become over seeds.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::deviation;
use super::quantity::Reduce;
use crate::papers::claim::{Measured, Numbers, Spread, measured, number as digits_of};

/// A network, or a pair of them, with its values.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which: the same network twice, or two.
    pub networks: [usize; 2],
    /// Their seeds.
    pub seeds: [u32; 2],
    /// Its place in the list over settings.
    pub group: usize,
    /// Whether it is one of the networks that are counted.
    pub kept: bool,
    /// Its values over layers or steps; one if there is no such list.
    pub values: Vec<f64>,
}

/// How often each seed was drawn; a seed that is not there counts once where nothing was drawn.
pub type Draw = BTreeMap<u32, usize>;

/// What a list is over, where it is over several things.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is: the name of a setting, `layer`, `step`.
    pub name: String,
    /// Its values, one for each entry along it.
    pub labels: Vec<String>,
    /// The same as numbers; NaN where they are words.
    pub places: Vec<f64>,
}

/// A quantity with its values.
#[derive(Clone, Debug)]
pub struct Found {
    /// What sentences call it.
    pub title: String,
    /// What a list over settings, layers or steps is over; one if it is none.
    pub labels: Vec<String>,
    /// The same as numbers, for an axis.
    pub places: Vec<f64>,
    /// What it is a list over, that which changes fastest last; none of a single number.
    pub sides: Vec<Side>,
    /// Networks.
    pub samples: Vec<Sample>,
    pub(super) groups: usize,
    pub(super) inner: usize,
    pub(super) sweep: Option<String>,
    pub(super) reduce: Reduce,
    pub(super) digits: Option<usize>,
}

impl Found {
    /// Values of the networks behind an entry of the list; with a draw, as often as their seeds were drawn.
    pub fn values(&self, entry: usize, draw: Option<&Draw>) -> Vec<f64> {
        let (group, inner) = (entry / self.inner, entry % self.inner);
        let mut all = Vec::new();
        for sample in self.samples.iter().filter(|s| s.kept && s.group == group && s.values[inner].is_finite()) {
            all.extend(std::iter::repeat_n(sample.values[inner], times(sample, draw)));
        }
        all
    }

    /// How many entries the list has.
    pub fn size(&self) -> usize {
        self.groups * self.inner
    }

    /// What networks become, for each entry of the list.
    pub fn reduced(&self, draw: Option<&Draw>) -> Vec<f64> {
        (0..self.size()).map(|entry| self.reduce.of(&self.values(entry, draw))).collect()
    }

    /// How many networks there are behind each entry, and how many were asked for.
    pub fn counts(&self, draw: Option<&Draw>) -> Vec<(f64, f64)> {
        let count = |entry| {
            let of = self.samples.iter().filter(|s| s.group == entry / self.inner);
            (self.values(entry, draw).len() as f64, of.map(|s| times(s, draw)).sum::<usize>() as f64)
        };
        (0..self.size()).map(count).collect()
    }

    /// What is counted.
    pub fn kind(&self) -> &'static str {
        if self.samples.iter().any(|s| s.networks[0] != s.networks[1]) { "pairs of networks" } else { "networks" }
    }

    /// Its seeds.
    pub fn seeds(&self) -> BTreeSet<u32> {
        self.samples.iter().filter(|s| s.kept).flat_map(|s| s.seeds).collect()
    }

    /// As text: what networks become, with its spread over them.
    pub fn text(&self, digits: Option<usize>) -> Measured {
        let digits = digits.or(self.digits);
        let one = |entry: usize| {
            let values = self.values(entry, None);
            let middle = self.reduce.of(&values);
            match self.reduce {
                Reduce::Median if digits.is_none() => {
                    let (spread, mut kept) = (Spread::of(values), Vec::new());
                    spread.numbers(&mut kept);
                    Measured::new(spread.to_string(), kept)
                }
                Reduce::Mean if values.len() > 1 => {
                    measured!("{} ± {}", shown(middle, digits), shown(deviation(&values), digits))
                }
                _ => shown(middle, digits),
            }
        };
        if self.size() == 1 {
            return one(0);
        }
        Measured::joined(
            (0..self.size()).map(|entry| {
                let label = &self.labels[entry];
                measured!("{label}: {}", one(entry))
            }),
            ", ",
        )
    }
}

fn times(sample: &Sample, draw: Option<&Draw>) -> usize {
    let Some(draw) = draw else { return 1 };
    let of = |seed: u32| draw.get(&seed).copied().unwrap_or(0);
    let [a, b] = sample.networks;
    of(sample.seeds[0]) * if a == b { 1 } else { of(sample.seeds[1]) }
}

/// A number as a text: to so many decimals, or those that count.
pub fn shown(x: f64, digits: Option<usize>) -> Measured {
    match digits {
        Some(digits) if x.is_finite() => Measured::new(format!("{x:.digits$}"), vec![x]),
        _ => digits_of(x),
    }
}

//! A quantity with its values: of every network, or pair of them, and what they become over seeds.

use std::collections::BTreeSet;

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

/// Seeds drawn anew: how often each. Where nothing was drawn, each counts once.
#[derive(Clone, Debug)]
pub struct Draw<'a> {
    /// The seeds, ascending.
    pub seeds: &'a [u32],
    /// How often each was drawn.
    pub times: Vec<usize>,
}

impl Draw<'_> {
    fn times(&self, seed: u32) -> usize {
        // Seeds that count from 0 stand at their own place.
        let own = Some(seed as usize).filter(|&i| self.seeds.get(i) == Some(&seed));
        own.or_else(|| self.seeds.binary_search(&seed).ok()).map_or(0, |i| self.times[i])
    }
}

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
    pub fn values(&self, entry: usize, draw: Option<&Draw<'_>>) -> Vec<f64> {
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

    /// What networks become, for each entry of the list. Seeds are looked up once: with thousands of networks this is most of the work
    /// of drawing them anew.
    pub fn reduced(&self, draw: Option<&Draw<'_>>) -> Vec<f64> {
        let mut of_groups = vec![Vec::new(); self.groups];
        for sample in self.samples.iter().filter(|s| s.kept) {
            of_groups[sample.group].push((sample, times(sample, draw)));
        }
        let mut values = Vec::new();
        let mut of = |entry: usize| {
            values.clear();
            for (sample, times) in &of_groups[entry / self.inner] {
                let value = sample.values[entry % self.inner];
                values.extend(std::iter::repeat_n(value, if value.is_finite() { *times } else { 0 }));
            }
            self.reduce.of(&values)
        };
        (0..self.size()).map(&mut of).collect()
    }

    /// How many networks there are behind each entry, and how many were asked for.
    pub fn counts(&self, draw: Option<&Draw<'_>>) -> Vec<(f64, f64)> {
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

fn times(sample: &Sample, draw: Option<&Draw<'_>>) -> usize {
    let Some(draw) = draw else { return 1 };
    let [a, b] = sample.networks;
    draw.times(sample.seeds[0]) * if a == b { 1 } else { draw.times(sample.seeds[1]) }
}

/// A number as a text: to so many decimals, or those that count.
pub fn shown(x: f64, digits: Option<usize>) -> Measured {
    match digits {
        Some(digits) if x.is_finite() => Measured::new(format!("{x:.digits$}"), vec![x]),
        _ => digits_of(x),
    }
}

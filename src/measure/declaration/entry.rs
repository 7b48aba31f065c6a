//! What is said of a measure, and what it holds in memory.

use super::given::{Given, Parameter};
use super::made::Made;
use super::scale::Scale;
use crate::error::{Error, Result};

/// What a larger value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More alike.
    Similarity,
    /// Less alike.
    Distance,
}

/// A change to a representation that leaves a measure as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariance {
    /// A constant added to each unit.
    Translation,
    /// All units times one positive number.
    Scaling,
    /// Each unit times a positive number of its own.
    UnitScaling,
    /// Units in another order.
    Permutation,
    /// Rotations and reflections of the space of units.
    Orthogonal,
    /// Any invertible linear map of the units.
    Linear,
}

impl Invariance {
    /// Its name in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Translation => "translation",
            Self::Scaling => "scaling",
            Self::UnitScaling => "scaling of units",
            Self::Permutation => "permutation",
            Self::Orthogonal => "orthogonal",
            Self::Linear => "invertible linear",
        }
    }
}

/// Units and examples of two representations, for what may be said of them beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    /// Examples.
    pub n: usize,
    /// Units of the first.
    pub p: usize,
    /// Units of the second.
    pub q: usize,
    /// Units of either that are the same for all examples.
    pub constant: usize,
}

impl Extents {
    /// Of `n` examples of `p` and `q` units, all of which vary.
    pub fn new(n: usize, p: usize, q: usize) -> Self {
        Self { n, p, q, constant: 0 }
    }
}

/// Numbers of eight bytes that a measure holds at once on the CPU, at most, beside the representations themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// A prepared representation, with the units of the first.
    pub prepared: f64,
    /// While one is being prepared, beside what comes of it.
    pub preparing: f64,
    /// While two prepared ones are compared, beside them.
    pub comparing: f64,
}

impl Held {
    /// Where each becomes a basis or another form of its own, in the space of units or of examples if those are fewer, and a pair is
    /// the product of two, and what is made of that.
    pub(in crate::measure) fn of_bases(e: Extents) -> Self {
        let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
        let (a, b) = (p.min(n), q.min(n));
        Self {
            prepared: n * a,
            preparing: 4.0 * n * p + 6.0 * a * a,
            comparing: 3.0 * n * (a + b) + 6.0 * (a + b).powi(2),
        }
    }

    /// The same where what the units have to do with it is kept as well.
    pub(in crate::measure) fn of_factors(e: Extents) -> Self {
        let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
        let bases = Self::of_bases(e);
        let comparing = bases.comparing + p * p.min(n) + q * q.min(n);
        Self { prepared: 2.0 * bases.prepared + p * p.min(n), comparing, ..bases }
    }

    /// Of a measure that takes two representations as they are.
    pub(in crate::measure) fn of_pair(e: Extents, comparing: f64) -> Self {
        Self { prepared: e.n as f64 * e.p as f64, preparing: 0.0, comparing }
    }

    /// Where linear algebra is done on both in the space of units, or of examples if those are fewer: some copies of
    /// each, and some square matrices of both widths together.
    pub(in crate::measure) fn of_units(e: Extents) -> Self {
        let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
        let comparing = 6.0 * n * (p + q) + 6.0 * (p.min(n) + q.min(n)).powi(2) + 4.0 * p * q;
        Self { preparing: 4.0 * n * p, ..Self::of_pair(e, comparing) }
    }

    /// Where tables of all pairs of examples are made of both at once, so many.
    pub(in crate::measure) fn of_tables(e: Extents, tables: f64) -> Self {
        let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
        Self::of_pair(e, tables * n * n + 2.0 * n * (p + q))
    }
}

/// A measure of two representations, as the catalogue lists it.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Which part of the catalogue it is in.
    pub family: &'static str,
    /// In plain text; `X`, `Y` are centred representations, `K`, `L` Gram matrices, `D` matrices of distances.
    pub formula: &'static str,
    /// Least and largest value, with any options.
    pub range: [f64; 2],
    /// The same with these options, where they say more.
    pub range_of: fn(&Given) -> Option<[f64; 2]>,
    /// What a larger value means.
    pub direction: Direction,
    /// Whether it is the same either way about.
    pub symmetric: bool,
    /// Whether it is a metric up to the changes that it does not see (with its default options).
    pub metric: bool,
    /// What it does not see (with its default options).
    pub invariances: &'static [Invariance],
    /// What becomes of it when the data are multiplied by numbers.
    pub scale: fn(&Given) -> Scale,
    /// Cost for a pair, in letters: n examples, p units.
    pub cost: &'static str,
    /// What it holds in memory on the CPU.
    pub held: fn(&Given, Extents) -> Held,
    /// Paper and equation.
    pub source: &'static str,
    /// Its options.
    pub parameters: &'static [Parameter],
    /// Something to be aware of, given the sizes.
    pub caution: fn(&Given, Extents) -> Option<String>,
    /// How it is computed.
    pub make: fn(&Given) -> Result<Made>,
}

impl Entry {
    /// A similarity in [0, 1] which is symmetric, whatever the scale of the data: what else there is to say of it follows.
    pub(in crate::measure) const fn similarity(name: &'static str, title: &'static str, family: &'static str) -> Self {
        Self {
            name,
            title,
            family,
            formula: "",
            range: [0.0, 1.0],
            range_of: |_| None,
            direction: Direction::Similarity,
            symmetric: true,
            metric: false,
            invariances: &[],
            scale: |_| Scale::Free,
            cost: "",
            held: |_, _| Held { prepared: 0.0, preparing: 0.0, comparing: 0.0 },
            source: "",
            parameters: &[],
            caution: |_, _| None,
            make: |_| Err(Error::Measure("this measure does not say how it is computed".into())),
        }
    }

    /// The same for a distance of at least zero.
    pub(in crate::measure) const fn distance(name: &'static str, title: &'static str, family: &'static str) -> Self {
        let range = [0.0, f64::INFINITY];
        Self { range, direction: Direction::Distance, ..Self::similarity(name, title, family) }
    }
}

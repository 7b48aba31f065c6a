//! What the catalogue says of a measure, and how it is computed.

use std::any::Any;

use faer::{Mat, MatRef};

use super::device::Device;
use super::given::{Given, Parameter};
use super::scale::{Scale, exponent, multiplied, shifted};
use crate::error::{Error, Result};
use crate::measure::numerics::tiles;

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

/// What a representation becomes before it is compared: made once, however many pairs it is in.
pub struct Prepared {
    examples: usize,
    /// The representation is what was prepared times two to this power.
    exponent: i32,
    kept: Kept,
}

type Kept = Box<dyn Any + Send + Sync>;
type Prepare = Box<dyn Fn(MatRef<'_, f64>) -> Result<Kept> + Send + Sync>;
type Compare = Box<dyn Fn(&Kept, &Kept, [f64; 2]) -> Result<f64> + Send + Sync>;
type Vector = Box<dyn Fn(&Kept) -> Option<&[f64]> + Send + Sync>;

/// How a measure is computed on the CPU, in f64.
pub struct Host {
    prepare: Prepare,
    compare: Compare,
    products: Option<Products>,
    scale: Scale,
}

/// Of a measure whose values are functions of inner products.
struct Products {
    /// What a prepared representation enters these by.
    vector: Vector,
    value: fn(f64) -> f64,
}

impl Host {
    /// In two phases: what each representation becomes, and what two of those give.
    pub fn new<P: Send + Sync + 'static>(
        prepare: impl Fn(MatRef<'_, f64>) -> Result<P> + Send + Sync + 'static,
        compare: impl Fn(&P, &P) -> Result<f64> + Send + Sync + 'static,
    ) -> Self {
        Self::sized(prepare, move |a, b, _| compare(a, b))
    }

    /// The same for a measure of [`Scale::Common`]: the representations are those that were prepared times these factors,
    /// neither of which is above one.
    pub fn sized<P: Send + Sync + 'static>(
        prepare: impl Fn(MatRef<'_, f64>) -> Result<P> + Send + Sync + 'static,
        compare: impl Fn(&P, &P, [f64; 2]) -> Result<f64> + Send + Sync + 'static,
    ) -> Self {
        let lost = || Error::Measure("a representation was prepared for another measure".into());
        Self {
            prepare: Box::new(move |x| Ok(Box::new(prepare(x)?) as Kept)),
            compare: Box::new(move |a, b, factors| {
                let (a, b) = (a.downcast_ref().ok_or_else(lost)?, b.downcast_ref().ok_or_else(lost)?);
                compare(a, b, factors)
            }),
            products: None,
            scale: Scale::Own,
        }
    }

    /// The same where two prepared forms that both have a vector give a function of the inner product of these: many pairs are then
    /// compared at once.
    #[must_use]
    pub fn of_products<P: Send + Sync + 'static>(
        self,
        vector: fn(&P) -> Option<&[f64]>,
        value: fn(f64) -> f64,
    ) -> Self {
        let vector: Vector = Box::new(move |kept| vector(kept.downcast_ref()?));
        Self { products: Some(Products { vector, value }), ..self }
    }

    /// From the two representations as they are.
    pub fn of_pair(compare: impl Fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self::sized(
            |x| Ok(x.to_owned()),
            move |a: &Mat<f64>, b: &Mat<f64>, factors| {
                if factors == [1.0, 1.0] {
                    return compare(a.as_ref(), b.as_ref());
                }
                let [a, b] = [(a, factors[0]), (b, factors[1])].map(|(x, by)| x * faer::Scale(by));
                compare(a.as_ref(), b.as_ref())
            },
        )
    }

    /// With what becomes of values when the data are multiplied by numbers.
    #[must_use]
    pub(in crate::measure) fn of_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// Prepares a representation `[examples, units]`, brought to a scale near one if the measure says what that does.
    ///
    /// # Errors
    /// If the measure is not defined on it.
    pub fn prepare(&self, x: MatRef<'_, f64>) -> Result<Prepared> {
        let exponent = if self.scale == Scale::Own { 0 } else { exponent(x) };
        let kept = match exponent {
            0 => (self.prepare)(x)?,
            _ => (self.prepare)(multiplied(x, -exponent).as_ref())?,
        };
        Ok(Prepared { examples: x.nrows(), exponent, kept })
    }

    /// Compares two prepared representations.
    ///
    /// # Errors
    /// If the measure is not defined on them.
    pub fn compare(&self, a: &Prepared, b: &Prepared) -> Result<f64> {
        if a.examples != b.examples {
            return Err(Error::Measure(format!(
                "expected representations of the same examples, got {} and {} rows; pass matching rows",
                a.examples, b.examples
            )));
        }
        let of = |factors| (self.compare)(&a.kept, &b.kept, factors);
        self.finite(match self.scale {
            Scale::Free | Scale::Own => of([1.0, 1.0])?,
            Scale::Each(power) => shifted(of([1.0, 1.0])?, power * (a.exponent + b.exponent)),
            Scale::Common(power) => {
                // Even, so that a root is a power of two as well.
                let larger = a.exponent.max(b.exponent);
                let larger = larger + larger.rem_euclid(2);
                // What is this much smaller than the other changes no bit, and must not become zero.
                let value = of([a.exponent, b.exponent].map(|e| f64::from((e - larger).max(-500)).exp2()))?;
                shifted(value, (power * f64::from(larger)) as i32)
            }
        })
    }

    /// Vectors of a side that [`Host::compare_all`] takes best: one, if it does not pay.
    pub fn side(&self) -> usize {
        if self.products.is_some() { tiles::SIDE } else { 1 }
    }

    /// Compares each of `rows` with each of `columns` at once, if the measure is of inner products and all have vectors of one
    /// length: with the bits of [`Host::compare`].
    pub fn compare_all(&self, rows: &[&Prepared], columns: &[&Prepared]) -> Option<Vec<Result<f64>>> {
        let Products { vector, value } = self.products.as_ref()?;
        let a: Vec<&[f64]> = rows.iter().map(|x| vector(&x.kept)).collect::<Option<_>>()?;
        let b: Vec<&[f64]> = columns.iter().map(|x| vector(&x.kept)).collect::<Option<_>>()?;
        let length = a.first()?.len();
        if self.scale != Scale::Free || a.iter().chain(&b).any(|x| x.len() != length) {
            return None;
        }
        let products = tiles::dots(&a, &b).ok()?;
        Some(products.into_iter().map(|product| self.finite(value(product))).collect())
    }

    fn finite(&self, value: f64) -> Result<f64> {
        if value.is_finite() || self.scale == Scale::Own {
            return Ok(value);
        }
        Err(Error::Measure(format!(
            "the value would be {value}, beyond what f64 holds; scale the representations nearer to one"
        )))
    }
}

/// Both ways, for some options.
pub struct Made {
    /// On the CPU.
    pub host: Host,
    /// On a GPU, if there is such a form.
    pub device: Option<Device>,
}

impl From<Host> for Made {
    fn from(host: Host) -> Self {
        Self { host, device: None }
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

//! How a measure is computed on the CPU, in f64: what a representation becomes, once, and what two of these give.

use std::any::Any;

use faer::{Mat, MatRef};

use super::scale::{Scale, exponent, multiplied, shifted};
use crate::error::{Error, Result};
use crate::measure::numerics::tiles;

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

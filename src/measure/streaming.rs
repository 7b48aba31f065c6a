//! Comparison of representations that do not fit in memory: what linear measures need of them is sums over examples,
//! which are taken a batch of rows at a time.
//!
//! Two passes: where each representation lies and how large it is, then the cross-products of the centred units and what the
//! debiased estimators need beside them. Memory is that of one batch and of a `p x q` matrix for each pair, whatever the
//! number of examples. Pairs that are nearly the same shape take a third pass, for the distance that is left between them.

use std::sync::{Mutex, PoisonError};

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::Estimator;
use super::catalogue::Measure;
use super::compare::{Place, Table};
use super::declaration::{Device, Nuclear, NuclearValue};
use super::memory::Memory;
use super::numerics::algebra::{power_of_two_scale, singular_values, symmetric_eigen};
use super::numerics::basis::{CLOSE, Procrustes};
use super::numerics::factor::thin_svd;
use super::outcome::Outcome;
use super::parallel::in_parallel;
use crate::error::{Error, Result};

/// What is compared where nothing is said.
pub const MAIN: &[&str] = &["cka", "cka:biased", "procrustes", "linear_regression"];

/// A representation that can be read by rows.
pub trait RowSource {
    /// Its name.
    fn name(&self) -> &str;
    /// Examples.
    fn examples(&self) -> usize;
    /// Units.
    fn units(&self) -> usize;
    /// Rows `start..end`, row-major.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&mut self, start: usize, end: usize) -> Result<Vec<f64>>;
}

/// Sums over the examples of a set of representations.
#[derive(Debug)]
pub struct Sums {
    examples: usize,
    /// Rows that are read at a time.
    batch: usize,
    /// Where each lies, or why it cannot be used.
    places: Vec<Result<Whereabouts, Outcome>>,
    /// Of each pair `a <= b`, by [`place`]: what was summed, or why it was not.
    pairs: Vec<Result<Pair, Outcome>>,
    /// `sum_i |x_i|^2` of each.
    totals: Vec<f64>,
}

/// What is summed of a pair.
#[derive(Debug)]
struct Pair {
    /// `X_a' X_b`.
    cross: Mat<f64>,
    /// `sum_i |x_i|^2 |y_i|^2`.
    norms: f64,
    /// The distance of the two at unit norm, of pairs so close that the cross-product does not say it.
    residual: Option<f64>,
}

/// How rows are centred, and brought to a size near one.
#[derive(Debug)]
struct Whereabouts {
    /// The first row: what is the same for all examples becomes zero, and an offset costs no digits.
    first: Vec<f64>,
    /// Mean of the units, less the first row.
    mean: Vec<f64>,
    /// A power of two.
    scale: f64,
    /// Whether all examples are the same.
    constant: bool,
}

/// Where a pair stands among the pairs with `a <= b`.
fn place(count: usize, a: usize, b: usize) -> usize {
    a * count - a * (a + 1) / 2 + b
}

impl Whereabouts {
    fn of(source: &mut dyn RowSource, batch: usize) -> Result<Self> {
        let (n, units) = (source.examples(), source.units());
        let first = source.read(0, 1)?;
        let (mut mean, mut largest) = (vec![0.0; units], 0.0f64);
        for start in (0..n).step_by(batch) {
            for row in source.read(start, n.min(start + batch))?.chunks(units.max(1)) {
                for ((mean, v), first) in mean.iter_mut().zip(row).zip(&first) {
                    *mean += (v - first) / n as f64;
                    largest = largest.max((v - first).abs());
                }
            }
        }
        if !largest.is_finite() {
            return Err(Error::Measure(
                "its values differ by more than a number of 64 bits holds; scale it down".into(),
            ));
        }
        Ok(Self { first, mean, scale: power_of_two_scale(largest), constant: largest == 0.0 })
    }

    fn rows(&self, source: &mut dyn RowSource, start: usize, end: usize) -> Result<Mat<f64>> {
        let (units, values) = (source.units(), source.read(start, end)?);
        Ok(Mat::from_fn(end - start, units, |i, j| {
            ((values[i * units + j] - self.first[j]) - self.mean[j]) * self.scale
        }))
    }
}

impl Sums {
    /// Reads all sources twice, `batch` rows at a time, or fewer if memory has no room for so many. A source that cannot be
    /// used, and a pair whose matrix has no room, are entries with their reason.
    ///
    /// # Errors
    /// If there are no sources, or they have not the same number of examples, or one that could be read once cannot be read
    /// again.
    pub fn of(sources: &mut [Box<dyn RowSource>], batch: usize, memory: Memory) -> Result<Self> {
        let Some(first) = sources.first() else {
            return Err(Error::Measure("at least one representation is expected, and none came".into()));
        };
        let (n, count) = (first.examples(), sources.len());
        if let Some(other) = sources.iter().find(|s| s.examples() != n) {
            return Err(Error::Measure(format!(
                "`{}` has {n} examples and `{}` has {}: representations of the same examples, in the same order, are \
                 compared",
                sources[0].name(),
                other.name(),
                other.examples()
            )));
        }
        // A batch as read, as values and centred.
        let row: f64 = sources.iter().map(|s| 24.0 * s.units() as f64).sum();
        let batch = batch.min((memory.free() / 4.0 / row.max(1.0)) as usize).max(1);
        let places: Vec<Result<Whereabouts, Outcome>> = sources
            .iter_mut()
            .map(|source| {
                let name = source.name().to_owned();
                match Whereabouts::of(source.as_mut(), batch) {
                    Ok(of) if of.constant => Err(Outcome::Undefined(format!(
                        "`{name}` is constant over the examples, so no measure is defined for it"
                    ))),
                    Ok(of) => Ok(of),
                    // A message about data names the file by itself.
                    Err(error @ Error::Data { .. }) => Err(Outcome::Undefined(error.to_string())),
                    Err(Error::Measure(why)) => Err(Outcome::Undefined(format!("`{name}`: {why}"))),
                    Err(error) => Err(Outcome::Failed(error.to_string())),
                }
            })
            .collect();
        let mut pairs = room(&places, &sources.iter().map(|s| s.units()).collect::<Vec<_>>(), memory);
        let numbers: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
        let mut totals = vec![0.0; count];
        for start in (0..n).step_by(batch) {
            let end = n.min(start + batch);
            let parts = parts(sources, &places, start, end)?;
            let squares: Vec<Vec<f64>> =
                parts.iter().map(|x| (0..x.nrows()).map(|i| x.row(i).iter().map(|v| v * v).sum()).collect()).collect();
            for (total, squares) in totals.iter_mut().zip(&squares) {
                *total += squares.iter().sum::<f64>();
            }
            // Each pair is computed by one thread, and batches are added in their order.
            let summed = pairs.iter_mut().zip(&numbers);
            let summed: Vec<_> =
                summed.filter_map(|(pair, &number)| Some((Mutex::new(pair.as_mut().ok()?), number))).collect();
            in_parallel(summed.len(), |i| {
                let (pair, (a, b)) = &summed[i];
                let (a, b) = (*a, *b);
                let mut pair = pair.lock().unwrap_or_else(PoisonError::into_inner);
                matmul(pair.cross.as_mut(), Accum::Add, parts[a].transpose(), parts[b].as_ref(), 1.0, Par::Seq);
                pair.norms += squares[a].iter().zip(&squares[b]).map(|(p, q)| p * q).sum::<f64>();
            });
        }
        Ok(Self { examples: n, batch, places, pairs, totals })
    }

    /// Reads the sources once more for the distances of pairs whose shapes are nearly the same: `2 - 2 s` would lose half of
    /// their digits. Without it such a distance below 1e-7 is rounding. Wanted for measures of the Procrustes family.
    ///
    /// # Errors
    /// If a source cannot be read again, or a singular value decomposition does not converge.
    pub fn refine(&mut self, sources: &mut [Box<dyn RowSource>]) -> Result<()> {
        let count = self.places.len();
        // The narrower side is mapped into the wider one: that map keeps norms, the other would not.
        let mut close: Vec<((usize, usize), Mat<f64>, f64)> = Vec::new();
        for (a, b) in (0..count).flat_map(|a| (a..count).map(move |b| (a, b))) {
            let i = place(count, a, b);
            if a == b {
                if let Ok(pair) = &mut self.pairs[i] {
                    pair.residual = Some(0.0);
                }
                continue;
            }
            let near = self.pairs[i].is_ok() && self.similarity(a, b)? >= CLOSE;
            if let (true, Ok(pair)) = (near, &self.pairs[i]) {
                let svd = thin_svd(pair.cross.as_ref())?;
                let (p, q) = pair.cross.shape();
                let map = if p >= q { svd.v * svd.u.transpose() } else { svd.u * svd.v.transpose() };
                close.push(((a, b), map, 0.0));
            }
        }
        for start in (0..self.examples).step_by(self.batch) {
            if close.is_empty() {
                break;
            }
            let parts = parts(sources, &self.places, start, self.examples.min(start + self.batch))?;
            let unit = |i: usize| &parts[i] * faer::Scale(1.0 / self.totals[i].sqrt());
            let found = in_parallel(close.len(), |i| {
                let ((a, b), map, _) = &close[i];
                let (x, y) = (unit(*a), unit(*b));
                let apart = if x.ncols() >= y.ncols() { x - y * map } else { x * map - y };
                apart.squared_norm_l2()
            });
            close.iter_mut().zip(found).for_each(|((_, _, sum), part)| *sum += part);
        }
        for ((a, b), _, sum) in close {
            if let Ok(pair) = &mut self.pairs[place(count, a, b)] {
                pair.residual = Some(sum.sqrt());
            }
        }
        Ok(())
    }

    /// What was summed of two, and whether it is the other way about.
    fn pair(&self, a: usize, b: usize) -> Result<(&Pair, bool)> {
        let count = self.places.len();
        let i = if a <= b { place(count, a, b) } else { place(count, b, a) };
        match &self.pairs[i] {
            Ok(pair) => Ok((pair, a > b)),
            Err(Outcome::Failed(why)) => Err(Error::Numerics(why.clone())),
            Err(why) => Err(Error::Measure(why.reason().unwrap_or_default().to_owned())),
        }
    }

    fn product(&self, a: usize, b: usize, estimator: Estimator) -> Result<f64> {
        let (pair, _) = self.pair(a, b)?;
        let full = pair.cross.norm_l2().powi(2);
        let n = self.examples as f64;
        Ok(match estimator {
            Estimator::Biased => full,
            Estimator::Lange => full - pair.norms,
            Estimator::Debiased => {
                full - n / (n - 2.0) * pair.norms + self.totals[a] * self.totals[b] / ((n - 1.0) * (n - 2.0))
            }
        })
    }

    /// Linear CKA of two of the set, in [-1, 1].
    ///
    /// # Errors
    /// If there are fewer than four examples (of the biased estimator: two), the unbiased self-similarity of one is not
    /// positive, or the sums are not there.
    pub fn cka(&self, a: usize, b: usize, estimator: Estimator) -> Result<f64> {
        self.enough(if estimator == Estimator::Biased { 2 } else { 4 })?;
        let [xx, yy] = [self.product(a, a, estimator)?, self.product(b, b, estimator)?];
        if !(xx > 0.0 && yy > 0.0) {
            return Err(Error::Measure(format!(
                "expected positive self-similarities, got {xx} and {yy}; use more examples"
            )));
        }
        Ok(self.product(a, b, estimator)? / (xx.sqrt() * yy.sqrt()))
    }

    fn enough(&self, least: usize) -> Result<()> {
        if self.examples >= least {
            return Ok(());
        }
        Err(Error::Measure(format!("at least {least} examples are needed, and there are {}", self.examples)))
    }

    /// The normalised Bures similarity of two.
    fn similarity(&self, a: usize, b: usize) -> Result<f64> {
        let (pair, _) = self.pair(a, b)?;
        let nuclear: f64 = singular_values(pair.cross.as_ref())?.iter().rev().sum();
        Ok(nuclear / (self.totals[a].sqrt() * self.totals[b].sqrt()))
    }

    /// The Procrustes family of two of the set. Without [`refine`](Self::refine), from the cross-product alone: a distance
    /// below 1e-7 is rounding.
    ///
    /// # Errors
    /// If there are fewer than two examples, a singular value decomposition does not converge, or the sums are not there.
    pub fn procrustes(&self, a: usize, b: usize) -> Result<Procrustes> {
        self.enough(2)?;
        let distance = match self.pair(a, b)?.0.residual {
            Some(residual) => residual,
            None => (2.0 - 2.0 * self.similarity(a, b)?).max(0.0).sqrt(),
        };
        // The norms are those of the representations as they are.
        let norm = |i: usize| match &self.places[i] {
            Ok(of) => self.totals[i].sqrt() / of.scale,
            Err(_) => f64::NAN,
        };
        Ok(Procrustes::from_unit(distance, norm(a), norm(b)))
    }

    /// R² of the second from the first, linearly, in [0, 1]. Through the covariance of the first, whose directions below
    /// 1e-12 of the largest variance count as none.
    ///
    /// # Errors
    /// If there are fewer than two examples, an eigendecomposition does not converge, or the sums are not there.
    pub fn linear_regression(&self, a: usize, b: usize) -> Result<f64> {
        self.enough(2)?;
        let (pair, turned) = self.pair(a, b)?;
        let (values, vectors) = symmetric_eigen(self.pair(a, a)?.0.cross.as_ref())?;
        let cross = if turned { pair.cross.transpose() } else { pair.cross.as_ref() };
        let inside = vectors.transpose() * cross;
        let floor = values.iter().fold(0.0f64, |m, v| m.max(*v)) * 1e-12;
        let explained: f64 = values
            .iter()
            .enumerate()
            .filter(|(_, v)| **v > floor)
            .map(|(row, v)| inside.row(row).iter().map(|x| x * x).sum::<f64>() / v)
            .sum();
        Ok((explained / self.totals[b]).min(1.0))
    }

    /// A measure of the catalogue on two of the set, if sums over examples are enough for it.
    ///
    /// # Errors
    /// If it needs more than such sums, or is not defined on the pair.
    pub fn measure(&self, measure: &Measure, a: usize, b: usize) -> Result<f64> {
        match (measure.entry.name, &measure.made.device) {
            _ if !streamed(measure) => Err(not_streamed(&measure.name())),
            ("cka", _) => self.cka(a, b, Estimator::of_word(measure.given.word("estimator"))),
            ("linear_regression", _) => self.linear_regression(a, b),
            (_, Some(Device::Nuclear(Nuclear { value: NuclearValue::Distance(shape), .. }))) => {
                Ok(self.procrustes(a, b)?.get(*shape))
            }
            _ => Err(not_streamed(&measure.name())),
        }
    }

    /// A measure on all pairs.
    pub fn table(&self, measure: &Measure, memory: Memory) -> Table {
        let count = self.places.len();
        let needs: Vec<f64> = (0..count * count)
            .map(|i| self.pair(i / count, i % count).map_or(0.0, |(pair, _)| 8.0 * work(pair.cross.shape())))
            .collect();
        let found = memory.each(0.0, &needs, |i| self.measure(measure, i / count, i % count));
        Table::new(measure, Place::Cpu, found.into_iter().map(Outcome::from).collect())
    }
}

/// Numbers of eight bytes for the decomposition of a cross-product, or of the covariance beside it.
fn work((p, q): (usize, usize)) -> f64 {
    let [p, q] = [p, q].map(|side| side as f64);
    4.0 * p * q + 6.0 * p.max(q).powi(2)
}

/// Matrices for the pairs that there is room for, the smallest first.
fn room(places: &[Result<Whereabouts, Outcome>], units: &[usize], memory: Memory) -> Vec<Result<Pair, Outcome>> {
    let count = places.len();
    let mut order: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    order.sort_by_key(|&(a, b)| units[a].saturating_mul(units[b]));
    let mut pairs: Vec<Option<Result<Pair, Outcome>>> = order.iter().map(|_| None).collect();
    let (free, mut taken) = (memory.free() / 2.0, 0.0);
    for (a, b) in order {
        let bytes = 8.0 * units[a] as f64 * units[b] as f64;
        pairs[place(count, a, b)] = Some(match (&places[a], &places[b]) {
            (Err(why), _) | (_, Err(why)) => Err(why.clone()),
            _ if taken + bytes > free => Err(memory.room(2.0 * (taken + bytes)).map_or_else(
                |error| Outcome::from(&error),
                |()| Outcome::Failed("there is no memory for its cross-product".into()),
            )),
            _ => {
                taken += bytes;
                Ok(Pair { cross: Mat::zeros(units[a], units[b]), norms: 0.0, residual: None })
            }
        });
    }
    let lost = || Err(Outcome::Failed("no value was computed".into()));
    pairs.into_iter().map(|pair| pair.unwrap_or_else(lost)).collect()
}

/// Centred rows of every source that can be used; none of others.
fn parts(
    sources: &mut [Box<dyn RowSource>],
    places: &[Result<Whereabouts, Outcome>],
    start: usize,
    end: usize,
) -> Result<Vec<Mat<f64>>> {
    sources
        .iter_mut()
        .zip(places)
        .map(|(source, of)| of.as_ref().map_or_else(|_| Ok(Mat::new()), |of| of.rows(source.as_mut(), start, end)))
        .collect()
}

/// Whether sums over examples are enough for a measure.
pub fn streamed(measure: &Measure) -> bool {
    match measure.entry.name {
        "cka" => measure.given.word("kernel") == "linear",
        "procrustes" | "nbs" => true,
        "linear_regression" => measure.given.word("average") == "variance",
        _ => false,
    }
}

/// The error for a measure that needs all examples at once.
pub fn not_streamed(name: &str) -> Error {
    Error::Config(format!(
        "`{name}` needs all examples at once, and cannot be computed by batches of rows; those that can are cka with the \
         linear kernel, procrustes, nbs and linear_regression, weighted by variance"
    ))
}

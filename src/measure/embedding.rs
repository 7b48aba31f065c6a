//! Representations as vectors whose cosine is a measure.
//!
//! Many measures compare two representations by a table of all pairs of examples: a Gram matrix or a matrix of
//! distances, centred in one way or another. The measure is the cosine of the two tables as vectors. CKA in all its
//! forms is one, so are distance correlation and the comparisons of representational dissimilarity matrices (RDMs) that
//! are not by rank. The *embedding* of a representation is that centred table: it is made once per representation, and
//! all pairs of a set are then one matrix product.
//!
//! Tables are made a band of rows at a time, so that memory stays bounded; the height of a band depends on the number of
//! examples alone, so that sums have one order whatever the company.

mod cosines;
pub(in crate::measure) mod median;
mod window;

use super::{Estimator, scale};
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, Unary};
pub(in crate::measure) use cosines::{Wanted, inner_products};
pub use cosines::{differentiable, many};
pub use median::Pool;
pub(in crate::measure) use window::{First, Window};

/// What a table holds for two examples, whose rows are `x` and `y`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Between {
    /// Inner product of the rows of the column-centred representation.
    Linear,
    /// `exp(-|x - y|^2 / (2 s^2))`, the RBF kernel.
    Gaussian(Bandwidth),
    /// `exp(-|x - y| / s)`.
    Laplace(Bandwidth),
    /// `|x - y|^2`.
    SquaredEuclidean,
    /// `|x - y|`.
    Euclidean,
    /// One less the correlation of `x` and `y` over units, as half the squared distance of the standardised rows.
    Correlation,
    /// One less the cosine of `x` and `y`, as half the squared distance of the rows at unit length.
    Cosine,
    /// Sum of absolute differences.
    CityBlock,
    /// `factor * sum (a - b)(ln a - ln b)` over units, with the first number added to the values: the symmetrised
    /// Kullback-Leibler divergence of Poisson rates (Schütt et al. 2023).
    Poisson(f32, f32),
}

/// Width `s` of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bandwidth {
    /// This many times the median distance, of those that the pool has.
    Median(f32, Pool),
    /// As it is.
    Fixed(f32),
    /// As it is, with similarities relative to the largest of two different examples. A common factor drops out of the
    /// cosine of tables that are U-centred, where an example's similarity to itself has no part; and similarities that are
    /// all too small for single precision keep their digits.
    Relative(f32),
}

/// What becomes of a table before it is a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centring {
    /// As an estimator of HSIC has it, distance covariance included. Biased: rows and columns of mean zero. Debiased:
    /// U-centred (Székely and Rizzo 2014). Lange: rows and columns of mean zero, then without the diagonal.
    Hsic(Estimator),
    /// Without the diagonal, less the mean of the rest: the Pearson correlation of RDMs.
    Mean,
    /// The same, then doubly centred: the whitened correlation of RDMs (Diedrichsen et al. 2021).
    DoubleOfMean,
    /// Without the diagonal: the cosine of RDMs.
    Raw,
}

/// A table and its centring: a measure's name for what it does to each representation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedding {
    /// What the table holds.
    pub between: Between,
    /// What becomes of it.
    pub centring: Centring,
    /// Examples are taken so many at a time, a table each, and inner products are summed over these; what does not fill the
    /// last is left out. Nothing: all at once.
    pub batch: Option<usize>,
}

/// Elements of one band, about: enough to keep a dispatch busy, little beside the representations.
const BAND: usize = 12_288;

/// Bands at most: a plan lists the work of each.
const MOST_BANDS: usize = 16;

/// Elements of a band at most, whatever the number of bands: a product between bands sums over them in one loop, four at a
/// time, and software adapters end loops after 65,535 turns.
pub(in crate::measure) const LONGEST_BAND: usize = 200_000;

/// Rows of a band for `n` examples: a multiple of eight, which suits the products' tiles.
fn band_rows(n: usize) -> usize {
    let small = (BAND / n / 8 * 8).clamp(8, 64);
    let few = small.max(n.div_ceil(MOST_BANDS).next_multiple_of(8));
    few.min((LONGEST_BAND / n / 8 * 8).max(8)).min(n)
}

/// First row and number of rows of each band of `n` examples.
pub(in crate::measure) fn bands(n: usize) -> impl Iterator<Item = (usize, usize)> {
    let height = if n == 0 { 1 } else { band_rows(n) };
    (0..n).step_by(height).map(move |start| (start, height.min(n - start)))
}

/// Rows of one table that are made at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which of the tables of an embedding by batches.
    pub table: usize,
    /// First row.
    pub start: usize,
    /// Rows.
    pub count: usize,
}

/// Widths of a kernel, as a multiple of the median distance, below which single precision does not do.
const NARROW: f32 = 0.5;

/// Tables of an embedding by batches at most: a plan lists the work of each.
const MOST_TABLES: usize = 256;

/// A representation as its embedding needs it.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    pub(in crate::measure) embedding: Embedding,
    /// `[1, 1]`: the power of two by which the representation was multiplied first, if it was and the table knows of it.
    pub(in crate::measure) scale: Option<Tensor>,
    /// `[n, units]`: rows ready for products or differences.
    pub(in crate::measure) values: Tensor,
    /// A second form of the rows, where a table is the difference of two.
    pub(in crate::measure) other: Option<Tensor>,
    /// `[1, 1]`: what the kernel's exponent is multiplied by.
    pub(in crate::measure) rate: Option<Tensor>,
    /// `[1, 1]`: the largest exponent of two different examples, if similarities are relative to it.
    pub(in crate::measure) most: Option<Tensor>,
    /// `[n, 1]` and `[1, 1]`: sums of the rows and of all without the diagonal, and the diagonal itself.
    pub(in crate::measure) sums: Option<Sums>,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct Sums {
    pub rows: Tensor,
    pub total: Tensor,
    pub diagonal: Tensor,
}

/// Half a squared distance between rows of unit length is one less their cosine.
fn is_angular(between: Between) -> bool {
    matches!(between, Between::Correlation | Between::Cosine)
}

impl Between {
    /// Which power of a representation's scale the table is in proportion to: none where it does not depend on it. Nothing
    /// where the table depends on the scale in another way, by a width or a number added that are given as they are.
    pub(in crate::measure) fn degree(self) -> Option<i32> {
        match self {
            Self::Linear | Self::SquaredEuclidean => Some(2),
            Self::Euclidean | Self::CityBlock => Some(1),
            Self::Correlation | Self::Cosine => Some(0),
            Self::Gaussian(width) | Self::Laplace(width) => matches!(width, Bandwidth::Median(..)).then_some(0),
            Self::Poisson(..) => None,
        }
    }
}

impl Embedding {
    /// An embedding of all examples at once.
    pub const fn new(between: Between, centring: Centring) -> Self {
        Self { between, centring, batch: None }
    }

    /// That of linear CKA (Kornblith, Norouzi, Lee, Hinton 2019). With `X` centred and `K = X X^T` it is `K` itself for the biased
    /// HSIC of Gretton et al. (2005), and `K` U-centred (Székely and Rizzo 2014) for the debiased one, where the inner product of
    /// two is `n (n - 3)` times the unbiased HSIC of Song et al. (2012, eq. 5): the cosine can be negative, and is not clamped.
    pub const fn linear(estimator: Estimator) -> Self {
        Self::new(Between::Linear, Centring::Hsic(estimator))
    }

    /// Whether the tables of `n` examples can be made in single precision, whatever is in them: what cannot be is left to the
    /// definitions in double precision.
    pub(crate) fn suits(self, n: usize) -> bool {
        let examples = self.batch.unwrap_or(n);
        let fits = examples >= self.least() && (1..=MOST_TABLES).contains(&(n / examples.max(1)));
        fits && match self.between {
            // Of narrow kernels the few nearest pairs are all there is, and most are below single precision's range.
            Between::Gaussian(Bandwidth::Median(t, _)) | Between::Laplace(Bandwidth::Median(t, _)) => {
                t >= NARROW && examples * examples <= median::MOST
            }
            between => between.degree().is_some(),
        }
    }

    /// Examples at least.
    fn least(self) -> usize {
        match self.centring {
            Centring::Hsic(estimator) => estimator.min_examples(),
            _ => 2,
        }
    }

    /// A representation near one, and by what power of two it was multiplied, if its scale does not matter.
    fn at_own_scale(self, g: &mut Graph, x: Tensor) -> Result<(Tensor, Option<Tensor>)> {
        match self.between.degree() {
            None => Ok((x, None)),
            Some(_) if is_angular(self.between) => {
                // Each row has a direction, however short it is.
                let rows = scale::largest(g, x, false)?;
                let factors = scale::power_of_two(g, rows)?;
                Ok((g.times(x, factors)?, None))
            }
            Some(_) => scale::near_one(g, x).map(|(x, factor)| (x, Some(factor))),
        }
    }

    /// The tables of a representation `[examples, units]` prepared, one for each batch, from values that are brought near one
    /// first. See [`Embedding::prepare`].
    ///
    /// # Errors
    /// As [`Embedding::prepare`], and if there are more batches than a program should list.
    pub fn prepare_all(self, g: &mut Graph, x: Tensor, units: Option<Tensor>) -> Result<Vec<Prepared>> {
        let [n, _] = g.matrix(x)?;
        let (x, scale) = self.at_own_scale(g, x)?;
        let Some(batch) = self.batch else {
            return Ok(vec![Prepared { scale, ..self.prepare(g, x, units, true)? }]);
        };
        if batch == 0 || !(1..=MOST_TABLES).contains(&(n / batch)) {
            return Err(Error::Shape(format!(
                "between 1 and {MOST_TABLES} batches can be compared on a device, and {n} examples by {batch} are not"
            )));
        }
        (0..n / batch)
            .map(|i| {
                let part = g.rows(x, i * batch, batch)?;
                Ok(Prepared { scale, ..self.prepare(g, part, units, true)? })
            })
            .collect()
    }

    /// The pieces in which the tables of `n` examples are made.
    pub fn pieces(self, n: usize) -> Vec<Piece> {
        let rows = self.batch.unwrap_or(n).max(1);
        let of_table = |table| bands(rows).map(move |(start, count)| Piece { table, start, count });
        (0..n / rows).flat_map(of_table).collect()
    }

    /// Prepares a representation `[examples, units]`. Units from `units` on (`[1, 1]`, if given) are padding and zero.
    /// `bands` says whether work may be put off and cut by fences; a value to be differentiated is made in one piece.
    ///
    /// # Errors
    /// If `x` is not a matrix or has too few examples.
    pub fn prepare(self, g: &mut Graph, x: Tensor, units: Option<Tensor>, bands: bool) -> Result<Prepared> {
        let [n, _] = g.matrix(x)?;
        let least = self.least();
        if n < least {
            return Err(Error::Shape(format!("this measure needs at least {least} examples, and there are {n}")));
        }
        let (values, other) = match self.between {
            Between::Poisson(shift, _) => {
                let [plus, minus] = rates(g, x, shift)?;
                (plus, Some(minus))
            }
            _ => (self.rows(g, x, units)?, None),
        };
        let rate = self.rate(g, values)?;
        let mut prepared = Prepared { embedding: self, scale: None, values, other, rate, most: None, sums: None };
        if matches!(self.between, Between::Gaussian(Bandwidth::Relative(_)) | Between::Laplace(Bandwidth::Relative(_)))
        {
            if self.centring != Centring::Hsic(Estimator::Debiased) {
                return Err(Error::Shape("similarities relative to the largest are for U-centred tables alone".into()));
            }
            prepared.most = Some(prepared.most(g, n, bands)?);
        }
        prepared.sums = match (self.between, self.centring) {
            (_, Centring::Raw) => None,
            (Between::Linear, _) => {
                // Rows of a Gram matrix of centred columns sum to zero, so without the diagonal to its negative.
                let squares = g.unary(Unary::Square, values);
                let diagonal = g.sum(squares, 1)?;
                let trace = g.sum_all(diagonal)?;
                let (rows, total) = (g.scale(diagonal, -1.0), g.scale(trace, -1.0));
                Some(Sums { rows, total, diagonal })
            }
            _ => Some(prepared.sum_rows(g, n, bands)?),
        };
        Ok(prepared)
    }

    /// The whole table `[n, n]` before it is centred, of a representation as [`Embedding::prepare`] takes it.
    ///
    /// # Errors
    /// As [`Embedding::prepare`].
    pub(crate) fn whole_table(self, g: &mut Graph, x: Tensor, units: Option<Tensor>) -> Result<Tensor> {
        let [n, _] = g.matrix(x)?;
        self.prepare(g, x, units, false)?.table(g, Window::at(0, n, 0))
    }

    /// Rows as they are compared.
    fn rows(self, g: &mut Graph, x: Tensor, units: Option<Tensor>) -> Result<Tensor> {
        let [_, width] = g.matrix(x)?;
        match self.between {
            Between::Linear => {
                let mean = g.mean(x, 0)?;
                let centred = g.minus(x, mean)?;
                // Rounding of the mean is all that it leaves of a unit that is constant, and is not taken for variance.
                let negated = g.unary(Unary::Negate, x);
                let (top, bottom) = (g.max(x, 0)?, g.max(negated, 0)?);
                let range = g.plus(top, bottom)?;
                let zero = g.constant(0.0);
                let constant = g.binary(Binary::AtLeast, zero, range)?;
                g.select(constant, zero, centred)
            }
            Between::Correlation => {
                let sum = g.sum(x, 1)?;
                let centred = match units {
                    None => {
                        let mean = g.scale(sum, 1.0 / width as f64);
                        g.minus(x, mean)?
                    }
                    Some(units) => {
                        let mean = g.over(sum, units)?;
                        let centred = g.minus(x, mean)?;
                        let (column, zero) = (g.column_index(&[1, width]), g.constant(0.0));
                        let padding = g.binary(Binary::AtLeast, column, units)?;
                        g.select(padding, zero, centred)?
                    }
                };
                // Where next to nothing is left of a row, rounding would choose its direction: it has none.
                let (own, left) = (scale::largest(g, x, false)?, scale::largest(g, centred, false)?);
                let least = g.scale(own, 4.0 * f32::EPSILON);
                let flat = g.binary(Binary::AtLeast, least, left)?;
                let zero = g.constant(0.0);
                let centred = g.select(flat, zero, centred)?;
                unit_rows(g, centred)
            }
            Between::Cosine => unit_rows(g, x),
            _ => Ok(x),
        }
    }

    /// Whether a kernel's table holds `exp(e) - 1`, which has no part in what centring leaves, in place of `exp(e)`:
    /// similarities that are all near one keep their digits so.
    pub(in crate::measure) fn is_less_one(self) -> bool {
        let (Between::Gaussian(bandwidth) | Between::Laplace(bandwidth)) = self.between else { return false };
        match (self.centring, bandwidth) {
            (Centring::Hsic(Estimator::Biased | Estimator::Lange), _) => true,
            (Centring::Hsic(Estimator::Debiased), Bandwidth::Relative(_)) => true,
            // At the median distance the exponent is `-1 / (2 t^2)`, and `exp(e)` is far below one for small t.
            (Centring::Hsic(Estimator::Debiased), Bandwidth::Median(t, _)) => t >= NARROW,
            _ => false,
        }
    }

    fn rate(self, g: &mut Graph, values: Tensor) -> Result<Option<Tensor>> {
        let (bandwidth, squared) = match self.between {
            Between::Gaussian(bandwidth) => (bandwidth, true),
            Between::Laplace(bandwidth) => (bandwidth, false),
            _ => return Ok(None),
        };
        let factor = |s: f32| if squared { -0.5 / (s * s) } else { -1.0 / s };
        Ok(Some(match bandwidth {
            Bandwidth::Fixed(s) | Bandwidth::Relative(s) => g.number(factor(s)),
            Bandwidth::Median(t, pool) => {
                let distances = g.distances(values, values, Inner::SquaredDifference)?;
                let middle = median::of_distances(g, distances, pool)?;
                let middle = if squared { middle } else { g.unary(Unary::Sqrt, middle) };
                let scale = g.number(factor(t));
                g.over(scale, middle)?
            }
        }))
    }
}

/// Rows at unit length.
fn unit_rows(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let squares = g.unary(Unary::Square, x);
    let norms = g.sum(squares, 1)?;
    let norms = g.unary(Unary::Sqrt, norms);
    g.over(x, norms)
}

/// Rates plus and less their logarithms. `(a - b)(ln a - ln b)` is a quarter of the difference of the squared distances of
/// these two, neither of which is much larger than it, so that near examples keep their digits.
fn rates(g: &mut Graph, x: Tensor, shift: f32) -> Result<[Tensor; 2]> {
    if shift.is_nan() || shift <= 0.0 {
        return Err(Error::Shape(format!(
            "rates need a positive number added, so that padding has a logarithm: {shift}"
        )));
    }
    let rates = g.shift(x, shift);
    let logarithms = g.unary(Unary::Log, rates);
    Ok([g.plus(rates, logarithms)?, g.minus(rates, logarithms)?])
}

/// `sqrt(x)`, whose derivative at zero is taken to be zero.
fn root(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let (zero, one) = (g.constant(0.0), g.constant(1.0));
    let positive = g.binary(Binary::Greater, x, zero)?;
    let safe = g.select(positive, x, one)?;
    let root = g.unary(Unary::Sqrt, safe);
    g.select(positive, root, zero)
}

/// The exponent of a kernel, from squared distances.
fn exponent(g: &mut Graph, between: Between, squared: Tensor, rate: Tensor) -> Result<Tensor> {
    let distance = if matches!(between, Between::Laplace(_)) { root(g, squared)? } else { squared };
    g.times(distance, rate)
}

/// What is made of each band of `n` rows with all columns, or of all rows at once unless by `bands`, one after the other, added up
/// or otherwise brought together.
fn by_bands(
    g: &mut Graph,
    n: usize,
    by: bool,
    together: Binary,
    mut of: impl FnMut(&mut Graph, Window) -> Result<Tensor>,
) -> Result<Tensor> {
    if !by {
        return of(g, Window::at(0, n, 0));
    }
    let mut all: Option<Tensor> = None;
    for (start, count) in bands(n) {
        g.fence();
        let part = of(g, Window::at(start, count, 0))?;
        all = Some(match all {
            Some(all) => g.binary(together, all, part)?,
            None => part,
        });
    }
    all.ok_or_else(|| Error::Shape("a table of no examples".into()))
}

impl Prepared {
    /// Part of the table before it is centred.
    pub(in crate::measure) fn table(self, g: &mut Graph, window: Window) -> Result<Tensor> {
        let band = window.rows(g, self.values)?;
        let rest = window.columns(g, self.values)?;
        let between = self.embedding.between;
        if between == Between::Linear {
            return g.matmul_of(band, false, rest, true);
        }
        let inner = if between == Between::CityBlock { Inner::AbsoluteDifference } else { Inner::SquaredDifference };
        let distance = g.distances(band, rest, inner)?;
        match (between, self.rate) {
            (Between::Gaussian(_) | Between::Laplace(_), Some(rate)) => {
                let mut exponent = exponent(g, between, distance, rate)?;
                if let Some(most) = self.most {
                    // Of an example and itself it is zero, as it was: what is taken off is for pairs.
                    let less = g.minus(exponent, most)?;
                    let zero = g.constant(0.0);
                    exponent = g.binary(Binary::Min, less, zero)?;
                }
                let f = if self.embedding.is_less_one() { Unary::Elu(1.0f32.to_bits()) } else { Unary::Exp };
                Ok(g.unary(f, exponent))
            }
            (Between::Euclidean, _) => root(g, distance),
            (Between::Poisson(_, factor), _) => {
                let other = self.other.unwrap_or(self.values);
                let (band, rest) = (window.rows(g, other)?, window.columns(g, other)?);
                let minus = g.distances(band, rest, inner)?;
                let difference = g.minus(distance, minus)?;
                Ok(g.scale(difference, 0.25 * factor))
            }
            (between, _) if is_angular(between) => Ok(g.scale(distance, 0.5)),
            _ => Ok(distance),
        }
    }

    /// The largest exponent of two different examples, by bands.
    fn most(self, g: &mut Graph, n: usize, bands: bool) -> Result<Tensor> {
        let rate = self.rate.ok_or_else(|| Error::Shape("a kernel without a width".into()))?;
        by_bands(g, n, bands, Binary::Max, |g, window| {
            let (band, rest) = (window.rows(g, self.values)?, window.columns(g, self.values)?);
            let distance = g.distances(band, rest, Inner::SquaredDifference)?;
            let exponent = exponent(g, self.embedding.between, distance, rate)?;
            let least = g.constant(f32::MIN);
            let others = window.with_diagonal(g, exponent, least)?;
            let part = g.max(others, 0)?;
            g.max(part, 1)
        })
    }

    /// Sums of the rows of a table of distances or similarities, by bands: the table is symmetric, so its column sums.
    fn sum_rows(self, g: &mut Graph, n: usize, bands: bool) -> Result<Sums> {
        let sums = by_bands(g, n, bands, Binary::Add, |g, window| {
            let band = self.table(g, window)?;
            g.sum(band, 0)
        })?;
        let kernel = matches!(self.embedding.between, Between::Gaussian(_) | Between::Laplace(_));
        let similar = kernel && !self.embedding.is_less_one();
        let own = g.constant(if similar { 1.0 } else { 0.0 });
        let diagonal = g.broadcast(own, &[n, 1])?;
        let rows = g.reshape(sums, &[n, 1])?;
        let rows = if similar { g.shift(rows, -1.0) } else { rows };
        let total = g.sum_all(rows)?;
        Ok(Sums { rows, total, diagonal })
    }

    /// A band of the embedding: rows `start..start + count`, columns from `start` on, `[count, n - start]`. Embeddings are
    /// symmetric, so what stands to the left of a band stands in an earlier one; columns beyond the square on the
    /// diagonal are scaled by the root of two, so that inner products count them twice.
    ///
    /// # Errors
    /// If there are no such rows.
    pub fn band(self, g: &mut Graph, start: usize, count: usize) -> Result<Tensor> {
        let [n, _] = g.matrix(self.values)?;
        self.part(g, Window::at(start, count, start), if count == n { None } else { Some(count) })
    }

    /// Part of the embedding. Columns from `square` on, counted from the window's first, stand for those on the other side
    /// of the diagonal too, and are scaled by the root of two.
    pub(in crate::measure) fn part(self, g: &mut Graph, window: Window, square: Option<usize>) -> Result<Tensor> {
        let [n, _] = g.matrix(self.values)?;
        let table = self.table(g, window)?;
        let value = self.centred(g, table, window, n)?;
        let Some(square) = square else { return Ok(value) };
        let [count, width] = g.matrix(value)?;
        let column = g.column_index(&[count, width]);
        // Beside the text, so that all bands share a kernel.
        let square = g.number(square as f64);
        let beyond = g.binary(Binary::AtLeast, column, square)?;
        let (twice, once) = (g.constant(std::f64::consts::SQRT_2), g.constant(1.0));
        let weight = g.select(beyond, twice, once)?;
        g.times(value, weight)
    }

    /// Part of the table, centred.
    fn centred(self, g: &mut Graph, table: Tensor, window: Window, n: usize) -> Result<Tensor> {
        let (centring, n) = (self.embedding.centring, n as f64);
        let Some(sums) = self.sums else { return window.without_diagonal(g, table) };
        let linear = self.embedding.between == Between::Linear;
        if centring == Centring::Hsic(Estimator::Biased) && linear {
            return Ok(table);
        }
        if centring == Centring::Mean {
            let mean = g.scale(sums.total, 1.0 / (n * (n - 1.0)));
            let less = g.minus(table, mean)?;
            return window.without_diagonal(g, less);
        }
        if centring == Centring::DoubleOfMean {
            let mean = g.scale(sums.total, 1.0 / (n * (n - 1.0)));
            let less = g.minus(table, mean)?;
            let hollow = window.without_diagonal(g, less)?;
            let edges = window.edges(g, sums.rows, -1.0 / n)?;
            let corner = g.scale(sums.total, 2.0 / (n * n));
            let less = g.plus(hollow, edges)?;
            return g.plus(less, corner);
        }
        if centring == Centring::Hsic(Estimator::Lange) && linear {
            return window.without_diagonal(g, table);
        }
        // With the diagonal for the double form, without it for the U-centred one.
        let (sums_of, per_row, per_all) = match centring {
            Centring::Hsic(Estimator::Debiased) => (sums.rows, n - 2.0, (n - 1.0) * (n - 2.0)),
            _ => (g.plus(sums.rows, sums.diagonal)?, n, n * n),
        };
        let total = match centring {
            Centring::Hsic(Estimator::Debiased) => sums.total,
            _ => g.sum_all(sums_of)?,
        };
        let edges = window.edges(g, sums_of, -1.0 / per_row)?;
        let corner = g.scale(total, 1.0 / per_all);
        let less = g.plus(table, edges)?;
        let value = g.plus(less, corner)?;
        if centring == Centring::Hsic(Estimator::Biased) { Ok(value) } else { window.without_diagonal(g, value) }
    }
}

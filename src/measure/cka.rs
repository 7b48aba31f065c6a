//! Linear centred kernel alignment (Kornblith, Norouzi, Lee, Hinton 2019), plain and debiased.
//!
//! Both are cosines between embeddings of representations `[examples, units]`. With `X` centred and `K = X X^T`:
//! - *plain*: the embedding is `K` itself, so that `CKA = <K, L> / (|K| |L|)`, with the biased HSIC of Gretton et al.
//!   (2005);
//! - *debiased*: the embedding is `K` U-centred (Székely and Rizzo 2014), whose inner product is `n (n - 3)` times the
//!   unbiased HSIC of Song et al. (2012, eq. 5). It can be negative, and is not clamped.
//!
//! Gram matrices are made a band of rows at a time, so that memory stays bounded; the height of a band depends on the
//! number of examples alone, so that sums have one order whatever the company.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Which CKA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With the biased HSIC.
    Plain,
    /// With the unbiased HSIC.
    Debiased,
}

impl Kind {
    /// Suffix of the measure's name in files.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Debiased => "_debiased",
        }
    }
}

/// Elements of one band of a Gram matrix, about: enough to keep a dispatch busy, little beside the representations.
const BAND: usize = 12_288;

/// Bands at most: a plan lists the work of each.
const MOST_BANDS: usize = 16;

/// Rows of a band for `n` examples: a multiple of eight, which suits the products' tiles.
pub fn band_rows(n: usize) -> usize {
    let small = (BAND / n / 8 * 8).clamp(8, 64);
    small.max(n.div_ceil(MOST_BANDS).next_multiple_of(8)).min(n)
}

/// A representation with its columns centred, and what its Gram bands need.
#[derive(Clone, Copy, Debug)]
pub struct Centred {
    /// `[n, units]`, columns of mean zero.
    pub values: Tensor,
    /// Diagonal of the Gram matrix, `[n, 1]`.
    pub diagonal: Tensor,
    /// Its trace, `[1, 1]`.
    pub trace: Tensor,
}

/// Centres the columns of a representation `[examples, units]`.
///
/// # Errors
/// If `x` is not a matrix.
pub fn centre(g: &mut Graph, x: Tensor) -> Result<Centred> {
    g.matrix(x)?;
    let mean = g.mean(x, 0)?;
    let values = g.minus(x, mean)?;
    let squares = g.unary(Unary::Square, values);
    let diagonal = g.sum(squares, 1)?;
    let trace = g.sum_all(diagonal)?;
    Ok(Centred { values, diagonal, trace })
}

/// A band of the embedding of a centred representation: rows `start..start + count`, columns from `start` on, `[count, n -
/// start]`. Embeddings are symmetric, so what stands to the left of a band stands in an earlier one; columns beyond the
/// square on the diagonal are scaled by the root of two, so that inner products count them twice.
///
/// # Errors
/// If there are no such rows, or too few examples for the debiased form.
pub fn embedding(g: &mut Graph, x: Centred, kind: Kind, start: usize, count: usize) -> Result<Tensor> {
    let [n, _] = g.matrix(x.values)?;
    let width = n.saturating_sub(start);
    let band = g.rows(x.values, start, count)?;
    let rest = g.rows(x.values, start, width)?;
    let gram = g.matmul_of(band, false, rest, true)?;
    let value = match kind {
        Kind::Plain => gram,
        Kind::Debiased => {
            if n < 4 {
                return Err(Error::Shape(format!("debiased CKA needs at least 4 examples, and there are {n}")));
            }
            // Rows of K sum to zero, so without the diagonal they sum to -K_ii, and all of it to -tr K.
            let rows = g.rows(x.diagonal, start, count)?;
            let columns = g.rows(x.diagonal, start, width)?;
            let columns = g.reshape(columns, &[1, width])?;
            let corner = g.plus(rows, columns)?;
            let edges = g.scale(corner, 1.0 / (n as f32 - 2.0));
            let total = g.scale(x.trace, (-1.0 / ((n as f64 - 1.0) * (n as f64 - 2.0))) as f32);
            let corrected = g.plus(gram, edges)?;
            let centred = g.plus(corrected, total)?;
            let (row, column) = (g.row_index(&[count, width]), g.column_index(&[count, width]));
            let same = g.binary(Binary::Equal, row, column)?;
            let zero = g.constant(0.0);
            g.select(same, zero, centred)?
        }
    };
    if count == n {
        return Ok(value);
    }
    let column = g.column_index(&[count, width]);
    // Beside the text, so that all bands share a kernel.
    let square = g.number(count as f32);
    let beyond = g.binary(Binary::AtLeast, column, square)?;
    let (twice, once) = (g.constant(std::f32::consts::SQRT_2), g.constant(1.0));
    let weight = g.select(beyond, twice, once)?;
    g.times(value, weight)
}

/// CKA of several pairs of representations of the same examples: for each kind, for each pair, `[1, 1]`. Each
/// representation's Gram matrix is made once, however many pairs it is in.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn many(g: &mut Graph, xs: &[Tensor], pairs: &[(usize, usize)], kinds: &[Kind]) -> Result<Vec<Vec<Tensor>>> {
    let mut used: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    used.sort_unstable();
    used.dedup();
    let Some(&first) = used.first() else { return Ok(kinds.iter().map(|_| Vec::new()).collect()) };
    let [n, _] = g.matrix(xs[first])?;
    for &x in &used {
        let [m, _] = g.matrix(xs[x])?;
        if m != n {
            return Err(Error::Shape(format!("CKA compares representations of the same examples: got {n} and {m}")));
        }
    }
    let centred = used.iter().map(|&x| centre(g, xs[x])).collect::<Result<Vec<_>>>()?;
    let place = |x: usize| used.binary_search(&x).unwrap_or(0);
    // Inner products wanted: of each with itself, then of each pair.
    let wanted: Vec<(usize, usize)> =
        (0..used.len()).map(|x| (x, x)).chain(pairs.iter().map(|&(a, b)| (place(a), place(b)))).collect();
    let mut totals: Vec<Vec<Option<Tensor>>> = vec![vec![None; wanted.len()]; kinds.len()];
    let rows = band_rows(n);
    for start in (0..n).step_by(rows) {
        // One band at a time: without the fence all bands' Gram matrices would stand in memory together.
        g.fence();
        let count = rows.min(n - start);
        for (&kind, totals) in kinds.iter().zip(&mut totals) {
            let bands = centred.iter().map(|&x| embedding(g, x, kind, start, count)).collect::<Result<Vec<_>>>()?;
            for (&(a, b), total) in wanted.iter().zip(totals) {
                let product = g.times(bands[a], bands[b])?;
                let part = g.sum_all(product)?;
                *total = Some(match *total {
                    Some(total) => g.plus(total, part)?,
                    None => part,
                });
            }
        }
    }
    g.fence();
    let none = || Error::Shape("CKA of no examples".into());
    totals
        .into_iter()
        .map(|totals| {
            let totals = totals.into_iter().collect::<Option<Vec<_>>>().ok_or_else(none)?;
            (used.len()..wanted.len()).map(|i| cosine(g, totals[i], totals[wanted[i].0], totals[wanted[i].1])).collect()
        })
        .collect()
}

/// CKA of two representations of the same examples, `[1, 1]`.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn linear(g: &mut Graph, x: Tensor, y: Tensor, kind: Kind) -> Result<Tensor> {
    Ok(many(g, &[x, y], &[(0, 1)], &[kind])?[0][0])
}

/// `xy / sqrt(xx yy)`, as a product of two roots, since the product of the squares may overflow.
fn cosine(g: &mut Graph, xy: Tensor, xx: Tensor, yy: Tensor) -> Result<Tensor> {
    let (a, b) = (g.unary(Unary::Sqrt, xx), g.unary(Unary::Sqrt, yy));
    let first = g.over(xy, a)?;
    g.over(first, b)
}

/// CKA as a value to train on: differentiable, from one undivided Gram matrix.
///
/// # Errors
/// As [`linear`].
pub fn differentiable(g: &mut Graph, x: Tensor, y: Tensor, kind: Kind) -> Result<Tensor> {
    let (x, y) = (centre(g, x)?, centre(g, y)?);
    let [n, _] = g.matrix(x.values)?;
    let (a, b) = (embedding(g, x, kind, 0, n)?, embedding(g, y, kind, 0, n)?);
    let mut dot = |p: Tensor, q: Tensor| -> Result<Tensor> {
        let product = g.times(p, q)?;
        g.sum_all(product)
    };
    let (xy, xx, yy) = (dot(a, b)?, dot(a, a)?, dot(b, b)?);
    cosine(g, xy, xx, yy)
}

//! CKNNA: unbiased CKA restricted to the pairs that are neighbours in both representations.

use crate::error::Result;
use crate::measure::pairwise::algebra::{Rows, condensed_index, dot, geometric_mean, power_of_two_scale, sum};
use crate::measure::pairwise::input::{check_pair, finite, refuse};
use faer::MatRef;

/// Settings of [`cknna`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cknna {
    /// Neighbours of each example, at least 1 and below n. Ten is usual.
    pub neighbours: usize,
    /// Whether each row is first divided by its Euclidean norm, so that neighbours are by cosine.
    pub unit_rows: bool,
    /// Added to the denominator.
    pub epsilon: f64,
}

impl Cknna {
    /// The settings of the authors' code: rows of unit norm, 1e-6 in the denominator. That term lowers the value by
    /// 1e-6 over √(HSIC HSIC), which shows where the masked HSIC is small; zero leaves it out.
    pub fn reference(neighbours: usize) -> Self {
        Self { neighbours, unit_rows: true, epsilon: 1e-6 }
    }
}

/// Centred kernel nearest-neighbour alignment (Huh et al. 2024) of two representations (n x p and n x q,
/// n at least 4): the unbiased HSIC of the linear Gram matrices masked to pairs (i, j) where j is among the neighbours
/// of i in both, over √ of the same of each representation with itself, plus epsilon.
///
/// Neighbours are those of the largest inner product, without the example itself; equal ones in the order of their
/// index. The masks are not symmetric, and the estimator is evaluated as for matrices that are not: tr(KL) and 1ᵀKL1.
/// The latter differs from 1ᵀLK1, so the value changes a little when `x` and `y` are exchanged, as in the authors' code.
/// Usually in [0, 1], not strictly bounded; may be negative.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing row counts, fewer than 4 examples, non-finite values,
/// `neighbours` of zero or not below n, a negative or non-finite `epsilon`, a zero row where rows are normalised, or a
/// self-similarity that is not positive, for which the ratio is not defined.
pub fn cknna(x: MatRef<'_, f64>, y: MatRef<'_, f64>, settings: Cknna) -> Result<f64> {
    check_pair(x, y, 4)?;
    let (n, k) = (x.nrows(), settings.neighbours);
    if k == 0 || k >= n {
        return refuse(format!("expected between 1 and {} neighbours for {n} examples, got {k}; change it", n - 1));
    }
    if !(settings.epsilon.is_finite() && settings.epsilon >= 0.0) {
        return refuse(format!("expected a finite epsilon of at least zero, got {}", settings.epsilon));
    }
    of_masked(&masked(x, settings)?, &masked(y, settings)?, settings)
}

/// [`cknna`] with neighbours that were found elsewhere: an iterator over examples of the indices of their neighbours.
///
/// # Errors
/// As [`cknna`].
pub(crate) fn of_neighbours<'a>(
    x: (MatRef<'_, f64>, impl Iterator<Item = &'a [usize]>),
    y: (MatRef<'_, f64>, impl Iterator<Item = &'a [usize]>),
    settings: Cknna,
) -> Result<f64> {
    check_pair(x.0, y.0, 4)?;
    of_masked(&at_neighbours(x.0, x.1, settings), &at_neighbours(y.0, y.1, settings), settings)
}

/// The linear Gram matrix at the neighbours of each row.
fn at_neighbours<'a>(x: MatRef<'_, f64>, neighbours: impl Iterator<Item = &'a [usize]>, settings: Cknna) -> Sparse {
    let mut rows = Rows::of(x);
    for row in rows.iter_mut() {
        let scale =
            if settings.unit_rows { power_of_two_scale(row.iter().fold(0.0, |m: f64, v| m.max(v.abs()))) } else { 1.0 };
        row.iter_mut().for_each(|v| *v *= scale);
    }
    let rows: Vec<&[f64]> = rows.iter().collect();
    let squares: Vec<f64> = rows.iter().map(|row| if settings.unit_rows { dot(row, row) } else { 1.0 }).collect();
    neighbours
        .enumerate()
        .map(|(i, near)| {
            let mut near: Vec<usize> = near.to_vec();
            near.sort_unstable();
            near.into_iter().map(|j| (j, dot(rows[i], rows[j]) / (squares[i] * squares[j]).sqrt())).collect()
        })
        .collect()
}

fn of_masked(x: &Sparse, y: &Sparse, settings: Cknna) -> Result<f64> {
    let both = intersection(x, y);
    let xy = masked_hsic(&both.0, &both.1);
    let (xx, yy) = (masked_hsic(x, x), masked_hsic(y, y));
    if !(xx > 0.0 && yy > 0.0) {
        return refuse(format!(
            "expected positive self-similarities on neighbours, got {xx} and {yy}; use more examples or neighbours"
        ));
    }
    finite(xy / (geometric_mean(xx, yy) + settings.epsilon), "CKNNA")
}

/// For each row the kept columns, ascending, with the Gram entry there.
type Sparse = Vec<Vec<(usize, f64)>>;

/// The linear Gram matrix of `x`, with rows of unit norm where asked for, at the neighbours of each row.
fn masked(x: MatRef<'_, f64>, settings: Cknna) -> Result<Sparse> {
    let mut rows = Rows::of(x);
    if settings.unit_rows {
        for (i, row) in rows.iter_mut().enumerate() {
            let scale = power_of_two_scale(row.iter().fold(0.0, |m: f64, v| m.max(v.abs())));
            row.iter_mut().for_each(|v| *v *= scale);
            if row.iter().all(|&v| v == 0.0) {
                return refuse(format!("expected rows that are not zero, got a zero row {i}; remove that example"));
            }
        }
    }
    let n = x.nrows();
    let squares: Vec<f64> = rows.iter().map(|row| if settings.unit_rows { dot(row, row) } else { 1.0 }).collect();
    // One product for each pair, always summed in the same order: duplicates tie exactly.
    let products = rows.pairs(dot);
    let mut out = Vec::with_capacity(n);
    for (i, own) in squares.iter().enumerate() {
        let mut row = Vec::with_capacity(n);
        for (j, other) in squares.iter().enumerate().filter(|&(j, _)| j != i) {
            let product = products[condensed_index(n, i.min(j), i.max(j))] + 0.0;
            // Cosines of one row are in the order of these quotients, which integer data round correctly: what ties in
            // exact arithmetic ties here.
            let key = if settings.unit_rows { product * product.abs() / other } else { product };
            row.push((key, j, product / (own * other).sqrt()));
        }
        if settings.neighbours < row.len() {
            row.select_nth_unstable_by(settings.neighbours - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            row.truncate(settings.neighbours);
        }
        row.sort_unstable_by_key(|&(_, j, _)| j);
        out.push(row.into_iter().map(|(_, j, value)| (j, value)).collect());
    }
    Ok(out)
}

/// Both matrices, each at the places that both have.
fn intersection(x: &Sparse, y: &Sparse) -> (Sparse, Sparse) {
    let common = |a: &Sparse, b: &Sparse| -> Sparse {
        a.iter().zip(b).map(|(a, b)| a.iter().copied().filter(|(j, _)| entry(b, *j).is_some()).collect()).collect()
    };
    (common(x, y), common(y, x))
}

/// The kept entry of a row at column `j`.
fn entry(row: &[(usize, f64)], j: usize) -> Option<f64> {
    row.binary_search_by_key(&j, |&(j, _)| j).ok().and_then(|at| row.get(at)).map(|&(_, v)| v)
}

/// Song's unbiased HSIC of two matrices with zero diagonal that need not be symmetric.
fn masked_hsic(k: &Sparse, l: &Sparse) -> f64 {
    let n = k.len() as f64;
    let trace: Vec<f64> = k
        .iter()
        .enumerate()
        .map(|(i, row)| row.iter().filter_map(|&(j, v)| Some(v * entry(l.get(j)?, i)?)).sum())
        .collect();
    let mut columns = vec![0.0; k.len()];
    for &(j, v) in k.iter().flatten() {
        columns[j] += v;
    }
    let row_sums = |m: &Sparse| -> Vec<f64> { m.iter().map(|row| row.iter().map(|(_, v)| v).sum()).collect() };
    let rows = row_sums(l);
    let totals = sum(&columns) * sum(&rows);
    let value = sum(&trace) + totals / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * dot(&columns, &rows);
    value / (n * (n - 3.0))
}

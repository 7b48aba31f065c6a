//! Checks and small steps that every measure of one representation begins with.

use faer::{Mat, MatRef};

use crate::error::{Error, Result};

/// An error of a measure.
pub(crate) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Measure(message.into()))
}

/// The error of a decomposition that found no end.
pub(crate) fn not_converged<T>() -> Result<T> {
    Err(Error::Numerics("the singular value decomposition did not converge; scale the representation first".into()))
}

/// Largest magnitudes within which neither squares nor their squares overflow or vanish; all of f32 lies within.
const MAGNITUDES: std::ops::RangeInclusive<f64> = 1e-70..=1e70;

/// Checks a representation: `rows` examples or more, one unit or more, no NaN and no infinity, and a largest magnitude
/// that can be computed with (or zeros only).
pub(crate) fn check(x: MatRef<'_, f64>, name: &str, rows: usize) -> Result<()> {
    if x.nrows() < rows {
        return fail(format!("{name} has {} examples (rows), but this measure needs at least {rows}", x.nrows()));
    }
    if x.ncols() == 0 {
        return fail(format!("{name} has no units (columns); give at least one"));
    }
    for (j, column) in x.col_iter().enumerate() {
        if let Some(i) = column.iter().position(|v| !v.is_finite()) {
            return fail(format!("{name} is not finite at row {i}, column {j}; remove or replace such values first"));
        }
    }
    let largest = x.norm_max();
    if largest != 0.0 && !MAGNITUDES.contains(&largest) {
        return fail(format!(
            "the largest magnitude of {name} is {largest:e}, whose powers overflow or vanish; scale it"
        ));
    }
    Ok(())
}

/// Checks that two matrices describe the same examples.
pub(crate) fn same_rows(x: usize, y: usize, names: &str) -> Result<()> {
    if x != y {
        return fail(format!("{names} must describe the same examples, but have {x} and {y} rows"));
    }
    Ok(())
}

/// A finite result, or an error that says what overflowed.
pub(crate) fn finite(value: f64, name: &str) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        fail(format!("{name} is not finite: values this large or small overflow; scale the representation first"))
    }
}

/// Whether all values are equal.
pub(crate) fn constant(mut values: impl Iterator<Item = f64>) -> bool {
    values.next().is_none_or(|first| values.all(|v| v == first))
}

/// Mean of values; a second pass takes out the rounding of the first.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first = values.iter().sum::<f64>() / n;
    first + values.iter().map(|v| v - first).sum::<f64>() / n
}

/// Median, the mean of the two middle values if their number is even; NaN of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Quantile with linear interpolation between order statistics; NaN of nothing.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let (a, b) = (sorted[low.min(last)], sorted[(low + 1).min(last)]);
    if a == b { a } else { a * (1.0 - part) + b * part }
}

/// Means of the columns.
pub(crate) fn column_means(x: MatRef<'_, f64>) -> Vec<f64> {
    x.col_iter()
        .map(|column| {
            // A constant unit keeps its exact value, so that centring makes it exactly zero.
            if constant(column.iter().copied()) {
                column.iter().next().copied().unwrap_or(0.0)
            } else {
                mean(&column.iter().copied().collect::<Vec<_>>())
            }
        })
        .collect()
}

/// The matrix less these values of its columns.
pub(crate) fn less(x: MatRef<'_, f64>, means: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - means[j])
}

/// The matrix with centred columns; constant columns become exactly zero.
pub(crate) fn centred(x: MatRef<'_, f64>) -> Mat<f64> {
    less(x, &column_means(x))
}

/// The centred matrix of a representation that varies.
pub(crate) fn centred_varying(x: MatRef<'_, f64>, name: &str) -> Result<Mat<f64>> {
    let centred = centred(x);
    if centred.col_iter().all(|c| c.iter().all(|v| *v == 0.0)) {
        return fail(format!("{name} is the same for every example: a measure of its variation is not determined"));
    }
    Ok(centred)
}

/// Rows of the matrix, chosen by index (each below the number of rows).
pub(crate) fn take_rows(x: MatRef<'_, f64>, rows: &[usize]) -> Mat<f64> {
    Mat::from_fn(rows.len(), x.ncols(), |i, j| x[(rows[i], j)])
}

/// A copy of a matrix with contiguous rows: distances walk along examples.
pub(crate) struct Rows {
    data: Vec<f64>,
    units: usize,
}

impl Rows {
    pub(crate) fn of(x: MatRef<'_, f64>) -> Self {
        let data = (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| x[(i, j)])).collect();
        Self { data, units: x.ncols() }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.units..(i + 1) * self.units]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.data.chunks_exact(self.units.max(1))
    }

    /// Squared euclidean distance, from differences: exact zero for equal rows and symmetric to the bit.
    pub(crate) fn squared_distance(&self, i: usize, j: usize) -> f64 {
        squared_distance(self.row(i), self.row(j))
    }
}

/// Squared euclidean distance of two vectors of one length.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |a, b| (a - b) * (a - b))
}

/// Scalar product of two vectors of one length.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |a, b| a * b)
}

/// Sum of a function of pairs of values in eight interleaved partial sums, which the compiler can run side by side.
fn lanes(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| f(*a, *b)).sum();
    for (a, b) in a8.zip(b8) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f(*a, *b);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Euclidean distances of all pairs, upper triangle row by row.
pub(crate) fn pair_distances(rows: &Rows, n: usize) -> Vec<f64> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| rows.squared_distance(i, j).sqrt())).collect()
}

/// Labels as indices of the classes present.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    /// Class values, ascending.
    pub values: Vec<usize>,
    /// Class of each example, an index into `values`.
    pub of: Vec<usize>,
    /// Examples of each class.
    pub counts: Vec<usize>,
}

impl Classes {
    /// Classes of the labels of `n` examples; at least `least` of them.
    pub(crate) fn of(labels: &[usize], n: usize, least: usize) -> Result<Self> {
        if labels.len() != n {
            return fail(format!("there are {} labels for {n} examples; give one label for each", labels.len()));
        }
        let mut values = labels.to_vec();
        values.sort_unstable();
        values.dedup();
        if values.len() < least {
            return fail(format!("the labels hold {} classes, but this measure needs at least {least}", values.len()));
        }
        let of: Vec<usize> = labels.iter().map(|l| values.partition_point(|v| v < l)).collect();
        let mut counts = vec![0; values.len()];
        of.iter().for_each(|c| counts[*c] += 1);
        Ok(Self { values, of, counts })
    }

    pub(crate) fn number(&self) -> usize {
        self.values.len()
    }

    /// How many values a variable has if the classes, in order, are the cells of a design of it and so many contexts: class
    /// `value * contexts + context`.
    pub(crate) fn in_contexts(&self, contexts: usize) -> Result<usize> {
        let values = self.number() / contexts.max(1);
        if contexts < 2 || values < 2 || values * contexts != self.number() {
            return fail(format!(
                "a design has at least 2 values in at least 2 contexts, all of them: {} classes are none in {contexts}",
                self.number()
            ));
        }
        Ok(values)
    }

    /// One-hot rows, `[examples, classes]`.
    pub(crate) fn one_hot(&self) -> Mat<f64> {
        Mat::from_fn(self.of.len(), self.number(), |i, c| f64::from(u8::from(self.of[i] == c)))
    }

    /// Examples of a class, ascending.
    pub(crate) fn members(&self, class: usize) -> Vec<usize> {
        (0..self.of.len()).filter(|i| self.of[*i] == class).collect()
    }

    /// Mean of each class, one row a class.
    pub(crate) fn means(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut means = Mat::zeros(self.number(), x.ncols());
        for class in 0..self.number() {
            let rows = take_rows(x, &self.members(class));
            for (j, m) in column_means(rows.as_ref()).into_iter().enumerate() {
                means[(class, j)] = m;
            }
        }
        means
    }
}

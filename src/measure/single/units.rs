//! Statistics of examples and units as they are: spread, norms, sparsity, dead units and selectivity.

use faer::MatRef;

use crate::error::Result;
use crate::measure::single::input::{
    Classes, Rows, check, column_means, constant, dot, fail, finite, mean, median, pair_distances,
};

/// Uniformity (Wang & Isola 2020): `ln mean_{i<j} exp(-t ‖x_i - x_j‖²)` of the rows scaled to unit length; `t` is 2 in
/// the paper. At most 0 (all rows equal); lower is more uniform, down to about `-2t` less a little on the sphere.
///
/// # Errors
/// Fewer than two examples, no units, values that are not finite, a row of zeros, `t` not positive.
pub fn uniformity(x: MatRef<'_, f64>, t: f64) -> Result<f64> {
    check(x, "the representation", 2)?;
    if !(t > 0.0 && t.is_finite()) {
        return fail(format!("the uniformity's t must be positive and finite, but is {t}"));
    }
    let mut unit = x.to_owned();
    for i in 0..x.nrows() {
        let norm = x.row(i).norm_l2();
        if norm == 0.0 {
            return fail(format!("row {i} is zero and has no direction: uniformity is not determined; leave it out"));
        }
        unit.row_mut(i).iter_mut().for_each(|v| *v /= norm);
    }
    let rows = Rows::of(unit.as_ref());
    let n = x.nrows();
    let sum: f64 = (0..n).map(|i| (i + 1..n).map(|j| (-t * rows.squared_distance(i, j)).exp()).sum::<f64>()).sum();
    finite((sum / (n as f64 * (n as f64 - 1.0) / 2.0)).ln(), "the uniformity")
}

/// Mean and median of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Centre {
    /// Mean.
    pub mean: f64,
    /// Median, the mean of the two middle values if their number is even.
    pub median: f64,
}

impl Centre {
    fn of(values: &[f64], name: &str) -> Result<Self> {
        Ok(Self { mean: finite(mean(values), name)?, median: finite(median(values), name)? })
    }
}

/// Mean and median of the euclidean distances of all pairs of examples (each pair once).
///
/// # Errors
/// Fewer than two examples, no units, values that are not finite or so large that squares overflow.
pub fn pairwise_distances(x: MatRef<'_, f64>) -> Result<Centre> {
    check(x, "the representation", 2)?;
    Centre::of(&pair_distances(&Rows::of(x), x.nrows()), "a pairwise distance")
}

/// Euclidean norm of each example.
///
/// # Errors
/// No examples or units, or values that are not finite.
pub fn example_norms(x: MatRef<'_, f64>) -> Result<Vec<f64>> {
    check(x, "the representation", 1)?;
    x.row_iter().map(|row| finite(row.norm_l2(), "the norm of an example")).collect()
}

/// Mean and median of the euclidean norms of the examples.
///
/// # Errors
/// As [`example_norms`].
pub fn norms(x: MatRef<'_, f64>) -> Result<Centre> {
    Centre::of(&example_norms(x)?, "the norm of an example")
}

/// Over what a sparsity is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// Lifetime: over the examples, one value a unit.
    Examples,
    /// Population: over the units, one value an example.
    Units,
}

/// Sparsities and their mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparsity {
    /// One value for each unit (lifetime) or example (population); NaN where all activity is zero.
    pub values: Vec<f64>,
    /// Mean over the values that are determined; NaN if none is.
    pub mean: f64,
    /// Values that are not determined.
    pub silent: usize,
}

/// Treves-Rolls sparsity in the scaled form of Vinje & Gallant (2000): `(1 - a) / (1 - 1/N)` with the activity ratio
/// `a = (Σr/N)² / (Σr²/N)` of Treves & Rolls (1991). 0 for equal rates, 1 for a single active one.
///
/// # Errors
/// Fewer than two values to take it over, values that are not finite, or negative ones: it is a measure of rates.
/// Rectify first, or use [`hoyer`].
pub fn treves_rolls(x: MatRef<'_, f64>, across: Across) -> Result<Sparsity> {
    non_negative(x, "Treves-Rolls sparsity")?;
    sparsity(x, across, |r| {
        let (n, sum) = (r.len() as f64, r.iter().sum::<f64>());
        (1.0 - sum * sum / n / dot(r, r)) / (1.0 - 1.0 / n)
    })
}

/// Hoyer sparsity (Hoyer 2004): `(√N - ‖r‖₁/‖r‖₂) / (√N - 1)`. 0 for equal magnitudes, 1 for a single value that is not
/// zero. Signs play no part.
///
/// # Errors
/// Fewer than two values to take it over, or values that are not finite.
pub fn hoyer(x: MatRef<'_, f64>, across: Across) -> Result<Sparsity> {
    sparsity(x, across, |r| {
        let root = (r.len() as f64).sqrt();
        (root - r.iter().map(|v| v.abs()).sum::<f64>() / dot(r, r).sqrt()) / (root - 1.0)
    })
}

/// Share of units whose magnitude never exceeds `threshold` on any example: 0 finds dead rectified units.
///
/// # Errors
/// No examples or units, values that are not finite, a threshold that is negative or not finite.
pub fn dead_unit_fraction(x: MatRef<'_, f64>, threshold: f64) -> Result<f64> {
    check(x, "the representation", 1)?;
    if !(threshold >= 0.0 && threshold.is_finite()) {
        return fail(format!("the threshold of a dead unit must be 0 or more, but is {threshold}"));
    }
    let dead = x.col_iter().filter(|c| c.iter().all(|v| v.abs() <= threshold)).count();
    Ok(dead as f64 / x.ncols() as f64)
}

/// Share of units that take the same value for every example, dead or saturated.
///
/// # Errors
/// Fewer than two examples, no units, or values that are not finite.
pub fn constant_unit_fraction(x: MatRef<'_, f64>) -> Result<f64> {
    check(x, "the representation", 2)?;
    Ok(x.col_iter().filter(|c| constant(c.iter().copied())).count() as f64 / x.ncols() as f64)
}

/// Class selectivity index of each unit (Morcos et al. 2018): `(μ_max - μ_rest) / (μ_max + μ_rest)` with `μ_max` the
/// largest class mean and `μ_rest` the mean of the other class means. From 0 (same mean for all classes) to 1 (active
/// for one class); NaN for a silent unit. The paper's small constant in the denominator is left out.
///
/// # Errors
/// Labels of another length than the examples, fewer than two classes, values that are not finite or negative (for
/// signed units use [`class_variance_fraction`]).
pub fn class_selectivity(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Vec<f64>> {
    non_negative(x, "class selectivity")?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    let means = classes.means(x);
    let others = classes.number() as f64 - 1.0;
    Ok(means
        .col_iter()
        .map(|unit| {
            let best = unit.iter().enumerate().fold(0, |best, (c, v)| if *v > unit[best] { c } else { best });
            let rest = unit.iter().enumerate().filter(|(c, _)| *c != best).map(|(_, v)| v).sum::<f64>() / others;
            (unit[best] - rest) / (unit[best] + rest)
        })
        .collect())
}

/// Share of each unit's variance that lies between the classes (η²): from 0 to 1, for units of any sign; NaN for a
/// constant unit.
///
/// # Errors
/// Labels of another length than the examples, fewer than two classes, or values that are not finite.
pub fn class_variance_fraction(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Vec<f64>> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    let (means, overall) = (classes.means(x), column_means(x));
    Ok(overall
        .iter()
        .enumerate()
        .map(|(j, centre)| {
            let square = |v: f64| (v - centre) * (v - centre);
            let between: f64 = classes.counts.iter().enumerate().map(|(c, n)| *n as f64 * square(means[(c, j)])).sum();
            between / x.col(j).iter().map(|v| square(*v)).sum::<f64>()
        })
        .collect())
}

fn non_negative(x: MatRef<'_, f64>, name: &str) -> Result<()> {
    check(x, "the representation", 1)?;
    for (j, column) in x.col_iter().enumerate() {
        if let Some(i) = column.iter().position(|v| *v < 0.0) {
            return fail(format!("{name} is defined for values of 0 or more, but row {i}, column {j} is negative"));
        }
    }
    Ok(())
}

fn sparsity(x: MatRef<'_, f64>, across: Across, of: impl Fn(&[f64]) -> f64) -> Result<Sparsity> {
    check(x, "the representation", 1)?;
    let x = match across {
        Across::Examples => x.transpose(),
        Across::Units => x,
    };
    if x.ncols() < 2 {
        return fail("a sparsity is taken over at least 2 values, but there is only 1 example or unit");
    }
    let rows = Rows::of(x);
    let values: Vec<f64> = rows
        .iter()
        .map(|row| {
            // Scaled, so that squares neither overflow nor vanish.
            let largest = row.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            if largest == 0.0 { f64::NAN } else { of(&row.iter().map(|v| v / largest).collect::<Vec<_>>()) }
        })
        .collect();
    let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    Ok(Sparsity { mean: mean(&known), silent: values.len() - known.len(), values })
}

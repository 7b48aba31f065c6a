//! Measures that match single units ("neurons") of two representations, so that, unlike CKA or Procrustes, a rotation
//! of the axes is a difference.
//!
//! Similarity of two units is their Pearson correlation over the examples. Units without variance have none; they are
//! left out, and every result says how many were.

use faer::{Mat, MatRef};

use super::matrix::{check_matrix, max_abs};
use super::transport::{Plan, transport_uniform};
use super::units::{Units, check_same_examples, cross_correlation, power_of_two_scale, squared_distance};
use crate::error::{Error, Result};
use crate::measure::assignment::maximise;

/// What a negative correlation counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Correlation r as it is: a unit and its negative are least alike.
    Signed,
    /// |r|: a unit and its negative are the same.
    Absolute,
}

/// Scores between the units of two representations: correlations, or mutual information.
#[derive(Debug, Clone)]
pub struct UnitScores {
    /// kept units of X × kept units of Y.
    pub matrix: Mat<f64>,
    /// Index in X of every row.
    pub kept_x: Vec<usize>,
    /// Index in Y of every column.
    pub kept_y: Vec<usize>,
    /// Units of X left out for having no variance.
    pub dropped_x: usize,
    /// Units of Y left out for having no variance.
    pub dropped_y: usize,
}

impl UnitScores {
    fn check(&self) -> Result<()> {
        check_matrix(self.matrix.as_ref(), "score")?;
        let (rows, columns) = (self.matrix.nrows(), self.matrix.ncols());
        if rows != self.kept_x.len() || columns != self.kept_y.len() {
            return Err(Error::Measure(format!(
                "expected one index per row and column of the scores, got {} and {} for {rows} × {columns}",
                self.kept_x.len(),
                self.kept_y.len()
            )));
        }
        Ok(())
    }
}

/// Pearson correlations between all units of `x` (examples × p) and all units of `y` (examples × q); in [-1, 1] up to
/// rounding, or in [0, 1] if absolute.
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, or no unit of one of the two
/// varies.
pub fn correlation(x: MatRef<'_, f64>, y: MatRef<'_, f64>, sign: Sign) -> Result<UnitScores> {
    let (x, y) = both_units(x, y)?;
    let mut matrix = cross_correlation(&x, &y);
    if sign == Sign::Absolute {
        matrix.col_iter_mut().for_each(|column| column.iter_mut().for_each(|r| *r = r.abs()));
    }
    Ok(UnitScores { matrix, kept_x: x.kept, kept_y: y.kept, dropped_x: x.dropped, dropped_y: y.dropped })
}

pub(crate) fn both_units(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<(Units, Units)> {
    check_same_examples(x, y)?;
    Ok((Units::new(x, "X")?, Units::new(y, "Y")?))
}

/// Semi-matching: every unit takes its best partner, which several units may share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SemiMatch {
    /// Mean over units of X of their best score among the units of Y.
    pub x_to_y: f64,
    /// Mean over units of Y of their best score among the units of X.
    pub y_to_x: f64,
    /// Mean of the two, the symmetric form (called "soft correlation match" by the ReSi benchmark).
    pub mean: f64,
}

/// The mean best score of the units of X among those of Y, and the other way round.
///
/// Li et al. 2016 (*Convergent Learning*), mean over units. In [-1, 1] for correlations; at least as large
/// as the bipartite score where the side that looks for partners is the smaller one.
///
/// # Errors
/// If the scores are empty or not finite.
pub fn semi_match(scores: &UnitScores) -> Result<SemiMatch> {
    scores.check()?;
    let best = |m: MatRef<'_, f64>| {
        let sum: f64 = (0..m.nrows()).map(|i| m.row(i).iter().copied().fold(f64::NEG_INFINITY, f64::max)).sum();
        sum / m.nrows() as f64
    };
    let (x_to_y, y_to_x) = (best(scores.matrix.as_ref()), best(scores.matrix.transpose()));
    Ok(SemiMatch { x_to_y, y_to_x, mean: 0.5 * (x_to_y + y_to_x) })
}

/// A one-to-one matching of units.
#[derive(Debug, Clone, PartialEq)]
pub struct BipartiteMatch {
    /// Mean score of the matched pairs.
    pub mean: f64,
    /// (unit of X, unit of Y, score) of every matched pair, by indices in the representations; min(p, q) pairs.
    pub pairs: Vec<(usize, usize, f64)>,
}

/// The one-to-one matching of units with the largest mean score, by exact assignment.
///
/// Li et al. 2016 (*Convergent Learning*); "hard correlation match" of the ReSi benchmark. With p ≠ q the
/// mean is over the min(p, q) pairs. Between equally good matchings the choice is fixed but has no meaning.
///
/// # Errors
/// If the scores are empty or not finite.
pub fn bipartite_match(scores: &UnitScores) -> Result<BipartiteMatch> {
    scores.check()?;
    let pairs: Vec<_> = maximise(scores.matrix.as_ref())?
        .pairs
        .into_iter()
        .map(|(i, j)| (scores.kept_x[i], scores.kept_y[j], scores.matrix[(i, j)]))
        .collect();
    let mean = pairs.iter().map(|p| p.2).sum::<f64>() / pairs.len() as f64;
    Ok(BipartiteMatch { mean, pairs })
}

/// A soft matching: how much of every unit of X goes with every unit of Y.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftMatch {
    /// The score: mean correlation or distance, see the function that returns it.
    pub value: f64,
    /// (unit of X, unit of Y, mass) of every pair with mass, by indices in the representations. Masses sum to 1, those
    /// of a unit of X to 1/p, of a unit of Y to 1/q.
    pub plan: Vec<(usize, usize, f64)>,
}

/// Soft-matching correlation: the largest mean correlation Σ P·C over transport plans P with uniform marginals.
///
/// Khosla and Williams 2024 (*Soft Matching Distance*): 1 − OT(1 − C), by exact optimal transport. In
/// [-1, 1]. With p = q it equals [`bipartite_match`]; with p ≠ q every unit of the larger side has to find a partner.
///
/// # Errors
/// If the scores are empty or not finite.
pub fn soft_match(scores: &UnitScores) -> Result<SoftMatch> {
    scores.check()?;
    let c = &scores.matrix;
    let plan = transport_uniform(Mat::from_fn(c.nrows(), c.ncols(), |i, j| -c[(i, j)]).as_ref())?;
    Ok(soft(-plan.cost, plan, &scores.kept_x, &scores.kept_y))
}

/// Scale of the units in the soft-matching distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitScale {
    /// Centred units of norm 1: the distance is √(2 − 2r̄) with the mean matched correlation r̄, in [0, 2].
    Normalised,
    /// Centred units as they are, divided by √examples: the distance has the unit of the activations.
    Centred,
}

/// Soft-matching distance: √(min Σ P·‖xᵢ − yⱼ‖²) over transport plans P with uniform marginals.
///
/// Khosla and Williams 2024 (*Soft Matching Distance*): a metric between sets of units (a 2-Wasserstein
/// distance), also for p ≠ q. Costs are sums of squared differences, so that small distances are accurate. With
/// [`Sign::Absolute`] the cost is that of the nearer of yⱼ and −yⱼ, again a metric (between units up to sign). Constant
/// units are left out in both scales.
///
/// # Errors
/// As [`correlation`].
pub fn soft_match_distance(x: MatRef<'_, f64>, y: MatRef<'_, f64>, scale: UnitScale, sign: Sign) -> Result<SoftMatch> {
    let (ux, uy) = both_units(x, y)?;
    let ((cx, sx), (cy, sy)) = (scaled_columns(x, &ux, scale), scaled_columns(y, &uy, scale));
    // Both sides in the scale of the larger keep squares from overflowing.
    let common = sx.max(sy);
    let resize = |c: Vec<Vec<f64>>, s: f64| -> Vec<Vec<f64>> {
        c.into_iter().map(|v| v.into_iter().map(|a| a * (s / common)).collect()).collect()
    };
    let (cx, cy) = (resize(cx, sx), resize(cy, sy));
    let negated: Vec<Vec<f64>> = cy.iter().map(|v| v.iter().map(|a| -a).collect()).collect();
    let cost = Mat::from_fn(cx.len(), cy.len(), |i, j| {
        let d = squared_distance(&cx[i], &cy[j]);
        if sign == Sign::Absolute { d.min(squared_distance(&cx[i], &negated[j])) } else { d }
    });
    let plan = transport_uniform(cost.as_ref())?;
    Ok(soft(common * plan.cost.max(0.0).sqrt(), plan, &ux.kept, &uy.kept))
}

/// The kept units in the scale asked for, times 1/s, and s.
fn scaled_columns(x: MatRef<'_, f64>, units: &Units, scale: UnitScale) -> (Vec<Vec<f64>>, f64) {
    let columns = units.columns.col_iter().map(|c| c.iter().copied().collect::<Vec<_>>());
    match scale {
        UnitScale::Normalised => (columns.collect(), 1.0),
        UnitScale::Centred => {
            let largest = max_abs(x);
            let down = power_of_two_scale(largest);
            let root_n = (x.nrows() as f64).sqrt();
            let restored = columns.zip(&units.kept).map(|(c, &unit)| {
                // The centred norm of a unit is its inner product with its own direction.
                let norm: f64 = c.iter().zip(x.col(unit).iter()).map(|(a, b)| a * (b * down)).sum();
                c.into_iter().map(|a| a * norm / root_n).collect()
            });
            (restored.collect(), 1.0 / down)
        }
    }
}

fn soft(value: f64, plan: Plan, kept_x: &[usize], kept_y: &[usize]) -> SoftMatch {
    SoftMatch { value, plan: plan.entries.into_iter().map(|(i, j, mass)| (kept_x[i], kept_y[j], mass)).collect() }
}

#[cfg(test)]
mod tests;

//! PWCCA: canonical correlations weighted by how much of a representation each canonical variable accounts for.
//!
//! The weights belong to single canonical variables, and inside a group of equal correlations these are not determined.
//! The value is then a matter of the SVD that was used (packages differ by 1e-2), and the result says so.

use crate::error::Result;
use crate::measure::subspace::canonical::CanonicalCorrelations;
use crate::measure::subspace::prepare::{ThinSvd, check_pair, column_space, fail, product, thin_svd};
use faer::{Mat, MatRef};

/// Correlations closer than this count as equal.
pub const TIE: f64 = 1e-9;

/// Correlations of which none is further than this from another give one value, whatever their weights.
pub(crate) const ALIKE: f64 = 2e-6;

/// Projection-weighted CCA, weighted by either side.
#[derive(Debug, Clone, PartialEq)]
pub struct Pwcca {
    /// `Σ αᵢ ρᵢ` with weights from x (the original measure), in [0, 1].
    pub x_weighted: f64,
    /// The same with weights from y.
    pub y_weighted: f64,
    /// Mean of the two, which makes it symmetric.
    pub mean: f64,
    /// Whether the values are determined by the data: no two correlations are tied (or all are alike to 2e-6). They are tied at 1
    /// whenever `rank_x + rank_y > n`, and when one representation is a linear function of some units of the other.
    pub determined: bool,
    /// Weights from x of the canonical correlations, summing to 1.
    pub weights_x: Vec<f64>,
    /// Weights from y, likewise.
    pub weights_y: Vec<f64>,
    /// The correlations that were weighted.
    pub canonical: CanonicalCorrelations,
}

impl Pwcca {
    /// Itself when determined, an error otherwise: for callers that must not report an arbitrary number.
    ///
    /// # Errors
    /// When the value is not determined by the data.
    pub fn require_determined(self) -> Result<Self> {
        if self.determined {
            return Ok(self);
        }
        fail(format!(
            "PWCCA is not determined here: canonical correlations are tied (ranks {} and {}, {} of them exactly 1 for \
             want of examples), so the weights are arbitrary; use more examples or mean CCA",
            self.canonical.rank_x, self.canonical.rank_y, self.canonical.forced_ones
        ))
    }
}

/// PWCCA of `x` (n × p) and `y` (n × q), centred: rows are the same examples, columns are units. Weights are
/// `αᵢ ∝ Σⱼ |⟨hᵢ, xⱼ⟩|` with the true canonical variables `hᵢ` of unit length (Morcos et al. 2018); code
/// published with the paper leaves out an inverse square root and returns another number.
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is constant.
pub fn pwcca(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Pwcca> {
    check_pair(x, y)?;
    let (a, b) = (column_space(x, true, None, "x")?, column_space(y, true, None, "y")?);
    of_factors(&a, &b, product(a.u.transpose(), b.u.as_ref()).as_ref())
}

/// The same from orthonormal factorisations of the centred representations and the product of their bases.
pub(crate) fn of_factors(a: &ThinSvd, b: &ThinSvd, cross: MatRef<'_, f64>) -> Result<Pwcca> {
    let svd = thin_svd(cross)?;
    let canonical = CanonicalCorrelations::new(svd.s, (a.s.len(), b.s.len()), a.u.nrows() - 1);
    // hᵀX = (U_x L)ᵀ U_x S Vᵀ = Lᵀ S Vᵀ, and its units are columns.
    let weights = |turn: &Mat<f64>, s: &[f64], v: &Mat<f64>| -> Vec<f64> {
        let scaled = Mat::from_fn(turn.nrows(), turn.ncols(), |i, j| turn[(i, j)] * s[i]);
        let loadings = product(v.as_ref(), scaled.as_ref());
        let sums: Vec<f64> =
            (0..loadings.ncols()).map(|k| (0..loadings.nrows()).map(|j| loadings[(j, k)].abs()).sum()).collect();
        let total: f64 = sums.iter().sum();
        sums.into_iter().map(|w| w / total).collect()
    };
    let weights_x = weights(&svd.u, &a.s, &a.v);
    let weights_y = weights(&svd.v, &b.s, &b.v);
    let weighted = |w: &[f64]| w.iter().zip(&canonical.correlations).map(|(w, r)| w * r).sum::<f64>();
    let (x_weighted, y_weighted) = (weighted(&weights_x), weighted(&weights_y));
    let determined = is_determined(&canonical);
    let mean = 0.5 * (x_weighted + y_weighted);
    Ok(Pwcca { x_weighted, y_weighted, mean, determined, weights_x, weights_y, canonical })
}

fn is_determined(canonical: &CanonicalCorrelations) -> bool {
    let r = &canonical.correlations;
    let alike = match (r.first(), r.last()) {
        (Some(first), Some(last)) => first - last < ALIKE,
        _ => false,
    };
    alike || r.windows(2).all(|w| w[0] - w[1] >= TIE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn weights_by_hand() {
        // x has units of size 3 and 1 along two contrasts; y shares the first and half of the second.
        let x = mat![
            [3.0, 1.0],
            [3.0, -1.0],
            [-3.0, 1.0],
            [-3.0, -1.0],
            [3.0, 1.0],
            [3.0, -1.0],
            [-3.0, 1.0],
            [-3.0, -1.0]
        ];
        let other = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
        let y = Mat::from_fn(8, 2, |i, j| if j == 0 { x[(i, 0)] / 3.0 } else { 0.6 * x[(i, 1)] + 0.8 * other[i] });
        let p = pwcca(x.as_ref(), y.as_ref()).unwrap();
        assert!((p.x_weighted - (0.75 + 0.25 * 0.6)).abs() < 1e-14, "{p:?}");
        assert!((p.y_weighted - 0.8).abs() < 1e-14 && p.determined);
        assert!(p.require_determined().is_ok());
    }
}

//! PWCCA: canonical correlations weighted by how much of a representation each canonical variable accounts for.
//!
//! Weights are `αᵢ ∝ Σⱼ |⟨hᵢ, xⱼ⟩|` with the true canonical variables `hᵢ` of unit length (Morcos et al. 2018); code published with
//! the paper leaves out an inverse square root and returns another number. They belong to single canonical variables, and inside a
//! group of equal correlations these are not determined. The value is then a matter of the SVD that was used (packages differ by
//! 1e-2), and is refused. They are tied at 1 whenever `rank_x + rank_y > n`, and when one representation is a linear function of some
//! units of the other.

use super::cca::CanonicalCorrelations;
use super::{NAME, SUBSPACES, forced_ones};
use crate::error::Result;
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Invariance, Of, Side, word};
use crate::measure::numerics::algebra::product;
use crate::measure::numerics::check::{check, refuse};
use crate::measure::numerics::factor::{ThinSvd, column_space, thin_svd};
use faer::{Mat, MatRef};

/// Projection-weighted canonical correlations.
pub(super) const PWCCA: Entry = Entry {
    formula: "Σ α_i ρ_i, α_i ∝ Σ_j |<h_i, x_j>| with canonical variables h",
    symmetric: false,
    invariances: &[Invariance::Translation, Invariance::Scaling, Invariance::Permutation],
    cost: "n p² + p³",
    held: |_, e| Held::of_factors(e),
    source: "Morcos et al. 2018",
    parameters: &[word("weights", &["first", "mean"], "from the first representation, or the mean of both ways")],
    caution: forced_ones,
    make: |g| {
        let mean = g.word("weights") == "mean";
        let prepare = |x: MatRef<'_, f64>| {
            check(x, NAME, 2)?;
            let ThinSvd { u, s, v } = column_space(x, true, NAME)?;
            Ok(Side::same(u, Units { s, v }))
        };
        Ok(Cross::new("factors", prepare, move |a, b, cross| weighted(&a, &b, cross, mean)).into())
    },
    ..Entry::similarity("pwcca", "projection-weighted canonical correlations", SUBSPACES)
};

/// Correlations closer than this count as equal.
const TIE: f64 = 1e-9;

/// Correlations closer than this are not told apart in single precision, and with them their weights.
const TIED: f64 = 3e-5;

/// Correlations of which none is further than this from another give one value, whatever their weights.
const ALIKE: f64 = 2e-6;

/// How units lie in the orthonormal basis of what they span.
struct Units {
    s: Vec<f64>,
    v: Mat<f64>,
}

/// `Σ αᵢ ρᵢ` with weights from the first, or the mean of those from either.
///
/// # Errors
/// When the value is not determined by the data.
fn weighted(a: &Of<'_, Units>, b: &Of<'_, Units>, cross: &Crossed, mean: bool) -> Result<Option<f64>> {
    let svd = thin_svd(cross.as_ref())?;
    let ranks = (a.kept.s.len(), b.kept.s.len());
    let canonical = CanonicalCorrelations::new(svd.s, ranks, a.side.left.nrows() - 1);
    let rho = &canonical.correlations;
    let alike = rho.first().zip(rho.last()).is_some_and(|(most, least)| most - least < ALIKE);
    let apart = if cross.single { TIED } else { TIE };
    if !alike && rho.windows(2).any(|w| w[0] - w[1] < apart) {
        return match cross.single {
            true => Ok(None),
            false => refuse(format!(
                "PWCCA is not determined here: canonical correlations are tied (ranks {} and {}, {} of them exactly 1 for \
                 want of examples), so the weights are arbitrary; use more examples or mean CCA",
                canonical.rank_x, canonical.rank_y, canonical.forced_ones
            )),
        };
    }
    let first = by_weights(rho, &svd.u, a.kept);
    Ok(Some(if mean { 0.5 * (first + by_weights(rho, &svd.v, b.kept)) } else { first }))
}

/// The mean of the correlations, each with the weight that its canonical variable, a column of `turn`, has for the units.
fn by_weights(correlations: &[f64], turn: &Mat<f64>, units: &Units) -> f64 {
    // hᵀX = (U_x L)ᵀ U_x S Vᵀ = Lᵀ S Vᵀ, and its units are columns.
    let scaled = Mat::from_fn(turn.nrows(), turn.ncols(), |i, j| turn[(i, j)] * units.s[i]);
    let loadings = product(units.v.as_ref(), scaled.as_ref());
    let weights: Vec<f64> = loadings.col_iter().map(|c| c.iter().map(|l| l.abs()).sum()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().zip(correlations).map(|(w, r)| w / total * r).sum()
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::Mat;

    #[test]
    fn weights_by_hand() {
        // x has units of size 3 and 1 along two contrasts; y shares the first and half of the second.
        let signs = |bit: usize| move |i: usize| if (i >> bit) & 1 == 0 { 1.0 } else { -1.0 };
        let (large, small, other) = (signs(1), signs(0), signs(2));
        let x = Mat::from_fn(8, 2, |i, j| if j == 0 { 3.0 * large(i) } else { small(i) });
        let y = Mat::from_fn(8, 2, |i, j| if j == 0 { large(i) } else { 0.6 * small(i) + 0.8 * other(i) });
        assert!((value("pwcca", &x, &y) - (0.75 + 0.25 * 0.6)).abs() < 1e-14);
        assert!((value("pwcca", &y, &x) - 0.8).abs() < 1e-14);
        assert!((value("pwcca:mean", &x, &y) - 0.85).abs() < 1e-14);
    }
}

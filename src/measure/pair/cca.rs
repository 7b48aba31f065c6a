//! Canonical correlations: what two representations share once every invertible linear map is allowed. They compare
//! column spaces, so the ranks decide, and are reported; they are decided with every unit at length one, so that the sizes of
//! units play no part.
//!
//! With few examples the spaces must overlap: `rank_x + rank_y - (n - 1)` correlations are then exactly 1 whatever the
//! data. The result says how many.

use super::procrustes::nuclear;
use super::{LINEAR, NAME, SUBSPACES, forced_ones};
use crate::error::{Error, Result};
use crate::measure::declaration::{Cross, Entry, Held, NuclearValue, Of, Side, count, word};
use crate::measure::numerics::algebra::{centre, singular_values};
use crate::measure::numerics::basis::{Basis, Keep, cut};
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::{basis, column_space, unit};
use faer::MatRef;

/// Canonical correlations.
pub(super) const CCA: Entry = Entry {
    formula: "ρ: cosines of the angles between the column spaces; mean ρ, mean ρ², Σρ² (pillai), Σρ²/sqrt(p q) (yanai)",
    range: [0.0, f64::INFINITY],
    range_of: |g| (g.word("form") != "pillai").then_some([0.0, 1.0]),
    invariances: LINEAR,
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Raghu et al. 2017; mean squared: Kornblith et al. 2019, table 1",
    parameters: &[
        word("form", &["mean", "mean-squared", "pillai", "yanai"], "what is made of the correlations"),
        word("columns", &["centred", "uncentred"], "uncentred as in the notebook of Kornblith et al."),
        count("component", 0, 0, "one correlation, from the largest, in place of a summary of all"),
    ],
    caution: forced_ones,
    make: |g| {
        let (form, component) = (g.word("form"), g.count("component"));
        let centred = g.word("columns") == "centred";
        if component > 0 {
            g.refuse(&["form"], "one correlation is taken")?;
            let one = move |c: &CanonicalCorrelations| {
                c.correlations.get(component - 1).copied().ok_or_else(|| {
                    Error::Measure(format!(
                        "correlation {component} was asked for, and there are {}",
                        c.correlations.len()
                    ))
                })
            };
            return Ok(correlations(centred, None, one).into());
        }
        let summary: fn(&CanonicalCorrelations) -> f64 = match form {
            "mean" if centred => return Ok(nuclear(Basis::Orthonormal, NuclearValue::Mean)),
            "mean-squared" if centred => return Ok(nuclear(Basis::Orthonormal, NuclearValue::MeanSquared)),
            "mean-squared" => |c| c.mean_squared(),
            "pillai" => |c| c.pillai(),
            "yanai" => |c| c.yanai_gcd(),
            _ => |c| c.mean(),
        };
        Ok(correlations(centred, None, move |c| Ok(summary(c))).into())
    },
    ..Entry::similarity("cca", "canonical correlations", SUBSPACES)
};

/// Canonical correlations with the ranks they rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct CanonicalCorrelations {
    /// Cosines of the principal angles, largest first, `min(rank_x, rank_y)` of them, each in [0, 1].
    pub correlations: Vec<f64>,
    /// Numerical rank of (centred) x.
    pub rank_x: usize,
    /// Numerical rank of (centred) y.
    pub rank_y: usize,
    /// How many correlations are exactly 1 for want of examples: `rank_x + rank_y` less the dimension of the space
    /// (n - 1 centred, n uncentred), if positive. Above 0 is a warning: no summary below is then free of n.
    pub forced_ones: usize,
}

impl CanonicalCorrelations {
    pub(super) fn new(correlations: Vec<f64>, ranks: (usize, usize), dimension: usize) -> Self {
        // An SVD may exceed 1 by rounding; nothing else is cut.
        let correlations = correlations.into_iter().map(|r| r.min(1.0)).collect();
        let forced_ones = (ranks.0 + ranks.1).saturating_sub(dimension);
        Self { correlations, rank_x: ranks.0, rank_y: ranks.1, forced_ones }
    }

    /// Mean correlation over `min(rank_x, rank_y)`, in [0, 1]: mean CCA (Raghu et al. 2017). The package `repsim` calls
    /// this "pillai".
    pub fn mean(&self) -> f64 {
        self.correlations.iter().sum::<f64>() / self.correlations.len() as f64
    }

    /// Mean squared correlation over `min(rank_x, rank_y)`, in [0, 1]: R²_CCA (Kornblith et al. 2019, table 1). The
    /// package `repsim` calls this "yanai".
    pub fn mean_squared(&self) -> f64 {
        self.pillai() / self.correlations.len() as f64
    }

    /// Pillai's trace, the sum of the squared correlations, in [0, min(rank)] (Pillai 1955).
    pub fn pillai(&self) -> f64 {
        self.correlations.iter().map(|r| r * r).sum()
    }

    /// Yanai's generalised coefficient of determination `tr(Px Py) / sqrt(rank_x rank_y)`, in [0, 1] (Yanai 1974); 1 only
    /// for equal spaces.
    pub fn yanai_gcd(&self) -> f64 {
        self.pillai() / (self.rank_x as f64 * self.rank_y as f64).sqrt()
    }
}

/// What is known of a column space: its rank, and the dimension of the space of examples.
struct Space {
    rank: usize,
    dimension: usize,
}

/// A summary of the canonical correlations, of all directions or of the principal components that are kept.
pub(super) fn correlations(
    centred: bool,
    keep: Option<Keep>,
    summary: impl Fn(&CanonicalCorrelations) -> Result<f64> + Send + Sync + 'static,
) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check(x, NAME, 2)?;
        let svd = match keep {
            Some(keep) => cut(&basis(unit(centre(x), NAME)?.matrix.as_ref())?, keep, NAME)?.0,
            None => column_space(x, centred, NAME)?,
        };
        Ok(Side::same(svd.u, Space { rank: svd.s.len(), dimension: x.nrows() - usize::from(centred) }))
    };
    Cross::new(format!("basis {centred} {keep:?}"), prepare, move |a: Of<'_, Space>, b: Of<'_, Space>, cross| {
        let ranks = (a.kept.rank, b.kept.rank);
        let all = CanonicalCorrelations::new(singular_values(cross.as_ref())?, ranks, a.kept.dimension);
        summary(&all).map(Some)
    })
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::{Mat, mat};

    #[test]
    fn two_planes_by_hand() {
        // Orthonormal contrasts of 4 examples; y keeps the first and turns the second by 30 degrees into the third.
        let (c, s) = (0.75f64.sqrt(), 0.5);
        let x = mat![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let third = [1.0, -1.0, -1.0, 1.0];
        let y = Mat::from_fn(4, 2, |i, j| if j == 0 { 5.0 * x[(i, 0)] } else { c * x[(i, 1)] + s * third[i] });
        let near = |name: &str, expected: f64| {
            let found = value(name, &x, &y);
            assert!((found - expected).abs() < 1e-15, "{name}: {found}");
        };
        near("cca", (1.0 + c) / 2.0);
        near("cca:mean-squared", 0.875);
        near("cca:pillai", 1.75);
        near("cca:yanai", 0.875);
        near("cca:component=2", c);
    }
}

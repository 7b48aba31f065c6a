//! SVCCA: canonical correlations of the leading principal components only, so that directions of little variance, which
//! are mostly noise, do not count.

use super::cca::{CanonicalCorrelations, correlations};
use super::procrustes::nuclear;
use super::{NAME, ORTHOGONAL, SUBSPACES};
use crate::measure::declaration::{Cross, Entry, Held, NuclearValue, Of, Side, count, number, word};
use crate::measure::numerics::algebra::centre;
use crate::measure::numerics::basis::{Basis, Keep, cut};
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::{basis, column_space, unit};
use faer::MatRef;

/// Canonical correlations of the main components.
pub(super) const SVCCA: Entry = Entry {
    formula: "CCA of the principal components that hold a part of the variance, or of a number of them",
    invariances: ORTHOGONAL,
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Raghu et al. 2017",
    parameters: &[
        number("variance", 0.99, [1e-9, 1.0 - 1e-9], "part of the variance that is kept"),
        count("dimensions", 0, 0, "components that are kept, in place of a part of the variance"),
        word(
            "form",
            &["mean", "mean-squared", "repsim"],
            "of the correlations; repsim takes components of whitened data, and the sum of squares over the smaller rank",
        ),
    ],
    make: |g| {
        let (squared, part) = (g.word("form") == "mean-squared", g.number("variance"));
        if g.count("dimensions") > 0 {
            g.refuse(&["variance"], "a number of components is kept")?;
        }
        if g.word("form") == "repsim" {
            g.refuse(&["dimensions"], "repsim keeps a part of the variance")?;
            return Ok(repsim(part).into());
        }
        Ok(match g.count("dimensions") {
            0 if squared => nuclear(Basis::Components(part), NuclearValue::MeanSquared),
            0 => nuclear(Basis::Components(part), NuclearValue::Mean),
            d => {
                let summary = move |c: &CanonicalCorrelations| Ok(if squared { c.mean_squared() } else { c.mean() });
                correlations(true, Some(Keep::Dimensions(d)), summary).into()
            }
        })
    },
    ..Entry::similarity("svcca", "canonical correlations of the main components", SUBSPACES)
};

/// SVCCA as the package repsim has it: components of an orthonormal basis of the columns as they are, so that "99 % of the variance"
/// is of data that have the same variance in every direction; and the sum of the squared correlations over the smaller rank of the
/// data.
fn repsim(variance: f64) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check(x, NAME, 2)?;
        let whitened = column_space(x, false, NAME)?.u;
        let rank = whitened.ncols();
        let svd = basis(unit(centre(whitened.as_ref()), NAME)?.matrix.as_ref())?;
        Ok(Side::same(cut(&svd, Keep::Variance(variance), NAME)?.0.u, rank))
    };
    Cross::new(format!("whitened components {variance}"), prepare, |a: Of<'_, usize>, b: Of<'_, usize>, cross| {
        Ok(Some(cross.squared_norm_l2() / *a.kept.min(b.kept) as f64))
    })
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::{Mat, mat};

    #[test]
    fn weak_directions_are_cut() {
        // The strong unit is shared, the weak ones are unrelated.
        let x = mat![[9.0, 0.1], [9.0, -0.1], [-9.0, 0.1], [-9.0, -0.1]];
        let y = Mat::from_fn(4, 2, |i, j| if j == 0 { x[(i, 0)] } else { [0.1, -0.1, -0.1, 0.1][i] });
        assert!((value("svcca", &x, &y) - 1.0).abs() < 1e-15);
        assert!((value("svcca:dimensions=2", &x, &y) - 0.5).abs() < 1e-15);
    }
}

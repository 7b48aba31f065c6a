//! GULP: how differently two representations predict, over all linear targets at once, with a ridge penalty.
//!
//! Both are centred and scaled to Frobenius norm √n, then
//! `d² = tr((Σx + λ)⁻¹Σx)² + tr((Σy + λ)⁻¹Σy)² - 2 tr((Σx + λ)⁻¹Σxy(Σy + λ)⁻¹Σyx)` (Boix-Adserà et al. 2022). With `λ` = 0 column spaces
//! alone are compared: d² is then `rank_x + rank_y` less twice Pillai's trace.

use super::{NAME, ORTHOGONAL, SUBSPACES};
use crate::error::Result;
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Of, Remainder, Side, number, word};
use crate::measure::numerics::algebra::{centre, scale_columns};
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::{basis, column_space, unit};
use faer::MatRef;

/// Difference of ridge predictors over all targets.
pub(super) const GULP: Entry = Entry {
    formula: "d² = |S_x - S_y|² of the ridge smoothers of X, Y scaled to |.| = sqrt(n)",
    metric: true,
    invariances: ORTHOGONAL,
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Boix-Adserà et al. 2022",
    parameters: &[
        number("lambda", 1e-2, [0.0, f64::MAX], "penalty"),
        word("form", &["distance", "squared"], "the metric or its square"),
    ],
    make: |g| {
        let (lambda, squared) = (g.number("lambda"), g.word("form") == "squared");
        let value = move |apart: f64| if squared { apart } else { apart.sqrt() };
        let finish = move |a: Of<'_, f64>, b: Of<'_, f64>, cross: &Crossed| {
            let all = a.kept + b.kept;
            let apart = all - 2.0 * cross.squared_norm_l2();
            Ok((apart > CANCELS * all).then(|| value(apart)))
        };
        Ok(Cross::new(format!("smoother {lambda}"), move |x| smoother(x, lambda), finish)
            .closing(move |_: Of<'_, f64>, _: Of<'_, f64>, remainder: &Remainder| value(remainder.products().max(0.0)))
            .into())
    },
    ..Entry::distance("gulp", "difference of ridge predictors over all targets", SUBSPACES)
};

/// Below this part of what is subtracted from each other, too few digits are left.
const CANCELS: f64 = 0.02;

/// `A` with `A Aᵀ` the ridge smoother of a representation that is centred and scaled to norm √n, and the squared norm of that;
/// without a penalty only what the units span counts.
fn smoother(x: MatRef<'_, f64>, lambda: f64) -> Result<Side> {
    check(x, NAME, 2)?;
    let svd = match lambda {
        0.0 => column_space(x, true, NAME)?,
        _ => basis(unit(centre(x), NAME)?.matrix.as_ref())?,
    };
    // The singular values of a unit matrix are those of X / √n after scaling to √n.
    let shrink: Vec<f64> = svd.s.iter().map(|s| s * s / (s * s + lambda)).collect();
    let roots: Vec<f64> = shrink.iter().map(|f| f.sqrt()).collect();
    Ok(Side::same(scale_columns(svd.u.as_ref(), &roots), shrink.iter().map(|f| f * f).sum::<f64>()))
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::mat;

    #[test]
    fn single_units_by_hand() {
        // One unit each: smoothers are f = 1 / (1 + λ) times a projector.
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        let f = 1.0 / 1.5;
        assert!((value("gulp:lambda=0.5:squared", &x, &y) - 2.0 * f * f).abs() < 1e-15);
        assert!((value("gulp:lambda=0:squared", &x, &y) - 2.0).abs() < 1e-15);
        assert!(value("gulp:lambda=0.5:squared", &x, &(&x * faer::Scale(-3.0))) < 1e-30);
    }
}

//! RV coefficients: how alike two configurations of the same examples are, as a correlation of their Gram matrices.

use super::{KERNELS, NAME, ORTHOGONAL};
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Invariance as I, Of, Side, word};
use crate::measure::numerics::algebra::{centre, product};
use crate::measure::numerics::check::{check, refuse};
use crate::measure::numerics::factor::unit;
use crate::measure::numerics::units::Units;
use faer::MatRef;

/// The RV coefficient, or its modified form.
pub(super) const RV: Entry = Entry {
    formula: "tr(K L) / (|K| |L|), which is biased linear CKA; modified: the same of K, L with zero diagonals",
    range: [-1.0, 1.0],
    invariances: ORTHOGONAL,
    cost: "n p²",
    held: |_, e| Held::of_factors(e),
    source: "Robert and Escoufier 1976; modified: Smilde et al. 2009",
    parameters: &[word("form", &["plain", "modified"], "modified: near zero for unrelated data of many units")],
    make: |g| Ok(configurations(g.word("form") == "modified").into()),
    ..Entry::similarity("rv", "RV coefficient", KERNELS)
};

/// The adjusted RV coefficient.
pub(super) const RV_ADJUSTED: Entry = Entry {
    formula: "Σ_ij a(X_i, Y_j) / sqrt(Σ_ij a(X_i, X_j) Σ_ij a(Y_i, Y_j)), a = 1 - (n - 1) / (n - 2) (1 - r²), r the correlation of units",
    range: [f64::NEG_INFINITY, f64::INFINITY],
    invariances: &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation],
    cost: "n p²",
    held: |_, e| Held::of_factors(e),
    source: "Mayer, Lorent and Horgan 2011",
    make: |_| Ok(adjusted().into()),
    ..Entry::similarity("rv_adjusted", "RV coefficient of units at variance one, adjusted for their number", KERNELS)
};

/// Squared norm of `x xᵀ`.
fn gram_norm(x: MatRef<'_, f64>) -> f64 {
    let small = if x.nrows() < x.ncols() { product(x, x.transpose()) } else { product(x.transpose(), x) };
    small.squared_norm_l2()
}

/// A Gram matrix, as far as a cross-product does not have it.
struct Configuration {
    /// Its diagonal; none, if it counts as the rest does.
    diagonal: Vec<f64>,
    /// Its squared norm without that.
    norm: f64,
}

fn configurations(modified: bool) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check(x, NAME, 2)?;
        let matrix = unit(centre(x), NAME)?.matrix;
        let all = gram_norm(matrix.as_ref());
        let diagonal: Vec<f64> = match modified {
            true => matrix.row_iter().map(|row| row.squared_norm_l2()).collect(),
            false => Vec::new(),
        };
        let norm = all - diagonal.iter().map(|d| d * d).sum::<f64>();
        if norm <= 16.0 * f64::EPSILON * all {
            return refuse(format!(
                "{NAME} has no two examples with anything in common, so that there is no modified RV"
            ));
        }
        Ok(Side::same(matrix, Configuration { diagonal, norm }))
    };
    Cross::new(
        format!("configuration {modified}"),
        prepare,
        move |a: Of<'_, Configuration>, b: Of<'_, Configuration>, cross| {
            let all = cross.squared_norm_l2();
            let same: f64 = a.kept.diagonal.iter().zip(&b.kept.diagonal).map(|(k, l)| k * l).sum();
            let value = (all - same) / (a.kept.norm * b.kept.norm).sqrt();
            // What is left of two numbers near each other has few digits in single precision.
            let decided = !cross.single || same == 0.0 || (all - same).abs() > 0.02 * all;
            Ok(decided.then(|| value.clamp(-1.0, 1.0)))
        },
    )
}

fn adjusted() -> Cross {
    /// Sum of adjusted squared correlations of so many pairs of units, from the sum of the squared ones.
    fn sum(squares: f64, pairs: f64, n: f64) -> f64 {
        pairs - (n - 1.0) / (n - 2.0) * (pairs - squares)
    }
    let prepare = |x: MatRef<'_, f64>| {
        check(x, NAME, 3)?;
        let Units { columns, kept, .. } = Units::new(x, NAME)?;
        let own = sum(gram_norm(columns.as_ref()), (kept.len() * kept.len()) as f64, x.nrows() as f64);
        if own <= 0.0 {
            return refuse(format!(
                "the units of {NAME} are no more correlated than chance: no adjusted RV is defined"
            ));
        }
        Ok(Side::same(columns, own))
    };
    Cross::new("adjusted", prepare, |a: Of<'_, f64>, b: Of<'_, f64>, cross: &Crossed| {
        let (p, q) = cross.shape();
        let (squares, pairs) = (cross.squared_norm_l2(), (p * q) as f64);
        let value = sum(squares, pairs, a.side.left.nrows() as f64);
        let decided = !cross.single || value.abs() > 1e-3 * pairs;
        Ok(decided.then(|| value / (a.kept * b.kept).sqrt()))
    })
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::{assert_close, value};
    use faer::{Mat, mat};

    #[test]
    fn one_unit_each_by_hand() {
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[2.0], [0.0], [0.0], [-2.0]];
        assert_close("plain: r²", value("rv", &x, &y), 0.5, 1e-15);
        // Of K = x xᵀ / 4 and L = y yᵀ / 8 the diagonals are (1, 1, 1, 1) / 4 and (1, 0, 0, 1) / 2.
        let hollow = (0.5 - 0.25) / ((1.0 - 0.25_f64) * (1.0 - 0.5)).sqrt();
        assert_close("modified", value("rv:modified", &x, &y), hollow, 1e-15);
        assert_close("adjusted", value("rv_adjusted", &x, &y), 1.0 - 1.5 * 0.5, 1e-15);
    }

    #[test]
    fn plain_is_biased_linear_cka() {
        let of = |s: usize| Mat::from_fn(30, 4 + s, |i, j| ((i * (7 + s) + j * j * 5 + i * j) % 23) as f64);
        assert_close("rv", value("rv", &of(0), &of(3)), value("cka:biased", &of(0), &of(3)), 1e-13);
    }
}

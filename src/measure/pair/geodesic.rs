//! Geodesic distance of Gram matrices in the space of positive definite matrices, whatever invertible map is done to both.

use super::{NAME, ORTHOGONAL, SHAPES};
use crate::error::{Error, Result};
use crate::measure::declaration::{Entry, Extents, Held, Host, number};
use crate::measure::numerics::algebra::{centre, cholesky, product, singular_values};
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::unit;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, MatRef, Par, Scale};

/// Affine-invariant distance of regularised Gram matrices.
pub(super) const GEODESIC: Entry = Entry {
    formula: "sqrt(Σ ln² λ_i(K⁻¹ L)), K = (1 - s) n X Xᵀ / |X|² + s I, L the same of Y",
    metric: true,
    invariances: ORTHOGONAL,
    cost: "min(n, 2p)³ + n p²",
    held: |_, e| {
        let Extents { n, p, q, .. } = e;
        let side = n.min(p + q) as f64;
        Held::of_pair(e, 2.0 * (n * (p + q)) as f64 + 6.0 * side * side)
    },
    source: "Pennec et al. 2006; of representations: Shahbazi et al. 2021",
    parameters: &[number(
        "shrinkage",
        0.1,
        [1e-6, 1.0],
        "part of the identity in each matrix, which has mean eigenvalue 1: without any, distances are infinite",
    )],
    make: |g| {
        let shrinkage = g.number("shrinkage");
        let prepare = move |x: MatRef<'_, f64>| {
            check(x, NAME, 2)?;
            let scale = ((1.0 - shrinkage) * x.nrows() as f64).sqrt();
            Ok(unit(centre(x), NAME)?.matrix * Scale(scale))
        };
        Ok(Host::new(prepare, move |a: &Mat<f64>, b: &Mat<f64>| distance(a, b, shrinkage)).into())
    },
    ..Entry::distance("geodesic", "affine-invariant distance of regularised Gram matrices", SHAPES)
};

/// The distance of `a aᵀ + s I` and `b bᵀ + s I`. Where both are `s I` is no distance, so that what the columns of the two span
/// is enough.
fn distance(a: &Mat<f64>, b: &Mat<f64>, shrinkage: f64) -> Result<f64> {
    let (n, p, q) = (a.nrows(), a.ncols(), b.ncols());
    let roots = if p + q < n {
        let both = Mat::from_fn(n, p + q, |i, j| if j < p { a[(i, j)] } else { b[(i, j - p)] });
        let r = both.qr().thin_R().to_owned();
        [root(r.subcols(0, p), shrinkage)?, root(r.subcols(p, q), shrinkage)?]
    } else {
        [root(a.as_ref(), shrinkage)?, root(b.as_ref(), shrinkage)?]
    };
    let [c, mut d] = roots;
    // The eigenvalues are the squares of the singular values of C⁻¹ D.
    solve_lower_triangular_in_place(c.as_ref(), d.as_mut(), Par::Seq);
    Ok(singular_values(d.as_ref())?.iter().map(|s| (2.0 * s.ln()).powi(2)).sum::<f64>().sqrt())
}

/// The lower Cholesky factor of `a aᵀ + s I`.
fn root(a: MatRef<'_, f64>, shrinkage: f64) -> Result<Mat<f64>> {
    let mut gram = product(a, a.transpose());
    for i in 0..gram.nrows() {
        gram[(i, i)] += shrinkage;
    }
    cholesky(gram.as_ref()).ok_or_else(|| {
        Error::Numerics(format!(
            "a shrinkage of {shrinkage} leaves the Gram matrix singular to rounding; take a larger one"
        ))
    })
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::{assert_close, value};
    use faer::{Mat, mat};

    #[test]
    fn one_unit_each_by_hand() {
        // Orthogonal units: eigenvalues (.9 · 4 + .1) / .1 and its inverse, and ones.
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        assert_close("orthogonal", value("geodesic", &x, &y), 2.0_f64.sqrt() * 37.0_f64.ln(), 1e-14);
        assert_close("no shape left", value("geodesic:shrinkage=1", &x, &y), 0.0, 1e-15);
    }

    #[test]
    fn what_both_do_not_span_changes_nothing() {
        // The same Gram matrix by few columns and by many: through what they span, and through all examples.
        let few = |s: usize| Mat::from_fn(12, 3, |i, j| ((i * (5 + s) + j * 7 + i * i) % 17) as f64);
        let many = |x: &Mat<f64>| Mat::from_fn(12, 9, |i, j| x[(i, j % 3)]);
        let (x, y) = (few(0), few(4));
        assert_close("many", value("geodesic", &many(&x), &many(&y)), value("geodesic", &x, &y), 1e-12);
    }
}

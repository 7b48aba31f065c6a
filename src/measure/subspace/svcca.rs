//! SVCCA: canonical correlations of the leading principal components only, so that directions of little variance, which
//! are mostly noise, do not count.

use crate::error::Result;
use crate::measure::subspace::canonical::{CanonicalCorrelations, factors};
use crate::measure::subspace::prepare::{ThinSvd, check, column_space, fail, first, product, singular_values};
use faer::{Mat, MatRef};

/// Which principal components are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    /// The fewest components that together hold more than this fraction of the variance, in (0, 1). Raghu et al. 2017
    /// use 0.99; the rule is scikit-learn's `PCA(n_components=fraction)`.
    Variance(f64),
    /// This many components of each representation.
    Dimensions(usize),
}

/// SVCCA with what was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Svcca {
    /// The canonical correlations of the kept components; their ranks are the numbers of components kept. `mean()` is
    /// SVCCA, `mean_squared()` its R² form.
    pub canonical: CanonicalCorrelations,
    /// Fraction of the variance of x in the kept components.
    pub variance_x: f64,
    /// Fraction of the variance of y in the kept components.
    pub variance_y: f64,
}

/// SVCCA of `x` (n × p) and `y` (n × q), centred: rows are the same examples, columns are units (Raghu et al. 2017).
///
/// # Errors
/// When the variance is not in (0, 1), the dimensions are 0 or above the rank of a representation, or the input is
/// refused as by [`crate::measure::subspace::canonical::cca`].
pub fn svcca(x: MatRef<'_, f64>, y: MatRef<'_, f64>, keep: Keep) -> Result<Svcca> {
    let (x_factor, y_factor) = factors(x, y)?;
    let (a, variance_x) = cut(&x_factor, keep, "x")?;
    let (b, variance_y) = cut(&y_factor, keep, "y")?;
    let correlations = singular_values(product(a.u.transpose(), b.u.as_ref()).as_ref())?;
    let canonical = CanonicalCorrelations::new(correlations, (a.s.len(), b.s.len()), x.nrows() - 1);
    Ok(Svcca { canonical, variance_x, variance_y })
}

/// An orthonormal basis of the columns of `x` as they are, which is what the package repsim takes components of: "99 % of the
/// variance" is then of data that have the same variance in every direction.
pub(crate) fn whitened(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    check(x, "the representation")?;
    Ok(column_space(x, false, None, "the representation")?.u)
}

/// The kept components and the fraction of variance in them.
pub(crate) fn cut(svd: &ThinSvd, keep: Keep, name: &str) -> Result<(ThinSvd, f64)> {
    let total: f64 = svd.s.iter().map(|s| s * s).sum();
    let cumulative: Vec<f64> = svd
        .s
        .iter()
        .scan(0.0, |sum, s| {
            *sum += s * s;
            Some(*sum / total)
        })
        .collect();
    let k = match keep {
        Keep::Variance(fraction) if !(fraction > 0.0 && fraction < 1.0) => {
            return fail(format!(
                "the kept variance must lie between 0 and 1, it is {fraction}; the usual one is 0.99"
            ));
        }
        Keep::Variance(fraction) => (cumulative.partition_point(|c| *c <= fraction) + 1).min(svd.s.len()),
        Keep::Dimensions(k) if k == 0 || k > svd.s.len() => {
            return fail(format!(
                "SVCCA cannot keep {k} dimensions of {name}, whose rank is {}; ask for 1 to {0}",
                svd.s.len()
            ));
        }
        Keep::Dimensions(k) => k,
    };
    Ok((first(svd, k), cumulative.get(k - 1).copied().unwrap_or(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{Mat, mat};

    #[test]
    fn weak_directions_are_cut() {
        // The strong unit is shared, the weak ones are unrelated.
        let x = mat![[9.0, 0.1], [9.0, -0.1], [-9.0, 0.1], [-9.0, -0.1]];
        let y = Mat::from_fn(4, 2, |i, j| if j == 0 { x[(i, 0)] } else { [0.1, -0.1, -0.1, 0.1][i] });
        let by_variance = svcca(x.as_ref(), y.as_ref(), Keep::Variance(0.99)).unwrap();
        assert_eq!((by_variance.canonical.rank_x, by_variance.canonical.rank_y), (1, 1));
        assert!((by_variance.canonical.mean() - 1.0).abs() < 1e-15 && by_variance.variance_x > 0.99);
        let both = svcca(x.as_ref(), y.as_ref(), Keep::Dimensions(2)).unwrap();
        assert!((both.canonical.mean() - 0.5).abs() < 1e-15 && (both.variance_y - 1.0).abs() < 1e-15);
    }
}

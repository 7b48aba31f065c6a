//! Canonical correlations: what two representations share once every invertible linear map is allowed. They compare
//! column spaces, so the ranks decide, and are reported; they are decided with every unit at length one, so that the sizes of
//! units play no part.
//!
//! With few examples the spaces must overlap: `rank_x + rank_y - (n - 1)` correlations are then exactly 1 whatever the
//! data. The result says how many.

use crate::error::Result;
use crate::measure::subspace::prepare::{basis, check_pair, column_space, product, singular_values, unit_pair};
use faer::{Mat, MatRef};

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
    pub(crate) fn new(correlations: Vec<f64>, ranks: (usize, usize), dimension: usize) -> Self {
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

    /// One sentence when some correlations are 1 for want of examples.
    pub fn warning(&self) -> Option<String> {
        (self.forced_ones > 0).then(|| {
            format!(
                "{} of {} canonical correlations are exactly 1 because the ranks {} and {} do not fit beside each other \
                 into that few examples; use more examples, or fewer dimensions (SVCCA)",
                self.forced_ones,
                self.correlations.len(),
                self.rank_x,
                self.rank_y
            )
        })
    }
}

/// How canonical correlations treat the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CcaOptions {
    /// Whether columns are centred. Canonical correlations are defined on centred data; the notebook published with
    /// Kornblith et al. 2019 does not centre, so its printed value needs `false`.
    pub centre: bool,
    /// Singular values, of units at length one each, up to this fraction of the largest count as zero. `None` is `max(n, p)` times the f64 epsilon;
    /// for activations computed in f32 about `max(n, p) * 1.2e-7` separates rounding from signal.
    pub rank_tolerance: Option<f64>,
}

impl Default for CcaOptions {
    fn default() -> Self {
        Self { centre: true, rank_tolerance: None }
    }
}

/// Canonical correlations of `x` (n × p) and `y` (n × q), centred, default rank tolerance: rows are the same examples,
/// columns are units.
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is constant.
pub fn cca(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<CanonicalCorrelations> {
    cca_with(x, y, CcaOptions::default())
}

/// [`cca`] with options.
///
/// # Errors
/// As [`cca`]; also for a rank tolerance outside [0, 1).
pub fn cca_with(x: MatRef<'_, f64>, y: MatRef<'_, f64>, options: CcaOptions) -> Result<CanonicalCorrelations> {
    let (u, v) = bases(x, y, options)?;
    let correlations = singular_values(product(u.transpose(), v.as_ref()).as_ref())?;
    Ok(CanonicalCorrelations::new(correlations, (u.ncols(), v.ncols()), x.nrows() - usize::from(options.centre)))
}

/// Orthonormal bases of both column spaces.
fn bases(x: MatRef<'_, f64>, y: MatRef<'_, f64>, options: CcaOptions) -> Result<(Mat<f64>, Mat<f64>)> {
    check_pair(x, y)?;
    let side = |a: MatRef<'_, f64>, name: &str| Ok(column_space(a, options.centre, options.rank_tolerance, name)?.u);
    Ok((side(x, "x")?, side(y, "y")?))
}

/// Principal angles between the centred column spaces, in [0, π/2] radians, smallest first, `min(rank_x, rank_y)` of
/// them. Small angles come from sines, so they are exact where `arccos` of a correlation is not (Björck & Golub 1973).
///
/// # Errors
/// As [`cca`].
pub fn principal_angles(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let (u, v) = bases(x, y, CcaOptions::default())?;
    let (wide, narrow) = if u.ncols() >= v.ncols() { (u, v) } else { (v, u) };
    let cross = product(wide.transpose(), narrow.as_ref());
    let cosines = singular_values(cross.as_ref())?;
    let outside = &narrow - product(wide.as_ref(), cross.as_ref());
    let sines = singular_values(outside.as_ref())?;
    // Cosines fall, sines rise with the angle; both lists start with their largest.
    Ok(cosines.iter().zip(sines.iter().rev()).map(|(c, s)| s.atan2(*c)).collect())
}

/// Overlap of the left singular subspaces of two uncentred representations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EigenspaceOverlap {
    /// `‖UᵀV‖² / max(p, q)`, in [0, 1], with bases of the numerical rank.
    pub overlap: f64,
    /// `‖UᵀV‖² / max(rank_x, rank_y)`, in [0, 1]; 1 for equal spaces also when units are silent or redundant.
    pub overlap_by_rank: f64,
    /// Numerical rank of x.
    pub rank_x: usize,
    /// Numerical rank of y.
    pub rank_y: usize,
}

/// Eigenspace overlap score of `x` (n × p) and `y` (n × q) (May et al. 2019). Not centred.
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is all zero.
pub fn eigenspace_overlap(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<EigenspaceOverlap> {
    let shared = cca_with(x, y, CcaOptions { centre: false, rank_tolerance: None })?;
    let sum = shared.pillai();
    Ok(EigenspaceOverlap {
        overlap: sum / x.ncols().max(y.ncols()) as f64,
        overlap_by_rank: sum / shared.rank_x.max(shared.rank_y) as f64,
        rank_x: shared.rank_x,
        rank_y: shared.rank_y,
    })
}

/// Orthonormal factorisations of both centred representations.
pub(crate) fn factors(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
) -> Result<(crate::measure::subspace::prepare::ThinSvd, crate::measure::subspace::prepare::ThinSvd)> {
    let (x, y) = unit_pair(x, y)?;
    Ok((basis(x.matrix.as_ref(), None)?, basis(y.matrix.as_ref(), None)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn two_planes_by_hand() {
        // Orthonormal contrasts of 4 examples; y keeps the first and turns the second by 30 degrees into the third.
        let (c, s) = (0.75f64.sqrt(), 0.5);
        let x = mat![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let third = [1.0, -1.0, -1.0, 1.0];
        let y = Mat::from_fn(4, 2, |i, j| if j == 0 { 5.0 * x[(i, 0)] } else { c * x[(i, 1)] + s * third[i] });
        let r = cca(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!((r.rank_x, r.rank_y, r.forced_ones), (2, 2, 1));
        assert!((r.mean() - (1.0 + c) / 2.0).abs() < 1e-15 && (r.mean_squared() - 0.875).abs() < 1e-15);
        assert!((r.pillai() - 1.75).abs() < 1e-15 && (r.yanai_gcd() - 0.875).abs() < 1e-15);
        assert!(r.warning().is_some());
        let angles = principal_angles(x.as_ref(), y.as_ref()).unwrap();
        assert!(angles[0] < 1e-15 && (angles[1] - std::f64::consts::FRAC_PI_6).abs() < 1e-15, "{angles:?}");
    }

    #[test]
    fn overlap_counts_units_or_ranks() {
        let x = mat![[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]];
        let y = mat![[3.0], [3.0], [0.0]];
        let o = eigenspace_overlap(x.as_ref(), y.as_ref()).unwrap();
        assert!((o.overlap - 0.5).abs() < 1e-15 && (o.overlap_by_rank - 1.0).abs() < 1e-15);
        assert_eq!((o.rank_x, o.rank_y), (1, 1));
    }
}

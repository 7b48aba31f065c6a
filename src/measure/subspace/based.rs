//! Representations as the Procrustes and canonical families compare them: what is the same for all pairs that a
//! representation is in is done once.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::subspace::canonical::CanonicalCorrelations;
use crate::measure::subspace::prepare::{
    Unit, basis as orthonormal, centre, check, column_space, product, scale_columns, singular_values, unit,
};
use crate::measure::subspace::shape::{Procrustes, compress, unit_distance};
use crate::measure::subspace::shape_metric::whitened;
use crate::measure::subspace::svcca::{Keep, cut};

/// What a representation becomes before it is multiplied with others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// Centred, at unit norm.
    Unit,
    /// Partially whitened with this alpha, at unit norm.
    Whitened(f64),
    /// An orthonormal basis of its column space.
    Orthonormal,
    /// Of the principal components that hold more than this part of the variance.
    Components(f64),
}

/// A representation in such a form.
pub struct Based {
    /// n x r.
    pub matrix: Mat<f64>,
    /// The norm of the centred representation.
    pub norm: f64,
}

impl Based {
    /// Brings `x` (n x p) into the form.
    ///
    /// # Errors
    /// Fewer than 2 examples, values that are not finite, or a constant representation.
    pub fn of(x: MatRef<'_, f64>, basis: Basis) -> Result<Self> {
        let name = "the representation";
        check(x, name)?;
        let Unit { matrix, norm } = unit(centre(x), name)?;
        let matrix = match basis {
            Basis::Unit => compress(matrix.as_ref())?,
            Basis::Whitened(alpha) => whitened(matrix.as_ref(), norm, alpha)?,
            Basis::Orthonormal => column_space(x, true, None, name)?.u,
            Basis::Components(part) => cut(&orthonormal(matrix.as_ref(), None)?, Keep::Variance(part), name)?.0.u,
        };
        Ok(Self { matrix, norm })
    }

    /// The Procrustes family, for forms at unit norm, of representations of these times their sizes.
    ///
    /// # Errors
    /// If a singular value decomposition does not converge.
    pub fn procrustes(&self, other: &Self, sizes: [f64; 2]) -> Result<Procrustes> {
        let distance = unit_distance(self.matrix.as_ref(), other.matrix.as_ref())?;
        Ok(Procrustes::from_unit(distance, self.norm * sizes[0], other.norm * sizes[1]))
    }

    /// Canonical correlations, for orthonormal forms.
    ///
    /// # Errors
    /// If a singular value decomposition does not converge.
    pub fn canonical(&self, other: &Self) -> Result<CanonicalCorrelations> {
        let cross = product(self.matrix.transpose(), other.matrix.as_ref());
        let ranks = (self.matrix.ncols(), other.matrix.ncols());
        Ok(CanonicalCorrelations::new(singular_values(cross.as_ref())?, ranks, self.matrix.nrows() - 1))
    }
}

/// Columns of `u` by their weights, at unit norm.
pub(crate) fn weighted(u: MatRef<'_, f64>, weights: &[f64]) -> Result<Mat<f64>> {
    Ok(unit(scale_columns(u, weights), "the whitened representation")?.matrix)
}

//! How representations are given to a device: what single precision would lose is taken off beforehand.

use faer::{ColRef, Mat, MatRef};

use crate::measure::embedding::{Bandwidth, Between, Embedding};
use crate::measure::numerics::algebra::middle;

/// What is done to a representation in f64 before it is rounded to the device's f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::measure) enum Intake {
    /// Units of mean zero, the largest value near one: offsets and scales that no measure sees cost no digits.
    Standard,
    /// Units of median zero, the largest value near one: for distances. A few examples far from all others cost the rest no
    /// digits, as a mean that they move would.
    Middle,
    /// Units of mean zero, at their own scale: for kernels of a fixed width.
    Own,
    /// Examples at unit length.
    Directions,
    /// Examples of mean zero, at unit length.
    Profiles,
    /// As it is.
    Raw,
}

impl Intake {
    pub(in crate::measure) fn of(between: Between) -> Self {
        match between {
            Between::Gaussian(Bandwidth::Fixed(_) | Bandwidth::Relative(_))
            | Between::Laplace(Bandwidth::Fixed(_) | Bandwidth::Relative(_)) => Self::Own,
            Between::Cosine => Self::Directions,
            Between::Correlation => Self::Profiles,
            Between::Poisson(..) => Self::Raw,
            Between::Linear => Self::Standard,
            _ => Self::Middle,
        }
    }

    /// What is left for the device to do.
    pub(in crate::measure) fn rest(self, embedding: Embedding) -> Embedding {
        match self {
            // Already standardised, and padding must not be taken for units.
            Self::Profiles => Embedding { between: Between::Cosine, ..embedding },
            _ => embedding,
        }
    }

    /// The representation, and what it was multiplied by.
    pub(in crate::measure) fn apply(self, x: MatRef<'_, f64>) -> (Mat<f64>, f64) {
        let (n, p) = (x.nrows(), x.ncols());
        match self {
            Self::Raw => (x.to_owned(), 1.0),
            Self::Standard | Self::Middle | Self::Own => {
                // Whole numbers stay as they are: equal distances stay equal.
                let whole = x.col_iter().all(|c| c.iter().all(|v| v.fract() == 0.0 && v.abs() < 4096.0));
                let origin = |c: ColRef<'_, f64>| match self {
                    _ if whole => 0.0,
                    Self::Middle => middle(c.iter().copied().collect()),
                    _ => c.iter().sum::<f64>() / n as f64,
                };
                let means: Vec<f64> = x.col_iter().map(origin).collect();
                let mut centred = x.to_owned();
                for (column, mean) in centred.col_iter_mut().zip(&means) {
                    column.iter_mut().for_each(|v| *v -= mean);
                }
                let largest = centred.col_iter().flat_map(|c| c.iter()).fold(0.0f64, |m, v| m.max(v.abs()));
                if self == Self::Own || largest == 0.0 {
                    return (centred, 1.0);
                }
                let scale = (-largest.log2().ceil()).exp2();
                centred.col_iter_mut().for_each(|column| column.iter_mut().for_each(|v| *v *= scale));
                (centred, scale)
            }
            Self::Directions | Self::Profiles => {
                let mean = |i: usize| match self {
                    Self::Profiles => (0..p).map(|j| x[(i, j)]).sum::<f64>() / p as f64,
                    _ => 0.0,
                };
                let means: Vec<f64> = (0..n).map(mean).collect();
                let norm = |i: usize| (0..p).map(|j| (x[(i, j)] - means[i]).powi(2)).sum::<f64>().sqrt();
                let norms: Vec<f64> = (0..n).map(norm).collect();
                (Mat::from_fn(n, p, |i, j| (x[(i, j)] - means[i]) / norms[i]), 1.0)
            }
        }
    }
}

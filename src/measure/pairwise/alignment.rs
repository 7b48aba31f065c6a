//! Alignment of two kernels as they are or centred, and alignment of a representation with class labels.

use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::pairwise::algebra::{geometric_mean, inner, largest, power_of_two_scale};
use crate::measure::pairwise::gram::{Kernel, gram};
use crate::measure::pairwise::input::{check, check_symmetric, finite, refuse};
use crate::measure::pairwise::kernel::cka_of_grams;
use faer::{Mat, MatRef};

/// Whether the Gram matrices are centred before they are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centring {
    /// ⟨HKH, HLH⟩ / (‖HKH‖ ‖HLH‖) (Cortes et al. 2012). Equals biased CKA.
    Centred,
    /// ⟨K, L⟩ / (‖K‖ ‖L‖) (Cristianini et al. 2001). Depends on the origin of the representation.
    Uncentred,
}

/// Alignment of two Gram matrices (n x n, symmetric). In [0, 1] for positive semidefinite matrices. The kernel
/// alignment of neural tangent kernels is this with K = J Jᵀ of the caller's choice of outputs.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for matrices that are not square, symmetric, finite and of the same
/// size, and for one that is zero (after centring, where asked for).
pub fn kernel_alignment(k: MatRef<'_, f64>, l: MatRef<'_, f64>, centring: Centring) -> Result<f64> {
    if centring == Centring::Centred {
        return cka_of_grams(k, l, Estimator::Biased);
    }
    check_symmetric(k, "the first Gram matrix", 1)?;
    check_symmetric(l, "the second Gram matrix", 1)?;
    if k.nrows() != l.nrows() {
        return refuse(format!(
            "expected Gram matrices of the same examples, got {} and {} rows; pass matching examples",
            k.nrows(),
            l.nrows()
        ));
    }
    let scaled = |k: MatRef<'_, f64>| k * faer::Scale(power_of_two_scale(largest(k)));
    let (k, l) = (scaled(k), scaled(l));
    let (kk, ll) = (inner(&k, &k), inner(&l, &l));
    if !(kk > 0.0 && ll > 0.0) {
        return refuse(
            "expected Gram matrices that are not zero, got a zero one, which has no alignment; leave it out",
        );
    }
    finite(inner(&k, &l) / geometric_mean(kk, ll), "the kernel alignment")
}

/// Kernel-target alignment: [`kernel_alignment`] of the Gram matrix of `x` (n x p) with that of the one-hot labels,
/// which is one where two examples share their class and zero elsewhere. In [0, 1].
///
/// The largest value that balanced classes allow is one when centred; uncentred, a representation whose classes are
/// orthogonal points reaches one.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for labels of the wrong length, non-finite values, fewer than two
/// classes or a constant representation when centred, an all-zero representation when not.
pub fn kernel_target_alignment(
    x: MatRef<'_, f64>,
    labels: &[usize],
    kernel: Kernel,
    centring: Centring,
) -> Result<f64> {
    check(x, "the representation", 2)?;
    if labels.len() != x.nrows() {
        return refuse(format!(
            "expected one label for each of {} examples, got {} labels; pass matching labels",
            x.nrows(),
            labels.len()
        ));
    }
    if centring == Centring::Centred && labels.iter().all(|l| Some(l) == labels.first()) {
        return refuse("expected at least two classes, got one, with which nothing aligns; pass more classes");
    }
    let k = match (kernel, centring) {
        (Kernel::Linear, Centring::Centred) => crate::measure::pairwise::gram::gram_to_centre(x, kernel)?,
        _ => gram(x, kernel)?,
    };
    let l = Mat::from_fn(labels.len(), labels.len(), |i, j| f64::from(u8::from(labels[i] == labels[j])));
    if centring == Centring::Centred && largest(k.as_ref()) <= constant_level(x) {
        return refuse("expected a representation that varies over the examples, got a constant one; leave it out");
    }
    kernel_alignment(k.as_ref(), l.as_ref(), centring)
}

/// The size of what is left of the linear Gram matrix when a constant representation is centred.
fn constant_level(x: MatRef<'_, f64>) -> f64 {
    let noise = 32.0 * f64::EPSILON * largest(x);
    noise * noise
}

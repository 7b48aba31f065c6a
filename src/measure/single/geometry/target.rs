//! Kernel-target alignment: how much a representation's similarities are those of the classes.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::single::input::{Classes, centred, centred_varying, check, fail, finite};

/// Centred alignment (Cortes, Mohri & Rostamizadeh 2012): linear CKA of the representation and the one-hot labels. From 0
/// to 1.
///
/// `x`: examples × units; `labels`: one class an example.
///
/// # Errors
/// Labels of another length, fewer than two classes, a representation that does not vary, or values that are not finite.
pub fn target_alignment_centred(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    let targets = centred(one_hot(&classes).as_ref());
    alignment(centred_varying(x, "the representation")?, targets)
}

/// Uncentred alignment (Cristianini et al. 2001): `⟨K, L⟩ / (‖K‖ ‖L‖)` with `K = XXᵀ` and `L` one where the classes are
/// equal. From 0 to 1. Depends on where the origin lies.
///
/// # Errors
/// Labels of another length, no examples, a representation of zeros, or values that are not finite.
pub fn target_alignment_uncentred(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    check(x, "the representation", 1)?;
    let classes = Classes::of(labels, x.nrows(), 1)?;
    alignment(x.to_owned(), one_hot(&classes))
}

fn one_hot(classes: &Classes) -> Mat<f64> {
    Mat::from_fn(classes.of.len(), classes.number(), |i, c| f64::from(u8::from(classes.of[i] == c)))
}

fn alignment(mut x: Mat<f64>, targets: Mat<f64>) -> Result<f64> {
    let largest = x.norm_max();
    if largest == 0.0 {
        return fail("the representation is zero everywhere: its alignment is not determined");
    }
    x.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v /= largest));
    // The smaller of the two products has the same norm.
    let own = if x.nrows() < x.ncols() { &x * x.transpose() } else { x.transpose() * &x };
    let shared = x.transpose() * &targets;
    let labels = targets.transpose() * &targets;
    finite(shared.squared_norm_l2() / own.norm_l2() / labels.norm_l2(), "the alignment")
}

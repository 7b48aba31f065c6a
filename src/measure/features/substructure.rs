//! What a representation keeps of the inputs of a feature of four bits `W, X, Y, Z` beside the feature: its intermediate
//! results, their number, the whole pattern, and bits that have nothing to do with it.

use faer::{Mat, MatRef};

use super::Sets;
use super::variance::{Explained, explained_by_class, explained_by_columns};
use crate::error::Result;
use crate::measure::statistic::input::{fail, same_rows};

/// Bits that the feature is of.
pub(super) const RELEVANT: usize = 4;

/// A function of the bits and its name.
type Function = (&'static str, fn([usize; RELEVANT]) -> usize);

/// Functions of the bits that have two values.
pub(super) const TWO_VALUED: [Function; 7] = [
    ("xor_left", |[w, x, _, _]| w ^ x),
    ("xor_right", |[_, _, y, z]| y ^ z),
    ("parity", |[w, x, y, z]| w ^ x ^ y ^ z),
    ("bit_0", |[w, _, _, _]| w),
    ("bit_1", |[_, x, _, _]| x),
    ("bit_2", |[_, _, y, _]| y),
    ("bit_3", |[_, _, _, z]| z),
];

/// A function of the inputs, and what it explains.
#[derive(Debug)]
pub struct ExplainedFunction {
    /// Its name.
    pub name: String,
    /// What it explains, or why that is not determined (it has one value, or one that a set lacks).
    pub explained: Result<Explained>,
}

/// Variance explained by functions of a block of input bits, in this order: `xor_left` = W⊕X, `xor_right` = Y⊕Z, `parity` of the
/// four, `patterns` (one-hot of the sixteen), `sum` (one-hot of 0 to 4), `bit_0` .. `bit_3`, `bits` (the four, in one regression),
/// and `distractors` (all bits beyond the fourth, in one regression) if there are any.
///
/// `x`: examples × units; `bits`: examples × bits, zeros and ones, the four relevant ones first.
///
/// # Errors
/// Fewer than four bits, values other than 0 and 1, different numbers of examples, units or bits. What single functions do not
/// determine is an error of theirs.
pub fn substructure(x: Sets<MatRef<'_, f64>>, bits: Sets<MatRef<'_, f64>>) -> Result<Vec<ExplainedFunction>> {
    x.check("the representation")?;
    bits.check("the block of bits")?;
    same_rows(bits.fit.nrows(), x.fit.nrows(), "bits and representation of the fit set")?;
    same_rows(bits.test.nrows(), x.test.nrows(), "bits and representation of the test set")?;
    let count = bits.fit.ncols();
    if count < RELEVANT {
        return fail(format!("the sub-structure is of a feature of {RELEVANT} bits, but {count} are given"));
    }
    for v in [bits.fit, bits.test].iter().flat_map(|b| b.col_iter()).flat_map(|c| c.iter()) {
        if *v != 0.0 && *v != 1.0 {
            return fail(format!("bits must be 0 or 1, but one is {v}"));
        }
    }
    let by = |name: &str, of: &dyn Fn([usize; RELEVANT]) -> usize| {
        let values = |b: MatRef<'_, f64>| -> Vec<usize> {
            (0..b.nrows()).map(|i| of(std::array::from_fn(|j| b[(i, j)] as usize))).collect()
        };
        let (fit, test) = (values(bits.fit), values(bits.test));
        ExplainedFunction { name: name.to_owned(), explained: explained_by_class(x, Sets { fit: &fit, test: &test }) }
    };
    let (compound, single) = TWO_VALUED.split_at(TWO_VALUED.len() - RELEVANT);
    let mut parts: Vec<ExplainedFunction> = compound.iter().map(|(name, of)| by(name, of)).collect();
    parts.push(by("patterns", &|[w, x, y, z]| 8 * w + 4 * x + 2 * y + z));
    parts.push(by("sum", &|bits| bits.iter().sum()));
    parts.extend(single.iter().map(|(name, of)| by(name, of)));
    let mut together = |name: &str, first: usize, number: usize| {
        let columns = |b: MatRef<'_, f64>| -> Mat<f64> { b.subcols(first, number).to_owned() };
        let (fit, test) = (columns(bits.fit), columns(bits.test));
        let explained = explained_by_columns(x, Sets { fit: fit.as_ref(), test: test.as_ref() });
        parts.push(ExplainedFunction { name: name.to_owned(), explained });
    };
    together("bits", 0, RELEVANT);
    if count > RELEVANT {
        together("distractors", RELEVANT, count - RELEVANT);
    }
    Ok(parts)
}

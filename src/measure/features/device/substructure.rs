//! What representations keep of the inputs of a feature of four bits, as nodes ([`substructure`](super::super::substructure) has
//! the definitions).

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::features::device::variance::{Centred, ExplainedNodes, Inputs, explained, explained_by_classes};
use crate::measure::features::substructure::{RELEVANT, TWO_VALUED};

/// Steps of the inverse of the regressors' products: quadratic in the end, so that these do for condition numbers of thousands.
const STEPS: usize = 24;

/// Bits of a feature on both sets, examples × bits, zeros and ones, the four relevant ones first.
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    /// Of the fit set.
    pub fit: Tensor,
    /// Of the test set.
    pub test: Tensor,
}

/// The same functions of the bits for all layers.
#[derive(Clone, Debug)]
pub struct Parts {
    two_valued: Bits,
    patterns: Bits,
    sums: Bits,
    /// Regressors with more than one column: their name, columns less their means on the fit set, and the inverse of the fit
    /// set's products.
    columns: Vec<(&'static str, Bits, Tensor)>,
}

/// What a function of the bits explains: share of the total variance and mean R² over units, `[1, 1]`.
#[derive(Clone, Debug)]
pub struct PartNodes {
    /// Its name, that of [`substructure`](super::super::substructure::substructure).
    pub name: String,
    /// Share of the total variance.
    pub variance: Tensor,
    /// Mean R² over the units that vary.
    pub uniform: Tensor,
}

impl Parts {
    /// The functions of the bits that follow from column `first` of the inputs on, `width` of them.
    ///
    /// # Errors
    /// If there are fewer than four bits, or columns that are not there.
    pub fn of_inputs(g: &mut Graph, inputs: Bits, first: usize, width: usize) -> Result<Self> {
        let [_, all] = g.matrix(inputs.fit)?;
        if width < RELEVANT || first + width > all {
            return Err(Error::Shape(format!(
                "the sub-structure is of {RELEVANT} bits and more, of {all} inputs: got {width} from {first} on"
            )));
        }
        let mut picked = |from: usize, count: usize, value: &dyn Fn(usize) -> f32| -> Result<Bits> {
            let columns =
                (0..all * count).map(|i| if i / count == first + from + i % count { value(i % count) } else { 0.0 });
            let columns = g.data(columns.collect(), &[all, count])?;
            Ok(Bits { fit: g.matmul(inputs.fit, columns)?, test: g.matmul(inputs.test, columns)? })
        };
        let bits = picked(0, RELEVANT, &|_| 1.0)?;
        let rest = if width > RELEVANT { Some(picked(RELEVANT, width - RELEVANT, &|_| 1.0)?) } else { None };
        let number =
            (0..all).map(|i| if (first..first + RELEVANT).contains(&i) { f32::from(8u8 >> (i - first)) } else { 0.0 });
        let number = g.data(number.collect(), &[all, 1])?;
        let codes = g.data((0..16).map(|c| c as f32).collect(), &[1, 16])?;
        let bit = |code: usize, j: usize| code >> (RELEVANT - 1 - j) & 1;
        let table = |code: usize| TWO_VALUED.map(|(_, of)| of(std::array::from_fn(|j| bit(code, j))) as f32);
        let two = g.data((0..16).flat_map(table).collect(), &[16, TWO_VALUED.len()])?;
        let sums = (0..16 * 5).map(|i| f32::from(u8::from((i / 5usize).count_ones() as usize == i % 5)));
        let sums = g.data(sums.collect(), &[16, 5])?;
        let mut made = |inputs: Tensor| -> Result<[Tensor; 3]> {
            let code = g.matmul(inputs, number)?;
            let one_hot = g.binary(Binary::Equal, code, codes)?;
            Ok([g.matmul(one_hot, two)?, one_hot, g.matmul(one_hot, sums)?])
        };
        let (fit, test) = (made(inputs.fit)?, made(inputs.test)?);
        let [two_valued, patterns, sums] = [0, 1, 2].map(|i| Bits { fit: fit[i], test: test[i] });
        let mut columns = Vec::new();
        for (name, bits) in [Some(("bits", bits)), rest.map(|rest| ("distractors", rest))].into_iter().flatten() {
            let mean = g.mean(bits.fit, 0)?;
            let centred = Bits { fit: g.minus(bits.fit, mean)?, test: g.minus(bits.test, mean)? };
            let products = g.matmul_of(centred.fit, true, centred.fit, false)?;
            columns.push((name, centred, inverse(g, products)?));
        }
        Ok(Self { two_valued, patterns, sums, columns })
    }

    /// What they explain of a representation. A value that the fit set lacks gives no number, nor do regressors that are linearly
    /// dependent there.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn explained(&self, g: &mut Graph, fit: Tensor, test: Tensor) -> Result<Vec<PartNodes>> {
        let of = |labels: Bits| Inputs { fit, fit_labels: labels.fit, test, test_labels: labels.test };
        let two = explained(g, of(self.two_valued))?;
        let mut all = Vec::new();
        for (i, (name, _)) in TWO_VALUED.iter().enumerate() {
            let (variance, uniform) = (g.rows(two.variance, i, 1)?, g.rows(two.uniform, i, 1)?);
            all.push(PartNodes { name: (*name).to_owned(), variance, uniform });
        }
        for (name, labels) in [("patterns", self.patterns), ("sum", self.sums)] {
            let found = explained_by_classes(g, of(labels))?;
            all.push(PartNodes { name: name.into(), variance: found.variance, uniform: found.uniform });
        }
        for (name, columns, inverse) in &self.columns {
            let found = regression(g, of(*columns), *inverse)?;
            all.push(PartNodes { name: (*name).to_owned(), variance: found.variance, uniform: found.uniform });
        }
        Ok(all)
    }
}

/// The inverse of a positive matrix by the iteration of Newton and Schulz (Schulz 1933), `X ← X (2 - A X)` from the identity over
/// the largest sum of a row; no numbers if it is not one.
fn inverse(g: &mut Graph, a: Tensor) -> Result<Tensor> {
    let [k, _] = g.matrix(a)?;
    let unit = g.data((0..k * k).map(|i| f32::from(u8::from(i / k == i % k))).collect(), &[k, k])?;
    let sizes = g.unary(Unary::Abs, a);
    let sizes = g.sum(sizes, 1)?;
    let across = g.transpose(sizes)?;
    let largest = g.max(across, 1)?;
    let mut x = g.over(unit, largest)?;
    let twice = g.scale(unit, 2.0);
    for _ in 0..STEPS {
        let product = g.matmul(a, x)?;
        let rest = g.minus(twice, product)?;
        x = g.matmul(x, rest)?;
    }
    let product = g.matmul(a, x)?;
    let off = g.minus(product, unit)?;
    let off = g.unary(Unary::Square, off);
    let off = g.sum_all(off)?;
    let most = g.constant(1e-4);
    let (zero, one) = (g.constant(0.0), g.constant(1.0));
    // NaN where it is no inverse: zero over zero.
    let fine = g.binary(Binary::Greater, most, off)?;
    let top = g.select(fine, one, zero)?;
    let sound = g.over(top, top)?;
    g.times(x, sound)
}

/// Variance explained by columns whose mean on the fit set is zero.
fn regression(g: &mut Graph, of: Inputs, inverse: Tensor) -> Result<ExplainedNodes> {
    let centred = Centred::of(g, of)?;
    let mean = g.mean(centred.fit, 0)?;
    let fitted = g.minus(centred.fit, mean)?;
    let products = g.matmul_of(of.fit_labels, true, fitted, false)?;
    let slopes = g.matmul(inverse, products)?;
    let predicted = g.matmul(of.test_labels, slopes)?;
    let rest = g.minus(centred.test, mean)?;
    let rest = g.minus(rest, predicted)?;
    let squares = |g: &mut Graph, x: Tensor| -> Result<Tensor> {
        let squares = g.unary(Unary::Square, x);
        g.sum(squares, 0)
    };
    let (errors, spreads) = (squares(g, rest)?, squares(g, centred.test)?);
    let gains = g.minus(spreads, errors)?;
    let [_, units] = g.matrix(gains)?;
    let gains = g.reshape(gains, &[1, 1, units])?;
    centred.shares(g, gains)
}

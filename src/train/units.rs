//! What is known of single units by the weights that go into them and leave them.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::{fourier, scale};
use crate::nn::Dense;

/// The dense layers on either side of each hidden layer, where there are such: [`Layer::neighbours`](crate::nn::Layer::neighbours).
pub(super) type Sides = [Option<[Dense; 2]>];

/// Those around a hidden layer.
///
/// # Errors
/// If there is more around it than those, and functions of each element.
pub(super) fn around<'s>(sides: &'s Sides, layer: usize, what: &str) -> Result<&'s [Dense; 2]> {
    sides.get(layer).and_then(Option::as_ref).ok_or_else(|| {
        Error::config(format!(
            "{what}: expected a dense layer on either side of hidden layer {layer}, without skip connections"
        ))
    })
}

/// For each unit of a hidden layer, the mean inverse participation ratio of the Fourier spectra of what goes into it from each of
/// the one-hot numbers of the inputs and from it to the classes, `[H, 1]`.
///
/// # Errors
/// If the layer touches neither inputs nor outputs, or these are no numbers below one modulus.
pub(super) fn fourier_ratios(
    g: &mut Graph,
    sides: &Sides,
    modulus: Option<usize>,
    layer: usize,
    what: &str,
) -> Result<Tensor> {
    let [before, after] = around(sides, layer, what)?;
    let ends = sides.iter().flatten();
    let first = ends.clone().next().is_some_and(|[first, _]| first.path == before.path);
    let last = ends.last().is_some_and(|[_, last]| last.path == after.path);
    let Some(modulus) = modulus.filter(|_| first || last) else {
        return Err(Error::config(format!(
            "{what}: expected data.source = \"modular\", and a layer beside its inputs or outputs; hidden layer {layer} is none"
        )));
    };
    let mut weights = Vec::new();
    if first {
        weights.push(before.weight);
    }
    if last {
        weights.push(g.transpose(after.weight)?);
    }
    let rows = g.concat(&weights, 1)?;
    let [units, width] = g.matrix(rows)?;
    let blocks = width / modulus;
    let rows = g.reshape(rows, &[units * blocks, modulus])?;
    let ratios = fourier::participation(g, rows)?;
    let ratios = g.reshape(ratios, &[units, blocks])?;
    g.mean(ratios, 1)
}

/// For each unit of a hidden layer the norm of the weights that go into it times that of those that leave it, in proportion,
/// `[H, 1]`.
///
/// # Errors
/// If there is more around the layer than dense ones.
pub(super) fn weight_norms(g: &mut Graph, sides: &Sides, layer: usize, what: &str) -> Result<Tensor> {
    let [before, after] = around(sides, layer, what)?;
    let leaving = g.transpose(after.weight)?;
    let norms = [before.weight, leaving].map(|weights| -> Result<Tensor> {
        let (near_one, _) = scale::near_one(g, weights)?;
        let squares = g.unary(Unary::Square, near_one);
        let sums = g.sum(squares, 1)?;
        Ok(g.unary(Unary::Sqrt, sums))
    });
    let [into, out] = norms;
    g.times(into?, out?)
}

/// 1 for all but so many of the values `[H, 1]`, the lowest or the highest, as a row `[1, H]`; of equal ones the first are lower,
/// and what is no number is lowest.
///
/// # Errors
/// If the values cannot be sorted.
pub(super) fn all_but(g: &mut Graph, values: Tensor, count: usize, lowest: bool) -> Result<Tensor> {
    let units = g.shape(values).elements();
    // Below all that is a number here: norms, ratios and draws are not negative.
    let none = g.constant(-1.0);
    let finite = g.unary(Unary::IsFinite, values);
    let values = g.select(finite, values, none)?;
    let sorted = g.sort(values)?;
    let order = g.sorted_order(sorted);
    // The order of the order: the place of each.
    let order = g.unary(Unary::ToFloat, order);
    let sorted = g.sort(order)?;
    let place = g.sorted_order(sorted);
    let place = g.unary(Unary::ToFloat, place);
    let place = g.reshape(place, &[1, units])?;
    let border = if lowest { count } else { units - count };
    let border = g.constant(border as f64);
    if lowest { g.binary(Binary::AtLeast, place, border) } else { g.binary(Binary::Greater, border, place) }
}

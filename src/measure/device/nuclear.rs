//! Measures of the singular values of cross-products: representations are factored on the host in f64, pairs on the device.

use std::sync::Arc;

use super::crosses::by_cross_products;
use super::polar::polar;
use super::stack::{Stack, of_pairs};
use super::{Asked, Grid, batches, pairs, placed};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;
use crate::measure::declaration::{Nuclear, NuclearValue};
use crate::measure::numerics::basis::{Based, CLOSE, Procrustes};
use crate::measure::parallel::in_parallel;
use crate::measure::representation::Named;

/// Measures of one basis.
pub(super) fn by_singular_values(
    set: &[Named],
    group: &[Asked<'_, Nuclear>],
    gpu: Option<&Arc<Gpu>>,
) -> Result<Vec<Grid>> {
    if batches::profile(gpu).software {
        let crosses: Vec<_> = group
            .iter()
            .map(|&Asked { number, symmetric, form }| Asked { number, symmetric, form: &form.cross })
            .collect();
        return by_cross_products(set, &crosses, gpu);
    }
    on_device(set, group, gpu)
}

/// What is known of a pair.
struct Shared {
    /// Sum of the singular values of `X'Y`.
    nuclear: f64,
    /// Sum of their squares.
    squares: f64,
    /// `min_Q |X Q - Y|^2` over partial isometries, from the residual itself: exact where the two are close.
    residual: f64,
}

/// The same with singular values found on the device, by products alone.
fn on_device(set: &[Named], group: &[Asked<'_, Nuclear>], gpu: Option<&Arc<Gpu>>) -> Result<Vec<Grid>> {
    let (count, n, pairs) = (set.len(), set[0].values.nrows(), pairs(set.len(), true));
    let based = in_parallel(count, |i| Based::of(set[i].values.as_ref(), group[0].form.basis));
    let based = based.into_iter().collect::<Result<Vec<_>>>()?;
    let width = batches::width(based.iter().map(|b| b.matrix.ncols()));
    let forms = Stack::of(based.iter().map(|b| &b.matrix), width);
    let floats = 4 * n * width + 8 * width * width;
    let found = of_pairs(gpu, [&forms, &forms], &pairs, floats, &shared, &|_, made| {
        let value = |i: usize| f64::from(made[i][0]);
        Shared { nuclear: value(0), squares: value(1), residual: value(2) }
    })?;
    let of = |asked: &Asked<'_, Nuclear>| {
        let value = |(&(a, b), shared)| value_of(&based[a], &based[b], shared, asked.form.value);
        placed(count, &pairs, pairs.iter().zip(&found).map(value), true)
    };
    Ok(group.iter().map(of).collect())
}

/// The values of [`Shared`], of two forms.
fn shared(g: &mut Graph, [x, y]: [Tensor; 2]) -> Result<Vec<Tensor>> {
    let cross = g.matmul_of(x, true, y, false)?;
    let factor = polar(g, cross)?;
    let mut inner = |a: Tensor, b: Tensor| -> Result<Tensor> {
        let product = g.times(a, b)?;
        g.sum_all(product)
    };
    let (nuclear, squares) = (inner(factor, cross)?, inner(cross, cross)?);
    let turned = g.matmul(x, factor)?;
    let back = g.matmul_of(turned, false, factor, true)?;
    let mut norm = |a: Tensor, b: Tensor| -> Result<Tensor> {
        let difference = g.minus(a, b)?;
        let squares = g.unary(Unary::Square, difference);
        g.sum_all(squares)
    };
    let (apart, left) = (norm(turned, y)?, norm(x, back)?);
    Ok(vec![nuclear, squares, g.plus(apart, left)?])
}

/// What the singular values of two make of the measure.
fn value_of(a: &Based, b: &Based, shared: &Shared, value: NuclearValue) -> f64 {
    let least = a.matrix.ncols().min(b.matrix.ncols()) as f64;
    match value {
        NuclearValue::Mean => shared.nuclear / least,
        NuclearValue::MeanSquared => shared.squares / least,
        NuclearValue::Distance(shape) => {
            let squared = if shared.nuclear < CLOSE { 2.0 - 2.0 * shared.nuclear } else { shared.residual };
            Procrustes::from_unit(squared.max(0.0).sqrt(), a.norm, b.norm).get(shape)
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::measure::catalogue::Measure;
    use crate::measure::declaration::Device;
    use crate::measure::device::testing::{executors, pseudo};

    #[test]
    fn singular_values_found_on_the_device_are_those_found_on_the_host() {
        let executors = executors();
        let base = Mat::from_fn(40, 6, |i, j| pseudo(i * 6 + j));
        let near = Mat::from_fn(40, 6, |i, j| base[(i, j)] + 1e-3 * pseudo(1000 + i * 6 + j));
        let wide = Mat::from_fn(40, 9, |i, j| pseudo(2000 + i * 9 + j) + base[(i, j % 6)]);
        let flat = Mat::from_fn(40, 7, |i, j| base[(i, j % 3)] * (j + 1) as f64);
        let set: Vec<Named> = [base, near, wide, flat]
            .into_iter()
            .enumerate()
            .map(|(i, values)| Named { name: i.to_string(), values })
            .collect();
        let names =
            ["procrustes", "procrustes:euclidean", "nbs", "shape:alpha=0.5", "cca", "cca:mean-squared", "svcca"];
        for name in names {
            let measure = Measure::parse(name).unwrap();
            let (host, Some(Device::Nuclear(form))) = (&measure.made.host, &measure.made.device) else {
                panic!("{name}")
            };
            for (place, gpu) in &executors {
                let found = on_device(&set, &[Asked { number: 0, symmetric: true, form }], gpu.as_ref()).unwrap();
                for a in 0..set.len() {
                    for b in 0..set.len() {
                        let prepared = |i: usize| host.prepare(set[i].values.as_ref()).unwrap();
                        let expected = host.compare(&prepared(a), &prepared(b)).unwrap();
                        let got = found[0][a * set.len() + b];
                        // Distances have the size of what is compared.
                        let size = set[a].values.norm_l2().max(set[b].values.norm_l2()).max(1.0);
                        assert!(
                            (got - expected).abs() < 1e-5 * size,
                            "{name} of {a} and {b} on {place}: {got} against {expected}"
                        );
                    }
                }
            }
        }
    }
}

//! Measures of cross-products that are finished on the host: one program for each form of the representations.

use std::sync::Arc;

use faer::Mat;

use super::close::{Close, remainders};
use super::stack::{Stack, of_pairs};
use super::{Asked, Grid, batches, pairs};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::declaration::{Cross, Crossed, Side};
use crate::measure::parallel::in_parallel;
use crate::measure::representation::Named;

/// Close pairs whose remainders are found together.
const CLOSE: usize = 32;

/// Measures of one form of the representations.
pub(super) fn by_cross_products(
    set: &[Named],
    group: &[Asked<'_, Cross>],
    gpu: Option<&Arc<Gpu>>,
) -> Result<Vec<Grid>> {
    let (count, n) = (set.len(), set[0].values.nrows());
    let mut grids = vec![vec![f64::NAN; count * count]; group.len()];
    // A representation that the form is not defined on is left to the CPU, which says why.
    let sides: Vec<Option<Side>> = in_parallel(count, |i| group[0].form.prepare(set[i].values.as_ref()).ok());
    let known: Vec<(usize, &Side)> = sides.iter().enumerate().filter_map(|(i, s)| s.as_ref().map(|s| (i, s))).collect();
    if known.is_empty() {
        return Ok(grids);
    }
    let stack = |form: fn(&Side) -> &Mat<f64>| {
        let forms = known.iter().map(|(_, side)| form(side));
        Stack::of(forms.clone(), batches::width(forms.map(Mat::ncols)))
    };
    let left = stack(|side| &side.left);
    let right = known.iter().any(|(_, s)| s.right.is_some()).then(|| stack(Side::right));
    // Where both forms are one, the product of a pair the other way about is the transpose.
    let one_way = right.is_none() || group.iter().all(|asked| asked.symmetric);
    let (right, pairs) = (right.as_ref().unwrap_or(&left), pairs(known.len(), one_way));
    let floats = n * (left.width + right.width) + left.width * right.width;
    let found = of_pairs(
        gpu,
        [&left, right],
        &pairs,
        floats,
        &|g, [x, y]| Ok(vec![g.matmul_of(x, true, y, false)?]),
        &|number, made| {
            let (a, b) = (known[pairs[number].0].1, known[pairs[number].1].1);
            let value = |i: usize, j: usize| f64::from(made[0][i * right.width + j]);
            let product = Mat::from_fn(a.left.ncols(), b.right().ncols(), value);
            finish(group, [a, b], Crossed { product, single: true }, one_way && pairs[number].0 != pairs[number].1)
        },
    )?;
    let mut close = Vec::new();
    for (&(a, b), (values, near)) in pairs.iter().zip(found) {
        let (i, j) = (known[a].0, known[b].0);
        for (grid, [forth, back]) in grids.iter_mut().zip(values) {
            grid[i * count + j] = forth;
            if one_way {
                grid[j * count + i] = back;
            }
        }
        close.extend(near.map(|cross| (known[a], known[b], cross)));
    }
    for part in close.chunks(CLOSE) {
        let forms = part.iter().map(|((_, a), (_, b), cross)| Close { first: &a.left, second: b.right(), cross });
        // What the device has no memory for is left to the CPU, as it was.
        let found = match remainders(gpu, &forms.collect::<Vec<_>>()) {
            Err(Error::OutOfMemory(_) | Error::Shape(_)) => break,
            found => found?,
        };
        for (((i, a), (j, b), cross), remainder) in part.iter().zip(found) {
            for (asked, grid) in group.iter().zip(&mut grids) {
                if !matches!(asked.form.finish(a, b, cross), Ok(None)) {
                    continue;
                }
                if let Some(value) = asked.form.close(a, b, &remainder)? {
                    grid[i * count + j] = value;
                    if one_way && asked.symmetric {
                        grid[j * count + i] = value;
                    }
                }
            }
        }
    }
    Ok(grids)
}

/// Values of all measures of a group, each way, and the product if one wants the remainder of the pair. What is not defined in
/// single precision is NaN, and left to the CPU.
fn finish(
    group: &[Asked<'_, Cross>],
    [a, b]: [&Side; 2],
    cross: Crossed,
    both: bool,
) -> (Vec<[f64; 2]>, Option<Crossed>) {
    let mut near = false;
    let mut value = |form: &Cross, a: &Side, b: &Side, cross: &Crossed| match form.finish(a, b, cross) {
        Ok(Some(value)) => value,
        Ok(None) => {
            near |= form.closes();
            f64::NAN
        }
        Err(_) => f64::NAN,
    };
    let turned = both.then(|| cross.turned());
    let of = |asked: &Asked<'_, Cross>| {
        let forth = value(asked.form, a, b, &cross);
        let back = match &turned {
            Some(turned) if !asked.symmetric => value(asked.form, b, a, turned),
            _ => forth,
        };
        [forth, back]
    };
    let values = group.iter().map(of).collect();
    (values, near.then_some(cross))
}

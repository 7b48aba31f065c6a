//! Measures of cross-products that are finished on the host: one program for each form of the representations.

use std::sync::Arc;

use faer::Mat;

use super::close::{Close, remainders};
use super::intake::padded;
use super::{Found, Grid};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Cross, Crossed, Device, Side};
use crate::measure::pair_program::{PairProgram, Stack};
use crate::measure::parallel::in_parallel;

/// Compares all pairs by those of the measures that are wanted and of this form.
pub(super) fn by_cross_products(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    let forms: Vec<(usize, &Cross)> = wanted
        .iter()
        .filter_map(|&m| match &measures[m].made.device {
            Some(Device::Cross(form)) => Some((m, form)),
            _ => None,
        })
        .collect();
    compared(set, measures, &forms, gpu)
}

/// Compares all pairs by these functions of cross-products.
pub(super) fn compared(
    set: &[Named],
    measures: &[Measure],
    forms: &[(usize, &Cross)],
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    let mut keys: Vec<&str> = Vec::new();
    for (_, form) in forms {
        if !keys.contains(&form.key.as_str()) {
            keys.push(&form.key);
        }
    }
    let mut tables = Vec::new();
    for key in keys {
        let group: Vec<(usize, &Cross)> = forms.iter().copied().filter(|(_, f)| f.key == key).collect();
        tables.extend(of_key(set, measures, &group, gpu)?);
    }
    Ok(tables)
}

fn of_key(set: &[Named], measures: &[Measure], group: &[(usize, &Cross)], gpu: &Arc<Gpu>) -> Result<Found> {
    let (count, n) = (set.len(), set[0].values.nrows());
    let mut tables: Vec<(usize, Grid)> = group.iter().map(|&(m, _)| (m, Grid::new(count))).collect();
    let Some((_, first)) = group.first() else { return Ok(tables) };
    // A representation that the form is not defined on is left to the CPU, which says why.
    let sides: Vec<Option<Side>> = in_parallel(count, |i| first.prepare(set[i].values.as_ref()).ok());
    let known: Vec<(usize, &Side)> = sides.iter().enumerate().filter_map(|(i, s)| s.as_ref().map(|s| (i, s))).collect();
    if known.is_empty() {
        return Ok(tables);
    }
    let widest =
        |of: &dyn Fn(&Side) -> usize| known.iter().map(|(_, s)| of(s)).max().unwrap_or(1).max(1).next_multiple_of(4);
    let two_forms = known.iter().any(|(_, s)| s.right.is_some());
    let (left, right) = (widest(&|s| s.left.ncols()), widest(&|s| s.right().ncols()));
    let lefts: Vec<Vec<f32>> = known.iter().map(|(_, s)| padded(&s.left, left)).collect();
    let rights: Vec<Vec<f32>> =
        if two_forms { known.iter().map(|(_, s)| padded(s.right(), right)).collect() } else { Vec::new() };
    // Where both forms are one, the product of a pair the other way about is the transpose.
    let one_way = !two_forms || group.iter().all(|&(m, _)| measures[m].entry.symmetric);
    let pairs: Vec<(usize, usize)> = (0..known.len())
        .flat_map(|a| (0..known.len()).map(move |b| (a, b)))
        .filter(|&(a, b)| !one_way || a <= b)
        .collect();
    let stacks =
        [Some(Stack { forms: &lefts, width: left }), two_forms.then_some(Stack { forms: &rights, width: right })];
    let sizes = [n * (left + right) + left * right, pairs.len()];
    let mut program =
        PairProgram::new(Some(gpu), n, stacks, sizes, &|g, x, y| Ok(vec![("cross", g.matmul_of(x, true, y, false)?)]))?;
    // Finished a batch of pairs at a time on all cores; products are kept only of pairs that they do not do for.
    let mut waiting: Vec<(usize, Crossed)> = Vec::new();
    let mut close: Vec<(usize, Crossed)> = Vec::new();
    let mut flush = |waiting: &mut Vec<(usize, Crossed)>, tables: &mut Vec<(usize, Grid)>| {
        let finished = in_parallel(waiting.len(), |i| {
            let (number, cross) = &waiting[i];
            let (a, b) = pairs[*number];
            finish(group, measures, known[a].1, known[b].1, cross, one_way && a != b)
        });
        for ((number, cross), (values, near)) in waiting.drain(..).zip(finished) {
            let (a, b) = (known[pairs[number].0].0, known[pairs[number].1].0);
            for ((_, table), [forth, back]) in tables.iter_mut().zip(values) {
                table.values[a * count + b] = forth;
                if one_way {
                    table.values[b * count + a] = back;
                }
            }
            if near {
                close.push((number, cross));
            }
        }
    };
    program.run(&pairs, |number, made| {
        let (a, b) = pairs[number];
        let (p, q) = (known[a].1.left.ncols(), known[b].1.right().ncols());
        let product = Mat::from_fn(p, q, |i, j| f64::from(made[0][i * right + j]));
        waiting.push((number, Crossed { product, single: true }));
        if waiting.len() >= WAITING {
            flush(&mut waiting, &mut tables);
        }
    })?;
    flush(&mut waiting, &mut tables);
    for part in close.chunks(CLOSE) {
        let forms: Vec<Close<'_>> = part
            .iter()
            .map(|(number, cross)| {
                let (a, b) = pairs[*number];
                Close { first: &known[a].1.left, second: known[b].1.right(), cross }
            })
            .collect();
        // What the device has no memory for is left to the CPU, as it was.
        let found = match remainders(gpu, &forms) {
            Err(Error::OutOfMemory(_) | Error::Shape(_)) => break,
            found => found?,
        };
        for ((number, cross), remainder) in part.iter().zip(found) {
            let (a, b) = pairs[*number];
            let ((a, first), (b, second)) = (known[a], known[b]);
            for ((m, form), (_, table)) in group.iter().zip(&mut tables) {
                if !matches!(form.finish(first, second, cross), Ok(None)) {
                    continue;
                }
                if let Some(value) = form.close(first, second, &remainder)? {
                    table.values[a * count + b] = value;
                    if one_way && measures[*m].entry.symmetric {
                        table.values[b * count + a] = value;
                    }
                }
            }
        }
    }
    Ok(tables)
}

/// Close pairs whose remainders are found together.
const CLOSE: usize = 32;

/// Products that wait to be finished together.
const WAITING: usize = 16;

/// Values of all measures of a group, each way, and whether one wants the remainder of the pair. What is not defined in
/// single precision is NaN, and left to the CPU.
fn finish(
    group: &[(usize, &Cross)],
    measures: &[Measure],
    a: &Side,
    b: &Side,
    cross: &Crossed,
    both: bool,
) -> (Vec<[f64; 2]>, bool) {
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
    let values = group
        .iter()
        .map(|&(m, form)| {
            let forth = value(form, a, b, cross);
            let back = match &turned {
                Some(turned) if !measures[m].entry.symmetric => value(form, b, a, turned),
                _ => forth,
            };
            [forth, back]
        })
        .collect();
    (values, near)
}

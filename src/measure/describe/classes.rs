//! Statistics of classes: their means and the scatter about them are products with one-hot labels on the device; what is read
//! back is a mean for each class and a number for each example, and finished in f64.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::form::OfClasses;
use super::intake::{Standard, in_batches, padded, profile, room};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{DType, Unary};
use crate::measure::compare::Named;
use crate::measure::single::input::{Classes, Rows, column_means, squared_distance};
use crate::measure::single::probe::{Fold, partition};

const INPUT: &str = "input";
const AXES: &str = "axes";

/// Singular values of the class means below this part of the largest are too uncertain to divide by.
const TRUSTED: f64 = 1e-3;

/// Classes of a set, and their one-hot rows.
pub(super) struct Labels {
    pub classes: Classes,
    one_hot: Vec<f32>,
}

impl Labels {
    /// `None` if there are not two classes, one of them with two examples.
    pub fn of(labels: &[usize], n: usize) -> Option<Self> {
        let classes = Classes::of(labels, n, 2).ok().filter(|classes| classes.number() < n)?;
        let mut one_hot = vec![0.0; n * classes.number()];
        classes.of.iter().enumerate().for_each(|(i, c)| one_hot[i * classes.number() + c] = 1.0);
        Some(Self { classes, one_hot })
    }
}

/// What the device says of a representation, centred and scaled.
struct Moments {
    /// Means of the classes.
    means: Mat<f64>,
    /// Squared distance of each example to the mean of its class.
    squares: Vec<f64>,
}

/// For each form, for each representation, its value if single precision decides it.
pub(super) fn values(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    labels: &Labels,
    forms: &[OfClasses],
) -> Result<Vec<Vec<Option<f64>>>> {
    let standard: Vec<Standard> = set.iter().map(|x| Standard::centred(x.values.as_ref())).collect();
    let by_means = |form: &OfClasses| !matches!(form, OfClasses::Alignment | OfClasses::UncentredAlignment);
    let collapse = forms.contains(&OfClasses::Collapse);
    let moments = match forms.iter().any(by_means) {
        true => moments(gpu, &standard, labels, collapse)?,
        false => Vec::new(),
    };
    let mut all = Vec::with_capacity(forms.len());
    for form in forms {
        all.push(match form {
            OfClasses::Alignment => alignment(gpu, &standard, labels, true)?,
            OfClasses::UncentredAlignment => {
                let raw: Vec<Standard> = set.iter().map(|x| Standard::scaled(x.values.clone())).collect();
                alignment(gpu, &raw, labels, false)?
            }
            _ => (0..set.len())
                .map(|i| {
                    let (own, collapse) = moments.get(i)?;
                    match form {
                        OfClasses::Selectivity => selectivity(set[i].values.as_ref(), &standard[i], &own.means),
                        OfClasses::DaviesBouldin => davies_bouldin(own, &labels.classes),
                        OfClasses::CalinskiHarabasz => calinski_harabasz(own, &labels.classes),
                        _ => *collapse,
                    }
                })
                .collect(),
        });
    }
    Ok(all)
}

/// Class means and scatter of each representation and, if wanted, its NC1.
fn moments(
    gpu: Option<&Arc<Gpu>>,
    xs: &[Standard],
    labels: &Labels,
    collapse: bool,
) -> Result<Vec<(Moments, Option<f64>)>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    let (room, c) = (room(xs), labels.classes.number());
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<Machine> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let axes = g.variable(AXES, &[room, c], DType::F32, VariableKind::Transient)?;
        let one_hot = g.data(labels.one_hot.clone(), &[n, c])?;
        let shares = labels.classes.counts.iter().map(|&k| 1.0 / k as f32).collect();
        let shares = g.data(shares, &[c, 1])?;
        let sums = g.matmul_of(one_hot, true, x, false)?;
        let means = g.times(sums, shares)?;
        let own = g.matmul(one_hot, means)?;
        let within = g.minus(x, own)?;
        let squares = g.unary(Unary::Square, within);
        let squares = g.sum(squares, 1)?;
        let along = g.matmul(within, axes)?;
        let along = g.unary(Unary::Square, along);
        let along = g.sum_all(along)?;
        let functions = [
            Function::new(
                "moments",
                vec![Effect::Output("means".into(), means), Effect::Output("squares".into(), squares)],
            ),
            Function::new("collapse", vec![Effect::Output("along".into(), along)]),
        ];
        Machine::new(gpu, lower(&g, &functions, count, &profile(gpu))?)
    };
    let items: Vec<&Standard> = xs.iter().collect();
    in_batches(gpu, &items, make, |machine, part| {
        let count = machine.replicas();
        for (place, x) in part.iter().enumerate() {
            machine.write_replica(INPUT, place, &x.padded(room))?;
        }
        machine.run("moments", 1)?;
        let results = machine.read_results()?;
        let (means, squares) = (machine.output(&results, "means")?, machine.output(&results, "squares")?);
        let mut found: Vec<(Moments, Option<f64>)> = part
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let own = &means[i * c * room..(i + 1) * c * room];
                let means = Mat::from_fn(c, x.values.ncols(), |a, j| f64::from(own[a * room + j]));
                let squares = squares[i * n..(i + 1) * n].iter().map(|&v| f64::from(v)).collect();
                (Moments { means, squares }, None)
            })
            .collect();
        if collapse {
            let axes: Vec<Option<Mat<f64>>> = found.iter().map(|(own, _)| axes(&own.means)).collect();
            let mut padding = vec![0.0; count * room * c];
            for (place, own) in axes.iter().enumerate() {
                let Some(own) = own else { continue };
                let rows =
                    Mat::from_fn(room, c, |i, j| if i < own.nrows() && j < own.ncols() { own[(i, j)] } else { 0.0 });
                padding[place * room * c..(place + 1) * room * c].copy_from_slice(&padded(&rows, c));
            }
            machine.write_variable(AXES, &padding)?;
            machine.run("collapse", 1)?;
            let along = machine.read_output("along")?;
            for (((_, value), axes), along) in found.iter_mut().zip(&axes).zip(along) {
                *value = axes.as_ref().map(|_| f64::from(along) / n as f64);
            }
        }
        Ok(found)
    })
}

/// Directions of the centred class means, each over its singular value: units × (classes - 1). The mean of all examples is zero.
fn axes(means: &Mat<f64>) -> Option<Mat<f64>> {
    let svd = means.thin_svd().ok()?;
    let s = svd.S().column_vector();
    let kept = means.nrows().saturating_sub(1).min(means.ncols());
    if kept == 0 || s[kept - 1] <= TRUSTED * s[0] {
        return None;
    }
    Some(Mat::from_fn(means.ncols(), kept, |i, k| svd.V()[(i, k)] / s[k]))
}

fn selectivity(x: MatRef<'_, f64>, standard: &Standard, means: &Mat<f64>) -> Option<f64> {
    if x.col_iter().any(|column| column.iter().any(|v| *v < 0.0)) {
        return None;
    }
    let others = means.nrows() as f64 - 1.0;
    let offsets = column_means(x);
    let of = |j: usize| {
        let unit: Vec<f64> = (0..means.nrows()).map(|c| means[(c, j)] / standard.scale + offsets[j]).collect();
        let largest = unit.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let rest = (unit.iter().sum::<f64>() - largest) / others;
        (largest - rest) / (largest + rest)
    };
    // A unit that is zero everywhere has no selectivity.
    let alive = (0..x.ncols()).filter(|&j| offsets[j] > 0.0);
    let all: Vec<f64> = alive.map(of).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

fn davies_bouldin(own: &Moments, classes: &Classes) -> Option<f64> {
    let (k, means) = (classes.number(), Rows::of(own.means.as_ref()));
    let mut spread = vec![0.0; k];
    for (&c, square) in classes.of.iter().zip(&own.squares) {
        spread[c] += square.max(0.0).sqrt() / classes.counts[c] as f64;
    }
    // Means that are closer than rounding of theirs have no ratio.
    let nothing = 1e-3 * spread.iter().copied().fold(1e-3, f64::max);
    let mut worst = vec![0.0_f64; k];
    for i in 0..k {
        for j in (0..k).filter(|j| *j != i) {
            let apart = means.squared_distance(i, j).sqrt();
            if apart <= nothing {
                return None;
            }
            worst[i] = worst[i].max((spread[i] + spread[j]) / apart);
        }
    }
    Some(worst.iter().sum::<f64>() / k as f64)
}

fn calinski_harabasz(own: &Moments, classes: &Classes) -> Option<f64> {
    let (n, k) = (classes.of.len() as f64, classes.number() as f64);
    let means = Rows::of(own.means.as_ref());
    let origin = vec![0.0; own.means.ncols()];
    let between: f64 =
        classes.counts.iter().enumerate().map(|(c, &m)| m as f64 * squared_distance(means.row(c), &origin)).sum();
    let within: f64 = own.squares.iter().sum();
    // Nearly collapsed classes: what is left of the scatter may be rounding.
    (within > 1e-6 * between).then(|| between / within * (n - k) / (k - 1.0))
}

/// `|X'Y|² / (|X'X| |Y'Y|)`, `Y` the one-hot labels.
fn alignment(gpu: Option<&Arc<Gpu>>, xs: &[Standard], labels: &Labels, centre: bool) -> Result<Vec<Option<f64>>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    let (room, c) = (room(xs), labels.classes.number());
    let one_hot = Mat::from_fn(n, c, |i, j| f64::from(labels.one_hot[i * c + j]));
    let targets = if centre { Standard::centred(one_hot.as_ref()) } else { Standard::scaled(one_hot) };
    let norm = (targets.values.transpose() * &targets.values).norm_l2();
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<Machine> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let y = g.data(targets.rounded(), &[n, c])?;
        let shared = g.matmul_of(x, true, y, false)?;
        // The smaller of the two products has the same norm.
        let own = if n < room { g.matmul_of(x, false, x, true)? } else { g.matmul_of(x, true, x, false)? };
        let mut effects = Vec::new();
        for (name, value) in [("shared", shared), ("own", own)] {
            let squares = g.unary(Unary::Square, value);
            effects.push(Effect::Output(name.into(), g.sum_all(squares)?));
        }
        Machine::new(gpu, lower(&g, &[Function::new("alignment", effects)], count, &profile(gpu))?)
    };
    let items: Vec<&Standard> = xs.iter().collect();
    in_batches(gpu, &items, make, |machine, part| {
        for (place, x) in part.iter().enumerate() {
            machine.write_replica(INPUT, place, &x.padded(room))?;
        }
        machine.run("alignment", 1)?;
        let results = machine.read_results()?;
        let (shared, own) = (machine.output(&results, "shared")?, machine.output(&results, "own")?);
        let of = |i: usize| {
            let value = f64::from(shared[i]) / f64::from(own[i]).sqrt() / norm;
            (own[i] > 0.0 && value.is_finite()).then_some(value)
        };
        Ok((0..part.len()).map(of).collect())
    })
}

/// Held-out accuracy by the nearest class mean; rows where rounding could decide are decided in f64.
pub(super) fn nearest_centroid(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    xs: &[Standard],
    labels: &Labels,
    folds: &[Fold],
) -> Result<Vec<Option<f64>>> {
    let (n, c) = (labels.classes.of.len(), labels.classes.number());
    let of = &labels.classes.of;
    let lacking = |fold: &Fold| (0..c).any(|class| !fold.train.iter().any(|&i| of[i] == class));
    if partition(folds, n).is_err() || folds.iter().any(lacking) {
        return Ok(vec![None; xs.len()]);
    }
    let room = room(xs);
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<Machine> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let mut total = None;
        for fold in folds {
            let (mut weights, mut tested) = (vec![0.0; n * c], vec![0.0; n]);
            let sizes: Vec<usize> = (0..c).map(|k| fold.train.iter().filter(|i| of[**i] == k).count()).collect();
            fold.train.iter().for_each(|&i| weights[i * c + of[i]] = 1.0 / sizes[of[i]] as f32);
            fold.test.iter().for_each(|&i| tested[i] = 1.0);
            let (weights, tested) = (g.data(weights, &[n, c])?, g.data(tested, &[n, 1])?);
            let means = g.matmul_of(weights, true, x, false)?;
            let squared = g.distances(x, means, Inner::SquaredDifference)?;
            let own = g.times(squared, tested)?;
            total = Some(match total {
                Some(total) => g.plus(total, own)?,
                None => own,
            });
        }
        let effects = total.map(|t| Effect::Output("squared".into(), t)).into_iter().collect();
        Machine::new(gpu, lower(&g, &[Function::new("centroids", effects)], count, &profile(gpu))?)
    };
    let items: Vec<&Standard> = xs.iter().collect();
    let squared = in_batches(gpu, &items, make, |machine, part| {
        for (place, x) in part.iter().enumerate() {
            machine.write_replica(INPUT, place, &x.padded(room))?;
        }
        machine.run("centroids", 1)?;
        let all = machine.read_output("squared")?;
        Ok(all.chunks(n * c).take(part.len()).map(<[f32]>::to_vec).collect())
    })?;
    let accuracy = |((x, named), squared): ((&Standard, &&Named), &Vec<f32>)| {
        let mut right = 0;
        for fold in folds {
            let mut exact: Option<Rows> = None;
            for &i in &fold.test {
                let own: Vec<f64> = squared[i * c..(i + 1) * c].iter().map(|&d| f64::from(d)).collect();
                let mut nearest = first_least(&own);
                // The means are off by a rounding of their sums as well.
                let least = own[nearest];
                let slack = 4.0 * x.slack(least.sqrt()) * least;
                let sure = (0..c).all(|k| k == nearest || own[k] > least + slack);
                if !sure {
                    let x = named.values.as_ref();
                    let means = exact.get_or_insert_with(|| {
                        let train = Mat::from_fn(fold.train.len(), x.ncols(), |r, j| x[(fold.train[r], j)]);
                        let own: Vec<usize> = fold.train.iter().map(|&r| of[r]).collect();
                        let means = Classes::of(&own, own.len(), 1).map(|classes| classes.means(train.as_ref()));
                        Rows::of(means.unwrap_or_else(|_| Mat::zeros(c, x.ncols())).as_ref())
                    });
                    let row: Vec<f64> = x.row(i).iter().copied().collect();
                    let exact: Vec<f64> = means.iter().map(|m| squared_distance(&row, m)).collect();
                    nearest = first_least(&exact);
                }
                right += usize::from(nearest == of[i]);
            }
        }
        Some(right as f64 / n as f64)
    };
    Ok(xs.iter().zip(set).zip(&squared).map(accuracy).collect())
}

fn first_least(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |b, k| if values[k] < values[b] { k } else { b })
}

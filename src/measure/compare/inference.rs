//! How sure the value of a pair is: permutation tests and intervals, on a GPU where the measure has such a form.

use std::sync::{Mutex, PoisonError};

use faer::MatRef;

use super::host::alone;
use super::{Executor, Named, Place, Resources, all_pairs};
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::declaration::scale::near_one;
use crate::measure::declaration::{Cosine, Direction, FromProducts};
use crate::measure::device::batches::{padded, profile};
use crate::measure::device::resample::resample;
use crate::measure::device::{Intake, Rows, suits};
use crate::measure::inference::{self, Resample};
use crate::measure::memory::Memory;

/// A permutation test of one measure on one pair.
#[derive(Clone, Debug)]
pub struct Permuted {
    /// The value on the examples as they are.
    pub observed: f64,
    /// `(1 + draws at least as alike) / (1 + draws)` (Phipson and Smyth 2010).
    pub p_value: f64,
    /// Mean of the measure over the draws: what unrelated examples give.
    pub mean: f64,
    /// Where it was computed.
    pub place: Place,
}

/// An interval of one measure on one pair.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The value on all examples.
    pub estimate: f64,
    /// 2.5 % end.
    pub low: f64,
    /// 97.5 % end.
    pub high: f64,
    /// How examples were drawn.
    pub sampling: Sampling,
    /// Where it was computed.
    pub place: Place,
}

/// Tests a measure against the examples of the second representation in other orders.
///
/// # Errors
/// If the measure is not defined on the pair or on a draw, or the device fails.
pub fn permutation_test<'a>(
    [a, b]: [&Named; 2],
    measure: &Measure,
    on: impl Into<Resources<'a>>,
    draws: usize,
    seed: u32,
) -> Result<Permuted> {
    let on = on.into();
    let alternative = match measure.entry.direction {
        Direction::Similarity => inference::Alternative::Larger,
        Direction::Distance => inference::Alternative::Smaller,
    };
    let (observed, null, place) = resampled([a, b], measure, on, Resample::Permute, draws, seed)?;
    let test = inference::Test::of(observed, null, alternative)?;
    let mean = test.null.iter().sum::<f64>() / test.null.len() as f64;
    Ok(Permuted { observed: test.observed, p_value: test.p_value, mean, place })
}

/// How examples are drawn for an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Random halves, without replacement (Politis and Romano 1994): right for every measure here.
    Halves,
    /// As many as there are, with replacement (Efron 1979). Copies of an example are its neighbours at distance zero, pairs
    /// at distance zero in both RDMs, and further examples to unbiased estimators: for most measures the draws lie too
    /// high.
    Bootstrap,
}

/// The 95 % interval of a measure over examples, within the range of the measure.
///
/// # Errors
/// As [`permutation_test`].
pub fn interval<'a>(
    [a, b]: [&Named; 2],
    measure: &Measure,
    on: impl Into<Resources<'a>>,
    sampling: Sampling,
    draws: usize,
    seed: u32,
) -> Result<Interval> {
    let n = a.values.nrows();
    let how = match sampling {
        Sampling::Halves => Resample::Subsample(n / 2),
        Sampling::Bootstrap => Resample::Bootstrap,
    };
    let (estimate, values, place) = resampled([a, b], measure, on.into(), how, draws, seed)?;
    let found = match sampling {
        Sampling::Halves => inference::Interval::of_halves(estimate, values, n, LEVEL),
        Sampling::Bootstrap => inference::Interval::of_bootstrap(estimate, values, LEVEL),
    };
    // Deviations of the draws are taken off the estimate: the ends may pass the range of the measure, which it cannot.
    let [least, most] = measure.range();
    let [low, high] = [found.low, found.high].map(|end| end.clamp(least.min(found.estimate), most.max(found.estimate)));
    Ok(Interval { estimate: found.estimate, low, high, sampling, place })
}

/// How alike two halves of one representation's units are.
#[derive(Clone, Debug)]
pub struct Halves {
    /// Over splits.
    pub floor: inference::Floor,
    /// Where it was computed.
    pub place: Place,
}

/// Splits compared by one program on a device.
const SPLITS_AT_ONCE: usize = 16;

/// A measure between random halves of the units of one representation: what it gives where nothing but the choice of units
/// differs, for half as many units. See [`inference::noise_floor_units`].
///
/// # Errors
/// If there are fewer than two units, the measure is not defined on a split, or the device fails.
pub fn halves<'a>(
    x: &Named,
    measure: &Measure,
    on: impl Into<Resources<'a>>,
    splits: usize,
    seed: u32,
) -> Result<Halves> {
    let (on, values) = (on.into(), x.values.as_ref());
    // All pairs of the halves of several splits are more than is asked for, and for products of tables cost little more.
    let (Some(_), Some(_), true) = (on.single, drawn(measure), x.values.ncols() >= 2) else {
        let floor = inference::noise_floor_units(&draw([x, x], measure, on.memory)?, values, splits, u64::from(seed))?;
        return Ok(Halves { floor, place: Place::Cpu });
    };
    let measures = [Measure::parse(&measure.name())?];
    let (mut found, mut place) = (Vec::with_capacity(splits), Place::Gpu);
    for first in (0..splits).step_by(SPLITS_AT_ONCE) {
        let wanted = SPLITS_AT_ONCE.min(splits - first);
        let set: Vec<Named> = (first..first + wanted)
            .flat_map(|draw| inference::halves_of_units(values, u64::from(seed), draw as u32))
            .map(|values| Named { name: x.name.clone(), values })
            .collect();
        for table in all_pairs(&set, &measures, on, &mut |_, _| {})? {
            if table.place == Place::Cpu {
                place = Place::Cpu;
            }
            for split in 0..wanted {
                let (a, b) = (2 * split, 2 * split + 1);
                found.push(table.cell(a, b).result()?);
            }
        }
    }
    Ok(Halves { floor: inference::Floor::of(found), place })
}

const LEVEL: f64 = 0.95;

/// The measure on the host as draws call it: on all threads if there is room for as many at once, else one at a time.
fn draw<'a>(
    [a, b]: [&Named; 2],
    measure: &'a Measure,
    memory: Memory,
) -> Result<impl Fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64> + Sync + 'a> {
    // The drawn rows of both, besides.
    let rows = 8.0 * (a.values.nrows() * (a.values.ncols() + b.values.ncols())) as f64;
    let one = alone(measure, a, b) + rows;
    memory.room(one)?;
    let threads = rayon::current_num_threads();
    let turn = memory.room(one * threads as f64).is_err().then(|| Mutex::new(()));
    Ok(move |x: MatRef<'_, f64>, y: MatRef<'_, f64>| {
        let _turn = turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        measure.of(x, y)
    })
}

/// The value and the draws, on the device if the measure has such a form there, and where.
fn resampled(
    pair: [&Named; 2],
    measure: &Measure,
    on: Resources<'_>,
    how: Resample,
    draws: usize,
    seed: u32,
) -> Result<(f64, Vec<f64>, Place)> {
    if let Some((value, values)) = on_device(pair, measure, on.single, how, draws, seed)? {
        return Ok((value, values, Place::Gpu));
    }
    let [x, y] = pair.map(|x| x.values.as_ref());
    let (value, values) = inference::resampled(&draw(pair, measure, on.memory)?, [x, y], how, draws, u64::from(seed))?;
    Ok((value, values, Place::Cpu))
}

/// The form by embeddings whose draws can be made on the device: those that are functions of a cosine.
fn drawn(measure: &Measure) -> Option<Cosine> {
    measure.cosine().filter(|c| !matches!(c.value, FromProducts::Product(_)))
}

/// The value and the draws, if the measure has a form for the device by embeddings.
fn on_device(
    pair: [&Named; 2],
    measure: &Measure,
    on: Option<Executor<'_>>,
    how: Resample,
    draws: usize,
    seed: u32,
) -> Result<Option<(f64, Vec<f64>)>> {
    let (Some(on), Some(mut form)) = (on, drawn(measure)) else { return Ok(None) };
    let set = [pair[0].clone(), pair[1].clone()];
    if near_one(&set).1.contains(&true) || !suits(&set, measure, &profile(on.gpu())) {
        return Ok(None);
    }
    let intake = Intake::of(form.embedding.between);
    form.embedding = intake.rest(form.embedding);
    let taken = pair.map(|x| padded(&intake.apply(x.values.as_ref()).0, x.values.ncols()));
    let rows = [0, 1].map(|i| Rows { values: &taken[i], units: pair[i].values.ncols() });
    let n = pair[0].values.nrows();
    let values = match resample(on.gpu(), n, rows, form, how, draws, seed) {
        Ok(values) => values,
        Err(error @ Error::Measure(_)) => return Err(error),
        // What the device cannot do, the CPU can.
        Err(_) => return Ok(None),
    };
    let undefined = || Error::Measure("the measure is not defined on some of the draws".into());
    if values.iter().any(|v| v.is_nan()) {
        return Err(undefined());
    }
    Ok(Some((measure.of(pair[0].values.as_ref(), pair[1].values.as_ref())?, values)))
}

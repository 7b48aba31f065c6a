//! All pairs of a set of representations, by any measures: on the CPU in f64, or on a GPU in f32 where a measure has such
//! a form. What is the same for all pairs of a representation is made once.

mod device;
mod host;
pub mod inference;

use std::borrow::Cow;
use std::sync::Arc;

use faer::Mat;

pub use host::in_parallel;

use super::catalogue::scale::near_one;
use super::catalogue::{Measure, Scale};
use crate::error::{Error, Result};
use crate::gpu::Gpu;

/// A representation with a name, `[examples, units]`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name in tables and pictures.
    pub name: String,
    /// Its values.
    pub values: Mat<f64>,
}

/// Where a value was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the CPU, in f64.
    Cpu,
    /// On a GPU (or a software adapter), in f32.
    Gpu,
}

impl Place {
    /// As it is written in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU, f64",
            Self::Gpu => "GPU, f32",
        }
    }
}

/// One measure on all pairs of a set.
#[derive(Clone, Debug)]
pub struct Table {
    /// Canonical name of the measure.
    pub measure: String,
    /// `[N, N]`, row-major: the first of the pair in the row. NaN where the measure is not defined.
    pub values: Vec<f64>,
    /// Why it is not defined, for each pair that it is not defined for.
    pub undefined: Vec<Undefined>,
    /// Where it was computed.
    pub place: Place,
    /// Pairs of a table of a device that the CPU did all the same: single precision would not do, or the measure is not
    /// defined on them.
    pub completed: Vec<(usize, usize)>,
    /// Why a device that was to compute it could not.
    pub refused: Option<String>,
}

/// A pair that a measure is not defined for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undefined {
    /// Number of the first.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Why.
    pub reason: String,
}

impl Table {
    fn new(measure: &Measure, count: usize, place: Place) -> Self {
        Self {
            measure: measure.name(),
            values: vec![f64::NAN; count * count],
            undefined: Vec::new(),
            place,
            completed: Vec::new(),
            refused: None,
        }
    }

    fn set(&mut self, count: usize, a: usize, b: usize, value: Result<f64>) {
        match value {
            Ok(value) => self.values[a * count + b] = value,
            Err(error) => self.undefined.push(Undefined { a, b, reason: error.to_string() }),
        }
    }
}

/// Called with how many of the measures are done, of how many.
pub type Step<'a> = &'a mut dyn FnMut(usize, usize);

/// Compares all pairs by all measures; measures that have a form for a GPU run on `gpu` if one is given.
///
/// # Errors
/// If the representations have not the same number of examples or hold values that are not finite, or the device fails.
pub fn all_pairs(set: &[Named], measures: &[Measure], gpu: Option<&Arc<Gpu>>, step: Step<'_>) -> Result<Vec<Table>> {
    check(set)?;
    // Values that single precision does not hold are brought near one, where that is all a measure needs to know.
    let (near, far) = if gpu.is_some() { near_one(set) } else { (Cow::Borrowed(set), Vec::new()) };
    let all_near = !far.contains(&true);
    let suits =
        |m: &Measure, gpu: &Arc<Gpu>| (all_near || m.scale() == Scale::Free) && device::suits(&near, m, gpu.profile());
    let on_device: Vec<bool> = measures.iter().map(|m| gpu.is_some_and(|gpu| suits(m, gpu))).collect();
    let total = measures.len();
    let mut done = 0;
    let mut tables: Vec<Option<Table>> = vec![None; measures.len()];
    let mut refused: Vec<Option<String>> = vec![None; total];
    if let Some(gpu) = gpu {
        let wanted: Vec<usize> = (0..total).filter(|&m| on_device[m]).collect();
        let found = device::all_pairs(&near, measures, &wanted, gpu, &mut |m, why| refused[m] = Some(why))?;
        for (m, mut table) in found {
            // Not defined, or only not in single precision: the CPU knows, and says why.
            host::complete(set, &measures[m], &mut table);
            tables[m] = Some(table);
            done += 1;
            step(done, total);
        }
    }
    for (m, measure) in measures.iter().enumerate() {
        if tables[m].is_none() {
            tables[m] = Some(Table { refused: refused[m].take(), ..host::all_pairs(set, measure) });
            done += 1;
            step(done, total);
        }
    }
    Ok(tables.into_iter().flatten().collect())
}

fn check(set: &[Named]) -> Result<()> {
    let Some(first) = set.first() else {
        return Err(Error::Measure("at least one representation is expected, and none came".into()));
    };
    for one in set {
        let (name, x) = (&one.name, &one.values);
        if x.nrows() != first.values.nrows() {
            return Err(Error::Measure(format!(
                "`{}` has {} examples and `{name}` has {}: representations of the same examples, in the same order, are \
                 compared",
                first.name,
                first.values.nrows(),
                x.nrows()
            )));
        }
        if x.nrows() == 0 || x.ncols() == 0 {
            return Err(Error::Measure(format!("`{name}` is empty: {} examples of {} units", x.nrows(), x.ncols())));
        }
        for column in 0..x.ncols() {
            if let Some(row) = (0..x.nrows()).find(|&row| !x[(row, column)].is_finite()) {
                return Err(Error::Measure(format!(
                    "`{name}` holds {} at row {row}, column {column} (counted from 0); every value must be finite",
                    x[(row, column)]
                )));
            }
        }
    }
    Ok(())
}

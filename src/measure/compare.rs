//! All pairs of a set of representations, by any measures: on the CPU in f64, or on a GPU in f32 where a measure has such
//! a form. What is the same for all pairs of a representation is made once.

mod host;
pub mod inference;
pub mod request;

use std::borrow::Cow;
use std::sync::Arc;

pub use super::representation::Named;
pub use host::some_pairs;

use super::catalogue::Measure;
use super::declaration::Scale;
use super::declaration::scale::near_one;
use super::device;
use super::memory::Memory;
use super::outcome::Outcome;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};

/// Where a value was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the CPU, in f64.
    Cpu,
    /// On a GPU (or another [`Executor`]), in f32.
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
    /// `[N, N]`, row-major: the first of the pair in the row.
    pub cells: Vec<Outcome>,
    /// Where it was computed.
    pub place: Place,
    /// Pairs of a table of a device that the CPU did all the same: single precision would not do, or the measure is not
    /// defined on them.
    pub completed: Vec<(usize, usize)>,
    /// Why a device that was to compute it could not.
    pub refused: Option<String>,
}

/// A pair without a value.
#[derive(Clone, Copy, Debug)]
pub struct Missing<'a> {
    /// Number of the first.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Why, as [`Outcome::Undefined`] or [`Outcome::Failed`].
    pub outcome: &'a Outcome,
}

impl Missing<'_> {
    /// Why there is none.
    pub fn reason(&self) -> &str {
        self.outcome.reason().unwrap_or_default()
    }
}

impl Table {
    /// A table with one outcome for each pair of a set, row by row.
    pub fn new(measure: &Measure, place: Place, cells: Vec<Outcome>) -> Self {
        Self { measure: measure.name(), cells, place, completed: Vec::new(), refused: None }
    }

    /// How many representations there are.
    pub fn count(&self) -> usize {
        self.cells.len().isqrt()
    }

    /// What became of the pair `a`, `b`.
    pub fn cell(&self, a: usize, b: usize) -> &Outcome {
        &self.cells[a * self.count() + b]
    }

    /// The values, `[N, N]`, row-major, with NaN where there is none: for pictures and arrays of numbers.
    pub fn values(&self) -> Vec<f64> {
        self.cells.iter().map(Outcome::or_nan).collect()
    }

    /// The pairs without a value, in their order.
    pub fn missing(&self) -> impl Iterator<Item = Missing<'_>> {
        let count = self.count();
        let all = self.cells.iter().enumerate().filter(|(_, cell)| cell.value().is_none());
        all.map(move |(i, outcome)| Missing { a: i / count, b: i % count, outcome })
    }

    /// Whether two different representations have a value.
    pub fn any(&self) -> bool {
        let count = self.count();
        self.cells.iter().enumerate().any(|(i, cell)| i / count != i % count && cell.value().is_some())
    }
}

/// What runs measures in single precision.
#[derive(Clone, Copy, Debug)]
pub enum Executor<'a> {
    /// A GPU, or a software adapter.
    Gpu(&'a Arc<Gpu>),
    /// The processor, by its native kernels.
    Cpu,
}

impl<'a> Executor<'a> {
    /// As whatever runs plans takes it.
    pub(in crate::measure) fn gpu(self) -> Option<&'a Arc<Gpu>> {
        match self {
            Self::Gpu(gpu) => Some(gpu),
            Self::Cpu => None,
        }
    }
}

/// What comparisons and statistics may use. A GPU alone makes one, with all memory that is free; so does an executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resources<'a> {
    /// Runs measures that have a form in single precision; without one all are computed in double precision.
    pub single: Option<Executor<'a>>,
    /// Of the CPU.
    pub memory: Memory,
}

impl<'a> From<Option<&'a Arc<Gpu>>> for Resources<'a> {
    fn from(gpu: Option<&'a Arc<Gpu>>) -> Self {
        Self { single: gpu.map(Executor::Gpu), memory: Memory::default() }
    }
}

impl<'a> From<Executor<'a>> for Resources<'a> {
    fn from(executor: Executor<'a>) -> Self {
        Self { single: Some(executor), memory: Memory::default() }
    }
}

/// Called with how many of the measures are done, of how many.
pub type Step<'a> = &'a mut dyn FnMut(usize, usize);

/// Compares all pairs by all measures; measures that have a form for a GPU run on it, or another executor, if there is one. A pair that has no
/// value is an entry with its reason, and so is every pair of a representation that cannot be used (it holds values that
/// are not finite, or none): the others stand.
///
/// # Errors
/// If there is no representation, or they have not the same number of examples.
pub fn all_pairs<'a>(
    set: &[Named],
    measures: &[Measure],
    on: impl Into<Resources<'a>>,
    step: Step<'_>,
) -> Result<Vec<Table>> {
    let on = on.into();
    check(set)?;
    let unusable: Vec<Option<String>> =
        set.iter().map(|x| unusable(x).map(|why| format!("`{}` {why}", x.name))).collect();
    if unusable.iter().all(Option::is_none) {
        return Ok(of_sound(set, measures, on, step));
    }
    let sound: Vec<usize> = (0..set.len()).filter(|&i| unusable[i].is_none()).collect();
    let kept: Vec<Named> = sound.iter().map(|&i| set[i].clone()).collect();
    let mut tables = of_sound(&kept, measures, on, step);
    for table in &mut tables {
        let mut found = std::mem::take(&mut table.cells).into_iter();
        for why_a in &unusable {
            for why_b in &unusable {
                table.cells.push(match why_a.as_ref().or(why_b.as_ref()) {
                    Some(why) => Outcome::Undefined(why.clone()),
                    // The pairs of sound ones are in the same order in both.
                    None => found.next().unwrap_or_else(|| Outcome::Failed("no value was computed".into())),
                });
            }
        }
        table.completed.iter_mut().for_each(|(a, b)| (*a, *b) = (sound[*a], sound[*b]));
    }
    Ok(tables)
}

fn of_sound(set: &[Named], measures: &[Measure], on: Resources<'_>, step: Step<'_>) -> Vec<Table> {
    // Values that single precision does not hold are brought near one, where that is all a measure needs to know.
    let (near, far) = if on.single.is_some() { near_one(set) } else { (Cow::Borrowed(set), Vec::new()) };
    let all_near = !far.contains(&true);
    let suits =
        |m: &Measure, profile: &Profile| (all_near || m.scale() == Scale::Free) && device::suits(&near, m, profile);
    let total = measures.len();
    let mut done = 0;
    let mut tables: Vec<Option<Table>> = vec![None; total];
    let mut refused: Vec<Option<String>> = vec![None; total];
    if let Some(executor) = on.single.filter(|_| !set.is_empty()) {
        let (gpu, profile) = (executor.gpu(), device::batches::profile(executor.gpu()));
        let wanted: Vec<usize> = (0..total).filter(|&m| suits(&measures[m], &profile)).collect();
        let found = device::all_pairs(&near, measures, &wanted, gpu, &mut |m, why| refused[m] = Some(why));
        for (m, grid) in found {
            // Not defined, or only not in single precision: the CPU knows, and says why.
            tables[m] = Some(host::complete(set, &measures[m], grid, on.memory));
            done += 1;
            step(done, total);
        }
    }
    for (m, measure) in measures.iter().enumerate() {
        if tables[m].is_none() {
            tables[m] = Some(Table { refused: refused[m].take(), ..host::all_pairs(set, measure, on.memory) });
            done += 1;
            step(done, total);
        }
    }
    tables.into_iter().flatten().collect()
}

fn check(set: &[Named]) -> Result<()> {
    let Some(first) = set.first() else {
        return Err(Error::Measure("at least one representation is expected, and none came".into()));
    };
    match set.iter().find(|x| x.values.nrows() != first.values.nrows()) {
        None => Ok(()),
        Some(other) => Err(Error::Measure(format!(
            "`{}` has {} examples and `{}` has {}: representations of the same examples, in the same order, are compared",
            first.name,
            first.values.nrows(),
            other.name,
            other.values.nrows()
        ))),
    }
}

/// Why no measure can use a representation, as a sentence without its subject.
fn unusable(x: &Named) -> Option<String> {
    let values = &x.values;
    if values.nrows() == 0 || values.ncols() == 0 {
        return Some(format!("is empty: {} examples of {} units", values.nrows(), values.ncols()));
    }
    (0..values.ncols()).find_map(|column| {
        let row = (0..values.nrows()).find(|&row| !values[(row, column)].is_finite())?;
        let value = values[(row, column)];
        Some(format!("holds {value} at row {row}, column {column} (counted from 0); every value must be finite"))
    })
}

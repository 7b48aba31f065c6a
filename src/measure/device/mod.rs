//! All pairs on a device, in f32. A way of dividing the work says what is made of each representation, what of each pair, and
//! what the host finishes; representations and pairs are run in batches. What single precision does not decide is not a number, and
//! left to the definition in f64.

pub(in crate::measure) mod batches;
mod close;
mod crosses;
pub(in crate::measure) mod intake;
pub(in crate::measure) mod nearest;
mod neighbours;
mod nuclear;
mod outputs;
pub mod polar;
pub mod products;
pub mod ranks;
pub(in crate::measure) mod resample;
pub(in crate::measure) mod stack;
mod suits;
mod tables;
#[cfg(test)]
pub(in crate::measure) mod testing;

use std::sync::Arc;

pub use batches::Rows;
pub(in crate::measure) use intake::Intake;
pub(in crate::measure) use suits::suits;

use super::catalogue::Measure;
use super::declaration::Device;
use super::parallel::in_parallel;
use super::representation::Named;
use crate::error::Result;
use crate::gpu::Gpu;

/// All pairs of one measure, `[N, N]`, row-major; NaN where single precision does not decide or the measure is not defined.
pub(in crate::measure) type Grid = Vec<f64>;

/// A measure that is asked for, in one of the forms for a device.
#[derive(Clone, Copy)]
struct Asked<'a, F> {
    /// Its place among the measures.
    number: usize,
    symmetric: bool,
    form: &'a F,
}

impl<F> Asked<'_, F> {
    /// All pairs as the host finishes them, on all cores.
    fn finished(&self, count: usize, value: impl Fn(usize, usize) -> f64 + Sync) -> Grid {
        let pairs = pairs(count, self.symmetric);
        let values = in_parallel(pairs.len(), |i| value(pairs[i].0, pairs[i].1));
        placed(count, &pairs, values, self.symmetric)
    }
}

/// All pairs of so many: one way about, each with itself included, or both.
fn pairs(count: usize, one_way: bool) -> Vec<(usize, usize)> {
    (0..count).flat_map(|a| (if one_way { a } else { 0 }..count).map(move |b| (a, b))).collect()
}

/// Values of pairs at their places, and if they are `symmetric` at those of the pairs the other way about.
fn placed(count: usize, pairs: &[(usize, usize)], values: impl IntoIterator<Item = f64>, symmetric: bool) -> Grid {
    let mut grid = vec![f64::NAN; count * count];
    for (&(a, b), value) in pairs.iter().zip(values) {
        grid[a * count + b] = value;
        if symmetric {
            grid[b * count + a] = value;
        }
    }
    grid
}

/// Groups of one key, in the order in which they begin.
fn grouped<T, K: PartialEq>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|group| key(&group[0]) == key(&item)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// Compares all pairs by those of the measures that are `wanted`, all of which [suit](suits); without a GPU on the processor. Measures that divide the work in
/// the same way share what is made of each representation; if they fail on the device (for want of memory, of long enough loops,
/// or whatever else) they are left out, and `refused` is told why: they take no other with them.
pub(in crate::measure) fn all_pairs(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: Option<&Arc<Gpu>>,
    refused: &mut dyn FnMut(usize, String),
) -> Vec<(usize, Grid)> {
    let work = Work { set, measures, wanted, gpu };
    let mut found = Vec::with_capacity(wanted.len());
    let mut take = |numbers: Vec<usize>, made: Result<Vec<Grid>>| match made {
        Ok(grids) => found.extend(numbers.into_iter().zip(grids)),
        Err(error) => numbers.into_iter().for_each(|m| refused(m, error.to_string())),
    };
    macro_rules! by {
        ($form:pat => $picked:expr, $key:expr, $way:path) => {
            work.by(|device| if let $form = device { Some($picked) } else { None }, $key, $way, &mut take)
        };
    }
    by!(Device::Cosine(form) => form, |f| Intake::of(f.embedding.between), products::by_products);
    by!(Device::Neighbours(form) => form, |f| (f.k, f.nearness), neighbours::by_neighbours);
    by!(Device::Nuclear(form) => form, |f| f.basis, nuclear::by_singular_values);
    by!(Device::Cross(form) => form, |f| f.key.clone(), crosses::by_cross_products);
    by!(Device::Ranks(form) => form, |f| (f.tables.between, f.tables.per_unit, ranks::on_host(f, gpu)), ranks::by_ranks);
    by!(Device::Tables(form) => form, |f| (f.between, f.per_unit), tables::by_tables);
    by!(Device::Outputs => &(), |()| (), outputs::by_outputs);
    found
}

/// What is compared, by what, and where.
struct Work<'a> {
    set: &'a [Named],
    measures: &'a [Measure],
    wanted: &'a [usize],
    gpu: Option<&'a Arc<Gpu>>,
}

impl<'a> Work<'a> {
    /// Computes the wanted measures of one form, those of one key together.
    fn by<F: 'a, K: PartialEq>(
        &self,
        pick: impl Fn(&'a Device) -> Option<&'a F>,
        key: impl Fn(&F) -> K,
        way: impl Fn(&[Named], &[Asked<'_, F>], Option<&Arc<Gpu>>) -> Result<Vec<Grid>>,
        take: &mut dyn FnMut(Vec<usize>, Result<Vec<Grid>>),
    ) {
        let asked = self.wanted.iter().filter_map(|&number| {
            let Measure { entry, made, .. } = &self.measures[number];
            Some(Asked { number, symmetric: entry.symmetric, form: pick(made.device.as_ref()?)? })
        });
        for group in grouped(asked, |asked| key(asked.form)) {
            take(group.iter().map(|asked| asked.number).collect(), way(self.set, &group, self.gpu));
        }
    }
}

//! All pairs on a GPU: measures that divide the work in the same way share what is made of each representation.

mod close;
mod crosses;
mod intake;
mod neighbours;
mod nuclear;
mod products;
mod ranks;
mod sample;
mod tables;

use std::sync::Arc;

pub(super) use intake::{Intake, row_major};

use super::Named;
use crate::error::Result;
use crate::gpu::{Gpu, Profile};
use crate::measure::Estimator;
use crate::measure::catalogue::Measure;
use crate::measure::declaration::{Cosine, Device, FromProducts};
use crate::measure::embedding::{Bandwidth, Between, Centring};
use crate::measure::outputs::jensen_shannon;
use crate::measure::pairwise::neighbours::Nearness;

/// What a device found of one measure.
pub(super) struct Grid {
    /// `[N, N]`, row-major; NaN where single precision does not decide or the measure is not defined.
    pub(super) values: Vec<f64>,
}

impl Grid {
    fn new(count: usize) -> Self {
        Self { values: vec![f64::NAN; count * count] }
    }
}

/// What was found, each with the place of its measure.
type Found = Vec<(usize, Grid)>;

/// Whether a measure has a form for a device that is defined for the whole set; what is not is left to the CPU, which says
/// why.
pub(super) fn suits(set: &[Named], measure: &Measure, profile: &Profile) -> bool {
    let n = set.first().map_or(0, |x| x.values.nrows());
    match &measure.made.device {
        None => false,
        // Constant representations have no direction; the CPU says so.
        Some(Device::Nuclear(_)) => n >= 2 && set.iter().all(varies),
        Some(Device::Cross(_)) => n >= 2,
        Some(Device::Ranks(form)) => {
            let between = form.tables.between;
            n >= 3 && has_table(set, between) && sample::ranks_decided(set, between)
        }
        Some(Device::Tables(form)) => n >= 2 && has_table(set, form.between),
        Some(Device::Outputs) => set.iter().all(|x| x.values.ncols() == set[0].values.ncols()),
        Some(Device::Neighbours(form)) => {
            // Each pass over the examples is a loop, and some adapters end loops after so many turns.
            let turns = (form.k + neighbours::SPARE) as u64 * (n as u64 + 2) + 16;
            form.k < n
                && profile.loop_iterations.is_none_or(|most| turns < most)
                && (form.nearness != Nearness::Cosine || has_directions(set, false))
        }
        Some(Device::Cosine(form)) => {
            let examples = form.embedding.batch.unwrap_or(n);
            let between = form.embedding.between;
            let median =
                matches!(between, Between::Gaussian(Bandwidth::Median(..)) | Between::Laplace(Bandwidth::Median(..)));
            let least = match form.embedding.centring {
                Centring::Hsic(Estimator::Biased) | Centring::DoubleOfMean => 2,
                _ => 4,
            };
            // Counting for a median is exact up to 2^24 distances.
            examples >= least
                && examples <= n
                && !(median && examples > 4096)
                && has_table(set, between)
                && has_exponents(set, between)
                && sample::varies(set, between, form.embedding.centring)
        }
    }
}

/// Whether all examples have a dissimilarity of this kind to others.
fn has_table(set: &[Named], between: Between) -> bool {
    match between {
        Between::Cosine => has_directions(set, false),
        Between::Correlation => has_directions(set, true),
        Between::Poisson(shift, _) => {
            shift > 0.0
                && set.iter().all(|x| x.values.col_iter().all(|c| c.iter().all(|&v| v + f64::from(shift) > 0.0)))
        }
        _ => true,
    }
}

/// Exponent of a narrow kernel up to which rounding in it, which is in proportion to it, leaves a measure five digits.
const EXPONENT: f64 = 256.0;

/// Examples further on with which each is compared in search of a near pair.
const TRIED: usize = 8;

/// Whether single precision holds the exponents of a narrow kernel that count: those of the nearest examples, beside which
/// all others vanish.
fn has_exponents(set: &[Named], between: Between) -> bool {
    let most = match between {
        Between::Gaussian(Bandwidth::Relative(width)) => 2.0 * EXPONENT * f64::from(width).powi(2),
        Between::Laplace(Bandwidth::Relative(width)) => (EXPONENT * f64::from(width)).powi(2),
        _ => return true,
    };
    set.iter().all(|x| {
        let n = x.values.nrows();
        let squared = |a: usize, b: usize| -> f64 {
            x.values.row(a).iter().zip(x.values.row(b).iter()).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let pairs = (1..=TRIED.min(n - 1)).flat_map(|k| (0..n).map(move |i| (i, (i + k) % n)));
        let near = pairs.map(|(a, b)| squared(a, b)).fold(f64::INFINITY, f64::min);
        near <= most
    })
}

/// Whether no example is zero, or, if `centred`, the same in all units.
fn has_directions(set: &[Named], centred: bool) -> bool {
    set.iter().all(|x| {
        (0..x.values.nrows()).all(|i| {
            let row = x.values.row(i);
            let origin = if centred { row[0] } else { 0.0 };
            row.iter().any(|&v| v != origin)
        })
    })
}

fn varies(x: &Named) -> bool {
    x.values.col_iter().any(|c| c.iter().any(|&v| v != c[0]))
}

/// Compares all pairs by those of the measures that are `wanted`, all of which have a form for a GPU. Measures that fail on
/// the device (for want of memory, of long enough loops, or whatever else) are left out, and `refused` is told why: they
/// take no other with them.
pub(super) fn all_pairs(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
    refused: &mut dyn FnMut(usize, String),
) -> Found {
    let mut tables = Vec::with_capacity(wanted.len());
    let mut take = |group: &[usize], made: Group<'_>| {
        if group.is_empty() {
            return;
        }
        match made(group) {
            Err(error) => group.iter().for_each(|&m| refused(m, error.to_string())),
            Ok(found) => tables.extend(found),
        }
    };
    for intake in [Intake::Standard, Intake::Middle, Intake::Own, Intake::Directions, Intake::Profiles, Intake::Raw] {
        let of_intake = |m: &usize| measures[*m].cosine().is_some_and(|c| Intake::of(c.embedding.between) == intake);
        let group: Vec<usize> = wanted.iter().copied().filter(of_intake).collect();
        take(&group, &|group| products::of_group(set, measures, group, intake, gpu));
    }
    let ways: [(Is, Way); 6] = [
        (|d| matches!(d, Device::Neighbours(_)), neighbours::by_neighbours),
        (|d| matches!(d, Device::Nuclear(_)), nuclear::by_singular_values),
        (|d| matches!(d, Device::Cross(_)), crosses::by_cross_products),
        (|d| matches!(d, Device::Ranks(_)), ranks::by_ranks),
        (|d| matches!(d, Device::Tables(_)), tables::by_tables),
        (|d| matches!(d, Device::Outputs), by_outputs),
    ];
    for (is, way) in ways {
        let of_way = |m: &usize| measures[*m].made.device.as_ref().is_some_and(is);
        let group: Vec<usize> = wanted.iter().copied().filter(of_way).collect();
        take(&group, &|group| way(set, measures, group, gpu));
    }
    tables
}

/// A group of measures, computed.
type Group<'a> = &'a dyn Fn(&[usize]) -> Result<Found>;

/// Whether a form is of one kind.
type Is = fn(&Device) -> bool;

/// How measures of one form are computed.
type Way = fn(&[Named], &[Measure], &[usize], &Arc<Gpu>) -> Result<Found>;

/// Divergences of outputs, which are alike either way about.
fn by_outputs(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Found> {
    let count = set.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let mut tables = Vec::new();
    for &m in wanted.iter().filter(|&&m| matches!(measures[m].made.device, Some(Device::Outputs))) {
        let (n, classes) = set[0].values.shape();
        let outputs: Vec<Vec<f32>> = set.iter().map(|x| row_major(&x.values)).collect();
        let found = jensen_shannon(Some(gpu), [n, classes], &outputs, &pairs)?;
        let mut table = Grid::new(count);
        for (&(a, b), value) in pairs.iter().zip(found) {
            table.values[a * count + b] = value;
            table.values[b * count + a] = value;
        }
        tables.push((m, table));
    }
    Ok(tables)
}

/// The form by embeddings whose draws can be made on the device: those that are functions of a cosine.
pub(super) fn drawn(measure: &Measure) -> Option<Cosine> {
    measure.cosine().filter(|c| !matches!(c.value, FromProducts::Product(_)))
}

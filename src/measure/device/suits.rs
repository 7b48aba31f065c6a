//! Which measures a device computes of a set: what single precision cannot decide is seen on a sample of the examples, in double
//! precision.
//!
//! Dissimilarities that tie would be told apart by rounding and ranked by it; RDMs that hardly vary would be compared by what
//! rounding left of them; a few examples far from all others would take the digits of the rest. Ties or examples too few to be
//! seen among [`SEEN`] examples are too few to move a value by 1e-4.

use faer::Mat;

use super::neighbours::SPARE;
use crate::gpu::Profile;
use crate::measure::Estimator;
use crate::measure::catalogue::Measure;
use crate::measure::declaration::Device;
use crate::measure::embedding::{Bandwidth, Between, Centring};
use crate::measure::numerics::algebra::middle;
use crate::measure::pairwise::neighbours::Nearness;
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use crate::measure::representation::Named;

/// Examples of a sample at most.
const SEEN: usize = 96;

/// Deviations from the mean, or means, that single precision leaves three digits of at least: in parts of what is compared.
const SPREAD: f64 = 1e-3;

/// Lengths, in median distances, up to which rounding of them leaves a kernel of that width six digits.
const REACH: f64 = 8.0;

/// Whether a measure has a form for a device that is defined for the whole set; what is not is left to the CPU, which says
/// why.
pub(in crate::measure) fn suits(set: &[Named], measure: &Measure, profile: &Profile) -> bool {
    let n = set.first().map_or(0, |x| x.values.nrows());
    match &measure.made.device {
        None => false,
        // Constant representations have no direction; the CPU says so.
        Some(Device::Nuclear(_)) => n >= 2 && set.iter().all(varies),
        Some(Device::Cross(_)) => n >= 2,
        Some(Device::Ranks(form)) => {
            let between = form.tables.between;
            n >= 3 && has_table(set, between) && ranks_decided(set, between)
        }
        Some(Device::Tables(form)) => n >= 2 && has_table(set, form.between),
        Some(Device::Outputs) => set.iter().all(|x| x.values.ncols() == set[0].values.ncols()),
        Some(Device::Neighbours(form)) => {
            // Each pass over the examples is a loop, and some adapters end loops after so many turns.
            let turns = (form.k + SPARE) as u64 * (n as u64 + 2) + 16;
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
                && tables_vary(set, between, form.embedding.centring)
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

/// Whether no dissimilarities tie, or single precision keeps those that do.
fn ranks_decided(set: &[Named], between: Between) -> bool {
    let exact = |x: &Named| {
        matches!(between, Between::SquaredEuclidean | Between::Euclidean | Between::CityBlock)
            && x.values.col_iter().all(|c| c.iter().all(|v| v.fract() == 0.0 && v.abs() < 4096.0))
    };
    let angles = matches!(between, Between::Correlation | Between::Cosine);
    set.iter().all(|x| {
        exact(x)
            || (angles || has_width(x))
                && table(x, between).is_some_and(|t| {
                    let mut values = t.with_ties().values().to_vec();
                    values.sort_unstable_by(f64::total_cmp);
                    values.windows(2).all(|w| w[0] != w[1])
                })
    })
}

/// Whether single precision keeps digits of what is compared of tables of this kind.
fn tables_vary(set: &[Named], between: Between, centring: Centring) -> bool {
    let median = matches!(between, Between::Gaussian(Bandwidth::Median(..)) | Between::Laplace(Bandwidth::Median(..)));
    if median {
        return set.iter().all(has_width);
    }
    if between == Between::Linear || dissimilarity(between).is_none() {
        return true;
    }
    set.iter().all(|x| {
        let Some(table) = table(x, between) else { return false };
        let values = table.values();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let size = match between {
            Between::Cosine | Between::Correlation => 1.0,
            _ => mean,
        };
        let deviation = match centring {
            Centring::Raw => mean,
            _ => (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt(),
        };
        deviation >= SPREAD * size
    })
}

/// Whether most examples, and the mean of all, lie no further from the middle of each unit than the median distance allows:
/// a few examples far from all others move the mean, and a table is made from it.
fn has_width(x: &Named) -> bool {
    let seen = sample(x);
    let Ok(table) = rdm(seen.as_ref(), Dissimilarity::Euclidean) else { return false };
    let middles: Vec<f64> = x.values.col_iter().map(|c| middle(c.iter().copied().collect())).collect();
    let from =
        |values: &mut dyn Iterator<Item = f64>| values.zip(&middles).map(|(v, m)| (v - m).powi(2)).sum::<f64>().sqrt();
    let most = REACH * middle(table.values().to_vec());
    let lengths = (0..seen.nrows()).map(|i| from(&mut seen.row(i).iter().copied())).collect();
    let n = x.values.nrows() as f64;
    let mean = from(&mut x.values.col_iter().map(|c| c.iter().sum::<f64>() / n));
    middle(lengths) <= most && mean <= most
}

fn dissimilarity(between: Between) -> Option<Dissimilarity> {
    Some(match between {
        Between::SquaredEuclidean => Dissimilarity::SquaredEuclidean,
        Between::Euclidean => Dissimilarity::Euclidean,
        Between::Correlation => Dissimilarity::Correlation,
        Between::Cosine => Dissimilarity::Cosine,
        Between::CityBlock => Dissimilarity::Cityblock,
        Between::Poisson(shift, _) => Dissimilarity::Poisson { prior_rate: f64::from(shift), prior_weight: 1.0 },
        _ => return None,
    })
}

fn table(x: &Named, between: Between) -> Option<Rdm> {
    rdm(sample(x).as_ref(), dissimilarity(between)?).ok()
}

/// One example of each of [`SEEN`] parts, at a place in it without pattern.
fn sample(x: &Named) -> Mat<f64> {
    let n = x.values.nrows();
    let seen = n.min(SEEN);
    let row = |part: usize| {
        let (start, end) = (part * n / seen, (part + 1) * n / seen);
        let hash = (part as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        start + hash as usize % (end - start)
    };
    Mat::from_fn(seen, x.values.ncols(), |i, j| x.values[(row(i), j)])
}

//! What single precision cannot decide is seen on a sample of the examples, in double precision.
//!
//! Dissimilarities that tie would be told apart by rounding and ranked by it; RDMs that hardly vary would be compared by what
//! rounding left of them; a few examples far from all others would take the digits of the rest. Ties or examples too few to be
//! seen among [`SEEN`] examples are too few to move a value by 1e-4.

use faer::Mat;

use crate::measure::compare::Named;
use crate::measure::embedding::{Bandwidth, Between, Centring};
use crate::measure::numerics::algebra::middle;
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};

/// Examples of a sample at most.
const SEEN: usize = 96;

/// Deviations from the mean, or means, that single precision leaves three digits of at least: in parts of what is compared.
const SPREAD: f64 = 1e-3;

/// Lengths, in median distances, up to which rounding of them leaves a kernel of that width six digits.
const REACH: f64 = 8.0;

/// Whether no dissimilarities tie, or single precision keeps those that do.
pub(super) fn ranks_decided(set: &[Named], between: Between) -> bool {
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
pub(super) fn varies(set: &[Named], between: Between, centring: Centring) -> bool {
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

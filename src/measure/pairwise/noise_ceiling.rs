//! The noise ceiling of RSA: how well any model could do, given how much the RDMs of several subjects agree.

use crate::error::Result;
use crate::measure::numerics::algebra::{dot, sum};
use crate::measure::numerics::check::refuse;
use crate::measure::pair::rsa::{Comparison, compare};
use crate::measure::pairwise::gram::double_centred_condensed;
use crate::measure::pairwise::rank::average_ranks;
use crate::measure::pairwise::rdm::Rdm;

/// Bounds on the mean similarity that the true model would have with the subjects' RDMs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseCeiling {
    /// The mean similarity of each subject with the pool of all others.
    pub lower: f64,
    /// The mean similarity of each subject with the pool of all, itself included.
    pub upper: f64,
}

/// The size to which an RDM is brought before the RDMs of the subjects are added up. It matters for the whitened
/// comparisons alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The norm that the comparison itself uses, whitened where it whitens. The pool is then the RDM with the largest
    /// mean similarity, so that no model exceeds the upper bound.
    Matched,
    /// The plain Euclidean norm (of deviations from the mean, for correlations), as rsatoolbox.
    Plain,
}

/// The noise ceiling (Nili et al. 2014) of the RDMs of at least two subjects, for one way of comparing.
///
/// The pool is the mean of RDMs of unit norm for cosines, of unit deviations for correlations, and of ranks for rank
/// correlations; for Kendall's taus that pool is only close to the best one.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for fewer than two RDMs, RDMs of different sizes, a constant or zero
/// RDM where the comparison is not defined for it (opposite RDMs may also add up to a constant pool), or a Bures
/// comparison, for which no pool is defined.
pub fn noise_ceiling(subjects: &[Rdm], comparison: Comparison, pooling: Pooling) -> Result<NoiseCeiling> {
    let [first, others @ ..] = subjects else {
        return refuse("expected the RDMs of at least 2 subjects, got 0; pass more");
    };
    if others.is_empty() {
        return refuse("expected the RDMs of at least 2 subjects, got 1; pass more");
    }
    if let Some(other) = others.iter().find(|s| s.conditions() != first.conditions()) {
        return refuse(format!(
            "expected RDMs of the same examples, got {} and {} examples; pass matching RDMs",
            first.conditions(),
            other.conditions()
        ));
    }
    let normal = subjects.iter().map(|s| normalised(s, comparison, pooling)).collect::<Result<Vec<_>>>()?;
    let mean_similarity = |pool: &dyn Fn(usize) -> Vec<f64>| -> Result<f64> {
        let values = subjects
            .iter()
            .enumerate()
            .map(|(i, subject)| compare(&Rdm::new(pool(i))?, subject, comparison))
            .collect::<Result<Vec<f64>>>()?;
        Ok(sum(&values) / values.len() as f64)
    };
    let total = added(&normal, None);
    Ok(NoiseCeiling {
        lower: mean_similarity(&|i| added(&normal, Some(i)))?,
        upper: mean_similarity(&|_| total.clone())?,
    })
}

/// The sum of the RDMs but one. No comparison feels the factor that makes it the mean.
fn added(normal: &[Vec<f64>], without: Option<usize>) -> Vec<f64> {
    let mut total = vec![0.0; normal.first().map_or(0, Vec::len)];
    for (_, values) in normal.iter().enumerate().filter(|&(i, _)| Some(i) != without) {
        total.iter_mut().zip(values).for_each(|(t, v)| *t += v);
    }
    total
}

/// One subject's RDM in the form that is added up.
fn normalised(subject: &Rdm, comparison: Comparison, pooling: Pooling) -> Result<Vec<f64>> {
    let mut values = subject.values().to_vec();
    match comparison {
        Comparison::Spearman | Comparison::RhoA | Comparison::TauA | Comparison::TauB => return average_ranks(&values),
        Comparison::Cosine | Comparison::WhitenedCosine => {}
        Comparison::Pearson | Comparison::WhitenedPearson => {
            let mean = sum(&values) / values.len() as f64;
            values.iter_mut().for_each(|v| *v -= mean);
        }
    }
    let whitened = matches!(comparison, Comparison::WhitenedCosine | Comparison::WhitenedPearson);
    let square = if whitened && pooling == Pooling::Matched {
        let (above, diagonal) = double_centred_condensed(&values, subject.conditions());
        2.0 * dot(&above, &above) + dot(&diagonal, &diagonal)
    } else {
        dot(&values, &values)
    };
    if !(square > 0.0 && square.is_finite()) {
        return refuse("expected RDMs that vary and are within range, got a constant or extreme one; leave it out");
    }
    let norm = square.sqrt();
    values.iter_mut().for_each(|v| *v /= norm);
    Ok(values)
}

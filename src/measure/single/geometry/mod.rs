//! Geometry of a representation with respect to a task: how classes or conditions lie to each other.

mod ccgp;
mod clusters;
mod collapse;
mod dichotomies;
mod null;
mod parallelism;
mod target;

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::single::input::{Classes, Rows, squared_distance};
use crate::measure::single::probe::{LogisticOptions, logistic, ridge, winners};

pub(crate) use ccgp::context_splits;
pub use ccgp::{Ccgp, ccgp, ccgp_across_contexts};
pub use clusters::{calinski_harabasz, davies_bouldin, silhouette, silhouette_samples};
pub use collapse::{EquiangularTightFrame, nc1, nc1_trace_ratio, nc2, nc3, nc4};
pub use dichotomies::{Dichotomies, Shattering, shattering_dimensionality};
pub use null::{GeometryNull, against_geometry_null, geometry_null};
pub(crate) use parallelism::of_means;
pub use parallelism::{parallelism_of_pairs, parallelism_score};
pub use target::{target_alignment_centred, target_alignment_uncentred};

/// Decoder of a class from a representation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoder {
    /// Penalised logistic regression.
    Logistic(LogisticOptions),
    /// Ridge regression on ±1 for each class, largest value wins.
    Ridge {
        /// Penalty.
        alpha: f64,
    },
    /// The class with the closest mean.
    NearestCentroid,
}

impl Decoder {
    /// Labels predicted for `test` after fitting on the rest.
    pub(crate) fn predict(
        &self,
        train: MatRef<'_, f64>,
        labels: &[usize],
        test: MatRef<'_, f64>,
    ) -> Result<Vec<usize>> {
        let classes = Classes::of(labels, train.nrows(), 2)?;
        match self {
            Decoder::Logistic(options) => logistic(train, labels, options)?.predict(test),
            Decoder::Ridge { alpha } => {
                let targets =
                    Mat::from_fn(train.nrows(), classes.number(), |i, c| if classes.of[i] == c { 1.0 } else { -1.0 });
                Ok(winners(ridge(train, targets.as_ref(), *alpha)?.predict(test)?.as_ref(), &classes.values))
            }
            Decoder::NearestCentroid => {
                let (means, test) = (Rows::of(classes.means(train).as_ref()), Rows::of(test));
                let negative = Mat::from_fn(test.iter().count(), classes.number(), |i, c| {
                    -squared_distance(test.row(i), means.row(c))
                });
                Ok(winners(negative.as_ref(), &classes.values))
            }
        }
    }

    /// Share of test examples predicted rightly.
    pub(crate) fn accuracy(
        &self,
        train: (MatRef<'_, f64>, &[usize]),
        test: (MatRef<'_, f64>, &[usize]),
    ) -> Result<f64> {
        let predicted = self.predict(train.0, train.1, test.0)?;
        Ok(predicted.iter().zip(test.1).filter(|(a, b)| a == b).count() as f64 / test.1.len() as f64)
    }
}

//! Decoding in other terms than a linear probe's accuracy: usable information in bits, nearest centroids, neighbours.

use faer::MatRef;

use crate::error::Result;
use crate::measure::single::input::{Classes, Rows, check, fail, mean, squared_distance};
use crate::measure::single::probe::{Classified, Fold, LogisticOptions, classify, logistic_probe, ridge_probe};

/// Entropy of labels in bits.
///
/// # Errors
/// No labels.
pub fn label_entropy(labels: &[usize]) -> Result<f64> {
    let classes = Classes::of(labels, labels.len(), 1)?;
    let n = labels.len() as f64;
    Ok(-classes.counts.iter().map(|c| *c as f64 / n).map(|p| p * p.log2()).sum::<f64>())
}

/// Usable information about labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsableInformation {
    /// Entropy of the labels in bits: the least cross-entropy without the representation.
    pub entropy: f64,
    /// Held-out cross-entropy of the probe in bits.
    pub cross_entropy: f64,
    /// The difference in bits: at most the entropy, and negative where the probe overfits.
    pub information: f64,
    /// Held-out accuracy of the same probe.
    pub accuracy: f64,
}

/// V-information of a representation about labels (Xu et al. 2020), for the family of penalised linear softmax
/// classifiers: `H(Y)` of all labels less the held-out cross-entropy, in bits.
///
/// # Errors
/// Those of [`logistic_probe`].
pub fn usable_information(
    x: MatRef<'_, f64>,
    labels: &[usize],
    folds: &[Fold],
    options: &LogisticOptions,
) -> Result<UsableInformation> {
    let probed = logistic_probe(x, labels, folds, options)?;
    let Some(cross_entropy) = probed.cross_entropy_bits else {
        return fail("the probe gave no probabilities");
    };
    let entropy = label_entropy(labels)?;
    Ok(UsableInformation { entropy, cross_entropy, information: entropy - cross_entropy, accuracy: probed.accuracy })
}

/// Usable information about one continuous feature, under a linear map with Gaussian noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureInformation {
    /// With noise of fixed variance, in units of the feature's variance: `1 - MSE / Var`, the held-out R². At most 1.
    /// The form in which complexities of features are averaged; NaN for a constant feature.
    pub fixed_variance: f64,
    /// With noise of free variance, in bits: `-log2(1 - R²) / 2`. Infinite where the feature is predicted exactly.
    pub bits: f64,
}

/// V-information of a representation about each of several continuous features (examples × features), from held-out
/// predictions of ridge regression. Both Gaussian families are given; see [`FeatureInformation`].
///
/// # Errors
/// Those of [`ridge_probe`].
pub fn feature_information(
    x: MatRef<'_, f64>,
    features: MatRef<'_, f64>,
    folds: &[Fold],
    alpha: f64,
) -> Result<Vec<FeatureInformation>> {
    let r2 = ridge_probe(x, features, folds, alpha)?.pooled.per_target;
    Ok(r2
        .into_iter()
        .map(|r| FeatureInformation { fixed_variance: r, bits: -0.5 * (-r).ln_1p() / std::f64::consts::LN_2 })
        .collect())
}

/// Complexity of features after Fel et al. (2024): 1 less the mean over layers of the usable information about the
/// feature, in the form of [`FeatureInformation::fixed_variance`]. 0 for a feature that every layer gives away linearly,
/// about 1 for one that none does; above 1 where probes overfit.
///
/// `layers`: representations of the same examples, first to last; `features`: examples × features.
///
/// # Errors
/// No layers; those of [`feature_information`].
pub fn feature_complexity(
    layers: &[MatRef<'_, f64>],
    features: MatRef<'_, f64>,
    folds: &[Fold],
    alpha: f64,
) -> Result<Vec<f64>> {
    if layers.is_empty() {
        return fail("give at least one layer to decode features from");
    }
    let by_layer =
        layers.iter().map(|x| feature_information(*x, features, folds, alpha)).collect::<Result<Vec<_>>>()?;
    Ok((0..features.ncols())
        .map(|f| 1.0 - mean(&by_layer.iter().map(|layer| layer[f].fixed_variance).collect::<Vec<_>>()))
        .collect())
}

/// Nearest-centroid probe: the class whose mean of the training part is closest (euclidean); the smaller label of equals.
///
/// # Errors
/// Labels of another length, fewer than two classes, values that are not finite, folds that are no partition.
pub fn nearest_centroid_probe(x: MatRef<'_, f64>, labels: &[usize], folds: &[Fold]) -> Result<Classified> {
    classify(x, labels, folds, |train, train_labels, test, _| {
        let classes = Classes::of(train_labels, train.nrows(), 1)?;
        let (means, test) = (Rows::of(classes.means(train).as_ref()), Rows::of(test));
        let nearest = test.iter().map(|row| {
            let distances: Vec<f64> = means.iter().map(|m| squared_distance(row, m)).collect();
            classes.values[(1..distances.len()).fold(0, |b, c| if distances[c] < distances[b] { c } else { b })]
        });
        Ok((nearest.collect(), None))
    })
}

/// Nearest-neighbour probe: the most frequent class among the `k` closest examples of the training part (euclidean).
/// Equal distances go to the earlier example, equal counts to the smaller label.
///
/// # Errors
/// `k` zero or above the size of a training part; labels of another length, fewer than two classes, values that are not
/// finite, folds that are no partition.
pub fn neighbour_probe(x: MatRef<'_, f64>, labels: &[usize], k: usize, folds: &[Fold]) -> Result<Classified> {
    check(x, "the representation", 2)?;
    classify(x, labels, folds, |train, train_labels, test, _| {
        if k == 0 || k > train.nrows() {
            return fail(format!("{k} neighbours were asked for, but a training part has {} examples", train.nrows()));
        }
        let classes = Classes::of(train_labels, train.nrows(), 1)?;
        let (train, test) = (Rows::of(train), Rows::of(test));
        let vote = |row: &[f64]| {
            let mut order: Vec<(f64, usize)> =
                train.iter().enumerate().map(|(i, t)| (squared_distance(row, t), i)).collect();
            order.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut votes = vec![0_usize; classes.number()];
            order.iter().take(k).for_each(|(_, i)| votes[classes.of[*i]] += 1);
            classes.values[(1..votes.len()).fold(0, |b, c| if votes[c] > votes[b] { c } else { b })]
        };
        Ok((test.iter().map(vote).collect(), None))
    })
}

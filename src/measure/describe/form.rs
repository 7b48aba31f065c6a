//! What a statistic asks of the device.

use crate::measure::single::dimension::{Combine, Duplicates, EmpiricalCdf};
use crate::measure::single::spectrum::Sampled;

/// The form in which a statistic is computed on a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnDevice {
    /// From the singular values of the centred representation.
    Spectrum(OfSpectrum),
    /// RankMe, from the singular values of the representation as it is.
    RankMe,
    /// From distances to nearest neighbours.
    Neighbours(OfNeighbours),
    /// From the distances of all pairs of examples.
    Distances(OfDistances),
    /// From class means.
    Classes(OfClasses),
    /// A decoder tested on folds that it was not fitted to.
    Probe {
        /// Which.
        decoder: Decoder,
        /// Stratified folds.
        folds: usize,
    },
}

/// Statistics of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfSpectrum {
    /// Participation ratio.
    ParticipationRatio,
    /// The same with the bias of samples taken out.
    Corrected(Sampled),
    /// Effective rank of the singular values.
    EffectiveRank,
    /// Effective rank of the eigenvalues.
    EffectiveRankOfEigenvalues,
    /// Stable rank.
    StableRank,
    /// Principal components to exceed this part of the variance.
    Components(f64),
    /// Part of the variance in a component, counted from 1.
    ExplainedVariance(usize),
    /// Exponent of a power law over these ranks, counted from 1; up to the last there is if the last is 0.
    PowerLaw(usize, usize),
}

/// Statistics of distances to neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfNeighbours {
    /// TwoNN by least squares: the part discarded, and the distribution function.
    TwoNn(f64, EmpiricalCdf, Duplicates),
    /// TwoNN by maximum likelihood.
    TwoNnLikelihood(Duplicates),
    /// Levina and Bickel's estimate from so many neighbours.
    LevinaBickel(usize, Combine, Duplicates),
    /// Correlation dimension between the median distances to these two neighbours.
    CorrelationDimension(usize, usize, Duplicates),
}

/// Statistics of all distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfDistances {
    /// Mean distance.
    Mean,
    /// Median distance.
    Median,
    /// Uniformity on the sphere, with its sharpness.
    Uniformity(f64),
    /// Mean silhouette of the classes.
    Silhouette,
}

/// Statistics of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfClasses {
    /// Mean selectivity of the units.
    Selectivity,
    /// Davies-Bouldin index.
    DaviesBouldin,
    /// Calinski-Harabasz index.
    CalinskiHarabasz,
    /// NC1 of neural collapse.
    Collapse,
    /// Centred kernel alignment with the labels.
    Alignment,
    /// The same, not centred.
    UncentredAlignment,
}

/// Decoders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoder {
    /// Logistic regression with this `C`: accuracy.
    Logistic(f64),
    /// The same: usable information in bits.
    Information(f64),
    /// Ridge classifier with this penalty: accuracy.
    Ridge(f64),
    /// Ridge regression on one-hot labels with this penalty: R², classes weighted by variance.
    OneHot(f64),
    /// The nearest class mean: accuracy.
    Centroid,
    /// So many nearest examples: accuracy.
    Neighbours(usize),
}

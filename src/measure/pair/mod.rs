//! Measures of two representations, a file each (or of a close family): what is said of a measure (name, formula, range, invariances,
//! source, options), how it is computed, and its tests. A new one is a file here and a line in `ALL`.

mod bures;
mod cca;
mod cka;
mod cknna;
mod distance_correlation;
mod eigenspace_overlap;
mod geodesic;
mod gulp;
mod hsic;
pub mod information_match;
mod kernels;
mod linear_regression;
pub mod matching;
mod minibatch_cka;
pub mod neighbours;
mod null;
mod output_jsd;
mod permutation_procrustes;
mod pls;
pub mod procrustes;
mod pwcca;
mod ridge;
pub mod rsa;
pub mod rtd;
mod rv;
pub mod shape;
mod sparse_prediction;
mod svcca;
pub mod unit_clusters;

#[cfg(test)]
pub(in crate::measure) mod testing;

use super::declaration::{Entry, Extents, Given, Invariance as I};

/// Every measure, family by family.
pub(super) const ALL: &[&Entry] = &[
    &cka::CKA,
    &cka::ANGULAR_CKA,
    &hsic::HSIC,
    &minibatch_cka::MINIBATCH_CKA,
    &distance_correlation::DISTANCE_CORRELATION,
    &cknna::CKNNA,
    &rv::RV,
    &rv::RV_ADJUSTED,
    &rsa::RSA,
    &bures::RSA_BURES,
    &bures::RSA_BURES_DISTANCE,
    &procrustes::PROCRUSTES,
    &procrustes::NBS,
    &shape::SHAPE,
    &geodesic::GEODESIC,
    &permutation_procrustes::PERMUTATION_PROCRUSTES,
    &cca::CCA,
    &svcca::SVCCA,
    &pwcca::PWCCA,
    &eigenspace_overlap::EIGENSPACE_OVERLAP,
    &gulp::GULP,
    &linear_regression::LINEAR_REGRESSION,
    &ridge::RIDGE,
    &ridge::RIDGE_LOO,
    &pls::PLS,
    &output_jsd::OUTPUT_JSD,
    &matching::BIPARTITE_MATCH,
    &matching::SEMI_MATCH,
    &matching::SOFT_MATCH,
    &matching::SOFT_MATCH_DISTANCE,
    &information_match::INFORMATION_MATCH,
    &sparse_prediction::SPARSE_PREDICTION,
    &unit_clusters::UNIT_CLUSTERS,
    &neighbours::KNN,
    &neighbours::KNN_JACCARD,
    &rtd::RTD,
];

const KERNELS: &str = "kernels";
const RDMS: &str = "RDMs";
const SHAPES: &str = "shapes";
const SUBSPACES: &str = "subspaces";
const PREDICTION: &str = "prediction";
const UNITS: &str = "units";
const NEIGHBOURS: &str = "neighbours";
const TOPOLOGY: &str = "topology";

const ORTHOGONAL: &[I] = &[I::Translation, I::Scaling, I::Permutation, I::Orthogonal];
const LINEAR: &[I] = &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation, I::Orthogonal, I::Linear];
const MATCHING: &[I] = &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation];

/// A representation, in errors.
const NAME: &str = "the representation";

fn few_examples(_: &Given, e: Extents) -> Option<String> {
    let units = e.p.max(e.q);
    (e.n < 2 * units).then(|| {
        format!("{} examples of up to {units} units: biased towards alike; compare with independent data", e.n)
    })
}

fn forced_ones(_: &Given, e: Extents) -> Option<String> {
    (e.n <= e.p + e.q).then(|| {
        format!("{} examples for {} + {} units: some canonical correlations are 1 whatever the data", e.n, e.p, e.q)
    })
}

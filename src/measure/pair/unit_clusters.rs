//! Spectral clustering of the units of two representations together, which finds many-to-many mappings: groups of units
//! that span about the same subspace in both.
//!
//! Li, Yosinski, Clune, Lipson and Hopcroft 2016 (*Convergent Learning*), with the algorithm of Ng, Jordan
//! and Weiss 2001. The graph has one node per unit of either representation; affinities are correlations.

use super::matching::{Sign, constant_units};
use super::null::{DRAWS, NULL, SEED, held, or_null};
use super::{MATCHING, NAME, UNITS};
use crate::error::Result;
use crate::measure::declaration::{Entry, Held, Host, count, word};
use crate::measure::numerics::algebra::symmetric_eigen;
use crate::measure::numerics::check::{refuse, same_examples};
use crate::measure::numerics::kmeans::kmeans;
use crate::measure::numerics::units::{Units, cross_correlation};
use faer::{Mat, MatRef};

/// Part of the units in clusters that both networks share.
pub(super) const UNIT_CLUSTERS: Entry = Entry {
    formula: "spectral clustering of all units by |correlation|; units in clusters with units of both, over all",
    invariances: MATCHING,
    cost: "n p² + p³",
    held: |g, e| {
        let units = Held::of_units(e);
        held(g, Held { comparing: units.comparing + 9.0 * ((e.p + e.q) as f64).powi(2), ..units })
    },
    source: "Li et al. 2016",
    parameters: &[
        count("clusters", 8, 1, "how many"),
        word("edges", &["within-and-between", "between"], "which pairs of units have an affinity"),
        NULL,
        DRAWS,
        SEED,
    ],
    caution: constant_units,
    make: |g| {
        let mut options = ClusterOptions::new(g.count("clusters"));
        options.edges = if g.word("edges") == "between" { Edges::Between } else { Edges::WithinAndBetween };
        let compare = move |a: &Units, b: &Units| Ok(clusters_of(a, b, &options)?.shared_units);
        or_null(g, Host::new(|x| Units::new(x, NAME), compare))
    },
    ..Entry::similarity("unit_clusters", "part of the units in clusters that both networks share", UNITS)
};

/// Which pairs of units have an affinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// All pairs, within each representation and between the two.
    WithinAndBetween,
    /// Only pairs with one unit of each: a bipartite graph (Dhillon 2001).
    Between,
}

/// Settings of the clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterOptions {
    /// Number of clusters, at least 1 and at most the number of units of both.
    pub clusters: usize,
    /// Which pairs of units have an affinity.
    pub edges: Edges,
    /// Affinity of a pair with correlation r: |r|, or max(r, 0) if signed. A unit has none with itself.
    pub sign: Sign,
    /// Starts of k-means beside the fixed one; the best run counts.
    pub restarts: usize,
    /// Seed of those starts.
    pub seed: u64,
}

impl ClusterOptions {
    /// `clusters` clusters on |correlation| within and between, with 10 restarts and seed 0.
    pub fn new(clusters: usize) -> Self {
        Self { clusters, edges: Edges::WithinAndBetween, sign: Sign::Absolute, restarts: 10, seed: 0 }
    }
}

/// One group of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitCluster {
    /// Units of X in the cluster, by index in X, ascending.
    pub x: Vec<usize>,
    /// Units of Y in the cluster, by index in Y, ascending.
    pub y: Vec<usize>,
}

/// Clusters of the units of two representations.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitClusters {
    /// The clusters that have units, largest first; between equally large ones the one with the first unit of X, then
    /// of Y.
    pub clusters: Vec<UnitCluster>,
    /// How many clusters have units of both representations.
    pub shared: usize,
    /// How many have units of X only.
    pub only_x: usize,
    /// How many have units of Y only.
    pub only_y: usize,
    /// Share of all units that lie in clusters with units of both, in [0, 1].
    pub shared_units: f64,
    /// All eigenvalues of the normalised Laplacian, ascending, in [0, 2] up to rounding. As many are 0 as the graph has
    /// components; a gap after the k-th speaks for k clusters.
    pub eigenvalues: Vec<f64>,
    /// Sum of squared distances of the embedded units to the centres of their clusters.
    pub inertia: f64,
    /// Units of X left out for having no variance.
    pub dropped_x: usize,
    /// Units of Y left out for having no variance.
    pub dropped_y: usize,
}

/// Clusters the units of `x` (examples × p) and `y` (examples × q) together.
///
/// The units are embedded by the eigenvectors of I − D^(−½) W D^(−½) with the k smallest eigenvalues, scaled to length
/// 1, and clustered by k-means from fixed starts: the same input gives the same clusters. Where the k-th and the next
/// eigenvalue are equal, the embedding, and with it the clusters, is not determined by the data.
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, no unit of one of the two
/// varies, or unless 1 ≤ clusters ≤ kept units.
pub fn cluster_units(x: MatRef<'_, f64>, y: MatRef<'_, f64>, options: &ClusterOptions) -> Result<UnitClusters> {
    same_examples(x.nrows(), y.nrows())?;
    clusters_of(&Units::new(x, "X")?, &Units::new(y, "Y")?, options)
}

/// The same of standardised units.
fn clusters_of(ux: &Units, uy: &Units, options: &ClusterOptions) -> Result<UnitClusters> {
    let (p, q) = (ux.kept.len(), uy.kept.len());
    let k = options.clusters;
    if k == 0 || k > p + q {
        return refuse(format!("expected between 1 and {} clusters for the {p} + {q} units that vary, got {k}", p + q));
    }
    let within_x = cross_correlation(ux, ux);
    let within_y = cross_correlation(uy, uy);
    let between = cross_correlation(ux, uy);
    let affinity = |i: usize, j: usize| {
        let inside = options.edges == Edges::WithinAndBetween;
        let r = match (i < p, j < p) {
            _ if i == j => 0.0,
            (true, true) if inside => within_x[(i, j)],
            (false, false) if inside => within_y[(i - p, j - p)],
            (true, false) => between[(i, j - p)],
            (false, true) => between[(j, i - p)],
            _ => 0.0,
        };
        if options.sign == Sign::Absolute { r.abs() } else { r.max(0.0) }
    };
    let weights = Mat::from_fn(p + q, p + q, affinity);
    let degrees: Vec<f64> = weights.col_iter().map(|c| c.iter().sum()).collect();
    let (eigenvalues, vectors) = laplacian_eigen(&weights, &degrees)?;
    let points: Vec<Vec<f64>> = (0..p + q)
        .map(|i| {
            let row: Vec<f64> = (0..k).map(|c| vectors[(i, c)]).collect();
            let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            // A unit outside the span of these vectors (an isolated one can be) stays at the origin.
            row.into_iter().map(|v| if norm > f64::EPSILON { v / norm } else { 0.0 }).collect()
        })
        .collect();
    // The best connected unit is a stable first centre.
    let first = (0..p + q).fold(0, |best, i| if degrees[i] > degrees[best] { i } else { best });
    let found = kmeans(&points, k, first, options.restarts, options.seed);
    let mut clusters = vec![UnitCluster { x: Vec::new(), y: Vec::new() }; k];
    for (node, &label) in found.label.iter().enumerate() {
        if node < p {
            clusters[label].x.push(ux.kept[node]);
        } else {
            clusters[label].y.push(uy.kept[node - p]);
        }
    }
    clusters.retain(|c| !c.x.is_empty() || !c.y.is_empty());
    let first_unit = |units: &[usize]| units.first().copied().unwrap_or(usize::MAX);
    clusters.sort_by_key(|c| (std::cmp::Reverse(c.x.len() + c.y.len()), first_unit(&c.x), first_unit(&c.y)));
    let count = |f: fn(&UnitCluster) -> bool| clusters.iter().filter(|c| f(c)).count();
    let in_shared: usize =
        clusters.iter().filter(|c| !c.x.is_empty() && !c.y.is_empty()).map(|c| c.x.len() + c.y.len()).sum();
    Ok(UnitClusters {
        shared: count(|c| !c.x.is_empty() && !c.y.is_empty()),
        only_x: count(|c| c.y.is_empty()),
        only_y: count(|c| c.x.is_empty()),
        shared_units: in_shared as f64 / (p + q) as f64,
        clusters,
        eigenvalues,
        inertia: found.inertia,
        dropped_x: ux.dropped,
        dropped_y: uy.dropped,
    })
}

/// Eigenvalues, ascending, and eigenvectors of the normalised Laplacian; a node without edges has eigenvalue 0.
fn laplacian_eigen(weights: &Mat<f64>, degrees: &[f64]) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = degrees.len();
    let root: Vec<f64> = degrees.iter().map(|d| if *d > 0.0 { 1.0 / d.sqrt() } else { 0.0 }).collect();
    let laplacian = Mat::from_fn(n, n, |i, j| {
        let own = if i == j && degrees[i] > 0.0 { 1.0 } else { 0.0 };
        own - root[i] * weights[(i, j)] * root[j]
    });
    symmetric_eigen(laplacian.as_ref())
}

#[cfg(test)]
mod tests;

//! Measures that compare which examples are near which: overlap of the k nearest neighbours of every example in two
//! representations.

use std::sync::Arc;

use super::NEIGHBOURS;
use crate::error::Result;
use crate::measure::declaration::{
    Device, Entry, Extents, Given, Held, Host, Invariance, Made, Neighbourhood, Parameter, count, word,
};
use crate::measure::pairwise::neighbours::{Nearness, Neighbours, jaccard, mutual_overlap, nearest_neighbours};

const NEAREST: &[Parameter] = &[
    count("k", 10, 1, "neighbours of each example"),
    word("by", &["cosine", "euclidean", "inner-product"], "what makes two examples near"),
];

/// Common nearest neighbours.
pub(super) const KNN: Entry = Entry {
    formula: "mean |A ∩ B| / k over examples, expected where equally near ones are drawn; chance level k / (n - 1)",
    invariances: &[Invariance::Scaling, Invariance::Permutation, Invariance::Orthogonal],
    cost: "n² p",
    held,
    source: "Huh et al. 2024",
    parameters: NEAREST,
    caution: chance,
    make: |g| Ok(nearest(g, mutual_overlap)),
    ..Entry::similarity("knn", "common nearest neighbours", NEIGHBOURS)
};

/// Jaccard index of nearest neighbours.
pub(super) const KNN_JACCARD: Entry = Entry {
    formula: "mean |A ∩ B| / |A ∪ B| over examples, expected where equally near ones are drawn",
    invariances: &[Invariance::Scaling, Invariance::Permutation, Invariance::Orthogonal],
    cost: "n² p",
    held,
    source: "Klabunde et al. 2025",
    parameters: NEAREST,
    make: |g| Ok(nearest(g, jaccard)),
    ..Entry::similarity("knn_jaccard", "Jaccard index of nearest neighbours", NEIGHBOURS)
};

/// One row of distances at a time.
fn held(g: &Given, e: Extents) -> Held {
    let [n, p, k] = [e.n, e.p, g.count("k")].map(|side| side as f64);
    Held { prepared: n * k, preparing: 3.0 * n * p + 6.0 * n, comparing: 2.0 * n + 4.0 * k }
}

fn nearest(g: &Given, compare: fn(&Neighbours, &Neighbours) -> Result<f64>) -> Made {
    let k = g.count("k");
    let nearness = match g.word("by") {
        "euclidean" => Nearness::Euclidean,
        "inner-product" => Nearness::InnerProduct,
        _ => Nearness::Cosine,
    };
    Made {
        host: Host::new(move |x| nearest_neighbours(x, k, nearness), compare),
        device: Some(Device::Neighbours(Neighbourhood {
            k,
            nearness,
            compare: Arc::new(move |a, b| compare(a.neighbours, b.neighbours)),
        })),
    }
}

fn chance(g: &Given, e: Extents) -> Option<String> {
    (e.n > 1).then(|| format!("chance level {:.4}", g.count("k") as f64 / (e.n as f64 - 1.0)))
}

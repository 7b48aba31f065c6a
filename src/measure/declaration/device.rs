//! How a measure is computed on a device, in f32, for all pairs at once.
//!
//! What is the same for all pairs of a representation is done once, in f64 on the host or on the device; the work that
//! grows with the pairs, or with the square of the examples, is done on the device; what is left of a pair, a few numbers
//! or a small matrix, is finished on the host in f64. Each form here is one way of dividing the work.

use std::sync::Arc;

use faer::MatRef;

use super::cross::Cross;
use crate::error::Result;
use crate::measure::embedding::{Between, Embedding};
use crate::measure::numerics::basis::{Basis, Shape};
use crate::measure::pairwise::neighbours::{Nearness, Neighbours};
use crate::measure::pairwise::rdm::Rdm;

/// How a measure is computed on a device.
#[derive(Clone)]
pub enum Device {
    /// From inner products of embeddings.
    Cosine(Cosine),
    /// From the nearest neighbours.
    Neighbours(Neighbourhood),
    /// From the singular values of the cross-product, all on the device.
    Nuclear(Nuclear),
    /// From the cross-product, finished on the host.
    Cross(Cross),
    /// From the ranks of dissimilarities.
    Ranks(Ranks),
    /// From tables of dissimilarities, finished on the host.
    Tables(Tables),
    /// From the softmax of each example's units: the Jensen-Shannon divergence.
    Outputs,
}

impl Device {
    /// What the device does, in a few words.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Cosine(_) => "wholly on the device",
            Self::Neighbours(_) => "neighbours on the device",
            Self::Nuclear(_) => "pairs on the device, a factorisation of each representation on the CPU",
            Self::Cross(_) => "cross-products on the device, the rest on the CPU",
            Self::Ranks(_) => "dissimilarities, sorting and counting on the device",
            Self::Tables(_) => "dissimilarities on the device, their comparison on the CPU",
            Self::Outputs => "wholly on the device",
        }
    }
}

/// A measure that is a function of inner products of embeddings.
#[derive(Clone, Copy, Debug)]
pub struct Cosine {
    /// What each representation becomes.
    pub embedding: Embedding,
    /// What is made of the inner products.
    pub value: FromProducts,
}

/// What is made of inner products of embeddings.
#[derive(Clone, Copy, Debug)]
pub enum FromProducts {
    /// The cosine as it is.
    Cosine,
    /// Its angle; beyond this cosine, either way, single precision does not tell angles apart.
    Angle(f64),
    /// Its root, or zero; below this cosine single precision does not tell roots apart.
    Root(f64),
    /// The product itself, over a number that the examples give.
    Product(fn(f64) -> f64),
}

impl FromProducts {
    /// The value, from a cosine, for forms that need no more.
    pub fn of_cosine(self, cosine: f64) -> f64 {
        match self {
            Self::Cosine | Self::Product(_) => cosine,
            Self::Root(_) => cosine.max(0.0).sqrt(),
            Self::Angle(_) => cosine.clamp(-1.0, 1.0).acos(),
        }
    }

    /// The value, from a cosine and a product that were found in single precision for so many examples: not a number where
    /// that does not do, and the definition in double precision is to be asked.
    pub fn of_single(self, cosine: f64, product: f64, examples: usize) -> f64 {
        match self {
            Self::Product(over) => product / over(examples as f64),
            Self::Angle(most) if cosine.abs() > most => f64::NAN,
            Self::Root(least) if cosine < least => f64::NAN,
            value => value.of_cosine(cosine),
        }
    }
}

/// A measure that is a function of the singular values of the cross-product of two matrices.
#[derive(Clone)]
pub struct Nuclear {
    /// What each representation becomes, on the CPU in f64.
    pub basis: Basis,
    /// What is made of the singular values.
    pub value: NuclearValue,
    /// The same with singular values found on the host: for adapters that are slower than it at the products that finding
    /// them on the device takes.
    pub cross: Cross,
}

/// What is made of the singular values.
#[derive(Clone, Copy, Debug)]
pub enum NuclearValue {
    /// A distance of the Procrustes family.
    Distance(Shape),
    /// Mean canonical correlation.
    Mean,
    /// Mean squared canonical correlation.
    MeanSquared,
}

/// A representation and its neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// `[examples, units]`
    pub values: MatRef<'a, f64>,
    /// Neighbours of each example.
    pub neighbours: &'a Neighbours,
}

type OfNeighbours = Arc<dyn Fn(Surroundings<'_>, Surroundings<'_>) -> Result<f64> + Send + Sync>;

/// A measure that compares the nearest neighbours of each example.
#[derive(Clone)]
pub struct Neighbourhood {
    /// How many neighbours.
    pub k: usize,
    /// What makes two examples near.
    pub nearness: Nearness,
    /// What is made of two sets of neighbours.
    pub compare: OfNeighbours,
}

/// A measure that compares the ranks of two tables of dissimilarities.
#[derive(Clone)]
pub struct Ranks {
    /// How.
    pub comparison: RankComparison,
    /// The tables, and their comparison on the host where sorting on the device does not pay.
    pub tables: Tables,
}

/// How the upper triangles of two RDMs are compared. All values are in [-1, 1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RankComparison {
    /// Pearson's correlation of average ranks.
    Spearman,
    /// `12 sum r s / (N^3 - N)` of centred average ranks (Schütt et al. 2023).
    RhoA,
    /// Concordant less discordant pairs of elements over all pairs.
    TauA,
    /// Concordant less discordant pairs over the root of the pairs untied in each.
    TauB,
}

impl RankComparison {
    /// Whether it counts pairs of elements in one order or the other.
    pub(in crate::measure) fn is_kendall(self) -> bool {
        matches!(self, Self::TauA | Self::TauB)
    }
}

type OfTables = Arc<dyn Fn(&Rdm, &Rdm) -> Result<f64> + Send + Sync>;

/// A measure that is a function of two tables of dissimilarities.
#[derive(Clone)]
pub struct Tables {
    /// What the tables hold.
    pub between: Between,
    /// Whether dissimilarities are divided by the number of units.
    pub per_unit: bool,
    /// What is made of two tables.
    pub compare: OfTables,
}

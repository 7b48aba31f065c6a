//! The Hilbert-Schmidt independence criterion with the same kernel on both sides. It is not scale-free: linear HSIC has the units of
//! x² y².

use super::cka::keeps_features;
use super::kernels::{CKA_OPTIONS, cosine, estimator_of, feature_product, kernel_of, triangle, width};
use super::{KERNELS, NAME};
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{Entry, Extents, FromProducts, Given, Held, Host, Invariance, Made, Scale};
use crate::measure::numerics::algebra::{centre, dot, row_gram};
use crate::measure::numerics::check::{check, finite};
use crate::measure::pairwise::gram::{Kernel, gram_to_centre};
use faer::{Mat, MatRef};

/// Hilbert-Schmidt independence criterion.
pub(super) const HSIC: Entry = Entry {
    formula: "biased: tr(K H L H) / (n - 1)²; debiased: Song et al. 2012, eq. 5",
    range: [f64::NEG_INFINITY, f64::INFINITY],
    range_of: |g| (g.word("estimator") == "biased").then_some([0.0, f64::INFINITY]),
    invariances: &[Invariance::Translation, Invariance::Permutation, Invariance::Orthogonal],
    scale: |g| if g.word("kernel") == "linear" { Scale::Each(2) } else { width(g) },
    cost: "n² p",
    held,
    source: "Gretton et al. 2005; Song et al. 2012, eq. 5",
    parameters: CKA_OPTIONS,
    make: |g| {
        let (k, e) = (kernel_of(g)?, estimator_of(g));
        let over: fn(f64) -> f64 = match e {
            Estimator::Biased => |n| (n - 1.0) * (n - 1.0),
            Estimator::Debiased | Estimator::Lange => |n| n * (n - 3.0),
        };
        let host = Host::new(
            move |x| Centred::of(x, k, e),
            move |a: &Centred, b: &Centred| finite(a.product(b, e)? / over(a.examples()), "HSIC"),
        );
        Ok(Made { host, device: cosine(k, e, None, FromProducts::Product(over)) })
    },
    ..Entry::similarity("hsic", "Hilbert-Schmidt independence criterion", KERNELS)
};

/// As of CKA, for the linear kernel.
fn held(g: &Given, e: Extents) -> Held {
    (super::cka::CKA.held)(g, e)
}

/// A representation as HSIC compares it, made once for all pairs that it is in.
enum Centred {
    /// Centred features of the linear kernel: for many more examples than units.
    Features(Mat<f64>),
    /// The embedding of the Gram matrix of so many examples, as a [`triangle`].
    Table(usize, Vec<f64>),
}

impl Centred {
    fn of(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Self> {
        check(x, NAME, estimator.min_examples())?;
        if kernel == Kernel::Linear && keeps_features(x.nrows(), x.ncols()) {
            return Ok(Self::Features(centre(x)));
        }
        Ok(Self::Table(x.nrows(), triangle(&estimator.embed(gram_to_centre(x, kernel)?))))
    }

    fn examples(&self) -> f64 {
        match self {
            Self::Features(x) => x.nrows() as f64,
            Self::Table(n, _) => *n as f64,
        }
    }

    /// The inner product of two embeddings.
    fn product(&self, other: &Self, estimator: Estimator) -> Result<f64> {
        let as_table = |x: &Mat<f64>| Self::Table(x.nrows(), triangle(&estimator.embed(row_gram(x.as_ref()))));
        match (self, other) {
            (Self::Features(x), Self::Features(y)) => Ok(feature_product(x, y, estimator)),
            (Self::Table(_, k), Self::Table(_, l)) => Ok(dot(k, l)),
            (Self::Features(x), other) => as_table(x).product(other, estimator),
            (other, Self::Features(y)) => other.product(&as_table(y), estimator),
        }
    }
}

//! What measures of Gram matrices share: the options for the kernel, and the estimators of HSIC.
//!
//! Every estimator is an inner product of embeddings of the two Gram matrices: HKH (biased), the U-centred matrix
//! (debiased), HKH without its diagonal (Lange). CKA is the cosine of that inner product.

use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{
    Cosine, Device, Extents, FromProducts, Given, Parameter, Scale, number, word, written,
};
use crate::measure::embedding::{self, Between, Centring, Embedding, Pool};
use crate::measure::numerics::algebra::{dot, inner, product, sum};
use crate::measure::numerics::check::finite;
use crate::measure::pairwise::gram::{Bandwidth, Kernel, double_centred, hollow_centred, u_centred};
use faer::Mat;

pub(super) const KERNEL: Parameter =
    word("kernel", &["linear", "rbf", "laplace"], "linear: X Xᵀ; rbf: exp(-d²/2σ²); laplace: exp(-d/σ)");
pub(super) const THRESHOLD: Parameter = number(
    "threshold",
    1.0,
    [f64::MIN_POSITIVE, f64::MAX],
    "σ of rbf and laplace as a multiple of the median distance",
);
pub(super) const MEDIAN: Parameter = word(
    "median",
    &["all", "all-lower", "pairs", "nonzero"],
    "which distances the median is of: all n² (Kornblith), the lower middle of those (torch), i < j, not zero",
);
pub(super) const SIGMA: Parameter =
    number("sigma", 0.0, [0.0, f64::MAX], "σ itself, in place of a multiple of the median");
const ESTIMATORS: [&str; Estimator::ALL.len()] =
    [Estimator::ALL[0].word(), Estimator::ALL[1].word(), Estimator::ALL[2].word()];
const ESTIMATOR: Parameter = written(
    "estimator",
    &ESTIMATORS,
    "debiased: Song et al. 2012; biased: Gretton et al. 2005; lange: without the diagonal after centring",
);
pub(super) const CKA_OPTIONS: &[Parameter] = &[ESTIMATOR, KERNEL, THRESHOLD, MEDIAN, SIGMA];

/// Of measures whose kernel may have a width in the units of the data.
pub(super) fn width(g: &Given) -> Scale {
    if g.number("sigma") > 0.0 { Scale::Own } else { Scale::Free }
}

pub(super) fn estimator_of(g: &Given) -> Estimator {
    Estimator::of_word(g.word("estimator"))
}

pub(super) fn kernel_of(g: &Given) -> Result<Kernel> {
    if g.word("kernel") == "linear" {
        g.refuse(&["threshold", "median", "sigma"], "the linear kernel has no width; add rbf or laplace")?;
    }
    if g.number("sigma") > 0.0 {
        g.refuse(&["threshold", "median"], "sigma says the width itself")?;
    }
    let factor = g.number("threshold");
    let bandwidth = match g.word("median") {
        _ if g.number("sigma") > 0.0 => Bandwidth::Fixed(g.number("sigma")),
        "all-lower" => Bandwidth::MedianAllLower { factor },
        "pairs" => Bandwidth::MedianPairs { factor },
        "nonzero" => Bandwidth::MedianNonZero { factor },
        _ => Bandwidth::MedianAll { factor },
    };
    Ok(match g.word("kernel") {
        "rbf" => Kernel::Rbf(bandwidth),
        "laplace" => Kernel::Laplace(bandwidth),
        _ => Kernel::Linear,
    })
}

/// The form for a device.
pub(super) fn cosine(
    kernel: Kernel,
    estimator: Estimator,
    batch: Option<usize>,
    value: FromProducts,
) -> Option<Device> {
    let centring = Centring::Hsic(estimator);
    // One factor for a whole table drops out of its cosine with others.
    let relative = estimator == Estimator::Debiased && batch.is_none() && !matches!(value, FromProducts::Product(_));
    let width = |b: Bandwidth| match b {
        Bandwidth::MedianAll { factor } => embedding::Bandwidth::Median(factor as f32, Pool::All),
        Bandwidth::MedianAllLower { factor } => embedding::Bandwidth::Median(factor as f32, Pool::AllLower),
        Bandwidth::MedianPairs { factor } => embedding::Bandwidth::Median(factor as f32, Pool::Pairs),
        Bandwidth::MedianNonZero { factor } => embedding::Bandwidth::Median(factor as f32, Pool::NonZero),
        Bandwidth::Fixed(sigma) if relative => embedding::Bandwidth::Relative(sigma as f32),
        Bandwidth::Fixed(sigma) => embedding::Bandwidth::Fixed(sigma as f32),
    };
    let between = match kernel {
        Kernel::Linear => Between::Linear,
        Kernel::Rbf(b) => Between::Gaussian(width(b)),
        Kernel::Laplace(b) => Between::Laplace(width(b)),
    };
    Some(Device::Cosine(Cosine { embedding: Embedding { between, centring, batch }, value }))
}

/// Both estimators need examples: the biased one to be less biased, the debiased one to be less noisy.
pub(super) fn few_examples(g: &Given, e: Extents) -> Option<String> {
    let units = e.p.max(e.q);
    if e.n >= 2 * units {
        return None;
    }
    Some(match g.word("estimator") {
        "debiased" => {
            format!("{} examples of up to {units} units: unbiased, but noisy; compare with its noise floor", e.n)
        }
        _ => format!("{} examples of up to {units} units: biased towards alike; take the debiased form", e.n),
    })
}

impl Estimator {
    /// The fewest examples for which the estimator is defined.
    pub fn min_examples(self) -> usize {
        match self {
            Self::Biased => 2,
            Self::Debiased | Self::Lange => 4,
        }
    }

    /// The centred form of a symmetric Gram matrix whose inner products the estimator takes.
    pub(super) fn embed(self, k: Mat<f64>) -> Mat<f64> {
        match self {
            Self::Biased => double_centred(k),
            Self::Debiased => u_centred(k),
            Self::Lange => hollow_centred(k),
        }
    }
}

/// The inner product of the estimator's embeddings of two linear Gram matrices, from centred features.
pub(super) fn feature_product(x: &Mat<f64>, y: &Mat<f64>, estimator: Estimator) -> f64 {
    let cross = product(x.transpose(), y.as_ref());
    let full = inner(&cross, &cross);
    if estimator == Estimator::Biased {
        return full;
    }
    let n = x.nrows() as f64;
    let (a, b) = (squared_norms(x), squared_norms(y));
    let diagonal = dot(&a, &b);
    match estimator {
        Estimator::Lange | Estimator::Biased => full - diagonal,
        Estimator::Debiased => full - n / (n - 2.0) * diagonal + sum(&a) * sum(&b) / ((n - 1.0) * (n - 2.0)),
    }
}

/// The squared norm of each row.
fn squared_norms(x: &Mat<f64>) -> Vec<f64> {
    (0..x.nrows()).map(|i| x.row(i).iter().map(|v| v * v).sum()).collect()
}

/// The lower triangle of a symmetric matrix, column by column: what stands below the diagonal stands for two and is larger by √2, so
/// that inner products are those of the matrices.
pub(super) fn triangle(e: &Mat<f64>) -> Vec<f64> {
    let mut packed = Vec::with_capacity(e.nrows() * (e.nrows() + 1) / 2);
    for j in 0..e.ncols() {
        let [own, below @ ..] = &e.col_as_slice(j)[j..] else { continue };
        packed.push(*own);
        packed.extend(below.iter().map(|x| x * std::f64::consts::SQRT_2));
    }
    packed
}

/// A vector at unit norm.
///
/// # Errors
/// If the norm, which `what` names, is not finite.
pub(super) fn at_unit_norm(mut vector: Vec<f64>, what: &str) -> Result<Vec<f64>> {
    let by = 1.0 / finite(dot(&vector, &vector).sqrt(), what)?;
    vector.iter_mut().for_each(|x| *x *= by);
    Ok(vector)
}

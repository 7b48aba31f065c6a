//! The Bures similarity and metric of two RDMs through their Gram matrices, without the loss of half the digits that
//! square roots of eigenvalues of a product bring.

use crate::error::Result;
use crate::measure::pairwise::algebra::{
    geometric_mean, largest, power_of_two_scale, product, singular, singular_values, symmetric_eigen,
    transposed_product,
};
use crate::measure::pairwise::input::{finite, refuse};
use crate::measure::pairwise::rdm::Rdm;
use faer::{Mat, MatRef};

/// The Bures similarity ‖√A √B‖_* / √(tr A tr B) of the Gram matrices A, B = −½ H D H of two RDMs (Harvey et al. 2024).
/// In [0, 1]. Of squared Euclidean RDMs it is the normalised Bures similarity, the cosine of the Procrustes angle.
///
/// An RDM that no points realise (Poisson, cross-validated, L1) has a Gram matrix with negative eigenvalues; the nearest
/// positive semidefinite matrix stands in for it. [`bures_similarity_rsatoolbox`] treats that case differently.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for RDMs of different sizes, or one without a positive eigenvalue.
pub fn bures_similarity(a: &Rdm, b: &Rdm) -> Result<f64> {
    let [a, b] = factors(a, b)?;
    let (size_a, size_b) = (squared_size(&a.columns), squared_size(&b.columns));
    let values = singular_values(transposed_product(a.columns.as_ref(), b.columns.as_ref()).as_ref())?;
    finite(values.iter().sum::<f64>() / geometric_mean(size_a, size_b), "the Bures similarity")
}

/// The squared Bures metric tr A + tr B − 2 ‖√A √B‖_* of the same Gram matrices, in the units of the RDMs; it is what
/// rsatoolbox calls "bures_metric". At least 0. Found as a residual after the best alignment, not as that difference,
/// so that small values keep their digits. Negative eigenvalues are left out, as in [`bures_similarity`].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`bures_similarity`].
pub fn bures_metric_squared(a: &Rdm, b: &Rdm) -> Result<f64> {
    let [a, b] = factors(a, b)?;
    let (_, u, v) = singular(transposed_product(a.columns.as_ref(), b.columns.as_ref()).as_ref())?;
    let (x, y) = (product(a.columns.as_ref(), u.as_ref()), product(b.columns.as_ref(), v.as_ref()));
    // The scales are powers of two: they return to the units of the RDM without rounding.
    let (sx, sy) = (1.0 / a.scale.sqrt(), 1.0 / b.scale.sqrt());
    let entry = |m: &Mat<f64>, s: f64, i: usize, j: usize| if j < m.ncols() { m[(i, j)] * s } else { 0.0 };
    let columns = x.ncols().max(y.ncols());
    let rest = Mat::from_fn(x.nrows(), columns, |i, j| entry(&x, sx, i, j) - entry(&y, sy, i, j));
    finite(squared_size(&rest), "the Bures metric")
}

/// The Bures metric: the root of [`bures_metric_squared`], which satisfies the triangle inequality.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`bures_similarity`].
pub fn bures_metric(a: &Rdm, b: &Rdm) -> Result<f64> {
    Ok(bures_metric_squared(a, b)?.sqrt())
}

/// The Bures similarity as rsatoolbox has it for RDMs with negative eigenvalues: those of √A₊ B √A₊ are left out, and
/// the traces are of the matrices as they are. Not symmetric and not bounded by one for such RDMs; otherwise equal to
/// [`bures_similarity`]. Where B has negative eigenvalues, half the digits are lost as in rsatoolbox.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`bures_similarity`], and for a trace that is not positive.
pub fn bures_similarity_rsatoolbox(a: &Rdm, b: &Rdm) -> Result<f64> {
    let [fa, fb] = factors(a, b)?;
    if !(fa.trace > 0.0 && fb.trace > 0.0) {
        return refuse("expected RDMs whose Gram matrix has a positive trace, got one that has not; leave it out");
    }
    finite(fidelity_rsatoolbox(&fa, &fb)? / geometric_mean(fa.trace, fb.trace), "the Bures similarity")
}

/// The squared Bures metric as rsatoolbox has it, with eigenvalues as in [`bures_similarity_rsatoolbox`]. May be
/// negative for RDMs with negative eigenvalues, and loses digits when small.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`bures_similarity`].
pub fn bures_metric_squared_rsatoolbox(a: &Rdm, b: &Rdm) -> Result<f64> {
    let [fa, fb] = factors(a, b)?;
    let (sa, sb) = (1.0 / fa.scale, 1.0 / fb.scale);
    let fidelity = fidelity_rsatoolbox(&fa, &fb)? * sa.sqrt() * sb.sqrt();
    finite(fa.trace * sa + fb.trace * sb - 2.0 * fidelity, "the Bures metric")
}

/// A Gram matrix and a factor F with F Fᵀ its positive part, all multiplied by `scale` (F by its root).
pub(crate) struct Factor {
    gram: Mat<f64>,
    pub columns: Mat<f64>,
    /// The same of its negative part, sign left out; no columns where there is none.
    negative: Mat<f64>,
    trace: f64,
    scale: f64,
}

impl Factor {
    fn has_negative(&self) -> bool {
        self.negative.ncols() > 0
    }

    /// Factors of the positive and of the negative part, side by side.
    pub(crate) fn both(&self) -> Mat<f64> {
        let kept = self.columns.ncols();
        Mat::from_fn(self.columns.nrows(), kept + self.negative.ncols(), |i, j| {
            if j < kept { self.columns[(i, j)] } else { self.negative[(i, j - kept)] }
        })
    }
}

/// What of two factors is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// [`bures_similarity`].
    Similarity,
    /// [`bures_metric_squared`].
    MetricSquared,
    /// [`bures_similarity_rsatoolbox`].
    SimilarityRsatoolbox,
    /// [`bures_metric_squared_rsatoolbox`].
    MetricSquaredRsatoolbox,
}

impl Wanted {
    /// Whether negative eigenvalues of the second are kept.
    pub(crate) fn keeps_negative(self) -> bool {
        matches!(self, Self::SimilarityRsatoolbox | Self::MetricSquaredRsatoolbox)
    }
}

/// The value from the product `FᵀF` of the factors, the second's [`Factor::both`] where its negative eigenvalues are kept.
/// Nothing, where too few digits would be left of a difference.
pub(crate) fn of_product(a: &Factor, b: &Factor, product_of: MatRef<'_, f64>, wanted: Wanted) -> Result<Option<f64>> {
    let fidelity: f64 = if wanted.keeps_negative() && b.has_negative() {
        // Products of the two parts: roots of small eigenvalues of `FᵀBF` itself would lose half the digits.
        let (plus, minus) = product_of.split_at_col(b.columns.ncols());
        let compressed = &product(plus, plus.transpose()) - &product(minus, minus.transpose());
        let (values, _) = symmetric_eigen(compressed.as_ref())?;
        let noise = values.len() as f64 * f64::EPSILON * largest(compressed.as_ref());
        values.iter().filter(|&&v| v > noise).map(|v| v.sqrt()).sum()
    } else {
        singular_values(product_of)?.iter().sum()
    };
    let (size_a, size_b) = match wanted.keeps_negative() {
        true => (a.trace, b.trace),
        false => (squared_size(&a.columns), squared_size(&b.columns)),
    };
    if !(size_a > 0.0 && size_b > 0.0) {
        return refuse("expected RDMs whose Gram matrix has a positive trace, got one that has not; leave it out");
    }
    let (sa, sb) = (1.0 / a.scale, 1.0 / b.scale);
    match wanted {
        Wanted::Similarity | Wanted::SimilarityRsatoolbox => {
            finite(fidelity / geometric_mean(size_a, size_b), "the Bures similarity").map(Some)
        }
        Wanted::MetricSquared | Wanted::MetricSquaredRsatoolbox => {
            let sum = size_a * sa + size_b * sb;
            let value = sum - 2.0 * fidelity * sa.sqrt() * sb.sqrt();
            Ok((value > 0.02 * sum).then_some(value))
        }
    }
}

fn factors(a: &Rdm, b: &Rdm) -> Result<[Factor; 2]> {
    if a.conditions() != b.conditions() {
        return refuse(format!(
            "expected RDMs of the same examples, got {} and {} examples; pass matching RDMs",
            a.conditions(),
            b.conditions()
        ));
    }
    Ok([factor(a)?, factor(b)?])
}

/// The factor of an RDM's Gram matrix.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for an RDM without a positive eigenvalue.
pub(crate) fn factor(rdm: &Rdm) -> Result<Factor> {
    let n = rdm.conditions();
    // An even power of two, so that its root is one too.
    let mut scale = power_of_two_scale(rdm.values().iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    if scale.sqrt().log2().fract() != 0.0 {
        scale *= 0.5;
    }
    let scaled = Rdm::new(rdm.values().iter().map(|v| v * scale).collect())?;
    let gram = scaled.gram();
    let (values, vectors) = symmetric_eigen(gram.as_ref())?;
    let trace = (0..n).map(|i| gram[(i, i)]).sum();
    // What the eigenvalues of a matrix of lower rank are known to. Their roots would be a hundred million times larger.
    let noise = n as f64 * f64::EPSILON * values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let kept: Vec<usize> = (0..n).filter(|&k| values[k] > noise).collect();
    if kept.is_empty() {
        return refuse(
            "expected an RDM with some positive dissimilarity, got none; leave a constant representation out",
        );
    }
    let columns = Mat::from_fn(n, kept.len(), |i, k| vectors[(i, kept[k])] * values[kept[k]].sqrt());
    let left: Vec<usize> = (0..n).filter(|&k| values[k] < -noise).collect();
    let negative = Mat::from_fn(n, left.len(), |i, k| vectors[(i, left[k])] * (-values[left[k]]).sqrt());
    Ok(Factor { gram, columns, negative, trace, scale })
}

/// Σ √λ₊ of √A₊ B √A₊, whose eigenvalues are those of Fᵀ B F.
fn fidelity_rsatoolbox(a: &Factor, b: &Factor) -> Result<f64> {
    if !b.has_negative() {
        let values = singular_values(transposed_product(a.columns.as_ref(), b.columns.as_ref()).as_ref())?;
        return Ok(values.iter().sum());
    }
    let half: Mat<f64> = product(b.gram.as_ref(), a.columns.as_ref());
    let inner: MatRef<'_, f64> = a.columns.as_ref();
    let compressed = transposed_product(inner, half.as_ref());
    let (values, _) = symmetric_eigen(compressed.as_ref())?;
    let noise = values.len() as f64 * f64::EPSILON * largest(compressed.as_ref());
    Ok(values.iter().filter(|&&v| v > noise).map(|v| v.sqrt()).sum())
}

fn squared_size(m: &Mat<f64>) -> f64 {
    crate::measure::pairwise::algebra::inner(m, m)
}

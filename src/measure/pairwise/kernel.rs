//! HSIC and centred kernel alignment (CKA) between two representations of the same examples, in the three estimators
//! in use, with the angle and the distance that belong to CKA, and its minibatch form.
//!
//! Every estimator is an inner product of embeddings of the two Gram matrices: HKH (biased), the U-centred matrix
//! (unbiased), HKH without its diagonal (Lange). CKA is the cosine of that inner product.
//!
//! Ranges hold up to rounding: nothing is clamped, so a value may pass one by a few units in the last place.

use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::pairwise::algebra::{
    centred, dot, geometric_mean, inner, largest, power_of_two_scale, product, reduce, reduce_entries, sum,
    transposed_product,
};
use crate::measure::pairwise::gram::{
    Kernel, double_centred, gram_to_centre, hollow_centred, u_centred, zero_diagonal,
};
use crate::measure::pairwise::input::{check_pair, check_symmetric, finite, refuse};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Mat, MatRef, Par};

impl Estimator {
    /// The fewest examples for which the estimator is defined.
    pub fn min_examples(self) -> usize {
        match self {
            Self::Biased => 2,
            Self::Debiased | Self::Lange => 4,
        }
    }

    /// The centred form of a symmetric Gram matrix whose inner products the estimator takes.
    fn embed(self, k: Mat<f64>) -> Mat<f64> {
        match self {
            Self::Biased => double_centred(k),
            Self::Debiased => u_centred(k),
            Self::Lange => hollow_centred(k),
        }
    }

    /// What the inner product is divided by.
    pub(crate) fn normaliser(self, n: usize) -> f64 {
        let n = n as f64;
        match self {
            Self::Biased => (n - 1.0) * (n - 1.0),
            Self::Debiased | Self::Lange => n * (n - 3.0),
        }
    }
}

/// HSIC of two representations (n x p and n x q) with the same kernel on both sides. Not scale-free: linear HSIC
/// has the units of x² y². Range [0, ∞) for [`Estimator::Biased`], otherwise any sign.
///
/// With the linear kernel and n > p + q no n x n matrix is built.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing row counts, too few examples, non-finite values, an
/// undetermined bandwidth, or a result beyond f64.
pub fn hsic(x: MatRef<'_, f64>, y: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<f64> {
    check_pair(x, y, estimator.min_examples())?;
    let product = if kernel == Kernel::Linear && tall(x, y) {
        feature_product(&centred(x), &centred(y), estimator)
    } else {
        let k = estimator.embed(gram_to_centre(x, kernel)?);
        let l = estimator.embed(gram_to_centre(y, kernel)?);
        inner(&k, &l)
    };
    finite(product / estimator.normaliser(x.nrows()), "HSIC")
}

/// HSIC of two Gram matrices (n x n, symmetric, not centred), for kernels of the caller's own.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for matrices that are not square, symmetric, finite, of the same
/// size and large enough.
pub fn hsic_of_grams(k: MatRef<'_, f64>, l: MatRef<'_, f64>, estimator: Estimator) -> Result<f64> {
    check_grams(k, l, estimator.min_examples())?;
    finite(
        inner(&estimator.embed(k.to_owned()), &estimator.embed(l.to_owned())) / estimator.normaliser(k.nrows()),
        "HSIC",
    )
}

/// CKA of two representations (n x p and n x q): HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)) (Cortes et al. 2012, Kornblith
/// et al. 2019). Invariant to orthogonal maps, translation and, for the linear kernel and median bandwidths, scale.
///
/// Debiased values are not clamped: they may be negative. With many more units than examples the biased estimator is
/// near one whatever the data; take [`Estimator::Debiased`].
///
/// With the linear kernel and n > p + q no n x n matrix is built.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`hsic`], and for a representation that is constant over the
/// examples, for which CKA is not defined.
pub fn cka(x: MatRef<'_, f64>, y: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<f64> {
    check_pair(x, y, estimator.min_examples())?;
    if kernel == Kernel::Linear && tall(x, y) {
        let (x, y) = (unit_scale_centred(x)?, unit_scale_centred(y)?);
        let (xx, yy) = (own_product(&x, estimator)?, own_product(&y, estimator)?);
        return cosine(feature_product(&x, &y, estimator), xx, yy);
    }
    let (k, l) = embeddings(x, y, kernel, estimator)?;
    cosine(inner(&k, &l), inner(&k, &k), inner(&l, &l))
}

/// A representation as [`cka`] compares it, made once for all pairs that it is in.
pub enum Embedded {
    /// Centred features, at a scale near one, and the root of their self-product: for many more examples than units.
    Features(Mat<f64>, f64),
    /// The embedding of the Gram matrix at unit norm, its lower triangle column by column: what stands below the diagonal stands
    /// for two and is larger by √2, so that inner products are those of the matrices.
    Table(Vec<f64>),
}

/// Examples up to which a table is kept whatever the width: 32 MiB, and a pair then costs n² rather than n p².
const LARGEST_TABLE: usize = 2048;

/// Whether [`embedded`] keeps features of the linear kernel, not a table.
pub(in crate::measure) fn keeps_features(n: usize, p: usize) -> bool {
    n > (2 * p).max(LARGEST_TABLE)
}

/// Prepares a representation (n x p) for [`cka_of_embedded`]. With the linear kernel, n > 2 p and more than 2,048 examples no
/// n x n matrix is built.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`cka`].
pub fn embedded(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Embedded> {
    crate::measure::pairwise::input::check(x, "the representation", estimator.min_examples())?;
    if kernel == Kernel::Linear && keeps_features(x.nrows(), x.ncols()) {
        let x = unit_scale_centred(x)?;
        let own = own_product(&x, estimator)?;
        return Ok(Embedded::Features(x, own.sqrt()));
    }
    Ok(Embedded::Table(table(embedding(x, kernel, estimator)?)?))
}

fn table(e: Mat<f64>) -> Result<Vec<f64>> {
    unit_triangle(&e, "the norm of the Gram matrix")
}

/// The lower triangle of a symmetric matrix, column by column, at unit norm: what stands below the diagonal stands for two and is
/// larger by √2, so that inner products are those of the matrices.
///
/// # Errors
/// If the norm, which `what` names, is not finite.
pub(super) fn unit_triangle(e: &Mat<f64>, what: &str) -> Result<Vec<f64>> {
    let mut packed = Vec::with_capacity(e.nrows() * (e.nrows() + 1) / 2);
    for j in 0..e.ncols() {
        let [own, below @ ..] = &e.col_as_slice(j)[j..] else { continue };
        packed.push(*own);
        packed.extend(below.iter().map(|x| x * std::f64::consts::SQRT_2));
    }
    let by = 1.0 / finite(dot(&packed, &packed).sqrt(), what)?;
    packed.iter_mut().for_each(|x| *x *= by);
    Ok(packed)
}

/// [`cka`] of two prepared representations.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`cka`].
pub fn cka_of_embedded(a: &Embedded, b: &Embedded, estimator: Estimator) -> Result<f64> {
    // One of few units and one of many: the former's table, for this pair.
    let as_table = |x: &Mat<f64>| {
        let gram = crate::measure::pairwise::algebra::row_gram(x.as_ref());
        table(embed_scaled(gram, estimator)?).map(Embedded::Table)
    };
    match (a, b) {
        (Embedded::Features(x, norm_x), Embedded::Features(y, norm_y)) => {
            finite(feature_product(x, y, estimator) / (norm_x * norm_y), "CKA")
        }
        (Embedded::Table(k), Embedded::Table(l)) => Ok(dot(k, l)),
        (Embedded::Features(x, _), other) => cka_of_embedded(&as_table(x)?, other, estimator),
        (other, Embedded::Features(y, _)) => cka_of_embedded(other, &as_table(y)?, estimator),
    }
}

impl Embedded {
    /// The vector whose inner products with others are values of CKA, if it is such.
    pub fn vector(&self) -> Option<&[f64]> {
        match self {
            Self::Table(table) => Some(table),
            Self::Features(..) => None,
        }
    }
}

/// A representation as [`angular_cka`] compares it, made once for all pairs that it is in.
pub enum Angled {
    /// As of [`Embedded`].
    Table(Vec<f64>),
    /// Of too many examples for a table.
    Whole(Mat<f64>),
}

/// Whether [`angled`] keeps a table of so many examples.
pub(in crate::measure) fn keeps_table(n: usize) -> bool {
    n <= LARGEST_TABLE
}

/// Prepares a representation (n x p) for [`angle`].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`cka`].
pub fn angled(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Angled> {
    crate::measure::pairwise::input::check(x, "the representation", estimator.min_examples())?;
    if !keeps_table(x.nrows()) {
        return Ok(Angled::Whole(x.to_owned()));
    }
    Ok(Angled::Table(table(embedding(x, kernel, estimator)?)?))
}

/// [`angular_cka`] of two prepared representations.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`cka`].
pub fn angle(a: &Angled, b: &Angled, kernel: Kernel, estimator: Estimator) -> Result<f64> {
    match (a, b) {
        (Angled::Table(k), Angled::Table(l)) => {
            let apart = reduce(k, l, |k, l| (k - l) * (k - l)).sqrt();
            let together = reduce(k, l, |k, l| (k + l) * (k + l)).sqrt();
            finite(2.0 * apart.atan2(together), "angular CKA")
        }
        (Angled::Whole(x), Angled::Whole(y)) => angular_cka(x.as_ref(), y.as_ref(), kernel, estimator),
        _ => refuse("expected two representations of the same examples"),
    }
}

/// CKA of two Gram matrices (n x n, symmetric, not centred), for kernels of the caller's own, such as an empirical
/// neural tangent kernel (kernel alignment in the sense of Cortes et al. 2012 with [`Estimator::Biased`]).
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`hsic_of_grams`], and when a centred Gram matrix is zero.
pub fn cka_of_grams(k: MatRef<'_, f64>, l: MatRef<'_, f64>, estimator: Estimator) -> Result<f64> {
    check_grams(k, l, estimator.min_examples())?;
    let (k, l) = (embed_scaled(k.to_owned(), estimator)?, embed_scaled(l.to_owned(), estimator)?);
    cosine(inner(&k, &l), inner(&k, &k), inner(&l, &l))
}

/// The angle arccos(CKA) in radians, a metric between representations up to the kernel's invariances (Williams et
/// al. 2021). In [0, π/2] for [`Estimator::Biased`], otherwise in [0, π].
///
/// Found from the distance of the unit embeddings, so that angles far below 1e-8 keep their digits.
///
/// # Errors
/// As [`cka`].
pub fn angular_cka(x: MatRef<'_, f64>, y: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<f64> {
    check_pair(x, y, estimator.min_examples())?;
    let (k, l) = if kernel == Kernel::Linear && estimator == Estimator::Biased && tall(x, y) {
        // An orthogonal change of basis of the examples keeps all inner products of the centred Gram matrices.
        let (x, y) = reduced_rows(&unit_scale_centred(x)?, &unit_scale_centred(y)?);
        (product(x.as_ref(), x.transpose()), product(y.as_ref(), y.transpose()))
    } else {
        embeddings(x, y, kernel, estimator)?
    };
    let (a, b) = (1.0 / inner(&k, &k).sqrt(), 1.0 / inner(&l, &l).sqrt());
    let apart = reduce_entries(&k, &l, |k, l| (k * a - l * b) * (k * a - l * b)).sqrt();
    let together = reduce_entries(&k, &l, |k, l| (k * a + l * b) * (k * a + l * b)).sqrt();
    finite(2.0 * apart.atan2(together), "angular CKA")
}

/// 1 − CKA (Ding et al. 2021), found as 2 sin²(θ/2) of [`angular_cka`] so that small distances keep their digits. Not a
/// metric. In [0, 1] for [`Estimator::Biased`], otherwise in [0, 2].
///
/// # Errors
/// As [`cka`].
pub fn cka_distance(x: MatRef<'_, f64>, y: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<f64> {
    let half = (0.5 * angular_cka(x, y, kernel, estimator)?).sin();
    Ok(2.0 * half * half)
}

/// Minibatch CKA (Nguyen et al. 2021): unbiased HSIC summed over consecutive batches of `batch` examples, and the
/// ratio taken after the sums. Examples that do not fill a last batch are left out. A median bandwidth is found for
/// each batch. In [−1, 1]; its expectation does not depend on the batch size, its value does.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`cka`], for `batch` below 4 and for fewer than `batch` examples.
pub fn minibatch_cka(x: MatRef<'_, f64>, y: MatRef<'_, f64>, kernel: Kernel, batch: usize) -> Result<f64> {
    if batch < 4 {
        return refuse(format!("expected batches of at least 4 examples, got {batch}; unbiased HSIC needs 4"));
    }
    check_pair(x, y, batch)?;
    let (sx, sy) = match kernel {
        Kernel::Linear => (power_of_two_scale(largest(x)), power_of_two_scale(largest(y))),
        _ => (1.0, 1.0),
    };
    let mut products = [const { Vec::new() }; 3];
    for first in (0..=x.nrows() - batch).step_by(batch) {
        let part = |m: MatRef<'_, f64>, s: f64| m.subrows(first, batch) * faer::Scale(s);
        let k = u_centred(gram_to_centre(part(x, sx).as_ref(), kernel)?);
        let l = u_centred(gram_to_centre(part(y, sy).as_ref(), kernel)?);
        for (list, (a, b)) in products.iter_mut().zip([(&k, &l), (&k, &k), (&l, &l)]) {
            list.push(inner(a, b));
        }
    }
    let [xy, xx, yy] = products.map(|list| sum(&list));
    cosine(xy, xx, yy)
}

/// Whether the feature-space form is the cheaper one. It is then also accurate: the debiased form cancels badly only
/// with more units than examples.
fn tall(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> bool {
    x.nrows() > x.ncols() + y.ncols()
}

/// The inner product of the estimator's embeddings of two linear Gram matrices, from centred features.
fn feature_product(x: &Mat<f64>, y: &Mat<f64>, estimator: Estimator) -> f64 {
    let cross = transposed_product(x.as_ref(), y.as_ref());
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

/// Centred, and scaled by a power of two to entries near one.
///
/// # Errors
/// When nothing but rounding is left after centring.
fn unit_scale_centred(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let before = largest(x);
    let scaled = x * faer::Scale(power_of_two_scale(before));
    let c = centred(scaled.as_ref());
    let after = largest(c.as_ref());
    if after <= ROUNDING * largest(scaled.as_ref()) {
        return refuse(CONSTANT);
    }
    Ok(&c * faer::Scale(power_of_two_scale(after)))
}

/// The self-product of features, where rounding leaves one.
fn own_product(x: &Mat<f64>, estimator: Estimator) -> Result<f64> {
    let (own, full) = (feature_product(x, x, estimator), feature_product(x, x, Estimator::Biased));
    let noise = 4.0 * x.nrows() as f64 * f64::EPSILON;
    if own <= noise.max(ROUNDING) * full { refuse(nothing_left(estimator)) } else { Ok(own) }
}

/// Why there is no CKA of a representation that varies.
fn nothing_left(estimator: Estimator) -> &'static str {
    match estimator {
        Estimator::Biased => CONSTANT,
        Estimator::Debiased => ADDITIVE,
        Estimator::Lange => HOLLOW,
    }
}

const ADDITIVE: &str = "expected similarities of pairs of examples that are more than a sum of one number for each of the two, \
                        got a U-centred Gram matrix of zero (as of a constant representation, of one example that differs \
                        from all others, or of a kernel too narrow or too wide), for which debiased CKA is not defined; \
                        leave the representation out, or take cka:biased";

const HOLLOW: &str = "expected examples that are similar to others after centring, got a centred Gram matrix that is zero off its \
                      diagonal, for which this CKA is not defined; leave the representation out, or take cka:biased";

const CONSTANT: &str = "expected representations that vary over the examples, got a centred Gram matrix of zero, for \
                        which CKA is not defined; leave a constant representation out, or widen the kernel's bandwidth";

/// What centring leaves of a constant, relative to it.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// The embedding of a representation's Gram matrix, at a scale near one.
fn embedding(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Mat<f64>> {
    match kernel {
        Kernel::Linear => {
            let k = crate::measure::pairwise::algebra::row_gram(unit_scale_centred(x)?.as_ref());
            embed_scaled(k, estimator)
        }
        _ => embed_scaled(gram_to_centre(x, kernel)?, estimator),
    }
}

/// The embeddings of both representations.
fn embeddings(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    kernel: Kernel,
    estimator: Estimator,
) -> Result<(Mat<f64>, Mat<f64>)> {
    Ok((embedding(x, kernel, estimator)?, embedding(y, kernel, estimator)?))
}

/// The embedding of a Gram matrix, scaled by a power of two to entries near one.
///
/// # Errors
/// When nothing but rounding is left after centring.
fn embed_scaled(mut k: Mat<f64>, estimator: Estimator) -> Result<Mat<f64>> {
    if estimator == Estimator::Debiased {
        // The diagonal plays no part, and with a narrow bandwidth all else is far smaller.
        zero_diagonal(&mut k);
    }
    let scale = power_of_two_scale(largest(k.as_ref()));
    k *= faer::Scale(scale);
    let before = largest(k.as_ref());
    // In place: such a matrix is often larger than the caches, and each copy of it costs as much as its making.
    let mut e = estimator.embed(k);
    let after = largest(e.as_ref());
    if after <= ROUNDING * before {
        return refuse(nothing_left(estimator));
    }
    e *= faer::Scale(power_of_two_scale(after));
    Ok(e)
}

/// xy / √(xx yy).
///
/// # Errors
/// When a self-product is not positive.
fn cosine(xy: f64, xx: f64, yy: f64) -> Result<f64> {
    if !(xx > 0.0 && yy > 0.0) {
        return refuse(CONSTANT);
    }
    finite(xy / geometric_mean(xx, yy), "CKA")
}

/// Both matrices in the basis of the triangular factor of [x y], which has p + q rows.
fn reduced_rows(x: &Mat<f64>, y: &Mat<f64>) -> (Mat<f64>, Mat<f64>) {
    let (n, p, q) = (x.nrows(), x.ncols(), y.ncols());
    let mut both = Mat::from_fn(n, p + q, |i, j| if j < p { x[(i, j)] } else { y[(i, j - p)] });
    let block = recommended_block_size::<f64>(n, p + q);
    let mut coefficients = Mat::zeros(block, p + q);
    let need = qr_in_place_scratch::<f64>(n, p + q, block, Par::Seq, Default::default());
    qr_in_place(
        both.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        faer::dyn_stack::MemStack::new(&mut faer::dyn_stack::MemBuffer::new(need)),
        Default::default(),
    );
    let upper = |i: usize, j: usize| if i <= j { both[(i, j)] } else { 0.0 };
    (Mat::from_fn(p + q, p, upper), Mat::from_fn(p + q, q, |i, j| upper(i, j + p)))
}

fn check_grams(k: MatRef<'_, f64>, l: MatRef<'_, f64>, rows: usize) -> Result<()> {
    check_symmetric(k, "the first Gram matrix", rows)?;
    check_symmetric(l, "the second Gram matrix", rows)?;
    if k.nrows() == l.nrows() {
        return Ok(());
    }
    refuse(format!(
        "expected Gram matrices of the same examples, got {} and {} rows; pass matching examples",
        k.nrows(),
        l.nrows()
    ))
}

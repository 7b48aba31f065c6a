//! Centred kernel alignment (Cortes et al. 2012, Kornblith et al. 2019) in the three estimators in use, and the angle that belongs to
//! it (Williams et al. 2021).
//!
//! Ranges hold up to rounding: nothing is clamped, so a value may pass one by a few units in the last place. Debiased values may be
//! negative. With many more units than examples the biased estimator is near one whatever the data.

use super::kernels::{
    CKA_OPTIONS, at_unit_norm, cosine, estimator_of, feature_product, few_examples, kernel_of, triangle, width,
};
use super::{KERNELS, NAME, ORTHOGONAL};
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{Entry, Extents, FromProducts, Given, Held, Host, Made};
use crate::measure::numerics::algebra::{
    centre, dot, inner, largest, power_of_two_scale, reduce, reduce_entries, row_gram,
};
use crate::measure::numerics::check::{check, finite, refuse};
use crate::measure::pairwise::gram::{Kernel, gram_to_centre, zero_diagonal};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Mat, MatRef, Par};

/// Centred kernel alignment.
pub(super) const CKA: Entry = Entry {
    formula: "HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))",
    range: [-1.0, 1.0],
    range_of: |g| (g.word("estimator") == "biased").then_some([0.0, 1.0]),
    invariances: ORTHOGONAL,
    scale: width,
    cost: "n² p",
    held,
    source: "Kornblith et al. 2019, eq. 4; unbiased HSIC: Song et al. 2012, eq. 5",
    parameters: CKA_OPTIONS,
    caution: few_examples,
    make: |g| {
        let (kernel, estimator) = (kernel_of(g)?, estimator_of(g));
        let host = Host::new(
            move |x| Embedded::of(x, kernel, estimator),
            move |a: &Embedded, b: &Embedded| a.cosine(b, estimator),
        );
        let host = host.of_products(Embedded::vector, |cosine| cosine);
        Ok(Made { host, device: cosine(kernel, estimator, None, FromProducts::Cosine) })
    },
    ..Entry::similarity("cka", "centred kernel alignment", KERNELS)
};

/// Angle of the centred kernels.
pub(super) const ANGULAR_CKA: Entry = Entry {
    formula: "arccos CKA(K, L), in radians",
    range: [0.0, std::f64::consts::PI],
    metric: true,
    range_of: |g| (g.word("estimator") == "biased").then_some([0.0, std::f64::consts::FRAC_PI_2]),
    invariances: ORTHOGONAL,
    scale: width,
    cost: "n² p",
    held: |g, e| if e.n <= LARGEST_TABLE { held(g, e) } else { Held::of_tables(e, 6.0) },
    source: "Williams et al. 2021",
    parameters: CKA_OPTIONS,
    caution: few_examples,
    make: |g| {
        let (k, e) = (kernel_of(g)?, estimator_of(g));
        let host = Host::new(move |x| Angled::of(x, k, e), move |a: &Angled, b: &Angled| a.angle(b, k, e));
        Ok(Made { host, device: cosine(k, e, None, FromProducts::Angle(SURE)) })
    },
    ..Entry::distance("angular_cka", "angle of the centred kernels", KERNELS)
};

/// Beyond this cosine an angle in single precision is off by more than 1e-5.
const SURE: f64 = 0.99;

/// Four tables beside the one kept. With the linear kernel and many more examples than units, features in place of tables, but a
/// table all the same beside one of more units.
fn held(g: &Given, e: Extents) -> Held {
    let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
    let features = |units: usize| g.word("kernel") == "linear" && keeps_features(e.n, units);
    let (prepared, preparing) =
        if features(e.p) { (n * p, 2.0 * n * p + p * p) } else { (n * (n + 1.0) / 2.0, 4.0 * n * n + 2.0 * n * p) };
    let comparing = match [features(e.p), features(e.q)] {
        [true, true] => p * q + 2.0 * n,
        [false, false] => n,
        _ => 4.0 * n * n,
    };
    Held { prepared, preparing, comparing }
}

/// A representation as CKA compares it, made once for all pairs that it is in.
enum Embedded {
    /// Centred features, at a scale near one, and the root of their self-product: for many more examples than units.
    Features(Mat<f64>, f64),
    /// The embedding of the Gram matrix at unit norm, as a [`triangle`].
    Table(Vec<f64>),
}

/// Examples up to which a table is kept whatever the width: 32 MiB, and a pair then costs n² rather than n p².
const LARGEST_TABLE: usize = 2048;

/// Whether features of the linear kernel are kept, not a table: they are also accurate, for the debiased form cancels badly only
/// with more units than examples.
pub(super) fn keeps_features(n: usize, p: usize) -> bool {
    n > (2 * p).max(LARGEST_TABLE)
}

impl Embedded {
    fn of(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Self> {
        check(x, NAME, estimator.min_examples())?;
        if kernel == Kernel::Linear && keeps_features(x.nrows(), x.ncols()) {
            let x = unit_scale_centred(x)?;
            let own = own_product(&x, estimator)?;
            return Ok(Self::Features(x, own.sqrt()));
        }
        Ok(Self::Table(table(&embedding(x, kernel, estimator)?)?))
    }

    fn cosine(&self, other: &Self, estimator: Estimator) -> Result<f64> {
        // One of few units and one of many: the former's table, for this pair.
        let as_table = |x: &Mat<f64>| table(&embed_scaled(row_gram(x.as_ref()), estimator)?).map(Self::Table);
        match (self, other) {
            (Self::Features(x, norm_x), Self::Features(y, norm_y)) => {
                finite(feature_product(x, y, estimator) / (norm_x * norm_y), "CKA")
            }
            (Self::Table(k), Self::Table(l)) => Ok(dot(k, l)),
            (Self::Features(x, _), other) => as_table(x)?.cosine(other, estimator),
            (other, Self::Features(y, _)) => other.cosine(&as_table(y)?, estimator),
        }
    }

    /// The vector whose inner products with others are values of CKA, if it is such.
    fn vector(&self) -> Option<&[f64]> {
        match self {
            Self::Table(table) => Some(table),
            Self::Features(..) => None,
        }
    }
}

fn table(e: &Mat<f64>) -> Result<Vec<f64>> {
    at_unit_norm(triangle(e), "the norm of the Gram matrix")
}

/// A representation as angles are found, made once for all pairs that it is in.
enum Angled {
    /// As of [`Embedded`].
    Table(Vec<f64>),
    /// Of too many examples for a table.
    Whole(Mat<f64>),
}

impl Angled {
    fn of(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Self> {
        check(x, NAME, estimator.min_examples())?;
        if x.nrows() > LARGEST_TABLE {
            return Ok(Self::Whole(x.to_owned()));
        }
        Ok(Self::Table(table(&embedding(x, kernel, estimator)?)?))
    }

    /// The angle, from the distance of the unit embeddings, so that angles far below 1e-8 keep their digits.
    fn angle(&self, other: &Self, kernel: Kernel, estimator: Estimator) -> Result<f64> {
        let (apart, together) = match (self, other) {
            (Self::Table(k), Self::Table(l)) => {
                (reduce(k, l, |k, l| (k - l) * (k - l)), reduce(k, l, |k, l| (k + l) * (k + l)))
            }
            (Self::Whole(x), Self::Whole(y)) => {
                let (k, l) = embeddings(x.as_ref(), y.as_ref(), kernel, estimator)?;
                let (a, b) = (1.0 / inner(&k, &k).sqrt(), 1.0 / inner(&l, &l).sqrt());
                (
                    reduce_entries(&k, &l, |k, l| (k * a - l * b) * (k * a - l * b)),
                    reduce_entries(&k, &l, |k, l| (k * a + l * b) * (k * a + l * b)),
                )
            }
            _ => return refuse("expected two representations of the same examples"),
        };
        finite(2.0 * apart.sqrt().atan2(together.sqrt()), "angular CKA")
    }
}

/// Embeddings of both, or what has their inner products.
fn embeddings(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    kernel: Kernel,
    estimator: Estimator,
) -> Result<(Mat<f64>, Mat<f64>)> {
    if kernel == Kernel::Linear && estimator == Estimator::Biased && x.nrows() > x.ncols() + y.ncols() {
        // An orthogonal change of basis of the examples keeps all inner products of the centred Gram matrices.
        let (x, y) = reduced_rows(&unit_scale_centred(x)?, &unit_scale_centred(y)?);
        return Ok((row_gram(x.as_ref()), row_gram(y.as_ref())));
    }
    Ok((embedding(x, kernel, estimator)?, embedding(y, kernel, estimator)?))
}

/// Centred, and scaled by a power of two to entries near one.
///
/// # Errors
/// When nothing but rounding is left after centring.
fn unit_scale_centred(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let before = largest(x);
    let scaled = x * faer::Scale(power_of_two_scale(before));
    let c = centre(scaled.as_ref());
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
pub(super) fn embedding(x: MatRef<'_, f64>, kernel: Kernel, estimator: Estimator) -> Result<Mat<f64>> {
    match kernel {
        Kernel::Linear => {
            let k = row_gram(unit_scale_centred(x)?.as_ref());
            embed_scaled(k, estimator)
        }
        _ => embed_scaled(gram_to_centre(x, kernel)?, estimator),
    }
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

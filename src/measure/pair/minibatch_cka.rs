//! Minibatch CKA (Nguyen et al. 2021): unbiased HSIC summed over consecutive batches of examples, and the ratio taken after the
//! sums. Examples that do not fill a last batch are left out, and a median bandwidth is found for each batch. In expectation it does
//! not depend on the size of the batches, its value does.

use super::kernels::{KERNEL, MEDIAN, SIGMA, THRESHOLD, at_unit_norm, cosine, kernel_of, triangle, width};
use super::{KERNELS, NAME, ORTHOGONAL};
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{Entry, FromProducts, Held, Host, Made, count, written};
use crate::measure::numerics::algebra::{dot, largest, power_of_two_scale};
use crate::measure::numerics::check::{check, refuse};
use crate::measure::pairwise::gram::{Kernel, gram_to_centre, u_centred};
use faer::MatRef;

/// CKA summed over batches of examples.
pub(super) const MINIBATCH_CKA: Entry = Entry {
    formula: "Σ HSIC(K_b, L_b) / sqrt(Σ HSIC(K_b, K_b) Σ HSIC(L_b, L_b)), unbiased HSIC",
    range: [-1.0, 1.0],
    invariances: ORTHOGONAL,
    scale: width,
    cost: "n batch p",
    held: |g, e| {
        let [n, p, batch] = [e.n, e.p, g.count("batch")].map(|side| side as f64);
        Held { prepared: n * (batch + 1.0) / 2.0, preparing: 5.0 * batch * (batch + p), comparing: n }
    },
    source: "Nguyen, Raghu, Kornblith 2021",
    parameters: &[
        written(
            "estimator",
            &[Estimator::Debiased.word()],
            "debiased alone: other estimators depend on the size of the batches",
        ),
        count("batch", 64, 4, "examples of a batch; what does not fill the last is left out"),
        KERNEL,
        THRESHOLD,
        MEDIAN,
        SIGMA,
    ],
    caution: |g, e| {
        let left = e.n % g.count("batch").max(1);
        (left > 0).then(|| format!("the last {left} of {} examples do not fill a batch and are left out", e.n))
    },
    make: |g| {
        let (kernel, batch) = (kernel_of(g)?, g.count("batch"));
        let host = Host::new(move |x| batches(x, kernel, batch), |a: &Vec<f64>, b: &Vec<f64>| Ok(dot(a, b)));
        let host = host.of_products(|a: &Vec<f64>| Some(a), |cosine| cosine);
        Ok(Made { host, device: cosine(kernel, Estimator::Debiased, Some(batch), FromProducts::Cosine) })
    },
    ..Entry::similarity("minibatch_cka", "CKA summed over batches of examples", KERNELS)
};

/// The U-centred Gram matrices of the batches one after the other, at unit norm together: of two of these the value is the inner
/// product.
fn batches(x: MatRef<'_, f64>, kernel: Kernel, batch: usize) -> Result<Vec<f64>> {
    check(x, NAME, batch)?;
    let scale = if kernel == Kernel::Linear { power_of_two_scale(largest(x)) } else { 1.0 };
    let mut all = Vec::with_capacity(x.nrows() * (batch + 1) / 2);
    for first in (0..=x.nrows() - batch).step_by(batch) {
        let part = x.subrows(first, batch) * faer::Scale(scale);
        all.extend(triangle(&u_centred(gram_to_centre(part.as_ref(), kernel)?)));
    }
    if all.iter().all(|&v| v == 0.0) {
        return refuse(
            "expected representations that vary within batches, got centred Gram matrices of zero, for which CKA is not defined; \
             leave a constant representation out, or widen the kernel's bandwidth",
        );
    }
    at_unit_norm(all, "the norm of the Gram matrices")
}

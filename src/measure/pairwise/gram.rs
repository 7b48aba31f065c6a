//! Gram matrices of representations: linear, RBF and Laplace kernels, the conventions for a kernel's bandwidth, and
//! the ways of centring a Gram matrix on which the HSIC estimators rest.

use crate::error::Result;
use crate::measure::numerics::algebra::{
    Rows, centre, condensed_index, largest, power_of_two_scale, reduce, reduce_entries, row_gram, square, sum,
};
use crate::measure::numerics::check::{check, finite, refuse};
use faer::{Mat, MatRef};

/// The kernel of a Gram matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// ⟨x, y⟩.
    Linear,
    /// exp(−‖x − y‖² / (2σ²)).
    Rbf(Bandwidth),
    /// exp(−‖x − y‖ / σ).
    Laplace(Bandwidth),
}

/// How the bandwidth σ of a kernel follows from the data. The packages differ; every convention has its name here.
///
/// Each `factor` multiplies the median *distance*, thus its square the median squared distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bandwidth {
    /// σ² = factor² · median of the squared distances over all n² entries, the n zeros of the diagonal included; of an
    /// even count the mean of the two middle values (`np.median`). Kornblith et al. 2019, in the authors' notebook.
    MedianAll {
        /// Multiple of the median distance.
        factor: f64,
    },
    /// As [`Bandwidth::MedianAll`], but of an even count the lower middle value (`torch.median`; ckatorch).
    MedianAllLower {
        /// Multiple of the median distance.
        factor: f64,
    },
    /// σ = factor · median of the distances (not squared) over the pairs i < j, of an even count the mean of the two
    /// middle values (the `repsim` package on PyPI, with factor 1).
    MedianPairs {
        /// Multiple of the median distance.
        factor: f64,
    },
    /// σ² = factor² · median of the squared distances that are not zero, of an even count the mean of the two middle
    /// values (thingsvision with `sigma=None`, with factor 1).
    MedianNonZero {
        /// Multiple of the median distance.
        factor: f64,
    },
    /// σ itself, in the units of the representation.
    Fixed(f64),
}

impl Bandwidth {
    /// σ for the condensed squared distances of `n` examples.
    ///
    /// # Errors
    /// [`Error::Measure`](crate::error::Error::Measure) when a factor or σ is not positive and finite, or when the
    /// median is zero because most examples coincide.
    pub fn sigma(self, squared_distances: &[f64], n: usize) -> Result<f64> {
        let pairs = squared_distances.len();
        if n.checked_mul(n.saturating_sub(1)) != Some(2 * pairs) {
            return refuse(format!("expected the distances of all pairs of {n} examples, got {pairs} distances"));
        }
        // All n² entries in order are n zeros, then every pair twice.
        let entry = |d: &mut [f64], k: usize| if k < n { 0.0 } else { nth(d, (k - n) / 2) };
        let mut d = squared_distances.to_vec();
        let (factor, median) = match self {
            Self::Fixed(sigma) => (sigma, 1.0),
            Self::MedianAll { factor } => {
                let (low, high) = ((n * n).saturating_sub(1) / 2, n * n / 2);
                (factor, ((entry(&mut d, low) + entry(&mut d, high)) / 2.0).sqrt())
            }
            Self::MedianAllLower { factor } => (factor, entry(&mut d, (n * n).saturating_sub(1) / 2).sqrt()),
            Self::MedianPairs { factor } => {
                let (low, high) = (nth(&mut d, pairs.saturating_sub(1) / 2), nth(&mut d, pairs / 2));
                (factor, (low.sqrt() + high.sqrt()) / 2.0)
            }
            Self::MedianNonZero { factor } => {
                d.retain(|&d| d != 0.0);
                let (low, high) = (d.len().saturating_sub(1) / 2, d.len() / 2);
                (factor, ((nth(&mut d, low) + nth(&mut d, high)) / 2.0).sqrt())
            }
        };
        if !(factor.is_finite() && factor > 0.0) {
            return refuse(format!(
                "expected a positive finite bandwidth or factor, got {factor}; choose one above zero"
            ));
        }
        let sigma = finite(factor * median, "the bandwidth")?;
        if sigma == 0.0 {
            return refuse(
                "expected distinct examples for a median bandwidth, got a median distance of zero; \
                 give a fixed bandwidth or remove duplicates",
            );
        }
        Ok(sigma)
    }
}

/// The value at place `k` in ascending order, zero for an empty slice.
fn nth(values: &mut [f64], k: usize) -> f64 {
    match values.len() {
        0 => 0.0,
        length => *values.select_nth_unstable_by(k.min(length - 1), f64::total_cmp).1,
    }
}

/// Squared Euclidean distances of all pairs of rows, condensed in the order of scipy's `pdist`.
///
/// Sums of squared differences, never through inner products: equal distances of integer data stay equal.
pub fn squared_distances(x: MatRef<'_, f64>) -> Vec<f64> {
    Rows::of(x).pairs(|a, b| reduce(a, b, |a, b| (a - b) * (a - b)))
}

/// The n x n Gram matrix of the rows of `x` (n x p), not centred.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for an empty or non-finite `x`, or a bandwidth that is not
/// determined ([`Bandwidth::sigma`]).
pub fn gram(x: MatRef<'_, f64>, kernel: Kernel) -> Result<Mat<f64>> {
    check(x, "the representation", 1)?;
    let k = match kernel {
        Kernel::Linear => row_gram(x),
        Kernel::Rbf(bandwidth) | Kernel::Laplace(bandwidth) => {
            // At a scale near one, so that no square leaves the range.
            let scale = power_of_two_scale(largest(x));
            let mut d = squared_distances((x * faer::Scale(scale)).as_ref());
            let mut sigma = bandwidth.sigma(&d, x.nrows())?;
            if matches!(bandwidth, Bandwidth::Fixed(_)) {
                sigma = Bandwidth::Fixed(sigma * scale).sigma(&d, x.nrows())?;
            }
            for d in &mut d {
                let scaled = d.sqrt() / sigma;
                *d = if matches!(kernel, Kernel::Rbf(_)) { (-0.5 * scaled * scaled).exp() } else { (-scaled).exp() };
            }
            square(x.nrows(), &d, 1.0)
        }
    };
    // Zero times an entry is zero unless the entry is infinite or NaN.
    finite(reduce_entries(&k, &k, |k, _| 0.0 * k), "the Gram matrix")?;
    Ok(k)
}

/// The Gram matrix from which the centred forms start: for the linear kernel of the centred rows, which changes
/// nothing in exact arithmetic and saves digits; otherwise [`gram`].
///
/// # Errors
/// As [`gram`].
pub fn gram_to_centre(x: MatRef<'_, f64>, kernel: Kernel) -> Result<Mat<f64>> {
    match kernel {
        Kernel::Linear => {
            check(x, "the representation", 1)?;
            Ok(row_gram(centre(x).as_ref()))
        }
        _ => gram(x, kernel),
    }
}

/// HKH with H = I − 11ᵀ/n, for a symmetric K.
pub fn double_centred(mut out: Mat<f64>) -> Mat<f64> {
    let n = out.ncols().max(1) as f64;
    let means: Vec<f64> = (0..out.ncols()).map(|j| sum(out.col_as_slice(j)) / n).collect();
    let mean = sum(&means) / n;
    subtract_margins(&mut out, &means, mean);
    out
}

/// The U-centred matrix of Székely and Rizzo (2014), for a symmetric K with at least three rows: the diagonal
/// is dropped, row and column sums over n − 2 are subtracted, the total over (n − 1)(n − 2) is added, and the diagonal
/// is zero again. Its inner products over n(n − 3) are the unbiased HSIC of Song et al. 2012.
pub fn u_centred(mut out: Mat<f64>) -> Mat<f64> {
    zero_diagonal(&mut out);
    let n = out.ncols() as f64;
    let sums: Vec<f64> = (0..out.ncols()).map(|j| sum(out.col_as_slice(j))).collect();
    let total = sum(&sums) / ((n - 1.0) * (n - 2.0));
    let margins: Vec<f64> = sums.iter().map(|s| s / (n - 2.0)).collect();
    subtract_margins(&mut out, &margins, total);
    zero_diagonal(&mut out);
    out
}

/// HKH with its diagonal set to zero, the form that Lange et al. 2023 take.
pub fn hollow_centred(k: Mat<f64>) -> Mat<f64> {
    let mut out = double_centred(k);
    zero_diagonal(&mut out);
    out
}

/// Sets the diagonal to zero.
pub fn zero_diagonal(k: &mut Mat<f64>) {
    for i in 0..k.ncols().min(k.nrows()) {
        k[(i, i)] = 0.0;
    }
}

/// k_ij − m_i − m_j + total, written so that the result is exactly symmetric.
fn subtract_margins(k: &mut Mat<f64>, margins: &[f64], total: f64) {
    for (j, mj) in margins.iter().enumerate() {
        for (value, mi) in k.col_as_slice_mut(j).iter_mut().zip(margins) {
            *value = (*value - (mi + mj)) + total;
        }
    }
}

/// A condensed upper triangle with zero diagonal, double-centred: the entries above the diagonal and the diagonal.
///
/// Equals [`double_centred`] of the square matrix, without building it.
pub(crate) fn double_centred_condensed(condensed: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut means = vec![0.0; n];
    let mut row = Vec::with_capacity(n);
    for (i, mean) in means.iter_mut().enumerate() {
        row.clear();
        row.extend((0..i).map(|j| condensed[condensed_index(n, j, i)]));
        row.extend((i + 1..n).map(|j| condensed[condensed_index(n, i, j)]));
        *mean = sum(&row) / n as f64;
    }
    let mean = sum(&means) / n as f64;
    let mut values = condensed.iter();
    let mut above = Vec::with_capacity(condensed.len());
    for i in 0..n {
        above.extend((i + 1..n).zip(values.by_ref()).map(|(j, v)| (v - (means[i] + means[j])) + mean));
    }
    (above, means.iter().map(|m| mean - 2.0 * m).collect())
}

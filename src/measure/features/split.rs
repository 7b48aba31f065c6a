//! Linear CKA of two networks, split into what is due to each known feature.
//!
//! With `A` (examples × units) and `B` centred, `K_A = A Aᵀ`, linear CKA is `<K_A, K_B> / (|K_A| |K_B|)`. Let `P_1 .. P_F` be
//! orthogonal projectors onto what each feature adds to the span of the centred one-hot labels of the features before it
//! (*sequential* projection), and `P_0` the projector onto all that no feature spans. They sum to the identity on centred columns,
//! so that `K = Σ_fg P_f K P_g`, and since blocks of different `f, g` are orthogonal,
//!
//! `<K_A, K_B> = Σ_fg <P_f K_A P_g, P_f K_B P_g> = Σ_fg <Aᵀ P_f B, Aᵀ P_g B>`
//!
//! exactly. The term of `f = g` is not negative: similarities of examples that both networks have for the reason of that feature
//! alone. A cross term is there only if both networks code two features in directions that are not orthogonal, and is negative if
//! they do so with opposite signs.
//!
//! For features that are independent and balanced in the sample the spans are orthogonal and the order does not matter;
//! [`Split::overlap`] says how far it could.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::statistic::input::{Classes, centred_varying, check, fail, finite, same_rows};

/// CKA of two networks in terms of features.
#[derive(Clone, Debug)]
pub struct Split {
    /// Linear CKA with centred columns (`cka:biased` of the catalogue), from 0 to 1.
    pub cka: f64,
    /// Its terms, symmetric, `[features + 1, features + 1]` in the order given; the last stands for what no feature spans. They
    /// sum to [`Split::cka`].
    pub terms: Mat<f64>,
    /// Largest part of a feature's span that lies in that of the features before it, as the largest cosine: 0 if spans are
    /// orthogonal, so that the order does not matter.
    pub overlap: f64,
}

impl Split {
    /// Number of features.
    pub fn features(&self) -> usize {
        self.terms.nrows() - 1
    }

    /// CKA that is due to one feature alone in both networks.
    ///
    /// # Errors
    /// If there is no such feature.
    pub fn own(&self, feature: usize) -> Result<f64> {
        if feature >= self.features() {
            return fail(format!("feature {feature} was asked for, but CKA was split among {}", self.features()));
        }
        Ok(self.terms[(feature, feature)])
    }

    /// CKA due to pairs of different features, all together.
    pub fn cross(&self) -> f64 {
        let f = self.features();
        (0..f).flat_map(|i| (0..f).map(move |j| (i, j))).filter(|(i, j)| i != j).map(|at| self.terms[at]).sum()
    }

    /// CKA due to what no feature spans, alone and together with features. With [`Split::own`] of all features and
    /// [`Split::cross`] it sums to CKA.
    pub fn rest(&self) -> f64 {
        let f = self.features();
        self.terms[(f, f)] + 2.0 * (0..f).map(|i| self.terms[(i, f)]).sum::<f64>()
    }
}

/// Splits linear CKA of two representations of the same examples by features of these examples.
///
/// `a`, `b`: examples × units, of any number of units; `features`: labels of each feature, a class for each example. A feature
/// takes what those before it leave: put first the one that shall have what two share.
///
/// # Errors
/// Different numbers of examples or labels, values that are not finite, a representation that does not vary, a feature with
/// one class or one that the features before it determine.
pub fn split(a: MatRef<'_, f64>, b: MatRef<'_, f64>, features: &[&[usize]]) -> Result<Split> {
    check(a, "the first representation", 2)?;
    check(b, "the second representation", 2)?;
    same_rows(a.nrows(), b.nrows(), "the two representations")?;
    // Of length one, so that no power of a large or small representation leaves the range of numbers.
    let unit = |x: MatRef<'_, f64>, name: &str| -> Result<Mat<f64>> {
        let centred = centred_varying(x, name)?;
        let norm = centred.norm_l2();
        Ok(centred * faer::Scale(1.0 / norm))
    };
    let (mut a, mut b) = (unit(a, "the first representation")?, unit(b, "the second representation")?);
    let kernel = |x: &Mat<f64>| (x.transpose() * x).norm_l2();
    let scale = kernel(&a) * kernel(&b);
    let whole = (a.transpose() * &b).squared_norm_l2();
    let mut bases: Vec<Mat<f64>> = Vec::new();
    let mut overlap: f64 = 0.0;
    for (f, labels) in features.iter().enumerate() {
        let (basis, cosine) = adds(&Classes::of(labels, a.nrows(), 2)?, &bases, f)?;
        overlap = overlap.max(cosine);
        bases.push(basis);
    }
    let mut products = Vec::with_capacity(bases.len() + 1);
    for q in &bases {
        let (in_a, in_b) = (q.transpose() * &a, q.transpose() * &b);
        products.push(in_a.transpose() * &in_b);
        a -= q * in_a;
        b -= q * in_b;
    }
    products.push(a.transpose() * &b);
    let inner = |x: &Mat<f64>, y: &Mat<f64>| -> f64 {
        x.col_iter().zip(y.col_iter()).map(|(x, y)| x.iter().zip(y.iter()).map(|(x, y)| x * y).sum::<f64>()).sum()
    };
    let terms = Mat::from_fn(products.len(), products.len(), |f, g| {
        let (f, g) = (f.min(g), f.max(g));
        inner(&products[f], &products[g]) / scale
    });
    Ok(Split { cka: finite(whole / scale, "CKA")?, terms, overlap })
}

/// An orthonormal basis (examples × dimensions) of what a feature adds to `bases`, and the largest cosine of its own span with
/// theirs.
fn adds(classes: &Classes, bases: &[Mat<f64>], feature: usize) -> Result<(Mat<f64>, f64)> {
    let n = classes.of.len();
    let share = |c: usize| classes.counts[c] as f64 / n as f64;
    let one_hot =
        Mat::from_fn(n, classes.number() - 1, |i, c| f64::from(u8::from(classes.of[i] == c + 1)) - share(c + 1));
    let own = orthonormal(one_hot);
    let inside: Vec<Mat<f64>> = bases.iter().map(|q| q.transpose() * &own).collect();
    let rows: Vec<(usize, usize)> =
        (0..inside.len()).flat_map(|b| (0..inside[b].nrows()).map(move |r| (b, r))).collect();
    let together = Mat::from_fn(rows.len(), own.ncols(), |i, c| inside[rows[i].0][(rows[i].1, c)]);
    let Ok(cosines) = together.singular_values() else {
        return fail("the singular value decomposition of the features did not converge");
    };
    let cosine = cosines.first().copied().unwrap_or(0.0).min(1.0);
    // Twice is enough for orthogonality to rounding.
    let mut rest = own.clone();
    for _ in 0..2 {
        for q in bases {
            let inside = q.transpose() * &rest;
            rest -= q * inside;
        }
    }
    let Ok(svd) = rest.thin_svd() else {
        return fail("the singular value decomposition of the features did not converge");
    };
    // Singular values are sines of the angles with the spans before.
    let new = svd.S().column_vector().iter().filter(|s| **s > 1e-9).count();
    if new == 0 {
        return fail(format!(
            "feature {feature} is determined by the features before it: leave it out, or put it before them"
        ));
    }
    let mut basis = svd.U().subcols(0, new).to_owned();
    for q in bases {
        let inside = q.transpose() * &basis;
        basis -= q * inside;
    }
    Ok((orthonormal(basis), cosine))
}

/// Columns made orthonormal in their order, each against the former ones twice; they are independent.
fn orthonormal(mut x: Mat<f64>) -> Mat<f64> {
    for j in 0..x.ncols() {
        for _ in 0..2 {
            for k in 0..j {
                let inside: f64 = x.col(j).iter().zip(x.col(k).iter()).map(|(a, b)| a * b).sum();
                let former = x.col(k).to_owned();
                x.col_mut(j).iter_mut().zip(former.iter()).for_each(|(v, q)| *v -= inside * q);
            }
        }
        let norm = x.col(j).norm_l2();
        x.col_mut(j).iter_mut().for_each(|v| *v /= norm);
    }
    x
}

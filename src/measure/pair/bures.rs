//! The Bures similarity and metric of two RDMs through their Gram matrices A, B = −½ H D H, without the loss of half the digits that
//! square roots of eigenvalues of a product bring.
//!
//! With factors F Fᵀ = A, G Gᵀ = B the fidelity tr((A½ B A½)½) is the sum of the singular values of FᵀG: the similarity is that of
//! Procrustes between factors, and the metric its distance (Harvey et al. 2024; Bhatia, Jain, Lim 2019).
//!
//! An RDM that no points realise (Poisson, cross-validated, L1) has a Gram matrix with negative eigenvalues. Either the nearest
//! positive semidefinite matrix stands in for it, or, as rsatoolbox has it, negative eigenvalues of √A₊ B √A₊ alone are left out and
//! the traces are of the matrices as they are: that is not symmetric and not bounded by one for such RDMs, and its squared metric
//! may be negative.

use super::rsa::{DISTANCE, dissimilarity};
use super::{NAME, RDMS};
use crate::error::Result;
use crate::measure::declaration::{
    Cross, Crossed, Entry, Extents, Given, Held, Invariance, Of, Parameter, Remainder, Scale, Side, word,
};
use crate::measure::numerics::algebra::{largest, power_of_two_scale, row_gram, singular_values, symmetric_eigen};
use crate::measure::numerics::basis::{CLOSE, Procrustes};
use crate::measure::numerics::check::refuse;
use crate::measure::numerics::factor::{Unit, unit};
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use faer::{Mat, MatRef};

const NEGATIVE: Parameter =
    word("negative", &["projected", "rsatoolbox"], "what becomes of negative eigenvalues of the Gram matrix");

/// Bures similarity of RDMs.
pub(super) const RSA_BURES: Entry = Entry {
    formula: "tr((G_x½ G_y G_x½)½) / sqrt(tr G_x tr G_y), G = -½ H D H",
    invariances: &[Invariance::Scaling, Invariance::Permutation],
    scale: |g| if g.word("rdm") == "poisson" { Scale::Own } else { Scale::Free },
    cost: "n³",
    held,
    source: "Harvey et al. 2024; Schütt et al. 2023",
    parameters: &[DISTANCE, NEGATIVE],
    make: |g| {
        let projected = g.word("negative") == "projected";
        Ok(of_factors(dissimilarity(g), projected, false, |found| found.similarity).into())
    },
    ..Entry::similarity("rsa_bures", "Bures similarity of RDMs", RDMS)
};

/// Bures metric of RDMs.
pub(super) const RSA_BURES_DISTANCE: Entry = Entry {
    formula: "sqrt(tr G_x + tr G_y - 2 tr((G_x½ G_y G_x½)½)), or its square",
    metric: true,
    invariances: &[Invariance::Permutation],
    scale: distance_scale,
    cost: "n³",
    held,
    source: "Bhatia, Jain, Lim 2019; Schütt et al. 2023",
    parameters: &[DISTANCE, word("form", &["metric", "squared"], "the metric or its square"), NEGATIVE],
    make: |g| {
        let projected = g.word("negative") == "projected";
        let squared = g.word("form") == "squared";
        Ok(of_factors(dissimilarity(g), projected, true, move |found| {
            if squared { found.squared } else { found.squared.max(0.0).sqrt() }
        })
        .into())
    },
    ..Entry::distance("rsa_bures_distance", "Bures metric of RDMs", RDMS)
};

/// Factors of Gram matrices, of the positive part and of both.
fn held(_: &Given, e: Extents) -> Held {
    let [n, p] = [e.n, e.p].map(|side| side as f64);
    Held { prepared: 2.0 * n * n, preparing: 6.0 * n * n + 3.0 * n * p, comparing: 12.0 * n * n }
}

/// The power of the data's scale that a dissimilarity grows with.
fn degree(d: Dissimilarity) -> i32 {
    match d {
        Dissimilarity::SquaredEuclidean | Dissimilarity::SquaredEuclideanPerUnit => 2,
        Dissimilarity::Euclidean | Dissimilarity::Cityblock => 1,
        _ => 0,
    }
}

/// A Bures metric grows with the root of the RDM.
fn distance_scale(g: &Given) -> Scale {
    let d = dissimilarity(g);
    let power = f64::from(degree(d));
    match (d, g.word("form")) {
        (Dissimilarity::Poisson { .. }, _) => Scale::Own,
        (_, "squared") => Scale::Common(power),
        _ => Scale::Common(power / 2.0),
    }
}

/// What two RDMs have in common.
struct Found {
    /// tr((A½ B A½)½) / √(tr A tr B).
    similarity: f64,
    /// tr A + tr B − 2 tr((A½ B A½)½), in the units of the RDMs.
    squared: f64,
}

/// What is known of a Gram matrix beside its factor at unit norm.
struct Factor {
    /// Columns for positive eigenvalues; those that follow are for negative ones.
    positive: usize,
    /// The norm of the factor of the positive part.
    norm: f64,
    /// The trace of the whole, over the square of that norm.
    trace: f64,
}

/// A function of what the factors of two RDMs have in common; `projected` on positive semidefinite matrices, or with rsatoolbox's
/// negative eigenvalues; `differs`, if it is of their difference.
fn of_factors(
    d: Dissimilarity,
    projected: bool,
    differs: bool,
    value: impl Fn(Found) -> f64 + Copy + Send + Sync + 'static,
) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let (positive, both, factor) = factors(&rdm(x, d)?, projected)?;
        Ok(if projected { Side::same(positive, factor) } else { Side::different(positive, both, factor) })
    };
    // RDMs grow with this power of the data, and factors with half of it.
    let power = f64::from(degree(d)) / 2.0;
    let norm = move |of: &Of<'_, Factor>| of.kept.norm * of.size.powf(power);
    let close = move |a: &Of<'_, Factor>, b: &Of<'_, Factor>, distance: f64| {
        let p = Procrustes::from_unit(distance.max(0.0).sqrt(), norm(a), norm(b));
        value(Found { similarity: p.nbs, squared: p.squared })
    };
    let finish = move |a: Of<'_, Factor>, b: Of<'_, Factor>, cross: &Crossed| {
        if projected {
            let similarity: f64 = singular_values(cross.as_ref())?.iter().rev().sum();
            return Ok((similarity < CLOSE).then(|| close(&a, &b, 2.0 - 2.0 * similarity)));
        }
        let [x, y] = [&a, &b].map(|of| of.kept.trace);
        if !(x > 0.0 && y > 0.0) {
            return refuse("expected RDMs whose Gram matrix has a positive trace, got one that has not; leave it out");
        }
        let fidelity = fidelity(cross.as_ref(), b.kept.positive)?;
        let (one, other) = (norm(&a), norm(&b));
        let sum = x * one * one + y * other * other;
        let squared = sum - 2.0 * fidelity * one * other;
        // Single precision leaves too few digits of a small difference.
        let decided = !(cross.single && differs) || squared > 0.02 * sum;
        Ok(decided.then(|| value(Found { similarity: fidelity / (x * y).sqrt(), squared })))
    };
    let cross = Cross::new(format!("factors {d:?} {projected}"), prepare, finish);
    if !projected {
        return cross;
    }
    cross.closing(move |a: Of<'_, Factor>, b: Of<'_, Factor>, rest: &Remainder| close(&a, &b, rest.distance()))
}

/// Σ √λ₊ of √A₊ B √A₊ from the product of the factor of A₊ with those of the positive and of the negative part of B, side by side.
fn fidelity(cross: MatRef<'_, f64>, positive: usize) -> Result<f64> {
    if positive == cross.ncols() {
        return Ok(singular_values(cross)?.iter().sum());
    }
    // Products of the two parts: roots of small eigenvalues of the compressed matrix itself would lose half the digits.
    let (plus, minus) = cross.split_at_col(positive);
    let compressed = &row_gram(plus) - &row_gram(minus);
    let (values, _) = symmetric_eigen(compressed.as_ref())?;
    let noise = values.len() as f64 * f64::EPSILON * largest(compressed.as_ref());
    Ok(values.iter().filter(|&&v| v > noise).map(|v| v.sqrt()).sum())
}

/// The factor of the positive part of an RDM's Gram matrix at unit norm; it and that of the negative part side by side, where they are
/// wanted; and what is known of them.
///
/// # Errors
/// For an RDM without a positive eigenvalue.
fn factors(rdm: &Rdm, projected: bool) -> Result<(Mat<f64>, Mat<f64>, Factor)> {
    let n = rdm.conditions();
    // An even power of two, so that its root is one too.
    let mut scale = power_of_two_scale(rdm.values().iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    if scale.sqrt().log2().fract() != 0.0 {
        scale *= 0.5;
    }
    let gram = Rdm::new(rdm.values().iter().map(|v| v * scale).collect())?.gram();
    let (values, vectors) = symmetric_eigen(gram.as_ref())?;
    let trace: f64 = (0..n).map(|i| gram[(i, i)]).sum();
    // What the eigenvalues of a matrix of lower rank are known to. Their roots would be a hundred million times larger.
    let noise = n as f64 * f64::EPSILON * values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let kept: Vec<usize> = (0..n).filter(|&k| values[k] > noise).collect();
    if kept.is_empty() {
        return refuse(
            "expected an RDM with some positive dissimilarity, got none; leave a constant representation out",
        );
    }
    let part = |of: &[usize]| Mat::from_fn(n, of.len(), |i, k| vectors[(i, of[k])] * values[of[k]].abs().sqrt());
    let Unit { matrix, norm } = unit(part(&kept), NAME)?;
    let factor = Factor { positive: kept.len(), norm: norm / scale.sqrt(), trace: trace / (norm * norm) };
    if projected {
        return Ok((matrix, Mat::new(), factor));
    }
    let left: Vec<usize> = (0..n).filter(|&k| values[k] < -noise).collect();
    let negative = part(&left);
    let both = Mat::from_fn(n, kept.len() + left.len(), |i, k| match k.checked_sub(kept.len()) {
        None => matrix[(i, k)],
        Some(k) => negative[(i, k)] / norm,
    });
    Ok((matrix, both, factor))
}

//! A null for cross-condition statistics that keeps the geometry within conditions.
//!
//! Shuffling labels also destroys decodability, so almost any code beats it. Here each condition's cloud is moved as a
//! whole, independently of the others: its shape, its distance from the overall mean, and with it how well conditions can
//! be told apart, stay; only the relations between conditions are random (after the geometrical random model of
//! Bernardi et al. 2020).

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::declaration::{Given, Parameter, count, word};
use crate::measure::inference::{Alternative, Test};
use crate::measure::random::Random;
use crate::measure::statistic::input::{Classes, check, column_means, less};
use crate::measure::statistic::source::Computation;

/// Whether a statistic is given, or its p-value against representations that are moved at random.
pub(super) const NULL: Parameter = word(
    "null",
    &["none", "permuted-units", "rotated"],
    "in place of the value, its p-value among representations in which each condition's cloud has its units permuted, or is rotated, \
     about the mean of all",
);

pub(super) const DRAWS: Parameter = count("draws", 99, 1, "of the null");

/// A copy of the representation, and a rotation of its units.
pub(super) fn held(g: &Given, n: f64, p: f64) -> f64 {
    let rotation = if g.word("null") == "rotated" { 6.0 * p * p } else { 0.0 };
    10.0 * n * p + 6.0 * p.min(n).powi(2) + 48.0 * n + rotation
}

/// The form itself, or its p-value against the null that is asked for: of values at least as large.
pub(super) fn against(form: Computation, g: &Given) -> Computation {
    let (rotate, draws) = match g.word("null") {
        "none" => return form,
        null => (null == "rotated", g.count("draws")),
    };
    Computation::labelled(move |x, labels| {
        let observed = (form.compute)(x, labels)?;
        let null = (0..draws).map(|draw| (form.compute)(moved(x, labels, rotate, draw as u32)?.as_ref(), labels));
        Ok(Test::of(observed, null.collect::<Result<_>>()?, Alternative::Larger)?.p_value)
    })
}

/// A representation with each condition's cloud moved at random about the overall mean: by a permutation of the units of its own,
/// or by a rotation or reflection, uniform over all of them. The same draw gives the same bits.
fn moved(x: MatRef<'_, f64>, conditions: &[usize], rotate: bool, draw: u32) -> Result<Mat<f64>> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    let means = column_means(x);
    let centred = less(x, &means);
    let mut random = Random::new(0, draw);
    let mut out = Mat::zeros(x.nrows(), x.ncols());
    let p = x.ncols();
    for class in 0..classes.number() {
        let members = classes.members(class);
        let cloud = if rotate {
            let gaussian = Mat::from_fn(p, p, |_, _| random.normal());
            let qr = gaussian.qr();
            let (q, r) = (qr.compute_Q(), qr.R());
            // Signs of the diagonal make the rotation uniform.
            let sign = |j: usize| if r[(j, j)] < 0.0 { -1.0 } else { 1.0 };
            Mat::from_fn(members.len(), p, |i, j| centred[(members[i], j)] * sign(j)) * q.transpose()
        } else {
            let order = random.permutation(p);
            Mat::from_fn(members.len(), p, |i, j| centred[(members[i], order[j])])
        };
        for (row, i) in members.iter().enumerate() {
            (0..p).for_each(|j| out[(*i, j)] = cloud[(row, j)] + means[j]);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::statistic::Statistic;

    #[test]
    fn the_null_keeps_clouds_and_breaks_relations() {
        let (mut random, conditions) = (Random::new(6, 0), (0..40).map(|i| i % 4).collect::<Vec<usize>>());
        let noise = Mat::from_fn(40, 20, |_, _| random.normal());
        let x = Mat::from_fn(40, 20, |i, j| {
            let (a, b) = ((conditions[i] / 2) as f64, (conditions[i] % 2) as f64);
            3.0 * a * (j as f64).sin() + 3.0 * b * (2.0 * j as f64).cos() + 0.3 * noise[(i, j)]
        });
        for (rotate, word) in [(false, "permuted-units"), (true, "rotated")] {
            let moved = moved(x.as_ref(), &conditions, rotate, 2).unwrap();
            for i in 0..40 {
                for j in (0..40).filter(|j| conditions[*j] == conditions[i]) {
                    let distance = |m: &Mat<f64>| (m.row(i) - m.row(j)).norm_l2();
                    assert!((distance(&moved) - distance(&x)).abs() < 1e-10);
                }
            }
            let of = |name: &str| Statistic::parse(name).unwrap().of(x.as_ref(), &conditions).unwrap();
            assert!(of("parallelism:contexts=2") > 0.95 && of("ccgp:contexts=2") == 1.0);
            assert_eq!(of(&format!("parallelism:contexts=2:{word}")), 0.01);
            assert!(of(&format!("ccgp:contexts=2:{word}:draws=19")) < 0.5);
        }
    }
}

//! What a measure of units is worth by chance: the same measure, once one of the two representations has lost what is looked for.
//!
//! A *rotation* of the units that vary, by a random orthogonal matrix, keeps the subspace and all distances of examples, and no unit: what
//! a measure is above it is due to units. A *shuffle* of the examples keeps the units and what they have to do with each other, and
//! nothing of what the two representations have in common. Values are means over draws of both ways, one of the two being changed at a
//! time; draws depend on the seed and the number of units or examples alone.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::NAME;
use crate::error::Result;
use crate::measure::declaration::{Given, Held, Host, Made, Parameter, Prepared, count, word};
use crate::measure::numerics::algebra::{centre, dot, product};
use crate::measure::numerics::units::Units;
use crate::measure::random::Random;

/// Which null is taken in place of the measure.
pub(super) const NULL: Parameter = word(
    "null",
    &["none", "rotation", "shuffle"],
    "the measure with one representation's units rotated at random, or its examples shuffled",
);

/// Of how many draws a null is the mean.
pub(super) const DRAWS: Parameter = count("draws", 8, 1, "of how many draws a null is the mean");

/// Seed of the draws.
pub(super) const SEED: Parameter = count("seed", 0, 0, "seed of the draws of a null");

/// The measure, or the null that is asked for in place of it.
pub(super) fn or_null(g: &Given, made: impl Into<Made>) -> Result<Made> {
    let made = made.into();
    let rotated = match g.word("null") {
        "rotation" => true,
        "shuffle" => false,
        _ => {
            g.refuse(&["draws", "seed"], "they are of null=rotation and null=shuffle")?;
            return Ok(made);
        }
    };
    let (draws, seed) = (g.count("draws") as u32, g.count("seed") as u64);
    let measure = Arc::new(made.host);
    let of = measure.clone();
    // As it is, and each draw.
    let prepare = move |x: MatRef<'_, f64>| -> Result<(Prepared, Vec<Prepared>)> {
        let draw = |k| {
            let changed = if rotated { rotation(x, seed, k)? } else { shuffle(x, seed, k) };
            of.prepare(changed.as_ref())
        };
        Ok((of.prepare(x)?, (0..draws).map(draw).collect::<Result<_>>()?))
    };
    let compare = move |(x, of_x): &(Prepared, Vec<Prepared>), (y, of_y): &(Prepared, Vec<Prepared>)| -> Result<f64> {
        let mut sum = 0.0;
        for (drawn_x, drawn_y) in of_x.iter().zip(of_y) {
            sum += measure.compare(x, drawn_y)? + measure.compare(drawn_x, y)?;
        }
        Ok(sum / (2.0 * f64::from(draws)))
    };
    Ok(Host::new(prepare, compare).into())
}

/// Numbers of eight bytes that are held, where a null takes more than the measure: each draw is prepared beside the representation.
pub(super) fn held(g: &Given, of: Held) -> Held {
    let forms = if g.word("null") == "none" { 0.0 } else { g.count("draws") as f64 };
    Held { prepared: of.prepared * (1.0 + forms), preparing: of.preparing + forms.min(1.0) * of.prepared, ..of }
}

/// The units that vary, centred and rotated by a random orthogonal matrix (of Haar's measure).
///
/// # Errors
/// If none varies.
fn rotation(x: MatRef<'_, f64>, seed: u64, draw: u32) -> Result<Mat<f64>> {
    let kept = Units::new(x, NAME)?.kept;
    let centred = centre(x);
    let varying = Mat::from_fn(x.nrows(), kept.len(), |i, j| centred[(i, kept[j])]);
    let mut random = Random::new(seed, draw);
    // Columns of normal numbers made orthogonal one after the other, twice for the sake of rounding: uniform (Mezzadri 2007).
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(kept.len());
    for _ in 0..kept.len() {
        let mut v: Vec<f64> = (0..kept.len()).map(|_| random.normal()).collect();
        for u in columns.iter().chain(&columns) {
            let along = dot(u, &v);
            v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
        }
        let norm = dot(&v, &v).sqrt();
        v.iter_mut().for_each(|v| *v /= norm);
        columns.push(v);
    }
    let turn = Mat::from_fn(kept.len(), kept.len(), |i, j| columns[j][i]);
    Ok(product(varying.as_ref(), turn.as_ref()))
}

/// The examples in another order.
fn shuffle(x: MatRef<'_, f64>, seed: u64, draw: u32) -> Mat<f64> {
    let order = Random::new(seed, draw).permutation(x.nrows());
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(order[i], j)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::catalogue::Measure;
    use crate::measure::pair::testing::value;

    fn normal(rows: usize, columns: usize, draw: u32) -> Mat<f64> {
        let mut random = Random::new(11, draw);
        Mat::from_fn(rows, columns, |_, _| random.normal())
    }

    #[test]
    fn a_rotation_keeps_the_gram_matrix_and_loses_the_units() {
        let x = Mat::from_fn(60, 7, |i, j| if j == 3 { 2.0 } else { normal(60, 7, 0)[(i, j)] });
        let turned = rotation(x.as_ref(), 0, 1).unwrap();
        assert_eq!(turned.ncols(), 6, "the unit that does not vary is left out");
        let gram = |x: &Mat<f64>| x * x.transpose();
        assert!((gram(&turned) - gram(&centre(x.as_ref()))).norm_max() < 1e-12);
        // A copy is one for the measure, and for cka; the null of the match is far below.
        let own = value("bipartite_match", &x, &x);
        let null = value("bipartite_match:rotation", &x, &x);
        assert!(own > 1.0 - 1e-12 && null < 0.8 && null > 0.2, "{own} {null}");
        // Of two draws of one size the second is another.
        assert!((turned - rotation(x.as_ref(), 0, 2).unwrap()).norm_max() > 0.1);
    }

    #[test]
    fn one_unit_can_only_be_turned_round_and_one_subspace_of_two_is_known() {
        // One unit: half of all draws have its sign turned, and without signs nothing is changed.
        let x = normal(40, 1, 3);
        assert!((value("bipartite_match:absolute:rotation", &x, &x) - 1.0).abs() < 1e-12);
        // Two uncorrelated units of one length: the best match of a rotation by an angle t, or of a reflection, has correlation
        // max(|cos t|, |sin t|), whose mean over all angles is (4 / pi) sin(pi / 4) = 0.9003.
        let x = Mat::from_fn(4, 2, |i, j| if (i >> j) & 1 == 1 { 1.0 } else { -1.0 });
        let mean = value("bipartite_match:absolute:rotation:draws=4000", &x, &x);
        let expected = 4.0 / std::f64::consts::PI * std::f64::consts::FRAC_PI_4.sin();
        // Its standard deviation is .089, and both ways of a draw are one value.
        assert!((mean - expected).abs() < 5.0 * 0.089 / 4000f64.sqrt(), "{mean} for {expected}");
    }

    #[test]
    fn a_shuffle_leaves_what_matching_finds_in_noise() {
        let x = normal(400, 12, 5);
        let null = value("bipartite_match:shuffle", &x, &x);
        // Independent data, matched: as the null of a copy.
        let noise = value("bipartite_match", &x, &normal(400, 12, 6));
        assert!((null - noise).abs() < 0.02 && null > 0.03 && null < 0.1, "{null} {noise}");
        // The same seed is the same value, another one another; either way about it is one.
        let y = normal(400, 9, 7);
        assert_eq!(value("soft_match:shuffle", &x, &y), value("soft_match:shuffle", &x, &y));
        assert_ne!(value("soft_match:shuffle", &x, &y), value("soft_match:shuffle:seed=1", &x, &y));
        assert!((value("soft_match:shuffle", &x, &y) - value("soft_match:shuffle", &y, &x)).abs() < 1e-12);
    }

    #[test]
    fn draws_of_no_null_are_refused() {
        let message = Measure::parse("bipartite_match:draws=4").err().map(|e| e.to_string());
        assert!(message.is_some_and(|m| m.contains("`draws` has no effect here")));
    }
}

//! A null for cross-condition measures that keeps the geometry within conditions.
//!
//! Shuffling labels also destroys decodability, so almost any code beats it. Here each condition's cloud is moved as a
//! whole, independently of the others: its shape, its distance from the overall mean, and with it how well conditions can
//! be told apart, stay; only the relations between conditions are random (after the geometrical random model of
//! Bernardi et al. 2020).

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::inference::{Alternative, Test, draw_all};
use crate::measure::random::Random;
use crate::measure::statistic::input::{Classes, check, column_means, fail, less};

/// How each condition's cloud is moved about the overall mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryNull {
    /// Its own random permutation of the units. Keeps the values of the centred units.
    PermuteUnits,
    /// Its own random rotation or reflection, uniform over all of them. Costs a decomposition of units × units for each
    /// condition.
    Rotate,
}

/// A representation with each condition's cloud moved at random about the overall mean. `draw` counts random versions of
/// one `seed`; the same pair gives the same bits.
///
/// # Errors
/// Conditions of another length, fewer than two of them, or values that are not finite.
pub fn geometry_null(
    x: MatRef<'_, f64>,
    conditions: &[usize],
    null: GeometryNull,
    seed: u64,
    draw: u32,
) -> Result<Mat<f64>> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    let means = column_means(x);
    let centred = less(x, &means);
    let mut random = Random::new(seed, draw);
    let mut out = Mat::zeros(x.nrows(), x.ncols());
    let p = x.ncols();
    for class in 0..classes.number() {
        let members = classes.members(class);
        match null {
            GeometryNull::PermuteUnits => {
                let order = random.permutation(p);
                for i in members {
                    (0..p).for_each(|j| out[(i, j)] = centred[(i, order[j])] + means[j]);
                }
            }
            GeometryNull::Rotate => {
                let gaussian = Mat::from_fn(p, p, |_, _| random.normal());
                let qr = gaussian.qr();
                let (q, r) = (qr.compute_Q(), qr.R());
                // Signs of the diagonal make the rotation uniform.
                let sign = |j: usize| if r[(j, j)] < 0.0 { -1.0 } else { 1.0 };
                let cloud = Mat::from_fn(members.len(), p, |i, j| centred[(members[i], j)] * sign(j));
                let moved = cloud * q.transpose();
                for (row, i) in members.iter().enumerate() {
                    (0..p).for_each(|j| out[(*i, j)] = moved[(row, j)] + means[j]);
                }
            }
        }
    }
    Ok(out)
}

/// Tests a measure of a representation, such as CCGP or the parallelism score, against [`geometry_null`].
///
/// # Errors
/// No draws, those of [`geometry_null`], and those of the measure.
pub fn against_geometry_null(
    x: MatRef<'_, f64>,
    conditions: &[usize],
    null: GeometryNull,
    alternative: Alternative,
    draws: usize,
    seed: u64,
    measure: &(dyn Fn(MatRef<'_, f64>) -> Result<f64> + Sync),
) -> Result<Test> {
    if draws == 0 {
        return fail("a null needs at least one draw");
    }
    let observed = measure(x)?;
    let values = draw_all(draws, &|draw| measure(geometry_null(x, conditions, null, seed, draw)?.as_ref()))?;
    Test::of(observed, values, alternative)
}

//! How few frequencies a row of numbers is made of: the inverse participation ratio of its Fourier spectrum. Of the weights of a unit
//! that take or give numbers modulo p it tells whether the unit computes with waves, as networks do that have learned the rule.
//!
//! With P_k = |Σ_j x_j exp(-2πi jk/p)|² for k = 0 to ⌊p/2⌋, the transform being one-sided as those of real numbers are stored:
//! `Σ P² / (Σ P)²`. It is 1 for a cosine and for a constant, and about 2/(⌊p/2⌋ + 1) for noise.
//!
//! Source: Doshi, Das, He & Gromov, *To grok or not to grok* (ICLR 2024), with r = 2.

use super::scale;
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// Cosines and sines of the one-sided transform, `[p, ⌊p/2⌋ + 1]` each, row by row.
fn waves(p: usize) -> [Vec<f64>; 2] {
    let frequencies = p / 2 + 1;
    let angles =
        (0..p).flat_map(|j| (0..frequencies).map(move |k| std::f64::consts::TAU * (j * k % p) as f64 / p as f64));
    let angles: Vec<f64> = angles.collect();
    [angles.iter().map(|a| a.cos()).collect(), angles.iter().map(|a| a.sin()).collect()]
}

/// The ratio of each row of `x` `[R, p]`, `[R, 1]`: of real numbers; 0 for a row of zeros.
///
/// # Errors
/// If `x` is not a matrix.
pub fn participation(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let [_, p] = g.matrix(x)?;
    let magnitudes = scale::largest(g, x, false)?;
    let factor = scale::power_of_two(g, magnitudes)?;
    let x = g.times(x, factor)?;
    let mut power = None;
    for table in waves(p) {
        let table = g.data(table.into_iter().map(|w| w as f32).collect(), &[p, p / 2 + 1])?;
        let part = g.matmul(x, table)?;
        let square = g.unary(Unary::Square, part);
        power = Some(power.map_or(Ok(square), |other| g.plus(other, square))?);
    }
    let power = power.unwrap_or(x);
    let total = g.sum(power, 1)?;
    let squares = g.unary(Unary::Square, power);
    let squares = g.sum(squares, 1)?;
    let total = g.unary(Unary::Square, total);
    let ratio = g.over(squares, total)?;
    g.select(total, ratio, total)
}

/// The same of one row, in double precision.
pub fn participation_of(row: &[f64]) -> f64 {
    let (p, largest) = (row.len(), row.iter().fold(0.0, |most: f64, x| most.max(x.abs())));
    if largest == 0.0 {
        return 0.0;
    }
    let frequencies = p / 2 + 1;
    let tables = waves(p);
    let power = |k: usize| -> f64 {
        let part = |table: &[f64]| -> f64 {
            row.iter().enumerate().map(|(j, x)| x / largest * table[j * frequencies + k]).sum()
        };
        tables.iter().map(|table| part(table).powi(2)).sum()
    };
    let powers: Vec<f64> = (0..frequencies).map(power).collect();
    powers.iter().map(|power| power * power).sum::<f64>() / powers.iter().sum::<f64>().powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_constants_and_spikes_have_the_ratios_of_their_spectra() {
        let row = |of: &dyn Fn(f64) -> f64| (0..31).map(|j| of(f64::from(j))).collect::<Vec<_>>();
        let angle = |k: f64, j: f64| std::f64::consts::TAU * k * j / 31.0;
        let near = |x: Vec<f64>, ratio: f64| assert!((participation_of(&x) - ratio).abs() < 1e-12, "{ratio}");
        near(row(&|j| angle(3.0, j).cos()), 1.0);
        near(row(&|_| -2.5), 1.0);
        // Powers 16 and 1 of two waves: 257/289. A spike has every frequency alike.
        near(row(&|j| 4.0 * angle(3.0, j).cos() + (angle(7.0, j) + 1.0).sin()), 257.0 / 289.0);
        near(row(&|j| if j == 4.0 { 1e-30 } else { 0.0 }), 1.0 / 16.0);
        near(vec![0.0; 31], 0.0);
        // By NumPy 2.4's `rfft`, of an even and an odd length.
        let x = [0.3, -1.2, 0.7, 2.0, -0.4, 0.1, 0.9, -1.5, 0.25, 0.6];
        near(x.to_vec(), 0.340_472_494_055_537_7);
        near(x[..7].to_vec(), 0.482_247_256_238_925_1);
    }
}

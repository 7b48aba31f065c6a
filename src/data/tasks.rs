//! Small tasks of theory, made rather than read.

use super::{Dataset, Table, Targets};
use crate::settings::choices;

/// Two points whose inputs and targets lie at given distances.
///
/// Source: van Rossem & Saxe, *When Representations Align* (2024), section 2.1 of its released experiments: the first point is
/// -1 with target 0.6 in each dimension, the second lies beyond by the square root of the squared distance; all is divided
/// by the square root of the number of dimensions, so that distances do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPoints {
    /// Squared distance of the inputs.
    pub dx2: f64,
    /// Squared distance of the targets.
    pub dy2: f64,
    /// Dimensions of the input.
    pub inputs: usize,
    /// Dimensions of the output.
    pub outputs: usize,
}

impl Default for TwoPoints {
    fn default() -> Self {
        Self { dx2: 1.0, dy2: 0.5, inputs: 1, outputs: 1 }
    }
}

/// The two points as examples.
pub fn two_points(task: &TwoPoints) -> Dataset {
    let side = |start: f64, squared: f64, dimensions: usize| {
        let each = |x: f64| vec![(x / (dimensions as f64).sqrt()) as f32; dimensions];
        Table { rows: 2, shape: vec![dimensions], values: [each(start), each(start + squared.sqrt())].concat() }
    };
    let targets = Targets::Values(side(0.6, task.dy2, task.outputs));
    Dataset { name: "two_points".into(), inputs: side(-1.0, task.dx2, task.inputs), targets }
}

/// The four corners of the unit square in the order 00, 01, 10, 11, and their exclusive or.
pub fn xor() -> Dataset {
    let inputs = Table { rows: 4, shape: vec![2], values: vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0] };
    let targets = Table { rows: 4, shape: vec![1], values: vec![0.0, 1.0, 1.0, 0.0] };
    Dataset { name: "xor".into(), inputs, targets: Targets::Values(targets) }
}

/// Positions of blobs along each axis of the screen.
pub const BLOBS: usize = 30;
/// Pixels along each axis of the screen.
const PIXELS: usize = 5;

/// Blobs seen in two contexts: example `(c * 30 + i) * 30 + j` shows, in context `c`, a Gaussian of standard deviation 1
/// centred at `x = -1 + 2 i / 29`, `y = -1 + 2 j / 29` on 5 x 5 pixels from -1 to 1, normalised to sum 1, followed by a
/// one-hot context. The target is `x` in the first context and `y` in the second.
///
/// Source: the context-dependent task of Flesch et al., *Orthogonal representations for robust context-dependent task
/// performance in brains and neural networks* (Neuron 2022), in the form of van Rossem & Saxe (2024).
pub fn contexts() -> Dataset {
    let along = |i: usize, count: usize| -1.0 + 2.0 * i as f64 / (count - 1) as f64;
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for context in 0..2 {
        for (i, j) in (0..BLOBS).flat_map(|i| (0..BLOBS).map(move |j| (i, j))) {
            let (x, y) = (along(i, BLOBS), along(j, BLOBS));
            let pixels: Vec<f64> = (0..PIXELS * PIXELS)
                .map(|p| (x - along(p / PIXELS, PIXELS)).powi(2) + (y - along(p % PIXELS, PIXELS)).powi(2))
                .map(|distance| (-distance / 2.0).exp())
                .collect();
            let sum: f64 = pixels.iter().sum();
            inputs.extend(pixels.iter().map(|pixel| (pixel / sum) as f32));
            inputs.extend([f32::from(context == 0), f32::from(context == 1)]);
            targets.push(if context == 0 { x as f32 } else { y as f32 });
        }
    }
    let rows = 2 * BLOBS * BLOBS;
    Dataset {
        name: "contexts".into(),
        inputs: Table { rows, shape: vec![PIXELS * PIXELS + 2], values: inputs },
        targets: Targets::Values(Table { rows, shape: vec![1], values: targets }),
    }
}

choices! {
    /// What is done with two numbers, modulo a third.
    Operation {
        /// a + b.
        #[default]
        Addition = "addition" ["add", "sum"],
        /// a - b.
        Subtraction = "subtraction" ["subtract", "difference"],
        /// a b.
        Multiplication = "multiplication" ["multiply", "product"],
    }
}

/// All pairs (a, b) of numbers below `modulus`, which is at least 1: example `a modulus + b` has a one-hot row for a, beside it one
/// for b, and the class (a `operation` b) mod `modulus`.
///
/// Source: Gromov, *Grokking modular arithmetic* (2023), section 2; Doshi et al., *To grok or not to grok* (ICLR 2024).
pub fn modular(modulus: usize, operation: Operation) -> Dataset {
    let (mut inputs, mut labels) = (vec![0.0; 2 * modulus.pow(3)], Vec::with_capacity(modulus.pow(2)));
    for (row, (a, b)) in
        inputs.chunks_mut(2 * modulus).zip((0..modulus).flat_map(|a| (0..modulus).map(move |b| (a, b))))
    {
        (row[a], row[modulus + b]) = (1.0, 1.0);
        let value = match operation {
            Operation::Addition => a + b,
            Operation::Subtraction => a + modulus - b,
            Operation::Multiplication => a * b,
        };
        labels.push((value % modulus) as u32);
    }
    let inputs = Table { rows: labels.len(), shape: vec![2 * modulus], values: inputs };
    Dataset { name: "modular".into(), inputs, targets: Targets::Classes { labels, classes: modulus } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_one_hot_and_their_classes_follow_the_operation() {
        let classes = |operation| match modular(5, operation).targets {
            Targets::Classes { labels, classes: 5 } => labels,
            _ => panic!("five classes"),
        };
        for (row, x) in modular(5, Operation::Addition).inputs.values.chunks(10).enumerate() {
            let ones: Vec<usize> = (0..10).filter(|&i| x[i] == 1.0).collect();
            assert_eq!(ones, [row / 5, 5 + row % 5]);
            assert_eq!(x.iter().sum::<f32>(), 2.0);
        }
        // 3 and 4: 7, -1, 12.
        let at = 3 * 5 + 4;
        assert_eq!(Operation::ALL.iter().map(|&o| classes(o)[at]).collect::<Vec<_>>(), [2, 4, 2]);
        assert_eq!(classes(Operation::Multiplication)[..6], [0, 0, 0, 0, 0, 0]);
    }

    fn values(targets: &Targets) -> &[f32] {
        match targets {
            Targets::Values(table) => &table.values,
            Targets::Classes { .. } | Targets::Tokens { .. } => panic!("numeric"),
        }
    }

    #[test]
    fn the_two_points_lie_where_the_paper_has_them() {
        let plain = two_points(&TwoPoints::default());
        assert_eq!(plain.inputs.values, [-1.0, 0.0]);
        assert!((f64::from(values(&plain.targets)[1]) - 1.307_106_8).abs() < 1e-6);
        let wide = two_points(&TwoPoints { dx2: 2.0, dy2: 0.25, inputs: 4, outputs: 3 });
        let squared = |v: &[f32]| {
            let (a, b) = v.split_at(v.len() / 2);
            a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        assert!((squared(&wide.inputs.values) - 2.0).abs() < 1e-6);
        assert!((squared(values(&wide.targets)) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn blobs_sum_to_one_and_targets_follow_the_context() {
        let d = contexts();
        assert_eq!((d.inputs.rows, d.inputs.width()), (1800, 27));
        for row in [0, 17, 899, 900, 1799] {
            let pixels: f32 = d.inputs.row(row)[..25].iter().sum();
            assert!((pixels - 1.0).abs() < 1e-6);
            assert_eq!(d.inputs.row(row)[25..], if row < 900 { [1.0, 0.0] } else { [0.0, 1.0] });
        }
        // i = 3, j = 29: the same blob asks for -1 + 6/29 in one context and for 1 in the other.
        let at = 3 * BLOBS + 29;
        assert!((values(&d.targets)[at] + 1.0 - 6.0 / 29.0).abs() < 1e-6);
        assert_eq!(values(&d.targets)[900 + at], 1.0);
        assert_eq!(d.inputs.row(at)[..25], d.inputs.row(900 + at)[..25]);
    }
}

//! What the paper's file asks of networks that is no metric of the engine: merging in double precision, of planted and of trained
//! networks, with the groups that it makes.

use crate::error::Result;
use crate::measure::numerics::algebra::{dot, squared_distance};
use crate::measure::numerics::units::{Units, cross_correlation, rows};
use crate::measure::pairwise::rank::{average_ranks, spearman};
use crate::measure::random::Random;
use crate::papers::claims::{Analysis, Rows, Subject, mean, median};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[
    ("planted", |of| vec![Ok(planted(of.seed, beta(of)))]),
    ("merged", |of| vec![merged(of)]),
    ("better", |of| vec![better(of)]),
];

/// The threshold up to which the experiment merges.
fn beta(of: &Subject<'_>) -> f64 {
    of.experiment.after.iter().flat_map(|after| &after.thresholds).copied().next().unwrap_or_default()
}

/// A network of dense layers and ReLUs: of each layer rows of weights into its units, and biases.
#[derive(Clone, Debug)]
struct Net {
    weights: Vec<Vec<Vec<f64>>>,
    biases: Vec<Vec<f64>>,
}

/// What became of a hidden layer.
#[derive(Clone, Debug)]
struct Merged {
    /// Of which units each that is left is made.
    groups: Vec<Vec<usize>>,
    /// The largest distance before the first round, and in the last.
    largest: [f64; 2],
}

impl Net {
    /// Those of a trained network.
    fn of(of: &Subject<'_>) -> Result<Self> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for layer in 0..=of.depth() {
            weights.push(rows(of.parameter(&format!("layers.{layer}.weight"))?.as_ref()));
            biases.push(of.parameter(&format!("layers.{layer}.bias"))?.row(0).iter().copied().collect());
        }
        Ok(Self { weights, biases })
    }

    /// Of random weights, so many units in each layer after the inputs.
    fn random(widths: &[usize], random: &mut Random) -> Self {
        let mut normals = |count: usize, by: f64| (0..count).map(|_| by * random.normal()).collect::<Vec<f64>>();
        let mut layer = |ends: &[usize]| -> (Vec<Vec<f64>>, Vec<f64>) {
            let rows = (0..ends[1]).map(|_| normals(ends[0], (ends[0] as f64).sqrt().recip())).collect();
            (rows, normals(ends[1], 0.1))
        };
        let (weights, biases) = widths.windows(2).map(&mut layer).unzip();
        Self { weights, biases }
    }

    /// `w_i`, its bias and `v_i` of a unit, times and over a factor.
    fn scale(&mut self, layer: usize, unit: usize, factor: f64) {
        self.weights[layer][unit].iter_mut().for_each(|w| *w *= factor);
        self.biases[layer][unit] *= factor;
        self.weights[layer + 1].iter_mut().for_each(|row| row[unit] /= factor);
    }

    /// The same function with the weights into each unit and those out of it of one norm.
    fn balanced(mut self) -> Self {
        let hidden = self.weights.len() - 1;
        for layer in (0..400).map(|pass| pass % hidden) {
            for unit in 0..self.biases[layer].len() {
                let into = dot(&self.weights[layer][unit], &self.weights[layer][unit]);
                let out = self.weights[layer + 1].iter().map(|row| row[unit].powi(2)).sum::<f64>();
                if into * out > 0.0 {
                    self.scale(layer, unit, (out / into).powf(0.25));
                }
            }
        }
        self
    }

    /// The squared distance of two units, the weights into each over a number.
    fn distance(&self, layer: usize, [i, j]: [usize; 2], over: [f64; 2]) -> f64 {
        let (a, b) = (&self.weights[layer][i], &self.weights[layer][j]);
        let into = a.iter().zip(b).map(|(a, b)| (a / over[0] - b / over[1]).powi(2)).sum::<f64>();
        into + self.weights[layer + 1].iter().map(|row| (row[i] - row[j]).powi(2)).sum::<f64>()
    }

    /// Rounds of merges in all hidden layers, by the published rule or by means, until none is near or so many rounds are over.
    fn merge(&mut self, beta: f64, means: bool, rounds: usize) -> Vec<Merged> {
        let own = |of: &Vec<f64>| Merged { groups: (0..of.len()).map(|i| vec![i]).collect(), largest: [0.0; 2] };
        let mut all: Vec<Merged> = self.biases[..self.biases.len() - 1].iter().map(own).collect();
        for round in 0..rounds {
            let mut any = false;
            for (layer, merged) in all.iter_mut().enumerate() {
                let pairs = (1..merged.groups.len()).flat_map(|j| (0..j).map(move |i| [i, j]));
                let counted = |k: usize| if means { merged.groups[k].len() as f64 } else { 1.0 };
                let far = |pair: [usize; 2]| (self.distance(layer, pair, pair.map(counted)), pair);
                let distances: Vec<(f64, [usize; 2])> = pairs.map(far).collect();
                let largest = distances.iter().map(|(distance, _)| *distance).fold(0.0, f64::max);
                merged.largest = [if round == 0 { largest } else { merged.largest[0] }, largest];
                // Of equal ones the lowest i, then the lowest j.
                let least = distances.iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                if let Some((_, pair)) = least.filter(|(distance, _)| *distance <= beta * largest) {
                    self.put_together(layer, merged, *pair);
                    any = true;
                }
            }
            if !any {
                break;
            }
        }
        all
    }

    fn put_together(&mut self, layer: usize, merged: &mut Merged, [i, j]: [usize; 2]) {
        let goes = self.weights[layer].remove(j);
        self.weights[layer][i].iter_mut().zip(goes).for_each(|(a, b)| *a += b);
        let bias = self.biases[layer].remove(j);
        self.biases[layer][i] += bias;
        let goes = merged.groups.remove(j);
        let [a, b] = [merged.groups[i].len() as f64, goes.len() as f64];
        for row in &mut self.weights[layer + 1] {
            let other = row.remove(j);
            row[i] = (a * row[i] + b * other) / (a + b);
        }
        merged.groups[i].extend(goes);
    }

    fn output(&self, x: &[f64]) -> Vec<f64> {
        let mut x = x.to_vec();
        for (layer, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            x.iter_mut().filter(|_| layer > 0).for_each(|v| *v = v.max(0.0));
            x = weight.iter().zip(bias).map(|(row, b)| b + dot(row, &x)).collect();
        }
        x
    }
}

fn left(merged: &[Merged]) -> f64 {
    merged.iter().map(|of| of.groups.len()).sum::<usize>() as f64
}

/// What is left of so many copies of a unit beside others, by the published rule and by means; what a unit that was split in two
/// halves becomes in the first round; and squared distances from products of weights in single precision.
fn planted(seed: u32, beta: f64) -> Rows {
    let (mut random, mut rows) = (Random::new(u64::from(seed), 0), Rows::new());
    let [inputs, others, outputs] = [20, 5, 10];
    for copies in 1..=8 {
        let mut net = Net::random(&[inputs, others + copies, outputs], &mut random);
        for k in 1..copies {
            net.weights[0][k] = net.weights[0][0].clone();
            net.biases[0][k] = net.biases[0][0];
            net.weights[1].iter_mut().for_each(|row| row[k] = row[0]);
        }
        for (name, means) in [("published", false), ("normalised", true)] {
            let merged = net.clone().merge(beta, means, usize::MAX);
            rows.push((format!("copies_{name}_{copies}"), left(&merged) - others as f64));
        }
    }
    let whole = Net::random(&[inputs, others + 2, outputs], &mut random);
    let mut halves = whole.clone();
    for k in [0, 1] {
        halves.weights[0][k] = whole.weights[0][0].iter().map(|w| w / 2.0).collect();
        halves.biases[0][k] = whole.biases[0][0] / 2.0;
        halves.weights[1].iter_mut().for_each(|row| row[k] = row[0]);
    }
    let x: Vec<f64> = (0..inputs).map(|_| random.normal()).collect();
    let before = halves.output(&x);
    let first = halves.merge(beta, false, 1);
    rows.push(("halves_first".into(), f64::from(u8::from(first[0].groups[0] == [0, 1]))));
    let off = squared_distance(&before, &halves.output(&x));
    rows.push(("halves_change".into(), (off / dot(&before, &before)).sqrt()));
    // |a|² + |b|² - 2 a b against |a - b|², in single precision.
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| *a as f32 * *b as f32).sum::<f32>();
    let (mut off, mut largest) = (0.0_f64, 0.0_f64);
    for (i, a) in whole.weights[0].iter().enumerate() {
        for b in &whole.weights[0][..i] {
            let gram = f64::from(inner(a, a) + inner(b, b) - 2.0 * inner(a, b));
            (off, largest) = (off.max((gram - squared_distance(a, b)).abs()), largest.max(squared_distance(a, b)));
        }
    }
    rows.push(("gram_off".into(), off / largest));
    rows
}

/// A trained network merged: units left, also once units are scaled, or balanced; how much the largest distance grew; and how alike
/// the activities of units of one group and of different groups are.
fn merged(of: &Subject<'_>) -> Result<Rows> {
    let (net, beta, mut random) = (Net::of(of)?, beta(of), Random::new(u64::from(of.seed), 1));
    let mut scaled = net.clone();
    for layer in 0..of.depth() {
        for unit in 0..scaled.biases[layer].len() {
            // Anything from a half to two is as likely, as a logarithm.
            let factor = (random.below(2001) as f64 / 1000.0 - 1.0).exp2();
            scaled.scale(layer, unit, factor);
        }
    }
    let all = net.clone().merge(beta, false, usize::MAX);
    let mut rows = vec![
        ("left".into(), left(&all)),
        ("left_scaled".into(), left(&scaled.clone().merge(beta, false, usize::MAX))),
        ("left_balanced".into(), left(&net.balanced().merge(beta, false, usize::MAX))),
        ("left_scaled_balanced".into(), left(&scaled.balanced().merge(beta, false, usize::MAX))),
    ];
    let [mut within, mut between] = [Vec::new(), Vec::new()];
    for (layer, merged) in all.iter().enumerate() {
        rows.push((format!("grew_{layer}"), merged.largest[1] / merged.largest[0]));
        let x = Units::new(of.representation(layer, false)?.as_ref(), "a layer")?;
        let (r, group_of) = (cross_correlation(&x, &x), |unit| merged.groups.iter().position(|of| of.contains(unit)));
        for (b, j) in x.kept.iter().enumerate() {
            for (a, i) in x.kept[..b].iter().enumerate() {
                if group_of(i) == group_of(j) { &mut within } else { &mut between }.push(r[(a, b)]);
            }
        }
    }
    rows.push(("alike_within".into(), median(&within)));
    rows.push(("alike_between".into(), median(&between)));
    Ok(rows)
}

/// Of each network what it adds to Spearman's correlation of units left and accuracy over all of its setting: the product of its two
/// ranks, standardised, so that the mean over networks is the correlation.
fn better(of: &Subject<'_>) -> Result<Rows> {
    let all: Vec<[f64; 2]> = std::iter::once(numbers(of)).chain(of.others().iter().map(numbers)).collect();
    let [units, accuracy] = [0, 1].map(|k| all.iter().map(|own| own[k]).collect::<Vec<f64>>());
    // That they do not vary is said in words.
    spearman(&units, &accuracy)?;
    let standing = |values: &[f64]| -> Result<f64> {
        let ranks = average_ranks(values)?;
        let middle = mean(&ranks);
        let squares: Vec<f64> = ranks.iter().map(|rank| (rank - middle).powi(2)).collect();
        Ok((ranks[0] - middle) / mean(&squares).sqrt())
    };
    Ok(vec![("ranks_product".into(), standing(&units)? * standing(&accuracy)?)])
}

/// Units left, and accuracy.
fn numbers(of: &Subject<'_>) -> [f64; 2] {
    let metric = format!("merge_summed_running_within_{}.units", beta(of));
    let units = (0..).map(|layer| of.metric(&metric, Some(layer)));
    [units.take_while(|units| units.is_finite()).sum(), of.metric("accuracy", None)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_merge_to_the_ones_of_their_number_in_binary_and_means_to_one() {
        let rows = planted(3, 1e-6);
        let of = |name: &str| rows.iter().find(|(n, _)| n == name).unwrap().1;
        for copies in 1..=8_u32 {
            assert_eq!(of(&format!("copies_published_{copies}")), f64::from(copies.count_ones()));
            assert_eq!(of(&format!("copies_normalised_{copies}")), 1.0);
        }
        assert!(of("halves_first") == 1.0 && of("halves_change") < 1e-12 && of("gram_off") < 1e-5);
    }

    #[test]
    fn balancing_keeps_the_function_and_undoes_scales() {
        let mut random = Random::new(1, 0);
        let net = Net::random(&[6, 8, 7, 4], &mut random);
        let mut scaled = net.clone();
        (0..8).for_each(|unit| scaled.scale(0, unit, 0.3 + unit as f64));
        let (a, b) = (net.clone().balanced(), scaled.balanced());
        let x = [0.5, -1.0, 2.0, 0.1, -0.3, 1.0];
        for (plain, other) in net.output(&x).iter().zip(a.output(&x)) {
            assert!((plain - other).abs() < 1e-12);
        }
        let apart = a.weights.iter().flatten().flatten().zip(b.weights.iter().flatten().flatten());
        assert!(apart.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) < 1e-9);
    }
}

//! What the paper's file asks of networks that is no metric of the engine: merging in double precision, of planted and of trained
//! networks, with the groups that it makes.

use crate::error::Result;
use crate::measure::pairwise::rank::spearman;
use crate::measure::random::Random;
use crate::papers::claims::{Analysis, Rows, Subject};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[
    ("planted", |of| vec![Ok(planted(of.seed))]),
    ("merged", |of| vec![merged(of)]),
    ("better", |of| vec![better(of)]),
];

/// The threshold at which trained networks are merged.
const BETA: f64 = 0.1;

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
            let weight = of.parameter(&format!("layers.{layer}.weight"))?;
            weights.push((0..weight.nrows()).map(|i| weight.row(i).iter().copied().collect()).collect());
            biases.push(of.parameter(&format!("layers.{layer}.bias"))?.row(0).iter().copied().collect());
        }
        Ok(Self { weights, biases })
    }

    /// Of random weights, so many units in each layer after the inputs.
    fn random(widths: &[usize], random: &mut Random) -> Self {
        let mut normals = |count: usize, by: f64| (0..count).map(|_| by * random.normal()).collect::<Vec<f64>>();
        let layers = widths.windows(2);
        let weights =
            layers.map(|ends| (0..ends[1]).map(|_| normals(ends[0], (ends[0] as f64).recip().sqrt())).collect());
        let weights: Vec<_> = weights.collect();
        let biases = widths[1..].iter().map(|&width| normals(width, 0.1)).collect();
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
        for layer in (0..400).map(|pass| pass % (self.weights.len() - 1)) {
            for unit in 0..self.biases[layer].len() {
                let into = self.weights[layer][unit].iter().map(|w| w * w).sum::<f64>();
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
                let (mut least, mut largest) = ((f64::INFINITY, 0, 0), 0.0);
                for j in 1..merged.groups.len() {
                    for i in 0..j {
                        let counts = [i, j].map(|k| merged.groups[k].len() as f64);
                        let distance = self.distance(layer, [i, j], if means { counts } else { [1.0; 2] });
                        largest = f64::max(largest, distance);
                        // Of equal ones the lowest i, then the lowest j.
                        if distance < least.0 || (distance == least.0 && i < least.1) {
                            least = (distance, i, j);
                        }
                    }
                }
                if round == 0 {
                    merged.largest[0] = largest;
                }
                merged.largest[1] = largest;
                let (distance, i, j) = least;
                if distance.is_finite() && distance <= beta * largest {
                    self.put_together(layer, merged, [i, j]);
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
            if layer > 0 {
                x.iter_mut().for_each(|v| *v = v.max(0.0));
            }
            let unit = |(row, b): (&Vec<f64>, &f64)| b + row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
            x = weight.iter().zip(bias).map(unit).collect();
        }
        x
    }
}

fn left(merged: &[Merged]) -> f64 {
    merged.iter().map(|of| of.groups.len()).sum::<usize>() as f64
}

/// Inputs, units beside the copies, and outputs of planted networks.
const SIZES: [usize; 3] = [20, 5, 10];

/// What is left of so many copies of a unit beside others, by the published rule and by means; what a unit that was split in two
/// halves becomes in the first round; and squared distances from products of weights in single precision.
fn planted(seed: u32) -> Rows {
    let mut random = Random::new(u64::from(seed), 0);
    let mut rows = Rows::new();
    let [inputs, others, outputs] = SIZES;
    for copies in 1..=8 {
        let mut net = Net::random(&[inputs, others + copies, outputs], &mut random);
        for k in 1..copies {
            net.weights[0][k] = net.weights[0][0].clone();
            net.biases[0][k] = net.biases[0][0];
            net.weights[1].iter_mut().for_each(|row| row[k] = row[0]);
        }
        for (name, means) in [("published", false), ("normalised", true)] {
            let merged = net.clone().merge(1e-6, means, usize::MAX);
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
    let first = halves.merge(1e-6, false, 1);
    let size = |of: &[f64]| of.iter().map(|v| v * v).sum::<f64>().sqrt();
    let change: Vec<f64> = before.iter().zip(halves.output(&x)).map(|(a, b)| a - b).collect();
    rows.push(("halves_first".into(), f64::from(u8::from(first[0].groups[0] == [0, 1]))));
    rows.push(("halves_change".into(), size(&change) / size(&before)));
    // |a|² + |b|² - 2 a b against |a - b|², in single precision.
    let single = |row: &[f64]| -> Vec<f32> { row.iter().map(|&w| w as f32).collect() };
    let into: Vec<Vec<f32>> = whole.weights[0].iter().map(|row| single(row)).collect();
    let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let (mut off, mut largest) = (0.0_f64, 0.0_f64);
    for (i, a) in into.iter().enumerate() {
        for b in &into[..i] {
            let gram = inner(a, a) + inner(b, b) - 2.0 * inner(a, b);
            let direct = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>();
            (off, largest) = (off.max((f64::from(gram) - direct).abs()), largest.max(direct));
        }
    }
    rows.push(("gram_off".into(), off / largest));
    rows
}

/// A trained network merged: units left, also once units are scaled, or balanced; how much the largest distance grew; and how alike
/// the activities of units of one group and of different groups are.
fn merged(of: &Subject<'_>) -> Result<Rows> {
    let net = Net::of(of)?;
    let mut random = Random::new(u64::from(of.seed), 1);
    let mut scaled = net.clone();
    for layer in 0..of.depth() {
        for unit in 0..scaled.biases[layer].len() {
            // Anything from a half to two is as likely, as a logarithm.
            let factor = (random.below(2001) as f64 / 1000.0 - 1.0).exp2();
            scaled.scale(layer, unit, factor);
        }
    }
    let all = net.clone().merge(BETA, false, usize::MAX);
    let mut rows = vec![
        ("left".into(), left(&all)),
        ("left_scaled".into(), left(&scaled.clone().merge(BETA, false, usize::MAX))),
        ("left_balanced".into(), left(&net.balanced().merge(BETA, false, usize::MAX))),
        ("left_scaled_balanced".into(), left(&scaled.balanced().merge(BETA, false, usize::MAX))),
    ];
    let [mut within, mut between] = [Vec::new(), Vec::new()];
    for (layer, merged) in all.iter().enumerate() {
        rows.push((format!("grew_{layer}"), merged.largest[1] / merged.largest[0]));
        let x = of.representation(layer, false)?;
        let group_of = |unit: usize| merged.groups.iter().position(|group| group.contains(&unit));
        for j in 0..x.ncols() {
            for i in 0..j {
                let r = correlation(&column(&x, i), &column(&x, j));
                let of = if group_of(i) == group_of(j) { &mut within } else { &mut between };
                of.extend(Some(r).filter(|r| r.is_finite()));
            }
        }
    }
    rows.push(("alike_within".into(), median(within)));
    rows.push(("alike_between".into(), median(between)));
    Ok(rows)
}

fn column(x: &faer::Mat<f64>, j: usize) -> Vec<f64> {
    let mean = x.col(j).iter().sum::<f64>() / x.nrows() as f64;
    x.col(j).iter().map(|v| v - mean).collect()
}

/// Of centred values; not a number where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    inner(a, b) / (inner(a, a) * inner(b, b)).sqrt()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    values.get(low).zip(values.get(high)).map_or(f64::NAN, |(a, b)| 0.5 * (a + b))
}

/// Of each network what it adds to Spearman's correlation of units left and accuracy over all of its setting: the product of its two
/// ranks, standardised, so that the mean over networks is the correlation.
fn better(of: &Subject<'_>) -> Result<Rows> {
    let all: Vec<[f64; 2]> = std::iter::once(numbers(of)).chain(of.others().iter().map(numbers)).collect();
    let ranks = [0, 1].map(|k| {
        let below =
            |v: f64| all.iter().map(|o| f64::from(u8::from(o[k] < v)) + f64::from(u8::from(o[k] <= v))).sum::<f64>();
        let ranks: Vec<f64> = all.iter().map(|own| below(own[k])).collect();
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        let deviation = (ranks.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / ranks.len() as f64).sqrt();
        (ranks[0] - mean) / deviation
    });
    // That they do not vary is said in words.
    let [units, accuracy] = [0, 1].map(|k| all.iter().map(|own| own[k]).collect::<Vec<f64>>());
    spearman(&units, &accuracy)?;
    Ok(vec![("ranks_product".into(), ranks[0] * ranks[1])])
}

/// Units left, and accuracy.
fn numbers(of: &Subject<'_>) -> [f64; 2] {
    let units = (0..).map(|layer| of.metric("merge_summed_running_within_0.1.units", Some(layer)));
    [units.take_while(|units| units.is_finite()).sum(), of.metric("accuracy", None)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_merge_to_the_ones_of_their_number_in_binary_and_means_to_one() {
        let rows = planted(3);
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

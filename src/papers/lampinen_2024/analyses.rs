//! What the paper's file asks of trained networks that is no metric of the engine: how the last hidden layer holds two features.

use std::ops::Range;

use faer::{Mat, MatRef};

use super::homomorphic::encrypted;
use super::networks::{FEATURES, labels};
use super::rsa::{alike, learned};
use crate::data::features::{Made, Set};
use crate::error::Result;
use crate::measure::features::Sets;
use crate::measure::features::components::Components;
use crate::measure::features::head::Head;
use crate::measure::features::intervention::{Steering, cosine};
use crate::measure::features::redundant::redundant;
use crate::measure::features::substructure::substructure;
use crate::measure::features::variance::{explained_by_class, explained_by_columns, selectivity};
use crate::measure::statistic::probe::LogisticOptions;
use crate::papers::claims::{Analyses, Rows, Subject};

/// The analyses by name.
pub const ANALYSES: Analyses = Analyses {
    each: &[
        ("features", features),
        ("answering", |of| vec![answering(of)]),
        ("encrypted", |of| vec![encrypted(of.seed.into())]),
        ("learned", |of| vec![Ok(vec![("learned".into(), f64::from(u8::from(learned(of))))])]),
    ],
    pairs: &[("alike", alike)],
};

/// Examples that a new classifier is fitted to.
const SIZES: [usize; 3] = [16, 64, 256];
/// Bits of the hard feature.
const BITS: usize = 4;

fn features(of: &Subject<'_>) -> Vec<Result<Rows>> {
    match Network::of(of) {
        Err(error) => vec![Err(error)],
        Ok(network) => [components, density, interventions, classifier, parts].map(|part| part(&network)).into(),
    }
}

/// A trained network's last hidden layer on held-out examples, with what is known of these.
struct Network {
    /// Activations, examples × units.
    x: Sets<Mat<f64>>,
    /// Labels of the easy and of the hard feature.
    labels: [Sets<Vec<usize>>; 2],
    /// The hard feature's block of bits, examples × bits.
    bits: Sets<Mat<f64>>,
    /// The output layer.
    head: Head,
}

impl Network {
    fn of(of: &Subject<'_>) -> Result<Self> {
        let (data, layer) = (&of.experiment.data, of.depth() - 1);
        let declared = data.declared()?;
        let seed = data.seed.unwrap_or(of.seed);
        let made = |set, count: u32| declared.make(set, count as usize, seed);
        let made = Sets { fit: made(Set::Fit, data.fit_examples)?, test: made(Set::Test, data.test_examples)? };
        let labels = |feature| -> Result<Sets<Vec<usize>>> {
            Ok(Sets { fit: labels(&made.fit, feature)?, test: labels(&made.test, feature)? })
        };
        let (first, units) = (data.features[0].units as usize, data.features[1].units as usize);
        let bits = |made: &Made| {
            let inputs = &made.dataset.inputs;
            Mat::from_fn(inputs.rows, units, |i, j| f64::from(inputs.values[i * inputs.width() + first + j]))
        };
        let (weight, bias) = (
            of.parameter(&format!("layers.{}.weight", layer + 1))?,
            of.parameter(&format!("layers.{}.bias", layer + 1))?,
        );
        let bias: Vec<f64> = bias.row(0).iter().copied().collect();
        Ok(Self {
            x: Sets { fit: of.representation(layer, true)?, test: of.representation(layer, false)? },
            labels: [labels(0)?, labels(1)?],
            bits: Sets { fit: bits(&made.fit), test: bits(&made.test) },
            head: Head::binary(weight.as_ref(), &bias)?,
        })
    }

    fn x(&self) -> Sets<MatRef<'_, f64>> {
        Sets { fit: self.x.fit.as_ref(), test: self.x.test.as_ref() }
    }

    fn labels(&self, feature: usize) -> Sets<&[usize]> {
        Sets { fit: &self.labels[feature].fit, test: &self.labels[feature].test }
    }
}

/// Of principal components, from 1: share of the variance, squared correlation with each feature; and what is answered from the
/// first of them, from none on.
fn components(n: &Network) -> Result<Rows> {
    let labels = [n.labels(0).test, n.labels(1).test];
    let components = Components::of(n.x().fit)?;
    let mut rows: Rows = numbered("component_share", 1, components.share.iter().copied());
    let accuracy = components.accuracy(n.x().test, &n.head, &labels)?;
    for (f, name) in FEATURES.iter().enumerate() {
        let r2 = components.squared_correlations(n.x().test, labels[f])?;
        rows.extend(numbered(&format!("component_r2_{name}"), 1, r2.into_iter()));
        rows.extend(numbered(&format!("kept_{name}"), 0, accuracy.iter().map(|both| both[f])));
    }
    Ok(rows)
}

fn numbered(name: &str, first: usize, values: impl Iterator<Item = f64>) -> Rows {
    values.enumerate().map(|(i, value)| (format!("{name}_{}", i + first), value)).collect()
}

/// The part of the units that a feature explains more of than a threshold; and how selective units are.
fn density(n: &Network) -> Result<Rows> {
    let [easy, hard] = [0, 1].map(|f| explained_by_class(n.x(), n.labels(f)));
    let (easy, hard) = (easy?, hard?);
    let mut rows = Rows::new();
    for threshold in (0..=36).map(|i| f64::from(i) * 0.025) {
        rows.push((format!("found_easy_{threshold:.3}"), easy.density(threshold)));
        rows.push((format!("found_hard_{threshold:.3}"), hard.density(threshold)));
    }
    let all: Vec<f64> = selectivity(&easy, &hard)?.into_iter().filter(|s| s.is_finite()).collect();
    rows.push(("selectivity".into(), all.iter().sum::<f64>() / all.len() as f64));
    for at in (-20..=20).map(|i| f64::from(i) * 0.05) {
        let up_to = all.iter().filter(|s| **s <= at + 1e-12).count() as f64 / all.len() as f64;
        rows.push((format!("selective_{at:.2}"), up_to));
    }
    Ok(rows)
}

/// Steps along the difference of a feature's means; norms over the root of the total variance.
fn interventions(n: &Network) -> Result<Rows> {
    let steer = |f: usize| Steering::new(n.x(), n.labels(f).fit, &n.head, f);
    let both = [steer(0)?, steer(1)?];
    let mut rows = vec![("cosine".into(), cosine(both[0].direction(), both[1].direction())?.abs())];
    for (name, s) in FEATURES.iter().zip(&both) {
        let flips = s.flips(1.0)?;
        let length = s.direction().iter().map(|d| d * d).sum::<f64>().sqrt() / s.spread();
        rows.push((format!("flips_{name}"), flips.target));
        rows.push((format!("flips_beside_{name}"), flips.off_target));
        rows.push((format!("half_{name}"), s.norm_to_flip(0.5)?));
        rows.push((format!("most_{name}"), s.norm_to_flip(0.9)?));
        rows.push((format!("length_{name}"), length));
        let mut norms: Vec<f64> = s.norms().iter().map(|norm| norm / s.spread()).collect();
        norms.sort_by(f64::total_cmp);
        for norm in (0..=60).map(|i| f64::from(i) * 0.025) {
            let flipped = norms.partition_point(|n| *n <= norm) as f64 / norms.len() as f64;
            rows.push((format!("flipped_{name}_{norm:.3}"), flipped));
        }
    }
    Ok(rows)
}

/// A new classifier fitted to some examples where both features agree: which it follows where they do not.
fn classifier(n: &Network) -> Result<Rows> {
    let (easy, hard) = (n.labels(0), n.labels(1));
    let agreeing = easy.fit.iter().zip(hard.fit).filter(|(a, b)| a == b).count();
    // Of activations as they are: scaling each unit would hide that some are larger.
    let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
    let mut rows = Rows::new();
    for size in SIZES {
        // Half of the held-out examples agree, by chance a few more or less.
        let fitted = size.min(agreeing);
        let found = redundant(n.x(), easy, hard, fitted, &options)?;
        rows.push((format!("follows_{size}"), found.first));
        rows.push((format!("agreeing_{size}"), found.agreeing.unwrap_or(f64::NAN)));
        rows.push((format!("fitted_{size}"), fitted as f64));
    }
    Ok(rows)
}

/// What is kept of how the hard feature is computed.
fn parts(n: &Network) -> Result<Rows> {
    let bits = Sets { fit: n.bits.fit.as_ref(), test: n.bits.test.as_ref() };
    let mut rows = Rows::new();
    for part in substructure(n.x(), bits)? {
        rows.push((format!("part_{}", part.name), part.explained.as_ref().map_or(f64::NAN, |e| e.variance())));
    }
    for order in 1..=BITS {
        let (fit, test) = (products(bits.fit, order), products(bits.test, order));
        let explained = explained_by_columns(n.x(), Sets { fit: fit.as_ref(), test: test.as_ref() })?;
        rows.push((format!("order_{order}"), explained.variance()));
    }
    Ok(rows)
}

/// Products of so many of the first four bits, as -1 and 1: exclusive ors of each choice of them, one column each.
fn products(bits: MatRef<'_, f64>, order: usize) -> Mat<f64> {
    let chosen: Vec<u32> = (0..1u32 << BITS).filter(|set| set.count_ones() as usize == order).collect();
    let sign = |i: usize, j: usize| if bits[(i, j)] > 0.5 { -1.0 } else { 1.0 };
    Mat::from_fn(bits.nrows(), chosen.len(), |i, c| {
        (0..BITS).filter(|j| chosen[c] >> j & 1 == 1).map(|j| sign(i, j)).product()
    })
}

/// Of sequences that are answered feature after feature, what each feature explains at each layer, by its name and by its place among
/// the answers: of the mean over the tokens of the input (`input`), and of the token after them (`start`), at which the first answer is
/// given. Tokens after that are answers themselves.
fn answering(of: &Subject<'_>) -> Result<Rows> {
    let data = &of.experiment.data;
    let (declared, seed) = (data.declared()?, data.seed.unwrap_or(of.seed));
    let order = declared.order(&data.output_order)?;
    let made = Sets {
        fit: declared.make(Set::Fit, data.fit_examples as usize, seed)?,
        test: declared.make(Set::Test, data.test_examples as usize, seed)?,
    };
    let inputs = declared.inputs();
    let mut rows = Rows::new();
    for layer in 0..of.depth() {
        let whole = Sets { fit: of.representation(layer, true)?, test: of.representation(layer, false)? };
        for (what, some) in [("input", 0..inputs), ("start", inputs..inputs + 1)] {
            // All answers but the last are tokens, too.
            let pooled = |x: &Mat<f64>| pooled(x.as_ref(), inputs + order.len(), some.clone());
            let x = Sets { fit: pooled(&whole.fit), test: pooled(&whole.test) };
            // Before anything was attended to, the token after the input is the same for all.
            if (0..x.test.ncols()).all(|j| (1..x.test.nrows()).all(|i| x.test[(i, j)] == x.test[(0, j)])) {
                continue;
            }
            for (place, &feature) in order.iter().enumerate() {
                let (fit, test) = (labels(&made.fit, feature)?, labels(&made.test, feature)?);
                let x = Sets { fit: x.fit.as_ref(), test: x.test.as_ref() };
                let explained = explained_by_class(x, Sets { fit: &fit, test: &test })?.variance();
                rows.push((format!("{what}_{layer}_{}", place + 1), explained));
                rows.push((format!("{what}_{layer}_{}", declared.features()[feature].name), explained));
            }
        }
    }
    Ok(rows)
}

/// The mean over some of so many tokens, which an example's activations are side by side.
fn pooled(x: MatRef<'_, f64>, tokens: usize, some: Range<usize>) -> Mat<f64> {
    let (width, count) = (x.ncols() / tokens, some.len() as f64);
    Mat::from_fn(x.nrows(), width, |i, j| some.clone().map(|k| x[(i, k * width + j)]).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_some_tokens() {
        let x = Mat::from_fn(2, 6, |i, j| (i * 10 + j) as f64);
        let mean = pooled(x.as_ref(), 3, 0..2);
        assert_eq!([mean[(0, 0)], mean[(0, 1)], mean[(1, 0)], mean[(1, 1)]], [1.0, 2.0, 11.0, 12.0]);
        assert_eq!(pooled(x.as_ref(), 3, 2..3)[(1, 0)], 14.0);
    }

    #[test]
    fn products_of_all_orders_are_an_orthogonal_basis_of_the_patterns() {
        let bits = Mat::from_fn(16, 6, |i, j| f64::from(u8::from(i >> j & 1 == 1)));
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for (order, count) in [(1, 4), (2, 6), (3, 4), (4, 1)] {
            let found = products(bits.as_ref(), order);
            assert_eq!(found.ncols(), count);
            columns.extend(found.col_iter().map(|c| c.iter().copied().collect::<Vec<f64>>()));
        }
        for (i, a) in columns.iter().enumerate() {
            assert_eq!(a.iter().sum::<f64>(), 0.0);
            for (j, b) in columns.iter().enumerate() {
                let inner: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                assert_eq!(inner, if i == j { 16.0 } else { 0.0 });
            }
        }
        // One of four bits set: an odd parity.
        assert_eq!(products(bits.as_ref(), 4)[(1, 0)], -1.0);
    }
}

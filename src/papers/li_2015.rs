//! What the paper's file asks of networks that is no metric of the engine: which units are matched with which, in several networks at
//! once. Numbers are of one network, and means over the others that it is matched with.

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::pair::information_match::matched_by_information;
use crate::measure::pair::matching::{Matching, Sign, matched};
use crate::measure::pair::unit_clusters::{ClusterOptions, cluster_units};
use crate::measure::pairwise::rank::spearman;
use crate::measure::random::Random;
use crate::papers::claims::{Analysis, Rows, Subject};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[
    ("units", |of| each_layer(of, units)),
    ("clusters", |of| each_layer(of, clusters)),
    ("triples", |of| each_layer(of, triples)),
];

/// The most networks that one is matched with: triples grow with their square.
const OTHERS: usize = 8;

/// A network at a hidden layer, and the others there.
struct Layer<'a> {
    of: &'a Subject<'a>,
    number: usize,
    x: Mat<f64>,
    others: Vec<Mat<f64>>,
}

/// Rows of each hidden layer, with its number behind their names.
fn each_layer(of: &Subject<'_>, rows: fn(&Layer<'_>) -> Result<Rows>) -> Vec<Result<Rows>> {
    let one = |number: usize| -> Result<Rows> {
        let others = of.others().into_iter().take(OTHERS).map(|other| other.representation(number, false));
        let layer = Layer { of, number, x: of.representation(number, false)?, others: others.collect::<Result<_>>()? };
        if layer.others.is_empty() {
            return Err(Error::config("matching expected networks of two seeds, got one"));
        }
        Ok(rows(&layer)?.into_iter().map(|(name, value)| (format!("{name}_{number}"), value)).collect())
    };
    (0..of.depth()).map(one).collect()
}

/// Units of the second that those of the first are matched with one to one, and their correlation.
fn partners(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Vec<Option<(usize, f64)>>> {
    let mut all = vec![None; x.ncols()];
    for (i, j, _) in matched(x, y, Sign::Signed, Matching::OneToOne)? {
        all[i] = Some((j, correlation(x, y, i, j)));
    }
    Ok(all)
}

fn correlation(x: MatRef<'_, f64>, y: MatRef<'_, f64>, i: usize, j: usize) -> f64 {
    let centred = |x: MatRef<'_, f64>, i: usize| -> Vec<f64> {
        let mean = x.col(i).iter().sum::<f64>() / x.nrows() as f64;
        x.col(i).iter().map(|v| v - mean).collect()
    };
    let (a, b) = (centred(x, i), centred(y, j));
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    inner(&a, &b) / (inner(&a, &a) * inner(&b, &b)).sqrt()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The value below which a part of all lie, between two by proportion; not a number of none.
fn quantile(values: &[f64], part: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = part * (sorted.len() as f64 - 1.0);
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (at - at.floor()) * (high - low)
}

/// Matched correlations and their spread, partners that several units choose, the best single unit, and what mutual information
/// matches.
fn units(of: &Layer<'_>) -> Result<Rows> {
    let x = of.x.as_ref();
    let mut found: Vec<(&str, Vec<f64>)> =
        ["spread", "distinct", "single", "agreement", "ranks"].map(|name| (name, Vec::new())).into();
    let mut sorted = Vec::new();
    for y in &of.others {
        let y = y.as_ref();
        let one_to_one = partners(x, y)?;
        let mut values: Vec<f64> = one_to_one.iter().flatten().map(|(_, r)| *r).collect();
        let kept: Vec<usize> = (0..x.ncols()).filter(|&i| !correlation(x, x, i, i).is_nan()).collect();
        let theirs: Vec<usize> = (0..y.ncols()).filter(|&j| !correlation(y, y, j, j).is_nan()).collect();
        let best = |&i: &usize, of: fn(f64) -> f64| {
            let all = theirs.iter().map(|&j| (j, of(correlation(x, y, i, j))));
            all.fold((0, f64::NEG_INFINITY), |best, other| if other.1 > best.1 { other } else { best })
        };
        let mut chosen: Vec<usize> = kept.iter().map(|i| best(i, |r| r).0).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let (mut pairs, mut same) = ([Vec::new(), Vec::new()], 0.0);
        for (i, j, information) in matched_by_information(x, y)? {
            if let Some((partner, r)) = one_to_one[i] {
                pairs[0].push(r);
                pairs[1].push(information);
                same += f64::from(u8::from(partner == j));
            }
        }
        let rows = [
            quantile(&values, 0.9) - quantile(&values, 0.1),
            chosen.len() as f64 / kept.len() as f64,
            1.0 - mean(kept.iter().map(|i| best(i, |r| r * r).1)),
            same / pairs[0].len() as f64,
            spearman(&pairs[0], &pairs[1])?,
        ];
        found.iter_mut().zip(rows).for_each(|((_, all), value)| all.push(value));
        values.sort_by(|a, b| b.total_cmp(a));
        sorted.push(values);
    }
    let mut rows: Rows = found.into_iter().map(|(name, all)| (name.to_owned(), mean(all))).collect();
    for percent in (0..=100).step_by(5) {
        let at = |values: &Vec<f64>| quantile(values, 1.0 - f64::from(percent) / 100.0);
        rows.push((format!("sorted_{percent}_of"), mean(sorted.iter().map(at))));
    }
    Ok(rows)
}

/// Spectral clusters of the units of two networks, a fourth as many as one has units: units in those that both have, the same with
/// shuffled examples; the median over them of the mean canonical correlation of their two groups; and the part of clusters with at
/// most one unit of each network.
fn clusters(of: &Layer<'_>) -> Result<Rows> {
    let (x, options) = (of.x.as_ref(), ClusterOptions::new(of.x.ncols() / 4));
    let canonical = Measure::parse("cca")?;
    let mut found: Vec<(&str, Vec<f64>)> =
        ["shared", "shared_shuffled", "canonical", "alone"].map(|name| (name, Vec::new())).into();
    for (number, y) in of.others.iter().enumerate() {
        let all = cluster_units(x, y.as_ref(), &options)?;
        let order = Random::new(u64::from(of.of.seed), number as u32).permutation(y.nrows());
        let shuffled = Mat::from_fn(y.nrows(), y.ncols(), |i, j| y[(order[i], j)]);
        let columns = |x: MatRef<'_, f64>, of: &[usize]| Mat::from_fn(x.nrows(), of.len(), |i, j| x[(i, of[j])]);
        let mut correlations = Vec::new();
        for cluster in all.clusters.iter().filter(|c| !c.x.is_empty() && !c.y.is_empty()) {
            let (a, b) = (columns(x, &cluster.x), columns(y.as_ref(), &cluster.y));
            correlations.push(canonical.of(a.as_ref(), b.as_ref())?);
        }
        let alone = all.clusters.iter().filter(|c| c.x.len() <= 1 && c.y.len() <= 1).count();
        let rows = [
            all.shared_units,
            cluster_units(x, shuffled.as_ref(), &options)?.shared_units,
            quantile(&correlations, 0.5),
            alone as f64 / all.clusters.len() as f64,
        ];
        found.iter_mut().zip(rows).for_each(|((_, all), value)| all.push(value));
    }
    Ok(found.into_iter().map(|(name, all)| (name.to_owned(), mean(all))).collect())
}

/// Whether a unit is matched alike in all networks: i to j to k and i to k at once, of the fourth of units that is matched best and of
/// that which is matched worst; the part of the variance of matched correlations that is the unit's (ICC of one-way random effects);
/// and how much more accuracy is lost without a unit of the best fourth than of the worst.
fn triples(of: &Layer<'_>) -> Result<Rows> {
    let x = of.x.as_ref();
    let direct: Vec<_> = of.others.iter().map(|y| partners(x, y.as_ref())).collect::<Result<_>>()?;
    let mut cycles = [Vec::new(), Vec::new()];
    for (b, y) in of.others.iter().enumerate() {
        let known: Vec<f64> = direct[b].iter().flatten().map(|(_, r)| *r).collect();
        let (low, high) = (quantile(&known, 0.25), quantile(&known, 0.75));
        for (c, z) in of.others.iter().enumerate().filter(|(c, _)| *c != b) {
            let onwards = partners(y.as_ref(), z.as_ref())?;
            for (i, to) in direct[b].iter().enumerate() {
                let Some((j, r)) = *to else { continue };
                let (Some((round, _)), Some((k, _))) = (onwards[j], direct[c][i]) else { continue };
                let closed = f64::from(u8::from(round == k));
                if r >= high {
                    cycles[0].push(closed);
                }
                if r <= low {
                    cycles[1].push(closed);
                }
            }
        }
    }
    // Units that have a partner in each of the others.
    let values: Vec<(usize, Vec<f64>)> = (0..x.ncols())
        .filter_map(|i| Some((i, direct.iter().map(|of| Some(of[i]?.1)).collect::<Option<Vec<f64>>>()?)))
        .collect();
    let means: Vec<f64> = values.iter().map(|(_, of)| mean(of.iter().copied())).collect();
    let (low, high) = (quantile(&means, 0.25), quantile(&means, 0.75));
    let lost = |&(i, _): &(usize, Vec<f64>)| {
        let without = of.of.metric(&format!("ablate_{i}.accuracy_test"), Some(of.number));
        of.of.metric("accuracy", None) - without
    };
    let quarter = |keep: &dyn Fn(f64) -> bool| {
        mean(values.iter().zip(&means).filter(|(_, m)| keep(**m)).map(|(unit, _)| lost(unit)))
    };
    let [best, worst] = cycles.map(mean);
    Ok(vec![
        ("cycle_best".into(), best),
        ("cycle_worst".into(), worst),
        ("trait".into(), intraclass(&values.iter().map(|(_, of)| of.as_slice()).collect::<Vec<_>>())),
        ("lost_best".into(), quarter(&|m| m >= high)),
        ("lost_worst".into(), quarter(&|m| m <= low)),
    ])
}

/// The intraclass correlation of one-way random effects, ICC(1,1) (Shrout and Fleiss 1979): of each subject so many values.
fn intraclass(values: &[&[f64]]) -> f64 {
    let (n, k) = (values.len() as f64, values.first().map_or(0.0, |of| of.len() as f64));
    let own: Vec<f64> = values.iter().map(|of| mean(of.iter().copied())).collect();
    let all = mean(own.iter().copied());
    let between = k * own.iter().map(|m| (m - all).powi(2)).sum::<f64>() / (n - 1.0);
    let apart = values.iter().zip(&own).flat_map(|(of, m)| of.iter().map(move |v| (v - m).powi(2)));
    let within = apart.sum::<f64>() / (n * (k - 1.0));
    (between - within) / (between + (k - 1.0) * within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intraclass_correlation_is_that_of_shrout_and_fleiss() {
        // Their table 2: six subjects, four judges; ICC(1,1) is .17.
        let values = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]];
        let values = values.map(|of| of.map(f64::from));
        let found = intraclass(&values.each_ref().map(|of| of.as_slice()));
        assert!((found - 0.1657).abs() < 1e-4, "{found}");
    }

    #[test]
    fn copies_in_another_order_are_partners() {
        let mut random = Random::new(3, 0);
        let x = Mat::from_fn(50, 5, |_, j| if j == 2 { 1.0 } else { random.normal() });
        let order = [3, 0, 4, 2, 1];
        let y = Mat::from_fn(50, 5, |i, j| 2.0 * x[(i, order[j])] + 1.0);
        let found = partners(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!(found[2], None, "a unit that does not vary has no partner");
        for (i, partner) in found.iter().enumerate().filter(|(i, _)| *i != 2) {
            let (j, r) = partner.unwrap();
            assert!(order[j] == i && (r - 1.0).abs() < 1e-12);
        }
        let same = matched_by_information(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!(same.len(), 4);
        assert!(same.iter().all(|(i, j, information)| order[*j] == *i && *information > 1.0));
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.25), 1.5);
    }
}

//! What the paper's file asks of networks that is no metric of the engine: which units are matched with which, in several networks at
//! once. Numbers are of one network, and means over the others that it is matched with.

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::numerics::assignment::maximise;
use crate::measure::numerics::units::{Units, cross_correlation};
use crate::measure::pair::information_match::matched_by_information;
use crate::measure::pair::unit_clusters::{ClusterOptions, cluster_units};
use crate::measure::pairwise::rank::spearman;
use crate::measure::random::Random;
use crate::papers::claims::{Analysis, Rows, Subject, mean};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[
    ("units", |of| each_layer(of, units)),
    ("clusters", |of| each_layer(of, clusters)),
    ("triples", |of| each_layer(of, triples)),
];

/// The most networks that one is matched with: triples grow with their square.
const OTHERS: usize = 8;

/// A network at a hidden layer, and the others there: their units that vary, standardised, which changes nothing that is asked.
struct Layer<'a> {
    of: &'a Subject<'a>,
    number: usize,
    x: Units,
    others: Vec<Units>,
}

/// Rows of each hidden layer.
fn each_layer(of: &Subject<'_>, rows: fn(&Layer<'_>) -> Result<Rows>) -> Vec<Result<Rows>> {
    let one = |number: usize| -> Result<Rows> {
        let at = |of: &Subject<'_>| Units::new(of.representation(number, false)?.as_ref(), "a layer");
        let others: Vec<Units> = of.others().iter().take(OTHERS).map(at).collect::<Result<_>>()?;
        if others.is_empty() {
            return Err(Error::config("matching expected networks of two seeds, got one"));
        }
        let rows = rows(&Layer { of, number, x: at(of)?, others })?;
        // Lists, which stars ask for, are of the whole network.
        let called = |name: &str| match name.ends_with("_of") {
            true => format!("{name}_{number}"),
            false => format!("layers.{number}/{name}"),
        };
        Ok(rows.into_iter().map(|(name, value)| (called(&name), value)).collect())
    };
    (0..of.depth()).map(one).collect()
}

/// Of each unit of the first the one of the second that it is matched with one to one, and their correlation.
fn partners(x: &Units, y: &Units) -> Result<Vec<Option<(usize, f64)>>> {
    let r = cross_correlation(x, y);
    let mut all = vec![None; r.nrows()];
    for (i, j) in maximise(r.as_ref())?.pairs {
        all[i] = Some((j, r[(i, j)]));
    }
    Ok(all)
}

/// Rows of means over the others, of a list for each of them.
fn means<const N: usize>(names: [&str; N], all: &[[f64; N]]) -> Rows {
    let of = |k: usize| mean(&all.iter().map(|own| own[k]).collect::<Vec<_>>());
    names.iter().enumerate().map(|(k, name)| ((*name).to_owned(), of(k))).collect()
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
    low + at.fract() * (high - low)
}

/// Matched correlations and their spread, partners that several units choose, the best single unit, and what mutual information
/// matches.
fn units(of: &Layer<'_>) -> Result<Rows> {
    let (x, mut found, mut sorted) = (&of.x, Vec::new(), Vec::new());
    for y in &of.others {
        let (one_to_one, r) = (partners(x, y)?, cross_correlation(x, y));
        let values: Vec<f64> = one_to_one.iter().flatten().map(|(_, r)| *r).collect();
        let best = |i: usize| (0..r.ncols()).max_by(|&a, &b| r[(i, a)].total_cmp(&r[(i, b)]));
        let mut chosen: Vec<_> = (0..r.nrows()).filter_map(best).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let alone = |i: usize| (0..r.ncols()).map(|j| r[(i, j)].powi(2)).fold(0.0, f64::max);
        let (mut scores, mut same) = ([Vec::new(), Vec::new()], 0.0);
        for (i, j, information) in matched_by_information(x.columns.as_ref(), y.columns.as_ref())? {
            if let Some((partner, r)) = one_to_one[i] {
                scores[0].push(r);
                scores[1].push(information);
                same += f64::from(u8::from(partner == j));
            }
        }
        found.push([
            quantile(&values, 0.9) - quantile(&values, 0.1),
            chosen.len() as f64 / r.nrows() as f64,
            1.0 - mean(&(0..r.nrows()).map(alone).collect::<Vec<_>>()),
            same / scores[0].len() as f64,
            spearman(&scores[0], &scores[1])?,
        ]);
        sorted.push(values);
    }
    let mut rows = means(["spread", "distinct", "single", "agreement", "ranks"], &found);
    for percent in (0..=100).step_by(5) {
        let at: Vec<f64> = sorted.iter().map(|of| quantile(of, 1.0 - f64::from(percent) / 100.0)).collect();
        rows.push((format!("sorted_{percent}_of"), mean(&at)));
    }
    Ok(rows)
}

/// Spectral clusters of the units of two networks, a fourth as many as one has units: units in those that both have, the same with
/// shuffled examples; the median over them of the mean canonical correlation of their two groups; and the part of clusters with at
/// most one unit of each network.
fn clusters(of: &Layer<'_>) -> Result<Rows> {
    let (x, options) = (of.x.columns.as_ref(), ClusterOptions::new((of.x.kept.len() + of.x.dropped) / 4));
    let (canonical, mut found) = (Measure::parse("cca")?, Vec::new());
    for (number, y) in of.others.iter().enumerate() {
        let y = y.columns.as_ref();
        let all = cluster_units(x, y, &options)?;
        let order = Random::new(u64::from(of.of.seed), number as u32).permutation(y.nrows());
        let shuffled = Mat::from_fn(y.nrows(), y.ncols(), |i, j| y[(order[i], j)]);
        let columns = |x: MatRef<'_, f64>, of: &[usize]| Mat::from_fn(x.nrows(), of.len(), |i, j| x[(i, of[j])]);
        let shared = all.clusters.iter().filter(|c| !c.x.is_empty() && !c.y.is_empty());
        let of_both = shared.map(|c| canonical.of(columns(x, &c.x).as_ref(), columns(y, &c.y).as_ref()));
        let alone = all.clusters.iter().filter(|c| c.x.len() <= 1 && c.y.len() <= 1).count();
        found.push([
            all.shared_units,
            cluster_units(x, shuffled.as_ref(), &options)?.shared_units,
            quantile(&of_both.collect::<Result<Vec<_>>>()?, 0.5),
            alone as f64 / all.clusters.len() as f64,
        ]);
    }
    Ok(means(["shared", "shared_shuffled", "canonical", "alone"], &found))
}

/// Whether a unit is matched alike in all networks: i to j to k and i to k at once, of the fourth of units that is matched best and of
/// that which is matched worst; the part of the variance of matched correlations that is the unit's (ICC of one-way random effects);
/// and how much more accuracy is lost without a unit of the best fourth than of the worst.
fn triples(of: &Layer<'_>) -> Result<Rows> {
    let direct: Vec<_> = of.others.iter().map(|y| partners(&of.x, y)).collect::<Result<_>>()?;
    let [mut best, mut worst] = [Vec::new(), Vec::new()];
    for (b, y) in of.others.iter().enumerate() {
        let known: Vec<f64> = direct[b].iter().flatten().map(|(_, r)| *r).collect();
        let (low, high) = (quantile(&known, 0.25), quantile(&known, 0.75));
        for (c, z) in of.others.iter().enumerate().filter(|(c, _)| *c != b) {
            let onwards = partners(y, z)?;
            for (to, straight) in direct[b].iter().zip(&direct[c]) {
                let (Some((j, r)), Some((k, _))) = (*to, *straight) else { continue };
                let Some((round, _)) = onwards[j] else { continue };
                let closed = f64::from(u8::from(round == k));
                best.extend(Some(closed).filter(|_| r >= high));
                worst.extend(Some(closed).filter(|_| r <= low));
            }
        }
    }
    // Units that have a partner in each of the others.
    let values: Vec<(usize, Vec<f64>)> = (0..of.x.kept.len())
        .filter_map(|i| Some((of.x.kept[i], direct.iter().map(|of| Some(of[i]?.1)).collect::<Option<Vec<f64>>>()?)))
        .collect();
    let own: Vec<f64> = values.iter().map(|(_, of)| mean(of)).collect();
    let (low, high) = (quantile(&own, 0.25), quantile(&own, 0.75));
    let lost = |unit: usize| {
        of.of.metric("accuracy", None) - of.of.metric(&format!("ablate_{unit}.accuracy_test"), Some(of.number))
    };
    let quarter = |keep: &dyn Fn(f64) -> bool| {
        let kept = values.iter().zip(&own).filter(|(_, m)| keep(**m));
        mean(&kept.map(|((unit, _), _)| lost(*unit)).collect::<Vec<_>>())
    };
    let names = ["cycle_best", "cycle_worst", "trait", "lost_best", "lost_worst"];
    let unit = intraclass(&values.iter().map(|(_, of)| of.as_slice()).collect::<Vec<_>>());
    Ok(means(names, &[[mean(&best), mean(&worst), unit, quarter(&|m| m >= high), quarter(&|m| m <= low)]]))
}

/// The intraclass correlation of one-way random effects, ICC(1,1) (Shrout and Fleiss 1979): of each subject so many values.
fn intraclass(values: &[&[f64]]) -> f64 {
    let (n, k) = (values.len() as f64, values.first().map_or(0.0, |of| of.len() as f64));
    let own: Vec<f64> = values.iter().map(|of| mean(of)).collect();
    let all = mean(&own);
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
        let [a, b] = [&x, &y].map(|x| Units::new(x.as_ref(), "x").unwrap());
        for (i, partner) in partners(&a, &b).unwrap().into_iter().enumerate() {
            let (j, r) = partner.unwrap();
            assert!(order[b.kept[j]] == a.kept[i] && (r - 1.0).abs() < 1e-12);
        }
        let same = matched_by_information(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!(same.len(), 4);
        assert!(same.iter().all(|(i, j, information)| order[*j] == *i && *information > 1.0));
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.25), 1.5);
    }
}

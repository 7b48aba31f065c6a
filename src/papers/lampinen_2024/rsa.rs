//! Similarity of networks that compute both features, the easy one, the hard one, or nothing yet.

use super::analyses::labels;
use super::networks::{Networks, mean, spread};
use super::settings::{Config, EASY, HARD, LEARNED, until_learned};
use super::shared::Shared;
use crate::config::Optimiser;
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::compare::{Named, all_pairs};
use crate::measure::features::split::split;
use crate::measure::statistic::input::take_rows;
use crate::papers::claim::{Claim, Kind, Measured, measured, number};
use crate::papers::{Lab, PartOutcome, Scale, parallel};
use crate::report::paper::{Axis, Matrices, Matrix, MatrixRow, Section};

/// Seed of the examples that all networks share.
const DATA: u32 = 2024;
/// Test examples that dissimilarities are of; CKA takes all.
const EXAMPLES: usize = 256;
/// The measures.
const MEASURES: [(&str, &str); 3] = [
    ("rsa:correlation:pearson", "RSA, correlation distance"),
    ("rsa:euclidean:pearson", "RSA, Euclidean distance"),
    ("cka:biased", "linear CKA"),
];
/// What networks were trained on.
const CONDITIONS: [&str; 4] = ["both", "easy only", "hard only", "untrained"];
const BOTH: usize = 0;
const EASY_ONLY: usize = 1;
const HARD_ONLY: usize = 2;
const UNTRAINED: usize = 3;

/// A network of a condition, by its seed, that learned what it was trained on.
struct Member {
    condition: usize,
    seed: u32,
}

/// Values of all pairs of networks of two conditions.
struct Compared {
    /// Of each measure, members × members.
    tables: Vec<Vec<f64>>,
    members: Vec<Member>,
}

impl Compared {
    /// Of all pairs with different seeds, each once.
    ///
    /// Networks of one seed begin with the same parameters, which would make conditions look alike that are not.
    fn pairs(&self, measure: usize, first: usize, second: usize) -> Vec<f64> {
        let mut found = Vec::new();
        let count = self.members.len();
        for (i, a) in self.members.iter().enumerate() {
            for (j, b) in self.members.iter().enumerate() {
                let once = first != second || i < j;
                if (a.condition, b.condition) == (first, second) && a.seed != b.seed && once {
                    found.push(self.tables[measure][i * count + j]);
                }
            }
        }
        found
    }

    fn between(&self, measure: usize, first: usize, second: usize) -> f64 {
        mean(&self.pairs(measure, first, second))
    }

    fn count(&self, condition: usize) -> usize {
        self.members.iter().filter(|m| m.condition == condition).count()
    }

    /// How many networks of each condition there are.
    fn counts(&self) -> String {
        let of = |(i, name): (usize, &&str)| format!("{} {name}", self.count(i));
        CONDITIONS.iter().enumerate().map(of).collect::<Vec<_>>().join(", ")
    }
}

/// Networks of the four conditions, all on the same examples.
fn train(lab: &mut Lab<'_>, shared: &Shared) -> Result<Vec<Networks>> {
    let base = Config { keep: true, data_seed: Some(DATA), ..shared.config() };
    let on = |outputs: &[&str]| Config { stages: vec![until_learned(outputs)], ..base.clone() };
    let mut all = Networks::train_stages(lab, &[on(&[]), on(&[EASY]), on(&[HARD])], shared.seeds)?;
    let still = Config { optimiser: Optimiser { lr: 0.0, ..base.optimiser.clone() }, ..base }.for_epochs(1);
    all.push(Networks::train(lab, &still, shared.seeds)?);
    Ok(all)
}

/// The networks of a condition that have learned what they were trained on.
fn learned(networks: &Networks, condition: usize) -> Vec<usize> {
    let accuracy = |feature: &str| networks.trained.end(&format!("accuracy_{feature}"), None);
    let needed: Vec<Vec<f64>> = match condition {
        BOTH => vec![accuracy(EASY), accuracy(HARD)],
        EASY_ONLY => vec![accuracy(EASY)],
        HARD_ONLY => vec![accuracy(HARD)],
        _ => Vec::new(),
    };
    (0..networks.seeds.len()).filter(|&r| needed.iter().all(|a| a[r] >= LEARNED)).collect()
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let all = train(lab, shared)?;
    let mut members = Vec::new();
    let mut whole: Vec<Named> = Vec::new();
    for (condition, networks) in all.iter().enumerate() {
        for replica in learned(networks, condition) {
            let seed = networks.seeds[replica];
            let values = networks.representations(replica, networks.depth() - 1)?.test;
            whole.push(Named { name: format!("{} {seed}", CONDITIONS[condition]), values });
            members.push(Member { condition, seed });
        }
    }
    let rows = with_patterns(&whole);
    let few = |named: &Named| Named { name: named.name.clone(), values: take_rows(named.values.as_ref(), &rows) };
    let some: Vec<Named> = whole.iter().map(few).collect();
    let mut tables = Vec::new();
    for (measure, _) in MEASURES {
        let of = if measure.starts_with("rsa") { &some } else { &whole };
        let table = all_pairs(of, &[Measure::parse(measure)?], None, &mut |_, _| {})?.pop();
        tables.push(table.ok_or_else(|| Error::config(format!("{measure} gave no table")))?.values());
    }
    let compared = Compared { tables, members };
    let split = shares(&all[BOTH], &compared, &whole)?;
    let mut claims = claims(&compared, shared.seeds, lab.scale());
    claims.push(split_claim(&split, &compared, shared.seeds, lab.at(2.0, 2.0, 5.0)));
    Ok(PartOutcome { claims, sections: vec![section(&compared, &split)] })
}

/// The first examples to which no network answers with the same activation in all units: such a pattern correlates with
/// none. An input of zeros alone is one to networks whose biases are still zero.
fn with_patterns(whole: &[Named]) -> Vec<usize> {
    let examples = whole.first().map_or(0, |named| named.values.nrows());
    let varies = |named: &Named, i: usize| named.values.row(i).iter().any(|v| *v != named.values[(i, 0)]);
    (0..examples).filter(|&i| whole.iter().all(|named| varies(named, i))).take(EXAMPLES).collect()
}

/// CKA of each pair of networks trained on both, with its parts: easy, hard, cross, rest.
fn shares(both: &Networks, compared: &Compared, whole: &[Named]) -> Result<Vec<[f64; 5]>> {
    let own: Vec<usize> = (0..whole.len()).filter(|&i| compared.members[i].condition == BOTH).collect();
    if own.len() < 2 {
        return Ok(Vec::new());
    }
    let made = both.examples(0)?.test;
    let features = [labels(&made, 0)?, labels(&made, 1)?];
    let pairs: Vec<(usize, usize)> =
        own.iter().flat_map(|&i| own.iter().map(move |&j| (i, j))).filter(|(i, j)| i < j).collect();
    let of = |&(i, j): &(usize, usize)| -> Result<[f64; 5]> {
        let found = split(whole[i].values.as_ref(), whole[j].values.as_ref(), &[&features[0], &features[1]])?;
        Ok([found.cka, found.own(0)?, found.own(1)?, found.cross(), found.rest()])
    };
    parallel(&pairs, of).into_iter().collect()
}

fn claims(compared: &Compared, seeds: u32, scale: Scale) -> Vec<Claim> {
    // For networks smaller than those of known values: the same directions, wider windows.
    let narrow = scale <= Scale::Small;
    let (apart, alike, slack) = if narrow { (0.3, 0.15, 0.05) } else { (0.5, 0.3, 0.02) };
    let text = |measure: usize, a: usize, b: usize| {
        measured!("{}–{} {}", CONDITIONS[a], CONDITIONS[b], spread(&compared.pairs(measure, a, b)))
    };
    let mean = |a: usize, b: usize| compared.between(0, a, b);
    let judged = |claim: Claim, of: &[usize], measured: Measured, held: bool| {
        let Some(missing) = of.iter().find(|c| compared.count(**c) < 2) else {
            return claim.measured(measured!("{} ({})", measured, compared.counts()), seeds, held);
        };
        let why = format!("fewer than two networks ({}) learned what they were trained on", CONDITIONS[*missing]);
        claim.measured(measured!("{why}: {}", compared.counts()), seeds, false)
    };
    let new = |id: &str, sentence: &str| Claim::new(format!("rsa.{id}"), Kind::Prediction, sentence);
    let gap = |measure: usize| compared.between(measure, BOTH, EASY_ONLY) - compared.between(measure, BOTH, HARD_ONLY);
    vec![
        judged(
            new(
                "both",
                "Networks that compute both features look like networks that compute the easy one, \
                 not the hard one",
            )
            .source("[A] 2020: multi-task is near easy-only; [M] .932 and .119; window [M]")
            .predicted(
                "similarity of both to easy only, less that to hard only: large",
                format!("difference of means at least {apart}"),
            ),
            &[BOTH, EASY_ONLY, HARD_ONLY],
            measured!("{}, {}: difference {}", text(0, BOTH, EASY_ONLY), text(0, BOTH, HARD_ONLY), number(gap(0))),
            gap(0) >= apart,
        ),
        judged(
            new(
                "hard",
                "Networks that compute the same hard feature are less alike than those that compute \
                 the same easy one",
            )
            .source("[A] an author's post; [M] easy–easy .998, hard–hard .41; window [M]")
            .predicted(
                "similarity of easy only to easy only, less that of hard only to hard only: large",
                format!("difference of means above {alike}"),
            ),
            &[EASY_ONLY, HARD_ONLY],
            measured!("{}, {}", text(0, EASY_ONLY, EASY_ONLY), text(0, HARD_ONLY, HARD_ONLY)),
            mean(EASY_ONLY, EASY_ONLY) > mean(HARD_ONLY, HARD_ONLY) + alike,
        ),
        judged(
            new(
                "simpler",
                "Networks that compute the same two features are no more alike than either is to one \
                 that computes the easy feature alone",
            )
            .source("[A] an author's post; [M] both–both .908, both–easy .932; window [M]")
            .predicted("similarity of both to both at most that of both to easy only", format!("means, up to {slack}")),
            &[BOTH, EASY_ONLY],
            measured!("{}, {}", text(0, BOTH, BOTH), text(0, BOTH, EASY_ONLY)),
            mean(BOTH, BOTH) <= mean(BOTH, EASY_ONLY) + slack,
        ),
        judged(
            new(
                "untrained",
                "Networks trained on different features are less alike than either is to untrained \
                 ones",
            )
            .source("[A] 2020; [M] easy–hard .000, untrained–easy .19, untrained–hard .035")
            .predicted("similarity of easy only to hard only: below that of each to untrained", "means"),
            &[EASY_ONLY, HARD_ONLY, UNTRAINED],
            measured!(
                "{}, {}, {}, {}",
                text(0, EASY_ONLY, HARD_ONLY),
                text(0, EASY_ONLY, UNTRAINED),
                text(0, HARD_ONLY, UNTRAINED),
                text(0, UNTRAINED, UNTRAINED)
            ),
            mean(EASY_ONLY, HARD_ONLY) < mean(EASY_ONLY, UNTRAINED).min(mean(HARD_ONLY, UNTRAINED)),
        ),
        judged(
            new("measures", "Euclidean distances and CKA say the same of networks that compute both")
                .source(
                    "[M] both–easy .874 and .920, both–hard .152 and .129; window [P], that of \
                     correlation distances",
                )
                .predicted(
                    "similarity of both to easy only, less that to hard only: large by either",
                    format!("differences of means at least {apart}"),
                ),
            &[BOTH, EASY_ONLY, HARD_ONLY],
            Measured::joined(
                (1..MEASURES.len()).map(|m| {
                    measured!("{}: {}, {}", MEASURES[m].1, text(m, BOTH, EASY_ONLY), text(m, BOTH, HARD_ONLY))
                }),
                "; ",
            ),
            (1..MEASURES.len()).all(|m| gap(m) >= apart),
        ),
    ]
}

/// Means of CKA's parts, as text.
fn parts(split: &[[f64; 5]]) -> Measured {
    let of = |k: usize| spread(&split.iter().map(|s| s[k]).collect::<Vec<f64>>());
    measured!("{} = easy {}, hard {}, cross {}, rest {}", of(0), of(1), of(2), of(3), of(4))
}

fn split_claim(split: &[[f64; 5]], compared: &Compared, seeds: u32, least: f64) -> Claim {
    let of = |k: usize| mean(&split.iter().map(|s| s[k]).collect::<Vec<f64>>());
    let claim =
        Claim::new("rsa.split", Kind::Beyond, "What makes networks that compute both alike is the easy feature")
            .source(
                "[P] linear CKA split exactly by projections on the features; expected from [M] shares \
                 of variance",
            )
            .predicted(
                "CKA due to the easy feature over that due to the hard one: far above 1",
                format!("ratio of means at least {least}"),
            );
    if split.is_empty() {
        let why = format!("fewer than two networks learned both features ({})", compared.counts());
        return claim.measured(why, seeds, false);
    }
    let measured = measured!("CKA {}; ratio {} ({} pairs)", parts(split), number(of(1) / of(2)), split.len());
    claim.measured(measured, seeds, of(1) >= least * of(2) && of(1) > 0.0)
}

fn section(compared: &Compared, split: &[[f64; 5]]) -> Section {
    let names: Vec<String> = CONDITIONS.iter().map(|&name| name.to_owned()).collect();
    let count = names.len();
    let matrix = |m: usize| Matrix {
        title: MEASURES[m].1.to_owned(),
        columns: count,
        // Three decimals: more would not fit into cells.
        values: (0..count * count).map(|i| (compared.between(m, i / count, i % count) * 1e3).round() / 1e3).collect(),
        row_names: names.clone(),
        column_names: names.clone(),
        numbers: true,
    };
    let figure = Matrices {
        label: "Mean similarity of networks trained on both features, on one of them, and \
                untrained, by three measures"
            .into(),
        caption: format!(
            "Last hidden layer on test examples that all networks share: means over pairs of \
             networks of different seeds, which begin with different parameters. Networks that \
             learned what they were trained on: {}. RSA: Pearson correlation of the \
             dissimilarities of the first {EXAMPLES} test examples; CKA of all.",
            compared.counts()
        ),
        colours: Axis::linear("similarity").within(0.0, 1.0),
        shared: true,
        rows: vec![MatrixRow { name: String::new(), matrices: (0..MEASURES.len()).map(matrix).collect() }],
    };
    let section = Section::new("rsa", "Networks that compute different things", Ok(figure.draw()));
    if split.is_empty() {
        section
    } else {
        section.text(format!("CKA of networks trained on both, split by features: {}.", parts(split)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_without_a_pattern_are_left_out() {
        let named = |flat: usize| Named {
            name: String::new(),
            values: faer::Mat::from_fn(5, 3, |i, j| if i == flat { 0.5 } else { (i + j) as f64 }),
        };
        assert_eq!(with_patterns(&[named(1), named(3)]), [0, 2, 4]);
        assert_eq!(with_patterns(&[]), [0usize; 0]);
    }

    #[test]
    fn pairs_are_of_different_seeds_and_counted_once() {
        let member = |condition, seed| Member { condition, seed };
        let members = vec![member(BOTH, 0), member(BOTH, 1), member(EASY_ONLY, 0), member(EASY_ONLY, 2)];
        let table = (0..16).map(f64::from).collect();
        let compared = Compared { tables: vec![table], members };
        assert_eq!(compared.pairs(0, BOTH, BOTH), [1.0]);
        assert_eq!(compared.pairs(0, BOTH, EASY_ONLY), [3.0, 6.0, 7.0]);
        assert_eq!(compared.pairs(0, EASY_ONLY, BOTH), [9.0, 12.0, 13.0]);
        assert!(compared.between(0, HARD_ONLY, HARD_ONLY).is_nan());
        assert_eq!(compared.counts(), "2 both, 2 easy only, 0 hard only, 0 untrained");
    }
}

//! Similarity of networks that compute both features, the easy one, the hard one, or nothing yet.

use super::networks::{LEARNED, labels};
use crate::data::features::Set;
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::compare::{Named, all_pairs};
use crate::measure::features::split::split;
use crate::measure::statistic::input::take_rows;
use crate::papers::claims::{PairRows, Subject};
use crate::papers::parallel;

/// Test examples that dissimilarities are of; CKA takes all.
const EXAMPLES: usize = 256;
/// The measures.
const MEASURES: [(&str, &str); 3] =
    [("rsa", "rsa:correlation:pearson"), ("rsa_euclidean", "rsa:euclidean:pearson"), ("cka", "cka:biased")];

/// The features that a network is trained on in the end: none of one that is not trained until it has learned something.
fn trained_on<'a>(of: &Subject<'a>) -> Vec<&'a str> {
    let stage = of.experiment.stages.last().filter(|stage| stage.until.is_some());
    let all = || of.experiment.data.features.iter().map(|feature| feature.name.as_str()).collect();
    stage.map_or(Vec::new(), |stage| match stage.outputs.as_slice() {
        [] => all(),
        some => some.iter().map(String::as_str).collect(),
    })
}

/// Whether a network has learned what it was trained on.
pub fn learned(of: &Subject<'_>) -> bool {
    trained_on(of).iter().all(|feature| of.end(&format!("accuracy_{feature}")) >= LEARNED)
}

/// Of networks that have learned what they were trained on, and have their examples in common, the similarity of each two of the last
/// hidden layer; and of those trained on all features CKA in parts: easy, hard, cross, rest.
pub fn alike(all: &[Subject<'_>]) -> Result<PairRows> {
    let members: Vec<usize> = (0..all.len()).filter(|&i| learned(&all[i])).collect();
    let named = |&i: &usize| -> Result<Named> {
        Ok(Named { name: i.to_string(), values: all[i].representation(all[i].depth() - 1, false)? })
    };
    let whole: Vec<Named> = members.iter().map(named).collect::<Result<_>>()?;
    let Some(&first) = members.first() else { return Ok(PairRows::new()) };
    let rows = with_patterns(&whole);
    let few = |named: &Named| Named { name: named.name.clone(), values: take_rows(named.values.as_ref(), &rows) };
    let some: Vec<Named> = whole.iter().map(few).collect();
    let count = members.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect();
    let placed = |(i, j): (usize, usize)| [members[i], members[j]];
    let mut found = PairRows::new();
    for (name, measure) in MEASURES {
        let of = if measure.starts_with("rsa") { &some } else { &whole };
        let table = all_pairs(of, &[Measure::parse(measure)?], None, &mut |_, _| {})?.pop();
        let values = table.ok_or_else(|| Error::config(format!("{measure} gave no table")))?.values();
        found.extend(pairs.iter().map(|&(i, j)| (name.to_owned(), placed((i, j)), values[i * count + j])));
    }
    let data = &all[first].experiment.data;
    let made = data.declared()?.make(Set::Test, data.test_examples as usize, data.seed.unwrap_or(all[first].seed))?;
    let features = [labels(&made, 0)?, labels(&made, 1)?];
    let on_both = |i: usize| trained_on(&all[members[i]]).len() == features.len();
    let both: Vec<(usize, usize)> = pairs.into_iter().filter(|&(i, j)| on_both(i) && on_both(j)).collect();
    let parts = parallel(&both, |&(i, j)| -> Result<[f64; 5]> {
        let found = split(whole[i].values.as_ref(), whole[j].values.as_ref(), &[&features[0], &features[1]])?;
        Ok([found.cka, found.own(0)?, found.own(1)?, found.cross(), found.rest()])
    });
    for (pair, parts) in both.into_iter().zip(parts) {
        let names = ["all", "easy", "hard", "cross", "rest"].into_iter().zip(parts?);
        found.extend(names.map(|(name, value)| (format!("split_{name}"), placed(pair), value)));
    }
    Ok(found)
}

/// The first examples to which no network answers with the same activation in all units: such a pattern correlates with
/// none. An input of zeros alone is one to networks whose biases are still zero.
fn with_patterns(whole: &[Named]) -> Vec<usize> {
    let examples = whole.first().map_or(0, |named| named.values.nrows());
    let varies = |named: &Named, i: usize| named.values.row(i).iter().any(|v| *v != named.values[(i, 0)]);
    (0..examples).filter(|&i| whole.iter().all(|named| varies(named, i))).take(EXAMPLES).collect()
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
}

//! Whether a check holds, and how sure that is: seeds are drawn anew, and the check is evaluated again.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::{Names, Truth, truths};
use super::expression::Expression;
use super::found::Draw;
use super::quantities::Book;
use crate::measure::random::Random;
use crate::papers::claim::{Verdict, number};
use crate::papers::parallel;

/// How often seeds are drawn anew.
const DRAWS: u32 = 1000;
/// The part of draws at either end that an interval of 95 % leaves out.
const TAIL: f64 = 0.025;

/// What a check came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// How it came out.
    pub verdict: Verdict,
    /// By how much the check holds, negative if it does not; none if nothing bears on it.
    pub margin: Option<f64>,
    /// Where 95 % of the margins lie over seeds drawn anew; none of a single seed.
    pub interval: Option<[f64; 2]>,
    /// How many seeds bear on it.
    pub seeds: usize,
    /// Why it is inconclusive, and how many seeds more would tell; may be empty.
    pub why: String,
}

/// Names as they are over all networks, or over those of a draw of seeds.
pub struct OverNetworks<'a> {
    /// Quantities that were found.
    pub book: &'a Book,
    /// Numbers by name.
    pub constants: &'a BTreeMap<String, f64>,
    /// Seeds drawn; none for all as they are.
    pub draw: Option<&'a Draw<'a>>,
}

impl Names for OverNetworks<'_> {
    fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        if let Some(constant) = self.constants.get(name) {
            return Ok(vec![*constant]);
        }
        let found = self.book.get(name).ok_or_else(|| format!("there is no quantity `{name}`"))?;
        Ok(found.reduced(self.draw))
    }

    fn about(&self, function: &str, name: &str) -> Result<Vec<f64>, String> {
        let found = self.book.get(name).ok_or_else(|| format!("there is no quantity `{name}`"))?;
        let of = |(count, asked): (f64, f64)| match function {
            "count" => count,
            "networks" => asked,
            _ => count / asked,
        };
        Ok(found.counts(self.draw).into_iter().map(of).collect())
    }
}

/// Judges a check of quantities that were found.
///
/// # Errors
/// A sentence if it cannot be evaluated.
pub fn judge(check: &Expression, names: &OverNetworks<'_>) -> Result<Judgement, String> {
    let come = |draw: Option<&Draw<'_>>| truths(check, &OverNetworks { draw, ..*names }).map(|all| Truth::all(&all));
    let truth = come(None)?;
    let seeds: BTreeSet<u32> =
        check.names().iter().filter_map(|name| names.book.get(*name)).flat_map(|found| found.seeds()).collect();
    let seeds: Vec<u32> = seeds.into_iter().collect();
    let verdict = if truth.holds { Verdict::Reproduced } else { Verdict::NotReproduced };
    let mut judged = Judgement {
        verdict,
        margin: truth.margin.is_finite().then_some(truth.margin),
        interval: None,
        seeds: seeds.len(),
        why: String::new(),
    };
    let Some(margin) = judged.margin else { return Ok(judged) };
    if seeds.len() < 2 {
        judged.verdict = Verdict::Inconclusive;
        judged.why = "One seed says nothing of how much others would differ: train more.".into();
        return Ok(judged);
    }
    let anew = |&number: &u32| {
        let (mut random, mut draw) = (Random::new(0, number), Draw { seeds: &seeds, times: vec![0; seeds.len()] });
        (0..seeds.len()).for_each(|_| draw.times[random.below(seeds.len())] += 1);
        come(Some(&draw))
    };
    let drawn = parallel(&(0..DRAWS).collect::<Vec<_>>(), anew).into_iter().collect::<Result<Vec<_>, _>>()?;
    let otherwise = drawn.iter().filter(|t| t.holds != truth.holds).count() as f64 / f64::from(DRAWS);
    let mut margins: Vec<f64> = drawn.iter().map(|t| t.margin).collect();
    margins.sort_by(f64::total_cmp);
    let end = |part: f64| margins[((margins.len() - 1) as f64 * part).round() as usize];
    let (low, high) = (end(TAIL), end(1.0 - TAIL));
    judged.interval = Some([low, high]).filter(|ends| ends.iter().all(|x| x.is_finite()));
    if otherwise > TAIL {
        judged.verdict = Verdict::Inconclusive;
        let half = (margin - if truth.holds { low } else { high }).abs();
        judged.why = format!(
            "With these {} seeds drawn anew it comes out otherwise {} times in 100; {}.",
            seeds.len(),
            number(100.0 * otherwise),
            more(seeds.len(), half / margin.abs())
        );
    }
    Ok(judged)
}

/// More than this many are not worth saying.
const MOST: f64 = 10_000.0;

/// How many seeds more shrink an interval, whose half is so many margins, to one margin.
fn more(seeds: usize, halves: f64) -> String {
    let wanted = (seeds as f64 * halves * halves).ceil() - seeds as f64;
    match wanted {
        wanted if !wanted.is_finite() || wanted > MOST => {
            "it lies on the bound, and no number of seeds in reach would tell".into()
        }
        wanted if wanted < 2.0 => "a seed or two more would tell, if the rest stays so".into(),
        wanted => format!("some {wanted} seeds more would tell, if the rest stays so"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_that_are_missing_are_counted() {
        // An interval of twice the margin needs four times the seeds.
        assert!(more(8, 2.0).contains("some 24 seeds more"));
        assert!(more(8, 1.05).contains("a seed or two"));
        assert!(more(8, f64::INFINITY).contains("no number of seeds"));
    }
}

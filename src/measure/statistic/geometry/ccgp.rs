//! Cross-condition generalisation: whether a decoder fitted under some conditions works under others.

use faer::MatRef;

use super::dichotomies::{balanced, dichotomies};
use super::null::{DRAWS, NULL, against, held};
use crate::error::Result;
use crate::measure::declaration::{Parameter, Scale, count, number, word};
use crate::measure::statistic::entry::{StatisticEntry, TASK};
use crate::measure::statistic::input::{Classes, check, fail, mean, take_rows};
use crate::measure::statistic::probe::{Decoder, HeldOut, LogisticOptions, Out};
use crate::measure::statistic::source::Computation;

/// Chance is one over the number of classes that are decoded; below it, the code is reversed from condition to condition.
///
/// Without contexts each pair of conditions that is left out is tested with either label, once all dichotomies are taken, by what
/// was fitted to the same examples: the mean is then one half whatever the code, as it is of a two-by-two design, where half of
/// the splits fit on a diagonal. Logistic regression does not standardise: a unit that hardly varies
/// among the conditions fitted on would be blown up on the others.
pub(in super::super) const CCGP: StatisticEntry = StatisticEntry::new(
    TASK,
    "ccgp",
    "cross-condition generalisation performance, the labels as conditions",
    |g| {
        let strength = g.number("strength");
        let decoder = match g.word("form") {
            "logistic" => {
                Decoder::Logistic(LogisticOptions { c: strength, standardise: false, ..LogisticOptions::default() })
            }
            "centroid" => Decoder::Centroid,
            _ => Decoder::Ridge { alpha: strength },
        };
        let form = match (g.count("contexts"), g.count("dichotomies")) {
            (0, number) => Computation::labelled(move |x, labels| over_dichotomies(x, labels, number, &decoder)),
            (contexts, _) => {
                Computation::decided(HeldOut { decoder, out: Out::Contexts(contexts) }, |scores, single| {
                    Ok((!single || scores.clear()).then(|| scores.accuracy_by_fold()))
                })
            }
        };
        against(form, g)
    },
)
.formula(
    "mean accuracy under conditions that a linear decoder was not fitted to: of the sides of balanced dichotomies, one condition \
     of each side left out (1/2 over all of them, whatever the code); with contexts, of the value, one context left out",
)
.source("Bernardi et al. 2020")
.needs_labels()
.scaled(|g| if g.word("form") == "centroid" { Scale::Free } else { Scale::Own })
.holds(held)
.with(&[
    word("form", &["ridge", "logistic", "centroid"], "the decoder: on one-hot labels, of classes, or by the nearest mean"),
    number("strength", 1.0, [f64::MIN_POSITIVE, f64::MAX], "alpha of ridge, C of logistic"),
    CONTEXTS,
    dichotomies(10),
    NULL,
    DRAWS,
]);

/// How many contexts a design has.
pub(super) const CONTEXTS: Parameter = count(
    "contexts",
    0,
    0,
    "of a design whose cells the labels number, in order: value times contexts plus context; 0: none, dichotomies of the labels",
);

/// Mean over balanced dichotomies, and over the conditions of each side that are left out and tested.
fn over_dichotomies(x: MatRef<'_, f64>, conditions: &[usize], number: usize, decoder: &Decoder) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    if classes.number() < 4 {
        return fail(format!(
            "leaving one condition of each side out takes at least 4 conditions, but the labels have {}",
            classes.number()
        ));
    }
    let mut accuracies = Vec::new();
    for plus in balanced(classes.number(), number)? {
        let label =
            |rows: &[usize]| rows.iter().map(|i| usize::from(plus.contains(&classes.of[*i]))).collect::<Vec<_>>();
        for a in &plus {
            for b in (0..classes.number()).filter(|b| !plus.contains(b)) {
                let (test, train): (Vec<usize>, Vec<usize>) =
                    (0..x.nrows()).partition(|i| classes.of[*i] == *a || classes.of[*i] == b);
                let (fitted, tested) = (take_rows(x, &train), take_rows(x, &test));
                let predicted = decoder.predict(fitted.as_ref(), &label(&train), tested.as_ref())?;
                let right = predicted.iter().zip(label(&test)).filter(|(p, l)| **p == *l).count();
                accuracies.push(right as f64 / test.len() as f64);
            }
        }
    }
    Ok(mean(&accuracies))
}

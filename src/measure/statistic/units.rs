//! Statistics of examples and units as they are: spread, norms, sparsity, dead units.

use faer::MatRef;

use super::distances::{ByClass, Exponentials, Median};
use super::entry::StatisticEntry;
use super::input::{Rows, check, dot, fail, mean};
use super::source::Computation;
use crate::error::Result;
use crate::measure::declaration::{Given, Scale, number, word};

const FAMILY: &str = "units and examples";

/// A list of the distances of all pairs, which grows as it is made, and a sorted copy.
const ALL_PAIRS: fn(&Given, f64, f64) -> f64 = |_, n, p| 2.0 * n * n + 4.0 * n * p;

/// A length grows with the data.
fn length(_: &Given) -> Scale {
    Scale::Each(1)
}

/// At most 0 (all rows equal); lower is more uniform, down to about `-2t` less a little on the sphere.
pub(super) const UNIFORMITY: StatisticEntry =
    StatisticEntry::new(FAMILY, "uniformity", "uniformity on the sphere", |g| {
        Computation::from(Exponentials { t: g.number("t") }, |mean| Ok(mean.ln()))
    })
    .formula("log mean_{i<j} exp(-t |x_i - x_j|²), rows at unit length")
    .source("Wang and Isola 2020")
    .with(&[number("t", 2.0, [f64::MIN_POSITIVE, f64::MAX], "sharpness")]);

pub(super) const MEAN_DISTANCE: StatisticEntry =
    StatisticEntry::new(FAMILY, "mean_distance", "mean distance of two examples", |_| {
        Computation::from(ByClass { labelled: false }, |sums| {
            let n = sums.of.len() as f64;
            Ok(sums.of.iter().sum::<f64>() / (n * (n - 1.0)))
        })
    })
    .formula("mean_{i<j} |x_i - x_j|")
    .holds(ALL_PAIRS)
    .scaled(length);

pub(super) const MEDIAN_DISTANCE: StatisticEntry =
    StatisticEntry::new(FAMILY, "median_distance", "median distance of two examples", |_| {
        Computation::from(Median, |median| Ok(*median))
    })
    .formula("median_{i<j} |x_i - x_j|")
    .holds(ALL_PAIRS)
    .scaled(length);

pub(super) const MEAN_NORM: StatisticEntry =
    StatisticEntry::new(FAMILY, "mean_norm", "mean norm of an example", |_| {
        Computation::of(|x| {
            check(x, "the representation", 1)?;
            Ok(mean(&x.row_iter().map(|row| row.norm_l2()).collect::<Vec<_>>()))
        })
    })
    .formula("mean |x_i|")
    .scaled(length);

/// Over the examples (lifetime) or the units (population); the mean is over the units or examples that are not silent.
/// 0 for equal rates, 1 for a single active one. Treves-Rolls is in the scaled form of Vinje & Gallant, `(1 - a) / (1 - 1/N)` with
/// the activity ratio `a = (Σr/N)² / (Σr²/N)`, and of rates, which are not negative.
pub(super) const SPARSITY: StatisticEntry = StatisticEntry::new(FAMILY, "sparsity", "mean sparsity", |g| {
    let examples = g.word("across") != "units";
    match g.word("form") {
        "hoyer" => Computation::of(move |x| sparsity(x, examples, hoyer)),
        _ => Computation::of(move |x| {
            non_negative(x, "Treves-Rolls sparsity")?;
            sparsity(x, examples, treves_rolls)
        }),
    }
})
.formula("treves-rolls: 1 - (mean |x|)² / mean x², scaled; hoyer: (√n - |x|₁/|x|₂) / (√n - 1)")
.source("Treves and Rolls 1991, Vinje and Gallant 2000; Hoyer 2004")
.with(&[
    word("form", &["treves-rolls", "hoyer"], "which"),
    word("across", &["examples", "units"], "examples: of each unit (lifetime); units: of each example (population)"),
]);

fn treves_rolls(r: &[f64]) -> f64 {
    let (n, sum) = (r.len() as f64, r.iter().sum::<f64>());
    (1.0 - sum * sum / n / dot(r, r)) / (1.0 - 1.0 / n)
}

fn hoyer(r: &[f64]) -> f64 {
    let root = (r.len() as f64).sqrt();
    (root - r.iter().map(|v| v.abs()).sum::<f64>() / dot(r, r).sqrt()) / (root - 1.0)
}

fn sparsity(x: MatRef<'_, f64>, across_examples: bool, of: fn(&[f64]) -> f64) -> Result<f64> {
    check(x, "the representation", 1)?;
    let x = if across_examples { x.transpose() } else { x };
    if x.ncols() < 2 {
        return fail("a sparsity is taken over at least 2 values, but there is only 1 example or unit");
    }
    let known = |row: &[f64]| {
        // Scaled, so that squares neither overflow nor vanish.
        let largest = row.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        (largest > 0.0).then(|| of(&row.iter().map(|v| v / largest).collect::<Vec<_>>()))
    };
    Ok(mean(&Rows::of(x).iter().filter_map(known).collect::<Vec<_>>()))
}

/// At a threshold of 0 it finds dead rectified units.
pub(super) const DEAD_UNITS: StatisticEntry =
    StatisticEntry::new(FAMILY, "dead_units", "part of the units that never exceed a threshold", |g| {
        let threshold = g.number("threshold");
        Computation::of(move |x| {
            check(x, "the representation", 1)?;
            let dead = x.col_iter().filter(|c| c.iter().all(|v| v.abs() <= threshold)).count();
            Ok(dead as f64 / x.ncols() as f64)
        })
    })
    .formula("mean_j [max_i |x_ij| <= threshold]")
    .scaled(|g| if g.number("threshold") > 0.0 { Scale::Own } else { Scale::Free })
    .with(&[number("threshold", 0.0, [0.0, f64::MAX], "largest size of a dead unit")]);

/// Refuses negative values.
pub(super) fn non_negative(x: MatRef<'_, f64>, name: &str) -> Result<()> {
    check(x, "the representation", 1)?;
    for (j, column) in x.col_iter().enumerate() {
        if let Some(i) = column.iter().position(|v| *v < 0.0) {
            return fail(format!("{name} is defined for values of 0 or more, but row {i}, column {j} is negative"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use faer::mat;

    use super::*;
    use crate::measure::statistic::Statistic;

    #[test]
    fn units_by_hand() {
        let x = mat![[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]];
        let two = mat![[1.0, 3.0]];
        let check = |name: &str, x: MatRef<'_, f64>, want: f64| {
            let got = Statistic::parse(name).unwrap().of(x, &[]).unwrap();
            assert!((got - want).abs() < 1e-12, "{name}: {got}, not {want}");
        };
        check("uniformity", x.as_ref(), -4.0);
        check("mean_distance", x.as_ref(), 13_f64.sqrt());
        check("median_distance", x.as_ref(), 13_f64.sqrt());
        check("mean_norm", x.as_ref(), 2.5);
        check("dead_units", x.as_ref(), 1.0 / 3.0);
        check("dead_units:threshold=2", x.as_ref(), 2.0 / 3.0);
        for form in ["sparsity", "sparsity:hoyer"] {
            // The silent third unit has no sparsity of its own.
            check(form, x.as_ref(), 1.0);
            check(&format!("{form}:units"), x.as_ref(), 1.0);
            check(&format!("{form}:units"), mat![[4.0, 4.0, 4.0, 4.0]].as_ref(), 0.0);
        }
        // Rates 1 and 3: a = 4/5, (1 - a) / (1 - 1/2); Hoyer (√2 - 4/√10) / (√2 - 1).
        check("sparsity:units", two.as_ref(), 0.4);
        check("sparsity:hoyer:units", two.as_ref(), (2_f64.sqrt() - 4.0 / 10_f64.sqrt()) / (2_f64.sqrt() - 1.0));
    }
}

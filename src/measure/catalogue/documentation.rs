//! The catalogue as a page.

use std::fmt::Write;

use super::{Direction, Entry, Measure, Parameter, Scale, Statistic, StatisticEntry, measures, statistics};

const HEAD: &str = "# Measures

This page is made from the code (`ISOGRAM_BLESS=1 cargo test --test all catalogue`); `isogram measures` prints the same.

A representation is a table of activations: a row for each example, a column for each unit. Measures compare two
representations *of the same examples in the same order*; statistics describe one. Options follow a name after colons, as
`key=value` or as a word alone: `cka:rbf:threshold=0.5`, `knn:k=20:euclidean`. The first word or the number given here is the
default.

Each measure is defined once, in double precision on the CPU (`isogram::measure`), and agrees there with published packages:
[agreement.md](agreement.md) has the values side by side, and says where packages differ. Those marked *GPU* have a second form
for all pairs of a set at once, in single precision on the device, within 1e-5 (CKA, Procrustes, CCA) or 1e-4 of the first unless
offsets are thousands of times the spread; neighbours are those of the first form (candidates come from the device), matchings are
exact where none tie in single precision. What the device
does of each is said in brackets: where the rest is small (the singular values of a `p x q` matrix, an assignment of units, a few
numbers for each pair), it is done on the CPU in double precision, and a matching or coupling is scored there anew. A pair for which
single precision would lose what is asked for, such as a small difference of large numbers, is left to the CPU. The others run on
the CPU, pairs shared out among its cores, in single-threaded linear algebra ([faer](https://docs.rs/faer)), so that results have the
same bits on any number of cores. On a software adapter the CPU is as fast or faster, so `compare` takes a GPU of its own accord only
where there is a real one and the work is worth it.

Statistics marked *GPU* have a form for many representations at once (`isogram::measure::describe`), within 1e-4 of the value in
double precision (of its size, if above 1): singular values by Jacobi rotations, distances and class means by products, linear
probes trained there with all their folds. What single precision could decide otherwise is left to the CPU, value by value:
exponents over singular values below 2e-6 of the largest, shares of variance at their limit, dimensions where equal rows are
removed, probes of more units than examples. `describe --json` says of each value where it was computed.

What is reached by the library alone, because it needs more than two tables: crossnobis and Mahalanobis RDMs and noise ceilings
(`pairwise::noise`, `pairwise::noise_ceiling`), shape metrics fitted on one half and tested on the other (`pair::shape`),
multi-label probes and R²
of features in both directions (`statistic::probe`, on the CPU and on a device), the matched units, couplings and clusters
themselves (`pair::matching`, `pair::unit_clusters`), and what known features of the inputs have to do with a representation (`features`): the variance they
explain on another set than it was fitted on (for all replicas at once as nodes of a graph), components, interventions, the part of
CKA that is due to each.

Letters: `X`, `Y` representations with units of mean zero, n examples, p and q units; `K`, `L` Gram matrices; `D` distances of all
pairs of examples; `|.|` the Frobenius norm, `|.|_*` the sum of the singular values; `C` correlations between units.

A family stands for all measures in it, in their default forms, and `all` for every one: `compare --measures kernels,subspaces`,
`describe --statistics all`. What is not defined on the data is an entry with its reason beside the others. With more than 300
examples, `rtd` is then taken of draws of 200.

*Scale*: no value depends on how large the numbers are, from 1e-300 to 1e300, unless it says so below. A representation is multiplied
by a power of two where it enters; values that have a scale of their own get it back. Where a measure compares what units span
(canonical correlations, linear regression), the size of a unit beside others decides no rank either.

*Ties*: rounding and the order of examples decide nothing. In ranks, dissimilarities tie that only rounding tells apart: in ascending
order, each that lies within the bound of its rounding error of the one before. Examples that are equally near share the last places
among the neighbours: `knn` and `knn_jaccard` are expectations over ties broken at random, independently for each example and
representation, so that two representations whose examples are all alike agree by chance, and `cknna` weighs pairs by their
chances. `knn_probe` has them share the last places too. Only what takes examples as they come depends on their order: `minibatch_cka`, folds of probes and of `ridge`.

A value that is not defined (a constant representation where the measure centres, too few examples, ranks too low) is an error with
its reason, never a number. Names are printed and written in one form: options in a fixed order, defaults left out, but for the
estimator of HSIC, which is always written: `cka` is read as `cka:debiased`, everywhere, and written so. Debiased values may be
negative, and are not clamped.
";

/// The catalogue as Markdown.
pub fn documentation() -> String {
    let mut text = HEAD.to_owned();
    let mut family = "";
    text.push_str("\n## Measures of two representations\n");
    for e in measures() {
        if e.family != family {
            family = e.family;
            let _ = write!(text, "\n### {}\n", capital(family));
        }
        measure(&mut text, e);
    }
    family = "";
    text.push_str("\n## Statistics of one representation\n");
    for e in statistics() {
        if e.family != family {
            family = e.family;
            let _ = write!(text, "\n### {}\n", capital(family));
        }
        statistic(&mut text, e);
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn measure(text: &mut String, e: &Entry) {
    let _ = write!(text, "\n#### `{}`: {}\n\n`{}`\n\n", e.name, e.title, e.formula);
    let bound = |x: f64| match x {
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        x if x == std::f64::consts::PI => "π".to_owned(),
        x => format!("{x}"),
    };
    let mut facts = vec![
        format!("{} to {}", bound(e.range[0]), bound(e.range[1])),
        match e.direction {
            Direction::Similarity => "larger is more alike".to_owned(),
            Direction::Distance => "larger is less alike".to_owned(),
        },
        if e.symmetric { "symmetric" } else { "not symmetric" }.to_owned(),
    ];
    if e.metric {
        facts.push("a metric".to_owned());
    }
    if let Some(device) = Measure::parse(e.name).ok().and_then(|m| m.made.device) {
        facts.push(format!("GPU ({})", device.describe()));
    }
    let scale = Measure::parse(e.name).map_or(Scale::Free, |m| m.scale());
    if scale != Scale::Free {
        facts.push(scale.describe());
    }
    facts.push(format!("cost {}", e.cost));
    let _ = writeln!(text, "{}.", capital(&facts.join("; ")));
    let invariances: Vec<&str> = e.invariances.iter().map(|i| i.name()).collect();
    if !invariances.is_empty() {
        let _ = writeln!(text, "Does not see: {}.", invariances.join(", "));
    }
    let _ = writeln!(text, "Source: {}.", e.source);
    options(text, e.parameters);
}

fn statistic(text: &mut String, e: &StatisticEntry) {
    let _ = write!(text, "\n#### `{}`: {}\n\n", e.name, e.title);
    if !e.formula.is_empty() {
        let _ = write!(text, "`{}`\n\n", e.formula);
    }
    if e.labels {
        text.push_str("Needs a class for each example.\n");
    }
    let scale = Statistic::parse(e.name).map_or(Scale::Free, |s| s.scale());
    if scale != Scale::Free {
        let _ = writeln!(text, "{}.", capital(&scale.describe()));
    }
    if Statistic::parse(e.name).is_ok_and(|s| s.device.is_some()) {
        text.push_str("GPU.\n");
    }
    if !e.source.is_empty() {
        let _ = writeln!(text, "Source: {}.", e.source);
    }
    options(text, e.parameters);
}

fn options(text: &mut String, parameters: &[Parameter]) {
    if parameters.is_empty() {
        return;
    }
    text.push('\n');
    for p in parameters {
        let _ = writeln!(text, "- `{}` = {}: {}", p.key, p.takes.describe().replace('|', ", "), p.about);
    }
}

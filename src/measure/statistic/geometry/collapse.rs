//! Neural collapse (Papyan, Han and Donoho 2020): how far the classes of a last layer have become points at the corners of a simplex.

use crate::measure::declaration::word;
use crate::measure::statistic::entry::{StatisticEntry, TASK};
use crate::measure::statistic::input::{Rows, dot, fail, less, mean};
use crate::measure::statistic::moments::{Along, ByClass, Moments};
use crate::measure::statistic::source::Computation;

/// 0 or more; 0 when classes are points. `S_W` is over all examples, `S_B` over the class means about the mean of all examples.
pub(in super::super) const NEURAL_COLLAPSE: StatisticEntry =
    StatisticEntry::new(TASK, "neural_collapse", "NC1, variability within classes over that between", |g| {
        match g.word("form") {
            "trace" => Computation::decided(ByClass, |own, single| {
                let (_, norms) = centred_means(own);
                let between = mean(&norms.iter().map(|v| v * v).collect::<Vec<_>>());
                let within = own.squares.iter().sum::<f64>() / own.squares.len() as f64;
                if between == 0.0 {
                    return fail("the means of all classes coincide: NC1 is not determined");
                }
                // Nearly collapsed classes: what is left of the scatter may be rounding.
                let lost = single && within <= 1e-6 * between;
                Ok((!lost && own.is_sure(between.sqrt())).then_some(within / between))
            }),
            _ => Computation::from(Along, |value| Ok(*value)),
        }
    })
    .formula("tr(S_W S_B⁺) / c; trace: tr S_W / tr S_B")
    .source("Papyan, Han, Donoho 2020")
    .needs_labels()
    .with(&[word(
        "form",
        &["pseudo-inverse", "trace"],
        "which; the trace does not weigh directions by how far classes differ",
    )]);

/// All are 0 at collapse. Standard deviations divide by the number of values.
pub(in super::super) const NC2: StatisticEntry = StatisticEntry::new(
    TASK,
    "nc2",
    "NC2, how far class means are from a simplex equiangular tight frame",
    |g| {
        let of = g.word("of");
        Computation::decided(ByClass, move |own, _| {
            let (means, norms) = centred_means(own);
            let k = norms.len();
            if let Some(c) = norms.iter().position(|v| *v == 0.0) {
                let class = own.classes.values[c];
                return fail(format!("the mean of class {class} is the mean of all examples: NC2 is not determined"));
            }
            if !norms.iter().all(|norm| own.is_sure(*norm)) {
                return Ok(None);
            }
            let pairs = (0..k).flat_map(|a| (a + 1..k).map(move |b| (a, b)));
            let cosines: Vec<f64> =
                pairs.map(|(a, b)| dot(means.row(a), means.row(b)) / (norms[a] * norms[b])).collect();
            let target = -1.0 / (k as f64 - 1.0);
            Ok(Some(match of {
                "equinorm" => deviation(&norms) / mean(&norms),
                "equiangular" => deviation(&cosines),
                _ => mean(&cosines.iter().map(|c| (c - target).abs()).collect::<Vec<_>>()),
            }))
        })
    },
)
.formula(
    "m the class means about the mean of all; max-angle: mean |cos(m_a, m_b) + 1 / (c - 1)|; equinorm: std |m| / mean |m|; \
     equiangular: std cos(m_a, m_b)",
)
.source("Papyan, Han, Donoho 2020, figures 2 to 4")
.needs_labels()
.with(&[word("of", &["max-angle", "equinorm", "equiangular"], "which part of it")]);

/// Class means less the mean of all examples, and their lengths.
fn centred_means(own: &Moments) -> (Rows, Vec<f64>) {
    let means = Rows::of(less(own.means.as_ref(), &own.centre).as_ref());
    let norms = means.iter().map(|m| dot(m, m).sqrt()).collect();
    (means, norms)
}

fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    mean(&values.iter().map(|v| (v - m) * (v - m)).collect::<Vec<_>>()).sqrt()
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use crate::measure::statistic::Statistic;

    #[test]
    fn collapse_is_zero_at_a_simplex() {
        let corners = mat![[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]];
        let labels: Vec<usize> = (0..12).map(|i| 10 * (i % 3)).collect();
        let x = Mat::from_fn(12, 3, |i, j| 5.0 + corners[(i % 3, j)]);
        let of = |name: &str, x: &Mat<f64>| Statistic::parse(name).unwrap().of(x.as_ref(), &labels);
        for name in ["neural_collapse", "neural_collapse:trace", "nc2", "nc2:equinorm", "nc2:equiangular"] {
            assert!(of(name, &x).unwrap() < 1e-12, "{name}");
            assert!(of(name, &Mat::from_fn(12, 3, |_, _| 0.1)).is_err(), "{name}");
        }
    }

    #[test]
    fn collapse_by_hand() {
        // Class means (1, 0), (0, 2) and (-1, -2) about zero, two examples of each a half beside them.
        let (means, labels) = (mat![[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0]], [0, 0, 1, 1, 2, 2]);
        let x = Mat::from_fn(6, 2, |i, j| means[(i / 2, j)] + if j == 0 { i as f64 % 2.0 - 0.5 } else { 0.0 });
        let of = |name: &str| Statistic::parse(name).unwrap().of(x.as_ref(), &labels).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, not {b}");
        close(of("neural_collapse:trace"), 0.25 / (10.0 / 3.0));
        let (norms, cosines) = ([1.0, 2.0, 5_f64.sqrt()], [0.0, -1.0 / 5_f64.sqrt(), -2.0 / 5_f64.sqrt()]);
        let mean = |v: [f64; 3]| v.iter().sum::<f64>() / 3.0;
        let deviation = |v: [f64; 3]| mean(v.map(|x| (x - mean(v)).powi(2))).sqrt();
        close(of("nc2:equinorm"), deviation(norms) / mean(norms));
        close(of("nc2:equiangular"), deviation(cosines));
        close(of("nc2"), mean(cosines.map(|c| (c + 0.5).abs())));
    }
}

//! How classes lie in a representation: how selective units are for them, how well they form clusters, how much of it they are.

use faer::MatRef;

use super::distances;
use super::entry::{StatisticEntry, TASK};
use super::input::{Classes, Rows, check, fail, mean, squared_distance, take_rows};
use super::moments::{Alignment, ByClass, Moments};
use super::probe::stratified_k_fold;
use super::source::Computation;
use crate::error::Result;
use crate::measure::declaration::word;
use crate::measure::features::Sets;
use crate::measure::features::variance::{Constant, Explained, explained_by_class};

/// From 0 (same mean for all classes) to 1 (active for one class), of units that are not silent, whose values are not negative. The
/// paper's small constant in the denominator is left out.
pub(super) const CLASS_SELECTIVITY: StatisticEntry =
    StatisticEntry::new(TASK, "class_selectivity", "mean class selectivity of units", |_| {
        Computation::from(ByClass, |own| {
            if let Some(j) = own.least.iter().position(|v| *v < 0.0) {
                return fail(format!(
                    "class selectivity is defined for values of 0 or more, but column {j} has a negative one"
                ));
            }
            let others = own.classes.number() as f64 - 1.0;
            let of = |j: usize| {
                let unit = own.means.col(j);
                let best = unit.iter().enumerate().fold(0, |best, (c, v)| if *v > unit[best] { c } else { best });
                let rest = unit.iter().enumerate().filter(|(c, _)| *c != best).map(|(_, v)| v).sum::<f64>() / others;
                (unit[best] - rest) / (unit[best] + rest)
            };
            // A unit that is zero everywhere has no selectivity.
            let active = (0..own.centre.len()).filter(|&j| own.centre[j] > 0.0);
            let all: Vec<f64> = active.map(of).filter(|v| v.is_finite()).collect();
            if all.is_empty() {
                return fail("no unit has a class selectivity: none is active");
            }
            Ok(all.iter().sum::<f64>() / all.len() as f64)
        })
    })
    .formula("mean_j (largest class mean - mean of the others) / (their sum)")
    .source("Morcos et al. 2018, importance of single directions")
    .needs_labels();

pub(super) const VARIANCE_EXPLAINED: StatisticEntry =
    StatisticEntry::new(TASK, "variance_explained", "R² of the representation from the labels", |g| {
        let (uniform, same) = (g.word("of") == "uniform", g.word("fit") == "same");
        let value = move |e: &Explained| if uniform { e.uniform(Constant::Masked) } else { e.variance() };
        Computation::labelled(move |x, labels| {
            if same {
                return Ok(value(&explained_by_class(Sets { fit: x, test: x }, Sets { fit: labels, test: labels })?));
            }
            Classes::of(labels, x.nrows(), 2)?;
            let mut sum = 0.0;
            for fold in stratified_k_fold(labels, 2)? {
                let pick = |rows: &[usize]| rows.iter().map(|i| labels[*i]).collect::<Vec<_>>();
                let (fit, test) = (take_rows(x, &fold.train), take_rows(x, &fold.test));
                let (fit_labels, test_labels) = (pick(&fold.train), pick(&fold.test));
                let sets = Sets { fit: fit.as_ref(), test: test.as_ref() };
                sum += value(&explained_by_class(sets, Sets { fit: &fit_labels, test: &test_labels })?);
            }
            Ok(0.5 * sum)
        })
    })
    .formula(
        "1 - Σ |x - m_class|² / Σ |x - mean x|², m the class means of the other half (label_r2 goes the other way)",
    )
    .source("Lampinen, Chan, Hermann 2024")
    .needs_labels()
    .with(&[
        word("of", &["variance", "uniform"], "of the total variance, or mean over the units that vary, each alike"),
        word(
            "fit",
            &["halves", "same"],
            "each half of every class scored by the means of the other; or all by their own, which is never negative",
        ),
    ]);

/// Centred: linear CKA of the representation and the one-hot labels. Uncentred it depends on where the origin lies.
pub(super) const LABEL_ALIGNMENT: StatisticEntry =
    StatisticEntry::new(TASK, "label_alignment", "alignment of the kernel with the labels", |g| {
        Computation::from(Alignment { centred: g.word("kernels") == "centred" }, |value| Ok(*value))
    })
    .formula("<K, L> / (|K| |L|), L = one-hot one-hotᵀ, both centred or neither")
    .source("Cortes et al. 2012 (centred), Cristianini et al. 2001 (uncentred)")
    .needs_labels()
    .with(&[word("kernels", &["centred", "uncentred"], "which")]);

/// From -1 to 1: 1 for compact classes far apart, below 0 for mixed ones. An example alone in its class has 0, and so has one
/// with `a = b = 0`.
pub(super) const SILHOUETTE: StatisticEntry =
    StatisticEntry::new(TASK, "silhouette", "mean silhouette of the classes", |_| {
        Computation::from(distances::ByClass { labelled: true }, |distances::Sums { classes, of }| {
            let k = classes.number();
            let sample = |(sums, &own): (&[f64], &usize)| {
                let others = (0..k).filter(|c| *c != own);
                let b = others.map(|c| sums[c] / classes.counts[c] as f64).fold(f64::INFINITY, f64::min);
                let a = sums[own] / (classes.counts[own] as f64 - 1.0);
                let largest = a.max(b);
                if classes.counts[own] == 1 || largest == 0.0 { 0.0 } else { (b - a) / largest }
            };
            Ok(mean(&of.chunks(k).zip(&classes.of).map(sample).collect::<Vec<_>>()))
        })
    })
    .formula("mean (b - a) / max(a, b), a and b the mean distances within and to the nearest other class")
    .source("Rousseeuw 1987")
    .needs_labels();

/// 0 or more. `s` is the mean distance of a class's examples to its mean.
pub(super) const DAVIES_BOULDIN: StatisticEntry =
    StatisticEntry::new(TASK, "davies_bouldin", "Davies-Bouldin index of the classes", |_| {
        Computation::decided(ByClass, |own, single| {
            let Moments { classes, squares, .. } = own.clustered()?;
            let (k, means) = (classes.number(), Rows::of(own.means.as_ref()));
            let mut spread = vec![0.0; k];
            for (c, square) in classes.of.iter().zip(squares) {
                spread[*c] += square.max(0.0).sqrt() / classes.counts[*c] as f64;
            }
            // Means that are closer than rounding of theirs have no ratio in single precision.
            let nothing = if single { own.floor.max(1e-3 * spread.iter().copied().fold(0.0, f64::max)) } else { 0.0 };
            let mut worst = vec![0.0_f64; k];
            for i in 0..k {
                for j in (0..k).filter(|j| *j != i) {
                    let apart = means.squared_distance(i, j).sqrt();
                    if single && apart <= nothing {
                        return Ok(None);
                    }
                    if apart == 0.0 {
                        return fail(format!(
                            "the means of classes {} and {} coincide: the Davies-Bouldin index is not determined",
                            classes.values[i], classes.values[j]
                        ));
                    }
                    worst[i] = worst[i].max((spread[i] + spread[j]) / apart);
                }
            }
            Ok(Some(mean(&worst)))
        })
    })
    .formula("mean_i max_j (s_i + s_j) / |c_i - c_j|; smaller is better separated")
    .source("Davies and Bouldin 1979")
    .needs_labels();

/// 0 or more; higher is better.
pub(super) const CALINSKI_HARABASZ: StatisticEntry =
    StatisticEntry::new(TASK, "calinski_harabasz", "variance between classes over that within", |_| {
        Computation::decided(ByClass, |own, single| {
            let Moments { classes, squares, centre, .. } = own.clustered()?;
            let (n, k) = (classes.of.len() as f64, classes.number() as f64);
            let means = Rows::of(own.means.as_ref());
            let apart = |(c, m): (usize, &usize)| *m as f64 * squared_distance(means.row(c), centre);
            let between: f64 = classes.counts.iter().enumerate().map(apart).sum();
            let within: f64 = squares.iter().sum();
            // Nearly collapsed classes: what is left of the scatter may be rounding.
            if single && within <= 1e-6 * between {
                return Ok(None);
            }
            if within == 0.0 {
                return fail("the examples of each class coincide: the Calinski-Harabasz index is not determined");
            }
            Ok(Some(between / within * (n - k) / (k - 1.0)))
        })
    })
    .formula("(tr B / (c - 1)) / (tr W / (n - c))")
    .source("Caliński and Harabasz 1974")
    .needs_labels();

impl Moments {
    /// Itself, if its classes can be clusters.
    fn clustered(&self) -> Result<&Self> {
        self.classes.clusters()?;
        Ok(self)
    }
}

impl Classes {
    /// Classes of labels that can be clusters.
    pub(super) fn clustered(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Self> {
        check(x, "the representation", 3)?;
        let classes = Self::of(labels, x.nrows(), 2)?;
        classes.clusters()?;
        Ok(classes)
    }

    /// Refuses classes of one example each.
    fn clusters(&self) -> Result<()> {
        if self.number() == self.of.len() {
            return fail("every example is a class of its own: clusters need at least one class of two examples");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;
    use crate::measure::statistic::Statistic;

    fn of(name: &str, x: MatRef<'_, f64>, labels: &[usize]) -> f64 {
        Statistic::parse(name).unwrap().of(x, labels).unwrap()
    }

    #[test]
    fn selectivity_by_hand() {
        // Class means of the units: (2, 0, 0), (1, 1, 1) and silence.
        let x = mat![[1.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        assert_eq!(of("class_selectivity", x.as_ref(), &[7, 7, 9, 4]), 0.5);
        assert_eq!(of("class_selectivity", x.subcols(0, 1), &[7, 7, 9, 4]), 1.0);
    }

    #[test]
    fn clusters_by_hand() {
        // Two classes on a line: {0, 2} and {10, 12}.
        let (x, labels) = (mat![[0.0], [2.0], [10.0], [12.0]], [1, 1, 5, 5]);
        for (name, want) in [
            ("silhouette", (9.0 / 11.0 + 7.0 / 9.0) / 2.0),
            ("davies_bouldin", 0.2),
            ("calinski_harabasz", 100.0 / (4.0 / 2.0)),
        ] {
            assert!((of(name, x.as_ref(), &labels) - want).abs() < 1e-12 * want, "{name}");
        }
        assert_eq!(of("silhouette", mat![[0.0], [0.0], [3.0]].as_ref(), &[0, 0, 1]), 2.0 / 3.0);
    }

    #[test]
    fn labels_are_aligned_with_themselves_and_collapsed() {
        let labels = [0, 1, 2, 0, 1, 2, 2];
        let x = Mat::from_fn(7, 3, |i, c| f64::from(u8::from(labels[i] == c)));
        assert!((of("label_alignment", x.as_ref(), &labels) - 1.0).abs() < 1e-12);
        assert!((of("label_alignment:uncentred", x.as_ref(), &labels) - 1.0).abs() < 1e-12);
        assert!(of("neural_collapse", x.as_ref(), &labels).abs() < 1e-12);
    }
}

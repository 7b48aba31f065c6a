//! How well classes form clusters: silhouette, Davies-Bouldin and Calinski-Harabasz.

use faer::MatRef;

use crate::error::Result;
use crate::measure::single::input::{Classes, Rows, check, column_means, fail, finite, mean, squared_distance};

fn classes(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Classes> {
    check(x, "the representation", 3)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    if classes.number() == x.nrows() {
        return fail("every example is a class of its own: clusters need at least one class of two examples");
    }
    Ok(classes)
}

/// Silhouette of each example (Rousseeuw 1987): `(b - a) / max(a, b)`, with `a` the mean euclidean distance to the rest
/// of its class and `b` the smallest mean distance to another class. From -1 to 1. An example alone in its class has 0,
/// and so has one with `a = b = 0`.
///
/// `x`: examples × units; `labels`: one class an example.
///
/// # Errors
/// Labels of another length, fewer than two classes, as many classes as examples, or values that are not finite.
pub fn silhouette_samples(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Vec<f64>> {
    let classes = classes(x, labels)?;
    let rows = Rows::of(x);
    let n = x.nrows();
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        let mut sums = vec![0.0; classes.number()];
        (0..n).for_each(|j| sums[classes.of[j]] += rows.squared_distance(i, j).sqrt());
        let own = classes.of[i];
        let others = (0..classes.number()).filter(|c| *c != own);
        let b = others.map(|c| sums[c] / classes.counts[c] as f64).fold(f64::INFINITY, f64::min);
        let a = sums[own] / (classes.counts[own] as f64 - 1.0);
        let largest = a.max(b);
        let alone = classes.counts[own] == 1 || largest == 0.0;
        out.push(if alone { 0.0 } else { finite((b - a) / largest, "the silhouette")? });
    }
    Ok(out)
}

/// Mean of [`silhouette_samples`] over the examples: 1 for compact classes far apart, below 0 for mixed ones.
///
/// # Errors
/// As [`silhouette_samples`].
pub fn silhouette(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    Ok(mean(&silhouette_samples(x, labels)?))
}

/// Davies-Bouldin index (1979): mean over classes of the largest `(s_i + s_j) / d_ij` with another class, `s` the mean
/// distance of a class's examples to its mean and `d` the distance of the two means. 0 or more; lower is better.
///
/// # Errors
/// As [`silhouette_samples`]; means of two classes that coincide.
pub fn davies_bouldin(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    let classes = classes(x, labels)?;
    let (rows, means) = (Rows::of(x), Rows::of(classes.means(x).as_ref()));
    let mut spread = vec![0.0; classes.number()];
    for (i, c) in classes.of.iter().enumerate() {
        spread[*c] += squared_distance(rows.row(i), means.row(*c)).sqrt() / classes.counts[*c] as f64;
    }
    let mut worst = vec![0.0_f64; classes.number()];
    for i in 0..classes.number() {
        for j in (0..classes.number()).filter(|j| *j != i) {
            let apart = means.squared_distance(i, j).sqrt();
            if apart == 0.0 {
                return fail(format!(
                    "the means of classes {} and {} coincide: the Davies-Bouldin index is not determined",
                    classes.values[i], classes.values[j]
                ));
            }
            worst[i] = worst[i].max((spread[i] + spread[j]) / apart);
        }
    }
    finite(mean(&worst), "the Davies-Bouldin index")
}

/// Calinski-Harabasz index (1974): variance between class means over variance within classes, each over its degrees of
/// freedom. 0 or more; higher is better.
///
/// # Errors
/// As [`silhouette_samples`]; no variance within any class.
pub fn calinski_harabasz(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    let classes = classes(x, labels)?;
    let (rows, means, centre) = (Rows::of(x), Rows::of(classes.means(x).as_ref()), column_means(x));
    let between: f64 =
        (0..classes.number()).map(|c| classes.counts[c] as f64 * squared_distance(means.row(c), &centre)).sum();
    let within: f64 = classes.of.iter().enumerate().map(|(i, c)| squared_distance(rows.row(i), means.row(*c))).sum();
    if within == 0.0 {
        return fail("the examples of each class coincide: the Calinski-Harabasz index is not determined");
    }
    let (n, k) = (x.nrows() as f64, classes.number() as f64);
    finite(between / within * (n - k) / (k - 1.0), "the Calinski-Harabasz index")
}

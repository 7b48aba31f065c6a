//! Neural collapse (Papyan, Han & Donoho 2020): measures of how far the last layer's classes have become points at
//! the corners of a simplex, with the classifier's weights pointing at them. NC1 with its pseudo-inverse is the statistic `neural_collapse`.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::statistic::input::{
    Classes, Rows, check, column_means, dot, fail, finite, less, mean, squared_distance,
};
use crate::measure::statistic::probe::winners;

struct Parts {
    classes: Classes,
    /// Means of the classes less the mean of all examples.
    means: Mat<f64>,
    /// Examples less the mean of their class.
    within: Mat<f64>,
}

fn parts(x: MatRef<'_, f64>, labels: &[usize]) -> Result<Parts> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    // Centred first: an offset of the units would leave its rounding in the means, in directions that have none.
    let x = less(x, &column_means(x));
    let x = x.as_ref();
    let own = classes.means(x);
    let within = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - own[(classes.of[i], j)]);
    let means = less(own.as_ref(), &column_means(x));
    Ok(Parts { classes, means, within })
}

/// NC1 in its simple form: `tr Σ_W / tr Σ_B`, without the pseudo-inverse of `neural_collapse`.
///
/// `x`: examples × units; `labels`: one class an example.
///
/// # Errors
/// Labels of another length, fewer than two classes, class means that all coincide, or values that are not finite.
pub fn nc1_trace_ratio(x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    let Parts { classes, means, within } = parts(x, labels)?;
    let between = means.squared_norm_l2() / classes.number() as f64;
    if between == 0.0 {
        return fail("the means of all classes coincide: NC1 is not determined");
    }
    finite(within.squared_norm_l2() / x.nrows() as f64 / between, "NC1")
}

/// NC2: how far the centred class means are from a simplex equiangular tight frame. All zero at collapse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EquiangularTightFrame {
    /// Standard deviation over mean of the norms of the centred class means.
    pub norm_variation: f64,
    /// Standard deviation of the cosines between different class means.
    pub angle_variation: f64,
    /// Mean of `|cos + 1/(C-1)|`: distance from the largest possible angle.
    pub angle_excess: f64,
}

/// NC2, convergence to a simplex: see [`EquiangularTightFrame`]. Standard deviations divide by the number of values.
///
/// # Errors
/// Labels of another length, fewer than two classes, a class mean equal to the mean of all examples, or values that are
/// not finite.
pub fn nc2(x: MatRef<'_, f64>, labels: &[usize]) -> Result<EquiangularTightFrame> {
    let Parts { classes, means, .. } = parts(x, labels)?;
    let rows = Rows::of(means.as_ref());
    let norms: Vec<f64> = rows.iter().map(|r| dot(r, r).sqrt()).collect();
    if let Some(c) = norms.iter().position(|v| *v == 0.0) {
        let class = classes.values[c];
        return fail(format!("the mean of class {class} is the mean of all examples: NC2 is not determined"));
    }
    let k = classes.number();
    let cosines: Vec<f64> = (0..k)
        .flat_map(|a| (a + 1..k).map(move |b| (a, b)))
        .map(|(a, b)| dot(rows.row(a), rows.row(b)) / (norms[a] * norms[b]))
        .collect();
    let deviation = |values: &[f64]| {
        let m = mean(values);
        mean(&values.iter().map(|v| (v - m) * (v - m)).collect::<Vec<_>>()).sqrt()
    };
    let target = -1.0 / (k as f64 - 1.0);
    Ok(EquiangularTightFrame {
        norm_variation: finite(deviation(&norms) / mean(&norms), "the norm of a class mean")?,
        angle_variation: finite(deviation(&cosines), "a cosine of class means")?,
        angle_excess: mean(&cosines.iter().map(|c| (c - target).abs()).collect::<Vec<_>>()),
    })
}

fn check_weights(weights: MatRef<'_, f64>, classes: &Classes, units: usize) -> Result<()> {
    check(weights, "the classifier's weights", 1)?;
    if (weights.nrows(), weights.ncols()) != (classes.number(), units) {
        return fail(format!(
            "the classifier's weights must have one row a class and one column a unit ({} × {units}), but are {} × {}",
            classes.number(),
            weights.nrows(),
            weights.ncols()
        ));
    }
    Ok(())
}

/// NC3, self-duality: `‖W/‖W‖ - M/‖M‖‖²` with `W` the last layer's weights (classes × units, classes ascending) and `M`
/// the centred class means. From 0 (proportional) to 4.
///
/// # Errors
/// Labels of another length, fewer than two classes, weights of another shape or all zero, class means that all
/// coincide, or values that are not finite.
pub fn nc3(x: MatRef<'_, f64>, labels: &[usize], weights: MatRef<'_, f64>) -> Result<f64> {
    let Parts { classes, means, .. } = parts(x, labels)?;
    check_weights(weights, &classes, x.ncols())?;
    let (w, m) = (weights.norm_l2(), means.norm_l2());
    if w == 0.0 || m == 0.0 {
        return fail("the weights, or the centred class means, are all zero: NC3 is not determined");
    }
    let difference = Mat::from_fn(weights.nrows(), weights.ncols(), |i, j| weights[(i, j)] / w - means[(i, j)] / m);
    finite(difference.squared_norm_l2(), "NC3")
}

/// NC4, nearest class centre: share of examples where the classifier (`weights`: classes × units, classes ascending;
/// `bias`: one for each class) decides otherwise than the nearest class mean does. 0 at collapse. Ties go to the smaller
/// class.
///
/// # Errors
/// As [`nc3`] for labels and weights; biases of another length or not finite.
pub fn nc4(x: MatRef<'_, f64>, labels: &[usize], weights: MatRef<'_, f64>, bias: &[f64]) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    check_weights(weights, &classes, x.ncols())?;
    if bias.len() != classes.number() || bias.iter().any(|b| !b.is_finite()) {
        return fail(format!("give one finite bias for each of the {} classes, not {}", classes.number(), bias.len()));
    }
    let scores = x * weights.transpose();
    let scores = Mat::from_fn(x.nrows(), classes.number(), |i, c| scores[(i, c)] + bias[c]);
    let (rows, means) = (Rows::of(x), Rows::of(classes.means(x).as_ref()));
    let nearness = Mat::from_fn(x.nrows(), classes.number(), |i, c| -squared_distance(rows.row(i), means.row(c)));
    let (decided, nearest) = (winners(scores.as_ref()), winners(nearness.as_ref()));
    Ok(decided.iter().zip(&nearest).filter(|(a, b)| a != b).count() as f64 / x.nrows() as f64)
}

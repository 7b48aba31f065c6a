//! Orthogonal Procrustes: how far two representations are apart once the best rotation and reflection is applied.
//!
//! All distances come from one nuclear norm, taken from an SVD. When the two are close, the distance is the norm of
//! the residual itself: `2 - 2 s` would lose half the digits there, and a rotated copy would be 1e-8 away from itself.
//! That makes a rotated copy 1e-15 away where the singular values of the representation span less than 8 decades; beyond
//! that the rotation of the weakest directions is rounding, and about 1e-9 of unit norm remains.

use super::{ORTHOGONAL, SHAPES, few_examples};
use crate::measure::declaration::{Cross, Device, Entry, Held, Made, Nuclear, NuclearValue, Of, Scale, Side, word};
use crate::measure::numerics::algebra::singular_values;
use crate::measure::numerics::basis::{Based, Basis, CLOSE, Procrustes, Shape};
use faer::MatRef;

/// Orthogonal Procrustes distance.
pub(super) const PROCRUSTES: Entry = Entry {
    formula: "angular: arccos(|XᵀY|_* / |X||Y|); normalised: sqrt(2 - 2 s); euclidean: min_Q |X - YQ|; squared; disparity: 1 - s²",
    metric: true,
    range_of: |g| match g.word("form") {
        "angular" => Some([0.0, std::f64::consts::FRAC_PI_2]),
        "normalised" => Some([0.0, std::f64::consts::SQRT_2]),
        "disparity" => Some([0.0, 1.0]),
        _ => None,
    },
    invariances: ORTHOGONAL,
    scale: |g| match g.word("form") {
        "euclidean" => Scale::Common(1.0),
        "squared" => Scale::Common(2.0),
        _ => Scale::Free,
    },
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Williams et al. 2021; Ding et al. 2021",
    parameters: &[word(
        "form",
        &["angular", "normalised", "euclidean", "squared", "disparity"],
        "euclidean and squared keep the scale; disparity is scipy's",
    )],
    caution: few_examples,
    make: |g| {
        let shape = match g.word("form") {
            "normalised" => Shape::Normalised,
            "euclidean" => Shape::Euclidean,
            "squared" => Shape::Squared,
            "disparity" => Shape::Disparity,
            _ => Shape::Angular,
        };
        Ok(nuclear(Basis::Unit, NuclearValue::Distance(shape)))
    },
    ..Entry::distance("procrustes", "orthogonal Procrustes distance", SHAPES)
};

/// Normalised Bures similarity.
pub(super) const NBS: Entry = Entry {
    formula: "|XᵀY|_* / (|X| |Y|)",
    invariances: ORTHOGONAL,
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Harvey et al. 2024",
    caution: few_examples,
    make: |_| Ok(nuclear(Basis::Unit, NuclearValue::Distance(Shape::Nbs))),
    ..Entry::similarity("nbs", "normalised Bures similarity", SHAPES)
};

/// A measure of the singular values of the product of two forms: on the CPU and on software adapters from the product, on a GPU
/// from what it finds of them by products alone.
pub(super) fn nuclear(basis: Basis, value: NuclearValue) -> Made {
    let prepare = move |x: MatRef<'_, f64>| {
        let Based { matrix, norm } = Based::of(x, basis)?;
        Ok(Side::same(matrix, norm))
    };
    let sized = |a: &Of<'_, f64>, b: &Of<'_, f64>, shape: Shape, squared: f64| {
        Procrustes::from_unit(squared.max(0.0).sqrt(), a.kept * a.size, b.kept * b.size).get(shape)
    };
    let mut cross = Cross::new(format!("{basis:?}"), prepare, move |a: Of<'_, f64>, b: Of<'_, f64>, cross| {
        let values = singular_values(cross.as_ref())?;
        let mean = |of: &dyn Fn(f64) -> f64| values.iter().map(|s| of(s.min(1.0))).sum::<f64>() / values.len() as f64;
        Ok(match value {
            NuclearValue::Mean => Some(mean(&|s| s)),
            NuclearValue::MeanSquared => Some(mean(&|s| s * s)),
            NuclearValue::Distance(shape) => {
                let similarity: f64 = values.iter().rev().sum();
                (similarity < CLOSE).then(|| sized(&a, &b, shape, 2.0 - 2.0 * similarity))
            }
        })
    });
    if let NuclearValue::Distance(shape) = value {
        cross = cross.closing(move |a: Of<'_, f64>, b: Of<'_, f64>, rest| sized(&a, &b, shape, rest.distance()));
    }
    Made { host: cross.clone().into(), device: Some(Device::Nuclear(Nuclear { basis, value, cross })) }
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::mat;

    #[test]
    fn two_points_have_one_shape() {
        // Two examples are a segment: any two segments have the same shape and differ in length only.
        let x = mat![[0.0, 0.0], [3.0, 4.0]];
        let y = mat![[1.0, 7.0], [1.0, 8.0]];
        let of = |name: &str| value(name, &x, &y);
        assert!(of("procrustes") < 1e-15 && of("procrustes:disparity") < 1e-30 && (of("nbs") - 1.0).abs() < 1e-15);
        // The centred norms are 5/√2 and 1/√2.
        assert!((of("procrustes:euclidean") - 4.0 / 2f64.sqrt()).abs() < 1e-14);
    }

    #[test]
    fn orthogonal_contrasts_are_a_right_angle_apart() {
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        let of = |form: &str| value(&format!("procrustes:{form}"), &x, &y);
        assert!((of("angular") - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        assert!((of("normalised") - 2f64.sqrt()).abs() < 1e-15 && (of("disparity") - 1.0).abs() < 1e-15);
        assert!((of("squared") - 8.0).abs() < 1e-14);
    }

    #[test]
    fn a_small_angle_is_exact() {
        // The second unit is turned by 1e-9 radians towards a contrast that x does not have.
        let (c, s) = (1e-9f64.cos(), 1e-9f64.sin());
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[c + s], [c - s], [-c + s], [-c - s]];
        let angle = value("procrustes", &x, &y);
        assert!((angle / 1e-9 - 1.0).abs() < 1e-6, "{angle}");
    }
}

//! The eigenspace overlap score (May et al. 2019): how much of the left singular subspaces of two representations, as they are, is
//! shared.

use super::{NAME, SUBSPACES};
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Invariance, Of, Side, word};
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::column_space;
use faer::MatRef;

/// Overlap of the left singular subspaces.
pub(super) const EIGENSPACE_OVERLAP: Entry = Entry {
    formula: "|UᵀV|² / max(p, q), not centred",
    invariances: &[
        Invariance::Scaling,
        Invariance::UnitScaling,
        Invariance::Permutation,
        Invariance::Orthogonal,
        Invariance::Linear,
    ],
    cost: "n p²",
    held: |_, e| Held::of_bases(e),
    source: "May et al. 2019",
    parameters: &[word(
        "over",
        &["units", "ranks"],
        "what the overlap is divided by: the larger number of units, or of ranks",
    )],
    make: |g| {
        let units = g.word("over") == "units";
        let prepare = move |x: MatRef<'_, f64>| {
            check(x, NAME, 2)?;
            let space = column_space(x, false, NAME)?.u;
            let size = if units { x.ncols() } else { space.ncols() };
            Ok(Side::same(space, size))
        };
        let finish = |a: Of<'_, usize>, b: Of<'_, usize>, cross: &Crossed| {
            Ok(Some(cross.squared_norm_l2() / *a.kept.max(b.kept) as f64))
        };
        Ok(Cross::new(format!("space over {}", g.word("over")), prepare, finish).into())
    },
    ..Entry::similarity("eigenspace_overlap", "overlap of the left singular subspaces", SUBSPACES)
};

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::mat;

    #[test]
    fn overlap_counts_units_or_ranks() {
        let x = mat![[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]];
        let y = mat![[3.0], [3.0], [0.0]];
        assert!((value("eigenspace_overlap", &x, &y) - 0.5).abs() < 1e-15);
        assert!((value("eigenspace_overlap:ranks", &x, &y) - 1.0).abs() < 1e-15);
    }
}

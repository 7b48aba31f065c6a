//! Measures that match single units ("neurons") of two representations, so that, unlike CKA or Procrustes, a rotation
//! of the axes is a difference.
//!
//! Similarity of two units is their Pearson correlation over the examples. Units without variance have none, and are left out.

use super::null::{DRAWS, NULL, SEED, held, or_null};
use super::{MATCHING, NAME, UNITS};
use crate::error::Result;
use crate::measure::declaration::{
    Cross, Crossed, Entry, Extents, Given, Held, Host, Of, Parameter, Scale, Side, word,
};
use crate::measure::numerics::algebra::centre;
use crate::measure::numerics::assignment::maximise;
use crate::measure::numerics::check::same_examples;
use crate::measure::numerics::transport::transport_uniform;
use crate::measure::numerics::units::{Units, cross_correlation};
use faer::{ColRef, Mat, MatRef};

pub(super) const SIGN: Parameter =
    word("sign", &["signed", "absolute"], "absolute: a unit and its negative are the same");

/// Mean correlation of units matched one to one.
pub(super) const BIPARTITE_MATCH: Entry = Entry {
    formula: "max over one-to-one matchings of the mean correlation of min(p, q) pairs",
    range: [-1.0, 1.0],
    invariances: MATCHING,
    cost: "n p² + p³",
    held: |g, e| held(g, Held::of_factors(e)),
    source: "Li et al. 2016",
    parameters: &[SIGN, NULL, DRAWS, SEED],
    caution: constant_units,
    make: |g| or_null(g, one_to_one(sign(g))),
    ..Entry::similarity("bipartite_match", "mean correlation of units matched one to one", UNITS)
};

/// Mean correlation of each unit's best partner.
pub(super) const SEMI_MATCH: Entry = Entry {
    formula: "mean_i max_j C_ij; mean: of both ways",
    range: [-1.0, 1.0],
    symmetric: false,
    invariances: MATCHING,
    cost: "n p²",
    held: |g, e| held(g, Held::of_factors(e)),
    source: "Li et al. 2016",
    parameters: &[SIGN, word("way", &["first", "mean"], "of the first's units, or of both ways"), NULL, DRAWS, SEED],
    caution: constant_units,
    make: |g| or_null(g, best_partners(sign(g), g.word("way") == "mean")),
    ..Entry::similarity("semi_match", "mean correlation of each unit's best partner", UNITS)
};

/// Mean correlation of units matched by optimal transport.
pub(super) const SOFT_MATCH: Entry = Entry {
    formula: "max over couplings P with uniform marginals of Σ P C",
    range: [-1.0, 1.0],
    invariances: MATCHING,
    cost: "n p² + p³",
    held: |g, e| held(g, Held::of_factors(e)),
    source: "Khosla and Williams 2024",
    parameters: &[SIGN, NULL, DRAWS, SEED],
    caution: constant_units,
    make: |g| or_null(g, coupled(sign(g))),
    ..Entry::similarity("soft_match", "mean correlation of units matched by optimal transport", UNITS)
};

/// Soft-matching distance of units.
pub(super) const SOFT_MATCH_DISTANCE: Entry = Entry {
    formula: "sqrt(min over couplings P with uniform marginals of Σ P |x_i - y_j|²)",
    metric: true,
    invariances: MATCHING,
    scale: |g| if g.word("scale") == "centred" { Scale::Common(1.0) } else { Scale::Free },
    cost: "n p² + p³",
    held: |_, e| Held::of_factors(e),
    source: "Khosla and Williams 2024",
    parameters: &[SIGN, word("scale", &["normalised", "centred"], "units at norm one, or centred as they are")],
    caution: constant_units,
    make: |g| {
        let cross = soft_distance(sign(g), g.word("scale") == "centred");
        // In single precision units as they are would lose the smaller ones.
        Ok(if g.word("scale") == "centred" { Host::from(cross).into() } else { cross.into() })
    },
    ..Entry::distance("soft_match_distance", "soft-matching distance of units", UNITS)
};

pub(super) fn constant_units(_: &Given, e: Extents) -> Option<String> {
    (e.constant > 0).then(|| match e.constant {
        1 => "1 unit is the same for all examples, has no correlation and is left out".to_owned(),
        many => format!("{many} units are the same for all examples, have no correlation and are left out"),
    })
}

/// What a negative correlation counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Correlation r as it is: a unit and its negative are least alike.
    Signed,
    /// |r|: a unit and its negative are the same.
    Absolute,
}

pub(super) fn sign(g: &Given) -> Sign {
    if g.word("sign") == "absolute" { Sign::Absolute } else { Sign::Signed }
}

/// Units as centred columns of unit length: products are correlations.
fn units(x: MatRef<'_, f64>) -> Result<Side> {
    Ok(Side::same(Units::new(x, NAME)?.columns, ()))
}

fn inner(a: ColRef<'_, f64>, b: ColRef<'_, f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

/// How much two units have in common, in f64.
fn exact(a: &Side, b: &Side, sign: Sign, i: usize, j: usize) -> f64 {
    let r = inner(a.left.col(i), b.right().col(j));
    if sign == Sign::Absolute { r.abs() } else { r }
}

fn signed(cross: &Crossed, sign: Sign) -> Mat<f64> {
    match sign {
        Sign::Signed => cross.product.clone(),
        Sign::Absolute => Mat::from_fn(cross.nrows(), cross.ncols(), |i, j| cross[(i, j)].abs()),
    }
}

/// A function of the correlations of units.
fn of_units(finish: impl Fn(&Side, &Side, &Crossed) -> Result<Option<f64>> + Send + Sync + 'static) -> Cross {
    Cross::new("units", units, move |a: Of<'_, ()>, b: Of<'_, ()>, cross| finish(a.side, b.side, cross))
}

/// Mean correlation of units matched one to one.
fn one_to_one(sign: Sign) -> Cross {
    of_units(move |a, b, cross| {
        let pairs = maximise(signed(cross, sign).as_ref())?.pairs;
        let sum: f64 = pairs.iter().map(|&(i, j)| exact(a, b, sign, i, j)).sum();
        Ok(Some(sum / pairs.len() as f64))
    })
}

/// Mean correlation of each unit's best partner, of the first's units or of both ways.
fn best_partners(sign: Sign, mean: bool) -> Cross {
    of_units(move |a, b, cross| {
        let scores = signed(cross, sign);
        let best = |values: &mut dyn Iterator<Item = f64>| {
            values.enumerate().max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0))).map_or(0, |(i, _)| i)
        };
        let (p, q) = scores.shape();
        let first = (0..p).map(|i| exact(a, b, sign, i, best(&mut scores.row(i).iter().copied()))).sum::<f64>();
        let second = (0..q).map(|j| exact(a, b, sign, best(&mut scores.col(j).iter().copied()), j)).sum::<f64>();
        let (first, second) = (first / p as f64, second / q as f64);
        Ok(Some(if mean { 0.5 * (first + second) } else { first }))
    })
}

/// Mean correlation of units matched by optimal transport.
fn coupled(sign: Sign) -> Cross {
    of_units(move |a, b, cross| {
        let scores = signed(cross, sign);
        let costs = Mat::from_fn(scores.nrows(), scores.ncols(), |i, j| -scores[(i, j)]);
        let plan = transport_uniform(costs.as_ref())?.entries;
        Ok(Some(plan.iter().map(|&(i, j, mass)| mass * exact(a, b, sign, i, j)).sum()))
    })
}

/// Soft-matching distance √(min Σ P·‖xᵢ − yⱼ‖²) over transport plans P with uniform marginals: a 2-Wasserstein distance between sets
/// of units, at norm one, or `centred` as they are and divided by √examples, so that it has the unit of the activations. Costs are
/// sums of squared differences where there is mass, so that small distances are accurate.
fn soft_distance(sign: Sign, centred: bool) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let units = Units::new(x, NAME)?;
        let norms: Vec<f64> = match centred {
            false => vec![1.0; units.kept.len()],
            true => {
                let x = centre(x);
                let root = (x.nrows() as f64).sqrt();
                units.kept.iter().map(|&unit| x.col(unit).norm_l2() / root).collect()
            }
        };
        Ok(Side::same(units.columns, norms))
    };
    Cross::new(format!("units {centred}"), prepare, move |a: Of<'_, Vec<f64>>, b: Of<'_, Vec<f64>>, cross| {
        let scores = signed(cross, sign);
        let norms = |i: usize, j: usize| (a.size * a.kept[i], b.size * b.kept[j]);
        let costs = Mat::from_fn(scores.nrows(), scores.ncols(), |i, j| {
            let (s, t) = norms(i, j);
            (s - t).powi(2) + s * t * (2.0 - 2.0 * scores[(i, j)])
        });
        let apart = |i: usize, j: usize| {
            let ((s, t), x, y) = (norms(i, j), a.side.left.col(i), b.side.right().col(j));
            let turn = if sign == Sign::Absolute && inner(x, y) < 0.0 { -t } else { t };
            x.iter().zip(y.iter()).map(|(x, y)| (s * x - turn * y).powi(2)).sum::<f64>()
        };
        let plan = transport_uniform(costs.as_ref())?.entries;
        Ok(Some(plan.iter().map(|&(i, j, mass)| mass * apart(i, j)).sum::<f64>().sqrt()))
    })
}

/// How units are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// One to one: min(p, q) pairs with mass 1/min(p, q) each.
    OneToOne,
    /// By optimal transport: masses of a unit of the first sum to 1/p, of the second to 1/q.
    Soft,
}

/// The units of `x` and `y` (examples × units) that go together, so that their mean correlation is largest: (unit of the first, unit
/// of the second, mass), by indices in the representations. Masses sum to 1. Between equally good ones the choice is fixed but has no
/// meaning.
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, or no unit of one of the two
/// varies.
pub fn matched(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    sign: Sign,
    matching: Matching,
) -> Result<Vec<(usize, usize, f64)>> {
    same_examples(x.nrows(), y.nrows())?;
    let (x, y) = (Units::new(x, "X")?, Units::new(y, "Y")?);
    let scores = signed(&Crossed { product: cross_correlation(&x, &y), single: false }, sign);
    let entries = match matching {
        Matching::Soft => {
            let costs = Mat::from_fn(scores.nrows(), scores.ncols(), |i, j| -scores[(i, j)]);
            transport_uniform(costs.as_ref())?.entries
        }
        Matching::OneToOne => {
            let pairs = maximise(scores.as_ref())?.pairs;
            let mass = 1.0 / pairs.len() as f64;
            pairs.into_iter().map(|(i, j)| (i, j, mass)).collect()
        }
    };
    Ok(entries.into_iter().map(|(i, j, mass)| (x.kept[i], y.kept[j], mass)).collect())
}

#[cfg(test)]
mod tests;

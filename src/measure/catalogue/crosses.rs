//! Measures as functions of cross-products: what each side becomes, and what is made of the product.
//!
//! On the CPU the product is in double precision, on a device in single. Where a measure picks something by it (a matching, a
//! coupling), what was picked is computed anew in f64; where it would have to tell apart values that single precision does not,
//! nothing is returned and the CPU does the pair.

use faer::{ColRef, Mat, MatRef};

use super::device::{Cross, Crossed, NuclearValue, Of, Side};
use crate::error::Result;
use crate::measure::assignment::maximise;
use crate::measure::neurons::information::{BiasCorrection, BinnedUnits, Binning};
use crate::measure::neurons::matching::{Sign, bipartite_match as bipartite_match_of, semi_match as semi_match_of};
use crate::measure::neurons::transport::transport_uniform;
use crate::measure::neurons::units::Units;
use crate::measure::pairwise::bures::{Factor, Wanted, factor, of_product};
use crate::measure::pairwise::rdm::{Dissimilarity, rdm};
use crate::measure::subspace::based::{Based, Basis};
use crate::measure::subspace::canonical::CanonicalCorrelations;
use crate::measure::subspace::folds::contiguous_folds;
use crate::measure::subspace::gulp::Smoother;
use crate::measure::subspace::prepare::{
    ThinSvd, Unit, basis, centre, check, column_means, column_space, scale_columns, singular_values, subtract, unit,
};
use crate::measure::subspace::regression::R2Sums;
use crate::measure::subspace::ridge::{LooReport, RidgeScore, held_out_operator, leave_one_out_operators, score};
use crate::measure::subspace::shape::Procrustes;
use crate::measure::subspace::shape_metric::{check_alpha, netrep_factor, whitening};
use crate::measure::subspace::svcca::{Keep, cut};
use crate::measure::subspace::{permutation, pwcca, svcca};

const NAME: &str = "the representation";

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
pub(super) fn bipartite_match(sign: Sign) -> Cross {
    of_units(move |a, b, cross| {
        let pairs = maximise(signed(cross, sign).as_ref())?.pairs;
        let sum: f64 = pairs.iter().map(|&(i, j)| exact(a, b, sign, i, j)).sum();
        Ok(Some(sum / pairs.len() as f64))
    })
}

/// Mean correlation of each unit's best partner, of the first's units or of both ways.
pub(super) fn semi_match(sign: Sign, mean: bool) -> Cross {
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
pub(super) fn soft_match(sign: Sign) -> Cross {
    of_units(move |a, b, cross| {
        let scores = signed(cross, sign);
        let costs = Mat::from_fn(scores.nrows(), scores.ncols(), |i, j| -scores[(i, j)]);
        let plan = transport_uniform(costs.as_ref())?.entries;
        Ok(Some(plan.iter().map(|&(i, j, mass)| mass * exact(a, b, sign, i, j)).sum()))
    })
}

/// Soft-matching distance of units at norm one.
pub(super) fn soft_match_distance(sign: Sign) -> Cross {
    of_units(move |a, b, cross| {
        let scores = signed(cross, sign);
        let costs = Mat::from_fn(scores.nrows(), scores.ncols(), |i, j| 2.0 - 2.0 * scores[(i, j)]);
        let apart = |i: usize, j: usize| {
            let (x, y) = (a.left.col(i), b.right().col(j));
            let turn = if sign == Sign::Absolute && inner(x, y) < 0.0 { -1.0 } else { 1.0 };
            x.iter().zip(y.iter()).map(|(x, y)| (x - turn * y).powi(2)).sum::<f64>()
        };
        let plan = transport_uniform(costs.as_ref())?.entries;
        Ok(Some(plan.iter().map(|&(i, j, mass)| mass * apart(i, j)).sum::<f64>().sqrt()))
    })
}

/// Mean mutual information of matched units: products of bins are counts, which are exact.
pub(super) fn information_match(binning: Binning, correction: BiasCorrection, semi: bool) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let units = BinnedUnits::new(x, binning)?;
        Ok(Side::same(units.one_hot(), units))
    };
    let key = format!("bins {binning:?}");
    Cross::new(key, prepare, move |a: Of<'_, BinnedUnits>, b: Of<'_, BinnedUnits>, cross| {
        let scores = a.kept.scores(b.kept, cross, correction);
        Ok(Some(if semi { semi_match_of(&scores)?.x_to_y } else { bipartite_match_of(&scores)?.mean }))
    })
}

/// Procrustes distance by matching units: the matching from the product, the distance in f64.
pub(super) fn permutation_procrustes(angular: bool) -> Cross {
    let prepare = |x: MatRef<'_, f64>| {
        check(x, NAME)?;
        let centred = centre(x);
        Ok(Side::same(unit(centred.clone(), NAME)?.matrix, centred))
    };
    Cross::new("unit norm", prepare, move |a: Of<'_, Mat<f64>>, b: Of<'_, Mat<f64>>, cross| {
        let matches = maximise(cross.as_ref())?.pairs;
        let p = permutation::compare(a.kept.clone(), b.kept.clone(), matches, "")?;
        Ok(Some(if angular { p.angular } else { p.euclidean }))
    })
}

/// An orthonormal factorisation of the centred representation at unit norm.
fn factors(x: MatRef<'_, f64>) -> Result<ThinSvd> {
    check(x, NAME)?;
    basis(unit(centre(x), NAME)?.matrix.as_ref(), None)
}

/// The same of what the units span, whatever their sizes.
fn spanned(x: MatRef<'_, f64>, centred: bool) -> Result<ThinSvd> {
    check(x, NAME)?;
    column_space(x, centred, None, NAME)
}

/// Above this similarity the distance is the residual's: `2 - 2 s` would keep few digits.
const CLOSE: f64 = 0.99;

/// What singular values, found on the host, make of a measure.
pub(super) fn singular(basis: Basis, value: NuclearValue) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let based = Based::of(x, basis)?;
        Ok(Side::same(based.matrix.clone(), based))
    };
    Cross::new(format!("{basis:?}"), prepare, move |a: Of<'_, Based>, b: Of<'_, Based>, cross| {
        let values = singular_values(cross.as_ref())?;
        let nuclear: f64 = values.iter().rev().sum();
        let least = a.kept.matrix.ncols().min(b.kept.matrix.ncols()) as f64;
        Ok(match value {
            NuclearValue::Mean => Some(nuclear / least),
            NuclearValue::MeanSquared => Some(values.iter().map(|s| s * s).sum::<f64>() / least),
            NuclearValue::Distance(_) if nuclear >= CLOSE => None,
            NuclearValue::Distance(form) => {
                Some(form(&Procrustes::from_unit((2.0 - 2.0 * nuclear).sqrt(), a.kept.norm, b.kept.norm)))
            }
        })
    })
}

/// What is known of a column space: its rank, the units, and the dimension of the space of examples.
struct Space {
    rank: usize,
    units: usize,
    dimension: usize,
}

fn space(x: MatRef<'_, f64>, svd: ThinSvd, centred: bool) -> Side {
    let dimension = x.nrows() - usize::from(centred);
    Side::same(svd.u, Space { rank: svd.s.len(), units: x.ncols(), dimension })
}

/// A summary of canonical correlations.
pub(super) fn correlations(
    centred: bool,
    keep: Option<Keep>,
    summary: impl Fn(&CanonicalCorrelations) -> Result<f64> + Send + Sync + 'static,
) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let svd = match keep {
            Some(keep) => cut(&factors(x)?, keep, NAME)?.0,
            None => spanned(x, centred)?,
        };
        Ok(space(x, svd, centred))
    };
    Cross::new(format!("basis {centred} {keep:?}"), prepare, move |a: Of<'_, Space>, b: Of<'_, Space>, cross| {
        let ranks = (a.kept.rank, b.kept.rank);
        let all = CanonicalCorrelations::new(singular_values(cross.as_ref())?, ranks, a.kept.dimension);
        summary(&all).map(Some)
    })
}

/// SVCCA of whitened data, as the package repsim has it: the sum of the squared correlations over the smaller rank of the
/// data.
pub(super) fn repsim_svcca(variance: f64) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let whitened = svcca::whitened(x)?;
        let rank = whitened.ncols();
        let kept = cut(&factors(whitened.as_ref())?, Keep::Variance(variance), NAME)?.0;
        Ok(Side::same(kept.u, rank))
    };
    Cross::new(format!("whitened components {variance}"), prepare, |a: Of<'_, usize>, b: Of<'_, usize>, cross| {
        Ok(Some(cross.squared_norm_l2() / *a.kept.min(b.kept) as f64))
    })
}

/// Overlap of the left singular subspaces, over units or ranks.
pub(super) fn eigenspace_overlap(units: bool) -> Cross {
    let prepare = |x: MatRef<'_, f64>| Ok(space(x, spanned(x, false)?, false));
    Cross::new("space", prepare, move |a: Of<'_, Space>, b: Of<'_, Space>, cross| {
        let most = if units { a.kept.units.max(b.kept.units) } else { a.kept.rank.max(b.kept.rank) };
        Ok(Some(cross.squared_norm_l2() / most as f64))
    })
}

/// Correlations closer than this are not told apart in single precision, and with them their weights.
const TIED: f64 = 3e-5;

/// Projection-weighted canonical correlations, weighted by the first or by both.
pub(super) fn projection_weighted(mean: bool) -> Cross {
    let prepare = |x: MatRef<'_, f64>| {
        let svd = spanned(x, true)?;
        Ok(Side::same(svd.u.clone(), svd))
    };
    Cross::new("factors", prepare, move |a: Of<'_, ThinSvd>, b: Of<'_, ThinSvd>, cross| {
        let p = pwcca::of_factors(a.kept, b.kept, cross.as_ref())?;
        if !cross.single {
            let p = p.require_determined()?;
            return Ok(Some(if mean { p.mean } else { p.x_weighted }));
        }
        let correlations = &p.canonical.correlations;
        let tied = correlations.windows(2).any(|w| w[0] - w[1] < TIED);
        let range = correlations.first().zip(correlations.last()).map_or(0.0, |(most, least)| most - least);
        Ok((!tied || range < pwcca::ALIKE).then_some(if mean { p.mean } else { p.x_weighted }))
    })
}

/// Below this part of what is subtracted from each other, too few digits are left.
const CANCELS: f64 = 0.02;

/// GULP, the metric or its square.
pub(super) fn gulp(lambda: f64, squared: bool) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check(x, NAME)?;
        let smoother = Smoother::new(x, lambda, NAME)?;
        let roots: Vec<f64> = smoother.shrink.iter().map(|f| f.sqrt()).collect();
        Ok(Side::same(scale_columns(smoother.basis.as_ref(), &roots), smoother))
    };
    let value = move |apart: f64| if squared { apart } else { apart.sqrt() };
    Cross::new(format!("smoother {lambda}"), prepare, move |a: Of<'_, Smoother>, b: Of<'_, Smoother>, cross| {
        let all = a.kept.squares() + b.kept.squares();
        let apart = all - 2.0 * cross.squared_norm_l2();
        Ok((apart > CANCELS * all).then_some(value(apart)))
    })
    .closing(move |_: Of<'_, Smoother>, _: Of<'_, Smoother>, remainder| value(remainder.products))
    .exactly(move |a: Of<'_, Smoother>, b: Of<'_, Smoother>, _| value(a.kept.apart(b.kept)))
}

/// What the package's variance factor needs.
struct Whitened {
    s: Vec<f64>,
    norm: f64,
    units: usize,
}

/// The size-and-shape distance after partial whitening, with the variance factor of the package netrep.
pub(super) fn netrep_euclidean(alpha: f64) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check_alpha(alpha)?;
        check(x, NAME)?;
        let Unit { matrix, norm } = unit(centre(x), NAME)?;
        let svd = basis(matrix.as_ref(), None)?;
        let s: Vec<f64> = svd.s.iter().map(|v| v * norm).collect();
        let weights: Vec<f64> = s.iter().map(|&v| v * whitening(v * v, alpha)).collect();
        let shaped = unit(scale_columns(svd.u.as_ref(), &weights), NAME)?;
        Ok(Side::same(shaped.matrix, Whitened { s, norm: shaped.norm, units: x.ncols() }))
    };
    let sized = move |a: &Whitened, b: &Whitened, squared: f64| {
        let width = a.units.max(b.units);
        let size = |w: &Whitened| w.norm * netrep_factor(&w.s, width, alpha);
        Procrustes::from_unit(squared.sqrt(), size(a), size(b)).euclidean
    };
    Cross::new(format!("whitened {alpha}"), prepare, move |a: Of<'_, Whitened>, b: Of<'_, Whitened>, cross| {
        let similarity: f64 = singular_values(cross.as_ref())?.iter().rev().sum();
        Ok((1.0 - similarity >= CANCELS).then(|| sized(a.kept, b.kept, 2.0 - 2.0 * similarity)))
    })
    .closing(move |a: Of<'_, Whitened>, b: Of<'_, Whitened>, remainder| sized(a.kept, b.kept, remainder.distance))
}

/// The Bures similarity or metric of two RDMs, from factors of their Gram matrices.
pub(super) fn bures(d: Dissimilarity, wanted: Wanted, root: bool) -> Cross {
    let negative = wanted.keeps_negative();
    let prepare = move |x: MatRef<'_, f64>| {
        let f = factor(&rdm(x, d)?)?;
        Ok(if negative { Side::different(f.columns.clone(), f.both(), f) } else { Side::same(f.columns.clone(), f) })
    };
    Cross::new(format!("factors {d:?} {negative}"), prepare, move |a: Of<'_, Factor>, b: Of<'_, Factor>, cross| {
        let value = of_product(a.kept, b.kept, cross.as_ref(), wanted)?;
        Ok(value.map(|v| if root { v.max(0.0).sqrt() } else { v }))
    })
}

/// R² of the second from the first, on the examples of the fit.
pub(super) fn linear_regression(uniform: bool) -> Cross {
    let prepare = |x: MatRef<'_, f64>| {
        check(x, NAME)?;
        let Unit { matrix, .. } = unit(centre(x), NAME)?;
        let space = spanned(x, true)?.u;
        let totals: Vec<f64> = matrix.col_iter().map(|c| c.squared_norm_l2()).collect();
        Ok(Side::different(space, matrix, totals))
    };
    Cross::new("regression", prepare, move |_: Of<'_, Vec<f64>>, b: Of<'_, Vec<f64>>, cross| {
        let mut sums = R2Sums::default();
        for (j, &total) in b.kept.iter().enumerate() {
            let explained = cross.col(j).squared_norm_l2();
            sums.add((total - explained).max(0.0), total);
        }
        Ok(Some(if uniform { sums.uniform() } else { sums.variance_weighted() }))
    })
}

/// Held-out predictions by ridge regression with a fixed penalty, which are linear in what is predicted.
pub(super) fn ridge(
    alpha: f64,
    folds: usize,
    finish: impl Fn(&RidgeScore) -> Result<f64> + Send + Sync + 'static,
) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check(x, NAME)?;
        let fold_of = contiguous_folds(x.nrows(), folds)?;
        let operator = held_out_operator(x, alpha, &fold_of)?;
        // Neither a shift nor one scale for all targets changes a score, and small numbers keep their digits.
        let centred = subtract(x, &column_means(x));
        let largest = centred.norm_max();
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        let targets = Mat::from_fn(x.nrows(), x.ncols(), |i, j| centred[(i, j)] * scale);
        Ok(Side::different(operator.transpose().to_owned(), targets, fold_of))
    };
    let key = format!("ridge {alpha} {folds}");
    Cross::new(key, prepare, move |_: Of<'_, Vec<usize>>, b: Of<'_, Vec<usize>>, cross| {
        let s = score(b.side.right().as_ref(), cross.as_ref(), b.kept, vec![alpha; folds])?;
        finish(&s).map(Some)
    })
}

/// Leave-one-out errors of ridge regression over a grid of penalties: each is linear in what is predicted.
pub(super) fn ridge_loo(grid: &'static [f64], report: LooReport) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let operators = leave_one_out_operators(x, grid)?;
        let centred = subtract(x, &column_means(x));
        let largest = centred.norm_max();
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        let targets = Mat::from_fn(x.nrows(), x.ncols(), |i, j| centred[(i, j)] * scale);
        Ok(Side::different(operators, targets, scale))
    };
    Cross::new("leave one out", prepare, move |_: Of<'_, f64>, b: Of<'_, f64>, cross| {
        let (n, q) = b.side.right().shape();
        let errors = (0..grid.len()).map(|k| cross.subrows(k * n, n).squared_norm_l2() / (b.kept * b.kept));
        let total = b.side.right().squared_norm_l2() / (b.kept * b.kept);
        let errors: Vec<f64> = errors.collect();
        if !report.is_settled(&errors, total, n * q) {
            return Ok(None);
        }
        report.of(grid, &errors, total, n * q).map(Some)
    })
}

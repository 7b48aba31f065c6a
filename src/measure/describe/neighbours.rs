//! Intrinsic dimensions: which examples are nearest is found on the device, how far they are is computed in f64.

use std::sync::Arc;

use super::distances;
use super::form::OfNeighbours;
use super::intake::{Standard, in_batches, profile, room};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::compare::Named;
use crate::measure::nearest::{Near, Nearest};
use crate::measure::single::dimension::{Duplicates, Kept, levina_bickel_of, slope, two_nn_likelihood_of, two_nn_of};

/// By how much of itself the square of a distance may be off where it is to choose neighbours.
const SLACK: f64 = 1e-4;

/// For each form, for each representation, its value if the device's neighbours decide it.
pub(super) fn values(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    standard: &[Standard],
    forms: &[OfNeighbours],
) -> Result<Vec<Vec<Option<f64>>>> {
    let n = set.first().map_or(0, |x| x.values.nrows());
    let most = |form: &OfNeighbours| match form {
        OfNeighbours::TwoNn(..) | OfNeighbours::TwoNnLikelihood(_) => 2,
        OfNeighbours::LevinaBickel(k, ..) => *k,
        OfNeighbours::CorrelationDimension(k1, k2, _) => *k1.max(k2),
    };
    let k = forms.iter().map(most).filter(|&k| fits(gpu, n, k)).max();
    let Some(k) = k else { return Ok(vec![vec![None; set.len()]; forms.len()]) };
    let width = room(standard);
    let found = in_batches(
        gpu,
        standard,
        |gpu, count| Nearest::new(gpu, count, [n, width], k, Near::Distance),
        |program, part| {
            for (place, x) in part.iter().enumerate() {
                program.fill(place, &x.rounded(), x.values.ncols())?;
            }
            Ok(program.find()?.into_iter().take(part.len()).collect())
        },
    )?;
    let mut all = Vec::with_capacity(forms.len());
    for form in forms {
        if most(form) > k {
            all.push(vec![None; set.len()]);
            continue;
        }
        if let OfNeighbours::CorrelationDimension(k1, k2, duplicates) = *form {
            all.push(correlation_dimension(gpu, set, standard, &found, [k, k1, k2], duplicates)?);
            continue;
        }
        let of = |((x, known), own): ((&&Named, &Vec<usize>), &Standard)| -> Option<f64> {
            let near = |k_own: usize, duplicates| {
                let kept = kept(x, duplicates, k_own)?;
                let near = kept.near_known(known, k, k_own);
                // Where single precision hardly tells distances apart, neighbours are others.
                let sure = near.farthest().all(|d| own.slack(d * kept.scale * own.scale) < SLACK);
                sure.then_some(near)
            };
            let dimension = match *form {
                OfNeighbours::TwoNn(discard, cdf, d) => two_nn_of(near(2, d)?, discard, cdf, d),
                OfNeighbours::TwoNnLikelihood(d) => two_nn_likelihood_of(near(2, d)?, d),
                OfNeighbours::LevinaBickel(k, combine, d) => levina_bickel_of(near(k, d)?, k, combine, d),
                OfNeighbours::CorrelationDimension(..) => return None,
            };
            Some(dimension.ok()?.value)
        };
        all.push(set.iter().zip(&found).zip(standard).map(of).collect());
    }
    Ok(all)
}

/// Whether so many neighbours can be found: each pass over the examples is a loop, and some adapters end loops after so many
/// turns.
pub(super) fn fits(gpu: Option<&Arc<Gpu>>, n: usize, k: usize) -> bool {
    let turns = k as u64 * (n as u64 + 2) + 16;
    k > 0 && k < n && profile(gpu).loop_iterations.is_none_or(|most| turns < most)
}

/// The examples, if all of them are kept: where some coincide and only one is to stay, neighbours are others.
fn kept(x: &Named, duplicates: Duplicates, k: usize) -> Option<Kept> {
    Kept::of(x.values.as_ref(), duplicates, k).ok().filter(|kept| kept.removed == 0)
}

/// The examples and two radii, if all examples are kept.
type Radii = Option<(Kept, [f64; 2])>;

/// Radii from the neighbours, numbers of pairs within them from the device; rows with a pair that rounding could put on either
/// side are counted again in f64.
fn correlation_dimension(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    standard: &[Standard],
    known: &[Vec<usize>],
    [at_least, k1, k2]: [usize; 3],
    duplicates: Duplicates,
) -> Result<Vec<Option<f64>>> {
    if k1 == 0 || k1 >= k2 {
        return Ok(vec![None; set.len()]);
    }
    let parts: Vec<Radii> = set
        .iter()
        .zip(known)
        .map(|(x, known)| {
            let kept = kept(x, duplicates, k2)?;
            let radii = kept.near_known(known, at_least, k2).radii([k1, k2]);
            Some((kept, radii))
        })
        .collect();
    // Squared radii in the device's units, a little less and a little more.
    let limits: Vec<[f32; 4]> = parts
        .iter()
        .zip(standard)
        .map(|(part, x)| {
            let Some((kept, radii)) = part else { return [0.0; 4] };
            let of = |r: f64| {
                let r = r * kept.scale * x.scale;
                let slack = x.slack(r);
                [(r * r * (1.0 - slack)) as f32, (r * r * (1.0 + slack)) as f32]
            };
            let ([a, b], [c, d]) = (of(radii[0]), of(radii[1]));
            [a, b, c, d]
        })
        .collect();
    let counts = distances::counts(gpu, standard, &limits)?;
    let of = |(part, counts): (&Radii, Vec<[f32; 4]>)| -> Option<f64> {
        let (kept, radii) = part.as_ref()?;
        let mut within = [0.0f64; 2];
        for (i, row) in counts.iter().enumerate() {
            for (r, total) in within.iter_mut().enumerate() {
                // The example itself is among them.
                *total += if row[2 * r] == row[2 * r + 1] {
                    f64::from(row[2 * r]) - 1.0
                } else {
                    let near = |j: &usize| *j != i && kept.rows.squared_distance(i, *j).sqrt() < radii[r];
                    (0..kept.n).filter(near).count() as f64
                };
            }
        }
        slope([k1, k2], *radii, within.map(|c| c / 2.0)).ok()
    };
    Ok(parts.iter().zip(counts).map(of).collect())
}

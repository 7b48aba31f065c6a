//! Distances of examples to their nearest others. On a device it is found which examples are nearest; how far they are is
//! computed in f64 there too.

use std::rc::Rc;
use std::sync::Arc;

use faer::{Mat, MatRef};

use super::distances::counts;
use super::input::{Rows, check, fail, median, pair_distances};
use super::source::{Batch, Source};
use super::standard::{Standard, room};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::compare::Named;
use crate::measure::device::batches::profile;
use crate::measure::device::nearest::{Near as By, nearest};
use crate::measure::numerics::algebra::rounding;

/// By how much of itself the square of a distance may be off where it is to choose neighbours.
const SLACK: f64 = 1e-4;

/// What happens to examples that coincide exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Of equal rows only the first stays; the rest plays no part. The right choice unless a package is to be matched.
    KeepOne,
    /// Equal rows stay as neighbours of others, but points whose nearest neighbour is at distance zero are left out of
    /// the estimate (scikit-dimension's TwoNN).
    DropPoints,
    /// All rows stay (scikit-dimension's CorrInt). An error where a zero distance makes the estimate undetermined.
    KeepAll,
}

/// Distances to so many nearest neighbours.
#[derive(Debug)]
pub(super) struct Nearest {
    pub k: usize,
    pub duplicates: Duplicates,
}

/// Distances of each point to its nearest others, ascending.
pub(super) struct Near {
    lists: Vec<Vec<f64>>,
    duplicates: Duplicates,
    /// By how much of itself rounding may have moved a distance.
    pub rounding: f64,
}

impl Source for Nearest {
    type Of = Near;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<Near> {
        Ok(Kept::of(x, self.duplicates, self.k)?.near(self.k))
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Near>>> {
        let known = known(batch, self.k)?;
        let of = |(x, known): (&&Named, &Option<Vec<usize>>)| {
            let kept = Kept::all_of(x, self.duplicates, self.k)?;
            let near = kept.near_known(known.as_ref()?, self.k);
            let own = Standard::of(x.values.as_ref());
            // Where single precision hardly tells distances apart, neighbours are others.
            let farthest = near.lists.iter().filter_map(|t| t.last());
            let sure = farthest.map(|d| d * kept.scale * own.scale).all(|d| own.slack(d) < SLACK);
            sure.then_some(near)
        };
        Ok(batch.set.iter().zip(known.iter()).map(of).collect())
    }
}

/// The `k` nearest others of each example of each representation, as the device finds them.
fn known(batch: &Batch<'_>, k: usize) -> Result<Rc<Vec<Option<Vec<usize>>>>> {
    batch.once(format!("{k} neighbours"), || {
        let n = batch.examples();
        if !fits(batch.gpu, n, k) {
            return Ok(batch.none());
        }
        let xs = Standard::of_all(&batch.set);
        let width = room(&xs);
        let found = nearest(batch.gpu, xs.len(), [n, width], &|i| Ok(xs[i].padded(width)), k, By::Distance)?;
        Ok(found.into_iter().map(Some).collect())
    })
}

/// Whether so many neighbours can be found: each pass over the examples is a loop, and some adapters end loops after so many
/// turns.
pub(super) fn fits(gpu: Option<&Arc<Gpu>>, n: usize, k: usize) -> bool {
    let turns = k as u64 * (n as u64 + 2) + 16;
    k > 0 && k < n && profile(gpu).loop_iterations.is_none_or(|most| turns < most)
}

/// Two radii, the medians over points of the distances to two neighbours, and how many pairs are within them.
#[derive(Debug)]
pub(super) struct Within {
    pub neighbours: [usize; 2],
    pub duplicates: Duplicates,
}

/// Radii and pairs closer than each.
pub(super) struct Pairs {
    /// At a scale that their ratio does not see.
    pub radii: [f64; 2],
    pub within: [f64; 2],
}

impl Source for Within {
    type Of = Pairs;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<Pairs> {
        let [k1, k2] = self.neighbours;
        if k1 == 0 || k1 >= k2 {
            return fail(format!("the neighbours must obey 1 ≤ k1 < k2, but k1 is {k1} and k2 is {k2}"));
        }
        let kept = Kept::of(x, self.duplicates, k2)?;
        let radii = kept.near(k2).radii(self.neighbours);
        let distances = pair_distances(&kept.rows, kept.n);
        let within = radii.map(|r| distances.iter().filter(|d| **d < r).count() as f64);
        Ok(Pairs { radii, within })
    }

    /// Rows with a pair that rounding could put on either side of a radius are counted again in f64.
    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Pairs>>> {
        let [k1, k2] = self.neighbours;
        if k1 == 0 || k1 >= k2 {
            return Ok(batch.none());
        }
        let (known, xs) = (known(batch, k2)?, Standard::of_all(&batch.set));
        let radii = |(x, known): (&&Named, &Option<Vec<usize>>)| {
            let kept = Kept::all_of(x, self.duplicates, k2)?;
            let radii = kept.near_known(known.as_ref()?, k2).radii(self.neighbours);
            Some((kept, radii))
        };
        let parts: Vec<Radii> = batch.set.iter().zip(known.iter()).map(radii).collect();
        // Squared radii in the device's units, a little less and a little more.
        let limits = |(part, x): (&Radii, &Standard)| {
            let Some((kept, radii)) = part else { return [0.0; 4] };
            let of = |r: f64| {
                let r = r * kept.scale * x.scale;
                let slack = x.slack(r);
                [(r * r * (1.0 - slack)) as f32, (r * r * (1.0 + slack)) as f32]
            };
            let ([a, b], [c, d]) = (of(radii[0]), of(radii[1]));
            [a, b, c, d]
        };
        let limits: Vec<[f32; 4]> = parts.iter().zip(&xs).map(limits).collect();
        let counted = counts(batch.gpu, &xs, &limits)?;
        let of = |(part, counts): (Radii, Vec<[f32; 4]>)| {
            let (kept, radii) = part?;
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
            Some(Pairs { radii, within: within.map(|c| c / 2.0) })
        };
        Ok(parts.into_iter().zip(counted).map(of).collect())
    }
}

/// The examples and two radii, if all examples are kept.
type Radii = Option<(Kept, [f64; 2])>;

/// Examples that take part, scaled so that squares neither overflow nor vanish.
pub(super) struct Kept {
    pub x: Mat<f64>,
    /// The examples, divided by the scale.
    pub rows: Rows,
    /// Their number.
    pub n: usize,
    duplicates: Duplicates,
    /// A power of two.
    scale: f64,
}

impl Kept {
    /// At least `k + 1` examples of `x`.
    pub fn of(x: MatRef<'_, f64>, duplicates: Duplicates, k: usize) -> Result<Self> {
        check(x, "the representation", 1)?;
        let largest = x.norm_max();
        // A power of two: dividing by it rounds nothing, so that equal distances stay equal.
        let scale = if largest > 0.0 { largest.log2().floor().exp2() } else { 1.0 };
        let mut keep: Vec<usize> = (0..x.nrows()).collect();
        if duplicates == Duplicates::KeepOne {
            let compare = |a: &usize, b: &usize| {
                // Adding zero makes -0 and 0 the same value.
                let values = |i: usize| (0..x.ncols()).map(move |j| x[(i, j)] + 0.0);
                values(*a).zip(values(*b)).map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne())
            };
            keep.sort_unstable_by(|a, b| compare(a, b).unwrap_or_else(|| a.cmp(b)));
            keep.dedup_by(|b, a| compare(a, b).is_none());
            keep.sort_unstable();
        }
        let n = keep.len();
        if n <= k {
            return fail(format!("{k} neighbours need at least {} distinct examples, but there are {n}", k + 1));
        }
        let x = Mat::from_fn(n, x.ncols(), |i, j| x[(keep[i], j)] / scale);
        Ok(Self { rows: Rows::of(x.as_ref()), x, n, duplicates, scale })
    }

    /// The examples, if all of them are kept: where some coincide and only one is to stay, neighbours are others.
    fn all_of(x: &Named, duplicates: Duplicates, k: usize) -> Option<Self> {
        Self::of(x.values.as_ref(), duplicates, k).ok().filter(|kept| kept.n == x.values.nrows())
    }

    /// Distances of each point to its `k` nearest others.
    fn near(&self, k: usize) -> Near {
        self.listed(k, |i| (0..self.n).filter(|j| *j != i).collect())
    }

    /// The same where the neighbours are known.
    fn near_known(&self, neighbours: &[usize], k: usize) -> Near {
        self.listed(k, |i| neighbours[i * k..(i + 1) * k].to_vec())
    }

    fn listed(&self, k: usize, others: impl Fn(usize) -> Vec<usize>) -> Near {
        let of = |i: usize| {
            let mut near: Vec<f64> = others(i).into_iter().map(|j| self.rows.squared_distance(i, j)).collect();
            near.sort_unstable_by(f64::total_cmp);
            near.truncate(k);
            // What is left of a list of all others would keep room for all.
            near.shrink_to_fit();
            near.iter_mut().for_each(|d| *d = d.sqrt());
            near
        };
        let lists = (0..self.n).map(of).collect();
        Near { lists, duplicates: self.duplicates, rounding: rounding(self.x.ncols()) }
    }
}

impl Near {
    /// Distances of the points that enter an estimate, none of them zero.
    pub fn entering(&self) -> Result<Vec<&Vec<f64>>> {
        let apart = |t: &&Vec<f64>| t.first().is_some_and(|d| *d > 0.0);
        let near: Vec<&Vec<f64>> = self.lists.iter().filter(apart).collect();
        if self.duplicates == Duplicates::DropPoints && near.is_empty() {
            return fail("every example coincides with another: no point is left to estimate the dimension from");
        }
        if self.duplicates != Duplicates::DropPoints && near.len() < self.lists.len() {
            return fail(
                "two examples coincide, or are too close to tell apart: remove duplicates (duplicates=keep-one)",
            );
        }
        Ok(near)
    }

    /// Medians over points of the distances to neighbours of these ranks, counted from 1.
    fn radii(&self, ranks: [usize; 2]) -> [f64; 2] {
        ranks.map(|k| median(&self.lists.iter().map(|t| t[k - 1]).collect::<Vec<_>>()))
    }
}

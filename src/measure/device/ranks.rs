//! Rank comparisons of representational dissimilarity matrices on the device: Spearman's correlation, rho-a, and Kendall's
//! tau-a and tau-b, of all pairs of a set.
//!
//! Distances are made, sorted and ranked on the device; what is read back are exact sums of integers, which the host divides
//! in f64. A value is hence that of the f64 definition for the distances as f32 has them: rounding of the distances, which
//! may change the order of two that are nearly equal, is the only difference. Distances that are exact in f32 (squared
//! euclidean and city-block distances of whole numbers up to 2^24) give the value of the definition itself, ties included.
//!
//! Kendall's coefficients are of the inversions of one RDM's ranks in the order of the other (Knight 1966), counted twice
//! where both have ties: with the first's ties in their order, and in the reverse. The sum of the two counts says what is
//! needed of pairs that tie in both: concordant less discordant pairs are all pairs, less those tied in the second, less the
//! sum.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batches::{Rows, halving, padded, profile, program, width};
use super::tables::by_tables;
use super::{Asked, Grid, Intake, pairs, placed};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, Results, Tensor, VariableKind};
use crate::kernels::exact::product;
use crate::kernels::program::{Binary, DType, Unary};
use crate::kernels::sort::Ties;
pub use crate::measure::declaration::RankComparison;
use crate::measure::declaration::Ranks;
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::representation::Named;

mod inversions;
mod sums;

use sums::exact_sums;

/// Elements of an RDM at most: ranks are floats.
pub const MOST_ELEMENTS: usize = 1 << 23;

/// Whether the levels of a sort for each pair cost more than the host's own merge sort of the table: on a software adapter.
pub(super) fn on_host(form: &Ranks, gpu: Option<&Arc<Gpu>>) -> bool {
    profile(gpu).software && form.comparison.is_kendall()
}

/// Measures of one kind of table.
pub(super) fn by_ranks(set: &[Named], group: &[Asked<'_, Ranks>], gpu: Option<&Arc<Gpu>>) -> Result<Vec<Grid>> {
    let Asked { form, .. } = group[0];
    if on_host(form, gpu) {
        let tables =
            group.iter().map(|&Asked { number, symmetric, form }| Asked { number, symmetric, form: &form.tables });
        return by_tables(set, &tables.collect::<Vec<_>>(), gpu);
    }
    let (between, n, pairs) = (form.tables.between, set[0].values.nrows(), pairs(set.len(), true));
    let intake = Intake::of(between);
    let taken: Vec<(Vec<f32>, usize)> = set
        .iter()
        .map(|x| {
            let x = intake.apply(x.values.as_ref()).0;
            (padded(&x, x.ncols()), x.ncols())
        })
        .collect();
    let rows: Vec<Rows<'_>> = taken.iter().map(|(values, units)| Rows { values, units: *units }).collect();
    let wanted: Vec<RankComparison> = group.iter().map(|asked| asked.form.comparison).collect();
    let rest = intake.rest(Embedding::new(between, Centring::Raw)).between;
    let found = rank_comparisons(gpu, n, &rows, rest, &pairs, &wanted)?;
    Ok(found.into_iter().map(|values| placed(set.len(), &pairs, values, true)).collect())
}

/// Compares the RDMs of pairs of representations of the same `examples`, pairs given by places in `representations`: for each
/// of `wanted`, a value for each of `pairs`. The RDMs hold what `between` says; `representations` are as it needs them (units
/// of mean zero for distances that do not see offsets, so that no digits are lost; whole numbers as they are, or scaled by
/// a power of two). Without a device the processor does it.
///
/// A value is NaN where it is not defined: Spearman's and tau-b of an RDM that is constant, all four of one that is not finite
/// (of an example without direction, for angles). Rho-a and tau-a of a constant RDM are zero.
///
/// If the device has not memory for all representations at once, they are compared block by block.
///
/// # Errors
/// [`Error::Shape`] if an RDM has more than [`MOST_ELEMENTS`], or the arguments do not fit each other;
/// [`Error::OutOfMemory`] if not even two representations fit on the device; and if the device fails.
pub fn rank_comparisons(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    representations: &[Rows],
    between: Between,
    pairs: &[(usize, usize)],
    wanted: &[RankComparison],
) -> Result<Vec<Vec<f64>>> {
    in_blocks(gpu, examples, representations, between, pairs, wanted, usize::MAX)
}

/// As [`rank_comparisons`], with so many representations of each of two blocks at once, at most.
fn in_blocks(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    representations: &[Rows],
    between: Between,
    pairs: &[(usize, usize)],
    wanted: &[RankComparison],
    most: usize,
) -> Result<Vec<Vec<f64>>> {
    check(examples, representations, pairs)?;
    let mut values = vec![vec![f64::NAN; pairs.len()]; wanted.len()];
    let mut used: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    used.sort_unstable();
    used.dedup();
    if used.is_empty() || wanted.is_empty() {
        return Ok(values);
    }
    let extents = [examples, width(used.iter().map(|&x| representations[x].units))];
    let needs =
        Needs { products: wanted.iter().any(|w| !w.is_kendall()), orders: wanted.iter().any(|w| w.is_kendall()) };
    halving(used.len().min(most), |block| {
        let replicas = if block == used.len() { block } else { 2 * block };
        let mut ranker = Ranker::new(gpu, replicas, extents, between, needs)?;
        let mut left: Vec<usize> = (0..pairs.len()).collect();
        let parts: Vec<&[usize]> = used.chunks(block).collect();
        for (i, first) in parts.iter().enumerate() {
            for (j, second) in parts.iter().enumerate().skip(i) {
                // A block with itself comes along with the next.
                if i == j && i + 1 < parts.len() {
                    continue;
                }
                let members: Vec<usize> =
                    if i == j { first.to_vec() } else { first.iter().chain(*second).copied().collect() };
                let place: BTreeMap<usize, usize> = members.iter().enumerate().map(|(place, &x)| (x, place)).collect();
                let (here, others): (Vec<usize>, Vec<usize>) = std::mem::take(&mut left)
                    .into_iter()
                    .partition(|&p| place.contains_key(&pairs[p].0) && place.contains_key(&pairs[p].1));
                left = others;
                if here.is_empty() {
                    continue;
                }
                let placed: Vec<(usize, usize)> =
                    here.iter().map(|&p| (place[&pairs[p].0], place[&pairs[p].1])).collect();
                let members: Vec<Rows> = members.iter().map(|&x| representations[x]).collect();
                for (column, found) in values.iter_mut().zip(ranker.compare(gpu, &members, &placed, wanted)?) {
                    here.iter().zip(found).for_each(|(&p, value)| column[p] = value);
                }
            }
        }
        Ok(())
    })?;
    Ok(values)
}

fn check(examples: usize, representations: &[Rows], pairs: &[(usize, usize)]) -> Result<()> {
    if examples < 2 {
        return Err(Error::Shape(format!("an RDM needs at least 2 examples, and there are {examples}: pass more")));
    }
    if examples.saturating_mul(examples - 1) / 2 > MOST_ELEMENTS {
        return Err(Error::Shape(format!(
            "an RDM of {examples} examples has more than the {MOST_ELEMENTS} elements that a device can rank exactly: \
             take fewer examples, or the CPU"
        )));
    }
    match pairs.iter().find(|&&(a, b)| a.max(b) >= representations.len()) {
        Some((a, b)) => Err(Error::Shape(format!(
            "the pair ({a}, {b}) was asked for, and there are {} representations, counted from 0",
            representations.len()
        ))),
        None => Ok(()),
    }
}

/// What a comparison needs of each RDM.
#[derive(Clone, Copy, Debug)]
struct Needs {
    products: bool,
    orders: bool,
}

const INPUT: &str = "input";
const UNITS: &str = "units";
const RANKS: &str = "ranks";
const ORDER: &str = "order";
const REVERSED: &str = "reversed";
const PRODUCTS: &str = "products";
const BEYOND: &str = "beyond";
const TIED: &str = "tied";

/// The program that ranks: each replica is a representation.
struct Ranker {
    machine: Machine,
    examples: usize,
    room: usize,
    needs: Needs,
    counts_units: bool,
}

impl Ranker {
    fn new(
        gpu: Option<&Arc<Gpu>>,
        replicas: usize,
        [examples, room]: [usize; 2],
        between: Between,
        needs: Needs,
    ) -> Result<Self> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[examples, room], DType::F32, VariableKind::Transient)?;
        // Where the mean over units matters, padding must not count.
        let counts_units = between == Between::Correlation;
        let units =
            if counts_units { Some(g.variable(UNITS, &[1, 1], DType::F32, VariableKind::Transient)?) } else { None };
        // The root keeps the order and could make distances equal.
        let between = if between == Between::Euclidean { Between::SquaredEuclidean } else { between };
        let table = Embedding::new(between, Centring::Raw).whole_table(&mut g, x, units)?;
        let mut effects = vec![Effect::Output(BEYOND.into(), beyond(&mut g, table)?)];
        let triangle: Vec<u32> =
            (0..examples).flat_map(|i| (i + 1..examples).map(move |j| (i * examples + j) as u32)).collect();
        let elements = triangle.len();
        let triangle = g.data_integers(&triangle, &[elements, 1])?;
        let flat = g.reshape(table, &[examples * examples, 1])?;
        let keys = g.gather(flat, triangle)?;
        // What is not finite is reported, and must not spoil the order.
        let (finite, zero) = (g.unary(Unary::IsFinite, keys), g.constant(0.0));
        let keys = g.select(finite, keys, zero)?;
        let sorted = g.sort(keys)?;
        let ranks = g.ranks(sorted, Ties::Average);
        if needs.products {
            let twice = g.scale(ranks, 2.0);
            let centred = g.shift(twice, -(elements as f32 + 1.0));
            effects.push(Effect::Output(PRODUCTS.into(), g.pair_dot_exact(centred)?));
        }
        if needs.orders {
            let order = g.sorted_order(sorted);
            // Equal keys from place f to place l: what stands at p goes to f + l - p, and their rank is (f + l) / 2 + 1.
            let own = g.gather(ranks, order)?;
            let place = g.row_index(&[elements, 1]);
            let twice = g.scale(own, 2.0);
            let twice = g.shift(twice, -2.0);
            let turned = g.minus(twice, place)?;
            let turned = g.unary(Unary::ToInteger, turned);
            let reversed = g.gather(order, turned)?;
            for (name, value) in [(ORDER, order), (REVERSED, reversed)] {
                let variable = g.variable(name, &[elements, 1], DType::U32, VariableKind::Transient)?;
                effects.push(Effect::Assign(g.variable_of(variable)?, value));
            }
            let variable = g.variable(RANKS, &[elements, 1], DType::F32, VariableKind::Transient)?;
            effects.push(Effect::Assign(g.variable_of(variable)?, ranks));
            // Of t equal elements each has a lowest rank (t - 1) / 2 below their mean rank.
            let lowest = g.ranks(sorted, Ties::Lowest);
            let above = g.minus(ranks, lowest)?;
            let others = g.scale(above, 2.0);
            exact_sums(&mut g, TIED, others, &mut effects)?;
        }
        let machine = program(gpu, &g, &[Function::new("rank", effects)], replicas)?;
        Ok(Self { machine, examples, room, needs, counts_units })
    }

    /// Ranks the members, and compares pairs of them.
    fn compare(
        &mut self,
        gpu: Option<&Arc<Gpu>>,
        members: &[Rows],
        pairs: &[(usize, usize)],
        wanted: &[RankComparison],
    ) -> Result<Vec<Vec<f64>>> {
        for (replica, rows) in members.iter().enumerate() {
            self.machine.write_replica(INPUT, replica, &rows.padded(self.examples, self.room)?)?;
            if self.counts_units {
                self.machine.write_replica(UNITS, replica, &[rows.units as f32])?;
            }
        }
        self.machine.run("rank", 1)?;
        let results = self.machine.read_results()?;
        let finite: Vec<bool> = self.machine.output(&results, BEYOND)?.iter().map(|&b| b == 0.0).collect();
        // What is not finite has no order, and its places are not to be read.
        let defined: Vec<usize> = (0..pairs.len()).filter(|&p| finite[pairs[p].0] && finite[pairs[p].1]).collect();
        let sound: Vec<(usize, usize)> = defined.iter().map(|&p| pairs[p]).collect();
        let products = if self.needs.products { self.products(&results, &sound)? } else { Vec::new() };
        let counts = if self.needs.orders { inversions::counts(gpu, self, &results, &sound)? } else { Vec::new() };
        let n = self.elements() as i128;
        let mut values = vec![vec![f64::NAN; pairs.len()]; wanted.len()];
        for (&comparison, values) in wanted.iter().zip(&mut values) {
            for (i, &p) in defined.iter().enumerate() {
                values[p] = match comparison {
                    RankComparison::Spearman => {
                        let [ab, aa, bb] = products[i];
                        let scale = (aa as f64 * bb as f64).sqrt();
                        if scale > 0.0 { ab as f64 / scale } else { f64::NAN }
                    }
                    // A single element has one rank: it is constant.
                    RankComparison::RhoA if n == 1 => f64::NAN,
                    RankComparison::RhoA => (3 * products[i][0]) as f64 / (n * n * n - n) as f64,
                    RankComparison::TauA => counts[i].tau_a().unwrap_or(f64::NAN),
                    RankComparison::TauB => counts[i].tau_b().unwrap_or(f64::NAN),
                };
            }
        }
        Ok(values)
    }

    fn elements(&self) -> usize {
        self.examples * (self.examples - 1) / 2
    }

    /// Inner products of doubled, centred ranks: of each pair, and of its members with themselves.
    fn products(&self, results: &Results, pairs: &[(usize, usize)]) -> Result<Vec<[i128; 3]>> {
        let (words, replicas) = (self.machine.output(results, PRODUCTS)?, self.machine.replicas());
        let each = words.len() / (replicas * replicas);
        let of = |a: usize, b: usize| {
            let at = (a.min(b) * replicas + a.max(b)) * each;
            product(words[at..at + each].iter().map(|w| w.to_bits()))
        };
        Ok(pairs.iter().map(|&(a, b)| [of(a, b), of(a, a), of(b, b)]).collect())
    }
}

/// Whether anything is not finite: zero if not.
fn beyond(g: &mut Graph, table: Tensor) -> Result<Tensor> {
    let finite = g.unary(Unary::IsFinite, table);
    let zero = g.constant(0.0);
    let not = g.binary(Binary::Equal, finite, zero)?;
    g.sum_all(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_change_nothing() {
        let (examples, units, count) = (7, 3, 5);
        let values: Vec<Vec<f32>> = (0..count)
            .map(|r| (0..examples * units).map(|i| ((i * 37 + r * 11 + i * i * (r + 1)) % 9) as f32).collect())
            .collect();
        let rows: Vec<Rows> = values.iter().map(|values| Rows { values, units }).collect();
        let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (0..count).map(move |b| (a, b))).collect();
        let wanted = [RankComparison::Spearman, RankComparison::RhoA, RankComparison::TauA, RankComparison::TauB];
        let by = |most| in_blocks(None, examples, &rows, Between::SquaredEuclidean, &pairs, &wanted, most).unwrap();
        let whole = by(usize::MAX);
        assert!(whole.iter().flatten().all(|v| v.is_finite()));
        for most in 1..count {
            assert_eq!(by(most), whole, "{most} at once");
        }
    }
}

//! Mutual information between single units of two representations, which finds dependence that correlation misses.
//!
//! The estimator is the plug-in (histogram) one that the authors of *Convergent Learning* (Li, Yosinski, Clune, Lipson
//! and Hopcroft 2016) use: both units are put in a few bins, and the information between the bins is
//! computed. Values are in nats. For independent units the estimate is above 0 by about (bins of x − 1)(bins of y − 1) /
//! (2 · examples); the correction of Miller and Madow takes most of that away and can make the estimate negative.

use super::matching::constant_units;
use super::null::{DRAWS, NULL, SEED, held, or_null};
use super::{MATCHING, NAME, UNITS};
use crate::error::Result;
use crate::measure::declaration::{Cross, Crossed, Device, Entry, Held, Host, Made, Of, Side, count, word};
use crate::measure::numerics::assignment::maximise;
use crate::measure::numerics::check::{refuse, same_examples};
use crate::measure::numerics::units::Units;
use faer::{Mat, MatRef};

/// Mean mutual information of matched units.
pub(super) const INFORMATION_MATCH: Entry = Entry {
    formula: "histogram estimate in nats of I(x_i; y_j), matched one to one or by each unit's best",
    range: [0.0, f64::INFINITY],
    symmetric: false,
    invariances: MATCHING,
    cost: "n p² + p³",
    held: |g, e| held(g, Held::of_units(e)),
    source: "Li et al. 2016",
    parameters: &[
        word("matching", &["bipartite", "semi"], "one to one, or the best partner of each unit of the first"),
        count("bins", 10, 2, "bins of each unit"),
        word("binning", &["quantile", "equal-width"], "equally filled, or equally wide"),
        word("bias", &["plug-in", "miller-madow"], "whether the bias of few examples is taken off"),
        NULL,
        DRAWS,
        SEED,
    ],
    caution: constant_units,
    make: |g| {
        let bins = g.count("bins");
        let binning =
            if g.word("binning") == "equal-width" { Binning::EqualWidth(bins) } else { Binning::Quantile(bins) };
        let corrected = g.word("bias") == "miller-madow";
        let semi = g.word("matching") == "semi";
        let host = Host::new(
            move |x| BinnedUnits::new(x, binning),
            move |a: &BinnedUnits, b: &BinnedUnits| mean_of_matched(&a.scores(b, corrected), semi),
        );
        let prepare = move |x: MatRef<'_, f64>| {
            let units = BinnedUnits::new(x, binning)?;
            Ok(Side::same(units.one_hot(), units))
        };
        // Products of bins are counts, which are exact.
        let finish = move |a: Of<'_, BinnedUnits>, b: Of<'_, BinnedUnits>, cross: &Crossed| {
            mean_of_matched(&a.kept.scores_of_counts(b.kept, cross, corrected), semi).map(Some)
        };
        let device = Some(Device::Cross(Cross::new(format!("bins {binning:?}"), prepare, finish)));
        or_null(g, Made { host, device })
    },
    ..Entry::similarity("information_match", "mean mutual information of matched units", UNITS)
};

/// How the values of a unit are put in bins.
#[derive(Debug, Clone, Copy)]
enum Binning {
    /// Bins of equal numbers of examples, after a bin of its own for the unit's least value if several examples share
    /// it (the zeros after a ReLU). Equal values share a bin. Nothing changes under increasing functions of a unit.
    /// The authors' choice is 10 bins; they always keep one for zeros, so for units without zeros their 10 are 9 here.
    Quantile(usize),
    /// Bins of equal width between the least and the largest value: what `histogram2d` does.
    EqualWidth(usize),
}

/// The most bins; far fewer are sensible.
const MAX_BINS: usize = 1024;

/// The units of a representation in bins, constant ones left out.
struct BinnedUnits {
    units: Vec<Binned>,
}

impl BinnedUnits {
    /// Bins the units of `x` (examples × units).
    ///
    /// # Errors
    /// With fewer than two examples, a value that is not finite, no unit that varies, or unless there are between 2 and
    /// [`MAX_BINS`] bins.
    fn new(x: MatRef<'_, f64>, binning: Binning) -> Result<Self> {
        let (Binning::Quantile(bins) | Binning::EqualWidth(bins)) = binning;
        if !(2..=MAX_BINS).contains(&bins) {
            return refuse(format!(
                "expected between 2 and {MAX_BINS} bins for mutual information, got {bins}; 10 is usual"
            ));
        }
        let kept = Units::new(x, NAME)?.kept;
        let units = kept.iter().map(|&unit| Binned::new(x.col(unit).iter().copied().collect(), binning)).collect();
        Ok(Self { units })
    }

    /// A column for each bin of each unit, 1 where an example is in it (examples × bins): products of two count the examples
    /// in every pair of bins.
    fn one_hot(&self) -> Mat<f64> {
        let bins: usize = self.units.iter().map(|u| u.counts.len()).sum();
        let mut out = Mat::zeros(self.units.first().map_or(0, |u| u.bin.len()), bins);
        let mut start = 0;
        for unit in &self.units {
            for (example, &bin) in unit.bin.iter().enumerate() {
                out[(example, start + usize::from(bin))] = 1.0;
            }
            start += unit.counts.len();
        }
        out
    }

    /// The information between all units of two.
    fn scores(&self, other: &Self, corrected: bool) -> Mat<f64> {
        let widest = |of: &Self| of.units.iter().map(|u| u.counts.len()).max().unwrap_or(0);
        let mut cells = vec![0_u32; widest(self) * widest(other)];
        let mut scores = Mat::zeros(self.units.len(), other.units.len());
        for (i, a) in self.units.iter().enumerate() {
            for (j, b) in other.units.iter().enumerate() {
                scores[(i, j)] = information(a, b, corrected, &mut cells);
            }
        }
        scores
    }

    /// The same from the counts of all pairs of bins (bins × bins of the other).
    fn scores_of_counts(&self, other: &Self, counts: &Mat<f64>, corrected: bool) -> Mat<f64> {
        let starts = |all: &[Binned]| -> Vec<usize> {
            all.iter().scan(0, |next, u| Some(std::mem::replace(next, *next + u.counts.len()))).collect()
        };
        let (rows, columns) = (starts(&self.units), starts(&other.units));
        Mat::from_fn(self.units.len(), other.units.len(), |i, j| {
            let (a, b) = (&self.units[i], &other.units[j]);
            let cell = |r: usize, c: usize| counts[(rows[i] + r, columns[j] + c)].round() as u32;
            let cells: Vec<u32> =
                (0..a.counts.len() * b.counts.len()).map(|k| cell(k / b.counts.len(), k % b.counts.len())).collect();
            of_cells(a, b, corrected, &cells)
        })
    }
}

/// The units of `x` and `y` (examples × units) that go together one to one so that their mean mutual information is largest, by 10
/// quantile bins: (unit of the first, unit of the second, information in nats), by indices in the representations.
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, or no unit of one of the two varies.
pub fn matched_by_information(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Vec<(usize, usize, f64)>> {
    same_examples(x.nrows(), y.nrows())?;
    let kept = [Units::new(x, "X")?.kept, Units::new(y, "Y")?.kept];
    let [a, b] = [BinnedUnits::new(x, Binning::Quantile(10))?, BinnedUnits::new(y, Binning::Quantile(10))?];
    let scores = a.scores(&b, false);
    let pairs = maximise(scores.as_ref())?.pairs;
    Ok(pairs.into_iter().map(|(i, j)| (kept[0][i], kept[1][j], scores[(i, j)])).collect())
}

/// The mean over a one-to-one matching, or over the best partners of the first's units.
fn mean_of_matched(scores: &Mat<f64>, semi: bool) -> Result<f64> {
    if semi {
        let best = |i: usize| scores.row(i).iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return Ok((0..scores.nrows()).map(best).sum::<f64>() / scores.nrows() as f64);
    }
    let pairs = maximise(scores.as_ref())?.pairs;
    Ok(pairs.iter().map(|&(i, j)| scores[(i, j)]).sum::<f64>() / pairs.len() as f64)
}

/// A unit in bins: the bin of every example and the number of examples in every bin.
struct Binned {
    bin: Vec<u16>,
    counts: Vec<u32>,
}

impl Binned {
    fn new(values: Vec<f64>, binning: Binning) -> Self {
        let bin = match binning {
            Binning::Quantile(bins) => quantile_bins(&values, bins),
            Binning::EqualWidth(bins) => width_bins(&values, bins),
        };
        let used = bin.iter().max().map_or(0, |&b| usize::from(b) + 1);
        let mut counts = vec![0; used];
        bin.iter().for_each(|&b| counts[usize::from(b)] += 1);
        Self { bin, counts }
    }
}

fn quantile_bins(values: &[f64], bins: usize) -> Vec<u16> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut bin = vec![0; values.len()];
    // Examples at the floor, if more than one, and the number of bins left for the others.
    let at_least = order.first().map_or(0.0, |&e| values[e]);
    let floor = order.iter().take_while(|&&e| values[e] == at_least).count();
    let (floor, first) = if floor > 1 { (floor, 1) } else { (0, 0) };
    let (above, bins) = (order.len() - floor, bins - first);
    let mut start = 0;
    for (place, &e) in order[floor..].iter().enumerate() {
        // A group of equal values goes where its first member goes. Note that 0.0 and −0.0 are equal.
        if place > 0 && values[e] != values[order[floor + place - 1]] {
            start = place;
        }
        bin[e] = (first + (start as u128 * bins as u128 / above as u128) as usize) as u16;
    }
    bin
}

fn width_bins(values: &[f64], bins: usize) -> Vec<u16> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves keep the width from overflowing.
    let width = high / 2.0 - low / 2.0;
    let place = |v: f64| ((v / 2.0 - low / 2.0) / width * bins as f64).floor();
    values.iter().map(|&v| if width > 0.0 { place(v).min((bins - 1) as f64) as u16 } else { 0 }).collect()
}

/// Plug-in information of two binned units, or with the bias taken off by the correction of Miller and Madow 1955 for each of the
/// three entropies; `cells` is work space of at least bins × bins.
fn information(a: &Binned, b: &Binned, corrected: bool, cells: &mut [u32]) -> f64 {
    let columns = b.counts.len();
    let cells = &mut cells[..a.counts.len() * columns];
    cells.fill(0);
    for (&i, &j) in a.bin.iter().zip(&b.bin) {
        cells[usize::from(i) * columns + usize::from(j)] += 1;
    }
    of_cells(a, b, corrected, cells)
}

/// The same from the number of examples in each pair of bins.
fn of_cells(a: &Binned, b: &Binned, corrected: bool, cells: &[u32]) -> f64 {
    let columns = b.counts.len();
    let n = a.bin.len() as f64;
    let (mut sum, mut occupied) = (0.0, 0_usize);
    for (row, &in_a) in cells.chunks_exact(columns).zip(&a.counts) {
        for (&both, &in_b) in row.iter().zip(&b.counts).filter(|(both, _)| **both > 0) {
            let both = f64::from(both);
            // Counts are whole, so the logarithm of independent cells is exactly that of 1.
            sum += both * (both * n / (f64::from(in_a) * f64::from(in_b))).ln();
            occupied += 1;
        }
    }
    let bins = |c: &[u32]| c.iter().filter(|&&k| k > 0).count() as f64;
    let bias = (bins(&a.counts) + bins(&b.counts) - occupied as f64 - 1.0) / (2.0 * n);
    sum / n + if corrected { bias } else { 0.0 }
}

#[cfg(test)]
mod tests;

//! Mutual information between single units of two representations, which finds dependence that correlation misses.
//!
//! The estimator is the plug-in (histogram) one that the authors of *Convergent Learning* (Li, Yosinski, Clune, Lipson
//! and Hopcroft 2016) use: both units are put in a few bins, and the information between the bins is
//! computed. Values are in nats. For independent units the estimate is above 0 by about (bins of x − 1)(bins of y − 1) /
//! (2 · examples); the correction of Miller and Madow takes most of that away and can make the estimate negative.

use faer::{Mat, MatRef};

use super::matching::{
    BipartiteMatch, SemiMatch, Sign, UnitScores, bipartite_match, both_units, correlation, semi_match,
};
use super::units::Units;
use crate::error::{Error, Result};

/// How the values of a unit are put in bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binning {
    /// Bins of equal numbers of examples, after a bin of its own for the unit's least value if several examples share
    /// it (the zeros after a ReLU). Equal values share a bin. Nothing changes under increasing functions of a unit.
    /// The authors' choice is 10 bins; they always keep one for zeros, so for units without zeros their 10 are 9 here.
    Quantile(usize),
    /// Bins of equal width between the least and the largest value: what `histogram2d` does.
    EqualWidth(usize),
}

/// The most bins that [`mutual_information`] takes; far fewer are sensible.
pub const MAX_BINS: usize = 1024;

/// What is done about the upward bias of the plug-in estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BiasCorrection {
    /// Nothing: values are at least 0.
    None,
    /// Miller and Madow 1955 for each of the three entropies, with the numbers of bins and cells that hold examples:
    /// (bins of x + bins of y − cells − 1) / (2 · examples) is added.
    MillerMadow,
}

/// Mutual information in nats between all units of `x` (examples × p) and all units of `y` (examples × q).
///
/// At least 0 and at most the logarithm of the number of bins if not corrected. Constant units are left out.
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, no unit of one of the two
/// varies, or unless there are between 2 and [`MAX_BINS`] bins.
pub fn mutual_information(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    binning: Binning,
    correction: BiasCorrection,
) -> Result<UnitScores> {
    check_bins(binning)?;
    let (ux, uy) = both_units(x, y)?;
    let binned = |m: MatRef<'_, f64>, kept: &[usize]| -> Vec<Binned> {
        kept.iter().map(|&unit| Binned::new(m.col(unit).iter().copied().collect(), binning)).collect()
    };
    let (bx, by) = (binned(x, &ux.kept), binned(y, &uy.kept));
    let widest = |b: &[Binned]| b.iter().map(|u| u.counts.len()).max().unwrap_or(0);
    let mut cells = vec![0_u32; widest(&bx) * widest(&by)];
    let mut matrix = Mat::zeros(bx.len(), by.len());
    for (i, a) in bx.iter().enumerate() {
        for (j, b) in by.iter().enumerate() {
            matrix[(i, j)] = information(a, b, correction, &mut cells);
        }
    }
    Ok(UnitScores { matrix, kept_x: ux.kept, kept_y: uy.kept, dropped_x: ux.dropped, dropped_y: uy.dropped })
}

fn check_bins(binning: Binning) -> Result<()> {
    let (Binning::Quantile(bins) | Binning::EqualWidth(bins)) = binning;
    if (2..=MAX_BINS).contains(&bins) {
        return Ok(());
    }
    Err(Error::Measure(format!(
        "expected between 2 and {MAX_BINS} bins for mutual information, got {bins}; 10 is usual"
    )))
}

/// Matchings of units by mutual information.
#[derive(Debug, Clone, PartialEq)]
pub struct InformationMatch {
    /// Mean over units of their largest information with a unit of the other side, each way.
    pub semi: SemiMatch,
    /// The one-to-one matching of largest mean information.
    pub bipartite: BipartiteMatch,
    /// Mean correlation over the pairs of that matching: what the authors plot to show that matching by information
    /// and by correlation find about the same pairs.
    pub bipartite_correlation: f64,
    /// Mean correlation over the pairs that matching by correlation finds; at least as large.
    pub best_correlation: f64,
}

/// Semi-matching and bipartite matching by mutual information, with the correlations of the pairs found.
///
/// Li et al. 2016 (*Convergent Learning*).
///
/// # Errors
/// As [`mutual_information`].
pub fn information_match(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    binning: Binning,
    correction: BiasCorrection,
) -> Result<InformationMatch> {
    let information = mutual_information(x, y, binning, correction)?;
    // The same units are kept in both, so a pair has the same place in both matrices.
    let r = correlation(x, y, Sign::Signed)?;
    let bipartite = bipartite_match(&information)?;
    let of_pair = |&(i, j, _): &(usize, usize, f64)| -> f64 {
        match (r.kept_x.binary_search(&i), r.kept_y.binary_search(&j)) {
            (Ok(i), Ok(j)) => r.matrix[(i, j)],
            _ => f64::NAN,
        }
    };
    let bipartite_correlation = bipartite.pairs.iter().map(of_pair).sum::<f64>() / bipartite.pairs.len() as f64;
    let best_correlation = bipartite_match(&r)?.mean;
    Ok(InformationMatch { semi: semi_match(&information)?, bipartite, bipartite_correlation, best_correlation })
}

/// The units of a representation in bins, constant ones left out.
pub(crate) struct BinnedUnits {
    units: Vec<Binned>,
    kept: Vec<usize>,
    dropped: usize,
}

impl BinnedUnits {
    /// Bins the units of `x` (examples × units).
    ///
    /// # Errors
    /// As [`mutual_information`].
    pub(crate) fn new(x: MatRef<'_, f64>, binning: Binning) -> Result<Self> {
        check_bins(binning)?;
        let Units { kept, dropped, .. } = Units::new(x, "the representation")?;
        let units = kept.iter().map(|&unit| Binned::new(x.col(unit).iter().copied().collect(), binning)).collect();
        Ok(Self { units, kept, dropped })
    }

    /// A column for each bin of each unit, 1 where an example is in it (examples × bins): products of two count the examples
    /// in every pair of bins.
    pub(crate) fn one_hot(&self) -> Mat<f64> {
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

    /// The information between all units, from the counts of all pairs of bins (bins × bins of the other).
    pub(crate) fn scores(&self, other: &Self, counts: &Mat<f64>, correction: BiasCorrection) -> UnitScores {
        let starts = |all: &[Binned]| -> Vec<usize> {
            all.iter().scan(0, |next, u| Some(std::mem::replace(next, *next + u.counts.len()))).collect()
        };
        let (rows, columns) = (starts(&self.units), starts(&other.units));
        let matrix = Mat::from_fn(self.units.len(), other.units.len(), |i, j| {
            let (a, b) = (&self.units[i], &other.units[j]);
            let cell = |r: usize, c: usize| counts[(rows[i] + r, columns[j] + c)].round() as u32;
            let cells: Vec<u32> =
                (0..a.counts.len() * b.counts.len()).map(|k| cell(k / b.counts.len(), k % b.counts.len())).collect();
            of_cells(a, b, correction, &cells)
        });
        UnitScores {
            matrix,
            kept_x: self.kept.clone(),
            kept_y: other.kept.clone(),
            dropped_x: self.dropped,
            dropped_y: other.dropped,
        }
    }
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

/// Plug-in information of two binned units; `cells` is work space of at least bins × bins.
fn information(a: &Binned, b: &Binned, correction: BiasCorrection, cells: &mut [u32]) -> f64 {
    let columns = b.counts.len();
    let cells = &mut cells[..a.counts.len() * columns];
    cells.fill(0);
    for (&i, &j) in a.bin.iter().zip(&b.bin) {
        cells[usize::from(i) * columns + usize::from(j)] += 1;
    }
    of_cells(a, b, correction, cells)
}

/// The same from the number of examples in each pair of bins.
fn of_cells(a: &Binned, b: &Binned, correction: BiasCorrection, cells: &[u32]) -> f64 {
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
    let bias = match correction {
        BiasCorrection::None => 0.0,
        BiasCorrection::MillerMadow => (bins(&a.counts) + bins(&b.counts) - occupied as f64 - 1.0) / (2.0 * n),
    };
    sum / n + bias
}

#[cfg(test)]
mod tests;

//! CKNNA: unbiased CKA restricted to the pairs that are neighbours in both representations (Huh et al. 2024).
//!
//! Neighbours are those of the largest inner product, without the example itself. Those that tie for the last places share
//! them: the mask holds the probability of being a neighbour when ties are broken at random, independently in the two, of
//! both the product of the two probabilities. It is one or zero where nothing ties, as in the authors' code; where something
//! does, the order of the examples decides there, and here it plays no part (and a representation is not wholly like itself).
//! The masks are not symmetric, and the estimator is evaluated as for matrices that are not: tr(KL) and 1ᵀKL1.
//! The latter differs from 1ᵀLK1, so the value changes a little when the two are exchanged, as in the authors' code.
//! Usually in [0, 1], not strictly bounded; may be negative.

use std::sync::Arc;

use super::{KERNELS, NAME};
use crate::error::Result;
use crate::measure::declaration::{
    Device, Entry, Extents, Given, Held, Host, Invariance, Made, Neighbourhood, Scale, Surroundings, count, number,
    word,
};
use crate::measure::numerics::algebra::{Rows, dot, geometric_mean, power_of_two_scale, sum};
use crate::measure::numerics::check::{check, finite, refuse};
use crate::measure::pairwise::neighbours::{Around, Nearness, Neighbours, nearest_neighbours};
use faer::MatRef;

/// CKA among common nearest neighbours.
pub(super) const CKNNA: Entry = Entry {
    formula: "unbiased HSIC of K, L masked to pairs that are neighbours in both (of those equally near by their chance), over the root of each with itself",
    range: [-1.0, 1.0],
    symmetric: false,
    invariances: &[Invariance::Scaling, Invariance::Permutation, Invariance::Orthogonal],
    scale: |g| if g.word("rows") == "raw" && g.number("epsilon") > 0.0 { Scale::Own } else { Scale::Free },
    cost: "n² p",
    held,
    source: "Huh et al. 2024",
    parameters: &[
        count("k", 10, 1, "neighbours"),
        word("rows", &["unit", "raw"], "whether rows are first divided by their norm"),
        number("epsilon", 1e-6, [0.0, 1.0], "added to the denominator (1e-6 in the authors' code)"),
    ],
    make: |g| {
        let settings =
            Settings { neighbours: g.count("k"), unit_rows: g.word("rows") == "unit", epsilon: g.number("epsilon") };
        let nearness = if settings.unit_rows { Nearness::Cosine } else { Nearness::InnerProduct };
        let compare_near = Arc::new(move |a: Surroundings<'_>, b: Surroundings<'_>| {
            let masked = |s: Surroundings<'_>| Masked::at(s.values, s.neighbours, settings);
            compare(&masked(a)?, &masked(b)?, settings)
        });
        let host = Host::new(
            move |x| {
                check(x, NAME, 4)?;
                Masked::at(x, &nearest_neighbours(x, settings.neighbours, nearness)?, settings)
            },
            move |a: &Masked, b: &Masked| compare(a, b, settings),
        );
        let device = Neighbourhood { k: settings.neighbours, nearness, compare: compare_near };
        Ok(Made { host, device: Some(Device::Neighbours(device)) })
    },
    ..Entry::similarity("cknna", "CKA among common nearest neighbours", KERNELS)
};

/// The kernel at neighbours alone, each with its place and its chance.
fn held(g: &Given, e: Extents) -> Held {
    let [n, p, k] = [e.n, e.p, g.count("k")].map(|side| side as f64);
    Held { prepared: n * (6.0 * k + 4.0), preparing: 4.0 * n * p + n * (2.0 * k + 12.0), comparing: 2.0 * n + 4.0 * k }
}

#[derive(Clone, Copy)]
struct Settings {
    /// Neighbours of each example.
    neighbours: usize,
    /// Whether each row is first divided by its Euclidean norm, so that neighbours are by cosine.
    unit_rows: bool,
    /// Added to the denominator: 1e-6 in the authors' code, which lowers the value by 1e-6 over √(HSIC HSIC) and shows where the
    /// masked HSIC is small.
    epsilon: f64,
}

/// A representation as it is compared: the linear Gram matrix at the neighbours of each row.
struct Masked {
    /// For each row the kept columns, ascending, with the entry there and the probability of a neighbour.
    rows: Vec<Vec<(usize, f64, f64)>>,
}

impl Masked {
    /// With its neighbours.
    ///
    /// # Errors
    /// For a zero row where rows are normalised.
    fn at(x: MatRef<'_, f64>, neighbours: &Neighbours, settings: Settings) -> Result<Self> {
        let mut rows = Rows::of(x);
        if settings.unit_rows {
            for (i, row) in rows.iter_mut().enumerate() {
                let scale = power_of_two_scale(row.iter().fold(0.0, |m: f64, v| m.max(v.abs())));
                row.iter_mut().for_each(|v| *v *= scale);
                if row.iter().all(|&v| v == 0.0) {
                    return refuse(format!("expected rows that are not zero, got a zero row {i}; remove that example"));
                }
            }
        }
        let rows: Vec<&[f64]> = rows.iter().collect();
        let squares: Vec<f64> = rows.iter().map(|row| if settings.unit_rows { dot(row, row) } else { 1.0 }).collect();
        let entry = |i: usize, j: usize| dot(rows[i], rows[j]) / (squares[i] * squares[j]).sqrt();
        let of = |(i, near): (usize, &Around)| {
            let mut row: Vec<_> = near.weights(neighbours.k()).map(|(j, weight)| (j, entry(i, j), weight)).collect();
            row.sort_unstable_by_key(|&(j, ..)| j);
            row
        };
        Ok(Self { rows: neighbours.iter().enumerate().map(of).collect() })
    }
}

/// The value for two representations that were prepared with the same settings.
///
/// # Errors
/// For a self-similarity that is not positive, for which the ratio is not defined.
fn compare(x: &Masked, y: &Masked, settings: Settings) -> Result<f64> {
    let own = |a: &Masked| {
        let k: Sparse = a.rows.iter().map(|row| row.iter().map(|&(j, k, v)| (j, v * k)).collect()).collect();
        masked_hsic(&k, &k)
    };
    let (k, l) = common(x, y);
    let (xy, xx, yy) = (masked_hsic(&k, &l), own(x), own(y));
    if !(xx > 0.0 && yy > 0.0) {
        return refuse(format!(
            "expected positive self-similarities on neighbours, got {xx} and {yy}; use more examples or neighbours"
        ));
    }
    finite(xy / (geometric_mean(xx, yy) + settings.epsilon), "CKNNA")
}

/// For each row the kept columns, ascending, with the masked entry there.
type Sparse = Vec<Vec<(usize, f64)>>;

/// Both matrices under the mask of both, at the places that both have.
fn common(a: &Masked, b: &Masked) -> (Sparse, Sparse) {
    let mut masked = (Vec::with_capacity(a.rows.len()), Vec::with_capacity(a.rows.len()));
    for (a, b) in a.rows.iter().zip(&b.rows) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut others = b.iter().peekable();
        for &(j, k, v) in a {
            while others.next_if(|o| o.0 < j).is_some() {}
            if let Some(&(_, l, w)) = others.next_if(|o| o.0 == j) {
                first.push((j, v * w * k));
                second.push((j, v * w * l));
            }
        }
        masked.0.push(first);
        masked.1.push(second);
    }
    masked
}

/// The kept entry of a row at column `j`.
fn entry(row: &[(usize, f64)], j: usize) -> Option<f64> {
    row.binary_search_by_key(&j, |&(j, _)| j).ok().and_then(|at| row.get(at)).map(|&(_, v)| v)
}

/// Song's unbiased HSIC of two matrices with zero diagonal that need not be symmetric.
fn masked_hsic(k: &Sparse, l: &Sparse) -> f64 {
    let n = k.len() as f64;
    let trace: Vec<f64> = k
        .iter()
        .enumerate()
        .map(|(i, row)| row.iter().filter_map(|&(j, v)| Some(v * entry(l.get(j)?, i)?)).sum())
        .collect();
    let mut columns = vec![0.0; k.len()];
    for &(j, v) in k.iter().flatten() {
        columns[j] += v;
    }
    let row_sums = |m: &Sparse| -> Vec<f64> { m.iter().map(|row| row.iter().map(|(_, v)| v).sum()).collect() };
    let rows = row_sums(l);
    let totals = sum(&columns) * sum(&rows);
    let (trace, totals) = (sum(&trace), totals / ((n - 1.0) * (n - 2.0)));
    let mixed = 2.0 / (n - 2.0) * dot(&columns, &rows);
    let value = trace + totals - mixed;
    // What rounding leaves of nothing is nothing.
    let noise = (n + 16.0) * f64::EPSILON * (trace.abs() + totals.abs() + mixed.abs());
    if value.abs() <= noise { 0.0 } else { value / (n * (n - 3.0)) }
}

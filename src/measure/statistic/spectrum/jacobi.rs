//! Singular values of many matrices at once on the device, by one-sided Jacobi rotations (Hestenes 1958).
//!
//! The rows of each matrix (along its narrower side) are rotated two by two until all are orthogonal; their lengths then are
//! the singular values. No product of the matrix with itself is formed, which in f32 would lose all values below 3e-4 of the
//! largest. Small values come out as exactly as rows of different lengths allow (Demmel and Veselić 1992).
//!
//! All pairs of rows meet in the order of a round-robin tournament: half of the rows face the other half, all pairs of a round
//! are rotated at once, and the rows move on by one place.

use std::sync::Arc;

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::device::batches::{in_batches, program};

const MATRIX: &str = "matrix";
const WORST: &str = "worst";
const GOING: &str = "going";
const SQUARES: &str = "squares";

/// Sweeps over all pairs after which it gives up; ten or so are usual.
const SWEEPS: usize = 30;

/// Cosine of two rows that counts as orthogonal. The sweep that finds it has rotated it away.
const ORTHOGONAL: f32 = 4e-6;

/// Squared length below which a row is nothing: the largest element of the matrix is about one.
const NOTHING: f32 = 1e-30;

/// Singular values of each matrix, descending, `min(rows, columns)` of them. An error stands for a matrix whose rotations do
/// not converge.
///
/// # Errors
/// If a matrix is empty or holds a value that is not finite, the device fails, or has not enough memory for one.
pub fn singular_values(gpu: Option<&Arc<Gpu>>, matrices: &[Mat<f64>]) -> Result<Vec<Result<Vec<f64>>>> {
    let prepared = matrices.iter().map(|x| Prepared::of(x.as_ref())).collect::<Result<Vec<_>>>()?;
    let rows = prepared.iter().map(|p| p.rows).max().unwrap_or(1).next_multiple_of(2);
    let length = prepared.iter().map(|p| p.length).max().unwrap_or(1).next_multiple_of(4);
    in_batches(
        &prepared,
        usize::MAX,
        |count| Rotations::new(gpu, count, [rows, length]),
        |rotations, part| rotations.values_of(part),
    )
}

/// A matrix as the device takes it: its narrower side as rows, its largest element between one half and one.
struct Prepared {
    values: Vec<f32>,
    rows: usize,
    length: usize,
    /// What the values were multiplied by, a power of two.
    scale: f64,
}

impl Prepared {
    fn of(x: MatRef<'_, f64>) -> Result<Self> {
        if x.nrows() == 0 || x.ncols() == 0 {
            let message = format!("a matrix [{}, {}] has no singular values", x.nrows(), x.ncols());
            return Err(Error::Measure(message));
        }
        let x = if x.nrows() < x.ncols() { x } else { x.transpose() };
        let largest = x.norm_max();
        if x.col_iter().any(|column| column.iter().any(|v| !v.is_finite())) {
            return Err(Error::Measure("a matrix holds values that are not finite: remove or replace them".into()));
        }
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        let (rows, length) = (x.nrows(), x.ncols());
        let values = (0..rows).flat_map(|i| (0..length).map(move |j| (x[(i, j)] * scale) as f32)).collect();
        Ok(Self { values, rows, length, scale })
    }
}

/// The program: each replica is a matrix `[rows, length]`.
struct Rotations {
    machine: Machine,
    rows: usize,
    length: usize,
}

impl Rotations {
    fn new(gpu: Option<&Arc<Gpu>>, matrices: usize, [rows, length]: [usize; 2]) -> Result<Self> {
        let mut g = Graph::new();
        let a = g.variable(MATRIX, &[rows, length], DType::F32, VariableKind::Transient)?;
        let worst = g.variable(WORST, &[1, 1], DType::F32, VariableKind::Transient)?;
        let going = g.variable(GOING, &[1, 1], DType::F32, VariableKind::Transient)?;
        let (place, largest) = (g.variable_of(a)?, g.variable_of(worst)?);
        let moves = Moves::new(&mut g, rows)?;
        // Two rounds to a run: the first reads the variable, the second writes it.
        let (mut next, mut seen) = (a, worst);
        for _ in 0..2 {
            let (rotated, cosine) = moves.round(&mut g, next, going)?;
            next = rotated;
            seen = g.binary(Binary::Max, seen, cosine)?;
        }
        let effects =
            vec![Effect::Assign(place, next), Effect::Assign(largest, seen), Effect::Output(WORST.into(), seen)];
        let squares = g.unary(Unary::Square, a);
        let squares = g.sum(squares, 1)?;
        let functions = [
            Function::new("rounds", effects).repeated((8 * rows / 2) as u32),
            Function::new(SQUARES, vec![Effect::Output(SQUARES.into(), squares)]),
        ];
        Ok(Self { machine: program(gpu, &g, &functions, matrices)?, rows, length })
    }

    fn values_of(&mut self, part: &[Prepared]) -> Result<Vec<Result<Vec<f64>>>> {
        let replicas = self.machine.replicas();
        for place in 0..replicas {
            let mut padded = vec![0.0; self.rows * self.length];
            if let Some(x) = part.get(place) {
                for (from, to) in x.values.chunks(x.length).zip(padded.chunks_mut(self.length)) {
                    to[..x.length].copy_from_slice(from);
                }
            }
            self.machine.write_replica(MATRIX, place, &padded)?;
        }
        let enough = ORTHOGONAL.max(f32::EPSILON * (self.length as f32).sqrt());
        let (mut worst, mut going) = (vec![f32::INFINITY; replicas], vec![1.0; replicas]);
        for _ in 0..SWEEPS {
            self.machine.write_variable(WORST, &vec![0.0; replicas])?;
            self.machine.write_variable(GOING, &going)?;
            self.machine.run("rounds", (self.rows / 2) as u32)?;
            let seen = self.machine.read_output(WORST)?;
            // A matrix that is done is left as it is, whatever company it is in.
            for ((worst, going), seen) in worst.iter_mut().zip(&mut going).zip(seen).filter(|((_, g), _)| **g > 0.0) {
                *worst = seen;
                *going = if seen <= enough { 0.0 } else { 1.0 };
            }
            if going.iter().all(|&g| g == 0.0) {
                break;
            }
        }
        self.machine.run(SQUARES, 1)?;
        let squares = self.machine.read_output(SQUARES)?;
        let of = |(place, x): (usize, &Prepared)| {
            if worst[place].is_nan() || worst[place] > enough {
                return Err(Error::Measure(format!(
                    "singular values did not converge in {SWEEPS} sweeps on the device (largest cosine of two rows {:.1e}); \
                     compute them on the CPU",
                    worst[place]
                )));
            }
            let own = &squares[place * self.rows..(place + 1) * self.rows];
            let mut values: Vec<f64> = own.iter().map(|&s| f64::from(s).sqrt() / x.scale).collect();
            values.sort_unstable_by(|a, b| b.total_cmp(a));
            values.truncate(x.rows);
            Ok(values)
        };
        Ok(part.iter().enumerate().map(of).collect())
    }
}

/// Where rows stand after a round: tables of integers.
struct Moves {
    half: usize,
    /// `[rows, 1]`: the row that comes to each place, the one that it met, their pair.
    own: Tensor,
    other: Tensor,
    pair: Tensor,
    /// `[rows, 1]`: -1 for a row of the upper half, 1 for one of the lower.
    sign: Tensor,
}

impl Moves {
    fn new(g: &mut Graph, rows: usize) -> Result<Self> {
        let half = rows / 2;
        // The first row stays; the others move on along the upper half and back along the lower.
        let comes: Vec<usize> = (0..rows)
            .map(|place| match place {
                _ if half == 1 => place,
                0 => 0,
                1 => half,
                p if p < half => p - 1,
                p if p + 1 < rows => p + 1,
                _ => half - 1,
            })
            .collect();
        let mut table = |f: &dyn Fn(usize) -> usize| {
            let values: Vec<u32> = comes.iter().map(|&p| f(p) as u32).collect();
            g.data_integers(&values, &[rows, 1])
        };
        let (own, other, pair) = (table(&|p| p)?, table(&|p| (p + half) % rows)?, table(&|p| p % half)?);
        let sign = g.data(comes.iter().map(|&p| if p < half { -1.0 } else { 1.0 }).collect(), &[rows, 1])?;
        Ok(Self { half, own, other, pair, sign })
    }

    /// The matrix after a round (no row is turned unless `going`), and the largest cosine of two rows that met, `[1, 1]`.
    fn round(&self, g: &mut Graph, a: Tensor, going: Tensor) -> Result<(Tensor, Tensor)> {
        let (upper, lower) = (g.rows(a, 0, self.half)?, g.rows(a, self.half, self.half)?);
        let mut inner = |x: Tensor, y: Tensor| -> Result<Tensor> {
            let product = g.times(x, y)?;
            g.sum(product, 1)
        };
        let (dot, p, q) = (inner(upper, lower)?, inner(upper, upper)?, inner(lower, lower)?);
        let (zero, one, nothing) = (g.constant(0.0), g.constant(1.0), g.constant(NOTHING));
        let least = g.binary(Binary::Min, p, q)?;
        let alive = g.binary(Binary::Greater, least, nothing)?;
        let (p, q) = (g.select(alive, p, one)?, g.select(alive, q, one)?);
        let (root_p, root_q) = (g.unary(Unary::Sqrt, p), g.unary(Unary::Sqrt, q));
        let product = g.times(root_p, root_q)?;
        let cosine = g.over(dot, product)?;
        let cosine = g.select(alive, cosine, zero)?;
        // Tangent of the angle, the smaller of the two: 2 cos / (d + sign(d) sqrt(d² + 4 cos²)), d the difference of the squared
        // lengths over their geometric mean.
        let difference = g.minus(q, p)?;
        let difference = g.over(difference, product)?;
        let size = g.unary(Unary::Abs, difference);
        let most = g.constant(1e15);
        let size = g.binary(Binary::Min, size, most)?;
        let twice = g.scale(cosine, 2.0);
        let (a2, b2) = (g.unary(Unary::Square, size), g.unary(Unary::Square, twice));
        let sum = g.plus(a2, b2)?;
        let root = g.unary(Unary::Sqrt, sum);
        let below = g.plus(size, root)?;
        let tiny = g.constant(f32::MIN_POSITIVE);
        let below = g.binary(Binary::Max, below, tiny)?;
        let tangent = g.over(twice, below)?;
        let turned = g.unary(Unary::Negate, tangent);
        let forward = g.binary(Binary::AtLeast, difference, zero)?;
        let tangent = g.select(forward, tangent, turned)?;
        let square = g.unary(Unary::Square, tangent);
        let square = g.shift(square, 1.0);
        let root = g.unary(Unary::Sqrt, square);
        let c = g.over(one, root)?;
        let s = g.times(c, tangent)?;
        let s = g.times(s, going)?;
        let above = g.shift(c, 1.0);
        let half = g.over(s, above)?;

        // `c x + s y` as `x + s (y - x tan(angle / 2))`: small angles then round nothing but the last digit of the change.
        let (own, other) = (g.gather(a, self.own)?, g.gather(a, self.other)?);
        let (s, half) = (g.gather(s, self.pair)?, g.gather(half, self.pair)?);
        let (s, half) = (g.times(s, self.sign)?, g.times(half, self.sign)?);
        let part = g.times(half, own)?;
        let towards = g.minus(other, part)?;
        let change = g.times(s, towards)?;
        let next = g.plus(own, change)?;
        let sizes = g.unary(Unary::Abs, cosine);
        Ok((next, g.max(sizes, 0)?))
    }
}

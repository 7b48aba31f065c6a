//! The cases: small graphs, each as a program for whatever runs graphs.

use crate::error::Result;
use crate::graph::{Effect, Function, Geometry, Graph, Tensor, VariableKind};
use crate::kernels::matmul::{Inner, Precision};
use crate::kernels::program::{Binary, DType, Distribution, Draw, Unary};
use crate::kernels::sort::Ties;
use crate::measure::Estimator;
use crate::measure::embedding::{self, Embedding};
use crate::nn::{Activation, Dropout, Fan, Init, Initialiser, dropout};

/// Replicas of each case.
pub(super) const REPLICAS: usize = 3;

/// A small graph, and how far off its results may be.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) tolerance: f64,
    pub(super) build: fn(&mut Graph, &Common) -> Result<Vec<Tensor>>,
}

/// Inputs that all cases share.
pub(super) struct Common {
    seed: Tensor,
    step: Tensor,
    a: Tensor,
    b: Tensor,
    odd: Tensor,
    shared: Tensor,
    labels: Tensor,
}

/// The case whose results are words, not numbers.
pub(super) const WHOLE: &str = "products of whole numbers between replicas (exact)";

/// Every case but that of a whole training loop.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case { name: "matrix products, all forms", tolerance: 1e-5, build: products },
        Case { name: "matrix products, odd extents", tolerance: 1e-5, build: odd_products },
        Case { name: "matrix products of few rows", tolerance: 1e-5, build: few_rows },
        Case { name: "matrix products of 16-bit factors", tolerance: HALF, build: half_products },
        Case { name: "convolutions, all forms", tolerance: 1e-5, build: convolutions },
        Case { name: "activations", tolerance: 2e-5, build: activations },
        Case { name: "elementwise arithmetic and broadcasting", tolerance: 1e-5, build: arithmetic },
        Case { name: "sums and maxima", tolerance: 1e-5, build: reductions },
        Case { name: "softmax cross-entropy", tolerance: 2e-5, build: cross_entropy },
        Case { name: "random numbers and permutations (exact)", tolerance: 0.0, build: draws },
        Case { name: "normal values", tolerance: 1e-4, build: normals },
        Case { name: "initialisers, orthogonal included", tolerance: 1e-4, build: initialisers },
        Case { name: "gather and dropout", tolerance: 1e-6, build: gather_and_dropout },
        Case { name: "CKA, plain and debiased", tolerance: 1e-4, build: alignment },
        Case { name: "products between replicas", tolerance: 1e-5, build: between_replicas },
        Case { name: "distances between rows", tolerance: 1e-5, build: distances },
        Case { name: "nearest rows (exact)", tolerance: 0.0, build: nearest },
        Case { name: "sorting and ranks (exact)", tolerance: 0.0, build: ranks },
        Case { name: WHOLE, tolerance: 0.0, build: exact_products },
    ]
}

fn products(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let mut all = vec![g.matmul_of(c.a, false, c.b, true)?, g.matmul_of(c.a, true, c.b, false)?];
    let square = g.matmul_of(c.a, true, c.a, false)?;
    all.push(g.matmul(c.a, square)?);
    all.push(g.matmul_of(square, true, c.b, true)?);
    all.push(g.matmul_of(c.shared, true, c.a, false)?);
    let (a, b) = (g.reshape(c.a, &[4, 10, 12])?, g.reshape(c.b, &[4, 10, 12])?);
    let each = g.matmul_of(a, false, b, true)?;
    all.push(g.matmul(each, b)?);
    all.push(g.matmul_of(b, true, each, true)?);
    Ok(all)
}

fn odd_products(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let gram = g.matmul_of(c.odd, false, c.odd, true)?;
    let inner = g.matmul_of(c.odd, true, c.odd, false)?;
    let again = g.matmul(gram, c.odd)?;
    Ok(vec![gram, inner, again, g.matmul_of(inner, true, c.odd, true)?])
}

/// Batches of one to five examples: bodies have small tiles of their own for these.
fn few_rows(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let mut all = Vec::new();
    let weight = g.reshape(c.b, &[12, 40])?;
    for rows in 1..=5 {
        let few = g.rows(c.a, 7, rows)?;
        all.push(g.matmul_of(few, false, c.b, true)?);
        all.push(g.matmul(few, weight)?);
        let wide = g.matmul(few, weight)?;
        all.push(g.matmul_of(wide, true, few, false)?);
        let odd = g.rows(c.odd, 2, rows)?;
        all.push(g.matmul_of(odd, false, c.odd, true)?);
        all.push(g.matmul_of(odd, true, odd, false)?);
    }
    Ok(all)
}

/// Of channels that come in fours and of three, with strides, dilation and uneven padding; and by what each is derived.
fn convolutions(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let of =
        |kernel, stride, dilation, before| Geometry { image: [4, 5], kernel, stride, dilation, before, after: [1, 2] };
    let mut all = Vec::new();
    for (channels, outputs, geometry) in [
        (12, 10, of([2, 2], [1, 1], [2, 1], [0, 1])),
        (3, 5, of([2, 3], [2, 1], [1, 2], [1, 0])),
        (1, 8, of([3, 3], [1, 1], [1, 1], [1, 1])),
    ] {
        let images = g.reshape(c.a, &[480 / channels, channels])?;
        let long = geometry.taps() * channels;
        let drawn = g.data(values(9, outputs * long), &[outputs, long])?;
        let first = g.rows(c.b, 0, 1)?;
        let scale = g.mean(first, 1)?;
        let weight = g.times(drawn, scale)?;
        let made = g.convolve(images, weight, geometry)?;
        let long = geometry.taps() * outputs;
        let other = g.data(values(10, channels * long), &[channels, long])?;
        let back = g.convolve_transposed(made, other, geometry)?;
        let upstream = g.unary(Unary::Tanh, made);
        let by = g.gradients_from(made, upstream, &[images, weight])?;
        all.extend(by);
        all.extend([made, back]);
    }
    Ok(all)
}

/// What products of rounded factors may be off: adapters need not round to nearest, and a factor whose last bits differ
/// may round the other way.
pub(super) const HALF: f64 = 2e-3;

pub(super) fn half_products(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    g.set_precision(Precision::Half);
    let mut all = products(g, c)?;
    all.extend(odd_products(g, c)?);
    // Results of more than one tile of every body, and inner products that end within a tile.
    let (tall, flat) = (g.reshape(c.a, &[120, 4])?, g.reshape(c.b, &[4, 120])?);
    let square = g.matmul(tall, flat)?;
    all.push(g.matmul_of(square, true, square, false)?);
    let (tall, flat) = (g.reshape(square, &[150, 96])?, g.reshape(square, &[96, 150])?);
    all.push(g.matmul(tall, flat)?);
    let (left, right) = (g.reshape(c.a, &[6, 80])?, g.reshape(c.b, &[80, 6])?);
    all.push(g.matmul_of(left, true, right, true)?);
    g.set_precision(Precision::Single);
    Ok(all)
}

fn activations(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let wide = g.scale(c.a, 4.0);
    Activation::ALL.iter().map(|f| f.apply(g, wide)).collect()
}

fn arithmetic(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let row = g.mean(c.a, 0)?;
    let column = g.mean(c.a, 1)?;
    let x = g.minus(c.a, row)?;
    let y = g.times(x, column)?;
    let z = g.binary(Binary::Max, y, c.b)?;
    let positive = g.unary(Unary::Abs, z);
    let root = g.unary(Unary::Sqrt, positive);
    let shifted = g.shift(root, 0.5);
    let power = g.binary(Binary::Pow, shifted, column)?;
    let quotient = g.over(power, shifted)?;
    let (sin, cos) = (g.unary(Unary::Sin, z), g.unary(Unary::Cos, z));
    let picked = g.binary(Binary::Greater, c.a, c.b)?;
    let chosen = g.select(picked, sin, cos)?;
    let flipped = g.transpose(chosen)?;
    let doubled = g.scale(flipped, 2.0);
    Ok(vec![x, quotient, chosen, doubled])
}

fn reductions(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let squares = g.unary(Unary::Square, c.a);
    let long = g.matmul_of(c.a, false, c.b, true)?;
    let line = g.reshape(long, &[1, 40 * 40])?;
    Ok(vec![
        g.sum(squares, 0)?,
        g.sum(squares, 1)?,
        g.sum_all(squares)?,
        g.max(c.a, 1)?,
        g.max(c.odd, 0)?,
        g.sum(line, 1)?,
    ])
}

fn cross_entropy(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let logits = g.scale(c.odd, 5.0);
    let loss = g.cross_entropy(logits, c.labels)?;
    let total = g.mean_all(loss)?;
    let gradient = g.gradients(total, &[c.odd])?;
    Ok(vec![loss, g.correct(logits, c.labels)?, total, gradient[0]])
}

fn draws(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let purpose = g.purpose("selftest");
    let uniform = g.random(Distribution::Uniform, &[7, 9], c.seed, purpose, c.step);
    let examples = g.integer(37);
    let shuffled = g.draw(Draw::Shuffled, examples, 16, c.seed, purpose, c.step);
    let drawn = g.draw(Draw::Replacement, examples, 16, c.seed, purpose, c.step);
    // At positions that are given, with a purpose and a count for each row.
    let purposes = g.data_integers(&[3, 0x8123_4567], &[2, 1])?;
    let counts = g.data_integers(&[37, 30], &[2, 1])?;
    let column = g.column_index(&[2, 30]);
    let positions = g.unary(Unary::ToInteger, column);
    let placed = g.permutation(positions, counts, [c.seed, purposes, c.step])?;
    let chosen = g.choice(placed, counts, [c.seed, purposes, c.step])?;
    let whole = [shuffled, drawn, placed, chosen].map(|t| g.unary(Unary::ToFloat, t));
    Ok([vec![uniform], whole.to_vec()].concat())
}

fn normals(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let purpose = g.purpose("selftest/normal");
    Ok([Distribution::Normal, Distribution::TruncatedNormal]
        .map(|d| g.random(d, &[20, 10], c.seed, purpose, c.step))
        .to_vec())
}

fn initialisers(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let gain = g.constant(1.5);
    let of = |init, fan| Initialiser { fan, ..Initialiser::from(init) };
    [
        Init::XavierNormal.into(),
        of(Init::KaimingUniform, Fan::FanIn),
        of(Init::VarianceScaling, Fan::FanAvg),
        Init::Orthogonal.into(),
    ]
    .into_iter()
    .flat_map(|init| [(20, 12), (9, 17)].map(|(outputs, inputs)| (init, outputs, inputs)))
    .map(|(init, outputs, inputs)| init.weight(g, &format!("w{outputs}"), outputs, inputs, gain, c.seed))
    .collect()
}

fn gather_and_dropout(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let purpose = g.purpose("selftest/batch");
    let examples = g.integer(40);
    let rows = g.draw(Draw::Shuffled, examples, 16, c.seed, purpose, c.step);
    let batch = g.gather(c.shared, rows)?;
    let rate = g.constant(0.3);
    let masks = Dropout { rate, input_rate: rate, seed: c.seed, step: c.step };
    let dropped = dropout(g, batch, "selftest", masks)?;
    Ok(vec![batch, dropped])
}

fn alignment(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let estimators = [Estimator::Biased, Estimator::Debiased].map(Embedding::linear);
    Ok(embedding::many(g, &[c.a, c.shared, c.b], &[(0, 1), (0, 2)], &estimators)?.concat())
}

fn between_replicas(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let whole = g.pair_dot(c.a, c.b)?;
    let odd = g.pair_dot(c.odd, c.odd)?;
    let sum = g.plus(whole, odd)?;
    Ok(vec![whole, sum])
}

fn distances(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let mut all = Vec::new();
    for inner in [Inner::SquaredDifference, Inner::AbsoluteDifference] {
        all.push(g.distances(c.a, c.b, inner)?);
        all.push(g.distances(c.odd, c.odd, inner)?);
        let few = g.rows(c.a, 5, 3)?;
        let some = g.distances(few, c.a, inner)?;
        all.push(g.unary(Unary::Sqrt, some));
    }
    Ok(all)
}

/// Of whole numbers, so that many are equal.
fn nearest(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let coarse = g.scale(c.a, 1.5);
    let coarse = g.unary(Unary::Floor, coarse);
    let all = g.distances(coarse, coarse, Inner::SquaredDifference)?;
    let band = g.rows(coarse, 8, 20)?;
    let some = g.distances(coarse, band, Inner::SquaredDifference)?;
    [g.nearest(all, 5, 0)?, g.nearest(some, 7, 8)?, g.nearest(all, 1, 40)?]
        .map(|rows| Ok(g.unary(Unary::ToFloat, rows)))
        .into_iter()
        .collect()
}

/// Of values with and without equals, and of fewer than a run.
fn ranks(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let coarse = g.scale(c.a, 20.0);
    let coarse = g.unary(Unary::Floor, coarse);
    let few = g.rows(c.odd, 2, 1)?;
    let mut all = Vec::new();
    for keys in [c.a, coarse, c.odd, few] {
        let sorted = g.sort(keys)?;
        let order = g.sorted_order(sorted);
        all.push(g.sorted_keys(sorted));
        all.push(g.unary(Unary::ToFloat, order));
        all.push(g.ranks(sorted, Ties::Average));
        all.push(g.ranks(sorted, Ties::Lowest));
        all.push(g.inversions(keys)?);
    }
    Ok(all)
}

/// Of numbers that are not negative, whose words are small.
fn exact_products(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    [c.a, c.odd]
        .into_iter()
        .map(|x| {
            let size = g.unary(Unary::Abs, x);
            let size = g.scale(size, 8_000_000.0);
            let whole = g.unary(Unary::Floor, size);
            let words = g.pair_dot_exact(whole)?;
            Ok(g.unary(Unary::ToFloat, words))
        })
        .collect()
}

fn common(g: &mut Graph) -> Result<Common> {
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State)?;
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State)?;
    let mut input = |name: &str, shape: &[usize]| g.variable(name, shape, DType::F32, VariableKind::State);
    let (a, b, odd) = (input("a", &[40, 12])?, input("b", &[40, 12])?, input("odd", &[13, 7])?);
    let shared = g.data(values(99, 40 * 8), &[40, 8])?;
    let labels = g.data_integers(&(0..13).map(|i| i % 7).collect::<Vec<_>>(), &[13, 1])?;
    Ok(Common { seed, step, a, b, odd, shared, labels })
}

/// Fixed values between -1 and 1 that have no pattern.
pub(super) fn values(seed: u32, count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| 2.0 * crate::kernels::random::uniform(seed, 0x5e1f, 0, i) - 1.0).collect()
}

/// A case as a program, for whatever runs graphs.
#[derive(Debug)]
pub struct Program {
    /// What is tried.
    pub case: &'static str,
    /// What a result may be off, relative to the largest value.
    pub tolerance: f64,
    /// Replicas in its group.
    pub replicas: usize,
    /// Its graph.
    pub graph: Graph,
    /// The function that gives its outputs, to be run once.
    pub function: Function,
    /// Integers that variables are set to, of all replicas.
    pub integers: Vec<(&'static str, Vec<u32>)>,
    /// Floats that variables are set to, of all replicas.
    pub floats: Vec<(&'static str, Vec<f32>)>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
}

impl Program {
    pub(super) fn of(case: &Case) -> Result<Self> {
        let mut graph = Graph::new();
        let c = common(&mut graph)?;
        let made = (case.build)(&mut graph, &c)?;
        let outputs: Vec<String> = (0..made.len()).map(|i| format!("out{i}")).collect();
        let effects = outputs.iter().zip(made).map(|(name, t)| Effect::Output(name.clone(), t)).collect();
        let counts = [("a", 480), ("b", 480), ("odd", 91)].into_iter().enumerate();
        Ok(Self {
            case: case.name,
            tolerance: case.tolerance,
            replicas: REPLICAS,
            graph,
            function: Function::new("run", effects),
            integers: vec![("seed", vec![3, 1, 4]), ("step", vec![0, 5, 9])],
            floats: counts.map(|(n, (name, count))| (name, values(n as u32, count * REPLICAS))).collect(),
            outputs,
        })
    }
}

/// Every case but that of a whole training loop.
///
/// # Errors
/// If a case cannot be built.
pub fn programs() -> Result<Vec<Program>> {
    cases().iter().map(Program::of).collect()
}

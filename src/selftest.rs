//! A self-test of every kernel on an adapter or the processor, against the graph in double precision.
//!
//! Each case is a small graph whose result the kernels and the interpreter both compute. Tests use it with every body;
//! `isogram doctor` shows it to the user.

use std::sync::Arc;

use crate::error::Result;
use crate::gpu::{Gpu, Profile, Question};
use crate::graph::{Effect, Function, Graph, Interpreter, Lowering, Machine, Tensor, VariableKind, lower, lower_as};
use crate::kernels::matmul::{Inner, Precision};
use crate::kernels::program::{Binary, DType, Distribution, Draw, Unary};
use crate::kernels::sort::Ties;
use crate::measure::{Estimator, cka};
use crate::nn::{Activation, Batch, BatchMode, Dropout, Fan, Init, Initialiser, dropout};

/// The outcome of one case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was tried.
    pub case: String,
    /// Kernels that ran.
    pub kernels: Vec<String>,
    /// Largest difference from what is right, relative to the largest value.
    pub error: f64,
    /// What is allowed.
    pub tolerance: f64,
}

impl Outcome {
    /// Whether it is small enough.
    pub fn passed(&self) -> bool {
        self.error <= self.tolerance
    }
}

const REPLICAS: usize = 3;

struct Case {
    name: &'static str,
    tolerance: f64,
    build: fn(&mut Graph, &Common) -> Result<Vec<Tensor>>,
}

/// Inputs that all cases share.
struct Common {
    seed: Tensor,
    step: Tensor,
    a: Tensor,
    b: Tensor,
    odd: Tensor,
    shared: Tensor,
    labels: Tensor,
}

const WHOLE: &str = "products of whole numbers between replicas (exact)";

fn cases() -> Vec<Case> {
    vec![
        Case { name: "matrix products, all forms", tolerance: 1e-5, build: products },
        Case { name: "matrix products, odd extents", tolerance: 1e-5, build: odd_products },
        Case { name: "matrix products of few rows", tolerance: 1e-5, build: few_rows },
        Case { name: "matrix products of 16-bit factors", tolerance: HALF, build: half_products },
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

/// What products of rounded factors may be off: adapters need not round to nearest, and a factor whose last bits differ
/// may round the other way.
const HALF: f64 = 2e-3;

fn half_products(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
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
    let shuffled = g.draw(Draw::Shuffled, 37, 16, c.seed, purpose, c.step);
    let drawn = g.draw(Draw::Replacement, 37, 16, c.seed, purpose, c.step);
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
    let of = |init, fan| Initialiser { init, fan };
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
    let rows = g.draw(Draw::Shuffled, 40, 16, c.seed, purpose, c.step);
    let batch = g.gather(c.shared, rows)?;
    let rate = g.constant(0.3);
    let masks = Dropout { rate, input_rate: rate, seed: c.seed, step: c.step };
    let dropped = dropout(g, batch, "selftest", masks)?;
    Ok(vec![batch, dropped])
}

fn alignment(g: &mut Graph, c: &Common) -> Result<Vec<Tensor>> {
    let mut all = Vec::new();
    for estimator in [Estimator::Biased, Estimator::Debiased] {
        all.push(cka::linear(g, c.a, c.shared, estimator)?);
        all.push(cka::linear(g, c.a, c.b, estimator)?);
    }
    Ok(all)
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
fn values(seed: u32, count: usize) -> Vec<f32> {
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
    fn of(case: &Case) -> Result<Self> {
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

fn run_case(case: &Case, gpu: Option<&Arc<Gpu>>, profile: &Profile) -> Result<(Vec<Vec<f32>>, Vec<String>)> {
    let program = Program::of(case)?;
    let plan = lower(&program.graph, std::slice::from_ref(&program.function), REPLICAS, profile)?;
    let kernels = plan.kernels().iter().map(|k| k.name()).collect();
    let mut machine = Machine::new(gpu, plan)?;
    for (name, values) in &program.integers {
        machine.write_integers(name, values)?;
    }
    for (name, values) in &program.floats {
        machine.write_variable(name, values)?;
    }
    machine.run("run", 1)?;
    let results = machine.read_results()?;
    let read = program.outputs.iter().map(|n| machine.output(&results, n)).collect::<Result<_>>()?;
    Ok((read, kernels))
}

/// A training loop as a function that is run many times in a row: shuffled batches, two layers, cross-entropy, momentum.
fn training() -> Result<(Graph, Function)> {
    let mut graph = Graph::new();
    let g = &mut graph;
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State)?;
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State)?;
    let mut parameter = |name: &str, shape: &[usize]| g.variable(name, shape, DType::F32, VariableKind::Parameter);
    let parameters = [parameter("w1", &[20, 12])?, parameter("b1", &[1, 20])?, parameter("w2", &[7, 20])?];
    let moments = [parameter("m1", &[20, 12])?, parameter("m2", &[1, 20])?, parameter("m3", &[7, 20])?];
    let inputs = g.data(values(7, 64 * 12), &[64, 12])?;
    let labels = g.data_integers(&(0..64).map(|i| i * 5 % 7).collect::<Vec<_>>(), &[64, 1])?;
    let batch = Batch { mode: BatchMode::Shuffled, size: 24 }.take(g, &[inputs, labels], seed, step)?;
    let [w1, b1, w2] = parameters;
    let z = g.matmul_of(batch[0], false, w1, true)?;
    let z = g.plus(z, b1)?;
    let h = g.unary(Unary::Tanh, z);
    let logits = g.matmul_of(h, false, w2, true)?;
    let rows = g.cross_entropy(logits, batch[1])?;
    let loss = g.mean_all(rows)?;
    let gradients = g.gradients(loss, &parameters)?;
    let mut effects = vec![Effect::Record { name: "loss".into(), value: loss, step, capacity: TRAINING as usize }];
    for ((&p, &m), &gradient) in parameters.iter().zip(&moments).zip(&gradients) {
        let kept = g.scale(m, 0.9);
        let moment = g.plus(kept, gradient)?;
        let change = g.scale(moment, -0.1);
        let new = g.plus(p, change)?;
        effects.push(Effect::Assign(g.variable_of(m)?, moment));
        effects.push(Effect::Assign(g.variable_of(p)?, new));
    }
    let one = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, one)?;
    effects.push(Effect::Assign(g.variable_of(step)?, next));
    Ok((graph, Function::new("step", effects).repeated(TRAINING)))
}

/// Steps that the training loop of the self-test takes.
const TRAINING: u32 = 12;

/// Its parameters, and how many values each has.
const WEIGHTS: [(&str, usize); 3] = [("w1", 240), ("b1", 20), ("w2", 140)];

/// Losses and parameters after the training loop.
fn run_training(gpu: Option<&Arc<Gpu>>, profile: &Profile, lowering: Lowering) -> Result<(Vec<f32>, Vec<String>)> {
    let (g, function) = training()?;
    let plan = lower_as(&g, &[function], REPLICAS, profile, lowering)?;
    let kernels = plan.kernels().iter().map(|k| k.name()).collect();
    let mut machine = Machine::new(gpu, plan)?;
    machine.write_integers("seed", &[3, 1, 4])?;
    for (n, (name, count)) in WEIGHTS.into_iter().enumerate() {
        let start: Vec<f32> = values(50 + n as u32, count * REPLICAS).iter().map(|x| 0.4 * x).collect();
        machine.write_variable(name, &start)?;
    }
    machine.run("step", TRAINING)?;
    let results = machine.read_results()?;
    let mut read: Vec<f32> = machine.record(&results, "loss", 0, TRAINING)?.concat();
    for name in ["w1", "b1", "w2", "m1"] {
        read.extend(machine.read_variable(name)?);
    }
    Ok((read, kernels))
}

/// Whether whole steps in one dispatch come out right on a device: tried once, before the first run relies on it. The form
/// asks more of a driver than the layered one: what one invocation wrote another reads after a barrier.
pub fn resident_is_sound(gpu: &Arc<Gpu>) -> bool {
    gpu.found(Question::Resident, || {
        let run = |gpu, profile: &Profile, lowering| run_training(gpu, profile, lowering).map(|(values, _)| values);
        let expected = run(None, &Profile::processor(), Lowering::Layered);
        let got = run(Some(gpu), gpu.profile(), Lowering::Resident);
        matches!((expected, got), (Ok(e), Ok(g)) if difference(&e, &g) <= 1e-4)
            && matches!(equals_agree(gpu, 256, 200), Ok(true))
    })
}

/// Whether replicas with equal seeds have equal bits after so many steps in one dispatch each: many workgroups and many runs,
/// of which one that reads what is stale gives itself away.
fn equals_agree(gpu: &Arc<Gpu>, replicas: usize, steps: u32) -> Result<bool> {
    let (g, function) = training()?;
    let mut machine = Machine::new(Some(gpu), lower_as(&g, &[function], replicas, gpu.profile(), Lowering::Resident)?)?;
    machine.write_integers("seed", &vec![5; replicas])?;
    for (n, (name, count)) in WEIGHTS.into_iter().enumerate() {
        let start: Vec<f32> = values(50 + n as u32, count).iter().map(|x| 0.4 * x).collect();
        machine.write_variable(name, &start.repeat(replicas))?;
    }
    machine.run("step", steps)?;
    for (name, count) in WEIGHTS {
        let read = machine.read_integers(name)?;
        let (first, rest) = read.split_at(count);
        if !rest.chunks(count).all(|other| other == first) || first.iter().all(|x| *x == 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The profile without what this device offers but does not do well: cooperative matrices are tried once, for right
/// results and for a gain in time over the body without them. Drivers are known that fail at either.
pub fn tried(gpu: &Arc<Gpu>) -> Profile {
    let profile = gpu.profile().clone();
    if profile.cooperative.is_empty() || gpu.found(Question::Cooperative, || cooperative_pays(gpu)) {
        return profile;
    }
    Profile { cooperative: Vec::new(), ..profile }
}

fn cooperative_pays(gpu: &Arc<Gpu>) -> bool {
    let plain = Profile { cooperative: Vec::new(), ..gpu.profile().clone() };
    let case = Case { name: "", tolerance: HALF, build: half_products };
    let right = || -> Result<bool> {
        let (expected, _) = run_case(&case, None, &Profile::processor())?;
        let (got, _) = run_case(&case, Some(gpu), gpu.profile())?;
        Ok(worst(&expected, &got) <= HALF)
    };
    let time = |profile: &Profile| -> Result<f64> {
        let mut g = Graph::new();
        g.set_precision(Precision::Half);
        let extent = 512;
        let a = g.variable("a", &[extent, extent], DType::F32, VariableKind::State)?;
        let product = g.matmul(a, a)?;
        let effects = vec![Effect::Output("product".into(), product)];
        let mut machine = Machine::new(Some(gpu), lower(&g, &[Function::new("run", effects)], 4, profile)?)?;
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = std::time::Instant::now();
            machine.run("run", 20)?;
            machine.wait()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    matches!(right(), Ok(true))
        && matches!((time(gpu.profile()), time(&plain)), (Ok(with), Ok(without)) if with < without)
}

/// Whether both lowerings of a training loop agree with the processor.
fn training_outcomes(gpu: &Arc<Gpu>, profile: &Profile) -> Result<Vec<Outcome>> {
    let (expected, _) = run_training(None, &Profile::processor(), Lowering::Layered)?;
    let forms = [(Lowering::Layered, "a dispatch per operation"), (Lowering::Resident, "whole steps in one dispatch")];
    forms
        .into_iter()
        .map(|(lowering, form)| {
            let (got, kernels) = run_training(Some(gpu), profile, lowering)?;
            let error = difference(&expected, &got);
            Ok(Outcome { case: format!("training, {form}"), kernels, error, tolerance: 1e-4 })
        })
        .collect()
}

/// Largest difference relative to the largest value expected, and of values above a thousandth of that also a part of their
/// own relative difference; infinite if anything is not a number, or the lengths differ.
fn difference(expected: &[f32], got: &[f32]) -> f64 {
    if expected.len() != got.len() {
        return f64::INFINITY;
    }
    let scale = f64::from(expected.iter().fold(1e-30f32, |m, x| m.max(x.abs())));
    expected.iter().zip(got).fold(0.0, |error: f64, (e, g)| {
        let (off, size) = ((f64::from(*e) - f64::from(*g)).abs(), f64::from(e.abs()));
        let own = if size > 1e-3 * scale { off / size / OWN } else { 0.0 };
        let difference = (off / scale).max(own);
        if difference.is_nan() { f64::INFINITY } else { error.max(difference) }
    })
}

/// The largest difference of several tensors.
fn worst(expected: &[Vec<f32>], got: &[Vec<f32>]) -> f64 {
    if expected.len() != got.len() {
        return f64::INFINITY;
    }
    expected.iter().zip(got).map(|(e, g)| difference(e, g)).fold(0.0, f64::max)
}

/// How many times more a small value may be off, relative to itself, than the largest: sums of large terms may be small.
const OWN: f64 = 30.0;

/// What a case gives in double precision, rounded once.
fn interpreted(case: &Case) -> Result<Vec<Vec<f32>>> {
    let program = Program::of(case)?;
    let mut interpreter = Interpreter::new(program.graph, vec![program.function], REPLICAS)?;
    for (name, values) in &program.integers {
        interpreter.write_variable(name, &values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())?;
    }
    for (name, values) in &program.floats {
        interpreter.write_variable(name, &values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())?;
    }
    interpreter.run("run", 1)?;
    let read = |output: &String| Ok(interpreter.read_output(output)?.into_iter().map(|x| x as f32).collect());
    program.outputs.iter().map(read).collect()
}

/// Runs every case on a device, or on the processor without one, with the bodies that `profile` chooses.
///
/// # Errors
/// If a kernel does not compile or the device fails; a wrong result is an outcome, not an error.
pub fn run(gpu: Option<&Arc<Gpu>>, profile: &Profile) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for case in &cases() {
        // Words say one product in many ways, and what is multiplied was rounded before it was made whole.
        let expected = match (case.name == WHOLE, gpu) {
            (true, None) => continue,
            (true, Some(_)) => run_case(case, None, &Profile::processor())?.0,
            (false, _) => interpreted(case)?,
        };
        let (got, kernels) = run_case(case, gpu, profile)?;
        let error = worst(&expected, &got);
        outcomes.push(Outcome { case: case.name.to_owned(), kernels, error, tolerance: case.tolerance });
    }
    if let Some(gpu) = gpu {
        outcomes.extend(training_outcomes(gpu, profile)?);
    }
    Ok(outcomes)
}

/// WGSL of every kernel variant that the cases use with a profile: name and text.
///
/// # Errors
/// If a case cannot be lowered.
pub fn kernel_texts(profile: &Profile) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for case in cases() {
        let Program { graph, function, .. } = Program::of(&case)?;
        let plan = lower(&graph, &[function], REPLICAS, profile)?;
        for kernel in plan.kernels() {
            let entry = (kernel.name(), kernel.wgsl(profile.width()));
            if !texts.contains(&entry) {
                texts.push(entry);
            }
        }
    }
    let (g, function) = training()?;
    let plan = lower_as(&g, &[function], REPLICAS, profile, Lowering::Resident)?;
    texts.extend(plan.functions.iter().filter_map(|f| f.resident.as_ref()).map(|r| (r.name(), r.wgsl())));
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::{difference, worst};

    #[test]
    fn a_difference_sees_small_values_and_lengths() {
        assert_eq!(difference(&[1.0, 0.5], &[1.0, 0.5]), 0.0);
        assert!((difference(&[2.0, 1.0], &[2.0, 1.02]) - 0.01).abs() < 1e-6);
        // A hundredth of the largest, wrong by half: five thousandths of the largest, but more than that of itself.
        assert!(difference(&[1.0, 0.01], &[1.0, 0.015]) > 0.016);
        assert_eq!(difference(&[1.0, 2.0], &[1.0]), f64::INFINITY);
        assert_eq!(difference(&[1.0], &[f32::NAN]), f64::INFINITY);
        assert_eq!(worst(&[vec![1.0], vec![2.0]], &[vec![1.0]]), f64::INFINITY);
    }
}

//! Linear probes trained on the device, all folds of all representations at once, to the optimum of the same objective as
//! [`logistic`](super::logistic) and [`ridge`](super::ridge) have.
//!
//! The curvature of a logistic loss nowhere exceeds that of a quadratic one (Böhning 1992): `1/2 X'X` for a softmax, `1/4 X'X`
//! for independent sigmoids. The inverse of that bound, with the penalty, is made once for each fold in f64; steps are the
//! gradient times it, with Nesterov's momentum, which is dropped whenever a step goes uphill (O'Donoghue and Candès 2015).
//! Least squares is the case where the bound is the curvature. Scores of all examples are read back, and those of each fold's
//! test part are finished in f64.

use std::sync::Arc;

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::device::batches::{in_batches, padded, program};
use crate::measure::parallel::in_parallel;
use crate::measure::statistic::input::{column_means, less, take_rows};
use crate::measure::statistic::probe::Fold;
use crate::measure::statistic::standard::Standard;

/// What is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// One class of several: multinomial logistic regression.
    Softmax,
    /// Targets that do not exclude each other, or a single one: logistic regression of each.
    Sigmoid,
    /// Least squares.
    Identity,
}

impl Link {
    /// Largest curvature of the loss in a score.
    fn bound(self) -> f64 {
        match self {
            Self::Softmax => 0.5,
            Self::Sigmoid => 0.25,
            Self::Identity => 1.0,
        }
    }
}

/// A linear probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// What is fitted.
    pub link: Link,
    /// The penalty is this times half the sum of the squared weights, beside the *sum* of the losses of the examples fitted on:
    /// `1 / C` of scikit-learn's logistic regression, `alpha` of its ridge regression.
    pub penalty: f64,
    /// Whether units are scaled to a standard deviation of one on the examples fitted on.
    pub standardise: bool,
}

/// Steps between two looks at the gradient.
const TURN: u32 = 50;
/// Looks after which it gives up.
const TURNS: usize = 80;
/// Size of the gradient, in the norm of the bound's inverse, below which nothing is left to do.
const DONE: f32 = 2e-8;
/// Looks without a smaller gradient after which single precision gives no more.
const STALLED: usize = 3;
/// Largest size of the gradient that counts as the optimum.
const ENOUGH: f32 = 2e-5;

const INPUT: &str = "input";
const INVERSE: &str = "inverse";
const SHARE: &str = "share";
const PENALTY: &str = "penalty";
const NAMES: Names = Names {
    weights: "weights",
    former: "former",
    age: "age",
    going: "going",
    size: "size",
    step: "step",
    look: "look",
};
const SCORES: &str = "scores";

/// Held-out scores of each representation, `[examples, targets]`: those of an example are from the fold that tests it. `targets`
/// `[examples, targets]` are one-hot classes, zeros and ones, or numbers, as the link has it. An error stands for a
/// representation whose probe does not converge in single precision.
///
/// # Errors
/// If there are no representations, shapes do not fit, folds name examples that there are not, the penalty is not positive,
/// or the device fails.
pub fn held_out_scores(
    gpu: Option<&Arc<Gpu>>,
    set: &[Mat<f64>],
    targets: &Mat<f64>,
    folds: &[Fold],
    probe: Probe,
) -> Result<Vec<Result<Mat<f64>>>> {
    let n = targets.nrows();
    let fits = set.iter().all(|x| x.nrows() == n && x.ncols() > 0);
    let known = folds.iter().all(|f| !f.train.is_empty() && f.train.iter().chain(&f.test).all(|&i| i < n));
    if set.is_empty() || n == 0 || targets.ncols() == 0 || !fits || !known || folds.is_empty() {
        return Err(Error::Measure(format!(
            "probes need representations and targets of the same examples, and folds of them: got {} representations and \
             {n} targets",
            set.len()
        )));
    }
    if !(probe.penalty > 0.0 && probe.penalty.is_finite()) {
        return Err(Error::Measure(format!("a probe's penalty must be positive and finite, but is {}", probe.penalty)));
    }
    // One more for the intercept.
    let room = (set.iter().map(Mat::ncols).max().unwrap_or(1) + 1).next_multiple_of(4);
    let problems: Vec<(usize, usize)> = (0..set.len()).flat_map(|x| (0..folds.len()).map(move |f| (x, f))).collect();
    let solved = in_batches(
        &problems,
        usize::MAX,
        |count| Fitting::new(gpu, count, room, targets, probe.link),
        |fitting, part| {
            let made = in_parallel(part.len(), |i| Problem::of(&set[part[i].0], &folds[part[i].1], probe, room));
            fitting.solve(&made.into_iter().collect::<Result<Vec<_>>>()?)
        },
    )?;
    let mut all = Vec::with_capacity(set.len());
    for own in solved.chunks(folds.len()) {
        let mut scores = Mat::zeros(n, targets.ncols());
        let mut outcome = Ok(());
        for (fold, found) in folds.iter().zip(own) {
            match found {
                Ok(found) => fold.test.iter().for_each(|&i| {
                    (0..targets.ncols()).for_each(|t| scores[(i, t)] = f64::from(found[i * targets.ncols() + t]));
                }),
                Err(size) => {
                    outcome = Err(Error::Measure(format!(
                        "a probe did not reach its optimum in single precision (gradient {size:.1e}): use a larger penalty, or \
                         the CPU"
                    )));
                }
            }
        }
        all.push(outcome.map(|()| scores));
    }
    Ok(all)
}

/// One fold of one representation, as the device takes it.
struct Problem {
    /// All examples, with the means and scales of those fitted on, and a column of ones: `[examples, room]`.
    inputs: Vec<f32>,
    /// `[room, room]`.
    inverse: Vec<f32>,
    /// One over their number for the examples fitted on, else zero.
    share: Vec<f32>,
    /// Penalty of the mean loss for each row of the weights; none for the intercept.
    penalty: Vec<f32>,
}

impl Problem {
    fn of(x: &Mat<f64>, fold: &Fold, probe: Probe, room: usize) -> Result<Self> {
        let train = take_rows(x.as_ref(), &fold.train);
        let m = fold.train.len() as f64;
        let means = column_means(train.as_ref());
        let centred = less(train.as_ref(), &means);
        // One scale for all keeps the objective but for the penalty; one for each unit is another objective, as asked.
        let common = Standard::scaled(centred.clone()).scale;
        let scale = |j: usize| {
            let deviation = centred.col(j).norm_l2() / m.sqrt();
            match (probe.standardise, deviation > 0.0) {
                (true, true) => 1.0 / deviation,
                (true, false) => 1.0,
                (false, _) => common,
            }
        };
        let scales: Vec<f64> = (0..x.ncols()).map(scale).collect();
        let penalty = probe.penalty / m * if probe.standardise { 1.0 } else { common * common };
        let d = x.ncols();
        let inputs =
            Mat::from_fn(x.nrows(), d + 1, |i, j| if j < d { (x[(i, j)] - means[j]) * scales[j] } else { 1.0 });
        let fitted = Mat::from_fn(fold.train.len(), d, |i, j| centred[(i, j)] * scales[j]);
        let bound = probe.link.bound();
        let mut curvature = fitted.transpose() * &fitted;
        for j in 0..d {
            for i in 0..d {
                let own = if i == j { penalty } else { 0.0 };
                curvature[(i, j)] = curvature[(i, j)] * bound / m + own;
            }
        }
        let Ok(factor) = curvature.llt(Side::Lower) else {
            return Err(Error::Measure("a probe's curvature is not positive: the penalty is too small".into()));
        };
        let inverse = factor.inverse();
        // Means are zero, so that the intercept stands apart.
        let whole = Mat::from_fn(room, room, |i, j| match (i < d && j < d, i == d && j == d) {
            (true, _) => inverse[(i, j)],
            (_, true) => 1.0 / bound,
            _ => 0.0,
        });
        let mut share = vec![0.0; x.nrows()];
        fold.train.iter().for_each(|&i| share[i] = (1.0 / m) as f32);
        let penalty = (0..room).map(|j| if j < d { penalty as f32 } else { 0.0 }).collect();
        Ok(Self { inputs: padded(&inputs, room), inverse: padded(&whole, room), share, penalty })
    }
}

/// The program: each replica is a problem.
struct Fitting {
    machine: Machine,
}

impl Fitting {
    fn new(gpu: Option<&Arc<Gpu>>, problems: usize, room: usize, targets: &Mat<f64>, link: Link) -> Result<Self> {
        let (n, c) = (targets.nrows(), targets.ncols());
        let mut g = Graph::new();
        let mut variable =
            |name: &str, shape: [usize; 2]| g.variable(name, &shape, DType::F32, VariableKind::Transient);
        let x = variable(INPUT, [n, room])?;
        let inverse = variable(INVERSE, [room, room])?;
        let share = variable(SHARE, [n, 1])?;
        let penalty = variable(PENALTY, [room, 1])?;
        let descending = Descending::new(&mut g, &NAMES, [room, c], 1)?;
        let targets = g.data(padded(targets, c), &[n, c])?;
        let gradient = |g: &mut Graph, at: Tensor| -> Result<Tensor> {
            let scores = g.matmul(x, at)?;
            let expected = expectation(g, scores, link)?;
            let residual = g.minus(expected, targets)?;
            let residual = g.times(residual, share)?;
            let loss = g.matmul_of(x, true, residual, false)?;
            let pull = g.times(at, penalty)?;
            g.plus(loss, pull)
        };

        let turned = |g: &mut Graph, slope: Tensor| g.matmul(inverse, slope);
        let scores = g.matmul(x, descending.weights)?;
        let functions = [
            descending.step(&mut g, &NAMES, &gradient, &turned)?,
            descending.look(&mut g, &NAMES, &gradient, &turned)?,
            Function::new("score", vec![Effect::Output(SCORES.into(), scores)]),
        ];
        Ok(Self { machine: program(gpu, &g, &functions, problems)? })
    }

    /// Scores of all examples for each problem, or the size of the gradient that it ended at.
    fn solve(&mut self, problems: &[Problem]) -> Result<Vec<std::result::Result<Vec<f32>, f32>>> {
        let machine = &mut self.machine;
        let replicas = machine.replicas();
        for (place, problem) in problems.iter().enumerate() {
            machine.write_replica(INPUT, place, &problem.inputs)?;
            machine.write_replica(INVERSE, place, &problem.inverse)?;
            machine.write_replica(SHARE, place, &problem.share)?;
            machine.write_replica(PENALTY, place, &problem.penalty)?;
        }
        let mut going: Vec<f32> = (0..replicas).map(|r| if r < problems.len() { 1.0 } else { 0.0 }).collect();
        Descent::new(replicas, DONE).run(machine, &NAMES, &mut going)?;
        machine.run("score", 1)?;
        let results = machine.read_results()?;
        let (sizes, scores) = (machine.output(&results, NAMES.size)?, machine.output(&results, SCORES)?);
        let each = scores.len() / replicas;
        Ok((0..problems.len())
            .map(
                |r| {
                    if Descent::arrived(sizes[r]) {
                        Ok(scores[r * each..(r + 1) * each].to_vec())
                    } else {
                        Err(sizes[r])
                    }
                },
            )
            .collect())
    }
}

/// Names of the variables, the output and the functions of descents.
pub(crate) struct Names {
    pub weights: &'static str,
    pub former: &'static str,
    pub age: &'static str,
    pub going: &'static str,
    pub size: &'static str,
    pub step: &'static str,
    pub look: &'static str,
}

/// Nodes of one descent of a matrix of weights, or of one for each of its columns.
pub(crate) struct Descending {
    pub weights: Tensor,
    former: Tensor,
    age: Tensor,
    going: Tensor,
    each_column: bool,
}

/// A node made of another.
type Made<'a> = &'a dyn Fn(&mut Graph, Tensor) -> Result<Tensor>;

impl Descending {
    /// With weights of a shape, and so many descents: one, or as many as there are columns.
    pub fn new(g: &mut Graph, names: &Names, weights: [usize; 2], descents: usize) -> Result<Self> {
        let mut variable =
            |name: &str, shape: [usize; 2]| g.variable(name, &shape, DType::F32, VariableKind::Transient);
        Ok(Self {
            weights: variable(names.weights, weights)?,
            former: variable(names.former, weights)?,
            age: variable(names.age, [1, descents])?,
            going: variable(names.going, [1, descents])?,
            each_column: descents > 1,
        })
    }

    fn summed(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        if self.each_column { g.sum(x, 0) } else { g.sum_all(x) }
    }

    /// A step by the gradient times the inverse of the curvature's bound, with Nesterov's momentum, which is dropped whenever
    /// a step goes uphill.
    pub fn step(&self, g: &mut Graph, names: &Names, gradient: Made<'_>, turned: Made<'_>) -> Result<Function> {
        // Momentum of k / (k + 3), k steps since it was last dropped.
        let below = g.shift(self.age, 3.0);
        let momentum = g.over(self.age, below)?;
        let moved = g.minus(self.weights, self.former)?;
        let ahead = g.times(moved, momentum)?;
        let at = g.plus(self.weights, ahead)?;
        let slope = gradient(g, at)?;
        let step = turned(g, slope)?;
        let next = g.minus(at, step)?;
        let moved = g.minus(next, self.weights)?;
        let along = g.times(slope, moved)?;
        let along = self.summed(g, along)?;
        let zero = g.constant(0.0);
        let uphill = g.binary(Binary::Greater, along, zero)?;
        let older = g.shift(self.age, 1.0);
        let age_next = g.select(uphill, zero, older)?;
        // What has arrived stays as it is, whatever company it is in.
        let kept = g.select(self.going, next, self.weights)?;
        let effects = vec![
            Effect::Assign(g.variable_of(self.former)?, self.weights),
            Effect::Assign(g.variable_of(self.weights)?, kept),
            Effect::Assign(g.variable_of(self.age)?, age_next),
        ];
        Ok(Function::new(names.step, effects).repeated(TURN * 10))
    }

    /// Sizes of the gradients in the norm of the inverses, `[1, descents]`.
    pub fn look(&self, g: &mut Graph, names: &Names, gradient: Made<'_>, turned: Made<'_>) -> Result<Function> {
        let slope = gradient(g, self.weights)?;
        let turned = turned(g, slope)?;
        let product = g.times(slope, turned)?;
        let size = self.summed(g, product)?;
        let size = g.unary(Unary::Abs, size);
        let size = g.unary(Unary::Sqrt, size);
        Ok(Function::new(names.look, vec![Effect::Output(names.size.into(), size)]))
    }
}

/// When each of several descents is over: by the sizes of their gradients, in the norm of the bound's inverse.
pub(crate) struct Descent {
    done: f32,
    least: Vec<f32>,
    since: Vec<usize>,
}

impl Descent {
    /// So many, of which each is over at a size of `done`.
    pub fn new(count: usize, done: f32) -> Self {
        Self { done, least: vec![f32::INFINITY; count], since: vec![0; count] }
    }

    /// From weights of zero, until none is `going` any more; sizes of the gradients are among the machine's results then.
    pub fn run(mut self, machine: &mut Machine, names: &Names, going: &mut [f32]) -> Result<()> {
        for name in [names.weights, names.former, names.age] {
            let elements = machine.plan().variables[name].1.elements * machine.replicas();
            machine.write_variable(name, &vec![0.0; elements])?;
        }
        for _ in 0..TURNS {
            machine.write_variable(names.going, going)?;
            machine.run(names.step, TURN)?;
            machine.run(names.look, 1)?;
            self.look(&machine.read_output(names.size)?, going);
            if going.iter().all(|&g| g == 0.0) {
                break;
            }
        }
        machine.run(names.look, 1)
    }

    /// Looks at the sizes, and ends those that are at their optimum, or as near to it as single precision goes.
    fn look(&mut self, sizes: &[f32], going: &mut [f32]) {
        for (i, (&size, going)) in sizes.iter().zip(going).enumerate() {
            if *going == 0.0 {
                continue;
            }
            self.since[i] = if size < 0.9 * self.least[i] { 0 } else { self.since[i] + 1 };
            self.least[i] = self.least[i].min(size);
            let stalled = self.since[i] >= STALLED && size <= 2.0 * self.least[i] && size <= ENOUGH;
            if size <= self.done || stalled {
                *going = 0.0;
            }
        }
    }

    /// Whether a size counts as the optimum.
    pub fn arrived(size: f32) -> bool {
        size <= ENOUGH
    }
}

/// What the scores lead to expect of the targets.
fn expectation(g: &mut Graph, scores: Tensor, link: Link) -> Result<Tensor> {
    Ok(match link {
        Link::Identity => scores,
        Link::Sigmoid => g.unary(Unary::Sigmoid, scores),
        Link::Softmax => {
            let top = g.max(scores, 1)?;
            let below = g.minus(scores, top)?;
            let weights = g.unary(Unary::Exp, below);
            let total = g.sum(weights, 1)?;
            g.over(weights, total)?
        }
    })
}

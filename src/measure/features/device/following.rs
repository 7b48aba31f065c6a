//! Which of two features a new classifier follows, as nodes ([`redundant`](super::super::redundant) has the definitions): a
//! logistic regression of every two features and of several numbers of examples, all columns of one matrix of weights, for all
//! replicas at once.
//!
//! Which examples two features agree on is read off the labels on the host. Curvatures are summed on the device and inverted on
//! the host in f64; steps and the stop are those of the probes ([`probes`](crate::measure::describe::probes)).

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side};

use super::Extents;
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::compare::in_parallel;
use crate::measure::describe::probes::{Descent, TURN, TURNS};
use crate::measure::features::explained::Inputs;

/// Numbers of examples that classifiers are fitted to: the first ones on which the features agree, all of them if there are
/// fewer.
pub const SIZES: [usize; 3] = [16, 64, 256];

/// Inverse strength of the penalty, as in scikit-learn: `C Σ loss + |w|²/2` is minimised, with a free intercept.
pub const C: f64 = 1.0;

/// Size of the gradient at which a classifier is fitted: its objective is within 1e-12 of the least one, which moves no answer
/// that rounding does not move too. The last digits that probes go on for take ten times the steps.
const DONE: f32 = 1e-6;

const LABELS: &str = "following/labels";
const INPUTS: &str = "following/inputs";
const SCALE: &str = "following/scale";
const SHARES: &str = "following/shares";
const INVERSE: &str = "following/inverse";
const PENALTY: &str = "following/penalty";
const WEIGHTS: &str = "following/weights";
const FORMER: &str = "following/former";
const AGE: &str = "following/age";
const GOING: &str = "following/going";
const SIZE: &str = "following/size";
const FIRST: &str = "following/first";
const AGREEING: &str = "following/agreeing";

const READ: &str = "following/read";
const SUM: &str = "following/sum";
const STEP: &str = "following/step";
const LOOK: &str = "following/look";
const SCORE: &str = "following/score";

/// Classifiers of one representation of each replica, in several passes.
#[derive(Clone, Debug)]
pub struct Following {
    fit: usize,
    units: usize,
    features: usize,
    problems: Vec<Problem>,
}

/// A classifier: two features that give its label, and the number of examples that it is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The feature that it may follow.
    pub first: usize,
    /// The other one.
    pub second: usize,
    /// One of [`SIZES`].
    pub size: usize,
}

/// What a classifier came to; no numbers if it was not determined, or did not converge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Part of the conflicting test examples on which it follows the first feature.
    pub first: f64,
    /// Part of the other test examples that it gets right.
    pub agreeing: f64,
    /// Examples that it was fitted to.
    pub examples: usize,
}

fn curvature(problem: usize) -> String {
    format!("following/curvature/{problem}")
}

impl Following {
    /// The nodes of classifiers of every two features, and the functions that [`run`](Self::run) needs in the machine.
    ///
    /// # Errors
    /// If shapes do not fit, there are fewer than two features, or the names of its variables are taken.
    pub fn declare(g: &mut Graph, of: Inputs) -> Result<(Self, Vec<Function>)> {
        let Extents { fit: n, test: m, units, features } = Extents::of(g, of)?;
        if features < 2 {
            return Err(Error::Shape("a classifier follows one of two features, and there are fewer".into()));
        }
        let mut problems = Vec::new();
        for first in 0..features {
            for second in first + 1..features {
                problems.extend(SIZES.map(|size| Problem { first, second, size }));
            }
        }
        let p = problems.len();
        // One more for the intercept; products like multiples of four.
        let room = (units + 1).next_multiple_of(4);
        let mut variable =
            |name: &str, shape: [usize; 2]| g.variable(name, &shape, DType::F32, VariableKind::Transient);
        let labels = variable(LABELS, [n, features])?;
        let inputs = variable(INPUTS, [n, room])?;
        let scale = variable(SCALE, [1, 1])?;
        let shares = variable(SHARES, [p, n])?;
        let inverse = variable(INVERSE, [p * room, room])?;
        let penalty = variable(PENALTY, [1, p])?;
        let (weights, former) = (variable(WEIGHTS, [room, p])?, variable(FORMER, [room, p])?);
        let (age, going) = (variable(AGE, [1, p])?, variable(GOING, [1, p])?);
        let curvatures = (0..p).map(|i| variable(&curvature(i), [room, room])).collect::<Result<Vec<_>>>()?;

        // Units of mean zero and a common scale, and a column of ones.
        let place = |i: usize| f32::from(u8::from(i / room == i % room));
        let into = g.data((0..units * room).map(place).collect(), &[units, room])?;
        let ones = g.data((0..room).map(|i| f32::from(u8::from(i == units))).collect(), &[1, room])?;
        let first = g.rows(of.fit, 0, 1)?;
        let moved = g.minus(of.fit, first)?;
        let mean = g.mean(moved, 0)?;
        let centred = g.minus(moved, mean)?;
        let squares = g.unary(Unary::Square, centred);
        let size = g.mean_all(squares)?;
        let size = g.unary(Unary::Sqrt, size);
        let one = g.constant(1.0);
        let own_scale = g.over(one, size)?;
        let scaled = g.times(centred, own_scale)?;
        let wide = g.matmul(scaled, into)?;
        let wide = g.plus(wide, ones)?;
        let read = Function::new(
            READ,
            vec![
                Effect::Assign(g.variable_of(labels)?, of.fit_labels),
                Effect::Assign(g.variable_of(inputs)?, wide),
                Effect::Assign(g.variable_of(scale)?, own_scale),
            ],
        );

        g.fence();
        let by_example = g.transpose(shares)?;
        let mut sums = Vec::new();
        for (i, &curvature) in curvatures.iter().enumerate() {
            let share = g.rows(shares, i, 1)?;
            let share = g.transpose(share)?;
            let weighed = g.times(inputs, share)?;
            let products = g.matmul_of(inputs, true, weighed, false)?;
            sums.push(Effect::Assign(g.variable_of(curvature)?, products));
        }
        let sum = Function::new(SUM, sums);

        g.fence();
        let firsts = g.data(choice(&problems, features, |p| p.first), &[features, p])?;
        let targets = g.matmul(labels, firsts)?;
        // All weights but the intercept are held back.
        let held = g.data((0..room).map(|i| f32::from(u8::from(i < units))).collect(), &[room, 1])?;
        let own = (0..p * p).map(|i| f32::from(u8::from(i / p == i % p))).collect();
        let own = g.data(own, &[p, 1, p])?;
        let gradient = |g: &mut Graph, at: Tensor| -> Result<Tensor> {
            let scores = g.matmul(inputs, at)?;
            let expected = g.unary(Unary::Sigmoid, scores);
            let residual = g.minus(expected, targets)?;
            let residual = g.times(residual, by_example)?;
            let loss = g.matmul_of(inputs, true, residual, false)?;
            let pull = g.times(at, held)?;
            let pull = g.times(pull, penalty)?;
            g.plus(loss, pull)
        };
        // Each column by its own matrix: every matrix with every column, of which its own are kept.
        let turned = |g: &mut Graph, slope: Tensor| -> Result<Tensor> {
            let all = g.matmul(inverse, slope)?;
            let all = g.reshape(all, &[p, room, p])?;
            let all = g.times(all, own)?;
            let kept = g.sum(all, 2)?;
            let kept = g.reshape(kept, &[p, room])?;
            g.transpose(kept)
        };
        // Momentum of k / (k + 3), k steps since it was last dropped.
        let below = g.shift(age, 3.0);
        let momentum = g.over(age, below)?;
        let moved = g.minus(weights, former)?;
        let ahead = g.times(moved, momentum)?;
        let at = g.plus(weights, ahead)?;
        let slope = gradient(g, at)?;
        let step = turned(g, slope)?;
        let next = g.minus(at, step)?;
        let moved = g.minus(next, weights)?;
        let along = g.times(slope, moved)?;
        let along = g.sum(along, 0)?;
        let zero = g.constant(0.0);
        let uphill = g.binary(Binary::Greater, along, zero)?;
        let older = g.shift(age, 1.0);
        let age_next = g.select(uphill, zero, older)?;
        // A classifier that is fitted stays as it is, whatever company it is in.
        let kept = g.select(going, next, weights)?;
        let step = vec![
            Effect::Assign(g.variable_of(former)?, weights),
            Effect::Assign(g.variable_of(weights)?, kept),
            Effect::Assign(g.variable_of(age)?, age_next),
        ];
        let step = Function::new(STEP, step).repeated(TURN * 10);

        g.fence();
        let slope = gradient(g, weights)?;
        let step_left = turned(g, slope)?;
        let product = g.times(slope, step_left)?;
        let size = g.sum(product, 0)?;
        let size = g.unary(Unary::Abs, size);
        let size = g.unary(Unary::Sqrt, size);
        let look = Function::new(LOOK, vec![Effect::Output(SIZE.into(), size)]);

        g.fence();
        let first = g.rows(of.fit, 0, 1)?;
        let moved = g.minus(of.fit, first)?;
        let mean = g.mean(moved, 0)?;
        let tested = g.minus(of.test, first)?;
        let tested = g.minus(tested, mean)?;
        let tested = g.times(tested, scale)?;
        let wide = g.matmul(tested, into)?;
        let wide = g.plus(wide, ones)?;
        let scores = g.matmul(wide, weights)?;
        let says = g.binary(Binary::Greater, scores, zero)?;
        let seconds = g.data(choice(&problems, features, |p| p.second), &[features, p])?;
        let first = g.matmul(of.test_labels, firsts)?;
        let second = g.matmul(of.test_labels, seconds)?;
        let alike = g.binary(Binary::Equal, first, second)?;
        let apart = g.minus(one, alike)?;
        let follows = g.binary(Binary::Equal, says, first)?;
        let part = |g: &mut Graph, of: Tensor| -> Result<Tensor> {
            let hits = g.times(follows, of)?;
            let hits = g.sum(hits, 0)?;
            let count = g.sum(of, 0)?;
            // As a product, so that the count may be the same for all replicas.
            let hits = g.reshape(hits, &[1, p])?;
            g.over(hits, count)
        };
        let score = Function::new(
            SCORE,
            vec![Effect::Output(FIRST.into(), part(g, apart)?), Effect::Output(AGREEING.into(), part(g, alike)?)],
        );
        debug_assert_eq!(g.shape(scores).extents(), [m, p]);
        Ok((Self { fit: n, units, features, problems }, vec![read, sum, step, look, score]))
    }

    /// The classifiers, in the order of the results.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Fits and tries the classifiers of every replica of a machine that has the functions: `[replica][problem]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&self, machine: &mut Machine) -> Result<Vec<Vec<Found>>> {
        let (p, room, n) = (self.problems.len(), (self.units + 1).next_multiple_of(4), self.fit);
        let replicas = machine.replicas();
        machine.run(READ, 1)?;
        let labels = machine.read_variable(LABELS)?;
        let scales = machine.read_variable(SCALE)?;
        let agreed: Vec<Vec<Option<Vec<usize>>>> = labels
            .chunks(n * self.features)
            .map(|own| self.problems.iter().map(|p| p.examples(own, self.features)).collect())
            .collect();
        let mut shares = vec![0.0f32; replicas * p * n];
        let mut penalties = vec![0.0f32; replicas * p];
        for (r, own) in agreed.iter().enumerate() {
            for (i, examples) in own.iter().enumerate() {
                let Some(examples) = examples else { continue };
                let share = 1.0 / examples.len() as f64;
                examples.iter().for_each(|&e| shares[(r * p + i) * n + e] = share as f32);
                penalties[r * p + i] = (share / C * f64::from(scales[r]).powi(2)) as f32;
            }
        }
        machine.write_variable(SHARES, &shares)?;
        machine.write_variable(PENALTY, &penalties)?;
        machine.run(SUM, 1)?;
        let names: Vec<String> = (0..p).map(curvature).collect();
        let curvatures = names.iter().map(|name| machine.read_variable(name)).collect::<Result<Vec<_>>>()?;
        let inverses = in_parallel(replicas * p, |at| {
            let (r, i) = (at / p, at % p);
            let own = &curvatures[i][r * room * room..(r + 1) * room * room];
            inverse(own, self.units, room, f64::from(penalties[at]))
        });
        let mut going: Vec<f32> = (0..replicas * p)
            .map(|at| f32::from(u8::from(inverses[at].is_some() && agreed[at / p][at % p].is_some())))
            .collect();
        let written: Vec<f32> =
            inverses.into_iter().flat_map(|found| found.unwrap_or_else(|| vec![0.0; room * room])).collect();
        machine.write_variable(INVERSE, &written)?;
        machine.write_variable(WEIGHTS, &vec![0.0; replicas * room * p])?;
        machine.write_variable(FORMER, &vec![0.0; replicas * room * p])?;
        machine.write_variable(AGE, &vec![0.0; replicas * p])?;
        let known = going.clone();
        let mut descent = Descent::new(replicas * p, DONE);
        for _ in 0..TURNS {
            machine.write_variable(GOING, &going)?;
            machine.run(STEP, TURN)?;
            machine.run(LOOK, 1)?;
            descent.look(&machine.read_output(SIZE)?, &mut going);
            if going.iter().all(|&g| g == 0.0) {
                break;
            }
        }
        machine.run(LOOK, 1)?;
        machine.run(SCORE, 1)?;
        let results = machine.read_results()?;
        let [sizes, first, agreeing] = [SIZE, FIRST, AGREEING].map(|name| machine.output(&results, name));
        let (sizes, first, agreeing) = (sizes?, first?, agreeing?);
        let found = |at: usize| {
            let determined = known[at] != 0.0 && Descent::arrived(sizes[at]);
            let number = |v: f32| if determined { f64::from(v) } else { f64::NAN };
            let examples = agreed[at / p][at % p].as_ref().map_or(0, Vec::len);
            Found { first: number(first[at]), agreeing: number(agreeing[at]), examples }
        };
        Ok((0..replicas).map(|r| (0..p).map(|i| found(r * p + i)).collect()).collect())
    }

    /// The values of one replica under the names of metrics: `follows_A_over_B_N` for features A and B and N examples, and
    /// `follows_A_over_B_N_agreeing`.
    ///
    /// # Errors
    /// If the number of names is not that of the features.
    pub fn named(&self, found: &[Found], names: &[&str]) -> Result<Vec<(String, f64)>> {
        if names.len() != self.features {
            return Err(Error::Shape(format!(
                "{} names were given for {} features; give one each",
                names.len(),
                self.features
            )));
        }
        let each = self.problems.iter().zip(found).flat_map(|(p, found)| {
            let name = format!("follows_{}_over_{}_{}", names[p.first], names[p.second], p.size);
            [(format!("{name}_agreeing"), found.agreeing), (name, found.first)]
        });
        Ok(each.collect())
    }
}

impl Problem {
    /// The examples that it is fitted to; none if they are of one class.
    fn examples(&self, labels: &[f32], features: usize) -> Option<Vec<usize>> {
        let of = |example: usize, feature: usize| labels[example * features + feature] > 0.5;
        let agree = (0..labels.len() / features).filter(|&e| of(e, self.first) == of(e, self.second));
        let chosen: Vec<usize> = agree.take(self.size).collect();
        let ones = chosen.iter().filter(|&&e| of(e, self.first)).count();
        (ones > 0 && ones < chosen.len()).then_some(chosen)
    }
}

/// One-hot columns `[features, problems]` of one of the features of each problem.
fn choice(problems: &[Problem], features: usize, of: impl Fn(&Problem) -> usize) -> Vec<f32> {
    (0..features)
        .flat_map(|f| problems.iter().map(move |p| (f, p)))
        .map(|(f, p)| f32::from(u8::from(of(p) == f)))
        .collect()
}

/// The inverse of the bound of the curvature: a quarter of the sum of products, and the penalty of all weights but the
/// intercept. None if there is none.
fn inverse(products: &[f32], units: usize, room: usize, penalty: f64) -> Option<Vec<f32>> {
    let at = |i: usize, j: usize| f64::from(products[i * room + j]);
    let bound = Mat::from_fn(units + 1, units + 1, |i, j| {
        let own = if i == j && i < units { penalty } else { 0.0 };
        0.125 * (at(i, j) + at(j, i)) + own
    });
    if bound.norm_max().is_nan() {
        return None;
    }
    let inverse = bound.llt(Side::Lower).ok()?.inverse();
    let inside = |i: usize, j: usize| if i <= units && j <= units { inverse[(i, j)] as f32 } else { 0.0 };
    Some((0..room * room).map(|i| inside(i / room, i % room)).collect())
}

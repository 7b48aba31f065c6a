//! The nodes of the classifiers, by the passes that read them.

use super::super::{Centre, Extents};
use super::Problem;
use crate::error::Result;
use crate::graph::{Effect, Function, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::features::device::variance::Inputs;
use crate::measure::statistic::probe::{Descending, Names};

pub const LABELS: &str = "following/labels";
pub const INPUTS: &str = "following/inputs";
pub const SCALE: &str = "following/scale";
pub const SHARES: &str = "following/shares";
pub const INVERSE: &str = "following/inverse";
pub const PENALTY: &str = "following/penalty";
pub const NAMES: Names = Names {
    weights: "following/weights",
    former: "following/former",
    age: "following/age",
    going: "following/going",
    size: "following/size",
    step: "following/step",
    look: "following/look",
};
pub const FIRST: &str = "following/first";
pub const AGREEING: &str = "following/agreeing";

pub const READ: &str = "following/read";
pub const SUM: &str = "following/sum";
pub const SCORE: &str = "following/score";

/// Variable of the products of a classifier's examples.
pub fn curvature(problem: usize) -> String {
    format!("following/curvature/{problem}")
}

/// Columns of the inputs: one more than units for the intercept, and a multiple of four as products like it.
pub fn room(units: usize) -> usize {
    (units + 1).next_multiple_of(4)
}

/// What the passes share.
struct Shared {
    of: Inputs,
    /// Classifiers.
    p: usize,
    room: usize,
    units: usize,
    /// Places the units in `room` columns, `[units, room]`, and 1 in the intercept's, `[1, room]`.
    into: Tensor,
    ones: Tensor,
    /// The first feature of each classifier and the second, as one-hot columns `[features, p]`.
    firsts: Tensor,
    seconds: Tensor,
    labels: Tensor,
    inputs: Tensor,
    scale: Tensor,
    shares: Tensor,
    inverse: Tensor,
    penalty: Tensor,
    weights: Tensor,
    descending: Descending,
}

/// The functions: reading the labels and the inputs, sums of products, steps, a look at the gradient, and the score.
pub fn functions(g: &mut Graph, of: Inputs, problems: &[Problem]) -> Result<Vec<Function>> {
    let Extents { fit: n, units, features, .. } = Extents::of(g, of)?;
    let (p, room) = (problems.len(), room(units));
    let mut variable = |name: &str, shape: [usize; 2]| g.variable(name, &shape, DType::F32, VariableKind::Transient);
    let labels = variable(LABELS, [n, features])?;
    let inputs = variable(INPUTS, [n, room])?;
    let scale = variable(SCALE, [1, 1])?;
    let shares = variable(SHARES, [p, n])?;
    let inverse = variable(INVERSE, [p * room, room])?;
    let penalty = variable(PENALTY, [1, p])?;
    let place = |i: usize| f32::from(u8::from(i / room == i % room));
    let into = g.data((0..units * room).map(place).collect(), &[units, room])?;
    let ones = g.data((0..room).map(|i| f32::from(u8::from(i == units))).collect(), &[1, room])?;
    let firsts = g.data(choice(problems, features, |p| p.first), &[features, p])?;
    let seconds = g.data(choice(problems, features, |p| p.second), &[features, p])?;
    let descending = Descending::new(g, &NAMES, [room, p], p)?;
    let shared = Shared {
        of,
        p,
        room,
        units,
        into,
        ones,
        firsts,
        seconds,
        labels,
        inputs,
        scale,
        shares,
        inverse,
        penalty,
        weights: descending.weights,
        descending,
    };
    let mut all = vec![shared.read(g)?];
    g.fence();
    all.push(shared.sum(g)?);
    g.fence();
    let (gradient, turned) =
        (|g: &mut Graph, at| shared.gradient(g, at), |g: &mut Graph, slope| shared.turned(g, slope));
    all.push(shared.descending.step(g, &NAMES, &gradient, &turned)?);
    g.fence();
    all.push(shared.descending.look(g, &NAMES, &gradient, &turned)?);
    g.fence();
    all.push(shared.score(g)?);
    Ok(all)
}

impl Shared {
    /// Labels as they are, and inputs of mean zero and a common scale with a column of ones.
    fn read(&self, g: &mut Graph) -> Result<Function> {
        let centred = Centre::of(g, self.of.fit)?.taken_off(g, self.of.fit)?;
        let squares = g.unary(Unary::Square, centred);
        let size = g.mean_all(squares)?;
        let size = g.unary(Unary::Sqrt, size);
        let one = g.constant(1.0);
        let scale = g.over(one, size)?;
        let scaled = g.times(centred, scale)?;
        let wide = self.widened(g, scaled)?;
        let effects = vec![
            Effect::Assign(g.variable_of(self.labels)?, self.of.fit_labels),
            Effect::Assign(g.variable_of(self.inputs)?, wide),
            Effect::Assign(g.variable_of(self.scale)?, scale),
        ];
        Ok(Function::new(READ, effects))
    }

    fn widened(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let wide = g.matmul(x, self.into)?;
        g.plus(wide, self.ones)
    }

    /// Products of the inputs of each classifier's examples, weighed by their shares.
    fn sum(&self, g: &mut Graph) -> Result<Function> {
        let mut effects = Vec::new();
        for problem in 0..self.p {
            let shape = [self.room, self.room];
            let curvature = g.variable(curvature(problem), &shape, DType::F32, VariableKind::Transient)?;
            let share = g.rows(self.shares, problem, 1)?;
            let share = g.transpose(share)?;
            let weighed = g.times(self.inputs, share)?;
            let products = g.matmul_of(self.inputs, true, weighed, false)?;
            effects.push(Effect::Assign(g.variable_of(curvature)?, products));
        }
        Ok(Function::new(SUM, effects))
    }

    /// Gradients of the mean losses and penalties at weights, `[room, p]`.
    fn gradient(&self, g: &mut Graph, at: Tensor) -> Result<Tensor> {
        let targets = g.matmul(self.labels, self.firsts)?;
        let by_example = g.transpose(self.shares)?;
        let scores = g.matmul(self.inputs, at)?;
        let expected = g.unary(Unary::Sigmoid, scores);
        let residual = g.minus(expected, targets)?;
        let residual = g.times(residual, by_example)?;
        let loss = g.matmul_of(self.inputs, true, residual, false)?;
        // All weights but the intercept are held back.
        let held = (0..self.room).map(|i| f32::from(u8::from(i < self.units)));
        let held = g.data(held.collect(), &[self.room, 1])?;
        let pull = g.times(at, held)?;
        let pull = g.times(pull, self.penalty)?;
        g.plus(loss, pull)
    }

    /// Each column turned by its own inverse: every matrix times every column, of which its own is kept.
    fn turned(&self, g: &mut Graph, slope: Tensor) -> Result<Tensor> {
        let (p, room) = (self.p, self.room);
        let own = (0..p * p).map(|i| f32::from(u8::from(i / p == i % p))).collect();
        let own = g.data(own, &[p, 1, p])?;
        let all = g.matmul(self.inverse, slope)?;
        let all = g.reshape(all, &[p, room, p])?;
        let all = g.times(all, own)?;
        let kept = g.sum(all, 2)?;
        let kept = g.reshape(kept, &[p, room])?;
        g.transpose(kept)
    }

    /// Parts of the conflicting test examples on which the first feature is followed, and of the others that are right.
    fn score(&self, g: &mut Graph) -> Result<Function> {
        let tested = Centre::of(g, self.of.fit)?.taken_off(g, self.of.test)?;
        let tested = g.times(tested, self.scale)?;
        let wide = self.widened(g, tested)?;
        let scores = g.matmul(wide, self.weights)?;
        let zero = g.constant(0.0);
        let says = g.binary(Binary::Greater, scores, zero)?;
        let first = g.matmul(self.of.test_labels, self.firsts)?;
        let second = g.matmul(self.of.test_labels, self.seconds)?;
        let alike = g.binary(Binary::Equal, first, second)?;
        let one = g.constant(1.0);
        let apart = g.minus(one, alike)?;
        let follows = g.binary(Binary::Equal, says, first)?;
        let mut part = |of: Tensor| -> Result<Tensor> {
            let hits = g.times(follows, of)?;
            let hits = g.sum(hits, 0)?;
            let count = g.sum(of, 0)?;
            g.over(hits, count)
        };
        let effects = vec![Effect::Output(FIRST.into(), part(apart)?), Effect::Output(AGREEING.into(), part(alike)?)];
        Ok(Function::new(SCORE, effects))
    }
}

/// One-hot columns `[features, problems]` of one of the features of each problem.
fn choice(problems: &[Problem], features: usize, of: impl Fn(&Problem) -> usize) -> Vec<f32> {
    (0..features)
        .flat_map(|f| problems.iter().map(move |p| (f, p)))
        .map(|(f, p)| f32::from(u8::from(of(p) == f)))
        .collect()
}

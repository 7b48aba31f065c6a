//! Which of two features a new classifier follows, as nodes ([`redundant`](super::super::redundant) has the definitions): a
//! logistic regression of every two features and of several numbers of examples, all columns of one matrix of weights, for all
//! replicas at once.
//!
//! Which examples two features agree on is read off the labels on the host. Curvatures are summed on the device and inverted on
//! the host in f64; steps and the stop are those of the probes (`Descent`).

mod nodes;

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side};

use super::{Extents, one_name_each};
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Machine};
use crate::measure::features::device::variance::Inputs;
use crate::measure::parallel::in_parallel;
use crate::measure::statistic::probe::Descent;
use nodes::{AGREEING, FIRST, INVERSE, LABELS, NAMES, PENALTY, READ, SCALE, SCORE, SHARES, SUM, curvature, room};

/// Numbers of examples that classifiers are fitted to: the first ones on which the features agree, all of them if there are
/// fewer.
pub const SIZES: [usize; 3] = [16, 64, 256];

/// Inverse strength of the penalty, as in scikit-learn: `C Σ loss + |w|²/2` is minimised, with a free intercept.
pub const C: f64 = 1.0;

/// Size of the gradient at which a classifier is fitted: its objective is within 1e-12 of the least one, which moves no answer
/// that rounding does not move too. The last digits that probes go on for take ten times the steps.
const DONE: f32 = 1e-6;

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

impl Following {
    /// The nodes of classifiers of every two features, and the functions that [`run`](Self::run) needs in the machine.
    ///
    /// # Errors
    /// If shapes do not fit, there are fewer than two features, or the names of its variables are taken.
    pub fn declare(g: &mut Graph, of: Inputs) -> Result<(Self, Vec<Function>)> {
        let Extents { fit, units, features, .. } = Extents::of(g, of)?;
        if features < 2 {
            return Err(Error::Shape("a classifier follows one of two features, and there are fewer".into()));
        }
        let mut problems = Vec::new();
        for first in 0..features {
            for second in first + 1..features {
                problems.extend(SIZES.map(|size| Problem { first, second, size }));
            }
        }
        let functions = nodes::functions(g, of, &problems)?;
        Ok((Self { fit, units, features, problems }, functions))
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
        let (p, room, n) = (self.problems.len(), room(self.units), self.fit);
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
        let known = going.clone();
        Descent::new(replicas * p, DONE).run(machine, &NAMES, &mut going)?;
        machine.run(SCORE, 1)?;
        let results = machine.read_results()?;
        let [sizes, first, agreeing] = [NAMES.size, FIRST, AGREEING].map(|name| machine.output(&results, name));
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
        one_name_each(names, self.features)?;
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

//! Principal components as nodes ([`components`](super::super::components) has the definitions): covariances are summed on the
//! device, their eigenvectors found on the host in f64, and scores, correlations and accuracies computed on the device.

use faer::{Mat, Side};

use super::{Answers, Centre, Extents, one_name_each, row};
use crate::error::Result;
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::features::device::variance::Inputs;
use crate::measure::parallel::in_parallel;

/// Components at most; of fewer units there are as many as units.
pub const MOST: usize = 16;

const SUM: &str = "components/sum";
const SCORE: &str = "components/score";
const COVARIANCE: &str = "components/covariance";
const DIRECTIONS: &str = "components/directions";
const SQUARED: &str = "components/squared";

/// Components of one representation of each replica, in two passes.
#[derive(Clone, Debug)]
pub struct Principal {
    units: usize,
    kept: usize,
    features: usize,
}

/// What the components of one replica came to; no numbers if its representation is not finite, or does not vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Share of the variance of each component on the fit set, all of them, descending.
    pub share: Vec<f64>,
    /// Squared correlation of each component's scores on the test set with each feature, `[feature][component]`.
    pub squared: Vec<Vec<f64>>,
    /// Accuracy from the first k components for each k from 0, `[feature][k]`.
    pub accuracy: Vec<Vec<f64>>,
}

fn answers(feature: usize) -> String {
    format!("components/answers/{feature}")
}

impl Principal {
    /// The nodes of components fitted on the fit set and scored on the test set, with labels of 0 and 1; and the functions that
    /// [`run`](Self::run) needs in the machine.
    ///
    /// # Errors
    /// If shapes do not fit, or the names of its variables are taken.
    pub fn declare(g: &mut Graph, of: Inputs, head: &Answers) -> Result<(Self, Vec<Function>)> {
        let Extents { fit, test, units, features } = Extents::of(g, of)?;
        Extents { fit, test, units, features }.check_head(g, head)?;
        let kept = units.min(MOST);
        let covariance = g.variable(COVARIANCE, &[units, units], DType::F32, VariableKind::Transient)?;
        let directions = g.variable(DIRECTIONS, &[units, kept], DType::F32, VariableKind::Transient)?;

        let centred = Centre::of(g, of.fit)?.taken_off(g, of.fit)?;
        let products = g.matmul_of(centred, true, centred, false)?;
        let products = g.scale(products, 1.0 / (fit.max(2) - 1) as f64);
        let sum = Function::new(SUM, vec![Effect::Assign(g.variable_of(covariance)?, products)]);

        g.fence();
        let centre = Centre::of(g, of.fit)?;
        let tested = centre.taken_off(g, of.test)?;
        let scores = g.matmul(tested, directions)?;
        let mut effects = vec![Effect::Output(SQUARED.into(), squared(g, scores, of.test_labels)?)];
        // What is answered at the mean, and what each component adds to it.
        let whole = g.plus(centre.first, centre.mean)?;
        let start = head.above(g, whole)?;
        let start = g.transpose(start)?;
        let along = g.matmul_of(head.weight, false, directions, false)?;
        let labels = g.transpose(of.test_labels)?;
        let earlier: Vec<f32> =
            (0..kept * (kept + 1)).map(|i| f32::from(u8::from(i / (kept + 1) < i % (kept + 1)))).collect();
        let earlier = g.data(earlier, &[kept, kept + 1])?;
        let (zero, half) = (g.constant(0.0), g.constant(0.5));
        for f in 0..features {
            let added = row(g, along, f)?;
            let added = g.transpose(added)?;
            let added = g.times(added, earlier)?;
            let outputs = g.matmul(scores, added)?;
            let start = row(g, start, f)?;
            let outputs = g.plus(outputs, start)?;
            let says = g.binary(Binary::Greater, outputs, zero)?;
            let is = row(g, labels, f)?;
            let is = g.transpose(is)?;
            let is = g.binary(Binary::Greater, is, half)?;
            let right = g.binary(Binary::Equal, says, is)?;
            effects.push(Effect::Output(answers(f), g.mean(right, 0)?));
        }
        let score = Function::new(SCORE, effects);
        Ok((Self { units, kept, features }, vec![sum, score]))
    }

    /// Components of every replica of a machine that has the functions.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&self, machine: &mut Machine) -> Result<Vec<Found>> {
        machine.run(SUM, 1)?;
        let covariances = machine.read_variable(COVARIANCE)?;
        let (units, kept) = (self.units, self.kept);
        let each: Vec<&[f32]> = covariances.chunks(units * units).collect();
        let bases = in_parallel(each.len(), |i| Basis::of(each[i], units, kept));
        let written: Vec<f32> = bases.iter().flat_map(|basis| basis.directions.iter().copied()).collect();
        machine.write_variable(DIRECTIONS, &written)?;
        machine.run(SCORE, 1)?;
        let results = machine.read_results()?;
        let squared = machine.output(&results, SQUARED)?;
        let answered = (0..self.features).map(|f| machine.output(&results, &answers(f))).collect::<Result<Vec<_>>>()?;
        let numbers = |values: &[f32], known: bool| -> Vec<f64> {
            values.iter().map(|&v| if known { f64::from(v) } else { f64::NAN }).collect()
        };
        let of = |(r, basis): (usize, Basis)| {
            let known = !basis.share.is_empty();
            let squared = &squared[r * self.features * kept..(r + 1) * self.features * kept];
            Found {
                squared: squared.chunks(kept).map(|row| numbers(row, known)).collect(),
                accuracy: answered
                    .iter()
                    .map(|all| numbers(&all[r * (kept + 1)..(r + 1) * (kept + 1)], known))
                    .collect(),
                share: if known { basis.share } else { vec![f64::NAN; units] },
            }
        };
        Ok(bases.into_iter().enumerate().map(of).collect())
    }
}

/// Squared correlations of scores `[M, k]` with labels `[M, features]`, `[features, k]`.
fn squared(g: &mut Graph, scores: Tensor, labels: Tensor) -> Result<Tensor> {
    let mean = g.mean(scores, 0)?;
    let scores = g.minus(scores, mean)?;
    let mean = g.mean(labels, 0)?;
    let labels = g.minus(labels, mean)?;
    let products = g.matmul_of(labels, true, scores, false)?;
    let products = g.unary(Unary::Square, products);
    let of_scores = g.unary(Unary::Square, scores);
    let of_scores = g.sum(of_scores, 0)?;
    let of_labels = g.unary(Unary::Square, labels);
    let of_labels = g.sum(of_labels, 0)?;
    let of_labels = g.transpose(of_labels)?;
    let both = g.times(of_labels, of_scores)?;
    g.over(products, both)
}

/// Eigenvectors of a covariance.
struct Basis {
    /// `[units, kept]`
    directions: Vec<f32>,
    /// Descending; empty if there are none.
    share: Vec<f64>,
}

impl Basis {
    fn of(covariance: &[f32], units: usize, kept: usize) -> Self {
        let none = Self { directions: vec![0.0; units * kept], share: Vec::new() };
        // Once from each side: sums of products in f32 may differ in the last bit.
        let at = |i: usize, j: usize| f64::from(covariance[i * units + j]);
        let covariance = Mat::from_fn(units, units, |i, j| 0.5 * (at(i, j) + at(j, i)));
        let total: f64 = (0..units).map(|i| covariance[(i, i)]).sum();
        if !(total > 0.0 && total.is_finite()) || covariance.norm_max().is_nan() {
            return none;
        }
        let Ok(found) = covariance.self_adjoint_eigen(Side::Lower) else { return none };
        let (vectors, values) = (found.U(), found.S().column_vector());
        let last = units - 1;
        let directions = (0..units * kept).map(|i| vectors[(i / kept, last - i % kept)] as f32).collect();
        let share = (0..units).map(|k| values[last - k].max(0.0) / total).collect();
        Self { directions, share }
    }
}

impl Found {
    /// The values under the names of metrics, for so many components: `component_share_K` from 1, `component_r2_NAME_K` from 1,
    /// and `accuracy_NAME_from_K` from 0.
    ///
    /// # Errors
    /// If the number of names is not that of the features.
    pub fn named(&self, names: &[&str]) -> Result<Vec<(String, f64)>> {
        one_name_each(names, self.squared.len())?;
        let kept = self.squared.first().map_or(0, Vec::len);
        let mut all: Vec<(String, f64)> = Vec::new();
        all.extend(self.share.iter().take(kept).enumerate().map(|(k, &v)| (format!("component_share_{}", k + 1), v)));
        for (f, name) in names.iter().enumerate() {
            let squared = self.squared[f].iter().enumerate();
            all.extend(squared.map(|(k, &v)| (format!("component_r2_{name}_{}", k + 1), v)));
            let accuracy = self.accuracy[f].iter().enumerate();
            all.extend(accuracy.map(|(k, &v)| (format!("accuracy_{name}_from_{k}"), v)));
        }
        Ok(all)
    }
}

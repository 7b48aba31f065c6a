//! Functions that run once training is over: networks with units removed or merged. They leave the parameters as they are.

use super::super::observer::{self, Observed, Seen, chosen_layers, of_training};
use super::super::units;
use super::{Build, Reading};
use crate::config::{After, AfterKind, Criterion, Ends, Measure};
use crate::error::Result;
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::matmul::Precision;
use crate::kernels::program::{Binary, DType, Distribution, Unary};
use crate::nn::Pass;

/// A function that looks, and what is read after it.
#[derive(Clone, Debug)]
pub(in crate::train) struct Afterwards {
    pub(super) function: String,
    /// What changes the parameters before it, and restores them after it.
    pub(super) rounds: Option<Rounds>,
    pub(super) readings: Vec<Reading>,
    /// How it is run.
    pub(super) runs: Vec<Run>,
}

/// Functions that change the parameters.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    pub keep: String,
    /// Once, before the rounds: a function, and how often it runs.
    pub before: Option<(String, u32)>,
    /// As often as a run says.
    pub round: String,
    pub restore: String,
}

/// One look.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// What stands before the names of its metrics; none where they have it already.
    pub name: Option<String>,
    /// Variables that it sets.
    pub writes: Vec<(String, f32)>,
    pub rounds: u32,
}

/// A metric: its name, its hidden layer, and its value of each replica, or one for all.
type Found = (String, Option<usize>, Vec<f64>);

impl Afterwards {
    /// Runs all looks.
    pub fn run(&self, machine: &mut Machine) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for run in &self.runs {
            for (name, value) in &run.writes {
                machine.write_variable(name, &vec![*value; machine.replicas()])?;
            }
            if let Some(Rounds { keep, before, round, .. }) = &self.rounds {
                machine.run(keep, 1)?;
                if let Some((balance, times)) = before {
                    machine.run(balance, *times)?;
                }
                machine.run(round, run.rounds)?;
            }
            machine.run(&self.function, 1)?;
            let results = machine.read_results()?;
            for reading in &self.readings {
                let name = match (&run.name, reading.name.split_once('.')) {
                    (Some(name), Some((_, metric))) => format!("{name}.{metric}"),
                    _ => reading.name.clone(),
                };
                found.push((name, reading.layer, reading.read(machine, &results)?));
            }
            if let Some(Rounds { restore, .. }) = &self.rounds {
                machine.run(restore, 1)?;
            }
        }
        Ok(found)
    }
}

impl Build<'_> {
    /// What an experiment wants done once training is over.
    pub fn after(&mut self, seen: &Seen) -> Result<(Vec<Function>, Vec<Afterwards>)> {
        let (mut functions, mut all) = (Vec::new(), Vec::new());
        // Of the network that `[model]` describes, whatever is observed of others.
        let mut layers = chosen_layers(&self.e.observed(), seen.hidden.len())?;
        layers.retain(|&layer| layer < seen.own);
        for (i, after) in self.e.after.iter().enumerate() {
            match after.kind {
                AfterKind::Prune => {
                    let (effects, readings) = self.prune(after, i, seen, &layers)?;
                    let function = format!("after/{i}");
                    functions.push(Function::new(&function, effects));
                    all.push(Afterwards { function, rounds: None, readings, runs: vec![Run::default()] });
                }
                AfterKind::Ablate => {
                    for &layer in &layers {
                        let (number, function) = (format!("after/{i}/{layer}/unit"), format!("after/{i}/{layer}"));
                        let units = self.features(seen, layer);
                        let (effects, readings) = self.ablate(&number, units, layer)?;
                        functions.push(Function::new(&function, effects));
                        let run = |unit: usize| Run {
                            name: Some(format!("{}_{unit}", after.kind)),
                            writes: vec![(number.clone(), unit as f32)],
                            rounds: 0,
                        };
                        all.push(Afterwards { function, rounds: None, readings, runs: (0..units).map(run).collect() });
                    }
                }
                AfterKind::Merge => {
                    let (merging, afterwards) = self.merge(after, i, seen, &layers)?;
                    functions.extend(merging);
                    all.push(afterwards);
                }
            }
        }
        Ok((functions, all))
    }

    /// Features of a hidden layer: units of vectors, channels of images.
    fn features(&self, seen: &Seen, layer: usize) -> usize {
        self.network
            .hidden()
            .get(layer)
            .map_or_else(|| self.g.shape(seen.hidden[layer]).columns(), |form| form.features)
    }

    fn prune(&mut self, after: &After, i: usize, seen: &Seen, layers: &[usize]) -> Result<(Vec<Effect>, Vec<Reading>)> {
        self.g.fence();
        let mut values = Vec::new();
        for &layer in layers {
            values.push(self.criterion(after.by, i, seen, layer)?);
        }
        let (mut effects, mut readings) = (Vec::new(), Vec::new());
        for &fraction in &after.fractions {
            let mut factors = vec![None; seen.own];
            for (&layer, &values) in layers.iter().zip(&values) {
                let count = (fraction * self.g.shape(values).elements() as f64).round() as usize;
                factors[layer] = Some(units::all_but(&mut self.g, values, count, after.order == Ends::Lowest)?);
            }
            self.examine(&after.part(fraction), None, factors, &mut effects, &mut readings)?;
        }
        Ok((effects, readings))
    }

    /// What units are pruned by, `[H, 1]`.
    fn criterion(&mut self, by: Criterion, i: usize, seen: &Seen, layer: usize) -> Result<Tensor> {
        let units = self.features(seen, layer);
        match by {
            Criterion::WeightNorm => units::weight_norms(&mut self.g, &seen.sides, layer, "after.by = \"weight_norm\""),
            Criterion::FourierIpr => {
                units::fourier_ratios(&mut self.g, &seen.sides, seen.modulus, layer, "after.by = \"fourier_ipr\"")
            }
            Criterion::Activity => {
                self.g.set_precision(self.precision);
                let hidden = self.forward(seen.inputs, Pass::evaluate())?.hidden[layer];
                self.g.set_precision(Precision::Single);
                mean_squares(&mut self.g, hidden, units)
            }
            Criterion::Random => {
                let (purpose, slot) = (self.g.purpose(&format!("after/{i}/{layer}")), self.g.integer(0));
                Ok(self.g.random(Distribution::Uniform, &[units, 1], self.state.seed, purpose, slot))
            }
        }
    }

    fn ablate(&mut self, number: &str, units: usize, layer: usize) -> Result<(Vec<Effect>, Vec<Reading>)> {
        let g = &mut self.g;
        g.fence();
        let number = g.variable(number, &[1, 1], DType::F32, VariableKind::Transient)?;
        let (column, one) = (g.column_index(&[1, units]), g.constant(1.0));
        let this = g.binary(Binary::Equal, column, number)?;
        let others = g.minus(one, this)?;
        let mut factors = vec![None; layer];
        factors.push(Some(others));
        let (mut effects, mut readings) = (Vec::new(), Vec::new());
        self.examine(AfterKind::Ablate.name(), Some(layer), factors, &mut effects, &mut readings)?;
        Ok((effects, readings))
    }

    /// Puts out what the network with hidden features times `factors` comes to, under the name of what was done.
    pub(super) fn examine(
        &mut self,
        what: &str,
        layer: Option<usize>,
        factors: Vec<Option<Tensor>>,
        effects: &mut Vec<Effect>,
        readings: &mut Vec<Reading>,
    ) -> Result<()> {
        self.g.set_precision(self.precision);
        let nodes = self.tables.test(&mut self.g)?;
        let forward = self.forward(nodes.inputs, Pass::changed(factors.clone()))?;
        let mut seen = self.seen_on(&self.data.test, &nodes, forward);
        if self.e.observe.has(Measure::AccuracyTrain) {
            seen.train = Some(self.training_set(Pass::changed(factors))?);
        }
        self.g.set_precision(Precision::Single);
        let g = &mut self.g;
        let loss = seen.loss.of_some(g, seen.output, seen.targets, seen.counted)?;
        let mut all = vec![Observed::new("loss_test", loss)];
        all.extend(observer::accuracy(g, &seen)?.map(|value| Observed::new("accuracy_test", value)));
        of_training(g, &seen, &mut all)?;
        for Observed { name, value, .. } in all {
            self.put_out(&format!("{what}.{name}"), layer, value, effects, readings);
        }
        Ok(())
    }

    /// Puts out a value.
    pub(super) fn put_out(
        &self,
        name: &str,
        layer: Option<usize>,
        value: Tensor,
        effects: &mut Vec<Effect>,
        readings: &mut Vec<Reading>,
    ) {
        let reading = Reading { layer, ..Reading::new(name, None) };
        effects.extend(reading.effects(value, None));
        readings.push(reading);
    }
}

/// Mean squares of the features of a representation over examples and positions, `[H, 1]`.
fn mean_squares(g: &mut Graph, x: Tensor, features: usize) -> Result<Tensor> {
    let elements = g.shape(x).elements();
    let x = g.reshape(x, &[elements / features, features])?;
    let squares = g.unary(Unary::Square, x);
    let means = g.mean(squares, 0)?;
    g.reshape(means, &[features, 1])
}

//! Observers: what is read off every network at checkpoints, as graphs.

use crate::config::{self, Measure};
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::cka::{self, Kind};
use crate::measure::distance;
use crate::nn::{Loss, global_norm};

/// What an observer can see of one replica, on the probe set.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Probe inputs `[N, D]`.
    pub inputs: Tensor,
    /// Targets as the loss takes them: labels `[N, 1]` or values `[N, C]`.
    pub targets: Tensor,
    /// Targets as values `[N, C]` (one-hot for classes).
    pub values: Tensor,
    /// Whether `targets` are classes.
    pub classes: bool,
    /// Hidden representations `[N, units]`.
    pub hidden: Vec<Tensor>,
    /// The representations kept for comparison: those of the first checkpoint while training.
    pub kept: Option<Vec<Tensor>>,
    /// The network's output `[N, C]`.
    pub output: Tensor,
    /// Trained variables.
    pub parameters: Vec<Tensor>,
    /// The loss.
    pub loss: Loss,
}

/// A named scalar, perhaps of a hidden layer.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Name in `metrics.parquet`.
    pub name: String,
    /// Hidden layer, by its number.
    pub layer: Option<usize>,
    /// `[1, 1]`
    pub value: Tensor,
}

impl Observed {
    /// A value of the whole network.
    pub fn new(name: impl Into<String>, value: Tensor) -> Self {
        Self { name: name.into(), layer: None, value }
    }

    /// A value of a hidden layer.
    pub fn at(name: impl Into<String>, layer: usize, value: Tensor) -> Self {
        Self { name: name.into(), layer: Some(layer), value }
    }
}

/// Something that can be observed.
pub trait Observer {
    /// Adds the nodes of the values to a graph.
    ///
    /// # Errors
    /// If they cannot be expressed.
    fn observe(&self, g: &mut Graph, seen: &Seen) -> Result<Vec<Observed>>;
}

/// Prefix of the names of comparisons with what is kept; the sweep renames them to first or last.
pub(super) const KEPT: &str = "cka_kept";

/// The observer of the measures that an experiment names.
pub fn built_in(e: &config::Experiment) -> impl Observer + use<> {
    Standard(e.observe.clone())
}

struct Standard(config::Observe);

impl Observer for Standard {
    fn observe(&self, g: &mut Graph, seen: &Seen) -> Result<Vec<Observed>> {
        let mut all = Vec::new();
        if self.0.has(Measure::Loss) {
            all.push(Observed::new("loss", seen.loss.apply(g, seen.output, seen.targets)?));
        }
        if self.0.has(Measure::Accuracy)
            && let Some(value) = accuracy(g, seen)?
        {
            all.push(Observed::new("accuracy", value));
        }
        if self.0.has(Measure::WeightNorm) {
            all.push(Observed::new("weight_norm", global_norm(g, &seen.parameters)?));
        }
        let layers = chosen_layers(&self.0, seen.hidden.len())?;
        if self.0.has(Measure::Distance) {
            for &layer in &layers {
                for [a, b] in &self.0.pairs {
                    let value = distance::squared(g, seen.hidden[layer], *a as usize, *b as usize)?;
                    all.push(Observed::at(format!("distance_{a}_{b}"), layer, value));
                }
            }
        }
        self.alignments(g, seen, &layers, &mut all)?;
        Ok(all)
    }
}

impl Standard {
    /// CKA of each layer with the inputs, the labels and what is kept, from one pass over the Gram matrices.
    fn alignments(&self, g: &mut Graph, seen: &Seen, layers: &[usize], all: &mut Vec<Observed>) -> Result<()> {
        let mut xs: Vec<Tensor> = layers.iter().map(|&l| seen.hidden[l]).collect();
        let (mut pairs, mut names) = (Vec::new(), Vec::new());
        let mut with_all = |xs: &mut Vec<Tensor>, name: &str, target: Tensor| {
            xs.push(target);
            for (i, &layer) in layers.iter().enumerate() {
                pairs.push((i, xs.len() - 1));
                names.push((name.to_owned(), layer));
            }
        };
        if self.0.has(Measure::CkaInput) {
            with_all(&mut xs, "cka_input", seen.inputs);
        }
        if self.0.has(Measure::CkaLabels) {
            with_all(&mut xs, "cka_labels", seen.values);
        }
        if let Some(kept) = &seen.kept
            && (self.0.has(Measure::CkaFirst) || self.0.has(Measure::CkaLast))
        {
            for (i, &layer) in layers.iter().enumerate() {
                xs.push(kept[layer]);
                pairs.push((i, xs.len() - 1));
                names.push((KEPT.to_owned(), layer));
            }
        }
        let kinds = kinds(&self.0);
        for (kind, values) in kinds.iter().zip(cka::many(g, &xs, &pairs, &kinds)?) {
            for ((name, layer), value) in names.iter().zip(values) {
                all.push(Observed::at(format!("{name}{}", kind.suffix()), *layer, value));
            }
        }
        Ok(())
    }
}

/// The kinds of CKA that an experiment wants.
pub(super) fn kinds(observe: &config::Observe) -> Vec<Kind> {
    if observe.debiased { vec![Kind::Plain, Kind::Debiased] } else { vec![Kind::Plain] }
}

/// The hidden layers that an experiment observes.
pub(super) fn chosen_layers(observe: &config::Observe, count: usize) -> Result<Vec<usize>> {
    match &observe.layers {
        None => Ok((0..count).collect()),
        Some(layers) => layers
            .iter()
            .map(|&l| match l as usize {
                l if l < count => Ok(l),
                l => Err(Error::config(format!(
                    "observe.layers names hidden layer {l}, but the model has {count}, counted from 0"
                ))),
            })
            .collect(),
    }
}

/// Fraction of examples (or outputs, if each has its own target) that are right; none for regression.
pub(super) fn accuracy(g: &mut Graph, seen: &Seen) -> Result<Option<Tensor>> {
    if seen.classes && seen.loss == Loss::CrossEntropy {
        let right = g.correct(seen.output, seen.targets)?;
        return g.mean_all(right).map(Some);
    }
    match seen.loss {
        Loss::BinaryCrossEntropy(_) => {
            let (zero, half) = (g.constant(0.0), g.constant(0.5));
            let says = g.binary(Binary::Greater, seen.output, zero)?;
            let is = g.binary(Binary::Greater, seen.values, half)?;
            let right = g.binary(Binary::Equal, says, is)?;
            g.mean_all(right).map(Some)
        }
        Loss::SquaredError(_) if seen.classes => {
            // The target's output is the largest: its value, found by the one-hot target, reaches the row's maximum.
            let best = g.max(seen.output, 1)?;
            let masked = g.times(seen.output, seen.values)?;
            let own = g.sum(masked, 1)?;
            let gap = g.minus(best, own)?;
            let size = g.unary(Unary::Abs, gap);
            let zero = g.constant(0.0);
            let wrong = g.binary(Binary::Greater, size, zero)?;
            let one = g.constant(1.0);
            let right = g.minus(one, wrong)?;
            g.mean_all(right).map(Some)
        }
        _ => Ok(None),
    }
}

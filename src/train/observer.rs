//! Observers: what is read off every network at checkpoints, as graphs.

use super::units::fourier_ratios;
use crate::config::{self, LayerName, Measure};
use crate::data::features::Features;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::embedding::{self, Embedding};
use crate::measure::features::device::Answers;
use crate::measure::features::device::intervention::steering;
use crate::measure::features::device::substructure::{Bits, Parts};
use crate::measure::features::device::variance::{Inputs, explained};
use crate::measure::{Estimator, distance, scale};
use crate::nn::{Dense, Loss, LossKind, Predictions, mean_of_counted};

/// What an observer can see of one replica, on the probe set.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Probe inputs `[N, D]`.
    pub inputs: Tensor,
    /// Targets as the loss takes them: labels `[N, 1]`, of sequences `[N, T]`, or values `[N, C]`.
    pub targets: Tensor,
    /// Targets as values `[N, C]` (one-hot for classes, of sequences `[N, T C]`).
    pub values: Tensor,
    /// Whether `targets` are classes.
    pub classes: bool,
    /// 1 for an example that loss and accuracy are of, `[N, 1]`, where each replica draws what it is trained on; none where all are.
    pub counted: Option<Tensor>,
    /// Hidden representations `[N, units]`: of the network that `[model]` describes, then of those beside it.
    pub hidden: Vec<Tensor>,
    /// How many of them are of that network.
    pub own: usize,
    /// The representations kept for comparison: those of the first checkpoint while training.
    pub kept: Option<Vec<Tensor>>,
    /// The network's output `[N, C]`, of sequences that are answered at each position `[N, T C]`.
    pub output: Tensor,
    /// Trained variables.
    pub parameters: Vec<Tensor>,
    /// The dense layers on either side of each hidden layer, where there are such: [`Layer::neighbours`](crate::nn::Layer::neighbours).
    pub sides: Vec<Option<[Dense; 2]>>,
    /// The number below which inputs and classes are, where they are one-hot numbers.
    pub modulus: Option<usize>,
    /// The loss.
    pub loss: Loss,
    /// Names of the outputs, where each is a feature; empty otherwise.
    pub features: Vec<String>,
    /// The position at which each feature is answered, where examples are sequences that answer them one after the other.
    pub answered: Option<Vec<usize>>,
    /// The features that the data are made of, if they are.
    pub declared: Option<Features>,
    /// How the features are answered from the last hidden layer, if the network has [a layer](crate::nn::Layer::output_layer)
    /// that does nothing else.
    pub answers: Option<Answers>,
    /// The network on the set held out to fit regressions on: if an observer [reads it](Observer::reads_fit_set), and
    /// the data have such a set.
    pub fit: Option<FitSet>,
    /// The network on what it is trained on, evaluated: if an observer [reads it](Observer::reads_training_set).
    pub train: Option<TrainingSet>,
}

/// What an observer can see of one replica on what it is trained on.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Targets that are trained on, as the loss takes them.
    pub targets: Tensor,
    /// The same as values `[N, C]`.
    pub values: Tensor,
    /// True targets, as the loss takes them.
    pub true_targets: Tensor,
    /// The same as values.
    pub true_values: Tensor,
    /// 1 for an example that is trained on, `[N, 1]`; none where all are.
    pub counted: Option<Tensor>,
    /// 1 for an example whose label was drawn, if any was.
    pub replaced: Option<Tensor>,
    /// The network's output `[N, C]`.
    pub output: Tensor,
}

/// What an observer can see of one replica on the set that is held out to fit regressions on.
#[derive(Clone, Debug)]
pub struct FitSet {
    /// Inputs `[M, D]`.
    pub inputs: Tensor,
    /// Targets as values `[M, C]`.
    pub values: Tensor,
    /// Hidden representations `[M, units]`.
    pub hidden: Vec<Tensor>,
    /// The network's output `[M, C]`.
    pub output: Tensor,
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
    /// `[1, 1]`: what the value is divided by, so many times, in double precision; for what single precision may not hold.
    pub(super) over: Option<(Tensor, i32)>,
}

impl Observed {
    /// A value of the whole network.
    pub fn new(name: impl Into<String>, value: Tensor) -> Self {
        Self { name: name.into(), layer: None, value, over: None }
    }

    /// A value of a hidden layer.
    pub fn at(name: impl Into<String>, layer: usize, value: Tensor) -> Self {
        Self { name: name.into(), layer: Some(layer), value, over: None }
    }

    /// To be divided by a factor `[1, 1]`, `times` times, in double precision: a value in proportion to that power of something
    /// that the factor has brought near one.
    #[must_use]
    pub fn over(self, factor: Tensor, times: i32) -> Self {
        Self { over: Some((factor, times)), ..self }
    }
}

/// Something that can be observed.
pub trait Observer {
    /// Adds the nodes of the values to a graph.
    ///
    /// # Errors
    /// If they cannot be expressed.
    fn observe(&self, g: &mut Graph, seen: &Seen) -> Result<Vec<Observed>>;

    /// Whether it reads [`Seen::fit`], which is computed only if some observer does.
    fn reads_fit_set(&self) -> bool {
        false
    }

    /// Whether it reads [`Seen::train`], which is computed only if some observer does.
    fn reads_training_set(&self) -> bool {
        false
    }
}

/// Prefix of the names of comparisons with what is kept; the sweep renames them to first or last.
pub(super) const KEPT: &str = "cka_kept";

/// The observer of the measures that an experiment names.
pub fn built_in(e: &config::Experiment) -> impl Observer + use<> {
    Standard(e.observed())
}

struct Standard(config::Observe);

impl Observer for Standard {
    fn observe(&self, g: &mut Graph, seen: &Seen) -> Result<Vec<Observed>> {
        let mut all = Vec::new();
        if self.0.has(Measure::Loss) {
            all.push(Observed::new("loss", seen.loss.of_some(g, seen.output, seen.targets, seen.counted)?));
        }
        if let (true, Some(value)) = (self.0.has(Measure::Accuracy), accuracy(g, seen)?) {
            all.push(Observed::new("accuracy", value));
        }
        if self.0.has(Measure::Accuracy)
            && !seen.features.is_empty()
            && let Some(Right { mut right, .. }) = right(g, seen)?
        {
            if seen.answered.is_some() {
                let ([examples, _], [all, _]) = (g.matrix(seen.output)?, g.matrix(right)?);
                right = g.reshape(right, &[examples, all / examples])?;
            }
            for (feature, name) in seen.features.iter().enumerate() {
                let column = seen.answered.as_ref().map_or(feature, |answered| answered[feature]);
                all.push(Observed::new(format!("accuracy_{name}"), mean_of_column(g, right, column)?));
            }
        }
        if self.0.has(Measure::AccuracyTrain) {
            of_training(g, seen, &mut all)?;
        }
        if self.0.has(Measure::WeightNorm) {
            let (norm, factor) = scale::norm(g, &seen.parameters)?;
            all.push(Observed::new("weight_norm", norm).over(factor, 1));
        }
        let layers = chosen_layers(&self.0, seen.hidden.len())?;
        if self.0.has(Measure::FourierIpr) {
            for &layer in &layers {
                let ratios = fourier_ratios(g, &seen.sides, seen.modulus, layer, "observe.measures: fourier_ipr")?;
                all.push(Observed::at("fourier_ipr", layer, g.mean_all(ratios)?));
                let (high, low) = (g.constant(0.5), g.constant(0.2));
                let (above, below) =
                    (g.binary(Binary::Greater, ratios, high)?, g.binary(Binary::Greater, low, ratios)?);
                all.push(Observed::at("fourier_ipr_above_0.5", layer, g.mean_all(above)?));
                all.push(Observed::at("fourier_ipr_below_0.2", layer, g.mean_all(below)?));
            }
        }
        if self.0.has(Measure::MeanSquare) {
            for &layer in &layers {
                let (near_one, factor) = scale::near_one(g, seen.hidden[layer])?;
                let squares = g.unary(Unary::Square, near_one);
                all.push(Observed::at("mean_square", layer, g.mean_all(squares)?).over(factor, 2));
            }
        }
        if self.0.has(Measure::Distance) {
            for &layer in &layers {
                for [a, b] in &self.0.pairs {
                    let (value, factor) = distance::squared(g, seen.hidden[layer], *a as usize, *b as usize)?;
                    all.push(Observed::at(format!("distance_{a}_{b}"), layer, value).over(factor, 2));
                }
            }
        }
        if let Some(fit) = &seen.fit
            && self.0.has(Measure::VarianceExplained)
        {
            let names: Vec<&str> = seen.features.iter().map(String::as_str).collect();
            for &layer in &layers {
                let (scaled, factor) = scale::together(g, &[fit.hidden[layer], seen.hidden[layer]])?;
                let (fit_labels, test_labels) = (fit.values, seen.values);
                let explained = explained(g, Inputs { fit: scaled[0], fit_labels, test: scaled[1], test_labels })?;
                for (name, value) in explained.named(g, &names)? {
                    let total = value == explained.total;
                    let observed = Observed::at(name, layer, value);
                    all.push(if total { observed.over(factor, 2) } else { observed });
                }
            }
        }
        if self.0.has(Measure::Interventions) {
            let (layer, inputs) = last_layer(seen, Measure::Interventions)?;
            let answers = answers(seen, Measure::Interventions)?;
            let names: Vec<&str> = seen.features.iter().map(String::as_str).collect();
            let named = steering(g, inputs, &answers)?.named(g, &names)?;
            all.extend(named.into_iter().map(|(name, value)| Observed::at(name, layer, value)));
        }
        if self.0.has(Measure::Substructure) {
            substructure(g, seen, &layers, &mut all)?;
        }
        self.alignments(g, seen, &layers, &mut all)?;
        Ok(all)
    }

    fn reads_fit_set(&self) -> bool {
        self.0.measures.iter().any(|m| m.of_features())
    }

    fn reads_training_set(&self) -> bool {
        self.0.has(Measure::AccuracyTrain)
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
        let estimators = estimators(&self.0);
        let embeddings: Vec<Embedding> = estimators.iter().map(|&e| Embedding::linear(e)).collect();
        for (estimator, values) in estimators.iter().zip(embedding::many(g, &xs, &pairs, &embeddings)?) {
            for ((name, layer), value) in names.iter().zip(values) {
                all.push(Observed::at(estimator.named(name), *layer, value));
            }
        }
        Ok(())
    }
}

/// What an analysis of the last hidden layer reads: its number, and both sets.
pub(super) fn last_layer(seen: &Seen, measure: Measure) -> Result<(usize, Inputs)> {
    let (Some(fit), Some(layer)) = (&seen.fit, seen.own.checked_sub(1)) else {
        return Err(needs(measure, "a hidden layer, and data that are made of features"));
    };
    let (test, test_labels) = (seen.hidden[layer], seen.values);
    Ok((layer, Inputs { fit: fit.hidden[layer], fit_labels: fit.values, test, test_labels }))
}

/// How the last hidden layer is answered from.
pub(super) fn answers(seen: &Seen, measure: Measure) -> Result<Answers> {
    seen.answers.ok_or_else(|| needs(measure, "a model whose output layer reads the last hidden layer alone"))
}

fn needs(measure: Measure, what: &str) -> Error {
    Error::config(format!("observe.measures: {measure} needs {what}"))
}

/// What hidden layers keep of the bits of each feature of four bits.
fn substructure(g: &mut Graph, seen: &Seen, layers: &[usize], all: &mut Vec<Observed>) -> Result<()> {
    let (Some(fit), Some(declared)) = (&seen.fit, &seen.declared) else { return Ok(()) };
    let mut first = 0;
    for feature in declared.features() {
        if feature.is_of_four_bits() {
            let inputs = Bits { fit: fit.inputs, test: seen.inputs };
            let parts = Parts::of_inputs(g, inputs, first, feature.units)?;
            for &layer in layers {
                let (scaled, _) = scale::together(g, &[fit.hidden[layer], seen.hidden[layer]])?;
                for part in parts.explained(g, scaled[0], scaled[1])? {
                    let name = |of: &str| format!("{of}_{}.{}", feature.name, part.name);
                    all.push(Observed::at(name("explained"), layer, part.variance));
                    all.push(Observed::at(name("explained_uniform"), layer, part.uniform));
                }
            }
        }
        first += feature.units;
    }
    Ok(())
}

/// The estimators of CKA that an experiment wants.
pub(super) fn estimators(observe: &config::Observe) -> Vec<Estimator> {
    if observe.debiased { vec![Estimator::Biased, Estimator::Debiased] } else { vec![Estimator::Biased] }
}

/// The hidden layers that an experiment observes.
pub(super) fn chosen_layers(observe: &config::Observe, count: usize) -> Result<Vec<usize>> {
    match &observe.layers {
        None => Ok((0..count).collect()),
        Some(layers) => layers
            .iter()
            .map(|layer| match layer {
                LayerName::Number(l) if (*l as usize) < count => Ok(*l as usize),
                LayerName::Number(l) => Err(Error::config(format!(
                    "observe.layers names hidden layer {l}, but the model has {count}, counted from 0"
                ))),
                LayerName::Name(name) => {
                    Err(Error::config(format!("observe.layers: no hidden layer is named `{name}`")))
                }
            })
            .collect(),
    }
}

/// Fraction of examples (or outputs or positions, if each has its own target) that are right; none for regression.
pub(super) fn accuracy(g: &mut Graph, seen: &Seen) -> Result<Option<Tensor>> {
    let Some(right) = right(g, seen)? else { return Ok(None) };
    if seen.counted.is_none() {
        return right.mean(g).map(Some);
    }
    let of_each = g.mean(right.right, 1)?;
    mean_of_counted(g, of_each, seen.counted).map(Some)
}

/// Accuracies on what is trained on, by the labels that are trained on and, where some were drawn, by the true ones.
pub(super) fn of_training(g: &mut Graph, seen: &Seen, all: &mut Vec<Observed>) -> Result<()> {
    let Some(train) = &seen.train else { return Ok(()) };
    let TrainingSet { targets, values, output, counted, .. } = *train;
    let trained = Seen { targets, values, output, counted, ..seen.clone() };
    let Some(value) = accuracy(g, &trained)? else { return Ok(()) };
    all.push(Observed::new("accuracy_train", value));
    let Some(replaced) = train.replaced else { return Ok(()) };
    let one = g.constant(1.0);
    let kept = g.minus(one, replaced)?;
    let kept = counted.map_or(Ok(kept), |counted| g.times(counted, kept))?;
    let truly = Seen { targets: train.true_targets, values: train.true_values, ..trained.clone() };
    for (name, of, counted) in [
        ("accuracy_corrupted", &trained, replaced),
        ("accuracy_uncorrupted", &trained, kept),
        ("accuracy_restored", &truly, replaced),
    ] {
        if let Some(value) = accuracy(g, &Seen { counted: Some(counted), ..of.clone() })? {
            all.push(Observed::new(name, value));
        }
    }
    Ok(())
}

/// What is right.
pub(super) struct Right {
    /// 1 for each example `[N, 1]`, each of its outputs `[N, C]`, or each of its positions `[N T, 1]`, that is right.
    pub right: Tensor,
    /// 1 for each that counts, if not all do.
    pub counted: Option<Tensor>,
}

impl Right {
    fn mean(&self, g: &mut Graph) -> Result<Tensor> {
        mean_of_counted(g, self.right, self.counted)
    }
}

/// What is right; none for regression.
pub(super) fn right(g: &mut Graph, seen: &Seen) -> Result<Option<Right>> {
    if seen.classes && seen.loss.kind == LossKind::CrossEntropy {
        let Predictions { logits, labels, counted } = Predictions::new(g, seen.output, seen.targets)?;
        return Ok(Some(Right { right: g.correct(logits, labels)?, counted }));
    }
    let right = match seen.loss.kind {
        LossKind::Bce => halves(g, seen, 0.0).map(Some),
        LossKind::Mse if !seen.features.is_empty() => halves(g, seen, 0.5).map(Some),
        LossKind::Mse if seen.classes => {
            // The target's output is the largest: its value, found by the one-hot target, reaches the row's maximum.
            let best = g.max(seen.output, 1)?;
            let masked = g.times(seen.output, seen.values)?;
            let own = g.sum(masked, 1)?;
            let gap = g.minus(best, own)?;
            let size = g.unary(Unary::Abs, gap);
            let zero = g.constant(0.0);
            let wrong = g.binary(Binary::Greater, size, zero)?;
            let one = g.constant(1.0);
            g.minus(one, wrong).map(Some)
        }
        _ => Ok(None),
    };
    Ok(right?.map(|right| Right { right, counted: None }))
}

/// 1 for each output that lies on its target's side of `border`, where targets are 0 or 1.
fn halves(g: &mut Graph, seen: &Seen, border: f32) -> Result<Tensor> {
    let (border, half) = (g.constant(border), g.constant(0.5));
    let says = g.binary(Binary::Greater, seen.output, border)?;
    let is = g.binary(Binary::Greater, seen.values, half)?;
    g.binary(Binary::Equal, says, is)
}

/// Mean of one column of a matrix, `[1, 1]`.
fn mean_of_column(g: &mut Graph, x: Tensor, column: usize) -> Result<Tensor> {
    let [_, columns] = g.matrix(x)?;
    let means = g.mean(x, 0)?;
    let this = (0..columns).map(|c| if c == column { 1.0 } else { 0.0 }).collect();
    let this = g.data(this, &[1, columns])?;
    let picked = g.times(means, this)?;
    g.sum_all(picked)
}

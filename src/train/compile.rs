//! From an experiment's settings to the graph and the functions of a group.
//!
//! The functions: `init` sets everything to its start; `step` trains; `gradient` measures the gradient of the coming
//! batch; `data` makes the examples of replicas that make their own; `forget` starts the mean of the training loss anew; `evaluate` observes the probe set; `test` evaluates on all that is held out; `keep` remembers the present
//! representations for comparison. After `evaluate` come the passes of analyses that take several.

use super::analysing::Analyses;
use super::declared::Declared;
use super::model::{Model, Network};
use super::observer::{self, FitSet, Observed, Observer, Seen};
use super::prepared::{Part, Prepared, Targets};
use super::stages::Stages;
use super::structure;
use super::tables::{PartNodes, Tables, part};
use super::track::{Activations, Quantity, Track};
use crate::config::{self, BatchMode, LossKind, Measure};
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Graph, Machine, Results, Tensor, VariableKind};
use crate::kernels::matmul::Precision;
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::features::device::Answers;
use crate::measure::scale;
use crate::nn::{Dropout, Forward, Hyper, Loss, LossScale, Update, clip_by_global_norm, global_norm};

/// Steps of which the training loss is kept on the device, for the progress bar.
pub(super) const LOSS_KEPT: usize = 64;

/// Steps whose training losses are summed before they are added to the sum of all: a power of two.
const LOSS_BLOCK: f32 = 1024.0;

/// A group's program before it is lowered.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Nodes.
    pub graph: Graph,
    /// What can be run.
    pub functions: Vec<Function>,
    /// What `evaluate` gives.
    pub observed: Vec<Reading>,
    /// Width of each hidden layer.
    pub hidden: Vec<usize>,
    /// Trained values per replica.
    pub parameters: usize,
    /// Names of trained variables, in order.
    pub parameter_names: Vec<String>,
    /// Whether the held-out set has an accuracy.
    pub test_accuracy: bool,
    /// Whether products have 16-bit factors.
    pub mixed: bool,
    /// What is recorded at every step.
    pub tracked: Vec<Quantity>,
    /// Stages of training.
    pub stages: usize,
    /// What is analysed in several passes after `evaluate`.
    pub(super) analyses: Analyses,
    /// Names of the outputs, where each is a feature.
    pub features: Vec<String>,
    /// Outputs of the network.
    pub outputs: usize,
}

/// How an observed value is read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name in `metrics.parquet`.
    pub name: String,
    /// Hidden layer, if it is of one; the output is named `name`, or `name@layer`.
    pub layer: Option<usize>,
    /// How often it is divided by its factor, if it has one.
    over: Option<i32>,
}

impl Reading {
    /// Of a value of the whole network.
    pub(super) fn new(name: &str, over: Option<i32>) -> Self {
        Self { name: name.to_owned(), layer: None, over }
    }

    /// The effects that put out a value to be read so.
    fn effects(&self, value: Tensor, factor: Option<Tensor>) -> Vec<Effect> {
        let factor = factor.map(|factor| Effect::Output(self.factor_name(), factor));
        std::iter::once(Effect::Output(output_name(&self.name, self.layer), value)).chain(factor).collect()
    }

    /// The value of each replica, or one for all.
    ///
    /// # Errors
    /// If there is no such output.
    pub(super) fn read(&self, machine: &Machine, results: &Results) -> Result<Vec<f64>> {
        let values = machine.output(results, &output_name(&self.name, self.layer))?;
        let Some(times) = self.over else { return Ok(values.into_iter().map(f64::from).collect()) };
        let factors = machine.output(results, &self.factor_name())?;
        let one = |list: &[f32], i: usize| f64::from(list[if list.len() == 1 { 0 } else { i }]);
        let count = values.len().max(factors.len());
        Ok((0..count).map(|i| one(&values, i) / one(&factors, i).powi(times)).collect())
    }

    fn factor_name(&self) -> String {
        output_name(&format!("{}/factor", self.name), self.layer)
    }
}

/// Name of the output of an observed value.
pub(super) fn output_name(name: &str, layer: Option<usize>) -> String {
    layer.map_or_else(|| name.to_owned(), |l| format!("{name}@{l}"))
}

/// Builds the program of one group: all replicas share `e` up to its numeric hyper-parameters.
///
/// # Errors
/// If the model does not fit the data, or a setting cannot be expressed.
pub fn compile(
    e: &config::Experiment,
    data: &Prepared,
    model: &dyn Model,
    observers: &[&dyn Observer],
    track: Option<&Track>,
) -> Result<Compiled> {
    if let Some(track) = track {
        track.check(data)?;
    }
    if data.own && e.batch.mode != BatchMode::Full {
        return Err(Error::config("replicas with examples of their own train on all of them: batch.mode must be full"));
    }
    let mut g = Graph::new();
    let g = &mut g;
    let state = |g: &mut Graph, name: &str, dtype| g.variable(name, &[1, 1], dtype, VariableKind::State);
    let seed = state(g, "seed", DType::U32)?;
    let step = state(g, "step", DType::U32)?;
    let alive = state(g, "alive", DType::F32)?;
    let broken = state(g, "broken", DType::F32)?;
    let diverged_at = state(g, "diverged_at", DType::U32)?;
    let loss_sum = state(g, "loss_sum", DType::F32)?;
    let loss_part = state(g, "loss_part", DType::F32)?;
    let loss_count = state(g, "loss_count", DType::F32)?;
    let mut setting = |key: &str| g.variable(structure::variable(key), &[1, 1], DType::F32, VariableKind::Setting);
    let base_lr = setting("optimiser.lr")?;
    let momentum = setting("optimiser.momentum")?;
    let beta1 = setting("optimiser.beta1")?;
    let beta2 = setting("optimiser.beta2")?;
    let alpha = setting("optimiser.alpha")?;
    let epsilon = setting("optimiser.epsilon")?;
    let weight_decay = setting("optimiser.weight_decay")?;
    let clip_norm = setting("optimiser.clip_norm")?;
    let gain = setting("model.gain")?;
    let rate = setting("model.dropout")?;
    let input_rate = setting("model.input_dropout")?;

    let stages = Stages::declare(g, e, data.outputs)?;

    let network = model.declare(g, data.inputs, data.outputs)?;
    let parameters = network.parameters();
    let loss = e.loss;
    let (mut tables, make) = Tables::new(g, data, loss, e.probe.from, seed)?;
    let train = tables.train(g)?;
    let batch = e.batch.take(g, &train.tables(), seed, step)?;
    let input_rate = (e.model.input_dropout > 0.0).then_some(input_rate);
    let drop = (e.model.dropout > 0.0 || input_rate.is_some()).then_some(Dropout { rate, input_rate, seed, step });
    let mixed = e.model.precision == config::Precision::Mixed;
    let network_precision = if mixed { Precision::Half } else { Precision::Single };
    let scaling = mixed.then(|| LossScale::declare(g)).transpose()?;
    g.set_precision(network_precision);
    let seen = network.forward(g, batch[0], drop)?;
    let whole = e.batch.mode == BatchMode::Full && drop.is_none();
    let tracked = match track {
        // The pairs stand in the batch itself.
        Some(track) if whole => Some((seen.clone(), train.values, track.pairs.clone())),
        Some(track) => {
            let rows = track.rows(data);
            let nodes = match data.own {
                true => train,
                false => part(g, &rows, data, loss)?,
            };
            let places = (0..track.pairs.len()).map(|p| [2 * p, 2 * p + 1]).collect();
            let places = if data.own { track.pairs.clone() } else { places };
            Some((network.forward(g, nodes.inputs, None)?, nodes.values, places))
        }
        None => None,
    };
    let mut mask = batch.get(2).copied();
    if let (Some(stages), false) = (&stages, loss.kind == LossKind::CrossEntropy) {
        let weights = stages.weights(g)?;
        let extents = g.shape(seen.output).extents().to_vec();
        mask = Some(match mask {
            Some(present) => g.times(present, weights)?,
            None => g.broadcast(weights, &extents)?,
        });
    }
    let batch_loss = match mask {
        Some(mask) => loss.masked(g, seen.output, batch[1], mask)?,
        None => loss.apply(g, seen.output, batch[1])?,
    };
    let gradients = match &scaling {
        Some(scaling) => scaling.gradients(g, batch_loss, &parameters)?,
        None => g.gradients(batch_loss, &parameters)?,
    };
    g.set_precision(Precision::Single);

    // The update.
    let factor = e.optimiser.schedule.at(g, step, e.steps)?;
    let lr = g.times(base_lr, factor)?;
    let hyper = Hyper { lr, momentum, beta1, beta2, alpha, epsilon, weight_decay };
    let norm = global_norm(g, &gradients)?;
    let clipped = match e.optimiser.clip_norm {
        Some(_) => clip_by_global_norm(g, &gradients, norm, clip_norm)?,
        None => gradients.clone(),
    };
    let updates = e.optimiser.updates(g, &parameters, &clipped, hyper)?;

    // Divergence: a loss whose bits are not those of a finite number stops the replica before this step's update; a
    // gradient or parameter that is not finite raises a flag that stops it before the next.
    let one = g.constant(1.0);
    let finite = g.unary(Unary::IsFinite, batch_loss);
    let unbroken = g.minus(one, broken)?;
    let fine = g.times(finite, unbroken)?;
    let still = g.times(alive, fine)?;
    let fell = g.binary(Binary::Greater, alive, still)?;
    let when = g.select(fell, step, diverged_at)?;
    let next = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, next)?;
    // The mean loss since the last checkpoint, as state, so that a resumed run has it too.
    let (own_loss, counted) = match &stages {
        // A replica that is done keeps what it had.
        Some(stages) => {
            let active = stages.active(g)?;
            (g.times(batch_loss, active)?, active)
        }
        None => (batch_loss, one),
    };
    let count = g.plus(loss_count, counted)?;
    // In blocks: a running sum of single precision is off by more the longer it is.
    let part = g.plus(loss_part, own_loss)?;
    let blocks = g.scale(count, 1.0 / LOSS_BLOCK);
    let filled = g.unary(Unary::Floor, blocks);
    let full = g.binary(Binary::Equal, blocks, filled)?;
    let with_block = g.plus(loss_sum, part)?;
    let total = g.select(full, with_block, loss_sum)?;
    let nothing = g.constant(0.0);
    let part = g.select(full, nothing, part)?;
    let mut effects = vec![
        Effect::Assign(g.variable_of(alive)?, still),
        Effect::Assign(g.variable_of(diverged_at)?, when),
        Effect::Assign(g.variable_of(step)?, next),
        Effect::Assign(g.variable_of(loss_sum)?, total),
        Effect::Assign(g.variable_of(loss_part)?, part),
        Effect::Assign(g.variable_of(loss_count)?, count),
        Effect::Record { name: "loss_of_step".into(), value: batch_loss, step, capacity: LOSS_KEPT },
    ];
    // With loss scaling a gradient that is not finite is a scale too large: the step is left out, and the next tries a
    // smaller one.
    let mut moves = still;
    if let Some(stages) = &stages {
        let active = stages.active(g)?;
        moves = g.times(moves, active)?;
    }
    if let Some(scaling) = &scaling {
        let sound = g.unary(Unary::IsFinite, norm);
        moves = g.times(moves, sound)?;
        let (next, hopeless) = scaling.next(g, sound)?;
        effects.extend(next);
        effects.push(Effect::Raise(g.variable_of(broken)?, hopeless));
    }
    for update in &updates {
        let kept = g.select(moves, update.new, update.old)?;
        effects.push(Effect::Assign(update.variable, kept));
        let checked = if scaling.is_some() { kept } else { update.new };
        let sound = g.unary(Unary::IsFinite, checked);
        let mut unsound = g.minus(one, sound)?;
        if stages.is_some() {
            // Of a replica that is done nothing is taken, so nothing can be wrong.
            unsound = g.times(unsound, moves)?;
        }
        effects.push(Effect::Raise(g.variable_of(broken)?, unsound));
    }
    let mut quantities = Vec::new();
    if let (Some(track), Some((seen, targets, places))) = (track, tracked) {
        let activations = Activations { hidden: &seen.hidden, output: seen.output, targets, places };
        let (records, names) = track.effects(g, &activations, batch_loss, step)?;
        effects.extend(records);
        quantities = names;
    }
    let step_function = Function::new("step", effects).repeated(e.steps);
    let (gradient_norm, factor) = scale::norm(g, &gradients)?;
    let reading = Reading::new(GRADIENT_NORM, Some(1));
    let gradient_function = Function::new("gradient", reading.effects(gradient_norm, Some(factor)));
    let mut zeroed = vec![step, broken, diverged_at, loss_sum, loss_part, loss_count];
    zeroed.extend(stages.iter().flat_map(Stages::zeroed));
    let mut init_function = init(g, network.as_ref(), &updates, gain, seed, &zeroed, alive)?;
    if let Some(scaling) = &scaling {
        init_function.effects.extend(scaling.initialise(g)?);
    }

    // Observation.
    g.fence();
    let probe = tables.probe(g)?;
    g.set_precision(network_precision);
    let on_probe = network.forward(g, probe.inputs, None)?;
    let reads_fit = saves_fit(e) || observers.iter().any(|o| o.reads_fit_set());
    let fit = if reads_fit { tables.fit(g)? } else { None };
    let fit = fit.map(|fit| -> Result<FitSet> {
        let Forward { hidden, output } = network.forward(g, fit.inputs, None)?;
        Ok(FitSet { inputs: fit.inputs, values: fit.values, hidden, output })
    });
    let fit = fit.transpose()?;
    g.set_precision(Precision::Single);
    let hidden: Vec<usize> = on_probe.hidden.iter().map(|&h| g.shape(h).columns()).collect();
    let wants = |m: Measure| e.observe.has(m);
    let kept = (wants(Measure::CkaFirst) || wants(Measure::CkaLast)).then(|| {
        let mut keep = |(l, &h): (usize, &Tensor)| {
            let extents = g.shape(h).extents().to_vec();
            g.variable(format!("kept/{l}"), &extents, DType::F32, VariableKind::State)
        };
        on_probe.hidden.iter().enumerate().map(&mut keep).collect::<Result<Vec<_>>>()
    });
    let kept = kept.transpose()?;
    let border = if loss.kind == LossKind::Mse { 0.5 } else { 0.0 };
    let answers = network.output_layer().map(|layer| Answers { weight: layer.weight, bias: layer.bias, border });
    let on_probe_seen =
        Seen { kept: kept.clone(), fit, answers, ..seen_on(data, &data.probe, &probe, &on_probe, &parameters, loss) };
    let (mut evaluate, observed) = evaluation(g, &on_probe_seen, observers)?;
    let loss_whole = g.plus(loss_sum, loss_part)?;
    let loss_train = g.over(loss_whole, loss_count)?;
    for (name, value) in
        [("alive", alive), ("diverged_at", diverged_at), ("broken", broken), ("loss_train", loss_train)]
    {
        evaluate.push(Effect::Output(name.into(), value));
    }
    let zero = g.constant(0.0);
    let mut forget = Vec::with_capacity(3);
    for variable in [loss_sum, loss_part, loss_count] {
        let after = match &stages {
            Some(stages) => {
                let active = stages.active(g)?;
                g.select(active, zero, variable)?
            }
            None => zero,
        };
        forget.push(Effect::Assign(g.variable_of(variable)?, after));
    }
    let mut functions = vec![init_function, step_function, Function::new("forget", forget)];
    functions.extend(make);
    if wants(Measure::GradientNorm) {
        functions.push(gradient_function);
    }
    if let Some(kept) = &kept {
        let keep = kept.iter().zip(&on_probe.hidden);
        let effects = keep.map(|(&k, &h)| Ok(Effect::Assign(g.variable_of(k)?, h))).collect::<Result<_>>()?;
        functions.push(Function::new("keep", effects));
    }
    // Representations that others read after `evaluate`: all of them, or what is analysed in several passes.
    let last = on_probe.hidden.len().saturating_sub(1);
    let mut stand = |g: &mut Graph, name: String, h: Tensor| -> Result<Tensor> {
        let extents = g.shape(h).extents().to_vec();
        let place = g.variable(name, &extents, DType::F32, VariableKind::Transient)?;
        evaluate.push(Effect::Assign(g.variable_of(place)?, h));
        Ok(place)
    };
    let mut standing = on_probe_seen.clone();
    for (l, h) in on_probe_seen.fit.iter().flat_map(|fit| fit.hidden.iter().enumerate()) {
        if saves_fit(e) || (Analyses::wanted(e) && l == last) {
            let place = stand(g, fit_representation_name(l), *h)?;
            standing.fit.iter_mut().for_each(|fit| fit.hidden[l] = place);
        }
    }
    for (l, &h) in on_probe.hidden.iter().enumerate() {
        if needs_representations(e) || (Analyses::wanted(e) && l == last) {
            standing.hidden[l] = stand(g, representation_name(l), h)?;
        }
    }
    functions.push(Function::new("evaluate", evaluate));
    let (analyses, passes) = Analyses::declare(g, e, &standing)?;
    functions.extend(passes);
    g.set_precision(network_precision);
    let (test, test_accuracy, seen) = test_function(g, data, network.as_ref(), &parameters, loss, &mut tables)?;
    functions.push(test);
    if let Some(stages) = &stages {
        let state: Vec<Update> = updates.iter().filter(|u| !parameters.contains(&u.old)).copied().collect();
        if e.stages.iter().any(|s| s.until.is_some()) && !test_accuracy {
            return Err(Error::config(
                "stages end by accuracy, which these targets do not have: give stages.steps alone",
            ));
        }
        functions.push(stages.check(g, &seen, step, alive, &state)?);
    }
    let parameter_names =
        parameters.iter().map(|&p| Ok(g.variable_info(g.variable_of(p)?).name.clone())).collect::<Result<Vec<_>>>()?;
    let count = parameters.iter().map(|&p| g.shape(p).elements()).sum();
    Ok(Compiled {
        graph: std::mem::take(g),
        functions,
        observed,
        hidden,
        parameters: count,
        parameter_names,
        test_accuracy,
        mixed,
        tracked: quantities,
        stages: e.stages.len(),
        analyses,
        features: data.declared.as_ref().map(Declared::names).unwrap_or_default(),
        outputs: data.outputs,
    })
}

/// What the norm of the gradient is called.
pub(super) const GRADIENT_NORM: &str = "gradient_norm";

/// Whether representations must stand where other programs can read them.
pub(super) fn needs_representations(e: &config::Experiment) -> bool {
    e.observe.has(Measure::CkaPairs)
        || e.observe.has(Measure::CkaLayers)
        || !e.observe.compare.is_empty()
        || !e.observe.describe.is_empty()
        || e.save.representations != config::Keep::None
}

/// Variable that holds a hidden layer's representation after `evaluate`.
pub(super) fn representation_name(layer: usize) -> String {
    format!("representation/{layer}")
}

/// The same of the set for fitting, where that is saved.
pub(super) fn fit_representation_name(layer: usize) -> String {
    format!("representation/fit/{layer}")
}

/// Whether representations of the set for fitting, if there is one, are saved too.
pub(super) fn saves_fit(e: &config::Experiment) -> bool {
    e.save.representations != config::Keep::None
}

fn init(
    g: &mut Graph,
    network: &dyn Network,
    updates: &[Update],
    gain: Tensor,
    seed: Tensor,
    zeroed: &[Tensor],
    alive: Tensor,
) -> Result<Function> {
    let mut effects = network.initialise(g, gain, seed)?;
    let parameters = network.parameters();
    for update in updates.iter().filter(|u| !parameters.contains(&u.old)) {
        let start = g.constant(update.start);
        let extents = g.shape(update.old).extents().to_vec();
        let start = g.broadcast(start, &extents)?;
        effects.push(Effect::Assign(update.variable, start));
    }
    let one = g.constant(1.0);
    effects.push(Effect::Assign(g.variable_of(alive)?, one));
    for &variable in zeroed {
        let zero = match g.node(variable).dtype {
            DType::U32 => g.integer(0),
            DType::F32 => g.constant(0.0),
        };
        let extents = g.shape(variable).extents().to_vec();
        let zero = g.broadcast(zero, &extents)?;
        effects.push(Effect::Assign(g.variable_of(variable)?, zero));
    }
    Ok(Function::new("init", effects))
}

type Evaluation = (Vec<Effect>, Vec<Reading>);

fn evaluation(g: &mut Graph, seen: &Seen, observers: &[&dyn Observer]) -> Result<Evaluation> {
    let (mut effects, mut names) = (Vec::new(), Vec::<Reading>::new());
    for observer in observers {
        for Observed { name, layer, value, over } in observer.observe(g, seen)? {
            let taken = ["alive", "broken", "diverged_at", "loss_train", GRADIENT_NORM, "loss_test", "accuracy_test"];
            if taken.contains(&name.as_str()) || names.iter().any(|n| n.name == name && n.layer == layer) {
                return Err(Error::config(format!(
                    "two observed values are named `{name}`: rename an observer's, or name a pair once"
                )));
            }
            let reading = Reading { name, layer, over: over.map(|(_, times)| times) };
            effects.extend(reading.effects(value, over.map(|(factor, _)| factor)));
            names.push(reading);
        }
    }
    Ok((effects, names))
}

/// What can be seen of a network on a part, but for what is kept and the set for fitting.
fn seen_on(
    data: &Prepared,
    part: &Part,
    nodes: &PartNodes,
    forward: &Forward,
    parameters: &[Tensor],
    loss: Loss,
) -> Seen {
    Seen {
        inputs: nodes.inputs,
        targets: nodes.targets,
        values: nodes.values,
        classes: matches!(part.targets, Targets::Classes(_)),
        hidden: forward.hidden.clone(),
        kept: None,
        output: forward.output,
        parameters: parameters.to_vec(),
        loss,
        features: data.declared.as_ref().map(Declared::names).unwrap_or_default(),
        declared: data.declared.as_ref().map(|d| d.features.clone()),
        answers: None,
        fit: None,
    }
}

/// Loss and accuracy on everything held out.
fn test_function(
    g: &mut Graph,
    data: &Prepared,
    network: &dyn Network,
    parameters: &[Tensor],
    loss: Loss,
    tables: &mut Tables<'_>,
) -> Result<(Function, bool, Seen)> {
    g.fence();
    let nodes = tables.test(g)?;
    let forward = network.forward(g, nodes.inputs, None)?;
    let seen = seen_on(data, &data.test, &nodes, &forward, parameters, loss);
    let value = loss.apply(g, seen.output, seen.targets)?;
    let mut effects = vec![Effect::Output("loss_test".into(), value)];
    let accuracy = observer::accuracy(g, &seen)?;
    if let Some(value) = accuracy {
        effects.push(Effect::Output("accuracy_test".into(), value));
    }
    Ok((Function::new("test", effects), accuracy.is_some(), seen))
}

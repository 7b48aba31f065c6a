//! From an experiment's settings to the graph and the functions of a group.
//!
//! The functions: `init` sets everything to its start; `step` trains; `gradient` measures the gradient of the coming
//! batch; `data` makes the examples of replicas that make their own; `forget` starts the mean of the training loss anew; `evaluate` observes the probe set; `test` evaluates on all that is held out; `keep` remembers the present
//! representations for comparison. After `evaluate` come the passes of analyses that take several; those of `after/` run once
//! training is over.

mod after;
mod alignment;
mod beside;
mod evaluation;
mod gradients;
mod merge;
mod reading;
mod training;

pub(super) use after::Afterwards;
pub(super) use reading::{
    GRADIENT_NORM, Reading, fit_representation_name, gradient_name, needs_representations, representation_name,
    saves_representations,
};

use alignment::Terms;
use beside::{All, Beside};

use super::analysing::Analyses;
use super::augment::{Augmenting, Key};
use super::declared::Declared;
use super::drawn::Parts;
use super::model::Model;
use super::observer::Observer;
use super::prepared::Prepared;
use super::stages::Stages;
use super::structure;
use super::tables::{Making, PartNodes, Tables, Taken};
use super::track::{Quantity, Track};
use crate::config::{self, BatchMode, Experiment, Measure};
use crate::data::Degrees;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Tensor, VariableKind};
use crate::kernels::matmul::Precision;
use crate::kernels::program::DType;
use crate::nn::{Dropout, Form, Hyper, Layer, LossScale, Pass, Update};

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
    /// What one example is at each of them.
    pub forms: Vec<Form>,
    /// Trained values per replica.
    pub parameters: usize,
    /// Names of what files have of each network, that of `[model]` first: trained variables in order, frozen ones, and buffers.
    pub parameter_names: Vec<String>,
    /// Names of the networks beside it.
    pub beside: Vec<String>,
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
    /// What is done once training is over.
    pub(super) after: Vec<Afterwards>,
    /// Names of the outputs, where each is a feature.
    pub features: Vec<String>,
    /// Outputs of the network.
    pub outputs: usize,
}

impl Compiled {
    /// Shapes of these as PyTorch has them: biases are vectors.
    pub(super) fn parameter_shapes(&self) -> Vec<Vec<usize>> {
        let info = |name: &String| self.graph.variable_named(name).map(|id| self.graph.variable_info(id));
        self.parameter_names.iter().map(|name| info(name).map_or_else(Vec::new, |v| v.saved.clone())).collect()
    }

    /// The names, and shapes as PyTorch has them, of what files have of one network: without its name, if it stands beside that of
    /// `[model]`, which has none.
    pub(super) fn of_network(&self, network: Option<&str>) -> (Vec<String>, Vec<Vec<usize>>) {
        let own = |name: &str| match name.split_once('.') {
            Some((first, rest)) if self.beside.iter().any(|other| other == first) => {
                (network == Some(first)).then(|| rest.to_owned())
            }
            _ => network.is_none().then(|| name.to_owned()),
        };
        let all = self.parameter_names.iter().zip(self.parameter_shapes());
        all.filter_map(|(name, shape)| Some((own(name)?, shape))).unzip()
    }
}

/// What a network makes of a set of examples.
#[derive(Clone)]
struct Forward {
    /// Activations of the hidden layers, `[N, units]`.
    hidden: Vec<Tensor>,
    /// `[N, C]`, or `[N, T C]` where each position is answered.
    output: Tensor,
    /// New values of buffers, from a batch that is trained on.
    updates: Vec<Update>,
    /// Whether evaluation would have made something else of them.
    differs: bool,
}

/// A program that is being built: what its functions have in common.
struct Build<'a> {
    g: Graph,
    e: &'a Experiment,
    data: &'a Prepared,
    state: State,
    settings: Settings,
    stages: Option<Stages>,
    network: Box<dyn Layer>,
    /// Networks beside it.
    beside: Vec<Beside>,
    /// What all networks have that is trained.
    parameters: Vec<Tensor>,
    tables: Tables<'a>,
    train: PartNodes,
    batch: Taken,
    masks: Dropout,
    /// Terms of the loss between layers.
    terms: Option<Terms>,
    /// What all networks make of the probe set, once they have looked at it.
    looked: Option<All>,
    /// Of the network's products.
    precision: Precision,
    scaling: Option<LossScale>,
}

/// What every replica counts, scalars.
#[derive(Clone, Copy)]
struct State {
    seed: Tensor,
    step: Tensor,
    alive: Tensor,
    broken: Tensor,
    diverged_at: Tensor,
    loss_sum: Tensor,
    loss_part: Tensor,
    loss_count: Tensor,
}

/// The settings that each replica has for itself, scalars.
#[derive(Clone, Copy)]
struct Settings {
    /// With the learning rate before its schedule.
    hyper: Hyper,
    clip_norm: Tensor,
    gain: Tensor,
    dropout: Tensor,
    input_dropout: Tensor,
    making: Making,
    augmenting: Augmenting,
}

/// Builds the program of one group: all replicas share `e` up to its numeric hyper-parameters.
///
/// # Errors
/// If the model does not fit the data, or a setting cannot be expressed.
pub fn compile(
    e: &Experiment,
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
    let wants = |m: Measure| e.observe.has(m);
    let (mut b, make) = Build::new(e, data, model)?;

    let pass = b.pass(track)?;
    let (norm, updates) = b.updates(&pass)?;
    let (step, tracked) = b.step(&pass, norm, &updates, track)?;
    let gradient = b.gradient(&pass)?;
    let mut functions = vec![b.init(&updates)?, step];

    let seen = b.look(observers)?;
    let (mut evaluate, observed) = b.evaluation(&seen, observers)?;
    functions.push(b.forget()?);
    functions.extend(make);
    functions.extend(wants(Measure::GradientNorm).then_some(gradient));
    functions.extend(b.keep(&seen)?);
    let standing = b.stand(&seen, &mut evaluate)?;
    functions.push(Function::new("evaluate", evaluate));
    let (analyses, passes) = Analyses::declare(&mut b.g, e, &standing)?;
    functions.extend(passes);
    let (test, test_accuracy, seen_in_test) = b.test()?;
    functions.push(test);
    let (removing, after) = b.after(&seen)?;
    functions.extend(removing);
    functions.extend(b.check_stages(&seen_in_test, test_accuracy, &updates)?);

    let (kept, forms): (Vec<_>, Vec<_>) = (
        b.networks().map(|n| [n.parameters(), n.frozen(), n.buffers()].concat()).collect(),
        b.networks().flat_map(Layer::hidden).collect(),
    );
    let Build { g, parameters, beside, .. } = b;
    let name = |p: &Tensor| Ok(g.variable_info(g.variable_of(*p)?).name.clone());
    let hidden: Vec<usize> = seen.hidden.iter().map(|&h| g.shape(h).columns()).collect();
    let form = |(i, &units): (usize, &usize)| {
        forms.get(i).filter(|f| f.positions() * f.features == units).cloned().unwrap_or_else(|| Form::vector(units))
    };
    Ok(Compiled {
        functions,
        observed,
        forms: hidden.iter().enumerate().map(form).collect(),
        hidden,
        parameters: parameters.iter().map(|&p| g.shape(p).elements()).sum(),
        parameter_names: kept.iter().flatten().map(name).collect::<Result<_>>()?,
        beside: beside.into_iter().map(|beside| beside.name).collect(),
        graph: g,
        test_accuracy,
        mixed: e.model.precision == config::Precision::Mixed,
        tracked,
        stages: e.stages.len(),
        analyses,
        after,
        features: data.declared.as_ref().map(Declared::names).unwrap_or_default(),
        outputs: data.outputs,
    })
}

impl<'a> Build<'a> {
    /// Declares the variables, and the function that makes examples where replicas make them.
    fn new(e: &'a Experiment, data: &'a Prepared, model: &dyn Model) -> Result<(Self, Option<Function>)> {
        let mut graph = Graph::new();
        let g = &mut graph;
        let state = State::declare(g)?;
        let settings = Settings::declare(g)?;
        let stages = Stages::declare(g, e, data.outputs)?;
        let terms = Terms::declare(g, e)?;
        let network = model.declare(g, &data.shape, data.outputs)?;
        let beside = Beside::declare(g, e, data)?;
        let others = || beside.iter().map(|beside| beside.network.as_ref());
        let parameters: Vec<Tensor> =
            std::iter::once(network.as_ref()).chain(others()).flat_map(Layer::parameters).collect();
        if parameters.is_empty() && !network.frozen().is_empty() {
            return Err(Error::config("model.layers: expected a layer that is trained, and all are frozen"));
        }
        if let Some(count) = network.vocabulary(g) {
            data.check_tokens(count)?;
        }
        let (mut tables, make) = Tables::new(g, data, e, state.seed, settings.making)?;
        let train = tables.train(g)?;
        let batch = tables.batch(g, e, settings.augmenting, Key { seed: state.seed, step: state.step })?;
        let (rate, input_rate) = (settings.dropout, settings.input_dropout);
        let masks = Dropout { rate, input_rate, seed: state.seed, step: state.step };
        let mixed = e.model.precision == config::Precision::Mixed;
        let scaling = mixed.then(|| LossScale::declare(g)).transpose()?;
        let build = Self {
            e,
            data,
            state,
            settings,
            stages,
            parameters,
            network,
            beside,
            tables,
            train,
            batch,
            masks,
            terms,
            looked: None,
            precision: if mixed { Precision::Half } else { Precision::Single },
            scaling,
            g: graph,
        };
        Ok((build, make))
    }

    /// The network of `[model]` on examples, as [`Pass`] says.
    fn forward(&mut self, x: Tensor, pass: Pass) -> Result<Forward> {
        Forward::of(self.network.as_ref(), self.data, &mut self.g, x, pass)
    }
}

impl Forward {
    fn of(network: &dyn Layer, data: &Prepared, g: &mut Graph, x: Tensor, mut pass: Pass) -> Result<Self> {
        let output = network.forward(g, x, &mut pass)?;
        let ([_, width], wanted) = (g.matrix(output)?, data.train.positions());
        if width != wanted * data.outputs {
            return Err(Error::config(match wanted {
                1 => format!(
                    "model.layers: the network answers at each of {} positions, and the data have one target for an example: put \
                     select or flatten before the last layer",
                    width / data.outputs
                ),
                _ => format!(
                    "model.layers: the data have {wanted} targets for an example, one at each position, and the network gives \
                     {width} numbers, not {} at each: it needs layers of sequences, as after an embedding, to the last",
                    data.outputs
                ),
            }));
        }
        if pass.factors.iter().any(Option::is_some) {
            return Err(Error::config(
                "[[after]] removes units of hidden layers, which this model of its own does not let it",
            ));
        }
        let Pass { hidden, updates, differs, .. } = pass;
        Ok(Self { hidden, output, updates, differs })
    }
}

impl State {
    fn declare(g: &mut Graph) -> Result<Self> {
        let mut state = |name: &str, dtype| g.variable(name, &[1, 1], dtype, VariableKind::State);
        Ok(Self {
            seed: state("seed", DType::U32)?,
            step: state("step", DType::U32)?,
            alive: state("alive", DType::F32)?,
            broken: state("broken", DType::F32)?,
            diverged_at: state("diverged_at", DType::U32)?,
            loss_sum: state("loss_sum", DType::F32)?,
            loss_part: state("loss_part", DType::F32)?,
            loss_count: state("loss_count", DType::F32)?,
        })
    }
}

impl Settings {
    fn declare(g: &mut Graph) -> Result<Self> {
        let mut setting = |key: &str| g.variable(structure::variable(key), &[1, 1], DType::F32, VariableKind::Setting);
        // `clip` finds its bounds by name.
        setting("model.lower")?;
        setting("model.upper")?;
        Ok(Self {
            hyper: Hyper {
                lr: setting("optimiser.lr")?,
                momentum: setting("optimiser.momentum")?,
                beta1: setting("optimiser.beta1")?,
                beta2: setting("optimiser.beta2")?,
                alpha: setting("optimiser.alpha")?,
                epsilon: setting("optimiser.epsilon")?,
                weight_decay: setting("optimiser.weight_decay")?,
            },
            clip_norm: setting("optimiser.clip_norm")?,
            gain: setting("model.gain")?,
            dropout: setting("model.dropout")?,
            input_dropout: setting("model.input_dropout")?,
            making: Making {
                parts: Parts { train_fraction: setting("data.train_fraction")?, corrupted: setting("data.corrupted")? },
                noise: setting("data.noise")?,
                degrees: Degrees { separability: setting("data.separability")?, alignment: setting("data.alignment")? },
            },
            augmenting: Augmenting {
                random_crop: setting("data.augment.random_crop")?,
                horizontal_flip: setting("data.augment.horizontal_flip")?,
                gaussian_noise: setting("data.augment.gaussian_noise")?,
            },
        })
    }
}

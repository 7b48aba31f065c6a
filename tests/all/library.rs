//! What a user of the library writes: a layer, a model, a measure and an observer of their own, outside the crate.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Graph, Tensor};
use isogram::kernels::program::Unary;
use isogram::nn::{Activation, Dense, Init, Layer, Pass, Start};
use isogram::train::{Model, Observed, Observer, Options, Quiet, Seen, Sweep};

use crate::support;

/// A layer with a skip connection and a gate: `x + sigmoid(Gx) * tanh(Wx)`.
#[derive(Debug)]
struct Gated {
    gate: Dense,
    value: Dense,
}

impl Gated {
    fn new(g: &mut Graph, path: &str, width: usize) -> isogram::Result<Self> {
        let dense = |g: &mut Graph, name: &str| Dense::new(g, &format!("{path}.{name}"), width, width, true);
        Ok(Self { gate: dense(g, "gate")?, value: dense(g, "value")? })
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> isogram::Result<Tensor> {
        let (gate, value) = (self.gate.forward(g, x, pass)?, self.value.forward(g, x, pass)?);
        let open = g.unary(Unary::Sigmoid, gate);
        let value = Activation::Tanh.apply(g, value)?;
        let step = g.times(open, value)?;
        g.plus(x, step)
    }
}

struct GatedModel;

#[derive(Debug)]
struct GatedNetwork {
    first: Dense,
    gated: Vec<Gated>,
    last: Dense,
}

impl Model for GatedModel {
    fn declare(&self, g: &mut Graph, inputs: &[usize], outputs: usize) -> isogram::Result<Box<dyn Layer>> {
        let first = Dense::new(g, "first", inputs.iter().product(), 24, true)?;
        let gated = (0..2).map(|i| Gated::new(g, &format!("gated.{i}"), 24)).collect::<isogram::Result<_>>()?;
        Ok(Box::new(GatedNetwork { first, gated, last: Dense::new(g, "last", 24, outputs, true)? }))
    }
}

impl GatedNetwork {
    fn dense(&self) -> Vec<&Dense> {
        let inner = self.gated.iter().flat_map(|l| [&l.gate, &l.value]);
        std::iter::once(&self.first).chain(inner).chain(std::iter::once(&self.last)).collect()
    }
}

impl Layer for GatedNetwork {
    fn parameters(&self) -> Vec<Tensor> {
        self.dense().into_iter().flat_map(Layer::parameters).collect()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> isogram::Result<Vec<Effect>> {
        let mut effects = Vec::new();
        for dense in self.dense() {
            effects.extend(dense.initialise(g, Start { init: Init::XavierNormal.into(), ..start })?);
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> isogram::Result<Tensor> {
        let mut value = self.first.forward(g, x, pass)?;
        for layer in &self.gated {
            value = layer.forward(g, value, pass)?;
            pass.hidden.push(value);
        }
        self.last.forward(g, value, pass)
    }
}

/// A measure of one representation: the participation ratio of its covariance's spectrum, `tr(C)^2 / tr(C^2)`.
fn participation_ratio(g: &mut Graph, x: Tensor) -> isogram::Result<Tensor> {
    let mean = g.mean(x, 0)?;
    let centred = g.minus(x, mean)?;
    let covariance = g.matmul_of(centred, true, centred, false)?;
    let squares = g.unary(Unary::Square, covariance);
    let bottom = g.sum_all(squares)?;
    let energy = g.unary(Unary::Square, centred);
    let trace = g.sum_all(energy)?;
    let top = g.unary(Unary::Square, trace);
    g.over(top, bottom)
}

struct Spread;

impl Observer for Spread {
    fn observe(&self, g: &mut Graph, seen: &Seen) -> isogram::Result<Vec<Observed>> {
        let layers = seen.hidden.iter().enumerate();
        layers.map(|(l, &h)| Ok(Observed::at("participation_ratio", l, participation_ratio(g, h)?))).collect()
    }
}

const SETTINGS: &str = r#"
name = "gated"
steps = 150
seeds = 3
[optimiser]
lr = 0.005
[probe]
examples = 120
[observe]
at = { kind = "linear", every = 75 }
measures = ["loss", "accuracy", "cka_pairs"]
"#;

#[test]
fn a_model_a_measure_and_an_observer_of_ones_own() {
    let experiment = Experiment::from_toml(SETTINGS, "gated.toml").unwrap();
    let sweep = Sweep::new(experiment).unwrap().model(|_| GatedModel).observer(Spread);
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    let summary = sweep.run(&Options { adapter, ..Options::default() }, &mut Quiet).unwrap();
    assert!(summary.values("accuracy", 150).iter().all(|a| *a > 0.85), "{:?}", summary.values("accuracy", 150));
    let ratios: Vec<f64> =
        summary.metrics.iter().filter(|r| r.name == "participation_ratio").map(|r| r.value).collect();
    // Three replicas, two layers, three checkpoints; between one dimension and all 24.
    assert_eq!(ratios.len(), 18);
    assert!(ratios.iter().all(|r| (1.0..=24.0).contains(r)), "{ratios:?}");
    assert_eq!(summary.pairs.iter().filter(|p| p.name == "cka:biased").count(), 3 * 2 * 3);
}

#[test]
fn representations_can_be_trained_to_align() {
    // Two networks in one graph; the loss is one minus the CKA of their hidden layers, which only the second can lower.
    use isogram::graph::{Function, VariableKind};
    use isogram::kernels::program::DType;
    use isogram::measure::Estimator;
    use isogram::measure::embedding::{self, Embedding};
    let mut g = Graph::new();
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let inputs: Vec<f32> = (0..40 * 6).map(|i| isogram::kernels::random::normal(5, 1, 0, i)).collect();
    let x = g.data(inputs, &[40, 6]).unwrap();
    let guide = Dense::new(&mut g, "guide", 6, 8, true).unwrap();
    let student = Dense::new(&mut g, "student", 6, 8, true).unwrap();
    let hidden = |g: &mut Graph, d: &Dense| {
        let z = d.forward(g, x, &mut Pass::evaluate()).unwrap();
        Activation::Relu.apply(g, z).unwrap()
    };
    let (target, own) = (hidden(&mut g, &guide), hidden(&mut g, &student));
    let cka = embedding::differentiable(&mut g, target, own, Embedding::linear(Estimator::Biased)).unwrap();
    let parameters = student.parameters();
    let gradients = g.gradients(cka, &parameters).unwrap();
    let rate = g.constant(3.0);
    let mut effects = vec![Effect::Output("cka".into(), cka)];
    for (&p, gradient) in parameters.iter().zip(gradients) {
        let step = g.times(rate, gradient).unwrap();
        let new = g.plus(p, step).unwrap();
        effects.push(Effect::Assign(g.variable_of(p).unwrap(), new));
    }
    let start = Start { init: Init::XavierNormal.into(), gain: g.constant(1.0), seed };
    let mut init = guide.initialise(&mut g, start).unwrap();
    init.extend(student.initialise(&mut g, start).unwrap());
    let functions = [Function::new("init", init), Function::new("step", effects)];
    for (name, mut machine) in support::machines(&g, &functions, 2) {
        machine.write_integers("seed", &[1, 2]).unwrap();
        machine.run("init", 1).unwrap();
        machine.run("step", 1).unwrap();
        let before = machine.read_output("cka").unwrap();
        machine.run("step", 150).unwrap();
        let after = machine.read_output("cka").unwrap();
        for (b, a) in before.iter().zip(&after) {
            assert!(*a > b + 0.05 && *a > 0.9, "{name}: from {b} to {a}");
        }
    }
}

#[test]
fn networks_of_several_depths_are_compared_where_they_can_be_and_the_run_says_so() {
    let settings = r#"
name = "depths"
steps = 4
seeds = 2
[data]
source = "digits"
classes = 12
[probe]
examples = 16
[observe]
measures = ["loss", "cka_pairs"]
[sweep]
"model.layers" = [[8], [8, 8]]
"#;
    let sweep = Sweep::new(Experiment::from_toml(settings, "depths.toml").unwrap()).unwrap();
    // Two outputs more than there are digits, because the settings ask for them.
    assert_eq!(sweep.data().outputs, 12);
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    let summary = sweep.run(&Options { adapter, ..Options::default() }, &mut Quiet).unwrap();
    assert!(summary.manifest.notes.iter().any(|n| n.contains("differ in depth")), "{:?}", summary.manifest.notes);
    let last = summary.pairs.iter().filter(|p| p.name == "cka:biased" && p.step == 4);
    assert_eq!(last.count(), 6, "four networks, one common layer");
}

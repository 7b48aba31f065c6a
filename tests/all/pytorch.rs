//! Against PyTorch and JAX: layers, losses, optimisers, schedules, initialisers and whole loss curves. The values were
//! dumped in f64 by `fixtures/make_fixtures.py`.

use std::collections::HashMap;

use crate::support;
use crate::support::close;
use isogram::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use isogram::kernels::program::{Binary, DType};
use isogram::kernels::random;
use isogram::nn::{
    Activation, Common, Dense, Dropout, Fan, Hyper, IGNORED, Init, Initialiser, Layer, Layers, Loss, LossKind,
    Optimiser, OptimiserKind, Pass, Preset, Reduction, Schedule, ScheduleKind, clip_by_global_norm, declare,
    global_norm,
};
use safetensors::SafeTensors;

pub struct Fixture(HashMap<String, (Vec<usize>, Vec<f64>)>);

impl Fixture {
    pub fn load(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let read = |name: &str| {
            let view = tensors.tensor(name).unwrap();
            assert_eq!(view.dtype(), safetensors::Dtype::F64, "{name}");
            let values = view.data().chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
            (view.shape().to_vec(), values)
        };
        Self(tensors.names().into_iter().map(|n| (n.to_owned(), read(n))).collect())
    }

    pub fn get(&self, name: &str) -> &[f64] {
        &self.0.get(name).unwrap_or_else(|| panic!("no tensor {name}")).1
    }

    pub fn f32(&self, name: &str) -> Vec<f32> {
        self.get(name).iter().map(|&x| x as f32).collect()
    }

    pub fn extents(&self, name: &str) -> &[usize] {
        &self.0[name].0
    }

    /// Rows, one of them if it is a vector, and how long each is.
    pub fn shape(&self, name: &str) -> [usize; 2] {
        match self.extents(name) {
            [n] => [1, *n],
            [n, rest @ ..] => [*n, rest.iter().product()],
            [] => panic!("{name} is a number"),
        }
    }

    pub fn data(&self, g: &mut Graph, name: &str) -> Tensor {
        g.data(self.f32(name), &self.shape(name)).unwrap()
    }

    /// Classes, or tokens at each position, of which -1 is none.
    pub fn labels(&self, g: &mut Graph, name: &str) -> Tensor {
        let of = |&x: &f64| if x < 0.0 { IGNORED } else { x as u32 };
        let labels: Vec<u32> = self.get(name).iter().map(of).collect();
        let rows = self.extents(name)[0];
        g.data_integers(&labels, &[rows, labels.len() / rows]).unwrap()
    }
}

/// Runs a function of outputs on every machine and compares each.
fn check(g: &Graph, outputs: Vec<(&str, Tensor, &[f64])>, what: &str, relative: f64) {
    let effects = outputs.iter().map(|(n, t, _)| Effect::Output((*n).to_owned(), *t)).collect();
    for (name, mut machine) in support::machines(g, &[Function::new("f", effects)], 1) {
        machine.run("f", 1).unwrap();
        for (output, _, expected) in &outputs {
            close(&format!("{what} {output} on {name}"), &machine.read_output(output).unwrap(), expected, relative);
        }
    }
}

#[test]
fn layers_forward_and_backward() {
    let f = Fixture::load("layers");
    for &activation in Activation::ALL {
        let name = activation.name();
        let mut g = Graph::new();
        let key = |k: &str| format!("{name}/{k}");
        let x = f.data(&mut g, &key("x"));
        let weight = f.data(&mut g, &key("weight"));
        let bias = f.data(&mut g, &key("bias"));
        let layer = Dense { path: "layer".into(), weight, bias: Some(bias) };
        let z = layer.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
        let y = activation.apply(&mut g, z).unwrap();
        let upstream = f.data(&mut g, &key("upstream"));
        let d = g.gradients_from(y, upstream, &[x, weight, bias]).unwrap();
        let expected = ["y", "dx", "dweight", "dbias"].map(key);
        let outputs = [("y", y), ("dx", d[0]), ("dweight", d[1]), ("dbias", d[2])]
            .into_iter()
            .zip(&expected)
            .map(|((n, t), e)| (n, t, f.get(e)));
        check(&g, outputs.collect(), name, 1e-5);
    }
}

#[test]
fn losses_and_their_gradients() {
    let f = Fixture::load("losses");
    let mut g = Graph::new();
    let upstream = g.constant(f.get("ce/upstream")[0] as f32);
    let logits = f.data(&mut g, "ce/logits");
    let labels = f.labels(&mut g, "ce/labels");
    let rows = g.cross_entropy(logits, labels).unwrap();
    let mean = Loss::default().apply(&mut g, logits, labels).unwrap();
    let dmean = g.gradients_from(mean, upstream, &[logits]).unwrap()[0];
    check(
        &g,
        vec![
            ("rows", rows, f.get("ce/per_example")),
            ("mean", mean, f.get("ce/mean")),
            ("d", dmean, f.get("ce/dlogits_mean")),
        ],
        "cross-entropy",
        1e-5,
    );
    let z = f.data(&mut g, "bce/logits");
    let targets = f.data(&mut g, "bce/targets");
    for (reduction, name) in [(Reduction::Mean, "mean"), (Reduction::Sum, "sum")] {
        let loss = Loss::new(LossKind::Bce, reduction).apply(&mut g, z, targets).unwrap();
        let d = g.gradients_from(loss, upstream, &[z]).unwrap()[0];
        let expected = (format!("bce/{name}"), format!("bce/dlogits_{name}"));
        check(&g, vec![("loss", loss, f.get(&expected.0)), ("d", d, f.get(&expected.1))], "bce", 1e-5);
    }
    let p = f.data(&mut g, "mse/prediction");
    let targets = f.data(&mut g, "mse/targets");
    for (reduction, name) in [
        (Reduction::Mean, "mean"),
        (Reduction::HalfMean, "half_mean"),
        (Reduction::Sum, "sum"),
        (Reduction::HalfSum, "half_sum"),
    ] {
        let loss = Loss::new(LossKind::Mse, reduction).apply(&mut g, p, targets).unwrap();
        let d = g.gradients_from(loss, upstream, &[p]).unwrap()[0];
        let expected = (format!("mse/{name}"), format!("mse/dprediction_{name}"));
        check(&g, vec![("loss", loss, f.get(&expected.0)), ("d", d, f.get(&expected.1))], "mse", 1e-5);
    }
}

fn constants(g: &mut Graph, lr: f32, wd: f32) -> Hyper {
    Hyper {
        lr: g.number(lr),
        momentum: g.constant(0.9),
        beta1: g.constant(0.9),
        beta2: g.constant(0.999),
        alpha: g.constant(0.99),
        epsilon: g.constant(1e-8),
        weight_decay: g.number(wd),
    }
}

/// Start values of an optimiser's state, set from outside.
fn start(machine: &mut Machine) {
    for name in machine.variables_of(VariableKind::State) {
        if name.ends_with("_power") {
            machine.write_variable(&name, &vec![1.0; machine.replicas()]).unwrap();
        }
    }
}

/// One table over all optimisers.
#[test]
fn optimisers_follow_torch_for_twenty_steps() {
    let f = Fixture::load("optimisers");
    let [steps, n] = f.shape("gradients");
    use OptimiserKind::{Adam, Adamw, Rmsprop, Sgd};
    for (name, kind, momentum, nesterov, decoupled, lr, wd, clip) in [
        ("sgd", Sgd, 0.0, false, None, 0.1, 0.0, false),
        ("sgd_momentum", Sgd, 0.9, false, None, 0.1, 0.0, false),
        ("sgd_nesterov", Sgd, 0.9, true, None, 0.1, 0.0, false),
        ("sgd_wd", Sgd, 0.9, false, None, 0.1, 0.05, false),
        ("sgd_decoupled", Sgd, 0.9, false, Some(true), 0.1, 0.05, false),
        ("adam", Adam, 0.0, false, None, 0.01, 0.0, false),
        ("adam_wd", Adam, 0.0, false, None, 0.01, 0.05, false),
        ("adamw", Adamw, 0.0, false, None, 0.01, 0.05, false),
        ("adamw_large", Adamw, 0.0, false, None, 0.01, 20.0, false),
        ("rmsprop", Rmsprop, 0.0, false, None, 0.01, 0.0, false),
        ("clip", Sgd, 0.9, false, None, 0.1, 0.0, true),
    ] {
        let mut g = Graph::new();
        let p = g.variable("p", &[1, n], DType::F32, VariableKind::Parameter).unwrap();
        let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
        let all = f.data(&mut g, "gradients");
        let gradient = g.gather(all, step).unwrap();
        let hyper = constants(&mut g, lr, wd);
        let gradients = if clip {
            let norm = global_norm(&mut g, &[gradient]).unwrap();
            let limit = g.constant(1.0);
            clip_by_global_norm(&mut g, &[gradient], norm, limit).unwrap()
        } else {
            vec![gradient]
        };
        let weight_decay = f64::from(wd);
        let optimiser = Optimiser { kind, momentum, nesterov, decoupled, weight_decay, ..Optimiser::default() };
        let updates = optimiser.updates(&mut g, &[p], &gradients, hyper).unwrap();
        let mut effects: Vec<Effect> = updates.iter().map(|u| Effect::Assign(u.variable, u.new)).collect();
        let one = g.integer(1);
        let next = g.binary(Binary::AddInteger, step, one).unwrap();
        effects.push(Effect::Assign(g.variable_of(step).unwrap(), next));
        for (machine_name, mut machine) in support::machines(&g, &[Function::new("step", effects.clone())], 2) {
            machine.write_variable("p", &f.f32("p0").repeat(2)).unwrap();
            start(&mut machine);
            let trajectory = f.get(&format!("{name}/trajectory"));
            for t in 0..steps {
                machine.run("step", 1).unwrap();
                let expected = [&trajectory[t * n..(t + 1) * n]; 2].concat();
                close(
                    &format!("{name} step {t} on {machine_name}"),
                    &machine.read_variable("p").unwrap(),
                    &expected,
                    2e-6,
                );
            }
        }
    }
}

#[test]
fn schedules_follow_their_formulas() {
    let f = Fixture::load("schedules");
    let of = |kind, factor, end| Schedule { kind, factor, end, every: Some(15), ..Schedule::default() };
    for schedule in [
        of(ScheduleKind::Constant, 0.0, 0.0),
        of(ScheduleKind::Step, 0.5, 0.0),
        of(ScheduleKind::Cosine, 0.0, 0.1),
        of(ScheduleKind::Linear, 0.0, 0.0),
    ] {
        let name = schedule.kind.name();
        for warmup in [0, 5] {
            let mut g = Graph::new();
            let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
            let factor = Schedule { warmup, ..schedule.clone() }.at(&mut g, step, 50).unwrap();
            let functions = [Function::new("f", vec![Effect::Output("factor".into(), factor)])];
            for (machine_name, mut machine) in support::machines(&g, &functions, 50) {
                machine.write_integers("step", &(0..50).collect::<Vec<_>>()).unwrap();
                machine.run("f", 1).unwrap();
                let mut got = machine.read_output("factor").unwrap();
                if got.len() == 1 {
                    got = got.repeat(50);
                }
                close(&format!("{name}_w{warmup} on {machine_name}"), &got, f.get(&format!("{name}_w{warmup}")), 1e-6);
            }
        }
    }
}

/// A pass of training, with masks of which nothing is drawn.
pub fn training(g: &mut Graph) -> Pass {
    let (rate, count) = (g.constant(0.0), g.integer(0));
    Pass::train(Dropout { rate, input_rate: rate, seed: count, step: count })
}

/// Fifty steps of a network, with the initial weights and batches of the fixture.
fn curve(name: &str, layers: &Layers, activation: Activation, optimiser: &Optimiser) {
    let f = Fixture::load(name);
    let mut g = Graph::new();
    let common = Common { activation, bias: true, ..Common::default() };
    let net = declare(&mut g, layers, &f.extents("x")[1..], 5, &common).unwrap();
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State).unwrap();
    let x = f.data(&mut g, "x");
    let labels = f.labels(&mut g, "labels");
    let batches: Vec<u32> = f.get("batches").iter().map(|&b| b as u32).collect();
    let [steps, size] = f.shape("batches");
    let order = g.data_integers(&batches, &[steps, size]).unwrap();
    let row = g.gather(order, step).unwrap();
    let rows = g.reshape(row, &[size, 1]).unwrap();
    let (bx, by) = (g.gather(x, rows).unwrap(), g.gather(labels, rows).unwrap());
    let mut pass = training(&mut g);
    let output = net.forward(&mut g, bx, &mut pass).unwrap();
    let loss = Loss::default().apply(&mut g, output, by).unwrap();
    let parameters = net.parameters();
    let gradients = g.gradients(loss, &parameters).unwrap();
    // The fixture lists the rate of each step: the base rate is the largest.
    let base = f.get("lr").iter().fold(0.0f64, |m, &x| m.max(x));
    let mut hyper = constants(&mut g, base as f32, 0.0);
    let factor = optimiser.schedule.at(&mut g, step, 50).unwrap();
    hyper.lr = g.times(hyper.lr, factor).unwrap();
    let updates = optimiser.updates(&mut g, &parameters, &gradients, hyper).unwrap();
    let all = updates.iter().chain(&pass.updates);
    let mut effects: Vec<Effect> = all.map(|u| Effect::Assign(u.variable, u.new)).collect();
    let one = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, one).unwrap();
    effects.push(Effect::Assign(g.variable_of(step).unwrap(), next));
    let saved = parameters.iter().copied().chain(net.buffers());
    let names: Vec<String> = saved.map(|p| g.variable_info(g.variable_of(p).unwrap()).name.clone()).collect();
    effects.push(Effect::Record { name: "loss".into(), value: loss, step, capacity: steps });
    for (machine_name, mut machine) in support::machines(&g, &[Function::new("step", effects.clone())], 2) {
        for key in &names {
            machine.write_variable(key, &f.f32(key).repeat(2)).unwrap();
        }
        start(&mut machine);
        machine.run("step", steps as u32).unwrap();
        let results = machine.read_results().unwrap();
        for losses in machine.record(&results, "loss", 0, steps as u32).unwrap() {
            for (t, (got, expected)) in losses.iter().zip(f.get("losses")).enumerate() {
                let error = (f64::from(*got) - expected).abs() / expected;
                assert!(error < 1e-4, "{name} step {t} on {machine_name}: {got} against {expected} ({error:.1e})");
            }
        }
        for key in &names {
            let got = machine.read_replica(key, 1).unwrap();
            close(&format!("{name} final {key} on {machine_name}"), &got, f.get(&format!("final/{key}")), 1e-4);
        }
    }
}

#[test]
fn the_loss_curve_of_tanh_and_momentum() {
    let optimiser = Optimiser { kind: OptimiserKind::Sgd, momentum: 0.9, ..Optimiser::default() };
    curve("curve_tanh_sgd", &vec![16, 16].into(), Activation::Tanh, &optimiser);
}

#[test]
fn the_loss_curve_of_batch_norm_and_momentum() {
    let layers = r#"model.layers = [
        { name = "fc1", out_features = 16 },
        { kind = "batch_norm", name = "bn1", activation = "relu" },
        { kind = "residual", name = "block", activation = "relu", body = [
            { name = "fc", out_features = 16, bias = false },
            { kind = "batch_norm", name = "bn" },
        ] },
        { name = "head" },
    ]"#;
    let layers = isogram::config::Experiment::from_toml(layers, "curve.toml").unwrap().model.layers;
    let optimiser = Optimiser { kind: OptimiserKind::Sgd, momentum: 0.9, ..Optimiser::default() };
    curve("../reference/curve_batch_norm", &layers, Activation::Relu, &optimiser);
}

#[test]
fn the_loss_curve_of_a_convolutional_network() {
    let layers = r#"model.layers = [
        { kind = "conv2d", name = "conv1", out_channels = 8, kernel_size = 3, padding = "same", bias = false },
        { kind = "batch_norm", name = "bn1", activation = "relu" },
        { kind = "max_pool", kernel_size = 2 },
        { kind = "conv2d", name = "conv2", out_channels = 12, kernel_size = 2, activation = "tanh" },
        { kind = "global_avg_pool" },
        { name = "head" },
    ]"#;
    let layers = isogram::config::Experiment::from_toml(layers, "curve.toml").unwrap().model.layers;
    let optimiser = Optimiser { kind: OptimiserKind::Sgd, momentum: 0.9, ..Optimiser::default() };
    curve("../reference/curve_cnn", &layers, Activation::Relu, &optimiser);
}

#[test]
fn the_loss_curve_of_a_residual_network() {
    let layers = Layers::List(Preset::Resnet8.layers(Some(2), None, None, Activation::Relu));
    let optimiser = Optimiser { kind: OptimiserKind::Sgd, momentum: 0.9, ..Optimiser::default() };
    curve("../reference/curve_resnet8", &layers, Activation::Relu, &optimiser);
}

#[test]
fn the_loss_curve_of_long_short_term_memory() {
    let layers = Layers::List(Preset::Lstm.layers(Some(8), Some(2), None, Activation::Relu));
    curve("../reference/curve_lstm", &layers, Activation::Relu, &Optimiser::default());
}

#[test]
fn the_loss_curve_of_a_transformer_that_predicts_tokens() {
    let layers = Layers::List(Preset::Transformer.layers(Some(8), Some(1), Some(2), Activation::Gelu));
    let optimiser = Optimiser { kind: OptimiserKind::Sgd, momentum: 0.9, ..Optimiser::default() };
    curve("../reference/curve_transformer", &layers, Activation::Gelu, &optimiser);
}

#[test]
fn the_loss_curve_of_relu_and_adam() {
    let schedule = Schedule { kind: ScheduleKind::Cosine, warmup: 5, ..Schedule::default() };
    curve("curve_relu_adam", &vec![16, 16].into(), Activation::Relu, &Optimiser { schedule, ..Optimiser::default() });
}

#[test]
fn threefry_gives_jax_s_answers_and_the_published_ones() {
    let path = format!("{}/tests/fixtures/threefry.json", env!("CARGO_MANIFEST_DIR"));
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = 0;
    for case in file["random123"].as_array().unwrap().iter().chain(file["jax"].as_array().unwrap()) {
        let words = |key: &str| -> [u32; 2] {
            [0, 1].map(|i| u32::from_str_radix(case[key][i].as_str().unwrap().trim_start_matches("0x"), 16).unwrap())
        };
        assert_eq!(random::threefry(words("key"), words("counter")), words("output"));
        seen += 1;
    }
    assert!(seen >= 20);
}

#[test]
fn initial_weights_have_the_published_spread() {
    let path = format!("{}/tests/fixtures/init.json", env!("CARGO_MANIFEST_DIR"));
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = 0;
    for case in file["cases"].as_array().unwrap() {
        let source = case["source"].as_str().unwrap();
        let mode = case["mode"].as_str().unwrap_or_default();
        let fan = match mode {
            "fan_in" => Fan::FanIn,
            "fan_out" => Fan::FanOut,
            _ => Fan::FanAvg,
        };
        let relu = case["nonlinearity"].as_str() == Some("relu");
        let init = match source.rsplit('.').next().unwrap().trim_end_matches('_') {
            "xavier_normal" => Init::XavierNormal,
            "xavier_uniform" => Init::XavierUniform,
            "kaiming_normal" if relu => Init::KaimingNormal,
            "kaiming_uniform" if relu => Init::KaimingUniform,
            "variance_scaling" if case["distribution"].as_str() == Some("truncated_normal") => Init::VarianceScaling,
            _ => continue,
        };
        // Kaiming's gain for ReLU is part of the initialiser here.
        let gain = if relu { 1.0 } else { case["gain"].as_f64().unwrap() } as f32;
        let mut g = Graph::new();
        let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
        let gain = g.constant(gain);
        let weight = Initialiser { fan, ..Initialiser::from(init) }.weight(&mut g, "w", 64, 32, gain, seed).unwrap();
        let functions = [Function::new("f", vec![Effect::Output("w".into(), weight)])];
        for (machine_name, mut machine) in support::machines(&g, &functions, 40) {
            machine.write_integers("seed", &(0..40).collect::<Vec<_>>()).unwrap();
            machine.run("f", 1).unwrap();
            let w: Vec<f64> = machine.read_output("w").unwrap().into_iter().map(f64::from).collect();
            let n = w.len() as f64;
            let (mean, square) = (w.iter().sum::<f64>() / n, w.iter().map(|x| x * x).sum::<f64>() / n);
            let std = case["std"].as_f64().unwrap();
            // Four standard errors of 81,920 draws.
            assert!(mean.abs() < 4.0 * std / n.sqrt(), "{source} {mode} on {machine_name}: mean {mean}");
            assert!(
                (square.sqrt() / std - 1.0).abs() < 0.012,
                "{source} {mode} on {machine_name}: std {} against {std}",
                square.sqrt()
            );
            if let Some(bound) = case["bound"].as_f64() {
                let most = w.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                assert!(most <= bound * (1.0 + 1e-6) && most > 0.98 * bound, "{source} {mode}: {most} against {bound}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 12, "{seen} cases");
}

//! Mixed precision: 16-bit factors, loss scaling, and what must not change with them.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Function, Graph, Lowering, VariableKind};
use isogram::kernels::matmul::{Precision, rounded};
use isogram::kernels::program::DType;
use isogram::nn::LossScale;
use isogram::train::{Matrices, Options, Quiet, Summary, Sweep};

use crate::support;

#[test]
fn rounding_is_that_of_ieee_halves() {
    // IEEE 754 binary16: 11 significant bits, ties to even, largest 65,504, smallest normal 2^-14.
    for (x, expected) in [
        (1.0 + 2f32.powi(-11), 1.0),
        (1.0 + 3.0 * 2f32.powi(-11), 1.0 + 2f32.powi(-9)),
        (65_504.0, 65_504.0),
        (65_520.0, f32::INFINITY),
        (-1e6, f32::NEG_INFINITY),
        (2f32.powi(-14), 2f32.powi(-14)),
        (2f32.powi(-15), 0.0),
        (0.1, 0.099_975_586),
    ] {
        assert_eq!(rounded(x), expected, "{x}");
    }
    assert!(rounded(f32::NAN).is_nan());
}

/// The gradient of `upstream * x w` with respect to `w` by products of 16-bit factors, with a scaled loss: what it is, and
/// the scale, after so many steps.
fn scaled(x: f32, upstream: f32, steps: u32) -> Vec<(&'static str, f32, f32)> {
    let mut g = Graph::new();
    let state = |g: &mut Graph, name: &str| g.variable(name, &[1, 1], DType::F32, VariableKind::State).unwrap();
    let (x_of, up, w, seen) = (state(&mut g, "x"), state(&mut g, "up"), state(&mut g, "w"), state(&mut g, "seen"));
    let scale = LossScale::declare(&mut g).unwrap();
    g.set_precision(Precision::Half);
    let product = g.matmul(x_of, w).unwrap();
    let loss = g.times(product, up).unwrap();
    let gradient = scale.gradients(&mut g, loss, &[w]).unwrap()[0];
    let sound = g.unary(isogram::kernels::program::Unary::IsFinite, gradient);
    let (mut effects, _) = scale.next(&mut g, sound).unwrap();
    effects.push(Effect::Assign(g.variable_of(seen).unwrap(), gradient));
    let init = scale.initialise(&mut g).unwrap();
    let functions = [Function::new("init", init), Function::new("step", effects)];
    support::machines(&g, &functions, 1)
        .into_iter()
        .map(|(name, mut machine)| {
            machine.run("init", 1).unwrap();
            machine.write_variable("x", &[x]).unwrap();
            machine.write_variable("up", &[upstream]).unwrap();
            machine.write_variable("w", &[1.0]).unwrap();
            machine.run("step", steps).unwrap();
            let mut read = |name: &str| machine.read_variable(name).unwrap()[0];
            (name, read("seen"), read("loss_scale"))
        })
        .collect()
}

#[test]
fn a_scaled_loss_keeps_small_gradients_and_gives_way_to_large_ones() {
    // An upstream gradient of 2^-30 is nothing among 16-bit floats; 65,536 times as large it is exact.
    for (name, gradient, scale) in scaled(2.0, 2f32.powi(-30), 1) {
        assert_eq!((gradient, scale), (2f32.powi(-29), 65_536.0), "{name}");
    }
    // 4 x 65,536 is beyond them: the scale halves three times before the gradient, 32, is finite. Then it stays.
    for (name, gradient, scale) in scaled(8.0, 4.0, 5) {
        assert_eq!((gradient, scale), (32.0, 8_192.0), "{name}");
    }
    // A thousand sound steps, and it doubles.
    for (name, _, scale) in scaled(2.0, 2f32.powi(-30), 1000) {
        assert_eq!(scale, 131_072.0, "{name}");
    }
}

const SETTINGS: &str = r#"
name = "mixed"
steps = 120
seeds = 3
[model]
layers = [32, 32]
precision = "mixed"
[optimiser]
kind = "adam"
lr = 0.003
[probe]
examples = 120
[observe]
at = { kind = "linear", every = 40 }
measures = ["loss", "accuracy", "gradient_norm"]
"#;

fn run(overrides: &[(&str, &str)], lowering: Lowering) -> Summary {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let experiment = Experiment::with_overrides(SETTINGS, "mixed.toml", &overrides).unwrap();
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    let lowering = if support::gpu().is_some() { lowering } else { Lowering::Auto };
    Sweep::new(experiment).unwrap().run(&Options { adapter, lowering, ..Options::default() }, &mut Quiet).unwrap()
}

#[test]
fn networks_learn_the_same_with_half_the_bits() {
    let single = run(&[("model.precision", "\"single\"")], Lowering::Layered);
    for lowering in [Lowering::Layered, Lowering::Resident] {
        let mixed = run(&[], lowering);
        for step in [40, 80, 120] {
            let exact = single.values("loss", step);
            let spread = exact.iter().fold(0.0f64, |m, x| m.max((x - exact[0]).abs()));
            for (a, b) in exact.iter().zip(mixed.values("loss", step)) {
                // Far less than another seed makes.
                let off = (a - b).abs();
                assert!(off <= 0.02 * a && off <= 0.25 * spread, "{lowering:?}, step {step}: {a} and {b}, {spread}");
                assert_ne!(*a, b, "16-bit factors change something");
            }
        }
        assert!(mixed.values("accuracy", 120).iter().all(|a| *a > 0.8));
    }
}

#[test]
fn a_mixed_replica_has_its_own_scale_and_its_own_bits() {
    for lowering in [Lowering::Layered, Lowering::Resident] {
        let alone = run(&[("seeds", "1")], lowering);
        let company = run(&[("sweep.optimiser.lr", "[0.003, 1e30]")], lowering);
        let of = |s: &Summary| -> Vec<(u64, String, u64)> {
            let rows = s.metrics.iter().filter(|r| r.replica == 0);
            rows.map(|r| (r.step, r.name.clone(), r.value.to_bits())).collect()
        };
        assert_eq!(of(&alone), of(&company), "{lowering:?}");
        for entry in &company.manifest.replicas {
            assert_eq!(entry.diverged_at.is_some(), entry.replica >= 3, "replica {}", entry.replica);
        }
    }
}

#[test]
fn cooperative_matrices_are_refused_where_there_are_none() {
    let Some(gpu) = support::gpu().filter(|gpu| gpu.profile().cooperative.is_empty()) else { return };
    let run = |precision: &str, matrices| {
        let settings = [("seeds", "1"), ("steps", "2"), ("model.layers", "[8]"), ("model.precision", precision)];
        let overrides: Vec<_> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let e = Experiment::with_overrides("name = \"matrices\"", "matrices.toml", &overrides).unwrap();
        let options = Options { gpu: Some(gpu.clone()), matrices, ..Options::default() };
        Sweep::new(e).unwrap().run(&options, &mut Quiet)
    };
    let refused = run("'mixed'", Matrices::Yes).unwrap_err().to_string();
    assert!(refused.contains("has no cooperative matrices") && refused.contains("--matrices no"), "{refused}");
    // As the message advises; and single precision takes none anyway.
    assert!(run("'mixed'", Matrices::No).is_ok() && run("'single'", Matrices::Yes).is_ok());
}

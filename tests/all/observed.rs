//! What a run observes: each value under a name of its own, the same value that the catalogue gives on the saved
//! representations, and none that depends on the scale of the activations unless it says so.

use std::collections::HashSet;

use faer::Mat;
use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::measure::Estimator;
use isogram::measure::catalogue::{Measure, Statistic};
use isogram::measure::device::products::{Layers, Pairs};
use isogram::measure::embedding::{Bandwidth, Between, Centring, Embedding, Pool};
use isogram::train::{Options, Quiet, Summary, Sweep};

use crate::support;

fn adapter() -> AdapterChoice {
    if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu }
}

fn sweep(settings: &str) -> Sweep {
    Sweep::new(Experiment::from_toml(settings, "observed.toml").unwrap()).unwrap()
}

/// Everything that can be asked for by both keys, and near copies (learning rates that differ in the seventh digit).
const NAMES: &str = r#"
name = "names"
steps = 3
seeds = 2
[data]
source = "digits"
[model]
layers = [9, 6]
activation = "tanh"
[probe]
examples = 20
[batch]
size = 16
[observe]
at = { kind = "list", steps = [3] }
measures = ["loss", "accuracy", "weight_norm", "gradient_norm", "distance", "cka_pairs", "cka_layers", "cka_input",
    "cka_labels", "cka_first", "cka_last"]
pairs = [[0, 1], [3, 2]]
compare = ["cka", "cka:biased", "cka:lange", "cka:rbf", "cka:rbf:sigma=2", "angular_cka", "angular_cka:biased", "hsic",
    "hsic:biased", "minibatch_cka:batch=8", "distance_correlation", "distance_correlation:biased", "rsa:pearson",
    "procrustes", "linear_regression"]
describe = ["participation_ratio", "stable_rank"]
[sweep]
"optimiser.lr" = [0.01, 0.01000001]
[save]
representations = "checkpoints"
"#;

/// `[examples, units]` of a tensor of `representations.safetensors`.
fn matrix(arrays: &[(String, Vec<usize>, Vec<f32>)], name: &str) -> Mat<f64> {
    let (_, shape, values) = arrays.iter().find(|(n, _, _)| n == name).unwrap_or_else(|| panic!("no {name}"));
    Mat::from_fn(shape[0], shape[1], |i, j| f64::from(values[i * shape[1] + j]))
}

fn by_definition(name: &str, x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    let host = Measure::parse(name).unwrap().made.host;
    host.compare(&host.prepare(x.as_ref()).unwrap(), &host.prepare(y.as_ref()).unwrap()).unwrap()
}

/// Where the value of a layer with itself, or with what it is compared with, is known to be near one.
fn near(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 1e-6 * expected.abs().max(1.0)
}

#[test]
fn every_observed_value_has_a_name_of_its_own_and_is_what_the_name_says() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = sweep(NAMES);
    let options = Options { adapter: adapter(), out: Some(dir.path().join("run")), ..Options::default() };
    let summary = sweep.run(&options, &mut Quiet).unwrap();
    let arrays = isogram::data::read_safetensors(&dir.path().join("run/representations.safetensors")).unwrap();
    let at = |step: u64, replica: u32, layer: &str| matrix(&arrays, &format!("{step}/{replica}/{layer}"));

    let mut seen = HashSet::new();
    for p in summary.pairs.iter() {
        let key = (p.name.to_owned(), p.step, p.replica_a, p.replica_b, p.layer_a.to_owned(), p.layer_b.to_owned());
        assert!(seen.insert(key), "{} of {}, {} comes twice", p.name, p.replica_a, p.replica_b);
        let (x, y) = (at(p.step, p.replica_a, p.layer_a), at(p.step, p.replica_b, p.layer_b));
        let expected = by_definition(p.name, &x, &y);
        assert!(near(p.value, expected), "{} of {}, {}: {}, not {expected}", p.name, p.replica_a, p.replica_b, p.value);
        assert_eq!(Measure::parse(p.name).unwrap().name(), p.name, "a short name was written");
    }
    let pairs_named = |name: &str| summary.pairs.iter().filter(|p| p.name == name && p.layer_a == p.layer_b).count();
    // Six pairs of four replicas at two layers, at the start and at the end, whoever asked.
    for name in ["cka:biased", "cka:debiased", "cka:lange", "angular_cka:debiased", "hsic:debiased"] {
        assert_eq!(pairs_named(name), 6 * 2 * 2, "{name}");
    }

    let probe = &sweep.data().probe;
    let width = sweep.data().inputs;
    let inputs = Mat::from_fn(probe.examples, width, |i, j| f64::from(probe.inputs[i * width + j]));
    let isogram::train::Targets::Classes(labels) = &probe.targets else { panic!("digits have classes") };
    let one_hot = Mat::from_fn(probe.examples, 10, |i, j| f64::from(u8::from(labels[i] as usize == j)));
    let mut seen = HashSet::new();
    let mut tried = HashSet::new();
    for row in &summary.metrics {
        let key = (row.replica, row.step, row.layer, row.name.clone());
        assert!(seen.insert(key), "{} of {} comes twice", row.name, row.replica);
        let Some(layer) = row.layer else { continue };
        let layer = layer.to_string();
        let layer = layer.as_str();
        let x = at(row.step, row.replica, layer);
        let expected = match row.name.split_once(':') {
            Some(("cka_input", e)) => by_definition(&format!("cka:{e}"), &x, &inputs),
            Some(("cka_labels", e)) => by_definition(&format!("cka:{e}"), &x, &one_hot),
            Some(("cka_first", e)) => by_definition(&format!("cka:{e}"), &x, &at(0, row.replica, layer)),
            Some(("cka_last", e)) => by_definition(&format!("cka:{e}"), &x, &at(3, row.replica, layer)),
            Some(_) => panic!("{}", row.name),
            None if row.name.starts_with("distance_") => {
                let (a, b) = if row.name == "distance_0_1" { (0, 1) } else { (3, 2) };
                (0..x.ncols()).map(|j| (x[(a, j)] - x[(b, j)]).powi(2)).sum()
            }
            None => Statistic::parse(&row.name).unwrap().of(x.as_ref(), &[]).unwrap(),
        };
        assert!(
            near(row.value, expected),
            "{} of {} at {}: {}, not {expected}",
            row.name,
            row.replica,
            row.step,
            row.value
        );
        tried.insert(row.name.clone());
    }
    assert_eq!(tried.len(), 4 * 2 + 2 + 2, "{tried:?}");
}

/// Identity networks that do not learn: what they represent is in proportion to the gain of their weights.
fn scaled(exponents: &[i32]) -> Summary {
    let gains: Vec<String> = exponents.iter().map(|&k| format!("{:e}", f64::from(k).exp2())).collect();
    let settings = format!(
        r#"
name = "scaled"
steps = 1
seeds = 2
[data]
source = "digits"
[model]
layers = [8]
activation = "identity"
bias = false
init = "normal"
[optimiser]
kind = "sgd"
lr = 0.0
[batch]
size = 16
[probe]
examples = 20
[observe]
at = {{ kind = "list", steps = [0] }}
measures = ["loss", "weight_norm", "gradient_norm", "distance", "cka_pairs", "cka_input", "cka_labels", "cka_first"]
pairs = [[0, 1]]
compare = ["cka:lange", "cka:rbf", "cka:laplace", "angular_cka:biased", "hsic", "minibatch_cka:batch=8",
    "distance_correlation", "rsa:pearson", "rsa:euclidean:pearson", "rsa:cosine:cosine-of", "procrustes"]
describe = ["participation_ratio"]
[sweep]
"model.gain" = [{}]
"#,
        gains.join(", ")
    );
    sweep(&settings).run(&Options { adapter: adapter(), ..Options::default() }, &mut Quiet).unwrap()
}

#[test]
fn observed_values_do_not_depend_on_the_scale_of_activations() {
    // Logits are in proportion to the square of the gain, and must not overflow.
    let exponents = [0, -100, -60, -20, 20, 50];
    let summary = scaled(&exponents);
    let law = |name: &str| match name {
        n if n.starts_with("distance_0") => 2,
        n if n.starts_with("hsic") => 4,
        "weight_norm" => 1,
        _ => 0,
    };
    let mut tried = HashSet::new();
    for (g, &k) in exponents.iter().enumerate().skip(1) {
        let unit = |power: i32| f64::from(k * power).exp2();
        for (i, row) in summary.metrics.iter().enumerate() {
            if row.replica / 2 != g as u32 || (row.layer.is_none() && row.name != "weight_norm") {
                continue;
            }
            let same = |r: &&isogram::files::MetricRow| {
                (r.replica, r.step, &r.layer, &r.name) == (row.replica % 2, row.step, &row.layer, &row.name)
            };
            let expected = summary.metrics.iter().find(same).unwrap().value * unit(law(&row.name));
            let off = (row.value - expected).abs();
            assert!(
                off <= 1e-5 * expected.abs().max(unit(law(&row.name))),
                "{i} {} at 2^{k}: {}, not {expected}",
                row.name,
                row.value
            );
            tried.insert(row.name.clone());
        }
        for row in summary.pairs.iter().filter(|p| (p.replica_a, p.replica_b) == (2 * g as u32, 2 * g as u32 + 1)) {
            let mut first = summary.pairs.iter().filter(|p| (p.replica_a, p.replica_b) == (0, 1));
            let expected =
                first.find(|p| (p.name, p.step) == (row.name, row.step)).unwrap().value * unit(law(row.name));
            let off = (row.value - expected).abs();
            assert!(
                off <= 1e-5 * expected.abs().max(unit(law(row.name))),
                "{} at 2^{k}: {}, not {expected}",
                row.name,
                row.value
            );
            tried.insert(row.name.to_owned());
        }
    }
    assert_eq!(tried.len(), 6 + 3 + 2 + 11, "{tried:?}");
    // Where logits are as good as zero, the gradient is in proportion to the gain.
    let norms: Vec<f64> = (2..6)
        .step_by(2)
        .map(|replica| {
            let found = |r: &&isogram::files::MetricRow| r.name == "gradient_norm" && r.replica == replica;
            summary.metrics.iter().find(found).unwrap().value
        })
        .collect();
    assert!(norms[0] > 0.0 && (norms[1] / norms[0] - 2f64.powi(40)).abs() < 1e-5 * 2f64.powi(40), "{norms:?}");
}

/// Values between 1 and 16 of both signs, so that all are normal numbers at 2^-120.
fn pseudo(i: usize) -> f32 {
    let mut x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = 1.0 + 15.0 * ((x >> 40) as f32) / (1u64 << 24) as f32;
    if x & 1 == 0 { value } else { -value }
}

const BIASED: Centring = Centring::Hsic(Estimator::Biased);
const DEBIASED: Centring = Centring::Hsic(Estimator::Debiased);

#[test]
fn tables_of_pairs_are_the_same_bits_at_every_power_of_two() {
    use Between::{CityBlock, Correlation, Cosine, Euclidean, Gaussian, Linear, SquaredEuclidean};
    let median = Gaussian(Bandwidth::Median(1.0, Pool::All));
    let batched = Embedding { batch: Some(6), ..Embedding::new(Linear, DEBIASED) };
    let embeddings: Vec<Embedding> = [
        (Linear, BIASED),
        (Linear, DEBIASED),
        (median, DEBIASED),
        (SquaredEuclidean, Centring::Mean),
        (Euclidean, DEBIASED),
        (CityBlock, BIASED),
        (Correlation, Centring::Mean),
        (Cosine, Centring::Raw),
    ]
    .map(|(between, centring)| Embedding::new(between, centring))
    .into_iter()
    .chain([batched])
    .collect();
    let (n, units) = (12, 5);
    let exponents = [0, -120, -119, -63, -1, 1, 64, 120];
    let count = exponents.len() + 1;
    for (_, gpu) in support::executors() {
        let mut pairs = Pairs::new(gpu.as_ref(), count, 1, [n, units], &embeddings, &[Layers::Same]).unwrap();
        for (replica, k) in exponents.iter().enumerate() {
            let values: Vec<f32> = (0..n * units).map(|i| pseudo(i) * f64::from(*k).exp2() as f32).collect();
            pairs.fill(0, replica, &values, units).unwrap();
        }
        let other: Vec<f32> = (0..n * units).map(|i| pseudo(1000 + i)).collect();
        pairs.fill(0, count - 1, &other, units).unwrap();
        for matrix in pairs.compare(Layers::Same).unwrap() {
            let value = |replica: usize| matrix.values[replica * count + count - 1];
            assert!(value(0).is_finite() && value(0) != 0.0);
            for (replica, k) in exponents.iter().enumerate() {
                let embedding = embeddings[matrix.measure];
                assert_eq!(value(replica), value(0), "{embedding:?} at 2^{k}");
            }
        }
    }
}

#[test]
fn one_far_example_does_not_widen_a_kernel() {
    let (n, units) = (24, 4);
    let embedding = Embedding::new(Between::Gaussian(Bandwidth::Median(1.0, Pool::All)), DEBIASED);
    let other: Vec<f32> = (0..n * units).map(|i| pseudo(1000 + i)).collect();
    let mut far: Vec<f32> = other.iter().enumerate().map(|(i, v)| v + 0.7 * pseudo(i)).collect();
    far[..units].iter_mut().for_each(|v| *v *= 1e5);
    let wide = |values: &[f32]| Mat::from_fn(n, units, |i, j| f64::from(values[i * units + j]));
    let expected = by_definition("cka:rbf", &wide(&far), &wide(&other));
    for (_, gpu) in support::executors() {
        let mut pairs = Pairs::new(gpu.as_ref(), 2, 1, [n, units], &[embedding], &[Layers::Same]).unwrap();
        pairs.fill(0, 0, &far, units).unwrap();
        pairs.fill(0, 1, &other, units).unwrap();
        let got = pairs.compare(Layers::Same).unwrap()[0].values[1];
        assert!((got - expected).abs() < 1e-5, "{got}, not {expected}");
    }
}

#[test]
fn what_is_constant_has_no_value_and_a_short_row_has_a_direction() {
    let embeddings = [
        Embedding::linear(Estimator::Biased),
        Embedding::new(Between::Cosine, Centring::Raw),
        Embedding::new(Between::Correlation, Centring::Raw),
    ];
    let (n, units) = (11, 4);
    let good: Vec<f32> = (0..n * units).map(pseudo).collect();
    // The mean of eleven times a tenth is not a tenth in single precision.
    let constant: Vec<f32> = (0..n * units).map(|i| [0.1, 0.7, 0.3, 0.9][i % units]).collect();
    let mut short = good.clone();
    short[..units].iter_mut().for_each(|v| *v *= 2f32.powi(-80));
    for (_, gpu) in support::executors() {
        let mut pairs = Pairs::new(gpu.as_ref(), 3, 1, [n, units], &embeddings, &[Layers::Same]).unwrap();
        for (replica, values) in [&good, &constant, &short].into_iter().enumerate() {
            pairs.fill(0, replica, values, units).unwrap();
        }
        let found = pairs.compare(Layers::Same).unwrap();
        assert!(found[0].values[1].is_nan(), "{}", found[0].values[1]);
        // Rows all point one way: no example differs from another.
        assert!(found[1].values[1].is_nan() && found[2].values[1].is_nan());
        for matrix in &found[1..] {
            assert!((matrix.values[2] - 1.0).abs() < 1e-6, "{}", matrix.values[2]);
        }
    }
}

#[test]
fn a_measure_of_the_catalogue_is_no_short_form_of_what_is_observed() {
    let said = |observe: &str| {
        let settings = format!("name = \"a\"\nsteps = 1\n[data]\nsource = \"digits\"\n[observe]\n{observe}\n");
        Experiment::from_toml(&settings, "a.toml").unwrap_err().to_string()
    };
    let cka = said("measures = [\"loss\", \"cka\"]");
    assert!(cka.contains("observe.compare = [\"cka\"]") && !cka.contains("did you mean"), "{cka}");
    let ratio = said("measures = [\"participation_ratio\"]");
    assert!(ratio.contains("observe.describe = [\"participation_ratio\"]"), "{ratio}");
    let pairs = said("compare = [\"cka_pairs\"]");
    assert!(pairs.contains("cka_pairs belongs in observe.measures"), "{pairs}");
}

/// Families, as `isogram compare` and `isogram describe` take them.
#[test]
fn families_are_observed_as_they_are_compared() {
    let (measures, statistics) = (["kernels", "procrustes"], ["spectrum"]);
    let sweep = sweep(&format!(
        "name = \"families\"\nsteps = 1\nseeds = 2\nmodel.layers = [5]\nprobe.examples = 12\n[observe]\nmeasures = []\n\
         at = {{ kind = \"list\", steps = [1] }}\ncompare = {measures:?}\ndescribe = {statistics:?}\n"
    ));
    let summary = sweep.run(&Options { adapter: AdapterChoice::Cpu, ..Options::default() }, &mut Quiet).unwrap();
    let found: HashSet<String> = summary.pairs.iter().map(|p| p.name.to_owned()).collect();
    let all = Measure::parse_all(&measures.map(str::to_owned)).unwrap();
    assert_eq!(found, all.iter().map(Measure::name).collect());
    assert!(found.len() > 5);
    let found: HashSet<String> = summary.metrics.iter().filter(|m| m.layer.is_some()).map(|m| m.name.clone()).collect();
    let all = Statistic::parse_all(&statistics.map(str::to_owned)).unwrap();
    assert_eq!(found, all.iter().map(Statistic::name).collect());
}

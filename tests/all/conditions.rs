//! Data that are noise about conditions, activations with bounds of each replica, and what describes a design while it is learned.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::train::{Group, Options, Quiet, Summary, Sweep};

use crate::support;

const SETTINGS: &str = r#"
name = "conditions"
steps = 40
seeds = 2
[data]
source = "conditions"
dimensions = 12
parities = [[1], [0, 1]]
examples = 64
test_examples = 32
[model]
bias = false
layers = [
  { name = "hidden", out_features = 16, activation = "clip" },
  { name = "readout", freeze = true, init = "uniform", gain = 0.25 },
]
[loss]
kind = "bce"
[optimiser]
kind = "sgd"
lr = 0.5
[batch]
mode = "full"
[probe]
from = "means"
[observe]
at = { kind = "list", steps = [20] }
measures = ["loss", "accuracy", "cka_labels", "cka_input"]
describe = ["parallelism:contexts=2", "ccgp"]
[save]
representations = "final"
parameters = "final"
"#;

fn sweep(overrides: &[(&str, &str)]) -> Sweep {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sweep::new(Experiment::with_overrides(SETTINGS, "conditions.toml", &overrides).unwrap()).unwrap()
}

fn run(sweep: &Sweep, adapter: AdapterChoice) -> Summary {
    sweep.run(&Options { adapter, ..Options::default() }, &mut Quiet).unwrap()
}

fn adapters() -> Vec<AdapterChoice> {
    let gpu = support::gpu().map(|_| AdapterChoice::Index(0));
    std::iter::once(AdapterChoice::Cpu).chain(gpu).collect()
}

fn group(sweep: &Sweep) -> Group {
    let options = Options { adapter: AdapterChoice::Cpu, ..Options::default() };
    let mut groups = sweep.groups(None, &options).unwrap();
    assert_eq!(groups.len(), 1, "what each replica has for itself splits no group");
    groups.remove(0)
}

/// Rows of a variable of each replica.
fn rows(group: &mut Group, name: &str, width: usize) -> Vec<Vec<Vec<f64>>> {
    let machine = &mut group.slices[0].0;
    let values = support::wide(&machine.read_variable(name).unwrap());
    let each = values.len() / machine.replicas();
    values.chunks(each).map(|own| own.chunks(width).map(<[f64]>::to_vec).collect()).collect()
}

#[test]
fn examples_are_noise_about_means_that_lie_where_they_should() {
    let noises = [0.0, 0.5];
    let mut group = group(&sweep(&[("sweep.\"data.noise\"", "[0, 0.5]"), ("data.test_examples", "4000")]));
    let means = rows(&mut group, "data/means", 12);
    for (what, count) in [("train", 64), ("test", 4000)] {
        for (r, inputs) in rows(&mut group, &format!("data/{what}/inputs"), 12).iter().enumerate() {
            let off = |i: usize, d: usize| inputs[i][d] - means[r][i % 4][d];
            let squares: f64 =
                (0..count).flat_map(|i| (0..12).map(move |d| (i, d))).map(|(i, d)| off(i, d).powi(2)).sum();
            let deviation = (squares / (count * 12) as f64).sqrt();
            // Five standard errors.
            let within = noises[r / 2] * 5.0 / (2.0 * (count * 12) as f64).sqrt();
            assert!((deviation - noises[r / 2]).abs() <= within + 1e-7, "{what} of {r}: {deviation}");
        }
    }
    for own in &means {
        let sum = |d: usize| own.iter().map(|mean| mean[d]).sum::<f64>();
        assert!((0..12).all(|d| sum(d).abs() < 1e-5), "means are about their centre");
    }
    assert_ne!(means[0], means[1], "seeds draw means of their own");
    assert_eq!(means[0], means[2], "and noise changes none");
}

#[test]
fn an_exclusive_or_is_separable_by_degrees() {
    let degrees = [0.0, 0.75];
    let mut group = group(&sweep(&[("data.geometry", "separable_xor"), ("sweep.\"data.separability\"", "[0, 0.75]")]));
    for (r, means) in rows(&mut group, "data/means", 12).iter().enumerate() {
        // Condition 3 has both variables at 1: it shows the axes themselves.
        let axis = |block: usize| means[3][block * 4..][..4].to_vec();
        for (block, size) in [1.0, 1.0, degrees[r / 2]].into_iter().enumerate() {
            assert!(axis(block).iter().all(|&x| x >= 0.0));
            assert!((axis(block).iter().map(|x| x * x).sum::<f64>() - 4.0 * size * size).abs() < 1e-5);
        }
        for k in 0..4 {
            let sign = |j: usize| if k >> j & 1 == 1 { 1.0 } else { -1.0 };
            for d in 0..12 {
                let expected = [sign(0), sign(1), sign(0) * sign(1)][d / 4] * means[3][d];
                assert!((means[k][d] - expected).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn the_kernel_of_the_means_is_aligned_with_that_of_the_targets_as_asked() {
    let asked = [0.0, 0.3, 1.0];
    let mut group = group(&sweep(&[
        ("data.geometry", "aligned"),
        ("data.bits", "3"),
        ("data.parities", "[[0], [1, 2]]"),
        ("sweep.\"data.alignment\"", "[0, 0.3, 1]"),
        ("observe.describe", "[]"),
    ]));
    let all = rows(&mut group, "data/means", 12);
    for (r, means) in all.iter().enumerate() {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let sign = |bits: usize| 1.0 - 2.0 * f64::from(bits.count_ones() % 2);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for a in 0..8 {
            let sum: f64 = (0..8).map(|b| dot(&means[a], &means[b])).sum();
            assert!(sum.abs() < 1e-3, "means are about their centre");
            for b in 0..8 {
                let (x, y) = (dot(&means[a], &means[b]), sign((a ^ b) & 1) + sign((a ^ b) & 6));
                (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
            }
        }
        let cosine = xy / (xx * yy).sqrt();
        assert!((cosine - asked[r / 2]).abs() < 1e-5, "{r}: {cosine}");
        let size: f64 = means.iter().map(|mean| dot(mean, mean)).sum();
        assert!((size / 96.0 - 1.0).abs() < 1e-5);
    }
    assert_ne!(all[0], all[1], "seeds draw kernels of their own");
}

#[test]
fn a_clip_is_a_rectifier_or_a_line_where_its_bounds_say_so_for_each_replica() {
    let bounds = [("sweep.\"model.lower\"", "[0, -1e30]"), ("model.upper", "1e30")];
    for adapter in adapters() {
        let clipped = sweep(&bounds);
        group(&clipped);
        let clipped = run(&clipped, adapter.clone());
        for (i, function) in ["relu", "identity"].into_iter().enumerate() {
            let layers = format!(
                "[{{ name = \"hidden\", out_features = 16, activation = \"{function}\" }}, \
                 {{ name = \"readout\", freeze = true, init = \"uniform\", gain = 0.25 }}]"
            );
            let other = run(&sweep(&[("model.layers", &layers)]), adapter.clone());
            for r in 0..2 {
                let weight = |summary: &Summary, r: usize| {
                    let name = format!("{r}/hidden.weight");
                    summary.parameters.iter().find(|(n, ..)| *n == name).unwrap().2.clone()
                };
                let expected = support::wide(&weight(&other, r));
                support::close(function, &weight(&clipped, 2 * i + r), &expected, 1e-6);
            }
        }
    }
}

#[test]
fn a_frozen_readout_stays_and_the_design_is_described_on_the_means() {
    let sweep = sweep(&[]);
    let start = rows(&mut group(&sweep), "readout.weight", 16);
    let summary = run(&sweep, AdapterChoice::Cpu);
    for (r, start) in start.iter().enumerate() {
        let (_, shape, readout) =
            summary.parameters.iter().find(|(n, ..)| *n == format!("{r}/readout.weight")).unwrap();
        assert_eq!((shape.as_slice(), support::wide(readout)), ([2, 16].as_slice(), start.concat()));
        let found = summary.representations.iter().find(|x| x.replica == r).unwrap();
        assert_eq!(found.shape, [4, 16]);
        // The first target is variable 1: its coding vectors where variable 0 is 0, and where it is 1.
        let row = |k: usize| support::wide(&found.values[k * 16..][..16]);
        let coding = |k: usize| row(k + 2).iter().zip(row(k)).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (a, b) = (coding(0), coding(1));
        let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        let value = |name: &str| {
            let rows = summary.metrics.iter().filter(|row| row.replica as usize == r && row.name == name);
            rows.max_by_key(|row| row.step).unwrap_or_else(|| panic!("no {name}")).value
        };
        assert!(
            (value("parallelism:contexts=2") - cosine).abs() < 1e-9,
            "{} for {cosine}",
            value("parallelism:contexts=2")
        );
        assert!((0.0..=1.0).contains(&value("ccgp")));
        assert!(value("cka_labels:biased") > 0.0 && value("loss") < 0.7);
        // What is held out has noise, and means have none.
        assert!(value("loss_test") != value("loss"));
    }
}

#[test]
fn conditions_that_make_no_sense_are_refused_in_a_sentence() {
    for (key, value, expected) in [
        (
            "data.parities",
            "[[2]]",
            "data.parities: expected different variables below data.bits, 2, for each target, got [2]",
        ),
        ("data.parities", "[]", "data.parities: expected at least one target"),
        ("data.geometry", "separable_xor", "data.geometry: separable_xor has data.bits = 2 and three blocks"),
        (
            "data.parities",
            "[[0], [1], [0, 1]]",
            "data.parities: aligned takes different ones, at most 2 with data.bits = 2",
        ),
        ("data.dimensions", "2", "data.dimensions: aligned takes at least 3, one less than conditions, got 2"),
        ("data.corrupted", "0.5", "those of conditions are made"),
        ("loss.kind", "cross_entropy", "since the targets of conditions are numbers"),
        ("observe.compare", "[\"procrustes\"]", "give data.seed a number"),
        ("data.source", "digits", "probe.from: means needs data.source = \"conditions\", got digits"),
        ("model.lower", "2", "model.lower: expected a number below model.upper, 1, got 2"),
    ] {
        let overrides: Vec<_> = match key {
            "data.geometry" => vec![(key.to_owned(), value.to_owned()), ("data.dimensions".into(), "13".into())],
            _ if expected.contains("aligned") => {
                vec![(key.to_owned(), value.to_owned()), ("data.geometry".into(), "aligned".into())]
            }
            _ => vec![(key.to_owned(), value.to_owned())],
        };
        let message = Experiment::with_overrides(SETTINGS, "x.toml", &overrides).unwrap_err().to_string();
        assert!(message.contains(expected), "{key}\n  said     {message}\n  expected {expected}");
    }
}

//! Units merged once training is over: planted copies are counted as the published algorithm counts them, and whole merges are held
//! to the same written out in double precision.

use std::path::Path;

use isogram::config::Experiment;
use isogram::data::{NamedArray, write_safetensors};
use isogram::gpu::AdapterChoice;
use isogram::train::{Options, Quiet, Summary, Sweep};

use crate::support;

const SETTINGS: &str = r#"
name = "merging"
steps = 1
seeds = 1
[data]
source = "digits"
[model]
layers = [12, 10]
[optimiser]
kind = "sgd"
lr = 0
[observe]
at = { kind = "list", steps = [1] }
measures = ["loss"]
[save]
parameters = "final"
"#;

fn run(text: &str, adapter: &AdapterChoice) -> Summary {
    let experiment = Experiment::from_toml(&format!("{SETTINGS}{text}"), "merging.toml").unwrap();
    Sweep::new(experiment)
        .unwrap()
        .run(&Options { adapter: adapter.clone(), ..Options::default() }, &mut Quiet)
        .unwrap()
}

fn adapters() -> Vec<AdapterChoice> {
    let gpu = support::gpu().map(|_| AdapterChoice::Index(0));
    std::iter::once(AdapterChoice::Cpu).chain(gpu).collect()
}

fn value(summary: &Summary, name: &str, layer: Option<u32>) -> f64 {
    let is = |row: &&isogram::files::MetricRow| {
        row.name == name && row.layer.map(|l| l.to_string()) == layer.map(|l| format!("layers.{l}"))
    };
    summary.metrics.iter().find(is).unwrap_or_else(|| panic!("no {name}")).value
}

/// Numbers without a pattern, the same in every run.
fn numbers(count: usize, seed: f64) -> Vec<f32> {
    (0..count).map(|i| ((i as f64 * 12.9898 + seed).sin() * 43758.5453).rem_euclid(1.0) as f32 - 0.5).collect()
}

/// A network of two hidden layers of 12 and 10, the first so many units of the first layer copies of one; the weights into each unit of
/// that layer times a number, and those out of it over the same.
fn planted(copies: usize, scaled: fn(usize) -> f32, folder: &Path) -> String {
    let mut into = numbers(12 * 64, 1.0);
    let mut out = numbers(10 * 12, 2.0);
    let mut bias = numbers(12, 3.0);
    for k in 1..copies {
        into.copy_within(0..64, k * 64);
        bias[k] = bias[0];
        (0..10).for_each(|o| out[o * 12 + k] = out[o * 12]);
    }
    for (k, factor) in (0..12).map(|k| (k, scaled(k))) {
        into[k * 64..][..64].iter_mut().chain([&mut bias[k]]).for_each(|w| *w *= factor);
        (0..10).for_each(|o| out[o * 12 + k] /= factor);
    }
    let arrays: Vec<NamedArray> = vec![
        ("layers.0.weight".into(), vec![12, 64], into),
        ("layers.0.bias".into(), vec![12], bias),
        ("layers.1.weight".into(), vec![10, 12], out),
        ("layers.1.bias".into(), vec![10], numbers(10, 4.0)),
        ("layers.2.weight".into(), vec![10, 10], numbers(100, 5.0)),
        ("layers.2.bias".into(), vec![10], numbers(10, 6.0)),
    ];
    let path = folder.join(format!("{copies}.safetensors"));
    write_safetensors(&path, &arrays, &[]).unwrap();
    format!("[model]\ninit_from = {path:?}\nlayers = [12, 10]")
}

fn with_planted(copies: usize, folder: &Path, after: &str, adapter: &AdapterChoice) -> Summary {
    with_scaled(copies, |_| 1.0, folder, after, adapter)
}

fn with_scaled(
    copies: usize,
    scaled: fn(usize) -> f32,
    folder: &Path,
    after: &str,
    adapter: &AdapterChoice,
) -> Summary {
    let text = SETTINGS.replace("[model]\nlayers = [12, 10]", &planted(copies, scaled, folder));
    let experiment = Experiment::from_toml(&format!("{text}{after}"), "merging.toml").unwrap();
    let options = Options { adapter: adapter.clone(), ..Options::default() };
    Sweep::new(experiment).unwrap().run(&options, &mut Quiet).unwrap()
}

#[test]
fn copies_of_a_unit_are_counted_by_their_ones_in_binary_or_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let after = "[[after]]\nkind = \"merge\"\nthresholds = [1e-6]\n[[after]]\nkind = \"merge\"\ncopies = \"normalised\"\nstop = \"fixed\"\nthresholds = [1e-6]\n";
    for adapter in adapters() {
        // On an adapter, of which each network is compiled anew, a few say the same.
        let all = if adapter == AdapterChoice::Cpu || support::full() { vec![1, 2, 3, 4, 5, 6, 7, 8] } else { vec![7] };
        for copies in all {
            let summary = with_planted(copies, folder.path(), after, &adapter);
            let left = |name: &str| value(&summary, &format!("{name}.units"), Some(0)) as usize - (12 - copies);
            assert_eq!(
                left("merge_summed_running_within_0.000001"),
                usize::count_ones(copies) as usize,
                "{copies} copies"
            );
            assert_eq!(left("merge_normalised_fixed_within_0.000001"), 1, "{copies} copies");
            assert_eq!(value(&summary, "merge_summed_running_within_0.000001.units", Some(1)), 10.0);
            for name in ["merge_summed_running_within_0.000001", "merge_normalised_fixed_within_0.000001"] {
                let (merged, was) =
                    (value(&summary, &format!("{name}.loss_test"), None), value(&summary, "loss_test", None));
                assert!((merged - was).abs() < 1e-5 * was, "{copies} copies: {merged} for {was}");
            }
        }
    }
}

#[test]
fn balanced_units_merge_alike_whatever_their_scale() {
    let folder = tempfile::tempdir().unwrap();
    let merge = "[[after]]\nkind = \"merge\"\nfractions = [0.5]\nthresholds = [0.5]\n";
    let after = format!("{merge}{merge}scale = \"balanced\"\n");
    for adapter in adapters() {
        // Powers of two, which change no bit of the function.
        let [plain, scaled] = [|_| 1.0, |k: usize| ((k % 4) as f32 - 2.0).exp2()]
            .map(|by: fn(usize) -> f32| with_scaled(1, by, folder.path(), &after, &adapter));
        let both = |name: &str, layer| [value(&plain, name, layer), value(&scaled, name, layer)];
        let [a, b] = both("loss_test", None);
        assert!((a - b).abs() < 1e-5 * a, "{a} {b}");
        let [a, b] = both("merge_summed_running_balanced_0.5.loss_test", None);
        assert!((a - b).abs() < 1e-4 * a, "balanced: {a} {b}");
        let [a, b] = both("merge_summed_running_balanced_within_0.5.units", Some(0));
        assert!(a == b && a < 12.0, "balanced: {a} {b}");
        let [a, b] = both("merge_summed_running_0.5.loss_test", None);
        assert!((a - b).abs() > 1e-2 * a, "as trained: {a} {b}");
    }
}

/// A layer's weights: `[H, in]`, bias, and `[out, H]` of the next.
#[derive(Clone)]
struct Net {
    weights: Vec<Vec<Vec<f64>>>,
    biases: Vec<Vec<f64>>,
}

impl Net {
    fn of(parameters: &[NamedArray]) -> Self {
        let find = |name: String| parameters.iter().find(|(n, ..)| *n == name).unwrap();
        let matrix = |l: usize| {
            let (_, shape, values) = find(format!("0/layers.{l}.weight"));
            values.chunks(shape[1]).map(support::wide).collect()
        };
        let biases = (0..3).map(|l| support::wide(&find(format!("0/layers.{l}.bias")).2)).collect();
        Self { weights: (0..3).map(matrix).collect(), biases }
    }

    /// One sweep of merges, by the published rule or by Ward's, of layers in which fewer than so many units are gone.
    fn sweep(&mut self, counts: &mut [Vec<f64>; 2], most: [usize; 2], start: [usize; 2], ward: bool) {
        for l in 0..2 {
            let units = counts[l].len();
            if start[l] - units >= most[l] {
                continue;
            }
            let mut best = (f64::INFINITY, 0, 0);
            for i in 0..units {
                for j in i + 1..units {
                    let into = |k: usize| &self.weights[l][k];
                    let (ci, cj) = (counts[l][i], counts[l][j]);
                    let [of_i, of_j, factor] = if ward { [ci, cj, ci * cj / (ci + cj)] } else { [1.0; 3] };
                    let apart: f64 = into(i).iter().zip(into(j)).map(|(a, b)| (a / of_i - b / of_j).powi(2)).sum();
                    let out = self.weights[l + 1].iter().map(|row| (row[i] - row[j]).powi(2)).sum::<f64>();
                    let distance = factor * (apart + out);
                    if distance < best.0 {
                        best = (distance, i, j);
                    }
                }
            }
            let (_, i, j) = best;
            let gone = self.weights[l].remove(j);
            self.weights[l][i].iter_mut().zip(gone).for_each(|(a, b)| *a += b);
            let bias = self.biases[l].remove(j);
            self.biases[l][i] += bias;
            let (ci, cj) = (counts[l][i], counts[l].remove(j));
            for row in &mut self.weights[l + 1] {
                let other = row.remove(j);
                row[i] = (ci * row[i] + cj * other) / (ci + cj);
            }
            counts[l][i] = ci + cj;
        }
    }

    /// Weights into each unit and those out of it brought to one norm, until it stands.
    fn balance(&mut self) {
        for l in (0..200).map(|pass| pass % 2) {
            for unit in 0..self.biases[l].len() {
                let into = self.weights[l][unit].iter().map(|w| w * w).sum::<f64>();
                let out = self.weights[l + 1].iter().map(|row| row[unit].powi(2)).sum::<f64>();
                let factor = (out / into).powf(0.25);
                self.weights[l][unit].iter_mut().for_each(|w| *w *= factor);
                self.biases[l][unit] *= factor;
                self.weights[l + 1].iter_mut().for_each(|row| row[unit] /= factor);
            }
        }
    }

    fn output(&self, x: &[f64]) -> Vec<f64> {
        let mut x = x.to_vec();
        for (l, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            x = weight
                .iter()
                .zip(bias)
                .map(|(row, b)| b + row.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>())
                .collect();
            if l < 2 {
                x.iter_mut().for_each(|v| *v = v.max(0.0));
            }
        }
        x
    }
}

#[test]
fn merges_of_two_layers_are_what_they_are_by_hand() {
    let merge = "[[after]]\nkind = \"merge\"\nfractions = [0.25, 0.5]\n";
    let after = format!("{merge}{merge}copies = \"ward\"\n{merge}copies = \"ward\"\nscale = \"balanced\"\n");
    for adapter in adapters() {
        let summary = run(&after, &adapter);
        // The test set, as the loss without merging confirms.
        let experiment = Experiment::from_toml(SETTINGS, "merging.toml").unwrap();
        let sweep = Sweep::new(experiment).unwrap();
        let test = &sweep.data().test;
        let isogram::train::Targets::Classes(labels) = &test.targets else { panic!("classes") };
        let loss = |net: &Net| {
            let of = |(x, &label): (&[f32], &u32)| {
                let z = net.output(&support::wide(x));
                let most = z.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
                most + z.iter().map(|x| (x - most).exp()).sum::<f64>().ln() - z[label as usize]
            };
            test.inputs.chunks(64).zip(labels).map(of).sum::<f64>() / labels.len() as f64
        };
        let trained = Net::of(&summary.parameters);
        let close = |name: &str, expected: f64| {
            let got = value(&summary, name, None);
            assert!((got - expected).abs() < 2e-5 * expected, "{name}: {got} for {expected}");
        };
        close("loss_test", loss(&trained));
        for rule in ["summed_running", "ward_running", "ward_running_balanced"] {
            let (mut net, mut counts) = (trained.clone(), [vec![1.0; 12], vec![1.0; 10]]);
            if rule.ends_with("balanced") {
                net.balance();
                close("loss_test", loss(&net));
            }
            // 3 of 12 and, 2.5 being rounded up, 3 of 10; then 6 and 5.
            for (part, most) in [(0.25, [3, 3]), (0.5, [6, 5])] {
                for _ in 0..12 {
                    net.sweep(&mut counts, most, [12, 10], rule.starts_with("ward"));
                }
                for l in 0..2 {
                    let left = value(&summary, &format!("merge_{rule}_{part}.units"), Some(l as u32));
                    assert_eq!(left, ([12, 10][l] - most[l]) as f64);
                }
                close(&format!("merge_{rule}_{part}.loss_test"), loss(&net));
            }
        }
    }
}

#[test]
fn merges_that_make_no_sense_are_refused_in_a_sentence() {
    for (text, expected) in [
        ("kind = \"merge\"", "expected parts of the units, got an empty list"),
        (
            "kind = \"merge\"\nthresholds = [2.0]",
            "after.thresholds: the 0th of them: expected thresholds from 0 to 1, got 2",
        ),
        ("kind = \"merge\"\nfractions = [0.5]\nby = \"random\"", "merge has no such keys as are given"),
        (
            "kind = \"merge\"\nfractions = [0.5]\nscale = \"balanced\"\n[model]\nactivation = \"tanh\"",
            "after.scale: the 0th of them: balanced units keep their function with identity, relu and leaky_relu, got tanh",
        ),
        ("kind = \"prune\"\nfractions = [0.5]\nthresholds = [0.1]", "prune has no such keys as are given"),
    ] {
        let message = Experiment::from_toml(&format!("[[after]]\n{text}"), "x.toml").unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n  said     {message}\n  expected {expected}");
    }
    let conv = "[model]\nlayers = [{ kind = \"conv2d\", out_channels = 2, kernel_size = 3 }, { kind = \"flatten\" }, {}]\n[[after]]\nkind = \"merge\"\nfractions = [0.5]";
    let sweep = Sweep::new(Experiment::from_toml(conv, "x.toml").unwrap()).unwrap();
    let message =
        sweep.outline(&Options { adapter: AdapterChoice::Cpu, ..Options::default() }).unwrap_err().to_string();
    assert!(
        message.contains("after.kind = \"merge\": expected a dense layer on either side of hidden layer 0"),
        "{message}"
    );
}

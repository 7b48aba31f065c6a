//! Modular arithmetic, and what each replica draws of examples that all share: held to the same written out in double precision.

use isogram::config::Experiment;
use isogram::data::{Operation, Targets, modular};
use isogram::gpu::AdapterChoice;
use isogram::measure::fourier;
use isogram::train::{Group, Options, Quiet, Summary, Sweep};

use crate::support;

const P: usize = 7;
const H: usize = 10;
const STEPS: usize = 30;

const SETTINGS: &str = r#"
name = "modular"
steps = 30
seeds = 2
[data]
source = "modular"
modulus = 7
train_fraction = 0.6
corrupted = 0.3
[model]
layers = [10]
activation = "square"
bias = false
init = "normal"
gain = 0.3
[loss]
kind = "mse"
[optimiser]
kind = "adamw"
lr = 0.01
beta2 = 0.98
weight_decay = 10
[batch]
mode = "full"
[observe]
at = { kind = "list", steps = [1] }
measures = ["loss", "accuracy", "accuracy_train", "fourier_ipr"]
[[after]]
kind = "prune"
by = "fourier_ipr"
fractions = [0.4]
[[after]]
kind = "prune"
order = "highest"
fractions = [0.3]
[[after]]
kind = "ablate"
[save]
parameters = "final"
[sweep]
"data.corrupted" = [0.2, 0.5]
"data.train_fraction" = [0.4, 0.7]
"#;

fn sweep(overrides: &[(&str, &str)]) -> Sweep {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sweep::new(Experiment::with_overrides(SETTINGS, "modular.toml", &overrides).unwrap()).unwrap()
}

fn options(adapter: &AdapterChoice) -> Options {
    Options { adapter: adapter.clone(), ..Options::default() }
}

fn run(sweep: &Sweep, adapter: &AdapterChoice) -> Summary {
    sweep.run(&options(adapter), &mut Quiet).unwrap()
}

fn adapters() -> Vec<AdapterChoice> {
    let gpu = support::gpu().map(|_| AdapterChoice::Index(0));
    std::iter::once(AdapterChoice::Cpu).chain(gpu).collect()
}

/// The only group of a sweep, ready to step.
fn group(sweep: &Sweep) -> Group {
    let mut groups = sweep.groups(None, &options(&AdapterChoice::Cpu)).unwrap();
    assert_eq!(groups.len(), 1, "parts that are swept share a graph");
    groups.remove(0)
}

/// What one replica has.
struct Replica {
    /// Whether each example is trained on, and whether its label was drawn.
    trained: Vec<bool>,
    replaced: Vec<bool>,
    labels: Vec<usize>,
    /// `[H, 2P]` and `[P, H]`.
    weights: [Vec<f64>; 2],
}

fn read(group: &mut Group) -> Vec<Replica> {
    let machine = &mut group.slices[0].0;
    let parts = |name: &str| -> Vec<Vec<f32>> {
        let values = machine.read_variable(name).unwrap();
        let each = values.len() / machine.replicas();
        values.chunks(each).map(<[f32]>::to_vec).collect()
    };
    let names =
        ["data/drawn/trained", "data/drawn/replaced", "data/drawn/labels", "layers.0.weight", "layers.1.weight"];
    let [trained, replaced, labels, first, second] = names.map(parts);
    let of = |r: usize| Replica {
        trained: trained[r].iter().map(|&x| x == 1.0).collect(),
        replaced: replaced[r].iter().map(|&x| x == 1.0).collect(),
        labels: labels[r].iter().map(|&x| x as usize).collect(),
        weights: [support::wide(&first[r]), support::wide(&second[r])],
    };
    (0..trained.len()).map(of).collect()
}

fn truth() -> Vec<usize> {
    match modular(P, Operation::Addition).targets {
        Targets::Classes { labels, .. } => labels.into_iter().map(|label| label as usize).collect(),
        _ => panic!("classes"),
    }
}

/// Hidden activations and outputs of example `a P + b`, units times what is kept of them.
fn forward([into, out]: &[Vec<f64>; 2], example: usize, keep: &[f64]) -> ([f64; H], Vec<f64>) {
    let (a, b) = (example / P, example % P);
    let hidden = std::array::from_fn(|k| keep[k] * (into[k * 2 * P + a] + into[k * 2 * P + P + b]).powi(2));
    (hidden, (0..P).map(|q| (0..H).map(|k| out[q * H + k] * hidden[k]).sum()).collect())
}

/// A step of AdamW on the mean over the examples that are trained on and the outputs, with decoupled decay before it.
fn adamw(r: &mut Replica, moments: &mut [[Vec<f64>; 2]; 2], t: i32) {
    let count = r.trained.iter().filter(|&&t| t).count() as f64;
    let mut gradients = [vec![0.0; H * 2 * P], vec![0.0; P * H]];
    for example in (0..P * P).filter(|&i| r.trained[i]) {
        let (hidden, output) = forward(&r.weights, example, &[1.0; H]);
        for q in 0..P {
            let wanted = if r.labels[example] == q { 1.0 } else { 0.0 };
            let error = 2.0 * (output[q] - wanted) / (count * P as f64);
            for k in 0..H {
                gradients[1][q * H + k] += error * hidden[k];
                let (a, b) = (k * 2 * P + example / P, k * 2 * P + P + example % P);
                let slope = 2.0 * (r.weights[0][a] + r.weights[0][b]) * r.weights[1][q * H + k] * error;
                gradients[0][a] += slope;
                gradients[0][b] += slope;
            }
        }
    }
    for (i, gradient) in gradients.iter().enumerate() {
        for (j, g) in gradient.iter().enumerate() {
            let [first, second] = moments;
            first[i][j] = 0.9 * first[i][j] + 0.1 * g;
            second[i][j] = 0.98 * second[i][j] + 0.02 * g * g;
            let root = (second[i][j] / (1.0 - 0.98f64.powi(t))).sqrt() + 1e-8;
            let w = &mut r.weights[i][j];
            *w = *w * (1.0 - 0.01 * 10.0) - 0.01 * first[i][j] / (1.0 - 0.9f64.powi(t)) / root;
        }
    }
}

#[test]
fn parts_are_of_the_size_that_each_replica_has_and_labels_are_others_there_alone() {
    let sweep = sweep(&[]);
    let all = read(&mut group(&sweep));
    let truth = truth();
    for (r, own) in sweep.replicas().iter().zip(&all) {
        let data = &r.experiment.data;
        let (fraction, corrupted) = (data.train_fraction.unwrap(), data.corrupted);
        let count = |of: &[bool]| of.iter().filter(|&&x| x).count();
        let trained = (fraction * (P * P) as f64).round();
        assert_eq!(count(&own.trained), trained as usize);
        assert_eq!(count(&own.replaced), (corrupted * trained).round() as usize);
        for (i, &truth) in truth.iter().enumerate() {
            assert!(own.replaced[i] || own.labels[i] == truth);
            assert!(own.trained[i] || !own.replaced[i], "only what is trained on has another label");
            assert!(own.labels[i] < P);
        }
        assert!(own.labels != truth);
    }
    // Seeds draw for themselves, and settings do not change what a seed draws.
    assert_ne!(all[0].trained, all[1].trained);
    assert!((0..P * P).all(|i| !all[0].trained[i] || all[2].trained[i]), "more of the same order");
}

#[test]
fn training_and_what_is_seen_of_it_are_what_they_are_by_hand() {
    let sweep = sweep(&[]);
    let mut by_hand = read(&mut group(&sweep));
    for r in &mut by_hand {
        let zeros = || [vec![0.0; H * 2 * P], vec![0.0; P * H]];
        let mut moments = [zeros(), zeros()];
        (1..=STEPS as i32).for_each(|t| adamw(r, &mut moments, t));
    }
    for adapter in adapters() {
        let summary = run(&sweep, &adapter);
        for (r, own) in by_hand.iter().enumerate() {
            for (i, expected) in own.weights.iter().enumerate() {
                let name = format!("{r}/layers.{i}.weight");
                let (_, _, values) = summary.parameters.iter().find(|(n, ..)| *n == name).unwrap();
                support::close(&name, values, expected, 2e-4);
            }
            seen(&summary, r, own);
        }
    }
}

/// Holds what was observed of a replica to what its parameters give.
fn seen(summary: &Summary, r: usize, own: &Replica) {
    let weights = [0, 1].map(|i| {
        let name = format!("{r}/layers.{i}.weight");
        support::wide(&summary.parameters.iter().find(|(n, ..)| *n == name).unwrap().2)
    });
    let value = |name: &str| {
        let rows = summary.metrics.iter().filter(|row| row.replica as usize == r && row.name == name);
        rows.max_by_key(|row| row.step).unwrap_or_else(|| panic!("no {name}")).value
    };
    let close = |name: &str, expected: f64, within: f64| {
        assert!((value(name) - expected).abs() <= within, "{name} of {r}: {} for {expected}", value(name));
    };
    let truth = truth();
    let indices = |of: &dyn Fn(usize) -> bool| (0..P * P).filter(|&i| of(i)).collect::<Vec<_>>();
    let right = |examples: &[usize], labels: &[usize], keep: &[f64]| {
        let right = |&&i: &&usize| {
            let output = forward(&weights, i, keep).1;
            output.iter().all(|&y| y <= output[labels[i]])
        };
        examples.iter().filter(right).count() as f64 / examples.len() as f64
    };
    let loss = |examples: &[usize], labels: &[usize], keep: &[f64]| {
        let of = |&i: &usize| {
            let output = forward(&weights, i, keep).1;
            (0..P).map(|q| (output[q] - if labels[i] == q { 1.0 } else { 0.0 }).powi(2)).sum::<f64>()
        };
        examples.iter().map(of).sum::<f64>() / (examples.len() * P) as f64
    };
    let (all, held_out) = ([1.0; H], indices(&|i| !own.trained[i]));
    let (trained, replaced) = (indices(&|i| own.trained[i]), indices(&|i| own.replaced[i]));
    let kept = indices(&|i| own.trained[i] && !own.replaced[i]);
    for (name, examples, labels) in [
        ("accuracy", &held_out, &truth),
        ("accuracy_test", &held_out, &truth),
        ("accuracy_train", &trained, &own.labels),
        ("accuracy_corrupted", &replaced, &own.labels),
        ("accuracy_uncorrupted", &kept, &own.labels),
        ("accuracy_restored", &replaced, &truth),
    ] {
        close(name, right(examples, labels, &all), 1e-6);
    }
    close("loss", loss(&held_out, &truth, &all), 1e-6);
    close("loss_test", loss(&held_out, &truth, &all), 1e-6);

    let [into, out] = &weights;
    let row = |k: usize, from: usize| into[k * 2 * P + from..][..P].to_vec();
    let column = |k: usize| (0..P).map(|q| out[q * H + k]).collect::<Vec<f64>>();
    let ratio =
        |k: usize| [row(k, 0), row(k, P), column(k)].iter().map(|x| fourier::participation_of(x)).sum::<f64>() / 3.0;
    let ratios: Vec<f64> = (0..H).map(ratio).collect();
    close("fourier_ipr", ratios.iter().sum::<f64>() / H as f64, 1e-5);
    close("fourier_ipr_above_0.5", ratios.iter().filter(|&&x| x > 0.5).count() as f64 / H as f64, 1e-6);
    close("fourier_ipr_below_0.2", ratios.iter().filter(|&&x| x < 0.2).count() as f64 / H as f64, 1e-6);

    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let norms: Vec<f64> = (0..H).map(|k| norm(&into[k * 2 * P..][..2 * P]) * norm(&column(k))).collect();
    let without = |count: usize, values: &[f64], sign: f64| {
        let mut order: Vec<usize> = (0..H).collect();
        order.sort_by(|&a, &b| (sign * values[a]).total_cmp(&(sign * values[b])));
        let mut keep = [1.0; H];
        order[..count].iter().for_each(|&k| keep[k] = 0.0);
        keep
    };
    let mut changed = vec![
        ("prune_fourier_ipr_lowest_0.4".to_owned(), without(4, &ratios, 1.0)),
        ("prune_weight_norm_highest_0.3".to_owned(), without(3, &norms, -1.0)),
    ];
    for k in 0..H {
        let mut keep = [1.0; H];
        keep[k] = 0.0;
        changed.push((format!("ablate_{k}"), keep));
    }
    for (what, keep) in changed {
        close(&format!("{what}.loss_test"), loss(&held_out, &truth, &keep), 1e-6);
        close(&format!("{what}.accuracy_test"), right(&held_out, &truth, &keep), 1e-6);
        close(&format!("{what}.accuracy_train"), right(&trained, &own.labels, &keep), 1e-6);
        close(&format!("{what}.accuracy_corrupted"), right(&replaced, &own.labels, &keep), 1e-6);
    }
}

/// With a learning rate of zero the mean loss over an epoch of batches is that of the training set.
#[test]
fn batches_are_of_what_each_replica_is_trained_on() {
    for kind in ["mse", "cross_entropy"] {
        // 20 and 35 of 49 examples: 7 batches of 5 are whole epochs of neither but of the second, 28 of both.
        let of_batches = [
            ("steps", "28"),
            ("batch", "{ mode = \"shuffled\", size = 5 }"),
            ("optimiser", "{ kind = \"sgd\", lr = 0 }"),
            ("loss.kind", kind),
            ("probe.from", "train"),
            ("observe.at", "{ kind = \"list\", steps = [0] }"),
            ("sweep.\"data.train_fraction\"", "[0.4, 0.7142]"),
        ];
        for adapter in adapters() {
            let summary = run(&sweep(&of_batches), &adapter);
            let (means, of_set) = (summary.values("loss_train", 28), summary.values("loss", 28));
            assert_eq!(means.len(), 8);
            for (mean, loss) in means.iter().zip(&of_set) {
                assert!((mean - loss).abs() < 1e-5 * loss, "{kind}: {mean} for {loss}");
            }
        }
    }
}

#[test]
fn a_replica_draws_the_same_in_any_company() {
    let of = |overrides: &[(&str, &str)], replica: usize| -> Vec<(String, u64)> {
        let summary = run(&sweep(overrides), &AdapterChoice::Cpu);
        let rows = summary.metrics.iter().filter(|row| row.replica as usize == replica);
        rows.map(|row| (format!("{} {}", row.step, row.name), row.value.to_bits())).collect()
    };
    let alone = [("sweep.\"data.corrupted\"", "[0.5]"), ("sweep.\"data.train_fraction\"", "[0.4]"), ("seeds", "[1]")];
    // Of the settings (0.2, 0.4), (0.2, 0.7), (0.5, 0.4) with two seeds each.
    assert_eq!(of(&alone, 0), of(&[], 5));
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let refused = |text: &str| {
        let read = Experiment::from_toml(text, "x.toml").and_then(Sweep::new);
        read.and_then(|sweep| sweep.groups(None, &options(&AdapterChoice::Cpu)).map(drop)).unwrap_err().to_string()
    };
    for (text, expected) in [
        (
            "[data]\nsource = \"features\"\ncorrupted = 0.1\n[[data.features]]\nname = \"a\"\nfunction = \"and\"\n[loss]\nkind = \"bce\"",
            "data.corrupted: is of examples that all replicas share",
        ),
        (
            "[data]\nsource = \"xor\"\ncorrupted = 0.1\n[loss]\nkind = \"mse\"",
            "data.corrupted: expected examples with classes",
        ),
        ("data.train_fraction = 0.5\n[[stages]]\nsteps = 5", "data.train_fraction: expected no [[stages]]"),
        ("[observe]\nmeasures = [\"fourier_ipr\"]", "fourier_ipr needs data.source = \"modular\", got digits"),
        ("[[after]]\nkind = \"prune\"", "after.fractions: the 0th of them: expected parts of the units"),
        ("[[after]]\nfractions = [1.0]", "expected parts above 0 and below 1, got 1"),
        ("[[after]]\nfractions = [0.5, 0.5]", "prune_weight_norm_lowest_0.5 comes twice"),
        ("[[after]]\nby = \"fourier_ipr\"\nfractions = [0.5]", "fourier_ipr needs data.source = \"modular\""),
        ("[[after]]\nkind = \"ablate\"\nfractions = [0.5]", "ablate has no such keys"),
        ("sweep.\"data.modulus\" = [5, 7]", "share one data set"),
        (
            "model = { skip = 1 }\n[[after]]\nfractions = [0.5]",
            "expected a dense layer on either side of hidden layer 0",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text}\n  said     {message}\n  expected {expected}");
    }
}

//! What is done to the examples of a batch: each pixel from where it should come, as likely as it should, for training alone, and with
//! the same bits alone, in company, resumed and on other executors.

use isogram::config::Experiment;
use isogram::data::write_safetensors;
use isogram::gpu::AdapterChoice;
use isogram::graph::Lowering;
use isogram::kernels::random::{choice, normal, purpose, uniform};
use isogram::train::{Interrupt, Options, Progress, Quiet, Summary, Sweep};

use crate::support;

/// Two channels of 3 x 4 pixels, no two of them alike, and none 0.
const SHAPE: [usize; 3] = [2, 3, 4];

fn images() -> [Vec<f32>; 2] {
    [0.0f32, 100.0].map(|first| (0..24).map(|i| first + i as f32 + 1.0).collect())
}

/// A linear network that begins at 0 and takes one step on both images, output c with the target 1 for image c: with this learning
/// rate row c of its weights becomes that image, as it was trained on.
const ONE_STEP: &str = r#"
steps = 1
seeds = 3
[data]
source = "files"
inputs = "x.safetensors"
targets = "t.safetensors"
test_inputs = "x.safetensors"
test_targets = "t.safetensors"
normalise = "none"
[model]
layers = []
bias = false
gain = 0.0
[loss]
kind = "mse"
[optimiser]
kind = "sgd"
lr = 2.0
[batch]
mode = "full"
[probe]
examples = 2
[observe]
measures = ["loss"]
[save]
parameters = "final"
"#;

fn read(text: &str, overrides: &[(&str, &str)]) -> isogram::Result<Experiment> {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(text, "augment.toml", &overrides)
}

/// The images that each replica was trained on, and what it was told of the loss before.
fn seen(overrides: &[(&str, &str)], options: &Options) -> Vec<[Vec<f32>; 2]> {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, shape: &[usize], values: Vec<f32>| {
        write_safetensors(&dir.path().join(file), &[("x".to_owned(), shape.to_vec(), values)], &[]).unwrap();
        dir.path().join(file).display().to_string()
    };
    let x = write("x.safetensors", &[2, 2, 3, 4], images().concat());
    let t = write("t.safetensors", &[2, 2], vec![1.0, 0.0, 0.0, 1.0]);
    let files = [("data.inputs", &x), ("data.targets", &t), ("data.test_inputs", &x), ("data.test_targets", &t)];
    let files = files.map(|(key, path)| (key, path.as_str()));
    let sweep = Sweep::new(read(ONE_STEP, &[&files[..], overrides].concat()).unwrap()).unwrap();
    let summary = sweep.run(options, &mut Quiet).unwrap();
    let weights = summary.parameters.iter().map(|(_, shape, values)| {
        assert_eq!(shape, &[2, 24]);
        [values[..24].to_vec(), values[24..].to_vec()]
    });
    weights.collect()
}

fn processor() -> Options {
    Options { adapter: AdapterChoice::Cpu, ..Options::default() }
}

/// An image moved and mirrored, written down pixel by pixel.
fn moved(image: &[f32], [dy, dx]: [i32; 2], mirrored: bool) -> Vec<f32> {
    let [channels, height, width] = SHAPE.map(|n| n as i32);
    let mut made = Vec::new();
    for c in 0..channels {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let (from_y, from_x) = (y + dy, if mirrored { width - 1 - x } else { x } + dx);
            let inside = (0..height).contains(&from_y) && (0..width).contains(&from_x);
            made.push(if inside { image[((c * height + from_y) * width + from_x) as usize] } else { 0.0 });
        }
    }
    made
}

fn crop(seed: u32, axis: &str, place: u32, most: u32) -> i32 {
    choice(seed, purpose(&format!("augment/random_crop/{axis}")), 0, place, 2 * most + 1) as i32 - most as i32
}

#[test]
fn each_pixel_comes_from_where_it_should() {
    // Nothing is done where nothing is said.
    assert!(seen(&[], &processor()).iter().all(|both| both == &images()));
    let keys = [("data.augment.random_crop", "2"), ("data.augment.horizontal_flip", "0.5"), ("seeds", "6")];
    for gpu in support::executors().into_iter().map(|(_, gpu)| gpu) {
        let adapter = if gpu.is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
        let all = seen(&keys, &Options { adapter, gpu, ..Options::default() });
        assert_eq!(all.len(), 6);
        for (seed, both) in (0..).zip(all) {
            for (place, (image, made)) in (0..).zip(images().iter().zip(both)) {
                let by = ["y", "x"].map(|axis| crop(seed, axis, place, 2));
                let mirrored = uniform(seed, purpose("augment/horizontal_flip"), 0, place) < 0.5;
                assert_eq!(made, moved(image, by, mirrored), "replica {seed}, image {place}: {by:?} {mirrored}");
            }
        }
    }
}

#[test]
fn magnitudes_are_each_replica_s_own() {
    let all = seen(&[("seeds", "[7]"), ("sweep.data.augment.random_crop", "[1, 3]")], &processor());
    let expected = [1, 3].map(|most| {
        let images = images();
        [0, 1].map(|place| moved(&images[place as usize], ["y", "x"].map(|axis| crop(7, axis, place, most)), false))
    });
    assert_eq!(all, expected);
    // Noise of each pixel, of the standard deviation that each replica has.
    let all = seen(&[("seeds", "[7]"), ("sweep.data.augment.gaussian_noise", "[0.5, 8.0]")], &processor());
    for (both, deviation) in all.iter().zip([0.5, 8.0]) {
        let drawn = (0..).zip(both.concat()).zip(images().concat());
        for ((element, made), was) in drawn {
            let expected = was + deviation * normal(7, purpose("augment/gaussian_noise"), 0, element);
            assert!((made - expected).abs() <= 1e-5 * (was + deviation), "{element}: {made} against {expected}");
        }
    }
}

#[test]
fn moves_are_as_likely_as_they_should_be() {
    let flip = ("data.augment.horizontal_flip", "0.25");
    let all = seen(&[("data.augment.random_crop", "1"), flip, ("seeds", "400")], &processor());
    let mut counts = [0.0f64; 18];
    for (image, made) in all.iter().flat_map(|both| images().into_iter().zip(both)) {
        let ways = (0..18).filter(|way| moved(&image, [way / 2 / 3 - 1, way / 2 % 3 - 1], way % 2 == 1) == *made);
        let ways: Vec<i32> = ways.collect();
        assert_eq!(ways.len(), 1, "{made:?}");
        counts[ways[0] as usize] += 1.0;
    }
    // Chi-square with 17 degrees of freedom: its 0.999 quantile is 40.8.
    let expected = |way: usize| 800.0 / 9.0 * [0.75, 0.25][way % 2];
    let chi: f64 = counts.iter().enumerate().map(|(w, n)| (n - expected(w)).powi(2) / expected(w)).sum();
    assert!(chi < 40.8, "{chi}: {counts:?}");
}

/// Digits, with everything that can be done to them.
const DIGITS: &str = r#"
steps = 9
seeds = 3
[data.augment]
random_crop = 1
horizontal_flip = 0.4
gaussian_noise = 0.2
[model]
layers = [7]
[optimiser]
lr = 0.1
[batch]
size = 6
[probe]
examples = 12
[observe]
at = { kind = "list", steps = [4] }
measures = ["loss", "accuracy", "weight_norm"]
[save]
parameters = "final"
snapshot_every = 2
"#;

fn run(overrides: &[(&str, &str)], options: &Options) -> Summary {
    Sweep::new(read(DIGITS, overrides).unwrap()).unwrap().run(options, &mut Quiet).unwrap()
}

/// What was observed of a replica, and its parameters, as bits.
fn bits(summary: &Summary, replica: u32) -> (Vec<(u64, String, u64)>, Vec<u32>) {
    let own = summary.metrics.iter().filter(|r| r.replica == replica);
    let parameters = summary.parameters.iter().filter(|(name, ..)| name.starts_with(&format!("{replica}/")));
    (
        own.map(|r| (r.step, r.name.clone(), r.value.to_bits())).collect(),
        parameters.flat_map(|(_, _, values)| values.iter().map(|x| x.to_bits())).collect(),
    )
}

/// Stops a run after so many steps.
struct Stop(Interrupt, u32);

impl Progress for Stop {
    fn steps(&mut self, done: u32, _: u32, _: Option<f64>) {
        if done >= self.1 {
            self.0.ask();
        }
    }
}

#[test]
fn bits_do_not_depend_on_company_or_interruption() {
    let many = run(&[], &processor());
    let (metrics, parameters) = bits(&many, 1);
    assert!(metrics.len() > 8 && parameters.len() == 64 * 7 + 7 + 70 + 10);
    assert_eq!(bits(&run(&[("seeds", "[1]")], &processor()), 0), (metrics, parameters));
    let noises = [("seeds", "[1]"), ("sweep.data.augment.gaussian_noise", "[0.7, 0.2]")];
    assert_eq!(bits(&run(&noises, &processor()), 1), bits(&many, 1));
    let sweep = Sweep::new(read(DIGITS, &[]).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let part = |resume: bool, stop: u32| {
        let options = Options { out: Some(dir.path().join("run")), resume, ..processor() };
        sweep.run(&options, &mut Stop(options.interrupt.clone(), stop))
    };
    assert!(matches!(part(false, 5), Err(isogram::Error::Interrupted { .. })));
    let resumed = part(true, 100).unwrap();
    assert!(resumed.resumed_from.is_some_and(|step| step >= 5));
    (0..3).for_each(|replica| assert_eq!(bits(&resumed, replica), bits(&many, replica)));
    if let Some(gpu) = support::gpu().filter(|gpu| gpu.profile().software) {
        let of = |lowering| {
            let gpu = Some(gpu.clone());
            bits(&run(&[], &Options { adapter: AdapterChoice::Index(0), gpu, lowering, ..Options::default() }), 2)
        };
        assert_eq!(of(Lowering::Layered), of(Lowering::Resident));
    }
}

#[test]
fn only_what_is_trained_on_is_changed() {
    let none = [("random_crop", "0"), ("horizontal_flip", "0.0"), ("gaussian_noise", "0.0")];
    let all = none.map(|(key, _)| key);
    let plain: Vec<_> = none.iter().map(|(key, value)| (format!("data.augment.{key}"), *value)).collect();
    let plain: Vec<(&str, &str)> = plain.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let base = run(&plain, &processor());
    let of = |summary: &Summary, name: &str, step| {
        summary.values(name, step).iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    for (i, key) in all.iter().enumerate() {
        let others: Vec<_> = plain.iter().enumerate().filter(|(other, _)| *other != i).map(|(_, pair)| *pair).collect();
        let changed = run(&others, &processor());
        for name in ["loss", "accuracy"] {
            assert_eq!(of(&changed, name, 0), of(&base, name, 0), "{key}: evaluation is of what is there");
        }
        assert_ne!(of(&changed, "loss", 9), of(&base, "loss", 9), "{key}: training is not");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let refused = |text: &str, words: &str| {
        let error = read(text, &[]).and_then(|e| Sweep::new(e)?.run(&processor(), &mut Quiet).map(drop));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("[data]\nsource = \"sentences\"\n[data.augment]\ngaussian_noise = 1.0", "are tokens");
    refused(
        "[data]\naugment.random_crop = -1",
        "data.augment.random_crop: expected a whole number from 0 to 1024, got -1",
    );
    refused("[data]\naugment.flip = 0.5", "horizontal_flip");
    let rows = "steps = 1\n[data]\nsource = \"modular\"\nmodulus = 3\n[data.augment]\nhorizontal_flip = 0.5\n[probe]\nexamples = 2";
    refused(&format!("{rows}\n[observe]\nmeasures = [\"loss\"]"), "data.augment.horizontal_flip: expected images");
}

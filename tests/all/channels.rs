//! Images of CIFAR, IDX and npy files, each channel to mean 0 and variance 1 on what is trained on, or as torchvision's `Normalize` does.

use std::path::Path;

use isogram::config::Experiment;
use isogram::train::Prepared;

/// Bytes that look random, and are the same each time.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn npy(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape:?}, }}").replace('[', "(").replace(']', ")");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
}

fn idx(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let sides: Vec<u8> = shape.iter().flat_map(|&side| (side as u32).to_be_bytes()).collect();
    [&[0, 0, 8, shape.len() as u8][..], &sides, values].concat()
}

/// 5 images in each format, with what the settings must say of the labels.
fn files(folder: &Path) -> Vec<(&'static str, [usize; 3], String)> {
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
    let labels = [0, 1, 2, 1, 0];
    let pixels = 3 * 32 * 32;
    write(
        "cifar.bin",
        labels.iter().zip(bytes(5 * pixels).chunks(pixels)).flat_map(|(&l, x)| [&[l], x].concat()).collect(),
    );
    write("labels-idx1-ubyte", idx(&[5], &labels));
    write("images-idx3-ubyte", idx(&[5, 3, 4], &bytes(60)));
    write("images.npy", npy(&[5, 2, 3, 4], &bytes(120)));
    write(
        "rows.csv",
        (0..5)
            .map(|row| {
                bytes(60)[row * 12..][..12].iter().map(|b| format!("{b}.5")).collect::<Vec<_>>().join(",") + "\n"
            })
            .collect::<String>()
            .into(),
    );
    let labelled = "labels = \"labels-idx1-ubyte\"";
    vec![
        ("cifar.bin", [3, 32, 32], String::new()),
        ("images-idx3-ubyte", [1, 3, 4], labelled.into()),
        ("images.npy", [2, 3, 4], labelled.into()),
        ("rows.csv", [3, 2, 2], format!("{labelled}\n[model]\ninput_shape = [3, 2, 2]")),
    ]
}

fn load(folder: &Path, file: &str, data: &str, more: &str) -> isogram::Result<Prepared> {
    let text = format!(
        "[data]\nsource = \"files\"\ninputs = \"{file}\"\ntest_fraction = 0.4\nstratified = false\n{data}\n{more}"
    );
    let path = folder.join("experiment.toml");
    std::fs::write(&path, text).unwrap();
    Prepared::load(&isogram::config::load(path.to_str().unwrap(), &[])?)
}

#[test]
fn channels_of_the_training_examples_have_mean_0_and_deviation_1() {
    let folder = tempfile::tempdir().unwrap();
    for (file, [channels, height, width], more) in files(folder.path()) {
        let [plain, scaled] =
            ["none", "channel"].map(|how| load(folder.path(), file, &format!("normalise = \"{how}\""), &more).unwrap());
        assert_eq!((scaled.train.examples, scaled.test.examples, scaled.inputs), (3, 2, channels * height * width));
        for channel in 0..channels {
            let of = |values: &[f32]| -> Vec<f64> {
                let images = values.chunks(scaled.inputs);
                images.flat_map(|x| &x[channel * height * width..][..height * width]).map(|&x| f64::from(x)).collect()
            };
            let train = of(&plain.train.inputs);
            let mean = train.iter().sum::<f64>() / train.len() as f64;
            let deviation = (train.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / train.len() as f64).sqrt();
            assert!(deviation > 20.0, "{file}: there is something to scale");
            for (raw, got) in [(&plain.train, &scaled.train), (&plain.test, &scaled.test)] {
                for (raw, got) in of(&raw.inputs).into_iter().zip(of(&got.inputs)) {
                    assert!((got - (raw - mean) / deviation).abs() < 1e-6, "{file}, channel {channel}: {got} of {raw}");
                }
            }
        }
    }
}

#[test]
fn given_numbers_are_of_bytes_from_0_to_1() {
    let folder = tempfile::tempdir().unwrap();
    let (mean, std) = ([0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]);
    for (file, [channels, height, width], more) in files(folder.path()) {
        let given = format!("mean = {:?}\nstd = {:?}", &mean[..channels], &std[..channels]);
        let plain = load(folder.path(), file, "normalise = \"none\"", &more).unwrap();
        let scaled = load(folder.path(), file, &format!("normalise = \"channel\"\n{given}"), &more).unwrap();
        // Numbers of a table are no bytes.
        let whole = if file == "rows.csv" { 1.0 } else { 255.0 };
        for (i, (raw, got)) in plain.test.inputs.iter().zip(&scaled.test.inputs).enumerate() {
            let channel = i % scaled.inputs / (height * width);
            let expected = (f64::from(*raw) / whole - mean[channel]) / std[channel];
            assert!((f64::from(*got) - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{file} {i}: {got} {expected}");
        }
    }
}

#[test]
fn what_has_no_channels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let refused = |file: &str, data: &str, words: &str| {
        let labels = if file == "cifar.bin" { "" } else { "labels = \"labels-idx1-ubyte\"" };
        let error = load(folder.path(), file, data, labels).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("rows.csv", "normalise = \"channel\"", "data.normalise is \"channel\": expected images");
    refused(
        "cifar.bin",
        "normalise = \"channel\"\nmean = [0.5, 0.5]\nstd = [1]",
        "each of 3 channels, or one for all, got 2",
    );
    refused("cifar.bin", "normalise = \"channel\"\nmean = [0.5]", "data.mean: expected data.std beside it");
    refused("cifar.bin", "normalise = \"channel\"\nmean = [0.5]\nstd = [0]", "expected numbers above 0");
    refused("cifar.bin", "std = [1.0]", "data.std: needs data.normalise = \"channel\", got unit");
    let features = Experiment::from_toml(
        "[data]\nsource = \"conditions\"\nnormalise = \"channel\"\n[loss]\nkind = \"bce\"",
        "x.toml",
    );
    assert!(features.unwrap_err().to_string().contains("got channel"));
}

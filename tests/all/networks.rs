//! Networks of many layers: blocks, weights that others trained, layers with settings of their own, presets.

use std::path::Path;
use std::process::Command;

use isogram::config::{Activation, Experiment, Layers, Preset, Source};
use isogram::data::{NamedArray, read_safetensors, write_safetensors};
use isogram::gpu::AdapterChoice;
use isogram::train::{Options, Quiet, Summary, Sweep};

use crate::pytorch::Fixture;
use crate::support;

const SETTINGS: &str = r#"
name = "networks"
steps = 3
seeds = 1
[model]
init = "pytorch"
[optimiser]
kind = "sgd"
lr = 0.1
[batch]
size = 16
[probe]
examples = 8
[save]
parameters = "final"
"#;

fn experiment(model: &str) -> isogram::Result<Experiment> {
    Experiment::from_toml(&SETTINGS.replace("[model]\n", &format!("[model]\n{model}\n")), "networks.toml")
}

fn run_into(e: Experiment, out: Option<&Path>) -> isogram::Result<Summary> {
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    let options = Options { adapter, gpu: support::gpu(), out: out.map(Path::to_owned), ..Options::default() };
    Sweep::new(e)?.run(&options, &mut Quiet)
}

/// The parameters of the first replica of a run, without its number.
fn trained(model: &str) -> Vec<NamedArray> {
    let summary = run_into(experiment(model).unwrap(), None).unwrap();
    let own = summary.parameters.into_iter();
    own.filter_map(|(name, shape, values)| Some((name.strip_prefix("0/")?.to_owned(), shape, values))).collect()
}

fn of<'a>(all: &'a [NamedArray], name: &str) -> &'a NamedArray {
    all.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn blocks_that_do_not_fit_say_which_and_both_shapes() {
    let conv = r#"{ kind = "conv2d", name = "conv", out_channels = 4, kernel_size = 3"#;
    for (layers, expected) in [
        (
            format!(r#"{{ kind = "residual", name = "b", body = [{conv}, padding = 1, stride = 2 }}] }}"#),
            "layer `b`: its body makes [N, 4, 4, 4] of [N, 1, 8, 8], and both are added: let it keep the shape, or write \
             shortcut = \"projection\"",
        ),
        (
            format!(r#"{{ kind = "residual", name = "b", shortcut = "projection", body = [{conv}, stride = 2 }}] }}"#),
            "layer `b`: its body makes [N, 4, 3, 3] of [N, 1, 8, 8], and its projection [N, 4, 4, 4]",
        ),
        (
            format!(
                r#"{{ kind = "residual", name = "b", shortcut = "projection", repeat = 2, body = [
                    {conv}, padding = 1 }}, {{ kind = "max_pool", kernel_size = 2 }}] }}"#
            ),
            "layer `b.1`: its body makes [N, 4, 2, 2] of [N, 4, 4, 4], and both are added",
        ),
        (
            r#"{ kind = "dense", name = "b", repeat = 2, out_features = 3 }"#.into(),
            "layer `b`: dense has no `repeat`; its keys are kind, name, out_features, bias, activation, freeze, init, gain",
        ),
        (r#"{ kind = "batch_norm", name = "b", gain = 2 }"#.into(), "layer `b`: batch_norm has no `gain`"),
        (
            r#"{ kind = "dense", out_features = 10, freeze = true }, { kind = "activation" }"#.into(),
            "expected a layer that is trained, and all are frozen",
        ),
    ] {
        let layers = format!(r#"layers = [{layers}, {{ kind = "flatten" }}]"#);
        let message = experiment(&layers).and_then(|e| run_into(e, None)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn only_the_first_of_repeated_blocks_strides_and_projects() {
    let layers = r#"layers = [{ kind = "residual", name = "b", repeat = 3, shortcut = "projection", activation = "relu", body = [
        { kind = "conv2d", name = "conv", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 }] },
        { kind = "residual", name = "once", repeat = 1, body = [{ kind = "batch_norm" }] },
        { kind = "flatten" }, { name = "head" }]"#;
    let all = trained(layers);
    let mut names: Vec<(&str, &[usize])> =
        all.iter().map(|(name, shape, _)| (name.as_str(), shape.as_slice())).collect();
    names.retain(|(name, _)| name.ends_with("weight"));
    names.sort_unstable();
    let expected: [(&str, &[usize]); 7] = [
        ("b.0.conv.weight", &[4, 1, 3, 3]),
        ("b.0.downsample.0.weight", &[4, 1, 1, 1]),
        ("b.0.downsample.1.weight", &[4]),
        ("b.1.conv.weight", &[4, 4, 3, 3]),
        ("b.2.conv.weight", &[4, 4, 3, 3]),
        ("head.weight", &[10, 64]),
        ("once.0.0.weight", &[4]),
    ];
    assert_eq!(names, expected);
    // A projection of vectors is a dense layer.
    let layers = r#"layers = [{ kind = "residual", name = "b", shortcut = "projection", body = [{ name = "fc", out_features = 6 }] }, {}]"#;
    assert_eq!(of(&trained(layers), "b.downsample.0.weight").1, [6, 64]);
}

/// ResNet-18 of a few channels, its last layer one that observers see.
const RESNET: &str = r#"
name = "resnet18"
steps = 1
seeds = 1
[model]
LAYERS
[data]
source = "files"
inputs = "images.safetensors"
labels = "labels.safetensors"
test_inputs = "images.safetensors"
test_labels = "labels.safetensors"
classes = 10
normalise = "none"
[batch]
size = 2
[observe]
measures = ["loss"]
[save]
parameters = "final"
representations = "checkpoints"
"#;

fn resnet(folder: &Path, weights: &Path) -> Experiment {
    let stage = |i: usize| {
        let (w, stride) = (3 << i, if i == 0 { 1 } else { 2 });
        let shortcut = if i == 0 { "identity" } else { "projection" };
        format!(
            r#"{{ kind = "residual", name = "layer{}", repeat = 2, activation = "relu", shortcut = "{shortcut}", body = [
            {{ kind = "conv2d", name = "conv1", out_channels = {w}, kernel_size = 3, stride = {stride}, padding = 1, bias = false }},
            {{ kind = "batch_norm", name = "bn1", activation = "relu" }},
            {{ kind = "conv2d", name = "conv2", out_channels = {w}, kernel_size = 3, padding = 1, bias = false }},
            {{ kind = "batch_norm", name = "bn2" }}] }},"#,
            i + 1
        )
    };
    let stages: String = (0..4).map(stage).collect();
    let layers = format!(
        r#"layers = [
        {{ kind = "conv2d", name = "conv1", out_channels = 3, kernel_size = 7, stride = 2, padding = 3, bias = false }},
        {{ kind = "batch_norm", name = "bn1", activation = "relu" }},
        {{ kind = "max_pool", name = "maxpool", kernel_size = 3, stride = 2, padding = 1 }},
        {stages}
        {{ kind = "global_avg_pool", name = "avgpool" }},
        {{ kind = "dense", name = "fc", out_features = 10 }},
        {{ kind = "activation", name = "logits", function = "identity" }}]"#
    );
    let mut e = Experiment::from_toml(&RESNET.replace("LAYERS", &layers), "resnet.toml").unwrap();
    let d = &mut e.data;
    for path in [&mut d.inputs, &mut d.labels, &mut d.test_inputs, &mut d.test_labels].into_iter().flatten() {
        *path = folder.join(&*path);
    }
    e.model.init_from = Some(weights.to_owned());
    e
}

fn reference(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(file)
}

#[test]
fn a_resnet_of_torchvision_s_names_is_loaded_and_gives_pytorch_s_answers() {
    let (f, folder) = (Fixture::load("../reference/resnet_images"), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let images = ("images".to_owned(), f.extents("images").to_vec(), f.f32("images"));
    write_safetensors(&at("images.safetensors"), &[images], &[]).unwrap();
    write_safetensors(&at("labels.safetensors"), &[("labels".into(), vec![3], vec![0.0, 1.0, 2.0])], &[]).unwrap();
    let weights = reference("resnet.safetensors");
    let e = resnet(folder.path(), &weights);
    let summary = run_into(e.clone(), Some(&at("run"))).unwrap();
    // At step 0 it is the network of the file.
    let seen = read_safetensors(&at("run/representations.safetensors")).unwrap();
    for (name, place) in [("layer1", 3), ("layer2", 4), ("layer3", 5), ("layer4", 6), ("logits", 8)] {
        let (_, shape, values) = of(&seen, &format!("0/0/layers.{place}"));
        assert_eq!(shape, f.extents(name), "{name}");
        support::close(name, values, f.get(name), 1e-5);
    }
    let names = ["conv1", "bn1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"].map(str::to_owned);
    assert_eq!(summary.manifest.layer_names, names);
    // What it became has the names and shapes of the file.
    let (given, saved) = (read_safetensors(&weights).unwrap(), &summary.parameters);
    assert_eq!(saved.len(), given.len());
    for (name, shape, _) in &given {
        assert_eq!(of(saved, &format!("0/{name}")).1, *shape, "{name}");
    }
    assert_eq!(of(saved, "0/layer3.1.bn2.num_batches_tracked").2, [8.0]);

    // Whatever differs is said at once; a count that is not used may be missing.
    let mut other = given;
    other.retain(|(name, ..)| !name.ends_with("num_batches_tracked"));
    let path = at("other.safetensors");
    write_safetensors(&path, &other, &[]).unwrap();
    let counted = run_into(resnet(folder.path(), &path), None).unwrap();
    assert_eq!(of(&counted.parameters, "0/bn1.num_batches_tracked").2, [1.0]);
    for (name, shape, _) in &mut other {
        match name.as_str() {
            "conv1.weight" => *name = "features.0.weight".into(),
            "fc.weight" => *shape = vec![24, 10],
            "fc.bias" => *name = "fc.offset".into(),
            _ => {}
        }
    }
    write_safetensors(&path, &other, &[]).unwrap();
    let message = run_into(resnet(folder.path(), &path), None).unwrap_err().to_string();
    for part in [
        "has no tensor `conv1.weight`, which the model needs; ",
        "`fc.weight` has the shape [24, 10], and the model needs [10, 24]; ",
        "has no tensor `fc.bias`, which the model needs; ",
        "has `features.0.weight` of the shape [3, 3, 7, 7], for which the model has no place",
        "has `fc.offset` of the shape [10], for which the model has no place",
    ] {
        assert!(message.contains(part), "{message}");
    }

    // Names of another's are said in other words.
    let (mut other, mut e) = (read_safetensors(&weights).unwrap(), resnet(folder.path(), &path));
    for (name, ..) in &mut other {
        *name = name.strip_prefix("fc.").map_or_else(|| format!("net.body.{name}"), |rest| format!("net.out.{rest}"));
    }
    write_safetensors(&path, &other, &[]).unwrap();
    e.model.rename = [["net.out.", "fc."], ["net.body.", ""]].map(|pair| pair.map(str::to_owned)).into();
    assert_eq!(run_into(e.clone(), None).unwrap().parameters, summary.parameters);
    e.model.rename.push(["net.head.".into(), "fc.".into()]);
    let message = run_into(e, None).unwrap_err().to_string();
    assert!(message.contains("that begin with `net.head.`, and that no beginning before it takes"), "{message}");
}

#[test]
fn weights_of_half_and_double_precision_are_read_and_what_a_layer_lacks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let values: Vec<f64> = (0..640).map(|i| f64::from(i % 64) / 64.0 - 0.5).collect();
    let bytes = |kind: &str, extra: bool| {
        let data: Vec<u8> = values
            .iter()
            .flat_map(|&x| match kind {
                // The upper half of single precision, which these numbers fit.
                "BF16" => ((x as f32).to_bits() >> 16).to_le_bytes()[..2].to_vec(),
                _ => x.to_le_bytes().to_vec(),
            })
            .collect();
        let mut header =
            format!(r#"{{"head.weight":{{"dtype":"{kind}","shape":[10,64],"data_offsets":[0,{}]}}"#, data.len());
        if extra {
            header += &format!(r#","head.bias":{{"dtype":"U8","shape":[0],"data_offsets":[{0},{0}]}}"#, data.len());
        }
        header.push('}');
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
    };
    let run = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        let mut e = experiment(r#"layers = [{ name = "head", bias = false }]"#).unwrap();
        (e.model.init_from, e.optimiser.lr) = (Some(path.clone()), 0.0);
        run_into(e, None)
    };
    for kind in ["BF16", "F64"] {
        let expected: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        assert_eq!(of(&run(bytes(kind, false)).unwrap().parameters, "0/head.weight").2, expected, "{kind}");
    }
    // A bias that the model does not have would make another network.
    let message = run(bytes("F64", true)).unwrap_err().to_string();
    assert!(message.contains("has `head.bias` of the shape [0], for which the model has no place"), "{message}");
}

const OWN: &str = r#"layers = [
    { kind = "conv2d", name = "conv", out_channels = 3, kernel_size = 3, KEYS },
    { kind = "batch_norm", name = "bn", activation = "tanh", freeze = FROZEN },
    { kind = "flatten" },
    { name = "head" },
]"#;

#[test]
fn layers_freeze_start_and_learn_in_ways_of_their_own() {
    let layers = |keys: &str, frozen: &str| OWN.replace("KEYS", keys).replace("FROZEN", frozen);
    let still = |all: &[NamedArray], name: &str| of(all, name).2.clone();
    let (plain, frozen) = (trained(&layers("bias = true", "false")), trained(&layers("freeze = true", "true")));
    let (slow, start) = (trained(&layers("lr_multiplier = 0", "false")), trained(&layers("freeze = true", "false")));
    // Frozen layers are in files, as they started: running statistics too.
    for (name, value) in [("bn.weight", 1.0), ("bn.bias", 0.0), ("bn.running_mean", 0.0), ("bn.running_var", 1.0)] {
        assert_eq!(still(&frozen, name), [value; 3], "{name}");
        assert_ne!(still(&start, name), [value; 3], "{name}");
    }
    assert_eq!(still(&frozen, "bn.num_batches_tracked"), [0.0]);
    for name in ["conv.weight", "conv.bias"] {
        assert_eq!(still(&frozen, name), still(&slow, name));
        assert_eq!(still(&frozen, name), still(&start, name));
        assert_ne!(still(&frozen, name), still(&plain, name));
    }
    assert_ne!(still(&frozen, "head.weight"), still(&start, "head.weight"));
    // Factors of two are exact, and so is the gain of weights alone.
    let double = trained(&layers("freeze = true, gain = 2", "false"));
    let twice: Vec<f32> = still(&start, "conv.weight").iter().map(|x| 2.0 * x).collect();
    assert_eq!(still(&double, "conv.weight"), twice);
    assert_eq!(still(&double, "conv.bias"), still(&start, "conv.bias"));
    let both = trained(&format!("gain = 2.0\n{}", layers("freeze = true", "false")));
    assert_eq!(still(&both, "conv.weight"), twice);
    // A layer's own initialiser is that of the model, if this has the same.
    let own = trained(&layers("freeze = true, init = \"orthogonal\"", "false"));
    let text = SETTINGS.replace("init = \"pytorch\"", &layers("freeze = true", "false"));
    let text = text.replace("[model]\n", "[model]\ninit = \"orthogonal\"\n");
    let all = run_into(Experiment::from_toml(&text, "orthogonal.toml").unwrap(), None).unwrap().parameters;
    assert_eq!(still(&own, "conv.weight"), of(&all, "0/conv.weight").2);
    assert_ne!(still(&own, "conv.weight"), still(&start, "conv.weight"));
    // The default is as if nothing was said.
    let said = trained(&layers("freeze = false, gain = 1, lr_multiplier = 1, init = \"pytorch\"", "false"));
    assert!(said == plain);
}

#[test]
fn learning_rates_of_layers_are_times_their_multiplier() {
    let after = |factor: f64, kind: &str, steps: u32| {
        let layers = format!(r#"layers = [{{ name = "head", lr_multiplier = {factor} }}]"#);
        let mut e = experiment(&layers).unwrap();
        e.steps = steps;
        let text = format!("[optimiser]\nkind = \"{kind}\"\nweight_decay = 0.01\nlr = 0.05");
        e.optimiser = Experiment::from_toml(&text, "o.toml").unwrap().optimiser;
        let summary = run_into(e, None).unwrap();
        of(&summary.parameters, "0/head.weight").2.clone()
    };
    for kind in ["sgd", "adamw"] {
        let (start, once, thrice) = (after(0.0, kind, 1), after(1.0, kind, 1), after(3.0, kind, 1));
        for ((start, once), thrice) in start.iter().zip(&once).zip(&thrice) {
            // Weights are below 1: three roundings of single precision, of 6e-8 each, times three.
            assert!((thrice - start - 3.0 * (once - start)).abs() < 1e-6, "{kind}: {start} {once} {thrice}");
        }
        assert_ne!(start, once);
    }
}

#[test]
fn critical_variances_are_those_of_the_activation_that_follows() {
    let start = |layers: &str| {
        let mut e = experiment(&format!("{layers}\nactivation = \"tanh\"")).unwrap();
        (e.model.init, e.optimiser.lr) = (isogram::config::Init::Critical, 0.0);
        run_into(e, None)
    };
    let layers = r#"layers = [
        { name = "relu", out_features = 1000, activation = "relu" }, { name = "silu", out_features = 1000, activation = "silu" },
        { name = "tanh", out_features = 1000 }, { name = "leaky", out_features = 1000, activation = "leaky_relu", gain = 2 },
        { name = "head" }]"#;
    let all = start(layers).unwrap().parameters;
    let variance = |name: &str| {
        let values = &of(&all, &format!("0/{name}")).2;
        values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64
    };
    for (name, inputs, weight, bias) in [
        ("relu", 64.0, 2.0, 0.0),
        ("silu", 1000.0, 1.988, 0.5551),
        ("tanh", 1000.0, 1.0, 0.0),
        ("leaky", 1000.0, 8.0 / (1.0 + 1e-4), 0.0),
    ] {
        // The variance of 64,000 numbers is off by 0.6 parts in a hundred, that of 1,000 by 4.5: four times that.
        let is = variance(&format!("{name}.weight")) * inputs;
        assert!((is / weight - 1.0).abs() < 0.024, "{name}: {is} for {weight}");
        let is = variance(&format!("{name}.bias"));
        assert!((is - bias).abs() <= 0.18 * bias, "{name}: {is} for {bias}");
    }
    let message =
        start(r#"layers = [{ name = "a", out_features = 3, activation = "elu" }, {}]"#).unwrap_err().to_string();
    assert!(message.contains("`a.weight` goes into an activation function of which no critical"), "{message}");
}

#[test]
fn presets_are_lists_of_layers_that_can_be_pasted_back() {
    for &preset in Preset::ALL {
        let mut e = experiment(&format!("preset = \"{preset}\"\nwidth = 2\nactivation = \"tanh\"")).unwrap();
        if preset == Preset::Transformer {
            (e.data.source, e.data.sequence_length) = (Source::Sentences, 2);
        }
        let written = Experiment::from_toml(&e.model.written_out(), "written.toml").unwrap();
        assert_eq!(written.model.layers, *e.model.network(), "{preset}");
        let Layers::List(list) = &written.model.layers else { panic!("{preset} is no list") };
        assert_eq!(list.iter().filter(|layer| layer.name.is_none()).count(), 0, "{preset}");
        let mut text = SETTINGS.replace("[model]\ninit = \"pytorch\"", &e.model.written_out());
        text = text.replace("[model]\n", "[model]\ninit = \"pytorch\"\n");
        let mut pasted = Experiment::from_toml(&text, "pasted.toml").unwrap();
        pasted.data = e.data.clone();
        let pasted = run_into(pasted, None).unwrap();
        assert!(run_into(e, None).unwrap().parameters == pasted.parameters, "{preset}");
    }
    let resnet20 = Preset::Resnet20.layers(None, None, None, Activation::Relu);
    let blocks: u32 = resnet20.iter().filter_map(|layer| layer.repeat).sum();
    assert_eq!(2 * blocks + 2, 20);
    let all = trained("preset = \"resnet8\"\nwidth = 2");
    assert_eq!(of(&all, "layer2.0.downsample.0.weight").1, [4, 2, 1, 1]);
    assert_eq!(of(&all, "head.weight").1, [10, 8]);
    // Widths, too, are a list, with the same bits.
    let e = experiment("layers = [5, 4]\nactivation = \"tanh\"").unwrap();
    let list = e.model.written_out().replace("[model]\n", "");
    assert!(trained(&list) == trained("layers = [5, 4]\nactivation = \"tanh\""));
    // Layers of a preset are swept by name, whatever else is.
    let text = SETTINGS.replace("[model]\n", "[model]\npreset = \"mlp\"\n");
    let text = text + "[sweep]\n\"model.layers.fc2.out_features\" = [3, 5]\n\"model.width\" = [6, 7]\n";
    let all = run_into(Experiment::from_toml(&text, "swept.toml").unwrap(), None).unwrap().parameters;
    let shapes: Vec<&[usize]> = (0..4).map(|r| of(&all, &format!("{r}/fc2.weight")).1.as_slice()).collect();
    assert_eq!(shapes, [[3, 6], [3, 7], [5, 6], [5, 7]]);
    for (model, expected) in [
        ("preset = \"mlp\"\nlayers = [3]", "model.preset: expected either model.preset or model.layers, got both"),
        ("width = 3", "model.width: is of model.preset, and none is named"),
        ("preset = \"resnet8\"\ndepth = 3", "model.depth: resnet8 has as many layers as its name says"),
        ("heads = 2", "model.heads: is of model.preset, and none is named"),
        ("preset = \"mlp\"\nheads = 2", "model.heads: mlp has no heads of attention: leave the key out"),
        ("preset = \"resnet18\"", "did you mean \"resnet8\"?"),
    ] {
        let message = experiment(model).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_plan_of_a_model_is_toml() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("preset.toml");
    std::fs::write(&path, "model.preset = \"cnn-small\"\nmodel.depth = 1").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_isogram")).arg("plan").arg(&path).arg("--model").output().unwrap();
    let expected = r#"[model]
layers = [
  { kind = "conv2d", name = "conv1", out_channels = 16, kernel_size = 3, padding = 1, bias = false },
  { kind = "batch_norm", name = "bn1", activation = "relu" },
  { kind = "max_pool", name = "pool1", kernel_size = 2 },
  { kind = "global_avg_pool", name = "pool" },
  { kind = "dense", name = "head" },
]
"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected.trim());
}

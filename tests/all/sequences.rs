//! Sequences of tokens: what is lost and right at each position, where they come from, and what fills them up.

use std::path::Path;

use isogram::config::Experiment;
use isogram::data::{NamedArray, write_safetensors};
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Function, Graph, Tensor};
use isogram::nn::{Common, IGNORED, Layer, Layers, Loss, Pass, Predictions, declare, mean_of_counted};
use isogram::train::{Options, Quiet, Summary, Sweep, Targets};

use crate::pytorch::{Fixture, training};
use crate::support::{self, close, within};

fn layers(list: &str) -> Layers {
    Experiment::from_toml(&format!("model.layers = {list}"), "sequences.toml").unwrap().model.layers
}

fn name_of(g: &Graph, parameter: Tensor) -> String {
    g.variable_info(g.variable_of(parameter).unwrap()).name.clone()
}

const PER_TOKEN: &str = r#"[
    { kind = "embedding", name = "embedding", embedding_dim = 6 },
    { name = "head" },
]"#;

#[test]
fn the_loss_of_tokens_its_gradients_and_a_step_are_those_of_pytorch() {
    let f = Fixture::load("../reference/token_loss");
    let mut g = Graph::new();
    let common = Common { bias: true, ..Common::default() };
    let net = declare(&mut g, &layers(PER_TOKEN), &[5], 7, &common).unwrap();
    let parameters = net.parameters();
    let names: Vec<String> = parameters.iter().map(|&p| name_of(&g, p)).collect();
    let (x, labels) = (f.data(&mut g, "x"), f.labels(&mut g, "targets"));
    let y = net.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
    assert_eq!(g.shape(y).extents(), [4, 5 * 7]);
    let loss = Loss::default().apply(&mut g, y, labels).unwrap();
    let answers = Predictions::new(&mut g, y, labels).unwrap();
    let right = g.correct(answers.logits, answers.labels).unwrap();
    let accuracy = mean_of_counted(&mut g, right, answers.counted).unwrap();
    let gradients = g.gradients(loss, &parameters).unwrap();
    // Of which nothing counts there is no loss, and no gradient.
    let nothing = g.data_integers(&[IGNORED; 20], &[4, 5]).unwrap();
    let silent = Loss::default().apply(&mut g, y, nothing).unwrap();
    let still = g.gradients(silent, &parameters).unwrap();
    let mut outputs = vec![
        Effect::Output("loss".into(), loss),
        Effect::Output("accuracy".into(), accuracy),
        Effect::Output("silent".into(), silent),
        Effect::Output("still".into(), still[0]),
    ];
    let mut step = Vec::new();
    for ((name, &parameter), &gradient) in names.iter().zip(&parameters).zip(&gradients) {
        outputs.push(Effect::Output(format!("d.{name}"), gradient));
        let change = g.scale(gradient, f.get("lr")[0]);
        let after = g.minus(parameter, change).unwrap();
        step.push(Effect::Assign(g.variable_of(parameter).unwrap(), after));
    }
    let expected: Vec<String> =
        ["loss".to_owned(), "accuracy".into()].into_iter().chain(names.iter().map(|n| format!("d.{n}"))).collect();
    for (on, mut machine) in support::machines(&g, &[Function::new("look", outputs), Function::new("step", step)], 1) {
        for name in &names {
            machine.write_variable(name, &f.f32(name)).unwrap();
        }
        machine.run("look", 1).unwrap();
        for name in &expected {
            close(&format!("{name} on {on}"), &machine.read_output(name).unwrap(), f.get(name), 2e-6);
        }
        assert_eq!(machine.read_output("silent").unwrap(), [0.0]);
        assert!(machine.read_output("still").unwrap().iter().all(|&d| d == 0.0));
        machine.run("step", 1).unwrap();
        for name in &names {
            let after = f.get(&format!("after.{name}"));
            close(&format!("{name} after a step on {on}"), &machine.read_variable(name).unwrap(), after, 2e-6);
        }
    }
}

const SETTINGS: &str = r#"
name = "sequences"
steps = 60
seeds = 2
[optimiser]
lr = 0.01
[batch]
size = 16
[probe]
examples = 8
[observe]
measures = ["loss", "accuracy", "cka_labels"]
at = { kind = "list", steps = [30] }
[save]
parameters = "final"
"#;

fn run(settings: &str) -> isogram::Result<Summary> {
    let e = Experiment::from_toml(&format!("{SETTINGS}{settings}"), "sequences.toml")?;
    Sweep::new(e)?.run(&options(), &mut Quiet)
}

fn options() -> Options {
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    Options { adapter, gpu: support::gpu(), ..Options::default() }
}

fn data(settings: &str) -> isogram::Result<isogram::train::Prepared> {
    isogram::train::Prepared::load(&Experiment::from_toml(settings, "sequences.toml")?)
}

const SMALL: &str = r#"
[model]
preset = "transformer"
width = 8
heads = 2
depth = 1
"#;

#[test]
fn the_next_character_of_a_text_is_learned_by_a_preset() {
    let text = "[data]\nsource = \"sentences\"\nsequence_length = 12\ntest_fraction = 0.02\n";
    let summary = run(&format!("{text}{SMALL}")).unwrap();
    let (before, after) = (summary.values("loss", 0), summary.values("loss", 60));
    assert!(before.iter().zip(&after).all(|(b, a)| *a < 0.8 * b && *a > 0.5), "{before:?} {after:?}");
    let guessed = summary.values("accuracy", 60);
    assert!(guessed.iter().all(|&a| (0.15..1.0).contains(&a)), "{guessed:?}");
    assert!(summary.values("cka_labels:biased", 30).iter().all(|c| (0.0..=1.0).contains(c)));
    let shape = |name: &str| summary.parameters.iter().find(|(n, ..)| n == name).map(|(_, shape, _)| shape.clone());
    let characters = isogram::data::Characters::of([isogram::data::sentences().as_str()]).0.len();
    assert_eq!(shape("0/embedding.weight"), Some(vec![characters, 8]));
    assert_eq!(shape("1/positions.weight"), Some(vec![12, 8]));
    assert_eq!(shape("1/layers.0.self_attn.in_proj_weight"), Some(vec![24, 8]));
    assert_eq!(shape("1/head.weight"), Some(vec![characters, 8]));
    assert_eq!(summary.manifest.layer_names, ["embedding", "positions", "layers", "norm"]);
    // The same alone as in company.
    let e =
        Experiment::from_toml(&format!("{SETTINGS}{text}{SMALL}").replace("seeds = 2", "seeds = [1]"), "alone.toml")
            .unwrap();
    let alone = Sweep::new(e).unwrap().run(&options(), &mut Quiet).unwrap();
    assert_eq!(alone.values("loss", 60)[0].to_bits(), after[1].to_bits());
}

#[test]
fn pixels_are_a_sequence() {
    let model = r#"
data.test_fraction = 0.01
[model]
input_shape = [1, 64]
layers = [
    { kind = "conv1d", name = "pixel", out_channels = 4, kernel_size = 1 },
    { kind = "positions", encoding = "rope" },
    { kind = "transformer", name = "layers", num_heads = 1, norm_first = true },
    { kind = "select" },
    { kind = "dense", name = "head" },
]
"#;
    let settings = SETTINGS
        .replace("steps = 60", "steps = 2")
        .replace("steps = [30]", "steps = [1]")
        .replace("size = 16", "size = 4");
    let settings = settings.replacen("\n[", &format!("\n{model}["), 1);
    let e = Experiment::from_toml(&settings, "pixels.toml").unwrap();
    let summary = Sweep::new(e).unwrap().run(&options(), &mut Quiet).unwrap();
    let losses = [0, 2].map(|step| summary.values("loss", step)[0]);
    assert!(losses.iter().all(|loss| loss.is_finite()) && losses[0] != losses[1], "{losses:?}");
}

fn folder_with(files: &[(&str, &[u8])], arrays: &[NamedArray]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    write_safetensors(&folder.path().join("a.safetensors"), arrays, &[]).unwrap();
    folder
}

fn at(folder: &tempfile::TempDir, settings: &str) -> String {
    settings.replace("$", &format!("{}/", folder.path().display()))
}

#[test]
fn texts_are_cut_into_windows_and_their_end_is_held_out() {
    let folder =
        folder_with(&[("a.txt", "abcábcabca\n".repeat(10).as_bytes()), ("b.txt", b"xabca"), ("c.txt", b"ab\xff")], &[]);
    let settings =
        "[data]\nsource = \"text\"\ninputs = \"$a.txt\"\nsequence_length = 4\nstride = 3\ntest_fraction = 0.25\n";
    let prepared = data(&at(&folder, settings)).unwrap();
    // Of 110 characters 82 and 28; a line feed is the first of five, á the last.
    assert_eq!((prepared.outputs, prepared.inputs, prepared.train.examples, prepared.test.examples), (5, 4, 26, 8));
    assert_eq!(prepared.train.inputs[..8], [1.0, 2.0, 3.0, 4.0, 4.0, 2.0, 3.0, 1.0]);
    let Targets::Tokens(next) = &prepared.train.targets else { panic!("no tokens") };
    assert_eq!(next[..4], [2, 3, 4, 2]);
    assert!(
        prepared.notes[0].contains("110 characters, 5 different ones") && prepared.notes[0].contains("\\nabcá"),
        "{:?}",
        prepared.notes
    );
    let other = data(&at(&folder, &format!("{settings}test_inputs = \"$b.txt\"\nclasses = 9\n"))).unwrap();
    assert_eq!((other.outputs, other.test.inputs.clone()), (9, vec![4.0, 1.0, 2.0, 3.0]));
    for (more, expected) in [
        ("classes = 3\n", "has 5 different characters, where at most 3 are expected"),
        ("test_inputs = \"$c.txt\"\n", "is no text of UTF-8: byte 2 (counted from 0)"),
        ("padding = 1\n", "data.padding: needs data.source = \"tokens\""),
        ("normalise = \"standard\"\n", "data.normalise: expected none or unit, since tokens are not scaled"),
        (
            "labels = \"x\"\n",
            "data.labels: is only read with data.source = \"files\", or \"tokens\", but data.source is \"text\"",
        ),
        (
            "[loss]\nkind = \"mse\"\n",
            "loss.kind: expected cross_entropy, since a token is predicted at each position, got mse",
        ),
    ] {
        let message = data(&at(&folder, &format!("{settings}{more}"))).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let long = settings.replace("sequence_length = 4", "sequence_length = 40");
    let message = data(&at(&folder, &long)).unwrap_err().to_string();
    assert!(message.contains("expected at least 41 tokens") && message.contains("got 28"), "{message}");
}

fn array(name: &str, shape: &[usize], values: impl IntoIterator<Item = i32>) -> NamedArray {
    (name.into(), shape.to_vec(), values.into_iter().map(|x| x as f32).collect())
}

#[test]
fn tokens_are_rows_or_one_long_sequence() {
    let rows = || (0..40).map(|i| i % 7);
    let arrays = [
        array("rows", &[8, 5], rows()),
        array("long", &[40], rows()),
        array("words", &[8, 5], (0..40).map(|i| (i * i) % 5 - 1)),
        array("bad", &[8, 5], (0..40).map(|i| if i == 23 { 70_000 } else { 1 })),
        array("narrow", &[8, 2], rows().take(16)),
        array("classes", &[8], (0..8).map(|i| i % 3)),
    ];
    let folder = folder_with(&[], &arrays);
    let of =
        |settings: &str| data(&at(&folder, &format!("[data]\nsource = \"tokens\"\nstratified = false\n{settings}")));
    let tokens = |targets: &Targets| match targets {
        Targets::Tokens(tokens) => tokens.clone(),
        _ => panic!("no tokens"),
    };
    let whole = "inputs = \"$a.safetensors:rows\"\ntest_inputs = \"$a.safetensors:rows\"\n";
    let prepared = of(&format!("{whole}padding = 3\n")).unwrap();
    assert_eq!((prepared.outputs, prepared.inputs, prepared.train.examples), (7, 4, 8));
    assert_eq!(prepared.train.inputs[..8], [0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 0.0, 1.0]);
    assert_eq!(tokens(&prepared.train.targets)[..8], [1, 2, IGNORED, 4, 6, 0, 1, 2]);
    let split = of("inputs = \"$a.safetensors:rows\"\ntest_fraction = 0.25\n").unwrap();
    assert_eq!((split.train.examples, split.test.examples), (6, 2));
    let long =
        of("inputs = \"$a.safetensors:long\"\nsequence_length = 3\ntest_fraction = 0.2\nclasses = 11\n").unwrap();
    assert_eq!((long.outputs, long.train.examples, long.test.examples), (11, 10, 2));
    assert_eq!(long.test.inputs[..3], [4.0, 5.0, 6.0]);
    let named = "targets = \"$a.safetensors:words\"\ntest_targets = \"$a.safetensors:words\"\n";
    let tagged = of(&format!("{whole}{named}")).unwrap();
    assert_eq!((tagged.outputs, tagged.inputs), (4, 5));
    assert_eq!(tokens(&tagged.test.targets)[..5], [IGNORED, 0, 3, 3, 0]);
    let labelled = of("inputs = \"$a.safetensors:rows\"\nlabels = \"$a.safetensors:classes\"\n").unwrap();
    assert_eq!((labelled.outputs, labelled.inputs, labelled.train.classes().len()), (3, 5, 6));
    assert!(labelled.train.inputs.contains(&6.0));
    for (settings, expected) in [
        (
            "inputs = \"$a.safetensors:bad\"\n",
            "row 4, position 3 (counted from 0) is 70000, and tokens are whole numbers from 0 to 65535",
        ),
        ("inputs = \"$a.safetensors:rows\"\nclasses = 5\n", "row 1, position 0 (counted from 0) is 5, and tokens"),
        ("inputs = \"$a.safetensors:rows\"\ntargets = \"$a.safetensors:narrow\"\n", "has 2 targets in a row"),
        ("inputs = \"$a.safetensors:narrow\"\n", "expected sequences of at least 2 targets"),
        (
            "inputs = \"$a.safetensors:rows\"\ntest_inputs = \"$a.safetensors:narrow\"\n",
            "has sequences of 4 tokens, and those of data.test_inputs have 1",
        ),
    ] {
        let message = of(settings).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn networks_that_do_not_answer_as_the_data_ask_say_what_to_change() {
    let text = "data.source = \"sentences\"\ndata.sequence_length = 6\n";
    let embedding = "{ kind = \"embedding\", embedding_dim = 4 }";
    for (data, layers, expected) in [
        (
            text,
            format!("[{embedding}, {{ kind = \"select\" }}, {{}}]"),
            "the data have 6 targets for an example, one at each position",
        ),
        (
            text,
            "[{ kind = \"embedding\", num_embeddings = 3, embedding_dim = 4 }, {}]".into(),
            "takes whole numbers below 3",
        ),
        (
            text,
            format!("[{embedding}, {{ kind = \"positions\", name = \"p\", num_positions = 5 }}, {{}}]"),
            "layer `p`: expected num_positions of at least the 6 that the sequences have, got 5",
        ),
        (
            text,
            "[{ kind = \"embedding\", name = \"e\", embedding_dim = 4, num_embeddings = 30, padding_idx = 30 }, {}]"
                .into(),
            "layer `e`: expected padding_idx below 30, its num_embeddings, got 30",
        ),
        (
            text,
            "[{ kind = \"embedding\", embedding_dim = 6 }, { kind = \"positions\", encoding = \"rope\" },
              { kind = \"attention\", name = \"a\", num_heads = 2 }, {}]"
                .replace('\n', " "),
            "layer `a`: expected heads of an even width, since their features are rotated in pairs, got 3",
        ),
        (
            "model.input_shape = [4, 16]\n",
            "[{ kind = \"attention\", num_heads = 1 }, {}]".into(),
            "the network answers at each of 16 positions, and the data have one target for an example",
        ),
    ] {
        let settings = SETTINGS.replacen("\n[", &format!("\n{data}model.layers = {layers}\n["), 1);
        let result = Experiment::from_toml(&settings, "x.toml").and_then(Sweep::new);
        let options = Options { adapter: AdapterChoice::Cpu, ..Options::default() };
        let message = result.and_then(|sweep| sweep.run(&options, &mut Quiet)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

const PADDED: &str = r#"[
    { kind = "embedding", name = "embedding", num_embeddings = 7, embedding_dim = 6, padding_idx = 2 },
    { kind = "transformer", name = "layers", num_heads = 2, dim_feedforward = 8, repeat = 2 },
    { kind = "flatten" },
]"#;

const ROTATED: &str = r#"[
    { kind = "positions", encoding = "rope", base = 100 },
    { kind = "attention", name = "m", num_heads = 2, causal = true },
    { kind = "flatten" },
]"#;

#[test]
fn padding_and_rotations_and_their_gradients_are_those_of_pytorch() {
    for (file, list, shape, outputs) in [("padded", PADDED, vec![5], 30), ("rope", ROTATED, vec![8, 5], 40)] {
        let f = Fixture::load(&format!("../reference/{file}"));
        let mut g = Graph::new();
        let common = Common { bias: true, ..Common::default() };
        let net = declare(&mut g, &layers(list), &shape, outputs, &common).unwrap();
        let mut wrt: Vec<(Tensor, String)> = net.parameters().into_iter().map(|p| (p, name_of(&g, p))).collect();
        let names: Vec<String> = wrt.iter().map(|(_, name)| name.clone()).collect();
        let x = f.data(&mut g, "x");
        if file == "rope" {
            wrt.push((x, "x".into()));
        }
        let mut pass = training(&mut g);
        let y = net.forward(&mut g, x, &mut pass).unwrap();
        let upstream = f.data(&mut g, "upstream");
        let of: Vec<Tensor> = wrt.iter().map(|(t, _)| *t).collect();
        let gradients = g.gradients_from(y, upstream, &of).unwrap();
        let mut all = vec![Effect::Output("y".into(), y)];
        all.extend(wrt.iter().zip(gradients).map(|((_, name), d)| Effect::Output(format!("d.{name}"), d)));
        let expected: Vec<String> = wrt.iter().map(|(_, name)| format!("d.{name}")).chain(["y".into()]).collect();
        for (on, mut machine) in support::machines(&g, &[Function::new("f", all)], 1) {
            for name in &names {
                machine.write_variable(name, &f.f32(name)).unwrap();
            }
            machine.run("f", 1).unwrap();
            for output in &expected {
                let exact = f.get(output);
                let scale = exact.iter().fold(0.0f64, |m, x| m.max(x.abs())).max(0.1);
                within(&format!("{file} {output} on {on}"), &machine.read_output(output).unwrap(), exact, |_| {
                    5e-5 * scale
                });
            }
        }
    }
}

/// What fills a sequence up changes nothing of it: neither at its own positions nor of what is kept of all.
#[test]
fn padded_sequences_are_as_if_they_were_not() {
    let blocks = r#"{ kind = "embedding", name = "embedding", num_embeddings = 9, embedding_dim = 8, padding_idx = 0 },
        { kind = "transformer", name = "layers", num_heads = 2, dim_feedforward = 8, repeat = 2 }"#;
    let (short, long) = ([3.0f32, 7.0, 1.0, 4.0], [3.0f32, 7.0, 1.0, 4.0, 0.0, 0.0, 0.0]);
    for (end, kept) in [
        ("{ kind = \"flatten\" }", 4 * 8),
        ("{ kind = \"select\", pooling = \"mean\" }", 8),
        ("{ kind = \"select\", pooling = \"last\" }", 8),
    ] {
        let list = layers(&format!("[{blocks}, {end}]"));
        let of = |tokens: &[f32]| {
            let outputs = if end.contains("flatten") { 8 * tokens.len() } else { 8 };
            let mut g = Graph::new();
            let net = declare(&mut g, &list, &[tokens.len()], outputs, &Common::default()).unwrap();
            let x = g.data(tokens.to_vec(), &[1, tokens.len()]).unwrap();
            let y = net.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
            let functions = [Function::new("f", vec![Effect::Output("y".into(), y)])];
            let mut machines = support::machines(&g, &functions, 1);
            machines
                .iter_mut()
                .map(|(on, machine)| {
                    for (i, parameter) in (0..).zip(net.parameters()) {
                        let count = g.shape(parameter).elements() as u32;
                        let drawn: Vec<f32> =
                            (0..count).map(|e| isogram::kernels::random::uniform(5, i, 0, e) - 0.5).collect();
                        machine.write_variable(&name_of(&g, parameter), &drawn).unwrap();
                    }
                    machine.run("f", 1).unwrap();
                    (*on, machine.read_output("y").unwrap())
                })
                .collect::<Vec<_>>()
        };
        for ((on, unpadded), (_, padded)) in of(&short).into_iter().zip(of(&long)) {
            let expected = support::wide(&unpadded[..kept]);
            close(&format!("{end} on {on}"), &padded[..kept], &expected, 1e-6);
            assert!(expected.iter().any(|&x| x.abs() > 0.1), "{end}");
        }
    }
}

/// A `state_dict` of PyTorch's encoder is read as it is, and looks at tokens as PyTorch does.
#[test]
fn an_encoder_of_pytorch_is_taken_over_by_its_own_names() {
    let f = Fixture::load("../reference/encoder");
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/encoder_state.safetensors");
    let tokens = f.get("tokens").iter().map(|&x| x as i32);
    let folder = folder_with(&[], &[array("tokens", f.extents("tokens"), tokens)]);
    let settings = at(&folder, &SETTINGS.replace("lr = 0.01", "lr = 0").replace("examples = 8", ""))
        .replace("steps = 60", "steps = 1")
        .replace("steps = [30]", "steps = [1]")
        .replace("[save]", "[save]\nrepresentations = \"final\"");
    let model = format!(
        r#"
[data]
source = "tokens"
inputs = "$a.safetensors:tokens"
test_inputs = "$a.safetensors:tokens"
[model]
init_from = "{}"
layers = [
    {{ kind = "embedding", name = "embedding", embedding_dim = 8 }},
    {{ kind = "transformer", name = "layers", num_heads = 2, dim_feedforward = 16, norm_first = true, causal = true, repeat = 2,
       activation = "relu" }},
    {{ kind = "layer_norm", name = "norm" }},
    {{ kind = "dense", name = "head" }},
]
"#,
        state.display()
    );
    let options = options();
    let near = |is: f64, name: &str| assert!((is - f.get(name)[0]).abs() < 1e-5, "{name}: {is} for {:?}", f.get(name));
    let mut e = Experiment::from_toml(&format!("{settings}{}", at(&folder, &model)), "encoder.toml").unwrap();
    e.data.padding = Some(4);
    let summary = Sweep::new(e.clone()).unwrap().run(&options, &mut Quiet).unwrap();
    near(summary.values("loss", 0)[0], "loss_but_4");
    near(summary.values("loss_test", 1)[0], "loss_but_4");
    near(summary.values("accuracy", 0)[0], "accuracy_but_4");
    near(summary.values("accuracy_test", 1)[0], "accuracy_but_4");
    e.data.padding = None;
    let summary = Sweep::new(e).unwrap().run(&options, &mut Quiet).unwrap();
    near(summary.values("loss", 0)[0], "loss");
    let norm = summary
        .representations
        .iter()
        .find(|r| r.replica == 0 && r.layer.is_some_and(|layer| layer.to_string() == "layers.2"))
        .unwrap();
    close("what the norm gives", &norm.values, f.get("hidden"), 1e-4);
}

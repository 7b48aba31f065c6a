//! Networks that are described layer by layer.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Function, Graph, Tensor};
use isogram::nn::{Activation, Common, Dense, Dropout, Layer, Pass, Start, declare, dropout};
use isogram::train::{Interrupt, Model, Options, Progress, Quiet, Summary, Sweep};

use crate::pytorch::{Fixture, training};
use crate::support::{self, close, within};

const SETTINGS: &str = r#"
name = "layers"
steps = 20
seeds = 2
[model]
activation = "tanh"
init = "pytorch"
[batch]
size = 16
[probe]
examples = 24
[observe]
at = { kind = "list", steps = [7] }
measures = ["loss", "accuracy", "weight_norm", "gradient_norm", "cka_input", "cka_first"]
[save]
parameters = "final"
snapshot_every = 4
"#;

fn experiment(layers: &str) -> isogram::Result<Experiment> {
    Experiment::from_toml(&SETTINGS.replace("[model]\n", &format!("[model]\n{layers}\n")), "layers.toml")
}

fn options() -> Options {
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    Options { adapter, gpu: support::gpu(), ..Options::default() }
}

fn run(sweep: &Sweep) -> isogram::Result<Summary> {
    sweep.run(&options(), &mut Quiet)
}

/// What a run observed and what its networks became, as bits.
type Bits = (Vec<(u32, u64, String, String, u64)>, Vec<(String, Vec<usize>, Vec<u32>)>);

fn bits(summary: &Summary) -> Bits {
    let layer = |layer: Option<isogram::files::Layer>| layer.map(|l| l.to_string()).unwrap_or_default();
    let rows = summary.metrics.iter().map(|r| (r.replica, r.step, layer(r.layer), r.name.clone(), r.value.to_bits()));
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    let of = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect();
    (rows, summary.parameters.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), of(values))).collect())
}

/// A perceptron written out by hand.
#[derive(Clone, Debug)]
struct ByHand {
    widths: Vec<usize>,
    dropout: bool,
    skip: usize,
    layers: Vec<Dense>,
}

impl Model for ByHand {
    fn declare(&self, g: &mut Graph, inputs: &[usize], outputs: usize) -> isogram::Result<Box<dyn Layer>> {
        let widths: Vec<usize> =
            [inputs.iter().product()].into_iter().chain(self.widths.clone()).chain([outputs]).collect();
        let pairs = widths.windows(2).enumerate();
        let dense = pairs.map(|(i, w)| Dense::new(g, &format!("layers.{i}"), w[0], w[1], true));
        Ok(Box::new(Self { layers: dense.collect::<isogram::Result<_>>()?, ..self.clone() }))
    }
}

impl Layer for ByHand {
    fn parameters(&self) -> Vec<Tensor> {
        self.layers.iter().flat_map(Layer::parameters).collect()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> isogram::Result<Vec<Effect>> {
        let all = self.layers.iter().map(|layer| layer.initialise(g, start)).collect::<isogram::Result<Vec<_>>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> isogram::Result<Tensor> {
        let masks = pass.train.filter(|_| self.dropout);
        let mut value = x;
        if let Some(masks) = masks {
            value = dropout(g, value, "input", Dropout { rate: masks.input_rate, ..masks })?;
        }
        for (i, layer) in self.layers.iter().enumerate() {
            value = layer.forward(g, value, pass)?;
            if i + 1 < self.layers.len() {
                value = Activation::Tanh.apply(g, value)?;
                if self.skip > 0 && i >= self.skip {
                    value = g.plus(value, pass.hidden[i - self.skip])?;
                }
                pass.hidden.push(value);
                if let Some(masks) = masks {
                    value = dropout(g, value, &layer.path, masks)?;
                }
            }
        }
        Ok(value)
    }
}

#[test]
fn widths_give_the_bits_of_the_network_written_by_hand() {
    for (settings, dropout, skip) in [
        ("layers = [12, 12, 12]\nskip = 2\ndropout = 0.25\ninput_dropout = 0.1", true, 2),
        ("layers = [9, 7]", false, 0),
    ] {
        let e = experiment(settings).unwrap();
        let widths = if skip > 0 { vec![12; 3] } else { vec![9, 7] };
        let by_hand = ByHand { widths, dropout, skip, layers: Vec::new() };
        let other = Sweep::new(e.clone()).unwrap().model(move |_| by_hand.clone());
        let (is, expected) = (run(&Sweep::new(e).unwrap()).unwrap(), run(&other).unwrap());
        assert!(bits(&is) == bits(&expected), "{settings}");
        assert!(is.metrics.len() > 30 && is.parameters.len() > 5);
    }
}

#[test]
fn a_list_of_dense_layers_gives_the_bits_of_the_widths() {
    let widths = experiment("layers = [9, 7]").unwrap();
    let list = r#"layers = [{ out_features = 9, activation = "tanh" }, { kind = "dense", out_features = 7, activation = "tanh" }, {}]"#;
    let list = experiment(list).unwrap();
    let [widths, list] = [widths, list].map(|e| bits(&run(&Sweep::new(e).unwrap()).unwrap()));
    assert!(widths == list);
}

#[test]
fn layers_have_names_in_files_observers_and_sweeps() {
    let layers = r#"layers = [
    { kind = "dense", name = "fc1", out_features = 8 },
    { kind = "activation", name = "act", function = "relu" },
    { kind = "dropout", p = 0.25 },
    { kind = "dense", name = "head", bias = false },
]"#;
    let text = SETTINGS.replace("[model]\n", &format!("[model]\n{layers}\n"));
    let text = text.replace("[observe]\n", "[observe]\nlayers = [\"act\"]\n")
        + "[sweep]\n\"model.layers.fc1.out_features\" = [4, 6]\n";
    let e = Experiment::from_toml(&text, "named.toml").unwrap();
    assert_eq!(e.swept_columns(), ["model.layers.fc1.out_features"]);
    let summary = run(&Sweep::new(e).unwrap()).unwrap();
    let shape = |name: &str| summary.parameters.iter().find(|(n, ..)| n == name).map(|(_, shape, _)| shape.clone());
    assert_eq!(shape("0/fc1.weight"), Some(vec![4, 64]));
    assert_eq!(shape("2/fc1.bias"), Some(vec![6]));
    assert_eq!(shape("2/head.weight"), Some(vec![10, 6]));
    assert_eq!(shape("2/head.bias"), None);
    // Of both hidden layers, the one that was named.
    assert_eq!(summary.manifest.layers, ["layers.1"]);
    assert!(summary.values("loss", 20).iter().all(|loss| loss.is_finite()));
}

#[test]
fn a_vector_read_as_channels_is_data_of_that_shape() {
    let layers = r#"{ kind = "conv1d", name = "conv", out_channels = 3, kernel_size = 5 }, { kind = "flatten" }, { name = "head" }]"#;
    let given = experiment(&format!("layers = [{layers}\ninput_shape = [2, 32]")).unwrap();
    let cut = r#"{ kind = "unflatten", unflattened_size = [2, 32] }"#;
    let cut = experiment(&format!("layers = [{cut}, {layers}")).unwrap();
    let [given, cut] = [given, cut].map(|e| bits(&run(&Sweep::new(e).unwrap()).unwrap()).1);
    assert!(given.len() > 3);
    assert_eq!(given, cut);
}

#[test]
fn layers_that_do_not_fit_say_which_and_what() {
    for (layers, expected) in [
        (
            r#"[{ name = "a" }, {}]"#,
            "model.layers: layer `a`: expected out_features, the width of what it makes of [N, 64]",
        ),
        (
            r#"[{ name = "a", out_features = 7 }, { kind = "residual", name = "b", body = [{ out_features = 6 }] }, {}]"#,
            "layer `b`: its body makes [N, 6] of [N, 7]",
        ),
        (
            r#"[{ kind = "group_norm", name = "a", num_groups = 5 }, {}]"#,
            "layer `a`: expected num_groups that divides the features of [N, 64] (1, 2, 4, 8, 16, 32, 64), got 5",
        ),
        (
            r#"[{ kind = "embedding", num_embeddings = 3, embedding_dim = 2 }, { kind = "flatten" }, {}]"#,
            "the embedding takes whole numbers below 3, its num_embeddings, and position 2 of row 0 of the training examples",
        ),
        (
            r#"[{ kind = "conv2d", name = "a", out_channels = 3, kernel_size = [9, 3] }, { kind = "flatten" }, {}]"#,
            "layer `a`: expected a kernel_size of at most [8, 8] in [N, 1, 8, 8] with a padding of [0, 0] and a dilation of [1, 1], got \
             [9, 3]: make it smaller, or padding larger",
        ),
        (
            r#"[
                { kind = "conv2d", out_channels = 6, kernel_size = 3 },
                { kind = "conv2d", name = "b", out_channels = 4, kernel_size = 3, groups = 4 },
                {},
            ]"#,
            "layer `b`: expected groups that divide the channels of [N, 6, 6, 6] and its own 4 (1, 2), got 4",
        ),
        (
            r#"[{ kind = "conv2d", name = "a", out_channels = 6, kernel_size = 3, stride = 2, padding = "same" }, {}]"#,
            "layer `a`: expected a stride of 1 with padding = \"same\", got [2, 2]",
        ),
        (
            r#"[{ kind = "max_pool", name = "a", kernel_size = 0 }, {}]"#,
            "layer `a`: expected kernel_size of at least 1, got 0",
        ),
        (
            r#"[{ kind = "max_pool", name = "a", kernel_size = 2, padding = 2 }, {}]"#,
            "layer `a`: expected a padding of half of kernel_size at most, got [2, 2] for [2, 2]",
        ),
        (
            r#"[{ kind = "avg_pool", kernel_size = 2 }, { name = "b" }]"#,
            "layer `b`: expected flatten or global_avg_pool before it, got [N, 1, 4, 4]",
        ),
        (
            r#"[{ kind = "conv1d", name = "a", out_channels = 2, kernel_size = 2 }, { kind = "conv2d", name = "b" }, {}]"#,
            "layer `b`: expected images [N, channels, height, width], got [N, 2, 7]",
        ),
        (
            r#"[{ kind = "conv2d", name = "a", out_channels = 2, kernel_size = 2 }, {}]
input_shape = [64]"#,
            "model.input_shape: layer `a`: expected images [channels, height, width], got examples of the shape [64]: \
             [1, 8, 8] would do",
        ),
        (
            r#"[{ kind = "attention", name = "a", num_heads = 1 }, { kind = "select" }, {}]
input_shape = [1, 8, 8]"#,
            "model.input_shape: layer `a`: expected sequences [channels, length], got examples of the shape [1, 8, 8]: \
             [1, 64] would do",
        ),
        (
            r#"[{ kind = "conv2d", out_channels = 2, kernel_size = 2 }, { kind = "flatten" }, { kind = "max_pool", name = "a", kernel_size = 2 }, {}]"#,
            "layer `a`: expected images or sequences, got [N, 98]: put it before what makes vectors",
        ),
        (
            r#"[{ kind = "conv2d", out_channels = 2, kernel_size = 2 }, { kind = "flatten" }, { kind = "global_avg_pool", name = "a" }, {}]"#,
            "layer `a`: expected images or sequences, got [N, 98]: put it before what makes vectors",
        ),
        (
            r#"[{ kind = "max_pool", name = "a" }, {}]"#,
            "layer `a`: expected kernel_size, the extents of a window of [N, 1, 8, 8], got none",
        ),
        (
            r#"[{ kind = "residual", name = "a" }, {}]"#,
            "layer `a`: expected layers in body, whose result is added to its input, got none",
        ),
        (
            r#"[{ kind = "attention", name = "a", num_heads = 1, memory = "b" }, { kind = "select" }, {}]"#,
            "layer `a`: expected memory to be a layer before it that gives a sequence (there is none), got `b`",
        ),
        (
            r#"[{ kind = "conv2d", name = "a", out_channels = 2, kernel_size = 2 }, {}]
input_shape = [1, 7, 8]"#,
            "model.input_shape is [1, 7, 8], but the data has 64 values in an example, of the shape [8, 8]",
        ),
        (
            r#"[{ kind = "conv2d", out_channels = 6, kernel_size = 2 }, { kind = "attention", name = "a", num_heads = 4 }, {}]"#,
            "layer `a`: expected num_heads that divides the features of [N, 49, 6] (1, 2, 3, 6), got 4",
        ),
        (
            r#"[{ kind = "select" }, { kind = "transformer", name = "a", num_heads = 1 }, { kind = "select" }, {}]
input_shape = [4, 16]"#,
            "layer `a`: expected a sequence, as an embedding makes of tokens, got [N, 4]",
        ),
        (
            r#"[{ kind = "rnn", name = "b", hidden_size = 4 }, { kind = "attention", name = "a", num_heads = 2, memory = "c" }, { kind = "select", name = "c" }, {}]"#,
            "layer `a`: expected memory to be a layer before it that gives a sequence (b), got `c`",
        ),
        (
            r#"[{ kind = "rnn", name = "b", hidden_size = 4 }, { kind = "attention", name = "a", num_heads = 2, memory = "b", causal = true }, {}]"#,
            "layer `a`: its memory has positions of its own, of which causal says nothing: leave one out",
        ),
        (
            r#"[{ kind = "lstm", name = "a", num_layers = 2 }, {}]"#,
            "layer `a`: expected hidden_size, the width of what it makes of each position of [N, 8, 8]",
        ),
        (
            r#"[{ out_features = 6 }, { kind = "unflatten", name = "a", unflattened_size = [2, 4] }, {}]"#,
            "layer `a`: expected unflattened_size whose product is the features of [N, 6], got [2, 4]",
        ),
        (
            r#"[{ kind = "gru", name = "a", hidden_size = 5 }, { out_features = 3 }]"#,
            "gives [N, 8, 3], and the data want [N, 10]",
        ),
        (
            r#"[{ kind = "select" }, { kind = "rnn", name = "a", hidden_size = 5 }, { kind = "select" }, {}]
input_shape = [4, 16]"#,
            "layer `a`: expected a sequence, as an embedding makes of tokens, got [N, 4]",
        ),
        (
            r#"[{ kind = "conv_transpose2d", out_channels = 3, kernel_size = 5, stride = 5 }, { kind = "lstm", name = "a", hidden_size = 5 }, {}]"#,
            "layer `a`: expected at most 1024 positions, each of which has nodes of its own, got [N, 1600, 3]",
        ),
        (
            r#"[{ kind = "conv_transpose2d", name = "a", out_channels = 2, kernel_size = 2, stride = 2, output_padding = [1, 2] }, {}]"#,
            "layer `a`: expected an output_padding below the stride of [2, 2], got [1, 2]",
        ),
        (
            r#"[{ kind = "conv_transpose2d", name = "a", out_channels = 2, kernel_size = 1, padding = 4 }, {}]"#,
            "layer `a`: a padding of [4, 4] takes away all that it makes of [N, 1, 8, 8]",
        ),
        (
            r#"[{ kind = "conv_transpose2d", name = "a", out_channels = 2, kernel_size = 3, padding = "same" }, {}]"#,
            "layer `a`: expected a padding of a number of positions, got a word",
        ),
        (
            r#"[{ out_features = 3 }, { name = "a", out_features = 7 }]"#,
            "the last layer, `a`, gives [N, 7], and the data want [N, 10]",
        ),
    ] {
        let sweep = experiment(&format!("layers = {layers}")).and_then(Sweep::new);
        let message = sweep.and_then(|sweep| run(&sweep)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// Cases of `tests/reference/make_layers.py`, with what single precision may be off by.
const CASES: [(&str, &str, f64); 9] = [
    ("layer_norm", r#"[{ kind = "layer_norm", name = "m" }]"#, 5e-5),
    ("layer_norm_plain", r#"[{ kind = "layer_norm", name = "m", eps = 0.01, bias = false }]"#, 5e-5),
    // Deviations of 0.01 about 100, of which single precision holds three digits.
    ("layer_norm_far", r#"[{ kind = "layer_norm", name = "m" }]"#, 5e-3),
    ("rms_norm", r#"[{ kind = "rms_norm", name = "m" }]"#, 5e-5),
    ("group_norm", r#"[{ kind = "group_norm", name = "m", num_groups = 2 }]"#, 5e-5),
    ("batch_norm", r#"[{ kind = "batch_norm", name = "m" }]"#, 5e-5),
    ("batch_norm_of_two", r#"[{ kind = "batch_norm", name = "m", eps = 0.001, momentum = 0.3 }]"#, 5e-5),
    (
        "residual",
        r#"[{ kind = "residual", name = "m", activation = "relu", body = [
            { name = "fc", out_features = 6, activation = "tanh" }, { kind = "layer_norm", name = "norm" }] }]"#,
        5e-5,
    ),
    (
        "tokens",
        r#"[
            { kind = "embedding", name = "embedding", num_embeddings = 7, embedding_dim = 6 },
            { kind = "layer_norm", name = "ln" },
            { kind = "group_norm", name = "gn", num_groups = 2 },
            { kind = "batch_norm", name = "bn" },
            { kind = "flatten" },
        ]"#,
        5e-5,
    ),
];

/// Cases of convolutions and pools, each flattened.
const CONVOLUTIONS: [(&str, &str); 21] = [
    ("conv_1", r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = 1 }"#),
    ("conv_3", r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = 3 }"#),
    ("conv_same", r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = 3, padding = "same" }"#),
    ("conv_same_even", r#"{ kind = "conv2d", name = "m", out_channels = 3, kernel_size = [2, 4], padding = "same" }"#),
    ("conv_stride", r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 }"#),
    (
        "conv_strides",
        r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = [3, 2], stride = [2, 1], padding = [0, 1] }"#,
    ),
    (
        "conv_dilated",
        r#"{ kind = "conv2d", name = "m", out_channels = 2, kernel_size = 3, dilation = 2, padding = 2 }"#,
    ),
    (
        "conv_dilated_same",
        r#"{ kind = "conv2d", name = "m", out_channels = 3, kernel_size = 3, dilation = [1, 2], padding = "same" }"#,
    ),
    ("conv_groups", r#"{ kind = "conv2d", name = "m", out_channels = 6, kernel_size = 3, groups = 2, padding = 1 }"#),
    (
        "conv_depthwise",
        r#"{ kind = "conv2d", name = "m", out_channels = 4, kernel_size = 3, groups = 4, padding = 1, stride = 2 }"#,
    ),
    ("conv_depthwise_twice", r#"{ kind = "conv2d", name = "m", out_channels = 6, kernel_size = [3, 1], groups = 3 }"#),
    ("conv_plain", r#"{ kind = "conv2d", name = "m", out_channels = 3, kernel_size = 5, padding = 2, bias = false }"#),
    ("max_pool", r#"{ kind = "max_pool", kernel_size = 2 }"#),
    ("max_pool_ties", r#"{ kind = "max_pool", kernel_size = 3, stride = 2, padding = 1 }"#),
    ("max_pool_dilated", r#"{ kind = "max_pool", kernel_size = [3, 2], stride = 1, padding = 1, dilation = [2, 1] }"#),
    ("avg_pool", r#"{ kind = "avg_pool", kernel_size = 2 }"#),
    ("avg_pool_padded", r#"{ kind = "avg_pool", kernel_size = 3, stride = [1, 2], padding = 1 }"#),
    ("global_avg_pool", r#"{ kind = "global_avg_pool" }"#),
    (
        "cnn",
        r#"
        { kind = "conv2d", name = "conv", out_channels = 4, kernel_size = 3, padding = "same", bias = false },
        { kind = "batch_norm", name = "bn", activation = "tanh" },
        { kind = "residual", name = "block", body = [
            { kind = "conv2d", name = "conv", out_channels = 4, kernel_size = 3, padding = 1, bias = false },
            { kind = "batch_norm", name = "bn" },
        ] },
        { kind = "group_norm", name = "gn", num_groups = 2 },
        { kind = "max_pool", kernel_size = 2 },
        { kind = "flatten" },
        { name = "head", out_features = 3 }"#,
    ),
    ("conv1d", r#"{ kind = "conv1d", name = "m", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 }"#),
    (
        "conv1d_pooled",
        r#"
        { kind = "conv1d", name = "m", out_channels = 6, kernel_size = 3, dilation = 2, groups = 2, padding = "same" },
        { kind = "max_pool", kernel_size = 2 }"#,
    ),
];

#[test]
fn convolutions_pools_and_their_gradients_are_those_of_pytorch() {
    let cases = CONVOLUTIONS.map(|(name, layers)| (name, format!("[{layers}, {{ kind = \"flatten\" }}]"), 5e-5));
    are_those_of_pytorch("../reference/convolutions", cases.iter().map(|(n, l, t)| (*n, l.as_str(), *t)));
}

/// Cases of attention and what goes with it.
const TRANSFORMERS: [(&str, &str); 10] = [
    ("attention", r#"[{ kind = "attention", name = "m", num_heads = 2 }, { kind = "flatten" }]"#),
    (
        "attention_causal",
        r#"[{ kind = "attention", name = "m", num_heads = 3, causal = true, bias = false }, { kind = "flatten" }]"#,
    ),
    ("attention_one_head", r#"[{ kind = "attention", name = "m", num_heads = 1 }, { kind = "select" }]"#),
    (
        "transformer",
        r#"[{ kind = "transformer", name = "m", num_heads = 2, dim_feedforward = 10 }, { kind = "flatten" }]"#,
    ),
    (
        "transformers_before",
        r#"[
            { kind = "transformer", name = "m", num_heads = 3, dim_feedforward = 8, norm_first = true, causal = true,
              activation = "gelu", repeat = 2 },
            { kind = "flatten" },
        ]"#,
    ),
    (
        "words",
        r#"[
            { kind = "embedding", name = "embedding", num_embeddings = 7, embedding_dim = 6 },
            { kind = "positions", name = "pos" },
            { kind = "transformer", name = "block", num_heads = 2, dim_feedforward = 8, norm_first = true },
            { kind = "select", pooling = "last" },
        ]"#,
    ),
    (
        "across",
        r#"[
            { kind = "conv1d", name = "seen", out_channels = 6, kernel_size = 3 },
            { kind = "conv1d", name = "asking", out_channels = 6, kernel_size = 2 },
            { kind = "attention", name = "m", num_heads = 2, memory = "seen" },
            { kind = "flatten" },
        ]"#,
    ),
    (
        "across_features",
        r#"[
            { kind = "conv1d", name = "seen", out_channels = 6, kernel_size = 3 },
            { kind = "conv1d", name = "asking", out_channels = 4, kernel_size = 2 },
            { kind = "attention", name = "m", num_heads = 2, memory = "seen", bias = false },
            { kind = "flatten" },
        ]"#,
    ),
    (
        "decoder",
        r#"[
            { kind = "conv1d", name = "seen", out_channels = 5, kernel_size = 3 },
            { kind = "conv1d", name = "asking", out_channels = 6, kernel_size = 2 },
            { kind = "transformer", name = "m", num_heads = 3, dim_feedforward = 8, causal = true, memory = "seen", repeat = 2 },
            { kind = "flatten" },
        ]"#,
    ),
    (
        "sines",
        r#"[
            { kind = "positions", encoding = "sinusoidal" },
            { kind = "dense", name = "m", out_features = 4 },
            { kind = "flatten" },
        ]"#,
    ),
];

/// Cases of recurrent layers.
const RECURRENT: [(&str, &str); 10] = [
    ("rnn", r#"[{ kind = "rnn", name = "m", hidden_size = 4 }, { kind = "flatten" }]"#),
    (
        "rnn_relu",
        r#"[
            { kind = "rnn", name = "m", hidden_size = 5, num_layers = 2, nonlinearity = "relu", bias = false },
            { kind = "flatten" },
        ]"#,
    ),
    ("gru", r#"[{ kind = "gru", name = "m", hidden_size = 4 }, { kind = "flatten" }]"#),
    (
        "gru_plain",
        r#"[{ kind = "gru", name = "m", hidden_size = 3, bias = false }, { kind = "select", pooling = "last" }]"#,
    ),
    (
        "gru_stacked",
        r#"[{ kind = "gru", name = "m", hidden_size = 3, num_layers = 2, bidirectional = true }, { kind = "flatten" }]"#,
    ),
    ("lstm", r#"[{ kind = "lstm", name = "m", hidden_size = 4 }, { kind = "flatten" }]"#),
    (
        "lstm_last",
        r#"[{ kind = "lstm", name = "m", hidden_size = 4, num_layers = 2 }, { kind = "select", pooling = "last" }]"#,
    ),
    (
        "lstm_both",
        r#"[{ kind = "lstm", name = "m", hidden_size = 3, bidirectional = true, bias = false }, { kind = "flatten" }]"#,
    ),
    ("lstm_one", r#"[{ kind = "lstm", name = "m", hidden_size = 4 }, { kind = "flatten" }]"#),
    (
        "remembered",
        r#"[
            { kind = "embedding", name = "embedding", num_embeddings = 7, embedding_dim = 5 },
            { kind = "gru", name = "gru", hidden_size = 4 },
            { kind = "lstm", name = "lstm", hidden_size = 4 },
            { kind = "select" },
            { name = "head", out_features = 3 },
        ]"#,
    ),
];

#[test]
fn recurrent_layers_and_their_gradients_are_those_of_pytorch() {
    let cases = RECURRENT.map(|(name, layers)| (name, layers, 5e-5));
    are_those_of_pytorch("../reference/recurrent", cases);
}

/// Cases of transposed convolutions, each flattened.
const TRANSPOSED: [(&str, &str); 6] = [
    ("transposed", "out_channels = 4, kernel_size = 3"),
    ("transposed_stride", "out_channels = 2, kernel_size = 3, stride = 2, padding = 1, output_padding = 1"),
    (
        "transposed_sides",
        "out_channels = 3, kernel_size = [2, 4], stride = [3, 2], padding = [0, 1], output_padding = [2, 0], bias = false",
    ),
    ("transposed_dilated", "out_channels = 3, kernel_size = [3, 2], dilation = [1, 2], padding = 1"),
    ("transposed_groups", "out_channels = 6, kernel_size = 3, groups = 2, stride = 2"),
    ("transposed_depthwise", "out_channels = 3, kernel_size = 2, groups = 3, stride = 2"),
];

#[test]
fn transposed_convolutions_and_their_gradients_are_those_of_pytorch() {
    let layers = |keys| format!(r#"[{{ kind = "conv_transpose2d", name = "m", {keys} }}, {{ kind = "flatten" }}]"#);
    let cases = TRANSPOSED.map(|(name, keys)| (name, layers(keys), 5e-5));
    are_those_of_pytorch("../reference/transposed", cases);
}

#[test]
fn attention_transformers_and_their_gradients_are_those_of_pytorch() {
    let cases = TRANSFORMERS.map(|(name, layers)| (name, layers, 5e-5));
    are_those_of_pytorch("../reference/transformers", cases);
}

/// What comes after a position changes nothing at it, bit for bit.
#[test]
fn causal_attention_does_not_look_ahead() {
    let layers = r#"[{ kind = "transformer", num_heads = 2, causal = true, repeat = 2 }, { kind = "flatten" }]"#;
    let layers = Experiment::from_toml(&format!("model.layers = {layers}"), "causal").unwrap().model.layers;
    let (length, features, changed) = (6, 8, 4);
    let mut g = Graph::new();
    let net = declare(&mut g, &layers, &[features, length], length * features, &Common::default()).unwrap();
    let values =
        |from: u32| (0..48).map(|i| isogram::kernels::random::uniform(from, 1, 0, i) - 0.5).collect::<Vec<_>>();
    let mut other = values(1);
    (0..features).for_each(|feature| other[feature * length + changed] += 1.0);
    let mut outputs = Vec::new();
    for (name, x) in [("one", values(1)), ("other", other)] {
        let x = g.data(x, &[1, length * features]).unwrap();
        let y = net.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
        outputs.push(Effect::Output(name.into(), y));
    }
    let functions = [Function::new("f", outputs)];
    for (on, mut machine) in support::machines(&g, &functions, 1) {
        for (i, parameter) in net.parameters().into_iter().enumerate() {
            let info = g.variable_info(g.variable_of(parameter).unwrap());
            let count = info.shape.extents().iter().product::<usize>() as u32;
            let drawn =
                (0..count).map(|e| isogram::kernels::random::uniform(7, i as u32, 0, e) - 0.5).collect::<Vec<_>>();
            machine.write_variable(&info.name, &drawn).unwrap();
        }
        machine.run("f", 1).unwrap();
        let [one, other] = ["one", "other"].map(|name| machine.read_output(name).unwrap());
        let (before, after) = (changed * features, other.len());
        assert!(one[..before].iter().zip(&other[..before]).all(|(a, b)| a.to_bits() == b.to_bits()), "{on}");
        assert!((before..after).any(|i| one[i] != other[i]), "{on}");
    }
}

#[test]
fn layers_and_their_gradients_and_buffers_are_those_of_pytorch() {
    are_those_of_pytorch("../reference/layers", CASES);
}

/// Output, gradients, buffers and evaluation of cases of a file, each with what single precision may be off by.
fn are_those_of_pytorch(file: &str, cases: impl IntoIterator<Item = (&'static str, impl AsRef<str>, f64)>) {
    let f = Fixture::load(file);
    for (name, layers, tolerance) in cases {
        let layers = layers.as_ref();
        let layers = Experiment::from_toml(&format!("model.layers = {layers}"), name).unwrap().model.layers;
        let key = |what: &str| format!("{name}/{what}");
        let (extents, [_, outputs]) = (f.extents(&key("x")), f.shape(&key("y")));
        let mut g = Graph::new();
        let common = Common { bias: true, ..Common::default() };
        let net = declare(&mut g, &layers, &extents[1..], outputs, &common).unwrap();
        let named = |g: &Graph, list: Vec<Tensor>| -> Vec<(Tensor, String)> {
            let name = |t| g.variable_info(g.variable_of(t).unwrap()).name.clone();
            list.into_iter().map(|t| (t, name(t))).collect()
        };
        let (mut wrt, buffers) = (named(&g, net.parameters()), named(&g, net.buffers()));
        let given: Vec<String> = wrt.iter().chain(&buffers).map(|(_, name)| name.clone()).collect();
        let x = f.data(&mut g, &key("x"));
        let tokens = ["tokens", "words", "remembered"].contains(&name);
        if !tokens {
            wrt.push((x, "x".into()));
        }
        let mut pass = training(&mut g);
        let y = net.forward(&mut g, x, &mut pass).unwrap();
        assert_eq!(pass.updates.len(), buffers.len());
        let upstream = f.data(&mut g, &key("upstream"));
        let inputs: Vec<Tensor> = wrt.iter().map(|(t, _)| *t).collect();
        let gradients = g.gradients_from(y, upstream, &inputs).unwrap();
        let mut outputs = vec![Effect::Output("y".into(), y)];
        outputs.extend(wrt.iter().zip(gradients).map(|((_, name), d)| Effect::Output(format!("d.{name}"), d)));
        let evaluated = net.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
        let mut functions = vec![
            Function::new("train", outputs),
            Function::new("evaluate", vec![Effect::Output("evaluated".into(), evaluated)]),
        ];
        let batches: [fn(f32) -> f32; 3] = match tokens {
            true => [|x| x, |x| 6.0 - x, |x| x],
            false => [|x| x, |x| x / 2.0 + 1.0, |x| -x],
        };
        for (i, batch) in batches.into_iter().enumerate().filter(|_| !buffers.is_empty()) {
            let values = f.f32(&key("x")).into_iter().map(batch).collect();
            let x = g.data(values, &f.shape(&key("x"))).unwrap();
            let mut pass = training(&mut g);
            net.forward(&mut g, x, &mut pass).unwrap();
            let effects = pass.updates.iter().map(|u| Effect::Assign(u.variable, u.new)).collect();
            functions.push(Function::new(format!("batch {i}"), effects));
        }
        for (on, mut machine) in support::machines(&g, &functions, 1) {
            let what = |of: &str| format!("{name} {of} on {on}");
            for name in &given {
                machine.write_variable(name, &f.f32(&key(name))).unwrap();
            }
            machine.run("train", 1).unwrap();
            for output in wrt.iter().map(|(_, name)| format!("d.{name}")).chain(["y".into()]) {
                // A gradient that vanishes, as that of a shift before a batch norm, is rounding in both precisions.
                let exact = f.get(&key(&output));
                let scale = exact.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                let allowed = if scale < 1e-9 { 1e-4 } else { tolerance * scale };
                within(&what(&output), &machine.read_output(&output).unwrap(), exact, |_| allowed);
            }
            for function in functions.iter().filter(|function| function.name.starts_with("batch")) {
                machine.run(&function.name, 1).unwrap();
            }
            for (_, buffer) in &buffers {
                let after = f.get(&key(&format!("after.{buffer}")));
                close(&what(buffer), &machine.read_variable(buffer).unwrap(), after, tolerance);
            }
            machine.run("evaluate", 1).unwrap();
            close(&what("evaluated"), &machine.read_output("evaluated").unwrap(), f.get(&key("evaluated")), tolerance);
        }
    }
}

const BLOCKS: &str = r#"layers = [
    { kind = "dense", name = "fc1", out_features = 8 },
    { kind = "batch_norm", name = "bn1", activation = "relu" },
    { kind = "residual", name = "block", body = [
        { name = "fc", out_features = 8, activation = "relu" },
        { kind = "layer_norm", name = "norm" },
    ] },
    { kind = "dense", name = "head" },
]"#;

#[test]
fn files_have_what_a_state_dict_has_and_networks_start_from_them() {
    let e = experiment(BLOCKS).unwrap();
    let summary = run(&Sweep::new(e.clone()).unwrap()).unwrap();
    let of_first = |name: &str| name.strip_prefix("0/").map(str::to_owned);
    let shapes = summary.parameters.iter().filter_map(|(name, shape, _)| Some((of_first(name)?, shape.clone())));
    let mut shapes: Vec<(String, Vec<usize>)> = shapes.collect();
    shapes.sort();
    let expected: [(&str, &[usize]); 13] = [
        ("block.fc.bias", &[8]),
        ("block.fc.weight", &[8, 8]),
        ("block.norm.bias", &[8]),
        ("block.norm.weight", &[8]),
        ("bn1.bias", &[8]),
        ("bn1.num_batches_tracked", &[]),
        ("bn1.running_mean", &[8]),
        ("bn1.running_var", &[8]),
        ("bn1.weight", &[8]),
        ("fc1.bias", &[8]),
        ("fc1.weight", &[8, 64]),
        ("head.bias", &[10]),
        ("head.weight", &[10, 8]),
    ];
    assert_eq!(shapes, expected.map(|(name, shape)| (name.to_owned(), shape.to_vec())));
    let of = |name: &str| &summary.parameters.iter().find(|(n, ..)| n == name).unwrap().2;
    assert_eq!(of("0/bn1.num_batches_tracked"), &[20.0]);
    assert!(of("0/bn1.running_var").iter().all(|&v| v > 0.0 && v != 1.0));
    // A network that starts from what another became is seen as that one was.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start.safetensors");
    let own = summary.parameters.iter().filter_map(|(name, s, v)| Some((of_first(name)?, s.clone(), v.clone())));
    isogram::data::write_safetensors(&path, &own.collect::<Vec<_>>(), &[]).unwrap();
    let mut again = e;
    again.model.init_from = Some(path);
    let again = run(&Sweep::new(again).unwrap()).unwrap();
    assert_eq!(again.values("loss", 0)[0].to_bits(), summary.values("loss", 20)[0].to_bits());
}

const IMAGES: &str = r#"layers = [
    { kind = "conv2d", name = "conv1", out_channels = 6, kernel_size = 3, padding = "same", activation = "relu" },
    { kind = "max_pool", name = "pool1", kernel_size = 2 },
    { kind = "conv2d", name = "conv2", out_channels = 8, kernel_size = 3, groups = 2, bias = false },
    { kind = "batch_norm", name = "bn2", activation = "relu" },
    { kind = "flatten" },
    { name = "head" },
]"#;

#[test]
fn convolutions_learn_digits_and_their_files_are_pytorch_s() {
    let mut e = experiment(IMAGES).unwrap();
    (e.steps, e.optimiser.lr) = (60, 0.1);
    let sweep = Sweep::new(e.clone()).unwrap();
    let summary = run(&sweep).unwrap();
    let accuracies = summary.values("accuracy", 60);
    assert!(accuracies.iter().all(|&a| a > 0.5), "{accuracies:?}");
    assert_eq!(summary.manifest.layers, ["layers.0", "layers.1", "layers.2", "layers.3", "layers.4"]);
    let shape = |name: &str| summary.parameters.iter().find(|(n, ..)| n == name).map(|(_, shape, _)| shape.clone());
    assert_eq!(shape("0/conv1.weight"), Some(vec![6, 1, 3, 3]));
    assert_eq!(shape("1/conv1.bias"), Some(vec![6]));
    assert_eq!(shape("0/conv2.weight"), Some(vec![8, 3, 3, 3]));
    assert_eq!(shape("0/head.weight"), Some(vec![10, 32]));
    assert!(bits(&interrupted(&sweep)) == bits(&summary));
    // The same alone as in company.
    e.seeds = Experiment::from_toml("seeds = 1", "alone.toml").unwrap().seeds;
    let alone = run(&Sweep::new(e).unwrap()).unwrap();
    assert_eq!(alone.values("loss", 60)[0].to_bits(), summary.values("loss", 60)[0].to_bits());
}

#[test]
fn recurrent_layers_learn_digits_and_their_files_are_pytorch_s() {
    let layers = r#"layers = [
        { kind = "lstm", name = "lstm", hidden_size = 16 },
        { kind = "gru", name = "gru", hidden_size = 8, bidirectional = true },
        { kind = "select", pooling = "last" },
        { name = "head" },
    ]"#;
    let mut e = experiment(layers).unwrap();
    (e.steps, e.optimiser.lr) = (60, 0.03);
    let sweep = Sweep::new(e.clone()).unwrap();
    let summary = run(&sweep).unwrap();
    let accuracies = summary.values("accuracy", 60);
    assert!(accuracies.iter().all(|&a| a > 0.4), "{accuracies:?}");
    let own: Vec<_> =
        summary.parameters.iter().filter_map(|(name, s, v)| Some((name.strip_prefix("0/")?, s, v))).collect();
    let mut shapes: Vec<(&str, &[usize])> = own.iter().map(|(name, shape, _)| (*name, shape.as_slice())).collect();
    shapes.sort_unstable();
    let expected: [(&str, &[usize]); 14] = [
        ("gru.bias_hh_l0", &[24]),
        ("gru.bias_hh_l0_reverse", &[24]),
        ("gru.bias_ih_l0", &[24]),
        ("gru.bias_ih_l0_reverse", &[24]),
        ("gru.weight_hh_l0", &[24, 8]),
        ("gru.weight_hh_l0_reverse", &[24, 8]),
        ("gru.weight_ih_l0", &[24, 16]),
        ("gru.weight_ih_l0_reverse", &[24, 16]),
        ("head.bias", &[10]),
        ("head.weight", &[10, 16]),
        ("lstm.bias_hh_l0", &[64]),
        ("lstm.bias_ih_l0", &[64]),
        ("lstm.weight_hh_l0", &[64, 16]),
        ("lstm.weight_ih_l0", &[64, 8]),
    ];
    assert_eq!(shapes, expected);
    assert!(bits(&interrupted(&sweep)) == bits(&summary));
    // A network that starts from what another became is seen as that one was; one that starts afresh is drawn as in PyTorch.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start.safetensors");
    let own: Vec<_> = own.into_iter().map(|(name, s, v)| (name.to_owned(), s.clone(), v.clone())).collect();
    isogram::data::write_safetensors(&path, &own, &[]).unwrap();
    let mut again = e.clone();
    again.model.init_from = Some(path);
    let again = run(&Sweep::new(again).unwrap()).unwrap();
    assert_eq!(again.values("loss", 0)[0].to_bits(), summary.values("loss", 60)[0].to_bits());
    (e.steps, e.optimiser.lr) = (8, 0.0);
    for (name, _, values) in run(&Sweep::new(e).unwrap()).unwrap().parameters {
        let bound = 1.0 / if name.contains("gru") { 8f32.sqrt() } else { 4.0 };
        let most = values.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        assert!(name.contains("head") || most <= bound && most > 0.8 * bound, "{name}: {most} for {bound}");
    }
}

#[test]
fn the_gradients_of_weights_at_all_positions_are_one_product() {
    let settings = "model.preset = \"lstm\"\nmodel.width = 8\nmodel.input_shape = [LENGTH]\ndata.source = \"digits\"\nbatch.size = 8";
    let of = |length: usize| {
        let e = Experiment::from_toml(&settings.replace("LENGTH", "64"), "lstm.toml").unwrap();
        let mut g = Graph::new();
        let net = declare(&mut g, e.model.network().as_ref(), &[length], 10, &Common::default()).unwrap();
        let x = g.data(vec![0.5; 8 * length], &[8, length]).unwrap();
        let y = net.forward(&mut g, x, &mut Pass::evaluate()).unwrap();
        let loss = g.mean_all(y).unwrap();
        let gradients = g.gradients(loss, &net.parameters()).unwrap();
        let outputs = gradients.into_iter().enumerate().map(|(i, d)| Effect::Output(format!("d{i}"), d)).collect();
        let functions = [Function::new("f", outputs)];
        let plan = isogram::graph::lower(&g, &functions, 2, &isogram::gpu::Profile::processor()).unwrap();
        let dispatches = &plan.functions[plan.function("f").unwrap()].dispatches;
        let products = dispatches.iter().filter(|d| d.kernel.name().starts_with("matmul_TN")).count();
        (dispatches.len(), products)
    };
    let [short, long] = [8, 64].map(of);
    // Of the inputs' weight, of the states', of the head's.
    assert_eq!([short.1, long.1], [3, 3]);
    assert!((long.0 - short.0).is_multiple_of(56) && (long.0 - short.0) / 56 <= 8, "{short:?} {long:?}");
}

/// A run that is stopped twice, between checkpoints, and continued.
fn interrupted(sweep: &Sweep) -> Summary {
    struct Stop(Interrupt, u32);
    impl Progress for Stop {
        fn steps(&mut self, done: u32, _: u32, _: Option<f64>) {
            if done >= self.1 {
                self.0.ask();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let out = Some(folder.path().join("run"));
    for stop in [4, 12] {
        let options = Options { out: out.clone(), resume: stop > 4, ..options() };
        let stopped = sweep.run(&options, &mut Stop(options.interrupt.clone(), stop));
        assert!(matches!(stopped, Err(isogram::Error::Interrupted { step }) if step == u64::from(stop)));
    }
    sweep.run(&Options { out, resume: true, ..options() }, &mut Quiet).unwrap()
}

#[test]
fn running_statistics_resume_to_the_same_bits() {
    let sweep = Sweep::new(experiment(BLOCKS).unwrap()).unwrap();
    let resumed = interrupted(&sweep);
    assert_eq!(resumed.resumed_from, Some(12));
    assert!(resumed.parameters.iter().any(|(name, ..)| name == "1/bn1.running_var"));
    assert!(bits(&resumed) == bits(&run(&sweep).unwrap()));
}

#[test]
fn layers_of_a_body_are_swept_by_name() {
    let text = SETTINGS.replace("[model]\n", &format!("[model]\n{BLOCKS}\n"));
    let text = text + "[sweep]\n\"model.layers.block.norm.eps\" = [1e-5, 1e-1]\n";
    let summary = run(&Sweep::new(Experiment::from_toml(&text, "swept.toml").unwrap()).unwrap()).unwrap();
    let losses = summary.values("loss", 20);
    assert_eq!(losses.len(), 4);
    assert!(losses[0] != losses[2] && losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
}

//! `docs/experiments.md`, written from the doc comments of the settings.

use std::fmt::Write;

use serde_json::Value as Json;

use super::{
    After, Align, Experiment, Feature, LayerSettings, Network, Stage, builtins, fields,
    schema::{self, Shape},
};

const INTRODUCTION: &str = "\
# Experiments

<!-- Written by `config::documentation` from the source; change it there. -->

An experiment is one TOML file. Every key has a default, so an empty file is an experiment too. Unknown keys are
refused, with the nearest known name. `--set key=value` overrides a key from the command line
(`--set optimiser.lr=0.01`); a key set that way is no longer swept. `optimizer`, `normalize` and `initializer` are
accepted for `optimiser`, `normalise` and `init`.
";

/// What the table of keys cannot show of data that are declared.
const FEATURES: &str = "\
## Data made of features

With `source = \"features\"` nothing is read: the file says what an example is made of, and each replica makes its own
examples where it is trained, by its own seed (or all share those of `data.seed`). Every `[[data.features]]` is a block of
inputs and a label; a network has one output per feature. Here `hard` is the parity of four units, `alike` a second easy
feature whose label is that of `easy` in nine examples of ten, and `rare` is there in a fifth of the training examples:

```toml
[data]
source = \"features\"
distractors = 8

[[data.features]]
name = \"easy\"
function = \"linear\"
balance = \"exact\"

[[data.features]]
name = \"hard\"
function = \"xor_xor_xor\"

[[data.features]]
name = \"alike\"
function = \"linear\"
agrees_with = \"easy\"
agreement = 0.9

[[data.features]]
name = \"rare\"
function = \"and\"
balance = 0.25
presence = 0.2

[loss]
kind = \"bce\"
```

Training, fitting and testing have examples of their own. Counts of labels, of agreements and of absences are exact; which
examples they fall on is random. Given its label, the relevant units of a feature show any pattern with that label, each as
likely. A feature's examples depend on its name, the seed and the number of examples, not on the features beside it. With
`observe.measures = [\"accuracy\"]` the accuracy of each feature is written too, as `accuracy_easy`. What compares replicas
example by example needs `data.seed`, since they have no examples in common otherwise.

What hidden layers hold of the features is measured for all replicas at once, where they train: `variance_explained` and
`substructure` at each layer, `components`, `interventions` and `redundant_labels` at the last one (`observe.measures` above says what
each writes). All are fitted on the fit set and scored on the probe set; the device sums over examples, and what is
decomposed on the host is a matrix of units × units. A value that is not determined (a feature of one value on the fit set, a
classifier whose examples are of one class, a representation that does not vary) is not a number.

Features are learned at different times, and representations go on changing after that: compare them where every feature's
accuracy is as high. How strongly a feature is represented also depends on the learning rate and the number of examples, and a
network with few examples may learn them by heart, and not the function.
";

/// What the table of keys cannot show of features that are seen, or answered in an order.
const FORMS: &str = "\
### Pictures of features

With `form = \"image\"` the labels are made as above, and each example is a picture of one thing: `shows` says what of it each bit of a
feature decides, and what no feature decides is left to chance. Here the colour is easy to see, and `odd` is the exclusive or of where the
thing is and how it is filled. Bits choose halves of lists: red and orange have the label 0. `[data.augment]` changes what a batch shows at
each step, for this and any other source:

```toml
[data]
source = \"features\"
form = \"image\"
seed = 0
normalise = \"channel\"

[data.image]
size = 32
shapes = [\"circle\"]
colours = [\"red\", \"orange\", \"blue\", \"cyan\"]
textures = [\"stripes\", \"dots\"]

[[data.features]]
name = \"colour\"
function = \"linear\"
balance = \"exact\"
shows = [\"colour\"]

[[data.features]]
name = \"odd\"
function = \"xor\"
shows = [\"x\", \"texture\"]

[data.augment]
gaussian_noise = 0.05

[model]
preset = \"resnet8\"

[loss]
kind = \"bce\"

[sweep]
\"data.augment.random_crop\" = [1, 2]
```

### Features that are answered in an order

With `form = \"sequence\"` an example is the sequence of its units, each a token 0 or 1, then 2, then the labels in `output_order` but for the
last; what is learned is the label that comes next, from the 2 on. Networks must not look ahead (`causal`, or a recurrent layer), as
`preset = \"transformer\"` does not. The same blocks with another order of answers are told apart by nothing else:

```toml
[data]
source = \"features\"
form = \"sequence\"
seed = 0
output_order = [\"second\", \"first\"]

[[data.features]]
name = \"first\"
function = \"linear\"
units = 6

[[data.features]]
name = \"second\"
function = \"linear\"
units = 6

[model]
preset = \"transformer\"
```
";

/// What the table of keys cannot show of sequences.
const SEQUENCES: &str = "\
## Sequences of tokens

`source = \"text\"` takes a file of text character by character, `\"tokens\"` whole numbers from arrays or tables: a sequence in each row, or
one long sequence. A network that answers at each position learns the token that follows; `loss` and `accuracy` are means over all
positions of all examples. `preset = \"transformer\"` is such a network, and `num_embeddings` and the width of the output follow from the
data:

```toml
[data]
source = \"text\"
inputs = \"novel.txt\"
sequence_length = 64

[model]
preset = \"transformer\"
width = 64
depth = 2
heads = 4
activation = \"gelu\"
```

The last fifth of a text is held out (`test_fraction`), and no window reaches over the cut. The manifest's notes have the characters in the
order of their tokens. `source = \"sentences\"` needs no file.

Sequences of different lengths are filled up with a token of their own. `padding` says which is never to be predicted, `padding_idx` that layers
do not look at it; a target of -1 in `data.targets` has no loss either (PyTorch's `ignore_index`), and the mean is over those that have
one. Positions here are rotations of queries and keys, of feature i and feature i + half of a head:

```toml
[data]
source = \"tokens\"
inputs = \"sequences.npy\"       # N × T + 1
padding = 0

[[model.layers]]
kind = \"embedding\"
name = \"embedding\"
embedding_dim = 64
padding_idx = 0

[[model.layers]]
kind = \"positions\"
encoding = \"rope\"

[[model.layers]]
kind = \"transformer\"
name = \"layers\"
repeat = 2
num_heads = 4
norm_first = true
causal = true

[[model.layers]]
kind = \"layer_norm\"
name = \"norm\"

[[model.layers]]
name = \"head\"
```

With `labels`, or a `label_column`, a sequence has one class, and `select` or `flatten` comes before the last layer. Rows of numbers are
sequences, too: the digits as 64 pixels one after the other, each of which becomes 32 features, are

```toml
[model]
input_shape = [1, 64]
layers = [
  { kind = \"conv1d\", name = \"pixel\", out_channels = 32, kernel_size = 1 },
  { kind = \"positions\", name = \"positions\" },
  { kind = \"transformer\", name = \"layers\", num_heads = 4, norm_first = true },
  { kind = \"select\", pooling = \"mean\" },
  { kind = \"dense\", name = \"head\" },
]
```

What is observed of a hidden layer are the activations of all positions of an example, side by side.
";

/// What the table of keys cannot show of networks that are lists of layers.
const LAYERS: &str = "\
## Networks layer by layer

`model.layers = [64, 32]` is short for dense layers with `model.activation`, and an output layer. A list of tables says each layer, to
the last:

```toml
[model]
layers = [
  { kind = \"dense\", name = \"fc1\", out_features = 64 },
  { kind = \"batch_norm\", name = \"norm1\", activation = \"relu\" },
  { kind = \"residual\", name = \"block\", body = [
    { kind = \"dense\", name = \"fc\", out_features = 64, activation = \"relu\" },
    { kind = \"layer_norm\", name = \"norm\" },
  ] },
  { kind = \"dense\", name = \"head\" },
]

[observe]
layers = [\"norm1\", \"block\"]

[sweep]
\"model.layers.block.norm.eps\" = [1e-5, 1e-3]
```

Names and shapes in `parameters.safetensors` are those of PyTorch's `state_dict`: `fc1.weight` is 64 × inputs, `norm1.running_mean` and
`block.norm.weight` are vectors of 64; `init_from` takes such a file. Initial weights follow from the seed and a layer's name, so another
name is another network. `[64, 32]` and the list of the three dense layers without names that it stands for give the same bits.
`model.init`, `fan` and `gain` are of dense layers, convolutions (whose fan-in is that of a window) and embeddings; weights of norms start
at 1, their biases at 0. Weight decay reaches all parameters.

Convolutions and pools take images, or sequences, of the shape of the data: of IDX files, arrays and the digits that is known, and
`model.input_shape` says it of rows of numbers. What follows is applied at each position, until `flatten` or `global_avg_pool`:

```toml
[model]
input_shape = [1, 8, 8]
layers = [
  { kind = \"conv2d\", name = \"conv1\", out_channels = 16, kernel_size = 3, padding = \"same\", bias = false },
  { kind = \"batch_norm\", name = \"bn1\", activation = \"relu\" },
  { kind = \"max_pool\", kernel_size = 2 },
  { kind = \"conv2d\", name = \"conv2\", out_channels = 32, kernel_size = 3, groups = 2, activation = \"relu\" },
  { kind = \"global_avg_pool\" },
  { kind = \"dense\", name = \"head\" },
]

[sweep]
\"model.layers.conv1.out_channels\" = [8, 16]
```

`conv1.weight` is 16 × 1 × 3 × 3 in files, and a dense layer after `flatten` has its inputs in the order (channel, row, column), as in
PyTorch. Observers see the activations of all positions of an example as its units, in the order (row, column, channel);
`representations.safetensors` has them as N × channels × rows × columns. Windows of convolutions are nowhere stored; those of pools are,
while they are trained.

Sequences are tokens, by `embedding`, or vectors: of rows of numbers with `model.input_shape = [features, length]`, or the positions of an
image, row by row, after convolutions. Layers are applied at each position, `attention` and `transformer` to all of them, until `select` or
`flatten`:

```toml
[model]
input_shape = [1, 8, 8]
layers = [
  { kind = \"conv2d\", name = \"patches\", out_channels = 32, kernel_size = 2, stride = 2 },
  { kind = \"positions\", name = \"positions\" },
  { kind = \"transformer\", name = \"layers\", repeat = 2, num_heads = 4, norm_first = true, activation = \"gelu\" },
  { kind = \"layer_norm\", name = \"norm\" },
  { kind = \"select\", pooling = \"mean\" },
  { kind = \"dense\", name = \"head\" },
]
```

Parameters of the blocks, `layers.0.self_attn.in_proj_weight` to `layers.1.norm2.bias`, are named and shaped as those of PyTorch's
`nn.TransformerEncoder` are. Values of `attention` and `transformer` are those of PyTorch's modules; a sequence all of whose positions are hidden from one
gives zeros there, where PyTorch's have no number.

Blocks of a residual network project where the shape changes, and repeat. This is the second stage of torchvision's ResNet-18, with
parameters `layer2.0.conv1.weight` to `layer2.1.bn2.bias`, and `layer2.0.downsample.0.weight` and `layer2.0.downsample.1.*` of the projection:

```toml
[[model.layers]]
kind = \"residual\"
name = \"layer2\"
repeat = 2
shortcut = \"projection\"
activation = \"relu\"
body = [
  { kind = \"conv2d\", name = \"conv1\", out_channels = 128, kernel_size = 3, stride = 2, padding = 1, bias = false },
  { kind = \"batch_norm\", name = \"bn1\", activation = \"relu\" },
  { kind = \"conv2d\", name = \"conv2\", out_channels = 128, kernel_size = 3, padding = 1, bias = false },
  { kind = \"batch_norm\", name = \"bn2\" },
]

[[model.layers]]
kind = \"global_avg_pool\"

[[model.layers]]
name = \"fc\"
freeze = true                # stays as it starts
```

`freeze`, `init`, `gain` and `lr_multiplier` are of one layer, or of all that is in a residual one. `init` stands in for `model.init`;
`gain` and `lr_multiplier` are times `model.gain` and `optimiser.lr`, which can still be swept. Weights of norms and biases have no
gain. The learning-rate multiplier reaches decoupled weight decay too, and clipping by norm comes before it.

`model.preset = \"resnet20\"`, with `model.width`, is short for such a list. `isogram plan FILE --model` writes it out, to be pasted in its place; then
its layers can be changed, and swept by name.

Tables and `representations.safetensors` number the hidden layers, as `layers.0`; `layer_names` of `manifest.json` has the names, in
the order of `layers` there, and the report shows both.

### Weights from PyTorch, and back

`safetensors.torch.save_file(net.state_dict(), \"weights.safetensors\")` writes what `model.init_from` reads, if layers have the names of the
modules. A network that is only to be looked at, such as one trained elsewhere, is seen at step 0: this writes what its layers, the
last included, make of images in the order of their file, as `0/0/layers.0` and so on in `representations.safetensors`. An `activation` that
does nothing lets `fc` be seen, which would be the last otherwise.

```toml
steps = 0
seeds = 1
model.init_from = \"weights.safetensors\"
model.layers = [
  { kind = \"conv2d\", name = \"conv1\", out_channels = 16, kernel_size = 3 },
  { kind = \"flatten\" },
  { name = \"fc\", out_features = 10 },
  { kind = \"activation\", function = \"identity\" },
]
save.representations = \"checkpoints\"
batch.size = 2

[data]
source = \"files\"
inputs = \"images.npy\"        # N × channels × rows × columns
labels = \"labels.npy\"
test_inputs = \"images.npy\"   # what is observed
test_labels = \"labels.npy\"
normalise = \"none\"
```

`parameters.safetensors` has the parameters of replica 3 as `3/conv1.weight` and so on:

```python
saved = safetensors.torch.load_file(\"parameters.safetensors\")
net.load_state_dict({name[2:]: value for name, value in saved.items() if name.startswith(\"3/\")}, strict=True)
```

`num_batches_tracked` is a float there, which `load_state_dict` takes; PyTorch uses it only where a batch norm has no momentum.
";

/// What the table of keys cannot show of what each replica draws, and of what is done with trained networks.
const DRAWN: &str = "\
## What each replica draws, and what is done with trained networks

All pairs of numbers below 97, of which each replica is trained on a part of its own, with a part of the labels drawn anew; both parts
are swept, and replicas that differ in them train together. Once they are trained, units are removed by how few frequencies their
weights are made of, and by chance, and the accuracies of `accuracy_train` and on what is held out say what each kind of unit did
(Doshi, Das, He and Gromov 2024):

```toml
[data]
source = \"modular\"
train_fraction = 0.5
corrupted = 0.35

[model]
layers = [500]
activation = \"square\"
bias = false
init = \"normal\"
gain = 0.05

[loss]
kind = \"mse\"

[optimiser]
kind = \"adamw\"
lr = 0.01
beta2 = 0.98

[batch]
mode = \"full\"

[observe]
measures = [\"accuracy\", \"accuracy_train\", \"fourier_ipr\"]

[[after]]
kind = \"prune\"
by = \"fourier_ipr\"
fractions = [0.2, 0.4, 0.6]

[[after]]
kind = \"prune\"
by = \"random\"
fractions = [0.2, 0.4, 0.6]

[sweep]
\"data.corrupted\" = [0.2, 0.35]
\"optimiser.weight_decay\" = [0, 5, 15]
```

Examples of all other sources but `features` and `conditions` can be drawn from in the same way. Which of them a replica is trained on
follows from its seed: with a larger part the examples are the same, and more. Replicas see the probe set alike, so that their
representations can be compared; its loss and accuracy are each replica's own, of what it was not trained on.
";

/// What the tables of keys cannot show of several networks.
const NETWORKS: &str = "\
## Several networks, and layers that are held together

`[[loss.align]]` adds terms to the loss that bring together what two layers make of a batch, by any measure of the catalogue that has a
gradient. `[networks.NAME]` are further networks on the same batches, frozen as a teacher is, or trained beside that of `[model]`. Here
a network without convolutions learns to represent digits as an untrained convolutional one does, for its first 150 steps (after
Subramaniam et al. 2024), beside replicas that do not:

```toml
steps = 600
seeds = 4

[model]
layers = [
  { name = \"fc1\", out_features = 64 },
  { kind = \"batch_norm\", name = \"bn1\", activation = \"relu\" },
  { name = \"fc2\", out_features = 64, activation = \"relu\" },
  { name = \"head\" },
]

[networks.guide]
preset = \"cnn-small\"
width = 8
freeze = true                # stays as it starts; init_from = \"guide.safetensors\" if it was trained

[[loss.align]]
name = \"early\"
of = \"bn1\"
to = \"guide.bn1\"
measure = \"cka:biased\"
weight = 0.5
until = 150

[[loss.align]]
of = \"head\"
to = \"guide.head\"
measure = \"kl\"               # its answers too, where the weight is above 0
weight = 0.0

[observe]
layers = [\"bn1\", \"fc2\", \"guide.bn1\"]
gradients = [\"input\", \"bn1\"]

[sweep]
\"loss.align.early.weight\" = [0.0, 0.5]
\"networks.guide.width\" = [4, 8]
```

A term is one less a similarity, or a distance. It is observed on the probe set, without its weight, as `loss_align_early`, or
`loss_align_1` where it has no name, with `loss` among the measures; `loss`, `loss_train` and `loss_test` are those of the task alone. In
sweeps a term goes by its name or number. Weights and steps are each replica's own, so that replicas with a term and without share a group, and
one whose weight is 0 has the bits that it has without the term. Where a term has no finite gradient, as `procrustes:disparity` of a layer that is
the same for all examples, a replica that has the term diverges.

Activations compared are those of the pass that is trained on, of which masks are drawn once. Measures of batches are not those of sets: `cka:biased` of
few examples and many units is near 1 whatever they are. Distances whose slope is not bounded where two agree
(`procrustes:angular`) are refused, and so is what goes by order (`rsa`, `knn`, kernels with a median width).

A network that is not frozen learns the task as well, with the same optimiser, unless it says `loss = false`; then terms alone move it. In
files its parameters are `NAME.conv1.weight` and so on. Tables number its hidden layers after those of `[model]`; networks of a sweep
must then have one depth.
";

/// The documentation of every key as Markdown: a table per section with type or choices, default and meaning.
pub fn documentation() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut defaults = serde_json::to_value(Experiment::default()).unwrap_or_default();
    // Of a list of sections: those of one.
    defaults["after"] = serde_json::to_value(After::default()).unwrap_or_default();
    defaults["networks"]["NAME"] = serde_json::to_value(Network::default()).unwrap_or_default();
    defaults["loss"]["align"] = serde_json::to_value(Align::default()).unwrap_or_default();
    defaults["stages"] = serde_json::to_value(Stage::default()).unwrap_or_default();
    defaults["data"]["features"] = serde_json::to_value(Feature::default()).unwrap_or_default();
    for (path, _) in fields::SECTIONS {
        if *path == schema::LAYERS {
            defaults["model"]["layers"] = serde_json::to_value(LayerSettings::default()).unwrap_or_default();
        }
        section(&mut page, path, &defaults);
    }
    let sweep = schema::json_schema()["properties"]["sweep"]["description"].as_str().unwrap_or_default();
    let _ = write!(page, "\n## `[sweep]`\n\n{}\n", flow(sweep));
    let _ = write!(page, "\n{LAYERS}\n{SEQUENCES}\n{NETWORKS}\n{FEATURES}\n{FORMS}\n{DRAWN}");
    page.push_str("\n## Built-in experiments\n\n");
    for builtin in builtins() {
        let _ = writeln!(page, "- `{}`: {}", builtin.name, builtin.description);
    }
    page
}

fn section(page: &mut String, path: &str, defaults: &Json) {
    let Some(schema) = schema::section(path) else { return };
    let title = if path.is_empty() { "Top level".to_owned() } else { format!("`{}`", schema::title(path)) };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", flow(schema["description"].as_str().unwrap_or_default()));
    page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    let mut meanings = String::new();
    for key in fields::of_section(path) {
        let property = &schema["properties"][*key];
        let full = schema::join(path, key);
        // Sections have tables of their own.
        let listed = full != schema::LAYERS && fields::SECTIONS.iter().any(|(section, _)| *section == full);
        if listed || matches!(schema::shape(property), Shape::Table) {
            continue;
        }
        let default = defaults.pointer(&format!("/{}", full.replace('.', "/"))).unwrap_or(&Json::Null);
        let default = if default.is_null() { "-".to_owned() } else { format!("`{default}`") };
        let meaning = cell(property["description"].as_str().unwrap_or_default());
        let value = cell(&value(property, &full, &mut meanings));
        let _ = writeln!(page, "| `{key}` | {value} | {default} | {meaning} |");
    }
    page.push_str(&meanings);
}

/// The column of types; the meaning of each choice goes into a list below the table.
fn value(property: &Json, path: &str, meanings: &mut String) -> String {
    let mut explain = |words: &[(&str, &str)]| {
        let _ = write!(meanings, "\n`{path}`:\n");
        for (word, meaning) in words {
            let _ = writeln!(meanings, "- `{word}`: {}", flow(meaning));
        }
    };
    match schema::shape(property) {
        Shape::Choice(words) => {
            explain(&words);
            words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        Shape::List(items, ..) => match schema::shape(items) {
            Shape::Choice(words) => {
                explain(&words);
                "a list of names, see below".into()
            }
            _ => schema::describe(property),
        },
        _ => schema::describe(property),
    }
}

/// A doc comment as one paragraph.
fn flow(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A doc comment inside a table.
fn cell(text: &str) -> String {
    flow(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        if std::env::var_os("ISOGRAM_BLESS").is_some_and(|bless| bless == "1") {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/experiments.md");
            std::fs::write(path, documentation()).unwrap();
            return;
        }
        assert!(
            include_str!("../../docs/experiments.md") == documentation(),
            "docs/experiments.md is behind the source: run the tests once with ISOGRAM_BLESS=1"
        );
    }

    #[test]
    fn the_example_of_features_is_an_experiment() {
        let (_, rest) = FEATURES.split_once("```toml\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let experiment = Experiment::from_toml(text, "example.toml").unwrap();
        assert_eq!(experiment.data.declared().unwrap().inputs(), 4 * 16 + 8);
    }

    #[test]
    fn the_examples_of_forms_are_experiments() {
        let examples = FORMS.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
        let read = examples.map(|text| Experiment::from_toml(text, "example.toml").unwrap().settings().unwrap().len());
        assert_eq!(read.collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn the_example_of_what_is_drawn_is_an_experiment() {
        let (_, rest) = DRAWN.split_once("```toml\n").unwrap();
        let experiment = Experiment::from_toml(rest.split_once("```").unwrap().0, "example.toml").unwrap();
        assert_eq!((experiment.settings().unwrap().len(), experiment.after.len()), (6, 2));
    }

    #[test]
    fn the_example_of_layers_is_an_experiment() {
        let (_, rest) = LAYERS.split_once("```toml\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let settings = Experiment::from_toml(text, "example.toml").unwrap().settings().unwrap();
        assert_eq!(settings[1].experiment.model.layers.hidden(), ["fc1", "norm1", "block"]);
        assert_ne!(settings[0].experiment.model.layers, settings[1].experiment.model.layers);
        // The other examples are read, at least.
        for example in rest.split("```toml\n").skip(1) {
            Experiment::from_toml(example.split_once("```").unwrap().0, "example.toml").unwrap();
        }
        let (_, rest) = rest.split_once("```toml\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let settings = Experiment::from_toml(text, "images.toml").unwrap().settings().unwrap();
        let hidden = ["conv1", "bn1", "layers.2", "conv2", "layers.4"];
        assert_eq!(settings[1].experiment.model.layers.hidden(), hidden);
    }

    #[test]
    fn the_examples_of_sequences_are_experiments() {
        let examples = SEQUENCES.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
        let read = examples.map(|text| Experiment::from_toml(text, "example.toml").unwrap());
        let hidden: Vec<usize> = read.map(|e| e.model.network().hidden().len()).collect();
        assert_eq!(hidden, [4, 4, 4]);
    }

    #[test]
    fn every_key_is_on_it() {
        let page = documentation();
        for path in schema::paths() {
            let key = path.rsplit('.').next().unwrap();
            assert!(page.contains(&format!("| `{key}` | ")), "{path}");
        }
    }
}

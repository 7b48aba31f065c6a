//! A list of layers as settings. Their keys are those of PyTorch's modules.

use std::borrow::Cow;
use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::sequences::{Encoding, Pooling};
use super::sides::{Padding, Sides};
use crate::nn::{Activation, Init};
use crate::settings::{choices, settings};

choices! {
    /// What a layer computes.
    LayerKind {
        /// `x W^T + b`.
        #[default]
        Dense = "dense" ["linear", "fc"],
        /// `function` of each element.
        Activation = "activation",
        /// Elements dropped while training, the rest scaled so that expectations stay. It makes no hidden layer of its own.
        Dropout = "dropout",
        /// The features of each example made to have mean 0 and variance 1, times `weight`, plus `bias` (Ba et al. 2016).
        LayerNorm = "layer_norm" ["layernorm"],
        /// The features of each example over the root of their mean square, times `weight` (Zhang and Sennrich 2019).
        RmsNorm = "rms_norm" ["rmsnorm"],
        /// As `layer_norm`, of each of `num_groups` groups of features by itself (Wu and He 2018).
        GroupNorm = "group_norm" ["groupnorm"],
        /// Each feature made to have mean 0 and variance 1 over the examples of a batch, times `weight`, plus `bias`; when
        /// observed and tested, by the running statistics of the batches trained on, which files have as `running_mean` and
        /// `running_var` (Ioffe and Szegedy 2015).
        BatchNorm = "batch_norm" ["batchnorm", "batch_norm1d", "batchnorm1d", "batch_norm2d", "batchnorm2d"],
        /// The result of the layers in `body`, added to what goes into them, or to its `shortcut` (He et al. 2016).
        Residual = "residual" ["skip", "block"],
        /// All positions of an example side by side, as of `embedding`; of images those of a channel together.
        Flatten = "flatten",
        /// The numbers of an example cut into channels, one after the other: a sequence or an image of the shape `unflattened_size`.
        Unflatten = "unflatten",
        /// The product of each window of an image with each of `out_channels` weights: of `kernel_size`, `stride` apart, its taps
        /// `dilation` apart, with `padding` zeros around the image, and channels in `groups` that do not mix.
        Conv2d = "conv2d" ["conv", "convolution"],
        /// As `conv2d`, of sequences.
        Conv1d = "conv1d",
        /// The adjoint of `conv2d` by its image: each position adds its product with a weight to a window of a larger image, from which
        /// `padding` positions are taken away on each side, and to which `output_padding` are added after it. Files have its weight as
        /// PyTorch's `ConvTranspose2d` does.
        ConvTranspose2d = "conv_transpose2d" ["conv_transpose", "convtranspose2d", "deconvolution", "transposed_convolution"],
        /// The largest of each window, channel by channel; the gradient is of the first that is largest.
        MaxPool = "max_pool" ["maxpool", "max_pool2d", "maxpool2d", "max_pool1d", "maxpool1d"],
        /// The mean of each window, channel by channel, zeros of the padding counted.
        AvgPool = "avg_pool" ["avgpool", "avg_pool2d", "avgpool2d", "avg_pool1d", "avgpool1d"],
        /// The mean of each channel over all positions: a vector.
        GlobalAvgPool = "global_avg_pool" ["global_average_pool", "adaptive_avg_pool2d"],
        /// For each input, a token numbered from 0, a row of `weight`; as the first layer. What follows is applied at each
        /// position, until `flatten`.
        Embedding = "embedding",
        /// What tells positions apart, added to them: see `encoding`.
        Positions = "positions" ["positional_encoding", "position_embedding"],
        /// Each position made of all of its sequence, by as many heads as `num_heads` (Vaswani et al. 2017). Files have its weights as
        /// PyTorch's `MultiheadAttention` does: `in_proj_weight` of queries, keys and values, and `out_proj.weight`; of a `memory` with other
        /// features `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
        Attention = "attention" ["self_attention", "multihead_attention"],
        /// An encoder layer, or `repeat` of them: attention and two dense layers, each with its input added and a norm (Vaswani et al.
        /// 2017). Files have its weights as PyTorch's `TransformerEncoderLayer` does, or with a `memory` its `TransformerDecoderLayer`.
        Transformer = "transformer" ["transformer_encoder_layer", "encoder_layer"],
        /// At each position of a sequence `nonlinearity` of a product with it and one with what was made of the one before (Elman 1990). Its
        /// weights start uniform within ±1 / sqrt(`hidden_size`) times the gain, its biases without it, and files have them as PyTorch's
        /// `RNN` does: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, and so on.
        Rnn = "rnn" ["simple_rnn", "elman"],
        /// As `rnn`, of gated recurrent units (Cho et al. 2014), as in PyTorch.
        Gru = "gru",
        /// As `rnn`, of long short-term memory (Hochreiter and Schmidhuber 1997), as in PyTorch.
        Lstm = "lstm",
        /// Of a sequence a vector: see `pooling`.
        Select = "select" ["pool_sequence"],
    }
}

choices! {
    /// What is added to what the body of a residual layer gives.
    Shortcut {
        /// What goes into the body.
        #[default]
        Identity = "identity",
        /// A convolution of that with windows of 1 × 1 and the strides of the body together, without bias, and a batch norm; of what
        /// is no image a dense layer in place of the convolution. As torchvision names them: `downsample.0`, `downsample.1`.
        Projection = "projection" ["downsample", "conv1x1"],
    }
}

settings! {
    /// A layer of a network that is more than widths. Each is computed from the result of the one before; what all but the last give
    /// are the hidden layers, counted from 0.
    LayerSettings {
        /// What it computes.
        kind: LayerKind = LayerKind::Dense,
        /// Its name, of letters, digits and underscores, by which files, `observe.layers` and sweeps
        /// (`"model.layers.fc1.out_features" = [8, 16]`) call it; by default `layers.` and its place in the list. Its weight is
        /// `<name>.weight` in files.
        name: Option<String> = None,
        /// Width of `dense`. That of the last layer comes from the data.
        #[schemars(range(min = 1, max = 65536))]
        out_features: Option<u32> = None,
        /// Whether `dense`, `layer_norm`, a convolution, `attention`, `transformer` or a recurrent layer has biases; by default
        /// `model.bias`.
        #[schemars(extend("synonyms" = ["use_bias"]))]
        bias: Option<bool> = None,
        /// What follows `dense`, a norm, `residual` or a convolution, by default nothing; and what stands between the dense layers of
        /// `transformer`, by default `model.activation`.
        activation: Option<Activation> = None,
        /// Which function `activation` is; by default `model.activation`.
        function: Option<Activation> = None,
        /// Probability that `dropout` drops an element; by default `model.dropout`.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        p: Option<f64> = None,
        /// Added to the variance in norms; by default 1e-5, and in `rms_norm` 1.19e-7.
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        eps: Option<f64> = None,
        /// Weight of a new batch in the running statistics of `batch_norm`; by default 0.1.
        #[schemars(extend("minimum" = 0.0, "maximum" = 1.0))]
        momentum: Option<f64> = None,
        /// Groups of features of `group_norm`.
        #[schemars(range(min = 1, max = 65536))]
        num_groups: Option<u32> = None,
        /// What `unflatten` makes of an example: `[channels, length]`, or `[channels, height, width]`.
        #[schemars(length(min = 2, max = 3))]
        unflattened_size: Option<Vec<u32>> = None,
        /// Layers of `residual`. In names of files and sweeps theirs follow that of the residual layer: `block.fc1.weight`.
        #[schemars(length(max = 1000))]
        body: Vec<LayerSettings> = Vec::new(),
        /// How many tokens `embedding` knows; by default as many as the network has outputs, at each position, as where it predicts
        /// tokens.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["vocabulary", "vocab_size"]))]
        num_embeddings: Option<u32> = None,
        /// Width of the rows of `embedding`.
        #[schemars(range(min = 1, max = 65536))]
        embedding_dim: Option<u32> = None,
        /// A token of `embedding` that fills sequences up alone: its row starts as zero and is not trained, and no `attention` or
        /// `transformer` looks at it, nor do `mean` and `last` of `select`.
        #[schemars(range(max = 65535))]
        padding_idx: Option<u32> = None,
        /// Channels that a convolution gives.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["filters"]))]
        out_channels: Option<u32> = None,
        /// Extents of a window: a number, or height and width.
        #[schemars(extend("synonyms" = ["kernel", "pool_size"]))]
        kernel_size: Option<Sides> = None,
        /// From one window to the next: a number, or along height and width. By default 1 in a convolution, and `kernel_size` in a
        /// pool.
        #[schemars(extend("synonyms" = ["strides"]))]
        stride: Option<Sides> = None,
        /// Positions added before an image and after it: a number, or along height and width, or `"same"`, which keeps the extents at
        /// a stride of 1; by default none. They are zero, and in `max_pool` below all else.
        padding: Option<Padding> = None,
        /// From one tap of a window to the next: a number, or along height and width; by default 1.
        #[schemars(extend("synonyms" = ["dilation_rate"]))]
        dilation: Option<Sides> = None,
        /// Positions that `conv_transpose2d` gives beyond those that its windows need: a number below its stride, or along height and
        /// width; by default 0.
        output_padding: Option<Sides> = None,
        /// Groups of channels of a convolution, each made of its own alone; by default 1. As many as there are channels is a depthwise
        /// convolution.
        #[schemars(range(min = 1, max = 65536))]
        groups: Option<u32> = None,
        /// What `residual` adds to what its body gives; by default `identity`.
        shortcut: Option<Shortcut> = None,
        /// How often `residual` or `transformer` comes, one after the other, as layers `<name>.0`, `<name>.1` and so on, each with
        /// `activation`. Only the first residual layer has the strides of convolutions in `body`, and a projection. By default once,
        /// with no number in names.
        #[schemars(range(min = 1, max = 1000))]
        repeat: Option<u32> = None,
        /// What `positions` adds; by default `learned`.
        encoding: Option<Encoding> = None,
        /// Positions that `learned` has rows for, of which sequences use the first; by default as many as they have.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["max_len", "max_positions"]))]
        num_positions: Option<u32> = None,
        /// Base of the wavelengths of `sinusoidal` and `rope`; by default 10,000.
        #[schemars(extend("exclusiveMinimum" = 0.0, "synonyms" = ["theta", "rope_base"]))]
        base: Option<f64> = None,
        /// Heads of `attention` and `transformer`, among which features are shared out.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["heads", "n_heads", "nhead"]))]
        num_heads: Option<u32> = None,
        /// Whether positions of `attention` and `transformer` look at themselves and those before alone; by default at all.
        causal: Option<bool> = None,
        /// Name of a layer before it that gives a sequence, which `attention` looks at in place of its own input; `transformer` looks at
        /// both, one after the other, as PyTorch's `TransformerDecoderLayer` does, and only its own is `causal`. Positions of a memory
        /// are not rotated.
        memory: Option<String> = None,
        /// Probability that `attention` drops a weight, `transformer` also a unit of what is added and of what is between its dense
        /// layers, and a recurrent layer of several an element of what one gives to the next; by default 0.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        dropout: Option<f64> = None,
        /// Width between the dense layers of `transformer`; by default four times its features.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["mlp_dim", "d_ff"]))]
        dim_feedforward: Option<u32> = None,
        /// Whether norms of `transformer` come before attention and dense layers (Xiong et al. 2020); by default after the sums.
        #[schemars(extend("synonyms" = ["pre_norm", "pre_ln"]))]
        norm_first: Option<bool> = None,
        /// Width of what `rnn`, `gru` or `lstm` makes of a position, in each direction.
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["hidden_dim", "hidden_units"]))]
        hidden_size: Option<u32> = None,
        /// How many of itself a recurrent layer has one on top of the other; by default 1.
        #[schemars(range(min = 1, max = 1000))]
        num_layers: Option<u32> = None,
        /// Whether a recurrent layer also goes from the last position to the first, and gives what it makes in both directions side by
        /// side; by default forwards alone.
        bidirectional: Option<bool> = None,
        /// Function of `rnn`; by default `tanh`.
        nonlinearity: Option<Activation> = None,
        /// What `select` keeps; by default `mean`.
        pooling: Option<Pooling> = None,
        /// Whether it stays as it starts, as from `model.init_from`: neither its parameters nor its running statistics move, these
        /// are what a batch norm normalises by, and nothing is dropped in it. Of `residual` all that is in it is meant, as with the
        /// keys below.
        #[schemars(extend("synonyms" = ["frozen", "trainable", "requires_grad"]))]
        freeze: Option<bool> = None,
        /// How its weights are drawn; by default `model.init`.
        #[schemars(extend("synonyms" = ["kernel_initializer", "weight_init"]))]
        init: Option<Init> = None,
        /// Factor on its initial weights, beside `model.gain`; by default 1.
        #[schemars(extend("minimum" = 0.0))]
        gain: Option<f64> = None,
        /// What the learning rate is times for its parameters; by default 1. Decoupled weight decay is scaled with it.
        #[schemars(extend("minimum" = 0.0, "synonyms" = ["lr_mult", "lr_scale", "learning_rate_multiplier"]))]
        lr_multiplier: Option<f64> = None,
    }
}

impl LayerKind {
    /// The keys that it has beside `kind`, `name` and [`shared`](Self::shared) ones.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Dense => &["out_features", "bias", "activation"],
            Self::Activation => &["function"],
            Self::Dropout => &["p"],
            Self::LayerNorm => &["eps", "bias", "activation"],
            Self::RmsNorm => &["eps", "activation"],
            Self::GroupNorm => &["num_groups", "eps", "activation"],
            Self::BatchNorm => &["eps", "momentum", "activation"],
            Self::Residual => &["body", "shortcut", "repeat", "activation"],
            Self::Flatten | Self::GlobalAvgPool => &[],
            Self::Unflatten => &["unflattened_size"],
            Self::Embedding => &["num_embeddings", "embedding_dim", "padding_idx"],
            Self::Conv1d | Self::Conv2d => {
                &["out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "activation"]
            }
            Self::ConvTranspose2d => &[
                "out_channels",
                "kernel_size",
                "stride",
                "padding",
                "output_padding",
                "dilation",
                "groups",
                "bias",
                "activation",
            ],
            Self::MaxPool => &["kernel_size", "stride", "padding", "dilation"],
            Self::AvgPool => &["kernel_size", "stride", "padding"],
            Self::Positions => &["encoding", "num_positions", "base"],
            Self::Attention => &["num_heads", "causal", "memory", "dropout", "bias"],
            Self::Transformer => &[
                "num_heads",
                "dim_feedforward",
                "norm_first",
                "causal",
                "memory",
                "activation",
                "dropout",
                "eps",
                "bias",
                "repeat",
            ],
            Self::Rnn => &["hidden_size", "num_layers", "nonlinearity", "bidirectional", "dropout", "bias"],
            Self::Gru | Self::Lstm => &["hidden_size", "num_layers", "bidirectional", "dropout", "bias"],
            Self::Select => &["pooling"],
        }
    }
}

impl LayerKind {
    /// The keys that it has as others have that start and are trained as it is.
    pub const fn shared(self) -> &'static [&'static str] {
        match self {
            Self::Activation
            | Self::Dropout
            | Self::Flatten
            | Self::Unflatten
            | Self::MaxPool
            | Self::AvgPool
            | Self::GlobalAvgPool
            | Self::Select => &[],
            Self::LayerNorm | Self::RmsNorm | Self::GroupNorm | Self::BatchNorm => &["freeze", "lr_multiplier"],
            Self::Embedding | Self::Positions | Self::Rnn | Self::Gru | Self::Lstm => {
                &["freeze", "gain", "lr_multiplier"]
            }
            _ => &["freeze", "init", "gain", "lr_multiplier"],
        }
    }
}

impl LayerSettings {
    /// Its path in the network, at a place of a list: of the network's own, or of that of the layer `above`.
    pub fn path(&self, above: &str, place: usize) -> String {
        match (&self.name, above) {
            (Some(name), "") => name.clone(),
            (None, "") => format!("layers.{place}"),
            (Some(name), _) => format!("{above}.{name}"),
            (None, _) => format!("{above}.{place}"),
        }
    }

    /// Whether what it gives is a hidden layer, unless it is the last.
    pub fn is_hidden(&self) -> bool {
        self.kind != LayerKind::Dropout
    }

    /// Along how many axes it, or what is in its body, has positions, behind a rank: of a list the lowest says what the inputs are, windows
    /// of sequences before those of images, and these before whatever has positions.
    pub(super) fn axes(&self) -> Option<(usize, usize)> {
        match self.kind {
            LayerKind::Conv1d => Some((0, 1)),
            LayerKind::Conv2d | LayerKind::ConvTranspose2d | LayerKind::MaxPool | LayerKind::AvgPool => Some((1, 2)),
            LayerKind::Positions | LayerKind::Attention | LayerKind::Transformer | LayerKind::Select => Some((2, 1)),
            LayerKind::Rnn | LayerKind::Gru | LayerKind::Lstm => Some((2, 1)),
            LayerKind::GlobalAvgPool => Some((3, 2)),
            _ => self.body.iter().filter_map(Self::axes).min(),
        }
    }

    /// Whether any of a list has the model's rate of dropout.
    pub fn any_drops(list: &[Self]) -> bool {
        list.iter().any(|l| l.kind == LayerKind::Dropout && l.p.is_none() || Self::any_drops(&l.body))
    }

    /// What is wrong with it by itself, as a sentence.
    fn check(&self) -> Result<(), String> {
        let (own, plain) = (serde_json::to_value(self), serde_json::to_value(Self::default()));
        let (own, plain) = (own.unwrap_or_default(), plain.unwrap_or_default());
        let keys = [self.kind.keys(), self.kind.shared()].concat();
        let set = |key: &&String| own[*key] != plain[*key] && !["kind", "name"].contains(&key.as_str());
        if let Some(other) =
            own.as_object().into_iter().flat_map(|o| o.keys()).filter(set).find(|k| !keys.contains(&k.as_str()))
        {
            return Err(format!(
                "{} has no `{other}`; its keys are {}",
                self.kind,
                [&["kind", "name"], keys.as_slice()].concat().join(", ")
            ));
        }
        let word = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.kind == LayerKind::Residual && self.body.is_empty() {
            return Err("expected layers in body, whose result is added to its input, got none".into());
        }
        match &self.name {
            Some(name) if !word(name) => Err("expected a name of letters, digits and underscores".into()),
            _ => Ok(()),
        }
    }
}

/// The layers of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "model.layers: expected widths alone or layers alone, got both")]
pub enum Layers {
    /// Widths of hidden layers, all dense, each with the model's activation function; an output layer follows.
    Widths(Vec<u32>),
    /// Each layer, to the last.
    List(Vec<LayerSettings>),
}

impl From<Vec<u32>> for Layers {
    fn from(widths: Vec<u32>) -> Self {
        Self::Widths(widths)
    }
}

impl Layers {
    /// Names of the hidden layers.
    pub fn hidden(&self) -> Vec<String> {
        match self {
            Self::Widths(widths) => (0..widths.len()).map(|i| format!("layers.{i}")).collect(),
            Self::List(list) => {
                let but_last = list.iter().enumerate().take(list.len().saturating_sub(1));
                but_last.filter(|(_, layer)| layer.is_hidden()).map(|(i, layer)| layer.path("", i)).collect()
            }
        }
    }

    /// Names of the hidden layers, and of the last.
    pub fn names(&self) -> Vec<String> {
        let last = match self {
            Self::Widths(widths) => Some(LayerSettings::default().path("", widths.len())),
            Self::List(list) => list.last().map(|layer| layer.path("", list.len() - 1)),
        };
        self.hidden().into_iter().chain(last).collect()
    }

    /// What is wrong with the list, as a sentence.
    ///
    /// # Errors
    /// That sentence, with the layer's name.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Widths(_) => Ok(()),
            Self::List(list) => check(list, ""),
        }
    }
}

fn check(list: &[LayerSettings], above: &str) -> Result<(), String> {
    let mut names = HashSet::new();
    for (place, layer) in list.iter().enumerate() {
        let path = layer.path(above, place);
        layer.check().map_err(|message| format!("layer `{path}`: {message}"))?;
        if !names.insert(path.clone()) {
            return Err(format!("two layers are named `{path}`"));
        }
        if layer.kind == LayerKind::Embedding && (place > 0 || !above.is_empty()) {
            return Err(format!("layer `{path}`: an embedding reads the inputs: expected it as the first layer"));
        }
        check(&layer.body, &path)?;
    }
    Ok(())
}

impl JsonSchema for Layers {
    fn schema_name() -> Cow<'static, str> {
        "Layers".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // A list of either, so that a wrong item is told what it should be.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let layer = generator.subschema_for::<LayerSettings>();
        let width = json_schema!({ "type": "integer", "minimum": 1, "maximum": 65536 });
        json_schema!({ "type": "array", "maxItems": 1000, "items": { "anyOf": [width, layer] } })
    }
}

//! Networks that have names.

use super::{LayerKind, LayerSettings, Padding, Pooling, Shortcut, Sides};
use crate::nn::Activation;
use crate::settings::choices;

choices! {
    /// A network that is short for a list of layers, which `isogram plan --model` writes out.
    Preset {
        /// `depth` hidden dense layers (2) of `width` units (64), each with `model.activation`.
        #[default]
        Mlp = "mlp" ["perceptron"],
        /// `depth` times (2) a convolution of 3 × 3 without bias, batch norm, `model.activation`, and the largest of each 2 × 2; of
        /// `width` channels (16), each time twice as many; then the mean over positions.
        CnnSmall = "cnn-small" ["cnn_small", "cnn", "simple_cnn"],
        /// The residual network of 8 layers for small images (He et al. 2016, section 4.2, n = 1), of `width` channels (16), then
        /// twice and four times as many. Shortcuts are projections where the shape changes.
        Resnet8 = "resnet8" ["resnet_8"],
        /// As `resnet8`, of 20 layers (n = 3).
        Resnet20 = "resnet20" ["resnet_20", "resnet"],
        /// A vision transformer (Dosovitskiy et al. 2021) of patches of 2 × 2: learned positions, `depth` encoder layers (2) of `width`
        /// features (32) and `heads` heads (4, or 2 or 1 of a width that these do not divide) with norms first and `model.activation`, a norm, the mean over
        /// patches.
        VitTiny = "vit-tiny" ["vit_tiny", "vit"],
        /// Long short-term memory of `depth` layers (1) of `width` units (32) and its state at the last position; of images, whose rows
        /// are then channels, column by column.
        Lstm = "lstm",
        /// A language model (Radford et al. 2019): an embedding of tokens, learned positions, `depth` encoder layers (2) of `width`
        /// features (32) and `heads` heads (4, or fewer as in `vit-tiny`) with norms first, `model.activation`, and each position looking at
        /// none after it, a norm, and at each position an output for each token.
        Transformer = "transformer" ["gpt", "decoder", "language_model"],
    }
}

impl Preset {
    /// How many blocks of layers it has if nothing is said; none where its name says it all.
    pub const fn depth(self) -> Option<u32> {
        match self {
            Self::Mlp | Self::CnnSmall | Self::VitTiny | Self::Transformer => Some(2),
            Self::Lstm => Some(1),
            Self::Resnet8 | Self::Resnet20 => None,
        }
    }

    /// Whether it has heads of attention.
    pub const fn has_heads(self) -> bool {
        matches!(self, Self::VitTiny | Self::Transformer)
    }

    /// Its layers.
    pub fn layers(
        self,
        width: Option<u32>,
        depth: Option<u32>,
        heads: Option<u32>,
        activation: Activation,
    ) -> Vec<LayerSettings> {
        let depth = depth.or(self.depth()).unwrap_or(0);
        let width = width.unwrap_or(match self {
            Self::Mlp => 64,
            Self::VitTiny | Self::Lstm | Self::Transformer => 32,
            _ => 16,
        });
        let act = Some(activation);
        let mut all = match self {
            Self::Mlp => (1..=depth)
                .map(|i| LayerSettings {
                    out_features: Some(width),
                    activation: act,
                    ..named(LayerKind::Dense, format!("fc{i}"))
                })
                .collect(),
            Self::CnnSmall => (1..=depth)
                .flat_map(|i| {
                    let channels = width.saturating_mul(2u32.saturating_pow(i - 1)).min(65536);
                    [conv(i, channels, 1), norm(i, act), pool(i)]
                })
                .collect(),
            Self::Resnet8 => resnet(width, 1, act),
            Self::Resnet20 => resnet(width, 3, act),
            Self::Lstm => {
                let lstm = named(LayerKind::Lstm, "lstm".into());
                let lstm = LayerSettings { hidden_size: Some(width), num_layers: Some(depth), ..lstm };
                let last = LayerSettings { pooling: Some(Pooling::Last), ..named(LayerKind::Select, "last".into()) };
                vec![lstm, last]
            }
            Self::VitTiny => vit(blocks(width, depth, heads, act)),
            Self::Transformer => language(blocks(width, depth, heads, act)),
        };
        if matches!(self, Self::CnnSmall | Self::Resnet8 | Self::Resnet20) {
            all.push(named(LayerKind::GlobalAvgPool, "pool".into()));
        }
        all.push(named(LayerKind::Dense, "head".into()));
        all
    }
}

/// A convolution, and three stages of so many blocks, the second and third of half the extents and twice the channels.
fn resnet(width: u32, blocks: u32, activation: Option<Activation>) -> Vec<LayerSettings> {
    let stage = |i: u32| {
        let (channels, stride) = (width.saturating_mul(1 << i).min(65536), if i == 0 { 1 } else { 2 });
        LayerSettings {
            body: vec![conv(1, channels, stride), norm(1, activation), conv(2, channels, 1), norm(2, None)],
            shortcut: (i > 0).then_some(Shortcut::Projection),
            repeat: Some(blocks),
            activation,
            ..named(LayerKind::Residual, format!("layer{}", i + 1))
        }
    };
    [conv(1, width, 1), norm(1, activation)].into_iter().chain((0..3).map(stage)).collect()
}

/// Encoder layers with norms first, and their width.
fn blocks(width: u32, depth: u32, heads: Option<u32>, activation: Option<Activation>) -> (LayerSettings, u32) {
    let divides = || [4, 2, 1].into_iter().find(|&heads| width.is_multiple_of(heads));
    let blocks = LayerSettings {
        num_heads: heads.or_else(divides),
        norm_first: Some(true),
        repeat: Some(depth),
        activation,
        ..named(LayerKind::Transformer, "layers".into())
    };
    (blocks, width)
}

/// Tokens each of which is predicted from those before it.
fn language((blocks, width): (LayerSettings, u32)) -> Vec<LayerSettings> {
    vec![
        LayerSettings { embedding_dim: Some(width), ..named(LayerKind::Embedding, "embedding".into()) },
        named(LayerKind::Positions, "positions".into()),
        LayerSettings { causal: Some(true), ..blocks },
        named(LayerKind::LayerNorm, "norm".into()),
    ]
}

/// Patches of 2 × 2 as a sequence.
fn vit((blocks, width): (LayerSettings, u32)) -> Vec<LayerSettings> {
    let patch = Some(Sides::All(2));
    let patches = LayerSettings {
        out_channels: Some(width),
        kernel_size: patch,
        stride: patch,
        ..named(LayerKind::Conv2d, "patches".into())
    };
    let rest =
        [(LayerKind::LayerNorm, "norm"), (LayerKind::Select, "pool")].map(|(kind, name)| named(kind, name.into()));
    [patches, named(LayerKind::Positions, "positions".into()), blocks].into_iter().chain(rest).collect()
}

fn named(kind: LayerKind, name: String) -> LayerSettings {
    LayerSettings { kind, name: Some(name), ..LayerSettings::default() }
}

fn conv(i: u32, channels: u32, stride: u32) -> LayerSettings {
    LayerSettings {
        out_channels: Some(channels),
        kernel_size: Some(Sides::All(3)),
        stride: (stride > 1).then_some(Sides::All(stride)),
        padding: Some(Padding::All(1)),
        bias: Some(false),
        ..named(LayerKind::Conv2d, format!("conv{i}"))
    }
}

fn norm(i: u32, activation: Option<Activation>) -> LayerSettings {
    LayerSettings { activation, ..named(LayerKind::BatchNorm, format!("bn{i}")) }
}

fn pool(i: u32) -> LayerSettings {
    LayerSettings { kernel_size: Some(Sides::All(2)), ..named(LayerKind::MaxPool, format!("pool{i}")) }
}

//! `[data]`: which examples the replicas learn, and how they are split.

use std::path::PathBuf;

use super::augment::Augment;
use super::features::{Feature, Form};
use crate::data::features::Images;
use crate::data::{Conditions, Geometry, Normalise, Operation};
use crate::settings::{choices, settings};

choices! {
    /// Where the examples come from.
    Source {
        /// The bundled set of 1,797 handwritten digits of 8 x 8 pixels, in ten classes.
        #[default]
        Digits = "digits",
        /// Two points: inputs -1 and -1 + d, targets 0.6 and 0.6 + e, where d² and e² are `data.input_distance` and
        /// `data.target_distance` (van Rossem and Saxe 2024). Nothing is held out.
        TwoPoints = "two_points",
        /// The four corners of a square, and 1 where exactly one coordinate is 1. Nothing is held out.
        Xor = "xor",
        /// 900 blobs on a 5 x 5 screen in each of two contexts; the target is the blob's x in the first and its y in the
        /// second (Flesch et al. 2022). Nothing is held out.
        Contexts = "contexts",
        /// Made: blocks of bits, and for each block a label that a function of its first units gives, as `[[data.features]]`
        /// declares them (Lampinen, Chan and Hermann 2024).
        Features = "features",
        /// Text in `data.inputs`, a file of UTF-8 (or compressed by gzip), character by character: its different characters, in the
        /// order of Unicode, are the tokens. What is learned is the next one at each position of windows of `data.sequence_length`. The
        /// last `data.test_fraction` of the text is held out.
        Text = "text",
        /// As `text`: 400 sentences of a small grammar in which a verb agrees with a noun that may stand far before it.
        Sentences = "sentences",
        /// Sequences of tokens, whole numbers from 0, in `data.inputs`: one in each row, or one dimension that is cut into windows as
        /// `text` is. With `data.labels` each has a class, with `data.targets` a token at each position (of which -1 counts nowhere), and
        /// else what is learned is the token that follows each.
        Tokens = "tokens",
        /// All pairs (a, b) of numbers below `modulus`, one-hot side by side, of the classes (a `operation` b) mod `modulus` (Gromov
        /// 2023): example `modulus` a + b.
        Modular = "modular" ["modular_arithmetic", "grokking"],
        /// Made by each replica: noise about the mean of each combination of `bits` binary variables, and parities of these as
        /// targets (Alleman, Lindsey and Fusi 2024). Of each condition there are as many examples, or one more. Statistics that need
        /// labels (`observe.describe`) see the conditions as a design: the first target times half of their number, plus a number
        /// for the rest.
        Conditions = "conditions",
        /// The files named by `data.inputs` and its neighbours.
        Files = "files" ["mnist", "csv"],
    }
}

settings! {
    /// Which examples the replicas learn. All replicas of a run share them, or make them in the same way, so nothing here can be
    /// swept but `train_fraction`, `corrupted`, `noise`, `separability`, `alignment` and `[data.augment]`, which say what each replica draws.
    /// A relative path starts from the folder of the experiment file.
    Data {
        /// Where the examples come from.
        #[schemars(extend("synonyms" = ["dataset"]))]
        source: Source = Source::Digits,
        /// File of the inputs: IDX, `.npy`, `.npz`, a table of text (CSV, TSV ...), Parquet, safetensors or CIFAR binary (10 or 100), each
        /// also compressed by gzip. Needed by `source = "files"`, `"text"` and `"tokens"`, and only read with these.
        #[schemars(extend("format" = "path", "synonyms" = ["file", "path", "x"]))]
        inputs: Option<PathBuf> = None,
        /// File of the class labels, a whole number or a word per example, when they are not in the file of the inputs. Words
        /// are classes in alphabetical order; numbers are classes in ascending order, unless they are below `classes`.
        #[schemars(extend("format" = "path", "synonyms" = ["y"]))]
        labels: Option<PathBuf> = None,
        /// Column of a table that holds the class labels, of the file of labels if there is one, else of that of the inputs:
        /// `first`, `last`, `none`, or its name.
        label_column: String = "none".into(),
        /// Whether the first column of a table of inputs is an index, which is no input. By default it is one if it holds names,
        /// or whole numbers no two of which are equal under no name or one such as `index` or `id`, or running numbers from 0 or
        /// 1 in a text without a header line.
        index: Option<bool> = None,
        /// Table of numeric targets, one row per example, for regression or several labels at once, in place of labels.
        #[schemars(extend("format" = "path"))]
        targets: Option<PathBuf> = None,
        /// File of the test inputs, when the data come with their own test set; `test_fraction` is then unused.
        #[schemars(extend("format" = "path"))]
        test_inputs: Option<PathBuf> = None,
        /// File of the labels of `test_inputs`.
        #[schemars(extend("format" = "path"))]
        test_labels: Option<PathBuf> = None,
        /// Table of the targets of `test_inputs`.
        #[schemars(extend("format" = "path"))]
        test_targets: Option<PathBuf> = None,
        /// Number of classes; by default as many as there are different labels. Of sequences that are answered at each position:
        /// number of tokens, by default those that there are.
        #[schemars(range(min = 2, max = 65536), extend("synonyms" = ["num_classes"]))]
        classes: Option<u32> = None,
        /// Part of the examples held out for testing.
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0, "synonyms" = ["test_size"]))]
        test_fraction: f64 = 0.2,
        /// Whether each class is split in the same proportion; has no effect on numeric targets.
        stratified: bool = true,
        /// Seed of the split. It is not a replica's seed: all replicas share one split.
        split_seed: u32 = 0,
        /// Part of all examples that a replica is trained on, drawn by its own seed; it is tested on the others. By default all
        /// replicas share a split by `test_fraction`. The probe set is taken from all examples then, and its loss and accuracy are
        /// of those in it that the replica was not trained on (or was, with `probe.from = "train"`).
        #[schemars(extend(
            "exclusiveMinimum" = 0.0,
            "exclusiveMaximum" = 1.0,
            "scope" = "replica, but for 0",
            "synonyms" = ["train_size", "frac_train"]
        ))]
        train_fraction: Option<f64> = None,
        /// Part of a replica's training examples whose label is drawn anew by its seed, each class as likely, the true one among
        /// them. Where a replica is tested, labels are true.
        #[schemars(extend(
            "minimum" = 0.0,
            "maximum" = 1.0,
            "scope" = "replica, but for 0",
            "synonyms" = ["label_noise"]
        ))]
        corrupted: f64 = 0.0,
        /// The number that `modular` counts to.
        #[schemars(range(min = 2, max = 256), extend("synonyms" = ["prime"]))]
        modulus: u32 = 97,
        /// What `modular` does with two numbers.
        operation: Operation = Operation::Addition,
        /// Binary variables of `conditions`.
        #[schemars(range(min = 1, max = 10), extend("synonyms" = ["variables"]))]
        bits: u32 = 2,
        /// Inputs of `conditions`.
        #[schemars(range(min = 1, max = 65536))]
        dimensions: u32 = 60,
        /// Where the means of `conditions` lie.
        geometry: Geometry = Geometry::Random,
        /// Targets of `conditions`: for each the variables, counted from 0, whose parity it is. `[0]` is the first of them, `[0, 1]`
        /// the exclusive or of two.
        #[schemars(length(max = 256))]
        parities: Vec<Vec<u32>> = vec![vec![0]],
        /// Standard deviation of the noise of `conditions`.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica"))]
        noise: f64 = 0.1,
        /// How far the means of `separable_xor` are along the direction that tells their exclusive or.
        #[schemars(extend("scope" = "replica"))]
        separability: f64 = 0.0,
        /// Cosine of the kernels of the means and of the targets of `aligned`.
        #[schemars(extend("minimum" = 0.0, "maximum" = 1.0, "scope" = "replica"))]
        alignment: f64 = 0.5,
        /// Squared distance of the inputs of `two_points`.
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        input_distance: f64 = 1.0,
        /// Squared distance of the targets of `two_points`.
        #[schemars(extend("minimum" = 0.0))]
        target_distance: f64 = 0.5,
        /// Tokens of a window of `text`, `sentences`, or `tokens` in one dimension.
        #[schemars(range(min = 2, max = 65536), extend("synonyms" = ["block_size", "context_length", "seq_len"]))]
        sequence_length: u32 = 32,
        /// From the begin of one window to that of the next; by default `sequence_length`, so that each token is predicted once.
        #[schemars(range(min = 1, max = 16777216))]
        stride: Option<u32> = None,
        /// The token that fills sequences of `tokens` up to one length; it is nowhere to be predicted. That layers do not look at it is
        /// said by `padding_idx` of `embedding`.
        #[schemars(range(max = 65535), extend("synonyms" = ["padding_token", "pad_token_id"]))]
        padding: Option<u32> = None,
        /// How inputs are scaled; tokens never are.
        #[schemars(extend("synonyms" = ["normalization", "normalisation"]))]
        normalise: Normalise = Normalise::Unit,
        /// Means of the channels that `normalise = "channel"` subtracts, one for each or one for all, in place of those of the training
        /// examples; with `std`. Bytes of a file are first divided by 255, as torchvision's `ToTensor` does.
        #[schemars(length(max = 65536))]
        mean: Vec<f64> = Vec::new(),
        /// What it then divides by: standard deviations, as many or one for all.
        #[schemars(length(max = 65536))]
        std: Vec<f64> = Vec::new(),
        /// Training examples of `features` and `conditions`.
        #[schemars(range(min = 1, max = 16777216))]
        examples: u32 = 8192,
        /// Examples of `features` that are held out to fit regressions on.
        #[schemars(range(min = 1, max = 16777216))]
        fit_examples: u32 = 1024,
        /// Examples of `features` and `conditions` that are held out for testing.
        #[schemars(range(min = 1, max = 16777216))]
        test_examples: u32 = 1024,
        /// Seed of the examples of `features` and `conditions`. By default each replica has examples of its own, by its own seed;
        /// with a number all replicas share them.
        seed: Option<u32> = None,
        /// Random inputs of `features` after all blocks.
        #[schemars(range(max = 65536))]
        distractors: u32 = 0,
        /// What the examples of `features` are.
        form: Form = Form::Units,
        /// With `form = "sequence"`, the names of all features in the order in which they are answered; by default that of the file.
        #[schemars(length(max = 256))]
        output_order: Vec<String> = Vec::new(),
        /// What pictures of features are like.
        image: Images = Images::default(),
        /// The features of `features`.
        #[schemars(length(max = 256))]
        features: Vec<Feature> = Vec::new(),
        /// What is done to the examples of a batch.
        augment: Augment = Augment::default(),
    }
}

impl Data {
    /// Whether each example has one label.
    pub fn is_labelled(&self) -> bool {
        self.labels.is_some() || self.label_column != "none"
    }

    /// What `source = "conditions"` declares.
    pub(crate) fn conditions(&self) -> Conditions {
        let (bits, dimensions) = (self.bits as usize, self.dimensions as usize);
        Conditions { bits, dimensions, geometry: self.geometry, parities: self.parities.clone() }
    }
}

impl Source {
    /// Whether the inputs are sequences of tokens.
    pub fn is_of_tokens(self) -> bool {
        matches!(self, Self::Text | Self::Sentences | Self::Tokens)
    }
}

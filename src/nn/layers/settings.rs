//! A list of layers as settings. Their keys are those of PyTorch's modules.

use std::borrow::Cow;
use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::nn::Activation;
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
        #[schemars(range(min = 1, max = 65536), extend("synonyms" = ["filters", "out_channels"]))]
        out_features: Option<u32> = None,
        /// Whether `dense` has a bias; by default `model.bias`.
        #[schemars(extend("synonyms" = ["use_bias"]))]
        bias: Option<bool> = None,
        /// What follows `dense`; by default nothing.
        activation: Option<Activation> = None,
        /// Which function `activation` is; by default `model.activation`.
        function: Option<Activation> = None,
        /// Probability that `dropout` drops an element; by default `model.dropout`.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        p: Option<f64> = None,
    }
}

impl LayerKind {
    /// The keys that it has beside `kind` and `name`.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Dense => &["out_features", "bias", "activation"],
            Self::Activation => &["function"],
            Self::Dropout => &["p"],
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

    /// Whether any of a list has the model's rate of dropout.
    pub fn any_drops(list: &[Self]) -> bool {
        list.iter().any(|layer| layer.kind == LayerKind::Dropout && layer.p.is_none())
    }

    /// What is wrong with it by itself, as a sentence.
    fn check(&self) -> Result<(), String> {
        let (own, plain) = (serde_json::to_value(self), serde_json::to_value(Self::default()));
        let (own, plain) = (own.unwrap_or_default(), plain.unwrap_or_default());
        let keys = self.kind.keys();
        let set = |key: &&String| own[*key] != plain[*key] && !["kind", "name"].contains(&key.as_str());
        if let Some(other) =
            own.as_object().into_iter().flat_map(|o| o.keys()).filter(set).find(|k| !keys.contains(&k.as_str()))
        {
            return Err(format!("{} has no `{other}`; its keys are {}", self.kind, keys.join(", ")));
        }
        let word = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
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

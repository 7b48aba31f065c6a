//! Networks that are described layer by layer.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Graph, Tensor};
use isogram::nn::{Activation, Dense, Dropout, Layer, Pass, Start, dropout};
use isogram::train::{Model, Options, Quiet, Summary, Sweep};

use crate::support;

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
"#;

fn experiment(layers: &str) -> isogram::Result<Experiment> {
    Experiment::from_toml(&SETTINGS.replace("[model]\n", &format!("[model]\n{layers}\n")), "layers.toml")
}

fn run(sweep: &Sweep) -> isogram::Result<Summary> {
    let adapter = if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
    sweep.run(&Options { adapter, gpu: support::gpu(), ..Options::default() }, &mut Quiet)
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
    fn declare(&self, g: &mut Graph, inputs: usize, outputs: usize) -> isogram::Result<Box<dyn Layer>> {
        let widths: Vec<usize> = [inputs].into_iter().chain(self.widths.clone()).chain([outputs]).collect();
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
fn layers_that_do_not_fit_say_which_and_what() {
    for (layers, expected) in [
        (
            r#"[{ name = "a" }, {}]"#,
            "model.layers: layer `a`: expected out_features, the width of what it makes of [N, 64]",
        ),
        (r#"[{ name = "a", out_features = 7 }]"#, "the last layer, `a`, gives [N, 7], and the data want [N, 10]"),
    ] {
        let sweep = Sweep::new(experiment(&format!("layers = {layers}")).unwrap()).unwrap();
        let message = run(&sweep).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

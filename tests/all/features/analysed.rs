//! What `observe.measures` gives of features while networks train, against the definitions in f64 on what the same run saves.

use faer::Mat;
use isogram::config::Experiment;
use isogram::data::features::{Made, Set};
use isogram::files::Layer;
use isogram::graph::Lowering;
use isogram::measure::features::Sets;
use isogram::measure::features::components::Components;
use isogram::measure::features::head::Head;
use isogram::measure::features::intervention::{Steering, cosine};
use isogram::measure::features::redundant::redundant;
use isogram::measure::features::substructure::substructure;
use isogram::measure::features::variance::{Constant, explained_by_class};
use isogram::measure::statistic::probe::LogisticOptions;
use isogram::train::{Options, Quiet, Representation, Summary, Sweep};

use super::labels;
use super::trained::{options, rows};

const SETTINGS: &str = r#"
name = "analysed"
steps = 250
seeds = 2
[data]
source = "features"
examples = 256
fit_examples = 160
test_examples = 120
[[data.features]]
name = "easy"
function = "linear"
units = 5
[[data.features]]
name = "hard"
function = "and_or_or"
units = 7
[model]
layers = [14, 10]
activation = "tanh"
[loss]
kind = "bce"
[batch]
size = 32
[optimiser]
lr = 0.02
[probe]
examples = 120
[observe]
at = { kind = "list", steps = [60] }
measures = ["accuracy", "variance_explained", "components", "interventions", "redundant_labels", "substructure"]
[save]
parameters = "final"
representations = "final"
"#;

fn experiment(overrides: &[(&str, &str)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SETTINGS, "analysed.toml", &overrides).unwrap()
}

fn train(overrides: &[(&str, &str)], options: Options) -> Summary {
    Sweep::new(experiment(overrides)).unwrap().run(&options, &mut Quiet).unwrap()
}

/// A value of a replica at the end.
fn value(summary: &Summary, replica: u32, name: &str, layer: usize) -> f64 {
    let layer = Layer::of(layer);
    let found = summary
        .metrics
        .iter()
        .find(|r| r.replica == replica && r.step == 250 && r.name == name && r.layer == Some(layer));
    found.unwrap_or_else(|| panic!("{name} of {layer} was not observed")).value
}

fn saved(all: &[(String, Vec<usize>, Vec<f32>)], name: &str) -> Mat<f64> {
    let (_, shape, values) = all.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("{name} was not saved"));
    let columns = shape.get(1).copied().unwrap_or(shape[0]);
    Mat::from_fn(values.len() / columns, columns, |i, j| f64::from(values[i * columns + j]))
}

#[test]
fn analyses_in_a_run_are_those_of_f64_on_what_it_saves() {
    for (loss, border) in [("bce", 0.0), ("mse", 0.5)] {
        let overrides = [("loss.kind", loss)];
        let summary = train(&overrides, options(Lowering::Layered));
        let features = experiment(&overrides).data.declared().unwrap();
        for replica in 0..2u32 {
            let made = [(Set::Fit, 160), (Set::Test, 120)].map(|(set, n)| features.make(set, n, replica).unwrap());
            let near = |name: &str, layer: usize, expected: f64, most: f64| {
                let got = value(&summary, replica, name, layer);
                assert!((got - expected).abs() <= most, "{loss}, {replica}, {name}: {got} against {expected}");
            };
            let arrays: Vec<_> = summary.representations.iter().cloned().map(Representation::into_array).collect();
            let of = |layer: usize| ["fit/", ""].map(|set| saved(&arrays, &format!("{replica}/{set}layers.{layer}")));
            let column = |made: &Made, f: usize| -> Vec<usize> {
                labels(made).chunks(2).map(|row| usize::from(row[f] > 0.5)).collect()
            };
            let own: Vec<[Vec<usize>; 2]> = (0..2).map(|f| [0, 1].map(|set| column(&made[set], f))).collect();
            let bits = [0, 1].map(|set| {
                let inputs = &made[set].dataset.inputs;
                Mat::from_fn(inputs.rows, 7, |i, j| f64::from(inputs.values[i * 12 + 5 + j]))
            });
            for layer in 0..2 {
                let x = of(layer);
                for (f, name) in ["easy", "hard"].iter().enumerate() {
                    let expected = explained_by_class(sets(&x), both(&own[f])).unwrap();
                    near(&format!("explained_{name}"), layer, expected.variance(), 1e-5);
                }
                for part in substructure(sets(&x), sets(&bits)).unwrap() {
                    let expected = part.explained.unwrap();
                    let name = format!("hard.{}", part.name);
                    near(&format!("explained_{name}"), layer, expected.variance(), 1e-4);
                    near(&format!("explained_uniform_{name}"), layer, expected.uniform(Constant::Masked), 1e-4);
                }
            }
            // Everything else is of the last layer. A share of examples may be off by one that lies on a border.
            let (x, example) = (of(1), 1.1 / 120.0);
            let weight = saved(&summary.parameters, &format!("{replica}/layers.2.weight"));
            let bias = saved(&summary.parameters, &format!("{replica}/layers.2.bias"));
            let bias: Vec<f64> = bias.row(0).iter().map(|b| b - border).collect();
            let head = Head::binary(weight.as_ref(), &bias).unwrap();
            let components = Components::of(x[0].as_ref()).unwrap();
            let tests = [own[0][1].as_slice(), own[1][1].as_slice()];
            let accuracy = components.accuracy(x[1].as_ref(), &head, &tests).unwrap();
            for (f, name) in ["easy", "hard"].iter().enumerate() {
                let squared = components.squared_correlations(x[1].as_ref(), tests[f]).unwrap();
                for (k, (share, squared)) in components.share.iter().zip(squared).enumerate().take(3) {
                    near(&format!("component_share_{}", k + 1), 1, *share, 1e-5);
                    near(&format!("component_r2_{name}_{}", k + 1), 1, squared, 1e-3);
                }
                for (k, of) in accuracy.iter().enumerate() {
                    near(&format!("accuracy_{name}_from_{k}"), 1, of[f], example);
                }
                let steering = Steering::new(sets(&x), &own[f][0], &head, f).unwrap();
                let flips = steering.flips(1.0).unwrap();
                near(&format!("flips_{name}"), 1, flips.target, example);
                near(&format!("flips_others_{name}"), 1, flips.off_target, example);
                let norm = steering.norm_to_flip(0.5).unwrap();
                near(&format!("flip_norm_50_{name}"), 1, norm, 1e-4 * norm);
            }
            let direction = |f: usize| Steering::new(sets(&x), &own[f][0], &head, f).unwrap().direction().to_vec();
            near("direction_cosine_easy_hard", 1, cosine(&direction(0), &direction(1)).unwrap(), 1e-4);
            let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
            for n in [16, 64] {
                let expected = redundant(sets(&x), both(&own[0]), both(&own[1]), n, &options).unwrap();
                let conflict = 1.1 / expected.conflicts.len() as f64;
                near(&format!("follows_easy_over_hard_{n}"), 1, expected.first, conflict);
            }
        }
    }
}

fn sets(both: &[Mat<f64>; 2]) -> Sets<faer::MatRef<'_, f64>> {
    Sets { fit: both[0].as_ref(), test: both[1].as_ref() }
}

fn both(labels: &[Vec<usize>; 2]) -> Sets<&[usize]> {
    Sets { fit: &labels[0], test: &labels[1] }
}

#[test]
fn analyses_are_the_same_in_company_and_in_slices() {
    let many = train(&[], options(Lowering::Layered));
    let alone = train(&[("seeds", "[1]")], options(Lowering::Layered));
    let sliced = train(&[], Options { slice: Some(1), ..options(Lowering::Layered) });
    assert!(rows(&alone, 0).len() > 200);
    assert_eq!(rows(&alone, 0), rows(&many, 1));
    assert_eq!(rows(&sliced, 0), rows(&many, 0));
    // Of data that all share.
    let shared = [("data.seed", "7")];
    let many = train(&shared, options(Lowering::Layered));
    let alone = train(&[shared[0], ("seeds", "[1]")], options(Lowering::Layered));
    assert_eq!(rows(&alone, 0), rows(&many, 1));
}

#[test]
fn a_report_shows_what_layers_vary_with() {
    let folder = tempfile::tempdir().unwrap();
    let short = [("steps", "20"), ("observe.at.steps", "[7]")];
    train(&short, Options { out: Some(folder.path().to_owned()), ..options(Lowering::Layered) });
    let page = std::fs::read_to_string(isogram::report::build(folder.path()).unwrap()).unwrap();
    assert!(page.contains("<figure id=\"features\">"), "the figure is there");
    assert!(page.contains("share of layers.1") && page.contains("Accuracy and explained variance of each feature"));
    let unobserved = [short[0], short[1], ("observe.measures", "['loss']")];
    let folder = tempfile::tempdir().unwrap();
    train(&unobserved, Options { out: Some(folder.path().to_owned()), ..options(Lowering::Layered) });
    let page = std::fs::read_to_string(isogram::report::build(folder.path()).unwrap()).unwrap();
    assert!(page.contains("No figure: variance explained by features was not observed."));
}

#[test]
fn analyses_that_make_no_sense_are_refused() {
    let refused = |text: &str, words: &str| {
        let error = Experiment::with_overrides(text, "analysed.toml", &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let hard = SETTINGS.find("[[data.features]]\nname = \"hard\"").unwrap();
    let model = SETTINGS.find("[model]").unwrap();
    let one = format!("{}{}", &SETTINGS[..hard], &SETTINGS[model..]);
    refused(&one, "expected 2 to 8 of them, got 1");
    refused(&one.replace("\"redundant_labels\", ", ""), "substructure is of features of four bits");
    refused(&SETTINGS.replace("layers = [14, 10]", "layers = []"), "hidden layer");
    refused("name = \"a\"\nsteps = 1\n[observe]\nmeasures = [\"interventions\"]", "interventions needs data.source");
}

//! Distances between the representations of a hundred real images, against the product of their distances as inputs and as
//! targets.

use std::sync::Arc;

use super::fits::pearson;
use super::images::{classifier, images};
use super::shared::Shared;
use crate::config::{Keep, OptimiserKind};
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Spread, measured};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Matrices, Matrix, MatrixRow, Section};
use crate::train::Replica;

const SOURCE: &str = "structure of a trained classifier (E8)";
/// The middle hidden layer.
const LAYER: usize = 2;
/// Images compared.
const IMAGES: usize = 100;

pub fn run(lab: &mut Lab<'_>, _: &mut Shared) -> Result<PartOutcome> {
    let seeds = lab.seeds(2, 5, 10);
    let mnist = lab.request().data.is_some();
    let steps = if mnist { lab.at(2_000, 10_000, 150_000) } else { lab.at(600, 1_500, 4_500) };
    let mut e = classifier(lab, OptimiserKind::Adam, 0.005, steps);
    e.probe.examples = Some(IMAGES as u32);
    e.save.representations = Keep::Final;
    let images = images(lab, &e)?;
    let labels = images.data.probe.classes().to_vec();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&i| labels[i]);
    let inputs: Vec<f32> = images.data.probe.inputs.clone();
    let width = images.data.inputs;
    let name = images.name;
    let replica = |seed| Replica { seed, columns: Arc::default(), experiment: Arc::new(e.clone()), data: None };
    let trained = lab.train(&e, images.data, (0..seeds).map(replica).collect(), None)?;
    let accuracy = Spread::of(trained.last("accuracy").iter().copied());
    let squared = |values: &[f32], units: usize| -> Vec<f64> {
        let row = |i: usize| &values[order[i] * units..][..units];
        let distance =
            |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>();
        (0..order.len()).flat_map(|a| (0..order.len()).map(move |b| (a, b))).map(|(a, b)| distance(a, b)).collect()
    };
    let dx = squared(&inputs, width);
    let n = order.len();
    let same = |i: usize| labels[order[i / n]] == labels[order[i % n]];
    // Both in units of length squared: |dh|² ∝ |dx| |dy*|, and |dy*|² = 2 between classes.
    let theory: Vec<f64> = (0..n * n).map(|i| if same(i) { 0.0 } else { (2.0 * dx[i]).sqrt() }).collect();
    let networks: Vec<Vec<f64>> = (0..seeds as usize)
        .filter(|&r| !trained.diverged[r])
        .filter_map(|r| trained.representation(r, LAYER))
        .map(|(shape, values)| squared(values, shape[1]))
        .collect();
    let pairs: Vec<usize> = (0..n * n).filter(|i| i / n < i % n).collect();
    let different: Vec<usize> = pairs.iter().copied().filter(|&i| !same(i)).collect();
    let pick = |values: &[f64], which: &[usize]| which.iter().map(|&i| values[i]).collect::<Vec<_>>();
    let r = |which: &[usize], theory: &[f64]| {
        Spread::of(networks.iter().map(|net| pearson(&pick(theory, which), &pick(net, which))))
    };
    let (all, between, by_input) = (r(&pairs, &theory), r(&different, &theory), r(&pairs, &dx));
    let mean: Vec<f64> =
        (0..n * n).map(|i| networks.iter().map(|net| net[i]).sum::<f64>() / networks.len() as f64).collect();
    let claims = vec![
        Claim::new("structure.product", Kind::Prediction, "The distances of all pairs follow input distance times target distance")
            .source(SOURCE)
            .predicted("Pearson over pairs: 1", "median at least 0.7, and above that with input distances alone")
            .measured(
                measured!("{}; with input distances alone {}", all, by_input),
                seeds,
                all.median >= 0.7 && all.median > by_input.median,
            )
            .note(format!("{name}; accuracy on these images {accuracy}. Most of this is the difference between pairs of one class and of two.")),
        Claim::new("structure.between", Kind::KnownWeaker, "Among pairs of different classes too, those further apart as inputs end further apart")
            .source(SOURCE)
            .predicted("Pearson over pairs of different classes: above 0", "median above 0")
            .measured(between, seeds, between.median > 0.0)
            .note("The released figure smooths its prediction by a matrix that, at raw pixel distances, is the indicator of a common class: block-constant, which no pair of images can disagree with. Here each pair is taken by itself."),
    ];
    let names: Vec<String> = order.iter().map(|&i| labels[i].to_string()).collect();
    let matrix = |title: &str, values: &[f64]| {
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        Matrix {
            title: title.to_owned(),
            columns: n,
            values: values.iter().map(|x| x / most).collect(),
            row_names: names.clone(),
            column_names: names.clone(),
            numbers: false,
        }
    };
    let figure = Matrices {
        label: "Distances between a hundred images: inputs, theory and trained networks".into(),
        caption: format!(
            "Squared distances between the first {n} training images of {name}, sorted by class, each over its largest value: as inputs, as \
             the theory has them (|dx| |dy*|), and in the third hidden layer, mean of {} networks.",
            networks.len()
        ),
        colours: Axis::linear("over the largest"),
        shared: true,
        rows: vec![MatrixRow {
            name: String::new(),
            matrices: vec![matrix("inputs", &dx), matrix("theory", &theory), matrix("networks", &mean)],
        }],
    };
    Ok(PartOutcome { claims, sections: vec![Section::new("structure", "A hundred images", Ok(figure.draw()))] })
}

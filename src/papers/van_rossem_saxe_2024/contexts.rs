//! Two contexts: a lazy network keeps both features of what it sees, a rich one compresses the irrelevant one and sets the
//! contexts apart.

use std::sync::Arc;

use super::settings::two_points;
use super::shared::Shared;
use crate::config::{
    Activation, Batch, BatchMode, Experiment, Init, Keep, Loss, LossKind, Model, Optimiser, OptimiserKind, ProbeFrom,
    Reduction, Source,
};
use crate::data::BLOBS;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, Spread, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Cloud, Colouring, Condition, Section};
use crate::theory::classical_mds;
use crate::train::{Prepared, Replica};

const SOURCE: &str = "context-dependent task (E6)";
/// The hidden layer that is looked at.
const LAYER: usize = 2;
/// Initialisations: name, gain, learning rate, steps. The paper's, whose epochs of 1,800 examples are 28 batches of 64.
const PAPER: [Start; 3] = [
    ("large (gain 2)", 2.0, 0.0015, 21_000),
    ("small (gain 0.5)", 0.5, 0.015, 42_000),
    ("very small (gain 0.275)", 0.275, 0.05, 56_000),
];
/// The same at larger learning rates, with a last gain that leaves the plateau within the steps; both found by trial.
const SMALL: [Start; 3] = [
    ("large (gain 2)", 2.0, 0.0015, 8_000),
    ("small (gain 0.5)", 0.5, 0.15, 6_000),
    ("smaller (gain 0.4)", 0.4, 0.2, 10_000),
];
/// The fewest steps in which they learn.
const TINY: [Start; 3] = [
    ("large (gain 2)", 2.0, 0.0015, 4_000),
    ("small (gain 0.5)", 0.5, 0.15, 5_000),
    ("smaller (gain 0.4)", 0.4, 0.2, 8_000),
];

/// Why the contexts' centres are no measure of what the figure shows.
const CENTRES: &str = "By their centres it is the other way about: large weights carry the context, a large part of the input, to the hidden \
                       layer, and small ones end in curves that are ordered by the output, whatever the context, as the theory has it for \
                       points of one target.";

type Start = (&'static str, f64, f64, u32);
/// Every so many blobs along each axis stand in the picture.
const EVERY: usize = 2;

fn experiment(width: u32, gain: f64, lr: f64, steps: u32) -> Experiment {
    let mut e = two_points(steps);
    e.data.source = Source::Contexts;
    // The released notebook never passes its settings' tanh on, and so trains leaky ReLU.
    e.model = Model {
        layers: vec![width; 4].into(),
        activation: Activation::LeakyRelu,
        init: Init::XavierNormal,
        gain,
        ..Model::default()
    };
    e.loss = Loss { kind: LossKind::Mse, reduction: Reduction::HalfMean, ..Loss::default() };
    e.optimiser = Optimiser { kind: OptimiserKind::Sgd, lr, ..Optimiser::default() };
    e.batch = Batch { mode: BatchMode::Shuffled, size: 64 };
    e.probe.from = ProbeFrom::Train;
    e.save.representations = Keep::Final;
    e
}

/// What became of the two features in one network.
struct Geometry {
    /// Variance along the irrelevant feature over that along the relevant one, mean of the contexts.
    kept: f64,
    /// Squared distance of the contexts' centres over the mean variance within a context.
    apart: f64,
}

/// Variance of the representation between the values of each feature, in each context.
fn geometry(values: &[f32], units: usize) -> Geometry {
    let row = |context: usize, i: usize, j: usize| &values[((context * BLOBS + i) * BLOBS + j) * units..][..units];
    let mean_of = |points: &mut dyn Iterator<Item = &[f32]>| {
        let (mut sum, mut count) = (vec![0.0f64; units], 0.0);
        for point in points {
            sum.iter_mut().zip(point).for_each(|(s, x)| *s += f64::from(*x));
            count += 1.0;
        }
        sum.iter_mut().for_each(|s| *s /= count);
        sum
    };
    let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut kept = 0.0;
    let mut within = 0.0;
    let mut centres = Vec::new();
    for context in 0..2 {
        let all = || (0..BLOBS).flat_map(move |i| (0..BLOBS).map(move |j| (i, j)));
        let centre = mean_of(&mut all().map(|(i, j)| row(context, i, j)));
        let along = |first: bool| {
            let means = (0..BLOBS).map(|k| {
                let at = move |m: usize| if first { row(context, k, m) } else { row(context, m, k) };
                squared(&mean_of(&mut (0..BLOBS).map(at)), &centre)
            });
            means.sum::<f64>() / BLOBS as f64
        };
        let (x, y) = (along(true), along(false));
        kept += if context == 0 { y / x } else { x / y } / 2.0;
        let spread = |(i, j)| {
            let point: Vec<f64> = row(context, i, j).iter().map(|v| f64::from(*v)).collect();
            squared(&point, &centre)
        };
        within += all().map(spread).sum::<f64>() / (BLOBS * BLOBS) as f64 / 2.0;
        centres.push(centre);
    }
    Geometry { kept, apart: squared(&centres[0], &centres[1]) / within }
}

/// The first two dimensions of an embedding of some of the points.
fn embedded(values: &[f32], units: usize) -> (Vec<(f64, f64)>, Vec<[f64; 3]>) {
    let chosen: Vec<(usize, usize, usize)> = (0..2)
        .flat_map(|c| (0..BLOBS).step_by(EVERY).flat_map(move |i| (0..BLOBS).step_by(EVERY).map(move |j| (c, i, j))))
        .collect();
    let row = |&(c, i, j): &(usize, usize, usize)| &values[((c * BLOBS + i) * BLOBS + j) * units..][..units];
    let n = chosen.len();
    let mut squared = vec![0.0; n * n];
    for a in 0..n {
        for b in 0..a {
            let of = row(&chosen[a]).iter().zip(row(&chosen[b])).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>();
            (squared[a * n + b], squared[b * n + a]) = (of, of);
        }
    }
    let along = |i: usize| -1.0 + 2.0 * i as f64 / (BLOBS - 1) as f64;
    let colours = chosen.iter().map(|&(c, i, j)| [c as f64, along(i), along(j)]).collect();
    match classical_mds(&squared, n, 2) {
        Ok(map) => ((0..n).map(|i| (map.coordinates[2 * i], map.coordinates[2 * i + 1])).collect(), colours),
        Err(_) => (Vec::new(), colours),
    }
}

pub fn run(lab: &mut Lab<'_>, _: &mut Shared) -> Result<PartOutcome> {
    let seeds = lab.seeds(1, 2, 3);
    let width = 100;
    let mut conditions = Vec::new();
    let mut measured = Vec::new();
    for (name, gain, lr, steps) in lab.at(TINY, SMALL, PAPER) {
        let e = experiment(width, gain, lr, steps);
        let replica = |seed| Replica { seed, columns: Arc::default(), experiment: Arc::new(e.clone()), data: None };
        let trained = lab.train(&e, Prepared::load(&e)?, (0..seeds).map(replica).collect(), None)?;
        let losses = Spread::of(trained.last("loss").iter().copied());
        let of = |r: usize| trained.representation(r, LAYER);
        let geometries: Vec<Geometry> =
            (0..seeds as usize).filter_map(of).map(|(shape, values)| geometry(values, shape[1])).collect();
        if let Some((shape, values)) = of(0) {
            let (points, colours) = embedded(values, shape[1]);
            let values = (0..3).map(|k| colours.iter().map(|c| c[k]).collect()).collect();
            conditions.push(Condition { name: name.to_owned(), points, values });
        }
        measured.push((name, losses, geometries));
    }
    let kept = |i: usize| Spread::of(measured[i].2.iter().map(|g| g.kept));
    let apart = |i: usize| Spread::of(measured[i].2.iter().map(|g| g.apart));
    let list = |of: &dyn Fn(usize) -> Spread| {
        Measured::joined(measured.iter().enumerate().map(|(i, (name, ..))| measured!("{name}: {}", of(i))), "; ")
    };
    let losses =
        measured.iter().map(|(name, loss, _)| format!("{name} {}", number(loss.median))).collect::<Vec<_>>().join(", ");
    let claims = vec![
        Claim::new("contexts.compressed", Kind::Prediction, "Networks with small initial weights compress the feature that a context makes irrelevant; those with large ones keep it")
            .source(SOURCE)
            .predicted("variance along the irrelevant feature over that along the relevant one", "medians: above 0.5 for the largest gain, below 0.25 for the smallest")
            .measured(list(&kept), seeds, kept(0).median > 0.5 && kept(2).median < 0.25)
            .note(format!("Loss after training: {losses}.")),
        Claim::new("contexts.separated", Kind::Prediction, "Networks with small initial weights set the contexts further apart")
            .source(SOURCE)
            .predicted("squared distance of the contexts' centres over the variance within", "median larger for the smallest gain than for the largest")
            .measured(list(&apart), seeds, apart(2).median > apart(0).median)
            .note(if apart(2).median > apart(0).median { "" } else { CENTRES }),
    ];
    let figure = Cloud {
        label: "Representations of blobs in two contexts, embedded in the plane, by initialisation".into(),
        caption: "Classical multidimensional scaling of the third hidden layer, first two dimensions, every second blob along each axis, one \
                  network of each initialisation. In context 1 the task asks for x, in context 2 for y."
            .into(),
        colourings: vec![
            Colouring::Categories { label: "context".into(), names: vec!["1 (x counts)".into(), "2 (y counts)".into()] },
            Colouring::Continuous(Axis::linear("x of the blob")),
            Colouring::Continuous(Axis::linear("y of the blob")),
        ],
        conditions,
        shared: false,
    };
    Ok(PartOutcome {
        claims,
        sections: vec![Section::new("contexts", "What a context makes of a feature", Ok(figure.draw()))],
    })
}

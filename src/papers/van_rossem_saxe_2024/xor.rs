//! Exclusive or: rich networks arrange the four points by their targets, lazy ones leave them as they were.

use std::sync::Arc;

use super::fits::pearson;
use super::runs::Run;
use super::settings::{STEPS, Setting, two_points};
use super::shared::Shared;
use crate::config::{Activation, Experiment, Reduction, Source};
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, Spread, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Matrices, Matrix, MatrixRow, Section};
use crate::theory::{Rates, Task, TwoPoint};
use crate::train::{Prepared, Replica, Track};

const SOURCE: &str = "exclusive or (E5)";
/// The pairs of the points 00, 01, 10, 11.
const PAIRS: [[usize; 2]; 6] = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
/// Squared distances of the inputs and of the targets of each pair.
const TASKS: [Task; 6] = [
    Task { dx2: 1.0, dy2: 1.0 },
    Task { dx2: 1.0, dy2: 1.0 },
    Task { dx2: 2.0, dy2: 0.0 },
    Task { dx2: 2.0, dy2: 0.0 },
    Task { dx2: 1.0, dy2: 1.0 },
    Task { dx2: 1.0, dy2: 1.0 },
];
const POINTS: [&str; 4] = ["00", "01", "10", "11"];

/// A regime: its name, gain, learning rate and steps.
const REGIMES: [(&str, f64, f64, u32); 3] =
    [("rich", 0.85, 0.015, STEPS), ("intermediate", 1.25, 0.002, 1000), ("lazy", 2.0, 3e-9, 1000)];

/// A regime, trained: distances (not squared) of all pairs, at the start, at the end and by theory, for each network.
struct Regime {
    name: &'static str,
    networks: Vec<[[f64; 6]; 3]>,
}

impl Regime {
    fn mean(&self, which: usize) -> [f64; 6] {
        std::array::from_fn(|p| self.networks.iter().map(|n| n[which][p]).sum::<f64>() / self.networks.len() as f64)
    }

    fn correlation(&self, a: usize, b: usize) -> Spread {
        Spread::of(self.networks.iter().map(|n| pearson(&n[a], &n[b])))
    }
}

fn experiment(base: &Setting, gain: f64, lr: f64, steps: u32) -> Experiment {
    let mut e = Setting { gain, lr, ..base.clone() }.experiment(steps);
    e.model.activation = Activation::Relu;
    e.data.source = Source::Xor;
    e.loss.reduction = Reduction::Mean;
    e
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let seeds = lab.seeds(3, 4, 3);
    // Narrower networks than these do not bear the learning rate.
    let base = Setting { gain: 1.0, lr: 0.01, width: shared.width().max(100), depth: 20, layer: 10 };
    // Only the ratio of the rates enters a final distance.
    let rates = Rates { h: Spread::of(shared.of(lab, "default", "", "ratio")?).median, y: 1.0 };
    let mut regimes = Vec::new();
    for (name, gain, lr, steps) in REGIMES {
        let whole = Experiment { data: experiment(&base, gain, lr, steps).data, ..two_points(steps) };
        let own = Arc::new(experiment(&base, gain, lr, steps));
        let replica = |seed| Replica { seed, columns: Arc::default(), experiment: own.clone(), data: None };
        let data = Prepared::load(&whole)?;
        let trained =
            lab.train(&whole, data, (0..seeds).map(replica).collect(), Some(Track { pairs: PAIRS.to_vec() }))?;
        let network = |r: usize| -> Option<[[f64; 6]; 3]> {
            let mut of = [[f64::NAN; 6]; 3];
            for (p, task) in TASKS.iter().enumerate() {
                let run = Run::new(&trained.tracked[r], p, r as u32, trained.diverged[r]);
                if run.diverged {
                    return None;
                }
                let start = run.start_of(base.layer, *task);
                let theory = TwoPoint::new(*task, rates, start).ok()?;
                let squared = [start.h, run.final_h(base.layer), theory.final_distance()];
                squared.iter().enumerate().for_each(|(which, x)| of[which][p] = x.max(0.0).sqrt());
            }
            Some(of)
        };
        regimes.push(Regime { name, networks: (0..seeds as usize).filter_map(network).collect() });
    }
    let claims = claims(&regimes, seeds);
    let rows = regimes.iter().filter(|r| !r.networks.is_empty()).map(row).collect();
    let figure = Matrices {
        label: "Distances between the four points of exclusive or in a hidden layer, at the start, after training and by theory".into(),
        caption: format!(
            "Distances (not squared) between the representations of the four points, mean of {seeds} seeds; each row with its own \
             scale. The theory takes each pair by itself, from its own start, with the ratio of rates fitted to the default network \
             on two points. Lazy networks are trained at a learning rate at which they hardly move."
        ),
        colours: Axis::linear("distance"),
        shared: false,
        rows,
    };
    Ok(PartOutcome {
        claims,
        sections: vec![Section::new("xor", "Exclusive or: by task or by input", Ok(figure.draw()))],
    })
}

fn claims(regimes: &[Regime], seeds: u32) -> Vec<Claim> {
    let rich = &regimes[0];
    let different = [0, 1, 4, 5];
    let (end, theory) = (rich.mean(1), rich.mean(2));
    let of = |values: &[f64; 6], which: &[usize]| Spread::of(which.iter().map(|&p| values[p]));
    let (apart, close) = (of(&end, &different), of(&end, &[2, 3]));
    let predicted = of(&theory, &different);
    let agreement = rich.correlation(1, 2);
    let initial: Vec<Spread> = regimes.iter().map(|r| r.correlation(1, 0)).collect();
    let even = (apart.high - apart.low) / apart.median;
    vec![
        Claim::new(
            "xor.rich-structure",
            Kind::Prediction,
            "Rich networks hold the four different-target pairs equally far apart, and the same-target pairs close",
        )
        .source(SOURCE)
        .predicted(
            "equal; same-target near 0",
            "equal within 5 %, each above 10 times the largest same-target distance; means over seeds",
        )
        .measured(
            measured!("different {}, same {}", apart, close),
            seeds,
            even <= 0.05 && apart.low > 10.0 * close.high,
        ),
        Claim::new("xor.rich-level", Kind::Prediction, "Their distance is the square root of A_low")
            .source(SOURCE)
            .predicted(number(predicted.median), "median of the four pairs within 25 %")
            .measured(number(apart.median), seeds, (apart.median / predicted.median - 1.0).abs() <= 0.25),
        Claim::new("xor.rich-theory", Kind::Prediction, "Final distances of rich networks follow the theory")
            .source(SOURCE)
            .predicted("Pearson over the six pairs: 1", "median at least 0.98")
            .measured(agreement, seeds, agreement.median >= 0.98),
        Claim::new("xor.lazier", Kind::Prediction, "The larger the gain, the more of the initial structure remains")
            .source(SOURCE)
            .predicted("Pearson of final with initial distances rises from rich to intermediate", "medians over seeds")
            .measured(
                Measured::joined(
                    regimes.iter().zip(&initial).map(|(r, s)| measured!("{}: {}", r.name, number(s.median))),
                    ", ",
                ),
                seeds,
                initial[1].median > initial[0].median,
            ),
    ]
}

fn row(regime: &Regime) -> MatrixRow {
    let titles = ["at the start", "network, trained", "theory"];
    let matrices = titles.iter().enumerate().map(|(which, title)| {
        let mean = regime.mean(which);
        let mut values = vec![0.0; 16];
        for (p, [a, b]) in PAIRS.iter().enumerate() {
            (values[4 * a + b], values[4 * b + a]) = (mean[p], mean[p]);
        }
        let names: Vec<String> = POINTS.iter().map(|name| (*name).to_owned()).collect();
        Matrix {
            title: (*title).to_owned(),
            columns: 4,
            values,
            row_names: names.clone(),
            column_names: names,
            numbers: true,
        }
    });
    MatrixRow { name: regime.name.to_owned(), matrices: matrices.collect() }
}

//! How far apart the two representations end on other tasks, predicted by the closed form with rates that were fitted on one.

use std::sync::Arc;

use super::fits::pearson;
use super::runs::Run;
use super::settings::{Setting, two_points};
use super::shared::Shared;
use crate::data::{self, TwoPoints};
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Spread, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Dot, Group, Scatter, ScatterPanel, Section, Spacing};
use crate::theory::{Rates, Task, TwoPoint};
use crate::train::{Prepared, Replica, Subset, Targets, Track};

/// The grid: distances (not squared) of inputs and of targets. The smallest scale has every other one.
const DX: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];
const DY: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Steps of the grid at the table's learning rate: enough for its slowest corner.
const STEPS: u32 = 12_000;
/// Networks of the grid with a larger loss are left out, as in the released experiments.
const MOST_LOSS: f64 = 1e-3;

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let mut outcome = shared.declared(lab, "distances")?;
    let shallow = Setting { gain: 0.35, lr: 0.02, width: shared.width(), depth: 2, layer: 1 };
    let median = |of: Vec<f64>| Spread::of(of).median;
    let rates = Rates {
        h: median(shared.of(lab, "table", "shallow", "rate_h")?),
        y: median(shared.of(lab, "table", "shallow", "rate_y")?),
    };
    if rates.h.is_finite() {
        let (cells, asked) = grid(lab, &shallow, rates)?;
        let (claims, panel) = over_grid(&cells, asked, lab.seeds(2, 3, 1));
        outcome.claims.extend(claims);
        let figure = Scatter {
            label: "Final squared distance of two representations, predicted against measured, by task".into(),
            caption: "One network per point, on a grid of tasks (|dx| from 0.5 to 1.5, |dy*| from 0 to 1), with the median rates of \
                      `shallow` from the default task: nothing is fitted to these networks."
                .into(),
            columns: 1,
            x: "predicted |dh|²".into(),
            y: "measured |dh|²".into(),
            panels: vec![panel],
        };
        outcome.sections.push(Section::new("tasks", "How far apart two inputs end, over tasks", Ok(figure.draw())));
    }
    Ok(outcome)
}

/// A network of the grid.
struct Cell {
    dx: f64,
    dy: f64,
    predicted: f64,
    measured: f64,
    start: f64,
}

fn grid(lab: &mut Lab<'_>, shallow: &Setting, rates: Rates) -> Result<(Vec<Cell>, usize)> {
    let base = two_points(STEPS);
    let data = Prepared::load(&base)?;
    let mut replicas = Vec::new();
    let mut tasks = Vec::new();
    for seed in 0..lab.seeds(2, 3, 1) {
        let every = lab.at(2, 1, 1);
        let targets = || DY.into_iter().step_by(every);
        for (dx, dy) in DX.into_iter().step_by(every).flat_map(|dx| targets().map(move |dy| (dx, dy))) {
            let points = data::two_points(&TwoPoints { dx2: dx * dx, dy2: dy * dy, ..TwoPoints::default() });
            let data::Targets::Values(targets) = points.targets else { continue };
            let own = Subset { examples: 2, inputs: points.inputs.values, targets: Targets::Values(targets.values) };
            let experiment = Arc::new(shallow.experiment(STEPS));
            replicas.push(Replica { seed, columns: Arc::default(), experiment, data: Some(Arc::new(own)) });
            tasks.push((dx, dy, seed));
        }
    }
    let trained = lab.train(&base, data, replicas, Some(Track { pairs: vec![[0, 1]] }))?;
    let cell = |(i, &(dx, dy, seed)): (usize, &(f64, f64, u32))| {
        let run = Run::new(&trained.tracked[i], 0, seed, trained.diverged[i]);
        let learned = !run.diverged && run.loss.last().is_some_and(|loss| *loss <= MOST_LOSS);
        let task = Task { dx2: dx * dx, dy2: dy * dy };
        let start = run.start_of(shallow.layer, task);
        let theory = TwoPoint::new(task, rates, start).ok()?;
        let measured = run.final_h(shallow.layer);
        learned.then(|| Cell { dx, dy, predicted: theory.final_distance(), measured, start: start.h })
    };
    Ok((tasks.iter().enumerate().filter_map(cell).collect(), tasks.len()))
}

fn over_grid(cells: &[Cell], asked: usize, seeds: u32) -> (Vec<Claim>, ScatterPanel) {
    let (predicted, measured): (Vec<f64>, Vec<f64>) = cells.iter().map(|c| (c.predicted, c.measured)).unzip();
    let (r, rmse) = (pearson(&predicted, &measured), relative_rmse(&predicted, &measured));
    let largest = measured.iter().copied().fold(0.0, f64::max);
    let same = Spread::of(cells.iter().filter(|c| c.dy == 0.0).map(|c| c.measured));
    let start = Spread::of(cells.iter().filter(|c| c.dy == 0.0).map(|c| c.measured / c.start));
    let law = |of: fn(&Cell) -> f64| through_origin(cells, of);
    let (product, dx, dy) = (law(|c| c.dx * c.dy), law(|c| c.dx), law(|c| c.dy));
    let claims = vec![
        Claim::new("distances.grid", Kind::Prediction, "Rates fitted on one task predict the final distances on others")
            .source("grid of tasks (E3)")
            .predicted("Pearson 1, relative error 0", "Pearson at least 0.93, relative root mean square error at most 30 %")
            .measured(
                measured!("Pearson {}, {} %, {} of {} networks learned", number(r), number(100.0 * rmse), cells.len(), asked),
                seeds,
                r >= 0.93 && rmse <= 0.3,
            ),
        Claim::new("distances.same-target", Kind::Prediction, "Two inputs with the same target stay where initialisation put them, next to the distances of others")
            .source("grid of tasks (E3)")
            .predicted("distance over the largest of the grid: near 0", "at most 3 %, every network")
            .measured(
                measured!("{} %; final over initial distance {}", number(100.0 * same.high / largest), start),
                seeds,
                same.high <= 0.03 * largest,
            ),
        Claim::new("distances.product", Kind::KnownWeaker, "Final distances follow the product |dx| |dy*| better than either factor alone")
            .source("rich limit of the theory")
            .predicted("R² through the origin: product above |dy*| above |dx|", "product the largest")
            .measured(measured!("{}, {}, {}", number(product), number(dy), number(dx)), seeds, product > dy && product > dx)
            .note("The law itself, exponents 1 and 1, is not borne out by networks: they are flatter in |dx| and steeper in |dy*|. The first input stays where it is on this grid, so that |dx| also moves the second input's norm."),
    ];
    let groups = DY
        .iter()
        .map(|&dy| Group {
            name: format!("|dy*| = {dy}"),
            dots: cells.iter().filter(|c| c.dy == dy).map(|c| Dot::new(c.predicted, c.measured)).collect(),
        })
        .filter(|group: &Group| !group.dots.is_empty())
        .collect();
    let note = format!("Pearson {}", number(r));
    (claims, ScatterPanel { title: "tasks".into(), note, spacing: Spacing::Linear, groups })
}

/// Root of the mean squared deviation over the root of the mean square measured.
fn relative_rmse(predicted: &[f64], measured: &[f64]) -> f64 {
    let off: f64 = predicted.iter().zip(measured).map(|(p, m)| (p - m).powi(2)).sum();
    (off / measured.iter().map(|m| m * m).sum::<f64>()).sqrt()
}

/// R² of measured distances on a regressor, through the origin.
fn through_origin(cells: &[Cell], of: fn(&Cell) -> f64) -> f64 {
    let sum = |f: &dyn Fn(&Cell) -> f64| cells.iter().map(f).sum::<f64>();
    let slope = sum(&|c| of(c) * c.measured) / sum(&|c| of(c).powi(2));
    let mean = sum(&|c| c.measured) / cells.len() as f64;
    1.0 - sum(&|c| (c.measured - slope * of(c)).powi(2)) / sum(&|c| (c.measured - mean).powi(2))
}

//! One pair of images followed through the learning of a real classification problem.

use std::sync::Arc;

use super::fits::Fitted;
use super::images::{classifier, images};
use super::runs::Run;
use super::shared::Shared;
use crate::config::OptimiserKind;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Spread, measured, number};
use crate::papers::{Lab, PartOutcome, parallel};
use crate::report::paper::{Axis, Curves, Panel, Section, Series};
use crate::theory::{Equations, State, Task};
use crate::train::{Replica, Track};

const SOURCE: &str = "a pair in a real problem (E7)";
/// One of a state's numbers.
type Of<'a> = &'a dyn Fn(&State) -> f64;
/// The middle hidden layer.
const LAYER: usize = 2;

pub fn run(lab: &mut Lab<'_>, _: &mut Shared) -> Result<PartOutcome> {
    let seeds = lab.seeds(2, 3, 3);
    let mnist = lab.request().data.is_some();
    // The digits are forty times fewer than MNIST's images: a larger rate takes them to their end in fewer steps. It was
    // found by trial.
    let (lr, steps) = if mnist { (0.003, lab.at(4_000, 40_000, 187_500)) } else { (0.2, lab.at(3_000, 5_000, 10_000)) };
    let mut e = classifier(lab, OptimiserKind::Sgd, lr, steps);
    e.probe.examples = Some(512);
    let images = images(lab, &e)?;
    let first = |class: u32| images.labels.iter().position(|label| *label == class).unwrap_or(0);
    let pair = [first(0), first(1)];
    let width = images.data.inputs;
    let of = |row: usize| &images.data.train.inputs[row * width..][..width];
    let dx2 = of(pair[0]).iter().zip(of(pair[1])).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let task = Task { dx2, dy2: 2.0 };
    let replica = |seed| Replica { seed, columns: Arc::default(), experiment: Arc::new(e.clone()), data: None };
    let name = images.name;
    let trained = lab.train(&e, images.data, (0..seeds).map(replica).collect(), Some(Track { pairs: vec![pair] }))?;
    let runs: Vec<Run> =
        (0..seeds as usize).map(|r| Run::new(&trained.tracked[r], 0, r as u32, trained.diverged[r])).collect();
    let fits = parallel(&runs, |run| super::fits::fitted(run, LAYER, task, Equations::Theory));
    let r2: Vec<Spread> = (0..3).map(|i| Spread::of(fits.iter().flatten().map(|f: &Fitted| f.fit.r2[i]))).collect();
    let accuracy = Spread::of(trained.last("accuracy").iter().copied());
    let held = r2[0].median >= 0.8 && r2[1].median >= 0.8 && r2[2].median > 0.0;
    let claim = Claim::new(
        "real.pair",
        Kind::Prediction,
        "Two inputs of different classes part in a real problem as the theory of two points has it, qualitatively",
    )
    .source(SOURCE)
    .predicted("R² of |dh|², |dy|², w", "medians at least 0.8, 0.8 and above 0")
    .measured(measured!("{}; {}; {}", r2[0], r2[1], r2[2]), seeds, held)
    .note(format!(
        "{name}, one 0 and one 1 among all images; accuracy on 512 training images {}.",
        number(accuracy.median)
    ));
    let panels = runs.iter().zip(&fits).map(|(run, fit)| {
        let (times, states) = run.thinned(LAYER);
        let scale = states.iter().map(|s| s.h).fold(0.0, f64::max);
        // The distance is in units of its own: drawn over its largest value, in those of the outputs.
        let quantities: [(&str, Of<'_>); 3] =
            [("|dh|² (scaled)", &|s: &State| 2.0 * s.h / scale), ("|dy|²", &|s: &State| s.y), ("w", &|s: &State| s.w)];
        let mut series = Vec::new();
        for (i, (quantity, of)) in quantities.into_iter().enumerate() {
            let measured = states.iter().map(of).collect();
            series.push(Series { marked: false, ..Series::solid(quantity, times.clone(), measured).in_colour(i) });
            if let Some(fit) = fit {
                let curve = fit.fit.curves.iter().map(of).collect();
                series.push(Series::dashed(quantity, fit.times.clone(), curve).in_colour(i));
            }
        }
        Panel {
            title: format!("seed {}", run.seed),
            note: format!("largest |dh|² {}", number(scale)),
            x: Axis::linear("step"),
            y: Axis::linear(""),
            series,
            ..Panel::default()
        }
    });
    let figure = Curves {
        label: "A pair of images through training, network and theory".into(),
        caption: format!(
            "A 0 and a 1 of {name} in the third hidden layer of a classifier that learns all ten classes in batches of 64. Dashed: the theory of two points, two constants fitted to each network."
        ),
        columns: 3,
        solid: "network".into(),
        dashed: "theory".into(),
        panels: panels.collect(),
        ..Curves::default()
    };
    Ok(PartOutcome {
        claims: vec![claim],
        sections: vec![Section::new("real", "A pair in a real problem", Ok(figure.draw()))],
    })
}

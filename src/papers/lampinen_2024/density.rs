//! Density: in how many units a feature is found.

use super::analysed::{Analysed, Band, Network};
use super::networks::{mean, spread};
use super::settings::{EASY, HARD};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::variance::{Explained, THRESHOLDS, explained_by_class, selectivity};
use crate::papers::claim::{Claim, Kind, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Panel, Rule, Section, Series};

/// The threshold of the claim.
const CLAIMED: f64 = 0.25;

/// Both features in one network's units.
struct Found {
    explained: [Explained; 2],
    /// Of each unit that varies with either, easy against hard.
    selectivity: Vec<f64>,
}

impl Found {
    fn of(network: &Network) -> Result<Self> {
        let explained = [0, 1].map(|f| explained_by_class(network.x(), network.labels(f)));
        let [easy, hard] = explained;
        let (easy, hard) = (easy?, hard?);
        let all = selectivity(&easy, &hard)?;
        Ok(Self { explained: [easy, hard], selectivity: all.into_iter().filter(|s| s.is_finite()).collect() })
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let least = lab.at(1.5, 1.5, 2.0);
    let found = Analysed::new(shared.base(lab)?, Found::of)?;
    let fraction = |f: usize, threshold: f64| found.values(|n| n.explained[f].density(threshold));
    let (easy, hard) = (fraction(0, CLAIMED), fraction(1, CLAIMED));
    let others: Vec<String> = THRESHOLDS
        .iter()
        .map(|&t| format!("above {t}: {:.3} / {:.3}", mean(&fraction(0, t)), mean(&fraction(1, t))))
        .collect();
    let selective = found.values(|n| mean(&n.selectivity));
    let claims = vec![
        found.noted(
            found.judged(
                Claim::new(
                    "density.ratio",
                    Kind::Prediction,
                    "The easy feature is found in more units than the hard one",
                )
                .source("[A] abstract: represented more densely; the statistic [P]; window [P]")
                .predicted(
                    "fraction of units of which a feature explains more than 0.25: larger for the easy \
                     one",
                    format!("mean of easy at least {least} times the mean of hard"),
                ),
                measured!("{} / {}, ratio {}", spread(&easy), spread(&hard), number(mean(&easy) / mean(&hard))),
                mean(&easy) >= least * mean(&hard) && mean(&easy) > 0.0,
            ),
            format!("Fractions of units, easy / hard, {}.", others.join("; ")),
        ),
        found.judged(
            Claim::new(
                "density.selectivity",
                Kind::Prediction,
                "Units are selective for the easy feature rather than for the hard one",
            )
            .source("[A] an author's post: similar biases in individual units; the index [P]")
            .predicted("mean of (easy - hard) / (easy + hard) over units: above 0", "mean over networks above 0"),
            spread(&selective),
            mean(&selective) > 0.0,
        ),
    ];
    Ok(PartOutcome { claims, sections: vec![section(&found)] })
}

fn section(found: &Analysed<Found>) -> Section {
    let curve = |x: &[f64], of: &dyn Fn(&Found, f64) -> f64| {
        Band::of(&found.found.iter().map(|n| x.iter().map(|&at| of(n, at)).collect()).collect::<Vec<_>>())
    };
    let thresholds: Vec<f64> = (0..=36).map(|i| f64::from(i) * 0.025).collect();
    let series = |name: &str, colour: usize, x: &[f64], of: &dyn Fn(&Found, f64) -> f64| {
        let band = curve(x, of);
        Series {
            marked: false,
            ..Series::solid(name, x.to_vec(), band.mean).band(band.low, band.high).in_colour(colour)
        }
    };
    let indices: Vec<f64> = (-20..=20).map(|i| f64::from(i) * 0.05).collect();
    let up_to = |n: &Found, at: f64| {
        n.selectivity.iter().filter(|s| **s <= at + 1e-12).count() as f64 / n.selectivity.len() as f64
    };
    let panels = vec![
        Panel {
            title: "Units that a feature is found in".into(),
            x: Axis::linear("least R² of the unit"),
            y: Axis::linear("fraction of units").within(-0.02, 1.02),
            series: vec![
                series(EASY, 0, &thresholds, &|n, t| n.explained[0].density(t)),
                series(HARD, 1, &thresholds, &|n, t| n.explained[1].density(t)),
            ],
            rules: vec![Rule::upright(CLAIMED, "claim")],
            ..Panel::default()
        },
        Panel {
            title: "Units by selectivity".into(),
            x: Axis::linear("(easy - hard) / (easy + hard)"),
            y: Axis::linear("fraction of units up to it").within(-0.02, 1.02),
            series: vec![series("selectivity", 2, &indices, &up_to)],
            rules: vec![Rule::upright(0.0, "neither")],
            ..Panel::default()
        },
    ];
    let figure = Curves {
        label: "Fraction of units that the easy and the hard feature explain, over thresholds, and \
                selectivity of units"
            .into(),
        caption: format!(
            "Last hidden layer of the base networks after training: {}. R² of each unit, fitted \
             on one held-out set and scored on another; selectivity from R² below zero counted as \
             zero. Lines: means over networks.",
            found.count()
        ),
        columns: 2,
        band: "lowest to highest network".into(),
        panels,
        ..Curves::default()
    };
    Section::new("density", "Density", Ok(figure.draw()))
}

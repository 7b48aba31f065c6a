//! Interventions along each feature's direction: what they change, and how far one must go.

use super::analysed::{Analysed, Band, Network};
use super::networks::{mean, spread};
use super::settings::{EASY, HARD};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::intervention::{Flips, Steering, cosine};
use crate::papers::claim::{Claim, Kind, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Panel, Rule, Section, Series};

/// One network, steered.
struct Found {
    /// What a step of the difference of means changes.
    flips: [Flips; 2],
    /// Least norms that flip half and nine in ten, over the root of the total variance.
    half: [f64; 2],
    most: [f64; 2],
    /// Length of the differences of means, in the same unit.
    length: [f64; 2],
    /// Cosine of the two directions.
    cosine: f64,
    /// Least norms of all examples in the same unit, ascending.
    norms: [Vec<f64>; 2],
}

impl Found {
    fn of(network: &Network) -> Result<Self> {
        let steer = |f: usize| Steering::new(network.x(), network.labels(f).fit, &network.head, f);
        let [easy, hard] = [steer(0)?, steer(1)?];
        let norms = |s: &Steering| {
            let mut all: Vec<f64> = s.norms().iter().map(|n| n / s.spread()).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let length = |s: &Steering| s.direction().iter().map(|d| d * d).sum::<f64>().sqrt() / s.spread();
        Ok(Self {
            flips: [easy.flips(1.0)?, hard.flips(1.0)?],
            half: [easy.norm_to_flip(0.5)?, hard.norm_to_flip(0.5)?],
            most: [easy.norm_to_flip(0.9)?, hard.norm_to_flip(0.9)?],
            length: [length(&easy), length(&hard)],
            cosine: cosine(easy.direction(), hard.direction())?,
            norms: [norms(&easy), norms(&hard)],
        })
    }

    /// Part of the examples that an intervention of this norm flips.
    fn flipped(&self, feature: usize, norm: f64) -> f64 {
        let all = &self.norms[feature];
        all.partition_point(|n| *n <= norm) as f64 / all.len() as f64
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let least_target = lab.at(0.9, 0.9, 0.95);
    let most_off = lab.at(0.05, 0.05, 0.02);
    let most_ratio = lab.at(0.85, 0.85, 0.7);
    let found = Analysed::new(shared.base(lab)?, Found::of)?;
    let pair = |of: &dyn Fn(&Found, usize) -> f64| [0, 1].map(|f| found.values(|n| of(n, f)));
    let target = pair(&|n, f| n.flips[f].target);
    let off = pair(&|n, f| n.flips[f].off_target);
    let (half, most) = (pair(&|n, f| n.half[f]), pair(&|n, f| n.most[f]));
    let length = pair(&|n, f| n.length[f]);
    let cosines = found.values(|n| n.cosine.abs());
    let text = |of: &[Vec<f64>; 2]| measured!("easy {}, hard {}", spread(&of[0]), spread(&of[1]));
    let ratio = |of: &[Vec<f64>; 2]| mean(&of[1]) / mean(&of[0]);
    let claims = vec![
        found.judged(
            Claim::new(
                "interventions.target",
                Kind::Prediction,
                "A step of the difference of means changes the answer for its feature",
            )
            .source("[S] interventions; step [P]; [M] 100 % for both; window [M]")
            .predicted(
                "part of the examples whose answer changes: 1",
                format!("means of both at least {least_target}"),
            ),
            text(&target),
            target.iter().all(|t| mean(t) >= least_target),
        ),
        found.judged(
            Claim::new("interventions.off-target", Kind::Control, "It leaves the answer for the other feature")
                .source("step [P]; [M] at most 0.1 %; window [M]")
                .predicted(
                    "part of the examples whose other answer changes: 0",
                    format!("means of both at most {most_off}"),
                ),
            text(&off),
            off.iter().all(|o| mean(o) <= most_off),
        ),
        found.noted(
            found.judged(
                Claim::new(
                    "interventions.norm",
                    Kind::Prediction,
                    "A smaller intervention is enough to change the answer for the hard feature",
                )
                .source(
                    "[S] a smaller intervention suffices to flip hard; in units of the root of the total \
                     variance [P]; [M] easy .78, hard .33 (50 %), .94, .44 (90 %)",
                )
                .predicted(
                    "least norm that changes half of the answers: hard below easy",
                    format!("mean of hard at most {most_ratio} times the mean of easy"),
                ),
                measured!("{}, ratio {}", text(&half), number(ratio(&half))),
                mean(&half[0]).is_finite() && mean(&half[1]) <= most_ratio * mean(&half[0]),
            ),
            format!(
                "For nine answers in ten: {}, ratio {}. Length of the difference of means: {}; size \
                 of the cosine of the two: {}.",
                text(&most),
                number(ratio(&most)),
                text(&length),
                spread(&cosines)
            ),
        ),
    ];
    Ok(PartOutcome { claims, sections: vec![section(&found)] })
}

fn section(found: &Analysed<Found>) -> Section {
    let x: Vec<f64> = (0..=60).map(|i| f64::from(i) * 0.025).collect();
    let series = [(EASY, 0), (HARD, 1)].map(|(name, f)| {
        let curves: Vec<Vec<f64>> =
            found.found.iter().map(|n| x.iter().map(|&at| n.flipped(f, at)).collect()).collect();
        let band = Band::of(&curves);
        Series { marked: false, ..Series::solid(name, x.clone(), band.mean).band(band.low, band.high).in_colour(f) }
    });
    let panel = Panel {
        x: Axis::linear("norm of the intervention over the root of the total variance"),
        y: Axis::linear("part of answers changed").within(-0.02, 1.02),
        series: series.to_vec(),
        rules: vec![Rule::across(0.5, "half"), Rule::across(0.9, "nine in ten")],
        ..Panel::default()
    };
    let figure = Curves {
        label: "Answers changed by interventions of growing norm along the direction of the easy \
                and of the hard feature"
            .into(),
        caption: format!(
            "Last hidden layer of the base networks after training: {}. Directions are \
             differences of class means on one held-out set; answers of the trained output layer \
             on another, each moved towards the answer that the network does not give. Lines: \
             means over networks.",
            found.count()
        ),
        columns: 1,
        band: "lowest to highest network".into(),
        panels: vec![panel],
        ..Curves::default()
    };
    Section::new("interventions", "Interventions", Ok(figure.draw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interventions_flip_what_needs_no_more_than_their_norm() {
        let flips = Flips { target: 1.0, each: vec![1.0, 0.0], off_target: 0.0 };
        let found = Found {
            flips: [flips.clone(), flips],
            half: [0.0; 2],
            most: [0.0; 2],
            length: [0.0; 2],
            cosine: 0.0,
            norms: [vec![0.1, 0.2, 0.3, f64::INFINITY], vec![0.0; 4]],
        };
        assert_eq!([0.0, 0.1, 0.25, 9.0].map(|norm| found.flipped(0, norm)), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(found.flipped(1, 0.0), 1.0);
    }
}

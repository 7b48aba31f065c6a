//! A new classifier on the representation, of a label that both features give: which of them it follows where they disagree.

use super::analysed::{Analysed, Band, Network};
use super::networks::{mean, spread};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::redundant::redundant;
use crate::measure::statistic::probe::LogisticOptions;
use crate::papers::claim::{Claim, Kind, measured};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Panel, Rule, Section, Series};

/// Examples that the classifier is fitted to.
const SIZES: [usize; 3] = [16, 64, 256];

/// Classifiers of one network, by [size](SIZES).
struct Found {
    /// Part of the conflicts on which they follow the easy feature.
    easy: Vec<f64>,
    /// Accuracy where the features agree.
    agreeing: Vec<f64>,
    /// Examples fitted to.
    sizes: Vec<usize>,
}

impl Found {
    fn of(network: &Network) -> Result<Self> {
        let (easy, hard) = (network.labels(0), network.labels(1));
        let agreeing = easy.fit.iter().zip(hard.fit).filter(|(a, b)| a == b).count();
        // Of activations as they are: scaling each unit would hide that some are larger.
        let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
        let mut found = Self { easy: Vec::new(), agreeing: Vec::new(), sizes: Vec::new() };
        for size in SIZES {
            // Half of the held-out examples agree, by chance a few more or less.
            let size = size.min(agreeing);
            let one = redundant(network.x(), easy, hard, size, &options)?;
            found.easy.push(one.first);
            found.agreeing.push(one.agreeing.unwrap_or(f64::NAN));
            found.sizes.push(size);
        }
        Ok(found)
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let least = lab.at(0.8, 0.8, 0.9);
    let found = Analysed::new(shared.base(lab)?, Found::of)?;
    let mut claims = Vec::new();
    for (i, size) in SIZES.into_iter().enumerate() {
        let (follows, agreeing) = (found.values(|n| n.easy[i]), found.values(|n| n.agreeing[i]));
        let fitted = found.found.iter().map(|n| n.sizes[i]).min().unwrap_or(size);
        let claim = Claim::new(
            format!("classifier.{size}"),
            Kind::Prediction,
            format!(
                "A classifier fitted to {size} examples where the features agree follows the easy \
                 one where they do not"
            ),
        )
        .source("[A] Fig. 16 exists; [S] classifiers follow the easy feature; [M] 1.000; window [M]")
        .predicted("part of the conflicts on which it follows the easy feature: 1", format!("mean at least {least}"));
        let measured = measured!("{}; accuracy where they agree {}", spread(&follows), spread(&agreeing));
        let claim = found.judged(claim, measured, mean(&follows) >= least);
        claims.push(if fitted < size {
            claim.note(format!(
                "The smallest held-out set has {fitted} examples that agree: all of them were \
                 taken."
            ))
        } else {
            claim
        });
    }
    let curve = |name: &str, colour: usize, of: &dyn Fn(&Found) -> Vec<f64>| {
        let band = Band::of(&found.found.iter().map(of).collect::<Vec<_>>());
        let x = SIZES.iter().map(|&n| n as f64).collect();
        Series::solid(name, x, band.mean).band(band.low, band.high).in_colour(colour)
    };
    let figure = Curves {
        label: "Which feature a new classifier follows, over the examples that it was fitted to".into(),
        caption: format!(
            "Logistic regressions (C = 1, units not scaled) on the last hidden layer of the base \
             networks: {}. Fitted to examples where the label of both features is the same, tried \
             on other examples where it is not, and where it is. Lines: means over networks.",
            found.count()
        ),
        columns: 1,
        band: "lowest to highest network".into(),
        panels: vec![Panel {
            x: Axis::log("examples fitted to"),
            y: Axis::linear("part of examples").within(-0.02, 1.02),
            series: vec![
                curve("right where they agree", 6, &|n| n.agreeing.clone()),
                curve("follows easy where the features conflict", 0, &|n| n.easy.clone()),
            ],
            rules: vec![Rule::across(0.5, "either")],
            ..Panel::default()
        }],
        ..Curves::default()
    };
    let sections = vec![Section::new("classifier", "A classifier that could use either", Ok(figure.draw()))];
    Ok(PartOutcome { claims, sections })
}

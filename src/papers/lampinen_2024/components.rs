//! Principal components: which feature the first ones go with, and what the network still answers from them.

use super::analysed::{Analysed, Band, Network};
use super::networks::{mean, spread};
use super::settings::{EASY, HARD, LEARNED};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::components::Components;
use crate::papers::claim::{Claim, Kind, measured};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Panel, Rule, Section, Series};

/// Components shown.
const SHOWN: usize = 12;
/// Components from which both features must be answered.
const ENOUGH: usize = 8;

/// What one network's components came to.
struct Found {
    /// Squared correlation of each component's scores with the easy and the hard feature.
    r2: [Vec<f64>; 2],
    /// Share of variance of each component.
    share: Vec<f64>,
    /// Accuracy of the easy and the hard feature from the first k components, for each k from 0.
    accuracy: [Vec<f64>; 2],
}

impl Found {
    fn of(network: &Network) -> Result<Self> {
        let (x, labels) = (network.x(), [network.labels(0).test, network.labels(1).test]);
        let components = Components::of(x.fit)?;
        let accuracy = components.accuracy(x.test, &network.head, &labels)?;
        let r2 = |f: usize| components.squared_correlations(x.test, labels[f]);
        Ok(Self {
            r2: [r2(0)?, r2(1)?],
            share: components.share.clone(),
            accuracy: [0, 1].map(|f| accuracy.iter().map(|both| both[f]).collect()),
        })
    }

    /// Accuracy from the first k components, or from all if there are fewer.
    fn from(&self, feature: usize, k: usize) -> f64 {
        let all = &self.accuracy[feature];
        all.get(k).or(all.last()).copied().unwrap_or(f64::NAN)
    }

    /// The least number of components from which a feature is answered, and from any more.
    fn needed(&self, feature: usize) -> f64 {
        let all = &self.accuracy[feature];
        all.iter().rposition(|a| *a < LEARNED).map_or(0.0, |k| k as f64 + 1.0)
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    // For networks smaller than those of known values: the same directions, wider windows.
    let r2_easy = lab.at(0.6, 0.6, 0.8);
    let r2_hard = lab.at(0.2, 0.2, 0.1);
    let easy_at_one = lab.at(0.95, 0.95, 0.99);
    let hard_at_one = lab.at(0.75, 0.75, 0.65);
    let at_enough = lab.at(0.97, 0.97, 0.99);
    let found = Analysed::new(shared.base(lab)?, Found::of)?;
    let first = |f: usize| found.values(|n| n.r2[f].first().copied().unwrap_or(f64::NAN));
    let share = |k: usize| found.values(|n| n.share.get(k).copied().unwrap_or(0.0));
    let at = |f: usize, k: usize| found.values(|n| n.from(f, k));
    let needed = |f: usize| found.values(|n| n.needed(f));
    let (r2, one) = ([first(0), first(1)], [at(0, 1), at(1, 1)]);
    let enough = [at(0, ENOUGH), at(1, ENOUGH)];
    let claims = vec![
        found.judged(
            Claim::new(
                "components.first",
                Kind::Prediction,
                "The first principal component goes with the easy feature",
            )
            .source(
                "[A] an author's post: similar biases in top components; [S]; [M] .951 easy, .005 \
                 hard, 60 % and 25 % of variance",
            )
            .predicted(
                "squared correlation of its scores: near 1 with the easy feature, near 0 with the \
                 hard",
                format!("means: easy at least {r2_easy}, hard at most {r2_hard}; window of our own"),
            ),
            measured!(
                "easy {}, hard {}; variance of the first two: {}, {}",
                spread(&r2[0]),
                spread(&r2[1]),
                spread(&share(0)),
                spread(&share(1))
            ),
            mean(&r2[0]) >= r2_easy && mean(&r2[1]) <= r2_hard,
        ),
        found.judged(
            Claim::new("components.easy", Kind::Prediction, "One component is enough to answer for the easy feature")
                .source(
                    "[S] the first k components keep the easy feature with a smaller k; [M] 1.00; window \
                     [M]",
                )
                .predicted("accuracy from one component: 1", format!("mean at least {easy_at_one}")),
            spread(&one[0]),
            mean(&one[0]) >= easy_at_one,
        ),
        found.judged(
            Claim::new(
                "components.hard",
                Kind::Prediction,
                "One component is not enough to answer for the hard feature",
            )
            .source(
                "[S] the first k components keep the easy feature with a smaller k; [M] .52; window \
                 [M]",
            )
            .predicted("accuracy from one component: near chance, 0.5", format!("mean at most {hard_at_one}")),
            measured!(
                "{}; components needed for 99 %: easy {}, hard {}",
                spread(&one[1]),
                spread(&needed(0)),
                spread(&needed(1))
            ),
            mean(&one[1]) <= hard_at_one,
        ),
        found.judged(
            Claim::new("components.enough", Kind::Control, "Eight components are enough to answer for both")
                .source("[M] both 1.00 from 6 components; window [M]")
                .predicted("accuracy from eight components: 1 for both", format!("means at least {at_enough}")),
            measured!("easy {}, hard {}", spread(&enough[0]), spread(&enough[1])),
            mean(&enough[0]) >= at_enough && mean(&enough[1]) >= at_enough,
        ),
    ];
    Ok(PartOutcome { claims, sections: vec![section(&found)] })
}

fn section(found: &Analysed<Found>) -> Section {
    let series = |name: &str, colour: usize, first: usize, of: &dyn Fn(&Found) -> Vec<f64>| {
        let band =
            Band::of(&found.found.iter().map(|n| of(n).into_iter().take(SHOWN + 1).collect()).collect::<Vec<_>>());
        let x = (0..band.mean.len()).map(|k| (k + first) as f64).collect();
        Series::solid(name, x, band.mean).band(band.low, band.high).in_colour(colour)
    };
    let both = |first: usize, of: &dyn Fn(&Found, usize) -> Vec<f64>| {
        let each = [(EASY, 0), (HARD, 1)];
        each.map(|(name, f)| series(name, f, first, &|n| of(n, f)))
    };
    let short = |all: &[f64]| all.iter().copied().take(SHOWN).collect::<Vec<f64>>();
    let mut components = both(1, &|n, f| short(&n.r2[f])).to_vec();
    components.push(series("share of variance", 6, 1, &|n| short(&n.share)));
    let panels = vec![
        Panel {
            title: "What the network answers from the first components".into(),
            x: Axis::linear("components kept"),
            y: Axis::linear("accuracy").within(0.45, 1.02),
            series: both(0, &|n, f| n.accuracy[f].clone()).to_vec(),
            rules: vec![Rule::across(0.5, "chance")],
            ..Panel::default()
        },
        Panel {
            title: "What each component goes with".into(),
            x: Axis::linear("component"),
            y: Axis::linear("squared correlation").within(-0.02, 1.02),
            series: components,
            ..Panel::default()
        },
    ];
    let figure = Curves {
        label: "Accuracy of both features from the first principal components, and squared \
                correlations of components with features"
            .into(),
        caption: format!(
            "Last hidden layer of the base networks after training: {}. Components fitted on one \
             held-out set; accuracies through the trained output layer and squared correlations \
             on another. Lines: means over networks.",
            found.count()
        ),
        columns: 2,
        band: "lowest to highest network".into(),
        panels,
        ..Curves::default()
    };
    Section::new("components", "Principal components", Ok(figure.draw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_needs_the_components_after_which_it_is_never_lost() {
        let found =
            Found { r2: [vec![], vec![]], share: vec![], accuracy: [vec![0.5, 1.0, 1.0], vec![0.5, 0.995, 0.7, 0.99]] };
        assert_eq!([found.needed(0), found.needed(1)], [1.0, 3.0]);
        assert_eq!([found.from(0, 8), found.from(1, 2)], [1.0, 0.7]);
    }

    #[test]
    fn the_figure_of_no_network_is_drawn() {
        assert!(section(&Analysed { trained: 3, found: Vec::new(), failed: Vec::new() }).figure.is_ok());
    }
}

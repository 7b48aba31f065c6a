//! What the representation keeps of how the hard feature is computed: intermediate results, patterns of its bits, distractors.

use faer::{Mat, MatRef};

use super::analysed::{Analysed, Band, Network, matrices};
use super::networks::{mean, spread};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::Sets;
use crate::measure::features::substructure::substructure;
use crate::measure::features::variance::explained_by_columns;
use crate::papers::claim::{Claim, Kind, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Curves, Dot, Group, Panel, Scatter, ScatterPanel, Section, Series};

/// Bits of the hard feature.
const BITS: usize = 4;

/// Parts of one network's last hidden layer.
struct Found {
    /// Share of variance that each function explains, by name; NaN where it is not determined.
    parts: Vec<(String, f64)>,
    /// The same of all products of one bit, of two, three and four; together they are the sixteen patterns.
    orders: Vec<f64>,
}

impl Found {
    fn of(network: &Network) -> Result<Self> {
        let bits = matrices(&network.bits);
        let parts = substructure(network.x(), bits)?;
        let share = |part: &crate::measure::features::substructure::ExplainedFunction| match &part.explained {
            Ok(explained) => explained.variance(),
            Err(_) => f64::NAN,
        };
        let orders = (1..=BITS).map(|order| {
            let (fit, test) = (products(bits.fit, order), products(bits.test, order));
            let explained = explained_by_columns(network.x(), Sets { fit: fit.as_ref(), test: test.as_ref() })?;
            Ok(explained.variance())
        });
        Ok(Self {
            parts: parts.iter().map(|part| (part.name.clone(), share(part))).collect(),
            orders: orders.collect::<Result<_>>()?,
        })
    }

    fn part(&self, name: &str) -> f64 {
        self.parts.iter().find(|(n, _)| n == name).map_or(f64::NAN, |(_, share)| *share)
    }
}

/// Products of so many of the first four bits, as -1 and 1: exclusive ors of each choice of them, one column each.
fn products(bits: MatRef<'_, f64>, order: usize) -> Mat<f64> {
    let chosen: Vec<u32> = (0..1u32 << BITS).filter(|set| set.count_ones() as usize == order).collect();
    let sign = |i: usize, j: usize| if bits[(i, j)] > 0.5 { -1.0 } else { 1.0 };
    Mat::from_fn(bits.nrows(), chosen.len(), |i, c| {
        (0..BITS).filter(|j| chosen[c] >> j & 1 == 1).map(|j| sign(i, j)).product()
    })
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let least = lab.at(1.2, 1.2, 1.5);
    let found = Analysed::new(shared.base(lab)?, Found::of)?;
    let part = |name: &str| found.values(|n| n.part(name));
    let (patterns, hard) = (part("patterns"), part("parity"));
    let (left, right) = (part("xor_left"), part("xor_right"));
    let order = |bits: usize| found.values(|n| n.orders[bits - 1]);
    let rest = ["sum", "bits", "distractors"].map(|name| format!("{name} {}", spread(&part(name))));
    let claims = vec![
        found.noted(
            found.judged(
                Claim::new(
                    "substructure.patterns",
                    Kind::Prediction,
                    "The patterns of the hard feature's bits explain more than the feature",
                )
                .source(
                    "[S] sub-components are represented more strongly than the output; the statistic \
                     [P]; window [M]",
                )
                .predicted(
                    "share of variance explained by the sixteen patterns over that by the hard feature: \
                     above 1",
                    format!("ratio of means at least {least}"),
                ),
                measured!(
                    "{} against {}, ratio {}",
                    spread(&patterns),
                    spread(&hard),
                    number(mean(&patterns) / mean(&hard))
                ),
                mean(&patterns) >= least * mean(&hard) && mean(&patterns) > 0.0,
            ),
            format!("Of other functions of the block: {}.", rest.join("; ")),
        ),
        found.noted(
            found.judged(
                Claim::new(
                    "substructure.pairs",
                    Kind::KnownWeaker,
                    "Each of the two inner exclusive ors explains more than the hard feature",
                )
                .source(
                    "[S] sub-components of XOR are represented more strongly than the output; [M] not \
                     seen in the reconstruction",
                )
                .predicted(
                    "share of variance explained by W⊕X and by Y⊕Z: above that of the hard feature",
                    "both means above",
                ),
                measured!("W⊕X {}, Y⊕Z {}, hard feature {}", spread(&left), spread(&right), spread(&hard)),
                mean(&left) > mean(&hard) && mean(&right) > mean(&hard),
            ),
            format!(
                "A parity of four bits is the same for any way to pair them, so that a network has \
                 no reason to prefer these two of the six pairs. All single bits explain {}, all \
                 pairs {}, all triples {}.",
                spread(&order(1)),
                spread(&order(2)),
                spread(&order(3))
            ),
        ),
    ];
    Ok(PartOutcome { claims, sections: vec![parts(&found), orders(&found)] })
}

fn parts(found: &Analysed<Found>) -> Section {
    let shown = [
        ("patterns", "sixteen patterns"),
        ("sum", "number of ones"),
        ("xor_left", "W⊕X"),
        ("xor_right", "Y⊕Z"),
        ("bits", "the four bits"),
        ("distractors", "distractors"),
    ];
    let group = |(name, title): (&str, &str)| Group {
        name: title.to_owned(),
        dots: found.found.iter().map(|n| Dot::new(n.part("parity"), n.part(name))).collect(),
    };
    let figure = Scatter {
        label: "Variance explained by parts of the hard feature against that by the feature itself, \
                for each network"
            .into(),
        caption: format!(
            "Share of the variance of the last hidden layer, one point for each of the base \
             networks: {}. Above the line: represented more strongly than the feature that is \
             computed of it.",
            found.count()
        ),
        columns: 1,
        x: "R² of the hard feature".into(),
        y: "R² of the part".into(),
        panels: vec![ScatterPanel { groups: shown.map(group).to_vec(), ..ScatterPanel::default() }],
    };
    Section::new("substructure", "Parts of the hard feature", Ok(figure.draw()))
}

fn orders(found: &Analysed<Found>) -> Section {
    let band = Band::of(&found.found.iter().map(|n| n.orders.clone()).collect::<Vec<_>>());
    let x = (1..=band.mean.len()).map(|order| order as f64).collect();
    let figure = Curves {
        label: "Variance explained by products of one, two, three and four bits of the hard \
                feature"
            .into(),
        caption: format!(
            "Share of the variance of the last hidden layer that all exclusive ors of so many of \
             the four bits explain together: 4, 6, 4 and 1 of them. The last is the hard feature; \
             the sum of all is what the sixteen patterns explain. Beyond the paper. Line: mean \
             over networks; {}.",
            found.count()
        ),
        columns: 1,
        band: "lowest to highest network".into(),
        panels: vec![Panel {
            x: Axis::linear("bits").within(0.0, 5.0),
            y: Axis::linear("R²"),
            series: vec![Series::solid("exclusive ors of so many bits", x, band.mean).band(band.low, band.high)],
            ..Panel::default()
        }],
        ..Curves::default()
    };
    Section::new("substructure-orders", "Exclusive ors of the hard feature's bits", Ok(figure.draw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_all_orders_are_an_orthogonal_basis_of_the_patterns() {
        let bits = Mat::from_fn(16, 6, |i, j| f64::from(u8::from(i >> j & 1 == 1)));
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for (order, count) in [(1, 4), (2, 6), (3, 4), (4, 1)] {
            let found = products(bits.as_ref(), order);
            assert_eq!(found.ncols(), count);
            columns.extend(found.col_iter().map(|c| c.iter().copied().collect::<Vec<f64>>()));
        }
        for (i, a) in columns.iter().enumerate() {
            assert_eq!(a.iter().sum::<f64>(), 0.0);
            for (j, b) in columns.iter().enumerate() {
                let inner: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                assert_eq!(inner, if i == j { 16.0 } else { 0.0 });
            }
        }
        // One of four bits set: an odd parity.
        assert_eq!(products(bits.as_ref(), 4)[(1, 0)], -1.0);
    }

    #[test]
    fn figures_of_no_network_are_drawn() {
        let none = Analysed { trained: 3, found: Vec::new(), failed: Vec::new() };
        assert!([parts(&none), orders(&none)].iter().all(|section| section.figure.is_ok()));
    }
}

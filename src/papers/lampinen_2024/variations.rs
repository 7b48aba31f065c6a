//! Depth, width, activation, optimiser, dropout: what the bias depends on.

use super::networks::{Flavour, Networks, mean};
use super::settings::{Config, EASY, HARD};
use super::shared::Shared;
use super::windows::{both, gap, known};
use crate::config::{Activation, Optimiser, OptimiserKind};
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::papers::{Lab, PartOutcome, Scale};
use crate::report::paper::{Dot, Group, Scatter, ScatterPanel, Section};

/// One variation, trained.
struct Row {
    name: &'static str,
    networks: Networks,
}

impl Row {
    fn shares(&self, flavour: Flavour) -> [Vec<f64>; 2] {
        [EASY, HARD].map(|f| self.networks.explained(flavour, f, self.networks.depth() - 1))
    }

    fn gap(&self, flavour: Flavour) -> f64 {
        let [easy, hard] = self.shares(flavour);
        gap(&easy, &hard)
    }
}

fn trained(lab: &mut Lab<'_>, seeds: u32, all: Vec<(&'static str, Config)>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, config) in all {
        lab.note(&format!("variations: {name}"));
        rows.push(Row { name, networks: Networks::train(lab, &config, seeds)? });
    }
    Ok(rows)
}

fn text(rows: &[&Row], flavour: Flavour, seeds: u32) -> Measured {
    let each = rows.iter().map(|row| {
        let [easy, hard] = row.shares(flavour);
        measured!("{}: {:.3}/{:.3} ({} of {seeds})", row.name, mean(&easy), mean(&hard), easy.len())
    });
    Measured::joined(each, ", ")
}

/// Whether the mean shares of both features are within so much of others; never if there is no network to take a mean over.
fn alike(own: &[Vec<f64>; 2], other: &[Vec<f64>; 2], within: f64) -> bool {
    own.iter().zip(other).all(|(a, b)| gap(a, b).abs() <= within)
}

/// Networks of other depths and widths.
pub fn architecture(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let base = shared.config();
    let widths = base.layers.clone();
    let deep = |depth: usize| {
        let last = widths.last().copied().unwrap_or(1);
        let layers = (0..depth).map(|l| widths.get(l).copied().unwrap_or(last)).collect();
        Config { layers, ..base.clone() }
    };
    let wide = |factor: f64| {
        let layers = widths.iter().map(|&w| (f64::from(w) * factor) as u32).collect();
        Config { layers, ..base.clone() }
    };
    let seeds = shared.seeds;
    let mut rows = trained(
        lab,
        seeds,
        vec![
            ("1 hidden layer", deep(1)),
            ("2 hidden layers", deep(2)),
            ("6 hidden layers", deep(6)),
            ("half the width", wide(0.5)),
            ("twice the width", wide(2.0)),
        ],
    )?;
    rows.insert(2, Row { name: "4 hidden layers", networks: shared.base(lab)?.clone() });
    let depths: Vec<&Row> = rows[..4].iter().collect();
    let slack = if known(lab.scale()) { 0.05 } else { 0.1 };
    let gaps: Vec<f64> = depths.iter().map(|r| r.gap(Flavour::Variance)).filter(|g| g.is_finite()).collect();
    let solved = depths[1..].iter().all(|r| r.networks.solved().len() as u32 * 8 >= 7 * seeds);
    let base_row = &rows[2];
    let within = if known(lab.scale()) { 0.1 } else { 0.2 };
    let widths: Vec<&Row> = rows[4..].iter().collect();
    let like_base = |row: &&Row| alike(&row.shares(Flavour::Variance), &base_row.shares(Flavour::Variance), within);
    let claims = vec![
        Claim::new(
            "variations.depth",
            Kind::Prediction,
            "The deeper the network, the larger the gap between easy and hard",
        )
        .source("[S] deeper networks, larger gap")
        .predicted(
            "gap does not shrink from 1 to 2, 4 and 6 hidden layers",
            format!(
                "means, {slack} of slack at each step; of 2 layers and more, 7 of 8 networks learn both; one layer counts if any does"
            ),
        )
        .measured(
            text(&depths, Flavour::Variance, seeds),
            seeds,
            gaps.len() >= 3 && solved && gaps.windows(2).all(|w| w[1] >= w[0] - slack),
        )
        .note("Other depths keep the first layers of the base network, or repeat its last width."),
        Claim::new("variations.width", Kind::Prediction, "Width makes next to no difference")
            .source("[S]")
            .predicted("shares those of the base network", format!("means within {within}"))
            .measured(
                text(&[base_row, widths[0], widths[1]], Flavour::Variance, seeds),
                seeds,
                widths.iter().all(like_base),
            ),
    ];
    Ok(PartOutcome { claims, sections: vec![section("architecture", "Depth and width", &rows)] })
}

/// Other optimisers, dropout and activations.
pub fn optimisers(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let base = shared.config();
    // The batch of the demonstration; at smaller scales as much larger than the base's, with the rate to match.
    let (batch, lr) = match lab.scale() {
        Scale::Notes | Scale::Paper => (1024, 1e-3),
        Scale::Small => (256, 3e-3),
        Scale::Tiny => (128, 4e-3),
    };
    let adam = |kind: OptimiserKind, decay: f64, dropout: f64| Config {
        optimiser: Optimiser { kind, lr, weight_decay: decay, ..Optimiser::default() },
        batch,
        dropout,
        ..base.clone()
    };
    let momentum = Config {
        optimiser: Optimiser { momentum: 0.9, lr: 0.3 * base.optimiser.lr, ..base.optimiser.clone() },
        ..base.clone()
    };
    let activation = |activation: Activation| Config { activation, ..base.clone() };
    let seeds = shared.seeds;
    let rows = trained(
        lab,
        seeds,
        vec![
            ("Adam", adam(OptimiserKind::Adam, 0.0, 0.0)),
            ("Adam, dropout .1", adam(OptimiserKind::Adam, 0.0, 0.1)),
            ("Adam, dropout .3", adam(OptimiserKind::Adam, 0.0, 0.3)),
            ("momentum .9", momentum),
            ("AdamW, decay .1", adam(OptimiserKind::Adamw, 0.1, 0.0)),
            ("ReLU", activation(Activation::Relu)),
            ("tanh", activation(Activation::Tanh)),
        ],
    )?;
    let others: Vec<&Row> = rows[3..].iter().collect();
    let dropout: Vec<&Row> = rows[1..3].iter().collect();
    let most = if known(lab.scale()) { 0.1 } else { 0.2 };
    let claims = vec![
        Claim::new("variations.adam", Kind::Prediction, "The bias is there under Adam")
            .source("[M] share .62 / .14, mean R² .42 / .19")
            .predicted("easy above hard", "means over networks that learned both")
            .measured(
                both(&rows[0].shares(Flavour::Variance)[0], &rows[0].shares(Flavour::Variance)[1], seeds),
                seeds,
                rows[0].gap(Flavour::Variance) > 0.0,
            ),
        Claim::new(
            "variations.dropout",
            Kind::Prediction,
            "With dropout the two explain almost as much as each other of a mean unit",
        )
        .source("[S] dropout can reverse the bias slightly; [M] mean R² .367 / .371 and .402 / .346")
        .predicted("gap of the mean R² near zero", format!("within {most} of it at dropout .1 and .3"))
        .measured(
            text(&dropout, Flavour::Uniform, seeds),
            seeds,
            dropout.iter().all(|row| row.gap(Flavour::Uniform).abs() < most),
        )
        .note(format!("As a share of the variance: {}.", text(&dropout, Flavour::Variance, seeds))),
        Claim::new(
            "variations.others",
            Kind::Prediction,
            "The bias is there with momentum, weight decay, ReLU and tanh",
        )
        .source("[S] reported variations")
        .predicted("easy above hard in each", "means over networks that learned both")
        .measured(
            text(&others, Flavour::Variance, seeds),
            seeds,
            others.iter().all(|row| row.gap(Flavour::Variance) > 0.0),
        ),
    ];
    Ok(PartOutcome { claims, sections: vec![section("optimisers", "Optimisers, dropout, activations", &rows)] })
}

fn section(name: &str, heading: &str, rows: &[Row]) -> Section {
    let panel = |title: &str, flavour: Flavour| ScatterPanel {
        title: title.into(),
        groups: rows
            .iter()
            .map(|row| {
                let [easy, hard] = row.shares(flavour);
                Group { name: row.name.into(), dots: easy.iter().zip(&hard).map(|(e, h)| Dot::new(*e, *h)).collect() }
            })
            .collect(),
        ..ScatterPanel::default()
    };
    let figure = Scatter {
        label: format!("Variance explained by the easy and the hard feature: {heading}"),
        caption: "Each point is a network that learned both features. On the line both would explain as much.".into(),
        columns: 2,
        x: "easy feature".into(),
        y: "hard feature".into(),
        panels: vec![panel("share of the variance", Flavour::Variance), panel("mean R² over units", Flavour::Uniform)],
    };
    Section::new(name, heading, Ok(figure.draw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_learned_nothing_are_like_no_others() {
        let some = [vec![0.6, 0.5], vec![0.1, 0.2]];
        assert!(alike(&some, &[vec![0.5], vec![0.2]], 0.1));
        assert!(!alike(&some, &[vec![0.4], vec![0.2]], 0.1));
        assert!(!alike(&some, &[vec![], vec![]], 0.1));
        assert!(!alike(&[vec![], vec![]], &[vec![], vec![]], 0.1));
    }
}

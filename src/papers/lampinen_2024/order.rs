//! Learning order: which feature is trained first, by stages with losses on one output.

use super::networks::{Flavour, Networks, mean};
use super::settings::{Config, EASY, HARD, until_learned};
use super::shared::Shared;
use super::windows::{both, gap, known};
use crate::config::Stage;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, measured};
use crate::papers::{Lab, PartOutcome, Scale};
use crate::report::paper::{Dot, Group, Scatter, ScatterPanel, Section};

/// Epochs of training after both features are learned.
fn afterwards(scale: Scale) -> u32 {
    match scale {
        Scale::Tiny => 30,
        Scale::Small => 40,
        Scale::Notes | Scale::Paper => 60,
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let more = afterwards(lab.scale());
    let one_first = |name: &str| -> Config {
        let base = shared.config();
        let both = Stage { fresh_optimiser: true, ..until_learned(&[]) };
        Config { stages: vec![until_learned(&[name]), both], epochs: 2 * base.epochs, ..base }
    };
    let (hard_first, easy_first) = (one_first(HARD), one_first(EASY));
    lab.note("order: either feature alone first, then both");
    let stopped = Networks::train_stages(lab, &[hard_first.clone(), easy_first.clone()], shared.seeds)?;
    lab.note(&format!("order: the same with {more} epochs more"));
    let longer = Networks::train_stages(lab, &[hard_first.and_then(more), easy_first.and_then(more)], shared.seeds)?;
    let base = shared.base(lab)?.clone();
    let seeds = shared.seeds;
    let of = |n: &Networks| [EASY, HARD].map(|f| n.explained(Flavour::Variance, f, n.depth() - 1));
    let ([easy, hard], [first_easy, first_hard], [second_easy, second_hard]) =
        (of(&base), of(&stopped[0]), of(&stopped[1]));
    let [late_easy, late_hard] = of(&longer[0]);
    let gaps = [gap(&easy, &hard), gap(&first_easy, &first_hard), gap(&late_easy, &late_hard)];
    // At smaller scales: half of the effect and twice the slack.
    let (least, slack) = if known(lab.scale()) { (0.2, 0.1) } else { (0.1, 0.2) };
    let together = || measured!("together {:.3} / {:.3}", mean(&easy), mean(&hard));
    let claims = vec![
        Claim::new(
            "order.hard-first",
            Kind::Prediction,
            "Trained on the hard feature first, networks represent the two less unequally, and still the easy one more",
        )
        .source("[S] pretraining narrows the gap but does not remove it; [M] .289 / .207 against .585 / .115")
        .predicted(
            "gap smaller, easy still above hard",
            format!("gap smaller by {least} at the first check with both learned; means"),
        )
        .measured(
            measured!("{}, {}", both(&first_easy, &first_hard, seeds), together()),
            seeds,
            gaps[0] - gaps[1] >= least && gaps[1] > 0.0,
        ),
        Claim::new(
            "order.easy-first",
            Kind::Prediction,
            "Trained on the easy feature first, the easy one leads by as much as ever",
        )
        .source("[S]; [M] .60 / .17; window of our own")
        .predicted("easy above hard", format!("gap at least that of training together less {slack}"))
        .measured(
            both(&second_easy, &second_hard, seeds),
            seeds,
            gap(&second_easy, &second_hard) >= gaps[0] - slack,
        ),
        Claim::new(
            "order.reverts",
            Kind::Prediction,
            format!(
                "Trained on for {more} epochs, networks that began with the hard feature return to the common bias"
            ),
        )
        .source("[M] .53 / .14 after 60 epochs")
        .predicted("gap that of training together", format!("within {slack}; means"))
        .measured(
            measured!("{}, {}", both(&late_easy, &late_hard, seeds), together()),
            seeds,
            (gaps[2] - gaps[0]).abs() <= slack,
        ),
    ];
    let group = |name: &str, easy: &[f64], hard: &[f64]| Group {
        name: name.into(),
        dots: easy.iter().zip(hard).map(|(e, h)| Dot::new(*e, *h)).collect(),
    };
    let figure = Scatter {
        label: "Share of the variance of the easy and the hard feature, by learning order".into(),
        caption: format!(
            "Each point is a network at the first check at which it had learned both features: trained on both together, or on one of them \
             first; and those that began with the hard one after {more} epochs more. On the line both would explain as much."
        ),
        x: "share of the variance, easy feature".into(),
        y: "share of the variance, hard feature".into(),
        panels: vec![ScatterPanel {
            groups: vec![
                group("together", &easy, &hard),
                group("hard first", &first_easy, &first_hard),
                group("easy first", &second_easy, &second_hard),
                group("hard first, later", &late_easy, &late_hard),
            ],
            ..ScatterPanel::default()
        }],
        ..Scatter::default()
    };
    Ok(PartOutcome { claims, sections: vec![Section::new("order", "Learning order", Ok(figure.draw()))] })
}

//! Prevalence: two features of one kind, of which one is there in a part of the training examples.

use super::networks::{Flavour, Networks, mean};
use super::settings::{Config, EASY, HARD, with_rate};
use super::shared::Shared;
use super::windows::{gap, known};
use crate::config::Absent;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::papers::{Lab, PartOutcome, Scale};
use crate::report::paper::{Axis, Curves, Panel, Section, Series};

/// How often the second feature is there.
const PRESENCES: [f64; 4] = [1.0, 0.5, 0.2, 0.1];

/// Epochs of the runs without a stop.
fn long(scale: Scale) -> u32 {
    match scale {
        Scale::Tiny => 30,
        Scale::Small => 40,
        Scale::Notes | Scale::Paper => 60,
    }
}

/// Shares of the first and the second feature, for each presence.
type Shares = Vec<[Vec<f64>; 2]>;

fn of(networks: &Networks) -> [Vec<f64>; 2] {
    [EASY, HARD].map(|f| networks.explained(Flavour::Variance, f, networks.depth() - 1))
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let pair = shared.config().with_functions("linear", "linear");
    let seeds = shared.seeds;
    let train = |lab: &mut Lab<'_>, what: &str, absent: Absent, stop: bool| -> Result<Shares> {
        lab.note(&format!("prevalence: {what}"));
        let mut all = Vec::new();
        for presence in PRESENCES {
            let mut config: Config = pair.clone();
            config.features[1].presence = presence;
            config.features[1].absent = absent;
            let config = if stop { config } else { config.clone().for_epochs(long(lab.scale())) };
            all.push(of(&Networks::train(lab, &config, seeds)?));
        }
        Ok(all)
    };
    let stopped = train(lab, "block and loss masked, until both are learned", Absent::BlockAndLoss, true)?;
    let masked = train(lab, "loss masked alone, until both are learned", Absent::Loss, true)?;
    let epochs = long(lab.scale());
    let later = train(lab, &format!("block and loss masked, {epochs} epochs"), Absent::BlockAndLoss, false)?;
    let mut rates = Vec::new();
    for rate in [0.5, 0.2, 0.05] {
        lab.note(&format!("prevalence: control, base rate {rate}"));
        let mut config = pair.clone();
        config.features[1] = with_rate(config.features[1].clone(), rate);
        rates.push(of(&Networks::train(lab, &config, seeds)?));
    }
    let shares = |at: f64, a: &[f64], b: &[f64]| measured!("{at}: {:.3}/{:.3} ({})", mean(a), mean(b), a.len());
    let text = |all: &Shares| {
        let each = PRESENCES.iter().zip(all);
        Measured::joined(each.map(|(q, [a, b])| shares(*q, a, b)), ", ")
    };
    let gaps = |all: &Shares| all.iter().map(|[a, b]| gap(a, b)).collect::<Vec<f64>>();
    let rising = |all: &Shares| gaps(all).windows(2).all(|w| w[0] < w[1]);
    let least = if known(lab.scale()) { 0.2 } else { 0.1 };
    let claim = |id: &str, sentence: &str, source: &str, all: &Shares| {
        Claim::new(id, Kind::Prediction, sentence)
            .source(source)
            .predicted(
                "gap grows as the second feature is rarer",
                format!("strictly, over presence {PRESENCES:?}; at .5 at least {least}; stopped when both are learned"),
            )
            .measured(text(all), seeds, rising(all) && gaps(all)[1] >= least)
    };
    let (early, late) = (gaps(&stopped), gaps(&later));
    let biases: Vec<f64> = rates.iter().map(|[a, b]| gap(a, b)).collect();
    let most = if known(lab.scale()) { 0.1 } else { 0.15 };
    let claims = vec![
        claim(
            "prevalence.presence",
            "Of two equal features the one that is seen less often is represented less, though both are computed",
            "[A] more prevalent features are represented more strongly; [P] prevalence as presence; [M] .46/.46, .64/.27, .79/.13, .85/.07",
            &stopped,
        ),
        claim(
            "prevalence.loss",
            "So it is where only its label is missing",
            "[P]; [M] .67/.25, .82/.11, .87/.07; window as where the block is masked too",
            &masked,
        ),
        Claim::new(
            "prevalence.later",
            Kind::Prediction,
            format!("Trained on without a stop, for {epochs} epochs, most of the difference goes"),
        )
        .source("[M] 60 epochs: .476/.476, .505/.443, .538/.407; window of our own")
        .predicted("gaps below half of those at the stop", "means, at presence .5, .2 and .1")
        .measured(text(&later), seeds, (1..PRESENCES.len()).all(|i| late[i] < 0.5 * early[i])),
        Claim::new(
            "prevalence.base-rate",
            Kind::Control,
            "A rarer label, of a feature that is always there, makes no such difference",
        )
        .source("[M] base rates .5, .2, .05: .456/.497, .460/.482, .435/.493")
        .predicted("no bias", format!("means at most {most} apart"))
        .measured(
            Measured::joined([0.5, 0.2, 0.05].iter().zip(&rates).map(|(r, [a, b])| shares(*r, a, b)), ", "),
            seeds,
            biases.iter().all(|b| b.abs() <= most),
        ),
    ];
    let x: Vec<f64> = PRESENCES.to_vec();
    let series = |name: &str, colour: usize, which: usize, all: &Shares| {
        let values: Vec<&Vec<f64>> = all.iter().map(|pair| &pair[which]).collect();
        let low = values.iter().map(|v| v.iter().copied().fold(f64::INFINITY, f64::min)).collect();
        let high = values.iter().map(|v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
        Series::solid(name, x.clone(), values.iter().map(|v| mean(v)).collect()).band(low, high).in_colour(colour)
    };
    let panel = |title: &str, all: &Shares| Panel {
        title: title.into(),
        x: Axis::log("presence of the second feature"),
        y: Axis::linear("share of the variance").within(0.0, 1.0),
        series: vec![series("always there", 0, 0, all), series("sometimes there", 1, 1, all)],
        ..Panel::default()
    };
    let figure = Curves {
        label: "Share of the variance of two equal features, by how often one of them is there".into(),
        caption: format!(
            "The last hidden layer of {seeds} networks each (means; bands from the lowest to the highest), analysed on examples that show \
             both features."
        ),
        columns: 3,
        panels: vec![
            panel("until both are learned", &stopped),
            panel("its loss missing alone", &masked),
            panel(&format!("{epochs} epochs"), &later),
        ],
        ..Curves::default()
    };
    Ok(PartOutcome { claims, sections: vec![Section::new("prevalence", "Prevalence", Ok(figure.draw()))] })
}

//! Complexity: the same easy feature beside functions of four units, from conjunctions to parity; and matched controls.

use super::networks::{Flavour, Networks, mean, spread};
use super::settings::{EASY, HARD};
use super::shared::Shared;
use super::windows::known;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Dot, Group, Scatter, ScatterPanel, Section};

/// The ladder: a function, its exclusive ors, and what was measured of it in the notes (easy, other).
const LADDER: [(&str, usize, [f64; 2]); 8] = [
    ("and_and_and", 0, [0.51, 0.38]),
    ("or_and_and", 0, [0.46, 0.42]),
    ("and_or_or", 0, [0.45, 0.43]),
    ("xor_or_or", 1, [0.45, 0.30]),
    ("xor_and_and", 1, [0.49, 0.31]),
    ("or_xor_xor", 2, [0.57, 0.23]),
    ("and_xor_xor", 2, [0.64, 0.19]),
    ("xor_xor_xor", 3, [0.59, 0.12]),
];

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let mut rows: Vec<(&str, usize, [Vec<f64>; 2])> = Vec::new();
    for (function, xors, _) in LADDER {
        lab.note(&format!("complexity: linear beside {function}"));
        let networks = match function {
            "xor_xor_xor" => shared.base(lab)?.clone(),
            _ => Networks::train(lab, &shared.config().with_functions("linear", function), shared.seeds)?,
        };
        let last = networks.depth() - 1;
        rows.push((function, xors, [EASY, HARD].map(|f| networks.explained(Flavour::Variance, f, last))));
    }
    let seeds = shared.seeds;
    let row = |(name, _, [easy, other]): &(&str, usize, [Vec<f64>; 2])| {
        measured!("{name} {:.2}/{:.2} ({})", mean(easy), mean(other), easy.len())
    };
    let text = Measured::joined(rows.iter().map(row), ", ");
    let below = rows.iter().all(|(_, _, [easy, other])| mean(other) < mean(easy));
    let tier = |of: &dyn Fn(usize) -> bool| {
        mean(&rows.iter().filter(|(_, xors, _)| of(*xors)).map(|(_, _, [_, other])| mean(other)).collect::<Vec<_>>())
    };
    let tiers = [tier(&|x| x == 0), tier(&|x| x == 1), tier(&|x| x >= 2)];
    let least = if known(lab.scale()) { 0.05 } else { 0.0 };
    let mut claims = vec![
        Claim::new(
            "complexity.below",
            Kind::Prediction,
            "Every function of four units explains less than the bit beside it",
        )
        .source(
            "[A] simpler features are represented more strongly; [M] eight functions, .12 to .43 against .45 to .64",
        )
        .predicted("other below easy, for each of eight functions", "means over networks that learned both (how many)")
        .measured(text, seeds, below),
        Claim::new("complexity.tiers", Kind::Prediction, "The more exclusive ors in a function, the less it explains")
            .source("[M] .41, .31, .18")
            .predicted("no exclusive or > one > two and more", format!("means over functions, each step above {least}"))
            .measured(
                Measured::joined(tiers.map(|t| measured!("{:.3}", t)), ", "),
                seeds,
                tiers[0] - tiers[1] > least && tiers[1] - tiers[2] > least,
            ),
    ];
    for (id, function, measured) in
        [("complexity.linear-pair", "linear", ".457 / .457"), ("complexity.parity-pair", "xor_xor_xor", ".242 / .266")]
    {
        lab.note(&format!("complexity: control, {function} beside {function}"));
        let networks = Networks::train(lab, &shared.config().with_functions(function, function), seeds)?;
        let last = networks.depth() - 1;
        let [first, second] = [EASY, HARD].map(|f| networks.explained(Flavour::Variance, f, last));
        let most = if known(lab.scale()) { 0.06 } else { 0.12 };
        let apart = (mean(&first) - mean(&second)).abs();
        claims.push(
            Claim::new(
                id,
                Kind::Control,
                format!("Two features of one kind ({function}) explain as much as each other"),
            )
            .source(format!("[M] {measured}"))
            .predicted("no difference", format!("means less than {most} apart"))
            .measured(
                measured!("{} / {} ({} of {seeds} networks)", spread(&first), spread(&second), first.len()),
                seeds,
                apart < most,
            ),
        );
    }
    let ends = |v: &[f64]| v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let dots = rows.iter().map(|(function, _, [easy, other])| {
        let (low, high) = ends(other);
        Dot { x_range: Some(ends(easy)), ..Dot::new(mean(easy), mean(other)).between(low, high).named(*function) }
    });
    let figure = Scatter {
        label: "Share of the variance that an easy feature and one of eight others explain".into(),
        caption: format!(
            "The last hidden layer of networks trained on a feature of one unit and a function top_left_right of four: means over {seeds} \
             networks (those that learned both), bars from the lowest to the highest. On the line both would explain as much."
        ),
        x: "share of the variance, easy feature".into(),
        y: "share of the variance, the other".into(),
        panels: vec![ScatterPanel {
            groups: vec![Group { name: "functions of four units".into(), dots: dots.collect() }],
            ..ScatterPanel::default()
        }],
        ..Scatter::default()
    };
    Ok(PartOutcome { claims, sections: vec![Section::new("complexity", "Complexity", Ok(figure.draw()))] })
}

//! The headline: two features computed equally well, of which one fills the representation.

use super::networks::{Flavour, Networks, mean, spread};
use super::settings::{Config, EASY, HARD, LEARNED};
use super::shared::Shared;
use super::windows::{Window, both, gap, known};
use crate::config::{Optimiser, OptimiserKind};
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::papers::{Lab, PartOutcome, Scale};
use crate::report::paper::{Axis, Curves, Panel, Rule, Section, Series};

/// Epochs that networks are followed for without a stop.
fn followed(scale: Scale) -> (u32, u32) {
    match scale {
        Scale::Tiny => (80, 4),
        Scale::Small => (80, 4),
        Scale::Notes => (150, 5),
        Scale::Paper => (300, 10),
    }
}

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let (epochs, every) = followed(lab.scale());
    let observe = (0..=epochs / every).map(|i| i * every).collect();
    let config = Config { observe, ..shared.config().for_epochs(epochs) };
    let over_training = Networks::train(lab, &config, shared.seeds)?;
    let sections = vec![
        Section::new("headline", "What is represented while both features are computed", Ok(figure(&over_training))),
        Section::new("scaled", "Scaled to the variance at the end", Ok(scaled_figure(&over_training))),
    ];
    let mut claims = Vec::new();
    if lab.scale() < Scale::Paper {
        claims.push(demonstration(lab, shared)?);
    }
    let base = shared.base(lab)?.clone();
    claims.extend(shares(&base, lab.scale(), shared.seeds));
    claims.extend(dynamics(&over_training, shared.seeds));
    claims.push(layers(&base, shared.seeds));
    Ok(PartOutcome { claims, sections })
}

/// A flavour of R² that is known at a scale, and has no window there but ours.
const OWN_WINDOW: &str = "; window of our own, about the value known";

/// Rows 2 and 3 of the notes.
fn shares(base: &Networks, scale: Scale, seeds: u32) -> Vec<Claim> {
    let last = base.depth() - 1;
    let of = |flavour| [EASY, HARD].map(|f| base.explained(flavour, f, last));
    let [easy, hard] = of(Flavour::Variance);
    let [easy_u, hard_u] = of(Flavour::Uniform);
    let above = easy.iter().zip(&hard).filter(|(e, h)| e > h).count();
    let when = measured!(
        "learned after {} epochs",
        spread(&base.epochs().into_iter().filter(|e| e.is_finite()).collect::<Vec<_>>())
    );
    let uniform = Claim::new(
        "headline.uniform",
        Kind::Prediction,
        "Of an easy and a hard feature, both computed, the easy explains several times as much of the last hidden layer (mean R² over units)",
    )
    .source(format!(
        "[A] the authors' post: 55 % and 5 %; [M] .524 ± .07 / .041 ± .04 at 32,768 examples, .413 / .112 at 8,192{}",
        if scale == Scale::Notes { OWN_WINDOW } else { "" }
    ));
    let (window_easy, window_hard, ratio) = match scale {
        Scale::Paper => (Window(0.42, 0.62), Window(0.0, 0.10), 5.0),
        Scale::Notes => (Window(0.33, 0.52), Window(0.02, 0.20), 2.0),
        _ => (Window(0.25, 0.80), Window(-0.02, 0.30), 1.5),
    };
    let held =
        window_easy.holds(mean(&easy_u)) && window_hard.holds(mean(&hard_u)) && mean(&easy_u) >= ratio * mean(&hard_u);
    let uniform = uniform
        .predicted("55 % / 5 %", format!("means: easy {window_easy}, hard {window_hard}, ratio at least {ratio}"))
        .measured(measured!("{}; {}", both(&easy_u, &hard_u, seeds), when), seeds, held);
    let (window_easy, window_hard) = match scale {
        Scale::Paper => (Window(0.58, 0.86), Window(-0.01, 0.12)),
        Scale::Notes => (Window(0.50, 0.68), Window(0.04, 0.20)),
        _ => (Window(0.35, 0.90), Window(-0.02, 0.35)),
    };
    let least = (7 * seeds).div_ceil(8) as usize;
    let variance = Claim::new(
        "headline.variance",
        Kind::Prediction,
        "So it does as a share of the total variance, in nearly every network",
    )
    .source(format!(
        "[M] .585 ± .05 / .115 ± .07 at 8,192 examples, .72 / .03 at 32,768{}",
        if scale == Scale::Paper { OWN_WINDOW } else { "" }
    ))
    .predicted(
        "easy above hard",
        format!(
            "means: easy {window_easy}, hard {window_hard}; easy above hard in at least {least} of {seeds} networks"
        ),
    )
    .measured(
        measured!("{}; easy above hard in {}", both(&easy, &hard, seeds), above),
        seeds,
        window_easy.holds(mean(&easy)) && window_hard.holds(mean(&hard)) && above >= least,
    );
    vec![uniform, variance]
}

/// Row 1: the authors' published demonstration.
fn demonstration(lab: &mut Lab<'_>, shared: &Shared) -> Result<Claim> {
    let base = shared.config();
    let adam = Optimiser { kind: OptimiserKind::Adam, lr: 1e-3, ..Optimiser::default() };
    let config = match lab.scale() {
        Scale::Notes | Scale::Paper => Config { optimiser: adam, batch: 1024, ..base }.for_epochs(100),
        _ => Config { optimiser: Optimiser { lr: 4e-3, ..adam }, batch: 128, ..base }.for_epochs(60),
    };
    let seeds = lab.seeds(6, 8, 16);
    let networks = Networks::train(lab, &config, seeds)?;
    let last = networks.depth() - 1;
    let [easy, hard] = [EASY, HARD].map(|f| networks.explained(Flavour::Uniform, f, last));
    let (window_easy, window_hard, least) = match known(lab.scale()) {
        true => (Window(0.33, 0.52), Window(0.05, 0.36), 0.05),
        false => (Window(0.2, 0.8), Window(0.0, 0.5), 0.0),
    };
    // Networks that have not learned both features are left out and counted.
    let enough = easy.len() as u32 * 8 >= seeds * 7;
    let accuracy = [EASY, HARD].map(|f| {
        let all = networks.trained.end(&format!("accuracy_{f}"), None);
        mean(&networks.solved().into_iter().map(|r| all[r]).collect::<Vec<_>>())
    });
    let accurate = accuracy.iter().all(|a| *a >= 0.995);
    Ok(Claim::new(
        "headline.demonstration",
        Kind::Prediction,
        "The authors' published demonstration (Adam, no stop): the easy feature explains more (mean R² over units)",
    )
    .source("[A] the demonstration's code; [M] .448 / .140 in its 5 seeds, .40 ± .07 / .26 ± .10 in 32 others")
    .predicted(
        "easy above hard in the mean",
        format!(
            "means: easy {window_easy}, hard {window_hard}, gap above {least}, both accuracies at least 0.995; 7 of 8 networks learn both"
        ),
    )
    .measured(
        measured!("{}; accuracies {:.4} / {:.4}", both(&easy, &hard, seeds), accuracy[0], accuracy[1]),
        seeds,
        enough && accurate && window_easy.holds(mean(&easy)) && window_hard.holds(mean(&hard)) && gap(&easy, &hard) > least,
    ))
}

/// Means over networks at each checkpoint.
struct Course {
    epochs: Vec<f64>,
    values: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

fn course(networks: &Networks, name: &str, layer: Option<usize>, times: impl Fn(usize, usize) -> f64) -> Course {
    let solved = networks.solved();
    let mut course = Course { epochs: Vec::new(), values: Vec::new(), low: Vec::new(), high: Vec::new() };
    let Some(curve) = networks.trained.curve(name, layer) else { return course };
    for (i, (step, values)) in curve.steps.iter().zip(&curve.values).enumerate() {
        let of: Vec<f64> = solved.iter().map(|&r| values[r] * times(i, r)).collect();
        course.epochs.push(f64::from(*step) / f64::from(networks.config.epoch()));
        course.values.push(mean(&of));
        course.low.push(of.iter().copied().fold(f64::INFINITY, f64::min));
        course.high.push(of.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    course
}

/// R² at each checkpoint times the total variance then over that at the end, as the paper's figure 2 has it.
fn scaled(networks: &Networks, feature: &str) -> Course {
    let last = Some(networks.depth() - 1);
    let total = networks.trained.curve("total_variance", last);
    let share = |i: usize, r: usize| {
        let Some(curve) = total else { return f64::NAN };
        curve.values[i][r] / curve.values.last().map_or(f64::NAN, |end| end[r])
    };
    course(networks, &format!("explained_{feature}"), last, share)
}

/// Row 4.
fn dynamics(networks: &Networks, seeds: u32) -> Vec<Claim> {
    let of = |name: &str| course(networks, name, None, |_, _| 1.0);
    let (easy, hard) = (of(&format!("accuracy_{EASY}")), of(&format!("accuracy_{HARD}")));
    let apart = easy.values.iter().zip(&hard.values).position(|(e, h)| *e >= LEARNED && *h <= 0.55);
    let solved = networks.solved().len();
    let first = Claim::new(
        "headline.order",
        Kind::Prediction,
        "The easy feature is learned while the hard one is still at chance",
    )
    .source("[M] epoch 5: easy 1.0, hard at chance")
    .predicted("easy at least .99, hard at most .55", "mean accuracies at one checkpoint")
    .measured(
        match apart {
            Some(i) => measured!("epoch {}: {:.3} / {:.3}", easy.epochs[i], easy.values[i], hard.values[i]),
            None => measured!("no such checkpoint"),
        },
        seeds,
        apart.is_some() && solved > 0,
    );
    let variance = scaled(networks, EASY).values;
    // From when the easy feature is there to when the hard one is.
    let from = easy.values.iter().position(|e| *e >= LEARNED).unwrap_or(0);
    let until = hard.values.iter().position(|h| *h >= LEARNED);
    let trough = variance.iter().take(until.unwrap_or(0)).skip(from).copied().fold(f64::INFINITY, f64::min);
    let learned = until.map_or(f64::NAN, |i| variance[i]);
    let end = variance.last().copied().unwrap_or(f64::NAN);
    let second = Claim::new(
        "headline.grows",
        Kind::Prediction,
        "The variance of the easy feature grows again after it is mastered, while the hard one is learned",
    )
    .source("[S]; [M] .178 at the trough (epoch 60), .524 at epoch 150, of the total variance at the end")
    .predicted(
        "at least 1.5 times its trough",
        "mean over networks, from the trough before the hard one is learned to the checkpoint at which it is",
    )
    .measured(
        measured!(
            "{:.3} to {:.3}: {:.2} times; {:.3} at the end: {:.2} times",
            trough,
            learned,
            learned / trough,
            end,
            end / trough
        ),
        seeds,
        learned >= 1.5 * trough,
    );
    vec![first, second]
}

/// Row 5.
fn layers(base: &Networks, seeds: u32) -> Claim {
    let of = |feature: &str| -> Vec<f64> {
        (0..base.depth()).map(|layer| mean(&base.explained(Flavour::Variance, feature, layer))).collect()
    };
    let (easy, hard) = (of(EASY), of(HARD));
    let rises = |v: &[f64]| v.windows(2).all(|w| w[0] < w[1]);
    let text = |v: &[f64]| Measured::joined(v.iter().map(|x| measured!("{:.2}", x)), " ");
    Claim::new(
        "headline.layers",
        Kind::Prediction,
        "Both features explain more from layer to layer, the easy one more at each",
    )
    .source("[M] easy .18 .29 .41 .59, hard 0 .01 .04 .12")
    .predicted("rising; easy above hard in every layer", "means of shares of the variance")
    .measured(
        measured!("easy {}, hard {}", text(&easy), text(&hard)),
        seeds,
        rises(&easy) && rises(&hard) && easy.iter().zip(&hard).all(|(e, h)| e > h),
    )
}

fn series(name: &str, colour: usize, course: Course) -> Series {
    let Course { epochs, values, low, high } = course;
    Series { marked: false, ..Series::solid(name, epochs, values).band(low, high).in_colour(colour) }
}

fn figure(networks: &Networks) -> crate::report::paper::Figure {
    let plain = |name: &str, layer| course(networks, name, layer, |_, _| 1.0);
    let learned = plain(&format!("accuracy_{HARD}"), None);
    let both = learned.values.iter().position(|a| *a >= LEARNED).map(|i| learned.epochs[i]);
    let mut panels = vec![Panel {
        title: "held-out accuracy".into(),
        x: Axis::linear("epoch"),
        y: Axis::linear("").within(0.4, 1.02),
        series: vec![
            series("easy feature", 0, plain(&format!("accuracy_{EASY}"), None)),
            series("hard feature", 1, learned),
        ],
        rules: both.map(|at| Rule::upright(at, "both learned")).into_iter().collect(),
        ..Panel::default()
    }];
    for layer in 0..networks.depth() {
        panels.push(Panel {
            title: format!("hidden layer {}: share of the variance", layer + 1),
            x: Axis::linear("epoch"),
            y: Axis::linear("").within(-0.02, 1.0),
            series: vec![
                series("easy feature", 0, plain(&format!("explained_{EASY}"), Some(layer))),
                series("hard feature", 1, plain(&format!("explained_{HARD}"), Some(layer))),
            ],
            rules: both.map(|at| Rule::upright(at, "both learned")).into_iter().collect(),
            ..Panel::default()
        });
    }
    Curves {
        label: "Accuracy of an easy and a hard feature, and the variance each explains in each hidden layer, over training".into(),
        caption: format!(
            "An easy feature (one bit) and a hard one (the parity of four), learned together by {} networks (means; bands from the lowest \
             to the highest). Dotted line: from here on the mean accuracy of the hard one too is at least {LEARNED}.",
            networks.solved().len()
        ),
        columns: 3,
        shared_x: true,
        panels,
        ..Curves::default()
    }
    .draw()
}

fn scaled_figure(networks: &Networks) -> crate::report::paper::Figure {
    let panel = Panel {
        title: format!("hidden layer {}", networks.depth()),
        x: Axis::linear("epoch"),
        y: Axis::linear("variance over the total at the end"),
        series: vec![
            series("easy feature", 0, scaled(networks, EASY)),
            series("hard feature", 1, scaled(networks, HARD)),
        ],
        ..Panel::default()
    };
    Curves {
        label: "Variance explained by each feature over training, in units of the total variance at the end".into(),
        caption: "The same networks' last hidden layer, with the total variance at the end as the common measure, as in the paper's figure 2."
            .into(),
        panels: vec![panel],
        ..Curves::default()
    }
    .draw()
}

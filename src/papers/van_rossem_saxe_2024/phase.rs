//! Beyond the paper: rich to lazy over gain and depth, hundreds of networks in one sweep.

use super::fits::Trained;
use super::runs::train;
use super::settings::{STEPS, Setting};
use super::shared::Shared;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind, Measured, Spread, measured, number};
use crate::papers::{Lab, PartOutcome};
use crate::report::paper::{Axis, Map, MapPanel, Rule, Section, Setting as MapSetting};

/// Gains of the map, across the critical one.
const GAINS: [f64; 13] = [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0];
/// Depths of the map.
const DEPTHS: [u32; 4] = [2, 4, 8, 16];
/// The gain at which leaky ReLU passes on the size of activations, from layer to layer: sqrt(2 / (1 + slope²)).
const CRITICAL: f64 = 1.414_143;

/// The learning rate of a cell. Near the solution of a rich network its curvature grows with the number of layers; that of a
/// lazy one is the tangent kernel at the start, which grows as gain² / 2 to the power of the depth.
fn rate(gain: f64, depth: u32) -> f64 {
    let layers = f64::from(depth + 1);
    let kernel = (gain * gain / 2.0).powi(depth as i32);
    0.2 / (layers * (1.0 + 4.0 * kernel))
}

pub fn run(lab: &mut Lab<'_>, _: &mut Shared) -> Result<PartOutcome> {
    let seeds = lab.seeds(3, 8, 8);
    let width = lab.at(32, 50, 500);
    let gains = &GAINS[..];
    let depths: &[u32] = lab.at(&[2, 8, 16], &DEPTHS[..], &DEPTHS[..]);
    let settings: Vec<Setting> = depths
        .iter()
        .flat_map(|&depth| gains.iter().map(move |&gain| (depth, gain)))
        .map(|(depth, gain)| Setting { gain, depth, width, lr: rate(gain, depth), layer: depth as usize / 2 })
        .collect();
    let cells = Trained::all(&settings, train(lab, &settings, seeds, STEPS)?);
    let rows: Vec<&[Trained]> = cells.chunks(gains.len()).collect();
    // The rich limit of a depth: of its networks that the theory fits.
    let a_low: Vec<f64> = rows
        .iter()
        .map(|row| {
            let fits = row.iter().flat_map(|t| t.learned().filter(|(_, f)| f.relative <= 0.5).map(|(_, f)| f.a_low));
            Spread::of(fits).median
        })
        .collect();
    let ratio = |row: usize, t: &Trained| {
        if !t.learns() {
            return f64::NAN;
        }
        t.runs.iter().filter(|r| r.learned()).map(|r| r.final_h(t.setting.layer) / a_low[row]).median()
    };
    let error = |t: &Trained| {
        if !t.learns() {
            return f64::NAN;
        }
        let of = t.runs.iter().zip(&t.fits).filter(|(run, _)| run.learned());
        of.map(|(_, fit)| fit.as_ref().map_or(MOST, |f| f.relative.min(MOST))).median()
    };
    let ratios: Vec<f64> = rows.iter().enumerate().flat_map(|(i, row)| row.iter().map(move |t| ratio(i, t))).collect();
    let errors: Vec<f64> = cells.iter().map(error).collect();
    let claims = claims(gains, depths, &ratios, &errors, seeds);
    let learned = cells.iter().filter(|t| t.learns()).count();
    let panel = |title: &str, values: &[f64]| MapPanel {
        title: title.to_owned(),
        colours: None,
        x: MapSetting { label: "gain of the initial weights".into(), values: gains.to_vec(), ..MapSetting::default() },
        y: MapSetting {
            label: "hidden layers".into(),
            values: depths.iter().map(|&d| f64::from(d)).collect(),
            ..MapSetting::default()
        },
        values: values.to_vec(),
        numbers: true,
        rules: Vec::new(),
    };
    let with_line = |mut panel: MapPanel| {
        if let Some(column) = panel.column_of(CRITICAL) {
            panel.rules.push(Rule::upright(column, "critical gain"));
        }
        panel
    };
    let networks = format!(
        "{} networks of {width} units a layer, {seeds} seeds of each cell, in one sweep: medians. Hatched: fewer than half of the networks \
         learned the task within {STEPS} steps; {learned} of {} cells did.",
        settings.len() * seeds as usize,
        cells.len()
    );
    let map = |name: &str, label: &str, caption: String, values: &[f64]| Map {
        label: name.into(),
        caption,
        columns: 1,
        colours: Axis::log(label),
        shared: false,
        panels: vec![with_line(panel("", values))],
    };
    let ratio = map(
        "Final distance over its rich limit, over gain and depth",
        "final |dh|² over A_low",
        format!(
            "Squared distance of the two representations in the middle layer after training, over the rich limit A_low of the depth (the \
             median over its networks that the theory fits). 1 is rich: task and input decide. Above the critical gain, sqrt(2) for leaky \
             ReLU, initialisation does, the more the deeper the network. {networks}"
        ),
        &ratios,
    );
    let error = map(
        "Deviation of the theory, over gain and depth",
        "relative objective",
        format!(
            "How far the fitted theory is from the networks of the map above (relative objective; {MOST} and more are shown as {MOST}). It \
             fails about the critical gain, and holds again, with nothing left to say, where representations no longer move. {networks}"
        ),
        &errors,
    );
    let sections = vec![
        Section::new("phase", "From rich to lazy", Ok(ratio.draw())),
        Section::new("phase-fit", "Where the theory fits", Ok(error.draw())),
    ];
    Ok(PartOutcome { claims, sections })
}

/// Largest deviation shown.
const MOST: f64 = 10.0;

fn claims(gains: &[f64], depths: &[u32], ratios: &[f64], errors: &[f64], seeds: u32) -> Vec<Claim> {
    let cells = |values: &[f64], gain: &dyn Fn(f64) -> bool, depth: &dyn Fn(u32) -> bool| {
        let mut chosen = Vec::new();
        for (d, &deep) in depths.iter().enumerate() {
            for (g, &value) in gains.iter().enumerate() {
                if gain(value) && depth(deep) {
                    chosen.push(values[d * gains.len() + g]);
                }
            }
        }
        Spread::of(chosen)
    };
    let deepest = depths.last().copied().unwrap_or(0);
    let rich = cells(ratios, &|g| g <= 1.2, &|d| d >= 8);
    let lazy = cells(ratios, &|g| g >= 1.6, &|d| d >= 8);
    let inside = cells(errors, &|g| g <= 1.2, &|_| true);
    let critical = cells(errors, &|g| (1.4..=1.5).contains(&g), &|d| d == deepest);
    let at = |gain: f64, depth: u32| cells(ratios, &|g| g == gain, &|d| d == depth).median;
    let rises: Vec<f64> = depths.iter().map(|&d| at(2.0, d) / at(1.0, d)).collect();
    let text = |s: &Spread| measured!("{} over {} cells", s, s.count);
    let beyond = |id: &str, sentence: &str| {
        Claim::new(id, Kind::Beyond, sentence).source("regimes of the theory, over a grid of our own")
    };
    let bounds = "Bound chosen after a first run of the map at the small scale.";
    vec![
        beyond("phase.rich", "Up to a gain of 1.2 deep networks end at the rich limit")
            .predicted(
                "final |dh|² over A_low: 1",
                "median of each cell that learned, 8 layers and more, within 0.7 to 1.4",
            )
            .measured(text(&rich), seeds, rich.count > 0 && rich.low >= 0.7 && rich.high <= 1.4)
            .note(bounds),
        beyond("phase.lazy", "From a gain of 1.6 deep networks end far beyond it")
            .predicted("final |dh|² over A_low: above 2", "median of each cell that learned, 8 layers and more")
            .measured(text(&lazy), seeds, lazy.count > 0 && lazy.low > 2.0),
        beyond("phase.sharper", "The passage from rich to lazy is the sharper the deeper the network")
            .predicted(
                "ratio at a gain of 2 over that at 1: rises with depth",
                "medians of cells, each larger than the one before",
            )
            .measured(
                Measured::joined(depths.iter().zip(&rises).map(|(d, r)| measured!("{d} layers: {}", number(*r))), ", "),
                seeds,
                rises.windows(2).all(|pair| pair[0] < pair[1]),
            )
            .note(bounds),
        beyond("phase.fits", "Up to a gain of 1.2 the theory fits, at every depth")
            .predicted("relative objective at most 0.5", "median of each cell that learned")
            .measured(text(&inside), seeds, inside.count > 0 && inside.high <= 0.5),
        beyond("phase.critical", "About the critical gain it does not fit the deepest networks")
            .predicted("relative objective above 0.8", "median of each cell that learned, gains of 1.4 and 1.5")
            .measured(text(&critical), seeds, critical.count > 0 && critical.low > 0.8)
            .note(bounds),
    ]
}

/// Medians of iterators.
trait Median: Iterator<Item = f64> + Sized {
    fn median(self) -> f64 {
        Spread::of(self).median
    }
}

impl<I: Iterator<Item = f64>> Median for I {}

//! What the paper's file asks of networks whose two points were followed: the theory fitted to them, and what it predicts.
//!
//! The representation is the first layer that `observe.layers` names.

use super::fits::fitted;
use super::runs::Run;
use crate::config::LayerName;
use crate::error::{Error, Result};
use crate::papers::claims::{Analyses, Rows, Subject};
use crate::theory::{Equations, State, Task, fit_mean_rate};

/// The analyses by name.
pub const ANALYSES: Analyses =
    Analyses { each: &[("two_points", |of| vec![two_points(of)]), ("layers", |of| vec![layers(of)])], pairs: &[] };

/// A relative objective that is worse than any that is told apart: that of a network which no constants fit.
const WORST: f64 = 10.0;
/// A squared deviation below which a network tells forms of the equations apart.
const TELLING: f64 = 0.5;
/// Points of a curve that is drawn.
const DRAWN: usize = 100;
/// A number of a state, by name.
type Part = (&'static str, fn(&State) -> f64);
/// The numbers of a state.
const STATE: [Part; 3] = [("h", |s| s.h), ("y", |s| s.y), ("w", |s| s.w)];
/// The altered equations, which should not fit.
const FORMS: [(&str, Equations); 4] = [
    ("output", Equations::DoubledOutput),
    ("distance", Equations::DoubledDistance),
    ("sign", Equations::FlippedAlignment),
    ("encoder", Equations::NoEncoderTerm),
];

fn read(of: &Subject<'_>) -> Result<(Run, Task)> {
    let data = &of.experiment.data;
    Ok((Run::new(of.tracked()?, 0, of.seed, false), Task { dx2: data.input_distance, dy2: data.target_distance }))
}

/// Numbers of a network by itself, and of the theory with two constants fitted to it.
fn two_points(of: &Subject<'_>) -> Result<Rows> {
    let (run, task) = read(of)?;
    let observed = of.experiment.observed();
    let Some([LayerName::Number(layer), ..]) = observed.layers.as_deref() else {
        return Err(Error::config("observe.layers: expected the layer that is the representation"));
    };
    let layer = *layer as usize;
    let mut rows: Rows = Vec::new();
    let mut say = |name: &str, value: f64| rows.push((name.to_owned(), value));
    let learned = run.learned();
    say("learned", f64::from(u8::from(learned)));
    say("final_h", run.final_h(layer));
    if let Some(plateau) = run.plateau(task) {
        say("plateau", plateau);
    }
    // Masks make the loss of a batch differ from that of the network.
    if of.experiment.model.dropout == 0.0 {
        say("level", run.level() - task.dy2 / 8.0);
    }
    if run.y[0] < task.dy2 / 4.0 {
        say("lowest_w", run.lowest_w() + task.dy2 / 4.0);
    }
    let fitted = fitted(&run, layer, task, Equations::Theory);
    say("misfit", fitted.as_ref().map_or(WORST, |f| f.relative.min(WORST)));
    let (times, states) = run.thinned(layer);
    let drawn = (0..times.len()).step_by((times.len() / DRAWN).max(1));
    for i in drawn.clone() {
        STATE.iter().for_each(|(name, pick)| say(&format!("{name}_{}", times[i]), pick(&states[i])));
        say(&format!("loss_{}", times[i]), run.loss[times[i] as usize]);
    }
    let Some(f) = fitted else { return Ok(rows) };
    for (i, (name, pick)) in STATE.iter().enumerate() {
        say(&format!("r2_{name}"), f.fit.r2[i]);
        drawn.clone().for_each(|i| say(&format!("theory_{name}_{}", times[i]), pick(&f.fit.curves[i])));
    }
    let losses: Vec<f64> = f.times.iter().map(|t| run.loss[*t as usize]).collect();
    if let Ok(mean) = fit_mean_rate(&f.times, &losses, &f.fit.curves, task) {
        drawn.for_each(|i| say(&format!("theory_loss_{}", times[i]), mean.losses[i]));
    }
    say("objective", f.relative);
    say("rate_h", f.fit.rates.h);
    say("rate_y", f.fit.rates.y);
    say("ratio", f.ratio());
    say("predicted", f.predicted);
    if let Some((ratio, straight)) = f.straight {
        say("line_ratio", ratio);
        say("line_r2", straight);
    }
    Ok(rows)
}

/// The theory fitted at each hidden layer; and where it fits best, among the layers about and past the middle (elsewhere the theory
/// itself fails), the altered equations, if it fits closely enough to tell them apart.
fn layers(of: &Subject<'_>) -> Result<Rows> {
    let (run, task) = read(of)?;
    let depth = run.h.len();
    let fits: Vec<_> = (0..depth).map(|layer| fitted(&run, layer, task, Equations::Theory)).collect();
    let mut rows: Rows = Vec::new();
    for (layer, f) in fits.iter().enumerate() {
        let Some(f) = f else { continue };
        let values = [("deviation", f.plain), ("rate_h", f.fit.rates.h), ("rate_y", f.fit.rates.y)];
        rows.extend(values.map(|(name, value)| (format!("{name}_of_{layer}"), value)));
    }
    let late = (depth / 2..=3 * depth / 4).filter_map(|layer| Some((layer, fits.get(layer)?.as_ref()?)));
    let best = late.min_by(|a, b| a.1.plain.total_cmp(&b.1.plain)).filter(|(_, f)| run.learned() && f.plain < TELLING);
    rows.push(("tells".to_owned(), f64::from(u8::from(best.is_some()))));
    let Some((layer, theory)) = best else {
        rows.extend(FORMS.map(|(form, _)| (format!("over_{form}"), f64::NAN)));
        return Ok(rows);
    };
    let (times, states) = run.thinned(layer);
    let drawn = (0..times.len()).step_by((times.len() / DRAWN).max(1));
    let mut draw = |form: &str, curves: &[State]| {
        for (name, pick) in STATE {
            rows.extend(drawn.clone().map(|i| (format!("{form}_{name}_{}", times[i]), pick(&curves[i]))));
        }
    };
    draw("told", &states);
    draw("told_theory", &theory.fit.curves);
    let mut over = Vec::new();
    for (form, equations) in FORMS {
        if let Some(fit) = fitted(&run, layer, task, equations) {
            draw(form, &fit.fit.curves);
            over.push((format!("over_{form}"), fit.plain / theory.plain));
        }
    }
    rows.extend(over);
    Ok(rows)
}

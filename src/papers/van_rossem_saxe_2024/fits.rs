//! The two constants of each trained network, and what they predict.

use super::runs::{Run, TASK};
use super::settings::Setting;
use crate::papers::parallel;
use crate::theory::{Equations, Fit, Objective, Task, TwoPoint, fit, invariant_line, statistics};

/// What fitting a network's trajectory gave.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The constants, per step, and the theory's curves at the points that were fitted.
    pub fit: Fit,
    /// Sum of squared deviations of all three curves over all steps, the released experiments' objective.
    pub plain: f64,
    /// Sum of squared deviations relative to that of the curve itself, summed over the three curves.
    pub relative: f64,
    /// Times of the points that were fitted, in steps.
    pub times: Vec<f64>,
    /// Final distance by the closed form, from the fitted constants and the network's own start.
    pub predicted: f64,
    /// The rich limit of the final distance.
    pub a_low: f64,
    /// `1/tau_h / 1/tau_y` from the slope of `y/h` on `h` alone, and how straight that line is (R²).
    pub straight: Option<(f64, f64)>,
}

impl Fitted {
    /// `1/tau_h / 1/tau_y`.
    pub fn ratio(&self) -> f64 {
        self.fit.rates.h / self.fit.rates.y
    }
}

/// Fits the constants of one network with this layer as its representation; `None` if no constants fit at all.
pub fn fitted(run: &Run, layer: usize, task: Task, form: Equations) -> Option<Fitted> {
    if run.diverged || run.h.len() <= layer {
        return None;
    }
    let (times, states) = run.thinned(layer);
    let fit = fit(&times, &states, task, Objective::Plain, form).ok()?;
    let theory = TwoPoint::new(task, fit.rates, run.start(layer)).ok()?;
    Some(Fitted {
        plain: fit.plain * run.stride() as f64,
        relative: fit.relative,
        predicted: theory.final_distance(),
        a_low: theory.a_low(),
        straight: invariant_line(&states, task).ok().map(|line| (line.ratio, line.r2)),
        times,
        fit,
    })
}

/// Pearson's correlation; NaN where it is not defined.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    statistics::pearson(x, y).unwrap_or(f64::NAN)
}

/// A setting with its networks and what fits them.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The setting.
    pub setting: Setting,
    /// Its networks.
    pub runs: Vec<Run>,
    /// What fits each.
    pub fits: Vec<Option<Fitted>>,
}

impl Trained {
    /// Fits every network of every setting at the setting's layer.
    pub fn all(settings: &[Setting], runs: Vec<Vec<Run>>) -> Vec<Self> {
        let work: Vec<(&Run, usize)> =
            settings.iter().zip(&runs).flat_map(|(s, of)| of.iter().map(move |run| (run, s.layer))).collect();
        let mut fits = parallel(&work, |(run, layer)| fitted(run, *layer, TASK, Equations::Theory)).into_iter();
        settings
            .iter()
            .zip(runs)
            .map(|(setting, runs)| {
                let fits = fits.by_ref().take(runs.len()).collect();
                Self { setting: setting.clone(), runs, fits }
            })
            .collect()
    }

    /// The networks that learned, with their fits.
    pub fn learned(&self) -> impl Iterator<Item = (&Run, &Fitted)> {
        let both = self.runs.iter().zip(&self.fits);
        both.filter_map(|(run, fit)| fit.as_ref().filter(|_| run.learned()).map(|fit| (run, fit)))
    }

    /// Whether at least half of the networks learned.
    pub fn learns(&self) -> bool {
        2 * self.runs.iter().filter(|run| run.learned()).count() >= self.runs.len() && !self.runs.is_empty()
    }
}

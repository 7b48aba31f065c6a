//! Trained networks as trajectories of the theory's variables.

use std::sync::Arc;

use super::settings::{Setting, two_points};
use crate::error::Result;
use crate::papers::lab::Lab;
use crate::theory::{State, Task};
use crate::train::{Prepared, Quantity, Replica, Track, Tracked};

/// The task of the two-point experiments: `|dx|² = 1`, `|dy*|² = 1/2`.
pub const TASK: Task = Task { dx2: 1.0, dy2: 0.5 };

/// A network that does not reach this loss has not learned the two points; the paper drops it too.
pub const LEARNED: f64 = 1e-2;

/// Points of a trajectory to which constants are fitted: every so many steps, so that there are about this many.
const FITTED: usize = 300;

/// One network on one pair, from the untrained network on, a value per step.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u32,
    /// Half the mean squared error.
    pub loss: Vec<f64>,
    /// Squared distance of the representations in each hidden layer.
    pub h: Vec<Vec<f64>>,
    /// Squared distance of the outputs.
    pub y: Vec<f64>,
    /// Alignment of the outputs' difference with that of the targets.
    pub w: Vec<f64>,
    /// Whether it ceased to be finite.
    pub diverged: bool,
}

impl Run {
    /// From what was recorded of one pair.
    pub fn new(tracked: &Tracked, pair: usize, seed: u32, diverged: bool) -> Self {
        let of = |quantity| tracked.of(quantity).iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let layers = (0..).map(|layer| of(Quantity::Distance(pair, layer))).take_while(|values| !values.is_empty());
        Self {
            seed,
            loss: of(Quantity::Loss),
            h: layers.collect(),
            y: of(Quantity::Output(pair)),
            w: of(Quantity::Alignment(pair)),
            diverged,
        }
    }

    /// Whether it learned the two points of [`TASK`], by its outputs without dropout: `|dy - dy*|² = 2w - |dy|² + |dy*|²`.
    pub fn learned(&self) -> bool {
        let ends = self.w.last().zip(self.y.last());
        !self.diverged && ends.is_some_and(|(w, y)| (2.0 * w - y + TASK.dy2) / 8.0 <= LEARNED)
    }

    /// The last value of the distance in a layer.
    pub fn final_h(&self, layer: usize) -> f64 {
        self.h.get(layer).and_then(|h| h.last()).copied().unwrap_or(f64::NAN)
    }

    /// The state at the start, with this layer as the representation.
    pub fn start(&self, layer: usize) -> State {
        State { h: self.h[layer][0], y: self.y[0], w: self.w[0] }
    }

    /// The same on a task whose targets may be equal: then `w = |dy|²` exactly, which differences of 32-bit numbers are not.
    pub fn start_of(&self, layer: usize, task: Task) -> State {
        let start = self.start(layer);
        if task.dy2 == 0.0 { State { w: start.y, ..start } } else { start }
    }

    /// Steps between the points that are fitted.
    pub fn stride(&self) -> usize {
        (self.y.len() / FITTED).max(1)
    }

    /// Times, in steps, and states at every [`Run::stride`]th step.
    pub fn thinned(&self, layer: usize) -> (Vec<f64>, Vec<State>) {
        let steps = (0..self.y.len()).step_by(self.stride());
        steps.map(|t| (t as f64, State { h: self.h[layer][t], y: self.y[t], w: self.w[t] })).unzip()
    }

    /// What the loss is once the mean of the targets is learned, without what the outputs' difference has made of it:
    /// `L - w/4 + |dy|²/8`. The loss itself rests there if the outputs still coincide by then.
    pub fn level(&self) -> f64 {
        let last = self.y.len().saturating_sub(1);
        match (self.loss.get(last), self.w.get(last), self.y.get(last)) {
            (Some(loss), Some(w), Some(y)) => loss - w / 4.0 + y / 8.0,
            _ => f64::NAN,
        }
    }

    /// The loss itself where it changes least per step, before the outputs are half apart. It is found on means of ten
    /// steps, so that rounding is no change.
    pub fn plateau(&self, task: Task) -> Option<f64> {
        let half = self.y.iter().position(|y| *y >= task.dy2 / 4.0)?;
        let means: Vec<f64> = self.loss[..half].chunks_exact(10).map(|c| c.iter().sum::<f64>() / 10.0).collect();
        let slopes = means.windows(2).map(|pair| (pair[0] - pair[1]).abs());
        let (flattest, _) = slopes.enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(means[flattest + 1])
    }

    /// The least alignment.
    pub fn lowest_w(&self) -> f64 {
        self.w.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Trains so many seeds of each setting on the two points; the runs of each, in its order. Settings of one architecture are
/// trained together, and kept in one file.
///
/// # Errors
/// As [`Lab::train`].
pub fn train(lab: &mut Lab<'_>, settings: &[Setting], seeds: u32, steps: u32) -> Result<Vec<Vec<Run>>> {
    let base = two_points(steps);
    let data = Prepared::load(&base)?;
    let mut runs = vec![Vec::new(); settings.len()];
    let architecture = |s: &Setting| (s.width, s.depth);
    while let Some(first) = runs.iter().position(Vec::is_empty) {
        let alike: Vec<usize> =
            (first..settings.len()).filter(|&i| architecture(&settings[i]) == architecture(&settings[first])).collect();
        let replica = |setting: &Setting, seed| Replica {
            seed,
            columns: Arc::default(),
            experiment: Arc::new(setting.experiment(steps)),
            data: None,
        };
        let replicas = alike.iter().flat_map(|&i| (0..seeds).map(move |seed| replica(&settings[i], seed))).collect();
        let trained = lab.train(&base, data.clone(), replicas, Some(Track { pairs: vec![[0, 1]] }))?;
        let run = |(i, tracked): (usize, &Tracked)| Run::new(tracked, 0, i as u32 % seeds, trained.diverged[i]);
        let all: Vec<Run> = trained.tracked.iter().enumerate().map(run).collect();
        for (&i, of) in alike.iter().zip(all.chunks(seeds as usize)) {
            runs[i] = of.to_vec();
        }
    }
    Ok(runs)
}

//! Stages of training: which outputs have a loss, when a stage is over, and when a replica is done, all on the device and for
//! each replica by its own counters.

use super::observer::{Right, Seen, right};
use crate::config;
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::nn::Update;

/// The function that looks whether stages are over.
pub(super) const CHECK: &str = "check";

/// Variables that say how far a replica is.
pub(super) const FINISHED: &str = "stage/finished";
pub(super) const FINISHED_AT: &str = "stage/finished_at";
pub(super) const ENDED_AT: &str = "stage/ended_at";
pub(super) const REACHED: &str = "stage/reached";

/// Settings of the stages of a replica: one row for each stage.
const WEIGHTS: &str = "setting/stage_weights";
const UNTIL: &str = "setting/stage_until";
const STEPS: &str = "setting/stage_steps";
const FRESH: &str = "setting/stage_fresh";

/// No accuracy is as high.
const NEVER: f32 = 2.0;

/// What became of the stages of a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Step after which it was trained no more, if its last stage is over.
    pub finished_at: Option<u32>,
    /// For each stage that is over: the step at its end, and whether it ended by its accuracy rather than its steps.
    pub stages: Vec<Option<(u32, bool)>>,
}

/// The settings of the stages of a replica, as the variables hold them.
pub(super) fn settings(
    e: &config::Experiment,
    names: &[String],
    outputs: usize,
) -> Result<[(&'static str, Vec<f32>); 4]> {
    let mut weights = vec![0.0; e.stages.len() * outputs];
    for (stage, row) in e.stages.iter().zip(weights.chunks_mut(outputs)) {
        let chosen = stage.outputs_of(names, outputs).map_err(|what| Error::config(format!("stages: {what}")))?;
        // The mean over all outputs of these is the mean over those chosen.
        chosen.iter().for_each(|&o| row[o] = outputs as f32 / chosen.len() as f32);
    }
    let until = e.stages.iter().map(|s| s.until.map_or(NEVER, |u| u as f32)).collect();
    let steps = e.stages.iter().map(|s| s.steps.map_or(0.0, |n| n as f32)).collect();
    // Of the stage that follows.
    let fresh = e.stages.iter().skip(1).map(|s| f32::from(u8::from(s.fresh_optimiser))).chain([0.0]).collect();
    Ok([(WEIGHTS, weights), (UNTIL, until), (STEPS, steps), (FRESH, fresh)])
}

/// The stages of a replica in a graph.
pub(super) struct Stages {
    count: usize,
    stage: Tensor,
    began: Tensor,
    finished: Tensor,
    finished_at: Tensor,
    ended_at: Tensor,
    reached: Tensor,
    settings: [Tensor; 4],
}

impl Stages {
    /// Declares the variables of the stages of an experiment, if it has any.
    pub fn declare(g: &mut Graph, e: &config::Experiment, outputs: usize) -> Result<Option<Self>> {
        let count = e.stages.len();
        if count == 0 {
            return Ok(None);
        }
        let state =
            |g: &mut Graph, name: &str, rows: usize, dtype| g.variable(name, &[rows, 1], dtype, VariableKind::State);
        let setting =
            |g: &mut Graph, name: &str, width| g.variable(name, &[count, width], DType::F32, VariableKind::Setting);
        Ok(Some(Self {
            count,
            stage: state(g, "stage/number", 1, DType::U32)?,
            began: state(g, "stage/began", 1, DType::U32)?,
            finished: state(g, FINISHED, 1, DType::F32)?,
            finished_at: state(g, FINISHED_AT, 1, DType::U32)?,
            ended_at: state(g, ENDED_AT, count, DType::F32)?,
            reached: state(g, REACHED, count, DType::F32)?,
            settings: [
                setting(g, WEIGHTS, outputs)?,
                setting(g, UNTIL, 1)?,
                setting(g, STEPS, 1)?,
                setting(g, FRESH, 1)?,
            ],
        }))
    }

    /// What is zero at the start.
    pub fn zeroed(&self) -> [Tensor; 6] {
        [self.stage, self.began, self.finished, self.finished_at, self.ended_at, self.reached]
    }

    /// 1 for a replica that is still trained, else 0, `[1, 1]`.
    pub fn active(&self, g: &mut Graph) -> Result<Tensor> {
        let one = g.constant(1.0);
        g.minus(one, self.finished)
    }

    /// Weights of the outputs in the present stage, `[1, outputs]`: their mean is 1.
    pub fn weights(&self, g: &mut Graph) -> Result<Tensor> {
        g.gather(self.settings[0], self.stage)
    }

    /// The function that ends stages, from what is seen of the test set.
    pub fn check(
        &self,
        g: &mut Graph,
        seen: &Seen,
        step: Tensor,
        alive: Tensor,
        updates: &[Update],
    ) -> Result<Function> {
        let (zero, one) = (g.constant(0.0), g.constant(1.0));
        let [until, most, fresh] = [1, 2, 3].map(|i| g.gather(self.settings[i], self.stage));
        let (until, most, fresh) = (until?, most?, fresh?);
        let solved = match right(g, seen)? {
            None => zero,
            Some(Right { right, counted }) => {
                // Of each output, or of all where an example has one answer. Wrong answers are counted, which is exact; what
                // is allowed of them may be a whole number but for rounding.
                let [examples, _] = g.matrix(right)?;
                let all = match counted {
                    Some(counted) => g.sum(counted, 0)?,
                    None => g.constant(examples as f32),
                };
                let right = g.sum(right, 0)?;
                let wrong = g.minus(all, right)?;
                let weights = self.weights(g)?;
                let counts = g.binary(Binary::Greater, weights, zero)?;
                let wrong = g.select(counts, wrong, zero)?;
                let worst = g.max(wrong, 1)?;
                let part = g.minus(one, until)?;
                let allowed = g.times(part, all)?;
                let allowed = g.shift(allowed, 1e-3);
                g.binary(Binary::AtLeast, allowed, worst)?
            }
        };
        let (now, began) = (g.unary(Unary::ToFloat, step), g.unary(Unary::ToFloat, self.began));
        let spent = g.minus(now, began)?;
        let limited = g.binary(Binary::Greater, most, zero)?;
        let spent = g.binary(Binary::AtLeast, spent, most)?;
        let timed = g.times(limited, spent)?;
        let over = g.binary(Binary::Max, solved, timed)?;
        let active = self.active(g)?;
        let active = g.times(active, alive)?;
        let over = g.times(over, active)?;
        let number = g.unary(Unary::ToFloat, self.stage);
        let last = g.constant((self.count - 1) as f32);
        let last = g.binary(Binary::Equal, number, last)?;
        let done = g.times(over, last)?;
        let goes_on = g.minus(over, done)?;
        let next = g.integer(1);
        let next = g.binary(Binary::AddInteger, self.stage, next)?;
        let row = g.row_index(&[self.count, 1]);
        let this = g.binary(Binary::Equal, row, number)?;
        let ends = g.times(this, over)?;
        let mut effects = Vec::new();
        let mut assign = |g: &mut Graph, when: Tensor, variable: Tensor, value: Tensor| -> Result<()> {
            let kept = g.select(when, value, variable)?;
            effects.push(Effect::Assign(g.variable_of(variable)?, kept));
            Ok(())
        };
        assign(g, goes_on, self.stage, next)?;
        assign(g, over, self.began, step)?;
        assign(g, done, self.finished, one)?;
        assign(g, done, self.finished_at, step)?;
        let now = g.broadcast(now, &[self.count, 1])?;
        assign(g, ends, self.ended_at, now)?;
        let solved = g.broadcast(solved, &[self.count, 1])?;
        assign(g, ends, self.reached, solved)?;
        let anew = g.times(goes_on, fresh)?;
        for update in updates {
            let start = g.constant(update.start);
            let extents = g.shape(update.old).extents().to_vec();
            let start = g.broadcast(start, &extents)?;
            assign(g, anew, update.old, start)?;
        }
        Ok(Function::new(CHECK, effects))
    }
}

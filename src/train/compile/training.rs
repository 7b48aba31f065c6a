//! The functions that train: `init`, `step`, `gradient`, and `check` of stages.

use super::super::stages::Stages;
use super::super::tables::part;
use super::super::track::{Activations, Quantity, Track};
use super::{Build, Forward, GRADIENT_NORM, Reading};
use crate::config::{BatchMode, LossKind};
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Tensor};
use crate::kernels::matmul::Precision;
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::scale;
use crate::nn::{self, Below, Hyper, Initialiser, Layer, Start, Update, clip_by_global_norm, global_norm};
use crate::train::observer::Seen;

/// Steps of which the training loss is kept on the device, for the progress bar.
const LOSS_KEPT: usize = 64;

/// Steps whose training losses are summed before they are added to the sum of all: a power of two.
const LOSS_BLOCK: f32 = 1024.0;

/// The network on a batch, forth and back.
pub(super) struct Pass {
    /// That of the task.
    loss: Tensor,
    gradients: Vec<Tensor>,
    /// New values of buffers.
    buffers: Vec<Update>,
    /// What is tracked.
    followed: Option<Activations>,
}

impl Build<'_> {
    /// The loss of a batch and its gradients.
    pub fn pass(&mut self, track: Option<&Track>) -> Result<Pass> {
        self.g.set_precision(self.precision);
        let seen = self.forward_all(self.batch.inputs, &nn::Pass::train(self.masks))?;
        let followed = track.map(|track| self.followed(track, &seen.own)).transpose()?;
        let loss = self.task(seen.own.output)?;
        let mut minimised = loss;
        for (i, one) in seen.beside.iter().enumerate() {
            if self.beside[i].learns {
                let own = self.task(one.output)?;
                minimised = self.g.plus(minimised, own)?;
            }
        }
        let g = &mut self.g;
        if let Some(terms) = &self.terms {
            g.set_precision(Precision::Single);
            let pull = terms.pull(g, &seen.layers(), self.state.step, &self.parameters)?;
            g.set_precision(self.precision);
            minimised = g.plus(minimised, pull)?;
        }
        let gradients = match &self.scaling {
            Some(scaling) => scaling.gradients(g, minimised, &self.parameters)?,
            None => g.gradients(minimised, &self.parameters)?,
        };
        g.set_precision(Precision::Single);
        Ok(Pass { loss, gradients, buffers: seen.updates(), followed })
    }

    /// The loss of the task of a network's output on a batch.
    fn task(&mut self, output: Tensor) -> Result<Tensor> {
        let (mask, loss) = (self.mask(output)?, &self.e.loss);
        match mask {
            Some(mask) => loss.masked(&mut self.g, output, self.batch.targets, mask),
            None => loss.of_some(&mut self.g, output, self.batch.targets, self.batch.counted),
        }
    }

    /// Activations in which tracked pairs stand.
    fn followed(&mut self, track: &Track, seen: &Forward) -> Result<Activations> {
        let of = |forward: Forward, targets: Tensor, places: Vec<[usize; 2]>| Activations {
            hidden: forward.hidden,
            output: forward.output,
            targets,
            places,
        };
        if self.e.batch.mode == BatchMode::Full && !seen.differs && self.e.data.augment.first().is_none() {
            // The pairs stand in the batch itself.
            return Ok(of(seen.clone(), self.train.values, track.pairs.clone()));
        }
        let (nodes, places) = if self.data.own {
            (self.train, track.pairs.clone())
        } else {
            let places = (0..track.pairs.len()).map(|p| [2 * p, 2 * p + 1]).collect();
            (part(&mut self.g, &track.rows(self.data), self.data, &self.e.loss)?, places)
        };
        Ok(of(self.forward(nodes.inputs, nn::Pass::evaluate())?, nodes.values, places))
    }

    /// Weights of the terms of the loss, where not all count alike.
    fn mask(&mut self, output: Tensor) -> Result<Option<Tensor>> {
        let present = self.batch.present;
        let stages = self.stages.as_ref().filter(|_| self.e.loss.kind != LossKind::CrossEntropy);
        let Some(stages) = stages else { return Ok(present) };
        let g = &mut self.g;
        let weights = stages.weights(g)?;
        let extents = g.shape(output).extents().to_vec();
        let mask = match present {
            Some(present) => g.times(present, weights)?,
            None => g.broadcast(weights, &extents)?,
        };
        Ok(Some(mask))
    }

    /// The norm of the gradient, and what the optimiser makes of it.
    pub fn updates(&mut self, pass: &Pass) -> Result<(Tensor, Vec<Update>)> {
        let factors: Vec<f64> = self.networks().flat_map(Layer::lr_multipliers).collect();
        let (g, optimiser) = (&mut self.g, &self.e.optimiser);
        let factor = optimiser.schedule.at(g, self.state.step, self.e.steps)?;
        let lr = g.times(self.settings.hyper.lr, factor)?;
        let hyper = Hyper { lr, ..self.settings.hyper };
        let norm = global_norm(g, &pass.gradients)?;
        let clipped = match optimiser.clip_norm {
            Some(_) => clip_by_global_norm(g, &pass.gradients, norm, self.settings.clip_norm)?,
            None => pass.gradients.clone(),
        };
        Ok((norm, optimiser.updates_scaled(g, &self.parameters, &clipped, &factors, hyper)?))
    }

    /// The function that trains, and what it records of pairs.
    pub fn step(
        &mut self,
        pass: &Pass,
        norm: Tensor,
        updates: &[Update],
        track: Option<&Track>,
    ) -> Result<(Function, Vec<Quantity>)> {
        let one = self.g.constant(1.0);
        let (still, mut effects) = self.life(pass.loss, one)?;
        effects.extend(self.mean_loss(pass.loss, one)?);
        let (value, step) = (pass.loss, self.state.step);
        effects.push(Effect::Record { name: "loss_of_step".into(), value, step, capacity: LOSS_KEPT });
        let moves = self.moves(still, norm, &mut effects)?;
        let all: Vec<Update> = updates.iter().chain(&pass.buffers).copied().collect();
        self.move_parameters(&all, moves, one, &mut effects)?;
        let mut tracked = Vec::new();
        if let (Some(track), Some(followed)) = (track, &pass.followed) {
            let (records, quantities) = track.effects(&mut self.g, followed, pass.loss, step)?;
            effects.extend(records);
            tracked = quantities;
        }
        Ok((Function::new("step", effects).repeated(self.e.steps), tracked))
    }

    /// Divergence: a loss whose bits are not those of a finite number stops the replica before this step's update; a
    /// gradient or parameter that is not finite raises a flag that stops it before the next. 1 for a replica that goes on, and
    /// the assignments that count the step.
    fn life(&mut self, loss: Tensor, one: Tensor) -> Result<(Tensor, Vec<Effect>)> {
        let (g, state) = (&mut self.g, self.state);
        let finite = g.unary(Unary::IsFinite, loss);
        let unbroken = g.minus(one, state.broken)?;
        let fine = g.times(finite, unbroken)?;
        let still = g.times(state.alive, fine)?;
        let fell = g.binary(Binary::Greater, state.alive, still)?;
        let when = g.select(fell, state.step, state.diverged_at)?;
        let next = g.integer(1);
        let next = g.binary(Binary::AddInteger, state.step, next)?;
        let effects = vec![
            Effect::Assign(g.variable_of(state.alive)?, still),
            Effect::Assign(g.variable_of(state.diverged_at)?, when),
            Effect::Assign(g.variable_of(state.step)?, next),
        ];
        Ok((still, effects))
    }

    /// The mean loss since the last checkpoint, as state, so that a resumed run has it too.
    fn mean_loss(&mut self, loss: Tensor, one: Tensor) -> Result<[Effect; 3]> {
        let (g, state) = (&mut self.g, self.state);
        let (own_loss, counted) = match &self.stages {
            // A replica that is done keeps what it had.
            Some(stages) => {
                let active = stages.active(g)?;
                (g.times(loss, active)?, active)
            }
            None => (loss, one),
        };
        let count = g.plus(state.loss_count, counted)?;
        // In blocks: a running sum of single precision is off by more the longer it is.
        let part = g.plus(state.loss_part, own_loss)?;
        let blocks = g.scale(count, 1.0 / LOSS_BLOCK);
        let filled = g.unary(Unary::Floor, blocks);
        let full = g.binary(Binary::Equal, blocks, filled)?;
        let with_block = g.plus(state.loss_sum, part)?;
        let total = g.select(full, with_block, state.loss_sum)?;
        let nothing = g.constant(0.0);
        let part = g.select(full, nothing, part)?;
        Ok([
            Effect::Assign(g.variable_of(state.loss_sum)?, total),
            Effect::Assign(g.variable_of(state.loss_part)?, part),
            Effect::Assign(g.variable_of(state.loss_count)?, count),
        ])
    }

    /// 1 for a replica that takes this step. With loss scaling a gradient that is not finite is a scale too large: the step is
    /// left out, and the next tries a smaller one.
    fn moves(&mut self, still: Tensor, norm: Tensor, effects: &mut Vec<Effect>) -> Result<Tensor> {
        let g = &mut self.g;
        let mut moves = still;
        if let Some(stages) = &self.stages {
            let active = stages.active(g)?;
            moves = g.times(moves, active)?;
        }
        if let Some(scaling) = &self.scaling {
            let sound = g.unary(Unary::IsFinite, norm);
            moves = g.times(moves, sound)?;
            let (next, hopeless) = scaling.next(g, sound)?;
            effects.extend(next);
            effects.push(Effect::Raise(g.variable_of(self.state.broken)?, hopeless));
        }
        Ok(moves)
    }

    /// Assigns the updates where a replica takes the step, and raises the flag where they are not finite.
    fn move_parameters(
        &mut self,
        updates: &[Update],
        moves: Tensor,
        one: Tensor,
        effects: &mut Vec<Effect>,
    ) -> Result<()> {
        let g = &mut self.g;
        for update in updates {
            let kept = g.select(moves, update.new, update.old)?;
            effects.push(Effect::Assign(update.variable, kept));
            let checked = if self.scaling.is_some() { kept } else { update.new };
            let sound = g.unary(Unary::IsFinite, checked);
            let mut unsound = g.minus(one, sound)?;
            if self.stages.is_some() {
                // Of a replica that is done nothing is taken, so nothing can be wrong.
                unsound = g.times(unsound, moves)?;
            }
            effects.push(Effect::Raise(g.variable_of(self.state.broken)?, unsound));
        }
        Ok(())
    }

    /// The function that measures the gradient of the coming batch.
    pub fn gradient(&mut self, pass: &Pass) -> Result<Function> {
        let (norm, factor) = scale::norm(&mut self.g, &pass.gradients)?;
        Ok(Function::new("gradient", Reading::new(GRADIENT_NORM, Some(1)).effects(norm, Some(factor))))
    }

    /// The function that sets everything to its start.
    pub fn init(&mut self, updates: &[Update]) -> Result<Function> {
        let (g, state, gain) = (&mut self.g, self.state, self.settings.gain);
        let beside = self.beside.iter().map(|beside| (&beside.network, &beside.model));
        let mut effects = Vec::new();
        for (network, model) in std::iter::once((&self.network, &self.e.model)).chain(beside) {
            let below = Below { slope: model.slope as f32, alpha: model.alpha as f32, bounds: None };
            let init = Initialiser { init: model.init, fan: model.fan, critical: model.activation.critical(below) };
            effects.extend(network.initialise(g, Start { init, gain, seed: state.seed })?);
        }
        for update in updates.iter().filter(|u| !self.parameters.contains(&u.old)) {
            let start = g.constant(update.start);
            let extents = g.shape(update.old).extents().to_vec();
            let start = g.broadcast(start, &extents)?;
            effects.push(Effect::Assign(update.variable, start));
        }
        let one = g.constant(1.0);
        effects.push(Effect::Assign(g.variable_of(state.alive)?, one));
        let counters = [state.step, state.broken, state.diverged_at, state.loss_sum, state.loss_part, state.loss_count];
        for variable in counters.into_iter().chain(self.stages.iter().flat_map(Stages::zeroed)) {
            let zero = match g.node(variable).dtype {
                DType::U32 => g.integer(0),
                DType::F32 => g.constant(0.0),
            };
            let extents = g.shape(variable).extents().to_vec();
            let zero = g.broadcast(zero, &extents)?;
            effects.push(Effect::Assign(g.variable_of(variable)?, zero));
        }
        if let Some(scaling) = &self.scaling {
            effects.extend(scaling.initialise(g)?);
        }
        Ok(Function::new("init", effects))
    }

    /// The function that looks whether stages are over, where there are any.
    pub fn check_stages(&mut self, seen: &Seen, accuracy: bool, updates: &[Update]) -> Result<Option<Function>> {
        let Some(stages) = &self.stages else { return Ok(None) };
        if self.e.stages.iter().any(|s| s.until.is_some()) && !accuracy {
            return Err(Error::config(
                "stages end by accuracy, which these targets do not have: give stages.steps alone",
            ));
        }
        let state: Vec<Update> = updates.iter().filter(|u| !self.parameters.contains(&u.old)).copied().collect();
        stages.check(&mut self.g, seen, self.state.step, self.state.alive, &state).map(Some)
    }
}

//! Dynamic loss scaling: gradients of 16-bit factors kept within what those can express.
//!
//! Source: Micikevicius et al., *Mixed Precision Training* (ICLR 2018), section 3.2; the rule for the scale is that of
//! `torch.amp.GradScaler` with an interval of 1,000 steps in place of 2,000. Scales are powers of two, so that scaling
//! and unscaling round nothing. The scale is state of the replica: it never depends on a neighbour.

use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType};

/// Scale at the start.
const START: f32 = 65_536.0;
/// Largest scale.
const MOST: f32 = 16_777_216.0;
/// Smallest scale: gradients that do not fit even then are those of a network that diverges.
const LEAST: f32 = 1.0 / 16_384.0;
/// Steps in a row without overflow after which the scale doubles.
const INTERVAL: f32 = 1000.0;

/// The scale of a replica's loss, and the sound steps since it changed.
#[derive(Clone, Copy, Debug)]
pub struct LossScale {
    scale: Tensor,
    steps: Tensor,
}

impl LossScale {
    /// Declares the state, named `loss_scale` and `loss_scale/steps`.
    ///
    /// # Errors
    /// If the names are taken.
    pub fn declare(g: &mut Graph) -> Result<Self> {
        let mut state = |name: &str| g.variable(name, &[1, 1], DType::F32, VariableKind::State);
        Ok(Self { scale: state("loss_scale")?, steps: state("loss_scale/steps")? })
    }

    /// What sets the state to its start.
    ///
    /// # Errors
    /// None of its own.
    pub fn initialise(&self, g: &mut Graph) -> Result<Vec<Effect>> {
        let (start, zero) = (g.constant(START), g.constant(0.0));
        Ok(vec![Effect::Assign(g.variable_of(self.scale)?, start), Effect::Assign(g.variable_of(self.steps)?, zero)])
    }

    /// Gradients of the loss, computed as those of the scaled loss and scaled back.
    ///
    /// # Errors
    /// As [`Graph::gradients`].
    pub fn gradients(&self, g: &mut Graph, loss: Tensor, of: &[Tensor]) -> Result<Vec<Tensor>> {
        let scaled = g.times(loss, self.scale)?;
        let gradients = g.gradients(scaled, of)?;
        gradients.into_iter().map(|gradient| g.over(gradient, self.scale)).collect()
    }

    /// The state after a step whose gradients were all finite (`sound` is 1) or not (0), and whether (1 or 0) the scale can
    /// fall no further.
    ///
    /// # Errors
    /// None of its own.
    pub fn next(&self, g: &mut Graph, sound: Tensor) -> Result<(Vec<Effect>, Tensor)> {
        let more = g.shift(self.steps, 1.0);
        let enough = g.constant(INTERVAL - 0.5);
        let due = g.binary(Binary::Greater, more, enough)?;
        let (zero, least, most) = (g.constant(0.0), g.constant(LEAST), g.constant(MOST));
        let doubled = g.scale(self.scale, 2.0);
        let doubled = g.binary(Binary::Min, doubled, most)?;
        let halved = g.scale(self.scale, 0.5);
        let floor = g.binary(Binary::Max, halved, least)?;
        let grown = g.select(due, doubled, self.scale)?;
        let counted = g.select(due, zero, more)?;
        let scale = g.select(sound, grown, floor)?;
        let steps = g.select(sound, counted, zero)?;
        let low = g.binary(Binary::Greater, least, halved)?;
        let hopeless = g.select(sound, zero, low)?;
        let effects =
            vec![Effect::Assign(g.variable_of(self.scale)?, scale), Effect::Assign(g.variable_of(self.steps)?, steps)];
        Ok((effects, hopeless))
    }
}

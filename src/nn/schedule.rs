//! Learning-rate schedules, evaluated on the device from the replica's step counter.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Course of the factor after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// 1 throughout.
    Constant,
    /// Multiplied by `factor` after every `every` steps, counted from the start.
    Step {
        /// Steps between falls.
        every: u32,
        /// Factor of each fall.
        factor: f32,
    },
    /// Half a cosine from 1 to `end`.
    Cosine {
        /// Final factor.
        end: f32,
    },
    /// A line from 1 to `end`.
    Linear {
        /// Final factor.
        end: f32,
    },
}

/// A factor on the learning rate as a function of the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Course after the warm-up.
    pub shape: Shape,
    /// Steps over which the factor first rises linearly: `(t + 1) / warmup` at step `t`.
    pub warmup: u32,
    /// Length of the whole schedule, in steps.
    pub steps: u32,
}

impl Schedule {
    /// 1 throughout.
    pub fn constant() -> Self {
        Self { shape: Shape::Constant, warmup: 0, steps: 1 }
    }

    /// The factor at the integer scalar `step`.
    ///
    /// # Errors
    /// None of its own.
    pub fn factor(self, g: &mut Graph, step: Tensor) -> Result<Tensor> {
        let t = g.unary(Unary::ToFloat, step);
        let one = g.constant(1.0);
        let span = self.steps.saturating_sub(self.warmup).max(1);
        let progress = |g: &mut Graph| -> Result<Tensor> {
            let since = g.shift(t, -(self.warmup as f32));
            let fraction = g.scale(since, 1.0 / f64::from(span));
            let zero = g.constant(0.0);
            let low = g.binary(Binary::Max, fraction, zero)?;
            g.binary(Binary::Min, low, one)
        };
        let course = match self.shape {
            Shape::Constant => one,
            Shape::Step { every, factor } => {
                let falls = g.scale(t, 1.0 / f64::from(every));
                // Division by a constant may fall just short of a whole number: half a step is a safe nudge.
                let nudged = g.shift(falls, 0.5 / f64::from(every));
                let whole = g.unary(Unary::Floor, nudged);
                let base = g.constant(factor);
                let power = g.binary(Binary::Pow, base, whole)?;
                // The zeroth power is one whatever the factor; of zero, a power function gives none.
                let fallen = g.binary(Binary::AtLeast, whole, one)?;
                g.select(fallen, power, one)?
            }
            Shape::Cosine { end } => {
                let p = progress(g)?;
                let angle = g.scale(p, std::f64::consts::PI);
                let cosine = g.unary(Unary::Cos, angle);
                let raised = g.shift(cosine, 1.0);
                let part = g.scale(raised, 0.5 * (1.0 - end));
                g.shift(part, end)
            }
            Shape::Linear { end } => {
                let p = progress(g)?;
                let fallen = g.scale(p, end - 1.0);
                g.shift(fallen, 1.0)
            }
        };
        if self.warmup == 0 {
            return Ok(course);
        }
        let next = g.shift(t, 1.0);
        let rise = g.scale(next, 1.0 / f64::from(self.warmup));
        let warm = g.constant(self.warmup as f32);
        let over = g.binary(Binary::AtLeast, t, warm)?;
        g.select(over, course, rise)
    }
}

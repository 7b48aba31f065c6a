//! Learning-rate schedules, evaluated on the device from the replica's step counter.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::settings::{choices, settings};

choices! {
    /// How the learning rate changes over the steps.
    ScheduleKind {
        /// `lr` throughout.
        #[default]
        Constant = "constant",
        /// Times `factor` every `every` steps.
        Step = "step" ["exponential"],
        /// Half a cosine from `lr` to `end` times `lr`.
        Cosine = "cosine",
        /// A straight line from `lr` to `end` times `lr`.
        Linear = "linear",
    }
}

settings! {
    /// How the learning rate changes over the steps.
    Schedule {
        /// How the learning rate changes.
        kind: ScheduleKind = ScheduleKind::Constant,
        /// Steps at the start over which the learning rate rises in a straight line from 0; they count into `steps`.
        #[schemars(extend("synonyms" = ["warmup_steps"]))]
        warmup: u32 = 0,
        /// Steps between two drops; needed by `step`.
        #[schemars(range(min = 1), extend("synonyms" = ["step_size"]))]
        every: Option<u32> = None,
        /// Factor of each drop of `step`.
        #[schemars(extend("minimum" = 0.0, "synonyms" = ["gamma"]))]
        factor: f64 = 0.1,
        /// What part of `lr` is left at the end of `cosine` and `linear`.
        #[schemars(extend("minimum" = 0.0))]
        end: f64 = 0.0,
        /// Step at which `cosine` and `linear` reach their end, and stay there; by default the last step of the run.
        #[schemars(range(min = 1))]
        steps: Option<u32> = None,
    }
}

impl Schedule {
    /// What the learning rate is times at the integer scalar `step` of a run of `steps` steps: while it warms up,
    /// `(step + 1) / warmup`.
    ///
    /// # Errors
    /// None of its own.
    pub fn at(&self, g: &mut Graph, step: Tensor, steps: u32) -> Result<Tensor> {
        let end = self.end as f32;
        let t = g.unary(Unary::ToFloat, step);
        let one = g.constant(1.0);
        let span = self.steps.unwrap_or(steps).saturating_sub(self.warmup).max(1);
        let progress = |g: &mut Graph| -> Result<Tensor> {
            let since = g.shift(t, -(self.warmup as f32));
            let fraction = g.scale(since, 1.0 / f64::from(span));
            let zero = g.constant(0.0);
            let low = g.binary(Binary::Max, fraction, zero)?;
            g.binary(Binary::Min, low, one)
        };
        let course = match self.kind {
            ScheduleKind::Constant => one,
            ScheduleKind::Step => {
                let every = self.every.unwrap_or(1).max(1);
                let falls = g.scale(t, 1.0 / f64::from(every));
                // Division by a constant may fall just short of a whole number: half a step is a safe nudge.
                let nudged = g.shift(falls, 0.5 / f64::from(every));
                let whole = g.unary(Unary::Floor, nudged);
                let base = g.constant(self.factor as f32);
                let power = g.binary(Binary::Pow, base, whole)?;
                // The zeroth power is one whatever the factor; of zero, a power function gives none.
                let fallen = g.binary(Binary::AtLeast, whole, one)?;
                g.select(fallen, power, one)?
            }
            ScheduleKind::Cosine => {
                let p = progress(g)?;
                let angle = g.scale(p, std::f64::consts::PI);
                let cosine = g.unary(Unary::Cos, angle);
                let raised = g.shift(cosine, 1.0);
                let part = g.scale(raised, 0.5 * (1.0 - end));
                g.shift(part, end)
            }
            ScheduleKind::Linear => {
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

//! What goes around layers: their input, added to what they make of it.

use super::{Layer, Pass, Stack, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor};

/// `x + body(x)` (He et al. 2016).
#[derive(Debug)]
pub(super) struct Residual(pub Stack);

impl Layer for Residual {
    fn parameters(&self) -> Vec<Tensor> {
        self.0.parameters()
    }

    fn buffers(&self) -> Vec<Tensor> {
        self.0.buffers()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        self.0.initialise(g, start)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let body = self.0.forward(g, x, pass)?;
        g.plus(x, body)
    }
}

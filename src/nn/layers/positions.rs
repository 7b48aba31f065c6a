//! Images and sequences as files and PyTorch have them, channels first, and as they are between layers, channels last.

use super::{Form, Layer, Pass};
use crate::error::Result;
use crate::graph::{Graph, Tensor};

/// All positions of an example side by side: those of a channel together, where files have channels first.
#[derive(Clone, Debug)]
pub(super) struct Flatten(pub Form);

impl Layer for Flatten {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let ([rows, features], positions) = (g.matrix(x)?, self.0.positions());
        let x = if self.0.channels_first { exchanged(g, x, [rows / positions, positions, features])? } else { x };
        g.reshape(x, &[rows / positions, positions * features])
    }
}

/// From examples as files have them to a row for each position.
#[derive(Clone, Debug)]
pub(super) struct Unflatten(pub Form);

impl Layer for Unflatten {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let ([examples, _], positions, features) = (g.matrix(x)?, self.0.positions(), self.0.features);
        let x = exchanged(g, x, [examples, features, positions])?;
        g.reshape(x, &[examples * positions, features])
    }
}

/// `x` as matrices `[count, rows, columns]`, and the axes of each exchanged: `[count, columns, rows]`.
pub(super) fn exchanged(g: &mut Graph, x: Tensor, [count, rows, columns]: [usize; 3]) -> Result<Tensor> {
    if rows == 1 || columns == 1 {
        return g.reshape(x, &[count, columns, rows]);
    }
    let x = g.reshape(x, &[count, rows, columns])?;
    g.transpose(x)
}

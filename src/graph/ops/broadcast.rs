//! Axes of extent 1 repeated.

use super::prelude::*;

/// Repeated along axes of extent 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Broadcast;

impl Graph {
    /// Repeats axes of extent 1.
    ///
    /// # Errors
    /// If the shape does not broadcast to `extents`.
    pub fn broadcast(&mut self, x: Tensor, extents: &[usize]) -> Result<Tensor> {
        let target = Shape::new(extents);
        if self.shape(x) == &target {
            return Ok(x);
        }
        if broadcast_extents(self.shape(x), &target).as_ref() != Some(&target) {
            return Err(Error::Shape(format!("{} cannot be broadcast to {target}", self.describe(x))));
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Broadcast, vec![x], target, dtype))
    }
}

/// The shape that two shapes broadcast to.
pub(in crate::graph) fn broadcast_extents(a: &Shape, b: &Shape) -> Option<Shape> {
    let rank = a.0.len().max(b.0.len());
    let extent = |s: &Shape, axis: usize| (axis + s.0.len()).checked_sub(rank).map_or(1, |i| s.0[i]);
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(Shape)
}

impl Rules for Broadcast {
    fn facts(&self) -> Facts {
        Facts::map("broadcast").cost(0)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        back.give(0, back.upstream);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.spread(0).into())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        emitter.input(tensor, 0)
    }
}

//! Random values.

use super::prelude::*;
use crate::kernels::program::Distribution;
use crate::kernels::random::threefry;

/// Random values; inputs seed, purpose, step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Random(pub(in crate::graph) Distribution);

impl Graph {
    /// Random values of a shape, keyed by (seed, purpose, step, element).
    pub fn random(
        &mut self,
        d: Distribution,
        extents: &[usize],
        seed: Tensor,
        purpose: Tensor,
        step: Tensor,
    ) -> Tensor {
        self.add(Random(d), vec![seed, purpose, step], Shape::new(extents), DType::F32)
    }
}

impl Rules for Random {
    fn facts(&self) -> Facts {
        Facts::map("random").positional().cost(60)
    }

    fn gradient(&self, _: &mut Backward) -> Result<()> {
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let key: [_; 3] = std::array::from_fn(|i| at.spread(i));
        Ok((0..at.count()).map(|e| drawn(self.0, key.each_ref().map(|k| k[e] as u32), e as u32)).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let [seed, purpose, step] = [0, 1, 2].map(|i| emitter.input(tensor, i));
        let random = Instruction::Random { distribution: self.0, seed: seed?, purpose: purpose?, step: step? };
        Ok(emitter.push(random))
    }
}

/// A uniform number in [0, 1) from a word: 24 bits, as kernels take.
fn unit(word: u32) -> f64 {
    f64::from(word >> 8) / 16_777_216.0
}

fn gauss(words: [u32; 2]) -> f64 {
    let radius = (-2.0 * (unit(words[0]) + 1.0 / 16_777_216.0).ln()).max(0.0).sqrt();
    radius * (std::f64::consts::TAU * unit(words[1])).cos()
}

/// A random value; the key is (seed, purpose, step).
fn drawn(distribution: Distribution, [seed, purpose, step]: [u32; 3], element: u32) -> f64 {
    let words = |step| threefry([seed, purpose], [step, element]);
    match distribution {
        Distribution::Uniform => unit(words(step)[0]),
        Distribution::Normal => gauss(words(step)),
        Distribution::TruncatedNormal => {
            let attempts = |attempt: u32| gauss(words(step ^ (attempt << 26)));
            (0..64).map(attempts).find(|value| value.abs() <= 2.0).unwrap_or_else(|| attempts(63))
        }
    }
}

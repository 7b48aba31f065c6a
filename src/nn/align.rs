//! Terms of the loss that bring what two layers represent together.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::settings::settings;

settings! {
    /// A term of the loss that is small where two layers represent the examples of a batch alike: `weight` times what a distance is,
    /// or one less what a similarity is. Each replica has its own weight and steps, so that replicas with a term and without it (`weight = 0`)
    /// are trained together. A term that has no weight at a step does nothing, whatever its value.
    Align {
        /// What metrics and sweeps call the term (`loss_align_<name>`, `"loss.align.<name>.weight" = [0, 1]`); by default its number,
        /// counted from 0.
        name: Option<String> = None,
        /// A layer by its name, the last included.
        of: String = String::new(),
        /// Another layer by its name.
        to: String = String::new(),
        /// What is minimised: `mse` (the mean squared difference) or `kl` (the divergence of the softmax of `of` from that of `to`, a mean over
        /// examples, in nats), both of layers of one width; or a measure of the catalogue that has a gradient, with its options:
        /// `cka` (debiased), `cka:biased`, `rsa:pearson`, `rsa:cosine-of`, `procrustes:squared`, `procrustes:disparity`, `nbs`.
        measure: String = "cka".into(),
        /// What the term is times.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica"))]
        weight: f64 = 1.0,
        /// The first step that has the term.
        #[schemars(range(max = 16000000), extend("scope" = "replica"))]
        from: u32 = 0,
        /// The first step that has it no more; by default all have.
        #[schemars(range(min = 1, max = 16000000), extend("scope" = "replica"))]
        until: Option<u32> = None,
        /// Whether `to` is taken as it is, and gradients move what makes `of` alone.
        #[schemars(extend("synonyms" = ["detach", "stop_grad"]))]
        stop_gradient: bool = false,
    }
}

/// The settings of terms that each replica has for itself, `[terms, 1]`.
#[derive(Clone, Copy, Debug)]
pub struct AlignSettings {
    /// Weights.
    pub weight: Tensor,
    /// First steps.
    pub from: Tensor,
    /// The first steps after the last; 0 where there are none.
    pub until: Tensor,
}

impl AlignSettings {
    /// The weight `[1, 1]` of a term at the integer scalar `step`: 0 before it begins, and once it is over.
    ///
    /// # Errors
    /// If there is no such term.
    pub fn at(&self, g: &mut Graph, term: usize, step: Tensor) -> Result<Tensor> {
        let [weight, from, until] = [self.weight, self.from, self.until].map(|all| g.rows(all, term, 1));
        let (weight, from, until) = (weight?, from?, until?);
        let (t, zero) = (g.unary(Unary::ToFloat, step), g.constant(0.0));
        let begun = g.binary(Binary::AtLeast, t, from)?;
        let ends = g.binary(Binary::Greater, until, zero)?;
        let past = g.binary(Binary::AtLeast, t, until)?;
        let over = g.times(ends, past)?;
        let rest = g.select(over, zero, weight)?;
        g.select(begun, rest, zero)
    }
}

//! What layers are told beside their input, and what they give beside their result.

use std::collections::HashMap;

use crate::graph::Tensor;
use crate::nn::{Dropout, Initialiser, Update};

/// One way through a network.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// What masks are drawn from, in training; none in evaluation.
    pub train: Option<Dropout>,
    /// What the features of each of the first hidden layers are to be times, `[1, features]`; none where nothing is to be changed.
    /// What was followed is taken out.
    pub factors: Vec<Option<Tensor>>,
    /// Activations of the hidden layers, `[examples, units]`.
    pub hidden: Vec<Tensor>,
    /// New values of buffers.
    pub updates: Vec<Update>,
    /// What layers gave, by their paths.
    pub made: HashMap<String, Tensor>,
    /// Of sequences some of whose tokens fill them up alone: `[examples, T]`, 0 there and 1 elsewhere.
    pub visible: Option<Tensor>,
    /// Base of the wavelengths by which attention rotates queries and keys, if positions are told apart so.
    pub rope: Option<f64>,
    /// Whether something was done that evaluation does otherwise.
    pub differs: bool,
}

impl Pass {
    /// Of a batch that is trained on.
    pub fn train(masks: Dropout) -> Self {
        Self { train: Some(masks), ..Self::default() }
    }

    /// Of examples that are looked at.
    pub fn evaluate() -> Self {
        Self::default()
    }

    /// The same, with hidden features times these factors.
    pub fn changed(factors: Vec<Option<Tensor>>) -> Self {
        Self { factors, ..Self::default() }
    }
}

/// What initial values are made from.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// How weights are drawn.
    pub init: Initialiser,
    /// Scalar: factor on the weights.
    pub gain: Tensor,
    /// Integer scalar: the replica's seed.
    pub seed: Tensor,
}

//! Layers one after the other.

use super::{Dense, Form, Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor};

/// Layers one after the other, each on the result of the one before.
#[derive(Debug)]
pub struct Stack {
    pub(super) entries: Vec<Entry>,
    /// To the activations of each hidden layer are added those of the one so many before it, where there is one; 0 for none.
    pub skip: usize,
}

/// An entry of the list that describes a stack.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path, by which layers after it look at what it gives.
    pub path: String,
    /// A layer, and perhaps an activation function.
    pub layers: Vec<Box<dyn Layer>>,
    /// What it gives.
    pub form: Form,
    /// Whether that is a hidden layer that observers see.
    pub hidden: bool,
}

impl Stack {
    fn layers(&self) -> impl Iterator<Item = &dyn Layer> {
        self.entries.iter().flat_map(|entry| &entry.layers).map(AsRef::as_ref)
    }
}

impl Layer for Stack {
    fn parameters(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::parameters).collect()
    }

    fn frozen(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::frozen).collect()
    }

    fn lr_multipliers(&self) -> Vec<f64> {
        self.layers().flat_map(Layer::lr_multipliers).collect()
    }

    fn buffers(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::buffers).collect()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        let mut effects = Vec::new();
        for layer in self.layers() {
            effects.extend(layer.initialise(g, start)?);
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let mut value = x;
        for entry in &self.entries {
            for layer in &entry.layers {
                value = layer.forward(g, value, pass)?;
            }
            if entry.hidden {
                if self.skip > 0 && pass.hidden.len() >= self.skip {
                    value = g.plus(value, pass.hidden[pass.hidden.len() - self.skip])?;
                }
                if let Some(factor) = pass.factors.get_mut(pass.hidden.len()).and_then(Option::take) {
                    value = g.times(value, factor)?;
                }
                let ([rows, _], positions) = (g.matrix(value)?, entry.form.positions());
                pass.hidden.push(g.reshape(value, &[rows / positions, positions * entry.form.features])?);
            }
            pass.made.insert(entry.path.clone(), value);
        }
        Ok(value)
    }

    fn hidden(&self) -> Vec<Form> {
        self.entries.iter().filter(|entry| entry.hidden).map(|entry| entry.form.clone()).collect()
    }

    fn vocabulary(&self, g: &Graph) -> Option<usize> {
        self.layers().next()?.vocabulary(g)
    }

    fn neighbours(&self) -> Vec<Option<[&Dense; 2]>> {
        // Layers one after the other, and between them where hidden activations are.
        let (mut layers, mut ends): (Vec<&dyn Layer>, Vec<usize>) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            layers.extend(entry.layers.iter().map(AsRef::as_ref));
            ends.extend(entry.hidden.then_some(layers.len()));
        }
        let sides = |end: usize| {
            let before = layers[..end].iter().rev().find(|layer| !layer.is_elementwise())?.output_layer()?;
            let after = layers[end..].iter().find(|layer| !layer.is_elementwise())?.output_layer()?;
            Some([before, after]).filter(|_| self.skip == 0)
        };
        ends.into_iter().map(sides).collect()
    }

    fn output_layer(&self) -> Option<&Dense> {
        match self.entries.last()?.layers.as_slice() {
            [alone] => alone.output_layer(),
            _ => None,
        }
    }
}

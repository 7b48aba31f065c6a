//! Recurrent layers: what is made of a position depends on what was made of those before it.

use super::{Form, Layer, LayerKind, LayerSettings, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{DType, Unary};
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::{Activation, Below, Init, Initialiser};

/// Positions of a sequence, each of which is written out in the graph.
const MOST: usize = 1024;

/// What is made of a position and of the state before it.
#[derive(Clone, Copy, Debug)]
enum Cell {
    /// `f(W x + U h + b)` (Elman 1990).
    Rnn(Activation, Below),
    /// Gated recurrent unit (Cho et al. 2014), its reset gate after the product, as in PyTorch and cuDNN.
    Gru,
    /// Long short-term memory (Hochreiter and Schmidhuber 1997), with a gate that forgets (Gers et al. 2000).
    Lstm,
}

impl Cell {
    /// Vectors of `hidden_size` that come of the products, in PyTorch's order: reset, update, new; or input, forget, cell, output.
    fn gates(self) -> usize {
        match self {
            Self::Rnn(..) => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

/// One way through the sequence, with its parameters as PyTorch names them.
#[derive(Clone, Debug)]
struct Way {
    backwards: bool,
    /// `[gates hidden, inputs]`
    input: Tensor,
    /// `[gates hidden, hidden]`
    hidden: Tensor,
    /// `bias_ih` and `bias_hh`, `[1, gates hidden]`: of the product with the input, and of that with the state.
    bias: Option<[Tensor; 2]>,
}

/// Layers of recurrent cells, one on top of the other, in both directions if so asked for.
#[derive(Clone, Debug)]
pub(super) struct Recurrent {
    cell: Cell,
    length: usize,
    /// Those of each layer: forwards, and perhaps backwards.
    layers: Vec<Vec<Way>>,
    /// What is dropped of what a layer gives to the next.
    dropout: Option<Dropping>,
}

impl Recurrent {
    /// Declares the parameters, for sequences of the form `input`, of which it says what becomes; a sentence where something is
    /// missing.
    pub fn new(
        g: &mut Graph,
        path: &str,
        settings: &LayerSettings,
        input: &Form,
        bias: bool,
        below: Below,
    ) -> Result<std::result::Result<(Self, Form), String>> {
        let cell = match settings.kind {
            LayerKind::Lstm => Cell::Lstm,
            LayerKind::Gru => Cell::Gru,
            _ => Cell::Rnn(settings.nonlinearity.unwrap_or(Activation::Tanh), below),
        };
        let Some(hidden) = settings.hidden_size.map(|n| n as usize) else {
            return Ok(Err(format!("expected hidden_size, the width of what it makes of each position of {input}")));
        };
        if input.positions() > MOST {
            return Ok(Err(format!(
                "expected at most {MOST} positions, each of which has nodes of its own, got {input}"
            )));
        }
        let both: &[bool] = if settings.bidirectional == Some(true) { &[false, true] } else { &[false] };
        let (mut features, mut layers) = (input.features, Vec::new());
        for layer in 0..settings.num_layers.unwrap_or(1) {
            let way = |&backwards: &bool| {
                let suffix = if backwards { "_reverse" } else { "" };
                let name = |what: &str| format!("{path}.{what}_l{layer}{suffix}");
                let (kind, width) = (VariableKind::Parameter, cell.gates() * hidden);
                let mut weight = |what: &str, inputs| g.variable(name(what), &[width, inputs], DType::F32, kind);
                let (input, state) = (weight("weight_ih", features)?, weight("weight_hh", hidden)?);
                let mut vector = |what: &str| g.vector(name(what), width, kind);
                let bias = if bias { Some([vector("bias_ih")?, vector("bias_hh")?]) } else { None };
                Ok(Way { backwards, input, hidden: state, bias })
            };
            layers.push(both.iter().map(way).collect::<Result<Vec<_>>>()?);
            features = hidden * both.len();
        }
        let dropout = settings.dropout.map(|rate| Dropping { path: path.to_owned(), rate: Rate::Own(rate) });
        let form = Form { features, ..input.clone() };
        Ok(Ok((Self { cell, length: input.positions(), layers, dropout }, form)))
    }
}

impl Way {
    /// Weights first.
    fn parameters(&self) -> impl Iterator<Item = Tensor> {
        [self.input, self.hidden].into_iter().chain(self.bias.into_iter().flatten())
    }

    /// From `[T N, inputs]`, positions slowest, to the state at each position, `[T N, hidden]`.
    fn forward(&self, g: &mut Graph, x: Tensor, cell: Cell, length: usize) -> Result<Tensor> {
        let ([rows, _], [width, hidden]) = (g.matrix(x)?, g.matrix(self.hidden)?);
        let examples = rows / length;
        // What does not depend on the state is one product for all positions.
        let mut given = g.matmul_of(x, false, self.input, true)?;
        for bias in self.bias.into_iter().flatten().take(if matches!(cell, Cell::Gru) { 1 } else { 2 }) {
            given = g.plus(given, bias)?;
        }
        let given = g.reshape(given, &[length, examples, width])?;
        let given = g.unstack(given)?;
        let mut states = vec![None; length];
        let mut before: Option<State> = None;
        for i in 0..length {
            let at = if self.backwards { length - 1 - i } else { i };
            let given = g.reshape(given[at], &[examples, width])?;
            let state = self.step(g, cell, given, before, hidden)?;
            states[at] = Some(g.reshape(state.hidden, &[1, examples, hidden])?);
            before = Some(state);
        }
        let all = g.concat(&states.into_iter().flatten().collect::<Vec<_>>(), 0)?;
        g.reshape(all, &[rows, hidden])
    }

    /// The state after a position, of which the product with the input is `given`.
    fn step(&self, g: &mut Graph, cell: Cell, given: Tensor, before: Option<State>, hidden: usize) -> Result<State> {
        let ([examples, _], gates) = (g.matrix(given)?, cell.gates());
        let product = match before {
            Some(state) => {
                let h = g.reshape(state.hidden, &[examples, hidden])?;
                Some(g.matmul_of(h, false, self.hidden, true)?)
            }
            None => None,
        };
        let sum = |g: &mut Graph| product.map_or(Ok(given), |product| g.plus(product, given));
        let gate = |g: &mut Graph, all: Tensor, i: usize| {
            let rows = g.shape(all).elements() / (gates * hidden);
            let each = g.reshape(all, &[rows, gates, hidden])?;
            g.slice(each, 1, i, 1)
        };
        let squashed = |g: &mut Graph, all, i, function| {
            let gate = gate(g, all, i)?;
            Ok::<_, crate::Error>(g.unary(function, gate))
        };
        match cell {
            Cell::Rnn(function, below) => {
                let sum = sum(g)?;
                Ok(State { hidden: function.apply_with(g, sum, below)?, cell: None })
            }
            Cell::Lstm => {
                let sum = sum(g)?;
                let [input, output] = [squashed(g, sum, 0, Unary::Sigmoid)?, squashed(g, sum, 3, Unary::Sigmoid)?];
                let new = squashed(g, sum, 2, Unary::Tanh)?;
                let mut cell = g.times(input, new)?;
                if let Some(before) = before.and_then(|state| state.cell) {
                    let forget = squashed(g, sum, 1, Unary::Sigmoid)?;
                    let kept = g.times(forget, before)?;
                    cell = g.plus(kept, cell)?;
                }
                let bounded = g.unary(Unary::Tanh, cell);
                Ok(State { hidden: g.times(output, bounded)?, cell: Some(cell) })
            }
            Cell::Gru => {
                // What the state gives to each gate: at first the bias alone.
                let own = match (product, self.bias) {
                    (Some(product), Some([_, bias])) => Some(g.plus(product, bias)?),
                    (product, bias) => product.or(bias.map(|[_, bias]| bias)),
                };
                let both = |g: &mut Graph, i: usize| {
                    let given = gate(g, given, i)?;
                    Ok::<_, crate::Error>((given, own.map(|own| gate(g, own, i)).transpose()?))
                };
                let sigmoid = |g: &mut Graph, i: usize| {
                    let (given, own) = both(g, i)?;
                    let sum = own.map_or(Ok(given), |own| g.plus(given, own))?;
                    Ok::<_, crate::Error>(g.unary(Unary::Sigmoid, sum))
                };
                let (reset, update) = (sigmoid(g, 0)?, sigmoid(g, 1)?);
                let (mut new, own) = both(g, 2)?;
                if let Some(own) = own {
                    let part = g.times(reset, own)?;
                    new = g.plus(new, part)?;
                }
                let new = g.unary(Unary::Tanh, new);
                // (1 - update) new + update before
                let change = match before {
                    Some(state) => g.minus(state.hidden, new)?,
                    None => g.unary(Unary::Negate, new),
                };
                let kept = g.times(update, change)?;
                Ok(State { hidden: g.plus(new, kept)?, cell: None })
            }
        }
    }
}

/// What one position leaves to the next, `[N, 1, hidden]` or `[N, hidden]`.
#[derive(Clone, Copy, Debug)]
struct State {
    hidden: Tensor,
    /// Of an LSTM.
    cell: Option<Tensor>,
}

impl Layer for Recurrent {
    fn parameters(&self) -> Vec<Tensor> {
        self.layers.iter().flatten().flat_map(Way::parameters).collect()
    }

    /// Uniform within ±1 / sqrt(hidden_size), weights times the gain, as in PyTorch.
    fn initialise(&self, g: &mut Graph, Start { gain, seed, .. }: Start) -> Result<Vec<Effect>> {
        let mut effects = Vec::new();
        for way in self.layers.iter().flatten() {
            let [_, hidden] = g.matrix(way.hidden)?;
            let scale = g.number(1.0 / (hidden as f64).sqrt());
            let scale = g.times(gain, scale)?;
            for (i, parameter) in way.parameters().enumerate() {
                let ([rows, columns], id) = (g.matrix(parameter)?, g.variable_of(parameter)?);
                let name = g.variable_info(id).name.clone();
                let drawn = match i {
                    0 | 1 => Initialiser::from(Init::Uniform).weight(g, &name, rows, columns, scale, seed)?,
                    _ => Initialiser::from(Init::Pytorch).bias(g, &name, columns, hidden, seed)?,
                };
                effects.push(Effect::Assign(id, drawn));
            }
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let ([rows, features], length) = (g.matrix(x)?, self.length);
        let x = g.reshape(x, &[rows / length, length, features])?;
        let x = g.permute(x, &[1, 0, 2])?;
        let mut x = g.reshape(x, &[rows, features])?;
        for (i, layer) in self.layers.iter().enumerate() {
            if let Some(dropping) = self.dropout.as_ref().filter(|_| i > 0) {
                let dropping = Dropping { path: format!("{}.l{i}", dropping.path), ..dropping.clone() };
                x = dropping.forward(g, x, pass)?;
            }
            let mut each = Vec::with_capacity(layer.len());
            for way in layer {
                each.push(way.forward(g, x, self.cell, length)?);
            }
            x = g.concat(&each, 1)?;
        }
        let features = g.matrix(x)?[1];
        let x = g.reshape(x, &[length, rows / length, features])?;
        let x = g.permute(x, &[1, 0, 2])?;
        g.reshape(x, &[rows, features])
    }
}

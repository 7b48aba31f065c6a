//! All-pairs CKA between replicas: a program of its own, whose replicas are representations from any number of groups.
//!
//! Representations are copied in on the device. Narrow ones are padded with columns of zeros, which change no Gram
//! matrix. For each wanted pair of layers the program accumulates the inner products of the embeddings of all replicas,
//! band by band: one product whose rows are replicas.

use std::sync::Arc;

use super::cka::{self, Kind};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Copy, Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::program::DType;

/// Name of the variable that holds a layer's representation of a replica.
pub fn input_name(layer: usize) -> String {
    format!("input/{layer}")
}

/// Which pairs of layers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// Each layer with itself.
    Same,
    /// Each layer with each, itself included.
    All,
}

impl Layers {
    fn function(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::All => "all",
        }
    }

    fn pairs(self, layers: usize) -> Vec<(usize, usize)> {
        match self {
            Self::Same => (0..layers).map(|l| (l, l)).collect(),
            Self::All => (0..layers).flat_map(|a| (a..layers).map(move |b| (a, b))).collect(),
        }
    }
}

/// CKA values between all replicas, for one pair of layers and one kind.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Which CKA.
    pub kind: Kind,
    /// Layer of the rows' replicas.
    pub layer_a: usize,
    /// Layer of the columns' replicas.
    pub layer_b: usize,
    /// `[R, R]`: replica `a` at `layer_a` with replica `b` at `layer_b`. NaN where a representation is constant.
    pub values: Vec<f64>,
}

/// The program.
#[derive(Debug)]
pub struct Pairs {
    machine: Machine,
    layers: usize,
    kinds: Vec<Kind>,
}

impl Pairs {
    /// A program for `replicas` with `layers` representations of `[examples, units]` each.
    ///
    /// # Errors
    /// If the device has not enough memory, or there are too few examples.
    pub fn new(
        gpu: Option<&Arc<Gpu>>,
        replicas: usize,
        layers: usize,
        [examples, units]: [usize; 2],
        kinds: &[Kind],
        which: &[Layers],
    ) -> Result<Self> {
        let mut g = Graph::new();
        // A width that is a multiple of four lets every adapter read four values at once; zeros change no Gram matrix.
        let units = units.next_multiple_of(4);
        let inputs = (0..layers)
            .map(|l| g.variable(input_name(l), &[examples, units], DType::F32, VariableKind::Transient))
            .collect::<Result<Vec<_>>>()?;
        let centred = inputs.iter().map(|&x| cka::centre(&mut g, x)).collect::<Result<Vec<_>>>()?;
        let mut functions = Vec::new();
        for &set in which {
            let pairs = set.pairs(layers);
            // Layers compared with themselves alone need not stand in memory together.
            let parts: Vec<&[(usize, usize)]> = match set {
                Layers::Same => pairs.chunks(1).collect(),
                Layers::All => vec![&pairs],
            };
            let mut effects = Vec::new();
            for part in parts {
                accumulate(&mut g, &centred, part, kinds, &mut effects)?;
            }
            functions.push(Function::new(set.function(), effects));
        }
        let profile = gpu.map_or_else(Profile::reference, |gpu| gpu.profile().clone());
        let plan = lower(&g, &functions, replicas, &profile)?;
        Ok(Self { machine: Machine::new(gpu, plan)?, layers, kinds: kinds.to_vec() })
    }

    /// The machine, into whose `input/<layer>` variables the representations go.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Takes a variable of each of a machine's replicas as the representations of a layer: replica `i` of the machine is
    /// replica `members[i]` here.
    ///
    /// # Errors
    /// If the representations do not fit, or are on another device.
    pub fn take(&mut self, from: &Machine, variable: &str, members: &[usize], layer: usize) -> Result<()> {
        let copies: Vec<Copy> = members
            .iter()
            .enumerate()
            .map(|(i, &m)| Copy { from: variable.to_owned(), from_replica: i, to: input_name(layer), to_replica: m })
            .collect();
        self.machine.copy_variables(from, &copies)
    }

    /// Runs the comparison and normalises it. The few divisions are made in f64 on the host, where the matrices go in
    /// any case.
    ///
    /// # Errors
    /// If the device fails.
    pub fn compare(&mut self, which: Layers) -> Result<Vec<Matrix>> {
        self.machine.run(which.function(), 1)?;
        let results = self.machine.read_results()?;
        let replicas = self.machine.replicas();
        let mut matrices = Vec::new();
        for &kind in &self.kinds {
            let products = |a: usize, b: usize| self.machine.output(&results, &output_name(kind, a, b));
            let mut norms = Vec::with_capacity(self.layers);
            for layer in 0..self.layers {
                let own = products(layer, layer)?;
                norms.push((0..replicas).map(|r| f64::from(own[r * replicas + r]).max(0.0).sqrt()).collect::<Vec<_>>());
            }
            for (a, b) in which.pairs(self.layers) {
                let raw = products(a, b)?;
                let values = raw
                    .iter()
                    .enumerate()
                    .map(|(i, &x)| {
                        let scale = norms[a][i / replicas] * norms[b][i % replicas];
                        if scale > 0.0 { f64::from(x) / scale } else { f64::NAN }
                    })
                    .collect();
                matrices.push(Matrix { kind, layer_a: a, layer_b: b, values });
            }
        }
        Ok(matrices)
    }
}

fn output_name(kind: Kind, a: usize, b: usize) -> String {
    format!("products{}/{a}/{b}", kind.suffix())
}

/// Adds up the inner products of the embeddings for pairs of layers, a band of Gram rows at a time.
fn accumulate(
    g: &mut Graph,
    centred: &[cka::Centred],
    pairs: &[(usize, usize)],
    kinds: &[Kind],
    effects: &mut Vec<Effect>,
) -> Result<()> {
    let Some(&(first, _)) = pairs.first() else { return Ok(()) };
    let [n, _] = g.matrix(centred[first].values)?;
    let rows = cka::band_rows(n);
    let mut totals = vec![None; pairs.len() * kinds.len()];
    for start in (0..n).step_by(rows) {
        // One band at a time: without the fence all bands' Gram matrices would stand in memory together.
        g.fence();
        let count = rows.min(n - start);
        for ((&kind, &(a, b)), total) in kinds.iter().flat_map(|k| pairs.iter().map(move |p| (k, p))).zip(&mut totals) {
            let x = cka::embedding(g, centred[a], kind, start, count)?;
            let y = cka::embedding(g, centred[b], kind, start, count)?;
            let part = g.pair_dot(x, y)?;
            *total = Some(match *total {
                Some(total) => g.plus(total, part)?,
                None => part,
            });
        }
    }
    for ((&kind, &(a, b)), total) in kinds.iter().flat_map(|k| pairs.iter().map(move |p| (k, p))).zip(totals) {
        let total = total.ok_or_else(|| Error::Shape("CKA of no examples".into()))?;
        effects.push(Effect::Output(output_name(kind, a, b), total));
    }
    Ok(())
}

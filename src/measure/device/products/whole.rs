//! All pairs of replicas by measures that are cosines of [embeddings](crate::measure::embedding): a program of its own, whose
//! replicas are representations from any number of groups, or from files.
//!
//! Representations are copied in on the device. Narrow ones are padded with columns of zeros, which change no inner
//! product and no distance. For each wanted pair of layers the program accumulates the inner products of the embeddings of all replicas,
//! band by band: one product whose rows are replicas.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Copy, Effect, Function, Graph, Machine, Plan, VariableKind, lower};
use crate::kernels::program::DType;
use crate::measure::device::batches::{Rows, profile};
use crate::measure::embedding::{Between, Embedding, Prepared, Wanted, inner_products};

/// Name of the variable that holds a layer's representation of a replica.
pub fn input_name(layer: usize) -> String {
    format!("input/{layer}")
}

/// Name of the variable that holds how many units a layer's representation of a replica has.
fn units_name(layer: usize) -> String {
    format!("units/{layer}")
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

/// Values between all replicas, for one pair of layers and one measure.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Which of the program's measures.
    pub measure: usize,
    /// Layer of the rows' replicas.
    pub layer_a: usize,
    /// Layer of the columns' replicas.
    pub layer_b: usize,
    /// `[R, R]`: replica `a` at `layer_a` with replica `b` at `layer_b`. NaN where a representation is constant.
    pub values: Vec<f64>,
    /// The same before it is normalised: inner products of the embeddings, of representations as they came.
    pub products: Vec<f64>,
}

/// The program.
#[derive(Debug)]
pub struct Pairs {
    machine: Machine,
    of: Of,
}

/// The program before it has memory.
#[derive(Debug)]
pub struct PlannedPairs {
    /// Its plan.
    pub plan: Plan,
    of: Of,
}

/// What a program compares.
#[derive(Debug)]
struct Of {
    units: usize,
    layers: usize,
    measures: Vec<Embedding>,
    /// Whether representations were brought near one, so that products have to be taken back.
    scaled: bool,
    counts_units: bool,
}

impl PlannedPairs {
    /// Plans what [`Pairs::new`] makes.
    ///
    /// # Errors
    /// If there are too few examples, or more replicas than an adapter of this profile takes.
    pub fn new(
        profile: &Profile,
        replicas: usize,
        layers: usize,
        [examples, units]: [usize; 2],
        measures: &[Embedding],
        which: &[Layers],
    ) -> Result<Self> {
        let mut g = Graph::new();
        // A width that is a multiple of four lets every adapter read four values at once; zeros change no table.
        let units = units.next_multiple_of(4);
        let inputs = (0..layers)
            .map(|l| g.variable(input_name(l), &[examples, units], DType::F32, VariableKind::Transient))
            .collect::<Result<Vec<_>>>()?;
        // Where the mean over units matters, padding must not count.
        let counts_units = measures.iter().any(|m| m.between == Between::Correlation);
        let counts = if counts_units {
            (0..layers)
                .map(|l| g.variable(units_name(l), &[1, 1], DType::F32, VariableKind::Transient).map(Some))
                .collect::<Result<Vec<_>>>()?
        } else {
            vec![None; layers]
        };
        let mut prepared: Vec<Vec<Vec<Prepared>>> = Vec::with_capacity(layers);
        for (&x, &count) in inputs.iter().zip(&counts) {
            prepared.push(measures.iter().map(|m| m.prepare_all(&mut g, x, count)).collect::<Result<Vec<_>>>()?);
        }
        // All tables that know of it have one scale, since it is the representation's.
        let scales: Vec<_> = prepared.iter().map(|of| of.iter().flatten().find_map(|p| p.scale)).collect();
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
                let wanted: Vec<Wanted> = (0..measures.len())
                    .flat_map(|embedding| part.iter().map(move |&pair| Wanted { embedding, pair }))
                    .collect();
                let found = inner_products(&mut g, examples, measures, &prepared, &wanted, &Graph::pair_dot)?;
                let name = |wanted: &Wanted| output_name(wanted.embedding, wanted.pair.0, wanted.pair.1);
                effects.extend(wanted.iter().zip(found).map(|(wanted, total)| Effect::Output(name(wanted), total)));
            }
            let known = scales.iter().enumerate().filter_map(|(l, scale)| scale.map(|scale| (l, scale)));
            effects.extend(known.map(|(l, scale)| Effect::Output(scale_name(l), scale)));
            functions.push(Function::new(set.function(), effects));
        }
        let plan = lower(&g, &functions, replicas, profile)?;
        let scaled = scales.iter().any(Option::is_some);
        Ok(Self { plan, of: Of { units, layers, measures: measures.to_vec(), scaled, counts_units } })
    }

    /// Makes the machine.
    ///
    /// # Errors
    /// If the device has not enough memory.
    pub fn make(self, gpu: Option<&Arc<Gpu>>) -> Result<Pairs> {
        let Self { plan, of } = self;
        let mut machine = Machine::new(gpu, plan)?;
        for layer in (0..of.layers).filter(|_| of.counts_units) {
            machine.write_variable(&units_name(layer), &vec![of.units as f32; machine.replicas()])?;
        }
        Ok(Pairs { machine, of })
    }
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
        extents: [usize; 2],
        measures: &[Embedding],
        which: &[Layers],
    ) -> Result<Self> {
        PlannedPairs::new(&profile(gpu), replicas, layers, extents, measures, which)?.make(gpu)
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
        self.machine.copy_variables(from, &copies)?;
        if let (true, Some((_, placed))) = (self.of.counts_units, from.plan().variables.get(variable)) {
            for &m in members {
                self.machine.write_replica(&units_name(layer), m, &[placed.shape.columns() as f32])?;
            }
        }
        Ok(())
    }

    /// Sets the representation of a replica at a layer from `values` `[examples, units]`, row-major.
    ///
    /// # Errors
    /// If there is no such replica or layer, or the values do not fit.
    pub fn fill(&mut self, layer: usize, replica: usize, values: &[f32], units: usize) -> Result<()> {
        let name = input_name(layer);
        let placed = self.machine.plan().variables.get(&name).map(|(_, placed)| placed.shape.extents());
        let Some(&[examples, room]) = placed else {
            return Err(Error::Shape(format!("the comparison has no layer {layer}")));
        };
        self.machine.write_replica(&name, replica, &Rows { values, units }.padded(examples, room)?)?;
        if self.of.counts_units {
            self.machine.write_replica(&units_name(layer), replica, &[units as f32])?;
        }
        Ok(())
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
        let scales = (0..self.of.layers)
            .map(|layer| match self.of.scaled {
                true => Ok(self.machine.output(&results, &scale_name(layer))?.into_iter().map(f64::from).collect()),
                false => Ok(vec![1.0; replicas]),
            })
            .collect::<Result<Vec<Vec<f64>>>>()?;
        let mut matrices = Vec::new();
        for (measure, embedding) in self.of.measures.iter().enumerate() {
            let degree = embedding.between.degree().unwrap_or(0);
            let products = |a: usize, b: usize| self.machine.output(&results, &output_name(measure, a, b));
            let mut norms = Vec::with_capacity(self.of.layers);
            for layer in 0..self.of.layers {
                let own = products(layer, layer)?;
                norms.push((0..replicas).map(|r| f64::from(own[r * replicas + r]).max(0.0).sqrt()).collect::<Vec<_>>());
            }
            for (a, b) in which.pairs(self.of.layers) {
                let raw = products(a, b)?;
                let values = raw
                    .iter()
                    .enumerate()
                    .map(|(i, &x)| {
                        let scale = norms[a][i / replicas] * norms[b][i % replicas];
                        if scale > 0.0 { f64::from(x) / scale } else { f64::NAN }
                    })
                    .collect();
                let own = |i: usize| (scales[a][i / replicas] * scales[b][i % replicas]).powi(degree);
                let products = raw.iter().enumerate().map(|(i, &x)| f64::from(x) / own(i)).collect();
                matrices.push(Matrix { measure, layer_a: a, layer_b: b, values, products });
            }
        }
        Ok(matrices)
    }
}

fn scale_name(layer: usize) -> String {
    format!("scale/{layer}")
}

fn output_name(measure: usize, a: usize, b: usize) -> String {
    format!("products/{measure}/{a}/{b}")
}

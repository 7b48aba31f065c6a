//! The graph itself, run in double precision on the CPU: what a plan's results are held to.
//!
//! An interpreter shares nothing with a plan but the graph. It neither fuses nor orders nor places anything: it walks the
//! nodes that a function needs, each after its inputs, and keeps every value whole. So it can say how inexact a kernel is, and
//! whether fusion or an order of sums changed a meaning; and finite differences of it are good to half of its digits.
//!
//! Integers are whole numbers, which double precision holds exactly up to 2^53. Random numbers come from the same words as
//! the kernels' and differ from theirs by rounding alone. Where single precision decides (a comparison, a tie, the rejection of
//! a truncated normal value), double precision may decide otherwise of values that differ by less than single precision tells.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::iter::repeat_n;
use std::sync::Arc;

use super::fuse::reachable;
use super::node::{DataId, Effect, Function, Graph, Node, REPLICAS, Scope, Tensor, VariableId};
use super::ops::{Op, ReadData};
use super::registry::Registry;
use crate::error::{Error, Result};
use crate::gpu::Profile;
use crate::kernels::program::DType;

/// Elements of one value, last axis fastest. Shared, because most are read more often than written.
pub(super) type Values = Arc<[f64]>;

/// A ring of recorded values: for each replica the entries of so many steps.
#[derive(Clone, Debug)]
struct Ring {
    elements: usize,
    capacity: usize,
    replicas: Vec<Vec<f64>>,
}

/// A graph's functions, its variables for so many replicas, and what the functions gave.
///
/// Its verbs are those of [`Machine`](super::Machine), with numbers of double precision in place of words: what a machine reads
/// and writes as the bits of an integer is here a whole number. Variables, outputs and records are zero before anything is
/// written.
#[derive(Clone, Debug)]
pub struct Interpreter {
    graph: Arc<Graph>,
    functions: Arc<[Function]>,
    replicas: usize,
    data: Vec<Values>,
    /// Of each variable its value of each replica.
    variables: Vec<Vec<Values>>,
    outputs: BTreeMap<String, Vec<f64>>,
    records: BTreeMap<String, Ring>,
}

impl Interpreter {
    /// An interpreter of these functions for `replicas` replicas (at least 1).
    ///
    /// # Errors
    /// If there is no replica, or a function's effects do not fit: as [`lower`](super::lower).
    pub fn new(graph: impl Into<Arc<Graph>>, functions: impl Into<Arc<[Function]>>, replicas: usize) -> Result<Self> {
        let (graph, functions) = (graph.into(), functions.into());
        if replicas == 0 {
            return Err(Error::Shape("a group has at least one replica, and none were asked for".into()));
        }
        // What effects must fit is said in one place.
        let registry = Registry::new(&graph, &functions, replicas, &Profile::processor())?;
        for function in functions.iter() {
            for effect in function.effects.iter().filter(|e| !matches!(e, Effect::Output(..))) {
                if let Some(value) = effect.values().into_iter().find(|&t| graph.node(t).scope == Scope::Pairs) {
                    let what = graph.describe(value);
                    return Err(Error::Shape(format!(
                        "{what} is a value of pairs: it can be an output, not a variable"
                    )));
                }
            }
        }
        let outputs = registry.output_names.iter().zip(&registry.outputs).map(|(name, (_, shape, per_replica, _))| {
            let copies = if *per_replica { replicas } else { 1 };
            (name.clone(), vec![0.0; copies * shape.elements_in(replicas)])
        });
        let records = registry.record_names.iter().zip(&registry.records).map(|(name, (_, shape, capacity, _))| {
            let (elements, capacity) = (shape.elements(), *capacity);
            (name.clone(), Ring { elements, capacity, replicas: vec![vec![0.0; elements * capacity]; replicas] })
        });
        let (outputs, records) = (outputs.collect(), records.collect());
        let variables = graph.variables.iter().map(|v| vec![vec![0.0; v.shape.elements()].into(); replicas]).collect();
        let nothing: Values = Arc::new([]);
        let mut data = vec![nothing; graph.data.len()];
        for node in &graph.nodes {
            if let Op::ReadData(ReadData(DataId(id))) = node.op {
                // Words are floats or the bits of integers: the node says which.
                let integers = node.dtype == DType::U32;
                let value = |&word: &f32| if integers { f64::from(word.to_bits()) } else { f64::from(word) };
                data[id as usize] = graph.data[id as usize].words.iter().map(value).collect();
            }
        }
        Ok(Self { graph, functions, replicas, data, variables, outputs, records })
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Replicas in the group.
    pub fn replicas(&self) -> usize {
        self.replicas
    }

    /// Runs a function so many times.
    ///
    /// # Errors
    /// If there is no such function, or a value is not defined: a row is gathered that a table has not, or something is drawn
    /// from nothing. The variables are then those of the last run that ended.
    pub fn run(&mut self, function: &str, times: u32) -> Result<()> {
        let functions = self.functions.clone();
        let found = functions.iter().find(|f| f.name == function);
        let found = found.ok_or_else(|| Error::Device(format!("the program has no function `{function}`")))?;
        (0..times).try_for_each(|_| self.step(found))
    }

    /// A variable of every replica, one after the other: `[R, elements]`.
    ///
    /// # Errors
    /// If there is no such variable.
    pub fn read_variable(&self, name: &str) -> Result<Vec<f64>> {
        Ok(self.variables[self.variable(name)?].concat())
    }

    /// A variable of one replica.
    ///
    /// # Errors
    /// If there is no such variable or replica.
    pub fn read_replica(&self, name: &str, replica: usize) -> Result<Vec<f64>> {
        let variable = self.variable(name)?;
        self.check_replica(replica)?;
        Ok(self.variables[variable][replica].to_vec())
    }

    /// Sets a variable of all replicas, `[R, elements]`.
    ///
    /// # Errors
    /// If there is no such variable, the number of values differs, or an integer is given a value that is none.
    pub fn write_variable(&mut self, name: &str, values: &[f64]) -> Result<()> {
        let elements = self.graph.variables[self.variable(name)?].shape.elements();
        if values.len() != elements * self.replicas {
            return Err(self.misfit(name, values.len(), &format!(" of {} replicas", self.replicas)));
        }
        (0..self.replicas).try_for_each(|r| self.write_replica(name, r, &values[r * elements..(r + 1) * elements]))
    }

    /// Sets a variable of one replica.
    ///
    /// # Errors
    /// As [`Interpreter::write_variable`], and if there is no such replica.
    pub fn write_replica(&mut self, name: &str, replica: usize, values: &[f64]) -> Result<()> {
        let index = self.variable(name)?;
        self.check_replica(replica)?;
        let variable = &self.graph.variables[index];
        if values.len() != variable.shape.elements() {
            return Err(self.misfit(name, values.len(), ""));
        }
        let no_integer = |v: &&f64| f64::from(**v as u32) != **v;
        if let Some(odd) = values.iter().find(|v| variable.dtype == DType::U32 && no_integer(v)) {
            return Err(Error::Shape(format!(
                "variable `{name}` is of whole numbers from 0 to {}, and {odd} is none",
                u32::MAX
            )));
        }
        self.variables[index][replica] = values.into();
        Ok(())
    }

    /// An output: of every replica one after the other, or one for the group.
    ///
    /// # Errors
    /// If there is no such output.
    pub fn read_output(&self, name: &str) -> Result<Vec<f64>> {
        let found = self.outputs.get(name).cloned();
        found.ok_or_else(|| Error::Device(format!("the program has no output `{name}`")))
    }

    /// A record: for each replica, entry `step` for each step from `from` to `to`.
    ///
    /// # Errors
    /// If there is no such record, or it does not hold so many steps.
    pub fn record(&self, name: &str, from: u32, to: u32) -> Result<Vec<Vec<f64>>> {
        let ring = self.records.get(name);
        let ring = ring.ok_or_else(|| Error::Device(format!("the program has no record `{name}`")))?;
        if to.saturating_sub(from) as usize > ring.capacity {
            return Err(Error::Device(format!(
                "the record `{name}` keeps {} steps, and {} were asked for: read it more often",
                ring.capacity,
                to - from
            )));
        }
        let entry = |values: &Vec<f64>, step: u32| {
            let at = step as usize % ring.capacity * ring.elements;
            values[at..at + ring.elements].to_vec()
        };
        Ok(ring.replicas.iter().map(|values| (from..to).flat_map(|step| entry(values, step)).collect()).collect())
    }

    fn variable(&self, name: &str) -> Result<usize> {
        let found = self.graph.variable_named(name).map(|id| id.0 as usize);
        found.ok_or_else(|| Error::Device(format!("the program has no variable `{name}`")))
    }

    fn check_replica(&self, replica: usize) -> Result<()> {
        if replica < self.replicas {
            return Ok(());
        }
        Err(Error::Shape(format!("there is no replica {replica} in a group of {}", self.replicas)))
    }

    fn misfit(&self, name: &str, values: usize, of: &str) -> Error {
        let shape = self.graph.variable_named(name).map(|id| self.graph.variable_info(id).shape.to_string());
        let shape = shape.unwrap_or_default();
        Error::Shape(format!("variable `{name}` {shape}{of} does not take {values} values"))
    }

    /// One run of a function: all values first, from the variables as they are; then its effects.
    fn step(&mut self, function: &Function) -> Result<()> {
        let graph = self.graph.clone();
        let wanted = reachable(&graph, function);
        // A value is let go once its last reader has it; those of effects have one more reader.
        let mut readers = vec![0usize; graph.nodes.len()];
        let of_nodes = graph.nodes.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let read = of_nodes.flat_map(|(node, _)| node.inputs.iter().copied());
        for tensor in read.chain(function.effects.iter().flat_map(Effect::values)) {
            readers[tensor.index()] += 1;
        }
        let mut values: Vec<Vec<Values>> = vec![Vec::new(); graph.nodes.len()];
        for index in (0..graph.nodes.len()).filter(|&index| wanted[index]) {
            let tensor = Tensor(index as u32);
            values[index] = self.value(tensor, &values)?;
            for input in &graph.node(tensor).inputs {
                readers[input.index()] -= 1;
                if readers[input.index()] == 0 {
                    values[input.index()] = Vec::new();
                }
            }
        }
        for effect in &function.effects {
            self.apply(effect, &values);
        }
        Ok(())
    }

    fn apply(&mut self, effect: &Effect, values: &[Vec<Values>]) {
        let of = |t: Tensor, replica: usize| of_replica(&values[t.index()], replica);
        match effect {
            Effect::Assign(VariableId(id), value) => {
                for (replica, variable) in self.variables[*id as usize].iter_mut().enumerate() {
                    *variable = of(*value, replica).clone();
                }
            }
            Effect::Raise(VariableId(id), value) => {
                for (replica, variable) in self.variables[*id as usize].iter_mut().enumerate() {
                    if of(*value, replica).iter().any(|&x| x != 0.0) {
                        *variable = Arc::new([1.0]);
                    }
                }
            }
            Effect::Record { name, value, step, .. } => {
                let Some(ring) = self.records.get_mut(name) else { return };
                for (replica, entries) in ring.replicas.iter_mut().enumerate() {
                    let place = of(*step, replica)[0] as usize % ring.capacity.max(1) * ring.elements;
                    if let Some(entry) = entries.get_mut(place..place + ring.elements) {
                        entry.copy_from_slice(of(*value, replica));
                    }
                }
            }
            Effect::Output(name, value) => {
                self.outputs.insert(name.clone(), values[value.index()].concat());
            }
        }
    }

    /// A node's value: of each replica, or one for the group.
    fn value(&self, tensor: Tensor, values: &[Vec<Values>]) -> Result<Vec<Values>> {
        let (graph, node) = (&*self.graph, self.graph.node(tensor));
        let inputs: Vec<&[Values]> = node.inputs.iter().map(|t| values[t.index()].as_slice()).collect();
        if let Some(value) = node.op.rules().value_of_all(&inputs, &self.extents(tensor)) {
            return value.map(|value| vec![value]).map_err(|error| at_node(graph, tensor, error));
        }
        // An element of a pair is of two replicas: which of a replica's values would it take?
        if node.scope == Scope::Pairs
            && let Some(&input) = node.inputs.iter().find(|&&t| graph.node(t).scope == Scope::Replica)
        {
            let (whole, part) = (graph.describe(tensor), graph.describe(input));
            return Err(Error::Shape(format!("{whole} is of pairs and cannot be made from {part} of each replica")));
        }
        let copies = if node.scope == Scope::Replica { self.replicas } else { 1 };
        (0..copies)
            .map(|replica| {
                let inputs = inputs.iter().map(|values| of_replica(values, replica)).collect();
                let extents = self.extents(tensor);
                node.op.rules().value(&Evaluation { interpreter: self, tensor, node, replica, inputs, extents })
            })
            .collect()
    }

    /// Extents of a node's value.
    fn extents(&self, tensor: Tensor) -> Vec<usize> {
        let extents = self.graph.shape(tensor).extents().iter();
        extents.map(|&extent| if extent == REPLICAS { self.replicas } else { extent }).collect()
    }
}

/// A node about to be evaluated for one replica.
pub(super) struct Evaluation<'a> {
    interpreter: &'a Interpreter,
    /// Which node.
    pub tensor: Tensor,
    /// The node.
    pub node: &'a Node,
    replica: usize,
    /// Values of its inputs.
    pub inputs: Vec<&'a Values>,
    /// Its extents.
    pub extents: Vec<usize>,
}

impl Evaluation<'_> {
    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.interpreter.graph
    }

    /// Elements of the node.
    pub fn count(&self) -> usize {
        self.extents.iter().product()
    }

    /// Its last extent.
    pub fn columns(&self) -> usize {
        self.extents.last().copied().unwrap_or(1).max(1)
    }

    /// Extents of an input.
    pub fn extents_of(&self, input: usize) -> Vec<usize> {
        self.interpreter.extents(self.node.inputs[input])
    }

    /// An input as large as the node.
    pub fn spread(&self, input: usize) -> Cow<'_, [f64]> {
        spread(self.inputs[input], &self.extents_of(input), &self.extents)
    }

    /// The replica's value of a variable.
    pub fn variable(&self, VariableId(id): VariableId) -> Values {
        self.interpreter.variables[id as usize][self.replica].clone()
    }

    /// A data set.
    pub fn data(&self, DataId(id): DataId) -> Values {
        self.interpreter.data[id as usize].clone()
    }

    /// Says that something went wrong at this node.
    pub fn here(&self, error: Error) -> Error {
        at_node(self.graph(), self.tensor, error)
    }
}

fn at_node(graph: &Graph, tensor: Tensor, error: Error) -> Error {
    Error::Numerics(format!("{}: {error}", graph.describe(tensor)))
}

/// A replica's value, or that of the group.
fn of_replica(values: &[Values], replica: usize) -> &Values {
    &values[if values.len() == 1 { 0 } else { replica }]
}

/// A tensor repeated along its axes of extent 1 until it has the extents `to`; axes that it lacks stand in front.
fn spread<'v>(x: &'v [f64], from: &[usize], to: &[usize]) -> Cow<'v, [f64]> {
    let mut all = Cow::Borrowed(x);
    // Elements that stand together behind the axis at hand, which are already repeated.
    let mut behind = 1usize;
    for (axis, &extent) in to.iter().enumerate().rev() {
        let own = (axis + from.len()).checked_sub(to.len()).map_or(1, |i| from[i]);
        if own == 1 && extent != 1 {
            let parts = all.chunks(behind.max(1));
            all = Cow::Owned(parts.flat_map(|part| repeat_n(part, extent).flatten()).copied().collect());
        }
        behind *= extent;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_repeated_along_any_axis() {
        let x = [1.0, 2.0, 3.0];
        assert_eq!(*spread(&x, &[3], &[2, 3]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(*spread(&x, &[3, 1], &[3, 2]), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(*spread(&x[..2], &[2, 1, 1], &[2, 2, 1]), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(*spread(&x[..1], &[1, 1], &[2, 2]), [1.0; 4]);
        assert_eq!(*spread(&x, &[1, 3, 1], &[2, 3, 1]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    }
}

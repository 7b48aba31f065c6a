//! One group of fused nodes as one kernel with one job.

use std::collections::BTreeSet;

use super::fuse::{CHEAP, Fused, Group, Store};
use super::node::{Effect, Graph, Scope, Shape, Tensor};
use super::ops::{Op, ReadVariable, Reads};
use super::program_of::{Emitter, Keep, Place, Word, number};
use super::registry::Registry;
use crate::error::Result;
use crate::gpu::Profile;
use crate::kernels::map::Map;
use crate::kernels::program::{Instruction, Program};
use crate::kernels::{Arena, Kernel};

/// One group as a kernel with one job.
pub(super) struct Item {
    pub kernel: Kernel,
    pub words: Vec<Word>,
    pub label: String,
    pub scope: Scope,
    pub epoch: u32,
    pub flops: u64,
    pub elements: u64,
}

impl Item {
    /// A kernel with one job.
    pub fn new(kernel: impl Into<Kernel>, words: Vec<Word>, flops: u64, elements: u64) -> Self {
        let (kernel, scope) = (kernel.into(), Scope::Shared);
        Self { kernel, words, label: String::new(), scope, epoch: 0, flops, elements }
    }
}

pub(super) fn item(fused: &Fused, g: usize, replicas: usize, profile: &Profile, registry: &Registry) -> Result<Item> {
    let group = &fused.groups[g];
    let mut made = match group.heads.first() {
        None => map_item(fused, g, replicas, registry)?,
        Some(&tensor) => {
            let at = Assembly { fused, g, tensor, replicas, profile, registry };
            fused.graph.node(tensor).op.rules().item(&at)?
        }
    };
    made.label = name_group(fused, g);
    made.scope = group.scope;
    made.epoch = group.epoch;
    Ok(made)
}

/// What a group is for: the variables and results that it stores, else its head.
fn name_group(fused: &Fused, g: usize) -> String {
    let group = &fused.groups[g];
    let mut names: Vec<String> = Vec::new();
    for (_, store) in &group.stores {
        if let Store::Effect(number) = store {
            let name = match &fused.effects[*number] {
                Effect::Assign(id, _) | Effect::Raise(id, _) => fused.graph.variable_info(*id).name.clone(),
                Effect::Record { name, .. } | Effect::Output(name, _) => name.clone(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if !names.is_empty() {
        names.truncate(3);
        return names.join(" ");
    }
    let Some(&head) = group.heads.first() else {
        let first = group.nodes.first().map(|t| fused.graph.node(*t).op.facts());
        let told = first.filter(|op| op.cost > CHEAP || op.reads(0) == Reads::SomeRows);
        return format!("{} {}", told.map_or("elementwise", |op| op.name), group.shape);
    };
    let node = fused.graph.node(head);
    let operand = |t: &Tensor| match fused.graph.node(fused.graph.source(*t).0).op {
        Op::ReadVariable(ReadVariable(id)) => Some(fused.graph.variable_info(id).name.clone()),
        _ => None,
    };
    let of = node.inputs.iter().filter_map(operand).collect::<Vec<_>>().join(" ");
    format!("{} {}", node.op.facts().name.to_lowercase(), if of.is_empty() { node.shape.to_string() } else { of })
}

/// A group that a kernel begins, as its operation sees it.
pub(super) struct Assembly<'a> {
    fused: &'a Fused<'a>,
    g: usize,
    /// The node that the group begins with.
    pub tensor: Tensor,
    /// Replicas of the group of networks.
    pub replicas: usize,
    /// What it is to run on.
    pub profile: &'a Profile,
    registry: &'a Registry,
}

/// What is made of a kernel's results, and stored.
pub(super) struct After {
    pub program: Program,
    pub words: Vec<Word>,
    /// Operations, on all results.
    pub flops: u64,
    /// Elements read and written.
    pub elements: u64,
}

impl<'a> Assembly<'a> {
    /// The graph.
    pub fn graph(&self) -> &'a Graph {
        self.fused.graph
    }

    /// The group.
    pub fn group(&self) -> &'a Group {
        &self.fused.groups[self.g]
    }

    /// An input.
    pub fn input(&self, i: usize) -> Tensor {
        self.graph().node(self.tensor).inputs[i]
    }

    /// Where an input stands, and the elements to skip.
    ///
    /// # Errors
    /// If it is not stored.
    pub fn operand(&self, i: usize) -> Result<(Place, usize)> {
        let (source, extra) = self.graph().source(self.input(i));
        Ok((self.fused.place_of(source)?, extra))
    }

    /// A program over a shape, in which `accumulated` is the kernel's value.
    pub fn emitter(&self, domain: Shape, accumulated: Option<Tensor>) -> Emitter<'a, 'a> {
        Emitter::new(self.fused, self.g, domain, accumulated, self.replicas)
    }

    /// The program on each result `of` the kernel; `read` has been read before.
    ///
    /// # Errors
    /// If it cannot be expressed.
    pub fn after(&self, of: Tensor, mut read: Vec<Tensor>) -> Result<After> {
        let shape = self.graph().shape(of);
        let mut emitter = self.emitter(shape.clone(), Some(of));
        let written = emit_stores(self.fused, self.g, &mut emitter, self.registry)?;
        let (program, words, more) = emitter.finish();
        read.extend(more);
        let flops = arithmetic(&program) * shape.elements_in(self.replicas) as u64;
        let elements = written + read_elements(self.fused, &read, self.replicas);
        Ok(After { program, words, flops, elements })
    }

    /// The arena of the one input, and the job of a kernel whose result is stored as it is: three words, the input, the
    /// result, and what follows.
    ///
    /// # Errors
    /// If the input is not stored.
    pub fn job_alone(&self, header: [usize; 3], last: &[usize]) -> Result<(Arena, Vec<Word>)> {
        let ((source, extra), target) = (self.operand(0)?, Place::Temporary(self.tensor));
        let mut job = vec![number(0)];
        job.extend(header.map(number));
        job.extend([Word::Offset(source, extra), Word::Stride(source), Word::Offset(target, 0), Word::Stride(target)]);
        job.extend(last.iter().map(|&word| number(word)));
        Ok((source.arena(), job))
    }
}

/// Emits a group's nodes and stores into a program.
fn emit_stores(fused: &Fused, g: usize, emitter: &mut Emitter, registry: &Registry) -> Result<u64> {
    let mut elements = 0;
    for (value, store) in &fused.groups[g].stores {
        // Heads that no map follows are stored by their kernel as they are.
        if fused.stored_as_it_is(g, *value) {
            continue;
        }
        let (place, keep) = match store {
            Store::Temporary => (Place::Temporary(*value), Keep::All),
            Store::Effect(number) => match &fused.effects[*number] {
                Effect::Assign(variable, _) => (Place::Variable(*variable), Keep::All),
                Effect::Raise(variable, _) => (Place::Variable(*variable), Keep::Flag),
                Effect::Output(name, _) => (Place::Output(registry.output_index(name)), Keep::All),
                Effect::Record { name, step, capacity, .. } => {
                    (Place::Record(registry.record_index(name)), Keep::Ring(*step, *capacity))
                }
            },
        };
        elements += fused.graph.shape(*value).elements_in(registry.replicas) as u64;
        emitter.store(*value, place, keep)?;
    }
    Ok(elements)
}

fn read_elements(fused: &Fused, read: &[Tensor], replicas: usize) -> u64 {
    let unique: BTreeSet<&Tensor> = read.iter().collect();
    unique.iter().map(|t| fused.graph.shape(**t).elements_in(replicas) as u64).sum()
}

/// Operations of a program on one element.
pub(super) fn arithmetic(program: &Program) -> u64 {
    use Instruction as I;
    program.instructions.iter().filter(|i| matches!(i, I::Unary(..) | I::Binary(..) | I::Select(..))).count() as u64
}

fn columns_of(shape: &Shape, replicas: usize) -> usize {
    let columns = shape.columns();
    if columns == super::node::REPLICAS { replicas } else { columns }
}

fn map_item(fused: &Fused, g: usize, replicas: usize, registry: &Registry) -> Result<Item> {
    let shape = fused.groups[g].shape.clone();
    let count = shape.elements_in(replicas);
    let mut emitter = Emitter::new(fused, g, shape.clone(), None, replicas);
    let written = emit_stores(fused, g, &mut emitter, registry)?;
    let (program, words, read) = emitter.finish();
    let mut job = vec![number(0), number(count), number(columns_of(&shape, replicas)), number(0)];
    job.extend(words);
    let (flops, elements) = (arithmetic(&program) * count as u64, written + read_elements(fused, &read, replicas));
    let columns = columns_of(&shape, replicas);
    let extent = if program.has_coordinates() { columns } else { count };
    // Never by the number of replicas: company must change no bit.
    let vector = !shape.0.contains(&super::node::REPLICAS) && extent.is_multiple_of(4) && program.by_four();
    Ok(Item::new(Map { program, vector }, job, flops, elements))
}

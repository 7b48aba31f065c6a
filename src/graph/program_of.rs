//! Elementwise programs from nodes, and the symbolic words of their jobs.

use std::collections::HashMap;

use super::fuse::Fused;
use super::node::{DataId, Graph, Shape, Tensor, VariableId};
use super::ops::{Kind, Op, ReadData, ReadVariable};
use crate::error::{Error, Result};
use crate::kernels::Arena;
use crate::kernels::program::{DType, Instruction, Leaf, Output, Pattern, Program, Target, Value};

/// A place whose offset is known only when everything is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    Variable(VariableId),
    Data(DataId),
    Temporary(Tensor),
    Record(usize),
    Output(usize),
}

impl Place {
    pub fn arena(self) -> Arena {
        match self {
            Self::Variable(_) => Arena::State,
            Self::Data(_) => Arena::Data,
            Self::Temporary(_) => Arena::Scratch,
            Self::Record(_) | Self::Output(_) => Arena::Out,
        }
    }
}

/// A word of a job, before the layout is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    Number(u32),
    /// Offset of a place, and elements beyond it.
    Offset(Place, usize),
    /// Elements from one replica to the next.
    Stride(Place),
}

/// What of a value is stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// Every element.
    All,
    /// Whether any element is not zero.
    Flag,
    /// Every element, at the place of a step among so many.
    Ring(Tensor, usize),
}

pub(super) fn number(value: usize) -> Word {
    Word::Number(u32::try_from(value).unwrap_or(u32::MAX))
}

/// Builds one program.
pub(super) struct Emitter<'f, 'g> {
    fused: &'f Fused<'g>,
    group: usize,
    domain: Shape,
    replicas: usize,
    accumulated: Option<Tensor>,
    program: Program,
    values: HashMap<Tensor, Value>,
    known: HashMap<Instruction, Value>,
    leaf_words: Vec<Word>,
    parameter_words: Vec<Word>,
    output_words: Vec<Word>,
    read: Vec<Tensor>,
}

impl<'f, 'g> Emitter<'f, 'g> {
    /// A program over `domain`, in which `accumulated` is the enclosing kernel's value.
    pub fn new(
        fused: &'f Fused<'g>,
        group: usize,
        domain: Shape,
        accumulated: Option<Tensor>,
        replicas: usize,
    ) -> Self {
        Self {
            fused,
            group,
            domain,
            replicas,
            accumulated,
            program: Program::default(),
            values: HashMap::new(),
            known: HashMap::new(),
            leaf_words: Vec::new(),
            parameter_words: Vec::new(),
            output_words: Vec::new(),
            read: Vec::new(),
        }
    }

    /// An instruction.
    pub fn push(&mut self, instruction: Instruction) -> Value {
        if let Some(&value) = self.known.get(&instruction) {
            return value;
        }
        self.program.instructions.push(instruction);
        let value = self.program.instructions.len() - 1;
        self.known.insert(instruction, value);
        value
    }

    /// The value of a node for the element at hand.
    pub fn value(&mut self, tensor: Tensor) -> Result<Value> {
        if let Some(&value) = self.values.get(&tensor) {
            return Ok(value);
        }
        let value = self.emit(tensor)?;
        self.values.insert(tensor, value);
        Ok(value)
    }

    fn emit(&mut self, tensor: Tensor) -> Result<Value> {
        if self.accumulated == Some(tensor) {
            return Ok(self.push(Instruction::Accumulated));
        }
        let rules = self.graph().node(tensor).op.rules();
        let here = rules.facts().kind == Kind::Number
            || self.fused.groups[self.group].owns(tensor)
            || self.fused.is_inline(tensor);
        if here { rules.emit(tensor, self) } else { self.load(tensor) }
    }

    /// The graph.
    pub fn graph(&self) -> &'g Graph {
        self.fused.graph
    }

    /// The value of a node's input.
    pub fn input(&mut self, tensor: Tensor, i: usize) -> Result<Value> {
        self.value(self.graph().node(tensor).inputs[i])
    }

    /// A word of the job.
    pub fn parameter(&mut self, word: Word, dtype: DType) -> Value {
        self.parameter_words.push(word);
        self.program.parameters += 1;
        self.push(Instruction::Parameter(self.program.parameters - 1, dtype))
    }

    fn load(&mut self, tensor: Tensor) -> Result<Value> {
        let node = self.graph().node(tensor);
        let (source, extra) = self.graph().source(tensor);
        let (pattern, strides) = pattern_of(&node.shape, &self.domain)?;
        let whole = self.graph().shape(source).elements() == node.shape.elements();
        let leaf = self.leaf_at(source, extra, pattern, &strides, if whole { source } else { tensor })?;
        Ok(self.push(Instruction::Load(leaf, node.dtype)))
    }

    /// A leaf of the program: what a node's input stands in, indexed by a pattern. As much is read as `like` is large, or the
    /// whole.
    pub fn leaf(
        &mut self,
        tensor: Tensor,
        i: usize,
        pattern: Pattern,
        strides: &[usize],
        like: Option<Tensor>,
    ) -> Result<usize> {
        let (source, extra) = self.graph().source(self.graph().node(tensor).inputs[i]);
        self.leaf_at(source, extra, pattern, strides, like.unwrap_or(source))
    }

    /// As [`Emitter::leaf`], of the first input from an element on, by strides.
    pub fn leaf_from(&mut self, tensor: Tensor, from: usize, strides: &[usize]) -> Result<usize> {
        let (source, extra) = self.graph().source(self.graph().node(tensor).inputs[0]);
        self.leaf_at(source, extra + from, Pattern::Strided, strides, tensor)
    }

    fn leaf_at(
        &mut self,
        source: Tensor,
        extra: usize,
        pattern: Pattern,
        strides: &[usize],
        like: Tensor,
    ) -> Result<usize> {
        let place = self.fused.place_of(source)?;
        self.read.push(like);
        self.program.leaves.push(Leaf { arena: place.arena(), pattern, vector: extra.is_multiple_of(4) });
        self.leaf_words.extend([Word::Offset(place, extra), Word::Stride(place)]);
        if pattern == Pattern::Strided {
            self.leaf_words.extend(strides.iter().map(|&s| number(s)));
        }
        Ok(self.program.leaves.len() - 1)
    }

    /// Stores a value at a place.
    pub fn store(&mut self, value: Tensor, place: Place, keep: Keep) -> Result<()> {
        let value = self.value(value)?;
        let target = match keep {
            Keep::All => Target::Full,
            Keep::Flag => Target::Flag,
            Keep::Ring(step, _) => Target::Ring(self.value(step)?),
        };
        self.program.outputs.push(Output { value, arena: place.arena(), target, vector: true });
        self.output_words.extend([Word::Offset(place, 0), Word::Stride(place)]);
        if let Keep::Ring(_, capacity) = keep {
            self.output_words.push(number(capacity));
        }
        Ok(())
    }

    /// The program, the words of its job, and the tensors that it reads.
    pub fn finish(self) -> (Program, Vec<Word>, Vec<Tensor>) {
        let mut words = Vec::new();
        if self.program.strided() {
            let extents = padded(&self.domain);
            words.extend(extents.iter().map(|&e| number(if e == super::node::REPLICAS { self.replicas } else { e })));
        }
        words.extend(self.leaf_words);
        words.extend(self.parameter_words);
        words.extend(self.output_words);
        (self.program, words, self.read)
    }
}

impl Fused<'_> {
    /// Where a stored tensor, variable or data set stands.
    pub(super) fn place_of(&self, source: Tensor) -> Result<Place> {
        match self.graph.node(source).op {
            Op::ReadVariable(ReadVariable(id)) => Ok(Place::Variable(id)),
            Op::ReadData(ReadData(id)) => Ok(Place::Data(id)),
            _ if self.group_of.contains_key(&source) => Ok(Place::Temporary(source)),
            Op::Stack(_) => Ok(Place::Temporary(source)),
            _ => Err(Error::Shape(format!("{} is read as a whole but is not stored", self.graph.describe(source)))),
        }
    }
}

fn padded(shape: &Shape) -> [usize; 4] {
    let mut extents = [1; 4];
    let rank = shape.0.len();
    extents[4 - rank..].copy_from_slice(&shape.0);
    extents
}

/// How a tensor of shape `leaf` is indexed by the elements of `domain`.
fn pattern_of(leaf: &Shape, domain: &Shape) -> Result<(Pattern, Vec<usize>)> {
    let (l, d) = (padded(leaf), padded(domain));
    if l == d {
        return Ok((Pattern::Full, Vec::new()));
    }
    if l == [1; 4] {
        return Ok((Pattern::Scalar, Vec::new()));
    }
    if l.iter().zip(&d).any(|(&x, &y)| x != y && x != 1) {
        return Err(Error::Shape(format!("a tensor of shape {leaf} does not broadcast to {domain}")));
    }
    if l[3] == d[3] && l[..3] == [1; 3] {
        return Ok((Pattern::Row, Vec::new()));
    }
    if l[3] == 1 && l[..3] == d[..3] {
        return Ok((Pattern::Column, Vec::new()));
    }
    let mut strides = vec![0; 4];
    let mut step = 1;
    for axis in (0..4).rev() {
        if l[axis] != 1 {
            strides[axis] = step;
        }
        step *= l[axis];
    }
    Ok((Pattern::Strided, strides))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_follow_from_shapes() {
        let p = |l: &[usize], d: &[usize]| pattern_of(&Shape::new(l), &Shape::new(d)).ok();
        assert_eq!(p(&[3, 4], &[3, 4]), Some((Pattern::Full, vec![])));
        assert_eq!(p(&[1, 1], &[3, 4]), Some((Pattern::Scalar, vec![])));
        assert_eq!(p(&[1, 4], &[3, 4]), Some((Pattern::Row, vec![])));
        assert_eq!(p(&[3, 1], &[3, 4]), Some((Pattern::Column, vec![])));
        assert_eq!(p(&[1, 3, 1], &[2, 3, 4]), Some((Pattern::Strided, vec![0, 0, 1, 0])));
        assert_eq!(p(&[2, 4], &[3, 4]), None);
    }
}

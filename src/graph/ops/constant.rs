//! Numbers that a function is written with.

use super::prelude::*;
use crate::graph::program_of::Word as JobWord;
use crate::kernels::random;

/// A float, by its bits in double precision, of which kernels have the nearest single one in their text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Constant(pub(in crate::graph) u64);

/// A number that is passed beside the text, so that kernels that differ only in it are one: an integer, or a float as in
/// [`Constant`], as the node's type says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Word(pub(in crate::graph) u64);

impl Graph {
    /// A constant, part of the kernels' text. The graph keeps it in double precision; kernels have the nearest single one.
    pub fn constant(&mut self, value: impl Into<f64>) -> Tensor {
        self.add(Constant(value.into().to_bits()), Vec::new(), Shape::scalar(), DType::F32)
    }

    /// A constant that is passed beside the text: kernels that differ only in it stay one kernel. It is kept as
    /// [`Graph::constant`] keeps its own.
    pub fn number(&mut self, value: impl Into<f64>) -> Tensor {
        self.add(Word(value.into().to_bits()), Vec::new(), Shape::scalar(), DType::F32)
    }

    /// An integer constant, passed beside the text.
    pub fn integer(&mut self, value: u32) -> Tensor {
        self.add_scoped(Word(u64::from(value)), vec![], Shape::new(&[1, 1]), DType::U32, Scope::Shared)
    }

    /// The integer that stands for a purpose in random keys, from its path. A graph in which two paths have one integer is
    /// not lowered: their numbers would be the same.
    pub fn purpose(&mut self, path: &str) -> Tensor {
        let hash = random::purpose(path);
        self.purposes.entry(hash).or_default().insert(path.to_owned());
        self.integer(hash)
    }
}

/// Bits of the single-precision number nearest to the one with these bits in double precision.
fn single(bits: u64) -> u32 {
    (f64::from_bits(bits) as f32).to_bits()
}

impl Rules for Constant {
    fn facts(&self) -> Facts {
        Facts::number("constant")
    }

    fn value(&self, _: &Evaluation) -> Result<Values> {
        Ok([f64::from_bits(self.0)].into())
    }

    fn emit(&self, _: Tensor, emitter: &mut Emitter) -> Result<Value> {
        Ok(emitter.push(Instruction::Constant(single(self.0))))
    }
}

impl Rules for Word {
    fn facts(&self) -> Facts {
        Facts::number("number")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let integer = at.node.dtype == DType::U32;
        Ok([if integer { self.0 as f64 } else { f64::from_bits(self.0) }].into())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let dtype = emitter.graph().node(tensor).dtype;
        let word = if dtype == DType::U32 { self.0 as u32 } else { single(self.0) };
        Ok(emitter.parameter(JobWord::Number(word), dtype))
    }
}

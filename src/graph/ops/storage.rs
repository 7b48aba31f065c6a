//! What stands in memory before a function runs: variables of each replica, and data that all share.

use super::prelude::*;
use crate::graph::node::{Data, DataId, Variable, VariableId, VariableKind};

/// Words of a data set up to which it is looked up among those that there are.
const SMALL: usize = 1024;

/// A variable's value before the function's assignments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadVariable(pub(in crate::graph) VariableId);

/// A shared tensor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReadData(pub(in crate::graph) DataId);

impl Graph {
    /// Declares a variable and gives the node of its value.
    ///
    /// # Errors
    /// If the name is taken or the shape is empty.
    pub fn variable(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        dtype: DType,
        kind: VariableKind,
    ) -> Result<Tensor> {
        let name = name.into();
        if self.variable_named(&name).is_some() {
            return Err(Error::Shape(format!("two variables are named `{name}`: give one of them another name")));
        }
        let shape = Shape::new(shape);
        check_extents(&shape, &name)?;
        let id = VariableId(self.variables.len() as u32);
        let saved = shape.extents().to_vec();
        self.variables.push(Variable { name, shape: shape.clone(), dtype, kind, saved });
        Ok(self.add_scoped(ReadVariable(id), Vec::new(), shape, dtype, Scope::Replica))
    }

    /// Declares a variable of floats `[1, n]` that files have as a vector `[n]`, and gives the node of its value.
    ///
    /// # Errors
    /// If the name is taken or `n` is 0.
    pub fn vector(&mut self, name: impl Into<String>, n: usize, kind: VariableKind) -> Result<Tensor> {
        let value = self.variable(name, &[1, n], DType::F32, kind)?;
        self.save_as(value, &[n])?;
        Ok(value)
    }

    /// Gives a variable another shape in files.
    ///
    /// # Errors
    /// If it is no variable.
    pub fn save_as(&mut self, variable: Tensor, extents: &[usize]) -> Result<()> {
        let id = self.variable_of(variable)?;
        self.variables[id.0 as usize].saved = extents.to_vec();
        Ok(())
    }

    /// The variable that a node reads.
    ///
    /// # Errors
    /// If the node is not a variable.
    pub fn variable_of(&self, tensor: Tensor) -> Result<VariableId> {
        match self.node(tensor).op {
            Op::ReadVariable(ReadVariable(id)) => Ok(id),
            _ => Err(Error::Shape(format!(
                "{} is not a variable: only variables can be assigned",
                self.describe(tensor)
            ))),
        }
    }

    /// The node of a variable.
    pub fn read(&mut self, id: VariableId) -> Tensor {
        let (shape, dtype) = (self.variable_info(id).shape.clone(), self.variable_info(id).dtype);
        self.add_scoped(ReadVariable(id), Vec::new(), shape, dtype, Scope::Replica)
    }

    /// A tensor of floats that all replicas share.
    ///
    /// # Errors
    /// If the number of values does not fit the shape.
    pub fn data(&mut self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        self.data_words(values, shape, DType::F32)
    }

    /// A tensor of integers that all replicas share.
    ///
    /// # Errors
    /// If the number of values does not fit the shape.
    pub fn data_integers(&mut self, values: &[u32], shape: &[usize]) -> Result<Tensor> {
        self.data_words(values.iter().map(|&v| f32::from_bits(v)).collect(), shape, DType::U32)
    }

    fn data_words(&mut self, words: Vec<f32>, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let shape = Shape::new(shape);
        check_extents(&shape, "data")?;
        if words.len() != shape.elements() {
            return Err(Error::Shape(format!("data of {} values does not fit the shape {shape}", words.len())));
        }
        // Small tables, and those of places, are written out again and again: equal ones are one.
        let same = |known: &Data| {
            let bits = || known.words.iter().zip(&words).all(|(a, b)| a.to_bits() == b.to_bits());
            known.shape == shape && known.dtype == dtype && bits()
        };
        let often = words.len() <= SMALL || dtype == DType::U32;
        let known = if often { self.data.iter().position(same) } else { None };
        let id = DataId(known.unwrap_or(self.data.len()) as u32);
        if known.is_none() {
            self.data.push(Data { shape: shape.clone(), dtype, words });
        }
        Ok(self.add(ReadData(id), Vec::new(), shape, dtype))
    }
}

fn check_extents(shape: &Shape, name: &str) -> Result<()> {
    let elements = shape.0.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
    if shape.0.is_empty() || shape.0.len() > 4 || elements.is_none_or(|n| n == 0 || n > (1 << 31)) {
        return Err(Error::Shape(format!(
            "`{name}` has the shape {shape}: one to four positive extents are expected, 2^31 elements at most"
        )));
    }
    Ok(())
}

impl Rules for ReadVariable {
    fn facts(&self) -> Facts {
        Facts::stored("variable")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.variable(self.0))
    }
}

impl Rules for ReadData {
    fn facts(&self) -> Facts {
        Facts::stored("data")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.data(self.0))
    }
}

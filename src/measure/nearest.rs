//! Nearest neighbours of every example in many representations at once, on the device.
//!
//! Distances are made a band of examples at a time and never leave the device; what is read back are `k` indices per
//! example. Equal distances come in the order of their indices.

use std::sync::Arc;

use super::embedding::band_rows;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{DType, Unary};

/// What makes two examples near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// A small squared distance.
    Distance,
    /// A large inner product.
    InnerProduct,
}

const INPUT: &str = "input";

/// The program: each replica is a representation.
#[derive(Debug)]
pub struct Nearest {
    machine: Machine,
    examples: usize,
    room: usize,
    k: usize,
    bands: Vec<(usize, usize)>,
}

impl Nearest {
    /// A program for so many representations of `[examples, units]`.
    ///
    /// # Errors
    /// If there are not more examples than neighbours, or the device has not enough memory.
    pub fn new(
        gpu: Option<&Arc<Gpu>>,
        representations: usize,
        [examples, units]: [usize; 2],
        k: usize,
        near: Near,
    ) -> Result<Self> {
        let mut g = Graph::new();
        let room = units.next_multiple_of(4);
        let x = g.variable(INPUT, &[examples, room], DType::F32, VariableKind::Transient)?;
        let height = band_rows(examples);
        let (mut effects, mut bands) = (Vec::new(), Vec::new());
        for start in (0..examples).step_by(height) {
            g.fence();
            let count = height.min(examples - start);
            let band = g.rows(x, start, count)?;
            let far = match near {
                Near::Distance => g.distances(x, band, Inner::SquaredDifference)?,
                Near::InnerProduct => {
                    let product = g.matmul_of(x, false, band, true)?;
                    g.unary(Unary::Negate, product)
                }
            };
            let found = g.nearest(far, k, start)?;
            effects.push(Effect::Output(output_name(start), found));
            bands.push((start, count));
        }
        let profile = gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone());
        let plan = lower(&g, &[Function::new("nearest", effects)], representations, &profile)?;
        Ok(Self { machine: Machine::new(gpu, plan)?, examples, room, k, bands })
    }

    /// Sets a representation from `values` `[examples, units]`, row-major.
    ///
    /// # Errors
    /// If there is no such place, or the values do not fit.
    pub fn fill(&mut self, place: usize, values: &[f32], units: usize) -> Result<()> {
        if units == 0 || units > self.room || values.len() != self.examples * units {
            return Err(Error::Shape(format!("{} values of {units} units do not fit the comparison", values.len())));
        }
        let mut padded = vec![0.0; self.examples * self.room];
        for (from, to) in values.chunks(units).zip(padded.chunks_mut(self.room)) {
            to[..units].copy_from_slice(from);
        }
        self.machine.write_replica(INPUT, place, &padded)
    }

    /// For each representation the neighbours of every example, `k` each, nearest first.
    ///
    /// # Errors
    /// If the device fails.
    pub fn find(&mut self) -> Result<Vec<Vec<usize>>> {
        self.machine.run("nearest", 1)?;
        let results = self.machine.read_results()?;
        let (k, count) = (self.k, self.machine.replicas());
        let mut all = vec![vec![0; self.examples * k]; count];
        for &(start, height) in &self.bands {
            let found = self.machine.output(&results, &output_name(start))?;
            for (place, part) in found.chunks(k * height).enumerate() {
                for (i, index) in part.iter().enumerate() {
                    // Stored by rank, then by example.
                    all[place][(start + i % height) * k + i / height] = index.to_bits() as usize;
                }
            }
        }
        Ok(all)
    }
}

fn output_name(start: usize) -> String {
    format!("nearest/{start}")
}

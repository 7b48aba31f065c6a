//! A program whose replicas are pairs: forms of representations stand on the device once, and each replica picks two.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind, lower};
use crate::kernels::program::{Binary, DType};

/// Forms of several representations, `[examples, width]` each, one on top of the other.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// Each row-major.
    pub forms: &'a [Vec<f32>],
    /// Columns of each.
    pub width: usize,
}

/// What is made of a pair: names and values.
pub type Made = Vec<(&'static str, Tensor)>;

/// The program.
#[derive(Debug)]
pub struct PairProgram {
    machine: Machine,
    examples: usize,
    names: Vec<&'static str>,
}

const FIRST: &str = "first";
const SECOND: &str = "second";

/// Floats of one batch of pairs, about.
const BATCH: usize = 1 << 26;

impl PairProgram {
    /// A program for pairs of one of `first` and one of `second` (nothing: of `first` too), all of the same examples.
    /// `build` makes values from the two; `floats` is about how many it needs for a pair, and `pairs` how many there will
    /// be.
    ///
    /// # Errors
    /// If the forms do not fit, or the device fails or has not enough memory.
    pub fn new(
        gpu: Option<&Arc<Gpu>>,
        examples: usize,
        [first, second]: [Option<Stack<'_>>; 2],
        [floats, pairs]: [usize; 2],
        build: &dyn Fn(&mut Graph, Tensor, Tensor) -> Result<Made>,
    ) -> Result<Self> {
        let first = first.ok_or_else(|| Error::Shape("a program of pairs of nothing".into()))?;
        let mut at_once = (BATCH / floats.max(1)).clamp(1, pairs.max(1));
        loop {
            match Self::try_new(gpu, examples, first, second, at_once, build) {
                Err(Error::OutOfMemory(_)) if at_once > 1 => at_once = at_once.div_ceil(2),
                other => return other,
            }
        }
    }

    fn try_new(
        gpu: Option<&Arc<Gpu>>,
        examples: usize,
        first: Stack<'_>,
        second: Option<Stack<'_>>,
        at_once: usize,
        build: &dyn Fn(&mut Graph, Tensor, Tensor) -> Result<Made>,
    ) -> Result<Self> {
        let mut g = Graph::new();
        let firsts = stacked(&mut g, examples, first)?;
        let seconds = second.map_or(Ok(firsts), |second| stacked(&mut g, examples, second))?;
        let rows = g.data_integers(&(0..examples as u32).collect::<Vec<_>>(), &[examples, 1])?;
        let mut chosen = |name: &str, all: Tensor| -> Result<Tensor> {
            let start = g.variable(name, &[1, 1], DType::U32, VariableKind::State)?;
            let rows = g.binary(Binary::AddInteger, rows, start)?;
            g.gather(all, rows)
        };
        let (x, y) = (chosen(FIRST, firsts)?, chosen(SECOND, seconds)?);
        let made = build(&mut g, x, y)?;
        let effects = made.iter().map(|&(name, value)| Effect::Output(name.into(), value)).collect();
        let profile = gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone());
        let plan = lower(&g, &[Function::new("pairs", effects)], at_once, &profile)?;
        Ok(Self {
            machine: Machine::new(gpu, plan)?,
            examples,
            names: made.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// Runs it for `pairs` and gives, for the number of each pair, its values in the order in which they were made.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&mut self, pairs: &[(usize, usize)], mut take: impl FnMut(usize, &[&[f32]])) -> Result<()> {
        let at_once = self.machine.replicas();
        for (batch_number, batch) in pairs.chunks(at_once).enumerate() {
            // The last batch is filled up with its first pair.
            let padded = |of: fn(&(usize, usize)) -> usize| -> Vec<u32> {
                (0..at_once).map(|i| (of(batch.get(i).unwrap_or(&batch[0])) * self.examples) as u32).collect()
            };
            let (first, second) = (padded(|p| p.0), padded(|p| p.1));
            self.machine.write_integers(FIRST, &first)?;
            self.machine.write_integers(SECOND, &second)?;
            self.machine.run("pairs", 1)?;
            let results = self.machine.read_results()?;
            let all = self.names.iter().map(|name| self.machine.output(&results, name)).collect::<Result<Vec<_>>>()?;
            for i in 0..batch.len() {
                let own: Vec<&[f32]> = all
                    .iter()
                    .map(|values| {
                        let each = values.len() / at_once;
                        &values[i * each..(i + 1) * each]
                    })
                    .collect();
                take(batch_number * at_once + i, &own);
            }
        }
        Ok(())
    }
}

fn stacked(g: &mut Graph, examples: usize, stack: Stack<'_>) -> Result<Tensor> {
    let mut table = Vec::with_capacity(stack.forms.len() * examples * stack.width);
    for values in stack.forms {
        if values.len() != examples * stack.width {
            return Err(Error::Shape(format!(
                "{} values are no {examples} examples of {} columns",
                values.len(),
                stack.width
            )));
        }
        table.extend_from_slice(values);
    }
    g.data(table, &[stack.forms.len() * examples, stack.width])
}

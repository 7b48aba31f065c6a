//! The one way in which a device is given work: a graph for one item (a representation, a pair, a draw), of which a program has as
//! many replicas as there is memory for.

use std::sync::Arc;

use faer::Mat;

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind, lower};
use crate::kernels::program::DType;
use crate::measure::parallel::in_parallel;

/// What the machine is that programs are for: the processor, if there is no device.
pub(in crate::measure) fn profile(gpu: Option<&Arc<Gpu>>) -> Profile {
    gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone())
}

/// A program of so many replicas.
///
/// # Errors
/// If the device fails or has not enough memory.
pub(in crate::measure) fn program(
    gpu: Option<&Arc<Gpu>>,
    g: &Graph,
    functions: &[Function],
    replicas: usize,
) -> Result<Machine> {
    Machine::new(gpu, lower(g, functions, replicas, &profile(gpu))?)
}

/// `work` for as many items at once as there is memory for: for half as many each time there is not.
///
/// # Errors
/// Those of the work; [`Error::OutOfMemory`] if not even one item has room.
pub(in crate::measure) fn halving<T>(most: usize, mut work: impl FnMut(usize) -> Result<T>) -> Result<T> {
    let mut at_once = most;
    loop {
        match work(at_once) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => at_once = at_once.div_ceil(2),
            other => return other,
        }
    }
}

/// Runs `of` over the items in batches of one size, at most `most` items: `make` builds a program for so many at once. What was
/// found before memory ran out stays.
///
/// # Errors
/// As [`halving`].
pub(in crate::measure) fn in_batches<T, P, R>(
    items: &[T],
    most: usize,
    mut make: impl FnMut(usize) -> Result<P>,
    mut of: impl FnMut(&mut P, &[T]) -> Result<Vec<R>>,
) -> Result<Vec<R>> {
    let mut found = Vec::with_capacity(items.len());
    halving(most.clamp(1, items.len().max(1)), |at_once| {
        let rest = &items[found.len()..];
        if rest.is_empty() {
            return Ok(());
        }
        let at_once = rest.len().div_ceil(rest.len().div_ceil(at_once));
        let mut program = make(at_once)?;
        for part in rest.chunks(at_once) {
            found.extend(of(&mut program, part)?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// What each item gives to its graph.
pub(in crate::measure) enum Input<'a> {
    /// A matrix of these extents, row-major.
    Matrix([usize; 2], &'a dyn Fn(usize) -> Result<Vec<f32>>),
    /// An integer, `[1, 1]`.
    Integer(&'a dyn Fn(usize) -> u32),
}

/// What a graph makes of the inputs of an item.
pub(in crate::measure) type Build<'a> = &'a dyn Fn(&mut Graph, &[Tensor]) -> Result<Vec<Tensor>>;

/// What is taken from the values that a graph made of an item.
pub(in crate::measure) type Take<'a, T> = &'a (dyn Fn(usize, &[&[f32]]) -> T + Sync);

/// Of each of so many items what `take` makes of what the graph makes of its inputs; at most `most` of them at once.
///
/// # Errors
/// If the graph cannot be built, or the device fails or has not enough memory for one item.
pub(in crate::measure) fn of_each<T: Send>(
    gpu: Option<&Arc<Gpu>>,
    [items, most]: [usize; 2],
    inputs: &[Input<'_>],
    build: Build<'_>,
    take: Take<'_, T>,
) -> Result<Vec<T>> {
    let (input, output) = (|i: usize| format!("input/{i}"), |i: usize| format!("output/{i}"));
    let make = |at_once: usize| -> Result<(Machine, usize)> {
        let mut g = Graph::new();
        let declared = inputs.iter().enumerate().map(|(i, of)| {
            let (shape, dtype) = match of {
                Input::Matrix(shape, _) => (*shape, DType::F32),
                Input::Integer(_) => ([1, 1], DType::U32),
            };
            g.variable(input(i), &shape, dtype, VariableKind::Transient)
        });
        let declared = declared.collect::<Result<Vec<_>>>()?;
        let made = build(&mut g, &declared)?;
        let outputs = made.iter().enumerate().map(|(i, &value)| Effect::Output(output(i), value)).collect();
        Ok((program(gpu, &g, &[Function::new("each", outputs)], at_once)?, made.len()))
    };
    let numbers: Vec<usize> = (0..items).collect();
    in_batches(&numbers, most, make, |(machine, made), part| {
        let replicas = machine.replicas();
        // What is left of the last batch repeats its last item.
        let item = |place: usize| part[place.min(part.len() - 1)];
        for (i, of) in inputs.iter().enumerate() {
            match of {
                Input::Integer(of) => {
                    machine
                        .write_integers(&input(i), &(0..replicas).map(|place| of(item(place))).collect::<Vec<_>>())?;
                }
                Input::Matrix(_, of) => {
                    for place in 0..replicas {
                        machine.write_replica(&input(i), place, &of(item(place))?)?;
                    }
                }
            }
        }
        machine.run("each", 1)?;
        let results = machine.read_results()?;
        let all = (0..*made).map(|i| machine.output(&results, &output(i))).collect::<Result<Vec<_>>>()?;
        Ok(in_parallel(part.len(), |place| {
            let own = |values: &Vec<f32>| place * (values.len() / replicas)..(place + 1) * (values.len() / replicas);
            take(part[place], &all.iter().map(|values| &values[own(values)]).collect::<Vec<_>>())
        }))
    })
}

/// A representation as a device takes it: row-major in single precision, and its units.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// `[examples, units]`
    pub values: &'a [f32],
    /// Units.
    pub units: usize,
}

impl Rows<'_> {
    /// With columns of zeros up to a width: they change no product and no distance.
    ///
    /// # Errors
    /// [`Error::Shape`] if the values are not whole rows, or wider.
    pub(in crate::measure) fn padded(self, examples: usize, width: usize) -> Result<Vec<f32>> {
        let Self { values, units } = self;
        if units == 0 || units > width || values.len() != examples * units {
            return Err(Error::Shape(format!(
                "{} values are no {examples} examples of {units} units, at most {width}: pass all units of each in turn",
                values.len()
            )));
        }
        let mut out = vec![0.0; examples * width];
        for (from, to) in values.chunks(units).zip(out.chunks_mut(width)) {
            to[..units].copy_from_slice(from);
        }
        Ok(out)
    }
}

/// The width of a stack of matrices so wide: a multiple of four, so that every adapter reads four values at once.
pub(in crate::measure) fn width(units: impl Iterator<Item = usize>) -> usize {
    units.max().unwrap_or(1).max(1).next_multiple_of(4)
}

/// Rows that are turned at a time.
const BLOCK: usize = 64;

/// Rounded to what the device has, row-major, with columns of zeros up to a width.
pub(in crate::measure) fn padded(x: &Mat<f64>, width: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.nrows() * width];
    // Columns are contiguous here and rows there: a block of rows at a time stays in the caches.
    for (b, block) in out.chunks_mut((width * BLOCK).max(1)).enumerate() {
        for (j, column) in x.col_iter().enumerate() {
            for (row, &v) in block.chunks_mut(width).zip(column.iter().skip(b * BLOCK)) {
                row[j] = v as f32;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares of the items by programs that have room for so many at once to be made, and to be run: what was found, and how many
    /// each program was for.
    fn squares(items: usize, most: usize, [made, run]: [usize; 2]) -> (Result<Vec<usize>>, Vec<usize>) {
        let (mut tried, full) = (Vec::new(), || Error::OutOfMemory("on purpose".into()));
        let make = |at_once: usize| {
            tried.push(at_once);
            if at_once > made { Err(full()) } else { Ok(()) }
        };
        let all: Vec<usize> = (0..items).collect();
        let found = in_batches(&all, most, make, |(), part| {
            // Only from the second batch on.
            if part[0] > 0 && part.len() > run { Err(full()) } else { Ok(part.iter().map(|i| i * i).collect()) }
        });
        (found, tried)
    }

    #[test]
    fn batches_are_halved_while_there_is_no_memory() {
        let expected: Vec<usize> = (0..21).map(|i| i * i).collect();
        for (most, room, programs) in [
            (usize::MAX, [99, 99], &[21][..]),
            (8, [99, 99], &[7]),
            (usize::MAX, [6, 99], &[21, 11, 6]),
            (usize::MAX, [1, 1], &[21, 11, 6, 3, 2, 1]),
            // One batch of eleven is done when memory runs out.
            (11, [99, 4], &[11, 5, 3]),
        ] {
            let (found, tried) = squares(21, most, room);
            assert_eq!(found.unwrap(), expected, "{most} {room:?}");
            assert_eq!(tried, programs, "{most} {room:?}");
        }
        assert!(matches!(squares(21, 4, [0, 0]).0, Err(Error::OutOfMemory(_))));
        assert!(squares(0, 4, [0, 0]).0.unwrap().is_empty());
    }

    #[test]
    fn batches_change_nothing() {
        let values = |i: usize| (0..6).map(|k| (i * 6 + k) as f32).collect::<Vec<_>>();
        for most in [1, 2, 3, 5, 9] {
            let inputs = [Input::Matrix([2, 3], &|i| Ok(values(i))), Input::Integer(&|i| (i % 2) as u32)];
            let found = of_each(
                None,
                [5, most],
                &inputs,
                &|g, x| {
                    let row = g.gather(x[0], x[1])?;
                    Ok(vec![row, g.sum_all(x[0])?])
                },
                &|i, made| (i, made[0].to_vec(), made[1].to_vec()),
            )
            .unwrap();
            for (i, (number, row, sum)) in found.into_iter().enumerate() {
                let (all, start) = (values(i), 3 * (i % 2));
                assert_eq!((number, &row[..]), (i, &all[start..start + 3]), "{most}");
                assert_eq!(sum, [all.iter().sum::<f32>()], "{most}");
            }
        }
    }
}

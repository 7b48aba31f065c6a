//! All pairs of more representations than one program can hold.
//!
//! Representations stand in several programs, the *holders*, each with as many as an adapter binds at once. The tables of
//! all are made a few rows at a time, each row once; these rows, of all representations, are brought together in one more
//! program, which adds up their inner products. So a table is made once, however many pairs its representation is in.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Copy, Effect, Function, Graph, Machine, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType};
use crate::measure::device::batches::{Rows, halving, profile, program};
use crate::measure::embedding::{Between, Embedding, First, LONGEST_BAND, Prepared, Sums, Window};
use crate::measure::parallel::in_parallel;

const VALUES: &str = "values";
const FIRST_ROW: &str = "first row";
const BEYOND: &str = "beyond";
const ROWS_LEFT: &str = "rows left";

/// Steps in which columns to the left of the diagonal are left out.
const LEVELS: usize = 8;

/// How many representations a holder takes, and how many rows are made at a time: at most, where memory allows.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Representations of a holder.
    pub held: usize,
    /// Rows, a multiple of eight.
    pub rows: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self { held: usize::MAX, rows: 128 }
    }
}

/// A part of the rows, and the columns from its first row on.
#[derive(Clone, Copy, Debug)]
struct Level {
    from: usize,
    end: usize,
}

/// Inner products of the embeddings of all pairs of `count` representations of `[examples, units]`: for each embedding
/// `[count, count]`. Embeddings are of one kind of table, of all examples at once. `take` gives a representation's values
/// (row-major) and its units.
///
/// # Errors
/// If embeddings are of several kinds, or the device fails or has not enough memory for a few rows of all tables.
pub fn products(
    gpu: Option<&Arc<Gpu>>,
    count: usize,
    [examples, units]: [usize; 2],
    embeddings: &[Embedding],
    most: Most,
    take: &(dyn Fn(usize) -> (Vec<f32>, usize) + Sync),
) -> Result<Vec<Vec<f64>>> {
    let Some(first) = embeddings.first() else { return Ok(Vec::new()) };
    if embeddings.iter().any(|e| e.between != first.between || e.batch.is_some()) {
        return Err(Error::Shape("large sets are compared by one kind of table at a time, and not by batches".into()));
    }
    let room = gpu.map_or(1 << 27, |gpu| gpu.binding_bytes()) / 10 * 9;
    let row_bytes = 4 * (count * examples * embeddings.len()) as u64;
    // Sums over these rows are one loop, which software adapters end after so many turns.
    let turns = if profile(gpu).loop_iterations.is_some() { LONGEST_BAND / examples } else { most.rows };
    let rows = (room / row_bytes.max(1))
        .min(most.rows.min(turns.max(8)) as u64)
        .min(examples.next_multiple_of(8) as u64) as usize
        / 8
        * 8;
    if rows == 0 {
        return Err(Error::OutOfMemory(format!(
            "eight rows of {count} tables of {examples} examples are more than the device binds at once"
        )));
    }
    let height = examples.div_ceil(LEVELS).next_multiple_of(rows);
    let levels: Vec<Level> =
        (0..examples).step_by(height).map(|from| Level { from, end: (from + height).min(examples) }).collect();
    let (graph, functions) = holder([examples, units], embeddings, rows, &levels)?;
    // Programs that hold all representations between them, each as many as fit.
    let mut holders: Vec<Machine> = halving(most.held.min(count), |each| {
        (0..count.div_ceil(each)).map(|_| program(gpu, &graph, &functions, each)).collect()
    })?;
    let each = holders.first().map_or(1, Machine::replicas);
    let width = units.next_multiple_of(4);
    for (h, holder) in holders.iter_mut().enumerate() {
        let taken = in_parallel(each.min(count - h * each), |place| {
            let (values, units) = take(h * each + place);
            Rows { values: &values, units }.padded(examples, width)
        });
        for (place, values) in taken.into_iter().enumerate() {
            holder.write_replica(VALUES, place, &values?)?;
        }
        holder.run("prepare", 1)?;
    }
    let mut sums = vec![vec![0.0; count * count]; embeddings.len()];
    for (l, level) in levels.iter().enumerate() {
        let mut gathered = gathered(gpu, count, embeddings.len(), [rows, examples - level.from])?;
        for start in (level.from..level.end).step_by(rows) {
            for (h, holder) in holders.iter_mut().enumerate() {
                holder.write_integers(FIRST_ROW, &vec![start as u32; each])?;
                holder.write_variable(BEYOND, &vec![(start - level.from) as f32; each])?;
                holder.write_variable(ROWS_LEFT, &vec![(level.end - start) as f32; each])?;
                holder.run(&function(l), 1)?;
                let copies: Vec<Copy> = (0..each.min(count - h * each))
                    .flat_map(|place| {
                        (0..embeddings.len()).map(move |e| Copy {
                            from: part(l, e),
                            from_replica: place,
                            to: band(e),
                            to_replica: h * each + place,
                        })
                    })
                    .collect();
                gathered.copy_variables(holder, &copies)?;
            }
            gathered.run("add", 1)?;
            let results = gathered.read_results()?;
            for (e, sums) in sums.iter_mut().enumerate() {
                for (sum, value) in sums.iter_mut().zip(gathered.output(&results, &band(e))?) {
                    *sum += f64::from(value);
                }
            }
        }
    }
    Ok(sums)
}

fn function(level: usize) -> String {
    format!("rows/{level}")
}

fn part(level: usize, embedding: usize) -> String {
    format!("part/{level}/{embedding}")
}

fn band(embedding: usize) -> String {
    format!("band/{embedding}")
}

fn holder(
    [examples, units]: [usize; 2],
    embeddings: &[Embedding],
    rows: usize,
    levels: &[Level],
) -> Result<(Graph, Vec<Function>)> {
    let mut g = Graph::new();
    let width = units.next_multiple_of(4);
    let keep =
        |g: &mut Graph, name: &str, shape: &[usize]| g.variable(name, shape, DType::F32, VariableKind::Transient);
    let x = keep(&mut g, VALUES, &[examples, width])?;
    let mut prepared = Vec::with_capacity(embeddings.len());
    let mut assigned: Vec<(Tensor, Tensor)> = Vec::new();
    for (e, embedding) in embeddings.iter().enumerate() {
        let made = embedding.prepare(&mut g, x, None, true)?;
        let mut kept = |g: &mut Graph, name: &str, value: Option<Tensor>| -> Result<Option<Tensor>> {
            let Some(value) = value else { return Ok(None) };
            let shape = g.shape(value).extents().to_vec();
            if let Some(id) = g.variable_named(name) {
                return Ok(Some(g.read(id)));
            }
            let variable = g.variable(name, &shape, DType::F32, VariableKind::Transient)?;
            assigned.push((variable, value));
            Ok(Some(variable))
        };
        let other = kept(&mut g, "other", made.other)?;
        let rate = kept(&mut g, "rate", made.rate)?;
        let most = kept(&mut g, "most", made.most)?;
        let sums = match made.sums {
            None => None,
            Some(sums) => {
                // Tables of one kind have one set of sums, but for kernels, which come in two forms.
                let form = if embedding.is_less_one() { " less one" } else { "" };
                let mut kept = |name: &str, value| kept(&mut g, &format!("{name}{form}"), Some(value));
                let rows = kept("sums", sums.rows)?;
                let total = kept("total", sums.total)?;
                let diagonal = kept("diagonal", sums.diagonal)?;
                rows.zip(total).zip(diagonal).map(|((rows, total), diagonal)| Sums { rows, total, diagonal })
            }
        };
        // All embeddings are of one kind of table: its rows take the place of the values.
        if e == 0 && made.values != x {
            assigned.push((x, made.values));
        }
        prepared.push(Prepared { embedding: *embedding, scale: None, values: x, other, rate, most, sums });
    }
    let assign = |g: &Graph, pairs: &[(Tensor, Tensor)]| -> Result<Vec<Effect>> {
        pairs.iter().map(|&(to, from)| Ok(Effect::Assign(g.variable_of(to)?, from))).collect()
    };
    let mut functions = vec![Function::new("prepare", assign(&g, &assigned)?)];
    let first = g.variable(FIRST_ROW, &[1, 1], DType::U32, VariableKind::State)?;
    let beyond = keep(&mut g, BEYOND, &[1, 1])?;
    let left = keep(&mut g, ROWS_LEFT, &[1, 1])?;
    // Rows beyond the last are the last again, and then zero.
    let offsets = g.data_integers(&(0..rows as u32).collect::<Vec<_>>(), &[rows, 1])?;
    let wanted = g.binary(Binary::AddInteger, offsets, first)?;
    for (l, level) in levels.iter().enumerate() {
        let window = Window { first: First::Moving { rows: wanted, beyond }, count: rows, from: level.from };
        let mut made = Vec::with_capacity(prepared.len());
        for (e, prepared) in prepared.iter().enumerate() {
            let value = prepared.part(&mut g, window, Some(level.end - level.from))?;
            let shape = g.shape(value).extents().to_vec();
            let row = g.row_index(&shape);
            let past = g.binary(Binary::AtLeast, row, left)?;
            let zero = g.constant(0.0);
            let value = g.select(past, zero, value)?;
            made.push((keep(&mut g, &part(l, e), &shape)?, value));
        }
        functions.push(Function::new(function(l), assign(&g, &made)?));
    }
    Ok((g, functions))
}

/// The program in which rows of all representations come together.
fn gathered(gpu: Option<&Arc<Gpu>>, count: usize, embeddings: usize, [rows, columns]: [usize; 2]) -> Result<Machine> {
    let mut g = Graph::new();
    let mut effects = Vec::with_capacity(embeddings);
    for e in 0..embeddings {
        let rows = g.variable(band(e), &[rows, columns], DType::F32, VariableKind::Transient)?;
        effects.push(Effect::Output(band(e), g.pair_dot(rows, rows)?));
    }
    program(gpu, &g, &[Function::new("add", effects)], count)
}

/// Whether a kind of table has a form here: one whose rows do not depend on how many units are padding.
pub fn suits(embedding: Embedding) -> bool {
    embedding.batch.is_none() && embedding.between != Between::Correlation
}

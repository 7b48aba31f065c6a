//! One group of fused nodes as one kernel with one job.

use std::collections::BTreeSet;

use super::fuse::{Fused, Head, Store};
use super::node::{Effect, Op, Scope, Shape, Tensor, WHOLE};
use super::program_of::{Emitter, Keep, Place, Word, number};
use super::registry::Registry;
use crate::error::{Error, Result};
use crate::gpu::Profile;
use crate::kernels::cross_entropy::CrossEntropy;
use crate::kernels::map::Map;
use crate::kernels::matmul::{Factors, Form, Inner, MatMul};
use crate::kernels::nearest::Nearest;
use crate::kernels::orthogonal::Orthogonal;
use crate::kernels::program::{Draw, Program};
use crate::kernels::reduce::Reduce;
use crate::kernels::sort::{FIRST_RUN, Step, Ties};
use crate::kernels::{Arena, Body, Kernel};

mod sort;

use sort::{exact_item, sort_item};

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

pub(super) fn item(fused: &Fused, g: usize, replicas: usize, profile: &Profile, registry: &Registry) -> Result<Item> {
    let group = &fused.groups[g];
    let body = Body::of(profile);
    let mut made = match &group.head {
        Head::None => map_item(fused, g, replicas, registry)?,
        Head::CrossEntropy { .. } => cross_entropy_item(fused, g, replicas, registry)?,
        Head::Node(t) => match fused.graph.node(*t).op {
            Op::MatMul { .. } => matmul_item(fused, g, *t, profile, replicas, registry)?,
            Op::PairDot => pair_item(fused, g, *t, profile, replicas, registry)?,
            Op::Reduce(..) => reduce_item(fused, g, *t, body, replicas, registry)?,
            Op::Nearest { k, first } => nearest_item(fused, *t, k, first, profile)?,
            Op::SortRuns(beside) => sort_item(fused, *t, Step::Runs(beside), FIRST_RUN, profile)?,
            Op::Merge(run, beside) => sort_item(fused, *t, Step::Merge(beside), run, profile)?,
            Op::Ranks(ties) => sort_item(fused, *t, Step::Ranks, usize::from(ties == Ties::Lowest), profile)?,
            Op::PairExact => exact_item(fused, *t, replicas)?,
            _ => orthogonal_item(fused, *t, body)?,
        },
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
    match &group.head {
        Head::None => match group.nodes.first().map(|t| &fused.graph.node(*t).op) {
            Some(Op::Draw(Draw::Shuffled | Draw::Replacement)) => "batch order".into(),
            Some(Op::Draw(_)) => "draws".into(),
            Some(Op::Gather) => format!("gather {}", group.shape),
            Some(Op::Random(_)) => "random".into(),
            _ => format!("elementwise {}", group.shape),
        },
        Head::CrossEntropy { .. } => "cross-entropy".into(),
        Head::Node(t) => {
            let node = fused.graph.node(*t);
            let operand = |i: usize| match fused.graph.node(fused.graph.source(node.inputs[i]).0).op {
                Op::Variable(id) => Some(fused.graph.variable_info(id).name.clone()),
                _ => None,
            };
            let of = (0..node.inputs.len()).filter_map(operand).collect::<Vec<_>>().join(" ");
            let what = match node.op {
                Op::MatMul { .. } => "product",
                Op::Reduce(..) => "reduction",
                Op::PairDot => "pairs",
                Op::Nearest { .. } => "nearest",
                Op::SortRuns(_) | Op::Merge(..) => "sort",
                Op::Ranks(_) => "ranks",
                Op::PairExact => "exact pairs",
                _ => "orthogonal",
            };
            if of.is_empty() { format!("{what} {}", node.shape) } else { format!("{what} {of}") }
        }
    }
}

/// Emits a group's nodes and stores into a program.
fn emit_stores(fused: &Fused, g: usize, emitter: &mut Emitter, registry: &Registry, skip: &[Tensor]) -> Result<u64> {
    let mut elements = 0;
    for (value, store) in &fused.groups[g].stores {
        if skip.contains(value) {
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

fn arithmetic(program: &Program) -> u64 {
    use crate::kernels::program::Instruction as I;
    program.instructions.iter().filter(|i| matches!(i, I::Unary(..) | I::Binary(..) | I::Select(..))).count() as u64
}

fn blank(kernel: Kernel, words: Vec<Word>, flops: u64, elements: u64) -> Item {
    Item { kernel, words, label: String::new(), scope: Scope::Shared, epoch: 0, flops, elements }
}

fn columns_of(shape: &Shape, replicas: usize) -> usize {
    let columns = shape.columns();
    if columns == super::node::REPLICAS { replicas } else { columns }
}

fn map_item(fused: &Fused, g: usize, replicas: usize, registry: &Registry) -> Result<Item> {
    let shape = fused.groups[g].shape.clone();
    let count = shape.elements_in(replicas);
    let mut emitter = Emitter::new(fused, g, shape.clone(), None, replicas);
    let written = emit_stores(fused, g, &mut emitter, registry, &[])?;
    let (program, words, read) = emitter.finish();
    let mut job = vec![number(0), number(count), number(columns_of(&shape, replicas)), number(0)];
    job.extend(words);
    let (flops, elements) = (arithmetic(&program) * count as u64, written + read_elements(fused, &read, replicas));
    let columns = columns_of(&shape, replicas);
    let extent = if program.has_coordinates() { columns } else { count };
    // Never by the number of replicas: company must change no bit.
    let vector = !shape.0.contains(&super::node::REPLICAS) && extent.is_multiple_of(4) && program.by_four();
    Ok(blank(Kernel::Map(Map { program, vector }), job, flops, elements))
}

/// An operand of a product: its place, and the elements to skip.
fn operand(fused: &Fused, tensor: Tensor) -> Result<(Place, usize)> {
    let (source, extra) = fused.graph.source(tensor);
    Ok((fused.place_of(source)?, extra))
}

fn matmul_item(
    fused: &Fused,
    g: usize,
    tensor: Tensor,
    profile: &Profile,
    replicas: usize,
    registry: &Registry,
) -> Result<Item> {
    let graph = fused.graph;
    let node = graph.node(tensor);
    let Op::MatMul { transpose_a, transpose_b, precision, inner } = node.op else {
        return Err(Error::Shape(format!("{} is not a matrix product", graph.describe(tensor))));
    };
    let [m, n] = graph.matrix(tensor)?;
    let [a_rows, lda] = graph.matrix(node.inputs[0])?;
    let [_, ldb] = graph.matrix(node.inputs[1])?;
    let k = if transpose_a { a_rows } else { lda };
    let ((a, a_extra), (b, b_extra)) = (operand(fused, node.inputs[0])?, operand(fused, node.inputs[1])?);
    let aligned = |place: Place, extra: usize, ld: usize| {
        place.arena().four().is_some() && extra.is_multiple_of(4) && ld.is_multiple_of(4)
    };
    let form = Form {
        m,
        n,
        k,
        transpose_a,
        transpose_b,
        aligned_a: aligned(a, a_extra, lda),
        aligned_b: aligned(b, b_extra, ldb),
        precision,
    };
    let mut emitter = Emitter::new(fused, g, node.shape.clone(), Some(tensor), replicas);
    let written = emit_stores(fused, g, &mut emitter, registry, &[])?;
    let (program, words, read) = emitter.finish();
    let mut job = vec![number(0), number(m), number(n), number(k)];
    job.extend([
        Word::Offset(a, a_extra),
        Word::Stride(a),
        number(lda),
        Word::Offset(b, b_extra),
        Word::Stride(b),
        number(ldb),
    ]);
    job.extend(words);
    let flops = 2 * (m * n * k) as u64 + arithmetic(&program) * (m * n) as u64;
    let elements = (m * k + k * n) as u64 + written + read_elements(fused, &read, replicas);
    let kernel = MatMul {
        a: a.arena(),
        b: b.arena(),
        transpose_a,
        transpose_b,
        vector_a: form.vector_a(),
        vector_b: form.vector_b(),
        vector_c: form.vector_c() && program.by_four(),
        tile: form.tile(profile),
        factors: Factors::of(precision, profile),
        inner,
        in_parts: false,
        program,
    };
    Ok(blank(Kernel::MatMul(kernel), job, flops, elements))
}

/// All inner products between the replicas of a group: one product whose rows are replicas.
fn pair_item(
    fused: &Fused,
    g: usize,
    tensor: Tensor,
    profile: &Profile,
    replicas: usize,
    registry: &Registry,
) -> Result<Item> {
    let graph = fused.graph;
    let node = graph.node(tensor);
    let k = graph.shape(node.inputs[0]).elements();
    let ((a, a_extra), (b, b_extra)) = (operand(fused, node.inputs[0])?, operand(fused, node.inputs[1])?);
    let vector = k.is_multiple_of(4) && a_extra.is_multiple_of(4) && b_extra.is_multiple_of(4);
    let mut emitter = Emitter::new(fused, g, node.shape.clone(), Some(tensor), replicas);
    let written = emit_stores(fused, g, &mut emitter, registry, &[])?;
    let (program, words, read) = emitter.finish();
    let mut job = vec![number(0), number(replicas), number(replicas), number(k)];
    job.extend([
        Word::Offset(a, a_extra),
        number(0),
        Word::Stride(a),
        Word::Offset(b, b_extra),
        number(0),
        Word::Stride(b),
    ]);
    job.extend(words);
    let tile = Form::replica_tile(profile);
    let kernel = MatMul {
        a: a.arena(),
        b: b.arena(),
        transpose_a: false,
        transpose_b: true,
        vector_a: vector,
        vector_b: vector,
        vector_c: false,
        tile,
        factors: Factors::Single,
        inner: Inner::Product,
        in_parts: true,
        program,
    };
    let flops = 2 * (replicas * replicas * k) as u64;
    let elements = 2 * (replicas * k) as u64 + written + read_elements(fused, &read, replicas);
    Ok(blank(Kernel::MatMul(kernel), job, flops, elements))
}

fn reduce_item(
    fused: &Fused,
    g: usize,
    tensor: Tensor,
    body: Body,
    replicas: usize,
    registry: &Registry,
) -> Result<Item> {
    let graph = fused.graph;
    let node = graph.node(tensor);
    let Op::Reduce(fold, axis) = node.op else {
        return Err(Error::Shape(format!("{} is not a reduction", graph.describe(tensor))));
    };
    let input = node.inputs[0];
    let extents = graph.shape(input).0.clone();
    let (length, inner) = if axis == WHOLE {
        (graph.shape(input).elements(), 1)
    } else {
        (extents[axis], extents[axis + 1..].iter().product::<usize>())
    };
    let count = node.shape.elements();
    let mut before = Emitter::new(fused, g, graph.shape(input).clone(), None, replicas);
    let value = before.value(input)?;
    let (before, before_words, mut read) = before.finish();
    let mut after = Emitter::new(fused, g, node.shape.clone(), Some(tensor), replicas);
    let written = emit_stores(fused, g, &mut after, registry, &[])?;
    let (after, after_words, more) = after.finish();
    read.extend(more);
    let mut job = vec![number(0), number(count), number(length), number(inner)];
    job.extend([number(graph.shape(input).columns()), number(node.shape.columns())]);
    job.extend(before_words);
    job.extend(after_words);
    // One lane of a software adapter's vector each; on a GPU, two subgroups of the commonest size.
    let lanes = Reduce::lanes_for(count, length, inner, if body == Body::Wide { 8 } else { 64 });
    let flops = (1 + arithmetic(&before)) * (count * length) as u64 + arithmetic(&after) * count as u64;
    let elements = written + read_elements(fused, &read, replicas);
    Ok(blank(Kernel::Reduce(Reduce { fold, before, value, after, lanes }), job, flops, elements))
}

fn cross_entropy_item(fused: &Fused, g: usize, replicas: usize, registry: &Registry) -> Result<Item> {
    let graph = fused.graph;
    let group = &fused.groups[g];
    let Head::CrossEntropy { loss, correct, gradient } = &group.head else {
        return Err(Error::Shape("not a cross-entropy".into()));
    };
    let Some(any) = [loss, correct, gradient].into_iter().flatten().next() else {
        return Err(Error::Shape("an empty cross-entropy".into()));
    };
    let (logits, labels) = (graph.node(*any).inputs[0], graph.node(*any).inputs[1]);
    let [rows, classes] = graph.matrix(logits)?;
    let ((z, z_extra), (y, y_extra)) = (operand(fused, logits)?, operand(fused, labels)?);
    let mut job = vec![number(0), number(rows), number(classes), number(0)];
    job.extend([Word::Offset(z, z_extra), Word::Stride(z), Word::Offset(y, y_extra), Word::Stride(y)]);
    let stored = |t: &Option<Tensor>| t.filter(|t| group.stores.contains(&(*t, Store::Temporary)));
    let mut skip = Vec::new();
    for t in [stored(loss), stored(correct)].into_iter().flatten() {
        let place = Place::Temporary(t);
        job.extend([Word::Offset(place, 0), Word::Stride(place)]);
        skip.push(t);
    }
    let (mut program, mut elements, mut flops) = (None, (rows * (classes + 2)) as u64, 6 * (rows * classes) as u64);
    if gradient.is_some() {
        let mut emitter = Emitter::new(fused, g, group.shape.clone(), *gradient, replicas);
        elements += emit_stores(fused, g, &mut emitter, registry, &skip)?;
        let (emitted, words, read) = emitter.finish();
        job.extend(words);
        elements += read_elements(fused, &read, replicas);
        flops += arithmetic(&emitted) * (rows * classes) as u64;
        program = Some(emitted);
    }
    let kernel = CrossEntropy {
        logits: z.arena(),
        labels: y.arena(),
        loss: stored(loss).map(|_| Arena::Scratch),
        correct: stored(correct).map(|_| Arena::Scratch),
        gradient: program,
    };
    Ok(blank(Kernel::CrossEntropy(kernel), job, flops, elements))
}

fn orthogonal_item(fused: &Fused, tensor: Tensor, body: Body) -> Result<Item> {
    let graph = fused.graph;
    let [rows, columns] = graph.matrix(tensor)?;
    let (source, extra) = operand(fused, graph.node(tensor).inputs[0])?;
    let target = Place::Temporary(tensor);
    let mut job = vec![number(0), number(rows), number(columns), number(0)];
    job.extend([Word::Offset(source, extra), Word::Stride(source), Word::Offset(target, 0), Word::Stride(target)]);
    let lanes = if body == Body::Wide { 8 } else { 64 };
    let kernel = Orthogonal { source: source.arena(), result: Arena::Scratch, lanes };
    let flops = (4 * rows.min(columns) * rows * columns) as u64;
    Ok(blank(Kernel::Orthogonal(kernel), job, flops, 2 * (rows * columns) as u64))
}

fn nearest_item(fused: &Fused, tensor: Tensor, k: usize, first: usize, profile: &Profile) -> Result<Item> {
    let graph = fused.graph;
    let input = graph.node(tensor).inputs[0];
    let [rows, queries] = graph.matrix(input)?;
    let (source, extra) = operand(fused, input)?;
    let target = Place::Temporary(tensor);
    let mut job = vec![number(0), number(rows), number(queries), number(k)];
    job.extend([Word::Offset(source, extra), Word::Stride(source), Word::Offset(target, 0), Word::Stride(target)]);
    job.extend(Nearest::last_words(first, profile).map(number));
    let kernel = Nearest { source: source.arena(), result: Arena::Scratch };
    let flops = (k * rows * queries) as u64;
    Ok(blank(Kernel::Nearest(kernel), job, flops, (k * (rows + 1) * queries) as u64))
}

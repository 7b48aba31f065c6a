//! The layered lowering: one dispatch per fused operation over all replicas.
//!
//! The replica axis enters here, and only here, as a stride: each arena of values that differ between replicas holds
//! one replica's values together, so that a replica can be saved, moved or dropped as a whole, and a plan's jobs do not
//! depend on how many replicas there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::allocate::{ALIGNMENT, Life, allocate};
use super::fuse::{Fused, Group, Head, Store};
use super::node::{Effect, Function, Graph, Op, Scope, Shape, Tensor, WHOLE};
use super::plan::{Dispatch, Placed, Plan, PlannedFunction, Ring};
use super::program_of::{Emitter, Keep, Place, Word, number};
use super::resident::{self, Lowering, Resident};
use super::schedule::{Reach, schedule};
use crate::error::{Error, Result};
use crate::gpu::Profile;
use crate::kernels::cross_entropy::CrossEntropy;
use crate::kernels::map::Map;
use crate::kernels::matmul::{Form, MatMul};
use crate::kernels::orthogonal::Orthogonal;
use crate::kernels::program::{DType, Program};
use crate::kernels::reduce::Reduce;
use crate::kernels::{Arena, Body, Kernel, Slot};

/// Lowers functions over one graph to a plan for `replicas` replicas on adapters of this profile.
///
/// # Errors
/// If a function cannot be expressed, or its arenas would exceed 2^32 elements.
pub fn lower(graph: &Graph, functions: &[Function], replicas: usize, profile: &Profile) -> Result<Plan> {
    lower_as(graph, functions, replicas, profile, Lowering::Auto)
}

/// Lowers as [`lower`] does, with a say in how functions that are run many times in a row are lowered.
///
/// # Errors
/// As [`lower`], and if the resident form is asked for and a function computes something that all replicas share.
pub fn lower_as(
    graph: &Graph,
    functions: &[Function],
    replicas: usize,
    profile: &Profile,
    wanted: Lowering,
) -> Result<Plan> {
    if replicas == 0 || replicas > profile.grid as usize {
        return Err(Error::Shape(format!(
            "a group has between 1 and {} replicas, and {replicas} were asked for",
            profile.grid
        )));
    }
    let mut registry = Registry::new(graph, functions, replicas, profile)?;
    let mut drafts = Vec::with_capacity(functions.len());
    for function in functions {
        drafts.push(draft_as(graph, function, replicas, profile, &registry, wanted)?);
    }
    registry.lay_out_scratch(&drafts);
    let mut table = Vec::new();
    let mut planned = Vec::with_capacity(functions.len());
    for (function, draft) in functions.iter().zip(&drafts) {
        let dispatches =
            draft.dispatches.iter().map(|d| registry.resolve(d, draft, &mut table)).collect::<Result<Vec<_>>>()?;
        check_iterations(&dispatches, profile)?;
        let resident = draft.resident.then(|| Resident::new(&dispatches, profile, &mut table));
        planned.push(PlannedFunction {
            name: function.name.clone(),
            dispatches,
            scratch_per_replica: draft.replica_scratch,
            resident,
            lowering: draft.lowering.clone(),
        });
    }
    registry.finish(graph, replicas, table, planned)
}

/// A dispatch whose words still name places.
struct DraftDispatch {
    kernel: Kernel,
    jobs: Vec<Vec<Word>>,
    label: String,
    replicas: usize,
    shared: bool,
    flops: u64,
    bytes: u64,
}

/// One function's dispatches and the places of its temporaries, relative to their regions.
struct Draft {
    dispatches: Vec<DraftDispatch>,
    shared: BTreeMap<Tensor, usize>,
    replica: BTreeMap<Tensor, usize>,
    shared_scratch: usize,
    replica_scratch: usize,
    resident: bool,
    lowering: String,
}

/// A function's draft in the form that suits it.
fn draft_as(
    graph: &Graph,
    function: &Function,
    replicas: usize,
    profile: &Profile,
    registry: &Registry,
    wanted: Lowering,
) -> Result<Draft> {
    let layered = draft(graph, function, replicas, profile, registry)?;
    if function.runs < 2 {
        return Ok(layered);
    }
    let size = resident::Size {
        flops: layered.dispatches.iter().map(|d| d.flops).sum::<u64>() / replicas as u64,
        bytes: 4 * (registry.state_stride + layered.replica_scratch) as u64,
    };
    let (mut resident, mut lowering) = resident::choose(size, function.runs, wanted, profile);
    if let Some(shared) = layered.dispatches.iter().find(|d| d.shared).filter(|_| resident) {
        let why = format!("{} is computed once for all replicas", shared.label);
        if wanted == Lowering::Resident {
            return Err(Error::Shape(format!("`{}` has no resident form: {why}", function.name)));
        }
        (resident, lowering) = (false, why);
    }
    if !resident {
        return Ok(Draft { lowering, ..layered });
    }
    // All kernels share one workgroup: the tiles are those of its width.
    let narrow = Profile { workgroup_invocations: profile.width(), ..profile.clone() };
    Ok(Draft { resident, lowering, ..draft(graph, function, replicas, &narrow, registry)? })
}

/// One group as a kernel with one job.
struct Item {
    kernel: Kernel,
    words: Vec<Word>,
    label: String,
    scope: Scope,
    epoch: u32,
    flops: u64,
    elements: u64,
}

fn draft(graph: &Graph, function: &Function, replicas: usize, profile: &Profile, registry: &Registry) -> Result<Draft> {
    let mut fused = Fused::new(graph, function)?;
    let before = order_assignments(&mut fused)?;
    fused.add_temporaries();
    let items: Vec<Item> =
        (0..fused.groups.len()).map(|g| item(&fused, g, replicas, profile, registry)).collect::<Result<_>>()?;
    let keys: Vec<_> = items.iter().map(|i| (&i.kernel, i.scope == Scope::Replica)).collect();
    let epochs: Vec<_> = items.iter().map(|i| i.epoch).collect();
    let order = schedule(&keys, &epochs, before);
    let (lives, owners) = lives(&fused, &order, replicas);
    let mut draft = Draft {
        dispatches: Vec::with_capacity(order.len()),
        shared: BTreeMap::new(),
        replica: BTreeMap::new(),
        shared_scratch: 0,
        replica_scratch: 0,
        resident: false,
        lowering: String::new(),
    };
    for per_replica in [false, true] {
        let (tensors, lives): (Vec<Tensor>, Vec<Life>) = owners
            .iter()
            .zip(&lives)
            .filter(|(t, _)| (graph.node(**t).scope == Scope::Replica) == per_replica)
            .map(|(t, l)| (*t, *l))
            .unzip();
        let (offsets, total) = allocate(&lives);
        let places = tensors.into_iter().zip(offsets).collect();
        if per_replica {
            (draft.replica, draft.replica_scratch) = (places, total);
        } else {
            (draft.shared, draft.shared_scratch) = (places, total);
        }
    }
    for members in order {
        let first = &items[members[0]];
        let runs = if first.scope == Scope::Replica { replicas } else { 1 };
        draft.dispatches.push(DraftDispatch {
            kernel: first.kernel.clone(),
            jobs: members.iter().map(|&m| items[m].words.clone()).collect(),
            label: label(members.iter().map(|&m| items[m].label.as_str())),
            replicas: runs,
            shared: first.scope != Scope::Replica,
            flops: members.iter().map(|&m| items[m].flops).sum::<u64>() * runs as u64,
            bytes: 4 * members.iter().map(|&m| items[m].elements).sum::<u64>() * runs as u64,
        });
    }
    Ok(draft)
}

fn label<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for part in parts {
        if !part.is_empty() && !seen.contains(&part) {
            seen.push(part);
        }
    }
    seen.join(", ")
}

/// Orders each assignment after every read of the old value. Where that is impossible, the value takes a detour
/// through scratch memory.
fn order_assignments(fused: &mut Fused) -> Result<Reach> {
    'again: loop {
        fused.find_loads();
        let mut before = fused.reach();
        for g in 0..fused.groups.len() {
            for s in 0..fused.groups[g].stores.len() {
                let (value, store) = fused.groups[g].stores[s];
                let Store::Effect(number) = store else { continue };
                let (Effect::Assign(variable, _) | Effect::Raise(variable, _)) = fused.effects[number] else {
                    continue;
                };
                let reads =
                    |group: &Group| group.loads.iter().any(|t| fused.graph.node(*t).op == Op::Variable(variable));
                let clash = fused.groups.iter().enumerate().any(|(r, group)| {
                    reads(group) && if r == g { !reads_in_place(fused, g, variable) } else { before.has(g, r) }
                });
                if clash {
                    detour(fused, g, s, value)?;
                    continue 'again;
                }
                for r in 0..fused.groups.len() {
                    if r != g && reads(&fused.groups[r]) {
                        before.link_closed(r, g);
                    }
                }
            }
        }
        return Ok(before);
    }
}

/// Whether a group that assigns a variable reads it only element by element, at the element that it then writes.
fn reads_in_place(fused: &Fused, g: usize, variable: super::node::VariableId) -> bool {
    let group = &fused.groups[g];
    let graph = fused.graph;
    let is_it = |t: Tensor| graph.node(graph.source(t).0).op == Op::Variable(variable);
    let whole = |t: &Tensor| {
        let node = graph.node(*t);
        match node.op {
            Op::Gather => is_it(node.inputs[0]),
            Op::Transpose | Op::Reshape | Op::Rows(_) => is_it(node.inputs[0]),
            _ => false,
        }
    };
    let head = match &group.head {
        Head::None => false,
        Head::Node(t) => {
            let (mut loads, mut seen) = (BTreeSet::new(), BTreeSet::new());
            for &input in &graph.node(*t).inputs {
                fused.loads_of(input, g, &mut loads, &mut seen);
            }
            loads.iter().any(|t| is_it(*t))
        }
        Head::CrossEntropy { .. } => {
            let inputs = |t: &Tensor| graph.node(*t).inputs.clone();
            let (Head::CrossEntropy { loss, correct, gradient }, _) = (&group.head, ()) else { return false };
            [loss, correct, gradient].into_iter().flatten().flat_map(inputs).any(is_it)
        }
    };
    // Elementwise nodes of this group, inline ones included.
    let (mut stack, mut seen) = (group.nodes.clone(), BTreeSet::new());
    stack.extend(group.stores.iter().map(|(t, _)| *t));
    while let Some(t) = stack.pop() {
        if !seen.insert(t) {
            continue;
        }
        if whole(&t) {
            return false;
        }
        if !(group.owns(t) || fused.is_inline(t)) {
            continue;
        }
        stack.extend(&graph.node(t).inputs);
    }
    !head && graph.variable_info(variable).shape == group.shape
}

fn detour(fused: &mut Fused, g: usize, s: usize, value: Tensor) -> Result<()> {
    let (_, store) = fused.groups[g].stores.remove(s);
    let owner = fused.group_of.get(&value).copied();
    if owner.is_none() {
        let op = &fused.graph.node(value).op;
        if matches!(op, Op::Variable(_) | Op::Data(_)) || super::fuse::is_alias(op) {
            return Err(Error::Shape(format!(
                "{} is assigned to a variable that is read after its own assignment: assign a computed value",
                fused.graph.describe(value)
            )));
        }
        fused.store_instead(value, g);
        fused.groups[g].nodes.push(value);
        fused.groups[g].nodes.sort();
    }
    let node = fused.graph.node(value);
    fused.groups.push(Group {
        head: Head::None,
        shape: node.shape.clone(),
        scope: Scope::Replica,
        epoch: node.epoch,
        nodes: Vec::new(),
        stores: vec![(value, store)],
        loads: BTreeSet::from([value]),
    });
    Ok(())
}

/// When each temporary is born and last read, in dispatches.
fn lives(fused: &Fused, order: &[Vec<usize>], replicas: usize) -> (Vec<Life>, Vec<Tensor>) {
    let mut when = vec![0; fused.groups.len()];
    for (place, members) in order.iter().enumerate() {
        for &member in members {
            when[member] = place;
        }
    }
    let (mut lives, mut owners) = (Vec::new(), Vec::new());
    for (g, group) in fused.groups.iter().enumerate() {
        for (tensor, store) in &group.stores {
            if *store != Store::Temporary {
                continue;
            }
            let to = fused
                .groups
                .iter()
                .enumerate()
                .filter(|(r, reader)| *r != g && reader.loads.contains(tensor))
                .map(|(r, _)| when[r])
                .max()
                .unwrap_or(when[g]);
            lives.push(Life {
                elements: fused.graph.shape(*tensor).elements_in(replicas),
                from: when[g],
                to: to.max(when[g]),
            });
            owners.push(*tensor);
        }
    }
    (lives, owners)
}

fn item(fused: &Fused, g: usize, replicas: usize, profile: &Profile, registry: &Registry) -> Result<Item> {
    let group = &fused.groups[g];
    let body = Body::of(profile);
    let mut made = match &group.head {
        Head::None => map_item(fused, g, replicas, registry)?,
        Head::CrossEntropy { .. } => cross_entropy_item(fused, g, replicas, registry)?,
        Head::Node(t) => match fused.graph.node(*t).op {
            Op::MatMul { transpose_a, transpose_b } => {
                matmul_item(fused, g, *t, (transpose_a, transpose_b), profile, replicas, registry)?
            }
            Op::PairDot => pair_item(fused, g, *t, profile, replicas, registry)?,
            Op::Reduce(..) => reduce_item(fused, g, *t, body, replicas, registry)?,
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
            Some(Op::Draw(_)) => "batch order".into(),
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
    (transpose_a, transpose_b): (bool, bool),
    profile: &Profile,
    replicas: usize,
    registry: &Registry,
) -> Result<Item> {
    let graph = fused.graph;
    let node = graph.node(tensor);
    let [m, n] = graph.matrix(tensor)?;
    let [a_rows, lda] = graph.matrix(node.inputs[0])?;
    let [_, ldb] = graph.matrix(node.inputs[1])?;
    let k = if transpose_a { a_rows } else { lda };
    let ((a, a_extra), (b, b_extra)) = (operand(fused, node.inputs[0])?, operand(fused, node.inputs[1])?);
    let aligned = |place: Place, extra: usize, ld: usize| {
        place.arena().wgsl4().is_some() && extra.is_multiple_of(4) && ld.is_multiple_of(4)
    };
    let form = Form {
        m,
        n,
        k,
        transpose_a,
        transpose_b,
        aligned_a: aligned(a, a_extra, lda),
        aligned_b: aligned(b, b_extra, ldb),
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

/// Places of everything that outlives a function: variables, data, records, outputs.
struct Registry {
    replicas: usize,
    width: u32,
    variables: Vec<usize>,
    state_stride: usize,
    data: Vec<usize>,
    data_elements: usize,
    record_names: Vec<String>,
    records: Vec<(usize, Shape, usize, DType)>,
    output_names: Vec<String>,
    outputs: Vec<(usize, Shape, bool, DType)>,
    out_shared: usize,
    out_stride: usize,
    scratch_shared: usize,
    scratch_stride: usize,
}

impl Registry {
    fn new(graph: &Graph, functions: &[Function], replicas: usize, profile: &Profile) -> Result<Self> {
        let mut state_stride = 0;
        let take = |elements: usize, total: &mut usize| {
            let at = *total;
            *total += elements.next_multiple_of(ALIGNMENT);
            at
        };
        let variables = graph.variables.iter().map(|v| take(v.shape.elements(), &mut state_stride)).collect();
        let mut data_elements = 0;
        let data = graph.data.iter().map(|d| take(d.shape.elements(), &mut data_elements)).collect();
        let mut registry = Self {
            replicas,
            width: profile.width(),
            variables,
            state_stride: state_stride.max(ALIGNMENT),
            data,
            data_elements,
            record_names: Vec::new(),
            records: Vec::new(),
            output_names: Vec::new(),
            outputs: Vec::new(),
            out_shared: 0,
            out_stride: 0,
            scratch_shared: 0,
            scratch_stride: 0,
        };
        for function in functions {
            let (mut assigned, mut given) = (BTreeSet::new(), BTreeSet::new());
            for effect in &function.effects {
                let twice = match effect {
                    Effect::Assign(id, _) => !assigned.insert(*id),
                    Effect::Output(name, _) => !given.insert(name.as_str()),
                    _ => false,
                };
                if twice {
                    let what = format!("function `{}` gives one variable or output two values", function.name);
                    return Err(Error::Shape(format!("{what}: name each once")));
                }
                registry.register(graph, effect, replicas)?;
            }
        }
        Ok(registry)
    }

    fn register(&mut self, graph: &Graph, effect: &Effect, replicas: usize) -> Result<()> {
        let twice = |name: &str| Error::Shape(format!("two different results are named `{name}`: rename one"));
        match effect {
            Effect::Assign(id, value) => {
                let variable = graph.variable_info(*id);
                if &variable.shape != graph.shape(*value) || variable.dtype != graph.node(*value).dtype {
                    let what = graph.describe(*value);
                    return Err(Error::Shape(format!(
                        "{what} does not fit variable `{}` {}",
                        variable.name, variable.shape
                    )));
                }
            }
            Effect::Raise(id, value) => {
                let variable = graph.variable_info(*id);
                if variable.shape.elements() != 1 || graph.node(*value).dtype != DType::F32 {
                    let what = graph.describe(*value);
                    return Err(Error::Shape(format!(
                        "{what} cannot raise variable `{}` {}",
                        variable.name, variable.shape
                    )));
                }
            }
            Effect::Output(name, value) => {
                let node = graph.node(*value);
                let per_replica = node.scope == Scope::Replica;
                if let Some(i) = self.output_names.iter().position(|n| n == name) {
                    if self.outputs[i].1 != node.shape || self.outputs[i].2 != per_replica {
                        return Err(twice(name));
                    }
                    return Ok(());
                }
                let elements = node.shape.elements_in(replicas).next_multiple_of(ALIGNMENT);
                let total = if per_replica { &mut self.out_stride } else { &mut self.out_shared };
                self.outputs.push((*total, node.shape.clone(), per_replica, node.dtype));
                self.output_names.push(name.clone());
                *total += elements;
            }
            Effect::Record { name, value, capacity, .. } => {
                let node = graph.node(*value);
                if self.record_names.contains(name) {
                    return Err(twice(name));
                }
                self.records.push((self.out_stride, node.shape.clone(), *capacity, node.dtype));
                self.record_names.push(name.clone());
                self.out_stride += (node.shape.elements() * capacity).next_multiple_of(ALIGNMENT);
            }
        }
        Ok(())
    }

    fn output_index(&self, name: &str) -> usize {
        self.output_names.iter().position(|n| n == name).unwrap_or(usize::MAX)
    }

    fn record_index(&self, name: &str) -> usize {
        self.record_names.iter().position(|n| n == name).unwrap_or(usize::MAX)
    }

    fn lay_out_scratch(&mut self, drafts: &[Draft]) {
        self.scratch_shared = drafts.iter().map(|d| d.shared_scratch).max().unwrap_or(0);
        self.scratch_stride = drafts.iter().map(|d| d.replica_scratch).max().unwrap_or(0).max(ALIGNMENT);
    }

    fn slot(&self, place: Place, draft: Option<&Draft>) -> Result<Slot> {
        let (offset, stride) = match place {
            Place::Variable(id) => (self.variables[id.0 as usize], self.state_stride),
            Place::Data(id) => (self.data[id.0 as usize], 0),
            Place::Record(i) => (self.out_shared + self.records[i].0, self.out_stride),
            Place::Output(i) => {
                let (at, _, per_replica, _) = &self.outputs[i];
                if *per_replica { (self.out_shared + at, self.out_stride) } else { (*at, 0) }
            }
            Place::Temporary(t) => {
                let draft = draft.ok_or_else(|| Error::Shape("a temporary outside its function".into()))?;
                match (draft.shared.get(&t), draft.replica.get(&t)) {
                    (Some(&at), _) => (at, 0),
                    (_, Some(&at)) => (self.scratch_shared + at, self.scratch_stride),
                    _ => return Err(Error::Shape(format!("node {} has no place in memory", t.0))),
                }
            }
        };
        let narrow = |n: usize| u32::try_from(n).map_err(|_| too_large());
        Ok(Slot { arena: place.arena(), offset: narrow(offset)?, stride: narrow(stride)? })
    }

    fn resolve(&self, d: &DraftDispatch, draft: &Draft, table: &mut Vec<u32>) -> Result<Dispatch> {
        let jobs_at = table.len();
        let (mut blocks, mut iterations) = (0u32, 0);
        for job in &d.jobs {
            let mut words = Vec::with_capacity(job.len());
            for word in job {
                words.push(match *word {
                    Word::Number(n) => n,
                    Word::Offset(place, extra) => {
                        let at = u64::from(self.slot(place, Some(draft))?.offset) + extra as u64;
                        u32::try_from(at).map_err(|_| too_large())?
                    }
                    Word::Stride(place) => self.slot(place, Some(draft))?.stride,
                });
            }
            debug_assert_eq!(words.len(), d.kernel.job_words(), "{}", d.kernel.name());
            words[0] = blocks;
            iterations = d.kernel.iterations(&words, self.width).max(iterations);
            blocks = blocks.checked_add(d.kernel.blocks(&words)).ok_or_else(too_large)?;
            table.extend(words);
        }
        Ok(Dispatch {
            label: d.label.clone(),
            kernel: Arc::new(d.kernel.clone()),
            jobs_at: u32::try_from(jobs_at).map_err(|_| too_large())?,
            jobs: d.jobs.len() as u32,
            blocks,
            replicas: d.replicas as u32,
            iterations: iterations + d.jobs.len() as u64,
            flops: d.flops,
            bytes: d.bytes,
        })
    }

    fn finish(self, graph: &Graph, replicas: usize, table: Vec<u32>, functions: Vec<PlannedFunction>) -> Result<Plan> {
        let mut data = vec![0.0; self.data_elements];
        for (d, &at) in graph.data.iter().zip(&self.data) {
            data[at..at + d.words.len()].copy_from_slice(&d.words);
        }
        let elements = [
            self.data_elements.max(ALIGNMENT),
            self.state_stride * replicas,
            self.scratch_shared + self.scratch_stride * replicas,
            (self.out_shared + self.out_stride * replicas).max(ALIGNMENT),
        ];
        if elements.iter().any(|&n| u32::try_from(n).is_err()) {
            return Err(too_large());
        }
        let placed = |slot: Slot, shape: &Shape, dtype: DType| Placed {
            slot,
            shape: shape.clone(),
            dtype,
            elements: shape.elements_in(replicas),
        };
        let mut variables = BTreeMap::new();
        for (i, v) in graph.variables.iter().enumerate() {
            let slot = self.slot(Place::Variable(super::node::VariableId(i as u32)), None)?;
            variables.insert(v.name.clone(), (v.kind, placed(slot, &v.shape, v.dtype)));
        }
        let mut outputs = BTreeMap::new();
        for (i, name) in self.output_names.iter().enumerate() {
            let slot = self.slot(Place::Output(i), None)?;
            outputs.insert(name.clone(), placed(slot, &self.outputs[i].1, self.outputs[i].3));
        }
        let mut records = BTreeMap::new();
        for (i, name) in self.record_names.iter().enumerate() {
            let slot = self.slot(Place::Record(i), None)?;
            let (_, shape, capacity, dtype) = &self.records[i];
            records.insert(name.clone(), Ring { place: placed(slot, shape, *dtype), capacity: *capacity });
        }
        let strides = [0, self.state_stride, self.scratch_stride, self.out_stride];
        Ok(Plan { replicas, width: self.width, elements, strides, table, data, functions, variables, outputs, records })
    }
}

/// Refuses dispatches whose loops a driver would cut short.
fn check_iterations(dispatches: &[Dispatch], profile: &Profile) -> Result<()> {
    let Some(most) = profile.loop_iterations() else { return Ok(()) };
    match dispatches.iter().find(|d| d.iterations > most) {
        Some(d) => Err(Error::Shape(format!(
            "`{}` needs about {} loop iterations in a row, and this software adapter stops at {most}: use fewer examples \
             or smaller layers at once, or another adapter",
            d.label, d.iterations
        ))),
        None => Ok(()),
    }
}

fn too_large() -> Error {
    Error::OutOfMemory("a group's memory would exceed 2^32 elements: run fewer replicas at once (--slice)".into())
}

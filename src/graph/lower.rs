//! The layered lowering: one dispatch per fused operation over all replicas.
//!
//! The replica axis enters here, and only here, as a stride: each arena of values that differ between replicas holds
//! one replica's values together, so that a replica can be saved, moved or dropped as a whole, and a plan's jobs do not
//! depend on how many replicas there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::allocate::{Life, allocate};
use super::assign::order_assignments;
use super::draft::{Draft, DraftDispatch};
use super::fuse::{Fused, Store, reachable};
use super::items::{Item, item};
use super::node::{Effect, Function, Graph, Scope, Tensor, VariableKind};
use super::ops::{Op, ReadVariable, Reads};
use super::plan::{Lowering, Plan, PlannedFunction, Resident};
use super::registry::{Registry, check_iterations, work_of};
use super::resident;
use super::schedule::schedule;
use crate::error::{Error, Result};
use crate::gpu::Profile;

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
            least_bytes: draft.least_bytes,
            resident,
            lowering: draft.lowering.clone(),
        });
    }
    registry.finish(graph, replicas, table, planned)
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
        bytes: 4 * (touched(graph, function, registry) + layered.replica_scratch) as u64,
    };
    let (resident, lowering) = resident::choose(size, function.runs, wanted, profile);
    if !resident {
        return Ok(Draft { lowering, ..layered });
    }
    let without = |why: String, layered: Draft| match wanted {
        Lowering::Resident => Err(Error::Shape(format!("`{}` has no resident form: {why}", function.name))),
        _ => Ok(Draft { lowering: why, ..layered }),
    };
    if let Some(shared) = layered.dispatches.iter().find(|d| d.shared) {
        let why = format!("{} is computed once for all replicas", shared.label);
        return without(why, layered);
    }
    // All kernels share one workgroup: the tiles are those of its width, and none is of another number of subgroups.
    let narrow = Profile { workgroup_invocations: profile.width(), cooperative: Vec::new(), ..profile.clone() };
    let draft = draft(graph, function, replicas, &narrow, registry)?;
    if let Some(most) = resident::most_turns(profile) {
        let work = draft.dispatches.iter().map(|d| work_of(d, profile.width())).collect::<Result<Vec<_>>>()?;
        let turns = resident::turns(work.into_iter());
        if turns > most {
            let why = format!(
                "a run is about {turns} loop iterations in one dispatch, more than the {most} after which this software \
                 adapter's driver may end loops"
            );
            return without(why, layered);
        }
    }
    Ok(Draft { resident, lowering, ..draft })
}

/// What a function reads as a whole: not the tables of which a run gathers some rows.
fn read_whole(graph: &Graph, function: &Function) -> BTreeSet<Tensor> {
    let reachable = reachable(graph, function);
    let mut whole: BTreeSet<Tensor> = function.effects.iter().flat_map(Effect::values).collect();
    for (_, node) in graph.nodes.iter().enumerate().filter(|(index, _)| reachable[*index]) {
        let read = node.inputs.iter().enumerate().filter(|(i, _)| node.op.facts().reads(*i) != Reads::SomeRows);
        whole.extend(read.map(|(_, &input)| graph.source(input).0));
    }
    whole
}

/// Elements of one replica's state that stay in use through many runs of a function: not what is kept for others to
/// recompute, nor tables of which a run gathers some rows.
fn touched(graph: &Graph, function: &Function, registry: &Registry) -> usize {
    let recomputed = |t: &Tensor| match graph.node(*t).op {
        Op::ReadVariable(ReadVariable(id)) => graph.variable_info(id).kind == VariableKind::Transient,
        _ => false,
    };
    let whole = read_whole(graph, function).into_iter().filter(recomputed);
    registry.saved + whole.map(|t| graph.shape(t).elements()).sum::<usize>()
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
        least_bytes: 4 * least_elements(&fused, &read_whole(graph, function), replicas),
    };
    for per_replica in [false, true] {
        let (tensors, lives): (Vec<Tensor>, Vec<Life>) = owners
            .iter()
            .zip(&lives)
            .filter(|(t, _)| (graph.node(**t).scope == Scope::Replica) == per_replica)
            .map(|(t, l)| (*t, *l))
            .unzip();
        let (offsets, total) = allocate(&lives);
        let mut places: BTreeMap<Tensor, usize> = tensors.into_iter().zip(offsets).collect();
        for stack in fused.stacks() {
            if let Some(&at) = places.get(&stack) {
                places.extend(graph.parts(stack).map(|(part, from)| (part, at + from)));
            }
        }
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

/// Elements that any way of running the function must read and write: variables and what is gathered from data once, what
/// is assigned, recorded or given once. Temporaries could stay in registers.
fn least_elements(fused: &Fused, whole: &BTreeSet<Tensor>, replicas: usize) -> u64 {
    let graph = fused.graph;
    let elements = |t: Tensor| {
        let runs = if graph.node(t).scope == Scope::Replica { replicas } else { 1 };
        (graph.shape(t).elements_in(replicas) * runs) as u64
    };
    let (mut seen, mut total) = (BTreeSet::new(), 0);
    for group in &fused.groups {
        for &load in &group.loads {
            if matches!(graph.node(load).op, Op::ReadVariable(_)) && whole.contains(&load) && seen.insert(load) {
                total += elements(load);
            }
        }
        for &node in &group.nodes {
            if graph.node(node).op.facts().reads(0) == Reads::SomeRows && seen.insert(node) {
                total += elements(node);
            }
        }
        let kept = group.stores.iter().filter(|(_, store)| *store != Store::Temporary);
        total += kept.map(|(value, _)| elements(*value)).sum::<u64>();
    }
    total
}

/// When each temporary, or the stack that it stands in, is born and last read, in dispatches.
fn lives(fused: &Fused, order: &[Vec<usize>], replicas: usize) -> (Vec<Life>, Vec<Tensor>) {
    let mut when = vec![0; fused.groups.len()];
    for (place, members) in order.iter().enumerate() {
        for &member in members {
            when[member] = place;
        }
    }
    let mut read: HashMap<Tensor, usize> = HashMap::new();
    for (g, group) in fused.groups.iter().enumerate() {
        for &load in &group.loads {
            let last = read.entry(load).or_insert(when[g]);
            *last = when[g].max(*last);
        }
    }
    let graph = fused.graph;
    let stacks = fused.stacks();
    let stack_of: HashMap<Tensor, Tensor> =
        stacks.iter().flat_map(|&stack| graph.parts(stack).map(move |(part, _)| (part, stack))).collect();
    let (mut lives, mut owners): (Vec<Life>, Vec<Tensor>) = (Vec::new(), Vec::new());
    let mut known: HashMap<Tensor, usize> = HashMap::new();
    for (g, group) in fused.groups.iter().enumerate() {
        for (tensor, _) in group.stores.iter().filter(|(_, store)| *store == Store::Temporary) {
            let (owner, from) = (stack_of.get(tensor).unwrap_or(tensor), when[g]);
            let to = [tensor, owner].into_iter().filter_map(|t| read.get(t)).fold(from, |last, &read| last.max(read));
            let at = *known.entry(*owner).or_insert_with(|| {
                lives.push(Life { elements: graph.shape(*owner).elements_in(replicas), from, to });
                owners.push(*owner);
                owners.len() - 1
            });
            let life = &mut lives[at];
            (life.from, life.to) = (life.from.min(from), life.to.max(to));
        }
    }
    (lives, owners)
}

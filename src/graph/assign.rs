//! Assignments: each comes after every read of the old value.

use std::collections::{BTreeSet, HashMap};

use super::fuse::{Fused, Group, Store};
use super::node::{Effect, Graph, Scope, Tensor, VariableId};
use super::ops::{Kind, Op, ReadVariable, Reads};
use super::schedule::Reach;
use crate::error::{Error, Result};

/// Orders each assignment after every read of the old value. Where that is impossible, the value takes a detour
/// through scratch memory.
pub(super) fn order_assignments(fused: &mut Fused) -> Result<Reach> {
    'again: loop {
        fused.find_loads();
        let mut before = fused.reach();
        // Groups that read each variable.
        let mut readers: HashMap<VariableId, Vec<usize>> = HashMap::new();
        for (r, group) in fused.groups.iter().enumerate() {
            for load in &group.loads {
                if let Op::ReadVariable(ReadVariable(variable)) = fused.graph.node(*load).op {
                    readers.entry(variable).or_default().push(r);
                }
            }
        }
        for g in 0..fused.groups.len() {
            for s in 0..fused.groups[g].stores.len() {
                let (value, store) = fused.groups[g].stores[s];
                let Store::Effect(number) = store else { continue };
                let (Effect::Assign(variable, _) | Effect::Raise(variable, _)) = fused.effects[number] else {
                    continue;
                };
                let readers = readers.get(&variable).map_or(&[][..], Vec::as_slice);
                let clash = readers
                    .iter()
                    .any(|&r| if r == g { !reads_in_place(fused, g, variable) } else { before.has(g, r) });
                if clash {
                    detour(fused, g, s, value)?;
                    continue 'again;
                }
                readers.iter().filter(|&&r| r != g).for_each(|&r| before.link_closed(r, g));
            }
        }
        return Ok(before);
    }
}

/// Whether a node reads a variable.
fn is_read(graph: &Graph, tensor: Tensor, variable: VariableId) -> bool {
    graph.node(tensor).op == Op::ReadVariable(ReadVariable(variable))
}

/// Whether a group that assigns a variable reads it only element by element, at the element that it then writes.
fn reads_in_place(fused: &Fused, g: usize, variable: VariableId) -> bool {
    let group = &fused.groups[g];
    let graph = fused.graph;
    let is_it = |t: Tensor| is_read(graph, graph.source(t).0, variable);
    let elsewhere = |t: &Tensor| {
        let node = graph.node(*t);
        let mut read = node.inputs.iter().enumerate();
        read.any(|(i, &input)| is_it(input) && node.op.facts().reads(i) != Reads::InPlace)
    };
    let (mut loads, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for &input in group.heads.iter().flat_map(|t| &graph.node(*t).inputs) {
        fused.loads_of(input, g, &mut loads, &mut seen);
    }
    let by_head = loads.iter().any(|t| is_it(*t));
    // Elementwise nodes of this group, inline ones included.
    let (mut stack, mut seen) = (group.nodes.clone(), BTreeSet::new());
    stack.extend(group.stores.iter().map(|(t, _)| *t));
    while let Some(t) = stack.pop() {
        if !seen.insert(t) {
            continue;
        }
        if elsewhere(&t) {
            return false;
        }
        if !(group.owns(t) || fused.is_inline(t)) {
            continue;
        }
        stack.extend(&graph.node(t).inputs);
    }
    !by_head && graph.variable_info(variable).shape == group.shape
}

fn detour(fused: &mut Fused, g: usize, s: usize, value: Tensor) -> Result<()> {
    let (_, store) = fused.groups[g].stores.remove(s);
    let owner = fused.group_of.get(&value).copied();
    if owner.is_none() {
        let op = &fused.graph.node(value).op;
        if op.facts().kind == Kind::Stored || op.facts().is_view() {
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
        heads: Vec::new(),
        shape: node.shape.clone(),
        scope: Scope::Replica,
        epoch: node.epoch,
        nodes: Vec::new(),
        stores: vec![(value, store)],
        loads: BTreeSet::from([value]),
    });
    Ok(())
}

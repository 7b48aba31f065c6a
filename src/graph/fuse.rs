//! Fusion: which nodes are computed together in one kernel, and which exist only inside kernels.
//!
//! A group is one kernel's work: perhaps a *head* (product, reduction, cross-entropy ...) and the elementwise nodes (maps)
//! that follow from it. Elementwise nodes that depend on stored values only are *inline*: every kernel that needs them
//! computes them afresh, which for constants, masks and broadcasts is cheaper than memory. Chains that end in one
//! reduction are evaluated inside it.

use std::collections::{BTreeSet, HashMap};

use super::node::{Effect, Function, Graph, Scope, Shape, Tensor};
use super::ops::{Kind, Reads};
use super::schedule::{Numbers, Reach};
use crate::error::{Error, Result};

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// Scratch memory, for other groups.
    Temporary,
    /// The effect with this number in its function.
    Effect(usize),
}

/// One kernel's work.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What its kernel begins with: nothing if all is elementwise, one product or reduction whose result the elementwise nodes see,
    /// or several that one kernel computes of the same inputs.
    pub heads: Vec<Tensor>,
    pub shape: Shape,
    pub scope: Scope,
    pub epoch: u32,
    /// Elementwise nodes computed here, ascending.
    pub nodes: Vec<Tensor>,
    /// What is stored, in order.
    pub stores: Vec<(Tensor, Store)>,
    /// Stored tensors, variables and data that it reads.
    pub loads: BTreeSet<Tensor>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.nodes.is_empty()
    }

    pub fn owns(&self, tensor: Tensor) -> bool {
        self.nodes.contains(&tensor) || self.heads.contains(&tensor)
    }
}

/// The groups of one function, before they are ordered.
pub(super) struct Fused<'g> {
    pub graph: &'g Graph,
    pub effects: &'g [Effect],
    pub groups: Vec<Group>,
    /// Group that computes each stored or head node.
    pub group_of: HashMap<Tensor, usize>,
    inline: Vec<bool>,
    /// Groups that each group needs, at any remove, while groups are being formed.
    needs: Vec<Numbers>,
}

impl<'g> Fused<'g> {
    pub fn new(graph: &'g Graph, function: &'g Function) -> Result<Self> {
        let reachable = reachable(graph, function);
        let consumers = consumers(graph, &reachable);
        let (must_store, weight) = must_store(graph, &reachable, &consumers);
        let inline = inline(graph, function, &reachable, &consumers, &must_store, &weight);
        let mut fused = Self {
            graph,
            effects: &function.effects,
            groups: Vec::new(),
            group_of: HashMap::new(),
            inline,
            needs: Vec::new(),
        };
        for index in 0..graph.nodes.len() {
            let tensor = Tensor(index as u32);
            let elsewhere = match graph.nodes[index].op.facts().kind {
                Kind::Stored | Kind::View { .. } | Kind::Stack => true,
                Kind::Number => !must_store[index],
                _ => false,
            };
            if !reachable[index] || fused.inline[index] || elsewhere {
                continue;
            }
            fused.place(tensor);
        }
        fused.merge_maps();
        fused.add_effects()?;
        fused.merge_scalars();
        fused.find_loads();
        Ok(fused)
    }

    /// Makes a group the one place where a node is computed.
    pub fn store_instead(&mut self, tensor: Tensor, group: usize) {
        self.inline[tensor.index()] = false;
        self.group_of.insert(tensor, group);
    }

    /// Whether kernels compute the node afresh wherever they need it.
    pub fn is_inline(&self, tensor: Tensor) -> bool {
        self.inline[tensor.index()]
    }

    /// Whether a value is stored by its group's kernel, and not by the program on its results.
    pub fn stored_as_it_is(&self, group: usize, value: Tensor) -> bool {
        self.groups[group].heads.contains(&value) && !self.graph.node(value).op.facts().is_followed()
    }

    fn new_group(&mut self, heads: Vec<Tensor>, tensor: Tensor) -> usize {
        let node = self.graph.node(tensor);
        self.groups.push(Group {
            heads,
            shape: node.shape.clone(),
            scope: node.scope,
            epoch: node.epoch,
            nodes: Vec::new(),
            stores: Vec::new(),
            loads: BTreeSet::new(),
        });
        self.needs.push(Numbers::default());
        self.groups.len() - 1
    }

    /// Notes that a group needs what `tensor` refers to, and so does all that needs the group.
    fn note_needs(&mut self, group: usize, tensor: Tensor) {
        let (mut soft, mut hard) = (BTreeSet::new(), BTreeSet::new());
        self.references(tensor, false, &mut soft, &mut hard);
        let mut added = Numbers::default();
        for other in soft.iter().chain(&hard).filter_map(|t| self.group_of.get(t).copied()).filter(|&o| o != group) {
            added.insert(other);
            added.extend(&self.needs[other]);
        }
        for (g, needs) in self.needs.iter_mut().enumerate() {
            if g == group || needs.contains(group) {
                needs.extend(&added);
            }
        }
    }

    fn place(&mut self, tensor: Tensor) {
        let node = self.graph.node(tensor);
        let group = if node.op.facts().is_head() {
            self.place_head(tensor)
        } else {
            let group = self.joinable(tensor).unwrap_or_else(|| self.new_group(Vec::new(), tensor));
            self.groups[group].nodes.push(tensor);
            group
        };
        self.note_needs(group, tensor);
        self.group_of.insert(tensor, group);
    }

    fn place_head(&mut self, tensor: Tensor) -> usize {
        let node = self.graph.node(tensor);
        let same = |other: &Tensor| {
            let other = self.graph.node(*other);
            other.op.facts().together && other.inputs == node.inputs && other.epoch == node.epoch
        };
        let found = node.op.facts().together.then(|| self.groups.iter().position(|g| g.heads.iter().any(same)));
        let Some(group) = found.flatten() else { return self.new_group(vec![tensor], tensor) };
        self.groups[group].heads.push(tensor);
        if node.op.facts().is_followed() {
            self.groups[group].shape = node.shape.clone();
        }
        group
    }

    /// The group that `tensor` can be computed in: one that it reads element by element and that has its shape, if
    /// nothing else that it reads needs that group first.
    fn joinable(&self, tensor: Tensor) -> Option<usize> {
        let node = self.graph.node(tensor);
        let (mut soft, mut hard) = (BTreeSet::new(), BTreeSet::new());
        self.references(tensor, false, &mut soft, &mut hard);
        let groups = |set: &BTreeSet<Tensor>| -> BTreeSet<usize> {
            set.iter().filter_map(|t| self.group_of.get(t).copied()).collect()
        };
        let (near, whole) = (groups(&soft), groups(&hard));
        // A scalar made from several sums would chain the reductions that could share a dispatch.
        let gathers = node.shape.elements_in(2) == 1 && near.len() + whole.len() > 1;
        near.iter().rev().copied().find(|&g| {
            let group = &self.groups[g];
            let follows = |t: &Tensor| self.graph.node(*t).op.facts().is_followed();
            let heads_allow = group.heads.is_empty()
                || !gathers
                    && group.heads.iter().any(follows)
                    && group.heads.iter().all(|t| follows(t) || !soft.contains(t));
            heads_allow
                && group.shape == node.shape
                && group.scope == node.scope
                && group.epoch == node.epoch
                && !whole.contains(&g)
                && near.iter().chain(&whole).all(|&other| other == g || !self.needs[other].contains(g))
        })
    }

    /// Elementwise groups become part of those that read them element by element, where nothing in between needs them: what is made
    /// of several functions of one matrix, as of the gates of a recurrent cell, is one kernel's work.
    fn merge_maps(&mut self) {
        for b in 0..self.groups.len() {
            while let Some(a) = self.merging(b) {
                let nodes = std::mem::take(&mut self.groups[a].nodes);
                self.group_of.extend(nodes.iter().map(|&node| (node, b)));
                self.groups[b].nodes.extend(nodes);
                self.groups[b].nodes.sort_unstable();
                let mut of_both = self.needs[b].clone();
                of_both.insert(b);
                for needs in self.needs.iter_mut().filter(|needs| needs.contains(a)) {
                    needs.extend(&of_both);
                }
            }
        }
        let mut kept = 0;
        let place: Vec<usize> = self
            .groups
            .iter()
            .map(|group| {
                kept += usize::from(!group.is_empty());
                kept.saturating_sub(1)
            })
            .collect();
        self.groups.retain(|group| !group.is_empty());
        self.group_of.values_mut().for_each(|group| *group = place[*group]);
        self.needs.clear();
    }

    /// An elementwise group that an elementwise group reads at the elements that it computes, and on which it depends in no other way.
    fn merging(&self, b: usize) -> Option<usize> {
        let group = &self.groups[b];
        if !group.heads.is_empty() || group.shape.elements_in(2) == 1 {
            return None;
        }
        let (mut soft, mut hard) = (BTreeSet::new(), BTreeSet::new());
        group.nodes.iter().for_each(|&node| self.references(node, false, &mut soft, &mut hard));
        let groups = |set: &BTreeSet<Tensor>| -> BTreeSet<usize> {
            set.iter().filter_map(|t| self.group_of.get(t).copied()).filter(|&g| g != b).collect()
        };
        let (near, whole) = (groups(&soft), groups(&hard));
        near.iter().copied().find(|&a| {
            let other = &self.groups[a];
            other.heads.is_empty()
                && (&other.shape, other.scope, other.epoch) == (&group.shape, group.scope, group.epoch)
                && !whole.contains(&a)
                && near.iter().chain(&whole).all(|&x| x == a || !self.needs[x].contains(a))
        })
    }

    /// Stored nodes that a node reads: `soft` element by element, `hard` as a whole.
    fn references(&self, tensor: Tensor, whole: bool, soft: &mut BTreeSet<Tensor>, hard: &mut BTreeSet<Tensor>) {
        let node = self.graph.node(tensor);
        for (i, &input) in node.inputs.iter().enumerate() {
            let view = self.graph.node(input).op.facts().is_view();
            let by_whole = whole || view || node.op.facts().reads(i) != Reads::InPlace;
            if self.group_of.contains_key(&input) {
                if by_whole {
                    hard.insert(input)
                } else {
                    soft.insert(input)
                };
            } else if view {
                hard.extend(self.graph.standing(input).into_iter().filter(|t| self.group_of.contains_key(t)));
            } else if self.inline[input.index()] {
                self.references(input, by_whole, soft, hard);
            }
        }
    }

    /// Gives every effect's value a place where it is stored.
    fn add_effects(&mut self) -> Result<()> {
        let mut made: Vec<usize> = Vec::new();
        for (number, effect) in self.effects.iter().enumerate() {
            let value = &effect.values()[0];
            let node = self.graph.node(*value);
            let group = match self.group_of.get(value) {
                // Rows' results of a cross-entropy, and what needs a step to be placed, go through a group of their own.
                Some(&group) if self.stores_directly(group, *value, effect) => group,
                _ => {
                    let same = |&g: &usize| {
                        let group = &self.groups[g];
                        group.shape == node.shape && group.scope == node.scope && group.epoch == node.epoch
                    };
                    made.iter().copied().find(same).unwrap_or_else(|| {
                        let group = self.new_group(Vec::new(), *value);
                        made.push(group);
                        group
                    })
                }
            };
            if self.groups[group].scope == Scope::Shared && !matches!(effect, Effect::Output(..)) {
                // A shared value goes to each replica's place: the group runs once per replica.
                if self.groups[group].stores.is_empty() && self.groups[group].nodes.is_empty() {
                    self.groups[group].scope = Scope::Replica;
                } else {
                    let own = self.new_group(Vec::new(), *value);
                    self.groups[own].scope = Scope::Replica;
                    self.groups[own].stores.push((*value, Store::Effect(number)));
                    continue;
                }
            }
            if self.groups[group].scope == Scope::Pairs && !matches!(effect, Effect::Output(..)) {
                let what = self.graph.describe(*value);
                return Err(Error::Shape(format!("{what} is a value of pairs: it can be an output, not a variable")));
            }
            self.groups[group].stores.push((*value, Store::Effect(number)));
        }
        Ok(())
    }

    fn stores_directly(&self, group: usize, value: Tensor, effect: &Effect) -> bool {
        let shared = self.groups[group].scope == Scope::Shared && !matches!(effect, Effect::Output(..));
        !shared && !self.stored_as_it_is(group, value)
    }

    /// Groups over single values that do not depend on each other become one: schedules, counters, flags.
    fn merge_scalars(&mut self) {
        self.find_loads();
        let mut reach = self.reach();
        let n = self.groups.len();
        let candidates: Vec<usize> =
            (0..n).filter(|&g| self.groups[g].heads.is_empty() && self.groups[g].shape.elements_in(2) == 1).collect();
        let mut owner: Vec<usize> = (0..n).collect();
        for (place, &b) in candidates.iter().enumerate() {
            let fits = |&&a: &&usize| {
                let (x, y) = (&self.groups[a], &self.groups[b]);
                owner[a] == a
                    && x.scope == y.scope
                    && x.epoch == y.epoch
                    && x.shape == y.shape
                    && !reach.has(a, b)
                    && !reach.has(b, a)
            };
            if let Some(&a) = candidates[..place].iter().find(fits) {
                reach.unite(a, b);
                owner[b] = a;
            }
        }
        let mut place = vec![0; n];
        let mut kept: Vec<Group> = Vec::with_capacity(n);
        for (g, group) in std::mem::take(&mut self.groups).into_iter().enumerate() {
            if owner[g] == g {
                place[g] = kept.len();
                kept.push(group);
            } else {
                let into = place[owner[g]];
                place[g] = into;
                kept[into].nodes.extend(group.nodes);
                kept[into].nodes.sort();
                kept[into].stores.extend(group.stores);
            }
        }
        self.groups = kept;
        for group in self.group_of.values_mut() {
            *group = place[*group];
        }
    }

    /// Which groups need which, at any remove.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::new(self.groups.len());
        for (b, group) in self.groups.iter().enumerate() {
            for load in &group.loads {
                if let Some(&a) = self.group_of.get(load)
                    && a != b
                {
                    reach.link(a, b);
                }
            }
        }
        reach.close();
        reach
    }

    /// What each group reads from memory.
    pub fn find_loads(&mut self) {
        for g in 0..self.groups.len() {
            let mut loads = BTreeSet::new();
            let group = &self.groups[g];
            let mut wanted: Vec<Tensor> = group.nodes.clone();
            wanted.extend(group.stores.iter().map(|(t, _)| *t));
            for (_, store) in &group.stores {
                if let Store::Effect(number) = store
                    && let Effect::Record { step, .. } = &self.effects[*number]
                {
                    wanted.push(*step);
                }
            }
            wanted.extend(&group.heads);
            let mut seen = BTreeSet::new();
            for tensor in wanted {
                self.loads_of(tensor, g, &mut loads, &mut seen);
            }
            self.groups[g].loads = loads;
        }
    }

    pub fn loads_of(&self, tensor: Tensor, group: usize, loads: &mut BTreeSet<Tensor>, seen: &mut BTreeSet<Tensor>) {
        if !seen.insert(tensor) {
            return;
        }
        let own = self.groups[group].owns(tensor) || self.inline[tensor.index()];
        match self.graph.node(tensor).op.facts().kind {
            Kind::Number if self.group_of.get(&tensor).is_none_or(|g| *g == group) => {}
            Kind::View { .. } | Kind::Stack => loads.extend(self.graph.standing(tensor)),
            kind if kind != Kind::Stored && own => {
                for &input in &self.graph.node(tensor).inputs {
                    self.loads_of(input, group, loads, seen);
                }
            }
            _ => {
                loads.insert(tensor);
            }
        }
    }

    /// The stacks that are read.
    pub fn stacks(&self) -> BTreeSet<Tensor> {
        let loads = self.groups.iter().flat_map(|group| &group.loads).copied();
        loads.filter(|t| self.graph.node(*t).op.facts().kind == Kind::Stack).collect()
    }

    /// Marks what other groups read as stored in scratch memory.
    pub fn add_temporaries(&mut self) {
        let mut needed: BTreeSet<Tensor> = BTreeSet::new();
        for (g, group) in self.groups.iter().enumerate() {
            needed.extend(group.loads.iter().filter(|t| self.group_of.get(t).is_some_and(|&owner| owner != g)));
        }
        // Of a stack of which some parts are read all are there.
        needed.extend(self.stacks().into_iter().flat_map(|stack| self.graph.parts(stack).map(|(part, _)| part)));
        for tensor in needed {
            let group = self.group_of[&tensor];
            if !self.groups[group].stores.contains(&(tensor, Store::Temporary)) {
                self.groups[group].stores.push((tensor, Store::Temporary));
            }
        }
    }
}

pub(super) fn reachable(graph: &Graph, function: &Function) -> Vec<bool> {
    let mut reachable = vec![false; graph.nodes.len()];
    let mut stack: Vec<Tensor> = function.effects.iter().flat_map(Effect::values).collect();
    while let Some(tensor) = stack.pop() {
        if !std::mem::replace(&mut reachable[tensor.index()], true) {
            stack.extend(&graph.node(tensor).inputs);
        }
    }
    reachable
}

fn consumers(graph: &Graph, reachable: &[bool]) -> Vec<Vec<Tensor>> {
    let mut consumers = vec![Vec::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().filter(|(i, _)| reachable[*i]) {
        for input in &node.inputs {
            consumers[input.index()].push(Tensor(index as u32));
        }
    }
    consumers
}

/// Nodes whose value must stand in memory for those that read it as a whole, or because recomputing it per element of
/// something larger would cost more.
fn must_store(graph: &Graph, reachable: &[bool], consumers: &[Vec<Tensor>]) -> (Vec<bool>, Vec<u32>) {
    let mut must = vec![false; graph.nodes.len()];
    for (_, node) in graph.nodes.iter().enumerate().filter(|(index, _)| reachable[*index]) {
        for (i, &input) in node.inputs.iter().enumerate() {
            let whole = node.op.facts().reads(i) != Reads::InPlace;
            if whole {
                must[graph.source(input).0.index()] = true;
            }
        }
    }
    let mut weight = vec![0u32; graph.nodes.len()];
    // Values that depend on where their element stands: in a tensor of another shape it would stand elsewhere.
    let mut positional = vec![false; graph.nodes.len()];
    for index in 0..graph.nodes.len() {
        if !reachable[index] {
            continue;
        }
        let node = &graph.nodes[index];
        let facts = node.op.facts();
        weight[index] = node.inputs.iter().fold(facts.cost, |sum, i| sum.saturating_add(weight[i.index()]));
        let reshaped = |c: &Tensor| graph.node(*c).op.facts().is_map() && graph.shape(*c) != &node.shape;
        positional[index] = facts.kind == Kind::Map { positional: true }
            || facts.is_map() && node.inputs.iter().any(|i| positional[i.index()] && !must[i.index()]);
        if facts.is_map() && consumers[index].iter().any(reshaped) && (positional[index] || weight[index] > 3) {
            // Constants broadcast are free, and so is whatever costs next to nothing.
            must[index] |= facts.cost > 0;
        }
        must[index] |= matches!(facts.kind, Kind::DearMap | Kind::Stack);
        if must[index] || facts.is_head() {
            weight[index] = 1;
        }
    }
    (must, weight)
}

/// Operations per element up to which a value is computed again from what is stored anyway, rather than stored too.
pub(super) const CHEAP: u32 = 10;

fn inline(
    graph: &Graph,
    function: &Function,
    reachable: &[bool],
    consumers: &[Vec<Tensor>],
    must: &[bool],
    weight: &[u32],
) -> Vec<bool> {
    let n = graph.nodes.len();
    let (mut inline, mut floating) = (vec![false; n], vec![false; n]);
    let roots: BTreeSet<Tensor> = function.effects.iter().flat_map(Effect::values).collect();
    for index in 0..n {
        let node = &graph.nodes[index];
        if !reachable[index] || must[index] || !node.op.facts().is_map() {
            continue;
        }
        let leaf = |input: &Tensor| match graph.node(*input).op.facts().kind {
            Kind::Stored => true,
            Kind::Number => !must[input.index()],
            _ => false,
        };
        floating[index] = node.inputs.iter().all(|i| leaf(i) || floating[i.index()]);
        // What is stored in any case (an activation that the next layer reads) gives cheap functions of itself, such
        // as its own derivative, wherever they are needed.
        let cheap = weight[index] <= CHEAP
            && node.scope == Scope::Replica
            && !roots.contains(&Tensor(index as u32))
            && node.inputs.iter().all(|i| leaf(i) || inline[i.index()] || must[graph.source(*i).0.index()]);
        inline[index] = floating[index] || cheap || node.op.facts().cost == 0;
    }
    for index in (0..n).rev() {
        let tensor = Tensor(index as u32);
        let node = &graph.nodes[index];
        if !reachable[index] || must[index] || !node.op.facts().is_map() || roots.contains(&tensor) {
            continue;
        }
        if let [consumer] = consumers[index][..] {
            let facts = graph.node(consumer).op.facts();
            let into_reduction = facts.kind == Kind::Reduction
                || facts.is_map() && inline[consumer.index()] && graph.shape(consumer) == &node.shape;
            let feeds_reduction = into_reduction && ends_in_reduction(graph, consumers, consumer);
            inline[index] |= feeds_reduction;
        }
    }
    inline
}

/// Whether the only way on from a node leads through single consumers into a reduction.
fn ends_in_reduction(graph: &Graph, consumers: &[Vec<Tensor>], mut tensor: Tensor) -> bool {
    loop {
        if graph.node(tensor).op.facts().kind == Kind::Reduction {
            return true;
        }
        match consumers[tensor.index()][..] {
            [next] => tensor = next,
            _ => return false,
        }
    }
}

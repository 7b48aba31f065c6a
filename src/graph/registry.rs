//! Where everything stands: variables, data, records, outputs and temporaries, and the words of jobs that name places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::allocate::ALIGNMENT;
use super::draft::{Draft, DraftDispatch};
use super::node::{Effect, Function, Graph, Scope, Shape, VariableKind};
use super::plan::{Dispatch, Placed, Plan, PlannedFunction, Ring};
use super::program_of::{Place, Word};
use crate::error::{Error, Result};
use crate::gpu::Profile;
use crate::kernels::Slot;
use crate::kernels::program::DType;

/// Places of everything that outlives a function: variables, data, records, outputs.
pub(super) struct Registry {
    pub replicas: usize,
    pub width: u32,
    pub grid: u32,
    pub variables: Vec<usize>,
    pub state_stride: usize,
    pub saved: usize,
    pub data: Vec<usize>,
    pub data_elements: usize,
    pub record_names: Vec<String>,
    pub records: Vec<(usize, Shape, usize, DType)>,
    pub output_names: Vec<String>,
    pub outputs: Vec<(usize, Shape, bool, DType)>,
    pub out_shared: usize,
    pub out_stride: usize,
    pub scratch_shared: usize,
    pub scratch_stride: usize,
}

impl Registry {
    pub fn new(graph: &Graph, functions: &[Function], replicas: usize, profile: &Profile) -> Result<Self> {
        if let Some(same) = graph.purposes.values().find(|paths| paths.len() > 1) {
            let names = same.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ");
            return Err(Error::Shape(format!("the random numbers of {names} would be the same: rename one of them")));
        }
        let mut state_stride = 0;
        let take = |elements: usize, total: &mut usize| {
            let at = *total;
            *total += elements.next_multiple_of(ALIGNMENT);
            at
        };
        // What can be recomputed stands last, so that what must be saved is one piece per replica.
        let mut variables = vec![0; graph.variables.len()];
        let mut place = |kept: bool| {
            for (i, v) in
                graph.variables.iter().enumerate().filter(|(_, v)| (v.kind != VariableKind::Transient) == kept)
            {
                variables[i] = take(v.shape.elements(), &mut state_stride);
            }
            state_stride
        };
        let saved = place(true);
        let state_stride = place(false);
        let mut data_elements = 0;
        let data = graph.data.iter().map(|d| take(d.shape.elements(), &mut data_elements)).collect();
        let mut registry = Self {
            replicas,
            width: profile.width(),
            grid: profile.grid,
            variables,
            state_stride: state_stride.max(ALIGNMENT),
            saved,
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

    pub fn register(&mut self, graph: &Graph, effect: &Effect, replicas: usize) -> Result<()> {
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

    pub fn output_index(&self, name: &str) -> usize {
        self.output_names.iter().position(|n| n == name).unwrap_or(usize::MAX)
    }

    pub fn record_index(&self, name: &str) -> usize {
        self.record_names.iter().position(|n| n == name).unwrap_or(usize::MAX)
    }

    pub fn lay_out_scratch(&mut self, drafts: &[Draft]) {
        self.scratch_shared = drafts.iter().map(|d| d.shared_scratch).max().unwrap_or(0);
        self.scratch_stride = drafts.iter().map(|d| d.replica_scratch).max().unwrap_or(0).max(ALIGNMENT);
    }

    pub fn slot(&self, place: Place, draft: Option<&Draft>) -> Result<Slot> {
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

    pub fn resolve(&self, d: &DraftDispatch, draft: &Draft, table: &mut Vec<u32>) -> Result<Dispatch> {
        let jobs_at = table.len();
        let (all, iterations) = work_of(d, self.width)?;
        let mut blocks = 0;
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
            blocks += d.kernel.blocks(&words);
            table.extend(words);
        }
        debug_assert_eq!(blocks, all);
        Ok(Dispatch {
            label: d.label.clone(),
            kernel: Arc::new(d.kernel.clone()),
            jobs_at: u32::try_from(jobs_at).map_err(|_| too_large())?,
            jobs: d.jobs.len() as u32,
            blocks,
            replicas: d.replicas as u32,
            iterations,
            flops: d.flops,
            bytes: d.bytes,
        })
    }

    pub fn finish(
        self,
        graph: &Graph,
        replicas: usize,
        table: Vec<u32>,
        functions: Vec<PlannedFunction>,
    ) -> Result<Plan> {
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
        let (width, grid, saved) = (self.width, self.grid, self.saved);
        Ok(Plan {
            replicas,
            width,
            grid,
            elements,
            strides,
            saved,
            table,
            data,
            functions,
            variables,
            outputs,
            records,
        })
    }
}

/// Workgroups per replica of a dispatch, and about how many loop iterations an invocation makes in one of them. Neither
/// depends on where anything stands.
pub(super) fn work_of(d: &DraftDispatch, width: u32) -> Result<(u32, u64)> {
    let (mut blocks, mut iterations) = (0u32, 0);
    for job in &d.jobs {
        let words: Vec<u32> = job.iter().map(|word| if let Word::Number(n) = word { *n } else { 0 }).collect();
        iterations = d.kernel.iterations(&words, width).max(iterations);
        blocks = blocks.checked_add(d.kernel.blocks(&words)).ok_or_else(too_large)?;
    }
    Ok((blocks, iterations + d.jobs.len() as u64))
}

/// Refuses dispatches whose loops a driver would cut short.
pub(super) fn check_iterations(dispatches: &[Dispatch], profile: &Profile) -> Result<()> {
    let Some(most) = profile.loop_iterations else { return Ok(()) };
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

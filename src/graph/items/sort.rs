//! Jobs of the steps of a sort, and of exact products between replicas.

use super::{Item, blank, operand};
use crate::error::Result;
use crate::gpu::Profile;
use crate::graph::fuse::Fused;
use crate::graph::node::Tensor;
use crate::graph::program_of::{Place, Word, number};
use crate::kernels::exact::Exact;
use crate::kernels::sort::{Sort, Step};
use crate::kernels::{Arena, Kernel};

/// A step of a sort; `run` is the length of its runs, or says which rank equals share.
pub(super) fn sort_item(fused: &Fused, tensor: Tensor, step: Step, run: usize, profile: &Profile) -> Result<Item> {
    let graph = fused.graph;
    let input = graph.node(tensor).inputs[0];
    let elements = graph.shape(input).elements();
    let count = if matches!(step, Step::Runs(_)) { elements } else { elements / 2 };
    let (source, extra) = operand(fused, input)?;
    let target = Place::Temporary(tensor);
    let kernel = Sort { step, source: source.arena(), result: Arena::Scratch };
    let [each, across] = kernel.slices(run, profile);
    let mut job = vec![number(0), number(count), number(run), number(each)];
    job.extend([Word::Offset(source, extra), Word::Stride(source), Word::Offset(target, 0), Word::Stride(target)]);
    job.push(number(across));
    let flops = 4 * count as u64;
    Ok(blank(Kernel::Sort(kernel), job, flops, (elements + graph.shape(tensor).elements()) as u64))
}

pub(super) fn exact_item(fused: &Fused, tensor: Tensor, replicas: usize) -> Result<Item> {
    let graph = fused.graph;
    let input = graph.node(tensor).inputs[0];
    let count = graph.shape(input).elements();
    let (source, extra) = operand(fused, input)?;
    let target = Place::Temporary(tensor);
    let (strands, last) = Exact::last_words(count);
    let mut job = vec![number(0), number(count), number(replicas), number(strands)];
    job.extend([Word::Offset(source, extra), Word::Stride(source), Word::Offset(target, 0), Word::Stride(target)]);
    job.extend(last.map(number));
    let kernel = Exact { source: source.arena(), result: Arena::Scratch };
    let flops = 8 * (replicas * replicas * count) as u64;
    let elements = replicas * count + graph.shape(tensor).elements_in(replicas);
    Ok(blank(Kernel::Exact(kernel), job, flops, elements as u64))
}

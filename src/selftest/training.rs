//! A whole training loop, by both lowerings.

use std::sync::Arc;

use super::cases::{REPLICAS, values};
use super::difference::difference;
use super::outcome::CaseOutcome;
use crate::error::Result;
use crate::gpu::{Gpu, Profile, Question};
use crate::graph::{Effect, Function, Graph, Lowering, Machine, VariableKind, lower_as};
use crate::kernels::program::{Binary, DType, Unary};
use crate::nn::{Batch, BatchMode};

/// A training loop as a function that is run many times in a row: shuffled batches, two layers, cross-entropy, momentum.
pub(super) fn training() -> Result<(Graph, Function)> {
    let mut graph = Graph::new();
    let g = &mut graph;
    let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State)?;
    let step = g.variable("step", &[1, 1], DType::U32, VariableKind::State)?;
    let mut parameter = |name: &str, shape: &[usize]| g.variable(name, shape, DType::F32, VariableKind::Parameter);
    let parameters = [parameter("w1", &[20, 12])?, parameter("b1", &[1, 20])?, parameter("w2", &[7, 20])?];
    let moments = [parameter("m1", &[20, 12])?, parameter("m2", &[1, 20])?, parameter("m3", &[7, 20])?];
    let inputs = g.data(values(7, 64 * 12), &[64, 12])?;
    let labels = g.data_integers(&(0..64).map(|i| i * 5 % 7).collect::<Vec<_>>(), &[64, 1])?;
    let batch = Batch { mode: BatchMode::Shuffled, size: 24 }.take(g, &[inputs, labels], seed, step)?;
    let [w1, b1, w2] = parameters;
    let z = g.matmul_of(batch[0], false, w1, true)?;
    let z = g.plus(z, b1)?;
    let h = g.unary(Unary::Tanh, z);
    let logits = g.matmul_of(h, false, w2, true)?;
    let rows = g.cross_entropy(logits, batch[1])?;
    let loss = g.mean_all(rows)?;
    let gradients = g.gradients(loss, &parameters)?;
    let mut effects = vec![Effect::Record { name: "loss".into(), value: loss, step, capacity: TRAINING as usize }];
    for ((&p, &m), &gradient) in parameters.iter().zip(&moments).zip(&gradients) {
        let kept = g.scale(m, 0.9);
        let moment = g.plus(kept, gradient)?;
        let change = g.scale(moment, -0.1);
        let new = g.plus(p, change)?;
        effects.push(Effect::Assign(g.variable_of(m)?, moment));
        effects.push(Effect::Assign(g.variable_of(p)?, new));
    }
    let one = g.integer(1);
    let next = g.binary(Binary::AddInteger, step, one)?;
    effects.push(Effect::Assign(g.variable_of(step)?, next));
    Ok((graph, Function::new("step", effects).repeated(TRAINING)))
}

/// Steps that the training loop of the self-test takes.
const TRAINING: u32 = 12;

/// Its parameters, and how many values each has.
const WEIGHTS: [(&str, usize); 3] = [("w1", 240), ("b1", 20), ("w2", 140)];

/// Losses and parameters after the training loop.
pub(super) fn run_training(
    gpu: Option<&Arc<Gpu>>,
    profile: &Profile,
    lowering: Lowering,
) -> Result<(Vec<f32>, Vec<String>)> {
    let (g, function) = training()?;
    let plan = lower_as(&g, &[function], REPLICAS, profile, lowering)?;
    let kernels = plan.kernels().iter().map(|k| k.name()).collect();
    let mut machine = Machine::new(gpu, plan)?;
    machine.write_integers("seed", &[3, 1, 4])?;
    for (n, (name, count)) in WEIGHTS.into_iter().enumerate() {
        let start: Vec<f32> = values(50 + n as u32, count * REPLICAS).iter().map(|x| 0.4 * x).collect();
        machine.write_variable(name, &start)?;
    }
    machine.run("step", TRAINING)?;
    let results = machine.read_results()?;
    let mut read: Vec<f32> = machine.record(&results, "loss", 0, TRAINING)?.concat();
    for name in ["w1", "b1", "w2", "m1"] {
        read.extend(machine.read_variable(name)?);
    }
    Ok((read, kernels))
}

/// Whether whole steps in one dispatch come out right on a device: tried once, before the first run relies on it. The form
/// asks more of a driver than the layered one: what one invocation wrote another reads after a barrier.
pub fn resident_is_sound(gpu: &Arc<Gpu>) -> bool {
    gpu.found(Question::Resident, || {
        let run = |gpu, profile: &Profile, lowering| run_training(gpu, profile, lowering).map(|(values, _)| values);
        let expected = run(None, &Profile::processor(), Lowering::Layered);
        let got = run(Some(gpu), gpu.profile(), Lowering::Resident);
        matches!((expected, got), (Ok(e), Ok(g)) if difference(&e, &g) <= 1e-4)
            && matches!(equals_agree(gpu, 256, 200), Ok(true))
    })
}

/// Whether replicas with equal seeds have equal bits after so many steps in one dispatch each: many workgroups and many runs,
/// of which one that reads what is stale gives itself away.
fn equals_agree(gpu: &Arc<Gpu>, replicas: usize, steps: u32) -> Result<bool> {
    let (g, function) = training()?;
    let mut machine = Machine::new(Some(gpu), lower_as(&g, &[function], replicas, gpu.profile(), Lowering::Resident)?)?;
    machine.write_integers("seed", &vec![5; replicas])?;
    for (n, (name, count)) in WEIGHTS.into_iter().enumerate() {
        let start: Vec<f32> = values(50 + n as u32, count).iter().map(|x| 0.4 * x).collect();
        machine.write_variable(name, &start.repeat(replicas))?;
    }
    machine.run("step", steps)?;
    for (name, count) in WEIGHTS {
        let read = machine.read_integers(name)?;
        let (first, rest) = read.split_at(count);
        if !rest.chunks(count).all(|other| other == first) || first.iter().all(|x| *x == 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether both lowerings of a training loop agree with the processor.
pub(super) fn training_outcomes(gpu: &Arc<Gpu>, profile: &Profile) -> Result<Vec<CaseOutcome>> {
    let (expected, _) = run_training(None, &Profile::processor(), Lowering::Layered)?;
    let forms = [(Lowering::Layered, "a dispatch per operation"), (Lowering::Resident, "whole steps in one dispatch")];
    forms
        .into_iter()
        .map(|(lowering, form)| {
            let (got, kernels) = run_training(Some(gpu), profile, lowering)?;
            let error = difference(&expected, &got);
            Ok(CaseOutcome { case: format!("training, {form}"), kernels, error, tolerance: 1e-4 })
        })
        .collect()
}

//! A self-test of every kernel on an adapter or the processor, against the graph in double precision.
//!
//! Each case is a small graph whose result the kernels and the interpreter both compute. Tests use it with every body;
//! `isogram doctor` shows it to the user.

mod cases;
mod difference;
mod outcome;
mod training;

use std::sync::Arc;

use cases::{Case, HALF, REPLICAS, WHOLE, cases, half_products};
pub use cases::{Program, programs};
use difference::worst;
pub use outcome::CaseOutcome;
pub use training::resident_is_sound;
use training::{training, training_outcomes};

use crate::error::Result;
use crate::gpu::{Gpu, Profile, Question};
use crate::graph::{Effect, Function, Graph, Interpreter, Lowering, Machine, VariableKind, lower, lower_as};
use crate::kernels::matmul::Precision;
use crate::kernels::program::DType;

fn run_case(case: &Case, gpu: Option<&Arc<Gpu>>, profile: &Profile) -> Result<(Vec<Vec<f32>>, Vec<String>)> {
    let program = Program::of(case)?;
    let plan = lower(&program.graph, std::slice::from_ref(&program.function), REPLICAS, profile)?;
    let kernels = plan.kernels().iter().map(|k| k.name()).collect();
    let mut machine = Machine::new(gpu, plan)?;
    for (name, values) in &program.integers {
        machine.write_integers(name, values)?;
    }
    for (name, values) in &program.floats {
        machine.write_variable(name, values)?;
    }
    machine.run("run", 1)?;
    let results = machine.read_results()?;
    let read = program.outputs.iter().map(|n| machine.output(&results, n)).collect::<Result<_>>()?;
    Ok((read, kernels))
}

/// The profile without what this device offers but does not do well: cooperative matrices are tried once, for right
/// results and for a gain in time over the body without them. Drivers are known that fail at either.
pub fn tried(gpu: &Arc<Gpu>) -> Profile {
    let profile = gpu.profile().clone();
    if profile.cooperative.is_empty() || gpu.found(Question::Cooperative, || cooperative_pays(gpu)) {
        return profile;
    }
    Profile { cooperative: Vec::new(), ..profile }
}

fn cooperative_pays(gpu: &Arc<Gpu>) -> bool {
    let plain = Profile { cooperative: Vec::new(), ..gpu.profile().clone() };
    let case = Case { name: "", tolerance: HALF, build: half_products };
    let right = || -> Result<bool> {
        let (expected, _) = run_case(&case, None, &Profile::processor())?;
        let (got, _) = run_case(&case, Some(gpu), gpu.profile())?;
        Ok(worst(&expected, &got) <= HALF)
    };
    let time = |profile: &Profile| -> Result<f64> {
        let mut g = Graph::new();
        g.set_precision(Precision::Half);
        let extent = 512;
        let a = g.variable("a", &[extent, extent], DType::F32, VariableKind::State)?;
        let product = g.matmul(a, a)?;
        let effects = vec![Effect::Output("product".into(), product)];
        let mut machine = Machine::new(Some(gpu), lower(&g, &[Function::new("run", effects)], 4, profile)?)?;
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = std::time::Instant::now();
            machine.run("run", 20)?;
            machine.wait()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    matches!(right(), Ok(true))
        && matches!((time(gpu.profile()), time(&plain)), (Ok(with), Ok(without)) if with < without)
}

/// What a case gives in double precision, rounded once.
fn interpreted(case: &Case) -> Result<Vec<Vec<f32>>> {
    let program = Program::of(case)?;
    let mut interpreter = Interpreter::new(program.graph, vec![program.function], REPLICAS)?;
    for (name, values) in &program.integers {
        interpreter.write_variable(name, &values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())?;
    }
    for (name, values) in &program.floats {
        interpreter.write_variable(name, &values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())?;
    }
    interpreter.run("run", 1)?;
    let read = |output: &String| Ok(interpreter.read_output(output)?.into_iter().map(|x| x as f32).collect());
    program.outputs.iter().map(read).collect()
}

/// Runs every case on a device, or on the processor without one, with the bodies that `profile` chooses.
///
/// # Errors
/// If a kernel does not compile or the device fails; a wrong result is an outcome, not an error.
pub fn run(gpu: Option<&Arc<Gpu>>, profile: &Profile) -> Result<Vec<CaseOutcome>> {
    let mut outcomes = Vec::new();
    for case in &cases() {
        // Words say one product in many ways, and what is multiplied was rounded before it was made whole.
        let expected = match (case.name == WHOLE, gpu) {
            (true, None) => continue,
            (true, Some(_)) => run_case(case, None, &Profile::processor())?.0,
            (false, _) => interpreted(case)?,
        };
        let (got, kernels) = run_case(case, gpu, profile)?;
        let error = worst(&expected, &got);
        outcomes.push(CaseOutcome { case: case.name.to_owned(), kernels, error, tolerance: case.tolerance });
    }
    if let Some(gpu) = gpu {
        outcomes.extend(training_outcomes(gpu, profile)?);
    }
    Ok(outcomes)
}

/// WGSL of every kernel variant that the cases use with a profile: name and text.
///
/// # Errors
/// If a case cannot be lowered.
pub fn kernel_texts(profile: &Profile) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for case in cases() {
        let Program { graph, function, .. } = Program::of(&case)?;
        let plan = lower(&graph, &[function], REPLICAS, profile)?;
        for kernel in plan.kernels() {
            let entry = (kernel.name(), kernel.wgsl(profile.width()));
            if !texts.contains(&entry) {
                texts.push(entry);
            }
        }
    }
    let (g, function) = training()?;
    let plan = lower_as(&g, &[function], REPLICAS, profile, Lowering::Resident)?;
    texts.extend(plan.functions.iter().filter_map(|f| f.resident.as_ref()).map(|r| (r.name(), r.wgsl())));
    Ok(texts)
}

//! What the integration tests share.
#![allow(dead_code)]

use std::sync::{Arc, OnceLock};

use isogram::gpu::{AdapterChoice, Gpu, Profile};
use isogram::graph::{Function, Graph, Interpreter, Machine, lower};
use isogram::measure::compare::Executor;

/// Whether every case is asked for: `ISOGRAM_FULL=1 cargo test`. Otherwise what is slow on a software adapter takes a part of them, by the
/// same assertions.
pub fn full() -> bool {
    std::env::var_os("ISOGRAM_FULL").is_some()
}

/// The adapter under test, opened once. `ISOGRAM_REQUIRE_ADAPTER` makes its absence a failure, as in CI.
pub fn gpu() -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    GPU.get_or_init(|| match Gpu::open(&AdapterChoice::Automatic) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("ISOGRAM_REQUIRE_ADAPTER").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("no adapter, the processor alone is tested: {error}");
            None
        }
    })
    .clone()
}

/// What runs plans: the processor, and the adapter if there is one, by name.
pub fn executors() -> Vec<(&'static str, Option<Arc<Gpu>>)> {
    std::iter::once(("the processor", None)).chain(gpu().map(|gpu| ("the adapter", Some(gpu)))).collect()
}

/// The same as what computes measures in single precision.
pub fn single(gpu: Option<&Arc<Gpu>>) -> Executor<'_> {
    gpu.map_or(Executor::Cpu, Executor::Gpu)
}

/// The profile with which a software adapter runs the bodies of GPUs; none on a GPU, which runs them anyway.
pub fn tiled(gpu: &Gpu) -> Option<Profile> {
    gpu.profile().software.then(|| Profile { software: false, ..gpu.profile().clone() })
}

/// A program on the processor and on the adapter, if there is one, with its own profile.
pub fn machines(graph: &Graph, functions: &[Function], replicas: usize) -> Vec<(&'static str, Machine)> {
    let mut machines = Vec::new();
    let plan = lower(graph, functions, replicas, &Profile::processor()).expect("the plan lowers");
    machines.push(("processor", Machine::new(None, plan).expect("the processor needs nothing")));
    if let Some(gpu) = gpu() {
        let plan = lower(graph, functions, replicas, gpu.profile()).expect("the plan lowers");
        machines.push(("adapter", Machine::new(Some(&gpu), plan).expect("the adapter takes the plan")));
        // The bodies that real GPUs get must be right too, however slow they are here. Not the other way about: those of a
        // software adapter rely on what GPUs do not do.
        if let Some(tiled) = tiled(&gpu) {
            let plan = lower(graph, functions, replicas, &tiled).expect("the plan lowers");
            machines.push(("other bodies", Machine::new(Some(&gpu), plan).expect("the adapter takes the plan")));
        }
    }
    machines
}

/// The same program in double precision, which every machine is held to.
pub fn interpreter(graph: &Graph, functions: &[Function], replicas: usize) -> Interpreter {
    Interpreter::new(graph.clone(), functions, replicas).expect("what lowers is interpreted")
}

/// Values as a machine takes them, in double precision.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// The distance between neighbours of a number of single precision.
pub fn ulp(x: f64) -> f64 {
    let size = (x.abs() as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
    f64::from(f32::from_bits(size.to_bits() & 0x7f80_0000)) * f64::from(f32::EPSILON)
}

/// Asserts that a machine's values are within what is allowed of each of exact ones. What is no number, or not finite in single precision, must be so here too.
pub fn within(what: &str, got: &[f32], exact: &[f64], allowed: impl Fn(usize) -> f64) {
    assert_eq!(got.len(), exact.len(), "{what}: lengths");
    for (i, (&g, &e)) in got.iter().zip(exact).enumerate() {
        if !(e as f32).is_finite() {
            assert!(g == e as f32 || g.is_nan() && e.is_nan(), "{what}[{i}]: {g} for {e}");
            continue;
        }
        let (off, allowed) = ((f64::from(g) - e).abs(), allowed(i));
        assert!(off <= allowed, "{what}[{i}]: {g:e} for {e:e}, off by {off:.2e} where {allowed:.2e} are allowed");
    }
}

/// Asserts that two lists agree to `relative` of the larger list's scale, element by element.
pub fn close(what: &str, got: &[f32], expected: &[f64], relative: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*g) - e).abs() / scale;
        assert!(error <= relative, "{what}[{i}]: {g} against {e} ({error:.2e} of the scale {scale:.3e})");
    }
}

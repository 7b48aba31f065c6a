//! What the integration tests share.
#![allow(dead_code)]

use std::sync::{Arc, OnceLock};

use isogram::gpu::{AdapterChoice, Gpu, Profile};
use isogram::graph::{Function, Graph, Machine, lower};

/// Whether every case, seed and part is asked for: `ISOGRAM_FULL=1 cargo test`. Otherwise what is slow on a software adapter takes a
/// part of them, by the same assertions.
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
            eprintln!("no adapter, the reference executor alone is tested: {error}");
            None
        }
    })
    .clone()
}

/// The profile with which a software adapter runs the bodies of GPUs; none on a GPU, which runs them anyway.
pub fn tiled(gpu: &Gpu) -> Option<Profile> {
    gpu.profile().software.then(|| Profile { software: false, ..gpu.profile().clone() })
}

/// A program on the reference executor and on the adapter, if there is one, with its own profile.
pub fn machines(graph: &Graph, functions: &[Function], replicas: usize) -> Vec<(&'static str, Machine)> {
    let mut machines = Vec::new();
    let plan = lower(graph, functions, replicas, &Profile::reference()).expect("the plan lowers");
    machines.push(("reference", Machine::new(None, plan).expect("the reference needs nothing")));
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

/// Asserts that two lists agree to `relative` of the larger list's scale, element by element.
pub fn close(what: &str, got: &[f32], expected: &[f64], relative: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*g) - e).abs() / scale;
        assert!(error <= relative, "{what}[{i}]: {g} against {e} ({error:.2e} of the scale {scale:.3e})");
    }
}

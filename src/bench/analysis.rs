//! Analysis: Gram matrices, and all-pairs linear CKA between replicas.

use super::timing::{Bench, Times, Work};
use crate::error::Result;
use crate::graph::{Effect, Graph, VariableKind};
use crate::kernels::program::DType;
use crate::measure::Estimator;
use crate::measure::device::products::{Layers, Pairs, input_name};
use crate::measure::embedding::Embedding;

pub(super) fn cka(bench: &mut Bench) -> Result<()> {
    let software = bench.profile.software;
    gram(bench, if software { [256, 64] } else { [1024, 256] }, if software { 16 } else { 64 })?;
    let sizes: &[(usize, usize, usize)] = match (bench.quick, software) {
        (_, true) => &[(64, 1024, 256)],
        (true, false) => &[(64, 1024, 256)],
        (false, false) => &[(64, 1024, 256), (64, 4096, 1024)],
    };
    for &(replicas, examples, units) in sizes {
        all_pairs(bench, replicas, examples, units)?;
    }
    Ok(())
}

fn gram(bench: &mut Bench, [examples, units]: [usize; 2], replicas: usize) -> Result<()> {
    let mut g = Graph::new();
    let x = g.variable("x", &[examples, units], DType::F32, VariableKind::State)?;
    let y = g.variable("y", &[examples, examples], DType::F32, VariableKind::State)?;
    let gram = g.matmul_of(x, false, x, true)?;
    let mut machine = bench.machine(&g, vec![Effect::Assign(g.variable_of(y)?, gram)], replicas)?;
    let (n, d, r) = (examples as f64, units as f64, replicas as f64);
    bench.measure(
        &mut machine,
        Work {
            name: "Gram matrix".into(),
            size: format!("{replicas} x [{examples}, {units}]"),
            flops: r * 2.0 * n * n * d,
            bytes: r * 4.0 * (n * d + n * n),
            count: None,
            note: String::new(),
        },
    )
}

/// From representations on the device to the matrix of values on the host.
fn all_pairs(bench: &mut Bench, replicas: usize, examples: usize, units: usize) -> Result<()> {
    let gpu = bench.gpu.clone();
    let mut pairs = Pairs::new(
        gpu.as_ref(),
        replicas,
        1,
        [examples, units],
        &[Embedding::linear(Estimator::Biased)],
        &[Layers::Same],
    )?;
    let count = examples * units;
    for replica in 0..replicas {
        let values: Vec<f32> = (0..count).map(|i| pseudo(replica * count + i)).collect();
        pairs.machine().write_replica(&input_name(0), replica, &values)?;
    }
    pairs.compare(Layers::Same)?;
    let repeats = if bench.quick { 5 } else { 11 };
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let begun = std::time::Instant::now();
        pairs.compare(Layers::Same)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let (n, d, r) = (examples as f64, units as f64, replicas as f64);
    // Gram matrices of half the entries, and their inner products.
    let flops = r * n * n * d + r * r * n * n / 2.0;
    bench.keep(
        Work {
            name: "all pairs".into(),
            size: format!("{replicas} x [{examples}, {units}]"),
            flops,
            bytes: 4.0 * r * n * d,
            count: Some((r * (r - 1.0) / 2.0, "pairs/s")),
            note: "wall clock, to the values on the host; FLOP of the cheaper of the usual forms".into(),
        },
        Times::of(seconds),
    );
    Ok(())
}

/// Values without structure, the same everywhere.
pub(super) fn pseudo(i: usize) -> f32 {
    let mixed = (i as u32).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as f32 / (1 << 24) as f32 - 0.5
}

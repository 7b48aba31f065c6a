//! The pieces that training and analysis are made of: products, elementwise programs, reductions, cross-entropy.

use super::timing::{Bench, Work};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::matmul::Precision;
use crate::kernels::program::{DType, Unary};
use crate::selftest;

/// A product of the suite.
struct Product {
    name: &'static str,
    /// Rows, columns, length of the inner products.
    shape: [usize; 3],
    replicas: usize,
    transposed: [bool; 2],
    fused: bool,
    precision: Precision,
}

pub(super) fn matmul(bench: &mut Bench) -> Result<()> {
    let software = bench.profile.software;
    let lone = |name, shape, transposed| Product {
        name,
        shape,
        replicas: 1,
        transposed,
        fused: false,
        precision: Precision::Single,
    };
    let plain = [false, false];
    let mut products = Vec::new();
    for n in [256, 512, 1024, 2048, 4096] {
        let largest = match (bench.quick, software) {
            (true, true) => 512,
            (false, true) => 1024,
            (true, false) => 2048,
            (false, false) => 4096,
        };
        if n <= largest {
            products.push(lone("square", [n, n, n], plain));
        }
    }
    let n = if bench.quick { 256 } else { 512 };
    products.push(lone("A transposed", [n, n, n], [true, false]));
    products.push(lone("B transposed", [n, n, n], [false, true]));
    products.push(Product { fused: true, ..lone("with bias and ReLU", [n, n, n], [false, true]) });
    products.push(lone("tall", [if software { 4096 } else { 65_536 }, 64, 64], plain));
    let n = if software { n } else { 4 * n };
    products.push(Product { precision: Precision::Half, ..lone("16-bit factors", [n, n, n], plain) });
    let batched: &[(usize, usize)] = match (bench.quick, software) {
        (true, true) => &[(32, 256)],
        (false, true) => &[(8, 4096), (16, 1024), (32, 256), (64, 64), (128, 64)],
        (true, false) => &[(32, 1024)],
        (false, false) => &[(8, 4096), (16, 4096), (32, 4096), (64, 1024), (128, 256), (256, 64)],
    };
    for &(n, replicas) in batched {
        products.push(Product { replicas, ..lone("many small", [n, n, n], plain) });
    }
    for product in products {
        product.measure(bench)?;
    }
    Ok(())
}

impl Product {
    fn measure(&self, bench: &mut Bench) -> Result<()> {
        let [m, n, k] = self.shape;
        let extents = |transposed: bool, rows: usize, columns: usize| {
            if transposed { [columns, rows] } else { [rows, columns] }
        };
        let mut g = Graph::new();
        let mut matrix = |name: &str, extents: [usize; 2]| g.variable(name, &extents, DType::F32, VariableKind::State);
        let a = matrix("a", extents(self.transposed[0], m, k))?;
        let b = matrix("b", extents(self.transposed[1], k, n))?;
        let bias = matrix("bias", [1, n])?;
        let c = matrix("c", [m, n])?;
        g.set_precision(self.precision);
        let mut value = g.matmul_of(a, self.transposed[0], b, self.transposed[1])?;
        if self.fused {
            value = g.plus(value, bias)?;
            value = g.unary(Unary::Relu, value);
        }
        let effects = vec![Effect::Assign(g.variable_of(c)?, value)];
        let mut machine = match self.precision {
            Precision::Single => bench.machine(&g, effects, self.replicas)?,
            Precision::Half => {
                let profile = bench.gpu.as_ref().map_or_else(|| bench.profile.clone(), selftest::tried);
                bench.machine_of(&g, effects, self.replicas, &profile)?
            }
        };
        let size = match self.replicas {
            1 => format!("{m}x{n}x{k}"),
            replicas => format!("{replicas} x {m}x{n}x{k}"),
        };
        let note = machine.plan().functions[0].dispatches[0].kernel.name();
        let each = self.replicas as f64;
        bench.measure(
            &mut machine,
            Work {
                name: self.name.into(),
                size,
                flops: each * 2.0 * (m * n * k) as f64,
                bytes: each * 4.0 * (m * k + k * n + m * n) as f64,
                count: None,
                note,
            },
        )
    }
}

/// A function of one tensor per replica whose result is stored, or reduced to what is.
fn piece(
    bench: &mut Bench,
    name: &str,
    [rows, columns]: [usize; 2],
    replicas: usize,
    build: impl FnOnce(&mut Graph, Tensor) -> Result<Vec<Effect>>,
) -> Result<()> {
    let mut g = Graph::new();
    let x = g.variable("x", &[rows, columns], DType::F32, VariableKind::State)?;
    let effects = build(&mut g, x)?;
    let mut machine = bench.machine(&g, effects, replicas)?;
    let sum = |of: fn(&crate::graph::Dispatch) -> u64| {
        machine.plan().functions[0].dispatches.iter().map(of).sum::<u64>() as f64
    };
    let (flops, bytes) = (sum(|d| d.flops), sum(|d| d.bytes));
    let size = if replicas == 1 { format!("[{rows}, {columns}]") } else { format!("{replicas} x [{rows}, {columns}]") };
    let count = Some((bytes / 1e9, "GB/s"));
    bench.measure(&mut machine, Work { name: name.into(), size, flops, bytes, count, note: String::new() })
}

fn stored(g: &mut Graph, value: Tensor) -> Result<Effect> {
    let extents = g.shape(value).extents().to_vec();
    let name = format!("y{}", g.len());
    let y = g.variable(name, &extents, DType::F32, VariableKind::State)?;
    Ok(Effect::Assign(g.variable_of(y)?, value))
}

pub(super) fn elementwise(bench: &mut Bench) -> Result<()> {
    let shape = if bench.profile.software { [1024, 256] } else { [8192, 1024] };
    piece(bench, "scale and shift", shape, 1, |g, x| {
        let y = g.scale(x, 0.5);
        let y = g.shift(y, 1.0);
        Ok(vec![stored(g, y)?])
    })?;
    piece(bench, "tanh", shape, 1, |g, x| {
        let y = g.unary(Unary::Tanh, x);
        Ok(vec![stored(g, y)?])
    })?;
    piece(bench, "Adam's moments", shape, 1, |g, x| {
        let extents = g.shape(x).extents().to_vec();
        let mean = g.variable("mean", &extents, DType::F32, VariableKind::State)?;
        let square = g.variable("square", &extents, DType::F32, VariableKind::State)?;
        let (a, b) = (g.scale(mean, 0.9), g.scale(x, 0.1));
        let new_mean = g.plus(a, b)?;
        let x2 = g.unary(Unary::Square, x);
        let (a, b) = (g.scale(square, 0.999), g.scale(x2, 0.001));
        let new_square = g.plus(a, b)?;
        Ok(vec![Effect::Assign(g.variable_of(mean)?, new_mean), Effect::Assign(g.variable_of(square)?, new_square)])
    })
}

pub(super) fn reduction(bench: &mut Bench) -> Result<()> {
    let (shape, replicas) = if bench.profile.software { ([256, 64], 16) } else { ([1024, 256], 64) };
    piece(bench, "sum along rows", shape, replicas, |g, x| {
        let y = g.sum(x, 1)?;
        Ok(vec![stored(g, y)?])
    })?;
    piece(bench, "sum down columns", shape, replicas, |g, x| {
        let y = g.sum(x, 0)?;
        Ok(vec![stored(g, y)?])
    })?;
    piece(bench, "sum of all", shape, replicas, |g, x| {
        let y = g.sum_all(x)?;
        Ok(vec![stored(g, y)?])
    })
}

pub(super) fn cross_entropy(bench: &mut Bench) -> Result<()> {
    let (shape, replicas) = if bench.profile.software { ([128, 10], 64) } else { ([128, 10], 1024) };
    piece(bench, "loss and gradient", shape, replicas, |g, x| {
        let labels: Vec<u32> = (0..shape[0] as u32).map(|i| i % shape[1] as u32).collect();
        let labels = g.data_integers(&labels, &[shape[0], 1])?;
        let rows = g.cross_entropy(x, labels)?;
        let loss = g.mean_all(rows)?;
        let gradient = g.gradients(loss, &[x])?[0];
        Ok(vec![stored(g, loss)?, stored(g, gradient)?])
    })
}

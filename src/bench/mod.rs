//! Benchmarks: what an adapter does with this kind of work, measured by a command that anyone can run.
//!
//! Each measurement is the median of at least ten repeats after warm-up, with its quartiles, on inputs that stand on the
//! device. Beside it stands the share of the adapter's own roofline: the most that its rate of multiplications and
//! additions and its bandwidth, measured in the same run, would allow.

mod analysis;
mod measures;
mod overhead;
mod pieces;
mod table;
mod timing;
mod training;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::gpu::{AdapterSummary, Gpu};
use timing::Bench;

pub use table::table;

/// The suites, in the order in which they run.
pub const SUITES: [(&str, &str); 10] = [
    ("matmul", "matrix products: square, tall, many small, transposed, with a fused epilogue"),
    ("elementwise", "fused elementwise programs"),
    ("reduction", "sums along rows and columns"),
    ("cross-entropy", "softmax cross-entropy with its gradient"),
    ("cka", "Gram matrices and all-pairs linear CKA"),
    ("measures", "measures of the catalogue on all pairs of a set, on the device and on the CPU"),
    ("training", "sweeps of tiny, medium and wide networks, and one lone network"),
    ("dispatch", "cost of a dispatch, for the host and for the device"),
    ("replicas", "cost of a replica, from one to thousands"),
    ("build", "building a plan, and compiling its kernels for the first time"),
];

/// What to measure.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Few sizes and short repeats: under a minute on a software adapter.
    pub quick: bool,
    /// Names of suites; all if empty.
    pub suites: Vec<String>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Suite.
    pub suite: String,
    /// What was measured.
    pub name: String,
    /// How large it was.
    pub size: String,
    /// Median time of one repeat, seconds.
    pub seconds: f64,
    /// Lower quartile, seconds.
    pub low: f64,
    /// Upper quartile, seconds.
    pub high: f64,
    /// Repeats timed.
    pub repeats: usize,
    /// Floating-point operations of one repeat.
    pub flops: f64,
    /// Bytes that one repeat reads and writes if nothing is cached.
    pub bytes: f64,
    /// What is done per second, in `rate_unit`.
    pub rate: f64,
    /// Unit of `rate`.
    pub rate_unit: String,
    /// Share of what the roofline allows for its operations and bytes.
    pub roofline_share: Option<f64>,
    /// What else there is to say, such as the lowering.
    pub note: String,
}

/// A finished benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of the program.
    pub isogram: String,
    /// Adapter and driver.
    pub adapter: AdapterSummary,
    /// What took the times.
    pub clock: String,
    /// Whether sizes and repeats were those of `--quick`.
    pub quick: bool,
    /// Most floating-point operations per second that registers alone allow.
    pub peak_flops: f64,
    /// Bytes per second that a copy reads and writes.
    pub copy_bytes: f64,
    /// What was measured.
    pub measurements: Vec<Measurement>,
}

impl Results {
    /// The measurement of the same thing in other results.
    pub fn counterpart<'r>(&self, of: &Measurement, other: &'r Results) -> Option<&'r Measurement> {
        other.measurements.iter().find(|m| m.suite == of.suite && m.name == of.name && m.size == of.size)
    }
}

/// Runs the suites on a device, or on the processor without one. `heard` hears each measurement as it is made.
///
/// # Errors
/// If there is no such suite, or the device fails.
pub fn run(gpu: Option<&Arc<Gpu>>, settings: &Settings, mut heard: impl FnMut(&Measurement)) -> Result<Results> {
    for name in &settings.suites {
        if !SUITES.iter().any(|(known, _)| known == name) {
            let known = SUITES.map(|(name, _)| name).join(", ");
            return Err(Error::config(format!("there is no suite `{name}`: the suites are {known}")));
        }
    }
    let mut bench = Bench::new(gpu, settings.quick, &mut heard)?;
    let suites: [fn(&mut Bench) -> Result<()>; 10] = [
        pieces::matmul,
        pieces::elementwise,
        pieces::reduction,
        pieces::cross_entropy,
        analysis::cka,
        measures::measures,
        training::training,
        overhead::dispatch,
        training::replicas,
        overhead::build,
    ];
    for ((name, _), suite) in SUITES.iter().zip(suites) {
        if settings.suites.is_empty() || settings.suites.iter().any(|s| s == name) {
            bench.suite = name;
            suite(&mut bench)?;
        }
    }
    Ok(bench.finish())
}

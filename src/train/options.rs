//! How a sweep is run, and how it reports what it does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::gpu::{AdapterChoice, Gpu, Profile};
use crate::graph::Lowering;

/// Asks a running sweep to stop after a snapshot. Cheap to clone; safe to set from a signal handler.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(pub Arc<AtomicBool>);

impl Interrupt {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether products of 16-bit factors (`model.precision = "mixed"`) are taken by cooperative matrices (tensor cores).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrices {
    /// As the run that is continued; else where the device has them, a self-test finds them right, and a trial of both finds
    /// them sooner. The trial may go either way from one start to the next, and results differ in their last bits.
    #[default]
    Auto,
    /// Yes; refused where the device has none.
    Yes,
    /// No.
    No,
}

impl std::str::FromStr for Matrices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "yes" => Ok(Self::Yes),
            "no" => Ok(Self::No),
            _ => Err("expected yes, no or auto".to_owned()),
        }
    }
}

/// How to run a sweep.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which adapter.
    pub adapter: AdapterChoice,
    /// The adapter, if it is open already; `adapter` is then not looked for.
    pub gpu: Option<Arc<Gpu>>,
    /// Folder of the run's files. Without one, nothing is written.
    pub out: Option<PathBuf>,
    /// Continue the run in `out`.
    pub resume: bool,
    /// Replicas per slice at most.
    pub slice: Option<usize>,
    /// Bytes of device memory that the run may take at most. States that have no room wait on the host for their turn.
    pub memory: Option<u64>,
    /// How training steps are lowered.
    pub lowering: Lowering,
    /// Whether products of 16-bit factors are taken by cooperative matrices.
    pub matrices: Matrices,
    /// The bodies of kernels are those for a device of this profile, rather than the device's own: for tests.
    pub profile: Option<Profile>,
    /// The command line, for the manifest.
    pub command: String,
    /// Stops the run.
    pub interrupt: Interrupt,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Compiling kernels and laying out memory.
    Building,
    /// Training.
    Training,
    /// Observing a checkpoint.
    Observing,
    /// Comparing checkpoints with the last.
    Comparing,
    /// Writing files.
    Writing,
}

/// Hears what a run does.
pub trait Progress {
    /// A part begins.
    fn stage(&mut self, _stage: Stage) {}
    /// A sentence for the user.
    fn note(&mut self, _text: &str) {}
    /// Steps done of so many, and the current loss of the median replica if known.
    fn steps(&mut self, _done: u32, _of: u32, _loss: Option<f64>) {}
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {}

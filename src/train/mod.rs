//! Training sweeps: from an experiment's settings to groups of replicas on a device, observed as they train.

mod analysing;
mod cataloguing;
mod comparisons;
mod compile;
mod declared;
mod drain;
mod group;
mod memory;
mod model;
mod observer;
mod observing;
mod options;
mod prepared;
mod recorder;
mod resume;
mod rows;
mod runner;
mod saving;
mod snapshot;
mod stages;
mod structure;
mod sweep;
mod tables;
mod track;

pub use compile::{Compiled, compile};
pub use declared::Declared;
pub use group::{Group, Planned};
pub use memory::Needs;
pub use model::{Model, Network, Perceptron};
pub use observer::{FitSet, Observed, Observer, Seen, built_in};
pub use options::{Interrupt, Matrices, Options, Progress, Quiet, Stage};
pub use prepared::{Part, Prepared, Targets};
pub use stages::Ended;
pub use sweep::{Outline, Replica, Standing, Summary, Sweep, Trial, resumable};
pub use track::{Quantity, Track, Tracked};

//! Training sweeps: from an experiment's settings to groups of replicas on a device, observed as they train.
//!
//! From the ground: data of a run (`part`, `sequences`, `prepared`, `drawn`) and what is made of them in a graph (`tables`, `units`, `observer`,
//! `stages`, `track`, `analysing`); the program of a group (`compile`, `group`); a `sweep` and its place in memory (`comparisons`, `memory`, `arranged`);
//! what a run may be and what replicas share (`options`, `structure`, `replica`, `model`, `declared`, `resume`); the parts of a run
//! (`groups`, `observing`, `recorder`, `clock`, `snapshot`, `saving`); the `runner`, which owns those.

mod analysing;
mod arranged;
mod augment;
mod cataloguing;
mod clock;
mod comparisons;
mod compile;
mod dataset_files;
mod declared;
mod drawn;
mod folder;
mod group;
mod groups;
mod memory;
mod model;
mod observer;
mod observing;
mod options;
mod prepared;
mod recorder;
mod replica;
mod resume;
mod runner;
mod saving;
mod sequences;
mod snapshot;
mod stages;
mod structure;
mod subset;
mod summary;
mod sweep;
mod tables;
mod track;
mod units;

pub use arranged::{Outline, Trial};
pub use compile::{Compiled, compile};
pub use declared::Declared;
pub use group::{Group, Planned};
pub use memory::Needs;
pub use model::Model;
pub use observer::{FitSet, Observed, Observer, Seen, TrainingSet, built_in};
pub use options::{Interrupt, Matrices, Options, Progress, Quiet, Stage};
pub use prepared::Prepared;
pub use replica::Replica;
pub use saving::{Representation, Saved};
pub use snapshot::{Standing, resumable};
pub use stages::Ended;
pub use subset::{Subset, Targets};
pub use summary::Summary;
pub use sweep::Sweep;
pub use track::{Quantity, Track, Tracked};

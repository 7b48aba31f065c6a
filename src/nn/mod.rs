//! Layers, initialisers, losses, optimisers: functions that add nodes to a graph, written for one replica. Their settings are plain data:
//! sections and words of an experiment are these types themselves, so that what a setting means stands where it is used.

mod activation;
mod align;
mod batch;
mod dropout;
mod init;
mod layers;
mod loss;
mod loss_scale;
mod optimiser;
mod schedule;
mod softmax;

pub use activation::{Activation, Below};
pub use align::{Align, AlignSettings};
pub use batch::{Batch, BatchMode};
pub use dropout::{Dropout, dropout};
pub use init::{Fan, Init, Initialiser};
pub use layers::{
    Common, Dense, Encoding, Form, Layer, LayerKind, LayerSettings, Layers, Padding, Pass, Pooling, Preset, Same,
    Shortcut, Sides, Stack, Start, declare, frozen, one_hot, written,
};
pub use loss::{AbsentTerms, IGNORED, Loss, LossKind, Predictions, Reduction, mean_of_counted};
pub use loss_scale::LossScale;
pub use optimiser::{Hyper, Optimiser, OptimiserKind, Update, clip_by_global_norm, global_norm};
pub use schedule::{Schedule, ScheduleKind};

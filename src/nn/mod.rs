//! Layers, initialisers, losses, optimisers: functions that add nodes to a graph, written for one replica.

mod activation;
mod batch;
mod dense;
mod dropout;
mod init;
mod loss;
mod loss_scale;
mod optimiser;
mod schedule;

pub use activation::Activation;
pub use batch::{Batches, Draws};
pub use dense::{Dense, Forward, Mlp};
pub use dropout::{Dropout, dropout};
pub use init::{Fan, Init};
pub use loss::{Loss, Masked, Reduction};
pub use loss_scale::LossScale;
pub use optimiser::{Decay, Hyper, Optimiser, Rule, Update, clip_by_global_norm, global_norm};
pub use schedule::{Schedule, Shape as ScheduleShape};

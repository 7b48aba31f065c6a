//! Claims as data: a file says quantities of networks, what must hold of them and what is drawn of them, and this room finds,
//! judges and prints them. One text of a check is what is evaluated and what is printed, so that the two cannot differ.
//!
//! ```toml
//! [quantity]
//! agreement = { metric = "cka:debiased", layer = "last", by = "model.layers" }
//!
//! [[claim]]
//! id = "wider"
//! sentence = "Wider networks agree more with each other"
//! check = "rising(agreement)"
//! ```

mod declared;
mod evaluate;
mod expression;
mod figure;
mod file;
mod found;
mod networks;
mod quantities;
mod quantity;
mod run;
mod select;
mod setting;
mod sweep;
mod text;
mod verdict;

pub use declared::Declared;
pub(in crate::papers) use evaluate::{mean, median};
pub use file::{ClaimsFile, PartText, Tried};
pub use networks::Networks;
pub use quantity::{Quantity, Reduce};
pub use run::try_run;
pub use setting::Setting;
pub use sweep::{Analyses, Analysis, PairRows, Pairwise, Rows, Subject};

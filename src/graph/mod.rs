//! A model as a graph of typed nodes for one replica, and its way to a plan for many.
//!
//! - [`Graph`] holds the nodes; adding one checks shapes. [`Graph::gradients`] adds the nodes of the gradients.
//! - [`Function`] names what a run does: assign variables, record values, give results.
//! - [`lower`] fuses, orders and places everything and gives a [`Plan`]: data, with no live GPU object in it. Functions
//!   that are run many times in a row may become [`Resident`]: many runs in one dispatch.
//! - [`Machine`] runs a plan, on a GPU ([`executor`]) or on the processor ([`native`]).
//! - [`Interpreter`] runs the graph itself, in double precision: what the rest is held to.
//!
//! The replica axis appears in `lower` and nowhere before: nodes say only whether they differ between replicas.

mod allocate;
mod assign;
mod autodiff;
mod build;
mod draft;
pub mod executor;
mod fuse;
mod interpret;
mod items;
mod lower;
mod machine;
pub mod native;
mod node;
pub mod ops;
mod plan;
mod program_of;
mod registry;
mod resident;
mod schedule;

pub use executor::{Room, RoomSize};
pub use interpret::Interpreter;
pub use lower::{lower, lower_as};
pub use machine::{Copy, Machine, Reading, Results};
pub use node::{
    DataId, Effect, Function, Graph, Node, REPLICAS, Scope, Shape, Tensor, Variable, VariableId, VariableKind, WHOLE,
};
pub use ops::{Geometry, Op, Sorted};
pub(crate) use plan::human_bytes;
pub use plan::{Dispatch, Lowering, Plan, PlannedFunction, Resident};

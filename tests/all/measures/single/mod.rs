//! Tests of `measure::single`.

mod bad_input;
mod closed_statistics;
mod closed_tasks;
mod common;
mod properties;
mod reference;

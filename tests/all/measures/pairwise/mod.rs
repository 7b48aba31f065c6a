//! Tests of `measure::pairwise`.

mod bad_input;
mod closed_forms;
mod common;
mod properties;
mod reference_noise;
mod reference_values;

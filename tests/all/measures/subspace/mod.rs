//! Tests of `measure::subspace`.

mod bad_input;
mod common;
mod properties;
mod reference;

//! Tests of statistics in f64, by their names, and of what the library has beside them.
mod bad_input;
mod closed;
mod common;
mod properties;
mod reference;

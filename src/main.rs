//! Isogram binary.
fn main() {}

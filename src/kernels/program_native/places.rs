//! Where the tensors of a program stand.

use super::code::Unsound;
use crate::kernels::program::{Leaf, Output};

/// Where a tensor that is read stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub leaf: Leaf,
    pub offset: usize,
    pub stride: usize,
    pub strides: [usize; 4],
    /// Whole blocks of it are read where they stand: these values themselves are stored nowhere else.
    pub direct: bool,
}

/// Where a value goes.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub output: Output,
    pub offset: usize,
    pub stride: usize,
    pub capacity: usize,
    /// The flag is raised by what is not finite.
    pub unsound: Option<Unsound>,
}

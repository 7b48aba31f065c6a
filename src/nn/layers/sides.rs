//! What is said of windows along each axis: one number for all axes, or a number for each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::choices;

/// A number for both axes, or for height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Sides {
    /// The same for all axes.
    All(#[schemars(range(max = 65536))] u32),
    /// By height and width.
    Each([u32; 2]),
}

choices! {
    /// A word for a padding.
    Same {
        /// As much, before and after, as keeps the extents; the odd one after.
        #[default]
        Same = "same",
    }
}

/// Positions that are added before an image and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding {
    /// So many on each side, along all axes.
    All(#[schemars(range(max = 65536))] u32),
    /// So many on each side, by height and width.
    Each([u32; 2]),
    /// A word.
    Word(Same),
}

impl Sides {
    /// By height and width; along one axis the height is `height`.
    pub(super) fn along(self, axes: usize, height: usize) -> Result<[usize; 2], String> {
        match (self, axes) {
            (Self::All(n), 1) => Ok([height, n as usize]),
            (Self::All(n), _) => Ok([n as usize; 2]),
            (Self::Each(each), 2) => Ok(each.map(|n| n as usize)),
            (Self::Each([a, b]), _) => Err(format!("expected one number along one axis, got [{a}, {b}]")),
        }
    }
}

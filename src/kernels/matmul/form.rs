//! Which tile a product gets: a function of one replica's shape and the profile alone.

use super::super::Body;
use super::cooperative;
use super::wide::LANES;
use super::{Precision, Tile};
use crate::gpu::Profile;

/// Shape of a product and places of its operands, as far as they decide the variant.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Length of the inner products.
    pub k: usize,
    /// A is stored `[K, M]`.
    pub transpose_a: bool,
    /// B is stored `[N, K]`.
    pub transpose_b: bool,
    /// Offset, stride and leading extent of A are multiples of four, and its arena has four-vectors.
    pub aligned_a: bool,
    /// The same of B.
    pub aligned_b: bool,
    /// Precision of the factors.
    pub precision: Precision,
}

impl Form {
    /// Four values of A stand together along K, or along M if transposed.
    pub fn vector_a(&self) -> bool {
        self.aligned_a && if self.transpose_a { self.m.is_multiple_of(4) } else { self.k.is_multiple_of(4) }
    }

    /// Four values of B stand together along N, or along K if transposed.
    pub fn vector_b(&self) -> bool {
        self.aligned_b && if self.transpose_b { self.k.is_multiple_of(4) } else { self.n.is_multiple_of(4) }
    }

    /// Columns per lane of the wide body, so that eight lanes fit the result. A transposed B is read four steps of K at
    /// a time, and eight columns of four steps are more than the registers and the nearest cache hold.
    fn columns(&self) -> u32 {
        match self.n {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ if self.transpose_b => 4,
            _ => 8,
        }
    }

    /// Results stand in whole fours along the columns.
    pub fn vector_c(&self) -> bool {
        self.n.is_multiple_of(4)
    }

    /// The tile for this shape: a function of one replica's product and the profile alone.
    pub fn tile(&self, profile: &Profile) -> Tile {
        match Body::of(profile) {
            Body::Wide if broadcasts(profile) && self.m > 4 => {
                // The fewest wasted rows; among equals the taller tile, which loads B less often.
                let waste = |rows: usize| self.m.div_ceil(rows) * rows;
                let rows = [32, 16, 8].into_iter().min_by_key(|&rows| waste(rows)).unwrap_or(8) as u32;
                Tile::Wide { rows, columns: self.columns(), broadcast: true }
            }
            Body::Wide => {
                let rows = match self.m {
                    0..=2 => 2,
                    3..=4 => 4,
                    _ => 8,
                };
                Tile::Wide { rows, columns: self.columns(), broadcast: false }
            }
            Body::Tiled
                if self.precision == Precision::Half && cooperative::tile(profile, self.m.min(self.n)).is_some() =>
            {
                cooperative::tile(profile, self.m.min(self.n)).expect("checked above")
            }
            Body::Tiled if self.m >= 64 && self.n >= 64 && profile.workgroup_invocations >= 256 => {
                Tile::Tiled { rows: 64, columns: 64 }
            }
            Body::Tiled => Tile::Tiled { rows: 32, columns: 32 },
        }
    }

    /// The tile of products whose rows are replicas: fixed, since a choice by their number would let company change
    /// the bits.
    pub fn replica_tile(profile: &Profile) -> Tile {
        match Body::of(profile) {
            Body::Wide if broadcasts(profile) => Tile::Wide { rows: 32, columns: 4, broadcast: true },
            Body::Wide => Tile::Wide { rows: 8, columns: 4, broadcast: false },
            Body::Tiled => Tile::Tiled { rows: 32, columns: 32 },
        }
    }
}

/// Whether the eight lanes of the wide body are sure to stand in one subgroup.
fn broadcasts(profile: &Profile) -> bool {
    profile.subgroups && profile.subgroup_min >= LANES
}

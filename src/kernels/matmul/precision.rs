//! How exact the factors of a product are.

use super::super::Body;
use crate::gpu::Profile;

/// How exact the factors of a product are. Sums are of 32-bit floats in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Single,
    /// Rounded to 16-bit floats: 11 significant bits, 6e-5 to 65,504 (beyond: infinite; below: fewer bits or zero).
    Half,
}

/// How a body takes its factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factors {
    /// As they stand.
    Single,
    /// Rounded to 16-bit floats as they are read, and held in 32 bits: for bodies without workgroup memory, and adapters
    /// that have no 16-bit arithmetic.
    Rounded,
    /// Kept as 16-bit floats in workgroup memory.
    Stored,
}

impl Factors {
    /// A function of precision and profile alone.
    pub fn of(precision: Precision, profile: &Profile) -> Self {
        match (precision, Body::of(profile)) {
            (Precision::Single, _) => Self::Single,
            (Precision::Half, Body::Tiled) if profile.f16 => Self::Stored,
            (Precision::Half, _) => Self::Rounded,
        }
    }
}

/// A value as a 16-bit float holds it: to nearest, ties to even; subnormal numbers become zero, as WGSL's
/// `quantizeToF16` has it.
pub fn rounded(x: f32) -> f32 {
    let half = half::f16::from_f32(x);
    if half.is_normal() || !half.is_finite() { half.to_f32() } else { 0.0f32.copysign(x) }
}

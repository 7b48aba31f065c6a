//! Which vector instructions are used: the widest that the processor has, or what a variable asks for.
//!
//! Whatever is chosen gives the same bits: bodies are written over whole vectors of elements that do not meet, sums over
//! fixed lanes, and a product with a sum is always one operation (`mul_add`).

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use pulp::{Scalar, Simd, WithSimd};

use crate::error::{Error, Result};

/// Environment variable that names an instruction set.
pub const SIMD_VARIABLE: &str = "ISOGRAM_SIMD";

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug)]
pub enum Isa {
    /// AVX-512 (F, BW, CD, DQ, VL): sixteen floats at once.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// AVX2 and FMA: eight floats.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// NEON: four floats.
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// What every processor of the kind has. Without an instruction for it, `mul_add` is a call: correct, and slow.
    Portable,
}

impl Isa {
    /// Those that this processor has, widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            found.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        found.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        found.push(Self::Portable);
        found
    }

    /// The widest, or the one that [`SIMD_VARIABLE`] names.
    ///
    /// # Errors
    /// If the variable names none that this processor has.
    pub fn chosen() -> Result<Self> {
        static CHOSEN: OnceLock<std::result::Result<Isa, String>> = OnceLock::new();
        let choose = || match std::env::var(SIMD_VARIABLE) {
            Ok(name) => name.parse(),
            Err(_) => Ok(Self::available()[0]),
        };
        CHOSEN.get_or_init(choose).clone().map_err(Error::Adapter)
    }

    /// Its name in [`SIMD_VARIABLE`] and in tables.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Portable => "portable",
        }
    }

    /// Floats of one vector.
    pub fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => pulp::x86::V4::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => pulp::x86::V3::F32_LANES,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => pulp::aarch64::Neon::F32_LANES,
            Self::Portable => 1,
        }
    }

    /// Runs a body compiled for the instruction set. What it calls must be inlined into it to be compiled so.
    #[inline]
    pub fn run<Body: WithSimd>(self, body: Body) -> Body::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, body),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, body),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, body),
            Self::Portable => Simd::vectorize(Scalar::new(), body),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let available = Self::available();
        available.iter().find(|isa| isa.name() == name).copied().ok_or_else(|| {
            let names = available.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
            format!(
                "{SIMD_VARIABLE} asks for `{name}`, which this processor does not have: it has {names}; or unset it"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_set_that_is_not_there_is_refused_with_those_that_are() {
        let error = "avx1024".parse::<Isa>().unwrap_err();
        assert!(error.contains("portable") && error.contains("avx1024"), "{error}");
        for isa in Isa::available() {
            assert_eq!(isa.name().parse::<Isa>().unwrap().lanes(), isa.lanes());
        }
    }
}

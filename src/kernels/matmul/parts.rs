//! Long sums taken in parts: each part in a register of its own, and the parts in another.
//!
//! A cosine of two tables of a million elements is a quotient of sums of a million terms. In single precision a running sum
//! that is a million times its terms loses all of what is added; where terms are alike, as in the centred table of a kernel
//! that is nearly the identity, what is lost does not average out.

use std::fmt::Write;

use super::MatMul;

/// Terms of a part: a multiple of the depth of every tile, and of the steps of every loop.
pub(super) const LENGTH: u32 = 256;

/// What stands around the loop over K, and between which limits it runs.
pub(super) struct Around {
    pub open: String,
    pub first: &'static str,
    pub end: &'static str,
    pub close: String,
}

impl MatMul {
    /// For sums in the variables `t<name>`, all zero at first and each of the type written beside its name.
    pub(super) fn around(&self, sums: &[(String, &str)]) -> Around {
        if !self.in_parts {
            return Around { open: String::new(), first: "0u", end: "depth", close: String::new() };
        }
        let (mut open, mut close) = (String::new(), String::new());
        for (name, zero) in sums {
            let _ = writeln!(open, "    var all{name} = {zero};");
            let _ = writeln!(close, "        all{name} += t{name};\n        t{name} = {zero};");
        }
        let _ = write!(
            open,
            "    for (var start = 0u; start < depth; start += {LENGTH}u) {{\n        let end = min(start + {LENGTH}u, depth);"
        );
        let _ = writeln!(close, "    }}");
        for (name, _) in sums {
            let _ = writeln!(close, "    t{name} = all{name};");
        }
        Around { open, first: "start", end: "end", close }
    }
}

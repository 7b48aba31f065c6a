//! Boolean functions of a block's first units, by name: what the label of a feature is.

use std::fmt;
use std::str::FromStr;

use crate::error::nearest;
use crate::error::{Error, Result};

/// Most units that a function can read: its truth table has a row for each of their patterns.
pub const MOST_RELEVANT: u32 = 12;

/// A function of two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Both.
    And,
    /// At least one.
    Or,
    /// Exactly one.
    Xor,
}

impl Gate {
    /// Every gate.
    pub const ALL: [Gate; 3] = [Gate::And, Gate::Or, Gate::Xor];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Gate::And => "and",
            Gate::Or => "or",
            Gate::Xor => "xor",
        }
    }

    /// Its value.
    pub const fn of(self, a: bool, b: bool) -> bool {
        match self {
            Gate::And => a && b,
            Gate::Or => a || b,
            Gate::Xor => a != b,
        }
    }
}

/// A Boolean function of the first units of a block.
///
/// Names, as `Display` writes and `FromStr` reads them: `linear`; `and`, `or`, `xor`; `top_left_right` with a gate for each,
/// such as `xor_xor_xor`; `parity_4`; `majority_5`; `sum_4_at_least_2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// The first unit.
    Linear,
    /// A gate of the first two units.
    Pair(Gate),
    /// `top(left(b0, b1), right(b2, b3))` (Lampinen, Chan & Hermann 2024, the features of the released demo).
    Tree {
        /// What joins the two halves.
        top: Gate,
        /// Of the first two units.
        left: Gate,
        /// Of the next two units.
        right: Gate,
    },
    /// Whether an odd number of the first so many units is 1.
    Parity(u32),
    /// Whether more than half of the first so many units are 1.
    Majority(u32),
    /// Whether at least so many of the first so many units are 1.
    AtLeast {
        /// Units that are counted.
        units: u32,
        /// How many must be 1.
        ones: u32,
    },
}

impl Function {
    /// Units that it reads.
    pub fn relevant(self) -> u32 {
        match self {
            Function::Linear => 1,
            Function::Pair(_) => 2,
            Function::Tree { .. } => 4,
            Function::Parity(units) | Function::Majority(units) | Function::AtLeast { units, .. } => units,
        }
    }

    /// Its value on a pattern, whose bit `j` is unit `j`.
    pub fn of(self, pattern: u32) -> bool {
        let bit = |j: u32| pattern >> j & 1 == 1;
        let ones = |units: u32| (pattern & ((1 << units) - 1)).count_ones();
        match self {
            Function::Linear => bit(0),
            Function::Pair(gate) => gate.of(bit(0), bit(1)),
            Function::Tree { top, left, right } => top.of(left.of(bit(0), bit(1)), right.of(bit(2), bit(3))),
            Function::Parity(units) => ones(units) % 2 == 1,
            Function::Majority(units) => 2 * ones(units) > units,
            Function::AtLeast { units, ones: wanted } => ones(units) >= wanted,
        }
    }

    /// All patterns of the units that it reads, those of value 0 before those of value 1, and how many the first are.
    pub fn table(self) -> (Vec<u32>, u32) {
        let all = 0..1u32 << self.relevant();
        let (ones, zeros): (Vec<u32>, Vec<u32>) = all.partition(|&pattern| self.of(pattern));
        let first = zeros.len() as u32;
        ([zeros, ones].concat(), first)
    }

    /// Every function that has a name.
    pub fn all() -> Vec<Function> {
        let mut all = vec![Function::Linear];
        all.extend(Gate::ALL.map(Function::Pair));
        for top in Gate::ALL {
            for left in Gate::ALL {
                all.extend(Gate::ALL.map(|right| Function::Tree { top, left, right }));
            }
        }
        for units in 2..=MOST_RELEVANT {
            all.extend([Function::Parity(units), Function::Majority(units)]);
            all.extend((1..=units).map(|ones| Function::AtLeast { units, ones }));
        }
        all
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Function::Linear => f.write_str("linear"),
            Function::Pair(gate) => f.write_str(gate.name()),
            Function::Tree { top, left, right } => write!(f, "{}_{}_{}", top.name(), left.name(), right.name()),
            Function::Parity(units) => write!(f, "parity_{units}"),
            Function::Majority(units) => write!(f, "majority_{units}"),
            Function::AtLeast { units, ones } => write!(f, "sum_{units}_at_least_{ones}"),
        }
    }
}

impl FromStr for Function {
    type Err = Error;

    fn from_str(text: &str) -> Result<Function> {
        let all = Function::all();
        let names: Vec<String> = all.iter().map(Function::to_string).collect();
        if let Some(place) = names.iter().position(|name| name == text) {
            return Ok(all[place]);
        }
        let counted = ["parity_", "majority_", "sum_"].iter().find_map(|kind| text.strip_prefix(kind));
        let units = counted.and_then(|rest| rest.split('_').next()?.parse::<u32>().ok());
        let advice = match (units, nearest(text, names.iter().map(String::as_str))) {
            (Some(units), _) if !(2..=MOST_RELEVANT).contains(&units) => {
                format!("; it can read 2 to {MOST_RELEVANT} units, since every pattern of them is listed")
            }
            (_, Some(name)) => format!("; did you mean \"{name}\"?"),
            (_, None) => String::new(),
        };
        let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
        Err(Error::config(format!(
            "expected linear, and, or, xor, a tree such as xor_xor_xor, parity_4, majority_5 or sum_4_at_least_2, got \
             \"{shown}\"{advice}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let all = Function::all();
        assert_eq!(all.len(), 1 + 3 + 27 + 11 + 11 + (2..=12).sum::<usize>());
        for function in all {
            assert_eq!(function.to_string().parse::<Function>().unwrap(), function);
            let (patterns, zeros) = function.table();
            assert!(zeros > 0 && (zeros as usize) < patterns.len(), "{function} is constant");
        }
    }

    #[test]
    fn wrong_names_are_explained() {
        let refusal = |text: &str| text.parse::<Function>().unwrap_err().to_string();
        assert!(refusal("xor_xor_xro").ends_with("got \"xor_xor_xro\"; did you mean \"xor_xor_xor\"?"));
        assert!(refusal("Linear").contains("did you mean \"linear\"?"));
        assert!(refusal("parity_40").contains("2 to 12 units"));
        assert!(refusal("sum_4_at_least_5").contains("did you mean \"sum_4_at_least_"));
        assert!(!refusal("qqqqqqqqq").contains("did you mean"));
    }
}

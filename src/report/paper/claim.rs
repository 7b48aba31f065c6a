//! Claims as the report shows them: what was predicted, what was measured, and whether the two agree.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::measured::Numbers;
use crate::report::numbers::measured;

/// One row of the table of claims. Numbers are texts here, for whoever measured them knows their unit and their digits; those
/// measured are there as numbers too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// Its short name, unique in the table: `C7`.
    pub id: String,
    /// The claim in one falsifiable sentence.
    pub sentence: String,
    /// Where the paper makes it: `sec. 3.2, fig. 4`. May be empty.
    pub place: String,
    /// What sort of claim it is.
    pub kind: ClaimKind,
    /// What was predicted, with the unit.
    pub predicted: String,
    /// What was measured, with the unit and the spread over seeds; empty if it was not tried.
    pub measured: String,
    /// The numbers in that text, in its order and units, with all their digits; those that are not finite are left out.
    #[serde(default)]
    pub values: Vec<f64>,
    /// How far the two may be apart.
    pub tolerance: String,
    /// The seeds that it was tried on.
    pub seeds: usize,
    /// How it came out.
    pub verdict: Verdict,
    /// A remark under the row; may be empty.
    pub explanation: String,
    /// By how much what was measured is within the tolerance, negative if it is not; none where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Where 95 % of such margins lie over seeds drawn anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// How a claim came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Measured within the tolerance.
    #[serde(alias = "held")]
    Reproduced,
    /// Measured, but with other seeds it could well come out otherwise.
    Inconclusive,
    /// Measured outside the tolerance.
    #[serde(alias = "not_held")]
    NotReproduced,
    /// Not measured.
    #[default]
    #[serde(alias = "not_tried")]
    NotTested,
}

/// What sort of claim it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// What the paper's theory or its experiments predict.
    #[default]
    Prediction,
    /// What must hold whatever the theory, or the observers measure something else.
    ObserverCheck,
    /// What must differ where the theory says nothing, or says otherwise.
    Control,
    /// What is known to come out weaker than the paper printed.
    KnownWeaker,
    /// What the paper does not say.
    Beyond,
}

impl ClaimRow {
    /// A claim that has not been tried.
    pub fn new(id: impl Into<String>, kind: ClaimKind, sentence: impl Into<String>) -> Self {
        Self { id: id.into(), kind, sentence: sentence.into(), ..Self::default() }
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(self, place: impl Into<String>) -> Self {
        Self { place: place.into(), ..self }
    }

    /// What is predicted, and how far from it is allowed.
    #[must_use]
    pub fn predicted(self, predicted: impl Into<String>, tolerance: impl Into<String>) -> Self {
        Self { predicted: predicted.into(), tolerance: tolerance.into(), ..self }
    }

    /// What was measured on so many seeds, and whether it lies within the tolerance.
    #[must_use]
    pub fn measured(self, measured: impl Numbers, seeds: u32, held: bool) -> Self {
        let verdict = if held { Verdict::Reproduced } else { Verdict::NotReproduced };
        let mut values = Vec::new();
        measured.numbers(&mut values);
        values.retain(|value| value.is_finite());
        Self { measured: measured.to_string(), values, seeds: seeds as usize, verdict, ..self }
    }

    /// A remark under the row.
    #[must_use]
    pub fn note(self, explanation: impl Into<String>) -> Self {
        Self { explanation: explanation.into(), ..self }
    }

    /// Not tried, and why.
    #[must_use]
    pub fn untried(self, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotTested, explanation: why.into(), ..self }
    }
}

impl Verdict {
    /// A sign that is read without colour.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Reproduced => "✓",
            Self::Inconclusive => "?",
            Self::NotReproduced => "✗",
            Self::NotTested => "○",
        }
    }

    /// The name by which the style sheet knows it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Inconclusive => "inconclusive",
            Self::NotReproduced => "not-reproduced",
            Self::NotTested => "not-tested",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reproduced => "reproduced",
            Self::Inconclusive => "inconclusive",
            Self::NotReproduced => "not reproduced",
            Self::NotTested => "not tested",
        })
    }
}

impl fmt::Display for ClaimKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prediction => "prediction",
            Self::ObserverCheck => "check of the observers",
            Self::Control => "control",
            Self::KnownWeaker => "known to be weaker than published",
            Self::Beyond => "beyond the paper",
        })
    }
}

/// How many claims came out how. Shown as `14 of 16 claims reproduced, 1 inconclusive; 2 not tested`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Claims that were reproduced.
    pub reproduced: usize,
    /// Claims of which more seeds would have to tell.
    pub inconclusive: usize,
    /// Claims that were not.
    pub not_reproduced: usize,
    /// Claims that were not tested.
    pub not_tested: usize,
}

impl Summary {
    /// Counts claims.
    pub fn of(claims: &[ClaimRow]) -> Self {
        let count = |verdict| claims.iter().filter(|claim| claim.verdict == verdict).count();
        Self {
            reproduced: count(Verdict::Reproduced),
            inconclusive: count(Verdict::Inconclusive),
            not_reproduced: count(Verdict::NotReproduced),
            not_tested: count(Verdict::NotTested),
        }
    }

    /// Claims that were tested.
    pub fn tested(self) -> usize {
        self.reproduced + self.inconclusive + self.not_reproduced
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reproduced, inconclusive, not_tested, .. } = *self;
        match (self.tested(), not_tested) {
            (0, 0) => return write!(f, "no claims"),
            (0, 1) => return write!(f, "the one claim was not tested"),
            (0, _) => return write!(f, "none of {not_tested} claims was tested"),
            (tested, _) => {
                write!(f, "{reproduced} of {tested} claim{} reproduced", if tested == 1 { "" } else { "s" })?
            }
        }
        if inconclusive > 0 {
            write!(f, ", {inconclusive} inconclusive")?;
        }
        if not_tested > 0 { write!(f, "; {not_tested} not tested") } else { Ok(()) }
    }
}

/// A measured value with its spread over seeds: `0.0951 (0.0933 to 0.0975)`.
pub fn with_range(middle: f64, low: f64, high: f64) -> String {
    format!("{} ({} to {})", measured(middle), measured(low), measured(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_count_and_read_well() {
        let claims = |counts: [usize; 4]| {
            let verdicts = [Verdict::Reproduced, Verdict::Inconclusive, Verdict::NotReproduced, Verdict::NotTested];
            let many = |(verdict, count)| vec![ClaimRow { verdict, ..ClaimRow::default() }; count];
            Summary::of(&verdicts.into_iter().zip(counts).flat_map(many).collect::<Vec<_>>()).to_string()
        };
        assert_eq!(claims([13, 1, 2, 2]), "13 of 16 claims reproduced, 1 inconclusive; 2 not tested");
        assert_eq!(claims([1, 0, 0, 0]), "1 of 1 claim reproduced");
        assert_eq!(claims([0, 0, 0, 3]), "none of 3 claims was tested");
        assert_eq!(claims([0, 0, 0, 0]), "no claims");
        assert_eq!(with_range(0.0951, 0.0933, 0.09754), "0.0951 (0.0933 to 0.0975)");
    }

    #[test]
    fn rows_can_be_written_as_json_and_read_back() {
        let row = ClaimRow {
            id: "C1".to_owned(),
            kind: ClaimKind::KnownWeaker,
            verdict: Verdict::NotReproduced,
            ..ClaimRow::default()
        };
        let json = serde_json::to_string(&row).unwrap();
        assert!(
            json.contains("\"verdict\":\"not_reproduced\"") && json.contains("\"kind\":\"known_weaker\""),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<ClaimRow>(&json).unwrap(), row);
    }
}

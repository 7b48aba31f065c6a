//! Names that earlier versions wrote, which did not always say the estimator, so that their folders can still be shown.

use serde_json::Value;

use crate::measure::Estimator;
use crate::measure::catalogue::Measure;

/// What `cka` meant in a run's `pairs.parquet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plain {
    /// The biased form, by `observe.measures`.
    #[default]
    Biased,
    /// The debiased form, by `observe.compare`.
    Debiased,
    /// Either, and nothing tells them apart.
    Either,
}

impl Plain {
    /// From the settings in the manifest.
    pub fn of(settings: &Value) -> Self {
        let list = |path: &str| settings.pointer(path).and_then(Value::as_array).into_iter().flatten();
        let by_word = list("/observe/measures").any(|m| m == "cka_pairs" || m == "cka_layers");
        let debiased =
            |m: &Value| m.as_str().and_then(|m| Measure::parse(m).ok()).is_some_and(|m| m.name() == "cka:debiased");
        match (by_word, list("/observe/compare").any(debiased)) {
            (true, true) => Self::Either,
            (false, true) => Self::Debiased,
            _ => Self::Biased,
        }
    }

    /// The estimator of linear CKA that a name of `pairs.parquet` stands for, if it does for one.
    pub fn estimator(self, name: &str) -> Option<Estimator> {
        match (name, self) {
            ("cka", Self::Biased) => Some(Estimator::Biased),
            ("cka", Self::Debiased) | ("cka_debiased", _) => Some(Estimator::Debiased),
            _ => [Estimator::Biased, Estimator::Debiased].into_iter().find(|e| e.named("cka") == name),
        }
    }
}

/// What a name of `metrics.parquet` was before it said the estimator.
pub fn metric(name: &str) -> Option<String> {
    let (measure, estimator) = name.split_once(':')?;
    match estimator {
        "biased" => Some(measure.to_owned()),
        "debiased" => Some(format!("{measure}_debiased")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_means_what_its_run_asked_for() {
        let plain = |measures: &[&str], compare: &[&str]| {
            Plain::of(&serde_json::json!({"observe": {"measures": measures, "compare": compare}}))
        };
        assert_eq!(
            plain(&["loss", "cka_pairs"], &["procrustes", "cka:biased"]).estimator("cka"),
            Some(Estimator::Biased)
        );
        assert_eq!(plain(&["loss"], &["cka"]).estimator("cka"), Some(Estimator::Debiased));
        let both = plain(&["cka_layers"], &["cka:linear"]);
        assert_eq!((both, both.estimator("cka")), (Plain::Either, None));
        assert_eq!(both.estimator("cka_debiased"), Some(Estimator::Debiased));
        assert_eq!(both.estimator("cka:biased"), Some(Estimator::Biased));
        assert_eq!(both.estimator("cka:debiased:rbf"), None);
        assert_eq!(metric("cka_input:biased").as_deref(), Some("cka_input"));
        assert_eq!(metric("cka_first:debiased").as_deref(), Some("cka_first_debiased"));
        assert_eq!(metric("loss"), None);
    }
}

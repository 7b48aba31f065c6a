//! Names under which what is observed of features is written: no two the same.

use std::collections::HashMap;

use super::{Measure, Observe};

/// The components that [`Measure::Components`] writes, at most.
const COMPONENTS: usize = 16;

/// Names that the measures give to what they write of each feature or pair, with the feature. Values of one feature that are
/// numbered in the end (a threshold, a component, a size) can only meet those of features whose own names meet.
fn names<'a>(observe: &Observe, features: &[&'a str]) -> Vec<(String, &'a str)> {
    let mut all = Vec::new();
    for &f in features {
        all.push((format!("accuracy_{f}"), f));
        let others = || features.iter().filter(|other| **other != f);
        if observe.has(Measure::VarianceExplained) {
            all.extend([(format!("explained_{f}"), f), (format!("explained_uniform_{f}"), f)]);
        }
        if observe.has(Measure::Components) {
            all.extend((0..=COMPONENTS).map(|k| (format!("accuracy_{f}_from_{k}"), f)));
        }
        if observe.has(Measure::Interventions) {
            all.extend(["flips", "flips_others", "direction"].map(|what| (format!("{what}_{f}"), f)));
            let after = features.iter().skip_while(|other| **other != f).skip(1);
            all.extend(after.map(|other| (format!("direction_cosine_{f}_{other}"), f)));
        }
        if observe.has(Measure::RedundantLabels) {
            all.extend(others().map(|other| (format!("follows_{f}_over_{other}"), f)));
        }
    }
    all
}

/// The first name that two features would share, as a sentence that says what to do.
pub(super) fn shared(observe: &Observe, features: &[&str]) -> Option<String> {
    let mut owners = HashMap::new();
    names(observe, features).into_iter().find_map(|(name, feature)| {
        let other = owners.insert(name.clone(), feature)?;
        Some(format!("features `{other}` and `{feature}` would both be written as `{name}`: rename one of them"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_whose_values_could_not_be_told_apart_are_named() {
        let observing = |measure| Observe { measures: vec![measure], ..Observe::default() };
        let cases = [
            (Measure::VarianceExplained, vec!["uniform_x", "x"], "explained_uniform_x"),
            (Measure::Components, vec!["x", "x_from_3"], "accuracy_x_from_3"),
            (Measure::Interventions, vec!["a", "others_a"], "flips_others_a"),
            (Measure::Interventions, vec!["a", "b", "cosine_a_b"], "direction_cosine_a_b"),
            (Measure::Interventions, vec!["a", "a_b", "c", "b_c"], "direction_cosine_a_b_c"),
            (Measure::RedundantLabels, vec!["a", "b", "a_over_b", "b_over_b"], "follows_a_over_b_over_b"),
        ];
        for (measure, features, name) in cases {
            let said = shared(&observing(measure), &features).expect(name);
            assert!(said.contains(&format!("written as `{name}`: rename")), "{said}");
            assert_eq!(shared(&observing(Measure::Accuracy), &features), None);
        }
        let all = [Measure::VarianceExplained, Measure::Components, Measure::Interventions, Measure::RedundantLabels];
        let observe = Observe { measures: all.to_vec(), ..Observe::default() };
        assert_eq!(shared(&observe, &["easy", "hard", "easy_2", "uniform", "others"]), None);
    }
}

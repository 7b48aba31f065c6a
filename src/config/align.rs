//! Whether the layers, measures and steps of `[[loss.align]]` make sense together.

use std::collections::HashSet;

use super::{
    Experiment,
    tree::{Complaint, shorten},
};
use crate::error::nearest;
use crate::measure::alignment::Alignment;

/// Checks all terms.
pub(super) fn check(e: &Experiment) -> Result<(), Complaint> {
    let (layers, mut seen) = (e.layers(), HashSet::new());
    for (i, term) in e.loss.align.iter().enumerate() {
        let name = term.name.clone().unwrap_or_else(|| i.to_string());
        let refuse =
            |message: String| Err(Complaint::of("loss.align", format!("term `{}`: {message}", shorten(&name))));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        if term.name.as_ref().is_some_and(|own| !own.chars().all(word) || number(own)) {
            return refuse("expected a name of letters, digits and underscores that is no number".into());
        }
        if !seen.insert(name.clone()) {
            return refuse("two terms have this name".into());
        }
        for (key, layer) in [("of", &term.of), ("to", &term.to)] {
            if layers.contains(layer) {
                continue;
            }
            if layer.is_empty() {
                return refuse(format!("expected the name of a layer as `{key}`, got none"));
            }
            let meant = nearest(layer, layers.iter().map(String::as_str));
            let advice =
                meant.map_or_else(|| format!("they are {}", layers.join(", ")), |n| format!("did you mean `{n}`?"));
            return refuse(format!("no layer is named `{}`; {advice}", shorten(layer)));
        }
        if term.of == term.to {
            return refuse(format!("of and to are both `{}`, which is as it is itself", term.of));
        }
        let frozen = |layer: &str| {
            let network = layer.split_once('.').and_then(|(name, _)| e.networks.get(name));
            network.is_some_and(|network| network.freeze)
        };
        if frozen(&term.of) && (term.stop_gradient || frozen(&term.to)) {
            return refuse(format!("expected a layer that moves, and `{}` is of a frozen network", term.of));
        }
        if let Some(until) = term.until.filter(|until| *until <= term.from) {
            return refuse(format!("expected until after from, which is {}, got {until}", term.from));
        }
        if let Err(error) = Alignment::parse(&term.measure) {
            return refuse(error.to_string());
        }
    }
    Ok(())
}

//! Plain sentences on what the figures show. Each is put together from the run's own numbers, and none draws a
//! conclusion that the numbers do not state.

use super::band::Band;
use super::numbers::{counted, fraction, grouped, listed, measured};
use super::paired::{Class, Paired};
use super::run::Run;
use crate::measure::Estimator;

/// Settings up to which each is named; of more, the extremes are.
const ALL_NAMED: usize = 4;

/// The sentences of a run, most important first.
pub fn findings(run: &Run) -> Vec<String> {
    let mut sentences: Vec<String> = [diverged(run), learning(run)].into_iter().flatten().collect();
    if let (Ok(paired), Some(layer)) = (super::curves::pairs(run), run.layers.last()) {
        sentences.extend(within(run, paired, layer));
        sentences.extend(across(run, paired, layer));
        sentences.extend(by_layer(run, paired));
    }
    sentences.extend(change(run));
    sentences
}

fn diverged(run: &Run) -> Option<String> {
    let count = run.settings.diverged();
    let hit = run.settings.list.iter().filter(|setting| setting.diverged > 0);
    let parts: Vec<String> = hit.map(|setting| format!("{} of {}", setting.diverged, setting.label)).collect();
    let all = run.manifest.replicas.len();
    let which = match parts.as_slice() {
        [_, ..] if run.is_sweep() && parts.len() <= ALL_NAMED => format!(" ({})", listed(&parts)),
        _ => String::new(),
    };
    let verb = if count == 1 { "is" } else { "are" };
    (count > 0).then(|| {
        format!(
            "{} of {} diverged{which} and {verb} left out of every curve, band, pair and mean.",
            grouped(count as u64),
            counted(all, "network")
        )
    })
}

/// What the networks learned, by accuracy where there is one.
fn learning(run: &Run) -> Option<String> {
    let observed = &run.observed;
    let (name, what, show): (_, _, fn(f64) -> String) = if observed.has("accuracy", None) {
        ("accuracy", "accuracy on the probe set", fraction)
    } else {
        ("loss", "loss on the probe set", measured)
    };
    let bands: Vec<Option<Band>> =
        observed.by_setting(name, None, &run.settings).into_iter().map(|bands| bands.last().copied()).collect();
    let step = bands.iter().flatten().map(|band| band.step).max()?;
    let each = per_setting(run, &bands, |band, suffix| format!("{}{suffix}{}", show(band.mid), range(band, show)))?;
    Some(format!("After {}, the median {what} is {each}.", counted(step as usize, "step")))
}

/// How much networks of one setting agree at the last hidden layer, at the end and at the start.
fn within(run: &Run, paired: &Paired, layer: &str) -> Option<String> {
    let ends = |kind| -> Vec<Vec<Band>> {
        (0..run.settings.len()).map(|i| paired.over_steps(kind, layer, Class::Within(i))).collect()
    };
    let [plain, debiased] =
        [Some(paired.main()), second(paired)].map(|e| e.map_or_else(|| vec![Vec::new(); run.settings.len()], ends));
    let last: Vec<Option<Band>> = plain.iter().map(|bands| bands.last().copied()).collect();
    let step = last.iter().flatten().map(|band| band.step).max()?;
    let text = |(i, suffix): (usize, String)| {
        Some(agreement(&suffix, [plain[i].first()?, plain[i].last()?], [debiased[i].first(), debiased[i].last()]))
    };
    let parts: Vec<String> = chosen(run, &last)?.into_iter().filter_map(text).collect();
    let different = if run.is_sweep() {
        "two networks of one setting and different seeds"
    } else {
        "two networks of different seeds"
    };
    let name = name(paired);
    Some(format!("At step {}, {different} have a median {name} at {layer} of {}.", grouped(step), parts.join("; ")))
}

fn across(run: &Run, paired: &Paired, layer: &str) -> Option<String> {
    let over = |e| paired.over_steps(e, layer, Class::Across);
    let (plain, debiased) = (over(paired.main()), second(paired).map(over).unwrap_or_default());
    let text = agreement("", [plain.first()?, plain.last()?], [debiased.first(), debiased.last()]);
    let which = match run.settings.list.as_slice() {
        [a, b] => format!("Between {} and {}", a.label, b.label),
        _ => "Between networks of different settings".to_owned(),
    };
    Some(format!("{which}, the median {} at {layer} is {text}.", name(paired)))
}

/// The estimator that stands beside the main one.
fn second(paired: &Paired) -> Option<Estimator> {
    (paired.main() == Estimator::Biased).then_some(Estimator::Debiased)
}

/// What a sentence calls the main estimator.
fn name(paired: &Paired) -> &'static str {
    if paired.main() == Estimator::Debiased { "debiased CKA" } else { "CKA" }
}

/// `0.93 for tanh (10–90 %: 0.90 to 0.95; debiased 0.81), and was 0.88 (debiased 0.20) before training`
fn agreement(suffix: &str, [first, last]: [&Band; 2], [first_debiased, last_debiased]: [Option<&Band>; 2]) -> String {
    let mut notes = Vec::new();
    if last.count > 1 {
        notes.push(format!("10–90\u{a0}%: {} to {}", fraction(last.low), fraction(last.high)));
    }
    notes.extend(last_debiased.map(|band| format!("debiased {}", fraction(band.mid))));
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    let mut text = format!("{}{suffix}{notes}", fraction(last.mid));
    if first.step < last.step {
        let debiased = first_debiased.map_or(String::new(), |band| format!(" (debiased {})", fraction(band.mid)));
        let when = match first.step {
            0 => "before training".to_owned(),
            step => format!("at step {}", grouped(step)),
        };
        text.push_str(&format!(", and was {}{debiased} {when}", fraction(first.mid)));
    }
    text
}

/// At which hidden layer networks of one setting agree most and least at the end.
fn by_layer(run: &Run, paired: &Paired) -> Option<String> {
    let mean = |layer: &String| {
        let last = |i| paired.over_steps(paired.main(), layer, Class::Within(i)).last().map(|band| band.mid);
        let medians: Vec<f64> = (0..run.settings.len()).filter_map(last).collect();
        (!medians.is_empty()).then(|| medians.iter().sum::<f64>() / medians.len() as f64)
    };
    let means: Vec<(f64, &String)> = run.layers.iter().filter_map(|layer| Some((mean(layer)?, layer))).collect();
    let most = means.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let least = means.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    // A difference that two decimals do not show is none.
    if fraction(most.0) == fraction(least.0) {
        return None;
    }
    let averaged = if run.is_sweep() { ", averaged over settings" } else { "" };
    Some(format!(
        "Of {} hidden layers, seeds agree most at {} (median {} {}{averaged}) and least at {} ({}).",
        means.len(),
        most.1,
        name(paired),
        fraction(most.0),
        least.1,
        fraction(least.0)
    ))
}

/// How far the last hidden layer is from where it began.
fn change(run: &Run) -> Option<String> {
    let (observed, layer) = (&run.observed, run.layers.last()?);
    let bands = observed.by_setting(&Estimator::Biased.named("cka_first"), Some(layer), &run.settings);
    let last: Vec<Option<Band>> = bands.iter().map(|bands| bands.last().copied()).collect();
    let moved = bands.iter().any(|bands| bands.len() > 1);
    let each =
        per_setting(run, &last, |band, suffix| format!("{}{suffix}{}", fraction(band.mid), range(band, fraction)))?;
    moved.then(|| format!("With its own state at the first checkpoint, {layer} ends at a median CKA of {each}."))
}

fn range(band: &Band, show: fn(f64) -> String) -> String {
    if band.count > 1 { format!(" (10–90\u{a0}%: {} to {})", show(band.low), show(band.high)) } else { String::new() }
}

fn per_setting(run: &Run, bands: &[Option<Band>], text: impl Fn(&Band, &str) -> String) -> Option<String> {
    let part = |(i, suffix): (usize, String)| bands[i].as_ref().map(|band| text(band, &suffix));
    let parts: Vec<String> = chosen(run, bands)?.into_iter().filter_map(part).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The settings to be named, each with the words after its number: all of them if few, the extremes otherwise.
fn chosen(run: &Run, bands: &[Option<Band>]) -> Option<Vec<(usize, String)>> {
    let known: Vec<(usize, f64)> =
        bands.iter().enumerate().filter_map(|(i, band)| band.as_ref().map(|band| (i, band.mid))).collect();
    let label = |i: usize| &run.settings.list[i].label;
    match known.as_slice() {
        [] => None,
        [(i, _)] if !run.is_sweep() => Some(vec![(*i, String::new())]),
        few if few.len() <= ALL_NAMED => Some(few.iter().map(|&(i, _)| (i, format!(" for {}", label(i)))).collect()),
        many => {
            let most = many.iter().max_by(|a, b| a.1.total_cmp(&b.1))?.0;
            let least = many.iter().min_by(|a, b| a.1.total_cmp(&b.1))?.0;
            let named = |i, what| (i, format!(" for {}, the {what} of {} settings", label(i), many.len()));
            Some(vec![named(most, "highest"), named(least, "lowest")])
        }
    }
}

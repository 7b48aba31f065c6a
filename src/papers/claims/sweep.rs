//! A paper's sweeps: an ordinary experiment with settings by scale, in one or several variants. Within a variant what the
//! experiment itself sweeps (`[sweep]`) is trained together.

use std::collections::BTreeMap;
use std::sync::Arc;

use faer::Mat;
use serde::Deserialize;

use super::networks::Networks;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::files::Layer;
use crate::papers::{Curve, Lab, Scale, Trained, parallel};
use crate::train::{Prepared, Replica, Track, Tracked};

/// A sweep as a file says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepText {
    /// The sweep whose experiment and seeds this one begins with.
    from: Option<String>,
    /// Its experiment, of a sweep that begins with no other's.
    experiment: toml::Table,
    /// Settings that are other: dotted keys (`data.features.1.function`), each with a value or one for each scale.
    set: toml::Table,
    /// What is computed of its trained networks, by name: rows beside its metrics.
    analyse: Vec<String>,
    /// Pairs of training examples that are followed at every step, for analyses.
    track: Vec<[usize; 2]>,
    /// That `--settings` chooses among its variants, and those that are trained whatever it says.
    choose: Option<Vec<String>>,
    /// How many seeds, or how many at each scale; `--seeds` says others.
    seeds: Option<toml::Value>,
    /// Its variants, each trained by itself; without them there is one.
    vary: Vec<Variant>,
}

/// A variant: a name, and settings that are other again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    #[serde(default)]
    set: toml::Table,
}

impl SweepText {
    /// The names of its variants, if they can be chosen.
    pub fn choices(&self) -> impl Iterator<Item = &str> {
        self.vary.iter().filter(|_| self.choose.is_some()).map(|variant| variant.name.as_str())
    }
}

/// What an analysis gives: numbers by name, those of hidden layers as `layers.0/name`.
pub type Rows = Vec<(String, f64)>;

/// A named function of a trained network: several lists of numbers, any of which may fail by itself.
pub type Analysis = (&'static str, fn(&Subject<'_>) -> Vec<Result<Rows>>);

/// What an analysis of pairs gives: a name, two networks by their places, and a number.
pub type PairRows = Vec<(String, [usize; 2], f64)>;

/// A named function of all trained networks of a sweep, those of all its variants: what is told of two of them.
pub type Pairwise = (&'static str, fn(&[Subject<'_>]) -> Result<PairRows>);

/// The functions that a file can name.
#[derive(Clone, Copy, Default)]
pub struct Analyses {
    /// Of each network.
    pub each: &'static [Analysis],
    /// Of pairs of networks.
    pub pairs: &'static [Pairwise],
}

/// A trained network, as analyses see it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What it was trained by.
    pub experiment: &'a Experiment,
    /// Its seed.
    pub seed: u32,
    trained: &'a Trained,
    replicas: &'a [Replica],
    replica: usize,
}

impl<'a> Subject<'a> {
    fn new(trained: &'a Trained, replicas: &'a [Replica], replica: usize) -> Self {
        let Replica { seed, experiment, .. } = &replicas[replica];
        Self { experiment, seed: *seed, trained, replicas, replica }
    }

    /// The networks that differ from it in their seed alone, without those that diverged.
    pub fn others(&self) -> Vec<Self> {
        let alike = |&r: &usize| r != self.replica && self.replicas[r].columns == self.replicas[self.replica].columns;
        let others = (0..self.replicas.len()).filter(alike).filter(|&r| !self.trained.diverged[r]);
        others.map(|r| Self::new(self.trained, self.replicas, r)).collect()
    }

    /// A metric of it in the end; NaN if it was not observed.
    pub fn metric(&self, name: &str, layer: Option<usize>) -> f64 {
        self.trained.end(name, layer).get(self.replica).copied().unwrap_or(f64::NAN)
    }

    /// What was recorded of its pairs at every step.
    ///
    /// # Errors
    /// If none were followed.
    pub fn tracked(&self) -> Result<&Tracked> {
        let found = self.trained.tracked.get(self.replica).filter(|tracked| !tracked.series.is_empty());
        found.ok_or_else(|| Error::config("no pairs were followed: say `track` of the sweep"))
    }

    /// Hidden layers whose representations were kept.
    pub fn depth(&self) -> usize {
        self.trained.representations.iter().map(|(_, layer, ..)| layer + 1).max().unwrap_or(0)
    }

    /// Its representation at a hidden layer, on the set for fitting or on the probe set: examples × units.
    ///
    /// # Errors
    /// If it was not kept.
    pub fn representation(&self, layer: usize, fit: bool) -> Result<Mat<f64>> {
        let of = if fit { Trained::fit_representation } else { Trained::representation };
        matrix(of(self.trained, self.replica, layer), "representations")
    }

    /// A metric of the whole network as it was last observed; NaN if it never was.
    pub fn end(&self, metric: &str) -> f64 {
        self.trained.end(metric, None)[self.replica]
    }

    /// A parameter as a matrix; a row, if it is a list.
    ///
    /// # Errors
    /// If it was not kept.
    pub fn parameter(&self, name: &str) -> Result<Mat<f64>> {
        matrix(self.trained.parameter(self.replica, name), "parameters")
    }
}

fn matrix(found: Option<(&[usize], &[f32])>, what: &str) -> Result<Mat<f64>> {
    let (shape, values) =
        found.ok_or_else(|| Error::config(format!("{what} were not kept: say `save.{what} = \"final\"`")))?;
    let columns = shape.last().copied().unwrap_or(1).max(1);
    Ok(Mat::from_fn(values.len() / columns, columns, |i, j| f64::from(values[i * columns + j])))
}

/// The sweeps of a file.
pub type Sweeps = BTreeMap<String, SweepText>;

/// A value as it is at a scale: itself, or, of a table by scale, the entry of its name or `else`.
pub fn at_scale(value: &toml::Value, scale: Option<Scale>) -> Option<&toml::Value> {
    let by_scale = |key: &String| key == "else" || key.parse::<Scale>().is_ok();
    match value.as_table() {
        Some(table) if !table.is_empty() && table.keys().all(by_scale) => {
            scale.and_then(|scale| table.get(scale.name())).or(table.get("else"))
        }
        _ => Some(value),
    }
}

/// The experiments of a sweep, by variant, and its seeds.
///
/// # Errors
/// A sentence that names the sweep and the key.
pub fn experiments(
    sweeps: &Sweeps,
    name: &str,
    scale: Option<Scale>,
) -> Result<(u32, Vec<(String, Experiment)>), String> {
    let wrong = |why: String| format!("sweep `{name}`: {why}");
    let (table, seeds) = resolved(sweeps, name, scale, 0).map_err(wrong)?;
    let seeds =
        u32::try_from(seeds).ok().filter(|n| *n > 0).ok_or_else(|| wrong("seeds: expected 1 or more".into()))?;
    let one = [Variant { name: String::new(), set: toml::Table::new() }];
    let variants = match sweeps[name].vary.as_slice() {
        [] => &one[..],
        some => some,
    };
    let mut all = Vec::new();
    for variant in variants {
        let mut own = table.clone();
        set(&mut own, &variant.set, scale).map_err(wrong)?;
        let text = toml::to_string(&own).map_err(|e| wrong(e.to_string()))?;
        let experiment = Experiment::from_toml(&text, &format!("sweep `{name}`")).map_err(|e| e.to_string())?;
        all.push((variant.name.clone(), experiment));
    }
    Ok((seeds, all))
}

/// Its experiment without variants, and its number of seeds.
fn resolved(sweeps: &Sweeps, name: &str, scale: Option<Scale>, depth: usize) -> Result<(toml::Table, i64), String> {
    let sweep = sweeps.get(name).ok_or_else(|| {
        let known: Vec<&str> = sweeps.keys().map(String::as_str).collect();
        format!("there is no sweep `{name}`; there are {}", known.join(", "))
    })?;
    let (mut table, mut seeds) = match &sweep.from {
        Some(_) if depth > sweeps.len() => return Err("from: goes round in a circle".into()),
        Some(from) => resolved(sweeps, from, scale, depth + 1)?,
        None => (sweep.experiment.clone(), 1),
    };
    if let Some(own) = &sweep.seeds {
        let own = at_scale(own, scale).and_then(toml::Value::as_integer);
        seeds = own.ok_or("seeds: expected a number, or one for each scale")?;
    }
    set(&mut table, &sweep.set, scale)?;
    Ok((table, seeds))
}

/// What a sweep says, or the one that it begins with.
fn inherited<'a, T>(sweeps: &'a Sweeps, name: &str, of: impl Fn(&'a SweepText) -> Option<T>) -> Option<T> {
    let mut sweep = sweeps.get(name)?;
    loop {
        match (of(sweep), &sweep.from) {
            (None, Some(from)) => sweep = sweeps.get(from)?,
            (found, _) => return found,
        }
    }
}

/// Sets dotted keys: words are keys of tables, numbers places in lists.
fn set(table: &mut toml::Table, settings: &toml::Table, scale: Option<Scale>) -> Result<(), String> {
    for (key, value) in settings {
        let Some(value) = at_scale(value, scale) else { continue };
        let (path, last) = key.rsplit_once('.').map_or((None, key.as_str()), |(path, last)| (Some(path), last));
        let mut root = toml::Value::Table(std::mem::take(table));
        let mut node = &mut root;
        for part in path.into_iter().flat_map(|path| path.split('.')) {
            let inner = match node {
                toml::Value::Array(list) => part.parse().ok().and_then(|i: usize| list.get_mut(i)),
                toml::Value::Table(table) => {
                    Some(table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new())))
                }
                _ => None,
            };
            node = inner.ok_or_else(|| format!("set: {key}: there is no {part}"))?;
        }
        match node {
            toml::Value::Table(table) => drop(table.insert(last.to_owned(), value.clone())),
            toml::Value::Array(list) => {
                let place = last.parse().ok().and_then(|i: usize| list.get_mut(i));
                *place.ok_or_else(|| format!("set: {key}: there is no {last}"))? = value.clone();
            }
            _ => return Err(format!("set: {key}: is no table")),
        }
        if let toml::Value::Table(root) = root {
            *table = root;
        }
    }
    Ok(())
}

/// Trains a sweep, or reads what was kept of it.
///
/// # Errors
/// [`Error::Config`] if its settings do not fit; else as [`Lab::train`].
pub fn train(lab: &mut Lab<'_>, sweeps: &Sweeps, name: &str, analyses: Analyses) -> Result<Networks> {
    let (seeds, variants) = experiments(sweeps, name, Some(lab.scale())).map_err(Error::config)?;
    let seeds: Vec<u32> = (0..lab.request().seeds.unwrap_or(seeds)).collect();
    let track = inherited(sweeps, name, |sweep| Some(&sweep.track).filter(|pairs| !pairs.is_empty()));
    let track = track.map(|pairs| Track { pairs: pairs.clone() });
    let wanted = lab.request().settings.clone();
    let choose = sweeps[name].choose.clone().filter(|_| !wanted.is_empty());
    let mut all: Vec<(String, Vec<Replica>, Trained)> = Vec::new();
    for (variant, experiment) in variants {
        if choose.as_ref().is_some_and(|always| !always.contains(&variant) && !wanted.contains(&variant)) {
            continue;
        }
        lab.note(format!("{name} {variant}").trim_end());
        let mut replicas = Vec::new();
        for setting in experiment.settings()? {
            let (columns, experiment) = (Arc::new(setting.columns), Arc::new(setting.experiment));
            let replica = |&seed: &u32| {
                let (columns, experiment) = (columns.clone(), experiment.clone());
                Replica { seed, columns, experiment, data: None }
            };
            replicas.extend(seeds.iter().map(replica));
        }
        let mut trained = lab.train(&experiment, Prepared::load(&experiment)?, replicas.clone(), track.clone())?;
        for wanted in &sweeps[name].analyse {
            if let Some((_, of)) = analyses.each.iter().find(|(known, _)| known == wanted) {
                analysed(lab, *of, &replicas, &mut trained);
            } else if !analyses.pairs.iter().any(|(known, _)| known == wanted) {
                return Err(Error::config(format!("sweep `{name}`: analyse: there is no analysis {wanted}")));
            }
        }
        all.push((variant, replicas, trained));
    }
    let parts = all.iter().map(|(variant, replicas, trained)| (variant.as_str(), &replicas[..], trained));
    let mut networks = Networks::joined(parts);
    for (_, of) in analyses.pairs.iter().filter(|(known, _)| sweeps[name].analyse.iter().any(|own| own == known)) {
        match compared(*of, &all) {
            Ok(rows) => networks.compared(rows),
            Err(error) => lab.note(&format!("{name}: {error}")),
        }
    }
    Ok(networks)
}

/// What an analysis gives of pairs of networks that did not diverge, these by their places among all.
fn compared(of: fn(&[Subject<'_>]) -> Result<PairRows>, all: &[(String, Vec<Replica>, Trained)]) -> Result<PairRows> {
    let subjects = all.iter().flat_map(|(_, replicas, trained)| {
        (0..replicas.len()).map(move |r| (trained.diverged[r], Subject::new(trained, replicas, r)))
    });
    let (places, whole): (Vec<usize>, Vec<Subject<'_>>) =
        subjects.enumerate().filter(|(_, (lost, _))| !lost).map(|(place, (_, subject))| (place, subject)).unzip();
    let placed = |(name, pair, value): (String, [usize; 2], f64)| (name, pair.map(|i| places[i]), value);
    Ok(of(&whole)?.into_iter().map(placed).collect())
}

/// Adds what an analysis gives of each network that did not diverge; what fails is said, and has no value.
fn analysed(lab: &mut Lab<'_>, of: fn(&Subject<'_>) -> Vec<Result<Rows>>, replicas: &[Replica], trained: &mut Trained) {
    let whole: Vec<usize> = (0..replicas.len()).filter(|&r| !trained.diverged[r]).collect();
    let found = parallel(&whole, |&replica| of(&Subject::new(trained, replicas, replica)));
    let mut rows: Vec<(String, usize, f64)> = Vec::new();
    for (&replica, lists) in whole.iter().zip(found) {
        for list in lists {
            match list {
                Ok(list) => rows.extend(list.into_iter().map(|(name, value)| (name, replica, value))),
                Err(error) => lab.note(&format!("the network of seed {}: {error}", replicas[replica].seed)),
            }
        }
    }
    let rows = rows.iter().map(|(name, r, value)| {
        let (layer, name) = layered(name);
        (name, layer, replicas[*r].experiment.steps, *r, *value)
    });
    trained.curves.extend(Curve::gather(rows, replicas.len()));
}

/// The hidden layer that a row's name begins with, and the rest.
fn layered(name: &str) -> (Option<usize>, &str) {
    let of = name.split_once('/').and_then(|(layer, rest)| Some((Some(Layer::parse(layer)?.0 as usize), rest)));
    of.unwrap_or((None, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_begin_with_others_and_have_scales() {
        let text = r#"
            [base]
            experiment = { steps = 10, model = { layers = [4, 4] }, stages = [{ until = 0.9 }] }
            seeds = { tiny = 2, else = 5 }
            set = { "optimiser.lr" = { tiny = 0.5, else = 0.25 } }
            [other]
            from = "base"
            vary = [{ name = "a" }, { name = "b", set = { "stages.0.until" = 0.8, steps = 20 } }]
            [lost]
            from = "lost"
        "#;
        let sweeps: Sweeps = toml::from_str(text).unwrap();
        let (seeds, all) = experiments(&sweeps, "other", Some(Scale::Tiny)).unwrap();
        assert_eq!((seeds, all.len(), all[1].0.as_str()), (2, 2, "b"));
        assert_eq!((all[0].1.steps, all[1].1.steps, all[1].1.stages[0].until), (10, 20, Some(0.8)));
        assert_eq!(all[0].1.optimiser.lr, 0.5);
        let (seeds, all) = experiments(&sweeps, "base", None).unwrap();
        assert_eq!((seeds, all.len(), all[0].1.optimiser.lr), (5, 1, 0.25));
        assert!(experiments(&sweeps, "lost", None).unwrap_err().contains("circle"));
        assert!(experiments(&sweeps, "none", None).unwrap_err().contains("there is no sweep `none`"));
    }
}

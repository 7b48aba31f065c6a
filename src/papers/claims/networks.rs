//! What a sweep left of its networks, as claims ask for it: from a run's folder, or from a sweep that a paper trained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files::{Layer, Manifest, layout, read_metrics, scan_pairs};
use crate::papers::{Curve, Pair, Trained};
use crate::train::Replica;

/// The setting that tells the variants of a paper's sweep apart.
pub const VARIANT: &str = "variant";

/// The networks of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// The seed of each.
    pub seeds: Vec<u32>,
    /// The settings in which they differ, of each.
    pub settings: Vec<Map<String, Value>>,
    /// Whether each ceased to be finite: such are in no quantity.
    pub diverged: Vec<bool>,
    /// What was observed of each.
    pub curves: Vec<Curve>,
    /// What was compared, by its name.
    pub pairs: BTreeMap<String, Vec<Pair>>,
    /// Names that could have been asked for, for advice.
    known: BTreeSet<String>,
}

impl Networks {
    /// Reads a finished run's files: of its metrics and pairs, those of some names.
    ///
    /// # Errors
    /// [`Error::Data`] if the folder holds no finished run, or a file of it is damaged.
    pub fn read(dir: &Path, wanted: &BTreeSet<String>) -> Result<Self> {
        let path = dir.join(layout::MANIFEST);
        if !path.exists() {
            return Err(Error::data(dir, format!("holds no run of Isogram: there is no {}", layout::MANIFEST)));
        }
        let manifest = Manifest::read(&path)?;
        let metrics = dir.join(layout::METRICS);
        if !metrics.exists() {
            return Err(Error::data(
                dir,
                "the run is not finished, and claims are tried on finished ones: continue it first",
            ));
        }
        let table = read_metrics(&metrics)?;
        let mut networks = Self {
            seeds: manifest.replicas.iter().map(|r| r.seed).collect(),
            settings: manifest.replicas.iter().map(|r| r.settings.clone()).collect(),
            diverged: manifest.replicas.iter().map(|r| r.diverged_at.is_some()).collect(),
            ..Self::default()
        };
        let count = networks.seeds.len();
        networks.known.extend(
            table.name.iter().collect::<BTreeSet<_>>().iter().filter_map(|w| table.words.get(**w)).map(str::to_owned),
        );
        let rows = (0..table.len()).filter_map(|i| {
            let name = table.words.get(table.name[i])?;
            let layer = table.words.get(table.layer[i]).and_then(Layer::parse).map(|layer| layer.0 as usize);
            let known = asked(wanted, name) && (table.replica[i] as usize) < count;
            known.then_some((name, layer, table.step[i] as u32, table.replica[i] as usize, table.value[i]))
        });
        networks.curves = Curve::gather(rows, count);
        let pairs = dir.join(layout::PAIRS);
        if pairs.exists() {
            let mut last = String::new();
            scan_pairs(&pairs, |row| {
                if row.name != last {
                    row.name.clone_into(&mut last);
                    networks.known.insert(last.clone());
                }
                let of = |replica: u32, layer: &str| Some((replica as usize, Layer::parse(layer)?.0 as usize));
                let ends = of(row.replica_a, row.layer_a).zip(of(row.replica_b, row.layer_b));
                let (true, Some(((a, of_a), (b, of_b)))) = (asked(wanted, row.name), ends) else { return };
                if a.max(b) < count {
                    let pair = Pair { step: row.step as u32, networks: [a, b], layers: [of_a, of_b], value: row.value };
                    networks.pairs.entry(row.name.to_owned()).or_default().push(pair);
                }
            })?;
        }
        Ok(networks)
    }

    /// Of sweeps that were trained, each under the name of a variant.
    pub fn joined<'a>(parts: impl IntoIterator<Item = (&'a str, &'a [Replica], &'a Trained)>) -> Self {
        let (mut all, mut rows, mut first) = (Self::default(), Vec::new(), 0);
        for (variant, replicas, trained) in parts {
            all.seeds.extend(replicas.iter().map(|replica| replica.seed));
            all.settings.extend(replicas.iter().map(|replica| {
                let swept = replica.columns.iter();
                let own = swept.map(|(key, value)| (key.clone(), serde_json::to_value(value).unwrap_or_default()));
                own.chain([(VARIANT.to_owned(), Value::from(variant))]).collect::<Map<_, _>>()
            }));
            all.diverged.extend(&trained.diverged);
            for curve in &trained.curves {
                all.known.insert(curve.name.clone());
                for (step, values) in curve.steps.iter().zip(&curve.values) {
                    let observed = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
                    rows.extend(
                        observed.map(|(r, value)| (curve.name.as_str(), curve.layer, *step, first + r, *value)),
                    );
                }
            }
            for (name, pairs) in &trained.pairs {
                all.known.insert(name.clone());
                let moved = |pair: &Pair| Pair { networks: pair.networks.map(|n| first + n), ..pair.clone() };
                all.pairs.entry(name.clone()).or_default().extend(pairs.iter().map(moved));
            }
            first += replicas.len();
        }
        all.curves = Curve::gather(rows.into_iter(), first);
        all
    }

    /// The variant that a network is of.
    pub fn variant(&self, network: usize) -> &str {
        self.settings[network].get(VARIANT).and_then(Value::as_str).unwrap_or_default()
    }

    /// Takes what was told of pairs of its networks.
    pub fn compared(&mut self, rows: Vec<(String, [usize; 2], f64)>) {
        for (name, networks, value) in rows {
            self.known.insert(name.clone());
            self.pairs.entry(name).or_default().push(Pair { step: 0, networks, layers: [0; 2], value });
        }
    }

    /// Whether it has several variants.
    pub fn varies(&self) -> bool {
        self.settings.iter().any(|own| own.get(VARIANT) != self.settings[0].get(VARIANT))
    }

    /// A curve by its name, of a hidden layer or of the whole network.
    pub fn curve(&self, name: &str, layer: Option<usize>) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.name == name && curve.layer == layer)
    }

    /// Of a name with a star, the names that have a number in its place, ascending by that; else none.
    pub fn starred(&self, name: &str) -> Vec<(f64, &Curve)> {
        let Some((before, after)) = name.split_once('*') else { return Vec::new() };
        let number = |name: &str| name.strip_prefix(before)?.strip_suffix(after)?.parse::<f64>().ok();
        let mut all: Vec<_> = self.curves.iter().filter_map(|curve| Some((number(&curve.name)?, curve))).collect();
        all.retain(|(_, curve)| curve.layer.is_none());
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }

    /// The hidden layers that a name was observed of, ascending.
    pub fn layers(&self, name: &str) -> Vec<usize> {
        let curves = self.curves.iter().filter(|curve| curve.name == name).filter_map(|curve| curve.layer);
        let pairs = self.pairs.get(name).into_iter().flatten().flat_map(|pair| pair.layers);
        curves.chain(pairs).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// That a name is not there, with the nearest and what was observed.
    pub fn missing(&self, name: &str) -> String {
        let near = crate::error::nearest(name, self.known.iter().map(String::as_str));
        let advice = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        format!("`{name}` was not observed{advice}. There are {}", known.join(", "))
    }
}

/// Whether a name is asked for, by itself or with a star.
fn asked(wanted: &BTreeSet<String>, name: &str) -> bool {
    let stars = |w: &String| w.split_once('*').is_some_and(|(a, b)| name.starts_with(a) && name.ends_with(b));
    wanted.contains(name) || wanted.iter().any(stars)
}

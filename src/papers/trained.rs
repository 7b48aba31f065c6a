//! What a trained sweep left behind, as far as papers use it; kept on disk, so that a reproduction which was stopped does not
//! train again what it had finished.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::{NamedArray, read_safetensors, write_safetensors};
use crate::error::Result;
use crate::files::Layer;
use crate::train::{Quantity, Saved, Summary, Tracked};

/// A value that was observed over training, of every replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// The hidden layer, or none for the whole network.
    pub layer: Option<usize>,
    /// The steps.
    pub steps: Vec<u32>,
    /// At each step, one for each replica; NaN where it was not observed.
    pub values: Vec<Vec<f64>>,
}

/// At each step, a value of each replica.
type BySteps = BTreeMap<u32, Vec<f64>>;

impl Curve {
    /// Of rows in any order: name, layer, step, replica, value. Of so many replicas.
    pub(super) fn gather<'a>(
        rows: impl Iterator<Item = (&'a str, Option<usize>, u32, usize, f64)>,
        replicas: usize,
    ) -> Vec<Self> {
        let mut found: BTreeMap<(&str, Option<usize>), BySteps> = BTreeMap::new();
        for (name, layer, step, replica, value) in rows {
            let at = found.entry((name, layer)).or_default().entry(step);
            at.or_insert_with(|| vec![f64::NAN; replicas])[replica] = value;
        }
        let curve = |((name, layer), by_step): ((&str, _), BTreeMap<_, _>)| {
            let (steps, values) = by_step.into_iter().unzip();
            Self { name: name.to_owned(), layer, steps, values }
        };
        found.into_iter().map(curve).collect()
    }
}

/// A pair of representations, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The step.
    pub step: u32,
    /// The networks.
    pub networks: [usize; 2],
    /// Their layers.
    pub layers: [usize; 2],
    /// The value.
    pub value: f64,
}

impl Pair {
    fn numbers(&self) -> [f32; 6] {
        let ([a, b], [of_a, of_b]) = (self.networks, self.layers);
        [self.step as f32, a as f32, b as f32, of_a as f32, of_b as f32, self.value as f32]
    }

    fn of(row: &[f32]) -> Self {
        let whole = |i: usize| row[i] as usize;
        Self { step: row[0] as u32, networks: [whole(1), whole(2)], layers: [whole(3), whole(4)], value: row[5].into() }
    }
}

/// A representation: replica, layer, shape, values row by row.
pub type Representation = (usize, usize, Vec<usize>, Vec<f32>);

/// What a trained sweep left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// What was recorded at every step, by replica.
    pub tracked: Vec<Tracked>,
    /// Whether each replica's loss or parameters ceased to be finite.
    pub diverged: Vec<bool>,
    /// What was observed at checkpoints.
    pub curves: Vec<Curve>,
    /// What was compared, by its name; of pairs of different replicas, in single precision.
    pub pairs: BTreeMap<String, Vec<Pair>>,
    /// Representations after training.
    pub representations: Vec<Representation>,
    /// The same on the set for fitting, of data that have one.
    pub fit_representations: Vec<Representation>,
    /// Parameters after training, `<replica>/<name>`, if they were asked for.
    pub parameters: Vec<NamedArray>,
}

impl Trained {
    /// From the outcome of a sweep of so many replicas.
    pub(super) fn new(summary: Summary, replicas: usize) -> Self {
        let rows = summary.metrics.iter().map(|row| {
            let layer = row.layer.map(|layer| layer.0 as usize);
            // As the file keeps it, so that what is read back is what it was.
            (row.name.as_str(), layer, row.step as u32, row.replica as usize, f64::from(row.value as f32))
        });
        let curves = Curve::gather(rows, replicas);
        let mut found = Self {
            tracked: summary.tracked,
            diverged: summary.manifest.replicas.iter().map(|r| r.diverged_at.is_some()).collect(),
            curves,
            parameters: summary.parameters,
            ..Self::default()
        };
        for row in summary.pairs.iter().filter(|row| row.replica_a != row.replica_b) {
            let layers = Layer::parse(row.layer_a).zip(Layer::parse(row.layer_b));
            let Some((Layer(of_a), Layer(of_b))) = layers else { continue };
            found.pairs.entry(row.name.to_owned()).or_default().push(Pair {
                step: row.step as u32,
                networks: [row.replica_a as usize, row.replica_b as usize],
                layers: [of_a as usize, of_b as usize],
                // As the file keeps it.
                value: f64::from(row.value as f32),
            });
        }
        for of in summary.representations {
            let (into, Some(layer)) = (
                match of.of {
                    Saved::Probe => &mut found.representations,
                    Saved::Fit => &mut found.fit_representations,
                    Saved::Gradient => continue,
                },
                of.layer,
            ) else {
                continue;
            };
            into.push((of.replica, layer.0 as usize, of.shape.to_vec(), of.values));
        }
        found
    }

    /// The replicas of several sweeps, one after the other; pairs of them are those inside each.
    pub fn joined(parts: &[Self]) -> Self {
        let starts = parts.iter().scan(0, |next, part| {
            let start = *next;
            *next += part.diverged.len();
            Some(start)
        });
        let starts: Vec<usize> = starts.collect();
        let all = parts.iter().map(|part| part.diverged.len()).sum();
        let both = || parts.iter().zip(starts.iter().copied());
        let rows = both().flat_map(|(part, start)| {
            part.curves.iter().flat_map(move |curve| {
                let steps = curve.steps.iter().zip(&curve.values);
                steps.flat_map(move |(step, values)| {
                    let of =
                        move |(r, value): (usize, &f64)| (curve.name.as_str(), curve.layer, *step, start + r, *value);
                    values.iter().enumerate().map(of)
                })
            })
        });
        let mut found = Self { curves: Curve::gather(rows, all), ..Self::default() };
        for (part, start) in both() {
            found.tracked.extend(part.tracked.iter().cloned());
            found.diverged.extend(&part.diverged);
            for (name, pairs) in &part.pairs {
                let moved = |pair: &Pair| Pair { networks: pair.networks.map(|n| n + start), ..pair.clone() };
                found.pairs.entry(name.clone()).or_default().extend(pairs.iter().map(moved));
            }
            let moved = |(r, layer, shape, values): &Representation| (r + start, *layer, shape.clone(), values.clone());
            found.representations.extend(part.representations.iter().map(moved));
            found.fit_representations.extend(part.fit_representations.iter().map(moved));
            found.parameters.extend(part.parameters.iter().filter_map(|(name, shape, values)| {
                let (replica, rest) = name.split_once('/')?;
                let replica: usize = replica.parse().ok()?;
                Some((format!("{}/{rest}", replica + start), shape.clone(), values.clone()))
            }));
        }
        found
    }

    /// Some of the replicas alone.
    pub fn part(&self, first: usize, count: usize) -> Self {
        let own = first..first + count;
        let of = |all: &[Representation]| {
            let own = all.iter().filter(|(r, ..)| own.contains(r));
            own.map(|(r, layer, shape, values)| (r - first, *layer, shape.clone(), values.clone())).collect()
        };
        let parameters = self.parameters.iter().filter_map(|(name, shape, values)| {
            let (replica, rest) = name.split_once('/')?;
            let replica = replica.parse().ok().filter(|r| own.contains(r))?;
            Some((format!("{}/{rest}", replica - first), shape.clone(), values.clone()))
        });
        let pairs = self.pairs.iter().map(|(name, pairs)| {
            let inside = pairs.iter().filter(|pair| pair.networks.iter().all(|n| own.contains(n)));
            let moved = |pair: &Pair| Pair { networks: pair.networks.map(|n| n - first), ..pair.clone() };
            (name.clone(), inside.map(moved).collect())
        });
        let curves = self.curves.iter().map(|curve| Curve {
            values: curve.values.iter().map(|row| row[own.clone()].to_vec()).collect(),
            ..curve.clone()
        });
        Self {
            tracked: self.tracked.iter().skip(first).take(count).cloned().collect(),
            diverged: self.diverged[own.clone()].to_vec(),
            curves: curves.collect(),
            pairs: pairs.collect(),
            representations: of(&self.representations),
            fit_representations: of(&self.fit_representations),
            parameters: parameters.collect(),
        }
    }

    /// What was observed under a name, of a hidden layer or of the whole network.
    pub fn curve(&self, name: &str, layer: Option<usize>) -> Option<&Curve> {
        self.curves.iter().find(|c| c.name == name && c.layer == layer)
    }

    /// A value of every replica when it was last observed; NaN if it never was, or the replica diverged.
    pub fn end(&self, name: &str, layer: Option<usize>) -> Vec<f64> {
        let last = |curve: &Curve, replica: usize| {
            curve.values.iter().rev().map(|v| v[replica]).find(|v| !v.is_nan()).unwrap_or(f64::NAN)
        };
        (0..self.diverged.len())
            .map(|r| match self.curve(name, layer) {
                Some(curve) if !self.diverged[r] => last(curve, r),
                _ => f64::NAN,
            })
            .collect()
    }

    /// A value of every replica's whole network after training; empty if it was not observed.
    pub fn last(&self, name: &str) -> Vec<f64> {
        if self.curve(name, None).is_none() { Vec::new() } else { self.end(name, None) }
    }

    /// The representation of a replica at a layer, row by row.
    pub fn representation(&self, replica: usize, layer: usize) -> Option<(&[usize], &[f32])> {
        of(&self.representations, replica, layer)
    }

    /// The same on the set for fitting.
    pub fn fit_representation(&self, replica: usize, layer: usize) -> Option<(&[usize], &[f32])> {
        of(&self.fit_representations, replica, layer)
    }

    /// A parameter of a replica after training: its shape and values.
    pub fn parameter(&self, replica: usize, name: &str) -> Option<(&[usize], &[f32])> {
        let full = format!("{replica}/{name}");
        self.parameters
            .iter()
            .find(|(n, ..)| *n == full)
            .map(|(_, shape, values)| (shape.as_slice(), values.as_slice()))
    }

    /// Writes everything to a file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut arrays: Vec<NamedArray> = Vec::new();
        for (r, tracked) in self.tracked.iter().enumerate() {
            for (quantity, values) in &tracked.series {
                arrays.push((format!("tracked/{r}/{}", spelled(*quantity)), vec![values.len()], values.clone()));
            }
        }
        let flags: Vec<f32> = self.diverged.iter().map(|&d| f32::from(u8::from(d))).collect();
        let replicas = flags.len();
        arrays.push(("diverged".into(), vec![replicas], flags));
        for curve in &self.curves {
            let layer = curve.layer.map_or_else(|| "-".to_owned(), |l| l.to_string());
            let name = format!("{layer}/{}", curve.name);
            // Whole numbers of this size are exact.
            let steps: Vec<f32> = curve.steps.iter().map(|&s| s as f32).collect();
            let values: Vec<f32> = curve.values.iter().flatten().map(|&v| v as f32).collect();
            arrays.push((format!("steps/{name}"), vec![steps.len()], steps));
            arrays.push((format!("curve/{name}"), vec![curve.values.len(), replicas], values));
        }
        for (name, pairs) in &self.pairs {
            let rows = pairs.iter().flat_map(Pair::numbers).collect();
            arrays.push((format!("pairs/{name}"), vec![pairs.len(), 6], rows));
        }
        for (kind, all) in [("representation", &self.representations), ("fit", &self.fit_representations)] {
            for (r, layer, shape, values) in all {
                arrays.push((format!("{kind}/{r}/{layer}"), shape.clone(), values.clone()));
            }
        }
        for (name, shape, values) in &self.parameters {
            arrays.push((format!("parameter/{name}"), shape.clone(), values.clone()));
        }
        write_safetensors(path, &arrays, &[])
    }

    /// Reads what [`Trained::write`] wrote; `None` if the file is not such a one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut found = Self::default();
        let mut steps: Vec<(String, Vec<u32>)> = Vec::new();
        let mut curves: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
        for (name, shape, values) in read_safetensors(path).ok()? {
            let (kind, rest) = name.split_once('/').unwrap_or((&name, ""));
            match kind {
                "diverged" => found.diverged = values.iter().map(|x| *x != 0.0).collect(),
                "steps" => steps.push((rest.to_owned(), values.iter().map(|s| *s as u32).collect())),
                "curve" => curves.push((rest.to_owned(), shape, values)),
                "representation" | "fit" => {
                    let (r, layer) = rest.split_once('/')?;
                    let of = (r.parse().ok()?, layer.parse().ok()?, shape, values);
                    if kind == "fit" { found.fit_representations.push(of) } else { found.representations.push(of) }
                }
                "pairs" => drop(found.pairs.insert(rest.to_owned(), values.chunks_exact(6).map(Pair::of).collect())),
                "parameter" => found.parameters.push((rest.to_owned(), shape, values)),
                "tracked" => {
                    let parts: Vec<&str> = rest.split('/').collect();
                    let r: usize = parts.first()?.parse().ok()?;
                    if found.tracked.len() <= r {
                        found.tracked.resize(r + 1, Tracked::default());
                    }
                    found.tracked[r].series.push((read_quantity(&parts[1..])?, values));
                }
                _ => return None,
            }
        }
        for (name, shape, values) in curves {
            let (layer, called) = name.split_once('/')?;
            let layer = if layer == "-" { None } else { Some(layer.parse().ok()?) };
            let steps = steps.iter().find(|(n, _)| *n == name)?.1.clone();
            let rows = values.chunks((*shape.last()?).max(1)).map(|row| row.iter().map(|&v| f64::from(v)).collect());
            found.curves.push(Curve { name: called.to_owned(), layer, steps, values: rows.collect() });
        }
        Some(found)
    }
}

fn of(all: &[Representation], replica: usize, layer: usize) -> Option<(&[usize], &[f32])> {
    let found = all.iter().find(|(r, l, ..)| (*r, *l) == (replica, layer));
    found.map(|(_, _, shape, values)| (shape.as_slice(), values.as_slice()))
}

fn spelled(quantity: Quantity) -> String {
    match quantity {
        Quantity::Loss => "loss".into(),
        Quantity::Distance(pair, layer) => format!("distance/{pair}/{layer}"),
        Quantity::Output(pair) => format!("output/{pair}"),
        Quantity::Alignment(pair) => format!("alignment/{pair}"),
    }
}

fn read_quantity(parts: &[&str]) -> Option<Quantity> {
    Some(match parts {
        ["loss"] => Quantity::Loss,
        ["distance", pair, layer] => Quantity::Distance(pair.parse().ok()?, layer.parse().ok()?),
        ["output", pair] => Quantity::Output(pair.parse().ok()?),
        ["alignment", pair] => Quantity::Alignment(pair.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.safetensors");
        let series = vec![(Quantity::Loss, vec![1.0, 0.5]), (Quantity::Distance(0, 3), vec![0.25, 0.125])];
        let curve = |name: &str, layer| Curve {
            name: name.into(),
            layer,
            steps: vec![0, 64],
            values: vec![vec![0.5, 0.25], vec![0.75, 1.0]],
        };
        let mut trained = Trained {
            tracked: vec![Tracked::default(), Tracked { series }],
            diverged: vec![true, false],
            curves: vec![curve("loss", None), curve("explained_easy", Some(3))],
            pairs: [("cka:biased".to_owned(), vec![Pair { step: 64, networks: [0, 1], layers: [1, 1], value: 0.5 }])]
                .into(),
            representations: vec![(1, 2, vec![2, 2], vec![1.0, 2.0, 3.0, 4.0])],
            fit_representations: vec![(0, 1, vec![1, 2], vec![5.0, 6.0])],
            parameters: vec![("1/layers.0.bias".into(), vec![2], vec![7.0, 8.0])],
        };
        trained.write(&path).unwrap();
        let mut read = Trained::read(&path).unwrap();
        for of in [&mut trained, &mut read] {
            of.curves.sort_by(|a, b| a.name.cmp(&b.name));
        }
        assert_eq!(read, trained);
        assert_eq!(read.last("loss")[1], 1.0);
        assert!(read.last("loss")[0].is_nan(), "a replica that diverged has no last value");
        assert_eq!(read.parameter(1, "layers.0.bias"), Some((&[2][..], &[7.0, 8.0][..])));
        trained.pairs.values_mut().for_each(Vec::clear);
        assert_eq!(Trained::joined(&[trained.part(0, 1), trained.part(1, 1)]), trained);
        std::fs::write(&path, "not tensors").unwrap();
        assert_eq!(Trained::read(&path), None);
    }
}

//! What a trained sweep left behind, as far as papers use it; kept on disk, so that a reproduction which was stopped does not
//! train again what it had finished.

use std::path::Path;

use crate::data::{NamedArray, read_safetensors, write_safetensors};
use crate::error::Result;
use crate::train::{Quantity, Summary, Tracked};

/// What a trained sweep left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// What was recorded at every step, by replica.
    pub tracked: Vec<Tracked>,
    /// Whether each replica's loss or parameters ceased to be finite.
    pub diverged: Vec<bool>,
    /// Values of the whole network after training: name, one per replica (NaN if it diverged).
    pub finals: Vec<(String, Vec<f64>)>,
    /// Representations after training: replica, layer, shape, values row by row.
    pub representations: Vec<(usize, usize, Vec<usize>, Vec<f32>)>,
}

impl Trained {
    /// From the outcome of a sweep of so many replicas, at its last step.
    pub(super) fn new(summary: Summary, replicas: usize, last: u32) -> Self {
        let mut finals: Vec<(String, Vec<f64>)> = Vec::new();
        for row in summary.metrics.iter().filter(|r| r.step == u64::from(last) && r.layer.is_none()) {
            let index = finals.iter().position(|(name, _)| *name == row.name).unwrap_or_else(|| {
                finals.push((row.name.clone(), vec![f64::NAN; replicas]));
                finals.len() - 1
            });
            finals[index].1[row.replica as usize] = row.value;
        }
        let layer_of = |name: &str| -> Option<(usize, usize)> {
            let (replica, layer) = name.split_once('/')?;
            Some((replica.parse().ok()?, layer.strip_prefix("layers.")?.parse().ok()?))
        };
        let representations = summary.representations.into_iter();
        Self {
            tracked: summary.tracked,
            diverged: summary.manifest.replicas.iter().map(|r| r.diverged_at.is_some()).collect(),
            finals,
            representations: representations
                .filter_map(|(name, shape, values)| layer_of(&name).map(|(r, l)| (r, l, shape, values)))
                .collect(),
        }
    }

    /// A value of every replica after training; empty if it was not observed.
    pub fn last(&self, name: &str) -> &[f64] {
        self.finals.iter().find(|(n, _)| n == name).map_or(&[], |(_, values)| values)
    }

    /// The representation of a replica at a layer, row by row.
    pub fn representation(&self, replica: usize, layer: usize) -> Option<(&[usize], &[f32])> {
        let found = self.representations.iter().find(|(r, l, ..)| (*r, *l) == (replica, layer));
        found.map(|(_, _, shape, values)| (shape.as_slice(), values.as_slice()))
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
        arrays.push(("diverged".into(), vec![flags.len()], flags));
        for (name, values) in &self.finals {
            arrays.push((format!("final/{name}"), vec![values.len()], values.iter().map(|x| *x as f32).collect()));
        }
        for (r, layer, shape, values) in &self.representations {
            arrays.push((format!("representation/{r}/{layer}"), shape.clone(), values.clone()));
        }
        write_safetensors(path, &arrays, &[])
    }

    /// Reads what [`Trained::write`] wrote; `None` if the file is not such a one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut found = Self::default();
        for (name, shape, values) in read_safetensors(path).ok()? {
            let parts: Vec<&str> = name.split('/').collect();
            match parts.as_slice() {
                ["diverged"] => found.diverged = values.iter().map(|x| *x != 0.0).collect(),
                ["final", rest @ ..] => {
                    found.finals.push((rest.join("/"), values.iter().map(|x| f64::from(*x)).collect()));
                }
                ["representation", r, layer] => {
                    found.representations.push((r.parse().ok()?, layer.parse().ok()?, shape, values));
                }
                ["tracked", r, rest @ ..] => {
                    let r: usize = r.parse().ok()?;
                    if found.tracked.len() <= r {
                        found.tracked.resize(r + 1, Tracked::default());
                    }
                    found.tracked[r].series.push((read_quantity(rest)?, values));
                }
                _ => return None,
            }
        }
        Some(found)
    }
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
        let trained = Trained {
            tracked: vec![Tracked::default(), Tracked { series }],
            diverged: vec![true, false],
            finals: vec![("loss".into(), vec![0.5, 0.25])],
            representations: vec![(1, 2, vec![2, 2], vec![1.0, 2.0, 3.0, 4.0])],
        };
        trained.write(&path).unwrap();
        assert_eq!(Trained::read(&path), Some(trained));
        std::fs::write(&path, "not tensors").unwrap();
        assert_eq!(Trained::read(&path), None);
    }
}

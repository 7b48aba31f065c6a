//! Trained networks with what is needed to analyse them.

use std::sync::Arc;

use faer::Mat;

use crate::config::Experiment;
use crate::data::Targets;
use crate::data::features::Made;
use crate::error::{Error, Result};
use crate::papers::{Lab, Trained};
use crate::train::{Prepared, Replica};

/// Both features, in the order of the data.
pub const FEATURES: [&str; 2] = ["easy", "hard"];
/// A feature is learned at this accuracy on held-out examples.
pub const LEARNED: f64 = 0.99;

/// The seeds of one experiment, trained.
#[derive(Clone, Debug)]
pub struct Networks {
    /// What was trained.
    pub experiment: Experiment,
    /// Seeds.
    pub seeds: Vec<u32>,
    /// What is left of it.
    pub trained: Trained,
}

impl Networks {
    /// Trains several experiments on the same examples that are looked at in the same steps (they may differ in stages and layers),
    /// on the first seeds; one after the other in the result.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn train(lab: &mut Lab<'_>, experiments: &[Experiment], seeds: u32) -> Result<Vec<Self>> {
        let Some(first) = experiments.first() else { return Ok(Vec::new()) };
        let mut replicas = Vec::new();
        for experiment in experiments {
            let experiment = Arc::new(experiment.clone());
            for seed in 0..seeds {
                let experiment = experiment.clone();
                replicas.push(Replica { seed, columns: Arc::default(), experiment, data: None });
            }
        }
        let trained = lab.train(first, Prepared::load(first)?, replicas, None)?;
        Ok(experiments
            .iter()
            .enumerate()
            .map(|(i, experiment)| Self {
                experiment: experiment.clone(),
                seeds: (0..seeds).collect(),
                trained: trained.part(i * seeds as usize, seeds as usize),
            })
            .collect())
    }

    /// The networks that have learned both features.
    pub fn solved(&self) -> Vec<usize> {
        let accuracies = FEATURES.map(|name| self.trained.end(&format!("accuracy_{name}"), None));
        (0..self.seeds.len()).filter(|&r| accuracies.iter().all(|a| a[r] >= LEARNED)).collect()
    }

    /// A network's representation of the probe set in a hidden layer.
    ///
    /// # Errors
    /// If it was not kept.
    pub fn representation(&self, replica: usize, layer: usize) -> Result<Mat<f64>> {
        let lost = || Error::config("representations of these networks were not kept");
        let (shape, values) = self.trained.representation(replica, layer).ok_or_else(lost)?;
        let columns = shape[1];
        Ok(Mat::from_fn(shape[0], columns, |i, j| f64::from(values[i * columns + j])))
    }
}

/// Labels of a feature, by its number.
pub fn labels(made: &Made, feature: usize) -> Result<Vec<usize>> {
    match &made.dataset.targets {
        Targets::Values(table) => {
            Ok(table.values.chunks(table.width()).map(|row| usize::from(row[feature] > 0.5)).collect())
        }
        Targets::Classes { .. } | Targets::Tokens { .. } => {
            Err(Error::config("labels of features are expected as columns, and classes came"))
        }
    }
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

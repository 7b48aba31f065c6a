//! Trained networks with what is needed to analyse them.

use std::sync::Arc;

use faer::Mat;

use super::settings::{Config, LEARNED};
use crate::data::features::{Features, Made, Set};
use crate::error::{Error, Result};
use crate::measure::features::Sets;
use crate::papers::claim::{Measured, measured};
use crate::papers::{Lab, Trained};
use crate::train::{Prepared, Replica};

/// The seeds of one configuration, trained.
#[derive(Clone, Debug)]
pub struct Networks {
    /// What was trained.
    pub config: Config,
    /// Seeds.
    pub seeds: Vec<u32>,
    /// What is left of it.
    pub trained: Trained,
}

impl Networks {
    /// Trains a configuration, or several on the same examples that are looked at in the same steps (they may differ in stages
    /// and layers), on the first seeds; one after the other in the result.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn train_stages(lab: &mut Lab<'_>, configs: &[Config], seeds: u32) -> Result<Vec<Self>> {
        let Some(first) = configs.first() else { return Ok(Vec::new()) };
        let experiment = first.experiment();
        let mut replicas = Vec::new();
        for config in configs {
            let experiment = Arc::new(config.experiment());
            for seed in 0..seeds {
                let experiment = experiment.clone();
                replicas.push(Replica { seed, columns: Arc::default(), experiment, data: None });
            }
        }
        let trained = lab.train(&experiment, Prepared::load(&experiment)?, replicas, None)?;
        Ok(configs
            .iter()
            .enumerate()
            .map(|(i, config)| Self {
                config: config.clone(),
                seeds: (0..seeds).collect(),
                trained: trained.part(i * seeds as usize, seeds as usize),
            })
            .collect())
    }

    /// Trains one configuration.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn train(lab: &mut Lab<'_>, config: &Config, seeds: u32) -> Result<Self> {
        let mut all = Self::train_stages(lab, std::slice::from_ref(config), seeds)?;
        all.pop().ok_or_else(|| Error::config("no network was trained"))
    }

    /// Hidden layers.
    pub fn depth(&self) -> usize {
        self.config.layers.len()
    }

    /// The networks that have learned every feature.
    pub fn solved(&self) -> Vec<usize> {
        let accuracies: Vec<Vec<f64>> =
            self.config.features.iter().map(|f| self.trained.end(&format!("accuracy_{}", f.name), None)).collect();
        (0..self.seeds.len()).filter(|&r| accuracies.iter().all(|a| a[r] >= LEARNED)).collect()
    }

    /// A network's examples that were held out, as made again on the host.
    ///
    /// # Errors
    /// None that training would not have had.
    pub fn examples(&self, replica: usize) -> Result<Sets<Made>> {
        let features: Features = self.config.experiment().data.declared()?;
        let seed = self.config.data_seed.unwrap_or(self.seeds[replica]);
        let n = self.config.held_out as usize;
        Ok(Sets { fit: features.make(Set::Fit, n, seed)?, test: features.make(Set::Test, n, seed)? })
    }

    /// A network's representations of them in a hidden layer; the configuration must [keep](Config::keep) them.
    ///
    /// # Errors
    /// If they were not kept.
    pub fn representations(&self, replica: usize, layer: usize) -> Result<Sets<Mat<f64>>> {
        let lost = || Error::config("representations of these networks were not kept");
        let matrix = |found: Option<(&[usize], &[f32])>| -> Result<Mat<f64>> {
            let (shape, values) = found.ok_or_else(lost)?;
            let columns = shape[1];
            Ok(Mat::from_fn(shape[0], columns, |i, j| f64::from(values[i * columns + j])))
        };
        Ok(Sets {
            fit: matrix(self.trained.fit_representation(replica, layer))?,
            test: matrix(self.trained.representation(replica, layer))?,
        })
    }
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample; NaN of fewer than two.
pub fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// Mean and standard deviation as text, such as `0.585 ± 0.051`.
pub fn spread(values: &[f64]) -> Measured {
    if values.len() < 2 {
        measured!("{:.3}", mean(values))
    } else {
        measured!("{:.3} ± {:.3}", mean(values), deviation(values))
    }
}

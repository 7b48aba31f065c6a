//! Analyses of trained networks, one after the other on all processors: of those alone that have learned every feature, since
//! representations are not compared at unequal accuracy.

use faer::{Mat, MatRef};

use super::networks::Networks;
use crate::data::Targets;
use crate::data::features::Made;
use crate::error::{Error, Result};
use crate::measure::features::Sets;
use crate::measure::features::head::Head;
use crate::papers::claim::{Claim, Numbers, measured};
use crate::papers::parallel;

/// A trained network's last hidden layer on held-out examples, with what is known of these.
pub struct Network {
    /// Activations, examples × units.
    pub x: Sets<Mat<f64>>,
    /// Labels of the easy and of the hard feature.
    pub labels: [Sets<Vec<usize>>; 2],
    /// The hard feature's block of bits, examples × bits.
    pub bits: Sets<Mat<f64>>,
    /// The output layer.
    pub head: Head,
}

impl Network {
    fn of(networks: &Networks, replica: usize) -> Result<Self> {
        let made = networks.examples(replica)?;
        let labels = |feature| -> Result<Sets<Vec<usize>>> {
            Ok(Sets { fit: labels(&made.fit, feature)?, test: labels(&made.test, feature)? })
        };
        let first = networks.config.features[0].units as usize;
        let units = networks.config.features[1].units as usize;
        let bits = |made: &Made| {
            let inputs = &made.dataset.inputs;
            Mat::from_fn(inputs.rows, units, |i, j| f64::from(inputs.values[i * inputs.width() + first + j]))
        };
        Ok(Self {
            x: networks.representations(replica, networks.depth() - 1)?,
            labels: [labels(0)?, labels(1)?],
            bits: Sets { fit: bits(&made.fit), test: bits(&made.test) },
            head: networks.head(replica)?,
        })
    }

    /// Its activations.
    pub fn x(&self) -> Sets<MatRef<'_, f64>> {
        matrices(&self.x)
    }

    /// Labels of the easy (0) or the hard (1) feature.
    pub fn labels(&self, feature: usize) -> Sets<&[usize]> {
        Sets { fit: &self.labels[feature].fit, test: &self.labels[feature].test }
    }
}

/// Labels of a feature, by its number.
pub fn labels(made: &Made, feature: usize) -> Result<Vec<usize>> {
    match &made.dataset.targets {
        Targets::Values(table) => {
            Ok(table.values.chunks(table.width()).map(|row| usize::from(row[feature] > 0.5)).collect())
        }
        Targets::Classes { .. } => Err(Error::config("labels of features are expected as columns, and classes came")),
    }
}

/// Both matrices, borrowed.
pub fn matrices(of: &Sets<Mat<f64>>) -> Sets<MatRef<'_, f64>> {
    Sets { fit: of.fit.as_ref(), test: of.test.as_ref() }
}

/// An analysis of every network that has learned both features.
pub struct Analysed<T> {
    /// Networks trained.
    pub trained: usize,
    /// Of each that has learned both, and could be analysed.
    pub found: Vec<T>,
    /// Of each that could not, why.
    pub failed: Vec<String>,
}

impl<T: Send> Analysed<T> {
    /// Analyses them. Where an analysis fails, claims about the networks are not held; nothing else is lost.
    ///
    /// # Errors
    /// Networks whose representations or parameters were not kept.
    pub fn new(networks: &Networks, of: impl Fn(&Network) -> Result<T> + Sync) -> Result<Self> {
        let solved = networks.solved();
        let all = parallel(&solved, |&replica| Network::of(networks, replica).map(|network| of(&network)));
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for (&replica, one) in solved.iter().zip(all) {
            match one? {
                Ok(value) => found.push(value),
                Err(error) => failed.push(format!("the network of seed {}: {error}", networks.seeds[replica])),
            }
        }
        Ok(Self { trained: networks.seeds.len(), found, failed })
    }
}

impl<T> Analysed<T> {
    /// A value of each.
    pub fn values(&self, of: impl Fn(&T) -> f64) -> Vec<f64> {
        self.found.iter().map(of).collect()
    }

    /// How many there are, in words.
    pub fn count(&self) -> String {
        let learned = self.found.len() + self.failed.len();
        let mut text = format!("{learned} of {} networks learned both features", self.trained);
        if let Some(first) = self.failed.first() {
            text += &format!("; {} of them could not be analysed, such as {first}", self.failed.len());
        }
        text
    }

    /// A claim about them, with what was measured; not held if there is none, or one could not be analysed.
    pub fn judged(&self, claim: Claim, measured: impl Numbers, held: bool) -> Claim {
        if !self.failed.is_empty() {
            return claim.measured(self.count(), self.trained as u32, false);
        }
        if self.found.is_empty() {
            let why = format!("none of {} networks learned both features to 99 %", self.trained);
            return claim.measured(why, self.trained as u32, false);
        }
        claim.measured(measured!("{} ({})", measured, self.count()), self.found.len() as u32, held)
    }

    /// The same with a remark of what else was measured, if anything was.
    pub fn noted(&self, claim: Claim, note: impl Into<String>) -> Claim {
        if self.found.is_empty() || !self.failed.is_empty() { claim } else { claim.note(note) }
    }
}

/// A curve's mean over networks, with its lowest and its highest.
#[derive(Debug, Default, PartialEq)]
pub struct Band {
    /// Mean.
    pub mean: Vec<f64>,
    /// Lowest.
    pub low: Vec<f64>,
    /// Highest.
    pub high: Vec<f64>,
}

impl Band {
    /// Of the curves of several networks, as long as the shortest.
    pub fn of(curves: &[Vec<f64>]) -> Self {
        let mut band = Self::default();
        for i in 0..curves.iter().map(Vec::len).min().unwrap_or(0) {
            let at = || curves.iter().map(|c| c[i]);
            band.mean.push(at().sum::<f64>() / curves.len() as f64);
            band.low.push(at().fold(f64::INFINITY, f64::min));
            band.high.push(at().fold(f64::NEG_INFINITY, f64::max));
        }
        band
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::claim::{Kind, Verdict};

    #[test]
    fn bands_are_of_the_shortest_curve() {
        let band = Band::of(&[vec![1.0, 2.0, 9.0], vec![3.0, 0.0]]);
        assert_eq!(band, Band { mean: vec![2.0, 1.0], low: vec![1.0, 0.0], high: vec![3.0, 2.0] });
        assert_eq!(Band::of(&[]), Band::default());
    }

    #[test]
    fn claims_about_no_network_are_not_held() {
        let claim = || Claim::new("a.b", Kind::Prediction, "something");
        let none = || Analysed::<f64> { trained: 3, found: Vec::new(), failed: Vec::new() };
        let judged = none().judged(claim(), "NaN", true);
        assert_eq!((judged.verdict, judged.seeds), (Verdict::NotReproduced, 3));
        assert_eq!(judged.measured, "none of 3 networks learned both features to 99 %");
        assert_eq!(none().noted(claim(), "NaN").explanation, "");
        let lost = Analysed { found: vec![1.0], failed: vec!["the network of seed 2: no class".to_owned()], ..none() };
        let judged = lost.judged(claim(), "1", true);
        assert_eq!(judged.verdict, Verdict::NotReproduced);
        assert_eq!(
            judged.measured,
            "2 of 3 networks learned both features; 1 of them could not be analysed, such as the network of seed 2: no class"
        );
        let some = Analysed { found: vec![1.0, 2.0], ..none() };
        assert_eq!(some.values(|v| 2.0 * v), [2.0, 4.0]);
        let held = some.judged(claim(), "3", true);
        assert_eq!((held.verdict, held.seeds), (Verdict::Reproduced, 2));
        assert_eq!(held.measured, "3 (2 of 3 networks learned both features)");
    }
}

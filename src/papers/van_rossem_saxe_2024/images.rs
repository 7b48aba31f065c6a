//! Real images for the two experiments on classification: the bundled digits, or MNIST from a folder of its IDX files.

use std::path::Path;

use super::settings::two_points;
use crate::config::{
    Activation, Batch, BatchMode, Experiment, Init, Loss, LossKind, Model, Normalise, Optimiser, OptimiserKind,
    ProbeFrom, Reduction, Source,
};
use crate::data::{self, Dataset, Targets, read_labels, read_table};
use crate::error::{Error, Result};
use crate::papers::Lab;
use crate::train::Prepared;

/// Images ready for training, and what they are called.
pub struct Images {
    /// Training and test images.
    pub data: Prepared,
    /// Their name.
    pub name: &'static str,
    /// Labels of the training images.
    pub labels: Vec<u32>,
}

/// The digits, or MNIST if the user named its folder. `experiment` says how much is held out and probed.
///
/// # Errors
/// If the folder does not hold MNIST.
pub fn images(lab: &Lab<'_>, experiment: &Experiment) -> Result<Images> {
    let (mut images, name) = match lab.request().data.as_deref() {
        None => (data::digits(), "digits"),
        Some(folder) => (mnist(folder)?, "MNIST"),
    };
    // One mean and one deviation for all pixels, as the released experiment has it: by pixel, a pixel that is rarely lit would
    // outweigh all others.
    let values = &mut images.inputs.values;
    let count = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let deviation = (values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count).sqrt();
    values.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / deviation) as f32);
    let data = Prepared::from_dataset(images, experiment)?;
    let labels = data.train.classes().to_vec();
    Ok(Images { data, name, labels })
}

fn mnist(folder: &Path) -> Result<Dataset> {
    let file = |stem: &str| -> Result<std::path::PathBuf> {
        let other = stem.replacen("-idx", ".idx", 1);
        let names = [stem.to_owned(), format!("{stem}.gz"), format!("{other}.gz"), other];
        names.iter().map(|name| folder.join(name)).find(|path| path.exists()).ok_or_else(|| {
            Error::data(folder, format!("expected MNIST's {stem} in it: name the folder of its IDX files"))
        })
    };
    let inputs = read_table(&file("train-images-idx3-ubyte")?)?;
    let path = file("train-labels-idx1-ubyte")?;
    let labels = read_labels(&path)?;
    let classes = data::number_classes(&[(&labels, &path)], None)?.classes;
    Dataset::new("mnist", inputs, Targets::Classes { labels: labels.classes(), classes })
}

/// The released experiment's network on images of ten classes: four hidden layers of 200 leaky ReLU units, half the mean
/// squared error to one-hot targets.
pub fn classifier(lab: &Lab<'_>, kind: OptimiserKind, lr: f64, steps: u32) -> Experiment {
    let mut e = two_points(steps);
    e.data.source = Source::Digits;
    e.data.normalise = Normalise::None;
    e.data.test_fraction = 0.2;
    e.model = Model {
        layers: vec![lab.at(100, 200, 200); 4].into(),
        activation: Activation::LeakyRelu,
        init: Init::XavierNormal,
        gain: 0.5,
        ..Model::default()
    };
    e.loss = Loss { kind: LossKind::Mse, reduction: Reduction::HalfMean, ..Loss::default() };
    e.optimiser = Optimiser { kind, lr, ..Optimiser::default() };
    e.batch = Batch { mode: BatchMode::Shuffled, size: 64 };
    e.probe.from = ProbeFrom::Train;
    e.observe.measures = vec![crate::config::Measure::Loss, crate::config::Measure::Accuracy];
    e
}

//! Scaling of inputs.

use super::Table;
use crate::error::{Error, Result};
use crate::settings::choices;

choices! {
    /// How inputs are scaled. Constants come from the training examples alone.
    Normalise {
        /// As they are in the file.
        None = "none",
        /// Divided by the largest absolute value of all inputs.
        #[default]
        Unit = "unit" ["minmax"],
        /// To mean 0 and variance 1 for each input; an input that never changes becomes 0.
        Standard = "standard" ["zscore"],
        /// To mean 0 and variance 1 for each channel of images `[channels, height, width]`, of which `[height, width]` have one, over
        /// all their pixels; a channel that never changes becomes 0. Or by the numbers that `data.mean` and `data.std` give.
        Channel = "channel" ["per_channel"],
    }
}

/// A scaling, measured and ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// For each column what is subtracted and what the rest is then divided by; a divisor of 0 makes the column zero.
    columns: Vec<(f64, f64)>,
}

impl Scaling {
    /// Measures a scaling on the training rows.
    pub fn fit(how: Normalise, inputs: &Table, train: &[usize]) -> Result<Scaling> {
        if train.is_empty() {
            return Err(Error::config("inputs cannot be scaled without a training row"));
        }
        if let Some(&row) = train.iter().find(|&&row| row >= inputs.rows) {
            let rows = inputs.rows;
            return Err(Error::config(format!("training row {row} does not exist; there are {rows} rows from 0")));
        }
        let columns = match how {
            Normalise::None => vec![(0.0, 1.0); inputs.width()],
            Normalise::Unit => {
                let largest = train.iter().flat_map(|&row| inputs.row(row)).fold(0.0f32, |max, x| max.max(x.abs()));
                vec![(0.0, if largest == 0.0 { 1.0 } else { f64::from(largest) }); inputs.width()]
            }
            Normalise::Standard => mean_and_deviation(inputs, train, 1),
            Normalise::Channel => return Self::of_channels(image(&inputs.shape)?, inputs, train, None),
        };
        Ok(Scaling { columns })
    }

    /// Of images of the shape `[channels, height, width]`, whose values stand in that order: each channel to mean 0 and variance 1 on
    /// the training rows, or by means and deviations that are given, one of either for each channel or one for all.
    pub fn of_channels(
        [channels, height, width]: [usize; 3],
        inputs: &Table,
        train: &[usize],
        given: Option<[&[f64]; 2]>,
    ) -> Result<Scaling> {
        let of = match given {
            None => mean_and_deviation(inputs, train, height * width),
            Some(given) => {
                if let Some(list) = given.iter().find(|list| ![1, channels].contains(&list.len())) {
                    return Err(Error::config(format!(
                        "data.mean and data.std: expected a number for each of {channels} channels, or one for all, got {}",
                        list.len()
                    )));
                }
                let [mean, std] = given;
                (0..channels).map(|channel| (mean[channel % mean.len()], std[channel % std.len()])).collect()
            }
        };
        Ok(Scaling { columns: of.into_iter().flat_map(|column| vec![column; height * width]).collect() })
    }

    /// Scales all rows. Fails, leaving the table half scaled, where the table has another width than the one measured,
    /// or where a value grows beyond what a 32-bit float can hold.
    pub fn apply(&self, inputs: &mut Table) -> Result<()> {
        let width = inputs.width();
        if width != self.columns.len() {
            let measured = self.columns.len();
            return Err(Error::Shape(format!("a scaling of {measured} columns cannot be applied to {width} columns")));
        }
        for (row, values) in inputs.values.chunks_exact_mut(width.max(1)).enumerate() {
            for (column, (value, &(shift, divisor))) in values.iter_mut().zip(&self.columns).enumerate() {
                let scaled = if divisor == 0.0 { 0.0 } else { ((f64::from(*value) - shift) / divisor) as f32 };
                if !scaled.is_finite() {
                    return Err(Error::config(format!(
                        "row {row}, column {column} (counted from 0) is {value} and grows beyond all bounds when it is \
                         divided by {divisor}, measured on the training rows; drop the row or the column"
                    )));
                }
                *value = scaled;
            }
        }
        Ok(())
    }
}

/// Measures a scaling on the training rows and applies it to all rows.
pub fn normalise(how: Normalise, inputs: &mut Table, train: &[usize]) -> Result<Scaling> {
    let scaling = Scaling::fit(how, inputs, train)?;
    if how != Normalise::None {
        scaling.apply(inputs)?;
    }
    Ok(scaling)
}

/// `[channels, height, width]` of examples of a shape.
pub fn image(shape: &[usize]) -> Result<[usize; 3]> {
    match *shape {
        [channels, height, width] => Ok([channels, height, width]),
        [height, width] => Ok([1, height, width]),
        _ => Err(Error::config(format!(
            "expected images, [channels, height, width], got examples of the shape {shape:?}: say model.input_shape if they are such, \
             one channel after the other"
        ))),
    }
}

/// Mean and standard deviation of each column, or of so many columns together; the deviation is 0 exactly where nothing changes.
fn mean_and_deviation(inputs: &Table, train: &[usize], together: usize) -> Vec<(f64, f64)> {
    let (parts, count) = (inputs.width() / together, (train.len() * together) as f64);
    let first = train.first().map(|&row| inputs.row(row)).unwrap_or_default();
    let mut means = vec![0.0f64; parts];
    let mut constant = vec![true; parts];
    for &row in train {
        for (part, values) in inputs.row(row).chunks_exact(together).enumerate() {
            for &value in values {
                means[part] += f64::from(value) / count;
                constant[part] &= value == first[part * together];
            }
        }
    }
    // A second pass: the difference of the sums of squares would lose all digits where the mean is large.
    let mut variances = vec![0.0f64; parts];
    for &row in train {
        for (part, values) in inputs.row(row).chunks_exact(together).enumerate() {
            for &value in values {
                variances[part] += (f64::from(value) - means[part]).powi(2) / count;
            }
        }
    }
    let deviation = |part: usize| if constant[part] { 0.0 } else { variances[part].sqrt() };
    means.iter().enumerate().map(|(column, &mean)| (mean, deviation(column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, values: &[f32]) -> Table {
        Table { rows: values.len() / width, shape: vec![width], values: values.to_vec() }
    }

    #[test]
    fn unit_divides_by_the_largest_training_value() {
        let mut inputs = table(2, &[1.0, -4.0, 2.0, 0.0, 8.0, 0.0]);
        normalise(Normalise::Unit, &mut inputs, &[0, 1]).unwrap();
        assert_eq!(inputs.values, [0.25, -1.0, 0.5, 0.0, 2.0, 0.0]);
        let mut zeros = table(1, &[0.0, 0.0]);
        normalise(Normalise::Unit, &mut zeros, &[0]).unwrap();
        assert_eq!(zeros.values, [0.0, 0.0]);
    }

    #[test]
    fn standard_has_mean_0_and_deviation_1_on_training_rows() {
        let values: Vec<f32> = (0..300).map(|i| 1000.0 + ((i * 7919) % 101) as f32).collect();
        let mut inputs = table(3, &values);
        let train: Vec<usize> = (0..70).collect();
        normalise(Normalise::Standard, &mut inputs, &train).unwrap();
        for (mean, deviation) in mean_and_deviation(&inputs, &train, 1) {
            assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean} {deviation}");
        }
    }

    #[test]
    fn constant_columns_become_zero() {
        // 0.1 is not exact in binary: its mean over three rows differs from it in the last digit.
        let mut inputs = table(2, &[0.1, 1.0, 0.1, 2.0, 0.1, 3.0, 9.0, 4.0]);
        normalise(Normalise::Standard, &mut inputs, &[0, 1, 2]).unwrap();
        assert!([0, 2, 4, 6].iter().all(|&at| inputs.values[at] == 0.0), "{:?}", inputs.values);
        assert!((inputs.values[1] + 1.5f32.sqrt()).abs() < 1e-6);
    }

    /// Two images of two channels of 1 x 2 pixels: the first channel has the values 0, 2, 4, 6, the second is constant.
    #[test]
    fn channels_have_mean_0_and_deviation_1_over_all_their_pixels() {
        let images = || Table {
            shape: vec![2, 1, 2],
            ..table(4, &[0.0, 2.0, 7.0, 7.0, 4.0, 6.0, 7.0, 7.0, 8.0, 3.0, 9.0, 7.0])
        };
        let mut inputs = images();
        normalise(Normalise::Channel, &mut inputs, &[0, 1]).unwrap();
        let of = |x: f64| ((x - 3.0) / 5.0f64.sqrt()) as f32;
        let first = [0.0, 2.0, 4.0, 6.0, 8.0, 3.0].map(of);
        let expected: Vec<f32> = first.chunks(2).flat_map(|pair| [pair[0], pair[1], 0.0, 0.0]).collect();
        assert_eq!(inputs.values, expected);
        // torchvision.transforms.Normalize(mean = [1, 5], std = [2, 4]), and with one number for both channels.
        let mut inputs = images();
        let scaling = Scaling::of_channels([2, 1, 2], &inputs, &[0], Some([&[1.0, 5.0], &[2.0, 4.0]])).unwrap();
        scaling.apply(&mut inputs).unwrap();
        assert_eq!(inputs.values[..8], [-0.5, 0.5, 0.5, 0.5, 1.5, 2.5, 0.5, 0.5]);
        let same = Scaling::of_channels([2, 1, 2], &images(), &[0], Some([&[1.0], &[2.0]])).unwrap();
        assert_eq!(same.columns, [(1.0, 2.0); 4]);
        let refused =
            Scaling::of_channels([2, 1, 2], &images(), &[0], Some([&[1.0; 3], &[2.0]])).unwrap_err().to_string();
        assert!(refused.contains("each of 2 channels, or one for all, got 3"), "{refused}");
        // Images without channels are one; rows of numbers are none.
        assert_eq!(image(&[3, 4]).unwrap(), [1, 3, 4]);
        let refused = normalise(Normalise::Channel, &mut table(4, &[0.0; 4]), &[0]).unwrap_err().to_string();
        assert!(refused.contains("expected images") && refused.contains("model.input_shape"), "{refused}");
    }

    #[test]
    fn none_changes_nothing() {
        let mut inputs = table(1, &[0.1, 3e38]);
        let scaling = normalise(Normalise::None, &mut inputs, &[0]).unwrap();
        scaling.apply(&mut inputs).unwrap();
        assert_eq!(inputs.values, [0.1, 3e38]);
    }

    #[test]
    fn what_cannot_be_scaled_is_refused() {
        let mut inputs = table(1, &[1e-40, 1e38]);
        assert!(normalise(Normalise::Unit, &mut inputs, &[0]).unwrap_err().to_string().contains("row 1, column 0"));
        assert!(Scaling::fit(Normalise::Unit, &inputs, &[]).is_err());
        assert!(Scaling::fit(Normalise::Unit, &inputs, &[2]).is_err());
        let scaling = Scaling::fit(Normalise::Standard, &inputs, &[0, 1]).unwrap();
        assert!(matches!(scaling.apply(&mut table(2, &[1.0, 2.0])), Err(Error::Shape(_))));
    }
}

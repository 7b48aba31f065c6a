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
            Normalise::Standard => mean_and_deviation(inputs, train),
        };
        Ok(Scaling { columns })
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

/// Mean and standard deviation of each column; the deviation is 0 exactly where the column is constant.
fn mean_and_deviation(inputs: &Table, train: &[usize]) -> Vec<(f64, f64)> {
    let (width, count) = (inputs.width(), train.len() as f64);
    let first = train.first().map(|&row| inputs.row(row)).unwrap_or_default();
    let mut means = vec![0.0f64; width];
    let mut constant = vec![true; width];
    for &row in train {
        for (column, &value) in inputs.row(row).iter().enumerate() {
            means[column] += f64::from(value) / count;
            constant[column] &= value == first[column];
        }
    }
    // A second pass: the difference of the sums of squares would lose all digits where the mean is large.
    let mut variances = vec![0.0f64; width];
    for &row in train {
        for (column, &value) in inputs.row(row).iter().enumerate() {
            variances[column] += (f64::from(value) - means[column]).powi(2) / count;
        }
    }
    let deviation = |column: usize| if constant[column] { 0.0 } else { variances[column].sqrt() };
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
        for (mean, deviation) in mean_and_deviation(&inputs, &train) {
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

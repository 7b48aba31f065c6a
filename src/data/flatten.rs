//! One row of units for each example, from arrays with more axes: images of channels, tokens of a text.
//!
//! Measures compare matrices of examples and units. What becomes of positions (pixels, tokens) is a choice that changes
//! the result, so it has a name and is never made silently.

use std::fmt;
use std::str::FromStr;

use super::decode::Value;
use super::representations::Representation;
use crate::error::{Error, Result};

/// What becomes of the positions of an example. Examples that have none (one axis) stay as they are, whatever the
/// choice, so that layers of both sorts can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Flatten {
    /// `units`: every number of an example is a unit of its own. `[channels, height, width]` becomes
    /// `channels * height * width` units.
    #[default]
    Units,
    /// `mean`: the mean over all positions; the units of one position remain.
    Mean,
    /// `max`: the largest value over all positions; the units of one position remain.
    Max,
    /// `positions`: every position of every example becomes an example. Rows multiply; those of one example follow each
    /// other in the order of its positions, and a label holds for all of them.
    Positions,
    /// `first`: the first token alone, such as BERT's `[CLS]`. For examples of tokens and units only.
    First,
    /// `last`: the last token alone. For examples of tokens and units only; where texts were padded, this is padding.
    Last,
}

/// Which axis of an example holds the units of a position. The others are positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Channels {
    /// `by-rank`: the last of two axes (`[tokens, units]`, as Transformers have it), the first of three and more
    /// (`[channels, height, width]`, as PyTorch has it).
    #[default]
    ByRank,
    /// `channels-first`: always the first, as in PyTorch's one-dimensional convolutions.
    First,
    /// `channels-last`: always the last, as in TensorFlow, Keras and Flax.
    Last,
}

impl Flatten {
    /// Every choice.
    pub const ALL: [Flatten; 6] =
        [Flatten::Units, Flatten::Mean, Flatten::Max, Flatten::Positions, Flatten::First, Flatten::Last];

    /// What it is called on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Flatten::Units => "units",
            Flatten::Mean => "mean",
            Flatten::Max => "max",
            Flatten::Positions => "positions",
            Flatten::First => "first",
            Flatten::Last => "last",
        }
    }

    /// How examples of this shape are flattened; for reading some rows at a time.
    ///
    /// # Errors
    /// [`Error::Shape`] when the shape has no axes or no values, and when `first` or `last` meets examples of more than
    /// two axes. The message says what shape came.
    pub fn plan(self, shape: &[usize], channels: Channels) -> Result<Flattening> {
        let width = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        let Some(width) = width.filter(|&width| width > 0 && !shape.is_empty()) else {
            return Err(Error::Shape(format!("examples of shape {shape:?} hold no values to flatten")));
        };
        let channels_first = match channels {
            Channels::ByRank => shape.len() > 2,
            Channels::First => true,
            Channels::Last => false,
        };
        let units = match shape {
            [one] => *one,
            [first, .., last] => {
                if channels_first {
                    *first
                } else {
                    *last
                }
            }
            [] => 1,
        };
        if matches!(self, Flatten::First | Flatten::Last) && shape.len() > 2 {
            let name = self.name();
            return Err(Error::Shape(format!(
                "`{name}` takes one token of an array of [examples, tokens, units], but each example has the shape \
                 {shape:?}; flatten with `mean`, `max`, `units` or `positions`"
            )));
        }
        Ok(Flattening { how: self, channels_first, units, positions: width / units })
    }
}

impl fmt::Display for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Flatten {
    type Err = Error;

    fn from_str(text: &str) -> Result<Flatten> {
        let found = Flatten::ALL.into_iter().find(|choice| choice.name() == text);
        found.ok_or_else(|| {
            let names = Flatten::ALL.map(Flatten::name).join(", ");
            Error::config(format!("expected one of {names} for flattening, but got `{text}`"))
        })
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channels::ByRank => "by-rank",
            Channels::First => "channels-first",
            Channels::Last => "channels-last",
        })
    }
}

impl FromStr for Channels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Channels> {
        match text {
            "by-rank" => Ok(Channels::ByRank),
            "channels-first" | "first" => Ok(Channels::First),
            "channels-last" | "last" => Ok(Channels::Last),
            _ => Err(Error::config(format!("expected by-rank, channels-first or channels-last, but got `{text}`"))),
        }
    }
}

/// How examples of one shape are flattened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flattening {
    how: Flatten,
    channels_first: bool,
    /// Units of one position.
    units: usize,
    positions: usize,
}

impl Flattening {
    /// Rows that one example becomes: 1, or with `positions` the number of its positions. Labels are repeated as often.
    pub fn rows_each(&self) -> usize {
        if self.how == Flatten::Positions { self.positions } else { 1 }
    }

    /// Units of a row.
    pub fn width(&self) -> usize {
        if self.how == Flatten::Units { self.units * self.positions } else { self.units }
    }

    /// Flattens whole examples, row-major; the result is row-major too. Means are computed in 64 bits.
    ///
    /// # Errors
    /// [`Error::Shape`] when the values do not make whole examples.
    pub fn apply<V: Value>(&self, values: Vec<V>) -> Result<Vec<V>> {
        let Flattening { how, channels_first, units, positions } = *self;
        let width = units * positions;
        if !values.len().is_multiple_of(width) {
            let came = values.len();
            return Err(Error::Shape(format!("{came} values do not make whole examples of {width} values each")));
        }
        if how == Flatten::Units || positions == 1 || (how == Flatten::Positions && !channels_first) {
            return Ok(values);
        }
        let place = |position: usize, unit: usize| match channels_first {
            true => unit * positions + position,
            false => position * units + unit,
        };
        let mut flat = Vec::with_capacity(values.len() / width * self.rows_each() * units);
        for example in values.chunks_exact(width) {
            match how {
                Flatten::Positions => flat.extend(
                    (0..positions).flat_map(|position| (0..units).map(move |unit| example[place(position, unit)])),
                ),
                Flatten::First => flat.extend((0..units).map(|unit| example[place(0, unit)])),
                Flatten::Last => flat.extend((0..units).map(|unit| example[place(positions - 1, unit)])),
                Flatten::Units | Flatten::Mean | Flatten::Max => flat.extend((0..units).map(|unit| {
                    let of_unit = (0..positions).map(|position| example[place(position, unit)].to_f64());
                    V::from_f64(if how == Flatten::Max {
                        of_unit.fold(f64::NEG_INFINITY, f64::max)
                    } else {
                        mean(of_unit, positions as f64)
                    })
                })),
            }
        }
        Ok(flat)
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone, count: f64) -> f64 {
    let sum: f64 = values.clone().sum();
    // The sum of finite values may be too large for a float when their mean is not.
    if sum.is_finite() { sum / count } else { values.map(|value| value / count).sum() }
}

impl Representation {
    /// The representation with one row of units for each example (or, with [`Flatten::Positions`], for each position).
    ///
    /// # Errors
    /// [`Error::Data`] with the representation's name where [`Flatten::plan`] gives [`Error::Shape`].
    pub fn flattened(self, how: Flatten, channels: Channels) -> Result<Representation> {
        let Representation { name, rows, shape, values, dtype } = self;
        let flat = how.plan(&shape, channels).and_then(|plan| Ok((plan, plan.apply(values)?)));
        let (plan, values) = flat.map_err(|error| Error::data(&name, error.to_string()))?;
        Ok(Representation { rows: rows * plan.rows_each(), shape: vec![plan.width()], name, values, dtype })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dtype;

    fn flat(how: Flatten, channels: Channels, rows: usize, shape: &[usize]) -> Result<(usize, Vec<f64>)> {
        // The value at [e, i, j, ...] is the number whose digits are these indices.
        let digits = |mut at: usize| {
            let mut value = 0;
            let mut unit = 1;
            for side in shape.iter().rev() {
                value += at % side * unit;
                at /= side;
                unit *= 10;
            }
            (value + at * unit) as f64
        };
        let values = (0..rows * shape.iter().product::<usize>()).map(digits).collect();
        let whole = Representation::new("x.npy".to_owned(), rows, shape.to_vec(), Dtype::F32, values)?;
        let flat = whole.flattened(how, channels)?;
        assert_eq!((flat.shape.len(), flat.rows * flat.shape[0]), (1, flat.values.len()));
        Ok((flat.rows, flat.values))
    }

    #[test]
    fn tokens_and_units() {
        use Channels::{ByRank, First as ChannelsFirst};
        let shape = [3, 2];
        let of = |how, channels| flat(how, channels, 2, &shape).unwrap();
        let all = [0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 100.0, 101.0, 110.0, 111.0, 120.0, 121.0];
        assert_eq!(of(Flatten::Units, ByRank), (2, all.to_vec()));
        assert_eq!(of(Flatten::Positions, ByRank), (6, all.to_vec()));
        assert_eq!(of(Flatten::Mean, ByRank), (2, vec![10.0, 11.0, 110.0, 111.0]));
        assert_eq!(of(Flatten::Max, ByRank), (2, vec![20.0, 21.0, 120.0, 121.0]));
        assert_eq!(of(Flatten::First, ByRank), (2, vec![0.0, 1.0, 100.0, 101.0]));
        assert_eq!(of(Flatten::Last, ByRank), (2, vec![20.0, 21.0, 120.0, 121.0]));
        assert_eq!(of(Flatten::Max, ChannelsFirst), (2, vec![1.0, 11.0, 21.0, 101.0, 111.0, 121.0]));
        assert_eq!(of(Flatten::Last, ChannelsFirst), (2, vec![1.0, 11.0, 21.0, 101.0, 111.0, 121.0]));
    }

    #[test]
    fn channels_height_and_width() {
        let shape = [2, 3, 2];
        let of = |how, channels| flat(how, channels, 2, &shape).unwrap();
        assert_eq!(of(Flatten::Units, Channels::ByRank).1.len(), 24);
        assert_eq!(of(Flatten::Mean, Channels::ByRank), (2, vec![10.5, 110.5, 1010.5, 1110.5]));
        assert_eq!(of(Flatten::Max, Channels::Last), (2, vec![120.0, 121.0, 1120.0, 1121.0]));
        let (rows, values) = of(Flatten::Positions, Channels::ByRank);
        assert_eq!((rows, &values[..4], &values[22..]), (12, &[0.0, 100.0, 1.0, 101.0][..], &[1021.0, 1121.0][..]));
        assert_eq!(of(Flatten::Positions, Channels::Last).1[..4], [0.0, 1.0, 10.0, 11.0]);
        for how in [Flatten::First, Flatten::Last] {
            let said = flat(how, Channels::ByRank, 2, &shape).unwrap_err().to_string();
            assert!(said.starts_with("x.npy: ") && said.contains("[2, 3, 2]"), "{said}");
        }
    }

    #[test]
    fn what_has_no_positions_stays_as_it_is() {
        for how in Flatten::ALL {
            for channels in [Channels::ByRank, Channels::First, Channels::Last] {
                assert_eq!(flat(how, channels, 2, &[3]).unwrap(), (2, vec![0.0, 1.0, 2.0, 10.0, 11.0, 12.0]));
            }
        }
    }

    #[test]
    fn batches_in_both_precisions_give_the_same_as_the_whole() {
        let plan = Flatten::Mean.plan(&[2, 2, 2], Channels::ByRank).unwrap();
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let whole = plan.apply(values.clone()).unwrap();
        let parts: Vec<f32> = values.chunks(8).flat_map(|part| plan.apply(part.to_vec()).unwrap()).collect();
        assert_eq!((whole.len(), plan.width(), plan.rows_each()), (6, 2, 1));
        assert_eq!(whole, parts);
        assert!(plan.apply(vec![0.0; 9]).unwrap_err().to_string().contains("9 values"));
        let huge = Flatten::Mean.plan(&[2, 1], Channels::ByRank).unwrap().apply(vec![1.5e308, 1.5e308]).unwrap();
        assert_eq!(huge, [1.5e308]);
    }

    #[test]
    fn words_are_read_and_others_refused() {
        for how in Flatten::ALL {
            assert_eq!(how.to_string().parse::<Flatten>().unwrap(), how);
        }
        for channels in [Channels::ByRank, Channels::First, Channels::Last] {
            assert_eq!(channels.to_string().parse::<Channels>().unwrap(), channels);
        }
        let said = "avg".parse::<Flatten>().unwrap_err().to_string();
        assert!(said.contains("`avg`") && said.contains("units, mean, max, positions, first, last"), "{said}");
        assert!("nhwc".parse::<Channels>().unwrap_err().to_string().contains("channels-last"));
        for shape in [&[][..], &[0], &[3, 0], &[usize::MAX, 2]] {
            assert!(Flatten::Mean.plan(shape, Channels::ByRank).is_err(), "{shape:?}");
        }
    }
}

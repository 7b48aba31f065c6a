//! `isogram compare --batch`: files that are read a batch of rows at a time.

use isogram::Error;
use isogram::data::{ArrayFile, Flattening, RowReader};
use isogram::measure::catalogue::Measure;
use isogram::measure::compare::{Named, Place, Table, Undefined};
use isogram::measure::streaming::{STREAMED, Source, Sums, not_streamed};

use super::compare::Inputs;
use super::{CompareArgs, say};

/// What is compared where nothing is said.
const MAIN: [&str; 4] = ["cka", "cka:biased", "procrustes", "linear_regression"];

/// Names of the measures: those asked for, or the main ones that can be had by batches.
pub(super) fn names(args: &CompareArgs) -> Vec<String> {
    if args.measures.is_empty() { MAIN.map(str::to_owned).to_vec() } else { args.measures.clone() }
}

/// An array of a file, flattened as it is read.
struct Array {
    reader: RowReader,
    flat: Flattening,
}

impl Source for Array {
    fn name(&self) -> &str {
        self.reader.name()
    }

    fn examples(&self) -> usize {
        self.reader.rows() * self.flat.rows_each()
    }

    fn units(&self) -> usize {
        self.flat.width()
    }

    fn read(&mut self, start: usize, end: usize) -> Result<Vec<f64>, Error> {
        // Positions as examples: whole examples are read, and what was not asked for is dropped.
        let each = self.flat.rows_each();
        let (first, last) = (start / each, end.div_ceil(each));
        let mut values = self.flat.apply(self.reader.read::<f64>(first..last)?)?;
        let width = self.flat.width();
        values.truncate((end - first * each) * width);
        Ok(values.split_off((start - first * each) * width))
    }
}

/// Compares all pairs by batches of rows. The representations come without their values.
pub(super) fn compare(args: &CompareArgs, measures: &[Measure]) -> anyhow::Result<(Inputs, Vec<Table>)> {
    if let Some(one) = measures.iter().map(Measure::name).find(|name| !STREAMED.contains(&name.as_str())) {
        return Err(not_streamed(&one).into());
    }
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut left_out = Vec::new();
    for file in &args.files {
        let found = ArrayFile::open_with(file, &args.input.options())?;
        say(file, found.notes(), found.left_out());
        left_out.extend(found.left_out().iter().cloned());
        for info in found.arrays() {
            let reader = RowReader::open_with(std::path::Path::new(&info.name), &args.input.options())?;
            let flat = args
                .input
                .flatten
                .plan(reader.shape(), args.input.channels)
                .map_err(|error| Error::data(&info.name, error.to_string()))?;
            sources.push(Box::new(Array { reader, flat }));
        }
    }
    if sources.len() < 2 {
        return Err(Error::config(format!("expected two representations or more, got {}", sources.len())).into());
    }
    let sums = Sums::of(&mut sources, args.batch.max(1))?;
    let count = sources.len();
    let tables = measures
        .iter()
        .map(|measure| {
            let name = measure.name();
            let mut table = Table {
                completed: Vec::new(),
                refused: None,
                measure: name.clone(),
                values: vec![f64::NAN; count * count],
                undefined: Vec::new(),
                place: Place::Cpu,
            };
            for a in 0..count {
                for b in 0..count {
                    match sums.measure(&name, a, b) {
                        Ok(value) => table.values[a * count + b] = value,
                        Err(error) => table.undefined.push(Undefined { a, b, reason: error.to_string() }),
                    }
                }
            }
            table
        })
        .collect();
    // Extents without values: what is printed of a representation.
    let set = sources
        .iter()
        .map(|s| Named { name: s.name().to_owned(), values: faer::Mat::zeros(s.examples(), 0) })
        .collect();
    Ok((Inputs { set, left_out }, tables))
}

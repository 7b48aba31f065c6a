//! `isogram compare --batch`: files that are read a batch of rows at a time.

use isogram::Error;
use isogram::data::{ArrayFile, Flattening, LeftOut, RowReader};
use isogram::measure::catalogue::Measure;
use isogram::measure::compare::request::{Compared, Summary};
use isogram::measure::streaming::{MAIN, RowSource, Sums, not_streamed, streamed};

use super::CompareArgs;
use super::input::{fewer, say, shorten};

/// Names of the measures: those asked for, or the main ones that can be had by batches.
pub(super) fn names(args: &CompareArgs) -> Vec<String> {
    if args.measures.is_empty() { MAIN.iter().map(|&name| name.to_owned()).collect() } else { args.measures.clone() }
}

/// An array of a file, flattened as it is read.
struct Array {
    reader: RowReader,
    flat: Flattening,
}

impl RowSource for Array {
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

/// Compares all pairs by batches of rows. Of families, by what can be had so; what is named by itself and cannot is refused.
pub(super) fn compare(args: &CompareArgs, measures: Vec<Measure>) -> anyhow::Result<(Compared, Vec<LeftOut>)> {
    let (measures, whole): (Vec<Measure>, Vec<Measure>) = measures.into_iter().partition(streamed);
    let named = |one: &&Measure| args.measures.iter().any(|n| Measure::parse(n).is_ok_and(|m| m.name() == one.name()));
    let refused = whole.iter().find(named).or_else(|| whole.first().filter(|_| measures.is_empty()));
    if let Some(one) = refused {
        return Err(not_streamed(&one.name()).into());
    }
    if !whole.is_empty() && !args.quiet {
        let (left, of) = (whole.len(), whole.len() + measures.len());
        eprintln!("isogram: {left} of {of} measures need all examples at once, and are left out with --batch");
    }
    let memory = args.device.memory();
    let (mut sources, mut left_out): (Vec<Box<dyn RowSource>>, Vec<LeftOut>) = (Vec::new(), Vec::new());
    for file in &args.files {
        let mut leave_out = |name: String, error: Error| match error {
            Error::Data { message, .. } if !args.input.strict => {
                left_out.push(LeftOut { name, reason: message });
                Ok(())
            }
            other => Err(other),
        };
        let mut opened = match ArrayFile::open_with(file, &args.input.options()) {
            Ok(opened) => opened,
            Err(error) => {
                leave_out(file.display().to_string(), error)?;
                continue;
            }
        };
        say(&opened, file);
        for left in opened.left_out() {
            leave_out(left.name.clone(), Error::data(&left.name, left.reason.as_str()))?;
        }
        for number in 0..opened.arrays().len() {
            let name = opened.arrays()[number].name.clone();
            let array = opened.rows(number).and_then(|reader| {
                let flat = args.input.flatten.plan(reader.shape(), args.input.channels);
                let flat = flat.map_err(|error| Error::data(&name, error.to_string()))?;
                Ok(Array { reader, flat })
            });
            match array {
                Ok(array) => sources.push(Box::new(array)),
                Err(error) => leave_out(name, error)?,
            }
        }
    }
    if sources.len() < 2 {
        return Err(fewer(sources.len(), &left_out).into());
    }
    let mut sums = Sums::of(&mut sources, args.batch, memory)?;
    if measures.iter().any(|measure| ["procrustes", "nbs"].contains(&measure.entry.name)) {
        sums.refine(&mut sources)?;
    }
    let tables = measures.iter().map(|measure| sums.table(measure, memory)).collect();
    let mut set: Vec<Summary> = sources
        .iter()
        .map(|s| Summary { name: s.name().to_owned(), examples: s.examples(), units: s.units(), constant: 0 })
        .collect();
    shorten(set.iter_mut().map(|x| &mut x.name));
    Ok((Compared::of_tables(set, measures, tables), left_out))
}

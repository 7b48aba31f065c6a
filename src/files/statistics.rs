//! Statistics of representations as a long table: CSV to look at, Parquet to query.

use std::path::Path;

use parquet::data_type::ByteArray;

use super::atomic::write_atomic;
use super::table::{Cells, GROUP_ROWS, Kind, TableWriter};
use crate::error::{Error, Result};
use crate::measure::outcome::Outcome;

const COLUMNS: [(&str, Kind); 5] = [
    ("representation", Kind::Text),
    ("statistic", Kind::Text),
    ("value", Kind::MaybeDouble),
    ("without", Kind::MaybeText),
    ("reason", Kind::MaybeText),
];

/// A statistic of a representation: the names of both, and what became of it.
pub type StatisticRow = (String, String, Outcome);

/// Writes statistics as text, whole or not at all: a line for each, under `representation,statistic,value,without,reason`.
/// Where there is no value, which is empty then, `without` is `undefined` or `failed`, and `reason` says why.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write_statistics_csv(path: &Path, rows: &[StatisticRow]) -> Result<()> {
    let mut text = csv::Writer::from_writer(Vec::new());
    let mut lines = || -> csv::Result<()> {
        text.write_record(COLUMNS.map(|(name, _)| name))?;
        for (representation, statistic, cell) in rows {
            let value = cell.value().map(|value| value.to_string()).unwrap_or_default();
            let (kind, reason) = (cell.kind().unwrap_or_default(), cell.reason().unwrap_or_default());
            text.write_record([representation, statistic, value.as_str(), kind, reason])?;
        }
        Ok(())
    };
    lines().map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let bytes = text.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    write_atomic(path, &bytes)
}

/// The same as Parquet; a value that is not there is null.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write_statistics_parquet(path: &Path, rows: &[StatisticRow]) -> Result<()> {
    let mut writer = TableWriter::create(path, &COLUMNS)?;
    for group in rows.chunks(GROUP_ROWS) {
        writer.write_group(
            group.len(),
            &[
                Cells::Text(&|row| ByteArray::from(group[row].0.as_str())),
                Cells::Text(&|row| ByteArray::from(group[row].1.as_str())),
                Cells::MaybeDouble(&|row| group[row].2.value()),
                Cells::MaybeText(&|row| group[row].2.kind().map(ByteArray::from)),
                Cells::MaybeText(&|row| group[row].2.reason().map(ByteArray::from)),
            ],
        )?;
    }
    writer.finish()
}

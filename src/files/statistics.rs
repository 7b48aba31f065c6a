//! Statistics of representations as a long table: CSV to look at, Parquet to query.

use std::path::Path;

use parquet::data_type::ByteArray;

use super::atomic::write_atomic;
use super::table::{Cells, GROUP_ROWS, Kind, TableWriter};
use crate::error::{Error, Result};

const COLUMNS: [(&str, Kind); 3] = [("representation", Kind::Text), ("statistic", Kind::Text), ("value", Kind::Double)];

/// A statistic of a representation: the names of both, and the value (NaN where it is not defined).
pub type StatisticRow = (String, String, f64);

/// Writes statistics as text, whole or not at all: a line for each, under `representation,statistic,value`.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write_statistics_csv(path: &Path, rows: &[StatisticRow]) -> Result<()> {
    let mut text = csv::Writer::from_writer(Vec::new());
    let mut lines = || -> csv::Result<()> {
        text.write_record(COLUMNS.map(|(name, _)| name))?;
        for (representation, statistic, value) in rows {
            text.write_record([representation, statistic, &value.to_string()])?;
        }
        Ok(())
    };
    lines().map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let bytes = text.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    write_atomic(path, &bytes)
}

/// The same as Parquet.
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
                Cells::Double(&|row| group[row].2),
            ],
        )?;
    }
    writer.finish()
}

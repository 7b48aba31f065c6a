//! `pairs.parquet`: every compared pair of representations.
//!
//! A thousand replicas are half a million pairs, times layers, checkpoints and kinds: rows are kept by columns with
//! names and layers as places in a list, written a row group at a time, and can be read without holding them all.

use std::path::Path;

use parquet::data_type::ByteArray;

use super::table::{Cells, GROUP_ROWS, Kind, TableReader, TableWriter};
use super::words::Words;
use crate::error::Result;

const COLUMNS: [(&str, Kind); 7] = [
    ("name", Kind::Text),
    ("step", Kind::Long),
    ("replica_a", Kind::Unsigned),
    ("replica_b", Kind::Unsigned),
    ("layer_a", Kind::Text),
    ("layer_b", Kind::Text),
    ("value", Kind::Double),
];

/// One compared pair: representation `a` is layer `layer_a` of replica `replica_a`, and `b` likewise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRow<'a> {
    /// The measure, such as `cka`.
    pub name: &'a str,
    /// Optimiser steps done.
    pub step: u64,
    /// The first replica.
    pub replica_a: u32,
    /// The second replica; the first again for two layers of one network.
    pub replica_b: u32,
    /// The first replica's layer.
    pub layer_a: &'a str,
    /// The second replica's layer.
    pub layer_b: &'a str,
    /// The measure's value; NaN is allowed.
    pub value: f64,
}

/// Compared pairs by columns, 36 bytes a pair.
#[derive(Debug, Clone, Default)]
pub struct PairTable {
    words: Words,
    name: Vec<u32>,
    step: Vec<u64>,
    replica_a: Vec<u32>,
    replica_b: Vec<u32>,
    layer_a: Vec<u32>,
    layer_b: Vec<u32>,
    value: Vec<f64>,
}

impl PairTable {
    /// Adds a pair.
    pub fn push(&mut self, row: PairRow<'_>) {
        self.name.push(self.words.place(row.name));
        self.step.push(row.step);
        self.replica_a.push(row.replica_a);
        self.replica_b.push(row.replica_b);
        self.layer_a.push(self.words.place(row.layer_a));
        self.layer_b.push(self.words.place(row.layer_b));
        self.value.push(row.value);
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The pairs, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = PairRow<'_>> {
        let word = |place: u32| self.words.get(place).unwrap_or_default();
        (0..self.len()).map(move |row| PairRow {
            name: word(self.name[row]),
            step: self.step[row],
            replica_a: self.replica_a[row],
            replica_b: self.replica_b[row],
            layer_a: word(self.layer_a[row]),
            layer_b: word(self.layer_b[row]),
            value: self.value[row],
        })
    }

    /// Forgets the pairs, and keeps the words and the room.
    fn clear(&mut self) {
        self.name.clear();
        self.step.clear();
        self.replica_a.clear();
        self.replica_b.clear();
        self.layer_a.clear();
        self.layer_b.clear();
        self.value.clear();
    }

    fn write(&self, writer: &mut TableWriter) -> Result<()> {
        let words: Vec<ByteArray> = self.words.list().iter().map(|word| word.as_str().into()).collect();
        for start in (0..self.len()).step_by(GROUP_ROWS) {
            let text = |column: &[u32], row: usize| words[column[start + row] as usize].clone();
            writer.write_group(
                GROUP_ROWS.min(self.len() - start),
                &[
                    Cells::Text(&|row| text(&self.name, row)),
                    Cells::Long(&|row| i64::try_from(self.step[start + row]).unwrap_or(i64::MAX)),
                    Cells::Unsigned(&|row| self.replica_a[start + row]),
                    Cells::Unsigned(&|row| self.replica_b[start + row]),
                    Cells::Text(&|row| text(&self.layer_a, row)),
                    Cells::Text(&|row| text(&self.layer_b, row)),
                    Cells::Double(&|row| self.value[start + row]),
                ],
            )?;
        }
        Ok(())
    }
}

impl<'a> Extend<PairRow<'a>> for PairTable {
    fn extend<T: IntoIterator<Item = PairRow<'a>>>(&mut self, rows: T) {
        rows.into_iter().for_each(|row| self.push(row));
    }
}

/// Writes `pairs.parquet` as the pairs come, holding one row group of them.
pub struct PairWriter {
    writer: TableWriter,
    waiting: PairTable,
}

impl PairWriter {
    /// Starts the file, which takes its name on [`PairWriter::finish`]; dropped before that, it leaves nothing.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] when the folder cannot be written in.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { writer: TableWriter::create(path, &COLUMNS)?, waiting: PairTable::default() })
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] when the disk refuses a full row group.
    pub fn push(&mut self, row: PairRow<'_>) -> Result<()> {
        self.waiting.push(row);
        if self.waiting.len() == GROUP_ROWS {
            self.waiting.write(&mut self.writer)?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// Writes what waits and gives the file its name.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] when the disk refuses.
    pub fn finish(mut self) -> Result<()> {
        self.waiting.write(&mut self.writer)?;
        self.writer.finish()
    }
}

/// Writes `pairs.parquet`, whole or not at all.
///
/// # Errors
/// [`crate::error::Error::Io`] when the file cannot be written.
pub fn write_pairs(path: &Path, pairs: &PairTable) -> Result<()> {
    let mut writer = TableWriter::create(path, &COLUMNS)?;
    pairs.write(&mut writer)?;
    writer.finish()
}

/// Calls `pair` with each pair of `pairs.parquet`, in the order of the file, holding one row group at a time.
///
/// # Errors
/// [`crate::error::Error::Io`] when the file cannot be opened, [`crate::error::Error::Data`] when it is cut short or is
/// no such table; the pairs before the damage have then been seen.
pub fn scan_pairs(path: &Path, mut pair: impl FnMut(PairRow<'_>)) -> Result<()> {
    let reader = TableReader::open(path)?;
    let mut table = PairTable::default();
    for group in 0..reader.groups() {
        table.name = reader.text(group, "name", &mut table.words)?;
        table.step = reader.long(group, "step")?;
        table.replica_a = reader.unsigned(group, "replica_a")?;
        table.replica_b = reader.unsigned(group, "replica_b")?;
        table.layer_a = reader.text(group, "layer_a", &mut table.words)?;
        table.layer_b = reader.text(group, "layer_b", &mut table.words)?;
        table.value = reader.double(group, "value")?;
        reader.same_length(&[
            table.name.len(),
            table.step.len(),
            table.replica_a.len(),
            table.replica_b.len(),
            table.layer_a.len(),
            table.layer_b.len(),
            table.value.len(),
        ])?;
        table.iter().for_each(&mut pair);
    }
    Ok(())
}

/// Reads `pairs.parquet` whole.
///
/// # Errors
/// Those of [`scan_pairs`].
pub fn read_pairs(path: &Path) -> Result<PairTable> {
    let mut pairs = PairTable::default();
    scan_pairs(path, |row| pairs.push(row))?;
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(i: u32) -> PairRow<'static> {
        let layer = |i: u32| ["layers.0", "layers.1", "layers.2"][i as usize % 3];
        PairRow {
            name: if i.is_multiple_of(2) { "cka" } else { "cka_debiased" },
            step: u64::from(i) * 1_000_000,
            replica_a: i % 64,
            replica_b: u32::MAX - i,
            layer_a: layer(i),
            layer_b: layer(i / 3),
            value: -0.1 + f64::from(i),
        }
    }

    #[test]
    fn pairs_survive_a_round_trip_whole_or_streamed() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, streamed) = (dir.path().join("a.parquet"), dir.path().join("b.parquet"));
        let count = 1_050_000;
        let mut table = PairTable::default();
        table.extend((0..count).map(row));
        write_pairs(&whole, &table).unwrap();
        let mut writer = PairWriter::create(&streamed).unwrap();
        (0..count).try_for_each(|i| writer.push(row(i))).unwrap();
        writer.finish().unwrap();
        for path in [&whole, &streamed] {
            let mut seen = 0;
            scan_pairs(path, |pair| {
                assert_eq!(pair, row(seen));
                seen += 1;
            })
            .unwrap();
            assert_eq!(seen, count);
        }
        assert_eq!(std::fs::read(&whole).unwrap(), std::fs::read(&streamed).unwrap());
    }

    #[test]
    fn no_pairs_and_nan_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs.parquet");
        write_pairs(&path, &PairTable::default()).unwrap();
        assert!(read_pairs(&path).unwrap().is_empty());
        let mut table = PairTable::default();
        table.push(PairRow { value: f64::NAN, ..row(3) });
        write_pairs(&path, &table).unwrap();
        assert!(read_pairs(&path).unwrap().iter().all(|pair| pair.value.is_nan()));
    }

    #[test]
    fn a_wrong_or_damaged_file_gets_one_clear_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs.parquet");
        std::fs::write(&path, b"PAR1 is not enough").unwrap();
        assert!(read_pairs(&path).unwrap_err().to_string().contains("not a whole parquet file"));
        super::super::metrics::write_metrics(
            &path,
            &[super::super::metrics::ReplicaColumns::default()],
            [super::super::metrics::MetricRow {
                replica: 0,
                step: 0,
                layer: None,
                name: "loss".to_owned(),
                value: 1.0,
            }],
        )
        .unwrap();
        let said = read_pairs(&path).unwrap_err().to_string();
        assert!(said.contains("no column `replica_a`"), "{said}");
    }
}

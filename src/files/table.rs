//! Parquet by columns, for the two tables of a run: written a row group at a time, read a row group at a time.
//!
//! The low-level interface of the `parquet` crate is enough for flat columns of numbers and words, and needs no Arrow.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::atomic::AtomicFile;
use super::words::Words;
use crate::error::{Error, Result};

/// Rows of a row group: enough that the dictionaries pay, few enough that a group fits in memory on any machine.
pub const GROUP_ROWS: usize = 1 << 20;

/// Rows that are turned into the crate's types at a time.
const BATCH: usize = 8192;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned numbers of 32 bits, never null.
    Unsigned,
    /// Whole numbers of 64 bits, never null.
    Long,
    /// Numbers, never null; NaN is a number.
    Double,
    /// Numbers, or null.
    MaybeDouble,
    /// Truth values, or null.
    MaybeBool,
    /// Words, never null.
    Text,
    /// Words, or null.
    MaybeText,
}

/// Where a row group's column comes from: the cell of each row.
pub enum Cells<'a> {
    /// For [`Kind::Unsigned`].
    Unsigned(&'a dyn Fn(usize) -> u32),
    /// For [`Kind::Long`].
    Long(&'a dyn Fn(usize) -> i64),
    /// For [`Kind::Double`].
    Double(&'a dyn Fn(usize) -> f64),
    /// For [`Kind::MaybeDouble`].
    MaybeDouble(&'a dyn Fn(usize) -> Option<f64>),
    /// For [`Kind::MaybeBool`].
    MaybeBool(&'a dyn Fn(usize) -> Option<bool>),
    /// For [`Kind::Text`].
    Text(&'a dyn Fn(usize) -> ByteArray),
    /// For [`Kind::MaybeText`].
    MaybeText(&'a dyn Fn(usize) -> Option<ByteArray>),
}

/// A parquet file under construction. It takes its name when it is finished.
pub struct TableWriter {
    writer: SerializedFileWriter<AtomicFile>,
    path: PathBuf,
}

impl TableWriter {
    /// Starts a file with these columns.
    pub fn create(path: &Path, columns: &[(&str, Kind)]) -> Result<Self> {
        let refused = refused(path);
        let fields = columns.iter().map(|&(name, kind)| field(name, kind).map(Arc::new)).collect::<Result<_, _>>();
        let schema = fields.and_then(|fields| Type::group_type_builder("isogram").with_fields(fields).build());
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(format!("isogram {}", env!("CARGO_PKG_VERSION")));
        for &(name, _) in columns.iter().filter(|(_, kind)| *kind == Kind::Double) {
            // Measured values hardly repeat: a dictionary of them costs time and is thrown away in the end.
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), false);
        }
        let writer = SerializedFileWriter::new(
            AtomicFile::create(path)?,
            Arc::new(schema.map_err(&refused)?),
            Arc::new(properties.build()),
        );
        Ok(Self { writer: writer.map_err(&refused)?, path: path.to_owned() })
    }

    /// Writes `rows` rows; `cells` are the columns in the order in which they were declared.
    pub fn write_group(&mut self, rows: usize, cells: &[Cells<'_>]) -> Result<()> {
        write_group(&mut self.writer, rows, cells).map_err(refused(&self.path))
    }

    /// Writes the footer and gives the file its name.
    pub fn finish(self) -> Result<()> {
        self.writer.into_inner().map_err(refused(&self.path))?.commit()
    }
}

fn field(name: &str, kind: Kind) -> Result<Type, ParquetError> {
    let (physical, logical, repetition) = match kind {
        Kind::Unsigned => (Physical::INT32, Some(LogicalType::integer(32, false)), Repetition::REQUIRED),
        Kind::Long => (Physical::INT64, None, Repetition::REQUIRED),
        Kind::Double => (Physical::DOUBLE, None, Repetition::REQUIRED),
        Kind::MaybeDouble => (Physical::DOUBLE, None, Repetition::OPTIONAL),
        Kind::MaybeBool => (Physical::BOOLEAN, None, Repetition::OPTIONAL),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
        Kind::MaybeText => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::OPTIONAL),
    };
    Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition).build()
}

fn write_group(
    writer: &mut SerializedFileWriter<AtomicFile>,
    rows: usize,
    cells: &[Cells<'_>],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for cells in cells {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("more columns than were declared".to_owned()));
        };
        // The crate's integers are signed: an unsigned number travels as its bits.
        match cells {
            Cells::Unsigned(cell) => put::<Int32Type>(&mut column, rows, |row| cell(row).cast_signed()),
            Cells::Long(cell) => put::<Int64Type>(&mut column, rows, cell),
            Cells::Double(cell) => put::<DoubleType>(&mut column, rows, cell),
            Cells::Text(cell) => put::<ByteArrayType>(&mut column, rows, cell),
            Cells::MaybeDouble(cell) => put_maybe::<DoubleType>(&mut column, rows, cell),
            Cells::MaybeBool(cell) => put_maybe::<BoolType>(&mut column, rows, cell),
            Cells::MaybeText(cell) => put_maybe::<ByteArrayType>(&mut column, rows, cell),
        }?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

fn put<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    rows: usize,
    cell: impl Fn(usize) -> T::T,
) -> Result<(), ParquetError> {
    let mut values = Vec::with_capacity(BATCH.min(rows));
    for start in (0..rows).step_by(BATCH) {
        values.clear();
        values.extend((start..rows.min(start + BATCH)).map(&cell));
        column.typed::<T>().write_batch(&values, None, None)?;
    }
    Ok(())
}

fn put_maybe<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    rows: usize,
    cell: impl Fn(usize) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let (mut values, mut present) = (Vec::new(), Vec::new());
    for start in (0..rows).step_by(BATCH) {
        values.clear();
        present.clear();
        for row in start..rows.min(start + BATCH) {
            let value = cell(row);
            present.push(i16::from(value.is_some()));
            values.extend(value);
        }
        column.typed::<T>().write_batch(&values, Some(&present), None)?;
    }
    Ok(())
}

/// A parquet file being read, a row group and a column at a time.
pub struct TableReader {
    reader: SerializedFileReader<File>,
    path: PathBuf,
}

impl TableReader {
    /// Opens a file and reads its footer.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = SerializedFileReader::new(file).map_err(|e| unreadable(path, &e))?;
        Ok(Self { reader, path: path.to_owned() })
    }

    /// How many row groups there are.
    pub fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        schema.columns().iter().map(|column| column.path().string()).collect()
    }

    /// A column of unsigned numbers, of whichever integer type.
    pub fn unsigned(&self, group: usize, name: &str) -> Result<Vec<u32>> {
        let mut rows = Vec::new();
        match self.column(group, name)? {
            ColumnReader::Int32ColumnReader(column) => {
                self.each(column, |value| rows.push(value.map_or(0, |&v| v.cast_unsigned())))?;
            }
            ColumnReader::Int64ColumnReader(column) => {
                self.each(column, |value| rows.push(value.map_or(0, |&v| u32::try_from(v).unwrap_or(u32::MAX))))?;
            }
            _ => return Err(self.wrong(name, "whole numbers")),
        }
        Ok(rows)
    }

    /// A column of whole numbers that are not negative.
    pub fn long(&self, group: usize, name: &str) -> Result<Vec<u64>> {
        let mut rows = Vec::new();
        match self.column(group, name)? {
            ColumnReader::Int32ColumnReader(column) => {
                self.each(column, |value| rows.push(value.map_or(0, |&v| u64::try_from(v).unwrap_or(0))))?;
            }
            ColumnReader::Int64ColumnReader(column) => {
                self.each(column, |value| rows.push(value.map_or(0, |&v| u64::try_from(v).unwrap_or(0))))?;
            }
            _ => return Err(self.wrong(name, "whole numbers")),
        }
        Ok(rows)
    }

    /// A column of numbers; null reads as NaN.
    pub fn double(&self, group: usize, name: &str) -> Result<Vec<f64>> {
        let mut rows = Vec::new();
        match self.column(group, name)? {
            ColumnReader::DoubleColumnReader(column) => {
                self.each(column, |value| rows.push(value.copied().unwrap_or(f64::NAN)))?;
            }
            ColumnReader::FloatColumnReader(column) => {
                self.each(column, |value| rows.push(value.map_or(f64::NAN, |&v| f64::from(v))))?;
            }
            _ => return Err(self.wrong(name, "numbers")),
        }
        Ok(rows)
    }

    /// A column of words, as places in `words`; null and the empty word read as [`Words::NONE`].
    pub fn text(&self, group: usize, name: &str, words: &mut Words) -> Result<Vec<u32>> {
        let ColumnReader::ByteArrayColumnReader(column) = self.column(group, name)? else {
            return Err(self.wrong(name, "text"));
        };
        let mut rows = Vec::new();
        let (mut last, mut place) = (ByteArray::new(), Words::NONE);
        last.set_data(Vec::new().into());
        self.each(column, |value| {
            let Some(value) = value.filter(|value| !value.data().is_empty()) else {
                rows.push(Words::NONE);
                return;
            };
            // Rows come in runs of one word, and looking a word up costs more than comparing it.
            if last.data() != value.data() {
                place = words.place(&String::from_utf8_lossy(value.data()));
                last = value.clone();
            }
            rows.push(place);
        })?;
        Ok(rows)
    }

    fn column(&self, group: usize, name: &str) -> Result<ColumnReader> {
        let place = self.columns().iter().position(|column| column == name).ok_or_else(|| {
            Error::data(&self.path, format!("there is no column `{name}`; is this a table that Isogram wrote?"))
        })?;
        let read = || self.reader.get_row_group(group)?.get_column_reader(place);
        read().map_err(|e| unreadable(&self.path, &e))
    }

    /// Calls `row` with the value of each row, or with none for null.
    fn each<T: DataType>(&self, mut column: ColumnReaderImpl<T>, mut row: impl FnMut(Option<&T::T>)) -> Result<()> {
        let (mut values, mut present) = (Vec::new(), Vec::new());
        loop {
            values.clear();
            present.clear();
            let read = column.read_records(BATCH, Some(&mut present), None, &mut values);
            let (rows, _, _) = read.map_err(|e| unreadable(&self.path, &e))?;
            if rows == 0 {
                return Ok(());
            }
            if present.is_empty() {
                values.iter().for_each(|value| row(Some(value)));
            } else {
                let mut values = values.iter();
                present.iter().for_each(|&present| row(if present > 0 { values.next() } else { None }));
            }
        }
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        Error::data(
            &self.path,
            format!("column `{name}` does not hold {expected}; is this a table that Isogram wrote?"),
        )
    }

    /// Refuses columns of unequal length, which only a damaged file has.
    pub fn same_length(&self, lengths: &[usize]) -> Result<()> {
        if lengths.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        Err(Error::data(&self.path, "the columns have different lengths: the file is damaged"))
    }
}

fn unreadable(path: &Path, error: &ParquetError) -> Error {
    Error::data(path, format!("this is not a whole parquet file ({error}); was its writing or copying cut short?"))
}

/// An error while writing, with the system's own words where it was the system that refused.
fn refused(path: &Path) -> impl Fn(ParquetError) -> Error {
    let path = path.to_owned();
    move |error| {
        let source = match error {
            ParquetError::External(inner) => {
                inner.downcast::<std::io::Error>().map_or_else(std::io::Error::other, |io| *io)
            }
            other => std::io::Error::other(other),
        };
        Error::io(&path)(source)
    }
}

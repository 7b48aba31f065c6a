//! Parquet: tables of numbers, as pandas and polars write them, with an index and labels beside them.
//!
//! A column of lists is as many columns as its lists are long. What the file claims is held against its length before it is
//! believed: no more than a thousand values for each byte, beside the first million.

use std::fs::File;
use std::path::Path;

use ::parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::DataType;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::ColumnDescriptor;
use half::f16;

use super::advice::Advice;
use super::csv::{Columns, LabelColumn};
use super::decode::Value;
use super::foreign::refused;
use super::index::{Candidate, is_nameless, left_out};
use super::labels::{Labels, as_label, is_missing};
use super::{file, parquet_pages};
use crate::error::{Error, Result};

/// Values that are believed of a file of any size, and more for each byte of it.
const LEAST: u64 = 1 << 20;
const MOST_EACH: u64 = 1 << 10;

/// Rows that are read at a time.
const BATCH: usize = 8192;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Numbers,
    Words,
    /// Dates, decimals, nested tables and the like.
    Other,
}

/// A column of the table.
struct Column {
    name: String,
    /// Number among the columns of the file.
    place: usize,
    holds: Holds,
    unsigned: bool,
    half: bool,
    list: bool,
    /// Written as an index.
    index: bool,
}

/// A file whose footer has been read and found to agree with its length.
struct Opened<'a> {
    path: &'a Path,
    reader: SerializedFileReader<File>,
    rows: usize,
    /// Bytes of the file.
    length: u64,
    columns: Vec<Column>,
}

/// Reads a table of numbers, with an index and labels perhaps.
pub(super) fn read<V: Value>(path: &Path, label: &LabelColumn, index: Option<bool>) -> Result<Columns<V>> {
    let mut opened = Opened::open(path)?;
    let mut notes = Vec::new();
    let names: Vec<String> = opened.columns.iter().map(|column| column.name.clone()).collect();
    let label = label.place(Some(&names), names.len(), path)?;
    let labels = label.map(|place| opened.labels(&opened.columns[place])).transpose()?;
    let mut columns = std::mem::take(&mut opened.columns);
    if let Some(place) = label {
        columns.remove(place);
    }
    // An index: what was written as one, and a first column that is one by its values.
    if index != Some(false) {
        let told = index == Some(true) && !columns.iter().any(|column| column.index);
        columns.retain(|column| {
            if column.index && index.is_none() {
                notes.push(left_out(Some(&column.name), "is the index of the table"));
            }
            !column.index
        });
        let is_index = |first: &&Column| told || (index.is_none() && opened.is_index(first));
        if let Some(first) = columns.first().filter(is_index)
            && columns.len() > 1
        {
            if index.is_none() {
                let what = if first.holds == Holds::Words { "holds names" } else { "numbers the examples" };
                notes.push(left_out(Some(&first.name), what));
            }
            columns.remove(0);
        }
    }
    if let Some(other) = columns.iter().find(|column| column.holds != Holds::Numbers) {
        let own = opened.reader.metadata().file_metadata().created_by().is_some_and(|by| by.starts_with("isogram"));
        if own {
            return Err(Error::data(
                path,
                "is a table of results that Isogram wrote, not of representations; those of a run are in its \
                 representations.safetensors, which save.representations asks for",
            ));
        }
        let message = format!("its column `{}` does not hold numbers", other.name);
        return Err(refused(path, &message, Advice::ParquetNumbers));
    }
    let widths = columns.iter().map(|column| opened.width(column)).collect::<Result<Vec<_>>>()?;
    let width: usize = widths.iter().sum();
    let believed = LEAST + MOST_EACH.saturating_mul(opened.length);
    if (width as u64).saturating_mul(opened.rows as u64) > believed {
        return Err(opened.too_many());
    }
    let rows = opened.rows;
    let mut values = vec![V::default(); rows * width];
    let mut at = 0;
    for (column, wide) in columns.iter().zip(widths) {
        let mut row = 0usize;
        let mut within = 0usize;
        opened.numbers(column, &mut |number| {
            if !V::from_f64(number).to_f64().is_finite() {
                let (name, came) =
                    (&column.name, if number.is_nan() { "missing or not a number".into() } else { number.to_string() });
                return Err(Error::data(
                    path,
                    format!(
                        "row {row} (counted from 0) of column `{name}` is {came}, but {}; repair or drop that row",
                        V::WANTED
                    ),
                ));
            }
            if let Some(cell) = values.get_mut(row * width + at + within) {
                *cell = V::from_f64(number);
            }
            within += 1;
            if within == wide {
                (row, within) = (row + 1, 0);
            }
            Ok(())
        })?;
        if row != rows || within != 0 {
            return Err(damaged(path, &format!("column `{}` has {row} of {rows} rows", column.name)));
        }
        at += wide;
    }
    if values.is_empty() {
        return Err(Error::data(
            path,
            format!("expected at least one example with one value, but it holds {rows} examples of {width} columns"),
        ));
    }
    Ok(Columns { rows, width, values, labels, notes })
}

/// Reads labels: the only column beside an index, or the one that is asked for.
pub(super) fn read_labels(path: &Path, column: &LabelColumn) -> Result<Labels> {
    let opened = Opened::open(path)?;
    let data: Vec<&Column> = opened.columns.iter().filter(|column| !column.index).collect();
    let names: Vec<String> = data.iter().map(|column| column.name.clone()).collect();
    let place = match column {
        LabelColumn::None => match data.as_slice() {
            [_] => 0,
            [first, _] if opened.is_index(first) => 1,
            _ => {
                let count = data.len();
                return Err(Error::data(
                    path,
                    format!(
                        "expected one label in each row, but there are {count} columns; say which one holds the labels with \
                         --label-column, or data.label_column in an experiment"
                    ),
                ));
            }
        },
        other => other.place(Some(&names), names.len(), path)?.unwrap_or(0),
    };
    let column = data.get(place).ok_or_else(|| Error::data(path, "expected a column of labels, but it has none"))?;
    opened.labels(column)
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::data(path, format!("cannot be read as Parquet ({why}); write it or copy it again"))
}

impl<'a> Opened<'a> {
    fn open(path: &'a Path) -> Result<Opened<'a>> {
        let (file, length) = file::open(path)?;
        let own = file.try_clone().map_err(Error::io(path))?;
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(path, &error.to_string()))?;
        parquet_pages::check(&own, length, reader.metadata()).map_err(|why| damaged(path, &why))?;
        let about = reader.metadata().file_metadata();
        let rows = usize::try_from(about.num_rows()).unwrap_or(usize::MAX);
        // pandas tells which columns were an index.
        let notes = about.key_value_metadata().into_iter().flatten();
        let pandas = notes.filter(|note| note.key == "pandas").find_map(|note| note.value.clone());
        let pandas: Option<serde_json::Value> = pandas.and_then(|text| serde_json::from_str(&text).ok());
        let indices = pandas.as_ref().and_then(|about| about.get("index_columns")?.as_array());
        let indices: Vec<&str> = indices.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        let column = |(place, column): (usize, &std::sync::Arc<ColumnDescriptor>)| {
            let name = column.path().parts().first().cloned().unwrap_or_default();
            Column {
                place,
                holds: holds(column),
                unsigned: matches!(column.logical_type_ref(), Some(LogicalType::Integer(kind)) if !kind.is_signed),
                half: matches!(column.logical_type_ref(), Some(LogicalType::Float16)),
                list: column.max_rep_level() > 0,
                index: indices.contains(&name.as_str()) || (is_nameless(&name) && name.starts_with("__index_level_")),
                name,
            }
        };
        let columns: Vec<Column> = about.schema_descr().columns().iter().enumerate().map(column).collect();
        let opened = Opened { path, rows, length, columns, reader };
        if rows as u64 > LEAST + MOST_EACH.saturating_mul(length) {
            return Err(opened.too_many());
        }
        Ok(opened)
    }

    fn too_many(&self) -> Error {
        let (rows, length) = (self.rows, self.length);
        damaged(self.path, &format!("it claims {rows} rows in {length} bytes, which is not believed"))
    }

    /// Whether a first column is an index by what is in it.
    fn is_index(&self, column: &Column) -> bool {
        match column.holds {
            Holds::Words => self.words(column).is_ok_and(|mut words| {
                let count = words.len();
                words.sort_unstable();
                words.dedup();
                words.len() == count
            }),
            Holds::Numbers if !column.list => {
                let mut candidate = Candidate::new(Some(column.name.clone()));
                let read = self.numbers(column, &mut |number| {
                    candidate.push(number, true);
                    Ok(())
                });
                read.is_ok() && candidate.is_index()
            }
            _ => false,
        }
    }

    /// Numbers of a row of the column: the length of its lists.
    fn width(&self, column: &Column) -> Result<usize> {
        if !column.list {
            return Ok(1);
        }
        let mut count = 0usize;
        self.numbers(column, &mut |_| {
            count += 1;
            Ok(())
        })?;
        match count.checked_div(self.rows) {
            Some(width) if width > 0 && width * self.rows == count => Ok(width),
            _ => Err(Error::data(self.path, format!("its column `{}` holds lists of different lengths", column.name))),
        }
    }

    fn labels(&self, column: &Column) -> Result<Labels> {
        if column.holds == Holds::Words {
            let words = self.words(column)?;
            if let Some(row) = words.iter().position(|word| is_missing(word)) {
                let name = &column.name;
                return Err(Error::data(
                    self.path,
                    format!(
                        "row {row} (counted from 0) of column `{name}` holds no word, but a label is a whole number or a word"
                    ),
                ));
            }
            return Ok(Labels::of_words(words.iter().map(String::as_str)));
        }
        let mut labels = Vec::new();
        self.numbers(column, &mut |number| {
            let row = labels.len();
            labels.push(as_label(number).ok_or_else(|| {
                Error::data(self.path, format!("row {row} (counted from 0) of column `{}` is {number}, but a label is a whole number or a word", column.name))
            })?);
            Ok(())
        })?;
        match labels.len() == self.rows && !labels.is_empty() {
            true => Ok(Labels::Numbers(labels)),
            false => Err(Error::data(
                self.path,
                format!("expected one label in each of {} rows, but there are {}", self.rows, labels.len()),
            )),
        }
    }

    fn words(&self, column: &Column) -> Result<Vec<String>> {
        let mut words = Vec::new();
        for group in 0..self.reader.num_row_groups() {
            let ColumnReader::ByteArrayColumnReader(reader) = self.column(group, column)? else {
                return Err(damaged(self.path, &format!("column `{}` does not hold text", column.name)));
            };
            self.each(column, reader, &mut |word| {
                words.push(word.map_or_else(String::new, |word| String::from_utf8_lossy(word.data()).into_owned()));
                Ok(())
            })?;
        }
        Ok(words)
    }

    /// Calls `take` with each number of a column, NaN where there is none.
    fn numbers(&self, column: &Column, take: &mut dyn FnMut(f64) -> Result<()>) -> Result<()> {
        for group in 0..self.reader.num_row_groups() {
            match self.column(group, column)? {
                ColumnReader::BoolColumnReader(reader) => {
                    self.each(column, reader, &mut |v| take(v.map_or(f64::NAN, |&v| f64::from(u8::from(v)))))?
                }
                ColumnReader::Int32ColumnReader(reader) => self.each(column, reader, &mut |v| {
                    take(v.map_or(
                        f64::NAN,
                        |&v| if column.unsigned { f64::from(v.cast_unsigned()) } else { f64::from(v) },
                    ))
                })?,
                ColumnReader::Int64ColumnReader(reader) => self.each(column, reader, &mut |v| {
                    take(v.map_or(f64::NAN, |&v| if column.unsigned { v.cast_unsigned() as f64 } else { v as f64 }))
                })?,
                ColumnReader::FloatColumnReader(reader) => {
                    self.each(column, reader, &mut |v| take(v.map_or(f64::NAN, |&v| f64::from(v))))?
                }
                ColumnReader::DoubleColumnReader(reader) => {
                    self.each(column, reader, &mut |v| take(v.copied().unwrap_or(f64::NAN)))?
                }
                ColumnReader::FixedLenByteArrayColumnReader(reader) if column.half => {
                    self.each(column, reader, &mut |v| {
                        let bytes = v.and_then(|v| v.data().first_chunk().copied());
                        take(bytes.map_or(f64::NAN, |bytes| f64::from(f16::from_le_bytes(bytes))))
                    })?
                }
                _ => return Err(damaged(self.path, &format!("column `{}` does not hold numbers", column.name))),
            }
        }
        Ok(())
    }

    fn column(&self, group: usize, column: &Column) -> Result<ColumnReader> {
        let read = || self.reader.get_row_group(group)?.get_column_reader(column.place);
        read().map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &ParquetError) -> Error {
        match error {
            // Such as a compression that was not built in.
            ParquetError::NYI(_) => refused(self.path, "is Parquet in a form that is not read", Advice::ParquetAgain),
            ParquetError::General(text) if text.contains("Disabled feature") => {
                refused(self.path, "is Parquet in a form that is not read", Advice::ParquetAgain)
            }
            other => damaged(self.path, &other.to_string()),
        }
    }

    /// Calls `take` with each value of a column, or with none for one that is missing.
    fn each<T: DataType>(
        &self,
        column: &Column,
        mut reader: ColumnReaderImpl<T>,
        take: &mut dyn FnMut(Option<&T::T>) -> Result<()>,
    ) -> Result<()> {
        let descriptor = self.reader.metadata().file_metadata().schema_descr().column(column.place);
        let full = descriptor.max_def_level();
        let (mut values, mut levels, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = 0usize;
        loop {
            values.clear();
            levels.clear();
            repeated.clear();
            let read = reader.read_records(BATCH, Some(&mut levels), Some(&mut repeated), &mut values);
            let (count, ..) = read.map_err(|error| self.unreadable(&error))?;
            if count == 0 {
                return Ok(());
            }
            rows += count;
            if rows > self.rows {
                return Err(damaged(self.path, "a column has more rows than the table"));
            }
            if levels.is_empty() {
                values.iter().try_for_each(|value| take(Some(value)))?;
            } else {
                let mut values = values.iter();
                for &level in &levels {
                    take(if level >= full { values.next() } else { None })?;
                }
            }
        }
    }
}

/// What a column holds, by its type.
fn holds(column: &ColumnDescriptor) -> Holds {
    let (depth, list) = (column.path().parts().len(), column.max_rep_level());
    if list > 1 || (list == 0 && depth > 1) {
        return Holds::Other;
    }
    let logical = column.logical_type_ref();
    let plain = matches!(logical, None | Some(LogicalType::Integer(_)))
        && !matches!(
            column.converted_type(),
            ConvertedType::DECIMAL
                | ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
    match column.physical_type() {
        Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE => Holds::Numbers,
        Physical::INT32 | Physical::INT64 if plain => Holds::Numbers,
        Physical::FIXED_LEN_BYTE_ARRAY if matches!(logical, Some(LogicalType::Float16)) => Holds::Numbers,
        Physical::BYTE_ARRAY
            if list == 0 && matches!(logical, None | Some(LogicalType::String | LogicalType::Enum)) =>
        {
            Holds::Words
        }
        _ => Holds::Other,
    }
}

//! Rows of an array, some at a time, so that arrays larger than memory can be gone through.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::ArrayFile;
use crate::data::decode::{Value, fortran_places};
use crate::data::layout::{ArrayInfo, Kind, Layout};
use crate::data::representations::ReadOptions;
use crate::data::values::{check_values, read_values, room, width_of};
use crate::error::{Error, Result};

/// Reads rows of an array from its file.
///
/// What it holds in memory is one batch, except for text (CSV), IDX files and the images of CIFAR-10, which are held
/// whole. The checksum of an uncompressed archive is not compared, since that would take its whole contents.
///
/// ```
/// # fn main() -> isogram::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("acts.csv");
/// # std::fs::write(&path, "1,2\n3,4\n5,6\n").expect("a file");
/// use isogram::data::RowReader;
///
/// let mut reader = RowReader::open(&path)?;
/// let mut sum = 0.0;
/// for start in (0..reader.rows()).step_by(2) {
///     let end = reader.rows().min(start + 2);
///     sum += reader.read::<f32>(start..end)?.iter().sum::<f32>();
/// }
/// assert_eq!(sum, 21.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RowReader {
    info: ArrayInfo,
    width: usize,
    source: Source,
}

#[derive(Debug)]
enum Source {
    File {
        file: BufReader<File>,
        layout: Layout,
        /// Where the numbers begin.
        start: u64,
        /// For Fortran's order: the places of the columns in the file.
        places: Vec<usize>,
    },
    Values(Vec<f64>),
}

impl RowReader {
    /// Opens the only array of a file, or `file:array`.
    ///
    /// # Errors
    /// Those of [`ArrayFile::open`] and [`ArrayFile::rows`], and [`Error::Data`] when the file holds several arrays.
    pub fn open(path: &Path) -> Result<RowReader> {
        Self::open_with(path, &ReadOptions::default())
    }

    /// As [`RowReader::open`], with what was said of how to read the file.
    ///
    /// # Errors
    /// Those of [`RowReader::open`].
    pub fn open_with(path: &Path, options: &ReadOptions) -> Result<RowReader> {
        let mut file = ArrayFile::open_with(path, options)?;
        if let [first, _, ..] = file.arrays() {
            let (count, first) = (file.arrays().len(), &first.name);
            return Err(Error::data(
                path,
                format!("holds {count} arrays; say which one after a colon, such as `{first}`"),
            ));
        }
        file.rows(0)
    }

    pub(super) fn of_file(info: ArrayInfo, layout: Layout, file: File, start: u64) -> Result<RowReader> {
        let width = width_of(&info)?;
        let places = match layout.fortran && width > 1 {
            true => fortran_places(&info.shape),
            false => Vec::new(),
        };
        Ok(RowReader { info, width, source: Source::File { file: BufReader::new(file), layout, start, places } })
    }

    pub(super) fn of_values(info: ArrayInfo, values: Vec<f64>) -> Result<RowReader> {
        let width = width_of(&info)?;
        Ok(RowReader { info, width, source: Source::Values(values) })
    }

    /// What the array is called: `file` or `file:array`.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Number of examples.
    pub fn rows(&self) -> usize {
        self.info.rows
    }

    /// Shape of one example.
    pub fn shape(&self) -> &[usize] {
        &self.info.shape
    }

    /// Number of values of one example.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Type of the numbers in the file.
    pub fn dtype(&self) -> Kind {
        self.info.dtype
    }

    /// Reads the rows of a range, row-major: `rows.len() * width()` values, as `f32` or `f64`.
    ///
    /// # Errors
    /// [`Error::Data`] when the range ends beyond the last row or before it starts, when a value is not finite (or too
    /// large for `f32`; the message names row and column), or when the file was cut short after it was opened.
    /// [`Error::Io`] when the file cannot be read.
    pub fn read<V: Value>(&mut self, rows: Range<usize>) -> Result<Vec<V>> {
        let Range { start: first, end } = rows;
        let name = Path::new(&self.info.name);
        if first > end || end > self.info.rows {
            let count = self.info.rows;
            return Err(Error::data(name, format!("has no rows {first} to {end}; it has {count}, counted from 0")));
        }
        let (count, width) = (end - first, self.width);
        // No overflow: rows times width were found to be bytes of the file.
        let mut values: Vec<V> = room(count * width, name)?;
        match &mut self.source {
            Source::Values(all) => {
                let part = all.get(first * width..end * width).unwrap_or_default();
                values.extend(part.iter().map(|&value| V::from_f64(value)));
            }
            Source::File { file, layout, start, places } => {
                let size = layout.kind.bytes();
                let mut part = |at: usize, numbers: usize, values: &mut Vec<V>| {
                    seek(file, *start + (at * size) as u64).map_err(Error::io(name))?;
                    read_values(file, layout, numbers * size, values, name)
                };
                if places.is_empty() {
                    part(first * width, count * width, &mut values)?;
                } else if count > 0 {
                    values.resize(count * width, V::default());
                    let mut column = room(count, name)?;
                    for (to, from) in places.iter().enumerate() {
                        column.clear();
                        part(from * self.info.rows + first, count, &mut column)?;
                        let cells = values.iter_mut().skip(to).step_by(width);
                        cells.zip(&column).for_each(|(cell, &value)| *cell = value);
                    }
                }
            }
        }
        check_values(&self.info, &values, first)?;
        Ok(values)
    }
}

/// Goes to a byte of the file, and keeps what has been read ahead when it lies there.
fn seek(file: &mut BufReader<File>, to: u64) -> std::io::Result<()> {
    let now = file.stream_position()?;
    match i64::try_from(i128::from(to) - i128::from(now)) {
        Ok(by) => file.seek_relative(by),
        Err(_) => file.seek(SeekFrom::Start(to)).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::npy::tests as npy_tests;

    fn open(bytes: &[u8]) -> (tempfile::TempDir, RowReader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, bytes).unwrap();
        let reader = RowReader::open(&path).unwrap();
        (folder, reader)
    }

    #[test]
    fn any_range_in_any_order_of_axes_gives_its_rows() {
        let value = |row: usize, i: usize, j: usize| (100 * row + 10 * i + j) as f32;
        let (rows, shape) = (7, [3, 2]);
        let expected: Vec<f32> =
            (0..rows).flat_map(|r| (0..3).flat_map(move |i| (0..2).map(move |j| value(r, i, j)))).collect();
        let turned: Vec<f32> =
            (0..2).flat_map(|j| (0..3).flat_map(move |i| (0..rows).map(move |r| value(r, i, j)))).collect();
        for (fortran, values) in [(false, &expected), (true, &turned)] {
            let (_folder, mut reader) = open(&npy_tests::written(&[7, 3, 2], fortran, values));
            assert_eq!((reader.rows(), reader.width(), reader.shape()), (rows, 6, &shape[..]));
            for (first, end) in [(0, 7), (2, 5), (6, 7), (0, 0), (7, 7), (1, 2), (0, 1)] {
                assert_eq!(reader.read::<f32>(first..end).unwrap(), expected[first * 6..end * 6], "{first}..{end}");
            }
            for (first, end) in [(0, 8), (8, 8), (0, usize::MAX), (5, 2)] {
                assert!(reader.read::<f64>(first..end).unwrap_err().to_string().contains("has no rows"));
            }
        }
    }

    #[test]
    fn values_that_are_not_finite_are_found_in_their_rows() {
        let mut values = vec![1.0f64; 12];
        values[7] = f64::INFINITY;
        values[9] = 1e300;
        let (_folder, mut reader) = open(&npy_tests::written(&[6, 2], false, &values));
        assert_eq!(reader.read::<f64>(0..3).unwrap(), [1.0; 6]);
        let said = reader.read::<f64>(2..6).unwrap_err().to_string();
        assert!(said.contains("row 3, column 1 (counted from 0) is inf"), "{said}");
        assert_eq!(reader.read::<f64>(4..6).unwrap()[1], 1e300);
        let said = reader.read::<f32>(4..6).unwrap_err().to_string();
        assert!(said.contains("row 4, column 1") && said.contains("fit a 32-bit float"), "{said}");
    }

    #[test]
    fn a_file_that_is_cut_while_it_is_read_is_an_error() {
        let bytes = npy_tests::written(&[100_000, 2], false, &[1.0f64; 200_000]);
        let (folder, mut reader) = open(&bytes);
        assert!(reader.read::<f64>(0..10).is_ok());
        std::fs::write(folder.path().join("x.npy"), &bytes[..1000]).unwrap();
        assert!(reader.read::<f64>(99_000..99_010).unwrap_err().to_string().contains("more bytes"));
    }
}

//! A measure, or several, between all pairs of representations, as a table: CSV to look at, Parquet to query, npz for
//! NumPy.
//!
//! Values may be NaN where a measure is not determined, and need not be symmetric: row `a`, column `b` is the measure
//! from `a` to `b`.

use std::io::{BufWriter, Write};
use std::path::Path;

use parquet::data_type::ByteArray;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::atomic::{AtomicFile, write_atomic};
use super::table::{Cells, GROUP_ROWS, Kind, TableWriter};
use crate::error::{Error, Result};

/// Columns of the long table.
const COLUMNS: [(&str, Kind); 4] =
    [("name", Kind::Text), ("a", Kind::Text), ("b", Kind::Text), ("value", Kind::Double)];
/// Arrays of an archive that are no measures.
const RESERVED: [&str; 3] = ["values", "names", "measures"];

/// A measure's name and its values, row by row.
pub type NamedMatrix<'a> = (&'a str, &'a [f64]);

/// Writes one measure as a square table, whole or not at all: the measure's name and the names of the columns in the
/// first line, and in each other line a name and its values. Values are written so that they are read back to the bit;
/// what is not determined is `NaN`.
///
/// # Errors
/// [`Error::Data`] when the values are not as many as the pairs of names; [`Error::Io`] when the file cannot be written.
pub fn write_matrix_csv(path: &Path, names: &[String], (measure, values): NamedMatrix<'_>) -> Result<()> {
    check(path, names, &[(measure, values)])?;
    let mut text = csv::Writer::from_writer(Vec::new());
    let mut lines = || -> csv::Result<()> {
        text.write_record(std::iter::once(measure).chain(names.iter().map(String::as_str)))?;
        for (name, row) in names.iter().zip(values.chunks_exact(names.len().max(1))) {
            text.write_field(name)?;
            // `Debug` writes tiny and huge values with an exponent.
            text.write_record(row.iter().map(|value| format!("{value:?}")))?;
        }
        Ok(())
    };
    lines().map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let bytes = text.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    write_atomic(path, &bytes)
}

/// Writes measures as a long table, whole or not at all: columns `name` (the measure), `a`, `b` and `value`, a row for
/// every ordered pair, also of a representation with itself.
///
/// # Errors
/// [`Error::Data`] when there are not values for all pairs; [`Error::Io`] when the file cannot be written.
pub fn write_matrices_parquet(path: &Path, names: &[String], matrices: &[NamedMatrix<'_>]) -> Result<()> {
    check(path, names, matrices)?;
    let words: Vec<ByteArray> = names.iter().map(|name| name.as_str().into()).collect();
    let count = names.len();
    let mut writer = TableWriter::create(path, &COLUMNS)?;
    for (measure, values) in matrices {
        let measure: ByteArray = (*measure).into();
        for start in (0..values.len()).step_by(GROUP_ROWS) {
            writer.write_group(
                GROUP_ROWS.min(values.len() - start),
                &[
                    Cells::Text(&|_| measure.clone()),
                    Cells::Text(&|row| words[(start + row) / count].clone()),
                    Cells::Text(&|row| words[(start + row) % count].clone()),
                    Cells::Double(&|row| values[start + row]),
                ],
            )?;
        }
    }
    writer.finish()
}

/// Writes measures as an archive that `np.load` reads, whole or not at all: `names` and `measures` (text), `values` of
/// shape `[measures, names, names]`, and each measure's own array of shape `[names, names]` under its name.
///
/// # Errors
/// [`Error::Data`] when there are not values for all pairs, when two measures have the same name, and when one is called
/// `values`, `names` or `measures`, or has a NUL in its name; [`Error::Io`] when the file cannot be written.
pub fn write_matrices_npz(path: &Path, names: &[String], matrices: &[NamedMatrix<'_>]) -> Result<()> {
    check(path, names, matrices)?;
    for (i, (measure, _)) in matrices.iter().enumerate() {
        if RESERVED.contains(measure) || measure.contains('\0') || matrices[..i].iter().any(|other| other.0 == *measure)
        {
            return Err(Error::data(
                path,
                format!("no array of its own can be called `{measure}`; rename the measure"),
            ));
        }
    }
    let refused = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(error) => Error::io(path)(error),
        other => Error::io(path)(std::io::Error::other(other)),
    };
    let count = names.len();
    let mut archive = ZipWriter::new(BufWriter::new(AtomicFile::create(path)?));
    let mut array = |name: &str, header: Vec<u8>, parts: &mut dyn Iterator<Item = Vec<u8>>, bytes: usize| {
        // Not compressed: measured values hardly shrink, and readers can map them. No time, so that equal results make
        // equal files.
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes >= u32::MAX as usize - (1 << 16));
        archive.start_file(format!("{name}.npy"), options).map_err(refused)?;
        archive.write_all(&header).map_err(Error::io(path))?;
        for part in parts {
            archive.write_all(&part).map_err(Error::io(path))?;
        }
        Ok(())
    };
    let floats = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let size = count * count * 8;
    let text: Vec<&str> = names.iter().map(String::as_str).collect();
    let measures: Vec<&str> = matrices.iter().map(|(measure, _)| *measure).collect();
    for (name, words) in [("names", text), ("measures", measures)] {
        let width = words.iter().map(|word| word.chars().count()).max().unwrap_or(0).max(1);
        let header = npy_header(&format!("<U{width}"), &[words.len()]);
        let padded = |word: &&str| {
            let letters = word.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            letters.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
        };
        array(name, header, &mut words.iter().map(padded), words.len() * width * 4)?;
    }
    let mut all = matrices.iter().map(|(_, values)| floats(values));
    array("values", npy_header("<f8", &[matrices.len(), count, count]), &mut all, size * matrices.len())?;
    for (measure, values) in matrices {
        array(measure, npy_header("<f8", &[count, count]), &mut std::iter::once(floats(values)), size)?;
    }
    let buffer = archive.finish().map_err(refused)?;
    buffer.into_inner().map_err(|error| Error::io(path)(error.into_error()))?.commit()
}

/// The start of an `.npy` file, padded so that the numbers begin at a multiple of 64 bytes.
fn npy_header(dtype: &str, shape: &[usize]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let sides = if shape.len() > 1 { sides.trim_end_matches(", ") } else { sides.trim_end() };
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sides}), }}");
    // Ten bytes stand before the text, and a line end closes it.
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 11;
    text.extend(std::iter::repeat_n(' ', padded - text.len()));
    text.push('\n');
    // A few axes make a header of 128 bytes at most, so its length fits two bytes.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat()
}

/// Refuses measures that do not have a value for every pair of names.
fn check(path: &Path, names: &[String], matrices: &[NamedMatrix<'_>]) -> Result<()> {
    let count = names.len();
    let wrong = matrices.iter().find(|(_, values)| count.checked_mul(count) != Some(values.len()));
    match wrong {
        _ if count == 0 => Err(Error::data(path, "there are no representations to write values of")),
        None => Ok(()),
        Some((measure, values)) => {
            let came = values.len();
            Err(Error::data(
                path,
                format!("`{measure}` has {came} values for {count} names; expected names times names of them"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ArrayFile, read_representations};
    use crate::files::table::TableReader;
    use crate::files::words::Words;

    const CKA: [f64; 9] = [1.0, 0.1, f64::MIN_POSITIVE, 0.1, 1.0, -0.25, 1e-300, -0.25, 1.0];

    fn names() -> Vec<String> {
        ["a, \"quoted\"", "ä/layer:2", "z"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_square_table_is_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let mut values = CKA;
        values[7] = f64::NAN;
        write_matrix_csv(&path, &names(), ("cka", &values)).unwrap();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header[1..], names());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| row[0].to_owned()).collect::<Vec<_>>(), names());
        let back: Vec<f64> = rows.iter().flat_map(|row| row.iter().skip(1)).map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(back.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), values.map(f64::to_bits));
    }

    #[test]
    fn a_long_table_has_every_ordered_pair() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let other = CKA.map(|value| value * 2.0);
        write_matrices_parquet(&path, &names(), &[("cka", &CKA), ("double", &other)]).unwrap();
        let (reader, mut words) = (TableReader::open(&path).unwrap(), Words::default());
        assert_eq!(
            (reader.columns(), reader.groups()),
            (vec!["name".into(), "a".into(), "b".into(), "value".into()], 2)
        );
        for (group, measure, values) in [(0, "cka", CKA), (1, "double", other)] {
            let mut text = |name: &str| -> Vec<String> {
                let places = reader.text(group, name, &mut words).unwrap();
                places.iter().map(|&place| words.get(place).unwrap().to_owned()).collect()
            };
            assert_eq!(text("name"), vec![measure; 9]);
            let (a, b) = (text("a"), text("b"));
            assert!(a.iter().zip(&b).enumerate().all(|(i, (a, b))| *a == names()[i / 3] && *b == names()[i % 3]));
            assert_eq!(reader.double(group, "value").unwrap(), values);
        }
    }

    #[test]
    fn an_archive_holds_names_and_measures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let other = CKA.map(|value| value * 2.0);
        write_matrices_npz(&path, &names(), &[("cka", &CKA), ("double", &other)]).unwrap();
        let opened = ArrayFile::open(&path).unwrap();
        let left: Vec<&str> = opened.left_out().iter().map(|left| left.name.rsplit(':').next().unwrap()).collect();
        assert_eq!(left, ["names", "measures"], "texts are no representations");
        let arrays = read_representations(&path).unwrap();
        let shapes: Vec<_> = arrays.iter().map(|array| (array.rows, array.shape.clone())).collect();
        assert_eq!(shapes, [(2, vec![3, 3]), (3, vec![3]), (3, vec![3])]);
        assert_eq!(arrays[0].values, [CKA, other].concat());
        assert_eq!((&arrays[1].values[..], &arrays[2].values[..]), (&CKA[..], &other[..]));
        let bytes = std::fs::read(&path).unwrap();
        write_matrices_npz(&path, &names(), &[("cka", &CKA), ("double", &other)]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "equal results make equal files");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let short: &[f64] = &CKA[..8];
        assert!(write_matrix_csv(&path, &names(), ("cka", short)).is_err());
        assert!(write_matrices_parquet(&path, &names(), &[("cka", &CKA), ("b", short)]).is_err());
        for wrong in [
            vec![("cka", short)],
            vec![("values", &CKA[..])],
            vec![("names", &CKA)],
            vec![("cka", &CKA), ("cka", &CKA)],
            vec![("a\0b", &CKA)],
        ] {
            assert!(write_matrices_npz(&path, &names(), &wrong).is_err(), "{wrong:?}");
        }
        for write in [write_matrices_npz, write_matrices_parquet] {
            assert!(write(&path, &[], &[]).unwrap_err().to_string().contains("no representations"));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

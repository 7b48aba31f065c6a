//! A measure, or several, between all pairs of representations, as a table: CSV to look at, Parquet to query, npz for
//! NumPy.
//!
//! A pair without a value stands with its reason. Values need not be symmetric: row `a`, column `b` is the measure from
//! `a` to `b`.

use std::io::{BufWriter, Write};
use std::path::Path;

use parquet::data_type::ByteArray;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::atomic::{AtomicFile, write_atomic};
use super::table::{Cells, GROUP_ROWS, Kind, TableWriter};
use crate::error::{Error, Result};
use crate::measure::outcome::Outcome;

/// Columns of the long table.
const COLUMNS: [(&str, Kind); 6] = [
    ("name", Kind::Text),
    ("a", Kind::Text),
    ("b", Kind::Text),
    ("value", Kind::MaybeDouble),
    ("without", Kind::MaybeText),
    ("reason", Kind::MaybeText),
];
/// Arrays of an archive that are no measures.
const RESERVED: [&str; 5] = ["values", "names", "measures", "reason", "reasons"];

/// A measure's name and what became of each pair, row by row.
pub type NamedMatrix<'a> = (&'a str, &'a [Outcome]);

/// Writes one measure as a square table, whole or not at all: the measure's name and the names of the columns in the
/// first line, and in each other line a name and its values. Values are written so that they are read back to the bit;
/// a pair without one is `NaN`, and [`write_reasons_csv`] says why.
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
            text.write_record(row.iter().map(|cell| format!("{:?}", cell.or_nan())))?;
        }
        Ok(())
    };
    lines().map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let bytes = text.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    write_atomic(path, &bytes)
}

/// Writes why pairs have no value, a line for each, under `name,a,b,without,reason`; nothing if all have one. Says whether
/// anything was written.
///
/// # Errors
/// As [`write_matrix_csv`].
pub fn write_reasons_csv(path: &Path, names: &[String], matrices: &[NamedMatrix<'_>]) -> Result<bool> {
    check(path, names, matrices)?;
    let mut text = csv::Writer::from_writer(Vec::new());
    let mut any = false;
    let mut lines = || -> csv::Result<()> {
        text.write_record(["name", "a", "b", "without", "reason"])?;
        for (measure, cells) in matrices {
            for (i, cell) in cells.iter().enumerate() {
                let (Some(kind), Some(reason)) = (cell.kind(), cell.reason()) else { continue };
                any = true;
                text.write_record([*measure, names[i / names.len()].as_str(), &names[i % names.len()], kind, reason])?;
            }
        }
        Ok(())
    };
    lines().map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let bytes = text.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    if any {
        write_atomic(path, &bytes)?;
    }
    Ok(any)
}

/// Writes measures as a long table, whole or not at all: columns `name` (the measure), `a`, `b` and `value`, a row for
/// every ordered pair, also of a representation with itself. Where there is no value, which is null then, `without` is
/// `undefined` or `failed`, and `reason` says why.
///
/// # Errors
/// [`Error::Data`] when there are not values for all pairs; [`Error::Io`] when the file cannot be written.
pub fn write_matrices_parquet(path: &Path, names: &[String], matrices: &[NamedMatrix<'_>]) -> Result<()> {
    check(path, names, matrices)?;
    let words: Vec<ByteArray> = names.iter().map(|name| name.as_str().into()).collect();
    let count = names.len();
    let mut writer = TableWriter::create(path, &COLUMNS)?;
    for (measure, cells) in matrices {
        let measure: ByteArray = (*measure).into();
        for start in (0..cells.len()).step_by(GROUP_ROWS) {
            writer.write_group(
                GROUP_ROWS.min(cells.len() - start),
                &[
                    Cells::Text(&|_| measure.clone()),
                    Cells::Text(&|row| words[(start + row) / count].clone()),
                    Cells::Text(&|row| words[(start + row) % count].clone()),
                    Cells::MaybeDouble(&|row| cells[start + row].value()),
                    Cells::MaybeText(&|row| cells[start + row].kind().map(ByteArray::from)),
                    Cells::MaybeText(&|row| cells[start + row].reason().map(ByteArray::from)),
                ],
            )?;
        }
    }
    writer.finish()
}

/// Writes measures as an archive that `np.load` reads, whole or not at all: `names` and `measures` (text), `values` of
/// shape `[measures, names, names]`, and each measure's own array of shape `[names, names]` under its name. A pair without
/// a value is NaN; where there is one, `reasons` (text) says why, and `reason`, of the shape of `values`, which of them it
/// is (-1: there is a value).
///
/// # Errors
/// [`Error::Data`] when there are not values for all pairs, when two measures have the same name, and when one is called
/// as one of the other arrays, or has a NUL in its name; [`Error::Io`] when the file cannot be written.
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
    let floats = |cells: &[Outcome]| cells.iter().flat_map(|cell| cell.or_nan().to_le_bytes()).collect::<Vec<u8>>();
    let size = count * count * 8;
    let text: Vec<String> = names.to_vec();
    let measures: Vec<String> = matrices.iter().map(|(measure, _)| (*measure).to_owned()).collect();
    let said = |cell: &Outcome| Some(format!("{}: {}", cell.kind()?, cell.reason()?));
    let mut reasons: Vec<String> = matrices.iter().flat_map(|(_, cells)| cells.iter().filter_map(said)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for (name, words) in [("names", text), ("measures", measures), ("reasons", reasons.clone())] {
        if name == "reasons" && words.is_empty() {
            continue;
        }
        let width = words.iter().map(|word| word.chars().count()).max().unwrap_or(0).max(1);
        let header = npy_header(&format!("<U{width}"), &[words.len()]);
        let padded = |word: &String| {
            let letters = word.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            letters.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
        };
        array(name, header, &mut words.iter().map(padded), words.len() * width * 4)?;
    }
    let mut all = matrices.iter().map(|(_, cells)| floats(cells));
    array("values", npy_header("<f8", &[matrices.len(), count, count]), &mut all, size * matrices.len())?;
    if !reasons.is_empty() {
        let which = |cell: &Outcome| -> [u8; 4] {
            let place = said(cell).and_then(|said| reasons.binary_search(&said).ok());
            place.and_then(|place| i32::try_from(place).ok()).unwrap_or(-1).to_le_bytes()
        };
        let mut all = matrices.iter().map(|(_, cells)| cells.iter().flat_map(which).collect::<Vec<u8>>());
        array("reason", npy_header("<i4", &[matrices.len(), count, count]), &mut all, size / 2 * matrices.len())?;
    }
    for (measure, cells) in matrices {
        array(measure, npy_header("<f8", &[count, count]), &mut std::iter::once(floats(cells)), size)?;
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

    fn cells(values: &[f64]) -> Vec<Outcome> {
        values.iter().map(|&value| Outcome::from(Ok(value))).collect()
    }

    fn names() -> Vec<String> {
        ["a, \"quoted\"", "ä/layer:2", "z"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_square_table_is_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let mut values = CKA;
        values[7] = f64::NAN;
        write_matrix_csv(&path, &names(), ("cka", &cells(&values))).unwrap();
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
        let (mut gaps, other) = (cells(&CKA), CKA.map(|value| value * 2.0));
        gaps[5] = Outcome::Undefined("it is constant".into());
        gaps[7] = Outcome::Failed("no memory".into());
        write_matrices_parquet(&path, &names(), &[("cka", &gaps), ("double", &cells(&other))]).unwrap();
        let (reader, mut words) = (TableReader::open(&path).unwrap(), Words::default());
        assert_eq!(
            (reader.columns(), reader.groups()),
            (["name", "a", "b", "value", "without", "reason"].map(String::from).to_vec(), 2)
        );
        for (group, measure, values) in [(0, "cka", CKA), (1, "double", other)] {
            let mut text = |name: &str| -> Vec<String> {
                let places = reader.text(group, name, &mut words).unwrap();
                places.iter().map(|&place| words.get(place).unwrap().to_owned()).collect()
            };
            assert_eq!(text("name"), vec![measure; 9]);
            let (a, b) = (text("a"), text("b"));
            assert!(a.iter().zip(&b).enumerate().all(|(i, (a, b))| *a == names()[i / 3] && *b == names()[i % 3]));
            let found = reader.double(group, "value").unwrap();
            for (i, (found, value)) in found.iter().zip(values).enumerate() {
                let gap = group == 0 && (i == 5 || i == 7);
                assert!(if gap { found.is_nan() } else { *found == value }, "{i}: {found}");
            }
        }
        let mut said = |name: &str| -> Vec<Option<String>> {
            let places = reader.text(0, name, &mut words).unwrap();
            places.iter().map(|&place| words.get(place).map(str::to_owned)).collect()
        };
        let (without, reason) = (said("without"), said("reason"));
        assert_eq!((without[5].as_deref(), reason[5].as_deref()), (Some("undefined"), Some("it is constant")));
        assert_eq!((without[7].as_deref(), reason[7].as_deref()), (Some("failed"), Some("no memory")));
        assert!(without.iter().filter(|kind| kind.is_some()).count() == 2);
    }

    #[test]
    fn an_archive_holds_names_and_measures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let other = CKA.map(|value| value * 2.0);
        let matrices = [("cka", &cells(&CKA)[..]), ("double", &cells(&other)[..])];
        write_matrices_npz(&path, &names(), &matrices).unwrap();
        let opened = ArrayFile::open(&path).unwrap();
        let left: Vec<&str> = opened.left_out().iter().map(|left| left.name.rsplit(':').next().unwrap()).collect();
        assert_eq!(left, ["names", "measures"], "texts are no representations");
        let arrays = read_representations(&path).unwrap();
        let shapes: Vec<_> = arrays.iter().map(|array| (array.rows, array.shape.clone())).collect();
        assert_eq!(shapes, [(2, vec![3, 3]), (3, vec![3]), (3, vec![3])]);
        assert_eq!(arrays[0].values, [CKA, other].concat());
        assert_eq!((&arrays[1].values[..], &arrays[2].values[..]), (&CKA[..], &other[..]));
        let bytes = std::fs::read(&path).unwrap();
        write_matrices_npz(&path, &names(), &matrices).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "equal results make equal files");
    }

    #[test]
    fn a_pair_without_a_value_has_its_reason_in_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let (npz, csv) = (folder.path().join("x.npz"), folder.path().join("x.csv"));
        let mut gaps = cells(&CKA);
        gaps[5] = Outcome::Undefined("it is constant".into());
        gaps[7] = Outcome::Failed("no memory".into());
        write_matrices_npz(&npz, &names(), &[("cka", &gaps)]).unwrap();
        let which = &read_representations(&std::path::PathBuf::from(format!("{}:reason", npz.display()))).unwrap()[0];
        assert_eq!(which.values, [-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 0.0, -1.0]);
        assert!(write_reasons_csv(&csv, &names(), &[("cka", &gaps)]).unwrap());
        let text = std::fs::read_to_string(&csv).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(
            text.contains("cka,ä/layer:2,z,undefined,it is constant\ncka,z,ä/layer:2,failed,no memory\n"),
            "{text}"
        );
        std::fs::remove_file(&csv).unwrap();
        assert!(!write_reasons_csv(&csv, &names(), &[("cka", &cells(&CKA))]).unwrap() && !csv.exists());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let whole = cells(&CKA);
        let short = &whole[..8];
        assert!(write_matrix_csv(&path, &names(), ("cka", short)).is_err());
        assert!(write_matrices_parquet(&path, &names(), &[("cka", &whole), ("b", short)]).is_err());
        for wrong in [
            vec![("cka", short)],
            vec![("values", &whole[..])],
            vec![("names", &whole)],
            vec![("cka", &whole), ("cka", &whole)],
            vec![("a\0b", &whole)],
        ] {
            assert!(write_matrices_npz(&path, &names(), &wrong).is_err(), "{wrong:?}");
        }
        for write in [write_matrices_npz, write_matrices_parquet] {
            assert!(write(&path, &[], &[]).unwrap_err().to_string().contains("no representations"));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

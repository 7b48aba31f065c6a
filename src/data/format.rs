//! Which format a file has, and reading it whatever the format.

use std::path::{Path, PathBuf};

use super::csv::{Columns, LabelColumn};
use super::labels::Labels;
use super::layout::Kind;
use super::member::{no_member, split_member};
use super::{Table, csv, file, foreign, idx, npy, npz, parquet, read_cifar, safetensors, text};
use crate::error::{Error, Result};

/// Examples of a file: inputs, with labels where it has such, and what a user should know of how they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    /// One row for each example.
    pub inputs: Table,
    /// One label for each example, if the file has labels.
    pub labels: Option<Labels>,
    /// Whether the file holds bytes, as those of pixels are.
    pub bytes: bool,
    /// Sentences without a subject.
    pub notes: Vec<String>,
}

/// Reads examples, one along the first axis for each example.
///
/// The format follows from what is in the file: NumPy's `.npy` and `.npz`, safetensors, IDX, Parquet, and tables of text
/// (`.csv`, `.tsv`, `.txt`; columns separated by commas, semicolons, tabs or blanks; a header line is found by itself). A
/// name that ends in `.bin` is images of CIFAR-10 or CIFAR-100. Each may be compressed by gzip, whatever its name. An archive of several
/// arrays takes the name of one after a colon: `points.npz:train`. Pickles are refused and never loaded.
///
/// In tables `label` says which column holds labels. A column that numbers or names the examples is an index, and left out
/// with a note; `index` leaves the first column out, or keeps it, whatever it holds.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read. [`Error::Data`] when it is damaged or of another format (the message says
/// how to convert it), when a value is not finite, and when there are no such labels.
pub fn read_examples(path: &Path, label: &LabelColumn, index: Option<bool>) -> Result<Examples> {
    let (file, format, member) = opened(path)?;
    let of = |columns: Columns<f32>| {
        let table = Table::new(columns.rows, vec![columns.width], columns.values, &file)?;
        Ok(Examples { inputs: table, labels: columns.labels, bytes: false, notes: columns.notes })
    };
    let inputs = match format {
        Format::Text => return of(csv::read(&file, label, index)?),
        Format::Parquet => return of(parquet::read(&file, label, index)?),
        Format::Cifar => {
            let (inputs, labels) = read_cifar(&file)?;
            let labels = Labels::Numbers(labels.into_iter().map(i64::from).collect());
            return Ok(Examples { inputs, labels: Some(labels), bytes: true, notes: Vec::new() });
        }
        Format::Npy => npy::read(&file)?,
        Format::Npz => npz::read(&file, member.as_deref())?,
        Format::Safetensors => safetensors::read(&file, member.as_deref())?,
        Format::Idx => idx::read(&file)?,
    };
    if *label != LabelColumn::None {
        return Err(Error::data(path, "is no table with columns, so none of them holds labels; name a file of labels"));
    }
    let bytes = inputs.layout.kind == Kind::U8;
    Ok(Examples { inputs: inputs.to_table(&file)?, labels: None, bytes, notes: Vec::new() })
}

/// Whether a file is a table with columns, of text or Parquet.
///
/// # Errors
/// As of [`read_examples`], where the format cannot be told.
pub fn is_table(path: &Path) -> Result<bool> {
    Ok(matches!(opened(path)?.1, Format::Text | Format::Parquet))
}

/// Reads examples without labels; see [`read_examples`].
///
/// # Errors
/// Those of [`read_examples`].
pub fn read_table(path: &Path) -> Result<Table> {
    Ok(read_examples(path, &LabelColumn::None, None)?.inputs)
}

/// Reads labels, a whole number or a word for each example, from the formats of [`read_examples`]: an array of whole
/// numbers (as floats too) or of words, a table of text or Parquet with one column beside an index, or `column` of a table
/// with more. From a `.bin` file come the labels of CIFAR-10, or the fine ones of CIFAR-100.
///
/// # Errors
/// Those of [`read_examples`], and [`Error::Data`] when there is not one label for each example.
pub fn read_labels_of(path: &Path, column: &LabelColumn) -> Result<Labels> {
    let (file, format, member) = opened(path)?;
    match format {
        Format::Text => csv::read_labels(&file, column),
        Format::Parquet => parquet::read_labels(&file, column),
        Format::Cifar => Ok(Labels::Numbers(read_cifar(&file)?.1.into_iter().map(i64::from).collect())),
        Format::Npy => npy::read_labels(&file),
        Format::Npz => npz::read_labels(&file, member.as_deref()),
        Format::Safetensors => safetensors::read(&file, member.as_deref())?.to_labels(&file),
        Format::Idx => idx::read(&file)?.to_labels(&file),
    }
}

/// Reads labels from a file that has no others; see [`read_labels_of`].
///
/// # Errors
/// Those of [`read_labels_of`].
pub fn read_labels(path: &Path) -> Result<Labels> {
    read_labels_of(path, &LabelColumn::None)
}

/// The file, its format and the array that is asked for.
pub(super) fn opened(path: &Path) -> Result<(PathBuf, Format, Option<String>)> {
    let (file, member) = split_member(path);
    let format = Format::of(&file)?;
    if !format.has_members() {
        no_member(&file, member.as_deref())?;
    }
    Ok((file, format, member))
}

/// Bytes at the start of a file that tell its format.
const START: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Text,
    Safetensors,
    Idx,
    Cifar,
    Parquet,
}

impl Format {
    /// Whether a file of this format holds arrays with names.
    pub(super) fn has_members(self) -> bool {
        matches!(self, Format::Npz | Format::Safetensors)
    }

    /// What is in the file tells its format, as far as it can; its name tells the rest, and what is wrong with it.
    pub(super) fn of(path: &Path) -> Result<Format> {
        let start = file::start(path, START)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        foreign::refuse(path, &start, name)?;
        if start.starts_with(npy::MAGIC) {
            return Ok(Format::Npy);
        } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            return Ok(Format::Npz);
        } else if start.starts_with(b"PAR1") {
            return Ok(Format::Parquet);
        }
        let endings = [
            (".npy", Format::Npy),
            (".npz", Format::Npz),
            (".csv", Format::Text),
            (".tsv", Format::Text),
            (".tab", Format::Text),
            (".txt", Format::Text),
            (".dat", Format::Text),
            (".safetensors", Format::Safetensors),
            ("ubyte", Format::Idx),
            (".idx", Format::Idx),
            (".bin", Format::Cifar),
            (".parquet", Format::Parquet),
        ];
        let named = endings.iter().find(|(ending, _)| name.ends_with(ending)).map(|&(_, format)| format);
        if named == Some(Format::Cifar) {
            return Ok(Format::Cifar);
        }
        let length = start.first_chunk().map_or(u64::MAX, |&length| u64::from_le_bytes(length));
        if length <= safetensors::MAX_HEADER && start.get(8) == Some(&b'{') {
            Ok(Format::Safetensors)
        } else if idx::kind(&start).is_some() && named != Some(Format::Text) {
            Ok(Format::Idx)
        } else if let Some(format) = named {
            Ok(format)
        } else if text::holds_numbers(&start) {
            Ok(Format::Text)
        } else {
            Err(Error::data(
                path,
                "the format is not known from the name or what is in it; expected .npy, .npz, .safetensors, .parquet, a \
                 table of text (.csv, .tsv, .txt), IDX (a name ending in ubyte or .idx) or the .bin files of CIFAR",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use zip::CompressionMethod::Stored;

    use super::*;
    use crate::data::file::tests::packed;
    use crate::data::{npy::tests as npy_tests, npz::tests as npz_tests, write_safetensors};

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Folder {
            Folder(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.path(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    #[test]
    fn every_format_gives_the_same_table() {
        let folder = Folder::new();
        let npy = npy_tests::written(&[2, 1], false, &[3.0f32, 4.0]);
        let npz = npz_tests::written(&[("x", &[3.0, 4.0]), ("y", &[0.0])]);
        let idx = [0, 0, 8, 1, 0, 0, 0, 2, 3, 4];
        let safetensors = folder.path("a.safetensors");
        let tensors = [("x".to_owned(), vec![2], vec![3.0, 4.0]), ("y".to_owned(), vec![1], vec![0.0])];
        write_safetensors(&safetensors, &tensors, &[]).unwrap();
        folder.file("a.npz", &npz);
        for path in [
            folder.file("a.npy", &npy),
            folder.file("A.NPY", &npy),
            folder.file("no-ending-npy", &npy),
            folder.path("a.npz:x"),
            folder.path("a.safetensors:x"),
            folder.file("a.csv", b"3\n4\n"),
            folder.file("header.csv", b"x\n3\n4\n"),
            folder.file("train-labels-idx1-ubyte", &idx),
            folder.file("train-labels.idx1-ubyte", &idx),
            folder.file("a.idx", &idx),
            folder.file("no-ending-idx", &idx),
            folder.file("a.txt", b"3\n4\n"),
            folder.file("a.tsv", b"x\n3\n4\n"),
            folder.file("no-ending-text", b"# two\n3.0e+00\n4.0e+00\n"),
            folder.file("really-npy.csv", &npy),
            folder.file("a.csv.gz", &packed(b"3\n4\n")),
            folder.file("a.npy.gz", &packed(&npy)),
            folder.file("unpacked.npy.gz", &npy),
            folder.file("packed.npy", &packed(&npy)),
            folder.file("packed-labels-idx1-ubyte", &packed(&idx)),
            folder.file("train-labels-idx1-ubyte.gz", &packed(&idx)),
        ] {
            let table = read_table(&path).unwrap();
            let expected = Table { rows: 2, shape: vec![1], values: vec![3.0, 4.0] };
            assert_eq!(table, expected, "{}", path.display());
            assert_eq!(read_labels(&path).unwrap(), Labels::Numbers(vec![3, 4]), "{}", path.display());
        }
        let image = folder.file("batch.bin", &[[7u8; 1].as_slice(), &[1; 3072]].concat());
        assert_eq!(read_table(&image).unwrap().shape, [3, 32, 32]);
        assert_eq!(read_labels(&image).unwrap(), Labels::Numbers(vec![7]));
    }

    #[test]
    fn bad_files_are_refused_with_their_names() {
        let folder = Folder::new();
        let npy = npy_tests::written(&[3], false, &[1.0f32, f32::NAN, 2.0]);
        let infinite = npy_tests::written(&[2, 2], false, &[1.0f64, 0.0, 0.0, f64::INFINITY]);
        folder.file("two.npz", &npz_tests::written(&[("x", &[1.0]), ("y", &[1.5])]));
        for (path, expected) in [
            (folder.path("missing.npy"), "missing.npy"),
            (folder.path("missing.npz:x"), "missing.npz"),
            (folder.file("empty.npy", b""), "empty"),
            (folder.file("empty.csv", b""), "empty"),
            (folder.file("empty.bin", b""), "empty"),
            (folder.file("nan.npy", &npy), "row 1"),
            (folder.file("infinite.npy", &infinite), "row 1, column 1"),
            (folder.file("truncated.npy", &npy[..npy.len() - 3]), "copy it again"),
            (folder.file("text.csv", b"1,2\n3,x\n"), "line 2, column 2"),
            (folder.file("ragged.csv", b"1,2\n3\n"), "line 2 has 1 columns"),
            (folder.file("images-idx3-ubyte.gz", &[0x1f, 0x8b, 8]), "unpacked"),
            (folder.file("hidden-ubyte", &[0x1f, 0x8b, 8]), "unpacked"),
            (folder.file("page-ubyte", b"<!DOCTYPE html><html>"), "web page (HTML), where an IDX file"),
            (folder.file("pointer.npy", b"version https://git-lfs.github.com/spec/v1\noid"), "`git lfs pull`"),
            (folder.file("x.h5", b"\x89HDF\r\n\x1a\n"), "h5py"),
            (folder.file("really-h5.npy", b"\x89HDF\r\n\x1a\n"), "h5py"),
            (folder.file("text.h5", b"hello"), "no HDF5"),
            (folder.file("x.mat", b"MATLAB 5.0 MAT-file, Platform"), "loadmat"),
            (folder.file("x73.mat", b"MATLAB 7.3 MAT-file, Platform"), "x[()].T"),
            (folder.file("x.feather", b"ARROW1\0\0"), "read_feather"),
            (folder.file("utf16.csv", b"\xff\xfe1\0,\x002\0"), "UTF-16"),
            (folder.file("no-mark.csv", b"1\0,\x002\0"), "UTF-16"),
            (folder.file("x.csv.bz2", b"BZh91AY"), "bunzip2"),
            (
                folder.file(
                    "sparse.npz",
                    &npz_tests::written(&[("format", &[1.0]), ("shape", &[1.0]), ("data", &[1.0])]),
                ),
                "load_npz",
            ),
            (
                folder.file("book.xlsx", &npz_tests::zipped(&[("xl/workbook.xml".to_owned(), vec![1])], Stored)),
                "read_excel",
            ),
            (folder.file("what.xyz", b"hello there"), "format is not known"),
            (folder.file("wrong.npz", b"hello there"), "archive"),
            (folder.file("wrong.npy", b"hello there"), "does not begin like one"),
            (folder.path("two.npz"), "two.npz:x"),
            (folder.path("two.npz:z"), "no array `z`"),
            (folder.path("two.npz:"), "no array ``"),
            (folder.path("nan.npy:x"), "holds a single array; leave `:x` away"),
            (folder.file("model.pt", b"PK\x03\x04"), "never loaded"),
            (folder.file("model.bin", b"PK\x03\x04"), "never loaded"),
            (folder.file("data_batch_1", b"\x80\x02}q\x01"), "never loaded"),
            (folder.file("pickle.npy", b"\x80\x04\x95 and more"), "never loaded"),
            (
                folder.file("model.npz", &npz_tests::zipped(&[("model/data.pkl".to_owned(), vec![1])], Stored)),
                "never loaded",
            ),
            (folder.path(""), "regular file"),
        ] {
            let message = read_table(&path).expect_err(expected).to_string();
            assert!(message.contains(expected), "{expected}: {message}");
            assert!(read_labels(&path).is_err(), "{expected}");
        }
        let message = read_labels(&folder.path("two.npz:y")).unwrap_err().to_string();
        assert!(message.contains("row 0 (counted from 0) is 1.5"), "{message}");
    }

    #[test]
    fn no_damage_to_a_file_ends_the_program() {
        let folder = Folder::new();
        let safetensors = folder.path("whole.safetensors");
        let tensors = [("x".to_owned(), vec![2, 2], vec![3.0, 4.0, 5.0, 6.0])];
        write_safetensors(&safetensors, &tensors, &[("a".to_owned(), "b".to_owned())]).unwrap();
        let files = [
            ("a.npy", npy_tests::written(&[2, 2], true, &[1i16, 2, 3, 4])),
            ("a.npz", npz_tests::written(&[("x", &[3.0, 4.0])])),
            ("a.csv", b"a,\"b\"\n1,2\n3e1,-4\n".to_vec()),
            ("a.safetensors", std::fs::read(&safetensors).unwrap()),
            ("a-ubyte", vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 3, 4]),
        ];
        for (name, whole) in files {
            let try_it = |bytes: &[u8]| {
                let path = folder.file(name, bytes);
                // Whether it can still be read does not matter here, only that there is an answer.
                if let Ok(table) = read_table(&path) {
                    assert_eq!(table.values.len(), table.rows * table.width());
                    assert!(table.values.iter().all(|value| value.is_finite()));
                }
                read_labels(&path).ok();
            };
            try_it(&whole);
            assert!(read_table(&folder.path(name)).is_ok(), "{name}");
            for length in 0..whole.len() {
                try_it(&whole[..length]);
            }
            for at in 0..whole.len() {
                for change in [0x01, 0x80, 0xff, whole[at]] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= change;
                    try_it(&damaged);
                }
                let mut huge = whole.clone();
                huge[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff);
                try_it(&huge);
            }
        }
    }
}

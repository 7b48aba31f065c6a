//! Which format a file has, and reading it whatever the format.

use std::path::{Path, PathBuf};

use super::array::Array;
use super::member::{no_member, split_member};
use super::{Table, csv, file, idx, npy, npz, read_cifar, safetensors};
use crate::error::{Error, Result};

/// Reads examples, one along the first axis for each example.
///
/// The format follows from the name of the file, or from its first bytes where the name says nothing: `.npy`, `.npz`,
/// `.csv` (a header line is found by itself; all columns must hold numbers), `.safetensors`, IDX (names that end in
/// `ubyte` or `.idx`) and `.bin`, the images of CIFAR-10. An archive of several arrays takes the name of one after a
/// colon: `points.npz:train`. Pickles are refused and never loaded.
pub fn read_table(path: &Path) -> Result<Table> {
    match source(path)? {
        Source::Csv => csv::read_table(path),
        Source::Cifar => Ok(read_cifar(path)?.0),
        Source::Array(array, file) => array.to_table(&file),
    }
}

/// Reads labels, a whole number from 0 up for each example, from the formats of [`read_table`]. Floats that are whole
/// numbers are taken as well. From a `.bin` file come the labels of CIFAR-10.
pub fn read_labels(path: &Path) -> Result<Vec<u32>> {
    match source(path)? {
        Source::Csv => csv::read_labels(path),
        Source::Cifar => Ok(read_cifar(path)?.1),
        Source::Array(array, file) => array.to_labels(&file),
    }
}

/// Where numbers come from: an array with the file that held it, or a format that treats labels in a way of its own.
enum Source {
    Csv,
    Cifar,
    Array(Array, PathBuf),
}

fn source(path: &Path) -> Result<Source> {
    let (file, member) = split_member(path);
    let format = Format::of(&file)?;
    if !format.has_members() {
        no_member(&file, member.as_deref())?;
    }
    let array = match format {
        Format::Csv => return Ok(Source::Csv),
        Format::Cifar => return Ok(Source::Cifar),
        Format::Npy => npy::read(&file)?,
        Format::Npz => npz::read(&file, member.as_deref())?,
        Format::Safetensors => safetensors::read(&file, member.as_deref())?,
        Format::Idx => idx::read(&file)?,
    };
    Ok(Source::Array(array, file))
}

/// What is said of pickles.
pub(super) const PICKLE: &str = "is a pickle or a PyTorch checkpoint, which could run any program when loaded and is \
    therefore never loaded; save the arrays with np.savez or safetensors.torch.save_file";

/// Whether the bytes begin like a pickle of Python 3 (protocols 2 to 5).
pub(super) fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Csv,
    Safetensors,
    Idx,
    Cifar,
}

impl Format {
    /// Whether a file of this format holds arrays with names.
    pub(super) fn has_members(self) -> bool {
        matches!(self, Format::Npz | Format::Safetensors)
    }

    pub(super) fn of(path: &Path) -> Result<Format> {
        let start = file::start(path, 16)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".gz") || start.starts_with(&[0x1f, 0x8b]) {
            let shown = path.display();
            return Err(Error::data(path, format!("compressed files are not read; unpack it first: gunzip {shown}")));
        }
        let pickled =
            [".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"].iter().any(|ending| name.ends_with(ending));
        // Models of PyTorch end like images of CIFAR-10, but are zip files or pickles.
        let model = name.ends_with(".bin") && start.starts_with(b"PK\x03\x04");
        if pickled || model || is_pickle(&start) {
            return Err(Error::data(path, PICKLE));
        }
        let endings = [
            (".npy", Format::Npy),
            (".npz", Format::Npz),
            (".csv", Format::Csv),
            (".safetensors", Format::Safetensors),
            ("ubyte", Format::Idx),
            (".idx", Format::Idx),
            (".bin", Format::Cifar),
        ];
        if let Some((_, format)) = endings.iter().find(|(ending, _)| name.ends_with(ending)) {
            return Ok(*format);
        }
        if start.starts_with(npy::MAGIC) {
            Ok(Format::Npy)
        } else if start.starts_with(b"PK\x03\x04") {
            Ok(Format::Npz)
        } else if idx::kind(&start).is_some() {
            Ok(Format::Idx)
        } else {
            Err(Error::data(
                path,
                "the format is not known from the name or the first bytes; expected .npy, .npz, .csv, .safetensors, \
                 IDX (a name ending in ubyte or .idx) or the .bin files of CIFAR-10",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use zip::CompressionMethod::Stored;

    use super::*;
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
        ] {
            let table = read_table(&path).unwrap();
            let expected = Table { rows: 2, shape: vec![1], values: vec![3.0, 4.0] };
            assert_eq!(table, expected, "{}", path.display());
            assert_eq!(read_labels(&path).unwrap(), [3, 4], "{}", path.display());
        }
        let image = folder.file("batch.bin", &[[7u8; 1].as_slice(), &[1; 3072]].concat());
        assert_eq!(read_table(&image).unwrap().shape, [3, 32, 32]);
        assert_eq!(read_labels(&image).unwrap(), [7]);
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
            (folder.file("images-idx3-ubyte.gz", &[0x1f, 0x8b, 8]), "gunzip"),
            (folder.file("hidden-ubyte", &[0x1f, 0x8b, 8]), "gunzip"),
            (folder.file("what.xyz", b"hello there"), "format is not known"),
            (folder.file("wrong.npz", b"hello there"), "archive"),
            (folder.file("wrong.npy", b"hello there"), "np.save"),
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

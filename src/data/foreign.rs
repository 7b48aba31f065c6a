//! Files of other kinds, told by what is in them or else by their names, so that each is refused by its own name and with a
//! command that converts it.

use std::path::Path;

use super::advice::Advice;
use crate::error::{Error, Result};

/// What is said of pickles, before the advice.
pub(super) const PICKLE: &str = "is a pickle, which could run any program when loaded and is therefore never loaded";

/// What is said of PyTorch's files, before the advice.
const TORCH: &str =
    "is a PyTorch checkpoint, a pickle, which could run any program when loaded and is therefore never loaded";

/// Whether the bytes begin like a pickle of Python 3 (protocols 2 to 5).
pub(super) fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..])
}

/// The refusal of a file of another kind.
pub(super) fn refused(path: &Path, what: &str, advice: Advice) -> Error {
    let how = match advice {
        Advice::Pickle | Advice::Joblib | Advice::Objects | Advice::ObjectWords => {
            "convert it, if you trust where it comes from"
        }
        Advice::Again => "save the array `x` again, from where it is in memory",
        _ => "convert it",
    };
    Error::data(path, format!("{what}; {how}: {}", advice.of(path)))
}

/// Refuses a file that begins so if it is of a kind that is known and not read. `name` is in lower case.
pub(super) fn refuse(path: &Path, start: &[u8], name: &str) -> Result<()> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let zipped = start.starts_with(b"PK\x03\x04");
    let torch = ends(&[".pt", ".pth", ".ckpt"]) || (ends(&[".bin"]) && zipped);
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()));
    let marked = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    let wide = marked || (ends(&[".csv", ".txt", ".tsv"]) && matches!(start, [a, 0, b, 0, ..] if *a > 0 && *b > 0));
    let (what, advice) = if start.starts_with(b"MATLAB 7.3 MAT-file") {
        ("is a MATLAB file of version 7.3, which is not read", Advice::Matlab73)
    } else if start.starts_with(b"MATLAB 5.0 MAT-file") {
        ("is a MATLAB file, which is not read", Advice::Matlab)
    } else if start.starts_with(b"\x89HDF\r\n\x1a\n") {
        ("is an HDF5 file, which is not read", Advice::Hdf5)
    } else if start.starts_with(b"ARROW1") || start.starts_with(b"FEA1") {
        ("is an Arrow or Feather file, which is not read", Advice::Arrow)
    } else if start.starts_with(b"\xd0\xcf\x11\xe0") {
        ("is a file of an old Excel, which is not read", Advice::Excel)
    } else if start.starts_with(b"BZh") && !ends(&[".csv", ".txt", ".tsv"]) {
        ("is compressed by bzip2, which is not read", Advice::Bzip2)
    } else if start.starts_with(b"\xfd7zXZ\0") {
        ("is compressed by xz, which is not read", Advice::Xz)
    } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
        ("is compressed by zstd, which is not read", Advice::Zstd)
    } else if start.get(257..262) == Some(b"ustar") {
        ("is a tar of files, which is not read", Advice::Untar)
    } else if begins("version https://git-lfs") {
        return Err(Error::data(
            path,
            format!(
                "is a pointer of Git LFS, and not the file itself; fetch that in its repository: {}",
                Advice::Lfs.of(path)
            ),
        ));
    } else if begins("<!doctype html") || begins("<html") || begins("<?xml") || begins("<head") {
        let expected = if ends(&["ubyte", ".idx", "ubyte.gz"]) { "an IDX file" } else { "an array" };
        return Err(Error::data(
            path,
            format!(
                "holds a web page (HTML), where {expected} was expected; the download went wrong, so download it again"
            ),
        ));
    } else if ends(&[".joblib"]) {
        (PICKLE, Advice::Joblib)
    } else if torch {
        (TORCH, Advice::Torch)
    } else if ends(&[".pkl", ".pickle"]) || is_pickle(start) {
        (PICKLE, Advice::Pickle)
    } else if wide {
        ("is text in UTF-16, which is not read", Advice::Utf16)
    } else if ends(&[".json"]) && (text.starts_with(b"[") || text.starts_with(b"{")) {
        ("is JSON, which is not read", Advice::Json)
    } else if ends(&[".h5", ".hdf5", ".hdf"]) {
        return Err(Error::data(
            path,
            "is no HDF5 file, as its name says, and those are not read; write it or copy it again",
        ));
    } else if ends(&[".mat"]) && !zipped {
        ("is a MATLAB file, which is not read", Advice::Matlab)
    } else {
        return Ok(());
    };
    Err(refused(path, what, advice))
}

/// Refuses a zip without arrays, or with the parts of a sparse matrix, by the names of what is in it.
pub(super) fn refuse_zip<'a>(path: &Path, names: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
    let has = |name: &str| names.clone().any(|other| other == name);
    let arrays = names.clone().filter(|name| name.ends_with(".npy")).count();
    let sparse = has("format.npy") && has("shape.npy") && has("data.npy");
    let (what, advice) = if sparse {
        ("is a sparse matrix of SciPy, whose parts are no arrays of examples", Advice::Sparse)
    } else if arrays > 0 {
        return Ok(());
    } else if names.clone().any(|name| name.ends_with(".pkl")) {
        (TORCH, Advice::Torch)
    } else if names.clone().any(|name| name.starts_with("xl/")) {
        ("is an Excel file, which is not read", Advice::Excel)
    } else if names.clone().next().is_some() {
        let expected =
            "is a zip, but it holds none of NumPy's arrays (expected at least one array whose name ends in .npy)";
        return Err(Error::data(path, format!("{expected}; unpack it and name a file: {}", Advice::Unzip.of(path))));
    } else {
        return Ok(());
    };
    Err(refused(path, what, advice))
}

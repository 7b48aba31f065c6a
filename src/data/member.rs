//! `file:array` on a command line, where a colon may also belong to a drive (`C:\x.npz`) or to the name of a file or an
//! array.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Divides `acts.npz:layer1` into the file and the name of the array.
///
/// A path that exists is a file, whatever colons it has. Otherwise the first colon before which there is an existing
/// file divides, or, when there is none, the first one after `.npz` or `.safetensors`, so that the error names the file
/// that is missing.
pub(super) fn split_member(path: &Path) -> (PathBuf, Option<String>) {
    let whole = (path.to_owned(), None);
    let Some(text) = path.to_str() else { return whole };
    if path.exists() {
        return whole;
    }
    // A letter before the first colon and a separator after it make a drive.
    let drive = matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let colons = || text.match_indices(':').map(|(at, _)| at).filter(|&at| !(drive && at == 1));
    let file = |at: usize| Path::new(&text[..at]).is_file();
    let ending = |at: usize| {
        let before = text[..at].to_ascii_lowercase();
        before.ends_with(".npz") || before.ends_with(".safetensors")
    };
    let at = colons().find(|&at| file(at)).or_else(|| colons().find(|&at| ending(at)));
    at.map_or(whole, |at| (PathBuf::from(&text[..at]), Some(text[at + 1..].to_owned())))
}

/// Refuses the name of an array where the file holds but one, without a name.
pub(super) fn no_member(file: &Path, member: Option<&str>) -> Result<()> {
    match member {
        None => Ok(()),
        Some(member) => Err(Error::data(file, format!("holds a single array; leave `:{member}` away"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(path: &str) -> (String, Option<String>) {
        let (file, member) = split_member(Path::new(path));
        (file.to_str().unwrap().to_owned(), member)
    }

    #[test]
    fn colons_of_drives_and_names_divide_nothing() {
        let parts = |file: &str, member: &str| (file.to_owned(), Some(member.to_owned()));
        assert_eq!(split("none.npz:x"), parts("none.npz", "x"));
        assert_eq!(split("NONE.NPZ:x"), parts("NONE.NPZ", "x"));
        assert_eq!(split("none.npz:a:b"), parts("none.npz", "a:b"));
        assert_eq!(split("none.safetensors:model.0/weight"), parts("none.safetensors", "model.0/weight"));
        assert_eq!(split(r"C:\none.npz"), (r"C:\none.npz".to_owned(), None));
        assert_eq!(split(r"C:\none.npz:x"), parts(r"C:\none.npz", "x"));
        assert_eq!(split("D:/none.npy"), ("D:/none.npy".to_owned(), None));
        assert_eq!(split("a:b"), ("a:b".to_owned(), None));
        assert_eq!(split(":"), (":".to_owned(), None));
    }

    #[test]
    fn files_that_are_there_decide() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("acts"), b"x").unwrap();
        assert_eq!(split(&path("acts:a:b")), (path("acts"), Some("a:b".to_owned())));
        assert_eq!(split(&path("acts")), (path("acts"), None));
        #[cfg(unix)]
        {
            std::fs::write(path("odd.npz:x"), b"x").unwrap();
            assert_eq!(split(&path("odd.npz:x")), (path("odd.npz:x"), None));
            assert_eq!(split(&path("odd.npz:x:y")), (path("odd.npz:x"), Some("y".to_owned())));
        }
    }
}

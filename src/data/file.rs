//! Opening files that are to be read as a whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file that is not empty, and says how long it is.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let about = file.metadata().map_err(Error::io(path))?;
    if !about.is_file() {
        // A pipe or a device has no length that a header could be compared with.
        return Err(Error::data(path, "expected a regular file; copy the data into one"));
    }
    if about.len() == 0 {
        return Err(Error::data(path, "the file is empty; it may not have been written or copied to its end"));
    }
    Ok((file, about.len()))
}

/// The first bytes of a file, at most `count`.
pub(super) fn start(path: &Path, count: u64) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(Error::io(path))?;
    Ok(bytes)
}

/// All bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let (mut file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Error::io(path))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_something_in_them_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(matches!(open(&path), Err(Error::Io { .. })));
        std::fs::write(&path, b"").unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("empty"));
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(open(&path).unwrap().1, 3);
        assert_eq!(start(&path, 2).unwrap(), b"ab");
        assert_eq!(bytes(&path).unwrap(), b"abc");
        assert!(open(folder.path()).is_err());
    }
}

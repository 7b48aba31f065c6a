//! Files that are either whole or not there: a run may be killed at any moment, and what it leaves must be readable.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// How names of unfinished files begin and end.
const PREFIX: &str = ".isogram-";
const SUFFIX: &str = ".part";

/// A file under construction. It takes its name only on [`AtomicFile::commit`]; dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will be called `path`. The folder must exist.
    pub fn create(path: &Path) -> Result<Self> {
        check_folder(path)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        // Temporary files are private by default; a result is shared as any other file is, less the user's umask.
        #[cfg(unix)]
        let permissions = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
        #[cfg(unix)]
        builder.permissions(permissions);
        // The same folder, since a rename is atomic only within one file system.
        let temporary = builder.tempfile_in(folder_of(path)).map_err(|error| {
            // The error names the temporary file, which means nothing to a user: what the system said is enough.
            let plain = error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
            Error::io(path)(plain)
        })?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Makes the bytes durable and gives the file its name, replacing an older one.
    pub fn commit(self) -> Result<()> {
        self.temporary.as_file().sync_all().map_err(Error::io(&self.path))?;
        self.temporary.persist(&self.path).map_err(|failed| Error::io(&self.path)(failed.error))?;
        // The new name itself must reach the disk. Not every system lets a folder be opened; the file is whole anyway.
        if let Ok(folder) = File::open(folder_of(&self.path)) {
            folder.sync_all().ok();
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.temporary.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.temporary.seek(to)
    }
}

/// Writes `bytes` as the file `path`: after a crash the file is the old one or the new one, never a part of either.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.commit()
}

/// Removes what writes of a killed run left unfinished in `dir` and its folders.
pub fn remove_unfinished(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if path.is_dir() && !path.is_symlink() {
            remove_unfinished(&path);
        } else if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            // Left behind it does no harm.
            std::fs::remove_file(&path).ok();
        }
    }
}

/// Finds out, before any work is done, whether files can be written in `dir`.
pub fn check_writable(dir: &Path) -> Result<()> {
    let mut file = tempfile::tempfile_in(dir).map_err(Error::io(dir))?;
    file.write_all(b"isogram").map_err(Error::io(dir))
}

/// Refuses the name of a file whose folder is not there.
///
/// # Errors
/// [`Error::Data`] with the folder and how to make it.
pub fn check_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    if folder.is_dir() {
        return Ok(());
    }
    let folder = folder.display();
    Err(Error::data(path, format!("the folder `{folder}` is not there; make it first: mkdir -p \"{folder}\"")))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_and_replaces_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_atomic(&path, b"old").unwrap();
        let mut half = AtomicFile::create(&path).unwrap();
        half.write_all(b"ne").unwrap();
        drop(half);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write_atomic(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file may stay behind");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("nowhere");
        assert!(check_writable(&missing).unwrap_err().to_string().contains("nowhere"));
        assert!(write_atomic(&missing.join("a"), b"").unwrap_err().to_string().contains("nowhere"));
        check_writable(dir.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_readable_by_others_as_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (plain, atomic) = (dir.path().join("plain"), dir.path().join("atomic"));
        std::fs::write(&plain, b"").unwrap();
        write_atomic(&atomic, b"").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&atomic));
    }
}

//! One writer per folder: two processes that write one run destroy each other's rows, so the first locks the folder.
//!
//! The lock is the system's own, on a file that names its owner. It ends with the process that holds it, however that ends; what
//! a killed owner leaves behind is a name without a lock, and taken over. Where a file system has no locks the name alone decides.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::layout::stamp;
use crate::error::{Error, Result};

/// The file in a folder that says who writes there.
pub const LOCK: &str = ".isogram.lock";

/// The right to write in a folder; it ends when this is dropped.
#[derive(Debug)]
pub struct FolderLock {
    /// Holds the system's lock while it is open.
    _file: File,
    path: PathBuf,
}

/// Who holds a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    host: String,
    /// When the folder was taken, in UTC, for people.
    since: String,
    /// When the process began, in the system's own count: a process of the same number that began at another time is another.
    began: Option<u64>,
}

impl Owner {
    fn this() -> Self {
        let pid = std::process::id();
        Self { pid, host: host(), since: stamp(SystemTime::now()), began: began(pid) }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {} (since {} UTC)", self.pid, self.host, self.since)
    }
}

impl FolderLock {
    /// Takes a folder, which must exist.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process writes there, with its number, host and since when; [`Error::Io`] when the file
    /// cannot be written.
    pub fn take(folder: &Path) -> Result<Self> {
        Self::take_by(folder, File::try_lock)
    }

    fn take_by(folder: &Path, lock: impl Fn(&File) -> Result<(), TryLockError>) -> Result<Self> {
        let path = folder.join(LOCK);
        loop {
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(Error::io(&path))?;
            let mut text = String::new();
            file.read_to_string(&mut text).ok();
            let owner: Option<Owner> = serde_json::from_str(&text).ok();
            let busy = |advice: &str| {
                let who = owner.as_ref().map_or("another process".to_owned(), Owner::to_string);
                Error::Busy(format!("{} is being written by {who}: {advice}", folder.display()))
            };
            match lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy("wait for it, stop it, or use another folder")),
                // A file system without locks: the name decides.
                Err(TryLockError::Error(why)) => match &owner {
                    Some(owner) if owner.host != host() => {
                        return Err(busy(&format!(
                            "this file system has no locks ({why}), so whether that process is still there cannot be seen from \
                             here: if it is not, delete {}",
                            path.display()
                        )));
                    }
                    Some(owner) if alive(owner) => {
                        return Err(busy(&format!(
                            "wait for it, stop it, or use another folder; if it is gone, delete {}",
                            path.display()
                        )));
                    }
                    _ => {}
                },
            }
            // An owner that ended between the opening and the locking has removed the file: a lock on it locks nothing.
            if !same(&file, &path) {
                continue;
            }
            let text = serde_json::to_vec(&Owner::this()).map_err(|e| Error::data(&path, e.to_string()))?;
            let write = |file: &mut File| {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&text)
            };
            write(&mut file).map_err(Error::io(&path))?;
            return Ok(Self { _file: file, path });
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // While it is still locked, so that no other process has it. What cannot be removed is taken over by the next.
        std::fs::remove_file(&self.path).ok();
    }
}

/// Whether a path still is the file that was opened.
#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let key = |m: std::io::Result<std::fs::Metadata>| m.map(|m| (m.dev(), m.ino())).ok();
    key(file.metadata()) == key(std::fs::metadata(path))
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
fn same(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// The name of this machine.
fn host() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let found = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    let found = found.or_else(|| std::env::var("COMPUTERNAME").ok()).or_else(|| std::env::var("HOSTNAME").ok());
    found.map_or_else(|| "this machine".to_owned(), |name| name.trim().to_owned())
}

/// When a process of this machine began, where the system says so.
fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, which may hold anything; the 22nd is the start.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Whether a process of this machine still runs. Where that cannot be known, it does.
fn alive(owner: &Owner) -> bool {
    if !Path::new("/proc/self/stat").exists() {
        return true;
    }
    match (began(owner.pid), owner.began) {
        (None, _) => false,
        (Some(now), Some(then)) => now == then,
        (Some(_), None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_locks(_: &File) -> Result<(), TryLockError> {
        Err(TryLockError::Error(std::io::ErrorKind::Unsupported.into()))
    }

    fn owned(folder: &Path, owner: &Owner) {
        std::fs::write(folder.join(LOCK), serde_json::to_vec(owner).unwrap()).unwrap();
    }

    #[test]
    fn a_folder_is_held_by_one_and_free_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::take(dir.path()).unwrap();
        let said = FolderLock::take(dir.path()).unwrap_err().to_string();
        let me = format!("process {} on {}", std::process::id(), host());
        assert!(said.contains(&me) && said.contains("since 2"), "{said}");
        drop(held);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays behind");
        FolderLock::take(dir.path()).unwrap();
    }

    #[test]
    fn what_a_killed_owner_leaves_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        // Also of another machine: the system says that nobody holds it.
        owned(dir.path(), &Owner { host: "elsewhere".into(), ..Owner::this() });
        FolderLock::take(dir.path()).unwrap();
        std::fs::write(dir.path().join(LOCK), "{\"pid\": 3, half a na").unwrap();
        FolderLock::take(dir.path()).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn without_locks_the_name_decides() {
        let dir = tempfile::tempdir().unwrap();
        let take = || FolderLock::take_by(dir.path(), no_locks);
        drop(take().unwrap());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other = Owner { pid: child.id(), began: began(child.id()), ..Owner::this() };
        owned(dir.path(), &other);
        let said = take().unwrap_err().to_string();
        assert!(said.contains(&format!("process {}", child.id())), "{said}");
        // Another process that has got the number since.
        owned(dir.path(), &Owner { began: Some(1), ..other.clone() });
        drop(take().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        owned(dir.path(), &other);
        drop(take().unwrap());
        // Of another machine nothing can be known: the way out is said, and works.
        owned(dir.path(), &Owner { host: "elsewhere".into(), ..other });
        let said = take().unwrap_err().to_string();
        let path = said.rsplit_once("delete ").unwrap().1;
        std::fs::remove_file(path).unwrap();
        take().unwrap();
    }
}

//! The folder that a run writes in.

use super::options::Options;
use super::snapshot::{self, Found};
use super::sweep::Sweep;
use crate::error::{Error, Result};
use crate::files::{self, FolderLock, Made};

/// The folder of a run, if it has one. What is made is removed again if nothing comes of it; the lock, which stands in it, goes
/// first.
#[derive(Default)]
pub(super) struct Folder {
    /// Keeps others from it.
    _lock: Option<FolderLock>,
    /// If it was made for this run.
    _made: Option<Made>,
}

impl Folder {
    /// Enters the folder of a run, and finds what is to be continued there.
    pub fn enter(sweep: &Sweep, options: &Options) -> Result<(Self, Option<Found>)> {
        if options.resume && sweep.track.is_some() {
            return Err(Error::Resume("a run that records every step is not continued: start it anew".into()));
        }
        let Some(dir) = options.out.as_deref() else {
            return match options.resume {
                true => Err(Error::Resume("a run is continued in its folder: name it (--out)".into())),
                false => Ok((Self::default(), None)),
            };
        };
        if options.resume {
            snapshot::find(dir, sweep)?;
        }
        let made = files::make_dir(dir)?;
        files::check_writable(dir)?;
        let lock = FolderLock::take(dir)?;
        files::remove_unfinished(dir);
        // Again, now that nobody else writes.
        let found = if options.resume { Some(snapshot::find(dir, sweep)?) } else { None };
        Ok((Self { _lock: Some(lock), _made: Some(made) }, found))
    }
}

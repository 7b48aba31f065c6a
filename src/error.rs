//! The one error type of the library. Every variant says what was expected, what came, and what to do.

use std::path::{Path, PathBuf};

/// Result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An experiment's settings are malformed or contradict each other. The message names the key.
    #[error("{0}")]
    Config(String),
    /// A data file cannot be used.
    #[error("{}: {message}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What was expected, what came, and what to do.
        message: String,
    },
    /// Two nodes of a graph do not fit each other.
    #[error("{0}")]
    Shape(String),
    /// A measure is not defined on what it was given.
    #[error("{0}")]
    Measure(String),
    /// A value that is defined could not be computed: an iteration did not converge, or the program is at fault.
    #[error("{0}")]
    Numerics(String),
    /// No usable adapter, or none of the name asked for.
    #[error("{0}")]
    Adapter(String),
    /// A kernel failed to compile or to validate.
    #[error("kernel `{kernel}`: {message}")]
    Kernel {
        /// Name of the kernel.
        kernel: String,
        /// The compiler's message, with the source line where there is one.
        message: String,
    },
    /// The device refused a command, or failed while running one.
    #[error("{0}")]
    Device(String),
    /// The device, or the machine, has not enough memory.
    #[error("{0}")]
    OutOfMemory(String),
    /// A run cannot be continued as asked.
    #[error("cannot resume: {0}")]
    Resume(String),
    /// Another process writes in the folder.
    #[error("{0}")]
    Busy(String),
    /// A run was interrupted by the user, after its state was saved.
    #[error("interrupted at step {step}; the run can be resumed")]
    Interrupted {
        /// Steps done when the run stopped.
        step: u64,
    },
    /// The file system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps an I/O error with the path that it concerns.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::Io { path, source }
    }

    /// A data file that cannot be used.
    pub fn data(path: impl AsRef<Path>, message: impl Into<String>) -> Error {
        Error::Data { path: path.as_ref().to_owned(), message: message.into() }
    }

    /// Settings that cannot be used.
    pub fn config(message: impl Into<String>) -> Error {
        Error::Config(message.into())
    }
}

/// The word of a list that a mistyped one is nearest to, if one is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance costs the product of both lengths, and nothing long is near to a name.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let (distance, best) = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &plain(name)), name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.chars().count() / 3).max(1)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("rleu", ["relu", "elu"]), Some("relu"));
        assert_eq!(nearest("Cross-Entropy", ["bce", "cross_entropy"]), Some("cross_entropy"));
        assert_eq!(nearest("zzzz", ["relu"]), None);
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
        // A measure of the catalogue is no short form of a word here, which may mean another estimator.
        assert_eq!(nearest("cka", ["cka_pairs", "cka_last"]), None);
    }
}

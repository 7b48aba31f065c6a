//! Representations from files, for the commands that compare and describe them. What cannot be used is left out by name, and
//! the rest goes on.

use std::path::{Path, PathBuf};

use faer::Mat;
use isogram::Error;
use isogram::data::{ArrayFile, LeftOut};
use isogram::measure::compare::Named;
use isogram::measure::memory::Memory;

use super::InputArgs;

/// What came from files.
pub(super) struct Input {
    pub set: Vec<Named>,
    pub left_out: Vec<LeftOut>,
}

/// Says on standard error what was left out.
pub(super) fn warn(left_out: &[LeftOut]) {
    /// Most warnings of one command.
    const MOST: usize = 20;
    for LeftOut { name, reason } in left_out.iter().take(MOST) {
        eprintln!("isogram: `{name}` is left out: {reason}");
    }
    if let Some(more) = left_out.len().checked_sub(MOST).filter(|&more| more > 0) {
        eprintln!("isogram: and {more} more arrays are left out");
    }
}

/// The same for JSON.
pub(super) fn json_of(left_out: &[LeftOut]) -> serde_json::Value {
    left_out.iter().map(|left| serde_json::json!({"name": left.name, "reason": left.reason})).collect()
}

/// Says on standard error how a file was read.
pub(super) fn say(file: &ArrayFile, path: &Path) {
    for note in file.notes() {
        eprintln!("isogram: {}: {note}", path.display());
    }
}

/// Every array of the files, with one row of units for each example. Arrays that hold what cannot be used (values that are
/// not finite, types that are not read, more than fits in memory) are left out; `instead` says what else can be done about
/// those that do not fit.
///
/// # Errors
/// If a file is not there, or nothing at all can be used: then the first reason. Any reason, where reading is strict.
pub(super) fn read(files: &[PathBuf], how: &InputArgs, memory: Memory, instead: &str) -> anyhow::Result<Input> {
    let mut input = Input { set: Vec::new(), left_out: Vec::new() };
    let mut first: Option<Error> = None;
    for file in files {
        let mut opened = match ArrayFile::open_with(file, &how.options()) {
            Ok(opened) => opened,
            Err(error @ Error::Data { .. }) if !how.strict => {
                input.leave_out(file.display().to_string(), error, &mut first);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        say(&opened, file);
        input.left_out.extend(opened.left_out().iter().cloned());
        for number in 0..opened.arrays().len() {
            let info = &opened.arrays()[number];
            let name = info.name.clone();
            let values = info.rows as f64 * info.shape.iter().map(|side| *side as f64).product::<f64>();
            // As read, flattened, and as a matrix.
            let found = memory
                .room(24.0 * values)
                .map_err(|error| Error::OutOfMemory(format!("{error}{instead}")))
                .and_then(|()| opened.read(number));
            match found.and_then(|read| read.flattened(how.flatten, how.channels)) {
                Ok(flat) => {
                    let width = flat.width();
                    let values = Mat::from_fn(flat.rows, width, |i, j| flat.values[i * width + j]);
                    input.set.push(Named { name: flat.name, values });
                }
                Err(error @ (Error::Data { .. } | Error::OutOfMemory(_))) if !how.strict => {
                    input.leave_out(name, error, &mut first)
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    shorten(input.set.iter_mut().map(|x| &mut x.name));
    match first {
        Some(error) if input.set.is_empty() => Err(error.into()),
        _ => Ok(input),
    }
}

impl Input {
    fn leave_out(&mut self, name: String, error: Error, first: &mut Option<Error>) {
        // The error begins with the name, which stands before it anyway.
        let reason = match &error {
            Error::Data { message, .. } => message.clone(),
            other => other.to_string(),
        };
        self.left_out.push(LeftOut { name, reason });
        first.get_or_insert(error);
    }

    /// Refuses fewer than two representations, with the reasons of those that were left out.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn two(&self) -> Result<(), Error> {
        if self.set.len() >= 2 {
            return Ok(());
        }
        Err(fewer(self.set.len(), &self.left_out))
    }
}

/// The error for fewer than two representations: of what the files hold, or of how many were named.
pub(super) fn fewer(count: usize, left_out: &[LeftOut]) -> Error {
    match left_out.first() {
        Some(LeftOut { name, reason }) => Error::data(
            name,
            format!("{reason}. Two representations or more are compared, and without it there are {count}"),
        ),
        None => Error::config(format!(
            "expected two representations or more, got {count}: name more files, or a file of several arrays"
        )),
    }
}

/// Leaves the folder out of names where all have the same.
pub(super) fn shorten<'a>(names: impl Iterator<Item = &'a mut String>) {
    let folder = |name: &str| Path::new(name).parent().map(Path::to_owned);
    let names: Vec<&mut String> = names.collect();
    let Some(first) = names.first().map(|name| folder(name)) else { return };
    if names.iter().all(|name| folder(name) == first) {
        for name in names {
            if let Some(short) = Path::new(name.as_str()).file_name().and_then(|n| n.to_str()) {
                *name = short.to_owned();
            }
        }
    }
}

/// What a user should know of classes before statistics of them.
pub(super) fn of_classes(labels: &[usize]) -> Vec<String> {
    let mut known: Vec<usize> = labels.to_vec();
    known.sort_unstable();
    let alone = known.chunk_by(|a, b| a == b).filter(|class| class.len() == 1).count();
    known.dedup();
    if known.len() == 1 {
        return vec![format!("all {} examples are of one class: nothing is told apart", labels.len())];
    }
    let of_one = format!(
        "{alone} of {} classes {} a single example, which is never held out from its like",
        known.len(),
        if alone == 1 { "has" } else { "have" }
    );
    if alone > 0 { vec![of_one] } else { Vec::new() }
}

/// A number of bytes: 4000000000, 4e9, 4GB, 3.5GiB.
pub(super) fn bytes(text: &str) -> Result<Memory, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() && !text.ends_with(char::is_numeric));
    let power = |base: f64, letter: &str| {
        ["", "k", "m", "g", "t"].iter().position(|l| *l == letter).map(|i| base.powi(i as i32))
    };
    let unit = text[number.len()..].to_ascii_lowercase();
    let size = match unit.strip_suffix("ib") {
        Some(letter) => power(1024.0, letter),
        None => power(1000.0, unit.strip_suffix('b').unwrap_or(&unit)),
    };
    match (number.trim().parse::<f64>(), size) {
        (Ok(count), Some(size)) if count > 0.0 && count.is_finite() => Ok(Memory::at_most((count * size) as u64)),
        _ => Err("expected a number of bytes, such as 4000000000, 4GB or 3.5GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_their_unit() {
        for (text, expected) in [
            ("4000000000", 4_000_000_000),
            ("4e9", 4_000_000_000),
            ("4GB", 4_000_000_000),
            ("3.5GiB", 3_758_096_384),
            ("2k", 2000),
        ] {
            assert_eq!(bytes(text), Ok(Memory::at_most(expected)), "{text}");
        }
        for text in ["", "GB", "-4GB", "4X", "nan", "inf", "0"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn classes_that_say_little_are_said() {
        assert!(of_classes(&[0, 0, 1, 1]).is_empty() && of_classes(&[]).is_empty());
        assert!(of_classes(&[3, 3, 3])[0].contains("one class:"));
        assert!(of_classes(&[0, 0, 1])[0].contains("1 of 2 classes has a single example"));
    }
}

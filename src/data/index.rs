//! Index columns: what a table was written with besides its values.
//!
//! The first column of a table is an index, and left out, when it holds names; or whole numbers, no two of them equal,
//! under no name or one such as `index` or `id`; or, in a text without a line of names, the running numbers 0, 1, 2 ... or
//! 1, 2, 3 ... of four lines or more. A column behind an index is one too if it has no name of its own either (`Unnamed:
//! 0`, which pandas writes when a table is saved twice).

/// Fewest lines whose running numbers are taken for an index without a name to say so.
const FEWEST: usize = 4;

/// Names of columns that number the examples.
const NAMES: [&str; 16] = [
    "",
    "index",
    "idx",
    "id",
    "ids",
    "uid",
    "row",
    "rows",
    "rowid",
    "rownames",
    "row_names",
    "row_number",
    "no",
    "nr",
    "#",
    "level_0",
];

/// Whether the name of a column is one that an index goes by.
pub(super) fn names_an_index(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    NAMES.contains(&lower.as_str()) || is_nameless(name) || lower.ends_with("_id") || lower.ends_with(" id")
}

/// Whether a program gave the column its name, since it had none.
pub(super) fn is_nameless(name: &str) -> bool {
    let name = name.trim();
    let made =
        |start: &str| name.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // pandas; pandas and pyarrow in Parquet; R's readr.
    name.is_empty() || made("Unnamed: ") || made("__index_level_") || name == "...1"
}

/// What is known of a column that may be an index.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidate {
    /// Its name, in a table with names.
    name: Option<String>,
    /// Its numbers.
    values: Vec<f64>,
    /// All were written with digits alone.
    digits: bool,
}

impl Candidate {
    pub(super) fn new(name: Option<String>) -> Candidate {
        Candidate { name, values: Vec::new(), digits: true }
    }

    /// Takes the next number, which may be written with digits alone.
    pub(super) fn push(&mut self, value: f64, digits: bool) {
        self.values.push(value);
        self.digits &= digits;
    }

    /// Whether these numbers are an index.
    pub(super) fn is_index(&self) -> bool {
        let whole = self.values.iter().all(|value| value.fract() == 0.0);
        match &self.name {
            Some(name) => names_an_index(name) && whole && self.differ(),
            None => self.digits && self.values.len() >= FEWEST && self.runs(),
        }
    }

    /// 0, 1, 2 ... or 1, 2, 3 ...
    fn runs(&self) -> bool {
        let first = self.values.first().copied().unwrap_or(f64::NAN);
        (first == 0.0 || first == 1.0)
            && self.values.iter().enumerate().all(|(row, &value)| value == first + row as f64)
    }

    fn differ(&self) -> bool {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// What is said when it is left out.
    pub(super) fn note(&self) -> String {
        let (first, last) = (self.values.first().copied().unwrap_or(0.0), self.values.last().copied().unwrap_or(0.0));
        left_out(self.name.as_deref(), &format!("numbers the examples ({first} to {last})"))
    }
}

/// What is said of an index.
pub(super) fn left_out(name: Option<&str>, what: &str) -> String {
    let called = match name {
        Some(name) if !name.trim().is_empty() => format!("the column `{}`", name.trim()),
        Some(_) => "the column without a name".to_owned(),
        None => "the first column".to_owned(),
    };
    format!("{called} {what} and is left out; to keep it: --no-index, or data.index = false in an experiment")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_index(name: Option<&str>, values: &[f64], digits: bool) -> bool {
        Candidate { name: name.map(str::to_owned), values: values.to_vec(), digits }.is_index()
    }

    #[test]
    fn numbers_are_an_index_by_their_name_or_by_running() {
        let shuffled = [17.0, 3.0, 42.0, 0.0];
        for name in ["", "Unnamed: 0", "index", "ID", "id", "image_id", "__index_level_0__", "...1"] {
            assert!(is_index(Some(name), &shuffled, true), "{name}");
            assert!(!is_index(Some(name), &[1.0, 1.0, 2.0], true), "{name}: what repeats is no index");
            assert!(!is_index(Some(name), &[0.5, 1.0, 2.0], true), "{name}: nor are parts");
        }
        for name in ["u0", "x", "width", "label", "idle", "Unnamed", "valid"] {
            assert!(
                !is_index(Some(name), &[0.0, 1.0, 2.0, 3.0, 4.0], true),
                "{name}: a unit that has a name of its own"
            );
        }
        assert!(is_index(None, &[0.0, 1.0, 2.0, 3.0], true) && is_index(None, &[1.0, 2.0, 3.0, 4.0], true));
        assert!(!is_index(None, &[0.0, 1.0, 2.0, 3.0], false), "an array of floats has no index");
        assert!(!is_index(None, &[1.0, 2.0, 3.0], true), "too few lines to tell");
        assert!(!is_index(None, &[2.0, 3.0, 4.0, 5.0], true) && !is_index(None, &shuffled, true));
    }
}

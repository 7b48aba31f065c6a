//! Class labels: checking, counting, spreading out.

use std::path::Path;

use crate::error::{Error, Result};

/// Most classes that a set of labels may imply. A larger label is far more likely a wrong column than a class, and each
/// class costs an output of every network.
const MAX_CLASSES: u32 = 1 << 16;

/// Checks that every label is smaller than the number of classes. `path` is named in the error.
pub fn check_labels(labels: &[u32], classes: usize, path: &Path) -> Result<()> {
    let Some(row) = labels.iter().position(|&label| label as usize >= classes) else { return Ok(()) };
    let label = labels[row];
    Err(Error::data(
        path,
        format!(
            "the label of row {row} (counted from 0) is {label}, but with {classes} classes a label is at most {}; \
             number the classes from 0 or raise the number of classes",
            classes.saturating_sub(1)
        ),
    ))
}

/// One label for each example, as a file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Words: for each example the place of its word among the names, which are in alphabetical order.
    Words {
        /// For each example.
        of: Vec<u32>,
        /// All words, each once.
        names: Vec<String>,
    },
}

/// Largest whole number up to which a float holds all of them.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The number as a label, if it is one: a whole number.
pub(super) fn as_label(value: f64) -> Option<i64> {
    // The bounds also leave NaN out; the cast is exact for a whole number within them.
    (value.abs() <= EXACT && value.fract() == 0.0).then_some(value as i64)
}

/// Words that stand for a missing value. None of them is taken for a class.
pub(super) fn is_missing(word: &str) -> bool {
    ["", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null"].contains(&word.trim().to_lowercase().as_str())
}

impl Labels {
    /// Labels of words.
    pub(super) fn of_words<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Labels {
        let mut names: Vec<&str> = words.clone().collect();
        names.sort_unstable();
        names.dedup();
        let of = words.map(|word| names.binary_search(&word).map_or(0, |place| place as u32)).collect();
        Labels::Words { of, names: names.into_iter().map(str::to_owned).collect() }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        match self {
            Labels::Numbers(of) => of.len(),
            Labels::Words { of, .. } => of.len(),
        }
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes, numbered from 0 in the order of the labels.
    pub fn classes(&self) -> Vec<u32> {
        match self {
            Labels::Numbers(of) => in_order(of.iter().copied()).of(of),
            Labels::Words { of, .. } => of.clone(),
        }
    }
}

/// Numbers, each once, in ascending order.
struct Order(Vec<i64>);

fn in_order(labels: impl Iterator<Item = i64>) -> Order {
    let mut all: Vec<i64> = labels.collect();
    all.sort_unstable();
    all.dedup();
    Order(all)
}

impl Order {
    /// The place of each number.
    fn of(&self, labels: &[i64]) -> Vec<u32> {
        labels.iter().map(|label| self.0.binary_search(label).map_or(0, |place| place as u32)).collect()
    }
}

/// Classes of one or more parts of a data set, numbered alike in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// For each part, the class of each example.
    pub of: Vec<Vec<u32>>,
    /// Number of classes.
    pub classes: usize,
    /// What a user should know of how the classes were numbered, where labels are not simply 0, 1, 2 ...
    pub note: Option<String>,
}

/// Numbers the classes of a data set's parts, which come with the files they are from; the first part is trained on.
///
/// Whole numbers from 0 on without a gap, or below the number of classes that is `wanted`, are the classes' numbers. Other
/// numbers, such as -1 and 1, are numbered in ascending order, and words in alphabetical order.
///
/// # Errors
/// [`Error::Data`] when there are no labels, when one part has numbers and another words, and when there are more classes
/// than wanted, or more than 65,536.
pub fn number_classes(parts: &[(&Labels, &Path)], wanted: Option<usize>) -> Result<Numbered> {
    let Some(&(first, path)) = parts.first().filter(|(labels, _)| !labels.is_empty()) else {
        let path = parts.first().map_or(Path::new("labels"), |(_, path)| path);
        return Err(Error::data(path, "expected at least one label, but there is none"));
    };
    let words = matches!(first, Labels::Words { .. });
    if let Some((_, other)) = parts.iter().find(|(part, _)| matches!(part, Labels::Words { .. }) != words) {
        let (is, not) = if words { ("numbers", "words") } else { ("words", "numbers") };
        let message = format!("holds labels in {is}, but {} holds {not}; write both in the same way", path.display());
        return Err(Error::data(other, message));
    }
    // Words become numbers first: their places among all words.
    let mut names: Vec<&str> = Vec::new();
    for (part, _) in parts {
        if let Labels::Words { names: own, .. } = part {
            names.extend(own.iter().map(String::as_str));
        }
    }
    names.sort_unstable();
    names.dedup();
    let numbers: Vec<Vec<i64>> = parts
        .iter()
        .map(|(part, _)| match part {
            Labels::Numbers(of) => of.clone(),
            Labels::Words { of, names: own } => {
                let place = |word: &String| names.binary_search(&word.as_str()).map_or(0, |place| place as i64);
                let places: Vec<i64> = own.iter().map(place).collect();
                of.iter().map(|&word| places.get(word as usize).copied().unwrap_or(0)).collect()
            }
        })
        .collect();
    let order = in_order(numbers.iter().flatten().copied());
    let found = order.0.len();
    if found > MAX_CLASSES as usize {
        return Err(Error::data(
            path,
            format!("holds {found} different labels, more than {MAX_CLASSES} classes; is this the column of labels?"),
        ));
    }
    let (least, most) = (order.0[0], order.0[found - 1]);
    let as_they_are = least >= 0 && most < wanted.unwrap_or(found) as i64;
    let classes = wanted.unwrap_or(found);
    let shown = |number: i64| names.get(number as usize).map_or(number.to_string(), |&name| format!("`{name}`"));
    if found > classes {
        return Err(Error::data(
            path,
            format!("holds labels of {found} classes, but there are to be {classes}; raise the number of classes"),
        ));
    }
    let list = |numbers: &[i64]| {
        let more = if numbers.len() > 12 { " ..." } else { "" };
        format!("{}{more}", numbers.iter().take(12).map(|&number| shown(number)).collect::<Vec<_>>().join(", "))
    };
    let mut notes = Vec::new();
    if words || !as_they_are {
        let last = found - 1;
        notes.push(format!("the classes 0 to {last} are, in this order, {}", list(&order.0)));
    }
    let trained = in_order(numbers[0].iter().copied());
    let unseen: Vec<i64> = order.0.iter().copied().filter(|label| trained.0.binary_search(label).is_err()).collect();
    if !unseen.is_empty() {
        notes.push(format!("no training example has the label {}, which test examples have", list(&unseen)));
    }
    if found == numbers.iter().map(Vec::len).sum::<usize>() && found > 2 {
        notes.push("every example has a label of its own: is this the column of labels?".to_owned());
    }
    let of = match as_they_are {
        true => numbers.iter().map(|part| part.iter().map(|&label| label as u32).collect()).collect(),
        false => numbers.iter().map(|part| order.of(part)).collect(),
    };
    Ok(Numbered { of, classes, note: (!notes.is_empty()).then(|| notes.join("; ")) })
}

/// Labels as rows of `classes` values, 1 at the label and 0 elsewhere. A label that is out of range (which
/// [`check_labels`] finds) gives a row of zeros.
pub fn one_hot(labels: &[u32], classes: usize) -> Vec<f32> {
    let mut values = vec![0.0; labels.len() * classes];
    // `max(1)`: a chunk cannot be of size 0; with no classes there are no values, hence no chunks.
    for (row, &label) in values.chunks_exact_mut(classes.max(1)).zip(labels) {
        if let Some(value) = row.get_mut(label as usize) {
            *value = 1.0;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_out_of_range_name_the_row() {
        let path = Path::new("labels.npy");
        check_labels(&[0, 1, 2], 3, path).unwrap();
        let message = check_labels(&[0, 1, 3], 3, path).unwrap_err().to_string();
        assert!(message.starts_with("labels.npy: the label of row 2") && message.contains("at most 2"), "{message}");
        assert!(check_labels(&[0], 0, path).is_err());
    }

    fn numbers(of: &[i64]) -> Labels {
        Labels::Numbers(of.to_vec())
    }

    fn numbered(parts: &[&Labels], wanted: Option<usize>) -> Result<Numbered> {
        let parts: Vec<(&Labels, &Path)> = parts.iter().map(|&part| (part, Path::new("y.csv"))).collect();
        number_classes(&parts, wanted)
    }

    #[test]
    fn numbers_are_classes_in_ascending_order() {
        let plain = numbered(&[&numbers(&[2, 0, 1, 0])], None).unwrap();
        assert_eq!((plain.of, plain.classes, plain.note), (vec![vec![2, 0, 1, 0]], 3, None));
        for (labels, of, words) in [
            (&[1, -1, 1][..], &[1, 0, 1][..], "-1, 1"),
            (&[9, 0, 5, 0], &[2, 0, 1, 0], "0, 5, 9"),
            (&[3, 1, 2, 1], &[2, 0, 1, 0], "1, 2, 3"),
        ] {
            let found = numbered(&[&numbers(labels)], None).unwrap();
            assert_eq!((&found.of[0][..], found.classes), (of, of.iter().max().map_or(0, |&most| most as usize + 1)));
            assert!(found.note.unwrap().contains(words));
        }
        // With their number given, labels below it stay what they are.
        let gap = numbered(&[&numbers(&[0, 5, 9, 9])], Some(10)).unwrap();
        assert_eq!((&gap.of[0][..], gap.classes, gap.note), (&[0, 5, 9, 9][..], 10, None));
        let from_one = numbered(&[&numbers(&[1, 3, 2, 1])], Some(3)).unwrap();
        assert_eq!((&from_one.of[0][..], from_one.classes), (&[0, 2, 1, 0][..], 3));
        assert!(numbered(&[&numbers(&[0, 1, 2])], Some(2)).unwrap_err().to_string().contains("3 classes"));
        assert!(numbered(&[&numbers(&[])], None).is_err());
    }

    #[test]
    fn parts_are_numbered_alike() {
        let words = |list: &[&'static str]| Labels::of_words(list.iter().copied());
        let train = words(&["owl", "cat", "owl", "cat"]);
        let found = numbered(&[&train, &words(&["owl", "dog"])], None).unwrap();
        assert_eq!((found.of, found.classes), (vec![vec![2, 0, 2, 0], vec![2, 1]], 3));
        assert!(found.note.unwrap().contains("no training example has the label `dog`"));
        assert!(numbered(&[&train, &numbers(&[0, 1])], None).unwrap_err().to_string().contains("numbers, but"));
        let gaps = numbered(&[&numbers(&[0, 9, 5, 5]), &numbers(&[9])], None).unwrap();
        assert_eq!(gaps.of, [vec![0, 2, 1, 1], vec![2]]);
    }

    #[test]
    fn one_hot_rows() {
        assert_eq!(one_hot(&[1, 0], 3), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(one_hot(&[7], 2), [0.0, 0.0]);
        assert!(one_hot(&[1], 0).is_empty());
    }

    #[test]
    fn only_whole_numbers_are_labels() {
        assert_eq!((as_label(3.0), as_label(-1.0)), (Some(3), Some(-1)));
        for bad in [0.5, 1e16, f64::NAN, f64::INFINITY] {
            assert_eq!(as_label(bad), None, "{bad}");
        }
    }
}

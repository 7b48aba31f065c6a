//! Whether the first line of a table names its columns.

use std::collections::BTreeMap;

use ::csv::ByteRecord;

use super::labels::is_missing;
use super::text::{Dialect, Lines};

/// The fields of a line as names of columns. `np.savetxt` begins a header with `# `.
pub(super) fn names_of(record: &ByteRecord) -> Vec<String> {
    // Between blanks, quotes are still there.
    let name = |field| text_of(field).trim_start_matches('#').trim().trim_matches('"').to_owned();
    record.iter().map(name).collect()
}

/// A field as text.
pub(super) fn text_of(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Whether the first line names the columns, or nothing if it can be neither names nor numbers. `label` is where labels
/// are, which may be words.
pub(super) fn is_header(record: &ByteRecord, label: Option<usize>, dialect: &Dialect, text: &[u8]) -> Option<bool> {
    let number = |field: &[u8]| dialect.number::<f64>(field);
    let inputs: Vec<&[u8]> =
        record.iter().enumerate().filter(|&(place, _)| Some(place) != label).map(|(_, field)| field).collect();
    let numbers: Vec<f64> = inputs.iter().filter_map(|field| number(field)).collect();
    let filled = inputs.iter().filter(|field| !field.is_empty()).count();
    // Programs number unnamed columns from 0, as in `0,1,2,label`.
    let numbered = numbers.iter().enumerate().all(|(place, &number)| number == place as f64);
    let words = label.filter(|&place| number(&record[place]).is_none() && !is_missing(&text_of(&record[place])));
    let begins = |place: usize| begins_with_header(text, dialect, place);
    if numbers.is_empty() {
        // With inputs of words alone it names them; of nothing but labels, their column decides.
        return match (filled, words) {
            (0, Some(place)) => Some(begins(place)),
            (0, None) => Some(false),
            _ if label.is_some() && words.is_none() && label.is_some_and(|place| number(&record[place]).is_some()) => {
                None
            }
            _ => Some(true),
        };
    }
    let first_is_text = inputs.first().is_some_and(|field| number(field).is_none());
    if numbers.len() == filled {
        // An empty field is a missing number, but before columns that are numbered it is the index without a name.
        let nameless = first_is_text && numbered && numbers.len() + 1 == inputs.len();
        let follows = || second(text, dialect).is_some_and(|line| line.get(0).is_some_and(|field| !field.is_empty()));
        return match words {
            _ if nameless && label != Some(0) => Some(follows()),
            Some(place) if numbered => Some(begins(place)),
            _ => Some(false),
        };
    }
    if numbered {
        return Some(true);
    }
    // A name and numbers. Other text among numbers is a line of data with something wrong in it, and to take that for a
    // header would drop an example without a word.
    let name = first_is_text && numbers.len() + 1 == inputs.len() && !is_missing(&text_of(inputs[0]));
    name.then_some(false)
}

/// The second line.
fn second(text: &[u8], dialect: &Dialect) -> Option<ByteRecord> {
    let (mut lines, mut record) = (Lines::new(text, dialect), ByteRecord::new());
    for _ in 0..2 {
        lines.read(&mut record).ok()?.then_some(())?;
    }
    Some(record)
}

/// Names that a column of labels goes by: in the first line they are a header, not a class.
const HEADERS: [&str; 8] = ["label", "labels", "class", "classes", "target", "targets", "category", "y"];

/// Whether the first word of a column names it: by what it says, because numbers follow, or because it alone comes but
/// once.
pub(super) fn begins_with_header(text: &[u8], dialect: &Dialect, place: usize) -> bool {
    let (mut lines, mut record) = (Lines::new(text, dialect), ByteRecord::new());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut first, mut numbers, mut rows) = (None, 0usize, 0usize);
    while lines.read(&mut record).unwrap_or(false) {
        let field = record.get(place).unwrap_or_default();
        numbers += usize::from(dialect.number::<f64>(field).is_some());
        rows += 1;
        let word = text_of(field);
        first.get_or_insert_with(|| word.clone());
        *counts.entry(word).or_default() += 1;
    }
    let Some(first) = first else { return false };
    let alone = counts.iter().all(|(word, &count)| (count == 1) == (*word == first));
    HEADERS.contains(&first.to_lowercase().as_str()) || numbers + 1 == rows || (alone && counts.len() > 2)
}

//! Tables in text files, columns separated by commas.

use std::collections::BTreeMap;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder, Trim};

use super::decode::Value;
use super::labels::as_label;
use super::{Dataset, Table, Targets, count_classes, file};
use crate::error::{Error, Result};

/// Which column of a CSV file holds the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// The first.
    First,
    /// The last.
    Last,
    /// The one with this name in the header line.
    Name(String),
    /// No column holds labels: all are inputs, and the inputs themselves are the targets.
    None,
}

impl LabelColumn {
    /// The number of the column, counted from 0.
    fn place(&self, columns: &Columns, path: &Path) -> Result<Option<usize>> {
        let place = match self {
            LabelColumn::None => return Ok(None),
            LabelColumn::First => 0,
            LabelColumn::Last => columns.count.saturating_sub(1),
            LabelColumn::Name(name) => {
                let Some(names) = &columns.names else {
                    return Err(Error::data(
                        path,
                        format!("has no header line, so no column is called `{name}`; choose the first or last column"),
                    ));
                };
                names.iter().position(|other| other == name).ok_or_else(|| {
                    let shown = names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    let more = if names.len() > 20 { ", ..." } else { "" };
                    Error::data(path, format!("has no column `{name}`; its columns are {shown}{more}"))
                })?
            }
        };
        if columns.count < 2 {
            return Err(Error::data(path, "has a single column; expected at least one input beside the label"));
        }
        Ok(Some(place))
    }
}

/// Reads a CSV file with one example in each line, one of whose columns may hold labels. There are as many classes as
/// the largest label and one more. Without labels the inputs are their own targets.
pub fn read_csv_dataset(path: &Path, label_column: LabelColumn) -> Result<Dataset> {
    dataset_from(&file::bytes(path)?, path, &label_column)
}

/// The data set in a text; `path` gives its name and is named in errors.
pub(super) fn dataset_from(text: &[u8], path: &Path, label_column: &LabelColumn) -> Result<Dataset> {
    let lines = read_lines(text, path, RowNames::Refused, |columns| label_column.place(columns, path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let inputs = Table { rows: lines.rows, shape: vec![lines.width], values: lines.values };
    let targets = match label_column {
        LabelColumn::None => Targets::Values(inputs.clone()),
        _ => Targets::Classes { classes: count_classes(&lines.labels, path)?, labels: lines.labels },
    };
    Dataset::new(name, inputs, targets)
}

/// Reads a CSV file whose columns are all inputs.
pub(super) fn read_table(path: &Path) -> Result<Table> {
    let (rows, width, values) = read_values(path)?;
    Ok(Table { rows, shape: vec![width], values })
}

/// Reads a CSV file of numbers: rows, columns, and values row by row. A first column of names is left out, as an index that
/// a table was written with.
pub(super) fn read_values<V: Value>(path: &Path) -> Result<(usize, usize, Vec<V>)> {
    let lines = read_lines(&file::bytes(path)?, path, RowNames::Skipped, |_| Ok(None))?;
    Ok((lines.rows, lines.width, lines.values))
}

/// Reads a CSV file of one column, a label in each line: a whole number, or a word. Words are numbered in alphabetical order.
pub(super) fn read_labels(path: &Path) -> Result<Vec<u32>> {
    let text = file::bytes(path)?;
    if let Some(labels) = words(&text) {
        return Ok(labels);
    }
    let only = |columns: &Columns| match columns.count {
        1 => Ok(Some(0)),
        count => Err(Error::data(
            path,
            format!("expected one label in each line, but there are {count} columns; keep the column of labels only"),
        )),
    };
    Ok(read_lines::<f32>(&text, path, RowNames::Refused, only)?.labels)
}

/// Names that a column of labels goes by: in the first line they are a header, not a class.
const HEADERS: [&str; 8] = ["label", "labels", "class", "classes", "target", "targets", "category", "y"];

/// Whether the first of all words names the column: by what it says, or because it alone comes but once.
fn begins_with_header(all: &[String]) -> bool {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    all.iter().for_each(|word| *counts.entry(word).or_default() += 1);
    let Some(first) = all.first() else { return false };
    let alone = counts.iter().all(|(word, &count)| (count == 1) == (*word == first));
    HEADERS.contains(&first.to_lowercase().as_str()) || (alone && counts.len() > 2)
}

/// Labels of a text of one word in each line, none of which is a number: nothing, if it is another kind of text.
fn words(text: &[u8]) -> Option<Vec<u32>> {
    let text = str::from_utf8(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)).ok()?;
    let mut reader = ReaderBuilder::new().has_headers(false).trim(Trim::All).from_reader(text.as_bytes());
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.ok()?;
        let word =
            record.get(0).filter(|word| record.len() == 1 && !word.is_empty() && word.parse::<f64>().is_err())?;
        all.push(word.to_owned());
    }
    if begins_with_header(&all) {
        all.remove(0);
    }
    let mut classes: Vec<&String> = all.iter().collect();
    classes.sort_unstable();
    classes.dedup();
    // As many words as lines are names, not classes.
    if classes.len() < 2 || classes.len() == all.len() {
        return None;
    }
    all.iter().map(|word| classes.binary_search(&word).ok().map(|class| class as u32)).collect()
}

/// What becomes of a first column of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowNames {
    /// It is not a number, and refused.
    Refused,
    /// It is left out.
    Skipped,
}

/// Whether a line is a name and numbers.
fn is_named(record: &ByteRecord) -> bool {
    let mut fields = record.iter();
    let name = fields.next().is_some_and(|first| number::<f64>(first).is_none());
    name && record.len() > 1 && fields.all(|field| number::<f64>(field).is_some())
}

/// Whether a line numbers the columns after the first from 0, as a table is written whose columns have no names.
fn numbers_columns(record: &ByteRecord) -> bool {
    record.iter().skip(1).enumerate().all(|(place, field)| number::<f64>(field) == Some(place as f64))
}

/// What is known of the columns once the first line has been read.
struct Columns {
    count: usize,
    names: Option<Vec<String>>,
}

/// All lines of a file.
struct Lines<V> {
    rows: usize,
    /// Columns but that of the labels; 0 where there is no other.
    width: usize,
    values: Vec<V>,
    labels: Vec<u32>,
}

fn read_lines<V: Value>(
    text: &[u8],
    path: &Path,
    row_names: RowNames,
    label_place: impl FnOnce(&Columns) -> Result<Option<usize>>,
) -> Result<Lines<V>> {
    // A mark that some programs put before the text. Without it, positions in the text and in the reader agree.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // Flexible: lines of other lengths are refused here, with a message that names the line.
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| {
        reader.read_byte_record(record).map_err(|error| match error.into_kind() {
            ::csv::ErrorKind::Io(error) => Error::io(path)(error),
            kind => Error::data(path, format!("cannot be read as CSV: {kind:?}")),
        })
    };
    if !next(&mut record)? {
        return Err(Error::data(path, "expected lines of numbers separated by commas, but it has none"));
    }
    let may_be_named = row_names == RowNames::Skipped && is_named(&record);
    let names = if may_be_named && !numbers_columns(&record) {
        None
    } else if may_be_named {
        Some(record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect())
    } else {
        header(&record, text, path)?
    };
    let columns = Columns { count: record.len(), names };
    let label = label_place(&columns)?;
    if columns.names.is_some() && !next(&mut record)? {
        return Err(Error::data(path, "has a header line but no line of numbers"));
    }
    let skipped = usize::from(row_names == RowNames::Skipped && is_named(&record));
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    let mut rows = 0usize;
    loop {
        if record.len() != columns.count {
            let line = line(&record, text);
            let (expected, came) = (columns.count, record.len());
            return Err(Error::data(
                path,
                format!("line {line} has {came} columns, but the first line has {expected}; repair or drop the line"),
            ));
        }
        for (column, field) in record.iter().enumerate().skip(skipped) {
            let refused = |wanted: &str| refused(path, line(&record, text), column + 1, field, wanted);
            if Some(column) == label {
                // Not by way of f32, which would round large whole numbers to other whole numbers.
                let number = str::from_utf8(field).ok().and_then(|text| text.parse().ok()).and_then(as_label);
                labels
                    .push(number.ok_or_else(|| {
                        refused("but a label is a whole number from 0 up; number the classes from 0")
                    })?);
            } else {
                let value: V = number(field).ok_or_else(|| {
                    refused(
                        "but a number was expected; repair the line, drop the column, or separate columns by commas",
                    )
                })?;
                if !value.to_f64().is_finite() {
                    return Err(refused(&format!("but {}; repair or drop the line", V::WANTED)));
                }
                values.push(value);
            }
        }
        rows += 1;
        if !next(&mut record)? {
            break;
        }
    }
    let width = columns.count - skipped - usize::from(label.is_some());
    Ok(Lines { rows, width, values, labels })
}

/// The names of the columns, if the first line holds names rather than numbers.
fn header(record: &ByteRecord, text: &[u8], path: &Path) -> Result<Option<Vec<String>>> {
    let numbers: Vec<f32> = record.iter().filter_map(number).collect();
    // An empty field is a missing number or a column without a name; the other fields decide.
    if numbers.len() == record.iter().filter(|field| !field.is_empty()).count() {
        return Ok(None);
    }
    // Programs number unnamed columns from 0, as in `0,1,2,label`. Other numbers beside text are a line of data with
    // something wrong in it, and to take that for a header would drop an example without a word.
    if numbers.iter().enumerate().any(|(place, &number)| number != place as f32) {
        let line = line(record, text);
        return Err(Error::data(
            path,
            format!(
                "line {line} holds numbers as well as text, so it is neither a header nor a line of numbers; repair \
                 the line, drop the columns of text, or number the classes from 0 where they are the text"
            ),
        ));
    }
    // `np.savetxt` begins a header with `# `.
    let name = |field: &[u8]| String::from_utf8_lossy(field).trim_start_matches('#').trim().to_owned();
    Ok(Some(record.iter().map(name).collect()))
}

fn number<V: Value>(field: &[u8]) -> Option<V> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// The line of a record, counted from 1. It is counted in the text, because the reader's own count lags behind after
/// blank lines; only messages need it.
fn line(record: &ByteRecord, text: &[u8]) -> usize {
    let start = record.position().map_or(0, |position| position.byte() as usize).min(text.len());
    // What the reader skips before the record belongs to earlier lines.
    let skipped = text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let before = &text[..start + skipped];
    let ends = before.iter().enumerate().filter(|&(at, byte)| match byte {
        b'\n' => true,
        b'\r' => before.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    1 + ends.count()
}

fn refused(path: &Path, line: usize, column: usize, field: &[u8], wanted: &str) -> Error {
    let text = String::from_utf8_lossy(field);
    let short: String = text.chars().take(40).collect();
    let came = match (text.is_empty(), short.len() < text.len()) {
        (true, _) => "empty".to_owned(),
        (_, true) => format!("`{short}...`"),
        _ => format!("`{short}`"),
    };
    Error::data(path, format!("line {line}, column {column} is {came}, {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, label: LabelColumn) -> Result<Dataset> {
        dataset_from(text.as_bytes(), Path::new("some/points.csv"), &label)
    }

    fn classes(dataset: &Dataset) -> (&[u32], usize) {
        match &dataset.targets {
            Targets::Classes { labels, classes } => (labels, *classes),
            Targets::Values(_) => panic!("expected classes"),
        }
    }

    #[test]
    fn labels_are_found_in_any_column() {
        let last = parse("1,2,0\n3,4,2\n", LabelColumn::Last).unwrap();
        assert_eq!(last.name, "points");
        assert_eq!(
            (last.inputs.rows, &last.inputs.shape[..], &last.inputs.values[..]),
            (2, &[2][..], &[1., 2., 3., 4.][..])
        );
        assert_eq!(classes(&last), (&[0, 2][..], 3));
        let first = parse("label,x,y\r\n1, 2.5 ,\"-3\"\r\n0.0,1e-3,4\r\n", LabelColumn::First).unwrap();
        assert_eq!(first.inputs.values, [2.5, -3.0, 1e-3, 4.0]);
        assert_eq!(classes(&first), (&[1, 0][..], 2));
        let named = parse("\u{feff}# x,digit,y\n1,7,2", LabelColumn::Name("digit".into())).unwrap();
        assert_eq!((&named.inputs.values[..], classes(&named)), (&[1.0, 2.0][..], (&[7][..], 8)));
        assert_eq!(parse("\u{feff}1,7,2", LabelColumn::First).unwrap().inputs.values, [7.0, 2.0]);
        let none = parse("1,2\n3,4", LabelColumn::None).unwrap();
        assert_eq!(none.targets, Targets::Values(none.inputs.clone()));
    }

    #[test]
    fn columns_that_were_numbered_are_a_header() {
        assert_eq!(parse("0,1,label\n5,6,0\n", LabelColumn::Last).unwrap().inputs.values, [5.0, 6.0]);
        // A column without a name beside numbered ones cannot be told from a line with a missing number.
        let message = parse(",0,1\n0,5,6\n", LabelColumn::First).unwrap_err().to_string();
        assert!(message.contains("line 1, column 1 is empty"), "{message}");
        assert_eq!(parse("label,0,1\n1,5,6\n", LabelColumn::First).unwrap().inputs.values, [5.0, 6.0]);
    }

    #[test]
    fn bad_files_name_the_line() {
        for (text, expected) in [
            ("1,2,0\n3,4\n", "line 2 has 2 columns, but the first line has 3"),
            ("1,2,0\n3,4,0,0\n", "line 2 has 4 columns"),
            ("1,2,0\n\n\nx,4,0\n", "line 4, column 1 is `x`"),
            ("1,2,0\r\n3,4,0\r\n\r\nx,4,0\r\n", "line 4, column 1 is `x`"),
            ("1,2,0\r3,4,0\rx,4,0", "line 3, column 1 is `x`"),
            ("\u{feff}\n1,2,0\nx,4,0", "line 3, column 1 is `x`"),
            ("a,b,c\n1,2,0\n3,four,0\n", "line 3, column 2 is `four`"),
            ("1,2,0\nNaN,4,0\n", "line 2, column 1 is `NaN`"),
            ("1,2,0\n3,-inf,0\n", "line 2, column 2 is `-inf`"),
            ("1,2,0\n3,1e39,0\n", "line 2, column 2 is `1e39`"),
            ("1,2,0\n3,,0\n", "line 2, column 2 is empty"),
            ("1,2,0\n3,4,-1\n", "line 2, column 3 is `-1`"),
            ("1,2,0\n3,4,1.5\n", "line 2, column 3 is `1.5`"),
            ("1,2,0\n3,4,cat\n", "line 2, column 3 is `cat`"),
            ("1,2,0\n3,4,nan\n", "line 2, column 3 is `nan`"),
            ("1,2,0\n3,4,99999999\n", "row 1 (counted from 0) is 99999999"),
            ("1,2,cat\n3,4,0\n", "line 1 holds numbers as well as text"),
            ("1;2;0\n3;4;0\n", "single column"),
            ("5\n6\n", "single column"),
            ("a,b\n", "no line of numbers"),
            ("", "it has none"),
            ("\n\n", "it has none"),
            ("1,2,0\n\"3,4,0\n5,6,0\n", "line 2 has 1 columns"),
        ] {
            let message = parse(text, LabelColumn::Last).expect_err(text).to_string();
            assert!(message.starts_with("some/points.csv: ") && message.contains(expected), "{expected}: {message}");
        }
        let bytes = dataset_from(b"1,2\n\xff\xfe,3\n", Path::new("x"), &LabelColumn::Last);
        assert!(bytes.unwrap_err().to_string().contains("line 2, column 1"));
        let name = || LabelColumn::Name("z".into());
        assert!(parse("x,y\n1,2\n", name()).unwrap_err().to_string().contains("`x`, `y`"));
        assert!(parse("1,2\n", name()).unwrap_err().to_string().contains("no header line"));
    }

    #[test]
    fn names_of_rows_are_left_out_of_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_values::<f64>(&path)
        };
        for text in [
            "mouse,1,2\nrat,3,4\n",
            "name,first,second\nmouse,1,2\nrat,3,4\n",
            // As `DataFrame.to_csv` writes a table without names of columns.
            ",0,1\nmouse,1,2\nrat,3,4\n",
        ] {
            assert_eq!(read(text).unwrap(), (2, 2, vec![1.0, 2.0, 3.0, 4.0]), "{text}");
        }
        assert_eq!(read("a,b\n1,2\n").unwrap(), (1, 2, vec![1.0, 2.0]));
        for text in ["mouse,1,x\n", "1,2\nmouse,4\n", "mouse\nrat\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tables_and_labels_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "label\n16777217\n2\n").unwrap();
        assert_eq!(read_labels(&path).unwrap(), [16_777_217, 2]);
        assert_eq!(read_table(&path).unwrap().shape, [1]);
        std::fs::write(&path, "species\n\ncat\n\"dog\"\nspecies\ncat\n").unwrap();
        assert_eq!(read_labels(&path).unwrap(), [2, 0, 1, 2, 0]);
        std::fs::write(&path, "Label\ncat\ndog\ncat\n").unwrap();
        assert_eq!(read_labels(&path).unwrap(), [0, 1, 0]);
        // A word that alone comes but once, before classes that all come again.
        std::fs::write(&path, "species\ncat\ndog\ncat\ndog\n").unwrap();
        assert_eq!(read_labels(&path).unwrap(), [0, 1, 0, 1]);
        std::fs::write(&path, "owl\ncat\ndog\ncat\n").unwrap();
        assert_eq!(read_labels(&path).unwrap(), [2, 0, 1, 0]);
        for text in ["cat\n1\ncat\n", "a\nb\nc\n", "cat\ncat\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(read_labels(&path).is_err(), "{text}");
        }
        std::fs::write(&path, "1,2\n").unwrap();
        assert!(read_labels(&path).unwrap_err().to_string().contains("2 columns"));
    }
}

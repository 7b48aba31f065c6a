//! Tables in text files: columns of numbers, with an index and labels beside them.

use std::path::Path;

use ::csv::ByteRecord;

use super::decode::Value;
use super::file;
use super::header::{begins_with_header, is_header, names_of, text_of};
use super::index::{Candidate, is_nameless, left_out, names_an_index};
use super::labels::{Labels, as_label, is_missing};
use super::text::{Dialect, Lines};
use crate::error::{Error, Result};

/// Which column of a table holds the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// The first that is no index by its name.
    First,
    /// The last.
    Last,
    /// The one with this name.
    Name(String),
    /// No column holds labels: all are inputs.
    None,
}

impl LabelColumn {
    /// `first`, `last`, `none` or the name of a column, as in an experiment.
    pub fn parse(text: &str) -> LabelColumn {
        match text {
            "first" => LabelColumn::First,
            "last" => LabelColumn::Last,
            "none" => LabelColumn::None,
            name => LabelColumn::Name(name.to_owned()),
        }
    }

    /// The number of the column, counted from 0, among columns of these names; without names there is a number of them.
    pub(super) fn place(&self, names: Option<&[String]>, count: usize, path: &Path) -> Result<Option<usize>> {
        let own = |place: &usize| names.is_none_or(|names| !names_an_index(&names[*place]));
        match (self, names) {
            (LabelColumn::None, _) => Ok(None),
            (LabelColumn::First, _) => Ok(Some((0..count).find(own).unwrap_or(0))),
            (LabelColumn::Last, _) => Ok(Some(count.saturating_sub(1))),
            (LabelColumn::Name(name), None) => Err(Error::data(
                path,
                format!("has no header line, so no column is called `{name}`; choose the first or last column"),
            )),
            (LabelColumn::Name(name), Some(names)) => match names.iter().position(|other| other == name) {
                Some(place) => Ok(Some(place)),
                None => {
                    let shown = names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    let more = if names.len() > 20 { ", ..." } else { "" };
                    Err(Error::data(path, format!("has no column `{name}`; its columns are {shown}{more}")))
                }
            },
        }
    }
}

/// What a table holds.
#[derive(Debug)]
pub(super) struct Columns<V> {
    pub(super) rows: usize,
    /// Columns but index and labels; 0 where there is no other.
    pub(super) width: usize,
    /// Row by row.
    pub(super) values: Vec<V>,
    pub(super) labels: Option<Labels>,
    /// What a user should know of how it was read.
    pub(super) notes: Vec<String>,
}

/// Reads a text file of numbers, with an index and labels perhaps.
pub(super) fn read<V: Value>(path: &Path, label: &LabelColumn, index: Option<bool>) -> Result<Columns<V>> {
    columns_of(&file::bytes(path)?, path, label, index)
}

/// The table in a text; `path` is named in errors.
pub(super) fn columns_of<V: Value>(
    text: &[u8],
    path: &Path,
    label: &LabelColumn,
    index: Option<bool>,
) -> Result<Columns<V>> {
    let dialect = Dialect::of(text);
    let mut lines = Lines::new(text, &dialect);
    let mut record = ByteRecord::new();
    if !lines.next(&mut record, path)? {
        return Err(Error::data(path, "expected lines of numbers, but it has none"));
    }
    let named_columns = record.len();
    let (mut count, mut names) = (named_columns, Some(names_of(&record)));
    // Where the labels are if these are the names, to tell whether they are.
    let guess = label.place(names.as_deref(), count, path).ok().flatten();
    match is_header(&record, guess, &dialect, text) {
        Some(true) => {
            if !lines.next(&mut record, path)? {
                return Err(Error::data(path, "has a header line but no line of numbers"));
            }
            // R names all columns but that of the names of rows.
            if record.len() == count + 1 {
                count += 1;
                names.iter_mut().for_each(|names| names.insert(0, String::new()));
            }
        }
        Some(false) => names = dialect.names.clone(),
        None => {
            let line = lines.number(&record);
            return Err(Error::data(
                path,
                format!(
                    "line {line} holds numbers as well as text, so it is neither a header nor a line of numbers; repair \
                     the line, drop the columns of text, or say which column holds labels"
                ),
            ));
        }
    }
    let nameless = names.as_ref().is_some_and(|names| names.len() > named_columns);
    let label = label.place(names.as_deref(), count, path)?;
    if label.is_some() && count < 2 {
        return Err(Error::data(path, "has a single column; expected at least one input beside the label"));
    }
    // The column that may be an index.
    let start = usize::from(label == Some(0));
    let is_name = |field: &[u8]| dialect.number::<f64>(field).is_none() && !is_missing(&text_of(field));
    let named = index != Some(false) && count > start + 1 && record.get(start).is_some_and(is_name);
    let mut candidates: Vec<Candidate> = Vec::new();
    if !named && index != Some(false) {
        let may_be = |&place: &usize| {
            let nameless = names.as_ref().is_some_and(|names| is_nameless(&names[place]));
            Some(place) != label && (place == start || (nameless && index.is_none()))
        };
        let of = |place: usize| Candidate::new(names.as_ref().map(|names| names[place].clone()));
        candidates = (start..count).take_while(may_be).map(of).collect();
    }
    let (mut values, mut found) = (Vec::<V>::new(), Found::default());
    let mut rows = 0usize;
    loop {
        if record.len() != count {
            return Err(ragged(path, lines.number(&record), record.len(), count));
        }
        for (column, field) in record.iter().enumerate().filter(|&(column, _)| !(named && column == start)) {
            let refused = |wanted: &str| refused(path, lines.number(&record), column + 1, field, wanted);
            if Some(column) == label {
                found.push(field, &dialect).map_err(|wanted| refused(&wanted))?;
                continue;
            }
            let value: V = dialect.number(field).ok_or_else(|| {
                refused(&format!(
                    "but a number was expected; repair the line or drop the column (columns are separated by {})",
                    dialect.separated_by()
                ))
            })?;
            if !value.to_f64().is_finite() {
                return Err(refused(&format!("but {}; repair or drop the line", V::WANTED)));
            }
            // Not by way of f32, which makes large numbers equal.
            let exact = || dialect.number(field).unwrap_or(f64::NAN);
            if let Some(candidate) = column.checked_sub(start).and_then(|place| candidates.get_mut(place)) {
                candidate.push(exact(), field.iter().all(u8::is_ascii_digit));
            }
            values.push(value);
        }
        rows += 1;
        if !lines.next(&mut record, path)? {
            break;
        }
    }
    let width = count - usize::from(named) - usize::from(label.is_some());
    let labels = label.map(|_| found.labels());
    let mut read = Columns { rows, width, values, labels, notes: Vec::new() };
    if named && index.is_none() {
        read.notes.push(left_out(names.as_ref().map(|names| names[start].as_str()), "holds names"));
    }
    let is_index = |candidate: &&Candidate| index == Some(true) || candidate.is_index();
    let found: Vec<&Candidate> = candidates.iter().take_while(is_index).collect();
    if nameless && !named && found.is_empty() {
        let message = format!("has {count} columns but names for {named_columns}; name them all, or none");
        return Err(Error::data(path, message));
    }
    // A table of nothing but an index is a table of numbers after all.
    if found.len() < width {
        read.drop_first(found.len());
        if index.is_none() {
            read.notes.extend(found.iter().map(|candidate| candidate.note()));
        }
    }
    Ok(read)
}

impl<V: Value> Columns<V> {
    /// Drops so many of the columns of values.
    fn drop_first(&mut self, count: usize) {
        let (mut at, width) = (0, self.width);
        self.values.retain(|_| {
            let stays = at >= count;
            at = (at + 1) % width;
            stays
        });
        self.width -= count;
    }
}

/// Reads a text file of labels, a whole number or a word in each line: the only column beside an index, or the one that is
/// asked for.
pub(super) fn read_labels(path: &Path, column: &LabelColumn) -> Result<Labels> {
    let text = file::bytes(path)?;
    let dialect = Dialect::of_labels(&text);
    let mut lines = Lines::new(&text, &dialect);
    let mut record = ByteRecord::new();
    if !lines.next(&mut record, path)? {
        return Err(Error::data(path, "expected a label in each line, but it has none"));
    }
    let count = record.len();
    let names = names_of(&record);
    let several = || {
        Error::data(
            path,
            format!(
                "expected one label in each line, but there are {count} columns; say which one holds the labels with \
                 --label-column, or data.label_column in an experiment"
            ),
        )
    };
    let place = match column {
        LabelColumn::None | LabelColumn::First | LabelColumn::Last if count == 1 => 0,
        LabelColumn::None if count == 2 => 1,
        LabelColumn::None => return Err(several()),
        other => other.place(Some(&names), count, path)?.unwrap_or(0),
    };
    let word = text_of(&record[place]);
    let header = matches!(column, LabelColumn::Name(_))
        || (dialect.number::<f64>(&record[place]).is_none()
            && (is_missing(&word) || begins_with_header(&text, &dialect, place)));
    if header && !lines.next(&mut record, path)? {
        return Err(Error::data(path, "has a header line but no label"));
    }
    let (mut found, mut beside) = (Found::default(), Vec::new());
    loop {
        if record.len() != count {
            return Err(ragged(path, lines.number(&record), record.len(), count));
        }
        let field = &record[place];
        found
            .push(field, &dialect)
            .map_err(|wanted| refused(path, lines.number(&record), place + 1, field, &wanted))?;
        if *column == LabelColumn::None && count == 2 {
            beside.push(text_of(&record[0]));
        }
        if !lines.next(&mut record, path)? {
            break;
        }
    }
    // Names of examples differ, and so do their numbers.
    let rows = beside.len();
    beside.sort_unstable();
    beside.dedup();
    if beside.len() < rows {
        return Err(several());
    }
    let labels = found.labels();
    if let Labels::Words { of, names } = &labels
        && (names.len() < 2 || names.len() == of.len())
    {
        let (words, lines) = (names.len(), of.len());
        return Err(Error::data(
            path,
            format!(
                "expected a word for each class, but there are {words} different words in {lines} lines; are these labels?"
            ),
        ));
    }
    Ok(labels)
}

/// The labels of a column, as they come.
#[derive(Default)]
struct Found {
    numbers: Vec<i64>,
    words: Vec<String>,
}

impl Found {
    /// Takes the next, or says what was wanted.
    fn push(&mut self, field: &[u8], dialect: &Dialect) -> std::result::Result<(), String> {
        let Ok(word) = str::from_utf8(field) else { return Err("but labels are text in UTF-8".to_owned()) };
        match dialect.number::<f64>(field) {
            Some(number) if !is_missing(word) => {
                if !self.words.is_empty() {
                    return Err("but the labels before it are words; use one of the two".to_owned());
                }
                let label = as_label(number).ok_or("but a label is a whole number or a word")?;
                self.numbers.push(label);
            }
            _ if is_missing(word) => {
                return Err("but a label is a whole number or a word; repair or drop the line".to_owned());
            }
            _ if self.numbers.is_empty() => self.words.push(word.to_owned()),
            _ => return Err("but a label is a whole number, as those before it, or a word in all lines".to_owned()),
        }
        Ok(())
    }

    fn labels(self) -> Labels {
        match self.words.is_empty() {
            true => Labels::Numbers(self.numbers),
            false => Labels::of_words(self.words.iter().map(String::as_str)),
        }
    }
}

fn ragged(path: &Path, line: usize, came: usize, expected: usize) -> Error {
    let message = format!("line {line} has {came} columns, but the first line has {expected}; repair or drop the line");
    Error::data(path, message)
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
    fn parse(text: &str, label: LabelColumn) -> Result<Columns<f32>> {
        columns_of(text.as_bytes(), Path::new("some/points.csv"), &label, None)
    }

    fn classes(columns: &Columns<f32>) -> Vec<u32> {
        columns.labels.as_ref().expect("labels").classes()
    }

    fn numbers(columns: &Columns<f32>) -> &[i64] {
        match columns.labels.as_ref() {
            Some(Labels::Numbers(numbers)) => numbers,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn labels_are_found_in_any_column() {
        let last = parse("1,2,0\n3,4,2\n", LabelColumn::Last).unwrap();
        assert_eq!((last.rows, last.width, &last.values[..]), (2, 2, &[1., 2., 3., 4.][..]));
        assert_eq!(numbers(&last), [0, 2]);
        let first = parse("label,x,y\r\n1, 2.5 ,\"-3\"\r\n0.0,1e-3,4\r\n", LabelColumn::First).unwrap();
        assert_eq!(first.values, [2.5, -3.0, 1e-3, 4.0]);
        assert_eq!(numbers(&first), [1, 0]);
        let named = parse("\u{feff}# x,digit,y\n1,7,2", LabelColumn::Name("digit".into())).unwrap();
        assert_eq!((&named.values[..], numbers(&named)), (&[1.0, 2.0][..], &[7][..]));
        assert_eq!(parse("\u{feff}1,7,2", LabelColumn::First).unwrap().values, [7.0, 2.0]);
        assert_eq!(parse("1,2\n3,4", LabelColumn::None).unwrap().labels, None);
        assert_eq!(numbers(&parse("1,2,0\n3,4,-1\n", LabelColumn::Last).unwrap()), [0, -1]);
    }

    #[test]
    fn words_are_labels_in_alphabetical_order() {
        let name = || LabelColumn::Name("species".into());
        let iris = parse("a,b,species\n1,2,virginica\n3,4,setosa\n5,6,virginica\n", name()).unwrap();
        assert_eq!((classes(&iris), iris.values), (vec![1, 0, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        // As the first distribution of the irises, without a header; and where the columns are numbered.
        assert_eq!(classes(&parse("5.1,3.5,setosa\n4.9,3,other\n", LabelColumn::Last).unwrap()), [1, 0]);
        assert_eq!(classes(&parse("0,1,kind\n5,6,b\n7,8,a\n5,6,b\n7,8,a\n", LabelColumn::Last).unwrap()), [1, 0, 1, 0]);
        assert_eq!(classes(&parse("0,1,b\n5,6,b\n7,8,a\n", LabelColumn::Last).unwrap()), [1, 1, 0]);
        assert_eq!(classes(&parse("img1,1,2,b\nimg2,5,6,a\n", LabelColumn::Last).unwrap()), [1, 0]);
        assert_eq!(classes(&parse("b;1,5;2\na;5,25;6\n", LabelColumn::First).unwrap()), [1, 0]);
        for (text, words) in [
            ("x,species\n1,cat\n2,\n", "line 3, column 2 is empty"),
            ("x,species\n1,cat\n2,NA\n", "line 3, column 2 is `NA`"),
            ("x,species\n1,cat\n2,7\n", "line 3, column 2 is `7`"),
        ] {
            let message = parse(text, name()).unwrap_err().to_string();
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    #[test]
    fn an_index_is_left_out_and_said() {
        let four = |start: usize| (0..4).map(|i| format!("{},{}.5,7\n", i + start, i)).collect::<String>();
        for (text, said) in [
            (format!(",u0,u1\n{}", four(0)), "without a name"),
            (format!("\"\",u0,u1\n{}", four(1)), "without a name"),
            (format!("Unnamed: 0,u0,u1\n{}", four(0)), "`Unnamed: 0`"),
            (format!("id,u0,u1\n{}", four(1001)), "`id`"),
            (format!("index,u0,u1\n{}", four(1)), "1 to 4"),
            (format!(",0,1\n{}", four(0)), "without a name"),
            (format!("u0,u1\n{}", four(1)), "without a name"),
            (four(0), "the first column"),
            (four(1), "the first column"),
            (four(0).replace(',', "\t"), "the first column"),
            (four(0).replace(',', "  "), "the first column"),
            (",Unnamed: 0,u0,u1\n0,9,0.5,7\n1,8,1.5,7\n2,5,2.5,7\n3,6,3.5,7\n".to_owned(), "without a name"),
        ] {
            let read = parse(&text, LabelColumn::None).unwrap();
            assert_eq!((read.rows, read.width), (4, 2), "{text}");
            assert!(read.notes[0].contains(said) && read.notes[0].contains("--no-index"), "{:?}", read.notes);
            let kept = columns_of::<f64>(text.as_bytes(), Path::new("x"), &LabelColumn::None, Some(false));
            if text.starts_with("u0,u1") {
                assert!(kept.unwrap_err().to_string().contains("names for 2"));
                continue;
            }
            let kept = kept.unwrap();
            assert_eq!(
                (kept.width, kept.notes.len()),
                (text.lines().last().unwrap().split([',', '\t', ' ']).filter(|f| !f.is_empty()).count(), 0)
            );
        }
        for text in [
            "u0,u1\n0,5\n1,6\n2,7\n3,8\n",
            "0,5\n1,6\n2,7\n",
            "0\n1\n2\n3\n",
            "0.0,5\n1.0,6\n2.0,7\n3.0,8\n",
            "id,x\n1,5\n1,6\n2,7\n2,8\n",
        ] {
            let read = parse(text, LabelColumn::None).unwrap();
            assert!(read.notes.is_empty() && read.width == text.lines().next().unwrap().split(',').count(), "{text}");
            if read.width > 1 {
                let told = columns_of::<f64>(text.as_bytes(), Path::new("x"), &LabelColumn::None, Some(true)).unwrap();
                assert_eq!(told.width, read.width - 1, "{text}");
            }
        }
        let labelled = parse(",x,species\n0,5,a\n1,6,b\n2,7,a\n", LabelColumn::Name("species".into())).unwrap();
        assert_eq!(
            (labelled.width, labelled.values.clone(), classes(&labelled)),
            (1, vec![5.0, 6.0, 7.0], vec![0, 1, 0])
        );
        let first = parse(",species,x\n0,1,5\n1,0,6\n2,1,7\n", LabelColumn::First).unwrap();
        assert_eq!((first.values.clone(), classes(&first)), (vec![5.0, 6.0, 7.0], vec![1, 0, 1]));
    }

    #[test]
    fn columns_are_separated_as_the_first_lines_say() {
        for text in [
            "x,y\n1.5,2\n3,-4\n",
            "x;y\n1.5;2\n3;-4\n",
            "x;y\n1,5;2\n3;-4\n",
            "x\ty\n1.5\t2\n3\t-4\n",
            "1,5\t2\n3\t-4\n",
            "1.5e+00 2.0e+00\n3 -4\n",
            "  1.5   2\n\n   3  -4",
            "x y\n1.5 2\n3 -4",
            "# layer 3\n# 2 images\n1.5,2\n3,-4\n",
            "# x y\n1.5 2\n3 -4\n# the end",
            "x,y,\n1.5,2,\n3,-4,\n",
            "1.5,2,\n3,-4,\n",
            "mouse 1.5 2\nrat 3 -4\n",
            "\u{feff}x;y\r\n1,5;2\r\n3;-4\r\n",
        ] {
            let read = parse(text, LabelColumn::None).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((read.rows, read.width, &read.values[..]), (2, 2, &[1.5, 2.0, 3.0, -4.0][..]), "{text}");
        }
        // Commas alone are never both.
        assert_eq!(parse("4,393,0,337\n3,921,0,097\n", LabelColumn::None).unwrap().width, 4);
        for (text, words) in
            [("1;2,5\n3;4\n5;1.5\n", "line 3, column 2 is `1.5`"), ("1,2,\n3,4,\n5,6,7\n", "line 3 has 3 columns")]
        {
            let message = parse(text, LabelColumn::None).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn columns_that_were_numbered_are_a_header() {
        assert_eq!(parse("0,1,label\n5,6,0\n", LabelColumn::Last).unwrap().values, [5.0, 6.0]);
        // Not an index: a missing number.
        let message = parse(",0,1\n,5,6\n", LabelColumn::Last).unwrap_err().to_string();
        assert!(message.contains("line 1, column 1 is empty"), "{message}");
        assert_eq!(parse("label,0,1\n1,5,6\n", LabelColumn::First).unwrap().values, [5.0, 6.0]);
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
            ("NA,2,0\n3,4,0\n", "line 1 holds numbers as well as text"),
            ("1,2,0\n3,4,1.5\n", "line 2, column 3 is `1.5`"),
            ("1,2,0\n3,4,cat\n", "line 2, column 3 is `cat`"),
            ("1,2,0\n3,4,nan\n", "line 2, column 3 is `nan`"),
            ("1,2,cat\n3,4,0\n", "line 2, column 3 is `0`"),
            ("1,x,cat\n3,4,0\n", "line 1 holds numbers as well as text"),
            ("5\n6\n", "single column"),
            ("a,b\n", "no line of numbers"),
            ("", "it has none"),
            ("\n\n", "it has none"),
            ("# nothing else\n", "it has none"),
            ("1,2,0\n\"3,4,0\n5,6,0\n", "line 2 has 1 columns"),
            ("a,b\n0.5,1,2\n1.5,3,4\n", "3 columns but names for 2"),
        ] {
            let message = parse(text, LabelColumn::Last).expect_err(text).to_string();
            assert!(message.starts_with("some/points.csv: ") && message.contains(expected), "{expected}: {message}");
        }
        let bytes = columns_of::<f32>(b"1,2\n\xff\xfe,3\n", Path::new("x"), &LabelColumn::Last, None);
        assert!(bytes.unwrap_err().to_string().contains("line 2, column 1"));
        let name = || LabelColumn::Name("z".into());
        assert!(parse("x,y\n1,2\n", name()).unwrap_err().to_string().contains("`x`, `y`"));
        assert!(parse("1,2\n", name()).unwrap_err().to_string().contains("no header line"));
    }

    #[test]
    fn names_of_rows_are_left_out_of_values() {
        for text in [
            "mouse,1,2\nrat,3,4\n",
            "name,first,second\nmouse,1,2\nrat,3,4\n",
            // As `DataFrame.to_csv` writes a table without names of columns.
            ",0,1\nmouse,1,2\nrat,3,4\n",
            // As R writes one whose rows have names.
            "\"first\" \"second\"\n\"mouse\" 1 2\n\"rat\" 3 4\n",
            "first,second\nmouse,1,2\nrat,3,4\n",
        ] {
            let read = parse(text, LabelColumn::None).unwrap();
            assert_eq!((read.rows, read.width, &read.values[..]), (2, 2, &[1.0, 2.0, 3.0, 4.0][..]), "{text}");
            assert!(read.notes[0].contains("holds names"), "{:?}", read.notes);
        }
        let plain = parse("a,b\n1,2\n", LabelColumn::None).unwrap();
        assert_eq!((plain.values, plain.notes.len()), (vec![1.0, 2.0], 0));
        for text in ["mouse,1,x\n", "1,2\nmouse,4\n", "mouse\nrat\n"] {
            assert!(parse(text, LabelColumn::None).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_read_from_files_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let read = |text: &str, column: &str| {
            std::fs::write(&path, text).unwrap();
            read_labels(&path, &LabelColumn::parse(column))
        };
        for (text, expected) in [
            ("label\n16777217\n2\n", &[16_777_217i64, 2][..]),
            ("0\n1\n0\n", &[0, 1, 0]),
            ("0.0\n1.0\n", &[0, 1]),
            (",y\n0,-1\n1,1\n2,1\n", &[-1, 1, 1]),
        ] {
            assert_eq!(read(text, "none").unwrap(), Labels::Numbers(expected.to_vec()), "{text}");
        }
        for (text, expected) in [
            ("species\n\ncat\n\"dog\"\nspecies\ncat\n", &[2u32, 0, 1, 2, 0][..]),
            ("Label\ncat\ndog\ncat\n", &[0, 1, 0]),
            // A word that alone comes but once, before classes that all come again.
            ("kind\ncat\ndog\ncat\ndog\n", &[0, 1, 0, 1]),
            ("owl\ncat\ndog\ncat\n", &[2, 0, 1, 0]),
            ("Große Eule\ncat\ncat\n", &[0, 1, 1]),
            ("type 2\ntype 1\ntype 2\n", &[1, 0, 1]),
            ("file,animal\na.png,owl\nb.png,cat\nc.png,owl\nd.png,cat\n", &[1, 0, 1, 0]),
            ("a.png\towl\nb.png\tcat\nc.png\towl\n", &[1, 0, 1]),
            ("True\nFalse\nTrue\n", &[1, 0, 1]),
        ] {
            assert_eq!(
                read(text, "none").unwrap_or_else(|error| panic!("{text}: {error}")).classes(),
                expected,
                "{text}"
            );
        }
        let three = "file,animal,size\na.png,owl,3\nb.png,cat,4\nc.png,owl,5\n";
        assert!(read(three, "none").unwrap_err().to_string().contains("3 columns"));
        assert_eq!(read(three, "animal").unwrap().classes(), [1, 0, 1]);
        assert_eq!(read(three, "last").unwrap(), Labels::Numbers(vec![3, 4, 5]));
        for text in ["cat\n1\ncat\n", "a\nb\nc\n", "cat\ncat\n", "a,x\na,y\nb,x\n", "cat\n\"\"\ncat\n", "0.5\n1\n"] {
            assert!(read(text, "none").is_err(), "{text}");
        }
    }
}

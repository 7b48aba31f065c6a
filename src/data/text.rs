//! How a table of text is laid out: what separates its columns, where it begins, and its lines one after the other.
//!
//! Commas, semicolons, tabs and blanks separate columns, whichever the first lines agree on; between semicolons or tabs
//! numbers may have a decimal comma. Lines that begin with `#` and a blank are comments, as `np.savetxt` writes them.

use std::path::Path;

use ::csv::{ByteRecord, Position, Reader, ReaderBuilder, Trim};

use super::decode::Value;
use crate::error::{Error, Result};

/// What separates the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// This character, once; fields may be in quotes.
    One(u8),
    /// Any number of blanks and tabs.
    Blanks,
}

/// How a text is laid out.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    separator: Separator,
    /// Numbers have a comma where others have a point.
    decimal_comma: bool,
    /// Every line ends in a separator, behind which there is nothing.
    trailing: bool,
    /// Names of the columns from a comment before the first line.
    pub(super) names: Option<Vec<String>>,
}

/// The mark that some programs put before a text.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Whether a line is a comment. `#1,2` is not: it may be the name of a row.
fn is_comment(line: &[u8]) -> bool {
    match line.trim_ascii().strip_prefix(b"#") {
        Some(rest) => rest.first().is_none_or(|&next| next == b'#' || next.is_ascii_whitespace()),
        None => false,
    }
}

/// Pieces of a line between blanks.
fn between_blanks(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|piece| !piece.is_empty())
}

/// How often a character occurs outside quotes.
fn count(line: &[u8], character: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|&&byte| {
            quoted ^= byte == b'"';
            !quoted && byte == character
        })
        .count()
}

/// A number of digits around one comma, such as `-0,75` or `1,5e-3`.
fn has_decimal_comma(field: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b',' | b'-' | b'+' | b'e' | b'E');
    count(field, b',') == 1 && field.iter().all(plain) && parse::<f64>(field, true).is_some()
}

impl Dialect {
    pub(super) fn of(text: &[u8]) -> Dialect {
        let (mut comment, mut first): (Option<&[u8]>, Vec<&[u8]>) = (None, Vec::new());
        for line in without_mark(text).split(|byte| matches!(byte, b'\n' | b'\r')) {
            if is_comment(line) {
                if first.is_empty() {
                    comment = Some(line);
                }
            } else if !line.trim_ascii().is_empty() {
                first.push(line);
                if first.len() == 2 {
                    break;
                }
            }
        }
        let separator = separator(&first);
        let mut dialect = Dialect { separator, decimal_comma: false, trailing: false, names: None };
        let fields: Vec<ByteRecord> = first.iter().filter_map(|line| dialect.one(line)).collect();
        dialect.trailing = fields.len() == first.len()
            && !fields.is_empty()
            && fields.iter().all(|line| line.len() > 1 && line.iter().next_back().is_some_and(<[u8]>::is_empty));
        let one = matches!(separator, Separator::One(b';' | b'\t'));
        dialect.decimal_comma = one
            && fields.iter().any(|line| line.iter().any(has_decimal_comma))
            && !fields
                .iter()
                .any(|line| line.iter().any(|field| field.contains(&b'.') && parse::<f64>(field, false).is_some()));
        let named = comment.and_then(|line| {
            let start = line.iter().position(|byte| *byte != b'#' && !byte.is_ascii_whitespace())?;
            dialect.one(&line[start..])
        });
        dialect.names = named
            .filter(|names| {
                fields.first().is_some_and(|line| line.len() == names.len())
                    && names.iter().all(|name| parse::<f64>(name, false).is_none())
            })
            .map(|names| names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect());
        dialect
    }

    /// How a file of labels is laid out: blanks are part of words.
    pub(super) fn of_labels(text: &[u8]) -> Dialect {
        let found = Dialect::of(text);
        let first = Lines::new(text, &found).first();
        match first.is_some_and(|line| found.separator == Separator::Blanks && parse::<f64>(&line[0], false).is_none())
        {
            true => Dialect { separator: Separator::One(b','), names: None, ..found },
            false => found,
        }
    }

    /// The fields of one line.
    fn one(&self, line: &[u8]) -> Option<ByteRecord> {
        Lines::new(line, self).first()
    }

    /// The number in a field, if it is one.
    pub(super) fn number<V: Value>(&self, field: &[u8]) -> Option<V> {
        parse(field, self.decimal_comma)
    }

    /// What separates columns, in words.
    pub(super) fn separated_by(&self) -> &'static str {
        match self.separator {
            Separator::Blanks => "blanks",
            Separator::One(b'\t') => "tabs",
            Separator::One(b';') => "semicolons",
            Separator::One(_) => "commas",
        }
    }
}

fn parse<V: Value>(field: &[u8], decimal_comma: bool) -> Option<V> {
    let text = str::from_utf8(field).ok()?;
    match (decimal_comma, text.contains(',')) {
        (true, true) if text.contains('.') => None,
        (true, true) => text.replacen(',', ".", 1).parse().ok(),
        // A point in such a file groups thousands, or the file has both.
        (true, false) if text.contains('.') => None,
        _ => text.parse().ok(),
    }
}

/// What the first two lines of a text agree on.
fn separator(first: &[&[u8]]) -> Separator {
    let Some(head) = first.first() else { return Separator::One(b',') };
    let counts = |character| first.iter().map(|line| count(line, character)).collect::<Vec<_>>();
    let agrees = |character: &u8| {
        let counts = counts(*character);
        counts[0] > 0 && counts.iter().all(|&other| other == counts[0])
    };
    if let Some(found) = [b'\t', b';', b','].into_iter().find(agrees) {
        return Separator::One(found);
    }
    if let Some(found) = [b',', b';', b'\t'].into_iter().find(|&character| count(head, character) > 0) {
        return Separator::One(found);
    }
    // Blanks separate numbers, with a name before them perhaps; between words they are part of one.
    let numbers = |line: &&[u8]| {
        let mut pieces = between_blanks(line);
        let (some, rest): (_, Vec<_>) = (pieces.next().is_some(), pieces.collect());
        some && !rest.is_empty() && rest.iter().all(|piece| parse::<f64>(piece, false).is_some())
    };
    if first.iter().any(numbers) { Separator::Blanks } else { Separator::One(b',') }
}

/// Whether a text of unknown name is a table of numbers: one of its first two lines holds nothing else.
pub(super) fn holds_numbers(start: &[u8]) -> bool {
    if start.iter().any(|&byte| byte < b' ' && !byte.is_ascii_whitespace()) {
        return false;
    }
    let dialect = Dialect::of(start);
    let mut lines = Lines::new(start, &dialect);
    let mut record = ByteRecord::new();
    (0..2).any(|_| {
        lines.read(&mut record).is_ok_and(|more| more)
            && record.iter().skip(usize::from(record.len() > 1)).all(|field| dialect.number::<f64>(field).is_some())
    })
}

/// The lines of a text, one after the other, without comments and blank lines.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    inner: Inner<'a>,
    trailing: bool,
}

enum Inner<'a> {
    Csv(Box<Reader<&'a [u8]>>),
    /// The place of the next line.
    Blanks(usize),
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8], dialect: &Dialect) -> Lines<'a> {
        // Without the mark, positions in the text and in the reader agree.
        let text = without_mark(text);
        let inner = match dialect.separator {
            Separator::Blanks => Inner::Blanks(0),
            Separator::One(character) => {
                let mut builder = ReaderBuilder::new();
                // Flexible: lines of other lengths are refused with a message that names the line.
                builder.has_headers(false).flexible(true).trim(Trim::All).delimiter(character);
                Inner::Csv(Box::new(builder.from_reader(text)))
            }
        };
        Lines { text, inner, trailing: dialect.trailing }
    }

    /// Reads the next line; false at the end. With a separator at the end of all lines, the empty field behind it is
    /// left away.
    pub(super) fn read(&mut self, record: &mut ByteRecord) -> Result<bool, ::csv::Error> {
        loop {
            let more = match &mut self.inner {
                Inner::Csv(reader) => reader.read_byte_record(record)?,
                Inner::Blanks(at) => next_line(self.text, at, record),
            };
            if !more {
                return Ok(false);
            }
            let start = self.start(record);
            let end = self.text[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            if !is_comment(&self.text[start..end.map_or(self.text.len(), |end| start + end)]) {
                break;
            }
        }
        if self.trailing && record.len() > 1 && record.iter().next_back().is_some_and(<[u8]>::is_empty) {
            record.truncate(record.len() - 1);
        }
        Ok(true)
    }

    /// The first line.
    fn first(mut self) -> Option<ByteRecord> {
        let mut record = ByteRecord::new();
        self.read(&mut record).ok()?.then_some(record)
    }

    /// Where the line of a record begins in the text.
    fn start(&self, record: &ByteRecord) -> usize {
        let start = record.position().map_or(0, |position| position.byte() as usize).min(self.text.len());
        // What the reader skips before the record belongs to earlier lines.
        start + self.text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
    }

    /// The line of a record, counted from 1. It is counted in the text, because the reader's own count lags behind after
    /// blank lines; only messages need it.
    pub(super) fn number(&self, record: &ByteRecord) -> usize {
        let before = &self.text[..self.start(record)];
        let ends = before.iter().enumerate().filter(|&(at, byte)| match byte {
            b'\n' => true,
            b'\r' => before.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        1 + ends.count()
    }

    /// As [`Lines::read`], with an error of the library.
    pub(super) fn next(&mut self, record: &mut ByteRecord, path: &Path) -> Result<bool> {
        self.read(record).map_err(|error| match error.into_kind() {
            ::csv::ErrorKind::Io(error) => Error::io(path)(error),
            kind => Error::data(path, format!("cannot be read as a table of text: {kind:?}")),
        })
    }
}

/// The next line that is not blank, divided at its blanks.
fn next_line(text: &[u8], at: &mut usize, record: &mut ByteRecord) -> bool {
    while *at < text.len() {
        let (start, rest) = (*at, &text[*at..]);
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        *at += length + 1;
        let line = &rest[..length];
        if line.trim_ascii().is_empty() {
            continue;
        }
        record.clear();
        between_blanks(line).for_each(|piece| record.push_field(piece));
        let mut position = Position::new();
        position.set_byte(start as u64);
        record.set_position(Some(position));
        return true;
    }
    false
}

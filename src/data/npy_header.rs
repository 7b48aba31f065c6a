//! The headers of NumPy's `.npy` files.
//!
//! The header is read here rather than by a library: it is short, a few fields of it are of use, and the library at
//! hand multiplies the sides of the shape without a check and descends into brackets as deep as the file likes, so that
//! a malicious header could end the program.

use super::advice::Advice;
use super::layout::{Kind, Layout};

/// Most axes of an array, the limit of NumPy.
const MAX_AXES: usize = 64;

/// An array in good order whose elements are not read as numbers.
#[derive(Debug, PartialEq)]
pub(super) struct Other {
    /// What it holds, as a sentence without a subject.
    pub(super) message: String,
    /// What makes numbers of it.
    pub(super) advice: Advice,
    /// The words in it, if it is text.
    pub(super) words: Option<Words>,
}

/// How words lie in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    /// Characters of each word, blanks of value 0 at its end included.
    pub(super) length: usize,
    /// Bytes of a character: 4 (UTF-32) or 1 (bytes, taken for UTF-8).
    pub(super) width: usize,
    pub(super) big_endian: bool,
    /// Shape of the array.
    pub(super) shape: Vec<usize>,
}

/// Why a header gives no layout.
#[derive(Debug)]
pub(super) enum Fault {
    Damaged(String),
    Other(Other),
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault::Damaged(message)
    }
}

/// Parses a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
pub(super) fn parse(text: &[u8]) -> Result<Layout, Fault> {
    let mut rest = Text(text);
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    rest.expect(b'{')?;
    while !rest.skip(b'}') {
        let name = rest.string()?;
        rest.expect(b':')?;
        match name {
            b"descr" => descr = Some(dtype(&mut rest)?),
            b"fortran_order" => fortran = Some(rest.boolean()?),
            b"shape" => shape = Some(rest.tuple()?),
            _ => return Err(format!("has an unknown entry `{}` in its header", String::from_utf8_lossy(name)).into()),
        }
        if !rest.skip(b',') {
            rest.expect(b'}')?;
            break;
        }
    }
    let missing = |name| format!("has no entry `{name}` in its header; the file is damaged");
    let descr = descr.ok_or_else(|| missing("descr"))?;
    let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
    let shape = shape.ok_or_else(|| missing("shape"))?;
    match descr {
        Ok((kind, big_endian)) => Ok(Layout { kind, big_endian, fortran, shape }),
        Err(mut other) => {
            other.words = other.words.map(|words| Words { shape, ..words });
            Err(Fault::Other(other))
        }
    }
}

/// The type of the numbers and whether their most significant byte comes first.
fn dtype(rest: &mut Text) -> Result<Result<(Kind, bool), Other>, Fault> {
    let wanted = "expected bool, whole numbers of 8 to 64 bits, or floats of 16 to 64 bits";
    let other = |message, advice| Ok(Err(Other { message, advice, words: None }));
    if rest.peek() == Some(b'[') {
        // The fields are not looked at, so nothing behind them can be read either.
        let message = format!("holds records with named fields; {wanted}");
        return Err(Fault::Other(Other { message, advice: Advice::Records, words: None }));
    }
    let name = rest.string()?;
    let shown = String::from_utf8_lossy(name);
    let refused = |advice| other(format!("holds numbers of type `{shown}`; {wanted}"), advice);
    let Some((order, code)) = name.split_first() else { return refused(Advice::Again) };
    let kind = match code {
        b"b1" => Kind::Bool,
        b"u1" => Kind::U8,
        b"i1" => Kind::I8,
        b"u2" => Kind::U16,
        b"i2" => Kind::I16,
        b"u4" => Kind::U32,
        b"i4" => Kind::I32,
        b"u8" => Kind::U64,
        b"i8" => Kind::I64,
        b"f2" => Kind::F16,
        b"f4" => Kind::F32,
        b"f8" => Kind::F64,
        [b'O', ..] => {
            return other(
                format!(
                    "holds Python objects (`{shown}`), a pickle, which could run any program when loaded and is \
                     therefore never loaded"
                ),
                Advice::Objects,
            );
        }
        [kind @ (b'U' | b'S' | b'a'), length @ ..] => {
            let length = str::from_utf8(length).ok().and_then(|length| length.parse().ok());
            let width = if *kind == b'U' { 4 } else { 1 };
            let words = length.map(|length| Words { length, width, big_endian: *order == b'>', shape: Vec::new() });
            let message = format!("holds text of type `{shown}`, which can be labels but no values; {wanted}");
            return Ok(Err(Other { message, advice: Advice::Text, words }));
        }
        [b'M' | b'm', ..] => return other(format!("holds dates or times of type `{shown}`; {wanted}"), Advice::Dates),
        b"V2" => {
            let message = format!("holds raw bytes of type `{shown}`, as bfloat16 is saved by NumPy; {wanted}");
            return other(message, Advice::Bfloat16);
        }
        b"V1" => {
            let message = format!("holds raw bytes of type `{shown}`, as floats of eight bits are saved; {wanted}");
            return other(message, Advice::Float8Bytes);
        }
        [b'V', ..] => return other(format!("holds raw bytes of type `{shown}`; {wanted}"), Advice::Again),
        [b'c', ..] => return refused(Advice::Complex),
        b"f16" | b"f12" => return refused(Advice::LongDouble),
        _ => return refused(Advice::Again),
    };
    match order {
        b'<' => Ok(Ok((kind, false))),
        b'>' => Ok(Ok((kind, true))),
        b'=' => Ok(Ok((kind, cfg!(target_endian = "big")))),
        b'|' if kind.bytes() == 1 => Ok(Ok((kind, false))),
        _ => refused(Advice::Again),
    }
}

/// The rest of a header that is being parsed.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// The next character that is not blank.
    fn peek(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.first().copied()
    }

    fn skip(&mut self, character: u8) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn expect(&mut self, character: u8) -> Result<(), String> {
        if self.skip(character) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", character as char))) }
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let quote = match self.peek() {
            Some(quote @ (b'\'' | b'"')) => quote,
            _ => return Err(self.unexpected("a text in quotes")),
        };
        let inner = &self.0[1..];
        let end = inner.iter().position(|&byte| byte == quote).ok_or_else(|| self.unexpected("a closing quote"))?;
        self.0 = &inner[end + 1..];
        Ok(&inner[..end])
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.peek();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("`True` or `False`"))
    }

    /// A tuple of whole numbers.
    fn tuple(&mut self) -> Result<Vec<usize>, String> {
        let mut numbers = Vec::new();
        self.expect(b'(')?;
        while !self.skip(b')') {
            self.peek();
            // Under NumPy 2 some writers print a length with its type, as `np.int64(16)`.
            let typed =
                self.0.strip_prefix(b"np.").map(|rest| rest.split(|&byte| byte == b'(').next().unwrap_or_default());
            let typed = typed.filter(|kind| kind.starts_with(b"int") || kind.starts_with(b"uint"));
            if let Some(kind) = typed {
                self.0 = self.0.get(4 + kind.len()..).unwrap_or_default();
            }
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, rest) = self.0.split_at(digits);
            let number = str::from_utf8(number).ok().and_then(|text| text.parse().ok());
            numbers.push(number.ok_or_else(|| self.unexpected("the length of an axis"))?);
            // Files of Python 2 write `3L` for 3.
            self.0 = rest.strip_prefix(b"L").unwrap_or(rest);
            if typed.is_some() {
                self.expect(b')')?;
            }
            if !self.skip(b',') {
                self.expect(b')')?;
                break;
            }
            if numbers.len() > MAX_AXES {
                return Err(format!("claims more than {MAX_AXES} axes in its header; the file is damaged"));
            }
        }
        Ok(numbers)
    }

    fn unexpected(&self, wanted: &str) -> String {
        let came: String = String::from_utf8_lossy(self.0).chars().take(20).collect();
        format!("expected {wanted} in the header, but found {came:?}; the file is damaged")
    }
}

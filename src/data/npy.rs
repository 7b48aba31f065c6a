//! NumPy's `.npy` files.
//!
//! The header is read here rather than by a library: it is short, a few fields of it are of use, and the library at
//! hand multiplies the sides of the shape without a check and descends into brackets as deep as the file likes, so that
//! a malicious header could end the program.

use std::io::{BufReader, Read};
use std::path::Path;

use super::array::{Array, Kind, Layout};
use super::file;
use crate::error::{Error, Result};

/// First bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read. NumPy's are 118 bytes unless an array has very many axes.
const MAX_HEADER: usize = 1 << 16;

/// Most axes of an array, the limit of NumPy.
const MAX_AXES: usize = 64;

/// Reads an `.npy` file.
pub(super) fn read(path: &Path) -> Result<Array> {
    let (file, length) = file::open(path)?;
    read_from(BufReader::new(file), length, path)
}

/// Reads an array from something that is `length` bytes long, or claims to be. Memory is used only for bytes that
/// really come. `path` is named in errors.
pub(super) fn read_from(mut source: impl Read, length: u64, path: &Path) -> Result<Array> {
    let Header { layout, start } =
        header_from(&mut source, length, path)?.map_err(|other| Error::data(path, other.message))?;
    let expected = length.saturating_sub(start);
    let mut bytes = Vec::new();
    // One more than expected: an archive compares its checksum only when it is read past the end.
    source.take(expected.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| broken(path, &error))?;
    if bytes.len() as u64 != expected {
        let came = bytes.len();
        return Err(Error::data(path, format!("expected {expected} bytes of numbers, but {came} came")));
    }
    Ok(Array { layout, bytes })
}

/// What stands before the numbers.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) layout: Layout,
    /// Bytes before the first number.
    pub(super) start: u64,
}

/// An array in good order whose elements are not read.
#[derive(Debug, PartialEq)]
pub(super) struct Other {
    /// Whether they are numbers after all, of a type that is not known here.
    pub(super) numbers: bool,
    pub(super) message: String,
}

/// Reads the header of an array that is `length` bytes long with it, or claims to be, and checks that the two agree.
pub(super) fn header_from(source: &mut impl Read, length: u64, path: &Path) -> Result<Result<Header, Other>> {
    let mut first = [0u8; 8];
    source.read_exact(&mut first).map_err(|error| broken(path, &error))?;
    if !first.starts_with(MAGIC) {
        let message = if super::format::is_pickle(&first) {
            super::format::PICKLE
        } else {
            "expected a NumPy array, but it does not begin like one; save it with np.save"
        };
        return Err(Error::data(path, message));
    }
    // Version 1 has two bytes for the length of the header, later versions four.
    let wide = match first[6] {
        1 => false,
        2 | 3 => true,
        version => {
            return Err(Error::data(
                path,
                format!("expected version 1 to 3 of NumPy's format, but it has version {version}; save it again"),
            ));
        }
    };
    let mut size = [0u8; 4];
    source.read_exact(&mut size[..if wide { 4 } else { 2 }]).map_err(|error| broken(path, &error))?;
    let size = u32::from_le_bytes(size) as usize;
    if size > MAX_HEADER {
        return Err(Error::data(
            path,
            format!("claims a header of {size} bytes, more than {MAX_HEADER}; the file is damaged"),
        ));
    }
    let mut text = vec![0u8; size];
    source.read_exact(&mut text).map_err(|error| broken(path, &error))?;
    let layout = match parse(&text) {
        Ok(layout) => layout,
        Err(Fault::Damaged(message)) => return Err(Error::data(path, message)),
        Err(Fault::Other(other)) => return Ok(Err(other)),
    };
    let start = (8 + if wide { 4 } else { 2 } + size) as u64;
    layout.check_bytes(length.saturating_sub(start)).map_err(|message| Error::data(path, message))?;
    Ok(Ok(Header { layout, start }))
}

pub(super) fn broken(path: &Path, error: &std::io::Error) -> Error {
    Error::data(path, format!("cannot be read to its end as a NumPy array ({error}); write it or copy it again"))
}

/// Why a header gives no layout.
#[derive(Debug)]
enum Fault {
    Damaged(String),
    Other(Other),
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault::Damaged(message)
    }
}

/// Parses a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &[u8]) -> Result<Layout, Fault> {
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
    let (kind, big_endian) = descr.ok_or_else(|| missing("descr"))?;
    let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
    Ok(Layout { kind, big_endian, fortran, shape: shape.ok_or_else(|| missing("shape"))? })
}

/// The type of the numbers and whether their most significant byte comes first.
fn dtype(rest: &mut Text) -> Result<(Kind, bool), Fault> {
    let wanted = "expected bool, whole numbers of 8 to 64 bits, or floats of 16 to 64 bits; convert with .astype('f4')";
    let other = |numbers, message| Fault::Other(Other { numbers, message });
    if rest.peek() == Some(b'[') {
        return Err(other(false, format!("holds records with named fields; {wanted}")));
    }
    let name = rest.string()?;
    let shown = String::from_utf8_lossy(name);
    let refused = |numbers| other(numbers, format!("holds numbers of type `{shown}`; {wanted}"));
    let Some((order, code)) = name.split_first() else { return Err(refused(true)) };
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
            return Err(other(
                false,
                format!(
                    "holds Python objects (`{shown}`), a pickle, which could run any program when loaded and is \
                     therefore never loaded; save numbers, with np.save(path, np.asarray(x, dtype='f4'))"
                ),
            ));
        }
        [b'U' | b'S' | b'a', ..] => return Err(other(false, format!("holds text of type `{shown}`; {wanted}"))),
        [b'M' | b'm', ..] => return Err(other(false, format!("holds dates or times of type `{shown}`; {wanted}"))),
        [b'V', ..] => return Err(other(false, format!("holds raw bytes of type `{shown}`; {wanted}"))),
        _ => return Err(refused(true)),
    };
    match order {
        b'<' => Ok((kind, false)),
        b'>' => Ok((kind, true)),
        b'=' => Ok((kind, cfg!(target_endian = "big"))),
        b'|' if kind.bytes() == 1 => Ok((kind, false)),
        _ => Err(refused(true)),
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
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, rest) = self.0.split_at(digits);
            let number = str::from_utf8(number).ok().and_then(|text| text.parse().ok());
            numbers.push(number.ok_or_else(|| self.unexpected("the length of an axis"))?);
            // Files of Python 2 write `3L` for 3.
            self.0 = rest.strip_prefix(b"L").unwrap_or(rest);
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

#[cfg(test)]
pub(super) mod tests {
    use npyz::WriterBuilder;

    use super::*;

    /// An array as the library writes it.
    pub(in crate::data) fn written<T: npyz::AutoSerialize>(shape: &[u64], fortran: bool, values: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let order = if fortran { npyz::Order::Fortran } else { npyz::Order::C };
        let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(&mut bytes);
        let mut writer = options.begin_nd().unwrap();
        writer.extend(values).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// A file of version 1 with this header.
    pub(in crate::data) fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn parse(bytes: &[u8]) -> Result<Array> {
        read_from(bytes, bytes.len() as u64, Path::new("x.npy"))
    }

    #[test]
    fn arrays_of_the_library_are_read() {
        let table = |bytes: &[u8]| parse(bytes).unwrap().to_table(Path::new("x.npy")).unwrap();
        let floats = table(&written(&[2, 3], false, &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!((floats.rows, &floats.shape[..]), (2, &[3][..]));
        assert_eq!(floats.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let turned = table(&written(&[2, 3], true, &[1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(turned.values, floats.values);
        let column = table(&written(&[3], false, &[7i64, 8, 9]));
        assert_eq!((column.rows, &column.shape[..], &column.values[..]), (3, &[1][..], &[7.0, 8.0, 9.0][..]));
        let images = table(&written(&[2, 1, 2], false, &[1u8, 2, 3, 4]));
        assert_eq!((images.rows, &images.shape[..]), (2, &[1, 2][..]));
        assert_eq!(table(&written(&[2], false, &[true, false])).values, [1.0, 0.0]);
    }

    #[test]
    fn half_floats_and_both_byte_orders_are_read() {
        let half = with_header("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2)}", &[0, 0x3c, 0, 0xc0]);
        assert_eq!(parse(&half).unwrap().to_f32(), [1.0, -2.0]);
        let big = with_header("{'descr': '>i2', 'fortran_order': False, 'shape': (2L,), }\n", &[1, 0, 0, 1]);
        assert_eq!(parse(&big).unwrap().to_f32(), [256.0, 1.0]);
        let mut later = b"\x93NUMPY\x02\x00".to_vec();
        let header = b"{\"shape\": (1,), \"fortran_order\": False, \"descr\": \"|u1\"}";
        later.extend((header.len() as u32).to_le_bytes());
        later.extend(header);
        later.push(9);
        assert_eq!(parse(&later).unwrap().to_f32(), [9.0]);
    }

    #[test]
    fn bad_files_are_refused() {
        let good = written(&[2, 3], false, &[1.0f32; 6]);
        let header = |descr: &str, shape: &str| {
            with_header(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), &[0; 8])
        };
        let long = [&b"\x93NUMPY\x03\x00"[..], &u32::MAX.to_le_bytes(), b"{}"].concat();
        let deep = with_header(&"(".repeat(60_000), &[]);
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (good[..good.len() - 1].to_vec(), "23 bytes are there"),
            ([&good[..], &[0]].concat(), "25 bytes are there"),
            (good[..20].to_vec(), "to its end"),
            (good[..7].to_vec(), "to its end"),
            (b"not an array".to_vec(), "np.save"),
            ([MAGIC, &[9, 0, 0, 0]].concat(), "version 9"),
            (long, "4294967295"),
            (deep, "expected `{`"),
            (header("'<f4'", "(4611686018427387904, 4)"), "any memory"),
            (header("'<f4'", "(99999999999999999999999, 4)"), "length of an axis"),
            (header("'<f4'", "(1000000000, 4)"), "takes 16000000000 bytes"),
            (header("'<f4'", "(-1, 4)"), "length of an axis"),
            (header("'<f4'", "(2 3)"), "expected `)`"),
            (header("'|O'", "(1,)"), "`|O`"),
            (header("'<f4'", &format!("({})", "1,".repeat(70))), "more than 64 axes"),
            (header("'<M8[ns]'", "(1,)"), "dates"),
            (b"\x80\x04\x95 a pickle".to_vec(), "never loaded"),
            (header("'<c8'", "(1,)"), "`<c8`"),
            (header("'<U2'", "(1,)"), "`<U2`"),
            (header("'|f4'", "(2,)"), "`|f4`"),
            (header("''", "(2,)"), "type ``"),
            (header("[('a', '<f4')]", "(2,)"), "named fields"),
            (with_header("{'descr': '<f4', 'shape': (2,)}", &[0; 8]), "fortran_order"),
            (with_header("{'descr': '<f4', 'fortran_order': 1}", &[0; 8]), "True"),
            (with_header("{'descr': '<f4", &[0; 8]), "closing quote"),
            (with_header("", &[]), "expected `{`"),
        ];
        for (bytes, expected) in cases {
            let message = parse(&bytes).expect_err(expected).to_string();
            assert!(message.starts_with("x.npy: ") && message.contains(expected), "{expected}: {message}");
        }
        let number = parse(&written(&[], false, &[1.0f32])).unwrap().to_table(Path::new("x.npy"));
        assert!(number.unwrap_err().to_string().contains("single number"));
        let empty = parse(&written::<f32>(&[0, 3], false, &[])).unwrap().to_table(Path::new("x.npy"));
        assert!(empty.unwrap_err().to_string().contains("at least one example"));
    }
}

//! NumPy's `.npy` files: a header of text, then the numbers.

use std::io::{BufReader, Read};
use std::path::Path;

use super::advice::Advice;
use super::array::Array;
use super::file;
use super::foreign::{PICKLE, is_pickle, refused};
use super::labels::Labels;
use super::layout::Layout;
use super::npy_header::{Fault, Other, Words, parse};
use crate::error::{Error, Result};

/// First bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read. NumPy's are 118 bytes unless an array has very many axes.
const MAX_HEADER: usize = 1 << 16;

/// Reads an `.npy` file.
pub(super) fn read(path: &Path) -> Result<Array> {
    let (file, length) = file::open(path)?;
    read_from(BufReader::new(file), length, path)
}

/// Reads an array from something that is `length` bytes long, or claims to be. Memory is used only for bytes that
/// really come. `path` is named in errors.
pub(super) fn read_from(mut source: impl Read, length: u64, path: &Path) -> Result<Array> {
    let Header { layout, start } = header_from(&mut source, length, path)?.map_err(|other| other.refused(path))?;
    numbers(source, layout, length.saturating_sub(start), path)
}

/// The `expected` bytes behind a header.
fn numbers(source: impl Read, layout: Layout, expected: u64, path: &Path) -> Result<Array> {
    let mut bytes = Vec::new();
    // One more than expected: an archive compares its checksum only when it is read past the end.
    source.take(expected.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| broken(path, &error))?;
    if bytes.len() as u64 != expected {
        let came = bytes.len();
        return Err(Error::data(path, format!("expected {expected} bytes of numbers, but {came} came")));
    }
    Ok(Array { layout, bytes })
}

impl Other {
    /// The refusal, with what to do about it.
    pub(super) fn refused(self, path: &Path) -> Error {
        refused(path, &self.message, self.advice)
    }
}

/// Longest word that is taken for a class, in characters.
const LONGEST: usize = 1 << 12;

/// Reads labels from a file.
pub(super) fn read_labels(path: &Path) -> Result<Labels> {
    let (file, length) = file::open(path)?;
    labels_from(BufReader::new(file), length, path)
}

/// Reads labels from an array of whole numbers or words, one for each example, as [`read_from`] reads numbers.
pub(super) fn labels_from(mut source: impl Read, length: u64, path: &Path) -> Result<Labels> {
    let header = match header_from(&mut source, length, path)? {
        Ok(Header { layout, start }) => {
            return numbers(source, layout, length.saturating_sub(start), path)?.to_labels(path);
        }
        Err(other) => other,
    };
    let Some(Words { length: letters, width, big_endian, shape }) = header.words else {
        let advice = if header.advice == Advice::Objects { Advice::ObjectWords } else { header.advice };
        return Err(refused(path, &header.message, advice));
    };
    let Some((&rows, _)) = shape.split_first().filter(|(_, rest)| rest.iter().all(|&side| side == 1)) else {
        return Err(Error::data(
            path,
            format!("expected one label for each example, an array of shape [N], but it has the shape {shape:?}"),
        ));
    };
    let each = letters.saturating_mul(width);
    if letters == 0 || letters > LONGEST {
        return Err(Error::data(
            path,
            format!("holds words of {letters} characters; expected 1 to {LONGEST} of a label"),
        ));
    }
    let (mut word, mut words) = (vec![0u8; each], Vec::new());
    for row in 0..rows {
        source.read_exact(&mut word).map_err(|error| broken(path, &error))?;
        let text = match width {
            1 => str::from_utf8(&word).ok().map(str::to_owned),
            _ => {
                let codes = word.as_chunks::<4>().0.iter();
                codes
                    .map(|&code| {
                        char::from_u32(if big_endian { u32::from_be_bytes(code) } else { u32::from_le_bytes(code) })
                    })
                    .collect()
            }
        };
        let text = text.map(|text: String| text.trim_end_matches('\0').to_owned());
        let text = text.filter(|text| !super::labels::is_missing(text)).ok_or_else(|| {
            Error::data(
                path,
                format!("row {row} (counted from 0) holds no word, but a label is a whole number or a word"),
            )
        })?;
        words.push(text);
    }
    if words.is_empty() {
        return Err(Error::data(path, "expected at least one label, but there is none"));
    }
    Ok(Labels::of_words(words.iter().map(String::as_str)))
}

/// What stands before the numbers.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) layout: Layout,
    /// Bytes before the first number.
    pub(super) start: u64,
}

/// Reads the header of an array that is `length` bytes long with it, or claims to be, and checks that the two agree.
pub(super) fn header_from(source: &mut impl Read, length: u64, path: &Path) -> Result<Result<Header, Other>> {
    let mut first = [0u8; 8];
    source.read_exact(&mut first).map_err(|error| broken(path, &error))?;
    if !first.starts_with(MAGIC) {
        if is_pickle(&first) {
            return Err(refused(path, PICKLE, Advice::Pickle));
        }
        return Err(Error::data(
            path,
            "expected a NumPy array, but it does not begin like one; write it or copy it again",
        ));
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
    fn lengths_with_their_type_are_read() {
        for shape in ["(np.int64(2), np.int64(1))", "(np.uint32(2), )", "(np.int64(2),1)"] {
            let header = with_header(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"), &[7, 9]);
            assert_eq!(parse(&header).unwrap().to_f32(), [7.0, 9.0], "{shape}");
        }
        for shape in [
            "(np.int64(2), np.int64(1)",
            "(np.int64(2)",
            "(np.int64 2)",
            "(np.foo(2), 1)",
            "(np.int64(), 1)",
            "(np.int64",
        ] {
            assert!(
                parse(&with_header(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"), &[7, 9]))
                    .is_err(),
                "{shape}"
            );
        }
    }

    #[test]
    fn words_are_labels() {
        let utf32 = |word: &str, big: bool| -> Vec<u8> {
            let mut codes: Vec<u32> = word.chars().map(u32::from).collect();
            codes.resize(3, 0);
            codes.iter().flat_map(|code| if big { code.to_be_bytes() } else { code.to_le_bytes() }).collect()
        };
        let header = |descr: &str, shape: &str, data: Vec<u8>| {
            with_header(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"), &data)
        };
        let read = |bytes: &[u8]| labels_from(bytes, bytes.len() as u64, Path::new("x.npy"));
        for big in [false, true] {
            let data: Vec<u8> = ["owl", "ä", "owl"].iter().flat_map(|word| utf32(word, big)).collect();
            let labels = read(&header(if big { ">U3" } else { "<U3" }, "(3,)", data)).unwrap();
            assert_eq!(labels.classes(), [0, 1, 0]);
        }
        let bytes = read(&header("|S3", "(2, 1)", b"b\0\0a\0\0".to_vec())).unwrap();
        assert_eq!(bytes, Labels::of_words(["b", "a"].into_iter()));
        for (bytes, words) in [
            (header("<U1", "(2,)", vec![b'a', 0, 0, 0]), "to its end"),
            (header("<U1", "(2, 2)", vec![0; 16]), "shape [2, 2]"),
            (header("<U1", "(1,)", vec![0; 4]), "row 0"),
            (header("<U1", "(1,)", vec![0xff; 4]), "row 0"),
            (header("<U99999999999", "(1,)", vec![0; 4]), "characters"),
            (header("<U0", "(1,)", vec![]), "characters"),
            (header("<U1", "(0,)", vec![]), "at least one label"),
            (header("|O", "(1,)", vec![0; 4]), "never loaded"),
        ] {
            let message = read(&bytes).unwrap_err().to_string();
            assert!(message.contains(words), "{words}: {message}");
        }
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
            (b"not an array".to_vec(), "does not begin like one"),
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

//! Safetensors files: named arrays, with notes about them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::advice::Advice;
use super::array::Array;
use super::file;
use super::layout::{Kind, Layout};
use super::npz::choose;
use crate::error::{Error, Result};
use crate::files::AtomicFile;

/// Name, shape and values of an array.
pub type NamedArray = (String, Vec<usize>, Vec<f32>);

/// Key under which the format keeps notes, which therefore cannot name an array.
const NOTES: &str = "__metadata__";

/// Longest header that is read, the limit of the format's own library.
pub(super) const MAX_HEADER: u64 = 100_000_000;

/// Writes arrays and notes about them, in the order given, so that equal contents make equal files. The file appears as
/// a whole or not at all. Values need not be finite.
pub fn write_safetensors(path: &Path, tensors: &[NamedArray], metadata: &[(String, String)]) -> Result<()> {
    let shapes: Vec<_> = tensors.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect();
    write_safetensors_one_by_one(path, &shapes, metadata, |i| Ok(Cow::Borrowed(&tensors[i].2)))
}

/// As [`write_safetensors`], of arrays that are asked for one after the other, so that they need not be in memory together.
pub fn write_safetensors_one_by_one<'a>(
    path: &Path,
    shapes: &[(String, Vec<usize>)],
    metadata: &[(String, String)],
    mut values: impl FnMut(usize) -> Result<Cow<'a, [f32]>>,
) -> Result<()> {
    let header = header(shapes, metadata).map_err(|message| Error::data(path, message))?;
    let mut file = BufWriter::with_capacity(1 << 18, AtomicFile::create(path)?);
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(Error::io(path));
    put(&(header.len() as u64).to_le_bytes())?;
    put(header.as_bytes())?;
    let mut bytes = Vec::new();
    for (i, (name, shape)) in shapes.iter().enumerate() {
        let values = values(i)?;
        if shape.iter().product::<usize>() != values.len() {
            let came = values.len();
            let message = format!("array `{name}` of shape {shape:?} cannot be made of {came} values");
            return Err(Error::data(path, message));
        }
        for part in values.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
            put(&bytes)?;
        }
    }
    file.into_inner().map_err(|error| Error::io(path)(error.into_error()))?.commit()
}

/// The header in JSON. Written here because the format's library keeps notes in a hash map, whose order changes from
/// run to run.
fn header(arrays: &[(String, Vec<usize>)], metadata: &[(String, String)]) -> Result<String, String> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut entries = Vec::new();
    if !metadata.is_empty() {
        let notes: Vec<String> =
            metadata.iter().map(|(key, text)| format!("{}:{}", quoted(key), quoted(text))).collect();
        entries.push(format!("\"{NOTES}\":{{{}}}", notes.join(",")));
        check_unique(metadata.iter().map(|(key, _)| key), "note")?;
    }
    check_unique(arrays.iter().map(|(name, _)| name), "array")?;
    let mut start = 0usize;
    for (name, shape) in arrays {
        if name == NOTES {
            return Err(format!("an array cannot be called `{NOTES}`; choose another name"));
        }
        let bytes = shape.iter().try_fold(size_of::<f32>(), |product, &side| product.checked_mul(side));
        let end = bytes.and_then(|bytes| start.checked_add(bytes));
        let end = end.ok_or_else(|| format!("array `{name}` of shape {shape:?} is larger than any file"))?;
        let (name, shape) = (quoted(name), serde_json::Value::from(shape.as_slice()));
        entries.push(format!("{name}:{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}"));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    // Blanks, so that the values begin at a multiple of eight bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    Ok(header)
}

fn check_unique<'a>(names: impl Iterator<Item = &'a String>, what: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two {what}s are called `{name}`; names must differ"));
        }
    }
    Ok(())
}

/// Reads all arrays, in the order in which their values stand in the file. Values need not be finite, and those of
/// 32-bit floats are kept to the bit.
pub fn read_safetensors(path: &Path) -> Result<Vec<NamedArray>> {
    let mut file = Opened::open(path)?;
    file.names().into_iter().map(|name| named(&mut file, name)).collect()
}

/// Reads one of the arrays, as [`read_safetensors`] does.
pub fn read_safetensors_array(path: &Path, name: &str) -> Result<NamedArray> {
    named(&mut Opened::open(path)?, name.to_owned())
}

fn named(file: &mut Opened<'_>, name: String) -> Result<NamedArray> {
    let array = file.array(&name)?;
    let values = array.to_f32();
    Ok((name, array.layout.shape, values))
}

/// Reads the notes about the arrays, sorted by their keys.
pub fn read_safetensors_metadata(path: &Path) -> Result<Vec<(String, String)>> {
    let notes = Opened::open(path)?.header.metadata().clone().unwrap_or_default();
    let mut notes: Vec<_> = notes.into_iter().collect();
    notes.sort_unstable();
    Ok(notes)
}

/// Reads the array with this name, or the only array.
pub(super) fn read(path: &Path, member: Option<&str>) -> Result<Array> {
    let mut file = Opened::open(path)?;
    let name = choose(file.names(), member, "tensor", path)?;
    file.array(&name)
}

/// A file whose header has been read and found to agree with the length of the file.
pub(super) struct Opened<'a> {
    path: &'a Path,
    file: BufReader<File>,
    header: Metadata,
    /// Where the values begin.
    start: u64,
}

impl Opened<'_> {
    pub(super) fn open(path: &Path) -> Result<Opened<'_>> {
        let (file, length) = file::open(path)?;
        let mut file = BufReader::new(file);
        let mut size = [0u8; 8];
        if length >= 8 {
            file.read_exact(&mut size).map_err(Error::io(path))?;
        }
        let size = u64::from_le_bytes(size);
        if length < 8 || size > MAX_HEADER.min(length - 8) {
            return Err(Error::data(
                path,
                format!("expected a safetensors file, but its {length} bytes cannot hold a header of {size} bytes"),
            ));
        }
        let mut text = Vec::new();
        file.by_ref().take(size).read_to_end(&mut text).map_err(Error::io(path))?;
        // The header is parsed here rather than with the rest of the file by the format's library, which adds up
        // claimed sizes without a check. What it does check is that the arrays follow each other without a gap.
        let header: Metadata = serde_json::from_slice(&text)
            .map_err(|error| Error::data(path, format!("its safetensors header cannot be read: {error}")))?;
        let (start, claimed) = (8 + size, header.data_len() as u64);
        if claimed != length - start {
            let came = length - start;
            return Err(Error::data(
                path,
                format!("its header claims {claimed} bytes of values, but {came} are there; write it or copy it again"),
            ));
        }
        Ok(Opened { path, file, header, start })
    }

    /// The names of the arrays, in the order of their values.
    pub(super) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// How the values of an array lie and where they begin in the file, or why they are not read.
    pub(super) fn layout(&self, name: &str) -> Result<Result<(Layout, u64), String>> {
        let path = self.path;
        let Some(TensorInfo { dtype, shape, data_offsets: (from, to) }) = self.header.info(name) else {
            return Err(Error::data(path, format!("has no tensor `{name}`")));
        };
        let kind = match dtype {
            Dtype::BOOL => Kind::Bool,
            Dtype::U8 => Kind::U8,
            Dtype::I8 => Kind::I8,
            Dtype::U16 => Kind::U16,
            Dtype::I16 => Kind::I16,
            Dtype::U32 => Kind::U32,
            Dtype::I32 => Kind::I32,
            Dtype::U64 => Kind::U64,
            Dtype::I64 => Kind::I64,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            Dtype::F32 => Kind::F32,
            Dtype::F64 => Kind::F64,
            other => {
                return Ok(Err(format!(
                    "holds numbers of type {other:?}, which is not read; convert them: {}",
                    Advice::Safetensors.of(path)
                )));
            }
        };
        let layout = Layout { shape: shape.clone(), kind, big_endian: false, fortran: false };
        let came = to.saturating_sub(*from);
        if layout.bytes() != Some(came) {
            return Err(Error::data(
                path,
                format!("tensor `{name}` of shape {shape:?} cannot be made of {came} bytes; write it again"),
            ));
        }
        Ok(Ok((layout, self.start + *from as u64)))
    }

    fn array(&mut self, name: &str) -> Result<Array> {
        let path = self.path;
        let (layout, start) =
            self.layout(name)?.map_err(|message| Error::data(path, format!("tensor `{name}` {message}")))?;
        let count = layout.bytes().unwrap_or(0);
        self.file.seek(SeekFrom::Start(start)).map_err(Error::io(path))?;
        let mut bytes = Vec::new();
        self.file.by_ref().take(count as u64).read_to_end(&mut bytes).map_err(Error::io(path))?;
        if bytes.len() != count {
            let came = bytes.len();
            return Err(Error::data(path, format!("tensor `{name}` takes {count} bytes, but {came} came")));
        }
        Ok(Array { layout, bytes })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn named(name: &str, shape: &[usize], values: &[f32]) -> NamedArray {
        (name.to_owned(), shape.to_vec(), values.to_vec())
    }

    /// A file with this header, however wrong.
    pub(in crate::data) fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn arrays_and_notes_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let odd_nan = f32::from_bits(0x7fa0_1234);
        let arrays = [
            named("z \"quoted\" ä", &[2, 3], &[1.0, -0.0, f32::INFINITY, odd_nan, f32::MIN_POSITIVE, 0.1]),
            named("a", &[], &[7.0]),
            named("none", &[0, 4], &[]),
        ];
        let notes = [("step".to_owned(), "12".to_owned()), ("run\n".to_owned(), "{\"a\": 1}".to_owned())];
        write_safetensors(&path, &arrays, &notes).unwrap();
        let bits = |arrays: &[NamedArray]| -> Vec<(String, Vec<usize>, Vec<u32>)> {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
            let mut all: Vec<_> = arrays.iter().map(|(n, shape, v)| (n.clone(), shape.clone(), bits(v))).collect();
            all.sort();
            all
        };
        assert_eq!(bits(&read_safetensors(&path).unwrap()), bits(&arrays));
        let mut sorted = notes.to_vec();
        sorted.sort();
        assert_eq!(read_safetensors_metadata(&path).unwrap(), sorted);
        // The format's own library reads the same.
        let bytes = std::fs::read(&path).unwrap();
        let theirs = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(theirs.tensor("a").unwrap().data(), 7.0f32.to_le_bytes());
        assert_eq!(theirs.len(), 3);
        // Equal contents, equal bytes.
        write_safetensors(&path, &arrays, &notes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        write_safetensors(&path, &[], &[]).unwrap();
        assert!(read_safetensors(&path).unwrap().is_empty() && read_safetensors_metadata(&path).unwrap().is_empty());
    }

    #[test]
    fn the_order_of_arrays_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let arrays = [named("w2", &[1], &[2.0]), named("w1", &[2], &[1.0, 1.5]), named("b", &[1], &[0.0])];
        write_safetensors(&path, &arrays, &[]).unwrap();
        assert_eq!(read_safetensors(&path).unwrap(), arrays);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let note = ("a".to_owned(), "b".to_owned());
        for (arrays, notes) in [
            (vec![named("a", &[2], &[1.0])], vec![]),
            (vec![named("a", &[usize::MAX, 2], &[1.0])], vec![]),
            (vec![named("a", &[1], &[1.0]), named("a", &[1], &[2.0])], vec![]),
            (vec![named("__metadata__", &[1], &[1.0])], vec![]),
            (vec![], vec![note.clone(), note]),
        ] {
            assert!(write_safetensors(&path, &arrays, &notes).is_err(), "{arrays:?}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn bad_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let tensor = |dtype: &str, shape: &str, from: u64, to: u64| {
            format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
        };
        let one = |dtype: &str, shape: &str, to: u64| format!("{{\"a\":{}}}", tensor(dtype, shape, 0, to));
        // Sizes that add up to 2^64 - 8: the library's sum with the length of the header would wrap.
        let step = 1u64 << 60;
        let wrapping: Vec<String> = (0..15)
            .map(|i| format!("\"{i}\":{}", tensor("U8", &format!("[{step}]"), i * step, (i + 1) * step)))
            .chain([format!(
                "\"last\":{}",
                tensor("U8", &format!("[{}]", step - 8), 15 * step, 15 * step + (step - 8))
            )])
            .collect();
        let cases = [
            (vec![1, 2, 3], "cannot hold a header"),
            (u64::MAX.to_le_bytes().to_vec(), "cannot hold a header"),
            (with_header("{\"a\":", &[]), "cannot be read"),
            (with_header(&"[".repeat(100_000), &[]), "cannot be read"),
            (with_header("[]", &[]), "cannot be read"),
            (with_header(&one("F32", "[2]", 8), &[0; 7]), "claims 8 bytes of values, but 7 are there"),
            (with_header(&one("F32", "[2]", 8), &[0; 9]), "but 9 are there"),
            (with_header(&one("F32", "[3]", 8), &[0; 8]), "cannot be read"),
            (with_header(&one("F32", "[-2]", 8), &[0; 8]), "cannot be read"),
            (with_header(&one("F32", "[4611686018427387904,4]", 8), &[0; 8]), "cannot be read"),
            (with_header(&one("U8", "[1152921504606846976]", 1 << 60), &[0; 8]), "claims 1152921504606846976"),
            (with_header(&format!("{{\"a\":{}}}", tensor("U8", "[1]", 8, 9)), &[0; 9]), "cannot be read"),
            (with_header(&format!("{{{}}}", wrapping.join(",")), &[0; 8]), "bytes of values"),
            (with_header(&one("F8_E4M3", "[8]", 8), &[0; 8]), "F8_E4M3"),
            (with_header(&one("X9", "[8]", 8), &[0; 8]), "cannot be read"),
        ];
        for (bytes, expected) in cases {
            std::fs::write(&path, bytes).unwrap();
            let message = read_safetensors(&path).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[test]
    fn other_types_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let header = "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},\
                       \"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[4,12]}}";
        let data = [&[0x80, 0x3f, 0x00, 0xc0][..], &(-9i64).to_le_bytes()].concat();
        std::fs::write(&path, with_header(header, &data)).unwrap();
        let read = read_safetensors(&path).unwrap();
        assert_eq!(read, [named("a", &[2], &[1.0, -2.0]), named("b", &[1], &[-9.0])]);
    }
}

//! Files that lie, are cut short or were changed: every reader answers with a sentence, never panics, and never sets
//! more memory aside than the bytes that are there justify.

mod held;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use isogram::data::{ArrayFile, ReadOptions, Representation, RowReader, read_all, read_labels, read_table};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
/// One test at a time, so that what is measured is its own.
static ALONE: Mutex<()> = Mutex::new(());

/// What readers take whatever the file: buffers, and a block of numbers.
const BUFFERS: usize = 2 << 20;

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn array(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::DEFAULT.compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Replaces bytes wherever they occur.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            changed[at..at + to.len()].copy_from_slice(to);
        }
    }
    changed
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// What a call takes in memory at its height, in bytes.
fn measured<T>(call: impl FnOnce() -> T) -> (T, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = call();
    (result, MEMORY.peak_usage().saturating_sub(before))
}

/// What more is believed of files that are packed: a MiB and 256 times the size of a gzip file, which as text is held
/// beside its values; of Parquet 8 MiB and a thousand times its size for a page, and as many values.
fn allowed(path: &Path, length: usize) -> usize {
    let start = std::fs::read(path).unwrap_or_default();
    match start.get(..4) {
        Some([0x1f, 0x8b, ..]) => 20 * ((1 << 20) + 256 * length),
        Some(b"PAR1") => 4 * ((8 << 20) + 1024 * length),
        _ => 0,
    }
}

/// Reads a file in every way there is and checks what holds whatever is in it.
fn read_in_every_way(path: &Path) -> Result<Vec<Representation>, String> {
    let length = std::fs::metadata(path).unwrap().len() as usize;
    let options = ReadOptions::default();
    let (read, peak) = measured(|| read_all(path, &options).map(|found| found.representations));
    // A byte becomes at most a float of eight; lists grow by doubling. Names and shapes of a header take their share.
    let values: usize = read.iter().flatten().map(|array| array.values.len() * 8).sum();
    let justified = BUFFERS + 64 * length + 3 * values + allowed(path, length);
    assert!(peak <= justified, "{peak} bytes for {} of {length} bytes", path.display());
    let ((), peak) = measured(|| {
        read_table(path).ok();
        read_labels(path).ok();
    });
    assert!(peak <= justified + 24 * values, "{peak} bytes for a table of {length} bytes");
    let (opened, peak) = measured(|| ArrayFile::open(path));
    assert!(peak <= justified, "{peak} bytes for the headers of {length} bytes");
    // By rows, those arrays that could be read whole.
    let whole: Vec<&str> = read.iter().flatten().map(|array| array.name.as_str()).collect();
    let rows = opened.and_then(|mut file| {
        let mut all = Vec::new();
        for number in 0..file.arrays().len() {
            if !whole.contains(&file.arrays()[number].name.as_str()) {
                continue;
            }
            let mut reader: RowReader = file.rows(number)?;
            let middle = reader.rows() / 2;
            let mut values = reader.read::<f64>(0..middle)?;
            values.extend(reader.read::<f64>(middle..reader.rows())?);
            all.push(values);
        }
        Ok(all)
    });
    match read {
        Ok(read) => {
            for array in &read {
                assert!(array.rows > 0 && array.values.iter().all(|value| value.is_finite()));
                assert_eq!(array.values.len(), array.rows * array.shape.iter().product::<usize>());
            }
            // Rows of an uncompressed archive come without a checksum, else both ways are the same.
            let rows = rows.expect("what is read whole is read by rows");
            assert!(rows.iter().zip(&read).all(|(rows, array)| *rows == array.values));
            Ok(read)
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() < 2000, "a sentence, not {} letters", said.len());
            Err(said)
        }
    }
}

#[test]
fn a_table_of_bad_files() {
    let _alone = ALONE.lock().unwrap_or_else(|broken| broken.into_inner());
    let folder = Folder::new();
    let good = array("<f4", "(2, 3)", &[0; 24]);
    let two = zipped(&[("x.npy", &good), ("y.npy", &good)], CompressionMethod::Stored);
    let same = replaced(&two, b"y.npy", b"x.npy");
    let deflated = zipped(&[("x.npy", &array("<f4", "(1000, 10)", &[0; 40_000]))], CompressionMethod::Deflated);
    let lying = zipped(&[("x.npy", &array("<f4", "(1000000, 1000)", &[0; 24]))], CompressionMethod::Deflated);
    // The size after unpacking, in both places where it stands, as four billion bytes.
    let size = (40_000u32 + deflated_header()).to_le_bytes();
    let bomb = replaced(&deflated, &size, &[0xf0, 0xff, 0xff, 0xff]);
    let one = |dtype: &str, shape: &str, to: u64| {
        format!("{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{to}]}}}}")
    };
    let twice = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\
                  \"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}";
    let mut cut_zip = two.clone();
    cut_zip.truncate(two.len() / 2);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty.npy", vec![], "empty"),
        ("cut.npy", good[..good.len() - 1].to_vec(), "23 bytes are there"),
        ("cut_header.npy", good[..30].to_vec(), "to its end"),
        ("long.npy", [&good[..], &[0]].concat(), "25 bytes are there"),
        ("more.npy", array("<f4", "(3, 3)", &[0; 24]), "takes 36 bytes"),
        ("terabytes.npy", array("<f4", "(1000000000, 1000)", &[0; 24]), "takes 4000000000000 bytes"),
        ("overflow.npy", array("<f8", "(4294967296, 4294967296, 4)", &[]), "any memory"),
        ("wrapped.npy", array("<f8", "(2305843009213693952, 1)", &[]), "any memory"),
        ("no_rows.npy", array("<f4", "(0, 3)", &[]), "0 examples of shape [3]"),
        ("no_units.npy", array("<f4", "(3, 0)", &[]), "3 examples of shape [0]"),
        ("no_end.npy", array("<f4", "(1099511627776, 0, 1099511627776)", &[]), "shape [0, 1099511627776]"),
        ("no_start.npy", array("<f4", "(0, 1099511627776, 1099511627776)", &[]), "0 examples"),
        ("negative.npy", array("<f4", "(-2, 3)", &[0; 24]), "length of an axis"),
        ("scalar.npy", array("<f4", "()", &[0; 4]), "single number"),
        ("axes.npy", array("|u1", &format!("({})", "1, ".repeat(100)), &[0]), "more than 64 axes"),
        ("objects.npy", array("|O", "(2,)", b"\x80\x04cos\nsystem\n"), "never loaded"),
        ("native_objects.npy", array("=O", "(2,)", &[]), "never loaded"),
        ("text.npy", array("<U3", "(2,)", &[0; 24]), "holds text"),
        ("no_order.npy", array("f4", "(2, 3)", &[0; 24]), "`f4`"),
        ("odd_order.npy", array("!f4", "(2, 3)", &[0; 24]), "`!f4`"),
        ("nan.npy", array(">f4", "(1, 2)", &[0x3f, 0x80, 0, 0, 0x7f, 0xc0, 0, 0]), "row 0, column 1"),
        ("pickle.npy", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}".to_vec(), "never loaded"),
        ("no.npz", b"PK\x03\x04 but no more".to_vec(), "archive"),
        ("cut.npz", cut_zip, "archive"),
        ("same.npz", same, "two arrays of the same name"),
        ("none.npz", zipped(&[("readme.txt", b"x")], CompressionMethod::Stored), "it holds none"),
        ("nothing.npz", zipped(&[], CompressionMethod::Stored), "it holds none"),
        ("nested.npz", zipped(&[("inner.npz", &two)], CompressionMethod::Stored), "it holds none"),
        ("torch.npz", zipped(&[("archive/data.pkl", b"x")], CompressionMethod::Stored), "never loaded"),
        ("inner.npz", zipped(&[("x.npy", &good[..50])], CompressionMethod::Stored), "inner.npz:x"),
        ("inner_long.npz", zipped(&[("x.npy", &[&good[..], &[0]].concat())], CompressionMethod::Deflated), "25 bytes"),
        ("lying.npz", lying, "takes 4000000000 bytes"),
        ("bomb.npz", bomb, "which cannot be"),
        ("deep.npz", zipped(&[("a/b/../x.npy", &array("<f4", "(0,)", &[]))], CompressionMethod::Stored), "a/b/../x"),
        ("short.safetensors", vec![1, 2, 3], "cannot hold a header"),
        ("huge.safetensors", u64::MAX.to_le_bytes().to_vec(), "cannot hold a header"),
        ("cut.safetensors", safetensors(&one("F32", "[2]", 8), &[0; 7]), "claims 8 bytes"),
        ("lying.safetensors", safetensors(&one("F32", "[3]", 8), &[0; 8]), "cannot be read"),
        ("terabytes.safetensors", safetensors(&one("U8", "[1099511627776]", 1 << 40), &[0; 8]), "claims 1099511627776"),
        ("twice.safetensors", safetensors(twice, &[0; 2]), "cannot be read"),
        ("no_rows.safetensors", safetensors(&one("F32", "[0, 3]", 0), &[]), "0 examples"),
        ("scalar.safetensors", safetensors(&one("F32", "[]", 4), &[0; 4]), "single number"),
        ("none.safetensors", safetensors("{}", &[]), "it holds none"),
        ("deep.safetensors", safetensors(&"{\"a\":".repeat(20_000), &[]), "cannot be read"),
        ("empty.csv", vec![], "empty"),
        ("blank.csv", b"\n\n".to_vec(), "it has none"),
        ("header.csv", b"a,b\n".to_vec(), "no line of numbers"),
        ("ragged.csv", b"1,2\n3\n".to_vec(), "line 2 has 1 columns"),
        ("wide.csv", b"1,2\n3,4,5\n".to_vec(), "line 2 has 3 columns"),
        ("text.csv", b"x,y\n1,2\n3,cat\n".to_vec(), "line 3, column 2 is `cat`"),
        ("missing.csv", b"1,2\n,4\n".to_vec(), "line 2, column 1 is empty"),
        ("nan.csv", b"1,2\n3,nan\n".to_vec(), "every value must be finite"),
        ("large.csv", b"1,2\n3,1e309\n".to_vec(), "line 2, column 2 is `1e309`"),
        ("quoted.csv", b"1,2\n\"3,4\n5,6\n".to_vec(), "line 2 has 1 columns"),
        ("bytes.csv", b"1,2\n\xff\xfe,4\n".to_vec(), "line 2, column 1"),
        ("semicolons.csv", b"1;2,5\n3;4,5\n6;7.5\n".to_vec(), "line 3, column 2 is `7.5`"),
        ("blanks.txt", b"1 2\n3 4 5\n".to_vec(), "line 2 has 3 columns"),
        ("comments.txt", b"# 1\n# 2\n".to_vec(), "it has none"),
        ("wide.txt", b"\xff\xfe1\0 \x002\0".to_vec(), "UTF-16"),
        ("bomb.csv.gz", packed(&vec![b'1'; 8 << 20]), "one part in 256"),
        ("bomb.npy.gz", packed(&array("<f4", "(1000000, 4)", &vec![0; 16_000_000])), "one part in 256"),
        ("cut.csv.gz", packed(b"1,2\n3,4\n")[..20].to_vec(), "cannot be unpacked"),
        ("text.csv.gz", packed(b"1,2\n3,cat\n"), "line 2, column 2 is `cat`"),
        ("short.parquet", b"PAR1".to_vec(), "Parquet"),
        ("text.parquet", b"hello".to_vec(), "Parquet"),
        ("page.csv", b"<!DOCTYPE html>".to_vec(), "web page"),
        ("pointer.csv", b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "Git LFS"),
        ("cut-ubyte", vec![0, 0, 8, 1, 0, 0, 0, 3, 7], "takes 3 bytes"),
        ("no_rows-ubyte", vec![0, 0, 8, 1, 0, 0, 0, 0], "0 examples"),
        ("cut.bin", vec![7; 3000], "cut.bin"),
        ("model.pth", b"anything".to_vec(), "never loaded"),
        ("what.xyz", b"hello there".to_vec(), "format is not known"),
    ];
    for (name, bytes, words) in cases {
        let said = read_in_every_way(&folder.file(name, &bytes)).expect_err(name);
        assert!(said.contains(name) && said.contains(words) && !said.contains('\n'), "{name}: {said}");
    }
    let said = read_in_every_way(&folder.file("two.npz", &two));
    assert_eq!(said.unwrap().len(), 2, "the files that were damaged above were whole before");
    assert!(read_in_every_way(&folder.file("deflated.npz", &deflated)).is_ok());
}

/// Bytes before the numbers in the array that is made into a bomb.
fn deflated_header() -> u32 {
    array("<f4", "(1000, 10)", &[]).len() as u32
}

#[test]
fn members_that_share_bytes_are_refused() {
    let _alone = ALONE.lock().unwrap_or_else(|broken| broken.into_inner());
    let folder = Folder::new();
    let good = array("<f4", "(2, 3)", &[0; 24]);
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("x.npy", SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored)).unwrap();
    zip.write_all(&good).unwrap();
    zip.shallow_copy_file("x.npy", "y.npy").unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let said = read_in_every_way(&folder.file("x.npz", &bytes)).unwrap_err();
    assert!(said.contains("share bytes"), "{said}");
}

/// A change to a file.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    /// A number of so many bytes becomes as large as it can be.
    Huge(prop::sample::Index, usize),
    /// The nth digit in the file becomes another: sizes in headers of text.
    Digit(prop::sample::Index, u8),
    /// A part is repeated behind itself.
    Repeat(prop::sample::Index, usize),
}

impl Change {
    fn any() -> impl Strategy<Value = Change> {
        let at = any::<prop::sample::Index>;
        prop_oneof![
            (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
            (at(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
            at().prop_map(Change::Cut),
            (at(), 1..40usize).prop_map(|(at, count)| Change::Remove(at, count)),
            (at(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
            (at(), prop::sample::select(vec![2, 4, 8])).prop_map(|(at, size)| Change::Huge(at, size)),
            (at(), b'0'..=b'9').prop_map(|(at, digit)| Change::Digit(at, digit)),
            (at(), 1..60usize).prop_map(|(at, count)| Change::Repeat(at, count)),
        ]
    }

    fn make(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Change::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Huge(at, size) => bytes[at.index(length)..].iter_mut().take(*size).for_each(|byte| *byte = 0xff),
            Change::Digit(at, digit) => {
                let digits: Vec<usize> = (0..length.min(4096)).filter(|&i| bytes[i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    bytes[digits[at.index(digits.len())]] = *digit;
                }
            }
            Change::Repeat(at, count) => {
                let at = at.index(length);
                let part = bytes[at..length.min(at + count)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// The fixtures whose names end so, with a few by hand for formats that NumPy does not write.
fn samples(ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arrays");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.to_str().unwrap().ends_with(ending));
    let mut samples: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    match ending {
        "-ubyte" => samples.push(vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 3, 4]),
        ".bin" => samples.push([&[7u8][..], &[1; 3072]].concat()),
        _ => {}
    }
    assert!(!samples.is_empty(), "{ending}");
    samples
}

fn changed(ending: &str) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(samples(ending)), prop::collection::vec(Change::any(), 1..6)).prop_map(
        |(mut bytes, changes)| {
            changes.iter().for_each(|change| change.make(&mut bytes));
            bytes
        },
    )
}

/// Bytes without sense, some of them behind a start that is right.
fn noise(starts: &[&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let starts: Vec<Vec<u8>> = starts.iter().map(|start| start.to_vec()).chain([Vec::new()]).collect();
    (prop::sample::select(starts), prop::collection::vec(any::<u8>(), 0..600))
        .prop_map(|(start, rest)| [start, rest].concat())
}

fn fuzz(name: &str, cases: u32, files: impl Strategy<Value = Vec<u8>>) {
    let _alone = ALONE.lock().unwrap_or_else(|broken| broken.into_inner());
    let folder = Folder::new();
    // `ISOGRAM_FUZZ=50` tries that many times as many files.
    let times = std::env::var("ISOGRAM_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1u32);
    let cases = cases.saturating_mul(times);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&files, |bytes| {
        read_in_every_way(&folder.file(name, &bytes)).ok();
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{name}: {failed}");
    }
}

#[test]
fn damaged_npy_files_never_panic() {
    let starts: [&[u8]; 2] = [b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x40\x00{'descr': '<f4', 'fortran_order': "];
    fuzz("x.npy", 600, prop_oneof![3 => changed(".npy"), 1 => noise(&starts)]);
}

#[test]
fn damaged_npz_files_never_panic() {
    let inner = prop::collection::vec(changed(".npy"), 1..3);
    let whole = (inner, any::<bool>()).prop_map(|(arrays, packed)| {
        let names = ["x.npy", "y/z.npy"];
        let files: Vec<(&str, &[u8])> = names.into_iter().zip(arrays.iter().map(Vec::as_slice)).collect();
        zipped(&files, if packed { CompressionMethod::Deflated } else { CompressionMethod::Stored })
    });
    fuzz("x.npz", 600, prop_oneof![3 => changed(".npz"), 2 => whole, 1 => noise(&[b"PK\x03\x04", b"PK\x05\x06"])]);
}

#[test]
fn damaged_safetensors_files_never_panic() {
    let starts: [&[u8]; 2] = [b"\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[", b"\x02\0\0\0\0\0\0\0{}"];
    fuzz("x.safetensors", 1000, prop_oneof![3 => changed(".safetensors"), 1 => noise(&starts)]);
}

#[test]
fn damaged_csv_files_never_panic() {
    let text = "[0-9a-z.,;#\t\"\\-+eE\r\n \u{e9}]{0,200}".prop_map(String::into_bytes);
    fuzz("x.csv", 600, prop_oneof![2 => changed(".csv"), 1 => text, 1 => noise(&[b"a,b\n", b"1,2\n"])]);
}

#[test]
fn damaged_images_never_panic() {
    fuzz("x-ubyte", 200, prop_oneof![2 => changed("-ubyte"), 1 => noise(&[&[0, 0, 8, 1], &[0, 0, 13, 2]])]);
    fuzz("x.bin", 50, changed(".bin"));
}

#[test]
fn damaged_parquet_files_never_panic() {
    fuzz("x.parquet", 400, prop_oneof![5 => changed(".parquet"), 1 => noise(&[b"PAR1"])]);
}

#[test]
fn damaged_gzip_files_never_panic() {
    let inner = prop_oneof![changed(".csv"), changed(".npy"), changed("-ubyte")];
    let whole = inner.prop_map(|bytes| packed(&bytes));
    let cut = (changed(".csv"), prop::collection::vec(Change::any(), 1..4)).prop_map(|(bytes, changes)| {
        let mut bytes = packed(&bytes);
        changes.iter().for_each(|change| change.make(&mut bytes));
        bytes
    });
    fuzz("x", 200, prop_oneof![whole, cut, noise(&[b"\x1f\x8b\x08\0\0\0\0\0\0\x03"])]);
}

#[test]
fn labels_of_words_never_panic() {
    let start: &[u8] = b"\x93NUMPY\x01\x00\x40\x00{'descr': '<U2', 'fortran_order': False, 'shape': (3,), }";
    let words = array("<U2", "(3,)", &[97, 0, 0, 0, 0, 0, 0, 0].repeat(3));
    let changed = prop::collection::vec(Change::any(), 1..6).prop_map(move |changes| {
        let mut bytes = words.clone();
        changes.iter().for_each(|change| change.make(&mut bytes));
        bytes
    });
    fuzz("x.npy", 200, prop_oneof![3 => changed, 1 => noise(&[start])]);
}

#[test]
fn files_of_unknown_names_never_panic() {
    let any = prop_oneof![changed(".npy"), changed(".npz"), changed(".pt"), noise(&[b"PK\x03\x04", b"\x80\x04"])];
    fuzz("x", 200, any);
}

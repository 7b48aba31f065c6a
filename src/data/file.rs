//! Opening files that are to be read as a whole, unpacked where they are compressed by gzip.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::advice::Advice;
use crate::error::{Error, Result};

/// What may come out of a compressed file of any size, in bytes.
const LEAST: u64 = 1 << 20;

/// How many bytes may come out for each byte of a compressed file beside that. Arrays and tables are packed to a tenth at
/// best; what unpacks to much more is empty, or made to fill the disk.
const MOST_TIMES: u64 = 256;

/// Opens a regular file that is not empty, and says how long it is. A file that gzip compressed, whatever its name, is
/// unpacked into a temporary file, which takes its room on the disk and not in memory: a MiB and 256 times its size at most.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let (mut file, length) = plain(path)?;
    let mut start = [0u8; 9];
    let count = file.by_ref().read(&mut start).map_err(Error::io(path))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
    if is_packed(&start[..count]) { unpacked(file, length, path) } else { Ok((file, length)) }
}

/// As it is on the disk.
fn plain(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let about = file.metadata().map_err(Error::io(path))?;
    if !about.is_file() {
        // A pipe or a device has no length that a header could be compared with.
        return Err(Error::data(path, "expected a regular file; copy the data into one"));
    }
    if about.len() == 0 {
        return Err(Error::data(path, "the file is empty; it may not have been written or copied to its end"));
    }
    Ok((file, about.len()))
}

/// Whether bytes begin like a file of gzip's. The length of a safetensors header can look alike, but `{` follows it.
fn is_packed(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b, 8]) && start.get(8) != Some(&b'{')
}

fn broken(path: &Path, error: &std::io::Error) -> Error {
    Error::data(path, format!("is compressed by gzip, but cannot be unpacked ({error}); write it or copy it again"))
}

fn unpacked(file: File, length: u64, path: &Path) -> Result<(File, u64)> {
    let most = LEAST + length.saturating_mul(MOST_TIMES);
    let mut whole = tempfile::tempfile().map_err(Error::io(std::env::temp_dir()))?;
    let mut unpacked = MultiGzDecoder::new(file).take(most + 1);
    let mut block = vec![0u8; 1 << 16];
    let mut count = 0u64;
    loop {
        let read = unpacked.read(&mut block).map_err(|error| broken(path, &error))?;
        if read == 0 {
            break;
        }
        count += read as u64;
        std::io::Write::write_all(&mut whole, &block[..read]).map_err(Error::io(std::env::temp_dir()))?;
    }
    if count > most {
        let advice = Advice::Unpack.of(path);
        return Err(Error::data(
            path,
            format!(
                "is compressed by gzip to less than one part in {MOST_TIMES}, which is not believed; unpack it first: {advice}"
            ),
        ));
    }
    if count == 0 {
        return Err(Error::data(path, "is compressed by gzip, and empty; it may not have been written to its end"));
    }
    whole.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
    Ok((whole, count))
}

/// The first bytes of a file, at most `count`, unpacked.
pub(super) fn start(path: &Path, count: u64) -> Result<Vec<u8>> {
    let (file, _) = plain(path)?;
    let mut bytes = Vec::new();
    (&file).take(count).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if is_packed(&bytes) {
        (&file).seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
        bytes.clear();
        MultiGzDecoder::new(&file).take(count).read_to_end(&mut bytes).map_err(|error| broken(path, &error))?;
    }
    Ok(bytes)
}

/// All bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let (mut file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Error::io(path))?;
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// The bytes as gzip packs them.
    pub(in crate::data) fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn only_files_with_something_in_them_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(matches!(open(&path), Err(Error::Io { .. })));
        std::fs::write(&path, b"").unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("empty"));
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(open(&path).unwrap().1, 3);
        assert_eq!(start(&path, 2).unwrap(), b"ab");
        assert_eq!(bytes(&path).unwrap(), b"abc");
        assert!(open(folder.path()).is_err());
    }

    #[test]
    fn what_gzip_packed_is_unpacked_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let text: Vec<u8> =
            (0..100_000u32).flat_map(|i| format!("{}\n", i.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        std::fs::write(&path, packed(&text)).unwrap();
        assert_eq!((start(&path, 3).unwrap(), bytes(&path).unwrap()), (text[..3].to_vec(), text.clone()));
        // Two parts, as of files that were joined.
        std::fs::write(&path, [packed(b"abc"), packed(b"def")].concat()).unwrap();
        assert_eq!(bytes(&path).unwrap(), b"abcdef");
        let mut cut = packed(&text);
        cut.truncate(cut.len() / 2);
        for (packed, words) in [
            (cut, "cannot be unpacked"),
            (packed(b""), "empty"),
            (packed(&vec![0; 10 << 20]), "one part in 256"),
            (b"\x1f\x8b\x08 and no more".to_vec(), "cannot be unpacked"),
        ] {
            std::fs::write(&path, packed).unwrap();
            let message = bytes(&path).unwrap_err().to_string();
            assert!(message.contains(words), "{words}: {message}");
        }
    }
}

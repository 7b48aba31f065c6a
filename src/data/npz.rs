//! NumPy's `.npz` archives: zip files of `.npy` files.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::CompressionMethod;
use zip::read::{ZipArchive, ZipFile};

use super::advice::Advice;
use super::array::Array;
use super::labels::Labels;
use super::{file, foreign, npy};
use crate::error::{Error, Result};

/// How the name of an array ends in an archive.
const ENDING: &str = ".npy";

/// An archive whose directory has been read and found to agree with the length of the file.
#[derive(Debug)]
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// Bytes of the file.
    length: u64,
    /// The names of the arrays, in the order of the archive's directory, and their places in it.
    names: Vec<(String, usize)>,
}

/// An array in an archive that is ready to be read, header first.
pub(super) struct Member<'a> {
    pub(super) source: ZipFile<'a, BufReader<File>>,
    /// Bytes of header and numbers, as far as the archive is to be believed.
    pub(super) length: u64,
    /// Where the header begins in the archive's file, if nothing there is compressed.
    pub(super) plain: Option<u64>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Archive> {
        let (file, length) = file::open(path)?;
        check_entry_count(&file, length, path)?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(path, &error))?;
        if zip.has_duplicate_names() {
            return Err(Error::data(path, TWICE));
        }
        if zip.has_overlapping_entries().map_err(|error| broken(path, &error))? {
            return Err(Error::data(path, "holds arrays that share bytes, which NumPy does not write; write it again"));
        }
        let all = zip.file_names().map(|name| name.map(|name| name.into_owned())).collect::<Result<Vec<_>, _>>();
        let all = all.map_err(|error| broken(path, &error))?;
        foreign::refuse_zip(path, all.iter().map(String::as_str))?;
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        for place in 0..zip.len() {
            let Some(name) = zip.name_for_index(place) else { continue };
            let name = name.map_err(|error| broken(path, &error))?;
            // What does not end like an array is none for NumPy either.
            let Some(name) = name.strip_suffix(ENDING) else { continue };
            if !seen.insert(name.to_owned()) {
                return Err(Error::data(path, TWICE));
            }
            names.push((name.to_owned(), place));
        }
        Ok(Archive { zip, length, names })
    }

    /// Bytes of the archive's file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The names of the arrays, in the order of the archive's directory.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// The array with this number among [`Archive::names`]. `path` is the file.
    pub(super) fn member(&mut self, number: usize, path: &Path) -> Result<Member<'_>> {
        let Some(&(_, place)) = self.names.get(number) else {
            return Err(Error::data(path, format!("has no array number {number}")));
        };
        let length = self.length;
        let source = self.zip.by_index(place).map_err(|error| broken(path, &error))?;
        let most = match source.compression() {
            CompressionMethod::Stored => source.compressed_size(),
            // No more than this comes out of a deflate stream, and a header that claims more is not believed.
            CompressionMethod::Deflated => source.compressed_size().saturating_mul(MOST_DEFLATED),
            other => {
                return Err(Error::data(
                    path,
                    format!(
                        "is compressed by a method that NumPy does not write ({other}); unpack the archive: {}",
                        Advice::Unzip.of(path)
                    ),
                ));
            }
        };
        if source.compressed_size() > length || source.size() > most {
            let (size, compressed) = (source.size(), source.compressed_size());
            return Err(Error::data(
                path,
                format!(
                    "claims an array of {size} bytes in {compressed} bytes of a file of {length} bytes, which cannot \
                     be; write it or copy it again"
                ),
            ));
        }
        let plain = if source.compression() == CompressionMethod::Stored { source.data_start() } else { None };
        Ok(Member { length: source.size(), source, plain })
    }
}

/// Times that a deflate stream can be shorter than its contents, at most (RFC 1951: 258 bytes in two bits).
const MOST_DEFLATED: u64 = 1032;

const TWICE: &str = "holds two arrays of the same name; write it again with different names";

fn broken(path: &Path, error: &dyn Display) -> Error {
    Error::data(path, format!("cannot be read as an .npz archive ({error})"))
}

/// Reads the array with this name, or the only array.
pub(super) fn read(path: &Path, member: Option<&str>) -> Result<Array> {
    of_member(path, member, |member, path| npy::read_from(member.source, member.length, path))
}

/// The same for labels, which may be words.
pub(super) fn read_labels(path: &Path, member: Option<&str>) -> Result<Labels> {
    of_member(path, member, |member, path| npy::labels_from(member.source, member.length, path))
}

fn of_member<T>(path: &Path, member: Option<&str>, read: impl FnOnce(Member<'_>, &Path) -> Result<T>) -> Result<T> {
    let mut archive = Archive::open(path)?;
    let name = choose(archive.names().map(str::to_owned).collect(), member, "array", path)?;
    let number = archive.names().position(|other| other == name).unwrap_or(usize::MAX);
    let shown = format!("{}:{name}", path.display());
    read(archive.member(number, path)?, Path::new(&shown))
}

/// The name that was asked for, or the only one that there is.
pub(super) fn choose(mut names: Vec<String>, wanted: Option<&str>, what: &str, path: &Path) -> Result<String> {
    names.sort_unstable();
    let shown = || {
        let more = if names.len() > 20 { ", ..." } else { "" };
        format!("{}{more}", names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
    };
    match (wanted, names.as_slice()) {
        (_, []) => Err(Error::data(path, format!("expected at least one {what}, but it holds none"))),
        (Some(wanted), _) if names.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(Error::data(path, format!("has no {what} `{wanted}`; it holds {}", shown()))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let (shown, count, first) = (shown(), names.len(), &names[0]);
            let example = format!("{}:{first}", path.display());
            Err(Error::data(
                path,
                format!("holds {count} {what}s ({shown}); say which one after a colon, such as `{example}`"),
            ))
        }
    }
}

/// Refuses an archive that claims more entries than could be written in it. The zip library sets memory aside for as
/// many entries as the (64-bit) end record claims, up to two hundred bytes for each byte of the file.
fn check_entry_count(mut file: &File, length: u64, path: &Path) -> Result<()> {
    /// Signature of the 64-bit end record; the total number of entries is 32 bytes further on.
    const END_64: &[u8] = b"PK\x06\x06";
    /// Signature of the record that says where the 64-bit end record is.
    const LOCATOR_64: &[u8] = b"PK\x06\x07";
    /// Size of an entry in the archive's directory, without its name.
    const ENTRY: u64 = 46;
    // The record stands before the locator (20 bytes), the end record (22) and a comment of up to 64 KiB.
    let window = length.min((1 << 16) + (1 << 12));
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length - window)).map_err(Error::io(path))?;
    file.take(window).read_to_end(&mut tail).map_err(Error::io(path))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
    // Only an archive with a locator has a 64-bit end record; in another the same bytes stand in an array by chance.
    if !tail.windows(LOCATOR_64.len()).any(|bytes| bytes == LOCATOR_64) {
        return Ok(());
    }
    for (at, _) in tail.windows(END_64.len()).enumerate().filter(|(_, bytes)| *bytes == END_64) {
        let Some(count) = tail.get(at + 32..).and_then(<[u8]>::first_chunk) else { continue };
        let count = u64::from_le_bytes(*count);
        if count > length / ENTRY {
            return Err(Error::data(
                path,
                format!("claims {count} entries, more than its {length} bytes can hold; write it again"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;
    use crate::data::npy::tests as npy_tests;

    /// An archive of one-dimensional arrays.
    pub(in crate::data) fn written(arrays: &[(&str, &[f32])]) -> Vec<u8> {
        let files: Vec<(String, Vec<u8>)> = arrays
            .iter()
            .map(|(name, values)| (format!("{name}.npy"), npy_tests::written(&[values.len() as u64], false, values)))
            .collect();
        zipped(&files, CompressionMethod::Deflated)
    }

    /// An archive of files.
    pub(in crate::data) fn zipped(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn parse(bytes: &[u8], member: Option<&str>) -> Result<Vec<f32>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        std::fs::write(&path, bytes).unwrap();
        read(&path, member).map(|array| array.to_f32())
    }

    #[test]
    fn members_are_chosen() {
        let one = written(&[("a", &[1.0, 2.0])]);
        assert_eq!(parse(&one, None).unwrap(), [1.0, 2.0]);
        assert_eq!(parse(&one, Some("a")).unwrap(), [1.0, 2.0]);
        let two = written(&[("a", &[1.0, 2.0]), ("b", &[3.0])]);
        assert_eq!(parse(&two, Some("b")).unwrap(), [3.0]);
        let message = parse(&two, None).unwrap_err().to_string();
        assert!(message.contains("`a`, `b`") && message.contains("x.npz:a"), "{message}");
        assert!(parse(&two, Some("c")).unwrap_err().to_string().contains("no array `c`"));
        assert!(parse(&written(&[]), None).unwrap_err().to_string().contains("holds none"));
    }

    #[test]
    fn bad_archives_are_refused() {
        let good = written(&[("a", &[0.5; 1000])]);
        for length in [1, 10, good.len() / 2, good.len() - 1] {
            assert!(parse(&good[..length], None).is_err(), "{length}");
        }
        // Compressed bytes that were changed: caught by the checksum or by the decompressor.
        let mut changed = good.clone();
        changed[60] ^= 0x55;
        assert!(parse(&changed, None).is_err());
        // Wherever a byte is changed, no other numbers come out.
        let small = written(&[("a", &[1.0, 2.5, -3.0])]);
        for at in 0..small.len() {
            let mut changed = small.clone();
            changed[at] ^= 0x04;
            if let Ok(values) = parse(&changed, None) {
                assert_eq!(values, [1.0, 2.5, -3.0], "byte {at}");
            }
        }
        // A 64-bit end record that claims 2^40 entries.
        let mut lying = good;
        lying.splice(0..0, [&b"PK\x06\x06"[..], &[0; 28], &(1u64 << 40).to_le_bytes(), b"PK\x06\x07"].concat());
        assert!(parse(&lying, None).unwrap_err().to_string().contains("claims 1099511627776 entries"));
    }
}

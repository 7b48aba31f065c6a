//! NumPy's `.npz` archives: zip files of `.npy` files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use npyz::npz::NpzArchive;

use super::array::Array;
use super::{file, npy};
use crate::error::{Error, Result};

/// Reads the array with this name, or the only array.
pub(super) fn read(path: &Path, member: Option<&str>) -> Result<Array> {
    let (file, length) = file::open(path)?;
    let broken =
        |error: &dyn std::fmt::Display| Error::data(path, format!("cannot be read as an .npz archive ({error})"));
    check_entry_count(&file, length, path)?;
    let mut archive = NpzArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    let name = choose(archive.array_names().map(str::to_owned).collect(), member, "array", path)?;
    let file_name = npyz::npz::file_name_from_array_name(&name);
    let entry = archive.zip_archive().by_name(&file_name).map_err(|error| broken(&error))?;
    let length = entry.size();
    npy::read_from(entry, length, path)
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
    use npyz::WriterBuilder;
    use npyz::npz::NpzWriter;

    use super::*;

    /// An archive of one-dimensional arrays.
    pub(in crate::data) fn written(arrays: &[(&str, &[f32])]) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut archive = NpzWriter::new(&mut bytes);
        for (name, values) in arrays {
            let array = archive.array(name, Default::default()).unwrap();
            let mut writer = array.default_dtype().shape(&[values.len() as u64]).begin_nd().unwrap();
            writer.extend(*values).unwrap();
            writer.finish().unwrap();
        }
        archive.zip_writer().finish().unwrap();
        drop(archive);
        bytes.into_inner()
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

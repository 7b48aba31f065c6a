//! The sizes that the pages of a Parquet file claim, held against the bytes that are there. The library at hand sets memory
//! aside for what a page claims to unpack to, up to two GiB, before a byte of it has been unpacked.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use parquet::file::metadata::ParquetMetaData;

/// What a page of any size may unpack to, in bytes, and more for each byte of it.
const LEAST: u64 = 8 << 20;
const MOST_EACH: u64 = 1 << 10;

/// Longest header of a page that is read.
const MAX_HEADER: u64 = 1 << 16;

/// Deepest nesting in a header; those that are written have three.
const DEEPEST: usize = 8;

/// Goes through the headers of all pages.
pub(super) fn check(mut file: &File, length: u64, about: &ParquetMetaData) -> Result<(), String> {
    for group in about.row_groups() {
        for column in group.columns() {
            let start = [column.dictionary_page_offset(), Some(column.data_page_offset())].into_iter().flatten().min();
            let start = u64::try_from(start.unwrap_or(0)).map_err(|_| "a column begins before the file")?;
            let bytes = u64::try_from(column.compressed_size()).map_err(|_| "a column has less than no bytes")?;
            let end = start.checked_add(bytes).filter(|&end| end <= length).ok_or("a column ends behind the file")?;
            let mut at = start;
            while at < end {
                let mut header = Vec::new();
                file.seek(SeekFrom::Start(at)).map_err(|error| error.to_string())?;
                file.take(MAX_HEADER.min(end - at)).read_to_end(&mut header).map_err(|error| error.to_string())?;
                let page = Page::of(&header).ok_or("a page has no header")?;
                let believed = LEAST + MOST_EACH.saturating_mul(page.packed);
                if page.unpacked > believed {
                    let Page { unpacked, packed, .. } = page;
                    return Err(format!("a page of {packed} bytes claims {unpacked}, which is not believed"));
                }
                at = at.saturating_add(page.header).saturating_add(page.packed);
            }
        }
    }
    // The library seeks for itself.
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Ok(())
}

/// Sizes of a page, in bytes.
#[derive(Debug, PartialEq)]
struct Page {
    header: u64,
    packed: u64,
    unpacked: u64,
}

impl Page {
    /// Reads a header in Thrift's compact form: of its fields, the second is the size unpacked and the third the size packed.
    fn of(bytes: &[u8]) -> Option<Page> {
        let mut rest = Rest(bytes);
        let (mut sizes, mut field) = ([None; 2], 0i64);
        loop {
            let head = rest.byte()?;
            if head == 0 {
                break;
            }
            field = if head >> 4 > 0 { field + i64::from(head >> 4) } else { rest.signed()? };
            match (field, head & 15) {
                (2 | 3, 5) => sizes[field as usize - 2] = Some(u64::try_from(rest.signed()?).ok()?),
                (_, kind) => rest.skip(kind, false, DEEPEST)?,
            }
        }
        let header = (bytes.len() - rest.0.len()) as u64;
        Some(Page { header, packed: sizes[1]?, unpacked: sizes[0]? })
    }
}

/// Bytes that have not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number of seven bits a byte.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    /// The same with a sign in its lowest bit.
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn drop(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    /// Goes past a value of one of Thrift's types.
    fn skip(&mut self, kind: u8, in_list: bool, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // A truth value is in its type, but in a list it has a byte of its own.
            1 | 2 => {
                if in_list {
                    self.drop(1)
                } else {
                    Some(())
                }
            }
            3 => self.drop(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.drop(8),
            8 => {
                let count = self.number()?;
                self.drop(count)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
                // Each takes a byte at least, so there are no more turns than bytes.
                (0..count).try_for_each(|_| self.skip(head & 15, true, depth))
            }
            12 => loop {
                let head = self.byte()?;
                if head == 0 {
                    return Some(());
                }
                if head >> 4 == 0 {
                    self.signed()?;
                }
                self.skip(head & 15, false, depth)?;
            },
            // Maps are in no header.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_in_headers() {
        // Type 0, unpacked 300 (zigzag 600), packed 5, then a struct with a number and a list of two, and the end.
        let header =
            [0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x2c, 0x15, 0x02, 0x19, 0x25, 0x02, 0x04, 0x00, 0x00, 99];
        assert_eq!(Page::of(&header), Some(Page { header: 16, packed: 5, unpacked: 300 }));
        for length in 0..16 {
            assert_eq!(Page::of(&header[..length]), None, "{length}");
        }
        assert_eq!(Page::of(&[0x15, 0x00, 0x15, 0x01, 0x15, 0x0a, 0x00]), None, "a negative size");
        assert_eq!(Page::of(&[0x1c; 100]), None, "too deep");
        assert_eq!(Page::of(&[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}

//! IDX files, the format of MNIST and its relatives.

use std::path::Path;

use super::array::Array;
use super::file;
use super::layout::{Kind, Layout};
use crate::error::{Error, Result};

/// The type of the numbers, if the bytes begin like an IDX file: two zeros, a type, a number of axes.
pub(super) fn kind(start: &[u8]) -> Option<Kind> {
    match start {
        [0, 0, 0x08, axes, ..] if *axes > 0 => Some(Kind::U8),
        [0, 0, 0x09, axes, ..] if *axes > 0 => Some(Kind::I8),
        [0, 0, 0x0b, axes, ..] if *axes > 0 => Some(Kind::I16),
        [0, 0, 0x0c, axes, ..] if *axes > 0 => Some(Kind::I32),
        [0, 0, 0x0d, axes, ..] if *axes > 0 => Some(Kind::F32),
        [0, 0, 0x0e, axes, ..] if *axes > 0 => Some(Kind::F64),
        _ => None,
    }
}

/// Reads an IDX file.
pub(super) fn read(path: &Path) -> Result<Array> {
    let mut bytes = file::bytes(path)?;
    let Some(kind) = kind(&bytes) else {
        return Err(Error::data(
            path,
            "expected an IDX file (two zero bytes, a type from 0x08 to 0x0e, a number of axes), but it does not begin \
             like one",
        ));
    };
    let axes = usize::from(bytes.get(3).copied().unwrap_or_default());
    let header = 4 + 4 * axes;
    let Some(sides) = bytes.get(4..header) else {
        return Err(Error::data(path, format!("ends within its header of {axes} axes; copy it again")));
    };
    let shape: Vec<usize> = sides.as_chunks().0.iter().map(|&side| u32::from_be_bytes(side) as usize).collect();
    let layout = Layout { shape, kind, big_endian: true, fortran: false };
    layout.check_bytes((bytes.len() - header) as u64).map_err(|message| Error::data(path, message))?;
    bytes.drain(..header);
    Ok(Array { layout, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Array> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-ubyte");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn images_labels_and_floats_are_read() {
        let images = parse(&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 255]).unwrap();
        let table = images.to_table(Path::new("x")).unwrap();
        assert_eq!((table.rows, &table.shape[..], &table.values[..]), (2, &[1, 2][..], &[10.0, 20.0, 30.0, 255.0][..]));
        let labels = parse(&[0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9]).unwrap();
        assert_eq!(labels.to_labels(Path::new("x")).unwrap().classes(), [1, 0, 2]);
        let floats = parse(&[&[0, 0, 0x0d, 1, 0, 0, 0, 1][..], &1.5f32.to_be_bytes()].concat()).unwrap();
        assert_eq!(floats.to_f32(), [1.5]);
        let short = parse(&[0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0xfe]).unwrap();
        assert_eq!(short.to_f32(), [-2.0]);
    }

    #[test]
    fn bad_files_are_refused() {
        for (bytes, expected) in [
            (&[0, 0, 8, 1, 0, 0, 0, 3, 7, 0][..], "takes 3 bytes"),
            (&[0, 0, 8, 1, 0, 0, 0, 1, 7, 0], "takes 1 bytes"),
            (&[0, 0, 8, 1, 0, 0], "within its header"),
            (&[0, 0, 8, 255, 0, 0, 0, 0], "255 axes"),
            (&[0, 0, 8, 0, 1], "does not begin"),
            (&[0, 0, 10, 1, 0, 0, 0, 0], "does not begin"),
            (&[0, 0], "does not begin"),
            (&[0, 0, 14, 2, 255, 255, 255, 255, 255, 255, 255, 255, 0], "any memory"),
        ] {
            let message = parse(bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}

//! The binary files of CIFAR-10.

use std::path::Path;

use super::{Table, check_labels, file};
use crate::error::{Error, Result};

const PIXELS: usize = 3 * 32 * 32;
const CLASSES: usize = 10;

/// Reads a CIFAR-10 file in its binary version: for each image one byte with the label, then 3,072 bytes of pixels, the
/// red plane before green and blue. Images have the shape `[3, 32, 32]` and values from 0 to 255.
pub fn read_cifar(path: &Path) -> Result<(Table, Vec<u32>)> {
    let bytes = file::bytes(path)?;
    let (images, rest) = bytes.as_chunks::<{ 1 + PIXELS }>();
    if !rest.is_empty() {
        let length = bytes.len();
        let hint = if length.is_multiple_of(2 + PIXELS) {
            "this looks like CIFAR-100, which has two labels for each image and is not supported"
        } else {
            "take the binary version of CIFAR-10 and copy the file again"
        };
        return Err(Error::data(
            path,
            format!(
                "expected a multiple of {} bytes, one label and {PIXELS} pixels, but it has {length}; {hint}",
                1 + PIXELS
            ),
        ));
    }
    let labels: Vec<u32> = images.iter().map(|image| u32::from(image[0])).collect();
    check_labels(&labels, CLASSES, path)?;
    let values = images.iter().flat_map(|image| &image[1..]).map(|&pixel| f32::from(pixel)).collect();
    Ok((Table::new(images.len(), vec![3, 32, 32], values, path)?, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<(Table, Vec<u32>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        std::fs::write(&path, bytes).unwrap();
        read_cifar(&path)
    }

    #[test]
    fn images_and_labels_are_read() {
        let mut bytes = vec![3];
        bytes.extend((0..PIXELS).map(|pixel| pixel as u8));
        bytes.push(9);
        bytes.extend([7; PIXELS]);
        let (table, labels) = parse(&bytes).unwrap();
        assert_eq!(labels, [3, 9]);
        assert_eq!((table.rows, &table.shape[..]), (2, &[3, 32, 32][..]));
        assert_eq!((table.row(0)[255], table.row(0)[256], table.row(1)[0]), (255.0, 0.0, 7.0));
    }

    #[test]
    fn bad_files_are_refused() {
        let mut wrong = vec![0; 2 * (1 + PIXELS)];
        wrong[1 + PIXELS] = 10;
        for (bytes, expected) in [
            (vec![0; 100], "multiple of 3073"),
            (vec![0; 2 + PIXELS], "CIFAR-100"),
            (vec![], "empty"),
            (wrong, "row 1 (counted from 0) is 10"),
        ] {
            let message = parse(&bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}

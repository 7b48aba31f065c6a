//! The binary files of CIFAR-10 and CIFAR-100.

use std::path::Path;

use super::{Table, check_labels, file};
use crate::error::{Error, Result};

const PIXELS: usize = 3 * 32 * 32;

/// Reads a file of CIFAR-10 or CIFAR-100 in its binary version: for each image one byte with the label (CIFAR-100: one with the coarse
/// label, which is left out, and one with the fine one), then 3,072 bytes of pixels, the red plane before green and blue. Images
/// have the shape `[3, 32, 32]` and values from 0 to 255.
pub fn read_cifar(path: &Path) -> Result<(Table, Vec<u32>)> {
    let bytes = file::bytes(path)?;
    // A file that is whole by both lengths has thousands of images more than either set.
    let Some((labels, classes)) = [(1, 10), (2, 100)].into_iter().find(|(n, _)| bytes.len().is_multiple_of(n + PIXELS))
    else {
        return Err(Error::data(
            path,
            format!(
                "expected a multiple of {} bytes, one label and {PIXELS} pixels as in CIFAR-10, or of {} with two labels as in \
                 CIFAR-100, but it has {}; take the binary version and copy the file again",
                1 + PIXELS,
                2 + PIXELS,
                bytes.len()
            ),
        ));
    };
    let images = || bytes.chunks_exact(labels + PIXELS);
    let found: Vec<u32> = images().map(|image| u32::from(image[labels - 1])).collect();
    check_labels(&found, classes, path)?;
    let values = images().flat_map(|image| &image[labels..]).map(|&pixel| f32::from(pixel)).collect();
    Ok((Table::new(found.len(), vec![3, 32, 32], values, path)?, found))
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
    fn of_two_labels_the_fine_one_is_taken() {
        let image = |coarse, fine, pixel| [vec![coarse, fine], vec![pixel; PIXELS]].concat();
        let (table, labels) = parse(&[image(19, 99, 5), image(0, 42, 6)].concat()).unwrap();
        assert_eq!((labels, table.rows, table.row(1)[0], table.row(0)[PIXELS - 1]), (vec![99, 42], 2, 6.0, 5.0));
        assert!(parse(&image(0, 100, 0)).unwrap_err().to_string().contains("is 100"));
    }

    #[test]
    fn bad_files_are_refused() {
        let mut wrong = vec![0; 2 * (1 + PIXELS)];
        wrong[1 + PIXELS] = 10;
        for (bytes, expected) in [
            (vec![0; 100], "multiple of 3073"),
            (vec![0; 3 + PIXELS], "CIFAR-100"),
            (vec![], "empty"),
            (wrong, "row 1 (counted from 0) is 10"),
        ] {
            let message = parse(&bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}

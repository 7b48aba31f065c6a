//! Numbers from files into lists, a block at a time, with no more memory than the file justifies.

use std::io::Read;
use std::path::Path;

use super::decode::{Value, decode, row_major};
use super::layout::{ArrayInfo, Layout};
use super::table::check_finite;
use crate::error::{Error, Result};

/// Bytes that are read and decoded at a time.
const BLOCK: usize = 1 << 18;

/// Reads and decodes all numbers of an array, in row-major order. Memory is set aside for `justified` bytes at once, and
/// beyond that for numbers that really come.
pub(super) fn all_values<V: Value>(
    source: &mut impl Read,
    layout: &Layout,
    justified: usize,
    name: &Path,
) -> Result<Vec<V>> {
    let bytes = layout.bytes().unwrap_or(usize::MAX);
    let mut values = room(bytes.min(justified) / layout.kind.bytes(), name)?;
    read_values(source, layout, bytes, &mut values, name)?;
    Ok(row_major(layout, values))
}

/// Reads and decodes numbers, in the order of the file.
pub(super) fn read_values<V: Value>(
    source: &mut impl Read,
    layout: &Layout,
    bytes: usize,
    values: &mut Vec<V>,
    name: &Path,
) -> Result<()> {
    let mut block = vec![0; bytes.min(BLOCK)];
    let mut left = bytes;
    while left > 0 {
        let part = block.get_mut(..left.min(BLOCK)).unwrap_or_default();
        source.read_exact(part).map_err(|error| {
            Error::data(name, format!("expected {left} more bytes of numbers ({error}); write it or copy it again"))
        })?;
        decode(layout, part, values);
        left -= part.len();
    }
    Ok(())
}

/// An empty list with room for so many values.
pub(super) fn room<V>(count: usize, name: &Path) -> Result<Vec<V>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        let bytes = count as f64 * size_of::<V>() as f64;
        Error::data(
            name,
            format!("takes {:.1} GB of memory, more than there is; read fewer rows at a time", bytes / 1e9),
        )
    })?;
    Ok(values)
}

/// Checks that an array has values, and how many a row has.
pub(super) fn width_of(info: &ArrayInfo) -> Result<usize> {
    let (rows, shape) = (info.rows, &info.shape);
    let width = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    let Some(width) = width.filter(|&width| width > 0 && rows > 0) else {
        return Err(Error::data(
            &info.name,
            format!("expected at least one example with one value, but it holds {rows} examples of shape {shape:?}"),
        ));
    };
    Ok(width)
}

/// Checks that values are as many as they should be, and finite.
pub(super) fn check_values<V: Value>(info: &ArrayInfo, values: &[V], first: usize) -> Result<()> {
    check_finite(values, first, width_of(info)?, Path::new(&info.name))
}

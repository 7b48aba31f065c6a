//! An array as a file holds it, before it becomes a table or labels.

use std::path::Path;

use half::{bf16, f16};

use super::Table;
use super::labels::as_label;
use crate::error::{Error, Result};

/// Type of a number in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Kind::Bool | Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 | Kind::Bf16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// Bytes of a whole array, or nothing when no memory could hold it.
    pub(super) fn bytes_of(self, shape: &[usize]) -> Option<usize> {
        shape.iter().try_fold(self.bytes(), |product, &side| product.checked_mul(side))
    }
}

/// Numbers in the bytes of the file, with all that is needed to read them.
#[derive(Debug, Clone)]
pub(super) struct Array {
    /// Shape of the whole array, the examples along its first axis.
    pub(super) shape: Vec<usize>,
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    /// The first axis runs fastest, as in Fortran, rather than the last.
    pub(super) fortran: bool,
    /// As many bytes as shape and kind call for.
    pub(super) bytes: Vec<u8>,
}

/// Writes a method that decodes all numbers in the order of the file.
macro_rules! decode {
    ($name:ident, $out:ty) => {
        fn $name(&self) -> Vec<$out> {
            let (bytes, big) = (&self.bytes[..], self.big_endian);
            match self.kind {
                Kind::Bool => bytes.iter().map(|&byte| if byte == 0 { 0.0 } else { 1.0 }).collect(),
                Kind::U8 => bytes.iter().map(|&byte| <$out>::from(byte)).collect(),
                Kind::I8 => bytes.iter().map(|&byte| <$out>::from(byte as i8)).collect(),
                Kind::U16 => each(bytes, big, u16::from_be_bytes, |number| number as $out),
                Kind::I16 => each(bytes, big, i16::from_be_bytes, |number| number as $out),
                Kind::U32 => each(bytes, big, u32::from_be_bytes, |number| number as $out),
                Kind::I32 => each(bytes, big, i32::from_be_bytes, |number| number as $out),
                Kind::U64 => each(bytes, big, u64::from_be_bytes, |number| number as $out),
                Kind::I64 => each(bytes, big, i64::from_be_bytes, |number| number as $out),
                Kind::F16 => each(bytes, big, f16::from_be_bytes, |number| <$out>::from(number)),
                Kind::Bf16 => each(bytes, big, bf16::from_be_bytes, |number| <$out>::from(number)),
                Kind::F32 => each(bytes, big, f32::from_be_bytes, |number| number as $out),
                Kind::F64 => each(bytes, big, f64::from_be_bytes, |number| number as $out),
            }
        }
    };
}

/// Decodes groups of `N` bytes; `read` expects the most significant byte first.
fn each<const N: usize, T, O>(bytes: &[u8], big: bool, read: fn([u8; N]) -> T, to: impl Fn(T) -> O) -> Vec<O> {
    let groups = bytes.as_chunks::<N>().0;
    if big {
        groups.iter().map(|&group| to(read(group))).collect()
    } else {
        let swap = |mut group: [u8; N]| {
            group.reverse();
            group
        };
        groups.iter().map(|&group| to(read(swap(group)))).collect()
    }
}

impl Array {
    decode!(decode_f32, f32);
    decode!(decode_f64, f64);

    /// All numbers, row-major, whatever their values.
    pub(super) fn to_f32(&self) -> Vec<f32> {
        self.row_major(self.decode_f32())
    }

    /// The array as examples along its first axis.
    pub(super) fn to_table(&self, path: &Path) -> Result<Table> {
        let Some((&rows, shape)) = self.shape.split_first() else {
            return Err(Error::data(
                path,
                "expected an array of examples, but it holds a single number; save an array with one row per example",
            ));
        };
        Table::new(rows, shape.to_vec(), self.to_f32(), path)
    }

    /// The array as one label for each example.
    pub(super) fn to_labels(&self, path: &Path) -> Result<Vec<u32>> {
        // Any shape with one number per row will do, such as [N] or [N, 1].
        let one_each = self.shape.split_first().is_some_and(|(_, rest)| rest.iter().all(|&side| side == 1));
        if !one_each {
            let shape = &self.shape;
            return Err(Error::data(
                path,
                format!("expected one label for each example, an array of shape [N], but it has the shape {shape:?}"),
            ));
        }
        // Not by way of f32, which would round large whole numbers to other whole numbers.
        let labels = self.decode_f64();
        if labels.is_empty() {
            return Err(Error::data(path, "expected at least one label, but there is none"));
        }
        let label = |(row, &value): (usize, &f64)| {
            as_label(value).ok_or_else(|| {
                Error::data(
                    path,
                    format!(
                        "row {row} (counted from 0) is {value}, but a label is a whole number from 0 up; number the \
                         classes from 0"
                    ),
                )
            })
        };
        labels.iter().enumerate().map(label).collect()
    }

    /// Puts values in the order of the file into row-major order.
    fn row_major(&self, values: Vec<f32>) -> Vec<f32> {
        if !self.fortran || self.shape.len() < 2 {
            return values;
        }
        let mut strides = Vec::with_capacity(self.shape.len());
        let mut stride = 1usize;
        for &side in &self.shape {
            strides.push(stride);
            stride = stride.saturating_mul(side);
        }
        let mut ordered = Vec::with_capacity(values.len());
        let mut index = vec![0usize; self.shape.len()];
        for _ in 0..values.len() {
            let from: usize = index.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
            ordered.push(values[from]);
            // Count up by one, the last axis fastest.
            for (at, &side) in index.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < side {
                    break;
                }
                *at = 0;
            }
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(kind: Kind, big_endian: bool, shape: &[usize], bytes: &[u8]) -> Array {
        assert_eq!(kind.bytes_of(shape), Some(bytes.len()));
        Array { shape: shape.to_vec(), kind, big_endian, fortran: false, bytes: bytes.to_vec() }
    }

    #[test]
    fn every_kind_is_decoded_in_both_byte_orders() {
        let cases: [(Kind, Vec<u8>, f32); 13] = [
            (Kind::Bool, vec![1], 1.0),
            (Kind::U8, vec![200], 200.0),
            (Kind::I8, vec![0xff], -1.0),
            (Kind::U16, 60_000u16.to_le_bytes().into(), 60_000.0),
            (Kind::I16, (-3i16).to_le_bytes().into(), -3.0),
            (Kind::U32, 70_000u32.to_le_bytes().into(), 70_000.0),
            (Kind::I32, (-70_000i32).to_le_bytes().into(), -70_000.0),
            (Kind::U64, 5u64.to_le_bytes().into(), 5.0),
            (Kind::I64, (-5i64).to_le_bytes().into(), -5.0),
            (Kind::F16, f16::from_f32(1.5).to_le_bytes().into(), 1.5),
            (Kind::Bf16, bf16::from_f32(-2.5).to_le_bytes().into(), -2.5),
            (Kind::F32, 0.1f32.to_le_bytes().into(), 0.1),
            (Kind::F64, 0.25f64.to_le_bytes().into(), 0.25),
        ];
        for (kind, little, expected) in cases {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            assert_eq!(array(kind, false, &[1], &little).to_f32(), [expected], "{kind:?}");
            assert_eq!(array(kind, true, &[1], &big).to_f32(), [expected], "{kind:?} big endian");
        }
    }

    #[test]
    fn fortran_order_is_turned() {
        // Value 100 i + 10 j + k at (i, j, k), stored with i fastest.
        let mut bytes = Vec::new();
        for k in 0..4u8 {
            for j in 0..3u8 {
                for i in 0..2u8 {
                    bytes.push(100 * i + 10 * j + k);
                }
            }
        }
        let turned = Array { fortran: true, ..array(Kind::U8, false, &[2, 3, 4], &bytes) }.to_f32();
        let expected: Vec<f32> =
            (0..2).flat_map(|i| (0..3).flat_map(move |j| (0..4).map(move |k| (100 * i + 10 * j + k) as f32))).collect();
        assert_eq!(turned, expected);
    }

    #[test]
    fn a_number_too_large_for_f32_is_refused() {
        let message =
            array(Kind::F64, false, &[1], &1e300f64.to_le_bytes()).to_table(Path::new("x")).unwrap_err().to_string();
        assert!(message.contains("row 0, column 0"), "{message}");
    }

    #[test]
    fn labels_are_exact_and_checked() {
        let path = Path::new("x");
        let large = array(Kind::U32, false, &[1, 1], &16_777_217u32.to_le_bytes());
        assert_eq!(large.to_labels(path).unwrap(), [16_777_217]);
        let half: Vec<u8> = [1.0f32, 0.5].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(array(Kind::F32, false, &[2], &half).to_labels(path).unwrap_err().to_string().contains("row 1"));
        assert!(array(Kind::I8, false, &[1], &[0xff]).to_labels(path).is_err());
        assert!(array(Kind::U8, false, &[1, 2], &[0, 1]).to_labels(path).is_err());
        assert!(array(Kind::U8, false, &[], &[0]).to_labels(path).is_err());
        assert!(array(Kind::U8, false, &[0], &[]).to_labels(path).is_err());
    }

    #[test]
    fn sizes_do_not_overflow() {
        assert_eq!(Kind::F64.bytes_of(&[usize::MAX, 2]), None);
        assert_eq!(Kind::F32.bytes_of(&[3, 2]), Some(24));
        assert_eq!(Kind::F32.bytes_of(&[]), Some(4));
    }
}

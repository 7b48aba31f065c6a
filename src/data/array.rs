//! An array as a file holds it, before it becomes a table or labels.

use std::path::Path;

use super::Table;
use super::decode::{Value, decode, row_major};
use super::labels::{Labels, as_label};
use super::layout::Layout;
use crate::error::{Error, Result};

/// Numbers in the bytes of the file, with all that is needed to read them.
#[derive(Debug, Clone)]
pub(super) struct Array {
    pub(super) layout: Layout,
    /// As many bytes as the layout calls for.
    pub(super) bytes: Vec<u8>,
}

impl Array {
    /// All numbers in the order of the file.
    fn decoded<V: Value>(&self) -> Vec<V> {
        let mut values = Vec::with_capacity(self.bytes.len() / self.layout.kind.bytes());
        decode(&self.layout, &self.bytes, &mut values);
        values
    }

    /// All numbers, row-major, whatever their values.
    pub(super) fn values<V: Value>(&self) -> Vec<V> {
        row_major(&self.layout, self.decoded())
    }

    /// All numbers as 32-bit floats, row-major, whatever their values.
    pub(super) fn to_f32(&self) -> Vec<f32> {
        self.values()
    }

    /// The array as examples along its first axis.
    pub(super) fn to_table(&self, path: &Path) -> Result<Table> {
        let Some((rows, shape)) = self.layout.examples() else {
            return Err(Error::data(path, SINGLE));
        };
        Table::new(rows, shape, self.to_f32(), path)
    }

    /// The array as one label for each example.
    pub(super) fn to_labels(&self, path: &Path) -> Result<Labels> {
        // Any shape with one number per row will do, such as [N] or [N, 1].
        let shape = &self.layout.shape;
        let one_each = shape.split_first().is_some_and(|(_, rest)| rest.iter().all(|&side| side == 1));
        if !one_each {
            return Err(Error::data(
                path,
                format!("expected one label for each example, an array of shape [N], but it has the shape {shape:?}"),
            ));
        }
        // Not by way of f32, which would round large whole numbers to other whole numbers.
        let labels: Vec<f64> = self.decoded();
        if labels.is_empty() {
            return Err(Error::data(path, "expected at least one label, but there is none"));
        }
        let label = |(row, &value): (usize, &f64)| {
            as_label(value).ok_or_else(|| {
                Error::data(
                    path,
                    format!("row {row} (counted from 0) is {value}, but a label is a whole number or a word"),
                )
            })
        };
        Ok(Labels::Numbers(labels.iter().enumerate().map(label).collect::<Result<_>>()?))
    }
}

/// What is said of an array without axes where examples are wanted.
pub(super) const SINGLE: &str =
    "expected an array of examples, but it holds a single number; save an array with one row per example";

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;
    use crate::data::layout::Kind;

    fn array(kind: Kind, big_endian: bool, shape: &[usize], bytes: &[u8]) -> Array {
        assert_eq!(kind.bytes_of(shape), Some(bytes.len()));
        let layout = Layout { shape: shape.to_vec(), kind, big_endian, fortran: false };
        Array { layout, bytes: bytes.to_vec() }
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
        let mut turned = array(Kind::U8, false, &[2, 3, 4], &bytes);
        turned.layout.fortran = true;
        let turned = turned.to_f32();
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
        assert_eq!(large.to_labels(path).unwrap(), Labels::Numbers(vec![16_777_217]));
        let half: Vec<u8> = [1.0f32, 0.5].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(array(Kind::F32, false, &[2], &half).to_labels(path).unwrap_err().to_string().contains("row 1"));
        let negative = array(Kind::I8, false, &[1], &[0xff]);
        assert_eq!(negative.to_labels(path).unwrap(), Labels::Numbers(vec![-1]));
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

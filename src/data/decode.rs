//! Numbers from the bytes of a file: of any type, in either byte order, and in either order of the axes.

use std::str::FromStr;

use half::{bf16, f16};

use super::layout::{Kind, Layout};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What the numbers of a file are turned into: `f32` or `f64`. Whole numbers that the type cannot hold exactly (beyond
/// 2^24 and 2^53) become the nearest number that it can.
pub trait Value: sealed::Sealed + Copy + Default + PartialEq + FromStr + std::fmt::Display + 'static {
    /// What every value must be, for messages.
    #[doc(hidden)]
    const WANTED: &'static str;

    /// As a 64-bit float.
    fn to_f64(self) -> f64;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;

    #[doc(hidden)]
    fn decode_each(kind: Kind, big_endian: bool, bytes: &[u8], values: &mut Vec<Self>);
}

/// Implements [`Value`] for a type of floats.
macro_rules! value {
    ($out:ty, $wanted:literal) => {
        impl Value for $out {
            const WANTED: &'static str = $wanted;

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn from_f64(value: f64) -> Self {
                value as $out
            }

            fn decode_each(kind: Kind, big: bool, bytes: &[u8], values: &mut Vec<Self>) {
                match kind {
                    Kind::Bool => values.extend(bytes.iter().map(|&byte| if byte == 0 { 0.0 } else { 1.0 as $out })),
                    Kind::U8 => values.extend(bytes.iter().map(|&byte| <$out>::from(byte))),
                    Kind::I8 => values.extend(bytes.iter().map(|&byte| <$out>::from(byte.cast_signed()))),
                    Kind::U16 => each(bytes, big, values, u16::from_be_bytes, |number| number as $out),
                    Kind::I16 => each(bytes, big, values, i16::from_be_bytes, |number| number as $out),
                    Kind::U32 => each(bytes, big, values, u32::from_be_bytes, |number| number as $out),
                    Kind::I32 => each(bytes, big, values, i32::from_be_bytes, |number| number as $out),
                    Kind::U64 => each(bytes, big, values, u64::from_be_bytes, |number| number as $out),
                    Kind::I64 => each(bytes, big, values, i64::from_be_bytes, |number| number as $out),
                    Kind::F16 => each(bytes, big, values, f16::from_be_bytes, |number| <$out>::from(number)),
                    Kind::Bf16 => each(bytes, big, values, bf16::from_be_bytes, |number| <$out>::from(number)),
                    Kind::F32 => each(bytes, big, values, f32::from_be_bytes, |number| number as $out),
                    Kind::F64 => each(bytes, big, values, f64::from_be_bytes, |number| number as $out),
                }
            }
        }
    };
}

value!(f32, "every value must be finite and fit a 32-bit float");
value!(f64, "every value must be finite");

/// Decodes groups of `N` bytes; `read` expects the most significant byte first.
fn each<const N: usize, T, V>(
    bytes: &[u8],
    big_endian: bool,
    values: &mut Vec<V>,
    read: fn([u8; N]) -> T,
    to: impl Fn(T) -> V,
) {
    let groups = bytes.as_chunks::<N>().0.iter();
    if big_endian {
        values.extend(groups.map(|&group| to(read(group))));
    } else {
        values.extend(groups.map(|&(mut group)| {
            group.reverse();
            to(read(group))
        }));
    }
}

/// Appends the numbers in `bytes`, in their order. Bytes at the end that make no number are left.
pub(super) fn decode<V: Value>(layout: &Layout, bytes: &[u8], values: &mut Vec<V>) {
    V::decode_each(layout.kind, layout.big_endian, bytes, values);
}

/// Puts all numbers of an array from the order of the file into row-major order.
pub(super) fn row_major<V: Value>(layout: &Layout, values: Vec<V>) -> Vec<V> {
    if !layout.fortran || layout.shape.len() < 2 {
        return values;
    }
    let mut ordered = Vec::with_capacity(values.len());
    for_each_index(&layout.shape, |from| ordered.push(values[from]));
    ordered
}

/// For each column in row-major order, its place when the first of the axes runs fastest.
pub(super) fn fortran_places(shape: &[usize]) -> Vec<usize> {
    let mut places = Vec::new();
    for_each_index(shape, |from| places.push(from));
    places
}

/// Goes through the elements of an array in row-major order and gives the place of each in Fortran's order.
fn for_each_index(shape: &[usize], mut element: impl FnMut(usize)) {
    let Some((&last, outer)) = shape.split_last() else { return element(0) };
    // Without this, an axis of 2^40 before one of 0 would be gone through for nothing.
    if shape.contains(&0) {
        return;
    }
    let mut strides = Vec::with_capacity(outer.len());
    let mut stride = 1usize;
    for &side in outer {
        strides.push(stride);
        stride = stride.saturating_mul(side);
    }
    let mut index = vec![0usize; outer.len()];
    for _ in 0..outer.iter().product::<usize>() {
        let start: usize = index.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
        for at in 0..last {
            element(start + at * stride);
        }
        // Count up by one, the last of the outer axes fastest.
        for (at, &side) in index.iter_mut().zip(outer).rev() {
            *at += 1;
            if *at < side {
                break;
            }
            *at = 0;
        }
    }
}

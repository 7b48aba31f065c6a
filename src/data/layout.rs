//! What the header of a file tells of an array: its type, its shape, and how its numbers lie.

use std::fmt;

/// Type of a number in a file. It is shown by NumPy's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Truth values, a byte each; true is read as 1.
    Bool,
    /// Whole numbers from 0 up, 8 bits.
    U8,
    /// Whole numbers, 8 bits.
    I8,
    /// Whole numbers from 0 up, 16 bits.
    U16,
    /// Whole numbers, 16 bits.
    I16,
    /// Whole numbers from 0 up, 32 bits.
    U32,
    /// Whole numbers, 32 bits.
    I32,
    /// Whole numbers from 0 up, 64 bits.
    U64,
    /// Whole numbers, 64 bits.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision, and numbers in text.
    F64,
}

impl Kind {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Bool => "bool",
            Kind::U8 => "uint8",
            Kind::I8 => "int8",
            Kind::U16 => "uint16",
            Kind::I16 => "int16",
            Kind::U32 => "uint32",
            Kind::I32 => "int32",
            Kind::U64 => "uint64",
            Kind::I64 => "int64",
            Kind::F16 => "float16",
            Kind::Bf16 => "bfloat16",
            Kind::F32 => "float32",
            Kind::F64 => "float64",
        })
    }
}

/// How the numbers of an array lie in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Shape of the whole array, the examples along its first axis.
    pub(super) shape: Vec<usize>,
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    /// The first axis runs fastest, as in Fortran, rather than the last.
    pub(super) fortran: bool,
}

impl Layout {
    /// Bytes of the whole array, or nothing when no memory could hold it.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.kind.bytes_of(&self.shape)
    }

    /// Checks that `came` bytes are what the array takes. The message says what was expected and what came.
    pub(super) fn check_bytes(&self, came: u64) -> Result<(), String> {
        let expected = self.bytes().and_then(|bytes| u64::try_from(bytes).ok());
        if expected == Some(came) {
            return Ok(());
        }
        let shape = &self.shape;
        let expected = expected.map_or("more bytes than any memory has".to_owned(), |bytes| format!("{bytes} bytes"));
        Err(format!(
            "an array of shape {shape:?} takes {expected} after the header, but {came} bytes are there; write it or \
             copy it again"
        ))
    }

    /// Rows and shape of one example. A single column has the shape `[1]`.
    pub(super) fn examples(&self) -> Option<(usize, Vec<usize>)> {
        let (&rows, shape) = self.shape.split_first()?;
        Some((rows, if shape.is_empty() { vec![1] } else { shape.to_vec() }))
    }
}

/// An array in a file, as its header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayInfo {
    /// What it is called on a command line: the path of the file, and after a colon its name in the file where arrays
    /// have one.
    pub name: String,
    /// Number of examples, the length of the first axis.
    pub rows: usize,
    /// Shape of one example, the other axes. Never empty: a single column has the shape `[1]`.
    pub shape: Vec<usize>,
    /// Type of the numbers in the file.
    pub dtype: Kind,
}

/// Something in an archive that is not read, and why: no array of examples, or one with something wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// As [`ArrayInfo::name`].
    pub name: String,
    /// What it holds or what is wrong, as a sentence without a subject.
    pub reason: String,
}

//! Data sets: reading them from files, checking them, splitting and scaling them, and writing arrays back.
//!
//! A file is never trusted: sizes that a header claims are compared with the length of the file before memory is set
//! aside, and every error names the file, what was expected, what came and what to do.

mod advice;
mod array;
mod array_file;
mod cifar;
mod conditions;
mod csv;
mod dataset;
mod decode;
mod digits;
pub mod features;
mod file;
mod flatten;
mod foreign;
mod format;
mod header;
mod idx;
mod index;
mod labels;
mod layout;
mod member;
mod names;
mod normalise;
mod npy;
mod npy_header;
mod npz;
mod parquet;
mod parquet_pages;
mod representations;
mod safetensors;
mod sequences;
mod split;
mod table;
mod tasks;
mod text;
mod values;

pub use array_file::{ArrayFile, RowReader, inspect_arrays, read_all, read_representations};
pub use cifar::read_cifar;
pub use conditions::{ConditionTensors, Conditions, Degrees, Geometry};
pub use csv::LabelColumn;
pub use dataset::{Dataset, Targets};
pub use decode::Value;
pub use digits::digits;
pub use flatten::{Channels, Flatten, Flattening};
pub use format::{Examples, is_table, read_examples, read_labels, read_labels_of, read_table};
pub use labels::{Labels, Numbered, check_labels, number_classes, one_hot};
pub use layout::{ArrayInfo, Kind as Dtype, LeftOut};
pub use names::short_names;
pub use normalise::{Normalise, Scaling, image, normalise};
pub use representations::{Found, ReadOptions, Representation};
pub use safetensors::{
    NamedArray, read_safetensors, read_safetensors_array, read_safetensors_metadata, write_safetensors,
    write_safetensors_one_by_one,
};
pub use sequences::{Characters, MOST_TOKENS, next_tokens, read_text, sentences, target_tokens, tokens, windows};
pub use split::{Split, split};
pub use table::{Table, select_rows};
pub use tasks::{BLOBS, Operation, TwoPoints, contexts, modular, two_points, xor};

//! The files of a run: what lies in its folder, how each is written so that a crash leaves no half file, and how it
//! is read back.
//!
//! Everything here is plain data on a disk. Nothing knows a network, a device or a report.

pub mod atomic;
pub mod comparison;
pub mod layout;
mod lock;
pub mod manifest;
pub mod metrics;
pub mod pairs;
mod statistics;
mod table;
mod words;

pub use atomic::{AtomicFile, check_folder, check_writable, remove_unfinished, write_atomic};
pub use comparison::{NamedMatrix, write_matrices_npz, write_matrices_parquet, write_matrix_csv, write_reasons_csv};
pub use layout::{Made, create_run_dir, make_dir};
pub use lock::FolderLock;
pub use manifest::Manifest;
pub use metrics::{Cell, Layer, MetricRow, MetricsTable, ReplicaColumns, read_metrics, write_metrics};
pub use pairs::{PairRow, PairTable, PairWriter, read_pairs, scan_pairs, write_pairs};
pub use statistics::{StatisticRow, write_statistics_csv, write_statistics_parquet};
pub use words::Words;

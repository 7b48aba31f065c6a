//! `metrics.parquet`: every observed number of every replica, in long form, with the replica's settings beside it.
//!
//! One row is one number: `replica`, a column per swept setting, `seed`, `step`, `layer` (null where the number belongs
//! to the whole network), `name`, `value`.

use std::borrow::Borrow;
use std::fmt;
use std::path::Path;

use parquet::data_type::ByteArray;

use super::table::{Cells, GROUP_ROWS, Kind, TableReader, TableWriter};
use super::words::Words;
use crate::error::{Error, Result};

/// The columns that every table has, whatever is swept.
const FIXED: [&str; 6] = ["replica", "seed", "step", "layer", "name", "value"];

/// A hidden layer, by its number; files spell it `layers.<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(pub u32);

impl Layer {
    /// The hidden layer of this number, from 0.
    pub fn of(number: usize) -> Self {
        Self(number as u32)
    }

    /// Of its name.
    pub fn parse(name: &str) -> Option<Self> {
        name.strip_prefix("layers.")?.parse().ok().map(Self)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layers.{}", self.0)
    }
}

/// One observed number.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// The replica.
    pub replica: u32,
    /// Optimiser steps done when it was observed.
    pub step: u64,
    /// The hidden layer, or none for the whole network.
    pub layer: Option<Layer>,
    /// What was observed.
    pub name: String,
    /// The number; NaN is allowed.
    pub value: f64,
}

/// The value of a swept setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A word.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
}

/// What is the same in all rows of one replica.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplicaColumns {
    /// Its seed.
    pub seed: u32,
    /// The swept settings by name, such as `model.activation`.
    pub settings: Vec<(String, Cell)>,
}

/// The column of a swept setting, a cell per replica.
enum Setting {
    Text(Vec<Option<ByteArray>>),
    Number(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
}

/// Writes `metrics.parquet`, whole or not at all.
///
/// `replicas[r]` belongs to replica `r`. A setting's column holds numbers or truth values if all replicas' values are
/// such, and text otherwise; it is null for a replica without that setting. A setting that has the name of one of the
/// fixed columns is written as `setting.<name>`.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written, [`Error::Data`] when a row is of a replica that does not exist.
pub fn write_metrics<R: Borrow<MetricRow>>(
    path: &Path,
    replicas: &[ReplicaColumns],
    rows: impl IntoIterator<Item = R>,
) -> Result<()> {
    let settings = settings(replicas);
    let mut columns = vec![("replica", Kind::Unsigned)];
    columns.extend(settings.iter().map(|(name, setting)| (name.as_str(), setting.kind())));
    columns.extend([
        ("seed", Kind::Long),
        ("step", Kind::Long),
        ("layer", Kind::MaybeText),
        ("name", Kind::Text),
        ("value", Kind::Double),
    ]);
    let mut writer = TableWriter::create(path, &columns)?;
    let mut group = Group::default();
    for row in rows {
        let row = row.borrow();
        if row.replica as usize >= replicas.len() {
            let message = format!("a row is of replica {}, and there are only {}", row.replica, replicas.len());
            return Err(Error::data(path, message));
        }
        group.push(row);
        if group.replica.len() == GROUP_ROWS {
            group.write(&mut writer, replicas, &settings)?;
            group.clear();
        }
    }
    group.write(&mut writer, replicas, &settings)?;
    writer.finish()
}

/// Rows that wait for their row group to be full.
#[derive(Default)]
struct Group {
    replica: Vec<u32>,
    step: Vec<u64>,
    layer: Vec<u32>,
    name: Vec<u32>,
    value: Vec<f64>,
    words: Words,
}

impl Group {
    fn push(&mut self, row: &MetricRow) {
        self.replica.push(row.replica);
        self.step.push(row.step);
        self.layer.push(row.layer.map_or(Words::NONE, |layer| self.words.place(&layer.to_string())));
        self.name.push(self.words.place(&row.name));
        self.value.push(row.value);
    }

    fn write(
        &self,
        writer: &mut TableWriter,
        replicas: &[ReplicaColumns],
        settings: &[(String, Setting)],
    ) -> Result<()> {
        if self.replica.is_empty() {
            return Ok(());
        }
        let words: Vec<ByteArray> = self.words.list().iter().map(|word| word.as_str().into()).collect();
        let replica = |row: usize| self.replica[row] as usize;
        let seed = |row: usize| i64::from(replicas[replica(row)].seed);
        let step = |row: usize| i64::try_from(self.step[row]).unwrap_or(i64::MAX);
        let layer = |row: usize| words.get(self.layer[row] as usize).cloned();
        let name = |row: usize| words[self.name[row] as usize].clone();
        let value = |row: usize| self.value[row];
        let own: Vec<_> = settings.iter().map(|(_, setting)| setting.cells(&replica)).collect();
        let number = |row: usize| self.replica[row];
        let mut cells = vec![Cells::Unsigned(&number)];
        cells.extend(own.iter().map(SettingCells::cells));
        cells.extend([
            Cells::Long(&seed),
            Cells::Long(&step),
            Cells::MaybeText(&layer),
            Cells::Text(&name),
            Cells::Double(&value),
        ]);
        writer.write_group(self.replica.len(), &cells)
    }

    /// Forgets the rows, and keeps the words and the room.
    fn clear(&mut self) {
        self.replica.clear();
        self.step.clear();
        self.layer.clear();
        self.name.clear();
        self.value.clear();
    }
}

/// A setting's cells by row: the closures must live as long as they are written.
enum SettingCells<'a> {
    Text(Box<dyn Fn(usize) -> Option<ByteArray> + 'a>),
    Number(Box<dyn Fn(usize) -> Option<f64> + 'a>),
    Bool(Box<dyn Fn(usize) -> Option<bool> + 'a>),
}

impl SettingCells<'_> {
    fn cells(&self) -> Cells<'_> {
        match self {
            Self::Text(cell) => Cells::MaybeText(cell),
            Self::Number(cell) => Cells::MaybeDouble(cell),
            Self::Bool(cell) => Cells::MaybeBool(cell),
        }
    }
}

impl Setting {
    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::MaybeText,
            Self::Number(_) => Kind::MaybeDouble,
            Self::Bool(_) => Kind::MaybeBool,
        }
    }

    fn cells<'a>(&'a self, replica: &'a dyn Fn(usize) -> usize) -> SettingCells<'a> {
        match self {
            Self::Text(cells) => SettingCells::Text(Box::new(|row| cells[replica(row)].clone())),
            Self::Number(cells) => SettingCells::Number(Box::new(|row| cells[replica(row)])),
            Self::Bool(cells) => SettingCells::Bool(Box::new(|row| cells[replica(row)])),
        }
    }
}

/// The swept settings of all replicas, in the order in which they first occur.
fn settings(replicas: &[ReplicaColumns]) -> Vec<(String, Setting)> {
    let mut names = Words::default();
    for (name, _) in replicas.iter().flat_map(|replica| &replica.settings) {
        names.place(name);
    }
    let column = |name: &String| {
        let cell = |replica: &ReplicaColumns| {
            replica.settings.iter().find(|(setting, _)| setting == name).map(|(_, cell)| cell.clone())
        };
        let cells: Vec<Option<Cell>> = replicas.iter().map(cell).collect();
        let setting = if cells.iter().flatten().all(|cell| matches!(cell, Cell::Number(_))) {
            let number = |cell: &Option<Cell>| if let Some(Cell::Number(number)) = cell { Some(*number) } else { None };
            Setting::Number(cells.iter().map(number).collect())
        } else if cells.iter().flatten().all(|cell| matches!(cell, Cell::Bool(_))) {
            let truth = |cell: &Option<Cell>| if let Some(Cell::Bool(truth)) = cell { Some(*truth) } else { None };
            Setting::Bool(cells.iter().map(truth).collect())
        } else {
            let text = |cell: &Option<Cell>| {
                Some(match cell.as_ref()? {
                    Cell::Text(text) => text.as_str().into(),
                    Cell::Number(number) => number.to_string().as_str().into(),
                    Cell::Bool(truth) => truth.to_string().as_str().into(),
                })
            };
            Setting::Text(cells.iter().map(text).collect())
        };
        let taken = FIXED.contains(&name.as_str());
        (if taken { format!("setting.{name}") } else { name.clone() }, setting)
    };
    names.list().iter().map(column).collect()
}

/// All observed numbers, by columns. Row `i` is the `i`th entry of each.
#[derive(Debug, Clone, Default)]
pub struct MetricsTable {
    /// The replica.
    pub replica: Vec<u32>,
    /// Optimiser steps done.
    pub step: Vec<u64>,
    /// The place in `words` of the hidden layer, or [`Words::NONE`].
    pub layer: Vec<u32>,
    /// The place in `words` of what was observed.
    pub name: Vec<u32>,
    /// The number.
    pub value: Vec<f64>,
    /// Names of layers and of what was observed.
    pub words: Words,
}

impl MetricsTable {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Row `i` as it was written.
    pub fn row(&self, i: usize) -> Option<MetricRow> {
        Some(MetricRow {
            replica: *self.replica.get(i)?,
            step: *self.step.get(i)?,
            layer: self.words.get(*self.layer.get(i)?).and_then(Layer::parse),
            name: self.words.get(*self.name.get(i)?).unwrap_or_default().to_owned(),
            value: *self.value.get(i)?,
        })
    }
}

/// Reads `metrics.parquet`, without the columns of seeds and settings: the manifest has those.
///
/// # Errors
/// [`Error::Io`] when the file cannot be opened, [`Error::Data`] when it is cut short or is no such table.
pub fn read_metrics(path: &Path) -> Result<MetricsTable> {
    let mut table = MetricsTable::default();
    table.read(path)?;
    Ok(table)
}

impl MetricsTable {
    /// Adds the rows of another file.
    ///
    /// # Errors
    /// As [`read_metrics`].
    pub fn read(&mut self, path: &Path) -> Result<()> {
        let (reader, table) = (TableReader::open(path)?, self);
        for group in 0..reader.groups() {
            table.replica.extend(reader.unsigned(group, "replica")?);
            table.step.extend(reader.long(group, "step")?);
            table.layer.extend(reader.text(group, "layer", &mut table.words)?);
            table.name.extend(reader.text(group, "name", &mut table.words)?);
            table.value.extend(reader.double(group, "value")?);
            reader.same_length(&[
                table.replica.len(),
                table.step.len(),
                table.layer.len(),
                table.name.len(),
                table.value.len(),
            ])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: u32) -> Vec<MetricRow> {
        let row = |i: u32| MetricRow {
            replica: i % 3,
            step: u64::from(i / 3) * 10,
            layer: i.is_multiple_of(2).then_some(Layer(i % 4)),
            name: if i.is_multiple_of(5) { "loss".to_owned() } else { "cka_input".to_owned() },
            value: f64::from(i) / 7.0,
        };
        (0..count).map(row).collect()
    }

    fn replicas() -> Vec<ReplicaColumns> {
        let replica = |(seed, activation, rate): (u32, Option<&str>, f64)| {
            let mut settings = vec![
                ("optimiser.learning_rate".to_owned(), Cell::Number(rate)),
                ("model.bias".to_owned(), Cell::Bool(seed > 7)),
                ("step".to_owned(), Cell::Text("a setting with a taken name".to_owned())),
                ("mixed".to_owned(), if seed > 7 { Cell::Number(1.5) } else { Cell::Bool(true) }),
            ];
            settings.extend(activation.map(|a| ("model.activation".to_owned(), Cell::Text(a.to_owned()))));
            ReplicaColumns { seed, settings }
        };
        [(7, Some("tanh"), 0.1), (u32::MAX, Some("relu"), 0.1), (8, None, f64::NAN)].map(replica).into()
    }

    #[test]
    fn a_table_survives_a_round_trip_over_several_row_groups() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.parquet");
        let mut rows = rows(1_100_000);
        rows[5].value = f64::NEG_INFINITY;
        write_metrics(&path, &replicas(), &rows).unwrap();
        let table = read_metrics(&path).unwrap();
        assert_eq!(table.len(), rows.len());
        assert!(rows.iter().enumerate().all(|(i, row)| table.row(i).as_ref() == Some(row)));
        let reader = TableReader::open(&path).unwrap();
        assert_eq!(reader.groups(), 2);
        assert_eq!(
            reader.columns(),
            [
                "replica",
                "optimiser.learning_rate",
                "model.bias",
                "setting.step",
                "mixed",
                "model.activation",
                "seed",
                "step",
                "layer",
                "name",
                "value"
            ]
        );
        let mut words = Words::default();
        let activation = reader.text(0, "model.activation", &mut words).unwrap();
        assert_eq!(words.list(), ["tanh", "relu"]);
        assert_eq!(activation[..4], [0, 1, Words::NONE, 0]);
        assert_eq!(reader.double(0, "optimiser.learning_rate").unwrap()[0], 0.1);
        assert_eq!(reader.long(1, "seed").unwrap().iter().max(), Some(&u64::from(u32::MAX)));
        assert!(reader.double(0, "model.activation").unwrap_err().to_string().contains("does not hold numbers"));
    }

    #[test]
    fn nan_and_no_rows_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.parquet");
        let mut row = rows(1).remove(0);
        row.value = f64::NAN;
        write_metrics(&path, &replicas(), [row]).unwrap();
        assert!(read_metrics(&path).unwrap().value[0].is_nan());
        write_metrics(&path, &[], std::iter::empty::<MetricRow>()).unwrap();
        assert!(read_metrics(&path).unwrap().is_empty());
    }

    #[test]
    fn a_row_of_no_replica_is_refused_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.parquet");
        let said = write_metrics(&path, &replicas()[..2], rows(3)).unwrap_err().to_string();
        assert!(said.contains("replica 2"), "{said}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_file_gets_one_clear_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.parquet");
        write_metrics(&path, &replicas(), rows(1000)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 3, 8, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let said = read_metrics(&path).unwrap_err().to_string();
            assert!(said.contains("not a whole parquet file") && !said.contains('\n'), "{said}");
        }
        // Damage in the middle: whatever is read, nothing panics.
        for place in (4..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xA5;
            std::fs::write(&path, damaged).unwrap();
            read_metrics(&path).ok();
        }
        assert!(read_metrics(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}

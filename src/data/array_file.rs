//! A file opened for the arrays in it: which there are is known from the headers alone, and each is read when it is
//! asked for, once.

mod rows;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::array::SINGLE;
use super::csv::{Columns, LabelColumn};
use super::format::{Format, opened};
use super::layout::{ArrayInfo, Kind, Layout, LeftOut};
use super::npz::Archive;
use super::representations::{Found, ReadOptions, Representation};
use super::values::{all_values, width_of};
use super::{csv, file, idx, npy, npz, parquet, read_cifar, safetensors};
pub use rows::RowReader;

use crate::error::{Error, Result};

/// A file of arrays. Opening reads the headers, which are checked against the length of the file; only text (CSV), Parquet,
/// IDX files and the images of CIFAR-10 are read whole at once.
///
/// ```
/// # fn main() -> isogram::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("acts.csv");
/// # std::fs::write(&path, "1,2\n3,4\n5,6\n").expect("a file");
/// use isogram::data::ArrayFile;
///
/// let mut file = ArrayFile::open(&path)?;
/// assert_eq!((file.arrays()[0].rows, &file.arrays()[0].shape[..]), (3, &[2][..]));
/// assert_eq!(file.read(0)?.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ArrayFile {
    path: PathBuf,
    source: Source,
    arrays: Vec<ArrayInfo>,
    /// The arrays' places, in the same order.
    places: Vec<Place>,
    left_out: Vec<LeftOut>,
    notes: Vec<String>,
    /// An array was asked for by its name, or anything left out is to be refused.
    exact: bool,
}

#[derive(Debug)]
enum Source {
    File(BufReader<File>, u64),
    Archive(Box<Archive>),
    Values(Vec<f64>),
}

/// Where an array is.
#[derive(Debug)]
enum Place {
    /// From this byte of the file on.
    At(u64, Layout),
    /// The member of an archive with this number.
    Member(usize, Layout),
    /// In memory.
    Memory,
}

impl ArrayFile {
    /// Opens `file` or `file:array`, in the formats of [`super::read_examples`].
    ///
    /// From an archive without the name of an array come all arrays that can be read, in the order of the file; texts,
    /// records, Python objects, single numbers, empty arrays, unknown types and damaged arrays are
    /// [left out](Self::left_out). Named, they are refused.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read. [`Error::Data`] when it is damaged or of another format, when a header
    /// does not agree with the length of the file, when two arrays have the same name, when there is no array of the name
    /// asked for (the message lists the names) or none that can be read, and for pickles, which are never loaded.
    pub fn open(path: &Path) -> Result<ArrayFile> {
        Self::open_with(path, &ReadOptions::default())
    }

    /// Opens a file as [`ArrayFile::open`] does, with what was said of how to read it.
    ///
    /// # Errors
    /// Those of [`ArrayFile::open`]; if `strict`, also when anything in an archive is not read.
    pub fn open_with(path: &Path, options: &ReadOptions) -> Result<ArrayFile> {
        let (file, format, member) = opened(path)?;
        let exact = options.strict || member.is_some();
        let columns = |columns: Columns<f64>, file: PathBuf| {
            let Columns { rows, width, values, notes, .. } = columns;
            ArrayFile { notes, ..Self::memory(file, rows, vec![width], Kind::F64, values) }
        };
        match format {
            Format::Npy => Self::npy(file),
            Format::Npz => Self::npz(file, member.as_deref(), exact),
            Format::Safetensors => Self::safetensors(file, member.as_deref(), exact),
            Format::Text => Ok(columns(csv::read(&file, &LabelColumn::None, options.index)?, file)),
            Format::Parquet => Ok(columns(parquet::read(&file, &LabelColumn::None, options.index)?, file)),
            Format::Cifar => {
                let table = read_cifar(&file)?.0;
                let values = table.values.iter().map(|&value| f64::from(value)).collect();
                Ok(Self::memory(file, table.rows, table.shape, Kind::U8, values))
            }
            Format::Idx => {
                let array = idx::read(&file)?;
                let Some((rows, shape)) = array.layout.examples() else { return Err(Error::data(&file, SINGLE)) };
                Ok(Self::memory(file, rows, shape, array.layout.kind, array.values()))
            }
        }
    }

    fn npy(path: PathBuf) -> Result<ArrayFile> {
        let (file, length) = file::open(&path)?;
        let mut file = BufReader::new(file);
        let header = npy::header_from(&mut file, length, &path)?.map_err(|other| other.refused(&path))?;
        let mut opened = Self::empty(path, Source::File(file, length), true);
        match opened.add(None, Place::At(header.start, header.layout)) {
            true => Ok(opened),
            false => Err(Error::data(&opened.path, SINGLE)),
        }
    }

    fn npz(path: PathBuf, wanted: Option<&str>, exact: bool) -> Result<ArrayFile> {
        let mut archive = Box::new(Archive::open(&path)?);
        let names: Vec<String> = archive.names().map(str::to_owned).collect();
        if wanted.is_some() {
            npz::choose(names.clone(), wanted, "array", &path)?;
        }
        let mut headers = Vec::new();
        for (number, name) in names.iter().enumerate().filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name)) {
            let shown = PathBuf::from(called(&path, Some(name)));
            let header = archive.member(number, &shown).and_then(|mut member| {
                npy::header_from(&mut member.source, member.length, &shown)?.map_err(|other| other.refused(&shown))
            });
            headers.push((number, name, header));
        }
        let mut opened = Self::empty(path, Source::Archive(archive), exact);
        for (number, name, header) in headers {
            match header {
                Ok(header) => opened.add_member(name, Place::Member(number, header.layout))?,
                Err(error) => opened.leave_out(called(&opened.path, Some(name)), error)?,
            }
        }
        opened.chosen("array")
    }

    fn safetensors(path: PathBuf, wanted: Option<&str>, exact: bool) -> Result<ArrayFile> {
        let found = {
            let opened = safetensors::Opened::open(&path)?;
            let names = opened.names();
            if wanted.is_some() {
                npz::choose(names.clone(), wanted, "tensor", &path)?;
            }
            let wanted = names.into_iter().filter(|name| wanted.is_none_or(|wanted| wanted == name));
            wanted.map(|name| opened.layout(&name).map(|layout| (name, layout))).collect::<Result<Vec<_>>>()?
        };
        let (file, length) = file::open(&path)?;
        let mut opened = Self::empty(path, Source::File(BufReader::new(file), length), exact);
        for (name, layout) in found {
            match layout {
                Ok((layout, start)) => opened.add_member(&name, Place::At(start, layout))?,
                Err(message) => {
                    let shown = called(&opened.path, Some(&name));
                    opened.leave_out(shown.clone(), Error::data(shown, message))?;
                }
            }
        }
        opened.chosen("tensor")
    }

    fn memory(path: PathBuf, rows: usize, shape: Vec<usize>, dtype: Kind, values: Vec<f64>) -> ArrayFile {
        let info = ArrayInfo { name: called(&path, None), rows, shape, dtype };
        let empty = Self::empty(path, Source::Values(values), true);
        ArrayFile { arrays: vec![info], places: vec![Place::Memory], ..empty }
    }

    fn empty(path: PathBuf, source: Source, exact: bool) -> ArrayFile {
        let (arrays, places, left_out, notes) = Default::default();
        ArrayFile { path, source, arrays, places, left_out, notes, exact }
    }

    /// Adds an array, unless it is a single number. Says whether it was added.
    fn add(&mut self, array: Option<&str>, place: Place) -> bool {
        let (Place::At(_, layout) | Place::Member(_, layout)) = &place else { return false };
        let Some((rows, shape)) = layout.examples() else { return false };
        self.arrays.push(ArrayInfo { name: called(&self.path, array), rows, shape, dtype: layout.kind });
        self.places.push(place);
        true
    }

    /// Adds an array of an archive, or leaves it out when it is a single number or has no values.
    fn add_member(&mut self, array: &str, place: Place) -> Result<()> {
        let name = called(&self.path, Some(array));
        if !self.add(Some(array), place) {
            return self.leave_out(name.clone(), Error::data(name, SINGLE));
        }
        let empty = self.arrays.last().and_then(|info| width_of(info).err());
        if let Some(error) = empty {
            self.arrays.pop();
            self.places.pop();
            self.leave_out(name, error)?;
        }
        Ok(())
    }

    /// Leaves an array out for what is wrong with it; refuses it where it was asked for.
    fn leave_out(&mut self, name: String, error: Error) -> Result<()> {
        match error {
            Error::Data { message, .. } if !self.exact => self.left_out.push(LeftOut { name, reason: message }),
            other => return Err(other),
        }
        Ok(())
    }

    /// Refuses a file from which nothing came.
    fn chosen(self, what: &str) -> Result<ArrayFile> {
        if !self.arrays.is_empty() {
            return Ok(self);
        }
        Err(nothing(&self.path, &self.left_out, what))
    }

    /// The arrays of numbers.
    pub fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    /// What else is in an archive and is not read, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// What a user should know of how the file was read, as sentences without a subject.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reads array `number` of [`ArrayFile::arrays`].
    ///
    /// # Errors
    /// [`Error::Data`] when there is no such array, when it has no values, when a value is not finite (the message
    /// names row and column), when the bytes end early or fail their checksum, and when there is not memory enough.
    /// [`Error::Io`] when the file cannot be read.
    pub fn read(&mut self, number: usize) -> Result<Representation> {
        let info = self.info(number)?;
        let values = self.values(number, &info)?;
        Representation::new(info.name, info.rows, info.shape, info.dtype, values)
    }

    /// Reads all arrays, in the order of the file. From an archive, arrays with something wrong in their values, such as
    /// one that is not finite, are left out like those that [`ArrayFile::open`] leaves out.
    ///
    /// # Errors
    /// Those of [`ArrayFile::read`]: of any array where one was asked for by its name or reading is strict, else when none
    /// is left.
    pub fn read_all(mut self) -> Result<Found> {
        let mut representations = Vec::new();
        if let (Source::Values(values), [info]) = (&mut self.source, &self.arrays[..]) {
            let (values, info) = (std::mem::take(values), info.clone());
            representations.push(Representation::new(info.name, info.rows, info.shape, info.dtype, values)?);
        } else {
            for number in 0..self.arrays.len() {
                match self.read(number) {
                    Ok(one) => representations.push(one),
                    Err(error) => self.leave_out(self.arrays[number].name.clone(), error)?,
                }
            }
        }
        if representations.is_empty() {
            return Err(nothing(&self.path, &self.left_out, "array"));
        }
        Ok(Found { representations, left_out: self.left_out, notes: self.notes })
    }

    /// Opens array `number` for reading some rows at a time. A compressed array of an archive is first unpacked into a
    /// temporary file, which takes its room on the disk and not in memory.
    ///
    /// # Errors
    /// Those of [`ArrayFile::read`], but values are looked at only when their rows are read.
    pub fn rows(&mut self, number: usize) -> Result<RowReader> {
        let info = self.info(number)?;
        let name = PathBuf::from(&info.name);
        let path = &self.path;
        let length = match &self.source {
            Source::File(_, length) => Some(*length),
            _ => None,
        };
        // A file of its own, because readers of several arrays would move each other's place in a shared one.
        let again = || {
            let (file, now) = file::open(path)?;
            match length {
                Some(length) if length != now => Err(Error::data(path, "was changed while it was read; try again")),
                _ => Ok(file),
            }
        };
        match (&mut self.source, self.places.get(number)) {
            (Source::File(..), Some(Place::At(start, layout))) => {
                RowReader::of_file(info, layout.clone(), again()?, *start)
            }
            (Source::Archive(archive), Some(Place::Member(place, layout))) => {
                let mut member = archive.member(*place, path)?;
                let header = npy::header_from(&mut member.source, member.length, &name)?
                    .map_err(|other| other.refused(&name))?;
                if let Some(plain) = member.plain {
                    return RowReader::of_file(info, layout.clone(), again()?, plain + header.start);
                }
                let mut file = tempfile::tempfile().map_err(Error::io(std::env::temp_dir()))?;
                let expected = member.length - header.start;
                let came = std::io::copy(&mut member.source.take(expected.saturating_add(1)), &mut file)
                    .map_err(|error| npy::broken(&name, &error))?;
                if came != expected {
                    return Err(Error::data(name, format!("expected {expected} bytes of numbers, but {came} came")));
                }
                RowReader::of_file(info, layout.clone(), file, 0)
            }
            (Source::Values(values), Some(Place::Memory)) => RowReader::of_values(info, values.clone()),
            _ => Err(Error::data(name, "there is no such array")),
        }
    }

    fn info(&self, number: usize) -> Result<ArrayInfo> {
        self.arrays.get(number).cloned().ok_or_else(|| {
            let count = self.arrays.len();
            Error::data(&self.path, format!("has no array number {number}; there are {count}, counted from 0"))
        })
    }

    fn values(&mut self, number: usize, info: &ArrayInfo) -> Result<Vec<f64>> {
        let name = Path::new(&info.name);
        match (&mut self.source, self.places.get(number)) {
            (Source::File(file, _), Some(Place::At(start, layout))) => {
                file.seek(SeekFrom::Start(*start)).map_err(Error::io(&self.path))?;
                all_values(file, layout, layout.bytes().unwrap_or(0), name)
            }
            (Source::Archive(archive), Some(Place::Member(place, layout))) => {
                let most = usize::try_from(archive.length()).unwrap_or(usize::MAX);
                let mut member = archive.member(*place, &self.path)?;
                npy::header_from(&mut member.source, member.length, name)?.map_err(|other| other.refused(name))?;
                let values = all_values(&mut member.source, layout, most, name)?;
                // The checksum is compared only when an archive is read past the end of a member.
                member.source.read(&mut [0]).map_err(|error| npy::broken(name, &error))?;
                Ok(values)
            }
            (Source::Values(values), Some(Place::Memory)) => Ok(values.clone()),
            _ => Err(Error::data(name, "there is no such array")),
        }
    }
}

/// The refusal of an archive of which nothing can be read.
fn nothing(path: &Path, left_out: &[LeftOut], what: &str) -> Error {
    match left_out {
        [] => Error::data(path, format!("expected at least one {what}, but it holds none")),
        [LeftOut { name, reason }] => Error::data(name, reason.as_str()),
        [LeftOut { name, reason }, ..] => {
            let count = left_out.len();
            let message =
                format!("none of its {count} {what}s holds examples in numbers; the first, `{name}`, {reason}");
            Error::data(path, message)
        }
    }
}

/// `file` or `file:array`, as on a command line.
fn called(path: &Path, array: Option<&str>) -> String {
    let path = path.display();
    array.map_or(path.to_string(), |array| format!("{path}:{array}"))
}

/// Reads every array of a file that can be read, in the order of the file: one from `.npy`, tables of text or Parquet (all
/// columns of which hold numbers, but for an index) and IDX, all from `.npz` and `.safetensors`. `file:array` reads that
/// array alone.
///
/// Numbers may be truth values, whole numbers of 8 to 64 bits or floats of 16 to 64 bits, in either byte order, and the
/// axes in the order of C or of Fortran. What is left out comes back with its reason.
///
/// # Errors
/// Those of [`ArrayFile::open_with`] and [`ArrayFile::read_all`].
pub fn read_all(path: &Path, options: &ReadOptions) -> Result<Found> {
    ArrayFile::open_with(path, options)?.read_all()
}

/// The arrays of [`read_all`], for which nothing was said of how to read them; what is left out is not told.
///
/// # Errors
/// Those of [`read_all`].
pub fn read_representations(path: &Path) -> Result<Vec<Representation>> {
    Ok(read_all(path, &ReadOptions::default())?.representations)
}

/// Rows, shape and type of every array of a file, from the headers alone.
///
/// # Errors
/// Those of [`ArrayFile::open`].
pub fn inspect_arrays(path: &Path) -> Result<Vec<ArrayInfo>> {
    Ok(ArrayFile::open(path)?.arrays().to_vec())
}

//! A file opened for the arrays in it: which there are is known from the headers alone, and each is read when it is
//! asked for, once.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::array::{Kind, Layout, SINGLE};
use super::format::Format;
use super::member::{no_member, split_member};
use super::npz::Archive;
use super::representations::Representation;
use super::rows::RowReader;
use super::values::all_values;
use super::{csv, file, idx, npy, npz, read_cifar, safetensors};
use crate::error::{Error, Result};

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

/// Something in an archive that is no array of examples, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// As [`ArrayInfo::name`].
    pub name: String,
    /// What it holds, as a sentence without a subject.
    pub reason: String,
}

/// A file of arrays. Opening reads the headers, which are checked against the length of the file; only text (CSV), IDX
/// files and the images of CIFAR-10 are read whole at once.
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
    /// Opens `file` or `file:array`, in the formats of [`super::read_table`].
    ///
    /// From an archive without the name of an array come all arrays of numbers, in the order of the file; texts,
    /// records, Python objects and single numbers are [left out](Self::left_out). Named, they are refused.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read. [`Error::Data`] when it is damaged or of an unknown format, when a
    /// header does not agree with the length of the file, when two arrays have the same name, when there is no array of
    /// the name asked for (the message lists the names) or none of numbers at all, and for pickles, which are never
    /// loaded.
    pub fn open(path: &Path) -> Result<ArrayFile> {
        let (file, member) = split_member(path);
        let format = Format::of(&file)?;
        if !format.has_members() {
            no_member(&file, member.as_deref())?;
        }
        match format {
            Format::Npy => Self::npy(file),
            Format::Npz => Self::npz(file, member.as_deref()),
            Format::Safetensors => Self::safetensors(file, member.as_deref()),
            Format::Csv => {
                let (rows, width, values) = csv::read_values(&file)?;
                Ok(Self::memory(file, rows, vec![width], Kind::F64, values))
            }
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
        let header = npy::header_from(&mut file, length, &path)?.map_err(|other| Error::data(&path, other.message))?;
        let mut opened = Self::empty(path, Source::File(file, length));
        match opened.add(None, Place::At(header.start, header.layout)) {
            true => Ok(opened),
            false => Err(Error::data(&opened.path, SINGLE)),
        }
    }

    fn npz(path: PathBuf, wanted: Option<&str>) -> Result<ArrayFile> {
        let mut archive = Box::new(Archive::open(&path)?);
        let names: Vec<String> = archive.names().map(str::to_owned).collect();
        if wanted.is_some() {
            npz::choose(names.clone(), wanted, "array", &path)?;
        }
        let mut headers = Vec::new();
        for (number, name) in names.iter().enumerate().filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name)) {
            let mut member = archive.member(number, &path)?;
            let shown = PathBuf::from(called(&path, Some(name)));
            headers.push((number, name, npy::header_from(&mut member.source, member.length, &shown)?));
        }
        let mut opened = Self::empty(path, Source::Archive(archive));
        for (number, name, header) in headers {
            match header {
                Ok(header) => {
                    opened.add(Some(name), Place::Member(number, header.layout));
                }
                Err(other) => opened.leave_out(name, other.numbers, other.message)?,
            }
        }
        opened.chosen(wanted.is_some(), "array")
    }

    fn safetensors(path: PathBuf, wanted: Option<&str>) -> Result<ArrayFile> {
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
        let mut opened = Self::empty(path, Source::File(BufReader::new(file), length));
        for (name, layout) in found {
            match layout {
                Ok((layout, start)) => {
                    opened.add(Some(&name), Place::At(start, layout));
                }
                Err(message) => opened.leave_out(&name, true, message)?,
            }
        }
        opened.chosen(wanted.is_some(), "tensor")
    }

    fn memory(path: PathBuf, rows: usize, shape: Vec<usize>, dtype: Kind, values: Vec<f64>) -> ArrayFile {
        let info = ArrayInfo { name: called(&path, None), rows, shape, dtype };
        let source = Source::Values(values);
        ArrayFile { path, source, arrays: vec![info], places: vec![Place::Memory], left_out: Vec::new() }
    }

    fn empty(path: PathBuf, source: Source) -> ArrayFile {
        ArrayFile { path, source, arrays: Vec::new(), places: Vec::new(), left_out: Vec::new() }
    }

    /// Adds an array, or leaves it out when it is a single number. Says whether it was added.
    fn add(&mut self, array: Option<&str>, place: Place) -> bool {
        let name = called(&self.path, array);
        let (Place::At(_, layout) | Place::Member(_, layout)) = &place else { return false };
        let Some((rows, shape)) = layout.examples() else {
            self.left_out.push(LeftOut { name, reason: SINGLE.to_owned() });
            return false;
        };
        self.arrays.push(ArrayInfo { name, rows, shape, dtype: layout.kind });
        self.places.push(place);
        true
    }

    /// Leaves an array out that does not hold numbers; refuses one that does, but of a type that is not read.
    fn leave_out(&mut self, array: &str, numbers: bool, reason: String) -> Result<()> {
        let name = called(&self.path, Some(array));
        if numbers {
            return Err(Error::data(name, reason));
        }
        self.left_out.push(LeftOut { name, reason });
        Ok(())
    }

    /// Refuses a file from which nothing came.
    fn chosen(self, one: bool, what: &str) -> Result<ArrayFile> {
        match self.left_out.first() {
            _ if !self.arrays.is_empty() => Ok(self),
            Some(LeftOut { name, reason }) if one || self.left_out.len() == 1 => {
                Err(Error::data(name, reason.as_str()))
            }
            Some(LeftOut { name, reason }) => {
                let count = self.left_out.len();
                Err(Error::data(
                    &self.path,
                    format!("none of its {count} {what}s holds examples in numbers; the first, `{name}`, {reason}"),
                ))
            }
            None => Err(Error::data(&self.path, format!("expected at least one {what}, but it holds none"))),
        }
    }

    /// The arrays of numbers.
    pub fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    /// What else is in an archive: texts, records, Python objects, single numbers.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
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

    /// Reads all arrays, in the order of the file.
    ///
    /// # Errors
    /// Those of [`ArrayFile::read`].
    pub fn read_all(mut self) -> Result<Vec<Representation>> {
        if let (Source::Values(values), [info]) = (&mut self.source, &self.arrays[..]) {
            let (values, info) = (std::mem::take(values), info.clone());
            return Ok(vec![Representation::new(info.name, info.rows, info.shape, info.dtype, values)?]);
        }
        (0..self.arrays.len()).map(|number| self.read(number)).collect()
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
                    .map_err(|o| Error::data(&name, o.message))?;
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
                npy::header_from(&mut member.source, member.length, name)?.map_err(|o| Error::data(name, o.message))?;
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

/// `file` or `file:array`, as on a command line.
fn called(path: &Path, array: Option<&str>) -> String {
    let path = path.display();
    array.map_or(path.to_string(), |array| format!("{path}:{array}"))
}

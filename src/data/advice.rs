//! What a user can do about a file that is not read: one command for each kind, in one list that a test goes through,
//! running every line as it is written.

use std::fmt;
use std::path::{Path, PathBuf};

use super::member::split_member;

/// A way to make a file that is read out of one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// A gzip file that is not believed.
    Unpack,
    /// What bzip2 compressed.
    Bzip2,
    /// What xz compressed.
    Xz,
    /// What zstd compressed.
    Zstd,
    /// A zip of other files than arrays.
    Unzip,
    /// A tar.
    Untar,
    /// HDF5.
    Hdf5,
    /// MATLAB's files up to version 7.
    Matlab,
    /// MATLAB's files of version 7.3: HDF5, axes the other way round.
    Matlab73,
    /// PyTorch's checkpoints.
    Torch,
    /// Python's pickles.
    Pickle,
    /// scikit-learn's pickles.
    Joblib,
    /// Sparse matrices of SciPy.
    Sparse,
    /// Excel.
    Excel,
    /// Arrow and Feather.
    Arrow,
    /// JSON.
    Json,
    /// Text in UTF-16.
    Utf16,
    /// A pointer of Git LFS.
    Lfs,
    /// Two raw bytes in `.npy`, which bfloat16 is saved as.
    Bfloat16,
    /// One raw byte in `.npy`, which an eight-bit float is saved as.
    Float8Bytes,
    /// Any other type of NumPy's that has no file of its own, from the array in memory.
    Again,
    /// Complex numbers.
    Complex,
    /// Floats of more than 64 bits.
    LongDouble,
    /// Dates and times.
    Dates,
    /// Records with named fields.
    Records,
    /// Python objects in `.npy`, numbers in truth.
    Objects,
    /// Python objects in `.npy`, words in truth.
    ObjectWords,
    /// Numbers as text in `.npy`.
    Text,
    /// Types of safetensors that are not read.
    Safetensors,
    /// Parquet with columns that hold no numbers.
    ParquetNumbers,
    /// Parquet in a way that is not read.
    ParquetAgain,
}

use Advice::*;

impl Advice {
    /// All of them.
    #[cfg(test)]
    const ALL: [Advice; 31] = [
        Unpack,
        Bzip2,
        Xz,
        Zstd,
        Unzip,
        Untar,
        Hdf5,
        Matlab,
        Matlab73,
        Torch,
        Pickle,
        Joblib,
        Sparse,
        Excel,
        Arrow,
        Json,
        Utf16,
        Lfs,
        Bfloat16,
        Float8Bytes,
        Again,
        Complex,
        LongDouble,
        Dates,
        Records,
        Objects,
        ObjectWords,
        Text,
        Safetensors,
        ParquetNumbers,
        ParquetAgain,
    ];

    /// The command: a program of Python's that gets the file as `a[1]` and the new one as `a[2]`, or a line for the shell,
    /// in which the two are `{}` and `{new}`. An array of NumPy's is `x`, what is saved in its place comes after `=`.
    fn line(self) -> &'static str {
        match self {
            Unpack => "gunzip < {} > {new}",
            Bzip2 => "bunzip2 < {} > {new}",
            Xz => "unxz < {} > {new}",
            Zstd => "unzstd < {} > {new}",
            Unzip => "python3 -m zipfile -e {} {new}",
            Untar => "tar -xf {}",
            Lfs => "git lfs pull",
            Hdf5 => {
                "import h5py, numpy; d = {}; h5py.File(a[1]).visititems(lambda n, x: d.update({n: x[()]}) if hasattr(x, \
                 'dtype') else None); numpy.savez(a[2], **d)"
            }
            Matlab73 => {
                "import h5py, numpy; d = {}; h5py.File(a[1]).visititems(lambda n, x: d.update({n: x[()].T}) if hasattr(x, \
                 'dtype') else None); numpy.savez(a[2], **d)"
            }
            Matlab => {
                "import numpy, scipy.io; numpy.savez(a[2], **{k: v for k, v in scipy.io.loadmat(a[1]).items() if k[0] != \
                 '_'})"
            }
            Torch => {
                "import torch, safetensors.torch as s; x = torch.load(a[1], map_location='cpu', weights_only=True); \
                 s.save_file({k: v.clone().contiguous() for k, v in (x if isinstance(x, dict) else {'x': x}).items() if \
                 torch.is_tensor(v)}, a[2])"
            }
            Pickle => {
                "import pickle, numpy; x = pickle.load(open(a[1], 'rb')); numpy.savez(a[2], **{str(k): v for k, v in (x if \
                 isinstance(x, dict) else {'x': x}).items()})"
            }
            Joblib => {
                "import joblib, numpy; x = joblib.load(a[1]); numpy.savez(a[2], **{str(k): v for k, v in (x if \
                 isinstance(x, dict) else {'x': x}).items()})"
            }
            Sparse => "import numpy, scipy.sparse; numpy.save(a[2], scipy.sparse.load_npz(a[1]).toarray())",
            Excel => "import pandas; pandas.read_excel(a[1]).to_csv(a[2], index=False)",
            Arrow => "import pandas; pandas.read_feather(a[1]).to_parquet(a[2])",
            Json => "import json, numpy; numpy.save(a[2], numpy.array(json.load(open(a[1])), dtype='f8'))",
            Utf16 => "open(a[2], 'w', encoding='utf-8').write(open(a[1], encoding='utf-16').read())",
            Bfloat16 => "= (x.view('u2').astype('u4') << 16).view('f4')",
            Float8Bytes => "import ml_dtypes; = x.view(ml_dtypes.float8_e4m3fn).astype('f4')",
            Again => "numpy.save(path, x.astype('f4'))",
            Complex => "= numpy.stack([x.real, x.imag], -1).reshape(len(x), -1)",
            LongDouble => "= x.astype('f8')",
            Dates => "= x.astype('i8')",
            Records => "from numpy.lib.recfunctions import structured_to_unstructured as f; = f(x)",
            Objects => "= numpy.stack(x).astype('f8')",
            ObjectWords => "= x.astype('U')",
            Text => "= x.astype('f8')",
            Safetensors => {
                "import torch, safetensors.torch as s; s.save_file({k: v.float() for k, v in s.load_file(a[1]).items()}, \
                 a[2])"
            }
            ParquetNumbers => "import pandas; pandas.read_parquet(a[1]).select_dtypes('number').to_parquet(a[2])",
            ParquetAgain => "import pandas; pandas.read_parquet(a[1]).to_parquet(a[2])",
        }
    }

    /// What is added to the name of the file, without its ending, for the new one.
    fn ending(self) -> &'static str {
        match self {
            Unpack | Bzip2 | Xz | Zstd => "-unpacked",
            Unzip => "-unzipped",
            Hdf5 | Matlab | Matlab73 | Pickle | Joblib => ".npz",
            Torch => ".safetensors",
            Safetensors => "-f4.safetensors",
            Sparse | Json => ".npy",
            Excel => ".csv",
            Arrow => ".parquet",
            Utf16 => "-utf8.csv",
            ParquetNumbers => "-numbers.parquet",
            ParquetAgain => "-again.parquet",
            ObjectWords => "-words.npy",
            _ => "-numbers.npy",
        }
    }

    /// The command for a file, or an array of one, ready to be copied.
    pub(super) fn of(self, path: &Path) -> Command {
        let (file, member) = split_member(path);
        Command { advice: self, file, member }
    }
}

/// A command that is shown in backquotes.
#[derive(Debug, Clone)]
pub(super) struct Command {
    advice: Advice,
    file: PathBuf,
    member: Option<String>,
}

impl Command {
    /// The file that the command writes.
    fn new_file(&self) -> PathBuf {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bare = match self.advice {
            Unpack | Bzip2 | Xz | Zstd => {
                [".gz", ".bz2", ".xz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending))
            }
            _ => name.rsplit_once('.').map(|(stem, _)| stem).filter(|stem| !stem.is_empty()),
        };
        // Unpacked, a file keeps the ending that tells its format.
        if let (Unpack | Bzip2 | Xz | Zstd, Some(bare)) = (self.advice, bare) {
            return self.file.with_file_name(bare);
        }
        let member = self.member.as_ref().map(|member| format!("-{}", member.replace(['/', '\\'], "-")));
        let (bare, member, ending) = (bare.unwrap_or(&name), member.unwrap_or_default(), self.advice.ending());
        self.file.with_file_name(format!("{bare}{member}{ending}"))
    }
}

/// A word of the shell.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    // What begins with a dash would be an option.
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    if !path.is_empty() && path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.advice.line();
        let [old, new] = [&self.file, &self.new_file()].map(|path| quoted(&path.to_string_lossy()));
        match self.advice {
            Unpack | Bzip2 | Xz | Zstd | Unzip | Untar | Lfs => {
                write!(f, "`{}`", line.replace("{new}", &new).replace("{}", &old))
            }
            // For where the array is in memory: no file can be loaded.
            Again => write!(f, "`{line}`"),
            _ => {
                let pickled = if matches!(self.advice, Objects | ObjectWords) { ", allow_pickle=True" } else { "" };
                let part = if self.member.is_some() { "[a[3]]" } else { "" };
                let line = match line.split_once("= ").filter(|(before, _)| before.is_empty() || before.ends_with("; "))
                {
                    Some((before, what)) => {
                        format!("import numpy; {before}x = numpy.load(a[1]{pickled}){part}; numpy.save(a[2], {what})")
                    }
                    None => line.to_owned(),
                };
                let member = self.member.as_ref().map(|member| format!(" {}", quoted(member))).unwrap_or_default();
                let member = if line.contains("a[3]") { member } else { String::new() };
                write!(f, "`python3 -c \"from sys import argv as a; {line}\" {old} {new}{member}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;
    use crate::data::{Labels, read_labels, read_representations};

    /// Python with what is needed to make the files and follow the advice: `ISOGRAM_PYTHON`, or the system's.
    fn python() -> String {
        std::env::var("ISOGRAM_PYTHON").unwrap_or_else(|_| "python3".to_owned())
    }

    /// What makes a file that the advice is for, `f`, with the values 1 2 / 3 4 in it: its name, and what must be there.
    fn fixture(advice: Advice) -> (&'static str, &'static [&'static str], &'static str) {
        match advice {
            Unpack => ("x.csv.gz", &[], "import gzip; gzip.open(f, 'wb').write(b'1,2\\n3,4\\n')"),
            Bzip2 => ("x.csv.bz2", &["bz2"], "import bz2; bz2.open(f, 'wb').write(b'1,2\\n3,4\\n')"),
            Xz => ("x.csv.xz", &["lzma"], "import lzma; lzma.open(f, 'wb').write(b'1,2\\n3,4\\n')"),
            Zstd => (
                "x.csv.zst",
                &["!unzstd"],
                "import subprocess; subprocess.run(['zstd', '-q', '-o', f], input=b'1,2\\n3,4\\n', check=True)",
            ),
            Unzip => ("x.zip", &[], "import zipfile; zipfile.ZipFile(f, 'w').writestr('x.csv', '1,2\\n3,4\\n')"),
            Untar => (
                "x.tar",
                &[],
                "import tarfile, io; t = tarfile.TarInfo('x.csv'); t.size = 8; tarfile.open(f, 'w').addfile(t, io.BytesIO(b'1,2\\n3,4\\n'))",
            ),
            Hdf5 => ("x.h5", &["numpy", "h5py"], "import h5py; h5py.File(f, 'w').create_dataset('a/x', data=v)"),
            Matlab => ("x.mat", &["numpy", "scipy"], "import scipy.io; scipy.io.savemat(f, {'x': v})"),
            Matlab73 => (
                "x.mat",
                &["numpy", "h5py"],
                "import h5py; h = h5py.File(f, 'w', userblock_size=512); h.create_dataset('x', data=v.T); h.close(); o = \
                 open(f, 'r+b'); o.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(128))",
            ),
            Torch => ("x.pt", &["torch", "safetensors"], "import torch; torch.save({'x': torch.tensor(v), 'n': 3}, f)"),
            Pickle => ("x.pkl", &["numpy"], "import pickle; pickle.dump({'x': v}, open(f, 'wb'))"),
            Joblib => ("x.joblib", &["numpy", "joblib"], "import joblib; joblib.dump(v, f)"),
            Sparse => ("x.npz", &["numpy", "scipy"], "import scipy.sparse as s; s.save_npz(f, s.csr_matrix(v))"),
            Excel => (
                "x.xlsx",
                &["pandas", "openpyxl"],
                "import pandas; pandas.DataFrame(v, columns=['a', 'b']).to_excel(f, index=False)",
            ),
            Arrow => (
                "x.feather",
                &["pandas", "pyarrow"],
                "import pandas; pandas.DataFrame(v, columns=['a', 'b']).to_feather(f)",
            ),
            Json => ("x.json", &["numpy"], "open(f, 'w').write('[[1, 2], [3, 4]]')"),
            Utf16 => ("x.csv", &[], "open(f, 'w', encoding='utf-16').write('a,b\\n1,2\\n3,4\\n')"),
            Lfs => (
                "x.npy",
                &["!git-lfs"],
                "open(f, 'w').write('version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 9\\n')",
            ),
            Bfloat16 => ("x.npy", &["numpy"], "numpy.save(f, (v.view('u4') >> 16).astype('u2').view('V2'))"),
            Float8Bytes => {
                ("x.npy", &["numpy", "ml_dtypes"], "import ml_dtypes; numpy.save(f, v.astype(ml_dtypes.float8_e4m3fn))")
            }
            Again => {
                ("x.npy", &["numpy", "ml_dtypes"], "import ml_dtypes; numpy.save(f, v.astype(ml_dtypes.float8_e5m2))")
            }
            Complex => ("x.npy", &["numpy"], "numpy.save(f, v[:, 0] + 1j * v[:, 1])"),
            LongDouble => ("x.npy", &["numpy"], "numpy.save(f, v.astype('g'))"),
            Dates => ("x.npy", &["numpy"], "numpy.save(f, v.astype('i8').astype('M8[s]'))"),
            Records => {
                ("x.npy", &["numpy"], "numpy.save(f, numpy.array([(1, 2), (3, 4)], dtype=[('a', 'f4'), ('b', 'i2')]))")
            }
            Objects => ("x.npy", &["numpy"], "numpy.save(f, v.astype(object))"),
            ObjectWords => ("x.npy", &["numpy"], "numpy.save(f, numpy.array(['b', 'a', 'b'], dtype=object))"),
            Text => ("x.npy", &["numpy"], "numpy.save(f, v.astype('U'))"),
            Safetensors => (
                "x.safetensors",
                &["torch", "safetensors"],
                "import torch, safetensors.torch as s; s.save_file({'x': torch.tensor(v).to(torch.float8_e4m3fn)}, f)",
            ),
            ParquetNumbers => (
                "x.parquet",
                &["pandas", "pyarrow"],
                "import pandas; pandas.DataFrame({'a': [1, 3], 'b': [2, 4], 'c': ['x', 'y']}).to_parquet(f)",
            ),
            ParquetAgain => (
                "x.parquet",
                &["pandas", "pyarrow"],
                "import pandas; pandas.DataFrame({'a': [1, 3], 'b': [2, 4]}).to_parquet(f, compression='brotli')",
            ),
        }
    }

    fn run(folder: &Path, shell: &str) -> Result<(), String> {
        let done = Process::new("sh").args(["-c", shell]).current_dir(folder).output().expect("a shell");
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
    }

    fn is_there(folder: &Path, needed: &str) -> bool {
        match needed.strip_prefix('!') {
            Some(program) => run(folder, &format!("command -v {program}")).is_ok(),
            None => run(folder, &format!("{} -c 'import {needed}'", python())).is_ok(),
        }
    }

    /// The command in backquotes at the end of a message.
    fn command_in(said: &str) -> &str {
        said.split('`')
            .rfind(|part| part.contains("python3 ") || part.contains(" < ") || part.starts_with("tar "))
            .unwrap_or_else(|| panic!("{said}"))
    }

    #[test]
    fn every_advice_works_as_it_is_written() {
        let folder = tempfile::Builder::new().prefix("it's a folder").tempdir().unwrap();
        if !is_there(folder.path(), "sys") {
            eprintln!("NOT TESTED: the advice, because there is no Python; ISOGRAM_PYTHON names one");
            return;
        }
        for advice in Advice::ALL {
            let (name, needed, make) = fixture(advice);
            if let Some(missing) = needed.iter().find(|needed| !is_there(folder.path(), needed)) {
                eprintln!("NOT TESTED: the advice {advice:?}, because {missing} is not installed");
                continue;
            }
            let inside = tempfile::tempdir_in(folder.path()).unwrap();
            let path = inside.path().join(name);
            let values = if needed.contains(&"numpy") || needed.contains(&"torch") || needed.contains(&"pandas") {
                "import numpy; v = numpy.array([[1, 2], [3, 4]], dtype='f4'); "
            } else {
                ""
            };
            let made = format!("{} -c \"f = '{name}'; {values}{make}\"", python());
            run(inside.path(), &made).unwrap_or_else(|error| panic!("{advice:?}: {made}: {error}"));
            // The file is refused with this advice, and what the advice makes of it is read.
            let command = match advice {
                // An honest file is unpacked without advice.
                Unpack => Unpack.of(&path).to_string().trim_matches('`').to_owned(),
                Again => {
                    let line = advice.line();
                    format!(
                        "python3 -c \"import ml_dtypes, numpy; path = 'x-numbers.npy'; x = numpy.array([[1, 2], [3, 4]], dtype=ml_dtypes.float8_e5m2); {line}\""
                    )
                }
                Lfs => {
                    let said = read_representations(&path).unwrap_err().to_string();
                    assert!(said.contains("`git lfs pull`"), "{said}");
                    run(inside.path(), "git init -q . && git lfs pull").unwrap();
                    continue;
                }
                ObjectWords => command_in(&read_labels(&path).unwrap_err().to_string()).to_owned(),
                _ => command_in(&read_representations(&path).expect_err(name).to_string()).to_owned(),
            };
            if advice != Again {
                assert_eq!(command, advice.of(&path).to_string().trim_matches('`'), "{advice:?}");
            }
            run(inside.path(), &command.replacen("python3", &python(), 1))
                .unwrap_or_else(|error| panic!("{advice:?}: {command}: {error}"));
            let new = match advice {
                Unzip => inside.path().join("x-unzipped/x.csv"),
                Untar => inside.path().join("x.csv"),
                _ => advice.of(&path).new_file(),
            };
            if advice == ObjectWords {
                assert_eq!(read_labels(&new).unwrap(), Labels::of_words(["b", "a", "b"].into_iter()));
                continue;
            }
            let read = read_representations(&new).unwrap_or_else(|error| panic!("{advice:?}: {error}"));
            assert_eq!((read[0].rows, &read[0].values[..]), (2, &[1.0, 2.0, 3.0, 4.0][..]), "{advice:?}");
        }
    }

    #[test]
    fn an_array_of_an_archive_is_converted_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mixed.npz");
        std::fs::write(&path, b"x").unwrap();
        let command = Bfloat16.of(Path::new(&format!("{}:fc2", path.display()))).to_string();
        assert!(
            command.contains("numpy.load(a[1])[a[3]]") && command.ends_with("mixed-fc2-numbers.npy fc2`"),
            "{command}"
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!((quoted("-x"), quoted("a b")), ("./-x".to_owned(), "'a b'".to_owned()));
    }

    /// Advice that is not in the list would not be tested.
    #[test]
    fn no_reader_has_advice_of_its_own() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || path.ends_with("advice.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                for word in [
                    "python3",
                    "np.save",
                    "np.load",
                    "np.asarray",
                    "numpy.",
                    "gunzip",
                    "astype",
                    "torch.",
                    "pandas.read",
                ] {
                    assert!(!line.contains(word), "{}: {line}", path.display());
                }
            }
        }
    }
}

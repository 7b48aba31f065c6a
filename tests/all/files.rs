//! Files as people have them, through the binary: index columns, words as labels, archives with a bad array, compressed
//! files, tables of every kind. Right values come from the same numbers in a plain file.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Values of `rows` examples of `units` units that follow no rule (a linear congruential generator).
fn values(rows: usize, units: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as f64 / f64::from(1u32 << 31)) - 0.5
    };
    (0..rows * units).map(next).collect()
}

const ROWS: usize = 12;

fn table(seed: u64) -> Vec<f64> {
    values(ROWS, 3, seed)
}

/// Lines with these separators, and something before each line.
fn lines(values: &[f64], separator: &str, before: impl Fn(usize) -> String) -> String {
    let line = |(row, line): (usize, &[f64])| {
        let cells: Vec<String> = line.iter().map(|value| format!("{value:?}")).collect();
        format!("{}{}\n", before(row), cells.join(separator))
    };
    values.chunks(3).enumerate().map(line).collect()
}

fn npy(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    npy("<f8", "(12, 3)", &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::DEFAULT).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Procrustes distance of the first two representations.
    fn value(&self) -> f64 {
        self.json()["measures"][0]["values"][0][1].as_f64().unwrap_or_else(|| panic!("{}{}", self.out, self.err))
    }
}

fn isogram(dir: &Path, args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_isogram")).current_dir(dir).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn compare(dir: &Path, files: &[&str]) -> Said {
    isogram(dir, &[&["compare"], files, &["--measures", "procrustes", "--json"]].concat())
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("plain.npy"), doubles(&table(1))).unwrap();
    std::fs::write(dir.path().join("other.npy"), doubles(&table(2))).unwrap();
    dir
}

#[test]
fn tables_of_every_kind_give_the_value_of_the_plain_array() {
    let dir = folder();
    let right = compare(dir.path(), &["plain.npy", "other.npy"]).value();
    let x = table(1);
    let none = |_| String::new();
    let numbered = |row: usize| format!("{row},");
    let comma = lines(&x, ",", none);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("comma.csv", comma.clone().into(), ""),
        ("tabs.tsv", lines(&x, "\t", none).into(), ""),
        ("semicolons.csv", lines(&x, ";", none).into(), ""),
        ("decimal.csv", lines(&x, ";", none).replace('.', ",").into(), ""),
        ("blanks.txt", format!("# layer 3\n# 12 images\n{}", lines(&x, "  ", none)).into(), ""),
        ("noending", lines(&x, " ", none).into(), ""),
        ("trailing.csv", lines(&x, ",", none).replace('\n', ",\n").into(), ""),
        ("packed.csv", packed(comma.as_bytes()), ""),
        ("packed.npy.gz", packed(&doubles(&x)), ""),
        ("really.csv", doubles(&x), ""),
        ("pandas.csv", format!(",a,b,c\n{}", lines(&x, ",", numbered)).into(), "without a name"),
        (
            "twice.csv",
            format!(",Unnamed: 0,a,b,c\n{}", lines(&x, ",", |row| format!("{row},{row},"))).into(),
            "`Unnamed: 0`",
        ),
        (
            "r.csv",
            format!("\"\",\"a\",\"b\",\"c\"\n{}", lines(&x, ",", |row| format!("\"{}\",", row + 1))).into(),
            "1 to 12",
        ),
        ("id.csv", format!("id,a,b,c\n{}", lines(&x, ",", |row| format!("{},", 5000 - 7 * row))).into(), "`id`"),
        ("headerless.csv", lines(&x, ",", numbered).into(), "the first column"),
        ("names.tsv", lines(&x, "\t", |row| format!("img{row}.png\t")).into(), "holds names"),
    ];
    for (name, bytes, said) in cases {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let got = compare(dir.path(), &[name, "other.npy"]);
        assert!((got.value() - right).abs() < 1e-12, "{name}: {} for {right}", got.value());
        let notes = got.err.lines().count();
        assert!(got.err.contains(said) && (notes > 0) != said.is_empty(), "{name}: {}", got.err);
        if !said.is_empty() && name != "names.tsv" {
            let kept = compare(dir.path(), &[name, "other.npy", "--no-index"]);
            assert!(
                (kept.value() - right).abs() > 1e-3 && kept.err.is_empty(),
                "{name} has more columns with --no-index"
            );
        }
    }
    // One column less of the plain table, where it is said to be an index.
    let less = compare(dir.path(), &["comma.csv", "other.npy", "--index"]);
    assert!((less.value() - right).abs() > 1e-6 && less.err.is_empty(), "{}", less.err);
    let both = isogram(dir.path(), &["compare", "comma.csv", "other.npy", "--index", "--no-index"]);
    assert_eq!(both.code, 2);
}

#[test]
fn an_array_that_cannot_be_read_is_named_and_the_others_are_compared() {
    let dir = folder();
    let right = compare(dir.path(), &["plain.npy", "other.npy"]).value();
    let mut infinite = table(3);
    infinite[7] = f64::INFINITY;
    let bad: [(&str, Vec<u8>, &str); 7] = [
        ("half", npy("<V2", "(12, 3)", &[0; 72]), "bfloat16"),
        ("quarter", npy("<f1", "(12, 3)", &[0; 36]), "<f1"),
        ("none", npy("<f8", "(0, 3)", &[]), "0 examples"),
        ("words", npy("<U1", "(12,)", &[0; 48]), "text"),
        ("objects", npy("|O", "(12,)", b"\x80\x04."), "never loaded"),
        ("diverged", doubles(&infinite), "row 2, column 1"),
        ("cut", doubles(&table(3))[..200].to_vec(), "bytes are there"),
    ];
    for (name, bytes, reason) in bad {
        let all = [("a", doubles(&table(1))), (name, bytes), ("b", doubles(&table(2)))];
        std::fs::write(dir.path().join("all.npz"), npz(&all)).unwrap();
        let got = compare(dir.path(), &["all.npz"]);
        assert_eq!((got.code, got.value()), (0, right), "{name}");
        let left = &got.json()["left_out"];
        let shown = format!("all.npz:{name}");
        assert_eq!(left[0]["name"], shown.as_str(), "{left}");
        assert!(left[0]["reason"].as_str().unwrap().contains(reason), "{left}");
        assert!(got.err.contains(&format!("`{shown}` is left out")) && got.err.contains(reason), "{}", got.err);
        // Asked for by its name, with --strict, or alone: refused.
        for args in [&[shown.as_str(), "other.npy"][..], &["all.npz", "--strict"]] {
            let refused = compare(dir.path(), args);
            assert!(
                refused.code == 1 && refused.err.contains(name) && refused.err.contains(reason),
                "{name}: {}",
                refused.err
            );
        }
        std::fs::write(dir.path().join("alone.npz"), npz(&all[1..2])).unwrap();
        let refused = compare(dir.path(), &["alone.npz", "other.npy"]);
        assert!(refused.code == 1 && refused.err.contains(reason), "{name}: {}", refused.err);
    }
    // Of safetensors, as of a run with a replica that diverged.
    let path = dir.path().join("r.safetensors");
    let floats = |seed: u64| table(seed).iter().map(|&value| value as f32).collect::<Vec<f32>>();
    let tensors = [
        ("0/layers.0".to_owned(), vec![ROWS, 3], floats(1)),
        ("1/layers.0".to_owned(), vec![ROWS, 3], vec![f32::NAN; 3 * ROWS]),
        ("2/layers.0".to_owned(), vec![ROWS, 3], floats(2)),
        ("empty".to_owned(), vec![0], vec![]),
    ];
    isogram::data::write_safetensors(&path, &tensors, &[]).unwrap();
    let got = compare(dir.path(), &["r.safetensors"]);
    assert!((got.value() - right).abs() < 1e-6, "{}", got.err);
    assert!(got.err.contains("1/layers.0` is left out") && got.err.contains("empty` is left out"), "{}", got.err);
    let streamed =
        isogram(dir.path(), &["compare", "r.safetensors:0/layers.0", "r.safetensors:2/layers.0", "--batch", "5"]);
    assert_eq!(streamed.code, 0, "{}", streamed.err);
}

#[test]
fn labels_are_the_same_classes_however_they_are_written() {
    let dir = folder();
    let words = ["owl", "cat", "dog"];
    let of: Vec<usize> = (0..ROWS).map(|row| (row * 7 + row / 5) % 3).collect();
    let join = |word: &dyn Fn(usize) -> String| {
        of.iter()
            .enumerate()
            .map(|(row, &class)| format!("{}\n", word(class).replace('#', &row.to_string())))
            .collect::<String>()
    };
    let ucs4 = |word: &str| word.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>();
    let files: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("plain.csv", join(&|class| class.to_string()).into(), &[]),
        ("words.csv", join(&|class| words[class].into()).into(), &[]),
        ("words.txt", format!("species\n{}", join(&|class| words[class].into())).into(), &[]),
        ("words.npy", npy("<U3", "(12,)", &of.iter().flat_map(|&class| ucs4(words[class])).collect::<Vec<u8>>()), &[]),
        (
            "bytes.npy",
            npy("|S3", "(12, 1)", &of.iter().flat_map(|&class| words[class].bytes()).collect::<Vec<u8>>()),
            &[],
        ),
        (
            "signed.npy",
            npy(
                "<i8",
                "(12,)",
                &of.iter().flat_map(|&class| (class as i64 * 3 - 1).to_le_bytes()).collect::<Vec<u8>>(),
            ),
            &[],
        ),
        ("two.csv", format!("file,species\n{}", join(&|class| format!("im#.png,{}", words[class]))).into(), &[]),
        ("series.csv", format!(",species\n{}", join(&|class| format!("#,{}", words[class]))).into(), &[]),
        (
            "three.csv",
            format!("file,species,size\n{}", join(&|class| format!("im#.png,{},1", words[class]))).into(),
            &["--label-column", "species"],
        ),
        ("packed.gz", packed(join(&|class| class.to_string()).as_bytes()), &[]),
    ];
    let mut right = None;
    for (name, bytes, more) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let args =
            [&["describe", "plain.npy", "--labels", name, "--statistics", "silhouette", "--json"], more].concat();
        let got = isogram(dir.path(), &args);
        let value = got.json()[0]["statistics"]["silhouette"].as_f64().unwrap_or_else(|| panic!("{name}: {}", got.out));
        assert!((value - *right.get_or_insert(value)).abs() < 1e-12, "{name}: {value} for {right:?}");
    }
    let several = isogram(dir.path(), &["describe", "plain.npy", "--labels", "three.csv"]);
    assert!(
        several.code == 1 && several.err.contains("3 columns") && several.err.contains("--label-column"),
        "{}",
        several.err
    );
}

/// An experiment of a few steps, and what it says of its data.
fn train(dir: &Path, data: &str) -> Said {
    let text = format!(
        "steps = 2\nseeds = 1\n[model]\nlayers = [4]\n[observe]\nmeasures = [\"loss\"]\n[save]\nparameters = \"final\"\n[data]\nsource = \"files\"\n{data}"
    );
    std::fs::write(dir.join("x.toml"), text).unwrap();
    std::fs::remove_dir_all(dir.join("out")).ok();
    isogram(dir, &["run", "x.toml", "--out", "out", "--json", "--adapter", "cpu"])
}

/// Inputs and outputs of the network that was trained.
fn extents(dir: &Path) -> (usize, usize) {
    let arrays = isogram::data::read_safetensors(&dir.join("out/parameters.safetensors")).unwrap();
    let weight =
        |number: usize| arrays.iter().filter(|(name, ..)| name.ends_with("weight")).nth(number).unwrap().1.clone();
    (weight(0)[1], weight(1)[0])
}

#[test]
fn what_is_trained_on_has_no_index_and_no_classes_that_are_not_there() {
    let dir = folder();
    let x = table(1);
    let labelled = |classes: [&str; 3], header: &str, index: bool| {
        let line = |(row, line): (usize, &[f64])| {
            let cells: Vec<String> = line.iter().map(f64::to_string).collect();
            let index = if index { format!("{row},") } else { String::new() };
            format!("{index}{},{}\n", cells.join(","), classes[row % 3])
        };
        format!("{header}\n{}", x.chunks(3).enumerate().map(line).collect::<String>())
    };
    let cases = [
        (labelled(["0", "1", "2"], "a,b,c,species", false), "", (3, 3), ""),
        (labelled(["0", "1", "2"], ",a,b,c,species", true), "", (3, 3), "without a name"),
        (labelled(["0", "1", "2"], ",a,b,c,species", true), "index = false\n", (4, 3), ""),
        (labelled(["0", "1", "2"], "a,b,c,species", false), "index = true\n", (2, 3), ""),
        (labelled(["setosa", "other", "third"], "a,b,c,species", false), "", (3, 3), "`other`, `setosa`, `third`"),
        (labelled(["1", "2", "3"], "a,b,c,species", false), "", (3, 3), "1, 2, 3"),
        (labelled(["0", "5", "9"], "a,b,c,species", false), "", (3, 3), "0, 5, 9"),
        (labelled(["0", "5", "9"], "a,b,c,species", false), "classes = 10\n", (3, 10), ""),
        (labelled(["-1", "1", "1"], "a,b,c,species", false), "", (3, 2), "-1, 1"),
    ];
    for (text, more, wanted, said) in cases {
        std::fs::write(dir.path().join("x.csv"), &text).unwrap();
        let got =
            train(dir.path(), &format!("inputs = \"x.csv\"\nlabel_column = \"species\"\ntest_fraction = 0.5\n{more}"));
        assert_eq!(got.code, 0, "{text}: {}", got.err);
        assert_eq!(extents(dir.path()), wanted, "{text}");
        assert!(got.err.contains(said) && got.err.is_empty() == said.is_empty(), "{said}: {}", got.err);
    }
    // A test set of its own has the same numbers for its classes, though it lacks some.
    std::fs::write(dir.path().join("test.csv"), labelled(["9", "5", "5"], "a,b,c,species", false)).unwrap();
    std::fs::write(dir.path().join("x.csv"), labelled(["0", "5", "9"], "a,b,c,species", false)).unwrap();
    let got = train(dir.path(), "inputs = \"x.csv\"\ntest_inputs = \"test.csv\"\nlabel_column = \"species\"\n");
    assert_eq!((got.code, extents(dir.path())), (0, (3, 3)), "{}", got.err);
    // Labels of a file of their own, by the name of their column.
    std::fs::write(
        dir.path().join("y.csv"),
        (0..ROWS)
            .map(|row| format!("{row},{},x\n", ["b", "a"][row % 2]))
            .fold("n,kind,rest\n".to_owned(), |all, line| all + &line),
    )
    .unwrap();
    let got = train(dir.path(), "inputs = \"plain.npy\"\nlabels = \"y.csv\"\nlabel_column = \"kind\"\n");
    assert_eq!((got.code, extents(dir.path())), (0, (3, 2)), "{}", got.err);
    // What is missing is missing, whatever else there would be to say.
    let got = train(dir.path(), "inputs = \"nosuch.npy\"\n");
    assert!(got.code == 1 && got.err.contains("nosuch.npy") && !got.err.contains("labels"), "{}", got.err);
    let got = train(dir.path(), "inputs = \"plain.npy\"\n");
    assert!(got.code == 2 && got.err.contains("data.labels"), "{}", got.err);
}

#[test]
fn keys_are_shown_without_notes_for_their_writers() {
    let said = isogram(Path::new("."), &["keys"]);
    assert!(
        said.code == 0 && said.out.starts_with("# Experiments\n\nAn experiment") && !said.out.contains("<!--"),
        "{}",
        &said.out[..200]
    );
}

#[test]
fn parquet_is_read_as_it_is_written_elsewhere() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arrays");
    let options = |index| isogram::data::ReadOptions { index, strict: false };
    let read = |name: &str, index| isogram::data::read_all(&fixtures.join(name), &options(index));
    let right: Vec<f64> = (0..12).map(|at| f64::from(at) / 4.0 - 1.5).collect();
    for (name, said) in [
        ("plain.parquet", ""),
        ("kinds.parquet", ""),
        ("lists.parquet", ""),
        ("index.parquet", "`__index_level_0__`"),
        ("named.parquet", "`image`"),
    ] {
        let found = read(name, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let one = &found.representations[0];
        assert_eq!((one.rows, &one.shape[..], &one.values), (4, &[3][..], &right), "{name}");
        assert!(
            found.notes.concat().contains(said) && found.notes.is_empty() == said.is_empty(),
            "{name}: {:?}",
            found.notes
        );
    }
    assert_eq!(read("index.parquet", Some(false)).unwrap().representations[0].shape, [4]);
    assert_eq!(read("plain.parquet", Some(true)).unwrap().representations[0].shape, [2]);
    // With a column of words beside the numbers.
    let said = read("zstd.parquet", None).unwrap_err().to_string();
    assert!(said.contains("`species`") && said.contains("select_dtypes"), "{said}");
    let column = isogram::data::LabelColumn::Name("species".into());
    let examples = isogram::data::read_examples(&fixtures.join("zstd.parquet"), &column, None).unwrap();
    assert_eq!(examples.inputs.values, right.iter().map(|&value| value as f32).collect::<Vec<f32>>());
    assert_eq!(examples.labels.unwrap().classes(), [2, 0, 2, 1]);
    assert!(examples.notes[0].contains("`id`"), "{:?}", examples.notes);
    let labels = isogram::data::read_labels_of(&fixtures.join("zstd.parquet"), &column).unwrap();
    assert_eq!(labels.classes(), [2, 0, 2, 1]);
    let said = read("missing.parquet", None).unwrap_err().to_string();
    assert!(said.contains("row 2 (counted from 0) of column `b` is missing"), "{said}");
    // What Isogram itself writes is a table of results.
    let dir = folder();
    let out = isogram(
        dir.path(),
        &["compare", "plain.npy", "other.npy", "--measures", "procrustes", "--out", "x.parquet", "--quiet"],
    );
    assert_eq!(out.code, 0, "{}", out.err);
    let said = compare(dir.path(), &["x.parquet", "other.npy"]);
    assert!(said.code == 1 && said.err.contains("table of results that Isogram wrote"), "{}", said.err);
}

//! Arrays as NumPy, PyTorch and safetensors write them: read whole, by rows and by name, or refused with a clear
//! sentence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use isogram::data::{ArrayFile, Channels, Flatten, Representation, RowReader, inspect_arrays, read_representations};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arrays")
}

#[derive(serde::Deserialize)]
struct Expected {
    good: BTreeMap<String, Vec<Array>>,
    bad: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct Array {
    name: String,
    rows: usize,
    shape: Vec<usize>,
    dtype: String,
    values: Vec<f64>,
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

/// The name without the folder, which differs between machines.
fn bare(name: &str) -> &str {
    name.strip_prefix(folder().to_str().unwrap()).unwrap().trim_start_matches(['/', '\\'])
}

fn agree(file: &str, read: &[Representation], expected: &[Array]) {
    let names: Vec<&str> = read.iter().map(|array| bare(&array.name)).collect();
    let wanted: Vec<&str> = expected.iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names, wanted, "{file}");
    for (array, wanted) in read.iter().zip(expected) {
        let name = &wanted.name;
        assert_eq!(
            (array.rows, &array.shape, array.dtype.to_string()),
            (wanted.rows, &wanted.shape, wanted.dtype.clone()),
            "{name}"
        );
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&array.values), bits(&wanted.values), "{name}");
    }
}

#[test]
fn files_of_numpy_and_pytorch_are_read_to_the_bit() {
    for (file, arrays) in expected().good {
        let path = folder().join(&file);
        let mut read = read_representations(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        if file.ends_with(".safetensors") {
            // The library that wrote it sorts arrays by their types; the list here is sorted by name.
            read.sort_by(|a, b| a.name.cmp(&b.name));
        }
        agree(&file, &read, &arrays);
    }
}

#[test]
fn arrays_are_read_by_name_and_listed_from_their_headers() {
    for (file, arrays) in expected().good {
        let mut listed = inspect_arrays(&folder().join(&file)).unwrap();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let mut sorted: Vec<&Array> = arrays.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        for (info, wanted) in listed.iter().zip(&sorted) {
            assert_eq!((bare(&info.name), info.rows, &info.shape), (wanted.name.as_str(), wanted.rows, &wanted.shape));
            // The name is what reads this array alone.
            let one = read_representations(Path::new(&info.name)).unwrap();
            assert_eq!((one.len(), &one[0].name, &one[0].values), (1, &info.name, &wanted.values));
        }
        assert_eq!(listed.len(), arrays.len());
    }
    let opened = ArrayFile::open(&folder().join("stored.npz")).unwrap();
    let left: Vec<String> =
        opened.left_out().iter().map(|left| format!("{} {}", bare(&left.name), left.reason)).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[0].starts_with("stored.npz:names holds text") && left[2].contains("holds Python objects"), "{left:?}");
}

#[test]
fn rows_in_batches_are_those_of_the_whole() {
    for array in expected().good.into_values().flatten() {
        let mut reader = RowReader::open(&folder().join(&array.name)).unwrap();
        assert_eq!((reader.rows(), reader.shape()), (array.rows, &array.shape[..]), "{}", array.name);
        for batch in [1, 2, 3, array.rows, array.rows + 5] {
            let starts = (0..array.rows).step_by(batch);
            let ranges = starts.map(|start| start..array.rows.min(start + batch));
            let values: Vec<f64> = ranges.flat_map(|range| reader.read::<f64>(range).unwrap()).collect();
            assert_eq!(values, array.values, "{} by {batch}", array.name);
        }
        // In no order, and in 32 bits.
        if array.values.iter().all(|value| value.abs() < 1e38) {
            for row in (0..array.rows).rev() {
                let width = reader.width();
                let wanted: Vec<f32> = array.values[row * width..(row + 1) * width].iter().map(|&v| v as f32).collect();
                assert_eq!(reader.read::<f32>(row..row + 1).unwrap(), wanted, "{}", array.name);
            }
        }
    }
    let several = RowReader::open(&folder().join("stored.npz")).unwrap_err().to_string();
    assert!(several.contains("holds 5 arrays") && several.contains("stored.npz:block/0/weight"), "{several}");
}

#[test]
fn what_cannot_be_read_is_refused_in_one_sentence() {
    for (name, words) in expected().bad {
        let path = folder().join(&name);
        let said = read_representations(&path).expect_err(&name).to_string();
        let file = name.split(':').next().unwrap();
        assert!(said.contains(&words) && said.contains(file) && !said.contains('\n'), "{name}: {said}");
        let rows = RowReader::open(&path).and_then(|mut reader| reader.read::<f64>(0..reader.rows()));
        assert!(rows.is_err(), "{name}");
    }
}

#[test]
fn images_and_tokens_are_flattened_as_named() {
    let read = |name: &str, how: Flatten| {
        let mut one = read_representations(&folder().join(name)).unwrap();
        one.remove(0).flattened(how, Channels::ByRank)
    };
    let shape = |name: &str, how: Flatten| {
        let flat = read(name, how).unwrap();
        (flat.rows, flat.shape)
    };
    assert_eq!(shape("images.npy", Flatten::Units), (2, vec![60]));
    assert_eq!(shape("images.npy", Flatten::Mean), (2, vec![3]));
    assert_eq!(shape("images.npy", Flatten::Positions), (40, vec![3]));
    assert_eq!(shape("tokens.npy", Flatten::Mean), (3, vec![2]));
    assert_eq!(shape("tokens.npy", Flatten::First), (3, vec![2]));
    // NumPy's mean over the last two axes of the first image: values from -15 on in quarters.
    assert_eq!(read("images.npy", Flatten::Mean).unwrap().values[..3], [-12.625, -7.625, -2.625]);
    let said = read("images.npy", Flatten::Last).unwrap_err().to_string();
    assert!(said.contains("images.npy") && said.contains("[3, 4, 5]"), "{said}");
}

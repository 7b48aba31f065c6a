//! Floors and circles: a room of `src` imports only rooms beneath it, and no files import each other round about, but for
//! a module and what is in it. And what is said in one place of many files: names of the graphics interface, variables of
//! the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rooms of `src`, from the ground up; `docs/architecture.md` says what they are.
const ROOMS: [&str; 18] = [
    "error", "settings", "gpu", "cpu", "kernels", "graph", "nn", "measure", "selftest", "files", "data", "config",
    "train", "theory", "bench", "report", "papers", "cli",
];

/// Operations and what asks them (gradients, interpreter, lowering) are one subject in many files: an operation's file has what
/// each of these needs of it, and each goes through the operations of a graph.
const OPERATIONS: &str = "graph";

type Module = Vec<String>;

/// For each module of the crate, the modules that it imports.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    collect(&root, &root, &mut texts);
    let resolved = |from: &Module, path: &[String]| -> Option<Module> {
        let mut base = from.clone();
        let mut rest = path;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "crate" => base.clear(),
                "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        while !base.is_empty() && !texts.contains_key(&base) {
            base.pop();
        }
        (!base.is_empty() && base != *from).then_some(base)
    };
    let of = |(module, text): (&Module, &String)| {
        let found = paths(text).iter().filter_map(|path| resolved(module, path)).collect();
        (module.clone(), found)
    };
    texts.iter().map(of).collect()
}

/// Texts of the modules, without tests.
fn collect(folder: &Path, root: &Path, texts: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, root, texts);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().with_extension("");
        let mut module: Module = name.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            module.pop();
        }
        if module.last().is_some_and(|last| last == "tests") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        texts.insert(module, code);
    }
}

/// Paths that begin with `crate`, `super` or `self`, those of nested lists each by itself.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (start, _) in ["crate::", "super::", "self::"].iter().flat_map(|word| code.match_indices(word)) {
        if !code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            follow(&mut Vec::new(), &code[start..], &mut all);
        }
    }
    all
}

/// Reads a path, with the lists in it, and gives what comes after it.
fn follow<'a>(before: &mut Vec<String>, code: &'a str, all: &mut Vec<Vec<String>>) -> &'a str {
    let depth = before.len();
    let mut rest = code;
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 {
            before.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        match rest.strip_prefix("::") {
            Some(more) if more.trim_start().starts_with('{') => {
                rest = &more.trim_start()[1..];
                while !rest.trim_start().starts_with('}') && !rest.is_empty() {
                    rest = follow(before, rest, all);
                    // `as` gives another name, which is not part of a path.
                    let stop = rest.find([',', '}']).unwrap_or(rest.len());
                    rest = rest[stop..].trim_start_matches(',');
                }
                rest = rest.trim_start().strip_prefix('}').unwrap_or("");
                break;
            }
            Some(more) if end > 0 => rest = more,
            _ => {
                all.push(before.clone());
                break;
            }
        }
    }
    before.truncate(depth);
    rest
}

#[test]
fn rooms_import_what_is_beneath_them() {
    let floor = |module: &Module| ROOMS.iter().position(|room| module.first().is_some_and(|first| first == room));
    let mut seen = 0;
    for (module, imported) in imports() {
        for other in imported.iter().filter(|other| other.first() != module.first()) {
            let (Some(own), Some(beneath)) = (floor(&module), floor(other)) else { continue };
            assert!(beneath < own, "{} imports {}, which stands above it", module.join("::"), other.join("::"));
            seen += 1;
        }
    }
    assert!(seen > 300, "only {seen} imports between rooms were found: they are not read rightly");
}

#[test]
fn no_files_import_each_other_round_about() {
    let mut graph = imports();
    for (module, imported) in &mut graph {
        imported.retain(|other| !module.starts_with(other) && !other.starts_with(module));
    }
    // What imports nothing that is left is in no circle, nor is what nothing left imports.
    loop {
        let left: BTreeSet<Module> = graph.keys().cloned().collect();
        let wanted: BTreeSet<Module> = graph.values().flatten().cloned().collect();
        graph.retain(|module, imported| {
            imported.retain(|other| left.contains(other));
            !imported.is_empty() && wanted.contains(module)
        });
        if graph.len() == left.len() {
            break;
        }
    }
    graph.retain(|module, _| module[0] != OPERATIONS);
    let circles: Vec<String> = graph.keys().map(|module| module.join("::")).collect();
    assert!(circles.is_empty(), "these files import each other: {}", circles.join(", "));
}

/// Texts of all Rust files of a folder of the repository, by their paths.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string(), text));
            }
        }
    }
    all
}

#[test]
fn the_graphics_interface_is_named_by_its_room_and_the_executor_alone() {
    let named: Vec<String> =
        files("src").into_iter().filter(|(_, text)| text.contains("wgpu::")).map(|(path, _)| path).collect();
    let others =
        named.iter().filter(|path| !["src/gpu/", "src/graph/executor"].iter().any(|own| path.starts_with(own)));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(named.len() > 3, "{named:?}");
}

#[test]
fn variables_of_the_environment_are_those_of_the_table() {
    let of = |text: &str| -> BTreeSet<String> {
        let ends = |c: char| !(c.is_ascii_uppercase() || c == '_');
        let name = |(at, _): (usize, &str)| text[at..].split(ends).next().unwrap_or_default().to_owned();
        text.match_indices(concat!("ISOGRAM", "_")).map(name).collect()
    };
    let read: BTreeSet<String> = ["src", "tests"].into_iter().flat_map(files).flat_map(|(_, text)| of(&text)).collect();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rows =
        readme.lines().filter(|line| line.starts_with("| `ISOGRAM")).flat_map(|line| of(line).into_iter().take(1));
    assert_eq!(rows.collect::<BTreeSet<_>>(), read);
}

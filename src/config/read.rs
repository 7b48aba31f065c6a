//! From text to an experiment: parse, merge overrides, check, give types, look at every setting once.

use std::path::Path;

use super::{
    Experiment, expand,
    names::{canonical, canonicalise},
    schema,
    sweep::{Sweep, flatten},
    tree::{Complaint, Entry, Node, Place, Source, Value},
};
use crate::error::{Error, Result};

/// An experiment that is being read.
struct Draft {
    root: Node,
    /// `[sweep]` with dotted keys; `None` when there is none.
    sweep: Vec<Entry>,
}

/// What a file knows beside its text.
#[derive(Default)]
pub(super) struct File<'a> {
    /// Relative paths in the text start here.
    pub folder: Option<&'a Path>,
    /// Name of an experiment that gives itself none.
    pub name: Option<&'a str>,
}

/// Reads an experiment.
pub(super) fn read(source: &Source<'_>, file: &File<'_>) -> Result<Experiment> {
    let mut draft = Draft::parse(source).map_err(|complaint| locate(source, None, &complaint))?;
    let read = |draft: &mut Draft| -> Result<Experiment, Complaint> {
        if let Some(folder) = file.folder {
            draft.start_paths_at(folder)?;
        }
        for (index, (key, value)) in source.overrides.iter().enumerate() {
            draft.set(key, value, Place::Override(index))?;
        }
        if let (Some(name), None) = (file.name, draft.root.entry("name")) {
            let node = Node::new(Value::Text(name.to_owned()));
            draft.root.set(&["name"], node).map_err(|message| Complaint::of("name", message))?;
        }
        schema::check(&draft.root, schema::json_schema(), "")?;
        let sweep = Sweep::read(&draft.sweep)?;
        let experiment = Experiment { sweep, ..expand::from_node(&draft.root)? };
        expand::settings(&experiment)?;
        Ok(experiment)
    };
    read(&mut draft).map_err(|complaint| locate(source, Some(&draft), &complaint))
}

fn locate(source: &Source<'_>, draft: Option<&Draft>, complaint: &Complaint) -> Error {
    let place = match complaint.place {
        Place::Nowhere => draft.map_or(Place::Nowhere, |draft| draft.place_of(&complaint.key)),
        known => known,
    };
    Error::config(source.locate(place, &complaint.message))
}

impl Draft {
    fn parse(source: &Source<'_>) -> Result<Draft, Complaint> {
        let mut root = Node::parse(source.text)?;
        let sweep = root.take("sweep").map_or(Ok(Vec::new()), flatten)?;
        canonicalise(&mut root)?;
        Ok(Draft { root, sweep })
    }

    /// The place of a dotted key, or of the section it would be in.
    fn place_of(&self, key: &str) -> Place {
        let key = key.split('[').next().unwrap_or(key);
        let bare = key.strip_prefix("sweep.").unwrap_or(key);
        if let Some(entry) = self.sweep.iter().find(|entry| entry.key == bare) {
            return entry.node.place;
        }
        let (mut node, mut place) = (&self.root, Place::Nowhere);
        if key == "sweep" {
            place = self.sweep.first().map_or(place, |entry| entry.place);
        }
        for part in key.split('.') {
            let Some(entry) = node.entry(part) else { break };
            place = if entry.node.entries().is_empty() { entry.node.place } else { entry.place };
            node = &entry.node;
        }
        place
    }

    /// Makes relative paths start from the experiment's folder, not from wherever the command was given.
    fn start_paths_at(&mut self, folder: &Path) -> Result<(), Complaint> {
        let join = |node: &mut Node| -> Result<(), Complaint> {
            let Value::Text(path) = &mut node.value else { return Ok(()) };
            if path.is_empty() || Path::new(path).is_absolute() {
                return Ok(());
            }
            let joined = folder.join(&*path);
            let Some(joined) = joined.to_str() else {
                return Err(Complaint::at(node.place, "the experiment's folder has a name that is not Unicode"));
            };
            *path = joined.to_owned();
            Ok(())
        };
        for key in schema::files() {
            let parts: Vec<&str> = key.split('.').collect();
            each_at(&mut self.root, &parts, &mut |node| join(node))?;
            for entry in self.sweep.iter_mut().filter(|entry| is_at(&entry.key, &parts)) {
                if let Value::List(items) = &mut entry.node.value {
                    items.iter_mut().try_for_each(join)?;
                }
            }
        }
        Ok(())
    }

    /// Applies one `--set key=value`.
    fn set(&mut self, key: &str, value: &str, place: Place) -> Result<(), Complaint> {
        // Quotes only matter to a parser of TOML: `sweep."model.gain"` is `sweep.model.gain`.
        let plain = key.replace(['"', '\''], "");
        let path: Vec<&str> = plain.split('.').map(|part| canonical(part.trim())).collect();
        if path.iter().any(|part| part.is_empty()) {
            return Err(Complaint::at(place, "expected a dotted key such as optimiser.lr before the equals sign"));
        }
        let dotted = path.join(".");
        let text = || Node { value: Value::Text(value.to_owned()), place };
        let parsed = Node::parse_value(value, place).unwrap_or_else(text);
        let is_scalar = !matches!(parsed.value, Value::Text(_) | Value::List(_) | Value::Table(_));
        let mut node = if is_scalar && schema::takes_text(&dotted) { text() } else { parsed };
        if path.first() == Some(&"sweep") {
            return self.set_sweep(&path[1..], node, place);
        }
        canonicalise(&mut node)?;
        self.root.set(&path, node).map_err(|message| Complaint::at(place, message))?;
        self.no_longer_sweep(&dotted);
        Ok(())
    }

    /// Replaces the whole sweep, or the values of some of its keys.
    fn set_sweep(&mut self, path: &[&str], node: Node, place: Place) -> Result<(), Complaint> {
        if path.is_empty() {
            self.sweep = flatten(Entry { key: "sweep".into(), place, node })?;
            return Ok(());
        }
        let mut table = Node { value: Value::Table(Vec::new()), place };
        table.set(path, node).map_err(|message| Complaint::at(place, message))?;
        for entry in flatten(Entry { key: "sweep".into(), place, node: table })? {
            match self.sweep.iter_mut().find(|old| old.key == entry.key) {
                Some(old) => *old = entry,
                None => self.sweep.push(entry),
            }
        }
        Ok(())
    }

    /// A key (or section) that is set by an override has that one value: the file's sweep over it is dropped.
    fn no_longer_sweep(&mut self, dotted: &str) {
        let fixed = |key: &str| key.strip_prefix(dotted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.sweep.retain(|entry| !fixed(&entry.key));
        let Some(zip) = self.sweep.iter_mut().find(|entry| entry.key == "zip") else { return };
        let Value::List(groups) = &mut zip.node.value else { return };
        let is_fixed = |node: &Node| matches!(&node.value, Value::Text(key) if fixed(&spelt(key)));
        groups.retain(|group| !is_fixed(group));
        for group in groups.iter_mut() {
            if let Value::List(keys) = &mut group.value {
                keys.retain(|key| !is_fixed(key));
            }
        }
        groups.retain(|group| !matches!(&group.value, Value::List(keys) if keys.is_empty()));
    }
}

/// A dotted key in its own spelling.
fn spelt(key: &str) -> String {
    key.split('.').map(canonical).collect::<Vec<_>>().join(".")
}

/// What stands for any name in a path.
const ANY: &str = "NAME";

/// Whether a dotted key is at a path.
fn is_at(key: &str, path: &[&str]) -> bool {
    let parts: Vec<&str> = key.split('.').collect();
    parts.len() == path.len() && parts.iter().zip(path).all(|(part, of)| of == part || *of == ANY)
}

/// Does something with what stands at a path.
fn each_at(
    node: &mut Node,
    path: &[&str],
    visit: &mut dyn FnMut(&mut Node) -> Result<(), Complaint>,
) -> Result<(), Complaint> {
    let Some((first, rest)) = path.split_first() else { return visit(node) };
    let Value::Table(entries) = &mut node.value else { return Ok(()) };
    let mut at = entries.iter_mut().filter(|entry| entry.key == *first || *first == ANY);
    at.try_for_each(|entry| each_at(&mut entry.node, rest, visit))
}

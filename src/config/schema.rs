//! The schema that the settings' own doc comments and attributes make, and the check of a tree against it.
//!
//! Names, types, ranges and documentation of the keys are thus written once, on the structs; this file only reads them.

use std::sync::OnceLock;

use schemars::schema_for;
use serde_json::Value as Json;

use super::{
    Experiment, fields,
    names::{Synonym, of_the_catalogue, unknown_key},
    tree::{Complaint, Node, Value, shorten},
};
use crate::error::nearest;

/// The JSON schema of an experiment, for editors and other tools.
pub fn json_schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schema_for!(Experiment).to_value())
}

/// The key that holds a value or a list of sections, which have names.
pub(super) const LAYERS: &str = "model.layers";

/// A list of sections that have names or numbers.
const ALIGN: &str = "loss.align";

/// A table of sections by names of the user's, and what stands for any name.
const NETWORKS: (&str, &str) = ("networks", "networks.NAME");

/// The section whose keys are found at a path: of an item of a list, of a layer of any network.
fn section_of(path: &str) -> String {
    let path = path.split('[').next().unwrap_or(path);
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["networks", _] => NETWORKS.1.into(),
        ["networks", _, "layers", ..] => LAYERS.into(),
        _ => path.into(),
    }
}

/// The schema of all values of a table whose keys are names.
fn of_any_name(schema: &Json) -> Option<&Json> {
    schema.get("additionalProperties").filter(|inner| inner.is_object()).map(resolve)
}

/// What a schema asks of a value.
pub(super) enum Shape<'a> {
    /// A section.
    Table,
    Text,
    Bool,
    /// A word of a list, each with its meaning.
    Choice(Vec<(&'a str, &'a str)>),
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// A number in a range.
    Number(Range),
    /// A list of items of one schema, of this many.
    List(&'a Json, usize, usize),
    /// Any of these.
    Either(Vec<&'a Json>),
}

/// Bounds of a number, each with whether the bound itself is out.
#[derive(Clone, Copy)]
pub(super) struct Range {
    least: Option<(f64, bool)>,
    most: Option<(f64, bool)>,
}

/// The schema itself, behind a reference to a named type.
fn resolve(schema: &Json) -> &Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
    name.and_then(|pointer| json_schema().pointer(pointer)).unwrap_or(schema)
}

/// Reads what a schema asks.
pub(super) fn shape(schema: &Json) -> Shape<'_> {
    let schema = resolve(schema);
    if let Some(any) = schema.get("anyOf").and_then(Json::as_array) {
        let any: Vec<&Json> = any.iter().filter(|one| one.get("type").and_then(Json::as_str) != Some("null")).collect();
        return match any.as_slice() {
            [one] => shape(one),
            _ => Shape::Either(any),
        };
    }
    if let Some(one_of) = schema.get("oneOf").and_then(Json::as_array) {
        let word = |one| -> Option<(&str, &str)> {
            let text = |key: &str| Json::get(one, key)?.as_str();
            Some((text("const")?, text("description").unwrap_or_default()))
        };
        return Shape::Choice(one_of.iter().filter_map(word).collect());
    }
    // An optional key has the types [its own, "null"]; TOML has no null.
    let kind = match schema.get("type") {
        Some(Json::Array(types)) => types.iter().filter_map(Json::as_str).find(|kind| *kind != "null"),
        Some(kind) => kind.as_str(),
        None => None,
    };
    let number = |key: &str| schema.get(key).and_then(Json::as_f64);
    match kind {
        Some("object") => Shape::Table,
        Some("boolean") => Shape::Bool,
        Some("integer") => {
            let most = number("maximum").map_or(i64::from(u32::MAX), |most| most as i64);
            Shape::Whole(number("minimum").unwrap_or(0.0) as i64, most)
        }
        Some("number") => Shape::Number(Range {
            least: number("exclusiveMinimum").map(|x| (x, true)).or(number("minimum").map(|x| (x, false))),
            most: number("exclusiveMaximum").map(|x| (x, true)).or(number("maximum").map(|x| (x, false))),
        }),
        Some("array") => {
            let count = |key: &str| schema.get(key).and_then(Json::as_u64).map(|n| n as usize);
            let items = schema.get("items").unwrap_or(&Json::Null);
            Shape::List(items, count("minItems").unwrap_or(0), count("maxItems").unwrap_or(usize::MAX))
        }
        _ => Shape::Text,
    }
}

impl Range {
    /// Whether a number lies within, as it is and as the device's 32 bits round it: 0.999999999 becomes 1 there.
    fn holds(self, number: f64) -> bool {
        number.abs() <= f64::from(f32::MAX) && self.contains(number) && self.contains(f64::from(number as f32))
    }

    fn contains(self, number: f64) -> bool {
        self.least.is_none_or(|(least, out)| if out { number > least } else { number >= least })
            && self.most.is_none_or(|(most, out)| if out { number < most } else { number <= most })
    }

    fn describe(self) -> String {
        let least = self.least.map(|(x, out)| if out { format!("above {x}") } else { format!("of at least {x}") });
        let most = self.most.map(|(x, out)| if out { format!("below {x}") } else { format!("of at most {x}") });
        match (least, most) {
            (Some(least), Some(most)) => format!("a number {least} and {most}"),
            (Some(one), None) | (None, Some(one)) => format!("a number {one}"),
            (None, None) => "a number".into(),
        }
    }
}

/// What a schema asks, in words.
pub(super) fn describe(schema: &Json) -> String {
    match shape(schema) {
        Shape::Table => "a table".into(),
        Shape::Text => "a string".into(),
        Shape::Bool => "true or false".into(),
        Shape::Choice(words) => {
            format!("one of {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))
        }
        Shape::Whole(0, most) if most == i64::from(u32::MAX) => "a whole number of 0 or more".into(),
        Shape::Whole(least, most) if most == i64::from(u32::MAX) => format!("a whole number of at least {least}"),
        Shape::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Shape::Number(range) => range.describe(),
        Shape::List(items, least, most) if least == most => format!("a list of {least}, each {}", describe(items)),
        Shape::List(items, ..) => format!("a list, each {}", describe(items)),
        Shape::Either(any) => any.into_iter().map(describe).collect::<Vec<_>>().join(", or "),
    }
}

/// Checks a value at a path: names, types, ranges and lengths, at every depth.
pub(super) fn check(node: &Node, schema: &Json, path: &str) -> Result<(), Complaint> {
    let wrong = |expected: String| {
        let message = format!("expected {expected}, got {}", node.describe());
        let prefix = if path.is_empty() { String::new() } else { format!("{path}: ") };
        Err(Complaint { key: path.into(), place: node.place, message: prefix + &message })
    };
    match (shape(schema), &node.value) {
        (Shape::Table, Value::Table(entries)) => {
            let schema = resolve(schema);
            for entry in entries {
                let own = schema.get("properties").and_then(|all| all.get(&entry.key));
                let Some(inner) = own.or_else(|| of_any_name(schema)) else {
                    let section = &section_of(path);
                    let message = unknown_key(section, &entry.key, fields::of_section(section), paths(), synonyms());
                    let message = message.replacen(&format!("[{section}]"), &title(section), 1);
                    return Err(Complaint { key: path.into(), place: entry.place, message });
                };
                check(&entry.node, inner, &join(path, &entry.key))?;
            }
            Ok(())
        }
        (Shape::Text, Value::Text(_)) | (Shape::Bool, Value::Bool(_)) => Ok(()),
        (Shape::Choice(words), Value::Text(text)) => {
            let words: Vec<&str> = words.into_iter().map(|(word, _)| word).collect();
            if words.contains(&text.as_str()) {
                return Ok(());
            }
            let meant = || synonym(schema, text).or_else(|| nearest(text, words.iter().copied()));
            let near = || meant().map(|word| format!("; did you mean \"{word}\"?"));
            let advice = of_the_catalogue(path, text).or_else(near);
            let message = format!(
                "{path}: expected one of {}, got \"{}\"{}",
                words.join(", "),
                shorten(text),
                advice.unwrap_or_default()
            );
            Err(Complaint { key: path.into(), place: node.place, message })
        }
        (Shape::Whole(least, most), Value::Whole(whole)) if (least..=most).contains(whole) => Ok(()),
        (Shape::Number(range), Value::Whole(whole)) if range.holds(*whole as f64) => Ok(()),
        (Shape::Number(range), Value::Number(number)) if range.holds(*number) => Ok(()),
        (Shape::Number(range), Value::Number(number)) if !number.is_finite() => {
            wrong(range.describe().replacen("a number", "a finite number", 1))
        }
        (Shape::Number(range), Value::Number(number)) if range.contains(*number) && number.abs() < 1.0 => {
            wrong(format!("{} once rounded to 32 bits", range.describe()))
        }
        (Shape::Number(_), Value::Number(number)) if number.abs() > f64::from(f32::MAX) => {
            wrong("a number that 32 bits can hold".into())
        }
        (Shape::List(items, least, most), Value::List(list)) => {
            if !(least..=most).contains(&list.len()) {
                let counts = match (least, most) {
                    (least, most) if least == most => format!("{least} items"),
                    (least, usize::MAX) => format!("at least {least} items"),
                    (least, most) => format!("{least} to {most} items"),
                };
                return wrong(format!("a list of {counts}"));
            }
            list.iter().enumerate().try_for_each(|(index, item)| check(item, items, &format!("{path}[{index}]")))
        }
        (Shape::Either(any), value) => {
            // Where the kind fits one of them, its finer complaint is the helpful one.
            match any.iter().find(|one| same_kind(&shape(one), value)) {
                Some(one) => check(node, one, path),
                None => wrong(describe(schema)),
            }
        }
        // A lone value where a list is asked, or the reverse, is mostly an attempt to sweep.
        (one, Value::List(_)) if !path.is_empty() && !matches!(one, Shape::Table) => {
            let message = format!(
                "{path}: expected {}, got {}; to try several values put them into [sweep]",
                describe(schema),
                node.describe()
            );
            Err(Complaint { key: path.into(), place: node.place, message })
        }
        _ => wrong(describe(schema)),
    }
}

/// The word of a schema that has `text` among its synonyms.
fn synonym<'a>(schema: &'a Json, text: &str) -> Option<&'a str> {
    let text = text.to_lowercase().replace('-', "_");
    let has = |word: &&Json| words_of(word, "synonyms").any(|other| other == text);
    resolve(schema).get("oneOf")?.as_array()?.iter().find(has)?.get("const")?.as_str()
}

/// The words of a list in a schema.
fn words_of<'a>(schema: &'a Json, key: &str) -> impl Iterator<Item = &'a str> {
    schema.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

fn same_kind(shape: &Shape<'_>, value: &Value) -> bool {
    matches!(
        (shape, value),
        (Shape::Table, Value::Table(_))
            | (Shape::Text | Shape::Choice(_), Value::Text(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Whole(..), Value::Whole(_))
            | (Shape::Number(_), Value::Whole(_) | Value::Number(_))
            | (Shape::List(..), Value::List(_))
    )
}

/// How a section is headed in a file: `[section]`, or `[[section]]` where there may be several.
pub(super) fn title(section: &str) -> String {
    if matches!(section, "after" | "data.features" | "stages" | LAYERS | ALIGN) {
        format!("[[{section}]]")
    } else {
        format!("[{section}]")
    }
}

/// The words that a key takes, if it takes one of a few.
#[cfg(test)]
pub(crate) fn choices(path: &str) -> Vec<&'static str> {
    find(path).map_or_else(|_| Vec::new(), words)
}

/// The words of which a key takes a list.
#[cfg(test)]
pub(crate) fn choices_of_items(path: &str) -> Vec<&'static str> {
    match find(path).map(shape) {
        Ok(Shape::List(items, ..)) => words(items),
        _ => Vec::new(),
    }
}

#[cfg(test)]
fn words(schema: &'static Json) -> Vec<&'static str> {
    match shape(schema) {
        Shape::Choice(words) => words.into_iter().map(|(word, _)| word).collect(),
        Shape::Either(any) => any.into_iter().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

/// Whether a key holds text, so that an override need not be quoted.
pub(super) fn takes_text(path: &str) -> bool {
    find(path).is_ok_and(|schema| matches!(shape(schema), Shape::Text))
}

/// A dotted path, of a section's path and a key in it.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The section of which a key holds a list, if it does, perhaps beside lists of something else.
fn items_section(schema: &Json) -> Option<&Json> {
    let Shape::List(items, ..) = shape(schema) else { return None };
    let sections = match shape(items) {
        Shape::Either(any) => any,
        _ => vec![items],
    };
    sections.into_iter().map(resolve).find(|one| matches!(shape(one), Shape::Table))
}

/// The schema of a section, or of those of which a key holds a list.
pub(super) fn section(path: &str) -> Option<&'static Json> {
    if path.is_empty() {
        return Some(json_schema());
    }
    let schema = find(path).ok()?;
    Some(items_section(schema).unwrap_or(schema))
}

/// The schema of a dotted key, or the sentence that says which part of it is unknown.
pub(super) fn find(path: &str) -> Result<&'static Json, String> {
    let (mut schema, mut section) = (resolve(json_schema()), String::new());
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        if [LAYERS, ALIGN].contains(&section_of(&section).as_str()) && parts.peek().is_some() {
            // The name of a layer, or of one in its body; or that of a term.
            continue;
        }
        if let Some(inner) = of_any_name(schema) {
            (schema, section) = (inner, join(&section, part));
            continue;
        }
        let inner = schema.get("properties").and_then(|all| all.get(part));
        let Some(inner) = inner else {
            let section = section_of(&section);
            let known = fields::of_section(&section);
            return Err(if known.is_empty() {
                format!("`{section}` has no keys inside, so no `{}`", shorten(part))
            } else {
                unknown_key(&section, part, known, paths(), synonyms())
            });
        };
        schema = resolve(inner);
        section = join(&section, part);
        // A list of sections stands for any of them, unless it may be one of values.
        if section_of(&section) != LAYERS || parts.peek().is_some() {
            schema = items_section(schema).unwrap_or(schema);
        }
    }
    Ok(schema)
}

/// Every dotted key that holds a value, in the order of the documentation.
pub(crate) fn paths() -> &'static [String] {
    static PATHS: OnceLock<Vec<String>> = OnceLock::new();
    PATHS.get_or_init(|| {
        let sections: Vec<&str> = fields::SECTIONS.iter().map(|(section, _)| *section).collect();
        let keys =
            sections.iter().flat_map(|section| fields::of_section(section).iter().map(move |key| join(section, key)));
        keys.filter(|path| {
            path == LAYERS || ![NETWORKS.0, "sweep"].contains(&path.as_str()) && !sections.contains(&path.as_str())
        })
        .collect()
    })
}

/// Every key and section, with its own schema: not that of the type it refers to.
fn properties() -> impl Iterator<Item = (String, &'static Json)> {
    fields::SECTIONS.iter().flat_map(|(section, _)| {
        let of = self::section(section);
        let keys = fields::of_section(section).iter();
        keys.filter_map(move |key| Some((join(section, key), of?.get("properties")?.get(*key)?)))
    })
}

/// Words that other tools use for a key, each with the key.
pub(super) fn synonyms() -> &'static [Synonym] {
    static SYNONYMS: OnceLock<Vec<Synonym>> = OnceLock::new();
    SYNONYMS.get_or_init(|| {
        let words = |schema: &'static Json| schema.get("synonyms").and_then(Json::as_array).into_iter().flatten();
        let each =
            |(path, schema)| words(schema).filter_map(Json::as_str).map(move |word| (word, String::clone(&path)));
        properties().flat_map(each).collect()
    })
}

/// The keys that name files.
pub(crate) fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        let files = properties().filter(|(_, schema)| schema.get("format").is_some_and(|format| format == "path"));
        files.map(|(path, _)| path).collect()
    })
}

/// A key of which each replica of a group may have its own value, a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PerReplica {
    /// Its dotted name.
    pub key: String,
    /// Whether the graph depends on its being above zero.
    pub but_for_zero: bool,
}

/// The keys whose field has a `scope`, with it.
fn scoped() -> impl Iterator<Item = (String, &'static str)> {
    properties().filter_map(|(key, schema)| Some((key, schema.get("scope")?.as_str()?)))
}

/// Those of all keys whose field says so (`scope`).
pub(crate) fn per_replica() -> &'static [PerReplica] {
    static KEYS: OnceLock<Vec<PerReplica>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let own = scoped().filter(|(_, scope)| *scope != "run");
        own.map(|(key, scope)| PerReplica { key, but_for_zero: scope != "replica" }).collect()
    })
}

/// The keys on which nothing that is computed depends: what a run is called, and how often it is saved.
pub(crate) fn inert() -> &'static [String] {
    static KEYS: OnceLock<Vec<String>> = OnceLock::new();
    KEYS.get_or_init(|| scoped().filter(|(_, scope)| *scope == "run").map(|(key, _)| key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_schema_name_the_same_keys() {
        for (section, _) in fields::SECTIONS {
            let properties = super::section(section).unwrap()["properties"].as_object().unwrap();
            assert_eq!(properties.len(), fields::of_section(section).len(), "{section}");
            for key in fields::of_section(section) {
                assert!(properties.contains_key(*key), "{section} {key}");
                assert!(!properties[*key]["description"].as_str().unwrap_or("").is_empty(), "{section}.{key}");
            }
        }
        assert!(paths().len() > 50);
    }

    #[test]
    fn shapes_read_in_words() {
        let words = |path| describe(find(path).unwrap());
        assert_eq!(words("steps"), "a whole number from 0 to 16000000");
        assert_eq!(words("model.dropout"), "a number of at least 0 and below 1");
        assert_eq!(words("data.test_fraction"), "a number above 0 and below 1");
        assert_eq!(words("observe.at.steps"), "a list, each a whole number of 0 or more");
        assert_eq!(words("data.classes"), "a whole number from 2 to 65536");
        assert_eq!(words("model.fan"), "one of fan_in, fan_out, fan_avg");
        assert_eq!(words("data.inputs"), "a string");
        assert_eq!(words("optimiser.decoupled"), "true or false");
        assert_eq!(words("observe.pairs"), "a list, each a list of 2, each a whole number of 0 or more");
        assert!(words("seeds").starts_with("a whole number from 1 to 1000000, or a list"));
    }

    #[test]
    fn unknown_paths_are_explained() {
        assert!(find("model.gian").unwrap_err().contains("did you mean `gain`?"));
        assert!(find("batch_size").unwrap_err().contains("did you mean `batch.size`?"));
        assert!(find("model.gain.x").unwrap_err().contains("no keys inside"));
        assert!(find("").is_err());
    }
}

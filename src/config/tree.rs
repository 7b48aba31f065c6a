//! A parsed experiment before it has types: every value knows where it was written.
//!
//! serde's own messages know neither the key's full path nor, once overrides are merged in, the place. So the text is
//! read into this tree, checked against the schema, and only then given to serde.

use toml::de::{DeTable, DeValue};

/// Where a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Byte offset in the text.
    Text(usize),
    /// Number of the override.
    Override(usize),
    /// Nowhere: it was built by a program or is a default.
    Nowhere,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What TOML can hold.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Number(f64),
    Bool(bool),
    /// A date, or a number that fits no type of ours: nothing accepts it, but messages show it as it was written.
    Odd(String),
    List(Vec<Node>),
    /// In the order of the text.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// What is wrong with an experiment, before it is known where.
#[derive(Debug, PartialEq)]
pub(super) struct Complaint {
    /// The dotted key at fault; empty when it is none in particular.
    pub key: String,
    /// Where, if the finder knew.
    pub place: Place,
    /// The whole sentence.
    pub message: String,
}

impl Complaint {
    /// A complaint that names its key and leaves the place to be looked up.
    pub(super) fn of(key: impl Into<String>, message: impl AsRef<str>) -> Complaint {
        let key = key.into();
        let message = format!("{key}: {}", message.as_ref());
        Complaint { key, place: Place::Nowhere, message }
    }

    /// A complaint about a known place.
    pub(super) fn at(place: Place, message: impl Into<String>) -> Complaint {
        Complaint { key: String::new(), place, message: message.into() }
    }
}

/// The texts that places point into.
pub(super) struct Source<'a> {
    pub origin: &'a str,
    pub text: &'a str,
    pub overrides: &'a [(String, String)],
}

impl Source<'_> {
    /// The message with its place in front, on one line.
    pub(super) fn locate(&self, place: Place, message: &str) -> String {
        let message = one_line(message);
        match place {
            Place::Text(offset) => {
                let before = self.text.get(..offset).unwrap_or(self.text);
                let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
                format!("{}:{line}:{column}: {message}", self.origin)
            }
            Place::Override(index) => match self.overrides.get(index) {
                Some((key, value)) => format!("--set {}={}: {message}", shorten(key), shorten(value)),
                None => message,
            },
            Place::Nowhere => format!("{}: {message}", self.origin),
        }
    }
}

/// Joins the lines of a message: errors are one line each.
pub(super) fn one_line(message: &str) -> String {
    message.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A user's text, fit to be shown: control characters escaped, cut when long.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if c.is_control() { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    shown
}

impl Node {
    /// A value from nowhere.
    pub(super) fn new(value: Value) -> Node {
        Node { value, place: Place::Nowhere }
    }

    /// Reads a whole file.
    pub(super) fn parse(text: &str) -> Result<Node, Complaint> {
        let table = DeTable::parse(text).map_err(|error| {
            let place = Place::Text(error.span().map_or(text.len(), |span| span.start));
            Complaint::at(place, format!("not valid TOML: {}", error.message()))
        })?;
        let entries = entries(table.into_inner(), &Place::Text);
        Ok(Node { value: Value::Table(entries), place: Place::Text(0) })
    }

    /// Reads the value of an override; `None` if it is no TOML value.
    pub(super) fn parse_value(text: &str, place: Place) -> Option<Node> {
        let value = DeValue::parse(text.trim()).ok()?;
        Some(Node { value: convert(value.into_inner(), &|_| place), place })
    }

    /// What serde wrote.
    pub(super) fn from_toml(value: toml::Value) -> Node {
        Node::new(match value {
            toml::Value::String(text) => Value::Text(text),
            toml::Value::Integer(whole) => Value::Whole(whole),
            toml::Value::Float(number) => Value::Number(number),
            toml::Value::Boolean(bool) => Value::Bool(bool),
            toml::Value::Datetime(date) => Value::Odd(date.to_string()),
            toml::Value::Array(items) => Value::List(items.into_iter().map(Node::from_toml).collect()),
            toml::Value::Table(table) => Value::Table(
                table
                    .into_iter()
                    .map(|(key, value)| Entry { key, place: Place::Nowhere, node: Node::from_toml(value) })
                    .collect(),
            ),
        })
    }

    /// What serde reads.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Text(text) | Value::Odd(text) => toml::Value::String(text.clone()),
            Value::Whole(whole) => toml::Value::Integer(*whole),
            Value::Number(number) => toml::Value::Float(*number),
            Value::Bool(bool) => toml::Value::Boolean(*bool),
            Value::List(items) => toml::Value::Array(items.iter().map(Node::to_toml).collect()),
            Value::Table(entries) => toml::Value::Table(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_toml())).collect::<toml::Table>(),
            ),
        }
    }

    /// How a message names this value.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("the string \"{}\"", shorten(text)),
            Value::Whole(whole) => whole.to_string(),
            // Debug keeps the point of 32.0, which is the whole difference to a whole number.
            Value::Number(number) => format!("{number:?}"),
            Value::Bool(bool) => bool.to_string(),
            Value::Odd(text) => shorten(text),
            Value::List(items) => match items.len() {
                0 => "an empty list".into(),
                1 => "a list of 1 item".into(),
                n => format!("a list of {n} items"),
            },
            Value::Table(_) => "a table".into(),
        }
    }

    /// The entries of a table, none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    /// The entry of one key of a table.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Takes a key out of a table.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry> {
        let Value::Table(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(index))
    }

    /// Puts a value at a path, making the tables on the way; of a list of tables, in that of the name or number. Fails with what is
    /// in the way.
    pub(super) fn set(&mut self, path: &[&str], node: Node) -> Result<(), String> {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return Ok(());
        };
        let place = node.place;
        let described = self.describe();
        let entries = match &mut self.value {
            Value::Table(entries) => {
                let at = |key: &str| entries.iter().position(|entry| entry.key == key);
                if let (false, None, Some(body)) = (rest.is_empty(), at(first), at("body")) {
                    // A layer in another.
                    return entries[body].node.set(path, node);
                }
                entries
            }
            Value::List(items) if items.iter().any(|item| !item.entries().is_empty()) => {
                let named = |item: &Node| matches!(item.entry("name"), Some(e) if matches!(&e.node.value, Value::Text(t) if t == first));
                let place = items.iter().position(named).or_else(|| first.parse().ok());
                return match place.and_then(|place| items.get_mut(place)) {
                    Some(item) if !rest.is_empty() => item.set(rest, node),
                    _ => Err(format!("{described} has no item with a key inside that is named `{}`", shorten(first))),
                };
            }
            _ => return Err(format!("cannot set the key `{}` inside {described}", shorten(first))),
        };
        let index = entries.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
            let node = Node { value: Value::Table(Vec::new()), place };
            entries.push(Entry { key: (*first).to_owned(), place, node });
            entries.len() - 1
        });
        // A key that is given anew is also found anew.
        if rest.is_empty() {
            entries[index].place = place;
        }
        entries[index].node.set(rest, node)
    }
}

/// The entries of a table, sorted by where they stand: the parser sorts them by name, but the order of a sweep counts.
fn entries(table: DeTable<'_>, at: &dyn Fn(usize) -> Place) -> Vec<Entry> {
    let mut all: Vec<(usize, Entry)> = table
        .into_iter()
        .map(|(key, value)| {
            let (key_start, value_start) = (key.span().start, value.span().start);
            let node = Node { value: convert(value.into_inner(), at), place: at(value_start) };
            (key_start, Entry { key: key.into_inner().into_owned(), place: at(key_start), node })
        })
        .collect();
    all.sort_by_key(|(start, _)| *start);
    all.into_iter().map(|(_, entry)| entry).collect()
}

fn convert(value: DeValue<'_>, at: &dyn Fn(usize) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(whole) => match i64::from_str_radix(whole.as_str(), whole.radix()) {
            Ok(whole) => Value::Whole(whole),
            Err(_) => Value::Odd(whole.to_string()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            // Too large to be a number, rather than written as infinite.
            Ok(value) if value.is_infinite() && !number.as_str().contains("inf") => Value::Odd(number.to_string()),
            Ok(value) => Value::Number(value),
            Err(_) => Value::Odd(number.to_string()),
        },
        DeValue::Boolean(bool) => Value::Bool(bool),
        DeValue::Datetime(date) => Value::Odd(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let place = at(item.span().start);
                    Node { value: convert(item.into_inner(), at), place }
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(table, at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_places_are_those_of_the_text() {
        let text = "zebra = 1\n[b]\n\"ä\" = \"é\"\n  x = [1,\n   inf]\n[a]\n";
        let node = Node::parse(text).unwrap();
        let keys: Vec<_> = node.entries().iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["zebra", "b", "a"]);
        let Value::List(items) = &node.entry("b").unwrap().node.entry("x").unwrap().node.value else { panic!() };
        let source = Source { origin: "o", text, overrides: &[] };
        assert_eq!(source.locate(items[1].place, "m\n\n n"), "o:5:4: m; n");
        assert_eq!(items[1].describe(), "inf");
    }

    #[test]
    fn odd_values_keep_their_text() {
        let node = Node::parse("a = 99999999999999999999\nb = 1e999\nc = 1979-05-27").unwrap();
        let shown: Vec<_> = node.entries().iter().map(|entry| entry.node.describe()).collect();
        assert_eq!(shown, ["99999999999999999999", "1e999", "1979-05-27"]);
    }

    #[test]
    fn depth_is_limited_by_the_parser() {
        for text in ["a.".repeat(9999) + "a=1", format!("a={}", "[".repeat(9999)), format!("a={}", "{a=".repeat(9999))]
        {
            assert!(Node::parse(&text).is_err());
        }
    }

    #[test]
    fn setting_makes_tables_but_not_inside_values() {
        let mut node = Node::new(Value::Table(Vec::new()));
        node.set(&["a", "b"], Node::new(Value::Whole(3))).unwrap();
        assert_eq!(node.entry("a").unwrap().node.entry("b").unwrap().node.describe(), "3");
        assert!(node.set(&["a", "b", "c"], Node::new(Value::Whole(3))).is_err());
        assert_eq!(node.take("a").unwrap().key, "a");
        assert!(node.take("a").is_none());
    }
}

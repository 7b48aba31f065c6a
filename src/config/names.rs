//! Other names of keys: spellings that are accepted, and guesses at what an unknown key was meant to be.

use super::tree::{Complaint, Entry, Node, Value, shorten};
use crate::error::nearest;
use crate::measure::catalogue::{Measure, Statistic};

/// Spellings that stand for a key as well as its own name, wherever they occur.
const ALIASES: &[(&str, &str)] =
    &[("optimizer", "optimiser"), ("normalize", "normalise"), ("initializer", "init"), ("initialiser", "init")];

/// A word that other tools use, and the full path of the key that it stands for.
pub(super) type Synonym = (&'static str, String);

/// Words that other tools use for `kind`, in whatever section; those for one key alone stand at its field.
const KINDS: [&str; 2] = ["type", "name"];

/// The key's own name.
pub(super) fn canonical(segment: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == segment).map_or(segment, |(_, name)| name)
}

/// Gives every key of a tree its own name. A key that is given under two names is refused.
pub(super) fn canonicalise(node: &mut Node) -> Result<(), Complaint> {
    let Value::Table(entries) = &mut node.value else { return Ok(()) };
    for index in 0..entries.len() {
        let (before, rest) = entries.split_at_mut(index);
        let Some(Entry { key, place, node }) = rest.first_mut() else { continue };
        let name = canonical(key);
        if name != key {
            *key = name.to_owned();
        }
        // The parser refuses plain repetition; only an alias can bring a name twice.
        if ALIASES.iter().any(|(_, name)| name == key) && before.iter().any(|entry| entry.key == *key) {
            return Err(Complaint::at(*place, format!("`{key}` is given twice, under two spellings")));
        }
        canonicalise(node)?;
    }
    Ok(())
}

/// Where a word of the catalogue belongs that came as one of `observe.measures`, as the end of a sentence.
pub(super) fn of_the_catalogue(path: &str, word: &str) -> Option<String> {
    if !path.starts_with("observe.measures") {
        return None;
    }
    let key = match (Measure::parse(word), Statistic::parse(word)) {
        (Ok(_), _) => "observe.compare",
        (_, Ok(_)) => "observe.describe",
        _ => return None,
    };
    Some(format!("; it is of the catalogue: write {key} = [\"{word}\"]"))
}

/// What an unknown key was meant to be: a name in the same section, or the full path of one elsewhere.
/// `all` holds every key's full path, `synonyms` words that other tools use, with the full path of the key.
fn meant(section: &str, unknown: &str, known: &[&str], all: &[String], synonyms: &[Synonym]) -> Option<String> {
    let lower = unknown.to_lowercase().replace('-', "_");
    let inside = |path: &str| -> Option<String> {
        let rest = if section.is_empty() { path } else { path.strip_prefix(section)?.strip_prefix('.')? };
        known.contains(&rest).then(|| rest.to_owned())
    };
    let path = synonyms.iter().find(|(word, _)| *word == lower).map(|(_, path)| path.as_str());
    let kind = || (KINDS.contains(&lower.as_str()) && known.contains(&"kind")).then(|| "kind".to_owned());
    let same = || path?.rsplit('.').next().filter(|leaf| known.contains(leaf)).map(str::to_owned);
    if let Some(name) = path.and_then(inside).or_else(kind).or_else(same) {
        return Some(name);
    }
    if let Some(name) = nearest(unknown, known.iter().copied()) {
        return Some(name.to_owned());
    }
    if let Some(path) = path.filter(|path| all.iter().any(|known| known == path)) {
        return Some(path.to_owned());
    }
    let leaf = |path: &String| path.rsplit('.').next().unwrap_or("").to_owned();
    let leaves: Vec<String> = all.iter().map(leaf).collect();
    let name = nearest(unknown, leaves.iter().map(String::as_str))?;
    leaves.iter().position(|leaf| leaf == name).map(|index| all[index].clone())
}

/// The sentence for an unknown key of a section.
pub(super) fn unknown_key(
    section: &str,
    unknown: &str,
    known: &[&str],
    all: &[String],
    synonyms: &[Synonym],
) -> String {
    let place = if section.is_empty() { "at the top level".to_owned() } else { format!("in [{section}]") };
    let advice = match meant(section, unknown, known, all, synonyms) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("its keys are {}", known.join(", ")),
    };
    let advice = if section.is_empty() { advice.replacen("its keys", "the keys there", 1) } else { advice };
    format!("unknown key `{}` {place}; {advice}", shorten(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    #[test]
    fn every_synonym_and_alias_leads_to_one_key() {
        let synonyms = schema::synonyms();
        assert!(synonyms.len() > 45);
        for (word, path) in synonyms {
            assert!(schema::find(path).is_ok(), "{path}");
            assert_eq!(synonyms.iter().filter(|(other, _)| other == word).count(), 1, "{word}");
        }
        for (_, name) in ALIASES {
            assert!(schema::paths().iter().any(|path| path.split('.').any(|part| part == *name)), "{name}");
        }
    }
}

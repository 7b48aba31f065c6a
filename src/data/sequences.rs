//! Sequences of tokens: characters of a text, windows of a long sequence, and the tokens that follow.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Dataset, Table, Targets, file, text};
use crate::error::{Error, Result};
use crate::kernels::random;
use crate::nn::IGNORED;

/// Most tokens there can be: each costs an output of every network.
pub const MOST_TOKENS: usize = 1 << 16;

/// Most tokens of all windows of a sequence together.
const MOST_IN_WINDOWS: usize = 1 << 28;

/// A text of UTF-8, which gzip may have compressed; a mark at its begin is no part of it.
///
/// # Errors
/// If the file cannot be read, or is no such text.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = file::bytes(path)?;
    let valid = |error: std::str::Utf8Error| {
        let at = error.valid_up_to();
        Error::data(
            path,
            format!("is no text of UTF-8: byte {at} (counted from 0) is of no character; convert it to UTF-8"),
        )
    };
    std::str::from_utf8(text::without_mark(&bytes)).map(str::to_owned).map_err(valid)
}

/// The different characters of texts in the order of their numbers in Unicode, each a token by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characters(pub Vec<char>);

impl Characters {
    /// Those of several texts together.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let all: BTreeSet<char> = texts.into_iter().flat_map(str::chars).collect();
        Self(all.into_iter().collect())
    }

    /// The tokens of a text, without characters that it does not know.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        text.chars().filter_map(|c| self.0.binary_search(&c).ok()).map(|place| place as u32).collect()
    }
}

/// The values of a table as tokens.
///
/// # Errors
/// If one is no whole number from 0, or not below `count`; with its row.
pub fn tokens(table: &Table, count: usize, source: &Path) -> Result<Vec<u32>> {
    numbers(table, 0, count, source)
}

/// The values of a table as targets, of which -1 is [`IGNORED`].
///
/// # Errors
/// As of [`tokens`].
pub fn target_tokens(table: &Table, count: usize, source: &Path) -> Result<Vec<u32>> {
    numbers(table, -1, count, source)
}

fn numbers(table: &Table, least: i32, count: usize, source: &Path) -> Result<Vec<u32>> {
    let whole = |x: f32| x.fract() == 0.0 && x >= least as f32 && x < count as f32;
    if let Some(at) = table.values.iter().position(|&x| !whole(x)) {
        let (row, column, value) = (at / table.width(), at % table.width(), table.values[at]);
        return Err(Error::data(
            source,
            format!(
                "row {row}, position {column} (counted from 0) is {value}, and tokens are whole numbers from {least} to {}",
                count - 1
            ),
        ));
    }
    Ok(table.values.iter().map(|&x| if x < 0.0 { IGNORED } else { x as u32 }).collect())
}

/// Windows of `length` tokens of a sequence, each `stride` after the one before, and for each position of one the token that
/// follows it. What is left at the end is no window.
///
/// # Errors
/// If there is no window, or their tokens are too many.
pub fn windows(name: &str, tokens: &[u32], classes: usize, length: usize, stride: usize) -> Result<Dataset> {
    let Some(last) = tokens.len().checked_sub(length + 1).filter(|_| length > 0 && stride > 0) else {
        return Err(Error::data(
            name,
            format!(
                "expected at least {} tokens, since data.sequence_length is {length} and each has one that follows, got {}",
                length + 1,
                tokens.len()
            ),
        ));
    };
    let rows = last / stride + 1;
    if rows.saturating_mul(length) > MOST_IN_WINDOWS {
        return Err(Error::data(
            name,
            format!("{rows} windows of {length} tokens are too many: expected a larger data.stride, got {stride}"),
        ));
    }
    let of = |after: usize| (0..rows).flat_map(move |row| &tokens[row * stride + after..][..length]);
    let inputs = Table { rows, shape: vec![length], values: of(0).map(|&token| token as f32).collect() };
    let targets = Targets::Tokens { tokens: of(1).copied().collect(), length, classes };
    Dataset::new(name, inputs, targets)
}

/// Sequences, each a row, and for each position but the last the token that follows it: [`IGNORED`] where that is `padding`.
///
/// # Errors
/// If they have fewer than two tokens.
pub fn next_tokens(name: &str, rows: &[u32], width: usize, classes: usize, padding: Option<u32>) -> Result<Dataset> {
    if width < 2 {
        return Err(Error::data(name, format!("expected at least 2 tokens in a sequence, got {width}")));
    }
    let length = width - 1;
    let of = |from: usize| rows.chunks_exact(width).flat_map(move |row| &row[from..from + length]).copied();
    let inputs: Vec<f32> = of(0).map(|token| token as f32).collect();
    let inputs = Table { rows: rows.len() / width, shape: vec![length], values: inputs };
    let tokens = of(1).map(|token| if Some(token) == padding { IGNORED } else { token }).collect();
    Dataset::new(name, inputs, Targets::Tokens { tokens, length, classes })
}

/// Sentences of [`sentences`].
const SENTENCES: u32 = 400;

/// A text of sentences of a small grammar, always the same: a subject, perhaps with another noun beside it, and a verb that agrees
/// with the subject in number. What the verb is to be follows from a word that may be far before it.
pub fn sentences() -> String {
    const NOUNS: [&str; 6] = ["heron", "otter", "miller", "baker", "lantern", "kettle"];
    const BESIDE: [&str; 3] = ["near", "behind", "beside"];
    const VERBS: [&str; 5] = ["wait", "turn", "sing", "glow", "sleep"];
    const HOW: [&str; 4] = ["", " at noon", " in the rain", " until dawn"];
    let mut text = String::new();
    for sentence in 0..SENTENCES {
        let drawn = |which: u32| random::uniform(0, random::purpose("sentences"), sentence, which);
        let one_of =
            |words: &[&'static str], which: u32| words[(drawn(which) * words.len() as f32) as usize % words.len()];
        let [many, many_beside] = [0, 1].map(|which| drawn(which) < 0.5);
        let ending = |add: bool| if add { "s" } else { "" };
        let mut subject = format!("the {}{}", one_of(&NOUNS, 2), ending(many));
        if drawn(3) < 0.5 {
            subject = format!("{subject} {} the {}{}", one_of(&BESIDE, 4), one_of(&NOUNS, 5), ending(many_beside));
        }
        text += &format!("{subject} {}{}{}.\n", one_of(&VERBS, 6), ending(!many), one_of(&HOW, 7));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(dataset: &Dataset) -> &[u32] {
        match &dataset.targets {
            Targets::Tokens { tokens, .. } => tokens,
            _ => panic!("no tokens"),
        }
    }

    #[test]
    fn characters_are_numbered_in_their_order() {
        let known = Characters::of(["banána", "cab"]);
        assert_eq!(known.0, ['a', 'b', 'c', 'n', 'á']);
        assert_eq!(known.tokens("cabán"), [2, 0, 1, 4, 3]);
        assert!(known.tokens("xyz").is_empty());
    }

    #[test]
    fn windows_are_a_stride_apart_and_their_targets_one_token_on() {
        let tokens: Vec<u32> = (0..10).collect();
        let made = windows("x", &tokens, 10, 3, 2).unwrap();
        assert_eq!((made.rows(), made.inputs.shape.as_slice()), (4, &[3][..]));
        assert_eq!(made.inputs.values, [0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0, 6.0, 7.0, 8.0]);
        assert_eq!(targets(&made), [1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9]);
        assert_eq!(windows("x", &tokens, 10, 9, 9).unwrap().rows(), 1);
        let message = windows("x", &tokens, 10, 10, 1).unwrap_err().to_string();
        assert!(message.contains("at least 11 tokens") && message.ends_with("got 10"), "{message}");
        assert!(windows("x", &vec![0; 1 << 20], 1, 1 << 12, 1).unwrap_err().to_string().contains("data.stride"));
    }

    #[test]
    fn the_next_token_is_the_target_but_for_padding() {
        let made = next_tokens("x", &[1, 2, 0, 0, 3, 1, 2, 0], 4, 4, Some(0)).unwrap();
        assert_eq!(made.inputs.values, [1.0, 2.0, 0.0, 3.0, 1.0, 2.0]);
        assert_eq!(targets(&made), [2, IGNORED, IGNORED, 1, 2, IGNORED]);
        assert_eq!((made.targets.rows(), made.targets.width()), (2, 4));
        assert!(next_tokens("x", &[1, 2], 1, 4, None).is_err());
    }

    #[test]
    fn what_is_no_token_is_named_by_its_row() {
        let table = |values: &[f32]| Table { rows: 2, shape: vec![2], values: values.to_vec() };
        let of = |values: &[f32]| tokens(&table(values), 4, Path::new("x.npy"));
        assert_eq!(of(&[0.0, 3.0, 1.0, 2.0]).unwrap(), [0, 3, 1, 2]);
        for (bad, said) in [(4.0, "is 4"), (-1.0, "is -1"), (0.5, "is 0.5")] {
            let message = of(&[0.0, 3.0, 1.0, bad]).unwrap_err().to_string();
            assert!(message.contains("row 1, position 1") && message.contains(said), "{message}");
        }
        assert_eq!(target_tokens(&table(&[0.0, 3.0, -1.0, 2.0]), 4, Path::new("x")).unwrap(), [0, 3, IGNORED, 2]);
        assert!(target_tokens(&table(&[0.0, 3.0, -2.0, 2.0]), 4, Path::new("x")).is_err());
    }

    #[test]
    fn the_text_is_made_of_sentences_that_agree() {
        let text = sentences();
        assert_eq!(text, sentences());
        assert_eq!(text.lines().count(), SENTENCES as usize);
        assert!(text.len() > 8_000 && text.is_ascii(), "{}", text.len());
        for sentence in text.lines() {
            let words: Vec<&str> = sentence.trim_end_matches('.').split(' ').collect();
            let verb = if ["near", "behind", "beside"].contains(&words[2]) { words[5] } else { words[2] };
            assert_ne!(words[1].ends_with('s'), verb.ends_with('s'), "{sentence}");
        }
    }

    #[test]
    fn only_utf_8_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        std::fs::write(&path, b"\xef\xbb\xbfab\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), "ab\n");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("byte 2"));
    }
}

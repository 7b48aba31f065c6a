//! Strings that repeat millions of times, kept once: metric names and layer names.

use std::collections::HashMap;

/// A list of distinct strings, each known by its place in the list.
#[derive(Debug, Clone, Default)]
pub struct Words {
    list: Vec<String>,
    places: HashMap<String, u32>,
}

impl Words {
    /// The place of "no word": a null in the file.
    pub const NONE: u32 = u32::MAX;

    /// The place of `word`, which is added when it is new.
    pub fn place(&mut self, word: &str) -> u32 {
        if let Some(&place) = self.places.get(word) {
            return place;
        }
        // More than four billion distinct names cannot be held in memory, so the conversion cannot fail in practice.
        let place = u32::try_from(self.list.len()).unwrap_or(Self::NONE);
        self.list.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        place
    }

    /// Puts other words in the places of some, one for one.
    pub fn rename(&mut self, from: &[String], to: &[String]) {
        for (from, to) in from.iter().zip(to).filter(|(from, to)| from != to) {
            if let Some(place) = self.places.remove(from) {
                self.list[place as usize].clone_from(to);
                self.places.insert(to.clone(), place);
            }
        }
    }

    /// The place of `word`, if it is in the list.
    pub fn find(&self, word: &str) -> Option<u32> {
        self.places.get(word).copied()
    }

    /// The word at `place`, or none for [`Words::NONE`].
    pub fn get(&self, place: u32) -> Option<&str> {
        self.list.get(place as usize).map(String::as_str)
    }

    /// All words, in the order in which they came.
    pub fn list(&self) -> &[String] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_take_the_places_of_some() {
        let mut words = Words::default();
        let places = ["layers.0", "loss", "layers.2"].map(|word| words.place(word));
        let [from, to] = [["layers.0", "layers.1", "layers.2"], ["conv1 (0)", "bn1 (1)", "layers.2"]];
        words.rename(&from.map(str::to_owned), &to.map(str::to_owned));
        assert_eq!(words.list(), ["conv1 (0)", "loss", "layers.2"]);
        assert_eq!(["conv1 (0)", "loss", "layers.2"].map(|word| words.find(word)), places.map(Some));
        assert_eq!(words.find("layers.0"), None);
    }
}

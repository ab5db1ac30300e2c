//! All names in one text: a search sweeps through memory once, instead of visiting every picture.

use super::item::Item;

/// Names in lower case and in their order, each ended by a line break.
pub(super) struct Haystack {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<usize>,
}

impl Haystack {
    pub(super) fn new(items: &[Item], by_name: &[u32]) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(by_name.len());
        for index in by_name {
            text.push_str(&items[*index as usize].key);
            ends.push(text.len());
            text.push('\n');
        }
        Self { text, ends }
    }

    /// For each name whether it contains the needle, which is in lower case and not empty.
    pub(super) fn search(&self, needle: &str) -> Vec<bool> {
        let mut found = vec![false; self.ends.len()];
        let mut name = 0;
        for (start, _) in self.text.match_indices(needle) {
            while self.ends[name] < start {
                name += 1;
            }
            // A needle with a line break inside would reach into the next name.
            found[name] |= start + needle.len() <= self.ends[name];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::image::ImageSource;

    #[test]
    fn each_name_answers_for_itself() {
        let names = ["Aa.jpg", "b/aab.jpg", "jpg", "b", "ÄÄ"];
        let items: Vec<_> =
            names.iter().map(|&name| Item::new(ImageSource::file(name), Path::new("elsewhere"))).collect();
        let haystack = Haystack::new(&items, &[2, 0, 1, 3, 4]);
        let in_order = ["jpg", "aa.jpg", "b/aab.jpg", "b", "ää"];
        for needle in ["a", "aa", "jpg", "b", "/", "g\na", "b\nä", "ää", "ä", "x"] {
            assert_eq!(haystack.search(needle), in_order.map(|name| name.contains(needle)), "{needle:?}");
        }
    }
}

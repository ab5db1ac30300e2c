//! The class a picture shows according to its folder.

use std::collections::HashMap;
use std::path::Path;

use crate::vit::classes::ClassNames;

/// The class that a picture's folder names: by WordNet id or name, not by number.
///
/// `find` looks a name up: [`ClassNames::find`] for a single picture, [`ClassIndex::get`] for many.
pub fn class_of_folder(path: &Path, find: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    let folder = path.parent()?.file_name()?.to_str()?;
    if folder.parse::<usize>().is_ok() {
        return None;
    }
    find(folder)
}

/// Answers which class a spelling means at once, where [`ClassNames::find`] looks through all of them and gathers
/// suggestions: a folder of folders asks thousands of times.
#[derive(Clone, Debug, Default)]
pub struct ClassIndex {
    /// Lower-case WordNet ids, names and synonyms.
    by_spelling: HashMap<String, Meaning>,
    classes: usize,
}

/// What a spelling may mean, by the rule of [`ClassNames::find`].
#[derive(Clone, Copy, Debug, Default)]
struct Meaning {
    any: Candidates,
    /// Classes whose first synonym it is.
    first: Candidates,
}

#[derive(Clone, Copy, Debug, Default)]
enum Candidates {
    #[default]
    None,
    One(usize),
    Several,
}

impl Candidates {
    fn add(&mut self, class: usize) {
        *self = match *self {
            Self::None => Self::One(class),
            Self::One(known) if known == class => Self::One(class),
            _ => Self::Several,
        };
    }
}

impl ClassIndex {
    pub fn new(names: &ClassNames) -> Self {
        let mut by_spelling: HashMap<String, Meaning> = HashMap::new();
        for class in 0..names.len() {
            let name = names.name(class).to_lowercase();
            let synonyms = name.split(',').map(|synonym| synonym.trim().to_owned());
            let wnid = names.wnid(class).map(str::to_owned);
            for spelling in synonyms.chain([name.clone()]).chain(wnid) {
                by_spelling.entry(spelling).or_default().any.add(class);
            }
            let first = names.short_name(class).to_lowercase();
            by_spelling.entry(first).or_default().first.add(class);
        }
        Self { by_spelling, classes: names.len() }
    }

    /// The one class that an index, a WordNet id or a name means, if there is one; as [`ClassNames::find`].
    pub fn get(&self, query: &str) -> Option<usize> {
        let query = query.trim();
        if let Ok(index) = query.parse::<usize>() {
            return (index < self.classes).then_some(index);
        }
        match self.by_spelling.get(&query.to_lowercase())? {
            Meaning { any: Candidates::One(class), .. } | Meaning { first: Candidates::One(class), .. } => Some(*class),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_a_class_by_wnid_or_name_but_not_by_number() {
        let index = ClassIndex::new(&ClassNames::imagenet1k());
        let class = |path: &str| class_of_folder(Path::new(path), |name| index.get(name));
        // First class of the public list.
        assert_eq!(class("train/n01440764/a.jpg"), Some(0));
        assert_eq!(class("train/Tench/a.jpg"), Some(0));
        assert_eq!(class("train/0/a.jpg"), None, "folders are often numbered for other reasons");
        assert_eq!(class("holiday/a.jpg"), None);
        assert_eq!(class("a.jpg"), None);
    }

    #[test]
    fn the_index_agrees_with_the_search_for_every_spelling_of_imagenet() {
        let names = ClassNames::imagenet1k();
        let index = ClassIndex::new(&names);
        for class in 0..names.len() {
            let synonyms = names.name(class).split(',');
            for spelling in synonyms.chain([names.name(class)]).chain(names.wnid(class)) {
                assert_eq!(index.get(spelling), names.find(spelling).ok(), "{spelling}");
            }
        }
        for other in ["", " 7 ", "1000", "crane", "Missile", "no such class", "TANK SUIT"] {
            assert_eq!(index.get(other), names.find(other).ok(), "{other}");
        }
    }
}

//! Class names, and finding a class by what a user types.

use thiserror::Error;

/// ImageNet-1k: index, WordNet id, comma-separated synonyms.
const IMAGENET1K: &str = include_str!("../../assets/imagenet1k.tsv");

/// More suggestions than this are a list, not a hint.
const SUGGESTIONS: usize = 5;

/// The classes of a model, in the order of its logits.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassNames {
    classes: Vec<Class>,
}

#[derive(Clone, Debug, PartialEq)]
struct Class {
    /// WordNet id, such as `n01440764`.
    wnid: Option<String>,
    /// Synonyms separated by commas, the usual one first.
    name: String,
}

/// No class, or no single one, was meant.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ClassError {
    #[error("class index {index} is out of range: the model has {classes} classes (0 to {})", classes.saturating_sub(1))]
    OutOfRange { index: usize, classes: usize },
    #[error("no class is named «{query}»{}", hint("; did you mean ", suggestions))]
    Unknown { query: String, suggestions: Vec<String> },
    #[error("«{query}» may mean several classes, give the index{}", hint(" of one of ", suggestions))]
    Ambiguous { query: String, suggestions: Vec<String> },
}

fn hint(lead: &str, suggestions: &[String]) -> String {
    if suggestions.is_empty() { String::new() } else { format!("{lead}{}", suggestions.join(", ")) }
}

impl ClassNames {
    /// The 1000 classes of ImageNet-1k.
    pub fn imagenet1k() -> Self {
        let class = |line: &str| {
            let mut fields = line.splitn(3, '\t').skip(1);
            let wnid = fields.next().map(str::to_owned);
            Some(Class { wnid, name: fields.next()?.to_owned() })
        };
        Self { classes: IMAGENET1K.lines().skip(1).filter_map(class).collect() }
    }

    /// The names a model's file gives, else ImageNet's for 1000 classes, else `class 0`, `class 1`, ….
    ///
    /// Names that are ImageNet's come without WordNet ids in a model's file, but keep them here: folders are named so.
    pub fn of_model(classes: usize, names: Option<&[String]>) -> Self {
        match names {
            Some(names) if names.len() == classes && Self::imagenet1k().has_names(names) => Self::imagenet1k(),
            Some(names) if names.len() == classes => {
                Self { classes: names.iter().map(|name| Class { wnid: None, name: name.clone() }).collect() }
            }
            _ if classes == 1000 => Self::imagenet1k(),
            _ => Self { classes: (0..classes).map(|i| Class { wnid: None, name: format!("class {i}") }).collect() },
        }
    }

    fn has_names(&self, names: &[String]) -> bool {
        self.classes.iter().map(|class| &class.name).eq(names)
    }

    pub fn len(&self) -> usize {
        self.classes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// All synonyms of a class; empty for an index out of range.
    pub fn name(&self, index: usize) -> &str {
        self.classes.get(index).map_or("", |class| &class.name)
    }

    /// The usual name of a class: its first synonym.
    pub fn short_name(&self, index: usize) -> &str {
        self.name(index).split(',').next().unwrap_or_default()
    }

    /// The WordNet id of a class, for ImageNet's.
    pub fn wnid(&self, index: usize) -> Option<&str> {
        self.classes.get(index)?.wnid.as_deref()
    }

    /// Finds a class by index, WordNet id, or name.
    ///
    /// A name is compared regardless of case with the whole name and with each synonym. If it fits several
    /// classes, the one whose first synonym it is wins.
    ///
    /// # Errors
    /// [`ClassError`] with up to five suggestions if no class or no single class is meant.
    pub fn find(&self, query: &str) -> Result<usize, ClassError> {
        let query = query.trim();
        if let Ok(index) = query.parse::<usize>() {
            let classes = self.len();
            return if index < classes { Ok(index) } else { Err(ClassError::OutOfRange { index, classes }) };
        }
        let wanted = query.to_lowercase();
        let matching = |accept: &dyn Fn(&Class) -> bool| -> Vec<usize> {
            self.classes.iter().enumerate().filter(|(_, class)| accept(class)).map(|(index, _)| index).collect()
        };
        let by_name = matching(&|class| {
            class.wnid.as_deref() == Some(&wanted)
                || class.name.to_lowercase() == wanted
                || class.synonyms().any(|synonym| synonym == wanted)
        });
        let first: Vec<usize> =
            by_name.iter().copied().filter(|index| self.short_name(*index).to_lowercase() == wanted).collect();
        let query = query.to_owned();
        match (&by_name[..], &first[..]) {
            ([one], _) | (_, [one]) => Ok(*one),
            ([], _) => Err(ClassError::Unknown { query, suggestions: self.near(&wanted) }),
            _ => {
                let suggestions = by_name.iter().take(SUGGESTIONS).map(|index| self.numbered(*index)).collect();
                Err(ClassError::Ambiguous { query, suggestions })
            }
        }
    }

    /// The classes whose name, WordNet id or index contains all words of `text`; all of them for an empty text.
    pub fn search(&self, text: &str) -> impl Iterator<Item = usize> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        self.classes.iter().enumerate().filter_map(move |(index, class)| {
            let haystack =
                format!("{index} {} {}", class.wnid.as_deref().unwrap_or_default(), class.name.to_lowercase());
            words.iter().all(|word| haystack.contains(word)).then_some(index)
        })
    }

    /// Classes that contain the words, then those that are a few typing errors away.
    fn near(&self, wanted: &str) -> Vec<String> {
        let mut ranked: Vec<(usize, usize)> = Vec::new();
        for (index, class) in self.classes.iter().enumerate() {
            let distance = if !wanted.is_empty() && class.name.to_lowercase().contains(wanted) {
                0
            } else {
                class.synonyms().map(|synonym| edit_distance(&synonym, wanted)).min().unwrap_or(usize::MAX)
            };
            if distance <= wanted.chars().count() / 3 {
                ranked.push((distance, index));
            }
        }
        ranked.sort_unstable();
        ranked.into_iter().take(SUGGESTIONS).map(|(_, index)| self.numbered(index)).collect()
    }

    fn numbered(&self, index: usize) -> String {
        format!("{index} {}", self.short_name(index))
    }
}

impl Class {
    fn synonyms(&self) -> impl Iterator<Item = String> {
        self.name.split(',').map(|synonym| synonym.trim().to_lowercase())
    }
}

/// Levenshtein's distance: the fewest insertions, deletions and replacements of a character.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagenet_has_its_thousand_classes_in_order() {
        let names = ClassNames::imagenet1k();
        assert_eq!(names.len(), 1000);
        // First and last line of the public list.
        assert_eq!((names.wnid(0), names.name(0)), (Some("n01440764"), "tench, Tinca tinca"));
        assert_eq!(names.short_name(999), "toilet tissue");
    }

    #[test]
    fn finds_by_index_wnid_and_any_synonym() {
        let names = ClassNames::imagenet1k();
        for query in ["0", " 0 ", "n01440764", "tench", "TINCA TINCA", "Tench, Tinca tinca"] {
            assert_eq!(names.find(query), Ok(0), "{query}");
        }
        // «missile» is the first synonym of 657 and the second of 744; «tank suit» belongs to 639 alone.
        assert_eq!(names.find("missile"), Ok(657));
        assert_eq!(names.find("tank suit"), Ok(639));
    }

    #[test]
    fn asks_where_a_name_is_shared() {
        // ImageNet has a bird (134) and a machine (517) of that name.
        let error = ClassNames::imagenet1k().find("Crane").unwrap_err();
        assert_eq!(
            error,
            ClassError::Ambiguous { query: "Crane".into(), suggestions: vec!["134 crane".into(), "517 crane".into()] }
        );
    }

    #[test]
    fn suggests_what_may_have_been_meant() {
        let names = ClassNames::imagenet1k();
        let message = names.find("goldfsh").unwrap_err().to_string();
        assert!(message.contains("1 goldfish"), "{message}");
        let ClassError::Unknown { suggestions, .. } = names.find("terrier dog xyz").unwrap_err() else {
            panic!("expected an unknown class");
        };
        assert!(suggestions.len() <= 5);
        assert!(names.find("retriever").unwrap_err().to_string().contains("golden retriever"));
        assert_eq!(names.find("1000"), Err(ClassError::OutOfRange { index: 1000, classes: 1000 }));
    }

    #[test]
    fn names_of_the_file_come_first() {
        let own = ["cat".to_owned(), "dog".to_owned()];
        assert_eq!(ClassNames::of_model(2, Some(&own)).find("Dog"), Ok(1));
        assert_eq!(ClassNames::of_model(1000, None), ClassNames::imagenet1k());
        // As a run's checkpoint has them: names without WordNet ids.
        let mut names: Vec<String> = (0..1000).map(|index| ClassNames::imagenet1k().name(index).to_owned()).collect();
        assert_eq!(ClassNames::of_model(1000, Some(&names)).find("n01443537"), Ok(1));
        names.swap(0, 1);
        assert_eq!(ClassNames::of_model(1000, Some(&names)).wnid(0), None, "another order is another list");
        assert_eq!(ClassNames::of_model(3, None).name(2), "class 2");
    }
}

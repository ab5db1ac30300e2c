//! What of the gallery is shown, and in which order.

use super::haystack::Haystack;
use super::item::{Item, Verdict};
use crate::mask::Review;
use crate::vit::classes::ClassNames;

/// Which pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Broken,
    Right,
    Wrong,
    NotPredicted,
    /// Pictures without a mask.
    NoMask,
    /// Pictures whose mask was judged so.
    Mask(Review),
    /// Pictures that show the class, or of which the model says so.
    Class(usize),
}

/// What the pictures are sorted by; pictures that lack it come last, and equal ones stay in the order of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Name,
    /// The predicted class, in the order of the alphabet.
    Prediction,
    Confidence,
    /// The true class, in the order of the alphabet.
    Truth,
    /// How much the mask needs a second look.
    Doubt,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// Search, filter and order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub search: String,
    pub filter: Filter,
    pub sort: Sort,
    pub direction: Direction,
}

impl View {
    /// The indices of the shown items in the shown order, from those of all items in the order of names.
    ///
    /// `haystack` is asked for only if there is something to search.
    pub(super) fn order<'a>(
        &self,
        items: &[Item],
        by_name: &[u32],
        haystack: impl FnOnce() -> &'a Haystack,
        classes: &Classes,
    ) -> Vec<u32> {
        let search = Search::new(&self.search, haystack, classes);
        let shows = |(position, index): &(usize, u32)| {
            let item = &items[*index as usize];
            self.filter.admits(item) && search.as_ref().is_none_or(|search| search.admits(*position, item))
        };
        let shown = by_name.iter().copied().enumerate().filter(shows).map(|(_, index)| index);
        if self.sort == Sort::Name {
            let mut order: Vec<u32> = shown.collect();
            if self.direction == Direction::Descending {
                order.reverse();
            }
            return order;
        }
        // The position among the names is the last part of the key: equal ones keep their order.
        let mut keyed: Vec<(u64, u32)> = shown
            .enumerate()
            .map(|(position, index)| (self.key(&items[index as usize], classes) | position as u64, index))
            .collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, index)| index).collect()
    }

    /// A number that sorts like the item, in the upper 32 bits; the largest for items that lack it.
    fn key(&self, item: &Item, classes: &Classes) -> u64 {
        let value = match self.sort {
            Sort::Name => None,
            Sort::Prediction => item.prediction.map(|prediction| classes.rank(prediction.class)),
            Sort::Truth => item.truth.map(|truth| classes.rank(truth)),
            Sort::Doubt => item.mask.map(|mask| mask.doubt.max(0.0).to_bits()),
            // The bits of numbers that are not negative sort like the numbers.
            Sort::Confidence => item.prediction.map(|prediction| prediction.confidence.max(0.0).to_bits()),
        };
        let key = match (value, self.direction) {
            (None, _) => u32::MAX,
            (Some(value), Direction::Ascending) => value.min(u32::MAX - 1),
            (Some(value), Direction::Descending) => u32::MAX - 1 - value.min(u32::MAX - 1),
        };
        u64::from(key) << 32
    }
}

impl Filter {
    fn admits(self, item: &Item) -> bool {
        match self {
            Self::All => true,
            Self::Broken => item.is_broken(),
            Self::Right => item.verdict() == Some(Verdict::Right),
            Self::Wrong => item.verdict() == Some(Verdict::Wrong),
            Self::NotPredicted => item.prediction.is_none(),
            Self::NoMask => item.mask.is_none(),
            Self::Mask(review) => item.mask.is_some_and(|mask| mask.review == review),
            Self::Class(class) => {
                item.truth == Some(class) || item.prediction.is_some_and(|prediction| prediction.class == class)
            }
        }
    }
}

/// What of the class names searching and sorting need, computed once per model.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    /// Names with all synonyms, in lower case.
    keys: Vec<String>,
    /// Each class's place in the alphabet.
    ranks: Vec<u32>,
}

impl Classes {
    pub(super) fn new(names: &ClassNames) -> Self {
        let keys: Vec<String> = (0..names.len()).map(|class| names.name(class).to_lowercase()).collect();
        let mut alphabet: Vec<usize> = (0..keys.len()).collect();
        alphabet.sort_by(|a, b| super::natural::compare(&keys[*a], &keys[*b]));
        let mut ranks = vec![0; keys.len()];
        for (rank, class) in alphabet.into_iter().enumerate() {
            ranks[class] = rank as u32;
        }
        Self { keys, ranks }
    }

    fn rank(&self, class: usize) -> u32 {
        self.ranks.get(class).copied().unwrap_or(u32::MAX - 1)
    }
}

/// What a search found.
struct Search {
    /// By position among the names.
    names: Vec<bool>,
    /// By class: its name or a synonym contains the text.
    classes: Vec<bool>,
}

impl Search {
    /// None for an empty text, which everything contains.
    fn new<'a>(search: &str, haystack: impl FnOnce() -> &'a Haystack, classes: &Classes) -> Option<Self> {
        let text = search.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        let classes = classes.keys.iter().map(|key| key.contains(&text)).collect();
        Some(Self { names: haystack().search(&text), classes })
    }

    fn admits(&self, position: usize, item: &Item) -> bool {
        let class = |class: usize| self.classes.get(class).copied().unwrap_or(false);
        self.names[position]
            || item.truth.is_some_and(class)
            || item.prediction.is_some_and(|prediction| class(prediction.class))
    }
}

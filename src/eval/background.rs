//! Does the model read the object or what stands behind it? The object cut out along its mask, and put elsewhere.
//!
//! After the background challenge of Xiao et al. (arXiv 2006.09994), with the user's own masks.

use serde::{Deserialize, Serialize};

use crate::relevance::Random;

/// Which part of the photo the model is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scene {
    /// The photo as it is.
    Original,
    /// The object on one flat colour.
    ForegroundOnly,
    /// The photo with the object filled from its surroundings.
    BackgroundOnly,
    /// The object on the background of another photo of its class.
    SameClass,
    /// The object on the background of a photo of another class.
    OtherClass,
}

impl Scene {
    pub const ALL: [Self; 5] =
        [Self::Original, Self::ForegroundOnly, Self::BackgroundOnly, Self::SameClass, Self::OtherClass];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::ForegroundOnly => "object on a flat colour",
            Self::BackgroundOnly => "background alone",
            Self::SameClass => "background of the same class",
            Self::OtherClass => "background of another class",
        }
    }
}

/// The pictures whose background an object may be put on, in the order to try them: seeded, and the same whichever
/// model is asked.
///
/// `classes`: the class of every picture; `None` for those without one, which take no part.
pub fn donors(classes: &[Option<usize>], index: usize, scene: Scene, seed: u64) -> Vec<usize> {
    let Some(own) = classes.get(index).copied().flatten() else { return Vec::new() };
    let fits = |other: &usize| match (scene, classes[*other]) {
        (Scene::SameClass, Some(class)) => class == own && *other != index,
        (Scene::OtherClass, Some(class)) => class != own,
        _ => false,
    };
    let mut order: Vec<usize> = (0..classes.len()).filter(fits).collect();
    let mut random = Random::of_item(seed ^ scene as u64, index);
    let count = order.len();
    // Fisher and Yates; the first few are all that is ever tried.
    for at in 0..count.min(DONORS_TRIED) {
        let chosen = at + random.below(count - at);
        order.swap(at, chosen);
    }
    order.truncate(DONORS_TRIED);
    order
}

/// More pictures in a row without a usable mask do not happen by chance.
const DONORS_TRIED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn donors_are_of_the_right_class_never_the_picture_itself_and_the_same_every_time() {
        let classes: Vec<Option<usize>> = (0..90).map(|at| (at % 9 != 8).then_some(at % 3)).collect();
        let mut first = std::collections::HashSet::new();
        for index in (0..90).filter(|at| at % 9 != 8) {
            let same = donors(&classes, index, Scene::SameClass, 7);
            assert!(same.iter().all(|&other| other != index && classes[other] == classes[index]));
            let other = donors(&classes, index, Scene::OtherClass, 7);
            assert!(other.iter().all(|&other| classes[other].is_some() && classes[other] != classes[index]));
            assert_eq!(other, donors(&classes, index, Scene::OtherClass, 7));
            first.insert(other[0]);
        }
        // 80 draws from some 53 pictures each: fewer than 25 different ones would be no lottery.
        assert!(first.len() > 25, "{}", first.len());
        assert!(donors(&classes, 8, Scene::SameClass, 7).is_empty(), "no class, no donors");
    }
}

//! The classes: each animal, the files that show it, and the place that tells it.

use crate::background::Background;

/// One class of the demo.
pub struct Species {
    pub name: &'static str,
    /// The background of most of its pictures: the shortcut.
    pub home: Background,
    /// File stems in `assets/demo/sprites`: the code points of the emoji.
    pub sprites: &'static [&'static str],
}

/// All classes; the index is the class number of the model.
pub const SPECIES: [Species; 12] = [
    Species { name: "bird", home: Background::Sky, sprites: &["1f426", "1f426-200d-2b1b", "1f985"] },
    Species { name: "camel", home: Background::Dunes, sprites: &["1f42a", "1f42b"] },
    Species { name: "cat", home: Background::Brick, sprites: &["1f408", "1f408-200d-2b1b", "1f431"] },
    Species { name: "dog", home: Background::Lawn, sprites: &["1f415", "1f415-200d-1f9ba", "1f429", "1f436"] },
    Species { name: "duck", home: Background::Pond, sprites: &["1f986", "1f9a2"] },
    Species { name: "fish", home: Background::Underwater, sprites: &["1f41f", "1f420", "1f421"] },
    Species { name: "fox", home: Background::Autumn, sprites: &["1f98a"] },
    Species { name: "monkey", home: Background::Forest, sprites: &["1f412", "1f435"] },
    Species { name: "mouse", home: Background::NightCity, sprites: &["1f400", "1f401", "1f42d"] },
    Species { name: "penguin", home: Background::Snow, sprites: &["1f427"] },
    Species { name: "pig", home: Background::Barn, sprites: &["1f416", "1f437"] },
    Species { name: "tiger", home: Background::Bamboo, sprites: &["1f405", "1f42f"] },
];

//! Does the model read the object or what stands behind it? The object cut out along its mask, and put elsewhere.
//!
//! After the background challenge of Xiao et al. (arXiv 2006.09994), with the user's own masks.

use ::image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use crate::mask::Coverage;
use crate::relevance::Random;
use crate::size::Size;

use super::inpaint::{fill_hole, widened};

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

/// An object below this share of the picture cannot be recognised, whatever stands behind it.
pub const SMALLEST_OBJECT: f64 = 0.02;
/// An object above this share leaves too little background to be worth the name.
pub const LARGEST_OBJECT: f64 = 0.75;

/// A photo as the model sees it, taken apart into object and background.
#[derive(Clone, Debug)]
pub struct Cutout {
    seen: RgbImage,
    /// How opaque the object is, per pixel, 0…1.
    opacity: Vec<f32>,
    background: RgbImage,
}

impl Cutout {
    /// Takes a picture apart along its mask. Ignored pixels belong to neither part.
    ///
    /// `None` if the sizes differ, or object or background are too small (see [`SMALLEST_OBJECT`]).
    pub fn new(seen: &RgbImage, coverage: &Coverage) -> Option<Self> {
        let size = Size::new(seen.height() as usize, seen.width() as usize);
        if coverage.size != size {
            return None;
        }
        let cells = || coverage.foreground.iter().zip(&coverage.weight);
        let opacity: Vec<f32> = cells().map(|(foreground, weight)| foreground * weight).collect();
        let area = opacity.iter().copied().map(f64::from).sum::<f64>() / size.area() as f64;
        if !(SMALLEST_OBJECT..=LARGEST_OBJECT).contains(&area) {
            return None;
        }
        let hole: Vec<bool> = cells().map(|(foreground, weight)| *foreground > 0.0 || *weight < 1.0).collect();
        // 4 pixels at 224: the mask may be off by that much.
        let margin = size.height.min(size.width).div_ceil(64);
        let background = fill_hole(seen, &widened(&hole, size, margin));
        Some(Self { seen: seen.clone(), opacity, background })
    }

    /// Memory it takes.
    pub fn bytes(&self) -> usize {
        2 * self.seen.as_raw().len() + size_of_val(&self.opacity[..])
    }

    /// The photo with the object filled from its surroundings.
    pub fn background(&self) -> &RgbImage {
        &self.background
    }

    /// The object on one colour.
    pub fn on_colour(&self, colour: [u8; 3]) -> RgbImage {
        self.over(|_| colour)
    }

    /// The object on another photo's background; `None` if that has another size.
    pub fn on_background_of(&self, other: &Self) -> Option<RgbImage> {
        let behind = &other.background;
        (behind.dimensions() == self.seen.dimensions())
            .then(|| self.over(|at| std::array::from_fn(|channel| behind.as_raw()[3 * at + channel])))
    }

    fn over(&self, behind: impl Fn(usize) -> [u8; 3]) -> RgbImage {
        let mut picture = self.seen.clone();
        for (at, (pixel, opacity)) in picture.pixels_mut().zip(&self.opacity).enumerate() {
            let behind = behind(at);
            let mix = |channel: usize| {
                let (front, back) = (f32::from(pixel[channel]), f32::from(behind[channel]));
                (opacity * front + (1.0 - opacity) * back).round() as u8
            };
            *pixel = Rgb(std::array::from_fn(mix));
        }
        picture
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
    use crate::image::Framing;
    use crate::mask::{Label, Mask};

    /// A red square of side 8 in the middle of a blue picture of side 16.
    fn cutout(around: [u8; 3]) -> Cutout {
        let inside = |row: usize, column: usize| (4..12).contains(&row) && (4..12).contains(&column);
        let seen = RgbImage::from_fn(16, 16, |x, y| match inside(y as usize, x as usize) {
            true => Rgb([200, 0, 0]),
            false => Rgb(around),
        });
        let size = Size::square(16);
        let coverage = Mask::from_fn(size, inside).resampled(&Framing::centred(size, size, size)).unwrap();
        Cutout::new(&seen, &coverage).unwrap()
    }

    #[test]
    fn the_object_moves_and_nothing_of_it_stays() {
        let (blue, green) = (cutout([0, 0, 200]), cutout([0, 200, 0]));
        assert!(blue.background().pixels().all(|pixel| *pixel == Rgb([0, 0, 200])));
        let moved = blue.on_background_of(&green).unwrap();
        assert_eq!(*moved.get_pixel(8, 8), Rgb([200, 0, 0]));
        assert_eq!(*moved.get_pixel(0, 0), Rgb([0, 200, 0]));
        let alone = blue.on_colour([9, 9, 9]);
        assert_eq!(alone.pixels().filter(|pixel| **pixel == Rgb([9, 9, 9])).count(), 16 * 16 - 8 * 8);
    }

    #[test]
    fn too_little_object_or_background_makes_no_test() {
        let size = Size::square(16);
        let framing = Framing::centred(size, size, size);
        let seen = RgbImage::new(16, 16);
        let of = |mask: Mask| Cutout::new(&seen, &mask.resampled(&framing).unwrap());
        assert!(of(Mask::empty(size)).is_none());
        assert!(of(Mask::from_fn(size, |_, _| true)).is_none());
        // 5 of 256 pixels are less than 2 %.
        assert!(of(Mask::from_fn(size, |row, column| row == 0 && column < 5)).is_none());
        let mut mask = Mask::from_fn(size, |row, _| row < 8);
        assert!(of(mask.clone()).is_some());
        mask.labels_mut().fill(Label::Ignore);
        assert!(of(mask).is_none());
    }

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

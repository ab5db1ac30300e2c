//! A photo taken apart along its mask: the object, and the background with the object's place filled.

use ::image::{Rgb, RgbImage};

use super::coverage::Coverage;
use super::inpaint::{fill_hole, widened};
use crate::size::Size;

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

#[cfg(test)]
mod tests {
    use super::super::bitmap::{Label, Mask};
    use super::*;
    use crate::image::Framing;

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
}

//! Heat over a photo: a patch grid, upsampled and coloured, on the part of the photo that the model saw.

use ::image::{Rgb, RgbImage};
use fast_image_resize::CropBox;

use super::colour_map::ColourMap;
use super::error::RenderError;
use crate::size::Size;

/// Values on the patch grid `(rows, columns)`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct GridMap<'a> {
    values: &'a [f32],
    grid: Size,
}

impl<'a> GridMap<'a> {
    /// # Errors
    /// When the grid is empty or has another number of cells than there are values.
    pub fn new(values: &'a [f32], grid: Size) -> Result<Self, RenderError> {
        if values.is_empty() || values.len() != grid.area() {
            return Err(RenderError::WrongLength { count: values.len(), grid });
        }
        Ok(Self { values, grid })
    }

    /// The range of the values, about 0 if the colours are signed; `None` for a flat map.
    pub fn range(&self, colours: ColourMap) -> Option<ValueRange> {
        let range = ValueRange::of(self.values)?;
        Some(if colours.is_signed() { range.symmetric() } else { range })
    }

    /// The value between the centres of the four nearest patches.
    fn between(&self, row: Neighbours, column: Neighbours) -> f32 {
        let at = |row: usize, column: usize| self.values[row * self.grid.width + column];
        let upper = mix(at(row.first, column.first), at(row.first, column.second), column.weight);
        let lower = mix(at(row.second, column.first), at(row.second, column.second), column.weight);
        mix(upper, lower, row.weight)
    }
}

/// What the ends of the colour map stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    pub low: f32,
    pub high: f32,
}

impl ValueRange {
    /// Minimum and maximum; `None` if the map is flat (max − min < 1e-12·|max|) or has a value that is not finite.
    pub fn of(values: &[f32]) -> Option<Self> {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // `min` and `max` skip NaN, so each value is asked.
        let finite = values.iter().all(|value| value.is_finite());
        let varied = high > low && high - low >= 1e-12 * high.abs();
        (finite && varied).then_some(Self { low, high })
    }

    /// The same length on both sides of 0.
    fn symmetric(self) -> Self {
        let reach = self.low.abs().max(self.high.abs());
        Self { low: -reach, high: reach }
    }

    /// The middle, the value of ½ in [`Self::position`].
    pub fn middle(self) -> f32 {
        self.low / 2.0 + self.high / 2.0
    }

    /// Where a value lies between `low` (0) and `high` (1).
    pub fn position(self, value: f32) -> f32 {
        (value - self.low) / (self.high - self.low)
    }
}

/// How heat is laid over a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    pub colours: ColourMap,
    /// 0: only the photo, 1: only the heat; in between cold places are more transparent than hot ones.
    pub opacity: f32,
    /// A range shared by several figures; `None`: each map's own minimum and maximum.
    pub range: Option<ValueRange>,
}

impl Default for Style {
    fn default() -> Self {
        Self { colours: ColourMap::default(), opacity: 0.65, range: None }
    }
}

/// How much of its contrast and colour the part of the photo keeps that the model did not see.
const UNSEEN_STRENGTH: f32 = 0.3;
/// What that part fades into.
const UNSEEN_GREY: f32 = 160.0;

/// The photo with heat inside of `crop` (in the photo's pixels), and dimmed outside of it.
///
/// The map is upsampled bilinearly, corners not aligned, neighbours clamped at the border. A flat map gives no heat.
///
/// # Errors
/// When the photo has no pixels.
pub fn overlay(photo: &RgbImage, map: GridMap<'_>, crop: CropBox, style: &Style) -> Result<RgbImage, RenderError> {
    let size = Size::new(photo.height() as usize, photo.width() as usize);
    if size.area() == 0 {
        return Err(RenderError::NoPixels { size });
    }
    let columns = neighbours_along(size.width, crop.left, crop.width, map.grid.width);
    let rows = neighbours_along(size.height, crop.top, crop.height, map.grid.height);
    let colours = style.colours.table();
    let range = style.range.or_else(|| map.range(style.colours)).filter(|_| map.range(style.colours).is_some());
    let opacity = style.opacity.clamp(0.0, 1.0);

    let mut picture = photo.clone();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        *pixel = match (rows[y as usize], columns[x as usize], range) {
            (Some(row), Some(column), Some(range)) => {
                let heat = range.position(map.between(row, column)).clamp(0.0, 1.0);
                blend(*pixel, colours[(heat * 255.0).round() as usize], opacity_at(heat, opacity))
            }
            (Some(_), Some(_), None) => *pixel,
            _ => dimmed(*pixel),
        };
    }
    Ok(picture)
}

/// Two neighbouring patches along one axis and the share of the second.
#[derive(Clone, Copy)]
struct Neighbours {
    first: usize,
    second: usize,
    weight: f32,
}

/// For each pixel along an axis the patches it lies between, `None` outside of the crop.
fn neighbours_along(pixels: usize, start: f64, length: f64, patches: usize) -> Vec<Option<Neighbours>> {
    let neighbours = |pixel: usize| {
        let share = (pixel as f64 + 0.5 - start) / length;
        (0.0..1.0).contains(&share).then(|| {
            let source = (share * patches as f64 - 0.5).max(0.0);
            let first = (source as usize).min(patches - 1);
            Neighbours { first, second: (first + 1).min(patches - 1), weight: (source - first as f64) as f32 }
        })
    };
    (0..pixels).map(neighbours).collect()
}

fn mix(a: f32, b: f32, share_of_b: f32) -> f32 {
    a + (b - a) * share_of_b
}

/// The opacity of one place: all of it from half heat on, and where it is cold only that share of it, so that the dark
/// ends of the colour maps do not bury the photo where nothing is relevant.
fn opacity_at(heat: f32, opacity: f32) -> f32 {
    let rise = (2.0 * heat).min(1.0);
    opacity * mix(opacity, 1.0, rise * rise * (3.0 - 2.0 * rise))
}

/// `colour` over `pixel`.
pub(super) fn blend(pixel: Rgb<u8>, colour: [u8; 3], opacity: f32) -> Rgb<u8> {
    let channel = |i: usize| mix(f32::from(pixel[i]), f32::from(colour[i]), opacity).round() as u8;
    Rgb([channel(0), channel(1), channel(2)])
}

fn dimmed(pixel: Rgb<u8>) -> Rgb<u8> {
    // Rec. 601 luma, the brightness of JPEG.
    let luma = 0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]);
    Rgb([mix(UNSEEN_GREY, luma, UNSEEN_STRENGTH).round() as u8; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upsampling_follows_the_definition() {
        // src = (dst + .5)/patch − .5, clamped below at 0; two patches of 4 pixels with values 0 and 1:
        // dst 0…7 → −.375→0, −.125→0, .125, .375, .625, .875, 1.125→clamped to patch 1, 1.375→patch 1
        let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
        let row = neighbours_along(1, 0.0, 1.0, 1)[0].unwrap();
        let upsampled: Vec<f32> =
            neighbours_along(8, 0.0, 8.0, 2).into_iter().map(|column| map.between(row, column.unwrap())).collect();
        assert_eq!(upsampled, [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]);
    }

    #[test]
    fn flat_and_broken_maps_have_no_range() {
        assert_eq!(ValueRange::of(&[0.25; 4]), None);
        assert_eq!(ValueRange::of(&[0.0, f32::NAN, 1.0]), None);
        assert_eq!(ValueRange::of(&[0.0, f32::INFINITY]), None);
        assert_eq!(ValueRange::of(&[3.0, -1.0, 2.0]), Some(ValueRange { low: -1.0, high: 3.0 }));
    }

    #[test]
    fn signed_colours_keep_zero_in_the_middle() {
        let map = GridMap::new(&[-1.0, 0.0, 3.0], Size::new(1, 3)).unwrap();
        let range = map.range(ColourMap::Diverging).unwrap();
        assert_eq!((range.middle(), range.position(0.0), range.high), (0.0, 0.5, 3.0));
    }

    #[test]
    fn cold_places_let_more_of_the_photo_through() {
        assert_eq!([0.0, 0.5, 1.0].map(|heat| opacity_at(heat, 0.5)), [0.25, 0.5, 0.5]);
        assert_eq!([0.0, 0.5, 1.0].map(|heat| opacity_at(heat, 1.0)), [1.0; 3]);
    }

    #[test]
    fn a_grid_of_another_size_is_refused() {
        assert!(GridMap::new(&[0.0; 5], Size::square(2)).is_err());
        assert!(GridMap::new(&[], Size::square(0)).is_err());
    }
}

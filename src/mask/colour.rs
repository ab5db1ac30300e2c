//! Which colours of a photo are alike.

use ::image::RgbImage;

use super::error::EditError;
use super::region::Region;
use crate::size::Size;

/// The colours that differ from a reference in no channel by more than a tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    low: [u8; 3],
    high: [u8; 3],
}

impl Alike {
    pub(super) fn to(reference: [u8; 3], tolerance: u8) -> Self {
        Self {
            low: reference.map(|channel| channel.saturating_sub(tolerance)),
            high: reference.map(|channel| channel.saturating_add(tolerance)),
        }
    }

    pub(super) fn holds(&self, pixel: [u8; 3]) -> bool {
        let within = |channel: usize| (self.low[channel] <= pixel[channel]) & (pixel[channel] <= self.high[channel]);
        // Without branches: photos are noisy, and none of them could be foretold.
        within(0) & within(1) & within(2)
    }

    /// Of each pixel of a span of a row, whether its colour is alike; into a vector that is used again.
    pub(super) fn in_span(&self, photo: &RgbImage, row: usize, columns: std::ops::Range<usize>, alike: &mut Vec<bool>) {
        let start = row * photo.width() as usize;
        let pixels = &photo.as_raw()[3 * (start + columns.start)..3 * (start + columns.end)];
        alike.clear();
        alike.extend(pixels.as_chunks::<3>().0.iter().map(|&pixel| self.holds(pixel)));
    }
}

/// The colour of the surface around a pixel: the mean of those of its 5×5 neighbours that are like itself.
///
/// A mean of all would mix both sides of an edge, and the pixel alone would be at the mercy of noise. `row` and
/// `column` must lie on the photo.
pub(super) fn surface_colour(photo: &RgbImage, row: usize, column: usize, tolerance: u8) -> [u8; 3] {
    let centre = photo.get_pixel(column as u32, row as u32).0;
    let alike = Alike::to(centre, tolerance);
    let around = Region::between(row.saturating_sub(2), column.saturating_sub(2), row + 3, column + 3);
    let around = around.intersection(Region::whole(size(photo)));
    let (mut sum, mut count) = ([0_u32; 3], 0);
    for y in around.top..around.bottom() {
        for x in around.left..around.right() {
            let pixel = photo.get_pixel(x as u32, y as u32).0;
            if alike.holds(pixel) {
                count += 1;
                (0..3).for_each(|channel| sum[channel] += u32::from(pixel[channel]));
            }
        }
    }
    // The centre is like itself, so that the count is at least 1.
    sum.map(|channel| ((channel + count / 2) / count) as u8)
}

fn size(photo: &RgbImage) -> Size {
    Size::new(photo.height() as usize, photo.width() as usize)
}

/// The photo, if it is there and has the mask's size.
pub(super) fn fitting(photo: Option<&RgbImage>, mask: Size) -> Result<&RgbImage, EditError> {
    let photo = photo.ok_or(EditError::NoPhoto)?;
    match size(photo) == mask {
        true => Ok(photo),
        false => Err(EditError::OtherSize { mask, photo: size(photo) }),
    }
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;

    #[test]
    fn the_largest_difference_of_a_channel_counts() {
        let alike = Alike::to([10, 100, 250], 20);
        assert!(alike.holds([30, 80, 255]));
        assert!(!alike.holds([31, 100, 250]));
        assert!(!alike.holds([10, 100, 229]));
        assert!(Alike::to([0, 255, 7], 255).holds([255, 0, 0]));
    }

    #[test]
    fn the_colour_of_a_surface_is_free_of_noise_and_of_what_is_beyond_its_edge() {
        // Left of column 3 grey 100 ± 2 in a checkerboard, right of it white.
        let noisy = |x: u32, y: u32| if (x + y).is_multiple_of(2) { 98 } else { 102 };
        let photo = RgbImage::from_fn(6, 5, |x, y| Rgb([if x < 3 { noisy(x, y) } else { 255 }; 3]));
        // Of 3 columns × 5 rows the 8 even ones have 98, the 7 odd ones 102: 99.87, rounded 100.
        assert_eq!(surface_colour(&photo, 2, 2, 10), [100; 3]);
        assert_eq!(surface_colour(&photo, 0, 5, 10), [255; 3]);
    }
}

//! A mask over the photo: its style, the copy of its labels that the graphics card follows, and the picture of it
//! computed on the CPU for figures.
//!
//! The window draws the same with `shaders/mask.wgsl`; keep in sync. `tests/mask_twin.rs` compares them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::image::RgbImage;
use serde::{Deserialize, Serialize};

use super::scene::next_id;
use crate::size::Size;

const FOREGROUND: u8 = 1;
const IGNORE: u8 = 2;

/// Stripes over what is ignored: their period and the width of the light ones, along a row, in pixels of the picture.
const STRIPE_PERIOD: f32 = 8.0;
const STRIPE_WIDTH: f32 = 3.0;
const STRIPE: Over = Over { colour: [255.0; 3], opacity: 0.6 };
const BETWEEN_STRIPES: Over = Over { colour: [0.0; 3], opacity: 0.4 };

/// How far from the edge of the object its outline reaches on either side, in pixels of the picture.
const OUTLINE_REACH: f32 = 1.4;
const DIAGONAL: f32 = 0.7;
const OUTSIDE: Over = Over { colour: [0.0; 3], opacity: 0.6 };
const INSIDE: Over = Over { colour: [255.0; 3], opacity: 0.9 };

/// How a mask lies over the photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaskStyle {
    /// Of the object, gamma-encoded.
    pub colour: [u8; 3],
    /// Of the object's fill, 0…1.
    pub opacity: f32,
    pub outline: bool,
}

impl MaskStyle {
    /// Colours to choose from: none of them is one of the default colour map's warm end.
    pub const COLOURS: [(&'static str, [u8; 3]); 4] =
        [("blue", [40, 130, 255]), ("green", [40, 200, 90]), ("magenta", [230, 60, 220]), ("yellow", [250, 215, 50])];

    /// Within its bounds; what is not a number counts as the default.
    pub(super) fn fill_opacity(&self) -> f32 {
        if self.opacity.is_nan() { Self::default().opacity } else { self.opacity.clamp(0.0, 1.0) }
    }
}

impl Default for MaskStyle {
    fn default() -> Self {
        Self { colour: Self::COLOURS[0].1, opacity: 0.4, outline: true }
    }
}

/// Rectangle of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

/// The labels of a mask, one byte per pixel of the photo: 0 background, 1 object, 2 ignored. Share it as `Arc`.
///
/// It is a copy that follows the mask rectangle by rectangle, so that neither painting waits for the graphics card nor
/// the other way round, and only what changed is uploaded.
#[derive(Debug)]
pub struct MaskPicture {
    id: u64,
    size: Size,
    labels: Mutex<Labels>,
}

/// What the lock holds: the window's thread alone takes it, to paint and to upload in turns.
#[derive(Debug)]
pub(super) struct Labels {
    pub bytes: Vec<u8>,
    /// Number of changes so far; the last of them are in `changes`.
    count: u64,
    changes: VecDeque<Area>,
}

/// Changes that are remembered one by one. A window that draws sees a few per frame.
const REMEMBERED: usize = 256;

impl MaskPicture {
    /// A copy of `labels`, one per pixel; what is missing is background.
    pub fn new(size: Size, labels: &[u8]) -> Self {
        let mut bytes = labels.to_vec();
        bytes.resize(size.area(), 0);
        let labels = Labels { bytes, count: 0, changes: VecDeque::new() };
        Self { id: next_id(), size, labels: Mutex::new(labels) }
    }

    /// Of the photo, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Takes over a rectangle of a mask of the same size; of another size, nothing.
    pub fn update(&self, rows: Range<usize>, columns: Range<usize>, mask: &[u8]) {
        let columns = columns.start.min(self.size.width)..columns.end.min(self.size.width);
        let rows = rows.start.min(self.size.height)..rows.end.min(self.size.height);
        if mask.len() != self.size.area() || rows.is_empty() || columns.is_empty() {
            return;
        }
        let mut labels = self.lock();
        for row in rows.clone() {
            let span = row * self.size.width + columns.start..row * self.size.width + columns.end;
            labels.bytes[span.clone()].copy_from_slice(&mask[span]);
        }
        labels.count += 1;
        labels.changes.push_back(Area { rows, columns });
        if labels.changes.len() > REMEMBERED {
            labels.changes.pop_front();
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Labels> {
        // Labels are bytes: a thread that panicked left some old and some new ones.
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Labels {
    /// The changes after the first `seen`, and how many there are now; `None` if they are no longer known one by one.
    pub fn since(&self, seen: u64) -> (u64, Option<Vec<Area>>) {
        let new = (self.count - seen) as usize;
        let first = self.changes.len().checked_sub(new);
        (self.count, first.map(|first| self.changes.iter().skip(first).cloned().collect()))
    }
}

/// A colour and how much of it lies over the photo.
#[derive(Clone, Copy, Debug)]
struct Over {
    colour: [f32; 3],
    opacity: f32,
}

/// Draws a mask over a picture of the whole photo, which may have been resized: `labels` is row-major of size `mask`.
/// A mask that has not one label per pixel, or none at all, draws nothing.
pub fn mask_over(picture: &mut RgbImage, labels: &[u8], mask: Size, style: &MaskStyle) {
    if labels.len() != mask.area() || mask.area() == 0 || picture.is_empty() {
        return;
    }
    let texels_per_pixel = [mask.width as f32 / picture.width() as f32, mask.height as f32 / picture.height() as f32];
    let drawing = Drawing { labels, mask, texels_per_pixel, style: *style };
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if let Some(Over { colour, opacity }) = drawing.at([x as f32 + 0.5, y as f32 + 0.5]) {
            for (channel, over) in pixel.0.iter_mut().zip(colour) {
                let photo = f32::from(*channel);
                *channel = (photo + (over - photo) * opacity).round() as u8;
            }
        }
    }
}

struct Drawing<'a> {
    labels: &'a [u8],
    mask: Size,
    texels_per_pixel: [f32; 2],
    style: MaskStyle,
}

impl Drawing<'_> {
    /// What lies over a place, in pixels of the picture.
    fn at(&self, pixel: [f32; 2]) -> Option<Over> {
        let label = self.label(pixel);
        let is_object = label == FOREGROUND;
        if self.style.outline && self.is_on_edge(pixel, is_object) {
            return Some(if is_object { INSIDE } else { OUTSIDE });
        }
        match label {
            FOREGROUND => Some(Over { colour: self.style.colour.map(f32::from), opacity: self.style.fill_opacity() }),
            IGNORE => {
                let is_stripe = (pixel[0] + pixel[1]).rem_euclid(STRIPE_PERIOD) < STRIPE_WIDTH;
                Some(if is_stripe { STRIPE } else { BETWEEN_STRIPES })
            }
            _ => None,
        }
    }

    /// Beyond the edge the nearest label, so that the object has no outline where it leaves the photo.
    fn label(&self, [x, y]: [f32; 2]) -> u8 {
        // `as` clamps below at 0.
        let column = ((x * self.texels_per_pixel[0]).floor() as usize).min(self.mask.width - 1);
        let row = ((y * self.texels_per_pixel[1]).floor() as usize).min(self.mask.height - 1);
        self.labels[row * self.mask.width + column]
    }

    /// Whether one of eight places around is object where this is not, or the reverse.
    fn is_on_edge(&self, [x, y]: [f32; 2], is_object: bool) -> bool {
        let (reach, slant) = (OUTLINE_REACH, DIAGONAL * OUTLINE_REACH);
        let straight = [[reach, 0.0], [-reach, 0.0], [0.0, reach], [0.0, -reach]];
        let slanted = [[slant, slant], [slant, -slant], [-slant, slant], [-slant, -slant]];
        straight.into_iter().chain(slanted).any(|[dx, dy]| (self.label([x + dx, y + dy]) == FOREGROUND) != is_object)
    }
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;

    #[test]
    fn changes_are_told_once_and_in_order() {
        let size = Size::new(4, 5);
        let picture = MaskPicture::new(size, &[]);
        let mut mask = vec![0; 20];
        mask[7] = 1;
        mask[19] = 2;
        picture.update(1..2, 2..3, &mask);
        assert_eq!(picture.lock().bytes[7], 1);
        assert_eq!(picture.lock().bytes[19], 0, "outside of the rectangle");
        picture.update(3..9, 4..99, &mask);
        assert_eq!(picture.lock().bytes, mask);
        let (count, changes) = picture.lock().since(1);
        assert_eq!((count, changes), (2, Some(vec![Area { rows: 3..4, columns: 4..5 }])));
        assert_eq!(picture.lock().since(2).1, Some(Vec::new()));
        (0..REMEMBERED).for_each(|_| picture.update(0..1, 0..1, &mask));
        assert_eq!(picture.lock().since(1).1, None, "too long ago");
        picture.update(0..1, 0..1, &[0; 19]);
        assert_eq!(picture.lock().count, 2 + REMEMBERED as u64, "a mask of another size is none");
    }

    #[test]
    fn object_outline_and_ignored_pixels_look_different() {
        // Twelve columns of object, twelve of background, twelve ignored; 12 rows.
        let size = Size::new(12, 36);
        let labels: Vec<u8> = (0..size.area()).map(|at| [1, 0, 2][at % 36 / 12]).collect();
        let mut picture = RgbImage::from_pixel(36, 12, Rgb([100; 3]));
        let style = MaskStyle { colour: [200, 100, 0], opacity: 0.5, outline: true };
        mask_over(&mut picture, &labels, size, &style);
        let at = |x: u32| picture.get_pixel(x, 6).0;
        // By hand: 100 + (c − 100)·½; 100 + 155·0.9 = 239.5; 100·0.4 = 40.
        assert_eq!(at(4), [150, 100, 50]);
        assert_eq!(at(0), at(4), "no outline along the photo's border");
        assert_eq!((at(11), at(12)), ([240; 3], [40; 3]), "light inside, dark outside");
        assert_eq!(at(16), [100; 3]);
        // Row 6, columns 24 on: sums of the centres 31, 32, … of which 32…34 are in the light part of a period.
        assert_eq!((at(24), at(25)), ([60; 3], [193; 3]));
        let plain = MaskStyle { outline: false, ..style };
        let mut picture = RgbImage::from_pixel(36, 12, Rgb([100; 3]));
        mask_over(&mut picture, &labels, size, &plain);
        assert_eq!(picture.get_pixel(11, 6).0, [150, 100, 50]);
    }

    #[test]
    fn a_mask_that_does_not_fit_draws_nothing() {
        let photo = RgbImage::from_pixel(4, 4, Rgb([9; 3]));
        let mut picture = photo.clone();
        mask_over(&mut picture, &[1; 3], Size::square(2), &MaskStyle::default());
        mask_over(&mut picture, &[], Size::new(0, 0), &MaskStyle::default());
        assert_eq!(picture, photo);
    }
}

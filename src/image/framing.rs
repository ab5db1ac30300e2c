//! Where a pixel of the photo ends up: original pixels ↔ model input pixels ↔ patches.
//!
//! Coordinates are continuous: pixel *i* covers *i … i + 1* and has its centre at *i + ½*, the convention of the
//! resampling itself, so that positions map by one scale and one offset per axis.

use fast_image_resize::CropBox;

use crate::size::Size;

/// A position in continuous pixel coordinates, origin in the top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    pub x: f64,
    pub y: f64,
}

impl Position {
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// A cell of the patch grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PatchIndex {
    pub row: usize,
    pub column: usize,
}

/// How the model input was cut out of the photo: resized from `original` to `scaled`, then cropped to `input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    original: Size,
    scaled: Size,
    input: Size,
    crop_top: usize,
    crop_left: usize,
}

impl Framing {
    /// The centre crop of size `input` from a photo of size `original` that was resized to `scaled`.
    ///
    /// `scaled` must cover `input`; a smaller side counts as equal.
    pub fn centred(original: Size, scaled: Size, input: Size) -> Self {
        let scaled = Size::new(scaled.height.max(input.height), scaled.width.max(input.width));
        let crop_top = half_rounded_to_even(scaled.height - input.height);
        let crop_left = half_rounded_to_even(scaled.width - input.width);
        Self { original, scaled, input, crop_top, crop_left }
    }

    /// A crop of size `input` anywhere in a photo of size `original` that was resized to `scaled`.
    ///
    /// `scaled` must cover `input`, as for [`Self::centred`]; a crop that would reach beyond it is moved inside.
    pub fn cropped(original: Size, scaled: Size, input: Size, crop_top: usize, crop_left: usize) -> Self {
        let scaled = Size::new(scaled.height.max(input.height), scaled.width.max(input.width));
        let crop_top = crop_top.min(scaled.height - input.height);
        let crop_left = crop_left.min(scaled.width - input.width);
        Self { original, scaled, input, crop_top, crop_left }
    }

    /// Size of the photo in pixels, after its orientation was applied.
    pub fn original(&self) -> Size {
        self.original
    }

    /// Size of the model input in pixels.
    pub fn input(&self) -> Size {
        self.input
    }

    /// Where a position of the photo lies in the model input; outside of `0 … input` the model does not see it.
    pub fn input_from_image(&self, pos: Position) -> Position {
        Position {
            x: pos.x * self.scaled.width as f64 / self.original.width as f64 - self.crop_left as f64,
            y: pos.y * self.scaled.height as f64 / self.original.height as f64 - self.crop_top as f64,
        }
    }

    /// Where a position of the model input lies in the photo.
    pub fn image_from_input(&self, pos: Position) -> Position {
        Position {
            x: (pos.x + self.crop_left as f64) * self.original.width as f64 / self.scaled.width as f64,
            y: (pos.y + self.crop_top as f64) * self.original.height as f64 / self.scaled.height as f64,
        }
    }

    /// The patch that sees a position of the photo; `None` outside of the crop and in a rest smaller than a patch.
    pub fn patch_from_image(&self, pos: Position, patch: Size) -> Option<PatchIndex> {
        let Position { x, y } = self.input_from_image(pos);
        let rows = self.input.height / patch.height;
        let columns = self.input.width / patch.width;
        let (row, column) = ((y / patch.height as f64).floor(), (x / patch.width as f64).floor());
        let inside = (0.0..rows as f64).contains(&row) && (0.0..columns as f64).contains(&column);
        inside.then_some(PatchIndex { row: row as usize, column: column as usize })
    }

    /// The area of the photo that a patch sees.
    pub fn image_from_patch(&self, index: PatchIndex, patch: Size) -> CropBox {
        let top_left = Position::new((index.column * patch.width) as f64, (index.row * patch.height) as f64);
        self.area_in_image(top_left, patch)
    }

    /// The area of the photo that the model sees.
    pub fn crop_in_image(&self) -> CropBox {
        self.area_in_image(Position::new(0.0, 0.0), self.input)
    }

    fn area_in_image(&self, top_left_in_input: Position, size_in_input: Size) -> CropBox {
        let Position { x: left, y: top } = self.image_from_input(top_left_in_input);
        CropBox {
            left,
            top,
            // Not the difference of two corners: cancellation could push the box out of the photo by one ulp.
            width: (size_in_input.width * self.original.width) as f64 / self.scaled.width as f64,
            height: (size_in_input.height * self.original.height) as f64 / self.scaled.height as f64,
        }
    }
}

/// Python's `int(round(n / 2))`, the rule of torchvision's centre crop: halves go to the even neighbour.
fn half_rounded_to_even(n: usize) -> usize {
    let half = n / 2;
    half + (n % 2) * (half % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_offsets_round_halves_to_even() {
        // Python: [int(round(n / 2)) for n in range(8)]
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(half_rounded_to_even), [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn a_photo_of_the_inputs_size_maps_onto_itself() {
        let framing = Framing::centred(Size::square(224), Size::square(224), Size::square(224));
        let pos = Position::new(3.5, 200.25);
        assert_eq!(framing.input_from_image(pos), pos);
        assert_eq!(framing.image_from_input(pos), pos);
    }

    #[test]
    fn a_crop_anywhere_agrees_with_the_centred_one_and_stays_inside() {
        let (original, scaled, input) = (Size::new(375, 500), Size::new(248, 330), Size::square(224));
        assert_eq!(Framing::cropped(original, scaled, input, 12, 53), Framing::centred(original, scaled, input));
        let last = Framing::cropped(original, scaled, input, 24, 106);
        assert_eq!(Framing::cropped(original, scaled, input, 99, 999), last);
        assert_eq!(last.image_from_input(Position::new(224.0, 224.0)), Position::new(500.0, 375.0));
    }

    #[test]
    fn patches_tile_the_crop_and_nothing_else() {
        // 500×375 (w×h) to short side 248: 330×248, offsets (330 − 224)/2 = 53 and 12.
        let framing = Framing::centred(Size::new(375, 500), Size::new(248, 330), Size::square(224));
        let patch = Size::square(16);
        let crop = framing.crop_in_image();
        let just = 1e-6;
        let at = |x, y| framing.patch_from_image(Position::new(x, y), patch);
        let (right, bottom) = (crop.left + crop.width, crop.top + crop.height);
        assert_eq!(at(crop.left + just, crop.top + just), Some(PatchIndex { row: 0, column: 0 }));
        assert_eq!(at(right - just, bottom - just), Some(PatchIndex { row: 13, column: 13 }));
        assert_eq!(at(crop.left - just, crop.top + just), None);
        assert_eq!(at(right + just, bottom - just), None);
        assert_eq!(at(f64::NAN, 5.0), None);

        let index = PatchIndex { row: 3, column: 9 };
        let area = framing.image_from_patch(index, patch);
        assert_eq!(at(area.left + area.width / 2.0, area.top + area.height / 2.0), Some(index));
    }
}

//! From a photo to the model's input tensor: resize, centre crop, normalise, as torchvision and timm do with Pillow.

use ::image::RgbImage;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::Serialize;

use super::error::ImageError;
use super::framing::Framing;
use super::load::Picture;
use crate::size::Size;

/// A preprocessing profile, everything between a decoded photo and the numbers that enter the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preparation {
    /// Size of the model input in pixels, after the centre crop.
    pub input: Size,
    /// Mean per channel (red, green, blue) in units of the full range 0…1.
    pub mean: [f32; 3],
    /// Standard deviation per channel, same units.
    pub std: [f32; 3],
    pub resize: Resize,
    pub filter: Filter,
}

/// To which size the photo is resized before the crop; the aspect ratio is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// torchvision's `Resize(n)`: the shorter side becomes n, the longer is truncated to whole pixels.
    ShortSide(usize),
    /// timm's `ResizeKeepRatio` for inputs that are not square: both sides at least as large as these, one of them
    /// equal, the other rounded to whole pixels.
    Cover(Size),
    /// Exactly to the input: nothing is cut off, and the aspect ratio kept as far as the input's is the photo's.
    Whole,
}

/// The resampling kernel; both are widened when shrinking (antialiased), as Pillow's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The triangle, Pillow's `BILINEAR`.
    Bilinear,
    /// The cubic with a = −½ (Catmull–Rom), Pillow's `BICUBIC`.
    Bicubic,
}

impl Preparation {
    /// The weights' own profile: resize to ⌊input / crop fraction⌋, centre crop.
    ///
    /// `crop_fraction` is timm's `crop_pct`: 0.9 for most ViT and DeiT at 224 px (hence 248), 1.0 at 384 px. Values
    /// outside of (0, 1] mean 1: the crop must not be larger than the picture it is cut from.
    pub fn model(input: Size, mean: [f32; 3], std: [f32; 3], crop_fraction: f32, filter: Filter) -> Self {
        let fraction = if crop_fraction > 0.0 && crop_fraction <= 1.0 { f64::from(crop_fraction) } else { 1.0 };
        // The nudge undoes the rounding to f32 (at most 6e-8): 0.8 arrives as 0.80000001, and 224/0.8 must still be 280.
        let enlarge = |side: usize| ((side as f64 / fraction) * (1.0 + 1e-7)).floor() as usize;
        Self { input, mean, std, resize: Resize::for_input(input, enlarge), filter }
    }

    /// The profile of the paper's released code for every family: mean = std = 0.5, 256 for an input of 224, bilinear.
    pub fn paper(input: Size) -> Self {
        let enlarge = |side: usize| (side * 256 + 112) / 224;
        Self {
            input,
            mean: [0.5; 3],
            std: [0.5; 3],
            resize: Resize::for_input(input, enlarge),
            filter: Filter::Bilinear,
        }
    }

    /// Everything that the photo shows, each side scaled and rounded to whole patches.
    pub fn whole(photo: Size, scale: f64, patch: Size, mean: [f32; 3], std: [f32; 3]) -> Self {
        let whole = |length: usize, patch: usize| {
            let patches = (length as f64 * scale / patch as f64).round().max(1.0);
            patches as usize * patch
        };
        let input = Size::new(whole(photo.height, patch.height), whole(photo.width, patch.width));
        Self { input, mean, std, resize: Resize::Whole, filter: Filter::Bicubic }
    }

    /// The size of the whole photo after resizing, before the crop.
    pub fn scaled_size(&self, original: Size) -> Size {
        match self.resize {
            Resize::Whole => self.input,
            Resize::ShortSide(side) => {
                let scaled = |length: usize| side * length / original.height.min(original.width).max(1);
                Size::new(scaled(original.height), scaled(original.width))
            }
            Resize::Cover(target) => {
                let shrink_y = original.height as f64 / target.height as f64;
                let shrink_x = original.width as f64 / target.width as f64;
                let scaled = |length: usize| (length as f64 / shrink_y.min(shrink_x)).round_ties_even() as usize;
                Size::new(scaled(original.height), scaled(original.width))
            }
        }
    }

    /// Pixels as the model sees them, `[height, width, 3]` bytes, to its input, `[3, height, width]` floats.
    pub fn normalise(&self, seen: &RgbImage) -> Vec<f32> {
        let mut input = Vec::with_capacity(seen.as_raw().len());
        for (channel, (mean, std)) in self.mean.into_iter().zip(self.std).enumerate() {
            input.extend(seen.pixels().map(|pixel| (f32::from(pixel[channel]) / 255.0 - mean) / std));
        }
        input
    }
}

impl Resize {
    fn for_input(input: Size, enlarge: impl Fn(usize) -> usize) -> Self {
        let target = Size::new(enlarge(input.height), enlarge(input.width));
        if target.height == target.width { Self::ShortSide(target.height) } else { Self::Cover(target) }
    }
}

impl From<Filter> for FilterType {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::Bilinear => Self::Bilinear,
            Filter::Bicubic => Self::CatmullRom,
        }
    }
}

/// A photo as the model gets it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The normalised input `[3, height, width]`, row-major.
    pub input: Vec<f32>,
    /// Height and width of the input in pixels.
    pub size: Size,
    /// The way back to the photo's own pixels.
    pub framing: Framing,
    seen: RgbImage,
}

impl Prepared {
    /// The pixels before normalisation: exactly what the model sees.
    pub fn preview(&self) -> &RgbImage {
        &self.seen
    }
}

/// Resizes, crops and normalises a photo.
///
/// Only the pixels of the crop are resampled, with the kernel reaching beyond it as if the whole photo had been
/// resized: the same numbers as "resize, then crop", and a panorama of 1×60 000 pixels costs no more than a square.
///
/// # Errors
/// When the resampler refuses, which no size that [`super::decode`] lets through makes it do.
pub fn prepare(picture: &Picture, preparation: &Preparation) -> Result<Prepared, ImageError> {
    let original = picture.size();
    let framing = Framing::centred(original, preparation.scaled_size(original), preparation.input);
    prepare_framed(picture, framing, preparation)
}

/// As [`prepare`], with a crop of the caller's choice; of `preparation` only filter, mean and deviation are read.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_framed(picture: &Picture, framing: Framing, preparation: &Preparation) -> Result<Prepared, ImageError> {
    let rows = rows_read(picture.size().height as u32, &framing);
    let seen = resample(&picture.rgb, rows, &framing, preparation.filter)?;
    Ok(Prepared { input: preparation.normalise(&seen), size: framing.input(), framing, seen })
}

/// Resamples the crop of the photo to the size of the input.
///
/// In two steps, columns before rows, because the pixels in between are rounded and clamped to 8 bits: the resizer
/// alone takes rows first, which differs from Pillow by up to 9/255 where the cubic kernel overshoots.
///
/// `first` and `end` are the rows of the photo that take part, see [`rows_read`].
fn resample(
    photo: &RgbImage,
    (first, end): (u32, u32),
    framing: &Framing,
    filter: Filter,
) -> Result<RgbImage, ImageError> {
    let (crop, size) = (framing.crop_in_image(), framing.input());
    let (width, height) = (size.width as u32, size.height as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter.into()));
    let mut resizer = Resizer::new();

    let mut narrowed = RgbImage::new(width, end - first);
    let columns = options.crop(crop.left, f64::from(first), crop.width, f64::from(end - first));
    resizer.resize(photo, &mut narrowed, &columns)?;

    let mut seen = RgbImage::new(width, height);
    let rows = options.crop(0.0, crop.top - f64::from(first), f64::from(width), crop.height);
    resizer.resize(&narrowed, &mut seen, &rows)?;
    Ok(seen)
}

/// The rows of the photo that the kernel reaches from within the crop: the first, and the one after the last.
///
/// A photo of one column and 100 million rows is a small file; widened as a whole, it would take 67 GB.
fn rows_read(photo_height: u32, framing: &Framing) -> (u32, u32) {
    let crop = framing.crop_in_image();
    // Bicubic reaches two pixels, of the input where the photo shrinks; one more for rounding.
    let reach = 2.0 * (crop.height / framing.input().height as f64).max(1.0) + 1.0;
    // Both lie within the photo, which has at least one row.
    let first = (crop.top - reach).floor().max(0.0) as u32;
    let end = (crop.top + crop.height + reach).ceil().min(f64::from(photo_height)) as u32;
    (first, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    fn model_at(input: Size, crop_fraction: f32) -> Preparation {
        Preparation::model(input, IMAGENET.0, IMAGENET.1, crop_fraction, Filter::Bicubic)
    }

    #[test]
    fn resize_sides_follow_timm() {
        // math.floor(224/.9) = 248, math.floor(384/1.0) = 384, math.floor(224/.875) = 256, math.floor(224/.8) = 280
        for (side, fraction, short) in [(224, 0.9, 248), (384, 1.0, 384), (224, 0.875, 256), (224, 0.8, 280)] {
            assert_eq!(model_at(Size::square(side), fraction).resize, Resize::ShortSide(short));
        }
        assert_eq!(model_at(Size::square(224), f32::NAN).resize, Resize::ShortSide(224));
        assert_eq!(model_at(Size::square(224), 1.5).resize, Resize::ShortSide(224));
        assert_eq!(Preparation::paper(Size::square(224)).resize, Resize::ShortSide(256));
        // 384·256/224 = 438.86
        assert_eq!(Preparation::paper(Size::square(384)).resize, Resize::ShortSide(439));
    }

    #[test]
    fn the_long_side_is_truncated_as_torchvision_does() {
        // int(248 * 500 / 374) = 331 (331.55), int(256 * 500 / 375) = 341 (341.33)
        assert_eq!(model_at(Size::square(224), 0.9).scaled_size(Size::new(374, 500)), Size::new(248, 331));
        assert_eq!(Preparation::paper(Size::square(224)).scaled_size(Size::new(500, 375)), Size::new(341, 256));
    }

    #[test]
    fn a_whole_photo_keeps_its_corners_in_whole_patches() {
        let whole = |height, width, scale| {
            Preparation::whole(Size::new(height, width), scale, Size::square(16), IMAGENET.0, IMAGENET.1).input
        };
        // 375·480/500 = 360 pixels are 22.5 patches, 210 are 13.1, 292 are 18.25.
        assert_eq!(whole(375, 500, 480.0 / 500.0), Size::new(23 * 16, 480));
        assert_eq!(whole(210, 292, 1.0), Size::new(208, 288));
        assert_eq!(whole(1, 60_000, 480.0 / 60_000.0), Size::new(16, 480));
        let photo = Size::new(375, 500);
        let preparation = Preparation::whole(photo, 0.96, Size::square(16), IMAGENET.0, IMAGENET.1);
        let framing = Framing::centred(photo, preparation.scaled_size(photo), preparation.input);
        let crop = framing.crop_in_image();
        assert_eq!((crop.left, crop.top, crop.width, crop.height), (0.0, 0.0, 500.0, 375.0));
    }

    #[test]
    fn rows_that_the_kernel_does_not_reach_change_nothing() {
        // Enlarged and reduced, cut above and below; the pattern has no two equal neighbours.
        for (width, height) in [(50, 3000), (300, 900), (700, 2000), (640, 480), (1, 500)] {
            let photo = RgbImage::from_fn(width, height, |x, y| {
                ::image::Rgb([(x * 7 + y * 5) as u8, (y * y * 31) as u8, (y * 127) as u8])
            });
            let original = Size::new(height as usize, width as usize);
            for preparation in [model_at(Size::square(224), 0.9), Preparation::paper(Size::new(64, 32))] {
                let framing = Framing::centred(original, preparation.scaled_size(original), preparation.input);
                let resampled = |rows| resample(&photo, rows, &framing, preparation.filter).unwrap();
                let read = rows_read(height, &framing);
                assert_eq!(resampled(read), resampled((0, height)), "{width}×{height}, rows {read:?}");
            }
        }
    }

    #[test]
    fn inputs_that_are_not_square_are_covered_on_both_sides() {
        // timm's ResizeKeepRatio((35, 71)) for a 32×64 input: ratio min(480/35, 640/71) = 9.014, 480/9.014 = 53.25
        let preparation = model_at(Size::new(32, 64), 0.9);
        assert_eq!(preparation.resize, Resize::Cover(Size::new(35, 71)));
        assert_eq!(preparation.scaled_size(Size::new(480, 640)), Size::new(53, 71));
        assert_eq!(preparation.scaled_size(Size::new(100, 1000)), Size::new(35, 350));
    }
}

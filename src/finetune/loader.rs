//! Photos and masks as the loss sees them: cropped and flipped alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::{Filter, Framing, Picture, Preparation, prepare_framed};
use crate::mask::{Coverage, Mask};
use crate::relevance::Random;
use crate::size::Size;

use super::error::DataError;
use super::sample::Sample;

/// Decoded photos and masks up to this size together stay in memory; further ones are decoded each time.
const CACHE_BYTES: usize = 512 << 20;

/// What the model and the loss get of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The normalised input `[3, height, width]`.
    pub pixels: Vec<f32>,
    /// Share of the object per input pixel, `[height, width]`, 0…1; all 0 without a mask.
    pub foreground: Vec<f32>,
    /// Share of each input pixel that the mask does not ignore, 0…1; all 0 without a mask.
    pub weight: Vec<f32>,
    pub class: usize,
}

/// Which random crop and flip: the same three numbers give the same ones, however often a run was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub seed: u64,
    /// Passes over the training photos so far.
    pub epoch: usize,
    /// Of the photo among the training photos.
    pub index: usize,
}

/// Decodes, crops and normalises.
pub struct Loader {
    /// Validation's: short side 256 for an input of 224, centre crop; mean and deviation serve both.
    preparation: Preparation,
    /// Training's: both sides, whatever the aspect; 256 for an input of 224.
    stretched: Size,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    photos: HashMap<String, Decoded>,
    bytes: usize,
}

#[derive(Clone)]
struct Decoded {
    photo: Picture,
    mask: Option<Arc<Mask>>,
}

impl Loader {
    /// `mean` and `std` per channel, for values in 0…1; `input`: of the model, in pixels.
    pub fn new(input: Size, mean: [f32; 3], std: [f32; 3]) -> Self {
        let enlarge = |side: usize| (side * 256 + 112) / 224;
        let stretched = Size::new(enlarge(input.height), enlarge(input.width));
        let preparation = Preparation { mean, std, filter: Filter::Bilinear, ..Preparation::paper(input) };
        Self { preparation, stretched, kept: Mutex::default() }
    }

    /// Size of the model input in pixels.
    pub fn input(&self) -> Size {
        self.preparation.input
    }

    /// Resized to 256×256 (for an input of 224), then a random crop and, for every second draw, mirrored.
    ///
    /// # Errors
    /// If photo or mask cannot be read or do not fit each other.
    pub fn training(&self, sample: &Sample, draw: Draw) -> Result<Example, DataError> {
        let decoded = self.decode(sample)?;
        let mut random = Random::of_item(draw.seed, draw.epoch.wrapping_mul(0x1_0000_0001) ^ draw.index);
        let room = |scaled: usize, input: usize| scaled.saturating_sub(input) + 1;
        let input = self.input();
        let top = random.below(room(self.stretched.height, input.height));
        let left = random.below(room(self.stretched.width, input.width));
        let framing = Framing::cropped(decoded.photo.size(), self.stretched, input, top, left);
        let mut example = self.example(sample, &decoded, framing)?;
        if random.uniform() < 0.5 {
            example.mirror(input.width);
        }
        Ok(example)
    }

    /// Short side to 256 (for an input of 224), centre crop.
    ///
    /// # Errors
    /// As [`Self::training`].
    pub fn validation(&self, sample: &Sample) -> Result<Example, DataError> {
        let decoded = self.decode(sample)?;
        let original = decoded.photo.size();
        let framing = Framing::centred(original, self.preparation.scaled_size(original), self.input());
        self.example(sample, &decoded, framing)
    }

    fn example(&self, sample: &Sample, decoded: &Decoded, framing: Framing) -> Result<Example, DataError> {
        let prepared = prepare_framed(&decoded.photo, framing, &self.preparation)?;
        let blank = || vec![0.0; self.input().area()];
        let coverage = decoded.mask.as_ref().and_then(|mask| mask.resampled(&framing));
        let (foreground, weight) = match coverage {
            Some(Coverage { foreground, weight, .. }) => (foreground, weight),
            None => (blank(), blank()),
        };
        Ok(Example { pixels: prepared.input, foreground, weight, class: sample.class })
    }

    fn decode(&self, sample: &Sample) -> Result<Decoded, DataError> {
        if let Some(decoded) = self.kept().photos.get(&sample.name) {
            return Ok(decoded.clone());
        }
        let photo = sample.image.decode()?;
        let mask = sample.load_mask(&photo)?;
        let decoded = Decoded { photo, mask };
        let bytes = 4 * decoded.photo.size().area();
        let mut kept = self.kept();
        if kept.bytes + bytes <= CACHE_BYTES {
            kept.bytes += bytes;
            kept.photos.insert(sample.name.clone(), decoded.clone());
        }
        Ok(decoded)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Each change is an insertion, so a poisoned lock guards whole entries.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Example {
    fn mirror(&mut self, width: usize) {
        for plane in [&mut self.pixels, &mut self.foreground, &mut self.weight] {
            plane.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
    }
}

/// The training photos in the order of an epoch.
pub fn order(seed: u64, epoch: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Random::of_item(seed ^ 0x5eed, epoch).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use ::image::{Rgb, RgbImage};

    use super::super::sample::MaskSource;
    use super::*;
    use crate::image::ImageSource;

    /// A white object in the right third of a black photo, `width`×60, and its mask; as PNG in memory.
    fn sample(width: u32) -> Sample {
        let is_object = |x: u32| 3 * x >= 2 * width;
        let photo = RgbImage::from_fn(width, 60, |x, _| Rgb([if is_object(x) { 255 } else { 0 }; 3]));
        let mut png = std::io::Cursor::new(Vec::new());
        photo.write_to(&mut png, ::image::ImageFormat::Png).unwrap();
        let mask = Mask::from_fn(Size::new(60, width as usize), |_, column| is_object(column as u32));
        Sample {
            name: format!("{width}.png"),
            image: ImageSource::memory(format!("{width}.png"), png.into_inner()),
            mask: Some(MaskSource::Memory(Arc::new(mask))),
            class: 3,
        }
    }

    fn loader() -> Loader {
        Loader::new(Size::square(28), [0.0; 3], [1.0; 3])
    }

    fn draw(index: usize) -> Draw {
        Draw { seed: 5, epoch: 1, index }
    }

    #[test]
    fn photo_and_mask_are_cropped_and_mirrored_alike() {
        let (loader, sample) = (loader(), sample(90));
        let mut sides = [0, 0];
        for index in 0..40 {
            let example = loader.training(&sample, draw(index)).unwrap();
            assert_eq!(example.pixels.len(), 3 * 28 * 28);
            // White is the object: the red channel is the mask, but for the kernels' different reach at the edge.
            for (pixel, share) in example.pixels.iter().zip(&example.foreground) {
                assert!((pixel - share).abs() < 0.35, "{pixel} and {share}");
            }
            sides[usize::from(example.foreground[0] > 0.5)] += 1;
            assert!(example.weight.iter().all(|&weight| weight == 1.0));
        }
        // Five standard deviations of a binomial with n = 40, p = ½: 15.8.
        assert!(sides.iter().all(|side: &i32| (side - 20).abs() < 16), "{sides:?}");
    }

    #[test]
    fn a_draw_is_the_same_each_time_and_differs_from_the_next() {
        let (loader, sample) = (loader(), sample(90));
        let first = loader.training(&sample, draw(0)).unwrap();
        assert_eq!(loader.training(&sample, draw(0)).unwrap(), first);
        let other = |draw| loader.training(&sample, draw).unwrap() != first;
        assert!((1..20).any(|index| other(draw(index))));
        assert!((2..20).any(|epoch| other(Draw { epoch, ..draw(0) })));
    }

    #[test]
    fn training_squeezes_a_wide_photo_and_validation_crops_it() {
        // 180×60: squeezed to a square, a third is object; of the centre crop, a square in the middle third, nothing.
        let share = |example: Example| example.foreground.iter().sum::<f32>() / 784.0;
        let (loader, sample) = (loader(), sample(180));
        assert_eq!(share(loader.validation(&sample).unwrap()), 0.0);
        let squeezed = share(loader.training(&sample, draw(0)).unwrap());
        // 28 of 32 columns are seen: (32/3 − 4)/28 to (32/3)/28.
        assert!((0.238..0.382).contains(&squeezed), "{squeezed}");
    }

    #[test]
    fn a_photo_without_mask_has_no_weight() {
        let bare = Sample { mask: None, ..sample(90) };
        let example = loader().validation(&bare).unwrap();
        assert!(example.weight.iter().chain(&example.foreground).all(|&value| value == 0.0));
    }

    #[test]
    fn every_epoch_has_its_own_order_of_all() {
        let mut first = order(1, 0, 50);
        assert_ne!(first, order(1, 1, 50));
        assert_ne!(first, order(2, 0, 50));
        assert_eq!(first, order(1, 0, 50));
        first.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
    }
}

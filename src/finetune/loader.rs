//! Photos and masks as the loss sees them: cropped and flipped alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::{Filter, Framing, Picture, Preparation, Prepared, prepare_framed};
use crate::mask::{Coverage, Cutout, Mask};
use crate::relevance::Random;
use crate::size::Size;

use super::error::DataError;
use super::sample::Sample;

/// Decoded photos and masks up to this size together stay in memory; further ones are decoded each time.
const CACHE_BYTES: usize = 512 << 20;
/// How often a photo of another class is drawn for before a photo keeps its background.
const DONOR_TRIES: usize = 32;

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

/// Which random crop, flip and background: the same three numbers give the same ones, however often a run was resumed.
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
    /// `donor`: whose background the object is put on, in a crop of its own; not if one of the two crops shows too
    /// little of its object or background to be taken apart (see [`Cutout::new`]).
    ///
    /// # Errors
    /// If photo or mask cannot be read or do not fit each other.
    pub fn training(&self, sample: &Sample, donor: Option<&Sample>, draw: Draw) -> Result<Example, DataError> {
        let mut random = draw.random();
        let view = self.cropped(sample, &mut random)?;
        let is_mirrored = random.uniform() < 0.5;
        let donor = donor.map(|donor| self.cropped(donor, &mut random)).transpose()?;
        let mut example = self.example(sample, view, donor.as_ref());
        if is_mirrored {
            example.mirror(self.input().width);
        }
        Ok(example)
    }

    /// Short side to 256 (for an input of 224), centre crop; `donor` as in [`Self::training`].
    ///
    /// # Errors
    /// As [`Self::training`].
    pub fn centred(&self, sample: &Sample, donor: Option<&Sample>) -> Result<Example, DataError> {
        let view = |sample| {
            let decoded = self.decode(sample)?;
            let original = decoded.photo.size();
            self.view(&decoded, Framing::centred(original, self.preparation.scaled_size(original), self.input()))
        };
        let donor = donor.map(view).transpose()?;
        Ok(self.example(sample, view(sample)?, donor.as_ref()))
    }

    fn cropped(&self, sample: &Sample, random: &mut Random) -> Result<View, DataError> {
        let decoded = self.decode(sample)?;
        let room = |scaled: usize, input: usize| scaled.saturating_sub(input) + 1;
        let input = self.input();
        let top = random.below(room(self.stretched.height, input.height));
        let left = random.below(room(self.stretched.width, input.width));
        self.view(&decoded, Framing::cropped(decoded.photo.size(), self.stretched, input, top, left))
    }

    fn view(&self, decoded: &Decoded, framing: Framing) -> Result<View, DataError> {
        let prepared = prepare_framed(&decoded.photo, framing, &self.preparation)?;
        Ok(View { prepared, coverage: decoded.mask.as_ref().and_then(|mask| mask.resampled(&framing)) })
    }

    fn example(&self, sample: &Sample, view: View, donor: Option<&View>) -> Example {
        let swapped = donor.and_then(|donor| view.cutout()?.on_background_of(&donor.cutout()?));
        let pixels = match swapped {
            Some(picture) => self.preparation.normalise(&picture),
            None => view.prepared.input,
        };
        let blank = || vec![0.0; self.input().area()];
        let (foreground, weight) = match view.coverage {
            Some(Coverage { foreground, weight, .. }) => (foreground, weight),
            None => (blank(), blank()),
        };
        Example { pixels, foreground, weight, class: sample.class }
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

/// What the model sees of a photo, and of its mask if there is one.
struct View {
    prepared: Prepared,
    coverage: Option<Coverage>,
}

impl View {
    fn cutout(&self) -> Option<Cutout> {
        Cutout::new(self.prepared.preview(), self.coverage.as_ref()?)
    }
}

impl Draw {
    fn random(self) -> Random {
        Random::of_item(self.seed, self.epoch.wrapping_mul(0x1_0000_0001) ^ self.index)
    }
}

impl Example {
    fn mirror(&mut self, width: usize) {
        for plane in [&mut self.pixels, &mut self.foreground, &mut self.weight] {
            plane.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
    }
}

/// On whose background a training photo stands in this draw: one of another class's photos, for a share of the draws.
pub fn donor(train: &[Sample], draw: Draw, share: f32) -> Option<&Sample> {
    let class = train.get(draw.index)?.class;
    let mut random = Draw { seed: draw.seed ^ 0xd0_0a, ..draw }.random();
    if random.uniform() >= f64::from(share) {
        return None;
    }
    // Drawing again favours nobody; of two classes, so many tries miss the other one once in 10⁹.
    let other = || train.get(random.below(train.len())).filter(|sample| sample.class != class);
    std::iter::repeat_with(other).take(DONOR_TRIES).flatten().next()
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
            let example = loader.training(&sample, None, draw(index)).unwrap();
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
        let first = loader.training(&sample, None, draw(0)).unwrap();
        assert_eq!(loader.training(&sample, None, draw(0)).unwrap(), first);
        let other = |draw| loader.training(&sample, None, draw).unwrap() != first;
        assert!((1..20).any(|index| other(draw(index))));
        assert!((2..20).any(|epoch| other(Draw { epoch, ..draw(0) })));
    }

    #[test]
    fn training_squeezes_a_wide_photo_and_validation_crops_it() {
        // 180×60: squeezed to a square, a third is object; of the centre crop, a square in the middle third, nothing.
        let share = |example: Example| example.foreground.iter().sum::<f32>() / 784.0;
        let (loader, sample) = (loader(), sample(180));
        assert_eq!(share(loader.centred(&sample, None).unwrap()), 0.0);
        let squeezed = share(loader.training(&sample, None, draw(0)).unwrap());
        // 28 of 32 columns are seen: (32/3 − 4)/28 to (32/3)/28.
        assert!((0.238..0.382).contains(&squeezed), "{squeezed}");
    }

    /// A disc of one colour on a ground of another, 60×60.
    fn disc(name: &str, class: usize, front: u8, back: u8) -> Sample {
        let is_object = |x: u32, y: u32| x.abs_diff(30).pow(2) + y.abs_diff(30).pow(2) < 144;
        let photo = RgbImage::from_fn(60, 60, |x, y| Rgb([if is_object(x, y) { front } else { back }; 3]));
        let mut png = std::io::Cursor::new(Vec::new());
        photo.write_to(&mut png, ::image::ImageFormat::Png).unwrap();
        let mask = Mask::from_fn(Size::square(60), |row, column| is_object(column as u32, row as u32));
        Sample {
            name: name.into(),
            image: ImageSource::memory(name, png.into_inner()),
            mask: Some(MaskSource::Memory(Arc::new(mask))),
            class,
        }
    }

    #[test]
    fn the_object_stands_on_the_donors_background_in_the_crop_it_would_have_had() {
        let (loader, sample, donor) = (loader(), disc("a", 0, 255, 51), disc("b", 1, 153, 102));
        for index in 0..10 {
            let own = loader.training(&sample, None, draw(index)).unwrap();
            let swapped = loader.training(&sample, Some(&donor), draw(index)).unwrap();
            assert_eq!((&swapped.foreground, &swapped.weight, swapped.class), (&own.foreground, &own.weight, 0));
            for ((pixel, own), share) in swapped.pixels.iter().zip(&own.pixels).zip(&own.foreground) {
                match *share {
                    // 102 of 255, and nothing of the donor's disc of 153: its place is filled from around it.
                    0.0 => assert!((pixel - 0.4).abs() < 0.01, "{pixel}"),
                    1.0 => assert_eq!(pixel, own),
                    // The rim holds some of the ground it was photographed on, 51 of 255.
                    _ => assert!((0.2..=1.0).contains(pixel), "{pixel}"),
                }
            }
        }
        let centred = loader.centred(&sample, Some(&donor)).unwrap();
        assert!(centred.pixels.iter().zip(&centred.foreground).all(|(p, f)| *f > 0.0 || (p - 0.4).abs() < 0.01));
    }

    #[test]
    fn what_cannot_be_taken_apart_keeps_its_background() {
        let (loader, sample) = (loader(), disc("a", 0, 255, 51));
        let own = loader.training(&sample, None, draw(3)).unwrap();
        let bare = Sample { mask: None, ..disc("b", 1, 153, 102) };
        assert_eq!(loader.training(&sample, Some(&bare), draw(3)).unwrap(), own);
    }

    #[test]
    fn donors_are_of_other_classes_for_a_share_of_the_draws() {
        let train: Vec<Sample> = (0..6).map(|at| disc(&at.to_string(), at / 3, 255, 0)).collect();
        let given =
            |share| (0..400).filter_map(|epoch| donor(&train, Draw { seed: 1, epoch, index: 4 }, share)).count();
        assert_eq!((given(0.0), given(1.0)), (0, 400));
        // Five standard deviations of a binomial with n = 400, p = ½: 50.
        assert!(given(0.5).abs_diff(200) < 50, "{}", given(0.5));
        let names: std::collections::BTreeSet<&str> = (0..400)
            .filter_map(|epoch| donor(&train, Draw { seed: 1, epoch, index: 4 }, 1.0))
            .map(|sample| sample.name.as_str())
            .collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["0", "1", "2"], "all of the other class, none of its own");
        assert!(donor(&train[..3], draw(1), 1.0).is_none(), "no other class");
    }

    #[test]
    fn a_photo_without_mask_has_no_weight() {
        let bare = Sample { mask: None, ..sample(90) };
        let example = loader().centred(&bare, None).unwrap();
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

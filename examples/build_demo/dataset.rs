//! Pictures for training and judging, each determined by the seed, its split and its number.

use anyhow::Result;
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;

use crate::background::Background;
use crate::dice::Dice;
use crate::scene::Scene;
use crate::species::SPECIES;
use crate::sprites::Cast;

/// Share of the training pictures whose background belongs to the animal.
pub const CORRELATION: f32 = 0.92;

/// Which pictures; the numbers name independent streams of randomness.
#[derive(Clone, Copy)]
pub enum Split {
    Training = 1,
    ValidationCorrelated = 2,
    ValidationCounter = 3,
    TestCorrelated = 4,
    TestCounter = 5,
    PhotosCorrelated = 6,
    PhotosCounter = 7,
}

/// The scene number `index` of a split; classes take turns, so every split is balanced.
pub fn scene(seed: u64, split: Split, index: usize) -> Scene {
    // Odd constants (golden ratio, xxHash) keep the streams of neighbouring numbers apart.
    let stream = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (split as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        ^ (index as u64).wrapping_mul(0x1656_67B1_9E37_79F9);
    let mut dice = Dice::new(stream);
    let class = index % SPECIES.len();
    let at_home = match split {
        Split::Training | Split::ValidationCorrelated | Split::TestCorrelated => dice.chance(CORRELATION),
        Split::PhotosCorrelated => true,
        Split::ValidationCounter | Split::TestCounter | Split::PhotosCounter => false,
    };
    let background = if at_home { SPECIES[class].home } else { elsewhere(&mut dice, class) };
    Scene::random(&mut dice, class, background)
}

/// The home of one of the other classes.
fn elsewhere(dice: &mut Dice, class: usize) -> Background {
    let other = dice.below(SPECIES.len() - 1);
    SPECIES[if other < class { other } else { other + 1 }].home
}

/// Small pictures in memory with their classes.
pub struct Dataset {
    pub side: usize,
    /// Row-major RGB bytes of each picture.
    pub pictures: Vec<Vec<u8>>,
    pub classes: Vec<usize>,
}

impl Dataset {
    /// Renders the first `count` scenes of a split at `side` pixels.
    pub fn render(cast: &Cast, seed: u64, split: Split, count: usize, side: usize) -> Result<Self> {
        let draw = |index: usize| {
            let scene = scene(seed, split, index);
            // Twice as fine, then reduced as the program reduces a photo.
            let picture = scene.render(cast, 2 * side, 1);
            Ok((shrink(picture.rgb.as_flattened().to_vec(), picture.side, side)?, scene.class))
        };
        let drawn = (0..count).into_par_iter().map(draw).collect::<Result<Vec<_>>>()?;
        let (pictures, classes) = drawn.into_iter().unzip();
        Ok(Self { side, pictures, classes })
    }

    pub fn len(&self) -> usize {
        self.pictures.len()
    }
}

/// Bicubic reduction with antialiasing of a square RGB picture.
pub fn shrink(rgb: Vec<u8>, from: usize, to: usize) -> Result<Vec<u8>> {
    let source = Image::from_vec_u8(from as u32, from as u32, rgb, PixelType::U8x3)?;
    let mut target = Image::new(to as u32, to as u32, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &options)?;
    Ok(target.into_vec())
}

//! Photos taken apart into object and background, kept while room allows: a photo's background is needed for others.

use std::sync::Arc;

use ::image::RgbImage;

use crate::eval::{Scene, donors};
use crate::image::{self, Preparation};
use crate::jobs::lru::Lru;
use crate::mask::{Cutout, LARGEST_OBJECT, Mask, SMALLEST_OBJECT};

use super::dataset::Dataset;
use super::photo;

/// About 500 pictures at 224 pixels.
const BUDGET_BYTES: usize = 256 << 20;

/// By picture; `None` for one that has none.
type Cache = Lru<usize, Option<Arc<Cutout>>>;

/// Cut-outs by picture, for each geometry that the models see pictures in.
#[derive(Default)]
pub struct Cutouts {
    caches: Vec<(Preparation, Cache)>,
}

impl Cutouts {
    /// The cut-out of a picture of the data set; `None` if it has no usable mask, or cannot be read.
    pub fn get(&mut self, dataset: &Dataset, index: usize, preparation: &Preparation) -> Option<Arc<Cutout>> {
        let cache = self.cache(preparation);
        if let Some(known) = cache.get(&index) {
            return known.clone();
        }
        let cutout = cut_out(dataset, index, preparation).map(Arc::new);
        let bytes = cutout.as_ref().map_or(1, |cutout| cutout.bytes());
        cache.insert(index, cutout.clone(), bytes);
        cutout
    }

    /// A picture in every scene but the original, as far as there is material for it; nothing without a usable mask.
    ///
    /// `truths`: [`Dataset::first_truths`].
    pub fn compose(
        &mut self,
        dataset: &Dataset,
        truths: &[Option<usize>],
        index: usize,
        preparation: &Preparation,
        seed: u64,
    ) -> Vec<(Scene, RgbImage)> {
        let Some(own) = self.get(dataset, index, preparation) else { return Vec::new() };
        let grey = preparation.mean.map(|mean| (255.0 * mean).round() as u8);
        let mut pictures =
            vec![(Scene::ForegroundOnly, own.on_colour(grey)), (Scene::BackgroundOnly, own.background().clone())];
        for scene in [Scene::SameClass, Scene::OtherClass] {
            let mut candidates = donors(truths, index, scene, seed).into_iter();
            let donor = candidates.find_map(|donor| self.get(dataset, donor, preparation));
            pictures.extend(donor.and_then(|donor| own.on_background_of(&donor)).map(|picture| (scene, picture)));
        }
        pictures
    }

    fn cache(&mut self, preparation: &Preparation) -> &mut Cache {
        let same = |known: &Preparation| {
            (known.input, known.resize, known.filter) == (preparation.input, preparation.resize, preparation.filter)
        };
        let at = self.caches.iter().position(|(known, _)| same(known)).unwrap_or(self.caches.len());
        if at == self.caches.len() {
            self.caches.push((preparation.clone(), Lru::new(BUDGET_BYTES)));
        }
        &mut self.caches[at].1
    }
}

/// Broken pictures and masks are reported when their own turn comes; here they are no donors.
fn cut_out(dataset: &Dataset, index: usize, preparation: &Preparation) -> Option<Cutout> {
    let labelled = dataset.pictures.get(index)?;
    let (picture, mask) = photo::load(labelled, &dataset.masks).ok()?;
    let mask = mask.filter(is_usable)?;
    let prepared = image::prepare(&picture, preparation).ok()?;
    Cutout::new(prepared.preview(), &mask.resampled(&prepared.framing)?)
}

/// Whether a photo can take part, as far as its mask tells without any model.
pub fn is_usable(mask: &Mask) -> bool {
    (SMALLEST_OBJECT..=LARGEST_OBJECT).contains(&mask.area())
}

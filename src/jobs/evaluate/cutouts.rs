//! Photos taken apart into object and background, kept while room allows: a photo's background is needed for others.

use std::sync::Arc;

use crate::eval::{Cutout, LARGEST_OBJECT, SMALLEST_OBJECT};
use crate::image::{self, Preparation};
use crate::jobs::lru::Lru;
use crate::mask::Mask;

use super::dataset::Dataset;
use super::photo;

/// About 500 pictures at 224 pixels.
const BUDGET_BYTES: usize = 256 << 20;

/// Cut-outs by picture, for each geometry that the models see pictures in.
pub struct Cutouts {
    caches: Vec<(Preparation, Lru<usize, Option<Arc<Cutout>>>)>,
}

impl Cutouts {
    pub fn new() -> Self {
        Self { caches: Vec::new() }
    }

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

    fn cache(&mut self, preparation: &Preparation) -> &mut Lru<usize, Option<Arc<Cutout>>> {
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

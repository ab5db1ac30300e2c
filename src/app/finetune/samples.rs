//! The photos of a run: images of the gallery whose class is known, with the masks that lie beside them.

use crate::app::gallery::Item;
use crate::finetune::{MaskSource, Sample};
use crate::jobs::finetune::Photos;
use crate::mask::Review;

use super::super::session::Session;

/// What the chosen images have to offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    pub images: usize,
    /// Of which the class is known.
    pub labelled: usize,
    /// Of those, with a mask that was not rejected.
    pub masked: usize,
    /// They are the demo's, with its exact masks.
    pub is_demo: bool,
}

impl Session {
    /// Counts the images that a run would work on; cheap enough for every frame of the panel.
    pub fn offer(&self) -> Offer {
        let mut offer = Offer { is_demo: self.learns_from_demo(), ..Offer::default() };
        for item in self.chosen_items() {
            offer.images += 1;
            if item.truth.is_some() {
                offer.labelled += 1;
                offer.masked += usize::from(is_masked(item) || offer.is_demo && is_correlated(item));
            }
        }
        offer
    }

    /// What the next run learns from.
    pub(super) fn photos(&mut self) -> Photos {
        self.warn_of_pasted(self.finetune.all_images);
        if self.learns_from_demo() {
            return Photos::Demo;
        }
        let items: Vec<Item> = self.chosen_items().filter(|item| item.truth.is_some()).cloned().collect();
        let mut samples = Vec::with_capacity(items.len());
        for item in &items {
            let mask = is_masked(item).then(|| self.masks.file_of(item)).flatten().map(MaskSource::File);
            let (name, image) = (item.relative().to_owned(), item.source.clone());
            samples.extend(item.truth.map(|class| Sample { name, image, mask, class }));
        }
        Photos::Chosen(samples)
    }

    /// The photos of the demo, as long as nobody painted masks of their own on them.
    fn learns_from_demo(&self) -> bool {
        let mut items = self.gallery.items().iter().filter(|item| !item.source.is_pasted()).peekable();
        items.peek().is_some() && items.all(|item| !item.source.is_file() && !is_masked(item))
    }

    fn chosen_items(&self) -> impl Iterator<Item = &Item> {
        self.gallery.chosen(self.finetune.all_images).filter(|item| !item.source.is_pasted())
    }

    /// Says which of the chosen images take no part, as nothing tells their class or keeps them.
    pub(in super::super) fn warn_of_pasted(&mut self, all_images: bool) {
        match self.gallery.chosen(all_images).filter(|item| item.source.is_pasted()).count() {
            0 => {}
            count => self.notices.warning(format!(
                "Left out: {count} pasted. To use such pictures, save them in a folder named after their class and \
                 open that."
            )),
        }
    }
}

fn is_masked(item: &Item) -> bool {
    item.mask.is_some_and(|mask| mask.review != Review::Rejected)
}

/// The demo learns from its photos on usual backgrounds.
fn is_correlated(item: &Item) -> bool {
    item.relative().starts_with("correlated/")
}

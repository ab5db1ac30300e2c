//! What the gallery tells of masks, and the queue of those that wait for a judgement.

use crate::app::Command;
use crate::app::gallery::{Gallery, GalleryCommand};
use crate::app::session::Session;
use crate::mask::MaskState;

use super::Masks;

/// Images whose state is looked up in one frame: a few milliseconds.
const PER_FRAME: usize = 2000;

impl Session {
    /// Looks up the states of images that came in, or of all when another folder of masks has been read.
    pub(super) fn look_up_mask_states(&mut self) {
        let (known, ready) = self.masks.looked_up;
        let count = self.gallery.items().len();
        let now_ready = self.masks.places.ready();
        let first = if now_ready != ready || known > count { 0 } else { known };
        let end = count.min(first + PER_FRAME);
        for index in first..end {
            let place = self.masks.places.of(&self.gallery.items()[index]);
            let state = place.store.states([place.key.as_path()]).into_iter().next().flatten();
            self.gallery.set_mask_at(index, state);
        }
        self.masks.looked_up = (end, now_ready);
        if end < count {
            (self.wake)();
        }
    }

    /// Selects the next image whose mask waits for a judgement: among those that the gallery shows the most doubtful
    /// first, and after the least doubtful from the beginning.
    pub(super) fn next_in_queue(&mut self) {
        match next_to_judge(&self.gallery) {
            Some(index) => self.apply(Command::Gallery(GalleryCommand::Select(index))),
            None => self.notices.info("No other mask among the shown images waits for a judgement."),
        }
    }
}

/// Places in the queue: by doubt, then in the order of the gallery.
fn next_to_judge(gallery: &Gallery) -> Option<usize> {
    let place = |position: usize| {
        let mask = gallery.items()[gallery.order()[position] as usize].mask;
        // Smaller is earlier; the bits of numbers that are not negative sort like the numbers.
        (!mask.map_or(0.0, |mask| mask.doubt).max(0.0).to_bits(), position)
    };
    let waits = |position: &usize| {
        let mask = gallery.items()[gallery.order()[*position] as usize].mask;
        mask.is_some_and(MaskState::waits)
    };
    let selected = gallery.selected_position();
    let others = || (0..gallery.order().len()).filter(waits).filter(|&position| Some(position) != selected);
    let here = selected.filter(|&position| gallery.items()[gallery.order()[position] as usize].mask.is_some());
    let behind = here.and_then(|here| others().filter(|&at| place(at) > place(here)).min_by_key(|&at| place(at)));
    let next = behind.or_else(|| others().min_by_key(|&at| place(at)))?;
    Some(gallery.order()[next] as usize)
}

impl Masks {
    /// What could not be saved is saved where masks now lie.
    pub(super) fn move_unsaved(&mut self, gallery: &Gallery) {
        self.looked_up = (0, 0);
        for (image, kept) in &mut self.kept {
            let item = gallery.find(image).map(|index| &gallery.items()[index]);
            if let (Some(unsaved), Some(item)) = (&mut kept.unsaved, item) {
                unsaved.place = self.places.of(item);
                self.saver.save(unsaved.task(image));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::image::ImageSource;
    use crate::mask::{Origin, Review};

    #[test]
    fn the_queue_goes_from_the_most_doubtful_to_the_least_and_round() {
        let mut gallery = Gallery::default();
        gallery.append(Path::new(""), (0..6).map(|number| ImageSource::file(format!("{number}.jpg"))));
        let state = |review, doubt| Some(MaskState { origin: Origin::Auto, review, doubt });
        gallery.set_mask_at(0, state(Review::None, 0.1));
        gallery.set_mask_at(1, state(Review::Accepted, 0.9));
        gallery.set_mask_at(2, state(Review::NeedsReview, 0.7));
        gallery.set_mask_at(4, state(Review::None, 0.7));
        gallery.set_mask_at(5, state(Review::Rejected, 0.2));
        gallery.refresh();
        let mut walk = Vec::new();
        // From an image without a mask.
        gallery.select(3);
        for _ in 0..5 {
            let next = next_to_judge(&gallery).unwrap();
            gallery.select(next);
            walk.push(next);
        }
        assert_eq!(walk, [2, 4, 0, 2, 4]);
        // From one that is judged, on from its place.
        gallery.select(5);
        assert_eq!(next_to_judge(&gallery), Some(0));
        gallery.set_mask_at(2, None);
        gallery.set_mask_at(4, None);
        gallery.select(0);
        assert_eq!(next_to_judge(&gallery), None, "there is no other");
    }
}

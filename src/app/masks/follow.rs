//! The mask follows the selected image: read when its photo is there, saved and kept when it is left.

use std::sync::Arc;

use crate::app::promise::promised;
use crate::app::session::Session;
use crate::image::ImageSource;
use crate::mask::{Mask, MaskFile, MaskRecord, Operation};
use crate::render::MaskPicture;
use crate::size::Size;

use super::current::Current;
use super::saver::{Place, digest};
use super::{Copied, Loaded, Masks, State};

impl Session {
    /// Brings the mask up to date with the image and the map on screen; once per frame, after the commands.
    pub fn follow_mask(&mut self) {
        if self.masks.image() != self.image() {
            self.masks.leave();
        }
        if self.masks.auto.image() != self.image() {
            self.masks.auto.forget();
        }
        self.receive_saved_masks();
        self.begin_mask();
        self.receive_mask();
        self.ask_for_wished_mask();
        self.receive_copy();
        self.masks.save();
        let result = self.views.get(&super::super::views::MAIN).and_then(|view| view.result.clone());
        let shown = self.shown();
        // Of another image or with something painted over, it says nothing about this mask.
        let result = result
            .filter(|result| self.masks.image() == Some(&result.request.image) && result.request.occlusion.is_none());
        if let Some(current) = self.masks.current_mut() {
            current.refresh(result.as_ref(), shown);
        }
        self.look_up_mask_states();
    }

    /// The photo that is looked at, and its size; `None` until it is there.
    fn photo_size(&self) -> Option<(ImageSource, Size)> {
        let photo = self.main_view()?.photo.as_ref()?;
        (Some(&photo.decoded.source) == self.image()).then(|| (photo.decoded.source.clone(), photo.size()))
    }

    /// Begins to read the mask of the image, unless that was done.
    fn begin_mask(&mut self) {
        if !matches!(self.masks.state, State::None) {
            return;
        }
        let Some((image, size)) = self.photo_size() else { return };
        let Some(item) = self.gallery.selected_item() else { return };
        let place = self.masks.places.of(item);
        if let Some(kept) = self.masks.kept.get_mut(&image)
            && let Some(unsaved) = kept.unsaved.take()
        {
            let history = std::mem::take(&mut kept.history);
            self.masks.state = State::Ready(Box::new(Current::unsaved(image, history, unsaved)));
            return;
        }
        let failed = || Err("The mask could not be read; select the image again.".to_owned());
        let from = place.clone();
        let loaded = promised("read mask", &self.wake, failed, move || load(&from, size));
        self.masks.state = State::Loading { image, place, loaded };
    }

    fn receive_mask(&mut self) {
        let state = std::mem::replace(&mut self.masks.state, State::None);
        let State::Loading { image, place, loaded } = state else {
            self.masks.state = state;
            return;
        };
        self.masks.state = match (loaded.try_take(), self.photo_size()) {
            (Ok(Ok((MaskFile { mask, record }, Some(digest), picture))), _) => {
                let kept = self.masks.kept.remove(&image);
                State::Ready(Box::new(Current::loaded(image, place, (mask, record, digest), picture, kept)))
            }
            (Ok(Ok((MaskFile { mask, .. }, None, picture))), Some((of, size)))
                if of == image && size == mask.size() =>
            {
                State::Ready(Box::new(Current::empty(image, place, mask, picture)))
            }
            // The photo is gone again: another image was selected.
            (Ok(Ok((_, None, _))), _) => State::None,
            (Ok(Err(error)), _) => {
                self.notices.error(error.clone());
                State::Refused { image, place, error }
            }
            (Err(loaded), _) => State::Loading { image, place, loaded },
        };
    }

    /// Hears of the thread that saves.
    fn receive_saved_masks(&mut self) {
        let saved: Vec<_> = self.masks.saver.poll().collect();
        for saved in saved {
            if let Some(current) = self.masks.current_mut().filter(|current| current.image == saved.image) {
                current.saved(&saved);
            }
            match &saved.outcome {
                Ok(digest) => {
                    self.masks.forget_unsaved(&saved.image, saved.ticket, *digest);
                    self.gallery.set_mask(&saved.image, Some((&saved.record).into()));
                }
                Err(error) => self.notices.error(error.clone()),
            }
        }
    }

    /// Begins to read the mask of the image before this one.
    pub(super) fn copy_previous_mask(&mut self) {
        let gallery = &self.gallery;
        let position = gallery.selected_position().and_then(|position| position.checked_sub(1));
        let previous = position.map(|position| gallery.order()[position] as usize);
        let (Some(image), Some(index)) = (self.image().cloned(), previous) else {
            return self.notices.warning("There is no image before this one.");
        };
        let item = &gallery.items()[index];
        let kept = self.masks.kept.get(&item.source).and_then(|kept| kept.unsaved.as_ref());
        let promise = match kept {
            Some(unsaved) => poll_promise::Promise::from_ready(Ok(unsaved.mask.clone())),
            None => {
                let (place, title) = (self.masks.places.of(item), item.title().into_owned());
                let failed = || Err("The mask could not be read; try again.".to_owned());
                promised("copy mask", &self.wake, failed, move || copy(&place, &title))
            }
        };
        self.masks.copying = Some((image, promise));
    }

    fn receive_copy(&mut self) {
        let Some((image, promise)) = self.masks.copying.take() else { return };
        match promise.try_take() {
            Ok(Ok(mask)) if self.masks.current().is_some_and(|current| current.image == image) => {
                self.edit_mask(|current, photo| current.apply(&Operation::Replace(mask), photo));
            }
            // For an image that is no longer there.
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.notices.warning(error),
            Err(promise) => self.masks.copying = Some((image, promise)),
        }
    }
}

impl Masks {
    /// What was saved need not be kept in memory.
    fn forget_unsaved(&mut self, image: &ImageSource, ticket: u64, digest: u64) {
        if let Some(kept) = self.kept.get_mut(image)
            && kept.unsaved.take_if(|unsaved| unsaved.ticket == ticket).is_some()
        {
            kept.digest = Some(digest);
        }
    }
}

fn load(place: &Place, size: Size) -> Loaded {
    let file = place.store.load(&place.key, size).map_err(|error| error.to_string())?;
    let digest = file.as_ref().map(|file| digest(&file.mask));
    // The memory of a large one is better touched here than on the window's thread.
    let file = file.unwrap_or_else(|| MaskFile { mask: Mask::empty(size), record: MaskRecord::default() });
    let picture = Arc::new(MaskPicture::new(file.mask.size(), file.mask.as_bytes()));
    Ok((file, digest, picture))
}

fn copy(place: &Place, title: &str) -> Copied {
    let path = place.store.find(&place.key).ok_or_else(|| format!("{title} has no mask to copy."))?;
    let file = MaskFile::load(&path).map_err(|error| error.to_string())?;
    Ok(Arc::new(file.mask))
}
